"""`Portfolio`: cash, positions and profit, from fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    fills : sequence of Fill
        The run's fills so far; it may grow, and what is new is booked when the account is looked at.
    mark : callable
        The last known price of a symbol, currency per share.
    """

    def __init__(self, cash: float, fills: Sequence[Fill], mark: Callable[[str], float]) -> None:
        self._cash, self._fees = cash, 0.0
        self._positions: dict[str, Position] = {}
        self._fills, self._booked, self._mark = fills, 0, mark

    @property
    def cash(self) -> float:
        """Money, currency."""
        self._book()
        return self._cash

    @property
    def fees(self) -> float:
        """Commission paid so far, currency."""
        self._book()
        return self._fees

    @property
    def positions(self) -> Mapping[str, Position]:
        """What is held, by symbol."""
        self._book()
        return self._positions

    def _book(self) -> None:
        """Take in new fills: money moves by ``-side * quantity * price - commission``."""
        while self._booked < len(self._fills):
            self._take(self._fills[self._booked])
            self._booked += 1

    def _take(self, fill: Fill) -> None:
        signed = fill.quantity if fill.side > 0 else -fill.quantity
        self._cash -= signed * fill.fill_price + fill.commission
        self._fees += fill.commission
        self._positions.setdefault(fill.ticker, Position()).trade(signed, fill.fill_price)

    def value(self) -> float:
        """Positions at their last price, currency."""
        return sum(held.shares * self._mark(symbol) for symbol, held in self.positions.items())

    def realised(self) -> float:
        """Profit of closed positions before fees, currency."""
        return sum(held.realised for held in self.positions.values())

    def unrealised(self) -> float:
        """Profit of open positions at their last price, before fees, currency."""
        return sum(held.shares * (self._mark(symbol) - held.cost) for symbol, held in self.positions.items())
