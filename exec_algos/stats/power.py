"""How many parent orders a study needs to see a difference, and what it can see with those it has."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from exec_algos.errors import UsageError
from exec_algos.stats.clustered import FEW, NOISE, NOTHING, Keys, check_fraction, sample


class IntraclusterCorrelation(NamedTuple):
    """How alike the values of one cluster are.

    Attributes
    ----------
    rho : float
        Below 1; can come out below 0 by chance. NaN where not estimable.
    size : float
        ``n0 = (n - sum(n_g^2) / n) / (G - 1)``: the size that a cluster has for this purpose.
    sd : float
        Of all values, divisor n - 1.
    clusters, n : int
    reason : str
        Why it is not estimable; empty where it is.
    """

    rho: float
    size: float
    sd: float
    clusters: int
    n: int
    reason: str = ""


def design_effect(cluster_size: float, rho: float) -> float:
    """How many times as many orders are needed when those of one cluster are alike: ``1 + (m - 1) rho`` (Kish 1965).

    Parameters
    ----------
    cluster_size : float
        m >= 1, orders of one cluster (day).
    rho : float
        Intracluster correlation in [0, 1].

    Raises
    ------
    UsageError
        Out of range. An estimate below 0 comes by chance: use 0.

    Examples
    --------
    >>> round(design_effect(20, 0.1), 6)
    2.9
    """
    if not (math.isfinite(cluster_size) and cluster_size >= 1):
        raise UsageError(f"cluster_size must be at least 1 order, got {cluster_size!r}")
    if not 0 <= rho <= 1:
        raise UsageError(f"rho must lie in [0, 1], got {rho!r}: an estimate below 0 comes by chance, use 0")
    return 1 + (cluster_size - 1) * rho


def orders_needed(
    delta: float, sd: float, *, power: float = 0.8, alpha: float = 0.05, two_samples: bool = False, design: float = 1.0
) -> int:
    """Parent orders that show a mean of `delta` with probability `power` in a two-sided test at `alpha`.

    ``n = ceil(design * (z_{1 - alpha/2} + z_power)^2 sd^2 / delta^2)``, twice that in each arm for two samples. Normal
    quantiles: below about 30 clusters Student's t asks for a few more.

    Parameters
    ----------
    delta : float
        The difference to be seen, bps, not 0.
    sd : float
        Standard deviation of one order, same unit, >= 0: of the paired differences where the same orders are compared.
    power, alpha : float
        In (0, 1).
    two_samples : bool
        Two arms of different orders; the answer is for each arm.
    design : float
        `design_effect`, >= 1.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    UsageError
        Out of range.

    Examples
    --------
    >>> orders_needed(1.0, 50.0), orders_needed(1.0, 50.0, two_samples=True), orders_needed(1.0, 50.0, design=2.9)
    (19623, 39245, 56905)
    """
    _check(sd, design)
    if not (math.isfinite(delta) and delta):
        raise UsageError(f"delta must be a difference other than 0, got {delta!r}: no number of orders shows that there is none")
    needed = design * (2 if two_samples else 1) * (_quantiles(power, alpha) * sd / delta) ** 2
    return max(1, math.ceil(needed * (1 - NOISE)))


def detectable(n: int, sd: float, *, power: float = 0.8, alpha: float = 0.05, two_samples: bool = False, design: float = 1.0) -> float:
    """The least mean that `n` orders show: ``(z_{1 - alpha/2} + z_power) sd sqrt(design / n)``, times sqrt(2) for two samples.

    Parameters
    ----------
    n : int
        Orders, >= 1; in each arm for two samples.
    sd, power, alpha, two_samples, design
        As in `orders_needed`.

    Returns
    -------
    float
        In the unit of `sd`.

    Examples
    --------
    >>> round(detectable(19623, 50.0), 3)
    1.0
    """
    _check(sd, design)
    return _quantiles(power, alpha) * sd / math.sqrt(_effective(n, two_samples, design))


def power_of(n: int, delta: float, sd: float, *, alpha: float = 0.05, two_samples: bool = False, design: float = 1.0) -> float:
    """The probability that `n` orders show a mean of `delta`: ``Phi(s - z) + Phi(-s - z)``, ``s = delta sqrt(n / design) / sd``.

    Parameters
    ----------
    n, delta, sd, alpha, two_samples, design
        As in `orders_needed` and `detectable`; delta may be 0, which is found with probability alpha.

    Examples
    --------
    >>> round(power_of(785, 1.0, 10.0), 3), round(power_of(785, 0.0, 10.0), 3)
    (0.8, 0.05)
    """
    _check(sd, design)
    check_fraction(alpha=alpha)
    if not sd:
        raise UsageError("sd must be above 0: without noise every difference shows")
    shift, z = delta / sd * math.sqrt(_effective(n, two_samples, design)), float(ndtri(1 - alpha / 2))
    return float(ndtr(shift - z) + ndtr(-shift - z))


def intracluster_correlation(values: npt.ArrayLike, clusters: Keys) -> IntraclusterCorrelation:
    """How alike the orders of one day are, by the analysis of variance.

    ``rho = (MSB - MSW) / (MSB + (n0 - 1) MSW)`` with the mean squares between and within clusters (Fisher 1925; Donner 1986,
    International Statistical Review 54:67).

    Parameters
    ----------
    values : array_like, shape (n,)
        NaN values are left out.
    clusters : array, shape (n,)

    Examples
    --------
    >>> intracluster_correlation([1.0, 3.0, 5.0, 7.0], ["a", "a", "b", "b"]).rho.__round__(6)
    0.777778
    """
    known = sample(values, None, clusters)
    x, n, groups = known.values, len(known.values), known.groups()
    sd = float(x.std(ddof=1)) if n > 1 else math.nan
    if groups < 2 or n == groups:
        reason = (FEW if n else NOTHING) if groups < 2 else "each cluster has one value: nothing to tell apart within it"
        return IntraclusterCorrelation(math.nan, math.nan, sd, groups, n, reason)
    sizes = known.sums(np.ones(n))
    means = known.sums(x) / sizes
    between = float(sizes @ (means - x.mean()) ** 2) / (groups - 1)
    within = float(((x - means[known.codes[0]]) ** 2).sum()) / (n - groups)
    size = float(n - sizes @ sizes / n) / (groups - 1)
    whole = between + (size - 1) * within
    if whole <= (NOISE * float(np.abs(x).max())) ** 2:
        return IntraclusterCorrelation(math.nan, size, sd, groups, n, "the values are all the same")
    return IntraclusterCorrelation((between - within) / whole, size, sd, groups, n)


def power_sentence(values: npt.ArrayLike, clusters: Keys, delta: float = 1.0, *, power: float = 0.8, alpha: float = 0.05) -> str:
    """What a study can see, in words, from its own spread and from how alike the orders of a cluster are.

    Parameters
    ----------
    values : array_like, shape (n,)
        Slippage, or differences of pairs, in bps.
    clusters : array, shape (n,)
        Days.
    delta : float
        bps.
    power, alpha : float

    Returns
    -------
    str
        Why there is no number, where there is none.

    Examples
    --------
    >>> print(power_sentence([5.0, -5.0, 5.0, -5.0], [1, 1, 2, 2]))
    to see 1 bp you need 262 orders (power 80 %, two-sided 5 %; sd 5.77 bps, 2.0 a cluster, alike by 0.00); the 4 here show 8.09 bps
    """
    found = intracluster_correlation(values, clusters)
    alone = found.n == found.clusters and found.clusters > 1
    if found.reason and not alone:
        return f"how many orders it takes to see {delta:g} bp is not estimable: {found.reason}"
    rho, size = (0.0, 1.0) if alone else (max(0.0, found.rho), max(1.0, found.size))
    design = design_effect(size, rho)
    needed = orders_needed(delta, found.sd, power=power, alpha=alpha, design=design)
    seen = detectable(found.n, found.sd, power=power, alpha=alpha, design=design)
    return (
        f"to see {delta:g} bp you need {needed:,} orders (power {power:.0%}, two-sided {alpha:.0%}; sd {found.sd:.2f} bps, ".replace(
            "%", " %"
        )
        + f"{size:.1f} a cluster, alike by {rho:.2f}); the {found.n:,} here show {seen:.2f} bps"
    )


def _quantiles(power: float, alpha: float) -> float:
    check_fraction(power=power, alpha=alpha)
    return float(ndtri(1 - alpha / 2) + ndtri(power))


def _effective(n: int, two_samples: bool, design: float) -> float:
    if not n >= 1:
        raise UsageError(f"n must be at least 1 order, got {n!r}")
    return n / design / (2 if two_samples else 1)


def _check(sd: float, design: float) -> None:
    if not (math.isfinite(sd) and sd >= 0):
        raise UsageError(f"sd must be a number >= 0, got {sd!r}")
    if not (math.isfinite(design) and design >= 1):
        raise UsageError(f"design must be at least 1, got {design!r}: it is design_effect(cluster_size, rho)")
