"""Tick tables and daily price limits: which prices an exchange takes."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from exec_algos.checks import in_range
from exec_algos.costs.estimators import sessions_of
from exec_algos.costs.fees import as_day
from exec_algos.costs.grid import TickTerms
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.model.ticks import ON_TICK, ticks_in_a_unit

if TYPE_CHECKING:
    from exec_algos.checks import Floats
    from exec_algos.market.bars import Bars


def _positive(price: float) -> float:
    if not (math.isfinite(price) and price > 0):
        raise UsageError(f"a price must be above 0, got {price!r}")
    return price


def _price(ticks: int, tick: float) -> float:
    """`ticks` ticks as the double nearest to the decimal number that is meant: 1007 of 0.01 is 10.07."""
    unit = ticks_in_a_unit(tick)
    return ticks / unit if unit else ticks * tick


@dataclass(frozen=True, slots=True)
class TickTable:
    """Price bands and the tick of each.

    Parameters
    ----------
    name : str
    floors : tuple of float
        Lowest price of each band, rising from 0, currency.
    ticks : tuple of float
        Tick of each band, currency.
    source : str
        Where the table is from.

    Raises
    ------
    UsageError
        Bands that do not rise from 0, a tick that is not above 0, or a floor that is not on the ticks of both its bands.

    Examples
    --------
    >>> KRX_2023.tick(19_990), KRX_2023.tick(20_000), KRX_2023.round_down(20_049)
    (10.0, 50.0, 20000.0)
    """

    name: str
    floors: tuple[float, ...]
    ticks: tuple[float, ...]
    source: str = ""

    def __post_init__(self) -> None:
        if not self.floors or len(self.floors) != len(self.ticks) or self.floors[0] != 0 or list(self.floors) != sorted(set(self.floors)):
            raise UsageError(f"floors of ticks {self.name!r} must rise from 0, one for each tick, got {self.floors} for {self.ticks}")
        if not all(math.isfinite(tick) and tick > 0 for tick in self.ticks):
            raise UsageError(f"ticks of {self.name!r} must be above 0, got {self.ticks}")
        for floor, below, above in zip(self.floors[1:], self.ticks, self.ticks[1:], strict=False):
            if not (_is_whole(floor / below) and _is_whole(floor / above)):
                raise UsageError(f"ticks {self.name!r}: {floor:g} must be a multiple of both {below:g} and {above:g}")

    def tick(self, price: float) -> float:
        """The tick at a price, currency.

        Raises
        ------
        UsageError
            A price that is not above 0.
        """
        return float(self.ticks[bisect_right(self.floors, _positive(price)) - 1])

    def tick_sizes(self, prices: Floats) -> Floats:
        """`tick` of many prices, ndarray of shape (n,); NaN where a price is not above 0."""
        band = np.searchsorted(np.asarray(self.floors, dtype=np.float64), prices, side="right") - 1
        sizes = np.asarray(self.ticks, dtype=np.float64)[np.maximum(band, 0)]
        return np.where(np.isfinite(prices) & (prices > 0), sizes, np.nan)

    def terms(self) -> TickTerms:
        """The table in numbers that the compiled loop can read."""
        return TickTerms(
            np.array(self.floors, np.float64), np.array(self.ticks, np.float64), np.array([ticks_in_a_unit(tick) for tick in self.ticks])
        )

    def rounded(self, prices: Floats, side: int) -> Floats:
        """Many prices, each on the tick above for a buy (`side` 1) and on the one below for a sell (-1): ndarray of shape (n,)."""
        terms = self.terms()
        band = np.maximum(np.searchsorted(terms.floors, prices, side="right") - 1, 0)
        tick, unit = terms.ticks[band], terms.units[band]
        whole = np.ceil(prices / tick - ON_TICK) if side > 0 else np.floor(prices / tick + ON_TICK)
        on_ticks = np.divide(whole, unit, out=whole * tick, where=unit > 0)
        return np.where(prices > 0, on_ticks, prices)

    def round_down(self, price: float) -> float:
        """The highest price on a tick that is not above `price`; 0 below the first tick."""
        tick = self.tick(price)
        return _price(math.floor(price / tick + ON_TICK), tick)

    def round_up(self, price: float) -> float:
        """The lowest price on a tick that is not below `price`."""
        tick = self.tick(price)
        return _price(math.ceil(price / tick - ON_TICK), tick)

    def round_nearest(self, price: float) -> float:
        """The nearest price on a tick, halves up."""
        tick = self.tick(price)
        return _price(math.floor(price / tick + 0.5 + ON_TICK), tick)

    def is_on_tick(self, price: float) -> bool:
        """Whether the exchange would take the price; 1e-6 of a tick is forgiven."""
        return _is_whole(price / self.tick(price))

    def refusal(self, price: float) -> str:
        """Why the exchange does not take a price, with the prices beside it that it takes; empty where it does."""
        if self.is_on_tick(price):
            return ""
        return (
            f"{price!r} is off the tick of {self.tick(price):g} ({self.name}); use {self.round_down(price):g} or {self.round_up(price):g}"
        )

    def describe(self) -> str:
        """The bands in one line."""
        bands = [f"{tick:g} from {floor:g}" for floor, tick in zip(self.floors, self.ticks, strict=True)]
        return f"{self.name}: {', '.join(bands)}" + (f" [{self.source}]" if self.source else "")


def _is_whole(quotient: float) -> bool:
    return abs(quotient - round(quotient)) <= ON_TICK


KRX_2023 = TickTable(
    "KRX since 2023-01-25",
    (0.0, 2_000.0, 5_000.0, 20_000.0, 50_000.0, 200_000.0, 500_000.0),
    (1.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1_000.0),
    "KRX notice of 2023-01-17; KOSPI, KOSDAQ and KONEX alike",
)
KOSPI_2010 = TickTable(
    "KOSPI 2010-10-04 to 2023-01-24",
    (0.0, 1_000.0, 5_000.0, 10_000.0, 50_000.0, 100_000.0, 500_000.0),
    (1.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1_000.0),
    "KRX, KOSPI business regulation before the change of 2023-01-25",
)
KOSDAQ_2010 = TickTable(
    "KOSDAQ and KONEX 2010-10-04 to 2023-01-24",
    (0.0, 1_000.0, 5_000.0, 10_000.0, 50_000.0),
    (1.0, 5.0, 10.0, 50.0, 100.0),
    "KRX, KOSDAQ business regulation before the change of 2023-01-25",
)
KRX_ETF = TickTable("KRX ETF and ETN since December 2023", (0.0, 2_000.0), (1.0, 5.0), "KRX; 5 won at every price before")
US_EQUITY = TickTable(
    "US NMS stocks", (0.0, 1.0), (0.0001, 0.01), "SEC Rule 612 of Regulation NMS; not the half-cent tick of its 2024 amendments"
)

KRX_MARKETS = ("KOSPI", "KOSDAQ", "KONEX", "ETF")
CHANGED = date(2023, 1, 25)
OLDEST = date(2010, 10, 4)
ETF_CHANGED = date(2024, 1, 2)


def krx_ticks(market: str = "KOSPI", day: date | str | None = None) -> TickTable:
    """The tick table of a KRX market on a trade date.

    Parameters
    ----------
    market : {"KOSPI", "KOSDAQ", "KONEX", "ETF"}
    day : date or str, optional
        None: the table in force since 2023-01-25, for ETF and ETN that since December 2023.

    Raises
    ------
    UnknownNameError
        Another market.
    UsageError
        A date whose table is not known: before 2010-10-04, for ETF and ETN before 2024 (the day of the change in
        December 2023 is reported differently by different papers).
    """
    if market not in KRX_MARKETS:
        raise UnknownNameError("market", market, KRX_MARKETS)
    when = None if day is None else as_day(day)
    if market == "ETF":
        return _since(ETF_CHANGED, when, KRX_ETF)
    if when is None or when >= CHANGED:
        return KRX_2023
    return _since(OLDEST, when, KOSPI_2010 if market == "KOSPI" else KOSDAQ_2010)


def _since(first: date, when: date | None, table: TickTable) -> TickTable:
    if when is not None and when < first:
        raise UsageError(f"ticks of {table.name} are known from {first}, not for {when}; build a TickTable of your own")
    return table


@dataclass(frozen=True, slots=True)
class PriceLimit:
    """Daily limits about a base price, computed as KRX does.

    The width is ``fraction * base`` without what is below a tick of the base price; the upper limit is ``base + width``
    rounded down, the lower ``base - width`` rounded up, each to the tick at its own price.

    Parameters
    ----------
    fraction : float
        0.30 for KRX stocks since 2015-06-15, a multiple of that for leveraged ETFs.
    ticks : TickTable
        On which the limits lie.

    Raises
    ------
    UsageError
        A fraction that is not in (0, 1).

    Notes
    -----
    The base price is the previous close, adjusted for rights. KRX sets no limit for liquidation trading, warrants and
    subscription rights, and another one for the first day of a listing. None of these is known from bars.

    References
    ----------
    KRX, "Daily Price Limits" (global.krx.co.kr): base 9,980, width 2,994 cut to 2,990, limits 6,990 and 12,970.

    Examples
    --------
    >>> PriceLimit(0.30).limits(9_980)
    (6990.0, 12970.0)
    """

    fraction: float = 0.30
    ticks: TickTable = KRX_2023

    def __post_init__(self) -> None:
        advice = "it is a fraction of the previous close, such as PriceLimit(0.30)"
        if in_range("price limit", self.fraction, 1.0, advice) == 0:
            raise UsageError(f"price limit must be above 0, got {self.fraction!r}: {advice}, or None where there is none")

    def limits(self, previous_close: float, ticks: TickTable | None = None) -> tuple[float, float]:
        """Lowest and highest price of the day.

        Parameters
        ----------
        previous_close : float
            The base price, currency per share.
        ticks : TickTable, optional
            In place of its own.

        Returns
        -------
        low, high : float
            Currency per share, both on a tick.
        """
        ticks = ticks or self.ticks
        tick = ticks.tick(previous_close)
        width = _price(math.floor(self.fraction * previous_close / tick + ON_TICK), tick)
        return ticks.round_up(previous_close - width), ticks.round_down(previous_close + width)

    def held(self, prices: Floats, bars: Bars, side: int) -> Floats:
        """What an order of `side` (+1 buys, -1 sells) pays within the limits: NaN in a bar whose whole range lies at the limit.

        A buy finds no seller where ``low == upper limit``, a sell no buyer where ``high == lower limit``.
        """
        lowest, highest = self.holding(bars)
        shut = bars.low == highest if side > 0 else bars.high == lowest
        within = np.where(prices > highest, highest, np.where(prices < lowest, lowest, prices))
        return np.where(shut, np.nan, within)

    def holding(self, bars: Bars) -> tuple[Floats, Floats]:
        """As `of_bars`, NaN also in a bar that trades beyond them: they did not hold there (rights, a listing, other rules)."""
        lowest, highest = self.of_bars(bars)
        beyond = (bars.low < lowest) | (bars.high > highest)
        return np.where(beyond, np.nan, lowest), np.where(beyond, np.nan, highest)

    def of_bars(self, bars: Bars, ticks: TickTable | None = None) -> tuple[Floats, Floats]:
        """Lowest and highest price of each bar's day, from the close of the symbol's day before.

        Parameters
        ----------
        bars : Bars
            With unadjusted prices: the limits of adjusted ones are not those that held.
        ticks : TickTable, optional
            In place of its own.

        Returns
        -------
        low, high : ndarray of float64, shape (n_bars,)
            Currency per share; NaN in a symbol's first day, whose base price is not known.
        """
        low, high = np.full(len(bars), np.nan), np.full(len(bars), np.nan)
        for symbol in bars.symbols:
            days, rows = sessions_of(bars, symbol), bars.rows(symbol)
            for first, before in zip(days.first[1:], days.close, strict=False):
                # later days write over what this one writes after its own end
                low[rows.start + first : rows.stop], high[rows.start + first : rows.stop] = self.limits(float(before), ticks)
        return low, high
