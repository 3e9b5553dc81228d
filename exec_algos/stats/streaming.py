"""Summaries of tables that do not fit into memory: sums by group and day in one look, exact medians in one or two more."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from exec_algos.stats.arrays import Floats, Ints
from exec_algos.stats.clustered import student

if TYPE_CHECKING:
    import pandas as pd

Words = npt.NDArray[np.uint64]
Counts = tuple[Words, Ints]  # values, or their first bits, sorted, and how often each is there

HELD = 1 << 17  # numbers of the last look for medians that may be in memory at a time, beside one piece
READ = ("session", "quantity", "filled", "average_price", "participation")
DAY = 1 << 32  # a group and a day make one number: group * DAY + day
FIRST = 16  # bits of each value that the first look counts: sign, size, and four bits more


class Sum(Protocol):
    """What a look at a piece of a table finds; what two pieces give is added up."""

    def plus(self, other: Self) -> Self:
        """What a look at both would find; `self` is the earlier one, and may be used up."""


A = TypeVar("A", bound=Sum)


class Fold(Protocol):
    """Look at each piece of a table, always cut alike, and add up what is found in their sequence."""

    def __call__(self, look: Callable[[pd.DataFrame], A]) -> A:
        """The sum."""


def added(found: Iterable[A]) -> A:
    """The sum of what was found, from left to right."""
    return reduce(lambda total, more: total.plus(more), found)


def streamed_summary(fold: Fold, columns: Sequence[str], by: Sequence[str]) -> dict[str, pd.DataFrame]:
    """`StudyResult.summary` of each slippage column, of a table that is read in pieces.

    The numbers are those of the whole table but for the rounding of sums; medians are exact. The same pieces give the same bytes, wherever
    they are looked at. Memory is that of a piece, and of a few numbers for each group and day.

    Parameters
    ----------
    fold : Fold
        Gives the same pieces each time it is called; each with `columns`, `by` and `READ`.
    columns : sequence of str
        In bps, NaN where not known.
    by : sequence of str

    Returns
    -------
    dict of str to DataFrame
        By column.
    """
    return summaries(fold(partial(Totals.of, columns=tuple(columns), by=tuple(by))), fold)


def summaries(totals: Totals, fold: Fold) -> dict[str, pd.DataFrame]:
    """The summary of each column from what a first look has found; `fold` looks again for the medians."""
    medians = _medians(totals, fold)
    return {
        column: totals.groups.named(totals.lines(c).assign(median=medians[:, c])[list(LINE)]) for c, column in enumerate(totals.columns)
    }


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
        place = chunk.groupby(list(self.by), sort=True, observed=True, dropna=False).ngroup().to_numpy()
        first = np.empty(int(place.max(initial=-1)) + 1, dtype=np.int64)
        first[place[::-1]] = np.arange(len(place))[::-1]
        names = [chunk[name].iloc[first] for name in self.by]
        keys = zip(*names, strict=True) if len(self.by) > 1 else names[0]
        return np.array([self.keys.setdefault(key, len(self.keys)) for key in keys], dtype=np.int64)[place]

    def take(self, other: Groups) -> Ints:
        """Take in the groups of another; the number here of each of them."""
        self.orders.update(other.orders)
        return np.array([self.keys.setdefault(key, len(self.keys)) for key in other.keys], dtype=np.int64)

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


LINE = ("n", "mean", "median", "sd", "low", "high", "notional_mean", "fill_rate", "participation", "days")


@dataclass(slots=True)
class Totals:
    """Sums of some columns by group and day, and how often their values begin with which bits.

    Values are counted from the group's first, so that their squares do not cancel.
    """

    columns: tuple[str, ...]
    groups: Groups
    centres: Floats  # by group and column; NaN where no value is known
    codes: Ints  # group * DAY + day, sorted
    sums: Floats  # by code and column: values known, their sum, sum of squares, value traded, value traded x value
    traded: Floats  # by code: filled, ordered, participation, how many have one
    begin: tuple[Counts, ...]  # by column: group << FIRST | first bits

    @classmethod
    def of(cls, chunk: pd.DataFrame, columns: tuple[str, ...], by: tuple[str, ...]) -> Totals:
        """Those of one piece."""
        groups = Groups(by)
        number = groups.of(chunk)
        ordered, filled, price, share = (chunk[name].to_numpy(dtype=np.float64) for name in READ[1:])
        worth = np.nan_to_num(filled * price)
        days = chunk["session"].to_numpy().astype("datetime64[D]").astype(np.int64)
        codes, place = np.unique(number * DAY + days, return_inverse=True)
        values = np.column_stack([chunk[name].to_numpy(dtype=np.float64) for name in columns])
        centres = np.column_stack([_firsts(x, number, len(groups.keys)) for x in values.T])
        terms = [_terms(x, centre[number], worth) for x, centre in zip(values.T, centres.T, strict=True)]
        traded = [filled, ordered, np.nan_to_num(share), (~np.isnan(share)).astype(np.float64)]
        sums = np.stack([_summed(term, place, len(codes)) for term in terms], axis=1)
        begin = tuple(_begin(x, number) for x in values.T)
        return cls(columns, groups, centres, codes, sums, _summed(traded, place, len(codes)), begin)

    def plus(self, other: Totals) -> Totals:
        """The sums of both; those of the other are counted from the first values here."""
        number = self.groups.take(other.groups)
        centres = np.full((len(self.groups.keys), len(self.columns)), np.nan)
        centres[: len(self.centres)] = self.centres
        here = centres[number]
        centres[number] = np.where(np.isnan(here), other.centres, here)
        group = other.codes // DAY
        sums = _moved(other.sums, np.nan_to_num(other.centres - centres[number])[group])
        codes, place = np.unique(np.concatenate([self.codes, number[group] * DAY + other.codes % DAY]), return_inverse=True)
        places = place[: len(self.codes)], place[len(self.codes) :]
        begin = tuple(
            _joined([own, (_renumbered(codes, number), counts)]) for own, (codes, counts) in zip(self.begin, other.begin, strict=True)
        )
        both = [_laid(len(codes), places, pair) for pair in ((self.sums, sums), (self.traded, other.traded))]
        return Totals(self.columns, self.groups, centres, codes, both[0], both[1], begin)

    def known(self) -> Ints:
        """How many values are known, by group and column."""
        return np.rint(_by_group(self.sums[:, :, 0], self.codes // DAY, len(self.groups.keys))).astype(np.int64)

    def lines(self, column: int) -> pd.DataFrame:
        """A line of the summary for each group, but for its median."""
        import pandas as pd

        edges = np.searchsorted(self.codes, np.arange(len(self.groups.keys) + 1) * DAY)
        rows = [_line(self.sums[a:b, column].T, self.traded[a:b].T, self.centres[g, column]) for g, (a, b) in enumerate(pairwise(edges))]
        return pd.DataFrame(rows)


def _firsts(x: Floats, number: Ints, groups: int) -> Floats:
    """The first known value of each group."""
    known = np.flatnonzero(~np.isnan(x))[::-1]
    first = np.full(groups, np.nan)
    first[number[known]] = x[known]
    return first


def _terms(x: Floats, centre: Floats, worth: Floats) -> list[Floats]:
    known = ~np.isnan(x)
    moved, weight = np.where(known, x - centre, 0.0), np.where(known, worth, 0.0)
    return [known.astype(np.float64), moved, moved**2, weight, weight * moved]


def _summed(terms: Sequence[Floats], place: Ints, count: int) -> Floats:
    return np.column_stack([np.bincount(place, term, count) for term in terms])


def _moved(sums: Floats, step: Floats) -> Floats:
    """Sums of values that are counted from a centre lower by `step`."""
    n, x, xx, w, wx = np.moveaxis(sums, 2, 0)
    return np.stack([n, x + n * step, xx + 2 * step * x + n * step**2, w, wx + w * step], axis=2)


def _laid(count: int, places: tuple[Ints, Ints], tables: tuple[Floats, Floats]) -> Floats:
    """Two tables added up in the rows named; no row is named twice by one of them."""
    whole = np.zeros((count, *tables[0].shape[1:]))
    whole[places[0]] = tables[0]
    whole[places[1]] += tables[1]
    return whole


def _by_group(rows: Floats, group: Ints, count: int) -> Floats:
    return np.column_stack([np.bincount(group, column, count) for column in rows.T])


def _line(sums: Floats, traded: Floats, centre: float) -> dict[str, float]:
    (n, x, xx, w, wx), (filled, ordered, share, shares) = sums, traded
    known = n.sum()
    mean, reach, clusters = clustered_sums(x, n)
    spread = (xx.sum() - x.sum() ** 2 / known) / (known - 1) if known > 1 else math.nan
    return {
        "n": int(known), "mean": centre + mean, "sd": math.sqrt(max(spread, 0.0)) if known > 1 else math.nan,
        "low": centre + mean - reach, "high": centre + mean + reach, "notional_mean": centre + clustered_sums(wx, w)[0],
        "fill_rate": filled.sum() / ordered.sum(), "participation": share.sum() / shares.sum() if shares.sum() else math.nan,
        "days": clusters,
    }  # fmt: skip


def clustered_sums(sums: Floats, weights: Floats) -> tuple[float, float, int]:
    """Mean, half of its 95 % interval and number of days, of the sums of each day: `exec_algos.stats.statistics.clustered_mean`."""
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


def _medians(totals: Totals, fold: Fold) -> Floats:
    """Exact medians by group and column: the two middle ranks are narrowed by some bits a look, and then looked up."""
    n = totals.known()
    ranks = np.stack([np.maximum(n - 1, 0) // 2, n // 2], axis=2)
    prefix, ranks, held = _narrowed(_first_counts(totals), np.zeros_like(ranks, dtype=np.uint64), ranks)
    shift = 64 - FIRST
    while shift:
        step = shift if held <= HELD else FIRST
        look = partial(Counted.of, columns=totals.columns, groups=totals.groups, prefix=prefix, bits=(shift, step))
        prefix, ranks, held = _narrowed(fold(look).held, prefix, ranks)
        shift -= step
    return np.where(n > 0, _numbers(prefix).mean(axis=2), np.nan)


Held = dict[tuple[int, int, int], Counts]  # by group, column and prefix


def _first_counts(totals: Totals) -> Held:
    found = {}
    for c, (codes, counts) in enumerate(totals.begin):
        group, begin = np.unique(codes >> np.uint64(FIRST), return_index=True)
        for g, (a, b) in zip(group.tolist(), pairwise([*begin, len(codes)]), strict=True):
            found[g, c, 0] = (codes[a:b] & np.uint64((1 << FIRST) - 1), counts[a:b])
    return found


@dataclass(frozen=True, slots=True)
class Counted:
    """By group, column and prefix: the next longer prefixes that there are, and how many values have each."""

    held: Held

    @classmethod
    def of(cls, chunk: pd.DataFrame, columns: tuple[str, ...], groups: Groups, prefix: Words, bits: tuple[int, int]) -> Counted:
        """Those of one piece: `bits` are how many are not known yet, and how many of them are looked at."""
        shift, step = bits
        number = groups.of(chunk)
        rows = np.argsort(number, kind="stable")
        there, begin = np.unique(number[rows], return_index=True)
        held: Held = {}
        for c, name in enumerate(columns):
            x = chunk[name].to_numpy(dtype=np.float64)[rows]
            for g, (a, b) in zip(there.tolist(), pairwise([*begin, len(rows)]), strict=True):
                words = _words(x[a:b][~np.isnan(x[a:b])])
                for p in {int(start) for start in prefix[g, c]}:
                    mine = words[words >> np.uint64(shift) == np.uint64(p)] >> np.uint64(shift - step)
                    held[g, c, p] = _unique(mine)
        return cls(held)

    def plus(self, other: Counted) -> Counted:
        """The counts of both."""
        empty = _unique(np.empty(0, dtype=np.uint64))
        mine = self.held
        return Counted(mine | {key: _joined([mine.get(key, empty), counts]) for key, counts in other.held.items()})


def _unique(words: Words) -> Counts:
    longer, counts = np.unique(words, return_counts=True)
    return longer, counts.astype(np.int64)


def _joined(parts: Sequence[Counts]) -> Counts:
    words, place = np.unique(np.concatenate([part for part, _ in parts]), return_inverse=True)
    return words, np.bincount(place, np.concatenate([count for _, count in parts]), len(words)).astype(np.int64)


def _narrowed(counts: Held, prefix: Words, ranks: Ints) -> tuple[Words, Ints, int]:
    """The longer prefix that holds each rank, the rank within it, and how many values are left in all."""
    longer, within, left = prefix.copy(), ranks.copy(), 0
    for g, c, k in np.ndindex(prefix.shape):
        words, count = counts.get((g, c, int(prefix[g, c, k])), (None, None))
        if words is not None and count is not None and len(words):
            at = int(np.searchsorted(np.cumsum(count), ranks[g, c, k], side="right"))
            longer[g, c, k], within[g, c, k] = words[at], ranks[g, c, k] - count[:at].sum()
            left += int(count[at])
    return longer, within, left


def _begin(x: Floats, number: Ints) -> Counts:
    """The first bits of the known values, by group."""
    known = ~np.isnan(x)
    return _unique(number[known].astype(np.uint64) << np.uint64(FIRST) | _words(x[known]) >> np.uint64(64 - FIRST))


def _renumbered(codes: Words, number: Ints) -> Words:
    """Groups and first bits under other numbers of the groups."""
    bits = np.uint64(FIRST)
    renumbered: Words = number.astype(np.uint64)[codes >> bits] << bits | codes & np.uint64((1 << FIRST) - 1)
    return renumbered


def _words(x: Floats) -> Words:
    """Numbers as words of 64 bits in the same order."""
    bits = (x + 0.0).view(np.uint64)
    top = np.uint64(1 << 63)
    return np.where(bits & top, ~bits, bits | top)


def _numbers(words: Words) -> Floats:
    top = np.uint64(1 << 63)
    return np.where(words & top, words ^ top, ~words).view(np.float64)
