"""Benchmark prices of parent orders, from the bars of their window and session."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Windows(NamedTuple):
    """Parent orders by where they lie in a `Bars`: arrays of shape (n_parents,).

    Attributes
    ----------
    symbol : ndarray of int64
        Index into ``bars.symbols``; -1 for one that has no bars.
    start, end : ndarray of int64
        The window ``[start, end)``, ns UTC.
    """

    symbol: Ints
    start: Ints
    end: Ints


class Benchmarks(NamedTuple):
    """Benchmark prices in currency per share, arrays of shape (n_parents,), NaN where not estimable.

    Attributes
    ----------
    arrival : ndarray of float64
        Close of the last bar of the same session that had ended by the start, else the open of the
        first bar in the window.
    interval_vwap, interval_twap : ndarray of float64
        Volume-weighted and plain mean of the VWAP (the vendor's if in [low, high], else hlc3) of the
        window's bars.
    session_vwap : ndarray of float64
        The same over the session.
    volume : ndarray of float64
        Shares traded in the window.
    """

    arrival: Floats
    interval_vwap: Floats
    session_vwap: Floats
    interval_twap: Floats
    volume: Floats


def rows_between(bars: Bars, symbol: Ints, start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Rows ``[first, last)`` of the bars that lie in ``[start, end)``, for each parent order.

    Parameters
    ----------
    bars : Bars
    symbol : ndarray of int64, shape (n,)
    start, end : ndarray of int64, shape (n,)
        ns UTC.

    Returns
    -------
    first, last : ndarray of int64, shape (n,)
    """
    first, last = np.zeros(len(symbol), dtype=np.int64), np.zeros(len(symbol), dtype=np.int64)
    for i in np.unique(symbol[symbol >= 0]):
        a, b = bars.offsets[i], bars.offsets[i + 1]
        stamps, mine = bars.start[a:b], symbol == i
        first[mine] = a + np.searchsorted(stamps, start[mine])
        last[mine] = a + np.searchsorted(stamps, end[mine] - bars.step, side="right")
    return first, np.maximum(first, last)


def sum_between(values: Floats, first: Ints, last: Ints) -> Floats:
    """Sums of ``values[first:last]`` for each pair; 0 where it is empty."""
    if not len(first):
        return np.zeros(0)
    padded = np.append(values, 0.0)
    sums = np.add.reduceat(padded, np.column_stack([first, last]).ravel())[::2]
    return np.where(last > first, sums, 0.0)


def benchmarks(bars: Bars, sessions: Sessions, windows: Windows) -> Benchmarks:
    """Benchmark prices of parent orders.

    Parameters
    ----------
    bars : Bars
        Cut to the sessions' hours.
    sessions : Sessions
    windows : Windows
        Each inside one session; one that starts while the venue is closed belongs to the next.
    """
    first, last = rows_between(bars, windows.symbol, windows.start, windows.end)
    held = sessions.all_at_or_after(windows.start)
    opened = sessions.open[held]
    begin, finish = rows_between(bars, windows.symbol, opened, sessions.close[held])
    price, money = bars.price(), bars.price() * bars.volume
    volume = sum_between(bars.volume, first, last)
    return Benchmarks(
        arrival=_arrival(bars, first, last, begin),
        interval_vwap=_ratio(sum_between(money, first, last), volume),
        session_vwap=_ratio(sum_between(money, begin, finish), sum_between(bars.volume, begin, finish)),
        interval_twap=_ratio(sum_between(price, first, last), (last - first).astype(np.float64)),
        volume=volume,
    )


def _arrival(bars: Bars, first: Ints, last: Ints, begin: Ints) -> Floats:
    before = bars.close[np.maximum(first - 1, 0)]
    opening = np.where(last > first, np.append(bars.open, np.nan)[first], np.nan)
    return np.where(first > begin, before, opening)


def _ratio(above: Floats, below: Floats) -> Floats:
    ratio: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
    return ratio


def slippage_bps(side: npt.NDArray[np.int64] | int, price: Floats | float, benchmark: Floats | float) -> Floats:
    """``side * (price - benchmark) / benchmark * 1e4``: basis points, positive = cost, for buys and sells.

    Parameters
    ----------
    side : int or ndarray
        +1 buys, -1 sells.
    price, benchmark : float or ndarray
        Currency per share; NaN gives NaN.

    Examples
    --------
    >>> round(float(slippage_bps(-1, 99.9, 100.0)), 9)
    10.0
    """
    return np.asarray(side * (np.asarray(price) - benchmark) / benchmark * 1e4)
