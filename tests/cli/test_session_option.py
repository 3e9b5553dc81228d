"""``--session``: hours of a day that the calendar has wrong; in a study, in shards, gone on with, run again, estimated and checked."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from exec_algos import BarStore
from exec_algos.cli import app
from exec_algos.studies.saved import load_result, rerun

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "market"))

from test_contradicted import DAYS, EXAM, bars_of

SAID = f"{EXAM}=10:00-16:30"
WRONG = f"{EXAM}: its bars run from 10:00 to 16:30, XKRX has 09:00 to 15:30; --session {SAID} corrects it"
CORRECTED = f"sessions: those of XKRX, but {EXAM} 10:00-16:30 as you said (the calendar has 09:00 to 15:30)"
TERMS = ("--calendar", "XKRX", "--profile-days", "2", "--algo", "twap,vwap:profile_days=2", "--size", "37", "--preset", "frictionless")


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    place = tmp_path_factory.mktemp("bars") / "store"
    BarStore(place).write(bars_of("A", {EXAM: ("10:00", "16:30")}))
    return place


@pytest.fixture(scope="module")
def corrected(store, tmp_path_factory):
    out = tmp_path_factory.mktemp("corrected") / "out"
    return out, run("study", store, *TERMS, "--session", SAID, "--out", out)


def test_a_study_names_the_day_and_is_settled_by_what_it_says(store, corrected, tmp_path):
    plain = run("study", store, *TERMS, "--out", tmp_path / "plain")
    assert plain.exit_code == 0
    assert f"data: days whose hours the calendar has wrong: {WRONG}" in plain.stdout
    assert "left out: 12 bars outside the sessions of XKRX" in plain.stdout  # an hour of 5 minutes
    out, settled = corrected
    assert settled.exit_code == 0
    assert CORRECTED in settled.stdout
    assert "calendar has wrong" not in settled.stdout
    assert "left out:" not in settled.stdout
    assert json.loads((out / "config.json").read_text())["calendar"] == f"XKRX@{SAID}"


def test_the_orders_of_that_day_have_its_hours(corrected):
    parents = load_result(corrected[0], bars_of("A", {EXAM: ("10:00", "16:30")})).parents
    day = parents[parents["session"].astype(str) == EXAM].iloc[0]
    assert [str(day[edge])[11:16] for edge in ("start", "end")] == ["10:00", "16:30"]
    assert set(parents["session"].astype(str)) == set(DAYS[2:])


def test_a_study_run_again_and_one_in_shards_that_goes_on_have_them_too(store, corrected, tmp_path):
    bars = bars_of("A", {EXAM: ("10:00", "16:30")})
    saved = load_result(corrected[0], bars)
    assert rerun(corrected[0], bars).parents.to_csv() == saved.parents.to_csv()
    begun = run("study", store, *TERMS, "--session", SAID, "--resume", tmp_path / "shards", "--shard", "1/1")
    assert begun.exit_code == 0
    done = run("study", "--resume", tmp_path / "shards")
    assert CORRECTED in done.stdout
    config = json.loads((tmp_path / "shards" / "config.json").read_text())
    assert config["calendar"] == config["parents"]["calendar"] == f"XKRX@{SAID}"
    mean = {name: f"{value:+.2f} bps" for (name, _), value in saved.summary(by=("algorithm", "side"))["mean"].items()}
    for name, value in mean.items():
        assert f"{name} buy: {value}" in done.stdout
    other = run("study", store, *TERMS, "--resume", tmp_path / "shards")
    assert other.exit_code == 2
    assert "calendar" in other.stderr


def test_the_check_of_bars_and_an_estimate_take_it(store):
    plain, settled = (run("data", "check", store, "--calendar", "XKRX", *more) for more in ((), ("--session", SAID)))
    assert (plain.exit_code, settled.exit_code) == (1, 0)
    assert f"A: days whose hours the calendar has wrong: {WRONG}" in plain.stdout
    terms = ("--calendar", "XKRX", "--profile-days", "2", "--size", "37", "--preset", "krx_equity", "--json")
    found = run("estimate", store, *terms, "--session", SAID, "--session", EXAM)
    assert found.exit_code == 0
    assert {row["session"][:10] for row in json.loads(found.stdout)} == {EXAM}
    twice = run("estimate", store, *terms, "--session", "2024-11-15", "--session", EXAM)
    assert (twice.exit_code, "names one day to estimate" in twice.stderr) == (2, True)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (("--session", f"{EXAM}=10"), "hours are such as 10:00-16:30"),
        (("--session", "10:00-16:30"), "a session is a day and its hours"),
        (("--session", SAID, "--session", f"{EXAM}=closed"), f"the session of {EXAM} is said twice"),
        (("--session", f"{EXAM}=10:00-09:30"), "would not be over when that of 2024-11-15 opens"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(store, tmp_path, said, why):
    for place in (("--out", tmp_path / "out"), ("--resume", tmp_path / "shards")):
        found = run("study", store, *TERMS, *said, *place)
        assert found.exit_code == 2
        assert why in found.stderr
        assert found.stderr.count("\n") == 1


def test_hours_without_a_calendar_to_correct_are_refused(store):
    found = run("study", store, "--session", SAID)
    assert (found.exit_code, "correct a calendar, and none is named" in found.stderr) == (2, True)
