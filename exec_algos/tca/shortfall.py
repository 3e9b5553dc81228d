"""Implementation shortfall of parent orders: delay + spread + impact + timing + opportunity + fees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats, Ints
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.stats.estimable import Estimable, Missing, estimable_frame
from exec_algos.stats.statistics import clustered_mean
from exec_algos.tca.benchmarks import View, session_close, window_end, window_end_mid
from exec_algos.tca.groupings import Ledger, total_cost, wagner
from exec_algos.tca.priced import TOLERANCE, FillSums, PricedFills, refuse

if TYPE_CHECKING:
    import pandas as pd


PARTS = ("delay", "spread", "impact", "timing", "opportunity", "fees")
TRADING = ("spread", "impact", "timing")
MARKS: dict[str, Callable[[View], Estimable]] = {
    "session_close": session_close,
    "window_end": window_end,
    "window_end_mid": window_end_mid,
}

NOT_KNOWN, LEFT_OUT = "not known for", "no order of which all parts are known"
NO_COSTS = "the spread and the impact of its fills are not known: spread, impact and timing stand together as trading"


class Orders(NamedTuple):
    """Parent orders: columns of shape (n_parents,).

    Attributes
    ----------
    side : ndarray of int64
        +1 buys, -1 sells.
    quantity : ndarray of float64
        Shares ordered, > 0.
    decision, arrival, mark : Estimable
        Price at the decision; price when the order reached the market; price at which what was not filled is valued. Currency per
        share.
    fees : ndarray of float64
        Currency, positive = cost.
    """

    side: Ints
    quantity: Floats
    decision: Estimable
    arrival: Estimable
    mark: Estimable
    fees: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Shortfall:
    """Implementation shortfall of parent orders: columns of shape (n_parents,) in currency, positive = cost.

    ``delay + spread + impact + timing + opportunity + fees = total``, and ``spread + impact + timing = trading``.

    Attributes
    ----------
    delay : Estimable
        ``side S (P_0 - P_d)``: the price moved between the decision and the arrival.
    spread, impact : Estimable
        ``side sum(q spread)``, ``side sum(q impact)`` over the fills.
    timing : Estimable
        ``side sum(q (rule_price - P_0))``: the price moved while the order was worked.
    trading : Estimable
        ``side (sum(q p) - Q P_0)``; known also where its three parts are not.
    opportunity : Estimable
        ``side (S - Q)(P_n - P_0)``: what was not filled, at the mark.
    fees : Estimable
    total : Estimable
        Paper less actual return, from the cash flows (`exec_algos.tca.groupings.total_cost`), not from the parts.
    paper : Estimable
        ``S P_d``, the denominator of every figure in basis points.
    mark : str
        Which price P_n is.

    Raises
    ------
    UsageError
        The parts do not add up to the total within 1e-9 of the largest of them, or no mark is named.
    """

    delay: Estimable
    spread: Estimable
    impact: Estimable
    timing: Estimable
    trading: Estimable
    opportunity: Estimable
    fees: Estimable
    total: Estimable
    paper: Estimable
    mark: str

    def __post_init__(self) -> None:
        if not self.mark:
            raise UsageError(f"say which price the mark is, such as {', '.join(map(repr, MARKS))}")
        grouped = ("delay", "trading", "opportunity", "fees")
        _check_sum([getattr(self, name).values for name in grouped], self.total.values, self.paper.values)
        _check_sum([getattr(self, name).values for name in TRADING], self.trading.values, self.paper.values)

    def __len__(self) -> int:
        return len(self.total)

    @property
    def complete(self) -> npt.NDArray[np.bool_]:
        """The orders that `summary` counts: all but the split of trading is known, shape (n_parents,)."""
        known = np.logical_and.reduce([getattr(self, name).known for name in ("delay", "trading", "opportunity", "fees", "total")])
        found: npt.NDArray[np.bool_] = known & self.paper.known & (self.paper.values > 0)
        return found

    def columns(self) -> dict[str, Estimable]:
        """Parts, trading and total by name, currency."""
        return {name: getattr(self, name) for name in (*PARTS, "trading", "total")}

    def bps(self) -> dict[str, Estimable]:
        """The same in basis points of the paper value ``S P_d``."""
        return {name: column.bps_of(self.paper) for name, column in self.columns().items()}

    def take(self, rows: npt.NDArray[Any]) -> Shortfall:
        """The named orders, or those where a mask is true."""
        columns = {field.name: getattr(self, field.name).take(rows) for field in fields(self) if field.name != "mark"}
        return Shortfall(**columns, mark=self.mark)

    def to_frame(self) -> pd.DataFrame:
        """One row an order: each part in currency, ``<part>_bps`` of the paper value, and beside each its reason."""
        both = {**self.columns(), **{f"{name}_bps": column for name, column in self.bps().items()}, "paper": self.paper}
        return estimable_frame(both).assign(mark=self.mark)

    def summary(self, days: npt.NDArray[Any], confidence: float = 0.95) -> pd.DataFrame:
        """Means over the orders of which all but the split of trading is known, in bps of the paper value, positive = cost.

        Parameters
        ----------
        days : ndarray, shape (n_parents,)
            The day (cluster) of each order.
        confidence : float
            In (0, 1).

        Returns
        -------
        DataFrame
            Indexed by part: ``order_weighted, low, high`` (each order counts the same), ``notional_weighted, notional_low,
            notional_high`` (weighted by ``S P_d``: money lost by money ordered), ``n``, ``left_out`` (orders) and ``reason``. In each of
            the two weightings the parts add up to the total. Intervals are clustered by day.
        """
        import pandas as pd

        kept = self.complete
        chosen, clusters = self.take(kept), np.asarray(days)[kept]
        lines = {name: _means(part, chosen.paper.values, clusters, confidence) for name, part in chosen.bps().items()}
        return pd.DataFrame.from_dict(lines, orient="index").assign(left_out=len(self) - int(kept.sum())).rename_axis("part")


def shortfall(orders: Orders, fills: PricedFills, *, mark: str) -> Shortfall:
    """Implementation shortfall of many parent orders at once.

    Parameters
    ----------
    orders : Orders
    fills : PricedFills
        In any order.
    mark : str
        The name of the price in ``orders.mark``: one of `MARKS` (`mark_price`), or any other words for a price given.

    Returns
    -------
    Shortfall
        A part of 0 shares is 0, whatever price is missing; else a part is not estimable where one of its prices is not.

    Raises
    ------
    UsageError
        A fill without a parent, more filled than ordered, a quantity that is not above 0, or a price that is not the sum of rule price,
        spread and impact; or no mark is named.

    Notes
    -----
    Perold (1988), J. Portfolio Management 14(3), 4-9, for the total; Wagner and Edwards (1993), Financial Analysts J. 49(1), 65-71, for
    delay, trading and opportunity. Trading is split where the simulated fill itself is: price by the rule, spread, impact.
    """
    _check_orders(orders)
    return summed_shortfall(orders, FillSums.of(fills, len(orders.quantity)), mark=mark)


def summed_shortfall(orders: Orders, sums: FillSums, *, mark: str) -> Shortfall:
    """`shortfall` of what the fills of each order add up to: the same to the last bit.

    Raises
    ------
    UsageError
        More filled than ordered, or as in `shortfall`.
    """
    _check_orders(orders)
    filled, notional, n = sums.filled, sums.notional, len(orders.quantity)
    over = filled - orders.quantity
    refuse(over > TOLERANCE * orders.quantity, "order", over, "it cannot be filled beyond what was ordered, it is by this many shares")
    filled = np.where(np.isclose(filled, orders.quantity, rtol=TOLERANCE, atol=0.0), orders.quantity, filled)
    side, none_left = orders.side.astype(np.float64), filled >= orders.quantity
    decision, arrival, final = orders.decision.values, orders.arrival.values, np.where(none_left, 0.0, orders.mark.values)
    ledger = Ledger(side, orders.quantity, filled, notional, decision, arrival, final, orders.fees)
    parts = wagner(ledger)
    idle = Estimable.of(np.zeros(n))
    traded = filled > 0
    cost = {name: side * getattr(sums, name) for name in ("spread", "impact", "rule_price")}
    split = Missing(np.isnan(cost["spread"] + cost["impact"] + cost["rule_price"]), NO_COSTS)
    at_arrival, at_mark = _where(traded, orders.arrival, idle), _where(~none_left, orders.mark, idle)
    timing = np.where(traded, cost["rule_price"] - side * filled * arrival, 0.0)
    return Shortfall(
        delay=Estimable.combine(parts.delay, orders.decision, orders.arrival),
        spread=Estimable.of(cost["spread"], split),
        impact=Estimable.of(cost["impact"], split),
        timing=Estimable.combine(timing, at_arrival, missing=(split,)),
        trading=Estimable.combine(np.where(traded, parts.trading, 0.0), at_arrival),
        opportunity=Estimable.combine(np.where(none_left, 0.0, parts.opportunity), at_mark, _where(~none_left, orders.arrival, idle)),
        fees=Estimable.of(orders.fees),
        total=Estimable.combine(total_cost(ledger), orders.decision, at_mark),
        paper=Estimable.combine(orders.quantity * decision, orders.decision),
        mark=mark,
    )


def mark_price(view: View, mark: str = "session_close") -> Estimable:
    """Price at which what was not filled is valued.

    Parameters
    ----------
    view : View
    mark : {"session_close", "window_end", "window_end_mid"}
        Close of the session's last bar; last close known at the window's end; mid of the quote that stood then.

    Returns
    -------
    Estimable
        Currency per share.

    Raises
    ------
    UnknownNameError
        No such mark.
    """
    if mark not in MARKS:
        raise UnknownNameError("mark", mark, MARKS)
    return MARKS[mark](view)


class IndexLevels(NamedTuple):
    """Levels of an index at the instants of the order's own prices.

    Attributes
    ----------
    decision, arrival, mark : Estimable
        Shape (n_parents,).
    fills : ndarray of float64, shape (n_fills,)
        At each fill.
    """

    decision: Estimable
    arrival: Estimable
    mark: Estimable
    fills: Floats


def index_adjusted(orders: Orders, fills: PricedFills, index: IndexLevels, beta: Floats, *, mark: str) -> tuple[Shortfall, Estimable]:
    """Shortfall less what the index explains: of each share, ``beta side R`` over the interval of its own cost.

    The market part is ``beta P_d / I_d`` times the shortfall of the same order at the levels I of the index: R runs from the decision to
    the fill for a share that was filled, and from the decision to the mark for one that was not. It is taken off delay, timing (hence
    trading), opportunity and total; spread, impact and fees stay.

    Parameters
    ----------
    orders : Orders
    fills : PricedFills
    index : IndexLevels
    beta : ndarray of float64, shape (n_parents,)
        Of each symbol to the index.
    mark : str
        As in `shortfall`.

    Returns
    -------
    adjusted : Shortfall
    market : Estimable
        Currency; ``adjusted.total + market`` is the total of `shortfall`.
    """
    raw = shortfall(orders, fills, mark=mark)
    zero = np.zeros(len(fills.parent))
    levels = orders._replace(decision=index.decision, arrival=index.arrival, mark=index.mark, fees=np.zeros(len(raw)))
    moved = shortfall(levels, fills._replace(price=index.fills, rule_price=index.fills, spread=zero, impact=zero), mark=mark)
    scale = Estimable.combine(beta * orders.decision.values / index.decision.values, orders.decision, index.decision)

    def explained(part: Estimable) -> Estimable:
        return Estimable.combine(part.values * scale.values, part, scale)

    changed = {name: explained(getattr(moved, name)) for name in ("delay", "timing", "trading", "opportunity", "total")}
    own = {name: Estimable.combine(getattr(raw, name).values - part.values, getattr(raw, name), part) for name, part in changed.items()}
    kept = {name: getattr(raw, name) for name in ("spread", "impact", "fees", "paper")}
    return Shortfall(**own, **kept, mark=f"{mark}, less beta times the index"), changed["total"]


def _where(mask: npt.NDArray[np.bool_], column: Estimable, other: Estimable) -> Estimable:
    """`column` where the mask is true, else `other`, which is known."""
    rules = (rule._replace(where=mask & rule.where) for rule in column.missing())
    return Estimable.of(np.where(mask, column.values, other.values), *rules)


def part_reason(unknown: int, orders: int) -> str:
    """Why a part has no mean over the orders of which all but the split of trading is known; empty where it has one."""
    return f"{NOT_KNOWN} {unknown} of {orders} orders" if unknown else "" if orders else LEFT_OUT


def _means(part: Estimable, paper: Floats, days: npt.NDArray[Any], confidence: float) -> dict[str, Any]:
    """One line of the summary; a part that is not known for every order has no mean, so that the parts add up."""
    unknown = int((~part.known).sum())
    values = part.values if not unknown else np.full(len(part), np.nan)
    equal, weighted = clustered_mean(values, days, confidence=confidence), clustered_mean(values, days, paper, confidence=confidence)
    reason = part_reason(unknown, len(part))
    return {
        "order_weighted": equal.mean,
        "low": equal.low,
        "high": equal.high,
        "notional_weighted": weighted.mean,
        "notional_low": weighted.low,
        "notional_high": weighted.high,
        "n": len(part),
        "reason": reason,
    }


def _check_orders(orders: Orders) -> None:
    refuse(~np.isin(orders.side, (-1, 1)), "order", orders.side, "a side is +1 or -1")
    refuse(~(orders.quantity > 0), "order", orders.quantity, "an order has shares")
    refuse(~np.isfinite(orders.fees), "order", orders.fees, "fees are currency; 0 where there are none")


def _check_sum(parts: list[Floats], total: Floats, paper: Floats) -> None:
    stack = np.array([*parts, total, paper])
    gap = np.abs(np.sum(parts, axis=0) - total)
    with np.errstate(invalid="ignore"):
        bad = gap > TOLERANCE * np.abs(stack).max(axis=0)
    refuse(bad, "order", gap, "its parts do not add up to their total, they differ by this")
