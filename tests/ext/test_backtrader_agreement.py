"""backtrader with ``fills="exec_algos"`` and our engine are one market: equal fills, to the share and the last digit."""

import math
from collections import deque
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, NamedTuple

import backtrader as bt
import pytest
from cerebros import MODES, cerebro_of
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import DAYS, STEP, fill_models, grid_of, market, markets, ns

from exec_algos import TWAP, VWAP, BacktestEngine, Bars, Commission, FillModel, OrderEvent, Strategy
from exec_algos.algorithms.curve import follow_curve
from exec_algos.costs import FixedSpread, SquareRootImpact
from exec_algos.costs.fees import FeeComponent, FeeSchedule, FeeTerms, Period
from exec_algos.errors import OrderRejectedError, RunError, UsageError
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.ext.backtrader import ExecutionMixin
from exec_algos.market.samples import load_samples
from exec_algos.model import NO_RULES, Decision, Rules

DAY = 86_400_000_000_000
REFUSED = "refused"


class Plan(NamedTuple):
    """A parent order: when it is given (ns UTC; with the first bar from then on), and its terms; a negative size sells."""

    instant: int
    symbol: str
    size: float
    algorithm: object
    start: object = None
    until: object = None
    lot_size: float = 1
    max_participation: float | None = None
    rules: Rules = NO_RULES

    def late(self, now):
        return False


class Own(NamedTuple):
    """An order of the strategy's own, good till cancelled; a market order where `limit` is NaN.

    Given at its instant or not at all: for one that is given out of hours our engine's latency begins at the open.
    """

    instant: int
    symbol: str
    size: float
    limit: float = math.nan

    @property
    def limited(self):
        return self.limit == self.limit

    def late(self, now):
        return now > self.instant


FAR = 4_000_000_000_000_000_000


def engine_fills(bars, plans, model, calendar="XNYS"):
    """(number of the plan, symbol, time, shares, price, commission, side) of every fill in our engine, and the plans it refused."""
    fills, refused = [], set()

    class Planned(Strategy):
        def __init__(self, event_queue, data_handler):
            super().__init__(event_queue, data_handler)
            self.waiting, self.given = list(enumerate(plans)), deque()

        def on_bar(self, event):
            for number, plan in [one for one in self.waiting if one[1].instant <= event.time]:
                self.waiting.remove((number, plan))
                if plan.late(event.time):
                    continue
                self.given.append((number, plan))
                side = "BUY" if plan.size > 0 else "SELL"
                self.event_queue.put(OrderEvent(symbol=plan.symbol, side=side, quantity=abs(plan.size)))

        async def on_order(self, order):
            number, plan = self.given.popleft()
            assert (order.symbol, order.quantity) == (plan.symbol, abs(plan.size))
            if isinstance(plan, Own):
                kind = ("LMT", plan.limit) if plan.limited else ("MKT", None)
                got = await self.broker.place_order(plan.symbol, order.quantity, *kind, side=order.side, expires=FAR)
                fills.extend(row_of(number, one) for one in got.parts or [got] if one.quantity)
                return
            terms = {"lot_size": plan.lot_size, "max_participation": plan.max_participation, "rules": plan.rules}
            executor = AlgorithmExecutor(self.broker)
            try:
                got = await executor.execute(
                    plan.symbol, order.quantity, plan.algorithm, start=plan.start, end=plan.until, side=order.side, **terms
                )
            except (UsageError, OrderRejectedError):
                refused.add(number)
                raise OrderRejectedError(REFUSED) from None
            fills.extend(row_of(number, one) for one in got)

    BacktestEngine(bars, [Planned], fill_model=model, calendar=calendar).run()
    return sorted(fills), refused


def row_of(number, fill):
    return number, fill.ticker, fill.time, fill.quantity, fill.fill_price, fill.commission, int(fill.side), fill.taxes


def stamp_of(number):
    """ns UTC of one of backtrader's stamps."""
    return round((number - 719_163) * 86_400) * 1_000_000_000


class Planner(ExecutionMixin, bt.Strategy):
    params = (("plans", ()),)

    def __init__(self):
        self.waiting, self.given, self.refused, self.own = list(enumerate(self.p.plans)), {}, set(), {}

    def prenext(self):
        self.next()

    def next(self):
        now = max(stamp_of(data.datetime[0]) for data in self.datas if len(data))
        for number, plan in [one for one in self.waiting if one[1].instant <= now]:
            self.waiting.remove((number, plan))
            if plan.late(now):
                continue
            if isinstance(plan, Own):
                place, data = self.buy if plan.size > 0 else self.sell, self.getdatabyname(plan.symbol)
                kind = {"exectype": bt.Order.Limit, "price": plan.limit} if plan.limited else {}
                self.own[number] = place(data, size=abs(plan.size), **kind)
                continue
            terms = {"start": plan.start, "until": plan.until, "lot_size": plan.lot_size, "rules": plan.rules}
            terms["max_participation"] = plan.max_participation
            try:
                parent = self.execute(plan.symbol, plan.size, plan.algorithm, **terms)
            except UsageError:
                self.refused.add(number)
            else:
                self.given[parent.parent.parent_id] = number


def backtrader_fills(bars, plans, model, calendar="XNYS", mode="runonce"):
    """The same of a backtrader run; checks its books too."""
    cerebro = cerebro_of(bars, mode=mode, fills="exec_algos", fill_model=model, calendar=calendar, cash=1e12)
    cerebro.addstrategy(Planner, plans=tuple(plans))
    strategy = cerebro.run()[0]
    fills = [row_of(strategy.given[one.parent_id], one) for parent in strategy.parents for one in parent.fills]
    early = bars.step if model.price == "open" else 0
    for number, order in strategy.own.items():
        side = 1 if order.isbuy() else -1
        got = [(stamp_of(bit.dt) - early, abs(bit.size), bit.price, bit.comm, side, bit.taxes) for bit in order.executed.exbits]
        fills += [(number, order.data._name, *one) for one in got]
    fills.sort()
    books_are_the_sum_of(strategy, fills)
    return fills, strategy.refused


def books_are_the_sum_of(strategy, fills):
    spent = sum(shares * price * side + fee for _, _, _, shares, price, fee, side, _ in fills)
    assert strategy.broker.getcash() == pytest.approx(1e12 - spent, abs=1e-2)
    for data in strategy.datas:
        held = sum(row[3] * row[6] for row in fills if row[1] == data._name)
        assert strategy.getposition(data).size == pytest.approx(held, abs=1e-6)


def assert_agree(bars, plans, model, **options):
    """Both sides; returns the fills."""
    ours, refused = engine_fills(bars, plans, model, options.get("calendar", "XNYS"))
    try:
        theirs, theirs_refused = backtrader_fills(bars, plans, model, **options)
    except RunError as error:  # what an executor finds out later ends the run
        if not (refused and isinstance(error.__cause__, UsageError)):
            raise
        return None
    assert theirs == ours
    silent = refused - theirs_refused  # our engine knows of no session after its last bar; a calendar does
    assert theirs_refused <= refused
    assert not silent & {row[0] for row in theirs}
    return theirs


ALGORITHMS = (
    TWAP(slice_interval_seconds=1800),
    TWAP(slice_interval_seconds=3600),
    TWAP(slice_interval_seconds=5400),
    VWAP(profile_days=1, slice_interval_seconds=1800),
    VWAP(profile_days=1, slice_interval_seconds=5400),
    VWAP(profile_days=2, slice_interval_seconds=1800),
)
INSTANTS = [start + STEP for day in DAYS for start in grid_of(day)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient(TWAP):
    """TWAP by limit orders at two given prices."""

    name: ClassVar[str] = "patient"
    slice_interval_seconds: float = 5400
    buy: float = 20.0
    sell: float = 20.0

    @property
    def decide(self):
        return follow_at_limit

    def params(self):
        return self.buy, self.sell


def follow_at_limit(terms, seen, params):
    return Decision(follow_curve(terms, seen, params).lots, params[0] if terms.side > 0 else params[1])


curves = st.sampled_from(ALGORITHMS)


@st.composite
def plans(draw, algorithms=curves):
    lot = draw(st.sampled_from([1, 1, 10, 0.001]))
    lots = draw(st.sampled_from([1, 37, 400, 20_000]))
    return Plan(
        draw(st.sampled_from(INSTANTS[:-1])),
        draw(st.sampled_from("AB")),
        draw(st.sampled_from([1, -1])) * lots * lot,
        draw(algorithms),
        start=draw(st.sampled_from([None, None, None, "12:00", ns("2025-11-28", "10:30")])),
        until=draw(st.sampled_from([None, None, "15:00", "13:00", ns("2025-11-26", "12:30"), ns("2025-12-01", "20:00")])),
        lot_size=lot,
        max_participation=draw(st.sampled_from([None, None, 0.07])),
    )


@given(markets(), st.lists(plans(), min_size=1, max_size=4), fill_models)
@settings(deadline=None, max_examples=150)
@pytest.mark.slow
def test_fills_in_backtrader_are_those_of_our_engine_on_random_markets(bars, orders, model):
    assert_agree(bars, orders, model)


limits = st.builds(Patient, buy=st.integers(30, 50).map(lambda x: x / 2), sell=st.integers(30, 50).map(lambda x: x / 2))
own_orders = st.builds(
    Own,
    st.sampled_from([start for day in DAYS for start in grid_of(day)[1:]]),
    st.sampled_from("AB"),
    st.integers(1, 3000).flatmap(lambda size: st.sampled_from([size, -size])),
    st.just(math.nan) | st.integers(30, 50).map(lambda x: x / 2),
)


@given(markets(), st.lists(plans(limits), min_size=1, max_size=4), fill_models)
@settings(deadline=None, max_examples=100)
@pytest.mark.slow
def test_fills_of_limit_orders_in_backtrader_are_those_of_our_engine(bars, orders, model):
    assert_agree(bars, orders, model)


@given(markets(), st.lists(plans() | own_orders, min_size=1, max_size=6), fill_models)
@settings(deadline=None, max_examples=150)
@pytest.mark.slow
def test_orders_of_the_strategys_own_get_what_a_child_gets_in_our_engine_and_share_its_cap_with_parents(bars, orders, model):
    assert_agree(bars, orders, model)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_in_every_mode_the_fills_are_those_of_our_engine(mode):
    # backtrader itself needs feeds in step with exactbars; a live feed tells late of an instant at which nothing traded
    bars = market(5, missing=0.0 if mode in {"exactbars", "live"} else 0.3)
    orders = [
        Plan(ns("2025-11-24", "10:00"), "A", 900, TWAP(slice_interval_seconds=1800)),
        Plan(ns("2025-11-25", "11:00"), "B", -700, VWAP(profile_days=1, slice_interval_seconds=5400), until="15:30"),
        Own(ns("2025-11-25", "11:00"), "B", 250),
        Plan(ns("2025-11-28", "09:30"), "A", -400, VWAP(profile_days=2, slice_interval_seconds=1800), max_participation=0.2),
    ]
    model = FillModel(price="vwap", max_participation=0.3, spread=FixedSpread(8), commission=Commission(per_share=0.005, minimum=1.0))
    assert len(assert_agree(bars, orders, model, mode=mode)) > 15


def test_who_comes_first_is_served_first_as_in_our_engine():
    bars = market(11, missing=0.0, silent=0.0)
    buy, sell = (Plan(ns("2025-11-24", "10:00"), "A", size, TWAP(slice_interval_seconds=1800), until="11:00") for size in (5000, -5000))
    model = FillModel(max_participation=0.1)
    first = assert_agree(bars, [buy, sell], model)
    assert {row[6] for row in first} == {1}  # the first order takes all that may be taken
    assert {row[6] for row in assert_agree(bars, [sell, buy], model)} == {-1}


REAL = {
    "us_yahoo_2026_03": ("XNYS", ("BILI", "IBKR"), 60),
    "krx_yahoo_5m": ("XKRX", ("000660", "005930"), 300),
}
REAL_MODELS = (
    FillModel(),
    FillModel(
        price="vwap", max_participation=0.05, commission=Commission(minimum=1.0), spread=FixedSpread(7), impact=SquareRootImpact(1e-3)
    ),
    FillModel(price="close", max_participation=0.02, latency=90, commission=Commission(rate=2e-4, per_share=0.003)),
)


def last_days(bars, days):
    held = bars.start // DAY
    return bars.take(held >= sorted(set(held.tolist()))[-days])


def day_orders(bars, seconds, days=5):
    """In each symbol a VWAP buy over the whole last session, a TWAP sale inside it and an order of the strategy's own."""
    opened = int(bars.start[bars.start // DAY == bars.start.max() // DAY].min())
    for symbol in bars.symbols:
        one = bars.select([symbol])
        size = int(one.volume.sum() / (days + 1) / 20) + 1
        yield Plan(opened + bars.step, symbol, size, VWAP(profile_days=days, slice_interval_seconds=seconds))
        yield Plan(opened + 20 * bars.step, symbol, -size, TWAP(slice_interval_seconds=seconds), until=opened + 50 * bars.step)
        yield Own(opened + 10 * bars.step, symbol, size)


@pytest.mark.market_data
@pytest.mark.slow
@pytest.mark.parametrize("model", REAL_MODELS, ids=["open", "vwap, cap, costs", "close, cap, late"])
@pytest.mark.parametrize("folder", REAL)
def test_on_real_bars_the_fills_are_those_of_our_engine(market_data, folder, model):
    calendar, symbols, seconds = REAL[folder]
    bars = last_days(Bars.read([market_data / folder / f"{symbol}.parquet" for symbol in symbols]), 7)
    fills = assert_agree(bars, list(day_orders(bars, seconds)), model, calendar=calendar)
    assert {row[1] for row in fills} == set(symbols)
    assert len(fills) > 50


@pytest.mark.slow
@pytest.mark.parametrize("calendar", ["XNYS", "XKRX"])
def test_on_the_sample_bars_the_fills_are_those_of_our_engine(calendar):
    bars = last_days(load_samples()[calendar], 7)
    assert len(assert_agree(bars, list(day_orders(bars, 60)), REAL_MODELS[1], calendar=calendar)) > 200


RATES = st.sampled_from([0.0, 0.0002, 0.003])
COMPONENTS = st.builds(
    lambda rate, maker, minimum, unit, sides, tax: FeeComponent(
        "fee",
        (
            Period(date.min, date(2025, 11, 25), FeeTerms(rate, 0.0, minimum, unit=unit), FeeTerms(maker, 0.0, minimum, unit=unit)),
            Period(date(2025, 11, 26), date.max, FeeTerms(2 * rate, 0.01)),
        ),
        sides,
        tax=tax,
    ),
    RATES,
    RATES,
    st.sampled_from([0.0, 1.7]),
    st.sampled_from([0.0, 0.01]),
    st.sampled_from([("BUY",), ("SELL",), ("BUY", "SELL")]),
    st.booleans(),
)
SCHEDULES = st.builds(lambda parts: FeeSchedule("any", "USD", tuple(parts)), st.lists(COMPONENTS, min_size=1, max_size=2))


@given(markets(), st.lists(plans() | plans(limits) | own_orders, min_size=1, max_size=4), SCHEDULES, st.sampled_from([0.05, 1.0]))
@settings(deadline=None, max_examples=40)
@pytest.mark.slow
def test_both_charge_the_same_fees_by_date_side_and_liquidity(bars, orders, schedule, cap):
    assert_agree(bars, orders, FillModel(max_participation=cap, commission=schedule))


def test_a_feed_with_a_date_whose_fees_are_not_known_is_refused_with_its_first_order():
    known = FeeComponent("tax", (Period(date(2025, 11, 1), date(2025, 11, 26), FeeTerms(rate=0.001)),), ("SELL",), tax=True)
    model = FillModel(commission=FeeSchedule("any", "USD", (known,)))
    with pytest.raises(UsageError, match="tax is known for trades from 2025-11-01 to 2025-11-26, not for 2025-12-01"):
        backtrader_fills(market(3), [Own(ns(DAYS[0], "10:00"), "A", 100)], model)
