"""What files of bars say, by pandas, `float` and the standard library alone; and what of some bars is not in them."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from exec_algos import Bars

WRONG = "WRONG"
ZONE = "America/New_York"
COLUMNS = ("open", "high", "low", "close", "volume", "vwap", "bid", "ask", "bid_size", "ask_size")
TIMES = ("timestamp", "datetime", "date", "time", "open_time", "open time", "window_start")


class Row(NamedTuple):
    """A row of a file as plain pandas and `float` read it."""

    symbol: str
    stamp: int | None
    values: dict[str, float]


def text_of(data: bytes) -> str:
    """The text, by its byte order mark, else UTF-8, else Korean."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding)
    for encoding in ("utf-16-le", "utf-16-be") if 3 * data.count(b"\0") > len(data) else ("utf-8", "cp949"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def number(cell: Any) -> float:
    """A cell as a number, grouped by threes or not; NaN for none."""
    text = re.sub(r"(?<=\d)[ '\u00a0](?=\d{3})", "", cell.strip()) if isinstance(cell, str) else cell
    if isinstance(text, str) and "_" in text:
        return np.nan
    if isinstance(text, str) and "," in text:
        decimal = "," if text.rfind(",") > text.rfind(".") and not re.search(r",\d{3}$", text) else "."
        text = text.replace(".", "").replace(",", ".") if decimal == "," else text.replace(",", "")
    try:
        return float(text)
    except (TypeError, ValueError):
        return np.nan


def instant(cell: str, zone: str | None) -> int | None:
    """A stamp in ns UTC."""
    text = str(cell).strip()
    if not text[:1].isdigit():  # "now" is the present to pandas
        return None
    if re.fullmatch(r"\d{10}|\d{13}|\d{16}|\d{19}", text):
        return int(text) * 10 ** (19 - len(text))
    try:
        stamp = pd.Timestamp(text)
        return int((stamp.tz_localize(zone) if stamp.tz is None else stamp).as_unit("ns").value)
    except (ValueError, TypeError, OverflowError, NotImplementedError):
        return None


def tables_of(data: bytes, names: tuple[str, ...] | None = None, skip: int = 0) -> Iterator[pd.DataFrame]:
    """The text table, by each of the separators that give it enough columns; names in small letters."""
    text = _table(text_of(data).lstrip("\r\n"))
    lines = 1 if names is None else skip
    for separator in ",;\t|":
        options: dict[str, Any] = {"sep": separator, "dtype": str, "keep_default_na": False, "na_filter": False}
        try:
            head = pd.read_csv(io.StringIO(text), header=None, nrows=1, **options).iloc[0].tolist() if names is None else list(names)
            head = [str(name).strip().lower() for name in head]
            head = [name if head.index(name) == at else f"{name}.{at}" for at, name in enumerate(head)]
            if len(head) >= 5:
                yield pd.read_csv(io.StringIO(text), header=None, names=head, skiprows=lines, index_col=False, **options)
        except (ValueError, pd.errors.ParserError):
            continue


def _table(text: str) -> str:
    """A text from its first row of several columns on, without remarks."""
    kept = [line for line in re.split("\r\n|\r|\n", text) if not line.startswith("#")]
    first = next((at for at, line in enumerate(kept) if max(map(line.count, ",;\t|")) >= 4), 0)
    return "\n".join(kept[first:])


def csv_says(stem: str, zone: str | None, names: tuple[str, ...] | None = None) -> Callable[[bytes], list[Row]]:
    """Rows of a text table, whatever the separator; `names` are those of a file that has no row of names."""

    def rows(data: bytes) -> list[Row]:
        headless = names is not None and _table(text_of(data).lstrip()).lstrip('"')[:1].isdigit()
        return [row for table in tables_of(data, names if headless else None) for row in _rows(table, stem, zone)]

    return rows


def yahoo_says(data: bytes) -> list[Row]:
    """Rows of a file of yfinance, whose first three rows are of names."""
    lines = _table(text_of(data).strip()).split("\n")
    names = re.split("[,;|\t]", lines[0].lower())
    rest = "\n".join(line for line in lines if not line.startswith(("Price", "Ticker", "Datetime")))
    return [row for table in tables_of(rest.encode(), ("timestamp", *names[1:]), 0) for row in _rows(table, "AAA", ZONE)]


def _rows(table: pd.DataFrame, stem: str, zone: str | None) -> Iterator[Row]:
    times = [name for name in TIMES if name in table]
    both = times[:2] == ["date", "time"]
    for row in table.to_dict("records"):
        stamp = instant(f"{row['date']} {row['time']}" if both else str(row[times[0]]) if times else "", zone)
        symbol = next((str(row[name]) for name in ("symbol", "ticker") if name in table), stem)
        values = {name: number(row[name]) for name in COLUMNS if name in table}
        yield Row(symbol, stamp, values)


def zip_says(says: Callable[[bytes], list[Row]]) -> Callable[[bytes], list[Row]]:
    """Rows of the files of a zip."""

    def rows(data: bytes) -> list[Row]:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [row for name in archive.namelist() for row in says(archive.read(name))]

    return rows


def gzip_says(says: Callable[[bytes], list[Row]]) -> Callable[[bytes], list[Row]]:
    """Rows of the file that is packed; of the file itself where it is not."""

    def rows(data: bytes) -> list[Row]:
        try:
            return says(gzip.decompress(data))
        except OSError:
            return says(data)

    return rows


def metatrader_says(data: bytes) -> list[Row]:
    """Rows of an export of MetaTrader 5: date and time apart, with dots in the date; the volume is that of shares where there is one."""
    found = []
    for table in tables_of(data):
        plain = table.rename(columns=lambda name: name.strip("<>"))
        for row in plain.to_dict("records"):
            stamp = instant(f"{str(row.get('date', '')).strip().replace('.', '-')} {str(row.get('time', '')).strip()}", ZONE)
            volumes = [number(row[name]) for name in ("vol", "volume", "tickvol") if name in row]
            values = {name: number(row[name]) for name in COLUMNS[:4] if name in row}
            symbol = str(row.get("symbol", "AAA"))
            found += [Row(symbol, stamp, {**values, "volume": volume}) for volume in volumes]
    return found


def json_says(data: bytes) -> list[Row]:
    """Rows of an answer of Polygon."""
    rows = json.loads(data)["results"]
    names = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v", "vwap": "vw"}
    return [
        Row("AAA", instant(str(row.get("t")), ZONE), {name: number(row[key]) for name, key in names.items() if key in row})
        for row in rows
        if isinstance(row, dict)
    ]


def lean_says(data: bytes) -> list[Row]:
    """Rows of a LEAN zip of trades of 2 January 2024."""
    found = []
    midnight = pd.Timestamp("2024-01-02")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            options: dict[str, Any] = {"dtype": str, "keep_default_na": False, "header": None}
            table = pd.read_csv(io.BytesIO(archive.read(name)), names=["ms", *COLUMNS[:5]], index_col=False, **options)
            for _, row in table.iterrows():
                ms = number(row["ms"])
                local = midnight + pd.Timedelta(ms, unit="ms") if np.isfinite(ms) and abs(ms) < 1e15 else None
                stamp = None if local is None else instant(str(local), ZONE)
                values = {key: number(row[key]) / (1 if key == "volume" else 10_000) for key in COLUMNS[:5]}
                found.append(Row("SPY", stamp, values))
    return found


def parquet_says(data: bytes) -> list[Row]:
    """Rows of a Parquet file."""
    frame = pd.read_parquet(io.BytesIO(data))
    if frame.index.name in frame:
        frame = frame.reset_index(drop=True)
    frame = frame.reset_index().rename(columns=lambda name: str(name).strip().lower())
    times = next((name for name in TIMES if name in frame), "index")
    return [
        Row("AAA", instant(str(row[times]), ZONE), {name: number(row[name]) for name in COLUMNS if name in row})
        for row in frame.to_dict("records")
    ]


def bars_differ(bars: Bars, rows: list[Row], on_bad: str, stamp: str) -> str:
    """What of the bars is not in the file; empty where all is. Of bars that were repaired, high and low may be others."""
    loose = {"high", "low"} if on_bad == "repair" else set()
    there: dict[tuple[str, int | None], list[Row]] = {}
    for row in rows:
        there.setdefault((row.symbol, row.stamp), []).append(row)
    later = bars.step if stamp == "end" else 0
    dropped_quotes = any("quote dropped" in issue.action for issue in bars.report)
    single = {name for note in bars.read_as for name in note.columns}
    for symbol in bars.symbols:
        for at in range(*bars.rows(symbol).indices(len(bars))):
            key = symbol, int(bars.start[at]) + later
            own = {name: float(column[at]) for name, column in bars.columns().items() if name not in loose}
            if not any(_same(own, row.values, dropped_quotes, single) for row in there.get(key, [])):
                return f"{WRONG}: {key} {own} is not among {there.get(key, [])}"
    kept = {(row.symbol, row.stamp) for row in rows if row.stamp is not None and not np.isnan(row.values.get("close", np.nan))}
    if on_bad == "raise" and len(bars) < len(kept):
        return f"{WRONG}: {len(bars)} bars of {len(kept)} rows, and no line that says why"
    return ""


def _same(own: dict[str, float], there: dict[str, float], quotes: bool, single: set[str]) -> bool:
    for name, value in own.items():
        if name not in there or (np.isnan(value) and (np.isnan(there[name]) or quotes)):
            continue
        near = 1e-6 if name in single else 4e-16  # pandas' own parser is an ulp off at times
        if not abs(value - there[name]) <= near * abs(value):
            return False
    return True
