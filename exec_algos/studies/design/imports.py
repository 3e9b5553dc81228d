"""A desk's own orders as parent orders of a study: each row checked, and those that cannot be worked listed with the reason."""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.calendars import Sessions
from exec_algos.market.splits import shares_after
from exec_algos.model import Side
from exec_algos.model.lots import MOST_ORDERED
from exec_algos.model.rules import check_lots
from exec_algos.studies.design.history import KNOWN
from exec_algos.studies.design.reasons import counted
from exec_algos.tca.table import COLUMNS as RESULT
from exec_algos.textform import text_of_csv

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars

COLUMNS = ("symbol", "side", "quantity", "start", "end")
ORDER_ID = "order_id"
NUMBER = "row of the file"  # name of the index of a frame that was read from a file


class Refused(NamedTuple):
    """A row that is no parent order of the study.

    Attributes
    ----------
    row : int
        In the frame, or in the file as a spreadsheet shows it: the first below the column names is 1, blank rows count, and a row whose
        quoted value has line breaks is one.
    value : str
        What stands there.
    reason : str
    """

    row: int
    value: str
    reason: str


class Row(NamedTuple):
    """A row that is: symbol and session by number, instants in ns UTC in whole bars."""

    symbol: int
    session: int
    start: int
    end: int
    side: int
    lots: int
    row: int


class _RefusedRowError(Exception):
    """A row is refused: the value and the reason."""


class NoOrderError(UsageError):
    """No row is a parent order of the study.

    Parameters
    ----------
    refused : sequence of Refused
        Why, row by row; empty where there is no row.
    place : str
        The file.
    more : str
        Where the rows are listed.
    """

    def __init__(self, refused: Sequence[Refused], place: str = "", more: str = "") -> None:
        self.refused = tuple(refused)
        why = f"none of {len(refused)} orders can be worked: {counted(row.reason for row in refused)}"
        super().__init__(f"{place and place + ': '}{why if refused else 'there is no order below the column names'}{more}")


@dataclass(frozen=True, slots=True)
class Checks:
    """What a row must fit to.

    Parameters
    ----------
    symbols : mapping of str to int
        Those that there are, by number.
    sessions : Sessions
    step : int
        Length of a bar, ns.
    lot_size : float
        Shares.
    has_bars : callable
        Whether a symbol has a bar in ``[start, end)``, ns UTC.
    shares : callable
        What a quantity of a symbol at an instant (ns UTC) is multiplied by: the shares of the bars may be those after a split.
    """

    symbols: Mapping[str, int]
    sessions: Sessions
    step: int
    lot_size: float
    has_bars: Callable[[str, int, int], bool]
    shares: Callable[[str, int], float] = lambda *_: 1.0

    @classmethod
    def of(cls, bars: Bars, sessions: Sessions, lot_size: float) -> Checks:
        """Those of orders that are to be worked on these bars."""

        def has_bars(symbol: str, start: int, end: int) -> bool:
            first, last = np.searchsorted(bars.start[bars.rows(symbol)], [start, end - bars.step + 1])
            return bool(first < last)

        shares = partial(shares_after, bars.splits, zone=bars.zone)
        return cls({symbol: i for i, symbol in enumerate(bars.symbols)}, sessions, bars.step, lot_size, has_bars, shares)

    def rows(self, frame: pd.DataFrame) -> tuple[list[Row], list[Refused]]:
        """The rows that can be worked, by symbol, session, start, end, side and row; and those that cannot."""
        good: list[Row] = []
        bad: list[Refused] = []
        ids: dict[str, int] = {}
        for number, values in _values(frame):
            try:
                _check_id(values, ids, number)
                good.append(self._row(number, values))
            except _RefusedRowError as error:
                bad.append(Refused(number, *error.args))
        return sorted(good, key=lambda one: (*one[:4], -one.side, one.row)), bad

    def _row(self, number: int, values: dict[str, Any]) -> Row:
        symbol = str(values["symbol"]).strip()
        if symbol not in self.symbols:
            raise _RefusedRowError(symbol, "the bars have no such symbol")
        side, given = self._side(values["side"]), self._quantity(values["quantity"])
        start, end = self._instant(values["start"]), self._instant(values["end"])
        lots = self._lots(values["quantity"], given, self.shares(symbol, start))
        session, *window = self._window(start, end, f"{values['start']} to {values['end']}")
        if not self.has_bars(symbol, window[0], window[1]):
            raise _RefusedRowError(f"{values['start']} to {values['end']}", "no bar in the window")
        return Row(self.symbols[symbol], session, window[0], window[1], side, lots, number)

    def _side(self, value: Any) -> int:
        try:
            text = str(value).strip()
            return int(Side.of(Side(int(text)) if text in {"1", "+1", "-1"} else text))
        except UsageError:
            raise _RefusedRowError(str(value), "side is neither BUY nor SELL") from None

    def _quantity(self, value: Any) -> float:
        try:
            shares = float(str(value).replace(",", ""))
        except ValueError:
            shares = math.nan
        if not math.isfinite(shares):
            raise _RefusedRowError(str(value), "quantity is no number of shares")
        if shares <= 0:
            raise _RefusedRowError(str(value), "quantity must be a positive number of shares; the side says whether they are sold")
        return shares

    def _lots(self, value: Any, shares: float, ratio: float) -> int:
        if shares * ratio / self.lot_size > MOST_ORDERED:
            raise _RefusedRowError(str(value), f"quantity is more than {MOST_ORDERED:g} lots of {self.lot_size:g}")
        try:
            return check_lots(shares * ratio, self.lot_size)
        except UsageError:
            what = "quantity" if ratio == 1 else f"quantity in shares after the split (x {ratio:g})"
            raise _RefusedRowError(str(value), f"{what} is not a multiple of lot_size {self.lot_size:g}") from None

    def _instant(self, value: Any) -> int:
        import pandas as pd

        try:
            # 03/04/2024 is April in one country and March in another
            if isinstance(value, str) and not re.match(r"\s*\d{4}-?\d{2}-?\d{2}", value):
                raise ValueError("no year first")
            stamp = pd.Timestamp(value)
            if pd.isna(stamp):
                raise ValueError("no time")
            local = stamp.tz_localize(self.sessions.zone) if stamp.tz is None else stamp
            return int(local.as_unit("ns").value)
        except (ValueError, TypeError, OverflowError):
            raise _RefusedRowError(str(value), f"no time that can be read; write 2024-01-02 09:30:00, in {self.sessions.zone}") from None

    def _window(self, start: int, end: int, value: str) -> tuple[int, int, int]:
        """The session, and the whole bars of it between start and end: never a bar that began before the order."""
        if start >= end:
            raise _RefusedRowError(value, "the order must end after it starts")
        session = self.sessions.at_or_after(start)
        if session >= len(self.sessions):
            raise _RefusedRowError(value, "the bars end before the order starts")
        if end <= self.sessions.open[session]:
            raise _RefusedRowError(value, "the exchange is closed then" if session else "the order ends before the bars start")
        opened, closed = int(self.sessions.open[session]), int(self.sessions.close[session])
        if start < opened or end > closed:
            raise _RefusedRowError(
                value, "the order is not inside one session; split it, or name the calendar whose hours it was worked in"
            )
        step = self.step
        first, last = opened - (opened - start) // step * step, opened + (end - opened) // step * step
        if first >= last:
            raise _RefusedRowError(value, f"there is no whole bar of {step / 1e9:g} s in the window")
        return session, first, last


def _check_id(values: dict[str, Any], ids: dict[str, int], number: int) -> None:
    """Refuse an id that is not there, or was there before."""
    if ORDER_ID not in values:
        return
    name = _text(values[ORDER_ID])
    if not name:
        raise _RefusedRowError(str(values[ORDER_ID]), "the order has no order_id; give one, or leave the column out")
    if name in ids:
        raise _RefusedRowError(name, f"row {ids[name]} has this order_id too; put its rows together, or number them")
    ids[name] = number


def _text(value: Any) -> str:
    """An id as text: 7.0 of a column of numbers with gaps is 7."""
    import pandas as pd

    if pd.isna(value):
        return ""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value).strip()


def carried(frame: pd.DataFrame, keep: Sequence[str], rows: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.object_]]:
    """The id and the columns `keep` of the rows that are worked, as text.

    Raises
    ------
    UsageError
        No such column, or the name of one that the result has itself.
    """
    names = _names(frame)
    wanted = [*([ORDER_ID] if ORDER_ID in names else []), *_kept(names, keep)]
    return {name: np.array([_text(value) for value in frame[names[name]].iloc[rows]], dtype=object) for name in wanted}


def _kept(names: Mapping[str, Any], keep: Sequence[str]) -> list[str]:
    wanted = [str(name).strip().lower() for name in keep]
    for name in wanted:
        if name not in names:
            raise UnknownNameError("column", name, names)
        if name in {*RESULT, *KNOWN}:
            raise UsageError(f"column {name!r} cannot be kept: the result has one of its own; name yours otherwise")
    return wanted


def _names(frame: pd.DataFrame) -> dict[str, Any]:
    """The columns by their names in small letters.

    Raises
    ------
    UsageError
        A column is missing, or stands there twice.
    """
    names: dict[str, Any] = {}
    for column in frame.columns:
        name = str(column).strip().lower()
        # pandas calls the second of two columns "side.1"
        if name in names or (name.endswith(".1") and name[:-2] in {*COLUMNS, ORDER_ID}):
            raise UsageError(f"the column {name.removesuffix('.1')!r} stands there twice; keep one of them")
        names[name] = column
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        commas = "; separate the columns by commas" if len(names) == 1 else ""
        raise UsageError(
            f"orders need the columns {', '.join(COLUMNS)}; missing: {', '.join(missing)}; found: {', '.join(map(str, frame))}{commas}"
        )
    return names


def _values(frame: pd.DataFrame) -> Iterator[tuple[int, dict[str, Any]]]:
    """Row number and values of each row."""
    names = _names(frame)
    wanted = [*COLUMNS, *([ORDER_ID] if ORDER_ID in names else [])]
    for number, values in zip(numbers_of(frame).tolist(), zip(*(frame[names[name]] for name in wanted), strict=True), strict=True):
        yield number, dict(zip(wanted, values, strict=True))


def numbers_of(frame: pd.DataFrame) -> npt.NDArray[np.int64]:
    """The number of each row, rising: that of the file it was read from, else 1 and on."""
    return frame.index.to_numpy(np.int64) if frame.index.name == NUMBER else np.arange(1, len(frame) + 1)


def places(frame: pd.DataFrame, numbers: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Where the rows of these numbers stand in a frame."""
    return np.searchsorted(numbers_of(frame), numbers).astype(np.int64)


def read_orders(path: str | os.PathLike[str], keep: Sequence[str] = ()) -> pd.DataFrame:
    """A CSV of orders, every value as the text that stands there: a symbol 005930 keeps its noughts, and NA is a symbol.

    Raises
    ------
    UsageError
        No such file, one that is no CSV, or one without a column that is needed.
    """
    try:
        frame = read_text(path)
        _kept(_names(frame), keep)
    except (OSError, ValueError) as error:
        raise UsageError(f"{os.fspath(path)}: {_unreadable(error)}") from error
    return frame


def read_text(source: str | os.PathLike[str] | io.BytesIO) -> pd.DataFrame:
    """A CSV as texts, without its blank rows; the index says which row of the file each is.

    An apostrophe before what a spreadsheet would take for a formula is not part of the text: ``'=A`` is ``=A`` (`textform.guarded`).

    Raises
    ------
    UsageError
        Rows that are longer than the first line.
    """
    import pandas as pd

    frame = pd.read_csv(source, dtype=str, keep_default_na=False)
    if not isinstance(frame.index, pd.RangeIndex):
        # pandas takes the first columns of longer rows for row labels, and every value would stand under another name
        raise UsageError(
            "the rows have more values than there are column names; is there a comma within a number, or at the end of each row?"
        )
    if isinstance(source, io.BytesIO):
        source.seek(0)
    # once more, for pandas passes over blank lines without a word, and then nobody finds row 5 in the file
    options: dict[str, Any] = {"dtype": str, "keep_default_na": False, "skip_blank_lines": False}
    whole = pd.read_csv(source, header=None, names=range(frame.shape[1]), index_col=False, **options).fillna("")
    filled = _filled(whole)
    rows = np.flatnonzero(filled)[1:]  # the first are the column names
    top = int(np.argmax(filled))
    found: pd.DataFrame = whole.iloc[rows].set_axis(frame.columns, axis=1)
    return text_of_csv(found.set_axis(pd.Index(rows - top, name=NUMBER)))


def _filled(frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether there is anything in a row: a spreadsheet writes a blank one as commas."""
    found = (frame[0].str.strip() != "").to_numpy(dtype=bool, copy=True)
    rest = frame.loc[~found]
    found[~found] = (rest.apply(lambda column: column.str.strip()) != "").any(axis=1).to_numpy(dtype=bool)
    return found


def _unreadable(error: Exception) -> str:
    """Why there are no orders in a file, and what to do."""
    import pandas as pd

    if isinstance(error, UsageError):
        return str(error)
    if isinstance(error, UnicodeDecodeError):
        return "the file is not UTF-8 text; save it as 'CSV UTF-8'"
    if isinstance(error, pd.errors.EmptyDataError):
        return f"the file is empty; give a CSV with the columns {', '.join(COLUMNS)}"
    said = (error.strerror if isinstance(error, OSError) else None) or " ".join(str(error).split())
    return f"{said}; give a CSV with the columns {', '.join(COLUMNS)}"
