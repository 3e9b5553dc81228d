"""Whole lots from real numbers, the same in the interpreter and compiled.

A product such as ``0.29 * 100`` lands one bit below the number that was meant. Both functions
forgive a relative 1e-15 and an absolute 1e-9 lot, far more than rounding can do and far less than
any order means.
"""

from __future__ import annotations

import math


def nearest_lots(amount: float) -> int:
    """`amount` (in lots, >= 0) to the nearest whole lot, halves up.

    >>> [nearest_lots(x) for x in (0.49, 0.5, 2.5, 0.1 * 5)]
    [0, 1, 3, 1]
    """
    return math.floor(amount * (1.0 + 1e-15) + 0.500000001)


def whole_lots(amount: float) -> int:
    """The whole lots that `amount` (in lots, >= 0) holds.

    >>> whole_lots(0.29 * 100), whole_lots(28.9)
    (29, 28)
    """
    return math.floor(amount * (1.0 + 1e-15) + 0.000000001)
