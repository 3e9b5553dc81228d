"""`Partitions`: a bar store by its files, and what can be said of it before a shard is worked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from sys import intern

from exec_algos.errors import MarketDataError
from exec_algos.market.bars import Bars
from exec_algos.market.ratios import Split
from exec_algos.market.splits import Splits, check_step, inside
from exec_algos.market.store import BarStore, joined, named
from exec_algos.market.stored import StoredPart

MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


@contextmanager
def _there(file: str) -> Iterator[None]:
    """Say what to do about a file that was taken away."""
    try:
        yield
    except FileNotFoundError:
        raise MarketDataError(
            "the file is gone since the study was planned; put it back or import its month again, and run the study again; where it stays "
            "away, the next run leaves that month out",
            file=file,
        ) from None


class Partitions(BarStore):
    """A bar store, month by month."""

    def listing(self) -> dict[str, tuple[str, ...]]:
        """The months of every symbol, both sorted.

        Raises
        ------
        MarketDataError
            A folder that is called after no month.
        """
        found: dict[str, list[str]] = {}
        for file in self._files():
            symbol, month = named(file)
            if not MONTH.fullmatch(month):
                raise MarketDataError(f"month={month} is no month of a bar store, such as month=2025-11; move it away", file=file)
            found.setdefault(symbol, []).append(intern(month))  # a month's name once, not once for each file
        return {symbol: tuple(sorted(months)) for symbol, months in sorted(found.items())}

    def month(self, symbol: str, month: str) -> Bars:
        """The bars of one file.

        Raises
        ------
        MarketDataError
            It is not there any more, or is broken.
        """
        with _there(self._place(symbol, month)):
            return self._months([self._part(symbol, month)])

    def mark(self, symbol: str, month: str) -> str:
        """What changes when a file is written again, found without reading it.

        Raises
        ------
        MarketDataError
            It is not there any more.
        """
        with _there(self._place(symbol, month)):
            return str(self._fs.ukey(self._place(symbol, month)))

    def _part(self, symbol: str, month: str) -> StoredPart:
        return StoredPart(symbol, month, self._place(symbol, month))


def listing_of(partitions: Partitions) -> Mapping[str, tuple[str, ...]]:
    """The months of every symbol of a store.

    Raises
    ------
    MarketDataError
        The store holds nothing.
    """
    listing = partitions.listing()
    if not listing:
        raise MarketDataError("the store holds nothing: exec-algos data import FILES --to STORE", file=partitions.path)
    return listing


def used_splits(splits: Splits, partitions: Partitions) -> Splits:
    """Those of the splits that lie inside the bars of their symbol.

    Raises
    ------
    UsageError
        By row: bars that do not step by the ratio.
    """
    listing = listing_of(partitions)
    used = [split for split in splits.rows if split.symbol in listing and _lies_inside(split, splits, partitions, listing[split.symbol])]
    return replace(splits, rows=tuple(used))


def _lies_inside(split: Split, splits: Splits, partitions: Partitions, months: Sequence[str]) -> bool:
    """Whether a store has bars on both sides of a split; of files that are broken it is said when their shard is worked."""
    near = [*[month for month in months if month <= split.date[:7]][-2:], *[month for month in months if month > split.date[:7]][:1]]
    try:
        bars = joined([partitions.month(split.symbol, month) for month in near])
    except MarketDataError:
        return True
    if inside(bars, split):
        check_step(bars, split, splits.source)
        return True
    return False
