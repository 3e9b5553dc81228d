"""The event queue: events in total order ``(time, rank, sequence)``.

Within one instant the order is: bars close and meet the children that rested before them; fills are
booked; expired children end; strategies see the market; their signals become orders; executors that
are due decide. Ties within a rank go by symbol for bars and by order of arrival for the rest, so the
result cannot depend on the order in which symbols were given.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from heapq import heappop, heappush
from typing import Any


class Rank(IntEnum):
    """What comes first within one instant."""

    BAR = 0
    FILL = 1
    EXPIRY = 2
    MARKET = 3
    SIGNAL = 4
    ORDER = 5
    WAKE = 6


class EventQueue:
    """Actions to be carried out in virtual time.

    Attributes
    ----------
    now : int
        The present instant, ns UTC.
    """

    __slots__ = ("_heap", "_sequence", "now")

    def __init__(self, now: int) -> None:
        self.now = now
        self._heap: list[tuple[int, int, Any, Callable[[Any], None], Any]] = []
        self._sequence = 0

    def put(self, time: int, rank: int, action: Callable[[Any], None], argument: Any) -> None:
        """Carry out ``action(argument)`` at `time` (ns UTC), behind what already stands there."""
        self._sequence += 1
        heappush(self._heap, (time, rank, self._sequence, action, argument))

    def put_bar(self, time: int, symbol: str, rank: int, action: Callable[[Any], None], argument: Any) -> None:
        """The same for what belongs to a symbol's bar: ties go by symbol."""
        heappush(self._heap, (time, rank, symbol, action, argument))

    def step(self) -> bool:
        """Carry out the next action; False if there is none."""
        if not self._heap:
            return False
        self.now, _, _, action, argument = heappop(self._heap)
        action(argument)
        return True

    def due(self, instant: int) -> bool:
        """Whether something is left to be done at `instant` (ns UTC) or before."""
        return bool(self._heap) and self._heap[0][0] <= instant

    def __len__(self) -> int:
        return len(self._heap)
