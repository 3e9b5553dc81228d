"""Print a page to PDF with an installed Chromium, Chrome or Edge: its engine draws the page, so the PDF is what the reader sees."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from exec_algos.config import PREFIX, get_settings
from exec_algos.errors import UsageError
from exec_algos.market.boundary import said_by, writing

__all__ = ["find_browser", "print_pdf"]

COMMANDS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "microsoft-edge-stable", "msedge",
)  # fmt: skip
PLACES = (  # where the path does not lead to them: macOS, Windows
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
INSTALL = "install Chromium (Debian: apt-get install chromium) or Google Chrome"
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-extensions",
    "--disable-component-update",
    "--disable-background-networking",
    "--no-first-run",
    "--no-default-browser-check",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # neither a name nor an address is found, that of a proxy neither
    "--no-pdf-header-footer",
)
SECONDS = 120.0


def find_browser() -> Path:
    """The program that prints: ``EXEC_ALGOS_BROWSER``, else the first of Chromium, Chrome and Edge by their usual names.

    Raises
    ------
    UsageError
        There is none, or what the setting names is no program.
    """
    wanted = get_settings().browser
    if wanted:
        program = shutil.which(wanted)
        if program is None:
            raise UsageError(f"{PREFIX}BROWSER={wanted!r} is no program that can be run; set it to the path of Chromium, Chrome or Edge")
        return Path(program)
    found = next(filter(None, map(shutil.which, (*COMMANDS, *PLACES))), None)
    if found is None:
        raise UsageError(
            f"no Chromium, Chrome or Edge found: looked for {', '.join(COMMANDS)} on the path and in the usual places of "
            f"macOS and Windows; {INSTALL}, or set {PREFIX}BROWSER to the path of one"
        )
    return Path(found)


def print_pdf(page: str | Path, file: str | Path, *, seconds: float = SECONDS) -> Path:
    """Print a page that needs no network, and replace the PDF as a whole.

    Parameters
    ----------
    page : str or Path
        The HTML file. It is opened in a new, empty profile, offline.
    file : str or Path
        The PDF. An old one stands until the new one is whole.
    seconds : float
        After this long the browser is stopped.

    Returns
    -------
    Path
        The PDF.

    Raises
    ------
    UsageError
        There is no page, no browser, no room, or the browser printed nothing; the message says where the page is.
    """
    source, target = Path(page).resolve(), Path(file)
    if not source.is_file():
        raise UsageError(f"cannot print {page}: there is no such file; make the report first")
    by_hand = f"the page is at {source}: print it from your browser"
    try:
        browser = find_browser()
    except UsageError as error:
        raise UsageError(f"cannot print to PDF: {error}; or {by_hand.replace('the page is at', 'take the page at')}") from error
    with writing(f"cannot write {target}", "an old one stands", "name a place that can be written to", kind=UsageError):
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.resolve().with_name(f"{target.name}.part")
        try:
            said = _run(browser, source, part, seconds)
            if not _is_whole(part):
                raise UsageError(f"{browser} printed no PDF{said}; {by_hand}")
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    return target


def _run(browser: Path, page: Path, part: Path, seconds: float) -> str:
    """Let the browser print; what it said last."""
    # a browser that is stopped may leave children that write a moment longer
    with tempfile.TemporaryDirectory(prefix="exec-algos-print-", ignore_cleanup_errors=True) as profile:
        command = [str(browser), *FLAGS, f"--user-data-dir={profile}", f"--print-to-pdf={part}", page.as_uri()]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # Chromium refuses to start as root with it
        said = Path(profile, "said.txt")
        with said.open("wb") as out:  # a pipe would be held open by the browser's children
            try:
                done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=seconds, check=False)
            except subprocess.TimeoutExpired:
                return f" within {seconds:g} seconds and was stopped"
            except OSError as error:
                return f": it cannot be started ({said_by(error)})"
        lines = said.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
        return f" (exit {done.returncode}: {last[:200]})"


def _is_whole(file: Path) -> bool:
    if not file.is_file():
        return False
    content = file.read_bytes()
    return content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
