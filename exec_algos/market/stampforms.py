"""Stamps as people write them, to ISO 8601: day or month first, a named zone behind them, AM and PM, FIX."""

from __future__ import annotations

import re
import zoneinfo
from typing import TYPE_CHECKING, Any, NamedTuple

from exec_algos.errors import MarketDataError

if TYPE_CHECKING:
    import pandas as pd

FIX = r"(\d{4})(\d{2})(\d{2})-(\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)Z?"
NAMED = (
    r"^(?P<stamp>.*\d)(?: ?(?P<half>[AaPp][Mm]))? (?:(?P<zone>[A-Za-z]+(?:/[A-Za-z0-9_+-]+)+|(?!AM$|PM$)[A-Z]{2,5})(?P<offset>[+-]\d{4})?)$"
)
FIELDS = (
    r"^(?P<a>\d{1,4})(?P<sep>[./-])(?P<b>\d{1,2})[./-](?P<c>\d{1,4})"
    r"(?:[ T,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:[.]\d+)?))?(?: ?(?P<half>[AaPp][Mm]))?)?"
    r" ?(?P<offset>Z|[+-]\d{2}:?\d{2})?$"
)
# abbreviations that one place or one offset has; CST, IST and BST have several
ABBREVIATIONS = {
    "UTC": "UTC", "GMT": "UTC", "EST": "Etc/GMT+5", "EDT": "Etc/GMT+4", "ET": "America/New_York", "CET": "Europe/Paris",
    "CEST": "Europe/Paris", "KST": "Asia/Seoul", "JST": "Asia/Tokyo", "HKT": "Asia/Hong_Kong", "SGT": "Asia/Singapore",
}  # fmt: skip
ASK_ORDER = "pass date_format='%d/%m/%Y %H:%M' (day first), '%m/%d/%Y %H:%M' (month first) or the like"


MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH = r"(?i:(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*)"


class Named(NamedTuple):
    """Stamps without the zone that stood behind them, and that zone."""

    text: pd.Series[Any]
    zone: str


def in_iso(text: pd.Series[Any], file: str) -> pd.Series[Any]:
    """Dates written day or month first, and clock times with AM and PM, as ISO 8601; what is neither stays as it stands.

    Raises
    ------
    MarketDataError
        Every one of the dates may be read either way.
    """
    import pandas as pd

    text = _with_numbered_months(text.str.replace(r"\s+", " ", regex=True))
    parts = text.str.extract(FIELDS)
    if not bool(parts["a"].notna().any()):
        return text
    first_is_year = parts["a"].str.len() == 4
    order = "ymd" if bool(first_is_year.fillna(True).all()) else _order(text, parts, file)
    year, month, day = (parts["abc"["ymd".index(name) if order == "ymd" else order.index(name)]] for name in "ymd")
    year = year.where(year.str.len() == 4, "20" + year.str.zfill(2))
    half = parts["half"].str.lower()
    hour = parts["hour"].str.zfill(2)
    of_twelve = pd.to_numeric(hour, errors="coerce") % 12
    in_24 = (of_twelve + half.map({"am": 0, "pm": 12})).astype("Int64").astype("string").str.zfill(2)
    wrong = half.notna() & ~hour.isin([f"{number:02d}" for number in range(1, 13)])
    clock = " " + hour.where(half.isna(), in_24) + ":" + parts["minute"] + ":" + parts["second"].fillna("00")
    iso = year + "-" + month.str.zfill(2) + "-" + day.str.zfill(2) + clock.fillna("") + parts["offset"].fillna("")
    return iso.where(iso.notna() & ~wrong, text)


def _with_numbered_months(text: pd.Series[Any]) -> pd.Series[Any]:
    """``16-Jan-2024 09:30`` and ``Jan 16, 2024 09:30`` as ``2024-01-16 09:30``."""
    if not bool(text.str.contains(MONTH.replace("(jan", "(?:jan"), regex=True).any()):
        return text
    day_first = text.str.replace(rf"^(\d{{1,2}})[ -]{MONTH}[ -](\d{{4}})", lambda found: _dated(found, 3, 2, 1), regex=True)
    return day_first.str.replace(rf"^{MONTH} (\d{{1,2}}),? (\d{{4}})", lambda found: _dated(found, 3, 1, 2), regex=True)


def _dated(found: re.Match[str], year: int, month: int, day: int) -> str:
    return f"{found[year]}-{MONTHS.index(found[month].lower()) + 1:02d}-{int(found[day]):02d}"


def _order(text: pd.Series[Any], parts: pd.DataFrame, file: str) -> str:
    """``dmy`` or ``mdy``: with dots the day is first; with others a number above 12 tells."""
    import pandas as pd

    if bool((parts["sep"].dropna() == ".").all()):
        return "dmy"
    first, second = (pd.to_numeric(parts[name]).max() for name in "ab")
    if first > 12 and second > 12:
        raise MarketDataError(f"dates {str(text.iloc[0])!r} ...: some have the day first and some the month; {ASK_ORDER}", file=file)
    if first > 12 or second > 12:
        return "dmy" if first > 12 else "mdy"
    raise MarketDataError(f"date {str(text.iloc[0])!r} may have the day or the month first, like all others here; {ASK_ORDER}", file=file)


def clock_times(values: pd.Series[Any]) -> pd.Series[Any]:
    """Times of day as text: ``901`` and ``090100``, of which a table of numbers lost the leading zero, are 09:01:00; others stay."""
    text = values.astype("string").str.strip()
    digits = text.str.fullmatch(r"\d{1,6}").fillna(False).astype(bool)
    if not bool(digits.any()):
        return text
    with_seconds = bool((text[digits].str.len() > 4).any())
    full = text.str.zfill(6) if with_seconds else text.str.zfill(4) + "00"
    return full.str.replace(r"^(\d\d)(\d\d)(\d\d)$", r"\1:\2:\3", regex=True).where(digits, text)


def without_zone(text: pd.Series[Any], file: str) -> Named | None:
    """Stamps that all name one zone behind the time (``20240116 09:30:00 US/Eastern``), or are FIX's, which are UTC by definition.

    Raises
    ------
    MarketDataError
        Several zones, or one that is not known or is several places'.
    """
    there = text.dropna()
    if len(there) and bool(there.str.fullmatch(FIX).all()):
        return Named(text.str.replace(FIX, r"\1-\2-\3 \4", regex=True), "UTC")
    parts = text.str.replace(r"\s+", " ", regex=True).str.extract(NAMED)
    zones = parts["zone"].dropna()
    names = list(zones.unique())
    if not names or len(zones) < len(there):
        return None
    stamp = parts["stamp"] + (" " + parts["half"]).fillna("")
    if bool(parts["offset"].notna().any()):  # GMT+0100: the offset counts
        return Named(stamp + parts["offset"].fillna("+0000"), "UTC")
    known = [_known(str(name), str(there.iloc[0]), file) for name in names]
    if len(set(known)) > 1:
        return _fixed(stamp, zones, file)
    return Named(stamp, known[0])


def _fixed(stamp: pd.Series[Any], zones: pd.Series[Any], file: str) -> Named:
    """Stamps of several abbreviations of fixed offsets, as EST and EDT in one file."""
    offsets = {"EST": "-0500", "EDT": "-0400", "UTC": "+0000", "GMT": "+0000"}
    odd = sorted(set(zones.unique()) - set(offsets))
    if odd:
        raise MarketDataError(f"stamps name several zones, {', '.join(map(str, zones.unique()[:3]))}; read them apart", file=file)
    return Named(stamp + zones.map(offsets), "America/New_York")


def _known(name: str, stamp: str, file: str) -> str:
    if name in ABBREVIATIONS:
        return ABBREVIATIONS[name]
    if name in zoneinfo.available_timezones() and ("/" in name or not re.fullmatch(r"[A-Z]{3}", name)):
        return name
    raise MarketDataError(
        f"timestamp {stamp!r} names the zone {name!r}, which is none, or is several places'; take it off and pass zone=",
        file=file,
    )
