"""`Bars`: minute bars of several symbols as columns, immutable, in time order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PRICES = ("open", "high", "low", "close")
QUOTES = ("bid", "ask", "bid_size", "ask_size")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bars:
    """Bars of one length for several symbols: columns, sorted by symbol and then by time.

    Parameters
    ----------
    symbols : tuple of str
        Sorted; symbol ``i`` owns the rows ``offsets[i]:offsets[i + 1]`` of every column.
    offsets : ndarray of int64, shape (n_symbols + 1,)
        First row of each symbol, and the number of rows.
    start : ndarray of int64, shape (n,)
        Start of each bar in ns UTC, rising within a symbol. A bar covers ``[start, start + step)``.
    open, high, low, close : ndarray of float64, shape (n,)
        Currency per share.
    volume : ndarray of float64, shape (n,)
        Shares traded in the bar.
    vwap : ndarray of float64, shape (n,), optional
        The vendor's own VWAP, NaN where it gives none.
    quotes : mapping of str to ndarray of float64, shape (n,)
        Any of ``bid, ask, bid_size, ask_size`` as they stood at the end of the bar.
    step : int
        Length of a bar in ns.
    zone : str
        IANA zone in which instants are shown and naive times are read.

    Raises
    ------
    UsageError
        Columns of unequal length, symbols not sorted, or bars that overlap.
    """

    symbols: tuple[str, ...]
    offsets: Ints
    start: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    vwap: Floats | None = None
    quotes: Mapping[str, Floats] = field(default_factory=dict)
    step: int
    zone: str

    def __post_init__(self) -> None:
        for name, column in self.columns().items():
            if column.shape != self.start.shape:
                raise UsageError(f"column {name!r} has shape {column.shape}, start has {self.start.shape}")
            column.flags.writeable = False
        self.start.flags.writeable = self.offsets.flags.writeable = False
        if list(self.symbols) != sorted(set(self.symbols)):
            raise UsageError(f"symbols must be sorted and unique, got {self.symbols}")
        if self.step <= 0:
            raise UsageError(f"step must be positive nanoseconds, got {self.step}")
        self._check_order()

    def _check_order(self) -> None:
        if len(self.offsets) != len(self.symbols) + 1 or self.offsets[-1] != len(self.start):
            raise UsageError(f"offsets {self.offsets} do not cover {len(self.start)} rows")
        gap = np.diff(self.start)
        inside = np.ones(len(gap), dtype=bool)
        inside[self.offsets[1:-1] - 1] = False
        bad = np.flatnonzero(inside & (gap < self.step))
        if len(bad):
            raise UsageError(f"bar {bad[0] + 1} starts {gap[bad[0]]} ns after the one before it; the step is {self.step} ns")

    def __len__(self) -> int:
        return len(self.start)

    def columns(self) -> dict[str, Floats]:
        """Every value column that is there, by name."""
        found = {name: getattr(self, name) for name in (*PRICES, "volume")}
        if self.vwap is not None:
            found["vwap"] = self.vwap
        return {**found, **self.quotes}

    def rows(self, symbol: str) -> slice:
        """Rows of one symbol.

        Raises
        ------
        UnknownNameError
            No such symbol.
        """
        try:
            i = self.symbols.index(symbol)
        except ValueError:
            raise UnknownNameError("symbol", symbol, self.symbols) from None
        return slice(int(self.offsets[i]), int(self.offsets[i + 1]))

    def price(self) -> Floats:
        """VWAP of each bar: the vendor's where it lies in [low, high], else (high + low + close) / 3.

        Returns
        -------
        ndarray of float64, shape (n,)
            Currency per share.
        """
        proxy = (self.high + self.low + self.close) / 3.0
        if self.vwap is None:
            return proxy
        return np.where((self.vwap >= self.low) & (self.vwap <= self.high), self.vwap, proxy)

    def take(self, keep: npt.NDArray[np.bool_]) -> Bars:
        """The rows where `keep` (bool, shape (n,)) is true; symbols without rows are left out."""
        counts = np.array([int(keep[a:b].sum()) for a, b in zip(self.offsets[:-1], self.offsets[1:], strict=True)], dtype=np.int64)
        kept = counts > 0
        columns = {name: column[keep] for name, column in self.columns().items()}
        return replace(
            self,
            symbols=tuple(np.array(self.symbols, dtype=object)[kept]),
            offsets=np.concatenate([[0], np.cumsum(counts[kept])]).astype(np.int64),
            start=self.start[keep],
            quotes={name: columns.pop(name) for name in self.quotes},
            **columns,
        )

    def select(self, symbols: Sequence[str]) -> Bars:
        """The named symbols only, in sorted order.

        Raises
        ------
        UnknownNameError
            One of them is not there.
        """
        keep = np.zeros(len(self), dtype=bool)
        for symbol in symbols:
            keep[self.rows(symbol)] = True
        return self.take(keep)

    def between(self, start: int, end: int) -> Bars:
        """Bars that lie in ``[start, end)``, both in ns UTC."""
        return self.take((self.start >= start) & (self.start + self.step <= end))

    @classmethod
    def concat(cls, parts: Iterable[Bars]) -> Bars:
        """One `Bars` of several that share no symbol; a column that one of them lacks is NaN there.

        Raises
        ------
        UsageError
            Different steps, or a symbol that stands in two parts.
        """
        pieces = sorted((one.select([s]) for one in parts for s in one.symbols), key=lambda one: one.symbols)
        if not pieces:
            raise UsageError("no bars to put together")
        if len({one.step for one in pieces}) > 1:
            raise UsageError("bars of different steps do not go together: " + ", ".join(f"{p.symbols[0]} {p.step / 1e9:g} s" for p in pieces))
        names = dict.fromkeys(name for one in pieces for name in one.columns())
        joined = {name: np.concatenate([one.columns().get(name, np.full(len(one), np.nan)) for one in pieces]) for name in names}
        return cls(
            symbols=tuple(one.symbols[0] for one in pieces),
            offsets=np.concatenate([[0], np.cumsum([len(one) for one in pieces])]).astype(np.int64),
            start=np.concatenate([one.start for one in pieces]),
            quotes={name: joined.pop(name) for name in QUOTES if name in joined},
            step=pieces[0].step,
            zone=pieces[0].zone,
            **joined,
        )

    def to_frame(self) -> pd.DataFrame:
        """A frame with one row a bar, indexed by ``symbol`` and tz-aware ``timestamp`` (bar start)."""
        import pandas as pd

        stamps = pd.DatetimeIndex(self.start.view("datetime64[ns]"), tz="UTC").tz_convert(self.zone)
        symbol = np.repeat(np.array(self.symbols, dtype=object), np.diff(self.offsets))
        index = pd.MultiIndex.from_arrays([symbol, stamps], names=["symbol", "timestamp"])
        return pd.DataFrame(self.columns(), index=index)
