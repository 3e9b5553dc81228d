"""A vendor's VWAP outside its bar is not believed, and is counted: in the configuration, on screen, in the report, in shards."""

import json
from dataclasses import replace

import numpy as np
import pytest
from markets import market, study_of
from typer.testing import CliRunner

from exec_algos.cli import app
from exec_algos.cli.study import run_and_show
from exec_algos.market.store import BarStore
from exec_algos.reports.words import assumptions
from exec_algos.studies.request import StudyRequest

GRID = {"calendar": "XNYS", "size": "37", "profile_days": 2, "sides": ("BUY",)}
CALM = market(21, ("A", "B"), missing=0.0, silent=0.0)  # of a November and a December


def spoiled(*rows):
    """Each VWAP the close, but those of some rows: just above the high, far below the low, or not known."""
    vwap = CALM.close.copy()
    for row, value in rows:
        vwap[row] = value
    return replace(CALM, vwap=vwap)


ABOVE, BELOW, UNKNOWN = (3, np.nextafter(CALM.high[3], np.inf)), (-1, CALM.low[-1] / 2), (5, np.nan)
BARS = spoiled(ABOVE, BELOW, UNKNOWN)
LINE = f"2 of {len(CALM)} bars have a vendor's VWAP outside their low and high: (high + low + close) / 3 stands in its place"


def test_bars_are_counted_and_what_is_not_known_is_no_fault():
    result = study_of(BARS, ("twap",), **GRID).run()
    assert result.config["vwaps_outside"] == 2
    assert "vwaps_outside" not in study_of(spoiled(UNKNOWN), ("twap",), **GRID).run().config
    assert "vwaps_outside" not in study_of(CALM, ("twap",), **GRID).run().config
    mean = (CALM.high[3] + CALM.low[3] + CALM.close[3]) / 3
    assert result.bars.price()[3] == pytest.approx(mean)


def test_command_and_report_say_it(tmp_path, capsys):
    run_and_show(BARS, StudyRequest(algorithms="twap", calendar="XNYS", size="37", profile_days=2), tmp_path)
    assert LINE in capsys.readouterr().out.splitlines()
    assert LINE.replace("'", "&#39;") in (tmp_path / "report.html").read_text()
    assert "VWAP of the bars" not in dict(assumptions(study_of(CALM, ("twap",), **GRID).run()))


def test_shards_count_the_same_though_each_reads_the_month_before_too(tmp_path):
    BarStore(tmp_path / "bars").write(BARS)
    words = ["study", str(tmp_path / "bars"), "--calendar", "XNYS", "--size", "37", "--profile-days", "2", "--algo", "twap"]
    run = CliRunner().invoke(app, [*words, "--resume", str(tmp_path / "out")])
    assert run.exit_code == 0, run.output
    assert LINE in run.stdout.splitlines()


def test_data_check_counts_them_too_and_its_json_has_numbers(tmp_path):
    BARS.to_frame().loc["A"].to_parquet(tmp_path / "A.parquet")
    CALM.to_frame().loc["A"].drop(columns="vwap", errors="ignore").to_parquet(tmp_path / "B.parquet")
    run = CliRunner().invoke(app, ["data", "check", str(tmp_path), "--calendar", "XNYS", "--json"])
    first, second = json.loads(run.stdout)["symbols"]
    bars = len(CALM.select(["A"]))
    assert {name: first[name] for name in ("bars", "step", "quotes_only", "vwap_outside", "rows_touched", "sessions", "missing")} == {
        "bars": bars, "step": 1800, "quotes_only": 0, "vwap_outside": 1, "rows_touched": 0, "sessions": 5, "missing": 0,
    }  # fmt: skip
    assert second["vwap_outside"] is None
    table = CliRunner().invoke(app, ["data", "check", str(tmp_path / "A.parquet"), "--calendar", "XNYS"]).stdout
    assert f" {bars} " in table
    assert " 1800 s " in table
