"""Orders, executions and events as an exchange keeps them: the truth that a venue's answers may hide."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

BUY, SELL = 1, -1
SIDES = {BUY: "BUY", SELL: "SELL"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An order as a client writes it.

    Attributes
    ----------
    limit : float
        Currency per share, NaN at market.
    own_id : str
        The client's name for it, or empty.
    lasts : str
        ``"day"``; ``"ioc"``: what does not trade at once is over; ``"fok"``: likewise, and it trades as a whole or not at all.
    reserve : float
        Currency that a share of it holds while it is open; NaN: its limit, at market the quote.
    """

    account: str
    symbol: str
    side: int
    quantity: float
    limit: float = math.nan
    own_id: str = ""
    lasts: str = "day"
    reserve: float = math.nan


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused. `lasting`: the next such one would be refused too."""

    code: str
    text: str
    lasting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """A trade of an order. `filled` and `amount`: cumulative shares and value of the order with it."""

    execution_id: str
    venue_id: str
    own_id: str
    account: str
    symbol: str
    side: int
    quantity: float
    price: float
    time: int
    filled: float
    amount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What the exchange tells of an order.

    Attributes
    ----------
    kind : str
        ``accepted``, ``fill``, ``cancelled`` (shares of it are over), ``rejected``; a venue may add kinds of its own.
    request : str
        The venue's number of the request that it comes from, where a request has one.
    quantity : float
        Shares that are over, of ``cancelled``.
    """

    kind: str
    order: VenueOrder
    time: int
    execution: Execution | None = None
    reason: str = ""
    request: str = ""
    quantity: float = 0.0


@dataclass(slots=True, kw_only=True, eq=False)
class VenueOrder:
    """An order at the exchange.

    Attributes
    ----------
    number : int
        In the order in which the exchange took them.
    accepted, ended : int
        ns UTC; 0 while it is open.
    state : str
        ``"open"``, ``"done"`` or ``"rejected"``.
    hold : float
        Currency per open share that the account cannot spend elsewhere.
    cancelled : float
        Shares of it that are over without a trade, while it was open and at its end.
    auction : bool
        It waits for the opening auction.
    aside : bool
        It is not in the book yet, and trades nothing.
    hidden_until : int
        Until when lists of orders lack it, ns UTC.
    """

    number: int
    venue_id: str
    ticket: Ticket
    accepted: int
    quantity: float
    limit: float
    state: str = "open"
    reason: str = ""
    code: str = ""
    lasting: bool = False
    ended: int = 0
    hold: float = 0.0
    cancelled: float = 0.0
    auction: bool = False
    aside: bool = False
    hidden_until: int = 0
    executions: list[Execution] = field(default_factory=list)

    @property
    def filled(self) -> float:
        """Shares that traded."""
        return self.executions[-1].filled if self.executions else 0.0

    @property
    def amount(self) -> float:
        """Value of what traded, currency."""
        return self.executions[-1].amount if self.executions else 0.0

    @property
    def open(self) -> float:
        """Shares that may still trade."""
        return self.quantity - self.filled - self.cancelled if self.state == "open" else 0.0

    def accepts(self, price: float) -> bool:
        """Whether a trade at a price is within its limit."""
        return math.isnan(self.limit) or (price - self.limit) * self.ticket.side <= 0

    def within(self, low: float, high: float) -> bool:
        """Whether its limit lets it trade at any price of a range."""
        return self.accepts(low if self.ticket.side == BUY else high)

    def row(self, as_of: int) -> dict[str, Any]:
        """What a list of orders says of it that knows nothing later than an instant."""
        known = [execution for execution in self.executions if execution.time <= as_of]
        ended = self.state != "open" and self.ended <= as_of
        filled = known[-1].filled if known else 0.0
        return {
            "venue_id": self.venue_id,
            "own_id": self.ticket.own_id,
            "symbol": self.ticket.symbol,
            "side": SIDES[self.ticket.side],
            "quantity": self.quantity,
            "limit": None if math.isnan(self.limit) else self.limit,
            "filled": filled,
            "amount": known[-1].amount if known else 0.0,
            "open": 0.0 if ended else self.quantity - filled,
            "accepted": self.accepted,
            "state": self.state if ended else "open",
            "reason": self.reason if ended else "",
        }
