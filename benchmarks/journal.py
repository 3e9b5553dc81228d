"""The journal of a live session: rows that are on disk a second, one row alone, and the disk's own time beside them.

50 writers wait for each row of theirs before they write the next; then one writes alone. The yardstick is 4 KiB that are appended to a file
and brought to the disk by `os.fdatasync`, in the same folder. What a child takes is measured with its intent, acknowledgement, two
fills, cancel and end.

python benchmarks/journal.py [FOLDER]; writes benchmarks/results/journal.json
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

from machine import keep

from exec_algos.brokers.records import Entry, Kind
from exec_algos.live.journal import SqliteJournal, read
from exec_algos.live.place import file_system

WRITERS, EACH, ALONE, SYNCS, CHILDREN = 50, 400, 500, 500, 2_000
PARENT, NOW = "20261130-090000-abcdefgh", 1_764_460_800_000_000_000


def of_child(number: int) -> list[Entry]:
    """The entries of a child that traded twice and whose rest was cancelled."""
    ref = f"{PARENT}.1.{number}.1"
    named = {"venue_id": f"{number:010d}", "time": NOW}
    fill = {"quantity": 10, "price": 71_200.0, "time": NOW}
    data = [
        (Kind.INTENT, {"lots": 25, "limit": 71_200.0, "expires": NOW, "own_id": ref}),
        (Kind.OUTCOME, {"event": "send", "reason": ""}),
        (Kind.OUTCOME, {"event": "accept", "reason": "", **named}),
        (Kind.FILL, {**fill, "execution_id": f"E{number}-1"}),
        (Kind.FILL, {**fill, "execution_id": f"E{number}-2"}),
        (Kind.CANCEL, {"event": "ask_cancel", "reason": ""}),
        (Kind.OUTCOME, {"event": "cancel", "reason": "", **named}),
    ]
    return [Entry(kind, NOW, PARENT, ref, each) for kind, each in data]


def syncs(folder: Path) -> list[float]:
    """Seconds of each append of 4 KiB that is brought to the disk."""
    taken = []
    with open(folder / "yardstick", "wb", buffering=0) as file:
        for _ in range(SYNCS):
            begin = perf_counter()
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            taken.append(perf_counter() - begin)
    return taken


async def together(path: Path) -> tuple[float, int]:
    """Rows a second of writers that wait, and how many commits they took."""
    commits = 0

    def counted(said: str) -> None:
        nonlocal commits
        commits += said == "COMMIT"

    with SqliteJournal(path) as journal:
        journal._connection.set_trace_callback(counted)

        async def writer(which: int) -> None:
            for number in range(EACH):
                await journal.write(of_child(which * EACH + number)[0])

        begin = perf_counter()
        await asyncio.gather(*(writer(which) for which in range(WRITERS)))
        taken = perf_counter() - begin
    return WRITERS * EACH / taken, commits


async def alone(path: Path) -> list[float]:
    """Seconds of each row where nobody else writes."""
    taken = []
    with SqliteJournal(path) as journal:
        for number in range(ALONE):
            begin = perf_counter()
            await journal.write(of_child(number)[0])
            taken.append(perf_counter() - begin)
    return taken


def size(path: Path) -> tuple[float, float]:
    """Bytes a child, and seconds to read them all."""
    with SqliteJournal(path) as journal:
        for number in range(CHILDREN):
            for entry in of_child(number):
                journal.note(entry)
    begin = perf_counter()
    assert len(read(path)) == 7 * CHILDREN
    return path.stat().st_size / CHILDREN, perf_counter() - begin


def milliseconds(taken: list[float]) -> dict[str, float]:
    return {"median": 1e3 * median(taken), "p99": 1e3 * quantiles(taken, n=100)[98]}


def main() -> None:
    where = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=where) as place:
        folder = Path(place)
        sync = syncs(folder)
        rows, commits = asyncio.run(together(folder / "together.db"))
        single = asyncio.run(alone(folder / "alone.db"))
        bytes_each, reading = size(folder / "size.db")
        kind = file_system(str(folder))
    per_commit = WRITERS * EACH / commits
    keep("journal", {
        "file_system": kind, "writers": WRITERS, "rows": WRITERS * EACH,
        "fdatasync_ms": milliseconds(sync), "rows_per_second": rows, "rows_per_commit": per_commit,
        "rows_per_second_at_200_commits": 200 * per_commit,
        "one_row_alone_ms": milliseconds(single), "alone_beside_fdatasync": median(single) / median(sync),
        "bytes_per_child": bytes_each, "seconds_to_read_14000_entries": reading,
    })  # fmt: skip


if __name__ == "__main__":
    main()
