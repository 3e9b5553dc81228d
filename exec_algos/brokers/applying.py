"""`Applied`: what the venue says of orders, by rows and by pushed events, checked and counted to the child that it is about."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from exec_algos.brokers.known import Carried
from exec_algos.brokers.lanes import Cause
from exec_algos.brokers.records import Kind
from exec_algos.brokers.state import LiveState
from exec_algos.brokers.venue import OrderRow, Report, Snapshot
from exec_algos.checks import is_finite
from exec_algos.errors import VenueError
from exec_algos.model.lifecycle import Event, State

NEARLY = 1e-9
KINDS = ("accepted", "fill", "cancelled", "rejected", "moved")
TOLD = frozenset({State.OPEN, State.PARTIAL, State.CANCEL_SENT, State.FILLED, State.CANCELLED})
ABSENT = frozenset({State.NOT_SENT, State.REJECTED})


class Applied:
    """Counts what is said.

    Parameters
    ----------
    state : LiveState
    """

    def __init__(self, state: LiveState) -> None:
        self._state = state

    def snapshot(self, snapshot: Snapshot) -> None:
        """Every row of a look-up."""
        state = self._state
        for row in snapshot.orders:
            wrong = _wrong_row(row)
            if wrong:
                state.alert(f"{state.method('snapshot')} gave the row {row!r} with {wrong}; nothing of it is counted")
                continue
            carried = state.known.of(row.own_id, row.venue_id, row.accepted)
            if carried is None or carried.child.state is State.INTENT:  # an order of its id that it did not place
                state.known.saw(row, state.clock.now)
            else:
                self.row(carried, row, snapshot.as_of)

    def row(self, carried: Carried, row: OrderRow, as_of: int) -> None:
        """What a row says of a child."""
        state, child = self._state, carried.child
        carried.seen, carried.unseen = state.clock.now, 0
        shown = (row.venue_id, row.symbol, row.side, row.quantity, row.filled, row.amount, row.state, row.reason)
        if shown == carried.shown and child.state in TOLD and (child.ref, Cause.DOUBT) not in state.lane(carried).frozen:
            return  # nothing new: a day's list has thousands of rows
        wrong = _foreign(carried, row, state.lot_of(child.parent.symbol))
        if wrong:
            state.doubt(carried, f"{state.method('snapshot')} says of {child.ref} {wrong}; nothing of it is counted")
            return
        self.identify(carried, row.venue_id, row.accepted)
        late = child.state in ABSENT and row.state != "rejected"
        if late:
            self._late(carried)
        if child.state in (State.SENT, State.UNKNOWN, State.NOT_SENT, State.REJECTED) and row.state != "rejected":
            state.move(carried, Event.ACCEPT, kind=_kind(carried), venue_id=row.venue_id, time=row.accepted)
        self._total(carried, row.filled, row.amount, as_of, "snapshot")
        if row.filled > row.quantity * (1 + NEARLY):
            state.lane(carried).freeze(
                child.ref, Cause.OPERATOR, f"{state.method('snapshot')} says that {child.ref} got {row.filled:g} of {row.quantity:g} shares"
            )
        carried.shown = shown if self._end(carried, row) else ()

    def _end(self, carried: Carried, row: OrderRow) -> bool:
        """What a row says of the end of a child; whether it needs not be read again."""
        state, child = self._state, carried.child
        if row.filled < child.traded * (1 - NEARLY) and not self._stays_less(carried, row):
            return row.state == "open"
        state.lane(carried).thaw(child.ref, Cause.DOUBT)
        if row.state == "rejected" and not child.traded:
            state.move(carried, Event.REJECT, row.reason, _kind(carried))
        elif row.state in ("done", "rejected") and child.state is not State.FILLED:
            state.move(carried, Event.CANCEL, row.reason, _kind(carried))
        return True

    def _stays_less(self, carried: Carried, row: OrderRow) -> bool:
        """Whether a row that tells less than was reported is not just older: it is over, and has said so for the quiet time."""
        state, child, now = self._state, carried.child, self._state.clock.now
        if row.state == "open" or not carried.less_since:
            state.look()
        carried.less_since = 0 if row.state == "open" else carried.less_since or now
        if not carried.less_since or now < carried.less_since + state.settings.quiet:
            return False
        state.alert(
            f"{state.method('snapshot')} says that {child.ref} is over with {row.filled:g} shares, and {child.traded:g} were reported; "
            f"the greater counts: ask {state.caps.name}",
            carried,
        )
        return True

    def identify(self, carried: Carried, venue_id: str, accepted: int) -> None:
        """It is known which order at the venue a child is: count what was pushed of it before."""
        child = carried.child
        child.accepted = child.accepted or accepted
        if child.venue_id != venue_id:
            for report in self._state.known.identify(carried, venue_id):
                self._report(carried, report)

    def report(self, report: Any) -> None:
        """A pushed event."""
        state = self._state
        if not isinstance(report, Report) or not is_time(report.time):
            what = "no Report" if not isinstance(report, Report) else f"a Report of the time {report.time!r}"
            state.alert(f"{state.method('reports')} gave {report!r}, which is {what}; look-ups decide")
            state.look()
            return
        if report.kind == "moved" and not report.venue_id:
            state.lose()  # what was pushed before is lost: all orders are looked at
            return
        carried = state.known.of(report.own_id, report.venue_id, report.time)
        if carried is None or carried.child.state is State.INTENT:
            if report.venue_id:
                state.known.keep(report)
            if report.kind == "moved" and state.known.unknown():
                state.look()  # it may be of one of these
        else:
            self._report(carried, report)

    def _report(self, carried: Carried, report: Report) -> None:
        state, child = self._state, carried.child
        wrong = _wrong_report(carried, report, state.lot_of(child.parent.symbol))
        if wrong:
            state.doubt(carried, f"{state.method('reports')} said of {child.ref} {wrong}; nothing of it is counted")
            return
        if report.kind == "moved":
            if child.state is not State.FILLED:
                state.look()
            return
        if report.venue_id and not child.venue_id:
            self.identify(carried, report.venue_id, report.time if report.kind == "accepted" else 0)
        if child.state in ABSENT and report.kind != "rejected":
            self._late(carried)
            if report.kind == "cancelled":
                self._accepted(carried, report)  # what it got before that is not known yet
        {"accepted": self._accepted, "fill": self._filled, "cancelled": self._cancelled, "rejected": self._rejected}[report.kind](
            carried, report
        )

    def _accepted(self, carried: Carried, report: Report) -> None:
        if carried.child.state in (State.SENT, State.UNKNOWN, State.NOT_SENT, State.REJECTED):
            self._state.move(carried, Event.ACCEPT, kind=_kind(carried), venue_id=report.venue_id, time=report.time)

    def _filled(self, carried: Carried, report: Report) -> None:
        if not report.execution_id:
            self._total(carried, report.filled, report.amount, report.time, "reports")
            return
        child, time = carried.child, self._state.told_at(report.time)
        known = child.counted(report.execution_id)
        try:
            fill = child.trade(report.quantity, report.price, time, report.execution_id)
        except VenueError as error:
            self._state.doubt(carried, f"{self._state.method('reports')}: {error}")
            return
        if not known:
            self._count(carried, fill, report.quantity, report.price, time, execution_id=report.execution_id)
        if report.filled > child.traded * (1 + NEARLY) and math.isfinite(report.amount):
            self._total(carried, report.filled, report.amount, report.time, "reports")  # the push of an earlier one was lost

    def _cancelled(self, carried: Carried, report: Report) -> None:
        """Its rest is over, where it is known what it got; else a look-up says so."""
        child = carried.child
        if math.isfinite(report.filled) and math.isfinite(report.amount) and report.filled > 0:
            self._total(carried, report.filled, report.amount, report.time, "reports")
        if math.isfinite(report.filled) and abs(report.filled - child.traded) <= NEARLY * child.shares:
            self._state.move(carried, Event.CANCEL, report.reason, _kind(carried))
        else:
            self._state.look()

    def _rejected(self, carried: Carried, report: Report) -> None:
        self._state.move(carried, Event.REJECT, report.reason, _kind(carried))

    def _late(self, carried: Carried) -> None:
        """A child that counted as not sent is at the venue: its rest is cancelled before anything else is sent in its lane."""
        child = carried.child
        child.withdrawn = True
        self._state.lane(carried).freeze(
            child.ref, Cause.LATE, f"{child.ref} turned up after it counted as {child.state}; its rest is cancelled"
        )
        self._state.known.revive(carried)

    def _total(self, carried: Carried, filled: float, amount: float, time: int, method: str) -> None:
        child = carried.child
        if not filled > 0:
            return
        time = self._state.told_at(time)
        try:
            fill = child.total(filled, amount, time)
        except VenueError as error:
            self._state.doubt(carried, f"{self._state.method(method)}: {error}; nothing of it is counted")
            return
        if fill is not None:
            self._count(carried, fill, fill.quantity, fill.fill_price, time, filled=filled, amount=amount)

    def _count(self, carried: Carried, fill: Any, quantity: float, price: float, time: int, **data: Any) -> None:
        """Write down what was counted, and an execution that a look-up had counted before, so that both are known after a restart."""
        names = {"execution_id": "", "venue_id": carried.child.venue_id}  # it may have traded before anything else was said of it
        self._state.note(Kind.FILL, carried, quantity=quantity, price=price, time=time, **(names | data))
        if fill is not None:
            self._state.moved(carried)


def is_time(said: Any) -> bool:
    """Nanoseconds UTC by the venue's word; 0 where it does not say."""
    return isinstance(said, int) and not isinstance(said, bool) and said >= 0


def _kind(carried: Carried) -> Kind:
    return Kind.RESOLVED if carried.child.state is State.UNKNOWN else Kind.OUTCOME


def _wrong_row(row: Any) -> str:
    if not isinstance(row, OrderRow):
        return "a type that is no OrderRow"
    if not _named(row.venue_id):
        return f"venue_id {row.venue_id!r}"
    if row.state not in ("open", "done", "rejected"):
        return f"state {row.state!r}"
    priced = isinstance(row.limit, Real) and not isinstance(row.limit, bool)  # NaN of a market order
    for name, right in (("own_id", isinstance(row.own_id, str)), ("limit", priced)):
        if not right:
            return f"{name} {getattr(row, name)!r}"
    for name in ("quantity", "filled", "open", "accepted"):
        value = getattr(row, name)
        if not is_finite(value) or value < 0:
            return f"{name} {value!r}"
    return ""


def _named(name: Any) -> bool:
    return isinstance(name, str) and bool(name)


def _foreign(carried: Carried, row: OrderRow, lot: float) -> str:
    """What of a row cannot be true of a child."""
    child = carried.child
    if row.symbol != child.parent.symbol:
        return f"symbol {row.symbol!r}"
    if row.side != child.parent.side:
        return f"side {row.side!r}"
    if abs(row.quantity - child.shares) > NEARLY * child.shares:
        return f"quantity {row.quantity!r} where it asked for {child.shares:g}"
    if _broken(row.filled, lot):
        return f"filled {row.filled!r}, which is no multiple of the lot {lot:g}"
    if row.filled > 0 and not (is_finite(row.amount) and row.amount > 0):
        return f"amount {row.amount!r} for {row.filled:g} shares"
    return ""


def _broken(shares: float, lot: float) -> bool:
    return bool(lot) and abs(shares / lot - round(shares / lot)) > 1e-6


def _wrong_report(carried: Carried, report: Report, lot: float) -> str:
    child = carried.child
    if report.kind not in KINDS:
        return f"kind {report.kind!r}, which is none of {', '.join(KINDS)}"
    if report.symbol != child.parent.symbol:
        return f"symbol {report.symbol!r}"
    if report.side != child.parent.side:
        return f"side {report.side!r}"
    return _wrong_fill(carried, report, lot) if report.kind == "fill" else ""


def _wrong_fill(carried: Carried, report: Report, lot: float) -> str:
    child = carried.child
    shares = report.quantity if report.execution_id else report.filled
    value = report.price if report.execution_id else report.amount
    if not (is_finite(shares) and shares > 0 and is_finite(value) and value > 0):
        return f"a fill of {shares!r} shares at {value!r}"
    if _broken(shares, lot):
        return f"a fill of {shares!r} shares, which is no multiple of the lot {lot:g}"
    single = 0.0 if child.counted(report.execution_id) else child.pushed + report.quantity
    if max(single if report.execution_id else 0.0, report.filled if is_finite(report.filled) else 0.0) > child.shares * (1 + NEARLY):
        return f"a fill of {shares:g} shares, which makes more than the {child.shares:g} that it asked for"
    return ""
