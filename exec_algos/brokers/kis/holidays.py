"""`Holidays`: on which days orders are taken: by KIS's own list, asked once a day; by the calendar where the host has none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from exec_algos.brokers.kis.files import read_bytes, write_bytes
from exec_algos.brokers.kis.messages import holidays as holidays_ask
from exec_algos.brokers.kis.minutes import CALENDAR, Hours
from exec_algos.brokers.kis.rows import holiday_rows, instant
from exec_algos.brokers.kis.rules import moment_of
from exec_algos.errors import VenueError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from exec_algos.brokers.kis.client import Client
    from exec_algos.brokers.kis.messages import Host
    from exec_algos.clock import Clock


class OpenDay(NamedTuple):
    """Whether orders are taken on a day, and who says so."""

    open: bool
    source: str


class Holidays:
    """Days on which the market is open.

    Parameters
    ----------
    client : Client
    host : Host
    clock : Clock
    path : path, optional
        Where the list is kept for other processes: KIS wants to be asked about once a day.
    calendar : str
        Asked on paper, which has no list, and where KIS gives none.
    """

    def __init__(self, client: Client, host: Host, clock: Clock, path: Path | None = None, *, calendar: str = CALENDAR) -> None:
        self._client, self._host, self._clock, self._path, self._calendar = client, host, clock, path, calendar
        self._asked = ""
        self._days: Mapping[str, bool] = {}
        self._why = ""

    async def on(self, day: str) -> OpenDay:
        """Whether orders are taken on a day, YYYYMMDD."""
        if not self._host.has("holidays"):
            return self._by_calendar(day, "the paper host has no list of holidays")
        today = moment_of(self._clock.now + self._client.clock_apart)[0]
        if self._asked != today:
            await self._ask(today)
        if day in self._days:
            return OpenDay(self._days[day], "KIS")
        return self._by_calendar(day, self._why or "KIS's list does not hold the day")

    async def _ask(self, today: str) -> None:
        self._asked, self._why = today, ""
        kept = _kept(self._path, today)
        if kept is not None:
            self._days = kept
            return
        try:
            answer = await self._client.read(holidays_ask(self._host, today))
            self._days = {holiday.day: holiday.open for holiday in holiday_rows(answer)}
        except VenueError as error:
            self._days, self._why = {}, f"KIS gave no list of holidays: {error}"
            return
        if self._path is not None:
            write_bytes(self._path, json.dumps({"asked": today, "days": self._days}).encode())

    def _by_calendar(self, day: str, why: str) -> OpenDay:
        return OpenDay(Hours.of(self._calendar, instant(day, "120000")) is not None, f"calendar {self._calendar}: {why}")


def _kept(path: Path | None, today: str) -> Mapping[str, bool] | None:
    """The list that another process asked for today; None where there is none that can be read."""
    content = None if path is None else read_bytes(path)
    if content is None:
        return None
    try:
        said = json.loads(content)
        days = said["days"] if said["asked"] == today else None
    except (ValueError, KeyError, TypeError):
        return None
    whole = isinstance(days, dict) and all(isinstance(day, str) and isinstance(is_open, bool) for day, is_open in days.items())
    return days if whole else None
