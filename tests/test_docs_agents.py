"""What docs/agents.md shows runs as it stands, from the first block to the last."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "agents.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.slow
def test_the_page_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "agents"}
    for number, block in enumerate(BLOCKS, start=1):
        exec(compile(block, f"agents.md, block {number}", "exec"), names)  # the blocks assert what they say
    assert len(names["result"].fills) == 30


def test_the_strategy_that_the_page_points_to_exists():
    named = re.findall(r"`(strategies/\S+)`", TEXT)
    assert [name for name in named if not (PAGE.parents[1] / name).exists()] == []
    assert named
