"""Kraken: OHLCVT files without a header, seconds since 1970, the length of a bar in the file's name."""

from __future__ import annotations

import re

from exec_algos.market.table import frame_of
from exec_algos.market.vendor import CsvTable, Document, Prepared, Sample, Vendor

OHLCVT = ("timestamp", "open", "high", "low", "close", "volume", "trades")


def _recognises(source: CsvTable | Document) -> bool:
    if not isinstance(source, CsvTable) or source.header:
        return False
    return len(source.first) == len(OHLCVT) and bool(re.fullmatch(r"\d{10}", source.first[0])) and source.first[-1].isdigit()


VENDOR = Vendor(
    name="kraken",
    recognises=_recognises,
    prepare=lambda table, file: Prepared(frame_of(table, file, order=OHLCVT)),
    source="support.kraken.com/hc/en-us/articles/360047124832, downloadable OHLCVT data",
    label="start",
    zone="UTC",
    file_name=re.compile(r"(?P<symbol>.+)_(?P<interval>1|5|15|30|60|240|720|1440)"),
    samples=(
        Sample(
            "XBTUSD_1.csv",
            "1705397400,10,12,9,11,500,3\n1705397460,11,13,10,12,600,3\n1705397520,12,14,11,13,700,3\n",
            "XBTUSD",
        ),
    ),
)
