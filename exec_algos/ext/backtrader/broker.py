"""`ExecutionBroker`: backtrader's books with our fill model."""

from __future__ import annotations

import math
from typing import Any

import backtrader as bt

from exec_algos.costs.charges import ChildCharges, is_passive
from exec_algos.costs.grid import on_tick, taken_price
from exec_algos.errors import OrderRejectedError, UsageError
from exec_algos.ext.backtrader.charging import Charge, charging, multiplier_of
from exec_algos.ext.backtrader.desk import Desk
from exec_algos.ext.backtrader.settings import name_of, settings_of
from exec_algos.ext.backtrader.stamps import FeedTime
from exec_algos.ext.backtrader.tape import Tape
from exec_algos.fills import FillModel
from exec_algos.fills.matching import UNCAPPED, LimitTerms, bar_budget, displaced_price, meet_bar, terms_at
from exec_algos.model.slicing import Pauses, in_pause
from exec_algos.stepped.venue import SteppedChild

FOREVER = 2**63 - 1
WHOLE = 1 - 1e-12
FRACTION = 1e-8  # lot of an order of the strategy's own whose size is not whole
Order = bt.Order
STOPS = (Order.Stop, Order.StopLimit, Order.StopTrail, Order.StopTrailLimit)
TRAILING = (Order.StopTrail, Order.StopTrailLimit)
KINDS = (Order.Market, Order.Limit, *STOPS)
OURS = ("filler", "slip_perc", "slip_fixed", "coc", "coo", "eosbar")
OWN = "backtrader's own broker, fills='backtrader'"


class _Terms:
    """How one order meets bars, and what it has got so far, in lots and on account."""

    __slots__ = ("account", "active", "deadline", "done", "lot", "lots", "met", "pauses", "rate", "whole")

    def __init__(self, active: int, deadline: int, cap: float, lot: float, size: float, pauses: Pauses = ()) -> None:
        self.active, self.deadline, self.pauses, self.rate, self.lot = active, deadline, pauses, cap / lot, lot
        self.lots = math.ceil(abs(size) / lot * WHOLE)
        self.whole = lot != FRACTION
        self.met, self.done = -1, 0
        self.account: ChildCharges | None = None

    def charged(self, rows: Any) -> ChildCharges:
        """Its account of the day that has these rows."""
        if self.account is None or self.account.rows is not rows:
            self.account = ChildCharges(rows, self.lot)
        return self.account


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
    OrderRejectedError
        A limit of the strategy's own that is off the tick of the fill model; those of algorithms are moved to the tick on their own side.
    """

    params = (("fill_model", None),)

    def init(self) -> None:
        """Begin a run."""
        super().init()
        given = [name for name in OURS if getattr(self.p, name) and getattr(self.p, name) != self._allotted]
        if given:
            raise UsageError(
                f"{' and '.join(given)} set on an ExecutionBroker: its fill model takes their place, see FillModel{_advice(given)}"
            )
        self.model: FillModel = self.p.fill_model or FillModel()
        self._ticks = self.model.tick_terms()
        self._reach, self._late = self.model.compiled_limits(), self.model.latency_ns
        self.p.filler = self._allotted
        self._charge = Charge(self.model.commission, self._fees_now)
        self._charging: dict[Any, Any] = {}
        self._leaving: list[Any] = []
        self._decided: dict[int, int] = {}
        self._terms: dict[int, _Terms] = {}
        self._tapes: dict[int, Tape] = {}
        self._unfit: dict[int, UsageError] = {}
        self._desks: list[Desk] = []
        self._now = 0
        self._size = 0.0

    def start(self) -> None:
        """Begin a run."""
        super().start()
        if not self._charge.free:
            for info in self.comminfo.values():
                self._charged(info)

    def stop(self) -> None:
        """End a run."""
        for tape in self._tapes.values():
            tape.time.end()
        super().stop()

    def attach(self, desk: Desk) -> None:
        """Let a strategy's executors decide before bars are met."""
        self._desks.append(desk)

    def getcommissioninfo(self, data: Any) -> Any:
        """backtrader's, with the fill model's commission where it has one."""
        info = self.comminfo.get(data._name) or self.comminfo[None]
        return info if self._charge.free else self._charged(info)

    def _fees_now(self, side: int) -> Any:
        """What a side would be charged on this day: backtrader asks before it takes an order."""
        return self._every_tape()[0].fees(self._now, side)

    def _charged(self, info: Any) -> Any:
        found = self._charging.get(info)
        if found is None:
            found = self._charging[info] = charging(info, self._charge)
        return found

    def add_order_history(self, orders: Any, notify: bool = True) -> None:
        """Refuse: what was traded already has its prices, which no fill model gives."""
        raise UsageError(f"an order history has its own fills, which an ExecutionBroker would not give it; use {OWN}")

    def submit(self, order: Any, check: bool = True) -> Any:
        """Take an order."""
        if order.exectype not in KINDS:
            raise UsageError(f"an ExecutionBroker fills Market, Limit and Stop orders, got {order.getordername()}; use {OWN}")
        self._decided[order.ref] = self._instant()
        if self._unfit and id(order.data) in self._unfit:
            raise self._unfit[id(order.data)]
        self._tapes[id(order.data)].time.order()
        if order.exectype in (Order.Limit, Order.StopLimit):
            self._check_tick(order)
        return super().submit(order, check=check)

    def _check_tick(self, order: Any) -> None:
        """Refuse a limit that the exchange would not take; those of children are on a tick already."""
        refusal = "" if self.model.ticks is None else self.model.ticks.refusal(_limit(order))
        if refusal:
            raise OrderRejectedError(f"limit of {order.data._name} {refusal}")

    def _instant(self) -> int:
        """What time it is, ns UTC: bars that this step has brought may have been seen, before `next` is called."""
        now = self._now
        for tape in self._every_tape():
            if tape.stamps.lencount != tape.length:
                now = max(now, tape.time.known(tape.stamps[0]))
        return now

    def cancel(self, order: Any, bracket: bool = False) -> bool:
        """Cancel an open order, also one that waits for its first check; the request takes as long as an order does."""
        if bracket or not self._late or self._child(order) is not None:
            return self._take_off(order, bracket)
        if not order.alive() or order in self._leaving:
            return False
        terms = self._terms_of(order)
        terms.deadline = self._instant() + self._late
        self._leaving.append(order)
        return True

    def _take_off(self, order: Any, bracket: bool = False) -> bool:
        if order in self.submitted and not bracket:
            self.submitted.remove(order)
            self.pending.append(order)
        return bool(super().cancel(order, bracket=bracket))

    def next(self) -> None:
        """Bars are complete: executors that were due before decide, then orders meet the bars."""
        before = now = self._now
        for tape in self._every_tape():
            if tape.stamps.lencount != tape.length:
                known = tape.take()
                now = known if known > now else now
        if now != before:
            self._now = now
            self._play(now)
        super().next()
        if self._leaving:
            self._let_go()

    def _play(self, now: int) -> None:
        """Let the executors of all strategies decide what was due before `now`, in the order of time."""
        desks = self._desks
        if len(desks) > 1:
            while due := [desk for desk in desks if desk.clock.queue.due(now - 1)]:
                first = min(due, key=lambda desk: desk.clock.queue.next_due)
                first.play(first.clock.queue.next_due + 1)
        for desk in desks:
            desk.play(now)

    def _let_go(self) -> None:
        """Cancel the orders whose cancel has arrived, when the bar in which it did is complete."""
        self._leaving = [order for order in self._leaving if order.alive()]
        for order in self._leaving:
            tape, deadline = self._tapes[id(order.data)], self._terms_of(order).deadline
            if self._now >= deadline + (tape.known - deadline) % tape.time.step:
                self._take_off(order)

    def _every_tape(self) -> list[Tape]:
        if not (self._tapes or self._unfit):
            settings = settings_of(self.cerebro)
            for i, data in enumerate(self.cerebro.datas):
                try:
                    name = name_of(data, i)
                    self._tapes[id(data)] = Tape(data, name, FeedTime(data, name, settings), self.model)
                except UsageError as error:  # told to whoever orders in it; a feed of days beside is welcome
                    self._unfit[id(data)] = error
            self._list = list(self._tapes.values())
        return self._list

    def _child(self, order: Any) -> SteppedChild | None:
        for desk in self._desks:
            found = desk.children.get(order.ref)
            if found is not None:
                return found[1]
        return None

    def _terms_of(self, order: Any) -> _Terms:
        """How an order meets bars: a child order as its parent says, one of the strategy's own until it is cancelled."""
        found = self._terms.get(order.ref)
        if found is None:
            model, size, child = self.model, order.created.size, self._child(order)
            if child is not None:
                parent = child.parent_state.parent
                cap = model.cap(parent.max_participation) if child.capped else UNCAPPED
                found = _Terms(child.active, child.deadline, cap, parent.lot_size, size, parent.pauses)
            else:
                lot = 1 if float(size).is_integer() else FRACTION
                found = _Terms(self._decided[order.ref] + self._late, FOREVER, model.cap(None), lot, size)
            self._terms[order.ref] = found
        return found

    def notify(self, order: Any) -> None:
        """Tell of an order, and forget one that is over: backtrader keeps every order of a run, its terms are not needed."""
        if not order.alive():
            self._terms.pop(order.ref, None)
            self._decided.pop(order.ref, None)
        super().notify(order)

    def _try_exec(self, order: Any) -> None:
        """Let an order meet the last bar of its feed, once."""
        tape, terms = self._tapes[id(order.data)], self._terms.get(order.ref) or self._terms_of(order)
        if terms.met == tape.start or not terms.active <= tape.start < terms.deadline or not tape.trades:
            return
        if terms.pauses and in_pause(tape.start, terms.pauses):
            return
        terms.met = tape.start
        if order.exectype in STOPS and not order.triggered:
            self._trigger(order, tape)
        else:
            self._meet(order, terms, tape)

    def _limits(self, limit: float) -> LimitTerms:
        """What a bar must do that fills this limit."""
        return terms_at(self._reach, self._ticks, limit) if self._reach.ticks else self._reach

    def _trigger(self, order: Any, tape: Tape) -> None:
        """A stop rests at the venue: triggered there, it meets the next bar, whatever the latency."""
        level, bar = order.created.price, tape.bar
        order.triggered = bar.high >= level if order.isbuy() else bar.low <= level
        if not order.triggered and order.exectype in TRAILING:
            order.trailadjust(bar.close)

    def _meet(self, order: Any, terms: _Terms, tape: Tape) -> None:
        side, bar = 1 if order.isbuy() else -1, tape.bar
        gone = math.ceil(tape.used / terms.lot * WHOLE) if tape.used else 0
        budget = bar_budget(terms.rate, bar.volume)
        if budget <= gone:
            return
        limit, left, quoted = on_tick(self._ticks, _limit(order), side < 0), terms.lots - terms.done, tape.price(side)
        moved, by = tape.displacement, tape.displacement.shift(tape.start)
        done = meet_bar(side, left, limit, quoted * by, bar.low * by, bar.high * by, budget, self._limits(limit), gone)
        if done.lots > 0 and done.price >= 0:  # NaN where the bar gives this side nothing
            last = done.lots == left
            shares = done.lots * terms.lot if terms.whole or not last else abs(order.executed.remsize)
            if last:  # what fractions have left differs from it in the last digit, and the order would never be complete
                order.executed.remsize = self._booked(order, side * shares)
            price = done.price
            if moved.moves:
                level, own = moved.level(tape.start), moved.own(shares, bar.volume)
                price = displaced_price(side, limit, quoted, bar.low, bar.high, level, own)
                price = taken_price(self._ticks, side, limit, price, *tape.day_limits)
            made = self._charge.split and is_passive(side, limit, quoted * by)
            self._fill(order, terms, tape, done.lots, shares, price, made)

    def _fill(self, order: Any, terms: _Terms, tape: Tape, lots: int, shares: float, price: float, made: bool) -> None:  # noqa: PLR0913, PLR0917 - an execution has this many parts
        """Book an execution in backtrader's way; it may refuse it, or what of it opens a position, for want of cash."""
        charge, bits = self._charge, order.executed.exbits
        known = len(bits)
        terms.done += lots
        if not charge.free:
            rows = tape.fees(tape.start, 1 if order.isbuy() else -1)
            charge.begin(terms.charged(rows), lots, shares, price * multiplier_of(self.getcommissioninfo(order.data)), made)
        self._size = shares
        self._execute(order, ago=0, price=price)
        done = bits[-1] if len(bits) > known else None
        charge.end(done)
        if done is not None:
            done.taxes = min(charge.taxes, done.comm)  # of what is booked: for want of cash it may be a part
            if order.status != Order.Margin:
                done.size = shares if done.size > 0 else -shares
            tape.used += abs(done.size)
            tape.displacement.push(tape.start, 1 if done.size > 0 else -1, abs(done.size), tape.bar.volume)

    def _booked(self, order: Any, size: float) -> float:
        """The size that backtrader books for `size`: through zero, the sum of what it closes and what it opens."""
        held = self.positions[order.data._compensate or order.data].size
        after = held + size
        return after - held if held * after < 0 else size

    def _allotted(self, order: Any, price: float, ago: int) -> float:
        return self._size


def _limit(order: Any) -> float:
    kind = order.exectype
    if kind == Order.Market:
        return math.nan
    if kind == Order.Limit:
        return float(order.created.price)
    return float(order.created.pricelimit) if kind in (Order.StopLimit, Order.StopTrailLimit) else math.nan


def _advice(given: list[str]) -> str:
    return "; with cheat_on_open say Cerebro(broker_coo=False)" if "coo" in given else ""
