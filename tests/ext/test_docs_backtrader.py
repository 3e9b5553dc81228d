"""What docs/backtrader.md shows runs as it stands, and each fact in its table names the test that shows it."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "backtrader.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.slow
def test_the_page_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}  # backtrader looks a strategy's module up
    for number, block in enumerate(BLOCKS, start=1):
        exec(compile(block, f"backtrader.md, block {number}", "exec"), names)  # the blocks assert what they say
    assert len(names["table"]) == len(names["fills"])
    assert (tmp_path / "strategy.png").stat().st_size > 20_000


def test_every_fact_names_a_test_that_exists():
    facts = (Path(__file__).parent / "test_backtrader_facts.py").read_text(encoding="utf-8")
    named = re.findall(r"`(test_\w+)`", TEXT)
    assert len(named) >= 11
    assert [name for name in named if f"def {name}(" not in facts] == []


def test_every_file_that_it_names_exists():
    named = re.findall(r"`((?:strategies|tests)/\S+?)`", TEXT)
    assert [name for name in named if not (PAGE.parents[1] / name).exists()] == []
