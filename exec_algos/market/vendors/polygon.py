"""Polygon: flat files of every ticker, frames saved with an offset, and the JSON of its aggregates."""

from __future__ import annotations

from typing import Any

from exec_algos.errors import MarketDataError
from exec_algos.market.table import frame_of
from exec_algos.market.vendor import WITH_INTERVAL, CsvTable, Document, Prepared, Sample, Vendor


def _recognises(source: CsvTable | Document) -> bool:
    if isinstance(source, Document):
        content = source.content
        return isinstance(content, dict) and isinstance(content.get("results"), list) and "ticker" in content
    names = set(source.names)
    return {"vwap", "transactions"} <= names or {"window_start", "ticker"} <= names


def _prepare(source: Any, file: str) -> Prepared:
    if isinstance(source, CsvTable):
        return Prepared(frame_of(source, file))
    import pandas as pd

    content = source.content
    rows = content.get("results")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise MarketDataError(f"{content.get('ticker')}: its results are no list of bars; get it again", file=file)
    if not rows:
        raise MarketDataError(f"{content.get('ticker')}: no result in it; the answer's status is {content.get('status')!r}", file=file)
    frame = pd.DataFrame.from_records(rows).rename(columns={"t": "timestamp", "vw": "vwap", "n": "transactions"})
    there = len(rows)
    more = (f"it holds {there} bars, and its next_url has more: get all pages",) if content.get("next_url") else ()
    return Prepared(frame, symbol=str(content.get("ticker") or "") or None, notes=more)


VENDOR = Vendor(
    name="polygon",
    recognises=_recognises,
    prepare=_prepare,
    source="polygon.io/docs: flat files, Minute Aggregates; Custom Bars (OHLC), v2/aggs",
    label="start",
    zone="America/New_York",
    file_name=WITH_INTERVAL,
    samples=(
        Sample(
            "2024-01-16.csv",
            "ticker,volume,open,close,high,low,window_start,transactions\n"
            "BRK.A,500,10,11,12,9,1705415400000000000,3\nBRK.A,600,11,12,13,10,1705415460000000000,3\nBRK.A,700,12,13,14,11,1705415520000000000,3\n",
            "BRK.A",
        ),
        Sample(
            "answer.json",
            '{"ticker":"SPY","queryCount":3,"resultsCount":3,"adjusted":true,"results":['
            '{"v":500,"vw":10.5,"o":10,"c":11,"h":12,"l":9,"t":1705415400000,"n":3},'
            '{"v":600,"vw":11.5,"o":11,"c":12,"h":13,"l":10,"t":1705415460000,"n":3},'
            '{"v":700,"vw":12.5,"o":12,"c":13,"h":14,"l":11,"t":1705415520000,"n":3}],"status":"OK","count":3}',
            "SPY",
        ),
    ),
)
