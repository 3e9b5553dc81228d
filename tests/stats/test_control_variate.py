"""Slippage less the market's move: against the published numbers, a regression written out, and simulated studies."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.stats.control import control_variate, signed_move
from exec_algos.stats.paired import paired_difference
from exec_algos.stats.statistics import clustered_mean


# five orders on paper: products of the deviations sum to 220, squares of the control's to 730; 0.9246575 is left of a variance of 17.5
def test_five_orders_on_paper():
    y, c = np.array([5.0, -3.0, 8.0, 1.0, 4.0]), np.array([10.0, -20.0, 15.0, 0.0, 5.0])
    found = control_variate(y, c, range(5), known_mean=None)
    assert found.coefficient == pytest.approx(0.3013698630136986)
    assert found.values == pytest.approx([2.589041095890411, 3.6301369863013697, 4.082191780821918, 1.6027397260273972, 3.095890410958904])
    assert found.values.var(ddof=1) == pytest.approx(0.9246575342465755)
    assert found.correlation**2 == pytest.approx(0.9471624266144812)
    assert found.variance_ratio == pytest.approx(1 - 0.9471624266144812)
    assert found.adjusted.mean == pytest.approx(3.0) == found.raw.mean
    assert "mean stays as it was" in found.adjusted.note
    assert found.adjusted.standard_error == pytest.approx(math.sqrt(0.9246575342465755 / 5))


def test_the_published_vector_is_the_same(vectors):
    published = vectors("slippage_statistics.json")["cuped_small"]
    found = control_variate(published["y"], published["c"], range(5), known_mean=None)
    assert found.coefficient == pytest.approx(published["theta"])
    assert found.values == pytest.approx(published["y_adj"])
    assert found.variance_ratio == pytest.approx(published["var_adj"] / published["var_y"])


# the adjusted mean with a known mean m is the intercept of the regression on c - m, and its error that of the intercept
@given(
    st.lists(st.tuples(st.floats(-50, 50), st.integers(-30, 30), st.floats(0.5, 5), st.integers(0, 5)), min_size=4, max_size=20),
    st.floats(-10, 10),
)
@settings(deadline=None, max_examples=80)
def test_it_is_the_intercept_of_a_regression_with_clustered_errors(rows, m):
    y, c, w, day = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    found = control_variate(y, c, day, w, known_mean=m)
    groups = len(set(day))
    if groups < 3 or len(set(c)) == 1:
        assert found.reason
        assert math.isnan(found.adjusted.mean)
        return
    design = np.column_stack([np.ones(len(y)), c - m])
    bread = np.linalg.inv(design.T @ np.diag(w) @ design)
    beta = bread @ design.T @ (w * y)
    scores = [sum(w[i] * (y[i] - design[i] @ beta) * design[i] for i in range(len(y)) if day[i] == one) for one in set(day)]
    error = math.sqrt((bread @ sum(np.outer(s, s) for s in scores) @ bread)[0, 0] * groups / (groups - 1))
    assert (found.adjusted.mean, found.coefficient) == pytest.approx(tuple(beta), abs=1e-6)
    assert found.adjusted.standard_error == pytest.approx(error, abs=1e-5)


def test_no_theta_makes_the_clustered_error_smaller_than_that_of_the_clusters():
    draw = np.random.default_rng(6)
    day = np.repeat(np.arange(30), 5)
    common = np.repeat(draw.normal(0, 20, 30), 5)
    c = common + draw.normal(0, 30, 150)
    y = 0.9 * common + draw.normal(0, 3, 150)
    by_order, by_cluster = (control_variate(y, c, day, known_mean=None, over=over) for over in ("orders", "clusters"))
    assert by_cluster.adjusted.standard_error < by_order.adjusted.standard_error < by_order.raw.standard_error
    for theta in by_cluster.coefficient + np.linspace(-0.2, 0.2, 9):
        assert clustered_mean(y - theta * c, day).standard_error >= by_cluster.adjusted.standard_error * (1 - 1e-9)


def test_days_that_hold_both_sides_have_no_sum_to_learn_from_and_are_taken_by_order():
    c, day = np.array([10.0, -10.0, 20.0, -20.0, 5.0, -5.0]), np.array([1, 1, 2, 2, 3, 3])
    y = 0.5 * c + np.array([1.0, 2.0, 0.0, 1.0, 3.0, 1.0])
    assert control_variate(y, c, day, over="clusters").coefficient == pytest.approx(control_variate(y, c, day).coefficient)


def test_orders_of_both_sides_keep_their_mean():
    draw = np.random.default_rng(1)
    move = np.repeat(draw.normal(30, 50, 20), 2)  # the market rises: the signed moves still sum to 0
    side = np.tile([1, -1], 20)
    c = signed_move(side, np.full(40, 100.0), 100.0 * (1 + move / 1e4))
    found = control_variate(1.0 + 0.8 * c + draw.normal(0, 1, 40), c, np.repeat(np.arange(20), 2))
    assert c.sum() == pytest.approx(0, abs=1e-8)
    assert found.adjusted.mean == pytest.approx(found.raw.mean, abs=1e-9)
    assert found.adjusted.note == ""


def test_orders_on_one_side_of_a_rising_market_lose_what_the_market_did():
    c = np.array([10.0, 30.0, 20.0, 40.0])
    found = control_variate(2.0 + 0.5 * c, c, range(4))
    assert (found.raw.mean, found.adjusted.mean) == pytest.approx((14.5, 2.0))
    assert control_variate(2.0 + 0.5 * c, c, range(4), known_mean=20.0).adjusted.mean == pytest.approx(12.0)


@pytest.mark.parametrize(
    ("c", "day", "said"),
    [
        ([7.0] * 4, "abcd", "the control is 7 for every order"),
        ([1.0, 2.0, 3.0, 4.0], "aabb", "at least 3 clusters, got 2"),
        ([1.0] * 4, "aaaa", "fewer than two"),
    ],
)
def test_a_control_that_cannot_be_used_takes_nothing_out_and_says_why(c, day, said):
    found = control_variate([1.0, 2.0, 3.0, 5.0], c, list(day))
    assert said in found.reason == found.adjusted.reason
    assert found.raw.mean == 2.75
    assert math.isnan(found.adjusted.mean)
    assert math.isnan(found.variance_ratio)


def test_orders_without_both_numbers_are_left_out_of_both_means():
    found = control_variate([1.0, 2.0, math.nan, 4.0, 5.0], [1.0, math.nan, 2.0, 3.0, 7.0], list("abcde"))
    assert (found.raw.n, found.raw.left_out, found.raw.mean) == (3, 2, pytest.approx(10 / 3))
    assert np.isnan(found.values).tolist() == [False, True, True, False, False]


def test_the_interval_follows_the_confidence():
    asked = [control_variate([1.0, 2.0, 4.0, 5.0], [1.0, 3.0, 2.0, 7.0], list("abcd"), confidence=level).adjusted for level in (0.5, 0.95)]
    assert asked[0].high - asked[0].low < asked[1].high - asked[1].low


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: control_variate([1.0], [1.0, 2.0], ["a"]), UsageError, "the same orders, got 1 and 2"),
        (lambda: control_variate([1.0], [1.0], ["a"], over="days"), UnknownNameError, "clusters"),
        (lambda: control_variate([1.0], [1.0], ["a"], known_mean=math.nan), UsageError, "known_mean"),
        (lambda: signed_move([0], [1.0], [1.0]), UsageError, "side must be"),
        (lambda: signed_move([1], [0.0], [1.0]), UsageError, "above 0"),
    ],
)
def test_what_cannot_be_a_control_is_refused(call, error, said):
    with pytest.raises(error, match=said):
        call()


@pytest.mark.slow
def test_over_many_studies_it_is_unbiased_covers_and_shrinks_by_one_less_the_squared_correlation():
    draw, found = np.random.default_rng(5), []
    for _ in range(1_500):
        c = draw.normal(0, 60, 60)
        found.append(control_variate(1.0 + 0.8 * c + draw.normal(0, 12, 60), c, np.arange(60)))
    means = np.array([one.adjusted.mean for one in found])
    assert means.mean() == pytest.approx(1.0, abs=4 * means.std() / math.sqrt(1_500))
    assert np.mean([one.adjusted.low <= 1.0 <= one.adjusted.high for one in found]) == pytest.approx(0.95, abs=0.02)
    assert means.var() / np.var([one.raw.mean for one in found]) == pytest.approx(1 - 48**2 / (48**2 + 12**2), rel=0.15)


# 400 orders as the published vector makes them: a market move of sd 60, two arms that follow it with noise of sd 12
def test_the_400_published_orders_have_their_errors_alone_in_pairs_and_with_the_control():
    draw = np.random.default_rng(7)
    market, first, second = (np.round(scale * draw.standard_normal(400), 4) for scale in (60, 12, 12))
    a, b, each = 3 + 0.8 * market + first, 2 + 0.76 * market + second, np.arange(400)
    found, pair = control_variate(a, market, each, known_mean=None), paired_difference(a, b, each)
    assert (found.raw.mean, found.raw.standard_error) == pytest.approx((-3.3512715, 2.2647851553996277), rel=1e-5)
    assert (found.coefficient, found.adjusted.standard_error) == pytest.approx((0.7897720369042175, 0.5792313250169501), rel=1e-5)
    assert (found.correlation, found.variance_ratio) == pytest.approx((0.9667414905200363, 0.06541089050709882), rel=1e-5)
    assert (pair.difference.mean, pair.difference.standard_error) == pytest.approx((-0.440553, 0.8398694468070186), rel=1e-4)
    assert (pair.unpaired_error, pair.t) == pytest.approx((3.1523865147452543, -0.5245493828533423), rel=1e-4)
