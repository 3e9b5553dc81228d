"""Algorithms on the same parent orders: against scipy's paired test, and every turn of the signs written down in plain Python."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.stats.paired import compare_all, paired_difference, sign_count, sign_flips, turned_signs
from exec_algos.stats.statistics import clustered_mean


# sums of the differences (2, 1, 0): mean 1, sd 1, t = sqrt(3) with 2 degrees of freedom
def test_the_difference_of_three_orders_on_paper():
    found = paired_difference([3.0, 5.0, 1.0], [1.0, 4.0, 1.0], ["a", "b", "c"])
    assert (found.difference.mean, found.sd, found.t) == pytest.approx((1.0, 1.0, math.sqrt(3)))
    assert found.p == pytest.approx(0.22540333075851657)  # 1 - t / sqrt(2 + t^2)


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=3, max_size=25))
@settings(deadline=None, max_examples=60)
def test_with_each_order_its_own_cluster_it_is_scipys_paired_t_test(rows):
    a, b = (np.array(column) for column in zip(*rows, strict=True))
    found = paired_difference(a, b, np.arange(len(a)))
    if (a - b).std() > 1e-6:
        answer = stats.ttest_rel(a, b)
        assert (found.t, found.p) == pytest.approx((answer.statistic, answer.pvalue), rel=1e-6, abs=1e-9)
        assert (found.difference.low, found.difference.high) == pytest.approx(tuple(answer.confidence_interval()), abs=1e-6)


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50), st.integers(0, 4)), min_size=3, max_size=25))
@settings(deadline=None, max_examples=60)
def test_the_other_way_round_only_the_sign_turns(rows):
    a, b, day = (np.array(column) for column in zip(*rows, strict=True))
    found, turned = paired_difference(a, b, day), paired_difference(b, a, day)
    assert (turned.difference.mean, turned.t, turned.p, turned.sd) == pytest.approx(
        (-found.difference.mean, -found.t, found.p, found.sd), abs=1e-9, nan_ok=True
    )


def test_the_difference_is_the_clustered_mean_of_the_differences_with_its_weights():
    a, b, w, day = np.array([3.0, 5.0, 1.0, 9.0]), np.array([1.0, 4.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0, 1.0]), ["a", "a", "b", "c"]
    assert paired_difference(a, b, day, w).difference == clustered_mean(a - b, day, w)


# Almgren-Chriss: a common path of variance 1 in both, own noise 0.5 each: pairing leaves the noise alone
def test_pairing_takes_out_the_path_that_both_met():
    draw = np.random.default_rng(2)
    path, own = draw.normal(0, 100, 5_000), draw.normal(0, 5, (2, 5_000))
    found = paired_difference(path + own[0], path + own[1], np.arange(5_000))
    assert found.sd == pytest.approx(5 * math.sqrt(2), rel=0.03)
    assert found.unpaired_error == pytest.approx(100 * math.sqrt(2 / 5_000), rel=0.03)
    assert found.correlation == pytest.approx(1 / (1 + 0.05**2), abs=0.001)


def test_the_published_pairs_have_their_t(vectors):
    published = vectors("slippage_statistics.json")["cuped"]
    a, b = (np.array(published["first10"][name]) for name in "AB")
    found = paired_difference(a, b, np.arange(10))
    assert found.t == pytest.approx(stats.ttest_rel(a, b).statistic)


def test_pairs_of_which_one_is_not_known_are_left_out_and_counted():
    found = paired_difference([1.0, math.nan, 4.0, 2.0], [0.0, 1.0, math.nan, 3.0], ["a", "b", "c", "d"])
    assert (found.difference.n, found.difference.left_out, found.difference.mean) == (2, 2, 0.0)


@pytest.mark.parametrize(
    ("a", "b", "day", "reason"),
    [
        ([1.0, 2.0], [0.0, 0.0], "aa", "fewer than two"),
        ([1.0, 2.0], [1.0, 2.0], "ab", "the same"),
        ([0.3, 0.1], [0.2, 0.0], "ab", "the same in every cluster"),
        ([math.nan], [1.0], "a", "no value"),
    ],
)
def test_a_difference_that_cannot_be_tested_says_why(a, b, day, reason):
    found = paired_difference(a, b, list(day))
    assert reason in found.reason
    assert math.isnan(found.t)
    assert math.isnan(found.p)


def test_other_orders_are_refused():
    with pytest.raises(UsageError, match="the same orders, got 2 and 1"):
        paired_difference([1.0, 2.0], [1.0], ["a", "b"])


def every_sign(sums):
    """Share of all 2 ** G signs whose total is as far from 0 as the one seen."""
    totals = [abs(sum(sign * one for sign, one in zip(signs, sums, strict=True))) for signs in product((1, -1), repeat=len(sums))]
    return sum(total >= abs(sum(sums)) - 1e-9 for total in totals) / len(totals)


@given(st.lists(st.tuples(st.integers(-20, 20), st.integers(0, 6), st.integers(1, 4)), min_size=2, max_size=16))
@settings(deadline=None, max_examples=80)
def test_turned_signs_are_counted_over_every_choice_of_them(rows):
    d, day, w = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    sums = [float((w * d)[day == one].sum()) for one in np.unique(day)]
    found = sign_flips(d, day, w)
    if len(sums) < 2:
        assert math.isnan(found.p)
    else:
        assert (found.exact, found.p) == (True, pytest.approx(every_sign(sums)))
        assert found.p >= found.smallest == 2 ** (1 - len(sums))


def test_beyond_eighteen_clusters_signs_are_drawn_by_the_seed():
    d = np.random.default_rng(1).normal(0.5, 1, 19)
    first, again, other = (sign_flips(d, np.arange(19), seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert not first.exact
    assert sign_flips(d[:18], np.arange(18)).exact
    answer = stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=9_999, rng=np.random.default_rng(3))
    assert first.p == pytest.approx(answer.pvalue, abs=0.02)
    assert sign_flips(d, np.arange(19), draws=1).p in {0.5, 1.0}


def test_the_sign_test_is_that_of_a_fair_coin_by_cluster():
    found = sign_count([1.0, 1.0, 2.0, -90.0, 3.0, 0.0], ["a", "a", "b", "c", "d", "e"])
    assert (found.p, found.clusters) == (pytest.approx(2 * (1 + 4) / 16), 4)  # 3 heads in 4: P(0, 1, 3 or 4)


@pytest.mark.parametrize("test", [sign_flips, sign_count])
def test_a_single_cluster_has_no_test(test):
    found = test([1.0, 2.0], ["a", "a"])
    assert math.isnan(found.p)
    assert "fewer than two clusters" in found.reason


def test_clusters_without_a_difference_have_no_signs_to_count():
    assert "with a difference" in sign_count([0.0, 0.0, 1.0], ["a", "b", "c"]).reason


def test_no_draws_are_refused():
    with pytest.raises(UsageError, match="draws must be at least 1"):
        sign_flips([1.0], ["a"], draws=0)


def study(days=12, orders=4, seed=5):
    draw = np.random.default_rng(seed)
    path = np.repeat(draw.normal(0, 20, days), orders)
    frame = pd.DataFrame(
        {"parent_id": np.arange(days * orders), "session": np.repeat(np.arange(days), orders), "size": 1.0 + np.arange(days * orders)}
    )
    arms = [
        frame.assign(algorithm=name, slippage_vwap_bps=path + draw.normal(shift, 1, len(frame)))
        for name, shift in (("twap", 3.0), ("vwap", 0.0), ("pov", 0.1))
    ]
    return pd.concat(arms, ignore_index=True)


def test_all_pairs_are_compared_on_the_parents_that_both_worked():
    frame = study()
    frame.loc[(frame["algorithm"] == "pov") & (frame["parent_id"] < 3), "slippage_vwap_bps"] = np.nan
    table = compare_all(frame).set_index(["first", "second"])
    assert list(table.index) == [("pov", "twap"), ("pov", "vwap"), ("twap", "vwap")]
    one = table.loc[("pov", "twap")]
    arms = {name: rows.set_index("parent_id")["slippage_vwap_bps"] for name, rows in frame.groupby("algorithm")}
    answer = paired_difference(arms["pov"].to_numpy(), arms["twap"].to_numpy(), np.repeat(np.arange(12), 4))
    assert (one["n"], one["left_out"], one["clusters"]) == (45, 3, 12)
    assert tuple(one[["difference", "standard_error", "low", "high"]]) == pytest.approx(answer.difference[:4])
    assert (one["t"], one["p"]) == pytest.approx((answer.t, answer.p))
    assert one["p_signs"] == pytest.approx(sign_flips(arms["pov"] - arms["twap"], np.repeat(np.arange(12), 4)).p)
    assert (table["p_holm"] >= table["p_bh"]).all()
    assert (table["p_bh"] >= table["p"]).all()
    assert table.loc[("twap", "vwap"), "p_max_t"] < 0.01
    assert table.loc[("pov", "vwap"), "p_max_t"] >= table.loc[("pov", "vwap"), "p_signs"] > 0.01


def test_the_order_of_the_rows_makes_no_difference_and_weights_do():
    frame = study()
    turned = compare_all(frame.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(turned, compare_all(frame))
    assert compare_all(frame, weight="size")["difference"].tolist() != turned["difference"].tolist()


@pytest.mark.parametrize(
    ("change", "options", "error", "said"),
    [
        (lambda f: f, {"value": "slip"}, UnknownNameError, "slip"),
        (lambda f: f[f["algorithm"] == "pov"], {}, UsageError, "two algorithms"),
        (lambda f: pd.concat([f, f.head(1)]), {}, UsageError, "twice under 'twap'"),
        (lambda f: f.assign(session=np.arange(len(f))), {}, UsageError, "more than one 'session'"),
        (lambda f: f.assign(size=np.arange(len(f), dtype=float)), {"weight": "size"}, UsageError, "more than one 'size'"),
    ],
)
def test_a_frame_that_cannot_be_paired_is_refused(change, options, error, said):
    with pytest.raises(error, match=said):
        compare_all(change(study()), **options)


@pytest.mark.parametrize("groups", [1, 2, 12, 19, 40])
def test_signs_turned_for_many_comparisons_at_once_give_the_p_of_each_alone(groups):
    rng = np.random.default_rng(groups)
    sums = [rng.normal(shift, 1, size) for shift, size in ((0.0, groups), (0.5, groups), (0.3, 25), (0.2, 3))]
    alone = [sign_flips(one, np.arange(len(one)), seed=3, draws=200).p for one in sums]
    np.testing.assert_array_equal(turned_signs(sums, 200, 3), alone)


def test_an_algorithm_without_a_value_on_some_days_is_compared_on_the_others_alone():
    rng = np.random.default_rng(5)
    days = np.array([f"2024-01-{day:02}" for day in rng.permutation(np.arange(1, 29))], dtype=object).repeat(2)
    arms = {name: rng.normal(0, 1, len(days)) for name in ("a", "b", "c")}
    arms["b"][:7] = np.nan
    rows = [{"parent_id": i, "algorithm": n, "session": d, "slippage_vwap_bps": v[i]} for n, v in arms.items() for i, d in enumerate(days)]
    table = compare_all(pd.DataFrame(rows)).set_index(["first", "second"])
    for (first, second), line in table.iterrows():
        wanted = paired_difference(arms[first], arms[second], days)
        assert (line["difference"], line["p"]) == (wanted.difference.mean, wanted.p)
        assert line["p_signs"] == sign_flips(arms[first] - arms[second], days).p
