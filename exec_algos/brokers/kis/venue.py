"""`KISVenue`: the adapter of KIS's Open API; it translates, and keeps no state of orders."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from exec_algos.brokers.kis.access import Access
from exec_algos.brokers.kis.account import account_name
from exec_algos.brokers.kis.codes import Class, Said
from exec_algos.brokers.kis.funds import Funds
from exec_algos.brokers.kis.keys import Keys, Known, OrderKey, Terms
from exec_algos.brokers.kis.looking import Looking
from exec_algos.brokers.kis.messages import MOST_QUANTITY
from exec_algos.brokers.kis.messages import amend as amend_ask
from exec_algos.brokers.kis.messages import cancel as cancel_ask
from exec_algos.brokers.kis.messages import order as order_ask
from exec_algos.brokers.kis.messages import stock_info as stock_info_ask
from exec_algos.brokers.kis.notices import Lost, Noticed, Subscribed, Unread
from exec_algos.brokers.kis.rows import StockInfo, instant
from exec_algos.brokers.kis.rules import charged, check_hours, check_price, check_symbol, check_type, dvsn_of, fees, market_of, moment_of
from exec_algos.brokers.venue import Accepted, Account, NotSent, Placed, Rejected, Report, VenueAPI, VenueCaps
from exec_algos.errors import UsageError, VenueError
from exec_algos.model import SECOND, Side

if TYPE_CHECKING:
    from exec_algos.brokers.kis.history import History
    from exec_algos.brokers.kis.kept import Kept
    from exec_algos.brokers.kis.limiter import SharedBucket
    from exec_algos.brokers.kis.market import Market
    from exec_algos.brokers.kis.notices import Notices
    from exec_algos.brokers.kis.rows import Quote
    from exec_algos.brokers.requests import Bucket
    from exec_algos.brokers.venue import Book, Instrument, Intent, Snapshot
    from exec_algos.clock import Clock
    from exec_algos.market.bars import Bars
    from exec_algos.model import Fill

HALF_DAY = 43_200 * SECOND
QUOTE_AGE = 300 * SECOND  # limits hold for a day; a halt is refused by KIS too, so that it needs not be known at once
UNTOLD = 60 * SECOND  # `Client.clock_unsure` before the first answer
SENT_NOTHING = (Class.TOKEN, Class.THROTTLED, Class.NOT_SENT)


class KISVenue(VenueAPI):
    """KIS, domestic stocks, of one account.

    Parameters
    ----------
    access : Access
    bucket : SharedBucket
        Of the app key; the client's.
    market : Market
    history : History
    kept : Kept
        Notices of the account.
    notices : Notices, optional
        Pushed events; without them polling alone.
    exchange : {"KRX", "NXT", "SOR"}
    commission : float
        Of the account, fraction of value, for the estimate; NaN: that of a BanKIS online account.
    """

    def __init__(  # noqa: PLR0913 - the parts that it joins
        self,
        access: Access,
        bucket: SharedBucket,
        market: Market,
        history: History,
        kept: Kept,
        *,
        notices: Notices | None = None,
        exchange: str = "KRX",
        commission: float = math.nan,
    ) -> None:
        access.host.exchange(exchange)
        self.access, self.market, self.exchange = access, market, exchange
        self._bucket, self._history, self._kept, self._notices = bucket, history, kept, notices
        self._rate = None if math.isnan(commission) else commission
        self.keys, self.funds = Keys(), Funds(access)
        self.looking = Looking(access, self.keys, kept)
        self._infos: dict[str, tuple[str, StockInfo]] = {}
        self._markets: dict[str, str] = {}
        self._quotes: dict[str, tuple[int, Quote]] = {}
        self.symbols: set[str] = set()
        self._by_number = False  # KIS takes cancels of a number of shares, and not of all
        access.client.turn = self.page

    @property
    def caps(self) -> VenueCaps:
        """What KIS can do."""
        host = self.access.host
        return VenueCaps(
            name="kis-paper" if host.paper else "kis",
            paper=host.paper,
            push=self._notices is not None,
            open_orders=host.has("open orders"),
            amend=True,
            rate=self._bucket.rate,
            max_quantity=10**MOST_QUANTITY - 1,
            estimated_fees=True,
            clock_unsure=SECOND,
        )

    def bucket(self, clock: Clock) -> Bucket | None:
        """The one that all processes with the app key share."""
        return self._bucket

    async def open(self) -> None:
        """Get a token, see that keys and account are of this host, and what the symbols of earlier children are."""
        await self.access.client.tokens.get()
        await self.funds.balance()
        for symbol in sorted(self.symbols):
            await self.instrument(symbol)

    async def close(self) -> None:
        """Let go of connections; orders and the token stay."""
        if self._notices is not None:
            await self._notices.close()
        await self.access.client.close()

    async def allow(self, intent: Intent) -> None:
        """Refuse what KIS would refuse: price, order type and hour, buying power, holdings; see `VenueAPI.allow`."""
        quote = await self._quote(intent.symbol)
        check_symbol(intent.symbol, quote, self.exchange, await self._info(intent.symbol))
        dvsn = self._dvsn(intent)
        check_type(dvsn, self.exchange, self.access.host.paper)
        check_hours(dvsn, self.exchange, self.access.now)
        if not math.isnan(intent.limit):
            check_price(intent.symbol, intent.limit, quote)
        self._markets[intent.symbol] = market_of(quote)
        await self.funds.allow(intent, dvsn, quote, self._rate or 0.0)

    async def _quote(self, symbol: str) -> Quote:
        """Limits and flags of a symbol; a request only where those that are known are old."""
        time, quote = self._quotes.get(symbol, (-QUOTE_AGE, None))
        if quote is None or self.access.clock.now - time > QUOTE_AGE:
            await self.page()
            time, quote = self.access.clock.now, await self.market.quote(symbol)
            self._quotes[symbol] = time, quote
        return quote

    async def _info(self, symbol: str) -> StockInfo | None:
        """Whether a symbol trades on NXT; asked once a day, and only where that matters."""
        if self.exchange == "KRX":
            return None
        day, info = self._infos.get(symbol, ("", None))
        if info is None or day != self.access.day:
            await self.page()
            info = StockInfo.of(await self.access.client.read(stock_info_ask(self.access.host, symbol)))
            self._infos[symbol] = self.access.day, info
        return info

    def _dvsn(self, intent: Intent) -> str:
        return dvsn_of(intent, self.exchange, self.access.now)

    def charged(self, fill: Fill) -> Fill:
        """A fill with commission and taxes by a fee schedule: an estimate."""
        return charged(fill, fees(self._markets.get(fill.ticker, "KOSPI"), self._rate))

    async def send(self, intent: Intent) -> Accepted | Rejected | NotSent:
        """Place an order, once.

        Raises
        ------
        VenueError
            Nobody knows whether KIS has it.
        """
        access = self.access
        try:
            dvsn = self._dvsn(intent)
            said = await access.client.post(order_ask(access.host, access.account, intent, dvsn, self.exchange))
        except UsageError as error:
            return NotSent(str(error))
        if said.cls is not Class.OK or said.envelope is None:
            return _refused(said)
        key, taken = self._key_of(said)
        terms = Terms(intent.symbol, intent.side, intent.quantity, taken)
        known = self.keys.learn(key, terms, dvsn=dvsn, exchange=self.exchange)
        self.keys.expect(key.day, key.odno)
        return Accepted(str(known.key), taken)

    def _key_of(self, said: Said) -> tuple[OrderKey, int]:
        """The name of an order that was taken, and when it was: KIS tells the time of day without the day."""
        assert said.envelope is not None
        day, hour, now = self.access.day, said.envelope.time, self.access.now
        if not hour:
            return OrderKey(day, said.envelope.orgno, said.envelope.odno), 0
        taken = instant(day, hour)
        if taken > now + HALF_DAY:
            taken -= 2 * HALF_DAY
        elif taken < now - HALF_DAY:
            taken += 2 * HALF_DAY
        return OrderKey(moment_of(taken)[0], said.envelope.orgno, said.envelope.odno), taken

    async def cancel(self, order: Placed) -> Accepted | Rejected | NotSent:
        """Ask for all that is open of an order; where KIS refuses that, look how it stands, and ask for that many shares.

        Once it has taken a number of shares in place of "all", the number comes first: a cancel is one request again.

        Raises
        ------
        VenueError
            Nobody knows what became of it; it may be asked again.
        """
        known = self.keys.find(order.venue_id, Terms(order.symbol, order.side, order.quantity))
        if not known.orgno:
            await self._find_office(known)
        office, current = known.orgno or known.key.orgno, known.current
        first = order.open if self._by_number and order.open else None
        said = await self._cancel(order, known, current, office, first)
        if said.cls not in (Class.REJECTED, Class.LASTING):
            return _taken(said, order)
        await self.page()
        parts = await self.looking.parts(known)
        asked = [(row.odno, row.orgno or office, float(row.open)) for row in parts if row.open]
        if not parts and first is None and order.open:  # the inquiry has no row of it yet
            asked = [(current, office, order.open)]
        for odno, orgno, quantity in asked:
            await self.page()
            said = await self._cancel(order, known, odno, orgno, quantity)
            if said.cls is not Class.OK:
                break
            self._by_number = self._by_number or odno == current  # not where another number was the cause
        return _taken(said, order)

    async def _cancel(self, order: Placed, known: Known, odno: str, orgno: str, quantity: float | None) -> Said:
        access = self.access
        named = replace(order, venue_id=str(known.key._replace(odno=odno)))
        exchange = known.exchange or self.exchange
        ask = cancel_ask(access.host, access.account, named, orgno, known.dvsn or "00", exchange, quantity=quantity)
        before, known.asked = known.asked, True
        said = await access.client.post(ask)
        if said.cls not in (Class.OK, Class.UNKNOWN, Class.LEDGER_BUSY):
            known.asked = before  # nothing of it ends by this request: its number may be dead because it has another one
        if said.cls is Class.OK and said.envelope is not None:
            self.keys.expect(known.key.day, said.envelope.odno)
        return said

    async def _find_office(self, known: Known) -> None:
        """The office of an order of which only the number is known; KIS's inquiry tells it."""
        await self.looking.parts(known)
        await self.page()

    async def amend(self, order: Placed, limit: float) -> Accepted | Rejected | NotSent:
        """Give what is open of an order another limit; its new number takes the old one's place.

        Raises
        ------
        VenueError
            Nobody knows what became of it: look-ups tell.
        """
        access, known = self.access, self.keys.find(order.venue_id, Terms(order.symbol, order.side, order.quantity))
        if not known.orgno:
            await self._find_office(known)
        quantity: float | None = None
        named = replace(order, venue_id=str(known.key._replace(odno=known.current)))
        for _ in range(2):
            try:
                ask = amend_ask(
                    access.host, access.account, named, known.orgno, known.dvsn or "00", known.exchange or self.exchange,
                    limit=limit, quantity=quantity,
                )  # fmt: skip
                said = await access.client.post(ask)
            except UsageError as error:
                return NotSent(str(error))
            known.doubtful = known.doubtful or said.cls in (Class.UNKNOWN, Class.LEDGER_BUSY)
            if said.cls is Class.OK and said.envelope is not None:
                self.keys.change(known, OrderKey(known.key.day, said.envelope.orgno or known.orgno, said.envelope.odno))
                self.keys.expect(known.key.day, said.envelope.odno)
                return Accepted(order.venue_id, self._key_of(said)[1])
            if said.cls not in (Class.REJECTED, Class.LASTING) or quantity is not None:
                break
            await self.page()
            quantity = sum(row.open for row in await self.looking.parts(known) if row.odno == known.current) or None
            if quantity is None:
                break
            await self.page()
        return _refused(said)

    async def snapshot(self, since: int, symbol: str | None = None) -> Snapshot:
        """See `Looking.snapshot`."""
        return await self.looking.snapshot(since, symbol)

    async def follow(self, orders: Sequence[Placed], since: int) -> Snapshot:
        """See `Looking.follow`."""
        return await self.looking.follow(orders)

    async def reports(self) -> AsyncIterator[Report]:
        """One report for each notice: that something happened to an order; ends where the session is lost."""
        if self._notices is None:
            return
        async for event in self._notices.events():
            if isinstance(event, Lost):
                raise VenueError(f"notices: {event.why}; the next session is tried in {event.wait / 1e9:.0f} s")
            if isinstance(event, Subscribed):
                yield Report(kind="moved", venue_id="", own_id="", symbol="", side=Side.BUY, time=0)
            elif isinstance(event, Unread):
                yield Report(kind="moved", venue_id="", own_id="", symbol="", side=Side.BUY, time=0, reason=event.why)
            elif isinstance(event, Noticed) and event.ours:
                self._kept.add(event.notice)
                notice = event.notice
                name = self.looking.named(notice)
                yield Report(kind="moved", venue_id=name, own_id="", symbol=notice.symbol, side=notice.side, time=0)

    async def book(self, symbol: str) -> Book:
        """The quotes now."""
        return await self.market.book(symbol)

    async def bars(self, symbol: str, step: int) -> Bars | None:
        """Today's minute bars that are complete."""
        return await self.market.bars(symbol, step)

    async def history(self, symbol: str, days: int, step: int) -> Bars | None:
        """Minute bars of the last `days` sessions before today's."""
        return await self._history.history(symbol, days, step)

    async def instrument(self, symbol: str) -> Instrument:
        """What the symbol is."""
        asked = self.access.clock.now
        instrument = await self.market.instrument(symbol)
        quote = await self.market.quote(symbol, age=QUOTE_AGE)  # the one that `instrument` read
        self._quotes[symbol], self._markets[symbol] = (asked, quote), market_of(quote)
        return instrument

    async def account(self) -> Account:
        """Whose orders these are: a name that does not give the account away, and its cash in won."""
        balance = await self.funds.balance()
        return Account(name=account_name(self.access.account, self.access.host.name), cash={"KRW": balance.cash_settled})

    async def positions(self) -> Mapping[str, float]:
        """Shares held, by symbol."""
        return {held.symbol: float(held.quantity) for held in (await self.funds.balance()).holdings}

    async def now(self) -> int:
        """KIS's clock by the dates of its answers, ns UTC; 0 before the first."""
        return 0 if self.access.client.clock_unsure >= UNTOLD else self.access.now


def _refused(said: Said) -> Rejected | NotSent:
    """What an answer to an order says that is no acceptance.

    Raises
    ------
    VenueError
        It does not say whether KIS has the order.
    """
    text = f"{said.code} {said.text}".strip()
    if said.cls in SENT_NOTHING:
        return NotSent(text)
    if said.cls in (Class.REJECTED, Class.LASTING, Class.REFUSED):
        return Rejected(said.code, said.text, lasting=said.cls is not Class.REJECTED)
    raise VenueError(f"KIS did not say whether it has the order: {text}")


def _taken(said: Said, order: Placed) -> Accepted | Rejected | NotSent:
    """What an answer to a cancel says."""
    return Accepted(order.venue_id) if said.cls is Class.OK else _refused(said)
