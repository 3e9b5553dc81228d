"""What a journal says, in plain lines."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from exec_algos.brokers.child import LiveChild
from exec_algos.live.recorded import Recorded, RecordedParent, is_unknown
from exec_algos.model import ParentOrder
from exec_algos.textform import numbered

LAST_ALERTS = 20


def sums_of(order: RecordedParent) -> dict[str, Any]:
    """Where the shares of a parent order are: ``ordered = filled + working + unknown + left``, the average price, and its children.

    Shares; prices in currency per share; None where nothing traded.
    """
    fills = order.fills
    filled, working, unknown = order.filled, order.shares(unknown=False), order.shares(unknown=True)
    value = math.fsum(fill.quantity * fill.fill_price for fill in fills)
    left = order.parent.quantity - filled - working - unknown
    return {
        "ordered": order.parent.quantity,
        "filled": filled,
        "working": working,
        "unknown": unknown,
        "left": left if abs(left) > 1e-9 * order.parent.quantity else 0.0,
        "price": value / filled if filled else None,
        "children": len(order.children),
    }


def status_lines(found: Recorded, holder: str = "") -> list[str]:
    """All that a user wants to know: whose session, parents, children that are not over, alerts, sums."""
    session = found.session
    if not session:
        return ["the journal is empty: no session was begun"]
    zone = next((parent.zone for parent in found.parents.values()), "UTC")
    lines = [
        f"session of account {session.get('account')} at {session.get('venue')}, currency {session.get('currency') or 'not named'}; "
        f"{numbered(len(found.sessions), 'run')}, last entry at {instant(found.last, zone)}",
        f"in use by {holder}; Ctrl-C there stops it" if holder else "in use by no process",
    ]
    lines += [line for parent in found.parents.values() for line in parent_lines(parent)]
    lines += [f"refused at {instant(time, zone)}: {ref}: {why}" for time, ref, why in found.refused]
    if len(found.alerts) > LAST_ALERTS:
        lines.append(f"{numbered(len(found.alerts), 'alert')}, of which the last {LAST_ALERTS}:")
    lines += [f"alert at {instant(time, zone)}: {text}" for time, text in found.alerts[-LAST_ALERTS:]]
    return [*lines, sum_line(found)]


def parent_lines(order: RecordedParent) -> list[str]:
    """A parent order, and its children that are not over."""
    states = Counter(str(child.state) for child in order.children)
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none yet"
    over = "over" if order.done is not None else "not over"
    head = f"{order_line(order.parent, order.zone)}: {standing(sums_of(order))}; children: {counts}; {over}"
    return [head, *(child_line(child) for child in order.children if not child.done())]


def first_of(errors: Sequence[str], most: int) -> list[str]:
    """The first `most` of what went wrong, and how many more there are."""
    more = len(errors) - most
    return [*errors[:most], f"and {more} more"] if more > 0 else list(errors)


def order_line(parent: ParentOrder, zone: str) -> str:
    """What a parent order asks for, its window in `zone`."""
    window = f"{instant(parent.start, zone)} to {instant(parent.end, zone)}"
    return f"{parent.ref}: {parent.side.name} {parent.quantity:g} {parent.symbol}, {parent.algorithm or 'no algorithm'}, {window}"


def standing(sums: dict[str, Any]) -> str:
    """Where the shares are, in words."""
    parts = [f"filled {sums['filled']:g}" + (f" at {sums['price']:,.4f}" if sums["price"] is not None else "")]
    parts += [f"{name} {sums[name]:g}" for name in ("working", "unknown") if sums[name]]
    return ", ".join([*parts, f"left {sums['left']:g}"])


def child_line(child: LiveChild) -> str:
    """A child that is not over."""
    name = child.venue_id or child.own_id or "no id yet"
    said = "unknown, ask the venue" if is_unknown(child) else str(child.state)
    return f"  {child.ref} ({name}): {said}: {child.traded:g} of {child.shares:g} shares" + (f"; {child.reason}" if child.reason else "")


def sum_line(found: Recorded) -> str:
    """Counts over all parents."""
    parents, children = found.parents.values(), found.children
    unfinished, alerts = found.unfinished, found.alerts
    return (
        f"{numbered(len(parents), 'parent order')}, {len(unfinished)} not over; {numbered(len(children), 'child order')}, "
        f"{sum(not child.done() for child in children)} not over, {len(found.unknown)} unknown; "
        f"{numbered(sum(len(child.fills) for child in children), 'fill')}; {numbered(len(alerts), 'alert')}"
    )


def instant(time: int, zone: str) -> str:
    """An instant (ns UTC) as text in `zone`, to the second."""
    return f"{datetime.fromtimestamp(time // 1_000_000_000, ZoneInfo(zone)):%Y-%m-%d %H:%M:%S} {zone}"
