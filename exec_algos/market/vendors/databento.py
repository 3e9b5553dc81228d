"""Databento: ``ts_event`` in ns or as text, prices as whole numbers of 1e-9 or with a dot, the length of a bar as a type of record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exec_algos.errors import MarketDataError
from exec_algos.market.table import frame_of
from exec_algos.market.vendor import MINUTE, SECOND, CsvTable, Document, Prepared, Sample, Vendor

if TYPE_CHECKING:
    import pandas as pd

STEPS = {32: SECOND, 33: MINUTE, 34: 60 * MINUTE, 35: 1440 * MINUTE}
PRICES = ["open", "high", "low", "close"]
UNIT = 1_000_000_000


def _recognises(source: CsvTable | Document) -> bool:
    return isinstance(source, CsvTable) and {"ts_event", "rtype", "open", "high", "low", "close", "volume"} <= set(source.names)


def _prepare(table: CsvTable, file: str) -> Prepared:
    frame = frame_of(table, file, names={"ts_event": "timestamp"})
    kinds = sorted(frame["rtype"].unique())
    if len(kinds) != 1 or kinds[0] not in STEPS:
        raise MarketDataError(
            f"rtype is {', '.join(map(str, kinds))}: read bars of one length, 32 (1 s), 33 (1 min), 34 (1 h) or 35 (1 d)", file=file
        )
    notes: tuple[str, ...] = ()
    if "symbol" not in frame:
        frame = frame.assign(symbol=frame["instrument_id"].astype(str))
        notes = ("the symbol is the instrument_id: the file has no column symbol",)
    return Prepared(_unscaled(frame), STEPS[int(kinds[0])], notes=notes)


def _unscaled(frame: pd.DataFrame) -> pd.DataFrame:
    """Whole numbers are 1e-9: dividing gives the double nearest to the price, multiplying by 1e-9 does not."""
    if not all(frame[name].dtype.kind in "iu" for name in PRICES):
        return frame
    return frame.assign(**{name: frame[name] / UNIT for name in PRICES})


VENDOR = Vendor(
    name="databento",
    recognises=_recognises,
    prepare=_prepare,
    source="databento.com/docs/schemas/ohlcv, encoding csv",
    label="start",
    zone="UTC",
    samples=(
        Sample(
            "glbx-mdp3-20240116.ohlcv-1m.csv",
            "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol\n"
            "1705397400000000000,33,1,7,10000000000,12000000000,9000000000,11000000000,500,ESH4\n"
            "1705397460000000000,33,1,7,11000000000,13000000000,10000000000,12000000000,600,ESH4\n"
            "1705397520000000000,33,1,7,12000000000,14000000000,11000000000,13000000000,700,ESH4\n",
            "ESH4",
        ),
        Sample(
            "pretty.csv",
            "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol\n"
            "2024-01-16T09:30:00.000000000Z,33,1,7,10.0,12.0,9.0,11.0,500,ESH4\n2024-01-16T09:31:00.000000000Z,33,1,7,11.0,13.0,10.0,12.0,600,ESH4\n"
            "2024-01-16T09:32:00.000000000Z,33,1,7,12.0,14.0,11.0,13.0,700,ESH4\n",
            "ESH4",
        ),
    ),
)
