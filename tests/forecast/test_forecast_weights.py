"""Weights of a VWAP order: equations 40 and 41 against published answers and by hand."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exec_algos.errors import UsageError
from exec_algos.forecast import dynamic_weights, next_weight, static_weights, tracking_error


@pytest.fixture(scope="module")
def published(vectors):
    found = vectors("vwap_schedule.json")["dynamic_eq41"]
    table = [[nan if value is None else value for value in row] for row in found["forecasts_made_before_bin_i"]]
    return np.array(table), found


def test_published_dynamic_weights_are_met(published):
    table, answers = published
    weights = dynamic_weights(table)
    np.testing.assert_allclose(weights, answers["weights"], rtol=1e-14)
    assert weights.sum() == pytest.approx(answers["sum"])


def test_published_static_weights_are_met(published):
    table, answers = published
    np.testing.assert_allclose(static_weights(table[0]), answers["static_weights_eq40_from_row0"], rtol=1e-14)


def test_published_tracking_error_is_met(published):
    table, answers = published
    made = tracking_error(dynamic_weights(table), answers["actual_volume"], answers["price"])
    assert made == pytest.approx(answers["tracking_error_bps"], rel=1e-10)


def test_the_last_bin_takes_what_is_left():
    assert next_weight([7.0]) == 1.0
    assert dynamic_weights([[5.0]]).tolist() == [1.0]


@given(st.lists(st.floats(1e-3, 1e9), min_size=1, max_size=30))
def test_forecasts_that_are_not_revised_give_the_static_weights(forecast):
    same = np.tile(forecast, (len(forecast), 1))
    np.testing.assert_allclose(dynamic_weights(same), static_weights(forecast), rtol=1e-6, atol=1e-12)


@given(st.integers(1, 12), st.integers(0, 1000))
def test_weights_are_never_negative_and_sum_to_one(bins, seed):
    weights = dynamic_weights(np.random.default_rng(seed).lognormal(0.0, 2.0, (bins, bins)))
    assert weights.min() >= -1e-15
    assert weights.sum() == pytest.approx(1.0)


def test_perfect_weights_have_no_tracking_error_and_need_no_price_where_nothing_trades():
    volumes, prices = [300.0, 0.0, 100.0], [10.0, nan, 11.0]
    assert tracking_error(static_weights(volumes), volumes, prices) == pytest.approx(0.0, abs=1e-9)
    assert tracking_error([0.0, 0.0, 1.0], volumes, prices) == pytest.approx((11.0 / 10.25 - 1.0) * 1e4)


@pytest.mark.parametrize("forecast", [[0.0, 0.0], [1.0, -1.0], [1.0, nan], [1.0, inf], []], ids=str)
def test_forecasts_that_weigh_nothing_are_refused(forecast):
    with pytest.raises(UsageError, match="forecast volumes"):
        static_weights(forecast)


def test_tables_that_are_not_square_are_refused():
    with pytest.raises(UsageError, match="one row for each bin"):
        dynamic_weights([[1.0, 2.0]])


def test_a_session_without_volume_has_no_tracking_error():
    with pytest.raises(UsageError, match="nothing traded"):
        tracking_error([1.0], [0.0], [10.0])


def test_a_bin_with_weight_needs_a_price():
    with pytest.raises(UsageError, match="bin 1 has no price"):
        tracking_error([0.5, 0.5], [10.0, 0.0], [10.0, nan])
