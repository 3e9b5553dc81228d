"""A store of float32 prices: a study in shards records and says what was read as decimals, as one in memory does."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from markets import market, study_of

from exec_algos.cli.shards import run_shards
from exec_algos.market.decimals import ReadAs
from exec_algos.market.store import BarStore
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.request import StudyRequest
from exec_algos.studies.shards.records import _add_read_as
from exec_algos.studies.shards.study import ShardedStudy

PRICES = ("open", "high", "low", "close")
GRID = {"calendar": "XNYS", "size": "37", "profile_days": 2, "sides": ("BUY",)}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Of an earlier version, which kept what it was given, and no checksums; prices such as 25.53, as float32."""
    place = tmp_path_factory.mktemp("float32")
    bars = market(21, ("A", "B"), missing=0.0, silent=0.0)  # of a November and a December
    cents = {name: np.round(getattr(bars, name) * 1.23, 2).astype(np.float32).astype(np.float64) for name in PRICES}
    BarStore(place).write(replace(bars, **cents))
    for path in place.rglob("bars.parquet"):
        table = pq.read_table(path)
        facts = json.loads(table.schema.metadata[b"exec_algos"])
        facts.pop("crc32")
        pq.write_table(table.replace_schema_metadata({b"exec_algos": json.dumps(facts).encode()}), path)
    return str(place)


def test_the_configuration_has_the_words_of_a_study_in_memory(store, tmp_path):
    whole = study_of(BarStore(store).read(), ("twap",), **GRID).run()
    found = ShardedStudy(store=store, parents=Grid(**GRID), algorithms=("twap",)).run(tmp_path / "out")
    assert found.config["read_as"] == whole.config["read_as"]
    [line] = found.config["read_as"]
    assert line.startswith("A, B: open, high, low, close were stored as float32 and are read as the decimals meant: ")


def test_the_command_says_it(store, tmp_path, capsys):
    run_shards([store], StudyRequest(algorithms="twap", calendar="XNYS", size="37", profile_days=2), str(tmp_path / "out"))
    assert "A, B: open, high, low, close were stored as float32" in capsys.readouterr().out


def test_nothing_is_recorded_of_bars_that_are_read_as_they_are(tmp_path):
    BarStore(tmp_path / "bars").write(market(21, ("A",), missing=0.0, silent=0.0))
    found = ShardedStudy(store=str(tmp_path / "bars"), parents=Grid(**GRID), algorithms=("twap",)).run(tmp_path / "out")
    assert "read_as" not in found.config


def test_of_several_months_the_first_that_has_such_a_column_is_named():
    found = {}
    notes = [
        [ReadAs("A", ("close",), 1.5, 2.5)],
        [],
        [ReadAs("A", ("vwap",), 3.5, 4.5), ReadAs("A", ("close",), 5.5, 6.5)],
    ]
    for month in notes:
        _add_read_as(found, json.loads(json.dumps({"symbol": "A", "read_as": month})))
    _add_read_as(found, {"symbol": "A"})  # a shard that failed
    assert found == {"A": {("vwap",): ReadAs("A", ("vwap",), 3.5, 4.5), ("close",): ReadAs("A", ("close",), 1.5, 2.5)}}
