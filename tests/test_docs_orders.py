"""What docs/orders.md shows runs as it stands and prints what it says."""

import contextlib
import io
import re
from pathlib import Path

from exec_algos.market.columns import plain_name
from exec_algos.studies.design.short import Short, history_line
from exec_algos.studies.design.written.form import FIELDS, SYNONYMS

PAGE = (Path(__file__).parents[1] / "docs" / "orders.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```(?:\s+```text\n(.*?)```)?", PAGE, re.DOTALL)


def test_the_page_runs_from_top_to_bottom_and_prints_what_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "orders"}
    assert len(BLOCKS) == PAGE.count("```python") == 3
    for number, (block, printed) in enumerate(BLOCKS, start=1):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(block, f"orders.md, block {number}", "exec"), names)
        assert out.getvalue() == printed


def test_the_synonyms_of_the_page_are_known():
    rows = dict(re.findall(r"^\| `(\w+)`[^|]*\| ([^|]+) \|$", PAGE.partition("## Quantities")[0], re.MULTILINE))
    assert tuple(rows) == FIELDS
    for field, names in rows.items():
        assert {plain_name(name) for name in names.split(", ")} <= set(SYNONYMS[field])


def test_the_line_of_short_history_is_the_one_that_is_printed():
    assert history_line([Short(5, 0, 91), Short(5, 1, 91), Short(5, 3, 278)], 540) in PAGE
