"""A page is printed by an installed browser, offline, whole or not at all."""

import os
import re
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from exec_algos.config import get_settings
from exec_algos.errors import UsageError
from exec_algos.reports import pdf

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A study</title>
<style>@media print { h2 { break-before: page } }</style></head>
<body><h1>One</h1><h2>Two</h2><h2>Three</h2>{more}</body></html>"""


@pytest.fixture(autouse=True)
def _settings(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def page(tmp_path):
    file = tmp_path / "a page" / "report #1.html"
    file.parent.mkdir()
    file.write_text(PAGE.replace("{more}", ""), encoding="utf-8")
    return file


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Makes a program out of a line of shell the browser of the settings."""

    def made(line: str) -> Path:
        file = tmp_path / "bin" / "a-browser"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("EXEC_ALGOS_BROWSER", str(file))
        get_settings.cache_clear()
        return file

    return made


def pages(file: Path) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", file.read_bytes()))


@pytest.mark.slow
def test_a_page_is_printed_as_its_print_rules_say(browser_program, page, tmp_path):
    made = pdf.print_pdf(page, tmp_path / "new folder" / "out.pdf")
    assert made == tmp_path / "new folder" / "out.pdf"
    assert (made.read_bytes()[:5], pages(made)) == (b"%PDF-", 3)
    assert [path.name for path in made.parent.iterdir()] == ["out.pdf"]


@pytest.mark.slow
def test_nothing_is_asked_of_a_network_while_it_prints(browser_program, page, tmp_path):
    asked = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        images = [f'<img src="http://{host}:{server.server_port}/{host}.png" alt="x">' for host in ("127.0.0.1", "localhost")]
        page.write_text(PAGE.replace("{more}", "".join(images)), encoding="utf-8")
        pdf.print_pdf(page, tmp_path / "out.pdf")
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []


def test_a_browser_is_found_by_its_name_on_the_path(tmp_path, monkeypatch):
    monkeypatch.delenv("EXEC_ALGOS_BROWSER", raising=False)
    for name in ("google-chrome", "msedge"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pdf.find_browser() == tmp_path / "google-chrome"
    (tmp_path / "google-chrome").unlink()
    assert pdf.find_browser() == tmp_path / "msedge"


def test_the_setting_goes_before_what_is_found(program):
    wanted = program("exit 0")
    assert pdf.find_browser() == wanted


def test_without_a_browser_it_says_what_was_looked_for_what_to_install_and_where_the_page_is(monkeypatch, page, tmp_path):
    monkeypatch.delenv("EXEC_ALGOS_BROWSER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pdf, "PLACES", ())
    with pytest.raises(UsageError) as raised:
        pdf.print_pdf(page, tmp_path / "out.pdf")
    said = str(raised.value)
    assert "looked for chromium, chromium-browser, google-chrome" in said
    assert "install Chromium" in said
    assert "set EXEC_ALGOS_BROWSER" in said
    assert said.endswith(f"take the page at {page.resolve()}: print it from your browser")


@pytest.mark.parametrize("value", ["no-such-browser", "plain.txt"])
def test_a_setting_that_names_no_program_is_refused_with_its_value(monkeypatch, page, tmp_path, value):
    (tmp_path / "plain.txt").write_text("no program")
    (tmp_path / "plain.txt").chmod(0o644)
    monkeypatch.setenv("EXEC_ALGOS_BROWSER", value)
    with pytest.raises(UsageError, match=f"EXEC_ALGOS_BROWSER='{value}' is no program that can be run; set it to the path of Chromium"):
        pdf.print_pdf(page, tmp_path / "out.pdf")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("echo no display >&2; exit 3", r"printed no PDF \(exit 3: no display\)"),
        ("exit 0", r"printed no PDF \(exit 0: it said nothing\)"),
        ('for a in "$@"; do case "$a" in --print-to-pdf=*) printf "%%PDF-1.4 half" > "${a#*=}";; esac; done', "printed no PDF"),
        ("exec sleep 60", r"printed no PDF within 0\.3 seconds and was stopped"),
    ],
    ids=["fails", "says nothing", "half a file", "never ends"],
)
def test_a_browser_that_prints_nothing_whole_leaves_the_old_file_and_says_where_the_page_is(program, page, tmp_path, line, says):
    program(line)
    old = tmp_path / "out.pdf"
    old.write_bytes(b"old")
    with pytest.raises(UsageError, match=rf"{says}.*; the page is at .*report #1\.html: print it from your browser"):
        pdf.print_pdf(page, old, seconds=0.3 if "sleep" in line else 30)
    assert old.read_bytes() == b"old"
    assert not list(tmp_path.glob("*.part"))


def test_a_program_that_cannot_be_started_is_said(program, page, tmp_path):
    program("").write_bytes(b"\0 no program")
    with pytest.raises(UsageError, match=r"a-browser printed no PDF: it cannot be started \(Exec format error\); the page is at"):
        pdf.print_pdf(page, tmp_path / "out.pdf")


def test_a_page_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"cannot print .*no\.html: there is no such file; make the report first"):
        pdf.print_pdf(tmp_path / "no.html", tmp_path / "out.pdf")


def test_a_place_that_cannot_be_written_to_is_said(program, page, tmp_path):
    program("exit 0")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot write .*out\.pdf: .*; an old one stands: name a place that can be written to"):
        pdf.print_pdf(page, tmp_path / "file" / "out.pdf")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no user ids here")
@pytest.mark.parametrize("user", [0, 1000])
def test_the_sandbox_is_left_out_for_root_only(program, page, tmp_path, monkeypatch, user):
    program(
        'for a in "$@"; do case "$a" in --print-to-pdf=*) file="${a#*=}";; esac; done; printf "%s\\n" "%PDF-1.4" "$*" "%%EOF" > "$file"'
    )
    monkeypatch.setattr(os, "geteuid", lambda: user)
    made = pdf.print_pdf(page, tmp_path / "out.pdf")
    flags = made.read_text().split()
    assert ("--no-sandbox" in flags) is (user == 0)
    assert {"--headless", "--disable-background-networking", "--disable-sync"} <= set(flags)
    assert flags[-2].endswith("/report%20%231.html")


def test_the_browser_runs_in_a_profile_of_its_own_that_is_gone_afterwards(program, page, tmp_path):
    program(
        'for a in "$@"; do case "$a" in --user-data-dir=*) test -d "${a#*=}" && echo "${a#*=}" > '
        + f'"{tmp_path}/profile";; esac; done; exit 1'
    )
    with pytest.raises(UsageError, match="printed no PDF"):
        pdf.print_pdf(page, tmp_path / "out.pdf")
    profile = (tmp_path / "profile").read_text().strip()
    assert profile
    assert not Path(profile).exists()
