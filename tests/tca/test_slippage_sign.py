"""Positive is a cost, for buys and for sells."""

import math

import numpy as np
import pytest

from exec_algos.tca.benchmarks import slippage_bps

PUBLISHED = [(1, 100.1, 100.0, 10.0), (-1, 100.1, 100.0, -10.0), (1, 99.9, 100.0, -10.0), (-1, 99.9, 100.0, 10.0), (1, 50.0, 50.0, 0.0)]


@pytest.mark.parametrize(("side", "price", "benchmark", "cost"), [*PUBLISHED, (1, 10.25, 10.2473, 2.6348403969834133)])
def test_slippage_in_bps(side, price, benchmark, cost):
    assert float(slippage_bps(side, price, benchmark)) == pytest.approx(cost, rel=1e-11)


def test_slippage_agrees_with_the_published_vectors(vectors):
    for case in vectors("slippage_sign.json")["cases"]:
        assert float(slippage_bps(case["side"], case["exec"], case["bench"])) == pytest.approx(case["cost_bps"], abs=1e-9)


def test_slippage_of_arrays_is_the_slippage_of_their_elements():
    side, price, benchmark = np.array([1, -1]), np.array([100.1, 99.9]), np.array([100.0, 100.0])
    np.testing.assert_allclose(slippage_bps(side, price, benchmark), [10.0, 10.0])


@pytest.mark.parametrize(("price", "benchmark"), [(math.nan, 100.0), (100.0, math.nan)])
def test_slippage_without_a_price_or_a_benchmark_is_not_estimable(price, benchmark):
    assert math.isnan(float(slippage_bps(1, price, benchmark)))
