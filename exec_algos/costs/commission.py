"""The commission schedule."""

from __future__ import annotations

import math
from typing import NamedTuple

from exec_algos.errors import UsageError


class Commission(NamedTuple):
    """A commission schedule, charged on each child order.

    ``fee = max(minimum, rate * value + per_share * shares)`` for a child that traded, else 0.

    Attributes
    ----------
    rate : float
        Fraction of the value traded: 0.00015 is 1.5 bps.
    per_share : float
        Currency per share.
    minimum : float
        Currency per child order.
    """

    rate: float = 0.0
    per_share: float = 0.0
    minimum: float = 0.0

    def checked(self) -> Commission:
        """The schedule itself.

        Raises
        ------
        UsageError
            A part that is negative or not a number.
        """
        for name, value in self._asdict().items():
            if not (math.isfinite(value) and value >= 0):
                raise UsageError(f"commission {name} must be >= 0, got {value!r}")
        return self


def child_fee(commission: Commission, shares: float, value: float) -> float:
    """Commission on a child that has traded `shares` for `value` (currency) in all, in currency."""
    if shares <= 0:
        return 0.0
    return max(commission.minimum, commission.rate * value + commission.per_share * shares)
