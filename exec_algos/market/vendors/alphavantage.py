"""Alpha Vantage: New York's session, newest first, stamps at the end of their bar."""

from __future__ import annotations

import re

from exec_algos.market.table import frame_of
from exec_algos.market.vendor import CsvTable, Document, Prepared, Sample, Vendor

OFFSET = re.compile(r".{10}.+(?:Z|[+-]\d{2}:?\d{2})$")


def _recognises(source: CsvTable | Document) -> bool:
    """Its files name neither zone nor label. They are taken for such only if they run newest first, the newest bar is of 16:00:00 and none
    stands at 09:30:00: bars of New York's session labelled by their end.
    """
    if not isinstance(source, CsvTable) or source.names[1:] != ("open", "high", "low", "close", "volume"):
        return False
    if source.names[0] not in ("timestamp", "datetime"):
        return False
    newest, oldest = source.first[0], source.last[0] if source.last else ""
    naive = not OFFSET.match(newest)
    return naive and newest > oldest and newest.endswith(" 16:00:00") and " 09:30:00" not in source.text


VENDOR = Vendor(
    name="alphavantage",
    recognises=_recognises,
    prepare=lambda table, file: Prepared(frame_of(table, file)),
    source="www.alphavantage.co/documentation, TIME_SERIES_INTRADAY with datatype=csv",
    label="end",
    zone="America/New_York",
    newest_first=True,
    file_name=re.compile(r"(?:intraday_\d{1,2}min_)?(?P<symbol>.+?)(?:_(?P<interval>\d{1,2}m(?:in)?))?"),
    samples=(
        Sample(
            "AAPL_1min.csv",
            "timestamp,open,high,low,close,volume\n"
            "2024-01-16 16:00:00,12,14,11,13,700\n2024-01-16 15:59:00,11,13,10,12,600\n2024-01-16 15:58:00,10,12,9,11,500\n",
            "AAPL",
        ),
    ),
)
