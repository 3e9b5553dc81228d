"""A crowd: orders of one symbol and side that share the volume of its bars, in one replayed market."""

from __future__ import annotations

from typing import NamedTuple

from exec_algos.clock.queue import Rank
from exec_algos.exchange.market import Market
from exec_algos.fills import FillModel
from exec_algos.market.calendars import Sessions
from exec_algos.model import ParentOrder, Side
from exec_algos.testing.cases import SIZES, STEP, SYMBOLS, quoted_bars, session_of
from exec_algos.testing.trades import Ordered, Traded

CROWD = 48  # market and limit orders, with a cap of their own and without, of three sizes, in two symbols
CROWDED = tuple(size // 10 for size in SIZES)  # several go into one bar
OWN_CAP = 0.05
PATIENCE = 5 * STEP  # the largest orders would take every later bar
LOTS = (1.0, 0.1)  # by the last bit of the seed


class Crowd(NamedTuple):
    """Some orders, and the market in which they are worked.

    Attributes
    ----------
    model : FillModel
    seed : int
        Makes the bars; by its last bit it chooses the half day or the day after, the lot, and which symbol is bought.
    hours : Sessions
    symbols : tuple of str
        In the order in which they join the market.
    cut : int
        Bars that end after it (ns UTC) are other ones, unless it is 0.
    """

    model: FillModel
    seed: int
    hours: Sessions
    symbols: tuple[str, ...] = SYMBOLS
    cut: int = 0

    @property
    def open(self) -> int:
        """When the session opens, ns UTC."""
        return session_of(self.hours, self.seed)[0]

    @property
    def close(self) -> int:
        """When it closes."""
        return session_of(self.hours, self.seed)[1]

    def orders(self) -> list[Ordered]:
        """Those of its symbols, in the order in which they come: of one side in each, for two sides undo each other's impact."""
        limits = {symbol: self._opening(symbol) for symbol in self.symbols}
        made = []
        for n in range(CROWD):
            symbol, side = SYMBOLS[n % 2], 1 if (n + self.seed) % 2 else -1
            if symbol in limits:
                limit, cap = limits[symbol] if n // 2 % 2 else float("nan"), OWN_CAP if n // 4 % 2 else None
                made.append(Ordered(n, 0, self.open + n // 4 * STEP, symbol, side, CROWDED[n % 3], LOTS[self.seed % 2], limit, cap))
        return made

    def _opening(self, symbol: str) -> float:
        """A limit that the session begins at."""
        bars = quoted_bars(symbol, self.seed, self.hours)
        return round(float(bars.open[bars.start == self.open][0]), 2)

    def trades(self) -> list[Traded]:
        """What comes of its orders."""
        market = Market(self.model, self.open, self.hours)
        for symbol in self.symbols:
            market.add(quoted_bars(symbol, self.seed, self.hours, self.cut))
        sent: dict[int, Ordered] = {}

        def send(order: Ordered) -> None:
            terms = ParentOrder(
                symbol=order.symbol, side=Side(order.side), quantity=order.shares, start=order.time, end=self.close,
                interval=self.close - order.time, lot_size=order.lot, max_participation=order.cap,
            )  # fmt: skip
            parent = market.open_parent(terms)
            sent[parent.parent_id] = order
            market.rest(market.stream(order.symbol), parent.parent_id, parent.lots, order.limit, min(order.time + PATIENCE, self.close))

        for order in self.orders():
            market.queue.put(order.time, Rank.WAKE, send, order)
        market.queue.run()
        stamp = 0 if self.model.rule.at_start else STEP
        return [
            Traded(
                sent[fill.parent_id], fill.time - stamp, fill.quantity, fill.fill_price, fill.commission, fill.taxes, fill.rule_price,
                fill.spread, fill.impact,
            )
            for fill in market.fills
        ]  # fmt: skip
