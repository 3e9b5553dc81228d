"""Files, folders, stores and frames to `Bars`: what `Bars.read` and its siblings call."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from exec_algos.errors import MarketDataError, UnknownNameError, UsageError
from exec_algos.market.bars import QUOTES, Bars
from exec_algos.market.boundary import reading
from exec_algos.market.contents import Passed, is_something_else
from exec_algos.market.decimals import may_be_single, read_as_decimals
from exec_algos.market.frames import Request, frame_rows
from exec_algos.market.lengths import bar_length
from exec_algos.market.quoted import check_quotes_read
from exec_algos.market.readers import (
    FORMATS,
    File,
    Path,
    check_one_zone,
    check_zone,
    files_at,
    joined,
    joined_notes,
    passed_over,
    rows_of,
    units_of,
)
from exec_algos.market.splits import Splits
from exec_algos.market.store import BarStore
from exec_algos.market.together import together
from exec_algos.market.validate import RawRows, check_rows

if TYPE_CHECKING:
    import pandas as pd

FRAME = "look at the types of its columns, or write it as CSV and read that"


class Loaded(NamedTuple):
    """Bars, how many minutes of each symbol held quotes and no trade, and the files that were passed over."""

    bars: Bars
    quote_only: dict[str, int]
    passed: tuple[Passed, ...] = ()


def load_frame(frame: pd.DataFrame, request: Request) -> Loaded:
    """Bars of a frame; see `Bars.from_frame`."""
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise UsageError(f"from_frame takes a DataFrame, not a {type(frame).__name__}; Bars.read takes paths")
    check_zone(request.zone)
    with reading("the frame", FRAME):
        return _assemble(frame_rows(frame, request._replace(label=request.label or "start")), request)


def concat(parts: Iterable[Bars]) -> Bars:
    """Bars of several symbols as one; see `Bars.concat`."""
    return together(list(parts))


def adjusted(bars: Bars, splits: Any) -> Bars:
    """Bars in shares of their last day; see `Bars.adjusted`."""
    return Splits.of(splits).adjust(bars)


def load(paths: Path | Sequence[Path], request: Request, splits: Any = None) -> Loaded:
    """Bars of files and folders; see `Bars.read`."""
    table = Splits.of(splits)  # a file that cannot be read is said before hours of reading
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    with reading(", ".join(os.fspath(path) for path in given[:3])):
        found = _load(given, request)
    return found._replace(bars=table.adjust(found.bars)) if table else found


def _load(given: Sequence[Path], request: Request) -> Loaded:
    if request.format is not None and request.format not in FORMATS:
        raise UnknownNameError("format", request.format, FORMATS)
    check_zone(request.zone)
    stores = [os.fspath(path) for path in given if BarStore.found_at(path)]
    if stores:
        return _stored(stores[0], len(given), request)
    passed: list[Passed] = []
    files = [file for path in given for file in files_at(path, passed.append)]
    found = [rows for part in units_of(files) for rows in _rows(part, request, passed)]
    if not found and given:
        _refuse_empty(os.fspath(given[0]), passed)
    loaded = _assemble(found, request)
    notes = (*passed_over(passed), *loaded.bars.notes, *_below_zero(loaded.bars))
    return loaded._replace(bars=replace(loaded.bars, notes=notes), passed=tuple(passed))


def _below_zero(bars: Bars) -> tuple[str, ...]:
    """How many bars have prices of which no basis points can be told, a line; empty where none has."""
    low = np.flatnonzero(bars.low <= 0)
    if not len(low):
        return ()
    symbols = [symbol for symbol in bars.symbols if bool((bars.low[bars.rows(symbol)] <= 0).any())]
    return (
        f"{', '.join(symbols[:3])}{' ...' if len(symbols) > 3 else ''}: {len(low)} bars have prices at or below zero: orders there have no "
        "slippage in basis points (n/a); in currency it is side x (average_price - benchmark) of parents, and the shortfall",
    )


def _rows(unit: list[File], request: Request, passed: list[Passed]) -> list[RawRows]:
    """Rows of a file, or of the two of one LEAN day; a file of a folder that holds no bars is passed over."""
    file = unit[0]
    try:
        with reading(file.path):
            return list(rows_of(unit, request, passed.append))
    except MarketDataError as error:
        if file.named or not is_something_else(error, file.path):
            raise
        passed.append(Passed(file.path, error.reason))
        return []


def _refuse_empty(folder: str, passed: Sequence[Passed]) -> NoReturn:
    if not passed:
        raise MarketDataError("the folder holds no file", file=folder)
    more = f"; and so for {len(passed) - 1} more files" if len(passed) > 1 else ""
    raise MarketDataError(f"the folder holds no file of bars: {passed[0].file}: {passed[0].why}{more}", file=folder)


def _stored(store: str, given: int, request: Request) -> Loaded:
    """Bars of a store, which says itself what they are.

    Raises
    ------
    UsageError
        It is one of several sources, or something was said of how to read it.
    """
    idle = [name for name in ("format", "label", "step") if getattr(request, name) is not None] + ["on_bad"] * (request.on_bad != "raise")
    idle += list(request.csv.said())
    if idle:
        raise UsageError(f"{store} is a bar store, whose bars were read and checked when they were imported; leave out {', '.join(idle)}")
    if given > 1:
        raise UsageError(f"{store} is a bar store, which is read by itself, got {given} sources; import all into one store, or name one")
    bars = BarStore(store).read(request.symbol)
    return Loaded(replace(bars, zone=request.zone or bars.zone, notes=(*bars.notes, *_below_zero(bars))), {})


def _assemble(found: Sequence[RawRows], request: Request) -> Loaded:
    """Join the rows of each symbol, check them, and put the symbols together."""
    if not found:
        raise UsageError("no file to read")
    check_one_zone(found)
    symbols: dict[str, list[RawRows]] = {}
    for rows in found:
        symbols.setdefault(rows.symbol, []).append(rows)
    whole = {symbol: joined(_alike(parts), request) for symbol, parts in sorted(symbols.items())}
    counts = {symbol: rows.quote_only for symbol, rows in whole.items()}
    if not any(len(rows) for rows in whole.values()) and any(counts.values()):
        raise MarketDataError(f"{', '.join(counts)}: quotes and no trade: not one bar", file=found[0].files[0])
    bars = Bars.concat(_bars(rows, request) for rows in whole.values() if len(rows) or not rows.quote_only)
    return Loaded(replace(bars, notes=(*joined_notes(dict(sorted(symbols.items()))), *bars.notes)), counts)


def _alike(parts: list[RawRows]) -> list[RawRows]:
    """The files of a symbol, the prices of those with float32's as decimals where others have doubles; alike, they are judged together."""
    single = [may_be_single(part.columns["close"]) for part in parts]
    return (
        parts
        if all(single) or not any(single)
        else [_decimal(part) if narrow else part for part, narrow in zip(parts, single, strict=True)]
    )


def _decimal(rows: RawRows) -> RawRows:
    columns, read_as = read_as_decimals(rows.columns, rows.symbol)
    return replace(rows, columns=columns, read_as=(*rows.read_as, *read_as))


def _bars(rows: RawRows, request: Request) -> Bars:
    rows = check_quotes_read(_decimal(check_rows(rows, request.on_bad, allow_negative=request.csv.allow_negative)), request.on_bad)
    step = bar_length(rows)
    columns: dict[str, Any] = dict(rows.columns)
    quotes = {name: columns.pop(name) for name in QUOTES if name in columns}
    return Bars(
        symbols=(rows.symbol,),
        offsets=np.array([0, len(rows)], dtype=np.int64),
        start=rows.stamp - (step if rows.label == "end" else 0),
        quotes=quotes,
        step=step,
        zone=rows.zone,
        report=rows.issues,
        read_as=rows.read_as,
        notes=rows.notes,
        **columns,
    )
