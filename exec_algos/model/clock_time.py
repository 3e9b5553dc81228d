"""Clock times: which instant of a session ``"08:30"`` names, past midnight and where clocks change."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from exec_algos.market.clock_days import clock_change

_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]|24(?=:00$|:00:00$)):([0-5]\d)(?::([0-5]\d))?")


def clock_time(text: str) -> timedelta | None:
    """Time since midnight of ``"HH:MM"`` or ``"HH:MM:SS"``, at most 24 hours; None for other text."""
    clock = _TIME_OF_DAY.fullmatch(text.strip())
    return None if clock is None else timedelta(hours=int(clock[1]), minutes=int(clock[2]), seconds=int(clock[3] or 0))


def clock_start(clock: timedelta, opened: int, closed: int, zone: str) -> int:
    """When a window begins that starts at a clock time of the session ``[opened, closed)``: ns UTC.

    The first such instant in the session. Where there is none, the session's day has one before the open or behind the close; a session
    that crosses midnight takes the last before its open.
    """
    days = _days(opened, closed, zone)
    found = [on_clock(day, clock, zone) for day in days]
    inside = [instant for instant in found if opened <= instant < closed]
    if inside or len(days) == 1:
        return (inside or found)[0]
    return max((instant for instant in (on_clock(days[0] - timedelta(days=1), clock, zone), *found) if instant < opened), default=found[0])


def clock_end(clock: timedelta, opened: int, closed: int, zone: str, after: int, *, adjoins: bool) -> int:
    """When a window ends that ends at a clock time: ns UTC.

    On the session's day; where the session crosses midnight, or the next one `adjoins` it, the first such instant behind `after` (ns UTC).
    """
    days = _days(opened, closed, zone)
    if len(days) == 1 and not adjoins:
        return on_clock(days[0], clock, zone, last=True)
    begin = _local(after, zone).date() - timedelta(days=1)
    candidates = (on_clock(begin + timedelta(days=n), clock, zone, last=True) for n in range(4))
    return next(instant for instant in candidates if instant > after)


def _days(opened: int, closed: int, zone: str) -> list[date]:
    """The days of the exchange's clock that a session touches."""
    first, last = _local(opened, zone).date(), _local(closed - 1, zone).date()
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


@lru_cache(maxsize=4096)
def on_clock(day: date, clock: timedelta, zone: str, *, last: bool = False) -> int:
    """The instant (ns UTC) of a time on the clock of `zone`, `clock` after midnight of `day`.

    A time that comes twice is the first, with `last` the second; one that never comes is the instant at which the clock leaps over it.
    """
    place = ZoneInfo(zone)
    naive = datetime(day.year, day.month, day.day) + clock
    early, late = naive.replace(tzinfo=place, fold=0), naive.replace(tzinfo=place, fold=1)
    if early.utcoffset() == late.utcoffset():
        return _nanoseconds(early)
    first, second = _nanoseconds(early), _nanoseconds(late)
    if first > second:  # the clock leaps over it
        return clock_change(second, first, place)
    return second if last else first


def _local(instant: int, zone: str) -> datetime:
    return datetime.fromtimestamp(instant // 1_000_000_000, ZoneInfo(zone))


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6) * 1000
