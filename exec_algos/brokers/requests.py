"""`Requests`: whose turn it is to ask the venue, which answers so many requests a second."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from contextvars import ContextVar
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from exec_algos.brokers.waiting import wait_until
from exec_algos.clock import Clock
from exec_algos.model import SECOND

MOST = 100_000  # requests a second; a venue without a limit has this
PATIENCE = 10 * SECOND  # a look-up that has waited that long goes first: without it no order ends


class Priority(IntEnum):
    """Who goes first."""

    CANCEL = 0
    ORDER = 1
    LOOKUP = 2
    """Of orders of which nobody knows what became."""
    POLL = 3
    MARKET = 4


_priority: ContextVar[Priority] = ContextVar("priority")  # of the request that a task makes


class Bucket(Protocol):
    """Counts requests against a limit of rate."""

    @property
    def kept(self) -> int:
        """Requests of a window that only orders and cancels take."""
        ...

    def take(self, now: int, kept: int) -> int:
        """Take a request at `now` (ns UTC) and return 0, or else when to ask again, ns UTC.

        Requests that are no orders (`kept` above 0) have all of a window but `kept`; orders have what is left of it.
        """
        ...


class LocalBucket:
    """A bucket of tokens, one a request; a token is back a second after it was taken, so that no second sees more than the rate.

    Parameters
    ----------
    rate : float
        Requests a second; infinite where the venue knows no limit. Of a rate below one the only token is back after ``1 / rate`` seconds.
    reserved : float
        The part of the tokens that only orders and cancels take.
    """

    def __init__(self, rate: float, reserved: float) -> None:
        self.tokens = min(max(int(min(rate, MOST)), 1), MOST)
        self.window = math.ceil(self.tokens / rate * SECOND)
        self._kept = min(math.ceil(reserved * self.tokens), self.tokens - 1)
        self._taken: deque[int] = deque()
        self._read: deque[int] = deque()  # those of them that no orders took

    @property
    def kept(self) -> int:
        """Tokens that only orders and cancels take."""
        return self._kept

    def take(self, now: int, kept: int) -> int:
        """Take a token; see `Bucket.take`."""
        for line in (self._taken, self._read):
            while line and line[0] + self.window <= now:
                line.popleft()
        if len(self._taken) >= self.tokens:
            return self._taken[0] + self.window
        if kept and len(self._read) >= self.tokens - kept:
            return self._read[0] + self.window
        self._taken.append(now)
        if kept:
            self._read.append(now)
        return 0


@dataclass(eq=False)
class _Waiting:
    priority: Priority
    since: int
    turn: asyncio.Future[None]

    def rank(self, now: int) -> int:
        impatient = self.priority in (Priority.LOOKUP, Priority.POLL) and now - self.since >= PATIENCE
        return -1 if impatient else int(self.priority)


class Requests:
    """The queue before a bucket: who is first in it gets the next request that the bucket gives.

    Parameters
    ----------
    clock : Clock
    bucket : Bucket
    """

    def __init__(self, clock: Clock, bucket: Bucket) -> None:
        self._clock, self._bucket = clock, bucket
        self.counts = dict.fromkeys(Priority, 0)
        self._waiting: list[_Waiting] = []
        self._timer: asyncio.Task[None] | None = None
        self._due = 0

    async def take(self, priority: Priority, until: int | None = None) -> bool:
        """Wait for a turn, at most until an instant (ns UTC); whether it came."""
        _priority.set(priority)
        waiting = _Waiting(priority, self._clock.now, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._serve()
        try:
            if not waiting.turn.done():
                await wait_until(self._clock, waiting.turn, until)
            return waiting.turn.done()
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)

    def rank(self, priority: Priority) -> None:
        """The priority of what the running task asks for by `more` from here on, where it took no turn yet."""
        _priority.set(priority)

    async def more(self) -> None:
        """One more request of a task that has taken its turn, with the same priority; as a look-up where it took none, as at the start."""
        await self.take(_priority.get(Priority.LOOKUP))

    def _serve(self) -> None:
        now = self._clock.now
        while self._waiting:
            first = min(self._waiting, key=lambda waiting: (waiting.rank(now), waiting.since))
            again = self._bucket.take(now, 0 if first.rank(now) <= Priority.ORDER else self._bucket.kept)
            if again:
                self._wake(again)
                break
            self._waiting.remove(first)
            self.counts[first.priority] += 1
            first.turn.set_result(None)

    def _wake(self, instant: int) -> None:
        """Look again at an instant: one that comes sooner, for an order, takes the place of one that was set for a poll."""
        if self._timer is not None and not self._timer.done():
            if self._due <= instant:
                return
            self._timer.cancel()
        self._due = instant
        self._timer = asyncio.ensure_future(self._later(instant))

    async def _later(self, instant: int) -> None:
        await self._clock.sleep_until(instant)
        self._timer = None
        self._serve()

    def close(self) -> None:
        """Nobody waits any more."""
        if self._timer is not None:
            self._timer.cancel()
