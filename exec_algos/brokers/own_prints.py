"""`OwnPrints`: our own trades on the tape of each symbol."""

from __future__ import annotations

import math

from exec_algos.brokers.child import ChildOrder


class OwnPrints:
    """The children that were released, of all parent orders, whose trades the tape holds beside those of others."""

    def __init__(self) -> None:
        self._children: dict[str, list[ChildOrder]] = {}

    def add(self, symbol: str, child: ChildOrder) -> None:
        """Keep a child that was released."""
        self._children.setdefault(symbol, []).append(child)

    def shares(self, symbol: str, until: int = 0) -> float:
        """Shares of a symbol that traded up to `until` (ns UTC), up to now where that is 0."""
        children = self._children.get(symbol, ())
        return math.fsum(fill.quantity for child in children for fill in child.fills if not until or fill.time <= until)
