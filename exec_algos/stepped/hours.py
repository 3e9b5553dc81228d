"""Which session is open at an instant, or the next: of a named calendar, or of fixed hours a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from exec_algos.errors import UsageError
from exec_algos.market.calendars import DAY, Sessions, sessions
from exec_algos.market.stamps import known_zone
from exec_algos.model import Session

AHEAD = 14 * DAY  # no exchange is closed for longer
WEEKEND = 5


class CalendarHours:
    """Sessions of a named calendar, half days and holidays included.

    Parameters
    ----------
    calendar : str
        ``"XNYS"``, ``"XKRX"``, ``"24/7"`` ...

    Raises
    ------
    UnknownNameError
        No such calendar (when it is first asked).
    """

    def __init__(self, calendar: str) -> None:
        self.calendar = calendar
        self._table: Sessions | None = None
        self._since = 0

    def __call__(self, instant: int) -> Session:
        """The session that is open at `instant` (ns UTC), or the next."""
        table = self._around(instant)
        return Session.of(table, table.at_or_after(instant))

    def day(self, instant: int) -> date:
        """The trade date of an instant (ns UTC); see `exec_algos.market.calendars.Sessions.day`."""
        return self._around(instant).day(instant)

    def _around(self, instant: int) -> Sessions:
        table = self._table
        if table is None or instant < self._since or instant >= table.close[-1]:
            table, self._since = self._load(instant), instant
            self._table = table
        return table

    def _load(self, instant: int) -> Sessions:
        found = sessions(self.calendar, instant, instant + AHEAD)
        if found.at_or_after(instant) == len(found):
            raise UsageError(f"calendar {self.calendar} has no session within 14 days of {instant} ns UTC")
        return found


@dataclass(frozen=True, slots=True)
class DailyHours:
    """The same hours every day: on weekdays, or on every day where they are the whole day.

    Parameters
    ----------
    zone : str
        IANA zone in which the hours are read.
    opens, closes : datetime.time
        A close of 00:00, or one in the last second of the day, is midnight.

    Raises
    ------
    UsageError
        A close that is not after the open, or an unknown zone.
    """

    zone: str
    opens: time = time(0)
    closes: time = time(0)

    def __post_init__(self) -> None:
        known_zone(self.zone)
        if self.closes >= time(23, 59, 59):
            object.__setattr__(self, "closes", time(0))
        if self.closes != time(0) and self.closes <= self.opens:
            raise UsageError(
                f"a session must close after it opens on the same day, got {self.opens} to {self.closes}; "
                "name a calendar for overnight sessions"
            )

    @property
    def whole_day(self) -> bool:
        """They say nothing about when the venue is open."""
        return self.opens == self.closes == time(0)

    def __call__(self, instant: int) -> Session:
        """The session that is open at `instant` (ns UTC), or the next."""
        day = datetime.fromtimestamp(instant // 1_000_000_000, ZoneInfo(self.zone)).date()
        while True:
            session = self._on(day)
            if instant < session.close and (self.whole_day or day.weekday() < WEEKEND):
                return session
            day += timedelta(days=1)

    def day(self, instant: int) -> date:
        """The trade date of an instant (ns UTC): the date on the clock of `zone`."""
        return datetime.fromtimestamp(instant // 1_000_000_000, ZoneInfo(self.zone)).date()

    def _on(self, day: date) -> Session:
        last = day + timedelta(days=1) if self.closes == time(0) else day
        return Session(self._instant(day, self.opens), self._instant(last, self.closes), self.zone)

    def _instant(self, day: date, clock: time) -> int:
        return round(datetime.combine(day, clock, ZoneInfo(self.zone)).timestamp() * 1e6) * 1000
