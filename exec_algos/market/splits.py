"""Splits: prices and volumes of the past in shares of the present.

Adjusting is backward: what lies before the ex-date is put into shares after it, prices divided by the ratio and volumes multiplied, so that
price x volume stays. Orders on and after the date are in shares of their own time; those before it are in shares after it.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.market.boundary import reading
from exec_algos.market.files import check_regular, file_system
from exec_algos.market.ratios import Split, ratio_text
from exec_algos.market.validate import RowIssue

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars

PRICED = ("open", "high", "low", "close", "vwap", "bid", "ask")
COUNTED = ("volume", "bid_size", "ask_size")
ADJUST = ("both", "prices", "volumes")
NEEDED = ("date", "symbol", "ratio")
CLEAR = math.log(1.2)  # steps below that are lost in a night's news


@dataclass(frozen=True, slots=True)
class Splits:
    """A table of splits.

    Parameters
    ----------
    rows : tuple of Split
    source : str
        The file, for messages.

    Raises
    ------
    UsageError
        By row: a date, symbol, ratio or ``adjust`` that cannot be, or a symbol and date that stand twice.

    Examples
    --------
    >>> Splits.of([("AAA", "2024-06-10", "10:1"), ("BBB", "2024-03-01", 0.1)]).rows[0].ratio
    10.0
    """

    rows: tuple[Split, ...] = ()
    source: str = ""

    @classmethod
    def of(cls, splits: Any) -> Splits:
        """Splits of a CSV file, a DataFrame, a sequence of ``(symbol, date, ratio)`` or of `Split`; None is none.

        A file or a frame has the columns ``date, symbol, ratio`` in any order and case, and may have ``adjust``.

        Raises
        ------
        UsageError
            No such file, no such column, or a row that cannot be.
        """
        if splits is None or isinstance(splits, cls):
            return splits or cls()
        with reading(os.fspath(splits) if isinstance(splits, str | os.PathLike) else "the splits"):
            return cls._of(splits)

    @classmethod
    def _of(cls, splits: Any) -> Splits:
        if isinstance(splits, str | os.PathLike):
            return cls(tuple(_checked(_read(os.fspath(splits)), os.fspath(splits))), os.fspath(splits))
        if hasattr(splits, "itertuples"):
            names = [str(name).strip().lower() for name in splits.columns]
            return cls(tuple(_checked(_named(names, [list(row) for row in splits.itertuples(index=False)], "the splits"), "the splits")))
        rows = [dict(zip((*NEEDED[1::-1], "ratio", "adjust"), split, strict=False)) for split in splits]
        return cls(tuple(_checked(rows, "the splits")))

    def __bool__(self) -> bool:
        return bool(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def of_symbol(self, symbol: str) -> list[Split]:
        """Those of one symbol, in time order."""
        return sorted((split for split in self.rows if split.symbol == symbol), key=lambda split: split.date)

    def adjust(self, bars: Bars, *, check: bool = True) -> Bars:
        """Bars in shares of their last day.

        Parameters
        ----------
        bars : Bars
            As they were traded; volumes may come out as parts of a share, which are kept, so that price x volume stays.
        check : bool
            Whether the bars must show each split: the step from the last close before to the first open after must be nearer to the ratio
            than to none.

        Returns
        -------
        Bars
            `splits` has what was used, `report` also what was not: other symbols', before the first bar or after the last.

        Raises
        ------
        UsageError
            By row: bars that do not step, or are adjusted already.
        """
        used = [split for symbol in bars.symbols for split in self.of_symbol(symbol) if inside(bars, split)]
        if check:
            for split in used:
                check_step(bars, split, self.source)
        made = adjusted(bars, used)
        return replace(made, splits=(*bars.splits, *used), report=(*bars.report, *self._issues(bars, used)))

    def _issues(self, bars: Bars, used: Sequence[Split]) -> Iterator[RowIssue]:
        """A line for each row of a symbol of the bars, and one for all the others."""
        others = [split for split in self.rows if split.symbol not in bars.symbols]
        for split in (split for split in self.rows if split.symbol in bars.symbols):
            what = "prices and volumes" if split.adjust == "both" else split.adjust
            action = f"{what} before it are in shares after it" if split in used else "not used: no bar before it, or none from it on"
            yield RowIssue(self.source, split.row, "ratio", ratio_text(split.ratio), f"split {split.name}", action, split.symbol)
        if others:
            named = ", ".join(dict.fromkeys(split.symbol for split in others[:3]))
            many = len({split.symbol for split in others})
            yield RowIssue(
                self.source,
                others[0].row,
                "symbol",
                named,
                f"{many} symbol{'' if many == 1 else 's'} that the bars lack",
                "not used",
                named,
            )


def adjusted(bars: Bars, splits: Iterable[Split]) -> Bars:
    """Bars with prices and volumes before each split in shares after it, unchecked; the very same where there is none."""
    prices, volumes = np.ones(len(bars)), np.ones(len(bars))
    used = False
    for split in splits:
        rows = bars.rows(split.symbol)
        before = slice(rows.start, rows.start + int(np.searchsorted(bars.start[rows], split.instant(bars.zone))))
        used = used or before.stop > before.start
        if split.adjust != "volumes":
            prices[before] /= split.ratio
        if split.adjust != "prices":
            volumes[before] *= split.ratio
    if not used:
        return bars
    factors = {**dict.fromkeys(PRICED, prices), **dict.fromkeys(COUNTED, volumes)}
    columns: dict[str, Any] = {name: column * factors[name] for name, column in bars.columns().items()}
    return replace(bars, quotes={name: columns.pop(name) for name in bars.quotes}, **columns)


def of_record(bars: Bars, rows: Sequence[Sequence[Any]]) -> Bars:
    """Bars adjusted by the splits that a study has written down; those that are adjusted by them already stay."""
    wanted = tuple(Split(*row) for row in rows)
    return bars if bars.splits == wanted else Splits(wanted).adjust(bars)


def used_line(rows: Sequence[Sequence[Any]], unused: Sequence[Sequence[Any]] = (), most: int = 3) -> str:
    """What was done with the splits of a study's record, and which were of no use."""
    used = f"{_names([row[:4] for row in rows], most)}: prices, volumes and sizes of orders before it are in shares after it"
    if not unused:
        return used
    count = f"{len(unused)} of {len(rows) + len(unused)} rows not used ({_names(unused, most)})"
    others = f"{count}, of symbols that the bars lack or without bars on both sides of the date"
    return f"{used}; {others}" if rows else others


def _names(rows: Sequence[Sequence[Any]], most: int) -> str:
    names = [split.name + (f" in row {split.row}" if split.row else "") for split in (Split(*row) for row in rows)]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def shares_after(splits: Iterable[Split], symbol: str, instant: int, zone: str) -> float:
    """What a number of shares at an instant (ns UTC) is multiplied by to be in those of adjusted bars."""
    later = (split for split in splits if split.symbol == symbol and split.adjust != "prices" and instant < split.instant(zone))
    return math.prod(split.ratio for split in later)


def inside(bars: Bars, split: Split) -> bool:
    """Whether a symbol has bars on both sides of its split."""
    start, instant = bars.start[bars.rows(split.symbol)], split.instant(bars.zone)
    return bool(len(start) and start[0] < instant <= start[-1])


def check_step(bars: Bars, split: Split, source: str) -> None:
    """Refuse a split that the prices do not show, or do show where only volumes are to be adjusted."""
    rows = bars.rows(split.symbol)
    at = rows.start + int(np.searchsorted(bars.start[rows], split.instant(bars.zone)))
    before, ratio = float(bars.close[at - 1]), math.log(split.ratio)
    steps = [math.log(float(first[at]) / before) for first in (bars.open, bars.close)]
    # the first print of the ex-day may be one of the day before
    step = min(steps, key=lambda found: abs(found + ratio))
    shows = abs(step + ratio) < abs(step)
    if abs(ratio) < CLEAR or shows == (split.adjust != "volumes"):
        return
    seen = f"the last price before is {before:.6g}, the first from it on {before * math.exp(step):.6g}"
    if shows:
        raise UsageError(f"{_place(source, split)}: {split.name}, but prices step by the ratio ({seen}); write both in the column adjust")
    raise UsageError(
        f"{_place(source, split)}: {split.name}, but prices do not step by the ratio ({seen}): if they are adjusted already leave the "
        "row out, or write volumes in a column adjust where volumes are not; else mend the date or the ratio (new shares for an old one)"
    )


def _place(source: str, split: Split) -> str:
    return _row_of(source, split.row)


def _row_of(source: str, row: int) -> str:
    return f"{source or 'the splits'}{f', row {row}' if row else ''}"


def _read(path: str) -> list[dict[str, Any]]:
    fs, root = file_system(path)
    with reading(path, f"give a CSV with the columns {', '.join(NEEDED)}"):
        check_regular(fs, root)
        content = bytes(fs.cat_file(root))
    with reading(path):
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
        names = [name.strip().lower() for name in lines[0]] if lines else []
        return _named(names, lines[1:], path)


def _named(names: list[str], lines: Sequence[Sequence[Any]], source: str) -> list[dict[str, Any]]:
    """Rows by column name; blank ones count and are passed over."""
    if not set(NEEDED) <= set(names) or len(set(names)) < len(names):
        there = " ".join(", ".join(names).split())[:200] or "nothing"  # an open quotation mark makes the whole file one name
        raise UsageError(f"{source}: splits need the columns {', '.join(NEEDED)}, each once; found: {there}")
    return [
        {**dict(zip(names, line, strict=False)), "row": number}
        for number, line in enumerate(lines, 1)
        if any(str(cell).strip() for cell in line)
    ]


def _checked(rows: Iterable[Mapping[str, Any]], source: str) -> Iterator[Split]:
    seen: dict[tuple[str, str], int] = {}
    for number, row in enumerate(rows, 1):
        at = int(row.get("row", number))
        try:
            split = _split(row, at)
        except ValueError as error:
            raise UsageError(f"{_row_of(source, at)}: {error}") from None
        key = (split.symbol, split.date)
        if key in seen:
            raise UsageError(f"{_row_of(source, at)}: {split.symbol} {split.date} stands twice, in row {seen[key]} already; keep one")
        seen[key] = at
        yield split


def _split(row: Mapping[str, Any], at: int) -> Split:
    symbol, adjust = str(row.get("symbol") or "").strip(), str(row.get("adjust") or "both").strip().lower()
    if not symbol:
        raise ValueError("no symbol")
    if len(symbol.splitlines()) > 1:
        raise ValueError(f"symbol {symbol[:40]!r} ... holds a line break; is a quotation mark left open?")
    if adjust not in ADJUST:
        raise ValueError(f"adjust must be one of {', '.join(ADJUST)}, got {adjust!r}")
    return Split(symbol, _date(row.get("date")), _ratio(row.get("ratio")), adjust, at)


def _date(value: Any) -> str:
    import datetime as dt

    text = str(value if value is not None else "").strip()
    text = text.removesuffix(" 00:00:00").removesuffix("T00:00:00")  # of a spreadsheet or a frame
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(f"date must be a day such as 2024-06-10, got {text!r}") from None


def _ratio(value: Any) -> float:
    text = str(value if value is not None else "").strip()
    new, _, old = text.replace("/", ":").partition(":")
    try:
        ratio = float(new) / float(old or 1)
    except (ValueError, ZeroDivisionError):
        ratio = math.nan
    if not (math.isfinite(ratio) and 1e-6 <= ratio <= 1e6) or ratio == 1:
        raise ValueError(f"ratio is new shares for an old one, such as 10, 10:1, 3:2 or 0.1, and not 1; got {text!r}")
    return ratio
