"""The same bars under two symbols: what a symbol's sessions are known by, whole or month by month."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from exec_algos.market.quality.days import Days
from exec_algos.market.quality.finders import LEAST, Finding


class Mark(NamedTuple):
    """What some sessions of a symbol are known by.

    Attributes
    ----------
    sessions, bars : int
    varied : bool
        A price changed within one of them.
    digest : str
        SHA-256 of the start, volume, open and close of each.
    """

    sessions: int
    bars: int
    varied: bool
    digest: str


def mark_of(days: Days, first: int = 0, last: int | None = None) -> Mark:
    """Of the sessions ``[first, last)`` by number, all if not given."""
    a, b = np.searchsorted(days.number, [first, len(days.sessions.date) if last is None else last]).tolist()
    own = slice(a, b)
    columns: Mapping[str, Any] = {"start": days.start[days.first], "volume": days.total, "open": days.open, "close": days.close}
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(column[own]).tobytes() for column in columns.values())).hexdigest()
    return Mark(b - a, int(days.count[own].sum()), bool((days.high[own] > days.low[own]).any()), digest)


def joined(months: Iterable[tuple[str, Mark]]) -> Mark:
    """Of all months of a symbol, each by its name."""
    held = list(months)
    digest = hashlib.sha256(repr([(month, mark.digest) for month, mark in held]).encode()).hexdigest()
    marks = [mark for _, mark in held]
    return Mark(sum(mark.sessions for mark in marks), sum(mark.bars for mark in marks), any(mark.varied for mark in marks), digest)


class Copies:
    """Symbols one after the other, and which of them has the very sessions of an earlier one."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def of(self, symbol: str, mark: Mark) -> list[Finding]:
        """One finding, or none."""
        if mark.bars < LEAST or not mark.varied:
            return []  # equal ones may be chance
        first = self._seen.setdefault(mark.digest, symbol)
        if first == symbol:
            return []
        return [Finding(symbol, "", "twin", 1.0, 0.0, f"volumes, opens and closes of all {mark.sessions} sessions are those of {first}")]
