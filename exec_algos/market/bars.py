"""`Bars`: minute bars of several symbols as columns, immutable, in time order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.arrays import Floats, Ints

if TYPE_CHECKING:
    import os
    from datetime import timedelta

    import pandas as pd

    from exec_algos.market.csvformat import CsvFormat
    from exec_algos.market.decimals import ReadAs
    from exec_algos.market.ratios import Split
    from exec_algos.market.validate import OnBad, RowIssue


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
    quote_proxy : str, optional
        What stands in where there is no quote: `exec_algos.market.depth.with_quote_proxy`. By default nothing does.
    step : int
        Length of a bar in ns.
    zone : str
        IANA zone in which instants are shown and naive times are read.
    report : tuple of RowIssue
        Rows that were dropped or repaired on reading; empty where every row stood.
    read_as : tuple of ReadAs
        Columns that were read as other numbers than they were stored as: prices of float32 as the decimals meant.
    notes : tuple of str
        What was assumed, joined or passed over on reading, a line each.
    splits : tuple of Split
        Splits that prices and volumes are adjusted by: `adjusted`.

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
    quote_proxy: str | None = None
    step: int
    zone: str
    report: tuple[RowIssue, ...] = ()
    read_as: tuple[ReadAs, ...] = ()
    notes: tuple[str, ...] = ()
    splits: tuple[Split, ...] = ()

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
        # symbol by symbol, so that what is compared stays in the processor's cache
        for a, b in zip(self.offsets[:-1], self.offsets[1:], strict=True):
            gap = np.diff(self.start[a:b])
            if (gap < self.step).any():
                bad = int((gap < self.step).argmax())
                raise UsageError(f"bar {a + bad + 1} starts {gap[bad]} ns after the one before it; the step is {self.step} ns")

    def __len__(self) -> int:
        return len(self.start)

    def columns(self) -> dict[str, Floats]:
        """Every value column that is there, by name."""
        vwap = {} if self.vwap is None else {"vwap": self.vwap}
        return {name: getattr(self, name) for name in (*PRICES, "volume")} | vwap | dict(self.quotes)

    def rows(self, symbol: str) -> slice:
        """Rows of one symbol.

        Raises
        ------
        UnknownNameError
            No such symbol.
        """
        if symbol not in self.symbols:
            raise UnknownNameError("symbol", symbol, self.symbols)
        i = self.symbols.index(symbol)
        return slice(int(self.offsets[i]), int(self.offsets[i + 1]))

    def price(self) -> Floats:
        """VWAP of each bar: the vendor's where it lies in [low, high], else (high + low + close) / 3.

        Returns
        -------
        ndarray of float64, shape (n,)
            Currency per share.
        """
        return bar_prices(self.high, self.low, self.close, self.vwap)

    def take(self, keep: npt.NDArray[np.bool_]) -> Bars:
        """The rows where `keep` (bool, shape (n,)) is true; symbols without rows are left out."""
        if keep.all() and (np.diff(self.offsets) > 0).all():
            return self
        counts = np.array([int(keep[a:b].sum()) for a, b in zip(self.offsets[:-1], self.offsets[1:], strict=True)], dtype=np.int64)
        kept = counts > 0
        columns: dict[str, Any] = {name: column[keep] for name, column in self.columns().items()}
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
        if len(symbols) == 1:
            return self._only(symbols[0])
        keep = np.zeros(len(self), dtype=bool)
        for symbol in symbols:
            keep[self.rows(symbol)] = True
        return self.take(keep)

    def _only(self, symbol: str) -> Bars:
        """One symbol, its columns views of ours."""
        rows = self.rows(symbol)
        if len(self.symbols) == 1:
            return self
        columns: dict[str, Any] = {name: column[rows] for name, column in self.columns().items()}
        return replace(
            self,
            symbols=(symbol,),
            offsets=np.array([0, rows.stop - rows.start], dtype=np.int64),
            start=self.start[rows],
            quotes={name: columns.pop(name) for name in self.quotes},
            **columns,
        )

    def between(self, start: int, end: int) -> Bars:
        """Bars that lie in ``[start, end)``, both in ns UTC."""
        return self.take((self.start >= start) & (self.start + self.step <= end))

    @classmethod
    def concat(cls, parts: Iterable[Bars]) -> Bars:
        """One `Bars` of several that share no symbol; a column that one of them lacks is NaN there.

        Raises
        ------
        UsageError
            Different steps, zones or quote proxies, or a symbol that stands in two parts.
        """
        from exec_algos.market.read import concat

        return concat(parts)

    def adjusted(self, splits: Any) -> Bars:
        """Prices and volumes before each split in shares after it; what `splits` may be: `exec_algos.market.splits.Splits.of`."""
        from exec_algos.market.read import adjusted

        return adjusted(self, splits)

    def to_frame(self) -> pd.DataFrame:
        """A frame with one row a bar, indexed by ``symbol`` and tz-aware ``timestamp`` (bar start)."""
        import pandas as pd

        stamps = pd.DatetimeIndex(self.start.view("datetime64[ns]"), tz="UTC").tz_convert(self.zone)
        symbol = np.repeat(np.array(self.symbols, dtype=object), np.diff(self.offsets))
        return pd.DataFrame(self.columns(), index=pd.MultiIndex.from_arrays([symbol, stamps], names=["symbol", "timestamp"]))

    @classmethod
    def from_frame(  # noqa: PLR0913 - each is one fact that a frame may lack
        cls,
        frame: pd.DataFrame,
        *,
        symbol: str | None = None,
        zone: str | None = None,
        label: str | None = None,
        step: int | str | timedelta | None = None,
        on_bad: OnBad = "raise",
        csv: CsvFormat | None = None,
    ) -> Bars:
        """Bars of a DataFrame.

        Parameters
        ----------
        frame : DataFrame
            Columns ``open, high, low, close, volume`` in any case; if there, ``vwap`` (or a notional, ``quote_volume`` or
            ``notional``, which gives it by volume) and ``bid, ask, bid_size, ask_size``. Times: a DatetimeIndex, a
            (symbol, timestamp) MultiIndex, or a column ``timestamp``, ``datetime`` or ``date``. A long frame has a column ``symbol``.
        symbol : str, optional
            The symbol of a frame that names none; one of the symbols of a frame that does.
        zone : str, optional
            IANA zone of naive stamps, and in which the bars are shown; taken from tz-aware stamps.
        label : {"start", "end"}, optional
            Which end of its bar a stamp names; ``start`` if not given.
        step : int, str or timedelta, optional
            Bar length, ns if int. If not given, the smallest gap within a day, if it divides all the others.
        on_bad : {"raise", "drop", "repair"}
            What to do with rows that cannot be true; see `read`.
        csv : CsvFormat, optional
            Names of columns, scale of prices, form of dates: as for a file.

        Raises
        ------
        MarketDataError
            A column, the symbol or the zone is missing; a row cannot be true.

        Examples
        --------
        >>> import pandas as pd
        >>> times = pd.to_datetime(["2024-01-02 09:30", "2024-01-02 09:31"])
        >>> frame = pd.DataFrame({"open": 10.0, "high": 10.2, "low": 9.9, "close": 10.1, "volume": 500}, index=times)
        >>> Bars.from_frame(frame, symbol="SPY", zone="America/New_York").symbols
        ('SPY',)
        """
        from exec_algos.market.csvformat import CsvFormat
        from exec_algos.market.frames import Request
        from exec_algos.market.read import load_frame
        from exec_algos.market.stamps import nanoseconds

        return load_frame(frame, Request(None, symbol, zone, label, nanoseconds(step), on_bad, csv or CsvFormat())).bars

    @classmethod
    def read(  # noqa: PLR0913 - each is one fact that a file may lack
        cls,
        path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        format: str | None = None,
        symbol: str | None = None,
        zone: str | None = None,
        label: str | None = None,
        step: int | str | timedelta | None = None,
        on_bad: OnBad = "raise",
        splits: Any = None,
        csv: CsvFormat | None = None,
    ) -> Bars:
        """Bars of a file, of every file under a folder, of a list of them, or of a `BarStore`.

        What is said here goes before what the file says. What neither says is refused, with the name of the option.

        Parameters
        ----------
        path : path or sequence of paths
            Local or any fsspec URL. What a file is, its content tells: Parquet, a table of text, JSON, a workbook, packed or not.
            Several files of one symbol are joined, files of a folder that hold no bars passed over; `notes` says both.
        format : str, optional
            ``parquet, csv, lean`` or a vendor (`exec_algos.market.vendors`); detected if not given.
        symbol : str, optional
            Where the files name symbols themselves (a column ``symbol``, LEAN's futures, a store): the one to read. Else
            the name of all rows. If not given: the column, LEAN's folder, or the whole stem of the file (of the member of a zip
            of several), less what a vendor puts into its files' names.
        zone : str, optional
            IANA zone of naive stamps, and in which the bars are shown.
        label : {"start", "end"}, optional
            Which end of its bar a stamp names.
        step : int, str or timedelta, optional
            Bar length, ns if int. If not given, what the vendor says, else the smallest gap within a day.
        on_bad : {"raise", "drop", "repair"}
            ``raise`` refuses the first row that cannot be true. ``drop`` leaves such rows out. ``repair`` widens
            [low, high] to hold open and close, sorts by time, keeps the last of equal stamps, and drops what
            nothing can mend. Every row touched is in `report`.
        splits : path, DataFrame or sequence, optional
            Table of splits (date, symbol, ratio) to adjust by; see `adjusted`.
        csv : CsvFormat, optional
            How text is written, where it does not tell itself.

        Returns
        -------
        Bars
            Prices, sizes and volumes that were stored as float32 are the decimals meant (154.05999755859375 is 154.06), which `read_as`
            says (`exec_algos.market.decimals`).

        Raises
        ------
        MarketDataError
            With file, row and value: stamps unsorted, twice or unreadable; high below low; open or close outside
            [low, high]; prices NaN, infinite or not above zero; volume negative; a missing column; an empty or
            truncated file; a mixed zone. Or the zone, the label or the step cannot be told.
        UnknownNameError
            No such format, zone, label, symbol or `on_bad`.
        """
        from exec_algos.market.csvformat import CsvFormat
        from exec_algos.market.frames import Request
        from exec_algos.market.read import load
        from exec_algos.market.stamps import nanoseconds

        return load(path, Request(format, symbol, zone, label, nanoseconds(step), on_bad, csv or CsvFormat()), splits).bars

    @classmethod
    def from_csv(  # noqa: PLR0913 - each is one fact that a file may lack
        cls,
        path: str | os.PathLike[str],
        *,
        format: str | None = None,
        symbol: str | None = None,
        zone: str | None = None,
        label: str | None = None,
        step: int | str | timedelta | None = None,
        on_bad: OnBad = "raise",
        **written: Any,
    ) -> Bars:
        """Bars of a text file, a vendor's or your own; see `read`.

        A file that bears no vendor's marks needs `label`, and `zone` unless its stamps are in UTC. How it is written is said as
        `exec_algos.market.csvformat.CsvFormat` takes it: `columns`, `header`, `encoding`, `decimal`, `price_scale`, `date_format`,
        `allow_negative`, `allow_large`.
        """
        from exec_algos.market.csvformat import csv_format

        dialect = csv_format(written)
        return cls.read(path, format=format, symbol=symbol, zone=zone, label=label, step=step, on_bad=on_bad, csv=dialect)

    @classmethod
    def from_parquet(
        cls,
        path: str | os.PathLike[str],
        *,
        symbol: str | None = None,
        zone: str | None = None,
        label: str | None = None,
        step: int | str | timedelta | None = None,
        on_bad: OnBad = "raise",
    ) -> Bars:
        """Bars of a Parquet file; see `read`.

        A tz-aware index named ``timestamp`` is taken for the start of the bar; elsewhere `label` is asked for.
        """
        return cls.read(path, format="parquet", symbol=symbol, zone=zone, label=label, step=step, on_bad=on_bad)


def bar_prices(high: Floats, low: Floats, close: Floats, vwap: Floats | None) -> Floats:
    """`Bars.price` of columns of shape (n,)."""
    proxy = high + low
    proxy += close
    proxy /= 3.0
    np.clip(proxy, low, high, out=proxy)  # rounding may put the mean of three equal prices an ulp outside them
    return proxy if vwap is None else np.where((vwap >= low) & (vwap <= high), vwap, proxy)
