"""Prices on a tick: the double nearest to the decimal number that is meant, the same in the interpreter and compiled.

A product such as ``0.05 * 3587`` is 179.35000000000002, above every price of 179.35 on a tape: a third of all prices on a tick of 0.05 are
missed so, a seventh on one of 0.01, always upward. Where a unit of currency holds a whole number of ticks, the quotient ``3587 / 20`` is
the double that the text "179.35" gives.
"""

from __future__ import annotations

import math

ON_TICK = 1e-6  # of a tick: a price this close to a tick is on it; a quotient of doubles up to 1e9 ticks errs by less


def ticks_in_a_unit(tick: float) -> float:
    """Ticks in one unit of currency where that is a whole number above 1, else 0.

    >>> ticks_in_a_unit(0.05), ticks_in_a_unit(0.3), ticks_in_a_unit(5.0)
    (20.0, 0.0, 0.0)
    """
    per_unit = round(1.0 / tick)
    return float(per_unit) if tick < 1.0 and math.isclose(per_unit * tick, 1.0, rel_tol=1e-12) else 0.0


def to_tick(price: float, tick: float, unit: float, up: bool) -> float:
    """The nearest price on a tick that is not below `price`, or not above it.

    Parameters
    ----------
    price, tick : float
        Currency per share, `tick` above 0; a NaN price stays NaN.
    unit : float
        `ticks_in_a_unit` of the tick.
    up : bool
        To the tick above, else to the one below.

    Examples
    --------
    >>> to_tick(179.37, 0.05, 20.0, False), 0.05 * 3587
    (179.35, 179.35000000000002)
    """
    if price != price:  # noqa: PLR0124 - only NaN differs from itself
        return price
    whole = math.ceil(price / tick - ON_TICK) if up else math.floor(price / tick + ON_TICK)
    return float(whole / unit if unit > 0.0 else whole * tick)
