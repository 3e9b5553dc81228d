"""Fills with what their prices are made of, and what they add up to: all that an implementation shortfall needs of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats, Ints
from exec_algos.errors import UsageError

TOLERANCE = 1e-9


class PricedFills(NamedTuple):
    """Fills with what their prices are made of: columns of shape (n_fills,).

    Attributes
    ----------
    parent : ndarray of int64
        Row of the parent order.
    quantity : ndarray of float64
        Shares, > 0.
    price : ndarray of float64
        What was paid, ``rule_price + spread + impact``: currency per share.
    rule_price : ndarray of float64
        Price before spread and impact, currency per share; NaN where not known.
    spread, impact : ndarray of float64
        Currency per share, above 0 for a buy and below for a sell where it is a cost; NaN where not known, as of live fills.
    """

    parent: Ints
    quantity: Floats
    price: Floats
    rule_price: Floats
    spread: Floats
    impact: Floats

    @classmethod
    def of_prices(cls, parent: Ints, quantity: Floats, price: Floats) -> PricedFills:
        """Fills of which only the price is known."""
        unknown = np.full(len(parent), np.nan)
        return cls(parent, quantity, price, unknown, unknown, unknown)


class FillSums(NamedTuple):
    """What the fills of each order add up to: columns of shape (n_parents,). A shortfall needs no more of them.

    Attributes
    ----------
    filled : ndarray of float64
        Shares.
    notional, rule_price, spread, impact : ndarray of float64
        ``sum(q x)`` over the fills of what `PricedFills` says, currency.
    """

    filled: Floats
    notional: Floats
    rule_price: Floats
    spread: Floats
    impact: Floats

    @classmethod
    def of(cls, fills: PricedFills, n: int) -> FillSums:
        """Those of `n` orders, each added up in the sequence of its fills.

        Raises
        ------
        UsageError
            A fill without a parent, a quantity that is not above 0, or a price that is not the sum of rule price, spread and impact.
        """
        _check_fills(fills, n)
        priced = (fills.quantity * getattr(fills, name) for name in ("price", "rule_price", "spread", "impact"))
        return cls(*(np.bincount(fills.parent, amounts, n).astype(np.float64) for amounts in (fills.quantity, *priced)))


def _check_fills(fills: PricedFills, n: int) -> None:
    refuse((fills.parent < 0) | (fills.parent >= n), "fill", fills.parent, f"its parent is a row of the {n} orders")
    refuse(~(fills.quantity > 0), "fill", fills.quantity, "a fill has shares")
    explained = (fills.price > 0) | (fills.rule_price <= 0)  # by bars at or below zero
    refuse(~(np.isfinite(fills.price) & explained), "fill", fills.price, "a fill has a price above 0")
    gap = fills.rule_price + fills.spread + fills.impact - fills.price
    refuse(np.abs(gap) > TOLERANCE * np.abs(fills.price), "fill", gap, "its price is rule price + spread + impact, they differ by this")


def refuse(bad: npt.NDArray[np.bool_], what: str, values: npt.NDArray[Any], rule: str) -> None:
    """UsageError that names the first row where `bad`."""
    if bad.any():
        row = int(np.argmax(bad))
        raise UsageError(f"{what} {row} has {values[row]}: {rule}")
