"""Means with clustered intervals from sums by cluster: the values themselves need not be there any more."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from exec_algos.stats.arrays import Floats, Ints
from exec_algos.stats.clustered import FEW, NOTHING, check_fraction, student
from exec_algos.stats.statistics import Estimate


class ClusterSums(NamedTuple):
    """What values of some clusters add up to: columns of shape (G,). Those of two pieces are added cluster by cluster.

    Attributes
    ----------
    n : ndarray of float64
        Values that are known.
    value : ndarray of float64
        ``sum(x)``.
    weight, weighted : ndarray of float64
        ``sum(w)`` and ``sum(w x)`` over the values that are known.
    """

    n: Floats
    value: Floats
    weight: Floats
    weighted: Floats

    @classmethod
    def of(cls, values: Floats, weights: Floats, clusters: Ints, size: int) -> ClusterSums:
        """Sums of values, NaN where not known, in clusters numbered ``0 .. size - 1``."""
        known = np.flatnonzero(~np.isnan(values))
        x, w, at = values[known], weights[known], clusters[known]
        columns = (None, x, w, w * x)
        return cls(*(np.bincount(at, column, size).astype(np.float64) for column in columns))

    def plus(self, other: ClusterSums) -> ClusterSums:
        """Those of both."""
        return ClusterSums._make(a + b for a, b in zip(self, other, strict=True))

    def mean(self, left_out: int = 0, confidence: float = 0.95) -> Estimate:
        """`exec_algos.stats.statistics.clustered_mean` of the values, each counting the same; `left_out` of them are not known."""
        return _mean(self.n, self.value, int(self.n.sum()), left_out, confidence)

    def weighted_mean(self, left_out: int = 0, confidence: float = 0.95) -> Estimate:
        """The same by weight."""
        return _mean(self.weight, self.weighted, int(self.n.sum()), left_out, confidence)


def _mean(weight: Floats, weighted: Floats, known: int, left_out: int, confidence: float) -> Estimate:
    """``mu = sum(w x) / sum(w)``; ``CR1 = sqrt(G / (G - 1) sum_g (sum_{i in g} w_i x_i - mu sum_{i in g} w_i)^2) / sum(w)``."""
    check_fraction(confidence=confidence)
    used = weight > 0
    groups, total = int(used.sum()), float(weight[used].sum())
    mean = float(weighted[used].sum()) / total if groups else math.nan
    if groups < 2:
        return Estimate(mean, math.nan, math.nan, math.nan, known, groups, left_out, FEW if groups else NOTHING)
    scores = weighted[used] - mean * weight[used]
    error = math.sqrt(groups / (groups - 1) * float((scores * scores).sum())) / total
    reach = student(groups - 1, 0.5 + confidence / 2) * error
    return Estimate(mean, error, mean - reach, mean + reach, known, groups, left_out)
