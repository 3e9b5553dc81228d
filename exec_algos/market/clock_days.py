"""Days of 23 and 25 hours of a market without a close: volumes stand at clock times, not at fractions of the day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from exec_algos.market.arrays import Floats

if TYPE_CHECKING:
    from exec_algos.market.calendars import Sessions

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
LEAST = DAY // 2  # shorter sessions are no days of a market without a close
MOST = DAY + 2 * HOUR  # no clock changes by more


class ClockDay(NamedTuple):
    """How the bars of a session stand on the clock.

    Attributes
    ----------
    whole : int
        Bars in 24 hours, where the session is a day on its clock, or the part of one for which there are bars; else 0.
    begin : int
        Bars of that day before its open, on the clock.
    at : int
        The bar with which the clock has changed, counted from the open.
    bars : int
        Bars by which the clock goes forward then; negative where it goes back, 0 where it does not change.
    """

    whole: int
    begin: int
    at: int
    bars: int


NO_CLOCK_DAY = ClockDay(0, 0, 0, 0)


@lru_cache(maxsize=4096)
def clock_day(opened: int, closed: int, zone: str, step: int) -> ClockDay:
    """How a session ``[opened, closed)`` (ns UTC) of bars of `step` ns, without a pause, stands on the clock of `zone`."""
    if DAY % step or not LEAST <= closed - opened <= MOST:
        return NO_CLOCK_DAY
    place = ZoneInfo(zone)
    leap = _ahead(closed - SECOND, place) - _ahead(opened, place)
    length, begin = closed - opened + leap, (opened + _ahead(opened, place)) % DAY
    begin = 0 if length == DAY else begin  # one that crosses midnight is a day of its own
    at = clock_change(opened, closed, place) - opened if leap else 0
    if at + leap < 0 or begin + length > DAY or begin % step or leap % step or at % step:
        return NO_CLOCK_DAY
    return ClockDay(DAY // step, begin // step, at // step, leap // step)


def clock_changes(sessions: Sessions, step: int) -> npt.NDArray[np.bool_]:
    """Whether each session is a day of a market without a close on which clocks change."""
    length = sessions.close - sessions.open
    found: npt.NDArray[np.bool_] = (length >= LEAST) & (length <= MOST) & (sessions.break_start == sessions.close)
    if sessions.zone == "UTC":
        found = np.zeros(len(sessions), dtype=bool)
    for i in np.flatnonzero(found).tolist():
        found[i] = clock_day(int(sessions.open[i]), int(sessions.close[i]), sessions.zone, step).bars != 0
    return found


def mapped_by_clock(past: Sequence[Floats], days: Sequence[ClockDay], day: ClockDay, length: int) -> list[Floats]:
    """Volumes of whole days, each at its own clock times, mapped onto the bars of another day.

    What a day lacks at its begin or end had no volume. A time that comes twice counts with the mean of both, and has that volume both
    times; one that a day has not counts there as the mean of the days that have it.

    Parameters
    ----------
    past : sequence of ndarray of float64
        Shares in each bar of a day.
    days : sequence of ClockDay
    day : ClockDay
        Of the other.
    length : int
        Bars of the other.
    """
    clocks = np.array([_to_clock(volumes, own) for volumes, own in zip(past, days, strict=True)])
    lacking = np.isnan(clocks)
    if lacking.any():
        known = (~lacking).sum(axis=0)
        usual = np.where(lacking, 0.0, clocks).sum(axis=0) / np.maximum(known, 1)
        clocks = np.where(lacking, usual, clocks)
    return [_from_clock(clock, day, length) for clock in clocks]


def _to_clock(volumes: Floats, day: ClockDay) -> Floats:
    """Shares in each bar of 24 hours on the clock; NaN at times that never come."""
    whole, begin, at, bars = day
    if bars > 0:
        volumes = np.concatenate([volumes[:at], np.full(bars, np.nan), volumes[at:]])
    elif bars:
        twice = (volumes[at + bars : at] + volumes[at : at - bars]) / 2
        volumes = np.concatenate([volumes[: at + bars], twice, volumes[at - bars :]])
    return np.concatenate([np.zeros(begin), volumes, np.zeros(max(whole - begin - len(volumes), 0))])


def _from_clock(clock: Floats, day: ClockDay, length: int) -> Floats:
    """Those of 24 hours on the clock in each bar of a day."""
    _, begin, at, bars = day
    own = clock[begin:]
    found = np.concatenate([own[:at], own[at + bars :]]) if bars else own
    return found[:length]


def _ahead(instant: int, place: ZoneInfo) -> int:
    """By how much the clock is ahead of UTC, ns."""
    offset = datetime.fromtimestamp(instant // SECOND, place).utcoffset()
    return 0 if offset is None else round(offset.total_seconds()) * SECOND


def clock_change(low: int, high: int, place: ZoneInfo) -> int:
    """The instant (ns UTC) in ``(low, high]`` at which the clock of `place` changes, to the second; it changes there once."""
    a, b, before = low // SECOND, high // SECOND, _ahead(low, place)
    while b - a > 1:
        middle = (a + b) // 2
        a, b = (middle, b) if _ahead(middle * SECOND, place) == before else (a, middle)
    return b * SECOND
