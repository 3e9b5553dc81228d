"""Trading sessions: when an exchange is open, half days included, from exchange_calendars."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]

DAY = 86_400_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sessions:
    """Sessions of one calendar, in time order.

    Parameters
    ----------
    name : str
        Calendar: ``"XNYS"``, ``"XKRX"``, ``"24/7"`` ...
    zone : str
        IANA zone of the exchange.
    date : ndarray of datetime64[D], shape (n,)
        The day by which each session is known.
    open, close : ndarray of int64, shape (n,)
        ns UTC; a session covers ``[open, close)``.
    """

    name: str
    zone: str
    date: npt.NDArray[np.datetime64]
    open: Ints
    close: Ints

    def __len__(self) -> int:
        return len(self.date)

    def locate(self, instants: Ints) -> Ints:
        """Index of the session that holds each instant (ns UTC), -1 where the exchange is closed."""
        if not len(self):
            return np.full(len(instants), -1, dtype=np.int64)
        found = np.searchsorted(self.open, instants, side="right") - 1
        inside = (found >= 0) & (instants < self.close[np.maximum(found, 0)])
        return np.where(inside, found, -1).astype(np.int64)

    def at_or_after(self, instant: int) -> int:
        """Index of the first session that is not over at `instant` (ns UTC); ``len(self)`` if none."""
        return int(np.searchsorted(self.close, instant, side="right"))


def sessions(name: str, first: int, last: int) -> Sessions:
    """Sessions of a named calendar that touch ``[first, last]``.

    Parameters
    ----------
    name : str
        Any calendar of exchange_calendars (``XNYS``, ``XKRX`` ...) or ``24/7``.
    first, last : int
        ns UTC.

    Raises
    ------
    UnknownNameError
        No such calendar.
    UsageError
        The period lies outside what the calendar covers.
    """
    import pandas as pd

    begin, end = (pd.Timestamp(t, unit="ns").normalize() for t in (first - DAY, last + DAY))
    if name == "24/7":
        days = np.arange(begin.to_datetime64(), end.to_datetime64(), dtype="datetime64[D]")
        opens = days.astype("datetime64[ns]").astype(np.int64)
        return Sessions(name=name, zone="UTC", date=days, open=opens, close=opens + DAY)
    calendar = _calendar(name, begin.year, end.year)
    table = calendar.schedule.loc[begin:end]
    return Sessions(
        name=name,
        zone=str(calendar.tz),
        date=table.index.to_numpy().astype("datetime64[D]"),
        open=_nanoseconds(table["open"]),
        close=_nanoseconds(table["close"]),
    )


def _nanoseconds(column: pd.Series[Any]) -> Ints:
    return column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64)


@lru_cache(maxsize=32)
def _calendar(name: str, first_year: int, last_year: int) -> Any:
    import exchange_calendars
    from exchange_calendars.errors import InvalidCalendarName

    try:
        return exchange_calendars.get_calendar(name, start=f"{first_year}-01-01", end=f"{last_year}-12-31")
    except InvalidCalendarName:
        raise UnknownNameError("calendar", name, exchange_calendars.get_calendar_names()) from None
    except ValueError as error:
        raise UsageError(f"calendar {name} cannot tell the sessions of {first_year}-{last_year}: {error}") from error


def daily_hours(zone: str, opens: str, closes: str, first: int, last: int) -> Sessions:
    """Sessions on every weekday from `opens` to `closes` (``"HH:MM"`` in `zone`): no holidays, no half days.

    Raises
    ------
    UsageError
        Hours that are not ``"HH:MM"``, or a close that is not after the open.
    """
    import pandas as pd

    days = pd.date_range(pd.Timestamp(first - DAY, unit="ns").normalize(), pd.Timestamp(last + DAY, unit="ns").normalize(), freq="B")
    try:
        begin, end = (pd.Timedelta(f"{text}:00") for text in (opens, closes))
    except ValueError as error:
        raise UsageError(f"trading hours must be 'HH:MM', got {opens!r} and {closes!r}") from error
    if end <= begin:
        raise UsageError(f"trading must close after it opens, got {opens} to {closes}")
    stamps = [((days + delta).tz_localize(zone).tz_convert("UTC").as_unit("ns").asi8) for delta in (begin, end)]
    return Sessions(name=f"{opens}-{closes}", zone=zone, date=days.to_numpy().astype("datetime64[D]"), open=stamps[0], close=stamps[1])
