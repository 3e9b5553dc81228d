"""Where files lie: a folder or any fsspec path; and how they take their places, all or none."""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from glob import escape, iglob
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from exec_algos.errors import MarketDataError, UsageError
from exec_algos.market.boundary import reading, writing

NO_FILES = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))


def file_system(path: str | os.PathLike[str]) -> tuple[Any, str]:
    """The fsspec file system of a path or URL, and the path in it.

    Raises
    ------
    UsageError
        No such protocol, or the package that it needs is not installed.
    """
    try:
        fs, root = fsspec.core.url_to_fs(os.fspath(path))
    except (ValueError, ImportError) as error:
        raise UsageError(f"{os.fspath(path)}: {error}") from error
    return fs, str(root)


def check_regular(fs: Any, path: str) -> None:
    """Refuse what is no file: a pipe that nobody writes to would be waited for without end, and a device may have none.

    Raises
    ------
    MarketDataError
        A folder, a pipe, a device or a socket.
    OSError
        It is not there, or may not be looked at.
    """
    if not isinstance(fs, LocalFileSystem):
        return
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        kind = next((name for is_one, name in NO_FILES if is_one(mode)), "a device")
        raise MarketDataError(f"it is {kind}, and only regular files are read; copy what it holds to a file and name that", file=path)


def content_of_file(fs: Any, path: str) -> bytes:
    """All of a regular file.

    Raises
    ------
    MarketDataError
        It is none, it is not there, or may not be read.
    """
    with reading(path):
        check_regular(fs, path)
        return bytes(fs.cat_file(path))


def write_new(fs: Any, path: str, content: bytes) -> None:
    """Write a file that nobody reads yet."""
    with fs.open(path, "wb") as file:
        file.write(content)


def sync(paths: Iterable[str]) -> None:
    """Wait until a local disk has files, or the names in folders; all at once, for it can take them together."""
    waiting = list(paths)
    with ThreadPoolExecutor(max(min(len(waiting), 16), 1)) as pool:
        list(pool.map(_sync, waiting))


def _sync(path: str) -> None:
    try:
        number = os.open(path, os.O_RDONLY)
    except PermissionError:  # a system that opens no folders
        return
    try:
        os.fsync(number)
    finally:
        os.close(number)


def unwritten(place: str) -> AbstractContextManager[None]:
    """Say in one line why nothing was written to a place."""
    return writing(f"cannot write to {place}", "nothing of this was kept", "make room, or name a place that can be written to")


class Staged:
    """Files written beside their places, which take them together at the end of the ``with`` block; none of them where it fails.

    Parameters
    ----------
    fs : fsspec file system
    place : str
        The store, for messages.
    durable : bool
        Wait until a local disk has them.

    Raises
    ------
    UsageError
        No room, or no right to write there.
    """

    def __init__(self, fs: Any, place: str, *, durable: bool) -> None:
        self._fs, self._place, self._durable = fs, place, durable
        self._local = isinstance(fs, LocalFileSystem)
        self._beside: dict[str, str] = {}
        self._made: list[str] = []

    def __enter__(self) -> Staged:
        return self

    def add(self, path: str, content: bytes) -> None:
        """Write a file beside its place."""
        self._make_folder(path.rsplit("/", 1)[0])
        self._beside[path] = f"{path}.{uuid.uuid4().hex}.part"
        with unwritten(self._place):
            write_new(self._fs, self._beside[path], content)

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._move_all()
        finally:
            self._drop()

    def _make_folder(self, folder: str) -> None:
        if self._local:
            missing = folder
            # by a process that was killed: who writes here holds the lock
            for left in set(iglob(f"{escape(folder)}/*.part")) - set(self._beside.values()):
                os.unlink(left)
            while not os.path.exists(missing):
                self._made.append(missing)
                missing = os.path.dirname(missing)
        with unwritten(self._place):
            self._fs.makedirs(folder, exist_ok=True)

    def _move_all(self) -> None:
        stopped: KeyboardInterrupt | None = None
        folders = {os.path.dirname(path) for path in [*self._beside, *self._made]} if self._durable and self._local else set()
        with unwritten(self._place):
            sync(self._beside.values() if folders else ())
        while self._beside:
            path = next(iter(self._beside))
            try:
                self._move(path, again=stopped is not None)
                del self._beside[path]
            except KeyboardInterrupt as error:  # half of them would be neither the old nor the new
                stopped = error
        sync(folders)
        self._made.clear()
        if stopped is not None:
            stopped.add_note(f"all of it is kept in {self._place}")
            raise stopped

    def _move(self, path: str, *, again: bool) -> None:
        beside = self._beside[path]
        kept = f"{path} was not replaced, what stands before it was"
        with writing(f"cannot write to {self._place}", kept, "run it again when it can be written to"):
            if not self._local:
                self._fs.mv(beside, path)
            elif not again or os.path.exists(beside):  # an interrupt may come when it is moved already
                os.replace(beside, path)

    def _drop(self) -> None:
        """Leave no trace of what did not take its place."""
        for beside in self._beside.values():
            with suppress(OSError):
                self._fs.rm(beside)
        for folder in sorted(self._made, key=len, reverse=True):
            with suppress(OSError):  # it holds something
                os.rmdir(folder)
