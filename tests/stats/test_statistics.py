"""Means with day-clustered intervals, against published numbers and against statsmodels' formula written out."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.stats.clustered import codes
from exec_algos.stats.statistics import clustered_mean, independent_mean, two_way_mean


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
    assert holes == known._replace(left_out=2)


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


def orders_of(published):
    return (np.array([row[name] for row in published["data"]]) for name in ("slip_bps", "day", "symbol", "notional"))


@pytest.mark.parametrize("kind", ["equal", "notional"])
def test_one_way_and_two_way_errors_agree_with_the_published_vectors(vectors, kind):
    published = vectors("slippage_statistics.json")
    x, day, symbol, notional = orders_of(published)
    w, answers = (notional if kind == "notional" else None), published["estimates"][kind]
    assert clustered_mean(x, day, w, correction="CR0").standard_error == pytest.approx(answers["se_cluster_day_CR0"], rel=1e-12)
    assert clustered_mean(x, day, w).standard_error == pytest.approx(answers["se_cluster_day_CR1"], rel=1e-12)
    assert clustered_mean(x, day, w)[2:4] == pytest.approx(answers["ci95_day_CR1_t"], rel=1e-12)
    assert clustered_mean(x, symbol, w, correction="CR0").standard_error == pytest.approx(answers["se_cluster_symbol_CR0"], rel=1e-12)
    both = two_way_mean(x, day, symbol, w, correction="CR0")
    assert both.standard_error == pytest.approx(answers["se_twoway_CGM_CR0"], rel=1e-12)
    assert (both.mean, both.clusters, both.note) == (clustered_mean(x, day, w).mean, 3, "")


def test_orders_taken_as_independent_have_the_textbook_error(vectors):
    published = vectors("slippage_statistics.json")
    x, _, _, notional = orders_of(published)
    answers = published["estimates"]
    assert independent_mean(x).standard_error == pytest.approx(answers["equal"]["se_iid"], rel=1e-12)
    assert independent_mean(x, notional).standard_error * math.sqrt(11 / 12) == pytest.approx(answers["notional"]["se_HC0"], rel=1e-12)


# Cameron-Gelbach-Miller on paper: values 0 and 2 on each of two days in symbols A and B; mean 1, symbol sums -2 and 2, day sums 0 and 0;
# no two values share both. V_symbol = 2 (4 + 4) / 16 = 1, V_day = 0, V_both = 4/3 * 4 / 16 = 1/3; half of t is 12.706204736 wide
def test_the_two_way_variance_is_that_of_day_and_symbol_less_their_crossing():
    found = two_way_mean([0.0, 2.0, 0.0, 2.0], ["d1", "d1", "d2", "d2"], ["A", "B", "A", "B"])
    assert found.standard_error == pytest.approx(math.sqrt(2 / 3))
    assert found.high - found.mean == pytest.approx(12.706204736 * math.sqrt(2 / 3))


# the same with the values crossed: both one-way sums are 0, the crossing is not
def test_a_two_way_variance_below_nothing_is_replaced_and_said():
    x = [0.0, 2.0, 2.0, 0.5]
    found = two_way_mean(x, ["d1", "d1", "d2", "d2"], ["A", "B", "A", "B"])
    one_way = [clustered_mean(x, key).standard_error for key in (["d1", "d1", "d2", "d2"], ["A", "B", "A", "B"])]
    assert found.standard_error == max(one_way) > 0
    assert "-0.2" in found.note
    assert "larger one-way variance" in found.note


def test_two_way_errors_of_one_key_twice_are_those_of_the_key():
    x, day = [1.0, 3.0, 8.0, 4.0], [1, 1, 2, 3]
    assert tuple(two_way_mean(x, day, day)) == pytest.approx(tuple(clustered_mean(x, day)))


@given(values)
@settings(deadline=None, max_examples=60)
def test_it_makes_no_difference_which_key_of_two_comes_first(rows):
    x, day, w = (np.array(column) for column in zip(*rows, strict=True))
    symbol = np.arange(len(x)) % 2
    assert two_way_mean(x, day, symbol, w)[:4] == pytest.approx(two_way_mean(x, symbol, day, w)[:4], abs=1e-9, nan_ok=True)


@given(values, st.floats(0.1, 100))
@settings(deadline=None, max_examples=60)
def test_another_unit_of_the_values_scales_mean_error_and_interval(rows, unit):
    x, day, w = (np.array(column) for column in zip(*rows, strict=True))
    found, scaled = clustered_mean(x, day, w), clustered_mean(unit * x, day, w)
    assert scaled[:4] == pytest.approx([unit * one for one in found[:4]], abs=1e-6, nan_ok=True)


@given(values, st.floats(0.1, 1e9))
@settings(deadline=None, max_examples=60)
def test_equal_weights_of_any_size_give_the_equal_mean(rows, weight):
    x, day, _ = (np.array(column) for column in zip(*rows, strict=True))
    assert clustered_mean(x, day, np.full(len(x), weight))[:4] == pytest.approx(clustered_mean(x, day)[:4], abs=1e-6, nan_ok=True)


@pytest.mark.parametrize(
    ("x", "weights", "reason"),
    [
        ([1.0, 2.0], None, "fewer than two clusters"),
        ([math.nan] * 2, None, "no value"),
        ([1.0, 2.0], [0.0, 0.0], "no value with a weight above 0"),
    ],
)
def test_what_is_not_estimable_says_why(x, weights, reason):
    for found in (clustered_mean(x, ["a", "a"], weights), two_way_mean(x, ["a", "a"], ["s", "t"], weights)):
        assert reason in found.reason
        assert math.isnan(found.standard_error)


def test_a_day_without_a_fill_is_no_second_cluster():
    found = clustered_mean([2.0, 4.0, 9.0], ["a", "a", "b"], [1.0, 1.0, 0.0])
    assert (found.mean, found.clusters, found.n, found.reason) == (3.0, 1, 3, "fewer than two clusters")
    assert math.isnan(found.standard_error)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([1.0, 2.0], ["a"]), "clusters must be a column as long as the 2 values"),
        (([1.0, math.inf], ["a", "b"]), "row 1 is .*inf"),
        (([1.0, 2.0], ["a", "b"], [1.0, -1.0]), "weight must be a number >= 0: row 1"),
        (([1.0, 2.0], ["a", "b"], [math.nan, 1.0]), "weight must be a number >= 0: row 0"),
        (([1.0, 2.0], np.array(["a", None], dtype=object)), "cluster must have a name: row 1"),
        (([1.0, 2.0], np.array(["2025-01-02", "NaT"], dtype="datetime64[D]")), "cluster must have a name: row 1"),
        (([[1.0, 2.0]], ["a", "b"]), "values must be one column"),
        (([1.0, 2.0], ["a", "b"], None, 95), "confidence must lie between 0 and 1"),
    ],
)
def test_columns_that_cannot_be_averaged_are_refused_by_row_and_value(arguments, said):
    with pytest.raises(UsageError, match=said):
        clustered_mean(*arguments)


def test_an_unknown_correction_is_refused():
    with pytest.raises(UnknownNameError, match="CR1"):
        clustered_mean([1.0, 2.0], ["a", "b"], correction="CR2")


@pytest.mark.slow
def test_the_interval_over_forty_days_covers_the_truth_in_95_of_100_studies():
    days, orders, studies = 40, 5, 2_000
    draw = np.random.default_rng(11)
    common, own = draw.normal(size=(studies, days, 1)), draw.normal(size=(studies, days, orders))
    x = (3.0 * common + 4.0 * own + 1.0).reshape(studies, -1)
    key = np.repeat(np.arange(days), orders)
    inside, too_small = (
        np.mean([found.low <= 1.0 <= found.high for found in map(way, x)])
        for way in (lambda one: clustered_mean(one, key), independent_mean)
    )
    assert 0.93 < inside < 0.97
    assert too_small < 0.85  # what the day has in common makes orders that are taken as independent look too sure


@given(
    st.lists(st.integers(-20_000, 20_000), min_size=1, max_size=40),
    st.sampled_from(["D", "h", "s", "ms", "us", "ns", "2s", "int", "far"]),
    st.booleans(),
)
@settings(deadline=None, max_examples=100)
def test_clusters_are_numbered_in_their_sequence_whatever_the_unit_of_their_days(days, unit, shifted):
    wanted = np.unique(np.array(days), return_inverse=True)[1]
    if unit in {"int", "far"}:
        key = np.array(days) * (1 if unit == "int" else 2**48)
    else:
        key = np.array(days, dtype="datetime64[D]").astype(f"datetime64[{unit}]")
        key = key + np.array(int(shifted), dtype=f"timedelta64[{unit}]")  # sessions that are not at midnight
    assert codes(key).tolist() == wanted.tolist()
