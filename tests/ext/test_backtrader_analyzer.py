"""What `ExecutionAnalyzer` says of parent orders: as our own engine, and as computed on paper."""

import pickle
from datetime import datetime, time, timedelta

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from cerebros import MODES, Worker, cerebro_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markets import fill_models, market
from small_markets import minute_bars

from exec_algos import TWAP, VWAP, BacktestEngine, Commission, FillModel, OrderEvent, Strategy
from exec_algos.errors import UsageError
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.ext.backtrader import BarsFeed, ExecutionMixin, plug_in
from exec_algos.ext.backtrader.analyzer import ExecutionAnalyzer
from exec_algos.model.window import Window
from exec_algos.tca.table import COLUMNS

ORDERS = (
    ("A", 500, TWAP(), 15, {}),
    ("B", -300, VWAP(profile_days=1), 16, {}),
    ("A", -40, VWAP(profile_days=2), 29, {}),
    ("B", 7, TWAP(), 30, {"until": timedelta(hours=1.5)}),
)
MODEL = FillModel(max_participation=0.1, commission=Commission(rate=0.0001, minimum=1.0))


def analysed(bars, orders=ORDERS, *, act=None, strategy=Worker, **options):
    """The analyzer of a run of one strategy."""
    cerebro = cerebro_of(bars, **{"calendar": "XNYS", **options})
    cerebro.addanalyzer(ExecutionAnalyzer, _name="execution")
    cerebro.addstrategy(strategy, orders=tuple(orders), act=act)
    return cerebro.run()[0].analyzers.execution


def engine_table(bars, orders, model):
    """``result.parents`` of our own engine for the same orders, given when as many bars' ends have passed."""

    class Same(Strategy):
        def __init__(self, event_queue, data_handler):
            super().__init__(event_queue, data_handler)
            self.passed = set()
            self.given = {}

        def on_bar(self, event):
            if event.time in self.passed:
                return
            self.passed.add(event.time)
            for symbol, size, algorithm, after, terms in orders:
                if len(self.passed) == after:
                    self.given[symbol] = algorithm, terms
                    self.event_queue.put(OrderEvent(symbol=symbol, side="BUY" if size > 0 else "SELL", quantity=abs(size)))

        async def on_order(self, order):
            algorithm, terms = self.given[order.symbol]
            executor = AlgorithmExecutor(self.broker)
            asked = executor.order(order.symbol, order.quantity, side=order.side)
            await executor.work(algorithm, asked, Window.until(None, terms.get("until")))

    return BacktestEngine(bars, [Same], initial_cash=1e9, calendar="XNYS", fill_model=model).run().parents


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1), vendor=st.booleans(), missing=st.sampled_from([0.0, 0.15]), model=fill_models)
@pytest.mark.slow
def test_the_table_is_that_of_our_own_engine_bit_for_bit(seed, vendor, missing, model):
    bars = market(seed, vendor=vendor, missing=missing, silent=0.0)
    ours = analysed(bars, fills="exec_algos", fill_model=model).table()
    expected = engine_table(bars, ORDERS, model)
    pd.testing.assert_frame_equal(ours[list(COLUMNS)], expected[list(COLUMNS)], check_exact=True)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_of_backtrader_gives_the_same_table(mode):
    bars = market(3, vendor=True, missing=0.0)
    expected = engine_table(bars, ORDERS, MODEL)
    ours = analysed(bars, mode=mode, fills="exec_algos", fill_model=MODEL).table()
    pd.testing.assert_frame_equal(ours[list(COLUMNS)], expected[list(COLUMNS)], check_exact=True)


def test_slippage_is_a_cost_for_buys_and_for_sells():
    bars = minute_bars([10, 10, 12, 14, 14])
    orders = [("X", size, TWAP(), 2, {"until": timedelta(minutes=2)}) for size in (100, -100)]
    rows = analysed(bars, orders, fills="exec_algos").get_analysis()["parents"]
    assert [(row["average_price"], row["arrival_price"], row["interval_vwap"]) for row in rows] == [(13.0, 10.0, 13.0)] * 2
    assert [row["slippage_arrival_bps"] for row in rows] == [3000.0, -3000.0]
    assert [row["slippage_vwap_bps"] for row in rows] == [0.0, 0.0]


def test_shortfall_is_what_was_filled_what_was_not_and_fees():
    bars = minute_bars([10, 10, 12, 14, 15, 99], volume=100)
    model = FillModel(max_participation=0.2, commission=Commission(per_share=0.5))
    orders = [("X", size, TWAP(), 2, {"until": timedelta(minutes=2)}) for size in (60, -60)]
    buy, sell = (analysed(bars, [one], fills="exec_algos", fill_model=model).get_analysis() for one in orders)
    row = buy["parents"][0]
    # 20 shares at 12 and 20 at 14; 20 are left when the price is 14
    assert (row["filled"], row["residual"], row["mark_price"]) == (40, 20, 14.0)
    assert row["execution_cost"] == 20 * (12 - 10) + 20 * (14 - 10)
    assert row["opportunity_cost"] == 20 * (14 - 10)
    assert row["commission"] == 40 * 0.5
    assert row["shortfall"] == 120 + 80 + 20
    assert row["shortfall_bps"] == pytest.approx(220 / (10 * 60) * 1e4, rel=1e-15)
    assert sell["parents"][0]["shortfall"] == -120 - 80 + 20


def test_an_order_that_is_cancelled_pays_for_what_it_left_until_the_end_of_its_window():
    bars = minute_bars([10, 10, 12, 14, 15, 17, 99])

    def cancel(strategy):
        if strategy.steps == 3:
            strategy.cancel(strategy.parents[0])

    row = analysed(bars, [("X", 40, TWAP(), 2, {"until": timedelta(minutes=4)})], act=cancel, fills="exec_algos").get_analysis()["parents"][
        0
    ]
    assert (row["filled"], row["residual"], row["mark_price"]) == (10, 30, 17.0)
    assert (row["execution_cost"], row["opportunity_cost"]) == (10 * 2, 30 * 7)


def test_a_run_that_ends_first_marks_what_is_left_at_its_last_close():
    row = (
        analysed(minute_bars([10, 10, 12, 14]), [("X", 40, TWAP(), 2, {"until": timedelta(minutes=4)})], fills="exec_algos").table().iloc[0]
    )
    assert (row["filled"], row["residual"], row["mark_price"]) == (20, 20, 14.0)
    assert row["shortfall"] == 10 * 2 + 10 * 4 + 20 * 4


def test_what_trades_nothing_costs_its_opportunity():
    bars = minute_bars([10, 10, (12, 12, 12, 12, 0), (14, 14, 14, 14, 0), 15])
    analyzer = analysed(bars, [("X", 40, TWAP(), 2, {"until": timedelta(minutes=2)})], fills="exec_algos")
    row = analyzer.table().iloc[0]
    assert (row["filled"], row["execution_cost"], row["opportunity_cost"], row["shortfall"]) == (0, 0.0, 160.0, 160.0)
    assert np.isnan(row["average_price"])
    assert np.isnan(row["slippage_vwap_bps"])
    total = analyzer.get_analysis()["total"]
    assert np.isnan(total["slippage_vwap_bps"]["mean"])
    assert (total["fill_rate"], total["notional"], total["shortfall"], total["not_estimable"]) == (0.0, 0.0, 160.0, 0)


def test_a_parent_without_any_bar_in_its_session_is_not_estimable_and_counted():
    bars = minute_bars([10] * 5, [20])
    orders = [("X", 40, TWAP(), 2, {"until": timedelta(minutes=2)}), ("X", 40, TWAP(), 5, {"start": datetime(2024, 1, 4, 10)})]
    analyzer = analysed(bars, orders, fills="exec_algos")
    assert analyzer.table()["shortfall"].isna().tolist() == [False, True]
    total = analyzer.get_analysis()["total"]
    assert (total["parents"], total["not_estimable"], total["shortfall"]) == (2, 1, 0.0)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1), model=fill_models)
@pytest.mark.slow
def test_parts_add_up_to_the_shortfall_and_parents_to_the_total(seed, model):
    analyzer = analysed(market(seed, missing=0.15, silent=0.0), fills="exec_algos", fill_model=model)
    table, total = analyzer.table(), analyzer.get_analysis()["total"]
    assert (table["execution_cost"] + table["opportunity_cost"] + table["commission"] == table["shortfall"]).all()
    parts = table["execution_cost_bps"] + table["opportunity_cost_bps"] + table["commission_bps"]
    np.testing.assert_allclose(parts, table["shortfall_bps"], rtol=1e-9, atol=1e-9)
    paper = table["arrival_price"] * table["quantity"]
    assert total["shortfall"] == pytest.approx(table["shortfall"].sum(), rel=1e-12)
    assert total["shortfall_bps"] == pytest.approx((table["shortfall_bps"] * paper).sum() / paper.sum(), rel=1e-9, abs=1e-9)
    assert total["children"] == table["children"].sum()
    assert total["ordered"] == total["filled"] + total["residual"] == 847
    assert total["fill_rate"] == total["filled"] / 847
    notional = table["filled"] * table["average_price"]
    known = table["filled"] > 0
    for name in ("slippage_vwap_bps", "slippage_arrival_bps", "slippage_session_vwap_bps", "slippage_twap_bps"):
        if known.any():
            assert total[name]["n"] == known.sum()
            assert total[name]["mean"] == pytest.approx(table[name][known].mean(), rel=1e-9, abs=1e-9)
            assert total[name]["notional_mean"] == pytest.approx(
                np.average(table[name][known], weights=notional[known]), rel=1e-9, abs=1e-9
            )


def test_the_analysis_reads_by_key_and_by_attribute_and_prints():
    analyzer = analysed(market(5), fills="exec_algos", fill_model=MODEL)
    found = analyzer.get_analysis()
    assert found.total.slippage_vwap_bps.mean == found["total"]["slippage_vwap_bps"]["mean"]
    assert len(found.parents) == found.total.parents == 4
    assert isinstance(found.parents[0], dict)
    with pytest.raises(KeyError):
        _ = found.total.no_such_number
    analyzer.print()


def test_a_run_without_parent_orders_says_so():
    analyzer = analysed(minute_bars([10, 11]), [])
    found = analyzer.get_analysis()
    assert (found["parents"], found["total"]["parents"]) == ([], 0)
    assert "no parent orders" in found["note"]
    assert analyzer.table().empty


def test_a_strategy_that_is_no_execution_mixin_is_named():
    class Plain(bt.Strategy):
        params = (("orders", ()), ("act", None))

    analyzer = analysed(minute_bars([10, 11]), strategy=Plain)
    assert "Plain is no ExecutionMixin" in analyzer.get_analysis()["note"]
    assert analyzer.table().empty


def test_the_table_is_not_there_before_the_run_is_over():
    def early(strategy):
        strategy.analyzers.execution.table()

    with pytest.raises(UsageError, match="when the run is over"):
        analysed(minute_bars([10, 11]), [], act=early)


def test_several_strategies_have_their_own_parents():
    bars = minute_bars([10, 11, 12, 13, 14])
    cerebro = cerebro_of(bars, fills="exec_algos", calendar="XNYS")
    cerebro.addanalyzer(ExecutionAnalyzer)
    for size in (10, -20):
        cerebro.addstrategy(Worker, orders=(("X", size, TWAP(), 1, {}),))
    first, second = (one.analyzers.executionanalyzer.table() for one in cerebro.run())
    assert (first["quantity"].tolist(), second["quantity"].tolist()) == ([10], [20])
    assert (first["side"].tolist(), second["side"].tolist()) == (["BUY"], ["SELL"])


class Optimised(Worker):
    params = (("size", 10),)

    def next(self):
        self.steps += 1
        if self.steps == 2:
            self.execute(None, self.p.size, TWAP(), until=timedelta(minutes=2))


def optimised(cpus):
    cerebro = cerebro_of(minute_bars([10, 10, 12, 14, 14]), fills="exec_algos", calendar="XNYS", maxcpus=cpus)
    cerebro.addanalyzer(ExecutionAnalyzer, _name="execution")
    cerebro.optstrategy(Optimised, size=[10, -30])
    return [one.analyzers.execution for (one,) in cerebro.run()]


@pytest.mark.slow
def test_optimising_in_several_processes_brings_the_analyses_back():
    for single, several in zip(optimised(1), optimised(2), strict=True):
        pd.testing.assert_frame_equal(single.table(), several.table(), check_exact=True)
        assert str(single.get_analysis()) == str(several.get_analysis())
    assert [one.get_analysis()["parents"][0]["slippage_arrival_bps"] for one in optimised(2)] == [3000.0, -3000.0]


def test_after_the_run_only_the_results_are_left():
    def weight(minutes):
        bars = minute_bars([10] * minutes)
        analyzer = analysed(bars, [("X", 10, TWAP(), 2, {"until": timedelta(minutes=2)})], fills="exec_algos")
        own = {name: value for name, value in vars(analyzer).items() if name in ("rets", "_table", "_tapes")}
        return len(pickle.dumps(own))

    assert weight(300) == weight(10)


class Twice(ExecutionMixin, bt.Strategy):
    """Executes on the second feed, which is resampled, once it has a bar."""

    def prenext(self):
        self.next()

    def next(self):
        if len(self.datas[1]) == 1 and not self.parents:
            self.execute(self.datas[1], 100, TWAP(slice_interval_seconds=300), until="09:45")


def resampled(bars, minutes, **feed):
    cerebro = bt.Cerebro(stdstats=False)
    data = BarsFeed(dataname=bars, **feed)
    cerebro.adddata(data)
    cerebro.resampledata(data, timeframe=bt.TimeFrame.Minutes, compression=minutes)
    plug_in(cerebro, fills="exec_algos", calendar="XNYS")
    cerebro.addanalyzer(ExecutionAnalyzer, _name="execution")
    cerebro.addstrategy(Twice)
    return cerebro.run()[0].analyzers.execution.table().iloc[0]


def test_a_parent_on_a_resampled_feed_is_measured_by_its_bars():
    rising = [(10 + i, 10.5 + i, 10 + i, 10.5 + i, 100) for i in range(16)]
    row = resampled(minute_bars(rising), 5)
    typical = [np.mean([15 + 5 * k + 4.5, 15 + 5 * k, 15 + 5 * k + 4.5]) for k in range(2)]  # hlc3 of 09:35-09:40 and 09:40-09:45
    assert row["arrival_price"] == 14.5
    assert row["interval_vwap"] == pytest.approx(np.mean(typical), rel=1e-15)
    assert row["participation"] == 100 / 1000


def test_a_session_that_ends_with_a_shorter_resampled_bar_is_measured_too():
    bars = minute_bars([10] * 390)
    row = resampled(bars, 7, sessionstart=time(9, 30), sessionend=time(16))
    assert (row["interval_vwap"], row["session_vwap"], row["slippage_vwap_bps"]) == (10.0, 10.0, 0.0)


def test_sessions_come_from_the_feed_without_a_calendar():
    days = [[10, 10, 10, 10], [20, 20, 24, 26, 30]]
    order = ("X", 20, TWAP(), 6, {"until": timedelta(minutes=2)})

    def hours(**options):
        return BarsFeed(sessionstart=time(9, 30), sessionend=time(16), **options)

    row = analysed(minute_bars(*days), [order], calendar=None, feed=hours, fills="exec_algos").table().iloc[0]
    named = analysed(minute_bars(*days), [order], fills="exec_algos").table().iloc[0]
    assert row["session"] == pd.Timestamp("2024-01-03")
    assert (row["arrival_price"], row["interval_vwap"], row["session_vwap"]) == (20.0, 25.0, 24.0)
    pd.testing.assert_series_equal(row, named, check_exact=True)


def test_feeds_in_several_zones_are_shown_in_utc():
    bars = minute_bars([10, 11, 12, 13])
    cerebro = bt.Cerebro(stdstats=False)
    for name, zone in (("N", "America/New_York"), ("C", "America/Chicago")):
        cerebro.adddata(BarsFeed(dataname=bars, name=name, tz=zone))
    plug_in(cerebro, fills="exec_algos")
    cerebro.addanalyzer(ExecutionAnalyzer, _name="execution")
    cerebro.addstrategy(Worker, orders=tuple((name, 10, TWAP(), 1, {"until": timedelta(minutes=2)}) for name in "NC"))
    table = cerebro.run()[0].analyzers.execution.table()
    assert str(table["start"].dt.tz) == "UTC"
    assert table["interval_vwap"].tolist() == [11.5, 11.5]


def test_bars_outside_the_calendar_leave_the_benchmarks_unknown():
    bars = minute_bars([10, 11, 12, 13])
    order = ("X", 10, TWAP(), 1, {"start": datetime(2024, 1, 3, 10), "until": datetime(2024, 1, 3, 11)})
    row = analysed(bars, [order], calendar="XKRX", fills="exec_algos").table().iloc[0]
    assert row[["arrival_price", "interval_vwap", "session_vwap", "shortfall"]].isna().all()
    assert row["residual"] == 10


class Index(bt.CommInfoBase):
    """An index future of 50 a point."""

    params = (("margin", 100.0), ("mult", 50.0), ("stocklike", False), ("commtype", bt.CommInfoBase.COMM_FIXED))


def test_currency_has_the_multiplier_of_a_future_and_bps_do_not_need_it():
    bars = minute_bars([10, 10, 12, 14, 15, 99], volume=100)
    orders = [("X", 60, TWAP(), 2, {"until": timedelta(minutes=2)})]
    model = FillModel(max_participation=0.2, commission=Commission(rate=0.001))

    def run(info):
        cerebro = cerebro_of(bars, fills="exec_algos", fill_model=model, calendar="XNYS")
        if info is not None:
            cerebro.broker.addcommissioninfo(info)
        cerebro.addanalyzer(ExecutionAnalyzer, _name="execution")
        cerebro.addstrategy(Worker, orders=orders, act=None)
        return cerebro.run()[0].analyzers.execution.get_analysis()

    share, future = run(None), run(Index())
    row, total = future["parents"][0], future["total"]
    # 20 at 12 and 20 at 14, each worth 50 a point; 20 are left at 14, and all might have been had at 10
    assert (row["multiplier"], total["notional"]) == (50.0, 50 * 520.0)
    assert (row["execution_cost"], row["opportunity_cost"]) == (50 * 120.0, 50 * 80.0)
    assert row["commission"] == pytest.approx(0.001 * 50 * 520)
    assert row["shortfall"] == pytest.approx(50 * 200 + 26)
    for name in ("execution_cost_bps", "opportunity_cost_bps", "commission_bps", "shortfall_bps", "slippage_vwap_bps"):
        assert row[name] == pytest.approx(share["parents"][0][name]), name
    assert total["shortfall_bps"] == pytest.approx(share["total"]["shortfall_bps"])
