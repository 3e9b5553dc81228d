"""A study says what is odd in its bars, and which orders look back across a split: in memory, on disk, in shards, in the report."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from exec_algos import Bars, BarStore, FillModel, ParentOrders, SlippageStudy
from exec_algos.cli import app
from exec_algos.costs import SquareRootImpact
from exec_algos.errors import UsageError
from exec_algos.market.calendars import sessions
from exec_algos.market.quality.copies import Copies, Mark, joined
from exec_algos.market.quality.limits import Limits
from exec_algos.reports import write_report
from exec_algos.reports.words import assumptions
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.record.data import data_lines, history_of
from exec_algos.studies.saved import load_result, rerun
from exec_algos.studies.sensitivity import sweep
from exec_algos.studies.shards.study import ShardedStudy

ZONE, HALF_HOUR, BARS = "America/New_York", 1_800_000_000_000, 13
FIRST, LAST = (pd.Timestamp(day, tz=ZONE).value for day in ("2024-05-20", "2024-06-22"))
HOURS = sessions("XNYS", FIRST, LAST)
HELD = (HOURS.date >= np.datetime64("2024-05-20")) & (HOURS.date <= np.datetime64("2024-06-21"))
DAYS = [str(day) for day in HOURS.date[HELD]]  # 23 sessions, 9 of May; index 14 is the 10th of June
EX = DAYS.index("2024-06-10")


def bars_of(symbol, ratio=1.0, loud=None):
    """130,000 shares a session around 100, that many times more and cheaper from the ex-day on."""
    shape = (len(DAYS), BARS)
    rng = np.random.default_rng(sum(symbol.encode()))
    close = 100 + np.cumsum(rng.normal(0, 0.02, shape).ravel()).reshape(shape)
    volume = 10_000.0 + rng.integers(-500, 500, shape)
    close[EX:] /= ratio
    volume[EX:] *= ratio
    if loud is not None:
        volume[loud] *= 8
    open_ = np.concatenate([[100.0], close.ravel()[:-1]]).reshape(shape)
    open_[EX, 0] = close[EX, 0]
    columns = {"open": open_, "high": np.maximum(open_, close) + 0.01, "low": np.minimum(open_, close) - 0.01, "close": close}
    start = (HOURS.open[HELD][:, None] + HALF_HOUR * np.arange(BARS)).ravel()
    return Bars(
        symbols=(symbol,), offsets=np.array([0, start.size]), start=start, volume=volume.ravel(), step=HALF_HOUR, zone=ZONE,
        **{name: column.ravel() for name, column in columns.items()},
    )  # fmt: skip


@pytest.fixture(scope="module")
def market():
    return Bars.concat([bars_of("CALM"), bars_of("LOUD", loud=16), bars_of("SPLIT", 10)])


def study_of(bars, algorithms=("twap", "vwap:profile_days=3")):
    return SlippageStudy(bars, ParentOrders.grid(bars, calendar="XNYS", sides=["buy", "sell"], profile_days=4), list(algorithms))


@pytest.fixture(scope="module")
def result(market):
    return study_of(market).run()


def rows(findings):
    return [tuple(row) for row in findings[["symbol", "session", "kind", "value"]].itertuples(index=False)]


WANTED = [
    ("LOUD", DAYS[16], "volume"),
    ("SPLIT", DAYS[EX], "split"),
    *(("SPLIT", day, "history") for day in DAYS[EX : EX + 4]),  # ADV of 4 sessions: 2 orders on each of the ex-day and 3 days after
]


def test_a_study_finds_what_is_odd_and_the_orders_that_look_back_across_a_split(result):
    assert [row[:3] for row in rows(result.findings)] == WANTED
    assert [row[3] for row in rows(result.findings)][1:] == [10, 2, 2, 2, 2]


def test_an_algorithm_that_looks_further_back_than_the_sizes_counts(market):
    longer = study_of(market, ["vwap:profile_days=7"])
    assert history_of(longer.parents, longer.algorithms) == 7
    assert [row[1] for row in rows(longer.run().findings) if row[2] == "history"] == DAYS[EX : EX + 7]


def test_the_lines_are_three_at_most_and_none_where_nothing_is(result, market):
    first, second = data_lines(result.findings)
    assert first.startswith(f"SPLIT {DAYS[EX]} suspected split: 10:1 (price x 0.1")
    assert first.endswith("; the history of 8 orders spans a split: --splits FILE adjusts it")
    assert second.startswith(f"LOUD {DAYS[16]}: volume far from the median session: 1,0")
    assert data_lines(study_of(market.select(["CALM"])).run().findings) == []


def test_a_saved_study_keeps_its_findings(result, market, tmp_path):
    folder = result.save(tmp_path / "kept")
    found = load_result(folder, market).findings
    pd.testing.assert_frame_equal(found, result.findings)
    pd.testing.assert_frame_equal(rerun(folder, market).findings, result.findings)
    (folder / "findings.csv").unlink()
    with pytest.raises(UsageError, match=r"damaged, or was being saved again: findings\.csv"):
        load_result(folder, market)
    (folder / "whole.json").unlink()  # a study of an earlier version
    assert [row[:3] for row in rows(load_result(folder, market).findings)] == [row for row in WANTED if row[2] != "history"]


def test_shards_find_the_same(result, market, tmp_path):
    BarStore(tmp_path / "store").write(market)
    grid = Grid(calendar="XNYS", sides=["buy", "sell"], profile_days=4)
    study = ShardedStudy(store=str(tmp_path / "store"), parents=grid, algorithms=["twap", "vwap:profile_days=3"])
    sharded = study.run(tmp_path / "out")
    assert sorted(rows(sharded.findings)) == sorted(rows(result.findings))
    assert study.run(tmp_path / "out").made == 0
    assert sorted(rows(sharded.load(market).findings)) == sorted(rows(result.findings))


def test_the_report_has_the_lines_and_the_table_under_data(result, market, tmp_path):
    text = write_report(result, tmp_path / "odd").read_text(encoding="utf-8")
    data = text[text.index("<h2>Data</h2>") : text.index("<h2>Assumptions</h2>")]
    assert all(line.replace("'", "&#39;") in data for line in data_lines(result.findings))
    assert data.count("sessions whose earlier ones span a split") == 4
    calm = write_report(study_of(market.select(["CALM"])).run(), tmp_path / "calm").read_text(encoding="utf-8")
    assert "its neighbours and the sessions of XNYS: nothing lies beyond the limits" in calm


def test_the_command_says_them_in_memory_and_in_shards(market, tmp_path):
    BarStore(tmp_path / "store").write(market)
    asked = ["study", str(tmp_path / "store"), "--calendar", "XNYS", "--profile-days", "4"]
    for more in (["--out", str(tmp_path / "out"), "--no-fills"], ["--resume", str(tmp_path / "shards")]):
        run = CliRunner().invoke(app, [*asked, *more])
        assert run.exit_code == 0
        said = [line for line in run.stdout.splitlines() if line.startswith("data: ")]
        assert len(said) == 2
        assert f"data: SPLIT {DAYS[EX]} suspected split: 10:1" in said[0]


MOVED = Limits(volume=9, price=1.5)  # the loud session has 8 times the volume of its neighbours


def test_limits_move_what_a_study_finds_and_stand_in_its_configuration(result, market, tmp_path):
    study = replace(study_of(market), limits=MOVED)
    moved = study.run()
    assert [row[:2] for row in rows(moved.findings)] == [row[:2] for row in WANTED if row[2] != "volume"]
    assert "limits" not in result.config
    assert moved.config["limits"] == {"volume": 9.0, "price": 1.5}
    pd.testing.assert_frame_equal(moved.parents, result.parents)
    folder = moved.save(tmp_path / "kept")
    assert rows(rerun(folder, market).findings) == rows(moved.findings)
    (folder / "findings.csv").unlink()
    (folder / "whole.json").unlink()  # a study of an earlier version
    assert not [row for row in rows(load_result(folder, market).findings) if row[2] == "volume"]
    assert dict(assumptions(moved))["odd bars"] == "beyond volume=9, price=1.5; else the usual limits"
    assert "odd bars" not in dict(assumptions(result))


def test_limits_hold_in_shards_and_when_they_are_resumed(market, tmp_path):
    BarStore(tmp_path / "store").write(market)
    grid = Grid(calendar="XNYS", profile_days=4)
    study = ShardedStudy(store=str(tmp_path / "store"), parents=grid, algorithms=["twap"], limits=MOVED)
    found = study.run(tmp_path / "out")
    assert not [row for row in rows(found.findings) if row[2] == "volume"]
    assert found.config["limits"] == MOVED.record()
    resumed = ShardedStudy.of_folder(tmp_path / "out")
    assert resumed.limits == MOVED
    assert resumed.run(tmp_path / "out").made == 0
    with pytest.raises(UsageError, match=r"holds a study of other settings \(limits\.price: 1\.5 there, None asked for"):
        replace(study, limits=Limits()).run(tmp_path / "out")


@pytest.mark.parametrize("where", ["--out", "--resume"])
def test_the_command_takes_limits(market, tmp_path, where):
    BarStore(tmp_path / "store").write(market)
    asked = ["study", str(tmp_path / "store"), "--calendar", "XNYS", "--profile-days", "4", "--algo", "twap", where, str(tmp_path / "out")]
    run = CliRunner().invoke(app, [*asked, "--limits", "volume=9"])
    assert run.exit_code == 0, run.output
    assert next(line for line in run.stdout.splitlines() if line.startswith("data: ")).startswith("data: SPLIT ")
    assert "LOUD" not in run.stdout
    run = CliRunner().invoke(app, [*asked, "--limits", "volumes=9"])
    assert run.exit_code == 2
    assert "volumes" in run.stderr


def test_a_sweep_keeps_the_limits(market):
    orders = ParentOrders.grid(market, calendar="XNYS", sides=["buy"], profile_days=4)
    found = sweep(market, orders, ["twap", "vwap:profile_days=3"], FillModel(impact=SquareRootImpact(0.01)), split=DAYS[8], limits=MOVED)
    assert (found.train.config["limits"], found.test.config["limits"]) == (MOVED.record(), MOVED.record())


def test_limits_that_are_recorded_are_those_that_were_moved():
    assert Limits().record() == {}
    assert Limits(**Limits.of("stale=7,missing=0.05").record()) == Limits(stale=7)


def renamed(bars, name):
    return replace(bars, symbols=(name,))


def in_shards(bars, place, **terms):
    BarStore(place / "store").write(bars)
    grid = Grid(calendar="XNYS", sides=["buy", "sell"], profile_days=4, **terms)
    return ShardedStudy(store=str(place / "store"), parents=grid, algorithms=["twap", "vwap:profile_days=3"]).run(place / "out")


def test_one_file_under_two_symbols_is_seen_in_shards_as_in_memory(market, tmp_path):
    calm, split = market.select(["CALM"]), market.select(["SPLIT"])
    bars = Bars.concat([calm, renamed(calm, "ECHO"), split, renamed(split, "ZWEI")])
    whole, found = study_of(bars).run().findings, in_shards(bars, tmp_path).findings
    [*_, of_whole], [*_, of_shards] = ([row for row in table.itertuples(index=False) if row.kind == "twin"] for table in (whole, found))
    assert of_whole == of_shards
    assert of_shards.said == f"volumes, opens and closes of all {len(DAYS)} sessions are those of SPLIT"
    twins = [row[:2] for row in rows(found) if row[2] == "twin"]
    assert twins == [("ECHO", ""), ("ZWEI", "")]
    assert sorted(rows(found)) == sorted(rows(whole))


def test_symbols_that_differ_in_one_month_only_are_no_copies_in_shards(market, tmp_path):
    calm = market.select(["CALM"])
    volume = calm.volume.copy()
    volume[0] += 1  # in May; June is the same
    bars = Bars.concat([calm, replace(renamed(calm, "ECHO"), volume=volume)])
    assert not [row for row in rows(in_shards(bars, tmp_path).findings) if row[2] == "twin"]
    june = in_shards(bars, tmp_path / "june", sessions=("2024-06-01", None)).findings
    assert [row[:3] for row in rows(june) if row[2] == "twin"] == [("ECHO", "", "twin")]


def test_flat_bars_and_few_of_them_are_no_copies():
    mark = Mark(2, 26, True, "a")
    for other in (mark._replace(bars=9), mark._replace(varied=False)):
        copies = Copies()
        assert (copies.of("A", other), copies.of("B", other)) == ([], [])
    assert joined([("2024-05", mark), ("2024-06", mark._replace(varied=False))])[:3] == (4, 52, True)
    assert joined([("2024-05", mark)]).digest != joined([("2024-06", mark)]).digest
