"""What docs/writing-an-executor.md shows runs as it stands, from the first block to the last."""

import re
from pathlib import Path

import pytest

from exec_algos.model import Residual, Rules, Seen, Terms

PAGE = Path(__file__).parents[1] / "docs" / "writing-an-executor.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.slow
def test_the_page_runs_from_top_to_bottom():
    names = {"__name__": "writing"}
    for number, block in enumerate(BLOCKS, start=1):
        exec(compile(block, f"writing-an-executor.md, block {number}", "exec"), names)  # the blocks assert what they say
    assert set(names["batch"].parents["algorithm"]) == {"twap", "eager:rate=0.05"}
    assert len(names["mine"]) > 1


def test_the_page_names_all_that_a_decide_is_told_and_every_rule():
    told = [*Terms._fields, *Seen._fields, *Rules.__dataclass_fields__, *(f'residual="{policy}"' for policy in Residual)]
    assert [name for name in told if f"`{name}`" not in TEXT and f"`{name}=" not in TEXT] == []


def test_every_file_that_it_names_exists():
    named = re.findall(r"`((?:strategies|tests|exec_algos)/\S+?)`", TEXT)
    assert named
    assert [name for name in named if not (PAGE.parents[1] / name).exists()] == []
