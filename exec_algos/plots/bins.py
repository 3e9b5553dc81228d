"""Bins of histograms that are drawn on one axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from exec_algos.checks import Floats


def edges_of(groups: Sequence[Floats], ends: Sequence[float]) -> Floats:
    """Bins of a round width, on both sides of 0, over 98 % of the values of all groups and all the `ends` that are numbers."""
    values = np.concatenate(groups)
    held = [0.0, *ends]
    if len(values):
        held += np.quantile(values, [0.01, 0.99]).tolist()
    finite = [end for end in held if math.isfinite(end)]
    low, high = min(finite), max(finite)
    bins = min(max(4 * math.sqrt(len(values) / max(len(groups), 1)), 20), 80)
    width = _rounded((high - low) / bins) if high > low else 0.1
    return np.arange(math.floor(low / width) - 1, math.ceil(high / width) + 2, dtype=np.float64) * width


def _rounded(width: float) -> float:
    """The nearest of 1, 2, 5 and 10 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(width))
    return power * min((1, 2, 5, 10), key=lambda m: abs(math.log(m * power / width)))
