"""Hours of single days that a calendar has wrong: said by day, kept in the calendar's name, so that whoever reads the name has them.

``XKRX@2024-11-14=10:00-16:30;2023-11-16=10:00-16:30`` is XKRX with other hours on two days. A day with a pause has two pieces,
``09:00-11:30,12:30-15:00``; one without a session is ``closed``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.market.arrays import Ints

SIGN, BETWEEN, CLOSED = "@", ";", "closed"
EXAMPLE = "2024-11-14=10:00-16:30"
EXTENDED = re.compile(r"(?:-(\d+)(s|min))?(?:\+(\d+)(s|min))?$")
CLOCK = re.compile(r"(\d{1,2}):([0-5]\d)")
DAY_MINUTES = 24 * 60
COLUMNS = ("open", "close", "break_start", "break_end")


class Correction(NamedTuple):
    """The hours of one day.

    Attributes
    ----------
    day : str
        ``2024-11-14``: the day by which the session is known.
    pieces : tuple of (int, int)
        Minutes after midnight, of each piece of the session; none where there is no session.
    """

    day: str
    pieces: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, text: str) -> Correction:
        """One of ``"2024-11-14=10:00-16:30"``.

        Raises
        ------
        UsageError
            It is none.
        """
        day, sign, hours = (part.strip() for part in text.partition("="))
        try:
            date = dt.date.fromisoformat(day).isoformat()
        except ValueError:
            date = ""
        if not sign or not date:
            raise UsageError(f"a session is a day and its hours, such as {EXAMPLE}, got {text!r}")
        if hours.lower() == CLOSED:
            return cls(date, ())
        pieces = tuple(_piece(piece, text) for piece in hours.split(","))
        if len(pieces) > 2 or any(before[1] >= after[0] for before, after in pairwise(pieces)):
            raise UsageError(f"a session is one piece, or two with a pause between them, such as 09:00-11:30,12:30-15:00; got {text!r}")
        return cls(date, pieces)

    @property
    def hours(self) -> str:
        """``10:00-16:30``."""
        return ",".join("-".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in piece) for piece in self.pieces) or CLOSED

    @property
    def text(self) -> str:
        """``2024-11-14=10:00-16:30``."""
        return f"{self.day}={self.hours}"


def _piece(text: str, whole: str) -> tuple[int, int]:
    edges = text.split("-")
    found = [CLOCK.fullmatch(edge.strip()) for edge in edges]
    minutes = [int(edge[1]) * 60 + int(edge[2]) for edge in found if edge is not None]
    if len(edges) != 2 or len(minutes) != 2 or max(minutes) > DAY_MINUTES or minutes[0] == minutes[1]:
        raise UsageError(f"hours are such as 10:00-16:30, or {CLOSED}, got {text.strip()!r} in {whole!r}")
    return minutes[0], minutes[1]


def split(name: str) -> tuple[str, tuple[Correction, ...]]:
    """A calendar's name without its corrections, and these.

    Raises
    ------
    UsageError
        One of them is none, or a day stands twice.
    """
    plain, sign, said = name.partition(SIGN)
    found = tuple(Correction.of(text) for text in said.split(BETWEEN)) if sign else ()
    days = [correction.day for correction in found]
    twice = sorted({day for day in days if days.count(day) > 1})
    if twice:
        raise UsageError(f"the session of {twice[0]} is said twice; say it once")
    return plain, found


def named(calendar: str, corrections: Iterable[Correction]) -> str:
    """The name of a calendar with these corrections, in order of their days, besides those that it has: the later one of a day counts."""
    plain, own = split(calendar)
    days = {correction.day: correction for correction in (*own, *corrections)}
    return f"{plain}{SIGN if days else ''}{BETWEEN.join(days[day].text for day in sorted(days))}"


def extension(name: str) -> tuple[int, int]:
    """How many ns the sessions of a calendar open earlier and close later than the exchange says: ``XKRX-10min+1min``."""
    found = EXTENDED.search(split(name)[0])
    parts = ("", "", "", "") if found is None else found.groups(default="")
    opening, closing = (int(count or 0) * (60 if unit == "min" else 1) * 1_000_000_000 for count, unit in (parts[:2], parts[2:]))
    return opening, closing


def corrected(hours: Mapping[str, Any], zone: str, corrections: Sequence[Correction], extended: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    """The columns of sessions with those of some days replaced, added or taken away.

    Parameters
    ----------
    hours : mapping
        ``date``, and ``open, close, break_start, break_end`` in ns UTC.
    zone : str
        In which the corrections are read.
    corrections : sequence of Correction
    extended : (int, int)
        ns by which the sessions open earlier and close later than the exchange says: `extension`.

    Raises
    ------
    UsageError
        Sessions that would overlap, or none that would be left.
    """
    rows = {str(day): [int(hours[name][i]) for name in COLUMNS] for i, day in enumerate(hours["date"])}
    for correction in corrections:
        own = rows.pop(correction.day, None)
        if correction.pieces:
            rows[correction.day] = _row(correction, ZoneInfo(zone), own, extended)
    days = sorted(rows)
    if corrections and not days:
        raise UsageError(f"no session would be left without that of {corrections[-1].day}; leave it, or name another calendar")
    table = np.array([rows[day] for day in days], dtype=np.int64).reshape(len(days), len(COLUMNS))
    late = np.flatnonzero(table[1:, 0] < table[:-1, 1])
    if len(late):
        raise UsageError(
            f"the session of {days[late[0]]} would not be over when that of {days[late[0] + 1]} opens; say its hours otherwise"
        )
    columns: dict[str, Ints] = {name: table[:, i].copy() for i, name in enumerate(COLUMNS)}
    return {"date": np.array(days, dtype="datetime64[D]"), **columns}


def _row(correction: Correction, zone: ZoneInfo, own: Sequence[int] | None, extended: tuple[int, int]) -> list[int]:
    """Open, close and pause; on the dates on which the calendar has them: a session may open the evening before its day."""
    opening, closing = extended
    first, last = correction.pieces[0][0], correction.pieces[-1][1]
    day = dt.date.fromisoformat(correction.day)
    if own is None:
        begin = day - dt.timedelta(days=int(first >= last))
    else:
        begin = dt.datetime.fromtimestamp((own[0] + opening) // 1_000_000_000, zone).date()
    instants = []
    for minutes in (edge for piece in correction.pieces for edge in piece):
        instants.append(_instant(begin, minutes, zone))
        if len(instants) > 1 and instants[-1] <= instants[-2]:  # past midnight
            begin += dt.timedelta(days=1)
            instants[-1] = _instant(begin, minutes, zone)
    close = instants[-1] + closing
    pause = instants[1:3] if len(instants) == 4 else [close, close]
    return [instants[0] - opening, close, *pause]


def _instant(day: dt.date, minutes: int, zone: ZoneInfo) -> int:
    moment = dt.datetime.combine(day, dt.time()) + dt.timedelta(minutes=minutes)
    return int(moment.replace(tzinfo=zone).timestamp()) * 1_000_000_000
