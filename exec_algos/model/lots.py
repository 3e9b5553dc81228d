"""Whole lots from real numbers, the same in the interpreter and compiled.

A product such as ``0.29 * 100`` lands one bit below the number that was meant. `SLACK` forgives
1e-9 lot, far more than rounding does to orders of millions of lots and far less than any order
means. Amounts are never negative, so cutting off is rounding down.
"""

from __future__ import annotations

MOST_ORDERED = 4e15  # lots of an order: beyond 2**52 a double has no halves, and the sum of slices would be a lot too much
SLACK = 1e-9
HALF = 0.5 + SLACK


def nearest_lots(amount: float) -> int:
    """`amount` (in lots, >= 0) to the nearest whole lot, halves up.

    >>> [nearest_lots(x) for x in (0.49, 0.5, 2.5, 0.1 * 5)]
    [0, 1, 3, 1]
    """
    return int(amount + HALF)


def whole_lots(amount: float) -> int:
    """The whole lots that `amount` (in lots, >= 0) holds.

    >>> whole_lots(0.29 * 100), whole_lots(28.9)
    (29, 28)
    """
    return int(amount + SLACK)
