"""The square-root law of a whole order: how far it moves the price, and what that costs on average, which is not the same."""

from __future__ import annotations

import math
from typing import NamedTuple

from exec_algos.checks import in_range
from exec_algos.errors import UsageError


class SquareRootCost(NamedTuple):
    """What `square_root_cost` says, bps of the price.

    Attributes
    ----------
    peak : float
        How far the price has moved when the last share trades.
    average : float
        What the average share pays above the price before the order: 2/3 of the peak at a constant rate.
    """

    peak: float
    average: float


def square_root_cost(shares: float, *, daily_volume: float, volatility: float, prefactor: float = 1.0) -> SquareRootCost:
    """Peak and average cost of an order worked at a constant rate: ``peak = Y sigma sqrt(Q / V)``.

    The average is ``int_0^1 sqrt(u) du = 2/3`` of the peak. Taking the peak for the cost overstates it by half.

    Parameters
    ----------
    shares : float
        Q >= 0.
    daily_volume : float
        V > 0, shares.
    volatility : float
        sigma, daily, a fraction of the price.
    prefactor : float
        Y, about 1.

    Raises
    ------
    UsageError
        A number out of range.

    References
    ----------
    B. Toth et al., "Anomalous price impact and the critical nature of liquidity in financial markets", Phys. Rev. X 1, 021006 (2011).

    Examples
    --------
    >>> peak, average = square_root_cost(10_000, daily_volume=1e6, volatility=0.02)
    >>> round(peak, 9), round(average, 9)
    (20.0, 13.333333333)
    """
    if not daily_volume > 0:
        raise UsageError(f"daily_volume must be shares above 0, got {daily_volume!r}")
    size = in_range("shares", shares, math.inf, "a quantity is positive, the side says the rest") / daily_volume
    sigma = in_range("volatility", volatility, 1, "it is a fraction of the price a day: 2 % is 0.02")
    peak = 1e4 * in_range("prefactor", prefactor, math.inf, "Y is about 1") * sigma * math.sqrt(size)
    return SquareRootCost(peak, peak * 2 / 3)
