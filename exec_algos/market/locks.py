"""A lock on a folder that several processes, on one machine or many, may write to.

A lock is a file that is made exclusively, which NFS can do as well, and says who holds it. Its holder touches it every few seconds; it is
stale when its process is gone from this machine, or when it was not touched for a minute by the clock of the file system. Who looks at the
locks of a folder, and takes one, holds its gate for that moment: a file of the same kind.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from fsspec.implementations.local import LocalFileSystem

from exec_algos.errors import UsageError

FOLDER, GATE, SUFFIX = ".lock", "gate", ".lock"
BEAT = 5.0  # seconds between two signs of life
STALE = 60.0  # seconds without one: a machine that only paused for less keeps its lock
MOST_GONE = 100  # times in a row that a folder is gone as soon as it is made
PATIENCE = 90.0  # seconds to wait for a gate, which its holder has for milliseconds


class Holder(NamedTuple):
    """Who holds a lock.

    Attributes
    ----------
    host, pid : str, int
    machine : str
        The running system and its processes: those of another container or another boot are not ours to look for.
    started : int or None
        When the process began, in ticks of the machine; None where the system does not say. A number is given to a later process again.
    since : str
        ISO 8601, UTC.
    token : str
        Of this holding of the lock.
    """

    host: str
    pid: int
    machine: str
    started: int | None
    since: str
    token: str

    @classmethod
    def me(cls) -> Holder:
        """The process that asks."""
        since = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(platform.node(), os.getpid(), _machine(), _started(os.getpid()), since, uuid.uuid4().hex)

    @classmethod
    def of(cls, content: bytes | None) -> Holder | None:
        """Whoever a lock names; None where it cannot be read."""
        try:
            return cls(**json.loads(content or b""))
        except (ValueError, TypeError):
            return None

    def is_gone(self) -> bool:
        """Whether it was a process of this machine that is no more."""
        if self.machine != _machine():
            return False
        return not _is_alive(self.pid) or (self.started is not None and _started(self.pid) != self.started)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


@cache
def _machine() -> str:
    parts = [platform.node()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def _started(pid: int) -> int | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return None if fields[0] == "Z" else int(fields[19])
    except (OSError, IndexError, ValueError):
        return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it is there, and another user's
    return True


class Locks:
    """The locks of one folder.

    Parameters
    ----------
    fs : fsspec file system
    folder : str
        Its path there.
    name : str
        Its name in messages.
    explained : callable
        Gives a context in which an `OSError` becomes a line that says what to do.
    """

    def __init__(self, fs: Any, folder: str, name: str, explained: Callable[[], AbstractContextManager[None]]) -> None:
        self._fs, self._root, self._place = fs, folder, f"{folder}/{FOLDER}"
        self.name, self._explained = name, explained
        self._local = isinstance(fs, LocalFileSystem)

    @contextmanager
    def held(self, lock: str, conflicts: Callable[[str], bool], advice: str, *, patience: float = 0.0) -> Iterator[Held]:
        """Hold a lock for as long as the ``with`` block takes.

        Parameters
        ----------
        lock : str
            Its name.
        conflicts : callable
            Whether a lock of this name may not be held at the same time.
        advice : str
            What to do where another process holds one of those.
        patience : float
            Seconds to wait for it.

        Raises
        ------
        UsageError
            Another process holds one of those; or the folder cannot be written to.
        """
        me, fresh = Holder.me(), not self._fs.exists(self._root)
        self._take(lock, conflicts, advice, me, time.monotonic() + patience)
        held = Held(lambda: self._touch(f"{lock}{SUFFIX}", me), self.name)
        try:
            with held:
                yield held
        finally:
            with suppress(OSError):
                if self._holder(f"{lock}{SUFFIX}") == me:
                    self._fs.rm_file(f"{self._place}/{lock}{SUFFIX}")
            for folder in [self._place, *([self._root] if fresh else [])] if self._local else ():
                with suppress(OSError):  # it holds something
                    os.rmdir(folder)

    def _take(self, lock: str, conflicts: Callable[[str], bool], advice: str, me: Holder, last: float) -> None:
        while True:
            with self._explained(), self._gate(me):
                other = self._other(conflicts)
                if other is None:
                    self._make(f"{lock}{SUFFIX}", me)
                    return
            if time.monotonic() > last:
                raise UsageError(f"{self.name} is being worked on by {other}: {advice}")
            time.sleep(0.1)

    def _other(self, conflicts: Callable[[str], bool]) -> str | None:
        """Who holds a lock that is in the way; what is stale is removed."""
        for name in sorted(path.rsplit("/", 1)[-1] for path in self._paths()):
            holder = self._holder(name)
            if name != GATE and self._is_stale(name, holder):
                with suppress(FileNotFoundError):
                    self._fs.rm_file(f"{self._place}/{name}")
            elif name.endswith(SUFFIX) and conflicts(name.removesuffix(SUFFIX)):
                return f"{holder or 'a process that left no name'} ({name.removesuffix(SUFFIX)})"
        return None

    def _paths(self) -> list[str]:
        self._fs.invalidate_cache(self._place)
        return [str(path) for path in self._fs.ls(self._place, detail=False)]

    @contextmanager
    def _gate(self, me: Holder) -> Iterator[None]:
        last, gone = time.monotonic() + PATIENCE, 0
        while True:
            try:
                self._fs.makedirs(self._place, exist_ok=True)
                self._make(GATE, me)
                break
            except FileExistsError:
                gone = 0
            except FileNotFoundError:  # who leaves last takes the folder away; where it is never there, none can be made
                gone += 1
                if gone == MOST_GONE:
                    raise
            holder = self._holder(GATE)
            if holder is not None and self._is_stale(GATE, holder):
                self._take_away(GATE, holder)
            elif time.monotonic() > last:
                raise UsageError(f"{self.name} is being looked at by {holder} for too long; remove {self._place}/{GATE} if that is no more")
            else:
                time.sleep(0.02)
        try:
            yield
        finally:
            with suppress(OSError):
                self._fs.rm_file(f"{self._place}/{GATE}")

    def _take_away(self, name: str, stale: Holder | None) -> None:
        """Remove a stale gate, unless another has done so meanwhile and made a new one, which is then put back."""
        aside = f"{self._place}/{name}.{uuid.uuid4().hex}"
        with suppress(FileNotFoundError, FileExistsError):
            self._fs.mv(f"{self._place}/{name}", aside)
            if self._local and Holder.of(self._fs.cat_file(aside)) != stale:
                os.link(aside, f"{self._place}/{name}")
            self._fs.rm_file(aside)

    def _make(self, name: str, me: Holder) -> None:
        """Make a file that was not there, whole from its first moment.

        Raises
        ------
        FileExistsError
            It is there.
        """
        content, place = json.dumps(me._asdict()).encode(), f"{self._place}/{name}"
        if not self._local:
            self._fs.pipe_file(place, content, mode="create")
            return
        beside = f"{place}.{me.token}"
        with open(beside, "xb") as file:
            file.write(content)
        try:
            os.link(beside, place)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            with open(place, "xb") as file:
                file.write(content)
        finally:
            os.unlink(beside)

    def _holder(self, name: str) -> Holder | None:
        try:
            return Holder.of(self._fs.cat_file(f"{self._place}/{name}"))
        except OSError:
            return None

    def _is_stale(self, name: str, holder: Holder | None) -> bool:
        return (holder is not None and holder.is_gone()) or self._age(name) > STALE

    def _age(self, name: str) -> float:
        """Seconds since a lock was touched, by the clock of whoever keeps the files."""
        place = f"{self._place}/{name}"
        try:
            if not self._local:
                return float((datetime.now(UTC) - self._fs.modified(place).astimezone(UTC)).total_seconds())
            probe = f"{place}.{uuid.uuid4().hex}"
            Path(probe).touch()
            try:
                return os.stat(probe).st_mtime - os.stat(place).st_mtime
            finally:
                os.unlink(probe)
        except FileNotFoundError:
            return 0.0

    def _touch(self, name: str, me: Holder) -> bool:
        """Give a sign of life; whether the lock is still ours."""
        try:
            if self._holder(name) != me:
                return False
            if self._local:
                os.utime(f"{self._place}/{name}")
            else:
                self._fs.pipe_file(f"{self._place}/{name}", json.dumps(me._asdict()).encode())
        except FileNotFoundError:
            return False
        except OSError:
            return True  # a file system that does not answer now may do so later
        return True


class Held:
    """A lock that this process holds, and a thread that gives signs of life."""

    def __init__(self, touch: Callable[[], bool], name: str) -> None:
        self._touch, self._name = touch, name
        self._end, self._lost = threading.Event(), False
        self._thread = threading.Thread(target=self._beat, name="exec_algos lock", daemon=True)

    def __enter__(self) -> Held:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._end.wait(BEAT) and not self._lost:
            self._lost = not self._touch()

    def check(self) -> None:
        """Stop where another process has taken over.

        Raises
        ------
        UsageError
            The lock is another's: this process was not heard of for a minute.
        """
        if self._lost:
            raise UsageError(
                f"another process has taken over {self._name}, for this one gave no sign of life for {STALE:g} s; what is finished is kept"
            )
