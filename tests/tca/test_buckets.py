"""Costs by what orders were like, and every pair of algorithms with p-values."""

import math

import numpy as np
import pandas as pd
import pytest
from markets import market, study_of
from scipy import stats

from exec_algos import FillModel
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.tca.buckets import with_traits
from exec_algos.tca.pairs import p_text

NAMES = ["vwap:profile_days=1", "pov:rate=0.2", "twap"]


@pytest.fixture(scope="module")
def result():
    bars = market(31, tuple("ABCDEF"), missing=0.1)
    windows = ["09:30-16:00", "11:00-13:00"]
    return study_of(bars, NAMES, FillModel(price="worst"), profile_days=1, size=["1%adv", "4%adv", "30%adv"], window=windows).run()


def test_size_buckets_are_shares_of_adv(result):
    table = with_traits(result.parents, ["size_bucket"])
    share = table["quantity"] / table["adv"]
    assert table["size_bucket"].cat.categories.tolist()[:2] == ["<= 1 % of ADV", "1 to 2 % of ADV"]
    assert (table["size_bucket"] == "2 to 5 % of ADV").equals((share > 0.02) & (share <= 0.05))
    assert (table["size_bucket"] == "> 20 % of ADV").equals(share > 0.2)


def test_a_row_of_by_is_the_summary_of_those_orders(result):
    found = result.by("size", "side")
    mine = result.parents[(result.parents["algorithm"] == "twap") & (result.parents["side"] == "BUY")]
    mine = mine[mine["quantity"] > 0.2 * mine["adv"]]
    line = found.loc[("twap", "> 20 % of ADV", "BUY")]
    assert line["n"] == mine["slippage_vwap_bps"].notna().sum() > 0
    assert line["mean"] == pytest.approx(mine["slippage_vwap_bps"].mean())
    assert found.index.names == ["algorithm", "size_bucket", "side"]


def test_buckets_come_in_their_order_and_hold_everything(result):
    found = result.by("size")["n"]
    for side in ("BUY", "SELL"):
        mine = [name for algorithm, name, its in found.index if (algorithm, its) == ("twap", side)]
        assert mine == ["<= 1 % of ADV", "2 to 5 % of ADV", "> 20 % of ADV"]
    assert found.groupby(["algorithm", "side"]).sum().tolist() == result.summary()["n"].tolist()


def test_quantile_buckets_hold_about_the_same_number_of_orders(result):
    table = with_traits(result.parents, ["volatility_bucket", "liquidity_bucket"], buckets=4).drop_duplicates("parent_id")
    for name in ("volatility_bucket", "liquidity_bucket"):
        counts = table[name].value_counts()
        assert (len(counts[counts > 0]), counts.sum()) == (4, len(table))
        assert counts[counts > 0].max() <= 1.7 * counts[counts > 0].min()
    assert table.groupby("volatility_bucket", observed=True)["volatility_bps"].max().is_monotonic_increasing


def test_edges_are_the_callers_and_what_is_not_known_is_a_group(result):
    parents = result.parents.assign(spread_bps=result.parents["spread_bps"].where(result.parents["side"] == "BUY"))
    table = with_traits(parents, ["spread_bucket"], edges={"spread": [10.0, 1500.0]})
    assert table["spread_bucket"].cat.categories.tolist() == ["<= 10 bps", "10 to 1.5k bps", "> 1.5k bps", "not known"]
    assert (table["spread_bucket"] == "not known").equals(parents["spread_bps"].isna())


def test_clocks_are_of_the_order_in_exchange_time(result):
    table = with_traits(result.parents, ["hour", "weekday", "month"])
    assert set(table["hour"]) == {9, 11}
    assert (table["weekday"].astype(str) == table["session"].dt.day_name()).all()
    assert (table["month"] == table["session"].dt.strftime("%Y-%m")).all()


def test_any_column_will_do(result):
    assert result.by("symbol", benchmark="arrival").loc[("twap", "C", "BUY"), "mean"] == pytest.approx(
        result.parents.query("algorithm == 'twap' and symbol == 'C' and side == 'BUY'")["slippage_arrival_bps"].mean()
    )


@pytest.mark.parametrize(
    ("names", "options", "error", "reason"),
    [
        (["size_buckets"], {}, UnknownNameError, "did you mean size_bucket"),
        (["size"], {"edges": {"size": [5, 1]}}, UsageError, "numbers that rise"),
        (["size"], {"edges": {"spread": [5]}}, UsageError, "not asked for"),
        (["spread"], {"buckets": 0}, UsageError, "buckets must be"),
        (["side"], {"benchmark": "vwap"}, UnknownNameError, "did you mean"),
    ],
)
def test_what_cannot_be_is_refused(result, names, options, error, reason):
    with pytest.raises(error, match=reason):
        result.by(*names, **options)


def test_pairs_come_as_the_algorithms_were_named_with_the_p_of_students_t(result):
    table = result.comparison(side="BUY")
    assert list(zip(table["first"], table["second"], strict=True)) == [(NAMES[0], NAMES[1]), (NAMES[0], NAMES[2]), (NAMES[1], NAMES[2])]
    line = table.iloc[1]
    mean = result.compare(NAMES[0], "twap", side="BUY")
    assert (line["difference"], line["low"], line["high"]) == pytest.approx((mean.mean, mean.low, mean.high))
    assert line["p"] == pytest.approx(2 * stats.t.sf(abs(mean.mean / mean.standard_error), mean.clusters - 1))
    assert (table["p_holm"] >= table["p"]).all()


def test_one_algorithm_has_no_pair():
    alone = study_of(market(31, missing=0.1), ["twap"], profile_days=1, size="30%adv").run(fills=False)
    assert len(alone.comparison()) == 0


def test_the_comparison_is_saved_for_each_benchmark_and_side(result, tmp_path):
    result.save(tmp_path)
    table = pd.read_csv(tmp_path / "comparison.csv")
    assert table.groupby(["benchmark", "side"]).size().tolist() == [3] * 8  # of twins each side, and none of both together
    assert set(table["side"]) == {"BUY", "SELL"}
    wanted = result.comparison("arrival", side="SELL")["p"].to_numpy()
    np.testing.assert_allclose(table.query("benchmark == 'arrival' and side == 'SELL'")["p"], wanted, rtol=1e-12)


def test_a_p_is_never_nought():
    assert [p_text(one) for one in (0.0312, 1e-9, math.nan)] == ["p 0.031", "p < 0.001", "p not estimable"]
