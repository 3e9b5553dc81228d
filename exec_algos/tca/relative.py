"""Benchmarks that follow the volume after the arrival: PWP, and the share of volume that traded at worse prices."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.errors import UsageError
from exec_algos.stats.estimable import Estimable, Missing
from exec_algos.tca.benchmarks import NO_BARS, NO_VOLUME, View
from exec_algos.tca.sums import sum_between

DAY_TOO_SHORT = "the session ends when {:.3g} of the volume it needs has traded"
NO_SHARES = "the order has no shares"
SAME = 1e-12  # an average of fills at one price may be an ulp away from it
CHUNK = 4_000_000  # pairs of order and bar held at a time: 32 MB a column


class Pwp(NamedTuple):
    """Participation-weighted price of parent orders.

    Attributes
    ----------
    price : Estimable
        Currency per share, shape (n_parents,).
    row : ndarray of int64
        The bar in which the volume is reached; -1 where it is not.
    fraction : ndarray of float64
        The part of that bar's volume that counts, in (0, 1]; NaN where it is not reached.
    """

    price: Estimable
    row: Ints
    fraction: Floats


def pwp(view: View, shares: Floats, rate: float) -> Pwp:
    """Participation-weighted price: VWAP from the arrival until ``shares / rate`` have traded.

    ``N = shares / rate``; with bars ``i = first ..`` from the window's start, k the bar in which the traded volume reaches N, and
    ``f = (N - sum_{i<k} v_i) / v_k``, ``PWP = (sum_{i<k} p_i v_i + f p_k v_k) / N``; p is the bar's VWAP (`Bars.price`), so the part
    of the last bar counts at that bar's VWAP.

    Parameters
    ----------
    view : View
    shares : ndarray of float64, shape (n_parents,)
        Of each parent order, > 0.
    rate : float
        Fraction of the traded volume, in (0, 1]. The volume is that of the tape: a live one holds our own prints, a replayed one does
        not. For a rate of the whole volume, ours included, pass ``rate / (1 - rate)`` on a replayed tape (Kissell's trade rate).

    Returns
    -------
    Pwp
        It looks past the window's end, up to the session's end. Not estimable where the session ends first.

    Raises
    ------
    UsageError
        A rate that is not above 0, or not finite.

    Notes
    -----
    Kissell (2013), The Science of Algorithmic Trading and Portfolio Management, ch. 3, Participation Weighted Price.
    """
    if not 0 < rate < np.inf:
        raise UsageError(f"rate is a fraction of the traded volume above 0, got {rate!r}; 10 % is 0.1")
    volume = view.bars.volume
    needed, end = shares / rate, np.maximum(view.finish, view.first)
    there = sum_between(volume, view.first, end)
    enough = (there >= needed * (1 - 1e-12)) & (needed > 0)
    k = _reached(view, np.where(enough, needed, 0.0), end)
    before = sum_between(volume, view.first, np.maximum(k, view.first))
    last = np.append(volume, np.nan)[k]
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = np.where(enough, np.clip((needed - before) / last, 0.0, 1.0), np.nan)
        money = sum_between(view.price * volume, view.first, k) + fraction * np.append(view.price * volume, np.nan)[k]
        price = money / (before + fraction * last)
        have = there / needed
    missing = Missing(shares <= 0, NO_SHARES), Missing(there <= 0, "no volume from the arrival to the session's end")
    found = Estimable.of(price, *view.no_place(), *missing, Missing(~enough, DAY_TOO_SHORT, have))
    return Pwp(found, np.where(enough, k, -1), fraction)


def _reached(view: View, needed: Floats, end: Ints) -> Ints:
    """Row of the bar in which the volume from `first` on reaches `needed`, at most the last row before `end`."""
    row = view.first.copy()
    symbol, bars = view.windows.symbol, view.bars
    for i in np.unique(symbol[symbol >= 0]):
        a, b = bars.offsets[i], bars.offsets[i + 1]
        traded = np.concatenate([[0.0], np.cumsum(bars.volume[a:b])])
        mine = symbol == i
        goal = traded[view.first[mine] - a] + needed[mine]
        # the slack keeps rounding of a sum of fractional volumes from spilling into the next bar
        row[mine] = a + np.searchsorted(traded, goal * (1 - 1e-14)) - 1
    return np.clip(row, view.first, np.maximum(end - 1, view.first))


def worse_volume(view: View, side: Ints, price: Estimable) -> Estimable:
    """Relative performance: the share of the window's volume that traded at worse prices than ours, what was equal by half.

    ``RPM = (V[worse] + V[equal] / 2) / V``; worse is higher for a buy and lower for a sell. The volume of a bar counts at the bar's
    VWAP (`Bars.price`).

    Parameters
    ----------
    view : View
    side : ndarray of int64, shape (n_parents,)
        +1 buys, -1 sells.
    price : Estimable
        Average price of each order, currency per share.

    Returns
    -------
    Estimable
        A fraction in [0, 1]: 0.5 is the middle of the market, 1 better than all of it.

    Notes
    -----
    Kissell (2013), The Science of Algorithmic Trading and Portfolio Management, ch. 3, Relative Performance Measure: the mean of the
    share at a worse price and of one less the share at a better price, which is the same.
    """
    volume = sum_between(view.bars.volume, view.first, view.last)
    worse = np.zeros(len(view))
    for parent, row in pairs_of(view.first, view.last):
        gap = side[parent] * (view.price[row] - price.values[parent])
        equal = np.abs(gap) <= SAME * view.price[row]
        share = np.where(equal, 0.5, gap > 0) * view.bars.volume[row]
        worse += np.bincount(parent, share, len(view))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = worse / volume
    rules = *view.no_place(), Missing(view.last <= view.first, NO_BARS), Missing(volume <= 0, NO_VOLUME)
    return Estimable.combine(found, price, missing=rules)


def pairs_of(first: Ints, last: Ints, chunk: int = CHUNK) -> Iterator[tuple[Ints, Ints]]:
    """Every (order, row) with ``first <= row < last``, some orders at a time.

    Parameters
    ----------
    first, last : ndarray of int64, shape (n,)
    chunk : int
        About how many pairs at a time; no order is split.

    Yields
    ------
    order, row : ndarray of int64
        In order of both.
    """
    length = np.maximum(last - first, 0)
    total = np.cumsum(length)
    cuts = np.searchsorted(total, np.arange(chunk, total[-1] if len(total) else 0, chunk), side="right")
    edges = np.unique(np.concatenate([[0], cuts, [len(first)]]))
    for a, b in itertools.pairwise(edges.tolist()):
        size = length[a:b]
        order = np.repeat(np.arange(a, b), size)
        within = np.arange(len(order)) - np.repeat(np.cumsum(size) - size, size)
        yield order, first[order] + within
