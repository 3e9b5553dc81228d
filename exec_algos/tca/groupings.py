"""Implementation shortfall from the totals of an order, in the three groupings of the literature; one and the same total.

Every function uses ``+ - *`` only, so it takes plain numbers, `fractions.Fraction` (then it is exact) or arrays.
Positive = cost, in currency.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Ledger(NamedTuple):
    """An order in totals: numbers, fractions, or arrays of shape (n_parents,).

    Attributes
    ----------
    side : number
        +1 buys, -1 sells.
    ordered, filled : number
        Shares.
    notional : number
        Sum of quantity x price over the fills, currency; 0 where nothing was filled.
    decision, arrival, mark : number
        Price at the decision, price when the order reached the market, and price at which what was not filled is valued: currency
        per share.
    fees : number
        Currency, positive = cost.
    """

    side: Any
    ordered: Any
    filled: Any
    notional: Any
    decision: Any
    arrival: Any
    mark: Any
    fees: Any


class Perold(NamedTuple):
    """Execution and opportunity cost against the decision price, and fees."""

    execution: Any
    opportunity: Any
    fees: Any


class Wagner(NamedTuple):
    """Delay on the whole order (of what was filled and of what was not), trading from the arrival on, opportunity, fees."""

    delay_traded: Any
    delay_untraded: Any
    trading: Any
    opportunity: Any
    fees: Any

    @property
    def delay(self) -> Any:
        """``delay_traded + delay_untraded``."""
        return self.delay_traded + self.delay_untraded


class Cfa(NamedTuple):
    """Delay on what was filled, trading, missed trade against the decision price, fees."""

    delay: Any
    trading: Any
    missed: Any
    fees: Any


def paper_return(order: Ledger) -> Any:
    """What the paper portfolio earns, which trades the whole order at the decision price: ``side S (P_n - P_d)``, currency."""
    return order.side * order.ordered * (order.mark - order.decision)


def actual_return(order: Ledger) -> Any:
    """What the real one earns: ``side (Q P_n - sum(q p)) - fees``, currency."""
    return order.side * (order.filled * order.mark - order.notional) - order.fees


def total_cost(order: Ledger) -> Any:
    """Implementation shortfall from the cash flows: ``paper_return - actual_return``, currency.

    Notes
    -----
    Perold (1988), The Implementation Shortfall: Paper versus Reality, J. Portfolio Management 14(3), 4-9.
    """
    return paper_return(order) - actual_return(order)


def perold(order: Ledger) -> Perold:
    """``side (sum(q p) - Q P_d)``, ``side (S - Q)(P_n - P_d)`` and fees.

    Notes
    -----
    Perold (1988), as in `total_cost`.
    """
    side, open_shares = order.side, order.ordered - order.filled
    return Perold(
        execution=side * (order.notional - order.filled * order.decision),
        opportunity=side * open_shares * (order.mark - order.decision),
        fees=order.fees,
    )


def wagner(order: Ledger) -> Wagner:
    """``side Q (P_0 - P_d)``, ``side (S - Q)(P_0 - P_d)``, ``side (sum(q p) - Q P_0)``, ``side (S - Q)(P_n - P_0)`` and fees.

    Notes
    -----
    Wagner and Edwards (1993), Best Execution, Financial Analysts J. 49(1), 65-71; Kissell (2013), The Science of Algorithmic Trading
    and Portfolio Management, ch. 3, Expanded Implementation Shortfall.
    """
    side, moved, open_shares = order.side, order.arrival - order.decision, order.ordered - order.filled
    return Wagner(
        delay_traded=side * order.filled * moved,
        delay_untraded=side * open_shares * moved,
        trading=side * (order.notional - order.filled * order.arrival),
        opportunity=side * open_shares * (order.mark - order.arrival),
        fees=order.fees,
    )


def cfa(order: Ledger) -> Cfa:
    """``side Q (P_0 - P_d)``, ``side (sum(q p) - Q P_0)``, ``side (S - Q)(P_n - P_d)`` and fees.

    Notes
    -----
    CFA Program curriculum, Level III, Trade Strategy and Execution: delay cost on the shares filled, the missed trade against the
    decision price.
    """
    side = order.side
    return Cfa(
        delay=side * order.filled * (order.arrival - order.decision),
        trading=side * (order.notional - order.filled * order.arrival),
        missed=side * (order.ordered - order.filled) * (order.mark - order.decision),
        fees=order.fees,
    )
