"""Alpaca: the JSON of its bars (one symbol's or several's), and frames of its client."""

from __future__ import annotations

from typing import Any

from exec_algos.errors import MarketDataError
from exec_algos.market.table import frame_of
from exec_algos.market.vendor import CsvTable, Document, Prepared, Sample, Vendor

NAMES = {
    "t": "timestamp",
    "o": "open",
    "h": "high",
    "l": "low",
    "c": "close",
    "v": "volume",
    "vw": "vwap",
    "n": "trade_count",
    "S": "symbol",
}


def _recognises(source: CsvTable | Document) -> bool:
    if isinstance(source, CsvTable):
        return {"timestamp", "trade_count", "vwap"} <= set(source.names)
    content = source.content
    if isinstance(content, dict):
        return isinstance(content.get("bars"), dict | list)
    return (
        isinstance(content, list) and bool(content) and isinstance(content[0], dict) and {"t", "o", "h", "l", "c", "v"} <= set(content[0])
    )


def _prepare(source: Any, file: str) -> Prepared:
    if isinstance(source, CsvTable):
        return Prepared(frame_of(source, file))
    import pandas as pd

    content = source.content if isinstance(source.content, dict) else {"bars": source.content}
    bars = content["bars"]
    rows = [{**bar, "S": symbol} for symbol, found in bars.items() for bar in found or ()] if isinstance(bars, dict) else bars
    if not rows:
        raise MarketDataError("no bar in it", file=file)
    frame = pd.DataFrame.from_records(rows).rename(columns=NAMES)
    more = (f"it holds {len(rows)} bars, and its next_page_token has more: get all pages",) if content.get("next_page_token") else ()
    return Prepared(frame, symbol=content.get("symbol"), notes=more)


VENDOR = Vendor(
    name="alpaca",
    recognises=_recognises,
    prepare=_prepare,
    source="docs.alpaca.markets/reference/stockbars, v2/stocks/bars",
    label="start",
    samples=(
        Sample(
            "bars.json",
            '{"bars":{"BRK.B":[{"t":"2024-01-16T14:30:00Z","o":10,"h":12,"l":9,"c":11,"v":500,"n":3,"vw":10.5},'
            '{"t":"2024-01-16T14:31:00Z","o":11,"h":13,"l":10,"c":12,"v":600,"n":3,"vw":11.5},'
            '{"t":"2024-01-16T14:32:00Z","o":12,"h":14,"l":11,"c":13,"v":700,"n":3,"vw":12.5}]},"next_page_token":null}',
            "BRK.B",
            {"zone": "America/New_York"},
        ),
        Sample(
            "one.json",
            '{"bars":[{"t":"2024-01-16T14:30:00Z","o":10,"h":12,"l":9,"c":11,"v":500,"n":3,"vw":10.5},'
            '{"t":"2024-01-16T14:31:00Z","o":11,"h":13,"l":10,"c":12,"v":600,"n":3,"vw":11.5},'
            '{"t":"2024-01-16T14:32:00Z","o":12,"h":14,"l":11,"c":13,"v":700,"n":3,"vw":12.5}],"symbol":"SPY","next_page_token":null}',
            "SPY",
            {"zone": "America/New_York"},
        ),
    ),
)
