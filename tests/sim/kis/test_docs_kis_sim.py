"""What docs/kis-sim.md shows runs as it stands, and its tables name what there is."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from exec_algos.sim.kis.faults import CLASSES, FAULTS
from exec_algos.sim.kis.settings import KISSettings

TEXT = (Path(__file__).parents[3] / "docs" / "kis-sim.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_blocks_of_the_page_run():
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL), start=1):
        exec(compile(block, f"kis-sim.md, block {number}", "exec"), {"__name__": "kis_sim"})  # the blocks assert what they say


def test_the_page_names_every_fault_and_every_class_and_no_other():
    named = re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)
    assert sorted(named) == sorted(FAULTS)
    classes = TEXT[TEXT.index("Classes:") : TEXT.index("| fault |")]
    assert set(re.findall(r"`(\w+)`", classes)) == set(CLASSES)


def test_the_page_names_no_setting_that_there_is_not():
    there = {field.name for field in fields(KISSettings)}
    part = TEXT[TEXT.index("## What it is not") : TEXT.index("## The control port")]
    named = set(re.findall(r"`(\w+)`", part))
    assert named
    assert named <= there
