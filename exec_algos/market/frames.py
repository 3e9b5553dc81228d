"""Tables with a column a field, of whatever spelling, to rows of one symbol each."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.errors import MarketDataError, UnknownNameError
from exec_algos.market.arrays import Floats
from exec_algos.market.barfields import NEEDED, NOTIONALS, OPTIONAL, SYMBOLS, TIMES, fields_of, listed, plain_name, require_columns
from exec_algos.market.csvformat import CsvFormat
from exec_algos.market.stampforms import clock_times
from exec_algos.market.stamps import read_stamps
from exec_algos.market.validate import Flaw, OnBad, RawRows, beginning

if TYPE_CHECKING:
    import pandas as pd


LABELS = ("start", "end")


class Request(NamedTuple):
    """What the caller said about the files; None is "see the file"."""

    format: str | None = None
    symbol: str | None = None
    zone: str | None = None
    label: str | None = None
    step: int | None = None
    on_bad: OnBad = "raise"
    csv: CsvFormat = CsvFormat()


def frame_rows(frame: pd.DataFrame, request: Request, *, file: str = "", stem: str | None = None) -> list[RawRows]:
    """Rows of each symbol of a frame.

    Parameters
    ----------
    frame : DataFrame
        With ``open, high, low, close, volume`` in any case, and times in the index or in a column.
    request : Request
        `label` must be known by now.
    file : str
        For messages.
    stem : str, optional
        The symbol where neither the frame nor the request names one.

    Raises
    ------
    MarketDataError
        A column is missing, the symbol or the zone is not known, a mixed zone, an empty frame.
    """
    frame, names = _flat(frame, file, request.csv)
    require_columns(names, NEEDED, file)
    if not len(frame):
        raise MarketDataError("the file is empty: it has no data row", file=file)
    stamps = read_stamps(_times(frame, names, file), request.zone, file, request.csv.date_format)
    values, flaws = _values(frame, names)
    values = scaled(values, request.csv.price_scale)
    whole = RawRows(
        symbol="",
        zone=stamps.zone,
        stamp=stamps.ns,
        columns=values,
        label=known_label(request.label, file),
        step=request.step,
        files=(file,),
        file_of=np.zeros(len(frame), dtype=np.int64),
        row=np.arange(1, len(frame) + 1),
        flaws=(*stamps.flaws, *flaws),
    )
    return [_without_quotes_only(rows) for rows in _by_symbol(whole, frame, names, request.symbol, stem)]


def known_label(label: str | None, file: str) -> str:
    """`label` if it is one.

    Raises
    ------
    MarketDataError
        It is not given.
    UnknownNameError
        No such label.
    """
    if label is None:
        raise MarketDataError(
            "nothing here tells whether a stamp is the start or the end of its bar; pass label='start' or label='end'", file=file
        )
    if label not in LABELS:
        raise UnknownNameError("label", label, LABELS)
    return label


def _flat(frame: pd.DataFrame, file: str, said: CsvFormat) -> tuple[pd.DataFrame, dict[str, str]]:
    """The frame with its index as columns, and its column for each field, or name in lower case."""
    import pandas as pd

    if frame.columns.nlevels > 1:
        frame = _long(frame, file)
    if not isinstance(frame.index, pd.RangeIndex):
        frame = _index_to_columns(frame)
    columns = [str(column) for column in frame.columns]
    names: dict[str, str] = {}
    for column, field in zip(columns, fields_of(columns, said.names, {}, file), strict=True):
        key = plain_name(field)
        if key in names:
            raise MarketDataError(f"columns {names[key]!r} and {column!r} have one name; drop one", file=file)
        names[key] = column
    return frame.set_axis(columns, axis=1), names


def _long(frame: pd.DataFrame, file: str) -> pd.DataFrame:
    """A row for each time and symbol of a frame with a level of prices and one of symbols, as yfinance has it."""
    import pandas as pd

    levels = [{plain_name(str(name)) for name in frame.columns.get_level_values(level)} for level in range(frame.columns.nlevels)]
    of_prices = [level for level, names in enumerate(levels) if names >= {*NEEDED}]
    if frame.columns.nlevels != 2 or len(of_prices) != 1 or not isinstance(frame.index, pd.DatetimeIndex):
        raise MarketDataError("columns have several levels; pass one symbol at a time: frame.xs('SPY', axis=1, level=-1)", file=file)
    other = 1 - of_prices[0]
    parts = [
        frame.xs(symbol, axis=1, level=other).dropna(how="all").assign(symbol=str(symbol))
        for symbol in dict.fromkeys(frame.columns.get_level_values(other))
    ]
    return pd.DataFrame(pd.concat(parts))


def _index_to_columns(frame: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    levels = [frame.index.get_level_values(level) for level in range(frame.index.nlevels)]
    if not any(isinstance(level, pd.DatetimeIndex) for level in levels):
        known = {*TIMES, *SYMBOLS}
        levels = [level for level in levels if str(level.name).lower() in known]
    given = ["symbol" if level.name is None else str(level.name) for level in levels]
    names = ["timestamp" if isinstance(level, pd.DatetimeIndex) else name for level, name in zip(levels, given, strict=True)]
    rest = [c for c in frame.columns if str(c).strip().lower() not in {name.lower() for name in names}]
    head = {name: pd.Series(level, index=range(len(frame))) for name, level in zip(names, levels, strict=True)}
    return pd.concat([pd.DataFrame(head, index=range(len(frame))), frame[rest].set_axis(range(len(frame)))], axis=1)


def _times(frame: pd.DataFrame, names: Mapping[str, str], file: str) -> pd.Series[Any]:
    found = [name for name in TIMES if name in names]
    if found[:2] == ["date", "time"]:
        return frame[names["date"]].astype("string").str.strip() + " " + clock_times(frame[names["time"]])
    if found:
        return frame[names[found[0]]]
    near = difflib.get_close_matches("timestamp", list(names), n=1) or difflib.get_close_matches("datetime", list(names), n=1)
    hint = f"; did you mean {near[0]!r}? rename it" if near else ""
    raise MarketDataError(f"no column of times: one of {', '.join(TIMES)}; the columns are {listed(list(names))}{hint}", file=file)


def _values(frame: pd.DataFrame, names: Mapping[str, str]) -> tuple[dict[str, Floats], list[Flaw]]:
    columns, flaws = {}, []
    for name in (*NEEDED, *(name for name in (*OPTIONAL, *NOTIONALS) if name in names)):
        columns[name], bad = _numbers(frame[names[name]], name)
        flaws += bad
    notional = [columns.pop(name) for name in NOTIONALS if name in columns]
    if notional and "vwap" not in columns:
        columns["vwap"] = ratio(notional[0], columns["volume"])
    return columns, flaws


def scaled(columns: dict[str, Floats], scale: float) -> dict[str, Floats]:
    """Prices times `scale`; by a part of a power of ten they are divided, which gives the double nearest to the decimal."""
    if scale == 1.0:
        return columns
    whole = round(1.0 / scale)
    prices = [name for name in (*NEEDED[:4], "vwap", "bid", "ask") if name in columns]
    exact = whole >= 1 and abs(whole * scale - 1.0) < 1e-12
    return {**columns, **{name: columns[name] / whole if exact else columns[name] * scale for name in prices}}


def ratio(amount: Floats, shares: Floats) -> Floats:
    """``amount / shares``, NaN where no share was traded."""
    return np.asarray(np.divide(amount, shares, out=np.full(len(shares), np.nan), where=shares > 0), dtype=np.float64)


def _numbers(column: pd.Series[Any], name: str) -> tuple[Floats, list[Flaw]]:
    import pandas as pd

    if getattr(column.dtype, "kind", "") in "mMc":  # pandas gives lengths of time and parts of complex numbers as numbers
        raise MarketDataError(f"column {name} holds {column.dtype}, no numbers; give plain ones")
    # pandas counts True as 1: a column of flags would pass for one of volumes
    truths = column.map(lambda value: isinstance(value, bool | np.bool_)) if column.dtype in (bool, object) else None
    numbers = pd.to_numeric(column, errors="coerce")
    numbers = numbers if truths is None else numbers.astype(object).mask(truths.astype(bool)).astype(np.float64)
    bad = np.flatnonzero((numbers.isna() & column.notna()).to_numpy(dtype=bool))
    flaws = [Flaw(int(i), name, shown := beginning(column.iloc[i]), f"{name} {shown!r} is no number") for i in bad]
    return np.array(numbers.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64), flaws


def _by_symbol(rows: RawRows, frame: pd.DataFrame, names: Mapping[str, str], symbol: str | None, stem: str | None) -> Iterator[RawRows]:
    column = next((names[name] for name in SYMBOLS if name in names), None)
    if column is None:
        if not (symbol or stem):
            raise MarketDataError("nothing names the symbol; pass symbol='SPY', or a column 'symbol'", file=rows.files[0])
        yield _named(rows, str(symbol or stem), np.arange(len(rows)))
        return
    found = _texts(frame[column], rows.files[0])
    known = sorted(set(found))
    if symbol is not None and symbol not in known:
        raise UnknownNameError("symbol", symbol, known)
    code = np.searchsorted(np.array(known, dtype=object), found)
    order = np.argsort(code, kind="stable")
    ends = np.searchsorted(code, np.arange(len(known) + 1), sorter=order)
    for number, name in enumerate(known):
        if symbol in (None, name):
            yield _named(rows, name, order[ends[number] : ends[number + 1]])


def _texts(column: pd.Series[Any], file: str) -> npt.NDArray[np.object_]:
    values = column.astype(object).to_numpy()
    bad = [i for i, value in enumerate(values) if not isinstance(value, str) or not value]
    if bad:
        reason = f"symbol {values[bad[0]]!r} is no text; a number would have lost its leading zeros, pass strings"
        raise MarketDataError(reason, file=file, row=bad[0] + 1)
    broken = [i for i, value in enumerate(values) if len(value.splitlines()) > 1]
    if broken:
        reason = f"symbol {values[broken[0]][:40]!r} ... holds a line break; is a quotation mark left open?"
        raise MarketDataError(reason, file=file, row=broken[0] + 1)
    return values


def _named(rows: RawRows, symbol: str, at: npt.NDArray[np.intp]) -> RawRows:
    place = {int(i): k for k, i in enumerate(at)} if rows.flaws else {}
    flaws = tuple(flaw._replace(at=place[flaw.at]) for flaw in rows.flaws if flaw.at in place)
    return replace(rows.take(at), symbol=symbol, flaws=flaws)


def _without_quotes_only(rows: RawRows) -> RawRows:
    """Minutes with a quote and no trade are no bars: left out, and counted."""
    c = rows.columns
    flawed = {flaw.at for flaw in rows.flaws if flaw.column != "timestamp"}
    empty = np.isnan(c["open"]) & np.isnan(c["high"]) & np.isnan(c["low"]) & np.isnan(c["close"])
    quoted = np.zeros(len(rows), dtype=bool)
    for name in ("bid", "ask"):
        quoted |= np.isfinite(c.get(name, np.full(len(rows), np.nan)))
    only = empty & quoted
    only[list(flawed)] = False
    if not only.any():
        return rows
    kept = np.flatnonzero(~only)
    return replace(_named(rows, rows.symbol, kept), quote_only=int(only.sum()))
