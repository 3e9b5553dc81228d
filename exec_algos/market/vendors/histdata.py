"""HistData.com: minutes of currencies in New York's winter time all year, without volume."""

from __future__ import annotations

import re

from exec_algos.market.table import frame_of
from exec_algos.market.vendor import CsvTable, Document, Prepared, Sample, Vendor

ASCII = ("timestamp", "open", "high", "low", "close", "volume")
META = ("date", "time", "open", "high", "low", "close", "volume")
STAMP = re.compile(r"\d{8} \d{4}00")


def _recognises(source: CsvTable | Document) -> bool:
    if not isinstance(source, CsvTable) or source.header:
        return False
    if source.stem.startswith("DAT_MT_"):
        return len(source.first) == len(META)
    no_volume = source.first[-1] == source.last[-1] == "0"
    return source.separator == ";" and len(source.first) == len(ASCII) and bool(STAMP.fullmatch(source.first[0])) and no_volume


def _prepare(table: CsvTable, file: str) -> Prepared:
    return Prepared(frame_of(table.dotted(), file, order=META if len(table.first) == len(META) else ASCII), step=60_000_000_000)


VENDOR = Vendor(
    name="histdata",
    recognises=_recognises,
    prepare=_prepare,
    source="www.histdata.com/f-a-q/data-files-detailed-specification",
    label="start",
    zone="Etc/GMT+5",
    file_name=re.compile(r"DAT_(?:ASCII|MT|NT|XLSX)_(?P<symbol>[A-Z0-9]+)_M1_\d{4,6}"),
    samples=(
        Sample(
            "DAT_ASCII_EURUSD_M1_202401.csv",
            "20240116 093000;10;12;9;11;0\n20240116 093100;11;13;10;12;0\n20240116 093200;12;14;11;13;0\n",
            "EURUSD",
        ),
        Sample(
            "DAT_MT_EURUSD_M1_202401.csv",
            "2024.01.16,09:30,10,12,9,11,0\n2024.01.16,09:31,11,13,10,12,0\n2024.01.16,09:32,12,14,11,13,0\n",
            "EURUSD",
        ),
    ),
)
