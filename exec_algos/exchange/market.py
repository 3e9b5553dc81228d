"""The replayed market: bars close in time order and meet the child orders that rest."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace

import numpy as np

from exec_algos.clock.queue import EventQueue, Rank
from exec_algos.clock.virtual import VirtualClock
from exec_algos.costs import Commission, child_fee
from exec_algos.costs.charges import ChildCharges, DatedFees, Owed, is_free, is_passive
from exec_algos.costs.fees import FeeSchedule
from exec_algos.costs.grid import on_tick
from exec_algos.errors import OrderRejectedError, UnknownNameError, UsageError
from exec_algos.exchange.child import Child, ParentState
from exec_algos.exchange.limit_queue import check_quotes, queued_budget
from exec_algos.exchange.stream import Bar, Stream
from exec_algos.fills import FillModel
from exec_algos.fills.latency import DrawnLatency
from exec_algos.fills.limits import QueueFill
from exec_algos.fills.matching import UNCAPPED, Execution, PriceParts, bar_budget, displaced_price, meet_bar, price_parts, terms_at
from exec_algos.market.bars import Bars
from exec_algos.market.calendars import Sessions
from exec_algos.market.hours import trading_bars
from exec_algos.market.profile import SessionVolumes
from exec_algos.model import Fill, ParentOrder, Session, Side, check_lots
from exec_algos.model.slicing import in_pause

ROUNDED_DOWN = 1 - 1e-12  # shares over lots lie that little above the lots that they are
MARKET = int(Rank.MARKET)
FREE = Commission()


def _charged(commission: Commission | FeeSchedule, sessions: Sessions) -> Commission | DatedFees:
    if is_free(commission):
        return FREE
    return DatedFees(commission, sessions.day) if isinstance(commission, FeeSchedule) else commission


log = logging.getLogger(__name__)

running_market: ContextVar[Market | None] = ContextVar("running_market", default=None)


class Market:
    """Bars of any number of symbols, one clock, and the children that rest in them.

    Parameters
    ----------
    model : FillModel
    first : int
        The instant at which it begins, ns UTC; earlier bars are history.
    sessions : Sessions
        When the venue is open.
    """

    def __init__(self, model: FillModel, first: int, sessions: Sessions) -> None:
        self.model, self.sessions, self.zone = model, sessions, sessions.zone
        self.queue = EventQueue(first)
        self.clock = VirtualClock(self.queue)
        self.streams: dict[str, Stream] = {}
        self.parents: list[ParentState] = []
        self.fills: list[Fill] = []
        self.on_bars: Callable[[list[Stream]], None] | None = None
        self.on_fill: Callable[[Child, Fill], None] | None = None
        self._submitted = 0
        self._commission = _charged(model.commission, sessions)
        self._split = isinstance(self._commission, DatedFees) and self._commission.schedule.by_liquidity
        self._drawn = model.latency if isinstance(model.latency, DrawnLatency) else None
        self._latency = 0 if self._drawn else model.latency_ns
        self._at_start = model.rule.at_start
        rule = model.limit_rule
        self._limits, self._at_limit = rule.terms(), rule.at_limit if isinstance(rule, QueueFill) else None
        self._plain, self._bounded = model.plain, model.has_price_grid
        self._ticks = model.tick_terms()
        self._ruling = tuple(Bar._fields.index(column) for column in (model.rule.sell, model.rule.buy))
        self._volumes: dict[str, SessionVolumes] = {}

    def add(self, bars: Bars) -> None:
        """Replay these symbols too, from now on.

        Raises
        ------
        UsageError
            A symbol that is there already, or bars of another length or of another quote proxy.
        """
        steps = {stream.step for stream in self.streams.values()} | {bars.step}
        if len(steps) > 1:
            raise UsageError(f"bars of one market have one length, got {sorted(step / 1e9 for step in steps)} seconds")
        for stream in self.streams.values():
            there, more = (proxied.quote_proxy or "none" for proxied in (stream.bars, bars))
            if there != more:
                proxies = f"{stream.symbol} {there}, {bars.symbols[0]} {more}"
                raise UsageError(f"bars of one market have one quote proxy, got {proxies}; name it for all of them, or for none")
        if self._at_limit is not None:
            check_quotes(bars)
        bars = _without_pauses(bars, self.sessions)
        for symbol in bars.symbols:
            if symbol in self.streams:
                raise UsageError(f"{symbol} is in this market already")
            stream = self.streams[symbol] = Stream(symbol, bars.select([symbol]), self.model, self.queue.now, self.sessions)
            if stream.due >= 0:
                self.queue.put_bar(stream.due, symbol, self._close_bars, stream)

    def stream(self, symbol: str) -> Stream:
        """The stream of a symbol.

        Raises
        ------
        UnknownNameError
            No such symbol.
        """
        if symbol not in self.streams:
            raise UnknownNameError("symbol", symbol, self.streams)
        return self.streams[symbol]

    def session(self, instant: int) -> Session:
        """The session that is open at `instant` (ns UTC), or the next.

        Raises
        ------
        OrderRejectedError
            There is none left.
        """
        i = self.sessions.at_or_after(instant)
        if i == len(self.sessions):
            raise OrderRejectedError(
                f"the market has no session at or after {np.datetime64(instant, 'ns')} UTC; the last one is {self.sessions.date[-1:]}"
            )
        return Session.of(self.sessions, i)

    def regular_bars(self) -> Bars:
        """All bars that lie in the sessions."""
        whole = Bars.concat([stream.bars for stream in self.streams.values()])
        return whole.take(self.sessions.locate(whole.start) >= 0)

    def volumes(self, symbol: str) -> tuple[SessionVolumes, int]:
        """Volumes by session of a symbol, and the index of the session that is open now or the next."""
        if symbol not in self._volumes:
            self._volumes[symbol] = SessionVolumes.of(self.stream(symbol).bars, symbol, self.sessions)
        return self._volumes[symbol], self.sessions.at_or_after(self.queue.now)

    def open_parent(self, parent: ParentOrder) -> ParentOrder:
        """Number a parent order and keep its state.

        Raises
        ------
        UnknownNameError
            No such symbol.
        """
        self.stream(parent.symbol)
        numbered = replace(parent, parent_id=len(self.parents))
        rate = self.model.cap(numbered.max_participation) / numbered.lot_size
        self.parents.append(ParentState(numbered, self.clock.origin, numbered.lots, rate, self.zone, int(numbered.side)))
        return numbered

    def submit(  # noqa: PLR0913 - a child order has this many properties
        self,
        symbol: str,
        side: Side,
        quantity: float,
        limit: float | None,
        *,
        expires: int | None,
        parent: ParentOrder | None,
        commission: Commission | None,
    ) -> Child:
        """Let a child order rest from now on; `commission` takes the place of the fill model's.

        Raises
        ------
        OrderRejectedError
            The last session is over, or a limit off the tick.
        UsageError
            A quantity that is no multiple of the lot.
        """
        stream, now = self.stream(symbol), self.queue.now
        session = self.session(now)
        ends = session.close if expires is None else expires
        if parent is None:
            parent = self._direct(symbol, side, quantity, max(now, session.open), ends, max(ends, session.close))
        lots = check_lots(quantity, parent.lot_size)
        refusal = self.model.ticks.refusal(limit) if self.model.ticks is not None and limit is not None else ""
        if refusal:
            raise OrderRejectedError(f"limit of {symbol} {refusal}")
        return self.rest(stream, parent.parent_id, lots, math.nan if limit is None else limit, ends, commission)

    def rest(  # noqa: PLR0913 - a child order has this many properties
        self,
        stream: Stream,
        parent_id: int,
        lots: int,
        limit: float,
        expires: int,
        commission: Commission | None = None,
        *,
        capped: bool = True,
    ) -> Child:
        """Let a child of `lots` lots rest in a stream; `limit` is NaN for a market order, `expires` is in ns UTC."""
        state = self.parents[parent_id]
        latency = self._latency if self._drawn is None else self._drawn.of_child(state.parent, state.children)
        deadline = expires + latency
        end = state.parent.deadline
        deadline = deadline if deadline < end else end
        if self._bounded:
            limit = on_tick(self._ticks, limit, state.side < 0)
        begin, now = state.parent.start, self.queue.now
        active = (now if now > begin else begin) + latency
        child = Child(self.clock, self._submitted, state, lots, limit, commission or self._commission, active, deadline, latency)
        child.terms = terms_at(self._limits, self._ticks, limit) if self._limits.ticks else self._limits
        if not capped:
            child.lot_rate = UNCAPPED / state.parent.lot_size
        self._submitted += 1
        state.working += lots
        state.children += 1
        stream.resting.append(child)
        due = stream.due
        if deadline != due:
            known = deadline + (due - deadline) % stream.step if due >= 0 else deadline
            if known != due:
                self.queue.put(known, Rank.EXPIRY, self._expire, child)
        return child

    def _direct(self, symbol: str, side: Side, quantity: float, start: int, ends: int, latest: int) -> ParentOrder:
        late = self._latency if self._drawn is None else self._drawn.of(symbol, side, round(quantity), start, 0)
        end = min(ends + late, latest)
        order = ParentOrder(symbol=symbol, side=side, quantity=quantity, start=start, end=end, interval=end - start, algorithm="direct")
        return self.open_parent(order)

    def resting(self) -> list[Child]:
        """Children that are open, in the order in which they came."""
        return sorted((child for stream in self.streams.values() for child in stream.resting), key=lambda child: child.number)

    def cancel(self, number: int) -> bool:
        """Cancel an open child when the request has reached the venue; False if it is over."""
        child = next((child for child in self.resting() if child.number == number), None)
        if child is None:
            return False
        self.queue.put(self.queue.now + child.latency, Rank.EXPIRY, self._expire, child)
        return True

    def _close_bars(self, streams: list[Stream]) -> None:
        reported: list[tuple[Child, Fill]] = []
        expired: list[Child] = []
        queue = self.queue
        for stream in streams:
            closed = stream.close()
            if stream.resting:
                self._match(stream, closed, reported, expired)
            if stream.due >= 0:
                queue.put_bar(stream.due, stream.symbol, self._close_bars, stream)
        if reported:
            self._tell(reported)
        for child in expired:
            self._expire(child)
        if self.on_bars is not None:
            if queue.before(MARKET):
                queue.put(queue.now, MARKET, self.on_bars, streams)
            else:
                self.on_bars(streams)

    def _tell(self, reported: list[tuple[Child, Fill]]) -> None:
        """Fills reach the account and whoever waits, when every bar of the instant has been met."""
        for child, fill in reported:
            if self.on_fill is not None:
                self.on_fill(child, fill)
            if child.over and child.resume is not None:
                self._resume(child)

    def _match(self, stream: Stream, closed: tuple[Bar, float, float], reported: list[tuple[Child, Fill]], expired: list[Child]) -> None:
        (start, _, high, low, _, volume, _), buy, sell = closed
        now, used, ended, at_once = self.queue.now, 0.0, False, self._at_limit is None
        for child in stream.resting:
            if child.active <= start < child.deadline and not (
                child.parent_state.parent.pauses and in_pause(start, child.parent_state.parent.pauses)
            ):
                state = child.parent_state
                gone = math.ceil(used / state.parent.lot_size * ROUNDED_DOWN) if used else 0
                price = buy if state.side > 0 else sell
                budget = bar_budget(child.lot_rate, volume) if at_once else self._behind_queue(child, stream, closed[0], price)
                if budget > gone and price == price:  # noqa: PLR0124 - NaN: the bar gives this side nothing
                    left, shift = child.lots - child.filled, 1.0 if self._plain else stream.displacement.shift(start)
                    done = meet_bar(state.side, left, child.limit, price * shift, low * shift, high * shift, budget, child.terms, gone)
                    if done.lots > 0:
                        fill = self._execute(child, stream, done, closed[0], price, start if self._at_start else now)
                        used += fill.quantity
                        child.over = child.filled == child.lots
                        ended = ended or child.over
                        if self.on_fill is not None or child.resume is not None:
                            reported.append((child, fill))
            if child.deadline <= now and not child.over:
                expired.append(child)
        if ended:
            stream.resting = [child for child in stream.resting if not child.over] if len(stream.resting) > 1 else []

    def _behind_queue(self, child: Child, stream: Stream, bar: Bar, price: float) -> int:
        """Lots that cap and queue let a child take from the last bar."""
        queued = queued_budget(child, stream, bar, price, self._at_limit or 0.0)
        return min(bar_budget(child.lot_rate, bar.volume), queued)

    def _execute(self, child: Child, stream: Stream, done: Execution, bar: Bar, quoted: float, stamp: int) -> Fill:
        state = child.parent_state
        parent, lots, price = state.parent, done.lots, done.price
        shares = lots * parent.lot_size
        made = self._split and is_passive(state.side, child.limit, quoted * stream.displacement.shift(bar.start))
        if self._plain:
            rule, spread, impact = price, 0.0, 0.0
        else:
            price, (rule, spread, impact) = self._costed(child, stream, price, bar, quoted, shares)
        child.filled += lots
        child.value += shares * price
        fee = taxes = 0.0
        if child.commission is not FREE:
            fee, taxes = self._charge(child, lots, shares * price, bar.start, made)
        fill = tuple.__new__(
            Fill,
            (stamp, parent.symbol, shares, price, fee, parent.side, parent.parent_id, self.zone, (), rule, spread, impact, taxes, "", ""),
        )
        child.fills.append(fill)
        state.filled += lots
        state.working -= lots
        self.fills.append(fill)
        return fill

    def _charge(self, child: Child, lots: int, value: float, start: int, made: bool) -> Owed:
        """What a fill adds to the fees of its child, and what of it is tax."""
        commission, lot = child.commission, child.parent_state.parent.lot_size
        if isinstance(commission, Commission):
            due = child_fee(commission, child.filled * lot, child.value)
            fee, child.fee = due - child.fee, due
            return Owed(fee, 0.0)
        rows = commission.rows(start, child.parent_state.side)
        if child.account is None or child.account.rows is not rows:
            child.account = ChildCharges(rows, lot)
        owed = child.account.charge(lots, value, made)
        child.fee += owed.fees
        return owed

    def _costed(self, child: Child, stream: Stream, price: float, bar: Bar, quoted: float, shares: float) -> tuple[float, PriceParts]:
        """What an execution pays with its impact, which it leaves behind, and what that is made of."""
        side, limit, displacement = child.parent_state.side, child.limit, stream.displacement
        if displacement.moves:
            level, own = displacement.level(bar.start), displacement.own(shares, bar.volume)
            price = displaced_price(side, limit, quoted, bar.low, bar.high, level, own)
            displacement.push(bar.start, side, shares, bar.volume)
            if self._bounded:
                price = stream.taken(side, limit, price)
        return price, price_parts(side, limit, bar[self._ruling[side > 0]], quoted, price, bar.low, bar.high)

    def _expire(self, child: Child) -> None:
        if child.over:
            return
        child.parent_state.working -= child.lots - child.filled
        child.over = True
        stream = self.streams[child.parent_state.parent.symbol]
        stream.resting = [other for other in stream.resting if other is not child]
        if child.resume is not None:
            self._resume(child)

    def _resume(self, child: Child) -> None:
        resume, child.resume = child.resume, None
        if resume is None:
            return
        if child.resume_rank == Rank.WAKE:
            self.queue.put(self.queue.now, Rank.WAKE, resume, None)
        else:
            resume(None)


def _without_pauses(bars: Bars, sessions: Sessions) -> Bars:
    """The bars without those in the pauses of the sessions; how many there were is said."""
    found = trading_bars(bars, sessions)
    if len(found) < len(bars):
        log.warning("%d bars in the pauses of %s are left out", len(bars) - len(found), sessions.name)
    return found
