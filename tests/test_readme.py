"""What the README shows is what it does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```\s+```text\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def lines(text):
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def test_every_python_block_shows_its_output():
    assert len(EXAMPLES) == README.read_text(encoding="utf-8").count("```python")


@pytest.mark.slow
@pytest.mark.parametrize(("code", "shown"), EXAMPLES, ids=["study", "executor", "backtest"])
def test_an_example_prints_what_stands_below_it(code, shown):
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stderr == ""
    assert lines(run.stdout) == lines(shown)


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8"))
    assert [link for link in links if not (README.parent / link).exists()] == []
