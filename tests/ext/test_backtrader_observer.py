"""The lines of `ExecutionObserver`, computed on paper, in each mode of backtrader."""

from datetime import timedelta

import backtrader as bt
import numpy as np
import pytest
from cerebros import MODES, Worker, cerebro_of
from markets import market
from small_markets import minute_bars

from exec_algos import TWAP, VWAP, FillModel
from exec_algos.ext.backtrader.analyzer import ExecutionAnalyzer
from exec_algos.ext.backtrader.observer import ExecutionObserver, SlippageObserver

BARS = minute_bars([10, 10, 12, 14, 16, 16], volume=100)
MODEL = FillModel(max_participation=0.2)
ORDER = ("X", 60, TWAP(), 2, {"until": timedelta(minutes=2)})


def observed(bars, orders, *, strategy=Worker, multi=False, **options):
    """The strategy after its run with an observer."""
    cerebro = cerebro_of(bars, **{"calendar": "XNYS", "fills": "exec_algos", **options})
    add = cerebro.addobservermulti if multi else cerebro.addobserver
    add(ExecutionObserver, obsname="execution")
    cerebro.addanalyzer(ExecutionAnalyzer, _name="execution")
    cerebro.addstrategy(strategy, orders=tuple(orders))
    return cerebro.run()[0]


def drawn(observer):
    """The lines by name, one value a step, as they are plotted."""
    return {name: np.array(getattr(observer.lines, name).plot()) for name in ("filled", "elapsed", "slippage")}


def test_the_lines_are_those_computed_on_paper():
    lines = drawn(observed(BARS, [ORDER], fill_model=MODEL).observers.execution)
    nan = np.nan
    # decided when the second bar is complete; 20 of 60 shares at 12, then 20 at 14
    np.testing.assert_allclose(lines["filled"], [nan, 0, 100 / 3, 200 / 3, nan, nan])
    np.testing.assert_allclose(lines["elapsed"], [nan, 0, 50, 100, nan, nan])
    np.testing.assert_allclose(lines["slippage"], [nan, nan, 0, 0, nan, nan], atol=1e-12)


@pytest.mark.parametrize("side", [1, -1])
def test_slippage_is_a_cost_against_the_vwap_so_far(side):
    bars = minute_bars([10, 10, (10, 13, 10, 13, 100), (14, 15, 14, 15, 300), 16], volume=100)
    order = ("X", side * 60, TWAP(), 2, {"until": timedelta(minutes=2)})
    lines = drawn(observed(bars, [order], fill_model=FillModel(price="open")).observers.execution)
    first, second = 12.0, 44 / 3  # hlc3
    so_far = (first * 100 + second * 300) / 400
    np.testing.assert_allclose(lines["slippage"][2:4], [side * (10 - first) / first * 1e4, side * (12 - so_far) / so_far * 1e4])


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "exactbars"])
def test_every_mode_draws_the_same(mode):
    orders = [("A", 500, TWAP(), 15, {}), ("B", -300, VWAP(profile_days=1), 18, {})]
    bars = market(3, vendor=True, missing=0.0)
    expected = drawn(observed(bars, orders, fill_model=MODEL).observers.execution)
    found = drawn(observed(bars, orders, fill_model=MODEL, mode=mode).observers.execution)
    assert np.isfinite(expected["slippage"]).any()
    for name, line in expected.items():
        np.testing.assert_array_equal(found[name], line)


def test_where_backtrader_keeps_one_bar_the_present_value_is_there():
    seen = []

    class Reading(Worker):
        def next(self):
            super().next()
            if len(self.observers.execution):
                seen.append(self.observers.execution.lines.filled[0])

    observed(BARS, [ORDER], fill_model=MODEL, mode="exactbars", strategy=Reading)
    assert [round(value, 9) for value in seen if np.isfinite(value)] == [0, round(100 / 3, 9), round(200 / 3, 9)]


@pytest.mark.parametrize("vendor", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_at_the_end_of_an_order_its_slippage_is_what_the_analyzer_says(seed, vendor):
    strategy = observed(market(seed, vendor=vendor), [("A", -500, TWAP(), 20, {})], fill_model=MODEL)
    slippage = drawn(strategy.observers.execution)["slippage"]
    row = strategy.analyzers.execution.table().iloc[0]
    assert slippage[np.isfinite(slippage)][-1] == pytest.approx(row["slippage_vwap_bps"], rel=1e-9)


def test_one_observer_adds_up_all_feeds_and_several_draw_each():
    bars = market(1, missing=0.0, silent=0.0)
    orders = [("A", 300, TWAP(), 15, {"until": timedelta(hours=2)}), ("B", -100, TWAP(), 15, {"until": timedelta(hours=4)})]
    both = drawn(observed(bars, orders, fills="backtrader").observers.execution)
    a, b = (drawn(one) for one in observed(bars, orders, fills="backtrader", multi=True).observers.execution)
    assert [np.isfinite(one["filled"]).sum() for one in (a, b, both)] == [5, 9, 9]
    np.testing.assert_allclose(both["filled"][14:19], (300 * a["filled"] + 100 * b["filled"])[14:19] / 400)
    np.testing.assert_allclose(both["elapsed"][14:19], (300 * a["elapsed"] + 100 * b["elapsed"])[14:19] / 400)
    np.testing.assert_allclose(both["filled"][19:23], b["filled"][19:23])  # the other is over


def test_an_order_that_starts_later_is_drawn_from_its_start():
    bars = minute_bars([10] * 8)
    order = ("X", 40, TWAP(), 1, {"start": "09:33", "until": "09:35"})
    lines = drawn(observed(bars, [order]).observers.execution)
    assert np.flatnonzero(np.isfinite(lines["filled"])).tolist() == [2, 3, 4]
    assert lines["filled"][2:5].tolist() == [0, 50, 100]


def test_a_strategy_that_is_no_execution_mixin_draws_nothing():
    class Plain(bt.Strategy):
        params = (("orders", ()),)

    lines = drawn(observed(BARS, [], strategy=Plain).observers.execution)
    assert all(np.isnan(line).all() for line in lines.values())


def shown(observer):
    return [name for name in ("filled", "elapsed", "slippage") if not getattr(observer.plotlines, name)._get("_plotskip", False)]


def test_progress_and_slippage_have_a_row_each():
    cerebro = cerebro_of(BARS)
    cerebro.addobserver(ExecutionObserver)
    cerebro.addobserver(SlippageObserver)
    cerebro.addstrategy(Worker)
    progress, slippage = cerebro.run()[0].observers
    assert (shown(progress), shown(slippage)) == (["filled", "elapsed"], ["slippage"])
    assert [one.plotinfo.plot and one.plotinfo.subplot for one in (progress, slippage)] == [True, True]
