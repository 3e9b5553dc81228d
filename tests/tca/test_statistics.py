"""Means with day-clustered intervals, against published numbers and against statsmodels' formula written out."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from exec_algos.tca.statistics import clustered_mean


def test_estimates_agree_with_the_published_vectors(vectors):
    published = vectors("slippage_statistics.json")
    data = published["data"]
    values, days, notional = (np.array([row[name] for row in data]) for name in ("slip_bps", "day", "notional"))
    equal, weighted = clustered_mean(values, days), clustered_mean(values, days, notional)
    answers = published["estimates"]
    assert (equal.n, equal.clusters) == (12, 5)
    assert equal.mean == pytest.approx(answers["equal"]["mean"])
    assert equal.standard_error == pytest.approx(answers["equal"]["se_cluster_day_CR1"])
    assert weighted.mean == pytest.approx(2.343125)
    assert weighted.standard_error == pytest.approx(1.608618, abs=5e-7)
    assert (equal.low, equal.high) == pytest.approx((-2.274, 7.507), abs=5e-4)


# Liang-Zeger with CR1 on paper: days a (1, 3) and b (8), mean 4; day sums of deviations -4 and 4
def test_two_days_on_paper():
    found = clustered_mean(np.array([1.0, 3.0, 8.0]), np.array(["a", "a", "b"]))
    assert found.mean == 4.0
    assert found.standard_error == pytest.approx(math.sqrt(2 * (16 + 16)) / 3)
    assert found.high - found.mean == pytest.approx(12.706204736 * found.standard_error)  # t with one degree of freedom
    assert found.mean - found.low == pytest.approx(found.high - found.mean)


values = st.lists(st.tuples(st.floats(-50, 50), st.integers(0, 4), st.floats(0.5, 1e6)), min_size=2, max_size=30)


@given(values)
@settings(deadline=None, max_examples=100)
def test_with_every_value_its_own_day_it_is_the_textbook_interval(rows):
    x = np.array([row[0] for row in rows])
    found = clustered_mean(x, np.arange(len(x)))
    assert found.mean == pytest.approx(x.mean(), abs=1e-9)
    assert found.standard_error == pytest.approx(stats.sem(x), abs=1e-9)
    if x.std() > 1e-6:
        assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, len(x) - 1, x.mean(), stats.sem(x)), abs=1e-6)


@given(values)
@settings(deadline=None, max_examples=100)
def test_neither_the_order_of_the_values_nor_the_unit_of_the_weights_matters(rows):
    x, day, w = (np.array(column) for column in zip(*rows, strict=True))
    found, turned = clustered_mean(x, day, w), clustered_mean(x[::-1], day[::-1], 7 * w[::-1])
    assert tuple(turned) == pytest.approx(tuple(found), abs=1e-6, nan_ok=True)


@given(values, st.floats(-100, 100))
@settings(deadline=None, max_examples=100)
def test_a_shift_moves_the_mean_and_leaves_the_error(rows, shift):
    x, day, w = (np.array(column) for column in zip(*rows, strict=True))
    found, shifted = clustered_mean(x, day, w), clustered_mean(x + shift, day, w)
    assert shifted.mean == pytest.approx(found.mean + shift, abs=1e-6)
    assert shifted.standard_error == pytest.approx(found.standard_error, abs=1e-6, nan_ok=True)


def test_weights_count_as_repetitions_in_the_mean():
    weighted = clustered_mean(np.array([1.0, 4.0]), np.array([0, 1]), np.array([2.0, 1.0]))
    assert weighted.mean == clustered_mean(np.array([1.0, 1.0, 4.0]), np.array([0, 0, 1])).mean == 2.0


def test_values_that_are_not_known_are_left_out():
    known = clustered_mean(np.array([1.0, 3.0, 8.0]), np.array(["a", "a", "b"]), np.ones(3))
    holes = clustered_mean(np.array([1.0, math.nan, 3.0, 8.0, math.nan]), np.array(["a", "a", "a", "b", "c"]), np.ones(5))
    assert holes == known


@pytest.mark.parametrize(("x", "days", "n", "clusters"), [([2.0, 4.0], ["a", "a"], 2, 1), ([5.0], ["a"], 1, 1)])
def test_one_day_has_a_mean_and_no_interval(x, days, n, clusters):
    found = clustered_mean(np.array(x), np.array(days))
    assert (found.mean, found.n, found.clusters) == (np.mean(x), n, clusters)
    assert all(map(math.isnan, (found.standard_error, found.low, found.high)))


@pytest.mark.parametrize(("x", "weights"), [([], None), ([math.nan], None), ([1.0], [0.0])])
def test_no_value_has_no_mean(x, weights):
    found = clustered_mean(np.array(x), np.zeros(len(x)), None if weights is None else np.array(weights))
    assert math.isnan(found.mean)


def test_confidence_widens_the_interval():
    x, day = np.array([1.0, 3.0, 8.0, 2.0]), np.array([0, 1, 2, 3])
    widths = [found.high - found.low for found in (clustered_mean(x, day, confidence=level) for level in (0.5, 0.95, 0.99))]
    assert widths == sorted(widths)
    assert widths[1] == pytest.approx(2 * 3.182446305 * stats.sem(x))
