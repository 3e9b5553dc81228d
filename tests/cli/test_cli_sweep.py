"""``--sweep-split`` in memory: the choice on the days before, what it saves on the later ones, and what cannot be swept."""

import json
import math

import pandas as pd
import pytest
from markets import DAYS, bars_of, grid_of
from typer.testing import CliRunner

from exec_algos.cli import app
from exec_algos.cli.sweep import sweep_lines
from exec_algos.tca.twins import BUYS_ONLY

HALF, HOUR = "twap:slice_interval_seconds=1800", "twap:slice_interval_seconds=3600"


def invoke(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Prices that rise by one a bar from 100 on the days before the half day, and fall from it on; open = close."""
    home = tmp_path_factory.mktemp("bars")
    rows = [
        (t, p := 100.0 + (1 if day < DAYS[3] else -1) * n, p + 1, p - 1, p, 1000.0, math.nan)
        for day in DAYS
        for n, t in enumerate(grid_of(day))
    ]
    bars_of({"A": rows}).to_frame().loc["A"].to_parquet(home / "A.parquet")
    return home


def sweep(folder, *words):
    return invoke("study", folder, "--calendar", "XNYS", "--size", 130, "--profile-days", 1, "--algo", f"{HALF},{HOUR}", *words)


def test_the_choice_and_what_it_saves_on_the_later_days_are_said_first_and_all_else_is_of_those(folder, tmp_path):
    run = sweep(folder, "--side", "buy", "--sweep-split", DAYS[3], "--out", tmp_path, "--by", "weekday")
    assert run.exit_code == 0, run.stderr
    first, second = run.stdout.splitlines()[:2]
    # 13 bars at 100 .. 112: half-hourly at their mean of 106, hourly at 105.54, which is 43.5 bps of 106 less
    assert first == (
        f"sweep: {HOUR} was chosen on {DAYS[1]} to {DAYS[2]}, 2 parent orders, mean slippage in bps: {HALF} +0.00, {HOUR} -43.54"
    )
    assert second.startswith(f"on the later {DAYS[3]} to {DAYS[4]}, 2 parent orders, it saves -4")
    assert second.endswith(", so it costs more; all below is of these days")
    assert {str(day.date()) for day in pd.read_parquet(tmp_path / "parents.parquet")["session"]} == {DAYS[3], DAYS[4]}
    assert json.loads((tmp_path / "sweep.json").read_text())["chosen"] == HOUR


def test_an_ordinary_study_leaves_no_choice_of_an_earlier_sweep(folder, tmp_path):
    (tmp_path / "sweep.json").write_text("{}")
    assert sweep(folder, "--side", "buy", "--out", tmp_path).exit_code == 0
    assert not (tmp_path / "sweep.json").exists()


def test_the_interval_is_that_of_the_paired_difference_over_the_later_days(folder, tmp_path):
    told = json.loads(sweep(folder, "--side", "buy", "--sweep-split", DAYS[3], "--out", tmp_path, "--json").stdout)
    pair = told["comparison"]["BUY"][0]
    assert (told["sweep"]["gain"]["low"], told["sweep"]["gain"]["high"]) == pytest.approx((pair["low"], pair["high"]))
    assert told["sweep"]["gain"]["mean"] == pytest.approx(pair["difference"])


def test_of_both_sides_the_choice_is_that_of_the_buys(folder, tmp_path):
    records = []
    for side, said in (("buy", False), ("buy,sell", True)):
        run = sweep(folder, "--side", side, "--sweep-split", DAYS[3], "--out", tmp_path)
        assert run.stdout.splitlines()[0].endswith(f"; {BUYS_ONLY}") is said
        records.append(json.loads((tmp_path / "sweep.json").read_text()))
    buys, both = records
    assert (both["chosen"], both["gain"]["mean"], both["train"]["means"]) == (buys["chosen"], buys["gain"]["mean"], buys["train"]["means"])
    assert (both["test"]["parent_orders"], buys["test"]["parent_orders"]) == (4, 2)
    assert (buys["note"], both["note"], both["gain"]["note"]) == ("", BUYS_ONLY, BUYS_ONLY)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--max-participation", "0.005", "--sweep-split", DAYS[3]], "every candidate costs the same before"),
        (["--side", "buy", "--sweep-split", "2031-01-01"], "leaves 4 parent orders to train on and 0 to test on; move it"),
        (["--side", "buy", "--sweep-split", "yesterday"], "split must be a day like"),
        (["--side", "buy", "--sweep-split", DAYS[3], "--algo", "vwap"], "name two or more, got vwap"),
        (["--sweep-split", DAYS[3], "--sensitivity"], "do not go together"),
    ],
)
def test_what_cannot_be_swept_is_refused_in_one_line(folder, tmp_path, words, said):
    run = sweep(folder, *words, "--out", tmp_path / "out")
    assert (run.exit_code, run.stdout, len(run.stderr.splitlines())) == (2, "", 1)
    assert said in run.stderr
    assert not (tmp_path / "out").exists()


def test_a_desks_own_orders_are_swept_and_each_is_accounted_for(folder, tmp_path):
    rows = "".join(f"A,buy,130,{day} 09:30,{day} 13:00\n" for day in DAYS[1:])
    (tmp_path / "desk.csv").write_text(f"symbol,side,quantity,start,end\n{rows}A,buy,0,{DAYS[2]} 09:30,{DAYS[2]} 13:00\n")
    words = ["--calendar", "XNYS", "--orders", tmp_path / "desk.csv", "--algo", f"{HALF},{HOUR}", "--sweep-split", DAYS[3]]
    run = invoke("study", folder, *words, "--out", tmp_path / "out")
    assert run.exit_code == 1
    assert "orders: 5 given, 4 worked, 1 refused; row by row in " in run.stdout
    assert invoke("study", folder, *words, "--strict", "--out", tmp_path / "out").exit_code == 2


def test_a_baseline_that_is_chosen_and_a_gain_that_is_unknown_are_said_so():
    half = {"first": DAYS[1], "last": DAYS[2], "parent_orders": 1}
    record = {"baseline": "twap", "chosen": "twap", "train": {**half, "means": {"twap": 1.0, "pov": None}}, "test": half, "gain": None}
    first, second = sweep_lines(record)
    assert first.endswith("1 parent order, mean slippage in bps: twap +1.00, pov not estimable")
    assert "nothing to hold it against, for it is the first algorithm" in second
    gain = {"mean": None, "low": None, "high": None, "reason": "no values"}
    assert "what it saves against twap is not estimable: no values" in sweep_lines({**record, "gain": gain})[1]
    alone = {"mean": 2.0, "low": None, "high": None, "reason": "one day"}
    assert "it saves +2.00 bps against twap, 95 % interval not estimable; " in sweep_lines({**record, "gain": alone})[1]
