"""How a resting child order meets a bar: the fill model and its pure functions.

The functions take and return plain numbers; the interpreter and the compiled loop run the same text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from exec_algos.costs import AlmgrenImpact, Commission, SquareRootImpact, TransientImpact
from exec_algos.costs.displacement import shift_of
from exec_algos.costs.fees import FeeSchedule
from exec_algos.costs.spread import Spread
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


def share_budget(cap: float, volume: float) -> int:
    """`bar_budget` of lots of one share under a cap of at most 1: the same number, in less time, of a `volume` below `MOST_LOTS`."""
    return int(cap * volume + SLACK)


def within_limit(side: int, limit: float, price: float, low: float, high: float) -> float:
    """The price of a limit order: `price`, but not worse than `limit` nor than the far end of ``[low, high]``.

    A buy pays ``min(price, limit, high)``, a sell gets ``max(price, limit, low)``; all in currency per share.
    """
    far = high if side > 0 else low
    bound = limit if (far - limit) * side > 0 else far
    return bound if (price - bound) * side > 0 else price


def with_impact(side: int, price: float, shares: float, volume: float, coefficient: float) -> float:
    """The price of an execution, its own impact included: ``price * (1 + side * coefficient * sqrt(shares / volume))``.

    Parameters
    ----------
    side : int
        +1 buys, -1 sells.
    price : float
        Currency per share, before impact.
    shares, volume : float
        What the child got from the bar, and what traded in the bar (above 0).
    coefficient : float
        Fraction of the price; see `exec_algos.costs.SquareRootImpact`.

    Returns
    -------
    float
        Currency per share, not below 0; not held within the bar's range.
    """
    moved = price * (1.0 + side * coefficient * math.sqrt(shares / volume))
    return moved if moved > 0.0 else 0.0


def price_paid(side: int, limit: float, price: float, low: float, high: float, shares: float, volume: float, coefficient: float) -> float:  # noqa: PLR0913, PLR0917 - what a bar and an execution are made of
    """The price of an execution after its impact, a limit order's held by `within_limit`; arguments as there and in `with_impact`."""
    moved = with_impact(side, price, shares, volume, coefficient)
    if limit == limit:  # noqa: PLR0124 - only NaN differs from itself
        return within_limit(side, limit, moved, low, high)
    return moved


def displaced_price(side: int, limit: float, quoted: float, low: float, high: float, level: float, own: float) -> float:  # noqa: PLR0913, PLR0917 - what a bar and an execution are made of
    """The price of an execution in a displaced market: ``quoted * (1 + level + side * own)``.

    Parameters
    ----------
    side : int
        +1 buys, -1 sells.
    limit : float
        Limit price, NaN for a market order; a limit order's price is held by `within_limit` in the displaced bar.
    quoted : float
        What a market order pays in the undisturbed bar, spread included, currency per share.
    low, high : float
        The undisturbed bar's range.
    level : float
        What earlier executions have left of their impact, a fraction of the price.
    own : float
        What this one pays for its own size, a fraction of the price, >= 0.

    Returns
    -------
    float
        Currency per share, not below 0.
    """
    by = 1.0 + (level + side * own)
    paid = quoted * by if by > 0.0 else 0.0
    if limit == limit:  # noqa: PLR0124 - only NaN differs from itself
        shift = shift_of(level)
        return within_limit(side, limit, paid, low * shift, high * shift)
    return paid


class PriceParts(NamedTuple):
    """What a fill's price is made of, ``rule_price + spread + impact``: currency per share, above 0 where it raises the price."""

    rule_price: float
    spread: float
    impact: float


def price_parts(side: int, limit: float, rule: float, quoted: float, paid: float, low: float, high: float) -> PriceParts:  # noqa: PLR0913, PLR0917 - what a price is made of
    """Take the price of a fill apart.

    `rule_price` is what the order would have paid with neither spread nor impact, `spread` what the spread adds to that,
    and `impact` what all displacement adds to both. What a limit keeps an order from paying is therefore in none of them: a
    limit order held at its limit has that limit for its rule price.

    Parameters
    ----------
    side : int
    limit : float
        NaN for a market order.
    rule, quoted : float
        The price rule's price in the undisturbed bar, without and with half the spread.
    paid : float
    low, high : float
        The undisturbed bar's range.
    """
    if limit == limit:  # noqa: PLR0124 - only NaN differs from itself
        rule = within_limit(side, limit, rule, low, high)
        quoted = within_limit(side, limit, quoted, low, high)
    return PriceParts(rule, quoted - rule, paid - quoted)


def meet_bar(side: int, quantity: int, limit: float, price: float, low: float, high: float, budget: int, through: bool) -> Execution:  # noqa: PLR0913, PLR0917 - what a bar and a child are made of
    """Let a child order meet a bar.

    Parameters
    ----------
    side : int
        +1 buys, -1 sells.
    quantity : int
        Lots still open.
    limit : float
        Limit price, NaN for a market order. A limit that `price` does not reach fills at the limit if the bar
        trades there. A limit order pays `price` only as far as its limit and the bar's range go (`within_limit`):
        never worse than the limit, never outside ``[low, high]``. So the spread in `price` costs a limit order
        at most what is left up to that bound. A market order pays `price`, inside the bar or not.
    price : float
        What a market order of this side pays in this bar, spread included (`FillModel.prices`), currency per share.
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
    if limit == limit:  # noqa: PLR0124 - only NaN differs from itself
        if (price - limit) * side >= 0:
            past = (limit - (low if side > 0 else high)) * side
            if past < 0 or (through and past == 0):
                return Execution(0, limit)
        price = within_limit(side, limit, price, low, high)
    return Execution(quantity if quantity < budget else budget, price)


class OneBar(Protocol):
    """One completed bar, of whatever class: what `FillModel.bar_price` reads."""

    @property
    def start(self) -> int:
        """Instant in ns UTC."""

    @property
    def open(self) -> float:
        """First price, currency per share."""

    @property
    def high(self) -> float:
        """Highest price, currency per share."""

    @property
    def low(self) -> float:
        """Lowest price, currency per share."""

    @property
    def close(self) -> float:
        """Last price, currency per share."""

    @property
    def volume(self) -> float:
        """Shares traded."""

    @property
    def vwap(self) -> float:
        """The vendor's VWAP, currency per share; NaN when there is none."""


class _Row(NamedTuple):
    """One bar that a price rule reads as it reads a whole table: the same names, numbers for columns."""

    open: float
    high: float
    low: float
    close: float
    vwap: float

    def price(self) -> float:
        """As `Bars.price`, for one bar."""
        if self.low <= self.vwap <= self.high:
            return self.vwap
        return min(max((self.high + self.low + self.close) / 3.0, self.low), self.high)


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

    A market order pays ``rule price * (1 + side * spread / 2) * (1 + level + side * own)``, side +1 for a buy and -1 for a sell:
    `level` is what earlier executions of anyone in the run have left of their impact, `own` what this one pays for its size, both
    by `impact` (``level`` is 0 with `SquareRootImpact`). Each part stands on the `Fill`. The bars that are replayed, what decisions
    see of them, marks and benchmarks stay undisturbed. Neither spread
    nor impact is clipped to the bar's range: 10 bps of spread cost 5 bps a side in a bar that never moved. A limit order meets
    the displaced bar, prices times ``1 + level``, and is never filled worse than its limit nor outside that bar's range, spread
    and impact included.

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
    commission : Commission or FeeSchedule
        What a child order is charged: one rule for all, or everything that a market and a broker charge, by side, trade date and
        liquidity. A schedule's terms are those of the exchange's session date of the fill. Least, most and rounding hold for all
        that a child trades on one date; a fill is charged what it adds. A fill makes liquidity where its limit order was passive in
        that bar (`exec_algos.costs.charges.is_passive`), else it takes. `Fill.commission` is everything, `Fill.taxes` what of it is tax.
    limit_fill : {"touch", "through"}
        Whether a limit order fills when the bar touches its limit, or only when it trades beyond.
    spread : FixedSpread, TickSpread, QuotedSpread or EstimatedSpread, optional
        Half of it is added to what a buy pays and taken from what a sell gets. None: the price rule's price.
    impact : SquareRootImpact, AlmgrenImpact or TransientImpact, optional
        What an execution adds by its size to its own price, and with the latter two to those of all that trade after it.
        None: size does not matter.

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
    commission: Commission | FeeSchedule = field(default_factory=Commission)
    limit_fill: Literal["touch", "through"] = "touch"
    spread: Spread | None = None
    impact: SquareRootImpact | AlmgrenImpact | TransientImpact | None = None

    def __post_init__(self) -> None:
        if self.price not in PRICE_RULES:
            raise UnknownNameError("price rule", self.price, PRICE_RULES)
        if self.limit_fill not in ("touch", "through"):
            raise UnknownNameError("limit fill", self.limit_fill, ("touch", "through"))
        check_participation(self.max_participation)
        if isinstance(self.latency, str) or not (math.isfinite(self.latency) and self.latency >= 0):  # type: ignore[redundant-expr]
            raise UsageError(f"latency must be seconds >= 0, got {self.latency!r}")
        if not isinstance(self.commission, Commission | FeeSchedule):
            raise UsageError(f"commission must be a schedule such as Commission(rate=0.00015) or a FeeSchedule, got {self.commission!r}")
        if isinstance(self.commission, Commission):
            self.commission.checked()
        if self.spread is not None and not isinstance(self.spread, Spread):
            raise UsageError(f"spread must be None or a spread such as FixedSpread(5), in bps, got {self.spread!r}")
        if not isinstance(self.impact, SquareRootImpact | AlmgrenImpact | TransientImpact | None):
            laws = "SquareRootImpact(0.001), TransientImpact(0.001, half_life_seconds=600) or an AlmgrenImpact"
            raise UsageError(f"impact must be None or a law such as {laws}, got {self.impact!r}")

    @property
    def latency_ns(self) -> int:
        """Latency in ns."""
        return round(self.latency * SECOND)

    @property
    def impact_coefficient(self) -> float:
        """The coefficient of a `SquareRootImpact`, 0 without impact.

        Raises
        ------
        UsageError
            A law that is more than one number.
        """
        if not isinstance(self.impact, SquareRootImpact | None):
            raise UsageError(f"only a SquareRootImpact is one coefficient, got {self.impact!r}")
        return 0.0 if self.impact is None else float(self.impact.coefficient)

    @property
    def plain(self) -> bool:
        """A price is the price rule's: there is neither spread nor impact."""
        return self.spread is None and self.impact is None

    def prices(self, bars: Bars, side: int) -> Floats:
        """What a market order of `side` pays in each bar, spread included and its own impact not.

        Parameters
        ----------
        bars : Bars
        side : int
            +1 buys, -1 sells.

        Returns
        -------
        ndarray of float64, shape (n,)
            ``rule price * (1 + side * spread / 2)``, currency per share; read-only.
        """
        prices = self.rule_prices(bars, side)
        if self.spread is not None:
            prices = prices * (1.0 + side * self.spread.half(bars))
            prices.flags.writeable = False
        return prices

    def rule_prices(self, bars: Bars, side: int) -> Floats:
        """The price rule's price in each bar, with neither spread nor impact: as `prices`."""
        prices = PRICE_RULES[self.price](bars, side)
        prices.flags.writeable = False
        return prices

    def bar_price(self, bar: OneBar, side: int) -> float:
        """What a market order of `side` pays in one bar: bit for bit what `prices` gives for that bar's row.

        Parameters
        ----------
        bar : OneBar
            Any object with ``start, open, high, low, close, volume, vwap``; `vwap` is NaN when the vendor has none.
        side : int
            +1 buys, -1 sells.

        Returns
        -------
        float
            Currency per share.
        """
        row: Any = _Row(bar.open, bar.high, bar.low, bar.close, bar.vwap)
        price: Any = PRICE_RULES[self.price](row, side)
        return float(price if self.spread is None else price * (1.0 + side * self.spread.half(row)))

    def cap(self, parent_cap: float | None) -> float:
        """The participation cap of a child whose parent has its own cap (None: none)."""
        caps = [cap for cap in (self.max_participation, parent_cap) if cap is not None]
        return min(caps) if caps else UNCAPPED
