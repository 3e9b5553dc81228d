"""Predicted against realised cost: against scipy's regression, the sandwich formula in plain Python, and simulated studies."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from exec_algos.errors import UsageError
from exec_algos.stats.statistics import clustered_mean
from exec_algos.tca.calibration import calibrate, coverage


def by_hand(x, y, w, day):
    """Weighted least squares with CR1 errors, matrices written out."""
    design = np.column_stack([np.ones(len(x)), x])
    bread = np.linalg.inv(design.T @ np.diag(w) @ design)
    beta = bread @ design.T @ (w * y)
    meat, n, groups = np.zeros((2, 2)), len(x), len(set(day))
    for one in set(day):
        score = sum(w[i] * (y[i] - design[i] @ beta) * design[i] for i in range(n) if day[i] == one)
        meat += np.outer(score, score)
    variances = np.diag(bread @ meat @ bread) * groups / (groups - 1) * (n - 1) / (n - 2)
    return beta, np.sqrt(np.maximum(variances, 0.0))  # 0 may come out a rounding below it


rows = st.lists(st.tuples(st.integers(-50, 50), st.floats(-50, 50), st.floats(0.5, 10), st.integers(0, 5)), min_size=4, max_size=25)


@given(rows)
@example([(0, 0.0, 1.0, 0), (0, 0.0, 1.0, 0), (1, 0.0, 1.0, 2), (1, 1.0, 4.0, 1)])
@example([(0, 0.0, 1.0, 0), (0, 0.0, 1.0, 0), (1, 0.0, 3.0, 2), (1, 1.0, 2.0, 1)])
@settings(deadline=None, max_examples=80)
def test_slope_intercept_and_errors_are_those_of_the_matrices_written_out(drawn):
    x, y, w, day = (np.array(column, dtype=float) for column in zip(*drawn, strict=True))
    found = calibrate(x, y, day, w)
    if len(set(x)) == 1 or len(set(day)) < 3:
        assert math.isnan(found.slope.value)
        assert found.warning
        return
    beta, errors = by_hand(x, y, w, day)
    assert (found.intercept.value, found.slope.value) == pytest.approx(tuple(beta), abs=1e-6)
    assert (found.intercept.standard_error, found.slope.standard_error) == pytest.approx(tuple(errors), abs=1e-6)


def test_the_line_is_scipys():
    draw = np.random.default_rng(1)
    x = draw.uniform(1, 20, 60)
    y = 2 + 0.7 * x + draw.normal(0, 3, 60)
    found, answer = calibrate(x, y, np.arange(60)), stats.linregress(x, y)
    assert (found.slope.value, found.intercept.value, found.r_squared) == pytest.approx((answer.slope, answer.intercept, answer.rvalue**2))
    reach = stats.t.ppf(0.975, 59) * found.slope.standard_error
    assert (found.slope.low, found.slope.high) == pytest.approx((answer.slope - reach, answer.slope + reach))
    assert found.t == pytest.approx((answer.slope - 1) / found.slope.standard_error)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.t), 59))


def test_the_bias_is_the_clustered_mean_of_what_was_not_predicted():
    x, y, day, w = np.array([1.0, 2.0, 4.0, 3.0]), np.array([2.0, 2.0, 7.0, 5.0]), ["a", "a", "b", "c"], np.array([1.0, 2.0, 1.0, 4.0])
    assert calibrate(x, y, day, w, 0.9).bias == clustered_mean(y - x, day, w, 0.9)


def test_confidence_widens_the_interval_and_weights_move_the_line():
    x, y, day = np.array([1.0, 2.0, 4.0, 3.0]), np.array([2.0, 2.0, 7.0, 5.0]), ["a", "a", "b", "c"]
    wide, narrow = (calibrate(x, y, day, confidence=level).slope for level in (0.99, 0.5))
    assert wide.low < narrow.low < narrow.high < wide.high
    assert calibrate(x, y, day, [1, 1, 9, 1]).slope.value != narrow.value


@pytest.mark.parametrize(
    ("x", "day", "said"),
    [
        ([3.0] * 4, "abcd", "all predictions are 3 bps"),
        ([1.0, 2.0, 3.0, 4.0], "aabb", "from 2 clusters"),
        ([1.0, 2.0, math.nan, math.nan], "abcd", "at least 3 orders"),
        ([0.1 + 0.2, 0.3, 0.3, 0.3], "abcd", "all predictions are 0.3 bps"),
    ],
)
def test_a_line_that_is_not_identified_is_a_warning_and_no_number(x, day, said):
    found = calibrate(x, [1.0, 2.0, 3.0, 5.0], list(day))
    assert said in found.warning
    assert all(map(math.isnan, (*found.slope, *found.intercept, found.t, found.p, found.r_squared)))
    assert math.isfinite(found.bias.mean)


def test_a_slope_whose_interval_holds_0_and_1_is_a_warning():
    draw = np.random.default_rng(1)
    x = draw.uniform(4.9, 5.1, 40)
    found = calibrate(x, x + draw.normal(0, 30, 40), np.arange(40))
    assert "holds both 0 and 1" in found.warning
    assert math.isfinite(found.slope.value)


def test_few_clusters_are_a_warning_and_many_orders_of_all_sizes_are_none():
    draw = np.random.default_rng(2)
    x = draw.uniform(1, 30, 400)
    y = x + draw.normal(0, 3, 400)
    assert "5 clusters are few" in calibrate(x, y, np.arange(400) % 5).warning
    assert calibrate(x, y, np.arange(400) % 40).warning == ""


def test_orders_without_both_numbers_are_left_out_and_counted():
    found = calibrate([1.0, math.nan, 2.0, 3.0, 5.0], [1.0, 9.0, math.nan, 3.0, 4.0], list("abcde"))
    assert (found.n, found.left_out, found.clusters) == (3, 2, 3)


def test_a_prediction_that_comes_true_to_the_digit_has_no_test():
    found = calibrate([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], list("abc"))
    assert (found.slope.value, found.intercept.value, found.r_squared) == pytest.approx((1, 0, 1))
    assert math.isnan(found.p)


def test_realised_costs_that_are_all_the_same_have_no_variance_to_explain():
    found = calibrate([1.0, 2.0, 4.0], [3.0, 3.0, 3.0], list("abc"))
    assert found.slope.value == pytest.approx(0, abs=1e-12)
    assert math.isnan(found.t)
    assert math.isnan(found.r_squared)


def test_coverage_is_the_share_inside_with_its_error():
    found = coverage([0, 0, 0, math.nan], [2, 2, 2, 2], [1.0, 2.0, 2.5, 1.0], list("aabc"))
    assert (found.mean, found.n, found.left_out, found.clusters) == (pytest.approx(2 / 3), 3, 1, 2)
    assert found[:4] == pytest.approx(clustered_mean([1.0, 1.0, 0.0], list("aab"))[:4])
    narrow = coverage([0] * 4, [2] * 4, [1.0, 2.0, 2.5, 1.0], list("aabc"), confidence=0.5)
    assert narrow.high - narrow.low < found.high - found.low


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: calibrate([1.0], [1.0, 2.0], ["a"]), "the same orders, got 1 and 2"),
        (lambda: calibrate([1.0], [math.inf], ["a"]), "row 0"),
        (lambda: calibrate([1.0], [1.0], ["a"], confidence=2), "confidence"),
        (lambda: coverage([1.0], [2.0], [1.0, 2.0], ["a"]), "the same orders, got 1, 1 and 2"),
        (lambda: coverage([3.0], [2.0], [1.0], ["a"]), "row 0 is 3.0 to 2.0"),
    ],
)
def test_columns_that_do_not_fit_are_refused(call, said):
    with pytest.raises(UsageError, match=said):
        call()


@pytest.mark.slow
def test_the_interval_of_the_slope_covers_it_in_95_of_100_studies():
    draw, day = np.random.default_rng(3), np.repeat(np.arange(40), 5)
    inside = []
    for _ in range(1_500):
        x = draw.uniform(1, 20, 200)
        y = 1 + 0.8 * x + np.repeat(draw.normal(0, 5, 40), 5) + draw.normal(0, 5, 200)
        slope = calibrate(x, y, day).slope
        inside.append(slope.low <= 0.8 <= slope.high)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)
