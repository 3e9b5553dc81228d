"""The facts of each session of one symbol, from which everything odd is found."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from exec_algos.market.adv import SessionTotals
from exec_algos.market.arrays import Flags, Floats, Ints

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions

NEAR_DAYS = 10  # sessions further apart than that do not follow on each other
MINUTE = 60_000_000_000


class Days:
    """Sessions of one symbol that have a bar, by column.

    Parameters
    ----------
    bars : Bars
    symbol : str
    sessions : Sessions

    Attributes
    ----------
    number : ndarray of int64, shape (n,)
        Which of `sessions` each is.
    count, slots : ndarray of int64, shape (n,)
        Bars that are there, and that fit into the session.
    """

    def __init__(self, bars: Bars, symbol: str, sessions: Sessions) -> None:
        rows = bars.rows(symbol)
        self.symbol, self.step, self.sessions = symbol, bars.step, sessions
        self.start: Ints = bars.start[rows]
        self._columns: dict[str, Floats] = {name: getattr(bars, name)[rows] for name in ("open", "high", "low", "close", "volume")}
        if sessions.has_breaks:
            trading = ~sessions.in_break(self.start)
            self.start = self.start[trading]
            self._columns = {name: column[trading] for name, column in self._columns.items()}
        first, last = sessions.rows(self.start)
        self.has_data = last > first
        self.volumes = SessionTotals.between(symbol, self._columns["volume"], first, last)
        self.number: Ints = np.flatnonzero(self.has_data)
        self.first, self.last = first[self.number], last[self.number]
        self.count = self.last - self.first
        self.opens, self.closes = sessions.open[self.number], sessions.close[self.number]
        self.slots = np.maximum(sessions.slots(bars.step)[self.number], 1)

    def __len__(self) -> int:
        return len(self.number)

    @property
    def date(self) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
        """The day by which each is known."""
        return self.sessions.date[self.number]

    @cached_property
    def total(self) -> Floats:
        """Shares traded in each."""
        return np.asarray(self.volumes.totals[self.number])

    @cached_property
    def open(self) -> Floats:
        """The first price of each."""
        return self._columns["open"][self.first]

    @cached_property
    def settled(self) -> Floats:
        """The close of the first bar of each."""
        return self._columns["close"][self.first]

    @cached_property
    def close(self) -> Floats:
        """The last price of each."""
        return self._columns["close"][self.last - 1]

    @cached_property
    def high(self) -> Floats:
        """The highest price of each."""
        return self._over(np.maximum, self._columns["high"])

    @cached_property
    def low(self) -> Floats:
        """The lowest price of each."""
        return self._over(np.minimum, self._columns["low"])

    @cached_property
    def late(self) -> Floats:
        """Minutes from the open to the first bar of each."""
        return (self.start[self.first] - self.opens) / MINUTE

    @cached_property
    def early(self) -> Floats:
        """Minutes from the end of the last bar of each to the close."""
        return np.asarray(np.maximum(self.closes - self.start[self.last - 1] - self.step, 0) / MINUTE)

    @cached_property
    def missing(self) -> Ints:
        """Bars that are missing in each, wherever."""
        return np.asarray(np.maximum(self.slots - self.count, 0))

    @cached_property
    def holes(self) -> Ints:
        """Bars that are missing between the first and the last of each."""
        spanned = (self.start[self.last - 1] - self.start[self.first]) // self.step + 1
        return np.asarray(np.maximum(spanned - self.count, 0))

    @cached_property
    def empty_rows(self) -> Ints:
        """Rows of the symbol that have no volume."""
        return np.flatnonzero(self._columns["volume"] == 0)

    @cached_property
    def without_volume(self) -> Ints:
        """Bars of each that are there and have no volume."""
        return np.searchsorted(self.empty_rows, self.last) - np.searchsorted(self.empty_rows, self.first)

    @property
    def volume(self) -> Floats:
        """Shares of each bar, by row."""
        return self._columns["volume"]

    def has(self, instants: Ints) -> Flags:
        """Whether a bar starts at each instant, ns UTC."""
        return np.asarray(self.start[np.minimum(np.searchsorted(self.start, instants), len(self.start) - 1)] == instants)

    def volumes_at(self, instants: Ints, reach: int) -> Floats:
        """Shares of the bars from `reach` before each instant to `reach` after it, shape (n, 2 reach + 1); 0 where there is no bar."""
        starts = instants[:, None] + self.step * np.arange(-reach, reach + 1)
        rows = np.minimum(np.searchsorted(self.start, starts), len(self.start) - 1)
        return np.where(self.start[rows] == starts, self.volume[rows], 0.0)

    @cached_property
    def stale(self) -> Floats:
        """Minutes in a row, the longest of each, that have volume and all trade at the price at which the bar before ended."""
        c = self._columns
        flat = np.flatnonzero(c["high"] == c["low"])  # few, so that the rest is looked up
        opening = self.first[np.minimum(np.searchsorted(self.first, flat), len(self) - 1)] == flat if len(self) else flat < 0
        flat = flat[(flat > 0) & ~opening]
        rows = flat[(c["close"][flat] == c["close"][flat - 1]) & (c["volume"][flat] > 0)]
        begins = np.flatnonzero(np.diff(rows, prepend=-2) != 1)
        lengths = np.diff(begins, append=len(rows))
        held = np.searchsorted(self.first, rows[begins], side="right") - 1
        inside = (held >= 0) & (rows[begins] < self.last[np.maximum(held, 0)])
        longest = np.zeros(len(self), dtype=np.int64)
        np.maximum.at(longest, held[inside], lengths[inside])
        return longest * self.step / MINUTE

    @cached_property
    def whole(self) -> Flags:
        """Whether each can be held against the others: half of it is there, and it is no Sunday evening."""
        absent: Floats = self.holes + (self.late + self.early) * MINUTE / self.step
        return np.asarray((absent < self.slots / 2) & (self.slots >= np.median(self.slots) / 2)) if len(self) else np.zeros(0, dtype=bool)

    @cached_property
    def follows(self) -> Flags:
        """Whether each comes at most `NEAR_DAYS` after the one before it."""
        return np.append(False, np.diff(self.date).astype(np.int64) <= NEAR_DAYS)[: len(self)]

    def outside(self) -> Ints:
        """Starts of the bars that lie in no session, ns UTC."""
        if self.count.sum() == len(self.start):
            return self.start[:0]
        return self.start[self.sessions.held(self.start) < 0]

    def _over(self, what: np.ufunc, column: Floats) -> Floats:
        if not len(self):
            return np.zeros(0)
        edges = np.column_stack([self.first, self.last]).ravel()
        # the edge behind the last bar is where the range ends anyway
        return np.asarray(what.reduceat(column, edges[: -1 if edges[-1] == len(column) else None])[::2])


def usual(values: Floats | Ints) -> tuple[float, float]:
    """The median, and the standard deviation that 1.4826 x the median absolute deviation stands for; 0 of nothing."""
    middle = middle_of(values)
    return middle, 1.4826 * middle_of(np.abs(values - middle))


def middle_of(values: Floats | Ints) -> float:
    """The median, of a few values in a tenth of the time that np.median takes; 0 of nothing."""
    n = len(values)
    if not n:
        return 0.0
    ordered = np.sort(values)
    return float(ordered[(n - 1) // 2] + ordered[n // 2]) / 2


def spread_of(values: Floats) -> float:
    """Standard deviation that the shortest interval with half of the values stands for: a third of them may be far off; 0 of nothing.

    The half of a normal distribution that lies closest spans 1.349 standard deviations (Rousseeuw and Leroy 1987, the length of the
    shortest half).
    """
    half = len(values) // 2 + 1
    if len(values) < 2:
        return 0.0
    ordered = np.sort(values)
    return float((ordered[half - 1 :] - ordered[: len(ordered) - half + 1]).min()) / 1.349


def around(values: Floats, follows: Flags, reach: int = 10, least: int = 5) -> Floats:
    """Median of the ``2 reach + 1`` values nearest to each; of fewer where fewer follow on each other, NaN below `least`."""
    found = np.full(len(values), np.nan)
    edges = np.append(np.flatnonzero(~follows), len(values))
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        n, width = end - begin, 2 * reach + 1
        if n < least:
            continue
        if n <= width:
            found[begin:end] = np.median(values[begin:end])
            continue
        # the middle one of an odd number; np.median takes twice as long
        medians = np.partition(np.lib.stride_tricks.sliding_window_view(values[begin:end], width), reach, axis=1)[:, reach]
        found[begin:end] = medians[np.clip(np.arange(n) - reach, 0, n - width)]
    return found
