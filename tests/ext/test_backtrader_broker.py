"""`ExecutionBroker` and `plug_in`: how orders meet bars, what is booked, and what is kept or refused."""

import math
import multiprocessing
import pickle
from datetime import date, timedelta
from functools import partial

import backtrader as bt
import pytest
from cerebros import Worker, cerebro_of, run_orders
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import STEP, bars_of, fill_models, markets, ns

from exec_algos import TWAP, Commission, FillModel
from exec_algos.costs import FixedSpread, SquareRootImpact
from exec_algos.costs.fees import FeeComponent, FeeSchedule, FeeTerms, Period
from exec_algos.costs.ticks import TickTable
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.ext.backtrader import BarsFeed, ExecutionBroker, ExecutionMixin, plug_in
from exec_algos.fills.latency import DrawnLatency
from exec_algos.model import Rules, Window

HALF_HOURS = TWAP(slice_interval_seconds=1800)
NAN = float("nan")
Order = bt.Order
ZERO = ns("2025-11-24", "09:30")


def session(*rows, symbol="A", volume=1000.0, day="2025-11-24", clock="09:30"):
    """Half hours: a row is one price, or (open, high, low, close), or that and a volume; None is a missing bar."""
    made = []
    for i, row in enumerate(rows):
        if row is not None:
            prices = (row,) * 4 if isinstance(row, int | float) else row[:4]
            made.append(
                (ns(day, clock) + i * STEP, *map(float, prices), row[4] if isinstance(row, tuple) and len(row) > 4 else volume, NAN)
            )
    return bars_of({symbol: made})


FLAT = session(*[100] * 13)


def minutes_and_hours(latency=60.0):
    """Minutes at 100, 101, ... and the hours that they make."""
    minute = STEP // 30
    rows = [(ZERO + i * minute, *[100.0 + i] * 4, 100.0, NAN) for i in range(240)]
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(feed := BarsFeed(dataname=bars_of({"A": rows}, step=minute)))
    cerebro.resampledata(feed, name="hour", timeframe=bt.TimeFrame.Minutes, compression=60)
    cerebro.broker.setcash(1e6)
    plug_in(cerebro, fills="exec_algos", fill_model=FillModel(latency=latency), calendar="XNYS")
    return cerebro


class Teller(Worker):
    """Keeps what `notify_order` told."""

    def __init__(self):
        super().__init__()
        self.heard = []

    def notify_order(self, order):
        self.heard.append((self.steps + 1, order.ref, order.getstatusname()))

    def statuses(self, order):
        return [status for _, ref, status in self.heard if ref == order.ref]


def acts(**by_step):
    """``act`` for a `Worker`: ``s3=...`` is called in the third step, and what it returns is kept."""

    def act(strategy):
        do = by_step.get(f"s{strategy.steps}")
        if do is not None:
            strategy.made = [*getattr(strategy, "made", []), do(strategy)]

    return act


def simulated(bars, model=None, *, strategy=Teller, before=None, orders=(), **options):
    """Run one strategy on our fills; `options` also name the steps' acts (``s2=``)."""
    steps = {name: options.pop(name) for name in list(options) if name[0] == "s" and name[1:].isdigit()}
    cerebro = cerebro_of(bars, fills="exec_algos", fill_model=model, calendar="XNYS", **options)
    if before is not None:
        before(cerebro.broker)
    cerebro.addstrategy(strategy, act=acts(**steps), orders=tuple(orders))
    return cerebro.run()[0]


def bits(order):
    """(number of the bar that filled, counted from 1, signed shares, price) of each execution."""
    return [
        (round(((bit.dt - 719_163) * 86_400e9 - ZERO) / STEP), bit.size, bit.price)
        for bit in order.executed.exbits
    ]  # fmt: skip


class TestMeetingBars:
    def test_a_market_order_gets_the_open_of_the_next_bar_not_the_bar_that_it_was_decided_in(self):
        order = simulated(session(100, 101, (102, 104, 101, 103)), s2=lambda s: s.buy(size=10)).made[0]
        assert bits(order) == [(3, 10, 102)]

    @pytest.mark.parametrize(("rule", "price"), [("open", 102), ("close", 103), ("worst", 104), ("vwap", 310 / 3)])
    def test_the_price_is_the_fill_models(self, rule, price):
        bars = session(100, 101, (102, 105, 102, 103), (102, 104, 103, 103))
        order = simulated(bars, FillModel(price=rule), s3=lambda s: s.buy(size=10)).made[0]
        assert bits(order) == [(4, 10, pytest.approx(price))]

    def test_two_strategies_share_ten_percent_of_a_bar_and_the_first_comes_first(self):
        cerebro = cerebro_of(session(*[100] * 6, volume=3000.0), fills="exec_algos", fill_model=FillModel(max_participation=0.1))
        buy = acts(s1=lambda s: s.buy(size=300))
        cerebro.addstrategy(Worker, act=buy)
        cerebro.addstrategy(Worker, act=buy)
        first, second = (strategy.made[0] for strategy in cerebro.run())
        assert (bits(first), bits(second)) == ([(2, 300, 100)], [(3, 300, 100)])

    def test_what_the_first_leaves_of_a_bar_the_second_gets(self):
        cerebro = cerebro_of(session(*[100] * 6, volume=3000.0), fills="exec_algos", fill_model=FillModel(max_participation=0.1))
        for size in (200, 300):
            cerebro.addstrategy(Worker, act=acts(s1=lambda s, size=size: s.buy(size=size)))
        first, second = (strategy.made[0] for strategy in cerebro.run())
        assert (bits(first), bits(second)) == ([(2, 200, 100)], [(2, 100, 100), (3, 200, 100)])

    def test_parents_and_orders_of_the_strategys_own_share_the_cap(self):
        parents = [("A", 400, HALF_HOURS, 1, {"until": "11:00"})]
        strategy = simulated(FLAT, FillModel(max_participation=0.1), orders=parents, s1=lambda s: s.sell(size=150))
        # 100 shares a bar: the parent's child came first, its next one after the strategy's order
        assert [one.quantity for one in strategy.parents[0].fills] == [100]
        assert bits(strategy.made[0]) == [(3, -100, 100), (4, -50, 100)]

    def test_parents_of_two_strategies_share_the_cap(self):
        cerebro = cerebro_of(FLAT, fills="exec_algos", fill_model=FillModel(max_participation=0.1), calendar="XNYS")
        for size in (60, 300):
            cerebro.addstrategy(Worker, orders=(("A", size, HALF_HOURS, 1, {"until": "11:00"}),))
        first, second = (strategy.parents[0].fills for strategy in cerebro.run())
        assert [one.quantity for one in first] == [30, 30]
        assert [one.quantity for one in second] == [70, 70]

    def test_between_bars_executors_of_several_strategies_decide_in_the_order_of_time(self):
        bars = session(100, None, None, None, 100, 100, 100, 100, 100)  # nothing from 10:00 to 11:30
        cerebro = cerebro_of(bars, fills="exec_algos", fill_model=FillModel(max_participation=0.1), calendar="XNYS")
        hours = TWAP(slice_interval_seconds=5400)
        for start, until in (("11:00", "14:00"), ("10:30", "13:30")):
            cerebro.addstrategy(Worker, orders=(("A", 200, hours, 1, {"start": start, "until": until}),))
        first, second = (strategy.parents[0].fills for strategy in cerebro.run())
        # 100 shares a bar, and children of 10:30, 11:00, 12:00 and 12:30
        assert [one.timestamp.strftime("%H:%M") for one in second] == ["11:30", "12:30"]
        assert [one.timestamp.strftime("%H:%M") for one in first] == ["12:00", "13:00"]

    def test_the_cap_is_lifted_for_a_last_slice_that_is_forced(self):
        begun = []

        class Forcing(ExecutionMixin, bt.Strategy):
            def next(self):
                if len(self) == 1:
                    executor = AlgorithmExecutor(self._desk.feed(None).broker)
                    rules = Rules(residual="force")
                    order = executor.order("A", 700, side="BUY", max_participation=0.05, rules=rules)
                    begun.append(executor.start(HALF_HOURS, order, Window.until(None, "11:30")))

        cerebro = cerebro_of(FLAT, fills="exec_algos", fill_model=FillModel(max_participation=0.1), calendar="XNYS")
        cerebro.addstrategy(Forcing)
        cerebro.run()
        assert [one.quantity for one in begun[0].fills] == [50, 50, 600]

    def test_an_order_of_next_open_does_not_meet_the_bar_that_it_has_seen(self):
        made = []

        class Early(bt.Strategy):
            def next_open(self):
                if len(self.data) == 3:
                    made.append(self.buy(size=10))

        cerebro = cerebro_of(session(*range(100, 108)), fills="exec_algos", cheat_on_open=True, broker_coo=False)
        cerebro.addstrategy(Early)
        cerebro.run()
        assert bits(made[0]) == [(4, 10, 103)]

    def test_latency_is_counted_from_the_decision(self):
        late = FillModel(latency=1800.5)
        order = simulated(session(*range(100, 108)), late, s2=lambda s: s.buy(size=10)).made[0]
        assert bits(order) == [(5, 10, 104)]  # decided at 10:30, there at 11:00:00.5, so it meets the bar of 11:30

    def test_an_order_in_slow_bars_does_not_meet_the_bar_that_had_begun_when_it_was_decided(self):
        cerebro = minutes_and_hours(0.0)
        made = []

        class Late(bt.Strategy):
            def next(self):
                if len(self.data) == 75:  # 10:45
                    made.append(self.buy(self.getdatabyname("hour"), size=10))

        cerebro.addstrategy(Late)
        cerebro.run()
        # the bar of 10:00 to 11:00 had begun; the next one, from 11:00 on, opens at the price of the minute 11:00
        assert [bit.price for bit in made[0].executed.exbits] == [190.0]

    @pytest.mark.parametrize(
        "silent",
        [(100, 100, 100, 100, 0.0), (NAN, NAN, NAN, NAN, 1000.0), (100, 100, 100, 100, NAN)],
        ids=["volume", "price", "NaN volume"],
    )
    @pytest.mark.parametrize("limit", [None, 100.0])
    def test_without_volume_or_price_nothing_fills(self, silent, limit):
        rows = [(100, 100, 100, 100, 1000.0)] * 2 + [silent, (101, 101, 99, 101, 1000.0)]
        kind = {} if limit is None else {"exectype": Order.Limit, "price": limit}
        order = raw(rows, lambda s: s.buy(size=10, **kind), at=2)
        assert bits(order) == [(4, 10, limit or 101)]

    def test_a_bar_is_met_once_however_often_another_feed_ticks(self):
        bars = both(session(*[100] * 13, symbol="A"), session(50, None, None, None, 50, 50, symbol="B"))
        order = simulated(bars, FillModel(max_participation=0.1), s1=lambda s: s.buy(s.getdatabyname("B"), size=250)).made[0]
        assert bits(order) == [(5, 100, 50), (6, 100, 50)]

    def test_fractions_of_a_share_are_filled_to_the_last(self):
        order = simulated(session(*[100] * 13, volume=1.0), FillModel(max_participation=0.1), s1=lambda s: s.buy(size=1 / 3)).made[0]
        assert [size for _, size, _ in bits(order)] == pytest.approx([0.1, 0.1, 0.1, 1 / 3 - 0.3])
        assert order.status == Order.Completed
        assert sum(size for _, size, _ in bits(order)) == pytest.approx(1 / 3, abs=1e-15)

    def test_a_child_in_fractions_that_turns_a_position_is_complete_and_exact(self):
        lots = {"lot_size": 0.001}
        orders = [
            ("A", 3 * 0.001, HALF_HOURS, 1, {"until": "10:30", **lots}),
            ("A", -14 * 0.001, HALF_HOURS, 2, {"until": "11:00", **lots}),
        ]
        strategy = simulated(FLAT, FillModel(), orders=orders)
        # in floats (0.003 - 0.014) - 0.003 is not -0.014
        assert [one.quantity for parent in strategy.parents for one in parent.fills] == [3 * 0.001, 14 * 0.001]
        assert [status for _, _, status in strategy.heard] == ["Submitted", "Accepted", "Completed"] * 2

    def test_a_child_in_fractions_that_fills_in_parts_is_complete_and_exact(self):
        bars = session(100, (100, 100, 100, 100, 0.1), 100, 100, 100, 100)
        orders = [("A", 0.1, TWAP(slice_interval_seconds=5400), 1, {"until": "11:30", "lot_size": 0.001})]
        strategy = simulated(bars, FillModel(max_participation=0.1), orders=orders)
        # in floats 0.1 - 0.01 is not 90 lots
        assert [one.quantity for one in strategy.parents[0].fills] == [10 * 0.001, 90 * 0.001]
        assert [status for _, _, status in strategy.heard] == ["Submitted", "Accepted", "Partial", "Completed"]

    def test_a_lot_that_another_order_has_begun_is_taken(self):
        orders = [("A", 50, TWAP(slice_interval_seconds=5400), 2, {"until": "12:00", "lot_size": 10})]
        strategy = simulated(FLAT, FillModel(max_participation=0.1), orders=orders, s1=lambda s: s.buy(size=195))
        # 100 shares a bar: the strategy's order leaves 5 of the second, and no whole lot
        assert [(one.timestamp.strftime("%H:%M"), one.quantity) for one in strategy.parents[0].fills] == [("11:00", 50)]


def both(*tables):
    from exec_algos import Bars

    return Bars.concat(list(tables))


class Raw(bt.feed.DataBase):
    """Any rows, also such as `Bars` would refuse."""

    params = (("rows", ()), ("timeframe", bt.TimeFrame.Minutes), ("compression", 30))

    def start(self):
        super().start()
        self.left = list(enumerate(self.p.rows))

    def _load(self):
        if not self.left:
            return False
        i, row = self.left.pop(0)
        self.lines.datetime[0] = 719_163 + (ns("2025-11-24", "09:30") + (i + 1) * STEP) / 86_400e9
        self.lines.open[0], self.lines.high[0], self.lines.low[0], self.lines.close[0], self.lines.volume[0] = row
        return True


def raw(rows, place, at):
    made = []

    class Placing(bt.Strategy):
        def next(self):
            if len(self) == at:
                made.append(place(self))

    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(Raw(rows=tuple(rows)))
    plug_in(cerebro, fills="exec_algos", label="end", zone="UTC")
    cerebro.addstrategy(Placing)
    cerebro.run()
    return made[0]


class TestPrices:
    @pytest.mark.parametrize("side", ["buy", "sell"])
    def test_ten_basis_points_of_spread_cost_five_a_side_where_the_bar_is_flat(self, side):
        order = simulated(FLAT, FillModel(spread=FixedSpread(10)), s1=lambda s: getattr(s, side)(size=10)).made[0]
        assert bits(order)[0][2] == 100 * (1 + (5e-4 if side == "buy" else -5e-4))

    @pytest.mark.parametrize("side", ["buy", "sell"])
    def test_impact_is_the_square_root_of_the_share_of_the_bar_and_not_clipped_to_it(self, side):
        model = FillModel(impact=SquareRootImpact(0.01))
        order = simulated(FLAT, model, s1=lambda s: getattr(s, side)(size=250)).made[0]
        assert bits(order)[0][2] == 100 * (1 + (0.005 if side == "buy" else -0.005))

    def test_a_limit_order_pays_its_limit_where_the_bar_opens_beyond_it(self):
        bars = session(100, 100, (101, 102, 98, 99), 100)
        order = simulated(bars, s2=lambda s: s.buy(size=10, exectype=Order.Limit, price=99)).made[0]
        assert bits(order) == [(3, 10, 99)]

    def test_a_limit_order_gets_the_better_open(self):
        bars = session(100, 100, (97, 102, 96, 99), 100)
        order = simulated(bars, s2=lambda s: s.buy(size=10, exectype=Order.Limit, price=99)).made[0]
        assert bits(order) == [(3, 10, 97)]

    @pytest.mark.parametrize(("rule", "bar"), [("touch", 3), ("through", 4)])
    def test_a_limit_that_is_only_touched(self, rule, bar):
        bars = session(100, 100, (101, 102, 99, 100), (101, 102, 98, 100))
        order = simulated(bars, FillModel(limit_fill=rule), s2=lambda s: s.buy(size=10, exectype=Order.Limit, price=99)).made[0]
        assert bits(order) == [(bar, 10, 99)]

    @pytest.mark.parametrize(
        ("rule", "found"),
        [
            ({"limit_fill": "touch:fraction=0.5", "max_participation": 0.012}, [(3, 6, 99), (4, 4, 99)]),
            ({"limit_fill": "through:by=1"}, [(4, 10, 99)]),
            ({"limit_fill": "through:ticks=4", "ticks": TickTable("quarters", (0.0,), (0.25,))}, [(4, 10, 99)]),
            ({"limit_fill": "through:ticks=5", "ticks": TickTable("quarters", (0.0,), (0.25,))}, []),
        ],
    )
    def test_limit_rules_with_a_measure(self, rule, found):
        bars = session(100, 100, (101, 102, 99, 100), (101, 102, 98, 100))
        order = simulated(bars, FillModel(**rule), s2=lambda s: s.buy(size=10, exectype=Order.Limit, price=99)).made[0]
        assert bits(order) == found

    @pytest.mark.parametrize(
        ("knob", "said"),
        [
            ({"limit_fill": "queue"}, "only the event-driven replay keeps queues"),
            ({"latency": DrawnLatency(mean=60.0, sd=30.0)}, "only the event-driven replay draws a latency"),
        ],
    )
    def test_what_only_the_replay_keeps_is_refused_before_the_first_bar(self, knob, said):
        with pytest.raises(UsageError, match=said):
            simulated(session(100, 100), FillModel(**knob))

    @given(markets(("A",)), fill_models, st.integers(20, 60), st.booleans())
    @settings(deadline=None, max_examples=60)
    @pytest.mark.slow
    def test_no_limit_order_pays_more_than_its_limit_or_lies_outside_the_bar(self, bars, model, limit, buys):
        def place(strategy):
            return (strategy.buy if buys else strategy.sell)(size=500, exectype=Order.Limit, price=limit / 2)

        order = simulated(bars, model, cash=1e9, s1=place).made[0]
        ends = {int(start) + bars.step: i for i, start in enumerate(bars.start)}
        for bit in order.executed.exbits:
            i = ends[round((bit.dt - 719_163) * 86_400) * 1_000_000_000]
            assert bars.low[i] <= bit.price <= bars.high[i]
            assert bit.price <= limit / 2 if buys else bit.price >= limit / 2
            assert bars.volume[i] > 0


class TestStops:
    def test_a_stop_that_a_bar_triggers_fills_in_the_next_one(self):
        bars = session(100, 100, (100, 106, 100, 104), (103, 108, 102, 107))
        order = simulated(bars, s1=lambda s: s.buy(size=10, exectype=Order.Stop, price=105)).made[0]
        assert bits(order) == [(4, 10, 103)]

    def test_a_stop_to_sell_is_triggered_by_the_low(self):
        bars = session(100, (100, 100, 96, 99), (98, 99, 97, 98), 98)
        order = simulated(bars, s1=lambda s: s.sell(size=10, exectype=Order.Stop, price=95)).made[0]
        assert bits(order) == []
        order = simulated(bars, s1=lambda s: s.sell(size=10, exectype=Order.Stop, price=96)).made[0]
        assert bits(order) == [(3, -10, 98)]

    def test_a_bar_without_volume_triggers_nothing(self):
        bars = session(100, (100, 106, 100, 104, 0.0), 100, 100)
        assert bits(simulated(bars, s1=lambda s: s.buy(size=10, exectype=Order.Stop, price=105)).made[0]) == []

    def test_a_stop_rests_at_the_venue_so_latency_is_paid_once(self):
        bars = session(100, (100, 106, 100, 104), (100, 106, 100, 104), 103, 102)
        order = simulated(bars, FillModel(latency=1800), s1=lambda s: s.buy(size=10, exectype=Order.Stop, price=105)).made[0]
        assert bits(order) == [(4, 10, 103)]

    def test_a_stop_limit_waits_for_its_limit_from_the_next_bar_on(self):
        bars = session(100, (100, 106, 99, 104), (107, 108, 106, 107), (106, 107, 103, 104), 100)
        order = simulated(bars, s1=lambda s: s.buy(size=10, exectype=Order.StopLimit, price=105, plimit=104)).made[0]
        assert bits(order) == [(4, 10, 104)]

    def test_a_trailing_stop_follows_the_closes(self):
        rows = [100, 104, (108, 108, 107, 108), (107, 107, 105, 106), (106, 107, 103, 104), 102, 101]
        # 4 below the best close: 96, 100, 104; the fifth bar trades at 103, the sixth is met
        order = simulated(session(*rows), s1=lambda s: s.sell(size=10, exectype=Order.StopTrail, trailamount=4)).made[0]
        assert bits(order) == [(6, -10, 102)]

    def test_a_trailing_stop_limit_carries_its_limit_along(self):
        rows = [100, 104, 108, (106, 107, 103, 104), (101, 102, 100, 101), (101, 103.5, 101, 102), 104]
        place = partial(self.trail_limit, trailamount=4, price=100, plimit=99)
        # stop 104 and limit 1 below, 103: triggered in the fourth bar, reached by the sixth
        assert bits(simulated(session(*rows), s1=place).made[0]) == [(6, -10, 103)]

    @staticmethod
    def trail_limit(strategy, **terms):
        return strategy.sell(size=10, exectype=Order.StopTrailLimit, **terms)

    def test_a_trailing_stop_meets_a_bar_once_however_often_another_feed_ticks(self):
        bars = both(session(*[100] * 13), session(100, (100, 110, 99, 110), None, None, 110, 110, symbol="B"))
        order = simulated(bars, s1=lambda s: s.sell(s.getdatabyname("B"), size=10, exectype=Order.StopTrail, trailamount=5)).made[0]
        assert bits(order) == []  # its level of 105 came after the low of 99

    def test_a_triggered_stop_takes_part_in_the_cap(self):
        bars = session(100, (100, 106, 100, 104), 104, 104, 104)
        order = simulated(bars, FillModel(max_participation=0.1), s1=lambda s: s.buy(size=250, exectype=Order.Stop, price=105)).made[0]
        assert bits(order) == [(3, 100, 104), (4, 100, 104), (5, 50, 104)]


class TestLifeOfAnOrder:
    def test_one_cancels_the_other(self):
        def place(strategy):
            low = strategy.buy(size=10, exectype=Order.Limit, price=95)
            return low, strategy.buy(size=10, exectype=Order.Stop, price=105, oco=low)

        strategy = simulated(session(100, 100, (98, 99, 94, 96), (100, 110, 100, 110), 110), s1=place)
        low, high = strategy.made[0]
        assert (low.status, high.status) == (Order.Completed, Order.Canceled)

    @pytest.mark.parametrize(("rows", "won"), [(((104, 106, 104, 106),), 2), (((96, 96, 93, 94), 95), 1)], ids=["profit", "loss"])
    def test_a_bracket_opens_and_one_side_closes(self, rows, won):
        strategy = simulated(
            session(100, 100, 100, *rows, 100, 100),
            s1=lambda s: s.buy_bracket(size=10, exectype=Order.Market, stopprice=95, limitprice=105),
        )
        orders = strategy.made[0]
        assert strategy.statuses(orders[0]) == ["Submitted", "Accepted", "Completed"]
        assert [strategy.statuses(one)[-1] for one in orders[1:]] == (["Completed", "Canceled"] if won == 1 else ["Canceled", "Completed"])
        assert strategy.position.size == 0

    def test_the_other_side_of_a_bracket_rests_at_the_venue_too_and_goes_without_latency(self):
        bars = session(100, 100, 100, 106, (94, 94, 94, 94), 94)
        place = partial(bt.Strategy.buy_bracket, size=10, exectype=Order.Market, stopprice=95, limitprice=105)
        strategy = simulated(bars, FillModel(latency=60), s1=place)
        assert [(step, status) for step, _, status in strategy.heard if status in {"Completed", "Canceled"}] == [
            (3, "Completed"), (4, "Completed"), (4, "Canceled")
        ]  # fmt: skip

    @pytest.mark.parametrize("fills", ["backtrader", "exec_algos"])
    def test_a_bracket_without_cash_is_refused_as_backtrader_refuses_it(self, fills):
        place = acts(s1=lambda s: s.buy_bracket(size=10, exectype=Order.Market, stopprice=95, limitprice=105))
        strategy = run_orders(FLAT, act=place, strategy=Teller, fills=fills, cash=10.0)
        assert [strategy.statuses(one)[-1] for one in strategy.made[0]] == ["Margin", "Rejected", "Rejected"]

    def test_a_limit_order_expires(self):
        valid = timedelta(hours=1)
        strategy = simulated(FLAT, s1=lambda s: s.buy(size=10, exectype=Order.Limit, price=90, valid=valid))
        assert strategy.statuses(strategy.made[0]) == ["Submitted", "Accepted", "Expired"]
        assert [step for step, _, status in strategy.heard if status == "Expired"] == [4]

    def test_an_order_is_cancelled_before_it_was_looked_at(self):
        strategy = simulated(FLAT, s1=lambda s: s.cancel(s.buy(size=10)))
        assert strategy.position.size == 0
        assert [status for _, _, status in strategy.heard] == ["Submitted", "Canceled"]

    def test_a_cancel_takes_as_long_as_an_order(self):
        bars = session(*[100] * 4, (100, 100, 89, 95), 100, 100)
        late = FillModel(latency=60)
        strategy = simulated(bars, late, s1=lambda s: s.buy(size=10, exectype=Order.Limit, price=90), s4=lambda s: s.cancel(s.made[0]))
        # asked at 11:30, there at 11:31: the bar of 11:30 may still fill it
        assert bits(strategy.made[0]) == [(5, 10, 90)]
        strategy = simulated(bars, late, s1=lambda s: s.buy(size=10, exectype=Order.Limit, price=90), s3=lambda s: s.cancel(s.made[0]))
        assert strategy.statuses(strategy.made[0])[-1] == "Canceled"
        assert [step for step, _, status in strategy.heard if status == "Canceled"] == [4]

    def test_a_cancel_that_is_on_its_way_is_not_sent_again(self):
        strategy = simulated(
            FLAT,
            FillModel(latency=60),
            s1=lambda s: s.buy(size=10, exectype=Order.Limit, price=90),
            s3=lambda s: [s.broker.cancel(s.made[0]) for _ in "ab"],
        )
        assert strategy.made[1] == [True, False]
        assert strategy.broker.cancel(strategy.made[0]) is False  # it is over
        assert [step for step, _, status in strategy.heard if status == "Canceled"] == [4]

    def test_a_cancel_that_has_arrived_holds_for_the_bars_after_it_when_some_are_missing(self):
        bars = session(*[100] * 4, None, None, (89, 89, 89, 89), 89)
        strategy = simulated(
            bars, FillModel(latency=60), s1=lambda s: s.buy(size=10, exectype=Order.Limit, price=90), s4=lambda s: s.cancel(s.made[0])
        )
        assert strategy.statuses(strategy.made[0]) == ["Submitted", "Accepted", "Canceled"]

    @pytest.mark.parametrize(("asked", "filled"), [(105, True), (89, False)], ids=["in its bar", "before its bar"])
    def test_a_cancel_waits_for_the_bar_in_which_it_arrives(self, asked, filled):
        cerebro = minutes_and_hours()
        made = []

        class Cancelling(bt.Strategy):
            def next(self):
                if len(self.data) == 35:
                    made.append(self.buy(self.getdatabyname("hour"), size=10, exectype=Order.Limit, price=300.0))
                if len(self.data) == asked:
                    self.cancel(made[0])

        cerebro.addstrategy(Cancelling)
        cerebro.run()
        # ordered at 10:05, for the bar of 11:00 to 12:00: a cancel of 11:15 arrives in it, that of 10:59 as it begins
        assert made[0].status == (Order.Completed if filled else Order.Canceled)

    @pytest.mark.parametrize("kind", ["Close", "Historical"])
    def test_other_kinds_are_refused(self, kind):
        with pytest.raises(UsageError, match=f"fills Market, Limit and Stop orders, got {kind}; use backtrader's own broker"):
            simulated(FLAT, s1=lambda s: s.buy(size=10, exectype=getattr(Order, kind), price=100.0))

    def test_an_order_history_is_refused(self):
        cerebro = cerebro_of(FLAT, fills="exec_algos")
        cerebro.add_order_history([("2025-11-24T11:00:00", 10, 100.0)])
        with pytest.raises(UsageError, match="an order history has its own fills"):
            cerebro.run()


class Futures(bt.CommInfoBase):
    params = (("margin", 500.0), ("mult", 10.0), ("stocklike", False), ("commtype", bt.CommInfoBase.COMM_FIXED))


SIZES = (40, -100, 30, 80, -20, -90)  # through zero, twice


def trade_all(strategy):
    if strategy.steps <= len(SIZES):
        size = SIZES[strategy.steps - 1]
        (strategy.buy if size > 0 else strategy.sell)(size=abs(size))
    strategy.values = [*getattr(strategy, "values", []), (strategy.broker.getcash(), strategy.broker.getvalue(), strategy.position.size)]


class Dealer(Worker):
    """Trades `SIZES`, a market order a bar, and keeps each execution once."""

    def __init__(self):
        super().__init__()
        self.orders_seen, self.values = {}, []

    def notify_order(self, order):
        self.orders_seen[order.ref] = order

    @property
    def executions(self):
        return [bit for order in self.orders_seen.values() for bit in order.executed.exbits]


RISING = session(*[100 + i for i in range(13)])
COSTS = FillModel(
    max_participation=0.05,
    spread=FixedSpread(10),
    impact=SquareRootImpact(0.01),
    commission=Commission(rate=1e-4, per_share=0.01, minimum=2.5),
)


def dealt(model, info=None, *, cash=1e6, shortcash=True, bars=RISING):
    cerebro = cerebro_of(bars, cash=cash)
    cerebro.broker.set_shortcash(shortcash)
    if info is not None:
        cerebro.broker.addcommissioninfo(info)
    plug_in(cerebro, fills="exec_algos", fill_model=model, calendar="XNYS")
    cerebro.addstrategy(Dealer, act=trade_all)
    return cerebro.run()[0]


class TestBooks:
    @pytest.mark.parametrize("shortcash", [True, False])
    @pytest.mark.parametrize("model", [FillModel(), COSTS], ids=["plain", "costs"])
    def test_of_shares_cash_position_and_value_of_each_bar_follow_from_the_executions(self, model, shortcash):
        strategy = dealt(model, shortcash=shortcash)
        stamps = list(strategy.data.datetime.array[:13])
        assert len(strategy.executions) >= len(SIZES)
        for stamp, close, (cash, value, held) in zip(stamps, RISING.close, strategy.values, strict=True):
            past = [bit for bit in strategy.executions if bit.dt <= stamp]
            worth = 1e6 - sum(bit.size * bit.price + bit.comm for bit in past)
            assert held == sum(bit.size for bit in past)
            if shortcash or held >= 0:
                assert cash == pytest.approx(worth, abs=1e-6)
            if shortcash:
                assert value == pytest.approx(worth + held * close, abs=1e-6)

    @pytest.mark.parametrize("model", [FillModel(), COSTS], ids=["plain", "costs"])
    def test_of_futures_the_margin_is_held_and_profit_is_paid_each_bar(self, model):
        strategy = dealt(model, Futures(commission=0.0))
        stamps = list(strategy.data.datetime.array[:13])
        for stamp, close, (cash, value, held) in zip(stamps, RISING.close, strategy.values, strict=True):
            past = [bit for bit in strategy.executions if bit.dt <= stamp]
            earned = sum(10.0 * bit.size * (close - bit.price) - bit.comm for bit in past)
            assert (value, cash) == (pytest.approx(1e6 + earned), pytest.approx(1e6 + earned - 500.0 * abs(held)))

    def test_leverage_asks_for_a_part_of_the_cash(self):
        cerebro = cerebro_of(FLAT, cash=1000.0)
        cerebro.broker.setcommission(leverage=4.0)
        plug_in(cerebro, fills="exec_algos", fill_model=FillModel(commission=Commission(minimum=1.0)))
        cerebro.addstrategy(Worker, act=acts(s1=lambda s: s.buy(size=30)))
        strategy = cerebro.run()[0]
        assert (strategy.position.size, cerebro.broker.getcash()) == (30, 1000 - 30 * 100 / 4 - 1)

    @pytest.mark.parametrize("charged", [0.0, 1.0])
    def test_interest_on_a_short_position_is_taken_each_day_beside_the_fill_models_commission(self, charged):
        bars = both_days(session(*[100] * 3), session(*[100] * 3, day="2025-11-26"))
        cerebro = cerebro_of(bars, cash=1e6)
        cerebro.broker.setcommission(interest=0.365)
        plug_in(cerebro, fills="exec_algos", fill_model=FillModel(commission=Commission(minimum=charged)))
        cerebro.addstrategy(Worker, act=acts(s1=lambda s: s.sell(size=10), s4=lambda s: s.buy(size=10)))
        sold, bought = cerebro.run()[0].made
        # two days at 0.1 % a day of 1,000
        assert cerebro.broker.getcash() == pytest.approx(1e6 - 2.0 - 2 * charged)
        assert (sold.executed.comm, bought.executed.comm) == (pytest.approx(charged), pytest.approx(charged + 2.0))

    def test_the_minimum_is_charged_once_an_order_however_many_executions_it_has(self):
        model = FillModel(max_participation=0.1, commission=Commission(per_share=0.01, minimum=2.5))
        order = simulated(FLAT, model, s1=lambda s: s.buy(size=350)).made[0]
        # 100 shares a bar: 1.00, 2.00, 3.00 and 3.50 in all, of which the minimum is 2.50
        assert [bit.comm for bit in order.executed.exbits] == pytest.approx([2.5, 0.0, 0.5, 0.5])

    def test_an_order_through_zero_is_charged_once(self):
        model = FillModel(commission=Commission(rate=1e-3, minimum=2.5))
        strategy = simulated(FLAT, model, s1=lambda s: s.buy(size=1), s3=lambda s: s.sell(size=10))
        assert [order.executed.comm for order in strategy.made] == [2.5, 2.5]
        assert strategy.broker.getcash() == pytest.approx(1e9 - 100 + 1000 - 5.0)

    def test_what_closes_and_what_opens_sum_to_the_fee_to_the_last_digit(self):
        model = FillModel(commission=Commission(rate=1.7e-4))
        turned = simulated(session(*[100.37] * 13), model, s1=lambda s: s.buy(size=2), s3=lambda s: s.sell(size=7)).made[1]
        # in floats the fee of 2 shares and what is left of that of 7 do not sum to that of 7
        assert [bit.comm for bit in turned.executed.exbits] == [1.7e-4 * (7 * 100.37)]

    def test_dust_of_fractions_that_is_closed_costs_no_second_minimum(self):
        model = FillModel(commission=Commission(minimum=2.5))
        steps = {f"s{i}": lambda s: s.buy(size=0.1) for i in (1, 2, 3)}
        strategy = simulated(FLAT, model, **steps, s4=lambda s: s.sell(size=0.3), s6=lambda s: s.sell(size=1))
        assert [order.executed.comm for order in strategy.made] == [2.5] * 5
        assert strategy.broker.getcash() == pytest.approx(1e9 - 12.5 + 100)

    def test_backtraders_commission_alone_is_in_the_fills(self):
        orders = [("A", 40, HALF_HOURS, 1, {"until": "11:00"})]
        strategy = simulated(FLAT, FillModel(), before=lambda broker: broker.setcommission(commission=0.001), orders=orders)
        assert [one.commission for one in strategy.parents[0].fills] == pytest.approx([2.0, 2.0])
        assert strategy.broker.getcash() == pytest.approx(1e9 - 4004.0)

    @pytest.mark.parametrize("name", [None, "A"])
    def test_commission_in_two_places_is_refused(self, name):
        with pytest.raises(UsageError, match="commission is set both by setcommission and in the fill model"):
            simulated(
                FLAT, FillModel(commission=Commission(minimum=1.0)), before=lambda broker: broker.setcommission(commission=0.001, name=name)
            )

    def test_commission_in_two_places_is_refused_also_when_the_strategy_sets_it(self):
        with pytest.raises(UsageError, match="commission is set both"):
            simulated(
                FLAT,
                FillModel(commission=Commission(minimum=1.0)),
                s1=lambda s: s.broker.setcommission(commission=1e-3),
                s2=lambda s: s.buy(size=1),
            )

    def test_a_commission_scheme_of_the_users_own_is_refused_beside_the_fill_models(self):
        class Mine(bt.CommInfoBase):
            def _getcommission(self, size, price, pseudoexec):
                return 7.0

        with pytest.raises(UsageError, match="commission is set both"):
            dealt(FillModel(commission=Commission(minimum=1.0)), Mine())
        assert {bit.comm for bit in dealt(FillModel(), Mine()).executions} == {7.0, 14.0}


def both_days(first, second):
    rows = [(s, *[100.0] * 4, 1000.0, NAN) for table in (first, second) for s in table.start.tolist()]
    return bars_of({"A": rows})


class TestMargin:
    def test_an_order_without_cash_books_nothing_and_leaves_the_bar_to_others(self):
        def place(strategy):
            return strategy.buy(size=80), strategy.sell(size=90)

        # affordable at 100, not at 120; the cap of the bar is 100 shares
        bars = session(100, (120, 120, 120, 120), 120)
        strategy = simulated(bars, FillModel(max_participation=0.1), cash=9000.0, s1=place)
        refused, sold = strategy.made[0]
        assert strategy.statuses(refused) == ["Submitted", "Accepted", "Margin"]
        assert bits(refused) == []
        assert bits(sold) == [(2, -90, 120)]
        assert strategy.broker.getcash() == 9000 + 90 * 120

    def test_what_closes_is_booked_and_charged_where_what_opens_has_no_cash(self):
        model = FillModel(commission=Commission(per_share=1.0, minimum=15.0))
        bars = session(100, 100, 100, (1000,) * 4, 1000)
        # sell 10, then buy 30 at a price at which only 10 can be paid for
        strategy = simulated(bars, model, cash=12_000.0, s1=lambda s: s.sell(size=10), s3=lambda s: s.buy(size=30))
        turned = strategy.made[1]
        assert strategy.statuses(turned)[-1] == "Margin"
        assert bits(turned) == [(4, 10, 1000)]
        assert [bit.comm for bit in turned.executed.exbits] == [15.0]
        assert strategy.broker.getcash() == 12_000 + 1000 - 15 - 10_000 - 15
        assert strategy.position.size == 0

    def test_a_parent_without_cash_gives_up_after_three_children_and_tells_what_is_left(self):
        orders = [("A", 120, HALF_HOURS, 1, {"until": "15:30"})]
        strategy = simulated(FLAT, FillModel(commission=Commission(minimum=1.0)), cash=1_150.0, orders=orders)
        parent = strategy.parents[0]
        assert (parent.filled, parent.residual, parent.over) == (11, 109, True)
        assert [error for error in parent.errors if "Margin" in error] == parent.errors[:3]
        assert strategy.broker.getcash() == 1_150 - 1_101
        assert strategy.position.size == 11

    def test_a_parent_goes_on_when_the_cash_comes_back(self):
        orders = [("A", 100, HALF_HOURS, 1, {"until": "12:00"})]
        # 25 shares a slice, and 2,600 of cash: the second child is refused, then money is added
        strategy = simulated(FLAT, FillModel(), cash=2_600.0, orders=orders, s3=lambda s: s.broker.add_cash(1e5))
        parent = strategy.parents[0]
        assert [one.quantity for one in parent.fills] == [25, 75]
        assert (parent.residual, len(parent.errors)) == (0, 2)


class TestPlugIn:
    def test_what_was_set_before_is_kept(self):
        cerebro = cerebro_of(FLAT, cash=4321.0)
        cerebro.broker.setcommission(commission=0.002, name="A")
        cerebro.broker.set_shortcash(False)
        cerebro.broker.set_checksubmit(False)
        cerebro.broker.set_int2pnl(False)
        cerebro.broker.set_fundmode(True, 50.0)
        infos = cerebro.broker.comminfo
        plug_in(cerebro, fills="exec_algos")
        broker = cerebro.broker
        assert isinstance(broker, ExecutionBroker)
        assert (broker.getcash(), broker.startingcash) == (4321.0, 4321.0)
        assert (broker.p.shortcash, broker.p.checksubmit, broker.p.int2pnl) == (False, False, False)
        assert (broker.fundmode, broker.p.fundstartval) == (True, 50.0)
        assert broker.comminfo == infos

    def test_after_a_run_the_cash_is_that_of_the_beginning(self):
        cerebro = cerebro_of(FLAT, cash=5000.0)
        cerebro.addstrategy(Worker, act=acts(s1=lambda s: s.buy(size=10)))
        cerebro.run()
        plug_in(cerebro, fills="exec_algos")
        assert cerebro.broker.getcash() == 5000.0

    def test_a_second_call_keeps_the_fill_model_that_is_there(self):
        cerebro = cerebro_of(FLAT, fills="exec_algos", fill_model=FillModel(price="close"))
        plug_in(cerebro, fills="exec_algos", calendar="XNYS")
        assert cerebro.broker.p.fill_model == FillModel(price="close")

    @pytest.mark.parametrize(
        ("name", "lose"),
        [
            ("filler", lambda broker: broker.set_filler(bt.broker.fillers.FixedSize(size=10))),
            ("slip_perc", lambda broker: broker.set_slippage_perc(0.001)),
            ("slip_fixed", lambda broker: broker.set_slippage_fixed(0.01)),
            ("coc", lambda broker: broker.set_coc(True)),
            ("coo", lambda broker: broker.set_coo(True)),
            ("eosbar", lambda broker: broker.set_eosbar(True)),
        ],
    )
    def test_options_that_the_fill_model_replaces_are_refused_before_and_after(self, name, lose):
        cerebro = cerebro_of(FLAT)
        lose(cerebro.broker)
        with pytest.raises(UsageError, match=f"{name} of the broker would be lost"):
            plug_in(cerebro, fills="exec_algos")
        cerebro = cerebro_of(FLAT, fills="exec_algos")
        cerebro.addstrategy(Worker)
        lose(cerebro.broker)
        with pytest.raises(UsageError, match=f"{name} set on an ExecutionBroker"):
            cerebro.run()

    def test_cheat_on_open_is_told_how_to_leave_the_broker_alone(self):
        cerebro = cerebro_of(FLAT, fills="exec_algos", cheat_on_open=True)
        cerebro.addstrategy(Worker)
        with pytest.raises(UsageError, match=r"Cerebro\(broker_coo=False\)"):
            cerebro.run()

    def test_a_broker_class_of_the_users_own_is_not_replaced(self):
        class Mine(bt.brokers.BackBroker):
            pass

        cerebro = bt.Cerebro()
        cerebro.setbroker(Mine())
        with pytest.raises(UsageError, match="trades through Mine, whose ways would be lost; leave fills='backtrader'"):
            plug_in(cerebro, fills="exec_algos")

    def test_a_fill_model_without_our_fills_is_refused(self):
        with pytest.raises(UsageError, match="a fill_model is used with fills='exec_algos' only"):
            plug_in(bt.Cerebro(), fill_model=FillModel())

    def test_unknown_fills_are_refused(self):
        with pytest.raises(UnknownNameError, match="unknown kind of fills 'ours'"):
            plug_in(bt.Cerebro(), fills="ours")

    def test_a_second_run_starts_afresh(self):
        cerebro = cerebro_of(FLAT, fills="exec_algos", fill_model=FillModel(max_participation=0.1, latency=60), cash=1e5)
        cerebro.addstrategy(Worker, act=acts(s1=lambda s: s.buy(size=250)))
        first, second = (cerebro.run()[0].made[0] for _ in range(2))
        assert bits(first) == bits(second) != []
        assert cerebro.broker.getcash() == 1e5 - 25_000

    def test_a_feed_of_days_may_stand_beside_but_takes_no_orders(self):
        def run(place):
            cerebro = cerebro_of(FLAT, fills="exec_algos")
            cerebro.resampledata(cerebro.datas[0], name="days", timeframe=bt.TimeFrame.Days)
            cerebro.addstrategy(Worker, act=acts(s2=place))
            return cerebro.run()[0]

        assert bits(run(lambda s: s.buy(s.getdatabyname("A"), size=10)).made[0]) == [(3, 10, 100)]
        bars = session(*[100] * 13)
        cerebro = cerebro_of(bars, fills="exec_algos", runonce=False)
        cerebro.adddata(Raw(rows=((1.0,) * 5,) * 3, timeframe=bt.TimeFrame.Days), name="days")
        cerebro.addstrategy(Worker, act=acts(s2=lambda s: s.buy(s.getdatabyname("days"), size=10)))
        with pytest.raises(UsageError, match="feed days has bars of Day"):
            cerebro.run()


class Sized(ExecutionMixin, bt.Strategy):
    """At module level, for worker processes are sent its name."""

    params = (("shares", 0),)

    def next(self):
        if len(self) == 2:
            self.execute(None, self.p.shares, HALF_HOURS, until="12:30")

    def stop(self):
        self.p.shares = self.parents[0].filled


def shares_of(cerebro):
    return [run[0].params.shares for run in cerebro.run(maxcpus=1)]


def optimising():
    cerebro = cerebro_of(FLAT, fills="exec_algos", fill_model=FillModel(max_participation=0.05), calendar="XNYS")
    cerebro.optstrategy(Sized, shares=(100, 500))
    return cerebro


class TestProcesses:
    def test_a_cerebro_with_an_execution_broker_is_pickled(self):
        again = pickle.loads(pickle.dumps(optimising()))
        assert again.broker.p.filler.__self__ is again.broker
        assert shares_of(again) == [100, 200]  # 50 shares a bar, four bars

    def test_a_broker_that_has_run_is_pickled(self):
        cerebro = cerebro_of(FLAT, fills="exec_algos", fill_model=COSTS)
        cerebro.run()
        assert isinstance(pickle.loads(pickle.dumps(cerebro.broker.p)).fill_model, FillModel)

    @pytest.mark.slow
    def test_in_a_process_that_was_spawned(self):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.apply(shares_of, (optimising(),)) == [100, 200]


@pytest.mark.slow
def test_what_is_kept_of_orders_does_not_grow_with_their_number():
    cerebro = cerebro_of(session(*[100] * 13), fills="exec_algos", fill_model=FillModel())

    def act(strategy):
        for _ in range(200):
            strategy.cancel(strategy.buy(size=1, exectype=Order.Limit, price=1.0))
            if strategy.steps < 10:
                strategy.buy(size=1)

    cerebro.addstrategy(Worker, act=act)
    broker = cerebro.run()[0].broker
    own = {name: value for name, value in vars(broker).items() if name not in vars(bt.brokers.BackBroker())}
    assert all(len(value) < 20 for value in own.values() if hasattr(value, "__len__"))
    assert math.isfinite(broker.getvalue())


def test_of_an_execution_that_is_booked_in_part_tax_and_used_volume_are_those_of_the_part():
    tax = FeeComponent("tax", (Period(date.min, date.max, FeeTerms(0.001)),), ("SELL",), tax=True)
    cerebro = cerebro_of(FLAT, cash=5_600.0)
    cerebro.broker.addcommissioninfo(bt.CommInfoBase(margin=500.0, stocklike=False, commtype=bt.CommInfoBase.COMM_FIXED))
    cerebro.broker.set_checksubmit(False)
    plug_in(
        cerebro,
        fills="exec_algos",
        fill_model=FillModel(commission=FeeSchedule("any", "USD", (tax,)), max_participation=0.05),
        calendar="XNYS",
    )
    cerebro.addstrategy(Teller, act=acts(s1=lambda s: s.buy(size=10), s3=lambda s: (s.sell(size=40), s.buy(size=11))))
    strategy = cerebro.run()[0]
    sale, purchase = strategy.made[1]
    (bit,) = sale.executed.exbits
    # the cash is there to close 10, not to open 30 more
    assert (bit.closed, bit.opened, strategy.position.size) == (-10, 0, 11)
    assert (bit.comm, bit.taxes) == (1.0, 1.0)
    assert bits(purchase) == [(4, 11, 100)]  # of the 50 that the bar gives, 40 were left


@pytest.mark.parametrize(("side", "touched"), [("buy", (100, 101, 100, 100)), ("sell", (100, 100, 99, 100))])
def test_a_bar_that_comes_to_the_level_of_a_stop_triggers_it(side, touched):
    level = touched[1] if side == "buy" else touched[2]
    order = simulated(session(100, touched, 98, 98), s1=lambda s: getattr(s, side)(size=10, exectype=Order.Stop, price=level)).made[0]
    assert bits(order) == [(3, 10 if side == "buy" else -10, 98)]


def test_a_feed_without_volume_is_refused_with_its_first_order():
    silent = session(*[100] * 6, volume=0.0)
    with pytest.raises(
        UsageError, match="feed A has no volume in any bar, where a fill model fills nothing; give the feed its volume column"
    ):
        simulated(silent, s1=lambda s: s.buy(size=10))
    assert bits(simulated(session(100, 100, (100, 100, 100, 100, 0.0), 100), s2=lambda s: s.buy(size=10)).made[0]) == [(4, 10, 100)]
    simulated(silent)  # without orders it is nobody's harm


def test_interest_stays_where_an_execution_turns_a_position():
    model, sizes = FillModel(commission=Commission(rate=0.001)), (10, -30)

    def act(strategy):
        if strategy.steps in {1, 14}:  # a day between
            size = sizes[strategy.steps > 1]
            strategy.made = [*getattr(strategy, "made", []), (strategy.buy if size > 0 else strategy.sell)(size=abs(size))]

    bars = both_days(FLAT, session(*[100] * 13, day="2025-11-25"))
    cerebro = cerebro_of(bars, cash=1e6)
    cerebro.broker.addcommissioninfo(bt.CommInfoBase(interest=0.365, interest_long=True, commtype=bt.CommInfoBase.COMM_PERC))
    plug_in(cerebro, fills="exec_algos", fill_model=model, calendar="XNYS")
    cerebro.addstrategy(Worker, act=act)
    (bit,) = cerebro.run()[0].made[1].executed.exbits
    # 10 shares at 100 for a day at 36.5 % a year are 1.00, and 30 at 100 cost 3.00
    assert (bit.closed, bit.opened, bit.comm) == (-10, -20, pytest.approx(4.0))
