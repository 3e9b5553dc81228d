"""`make demo` and `make test`: what they would run, without running it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from exec_algos.reports.pdf import COMMANDS

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
    install(checkout, ".installed", ".installed-dev", ".browser")
    expected = [
        "ruff format --check",
        "ruff check",
        "mypy",
        "coverage erase",
        "coverage run -m pytest --numprocesses auto --dist loadgroup",
    ]
    expected += ["coverage combine --quiet", "coverage report"]
    assert planned(checkout, "test").splitlines() == [f".venv/bin/{one}" for one in expected]


def test_tests_need_the_development_tools(checkout):
    install(checkout, ".installed")
    assert "install --editable '.[dev]'" in planned(checkout, "test")


def test_tests_look_for_a_browser_first_and_go_on_without_one(checkout):
    install(checkout, ".installed", ".installed-dev")
    shown = planned(checkout, "test")
    assert shown.index("if tools/install_browser.sh; then touch .venv/.browser; fi") < shown.index("coverage run")


def programs(folder: Path, **lines: str) -> Path:
    """A folder of programs, each a line of shell, to stand alone on the path beside the shell's own."""
    for name, line in lines.items():
        (folder / name.replace("_", "-")).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        (folder / name.replace("_", "-")).chmod(0o755)
    for name in ("sh", "mktemp", "tail", "rm", "touch", "chmod"):
        (folder / name).symlink_to(shutil.which(name))
    return folder


def set_up(path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    script = ROOT / "tools" / "install_browser.sh"
    return subprocess.run([script], env={"PATH": str(path)} | env, capture_output=True, text=True, check=False)


APT = """echo "$@" >> {log}
if [ "$1" = install ]; then for name in chromium fc-list pdftotext; do echo "echo a font" > {bin}/$name; chmod +x {bin}/$name; done; fi"""


def test_root_on_debian_installs_a_browser_and_a_font(tmp_path):
    (tmp_path / "bin").mkdir()
    apt = APT.format(log=tmp_path / "log", bin=tmp_path / "bin")
    done = set_up(programs(tmp_path / "bin", id="echo 0", apt_get=apt))
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "log").read_text().splitlines() == [
        "update",
        "install -y --no-install-recommends chromium poppler-utils fonts-noto-cjk fontconfig",
    ]


def test_a_failed_installation_says_why_and_what_to_do(tmp_path):
    done = set_up(programs(tmp_path, id="echo 0", apt_get="echo no network >&2; exit 100"))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "no network",
        "!!! BROWSER TESTS WILL BE SKIPPED OR INCOMPLETE: apt-get could not install chromium poppler-utils fonts-noto-cjk; "
        "do it by hand: apt-get install chromium poppler-utils fonts-noto-cjk",
    ]


def test_another_user_installs_nothing_and_is_told(tmp_path):
    done = set_up(programs(tmp_path, id="echo 1000", apt_get=f"touch {tmp_path}/asked"))
    assert done.returncode == 1
    assert "not root on Debian, so nobody installed chromium poppler-utils fonts-noto-cjk" in done.stderr
    assert not (tmp_path / "asked").exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_browser_that_is_there_is_enough_by_any_name_that_the_report_knows(tmp_path, name):
    done = set_up(programs(tmp_path, fc_list="echo a font", pdftotext="exit 0", **{name.replace("-", "_"): "exit 0"}))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_browser_of_the_setting_is_enough_and_a_missing_font_is_named_alone(tmp_path):
    done = set_up(programs(tmp_path, id="echo 1000", mine="exit 0", pdftotext="exit 0"), EXEC_ALGOS_BROWSER=str(tmp_path / "mine"))
    assert done.stderr.endswith("apt-get install fonts-noto-cjk\n")


def test_continuous_integration_runs_make_test():
    script = ROOT / ".ci" / "run"
    lines = script.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in lines
    assert lines[-1] == "make test"
    assert os.access(script, os.X_OK)
