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
NEAR = 2 * HOUR  # no clock changes by more


class ClockDay(NamedTuple):
    """How the bars of a session stand on the clock.

    Attributes
    ----------
    whole : int
        Bars in 24 hours, where the session lasts 24 hours on its clock; else 0.
    at : int
        The bar with which the clock has changed, counted from the open.
    bars : int
        Bars by which the clock goes forward then; negative where it goes back, 0 where it does not change.
    """

    whole: int
    at: int
    bars: int


NO_CLOCK = ClockDay(0, 0, 0)


@lru_cache(maxsize=4096)
def clock_day(opened: int, closed: int, zone: str, step: int) -> ClockDay:
    """How a session ``[opened, closed)`` (ns UTC) of bars of `step` ns, without a pause, stands on the clock of `zone`."""
    if DAY % step or abs(closed - opened - DAY) > NEAR:
        return NO_CLOCK
    place = ZoneInfo(zone)
    leap = _ahead(closed, place) - _ahead(opened, place)
    if closed - opened + leap != DAY:
        return NO_CLOCK
    if not leap:
        return ClockDay(DAY // step, 0, 0)
    at = _change(opened, closed, place) - opened
    return NO_CLOCK if at % step or leap % step else ClockDay(DAY // step, at // step, leap // step)


def clock_changes(sessions: Sessions, step: int) -> npt.NDArray[np.bool_]:
    """Whether each session is a day of a market without a close on which clocks change."""
    length = sessions.close - sessions.open
    found: npt.NDArray[np.bool_] = (length != DAY) & (np.abs(length - DAY) <= NEAR) & (sessions.break_start == sessions.close)
    for i in np.flatnonzero(found).tolist():
        found[i] = clock_day(int(sessions.open[i]), int(sessions.close[i]), sessions.zone, step).bars != 0
    return found


def mapped_by_clock(past: Sequence[Floats], days: Sequence[ClockDay], day: ClockDay) -> list[Floats]:
    """Volumes of whole days, each at its own clock times, mapped onto the bars of another day.

    A time that comes twice counts with the mean of both, and has that volume both times; one that a day has not counts there as the mean
    of the days that have it.

    Parameters
    ----------
    past : sequence of ndarray of float64
        Shares in each bar of a day.
    days : sequence of ClockDay
    day : ClockDay
        Of the other.
    """
    clocks = np.array([_to_clock(volumes, own) for volumes, own in zip(past, days, strict=True)])
    lacking = np.isnan(clocks)
    if lacking.any():
        known = (~lacking).sum(axis=0)
        usual = np.where(lacking, 0.0, clocks).sum(axis=0) / np.maximum(known, 1)
        clocks = np.where(lacking, usual, clocks)
    return [_from_clock(clock, day) for clock in clocks]


def _to_clock(volumes: Floats, day: ClockDay) -> Floats:
    """Shares in each bar of 24 hours on the clock; NaN at times that never come."""
    _, at, bars = day
    if bars > 0:
        return np.concatenate([volumes[:at], np.full(bars, np.nan), volumes[at:]])
    if not bars:
        return volumes
    first, second = volumes[at + bars : at], volumes[at : at - bars]
    return np.concatenate([volumes[: at + bars], (first + second) / 2, volumes[at - bars :]])


def _from_clock(clock: Floats, day: ClockDay) -> Floats:
    """Those of 24 hours on the clock in each bar of a day."""
    _, at, bars = day
    return np.concatenate([clock[:at], clock[at + bars :]]) if bars else clock


def _ahead(instant: int, place: ZoneInfo) -> int:
    """By how much the clock is ahead of UTC, ns."""
    offset = datetime.fromtimestamp(instant // SECOND, place).utcoffset()
    return 0 if offset is None else round(offset.total_seconds()) * SECOND


def _change(low: int, high: int, place: ZoneInfo) -> int:
    """The instant (ns UTC) in ``(low, high]`` at which the clock changes, to the second."""
    a, b, before = low // SECOND, high // SECOND, _ahead(low, place)
    while b - a > 1:
        middle = (a + b) // 2
        a, b = (middle, b) if _ahead(middle * SECOND, place) == before else (a, middle)
    return b * SECOND
