"""The wheel: what it holds, and that it works away from the checkout."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("exec_algos", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy so that the checkout stays clean."""
    copy = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist", ".", cwd=copy)
    return next((copy / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """`bin` of a clean environment with the wheel; the dependencies are those of the running interpreter."""
    place = tmp_path_factory.mktemp("clean") / "env"
    venv.create(place, with_pip=False, symlinks=True)
    python = place / "bin" / "python"
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place.parent).strip()
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    # A path added by a .pth file does not run the .pth files in it: an editable install stays unseen.
    Path(site, "dependencies.pth").write_text("\n".join(sorted(paths)) + "\n", encoding="utf-8")
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--quiet", wheel, cwd=place.parent)
    return python.parent


def run(*command: object, cwd: Path) -> str:
    """Standard output of a command that has to succeed, without this checkout on its path."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV", "EXEC_ALGOS"))}
    env |= {"PYTHONSAFEPATH": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "COLUMNS": "120"}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "exec_algos/py.typed" in names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"exec_algos"}
    files = (path for path in (ROOT / "exec_algos").rglob("*") if path.is_file() and path.suffix not in {".pyc", ".nbi", ".nbc"})
    assert {str(path.relative_to(ROOT)) for path in files} - set(names) == set()


def test_the_wheel_holds_the_libraries_of_the_page_with_licence_and_manifest(wheel):
    archive = zipfile.ZipFile(wheel)
    folder = "exec_algos/reports/assets"
    manifest = json.loads(archive.read(f"{folder}/manifest.json"))
    assert {row["npm"] for row in manifest} == {"tabulator-tables", "plotly.js-basic-dist-min"}
    for row in manifest:
        content = archive.read(f"{folder}/{row['file']}")
        assert (len(content), hashlib.sha256(content).hexdigest()) == (row["bytes"], row["sha256"]), row["file"]
    licences = {name.rpartition("/")[2] for name in archive.namelist() if ".dist-info/licenses/" in name}
    assert licences == {"LICENSE", "tabulator.LICENSE.txt", "plotly-basic.LICENSE.txt"}


def test_the_metadata_names_licence_and_extras(wheel):
    archive = zipfile.ZipFile(wheel)
    name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = archive.read(name).decode()
    assert "License-Expression: Apache-2.0 AND MIT" in metadata
    extras = {line.split(": ")[1] for line in metadata.splitlines() if line.startswith("Provides-Extra")}
    assert extras == {"backtrader", "live", "cluster", "docs", "dev", "all"}


def test_the_installed_package_is_the_wheel_and_knows_its_version(installed, tmp_path):
    shown = run(installed / "python", "-c", "import exec_algos; print(exec_algos.__file__, exec_algos.__version__)", cwd=tmp_path)
    file, version = shown.split()
    assert Path(file).is_relative_to(installed.parent)
    assert f"version = {version}" in (ROOT / "setup.cfg").read_text(encoding="utf-8")


def test_the_command_works_outside_the_checkout(installed, tmp_path):
    assert "demo" in run(installed / "exec-algos", "--help", cwd=tmp_path)


def test_the_demo_runs_outside_the_checkout(installed, tmp_path):
    shown = run(installed / "exec-algos", "demo", cwd=tmp_path)
    assert "TWAP" in shown.upper()
    assert str(ROOT) not in shown
