"""The sample set: nine invented names on XNYS and XKRX, made of a seed, kept as Parquet in the checkout's ``data/``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exec_algos.market.bars import PRICES, Bars
from exec_algos.market.boundary import writing
from exec_algos.market.synthetic import LAST_DAY, SESSIONS, recent_sessions, synthesize
from exec_algos.market.traits import Halt, Traits, krx_ticks

if TYPE_CHECKING:
    import pyarrow as pa

SEED = 20251223

_XNYS = {
    "SYNGAP": Traits(price=41.0, adv=2_600_000, volatility=0.022, halts=(Halt("2025-10-29", 150, 30, -0.06),)),
    "SYNLARGE": Traits(price=182.5, adv=9_000_000, volatility=0.012),
    "SYNMID": Traits(price=64.2, adv=1_400_000, volatility=0.016),
    "SYNTHIN": Traits(price=23.7, adv=36_000, volatility=0.02, missing=0.55),
    "SYNWILD": Traits(price=11.8, adv=5_500_000, volatility=0.045),
}
_XKRX = {
    "990010": Traits(price=71_400, adv=12_000_000, volatility=0.013, ticks=krx_ticks),
    "990020": Traits(price=186_000, adv=1_900_000, volatility=0.02, ticks=krx_ticks),
    "990030": Traits(price=14_320, adv=3_200_000, volatility=0.026, ticks=krx_ticks),
    "990040": Traits(price=4_985, adv=820_000, volatility=0.032, ticks=krx_ticks),
}
NAMES: Mapping[str, Mapping[str, Traits]] = {"XNYS": _XNYS, "XKRX": _XKRX}


def sample_bars(seed: int = SEED) -> dict[str, Bars]:
    """The sample set by calendar: 60 sessions up to 2025-12-23 of five names on XNYS and four on XKRX.

    Parameters
    ----------
    seed : int
        Not negative; the committed files are those of `SEED`.

    Raises
    ------
    UsageError
        A negative seed.
    """
    return {calendar: synthesize(names, recent_sessions(calendar), seed=seed) for calendar, names in NAMES.items()}


def sample_folder() -> Path | None:
    """The checkout's ``data/``, or None where the package runs without its checkout."""
    root = Path(__file__).resolve().parents[2]
    complete = (root / "setup.cfg").is_file() and all(
        (root / "data" / calendar / f"{symbol}.parquet").is_file() for calendar, names in NAMES.items() for symbol in names
    )
    return root / "data" if complete else None


def load_samples() -> dict[str, Bars]:
    """The sample set by calendar: read from the checkout, else made from the seed, with the same values."""
    folder = sample_folder()
    if folder is None:
        return sample_bars()
    return {calendar: Bars.read(folder / calendar) for calendar in NAMES}


def write_samples(folder: Path, seed: int = SEED) -> list[Path]:
    """Write the sample set as ``folder/CALENDAR/SYMBOL.parquet``, with a README.

    Parameters
    ----------
    folder : Path
        Made where it does not exist; files of the same names are replaced.
    seed : int
        Not negative.

    Returns
    -------
    list of Path
        The files, the README last; equal seeds and versions of pyarrow give equal bytes.

    Raises
    ------
    UsageError
        A negative seed.
    """
    written = []
    made = sample_bars(seed)
    readme = folder / "README.md"
    with writing(f"cannot write to {folder}", "what was written stands", "make room, or name a folder that can be written to"):
        for calendar, bars in made.items():
            (folder / calendar).mkdir(parents=True, exist_ok=True)
            for symbol in bars.symbols:
                written.append(folder / calendar / f"{symbol}.parquet")
                write_bars(written[-1], bars, symbol)
        readme.write_text(describe(seed), encoding="utf-8")
    return [*written, readme]


def write_bars(file: Path, bars: Bars, symbol: str) -> None:
    """One symbol's bars as Parquet: ``timestamp`` (bar start, with its zone), ``open high low close``, ``volume`` in whole shares."""
    import pyarrow.parquet as pq

    pq.write_table(
        _table(bars, symbol),
        file,
        compression="zstd",
        compression_level=12,
        use_dictionary=list(PRICES),
        column_encoding={"timestamp": "DELTA_BINARY_PACKED", "volume": "DELTA_BINARY_PACKED"},
    )


def _table(bars: Bars, symbol: str) -> pa.Table:
    import pyarrow as pa

    rows = bars.rows(symbol)
    columns = {name: pa.array(getattr(bars, name)[rows]) for name in PRICES}
    columns["volume"] = pa.array(bars.volume[rows].astype("int64"))
    columns["timestamp"] = pa.array(bars.start[rows]).cast(pa.timestamp("ns")).cast(pa.timestamp("ns", tz=bars.zone))
    return pa.table(columns).replace_schema_metadata({"pandas": json.dumps(_pandas_metadata(bars.zone))})


def _pandas_metadata(zone: str) -> dict[str, Any]:
    """What makes pandas take ``timestamp`` for the index; written by hand, for pandas would add its own version to the bytes."""

    def column(name: str, kind: str, stored: str, extra: dict[str, str] | None = None) -> dict[str, Any]:
        return {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": stored, "metadata": extra}

    values = [column(name, "float64", "float64") for name in PRICES]
    stamp = column("timestamp", "datetimetz", "datetime64[ns]", {"timezone": zone})
    names = {"name": None, "field_name": None, "pandas_type": "unicode", "numpy_type": "object", "metadata": {"encoding": "UTF-8"}}
    return {
        "index_columns": ["timestamp"],
        "column_indexes": [names],
        "columns": [*values, column("volume", "int64", "int64"), stamp],
        "creator": {"library": "exec_algos", "version": "1"},
        "pandas_version": "2.2.0",
    }


_KINDS = {
    "SYNGAP": "halted on 2025-10-29 from 12:00 to 12:30, resumes about 6 % lower",
    "SYNLARGE": "large and liquid",
    "SYNMID": "middle-sized",
    "SYNTHIN": "thin: about 55 % of the minutes have no trade and no bar",
    "SYNWILD": "volatile",
    "990010": "large and liquid",
    "990020": "high price, wide tick",
    "990030": "volatile",
    "990040": "small, around the change of tick size at 5,000 won",
}


def describe(seed: int = SEED) -> str:
    """README of the sample set, in Markdown."""
    rows = [
        f"| `{calendar}/{symbol}.parquet` | {traits.price:,.2f} | {traits.adv:,.0f} | {traits.volatility:.1%} | {_KINDS[symbol]} |"
        for calendar, names in NAMES.items()
        for symbol, traits in names.items()
    ]
    return _README.format(seed=seed, sessions=SESSIONS, last=LAST_DAY, rows="\n".join(rows))


_README = """# Synthetic sample bars

**Every number in this folder is synthetic.** No price, volume or name is that of a real security; the tickers are invented.
The set exists so that the demo, the tests and the notebooks run without any market data.

    exec-algos data synth --out data --seed {seed}

writes it again: the same seed gives the same values on every machine, and the same bytes with the same version of pyarrow.

* One-minute bars of {sessions} sessions up to {last}, on the real calendars of the New York (`XNYS`) and Korean (`XKRX`) exchanges.
  2025-11-28 is a half day in New York: it closes at 13:00 and has 210 minutes.
* One file a symbol, columns `timestamp` (start of the bar, with the exchange's time zone), `open`, `high`, `low`, `close`
  (US dollars on ticks of 0.01; won on the exchange's ticks since 2023) and `volume` (whole shares).
* A minute without a trade has no bar.

| File | First price | Shares a day | Volatility a day | What it is for |
| --- | ---: | ---: | ---: | --- |
{rows}

How it is made (`exec_algos/market/synthetic.py`): variance follows a GARCH(1,1) across minutes and an autoregression across days;
prices are a geometric walk of six trades a minute with an overnight gap, rounded to ticks; volume is high at the open, low at
midday, rises to a burst in the last minute, differs from day to day and is larger when prices move. Each symbol and day has
its own stream of noise (PCG64, seeded with the seed, the CRC-32 of the symbol and the day), so no file depends on another.

What it is not: prices do not react to orders, there are no quotes, no auctions, no news and no common factor between names.
A result on this set says that the code works; it says nothing about a market.
"""
