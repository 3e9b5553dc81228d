"""`ExecutionBroker`: backtrader's books with our fill model."""

from __future__ import annotations

import math
from typing import Any

import backtrader as bt

from exec_algos.backtest.stream import Bar
from exec_algos.costs import Commission, child_fee
from exec_algos.errors import UsageError
from exec_algos.ext.backtrader.desk import Desk
from exec_algos.ext.backtrader.settings import settings_of
from exec_algos.ext.backtrader.stamps import FeedTime
from exec_algos.fills import FillModel, bar_budget, meet_bar, price_paid

ROOM = 1000  # orders that are over may be kept
FOREVER = 2**63 - 1
WHOLE = 1 - 1e-12
FRACTION = 1e-8  # lot of an order of the strategy's own whose size is not whole
Order = bt.Order
STOPS = (Order.Stop, Order.StopLimit, Order.StopTrail, Order.StopTrailLimit)
TRAILING = (Order.StopTrail, Order.StopTrailLimit)
KINDS = (Order.Market, Order.Limit, *STOPS)
OURS = ("filler", "slip_perc", "slip_fixed", "coc", "coo", "eosbar")


class ScheduledCommission(bt.CommInfoBase):
    """Commission of the fill model: what an execution adds to its order's fee, spread over what it closes and opens."""

    params = (("schedule", Commission()), ("percabs", True), ("stocklike", True))

    due: float | None = None
    shares = 0.0

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
        if self.due is None:
            return child_fee(self.p.schedule, abs(size), abs(size) * price)
        return self.due * abs(size) / self.shares


class _Tape:
    """The last completed bar of a feed, and what was taken out of it."""

    def __init__(self, data: Any, time: FeedTime, model: FillModel) -> None:
        self.data, self.time, self.model = data, time, model
        self.length = 0
        self.used = 0.0
        self.start = self.known = 0
        self._prices: dict[int, float] = {}

    def fresh(self) -> bool:
        """Whether a bar has come since `take`."""
        return bool(self.data.lines.datetime.lencount != self.length)

    def take(self) -> int:
        """Take in the bar that has come; returns when it is known, ns UTC."""
        lines = self.data.lines
        self.length, self.used = lines.datetime.lencount, 0.0
        self.known = self.time.known(lines.datetime[0])
        self.start = self.known - self.time.step
        vendor = lines.vwap[0] if hasattr(lines, "vwap") else math.nan
        self.bar = Bar(self.start, lines.open[0], lines.high[0], lines.low[0], lines.close[0], lines.volume[0], vendor)
        self._prices = {}
        return self.known

    def price(self, side: int) -> float:
        """What a market order of `side` pays in the last bar."""
        if side not in self._prices:
            self._prices[side] = self.model.bar_price(self.bar, side)
        return self._prices[side]


class _Terms:
    """How one order meets bars."""

    __slots__ = ("active", "deadline", "fee", "filled", "lot", "met", "rate", "value")

    def __init__(self, active: int, deadline: int, rate: float, lot: float) -> None:
        self.active, self.deadline, self.rate, self.lot = active, deadline, rate, lot
        self.met, self.filled, self.value, self.fee = -1, 0.0, 0.0, 0.0


class ExecutionBroker(bt.brokers.BackBroker):
    """A broker for Cerebro whose fills are those of a `FillModel`; cash, margin and positions stay backtrader's.

    The cap of the fill model is one budget per feed and bar for all orders of the run; spread and impact
    are not clipped to the bar; an order meets bars that start after it was decided. Market, Limit, Stop,
    StopLimit and trailing orders: a stop that a bar triggers is a market or limit order from the next bar on.

    Parameters
    ----------
    fill_model : FillModel, optional
    others
        Those of ``bt.brokers.BackBroker`` that are not about fills: ``cash``, ``checksubmit``, ``shortcash``, ``int2pnl`` ...

    Raises
    ------
    UsageError
        A filler, slippage, coc, coo or eosbar (the fill model takes their place), or commission both
        in the fill model and by ``setcommission``.
    """

    params = (("fill_model", None),)

    def init(self) -> None:
        """Begin a run."""
        super().init()
        given = [name for name in OURS if getattr(self.p, name) and getattr(self.p, name) != self._allotted]
        if given:
            raise UsageError(f"{', '.join(given)} set on an ExecutionBroker: its fill model takes their place, see FillModel")
        self.model: FillModel = self.p.fill_model or FillModel()
        self.p.filler = self._allotted
        self._schedule = ScheduledCommission(schedule=self.model.commission) if self.model.commission != Commission() else None
        self._tapes: dict[int, _Tape] = {}
        self._desks: list[Desk] = []
        self._known_terms: dict[int, _Terms] = {}
        self._size = 0.0

    def start(self) -> None:
        """Begin a run."""
        super().start()
        if self._schedule is not None and (len(self.comminfo) > 1 or self.comminfo[None].p.commission):
            raise UsageError("commission is set both by setcommission and in the fill model; set it in one place")

    def attach(self, desk: Desk) -> None:
        """Let a strategy's executors decide before bars are met."""
        self._desks.append(desk)

    def getcommissioninfo(self, data: Any) -> Any:
        """The fill model's commission where it has one, else backtrader's."""
        return self._schedule or super().getcommissioninfo(data)

    def submit(self, order: Any, check: bool = True) -> Any:
        """Take an order."""
        if order.exectype not in KINDS:
            raise UsageError(
                f"an ExecutionBroker fills Market, Limit and Stop orders, got {order.getordername()}; use backtrader's own broker"
            )
        return super().submit(order, check=check)

    def cancel(self, order: Any, bracket: bool = False) -> bool:
        """Cancel an open order, also one that waits for its first check."""
        if order in self.submitted:
            self.submitted.remove(order)
            self.pending.append(order)
        return bool(super().cancel(order, bracket=bracket))

    def next(self) -> None:
        """Bars are complete: executors that were due before decide, then orders meet the bars."""
        fresh = [tape for tape in self._every_tape() if tape.fresh()]
        if fresh:
            now = max(tape.take() for tape in fresh)
            for desk in self._desks:
                desk.play(now)
        super().next()
        if len(self._known_terms) > 2 * len(self.pending) + ROOM:
            self._known_terms = {order.ref: self._known_terms[order.ref] for order in self.pending if order.ref in self._known_terms}

    def _every_tape(self) -> list[_Tape]:
        if not self._tapes:
            settings = settings_of(self.cerebro)
            for i, data in enumerate(self.cerebro.datas):
                self._tapes[id(data)] = _Tape(data, FeedTime(data, data._name or f"data{i}", settings), self.model)
        return list(self._tapes.values())

    def _terms(self, order: Any) -> _Terms:
        terms = self._known_terms.get(order.ref)
        if terms is None:
            terms = self._known_terms[order.ref] = self._child_terms(order) or self._own_terms(order)
        return terms

    def _child_terms(self, order: Any) -> _Terms | None:
        child = next((desk.children[order.ref][1] for desk in self._desks if order.ref in desk.children), None)
        if child is None:
            return None
        parent = child.state.parent
        return _Terms(child.active, child.deadline, self.model.cap(parent.max_participation) / parent.lot_size, parent.lot_size)

    def _own_terms(self, order: Any) -> _Terms:
        lot = 1.0 if float(order.size).is_integer() else FRACTION
        decided = self._tapes[id(order.data)].time.known(order.created.dt)
        return _Terms(decided + self.model.latency_ns, FOREVER, self.model.cap(None) / lot, lot)

    def _try_exec(self, order: Any) -> None:
        """Let an order meet the last bar of its feed, once."""
        tape, terms = self._tapes[id(order.data)], self._terms(order)
        if terms.met == tape.start or not terms.active <= tape.start < terms.deadline:
            return
        terms.met = tape.start
        if order.exectype in STOPS and not order.triggered:
            self._trigger(order, terms, tape)
        else:
            self._meet(order, terms, tape)

    def _trigger(self, order: Any, terms: _Terms, tape: _Tape) -> None:
        level, bar = order.created.price, tape.bar
        order.triggered = bar.high >= level if order.isbuy() else bar.low <= level
        if order.triggered:
            terms.active = tape.known + self.model.latency_ns
        elif order.exectype in TRAILING:
            order.trailadjust(bar.close)

    def _meet(self, order: Any, terms: _Terms, tape: _Tape) -> None:
        side, bar, model = 1 if order.isbuy() else -1, tape.bar, self.model
        room = bar_budget(terms.rate, bar.volume) - math.ceil(tape.used / terms.lot * WHOLE)
        if room <= 0:
            return
        left, limit = math.ceil(abs(order.executed.remsize) / terms.lot * WHOLE), _limit(order)
        done = meet_bar(side, left, limit, tape.price(side), bar.low, bar.high, room, model.limit_fill == "through")
        if done.quantity > 0 and done.price > 0:
            shares, impact = done.quantity * terms.lot, model.impact_coefficient
            price = price_paid(side, limit, done.price, bar.low, bar.high, shares, bar.volume, impact) if impact else done.price
            self._fill(order, terms, tape, shares, price)

    def _fill(self, order: Any, terms: _Terms, tape: _Tape, shares: float, price: float) -> None:
        """Book an execution in backtrader's way; it may refuse it for want of cash."""
        fee = child_fee(self.model.commission, terms.filled + shares, terms.value + shares * price)
        if self._schedule is not None:
            self._schedule.due, self._schedule.shares = fee - terms.fee, shares
        self._size = shares
        bits = len(order.executed.exbits)
        try:
            self._execute(order, ago=0, price=price)
        finally:
            if self._schedule is not None:
                self._schedule.due = None
        if len(order.executed.exbits) > bits:
            done = order.executed.exbits[-1]
            tape.used += abs(done.size)
            if self._schedule is not None:
                done.comm = fee - terms.fee
            terms.filled, terms.value, terms.fee = terms.filled + shares, terms.value + shares * price, fee

    def _allotted(self, order: Any, price: float, ago: int) -> float:
        return self._size


def _limit(order: Any) -> float:
    if order.exectype == Order.Limit:
        return float(order.created.price)
    if order.exectype in (Order.StopLimit, Order.StopTrailLimit):
        return float(order.created.pricelimit)
    return math.nan
