"""Interactive Brokers: stamps with a named zone, ``average`` as VWAP, -1 where there is none."""

from __future__ import annotations

from exec_algos.market.table import frame_of
from exec_algos.market.vendor import CsvTable, Document, Prepared, Sample, Vendor

AVERAGES = {"average": "vwap", "wap": "vwap"}


def _recognises(source: CsvTable | Document) -> bool:
    if not isinstance(source, CsvTable):
        return False
    names = {name.replace("_", "") for name in source.names}
    return (
        bool(names & set(AVERAGES))
        and bool(names & {"barcount", "count", "hasgaps"})
        and {"open", "high", "low", "close", "volume"} <= names
    )


def _prepare(table: CsvTable, file: str) -> Prepared:
    import pandas as pd

    frame = frame_of(table, file, names=AVERAGES)
    average = pd.to_numeric(frame["vwap"], errors="coerce")
    frame = frame.assign(vwap=average.where(average > 0))
    volume = pd.to_numeric(frame["volume"], errors="coerce")
    if not bool((volume == -1).all()):
        return Prepared(frame)
    return Prepared(frame.assign(volume=0), notes=("volume is 0: it is -1 throughout, which says that these are bars of quotes",))


VENDOR = Vendor(
    name="interactive_brokers",
    recognises=_recognises,
    prepare=_prepare,
    source="reqHistoricalData, and ib_insync's util.df: date,open,high,low,close,volume,average,barCount",
    label="start",
    samples=(
        Sample(
            "SPY.csv",
            "date,open,high,low,close,volume,average,barCount\n"
            "20240116 09:30:00 US/Eastern,10,12,9,11,500,10.5,3\n20240116 09:31:00 US/Eastern,11,13,10,12,600,11.5,3\n"
            "20240116 09:32:00 US/Eastern,12,14,11,13,700,12.5,3\n",
            "SPY",
        ),
    ),
)
