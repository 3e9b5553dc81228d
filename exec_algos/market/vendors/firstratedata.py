"""FirstRateData: no header, naive stamps of New York, the symbol and the length of a bar in the file's name."""

from __future__ import annotations

import re

from exec_algos.market.table import frame_of
from exec_algos.market.vendor import CsvTable, Document, Prepared, Sample, Vendor

OHLCV = ("timestamp", "open", "high", "low", "close", "volume")
NAME = re.compile(
    r"(?P<symbol>.+?)(?:_full|_sample|_firstratedata)?_(?P<interval>1min|5min|30min|1hour|1day)"
    r"(?:_(?:adjsplitdiv|adjsplit|unadjusted|UNADJUSTED|continuous(?:_[a-z_]+)?|sample|firstratedata|backadjusted|ratioadjusted))*"
)
STAMP = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")


def _recognises(source: CsvTable | Document) -> bool:
    if not isinstance(source, CsvTable) or not NAME.fullmatch(source.stem) or not STAMP.fullmatch(source.first[0]):
        return False
    return (not source.header and len(source.first) == len(OHLCV)) or "firstratedata" in source.stem


VENDOR = Vendor(
    name="firstratedata",
    recognises=_recognises,
    prepare=lambda table, file: Prepared(frame_of(table, file, order=() if table.header else OHLCV)),
    source="firstratedata.com/about/FAQ; AACG_full_1min_adjsplitdiv.txt",
    label="start",
    zone="America/New_York",
    file_name=NAME,
    samples=(
        Sample(
            "BRK.B_full_1min_adjsplitdiv.txt",
            "2024-01-16 09:30:00,10,12,9,11,500\n2024-01-16 09:31:00,11,13,10,12,600\n2024-01-16 09:32:00,12,14,11,13,700\n",
            "BRK.B",
        ),
    ),
)
