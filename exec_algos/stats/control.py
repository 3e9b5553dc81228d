"""A control variate: slippage less what the market's own move explains of it."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.stats.arrays import Floats
from exec_algos.stats.clustered import NOISE, Keys, Sample, check_fraction, column, refuse, sample
from exec_algos.stats.statistics import Estimate, around, clustered_mean

Over = Literal["orders", "clusters"]

SAMPLE_MEAN = "the control's mean is that of these orders: the mean stays as it was, and its error holds for these market moves only"


class ControlVariate(NamedTuple):
    """A mean with the market's move taken out.

    Attributes
    ----------
    raw, adjusted : Estimate
        The mean as it is, and with the control; in the unit of the values. `adjusted.note` says where its mean was not known.
    coefficient : float
        theta: what a unit of the control moves the value.
    correlation : float
        Of value and control over the orders.
    variance_ratio : float
        Square of the adjusted standard error over the raw one: 0.1 is worth ten times the orders.
    values : ndarray of float64, shape (n,)
        ``y - theta (c - m)`` of each order, NaN where one of both is not known. Read-only.
    reason : str
        Why nothing was taken out; empty where it was.
    """

    raw: Estimate
    adjusted: Estimate
    coefficient: float
    correlation: float
    variance_ratio: float
    values: Floats
    reason: str = ""


def signed_move(side: npt.ArrayLike, first: npt.ArrayLike, last: npt.ArrayLike) -> Floats:
    """What the market's move alone costs an order: ``side * (last / first - 1) * 1e4`` bps, positive = cost.

    Over orders of both sides on the same windows its mean is 0 by construction; over one side it is 0 where the price has no drift.

    Parameters
    ----------
    side : array_like, shape (n,)
        +1 buys, -1 sells.
    first, last : array_like, shape (n,)
        The market's price (index, sector, or the symbol itself where there is no impact) at the window's ends, > 0; NaN where not known.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    UsageError
        A side other than +1 and -1, or a price that is not above 0.

    Examples
    --------
    >>> signed_move([1, -1], [100.0, 100.0], [101.0, 101.0]).round(6).tolist()
    [100.0, -100.0]
    """
    s, a, b = column("side", side), column("first", first), column("last", last)
    refuse("side must be +1 or -1", s, np.abs(s) != 1)
    refuse("price must be above 0", a, a <= 0)
    refuse("price must be above 0", b, b <= 0)
    return s * (b / a - 1) * 1e4


def control_variate(  # noqa: PLR0913 - the settings go by name
    values: npt.ArrayLike,
    control: npt.ArrayLike,
    clusters: Keys,
    weights: npt.ArrayLike | None = None,
    *,
    known_mean: float | None = 0.0,
    over: Over = "orders",
    confidence: float = 0.95,
) -> ControlVariate:
    """Mean of ``y - theta (c - m)`` with clustered errors (Glasserman 2003, section 4.1; CUPED: Deng et al. 2013, WSDM).

    ``orders``: ``theta = cov(y, c) / var(c)``; with independent orders the variance shrinks by ``1 - correlation^2``. ``clusters``:
    theta from the clusters' sums, ``sum_g Y_g C_g / sum_g C_g^2``, which makes the clustered error the smallest. The error carries
    what estimating theta adds.

    The control must not feel the algorithm: the market's or the sector's move over the window, not the symbol's own with impact on.
    With m known (0 for a signed move under a driftless price, exactly 0 over both sides of the same windows) the adjusted mean is
    unbiased up to order 1/n.

    Parameters
    ----------
    values, control : array_like, shape (n,)
        Of the same orders; a NaN in one of them leaves the order out, counted.
    clusters, weights
        As in `clustered_mean`.
    known_mean : float, optional
        m, the control's true mean. None: the mean of these orders is taken, and the mean of the values cannot move.
    over : {"orders", "clusters"}
    confidence : float

    Raises
    ------
    UsageError
        Columns of other lengths, a mean that is no number.
    UnknownNameError
        Another `over`.

    Examples
    --------
    >>> found = control_variate([5.0, -3.0, 8.0, 1.0, 4.0], [10.0, -20.0, 15.0, 0.0, 5.0], range(5), known_mean=None)
    >>> round(found.coefficient, 6), round(found.variance_ratio, 3)
    (0.30137, 0.053)
    """
    check_fraction(confidence=confidence)
    if over not in ("orders", "clusters"):
        raise UnknownNameError("way to estimate theta", over, ("orders", "clusters"))
    if known_mean is not None and not math.isfinite(known_mean):
        raise UsageError(f"known_mean must be a number, or None where it is not known, got {known_mean!r}")
    y, c = column("values", values), column("control", control)
    if y.shape != c.shape:
        raise UsageError(f"values and control must be of the same orders, got {len(y)} and {len(c)}")
    hole = np.where(np.isnan(y) | np.isnan(c), np.nan, 1.0)
    raw = clustered_mean(y * hole, clusters, weights, confidence)
    first, second = sample(y * hole, weights, clusters), sample(c * hole, weights, clusters)
    why = _unidentified(second, raw)
    if why:
        gap = math.nan
        nothing = Estimate(gap, gap, gap, gap, raw.n, raw.clusters, raw.left_out, why)
        return ControlVariate(raw, nothing, gap, gap, gap, np.full(len(y), gap), why)
    centre = second.mean if known_mean is None else known_mean
    theta, correlation, adjusted = _adjusted(first, second, centre, over == "clusters", confidence)
    ratio = (adjusted.standard_error / raw.standard_error) ** 2 if raw.standard_error > 0 else math.nan
    cleaned = (y - theta * (c - centre)) * hole
    cleaned.flags.writeable = False
    return ControlVariate(raw, adjusted._replace(note="" if known_mean is not None else SAMPLE_MEAN), theta, correlation, ratio, cleaned)


def _unidentified(control: Sample, raw: Estimate) -> str:
    if raw.reason:
        return raw.reason
    if control.groups() < 3:
        return f"theta and the mean take at least 3 clusters, got {control.groups()}"
    if np.ptp(control.values) <= 1e-9 * float(np.abs(control.values).max()):
        return f"theta is not identified: the control is {control.values[0]:.6g} for every order"
    return ""


def _adjusted(first: Sample, second: Sample, centre: float, by_cluster: bool, confidence: float) -> tuple[float, float, Estimate]:
    w, groups = first.weights, first.groups()
    a, b = first.values - first.mean, second.values - second.mean
    A, B = first.sums(w * a), first.sums(w * b)
    by_cluster = by_cluster and bool(np.abs(B).max() > NOISE * float(np.abs(w * b).sum()))
    theta = float(A @ B / (B @ B)) if by_cluster else float(w @ (a * b) / (w @ b**2))
    errors = a - theta * b
    whole, E = w.sum(), first.sums(w * errors)
    pull = B * E / (B @ B) if by_cluster else first.sums(w * b * errors) / (w @ b**2)  # what each cluster adds to theta
    away = second.mean - centre
    scores = E / whole - away * pull
    error = math.sqrt(groups / (groups - 1) * float(scores @ scores))
    spread = math.sqrt(float(w @ a**2) * float(w @ b**2))
    correlation = float(w @ (a * b)) / spread if spread > 0 else math.nan
    return theta, correlation, around(first.mean - theta * away, error, first, groups, confidence)
