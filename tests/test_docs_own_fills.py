"""What docs/own-fills.md shows runs as it stands and prints what it says."""

import contextlib
import io
import re
from pathlib import Path

from exec_algos.executions.form import FILL_NAMES, OF_FILLS, ORDER_NAMES
from exec_algos.market.columns import plain_name

PAGE = (Path(__file__).parents[1] / "docs" / "own-fills.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```(?:\s+```text\n(.*?)```)?", PAGE, re.DOTALL)


def test_the_page_runs_from_top_to_bottom_and_prints_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "own_fills"}
    assert len(BLOCKS) == PAGE.count("```python") == 1
    for number, (block, printed) in enumerate(BLOCKS, start=1):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(block, f"own-fills.md, block {number}", "exec"), names)
        assert out.getvalue() == printed


def rows_of(section):
    return re.findall(r"^\| (`\w+`.*?) \| ([^|]*) \|$", PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0], re.MULTILINE)


def test_the_synonyms_of_the_page_are_known():
    seen = set()
    for section, known in (("Orders", ORDER_NAMES), ("Fills", FILL_NAMES)):
        for left, right in rows_of(section):
            fields = re.findall(r"`(\w+)`", left)
            seen |= set(fields)
            if "orders.md" in right or "very names" in right:
                continue
            every = {name for field in fields for name in known.get(field, ())}
            assert {plain_name(name) for part in right.split(";") for name in part.split(", ") if name.strip()} <= every, left
    assert set(OF_FILLS) <= seen
