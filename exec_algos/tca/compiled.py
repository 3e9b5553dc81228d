"""The windows of many parent orders, compiled: their sums, bit for bit those of `exec_algos.tca.sums` one by one, and what bound them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from exec_algos.checks import Floats, Ints

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars


NO_VWAP = np.zeros(0)
PIECE = 4096  # windows that a thread takes at a time
CAP, NO_VOLUME, LIMIT, HALT, END = range(5)  # places in `exec_algos.tca.residuals.CAUSES`
FREE = -1  # a minute that is not bound


def windows_summed(bars: Bars, first: Ints, last: Ints) -> tuple[Floats, Floats, Floats]:
    """Sums of price x volume, volume and price over the bars ``[first, last)`` of each window, shape (n,) each."""
    found = np.zeros((3, len(first)))
    vwap = NO_VWAP if bars.vwap is None else bars.vwap

    def work(a: int) -> None:
        part = slice(a, a + PIECE)
        _summed(bars.high, bars.low, bars.close, vwap, bars.volume, first[part], last[part], found[:, part])

    with ThreadPoolExecutor() as pool:
        list(pool.map(work, range(0, len(first), PIECE)))
    return found[0], found[1], found[2]


@njit(cache=True, nogil=True)
def _summed(high: Any, low: Any, close: Any, vwap: Any, volume: Any, first: Any, last: Any, found: Any) -> None:  # noqa: PLR0913, PLR0917 - columns
    for i in range(len(first)):
        if i and first[i] == first[i - 1] and last[i] == last[i - 1]:
            found[:, i] = found[:, i - 1]
            continue
        money, shares, total = 0.0, 0.0, 0.0
        for r in range(first[i], last[i]):
            price = (high[r] + low[r] + close[r]) / 3.0
            price = min(max(price, low[r]), high[r])
            if len(vwap) and low[r] <= vwap[r] <= high[r]:
                price = vwap[r]
            money += price * volume[r]
            shares += volume[r]
            total += price
        found[0, i], found[1, i], found[2, i] = money, shares, total


def residual_causes(
    market: tuple[Any, ...], step: int, windows: Ints, traded: tuple[Ints, Floats], left: Floats, bounds: tuple[float, float, float]
) -> Floats:
    """Shares of each order's residual by cause, shape (n, 5): see `exec_algos.tca.residuals`.

    Parameters
    ----------
    market : tuple of ndarray
        Start, volume, low, high and budget of each bar.
    step : int
        ns.
    windows : ndarray of int64, shape (7, n)
        Of each order its rows ``[first, last)`` of the bars, the window's start and minutes, its trades ``[begin, stop)`` and its side.
    traded : (ndarray of int64, ndarray of float64)
        Row of the bar and shares of each trade.
    left : ndarray of float64, shape (n,)
    bounds : Bounds
    """
    found = np.zeros((len(left), END + 1))
    columns: list[Any] = [*market, step, windows, *traded, left, *bounds[1:], found]
    _caused(*columns)
    return found


@njit(cache=True, nogil=True)
def _caused(  # noqa: PLR0913, PLR0917 - columns
    start: Any, volume: Any, low: Any, high: Any, budget: Any, step: Any, windows: Any, row: Any, shares: Any, left: Any, lot: Any,
    limit: Any, found: Any,
) -> None:  # fmt: skip
    for i in range(len(left)):
        first, last, begin, minutes, t, stop, side = windows[:, i]
        got = np.zeros(last - first)
        for k in range(t, stop):
            if first <= row[k] < last:
                got[row[k] - first] += shares[k]
        states = np.full(minutes, HALT)
        for r in range(first, last):
            beyond = low[r] > limit if side > 0 else high[r] < limit
            states[(start[r] - begin) // step] = _state(volume[r], beyond, got[r - first] >= budget[r] - lot / 2)
        found[i] = left[i] * _parts(states)


@njit(cache=True, nogil=True)
def _state(volume: Any, beyond: Any, at_cap: Any) -> Any:
    """What bound an order in a bar of its window; `FREE` for nothing."""
    if not volume > 0:
        return NO_VOLUME
    if beyond:
        return LIMIT
    return CAP if at_cap else FREE


@njit(cache=True, nogil=True)
def _parts(states: Any) -> Any:
    """The part that each cause has in what is left."""
    counts, bound = np.zeros(END + 1), len(states)
    while bound > 0 and states[bound - 1] != FREE:
        bound -= 1
        counts[states[bound]] += 1.0
    if bound == len(states):
        counts[END] = 1.0
    return counts / counts.sum()
