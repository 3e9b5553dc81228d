"""`RehearsalVenue`: the adapter of ``exec-algos venue-sim``."""

from __future__ import annotations

import json
import math
import time
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from exec_algos.brokers.rehearsal.http import VenueHTTP
from exec_algos.brokers.rehearsal.values import bars_of, book_of, caps_of, numbers_of, outcome_of, report_of, row_of
from exec_algos.brokers.venue import Accepted, Account, Book, Instrument, Intent, NotSent, Placed, Rejected, Report, Snapshot, VenueAPI
from exec_algos.clock.base import ScaledClock
from exec_algos.errors import NotSentError, OrderRejectedError, UsageError, VenueError

if TYPE_CHECKING:
    from exec_algos.brokers.venue import VenueCaps
    from exec_algos.market.bars import Bars

MOST_PAGES = 10_000
TIMEOUT = 2.0  # seconds of real time


class RehearsalVenue(VenueAPI):
    """A rehearsal venue over HTTP on loopback.

    Parameters
    ----------
    url : str
        What ``exec-algos venue-sim`` prints: ``http://127.0.0.1:8700``.
    account : str
        Accounts begin with what the venue gives them when they are first named.
    timeout : float
        Seconds of real time for an answer.
    """

    def __init__(self, url: str, *, account: str = "rehearsal-1", timeout: float = TIMEOUT) -> None:
        _check(url, timeout)
        self.url, self.account_name, self.timeout = url.rstrip("/"), account, timeout
        self._http = VenueHTTP(self.url, account, timeout)
        self._caps: VenueCaps | None = None
        self._push = ""

    @property
    def caps(self) -> VenueCaps:
        """What the venue can do. Before `open` the venue is asked for it, which takes a request.

        Raises
        ------
        VenueError
            The venue does not say.
        """
        if self._caps is None:
            try:
                with httpx.Client(timeout=self.timeout, trust_env=False) as client:
                    said = client.get(f"{self.url}/venue").json()
            except httpx.TransportError as error:
                raise VenueError(f"{self.url} does not answer: {error}; start exec-algos venue-sim, or name its address") from error
            except (httpx.HTTPError, ValueError) as error:
                raise VenueError(f"{self.url} does not say what it can do: {error}; start exec-algos venue-sim") from error
            self._keep(said)
        assert self._caps is not None
        return self._caps

    def _keep(self, said: Mapping[str, Any]) -> None:
        self._caps, self._push = caps_of(said), str(said.get("push", ""))

    async def open(self) -> None:
        """Ask what the venue can do, and where it pushes."""
        self._keep(await self._http.read("/venue"))

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.close()

    async def send(self, intent: Intent) -> Accepted | Rejected | NotSent:
        """Place an order, once."""
        order = {
            "own_id": intent.own_id, "symbol": intent.symbol, "side": intent.side.name, "quantity": intent.quantity,
            "limit": None if math.isnan(intent.limit) else intent.limit,
        }  # fmt: skip
        return await self._place("/orders", order, done=201)

    async def cancel(self, order: Placed) -> Accepted | Rejected | NotSent:
        """Ask for what is open of an order."""
        if not order.venue_id and not order.own_id:
            raise UsageError(f"a cancel needs the venue's id or our own, got {order}")
        place = quote(order.venue_id, safe="") if order.venue_id else f"own/{quote(order.own_id, safe='')}"
        return await self._place(f"/orders/{place}/cancel", {}, done=200)

    async def _place(self, path: str, body: dict[str, Any], done: int) -> Accepted | Rejected | NotSent:
        try:
            answer = await self._http.ask("POST", path, body)
        except NotSentError as error:
            return NotSent(str(error))
        return outcome_of(answer, done)

    async def snapshot(self, since: int, symbol: str | None = None) -> Snapshot:
        """The orders, page by page; ``complete`` is False where a page could not be read.

        Raises
        ------
        VenueError
            The first page could not be read.
        """
        query: dict[str, Any] = {"since": max(since, 0)} | ({} if symbol is None else {"symbol": symbol})
        said = await self._http.read("/orders", query)
        rows, as_of = self._page(said), int(said.get("as_of", 0))
        for _ in range(MOST_PAGES):
            if said.get("more") is not True:
                return Snapshot(tuple(rows.values()), said.get("more") is False, as_of)
            try:
                said = await self._http.read("/orders", query | {"cursor": said.get("cursor")})
                rows |= self._page(said)
            except VenueError:
                break
        return Snapshot(tuple(rows.values()), False, as_of)

    def _page(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Rows of a page by the venue's id: a row that stands there twice is one order."""
        orders = said.get("orders")
        if not isinstance(orders, list) or not isinstance(said.get("as_of"), int):
            raise VenueError(f"{self.url}: a list of orders has orders and as_of, got {list(said)}")
        return {row.venue_id: row for row in map(row_of, orders)}

    async def reports(self) -> AsyncIterator[Report]:
        """Events as they are pushed; ends where the connection does.

        Raises
        ------
        VenueError
            No connection, or a report that makes no sense.
        """
        if not self._push:
            await self.open()
        try:
            async with connect(f"{self._push}/{quote(self.account_name, safe='')}", proxy=None, open_timeout=self.timeout) as stream:
                async for text in stream:
                    yield report_of(json.loads(text))
        except (OSError, InvalidHandshake, InvalidURI, TimeoutError, ValueError) as error:
            raise VenueError(f"{self._push}: no reports: {type(error).__name__}: {error}") from error
        except ConnectionClosed:
            return

    async def book(self, symbol: str) -> Book:
        """The quotes now."""
        return book_of(await self._http.read(f"/book/{quote(symbol, safe='')}"))

    async def bars(self, symbol: str, step: int) -> Bars | None:
        """Today's bars that are complete; None before the first."""
        return bars_of(symbol, await self._http.read(f"/bars/{quote(symbol, safe='')}"), step)

    async def history(self, symbol: str, days: int, step: int) -> Bars | None:
        """Bars of the last `days` sessions before today's; None where there are none."""
        said = await self._http.read(f"/history/{quote(symbol, safe='')}", {"days": days})
        return bars_of(symbol, said, step)

    async def instrument(self, symbol: str) -> Instrument:
        """What the symbol is.

        Raises
        ------
        OrderRejectedError
            The venue does not know it.
        """
        status, said = await self._http.ask("GET", f"/instruments/{quote(symbol, safe='')}")
        if status == 404 and said.get("code") == "symbol":
            raise OrderRejectedError(str(said.get("text")), lasting=True)
        if status != 200:
            raise VenueError(f"{self.url}: instrument {symbol!r}: answered {status}: {said}")
        try:
            return Instrument(**said)
        except TypeError as error:
            raise VenueError(f"{self.url}: instrument {symbol!r} is not as agreed: {error}") from None

    async def account(self) -> Account:
        """Whose orders these are."""
        said = await self._http.read("/account")
        return Account(name=str(said.get("name", "")), cash=numbers_of(said, "cash"))

    async def positions(self) -> Mapping[str, float]:
        """Shares held, by symbol."""
        return numbers_of(await self._http.read("/positions"), "positions")

    async def now(self) -> int:
        """The venue's clock, ns UTC."""
        return _instant(self.url, await self._http.read("/clock"))


async def rehearsal_clock(url: str, *, timeout: float = TIMEOUT, tries: int = 3) -> ScaledClock:
    """A clock that runs with that of a rehearsal venue: set by the quickest of some requests, half of its round trip added.

    Raises
    ------
    VenueError
        The venue does not say its time, or its clock stands still.
    """
    _check(url, timeout)
    http, found = VenueHTTP(url, "rehearsal-1", timeout), []
    try:
        for _ in range(tries):
            begun = time.monotonic_ns()
            said = await http.read("/clock")
            found.append((time.monotonic_ns() - begun, time.monotonic_ns(), said))
    finally:
        await http.close()
    trip, came, said = min(found, key=lambda each: each[0])
    speed = said.get("speed")
    if said.get("paused") or isinstance(speed, bool) or not isinstance(speed, int | float) or not 0 < speed < math.inf:
        raise VenueError(f"{url}: its clock does not run: {said}; let it go on by POST /control/clock")
    since = time.monotonic_ns() - came + trip / 2
    return ScaledClock(_instant(url, said) + round(since * speed), speed)


def _instant(url: str, said: Mapping[str, Any]) -> int:
    now = said.get("now")
    if not isinstance(now, int) or isinstance(now, bool):
        raise VenueError(f"{url}: its clock must say now, ns UTC, got {said}")
    return now


def _check(url: str, timeout: float) -> None:
    if not url.startswith("http://"):
        raise UsageError(f"url must be what exec-algos venue-sim prints, http://127.0.0.1:PORT, got {url!r}")
    if isinstance(timeout, bool) or not 0 < timeout < math.inf:
        raise UsageError(f"timeout must be seconds above 0, got {timeout!r}")
