"""`ScriptedVenue`: a venue in memory behind a broker that is tried: it trades in parts over time, and goes wrong on purpose."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from exec_algos.clock import Clock
from exec_algos.clock.queue import EventQueue
from exec_algos.clock.virtual import Pump, VirtualClock
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.model import SECOND, Side

START = 1_766_588_400_000_000_000  # 2025-12-24 10:00 in New York: in a session
KNOWN = {
    "send": ("lost_before", "lost_after", "late", "over_fill"),
    "cancel": ("lost_before", "lost_after", "cancel_loses"),
    "orders": ("lost_before", "double_row"),
}


class ScriptedVenue:
    """A venue in memory, for `check_broker`; it is its own control.

    What a broker's client calls is `submit`, `cancel` and `look`. Each raises ConnectionError where the connection breaks, whatever
    became of the request. An order trades a part of itself when it is taken, and again as time goes on.

    Parameters
    ----------
    clock : Clock, optional
        Its time. By default a virtual one, in which no test waits: give it to the broker as its `clock`.
    symbol : str
        All that is traded there.
    price : float
        Currency per share.
    part : float
        Of an order, that trades at a time.
    every : float
        Seconds between two trades of an order.
    """

    def __init__(
        self, clock: Clock | None = None, *, symbol: str = "A", price: float = 100.0, part: float = 0.25, every: float = 4.0
    ) -> None:
        if clock is None:
            queue = EventQueue(START)
            clock = VirtualClock(queue, Pump(queue))
        self.time, self.symbol, self.price, self.part, self.every = clock, symbol, price, part, round(every * SECOND)
        self._orders: dict[str, dict[str, Any]] = {}
        self._executions: list[dict[str, Any]] = []
        self._script: dict[tuple[str, int], Mapping[str, Any]] = {}
        self._count: dict[str, int] = {}
        self._later: list[tuple[int, dict[str, Any]]] = []

    # what a client calls

    async def submit(self, symbol: str, side: Side | str, shares: float, limit: float | None = None) -> str:
        """Place an order; returns its id.

        Raises
        ------
        ValueError
            The venue refuses it.
        ConnectionError
            The connection broke; the order may be there.
        """
        fault = self._next("send")
        order = {"symbol": symbol, "side": Side.of(side).name, "quantity": shares, "limit": limit}
        name = fault.get("fault")
        if name == "lost_before":
            _broken()
        if name == "late":
            self._later.append((self.now + round(float(fault.get("seconds", 5)) * SECOND), order))
            _broken()
        order_id = self._take(order)
        if name == "over_fill":
            self._trade(self._orders[order_id], 1.5 * shares)
        if name == "lost_after":
            _broken()
        return order_id

    async def cancel(self, order_id: str) -> bool:
        """End what is open of an order; False where it is over.

        Raises
        ------
        ConnectionError
            The connection broke; the cancel may have come.
        """
        fault, order = self._next("cancel").get("fault"), self._order(order_id)
        if fault == "lost_before":
            _broken()
        if fault == "cancel_loses" and order["state"] == "open":
            self._trade(order, order["open"])
        ended: bool = order["state"] == "open"
        if ended:
            order["state"], order["open"] = "done", 0.0
        if fault == "lost_after":
            _broken()
        return ended

    async def look(self, order_id: str) -> Mapping[str, Any]:
        """An order as it stands: those of `truth`, and its ``executions``.

        Raises
        ------
        ConnectionError
            The connection broke.
        """
        fault, order = self._next("orders").get("fault"), self._order(order_id)
        if fault == "lost_before":
            _broken()
        trades = [trade for trade in self._executions if trade["venue_id"] == order_id]
        return {**order, "executions": trades + trades[-1:] if fault == "double_row" else trades}

    # what a check asks

    def truth(self) -> Mapping[str, Any]:
        """All orders and executions."""
        self._catch_up()
        return {"orders": [dict(order) for order in self._orders.values()], "executions": [dict(trade) for trade in self._executions]}

    def faults(self, script: Sequence[Mapping[str, Any]] = ()) -> None:
        """What goes wrong from here on; see `exec_algos.testing.Control.faults`.

        Raises
        ------
        UnknownNameError
            A fault that this venue cannot have.
        """
        for entry in script:
            if entry["fault"] not in KNOWN.get(entry["on"], ()):
                raise UnknownNameError(f"fault of {entry['on']}", entry["fault"], KNOWN.get(entry["on"], ()))
        self._script, self._count = {(entry["on"], entry["n"]): entry for entry in script}, {}

    @property
    def now(self) -> int:
        """Its time, ns UTC."""
        return self.time.now

    # how it trades

    def _next(self, on: str) -> Mapping[str, Any]:
        self._catch_up()
        self._count[on] = self._count.get(on, 0) + 1
        return self._script.get((on, self._count[on]), {})

    def _order(self, order_id: str) -> dict[str, Any]:
        if order_id not in self._orders:
            raise UsageError(f"the venue has no order {order_id!r}; take the id that submit returned")
        return self._orders[order_id]

    def _take(self, order: Mapping[str, Any]) -> str:
        if order["symbol"] != self.symbol or not order["quantity"] > 0:
            raise ValueError(f"refused: {order}")
        order_id = f"o{len(self._orders) + 1}"
        taken = {"venue_id": order_id, "own_id": "", **order, "filled": 0.0, "amount": 0.0, "open": order["quantity"], "accepted": self.now,
                 "state": "open", "traded": self.now}  # fmt: skip
        self._orders[order_id] = taken
        self._trade(taken, self._portion(taken))
        return order_id

    def _portion(self, order: Mapping[str, Any]) -> float:
        limit, side = order["limit"], Side[order["side"]]
        part: int = max(math.ceil(order["quantity"] * self.part), 1)
        if limit is not None and not math.isnan(limit) and (self.price - limit) * side > 0:
            return 0.0
        return min(part, float(order["open"]))

    def _trade(self, order: dict[str, Any], shares: float) -> None:
        if not shares > 0:
            return
        trade = {
            "execution_id": f"e{len(self._executions) + 1}",
            "venue_id": order["venue_id"],
            "quantity": shares,
            "price": self.price,
            "time": self.now,
        }
        self._executions.append(trade)
        order["filled"] += shares
        order["amount"] += shares * self.price
        order["open"] = max(order["quantity"] - order["filled"], 0.0)
        if not order["open"]:
            order["state"] = "done"

    def _catch_up(self) -> None:
        """Orders that come late, and trades whose time has come."""
        for due in [entry for entry in self._later if entry[0] <= self.now]:
            self._later.remove(due)
            self._take(due[1])
        for order in self._orders.values():
            while order["state"] == "open" and order["traded"] + self.every <= self.now:
                order["traded"] += self.every
                self._trade(order, self._portion(order))


def _broken() -> NoReturn:
    raise ConnectionError("the connection broke")
