"""From a journal's entries to what they say: sessions, parent orders, and their children as they stand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from exec_algos.brokers.child import LiveChild
from exec_algos.brokers.records import Entry, Kind
from exec_algos.errors import ExecAlgosError, JournalError, UnknownNameError
from exec_algos.model import Fill, ParentOrder, Rules, Side
from exec_algos.model.lifecycle import Event, State

MEANT = "the journal is damaged, or was written by another release; look at the venue's own list of orders"


@dataclass
class RecordedParent:
    """A parent order as a journal tells it.

    Attributes
    ----------
    parent : ParentOrder
        As it stands, amendments included.
    children : list of LiveChild
        In the order in which they were decided.
    curve : list of float
        What its plan follows; empty where none was written.
    unsent : dict of str to str
        Children that were never about to leave, by ref, with the reason.
    done : mapping or None
        Its sums, where it is over.
    zone : str
        In which its times are shown: that of its instrument; UTC where that was not known.
    """

    parent: ParentOrder
    children: list[LiveChild] = field(default_factory=list)
    curve: list[float] = field(default_factory=list)
    unsent: dict[str, str] = field(default_factory=dict)
    done: Mapping[str, Any] | None = None
    zone: str = "UTC"

    @property
    def fills(self) -> list[Fill]:
        """Its trades, in time order."""
        return sorted((fill for child in self.children for fill in child.fills), key=lambda fill: fill.time)

    @property
    def filled(self) -> float:
        """Shares that traded."""
        return math.fsum(child.traded for child in self.children)

    def shares(self, *, unknown: bool) -> float:
        """Shares that may still trade: of children whose outcome is unknown, or of those that are known to be open."""
        lots = sum(child.open for child in self.children if is_unknown(child) == unknown)
        return lots * self.parent.lot_size


@dataclass
class Recorded:
    """All that a journal tells.

    Attributes
    ----------
    sessions : list of mapping
        Who wrote: venue, account, currency and more, of each run.
    parents : dict of str to RecordedParent
        By ref, as they were accepted.
    alerts : list of (int, str)
        Time (ns UTC) and text.
    refused : list of (int, str, str)
        Time, ref and reason of what a limit refused.
    last : int
        Time of the last entry, ns UTC; 0 where there is none.
    """

    sessions: list[Mapping[str, Any]] = field(default_factory=list)
    parents: dict[str, RecordedParent] = field(default_factory=dict)
    alerts: list[tuple[int, str]] = field(default_factory=list)
    refused: list[tuple[int, str, str]] = field(default_factory=list)
    last: int = 0

    @property
    def session(self) -> Mapping[str, Any]:
        """The last run; empty where there was none."""
        return self.sessions[-1] if self.sessions else {}

    @property
    def children(self) -> list[LiveChild]:
        """Of all parents."""
        return [child for parent in self.parents.values() for child in parent.children]

    @property
    def unknown(self) -> list[LiveChild]:
        """Children of which nobody knows what became of them."""
        return [child for child in self.children if is_unknown(child)]

    @property
    def unfinished(self) -> list[RecordedParent]:
        """Parents that are not over."""
        return [parent for parent in self.parents.values() if parent.done is None]

    def refs(self, ref: str | None = None) -> list[str]:
        """The refs of parents that are not over, or the one that is named.

        Raises
        ------
        UsageError
            There is no parent of that ref.
        """
        if ref is None:
            return [name for name, parent in self.parents.items() if parent.done is None]
        if ref not in self.parents:
            raise UnknownNameError("parent order", ref, self.parents)
        return [ref]


def is_unknown(child: LiveChild) -> bool:
    """Nobody knows what became of it: that was written, or its request may have left and no answer was written."""
    return child.state in (State.INTENT, State.SENT, State.UNKNOWN)


def recorded(entries: Iterable[Entry]) -> Recorded:
    """What entries say, applied in their order.

    Raises
    ------
    JournalError
        One cannot follow those before it.
    """
    replay = _Replay()
    for number, entry in enumerate(entries, start=1):
        try:
            replay.take(entry)
        except (ExecAlgosError, KeyError, TypeError, ValueError) as error:
            said = f"{type(error).__name__}: {error}"
            where = entry.child or entry.parent or "the session"
            raise JournalError(f"entry {number}, {entry.kind} of {where}, cannot follow those before it ({said}); {MEANT}") from error
    return replay.found


def parent_of(data: Mapping[str, Any]) -> ParentOrder:
    """A parent order of its fields, as a broker writes them."""
    known = {name.name for name in fields(ParentOrder)}
    given = {name: value for name, value in data.items() if name in known}
    rules = {name.name: data["rules"][name.name] for name in fields(Rules) if name.name in data["rules"]}
    pauses = tuple((begin, end) for begin, end in data.get("pauses", ()))
    return ParentOrder(**{**given, "side": Side.of(data["side"]), "rules": Rules(**rules), "pauses": pauses})


class _Replay:
    def __init__(self) -> None:
        self.found = Recorded()
        self._children: dict[str, LiveChild] = {}
        self._intended: dict[str, int] = {}
        self._ways: Mapping[Kind, Callable[[Entry], None]] = {
            Kind.SESSION: self._session,
            Kind.PARENT: self._parent,
            Kind.AMENDED: self._parent,
            Kind.CURVE: self._curve,
            Kind.INTENT: self._intent,
            Kind.OUTCOME: self._event,
            Kind.CANCEL: self._event,
            Kind.UNKNOWN: self._event,
            Kind.RESOLVED: self._event,
            Kind.FILL: self._fill,
            Kind.DONE: self._done,
            Kind.REFUSED: self._refused,
            Kind.ALERT: self._alert,
        }

    def take(self, entry: Entry) -> None:
        self._ways[entry.kind](entry)
        self.found.last = entry.time

    def _session(self, entry: Entry) -> None:
        self.found.sessions.append(dict(entry.data))

    def _parent(self, entry: Entry) -> None:
        parent, known = parent_of(entry.data), self.found.parents.get(entry.parent)
        if known is None:
            self.found.parents[entry.parent] = RecordedParent(parent, zone=entry.data.get("zone", "UTC"))
        else:
            known.parent, known.zone = parent, entry.data.get("zone", known.zone)

    def _curve(self, entry: Entry) -> None:
        self.found.parents[entry.parent].curve = list(entry.data["curve"])

    def _intent(self, entry: Entry) -> None:
        of, data = self.found.parents[entry.parent], entry.data
        if entry.child in self._children:
            raise ValueError(f"a second intent of {entry.child}")
        limit = math.nan if data["limit"] is None else data["limit"]
        child = self._children[entry.child] = LiveChild(entry.child, of.parent, data["lots"], limit, data["expires"])
        self._intended[entry.child] = entry.time
        child.own_id = data["own_id"]
        of.unsent.pop(entry.child, None)
        of.children.append(child)

    def _event(self, entry: Entry) -> None:
        child, data = self._children.get(entry.child), entry.data
        if entry.kind is Kind.CANCEL and "event" not in data:
            return  # a cancel that got no answer: it changes nothing, and is asked again
        event, reason = Event(data["event"]), data.get("reason") or ""
        if child is None and event is Event.NO_SEND:
            self.found.parents[entry.parent].unsent[entry.child] = reason
            return
        if child is None:
            raise ValueError(f"no intent of {entry.child} stands before it")
        if event is Event.SEND:
            child.sent = data.get("sent") or entry.time
        elif event is not Event.NO_SEND:
            self._left(child)
        child.venue_id = data.get("venue_id") or child.venue_id
        child.accepted = child.accepted or data.get("time") or 0
        child.limit = data.get("limit") or child.limit  # it was amended
        child.lasting = child.lasting or bool(data.get("lasting"))
        child.on(event, reason)
        child.absent = entry.time if data.get("how") == "look-ups" else child.absent
        child.withdrawn = child.withdrawn or event is Event.ASK_CANCEL

    def _left(self, child: LiveChild) -> None:
        """Something is said of a child: it was sent, although its process may have ended before that was written."""
        if child.state is State.INTENT:
            child.on(Event.SEND)
            child.sent = self._intended[child.ref]

    def _fill(self, entry: Entry) -> None:
        child, data = self._children[entry.child], entry.data
        self._left(child)
        child.venue_id = data.get("venue_id") or child.venue_id
        if data.get("execution_id"):
            child.trade(data["quantity"], data["price"], data["time"], data["execution_id"])
        else:
            child.total(data["filled"], data["amount"], data["time"])

    def _done(self, entry: Entry) -> None:
        self.found.parents[entry.parent].done = dict(entry.data)

    def _refused(self, entry: Entry) -> None:
        self.found.refused.append((entry.time, entry.child or entry.parent, str(entry.data.get("limit", ""))))

    def _alert(self, entry: Entry) -> None:
        self.found.alerts.append((entry.time, str(entry.data["text"])))
