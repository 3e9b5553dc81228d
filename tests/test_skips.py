"""The run of the tests says at its end how many were skipped, and why."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SKIPPING = """
import pytest

@pytest.mark.parametrize("n", range(3))
def test_needs(n):
    pytest.skip("no such folder")

@pytest.mark.skipif(True, reason="make is not installed")
def test_makes():
    pass

def test_runs():
    pass
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "line", "workers"),
    [
        (SKIPPING, "skipped: 4 tests; 3 x no such folder; 1 x make is not installed", ("-n", "1")),
        ("def test_runs():\n    pass\n", "skipped: 0 tests", ()),
    ],
    ids=["some, by workers", "none"],
)
def test_the_run_ends_with_how_many_tests_were_skipped_and_why(tmp_path, text, line, workers):
    (tmp_path / "conftest.py").write_text((TESTS / "conftest.py").read_text())
    (tmp_path / "test_some.py").write_text(text)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, *workers, tmp_path],
        capture_output=True, text=True, cwd=tmp_path, check=False, env={**os.environ, "PYTHONPATH": str(TESTS)},
    )  # fmt: skip
    assert (run.returncode, run.stdout.splitlines()[-2]) == (0, line)
