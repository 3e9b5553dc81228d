"""Where files lie: a folder or any fsspec path; and how they take their places, all or none."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from glob import escape, iglob
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from exec_algos.errors import UsageError


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


@contextmanager
def said_in_one_line(doing: str, then: str) -> Iterator[None]:
    """Say what a file system does not let be done.

    Raises
    ------
    UsageError
        No room, no right, no such place.
    """
    try:
        yield
    except OSError as error:
        raise UsageError(f"{doing}: {error.strerror or error}; {then}") from error


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
    return said_in_one_line(f"cannot write to {place}", "nothing of this was kept: make room, or name a place that can be written to")


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
        then = f"{path} was not replaced, what stands before it was: run it again when it can be written to"
        with said_in_one_line(f"cannot write to {self._place}", then):
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
