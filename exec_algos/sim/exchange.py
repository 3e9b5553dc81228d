"""`Exchange`: orders, books and accounts around recorded bars. Time comes to it by `advance`; no clock and no socket is in it."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from exec_algos.errors import UsageError
from exec_algos.sim.accounts import Accounts, Holdings, priced
from exec_algos.sim.ledger import Ledger
from exec_algos.sim.orders import BUY, SELL, Event, Execution, Refusal, Ticket, VenueOrder
from exec_algos.sim.recorded import Quote, RecordedMarket, Taken, off

NEARLY = 1e-9
CLOSED = "the session closed, and day orders end with it"
AT_ONCE = {"ioc": "what did not trade at once is over", "fok": "it could not trade as a whole at once"}


class BookView(NamedTuple):
    """Quotes as (price, shares), best first; `traded`: shares of the day with ours among them."""

    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    time: int
    last: float
    traded: float


class Exchange:
    """An exchange that replays recorded bars, and trades with the orders that it is given.

    A market order takes what the book shows at once, and the rest as it comes back with the volume. A limit order trades while the
    market trades at its limit or better. No trade lies outside its bar, and none without volume. Orders do not meet each other: what
    trades with them is the recorded market, which they share on each side of the book.

    Parameters
    ----------
    market : RecordedMarket
    start : int
        ns UTC.

    Attributes
    ----------
    charge : callable
        Of an execution: currency that it costs beside its price. Nothing, unless a venue sets it.
    trades : callable
        Whether a symbol trades: a venue may halt one.
    """

    def __init__(self, market: RecordedMarket, start: int) -> None:
        self.market, self.settings, self.now = market, market.settings, start
        self.accounts = Accounts(market.settings)
        self.charge: Callable[[Execution], float] = lambda execution: 0.0
        self.trades: Callable[[str], bool] = lambda symbol: True
        self.executions: list[Execution] = []
        self.ledger = Ledger()
        self._events: list[Event] = []
        self._working: dict[str, list[VenueOrder]] = {}
        self._taken: dict[tuple[str, int], Taken] = {}
        self._own_volume: dict[str, tuple[int, float]] = {}
        self._later: list[tuple[int, int, Callable[[], Any]]] = []
        self._deferred = 0
        self._asleep: dict[str, int] = {}  # until when nothing that waits can trade, by symbol
        self._session = market.session(start)

    # time

    def advance(self, to: int) -> None:
        """Let time go on to an instant (ns UTC): what waits is done at its own instant on the way.

        Raises
        ------
        UsageError
            An instant before the present one.
        """
        if to < self.now:
            raise UsageError(f"time must not go back: it is {self.now} ns UTC, got {to}")
        while (instant := self._next()) <= to:
            self.now = max(instant, self.now)
            self._step()
        self.now = to

    def defer(self, instant: int, action: Callable[[], Any]) -> None:
        """Do something when an instant has come."""
        heapq.heappush(self._later, (max(instant, self.now), self._deferred, action))
        self._deferred += 1

    def _next(self) -> int:
        """When something happens next: a pulse where orders wait, the close, what is deferred."""
        found = self._later[0][0] if self._later else 2**62
        if self._session < len(self.market.closes):
            found = min(found, self.market.closes[self._session])
        if self._working:
            pulse = self.settings.pulse_ns
            found = min(found, (self.now // pulse + 1) * pulse)
        return found

    def _step(self) -> None:
        if self._session < len(self.market.closes) and self.now >= self.market.closes[self._session]:
            self._close()
        elif self._working and self.now % self.settings.pulse_ns == 0:
            for symbol in [symbol for symbol in self._working if self._asleep.get(symbol, 0) <= self.now]:
                self._match_all(symbol)
        while self._later and self._later[0][0] <= self.now:
            heapq.heappop(self._later)[2]()

    # requests

    def submit(self, ticket: Ticket, *, aside: bool = False) -> VenueOrder:
        """Take an order; whether it is refused its state says. One that is taken aside stays out of the book until `enter`."""
        number = len(self.orders) + 1
        order = VenueOrder(
            number=number, venue_id=f"V{number:06d}", ticket=ticket, accepted=self.now, quantity=ticket.quantity, limit=ticket.limit
        )
        refusal = self._refusal(ticket, aside)
        if refusal is not None:
            order.state, order.ended = "rejected", self.now
            order.code, order.reason, order.lasting = refusal.code, refusal.text, refusal.lasting
        self.ledger.add(order)
        self._tell("accepted" if refusal is None else "rejected", order, order.reason)
        if refusal is None:
            order.hold, order.aside = priced(ticket, self.market.quote(ticket.symbol, self.now).ask), True
            self.accounts.hold(order, order.quantity)
            if not aside:
                self.enter(order.venue_id)
        return order

    def enter(self, venue_id: str) -> None:
        """Let an order that was taken aside into the book."""
        order = self.ledger.of(venue_id)
        if order is None or order.state != "open" or not order.aside:
            return
        symbol, lasts = order.ticket.symbol, order.ticket.lasts
        day, quote = self.market.day(symbol, self._session), self.market.quote(symbol, self.now)
        order.aside, order.auction = False, bool(day.bars) and self.now < day.starts[0]
        self._working.setdefault(symbol, []).append(order)
        self._asleep.pop(symbol, None)
        whole = self._price(order, quote) is not None and self._room(symbol, order.ticket.side, quote) >= order.open
        if not order.auction and (whole or lasts != "fok"):
            self._match(order, quote)
        if order.state == "open" and lasts in AT_ONCE:
            self._end(order, AT_ONCE[lasts])
        self._sweep(symbol)

    def leave(self, venue_id: str) -> None:
        """Take an open order out of the book: it waits aside until `enter`."""
        order = self.ledger.of(venue_id)
        if order is not None and order.state == "open":
            order.aside = True
            self._sweep(order.ticket.symbol)

    def trade_at(self, venue_id: str, shares: float, price: float) -> None:
        """Trade shares of an open order at a price that its limit allows, whatever the market shows."""
        order = self.ledger.of(venue_id)
        if order is not None and order.state == "open" and order.accepts(price):
            self._trade(order, price, shares)
            self._sweep(order.ticket.symbol)

    def reject(self, venue_id: str, code: str, reason: str) -> None:
        """End an order that was accepted, and of which nothing traded, as one that is refused after all."""
        order = self.ledger.of(venue_id)
        if order is None or order.state != "open" or order.filled:
            return
        self.accounts.hold(order, -order.open)
        order.state, order.code, order.reason, order.ended = "rejected", code, reason, self.now
        self.ledger.end(order)
        self._tell("rejected", order, reason)
        self._sweep(order.ticket.symbol)

    def cancel(self, venue_id: str, quantity: float = math.inf, request: str = "") -> Refusal | None:
        """End what is open of an order, or `quantity` shares of that; why not, where it is refused. `request`: what events call it."""
        order = self.ledger.of(venue_id)
        if order is None:
            return Refusal("unknown_order", f"there is no order {venue_id}")
        if order.state != "open":
            return Refusal("over", f"order {venue_id} is over: {order.reason or order.state}")
        if quantity < order.open - NEARLY:
            self.accounts.hold(order, -quantity)
            order.cancelled += quantity
            self._tell("cancelled", order, "a part was cancelled by its owner", request, quantity)
        else:
            self._end(order, "cancelled by its owner", request)
        self._sweep(order.ticket.symbol)
        return None

    def amend(self, venue_id: str, quantity: float, limit: float) -> Refusal | None:
        """Change quantity (shares in all, those that traded among them) and limit of an open order; why not, where it is refused."""
        order = self.ledger.of(venue_id)
        if order is None or order.state != "open":
            return Refusal("over", f"order {venue_id} is not open")
        changed = Ticket(account=order.ticket.account, symbol=order.ticket.symbol, side=order.ticket.side, quantity=quantity, limit=limit)
        refusal = self._wrong_numbers(changed)
        if refusal is None and quantity <= order.filled:
            refusal = Refusal(
                "quantity", f"{order.filled:g} shares of {venue_id} traded; a quantity above that is needed, got {quantity:g}"
            )
        if refusal is not None:
            return refusal
        self.accounts.hold(order, -order.open)
        order.quantity, order.limit = quantity + order.cancelled, limit
        self._asleep.pop(changed.symbol, None)
        order.hold = priced(changed, self.market.quote(changed.symbol, self.now).ask)
        self.accounts.hold(order, order.open)
        if not order.auction and not order.aside:
            self._match(order, self.market.quote(changed.symbol, self.now))
        self._sweep(changed.symbol)
        return None

    def fill_rest(self, venue_id: str) -> bool:
        """Trade what is open of an order at once, as far as its bar and its limit allow; whether anything traded."""
        order = self.ledger.of(venue_id)
        if order is None or order.state != "open" or order.aside:
            return False
        symbol, side = order.ticket.symbol, order.ticket.side
        quote = self.market.quote(symbol, self.now)
        before = order.filled
        price = self._price(order, quote)
        if price is None and quote.bar is not None and quote.bar.low <= order.limit <= quote.bar.high:
            price = order.limit
        if price is not None and quote.bar is not None:
            room = quote.bar.volume * (1 - self.settings.refill) - self._taken_of(symbol, side).shares
            self._trade(order, price, room)
        self._sweep(symbol)
        return order.filled > before

    # what it says

    @property
    def orders(self) -> list[VenueOrder]:
        """Every order that it was given, those that it refused among them."""
        return self.ledger.orders

    def book(self, symbol: str) -> BookView:
        """The quotes now."""
        quote = self.market.quote(symbol, self.now)
        session = self.market.today(self.now)
        own_session, own = self._own_volume.get(symbol, (session, 0.0))
        traded = self.market.traded(symbol, self.now) + (own if own_session == session else 0.0)
        if math.isnan(quote.last):
            return BookView((), (), self.now, math.nan, traded)
        bid, ask = (self._whole(self._room(symbol, side, quote)) for side in (SELL, BUY))
        bids = ((quote.bid, bid),) if quote.bid > 0 else ()  # a price of one tick has nothing below it
        return BookView(bids, ((quote.ask, ask),), self.now, quote.last, traded)

    def account(self, name: str) -> Holdings:
        """Cash and positions."""
        return self.accounts.of(name)

    def drain(self) -> list[Event]:
        """What happened since this was asked last."""
        events, self._events = self._events, []
        return events

    # how it decides

    def _refusal(self, ticket: Ticket, aside: bool) -> Refusal | None:
        if ticket.symbol not in self.market.ticks:
            return Refusal("symbol", f"symbol {ticket.symbol!r} is not traded here", lasting=True)
        wrong = self._wrong_numbers(ticket)
        if wrong is not None:
            return wrong
        known = self.ledger.of_own_id(ticket.account, ticket.own_id)
        if known is not None:
            return Refusal("own_id", f"own id {ticket.own_id!r} names order {known.venue_id}; give each order an id of its own")
        if not aside and not self._takes_orders():
            return Refusal("closed", "the exchange is closed; send from the hour before its open on")
        return self.accounts.refusal(ticket, priced(ticket, self.market.quote(ticket.symbol, self.now).ask))

    def _takes_orders(self) -> bool:
        k = self._session
        return k < len(self.market.opens) and self.now >= self.market.opens[k] - self.settings.preopen * 1e9

    def _wrong_numbers(self, ticket: Ticket) -> Refusal | None:
        lot, tick = self.settings.lot, self.market.tick(ticket.symbol, ticket.limit)
        if not 0 < ticket.quantity < math.inf or off(ticket.quantity, lot):
            return Refusal("quantity", f"quantity must be a multiple of the lot, {lot:g}, and above 0, got {ticket.quantity!r}")
        if math.isnan(ticket.limit):
            return None
        if not 0 < ticket.limit < math.inf or off(ticket.limit, tick):
            return Refusal("limit", f"limit must be above 0 and on a tick of {tick:g}, got {ticket.limit!r}")
        return None

    def _match_all(self, symbol: str) -> None:
        day = self.market.day(symbol, self._session)
        quote = self.market.quote(symbol, self.now)
        begun = bool(day.starts) and self.now >= day.starts[0]
        for order in self._working[symbol]:
            if not order.auction:
                self._match(order, quote)
            elif begun:
                order.auction = False
                self._auction(order, day.bars[0].open, day.bars[0].volume)
        self._sweep(symbol)
        self._asleep[symbol] = day.quiet_until(self.now, self._working.get(symbol, ()))

    def _match(self, order: VenueOrder, quote: Quote) -> None:
        price = self._price(order, quote)
        if price is not None:
            self._trade(order, price, self._room(order.ticket.symbol, order.ticket.side, quote))

    def _price(self, order: VenueOrder, quote: Quote) -> float | None:
        """What an order trades at now; None where it does not."""
        if quote.bar is None or not order.accepts(quote.last) or self._calls() or not self.trades(order.ticket.symbol):
            return None
        taking = quote.takes(order.ticket.side)
        return taking if order.accepts(taking) else order.limit

    def _auction(self, order: VenueOrder, price: float, volume: float) -> None:
        if order.accepts(price):
            taken = self._taken_of(order.ticket.symbol, order.ticket.side)
            self._trade(order, price, self.settings.auction * volume - taken.shares)

    def _calls(self) -> bool:
        """Whether orders wait for the closing auction."""
        k, closes = self._session, self.market.closes
        return self.settings.closing_call > 0 and k < len(closes) and self.now >= closes[k] - self.settings.closing_call * 1e9

    def _room(self, symbol: str, side: int, quote: Quote) -> float:
        return 0.0 if quote.bar is None else self.market.visible(quote.bar) - self._taken_of(symbol, side).shares

    def _taken_of(self, symbol: str, side: int) -> Taken:
        """What was taken, less what came back with the volume since."""
        taken = self._taken.setdefault((symbol, side), Taken())
        traded = self.market.day(symbol, self._session).traded(self.now)
        if taken.session != self._session:
            taken.shares, taken.session = 0.0, self._session
        else:
            taken.shares = max(taken.shares - self.settings.refill * (traded - taken.at), 0.0)
        taken.at = traded
        return taken

    def _whole(self, shares: float) -> float:
        lot = self.settings.lot
        return max(math.floor(shares / lot + NEARLY), 0) * lot

    def _trade(self, order: VenueOrder, price: float, room: float) -> None:
        """Trade what there is room for, in whole lots."""
        shares = self._whole(min(order.open, room))
        if not shares > 0:
            return
        ticket, number = order.ticket, len(self.executions) + 1
        execution = Execution(
            execution_id=f"E{number:06d}", venue_id=order.venue_id, own_id=ticket.own_id, account=ticket.account, symbol=ticket.symbol,
            side=ticket.side, quantity=shares, price=price, time=self.now, filled=order.filled + shares,
            amount=order.amount + shares * price,
        )  # fmt: skip
        self.accounts.book(order, execution, self.charge(execution))
        order.executions.append(execution)
        self.executions.append(execution)
        self._taken_of(ticket.symbol, ticket.side).shares += shares
        session, own = self._own_volume.get(ticket.symbol, (-1, 0.0))
        self._own_volume[ticket.symbol] = self._session, shares + (own if session == self._session else 0.0)
        self._events.append(Event(kind="fill", order=order, time=self.now, execution=execution))
        if order.open < NEARLY:
            order.state, order.reason, order.ended = "done", "filled", self.now
            self.ledger.end(order)

    def _end(self, order: VenueOrder, reason: str, request: str = "") -> None:
        rest = order.open
        self.accounts.hold(order, -rest)
        order.cancelled += rest
        order.state, order.reason, order.ended = "done", reason, self.now
        self.ledger.end(order)
        self._tell("cancelled", order, reason, request, rest)

    def _close(self) -> None:
        """The closing auction, and the end of day orders."""
        for symbol, orders in list(self._working.items()):
            day = self.market.day(symbol, self._session)
            last = day.closing(self.now)
            for order in orders:
                if last is not None:
                    self._auction(order, last.close, last.volume)
                if order.state == "open":
                    self._end(order, CLOSED)
            self._sweep(symbol)
        self._session += 1

    def _sweep(self, symbol: str) -> None:
        """Let go of orders that are over, or wait aside."""
        left = [order for order in self._working.get(symbol, ()) if order.state == "open" and not order.aside]
        if left:
            self._working[symbol] = left
        else:
            self._working.pop(symbol, None)

    def _tell(self, kind: str, order: VenueOrder, reason: str = "", request: str = "", quantity: float = 0.0) -> None:
        self._events.append(Event(kind=kind, order=order, time=self.now, reason=reason, request=request, quantity=quantity))
