"""Files of folders, and how those of one symbol are joined; `exec_algos.market.read` makes bars of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import numpy as np

from exec_algos.errors import MarketDataError, UnknownNameError
from exec_algos.market.arrays import Flags, Floats
from exec_algos.market.contents import FORMATS as CONTENTS
from exec_algos.market.contents import LEFT_BY_A_SYSTEM, Content, Passed, content_rows, stem_of
from exec_algos.market.files import check_regular, content_of_file, file_system
from exec_algos.market.frames import Request
from exec_algos.market.lean import NAME, LeanDay, lean_rows
from exec_algos.market.lengths import DAY, shown_length
from exec_algos.market.validate import RawRows

FORMATS = ("lean", *CONTENTS)
# names that are no files of bars, whatever they hold
LEFT = (".part", ".crdownload", ".tmp", ".swp", ".bak", ".old", ".orig", "~")
BEGINNINGS = (".", "~$", "#", "Thumbs.db", "desktop.ini")

Path = str | os.PathLike[str]
WAY_OUT = "read one of the two, name their symbols apart, or pass on_bad='repair', which keeps the last of equal times and lists the others"


class File(NamedTuple):
    """A file on a file system; `named` where the caller named it, and not only its folder."""

    fs: Any
    path: str
    named: bool

    def data(self) -> bytes:
        """All of it."""
        return content_of_file(self.fs, self.path)


def check_zone(zone: str | None) -> None:
    """Refuse a zone that is no IANA zone."""
    try:
        ZoneInfo(zone or "UTC")
    except (ValueError, OSError, KeyError):
        raise UnknownNameError("zone", str(zone), available_timezones()) from None


def files_at(path: Path, passed: Callable[[Passed], None]) -> Iterator[File]:
    """The files at a path, those of a folder by name; what its name says to be no file of bars is passed over."""
    fs, root = file_system(path)
    if fs.isfile(root):
        yield File(fs, root, named=True)
        return
    if not fs.exists(root):
        raise MarketDataError("no such file or folder", file=os.fspath(path))
    if not fs.isdir(root):
        check_regular(fs, root)
    for name in sorted(fs.find(root)):
        why = _why_left(name[len(root) :])
        if why:
            passed(Passed(name, why))
        else:
            yield File(fs, name, named=False)


def _why_left(name: str) -> str:
    parts = name.strip("/").split("/")
    if "__MACOSX" in parts or any(part.startswith(BEGINNINGS) for part in parts):
        return LEFT_BY_A_SYSTEM
    return "an unfinished or an old copy, by its name" if parts[-1].lower().endswith(LEFT) else ""


def units_of(files: Iterable[File]) -> Iterator[list[File]]:
    """Each file by itself, but the trade and the quote zip of one LEAN day together."""
    days: dict[str, list[File]] = {}
    for file in files:
        day = file.path[:-10] if NAME.search(file.path) else file.path  # both kinds are five letters long
        days.setdefault(day, []).append(file)
    yield from days.values()


def rows_of(unit: list[File], request: Request, passed: Callable[[Passed], None]) -> Iterator[RawRows]:
    """Rows of one file, or of the two files of one LEAN day, by symbol."""
    file = unit[0]
    if NAME.search(file.path) and request.format in (None, "lean"):
        yield from lean_rows(_lean_day(unit), request)
        return
    if request.format == "lean":
        raise MarketDataError("LEAN's minutes are named YYYYMMDD_trade.zip and YYYYMMDD_quote.zip", file=file.path)
    yield from content_rows(Content(file.data(), file.path, stem_of(file.path)), request, passed)


def passed_over(passed: Sequence[Passed], most: int = 5) -> tuple[str, ...]:
    """One line that names the files that were passed over; empty where none was."""
    if not passed:
        return ()
    shown = "; ".join(f"{file.file.rsplit('/', 1)[-1]} ({_short(file.why)})" for file in passed[:most])
    more = f"; and {len(passed) - most} more" if len(passed) > most else ""
    return (f"passed over {len(passed)} {'file' if len(passed) == 1 else 'files'}: {shown}{more}",)


def _short(why: str, most: int = 90) -> str:
    why = why.split(";")[0].split(": '")[0]
    return why if len(why) <= most else why[: most - 3] + "..."


def _lean_day(unit: list[File]) -> LeanDay:
    folder, name = unit[0].path.rsplit("/", 1)
    kinds = {"quote" if file.path.endswith("_quote.zip") else "trade": (file.path, file.data()) for file in unit}
    return LeanDay(folder, name[:8], kinds.get("trade"), kinds.get("quote"))


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
        step=next((part.step for part in parts if part.step is not None), None),
        stamp=np.concatenate([part.stamp for part in parts]),
        columns=_columns(parts),
        files=tuple(part.files[0] for part in parts),
        file_of=np.repeat(np.arange(len(parts)), [len(part) for part in parts]),
        row=np.concatenate([part.row for part in parts]),
        flaws=tuple(flaw._replace(at=flaw.at + int(shift[number])) for number, part in enumerate(parts) for flaw in part.flaws),
        quote_only=sum(part.quote_only for part in parts),
        read_as=tuple({note.columns: note for part in reversed(parts) for note in part.read_as}.values()),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


def joined_notes(symbols: Mapping[str, Sequence[RawRows]], most: int = 5) -> tuple[str, ...]:
    """Which files became one symbol, a line each; one line for all where they are many."""
    several = {symbol: [part.files[0].rsplit("/", 1)[-1] for part in parts] for symbol, parts in symbols.items() if len(parts) > 1}
    if len(several) > most:
        first = ", ".join(f"{symbol} of {len(names)}" for symbol, names in list(several.items())[:3])
        return (f"{len(several)} symbols have several files each: {first} ...",)
    return tuple(f"{symbol}: {len(names)} files are one symbol: {_listed(names)}" for symbol, names in several.items())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{min(names)} to {max(names)}"


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
    """Refuse files whose stamps are other ends of their bars, or whose bars have other lengths; a length that is not told is any."""
    for name, attribute in (("label", "label"), ("step in ns", "step")):
        stated = [part for part in parts if getattr(part, attribute) is not None]
        for part in stated[1:]:
            here, there = getattr(part, attribute), getattr(stated[0], attribute)
            if here != there:
                reason = f"{part.symbol}: {name} is {here}, in {stated[0].files[0]} it is {there}; read the files apart"
                raise MarketDataError(reason, file=part.files[0])
    _refuse_two_lengths([(part, length) for part in parts if part.step is None and (length := shown_length(part)) is not None])


def _refuse_two_lengths(shown: Sequence[tuple[RawRows, int]]) -> None:
    """Refuse files whose rows show bars of two lengths; beside days, everything that is none is of another."""
    longest = max((length for _, length in shown), default=0)
    long = next((part for part, length in shown if length == longest), None)
    other = next((part for part, length in shown if length != longest and (length or longest >= DAY)), None)
    if long is not None and other is not None:
        raise MarketDataError(
            f"{long.symbol}: its rows are {longest / 1e9:g} s apart, those of {other.files[0]} are nearer: bars of two lengths; "
            "read the files apart, or pass step=",
            file=long.files[0],
        )


def _columns(parts: list[RawRows]) -> dict[str, Any]:
    names = dict.fromkeys(name for part in parts for name in part.columns)
    return {name: np.concatenate([part.columns.get(name, np.full(len(part), np.nan)) for part in parts]) for name in names}
