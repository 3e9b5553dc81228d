"""What a venue says in JSON: books, bars, orders, reports, the truth."""

from __future__ import annotations

import math
from typing import Any

from exec_algos.sim.exchange import BookView, Exchange
from exec_algos.sim.orders import SIDES, Event, Execution, VenueOrder


def known(value: float) -> float | None:
    """A number; None for NaN, which JSON does not have."""
    return None if math.isnan(value) else value


def book(view: BookView) -> dict[str, Any]:
    """Quotes, best first."""
    return {"bids": view.bids, "asks": view.asks, "time": view.time, "last": known(view.last), "traded": view.traded}


def report(event: Event, client_ids: bool) -> dict[str, Any]:
    """A pushed report; cumulative numbers are those of its execution."""
    ticket, execution = event.order.ticket, event.execution
    said: dict[str, Any] = {
        "kind": event.kind, "venue_id": event.order.venue_id, "own_id": ticket.own_id if client_ids else "", "symbol": ticket.symbol,
        "side": SIDES[ticket.side], "time": event.time, "reason": event.reason,
    }  # fmt: skip
    if execution is not None:
        said |= {
            "quantity": execution.quantity, "price": execution.price, "execution_id": execution.execution_id,
            "filled": execution.filled, "amount": execution.amount,
        }  # fmt: skip
    return said


def truth(exchange: Exchange) -> dict[str, Any]:
    """All orders and executions of all accounts, as the exchange has them."""
    return {
        "now": exchange.now,
        "orders": [_order(order, exchange.now) for order in exchange.orders],
        "executions": [_execution(execution) for execution in exchange.executions],
    }


def _order(order: VenueOrder, now: int) -> dict[str, Any]:
    return {**order.row(now), "account": order.ticket.account, "ended": order.ended, "code": order.code}


def _execution(execution: Execution) -> dict[str, Any]:
    return {name: getattr(execution, name) for name in Execution.__slots__} | {"side": SIDES[execution.side]}
