"""Errors for many comparisons at once: Holm, false discovery rates, and the largest t under turned signs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.stats.arrays import Floats, Ints
from exec_algos.stats.clustered import NOISE, Keys, codes, column, sample

MOST_SIGNED = 18  # clusters whose signs are all written down: 2 ** 17 of them, the others are their mirror image
AT_ONCE = 4_000_000  # numbers drawn at a time
ADJUSTMENTS = ("holm", "bh", "by")

Adjustment = Literal["holm", "bh", "by"]


def adjusted(p: npt.ArrayLike, method: Adjustment = "holm") -> Floats:
    """P-values that allow for how many comparisons were made.

    ``holm``: the chance of even one false finding (Holm 1979), ``max_{j <= i} min(1, (m - j) p_(j))``, j from 0; valid however
    the tests hang together. ``bh``: the expected part of false ones among the findings (Benjamini and Hochberg 1995); ``by``:
    the same under any dependence (Benjamini and Yekutieli 2001); both are `scipy.stats.false_discovery_control`.

    Parameters
    ----------
    p : array_like, shape (m,)
        In [0, 1]; NaN where there was no test, which does not count as one and stays NaN.
    method : {"holm", "bh", "by"}

    Returns
    -------
    ndarray of float64, shape (m,)

    Raises
    ------
    UsageError
        A p outside [0, 1].
    UnknownNameError
        Another method.

    Examples
    --------
    >>> adjusted([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    if method not in ADJUSTMENTS:
        raise UnknownNameError("adjustment", method, ADJUSTMENTS)
    found = column("p", p).copy()
    known = ~np.isnan(found)
    if not ((found[known] >= 0) & (found[known] <= 1)).all():
        raise UsageError(f"each p must lie in [0, 1], got {found.tolist()}")
    if known.any():
        found[known] = _holm(found[known]) if method == "holm" else _false_discovery(found[known], method)
    return found


def max_t(differences: npt.ArrayLike, clusters: Keys, weights: npt.ArrayLike | None = None, *, draws: int = 9_999, seed: int = 0) -> Floats:
    """P-values of K paired differences at once, from the largest of their t under turned signs of the clusters.

    Each draw turns all sums of a cluster together and takes t anew; ``p_k = (1 + #{max_j abs(t*_j) >= abs(t_k)}) / (1 + draws)``
    (Westfall and Young 1993; single step). It knows how the comparisons hang together, so it loses less than Holm. All signs
    are taken instead of drawn ones where there are no more of them than `draws`; then the ones are not added.

    Parameters
    ----------
    differences : array_like, shape (n, K)
        A column for each comparison; NaN where an order is no part of it.
    clusters : array, shape (n,)
    weights : array_like, shape (n,), optional
    draws : int
        >= 1.
    seed : int

    Returns
    -------
    ndarray of float64, shape (K,)
        NaN for a comparison with fewer than two clusters, or whose difference does not vary.

    Raises
    ------
    UsageError
        As in `clustered_mean`, or no draws.
    """
    check_draws(draws)
    table = np.asarray(differences, dtype=np.float64)
    key = codes(np.asarray(clusters))
    groups = int(key.max(initial=-1)) + 1
    parts = [_cluster_sums(column, key, groups, weights) for column in table.T]
    usable = np.array([(w > 0).sum() >= 2 and _varies(s, w) for s, w in parts], dtype=bool)
    found = np.full(len(parts), np.nan)
    if usable.any():
        sums, shares = (
            np.stack(columns, axis=1) for columns in zip(*(part for part, use in zip(parts, usable, strict=True) if use), strict=True)
        )
        found[usable] = _largest_t(sums, shares, draws, seed)
    return found


def check_draws(draws: int) -> None:
    """UsageError for fewer than one draw."""
    if not draws >= 1:
        raise UsageError(f"draws must be at least 1, got {draws!r}")


def signs(groups: int, draws: int, seed: int) -> Iterator[Floats]:
    """Rows of signs, some at a time."""
    if draws * groups <= AT_ONCE:
        yield _kept(groups, draws, seed).astype(np.float64)
        return
    draw, step = np.random.default_rng(seed), max(1, AT_ONCE // groups)
    for start in range(0, draws, step):
        yield np.where(draw.integers(0, 2, size=(min(step, draws - start), groups)) > 0, 1.0, -1.0)


@lru_cache(maxsize=4)
def _kept(groups: int, draws: int, seed: int) -> npt.NDArray[np.int8]:
    """Signs that many comparisons of as many clusters share: a few MB at most."""
    found = np.random.default_rng(seed).integers(0, 2, size=(draws, groups)).astype(np.int8) * np.int8(2) - np.int8(1)
    found.flags.writeable = False
    return found


def signed_sums(signs: Floats, table: Floats) -> Floats:
    """``signs @ table``: of one column without the threads of a product of matrices, which take forty times as long as the work."""
    if table.shape[1] > 1:
        found: Floats = signs @ table
    else:
        found = np.einsum("ij,jk->ik", signs, table)
    return found


def _holm(p: Floats) -> Floats:
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    found = np.empty_like(p)
    found[order] = np.minimum(stepped, 1.0)
    return found


def _false_discovery(p: Floats, method: str) -> Floats:
    """`scipy.stats.false_discovery_control` to the last bit; to load that takes longer than most studies."""
    order, m = np.argsort(p), len(p)
    rank = np.arange(1, m + 1, dtype=np.float64)
    scaled = p[order] * (m / rank)
    if method == "by":
        scaled *= np.sum(1 / rank)
    found = np.empty(m)
    found[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return np.clip(found, 0.0, 1.0) if m > 1 else p


def _cluster_sums(differences: Floats, key: Ints, groups: int, weights: npt.ArrayLike | None) -> tuple[Floats, Floats]:
    """Sums of ``w d`` and of ``w`` in each cluster, 0 where it has no part."""
    known = sample(differences, weights, np.arange(len(key)))
    w = np.zeros(len(key))
    used = np.isfinite(differences)
    w[used] = 1.0 if weights is None else np.asarray(weights, dtype=np.float64)[used]
    if not len(known.values):
        return np.zeros(groups), np.zeros(groups)
    sums = np.bincount(key, np.where(used, differences, 0.0) * w, groups)
    return sums.astype(np.float64), np.bincount(key, w, groups).astype(np.float64)


def _varies(sums: Floats, shares: Floats) -> bool:
    gaps = sums - sums.sum() / shares.sum() * shares
    return bool(np.abs(gaps).max() > NOISE * np.abs(sums).max())


def _largest_t(sums: Floats, shares: Floats, draws: int, seed: int) -> Floats:
    groups = len(sums)
    every = groups <= MOST_SIGNED and 2 ** (groups - 1) <= draws
    rows = _every_sign(groups) if every else signs(groups, draws, seed)
    seen = _t_values(np.ones((1, groups)), sums, shares)[0] * (1 - 1e-9)  # ties are hits, whatever their rounding
    largest = np.concatenate([_t_values(turned, sums, shares).max(axis=1) for turned in rows])
    hits = (largest[:, None] >= seen).sum(axis=0)
    found: Floats = hits / len(largest) if every else (1 + hits) / (1 + draws)
    return found


def _every_sign(groups: int) -> Iterator[Floats]:
    bits = (np.arange(2 ** (groups - 1))[:, None] >> np.arange(groups)) & 1
    yield np.where(bits > 0, -1.0, 1.0)


def _t_values(signs: Floats, sums: Floats, shares: Floats) -> Floats:
    """``abs(t)`` of each comparison under each row of signs, but for the CR1 factor, which all rows share."""
    means = signed_sums(signs, sums) / shares.sum(axis=0)
    # sum_g (s_g D_g - m W_g)^2 multiplied out
    spread = (sums**2).sum(axis=0) - 2 * means * signed_sums(signs, sums * shares) + means**2 * (shares**2).sum(axis=0)
    groups = (shares > 0).sum(axis=0)
    scale = np.sqrt(np.maximum(spread, 0.0) * groups / (groups - 1)) / shares.sum(axis=0)
    floor = NOISE * np.abs(sums).max(axis=0) / shares.sum(axis=0)
    found: Floats = np.abs(means) / np.maximum(scale, floor)
    return found
