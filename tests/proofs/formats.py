"""A whole file of every format that is read, how each is damaged, and how what is read of it is checked."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import re
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from proofs import mutants
from proofs.says import (
    COLUMNS,
    WRONG,
    ZONE,
    Row,
    bars_differ,
    csv_says,
    gzip_says,
    json_says,
    lean_says,
    metatrader_says,
    number,
    parquet_says,
    tables_of,
    text_of,
    yahoo_says,
    zip_says,
)

from exec_algos import Bars, BarStore, ParentOrders
from exec_algos.agents.records import read_decisions
from exec_algos.market import schedules
from exec_algos.market.hours import sessions_of
from exec_algos.market.quality.findings import findings_of
from exec_algos.market.splits import Splits


class Case(NamedTuple):
    """A file of some format, how it is damaged and read, and what it should say."""

    file: str
    content: bytes
    damaged: Callable[[bytes, random.Random], bytes]
    check: Callable[[Path, bytes, random.Random], str]


def prices(count: int, seed: int) -> pd.DataFrame:
    """Bars of cents and whole shares that can be true."""
    rng = np.random.default_rng(seed)
    body = 10_000 + rng.integers(-99, 100, (count, 2))
    high, low = body.max(axis=1) + rng.integers(0, 9, count), body.min(axis=1) - rng.integers(0, 9, count)
    columns = {"open": body[:, 0], "high": high, "low": low, "close": body[:, 1]}
    table = pd.DataFrame({name: column / 100 for name, column in columns.items()})
    return table.assign(volume=rng.integers(1, 9999, count))


def stamped(first: str, count: int = 16, seed: int = 1) -> pd.DataFrame:
    """Bars a minute, with local times."""
    return prices(count, seed).assign(timestamp=pd.date_range(first, periods=count, freq="min"))


def lines_of(table: pd.DataFrame, **options: Any) -> bytes:
    """As CSV."""
    return str(table.to_csv(index=False, lineterminator="\n", **options)).encode()


def bars_case(
    file: str,
    content: bytes,
    says: Callable[[bytes], list[Row]],
    damaged: Callable[[bytes, random.Random], bytes] = mutants.text,
    stamp: str = "start",
    **options: Any,
) -> Case:
    """A file of bars."""

    def check(folder: Path, data: bytes, rng: random.Random) -> str:
        on_bad = rng.choice(("raise", "raise", "drop", "repair"))
        bars = Bars.read(folder / file.split("/")[0] if "/" in file else folder / file, on_bad=on_bad, **options)
        if rng.random() < 0.25:
            findings_of(bars, sessions_of(bars, None))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return bars_differ(bars, says(data), on_bad, stamp)

    return Case(file, content, damaged, check)


@cache
def cases() -> dict[str, Case]:
    """Every format."""
    day, told = stamped("2024-01-02 09:30"), {"label": "start", "zone": ZONE}
    both = pd.concat([day.assign(symbol="AAA"), stamped("2024-01-02 09:30", seed=2).assign(symbol="BBB")])
    quoted = both.assign(bid=both["close"] - 0.01, ask=both["close"] + 0.01, bid_size=100, ask_size=200)
    utc = day.assign(timestamp=day["timestamp"].dt.tz_localize(ZONE).dt.strftime("%Y-%m-%dT%H:%M:%S%z"))
    epochs = day["timestamp"].dt.tz_localize(ZONE).dt.as_unit("ns").astype("int64")
    evening = stamped("2024-01-02 15:44")
    klines = pd.DataFrame({
        "open_time": epochs // 10**6, **{name: day[name] for name in COLUMNS[:5]}, "close_time": epochs // 10**6 + 59_999,
        "quote_volume": day["close"] * day["volume"], "count": 5, "taker_buy_volume": 1, "taker_buy_quote_volume": 2, "ignore": 0,
    })  # fmt: skip
    names = tuple(klines)
    split = day.assign(Date=day["timestamp"].dt.strftime("%Y-%m-%d"), Time=day["timestamp"].dt.strftime("%H:%M:%S"))
    polygon = pd.DataFrame({"ticker": "AAA", "volume": day["volume"], **{name: day[name] for name in COLUMNS[:4]}, "window_start": epochs,
                            "transactions": 7})  # fmt: skip
    yahoo = b"Price,Close,High,Low,Open,Volume\nTicker,AAA,AAA,AAA,AAA,AAA\nDatetime,,,,,\n" + lines_of(
        utc[["timestamp", "close", "high", "low", "open", "volume"]], header=False
    )
    parquet = io.BytesIO()
    day.assign(timestamp=day["timestamp"].dt.tz_localize(ZONE)).set_index("timestamp").to_parquet(parquet)
    newest = evening.iloc[::-1].assign(timestamp=evening.iloc[::-1]["timestamp"] + pd.Timedelta(minutes=1))
    plain = csv_says("AAA", ZONE)
    kline = csv_says("BTCUSDT", "UTC", names)
    return {
        "csv": bars_case("AAA.csv", lines_of(day[["timestamp", *COLUMNS[:5]]]), plain, **told),
        "csv with quotes": bars_case("x.csv", lines_of(quoted), csv_says("x", ZONE), **told),
        "csv in UTC": bars_case("AAA.csv", lines_of(utc), plain, label="start", zone="UTC"),
        "semicolons": bars_case("AAA.csv", lines_of(day, sep=";"), plain, lambda data, rng: mutants.text(data, rng, ";"), **told),
        "tabs": bars_case("AAA.txt", lines_of(day, sep="\t"), plain, lambda data, rng: mutants.text(data, rng, "\t"), **told),
        "epochs": bars_case("AAA.csv", lines_of(day.assign(timestamp=epochs // 10**9)), csv_says("AAA", "UTC"), label="start"),
        "binance": bars_case("BTCUSDT-1m-2024-01.csv", lines_of(klines, header=False), kline),
        "binance with names": bars_case("BTCUSDT-1m-2024-01.csv", lines_of(klines), kline),
        "backtrader": bars_case(
            "AAA.csv", lines_of(split[["Date", "Time", *COLUMNS[:5]]]), plain, stamp="end", zone=ZONE, format="backtrader"
        ),
        "alphavantage": bars_case("AAA_1m.csv", lines_of(newest[["timestamp", *COLUMNS[:5]]]), plain, stamp="end"),
        "yahoo": bars_case("AAA.csv", yahoo, yahoo_says, zone=ZONE, format="yahoo"),
        "polygon": bars_case("2024-01-02.csv", lines_of(polygon), csv_says("2024", ZONE)),
        "gzip": bars_case("AAA.csv.gz", gzip.compress(lines_of(day), mtime=0), gzip_says(plain), packed, **told),
        "UTF-16": bars_case("AAA.csv", lines_of(day, sep="\t"), plain, lambda data, rng: utf16(mutants.text(data, rng, "\t")), **told),
        "metatrader": bars_case("AAA.csv", _metatrader(day), metatrader_says, lambda data, rng: mutants.text(data, rng, "\t"), zone=ZONE),
        "json": bars_case("AAA.json", _json(day), json_says, damaged_json, symbol="AAA", zone=ZONE, label="start"),
        "zip": bars_case("AAA.zip", zipped({"AAA.csv": lines_of(day)}), zip_says(plain), mutants.zipped, **told),
        "lean": bars_case(
            "equity/usa/minute/spy/20240102_trade.zip", zipped({"20240102_spy_minute_trade.csv": _lean(day)}), lean_says, mutants.zipped
        ),
        "parquet": bars_case("AAA.parquet", parquet.getvalue(), parquet_says, mutants.binary),
        "parquet of odd frames": bars_case("AAA.parquet", parquet.getvalue(), parquet_says, odd_parquet, label="start", zone=ZONE),
        "store": _store("symbol=AAA/month=2024-01/bars.parquet", both),
        "decoded cache": _store("_decoded/bars.arrow", both),
        "orders": _orders(),
        "splits": _splits(),
        "calendar": _calendar(),
        "decisions": _decisions(),
    }


def packed(content: bytes, rng: random.Random) -> bytes:
    """A gzip: its bytes, or the table in it."""
    if rng.random() < 0.4:
        return mutants.binary(content, rng)
    return gzip.compress(mutants.text(gzip.decompress(content), rng), mtime=0)


def utf16(content: bytes) -> bytes:
    """UTF-8 as UTF-16, with a byte order mark; what is no UTF-8 as it is."""
    try:
        return content.decode().encode("utf-16")
    except UnicodeDecodeError:
        return content


def _metatrader(day: pd.DataFrame) -> bytes:
    """As MetaTrader 5 exports bars."""
    times = {"<DATE>": day["timestamp"].dt.strftime("%Y.%m.%d"), "<TIME>": day["timestamp"].dt.strftime("%H:%M:%S")}
    prices = {f"<{name.upper()}>": day[name] for name in COLUMNS[:4]}
    table = pd.DataFrame({**times, **prices, "<TICKVOL>": 5, "<VOL>": day["volume"], "<SPREAD>": 1})
    return lines_of(table, sep="\t")


def _json(day: pd.DataFrame) -> bytes:
    """As Polygon and Alpaca answer."""
    stamps = day["timestamp"].dt.tz_localize(ZONE).dt.as_unit("ms").astype("int64")
    rows = [{"t": int(at), **{name[0]: row[name] for name in COLUMNS[:5]}} for at, row in zip(stamps, day.to_dict("records"), strict=True)]
    return json.dumps({"ticker": "AAA", "results": rows}, indent=0).encode()


def damaged_json(content: bytes, rng: random.Random) -> bytes:
    """Its bytes, or a value or a row of it."""
    if rng.random() < 0.4:
        return mutants.binary(content, rng)
    whole = json.loads(content)
    rows = whole["results"]
    row, kind = rng.randrange(len(rows)), rng.randrange(5)
    if kind < 3:
        rows[row][rng.choice(list(rows[row]))] = rng.choice(
            (None, "x", -1, 0, 1e308, 2**70, True, [1], {"a": 1}, "12.5", 1e-9, "2024-01-02")
        )
    elif kind == 3:
        whole["results"] = rng.choice((rows[:row], [*rows, rows[row]], rows[::-1], {}, None, [[1, 2]], "x", [None, *rows]))
    else:
        del rows[row][rng.choice(list(rows[row]))]
    return json.dumps(whole).encode()


def _lean(day: pd.DataFrame) -> bytes:
    ms = (day["timestamp"] - pd.Timestamp("2024-01-02")) // pd.Timedelta(milliseconds=1)
    cents = {name: (day[name] * 10_000).round().astype("int64") for name in COLUMNS[:4]}
    return lines_of(pd.DataFrame({"ms": ms, **cents, "volume": day["volume"]}), header=False)


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip of these files."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return sink.getvalue()


VALUES: tuple[Any, ...] = (
    None, "x", -1, 1e308, float("inf"), float("nan"), 2**62, True, b"x", [1], {"a": 1}, pd.Timestamp("2024"), 1j,
)  # fmt: skip
KINDS = ("float32", "str", "object", "int64", "category", "complex128", "timedelta64[s]")
NAMES = ("Open", "x", "timestamp", "symbol", "date", "close", "volume")


def _indexed(frame: pd.DataFrame, _: str, rng: random.Random) -> pd.DataFrame:
    index: Any = frame.index
    others = (
        index.tz_localize(None), index.astype(str), index.as_unit("s"), index.astype("int64"), index + pd.Timedelta(days=73_000),
        pd.RangeIndex(len(frame)), index.tz_localize(None).to_period("D"), index.tz_convert("Asia/Kolkata"),
    )  # fmt: skip
    return frame.set_axis(rng.choice(others))


ODD: tuple[Callable[[pd.DataFrame, str, random.Random], pd.DataFrame], ...] = (
    lambda frame, name, rng: frame.assign(**{name: [rng.choice(VALUES), *frame[name].tolist()[1:]]}),
    lambda frame, name, rng: frame.assign(**{name: rng.choice(VALUES[:8])}),
    lambda frame, name, rng: frame.assign(**{name: frame[name].astype(rng.choice(KINDS))}),
    lambda frame, name, rng: frame.rename(columns={name: rng.choice(NAMES)}),
    lambda frame, name, _: frame.drop(columns=name),
    lambda frame, _, rng: frame.iloc[[0, *range(rng.randrange(len(frame)) + 1)]],
    lambda frame, _, rng: frame.sample(frac=rng.choice((0, 0.5, 1)), random_state=rng.randrange(99)),
    lambda frame, *_: frame.reset_index(),
    _indexed,
)


def odd_parquet(content: bytes, rng: random.Random) -> bytes:
    """A whole Parquet file of an odd frame; a damaged one where there is none of it."""
    frame = pd.read_parquet(io.BytesIO(content))
    sink = io.BytesIO()
    try:
        rng.choice(ODD)(frame, rng.choice(list(frame)), rng).to_parquet(sink)
    except Exception:
        return mutants.binary(content, rng)
    return sink.getvalue()


def _store(file: str, both: pd.DataFrame) -> Case:
    """A store, of which one file is damaged: what was written, or refused."""
    bars = Bars.from_frame(both, zone=ZONE)
    wanted = bars.to_frame()

    def check(folder: Path, _: bytes, __: random.Random) -> str:
        (folder / file).rename(folder / "damaged")
        shutil.rmtree(folder / "kept", ignore_errors=True)
        BarStore(folder / "kept").write(bars, durable=False)
        BarStore(folder / "kept").read()
        shutil.move(folder / "damaged", folder / "kept" / file)
        store = BarStore(folder / "kept")
        store.info()
        return "" if store.read().to_frame().equals(wanted) else f"{WRONG}: other bars than were written"

    with tempfile.TemporaryDirectory() as place:
        BarStore(place).write(bars)
        BarStore(place).read()
        return Case(file, (Path(place) / file).read_bytes(), mutants.binary, check)


def _orders() -> Case:
    bars = Bars.from_frame(stamped("2024-01-02 09:30", 60), symbol="AAA", zone=ZONE)
    rows = [f"AAA,{side},{quantity},2024-01-02 09:3{at}:00,2024-01-02 10:1{at}:00,id{at}" for at, (side, quantity) in
            enumerate((("BUY", 100), ("SELL", 250), ("buy", 1000), ("SELL", 7)))]  # fmt: skip
    content = "\n".join(["symbol,side,quantity,start,end,order_id", *rows, ""]).encode()

    def check(folder: Path, data: bytes, _: random.Random) -> str:
        orders = ParentOrders.from_csv(folder / "orders.csv", bars, lot_size=1)
        there = [[str(cell).strip() for cell in row] for table in tables_of(data) for row in table.to_numpy().tolist()]
        for lots, side in zip(orders.lots.tolist(), orders.side.tolist(), strict=True):
            word = "buy" if side > 0 else "sell"
            if not any(_says_order(row, lots, word) for row in there):
                return f"{WRONG}: {word} {lots} is not among {there}"
        return "" if len(orders) + len(orders.refused) else f"{WRONG}: no order and none refused"

    return Case("orders.csv", content, mutants.text, check)


def _says_order(row: list[str], lots: int, side: str) -> bool:
    words = {"1": "buy", "+1": "buy", "-1": "sell", "b": "buy", "s": "sell", "3": "buy"}
    plain = [re.sub(r"[\s()\[\]._/:-]", "", cell.lower()).replace("\u0663", "3") or cell for cell in row]
    sides = {words.get(cell, cell) for cell in plain}
    return side in sides and any(number(re.sub(r"(?<=\d)[,_](?=\d{3})", "", cell)) == lots for cell in row)


def _splits() -> Case:
    content = b"date,symbol,ratio,adjust\n2024-06-10,AAA,10:1,both\n2024-03-01,BBB,0.1,prices\n2023-03-01,AAA,3:2,volumes\n"
    bars = Bars.from_frame(stamped("2024-01-02 09:30"), symbol="AAA", zone=ZONE)

    def check(folder: Path, data: bytes, _: random.Random) -> str:
        found = Splits.of(folder / "splits.csv")
        found.adjust(bars)
        text = text_of(data).replace("2024-W01-1", "2024-01-01")
        return next((f"{WRONG}: {split}" for split in found.rows if split.symbol not in text or split.date not in text), "")

    return Case("splits.csv", content, mutants.text, check)


def _calendar() -> Case:
    """A calendar's kept hours, damaged: made again, never others."""
    with tempfile.TemporaryDirectory() as place:
        os.environ[schedules.CACHE_VARIABLE] = place
        schedules.schedule.cache_clear()
        wanted = schedules.schedule("XNYS", 2024, 2024)
        (file,) = Path(place).iterdir()
        content = file.read_bytes()

    def check(folder: Path, _: bytes, __: random.Random) -> str:
        found = schedules._load(folder / file.name)
        same = found is None or all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))
        return "" if same else f"{WRONG}: other hours"

    return Case(file.name, content, mutants.binary, check)


def _decisions() -> Case:
    decisions = [
        {"time": f"2024-01-02T14:3{i}:00+00:00", "ticker": "AAA", "action": "BUY", "position_size": 0.5 + i / 10} for i in range(5)
    ]
    content = "".join(json.dumps(decision) + "\n" for decision in decisions).encode()

    def check(folder: Path, _: bytes, __: random.Random) -> str:
        read_decisions(folder / "decisions.jsonl")
        return ""

    return Case("decisions.jsonl", content, mutants.text, check)
