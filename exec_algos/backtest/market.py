"""The replayed market: bars close in time order and meet the child orders that rest."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.backtest.queue import EventQueue, Rank
from exec_algos.backtest.waiting import VirtualClock, Waitable
from exec_algos.brokers.base import Session
from exec_algos.costs import Commission, child_fee
from exec_algos.errors import OrderRejectedError, UnknownNameError, UsageError
from exec_algos.fills import FillModel, bar_budget, meet_bar
from exec_algos.market.calendars import Sessions, sessions
from exec_algos.market.profile import SessionVolumes
from exec_algos.model import Fill, ParentOrder, Side, check_lots

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars

CHUNK = 4096
SIDES = {1: Side.BUY, -1: Side.SELL}


class Bar(NamedTuple):
    """One completed bar: start in ns UTC, prices in currency per share, volume in shares."""

    start: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    vwap: float


class _Row(NamedTuple):
    bar: Bar
    buy: float
    sell: float


class Child(Waitable):
    """A child order at the simulated venue; awaited, it is over when it is filled, cancelled or expired."""

    __slots__ = (
        "active", "cancelled", "lot_rate", "commission", "deadline", "fee", "filled", "fills", "limit", "lot_size",
        "lots", "number", "origin", "over", "parent", "resume", "resume_rank", "side", "symbol", "value",
    )  # fmt: skip

    def __init__(self, clock: VirtualClock, number: int, symbol: str, side: int, lots: int, lot_size: float) -> None:  # noqa: PLR0913
        self.clock, self.number, self.symbol, self.side, self.lots, self.lot_size = clock, number, symbol, side, lots, lot_size
        self.limit = math.nan
        self.filled = self.cancelled = 0
        self.value = self.fee = 0.0
        self.fills: list[Fill] = []
        self.over = False
        self.resume: Callable[[], None] | None = None

    @property
    def open(self) -> int:
        """Lots still working."""
        return self.lots - self.filled - self.cancelled

    def ready(self) -> bool:
        """It is over."""
        return self.over

    def park(self, resume: Callable[[], None], rank: int) -> None:
        """Resume when it is over."""
        self.resume, self.resume_rank = resume, rank

    def answer(self, zone: str) -> Fill:
        """All that it got, as one fill."""
        if len(self.fills) == 1:
            return self.fills[0]
        shares = self.filled * self.lot_size
        if not self.fills:
            return Fill._make((self.clock.queue.now, self.symbol, 0, math.nan, 0.0, SIDES[self.side], self.parent.parent_id, zone, ()))
        whole = (self.fills[-1].time, self.symbol, shares, self.value / shares, self.fee, SIDES[self.side], self.parent.parent_id, zone)
        return Fill._make((*whole, tuple(self.fills)))


@dataclass(slots=True)
class ParentState:
    """Where a parent order stands: ``ordered = filled + working + cancelled + residual``, in lots."""

    parent: ParentOrder
    origin: Any
    ordered: int
    filled: int = 0
    working: int = 0
    cancelled: int = 0
    children: int = 0

    @property
    def residual(self) -> int:
        """Lots neither filled nor working nor cancelled."""
        return self.ordered - self.filled - self.working - self.cancelled


class _Stream:
    """One symbol's bars on their way, and the children that rest in it."""

    __slots__ = ("bars", "index", "last", "known", "number", "next", "resting", "rows", "step", "symbol")

    def __init__(self, symbol: str, bars: Bars, model: FillModel, first: int) -> None:
        self.symbol, self.bars, self.step = symbol, bars, bars.step
        self.resting: list[Child] = []
        self.last: Bar | None = None
        begin = int(np.searchsorted(bars.start, first))
        self.known = begin
        if begin:
            self.last = next(_rows(bars, model, begin - 1, begin)).bar
        self.rows = _rows(bars, model, begin, len(bars))
        self.next: _Row | None = next(self.rows, None)


def _rows(bars: Bars, model: FillModel, begin: int, end: int) -> Iterator[_Row]:
    columns = (bars.start, bars.open, bars.high, bars.low, bars.close, bars.volume, bars.price())
    sides = (model.prices(bars, 1), model.prices(bars, -1))
    for a in range(begin, end, CHUNK):
        b = min(a + CHUNK, end)
        bar = map(Bar._make, zip(*(c[a:b].tolist() for c in columns), strict=True))
        yield from map(_Row._make, zip(bar, *(c[a:b].tolist() for c in sides), strict=True))


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
        self.streams: dict[str, _Stream] = {}
        self.parents: list[ParentState] = []
        self.children: dict[int, Child] = {}
        self.fills: list[Fill] = []
        self.origins: list[Any] = []
        self.on_bar: Callable[[tuple[str, Bar]], None] | None = None
        self.on_fill: Callable[[tuple[Child, Fill]], None] | None = None
        self._submitted = 0
        self._latency = model.latency_ns
        self._at_start = model.price == "open"
        self._through = model.limit_fill == "through"
        self._volumes: dict[str, SessionVolumes] = {}

    def add(self, bars: Bars) -> None:
        """Replay these symbols too, from now on.

        Raises
        ------
        UsageError
            A symbol that is there already, or bars of another length.
        """
        for symbol in bars.symbols:
            if symbol in self.streams:
                raise UsageError(f"{symbol} is in this market already")
            stream = self.streams[symbol] = _Stream(symbol, bars.select([symbol]), self.model, self.queue.now)
            if stream.next is not None:
                self.queue.put_bar(stream.next.bar.start + stream.step, symbol, Rank.BAR, self._close_bar, stream)

    def stream(self, symbol: str) -> _Stream:
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
            raise OrderRejectedError(f"the market has no session at or after {np.datetime64(instant, 'ns')} UTC; the last one is {self.sessions.date[-1:]}")
        return Session(int(self.sessions.open[i]), int(self.sessions.close[i]), self.zone)

    def regular_bars(self) -> Bars:
        """All bars that lie in the sessions."""
        whole = type(next(iter(self.streams.values())).bars).concat([stream.bars for stream in self.streams.values()])
        return whole.take(self.sessions.locate(whole.start) >= 0)

    def volumes(self, symbol: str) -> tuple[SessionVolumes, int]:
        """Volumes by session of a symbol, and the index of the session that is open now or the next."""
        if symbol not in self._volumes:
            self._volumes[symbol] = SessionVolumes.of(self.stream(symbol).bars, symbol, self.sessions)
        return self._volumes[symbol], self.sessions.at_or_after(self.queue.now)

    def open_parent(self, parent: ParentOrder) -> ParentOrder:
        """Number a parent order and keep its state."""
        numbered = replace(parent, parent_id=len(self.parents))
        self.parents.append(ParentState(numbered, self.clock.origin, numbered.lots))
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
        """Let a child order rest from now on.

        Raises
        ------
        OrderRejectedError
            The last session is over.
        UsageError
            A quantity that is no multiple of the lot.
        """
        stream, now = self.stream(symbol), self.queue.now
        ends = self.session(now).close if expires is None else expires
        if parent is None:
            parent = self._direct(symbol, side, quantity, ends + self._latency)
        child = Child(self.clock, self._submitted, symbol, int(side), check_lots(quantity, parent.lot_size), parent.lot_size)
        self._submitted += 1
        child.parent, child.origin = parent, self.clock.origin
        child.limit = math.nan if limit is None else limit
        child.lot_rate = self.model.cap(parent.max_participation) / parent.lot_size
        child.commission = self.model.commission if commission is None else commission
        child.active = now + self._latency
        child.deadline = min(ends + self._latency, parent.end)
        state = self.parents[parent.parent_id]
        state.working += child.lots
        state.children += 1
        self.children[child.number] = child
        stream.resting.append(child)
        ahead = now if stream.next is None else stream.next.bar.start + stream.step
        known = child.deadline + (ahead - child.deadline) % stream.step
        if stream.next is None or known != ahead:
            self.queue.put(known, Rank.EXPIRY, self._expire, child)
        return child

    def _direct(self, symbol: str, side: Side, quantity: float, end: int) -> ParentOrder:
        now = self.queue.now
        return self.open_parent(ParentOrder(symbol=symbol, side=side, quantity=quantity, start=now, end=end, interval=end - now, algorithm="direct"))

    def cancel(self, number: int) -> bool:
        """Cancel an open child when the request has reached the venue; False if it is over."""
        child = self.children.get(number)
        if child is None:
            return False
        self.queue.put(self.queue.now + self._latency, Rank.EXPIRY, self._expire, child)
        return True

    def _close_bar(self, stream: _Stream) -> None:
        row = stream.next
        if row is None:
            return
        if stream.resting:
            self._match(stream, row)
        bar = stream.last = row.bar
        stream.known += 1
        following = stream.next = next(stream.rows, None)
        if following is not None:
            self.queue.put_bar(following.bar.start + stream.step, stream.symbol, Rank.BAR, self._close_bar, stream)
        if self.on_bar is not None:
            self.queue.put_bar(self.queue.now, stream.symbol, Rank.MARKET, self.on_bar, (stream.symbol, bar))

    def _match(self, stream: _Stream, row: _Row) -> None:
        bar = row.bar
        start, now, used = bar.start, self.queue.now, 0.0
        for child in stream.resting:
            if child.active <= start < child.deadline:
                lot = child.lot_size
                room = bar_budget(child.lot_rate, bar.volume) - math.ceil(used / lot)
                if room > 0:
                    price = row.buy if child.side > 0 else row.sell
                    done = meet_bar(child.side, child.open, child.limit, price, bar.low, bar.high, room, self._through)
                    if done.quantity > 0:
                        used += done.quantity * lot
                        self._execute(child, done.quantity, done.price, start if self._at_start else now)
            if child.deadline <= now and child.open:
                self.queue.put(now, Rank.EXPIRY, self._expire, child)
        stream.resting = [child for child in stream.resting if child.open]

    def _execute(self, child: Child, lots: int, price: float, stamp: int) -> None:
        shares = lots * child.lot_size
        child.filled += lots
        child.value += shares * price
        fee = child_fee(child.commission, child.filled * child.lot_size, child.value)
        fill = Fill._make((stamp, child.symbol, shares, price, fee - child.fee, SIDES[child.side], child.parent.parent_id, self.zone, ()))
        child.fee = fee
        child.fills.append(fill)
        state = self.parents[child.parent.parent_id]
        state.filled += lots
        state.working -= lots
        self.fills.append(fill)
        self.origins.append(child.origin)
        self.queue.put(self.queue.now, Rank.FILL, self._book, (child, fill))

    def _book(self, booked: tuple[Child, Fill]) -> None:
        if self.on_fill is not None:
            self.on_fill(booked)
        child = booked[0]
        if not child.open and booked[1] is child.fills[-1]:
            self._end(child)

    def _expire(self, child: Child) -> None:
        if child.over or not child.open:
            return
        self.parents[child.parent.parent_id].working -= child.open
        child.cancelled = child.open
        resting = self.streams[child.symbol].resting
        self.streams[child.symbol].resting = [one for one in resting if one is not child]
        self._end(child)

    def _end(self, child: Child) -> None:
        child.over = True
        del self.children[child.number]
        if child.resume is not None:
            if child.resume_rank == Rank.WAKE:
                self.queue.put(self.queue.now, Rank.WAKE, _resume, child)
            else:
                child.resume()


def _resume(child: Child) -> None:
    if child.resume is not None:
        child.resume()


def sessions_of(bars: Bars, calendar: str | None) -> Sessions:
    """The sessions of a named calendar over the bars, or else one a day from the first bar to the last.

    Raises
    ------
    UsageError
        There are no bars.
    """
    if not len(bars):
        raise UsageError("there are no bars")
    if calendar is not None:
        return sessions(calendar, int(bars.start.min()), int(bars.start.max()))
    import pandas as pd

    stamps = pd.DatetimeIndex(bars.start.view("datetime64[ns]"), tz="UTC").tz_convert(bars.zone)
    days = stamps.tz_localize(None).normalize().to_numpy().astype("datetime64[D]")
    date, group = np.unique(days, return_inverse=True)
    opens = np.full(len(date), np.iinfo(np.int64).max)
    closes = np.full(len(date), np.iinfo(np.int64).min)
    np.minimum.at(opens, group, bars.start)
    np.maximum.at(closes, group, bars.start + bars.step)
    return Sessions(name="from the bars", zone=bars.zone, date=date, open=opens, close=closes)
