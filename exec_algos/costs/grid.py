"""Prices that an exchange takes, as plain numbers: the interpreter and the compiled loop run the same text."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from exec_algos.model.ticks import to_tick


class TickTerms(NamedTuple):
    """A tick table in numbers: sequences of shape (n_bands,), empty where every price is taken.

    Attributes
    ----------
    floors : sequence of float
        Lowest price of each band, rising from 0, currency.
    ticks : sequence of float
        Tick of each band, currency.
    units : sequence of float
        Ticks in one unit of currency where the tick is a decimal fraction such as 0.01, else 0.
    """

    floors: Any
    ticks: Any
    units: Any


class PriceGrid(NamedTuple):
    """The prices that an exchange takes over some bars.

    Attributes
    ----------
    ticks : TickTerms
    lowest, highest : ndarray of float64, shape (n_bars,)
        The day's limits, currency per share, NaN where there are none. Empty where every price is taken.
    """

    ticks: TickTerms
    lowest: Any
    highest: Any


NO_LIMITS = np.zeros(0)
EVERY_TICK = TickTerms(NO_LIMITS, NO_LIMITS, NO_LIMITS)
EVERY_PRICE = PriceGrid(EVERY_TICK, NO_LIMITS, NO_LIMITS)


def on_tick(terms: TickTerms, price: float, up: bool) -> float:
    """The nearest price on a tick that is not below `price`, or not above it; `price` itself where there are no ticks.

    Parameters
    ----------
    terms : TickTerms
    price : float
        Currency per share; NaN stays NaN.
    up : bool
        To the tick above, else to the one below.
    """
    if not (len(terms.floors) and price > 0.0):
        return price
    band = len(terms.floors) - 1
    while price < terms.floors[band]:
        band -= 1
    return to_tick(price, terms.ticks[band], terms.units[band], up)


def tick_at(terms: TickTerms, price: float) -> float:
    """The tick that holds at `price`, currency per share; 0 where there are no ticks."""
    if not len(terms.floors):
        return 0.0
    band = len(terms.floors) - 1
    while band > 0 and price < terms.floors[band]:
        band -= 1
    return float(terms.ticks[band])


def within_day(price: float, lowest: float, highest: float) -> float:
    """`price`, but not outside the day's limits, currency per share; NaN limits bound nothing."""
    if price > highest:
        return highest
    return lowest if price < lowest else price


def holding_limits(low: float, high: float, lowest: float, highest: float) -> tuple[float, float]:
    """The day's limits as they hold in a bar of ``[low, high]``: NaN both where it trades beyond them."""
    return (math.nan, math.nan) if low < lowest or high > highest else (lowest, highest)


def held_price(side: int, price: float, low: float, high: float, limits: tuple[float, float]) -> float:
    """What an order of `side` pays in a bar within the limits that hold there: NaN where its whole range lies at the limit.

    A buy finds no seller where ``low == upper limit``, a sell no buyer where ``high == lower limit``.
    """
    lowest, highest = limits
    shut = low == highest if side > 0 else high == lowest
    return math.nan if shut else within_day(price, lowest, highest)


def taken_price(terms: TickTerms, side: int, limit: float, price: float, lowest: float, highest: float) -> float:
    """The price of an execution as the exchange takes it: on a tick, rounded against the order, within the day's limits.

    Parameters
    ----------
    terms : TickTerms
    side : int
        +1 buys, -1 sells.
    limit : float
        Limit price, on a tick; NaN for a market order. It holds against the rounding.
    price : float
        Currency per share.
    lowest, highest : float
        The day's limits, NaN where there are none.
    """
    price = within_day(on_tick(terms, price, side > 0), lowest, highest)
    if limit == limit and (price - limit) * side > 0.0:  # noqa: PLR0124 - only NaN differs from itself
        price = limit
    return price
