"""Rows of files and folders, format by format, and how those of one symbol are joined; `exec_algos.market.read` makes bars of them."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import numpy as np

from exec_algos.errors import MarketDataError, UnknownNameError
from exec_algos.market.arrays import Flags, Floats
from exec_algos.market.files import file_system
from exec_algos.market.frames import Request, frame_rows
from exec_algos.market.lean import NAME, LeanDay, lean_rows
from exec_algos.market.validate import RawRows
from exec_algos.market.vendors import VENDORS, csv_rows

FORMATS = ("parquet", "lean", *VENDORS)
SUFFIXES = (".parquet", ".csv", ".txt", ".zip")

Path = str | os.PathLike[str]
WAY_OUT = "read one of the two, name their symbols apart, or pass on_bad='repair', which keeps the last of equal times and lists the others"


class _File(NamedTuple):
    fs: Any
    path: str

    def data(self) -> bytes:
        """All of it."""
        try:
            return bytes(self.fs.cat_file(self.path))
        except OSError as error:
            raise MarketDataError(f"cannot be read: {error}", file=self.path) from error

    @property
    def stem(self) -> str:
        """Its name without folder and suffix."""
        return self.path.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def check_zone(zone: str | None) -> None:
    """Refuse a zone that is no IANA zone."""
    try:
        ZoneInfo(zone or "UTC")
    except (ValueError, OSError, KeyError):
        raise UnknownNameError("zone", str(zone), available_timezones()) from None


def files_at(path: Path, format: str | None) -> Iterator[_File]:
    """The files at a path, those of a folder by name."""
    fs, root = file_system(path)
    if fs.isfile(root):
        if format is None and not root.lower().endswith(SUFFIXES):
            raise MarketDataError(f"its name ends in none of {', '.join(SUFFIXES)}; pass format= if it is one of those", file=root)
        yield _File(fs, root)
        return
    if not fs.exists(root):
        raise MarketDataError("no such file or folder", file=os.fspath(path))
    found = [name for name in sorted(fs.find(root)) if name.lower().endswith(SUFFIXES)]
    if not found:
        raise MarketDataError(f"the folder holds no file named {', '.join('*' + suffix for suffix in SUFFIXES)}", file=os.fspath(path))
    yield from (_File(fs, name) for name in found)


def units_of(files: Iterable[_File]) -> Iterator[list[_File]]:
    """Each file by itself, but the trade and the quote zip of one LEAN day together."""
    days: dict[str, list[_File]] = {}
    for file in files:
        day = file.path[:-10] if NAME.search(file.path) else file.path  # both kinds are five letters long
        days.setdefault(day, []).append(file)
    yield from days.values()


def rows_of(unit: list[_File], request: Request) -> Iterable[RawRows]:
    """Rows of one file, or of the two files of one LEAN day, by symbol."""
    file = unit[0]
    if NAME.search(file.path) and request.format in (None, "lean"):
        return lean_rows(_lean_day(unit), request)
    if request.format == "lean":
        raise MarketDataError("LEAN's minutes are named YYYYMMDD_trade.zip and YYYYMMDD_quote.zip", file=file.path)
    if request.format == "parquet" or (request.format is None and file.path.lower().endswith(".parquet")):
        return parquet_rows(file.data(), request, file=file.path, stem=file.stem)
    data = file.data()
    return csv_rows(_unzipped(data, file.path) if file.path.lower().endswith(".zip") else data, request, file=file.path, stem=file.stem)


def _lean_day(unit: list[_File]) -> LeanDay:
    folder, name = unit[0].path.rsplit("/", 1)
    kinds = {"quote" if file.path.endswith("_quote.zip") else "trade": (file.path, file.data()) for file in unit}
    return LeanDay(folder, name[:8], kinds.get("trade"), kinds.get("quote"))


def _unzipped(data: bytes, file: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.namelist()
            if len(members) != 1:
                raise MarketDataError(f"a zip of {len(members)} files; LEAN's are named YYYYMMDD_trade.zip, others hold one CSV", file=file)
            return archive.read(members[0])
    except zipfile.BadZipFile as error:
        raise MarketDataError(f"not a whole zip ({error}); copy it again", file=file) from error


def parquet_rows(data: bytes, request: Request, *, file: str, stem: str) -> list[RawRows]:
    """Rows of each symbol of a Parquet file.

    A tz-aware index named ``timestamp`` is the start of the bar (the form this package writes); elsewhere the label is asked for.

    Raises
    ------
    MarketDataError
        Not a whole Parquet file, or see `Bars.read`.
    """
    import pandas as pd
    import pyarrow as pa

    try:
        frame = pd.read_parquet(io.BytesIO(data))
    except (pa.ArrowInvalid, OSError) as error:
        what = "the file is empty" if not data else f"not a whole Parquet file ({str(error).splitlines()[0]})"
        raise MarketDataError(f"{what}; copy it again", file=file) from error
    index = frame.index
    ours = isinstance(index, pd.DatetimeIndex) and index.tz is not None and index.name == "timestamp"
    return frame_rows(frame, request._replace(label=request.label or ("start" if ours else None)), file=file, stem=stem)


def check_one_zone(found: Sequence[RawRows]) -> None:
    """Refuse files whose stamps are in several zones."""
    first = found[0]
    for rows in found:
        if rows.zone != first.zone:
            reason = f"stamps are in {rows.zone}, those of {first.files[0]} in {first.zone}: a mixed zone; pass zone= to show all in one"
            raise MarketDataError(reason, file=rows.files[0])


def joined(parts: list[RawRows], request: Request) -> RawRows:
    """The rows of several files of one symbol, the earliest file first."""
    parts = sorted((part for part in parts if len(part)), key=lambda part: (int(part.stamp.min()), part.files)) or parts[:1]
    if len(parts) == 1:
        return parts[0]
    _same_meaning(parts)
    for before, after in pairwise(parts):
        if request.on_bad == "raise" and before.stamp.max() >= after.stamp.min():
            raise MarketDataError(f"{after.symbol}: {_overlap(before, after)}; {WAY_OUT}", file=after.files[0])
    shift = np.cumsum([0, *(len(part) for part in parts)])
    return replace(
        parts[0],
        stamp=np.concatenate([part.stamp for part in parts]),
        columns=_columns(parts),
        files=tuple(part.files[0] for part in parts),
        file_of=np.repeat(np.arange(len(parts)), [len(part) for part in parts]),
        row=np.concatenate([part.row for part in parts]),
        flaws=tuple(flaw._replace(at=flaw.at + int(shift[number])) for number, part in enumerate(parts) for flaw in part.flaws),
        quote_only=sum(part.quote_only for part in parts),
        read_as=tuple({note.columns: note for part in reversed(parts) for note in part.read_as}.values()),
    )


def _overlap(before: RawRows, after: RawRows) -> str:
    """What two files of one symbol have in common, in words."""
    _, here, there = np.intersect1d(after.stamp, before.stamp, return_indices=True)
    if not len(here):
        return f"bars in between those of {before.files[0]}"
    names = [name for name in after.columns if name in before.columns]
    same = np.logical_and.reduce([_equal(after.columns[name][here], before.columns[name][there]) for name in names])
    return f"{len(here)} bars of the same time as in {before.files[0]}, {int((~same).sum())} of them with other values"


def _equal(a: Floats, b: Floats) -> Flags:
    return np.asarray((a == b) | (np.isnan(a) & np.isnan(b)))


def _same_meaning(parts: list[RawRows]) -> None:
    for part in parts[1:]:
        for name, here, there in (("label", part.label, parts[0].label), ("step in ns", part.step, parts[0].step)):
            if here != there:
                reason = f"{part.symbol}: {name} is {here}, in {parts[0].files[0]} it is {there}; read the files apart"
                raise MarketDataError(reason, file=part.files[0])


def _columns(parts: list[RawRows]) -> dict[str, Any]:
    names = dict.fromkeys(name for part in parts for name in part.columns)
    return {name: np.concatenate([part.columns.get(name, np.full(len(part), np.nan)) for part in parts]) for name in names}
