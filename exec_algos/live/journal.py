"""`SqliteJournal`: what a live session writes down, so that nothing is lost with its process; and `read`, which only looks."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Iterable
from contextlib import closing, suppress
from types import TracebackType
from typing import NamedTuple
from urllib.parse import quote

from exec_algos.brokers.records import Entry
from exec_algos.errors import JournalError
from exec_algos.live.place import Ownership, check_place
from exec_algos.live.schema import Row, check_version, entries_of, explained, migrate, row_of, summed

INSERT = "INSERT INTO entries (number, kind, time, parent, child, data, sum) VALUES (?, ?, ?, ?, ?, ?, ?)"
PATIENCE = 5.0  # seconds to wait for another program that reads the file


class _Waiting(NamedTuple):
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[None]


class SqliteJournal:
    """A journal in one file of sqlite, with a write-ahead log that is on the disk before `write` returns.

    One thread commits, in one transaction, what has come while it was busy. After a commit that failed nothing more is taken: what
    was acknowledged before is kept, and the session has to end.

    Parameters
    ----------
    path : path
        Made where it is not there. One process at a time has it, until `close`.

    Attributes
    ----------
    path : str
        Without symbolic links.
    entries : list of Entry
        What it held when it was opened.
    notes : list of str
        What a user has to know of the place.

    Raises
    ------
    JournalError
        The place, the file or its version will not do, or another process has it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.realpath(path)
        self.notes = check_place(self.path)
        self._ownership = Ownership(self.path)
        try:
            self._connection = _opened(self.path)
            self.entries, self._count, self._sum = _loaded(self._connection, self.path)
            self._file = os.stat(self.path)
        except BaseException:
            self._ownership.give_up()
            raise
        self._rows: list[Row] = []
        self._waiting: list[_Waiting] = []
        self._change = threading.Condition()
        self._closing, self._broken = False, ""
        self._lost = 0
        self._thread = threading.Thread(target=self._work, name="exec_algos journal", daemon=True)
        self._thread.start()

    def __enter__(self) -> SqliteJournal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.close()
        except JournalError as failed:
            if error is None:
                raise
            error.add_note(str(failed))

    @property
    def broken(self) -> str:
        """Why nothing more is taken; empty as long as all is well."""
        return self._broken

    def note(self, entry: Entry) -> None:
        """Take an entry in; it is on disk soon, and before whatever is written after it.

        Raises
        ------
        JournalError
            It holds what JSON cannot, an earlier one could not be written, or the journal is closed.
        """
        self._take(row_of(entry), None)

    async def write(self, entry: Entry) -> None:
        """Returns when the entry, and all before it, are on disk.

        Raises
        ------
        JournalError
            As `note`; or it could not be written.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._take(row_of(entry), _Waiting(loop, future))
        await future

    def _take(self, row: Row, waiting: _Waiting | None) -> None:
        with self._change:
            if self._broken or self._closing:
                raise JournalError(self._broken or f"journal {self.path} is closed; open it again to write to it")
            self._rows.append(row)
            if waiting is not None:
                self._waiting.append(waiting)
            self._change.notify()

    def close(self) -> None:
        """Write what was noted, and let another process have the file.

        Raises
        ------
        JournalError
            Entries that were noted could not be written; it says how many.
        """
        with self._change:
            if self._closing:
                return
            self._closing = True
            self._change.notify()
        self._thread.join()
        with suppress(sqlite3.Error):  # the log is whole without being folded back
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with suppress(sqlite3.Error):
            self._connection.close()
        self._ownership.give_up()
        if self._lost:
            raise JournalError(f"{self._broken}; {self._lost} entries that came last are not in it")

    def _work(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._rows or self._closing)
                rows, waiting = self._rows, self._waiting
                self._rows, self._waiting = [], []
            if not rows:
                return
            failed = self._commit(rows)
            if failed:
                with self._change:
                    self._broken = failed
                    self._lost = len(rows) + len(self._rows)
                    waiting, self._waiting, self._rows = waiting + self._waiting, [], []
            _tell(waiting, failed)
            if failed:
                return

    def _commit(self, rows: list[Row]) -> str:
        """Put rows on the disk; returns why that failed."""
        number, total, numbered = self._count, self._sum, []
        for row in rows:
            number, total = number + 1, summed(row, total)
            numbered.append((number, *row, total))
        try:
            self._check_files()
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(INSERT, numbered)
            self._connection.execute("COMMIT")
        except JournalError as error:
            return str(error)
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            return str(explained(error, self.path, "written"))
        self._count, self._sum = number, total
        return ""

    def _check_files(self) -> None:
        """A file that was removed takes what is written to it along, and one without its lock may get a second writer."""
        try:
            there = os.path.samestat(os.stat(self.path), self._file)
        except OSError:
            there = False
        if not there:
            raise JournalError(
                f"journal {self.path} was removed or replaced while it was written to; look at the venue's own list of orders"
            )
        if not self._ownership.holds():
            raise JournalError(
                f"journal {self.path}: its lock {self.path}.lock was removed while it was held; go on with exec-algos live resume"
            )


def _tell(waiting: Iterable[_Waiting], failed: str) -> None:
    """Wake those who wait, each loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for loop, future in waiting:
        by_loop.setdefault(loop, []).append(future)
    for loop, futures in by_loop.items():
        with suppress(RuntimeError):  # a loop that is closed has nobody left to tell
            loop.call_soon_threadsafe(_settle, futures, failed)


def _settle(futures: Iterable[asyncio.Future[None]], failed: str) -> None:
    for future in futures:
        if future.done():
            continue
        if failed:
            future.set_exception(JournalError(failed))
        else:
            future.set_result(None)


def _opened(path: str) -> sqlite3.Connection:
    connection = None
    try:
        connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        check_version(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        migrate(connection, path)
    except (sqlite3.Error, JournalError) as error:
        if connection is not None:
            connection.close()
        if isinstance(error, JournalError):
            raise
        raise explained(error, path, "opened") from error
    _on_disk(os.path.dirname(path))
    return connection


def _on_disk(folder: str) -> None:
    """The name of a new file is on disk with its folder."""
    place = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def _loaded(connection: sqlite3.Connection, path: str) -> tuple[list[Entry], int, int]:
    """All entries, how many they are, and the checksum of the last."""
    try:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found)
        whole = list(entries_of(connection, path))
    except sqlite3.Error as error:
        connection.close()
        raise explained(error, path, "read") from error
    except JournalError:
        connection.close()
        raise
    return [entry for entry, _ in whole], len(whole), whole[-1][1] if whole else 0


def check_there(path: str | os.PathLike[str]) -> str:
    """The path of a journal without symbolic links.

    Raises
    ------
    JournalError
        There is none.
    """
    path = os.path.realpath(path)
    if os.path.isdir(path):
        raise JournalError(f"{path} is a folder; name the journal in it: day.db")
    if not os.path.isfile(path):
        raise JournalError(f"there is no journal {path}; name one that exec-algos live run has made")
    return path


def read(path: str | os.PathLike[str]) -> list[Entry]:
    """The entries of a journal, also while another process writes to it: nothing is changed, and no lock is needed.

    Raises
    ------
    JournalError
        There is none, or it cannot be read.
    """
    path = check_there(path)
    try:
        return _read(path, "mode=ro")
    except sqlite3.OperationalError as error:
        if not error.sqlite_errorname.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")) or _has_log(path):
            raise explained(error, path, "read") from error
    except sqlite3.Error as error:
        raise explained(error, path, "read") from error
    try:  # who may not write to the folder cannot make sqlite's index of the log, and without a log needs none
        return _read(path, "immutable=1")
    except sqlite3.Error as error:
        raise explained(error, path, "read") from error


def _read(path: str, how: str) -> list[Entry]:
    with closing(sqlite3.connect(f"file:{quote(path)}?{how}", uri=True, timeout=PATIENCE, isolation_level=None)) as connection:
        if not check_version(connection, path):
            return []
        return [entry for entry, _ in entries_of(connection, path)]


def _has_log(path: str) -> bool:
    try:
        return os.stat(f"{path}-wal").st_size > 0
    except OSError:
        return False
