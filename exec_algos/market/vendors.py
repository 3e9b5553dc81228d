"""Comma-separated files: which vendor wrote one, and what its stamps mean."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from exec_algos.errors import MarketDataError
from exec_algos.market.frames import SYMBOLS, TIMES, Request, frame_rows
from exec_algos.market.validate import RawRows

if TYPE_CHECKING:
    import pandas as pd


class Vendor(NamedTuple):
    """What a vendor's files mean; None is "the file does not tell, ask"."""

    label: str | None
    zone: str | None
    newest_first: bool = False


VENDORS = {
    "csv": Vendor(None, None),
    "binance": Vendor("start", "UTC"),
    "backtrader": Vendor("end", None),
    "alphavantage": Vendor("end", "America/New_York", newest_first=True),
    "yahoo": Vendor("start", None),
    "polygon": Vendor("start", "America/New_York"),
}
KLINES = (
    "open_time", "open", "high", "low", "close", "volume", "close_time",
    "quote_volume", "count", "taker_buy_volume", "taker_buy_quote_volume", "ignore",
)  # fmt: skip
NO_NUMBER = ["", "nan", "NaN", "NA", "N/A", "null", "NULL", "None"]
NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")
OFFSET = re.compile(r".{10}.+(?:Z|[+-]\d{2}:?\d{2})$")


class CsvTable(NamedTuple):
    """A file's text, its separator, its header and its first and last row."""

    text: str
    separator: str
    header: tuple[str, ...]
    first: tuple[str, ...]
    last: tuple[str, ...]


def csv_rows(data: bytes, request: Request, *, file: str, stem: str) -> list[RawRows]:
    """Rows of each symbol of a CSV file.

    Parameters
    ----------
    data : bytes
        The whole file.
    request : Request
        `format` names the vendor; None detects it.
    file, stem : str
        For messages, and for the symbol: a vendor's file is named by what stands before the first ``_`` or ``-``
        (``AAPL_1m``, ``BTCUSDT-1m-2025-02``), another by its whole stem.

    Raises
    ------
    MarketDataError
        See `Bars.read`.
    """
    table = _table(data, file)
    name = request.format or detect_vendor(table)
    vendor = VENDORS[name]
    frame, step = _READ.get(name, _plain)(table, file)
    request = request._replace(label=request.label or vendor.label, zone=request.zone or vendor.zone, step=request.step or step)
    if name not in ("csv", "backtrader"):
        stem = re.split("[_-]", stem, maxsplit=1)[0]
    found = frame_rows(frame, request, file=file, stem=stem)
    return [_oldest_first(rows) for rows in found] if vendor.newest_first else found


def detect_vendor(table: CsvTable) -> str:
    """Name of the vendor whose marks the file bears, ``csv`` if none.

    Alpha Vantage's files name neither zone nor label. They are taken for such only if they run newest first, the
    newest bar of the file is of 16:00:00 and none stands at 09:30:00: bars of New York's session labelled by their end.
    """
    names = tuple(name.lower() for name in table.header)
    if names[0] in ("open_time", "open time") or _is_klines(names):
        return "binance"
    if names[0] == "date" and len(table.first) == len(names) + 1:
        return "backtrader"
    if {"vwap", "transactions"} <= set(names) or {"window_start", "ticker"} <= set(names):
        return "polygon"
    if table.header[0] == "Price" or (names[0] == "datetime" and table.header[0] == "Datetime"):
        return "yahoo"
    return "alphavantage" if _is_alphavantage(table, names) else "csv"


def _is_klines(fields: tuple[str, ...]) -> bool:
    """A row of a Binance file without header."""
    return fields[0].isdigit() and len(fields[0]) in (13, 16) and len(fields) == len(KLINES)


def _is_alphavantage(table: CsvTable, names: tuple[str, ...]) -> bool:
    if names[1:] != ("open", "high", "low", "close", "volume") or names[0] not in ("timestamp", "datetime"):
        return False
    newest, oldest = table.first[0], table.last[0] if table.last else ""
    naive = not OFFSET.match(newest)
    return naive and newest > oldest and newest.endswith(" 16:00:00") and " 09:30:00" not in table.text


def _table(data: bytes, file: str) -> CsvTable:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MarketDataError(f"not a text file (byte {error.start} is no UTF-8); pass a CSV, Parquet or LEAN zip", file=file) from error
    text = text.lstrip("\r\n")
    lines = text.split("\n", 2)
    if not text.strip():
        raise MarketDataError("the file is empty; download it again", file=file)
    separator = max(",;\t", key=lines[0].count)
    last = text.rstrip().rsplit("\n", 1)[-1]
    if sum(bool(NUMBER.fullmatch(name)) for name in _fields(lines[0], separator)) > 3 and not _is_klines(_fields(lines[0], separator)):
        raise MarketDataError(f"the first row holds numbers, not names: {lines[0].strip()!r}; add a header row", file=file)
    return CsvTable(text, separator, *(_fields(line, separator) for line in (lines[0], (*lines, "")[1], last)))


def _fields(line: str, separator: str) -> tuple[str, ...]:
    return tuple(field.strip() for field in next(csv.reader([line], delimiter=separator), [])) or ("",)


def _plain(table: CsvTable, file: str) -> tuple[pd.DataFrame, None]:
    return _parse(table, table.header, file), None


def _parse(table: CsvTable, names: tuple[str, ...], file: str, skip: int = 1) -> pd.DataFrame:
    """The table with these column names; times and symbols stay text, whatever they look like."""
    import pandas as pd

    if len(table.first) > len(names):
        raise MarketDataError(f"the header has {len(names)} names and the first row {len(table.first)} fields; name them all", file=file)
    text = {name: str for name in names if name.lower() in (*TIMES, *SYMBOLS)}
    missing = {name: NO_NUMBER for name in names if name not in text}  # of a ticker, NA is a name
    source = io.StringIO(table.text)
    try:
        return pd.read_csv(
            source, sep=table.separator, names=list(names), skiprows=skip, dtype=text, na_values=missing, keep_default_na=False
        )
    except (pd.errors.ParserError, ValueError) as error:
        raise MarketDataError(f"cannot be read as a table: {error}", file=file) from error


def _klines(table: CsvTable, file: str) -> tuple[pd.DataFrame, int | None]:
    header = not _is_klines(table.header)
    names = tuple(name.lower().replace(" ", "_") for name in table.header) if header else KLINES
    frame = _parse(table, names, file, skip=int(header))
    return frame, _kline_length(frame)


def _kline_length(frame: pd.DataFrame) -> int | None:
    """A kline ends one unit of its epoch before the next begins."""
    import pandas as pd

    if "close_time" not in frame:
        return None
    opened, closed = (pd.to_numeric(frame[name], errors="coerce") for name in ("open_time", "close_time"))
    length = (closed - opened + 1).dropna()
    return int(length.median()) * (1_000_000 if opened.max() < 1e14 else 1_000) if len(length) else None


def _date_and_time(table: CsvTable, file: str) -> tuple[pd.DataFrame, None]:
    names = tuple(name.lower() for name in table.header)
    if "time" not in names and len(table.first) == len(names) + 1:
        names = (names[0], "time", *names[1:])
    return _parse(table, names, file), None


def _yahoo(table: CsvTable, file: str) -> tuple[pd.DataFrame, None]:
    if table.header[0] != "Price":
        return _plain(table, file)
    frame = _parse(table, ("Datetime", *table.header[1:]), file, skip=3)
    return frame.assign(symbol=table.first[1]), None


_READ = {"binance": _klines, "backtrader": _date_and_time, "yahoo": _yahoo}


def _oldest_first(rows: RawRows) -> RawRows:
    if len(rows) < 2 or rows.stamp[0] < rows.stamp[-1]:
        return rows
    flaws = tuple(flaw._replace(at=len(rows) - 1 - flaw.at) for flaw in rows.flaws)
    return replace(rows.take(np.arange(len(rows))[::-1]), flaws=flaws)
