"""Stooq, and others who write ``<TICKER>,<PER>,<DATE>,<TIME>,...``: the length of a bar is a column, the zone is not there."""

from __future__ import annotations

from exec_algos.errors import MarketDataError
from exec_algos.market.table import frame_of
from exec_algos.market.vendor import MINUTE, CsvTable, Document, Prepared, Sample, Vendor

NAMES = {"dtyyyymmdd": "date"}


def _recognises(source: CsvTable | Document) -> bool:
    return (
        isinstance(source, CsvTable) and {"ticker", "per", "time"} <= set(source.names) and bool({"date", "dtyyyymmdd"} & set(source.names))
    )


def _prepare(table: CsvTable, file: str) -> Prepared:
    frame = frame_of(table.dotted(), file, names=NAMES)
    period = next(name for name in frame.columns if name.strip("<>").lower() == "per")
    kinds = sorted(map(str, frame[period].unique()))
    if len(kinds) != 1:
        raise MarketDataError(f"<PER> is {', '.join(kinds)}: read bars of one length", file=file)
    return Prepared(frame, 1440 * MINUTE if kinds[0] == "D" else int(kinds[0]) * MINUTE if kinds[0].isdigit() else None)


VENDOR = Vendor(
    name="stooq",
    recognises=_recognises,
    prepare=_prepare,
    source="stooq.com/db/h, ASCII of 5 minutes; the same header from Finam and Forexite",
    samples=(
        Sample(
            "aapl.us.txt",
            "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
            "AAPL.US,1,20240116,093000,10,12,9,11,500,0\nAAPL.US,1,20240116,093100,11,13,10,12,600,0\nAAPL.US,1,20240116,093200,12,14,11,13,700,0\n",
            "AAPL.US",
            {"zone": "Europe/Warsaw", "label": "start"},
        ),
    ),
)
