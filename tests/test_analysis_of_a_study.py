"""The analysis of a study with spread and impact: the parts of every fill and of every shortfall add up to what was paid."""

import numpy as np
import pytest
from markets import market, study_of

from exec_algos import FillModel
from exec_algos.costs import FixedSpread, TransientImpact
from exec_algos.market.hours import sessions_of
from exec_algos.stats.paired import compare_all
from exec_algos.tca.frames import benchmark_columns, parent_shortfall, slippage_table, view_of
from exec_algos.tca.trades import Trades

MODEL = FillModel(
    spread=FixedSpread(8.0), impact=TransientImpact(0.02, half_life_seconds=1800.0), max_participation=0.2
)  # a cap, so that something is left


@pytest.fixture(scope="module")
def result():
    return study_of(market(7), ["twap", "vwap:profile_days=1", "pov:rate=0.1"], MODEL, profile_days=1, size="20%adv").run()


@pytest.fixture(scope="module")
def view(result):
    return view_of(result.parents, result.bars, sessions_of(result.bars, "XNYS"))


@pytest.mark.slow
def test_the_parts_of_each_price_add_up_and_cost_on_the_side_of_the_order(result):
    fills = result.fills
    whole = (fills["rule_price"] + fills["spread"] + fills["impact"]).to_numpy()
    assert whole == pytest.approx(fills["price"].to_numpy(), rel=1e-12)
    side = np.where(fills["side"] == "BUY", 1.0, -1.0)
    assert (side * fills["spread"] > 0).all()
    assert (side * fills["impact"] > 0).all()


@pytest.mark.slow
def test_the_six_parts_of_the_shortfall_add_up_to_the_cash_that_was_lost(result, view):
    found = parent_shortfall(result.parents, result.fills, view).to_frame()
    parts = found[["delay", "spread", "impact", "timing", "opportunity", "fees"]]
    known = parts.notna().all(axis=1) & found["total"].notna()
    assert known.sum() > 0.8 * len(found)
    assert parts[known].sum(axis=1).to_numpy() == pytest.approx(found.loc[known, "total"].to_numpy(), rel=1e-9, abs=1e-6)
    assert (found.loc[known, ["spread", "impact"]] >= 0).all(axis=None)


@pytest.mark.slow
def test_the_benchmarks_of_the_table_are_those_of_the_analysis(result, view):
    trades = Trades.of(result.fills, result.parents, result.bars)
    found = benchmark_columns(view, result.parents, trades, tape="replay", stamped="start")
    for column, name in (("arrival_price", "arrival"), ("interval_vwap", "interval_vwap"), ("session_vwap", "session_vwap")):
        assert np.array_equal(result.parents[column].to_numpy(), found[name].values, equal_nan=True)
    table = slippage_table(result.parents, view, found)
    assert len(table) == len(result.parents)


@pytest.mark.slow
def test_all_pairs_of_algorithms_are_compared_on_the_same_parent_orders(result):
    for side in ("BUY", "SELL"):
        table = compare_all(result.parents[result.parents["side"] == side])
        assert len(table) == 3
        pair = table.iloc[0]
        assert pair["difference"] == pytest.approx(result.compare(pair["first"], pair["second"], side=side).mean, abs=1e-9)
