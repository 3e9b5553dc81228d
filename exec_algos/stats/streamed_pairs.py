"""Algorithms in pairs on the same parent orders, of a table that does not fit into memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.stats.arrays import Floats, Ints
from exec_algos.stats.clustered import NOISE, student, two_sided
from exec_algos.stats.multiple import adjusted
from exec_algos.stats.paired import turned_signs
from exec_algos.stats.streaming import clustered_sums

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.stats.streaming import Fold

COLUMNS = ("first", "second", "n", "clusters", "difference", "standard_error", "low", "high", "t", "p", "p_signs")
Key = tuple[str, str | None]


def streamed_pairs(fold: Fold, columns: Sequence[str], algorithms: Sequence[str], sides: Sequence[str | None]) -> dict[Key, pd.DataFrame]:
    """`exec_algos.stats.paired.compare_all` in one look, but for what needs all differences at a time.

    Parameters
    ----------
    fold : Fold
        Looks at the pieces; each with ``parent_id, algorithm, session, side`` and `columns`, and whole parent orders: their rows one behind
        the other in the sequence of `algorithms`.
    columns : sequence of str
        In bps, NaN where not known.
    algorithms : sequence of str
        Each against all that come after it.
    sides : sequence of str or None
        None is both together.

    Returns
    -------
    dict of (column, side) to DataFrame
        ``first, second, n, clusters, difference, standard_error, low, high, t, p, p_signs, p_holm, p_bh``.

    Raises
    ------
    UsageError
        A parent order without a row for each algorithm.
    """
    look = partial(PairSums.of, columns=tuple(columns), algorithms=tuple(algorithms), sides=tuple(sides))
    return pair_tables(fold(look), columns, algorithms, sides)


@dataclass(frozen=True, slots=True)
class PairSums:
    """By day, column, side and pair: how many differences are known, and their sum."""

    days: Ints
    table: Floats  # by day, column, side, what of the two, pair

    @classmethod
    def of(cls, chunk: pd.DataFrame, columns: tuple[str, ...], algorithms: tuple[str, ...], sides: tuple[str | None, ...]) -> PairSums:
        """Those of one piece."""
        _check_rows(chunk, algorithms)
        first = chunk.iloc[:: len(algorithms)]
        days, side = first["session"].to_numpy().astype("datetime64[D]").astype(np.int64), first["side"].to_numpy()
        order = np.argsort(days, kind="stable")
        there, begin = np.unique(days[order], return_index=True)
        table = np.zeros((len(there), len(columns), len(sides), 2, math.comb(len(algorithms), 2)))
        for c, name in enumerate(columns):
            found = _known_differences(chunk[name].to_numpy(dtype=np.float64).reshape(-1, len(algorithms))[order])
            for s, wanted in enumerate(sides):
                mine = np.ones(len(days)) if wanted is None else (side == wanted)[order].astype(np.float64)
                table[:, c, s] = np.add.reduceat(found * mine[:, None, None], begin, axis=0) if len(there) else 0.0
        return cls(there, table)

    def plus(self, other: PairSums) -> PairSums:
        """The sums of both."""
        days, place = np.unique(np.concatenate([self.days, other.days]), return_inverse=True)
        table = np.zeros((len(days), *self.table.shape[1:]))
        table[place[: len(self.days)]] = self.table
        table[place[len(self.days) :]] += other.table
        return PairSums(days, table)


def pair_tables(sums: PairSums, columns: Sequence[str], algorithms: Sequence[str], sides: Sequence[str | None]) -> dict[Key, pd.DataFrame]:
    """The comparison by column and side."""
    names = list(combinations(algorithms, 2))
    keys = [(c, s) for c in range(len(columns)) for s in range(len(sides))]
    parts = [[sums.table[:, c, s, :, k].T for k in range(len(names))] for c, s in keys]
    turned = iter(turned_signs([total[counts > 0] for part in parts for counts, total in part]))
    return {
        (columns[c], sides[s]): _table([(counts, total, next(turned)) for counts, total in part], names)
        for (c, s), part in zip(keys, parts, strict=True)
    }


def _known_differences(table: Floats) -> Floats:
    """Of values by parent order and algorithm: by parent order and pair whether the difference is known, and what it is."""
    first, second = np.triu_indices(table.shape[1], 1)
    differences = table[:, first] - table[:, second]
    known = ~np.isnan(differences)
    return np.stack([known.astype(np.float64), np.where(known, differences, 0.0)], axis=1)


def _check_rows(part: pd.DataFrame, algorithms: Sequence[str]) -> None:
    named = part["algorithm"].to_numpy()
    if len(part) % len(algorithms) or not (named.reshape(-1, len(algorithms)) == np.array(algorithms, dtype=object)).all():
        raise UsageError("the table does not hold a row for each parent order and algorithm in their sequence; run the study again")


def _table(parts: Sequence[tuple[Floats, Floats, float]], names: Sequence[tuple[str, str]]) -> pd.DataFrame:
    import pandas as pd

    rows = [_line(a, b, counts, sums, turned) for (a, b), (counts, sums, turned) in zip(names, parts, strict=True)]
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    return found.assign(**{f"p_{method}": adjusted(found["p"].to_numpy(dtype=np.float64), method) for method in ("holm", "bh")})


def _line(first: str, second: str, counts: Floats, sums: Floats, turned: float) -> tuple[str | float, ...]:
    mean, reach, clusters = clustered_sums(sums, counts)
    error = reach / student(clusters - 1, 0.975) if clusters > 1 else math.nan
    tells = error > NOISE * np.abs(sums).max(initial=0.0) / max(counts.sum(), 1)
    t = mean / error if tells else math.nan
    p = two_sided(t, clusters - 1) if tells else math.nan
    return first, second, int(counts.sum()), clusters, mean, error, mean - reach, mean + reach, t, p, turned
