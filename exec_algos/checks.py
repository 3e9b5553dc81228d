"""What is a number: neither text nor truth nor complex."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UsageError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def check_real(**values: Any) -> None:
    """Refuse what is no real number; True and False are none.

    Raises
    ------
    UsageError
        Text, a truth value, a complex number, None ...
    """
    for name, value in values.items():
        if not isinstance(value, Real) or isinstance(value, bool):
            raise UsageError(f"{name} must be a number, got {value!r}")


def is_finite(value: Any) -> bool:
    """A finite real number; True and False are none."""
    number: Any = value
    return isinstance(value, Real) and not isinstance(number, bool) and bool(-math.inf < number < math.inf)


def check_whole(**values: Any) -> None:
    """Refuse what is no whole number of an integer type.

    Raises
    ------
    UsageError
        A fraction, text, a truth value ...
    """
    for name, value in values.items():
        if not isinstance(value, Integral) or isinstance(value, bool):
            raise UsageError(f"{name} must be a whole number, got {value!r}")


MOST_DAYS = 1_000_000  # more sessions than any exchange has had


def check_profile_days(days: int) -> None:
    """Refuse a number of earlier sessions that is no whole number from 1 to `MOST_DAYS`."""
    check_whole(profile_days=days)
    if days < 1:
        raise UsageError(f"profile_days must be at least 1, got {days}")
    if days > MOST_DAYS:
        raise UsageError(f"profile_days must be at most {MOST_DAYS}, got {days}")


def in_range(name: str, value: float, below: float, advice: str) -> float:
    """`value` as a float, refused with `advice` where it is no number in [0, below)."""
    if not isinstance(value, Real) or not 0 <= value < below:
        raise UsageError(f"{name} must be at least 0 and below {below:g}, got {value!r}: {advice}")
    return float(value)


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
