"""CryptoDataDownload: a link above the header, newest first, volumes in coin and in currency, epochs in s and ms in one file."""

from __future__ import annotations

import re

from exec_algos.errors import MarketDataError
from exec_algos.market.table import frame_of
from exec_algos.market.vendor import CsvTable, Document, Prepared, Sample, Vendor

VOLUME = re.compile(r"volume (?P<unit>.+)")


def _recognises(source: CsvTable | Document) -> bool:
    return isinstance(source, CsvTable) and {"unix", "date", "symbol"} <= set(source.names) and any(map(VOLUME.fullmatch, source.names))


def _prepare(table: CsvTable, file: str) -> Prepared:
    pair = table.first[table.names.index("symbol")]
    units = {found["unit"]: name for name in table.names if (found := VOLUME.fullmatch(name))}
    shares = [name for unit, name in units.items() if re.match(rf"{re.escape(unit)}(?:[/_-]|.)", pair.lower())]
    if len(shares) != 1:
        raise MarketDataError(f"which of {', '.join(units.values())} counts units of {pair}? say columns='volume=...'", file=file)
    notional = {name: "notional" for name in units.values() if name not in shares}
    used = {"unix": "timestamp", "date": "date (not used)", shares[0]: "volume", **(notional if len(notional) == 1 else {})}
    return Prepared(frame_of(table, file, names=used))


VENDOR = Vendor(
    name="cryptodatadownload",
    recognises=_recognises,
    prepare=_prepare,
    source="www.cryptodatadownload.com/data, minute files",
    label="start",
    zone="UTC",
    newest_first=True,
    samples=(
        Sample(
            "Bitstamp_BTCUSD_2024_minute.csv",
            "https://www.CryptoDataDownload.com\nunix,date,symbol,open,high,low,close,Volume BTC,Volume USD\n"
            "1705397520000,2024-01-16 09:32:00,BTC/USD,12,14,11,13,700,8750\n1705397460,2024-01-16 09:31:00,BTC/USD,11,13,10,12,600,6900\n"
            "1705397400,2024-01-16 09:30:00,BTC/USD,10,12,9,11,500,5250\n",
            "BTC/USD",
        ),
    ),
)
