"""A desk's own orders as parent orders of a study: each row checked, and those that cannot be worked listed with the reason."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UsageError
from exec_algos.market.calendars import Sessions
from exec_algos.market.hours import sessions_of, trading_bars
from exec_algos.market.splits import shares_after
from exec_algos.model import Session
from exec_algos.model.lots import MOST_ORDERED
from exec_algos.model.rules import check_lots
from exec_algos.model.window import session_finder, trading_pieces, whole_window
from exec_algos.studies.design.history import SymbolHistory
from exec_algos.studies.design.reasons import counted
from exec_algos.studies.design.written.cells import Unread
from exec_algos.studies.design.written.files import read_orders
from exec_algos.studies.design.written.form import ORDER_ID, OrderForm
from exec_algos.studies.design.written.rows import WINDOWS, WrittenOrders

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars

T = TypeVar("T", int, float)
READ_AS, CLIPPED = "orders_read_as", "orders_clipped"  # of a study's record: what was assumed, and how many windows were clipped


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
    """A row that is: symbol and session by number, instants in ns UTC in whole bars, and the window that was asked for."""

    symbol: int
    session: int
    start: int
    end: int
    side: int
    lots: int
    row: int
    asked_start: int
    asked_end: int


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

    def rows(self, written: WrittenOrders) -> tuple[list[Row], list[Refused]]:
        """The rows that can be worked, by symbol, session, start, end, side and row; and those that cannot."""
        good: list[Row] = []
        bad: list[Refused] = []
        ids: dict[str, int] = {}
        for at, number in enumerate(written.numbers.tolist()):
            try:
                _check_id(written.kept, at, ids, number)
                good.append(self._row(written, at, number))
            except _RefusedRowError as error:
                bad.append(Refused(number, *error.args))
        return sorted(good, key=lambda order: (*order[:4], -order.side, order.row)), bad

    def _row(self, written: WrittenOrders, at: int, number: int) -> Row:
        symbol = written.symbols[at]
        if symbol not in self.symbols:
            raise _RefusedRowError(symbol, "the bars have no such symbol")
        side, given = _understood(written.sides[at]), _understood(written.quantities[at])
        start, end = _understood(written.starts[at]), _understood(written.ends[at])
        quantity, window = written.as_written[at]
        lots = self._lots(quantity, given, self.shares(symbol, start))
        session, *worked = self._window(start, end, window)
        if not self.has_bars(symbol, worked[0], worked[1]):
            raise _RefusedRowError(window, "no bar in the window")
        return Row(self.symbols[symbol], session, worked[0], worked[1], int(side), lots, number, start, end)

    def _lots(self, value: str, shares: float, ratio: float) -> int:
        if shares * ratio / self.lot_size > MOST_ORDERED:
            raise _RefusedRowError(value, f"quantity is more than {MOST_ORDERED:g} lots of {self.lot_size:g}")
        try:
            return check_lots(shares * ratio, self.lot_size)
        except UsageError:
            what = "quantity" if ratio == 1 else f"quantity in shares after the split (x {ratio:g})"
            raise _RefusedRowError(value, f"{what} is not a multiple of lot_size {self.lot_size:g}") from None

    def _window(self, start: int, end: int, value: str) -> tuple[int, int, int]:
        """The session, and the whole bars of trading between start and end: never a bar that began before the order."""
        if start >= end:
            raise _RefusedRowError(value, "the order must end after it starts")
        session = self.sessions.at_or_after(start)
        if session >= len(self.sessions):
            raise _RefusedRowError(value, "the bars end before the order starts")
        if end <= self.sessions.open[session]:
            raise _RefusedRowError(value, "the exchange is closed then" if session else "the order ends before the bars start")
        stretches = trading_pieces(Session.of(self.sessions, session), end, session_finder(self.sessions), self.step)
        window = whole_window(start, end, stretches, self.step)
        if window is None:
            raise _RefusedRowError(value, f"there is no whole bar of {self.step / 1e9:g} s in the window")
        return self.sessions.at_or_after(window[0]), *window


def hours_of(sessions: Sessions, session: int, end: int) -> tuple[int, int]:
    """From when to when an order may be worked that begins in a session, or before it, and ends at `end`: ns UTC.

    That is from the session's open to the close of the last that has opened before the end. What lies beyond is clipped.
    """
    last = max(int(np.searchsorted(sessions.open, end)) - 1, session)
    return int(sessions.open[session]), int(sessions.close[last])


def _understood(value: T | Unread) -> T:
    if isinstance(value, Unread):
        raise _RefusedRowError(*value)
    return value


def _check_id(kept: Mapping[str, Sequence[str]], at: int, ids: dict[str, int], number: int) -> None:
    """Refuse an id that is not there, or was there before."""
    if ORDER_ID not in kept:
        return
    name = kept[ORDER_ID][at]
    if not name:
        raise _RefusedRowError(name, "the order has no order_id; give one, or leave the column out")
    if name in ids:
        raise _RefusedRowError(name, f"row {ids[name]} has this order_id too; put its rows together, or number them")
    ids[name] = number


def parents_in_file(path: str | os.PathLike[str], bars: Bars, *, encoding: str | None = None, **options: Any) -> dict[str, Any]:
    """What `ParentOrders` takes of a file of orders: see its `from_csv`."""
    said = {name: options.get(name) for name in ("columns", "sides", "decimal", "date_format")}
    return parents_in_frame(read_orders(path, OrderForm(**said), encoding), bars, place=os.fspath(path), **options)


def parents_in_frame(  # noqa: PLR0913 - what `ParentOrders.from_frame` takes
    frame: pd.DataFrame,
    bars: Bars,
    *,
    calendar: str | None = None,
    lot_size: float = 1,
    profile_days: int = 5,
    keep: Sequence[str] = (),
    place: str = "",
    **said: Any,
) -> dict[str, Any]:
    """What `ParentOrders` takes of a frame of orders; `place` is the file it was read from, and `said` what `OrderForm` takes."""
    form, sessions = OrderForm(**said), sessions_of(bars, calendar)
    bars = trading_bars(bars, sessions)
    written = written_in(place, frame, form, sessions.zone, keep)
    rows, refused = Checks.of(bars, sessions, lot_size).rows(written)
    if not rows:
        raise NoOrderError(refused, place)
    return parents_in_rows(written, rows, refused, bars, sessions, lot_size=lot_size, profile_days=profile_days)


def written_in(place: str, frame: pd.DataFrame, form: OrderForm, zone: str, keep: Sequence[str]) -> WrittenOrders:
    """`WrittenOrders.of`, with the file named where it cannot be read."""
    try:
        return WrittenOrders.of(frame, form, zone, keep)
    except UsageError as error:
        if not place:
            raise
        raise UsageError(f"{place}: {error}") from error


def parents_in_rows(  # noqa: PLR0913 - rows, and what they were checked against
    written: WrittenOrders,
    rows: Sequence[Row],
    refused: Sequence[Refused],
    bars: Bars,
    sessions: Sessions,
    *,
    lot_size: float,
    profile_days: int,
) -> dict[str, Any]:
    """What `ParentOrders` takes of rows that were checked."""
    table = np.array(rows, dtype=np.int64).reshape(-1, len(Row._fields)).T
    symbol, session, start, end, side, lots, number, asked_start, asked_end = table
    texts = (windows_text(begin, stop, sessions.zone) for begin, stop in ((asked_start, asked_end), (start, end)))
    windows = dict(zip(WINDOWS, texts, strict=True))
    known = SymbolHistory(bars, sessions, profile_days, symbol, session)
    clipped = tuple(clipped_of(written, rows, sessions))
    notes = [*written.notes, *several_sessions(rows, sessions)]
    said = {READ_AS: notes, CLIPPED: len(clipped)}
    return {
        "symbols": bars.symbols, "sessions": sessions, "symbol": symbol, "session": session, "side": side, "lots": lots,
        "lot_size": lot_size, "start": start, "end": end, "profile_days": 0, "refused": tuple(refused), "clipped": clipped,
        "notes": tuple(notes), "columns": {**known, **written.carried(number), **windows},
        "terms": {name: value for name, value in said.items() if value},
    }  # fmt: skip


def clipped_of(written: WrittenOrders, rows: Sequence[Row], sessions: Sessions) -> list[Refused]:
    """The rows whose window reaches beyond the exchange's hours: what was asked for, and what is worked."""
    found = []
    for row in rows:
        opened, closed = hours_of(sessions, row.session, row.asked_end)
        parts = [
            *(["begins before the open"] if row.asked_start < opened else []),
            *(["ends after the close"] if row.asked_end > closed else []),
        ]
        for edge, asked in (("begins", row.asked_start), ("ends", row.asked_end)):
            if sessions.in_break(np.array([asked if edge == "begins" else asked - 1]))[0]:
                parts.append(f"{edge} in a pause")
        if parts:
            window = windows_text(np.array([row.start]), np.array([row.end]), sessions.zone)[0]
            found.append(
                Refused(row.row, written.as_written[int(written.places(row.row))][1], f"{' and '.join(parts)}: clipped to {window}")
            )
    return sorted(found)


def several_sessions(rows: Sequence[Row], sessions: Sessions) -> list[str]:
    """A note where orders run over several sessions, for a date that is wrong by a year looks like one that does."""
    many = [sessions.at_or_after(row.end - 1) - row.session + 1 for row in rows]
    over = sum(count > 1 for count in many)
    if not over:
        return []
    verb = "order runs" if over == 1 else "orders run"
    return [f"{over:,} {verb} over several sessions, the longest over {max(many):,}"]


def windows_text(start: npt.NDArray[np.int64], end: npt.NDArray[np.int64], zone: str) -> npt.NDArray[np.object_]:
    """Windows as text, on the clock of a zone: ``2024-01-16 09:30:00 to 2024-01-16 11:00:00``."""
    begins, ends = (_clock_text(instants, zone) for instants in (start, end))
    return np.array([f"{begin} to {stop}" for begin, stop in zip(begins, ends, strict=True)], dtype=object)


def _clock_text(instants: npt.NDArray[np.int64], zone: str) -> list[str]:
    import pandas as pd

    local = pd.DatetimeIndex(instants.view("datetime64[ns]"), tz="UTC").tz_convert(zone).tz_localize(None).as_unit("ns").asi8
    texts = np.datetime_as_string(np.asarray(local, dtype=np.int64).view("datetime64[ns]"), unit="s")
    parts = (instants % 1_000_000_000).tolist()
    return [
        str(text).replace("T", " ") + (f".{part:09d}".rstrip("0") if part else "") for text, part in zip(texts.tolist(), parts, strict=True)
    ]
