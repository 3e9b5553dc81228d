"""Bars of a store kept decoded: one uncompressed Arrow file a symbol, mapped into memory, so that later reads decode nothing.

A file is used for the months whose Parquet files still have the size, time and inode that they had when it was made. It is written beside
its place and moved there. What is missing, old, cut short or not ours is passed over: that costs time, never the answer.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.market.bars import QUOTES, Bars, Floats, Ints

VARIABLE = "EXEC_ALGOS_BAR_CACHE"
FOLDER = "_decoded"
MARK = b"exec_algos"
LAYOUT = 1

Identity = tuple[int, int, int]


class Part(NamedTuple):
    """A Parquet file of the store."""

    symbol: str
    month: str
    path: str


class Month(NamedTuple):
    """A month as it stands in the file of its symbol."""

    identity: Identity
    begin: int
    rows: int
    columns: tuple[str, ...]
    step: int
    zone: str

    def follows(self, before: Month) -> bool:
        """Whether both can be read as one piece."""
        return self.begin == before.begin + before.rows and self[3:] == before[3:]


class Kept(NamedTuple):
    """A symbol's file, open: its months, and its columns mapped into memory."""

    stamp: Identity
    months: dict[str, Month]
    start: Ints
    columns: dict[str, Floats]


class Decoded:
    """The decoded files of one store.

    Parameters
    ----------
    folder : Path, optional
        Where they are kept; None keeps none.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._last: tuple[str, Kept] | None = None

    @classmethod
    def of(cls, store: str, local: bool, place: str | os.PathLike[str] | None) -> Decoded:
        """Those of a store: `place`, else ``EXEC_ALGOS_BAR_CACHE``, is ``beside``, ``off``, or a folder; only local stores have any."""
        chosen = os.fspath(place or os.environ.get(VARIABLE) or "beside")
        if chosen == "off" or not local:
            return cls(None)
        return cls(Path(store) / FOLDER if chosen == "beside" else Path(chosen) / hashlib.sha256(store.encode()).hexdigest()[:16])

    def bars(self, parts: Sequence[Part]) -> list[Bars] | None:
        """Months of one symbol, views of the file, neighbours as one; None where one of them is not kept as it is now."""
        kept = self._open(parts[0].symbol)
        if kept is None or not all(_stands(kept, part) for part in parts):
            return None
        runs: list[list[Month]] = []
        for month in (kept.months[part.month] for part in parts):
            if runs and month.follows(runs[-1][-1]):
                runs[-1].append(month)
            else:
                runs.append([month])
        with suppress(UsageError):  # rows out of order: the file is not what was written
            return [_view(kept, parts[0].symbol, run) for run in runs]
        return None

    def facts(self, part: Part) -> dict[str, Any] | None:
        """What the Parquet file of a month says of itself, if the month is kept as it is now."""
        kept = self._open(part.symbol)
        if kept is None or not _stands(kept, part):
            return None
        month = kept.months[part.month]
        first, last = (int(kept.start[row]) for row in (month.begin, month.begin + month.rows - 1))
        return {"step": month.step, "zone": month.zone, "bars": month.rows, "first": first, "last": last}

    def keep(self, parts: Sequence[Part], known: Sequence[Identity], bars: Sequence[Bars]) -> None:
        """Write the file of a symbol: its months in order, and what `identities` said of their files before they were read."""
        start = np.concatenate([one.start for one in bars])
        if self.folder is None or not known or not all(len(one) for one in bars) or not (np.diff(start) > 0).all():
            return
        begins = np.cumsum([0, *(len(one) for one in bars)]).tolist()
        months = {
            part.month: Month(identity, begin, len(one), tuple(one.columns()), one.step, one.zone)
            for part, identity, begin, one in zip(parts, known, begins, bars, strict=False)
        }
        # a cache that cannot be written costs time, never the answer
        with suppress(OSError):
            _write(self._file(parts[0].symbol), months, start, bars)

    def identities(self, parts: Sequence[Part]) -> list[Identity]:
        """Of the Parquet files as they are now; none where nothing is kept or one of them is not there."""
        found = [] if self.folder is None else [identity_of(part.path) for part in parts]
        return [one for one in found if one is not None] if None not in found else []

    def _file(self, symbol: str) -> Path:
        return (self.folder or Path()) / f"symbol={quote(symbol, safe='')}.arrow"

    def _open(self, symbol: str) -> Kept | None:
        """The file of a symbol, open; opened again only where it was written again."""
        stamp = None if self.folder is None else identity_of(self._file(symbol))
        if stamp is None:
            return None
        last = self._last
        if last is not None and last[0] == symbol and last[1].stamp == stamp:
            return last[1]
        kept = _opened(self._file(symbol), stamp)
        if kept is not None:
            self._last = symbol, kept
        return kept


def identity_of(path: str | os.PathLike[str]) -> Identity | None:
    """Size, time of the last change (ns) and inode of a file: a file that is replaced gets another inode."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _stands(kept: Kept, part: Part) -> bool:
    return part.month in kept.months and kept.months[part.month].identity == identity_of(part.path)


def _opened(file: Path, stamp: Identity) -> Kept | None:
    """None where the file is not a whole one of ours."""
    import pyarrow as pa

    try:
        batch = pa.ipc.open_file(pa.memory_map(str(file))).get_batch(0)
        batch.validate()
        found = json.loads(batch.schema.metadata[MARK])
        months = {name: Month((*one[0],), one[1], one[2], (*one[3],), *one[4:]) for name, one in found["months"].items()}
        columns = {name: column.to_numpy() for name, column in zip(batch.schema.names, batch.columns, strict=True)}
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, IndexError, UnicodeDecodeError):
        return None
    kept = Kept(stamp, months, columns.pop("start", np.zeros(0)), columns)
    return kept if found["layout"] == LAYOUT and _is_sound(kept) else None


def _is_sound(kept: Kept) -> bool:
    rows = sum(month.rows for month in kept.months.values())
    typed = kept.start.dtype == np.int64 and all(column.dtype == np.float64 for column in kept.columns.values())
    named = all(set(month.columns) <= set(kept.columns) for month in kept.months.values())
    return typed and named and rows == len(kept.start)


def _view(kept: Kept, symbol: str, run: Sequence[Month]) -> Bars:
    rows = slice(run[0].begin, run[-1].begin + run[-1].rows)
    columns: dict[str, Any] = {name: kept.columns[name][rows] for name in run[0].columns}
    return Bars(
        symbols=(symbol,),
        offsets=np.array([0, rows.stop - rows.start], dtype=np.int64),
        start=kept.start[rows],
        quotes={name: columns.pop(name) for name in QUOTES if name in columns},
        step=run[0].step,
        zone=run[0].zone,
        **columns,
    )


def _write(file: Path, months: dict[str, Month], start: Ints, bars: Sequence[Bars]) -> None:
    """So that another process sees all of the file or none."""
    import pyarrow as pa

    names = dict.fromkeys(name for one in bars for name in one.columns())
    values = {name: np.concatenate([one.columns().get(name, np.full(len(one), np.nan)) for one in bars]) for name in names}
    batch = pa.record_batch({"start": start, **values}).replace_schema_metadata(
        {MARK: json.dumps({"layout": LAYOUT, "months": months}).encode()}
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".") as place:
        part = Path(place) / file.name
        with part.open("wb") as sink:
            with pa.ipc.new_file(sink, batch.schema) as writer:
                writer.write_batch(batch)
            sink.flush()
            os.fsync(sink.fileno())
        os.replace(part, file)
