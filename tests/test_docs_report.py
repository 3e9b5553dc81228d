"""What docs/report.md shows runs as it stands, and its commands are there."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from exec_algos.cli import app

PAGE = Path(__file__).parents[1] / "docs" / "report.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_page_runs_from_top_to_bottom():
    names = {"__name__": "report"}
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL), start=1):
        exec(compile(block, f"report.md, block {number}", "exec"), names)  # the blocks assert what they say
    assert "By liquidity" in names["page"].read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["study", "tca", "report", "compare"])
def test_the_commands_and_their_options_are_there(command):
    line = next(line for line in TEXT.splitlines() if line.startswith(f"    exec-algos {command}"))
    options = re.findall(r"--[a-z]+", line)
    said = re.sub(r"\x1b\[[0-9;]*m", "", CliRunner().invoke(app, [command, "--help"], terminal_width=200).output)
    assert all(option in said for option in options)
