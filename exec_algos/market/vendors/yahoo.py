"""Yahoo, as yfinance saves its frames: columns in its own order, of late a header of three lines and several tickers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exec_algos.errors import MarketDataError
from exec_algos.market.table import frame_of
from exec_algos.market.vendor import WITH_INTERVAL, CsvTable, Document, Prepared, Sample, Vendor

if TYPE_CHECKING:
    import pandas as pd

PRICES = ("open", "high", "low", "close", "volume")


def _recognises(source: CsvTable | Document) -> bool:
    if not isinstance(source, CsvTable) or not source.header:
        return False
    plain = source.header[0] == "Datetime" and {*source.names} >= {*PRICES} and len(source.first) <= len(source.header)
    return _three_lines(source) or plain


def _three_lines(table: CsvTable) -> bool:
    return table.header[0] in ("Price", "Ticker") and table.first[:1] in (("Ticker",), ("Price",))


def _prepare(table: CsvTable, file: str) -> Prepared:
    if not table.header or not _three_lines(table):
        return Prepared(frame_of(table, file))
    tickers, prices = (table.first, table.header) if table.header[0] == "Price" else (table.header, table.first)
    order = ("timestamp", *(f"{price.lower()}\t{ticker}" for price, ticker in zip(prices[1:], tickers[1:], strict=False)))
    third = "".join(table.text.split("\n", table.skip + 2)[table.skip + 1 :][:1]).strip('" ')
    skip = table.skip + (2 if third.startswith(("Datetime", "Date", "Timestamp")) else 1)
    wide = frame_of(table, file, order=order, skip=skip)
    return Prepared(_long(wide, list(dict.fromkeys(tickers[1:])), file))


def _long(wide: pd.DataFrame, tickers: list[str], file: str) -> pd.DataFrame:
    """A row for each time and ticker; a minute in which only others traded is no row."""
    import pandas as pd

    parts = []
    if not tickers:
        raise MarketDataError("the second line names no ticker; save the frame again", file=file)
    for ticker in tickers:
        names = [name for name in wide.columns if name.endswith(f"\t{ticker}")]
        part = wide[["timestamp", *names]].rename(columns=lambda name: name.split("\t")[0])
        missing = [price for price in PRICES if price not in part]
        if missing:
            raise MarketDataError(f"{ticker}: no column {', '.join(missing)}", file=file)
        parts.append(part.dropna(how="all", subset=list(PRICES)).assign(symbol=ticker))
    return pd.concat(parts, ignore_index=True)


VENDOR = Vendor(
    name="yahoo",
    recognises=_recognises,
    prepare=_prepare,
    source="github.com/ranaroussi/yfinance: download(..., interval='1m').to_csv()",
    label="start",
    file_name=WITH_INTERVAL,
    samples=(
        Sample(
            "BRK-B_1m.csv",
            "Datetime,Close,High,Low,Open,Volume\n"
            "2024-01-16 14:30:00+00:00,11,12,9,10,500\n2024-01-16 14:31:00+00:00,12,13,10,11,600\n"
            "2024-01-16 14:32:00+00:00,13,14,11,12,700\n",
            "BRK-B",
            {"zone": "America/New_York"},
        ),
        Sample(
            "two.csv",
            "Price,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume\nTicker,SPY,QQQ,SPY,QQQ,SPY,QQQ,SPY,QQQ,SPY,QQQ\nDatetime,,,,,,,,,,\n"
            "2024-01-16 14:30:00+00:00,11,21,12,22,9,19,10,20,500,5\n"
            "2024-01-16 14:31:00+00:00,12,22,13,23,10,20,11,21,600,6\n"
            "2024-01-16 14:32:00+00:00,13,,14,,11,,12,,700,\n",
            "SPY",
            {"zone": "America/New_York", "symbol": "SPY"},
        ),
    ),
)
