"""The sessions that some bars belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.market.calendars import Sessions, sessions
from exec_algos.market.corrections import split
from exec_algos.market.fit import check_fit, fitting

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars


OWN_SESSIONS = "from the bars"  # the name of sessions that no calendar gave


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
    plain, corrections = split(calendar or OWN_SESSIONS)
    if plain != OWN_SESSIONS:
        calendar = str(calendar)
        begin, end = int(bars.start[bars.offsets[:-1]].min()), int(bars.start[bars.offsets[1:] - 1].max())
        named = sessions(calendar, begin, end)
        if not (named.locate(bars.start) >= 0).any():
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
    own = Sessions(name=OWN_SESSIONS, zone=bars.zone, date=date, open=opens, close=closes)
    for correction in corrections:
        own = own.replace(correction.day, correction.hours)
    return own
