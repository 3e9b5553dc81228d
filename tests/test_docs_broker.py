"""What docs/writing-a-broker.md shows runs as it stands, from the first block to the last."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "writing-a-broker.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.slow
def test_the_page_runs_from_top_to_bottom():
    names = {"__name__": "writing_a_broker"}
    for number, block in enumerate(BLOCKS, start=1):
        exec(compile(block, f"writing-a-broker.md, block {number}", "exec"), names)  # the blocks assert what they say
    assert len(BLOCKS) == 9


def test_every_file_that_it_names_exists():
    named = re.findall(r"`((?:tests|exec_algos)/\S+?)`", TEXT)
    assert named
    assert [name for name in named if not (PAGE.parents[1] / name).exists()] == []
    linked = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert [name for name in linked if not (PAGE.parent / name).exists()] == []


def test_every_test_that_the_decision_names_exists():
    page = PAGE.parent / "decisions" / "0019-an-order-nobody-knows.md"
    named = re.findall(r"`(tests/\S+?)::(\w+)`", page.read_text(encoding="utf-8"))
    assert len(named) == 10
    assert [name for path, name in named if f"def {name}(" not in (PAGE.parents[1] / path).read_text(encoding="utf-8")] == []
