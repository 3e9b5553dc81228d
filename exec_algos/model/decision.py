"""What an algorithm sees and decides: `Terms`, `Seen` and `Decision`, all of scalars."""

from __future__ import annotations

import math
from typing import NamedTuple


class Terms(NamedTuple):
    """What is fixed about a parent order, as `decide` sees it.

    Attributes
    ----------
    side : int
        +1 buys, -1 sells.
    lots : int
        Lots ordered.
    slices : int
        Number of decisions in the window.
    lot_size : float
        Shares in a lot.
    limit : float
        `Rules.limit_price`, currency per share; NaN for none.
    """

    side: int
    lots: int
    slices: int
    lot_size: float = 1.0
    limit: float = math.nan


class Seen(NamedTuple):
    """What is known at a decision.

    Attributes
    ----------
    slice : int
        This decision, 0 .. ``slices - 1``.
    scheduled : float
        The curve at this slice's end: the fraction of the order that should be done by then.
    filled : int
        Lots of children that are over.
    working : int
        Lots of children that are still open.
    volume : float
        Shares that the market traded since the window began, in completed bars, without our own.
    price : float
        The last known price, currency per share; NaN before the first.
    bid, ask : float
        The best quotes now, currency per share; NaN where there are none.
    bid_size, ask_size : float
        Shares at them; NaN where they are not known.

    Notes
    -----
    From `volume` on they are looked up for an algorithm that says so (`Algorithm.watches`); else they are 0 and NaN.
    """

    slice: int
    scheduled: float
    filled: int
    working: int
    volume: float = 0.0
    price: float = math.nan
    bid: float = math.nan
    ask: float = math.nan
    bid_size: float = math.nan
    ask_size: float = math.nan


class Observed(NamedTuple):
    """What a broker can say of a market at an instant; see `Seen` for the quotes.

    Attributes
    ----------
    traded : float
        Shares traded since some fixed moment, in completed bars; NaN where the broker does not know.
    time : int
        What this is the state of, ns UTC, by the venue's word where it gives one; 0 where nobody says.
    """

    traded: float
    price: float
    bid: float
    ask: float
    bid_size: float
    ask_size: float
    time: int = 0


NOTHING = Observed(0.0, math.nan, math.nan, math.nan, math.nan, math.nan)  # before the first bar


class Decision(NamedTuple):
    """The child order to release now.

    Attributes
    ----------
    lots : int
        0 releases none.
    limit : float
        Limit price, NaN for a market order.
    """

    lots: int
    limit: float
