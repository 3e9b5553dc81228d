"""A small study in a process of its own, as the command runs it: bars to saved tables and the report.

The sample bars of one calendar, buys and sells, two algorithms, 550 parent orders. What is counted is processor time, user and system, of
whole processes, warm caches, the least of some runs taken in turn. The yardstick is a process that imports pandas and pyarrow.

Beside it a study whose single trades are not kept: what it takes to add up what the tables need, and the same tables from kept trades.

python benchmarks/small.py [symbols of the larger study]; writes benchmarks/results/small.json
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import keep, peak_megabytes
from scale import synthetic

RUNS = 5
YARDSTICK = "import pandas, pyarrow"
SMALL = """
import sys
from exec_algos.fills.presets import preset_for
from exec_algos.market.samples import load_samples
from exec_algos.reports import write_report
from exec_algos.studies.request import StudyRequest

bars = load_samples()["XNYS"]
request = StudyRequest(calendar="XNYS", max_participation=0.1, preset=preset_for("XNYS"), sides="buy,sell")
study = request.study(bars)
result = study.run(fills=request.keeps_fills(study))
result.save(sys.argv[1])
write_report(result, sys.argv[1])
"""
ALGORITHMS = ("twap", "vwap")


def processor_seconds(code: str, *words: str) -> float:
    """What a process of its own takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def small() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as out:
        processor_seconds(SMALL, out)  # what is compiled is kept from here on
        taken = [(processor_seconds(YARDSTICK), processor_seconds(SMALL, out)) for _ in range(RUNS)]
    yardstick, study = (min(column) for column in zip(*taken, strict=True))
    return {"yardstick": yardstick, "study": study, "study_to_yardstick": study / yardstick}


def tables(result: Any) -> float:
    """Processor seconds of the report's tables."""
    begun = time.process_time()
    found = result.analysis()
    for table in (found.shortfall, found.slippage, found.markouts, found.time_of_day, found.power, result.residuals, result.oversize):
        table()
    return time.process_time() - begun


def large(store: str, kept: bool) -> dict[str, float]:
    """A study and its tables, with kept trades or with what they were added up to."""
    from exec_algos import BarStore, FillModel, ParentOrders, SlippageStudy

    bars = BarStore(store).read()
    parents = ParentOrders.grid(bars, calendar="XNYS", sides=["buy"], size="5%adv")
    study = SlippageStudy(bars, parents, ALGORITHMS, FillModel(max_participation=0.1))
    for _ in range(2):  # the first compiles, or loads what was
        begun = time.process_time()
        result = study.run(fills=kept)
        result.summary()
        run = time.process_time() - begun
        whole = tables(result)
    return {"orders": len(parents), "run": run, "tables": whole, "peak_mib": peak_megabytes()}


def child(store: str, kept: bool) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", store, str(int(kept))]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]))


def main(symbols: int) -> None:
    from exec_algos import BarStore

    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder) / "bars")
        for n in range(symbols):
            BarStore(store).write(synthetic(f"S{n:04}", 12))
        summed, kept = child(store, False), child(store, True)
    ratio = {
        "tables_from_sums_to_run": summed["tables"] / summed["run"],
        "kept_trades_to_sums": (kept["run"] + kept["tables"]) / (summed["run"] + summed["tables"]),
    }
    keep("small", {"load_before": load, "small": small(), "symbols": symbols, "summed": summed, "kept": kept, **ratio})


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(large(sys.argv[2], sys.argv[3] == "1")))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else 20)
