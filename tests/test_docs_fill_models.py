"""The code of docs/fill-models.md runs, and its commands name presets, spreads and impacts that are there."""

import re
import shlex
from pathlib import Path

import pytest

from exec_algos.fills.parsing import IMPACTS, PRESETS, SPREADS
from exec_algos.studies.request import StudyRequest

TEXT = (Path(__file__).parents[1] / "docs" / "fill-models.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    exec-algos study (.*)$", TEXT, re.MULTILINE)


def test_the_code_runs():
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert blocks
    for code in blocks:
        exec(compile(code, "fill-models.md", "exec"), {})


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_is_understood(command):
    words = shlex.split(command)[1:]
    options = dict(zip((word.removeprefix("--") for word in words[::2]), words[1::2], strict=True))
    assert StudyRequest(**options).fill_model()


def test_the_page_names_every_preset_spread_and_impact():
    assert len(COMMANDS) == 3
    assert [name for name in (*PRESETS, *SPREADS, *IMPACTS) if name not in TEXT] == []
