"""`VenueMarket`: a broker's answers about the market, read from a venue's adapter, checked and shared by all who ask at once."""

from __future__ import annotations

import asyncio
import math
from abc import ABC
from collections.abc import Callable, Coroutine, Hashable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from exec_algos.brokers.base import BrokerAPI
from exec_algos.brokers.requests import Priority
from exec_algos.brokers.state import LiveState
from exec_algos.brokers.venue import Book, Instrument
from exec_algos.checks import is_finite
from exec_algos.clock import Clock
from exec_algos.errors import UsageError, VenueError
from exec_algos.market.bars import Bars
from exec_algos.market.calendars import DAY, Sessions, sessions
from exec_algos.market.profile import RecordedVolumes, as_series
from exec_algos.model import Observed, Session

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.checks import Floats

T = TypeVar("T")

FORTNIGHT = 14 * DAY


class Reads:
    """Reads of a venue: one request for all who ask the same at once, and a failed one is a `VenueError` that names the method.

    Parameters
    ----------
    state : LiveState
    """

    def __init__(self, state: LiveState) -> None:
        self._state = state
        self._under_way: dict[Hashable, asyncio.Task[Any]] = {}
        self._kept: dict[Hashable, Any] = {}
        self.prices: dict[str, tuple[float, int]] = {}

    def price(self, symbol: str) -> float:
        """The last price that was read; NaN where none was."""
        return self.prices.get(symbol, (math.nan, 0))[0]

    async def read(
        self,
        key: tuple[Hashable, ...],
        ask: Callable[[], Coroutine[Any, Any, T]],
        *,
        keep: bool = False,
        priority: Priority = Priority.MARKET,
    ) -> T:
        """The answer to ``key[0]``, the name of an adapter's method, with the arguments that follow it.

        Raises
        ------
        VenueError
            The read failed.
        """
        if key in self._kept:
            return self._kept[key]  # type: ignore[no-any-return]
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.ensure_future(self._ask(str(key[0]), ask, priority))
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        answer: T = await asyncio.shield(task)
        if keep:
            self._kept[key] = answer
        return answer

    async def _ask(self, method: str, ask: Callable[[], Coroutine[Any, Any, T]], priority: Priority) -> T:
        await self._state.requests.take(priority)
        return await self._state.within(method, ask())

    async def book(self, symbol: str, priority: Priority = Priority.MARKET) -> Book:
        """The quotes now."""
        book = await self.read(("book", symbol, priority), lambda: self._state.venue.book(symbol), priority=priority)
        wrong = _wrong_book(book)
        if wrong:
            raise VenueError(f"{self._state.method('book')} gave {wrong} for {symbol}")
        price = book.last if is_finite(book.last) else _mid(book)
        if is_finite(price):
            self.prices[symbol] = price, self._state.clock.now
        return book

    async def instrument(self, symbol: str) -> Instrument:
        """What a symbol is; once a symbol, and with the priority of the order that waits for it."""
        known = self._state.instruments.get(symbol)
        if known is not None:
            return known
        said: Any = await self.read(("instrument", symbol), lambda: self._state.venue.instrument(symbol), priority=Priority.ORDER)
        if not isinstance(said, Instrument) or said.symbol != symbol or not (is_finite(said.lot_size) and said.lot_size > 0):
            raise VenueError(f"{self._state.method('instrument')} gave {said!r} for {symbol}")
        self._state.instruments[symbol] = said
        return said

    async def bars(self, symbol: str, step: int) -> Bars | None:
        """Today's complete bars."""
        found = await self.read(("bars", symbol, step), lambda: self._state.venue.bars(symbol, step))
        return self._checked("bars", found, symbol)

    async def history(self, symbol: str, days: int, step: int, session: Session) -> Bars | None:
        """Bars of earlier sessions, read once a session."""
        key = ("history", symbol, days, step, session.open)
        found = await self.read(key, lambda: self._state.venue.history(symbol, days, step), keep=True)
        return self._checked("history", found, symbol)

    def _checked(self, method: str, found: Any, symbol: str) -> Bars | None:
        if found is not None and not (isinstance(found, Bars) and symbol in found.symbols):
            raise VenueError(
                f"{self._state.method(method)} gave {type(found).__name__} without bars of {symbol}; None says that there are none"
            )
        return found

    def close(self) -> list[asyncio.Task[Any]]:
        """Reads that are under way."""
        return list(self._under_way.values())


def _wrong_book(book: Any) -> str:
    if not isinstance(book, Book):
        return f"{book!r}, which is no Book"
    for name, side in (("bids", book.bids), ("asks", book.asks)):
        for level in side[:1]:
            if not (is_finite(level[0]) and level[0] > 0 and is_finite(level[1]) and level[1] >= 0):
                return f"{name} {level!r}"
    for name, value in (("last", book.last), ("traded", book.traded)):
        if not _count_or_nan(value):
            return f"{name} {value!r}"
    return ""


def _count_or_nan(value: Any) -> bool:
    known = is_finite(value) and value >= 0
    return known or (isinstance(value, float) and math.isnan(value))


def _mid(book: Book) -> float:
    best = [side[0][0] for side in (book.bids, book.asks) if side]
    return sum(best) / len(best) if best else math.nan


@lru_cache(maxsize=64)
def _sessions_from(calendar: str, fortnight: int) -> Sessions:
    """Those that begin in a fortnight or in the next, or that reach into it."""
    return sessions(calendar, fortnight * FORTNIGHT - DAY, (fortnight + 2) * FORTNIGHT)


class VenueMarket(BrokerAPI, ABC):
    """The part of a live broker that looks at the market.

    Attributes
    ----------
    state : LiveState
    reads : Reads
    """

    state: LiveState
    reads: Reads

    @property
    def clock(self) -> Clock:
        """The clock on which everything at this broker happens."""
        return self.state.clock

    async def observe(self, ticker: str) -> Observed:
        """Shares traded in the session, last price and best quotes by the venue's word; the middle of the quotes where it gives no price.

        Raises
        ------
        VenueError
            The read failed, or gave what cannot be.
        """
        book = await self.reads.book(ticker)
        (bid, bid_size), (ask, ask_size) = (side[0] if side else (math.nan, math.nan) for side in (book.bids, book.asks))
        price = book.last if is_finite(book.last) else _mid(book)
        return Observed(book.traded, price, bid, ask, bid_size, ask_size, book.time)

    async def get_market_depth(self, ticker: str) -> Mapping[str, float]:
        """The best quotes now; NaN for a side that has none."""
        seen = await self.observe(ticker)
        return {"bid": seen.bid, "ask": seen.ask, "bid_volume": seen.bid_size, "ask_volume": seen.ask_size}

    async def get_historical_volume_profile(self, ticker: str, days: int = 5) -> pd.Series[float]:
        """See `BrokerAPI.get_historical_volume_profile`; from the venue's bars, read once a session."""
        step = self.state.settings.bar
        await self.reads.instrument(ticker)
        session = self.session(self.clock.now)
        volumes = await self._history(ticker, days, step, session)
        return as_series(volumes.profile(session, days), session, step, session.zone)

    async def get_volume_history(self, ticker: str, days: int, step: int) -> list[Floats]:
        """See `BrokerAPI.get_volume_history`."""
        await self.reads.instrument(ticker)
        session = self.session(self.clock.now)
        return (await self._history(ticker, days, step, session)).before(session, days)

    async def _history(self, ticker: str, days: int, step: int, session: Session) -> RecordedVolumes:
        bars = await self.reads.history(ticker, days, step, session)
        return self._recorded(ticker, step, bars, session.open)

    async def get_volumes_today(self, ticker: str, step: int) -> Floats:
        """See `BrokerAPI.get_volumes_today`."""
        await self.reads.instrument(ticker)
        now = self.clock.now
        bars = await self.reads.bars(ticker, step)
        return self._recorded(ticker, step, bars, now).until(self.session(now), now)

    def _recorded(self, ticker: str, step: int, bars: Bars | None, before: int) -> RecordedVolumes:
        """Volumes of the bars that start before an instant (ns UTC)."""
        volumes = RecordedVolumes(ticker, self.session, step)
        if bars is not None:
            rows = bars.rows(ticker)
            for start, volume in zip(bars.start[rows].tolist(), bars.volume[rows].tolist(), strict=True):
                if start < before:
                    volumes.add(start, volume)
        return volumes

    def session(self, instant: int) -> Session:
        """The session that is open at `instant` (ns UTC), or else the next one.

        Raises
        ------
        UsageError
            The calendar knows of none; or symbols of several calendars were asked for, and the settings name none.
        """
        found = self._sessions(instant)
        i = found.at_or_after(instant)
        if i == len(found):
            raise UsageError(f"calendar {found.name} has no session within 14 days of {instant} ns UTC")
        return Session.of(found, i)

    def _sessions(self, instant: int) -> Sessions:
        """The calendar's sessions around an instant."""
        return _sessions_from(self._calendar(), instant // FORTNIGHT)

    def _calendar(self) -> str:
        if self.state.settings.calendar:
            return self.state.settings.calendar
        named = sorted({instrument.calendar for instrument in self.state.instruments.values()} - {""})
        if len(named) > 1:
            raise UsageError(f"the instruments trade by the calendars {', '.join(named)}; name one by LiveSettings(calendar=...)")
        if named:
            return named[0]
        from exec_algos.config import get_settings  # pydantic takes its time to load

        settings = get_settings()
        if "calendar" not in settings.model_fields_set:  # a calendar that nobody named would let an order wait for another market's open
            raise UsageError("no calendar is known: name one by LiveSettings(calendar=...), or read an instrument before orders are given")
        return settings.calendar
