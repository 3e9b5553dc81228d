"""What a journal's file holds: its table, its versions, and whether it is whole."""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from exec_algos.brokers.records import Entry, Kind
from exec_algos.errors import JournalError

APPLICATION = 0x65786563  # "exec": tells a journal from other files of sqlite
DAMAGED = (
    "keep a copy of it with its -wal file and look at the venue's own list of orders: withdraw what is open there, then begin a new journal"
)


def _first(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE entries (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, time INTEGER NOT NULL, parent TEXT NOT NULL, "
        "child TEXT NOT NULL, data TEXT NOT NULL, sum INTEGER NOT NULL)"
    )
    connection.execute(f"PRAGMA application_id = {APPLICATION}")


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_first,)  # from version k to k + 1
VERSION = len(MIGRATIONS)

Row = tuple[str, int, str, str, str]  # kind, time, parent, child, data


def row_of(entry: Entry) -> Row:
    """An entry as text.

    Raises
    ------
    JournalError
        It holds what JSON cannot.
    """
    try:
        text = json.dumps(dict(entry.data), separators=(",", ":"), allow_nan=False, ensure_ascii=False)
        text.encode()
        return Kind(entry.kind).value, int(entry.time), str(entry.parent), str(entry.child), text
    except (TypeError, ValueError) as error:
        raise JournalError(
            f"an entry {entry.kind} of {entry.child or entry.parent or 'the session'} cannot be written: {error}; "
            f"its data must be what JSON holds, with None for NaN, got {entry.data!r}"
        ) from error


def summed(row: Row, before: int) -> int:
    """The checksum of a row and of all before it."""
    return zlib.crc32("\x1f".join(map(str, row)).encode("utf-8", "surrogatepass"), before)


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring a file to this version, all at once or not at all.

    Raises
    ------
    JournalError
        It is of a newer version, or no journal.
    """
    version = check_version(connection, path)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in MIGRATIONS[version:]:
            step(connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")  # each time, so that a disk that takes no more is met at once
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def check_version(connection: sqlite3.Connection, path: str) -> int:
    """The version of a file, 0 of an empty one.

    Raises
    ------
    JournalError
        It is of a newer version, or no journal.
    """
    version, application = (int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("user_version", "application_id"))
    empty = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application not in {APPLICATION} and not (empty and not version and not application):
        raise JournalError(f"{path} is an sqlite file of another program; name a journal, or a path where no file is yet")
    if version > VERSION:
        raise JournalError(
            f"journal {path} is of schema {version}, and this exec_algos knows schemas up to {VERSION}; "
            "use the release that wrote it, or a newer one"
        )
    return version


def entries_of(connection: sqlite3.Connection, path: str) -> Iterator[tuple[Entry, int]]:
    """The entries in order, each with its checksum.

    Raises
    ------
    JournalError
        One is missing, or is not what was written.
    """
    before, expected = 0, 1
    for number, *values, written in connection.execute("SELECT number, kind, time, parent, child, data, sum FROM entries ORDER BY number"):
        row: Any = tuple(values)
        if number != expected:
            raise JournalError(f"journal {path} is damaged: after entry {expected - 1} comes {number}; {DAMAGED}")
        before = summed(row, before)
        if before != written:
            raise JournalError(f"journal {path} is damaged: entry {number} is not what was written; {DAMAGED}")
        kind, time, parent, child, data = row
        try:
            entry = Entry(Kind(kind), time, parent, child, json.loads(data))
        except ValueError as error:
            raise JournalError(f"journal {path}: entry {number} cannot be read ({error}); {DAMAGED}") from error
        yield entry, before
        expected += 1


def explained(error: sqlite3.Error, path: str, doing: str) -> JournalError:
    """What sqlite says, with the file and what to do."""
    name = getattr(error, "sqlite_errorname", "") or ""
    return JournalError(f"journal {path} cannot be {doing}: {error}{f' ({name})' if name else ''}; {_remedy(name, path)}")


def _remedy(name: str, path: str) -> str:
    if name == "SQLITE_NOTADB":
        return "it is no journal; name one, or a path where no file is yet"
    if name.startswith("SQLITE_CORRUPT"):
        return DAMAGED
    if name == "SQLITE_FULL":
        return "the disk is full: free some space, then go on with exec-algos live resume"
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return f"let this user read and write {path} and its folder {os.path.dirname(path)}, then go on with exec-algos live resume"
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "another program has it open: end that one, then go on with exec-algos live resume"
    return "see whether the disk is full, its quota used up, or the disk at fault; then go on with exec-algos live resume"
