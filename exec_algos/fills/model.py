"""How the simulated venue fills child orders: the fill model. Its pure functions are in `exec_algos.fills.matching`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from exec_algos.costs import AlmgrenImpact, Commission, SquareRootImpact, TransientImpact
from exec_algos.costs.fees import FeeSchedule
from exec_algos.costs.grid import EVERY_PRICE, EVERY_TICK, PriceGrid, TickTerms, held_price, on_tick
from exec_algos.costs.spread import Spread
from exec_algos.costs.ticks import PriceLimit, TickTable
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.fills.latency import DrawnLatency
from exec_algos.fills.limits import LimitFill, QueueFill, TouchFill
from exec_algos.fills.matching import (
    UNCAPPED,
    LimitTerms,
)
from exec_algos.model import SECOND, check_participation

if TYPE_CHECKING:
    from exec_algos.checks import Floats
    from exec_algos.market.bars import Bars


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


class PriceRule(NamedTuple):
    """The price of its bar that a market order pays.

    Attributes
    ----------
    buy, sell : str
        The bar's column for either side: ``"open", "high", "low", "close"`` or ``"vwap"``, the vendor's where that lies in the bar's
        range, else ``(high + low + close) / 3``.
    at_start : bool
        Whether the price is known, and its fills stamped, at the bar's start; else at its end.
    meaning : str
        What a reader of a report is told.
    """

    buy: str
    sell: str
    at_start: bool
    meaning: str

    def prices(self, bars: Bars, side: int) -> Floats:
        """The price for `side` (+1 buys, -1 sells) in each bar, currency per share."""
        column = self.buy if side > 0 else self.sell
        prices: Floats = bars.price() if column == "vwap" else getattr(bars, column)
        return prices


PRICE_RULES: Mapping[str, PriceRule] = {
    "open": PriceRule("open", "open", at_start=True, meaning="the open of the bar that a child order meets, stamped at its start"),
    "vwap": PriceRule("vwap", "vwap", at_start=False, meaning="the VWAP of the bar that a child order meets, stamped at its end"),
    "close": PriceRule("close", "close", at_start=False, meaning="the close of the bar that a child order meets, stamped at its end"),
    "worst": PriceRule(
        "high", "low", at_start=False,
        meaning="the high of the bar that a child order meets for a buy, its low for a sell, stamped at its end",
    ),
}  # fmt: skip
LONGEST = 1e9  # seconds of latency: with more an instant is no 64-bit number


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
    latency : float or DrawnLatency
        Seconds between a decision and its arrival at the venue; cancels take as long. A `DrawnLatency` draws them for each child.
    commission : Commission or FeeSchedule
        What a child order is charged: one rule for all, or everything that a market and a broker charge, by side, trade date and
        liquidity. A schedule's terms are those of the exchange's session date of the fill. Least, most and rounding hold for all
        that a child trades on one date; a fill is charged what it adds. A fill makes liquidity where its limit order was passive in
        that bar (`exec_algos.costs.charges.is_passive`), else it takes. `Fill.commission` is everything, `Fill.taxes` what of it is tax.
    limit_fill : {"touch", "through", "queue"}, TouchFill, ThroughFill or QueueFill
        Whether a limit order fills when the bar touches its limit, only when it trades beyond, or when those ahead of it have
        traded (bars with quotes, event-driven replay only). An object of `exec_algos.fills.limits` is kept as its text, such as
        ``"touch:fraction=0.5"``, ``"through:ticks=2"``, ``"through:by=0.01"``. A limit that is better than what a market order pays
        in that bar fills in any case.
    spread : FixedSpread, TickSpread, QuotedSpread or EstimatedSpread, optional
        Half of it is added to what a buy pays and taken from what a sell gets. None: the price rule's price.
    impact : SquareRootImpact, AlmgrenImpact or TransientImpact, optional
        What an execution adds by its size to its own price, and with the latter two to those of all that trade after it.
        None: size does not matter.
    ticks : TickTable, optional
        What a market order pays, and what impact makes of any price, is rounded to a tick against the order (a limit holds),
        up to a tick dearer than the average of a real market. Under price rule "vwap" only impact's prices are: an average
        of trades needs no tick. Limits off the tick are refused; those of algorithms are moved to the tick on their own side.
    price_limit : PriceLimit, optional
        Nothing trades beyond the day's limits, and a bar that lies at one with its whole range gives nothing to the side that
        nobody serves: buys at the upper one, sells at the lower. A bar that trades beyond them shows that they did not hold.

    Raises
    ------
    UsageError
        A value out of range.
    UnknownNameError
        An unknown price rule or limit rule.
    """

    price: str = "open"
    max_participation: float | None = None
    latency: float | DrawnLatency = 0.0
    commission: Commission | FeeSchedule = field(default_factory=Commission)
    limit_fill: str | LimitFill = "touch"
    spread: Spread | None = None
    impact: SquareRootImpact | AlmgrenImpact | TransientImpact | None = None
    ticks: TickTable | None = None
    price_limit: PriceLimit | None = None

    def __post_init__(self) -> None:
        if self.price not in PRICE_RULES:
            raise UnknownNameError("price rule", self.price, PRICE_RULES)
        check_participation(self.max_participation)
        self._check_latency()
        if not isinstance(self.commission, Commission | FeeSchedule):
            raise UsageError(f"commission must be a schedule such as Commission(rate=0.00015) or a FeeSchedule, got {self.commission!r}")
        if isinstance(self.commission, Commission):
            self.commission.checked()
        if self.spread is not None and not isinstance(self.spread, Spread):
            raise UsageError(f"spread must be None or a spread such as FixedSpread(5), in bps, got {self.spread!r}")
        if not isinstance(self.impact, SquareRootImpact | AlmgrenImpact | TransientImpact | None):
            laws = "SquareRootImpact(0.001), TransientImpact(0.001, half_life_seconds=600) or an AlmgrenImpact"
            raise UsageError(f"impact must be None or a law such as {laws}, got {self.impact!r}")
        self._check_exchange()
        self._check_limit_fill()

    def _check_latency(self) -> None:
        latency = self.latency
        if not isinstance(latency, DrawnLatency) and not (isinstance(latency, Real) and 0 <= latency < LONGEST):
            raise UsageError(
                f"latency must be seconds >= 0 and below {LONGEST:g}, got {latency!r}, or such as DrawnLatency(mean=0.5, sd=0.2)"
            )

    def _check_limit_fill(self) -> None:
        rule = LimitFill.of(self.limit_fill)
        object.__setattr__(self, "limit_fill", str(rule))
        if rule.terms().ticks and self.ticks is None:
            raise UsageError(f"limit_fill {str(rule)!r} must know the tick: give FillModel(ticks=...), or a distance, 'through:by=0.01'")
        if isinstance(rule, TouchFill) and rule.fraction < 1 and self.max_participation is None:
            raise UsageError(f"limit_fill {str(rule)!r} is a fraction of what the cap allows: give max_participation, such as 0.1")
        if isinstance(rule, QueueFill) and isinstance(self.impact, AlmgrenImpact | TransientImpact):
            raise UsageError(
                f"limit_fill 'queue' compares limits with quotes, which impact that lasts displaces; use SquareRootImpact or another "
                f"limit_fill, got {self.impact!r}"
            )

    def _check_exchange(self) -> None:
        if not isinstance(self.ticks, TickTable | None):
            raise UsageError(f"ticks must be None or a table such as krx_ticks('KOSPI'), got {self.ticks!r}")
        if not isinstance(self.price_limit, PriceLimit | None):
            raise UsageError(
                f"price_limit must be None or limits about the previous close such as PriceLimit(0.30), got {self.price_limit!r}"
            )

    @property
    def latency_ns(self) -> int:
        """Latency in ns.

        Raises
        ------
        UsageError
            One that is drawn for each child.
        """
        if isinstance(self.latency, DrawnLatency):
            raise UsageError(
                f"only the event-driven replay draws a latency for each child (BacktestEngine, a study's driver='engine'), "
                f"got {self.latency!r}; use that, or a number of seconds"
            )
        return round(self.latency * SECOND)

    @property
    def limit_rule(self) -> LimitFill:
        """`limit_fill` as the object that its text names."""
        return LimitFill.of(self.limit_fill)

    def compiled_limits(self) -> LimitTerms:
        """When a bar fills a limit, for a loop that keeps no queues.

        Raises
        ------
        UsageError
            Limits that fill by queue.
        """
        rule = self.limit_rule
        if isinstance(rule, QueueFill):
            raise UsageError(
                f"only the event-driven replay keeps queues (BacktestEngine, a study's driver='engine'), got limit_fill {str(rule)!r}; "
                "use that, or 'touch:fraction=0.5' or 'through'"
            )
        return rule.terms()

    @property
    def rule(self) -> PriceRule:
        """`price` as the rule that it names."""
        return PRICE_RULES[self.price]

    @property
    def plain(self) -> bool:
        """A price is the price rule's: there is neither spread nor impact, and the exchange takes any price."""
        return self.spread is None and self.impact is None and not self.has_price_grid

    @property
    def has_price_grid(self) -> bool:
        """The exchange does not take every price."""
        return self.ticks is not None or self.price_limit is not None

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
            ``rule price * (1 + side * spread / 2)`` as `ticks` and `price_limit` take it, currency per share; NaN where the bar
            gives this side nothing; read-only.
        """
        prices = self.rule_prices(bars, side)
        if self.spread is not None:
            prices = prices * (1.0 + side * self.spread.half(bars))
        if self.ticks is not None and self.price != "vwap":
            prices = self.ticks.rounded(prices, side)
        if self.price_limit is not None:
            prices = self.price_limit.held(prices, bars, side)
        prices.flags.writeable = False
        return prices

    def rule_prices(self, bars: Bars, side: int) -> Floats:
        """The price rule's price in each bar, with neither spread nor impact: as `prices`."""
        prices = self.rule.prices(bars, side)
        prices.flags.writeable = False
        return prices

    def grid(self, bars: Bars) -> PriceGrid:
        """The prices that the exchange takes in each bar."""
        if not self.has_price_grid:
            return EVERY_PRICE
        ticks = self.tick_terms()
        if self.price_limit is None:
            return PriceGrid(ticks, np.full(len(bars), np.nan), np.full(len(bars), np.nan))
        return PriceGrid(ticks, *self.price_limit.holding(bars))

    def tick_terms(self) -> TickTerms:
        """`ticks` in numbers; those of every price where there are none."""
        return EVERY_TICK if self.ticks is None else self.ticks.terms()

    def bar_price(self, bar: OneBar, side: int, limits: tuple[float, float] = (math.nan, math.nan)) -> float:
        """What a market order of `side` pays in one bar: bit for bit what `prices` gives for that bar's row.

        Parameters
        ----------
        bar : OneBar
            Any object with ``start, open, high, low, close, volume, vwap``; `vwap` is NaN when the vendor has none.
        side : int
            +1 buys, -1 sells.
        limits : tuple of float
            Lowest and highest price that hold in the bar (`exec_algos.costs.grid.holding_limits`), currency per share. One bar does
            not hold the close of the day before, so `price_limit` is not looked at.

        Returns
        -------
        float
            Currency per share; NaN where the bar gives this side nothing.
        """
        row: Any = _Row(bar.open, bar.high, bar.low, bar.close, bar.vwap)
        price: Any = self.rule.prices(row, side)
        paid = float(price if self.spread is None else price * (1.0 + side * self.spread.half(row)))
        if self.ticks is not None and self.price != "vwap":
            paid = on_tick(self.ticks.terms(), paid, side > 0)
        return held_price(side, paid, bar.low, bar.high, limits)

    def cap(self, parent_cap: float | None) -> float:
        """The participation cap of a child whose parent has its own cap (None: none)."""
        caps = [cap for cap in (self.max_participation, parent_cap) if cap is not None]
        return min(caps) if caps else UNCAPPED
