"""Time as an argument: the clock that an executor waits on, and the wall clock of live trading."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

CancelledError = asyncio.CancelledError

MOST_JUMP = 1.0  # seconds
LONGEST_NAP = 1.0  # seconds: a clock that is set forward is seen that soon

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Started(Protocol[T_co]):
    """A coroutine that runs beside the one that started it."""

    def done(self) -> bool:
        """Whether it is over."""
        ...

    def result(self) -> T_co:
        """What it returned; raises what it raised."""
        ...

    def exception(self) -> BaseException | None:
        """What it raised, None if it returned."""
        ...

    def cancel(self) -> bool:
        """Stop it."""
        ...


class Clock(ABC):
    """A clock: what time it is, how to wait, how to let something run beside."""

    @property
    @abstractmethod
    def now(self) -> int:
        """The present instant, ns UTC."""

    @property
    def jump(self) -> str:
        """Why this time must not be trusted: the clock was set while it ran; empty where it can be trusted."""
        return ""

    @abstractmethod
    def sleep_until(self, instant: int) -> Awaitable[None]:
        """Wait until `instant` (ns UTC); an instant that has passed does not wait."""

    @abstractmethod
    def start(self, coroutine: Coroutine[Any, Any, T]) -> Started[T]:
        """Let `coroutine` run beside the caller."""


class WallClock(Clock):
    """Real time under a running asyncio loop, which is compared with the time that only runs.

    Parameters
    ----------
    wall, steady : callable
        The time of day, ns UTC, and a time that nobody sets, ns.
    """

    def __init__(self, wall: Callable[[], int] = time.time_ns, steady: Callable[[], int] = time.monotonic_ns) -> None:
        self._wall, self._steady = wall, steady
        self._apart = wall() - steady()

    @property
    def now(self) -> int:
        """The present instant, ns UTC."""
        return self._wall()

    @property
    def jump(self) -> str:
        """By how much the time of day was set since this clock was built, where that is more than a second."""
        moved = (self._wall() - self._steady() - self._apart) / 1e9
        if abs(moved) <= MOST_JUMP:
            return ""
        return f"the clock of this machine was set {'forward' if moved > 0 else 'back'} by {abs(moved):.1f} s; start the session again"

    async def sleep_until(self, instant: int) -> None:
        """Wait until `instant` (ns UTC); who comes late still lets others have their turn."""
        await asyncio.sleep(0)
        while (left := instant - self.now) > 0:
            await asyncio.sleep(min(left / 1e9, LONGEST_NAP))

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Started[T]:
        """Let `coroutine` run beside the caller, as an asyncio task."""
        return asyncio.ensure_future(coroutine)


class ScaledClock(WallClock):
    """The time of a rehearsal: it runs `speed` times as fast as real time, from `start` on.

    Parameters
    ----------
    start : int
        What time it is there now, ns UTC.
    speed : float
        Its seconds a second.
    steady : callable
        A time that nobody sets, ns.
    """

    def __init__(self, start: int, speed: float, steady: Callable[[], int] = time.monotonic_ns) -> None:
        self._start, self.speed, self._running, self._origin = start, speed, steady, steady()
        super().__init__(self._scaled, steady)

    def _scaled(self) -> int:
        return self._start + int((self._running() - self._origin) * self.speed)

    @property
    def jump(self) -> str:
        """It follows a time that nobody sets."""
        return ""

    async def sleep_until(self, instant: int) -> None:
        """Wait until `instant` (ns UTC)."""
        await asyncio.sleep(0)
        while (left := instant - self.now) > 0:
            await asyncio.sleep(left / 1e9 / self.speed)
