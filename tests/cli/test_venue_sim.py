"""`exec-algos venue-sim`: what it prints, what it refuses, and how it ends."""

import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest
from small_markets import minute_bars
from typer.testing import CliRunner

from exec_algos.cli import app
from exec_algos.errors import VenueError
from exec_algos.market.samples import write_bars
from exec_algos.market.store import BarStore
from exec_algos.testing.rehearsal import COMMAND, rehearsal

ROWS = [(10.0, 10.5, 9.5, 10.0)] * 5


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    path = tmp_path_factory.mktemp("bars") / "store"
    BarStore(path, cache="off").write(minute_bars(ROWS, ROWS, volume=1200), durable=False)
    return path


def refused(*options):
    done = CliRunner().invoke(app, ["venue-sim", *map(str, options)])
    assert (done.exit_code, done.stdout) == (2, "")
    return done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_listens_and_ends_at_a_signal_while_clients_are_connected(bars, number):
    options = ["--bars", str(bars), "--start", "2024-01-03 09:31", "--no-client-ids"]
    process = subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    url = line.split()[3].rstrip(":")
    with httpx.Client(base_url=url, trust_env=False) as client:
        assert client.post("/orders", json={"symbol": "X", "side": "BUY", "quantity": 10, "limit": None}).status_code == 201
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert line.endswith(": 2024-01-03 09:31:00 (America/New_York), speed 60, 1 symbol, seed 1, no own order ids; Ctrl-C ends it\n")
    assert (process.returncode, err) == (0, "")
    assert out.startswith("the rehearsal ended at 2024-01-03 09:3")
    assert out.endswith(": 1 order, 1 execution\n")


def test_it_ends_with_the_process_that_it_is_tied_to(bars):
    code = (
        "import sys, subprocess; p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=sys.stdout); p.stdin.flush(); import os; "
    )
    code += "os.kill(os.getpid(), 9) if os.fstat(1) and sys.stdin.readline() else None"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *COMMAND, "--bars", str(bars), "--tied"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    url = process.stdout.readline().split()[3].rstrip(":")
    assert httpx.get(f"{url}/clock", trust_env=False).json()["speed"] == 60
    out, _ = process.communicate("die\n", timeout=20)  # ends where the venue has let go of the pipe as well
    assert process.returncode == -signal.SIGKILL
    assert out.startswith("the rehearsal ended")


def test_without_a_start_it_begins_at_the_open_of_the_last_session(bars):
    with rehearsal(bars, speed=0.001) as venue:
        venue.control.clock(paused=True)
        assert httpx.get(f"{venue.url}/history/X?days=5", trust_env=False).json()["close"] == [10.0] * 5
        assert httpx.get(f"{venue.url}/book/X", trust_env=False).json()["last"] == 10.0


def test_a_calendar_gives_currency_and_hours(bars):
    options = {"start": "2024-01-03 09:31", "calendar": "XNYS", "session": "2024-01-03=09:31-16:00"}
    with rehearsal(bars, speed=0.001, **options) as venue:
        said = httpx.get(f"{venue.url}/instruments/X", trust_env=False).json()
    assert (said["currency"], said["calendar"]) == ("USD", "XNYS@2024-01-03=09:31-16:00")


def test_more_sources_may_follow_the_first(tmp_path):
    files = [tmp_path / f"{symbol}.parquet" for symbol in "XY"]
    for file in files:
        write_bars(file, minute_bars(ROWS, ROWS, symbol=file.stem), file.stem)
    process = subprocess.Popen([*COMMAND, "--bars", *map(str, files), "--tied"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    process.communicate(timeout=20)
    assert ", 2 symbols, " in line


def test_a_port_in_use_is_refused(bars):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused("--bars", bars, "--port", port)
    assert said.startswith(f"error: cannot listen at 127.0.0.1:{port}: ")
    assert "name another --port, or 0 for a free one" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--start", "2024-01-04 10:00"], "no session that covers --start 2024-01-04 10:00 (America/New_York); near it they have"),
        (["--start", "2023-06-01 10:00"], "near it they have 2024-01-02 09:30 to 09:35"),
        (["--start", "2024-01-02 15:00"], "near it they have 2024-01-02 09:30 to 09:35 and 2024-01-03 09:30 to 09:35"),
        (["--start", "soon"], "--start must be a time such as 2025-12-22 09:00, got 'soon'"),
        (["--start", "NaT"], "--start must be a time"),
        (["--speed", "0"], "speed must be above 0 and at most 10,000, got 0"),
        (["--speed", "1e9"], "speed must be above 0 and at most 10,000, got 1000000000.0"),
        (["--speed", "-1"], "speed must be above 0"),
        (["--speed", "nan"], "speed must be above 0"),
        (["--seed", "-1"], "seed must be at least 0 and finite, got -1"),
        (["--port", "70000"], "--port must be in [0, 65535]"),
        (["--visible", "0.9"], "visible + refill must be at most 1"),
        (["--page", "0"], "page >= 1"),
        (["--calendar", "XKRX"], "XKRX"),
        (["--session", "2024-01-02=10:00-16:00"], "none is named"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_what_cannot_be_is_refused_in_words(bars, options, words):
    assert words in refused("--bars", bars, *options)


def test_it_is_tied_to_no_input_whose_end_cannot_be_waited_for(bars):
    done = subprocess.run(
        [*COMMAND, "--bars", str(bars), "--tied"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--tied needs a pipe or a terminal" in done.stderr


def test_bars_must_be_named():
    assert refused() == "error: name the bars to replay: --bars FILE_OR_STORE\n"


def test_a_venue_that_does_not_start_says_why(bars):
    with pytest.raises(VenueError, match=r"did not start: error: speed must be above 0"), rehearsal(bars, speed=-1):
        pass


def test_the_process_is_gone_behind_the_block(bars):
    with rehearsal(bars) as venue:
        pid = venue.process.pid
        os.kill(pid, 0)
    assert venue.process.returncode is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
