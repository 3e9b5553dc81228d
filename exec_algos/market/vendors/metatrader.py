"""MetaTrader: 5 writes ``<DATE> <TIME> <OPEN> ...`` with tabs, often as UTF-16; 4 writes ``2024.01.16,09:30,...`` without a header."""

from __future__ import annotations

import re

from exec_algos.market.table import frame_of
from exec_algos.market.vendor import CsvTable, Document, Prepared, Sample, Vendor

FOUR = ("date", "time", "open", "high", "low", "close", "volume")
DATE, TIME = re.compile(r"\d{4}\.\d{2}\.\d{2}"), re.compile(r"\d{2}:\d{2}(?::\d{2})?")


def _recognises(source: CsvTable | Document) -> bool:
    if not isinstance(source, CsvTable):
        return False
    if source.header:
        return "tickvol" in source.names and "date" in source.names
    four = len(source.first) == len(FOUR) and bool(DATE.fullmatch(source.first[0]) and TIME.fullmatch(source.first[1]))
    return four and not source.stem.startswith("DAT_MT_")  # histdata writes the same, and names its zone


def _prepare(table: CsvTable, file: str) -> Prepared:
    if not table.header:
        return Prepared(frame_of(table, file, order=FOUR), notes=("volume is that of MetaTrader 4, which counts price changes",))
    frame = frame_of(table, file, names={"vol": "volume"})
    ticks = next(name for name in frame.columns if name.strip("<>").lower() == "tickvol")
    if "volume" not in frame or bool((frame["volume"] == 0).all()):
        return Prepared(
            frame.assign(volume=frame[ticks]), notes=("volume is <TICKVOL>, the number of price changes: <VOL> is 0 throughout",)
        )
    return Prepared(frame)


VENDOR = Vendor(
    name="metatrader",
    recognises=_recognises,
    prepare=_prepare,
    source="MetaTrader 5, Symbols > Bars > Export Bars; MetaTrader 4, History Center > Export (gbeced/pyalgotrade#16)",
    label="start",
    file_name=re.compile(r"(?P<symbol>.+?)_(?P<interval>[MHD]\d{1,2}|Daily)(?:_\d{12}_\d{12})?"),
    samples=(
        Sample(
            "EURUSD_M1_202401160930_202401160932.csv",
            "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
            "2024.01.16\t09:30:00\t10\t12\t9\t11\t500\t0\t5\n2024.01.16\t09:31:00\t11\t13\t10\t12\t600\t0\t5\n"
            "2024.01.16\t09:32:00\t12\t14\t11\t13\t700\t0\t5\n",
            "EURUSD",
            {"zone": "Europe/Athens"},
        ),
        Sample(
            "EURUSD.csv",
            "2024.01.16,09:30,10,12,9,11,500\n2024.01.16,09:31,11,13,10,12,600\n2024.01.16,09:32,12,14,11,13,700\n",
            "EURUSD",
            {"zone": "Europe/Athens"},
        ),
    ),
)
