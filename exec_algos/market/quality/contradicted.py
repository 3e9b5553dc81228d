"""Days whose hours the calendar has wrong: the bars of most symbols say so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from exec_algos.market.arrays import Flags, Ints
from exec_algos.market.calendars import Sessions
from exec_algos.market.corrections import extension
from exec_algos.market.hours import OWN_SESSIONS
from exec_algos.market.quality.days import MINUTE, Days
from exec_algos.market.quality.finders import Finding

LEAST = 15 * MINUTE  # that hours must differ by
NEAR = 5 * MINUTE  # within which symbols agree, and to which hours are rounded
KNOWN_FROM = 5  # sessions from which on a symbol's own habits are known
DENSE = 0.5  # of the bars outside the session's hours that there is room for
FEW = 3  # symbols that must agree where all of them only trade for less time than the calendar says


class Hours(NamedTuple):
    """When a symbol traded in its sessions, and what the calendar says, less the symbol's habit of beginning late or ending early.

    Attributes
    ----------
    number : ndarray of int64, shape (n,)
        The session of each.
    open, close : ndarray of int64, shape (n,)
        ns UTC.
    other : ndarray of bool, shape (n,)
        Whether they differ from the calendar's.
    outside : ndarray of bool, shape (n,)
        Whether there is trading outside the calendar's hours, as dense as in a session.
    """

    number: Ints
    open: Ints
    close: Ints
    other: Flags
    outside: Flags


def hours_of(days: Days) -> Hours:
    """The hours of one symbol; none of one that usually trades around the sessions too, or round the clock: its bars do not tell."""
    sessions, start = days.sessions, days.start
    middle = (sessions.close[:-1] + sessions.open[1:]) // 2
    number, first, count = np.unique(np.searchsorted(middle, start, side="right"), return_index=True, return_counts=True)
    last = first + count - 1
    begins, ends = start[first] - sessions.open[number], start[last] + days.step - sessions.close[number]
    late, early = _habit(begins), _habit(ends)
    around = len(number) == 1 and begins[0] < -LEAST and ends[0] > LEAST
    if late < -LEAST or early > LEAST or around or (sessions.open[1:] == sessions.close[:-1]).any():
        number, begins, ends, first = (column[:0] for column in (number, begins, ends, first))
    begins, ends = begins - late, ends - early
    opens, closes = sessions.open[number], sessions.close[number]
    before = np.searchsorted(start, opens + late) - first
    after = first + count[: len(first)] - np.searchsorted(start, closes + early)
    room = np.maximum(-begins, 0) // days.step + np.maximum(ends, 0) // days.step
    beyond = (begins <= -LEAST) | (ends >= LEAST)
    return Hours(
        number,
        opens + begins,
        closes + ends,
        (np.abs(begins) >= LEAST) | (np.abs(ends) >= LEAST),
        beyond & (np.maximum(before, 0) + np.maximum(after, 0) >= DENSE * room),
    )


def _habit(edges: Ints) -> int:
    """What a symbol usually differs from the calendar by, ns: the median; of few sessions the least, of one nothing."""
    if len(edges) >= KNOWN_FROM:
        return int(np.median(edges))
    return int(edges[np.argmin(np.abs(edges))]) if len(edges) > 1 else 0


def contradictions(hours: Mapping[str, Hours], sessions: Sessions) -> Iterator[Finding]:
    """A row for each symbol and day on which the bars of most symbols agree on other hours than the calendar's.

    Most of them trade outside the calendar's hours; where they only trade for less time, at least three agree, for a feed may have failed,
    and it is neither the first nor the last day.

    Parameters
    ----------
    hours : mapping of str to Hours
        Of each symbol.
    sessions : Sessions
        A calendar's; those that come from the bars contradict nothing.
    """
    if sessions.name == OWN_SESSIONS or not hours:
        return
    odd = sorted(set(chain.from_iterable(own.number[own.other].tolist() for own in hours.values())))
    every = np.concatenate([own.number for own in hours.values()])
    for number in odd:
        yield from _day(hours, sessions, number, int((every == number).sum()), edge=number in (every.min(), every.max()))


def _day(hours: Mapping[str, Hours], sessions: Sessions, number: int, there: int, *, edge: bool) -> Iterator[Finding]:
    rows = {symbol: np.flatnonzero((own.number == number) & own.other) for symbol, own in hours.items()}
    found = {symbol: (int(hours[symbol].open[at[0]]), int(hours[symbol].close[at[0]])) for symbol, at in rows.items() if len(at)}
    middle = np.median(list(found.values()), axis=0)
    agreed = [symbol for symbol, own in found.items() if (np.abs(np.array(own) - middle) <= NEAR).all()]
    outside = sum(bool(hours[symbol].outside[rows[symbol][0]]) for symbol in agreed)
    if 2 * len(agreed) <= there or (2 * outside <= len(agreed) and (edge or len(agreed) < FEW)):
        return
    earlier, later = extension(sessions.name)
    calendar = int(sessions.open[number]) + earlier, int(sessions.close[number]) - later
    # the median, for a thin symbol's first bar comes late and its habit is not that of each day
    opens, closes = (np.median(edge) for edge in zip(*(found[symbol] for symbol in agreed), strict=True))
    own = round((opens + earlier) / NEAR) * NEAR, round((closes - later) / NEAR) * NEAR
    moved = max(abs(own[0] - calendar[0]), abs(own[1] - calendar[1])) / MINUTE
    who = "its bars run" if there == 1 else f"bars of {len(agreed)} of {there} symbols run"
    text = (
        f"{who} from {_said(own, sessions.zone)}, {sessions.name} has {_said(calendar, sessions.zone)}; {_way_out(sessions, number, own)}"
    )
    yield from (Finding(symbol, str(sessions.date[number]), "calendar", moved, 0.0, text) for symbol in agreed)


def _way_out(sessions: Sessions, number: int, own: tuple[int, int]) -> str:
    """What to say on the command line; a pause within the hours stays."""
    edges = [own[0], own[1]]
    pause = int(sessions.break_start[number]), int(sessions.break_end[number])
    if own[0] < pause[0] < pause[1] < own[1]:
        edges[1:1] = pause
    clock = [_clock(edge, sessions.zone) for edge in edges]
    hours = ",".join("-".join(clock[at : at + 2]) for at in range(0, len(clock), 2))
    return f"--session {sessions.date[number]}={hours} corrects it"


def _said(hours: tuple[int, int], zone: str) -> str:
    return " to ".join(_clock(instant, zone) for instant in hours)


def _clock(instant: int, zone: str) -> str:
    return f"{dt.datetime.fromtimestamp(instant // 1_000_000_000, ZoneInfo(zone)):%H:%M}"
