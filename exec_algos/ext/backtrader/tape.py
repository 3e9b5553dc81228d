"""The last completed bar of a feed as the fill model reads it: prices, fees, displacement, the day's price limits."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from exec_algos.costs.grid import holding_limits
from exec_algos.costs.propagator import Displacement
from exec_algos.costs.ticks import PriceLimit
from exec_algos.errors import UsageError
from exec_algos.exchange.stream import Bar
from exec_algos.ext.backtrader.charging import check_feed, fees_of
from exec_algos.ext.backtrader.stamps import FeedTime
from exec_algos.fills import FillModel

NO_LIMITS = math.nan, math.nan


class Tape:
    """The last completed bar of a feed, and what was taken out of it.

    Parameters
    ----------
    data : backtrader data feed
    symbol : str
    time : FeedTime
    model : FillModel

    Attributes
    ----------
    start, known : int
        When the last bar began and when it was complete, ns UTC.
    used : float
        Shares that were taken out of it.
    displacement : Displacement
        What the executions of the run have done to the feed's price.
    fees : callable
        The fee rows of an instant (ns UTC) and a side.

    Raises
    ------
    UsageError
        A feed without volume, or with a date whose fees are not known.
    """

    def __init__(self, data: Any, symbol: str, time: FeedTime, model: FillModel) -> None:
        self.lines, self.time, self.model = data.lines, time, model
        self.stamps, self.vendor = data.lines.datetime, getattr(data.lines, "vwap", None)
        self.length = 0
        self.used = 0.0
        self.start = self.known = 0
        self._bar: Bar | None = None
        self._prices: dict[int, float] = {}
        self._days = None if model.price_limit is None else _Days(model.price_limit, time)
        self.displacement = Displacement(model.impact, symbol, time.step)
        check_feed(model.commission, time, self.stamps)
        _check_volume(data, symbol)
        self.fees = fees_of(model.commission, time.hours.day)

    def take(self) -> int:
        """Take in the bar that has come; returns when it is known, ns UTC."""
        stamps = self.stamps
        self.length, self.used, self._bar = stamps.lencount, 0.0, None
        self.known = self.time.came(stamps[0])
        self.start = self.known - self.time.step
        if self._days is not None:
            self._days.see(self.start, self.lines.close[0])
        return self.known

    @property
    def bar(self) -> Bar:
        """The last bar; most are never asked for."""
        if self._bar is None:
            lines, vendor = self.lines, self.vendor
            vwap = math.nan if vendor is None else vendor[0]
            self._bar = Bar(self.start, lines.open[0], lines.high[0], lines.low[0], lines.close[0], lines.volume[0], vwap)
            self._prices = {}
        return self._bar

    @property
    def trades(self) -> bool:
        """Whether the last bar fills anything: it has volume, and each of its prices is one."""
        _, first, high, low, last, volume, _ = self.bar
        return volume > 0 and first > 0 and high > 0 and low > 0 and last > 0

    @property
    def day_limits(self) -> tuple[float, float]:
        """Lowest and highest price that held in the last bar, currency per share; NaN where nothing did."""
        return NO_LIMITS if self._days is None else holding_limits(self.bar.low, self.bar.high, *self._days.limits)

    def price(self, side: int) -> float:
        """What a market order of `side` pays in the last bar, currency per share; NaN where it gives that side nothing."""
        bar = self.bar
        if side not in self._prices:
            self._prices[side] = self.model.bar_price(bar, side, self.day_limits)
        return self._prices[side]


def _check_volume(data: Any, symbol: str) -> None:
    """Refuse a feed that is there before the run and has no volume: nothing would fill, and no order would say why."""
    stamps, volume = data.lines.datetime, data.lines.volume
    if len(stamps.array) > stamps.lencount and not any(shares > 0 for shares in volume.array):
        raise UsageError(
            f"feed {symbol} has no volume in any bar, where a fill model fills nothing; give the feed its volume column (volume=5 for "
            "GenericCSVData), or leave fills='backtrader'"
        )


class _Days:
    """The price limits of a feed's local day, from the last close of the day before: `PriceLimit.of_bars` of bars that come."""

    def __init__(self, limit: PriceLimit, time: FeedTime) -> None:
        self._limit, self._time = limit, time
        self._ends, self._close = 0, math.nan
        self.limits = NO_LIMITS

    def see(self, start: int, close: float) -> None:
        """Take in a bar: its start, ns UTC, and its last price."""
        if start >= self._ends:
            zone = ZoneInfo(self._time.zone)
            day = datetime.fromtimestamp(start // 1_000_000_000, zone).date()
            midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
            self._ends = int(midnight.timestamp()) * 1_000_000_000
            self.limits = self._limit.limits(self._close) if self._close > 0 else NO_LIMITS
        if close > 0:
            self._close = close
