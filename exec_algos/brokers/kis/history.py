"""`History`: minute bars of past days, each day read once a host and kept in a bar store, so that a profile costs one day a day."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import numpy as np

from exec_algos.brokers.kis.messages import past_minutes as past_minutes_ask
from exec_algos.brokers.kis.minutes import CALENDAR, MINUTE, Hours, bars_of, check_begun, check_step, hours_before, walk
from exec_algos.brokers.kis.pacing import Paced
from exec_algos.brokers.kis.rows import MinuteRow, instant, minute_rows
from exec_algos.errors import ExecAlgosError
from exec_algos.market.store import BarStore, joined

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from exec_algos.brokers.kis.client import Client
    from exec_algos.brokers.kis.messages import Host
    from exec_algos.clock import Clock
    from exec_algos.market.bars import Bars

FINAL = "200000"  # KST: the after-market ends then, and nothing of a day changes any more
SPARE = 10  # sessions without a bar that are passed over: holidays that the calendar does not know, halts
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
log = logging.getLogger("exec_algos.kis")


def store_at(folder: Path, host: str, calendar: str = CALENDAR) -> Path | None:
    """Where the bars of a host are kept: paper and live apart, and hours of the session too; nowhere for a simulator on loopback.

    Parameters
    ----------
    host : str
        Host and port.
    """
    if host.rpartition(":")[0] in LOOPBACK or host in LOOPBACK:
        return None  # the next one has another market
    return folder / f"bars-{quote(host, safe='')}-{quote(calendar, safe='')}"


class _Day(NamedTuple):
    """A symbol's bars of a day; None where it has none."""

    bars: Bars | None


class History:
    """Past days of symbols.

    Parameters
    ----------
    client : Client
    host : Host
    clock : Clock
    store : path, optional
        Where whole days are kept; in this process alone where it is None.
    calendar : str
        As in `Market`.
    """

    def __init__(self, client: Client, host: Host, clock: Clock, store: Path | None = None, *, calendar: str = CALENDAR) -> None:
        self._client, self._host, self._clock, self._calendar = client, host, clock, calendar
        self._store = None if store is None else BarStore(store, cache="off")
        self._days: dict[tuple[str, str], _Day] = {}
        self._looked: set[str] = set()

    async def history(self, symbol: str, days: int, step: int) -> Bars | None:
        """Bars of the last `days` sessions that are final: over, and 20:00 in Korea has passed. None where there are none.

        A session without a bar is passed over, up to ten of them.

        Raises
        ------
        VenueError
            A day could not be read to its beginning, or bars of another length than a minute are asked for.
        """
        check_step(symbol, step)
        await self._look(symbol)
        found: list[Bars] = []
        paced = Paced(self._client)
        now = self._clock.now + self._client.clock_apart
        for hours in hours_before(self._calendar, now, days + SPARE + 1):  # today's among them
            if now < instant(hours.day, FINAL):
                continue
            bars = (await self._day(symbol, hours, paced)).bars
            found += [] if bars is None else [bars]
            if len(found) == days:
                break
        return joined(found[::-1]) if found else None

    async def _day(self, symbol: str, hours: Hours, paced: Paced) -> _Day:
        key = symbol, hours.day
        if key not in self._days:

            async def page(hour: str) -> Sequence[MinuteRow]:
                return minute_rows(await paced.read(past_minutes_ask(self._host, symbol, hours.day, hour)))

            rows = await walk(page, hours.day, hours.open, hours.close)  # what stops on the way raises, so that no part of a day is kept
            check_begun(symbol, rows, hours.open)
            day = self._days[key] = _Day(bars_of(symbol, rows))
            await self._keep(day)
        return self._days[key]

    async def _look(self, symbol: str) -> None:
        """Take in what the store has of a symbol, once."""
        store = self._store
        if store is None or symbol in self._looked:
            return
        self._looked.add(symbol)
        try:
            kept = await asyncio.to_thread(lambda: store.read(symbol) if symbol in store.symbols else None)
        except ExecAlgosError as error:
            log.warning("bars of past days are read from KIS again: %s", error)
            return
        for day in _days_of(kept) if kept is not None else ():
            hours = Hours.of(self._calendar, int(day.start[0]))
            if hours is not None and hours.open <= day.start[0] and day.start[-1] <= hours.close:
                self._days.setdefault((symbol, hours.day), _Day(day))

    async def _keep(self, day: _Day) -> None:
        store, bars = self._store, day.bars
        if store is None or bars is None:
            return
        try:
            await asyncio.to_thread(store.write, bars)
        except ExecAlgosError as error:
            log.warning("a past day's bars are not kept, and read again next time: %s", error)


def _days_of(bars: Bars) -> list[Bars]:
    """Bars of one symbol by day in Korea."""
    days = (bars.start + 9 * 60 * MINUTE) // (24 * 60 * MINUTE)
    return [bars.take(days == day) for day in np.unique(days)]
