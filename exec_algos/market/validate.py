"""What a bar may not be: every row that cannot be true is refused, dropped or repaired, and named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from exec_algos.errors import MarketDataError, UnknownNameError
from exec_algos.market.arrays import Flags, Floats, Ints
from exec_algos.market.decimals import ReadAs

OnBad = Literal["raise", "drop", "repair"]

MOST_SHARES = 9e15  # beyond 2**53 not every whole number is a double
ON_BAD = ("raise", "drop", "repair")
NOT_ABOVE_ZERO = "is not above zero"
ALLOW = " (allow_negative=True takes such prices, which power and some futures have)"
WAY_OUT = "fix it or pass on_bad='drop' or 'repair'"


class RowIssue(NamedTuple):
    """One row that was not taken as it stood.

    Parameters
    ----------
    file : str
        The file, empty for a frame.
    row : int
        The row in it: the first data row is 1.
    column : str
        The column that is wrong.
    value : str
        What stood there.
    problem : str
        What is wrong with it.
    action : str
        What was done: ``"dropped"``, ``"sorted"``, ``"high raised to 10.5"`` ...
    symbol : str
        Whose row it is.
    """

    file: str
    row: int
    column: str
    value: str
    problem: str
    action: str
    symbol: str = ""


class Flaw(NamedTuple):
    """A cell that could not be read: `at` counts the rows of one `RawRows`, from 0."""

    at: int
    column: str
    value: str
    problem: str


def beginning(cell: object, most: int = 80) -> str:
    """A cell as a message shows it: an open quotation mark makes one of half a file."""
    text = str(cell)
    return text if len(text) <= most else f"{text[:most]} ..."


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRows:
    """Rows of one symbol as a reader found them, in the file's order, nothing checked.

    Parameters
    ----------
    symbol, zone : str
        What the rows belong to, and the zone in which they are shown.
    stamp : ndarray of int64, shape (n,)
        ns UTC as the file has it (see `label`).
    columns : mapping of str to ndarray of float64, shape (n,)
        ``open, high, low, close, volume`` and perhaps ``vwap`` and quotes.
    label : str
        ``"start"`` or ``"end"``: which end of its bar `stamp` names.
    step : int, optional
        Bar length in ns where the file tells it.
    files : tuple of str
        The files that the rows come from.
    file_of, row : ndarray of int64, shape (n,)
        Index into `files`, and the row there (first data row is 1).
    flaws : tuple of Flaw
        Cells that could not be read.
    quote_only : int
        Rows left out because they hold quotes and no trade.
    read_as : tuple of ReadAs
        Columns that were read as other numbers than they were stored as.
    notes : tuple of str
        What was assumed or left out on reading, a line each.
    """

    symbol: str
    zone: str
    stamp: Ints
    columns: Mapping[str, Floats]
    label: str
    step: int | None
    files: tuple[str, ...]
    file_of: Ints
    row: Ints
    flaws: tuple[Flaw, ...] = ()
    quote_only: int = 0
    issues: tuple[RowIssue, ...] = field(default=())
    read_as: tuple[ReadAs, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.stamp)

    def take(self, rows: npt.NDArray[np.intp] | Flags) -> RawRows:
        """The rows at these positions (or where the mask is true), in this order; the flaws are dealt with by then."""
        return replace(
            self,
            stamp=self.stamp[rows],
            columns={name: column[rows] for name, column in self.columns.items()},
            file_of=self.file_of[rows],
            row=self.row[rows],
            flaws=(),
        )

    def file(self, i: int) -> str:
        """The file that row `i` comes from."""
        return self.files[int(self.file_of[i])]

    def time(self, i: int) -> str:
        """The stamp of row `i`, as ISO 8601 in the rows' zone."""
        import pandas as pd

        return str(pd.Timestamp(int(self.stamp[i]), tz="UTC").tz_convert(self.zone).isoformat())

    def issue(self, i: int, column: str, problem: str, action: str) -> RowIssue:
        """A `RowIssue` about row `i`."""
        value = self.time(i) if column == "timestamp" else f"{float(self.columns[column][i])!r}"
        return RowIssue(self.file(i), int(self.row[i]), column, value, problem, action, self.symbol)

    def refuse(self, i: int, problem: str, others: int = 0) -> NoReturn:
        """Raise a `MarketDataError` about row `i`, and say how many `others` are like it."""
        more = f" ({others} more like it)" if others else ""
        raise MarketDataError(f"{self.symbol}: {problem}{more}; {WAY_OUT}", file=self.file(i), row=int(self.row[i]))


class _Check(NamedTuple):
    bad: Flags
    column: str
    problem: Callable[[int], str]
    mends: bool  # widening [low, high] makes the row right


def check_rows(rows: RawRows, on_bad: OnBad, *, allow_negative: bool = False) -> RawRows:
    """Rows in time order in which every bar can be true.

    Parameters
    ----------
    rows : RawRows
        As read.
    on_bad : {"raise", "drop", "repair"}
        ``raise`` refuses the first row that cannot be true. ``drop`` leaves out each such row; of rows out of
        order those that do not come after every row kept so far. ``repair`` drops what nothing can mend
        (unreadable cells, prices that are NaN, infinite or not above zero, high below low, volume that is
        negative, NaN or infinite), widens [low, high] to hold open and close, sorts by time, and keeps the last of equal stamps.
    allow_negative : bool
        Take prices at or below zero.

    Returns
    -------
    RawRows
        With one `RowIssue` for each row touched.

    Raises
    ------
    MarketDataError
        With file, row and value; or nothing is left.
    UnknownNameError
        No such `on_bad`.
    """
    if on_bad not in ON_BAD:
        raise UnknownNameError("on_bad", on_bad, ON_BAD)
    possible = partial(_possible, allow_negative=allow_negative)
    for stage in (_readable, _ordered, possible) if on_bad == "raise" else (_readable, possible, _ordered):
        rows = stage(rows, on_bad)
    if not len(rows):
        lost = f": {rows.issues[0].problem}, and {len(rows.issues) - 1} more issues" if rows.issues else ""
        raise MarketDataError(f"{rows.symbol}: no bar is left{lost}", file=", ".join(rows.files[:3]))
    return rows


def _readable(rows: RawRows, on_bad: OnBad) -> RawRows:
    if rows.flaws and on_bad == "raise":
        rows.refuse(rows.flaws[0].at, rows.flaws[0].problem, len(rows.flaws) - 1)
    found = (RowIssue(rows.file(i), int(rows.row[i]), name, value, why, "dropped", rows.symbol) for i, name, value, why in rows.flaws)
    keep = np.ones(len(rows), dtype=bool)
    keep[[flaw.at for flaw in rows.flaws]] = False
    issues = (*rows.issues, *found)
    return replace(rows.take(keep), issues=issues) if rows.flaws else rows


def _checks(rows: RawRows, *, allow_negative: bool) -> Iterator[_Check]:
    c = rows.columns
    for name in ("open", "high", "low", "close"):
        yield _Check(~np.isfinite(c[name]), name, _say(c, f"{name} {{{name}}} is no price"), False)
        if not allow_negative:
            yield _Check(c[name] <= 0, name, _say(c, f"{name} {{{name}}} {NOT_ABOVE_ZERO}"), False)
    yield _Check(~np.isfinite(c["volume"]), "volume", _say(c, "volume {volume} is no number of shares"), False)
    yield _Check(c["volume"] < 0, "volume", _say(c, "volume {volume} is negative"), False)
    yield _Check(c["volume"] > MOST_SHARES, "volume", _say(c, "volume {volume} is more than doubles count"), False)
    yield _Check(c["high"] < c["low"], "high", _say(c, "high {high} is below low {low}"), False)
    for name in ("open", "close"):
        yield _Check(c[name] > c["high"], name, _say(c, f"{name} {{{name}}} is above high {{high}}"), True)
        yield _Check(c[name] < c["low"], name, _say(c, f"{name} {{{name}}} is below low {{low}}"), True)
    for name in [name for name in ("bid", "ask") if name in c]:
        yield _Check(np.isinf(c[name]), name, _say(c, f"{name} {{{name}}} is no price"), False)


def _say(columns: Mapping[str, Floats], text: str) -> Callable[[int], str]:
    return lambda i: text.format(**{name: repr(float(column[i])) for name, column in columns.items()})


def _possible(rows: RawRows, on_bad: OnBad, *, allow_negative: bool) -> RawRows:
    dropped, mend, issues = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool), list(rows.issues)
    for check in _checks(rows, allow_negative=allow_negative):
        found = np.flatnonzero(check.bad & ~dropped)
        if len(found) and on_bad == "raise":
            way_out = ALLOW if check.problem(int(found[0])).endswith(NOT_ABOVE_ZERO) else ""
            rows.refuse(int(found[0]), check.problem(int(found[0])) + way_out, len(found) - 1)
        mends = check.mends and on_bad == "repair"
        issues += [rows.issue(i, check.column, check.problem(i), _action(rows, check, i) if mends else "dropped") for i in map(int, found)]
        (mend if mends else dropped)[found] = True
    if len(issues) == len(rows.issues):
        return rows
    return replace(_widen(rows, mend), issues=tuple(issues)).take(~dropped)


def _action(rows: RawRows, check: _Check, i: int) -> str:
    value = float(rows.columns[check.column][i])
    return f"high raised to {value!r}" if value > rows.columns["high"][i] else f"low lowered to {value!r}"


def _widen(rows: RawRows, mend: Flags) -> RawRows:
    c = rows.columns
    high = np.where(mend, np.maximum(c["high"], np.maximum(c["open"], c["close"])), c["high"])
    low = np.where(mend, np.minimum(c["low"], np.minimum(c["open"], c["close"])), c["low"])
    return replace(rows, columns={**c, "high": high, "low": low})


def _ordered(rows: RawRows, on_bad: OnBad) -> RawRows:
    gap = np.diff(rows.stamp)
    if not len(rows) or bool((gap > 0).all()):
        return rows
    if on_bad == "raise":
        _refuse_order(rows, gap)
    return _drop_order(rows) if on_bad == "drop" else _sort(rows)


def _refuse_order(rows: RawRows, gap: Ints) -> NoReturn:
    i = int(np.flatnonzero(gap <= 0)[0])
    if gap[i] == 0:
        rows.refuse(i + 1, f"timestamp {rows.time(i + 1)} stands twice, in row {rows.row[i]} already", int((gap == 0).sum()) - 1)
    newest_first = "; the rows run newest first" if bool((gap < 0).all()) else ""
    rows.refuse(i + 1, f"timestamp {rows.time(i + 1)} is not after {rows.time(i)} of row {rows.row[i]}{newest_first}")


def _drop_order(rows: RawRows) -> RawRows:
    newest = np.maximum.accumulate(rows.stamp)
    bad = np.concatenate([[False], rows.stamp[1:] <= newest[:-1]])
    issues = [rows.issue(int(i), "timestamp", _order_problem(rows, int(i), newest), "dropped") for i in np.flatnonzero(bad)]
    return replace(rows, issues=(*rows.issues, *issues)).take(~bad)


def _order_problem(rows: RawRows, i: int, newest: Ints) -> str:
    stands = rows.stamp[i] == newest[i - 1]
    if not stands:
        return f"timestamp {rows.time(i)} is before that of an earlier row"
    return f"timestamp {rows.time(i)} stands twice{_in_file(rows, i, int(np.flatnonzero(rows.stamp[:i] == rows.stamp[i])[-1]))}"


def _in_file(rows: RawRows, i: int, other: int) -> str:
    """In which other file the bar of row `i` stands, and whether it is the same there."""
    if rows.file_of[i] == rows.file_of[other]:
        return ""
    same = all(np.array_equal(column[i], column[other], equal_nan=True) for column in rows.columns.values())
    return f", in {rows.file(other)} too{'' if same else ' with other values'}"


def _sort(rows: RawRows) -> RawRows:
    order = np.argsort(rows.stamp, kind="stable")
    newest = np.maximum.accumulate(rows.stamp)
    back = np.flatnonzero(rows.stamp[1:] < newest[:-1]) + 1
    issues = [rows.issue(int(i), "timestamp", _order_problem(rows, int(i), newest), "sorted") for i in back]
    sorted_rows = rows.take(order)
    twice = np.concatenate([np.diff(sorted_rows.stamp) == 0, [False]])
    issues += [_twice(sorted_rows, int(i)) for i in np.flatnonzero(twice)]
    return replace(sorted_rows, issues=(*rows.issues, *issues)).take(~twice)


def _twice(rows: RawRows, i: int) -> RowIssue:
    problem = f"timestamp {rows.time(i)} stands twice{_in_file(rows, i, i + 1)}"
    return rows.issue(i, "timestamp", problem, "dropped, the last row of that time is kept")
