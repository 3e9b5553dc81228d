"""`Desk`: requests in, replies out: an exchange as a venue serves it, with limits of rate and under faults. No socket is in it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from exec_algos.errors import UsageError
from exec_algos.sim import answers
from exec_algos.sim.exchange import Exchange
from exec_algos.sim.faults import Fault, Faults
from exec_algos.sim.http import Reply, Request, as_json
from exec_algos.sim.orders import BUY, SELL, Event, Refusal, Ticket, VenueOrder

SECOND = 1_000_000_000
MOST = 1e15  # shares, or currency a share: float64 is exact in whole numbers up to there
DIGITS = 19  # of a whole number in a query
MOST_OWN_ID = 36
OWN_ID_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
EARLY = 0.1  # seconds of real time between a report and the answer that it overtakes
AMBIGUOUS = Reply(503, b'{"error":"internal error, please check later"}')
UNREAD = {
    "lost_before": Reply(manner="close"),
    "error_5xx": AMBIGUOUS,
    "rate": as_json({"code": "rate", "text": "too many requests"}, 429),
    "outage": Reply(manner="close"),
}
"""Faults of requests that nobody reads, and what is answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskSettings:
    """How a venue serves its exchange.

    Parameters
    ----------
    client_ids : bool
        Own order ids of clients are kept and told; else they are passed over.
    rate : float
        Requests a second of venue time, of all kinds; 0 is no limit.
    page : int
        Orders on a page of the list.
    confirm : float
        Seconds of venue time after which an execution, or a cancel, stands in lists and is pushed.
    name : str
    zone : str
        Of the bars.
    calendar : str
        Of the sessions; empty where they come from the bars.
    """

    client_ids: bool = True
    rate: float = 100.0
    page: int = 500
    confirm: float = 0.0
    name: str = "sim"
    zone: str = "UTC"
    calendar: str = ""

    def __post_init__(self) -> None:
        if self.page < 1 or not 0 <= self.rate < math.inf or not 0 <= self.confirm < math.inf:
            raise UsageError(f"page >= 1, rate >= 0 and confirm >= 0 are needed, got {self.page}, {self.rate} and {self.confirm}")


class BadRequestError(Exception):
    """A request that makes no sense: nothing of it was done."""


@dataclass(slots=True)
class Desk:
    """Serves an exchange.

    Parameters
    ----------
    exchange : Exchange
    settings : DeskSettings
    publish : callable
        Takes events that happened: they are to be pushed.
    """

    exchange: Exchange
    settings: DeskSettings
    publish: Callable[[list[Event]], None]
    faults: Faults = field(default_factory=Faults)
    dealt: list[dict[str, Any]] = field(default_factory=list)
    out_until: int = 0
    _second: int = -1
    _asked: int = 0

    def handle(self, request: Request) -> Reply:
        """The reply to a request; the exchange has been advanced to the present."""
        if self.exchange.now < self.out_until:
            return Reply(manner="close")
        try:
            kinds, action = self._route(request)
        except (BadRequestError, UsageError) as error:
            return as_json({"code": "bad_request", "text": " ".join(str(error).split())}, 400)
        fault = self.faults.next(*kinds)
        if fault is not None:
            self.dealt.append({"on": kinds[-1], "fault": fault.name, "seconds": fault.seconds, "time": self.exchange.now})
            return self._faulty(fault, action)
        if not self._within_rate():
            return as_json({"code": "rate", "text": f"more than {self.settings.rate:g} requests a second"}, 429)
        return action.run()

    def _within_rate(self) -> bool:
        second = self.exchange.now // SECOND
        if second != self._second:
            self._second, self._asked = second, 0
        self._asked += 1
        return not self.settings.rate or self._asked <= self.settings.rate

    def _faulty(self, fault: Fault, action: Action) -> Reply:
        exchange = self.exchange
        if fault.name == "outage":
            self.out_until = exchange.now + round(fault.seconds * SECOND)
        if fault.name in UNREAD:
            return UNREAD[fault.name]
        if fault.name == "late":
            exchange.defer(exchange.now + round(fault.seconds * SECOND), action.run)
            return self._silence()
        if fault.name == "cancel_loses":
            action.before()
        if fault.name == "rows_late":
            action.late = round(fault.seconds * SECOND)
        return self._spoilt(fault.name, action, action.run())

    def _spoilt(self, fault: str, action: Action, reply: Reply) -> Reply:
        """What is left of the reply to a request that was processed."""
        if fault == "early_report":
            self.publish(self.exchange.drain())
            return Reply(reply.status, reply.body, delay=EARLY)
        if fault == "double_row":
            return action.doubled(reply)
        spoilt = {
            "lost_after": self._silence(), "error_5xx_after": AMBIGUOUS, "half_body": Reply(reply.status, reply.body, "half"),
            "reset": Reply(manner="reset"),
        }  # fmt: skip
        return spoilt.get(fault, reply)

    def _silence(self) -> Reply:
        return Reply(manner="hang" if self.faults.hang else "close")

    # routes

    def _route(self, request: Request) -> tuple[tuple[str, ...], Action]:
        match request.method, *request.path:
            case "POST", "orders":
                ticket = self._ticket(request)
                return ("send",), Sending(self, ticket)
            case "POST", "orders", "own", own_id, "cancel":
                return ("cancel",), Cancelling(self, request.account, "", own_id)
            case "POST", "orders", venue_id, "cancel":
                return ("cancel",), Cancelling(self, request.account, venue_id, "")
            case "GET", "orders":
                return ("read", "orders"), Listing(self, request.account, request.query)
            case "GET", *rest:
                return ("read",), Action(self._reads(tuple(rest), request))
        raise BadRequestError(f"there is no {request.method} /{'/'.join(request.path)}")

    def _reads(self, path: tuple[str, ...], request: Request) -> Callable[[], Reply]:
        exchange, query = self.exchange, request.query
        match path:
            case ("book", symbol):
                return lambda: self._of(symbol, lambda: answers.book(exchange.book(symbol)))
            case ("bars", symbol):
                return lambda: self._of(symbol, lambda: self._bars(exchange.market.complete(symbol, exchange.now)))
            case ("history", symbol):
                days = _whole(query, "days", 5)
                return lambda: self._of(symbol, lambda: self._bars(exchange.market.history(symbol, exchange.now, days)))
            case ("instruments", symbol):
                return lambda: self._of(symbol, lambda: self._instrument(symbol))
            case ("account",):
                return lambda: as_json({"name": request.account, "cash": {self._currency: exchange.account(request.account).cash}})
            case ("positions",):
                return lambda: as_json({"positions": {s: n for s, n in exchange.account(request.account).positions.items() if n}})
        raise BadRequestError(f"there is no GET /{'/'.join(path)}")

    @property
    def _currency(self) -> str:
        return self.exchange.settings.currency

    def _bars(self, found: dict[str, list[float]]) -> dict[str, Any]:
        return {"zone": self.settings.zone, "step": self.exchange.market.bars.step, **found}

    def _of(self, symbol: str, said: Callable[[], dict[str, Any]]) -> Reply:
        if symbol not in self.exchange.market.ticks:
            return as_json({"code": "symbol", "text": f"symbol {symbol!r} is not traded here", "lasting": True}, 404)
        return as_json(said())

    def _instrument(self, symbol: str) -> dict[str, Any]:
        exchange = self.exchange
        return {
            "symbol": symbol, "lot_size": exchange.settings.lot, "tick_size": exchange.market.ticks[symbol], "currency": self._currency,
            "zone": self.settings.zone, "calendar": self.settings.calendar,
        }  # fmt: skip

    def _ticket(self, request: Request) -> Ticket:
        said = _object(request)
        side = {"BUY": BUY, "SELL": SELL}.get(str(said.get("side")))
        quantity: Any = said.get("quantity")
        limit, own_id, symbol = said.get("limit"), said.get("own_id", ""), said.get("symbol")
        if side is None or not isinstance(symbol, str) or not _number(quantity) or not (limit is None or _number(limit)):
            raise BadRequestError("an order has symbol, side (BUY or SELL), quantity and limit (a number, or null at market)")
        if not isinstance(own_id, str) or len(own_id) > MOST_OWN_ID or not set(own_id) <= OWN_ID_CHARS:
            raise BadRequestError(f"own_id must be at most {MOST_OWN_ID} letters, digits, -, _ and ., got {own_id!r}")
        own_id = own_id if self.settings.client_ids else ""
        limit = math.nan if limit is None else limit
        return Ticket(account=request.account, symbol=symbol, side=side, quantity=quantity, limit=limit, own_id=own_id)


class Action:
    """What a request does, once it is done."""

    late = 0

    def __init__(self, run: Callable[[], Reply]) -> None:
        self._run = run

    def run(self) -> Reply:
        """Do it, and say what came of it."""
        return self._run()

    def before(self) -> None:
        """What a cancel that loses meets first."""

    def doubled(self, reply: Reply) -> Reply:
        """The reply with a row twice, where it has rows."""
        return reply


class Sending(Action):
    """An order."""

    def __init__(self, desk: Desk, ticket: Ticket) -> None:
        self._desk, self._ticket = desk, ticket

    def run(self) -> Reply:
        """Submit it."""
        exchange = self._desk.exchange
        order = exchange.submit(self._ticket)
        order.hidden_until = exchange.now + self.late if self.late else 0
        if order.state == "rejected":
            return as_json({"code": order.code, "text": order.reason, "lasting": order.lasting}, 422)
        return as_json({"venue_id": order.venue_id, "time": order.accepted}, 201)


class Cancelling(Action):
    """A cancel, by the venue's id or by our own."""

    def __init__(self, desk: Desk, account: str, venue_id: str, own_id: str) -> None:
        self._desk, self._account, self._venue_id, self._own_id = desk, account, venue_id, own_id

    def _order(self) -> VenueOrder | None:
        exchange = self._desk.exchange
        order = exchange.ledger.of_own_id(self._account, self._own_id) if self._own_id else exchange.ledger.of(self._venue_id)
        return order if order is not None and order.ticket.account == self._account else None

    def before(self) -> None:
        """Its order trades what is left of it."""
        order = self._order()
        if order is not None:
            self._desk.exchange.fill_rest(order.venue_id)

    def run(self) -> Reply:
        """Cancel."""
        order, exchange = self._order(), self._desk.exchange
        name = self._own_id or self._venue_id
        refusal = Refusal("unknown_order", f"there is no order {name}") if order is None else exchange.cancel(order.venue_id)
        if refusal is not None:
            return as_json({"code": refusal.code, "text": refusal.text, "lasting": refusal.lasting}, 422)
        return as_json({"venue_id": "" if order is None else order.venue_id, "time": exchange.now})


class Listing(Action):
    """A page of orders. Its cursor holds the time of the first page, so that what ends between two pages is on one of them."""

    def __init__(self, desk: Desk, account: str, query: dict[str, str]) -> None:
        self._desk, self._account, self._symbol = desk, account, query.get("symbol", "")
        self._since = _whole(query, "since", 0)
        first, _, after = query.get("cursor", "0:0").partition(":")
        if not first.isdecimal() or not after.isdecimal() or len(first) > DIGITS or len(after) > DIGITS:
            raise BadRequestError(f"cursor must be one that a page ended with, got {query['cursor']!r}")
        self._first, self._after = int(first), int(after)

    def run(self) -> Reply:
        """The page."""
        desk, exchange = self._desk, self._desk.exchange
        lag = round(desk.settings.confirm * SECOND)
        first = self._first or exchange.now
        wanted = (order for order in exchange.ledger.since(self._account, self._since, first - lag, self._after) if self._lists(order))
        page = list(islice(wanted, desk.settings.page))
        more = next(wanted, None) is not None
        rows = [order.row(exchange.now - lag) for order in page]
        cursor = f"{first}:{page[-1].number}" if more else None
        return as_json({"orders": rows, "more": more, "cursor": cursor, "as_of": exchange.now})

    def _lists(self, order: VenueOrder) -> bool:
        return order.hidden_until <= self._desk.exchange.now and self._symbol in ("", order.ticket.symbol)

    def doubled(self, reply: Reply) -> Reply:
        """The last row stands there twice."""
        said = json.loads(reply.body)
        said["orders"] += said["orders"][-1:]
        return as_json(said)


def _object(request: Request) -> dict[str, Any]:
    try:
        said = request.json()
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"the body must be JSON: {error}") from None
    if not isinstance(said, dict):
        raise BadRequestError(f"the body must be a JSON object, got {said!r}")
    return said


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MOST


def _whole(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or len(text) > DIGITS:
        raise BadRequestError(f"{name} must be a whole number from 0, got {text!r}")
    return int(text)
