"""Kiwoom and KIS: Korean headers or KIS's own, in cp949 or UTF-8, often newest first, prices with the sign of the day's change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exec_algos.market.stampforms import clock_times
from exec_algos.market.table import frame_of
from exec_algos.market.vendor import CsvTable, Document, Prepared, Sample, Vendor

if TYPE_CHECKING:
    import pandas as pd

NAMES = {
    "stck_bsop_date": "date", "stck_cntg_hour": "time", "stck_prpr": "close", "stck_oprc": "open", "stck_hgpr": "high", "stck_lwpr": "low",
    "cntg_vol": "volume", "stck_shrn_iscd": "symbol",
}  # fmt: skip
KOREAN = {"시가", "고가", "저가", "거래량"}
KIS = {"stck_cntg_hour", "stck_oprc", "stck_hgpr", "stck_lwpr"}
PRICES = ["open", "high", "low", "close"]


def _recognises(source: CsvTable | Document) -> bool:
    return isinstance(source, CsvTable) and (set(source.names) >= KOREAN or set(source.names) >= KIS)


def _prepare(table: CsvTable, file: str) -> Prepared:
    names = {**NAMES, **({"체결시간": "time"} if {"일자", "날짜"} & set(table.names) else {})}
    # Korea writes a dot before decimals: "70,000" is seventy thousand
    frame = frame_of(table.dotted(), file, names=names)
    signed = [name for name in PRICES if name in frame and _negative(frame[name])]
    label = "start" if _opens_at_nine(frame) else None
    if not signed:
        return Prepared(frame, label=label)
    return Prepared(_unsigned(frame), label=label, notes=("prices carry the sign of the day's change, and are read without it",))


def _opens_at_nine(frame: pd.DataFrame) -> bool:
    """Whether the first bars stand at 09:00, when KRX opens: no bar that is labelled by its end does."""
    stamps = clock_times(frame["time"]) if "time" in frame else frame["timestamp"].astype("string").str.strip()
    clock = stamps.str.replace(":", "", regex=False).str.extract(r"([0-9]{6}|\b[0-9]{4})$")[0].str.pad(6, side="right", fillchar="0")
    return bool(clock.notna().all()) and str(clock.min()) == "090000"


def _negative(prices: pd.Series[float]) -> bool:
    return prices.dtype.kind in "if" and bool((prices < 0).any())


def _unsigned(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**{name: frame[name].abs() for name in PRICES if name in frame})


VENDOR = Vendor(
    name="korean",
    recognises=_recognises,
    prepare=_prepare,
    source="Kiwoom opt10080 (breadum/kiwoom#22), KIS inquire-time-itemchartprice (koreainvestment/open-trading-api#15)",
    zone="Asia/Seoul",
    newest_first=True,
    samples=(
        Sample(
            "005930.csv",
            "종목코드,체결시간,현재가,시가,고가,저가,거래량\n"
            "005930,20240116090200,-13,+12,+14,-11,700\n005930,20240116090100,+12,+11,+13,-10,600\n005930,20240116090000,+11,+10,+12,-9,500\n",
            "005930",
        ),
        Sample(
            "000660.csv",
            "stck_bsop_date,stck_cntg_hour,stck_prpr,stck_oprc,stck_hgpr,stck_lwpr,cntg_vol,acml_tr_pbmn\n"
            "20240116,090200,13,12,14,11,700,99999\n20240116,090100,12,11,13,10,600,91249\n20240116,090000,11,10,12,9,500,84349\n",
            "000660",
        ),
    ),
)
