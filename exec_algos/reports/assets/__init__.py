"""The libraries of the report's page, as they were published: Tabulator (tables) and plotly.js basic (charts).

What lives here: their files with licence, version and SHA-256 (``manifest.json``, written by ``tools/make_assets.py``), the colours that
Tabulator takes from the page, and what reads and checks them. What may not: a script of our own, a file that the manifest does not name.

What each needs of a page whose Content-Security-Policy starts from ``default-src 'none'`` (tried in Chromium 156):

* scripts: neither calls ``eval`` or ``new Function``; ``script-src`` with the hash of each script is enough.
* styles: both need ``style-src 'unsafe-inline'``. plotly writes its rules into a style element by ``insertRule``, which no
  hash covers; without them its axis lines lie over the area that zooms and take the mouse. Both write ``style`` attributes.
* images: plotly draws in SVG and needs none; its button that saves a picture needs ``img-src data: blob:``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from exec_algos.errors import UsageError

__all__ = ["THEME", "Asset", "assets", "csp_hash", "text"]

THEME = "tabulator-theme.css"

# a page is one file: the map that the libraries name is not beside it, and developer tools would ask for it
_MAP = re.compile(r"\s*(?://# sourceMappingURL=\S+|/\*# sourceMappingURL=\S+ \*/)\s*\Z")


class Asset(NamedTuple):
    """A file of a library: what it is, where it came from, and what it has to be."""

    name: str
    version: str
    licence: str
    npm: str
    member: str
    file: str
    sha256: str
    bytes: int


@cache
def assets() -> tuple[Asset, ...]:
    """Every file of the manifest, licence texts included."""
    listed = json.loads(files(__name__).joinpath("manifest.json").read_text(encoding="utf-8"))
    return tuple(Asset(**row) for row in listed)


@cache
def text(file: str) -> str:
    """The text of a file, ready to stand in a ``script`` or ``style`` element; ``tabulator-theme.css`` is ours and has no hash.

    Parameters
    ----------
    file : str
        ``"tabulator.min.js"``, ``"tabulator.min.css"``, ``"plotly-basic.min.js"``, a licence text or ``"tabulator-theme.css"``.

    Raises
    ------
    UsageError
        The file is not there, or is not what was published: the installation is damaged.
    """
    try:
        content = files(__name__).joinpath(file).read_bytes()
    except FileNotFoundError as error:
        raise UsageError(f"the report needs {file}, which is not in exec_algos/reports/assets; install exec_algos again") from error
    if file != THEME:
        _check(file, content)
    return _MAP.sub("\n", content.decode("utf-8"))


def _check(file: str, content: bytes) -> None:
    expected = {asset.file: asset.sha256 for asset in assets()}.get(file)
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise UsageError(
            f"exec_algos/reports/assets/{file} must have SHA-256 {expected}, got {found}: it is not the file that was published; "
            "install exec_algos again"
        )


def csp_hash(script: str) -> str:
    """What ``script-src`` has to name for a script that stands in the page.

    Parameters
    ----------
    script : str
        All between ``<script>`` and ``</script>``, with its line breaks.

    Examples
    --------
    >>> from exec_algos.reports.assets import csp_hash
    >>> csp_hash("")
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    """
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
