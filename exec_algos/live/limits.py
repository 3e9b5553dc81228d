"""Limits of size that stand before every parent and child order: pure functions of order, quantity and price."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from exec_algos.checks import check_real
from exec_algos.errors import UsageError
from exec_algos.model import ParentOrder

CHILD: Mapping[str, float] = MappingProxyType({"KRW": 10_000_000.0, "USD": 10_000.0})  # value of a child order
PARENTS = 10.0  # children's worth that a parent order may have
OF_CHILD, OF_PARENT = "max_child_notional", "max_parent_notional"


def above(name: str, value: float, bound: float, currency: str) -> str:
    """Why an order of a value is refused; empty where it is within the bound.

    A value that is not known is refused too.
    """
    if value <= bound:
        return ""
    setting = f"--{name.replace('_', '-')}"
    if math.isnan(value):
        return f"{name}: its value is not known, for there is no price; wait for one, or give a limit price"
    return f"{name}: its value {value:,.2f} {currency} is above {bound:,.2f} {currency}; order less, or raise the limit by {setting}"


def worth(shares: float, price: float, limit: float | None) -> float:
    """The most that an order may be worth: shares times the last price, or the limit where that is higher or the price is not known."""
    known = [amount for amount in (price, math.nan if limit is None else limit) if not math.isnan(amount)]
    return abs(shares) * max(known) if known else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class NotionalLimits:
    """The most that a child and a parent order may be worth.

    Parameters
    ----------
    currency : str
        Of the prices: ``"KRW"``, ``"USD"``.
    max_child_notional, max_parent_notional : float, optional
        Currency; 10 million KRW or 10,000 USD a child, and ten times a child's bound a parent. For another currency that of a child
        must be given.

    Raises
    ------
    UsageError
        A bound that is not positive and finite, none for a currency that has no default, or a parent's below a child's.
    """

    currency: str
    max_child_notional: float | None = None
    max_parent_notional: float | None = None

    def __post_init__(self) -> None:
        for name in (OF_CHILD, OF_PARENT):
            value = getattr(self, name)
            if value is None:
                continue
            check_real(**{name: value})
            if not 0 < value < math.inf:
                raise UsageError(f"{name} must be positive and finite, in {self.currency or 'the currency of the prices'}, got {value!r}")
        if self.max_child_notional is None and self.currency not in CHILD:
            raise UsageError(
                f"{OF_CHILD} must be given for orders in {self.currency or 'a currency that the venue does not name'} "
                f"(--max-child-notional); known: {', '.join(f'{amount:,.0f} {name}' for name, amount in CHILD.items())}"
            )
        if self.of_parent < self.of_child:
            raise UsageError(
                f"{OF_PARENT} {self.of_parent:,.0f} is below {OF_CHILD} {self.of_child:,.0f}; raise the one or lower the other"
            )

    @property
    def of_child(self) -> float:
        """The bound of a child, currency."""
        return CHILD[self.currency] if self.max_child_notional is None else self.max_child_notional

    @property
    def of_parent(self) -> float:
        """The bound of a parent, currency."""
        return PARENTS * self.of_child if self.max_parent_notional is None else self.max_parent_notional

    def refuse_parent(self, parent: ParentOrder, price: float) -> str:
        """Why a parent order must not be accepted, at a last price in currency per share (NaN: not known)."""
        return above(OF_PARENT, worth(parent.quantity, price, parent.rules.limit_price), self.of_parent, self.currency)

    def refuse_child(self, parent: ParentOrder, shares: float, price: float) -> str:
        """Why a child of so many shares must not be sent."""
        return above(OF_CHILD, worth(shares, price, parent.rules.limit_price), self.of_child, self.currency)


class VenueLimits:
    """The bounds of each order in the currency of its instrument.

    Parameters
    ----------
    currency_of : callable
        The currency of a symbol; empty where it is not known.
    max_child_notional, max_parent_notional : float, optional
        As `NotionalLimits`, for orders of one currency.
    """

    def __init__(
        self, currency_of: Callable[[str], str], *, max_child_notional: float | None = None, max_parent_notional: float | None = None
    ) -> None:
        self._currency_of = currency_of
        self._given = {OF_CHILD: max_child_notional, OF_PARENT: max_parent_notional}
        NotionalLimits(currency="USD", **self._given)  # what cannot be is refused now, not with the first order

    def of(self, symbol: str) -> NotionalLimits:
        """The bounds that hold for a symbol.

        Raises
        ------
        UsageError
            Its currency has none by default, and none was given.
        """
        return NotionalLimits(currency=self._currency_of(symbol), **self._given)

    def refuse_parent(self, parent: ParentOrder, price: float) -> str:
        """Why a parent order must not be accepted."""
        try:
            return self.of(parent.symbol).refuse_parent(parent, price)
        except UsageError as error:
            return str(error)

    def refuse_child(self, parent: ParentOrder, shares: float, price: float) -> str:
        """Why a child of so many shares must not be sent."""
        try:
            return self.of(parent.symbol).refuse_child(parent, shares, price)
        except UsageError as error:
            return str(error)
