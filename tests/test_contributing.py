"""CONTRIBUTING.md is followed to the letter: its toy algorithm, one file laid into a copy of the package, is everywhere at once."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
(TOY,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
PARTS = ("exec_algos", "tests", "docs", "pyproject.toml", "setup.cfg", "README.md")
USE = """
import asyncio
from exec_algos.algorithms import ALGORITHMS, parse_algorithm
from exec_algos.executors.shortcuts import execute_algorithm
from exec_algos.testing import check_executor
print(list(ALGORITHMS)[-1], check_executor(parse_algorithm("halving:part=0.3")).orders > 0)
fills = asyncio.run(execute_algorithm("AAPL", 400, "halving", end="12:00"))
print(sum(fill.quantity for fill in fills))
"""


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of the project with the toy in its place, and nothing else changed."""
    home = tmp_path_factory.mktemp("project")
    ignored = shutil.ignore_patterns("__pycache__", "*.nb[ic]")
    for name in PARTS:
        source = ROOT / name
        shutil.copytree(source, home / name, ignore=ignored) if source.is_dir() else shutil.copy(source, home / name)
    (home / "exec_algos" / "algorithms" / "halving.py").write_text(TOY, encoding="utf-8")
    return home


def run(home, *command):
    environment = {**os.environ, "PYTHONPATH": str(home), "NUMBA_CACHE_DIR": str(home / "numba")}
    done = subprocess.run([sys.executable, *command], cwd=home, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_the_toy_is_registered_checked_and_executed(copied):
    name, checked, filled = run(copied, "-c", USE).split()
    assert (name, checked) == ("halving", "True")
    assert 200 < int(filled) <= 400  # it never sends more than half of what is left


def test_the_docs_get_its_rows(copied):
    run(copied, "docs/make_tables.py")
    page = (copied / "docs" / "algorithms.md").read_text(encoding="utf-8")
    assert "| `halving` | `Halving` | `AlgorithmExecutor` | a curve: time |" in page
    assert "| `halving` | `part` | 0.5 | fraction | (0, 1] | largest child, of what is left |" in page
    assert page.replace("halving", "").count("|\n") == (ROOT / "docs" / "algorithms.md").read_text(encoding="utf-8").count("|\n") + 2


@pytest.mark.slow
def test_the_tests_that_try_every_algorithm_try_it_and_pass(copied):
    run(copied, "docs/make_tables.py")
    chosen = ["test_agreement.py", "test_bad_parameters.py", "test_conformance.py", "test_docs_algorithms.py", "test_imports.py"]
    told = run(
        copied, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"tests/{name}" for name in chosen),
        "-k", "halving and not extend and not force and not close_auction",
    )  # fmt: skip
    passed = re.search(r"(\d+) passed", told)
    assert passed
    assert int(passed[1]) >= 20
