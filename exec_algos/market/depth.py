"""Depth: best quotes and their sizes, from quote columns, else by a proxy that was named."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.bars import QUOTES

if TYPE_CHECKING:
    from exec_algos.market.arrays import Floats
    from exec_algos.market.bars import Bars


PROXIES = {"close": "bid and ask are taken to be the close of the bar, with half its volume on either side"}


class Quotes(NamedTuple):
    """Best quotes at the end of each bar: arrays of shape (n_bars,).

    Attributes
    ----------
    bid, ask : ndarray of float64
        Currency per share.
    bid_size, ask_size : ndarray of float64
        Shares, divided by `sized`.
    sized : float
        1; or 0.5 where the sizes are the bars' volumes themselves, of which half is taken to stand on either side: a copy would be the
        largest array of a study.
    """

    bid: Floats
    ask: Floats
    bid_size: Floats
    ask_size: Floats
    sized: float


def quotes_of(bars: Bars) -> Quotes:
    """Quotes of bars: the quote columns, NaN where there is none; with `Bars.quote_proxy` what it says in their place.

    Parameters
    ----------
    bars : Bars
    """
    if bars.quote_proxy is None:
        nothing = np.full(len(bars), np.nan) if set(QUOTES) - set(bars.quotes) else bars.close
        bid, ask, bid_size, ask_size = (bars.quotes.get(name, nothing) for name in QUOTES)
        return Quotes(bid, ask, bid_size, ask_size, 1.0)
    size, sized = (bars.volume / 2.0, 1.0) if {"bid_size", "ask_size"} & set(bars.quotes) else (bars.volume, 0.5)

    def column(name: str, proxy: Floats) -> Floats:
        quoted = bars.quotes.get(name)
        return proxy if quoted is None else np.where(np.isnan(quoted), proxy, quoted)

    return Quotes(column("bid", bars.close), column("ask", bars.close), column("bid_size", size), column("ask_size", size), sized)


def with_quote_proxy(bars: Bars, proxy: str) -> Bars:
    """The same bars, with the name of what stands in where there is no quote.

    Parameters
    ----------
    bars : Bars
    proxy : {"close"}
        ``"close"``: bid and ask are the close of the bar, with half its volume on either side. So the spread is 0: an algorithm that
        waits for a price meets every close.

    Raises
    ------
    UnknownNameError
        No such proxy.
    """
    if proxy not in PROXIES:
        raise UnknownNameError("quote proxy", proxy, PROXIES)
    return replace(bars, quote_proxy=proxy)


def check_quotes(bars: Bars, columns: Collection[str], reader: str) -> None:
    """Refuse who reads quotes that the bars of some symbol do not have, where no proxy is named.

    Parameters
    ----------
    bars : Bars
    columns : collection of str
        Any of ``bid, ask, bid_size, ask_size``.
    reader : str
        Who reads them, for the message.

    Raises
    ------
    UsageError
        The symbol and the columns.
    """
    if bars.quote_proxy is not None or not columns:
        return
    for symbol in bars.symbols:
        rows = bars.rows(symbol)
        lacking = [name for name in columns if name not in bars.quotes or np.isnan(bars.quotes[name][rows]).all()]
        if lacking:
            raise UsageError(lacking_quotes(reader, symbol, lacking))


def lacking_quotes(reader: str, symbol: str, columns: Collection[str]) -> str:
    """What to do where quotes are read that are not there."""
    return (
        f"{reader} reads {', '.join(columns)}, and the bars of {symbol} have none: give bars with these columns, or name a proxy: "
        f"with_quote_proxy(bars, 'close') (--quote-proxy close), by which {PROXIES['close']}"
    )
