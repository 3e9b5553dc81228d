"""`make demo` and `make test`: what they would run, without running it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def checkout(tmp_path):
    for name in ("Makefile", "setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def planned(checkout: Path, target: str) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(["make", "--dry-run", target], cwd=checkout, env=env, capture_output=True, text=True, check=True).stdout


def install(checkout: Path, *stamps: str) -> None:
    """Leave what an installation leaves, newer than the files it was made from."""
    (checkout / ".venv" / "bin").mkdir(parents=True)
    for name in ("bin/python", *stamps):
        (checkout / ".venv" / name).touch()
    for name in ("setup.cfg", "pyproject.toml"):
        os.utime(checkout / name, (1, 1))


def test_a_cold_demo_makes_the_environment_installs_and_runs(checkout):
    shown = planned(checkout, "demo")
    assert shown.index("-m venv .venv") < shown.index("install --editable .") < shown.index("exec-algos demo")


def test_a_warm_demo_only_runs(checkout):
    install(checkout, ".installed")
    assert planned(checkout, "demo").splitlines() == [".venv/bin/exec-algos demo"]


@pytest.mark.parametrize("changed", ["setup.cfg", "pyproject.toml"])
def test_changed_dependencies_are_installed_again(checkout, changed):
    install(checkout, ".installed")
    os.utime(checkout / changed)
    os.utime(checkout / ".venv" / ".installed", (2, 2))
    shown = planned(checkout, "demo")
    assert "install --editable ." in shown
    assert "-m venv" not in shown


def test_every_check_is_run(checkout):
    install(checkout, ".installed", ".installed-dev")
    expected = ["ruff format --check", "ruff check", "mypy", "coverage erase", "coverage run -m pytest --numprocesses auto"]
    expected += ["coverage combine --quiet", "coverage report"]
    assert planned(checkout, "test").splitlines() == [f".venv/bin/{one}" for one in expected]


def test_tests_need_the_development_tools(checkout):
    install(checkout, ".installed")
    assert "install --editable '.[dev]'" in planned(checkout, "test")


def test_continuous_integration_runs_make_test():
    script = ROOT / ".ci" / "run"
    lines = script.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in lines
    assert lines[-1] == "make test"
    assert os.access(script, os.X_OK)
