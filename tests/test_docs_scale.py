"""What docs/scale.md shows runs as it stands, and its table is the committed measurement."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.slow
def test_the_page_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "scale"}
    for number, block in enumerate(BLOCKS, start=1):
        exec(compile(block, f"scale.md, block {number}", "exec"), names)
    assert names["result"].failed == ()
    assert (tmp_path / "out/study/parents.parquet").exists()


KEPT = json.loads((ROOT / "benchmarks/results/scale.json").read_text(encoding="utf-8"))


def in_page(*cells):
    return f"| {' | '.join(map(str, cells))} |" in PAGE


@pytest.mark.parametrize("run", KEPT["runs"])
def test_the_table_is_what_was_measured(run):
    assert in_page(
        run["algorithms"],
        "yes" if run["fills"] else "no",
        f"{run['ms_per_shard']:.0f}",
        f"{run['seconds_per_million_worked']:.0f}",
        f"{run['bytes_per_worked']:.0f}",
        f"{run['combine_ms_per_shard']:.1f}",
        f"{run['peak_mib']:.0f}",
    )


@pytest.mark.parametrize("run", KEPT["sizes"])
def test_the_table_of_memory_is_what_was_measured(run):
    assert in_page(
        f"{run['bars'] / 1e6:.2f}",
        f"{run['shards']:,}",
        run["algorithms"],
        "yes" if run["fills"] else "no",
        f"{run['seconds_shards'] + run['seconds_combine']:.0f}",
        f"{run['ms_per_shard']:.1f}",
        f"{run['combine_ms_per_shard']:.1f}",
        f"{run['peak_mib_shards']:.0f}",
        f"{run['peak_mib']:.0f}",
    )


@pytest.mark.parametrize("run", KEPT["clusters"])
def test_the_table_of_workers_is_what_was_measured(run):
    seconds = (f"{run[f'seconds_{name}']:.1f}" for name in ("start", "shards", "combine"))
    assert in_page(run["workers"], "yes" if run["fills"] else "no", *seconds)


def test_ten_times_the_bars_take_a_tenth_more_memory_at_most_and_less_than_a_gigabyte():
    peaks = [run["peak_mib"] for run in KEPT["sizes"] if run["algorithms"] == 4 and run["bars"] > 9e6]
    assert len(peaks) == 2
    assert max(peaks) < 1.1 * min(peaks) < 1000
