"""`exec-algos kis-sim`: what it prints, what it refuses, and how it ends."""

import shlex
import signal
import socket
import subprocess

import httpx
import pandas as pd
import pytest
from typer.testing import CliRunner

from exec_algos import Bars
from exec_algos.cli import app
from exec_algos.errors import VenueError
from exec_algos.market.samples import write_bars
from exec_algos.market.store import BarStore
from exec_algos.testing.kis import kis_rehearsal
from exec_algos.testing.rehearsal import PROGRAM

COMMAND = (*PROGRAM, "kis-sim")


def flat(symbol):
    stamps = pd.date_range("2025-12-22 09:00", periods=390, freq="min", tz="Asia/Seoul")
    frame = pd.DataFrame({"open": 9_000.0, "high": 9_000.0, "low": 9_000.0, "close": 9_000.0, "volume": 6_000.0}, index=stamps)
    return Bars.from_frame(frame, symbol=symbol, label="start", step="1min")


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    path = tmp_path_factory.mktemp("bars") / "store"
    BarStore(path, cache="off").write(flat("990010"), durable=False)
    return path


def refused(*options):
    done = CliRunner().invoke(app, ["kis-sim", *map(str, options)])
    assert (done.exit_code, done.stdout) == (2, "")
    return done.stderr


def lines_of(process):
    """Its lines, up to the last variable."""
    found = []
    for line in process.stdout:
        found.append(line.rstrip("\n"))
        if "CLOCK_URL" in line:
            return found
    raise AssertionError(found + process.stderr.readlines())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_and_what_to_paste_and_ends_at_a_signal(bars, number):
    options = ["--bars", str(bars), "--start", "2025-12-22 10:00"]
    process = subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    paper, live, control, when, title, *exports = lines_of(process)
    assert paper.startswith("simulated KIS, paper: REST http://127.0.0.1:")
    assert live.startswith("simulated KIS, live: REST http://127.0.0.1:")
    assert when == "it is 2025-12-22 10:00:00 (Asia/Seoul), speed 30, 1 symbol, seed 1; Ctrl-C ends it"
    assert title == "for a client on paper:"
    said = dict(shlex.split(line)[1].split("=", 1) for line in exports)
    assert [name.removeprefix("EXEC_ALGOS_KIS_") for name in said] == [
        "APP_KEY", "APP_SECRET", "ACCOUNT", "HTS_ID", "PAPER", "REST_URL", "WS_URL", "CLOCK_URL",
    ]  # fmt: skip
    assert f"REST {said['EXEC_ALGOS_KIS_REST_URL']}, web socket {said['EXEC_ALGOS_KIS_WS_URL']}" in paper
    assert control == f"control: {said['EXEC_ALGOS_KIS_CLOCK_URL']}"
    body = {"grant_type": "client_credentials", "appkey": said["EXEC_ALGOS_KIS_APP_KEY"], "appsecret": said["EXEC_ALGOS_KIS_APP_SECRET"]}
    with httpx.Client(base_url=said["EXEC_ALGOS_KIS_REST_URL"], trust_env=False) as client:
        assert client.post("/oauth2/tokenP", json=body).status_code == 200
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("the simulated KIS ended at 2025-12-22 10:0")
    assert out.endswith(": 0 orders, 0 executions, 1 request\n")


def test_the_shell_takes_what_it_prints(bars):
    process = subprocess.Popen([*COMMAND, "--bars", str(bars)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    exports = [line for line in lines_of(process) if line.startswith("export ")]
    process.terminate()
    process.communicate(timeout=20)
    script = "\n".join([*exports, 'printf %s "$EXEC_ALGOS_KIS_APP_SECRET" | wc -c'])
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.strip() == "180"


def test_a_file_may_be_given_the_symbol_that_it_stands_for(bars, tmp_path):
    path = tmp_path / "some.parquet"
    write_bars(path, flat("some"), "some")
    with kis_rehearsal(f"005930={path}", start="2025-12-22 10:00", speed=1) as kis:
        assert kis.control.order(kis.keys()[2], "005930", "BUY", 1, 9_000)["odno"]
        with pytest.raises(VenueError):
            kis.control.order(kis.keys()[2], "some", "BUY", 1, 9_000)


def test_a_file_of_several_symbols_cannot_stand_for_one(tmp_path):
    folder = tmp_path / "store"
    BarStore(folder, cache="off").write(Bars.concat([flat("990010"), flat("990020")]), durable=False)
    assert "must hold one symbol, got 990010, 990020" in refused("--bars", f"005930={folder}")


def test_the_seed_gives_the_keys_and_another_seed_others(bars):
    keys = []
    for seed in (1, 1, 2):
        with kis_rehearsal(bars, seed=seed) as kis:
            keys.append(kis.keys())
    assert keys[0] == keys[1]
    assert keys[0][:2] != keys[2][:2]


def test_settings_and_funds_and_cash_are_taken(bars):
    options = {"start": "2025-12-22 10:00", "set": "lag_daily=[7,9]", "fund": "990010", "cash": 50_000, "speed": 1}
    with kis_rehearsal(bars, **options) as kis:
        assert kis.control.settings()["lag_daily"] == [7, 9]
        account = kis.keys()[2]
        assert kis.control.order(account, "990010", "BUY", 1, 8_995)["odno"]  # on a fund's tick of 5, off a share's of 10
        with pytest.raises(VenueError):
            kis.control.order(account, "990010", "BUY", 6, 9_000)


@pytest.mark.parametrize("offset", range(5))
def test_a_port_in_use_is_refused(bars, offset):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused("--bars", bars, "--port", port - offset)
    assert f"cannot listen at 127.0.0.1:{port}: " in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--start", "2025-12-24 10:00"], "no session that covers --start 2025-12-24 10:00 (Asia/Seoul); near it they have"),
        (["--start", "2025-12-22 15:30"], "near it they have 2025-12-22 09:00 to 15:30"),
        (["--start", "soon"], "--start must be a time such as 2025-12-22 09:00, got 'soon'"),
        (["--speed", "0"], "speed must be above 0 and at most 10,000, got 0"),
        (["--speed", "nan"], "speed must be above 0"),
        (["--seed", "-1"], "seed must be at least 0 and finite, got -1"),
        (["--port", "65532"], "--port must be in [0, 65531]"),
        (["--visible", "0.9"], "visible + refill must be at most 1"),
        (["--calendar", "XNYS"], "XNYS"),
        (["--fund", "069500"], "fund '069500' has no bars"),
        (["--set", "paper_rate"], "--set must be name=value, got 'paper_rate'"),
        (["--set", "paper_rate=0"], "paper_rate must be at least 1, got 0"),
        (["--set", "paperrate=2"], "'paperrate'"),
        (["--set", "cancelled_field=other"], "cancelled_field must be one of cncl_cfrm_qty, cnc_cfrm_qty, got 'other'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_refused_in_words(bars, options, words):
    assert words in refused("--bars", bars, *options)


def test_bars_must_be_named():
    assert refused() == "error: name the bars to replay: --bars 005930=FILE, or --bars FILE_OR_STORE\n"


def test_a_simulated_kis_that_does_not_start_says_why(bars):
    with pytest.raises(VenueError, match=r"did not start: error: speed must be above 0"), kis_rehearsal(bars, speed=-1):
        pass


def test_help_names_what_it_does():
    done = CliRunner().invoke(app, ["kis-sim", "--help"])
    assert done.exit_code == 0
    assert "simulated KIS" in done.stdout
