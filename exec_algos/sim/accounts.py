"""`Accounts`: cash and positions, what orders hold of them, and which orders they allow."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from exec_algos.sim.orders import BUY, Execution, Refusal, Ticket, VenueOrder
from exec_algos.sim.settings import ExchangeSettings


@dataclass(slots=True)
class Holdings:
    """An account. `held`: currency that open buys hold; `offered`: shares that open sells offer, by symbol."""

    name: str
    cash: float
    positions: dict[str, float] = field(default_factory=dict)
    held: float = 0.0
    offered: dict[str, float] = field(default_factory=dict)


class Accounts:
    """Accounts by name; one that is asked for the first time begins with the cash of the settings."""

    def __init__(self, settings: ExchangeSettings) -> None:
        self._settings = settings
        self._known: dict[str, Holdings] = {}

    def of(self, name: str) -> Holdings:
        """The account of that name."""
        if name not in self._known:
            self._known[name] = Holdings(name, self._settings.cash)
        return self._known[name]

    def refusal(self, ticket: Ticket, price: float) -> Refusal | None:
        """Why the account cannot carry an order, priced at `price`; None where it can."""
        account = self.of(ticket.account)
        if ticket.side == BUY:
            need, free = price * ticket.quantity, account.cash - account.held
            if need > free:
                return Refusal("cash", f"{ticket.account} has {free:g} to spend, and the order needs {need:g}")
            return None
        free = account.positions.get(ticket.symbol, 0.0) - account.offered.get(ticket.symbol, 0.0)
        if not self._settings.short_selling and ticket.quantity > free:
            return Refusal("position", f"{ticket.account} has {free:g} {ticket.symbol} to sell, and the order sells {ticket.quantity:g}")
        return None

    def hold(self, order: VenueOrder, shares: float) -> None:
        """Hold what `shares` more of an open order need; fewer where it is negative."""
        account, ticket = self.of(order.ticket.account), order.ticket
        if ticket.side == BUY:
            account.held += order.hold * shares
        else:
            account.offered[ticket.symbol] = account.offered.get(ticket.symbol, 0.0) + shares

    def book(self, order: VenueOrder, execution: Execution, charge: float = 0.0) -> None:
        """Move cash and shares; `charge`: currency that the trade costs beside its price."""
        account, ticket = self.of(order.ticket.account), order.ticket
        self.hold(order, -execution.quantity)
        account.cash -= ticket.side * execution.quantity * execution.price + charge
        account.positions[ticket.symbol] = account.positions.get(ticket.symbol, 0.0) + ticket.side * execution.quantity


def priced(ticket: Ticket, reference: float) -> float:
    """What a share of an order is taken to cost: what it says it reserves, its limit, else a reference; 0 where there is none."""
    price = ticket.reserve if not math.isnan(ticket.reserve) else reference if math.isnan(ticket.limit) else ticket.limit
    return 0.0 if math.isnan(price) else price
