"""Sums over the windows of many parent orders, compiled: bit for bit those of `exec_algos.tca.sums` one by one."""

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
