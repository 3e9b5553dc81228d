"""Algorithms in pairs on the same parent orders, of a table that does not fit into memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UsageError
from exec_algos.studies.streaming import clustered_sums
from exec_algos.tca.clustered import NOISE, Floats, student, two_sided
from exec_algos.tca.multiple import adjusted
from exec_algos.tca.paired import turned_signs

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.studies.streaming import Chunks

COLUMNS = ("first", "second", "n", "clusters", "difference", "standard_error", "low", "high", "t", "p", "p_signs")
Key = tuple[str, str | None]


def streamed_pairs(
    chunks: Chunks, columns: Sequence[str], algorithms: Sequence[str], sides: Sequence[str | None]
) -> dict[Key, pd.DataFrame]:
    """`exec_algos.tca.paired.compare_all` in one pass, but for what needs all differences at a time.

    Parameters
    ----------
    chunks : callable
        Gives the pieces; each with ``parent_id, algorithm, session, side`` and `columns`, a parent order's rows one behind the other in
        the sequence of `algorithms`.
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
    pairs = list(combinations(range(len(algorithms)), 2))
    sums = {(column, side): DaySums() for column in columns for side in sides}
    for part in _whole_parents(chunks()) if pairs else ():
        _check_rows(part, algorithms)
        first = part.iloc[:: len(algorithms)]
        days, side = first["session"].to_numpy().astype("datetime64[D]").astype(np.int64), first["side"].to_numpy()
        for column in columns:
            table = part[column].to_numpy(dtype=np.float64).reshape(-1, len(algorithms))
            differences = np.column_stack([table[:, a] - table[:, b] for a, b in pairs])
            for wanted in sides:
                mine = np.ones(len(days), dtype=bool) if wanted is None else side == wanted
                sums[column, wanted].add(differences[mine], days[mine])
    names = [(algorithms[a], algorithms[b]) for a, b in pairs]
    parts = {key: [one.of(k) for k in range(len(pairs))] for key, one in sums.items()}
    turned = iter(turned_signs([sums[counts > 0] for one in parts.values() for counts, sums in one]))
    return {key: _table([(*part, next(turned)) for part in one], names) for key, one in parts.items()}


@dataclass(slots=True)
class DaySums:
    """How many differences of each pair are known on each day, and their sum: shape (2, n_pairs) by day."""

    held: dict[int, Floats] = field(default_factory=dict)

    def add(self, differences: Floats, days: npt.NDArray[np.int64]) -> None:
        """Take in differences of shape (n, n_pairs)."""
        known = ~np.isnan(differences)
        filled = np.where(known, differences, 0.0)
        order = np.argsort(days, kind="stable")
        there, begin = np.unique(days[order], return_index=True)
        if len(there):
            counts, sums = (np.add.reduceat(one[order], begin, axis=0) for one in (known.astype(np.float64), filled))
            for day, count, total in zip(there.tolist(), counts, sums, strict=True):
                self.held[day] = self.held.get(day, 0.0) + np.stack([count, total])

    def of(self, pair: int) -> tuple[Floats, Floats]:
        """Counts and sums of one pair, by day."""
        rows = [self.held[day][:, pair] for day in sorted(self.held)]
        table = np.array(rows).reshape(-1, 2).T
        return table[0], table[1]


def _whole_parents(chunks: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Pieces cut anew, so that no parent order is in two."""
    import pandas as pd

    held: pd.DataFrame | None = None
    for chunk in chunks:
        joined = chunk if held is None else pd.concat([held, chunk], ignore_index=True)
        last = (joined["parent_id"] == joined["parent_id"].iloc[-1]).to_numpy() if len(joined) else np.zeros(0, dtype=bool)
        held = joined[last]
        yield joined[~last]
    if held is not None:
        yield held


def _check_rows(part: pd.DataFrame, algorithms: Sequence[str]) -> None:
    named = part["algorithm"].to_numpy()
    if len(part) % len(algorithms) or not (named.reshape(-1, len(algorithms)) == np.array(algorithms, dtype=object)).all():
        raise UsageError("the table does not hold a row for each parent order and algorithm in their sequence; run the study again")


def _table(parts: Sequence[tuple[Floats, Floats, float]], names: Sequence[tuple[str, str]]) -> pd.DataFrame:
    import pandas as pd

    rows = [_line(a, b, counts, sums, turned) for (a, b), (counts, sums, turned) in zip(names, parts, strict=True)]
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    return found.assign(**{f"p_{one}": adjusted(found["p"].to_numpy(dtype=np.float64), one) for one in ("holm", "bh")})


def _line(first: str, second: str, counts: Floats, sums: Floats, turned: float) -> tuple[str | float, ...]:
    mean, reach, clusters = clustered_sums(sums, counts)
    error = reach / student(clusters - 1, 0.975) if clusters > 1 else math.nan
    tells = error > NOISE * np.abs(sums).max(initial=0.0) / max(counts.sum(), 1)
    t = mean / error if tells else math.nan
    p = two_sided(t, clusters - 1) if tells else math.nan
    return first, second, int(counts.sum()), clusters, mean, error, mean - reach, mean + reach, t, p, turned
