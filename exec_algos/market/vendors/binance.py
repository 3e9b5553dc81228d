"""Binance: klines, with or without a header, in ms or (since 2025) us."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exec_algos.market.table import frame_of
from exec_algos.market.vendor import CsvTable, Document, Prepared, Sample, Vendor

if TYPE_CHECKING:
    import pandas as pd

KLINES = (
    "open_time", "open", "high", "low", "close", "volume", "close_time",
    "quote_volume", "count", "taker_buy_volume", "taker_buy_quote_volume", "ignore",
)  # fmt: skip


def _recognises(source: CsvTable | Document) -> bool:
    if not isinstance(source, CsvTable):
        return False
    if source.header:
        return source.names[0] in ("open_time", "open time")
    return source.first[0].isdigit() and len(source.first[0]) in (13, 16) and len(source.first) == len(KLINES)


def _prepare(table: CsvTable, file: str) -> Prepared:
    names = tuple(name.replace(" ", "_") for name in table.names) or KLINES
    frame = frame_of(table, file, order=names)
    return Prepared(frame, _length(frame))


def _length(frame: pd.DataFrame) -> int | None:
    """A kline ends one unit of its epoch before the next begins."""
    import pandas as pd

    if "close_time" not in frame:
        return None
    opened, closed = (pd.to_numeric(frame[name], errors="coerce") for name in ("open_time", "close_time"))
    unit = 1_000_000 if opened.min() < 1e14 else 1_000
    length = ((closed - opened + 1)[(opened < 1e14) == (opened.min() < 1e14)]).dropna()
    return int(length.median()) * unit if len(length) else None


VENDOR = Vendor(
    name="binance",
    recognises=_recognises,
    prepare=_prepare,
    source="github.com/binance/binance-public-data, README: klines",
    label="start",
    zone="UTC",
    file_name=re.compile(r"(?P<symbol>.+)-(?P<interval>\d{1,2}(?:s|m|h|d))(?:-\d{4}-\d{2}(?:-\d{2})?)?"),
    samples=(
        Sample(
            "BTCUSDT-1m-2024-01-16.csv",
            "1705397400000,10,12,9,11,500,1705397459999,5250,3,250,2625,0\n"
            "1705397460000,11,13,10,12,600,1705397519999,6900,3,300,3450,0\n"
            "1705397520000,12,14,11,13,700,1705397579999,8750,3,350,4375,0\n",
            "BTCUSDT",
        ),
    ),
)
