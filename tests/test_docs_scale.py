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


def test_the_table_is_what_was_measured():
    kept = json.loads((ROOT / "benchmarks/results/scale.json").read_text(encoding="utf-8"))
    for run in kept["runs"]:
        cells = [
            run["algorithms"],
            "yes" if run["fills"] else "no",
            f"{run['ms_per_shard']:.0f}",
            f"{run['seconds_per_million_worked']:.0f}",
            f"{run['bytes_per_worked']:.0f}",
            f"{1e3 * run['seconds_combine'] / run['shards']:.0f}",
        ]
        assert f"| {' | '.join(map(str, cells))} |" in PAGE
