"""The command line of a study in shards: starts, resumes, lists what failed, and says so with its exit code."""

import json
from dataclasses import replace

import pandas as pd
import pytest
import typer
from markets import DAYS, market, ns
from typer.testing import CliRunner

from exec_algos.cli import app
from exec_algos.cli.shards import How, _how_to_go_on, run_shards
from exec_algos.cli.show import Show
from exec_algos.cli.study import working
from exec_algos.errors import MarketDataError, UsageError
from exec_algos.market.store import BarStore
from exec_algos.studies.request import Chosen, StudyRequest
from exec_algos.studies.shards.study import ShardedStudy
from exec_algos.tca.twins import SHOWN_ONCE

REQUEST = StudyRequest(algorithms="twap,vwap", calendar="XNYS", size="37", profile_days=2, sides="buy,sell")


@pytest.fixture
def store(tmp_path):
    BarStore(tmp_path / "bars").write(market(21, ("A", "B"), missing=0.0, silent=0.0))
    return str(tmp_path / "bars")


def test_a_study_starts_and_resumes(tmp_path, store, capsys):
    run_shards([store], REQUEST, str(tmp_path / "out"))
    assert "2 symbols, 12 parent orders" in capsys.readouterr().out
    run_shards([], StudyRequest(), str(tmp_path / "out"))
    said = capsys.readouterr().out
    assert "shards: 0 worked, 4 kept from before" in said
    assert "skipped: 4 symbol-sessions; 4 x the volume profile needs 2 earlier sessions with data, there are 0-1" in said


@pytest.mark.parametrize("fills", [None, True, False])
def test_single_trades_are_kept_in_shards_unless_they_are_not_asked_for(tmp_path, store, fills):
    run_shards([store], replace(REQUEST, fills=fills), str(tmp_path / "out"))
    assert (len(pd.read_parquet(tmp_path / "out/fills.parquet")) > 0) is (fills is not False)


def test_json_is_all_that_is_printed(tmp_path, store, capsys):
    run_shards([store], REQUEST, str(tmp_path / "out"), show=Show(as_json=True))
    said = json.loads(capsys.readouterr().out)
    assert (said["shards"], said["failed"], said["config"]["parent_orders"]) == ({"made": 4, "kept": 0}, [], 12)
    assert [(row["algorithm"], row["side"]) for row in said["summary"]] == [
        (name, side) for name in ("twap", "vwap:profile_days=2") for side in ("BUY", "SELL")
    ]


def test_what_failed_is_listed_and_the_exit_code_is_one(tmp_path, store, capsys):
    with open(f"{store}/symbol=A/month=2025-11/bars.parquet", "r+b") as file:
        file.truncate(50)
    with pytest.raises(typer.Exit) as left:
        run_shards([store], REQUEST, str(tmp_path / "out"))
    assert left.value.exit_code == 1
    assert "failed: A 2025-11: " in capsys.readouterr().out
    with pytest.raises(MarketDataError):
        run_shards([], StudyRequest(), str(tmp_path / "out"), how=How(strict=True))


def test_what_is_not_one_store_is_refused(tmp_path, store):
    for sources in ([str(tmp_path)], [store, store]):
        with pytest.raises(UsageError, match="reads one bar store"):
            run_shards(sources, REQUEST, str(tmp_path / "out"))


@pytest.mark.parametrize("address", ["local:0", "local", "two", "local:x", "tcp:", "http://here"])
def test_an_address_that_is_none_is_refused_with_examples(tmp_path, store, address):
    with pytest.raises(UsageError, match="cluster must be 'local:2'"):
        run_shards([store], REQUEST, str(tmp_path / "out"), how=How(cluster=address))


def test_the_days_of_the_study_are_those_of_the_store(tmp_path, store, capsys):
    BarStore(store).write(market(3, ("C",), missing=0.0).between(ns(DAYS[1], "00:00"), 2**62))
    run_shards([store], REQUEST, str(tmp_path / "out"))
    assert f"C,{DAYS[0]},no bar in the window" in (tmp_path / "out/skipped.csv").read_text()


def test_the_progress_bar_says_that_a_first_run_compiles():
    assert working("twap", True) == "working twap (compiled on its first run, then kept)"
    assert (working("twap", False), working("", True)) == ("working twap", "done")


def test_pairs_are_printed_with_their_p(tmp_path, store, capsys):
    run_shards([store], replace(REQUEST, spread_bps=5), str(tmp_path / "out"))
    said = [line for line in capsys.readouterr().out.splitlines() if "on the same parent orders" in line]
    assert [line.split(":")[0] for line in said] == ["buy", "sell"]
    assert all(", p " in line and "3 days" in line for line in said)


def test_sells_that_mirror_buys_are_printed_once_and_that_is_said(tmp_path, store, capsys):
    run_shards([store], REQUEST, str(tmp_path / "out"))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines if "on the same parent orders" in line] == ["buy"]
    assert [line.split(": ")[0] for line in lines if line.startswith(("twap", "vwap"))] == ["twap buy", "vwap:profile_days=2 buy"]
    assert [line.endswith(f"; {SHOWN_ONCE}") for line in lines if line.startswith("slippage against")] == [True]


@pytest.mark.parametrize("sides", [None, "sell"])
def test_a_study_of_one_side_says_nothing_of_the_other(tmp_path, store, capsys, sides):
    run_shards([store], replace(REQUEST, sides=sides), str(tmp_path / "out"))
    said = capsys.readouterr().out
    assert "2 symbols, 6 parent orders" in said
    assert [line.split(":")[0] for line in said.splitlines() if "on the same parent orders" in line] == [sides or "buy"]
    assert SHOWN_ONCE not in said


def test_a_sample_of_some_symbols_and_days_is_studied_in_shards_as_in_memory(tmp_path, store, capsys):
    chosen = Chosen(symbols="B", first=DAYS[1], last=DAYS[4], strata="liquidity=1e6,fraction=0.7,seed=4")
    request = replace(REQUEST, size="5,37", window="10:00-11:00,11:00-15:00", chosen=chosen)
    run_shards([store], request, str(tmp_path / "out"), show=Show(by="stratum,size"))
    assert "stratum" in capsys.readouterr().out
    ours = ShardedStudy.of_folder(tmp_path / "out").run(tmp_path / "out").table()
    whole = request.study(BarStore(store).read()).run().parents
    assert 0 < ours["session"].nunique() < 4
    pd.testing.assert_frame_equal(ours, whole, check_dtype=False, check_categorical=False)


@pytest.mark.slow
def test_sensitivity_in_shards_is_that_in_memory_and_is_resumed(tmp_path, store, capsys):
    whole = str(tmp_path / "whole")
    words = ["study", store, "--calendar", "XNYS", "--size", "37", "--profile-days", "2", "--spread-bps", "5", "--sensitivity", "--json"]
    words += ["--side", "buy,sell"]
    alone = json.loads(CliRunner().invoke(app, [*words, "--out", whole]).stdout)["sensitivity"]
    parts = json.loads(CliRunner().invoke(app, [*words, "--resume", str(tmp_path / "out")]).stdout)["sensitivity"]
    assert list(parts["BUY"]["means"]) == ["optimistic", "neutral", "pessimistic"]
    for side in ("BUY", "SELL"):
        assert (parts[side]["ranking"], parts[side]["survives"]) == (alone[side]["ranking"], alone[side]["survives"])
        for model, means in alone[side]["means"].items():
            assert parts[side]["means"][model] == pytest.approx(means, abs=1e-9)
    again = CliRunner().invoke(app, ["study", "--resume", str(tmp_path / "out"), "--sensitivity"])
    assert (again.exit_code, again.stdout.count("the ranking ")) == (0, 2)
    records = list((tmp_path / "out" / "sensitivity").glob("*/shards/*/*/record.json"))
    assert len(records) == 8  # two models beside the neutral one, four shards each


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "elsewhere"], "leave out --out: a study with --resume reads one bar store"),
        (["--zone", "Asia/Seoul", "--format", "yahoo"], "leave out --format, --zone"),
        (["--by", "sise"], "unknown --by 'sise': did you mean size"),
        (["--by", "stratum"], "unknown --by 'stratum'"),
        (["--from", "2031-01-01"], "the store has no bars in the days asked for"),
    ],
)
def test_what_a_study_in_shards_would_pass_over_is_refused_before_it_works(tmp_path, store, words, said):
    run = CliRunner().invoke(app, ["study", store, "--calendar", "XNYS", "--resume", str(tmp_path / "out"), *words])
    assert (run.exit_code, run.stdout, len(run.stderr.splitlines())) == (2, "", 1)
    assert said in run.stderr
    assert not (tmp_path / "out" / "shards").exists()


def test_a_study_that_goes_on_takes_no_other_settings(tmp_path, store):
    REQUEST.sharded(store).start(tmp_path / "out")
    run = CliRunner().invoke(app, ["study", "--resume", str(tmp_path / "out"), "--orders", "desk.csv", "--size", "7"])
    assert (run.exit_code, run.stdout) == (2, "")
    assert "goes on as it was started; leave out --size, --orders" in run.stderr


def test_a_desks_own_orders_are_studied_in_shards_and_the_exit_code_tells_that_some_were_refused(tmp_path, store, capsys):
    (tmp_path / "desk.csv").write_text(
        f"symbol,side,quantity,start,end\nA,buy,20,{DAYS[2]} 10:00,{DAYS[2]} 15:00\nA,buy,0,{DAYS[2]} 10:00,{DAYS[2]} 15:00\n"
    )
    request = StudyRequest(algorithms="twap", calendar="XNYS", orders=str(tmp_path / "desk.csv"))
    with pytest.raises(typer.Exit) as left:
        run_shards([store], request, str(tmp_path / "out"))
    assert left.value.exit_code == 1
    said = capsys.readouterr().out
    assert "1 symbol, 1 parent order," in said
    assert f"orders: 2 given, 1 worked, 1 refused; row by row in {tmp_path / 'out'}/refused.csv" in said
    assert "\n  1 x quantity must be a positive number of shares" in said


def test_orders_of_a_month_that_failed_are_neither_worked_nor_refused_and_that_is_said(tmp_path, store, capsys):
    line = f"{DAYS[2]} 10:00,{DAYS[2]} 15:00\n"
    (tmp_path / "desk.csv").write_text(f"symbol,side,quantity,start,end\nA,buy,20,{line}B,buy,20,{line}")
    with open(f"{store}/symbol=A/month={DAYS[2][:7]}/bars.parquet", "r+b") as file:
        file.truncate(50)
    with pytest.raises(typer.Exit):
        run_shards([store], StudyRequest(algorithms="twap", calendar="XNYS", orders=str(tmp_path / "desk.csv")), str(tmp_path / "out"))
    assert "orders: 2 given, 1 worked, 1 skipped or failed as said above, none refused" in capsys.readouterr().out


def test_a_store_with_a_broken_month_is_not_studied_in_memory_and_the_way_to_study_the_rest_is_said(tmp_path, store):
    with open(f"{store}/symbol=A/month=2025-11/bars.parquet", "r+b") as file:
        file.truncate(50)
    run = CliRunner().invoke(app, ["study", store, "--calendar", "XNYS", "--out", str(tmp_path / "out")])
    assert (run.exit_code, len(run.stderr.splitlines())) == (2, 1)
    assert f"exec-algos study {store} --resume DIR" in run.stderr


SWEEP = [
    "--calendar", "XNYS", "--size", "130", "--profile-days", "1", "--side", "buy", "--algo",
    "twap:slice_interval_seconds=1800,twap:slice_interval_seconds=3600", "--sweep-split", DAYS[3],
]  # fmt: skip


@pytest.mark.slow
def test_a_sweep_in_shards_is_that_in_memory_shows_the_later_days_and_is_resumed_without_a_store(tmp_path, store):
    alone = json.loads(CliRunner().invoke(app, ["study", store, *SWEEP, "--out", str(tmp_path / "whole"), "--json"]).stdout)
    run = CliRunner().invoke(app, ["study", store, *SWEEP, "--resume", str(tmp_path / "out"), "--json"])
    parts = json.loads(run.stdout)
    gain = alone["sweep"].pop("gain")
    assert parts["sweep"].pop("gain") == pytest.approx(gain)
    means = alone["sweep"]["train"].pop("means")
    assert parts["sweep"]["train"].pop("means") == pytest.approx(means)
    assert parts["sweep"] == alone["sweep"]
    assert (alone["sweep"]["train"]["last"], alone["sweep"]["test"]["first"]) == (DAYS[2], DAYS[3])
    assert parts["out"] == str(tmp_path / "out/sweep/test")
    for folder in (tmp_path / "whole", tmp_path / "out/sweep/test"):
        assert {str(day.date()) for day in pd.read_parquet(folder / "parents.parquet")["session"]} == set(DAYS[3:])
    again = CliRunner().invoke(app, ["study", "--resume", str(tmp_path / "out"), "--sweep-split", DAYS[3]])
    assert (again.exit_code, "0 worked, " in again.stdout) == (0, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sweep-split", "2031-01-01"], "the store has no bars of the days from it on"),
        (["--sweep-split", "2020-01-01"], "the store has no bars of the days before it"),
        (["--sweep-split", "2025-11"], "split must be a day like '2024-07-01', got '2025-11'"),
        (["--sweep-split", DAYS[3], "--algo", "twap"], "name two or more, got twap"),
        (["--sweep-split", DAYS[3], "--sensitivity"], f"study what was chosen with --sensitivity --from {DAYS[3]}"),
        (["--sweep-split", DAYS[3], "--orders", "desk.csv"], "split a desk's own orders into two files"),
    ],
)
def test_what_cannot_be_swept_in_shards_is_refused_before_a_study_is_started(tmp_path, store, words, said):
    run = CliRunner().invoke(app, ["study", store, "--calendar", "XNYS", "--resume", str(tmp_path / "out"), *words])
    assert (run.exit_code, run.stdout, len(run.stderr.splitlines())) == (2, "", 1)
    assert said in run.stderr
    assert not (tmp_path / "out").exists()


def test_a_sweep_tells_of_a_month_before_the_split_that_failed_and_stops_there_if_strict(tmp_path, store):
    with open(f"{store}/symbol=A/month=2025-11/bars.parquet", "r+b") as file:
        file.truncate(50)
    words = ["study", store, *SWEEP, "--resume", str(tmp_path / "out")]
    run = CliRunner().invoke(app, words)
    assert (run.exit_code, "failed: before the split, A 2025-11: " in run.stdout) == (1, True)
    assert CliRunner().invoke(app, [*words, "--strict"]).exit_code == 2


def test_a_folder_of_another_version_is_refused_and_its_shards_are_worked_again(tmp_path, store, capsys):
    run_shards([store], REQUEST, str(tmp_path / "out"))
    for record in (tmp_path / "out").glob("shards/*/*/record.json"):
        record.write_text('{"state": "done"}')
    capsys.readouterr()
    run_shards([], StudyRequest(), str(tmp_path / "out"))
    assert "shards: 4 worked, 0 kept from before" in capsys.readouterr().out
    (tmp_path / "out" / "study.json").write_text('{"of": "another version"}')
    with pytest.raises(UsageError, match=r"study.json is not of this version of exec_algos \(KeyError"):
        run_shards([], StudyRequest(), str(tmp_path / "out"))


@pytest.mark.parametrize("words", [[], ["--sweep-split", DAYS[3]]])
def test_no_fsync_waits_for_no_disk_in_a_sweep_either(tmp_path, store, monkeypatch, words):
    waited = []
    monkeypatch.setattr("exec_algos.studies.folder.sync", lambda places: waited.extend(places))
    given = ["study", store, "--calendar", "XNYS", "--size", "37", "--profile-days", "2", "--max-participation", "0.5", "--impact", "0.01"]
    for durable in (True, False):
        waited.clear()
        out = str(tmp_path / f"out-{durable}")
        run = CliRunner().invoke(app, [*given, *words, "--resume", out, *([] if durable else ["--no-fsync"])])
        assert run.exit_code == 0, run.output
        assert bool(waited) is durable


def test_who_stops_a_study_is_told_to_go_on_without_waiting_for_the_disk():
    with pytest.raises(KeyboardInterrupt) as stop, _how_to_go_on("out", How(durable=False), Show()):
        raise KeyboardInterrupt
    assert stop.value.__notes__[-1] == "go on: exec-algos study --resume out --no-fsync"
