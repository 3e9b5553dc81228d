"""What docs/data.md shows runs as it stands, and its table is that of the package."""

import re
from dataclasses import fields
from pathlib import Path

from exec_algos.market.quality.finders import KINDS
from exec_algos.market.quality.limits import Limits
from exec_algos.market.splits import Splits

PAGE = (Path(__file__).parents[1] / "docs" / "data.md").read_text(encoding="utf-8")


def test_the_page_runs_from_top_to_bottom(capsys):
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL), start=1):
        exec(compile(block, f"data.md, block {number}", "exec"), {})
    assert "SYNGAP: minutes missing: 2025-10-29: 30 of 390 minutes, usually 0" in capsys.readouterr().out


def test_the_table_has_every_kind_and_every_limit():
    rows = [line.split("|") for line in PAGE.splitlines() if line.startswith("| `")]
    assert {row[1].strip().strip("`") for row in rows} == set(KINDS)
    for field in fields(Limits):
        (row,) = [row for row in rows if row[1].strip() == f"`{field.name}`"]
        assert row[3].strip().startswith(f"`{field.name}` {field.default:g}")


def test_the_table_of_splits_can_be_read(tmp_path):
    lines = [line[4:] for line in PAGE.splitlines() if re.match(r"    (date,|\d{4}-)", line)]
    (tmp_path / "splits.csv").write_text("\n".join(lines))
    assert [(split.symbol, split.ratio) for split in Splits.of(tmp_path / "splits.csv").rows] == [("NVDA", 10), ("XYZ", 0.1)]
