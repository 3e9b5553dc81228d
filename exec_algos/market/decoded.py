"""Bars of a store kept decoded: one uncompressed Arrow file, mapped into memory, so that later reads decode and copy nothing.

A month of it counts while its Parquet file still has the size, time and inode that it had when it was read, and its rows the CRC-32 of
when they were written: that is proved once, when a month is first asked for. The file is written beside its place and moved there. What is
missing, old, cut short, damaged or not ours is passed over: that costs time, never the answer.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.market.arrays import Floats, Ints
from exec_algos.market.bars import QUOTES, Bars
from exec_algos.market.boundary import or_none
from exec_algos.market.stored import StoredPart

VARIABLE = "EXEC_ALGOS_BAR_CACHE"
FOLDER, FILE = "_decoded", "bars.arrow"
MARK = b"exec_algos"
LAYOUT = 2

Identity = tuple[int, int, int]


class DecodedMonth(NamedTuple):
    """A month as it stands in the decoded file, and in the Parquet file that it was read from."""

    identity: Identity
    begin: int
    rows: int
    columns: tuple[str, ...]
    step: int
    zone: str
    crc32: int = 0

    def follows(self, before: DecodedMonth) -> bool:
        """Whether both can be read as one piece."""
        return self.begin == before.begin + before.rows and self[3:6] == before[3:6]

    def crc32_of(self, part: StoredPart, columns: Mapping[str, Ints | Floats]) -> int:
        """CRC-32 of its rows of all columns, and of what is said of it."""
        rows = slice(self.begin, self.begin + self.rows)
        found = zlib.crc32(repr((part.symbol, part.month, self.rows, self[3:6], list(columns))).encode())
        for column in columns.values():
            found = zlib.crc32(np.ascontiguousarray(column[rows]).data, found)
        return found


class Kept(NamedTuple):
    """The file, open: the months of each symbol, the columns mapped into memory, and what is proved of months so far."""

    stamp: Identity
    months: dict[str, dict[str, DecodedMonth]]
    start: Ints
    columns: dict[str, Floats]
    proved: dict[tuple[str, str], bool]

    def holds(self, part: StoredPart) -> DecodedMonth | None:
        """The month of a Parquet file, if that is still the file that was read, and the rows are those that were written."""
        month = self.months.get(part.symbol, {}).get(part.month)
        if month is None or month.identity != identity_of(part.path):
            return None
        key = part.symbol, part.month
        if key not in self.proved:
            self.proved[key] = month.crc32_of(part, {"start": self.start, **self.columns}) == month.crc32
        return month if self.proved[key] else None

    def holds_all(self, parts: Sequence[StoredPart]) -> bool:
        """Whether it holds them; the proof takes as many threads as there are cores, for it waits for no lock."""
        if sum(map(len, self.months.values())) != len(parts):
            return False
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return all(pool.map(self.holds, parts))


class Decoded:
    """The decoded file of one store.

    Parameters
    ----------
    folder : Path, optional
        Where it is kept; None keeps none.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._last: Kept | None = None

    @classmethod
    def of(cls, store: str, local: bool, place: str | os.PathLike[str] | None) -> Decoded:
        """That of a store: `place`, else ``EXEC_ALGOS_BAR_CACHE``, is ``beside``, ``off``, or a folder; only local stores have one."""
        chosen = os.fspath(place or os.environ.get(VARIABLE) or "beside")
        if chosen == "off" or not local:
            return cls(None)
        return cls(Path(store) / FOLDER if chosen == "beside" else Path(chosen) / hashlib.sha256(store.encode()).hexdigest()[:16])

    def whole(self, parts: Sequence[StoredPart]) -> Bars | None:
        """Everything, views of the file; None where it does not hold just these months as they are now."""
        kept = self._open()
        if kept is None or not kept.holds_all(parts):
            return None
        ends = [(list(months.values())[-1].begin + list(months.values())[-1].rows) for months in kept.months.values()]
        first = kept.months[parts[0].symbol][parts[0].month]
        return _bars(kept, tuple(kept.months), np.array([0, *ends], dtype=np.int64), first._replace(columns=tuple(kept.columns)))

    def bars(self, parts: Sequence[StoredPart]) -> list[Bars] | None:
        """Months of one symbol, views of the file, neighbours as one; None where one of them is not kept as it is now."""
        kept = self._open()
        months = [] if kept is None else [kept.holds(part) for part in parts]
        runs: list[DecodedMonth] = []
        for month in months or [None]:
            if month is None:
                return None
            if runs and month.follows(runs[-1]):
                runs[-1] = runs[-1]._replace(rows=runs[-1].rows + month.rows)
            else:
                runs.append(month)
        found = [_bars(kept, (parts[0].symbol,), np.array([0, run.rows]), run) for run in runs if kept is not None]
        return None if None in found else [entry for entry in found if entry is not None]

    def facts(self, part: StoredPart) -> dict[str, Any] | None:
        """What the Parquet file of a month says of itself, if the month is kept as it is now."""
        kept = self._open()
        month = None if kept is None else kept.holds(part)
        if kept is None or month is None:
            return None
        first, last = (int(kept.start[row]) for row in (month.begin, month.begin + month.rows - 1))
        return {"step": month.step, "zone": month.zone, "bars": month.rows, "first": first, "last": last}

    def keep(self, months: Mapping[StoredPart, DecodedMonth], bars: Bars) -> None:
        """Write the file: all bars, and which months they are, in their order; those of a symbol must rise in time."""
        if self.folder is None or sum(month.rows for month in months.values()) != len(bars):
            return
        listed: dict[str, dict[str, Any]] = {}
        begin = 0
        columns: dict[str, Any] = {"start": bars.start, **bars.columns()}
        for part, unplaced in months.items():
            month = unplaced._replace(begin=begin)
            listed.setdefault(part.symbol, {})[part.month] = month._replace(crc32=month.crc32_of(part, columns))
            begin += month.rows
        # a cache that cannot be written costs time, never the answer
        with suppress(OSError):
            _write(self.folder / FILE, json.dumps({"layout": LAYOUT, "months": listed}).encode(), bars)

    def _open(self) -> Kept | None:
        """The file, open; opened again only where it was written again."""
        stamp = None if self.folder is None else identity_of(self.folder / FILE)
        if self.folder is None or stamp is None:
            return None
        if self._last is None or self._last.stamp != stamp:
            self._last = _opened(self.folder / FILE, stamp)
        return self._last


def identity_of(path: str | os.PathLike[str]) -> Identity | None:
    """Size, time of the last change (ns) and inode of a file: a file that is replaced gets another inode; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def month_of(identity: Identity, bars: Bars) -> DecodedMonth:
    """The bars of a Parquet file, as they will stand in the decoded one."""
    return DecodedMonth(identity, 0, len(bars), tuple(bars.columns()), bars.step, bars.zone)


def _opened(file: Path, stamp: Identity) -> Kept | None:
    """None where the file is not a whole one of ours."""
    kept = or_none(lambda: _mapped(file, stamp))
    return kept if kept is not None and _is_sound(kept) else None


def _mapped(file: Path, stamp: Identity) -> Kept | None:
    import pyarrow as pa

    batch = pa.ipc.open_file(pa.memory_map(str(file))).get_batch(0)
    batch.validate()
    found = json.loads(batch.schema.metadata[MARK])
    months = {symbol: {name: _month(entry) for name, entry in each.items()} for symbol, each in found["months"].items()}
    columns = {name: column.to_numpy() for name, column in zip(batch.schema.names, batch.columns, strict=True)}
    if found["layout"] != LAYOUT:
        return None
    return Kept(stamp, months, columns.pop("start", np.zeros(0)), columns, {})


def _month(record: Sequence[Any]) -> DecodedMonth:
    identity, begin, rows, columns, step, zone, crc32 = record
    return DecodedMonth(tuple(identity), begin, rows, tuple(columns), step, zone, crc32)


def _is_sound(kept: Kept) -> bool:
    months = [month for each in kept.months.values() for month in each.values()]
    typed = kept.start.dtype == np.int64 and all(column.dtype == np.float64 for column in kept.columns.values())
    named = all(set(month.columns) <= set(kept.columns) for month in months)
    return typed and named and sum(month.rows for month in months) == len(kept.start)


def _bars(kept: Kept, symbols: tuple[str, ...], offsets: Ints, run: DecodedMonth) -> Bars | None:
    """Rows of the file as `Bars`; None where they are out of order, for then the file is not what was written."""
    rows = slice(run.begin, run.begin + int(offsets[-1]))
    columns: dict[str, Any] = {name: kept.columns[name][rows] for name in run.columns}
    quotes = {name: columns.pop(name) for name in QUOTES if name in columns}
    with suppress(UsageError):
        return Bars(symbols=symbols, offsets=offsets, start=kept.start[rows], quotes=quotes, step=run.step, zone=run.zone, **columns)
    return None


def _write(file: Path, facts: bytes, bars: Bars) -> None:
    """So that another process sees all of the file or none."""
    import pyarrow as pa

    batch = pa.record_batch({"start": bars.start, **bars.columns()}).replace_schema_metadata({MARK: facts})
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".") as place:
        part = Path(place) / file.name
        with part.open("wb") as sink:
            with pa.ipc.new_file(sink, batch.schema) as writer:
                writer.write_batch(batch)
            sink.flush()
            os.fsync(sink.fileno())
        os.replace(part, file)
