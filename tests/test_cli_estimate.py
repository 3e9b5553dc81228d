"""``exec-algos estimate``: the expected cost of an order, from the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from exec_algos.cli import app

SAMPLES = Path(__file__).parents[1] / "data" / "XNYS"
ORDER = ("estimate", SAMPLES / "SYNMID.parquet", "--calendar", "XNYS", "--size", "5%adv", "--window", "10:00-12:00")


def invoke(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def rows(*words):
    return json.loads(invoke(*ORDER, *words, "--json").stdout)


@pytest.mark.slow
def test_it_prints_cost_range_participation_and_completion_of_the_last_session():
    run = invoke(*ORDER, "--spread", "fixed:bps=4", "--impact", "0.001", "--max-participation", "0.2")
    assert run.exit_code == 0
    assert "Expected cost against arrival on 2025-12-23, bps, positive = cost" in run.stdout
    line = next(one for one in run.stdout.splitlines() if "vwap" in one)
    assert "buy" in line
    assert "+2.00" in line
    assert "by the volumes of 5 earlier sessions" in run.stdout


@pytest.mark.slow
def test_each_option_reaches_the_estimate():
    plain = rows("--algo", "vwap", "--preset", "frictionless")[0]
    assert plain["expected_bps"] == 0
    assert rows("--algo", "vwap", "--spread", "fixed:bps=4")[0]["spread_bps"] == pytest.approx(2.0)
    assert rows("--algo", "vwap", "--impact", "0.001")[0]["impact_bps"] > 1
    assert rows("--algo", "vwap", "--commission", "0.0002")[0]["commission_bps"] == pytest.approx(2.0)
    assert rows("--algo", "vwap", "--preset", "us_equity")[0]["commission_bps"] > 0
    assert rows("--algo", "vwap", "--preset", "us_equity", "--side", "sell")[0]["side"] == "SELL"
    assert rows("--algo", "vwap", "--preset", "us_equity", "--session", "2025-12-01")[0]["session"] == "2025-12-01"
    assert rows("--algo", "vwap", "--preset", "us_equity", "--max-participation", "0.01")[0]["completion"] == 0


@pytest.mark.slow
def test_what_has_no_estimate_says_why_and_where():
    run = invoke(*ORDER, "--algo", "twap,pov", "--preset", "us_equity")
    assert "not estimable, pov in SYNMID: its schedule is not fixed before the order" in run.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--session", "2031-01-01"), "no order can be estimated on 2031-01-01: the bars have no such session; sessions from"),
        (("--session", "2025-10-01"), "no order can be estimated on 2025-10-01"),
        (("--algo", "twop"), "twop"),
        (("--impact", "much"), "much"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words, said):
    run = invoke(*ORDER, *words)
    assert run.exit_code == 2
    assert said in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(("calendar", "preset"), [("XNYS", "us_equity"), ("XKRX", "krx_equity"), ("24/7", "crypto")])
def test_without_any_cost_there_is_no_estimate_and_the_preset_that_suits_is_named(calendar, preset):
    bars = SAMPLES.parent / "XKRX" / "990010.parquet" if calendar == "XKRX" else SAMPLES / "SYNMID.parquet"
    run = invoke("estimate", bars, "--calendar", calendar)
    assert (run.exit_code, run.stdout) == (2, "")
    assert f"an estimate needs costs to estimate: pass --preset {preset}, or --spread" in run.stderr
