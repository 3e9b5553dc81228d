"""`KnownOrders`: the orders that a live broker knows at its venue, its own and those of others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from exec_algos.brokers.child import LiveChild
from exec_algos.brokers.venue import OrderRow, Report
from exec_algos.brokers.waiting import Bell
from exec_algos.model import DAY
from exec_algos.model.lifecycle import State

EARLY = 1000  # pushed events of which nobody knows yet whose they are
SAME_DAY = DAY // 2  # venues number their orders anew each day


@dataclass(eq=False)
class Carried:
    """A child, and what the broker keeps of it beside.

    Attributes
    ----------
    child : LiveChild
    changed : Bell
        Rung at whatever happens to it.
    unknown_since : int
        When its outcome became unknown, ns UTC.
    looked : int
        Complete look-ups since then that showed nothing of it.
    absent_since : int
        When it was taken as not sent, ns UTC; 0 where it was not.
    over_since : int
        When it ended, ns UTC.
    alerted : int
        How many of the child's alerts were passed on.
    tended : bool
        A task sees it to its end.
    shown : tuple
        What the last row said of it.
    seen : int
        When a look-up last showed it, or was first asked to, ns UTC.
    unseen : int
        Complete look-ups since then that did not show it, although it is open.
    less_since : int
        Since when look-ups say that it is over with less than was reported of it, ns UTC; 0 while they do not.
    not_its : set of str
        Ids of orders at the venue of which somebody said that they are not this child.
    """

    child: LiveChild
    changed: Bell = field(default_factory=Bell)
    unknown_since: int = 0
    looked: int = 0
    absent_since: int = 0
    over_since: int = 0
    alerted: int = 0
    tended: bool = False
    shown: tuple[object, ...] = ()
    seen: int = 0
    unseen: int = 0
    less_since: int = 0
    not_its: set[str] = field(default_factory=set)


class KnownOrders:
    """Finds children by their names, and keeps what belongs to nobody yet.

    Attributes
    ----------
    others : dict of str to OrderRow
        Orders at the venue that are not ours, by the venue's id; those of children that are still being told apart stand here too.
    """

    def __init__(self) -> None:
        self._by_ref: dict[str, Carried] = {}
        self._by_own_id: dict[str, Carried] = {}
        self._by_venue_id: dict[str, Carried] = {}
        self._first_seen: dict[str, tuple[int, int]] = {}  # when a look-up showed it first, and when the venue took it
        self._early: list[Report] = []
        self._active: dict[str, Carried] = {}
        self.others: dict[str, OrderRow] = {}

    def __iter__(self) -> Iterator[Carried]:
        return iter(self._by_ref.values())

    def add(self, child: LiveChild) -> Carried:
        """Take a child in."""
        carried = self._by_ref[child.ref] = self._active[child.ref] = Carried(child)
        if child.own_id:
            self._by_own_id[child.own_id] = carried
        if child.venue_id:
            self._by_venue_id[child.venue_id] = carried
        return carried

    def active(self) -> list[Carried]:
        """Children that may still move."""
        return list(self._active.values())

    def unknown(self) -> list[Carried]:
        """Children of an unknown outcome."""
        return [carried for carried in self._active.values() if carried.child.state is State.UNKNOWN]

    def absent(self) -> list[Carried]:
        """Children that are taken as not sent because no look-up showed them."""
        return [carried for carried in self._active.values() if carried.absent_since and carried.child.state is State.NOT_SENT]

    def forget(self, over: int, absent: int) -> None:
        """Look no more for children that were over before an instant, or counted as not sent before another (ns UTC)."""
        for ref, carried in list(self._active.items()):
            if carried.child.done() and carried.over_since < over and carried.absent_since < absent:
                del self._active[ref]

    def revive(self, carried: Carried) -> None:
        """A child that was over moves again."""
        self._active[carried.child.ref] = carried

    def by_ref(self, ref: str) -> Carried | None:
        """The child of a ref."""
        return self._by_ref.get(ref)

    def by_own_id(self, own_id: str) -> Carried | None:
        """The child that was sent under an own id."""
        return self._by_own_id.get(own_id)

    def of(self, own_id: str, venue_id: str, time: int) -> Carried | None:
        """The child that goes by one of these names, of an order that the venue took at `time` (ns UTC; 0: not known)."""
        if own_id:
            return self._by_own_id.get(own_id)
        carried = self._by_venue_id.get(venue_id)
        if carried is None or not time or abs(time - carried.child.sent) < SAME_DAY:
            return carried
        return None

    def is_there(self, own_id: str) -> bool:
        """Whether the venue has an order of this own id that is no child's."""
        return bool(own_id) and any(row.own_id == own_id for row in self.others.values())

    def taken(self, venue_id: str, but: Carried, now: int) -> bool:
        """Whether another child has this name today."""
        holder = self._by_venue_id.get(venue_id)
        return holder is not None and holder is not but and abs(now - holder.child.sent) < SAME_DAY

    def identify(self, carried: Carried, venue_id: str) -> list[Report]:
        """It is known which order at the venue a child is; returns what was pushed of it before."""
        carried.child.venue_id = venue_id
        self._by_venue_id[venue_id] = carried
        self.others.pop(venue_id, None)
        mine = [report for report in self._early if report.venue_id == venue_id]
        self._early = [report for report in self._early if report.venue_id != venue_id]
        return mine

    def keep(self, report: Report) -> None:
        """Keep an event of which nobody knows yet whose it is; look-ups tell the same, so that old ones may go."""
        self._early = [*self._early[-EARLY + 1 :], report]

    def saw(self, row: OrderRow, now: int) -> None:
        """A row of an order that is not known as ours."""
        known = self._first_seen.get(row.venue_id)
        if known is None or abs(row.accepted - known[1]) >= SAME_DAY:  # another day's order may have the same id
            self._first_seen[row.venue_id] = now, row.accepted
        self.others[row.venue_id] = row

    def first_seen(self, venue_id: str) -> int:
        """When a look-up first showed an order that is not known as ours, ns UTC."""
        return self._first_seen[venue_id][0]
