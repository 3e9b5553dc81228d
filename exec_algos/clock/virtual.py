"""How coroutines wait in virtual time: carried by the replay itself, or by an asyncio loop.

A coroutine that the replay carries yields an instant or a `Waitable` and is resumed by ``send``; under
``asyncio.run`` the same awaitables hand a future to the loop, and time moves on when every task waits.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any, ClassVar, Generic, TypeVar

from exec_algos.clock.base import CancelledError, Clock, Started
from exec_algos.clock.queue import EventQueue, Rank
from exec_algos.errors import ForeignAwaitError, UsageError

T = TypeVar("T")

Resume = Callable[[None], None]
WAKE = int(Rank.WAKE)

HOPS = 3  # turns of the asyncio loop that tasks started in this instant get before time moves on


class Waitable(ABC):
    """Something a coroutine can wait for in virtual time.

    Attributes
    ----------
    rank : int
        Where in its instant a waiting asyncio task is resumed.
    """

    __slots__ = ("clock",)
    rank: ClassVar[int] = Rank.FILL

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock

    @abstractmethod
    def ready(self) -> bool:
        """Whether there is nothing to wait for."""

    @abstractmethod
    def park(self, resume: Resume, rank: int) -> None:
        """Call ``resume(None)`` once, when the wait is over, at `rank` of that instant."""

    def __await__(self) -> Generator[Any, None, None]:
        if self.ready():
            return
        if self.clock.pump is None:
            yield self
        else:
            yield from self.clock.pump.future(self).__await__()


class Until(Waitable):
    """Wait for an instant."""

    __slots__ = ("time",)
    rank: ClassVar[int] = Rank.WAKE

    def __init__(self, clock: VirtualClock, time: int) -> None:
        self.clock, self.time = clock, time

    def ready(self) -> bool:
        """The instant has come."""
        return self.time <= self.clock.queue.now

    def park(self, resume: Resume, rank: int) -> None:
        """Resume at the instant."""
        self.clock.queue.put(self.time, rank, resume, None)


class Task(Generic[T]):
    """A coroutine carried by the replay.

    Parameters
    ----------
    clock : VirtualClock
    coroutine : coroutine
    rank : int
        Where in its instant it is resumed when a child is over; from a sleep it wakes at `Rank.WAKE`.
    origin : object
        Whose doing it is: handed to everything that this coroutine starts.
    over : callable, optional
        Called with the task when it has ended.
    """

    __slots__ = ("_error", "_result", "clock", "coroutine", "origin", "over", "rank")

    def __init__(
        self, clock: VirtualClock, coroutine: Coroutine[Any, Any, T], rank: int, origin: Any, over: Callable[[Task[T]], None] | None = None
    ) -> None:
        self.clock, self.coroutine, self.rank, self.origin, self.over = clock, coroutine, rank, origin, over
        self._result: T | None = None
        self._error: BaseException | None = None

    def step(self, _: None = None) -> None:
        """Run to the next wait."""
        self.clock.origin = self.origin
        try:
            waited = self.coroutine.send(None)
        except StopIteration as end:
            self._end(end.value, None)
        except (Exception, CancelledError) as error:
            self._end(None, explained(error))
        else:
            if type(waited) is int:
                self.clock.queue.put(waited, WAKE, self.step, None)
            elif isinstance(waited, Waitable):
                waited.park(self.step, self.rank)
            else:
                self.coroutine.close()
                self._end(None, _foreign(waited))

    def _end(self, result: T | None, error: BaseException | None) -> None:
        self._result, self._error, self.coroutine = result, error, _OVER
        if self.over is not None:
            self.over(self)

    def done(self) -> bool:
        """Whether it is over."""
        return self.coroutine is _OVER

    def result(self) -> T:
        """What it returned; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]

    def exception(self) -> BaseException | None:
        """What it raised."""
        return self._error

    def cancel(self) -> bool:
        """Stop it."""
        if self.done():
            return False
        self.coroutine.close()
        self._end(None, UsageError("cancelled"))
        return True


_OVER: Any = object()


def _foreign(waited: object) -> ForeignAwaitError:
    return ForeignAwaitError(
        f"awaited {waited!r}, which does not live in the replay's virtual time; await self.broker (place_order ...) "
        "or self.broker.clock.sleep_until(...) instead of asyncio or I/O"
    )


def explained(error: BaseException) -> BaseException:
    """An error, in plain words where it says that something awaited asyncio in a replay."""
    if not (isinstance(error, RuntimeError) and "no running event loop" in str(error)):
        return error
    explained = ForeignAwaitError(
        "awaited asyncio, but a replay has no asyncio loop; "
        "await self.broker (place_order ...) or self.broker.clock.sleep_until(...) instead"
    )
    explained.__cause__ = error
    return explained


class Pump:
    """Moves virtual time on under asyncio, when every task has had its turn."""

    def __init__(self, queue: EventQueue) -> None:
        self.queue = queue
        self.waiting = self.resumed = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scheduled = False

    def future(self, wait: Waitable) -> asyncio.Future[None]:
        """A future that is done when `wait` is over."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # an earlier asyncio.run is over, and with it all that waited there
            self._loop, self.waiting, self._scheduled = loop, 0, False
        future: asyncio.Future[None] = loop.create_future()

        def left(_: asyncio.Future[None]) -> None:
            if loop is self._loop:
                self.waiting -= 1

        def resume(_: None) -> None:
            if loop is self._loop and not future.done():
                self.resumed += 1
                future.set_result(None)

        self.waiting += 1
        future.add_done_callback(left)
        wait.park(resume, wait.rank)
        self._schedule(loop, HOPS)
        return future

    def _schedule(self, loop: asyncio.AbstractEventLoop, hops: int) -> None:
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._turn, loop, hops)

    def _turn(self, loop: asyncio.AbstractEventLoop, hops: int) -> None:
        if loop is not self._loop:
            return
        self._scheduled = False
        if hops:
            self._schedule(loop, hops - 1)
            return
        self.resumed = 0
        while self.waiting and not self.resumed and self.queue.step():
            pass
        now = self.queue.now
        while self.queue.due(now):
            self.queue.step()
        if self.waiting:
            self._schedule(loop, HOPS)


class VirtualClock(Clock):
    """The clock of a replay.

    Attributes
    ----------
    queue : EventQueue
    pump : Pump, optional
        Present where asyncio carries the coroutines; absent where the replay does.
    origin : object
        Whose coroutine runs at present.
    """

    def __init__(self, queue: EventQueue, pump: Pump | None = None) -> None:
        self.queue, self.pump = queue, pump
        self.origin: Any = None

    @property
    def now(self) -> int:
        """The present virtual instant, ns UTC."""
        return self.queue.now

    @coroutine
    def sleep_until(self, instant: int) -> Generator[Any, None, None]:
        """Wait until `instant` (ns UTC)."""
        if instant > self.queue.now:
            if self.pump is None:
                yield instant
            else:
                yield from self.pump.future(Until(self, instant))

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Started[T]:
        """Let `coroutine` run beside the caller; in a replay it is resumed before executors decide."""
        if self.pump is not None:
            return asyncio.ensure_future(coroutine)
        task = Task(self, coroutine, Rank.FILL, self.origin)
        task.step()
        return task
