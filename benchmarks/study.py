"""A whole study, store to summary: four algorithms, one buy of 5 % of ADV a symbol and session, warm.

Beside it, in the same run: the time in which pyarrow reads the same columns from the same Parquet files, a loop for these four algorithms
written by hand (it must fill the same shares), and backtrader for a slice of the bars. Then the memory of the same study in shards.

python benchmarks/study.py [symbols] [sharded symbols, sharded symbols ...]; writes benchmarks/results/study.json
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from glob import glob
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
import pyarrow.parquet as pq
from machine import keep, peak_megabytes
from numba import njit
from scale import MINUTE, synthetic

from exec_algos import BarStore, FillModel, ParentOrders, SlippageStudy
from exec_algos.algorithms import POV
from exec_algos.algorithms.implementation_shortfall import ImplementationShortfall
from exec_algos.ext.backtrader import BarsFeed
from exec_algos.market.profile import SessionVolumes
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.shards.study import ShardedStudy

ALGORITHMS = ("twap", "vwap", "pov", "implementation_shortfall")
COLUMNS = ["start", "open", "high", "low", "close", "volume"]
TERMS: dict[str, Any] = {"calendar": "XNYS", "sides": ["buy"], "size": "5%adv"}
MODEL = FillModel(max_participation=0.1)
MONTHS, RUNS = 12, 7


def study(store: Path, **options: Any) -> Any:
    bars = BarStore(store, **options).read()
    parents = ParentOrders.grid(bars, **TERMS)
    result = SlippageStudy(bars, parents, ALGORITHMS, MODEL).run(fills=False)
    return result, result.summary()


def parts(store: Path) -> dict[str, float]:
    marks = [time.perf_counter()]
    bars = BarStore(store).read()
    marks.append(time.perf_counter())
    parents = ParentOrders.grid(bars, **TERMS)
    marks.append(time.perf_counter())
    result = SlippageStudy(bars, parents, ALGORITHMS, MODEL).run(fills=False)
    marks.append(time.perf_counter())
    result.summary()
    marks.append(time.perf_counter())
    return dict(zip(("read", "parent_orders", "run", "summary"), np.diff(marks).tolist(), strict=True))


@njit
def by_hand(opens, volumes, first, last, lots, curves, begin, cap, out):  # type: ignore[no-untyped-def]  # noqa: PLR0917 - columns
    for i in range(len(first)):
        filled, notional, n = 0, 0.0, last[i] - first[i]
        for k in range(n):
            target = lots[i] if k == n - 1 else math.floor(curves[begin[i] + k] * lots[i] + 0.5)
            child = target - filled
            if child > 0:
                child = min(child, int(cap * volumes[first[i] + k]))
                filled += child
                notional += child * opens[first[i] + k]
        out[i, 0], out[i, 1] = filled, notional


@njit
def pov_by_hand(opens, volumes, first, last, lots, rate, cap, out):  # type: ignore[no-untyped-def]  # noqa: PLR0917 - as above
    for i in range(len(first)):
        filled, notional, traded = 0, 0.0, 0.0
        for r in range(first[i], last[i]):
            child = min(lots[i], math.floor(rate * traded)) - filled
            if child > 0:
                child = min(child, int(cap * volumes[r]))
                filled += child
                notional += child * opens[r]
            traded += volumes[r]
        out[i, 0], out[i, 1] = filled, notional


def loops(store: Path) -> Callable[[], dict[str, Any]]:
    """The four algorithms by hand, on arrays that lie ready: neither reading, nor curves, nor benchmarks."""
    bars = BarStore(store).read()
    orders = ParentOrders.grid(bars, **TERMS)
    spans = [orders.sessions.rows(bars.start[a:b]) for a, b in zip(bars.offsets[:-1], bars.offsets[1:], strict=True)]
    rows = np.array(spans)[orders.symbol, :, orders.session] + bars.offsets[orders.symbol][:, None]
    first, last = np.ascontiguousarray(rows[:, 0]), np.ascontiguousarray(rows[:, 1])
    length, zero = last - first, np.zeros(len(first), dtype=np.int64)
    volumes = [SessionVolumes.of(bars, symbol, orders.sessions) for symbol in bars.symbols]
    cuts = np.cumsum([0, *length])
    usual = [volumes[i].profile(k, 5)[:n] for i, k, n in zip(orders.symbol, orders.session, length, strict=True)]
    values = np.concatenate([one.cumsum() for one in usual])
    values /= np.repeat(values[cuts[1:] - 1], length)
    curves = {"vwap": (values, cuts[:-1])}
    sizes = np.unique(length)
    starts = np.cumsum([0, *sizes])[np.searchsorted(sizes, length)] if len(sizes) > 1 else zero
    curves["twap"] = np.concatenate([np.arange(1.0, n + 1) / n for n in sizes]), starts
    curves["implementation_shortfall"] = np.concatenate([ImplementationShortfall().curve(np.ones(n), MINUTE) for n in sizes]), starts
    out = {name: np.zeros((len(first), 2)) for name in ALGORITHMS}

    def run() -> dict[str, Any]:
        for name, (line, at) in curves.items():
            by_hand(bars.open, bars.volume, first, last, orders.lots, line, at, 0.1, out[name])
        pov_by_hand(bars.open, bars.volume, first, last, orders.lots, POV().trading_rate, 0.1, out["pov"])
        return out

    return run


class TwapByHand(bt.Strategy):
    """A child a minute, over the whole day, with what was not filled caught up; backtrader's own fills."""

    lots = 100_000

    def __init__(self) -> None:
        self.day, self.k, self.filled = None, 0, 0

    def next(self) -> None:
        day = int(self.datas[0].datetime[0] - 0.4)
        if day != self.day:
            self.day, self.k, self.filled = day, 0, 0
        self.k += 1
        missing = int(self.k / 390 * self.lots + 0.5) - self.filled
        if missing > 0:
            self.buy(size=missing)

    def notify_order(self, order: Any) -> None:
        if order.status == order.Completed:
            self.filled += int(order.executed.size)


def backtrader(store: Path) -> dict[str, float]:
    bars = BarStore(store).read(BarStore(store).symbols[0], end="2024-03-01")
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(BarsFeed(dataname=bars, symbol=bars.symbols[0]))
    cerebro.broker.setcash(1e12)
    cerebro.addstrategy(TwapByHand)
    begun = time.perf_counter()
    cerebro.run()
    return {"bars": len(bars), "seconds": time.perf_counter() - begun}


def least(works: dict[str, Callable[[], Any]], runs: int) -> dict[str, float]:
    """Least seconds of each, taken in turn after one run that does not count: on a shared machine what the others left undisturbed."""
    found = dict.fromkeys(works, math.inf)
    for n in range(runs + 1):
        for name, work in works.items():
            begun = time.perf_counter()
            work()
            found[name] = min(found[name], time.perf_counter() - begun if n else math.inf)
    return found


def measured(store: Path) -> dict[str, Any]:
    """In a process of its own, on the cores that it may use."""
    files = sorted(glob(f"{store}/symbol=*/month=*/bars.parquet"))
    run = loops(store)
    result, _ = study(store)
    for name, out in run().items():
        mine = result.parents[result.parents["algorithm"] == name]
        if not np.array_equal(mine["filled"].to_numpy(), out[:, 0]):
            raise SystemExit(f"{name}: the study and the loop by hand disagree")
    begun = time.process_time()
    study(store)
    processor = time.process_time() - begun
    times = least(
        {
            "study": lambda: study(store),
            "study_decoding_parquet": lambda: study(store, cache="off"),
            "pyarrow_read_table": lambda: pq.read_table(files, columns=COLUMNS),
            "pyarrow_file_by_file": lambda: [pq.ParquetFile(file).read(columns=COLUMNS) for file in files],
            "four_loops_by_hand": run,
        },
        RUNS,
    )
    rows = [parts(store) for _ in range(RUNS)]
    return {
        "bars": len(result.bars),
        "parent_orders": result.config["parent_orders"],
        "seconds": times,
        "processor_seconds_of_study": processor,
        "least_seconds_of_parts": {name: min(row[name] for row in rows) for name in rows[0]},
        "peak_mib": peak_megabytes(),
    }


def sharded(store: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as out:
        terms = ShardedStudy(store=str(store), parents=Grid(**TERMS), algorithms=ALGORITHMS, fill_model=MODEL, fills=False)
        begun = time.perf_counter()
        found = terms.run(out)
        found.summary()
        seconds = time.perf_counter() - begun
    return {"bars": found.config["bars"], "shards": found.made, "seconds": seconds, "peak_mib": peak_megabytes()}


def child(work: str, store: Path, cores: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", work, str(store), str(cores)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]))


def fill(store: Path, symbols: int) -> Path:
    for n in range(symbols):
        BarStore(store).write(synthetic(f"S{n:04}", MONTHS))
    return store


def main(symbols: int, many: list[int]) -> None:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        store = fill(Path(folder) / "bars", symbols)
        by_cores = {cores: child("measured", store, cores) for cores in (1, os.cpu_count() or 1)}
        slice_ = child("backtrader", store, 1)
        shards = [child("sharded", fill(Path(folder) / f"bars-{n}", n), os.cpu_count() or 1) for n in many]
    ratios = {}
    for cores, found in by_cores.items():
        times, steps = found["seconds"], found["bars"] * len(ALGORITHMS)
        ratios[f"{cores} core"] = {
            "study_to_pyarrow_read_table": times["study"] / times["pyarrow_read_table"],
            "study_to_pyarrow_file_by_file": times["study"] / times["pyarrow_file_by_file"],
            "study_decoding_parquet_to_pyarrow_read_table": times["study_decoding_parquet"] / times["pyarrow_read_table"],
            "study_to_four_loops_by_hand": times["study"] / times["four_loops_by_hand"],
            "backtrader_to_study_a_bar": slice_["seconds"] / slice_["bars"] / (times["study"] / steps),
        }
    figures = {"symbols": symbols, "months": MONTHS, "load_before": load, "ratios": ratios, "backtrader": slice_, "sharded": shards}
    keep("study", {**figures, **{f"{cores} core": found for cores, found in by_cores.items()}})


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        os.sched_setaffinity(0, set(range(int(sys.argv[4]))))
        print(json.dumps({"measured": measured, "backtrader": backtrader, "sharded": sharded}[sys.argv[2]](Path(sys.argv[3]))))
    else:
        sizes = [int(one) for one in sys.argv[1:]]
        main(sizes[0] if sizes else 100, sizes[1:])
