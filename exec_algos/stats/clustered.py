"""Samples of slippage in clusters: what is known, which cluster each value is in, and the sums that every statistic is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UsageError
from exec_algos.stats.arrays import Floats, Ints

Keys = npt.NDArray[Any] | Sequence[Any]

FEW = "fewer than two clusters"
NOTHING = "no value with a weight above 0"
NOISE = 1e-12  # what is smaller than this part of the values is their rounding


class Sample(NamedTuple):
    """Known values with a weight above 0, and the cluster of each under every key.

    Attributes
    ----------
    values, weights : ndarray of float64, shape (n,)
    codes : tuple of ndarray of int64, shape (n,)
        One for each key, 0 .. G-1 without a gap.
    known : int
        Values that are known, those of weight 0 included.
    left_out : int
        Values that are not known.
    """

    values: Floats
    weights: Floats
    codes: tuple[Ints, ...]
    known: int
    left_out: int

    @property
    def mean(self) -> float:
        """``sum(w x) / sum(w)``; NaN of nothing."""
        # not as a product of vectors: its threads take longer than the work, and its last digits hang on how many there are
        return float((self.weights * self.values).sum() / self.weights.sum()) if len(self.values) else float("nan")

    def groups(self, key: int = 0) -> int:
        """Clusters under a key."""
        return int(self.codes[key].max()) + 1 if len(self.values) else 0

    def sums(self, terms: Floats, key: int = 0) -> Floats:
        """Sum of `terms` in each cluster, ndarray of float64, shape (G,)."""
        return np.bincount(self.codes[key], weights=terms, minlength=self.groups(key)).astype(np.float64)


def sample(values: npt.ArrayLike, weights: npt.ArrayLike | None, *keys: Keys) -> Sample:
    """What is known of `values`, checked.

    Parameters
    ----------
    values : array_like, shape (n,)
        NaN where not known: counted in `left_out`.
    weights : array_like, shape (n,), optional
        >= 0; equal by default. Where the value is not known its weight is not looked at.
    *keys : array, shape (n,)
        The cluster of each value.

    Raises
    ------
    UsageError
        Columns of other lengths, an infinite value, a weight that is negative or no number, or a cluster without a name.
    """
    x = column("values", values)
    w = np.ones(len(x)) if weights is None else column("weights", weights)
    names = [np.asarray(key) for key in keys]
    for name, other in [("weights", w), *(("clusters", key) for key in names)]:
        if other.shape != x.shape:
            raise UsageError(f"{name} must be a column as long as the {len(x)} values, got shape {other.shape}")
    known = ~np.isnan(x)
    refuse("value must be a number, or NaN where it is not known", x, np.isinf(x))
    refuse("weight must be a number >= 0", w, known & ~(np.isfinite(w) & (w >= 0)))
    for key in names:
        refuse("cluster must have a name", key, known & nameless(key))
    used = known & (w > 0)
    return Sample(x[used], w[used], tuple(codes(key[used]) for key in names), int(known.sum()), int((~known).sum()))


def column(name: str, values: npt.ArrayLike) -> Floats:
    """`values` as a column of float64; UsageError if it is none."""
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1:
        raise UsageError(f"{name} must be one column, got shape {found.shape}")
    return found


def refuse(rule: str, values: npt.NDArray[Any], bad: npt.NDArray[np.bool_]) -> None:
    """UsageError that names the first row where `bad`."""
    rows = np.flatnonzero(bad)
    if len(rows):
        raise UsageError(f"each {rule}: row {rows[0]} is {values[rows[0]]!r} ({len(rows)} such rows)")


def nameless(key: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where a cluster's name is None, NaN or NaT."""
    if key.dtype == object:
        return np.array([value is None or value != value for value in key], dtype=bool)  # noqa: PLR0124 - only NaN and NaT differ from themselves
    found: npt.NDArray[np.bool_] = key != key  # noqa: PLR0124 - as above
    return found


DENSE = 16  # numbers a value; where they lie further apart it is quicker to sort the values
MOST = 1 << 62  # a span beyond which a difference may not be an integer of 64 bits
DAY = {unit: int(np.timedelta64(1, "D") / np.timedelta64(1, unit)) for unit in ("h", "m", "s", "ms", "us", "ns")}


def codes(key: npt.NDArray[Any]) -> Ints:
    """The clusters numbered 0 .. G-1."""
    if key.dtype == object:
        seen: dict[Any, int] = {}
        return np.array([seen.setdefault(value, len(seen)) for value in key], dtype=np.int64)
    if key.dtype.kind in "iuM" and len(key):
        number = key.view(np.int64) if key.dtype.kind == "M" else key.astype(np.int64)
        if int(number.max()) - int(number.min()) < MOST:
            number = _by_day(number - number.min(), key.dtype)
            if int(number.max()) <= DENSE * len(key):
                return _dense(number)
    numbered: Ints = np.unique(key, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return numbered


def _by_day(number: Ints, kind: np.dtype[Any]) -> Ints:
    """Stamps that are whole days apart, as sessions are, in days: kept in seconds there would be a number for each of those."""
    day = DAY.get(np.datetime_data(kind)[0], 1) if kind.kind == "M" and np.datetime_data(kind)[1] == 1 else 1
    return number // day if day > 1 and not (number % day).any() else number


def _dense(number: Ints) -> Ints:
    """Numbers from 0 on without gaps, in their sequence: found by counting, where to sort them would take ten times as long."""
    rank: Ints = np.cumsum(np.bincount(number) > 0) - 1
    return rank[number]


def crossed(first: Ints, second: Ints) -> Ints:
    """Clusters of the values that share both clusters, numbered 0 .. G-1."""
    return codes(first * (int(second.max(initial=0)) + 1) + second)


def check_fraction(**named: float) -> None:
    """UsageError where a number does not lie in (0, 1)."""
    for name, value in named.items():
        if not 0 < value < 1:
            raise UsageError(f"{name} must lie between 0 and 1, such as 0.95, got {value!r}")


def student(df: int, probability: float) -> float:
    """Quantile of Student's t."""
    from scipy.special import stdtrit  # scipy takes its time to load, and `exec_algos.studies` imports this module

    return float(stdtrit(df, probability))


def two_sided(t: float, df: int) -> float:
    """``P(abs(T) >= abs(t))`` for Student's t."""
    from scipy.special import stdtr

    return float(2 * stdtr(df, -abs(t)))
