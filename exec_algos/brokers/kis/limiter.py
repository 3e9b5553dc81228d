"""`SharedBucket`: the limit of rate of an app key, counted in a file that all processes with that key share.

KIS counts requests as they arrive, in a rolling second. A request arrives at some instant between its turn and its answer, so its slot is
free again a second after the **answer** (`ended`), and held while it is under way (`begin`). Then no second at KIS sees more than the rate,
however long requests take: of one more than that within a second, the first was answered after it arrived, so that its slot was held when
the last one got its turn.
"""

from __future__ import annotations

import json
import logging
import math
import os
import random
import time
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from exec_algos.brokers.kis.files import MOST, fingerprint, locked, open_private
from exec_algos.errors import UsageError
from exec_algos.model import SECOND

T = TypeVar("T")

LIVE, PAPER, NEW = 18, 1, 3
"""Requests a second of a live app key, a paper one, and a live one in its first three days."""
RESERVED = 0.3
WINDOW = 1_025_000_000
"""ns: the rolling second, and what KIS's count may be off. 18 requests whose answers take 30 ms are 17.06/s with it."""
FLIGHT = 5 * SECOND  # no longer does a request without an answer hold its slot; by then it arrived
BUSY = 2_000_000  # ns: another process holds the file; it does so for a tenth of a millisecond
LOOK = 100_000_000  # ns: a slot of a request under way may be free sooner than the file says
TRIES, NAP = 150, 0.0002  # of who must not go on without the file, and seconds of real time between them

log = logging.getLogger("exec_algos.kis")


@dataclass(slots=True)
class _Slot:
    """A request: who counts it, when it got its turn, when its slot is free again (ns UTC); `reads`: it is no order."""

    name: str
    granted: int
    free: int
    reads: bool = False


@dataclass(slots=True)
class _Book:
    """What the file holds. `pace`: the next request at even distances; `closed`: nobody goes before."""

    pace: int = 0
    closed: int = 0
    slots: list[_Slot] = field(default_factory=list)


class SharedBucket:
    """A rolling window of requests, in a file.

    Up to ``rate - 1`` requests may go at once. Until two windows after such a burst they go at even distances, so that every second of
    a busy line holds as many as the next.

    Parameters
    ----------
    path : Path
        Of the file; see `shared_bucket`.
    rate : int
        Requests of a window.
    reserved : float
        The part of them that only orders and cancels take.

    Raises
    ------
    UsageError
        `rate` is not a whole number of at least 1, or `reserved` not in [0, 1).
    """

    def __init__(self, path: Path, rate: int, reserved: float = RESERVED) -> None:
        if isinstance(rate, bool) or not 1 <= rate < math.inf or int(rate) != rate:
            raise UsageError(
                f"rate must be whole requests a second, at least 1, got {rate!r}; KIS gives {LIVE} live, {PAPER} paper, {NEW} new"
            )
        if not 0 <= reserved < 1:
            raise UsageError(f"reserved must be a part in [0, 1), got {reserved!r}")
        self.rate, self._path = int(rate), path
        self._kept = min(math.ceil(reserved * self.rate), self.rate - 1)
        self._granted: deque[str] = deque()
        self._seen = False
        self._own: _Book | None = None  # while the file cannot be used, this process counts alone
        self._busy = 0  # since when another process holds the file, ns UTC
        self._numbers = 0
        self._process = f"{os.getpid()}.{random.getrandbits(32):08x}"

    @property
    def kept(self) -> int:
        """Requests of a window that only orders and cancels take."""
        return self._kept

    def take(self, now: int, kept: int) -> int:
        """Take a slot; see `Bucket.take`."""
        again = self._with_book(now, lambda book: self._take(book, now, kept))
        return now + BUSY if again is None else again

    def _take(self, book: _Book, now: int, kept: int) -> int:
        again = self._when(book, now, kept)
        if again <= now:
            self._add(book, now, reads=kept > 0)
            return 0
        return again

    def _when(self, book: _Book, now: int, kept: int) -> int:
        """When the next slot is free: `now`, or later."""
        held = [slot for slot in book.slots if slot.free > now]
        again = max(now, book.closed, _room(held, self.rate, now))
        if kept:
            again = max(again, _room([slot for slot in held if slot.reads], self.rate - kept, now))
        recent = sum(slot.granted > now - 2 * WINDOW for slot in book.slots)
        return max(again, book.pace) if recent >= max(self.rate - 1, 1) else again

    def _add(self, book: _Book, now: int, reads: bool) -> None:
        self._numbers += 1
        slot = _Slot(f"{self._process}.{self._numbers}", now, now + WINDOW, reads)
        book.slots.append(slot)
        step = WINDOW // self.rate
        a_little_late = 0 <= now - book.pace < step // 2  # takes nothing from the next
        book.pace = (book.pace if a_little_late else now) + step
        self._granted.append(slot.name)

    def begin(self, now: int) -> str | None:
        """A request that got its turn leaves: the name of its slot; None where it waited too long and has none: it must ask again."""
        while self._granted:
            name = self._granted.popleft()
            held = self._with_book(now, lambda book, name=name: _hold(book, name, now), insist=True)  # type: ignore[misc]
            if held:
                return name
        return None

    def ended(self, name: str, now: int) -> None:
        """The answer to a request is there, or nobody waits for it any more."""
        self._with_book(now, lambda book: _release(book, name, now), insist=True)

    def refused(self, now: int) -> None:
        """KIS refused a request by its rate: everybody waits for a window, and up to half of one more."""
        until = now + WINDOW + random.randrange(WINDOW // 2)

        def close(book: _Book) -> None:
            book.closed = max(book.closed, until)

        self._with_book(now, close, insist=True)

    def _with_book(self, now: int, act: Callable[[_Book], T], *, insist: bool = False) -> T | None:
        """Do something with the book while the file is locked; None where another process holds it."""
        try:
            found = self._with_file(now, act, TRIES if insist and self._own is None else 1)
            why = "another process holds it"
        except OSError as error:
            found, why = [], str(error.strerror or error)
            self._busy = self._busy or now - FLIGHT
        if found:
            self._busy, self._own = 0, None
            return found[0]
        self._busy = min(self._busy or now, now)
        if self._own is None and now - self._busy < FLIGHT:
            return None
        return self._alone(now, act, why)

    def _alone(self, now: int, act: Callable[[_Book], T], why: str) -> T:
        """The file cannot be used: this process counts what it asks itself, as long as that is so."""
        if self._own is None:
            log.error("%s cannot be used (%s): this process counts its requests alone", self._path, why)
            self._own = self._full(now)
        _tidy(self._own, now)
        return act(self._own)

    def _with_file(self, now: int, act: Callable[[_Book], T], tries: int) -> list[T]:
        """What came of it; nothing where another process holds the file."""
        descriptor, new = open_private(self._path)
        try:
            for attempt in range(tries):
                if attempt:
                    time.sleep(NAP)
                with locked(descriptor) as held:
                    if held:
                        return [self._locked(descriptor, now, act, new and not self._seen)]
        finally:
            os.close(descriptor)
        return []

    def _locked(self, descriptor: int, now: int, act: Callable[[_Book], T], new: bool) -> T:
        content = _read(descriptor)
        book = _Book() if new and not content else _parsed(content)
        if book is None:
            log.warning("%s is torn or was removed: a whole window counts as taken", self._path)
            book = self._full(now)
        self._seen = True
        _tidy(book, now)
        result = act(book)
        _write(descriptor, book)
        return result

    def _full(self, now: int) -> _Book:
        """A book of which nothing is known: no slot is free."""
        return _Book(pace=now, slots=[_Slot(f"unknown.{n}", now, now + WINDOW) for n in range(self.rate)])


def _room(held: list[_Slot], most: int, now: int) -> int:
    """When fewer than `most` of these slots are held, ns UTC."""
    if len(held) < most:
        return now
    return min(sorted(slot.free for slot in held)[len(held) - most], now + LOOK)


def _hold(book: _Book, name: str, now: int) -> bool:
    slot = next((slot for slot in book.slots if slot.name == name and slot.free > now), None)
    if slot is not None:
        slot.free = now + FLIGHT
    return slot is not None


def _release(book: _Book, name: str, now: int) -> None:
    for slot in book.slots:
        if slot.name == name:
            slot.free = now + WINDOW


def _tidy(book: _Book, now: int) -> None:
    """Forget what is over. An instant that is still to come was written before the clock was set back: it counts from now on."""
    for slot in book.slots:
        slot.granted, slot.free = min(slot.granted, now), min(slot.free, now + FLIGHT)
    book.slots = [slot for slot in book.slots if slot.free > now or slot.granted > now - 2 * WINDOW]
    book.pace, book.closed = min(book.pace, now + 2 * WINDOW), min(book.closed, now + 2 * WINDOW)


def _read(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    return os.read(descriptor, MOST)


def _write(descriptor: int, book: _Book) -> None:
    said = {"pace": book.pace, "closed": book.closed, "slots": [[slot.name, slot.granted, slot.free, slot.reads] for slot in book.slots]}
    text = json.dumps(said, separators=(",", ":")).encode()
    content = b"%08x %s\n" % (zlib.crc32(text), text)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, content)
    os.ftruncate(descriptor, len(content))


def _parsed(content: bytes) -> _Book | None:
    """The book that a file holds; None where it is torn."""
    try:
        check, text = content.split(b" ", 1)
        if int(check, 16) != zlib.crc32(text.rstrip(b"\n")):
            return None
        said: dict[str, Any] = json.loads(text)
        slots = [_Slot(str(name), int(granted), int(free), bool(reads)) for name, granted, free, reads in said["slots"]]
        return _Book(int(said["pace"]), int(said["closed"]), slots)
    except (ValueError, KeyError, TypeError):
        return None


def shared_bucket(folder: Path, host: str, app_key: str, rate: int, reserved: float = RESERVED) -> SharedBucket:
    """The bucket of an app key at a host; its file lies beside the token's.

    Parameters
    ----------
    folder : Path
        See `files.folder`.
    host : str
        Of the REST address, with its port.
    rate : int
        `LIVE`, `PAPER`, `NEW`, or what KIS gives.
    """
    return SharedBucket(folder / f"{fingerprint(host, app_key)}.rate", rate, reserved)
