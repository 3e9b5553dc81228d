"""Depth: best quotes and their sizes, from quote columns, else by a stated proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from exec_algos.market.arrays import Floats
    from exec_algos.market.bars import Bars


class Quotes(NamedTuple):
    """Best quotes at the end of each bar: arrays of shape (n_bars,).

    Attributes
    ----------
    bid, ask : ndarray of float64
        Currency per share.
    bid_size, ask_size : ndarray of float64
        Shares, divided by `sized`.
    sized : float
        0.5 where the sizes are the bars' volumes themselves, of which half is taken to stand on either side: a copy would be the largest
        array of a study; else 1.
    """

    bid: Floats
    ask: Floats
    bid_size: Floats
    ask_size: Floats
    sized: float


def quotes_of(bars: Bars) -> Quotes:
    """Quotes of bars: the quote columns, and where they are absent or NaN the close, with half the bar's volume on either side.

    Parameters
    ----------
    bars : Bars
    """
    size, sized = (bars.volume / 2.0, 1.0) if {"bid_size", "ask_size"} & set(bars.quotes) else (bars.volume, 0.5)

    def column(name: str, proxy: Floats) -> Floats:
        quoted = bars.quotes.get(name)
        return proxy if quoted is None else np.where(np.isnan(quoted), proxy, quoted)

    return Quotes(column("bid", bars.close), column("ask", bars.close), column("bid_size", size), column("ask_size", size), sized)
