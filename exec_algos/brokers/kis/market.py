"""`Market`: prices, books and today's bars of symbols, as a venue's adapter has to give them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from exec_algos.brokers.kis.messages import book as book_ask
from exec_algos.brokers.kis.messages import minutes as minutes_ask
from exec_algos.brokers.kis.messages import price as price_ask
from exec_algos.brokers.kis.minutes import CALENDAR, MINUTE, Hours, Page, bars_of, check_begun, check_step, walk, without_echo
from exec_algos.brokers.kis.pacing import Paced
from exec_algos.brokers.kis.rows import Depth, MinuteRow, Quote, minute_rows
from exec_algos.brokers.kis.rules import check_symbol, instrument_of, moment_of
from exec_algos.brokers.venue import Book
from exec_algos.errors import OrderRejectedError
from exec_algos.market.calendars import DAY
from exec_algos.model import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exec_algos.brokers.kis.client import Client
    from exec_algos.brokers.kis.messages import Host
    from exec_algos.brokers.venue import Instrument
    from exec_algos.clock import Clock
    from exec_algos.market.bars import Bars

STALE = 60 * SECOND  # a book that stood that long is said
AHEAD = 60 * SECOND  # a book has no date: one that is later than that is the day before's
SETTLED = 3 * SECOND  # after a minute's end its bar is read once more, until then
log = logging.getLogger("exec_algos.kis")


class Market:
    """What KIS tells of symbols.

    Parameters
    ----------
    client : Client
    host : Host
    clock : Clock
    calendar : str
        Of the regular session; days that it has wrong are corrected in its name: ``"XKRX@2026-11-19=10:00-16:30"``.
    """

    def __init__(self, client: Client, host: Host, clock: Clock, *, calendar: str = CALENDAR) -> None:
        self._client, self._host, self._clock, self._calendar = client, host, clock, calendar
        self._today: dict[str, _Today] = {}
        self._said: dict[str, str] = {}
        self._quotes: dict[str, tuple[int, Quote]] = {}

    @property
    def now(self) -> int:
        """KIS's time by our clock and what its answers told of the difference, ns UTC."""
        return self._clock.now + self._client.clock_apart

    async def quote(self, symbol: str, *, age: int = 0) -> Quote:
        """Price, limits, tick and flags of a symbol: read now, or not more than `age` ns ago.

        Raises
        ------
        VenueError
            No answer, or one that cannot be.
        """
        known = self._quotes.get(symbol)
        if known is not None and self._clock.now - known[0] <= age:
            return known[1]
        return await self._read_quote(symbol, Paced(self._client))

    async def _read_quote(self, symbol: str, paced: Paced) -> Quote:
        asked = self._clock.now
        quote = Quote.of(await paced.read(price_ask(self._host, symbol)))
        self._quotes[symbol] = asked, quote
        return quote

    async def instrument(self, symbol: str) -> Instrument:
        """What a symbol is.

        Raises
        ------
        OrderRejectedError
            KIS does not know it, it is halted, or it trades for the last time: with the flag.
        """
        quote = await self.quote(symbol)
        check_symbol(symbol, quote)
        if quote.liquidated:
            raise OrderRejectedError(
                f"{symbol} trades for the last time before it is delisted (sltr_yn), without price limits", lasting=True
            )
        return instrument_of(symbol, quote)

    async def book(self, symbol: str) -> Book:
        """The quotes now, in two requests: KIS tells depth and traded shares apart.

        The levels are left out in an auction and in a volatility interruption, where nothing trades at them. That, and a book that is old,
        are said once, until it changes.

        Raises
        ------
        VenueError
            No answer, or one that cannot be.
        """
        paced = Paced(self._client)
        depth = Depth.of(await paced.read(book_ask(self._host, symbol)), moment_of(self.now)[0])
        quote = await self._read_quote(symbol, paced)
        now = self.now
        time = depth.time - DAY if depth.time > now + AHEAD else depth.time
        auction = depth.crossed or quote.interrupted
        self._say(symbol, _why(symbol, quote, depth, now - time if time else -1))
        last = quote.last if quote.known else depth.last
        return Book(() if auction else depth.bids, () if auction else depth.asks, time, last, quote.volume)

    def _say(self, symbol: str, why: str) -> None:
        kind = why.partition(";")[0]
        if kind and kind != self._said.get(symbol):
            log.warning("%s", why)
        self._said[symbol] = kind

    async def bars(self, symbol: str, step: int) -> Bars | None:
        """Today's bars of the regular session that are complete, and that of the closing auction; None before the first.

        Raises
        ------
        VenueError
            No answer, one that cannot be, or bars of another length than a minute.
        """
        check_step(symbol, step)
        now = self.now
        hours = Hours.of(self._calendar, now)
        if hours is None:
            return None
        last = min(now // MINUTE * MINUTE - MINUTE, hours.close)
        if last < hours.open:
            return None
        today = self._today.get(symbol)
        if today is None or today.hours != hours:
            today = self._today[symbol] = _Today(hours)
        if today.last < last or not today.settled:
            paced = Paced(self._client)
            await today.read(symbol, lambda hour: self._page(paced, symbol, hour), last)
            today.settled = now - (last + MINUTE) >= SETTLED
        return bars_of(symbol, today.rows)

    async def _page(self, paced: Paced, symbol: str, hour: str) -> Sequence[MinuteRow]:
        return minute_rows(await paced.read(minutes_ask(self._host, symbol, hour)))


class _Today:
    """What is known of a symbol's bars of a day: each read goes back to where the last one ended."""

    def __init__(self, hours: Hours) -> None:
        self.hours = hours
        self.rows: dict[int, MinuteRow] = {}
        self.last = 0
        self.settled = False

    async def read(self, symbol: str, page: Page, last: int) -> None:
        """Read what came since, up to the bar that starts at `last`; the one that was the latest is read again."""
        found = await walk(page, self.hours.day, max(self.last, self.hours.open), last)
        if not self.last:
            check_begun(symbol, found, self.hours.open)
        self.rows |= without_echo(found)
        self.last = last


def _why(symbol: str, quote: Quote, depth: Depth, age: int) -> str:
    """What is to be said of a book; empty where nothing is."""
    if quote.halted:
        return f"{symbol} is halted; iscd_stat_cls_code {quote.state}: nothing trades"
    if quote.interrupted:
        return f"{symbol} is in a volatility interruption; vi_cls_code {quote.vi}: its levels are left out"
    if depth.crossed:
        return f"{symbol} is in an auction; ask {depth.asks[0][0]:g} is not above bid {depth.bids[0][0]:g}: its levels are left out"
    if age < 0 and (depth.bids or depth.asks):
        return f"the book of {symbol} has no time; it may be old"
    if age > STALE:
        return f"the book of {symbol} is old; its last order came {age // SECOND} s ago"
    return ""
