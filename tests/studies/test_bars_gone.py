"""Bars that break or disappear under a study in shards: listed with what to do, whether or not their shard was finished before."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from markets import DAYS, bars_of, market, ns

from exec_algos.errors import MarketDataError
from exec_algos.market.store import BarStore
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.shards.study import ShardedStudy

TERMS = Grid(calendar="XNYS", size="37", profile_days=2, sides=("BUY", "SELL"))
GONE = "bars.parquet: the file is gone since the study was planned; put it back or import its month again"


@pytest.fixture
def study(tmp_path):
    BarStore(tmp_path / "bars").write(market(21, ("A", "B"), missing=0.0, silent=0.0))  # of a November and a December
    return ShardedStudy(store=str(tmp_path / "bars"), parents=TERMS, algorithms=["twap"])


def after_the_first_shard(harm):
    return lambda done, total: harm() if done == 1 else None


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize(
    ("harm", "said"), [(Path.unlink, GONE), (lambda file: file.write_bytes(b"PAR1 and no more"), "not a whole Parquet")]
)
def test_a_month_that_is_harmed_under_a_study_is_listed_with_what_to_do_and_mended_later(study, tmp_path, finished, harm, said):
    file = tmp_path / "bars/symbol=B/month=2025-11/bars.parquet"
    whole, sound = file.read_bytes(), study.run(tmp_path / "sound").table()
    if finished:
        study.run(tmp_path / "out")
    hurt = study.run(tmp_path / "out", progress=after_the_first_shard(lambda: harm(file)))
    # December looks back on November
    assert [(one.symbol, one.session) for one in hurt.failed] == [("B", "2025-11"), ("B", "2025-12")]
    assert all(said in one.reason and "import its month again" in one.reason for one in hurt.failed)
    assert said in (tmp_path / "out/failed.csv").read_text()
    assert (hurt.made, hurt.kept) == ((2, 2) if finished else (4, 0))
    file.write_bytes(whole)
    again = study.run(tmp_path / "out")
    assert (again.failed, again.made) == ((), 2)
    pd.testing.assert_frame_equal(again.table(), sound, check_exact=True)


def test_a_strict_study_stops_at_a_month_that_is_gone(study, tmp_path):
    study.run(tmp_path / "out")
    file = tmp_path / "bars/symbol=B/month=2025-11/bars.parquet"
    with pytest.raises(MarketDataError, match=r"symbol=B/month=2025-11/bars.parquet: the file is gone"):
        study.run(tmp_path / "out", strict=True, progress=after_the_first_shard(file.unlink))


def test_a_folder_that_is_called_after_no_month_is_named(study, tmp_path):
    file = tmp_path / "bars/symbol=A/month=nov/bars.parquet"
    file.parent.mkdir()
    file.write_bytes(b"")
    with pytest.raises(MarketDataError, match=r"month=nov/bars.parquet: month=nov is no month of a bar store"):
        study.run(tmp_path / "out")


def test_a_symbol_in_other_bars_is_listed_and_worked_where_it_is_the_only_one_chosen(study, tmp_path):
    hourly = [(ns(day, f"{hour}:30"), 10.0, 10.2, 9.9, 10.1, 5000.0, np.nan) for day in DAYS for hour in ("09", "10", "11")]
    BarStore(tmp_path / "bars").write(bars_of({"C": hourly}, step=60 * 60 * 1_000_000_000))
    found = study.run(tmp_path / "out")
    assert {one.symbol for one in found.failed} == {"C"}
    assert "is kept in zone America/New_York, in bars of 3600 s; the store's first file in zone America/New_York, in bars of 1800 s" in (
        found.failed[0].reason
    )
    assert set(found.table()["symbol"]) == {"A", "B"}
    alone = replace(study, parents=replace(TERMS, symbols=["C"])).run(tmp_path / "alone")
    assert (alone.failed, set(alone.table()["symbol"])) == ((), {"C"})
