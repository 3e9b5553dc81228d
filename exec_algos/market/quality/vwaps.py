"""The vendor's VWAP where it cannot be that of its bar: `Bars.price` takes the mean of high, low and close there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exec_algos.market.arrays import Flags

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars


def outside_range(bars: Bars) -> Flags | None:
    """Which bars have a VWAP below their low or above their high; None where the vendor gives none."""
    if bars.vwap is None or np.isnan(bars.vwap).all():
        return None
    found: Flags = (bars.vwap < bars.low) | (bars.vwap > bars.high)
    return found


def outside_line(outside: int, bars: int) -> str:
    """One sentence.

    >>> outside_line(1, 1200)
    "1 of 1,200 bars has a vendor's VWAP outside its low and high: (high + low + close) / 3 stands in its place"
    """
    whose = "has a vendor's VWAP outside its" if outside == 1 else "have a vendor's VWAP outside their"
    return f"{outside:,} of {bars:,} bars {whose} low and high: (high + low + close) / 3 stands in its place"
