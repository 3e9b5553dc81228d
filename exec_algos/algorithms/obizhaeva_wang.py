"""Obizhaeva-Wang: a block, a constant rate and a block, for a limit order book that recovers from each trade.

A window of n slices of length d trades at the n starts of its slices: ``x_first = x_last = Q / (2 + (n - 2)(1 - a))`` and
``(1 - a) x_first`` at each one between, with ``a = exp(-rho d)``, what is left of a trade's impact at the next. It minimises the expected
cost in a block-shaped book with resilience rho, whatever its depth (A. Obizhaeva and J. Wang, "Optimal trading strategy and
supply/demand dynamics", Journal of Financial Markets 16, 2013, 1-32, proposition 1, in the closed form of A. Alfonsi, A. Fruth and
A. Schied, "Optimal execution strategies in limit order books with general shape functions", Quantitative Finance 10, 2010, 143-157).
An order of one slice is one child.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

import numpy as np

from exec_algos import trajectories
from exec_algos.algorithms.guide import POSITIVE, Guide, Parameter
from exec_algos.algorithms.time_curve import TimeCurve
from exec_algos.checks import Floats, check_positive
from exec_algos.errors import UsageError

RECOVERY = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ObizhaevaWang(TimeCurve):
    """Least expected cost in a book that recovers; it does not weigh risk.

    How fast the book recovers is said by `resilience` or by `recovery_seconds`; without either it is half recovered in five minutes.

    Parameters
    ----------
    slice_interval_seconds : float
        Time between children.
    resilience : float, optional
        rho, 1/second, >= 0. 0 is a book that never recovers: half at the start, half at the end. `math.inf` is TWAP.
    recovery_seconds : float, optional
        The book's half-life, ``log(2) / rho``, > 0.

    Raises
    ------
    UsageError
        A parameter out of range, or both of them.

    Examples
    --------
    >>> str(ObizhaevaWang(recovery_seconds=120))
    'obizhaeva_wang:recovery_seconds=120'
    """

    resilience: float | None = None
    recovery_seconds: float | None = None

    name: ClassVar[str] = "obizhaeva_wang"
    sample: ClassVar[str] = "obizhaeva_wang:recovery_seconds=1800"
    guide: ClassVar[Guide] = Guide(
        "a curve: a block, a constant rate, a block",
        "the expected cost in a book that recovers; not the risk",
        "impact that fades within the window",
        "Obizhaeva & Wang 2013, J. Financial Markets 16:1; Alfonsi, Fruth & Schied 2010, Quant. Finance 10:143",
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "resilience": Parameter(
            "1/s", ">= 0", "how fast the book recovers; inf is `twap`", (-1, math.nan), "resilience must be at least 0 per second, got {}"
        ),
        "recovery_seconds": Parameter(
            "s", "> 0", "the same as a half-life; 300 s where nothing is said", (0, -1, math.nan, math.inf), POSITIVE
        ),
    }

    def __post_init__(self) -> None:
        super(ObizhaevaWang, self).__post_init__()
        if self.resilience is not None and self.recovery_seconds is not None:
            raise UsageError(f"give resilience or recovery_seconds, not both; got {self.resilience!r} and {self.recovery_seconds!r}")
        if self.resilience is not None and (not isinstance(self.resilience, Real) or not self.resilience >= 0):
            raise UsageError(f"resilience must be at least 0 per second, got {self.resilience!r}")
        if self.recovery_seconds is not None:
            check_positive(recovery_seconds=self.recovery_seconds)

    @property
    def rate(self) -> float:
        """rho, 1/second."""
        if self.resilience is not None:
            return self.resilience
        return math.log(2) / (RECOVERY if self.recovery_seconds is None else self.recovery_seconds)

    def done(self, slices: int, seconds: float) -> Floats:
        """What the first k + 1 of `slices` trades add up to."""
        if slices == 1:
            return np.ones(1)
        last = slices - 1
        plan = trajectories.ObizhaevaWang(quantity=1, horizon=last * seconds, slices=last, resilience=self.rate, depth=1)
        return trajectories.holdings_curve(plan.holdings())
