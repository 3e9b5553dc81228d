"""``exec-algos compare``: what it prints, and its exit codes."""

import json

import pytest
from markets import market, study_of
from typer.testing import CliRunner

from exec_algos import FillModel
from exec_algos.cli import app

BARS = market(12, ("A", "B"), missing=0.1)


def invoke(*words):
    return CliRunner().invoke(app, ["compare", *map(str, words)], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    place = tmp_path_factory.mktemp("studies")
    for name, cap, sides in (("a", 0.1, ("BUY",)), ("b", 0.2, ("BUY", "SELL"))):
        model = FillModel(max_participation=cap)
        study_of(BARS, ["twap", "pov"], model, profile_days=1, size="20%adv", sides=sides).run().save(place / name)
    return place


def test_the_same_study_ends_with_code_0(studies):
    run = invoke(studies / "a", studies / "a")
    assert run.exit_code == 0
    assert "settings: none differ" in run.stdout
    assert run.stdout.rstrip().endswith("the studies are the same")


def test_studies_that_differ_end_with_code_1_and_say_in_what(studies):
    run = invoke(studies / "a", studies / "b")
    assert run.exit_code == 1
    for said in (
        "bars: the same, sha256 ",
        "  fill_model.max_participation: 0.1 -> 0.2",
        '  parents.sides: ["BUY"] -> ["BUY", "SELL"]',
        "8 in both, 0 only in old, 8 only in new",
        "  only in new: sell ",
        "no order is in both",
        "the studies differ",
    ):
        assert said in run.stdout


def test_a_folder_without_a_study_ends_with_code_2_and_one_line(studies):
    run = invoke(studies / "a", studies / "c")
    assert (run.exit_code, run.stdout, run.stderr.count("\n")) == (2, "", 1)
    assert run.stderr.startswith("error: no whole study in ")
    assert invoke(studies / "a", studies / "b", "--benchmark", "close").exit_code == 2


def test_json_says_all_of_it_with_the_same_code(studies):
    run = invoke(studies / "a", studies / "b", "--json", "--benchmark", "arrival")
    found = json.loads(run.stdout)
    assert (run.exit_code, found["same"], found["benchmark"]) == (1, False, "arrival")
    assert {"key": "fill_model.max_participation", "old": 0.1, "new": 0.2} in found["config"]
    assert (found["orders"], len(found["only"])) == ({"old": 8, "new": 16, "both": 8}, 8)
    buy, sell = found["lines"][:2]
    assert (buy["algorithm"], buy["side"], buy["n"] > 0) == ("twap", "BUY", True)
    assert (sell["mean_old"], sell["difference"], sell["reason"]) == (None, None, "no order is in both")


def test_a_hostile_name_is_shown_and_does_not_move_the_cursor(tmp_path):
    bars = market(3, ("A", "B\x1b[2J"), missing=0.1)
    for name, size in (("a", "10"), ("b", "20")):
        study_of(bars, ["twap"], FillModel(), profile_days=1, size=size).run().save(tmp_path / name)
    run = invoke(tmp_path / "a", tmp_path / "b")
    assert run.exit_code == 1
    assert "\x1b" not in run.stdout
    assert "B\\x1b[2J" in run.stdout
