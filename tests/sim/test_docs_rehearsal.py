"""What docs/rehearsal.md shows runs as it stands, and its tables name what there is."""

import re
from pathlib import Path

import pytest

from exec_algos.sim.faults import FAULTS, ON

TEXT = (Path(__file__).parents[2] / "docs" / "rehearsal.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_blocks_of_the_page_run():
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL), start=1):
        exec(compile(block, f"rehearsal.md, block {number}", "exec"), {"__name__": "rehearsal"})  # the blocks assert what they say


def test_the_page_names_every_fault_and_every_class_and_no_other():
    assert re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE) == list(dict.fromkeys(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)))
    assert set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)) == set(FAULTS)
    classes = TEXT[TEXT.index("Classes:") : TEXT.index("| fault |")]
    assert set(re.findall(r"`(\w+)`", classes)) == set(ON)
