"""What the parameters of a trajectory have to be."""

from __future__ import annotations

import math
from numbers import Integral, Real

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UsageError

Floats = npt.NDArray[np.float64]


def check_positive(**values: float) -> None:
    """Refuse values that are not positive and finite."""
    for name, value in values.items():
        if not isinstance(value, Real) or not 0 < value < math.inf:
            raise UsageError(f"{name} must be positive and finite, got {value!r}")


def check_not_negative(**values: float) -> None:
    """Refuse values that are negative or not finite."""
    for name, value in values.items():
        if not isinstance(value, Real) or not 0 <= value < math.inf:
            raise UsageError(f"{name} must be at least 0 and finite, got {value!r}")


def check_finite(**values: float) -> None:
    """Refuse values that are not finite."""
    for name, value in values.items():
        if not isinstance(value, Real) or not -math.inf < value < math.inf:
            raise UsageError(f"{name} must be finite, got {value!r}")


def check_slices(slices: int) -> None:
    """Refuse a number of slices that is no whole number from 1."""
    if not isinstance(slices, Integral) or slices < 1:
        raise UsageError(f"slices must be a whole number, at least 1, got {slices!r}")
