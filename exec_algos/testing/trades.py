"""Trades: what came of an order in one bar, and what is wrong with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from exec_algos.fills import UNCAPPED, FillModel, bar_budget
from exec_algos.market.bars import Bars
from exec_algos.model import Side
from exec_algos.model.window import shown

NEARLY = 1e-9  # of a price

ADVICE = {
    "no volume, no fill": "let nothing trade in a bar without volume",
    "a price that is none": "keep spread and impact finite and below the whole price; max_participation bounds what size adds",
    "a rule price outside the bar": "take a price from the bar's range, and leave the rest to spread and impact",
    "parts that do not sum": "let price = rule_price + spread + impact",
    "a spread that pays the order": "let half the spread be 0 or more",
    "an impact that pays the order": "let impact raise what a buy pays and lower what a sell gets",
    "a broken limit": "let no buy pay more than its limit, and no sell get less",
    "taxes above the commission": "let commission hold all that is charged, taxes included",
    "more than the budget of its bar": "give all orders of a bar together floor(cap * volume / lot) lots",
}


class Ordered(NamedTuple):
    """An order, and the world in which it shares the volume of bars with others.

    Attributes
    ----------
    number, world : int
    time : int
        When it begins, ns UTC.
    symbol : str
    side : int
        +1 buys, -1 sells.
    shares, lot : float
    limit : float
        Currency per share, NaN for a market order.
    cap : float or None
        Its own participation cap.
    """

    number: int
    world: int
    time: int
    symbol: str
    side: int
    shares: float
    lot: float
    limit: float
    cap: float | None = None


class Traded(NamedTuple):
    """What came of an order in one bar: `start` in ns UTC, prices in currency per share, `commission` and `taxes` in currency."""

    order: Ordered
    start: int
    shares: float
    price: float
    commission: float
    taxes: float
    rule_price: float
    spread: float
    impact: float

    def said(self, zone: str) -> str:
        """In words."""
        order = self.order
        made = f"rule price {self.rule_price:.10g}, spread {self.spread:.6g}, impact {self.impact:.6g}"
        costs = f", commission {self.commission:.10g} with taxes {self.taxes:.10g}" if self.commission or self.taxes else ""
        limit = "" if np.isnan(order.limit) else f", limit {order.limit:.10g}"
        what = f"{Side(order.side).name} {self.shares:g} {order.symbol} at {float(self.price)!r}"
        return f"{what} ({made}{limit}{costs}) in the bar of {shown(self.start, zone)}"


def faults_of(trades: Sequence[Traded], bars: Bars, model: FillModel) -> Iterator[tuple[str, str]]:
    """What is wrong with trades, each by kind and example.

    Parameters
    ----------
    trades : sequence of Traded
    bars : Bars
        Those in which they were made.
    model : FillModel
        Only its cap is asked.
    """
    rows = {(symbol, int(start)): row for symbol in bars.symbols for row, start in _rows(bars, symbol)}
    real: list[tuple[Traded, int]] = []
    for trade in trades:
        row = rows.get((trade.order.symbol, trade.start), -1)
        if row < 0 or not bars.volume[row] > 0:
            yield "no volume, no fill", trade.said(bars.zone)
            continue
        real.append((trade, row))
        for kind in _kinds(trade, float(bars.low[row]), float(bars.high[row])):
            yield kind, trade.said(bars.zone)
    yield from _over_budget(real, bars, model)


def _rows(bars: Bars, symbol: str) -> Iterator[tuple[int, int]]:
    rows = bars.rows(symbol)
    return zip(range(rows.start, rows.stop), bars.start[rows].tolist(), strict=True)


def _kinds(trade: Traded, low: float, high: float) -> list[str]:
    """What is wrong with one trade in a bar of that range."""
    if not (np.isfinite(trade.price) and trade.price > 0):
        return ["a price that is none"]
    side, slack = trade.order.side, NEARLY * trade.price
    found = {
        "a rule price outside the bar": not low - slack <= trade.rule_price <= high + slack,
        "parts that do not sum": not abs(trade.rule_price + trade.spread + trade.impact - trade.price) <= slack,
        "a spread that pays the order": not side * trade.spread >= -slack,
        "an impact that pays the order": not side * trade.impact >= -slack,
        "a broken limit": side * (trade.price - trade.order.limit) > slack,
        "taxes above the commission": not trade.taxes <= trade.commission + NEARLY * max(abs(trade.commission), 1.0),
    }
    return [kind for kind, wrong in found.items() if wrong]


def _over_budget(real: Sequence[tuple[Traded, int]], bars: Bars, model: FillModel) -> Iterator[tuple[str, str]]:
    """Bars that gave one order more than its cap allows, or all orders more than the widest of their caps does."""
    lots: dict[tuple[int, ...], int] = defaultdict(int)
    budgets: dict[tuple[int, ...], int] = defaultdict(int)
    names: dict[tuple[int, ...], str] = {}
    for trade, row in real:
        order = trade.order
        caps = [cap for cap in (model.max_participation, order.cap) if cap is not None]  # `FillModel.cap` is itself under test
        budget = bar_budget(min(caps, default=UNCAPPED) / order.lot, float(bars.volume[row]))
        keys: tuple[tuple[int, ...], ...] = ((order.world, row), (order.world, row, order.number))
        for key in keys:
            lots[key] += round(trade.shares / order.lot)
            budgets[key] = max(budgets[key], budget)
            names[key] = trade.said(bars.zone)
    for key, taken in lots.items():
        if taken > budgets[key]:
            yield "more than the budget of its bar", f"{taken} lots of {budgets[key]}; the last of them {names[key]}"
