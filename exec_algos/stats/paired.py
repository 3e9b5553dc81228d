"""Algorithms compared on the same parent orders: differences, tests by cluster, and errors for many comparisons at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.stats.arrays import Floats, Ints
from exec_algos.stats.clustered import FEW, NOISE, NOTHING, Keys, Sample, codes, column, nameless, refuse, sample, two_sided
from exec_algos.stats.multiple import MOST_SIGNED, adjusted, check_draws, max_t, signed_sums, signs
from exec_algos.stats.statistics import Estimate, clustered_mean

if TYPE_CHECKING:
    import pandas as pd

SAME = "the difference is the same in every cluster"


class Comparison(NamedTuple):
    """Two algorithms on the same parent orders.

    Attributes
    ----------
    difference : Estimate
        Mean of first less second, in the unit of the values: above 0, the first costs more.
    t, p : float
        ``mean / standard error`` and its two-sided p by Student's t with ``clusters - 1`` degrees of freedom.
    sd : float
        Standard deviation of the differences, divisor n - 1, not weighted.
    correlation : float
        Of the two on the same orders; NaN where one of them does not vary.
    unpaired_error : float
        ``sqrt((var first + var second) / n)``: the standard error if the orders were not the same and all independent.
    reason : str
        Why t and p are not estimable; empty where they are.
    """

    difference: Estimate
    t: float
    p: float
    sd: float
    correlation: float
    unpaired_error: float
    reason: str = ""


class SignTest(NamedTuple):
    """A test that needs no normal distribution: under no difference each cluster could as well have the other sign.

    Attributes
    ----------
    p : float
        Two-sided; NaN with fewer than two clusters.
    exact : bool
        Whether all signs were taken, or drawn ones.
    clusters : int
    smallest : float
        The least p that so many clusters can give, ``2 ** (1 - clusters)``: with five clusters no p is below 0.0625.
    reason : str
        Why there is no p; empty where there is one.
    """

    p: float
    exact: bool
    clusters: int
    smallest: float
    reason: str = ""


def paired_difference(
    first: npt.ArrayLike, second: npt.ArrayLike, clusters: Keys, weights: npt.ArrayLike | None = None, confidence: float = 0.95
) -> Comparison:
    """Mean of ``first - second`` over the same parent orders, with a clustered error, t, p and interval.

    The path that both met drops out: ``var D = var A + var B - 2 cov(A, B)``.

    Parameters
    ----------
    first, second : array_like, shape (n,)
        Slippage of the same orders in the same sequence, positive = cost. Where one is NaN the pair is left out and counted.
    clusters, weights, confidence
        As in `clustered_mean`.

    Raises
    ------
    UsageError
        Columns of other lengths, or as in `clustered_mean`.

    Examples
    --------
    >>> found = paired_difference([3.0, 5.0, 1.0], [1.0, 4.0, 1.0], ["a", "b", "c"])
    >>> found.difference.mean, round(found.t, 4), round(found.p, 4)
    (1.0, 1.7321, 0.2254)
    """
    a, b = column("first", first), column("second", second)
    if a.shape != b.shape:
        raise UsageError(f"first and second must be the same orders, got {len(a)} and {len(b)} values")
    difference = clustered_mean(a - b, clusters, weights, confidence)
    known = np.isfinite(a - b)
    sd, unpaired, correlation = _spreads(a[known], b[known])
    t, p, reason = _tested(difference, float(np.abs(a[known]).max(initial=0) + np.abs(b[known]).max(initial=0)))
    return Comparison(difference, t, p, sd, correlation, unpaired, reason)


def sign_flips(
    differences: npt.ArrayLike, clusters: Keys, weights: npt.ArrayLike | None = None, *, draws: int = 9_999, seed: int = 0
) -> SignTest:
    """Permutation test of a paired difference: the sign of each cluster's sum ``sum(w d)`` turned both ways.

    ``p = P(abs(sum_g s_g D_g) >= abs(sum_g D_g))`` over all signs s: with up to 18 clusters over every one, else
    ``(1 + hits) / (1 + draws)`` over drawn ones (Phipson and Smyth 2010, Statistical Applications in Genetics 9:39).

    Parameters
    ----------
    differences, clusters, weights
        As in `clustered_mean`.
    draws : int
        >= 1.
    seed : int

    Raises
    ------
    UsageError
        As in `clustered_mean`, or no draws.

    Examples
    --------
    >>> sign_flips([1.0, 2.0, 3.0], ["a", "b", "c"]).p
    0.25
    """
    check_draws(draws)
    known = sample(differences, weights, clusters)
    groups = known.groups()
    if groups < 2:
        return SignTest(math.nan, True, groups, math.nan, _few(known))
    p = turned_signs([known.sums(known.weights * known.values)], draws, seed)[0]
    return SignTest(p, groups <= MOST_SIGNED, groups, 2.0 ** (1 - groups))


def turned_signs(sums: Sequence[Floats], draws: int = 9_999, seed: int = 0) -> list[float]:
    """`sign_flips` of several comparisons, the p of each from its sums over the clusters; NaN for fewer than two of them.

    The signs are drawn once for all that have as many clusters.
    """
    found = [_p_of_all(own_sums) for own_sums in sums]
    for groups in {len(own_sums) for own_sums in sums if len(own_sums) > MOST_SIGNED}:
        mine = [i for i, own_sums in enumerate(sums) if len(own_sums) == groups]
        table = np.stack([sums[i] for i in mine], axis=1)
        hits = np.sum([(np.abs(signed_sums(turned, table)) >= _least(table)).sum(axis=0) for turned in signs(groups, draws, seed)], axis=0)
        for i, count in zip(mine, hits.tolist(), strict=True):
            found[i] = (1 + count) / (1 + draws)
    return found


def _p_of_all(sums: Floats) -> float:
    """The part of all choices of signs that gives as much; NaN where there is none, or too many to write down."""
    if not 2 <= len(sums) <= MOST_SIGNED:
        return math.nan
    return float((np.abs(_all_signed(sums)) >= _least(sums)).mean())


def _least(sums: Floats) -> Floats:
    """What counts as much as the sums of each column themselves, whatever their rounding."""
    return np.asarray(np.abs(sums.sum(axis=0)) - NOISE * np.abs(sums).sum(axis=0))


def sign_count(differences: npt.ArrayLike, clusters: Keys, weights: npt.ArrayLike | None = None) -> SignTest:
    """Sign test: in how many clusters the sum ``sum(w d)`` is above 0, against a fair coin (`scipy.stats.binomtest`).

    It sees only signs, so one wild day cannot decide it. Clusters whose sum is exactly 0 are left out.

    Parameters
    ----------
    differences, clusters, weights
        As in `clustered_mean`.

    Examples
    --------
    >>> sign_count([1.0, 2.0, -90.0, 3.0, 1.0], ["a", "b", "c", "d", "e"]).p
    0.375
    """
    known = sample(differences, weights, clusters)
    sums = known.sums(known.weights * known.values)
    sums = sums[sums != 0]
    if len(sums) < 2:
        return SignTest(math.nan, True, len(sums), math.nan, _few(known) or "fewer than two clusters with a difference")
    from scipy.stats import binomtest  # it takes longer to load than most studies, which do not ask for it

    p = float(binomtest(int((sums > 0).sum()), len(sums)).pvalue)
    return SignTest(p, True, len(sums), 2.0 ** (1 - len(sums)))


def compare_all(  # noqa: PLR0913 - the names of the columns
    frame: pd.DataFrame,
    value: str = "slippage_vwap_bps",
    *,
    parent: str = "parent_id",
    algorithm: str = "algorithm",
    cluster: str = "session",
    weight: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Every pair of algorithms on the parent orders that both worked.

    Parameters
    ----------
    frame : DataFrame
        A row for each parent order and algorithm, such as `StudyResult.parents`.
    value, parent, algorithm, cluster : str
        Columns: what is compared, the parent order, the algorithm, the day.
    weight : str, optional
        Column of the parent order's weight, such as its notional at arrival; it must be the same for each algorithm.
    confidence : float
        Of each interval by itself.
    seed : int
        Of the drawn signs.

    Returns
    -------
    DataFrame
        ``first, second, n, clusters, left_out`` (parents that one of them has no value for), ``difference, standard_error, low,
        high, t, p``, ``p_signs`` (`sign_flips`), and over all pairs ``p_holm, p_bh`` (of p) and ``p_max_t``; ``sd, correlation,
        unpaired_error, reason``.

    Raises
    ------
    UnknownNameError
        No such column.
    UsageError
        Fewer than two algorithms, a parent order twice under one algorithm, or in two clusters or of two weights.
    """
    import pandas as pd

    values, keys, weights = _side_by_side(frame, value, (parent, algorithm, cluster, weight))
    names = list(values.columns)
    if len(names) < 2:
        raise UsageError(f"a comparison needs two algorithms, column {algorithm!r} holds {names}")
    pairs = list(combinations(names, 2))
    table = np.stack([values[a].to_numpy(dtype=np.float64) - values[b].to_numpy(dtype=np.float64) for a, b in pairs], axis=1)
    refuse("cluster must have a name", keys, nameless(keys) & ~np.isnan(table).all(axis=1))
    numbers = codes(keys)
    met = [_as_met(numbers, ~np.isnan(column) & (True if weights is None else weights > 0)) for column in table.T]
    rows = [_row(values, pair, own, weights, confidence) for pair, own in zip(pairs, met, strict=True)]
    known = [sample(column, weights, own) for column, own in zip(table.T, met, strict=True)]
    turned = turned_signs([kept.sums(kept.weights * kept.values) for kept in known], seed=seed)
    found = pd.DataFrame([{**row, "p_signs": p} for row, p in zip(rows, turned, strict=True)])
    for method in ("holm", "bh"):
        found[f"p_{method}"] = adjusted(found["p"].to_numpy(dtype=np.float64), method)
    return found.assign(p_max_t=max_t(table, numbers, weights, seed=seed))


def _as_met(numbers: Ints, used: npt.NDArray[np.bool_]) -> Ints:
    """Clusters numbered in the sequence in which the used rows meet them."""
    _, first, place = np.unique(numbers[used], return_index=True, return_inverse=True)
    found = np.zeros(len(numbers), dtype=np.int64)
    found[used] = np.argsort(np.argsort(first))[place]
    return found


def _spreads(a: Floats, b: Floats) -> tuple[float, float, float]:
    """Standard deviation of the difference, error of unpaired means, correlation."""
    if len(a) < 2:
        return math.nan, math.nan, math.nan
    sd, unpaired = float((a - b).std(ddof=1)), math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / len(a))
    return sd, unpaired, _correlation(a, b)


def _correlation(a: Floats, b: Floats) -> float:
    sizes = float(np.abs(a).max()), float(np.abs(b).max())
    if any(np.ptp(side) <= NOISE * size for side, size in zip((a, b), sizes, strict=True)):
        return math.nan
    return float(np.corrcoef(a / sizes[0], b / sizes[1])[0, 1])  # in units of its largest: squares of tiny numbers would vanish


def _tested(difference: Estimate, size: float) -> tuple[float, float, str]:
    if difference.reason:
        return math.nan, math.nan, difference.reason
    if difference.standard_error <= NOISE * size:
        return math.nan, math.nan, SAME
    t = difference.mean / difference.standard_error
    return t, two_sided(t, difference.clusters - 1), ""


def _few(known: Sample) -> str:
    return "" if known.groups() >= 2 else FEW if len(known.values) else NOTHING


def _all_signed(sums: Floats) -> Floats:
    """The total under every choice of signs but the first cluster's, whose other sign gives the mirror image."""
    found = sums[:1]
    for own_sums in sums[1:]:
        found = np.concatenate([found + own_sums, found - own_sums])
    return found


def _side_by_side(
    frame: pd.DataFrame, value: str, names: tuple[str, str, str, str | None]
) -> tuple[pd.DataFrame, npt.NDArray[np.object_], Floats | None]:
    """A row for each parent order, a column for each algorithm; its cluster; its weight."""
    parent, algorithm, cluster, weight = names
    for name in (value, parent, algorithm, cluster, *((weight,) if weight else ())):
        if name not in frame.columns:
            raise UnknownNameError("column", name, frame.columns)
    twice = frame[frame.duplicated([parent, algorithm])]
    if len(twice):
        first = twice.iloc[0]
        raise UsageError(f"parent order {first[parent]!r} stands twice under {first[algorithm]!r}: one row for each of both")
    for name in filter(None, (cluster, weight)):
        several = frame.groupby(parent)[name].nunique(dropna=False)
        if (several > 1).any():
            raise UsageError(f"parent order {several.idxmax()!r} has more than one {name!r}: it must be the same for each algorithm")
    values = frame.pivot(index=parent, columns=algorithm, values=value)
    orders = frame.drop_duplicates(parent).set_index(parent).loc[values.index]
    weights = orders[weight].to_numpy(dtype=np.float64) if weight else None
    return values, orders[cluster].to_numpy(dtype=object), weights


def _row(values: pd.DataFrame, pair: tuple[str, str], keys: Keys, weights: Floats | None, confidence: float) -> dict[str, object]:
    a, b = (values[name].to_numpy(dtype=np.float64) for name in pair)
    found = paired_difference(a, b, keys, weights, confidence)
    mean = found.difference
    return {
        "first": pair[0],
        "second": pair[1],
        "n": mean.n,
        "clusters": mean.clusters,
        "left_out": mean.left_out,
        "difference": mean.mean,
        "standard_error": mean.standard_error,
        "low": mean.low,
        "high": mean.high,
        "t": found.t,
        "p": found.p,
        "p_signs": math.nan,
        "sd": found.sd,
        "correlation": found.correlation,
        "unpaired_error": found.unpaired_error,
        "reason": found.reason,
    }
