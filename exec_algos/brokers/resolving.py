"""Which order at the venue a child of an unknown outcome is, if any: `resolve_all` after each look-up."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

from exec_algos.brokers.applying import Applied
from exec_algos.brokers.known import Carried
from exec_algos.brokers.lanes import Cause
from exec_algos.brokers.records import Kind
from exec_algos.brokers.state import LiveState
from exec_algos.brokers.venue import OrderRow
from exec_algos.errors import UsageError
from exec_algos.model import SECOND
from exec_algos.model.lifecycle import Event, State

STAMP = SECOND  # venues stamp in whole seconds
NEARLY = 1e-9
AT_VENUE = (State.OPEN, State.PARTIAL, State.CANCEL_SENT)


def fits(row: OrderRow, carried: Carried, apart: int, unsure: int) -> bool:
    """Whether a row may be a child that went out without an own id.

    Symbol, side, quantity, order type and limit are the child's (a market order's limit is NaN or 0). It was taken no earlier than the
    child was sent, up to how far the clocks and a stamp in whole seconds may be off. It may have been taken any time after that: a
    request that got no answer may be on its way for long.

    Parameters
    ----------
    row : OrderRow
    carried : Carried
    apart, unsure : int
        The venue's clock less ours, and how far that may be off, ns.
    """
    child = carried.child
    return (
        not row.own_id
        and row.symbol == child.parent.symbol
        and row.side == child.parent.side
        and abs(row.quantity - child.shares) <= NEARLY * child.shares
        and _same_limit(row.limit, child.limit)
        and row.order_type in ("", order_type(child.limit))
        and row.accepted - apart >= child.sent - unsure - STAMP
    )


def order_type(limit: float) -> str:
    """That of a child of a limit, NaN for a market order: ``"MKT"`` or ``"LMT"``."""
    return "MKT" if math.isnan(limit) else "LMT"


def _same_limit(said: float, limit: float) -> bool:
    if math.isnan(limit):
        return math.isnan(said) or said == 0
    return math.isclose(said, limit, rel_tol=1e-9)


class Resolving:
    """Tells children of an unknown outcome apart by what look-ups show.

    Parameters
    ----------
    state : LiveState
    applied : Applied
    """

    def __init__(self, state: LiveState, applied: Applied) -> None:
        self._state, self._applied = state, applied

    def after_look(self, began: int, complete: bool, as_of: int, asked: Collection[Carried] | None = None) -> None:
        """A look-up that began at `began` (ns UTC) has been applied: find the children that it shows, count those that it does not.

        It was of all orders, or of those of the children `asked` alone.
        """
        known = self._state.known
        if not self._state.caps.own_id_length:
            for carried in known.unknown():
                self._find(carried, as_of)
            for carried in known.absent():
                self._find_late(carried, as_of)
        for carried in known.unknown() if complete else ():
            if began >= carried.unknown_since:
                self._miss(carried, began)
        for carried in (known.active() if asked is None else asked) if complete else ():
            if carried.child.state in AT_VENUE and carried.seen < began:
                self._lacks(carried, began)

    def _lacks(self, carried: Carried, began: int) -> None:
        """A complete look-up does not show a child that is open: somebody is told, for nothing else would end it."""
        state, child, settings = self._state, carried.child, self._state.settings
        carried.seen = carried.seen or began
        carried.unseen += 1
        if carried.unseen >= settings.lookups and began >= carried.seen + settings.quiet:
            state.alert(
                f"{child.ref} is open as {child.venue_id!r} as far as we know, and complete look-ups do not show it; "
                f"it counts as open until they do: ask {state.caps.name}",
                carried,
            )

    def _candidates(self, carried: Carried) -> list[OrderRow]:
        state = self._state
        return [
            row
            for row in state.known.others.values()
            if row.venue_id not in carried.not_its
            and fits(row, carried, state.apart, state.unsure)
            and state.known.first_seen(row.venue_id) >= carried.child.sent
        ]

    def _find(self, carried: Carried, as_of: int) -> None:
        state, child = self._state, carried.child
        found = self._candidates(carried)
        rivals = [other for other in self._absent_beside(carried) if any(fits(row, other, state.apart, state.unsure) for row in found)]
        strangers = [other for other in rivals if other.child.parent.ref != child.parent.ref]
        if len(found) == 1 and not strangers:
            self._applied.row(carried, found[0], as_of)
        elif found:
            self._ask(carried, found, strangers)

    def _absent_beside(self, carried: Carried) -> Iterable[Carried]:
        lane = self._state.lane(carried)
        return (other for other in self._state.known.absent() if other is not carried and self._state.lane(other) is lane)

    def _ask(self, carried: Carried, found: list[OrderRow], rivals: Iterable[Carried]) -> None:
        state, child = self._state, carried.child
        rows = ", ".join(f"{row.venue_id} ({row.quantity:g} shares, {row.filled:g} filled)" for row in found)
        also = "".join(f" or {other.child.ref}" for other in rivals)
        how = f"say which: exec-algos live resolve JOURNAL {child.ref} --order ID, or --none"
        text = f"{child.ref}{also} may be each of the venue's orders {rows}; {how}"
        state.lane(carried).freeze(child.ref, Cause.OPERATOR, text)
        state.alert(text, carried)

    def _find_late(self, carried: Carried, as_of: int) -> None:
        """An order that counts as not sent has turned up; asked only while no other child of its lane is on its way."""
        state, lane = self._state, self._state.lane(carried)
        busy = lane.sending or any(
            other.child.state in (State.SENT, State.UNKNOWN) and state.lane(other) is lane for other in state.known.active()
        )
        found = [] if busy else self._candidates(carried)
        bound = carried.absent_since + state.settings.late
        found = [row for row in found if row.accepted - state.apart <= bound]
        rivals = [other for other in self._absent_beside(carried) if any(fits(row, other, state.apart, state.unsure) for row in found)]
        if any(other.child.parent.ref != carried.child.parent.ref for other in rivals):
            self._ask(carried, found, rivals)
        elif found:
            self._applied.row(carried, min(found, key=lambda row: row.accepted), as_of)

    def _miss(self, carried: Carried, began: int) -> None:
        """One more complete look-up that shows nothing of a child."""
        state, child, settings = self._state, carried.child, self._state.settings
        lane = state.lane(carried)
        carried.looked += 1
        if (child.ref, Cause.OPERATOR) in lane.frozen:
            return
        if carried.looked >= settings.lookups and began >= carried.unknown_since + settings.quiet:
            waited = (began - carried.unknown_since) / 1e9
            self.absent(carried, f"{carried.looked} complete look-ups over {waited:.0f} s did not show it")

    def absent(self, carried: Carried, why: str) -> None:
        """It is taken as not sent."""
        state = self._state
        carried.absent_since = carried.child.absent = state.clock.now
        state.move(carried, Event.ABSENT, why, Kind.RESOLVED, how="look-ups")

    def by_operator(self, carried: Carried, venue_id: str | None) -> None:
        """Somebody says which order at the venue a child is, or that it is none of those that were seen; one that comes later may be it.

        Raises
        ------
        UsageError
            The venue does not show it, or it is another child's; or the child is known at the venue.
        """
        state, child = self._state, carried.child
        lane = state.lane(carried)
        if venue_id is None:
            carried.not_its.update(row.venue_id for row in self._candidates(carried))
            if child.state is State.UNKNOWN:
                carried.absent_since = state.clock.now
                state.move(carried, Event.ABSENT, "the operator said so", Kind.RESOLVED, how="operator")
            elif child.state is not State.NOT_SENT:
                raise UsageError(f"{child.ref} is {child.state} at the venue as {child.venue_id!r}, so nothing is to be resolved")
        elif venue_id != child.venue_id:
            row = state.known.others.get(venue_id)
            if row is None:
                known = ", ".join(sorted(state.known.others)) or "none"
                raise UsageError(f"no order {venue_id!r} that is not a child's was seen at {state.caps.name}; seen were {known}")
            self._applied.row(carried, row, state.clock.now)
        lane.thaw(child.ref, Cause.OPERATOR, Cause.DOUBT)
