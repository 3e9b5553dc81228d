"""Arrival price: front-loaded trading with one knob that has no unit.

The curve is that of Almgren and Chriss, ``C(t) = 1 - sinh(kappa (T - t)) / sinh(kappa T)`` with t and T from the window's start, where
kappa follows from the urgency: after half of the window ``(1 + urgency) / 2`` of the order is done, so
``kappa T = 2 arcosh(1 / (1 - urgency))``. For the risk aversion that belongs to this kappa it minimises mean plus risk aversion times
variance of the cost against the arrival price (R. Almgren and N. Chriss, "Optimal execution of portfolio transactions", Journal of
Risk 3(2), 2000, 5-39, section 2.2); unlike `ImplementationShortfall` it stretches with the window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

from exec_algos.algorithms.time_curve import TimeCurve, decaying
from exec_algos.checks import Floats
from exec_algos.errors import UsageError

URGENCY = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalPrice(TimeCurve):
    """Close to the price at which the order began.

    Parameters
    ----------
    slice_interval_seconds : float
        Time between children.
    urgency : float
        From 0, which is TWAP, to below 1: ``(1 + urgency) / 2`` of the order is done after half of the window.

    Raises
    ------
    UsageError
        A parameter out of range.

    Examples
    --------
    >>> str(ArrivalPrice(urgency=0.6))
    'arrival_price:urgency=0.6'
    """

    urgency: float = URGENCY

    name: ClassVar[str] = "arrival_price"

    def __post_init__(self) -> None:
        super(ArrivalPrice, self).__post_init__()
        if not isinstance(self.urgency, Real) or not 0 <= self.urgency < 1:
            raise UsageError(f"urgency must be at least 0 and below 1, got {self.urgency!r}: 0.6 has 80 % done after half of the window")

    def done(self, slices: int, seconds: float) -> Floats:
        """The curve of Almgren and Chriss for ``kappa T = 2 arcosh(1 / (1 - urgency))``."""
        return decaying(2 * math.acosh(1 / (1 - self.urgency)) / slices, slices)
