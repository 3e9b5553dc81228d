"""Backtrader's sample minutes: a header one name short of its rows, and stamps at the end of their bar."""

from __future__ import annotations

from exec_algos.market.table import frame_of
from exec_algos.market.vendor import CsvTable, Document, Prepared, Sample, Vendor


def _recognises(source: CsvTable | Document) -> bool:
    return (
        isinstance(source, CsvTable) and bool(source.header) and source.names[0] == "date" and len(source.first) == len(source.header) + 1
    )


def _prepare(table: CsvTable, file: str) -> Prepared:
    names = table.names
    if "time" not in names and len(table.first) == len(names) + 1:
        names = (names[0], "time", *names[1:])
    return Prepared(frame_of(table, file, order=names))


VENDOR = Vendor(
    name="backtrader",
    recognises=_recognises,
    prepare=_prepare,
    source="github.com/mementum/backtrader, datas/2006-01-02-volume-min-001.txt",
    label="end",
    samples=(
        Sample(
            "FESX.txt",
            "Date,Open,High,Low,Close,Volume,OpenInterest\n"
            "2024-01-16,09:31:00,10,12,9,11,500,0\n2024-01-16,09:32:00,11,13,10,12,600,0\n2024-01-16,09:33:00,12,14,11,13,700,0\n",
            "FESX",
            {"zone": "Europe/Berlin"},
        ),
    ),
)
