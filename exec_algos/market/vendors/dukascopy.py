"""Dukascopy: ``Gmt time`` or ``Local time`` with the day first."""

from __future__ import annotations

import re

from exec_algos.market.table import frame_of
from exec_algos.market.vendor import CsvTable, Document, Prepared, Sample, Vendor


def _recognises(source: CsvTable | Document) -> bool:
    return isinstance(source, CsvTable) and bool(source.header) and source.names[0] in ("gmt time", "local time", "etc time", "utc time")


def _prepare(table: CsvTable, file: str) -> Prepared:
    import pandas as pd

    frame = frame_of(table, file, names={table.names[0]: "timestamp"})
    if table.names[0] not in ("gmt time", "utc time"):
        return Prepared(frame)
    stamps = pd.Series(frame["timestamp"], dtype="string").str.strip()
    return Prepared(frame.assign(timestamp=stamps + " UTC"))


VENDOR = Vendor(
    name="dukascopy",
    recognises=_recognises,
    prepare=_prepare,
    source="www.dukascopy.com, Historical Data Feed (Leo4815162342/dukascopy-node#205)",
    label="start",
    file_name=re.compile(r"(?P<symbol>[A-Z0-9.]+)_Candlestick_(?P<interval>\d+)_M_(?:BID|ASK)_.*"),
    samples=(
        Sample(
            "EURUSD_Candlestick_1_M_BID_16.01.2024-16.01.2024.csv",
            "Gmt time,Open,High,Low,Close,Volume\n"
            "16.01.2024 09:30:00.000,10,12,9,11,500\n16.01.2024 09:31:00.000,11,13,10,12,600\n16.01.2024 09:32:00.000,12,14,11,13,700\n",
            "EURUSD",
        ),
    ),
)
