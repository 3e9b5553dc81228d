"""Time as an argument: the clock that an executor waits on, and the wall clock of live trading."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Coroutine
from typing import Any, Protocol, TypeVar

CancelledError = asyncio.CancelledError

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

    @abstractmethod
    def sleep_until(self, instant: int) -> Awaitable[None]:
        """Wait until `instant` (ns UTC); an instant that has passed does not wait."""

    @abstractmethod
    def start(self, coroutine: Coroutine[Any, Any, T]) -> Started[T]:
        """Let `coroutine` run beside the caller."""


class WallClock(Clock):
    """Real time under a running asyncio loop."""

    @property
    def now(self) -> int:
        """The present instant, ns UTC."""
        return time.time_ns()

    async def sleep_until(self, instant: int) -> None:
        """Wait until `instant` (ns UTC); who comes late still lets others have their turn."""
        await asyncio.sleep(0)
        while (left := instant - self.now) > 0:
            await asyncio.sleep(left / 1e9)

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Started[T]:
        """Let `coroutine` run beside the caller, as an asyncio task."""
        return asyncio.ensure_future(coroutine)
