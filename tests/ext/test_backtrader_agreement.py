"""backtrader with ``fills="exec_algos"`` and our engine are one market: equal fills, to the share and the last digit."""

from collections import deque
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import backtrader as bt
import pandas as pd
import pytest
from cerebros import MODES, cerebro_of
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import DAYS, STEP, fill_models, grid_of, market, markets, ns

from exec_algos import TWAP, VWAP, BacktestEngine, Bars, Commission, FillModel, OrderEvent, Side, Strategy
from exec_algos.costs import FixedSpread, SquareRootImpact
from exec_algos.errors import OrderRejectedError, RunError, UsageError
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.executors.curve import follow_curve
from exec_algos.ext.backtrader import ExecutionMixin
from exec_algos.market.samples import load_samples
from exec_algos.model import Decision

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
                self.given.append((number, plan))
                side = "BUY" if plan.size > 0 else "SELL"
                self.event_queue.put(OrderEvent(symbol=plan.symbol, side=side, quantity=abs(plan.size)))

        async def on_order(self, order):
            number, plan = self.given.popleft()
            assert (order.symbol, order.quantity) == (plan.symbol, abs(plan.size))
            terms = {"lot_size": plan.lot_size, "max_participation": plan.max_participation, "side": order.side}
            executor = AlgorithmExecutor(self.broker)
            try:
                got = await executor.execute(plan.symbol, order.quantity, plan.algorithm, start=plan.start, end=plan.until, **terms)
            except (UsageError, OrderRejectedError):
                refused.add(number)
                raise OrderRejectedError(REFUSED) from None
            fills.extend(row_of(number, one) for one in got)

    BacktestEngine(bars, [Planned], fill_model=model, calendar=calendar).run()
    return sorted(fills), refused


def row_of(number, fill):
    return number, fill.ticker, fill.time, fill.quantity, fill.fill_price, fill.commission, int(fill.side)


class Planner(ExecutionMixin, bt.Strategy):
    params = (("plans", ()),)

    def __init__(self):
        self.waiting, self.given, self.refused = list(enumerate(self.p.plans)), {}, set()

    def prenext(self):
        self.next()

    def next(self):
        now = max(round((data.datetime[0] - 719_163) * 86_400) * 1_000_000_000 for data in self.datas if len(data))
        for number, plan in [one for one in self.waiting if one[1].instant <= now]:
            self.waiting.remove((number, plan))
            terms = {"start": plan.start, "until": plan.until, "lot_size": plan.lot_size, "max_participation": plan.max_participation}
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
    fills = sorted(row_of(strategy.given[one.parent_id], one) for parent in strategy.parents for one in parent.fills)
    books_are_the_sum_of(strategy, fills)
    return fills, strategy.refused


def books_are_the_sum_of(strategy, fills):
    spent = sum(shares * price * side + fee for _, _, _, shares, price, fee, side in fills)
    assert strategy.broker.getcash() == pytest.approx(1e12 - spent, abs=1e-2)
    for data in strategy.datas:
        held = sum(row[3] * row[6] for row in fills if row[1] == data._name)
        assert strategy.getposition(data).size == pytest.approx(held, abs=1e-6)


def agree(bars, plans, model, **options):
    """Both sides; returns the fills."""
    ours, refused = engine_fills(bars, plans, model, options.get("calendar", "XNYS"))
    try:
        theirs, theirs_refused = backtrader_fills(bars, plans, model, **options)
    except RunError as error:  # what an executor finds out later ends the run
        assert isinstance(error.__cause__, UsageError)
        assert refused
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
    return Decision(follow_curve(terms, seen, params).quantity, params[0] if terms.side > 0 else params[1])


@st.composite
def plans(draw, algorithms=st.sampled_from(ALGORITHMS)):
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
    agree(bars, orders, model)


limits = st.builds(Patient, buy=st.integers(30, 50).map(lambda x: x / 2), sell=st.integers(30, 50).map(lambda x: x / 2))


@given(markets(), st.lists(plans(limits), min_size=1, max_size=4), fill_models)
@settings(deadline=None, max_examples=100)
@pytest.mark.slow
def test_fills_of_limit_orders_in_backtrader_are_those_of_our_engine(bars, orders, model):
    agree(bars, orders, model)
