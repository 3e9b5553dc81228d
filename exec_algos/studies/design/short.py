"""What too short a history costs: how many orders are left out, and how many fewer earlier sessions would let be worked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from exec_algos.studies.design.parents import ParentOrders, Skipped

LACKING = re.compile(r"needs (\d+) earlier sessions with data, there are (\d+)")
SHORT = "short_history"  # in the record of a shard
HISTORY = "short_history.csv"  # in the folder of a study in shards
MOST = 2  # numbers of sessions that are offered


class Short(NamedTuple):
    """Parent orders that need so many earlier sessions with data, and have so many."""

    needed: int
    known: int
    orders: int


def short_of(orders: ParentOrders, skipped: Iterable[Skipped]) -> tuple[Short, ...]:
    """Those of a study's orders that have too few earlier sessions, counted.

    Parameters
    ----------
    orders : ParentOrders
        Before any was skipped for an algorithm. A grid has not made the orders that it skips itself: it would make one for each side.
    skipped : iterable of Skipped
    """
    pairs, counts = np.unique(np.column_stack([orders.symbol, orders.session]), axis=0, return_counts=True)
    days = orders.sessions.date.astype(str)
    made = {(orders.symbols[i], str(days[k])): int(count) for (i, k), count in zip(pairs.tolist(), counts.tolist(), strict=True)}
    sides = len(orders.terms.get("sides", ("BUY",)))
    found: Counter[tuple[int, int]] = Counter()
    for symbol, session, reason in skipped:
        match = LACKING.search(reason)
        if match is not None:
            found[int(match[1]), int(match[2])] += made.get((symbol, session), sides)
    return tuple(Short(*pair, count) for pair, count in sorted(found.items()))


def joined(rows: Iterable[Sequence[int]]) -> tuple[Short, ...]:
    """Counts of several parts of a study, summed."""
    found: Counter[tuple[int, int]] = Counter()
    for needed, known, orders in rows:
        found[needed, known] += orders
    return tuple(Short(*pair, count) for pair, count in sorted(found.items()))


def history_line(short: Sequence[Short], worked: int) -> str:
    """What too short a history costs and which option saves it, in words; empty where it costs nothing.

    >>> history_line([Short(5, 0, 2), Short(5, 2, 3), Short(5, 4, 1)], 4)
    'history: 6 of 10 orders are left out, for 5 earlier sessions with data are needed; --profile-days 2 would work 8, 1 would work 8'
    """
    lost = sum(row.orders for row in short)
    if not lost:
        return ""
    needed, total = max(row.needed for row in short), worked + lost
    offers: list[tuple[int, int]] = []
    days = needed // 2
    while days >= 1 and len(offers) < MOST:
        saved = worked + sum(row.orders for row in short if row.known >= days)
        offers.append((days, saved))
        days //= 2
    better = [(days, saved) for days, saved in offers if saved > worked]
    sessions = "1 earlier session with data is" if needed == 1 else f"{needed} earlier sessions with data are"
    sessions = "1 earlier session with data is" if needed == 1 else f"{needed} earlier sessions with data are"
    head = f"history: {lost:,} of {total:,} orders are left out, for {sessions} needed"
    if not better:
        return f"{head}; give bars of earlier days"
    first, *rest = better
    more = "".join(f", {days} would work {saved:,}" for days, saved in rest)
    return f"{head}; --profile-days {first[0]} would work {first[1]:,}{more}"
