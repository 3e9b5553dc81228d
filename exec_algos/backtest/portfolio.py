"""`Portfolio`: cash, positions and profit, from fills."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from exec_algos.model import Fill


@dataclass(slots=True)
class Position:
    """What is held of a symbol.

    Attributes
    ----------
    shares : float
        > 0 long, < 0 short.
    cost : float
        Average price paid for them, currency per share.
    realised : float
        Profit of what was closed, before fees, currency.
    """

    shares: float = 0
    cost: float = 0.0
    realised: float = 0.0

    def trade(self, shares: float, price: float) -> None:
        """Take in a trade of signed `shares` at `price`."""
        if self.shares * shares >= 0:
            held = self.shares + shares
            self.cost = (self.cost * self.shares + price * shares) / held if held else 0.0
            self.shares = held
            return
        closed = min(abs(shares), abs(self.shares)) * (1 if self.shares > 0 else -1)
        self.realised += closed * (price - self.cost)
        rest = self.shares + shares
        if rest * self.shares < 0:
            self.cost = price
        self.shares = rest


class Portfolio:
    """The account of a run.

    Parameters
    ----------
    cash : float
        To begin with, currency.
    mark : callable
        The last known price of a symbol, currency per share.
    """

    def __init__(self, cash: float, mark: Callable[[str], float]) -> None:
        self.cash = cash
        self.fees = 0.0
        self.positions: dict[str, Position] = {}
        self._mark = mark

    def book(self, fill: Fill) -> None:
        """Take in a fill: money moves by ``-side * quantity * price - commission``."""
        signed = fill.quantity if fill.side > 0 else -fill.quantity
        self.cash -= signed * fill.fill_price + fill.commission
        self.fees += fill.commission
        position = self.positions.get(fill.ticker)
        if position is None:
            position = self.positions[fill.ticker] = Position()
        position.trade(signed, fill.fill_price)

    def value(self) -> float:
        """Positions at their last price, currency."""
        return sum(held.shares * self._mark(symbol) for symbol, held in self.positions.items())

    def realised(self) -> float:
        """Profit of closed positions before fees, currency."""
        return sum(held.realised for held in self.positions.values())

    def unrealised(self) -> float:
        """Profit of open positions at their last price, before fees, currency."""
        return sum(held.shares * (self._mark(symbol) - held.cost) for symbol, held in self.positions.items())
