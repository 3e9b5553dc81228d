"""Cost of a study in shards: seconds and memory a shard, by number of symbols, sessions and algorithms, on synthetic bars.

Usage: python benchmarks/scale.py [symbols] [months]; writes benchmarks/results/scale.json
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import keep, peak_megabytes

from exec_algos import Bars, FillModel
from exec_algos.market.calendars import sessions
from exec_algos.market.store import BarStore
from exec_algos.studies.parents import Grid
from exec_algos.studies.sharded import ShardedStudy
from exec_algos.studies.shards import TABLES

ALGORITHMS = ("twap", "vwap", "pov", "twap:slice_interval_seconds=300", "vwap:slice_interval_seconds=300", "vwap:profile_days=10",
              "twap:slice_interval_seconds=600", "vwap:slice_interval_seconds=600")  # fmt: skip
MINUTE = 60_000_000_000


def synthetic(symbol: str, months: int) -> Bars:
    """Minute bars of a random walk in the sessions of New York from January 2024 on."""
    first = np.datetime64("2024-01-02")
    last = first + np.timedelta64(30 * months, "D")
    hours = sessions("XNYS", *(int(day.astype("datetime64[ns]").astype(np.int64)) for day in (first, last)))
    start = np.concatenate([np.arange(a, b, MINUTE) for a, b in zip(hours.open, hours.close, strict=True)])
    rng = np.random.default_rng(list(symbol.encode()))
    close = 50 * np.exp(np.cumsum(rng.normal(0, 5e-4, len(start)))).round(2)
    opened = np.concatenate([close[:1], close[:-1]])
    wide = rng.exponential(0.02, len(start))
    high, low = np.maximum(opened, close) + wide, np.minimum(opened, close) - wide
    volume = rng.integers(100, 20_000, len(start)).astype(np.float64)
    return Bars(
        symbols=(symbol,), offsets=np.array([0, len(start)]), start=start, open=opened, high=high, low=low, close=close, volume=volume,
        step=MINUTE, zone="America/New_York",
    )  # fmt: skip


def measured(symbols: int, months: int, folder: Path) -> dict:
    store, load = BarStore(folder / "bars"), os.getloadavg()[0]
    for n in range(symbols):
        store.write(synthetic(f"S{n:04}", months))
    rows = []
    for count, fills in ((1, False), (8, False), (8, True)):
        study = ShardedStudy(
            store=str(folder / "bars"), parents=Grid(calendar="XNYS", size="1%adv"), algorithms=ALGORITHMS[:count], fills=fills,
            fill_model=FillModel(max_participation=0.1),
        )  # fmt: skip
        out = folder / f"out-{count}-{fills}"
        study.run(folder / f"warm-{count}-{fills}")  # compiles the loop, and fills the page cache
        begun = time.perf_counter()
        marks: list[float] = []
        result = study.run(out, progress=lambda done, total, marks=marks: marks.append(time.perf_counter()))
        ended = time.perf_counter()
        again = time.perf_counter()
        study.run(out)
        shards, orders, took = result.made, result.config["parent_orders"], marks[-1] - begun
        tables = sum(path.stat().st_size for name in TABLES for path in out.glob(f"shards/*/*/{name}.parquet"))
        row = {"algorithms": count, "fills": fills, "shards": shards, "parent_orders": orders, "worked": orders * count}
        row |= {"seconds_shards": took, "seconds_combine": ended - marks[-1], "seconds_resume": time.perf_counter() - again}
        row |= {"ms_per_shard": 1e3 * took / shards, "seconds_per_million_worked": 1e6 * took / (orders * count)}
        rows.append({**row, "bytes_per_worked": tables / orders / count})
    bars = sum(p.stat().st_size for p in (folder / "bars").rglob("*.parquet"))
    return {
        "symbols": symbols,
        "months": months,
        "store_bytes_per_symbol_month": bars / symbols / months,
        "peak_mib": peak_megabytes(),
        "load_before": load,
        "runs": rows,
    }


if __name__ == "__main__":
    size, length = (int(sys.argv[i]) if len(sys.argv) > i else default for i, default in ((1, 8), (2, 3)))
    with tempfile.TemporaryDirectory() as place:
        keep("scale", measured(size, length, Path(place)))
