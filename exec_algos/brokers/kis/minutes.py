"""Minute bars as KIS pages them, put together: by day and session, floored to the minute, each once, none that is still forming."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.brokers.kis.rules import moment_of
from exec_algos.errors import VenueError
from exec_algos.market.calendars import DAY, sessions
from exec_algos.model import SECOND

if TYPE_CHECKING:
    from exec_algos.brokers.kis.rows import MinuteRow
    from exec_algos.market.bars import Bars

MINUTE = 60 * SECOND
ZONE, CALENDAR = "Asia/Seoul", "XKRX"
MOST_BEFORE = 0.05  # of a day's turnover, before its first bar
MOST_PAGES = 60  # of a day: 30 rows a page are 13 of them

Page = Callable[[str], Awaitable[Sequence["MinuteRow"]]]


class Hours(NamedTuple):
    """A day's regular session: YYYYMMDD in Korea, open and close in ns UTC. The bar that starts at the close has the closing auction."""

    day: str
    open: int
    close: int

    @classmethod
    def of(cls, calendar: str, instant: int) -> Hours | None:
        """The session of the day in Korea on which an instant (ns UTC) lies; None where it has none."""
        day = moment_of(instant)[0]
        return next((hours for hours in hours_before(calendar, instant + DAY, 3) if hours.day == day), None)


def hours_before(calendar: str, instant: int, count: int) -> list[Hours]:
    """The last sessions that opened by `instant` (ns UTC), the latest first."""
    opened = [hours for hours in _hours(calendar, instant // (30 * DAY), count) if hours.open <= instant]
    return opened[: -count - 1 : -1]


@lru_cache(maxsize=8)
def _hours(calendar: str, month: int, count: int) -> tuple[Hours, ...]:
    first = month * 30 * DAY - (count * 2 + 20) * DAY
    found = sessions(calendar, first, (month + 1) * 30 * DAY + DAY)
    return tuple(Hours(moment_of(opens)[0], opens, closes) for opens, closes in zip(found.open.tolist(), found.close.tolist(), strict=True))


async def walk(page: Page, day: str, first: int, last: int) -> dict[int, MinuteRow]:
    """A day's bars that start in ``[first, last]`` (minutes, ns UTC), by start: page after page from the last one back.

    Parameters
    ----------
    page : callable
        Rows at or before a time of day, HHMMSS.

    Raises
    ------
    VenueError
        A page could not be read, or they do not end.
    """
    found: dict[int, MinuteRow] = {}
    at = last
    for _ in range(MOST_PAGES):
        rows = [row for row in await page(moment_of(at + MINUTE - SECOND)[1]) if row.day == day]
        older = [row for row in rows if _minute(row) <= at]  # rows of the future are filled ones
        for row in older:
            _take(found, row)
        if not older:
            return _within(found, first)  # asked for what is older, it has nothing older
        at = min(map(_minute, older)) - MINUTE
        if at < first:
            return _within(found, first)
    raise VenueError(f"the minute bars of {day} do not end after {MOST_PAGES} pages; ask again")


def _within(found: Mapping[int, MinuteRow], first: int) -> dict[int, MinuteRow]:
    return {start: row for start, row in sorted(found.items()) if start >= first}


def _take(found: dict[int, MinuteRow], row: MinuteRow) -> None:
    """Keep a row; where two are of one minute, the one that tells of more."""
    start = _minute(row)
    known = found.get(start)
    if known is None or (row.hour, row.turnover, row.volume) > (known.hour, known.turnover, known.volume):
        found[start] = row


def _minute(row: MinuteRow) -> int:
    """Some rows carry seconds."""
    return row.start // MINUTE * MINUTE


def check_begun(symbol: str, rows: Mapping[int, MinuteRow], opened: int) -> None:
    """Refuse bars that begin after the open although something traded before them: a page that came empty ends a walk too early.

    The turnover of the day, which stands in each row, tells that; trades before the open, which have no bar, are in it too.

    Raises
    ------
    VenueError
        More than a twentieth of the day's turnover came before the first bar.
    """
    if not rows:
        return
    first, last = rows[min(rows)], rows[max(rows)]
    before = first.turnover - first.volume * first.high
    if min(rows) > opened and last.turnover > 0 and before > MOST_BEFORE * last.turnover:
        raise VenueError(
            f"the minute bars of {symbol} on {first.day} begin at {first.hour}, and {before:,.0f} won were traded before; ask again"
        )


def without_echo(rows: Mapping[int, MinuteRow]) -> dict[int, MinuteRow]:
    """The rows without the latest, where it only repeats what stood before: until something trades, KIS shows the minute before.

    The turnover of the day, which stands in each row, has not moved then.
    """
    starts = sorted(rows)
    if len(starts) > 1 and rows[starts[-1]].turnover == rows[starts[-2]].turnover:
        return {start: rows[start] for start in starts[:-1]}
    return dict(rows)


def bars_of(symbol: str, rows: Mapping[int, MinuteRow]) -> Bars | None:
    """Rows by start as bars of one minute; None where there are none."""
    from exec_algos.market.bars import PRICES, Bars

    if not rows:
        return None
    ordered = sorted(rows.items())
    columns: dict[str, Any] = {name: _column(ordered, name) for name in (*PRICES, "volume")}
    start = np.array([instant for instant, _ in ordered], dtype=np.int64)
    offsets = np.array([0, len(start)], dtype=np.int64)
    return Bars(symbols=(symbol,), offsets=offsets, start=start, step=MINUTE, zone=ZONE, **columns)


def _column(ordered: Iterable[tuple[int, MinuteRow]], name: str) -> Any:
    return np.array([getattr(row, name) for _, row in ordered], dtype=np.float64)


def check_step(symbol: str, step: int) -> None:
    """Refuse bars other than those of a minute.

    Raises
    ------
    VenueError
        KIS has no others.
    """
    if step != MINUTE:
        raise VenueError(f"{symbol}: KIS has bars of 60 s, and bars of {step / SECOND:g} s are asked for; ask for bars of 60 s")
