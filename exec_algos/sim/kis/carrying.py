"""`Carrier`: what becomes of an order that KIS has taken: into the book, beside it, after its stop, by a plan, or refused after all."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from exec_algos.errors import UsageError
from exec_algos.sim.exchange import Exchange
from exec_algos.sim.kis import krx
from exec_algos.sim.kis.floor import hours, phase
from exec_algos.sim.kis.register import SECOND, Entry
from exec_algos.sim.orders import BUY, VenueOrder

REJECTED = "거래소 거부"
REJECTS_AFTER = 0.5  # seconds between KIS's answer and the exchange's refusal
FIXED = ("05", "06")


@dataclass(frozen=True, slots=True)
class PlannedFill:
    """So many seconds after its order was taken, shares trade at a price (KRW; None: at the quote)."""

    after: float
    shares: int
    price: float | None = None


class Carrier:
    """Carries orders to an exchange.

    Parameters
    ----------
    exchange : Exchange
    """

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self._plans: dict[str, deque[tuple[PlannedFill, ...]]] = {}

    def plan(self, symbol: str, fills: Any, times: int = 1) -> None:
        """Say how the next `times` orders of a symbol trade: as ``{"after": seconds, "shares": n, "price": KRW}`` each, and no more.

        Raises
        ------
        UsageError
            No such symbol, or what is no list of such fills.
        """
        if symbol not in self.exchange.market.ticks:
            raise UsageError(f"symbol {symbol!r} has no bars; there are {', '.join(self.exchange.market.ticks)}")
        if not isinstance(fills, list) or times < 1:
            raise UsageError(f"a plan needs a list of fills and times of 1 or more, got {fills!r} and {times!r}")
        planned = tuple(_fill(fill) for fill in fills)
        self._plans.setdefault(symbol, deque()).extend([planned] * times)

    def carry(self, entry: Entry, order: VenueOrder, stop: int = 0, *, rejects: bool = False) -> None:
        """Do with an order, which the exchange has taken aside, what its type, the hour and its plan say."""
        exchange, now = self.exchange, self.exchange.now
        if order.state != "open":
            return
        today, lasts = hours(exchange, now), order.ticket.lasts
        if rejects:
            exchange.defer(now + round(REJECTS_AFTER * SECOND), lambda: exchange.reject(order.venue_id, "rejected", REJECTED))
            return
        until = self._waits_until(entry)
        plans = self._plans.get(entry.symbol)
        if plans:
            self._follow(order, plans.popleft())
            self._over_at(order, max(until, 0 if today is None else today.close))
        elif stop:
            self._watch(order, stop)
            self._over_at(order, max(until, 0 if today is None else today.close))
        elif until and lasts != "day":
            exchange.cancel(order.venue_id)
        elif until:
            self._over_at(order, until)
        else:
            exchange.enter(order.venue_id)
            self._later(entry, order, today)

    def _later(self, entry: Entry, order: VenueOrder, today: krx.DayHours | None) -> None:
        """What the closing auction changes: a conditional limit loses its limit, and an order of NXT waits for the evening."""
        if today is None or order.state != "open":
            return
        if entry.dvsn == "02":
            self.exchange.defer(today.call, lambda: setattr(order, "limit", math.nan))
        if entry.exchange == "NXT":
            self.exchange.defer(today.call, lambda: self.exchange.leave(order.venue_id))
            self._over_at(order, today.evening)

    def _waits_until(self, entry: Entry) -> int:
        """Until when an order waits beside the book, ns UTC; 0 for one that does not: the recorded market is KRX's regular session."""
        today, now = hours(self.exchange, self.exchange.now), self.exchange.now
        regular = (krx.Phase.CONTINUOUS,) if entry.exchange == "NXT" else krx.ALL_DAY
        if today is None or (phase(self.exchange, now) in regular and entry.dvsn not in FIXED):
            return 0
        return {"05": today.preopen + 10 * krx.MINUTE, "06": today.after}.get(entry.dvsn, today.evening)

    def _over_at(self, order: VenueOrder, instant: int) -> None:
        """It ends at an instant, where it is open by then."""
        self.exchange.defer(instant, lambda: self._end(order))

    def _end(self, order: VenueOrder) -> None:
        if order.state == "open" and order.aside:
            self.exchange.cancel(order.venue_id)

    def _watch(self, order: VenueOrder, stop: int) -> None:
        """Let it into the book when the last price has come to its stop."""
        exchange = self.exchange
        if order.state != "open":
            return
        if (exchange.market.quote(order.ticket.symbol, exchange.now).last - stop) * order.ticket.side >= 0:
            exchange.enter(order.venue_id)
        else:
            exchange.defer(exchange.now + SECOND, lambda: self._watch(order, stop))

    def _follow(self, order: VenueOrder, fills: tuple[PlannedFill, ...]) -> None:
        for fill in fills:
            self.exchange.defer(self.exchange.now + round(fill.after * SECOND), partial(self._fill, order, fill))

    def _fill(self, order: VenueOrder, fill: PlannedFill) -> None:
        quote = self.exchange.market.quote(order.ticket.symbol, self.exchange.now)
        price = fill.price if fill.price is not None else quote.ask if order.ticket.side == BUY else quote.bid
        self.exchange.trade_at(order.venue_id, fill.shares, price)


def _fill(said: Any) -> PlannedFill:
    if not isinstance(said, Mapping) or not {"after", "shares"} <= set(said) <= {"after", "shares", "price"}:
        raise UsageError(f"a planned fill has after (seconds), shares and perhaps price (KRW), got {said!r}")
    for name, value in said.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
            raise UsageError(f"{name} of a planned fill must be a number of 0 or more, got {value!r}")
    if not isinstance(said["shares"], int) or not said["shares"]:
        raise UsageError(f"shares of a planned fill must be a whole number above 0, got {said['shares']!r}")
    return PlannedFill(**said)
