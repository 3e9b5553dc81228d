"""Statistics of slippage: means with clustered intervals, equal- and notional-weighted.

Every function takes columns and returns a value; what cannot be known is NaN with the reason beside it, never 0.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UnknownNameError
from exec_algos.stats.arrays import Floats
from exec_algos.stats.clustered import FEW, NOTHING, Keys, Sample, check_fraction, crossed, sample, student

Correction = Literal["CR0", "CR1"]


class Estimate(NamedTuple):
    """A mean and how well it is known.

    Attributes
    ----------
    mean : float
        In the unit of the values.
    standard_error : float
        Clustered; NaN with fewer than two clusters.
    low, high : float
        Confidence interval from Student's t with ``clusters - 1`` degrees of freedom; NaN as above.
    n : int
        Values that are known.
    clusters : int
        Clusters with a weight above 0; the fewer of the two kinds in a two-way estimate.
    left_out : int
        Values that are not known (NaN): they are no part of the mean.
    reason : str
        Why the mean or its error is not estimable; empty where both are.
    note : str
        What was done that is not the plain formula; empty otherwise.
    """

    mean: float
    standard_error: float
    low: float
    high: float
    n: int
    clusters: int
    left_out: int = 0
    reason: str = ""
    note: str = ""


def clustered_mean(
    values: npt.ArrayLike,
    clusters: Keys,
    weights: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    correction: Correction = "CR1",
) -> Estimate:
    """Weighted mean with standard errors that allow for any correlation within a cluster.

    ``mu = sum(w x) / sum(w)``; ``CR0 = sqrt(sum_g (sum_{i in g} w_i (x_i - mu))^2) / sum(w)`` (Liang and Zeger 1986);
    ``CR1 = sqrt(G / (G - 1)) CR0`` (Cameron and Miller 2015, J. Human Resources 50:317, section II).

    Parameters
    ----------
    values : array_like, shape (n,)
        NaN where not known: counted in `Estimate.left_out`, no part of the mean.
    clusters : array, shape (n,)
        The cluster (day) of each value.
    weights : array_like, shape (n,), optional
        >= 0; equal by default, the notional for what a unit of currency paid. A cluster of weight 0 does not count as one.
    confidence : float
        In (0, 1).
    correction : {"CR1", "CR0"}
        CR0 is too small with few clusters.

    Raises
    ------
    UsageError
        Columns of other lengths, an infinite value, a weight below 0 or NaN, a cluster without a name, a confidence outside (0, 1).
    UnknownNameError
        Another correction.

    Examples
    --------
    >>> clustered_mean(np.array([1.0, 3.0]), np.array(["a", "b"])).mean
    2.0
    """
    check_fraction(confidence=confidence)
    known = sample(values, weights, clusters)
    return _estimate(known, known.groups(), _variance(known, 0, _checked(correction)), confidence)


def independent_mean(values: npt.ArrayLike, weights: npt.ArrayLike | None = None, confidence: float = 0.95) -> Estimate:
    """Weighted mean as if the orders had nothing to do with each other: each is its own cluster.

    With equal weights ``se = sd / sqrt(n)`` with the divisor n - 1 in the variance. Orders of one day share the market's
    move, so this is too small for them: it is here to be compared with `clustered_mean`.

    Parameters
    ----------
    values, weights, confidence
        As in `clustered_mean`; `Estimate.clusters` counts the values.
    """
    return clustered_mean(values, np.arange(np.size(values)), weights, confidence)


def two_way_mean(
    values: npt.ArrayLike,
    first: Keys,
    second: Keys,
    weights: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    correction: Correction = "CR1",
) -> Estimate:
    """Weighted mean with errors that allow for correlation within a day and, across days, within a symbol.

    ``V = V_first + V_second - V_both`` (Cameron, Gelbach and Miller 2011, J. Business & Economic Statistics 29:238), each
    with its own CR1 factor, and t with ``min(G_first, G_second) - 1`` degrees of freedom. V can come out at 0 or below in
    a small sample: then the larger of V_first and V_second stands in its place, and the note says so.

    Parameters
    ----------
    values, weights, confidence, correction
        As in `clustered_mean`.
    first, second : array, shape (n,)
        The two clusters of each value, such as day and symbol.

    Examples
    --------
    >>> found = two_way_mean([1.0, 3.0, 2.0, 8.0], ["d1", "d1", "d2", "d2"], ["A", "B", "A", "B"])
    >>> found.mean, found.clusters
    (3.5, 2)
    """
    check_fraction(confidence=confidence)
    known = sample(values, weights, first, second)
    if len(known.values):
        known = known._replace(codes=(*known.codes, crossed(*known.codes)))
    fewest = min(known.groups(0), known.groups(1))
    if fewest < 2:
        return _estimate(known, fewest, math.nan, confidence)
    parts = [_variance(known, key, _checked(correction)) for key in range(3)]
    variance, note = parts[0] + parts[1] - parts[2], ""
    if variance <= 0:
        note = f"the two-way variance came out at {variance:.3g}: the larger one-way variance stands in its place"
        variance = max(parts[:2])
    return _estimate(known, fewest, variance, confidence)._replace(note=note)


def _checked(correction: str) -> bool:
    """Whether the errors carry the factor G / (G - 1)."""
    if correction not in ("CR0", "CR1"):
        raise UnknownNameError("correction", correction, ("CR0", "CR1"))
    return correction == "CR1"


def _variance(known: Sample, key: int, corrected: bool) -> float:
    groups = known.groups(key)
    if groups < 2:
        return math.nan
    scores = known.sums(known.weights * (known.values - known.mean), key)
    factor = groups / (groups - 1) if corrected else 1.0
    return factor * float(scores @ scores) / float(known.weights.sum()) ** 2


def _estimate(known: Sample, groups: int, variance: float, confidence: float) -> Estimate:
    mean = known.mean
    if groups < 2:
        reason = FEW if len(known.values) else NOTHING
        return Estimate(mean, math.nan, math.nan, math.nan, known.known, groups, known.left_out, reason)
    return around(mean, math.sqrt(variance), known, groups, confidence)


def around(mean: float, error: float, known: Sample, groups: int, confidence: float) -> Estimate:
    """The estimate with a symmetric interval from Student's t with ``groups - 1`` degrees of freedom."""
    reach = student(groups - 1, 0.5 + confidence / 2) * error
    return Estimate(mean, error, mean - reach, mean + reach, known.known, groups, known.left_out)


__all__ = ["Correction", "Estimate", "Floats", "around", "clustered_mean", "independent_mean", "two_way_mean"]
