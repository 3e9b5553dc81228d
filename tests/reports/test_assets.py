"""The libraries of the report's page are what was published, with their licences, and may stand in a page."""

import hashlib
import importlib.util
import io
import json
import re
import tarfile
from pathlib import Path

import pytest

from exec_algos.errors import UsageError
from exec_algos.reports import assets

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(assets.__file__).parent
ASSETS = assets.assets()
CODE = [asset.file for asset in ASSETS if not asset.file.endswith(".txt")]


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("make_assets", ROOT / "tools" / "make_assets.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("asset", ASSETS, ids=lambda asset: asset.file)
def test_a_file_is_what_the_manifest_says(asset):
    content = (FOLDER / asset.file).read_bytes()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (asset.bytes, asset.sha256)


def test_the_manifest_names_every_file_but_our_own():
    own = {"__init__.py", "manifest.json", assets.THEME}
    assert {path.name for path in FOLDER.iterdir() if path.is_file()} - own == {asset.file for asset in ASSETS}


def test_each_library_has_its_licence_text_here_and_its_name_and_version_in_its_code():
    for package in {asset.npm for asset in ASSETS}:
        mine = [asset for asset in ASSETS if asset.npm == package]
        [licence] = [asset for asset in mine if asset.file.endswith(".LICENSE.txt")]
        assert licence.licence == "MIT"
        assert "MIT License" in assets.text(licence.file)
        [code] = [asset for asset in mine if asset.file.endswith(".js")]
        assert f"v{code.version}" in assets.text(code.file)[:200]


def test_the_script_and_the_manifest_name_the_same_versions_and_files(script):
    wanted = [(library, *pair) for library in script.LIBRARIES for pair in library.members.items()]
    written = {(library.package, library.version, member, name) for library, member, name in wanted}
    assert written == {(asset.npm, asset.version, asset.member, asset.file) for asset in ASSETS}


def test_the_script_refuses_another_content_under_a_known_version(script, tmp_path):
    rows = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    script.unchanged(rows, FOLDER)
    script.unchanged(rows, tmp_path)
    rows[0]["sha256"] = "0" * 64
    with pytest.raises(SystemExit, match=r"tabulator-tables 6\.\S+: dist/js/tabulator\.min\.js has SHA-256 0+, the manifest says"):
        script.unchanged(rows, FOLDER)
    rows[0]["version"] = "7.0.0"
    script.unchanged(rows, FOLDER)


@pytest.mark.parametrize("file", CODE)
def test_a_file_can_stand_inside_its_element_and_asks_for_no_other(file):
    shown = assets.text(file)
    assert re.search(r"</(script|style)|<!--|<script", shown, re.IGNORECASE) is None
    assert "sourceMappingURL" not in shown
    assert "@import" not in shown
    assert re.search(r"url\((?!['\"]?data:)", shown) is None or file.endswith(".js")


@pytest.mark.parametrize("file", [name for name in CODE if name.endswith(".js")])
def test_a_script_makes_no_code_from_text(file):
    assert re.search(r"(?<![\w$.])(eval|Function)\s*\(|new\s+Function|set(Timeout|Interval)\(\s*['\"]", assets.text(file)) is None


def test_a_file_that_is_not_what_was_published_is_refused(monkeypatch, tmp_path):
    for path in FOLDER.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "tabulator.min.js").write_bytes((FOLDER / "tabulator.min.js").read_bytes() + b"\nalert(1)")
    (tmp_path / "plotly-basic.min.js").unlink()
    monkeypatch.setattr(assets, "files", lambda _: tmp_path)
    assets.text.cache_clear()
    try:
        with pytest.raises(
            UsageError, match=r"tabulator\.min\.js must have SHA-256 ffac\w+, got \w+: it is not the file that was published"
        ):
            assets.text("tabulator.min.js")
        with pytest.raises(UsageError, match=r"needs plotly-basic\.min\.js, which is not in exec_algos/reports/assets; install"):
            assets.text("plotly-basic.min.js")
    finally:
        assets.text.cache_clear()


def test_the_theme_takes_every_colour_from_the_page():
    shown = assets.text(assets.THEME)
    assert set(re.findall(r"var\((--[a-z]+)", shown)) == {"--surface", "--ink", "--muted", "--line", "--hover", "--accent"}
    assert re.search(r"#[0-9a-fA-F]{3}|rgb|hsl", shown) is None


def packed(folder: Path, about: dict[str, str], **files: str) -> Path:
    """An archive as npm packs it."""
    archive = folder / "a.tgz"
    with tarfile.open(archive, "w:gz") as out:
        for name, content in {"package.json": json.dumps(about), **files}.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            out.addfile(entry, io.BytesIO(content.encode()))
    return archive


@pytest.mark.parametrize(("changed", "value"), [("version", "1.0.1"), ("name", "other"), ("license", "GPL-3.0")])
def test_the_script_refuses_an_archive_that_is_another_package_version_or_licence(script, tmp_path, changed, value):
    library = script.Library("A", "a", "1.0.0", "MIT", {"a.js": "a.min.js"})
    about = {"name": "a", "version": "1.0.0", "license": "MIT"}
    assert script.taken(library, packed(tmp_path, about, **{"a.js": "1"})) == {"a.min.js": b"1"}
    with pytest.raises(SystemExit, match=rf"a\.tgz says it is .*{value}.*, not a 1\.0\.0 MIT"):
        script.taken(library, packed(tmp_path, about | {changed: value}, **{"a.js": "1"}))
