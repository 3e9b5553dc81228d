"""Cost of a study in shards, by algorithms and fills, and its memory by the size of the study, on synthetic bars.

python benchmarks/scale.py [--symbols 10] [--months 12] [--sizes 10 100 1000] [--bars FOLDER]; each figure comes from a process of its own.
Bars are written to the folder where they are not there yet (3 MB a symbol), else to one that is removed. It writes
benchmarks/results/scale.json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import keep, peak_megabytes

from exec_algos import Bars, FillModel
from exec_algos.market.calendars import sessions
from exec_algos.market.store import BarStore
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.shards.shard import TABLES
from exec_algos.studies.shards.study import ShardedStudy

ALGORITHMS = ("twap", "vwap", "pov", "twap:slice_interval_seconds=300", "vwap:slice_interval_seconds=300", "vwap:profile_days=10",
              "twap:slice_interval_seconds=600", "vwap:slice_interval_seconds=600")  # fmt: skip
FOUR = ("twap", "vwap", "pov", "implementation_shortfall")
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


class Clock:
    """Seconds on the wall, processor seconds of this process, and its largest size in MiB."""

    def __init__(self) -> None:
        self.wall, self.processor, self.peak = time.perf_counter(), time.process_time(), peak_megabytes()

    def since(self, before: Clock, name: str) -> dict:
        taken = {f"seconds_{name}": self.wall - before.wall, f"processor_seconds_{name}": self.processor - before.processor}
        return {**taken, f"peak_mib_{name}": self.peak}


def study_of(store: Path, names: str, fills: bool, **terms) -> ShardedStudy:
    """The study: four algorithms, or the first so many of the eight."""
    algorithms = FOUR if names == "four" else ALGORITHMS[: int(names)]
    # as many parent orders a symbol and session as the study in one piece of benchmarks/study.py, where algorithms are those four
    parents = {"sides": ["buy"], "size": "5%adv"} if names == "four" else {"sides": ["buy", "sell"], "size": "1%adv"}
    model = FillModel(max_participation=0.1)
    grid = Grid(calendar="XNYS", **parents, **terms)
    return ShardedStudy(store=str(store), parents=grid, algorithms=algorithms, fills=fills, fill_model=model)


def run(store: Path, names: str, fills: bool) -> dict:
    """One study of a whole store, in this process."""
    study = study_of(store, names, fills)
    algorithms = study.algorithms
    with tempfile.TemporaryDirectory() as place:
        study_of(store, names, fills, symbols=["S0000"]).run(f"{place}/warm")  # compiles the loop
        clocks = [Clock()]
        result = study.run(f"{place}/out", progress=lambda done, total: clocks.append(Clock()) if done == total else None)
        clocks.append(Clock())
        study.run(f"{place}/out")
        clocks.append(Clock())
        tables = sum(path.stat().st_size for name in TABLES for path in Path(place).glob(f"out/shards/*/*/{name}.parquet"))
    shards, orders, bars = result.made, result.config["parent_orders"], result.config["bars"]
    worked = orders * len(algorithms)
    row = {"algorithms": len(algorithms), "fills": fills, "bars": bars, "shards": shards, "parent_orders": orders, "worked": worked}
    for before, after, name in zip(clocks, clocks[1:], ("shards", "combine", "resume"), strict=False):
        row |= after.since(before, name)
    row |= {"ms_per_shard": 1e3 * row["processor_seconds_shards"] / shards}
    row |= {"seconds_per_million_worked": 1e6 * row["processor_seconds_shards"] / worked, "bytes_per_worked": tables / worked}
    return {**row, "combine_ms_per_shard": 1e3 * row["processor_seconds_combine"] / shards, "peak_mib": row["peak_mib_combine"]}


def run_on_cluster(store: Path, names: str, fills: bool, cluster: str) -> dict:
    """The same study by worker processes: until the first shards are done, until all are, and until they are put together."""
    marks = [time.perf_counter()]
    with tempfile.TemporaryDirectory() as place:
        result = study_of(store, names, fills).run(place, cluster=cluster, progress=lambda *_: marks.append(time.perf_counter()))
    done = time.perf_counter()
    return {
        "algorithms": len(result.config["algorithms"]), "fills": fills, "bars": result.config["bars"], "shards": result.made,
        "workers": int(cluster.removeprefix("local:")), "seconds_start": marks[1] - marks[0], "seconds_shards": marks[-1] - marks[1],
        "seconds_combine": done - marks[-1],
    }  # fmt: skip


def child(*words: object) -> dict:
    command = [sys.executable, __file__, "--child", *map(str, words)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]))


def filled(folder: Path, symbols: int, months: int) -> Path:
    path = folder / (f"bars-{symbols}" if months == 12 else f"bars-{symbols}-{months}")
    if not path.exists():
        for n in range(symbols):
            BarStore(path).write(synthetic(f"S{n:04}", months))
    return path


def measured(symbols: int, months: int, sizes: list[int], folder: Path) -> dict:
    load = os.getloadavg()[0]
    store = filled(folder, symbols, months)
    bytes_kept = sum(path.stat().st_size for path in store.rglob("bars.parquet"))
    rows = [child(store, count, fills) for count, fills in ((1, ""), (8, ""), (8, "fills"))]
    growing = [child(filled(folder, size, 12), "four", "") for size in sizes]
    kept = [child(filled(folder, size, 12), 8, fills) for fills in ("", "fills") for size in sizes if size <= 100]
    figures = {"symbols": symbols, "months": months, "store_bytes_per_symbol_month": bytes_kept / symbols / months}
    most = filled(folder, max(size for size in sizes if size <= 100), 12)
    spread = [child(most, 8, fills, f"local:{workers}") for fills in ("", "fills") for workers in (1, 2)]
    loads = {"load_before": load, "load_after": os.getloadavg()[0]}
    return {**figures, **loads, "runs": rows, "sizes": [*growing, *kept], "clusters": spread}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _, _, where, many, keeping, *cluster = sys.argv
        found = (run_on_cluster if cluster else run)(Path(where), many, bool(keeping), *cluster)
        print(json.dumps(found))
    else:
        asked = argparse.ArgumentParser()
        asked.add_argument("--symbols", type=int, default=10)
        asked.add_argument("--months", type=int, default=12)
        asked.add_argument("--sizes", type=int, nargs="*", default=[10, 100])
        asked.add_argument("--bars", type=Path)
        terms = asked.parse_args()
        with tempfile.TemporaryDirectory() as place:
            keep("scale", measured(terms.symbols, terms.months, terms.sizes, terms.bars or Path(place)))
