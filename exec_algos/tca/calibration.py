"""Whether pre-trade estimates come true: predicted against realised cost, by a regression with clustered errors."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats
from exec_algos.errors import UsageError
from exec_algos.stats.clustered import NOISE, Keys, Sample, check_fraction, column, sample, student, two_sided
from exec_algos.stats.statistics import Estimate, clustered_mean

FEW_CLUSTERS = 10


class Coefficient(NamedTuple):
    """A coefficient and how well it is known; NaN where it is not estimable.

    Attributes
    ----------
    value : float
    standard_error : float
        Clustered, CR1.
    low, high : float
        Interval from Student's t with ``clusters - 1`` degrees of freedom.
    """

    value: float
    standard_error: float
    low: float
    high: float


UNKNOWN = Coefficient(math.nan, math.nan, math.nan, math.nan)


class Calibration(NamedTuple):
    """``realised = intercept + slope * predicted + error``.

    Attributes
    ----------
    intercept, slope : Coefficient
        In bps, and bps per bp. A model that is right has 0 and 1; a slope below 1 says that differences are predicted too large.
    r_squared : float
        Part of the realised variance that the line explains; small for a good model too, as the price moves while orders work.
    bias : Estimate
        Mean of ``realised - predicted``, bps, clustered: above 0, orders cost more than predicted. Known even where the slope is not.
    t, p : float
        Of slope = 1, two-sided, Student's t with ``clusters - 1`` degrees of freedom.
    n, clusters, left_out : int
        Orders with both numbers; their clusters; orders without one of both.
    warning : str
        What is not identified, or only just; empty otherwise.
    """

    intercept: Coefficient
    slope: Coefficient
    r_squared: float
    bias: Estimate
    t: float
    p: float
    n: int
    clusters: int
    left_out: int
    warning: str


def calibrate(
    predicted: npt.ArrayLike, realised: npt.ArrayLike, clusters: Keys, weights: npt.ArrayLike | None = None, confidence: float = 0.95
) -> Calibration:
    """Regress realised on predicted cost.

    Least squares with weights w; covariance ``(X'WX)^-1 (sum_g s_g s_g') (X'WX)^-1``, ``s_g = sum_{i in g} w_i e_i x_i``, times the CR1
    factor ``G / (G - 1) * (n - 1) / (n - 2)`` (Cameron and Miller 2015, J. Human Resources 50:317, section II).

    Parameters
    ----------
    predicted, realised : array_like, shape (n,)
        Expected and found slippage of the same orders, bps, positive = cost, against the same benchmark. An order with a NaN in one
        of them is left out and counted.
    clusters : array, shape (n,)
        Days.
    weights : array_like, shape (n,), optional
        >= 0; equal by default.
    confidence : float
        In (0, 1).

    Raises
    ------
    UsageError
        Columns of other lengths, infinite numbers, weights below 0.

    Examples
    --------
    >>> found = calibrate([1.0, 2.0, 3.0, 4.0], [1.1, 1.9, 3.1, 3.9], ["a", "b", "c", "d"])
    >>> round(found.slope.value, 2), round(found.intercept.value, 2)
    (0.96, 0.1)
    """
    check_fraction(confidence=confidence)
    x, y = column("predicted", predicted), column("realised", realised)
    if x.shape != y.shape:
        raise UsageError(f"predicted and realised must be the same orders, got {len(x)} and {len(y)} values")
    both = np.where(np.isnan(x) | np.isnan(y), np.nan, 1.0)
    first, second = sample(both * x, weights, clusters), sample(both * y, weights, clusters)
    bias = clustered_mean(y - x, clusters, weights, confidence)
    why = _unidentified(first)
    if why:
        return Calibration(UNKNOWN, UNKNOWN, math.nan, bias, math.nan, math.nan, first.known, first.groups(), first.left_out, why)
    (intercept, slope), r_squared = _line(first, second.values, confidence)
    rounding = NOISE * max(1.0, float(np.abs(second.values).max() / np.ptp(first.values)))
    t = (slope.value - 1) / slope.standard_error if slope.standard_error > rounding else math.nan
    p = two_sided(t, first.groups() - 1) if math.isfinite(t) else math.nan
    return Calibration(
        intercept, slope, r_squared, bias, t, p, first.known, first.groups(), first.left_out, _doubts(slope, first.groups())
    )  # fmt: skip


def coverage(low: npt.ArrayLike, high: npt.ArrayLike, realised: npt.ArrayLike, clusters: Keys, confidence: float = 0.95) -> Estimate:
    """How many realised costs lie in their pre-trade range: a 5-95 % range that is right holds 0.9 of them.

    Parameters
    ----------
    low, high, realised : array_like, shape (n,)
        bps; NaN in one of them leaves the order out, counted.
    clusters : array, shape (n,)
    confidence : float
        Of the interval of the share.

    Returns
    -------
    Estimate
        Share in [0, 1], with a clustered error.

    Raises
    ------
    UsageError
        Columns of other lengths, or a range that ends before it starts.

    Examples
    --------
    >>> coverage([0.0, 0.0, 0.0, 0.0], [2.0, 2.0, 2.0, 2.0], [1.0, 1.5, 3.0, 0.0], ["a", "b", "c", "d"]).mean
    0.75
    """
    a, b, x = column("low", low), column("high", high), column("realised", realised)
    if not a.shape == b.shape == x.shape:
        raise UsageError(f"low, high and realised must be the same orders, got {len(a)}, {len(b)} and {len(x)} values")
    if (a > b).any():
        row = int((a > b).argmax())
        raise UsageError(f"a range must not end before it starts: row {row} is {a[row]} to {b[row]}")
    unknown = np.isnan(a) | np.isnan(b) | np.isnan(x)
    return clustered_mean(np.where(unknown, np.nan, (a <= x) & (x <= b)), clusters, confidence=confidence)


def _unidentified(predicted: Sample) -> str:
    x = predicted.values
    if len(x) < 3:
        return f"a line needs at least 3 orders with both numbers, got {len(x)}"
    if np.ptp(x) <= 1e-9 * float(np.abs(x).max()):
        return f"the slope is not identified: all predictions are {x[0]:.6g} bps; predict orders of different sizes"
    if predicted.groups() < 3:
        return f"slope and intercept are not estimable with an error from {predicted.groups()} clusters: they take at least 3"
    return ""


def _line(first: Sample, y: Floats, confidence: float) -> tuple[list[Coefficient], float]:
    x, w, groups = first.values, first.weights, first.groups()
    centre = first.mean
    design = np.stack([np.ones(len(x)), x - centre], axis=1)  # centred: the two columns do not mix
    bread = 1 / (w @ design**2)
    found = bread * (design.T @ (w * y))
    errors = y - design @ found
    scores = np.stack([first.sums(w * errors * column) for column in design.T], axis=1)
    factor = groups / (groups - 1) * (len(x) - 1) / (len(x) - 2)
    covariance = factor * np.outer(bread, bread) * (scores.T @ scores)
    back = np.array([[1.0, -centre], [0.0, 1.0]])
    # a variance of 0 may come out a rounding below it
    values, spreads = back @ found, np.sqrt(np.maximum(np.diag(back @ covariance @ back.T), 0.0))
    reach = student(groups - 1, 0.5 + confidence / 2)
    total = float(w @ (y - w @ y / w.sum()) ** 2)
    r_squared = 1 - float(w @ errors**2) / total if total > w.sum() * (NOISE * np.abs(y).max()) ** 2 else math.nan
    return [_coefficient(float(v), float(e), reach) for v, e in zip(values, spreads, strict=True)], r_squared


def _coefficient(value: float, error: float, reach: float) -> Coefficient:
    return Coefficient(value, error, value - reach * error, value + reach * error)


def _doubts(slope: Coefficient, clusters: int) -> str:
    said = []
    if slope.low <= 0 and slope.high >= 1:
        said.append(f"the slope is barely identified: its interval [{slope.low:.2f}, {slope.high:.2f}] holds both 0 and 1")
    if clusters < FEW_CLUSTERS:
        said.append(f"{clusters} clusters are few: the errors are likely too small")
    return "; ".join(said)
