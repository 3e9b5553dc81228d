"""Checks of what a cost model is made of."""

from __future__ import annotations

from numbers import Real

from exec_algos.errors import UsageError


def in_range(name: str, value: float, below: float, advice: str) -> float:
    """`value` as a float, refused with `advice` where it is no number in [0, below)."""
    if not isinstance(value, Real) or not 0 <= value < below:
        raise UsageError(f"{name} must be at least 0 and below {below:g}, got {value!r}: {advice}")
    return float(value)
