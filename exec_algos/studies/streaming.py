"""Summaries of tables that do not fit into memory: sums by group and day in one pass, exact medians in two or a few more."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from exec_algos.tca.clustered import Floats, student

if TYPE_CHECKING:
    import pandas as pd

    Chunks = Callable[[], Iterator[pd.DataFrame]]

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Counts = dict[tuple[int, int], tuple[Words, Ints]]

HELD = 1 << 17  # numbers of the last pass for medians that may be in memory at a time, beside one piece
READ = ("session", "quantity", "filled", "average_price", "participation")
DAY = 1 << 32  # a group and a day make one number: group * DAY + day


def streamed_summary(chunks: Chunks, columns: Sequence[str], by: Sequence[str]) -> dict[str, pd.DataFrame]:
    """`StudyResult.summary` of each slippage column, of a table that is read in pieces.

    The numbers are those of the whole table but for the rounding of sums; medians are exact. The same pieces give the same bytes.
    Memory is that of a piece, and of a few numbers for each group and day.

    Parameters
    ----------
    chunks : callable
        Gives the pieces anew each time it is called, in the same sequence; each with `columns`, `by` and `READ`.
    columns : sequence of str
        In bps, NaN where not known.
    by : sequence of str

    Returns
    -------
    dict of str to DataFrame
        By column.
    """
    groups = Groups(tuple(by))
    sums = [Sums() for _ in columns]
    for chunk in chunks():
        number = groups.of(chunk)
        for column, one in zip(columns, sums, strict=True):
            one.add(chunk, column, number)
    found = {column: one.lines(len(groups.keys)) for column, one in zip(columns, sums, strict=True)}
    for column, lines in found.items():
        lines["median"] = _medians(chunks, column, groups, lines["n"].to_numpy().astype(np.int64))
    return {column: groups.named(lines) for column, lines in found.items()}


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups by number, in the sequence in which they were met."""

    by: tuple[str, ...]
    keys: dict[Any, int] = field(default_factory=dict)
    orders: dict[str, list[Any]] = field(default_factory=dict)

    def of(self, chunk: pd.DataFrame) -> Ints:
        """The number of each row's group."""
        for name in self.by:
            if hasattr(chunk[name], "cat"):
                self.orders[name] = chunk[name].cat.categories.tolist()
        here = chunk.groupby(list(self.by), sort=True, observed=True, dropna=False)
        names = here.size().index.tolist()
        table = np.array([self.keys.setdefault(name, len(self.keys)) for name in names], dtype=np.int64)
        return table[here.ngroup().to_numpy()]

    def named(self, lines: pd.DataFrame) -> pd.DataFrame:
        """Lines by number as lines by key, sorted."""
        import pandas as pd

        index = pd.MultiIndex.from_tuples(self.keys, names=self.by) if len(self.by) > 1 else pd.Index(list(self.keys), name=self.by[0])
        ranks = pd.DataFrame({name: self._rank(name, index.get_level_values(name)) for name in self.by})
        order = ranks.sort_values(list(self.by)).index.to_numpy()
        return lines.set_axis(index).iloc[order]

    def _rank(self, name: str, values: Any) -> Any:
        """What a column is sorted by: the place in its categories, where it has some."""
        import pandas as pd

        return pd.Categorical(values, self.orders[name]).codes if name in self.orders else values


@dataclass(slots=True)
class Sums:
    """Sums of one column by group and day; values are counted from the group's first, so that their squares do not cancel."""

    centres: dict[int, float] = field(default_factory=dict)
    codes: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    table: Floats = field(default_factory=lambda: np.empty((0, 9)))

    def add(self, chunk: pd.DataFrame, column: str, number: Ints) -> None:
        """Take in a piece."""
        x = chunk[column].to_numpy(dtype=np.float64)
        filled, ordered = (chunk[name].to_numpy(dtype=np.float64) for name in ("filled", "quantity"))
        price, share = (chunk[name].to_numpy(dtype=np.float64) for name in ("average_price", "participation"))
        known = ~np.isnan(x)
        moved = np.where(known, x - self._centre(x, known, number), 0.0)
        weight = np.where(known, np.nan_to_num(filled * price), 0.0)
        terms = [known, moved, moved**2, weight, weight * moved, filled, ordered, np.nan_to_num(share), ~np.isnan(share)]
        days = chunk["session"].to_numpy().astype("datetime64[D]").astype(np.int64)
        self._merge(number * DAY + days, np.column_stack(terms).astype(np.float64))

    def _centre(self, x: Floats, known: npt.NDArray[np.bool_], number: Ints) -> Floats:
        groups, first = np.unique(number[known], return_index=True)
        for group, row in zip(groups.tolist(), first.tolist(), strict=True):
            self.centres.setdefault(group, float(x[known][row]))
        return np.array([self.centres.get(group, 0.0) for group in range(int(number.max(initial=-1)) + 1)])[number]

    def _merge(self, codes: Ints, terms: Floats) -> None:
        self.codes, place = np.unique(np.concatenate([self.codes, codes]), return_inverse=True)
        rows = np.concatenate([self.table, terms])
        self.table = np.column_stack([np.bincount(place, column, len(self.codes)) for column in rows.T])

    def lines(self, groups: int) -> pd.DataFrame:
        """A line of the summary for each group, but for its median."""
        import pandas as pd

        return pd.DataFrame([self._line(group) for group in range(groups)])

    def _days(self, group: int) -> Floats:
        """Sums of a group: a row for each kind, a column for each day."""
        return self.table[(self.codes >= group * DAY) & (self.codes < (group + 1) * DAY)].T

    def _line(self, group: int) -> dict[str, float]:
        days = self._days(group)
        n, x, xx, w, wx, filled, ordered, share, shares = days
        centre, known = self.centres.get(group, math.nan), n.sum()
        mean, reach, clusters = clustered_sums(x, n)
        spread = (xx.sum() - x.sum() ** 2 / known) / (known - 1) if known > 1 else math.nan
        return {
            "n": int(known), "mean": centre + mean, "median": math.nan, "sd": math.sqrt(max(spread, 0.0)) if known > 1 else math.nan,
            "low": centre + mean - reach, "high": centre + mean + reach, "notional_mean": centre + clustered_sums(wx, w)[0],
            "fill_rate": filled.sum() / ordered.sum(), "participation": share.sum() / shares.sum() if shares.sum() else math.nan,
            "days": clusters,
        }  # fmt: skip


def clustered_sums(sums: Floats, weights: Floats) -> tuple[float, float, int]:
    """Mean, half of its 95 % interval and number of days, of the sums of each day: `exec_algos.tca.statistics.clustered_mean`."""
    used = weights > 0
    groups, total = int(used.sum()), float(weights.sum())
    if not groups:
        return math.nan, math.nan, 0
    mean = float(sums.sum()) / total
    if groups < 2:
        return mean, math.nan, groups
    scores = sums[used] - mean * weights[used]
    error = math.sqrt(groups / (groups - 1) * float(scores @ scores)) / total
    return mean, student(groups - 1, 0.975) * error, groups


def _medians(chunks: Chunks, column: str, groups: Groups, n: Ints) -> Floats:
    """Exact medians: the two middle ranks of each group are narrowed by sixteen bits a pass, and then looked up."""
    ranks = np.stack([np.maximum(n - 1, 0) // 2, n // 2], axis=1)
    held, prefix, shift = int(n.sum()), np.zeros_like(ranks, dtype=np.uint64), 64
    while shift:
        step = shift if held <= HELD else 16
        counts = _counted(chunks, column, groups, prefix, (shift, step))
        prefix, ranks, held = _narrowed(counts, prefix, ranks, step)
        shift -= step
    found: Floats = np.where(n > 0, _numbers(prefix).mean(axis=1), np.nan)
    return found


def _counted(
    chunks: Chunks, column: str, groups: Groups, prefix: Words, bits: tuple[int, int]
) -> dict[tuple[int, int], tuple[Words, Ints]]:
    """By group and prefix: the next longer prefixes that there are, sorted, and how many values have each."""
    shift, step = bits
    parts: dict[tuple[int, int], list[tuple[Words, Ints]]] = {}
    wanted = {(g, int(p)) for g, pair in enumerate(prefix) for p in pair}
    for chunk in chunks():
        number, x = groups.of(chunk), chunk[column].to_numpy(dtype=np.float64)
        known = ~np.isnan(x)
        order = np.argsort(number[known], kind="stable")
        words, number = _words(x[known])[order], number[known][order]
        for g, p in sorted(wanted):
            mine = words[slice(*np.searchsorted(number, [g, g + 1]))]
            mine = mine if shift == 64 else mine[mine >> np.uint64(shift) == np.uint64(p)]
            if len(mine):
                longer, count = np.unique(mine >> np.uint64(shift - step), return_counts=True)
                parts[g, p] = [_joined([*parts.get((g, p), []), (longer, count.astype(np.int64))])]
    return {key: one[0] for key, one in parts.items()}


def _joined(parts: list[tuple[Words, Ints]]) -> tuple[Words, Ints]:
    words, place = np.unique(np.concatenate([one for one, _ in parts]), return_inverse=True)
    return words, np.bincount(place, np.concatenate([count for _, count in parts]), len(words)).astype(np.int64)


def _narrowed(counts: dict[tuple[int, int], tuple[Words, Ints]], prefix: Words, ranks: Ints, step: int) -> tuple[Words, Ints, int]:
    """The longer prefix that holds each rank, the rank within it, and how many values are left in all."""
    longer, within, left = prefix.copy(), ranks.copy(), 0
    for g, k in np.ndindex(prefix.shape):
        if (g, int(prefix[g, k])) in counts:
            words, count = counts[g, int(prefix[g, k])]
            at = int(np.searchsorted(np.cumsum(count), ranks[g, k], side="right"))
            longer[g, k], within[g, k] = words[at], ranks[g, k] - count[:at].sum()
            left += int(count[at])
    return longer, within, left


def _words(x: Floats) -> Words:
    """Numbers as words of 64 bits in the same order."""
    bits = (x + 0.0).view(np.uint64)
    top = np.uint64(1 << 63)
    return np.where(bits & top, ~bits, bits | top)


def _numbers(words: Words) -> Floats:
    top = np.uint64(1 << 63)
    return np.where(words & top, words ^ top, ~words).view(np.float64)
