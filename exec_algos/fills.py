"""How a resting child order meets a bar: the fill model and its pure functions.

The functions take and return plain numbers; the interpreter and the compiled loop run the same text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from exec_algos.costs import Commission
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.lots import SLACK
from exec_algos.model import SECOND, check_participation

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars, Floats

PriceRule = Literal["open", "vwap", "close", "worst"]

UNCAPPED = 1e15  # times any volume > 0 it exceeds every order; times 0 it is still 0: no volume, no fill
MOST_LOTS = 9e15


class Execution(NamedTuple):
    """What a child got from one bar: lots, and currency per share."""

    quantity: int
    price: float


def bar_budget(lot_rate: float, volume: float) -> int:
    """Lots that all orders together may take from a bar: floor(cap * volume / lot_size).

    Parameters
    ----------
    lot_rate : float
        ``cap / lot_size``: lots per share traded, the cap being a fraction of the bar's volume or `UNCAPPED`.
    volume : float
        Shares.
    """
    lots = lot_rate * volume
    return int((lots if lots < MOST_LOTS else MOST_LOTS) + SLACK)


def meet_bar(side: int, quantity: int, limit: float, price: float, low: float, high: float, budget: int, through: bool) -> Execution:  # noqa: PLR0913, PLR0917 - what a bar and a child are made of
    """Let a child order meet a bar.

    Parameters
    ----------
    side : int
        +1 buys, -1 sells.
    quantity : int
        Lots still open.
    limit : float
        Limit price, NaN for a market order. A limit that the price rule does not reach fills at the
        limit if the bar trades there, never worse and never outside ``[low, high]``.
    price : float
        What the price rule gives for this bar and side, currency per share.
    low, high : float
        The bar's range.
    budget : int
        Lots left in this bar.
    through : bool
        A limit fills only when the bar trades through it, not when it merely touches.

    Returns
    -------
    Execution
        ``quantity`` is 0 if nothing traded.
    """
    if limit == limit and (price - limit) * side >= 0:  # noqa: PLR0124 - only NaN differs from itself
        reach = low if side > 0 else high
        past = (limit - reach) * side
        if past < 0 or (through and past == 0):
            return Execution(0, limit)
        price = limit
    return Execution(quantity if quantity < budget else budget, price)


def _worst(bars: Bars, side: int) -> Floats:
    return bars.high if side > 0 else bars.low


PRICE_RULES: Mapping[str, Callable[[Bars, int], Floats]] = {
    "open": lambda bars, side: bars.open,
    "vwap": lambda bars, side: bars.price(),
    "close": lambda bars, side: bars.close,
    "worst": _worst,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FillModel:
    """How the simulated venue fills child orders.

    Parameters
    ----------
    price : {"open", "vwap", "close", "worst"}
        The price a market order pays: the bar's open (stamped at its start); its VWAP, the vendor's
        where that lies in [low, high], else (high + low + close) / 3; its close; or the high for a
        buy and the low for a sell (the last three stamped at the bar's end).
    max_participation : float, optional
        Fraction of a bar's volume that all orders of a run together may take. None: any size fills
        in a bar that has volume.
    latency : float
        Seconds between a decision and its arrival at the venue; cancels take as long.
    commission : Commission
    limit_fill : {"touch", "through"}
        Whether a limit order fills when the bar touches its limit, or only when it trades beyond.

    Raises
    ------
    UsageError
        A value out of range.
    UnknownNameError
        An unknown price rule or limit rule.
    """

    price: PriceRule = "open"
    max_participation: float | None = None
    latency: float = 0.0
    commission: Commission = field(default_factory=Commission)
    limit_fill: Literal["touch", "through"] = "touch"

    def __post_init__(self) -> None:
        if self.price not in PRICE_RULES:
            raise UnknownNameError("price rule", self.price, PRICE_RULES)
        if self.limit_fill not in ("touch", "through"):
            raise UnknownNameError("limit fill", self.limit_fill, ("touch", "through"))
        check_participation(self.max_participation)
        if isinstance(self.latency, str) or not (math.isfinite(self.latency) and self.latency >= 0):  # type: ignore[redundant-expr]
            raise UsageError(f"latency must be seconds >= 0, got {self.latency!r}")
        if not isinstance(self.commission, Commission):
            raise UsageError(f"commission must be a schedule such as Commission(rate=0.00015), got {self.commission!r}")
        self.commission.checked()

    @property
    def latency_ns(self) -> int:
        """Latency in ns."""
        return round(self.latency * SECOND)

    def prices(self, bars: Bars, side: int) -> Floats:
        """What a market order of `side` pays in each bar: float64, shape (n,), currency per share."""
        prices = PRICE_RULES[self.price](bars, side)
        prices.flags.writeable = False
        return prices

    def cap(self, parent_cap: float | None) -> float:
        """The participation cap of a child whose parent has its own cap (None: none)."""
        caps = [cap for cap in (self.max_participation, parent_cap) if cap is not None]
        return min(caps) if caps else UNCAPPED
