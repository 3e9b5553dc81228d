"""Sums and other reductions of a column over many pairs of rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def sum_between(values: Floats, first: Ints, last: Ints) -> Floats:
    """Sums of ``values[first:last]`` for each pair; 0 where it is empty."""
    return reduced(np.add, values, first, last, 0.0)


def reduced(operation: np.ufunc, values: Floats, first: Ints, last: Ints, empty: float) -> Floats:
    """The operation over ``values[first:last]`` for each pair; `empty` where it is empty."""
    if not len(first):
        return np.zeros(0)
    # reduceat takes no edge behind the last value: those pairs see a copy of the values with one more behind, from where they begin
    last = np.maximum(first, last)
    ends = last >= len(values)
    found = np.empty(len(first))
    if not ends.all():
        found[~ends] = _reduced_inside(operation, values, first[~ends], last[~ends])
    if ends.any():
        begin = int(first[ends].min())
        found[ends] = _reduced_inside(operation, np.append(values[begin:], empty), first[ends] - begin, last[ends] - begin)
    return np.where(last > first, found, empty)


def _reduced_inside(operation: np.ufunc, values: Floats, first: Ints, last: Ints) -> Floats:
    # reduceat also goes over what lies between one pair and the next: in order of `first` that is at most all values, once
    order = np.argsort(first, kind="stable")
    found = np.empty(len(first))
    found[order] = operation.reduceat(values, np.column_stack([first[order], last[order]]).ravel())[::2]
    return found
