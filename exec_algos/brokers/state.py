"""`LiveState`: what the parts of a live broker share; the one place where a child is moved, written down and told of."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple, TypeVar

from exec_algos.brokers.known import Carried, KnownOrders
from exec_algos.brokers.lanes import Cause, Lane, Lanes
from exec_algos.brokers.records import Entry, Journal, Kind, Limits
from exec_algos.brokers.requests import LocalBucket, Requests
from exec_algos.brokers.settings import LiveSettings
from exec_algos.brokers.venue import Instrument, VenueAPI
from exec_algos.brokers.waiting import Bell, wait_until
from exec_algos.checks import is_finite
from exec_algos.clock import Clock
from exec_algos.errors import ExecAlgosError, JournalError, LifeCycleError, VenueError
from exec_algos.model import SECOND, Fill, ParentOrder
from exec_algos.model.lifecycle import Event, State

T = TypeVar("T")

MOST_APART = 30 * SECOND

log = logging.getLogger("exec_algos.live")


class Alert(NamedTuple):
    """Something that somebody has to look at."""

    time: int
    text: str


class LiveState:
    """Venue, clock, journal, and all that is known of orders.

    Attributes
    ----------
    caps : VenueCaps
        What the venue can do; like `lanes` and `requests` it is there once `connected`.
    ready : bool
        A complete look-up has shown how things stand since the connection was lost last.
    settled : bool
        What an earlier run left is at its end.
    losses : int
        How often the connection was lost.
    gate : Bell
        Rung when a child that waits to be sent should look again.
    asked : Bell
        Rung when a look-up is wanted.
    apart : int
        The venue's clock less ours, ns.
    unsure : int
        How far that may be off, ns.
    tend : callable
        Begins to see to its end a child that turned up after it was over.
    """

    def __init__(self, venue: VenueAPI, clock: Clock, journal: Journal, limits: Limits, settings: LiveSettings) -> None:
        self.venue, self.clock, self.journal, self.limits, self.settings = venue, clock, journal, limits, settings
        self.gate, self.asked = Bell(), Bell()
        self.known = KnownOrders()
        self.connected = False
        self.alerts: list[Alert] = []
        self._alerted: set[str] = set()
        self.ready = self.settled = self.closed = self.wanted = False
        self.losses = 0
        self.apart = self.unsure = 0
        self.broken = ""
        self.tend: Callable[[Carried], None] = _nobody
        self.instruments: dict[str, Instrument] = {}

    def connect(self) -> None:
        """The venue is open, and says what it can do."""
        self.caps = self.venue.caps
        self.lanes = Lanes(self.gate, exclusive=not self.caps.own_id_length)
        bucket = self.venue.bucket(self.clock) or LocalBucket(self.caps.rate, self.caps.reserved)
        self.requests = Requests(self.clock, bucket)
        self.venue.pace = self.requests.more
        self.connected = True

    def disconnect(self) -> None:
        """Nobody waits for a request any more."""
        if self.connected:
            self.requests.close()

    @property
    def may_send(self) -> bool:
        """Whether it is known how things stand."""
        return self.ready and self.settled

    def lose(self) -> None:
        """The connection was lost, or is new: nothing is sent before a complete look-up that begins from now on."""
        self.ready, self.losses = False, self.losses + 1
        self.look()

    async def within(self, method: str, coroutine: Coroutine[Any, Any, T]) -> T:
        """What a method of the adapter answers.

        Raises
        ------
        VenueError
            Not in time, or it raised something else.
        """
        request = asyncio.ensure_future(coroutine)
        try:
            answered = await wait_until(self.clock, request, self.clock.now + self.settings.answer)
        except asyncio.CancelledError:
            request.cancel()
            raise
        if not answered:
            request.cancel()
            raise VenueError(f"{self.method(method)} gave no answer within {self.settings.answer / 1e9:g} s")
        error = request.exception()
        if error is not None and not isinstance(error, ExecAlgosError):
            raise VenueError(f"{self.method(method)} failed: {type(error).__name__}: {error}") from error
        return request.result()

    def stopped(self) -> str:
        """Why nothing is sent at all; empty where it may be."""
        if self.closed:
            return "the broker is closed"
        if self.broken:
            return self.broken
        if self.clock.jump:
            return self.clock.jump
        if abs(self.apart) - self.unsure > MOST_APART:
            return f"{self.clock_text()}; set the clock right, more than {MOST_APART // SECOND} s are too many for an order"
        return ""

    def charged(self, fill: Fill) -> Fill:
        """A fill with what the venue's adapter says that it costs; as it is where that makes no sense, and somebody is told."""
        said: Any = None
        try:
            said = self.venue.charged(fill)
            if isinstance(said, Fill) and said[:4] == fill[:4] and is_finite(said.commission):
                return said
            wrong = f"gave {said!r}"
        except Exception as error:
            wrong = f"raised {type(error).__name__}: {error}"
        self.alert(f"{self.method('charged')} {wrong} for a fill of {fill.ticker}; it counts without commission")
        return fill

    def told_at(self, time: int) -> int:
        """The venue's time of what it says, ns UTC; that of its clock now where it does not say (0)."""
        return time or self.clock.now + self.apart

    def clock_text(self) -> str:
        """By how much the clocks differ."""
        return f"the clock of {self.caps.name} is {abs(self.apart) / 1e9:.1f} s {'ahead of' if self.apart > 0 else 'behind'} ours"

    def lot_of(self, symbol: str) -> float:
        """Shares in a lot of a symbol at the venue; 0 where that is not known yet."""
        known = self.instruments.get(symbol)
        return known.lot_size if known else 0.0

    def lane(self, carried: Carried) -> Lane:
        """Where a child is sent."""
        return self.lanes.of(carried.child)

    def alert(self, text: str, carried: Carried | None = None) -> None:
        """Tell somebody, once."""
        if text in self._alerted:
            return
        self._alerted.add(text)
        self.alerts.append(Alert(self.clock.now, text))
        log.error("%s", text)
        self.note(Kind.ALERT, carried, text=text)

    def entry(self, kind: Kind, carried: Carried | None, data: Mapping[str, Any]) -> Entry:
        """What is written of a child."""
        child = carried.child if carried else None
        plain = {name: _plain(value) for name, value in data.items()}
        return Entry(kind, self.clock.now, child.parent.ref if child else "", child.ref if child else "", plain)

    def note(self, kind: Kind, carried: Carried | None, **data: Any) -> None:
        """Write down what happened; where that fails, nothing is sent any more."""
        self.put(self.entry(kind, carried, data))

    def note_parent(self, kind: Kind, parent: ParentOrder, data: Mapping[str, Any]) -> None:
        """Write down something of a parent order."""
        self.put(Entry(kind, self.clock.now, parent.ref, "", {name: _plain(value) for name, value in data.items()}))

    def put(self, entry: Entry) -> None:
        """Hand an entry to the journal."""
        if self.broken:
            return  # it is broken, and was told of
        try:
            self.journal.note(entry)
        except JournalError as error:
            self.break_off(error)

    def break_off(self, error: JournalError) -> None:
        """The journal cannot be written: cancels go on, orders do not."""
        self.broken = f"{error}; nothing is sent any more, open orders are still cancelled"
        self.fail(self.broken)

    def fail(self, why: str) -> None:
        """Nothing is sent any more."""
        self.alert(why)  # before nothing is written any more
        self.broken = self.broken or why
        self.gate.ring()

    def move(self, carried: Carried, event: Event, reason: str = "", kind: Kind = Kind.OUTCOME, **data: Any) -> bool:
        """Something happened to a child; whether its life cycle allows it. Where it does not, a look-up decides."""
        child, before = carried.child, carried.child.state
        try:
            child.on(event, reason)
        except LifeCycleError as error:
            self.doubt(carried, f"{child.ref}: {error}")
            return False
        if child.state is not before or child.reason == reason != "" or data:
            self.note(kind, carried, event=str(event), reason=reason, **data)
        self.moved(carried)
        return True

    def moved(self, carried: Carried) -> None:
        """Pass on what a child's last event brought with it."""
        child, lane = carried.child, self.lane(carried)
        for text in child.alerts[carried.alerted :]:
            self.alert(text, carried)
        carried.alerted = len(child.alerts)
        if child.state is State.UNKNOWN:
            lane.freeze(child.ref, Cause.UNKNOWN, f"{child.ref} is unknown: {child.reason}")
        else:
            lane.thaw(child.ref, Cause.UNKNOWN)
        if child.done():
            carried.over_since = carried.over_since or self.clock.now
            lane.thaw(child.ref, Cause.LATE)
        else:
            carried.over_since = 0
            self.known.revive(carried)
            if not carried.tended:
                self.tend(carried)
        carried.changed.ring()

    def silence(self, carried: Carried, why: str) -> None:
        """Nobody knows what became of a child: its lane is frozen, and it is looked for."""
        child = carried.child
        if child.venue_id or child.done():
            log.warning("%s: %s; the venue had shown it before", child.ref, why)
            self.look()
            return
        carried.unknown_since, carried.looked = self.clock.now, 0
        self.move(carried, Event.SILENCE, why, Kind.UNKNOWN)
        self.alert(
            f"{child.ref} is unknown: {why}; nothing is sent in {child.parent.symbol} {child.parent.side.name} until it is found", carried
        )
        self.look()

    def doubt(self, carried: Carried, why: str) -> None:
        """The venue said of a child what cannot be: nothing of it is counted, its lane is frozen, a look-up decides."""
        lane, ref = self.lane(carried), carried.child.ref
        if (ref, Cause.DOUBT) not in lane.frozen:
            self.alert(f"{why}; nothing is sent in {lane.symbol} {lane.side.name} until a look-up decides", carried)
        lane.freeze(ref, Cause.DOUBT, why)
        self.look()

    def doubted(self) -> bool:
        """Whether somebody said of a child what cannot be, and no look-up has decided yet."""
        return any(cause in (Cause.DOUBT, Cause.LATE) for lane in self.lanes for _, cause in lane.frozen)

    def look(self) -> None:
        """Ask the venue soon."""
        self.wanted = True
        self.asked.ring()

    def method(self, name: str) -> str:
        """How the adapter's method is called in messages."""
        return f"{type(self.venue).__name__}.{name}"


def _nobody(carried: Carried) -> None:
    """A broker that is not built yet has no children."""


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
