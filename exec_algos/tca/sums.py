"""Sums and other reductions over many pairs of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.market.bars import bar_prices

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars


MANY = 256  # windows for which it pays to load what is compiled


class WindowSums(NamedTuple):
    """Sums over the bars of windows, p being each bar's VWAP (`Bars.price`): arrays of shape (n,), 0 where there is no bar.

    Attributes
    ----------
    money : ndarray of float64
        ``sum(p v)``: currency.
    volume : ndarray of float64
        ``sum(v)``: shares.
    price : ndarray of float64
        ``sum(p)``: currency per share.
    """

    money: Floats
    volume: Floats
    price: Floats


def window_sums(bars: Bars, first: Ints, last: Ints) -> WindowSums:
    """Sums over the bars ``[first, last)`` of each window, each added up in time order, whatever lies around it."""
    if len(first) > MANY:
        from exec_algos.tca.compiled import windows_summed

        return WindowSums(*windows_summed(bars, first, last))
    found = np.zeros((3, len(first)))
    for i, (a, b) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        if a < b:
            volume = bars.volume[a:b]
            price = bar_prices(bars.high[a:b], bars.low[a:b], bars.close[a:b], None if bars.vwap is None else bars.vwap[a:b])
            found[:, i] = [np.cumsum(column)[-1] for column in (price * volume, volume, price)]
    return WindowSums(*found)


def sum_between(values: Floats, first: Ints, last: Ints) -> Floats:
    """Sums of ``values[first:last]`` for each pair; 0 where it is empty."""
    return reduced(np.add, values, first, last, 0.0)


def reduced(operation: np.ufunc, values: Floats, first: Ints, last: Ints, empty: float) -> Floats:
    """The operation over ``values[first:last]`` for each pair; `empty` where it is empty."""
    if not len(first):
        return np.zeros(0)
    # reduceat takes no edge behind the last value: those pairs see a copy of the values with one more behind, from where they begin
    last = np.maximum(first, last)
    ends = last >= len(values)
    found = np.empty(len(first))
    if not ends.all():
        found[~ends] = _reduced_inside(operation, values, first[~ends], last[~ends])
    if ends.any():
        begin = int(first[ends].min())
        found[ends] = _reduced_inside(operation, np.append(values[begin:], empty), first[ends] - begin, last[ends] - begin)
    return np.where(last > first, found, empty)


def _reduced_inside(operation: np.ufunc, values: Floats, first: Ints, last: Ints) -> Floats:
    # reduceat also goes over what lies between one pair and the next: in order of `first` that is at most all values, once
    order = np.argsort(first, kind="stable")
    found = np.empty(len(first))
    found[order] = operation.reduceat(values, np.column_stack([first[order], last[order]]).ravel())[::2]
    return found
