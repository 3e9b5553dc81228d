"""`BarStore`: bars as a Parquet data set by symbol and month, on any fsspec path."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from glob import escape, iglob
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import numpy as np
import numpy.typing as npt
from fsspec.implementations.local import LocalFileSystem

from exec_algos.errors import MarketDataError, UnknownNameError, UsageError
from exec_algos.market.bars import QUOTES, Bars
from exec_algos.market.boundary import reading
from exec_algos.market.decoded import Decoded, DecodedMonth, identity_of, month_of
from exec_algos.market.files import Staged, check_regular, content_of_file, file_system, unwritten
from exec_algos.market.locks import Locks
from exec_algos.market.stored import StoredPart, bars_in, content_of, facts_in, impossible, whole

if TYPE_CHECKING:
    import pandas as pd

FILE = "bars.parquet"
PATIENCE = 120.0  # seconds to wait for another import into the same store
BUSY = "import again when it is done; nothing of this was kept"

Instant = int | str | datetime


class BarStore:
    """Bars kept as ``symbol=SPY/month=2024-03/bars.parquet`` (months in the bars' own zone).

    Parameters
    ----------
    path : str or path
        A folder, or any fsspec URL: ``"data/bars"``, ``"memory://bars"``, ``"s3://bucket/bars"``.
    cache : str or path, optional
        Where a local store keeps its bars decoded, so that later reads map them into memory: ``"beside"`` (in ``_decoded`` in the
        store's folder), a folder of your own, or ``"off"``. If not given, ``EXEC_ALGOS_BAR_CACHE`` says, and else ``"beside"``. A read of
        the whole store writes it, about 48 bytes a bar; what is stale, damaged or cannot be written is passed over.

    Examples
    --------
    >>> import pandas as pd
    >>> times = pd.to_datetime(["2024-01-02 09:30", "2024-01-02 09:31"])
    >>> frame = pd.DataFrame({"open": 10.0, "high": 10.2, "low": 9.9, "close": 10.1, "volume": 500}, index=times)
    >>> store = BarStore("memory://a-store")
    >>> store.write(Bars.from_frame(frame, symbol="005930", zone="Asia/Seoul"))
    >>> store.symbols
    ('005930',)
    """

    def __init__(self, path: str | os.PathLike[str], *, cache: str | os.PathLike[str] | None = None) -> None:
        self.path = os.fspath(path)
        self._fs, self._root = file_system(path)
        self._decoded = Decoded.of(self._root, isinstance(self._fs, LocalFileSystem), cache)

    @classmethod
    def found_at(cls, path: str | os.PathLike[str]) -> bool:
        """Whether a store is kept at `path`."""
        store = cls(path)
        if not store._fs.isdir(store._root):
            return False
        return any(_name(entry).startswith("symbol=") for entry in store._fs.ls(store._root, detail=False))

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol, sorted."""
        return tuple(self._parts())

    def write(self, bars: Bars, *, durable: bool = True, allow_negative: bool = False) -> None:
        """Keep `bars`; where a bar of that symbol and time is kept already, the new one replaces it.

        All files are written beside their places first and then moved there: a reader never sees half of one, and where one of them cannot
        be written, none takes its place.

        Parameters
        ----------
        bars : Bars
        durable : bool
            Wait until the disk has them, so that a power loss cannot take what this has returned from.
        allow_negative : bool
            Take prices at or below zero.

        Raises
        ------
        UsageError
            The store has bars of that symbol of another step or zone; a bar that cannot be true; no room, or no right to write there.
        """
        with unwritten(self.path):
            self._write(bars, durable, allow_negative)

    def _write(self, bars: Bars, durable: bool, allow_negative: bool) -> None:
        found = impossible(bars, allow_negative=allow_negative)
        if found is not None:
            raise UsageError(f"row {found.row} of the bars cannot be true ({found.said}); nothing was written: leave it out")
        kept = self._parts()
        for symbol in bars.symbols:
            self._check_facts(bars, symbol, kept)
        locks = Locks(self._fs, self._root, self.path, lambda: unwritten(self.path))
        # two imports of one month at once would lose the bars of one
        with locks.held("import", lambda _: True, BUSY, patience=PATIENCE), Staged(self._fs, self.path, durable=durable) as staged:
            for symbol in bars.symbols:
                own = bars.select([symbol])
                months = _months(own)
                for month in np.unique(months):
                    part = StoredPart(symbol, str(month), self._place(symbol, str(month)))
                    staged.add(part.path, self._content(part, own.take(months == month)))

    def read(self, symbols: str | Sequence[str] | None = None, start: Instant | None = None, end: Instant | None = None) -> Bars:
        """Bars that lie in ``[start, end)``.

        Parameters
        ----------
        symbols : str or sequence of str, optional
            All if not given.
        start, end : int, str or datetime, optional
            ns UTC, or an instant; naive ones are read in the zone of the bars.

        Raises
        ------
        UnknownNameError
            No such symbol.
        MarketDataError
            The store holds nothing, or nothing there; or a file of it is not whole.
        """
        with reading(self.path):
            return self._read(symbols, start, end)

    def _read(self, symbols: str | Sequence[str] | None, start: Instant | None, end: Instant | None) -> Bars:
        known = self._parts()
        if not known:
            raise MarketDataError("the store holds nothing: exec-algos data import FILES --to STORE", file=self.path)
        wanted = list(known) if symbols is None else [symbols] if isinstance(symbols, str) else list(symbols)
        for symbol in wanted:
            if symbol not in known:
                raise UnknownNameError("symbol", symbol, known)
        if start is None and end is None and set(wanted) == set(known):
            return self._everything(known)
        found = [bars for symbol in dict.fromkeys(wanted) for bars in self._symbol(known[symbol], start, end)]
        if not found:
            raise MarketDataError(f"the store holds no bar in [{start}, {end})", file=self.path)
        return Bars.concat(found)

    def info(self) -> pd.DataFrame:
        """One row a symbol: ``symbol, bars, first, last`` (bar starts, in `zone`), ``step`` (ns), ``zone``, ``bytes``."""
        with reading(self.path):
            return self._info()

    def _info(self) -> pd.DataFrame:
        import pandas as pd

        rows = [
            {"symbol": part.symbol, **self._facts(part), "bytes": self._fs.size(part.path)}
            for parts in self._parts().values()
            for part in parts
        ]
        table = pd.DataFrame(rows, columns=["symbol", "bars", "first", "last", "step", "zone", "bytes"])
        merged = table.groupby("symbol", as_index=False).agg(
            {"bars": "sum", "first": "min", "last": "max", "step": "first", "zone": "first", "bytes": "sum"}
        )
        for name in ("first", "last"):
            merged[name] = [pd.Timestamp(t, tz="UTC").tz_convert(zone) for t, zone in zip(merged[name], merged["zone"], strict=True)]
        return merged

    def _parts(self) -> dict[str, list[StoredPart]]:
        """The files of each symbol, both in order."""
        found: dict[str, list[StoredPart]] = {}
        for path in sorted(self._files()):
            symbol, month = named(path)
            found.setdefault(symbol, []).append(StoredPart(symbol, month, path))
        return dict(sorted(found.items()))

    def _files(self) -> Iterator[str]:
        pattern = f"symbol=*/month=*/{FILE}"
        if isinstance(self._fs, LocalFileSystem):  # the same files as fsspec finds, in a tenth of its time
            return (path.replace(os.sep, "/") for path in iglob(f"{escape(self._root)}/{pattern}"))
        return map(str, self._fs.glob(f"{self._root}/{pattern}"))

    def _place(self, symbol: str, month: str) -> str:
        return f"{self._root}/symbol={quote(symbol, safe='')}/month={month}/{FILE}"

    def _symbol(self, parts: list[StoredPart], start: Instant | None, end: Instant | None) -> Iterator[Bars]:
        zone = "" if start is None and end is None else str(self._facts(parts[0])["zone"])
        first, last = _instant(start, zone, -(2**62)), _instant(end, zone, 2**62)
        touching = [part for part in parts if not zone or _touches(self._facts(part), first, last)]
        if touching:
            bars = self._months(touching)
            bars = bars.between(first, last) if zone else bars
            yield from [bars] if len(bars) else []

    def _everything(self, known: dict[str, list[StoredPart]]) -> Bars:
        """The whole store, mapped where it is kept decoded, and kept so from now on."""
        parts = [part for each in known.values() for part in each]
        found = self._decoded.whole(parts)
        if found is not None:
            return found
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            read = list(pool.map(self._with_decoded, known.values()))
        bars = Bars.concat([bars for bars, _ in read])
        self._decoded.keep({part: month for _, months in read for part, month in months.items()}, bars)
        return bars

    def _with_decoded(self, parts: Sequence[StoredPart]) -> tuple[Bars, dict[StoredPart, DecodedMonth]]:
        """All months of a symbol, and what was read of each; of none where they do not follow on each other."""
        known = [identity_of(part.path) for part in parts]
        found = [self._months([part]) for part in parts]
        rising = all(before.start[-1] < after.start[0] for before, after in pairwise(found))
        decoded = {part: month_of(kept, bars) for part, kept, bars in zip(parts, known, found, strict=True) if kept is not None and rising}
        return joined(found), decoded

    def _months(self, parts: Sequence[StoredPart]) -> Bars:
        """Months of one symbol, mapped where they are kept decoded."""
        found = self._decoded.bars(parts)
        if found is None:  # one of them is not kept, or damaged: the others are mapped all the same
            found = [bars for part in parts for bars in self._decoded.bars([part]) or [self._read_part(part)]]
        return joined(found)

    def _check_facts(self, bars: Bars, symbol: str, kept: dict[str, list[StoredPart]]) -> None:
        facts = self._facts(kept[symbol][0]) if symbol in kept else {"step": bars.step, "zone": bars.zone}
        for name in ("step", "zone"):
            if facts[name] != getattr(bars, name):
                raise UsageError(
                    f"the store has {symbol} with {name} {facts[name]}, these bars have {getattr(bars, name)}; use another store"
                )

    def _facts(self, part: StoredPart) -> dict[str, Any]:
        import pyarrow.parquet as pq

        kept = self._decoded.facts(part)
        if kept is not None:
            return kept

        def schema() -> Any:
            check_regular(self._fs, part.path)
            with self._fs.open(part.path, "rb") as file:
                return pq.read_schema(file)

        return facts_in(whole(schema, part.path), part.path)

    def _read_part(self, part: StoredPart) -> Bars:
        # one thread a file, for `read` has one a symbol
        return bars_in(content_of_file(self._fs, part.path), part)

    def _content(self, part: StoredPart, bars: Bars) -> bytes:
        """The file of a month: what is kept already, and in its place what is new of the same time."""
        if self._fs.exists(part.path):
            kept = self._read_part(part)
            bars = joined([kept.take(~np.isin(kept.start, bars.start)), bars])
        return content_of(bars)


def named(path: str) -> tuple[str, str]:
    """Symbol and month of a file."""
    folder, month = path.split("/")[-3:-1]
    return unquote(folder.removeprefix("symbol=")), month.removeprefix("month=")


def _name(path: str) -> str:
    return str(path).rstrip("/").rsplit("/", 1)[-1]


def _touches(facts: dict[str, Any], first: int, last: int) -> bool:
    return bool(facts["last"] >= first and facts["first"] < last)


def _instant(when: Instant | None, zone: str, otherwise: int) -> int:
    import pandas as pd

    if when is None or isinstance(when, int):
        return otherwise if when is None else when
    try:
        stamp = pd.Timestamp(when)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{when!r} is no instant; write 2024-01-02 09:30, or ns UTC as a whole number") from error
    return int((stamp.tz_localize(zone) if stamp.tz is None else stamp).as_unit("ns").value)


def _months(bars: Bars) -> npt.NDArray[np.datetime64]:
    import pandas as pd

    local = pd.DatetimeIndex(bars.start, tz="UTC").tz_convert(bars.zone).tz_localize(None)
    return local.to_numpy().astype("datetime64[M]")


def joined(parts: Sequence[Bars]) -> Bars:
    """Bars of one symbol put together in time order; a column that a part lacks is NaN there."""
    if len(parts) == 1:
        return parts[0]
    names = dict.fromkeys(name for part in parts for name in part.columns())
    start = np.concatenate([part.start for part in parts])
    order = slice(None) if (np.diff(start) > 0).all() else np.argsort(start, kind="stable")
    columns: dict[str, Any] = {
        name: np.concatenate([part.columns().get(name, np.full(len(part), np.nan)) for part in parts])[order] for name in names
    }
    return replace(
        parts[-1],
        offsets=np.array([0, len(start)], dtype=np.int64),
        start=start[order],
        quotes={name: columns.pop(name) for name in QUOTES if name in columns},
        read_as=tuple({note.columns: note for part in reversed(parts) for note in part.read_as}.values()),
        **columns,
    )
