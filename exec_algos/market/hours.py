"""The sessions that some bars belong to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.market.calendars import DAY, Sessions, sessions
from exec_algos.market.corrections import Correction, named, split
from exec_algos.market.fit import check_fit, fitting

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars


OWN_SESSIONS = "from the bars"  # the name of sessions that no calendar gave


def corrected_calendar(calendar: str | None, said: Iterable[str]) -> str | None:
    """The name of a calendar with the hours of some days: ``2024-11-14=10:00-16:30``.

    Raises
    ------
    UsageError
        No calendar, or what is no day and its hours, or a day that is said twice.
    """
    corrections = [Correction.of(text) for text in said]
    if not corrections:
        return calendar
    if calendar is None or calendar == OWN_SESSIONS:
        raise UsageError(f"the hours of {corrections[0].day} correct a calendar, and none is named; name one (calendar, --calendar)")
    days = [correction.day for correction in corrections]
    twice = next((day for day in days if days.count(day) > 1), None)
    if twice is not None:
        raise UsageError(f"the session of {twice} is said twice; say it once")
    return named(calendar, corrections)


def corrections_line(calendar: str) -> str:
    """Which days have other hours than the calendar's own, and what it has there; empty where none has."""
    plain, corrections = split(calendar)
    parts = []
    for correction in corrections:
        noon = int(np.datetime64(correction.day, "ns").astype(np.int64)) + DAY // 2
        found = sessions(plain, noon, noon)
        at = np.flatnonzero(found.date == np.datetime64(correction.day, "D"))
        own = " to ".join(_clock(edge[at[0]], found.zone) for edge in (found.open, found.close)) if len(at) else "no session"
        parts.append(f"{correction.day} {correction.hours} as you said (the calendar has {own})")
    return f"sessions: those of {plain}, but {'; '.join(parts)}" if parts else ""


def _clock(instant: int, zone: str) -> str:
    return f"{dt.datetime.fromtimestamp(int(instant) // 1_000_000_000, ZoneInfo(zone)):%H:%M}"


def trading_bars(bars: Bars, sessions: Sessions) -> Bars:
    """The bars without those in which the exchange is known to pause; those before the open and behind the close stay."""
    if not sessions.has_breaks:
        return bars
    paused = sessions.in_break(bars.start)
    return bars.take(~paused) if paused.any() else bars


def sessions_of(bars: Bars, calendar: str | None) -> Sessions:
    """The sessions of a named calendar over the bars, or else one a day from the first bar to the last.

    `OWN_SESSIONS` is the name of the latter, so that what a study has written down finds them again.

    Raises
    ------
    UsageError
        There are no bars, or they do not fit the calendar: `exec_algos.market.fit.check_fit`.
    """
    if not len(bars):
        raise UsageError("there are no bars")
    if calendar is not None and calendar != OWN_SESSIONS:
        begin, end = int(bars.start[bars.offsets[:-1]].min()), int(bars.start[bars.offsets[1:] - 1].max())
        named = sessions(calendar, begin, end)
        ranges = (named.rows(bars.start[a:b]) for a, b in zip(bars.offsets[:-1], bars.offsets[1:], strict=True))
        if not any((last > first).any() for first, last in ranges):
            first = np.datetime64(begin, "ns").astype("datetime64[s]")
            a, b = bars.offsets[:2]
            advice = fitting(bars.start[a:b], bars.zone, named, bars.step)
            raise UsageError(
                f"no bar lies in the sessions of {calendar}; the first bar starts at {first} UTC: "
                f"{advice or 'name the calendar they belong to'}"
            )
        check_fit(bars, named)
        return named
    import pandas as pd

    stamps = pd.DatetimeIndex(bars.start.view("datetime64[ns]"), tz="UTC").tz_convert(bars.zone)
    days = stamps.tz_localize(None).normalize().to_numpy().astype("datetime64[D]")
    date, group = np.unique(days, return_inverse=True)
    opens = np.full(len(date), np.iinfo(np.int64).max)
    closes = np.full(len(date), np.iinfo(np.int64).min)
    np.minimum.at(opens, group, bars.start)
    np.maximum.at(closes, group, bars.start + bars.step)
    return Sessions(name=OWN_SESSIONS, zone=bars.zone, date=date, open=opens, close=closes)
