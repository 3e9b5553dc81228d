"""Fetch the libraries of the report's page and write exec_algos/reports/assets/: `make assets`, or ``python tools/make_assets.py``.

For maintainers. It needs npm on the path, which asks the registry that it is set up for and checks what it gets against that registry's
integrity hash. To take another version, change it below, run this, read the changed hashes and run the browser tests.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

ASSETS = Path(__file__).resolve().parents[1] / "exec_algos" / "reports" / "assets"


class Library(NamedTuple):
    """A package of npm, and what the report takes of it: member of the archive -> name of the file here."""

    name: str
    package: str
    version: str
    licence: str
    members: dict[str, str]


LIBRARIES = (
    Library(
        "Tabulator",
        "tabulator-tables",
        "6.5.3",
        "MIT",
        {
            "dist/js/tabulator.min.js": "tabulator.min.js",
            "dist/css/tabulator_simple.min.css": "tabulator.min.css",
            "LICENSE": "tabulator.LICENSE.txt",
        },
    ),
    Library(
        "plotly.js (basic)",
        "plotly.js-basic-dist-min",
        "4.1.1",
        "MIT",
        {"plotly-basic.min.js": "plotly-basic.min.js", "LICENSE": "plotly-basic.LICENSE.txt"},
    ),
)


def fetched(library: Library, folder: Path) -> Path:
    """The archive of a library as npm packs it; npm refuses one that its registry's hash does not fit."""
    command = ["npm", "pack", f"{library.package}@{library.version}", "--ignore-scripts", "--json", "--pack-destination", str(folder)]
    [said] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return folder / said["filename"]


def taken(library: Library, archive: Path) -> dict[str, bytes]:
    """The files that the report takes of an archive, by their names here."""
    with tarfile.open(archive) as packed:

        def member(name: str) -> bytes:
            found = packed.extractfile(f"package/{name}")
            if found is None:
                raise SystemExit(f"{archive.name} has no file {name}")
            return found.read()

        about = json.loads(member("package.json"))
        told = (about["name"], about["version"], about["license"])
        if told != (library.package, library.version, library.licence):
            raise SystemExit(f"{archive.name} says it is {' '.join(told)}, not {library.package} {library.version} {library.licence}")
        return {name: member(source) for source, name in library.members.items()}


def rows(library: Library, files: dict[str, bytes]) -> list[dict[str, object]]:
    """What the manifest says of each file."""
    about = {"name": library.name, "version": library.version, "licence": library.licence, "npm": library.package}
    source = {name: member for member, name in library.members.items()}
    return [
        {**about, "member": source[name], "file": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in files.items()
    ]


def unchanged(manifest: list[dict[str, object]], folder: Path) -> None:
    """Refuse another content under a version that is here already: a published version does not change."""
    file = folder / "manifest.json"
    old = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    known = {(row["npm"], row["version"], row["member"]): row["sha256"] for row in old}
    for row in manifest:
        before = known.get((row["npm"], row["version"], row["member"]), row["sha256"])
        if before != row["sha256"]:
            raise SystemExit(f"{row['npm']} {row['version']}: {row['member']} has SHA-256 {row['sha256']}, the manifest says {before}")


def main(folder: Path = ASSETS) -> None:
    """Fetch, verify, write."""
    manifest: list[dict[str, object]] = []
    contents: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as place:
        for library in LIBRARIES:
            files = taken(library, fetched(library, Path(place)))
            manifest += rows(library, files)
            contents |= files
    unchanged(manifest, folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    print("\n".join(f"{row['npm']} {row['version']} {row['licence']}: {row['file']}, {row['bytes']} bytes" for row in manifest))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
