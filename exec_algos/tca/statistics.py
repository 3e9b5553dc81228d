"""Statistics of slippage: means with day-clustered intervals, equal- and notional-weighted."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Estimate(NamedTuple):
    """A mean and how well it is known.

    Attributes
    ----------
    mean : float
        In the unit of the values.
    standard_error : float
        Clustered, CR1; NaN with fewer than two clusters.
    low, high : float
        Confidence interval from Student's t with ``clusters - 1`` degrees of freedom; NaN as above.
    n : int
        Values.
    clusters : int
    """

    mean: float
    standard_error: float
    low: float
    high: float
    n: int
    clusters: int


def clustered_mean(values: Floats, clusters: npt.NDArray[Any], weights: Floats | None = None, confidence: float = 0.95) -> Estimate:
    """Weighted mean with standard errors that allow for any correlation within a cluster.

    ``mu = sum(w x) / sum(w)``; ``se = sqrt(G / (G - 1)) * sqrt(sum_g (sum_{i in g} w_i (x_i - mu))^2) / sum(w)``
    (Liang and Zeger 1986, with the CR1 factor of Cameron and Miller 2015, J. Human Resources 50:317, section II).

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        NaN values are left out.
    clusters : ndarray, shape (n,)
        The cluster (day) of each value.
    weights : ndarray of float64, shape (n,), optional
        >= 0; equal by default.
    confidence : float
        In (0, 1).

    Examples
    --------
    >>> clustered_mean(np.array([1.0, 3.0]), np.array(["a", "b"])).mean
    2.0
    """
    known = np.isfinite(values)
    x, group = np.asarray(values)[known], np.asarray(clusters)[known]
    w = np.ones(len(x)) if weights is None else np.asarray(weights)[known]
    if not len(x) or not w.sum() > 0:
        return Estimate(math.nan, math.nan, math.nan, math.nan, len(x), 0)
    mean = float((w * x).sum() / w.sum())
    _, index = np.unique(group, return_inverse=True)
    scores = np.bincount(index, weights=w * (x - mean))
    g = len(scores)
    if g < 2:
        return Estimate(mean, math.nan, math.nan, math.nan, len(x), g)
    error = math.sqrt(g / (g - 1) * float((scores**2).sum())) / float(w.sum())
    from scipy.special import stdtrit

    reach = float(stdtrit(g - 1, 0.5 + confidence / 2)) * error
    return Estimate(mean, error, mean - reach, mean + reach, len(x), g)
