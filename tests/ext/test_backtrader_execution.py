"""Parent orders inside a backtrader strategy: every mode, books, life and end of an order, feeds of all kinds."""

from datetime import datetime, timedelta
from functools import partial

import backtrader as bt
import pandas as pd
import pytest
from cerebros import MODES, Worker, cerebro_of, fills_of, run_orders
from markets import STEP, ZONE, bars_of, market, ns

from exec_algos import TWAP, VWAP, Bars, Commission, FillModel
from exec_algos.errors import NotEnoughHistoryError, UsageError
from exec_algos.ext.backtrader import BarsFeed, ExecutionMixin, plug_in

HALF_HOURS = TWAP(slice_interval_seconds=1800)
OURS = FillModel(max_participation=0.3, price="vwap", commission=Commission(rate=0.0002))
FILLS = {"backtrader": {}, "exec_algos": {"fill_model": OURS}}
ORDERS = (
    ("A", 1000, HALF_HOURS, 3, {"until": "15:00"}),
    ("B", -500, HALF_HOURS, 4, {}),
    ("A", -300, VWAP(profile_days=1), 16, {"until": "15:30"}),
)


def flat(prices=None, *, symbol="A", day="2025-11-24", volume=1000.0, bars=13):
    """A session of half hours that trade at one price each: 100, 101 ... if none are given."""
    prices = prices or [100.0 + i for i in range(bars)]
    rows = [(ns(day, "09:30") + i * STEP, p, p, p, p, volume, float("nan")) for i, p in enumerate(prices)]
    return bars_of({symbol: rows})


def both(*tables):
    return Bars.concat(list(tables))


@pytest.mark.slow
@pytest.mark.parametrize("fills", FILLS)
@pytest.mark.parametrize("mode", MODES)
def test_in_every_mode_the_fills_are_the_same_and_the_books_are_their_sum(mode, fills):
    bars = market(7, missing=0.0 if mode in {"exactbars", "live"} else 0.3)  # backtrader itself needs feeds in step there
    strategy = run_orders(bars, ORDERS, mode=mode, fills=fills, calendar="XNYS", **FILLS[fills])
    told = fills_of(strategy)
    assert told == fills_of(run_orders(bars, ORDERS, fills=fills, calendar="XNYS", **FILLS[fills]))
    assert len(told) > 8
    spent = sum(shares * price * side + fee for _, _, _, shares, price, fee, side in told)
    assert strategy.broker.getcash() == pytest.approx(1e9 - spent, abs=1e-4)
    for data in strategy.datas:
        assert strategy.getposition(data).size == sum(f[3] * f[6] for f in told if f[0] == data._name)


@pytest.mark.parametrize("mode", ["runonce", "next", "live"])
def test_backtraders_commission_is_in_the_fills(mode):
    cerebro = cerebro_of(flat(), mode=mode)
    cerebro.broker.setcommission(commission=0.001)
    cerebro.addstrategy(Worker, orders=(("A", 100, HALF_HOURS, 2, {"until": "12:30"}),))
    strategy = cerebro.run()[0]
    fills = strategy.parents[0].fills
    assert [one.commission for one in fills] == pytest.approx([0.001 * one.quantity * one.fill_price for one in fills])
    assert cerebro.broker.getcash() == pytest.approx(1e9 - sum(f.quantity * f.fill_price * 1.001 for f in fills))


def test_a_child_a_slice_fills_at_the_next_open_and_the_last_one_inside_the_window():
    parent = run_orders(flat(), [("A", 100, HALF_HOURS, 2, {"until": "12:30"})]).parents[0]
    # decided at 10:30, 11:00, 11:30, 12:00 for a quarter each; the bars that open then trade at 102 ... 105
    assert [(one.quantity, one.fill_price) for one in parent.fills] == [(25, 102.0), (25, 103.0), (25, 104.0), (25, 105.0)]
    assert [one.timestamp.strftime("%H:%M") for one in parent.fills] == ["11:00", "11:30", "12:00", "12:30"]  # backtrader's stamps
    assert (parent.ordered, parent.filled, parent.residual, parent.over) == (100, 100, 0, True)


def test_no_fill_lies_in_a_bar_that_had_begun_when_it_was_decided():
    strategy = run_orders(market(3), ORDERS, fills="exec_algos", fill_model=FillModel(price="open"), calendar="XNYS")
    for parent in strategy.parents:
        assert min(one.time for one in parent.fills) >= parent.parent.start


@pytest.mark.parametrize(
    "until",
    ["12:30", timedelta(hours=2), datetime(2025, 11, 24, 12, 30), pd.Timestamp("2025-11-24 12:30", tz=ZONE), ns("2025-11-24", "12:30")],
    ids=["text", "length", "naive time", "aware time", "ns"],
)
def test_the_end_can_be_said_in_five_ways(until):
    parent = run_orders(flat(), [("A", 100, HALF_HOURS, 2, {"until": until})]).parents[0]
    assert (parent.parent.start, parent.parent.end) == (ns("2025-11-24", "10:30"), ns("2025-11-24", "12:30"))


def test_an_order_can_begin_later():
    parent = run_orders(flat(), [("A", 100, HALF_HOURS, 2, {"start": "12:00", "until": "13:00"})]).parents[0]
    assert [one.fill_price for one in parent.fills] == [105.0, 106.0]


def test_a_negative_size_sells():
    strategy = run_orders(flat(), [("A", -90, HALF_HOURS, 2, {"until": "12:00"})])
    assert strategy.getposition(strategy.data).size == -90
    assert {one.side.name for one in strategy.parents[0].fills} == {"SELL"}


def test_notify_parent_is_told_of_each_bar_that_traded_and_of_the_end():
    strategy = run_orders(flat(), [("A", 100, HALF_HOURS, 2, {"until": "12:30"})])
    assert strategy.told == [(2, 25, False), (3, 50, False), (4, 75, False), (5, 100, False), (6, 100, True)]


def test_notify_order_is_told_of_the_children_and_parent_of_finds_their_order():
    seen = []

    class Listening(Worker):
        def notify_order(self, order):
            seen.append((order.getstatusname(), self.parent_of(order)))

    strategy = run_orders(flat(), [("A", 100, HALF_HOURS, 2, {"until": "11:30"})], strategy=Listening)
    assert [status for status, _ in seen] == ["Submitted", "Accepted", "Completed"] * 2
    assert {parent for _, parent in seen} == {strategy.parents[0]}


def test_an_order_of_the_strategys_own_belongs_to_no_parent():
    seen = []

    class Own(Worker):
        def notify_order(self, order):
            seen.append(self.parent_of(order))

    def act(strategy):
        if strategy.steps == 3:
            strategy.buy(size=7)

    strategy = run_orders(flat(), act=act, strategy=Own)
    assert set(seen) == {None}
    assert strategy.getposition(strategy.data).size == 7


class TestCancel:
    @staticmethod
    def act(strategy, *, at=4):
        if strategy.steps == at:
            strategy.answer = strategy.cancel(strategy.parents[0])

    @pytest.mark.parametrize("mode", ["runonce", "next", "live"])
    def test_what_is_filled_stays_and_the_rest_is_cancelled(self, mode):
        strategy = run_orders(flat(), [("A", 100, HALF_HOURS, 2, {"until": "12:30"})], act=self.act, mode=mode)
        parent = strategy.parents[0]
        # the child of 11:30 was sent before the cancel of 11:30? no: next() comes before executors decide
        assert (parent.filled, parent.cancelled, parent.residual, parent.over) == (50, 50, 0, True)
        assert strategy.getposition(strategy.data).size == 50
        assert strategy.answer is True

    def test_an_order_that_is_over_is_not_cancelled(self):
        strategy = run_orders(flat(), [("A", 100, HALF_HOURS, 2, {"until": "11:30"})], act=partial(self.act, at=9))
        assert strategy.answer is False
        assert strategy.parents[0].cancelled == 0

    def test_a_child_that_backtrader_cannot_cancel_yet_still_counts(self):
        def act(strategy):
            if strategy.steps == 2:
                strategy.execute("A", 100, HALF_HOURS, until="12:30")  # its first child is sent at once
                strategy.cancel(strategy.parents[0])

        strategy = run_orders(flat(), act=act)
        parent = strategy.parents[0]
        assert (parent.filled, parent.cancelled, parent.working, parent.over) == (25, 75, 0, True)
        assert strategy.getposition(strategy.data).size == 25

    def test_an_order_of_backtraders_is_cancelled_as_ever(self):
        def act(strategy):
            if strategy.steps == 2:
                strategy.limit = strategy.buy(size=10, exectype=bt.Order.Limit, price=1.0)
            if strategy.steps == 5:
                strategy.cancel(strategy.limit)

        assert run_orders(flat(), act=act).limit.status == bt.Order.Canceled


class TestAmend:
    @staticmethod
    def run(steps, orders=(("A", 100, HALF_HOURS, 2, {"until": "12:30"}),), **terms):
        def act(strategy):
            if strategy.steps == steps:
                strategy.amend(strategy.parents[0], **terms)

        return run_orders(flat(), orders, act=act)

    def test_more_is_spread_over_what_is_left(self):
        strategy = self.run(4, size=150)
        assert [one.quantity for one in strategy.parents[0].fills] == [25, 25, 50, 50]

    def test_less_ends_with_less(self):
        parent = self.run(4, size=60).parents[0]
        assert [one.quantity for one in parent.fills] == [25, 25, 5, 5]
        assert (parent.ordered, parent.filled, parent.residual) == (60, 60, 0)

    def test_a_later_end_slows_down(self):
        assert [one.quantity for one in self.run(4, until="14:00").parents[0].fills] == [25, 25, 10, 10, 10, 10, 10]

    def test_a_sale_is_amended_with_its_sign(self):
        orders = (("A", -100, HALF_HOURS, 2, {"until": "12:30"}),)
        strategy = self.run(4, orders, size=-150)
        assert strategy.getposition(strategy.data).size == -150

    def test_the_other_side_is_refused(self):
        with pytest.raises(UsageError, match="quantity must be a positive number"):
            self.run(4, size=-100)

    def test_less_than_it_has_is_refused(self):
        with pytest.raises(UsageError, match=r"has 50 shares filled .*, so it cannot ask for 40; cancel it instead"):
            self.run(4, size=40)

    def test_an_order_that_is_over_is_refused(self):
        with pytest.raises(UsageError, match="over or cancelled; give a new one"):
            self.run(10, size=200)


class TestNothingIsLost:
    def test_partial_fills_come_back_through_the_schedule(self):
        def fill_a_tenth(cerebro):
            cerebro.broker.set_filler(bt.broker.fillers.FixedBarPerc(perc=1.0))  # 10 shares a bar

        cerebro = cerebro_of(flat())
        fill_a_tenth(cerebro)
        cerebro.addstrategy(Worker, orders=(("A", 100, HALF_HOURS, 2, {"until": "12:30"}),))
        strategy = cerebro.run()[0]
        parent = strategy.parents[0]
        assert [one.quantity for one in parent.fills] == [10, 10, 10, 10]
        assert (parent.filled, parent.residual, parent.working) == (40, 60, 0)
        assert strategy.getposition(strategy.data).size == 40

    def test_a_child_for_which_the_cash_is_missing_is_told_and_the_order_given_up_after_three(self):
        strategy = run_orders(flat(), [("A", 100, HALF_HOURS, 2, {"until": "15:30"})], cash=1_150.0)
        parent = strategy.parents[0]
        # 10 shares a slice at about 102, and 1,150 of cash: the first child fits, the next ones do not
        assert (parent.filled, parent.residual, parent.over) == (10, 90, True)
        assert [error for error in parent.errors if "Margin" in error] == parent.errors[:3]
        assert "given up after 3 failures in a row" in parent.errors[3]
        assert strategy.broker.getcash() >= 0
        assert strategy.getposition(strategy.data).size == 10

    def test_a_feed_that_ends_early_leaves_a_residual(self):
        bars = both(flat(bars=5), flat(symbol="B"))
        strategy = run_orders(bars, [("A", 100, HALF_HOURS, 2, {"until": "15:30"})])
        parent = strategy.parents[0]
        assert (parent.filled, parent.residual, parent.working, parent.over) == (30, 70, 0, True)
        assert strategy.getposition(strategy.getdatabyname("A")).size == 30

    def test_a_run_that_ends_in_mid_order_ends_the_order_and_says_so(self):
        strategy = run_orders(flat(bars=6), [("A", 100, HALF_HOURS, 2, {"until": "15:30"})])
        parent = strategy.parents[0]
        assert (parent.filled, parent.residual, parent.working, parent.over) == (40, 60, 0, True)
        assert parent.errors == ["the run ended before the order did"]
        assert strategy.told[-1] == (6, 40, True)

    @pytest.mark.parametrize("mode", ["runonce", "next"])
    def test_a_strategy_that_is_stopped_in_mid_order(self, mode):
        def act(strategy):
            if strategy.steps == 5:
                strategy.env.runstop()

        strategy = run_orders(flat(), [("A", 100, HALF_HOURS, 2, {"until": "15:30"})], act=act, mode=mode)
        parent = strategy.parents[0]
        assert (parent.filled, parent.residual, parent.over) == (30, 70, True)
        assert strategy.getposition(strategy.data).size == 30

    def test_an_order_until_the_close_is_done_with_the_last_bar(self):
        parent = run_orders(flat(), [("A", 120, HALF_HOURS, 1, {})], calendar="XNYS").parents[0]
        assert [one.quantity for one in parent.fills] == [10] * 12
        assert (parent.residual, parent.over, parent.errors) == (0, True, [])


class TestFeeds:
    def test_several_feeds_in_zones_of_their_own(self):
        seoul = both(flat()).take(flat().start > 0)
        late = ns("2025-11-24", "09:30") - pd.Timestamp("2025-11-24 09:30", tz="Asia/Seoul").value
        korean = Bars(
            symbols=("K",), offsets=seoul.offsets, start=seoul.start - late, open=seoul.open, high=seoul.high, low=seoul.low,
            close=seoul.close, volume=seoul.volume, vwap=None, step=seoul.step, zone="Asia/Seoul",
        )  # fmt: skip
        cerebro = cerebro_of(flat())
        cerebro.adddata(BarsFeed(dataname=korean))
        plug_in(cerebro, calendar={"A": "XNYS", "K": "XKRX"})

        class Zones(Worker):
            def prenext(self):
                self.next()

            def next(self):
                self.steps += 1
                for data in self.datas:
                    if len(data) and data.datetime.time(0).hour == 11 and not data.datetime.time(0).minute and not hasattr(data, "asked"):
                        data.asked = True
                        self.execute(data, 60, HALF_HOURS, until="13:00")

        cerebro.addstrategy(Zones)
        parents = {parent.parent.symbol: parent for parent in cerebro.run()[0].parents}
        assert parents["A"].parent.end == ns("2025-11-24", "13:00")
        assert parents["K"].parent.end == pd.Timestamp("2025-11-24 13:00", tz="Asia/Seoul").value
        for parent in parents.values():
            assert [(one.quantity, one.fill_price) for one in parent.fills] == [(15, 103.0), (15, 104.0), (15, 105.0), (15, 106.0)]
        assert {str(one.timestamp.tz) for one in parents["K"].fills} == {"Asia/Seoul"}

    @pytest.mark.parametrize("zone", ["America/New_York", None], ids=["a zone given", "the calendar's zone"])
    def test_naive_stamps_are_read_in_the_exchanges_zone(self, zone):
        frame = flat().to_frame().droplevel("symbol")
        frame.index = (frame.index + pd.Timedelta(STEP)).tz_localize(None)
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.adddata(bt.feeds.PandasData(dataname=frame, timeframe=bt.TimeFrame.Minutes, compression=30, name="A"))
        cerebro.broker.setcash(1e6)
        plug_in(cerebro, zone=zone, calendar=None if zone else "XNYS", label="end")
        cerebro.addstrategy(Worker, orders=(("A", 100, HALF_HOURS, 2, {"until": "12:30"}),))
        parent = cerebro.run()[0].parents[0]
        assert (parent.parent.start, parent.parent.end) == (ns("2025-11-24", "10:30"), ns("2025-11-24", "12:30"))
        assert parent.filled == 100

    def test_stamps_that_name_the_start_are_moved_to_the_end(self):
        cerebro = bt.Cerebro(stdstats=False)
        frame = flat().to_frame().droplevel("symbol")
        cerebro.adddata(bt.feeds.PandasData(dataname=frame, timeframe=bt.TimeFrame.Minutes, compression=30, name="A", tz=ZONE))
        cerebro.broker.setcash(1e6)
        plug_in(cerebro, label="start", calendar="XNYS")
        cerebro.addstrategy(Worker, orders=(("A", 100, HALF_HOURS, 2, {"until": "12:30"}),))
        parent = cerebro.run()[0].parents[0]
        assert parent.parent.start == ns("2025-11-24", "10:30")
        assert [one.timestamp.strftime("%H:%M") for one in parent.fills] == ["11:00", "11:30", "12:00", "12:30"]

    def test_the_session_of_a_feed_without_a_calendar_is_its_own(self):
        cerebro = bt.Cerebro(stdstats=False)
        start, end = datetime(2025, 1, 1, 9, 30).time(), datetime(2025, 1, 1, 13, 0).time()
        cerebro.adddata(BarsFeed(dataname=flat(), sessionstart=start, sessionend=end))
        cerebro.addstrategy(Worker, orders=(("A", 100, HALF_HOURS, 2, {}),))
        assert cerebro.run()[0].parents[0].parent.end == ns("2025-11-24", "13:00")

    @pytest.mark.parametrize("options", [{}, {"runonce": False}], ids=["preloaded", "next"])
    def test_a_feed_made_by_resampling(self, options):
        step = 60_000_000_000
        rows = [(ns("2025-11-24", "09:30") + i * step, *[100.0 + i] * 4, 100.0, float("nan")) for i in range(60)]
        minutes = bars_of({"A": rows}, step=step)
        cerebro = bt.Cerebro(stdstats=False, **options)
        cerebro.resampledata(BarsFeed(dataname=minutes), timeframe=bt.TimeFrame.Minutes, compression=5)
        cerebro.broker.setcash(1e6)
        plug_in(cerebro, calendar="XNYS")
        cerebro.addstrategy(Worker, orders=(("A", 100, TWAP(), 2, {"until": "10:00"}),))
        parent = cerebro.run()[0].parents[0]
        # decided at 09:40, 09:45, 09:50, 09:55; bars of five minutes open at the price of their first minute
        assert [(one.quantity, one.fill_price) for one in parent.fills] == [(25, 110.0), (25, 115.0), (25, 120.0), (25, 125.0)]
        assert parent.parent.interval == 5 * step

    def test_a_feed_and_its_own_resampling_are_two_feeds(self):
        step = 60_000_000_000
        rows = [(ns("2025-11-24", "09:30") + i * step, *[100.0 + i] * 4, 100.0, float("nan")) for i in range(60)]
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.adddata(minutes := BarsFeed(dataname=bars_of({"A": rows}, step=step)))
        cerebro.resampledata(minutes, name="five", timeframe=bt.TimeFrame.Minutes, compression=5)
        cerebro.broker.setcash(1e6)
        orders = (("A", 30, TWAP(), 10, {"until": "10:00"}), ("five", 20, TWAP(), 10, {"until": "10:00"}))
        plug_in(cerebro, calendar="XNYS")
        cerebro.addstrategy(Worker, orders=orders)
        fine, coarse = cerebro.run()[0].parents
        assert (fine.filled, len(fine.fills)) == (30, 20)
        assert (coarse.filled, len(coarse.fills)) == (20, 4)


class TestManyStrategies:
    @pytest.mark.slow
    @pytest.mark.parametrize("cpus", [1, 2])
    def test_optimisation_runs_each_set_of_parameters(self, cpus):
        cerebro = cerebro_of(flat(), maxcpus=cpus)
        cerebro.addanalyzer(bt.analyzers.Transactions, _name="trades")
        cerebro.optstrategy(Sized, shares=(100, 200))
        runs = cerebro.run()
        traded = [sum(trade[0] for day in run[0].analyzers.trades.get_analysis().values() for trade in day) for run in runs]
        assert traded == [100, 200]

    def test_two_strategies_have_orders_of_their_own(self):
        cerebro = cerebro_of(flat())
        cerebro.addstrategy(Worker, orders=(("A", 100, HALF_HOURS, 2, {"until": "12:30"}),))
        cerebro.addstrategy(Worker, orders=(("A", -40, HALF_HOURS, 3, {"until": "12:00"}),))
        first, second = cerebro.run()
        assert ([p.filled for p in first.parents], [p.filled for p in second.parents]) == ([100], [40])
        assert cerebro.broker.getposition(cerebro.datas[0]).size == 60

    def test_a_second_run_starts_afresh(self):
        cerebro = cerebro_of(flat())
        cerebro.addstrategy(Worker, orders=(("A", 100, HALF_HOURS, 2, {"until": "12:30"}),))
        first, second = cerebro.run()[0], cerebro.run()[0]
        assert fills_of(first) == fills_of(second)


class Sized(ExecutionMixin, bt.Strategy):
    """At module level, for worker processes are sent its name."""

    params = (("shares", 0),)

    def next(self):
        if len(self) == 2:
            self.execute(None, self.p.shares, HALF_HOURS, until="12:30")


class TestRefused:
    @staticmethod
    def assert_refused(match, *terms, error=UsageError, bars=None, **named):
        def act(strategy):
            if strategy.steps == 2:
                strategy.execute(*terms, **{"until": "15:30", **named})

        with pytest.raises(error, match=match):
            run_orders(bars or flat(), act=act)

    def test_no_size(self):
        self.assert_refused("size is the number of shares to buy, or negative to sell; got 0", "A", 0, TWAP())

    def test_half_a_share(self):
        self.assert_refused("quantity 10.5 is not a multiple of lot_size 1", "A", 10.5, TWAP())

    def test_an_algorithm_that_is_a_class(self):
        self.assert_refused(r"an algorithm is a value such as VWAP\(profile_days=5\), got <class", "A", 10, VWAP)

    def test_an_unknown_feed(self):
        self.assert_refused("unknown feed 'B': known: A", "B", 10, TWAP())

    def test_a_feed_of_another_run(self):
        self.assert_refused("is no feed of this strategy", BarsFeed(dataname=flat()), 10, TWAP())

    def test_a_window_that_is_over(self):
        self.assert_refused("the window ends at .*, before it starts", "A", 10, TWAP(), until="09:45", start="12:00")

    def test_history_that_is_missing(self):
        self.assert_refused("needs 5 earlier sessions with data, there are 0", "A", 10, VWAP(profile_days=5), error=NotEnoughHistoryError)

    def test_a_cap_that_backtraders_broker_would_ignore(self):
        self.assert_refused("backtrader's own broker keeps no participation cap", "A", 10, TWAP(), max_participation=0.1)

    def test_an_order_before_the_feed_has_a_bar(self):
        bars = both(flat(), flat(symbol="B", day="2025-11-25"))
        self.assert_refused("feed B has no bar yet", "B", 10, TWAP(), bars=bars)

    def test_bars_of_days(self):
        cerebro = bt.Cerebro()
        cerebro.adddata(bt.feeds.PandasData(dataname=flat().to_frame().droplevel("symbol"), name="A"))
        cerebro.addstrategy(Worker, orders=(("A", 10, TWAP(), 2, {}),))
        with pytest.raises(UsageError, match=r"feed A has bars of Day.*give the feed timeframe=bt.TimeFrame.Minutes"):
            cerebro.run()

    def test_a_replayed_feed(self):
        cerebro = bt.Cerebro()
        cerebro.replaydata(BarsFeed(dataname=flat()), timeframe=bt.TimeFrame.Minutes, compression=60)
        cerebro.addstrategy(Worker, orders=(("A", 10, TWAP(), 2, {}),))
        with pytest.raises(UsageError, match="feed A is replayed, so its bars are shown before they are complete"):
            cerebro.run()

    def test_resampling_stamps_that_name_the_start(self):
        cerebro = bt.Cerebro()
        cerebro.resampledata(BarsFeed(dataname=flat(), label="start"), timeframe=bt.TimeFrame.Minutes, compression=60)
        cerebro.addstrategy(Worker, orders=(("A", 10, TWAP(), 2, {}),))
        with pytest.raises(UsageError, match="feed A is resampled, for which backtrader takes stamps as the ends of bars"):
            cerebro.run()

    def test_the_session_unknown_and_no_end(self):
        cerebro = bt.Cerebro()
        cerebro.adddata(BarsFeed(dataname=flat()))
        cerebro.addstrategy(Worker, orders=(("A", 10, TWAP(), 2, {}),))
        with pytest.raises(UsageError, match=r"nobody said when the session of A ends: give until=, sessionend= .* or calendar="):
            cerebro.run()
