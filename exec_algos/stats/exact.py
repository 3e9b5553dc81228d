"""Sums that do not hang on the sequence in which they are added up: parts of a table come to what the whole does, to the last bit."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Number = int | float
WHOLE = 2.0**53  # integers up to here are doubles


def exact_parts(values: npt.NDArray[np.generic]) -> list[Number]:
    """A few numbers whose sum, were nothing rounded, is that of the values: what is left to be added to others later.

    >>> exact_parts(np.array([0.1] * 10))
    [1.0, 5.551115123125783e-17]
    >>> exact_parts(np.array([3, 4]))
    [7]
    """
    if np.issubdtype(values.dtype, np.integer):
        return [int(values.sum())]
    reals = values.astype(np.float64)
    if bool((reals == np.floor(reals)).all()) and float(np.abs(reals).sum()) < WHOLE:
        return [float(reals.sum())]
    return reduced(reals[reals != 0].tolist())


def reduced(values: list[Number]) -> list[Number]:
    """The same of numbers in a list: as few as will do, and at least one."""
    if all(isinstance(value, int) for value in values):
        return [sum(values)]
    parts: list[Number] = [math.fsum(values)]
    while rest := math.fsum([*values, *(-part for part in parts)]):
        parts.append(rest)
    return parts


def exact_sum(parts: Iterable[Number]) -> Number:
    """The sum, rounded once; of integers an integer."""
    held = list(parts)
    return sum(held) if all(isinstance(part, int) for part in held) else math.fsum(held)
