"""``exec-algos kis check`` and ``--venue kis`` against a simulated KIS in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from exec_algos.cli import app
from exec_algos.cli.live_venues import Said
from exec_algos.testing.kis import kis_rehearsal

VARIABLE = "EXEC_ALGOS_KIS_"
DATA = Path(__file__).parents[2] / "data" / "XKRX"
NAMES = ["keys", "token", "account", "clock", "limit", "session", "quote", "inquiry", "notices"]


@pytest.fixture(scope="module")
def kis():
    with kis_rehearsal(DATA, start="2025-12-23 10:00", speed=30) as venue:
        yield venue


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    """One folder: KIS gives one token a minute."""
    return tmp_path_factory.mktemp("tokens")


@pytest.fixture
def environment(kis, tokens, monkeypatch, tmp_path):
    """The variables of a client on paper; returns what sets others."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(VARIABLE)]:
        monkeypatch.delenv(name)

    def give(paper=True, **other):
        key, secret, account, hts_id = kis.keys(paper)
        said = {
            "APP_KEY": key, "APP_SECRET": secret, "ACCOUNT": account, "HTS_ID": hts_id, "PAPER": str(paper).lower(),
            "REST_URL": kis.rest_url(paper), "WS_URL": kis.ws_url(paper), "CLOCK_URL": kis.clock_url, "TOKEN_CACHE": str(tokens),
        }  # fmt: skip
        for name, value in (said | other).items():
            monkeypatch.setenv(VARIABLE + name, value)
        return said | other

    return give


def check(*options):
    """Exit code, and (right, text) by the name of each line."""
    result = CliRunner().invoke(app, ["kis", "check", "--symbol", "990010", *options])
    lines = {line.split()[1]: (line.startswith("ok "), line) for line in result.output.splitlines()}
    return result.exit_code, lines, result.output


def tokens_in(folder):
    found = [json.loads(file.read_text())["token"] for file in Path(folder).glob("*.token")]
    assert found
    return found


def pieces(secret):
    return {secret[at : at + 8] for at in range(len(secret) - 7)}


@pytest.mark.slow
@pytest.mark.parametrize("paper", [True, False])
def test_all_is_looked_at_and_said_in_a_line_each_and_no_secret_is_shown_nor_logged(environment, paper, caplog):
    said = environment(paper)
    caplog.set_level(0)
    code, lines, output = check()
    assert (code, list(lines)) == (0, NAMES), output
    assert ("(KIS)" in lines["session"][1]) is not paper
    secrets = set().union(*(pieces(said[name]) for name in ("APP_KEY", "APP_SECRET"))) | {said["ACCOUNT"][:8]}
    secrets |= set().union(*(pieces(token) for token in tokens_in(said["TOKEN_CACHE"])))
    assert not any(secret in output + caplog.text for secret in secrets)
    assert "approval_key" not in caplog.text
    again, lines, _ = check()
    assert again == 0
    assert "kept from before" in lines["token"][1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("other", "name", "said"),
    [
        ({"APP_SECRET": "x" * 180, "TOKEN_CACHE": "own"}, "token", "not tried"),
        ({"HTS_ID": "NOBODY"}, "notices", "check hts_id"),
        ({"ACCOUNT": "12345678-01"}, "account", ""),
    ],
)
def test_what_is_wrong_fails_its_line_and_the_command(environment, other, name, said):
    environment(**other)
    code, lines, output = check()
    assert code == 1
    assert not lines[name][0], output
    assert said in output
    assert not any(piece in output for value in other.values() if len(value) > 10 for piece in pieces(value.partition("-")[0]))


def test_without_an_hts_id_look_ups_do(environment):
    environment(HTS_ID="")
    code, lines, _ = check()
    assert code == 0
    assert "look-ups alone" in lines["notices"][1]


def test_paper_keys_at_the_live_host_fail(environment, kis):
    environment(REST_URL=kis.rest_url(False))
    code, lines, output = check("--real")
    assert code == 1
    assert not lines["token"][0], output


def test_a_key_that_is_missing_is_named(environment):
    environment(APP_KEY="")
    code, _, output = check()
    assert code == 1
    assert "EXEC_ALGOS_KIS_APP_KEY" in output


def test_a_symbol_that_kis_does_not_know_fails_the_quote(environment):
    environment(HTS_ID="")
    result = CliRunner().invoke(app, ["kis", "check", "--symbol", "99001"])
    assert result.exit_code == 1
    assert "FAIL quote" in result.output


@pytest.mark.parametrize("library", ["httpx", "websockets", "cryptography"])
def test_without_the_extra_one_line_says_what_to_install(tmp_path, library):
    program = f"import sys; sys.modules[{library!r}] = None; from exec_algos.cli import main; main()"
    variables = {f"{VARIABLE}{name}": value for name, value in {"APP_KEY": "K", "APP_SECRET": "S", "ACCOUNT": "12345678-01"}.items()}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(VARIABLE)} | variables
    done = subprocess.run(
        [sys.executable, "-c", program, "kis", "check"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [f"error: {library} is missing, which KIS needs: pip install 'exec_algos[live]'"]


def run(tmp_path, *options):
    (tmp_path / "orders.csv").write_text("symbol,side,quantity,start,end\n990010,buy,10,2025-12-23 10:00,2025-12-23 11:00\n")
    options = ["live", "run", str(tmp_path / "orders.csv"), "--venue", "kis", "--journal", str(tmp_path / "day.db"), *options]
    return CliRunner().invoke(app, options)


@pytest.mark.parametrize(
    ("options", "other", "said"),
    [
        (["--url", "http://127.0.0.1:1"], {}, "--url is for --venue sim"), (["--account", "x"], {}, "--account is for --venue sim"),
        (["--real"], {}, "say --yes"), (["--real", "--yes"], {}, "EXEC_ALGOS_KIS_PAPER says paper"),
        ([], {"PAPER": "false"}, "say --real --yes"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused_before_a_journal_is_made(environment, tmp_path, options, other, said):
    environment(**other)
    result = run(tmp_path, *options)
    assert result.exit_code == 2
    assert said in result.output
    assert not (tmp_path / "day.db").exists()


def test_a_journal_says_which_host_it_was_and_holds_no_key_and_no_account():
    said = Said("kis", "", "", "XKRX", 1.0, 2.0, real=True)
    held = {"venue": "kis", "account": "live ******56-01 (1f3a)", **said.terms()}
    assert held["account"] == "live ******56-01 (1f3a)"
    assert Said.of(held) == said
    assert not Said.of(held | {"venue": "kis-paper"}).real
    rehearsal = Said("sim", "http://127.0.0.1:1", "rehearsal-1")
    assert Said.of(rehearsal.terms()) == rehearsal
