"""Depth: best quotes and their sizes, from quote columns, else by a stated proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars, Floats


class Quotes(NamedTuple):
    """Best quotes at the end of each bar: arrays of shape (n_bars,).

    Attributes
    ----------
    bid, ask : ndarray of float64
        Currency per share.
    bid_size, ask_size : ndarray of float64
        Shares.
    """

    bid: Floats
    ask: Floats
    bid_size: Floats
    ask_size: Floats


def quotes_of(bars: Bars) -> Quotes:
    """Quotes of bars: the quote columns, and where they are absent or NaN the close, with half the bar's volume on either side.

    Parameters
    ----------
    bars : Bars
    """
    half = bars.volume / 2.0

    def column(name: str, proxy: Floats) -> Floats:
        quoted = bars.quotes.get(name)
        return proxy if quoted is None else np.where(np.isnan(quoted), proxy, quoted)

    return Quotes(column("bid", bars.close), column("ask", bars.close), column("bid_size", half), column("ask_size", half))
