"""Arrival price: front-loaded trading with one knob that has no unit.

The curve is that of Almgren and Chriss, ``C(t) = 1 - sinh(kappa (T - t)) / sinh(kappa T)`` with t and T from the window's start, where
kappa follows from the urgency: after half of the window ``(1 + urgency) / 2`` of the order is done, so
``kappa T = 2 arcosh(1 / (1 - urgency))``. For the risk aversion that belongs to this kappa it minimises mean plus risk aversion times
variance of the cost against the arrival price (R. Almgren and N. Chriss, "Optimal execution of portfolio transactions", Journal of
Risk 3(2), 2000, 5-39, section 2.2); unlike `ImplementationShortfall` it stretches with the window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

from exec_algos.algorithms.guide import Guide, Parameter
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
    sample: ClassVar[str] = "arrival_price:urgency=0.7"
    guide: ClassVar[Guide] = Guide(
        "the curve of `implementation_shortfall`, stretched to the window",
        "expected cost + risk aversion x variance, for the risk aversion that belongs to the urgency",
        "a price that may run away, without estimates of risk and impact",
        "Almgren & Chriss 2000, J. Risk 3(2):5",
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "urgency": Parameter(
            "none",
            "[0, 1)",
            "(1 + urgency) / 2 of the order is done after half of the window; 0 is `twap`",
            (1, -0.1, math.nan),
            "urgency must be at least 0 and below 1, got {}: 0.6 has 80 % done",
        ),
    }

    def __post_init__(self) -> None:
        super(ArrivalPrice, self).__post_init__()
        if not isinstance(self.urgency, Real) or not 0 <= self.urgency < 1:
            raise UsageError(f"urgency must be at least 0 and below 1, got {self.urgency!r}: 0.6 has 80 % done after half of the window")

    def done(self, slices: int, seconds: float) -> Floats:
        """The curve of Almgren and Chriss for ``kappa T = 2 arcosh(1 / (1 - urgency))``."""
        return decaying(2 * math.acosh(1 / (1 - self.urgency)) / slices, slices)
