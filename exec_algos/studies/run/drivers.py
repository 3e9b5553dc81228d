"""The two drivers of a study: the compiled loop, and the event-driven replay."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.algorithms import Algorithm
from exec_algos.batch import NOT_WATCHED, BatchOrders, Tape, Watched, run_batch
from exec_algos.batch.tape import NO_ROWS
from exec_algos.brokers.simulated import SimulatedBroker
from exec_algos.checks import Ints
from exec_algos.clock.queue import Rank
from exec_algos.clock.virtual import Task
from exec_algos.costs.charges import FeeTable
from exec_algos.costs.propagator import ImpactTable
from exec_algos.exchange.market import Market, running_market
from exec_algos.executors import OrderExecutor
from exec_algos.fills import FillModel
from exec_algos.market.depth import quotes_of
from exec_algos.market.trading_time import TradingTime
from exec_algos.model import Fill, Residual, Rules, Side
from exec_algos.model.window import Window
from exec_algos.studies.run.fees import check_one_set, commission_of
from exec_algos.studies.run.profiles import running_volumes
from exec_algos.studies.run.slice_times import slice_times_of
from exec_algos.studies.run.worked import Worked
from exec_algos.tca.places import rows_between

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars
    from exec_algos.studies.design.parents import ParentOrders
    from exec_algos.studies.run.curves import Curves


class Located(NamedTuple):
    """Where parent orders lie among the bars: rows ``[first, last)`` up to the deadline (ns UTC) of their residual policy, shape (n,).

    `paused` says whether there is a pause or a night before the deadline.
    """

    first: Ints
    last: Ints
    deadline: Ints
    paused: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, bars: Bars, orders: ParentOrders, rules: Rules) -> Located:
        """Looked up once for all algorithms."""
        deadline = _deadlines(orders, rules, bars.step)
        time = TradingTime.of(orders.sessions, bars.step)
        paused = time.elapsed(deadline) - time.elapsed(orders.start) != deadline - orders.start
        return cls(*rows_between(bars, orders.symbol, orders.start, deadline), deadline, paused)


class Job(NamedTuple):
    """One algorithm's share of a study."""

    bars: Bars
    orders: ParentOrders
    located: Located
    algorithm: Algorithm
    curves: Curves
    model: FillModel
    rules: Rules
    fills: bool


Drive = Callable[[Job], Worked]


def drive_batch(job: Job) -> Worked:
    """Work the orders in the compiled loop."""
    bars, orders, (first, last, deadline, paused), algorithm, curves, model, rules, fills = job
    n = len(orders)
    commission, entry = commission_of(model, orders)
    if isinstance(commission, FeeTable):
        check_one_set(orders, commission, entry, algorithm.interval_on(bars.step), bars.step)
    interval = algorithm.interval_on(bars.step)
    times, time_row, decisions = slice_times_of(orders, deadline, paused, interval, rules, bars.step)
    book = BatchOrders(
        side=orders.side, lots=orders.lots, lot_size=np.full(n, float(orders.lot_size)), cap=np.full(n, model.cap(None)),
        start=orders.start, end=orders.end, interval=np.full(n, interval), slices=curves.slices,
        first=first, last=last, curve=curves.begin, base=bars.offsets[orders.symbol], deadline=deadline,
        law=orders.symbol if model.impact else NO_ROWS, fees=entry[:n], times=time_row, decisions=decisions,
    )  # fmt: skip
    seen = _watched(bars) if algorithm.watches else NOT_WATCHED
    rule = [] if model.spread is None and not model.has_price_grid else [model.rule_prices(bars, side) for side in (1, -1)]
    tape = Tape(bars.start, model.prices(bars, 1), model.prices(bars, -1), bars.low, bars.high, bars.volume, seen, *rule)
    outcome, trades = run_batch(
        tape, book, curves.values, algorithm.decide, algorithm.params(), step=bars.step, commission=commission,
        impact=ImpactTable.of(model.impact, bars.symbols, bars.step), grid=model.grid(bars),
        latency=model.latency_ns, limits=model.compiled_limits(),
        watching=algorithm.watches, rules=rules, times=times, recording=fills,
    )  # fmt: skip
    stamp = bars.start[trades.row] + (0 if model.rule.at_start else bars.step)
    return Worked(
        filled=outcome.filled, notional=outcome.notional, commission=outcome.commission, taxes=outcome.taxes, children=outcome.children,
        trade_parent=trades.parent, trade_time=stamp, trade_lots=trades.lots, trade_price=trades.price, trade_commission=trades.commission,
        trade_rule_price=trades.rule_price, trade_spread=trades.spread, trade_impact=trades.impact, trade_taxes=trades.taxes,
    )  # fmt: skip


def _deadlines(orders: ParentOrders, rules: Rules, step: int) -> Ints:
    """Where each order's residual policy ends: with the session's last whole bar, ns UTC."""
    if rules.residual not in (Residual.EXTEND, Residual.CLOSE_AUCTION):
        return orders.end
    sessions = orders.sessions
    last = sessions.all_at_or_after(orders.end - 1)
    late = (sessions.close - sessions.break_end)[last] // step * step
    early = sessions.open[last] + (sessions.break_start - sessions.open)[last] // step * step
    return np.maximum(orders.end, np.where(late > 0, sessions.break_end[last] + late, early))


def _watched(bars: Bars) -> Watched:
    """What algorithms see at the end of each bar."""
    return Watched(running_volumes(bars.volume, bars.offsets), bars.close, *quotes_of(bars))


class _Worker(OrderExecutor):
    """Works a given algorithm over a given window."""

    async def execute(self, ticker: str, total_quantity: float, /, *args: Any, **kwargs: Any) -> list[Fill]:
        order = self.order(ticker, total_quantity, side=kwargs["side"], lot_size=kwargs["lot_size"], rules=kwargs["rules"])
        return await self.work(kwargs["algorithm"], order, Window(start=kwargs["start"], end=kwargs["end"]))


def drive_engine(job: Job) -> Worked:
    """Work the orders one by one, each in a replay of its own."""
    bars, orders = job.bars, job.orders
    commission_of(job.model, orders)
    own = {i: bars.select([symbol]) for i, symbol in enumerate(bars.symbols)}
    rows: list[tuple[int, float, float, float, int]] = []
    fills: list[tuple[int, Fill]] = []
    for n in range(len(orders)):
        market = _replay(own[int(orders.symbol[n])], job, n)
        notional = paid = taxed = 0.0
        for fill in market.fills:
            notional += fill.quantity * fill.fill_price
            paid += fill.commission
            taxed += fill.taxes
        fills += [(n, fill) for fill in market.fills] if job.fills else []
        rows.append((market.parents[0].filled, notional, paid, taxed, market.parents[0].children))
    filled, notionals, fees, taxes, children = (np.array(column) for column in zip(*rows, strict=True))
    return Worked(
        filled.astype(np.int64), notionals.astype(np.float64), fees.astype(np.float64), taxes.astype(np.float64), children.astype(np.int64),
        *trades_of(fills, orders.lot_size),
    )  # fmt: skip


def trades_of(fills: Sequence[tuple[int, Fill]], lot_size: float) -> tuple[npt.NDArray[Any], ...]:
    """The columns of `Worked` that say each trade, of (row of the order, fill)."""
    rows = [
        (
            n,
            fill.time,
            round(fill.quantity / lot_size),
            fill.fill_price,
            fill.commission,
            fill.rule_price,
            fill.spread,
            fill.impact,
            fill.taxes,
        )
        for n, fill in fills
    ]
    columns = zip(*rows, strict=True) if rows else ((),) * 9
    return tuple(np.array(column, np.int64 if place < 3 else np.float64) for place, column in enumerate(columns))


def _replay(bars: Bars, job: Job, n: int) -> Market:
    orders = job.orders
    return replayed(
        bars, job, n,
        lambda broker: _Worker(broker).execute(
            bars.symbols[0], int(orders.lots[n]) * orders.lot_size, side=Side(int(orders.side[n])), lot_size=orders.lot_size,
            algorithm=job.algorithm, start=int(orders.start[n]), end=int(orders.end[n]), rules=job.rules,
        ),
    )  # fmt: skip


def replayed(bars: Bars, job: Job, n: int, work: Callable[[SimulatedBroker], Coroutine[Any, Any, Any]]) -> Market:
    """The market after one order was worked in it from its start on."""
    market = Market(job.model, int(job.orders.start[n]), job.orders.sessions)
    market.add(bars)
    token = running_market.set(market)
    try:
        coroutine = work(SimulatedBroker())
    finally:
        running_market.reset(token)
    task = Task(market.clock, coroutine, Rank.WAKE, None)
    task.step()
    while not task.done() and market.queue.step():
        pass
    task.result()
    return market


DRIVERS: Mapping[str, Drive] = {"batch": drive_batch, "engine": drive_engine}
