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

from exec_algos.errors import UsageError


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

    def put_bar(self, time: int, symbol: str, action: Callable[[Any], None], stream: Any) -> None:
        """A symbol's bar closes at `time` (ns UTC): ``action(streams)`` gets all that close then, by symbol."""
        heappush(self._heap, (time, 0, symbol, action, stream))

    def step(self) -> bool:
        """Carry out the next action; False if there is none."""
        return bool(self._heap) and self._carry_out()

    def _carry_out(self) -> bool:
        heap = self._heap
        time, rank, _, action, argument = heappop(heap)
        self.now = time
        if rank == 0:
            argument = [argument]
            while heap and heap[0][0] == time and heap[0][1] == 0:
                argument.append(heappop(heap)[4])
        action(argument)
        return True

    def run(self) -> None:
        """Carry out everything, in order."""
        while self.step():
            pass

    def play(self, instant: int) -> None:
        """Carry out all that is due before `instant` (ns UTC), each thing at its own time."""
        while self._heap and self._heap[0][0] < instant:
            self._carry_out()

    def catch_up(self, instant: int, rank: int) -> None:
        """It is `instant` (ns UTC) now: what was due before is due now; carry out what is due up to `rank`."""
        heap = self._heap
        if instant < self.now:
            raise UsageError(f"time does not go back: it is {self.now} ns UTC, got {instant}")
        self.now = instant
        if heap and heap[0][0] < instant:
            self._postpone(instant)
        while heap and heap[0][0] == instant and heap[0][1] <= rank:
            self._carry_out()

    def _postpone(self, instant: int) -> None:
        """What was due before is due now; within a rank, what was due first comes first."""
        heap, late = self._heap, []
        while heap and heap[0][0] <= instant:
            late.append(heappop(heap))
        for _, rank, key, action, argument in late:
            if rank:
                self.put(instant, rank, action, argument)
            else:
                self.put_bar(instant, key, action, argument)

    def before(self, rank: int) -> bool:
        """Whether something of a lower rank is still to be done in this instant."""
        heap = self._heap
        return bool(heap) and heap[0][0] == self.now and heap[0][1] < rank

    def due(self, instant: int) -> bool:
        """Whether something is left to be done at `instant` (ns UTC) or before."""
        return bool(self._heap) and self._heap[0][0] <= instant

    @property
    def next_due(self) -> int:
        """When the next action is due, ns UTC; -1 if there is none."""
        return self._heap[0][0] if self._heap else -1

    def __len__(self) -> int:
        return len(self._heap)
