"""The tables of a study in shards are cut alike whoever makes them, and hold every shard's rows once."""

from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import content_of, market

from exec_algos import FillModel
from exec_algos.market.store import BarStore
from exec_algos.stats.streamed_pairs import streamed_pairs
from exec_algos.stats.streaming import READ, streamed_summary
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.folder import StudyFolder
from exec_algos.studies.shards import tables as parts
from exec_algos.studies.shards.plan import Shard
from exec_algos.studies.shards.result import GROUPED, fold_of
from exec_algos.studies.shards.study import ShardedStudy
from exec_algos.tca.names import BENCHMARKS

NAMES = ("twap", "pov:rate=0.2", "vwap:profile_days=1")
COLUMNS = tuple(BENCHMARKS.values())


def record(orders, rows, there):
    """Of a shard with so many parent orders and fills; of one that came to nothing where it is not there."""
    files = {"parents.parquet": "", "fills.parquet": ""} if there else {}
    return {"orders": orders * there, "rows": {"parents": orders * there, "fills": rows * there}, "files": files}


shards = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40), st.booleans()), max_size=30).map(
    lambda found: [(Shard(f"S{i:02}", "2024-01", ()), record(*one)) for i, one in enumerate(found)]
)


@settings(max_examples=60, deadline=None)
@given(found=shards, full=st.integers(1, 60))
def test_parts_hold_every_shard_that_has_rows_once_in_order_and_are_full_with_their_last(found, full):
    before, parts.ROWS = parts.ROWS, full
    try:
        made = list(parts.parts_of(found, "fills"))
    finally:
        parts.ROWS = before
    rows = {shard.folder: one["rows"]["fills"] for shard, one in found}
    held = [folder for part in made for folder, _ in part.shards]
    first = next((shard.folder for shard, one in found if one["files"]), None)
    assert held == [shard.folder for shard, one in found if one["files"] and (rows[shard.folder] or shard.folder == first)]
    assert [part.number for part in made] == list(range(len(made)))
    for part in made[:-1]:
        sizes = [rows[folder] for folder, _ in part.shards]
        assert sum(sizes) >= full > sum(sizes[:-1])


@settings(max_examples=30, deadline=None)
@given(found=shards)
def test_parent_orders_are_numbered_on_from_the_shards_before(found):
    before = [number for part in parts.parts_of(found, "parents") for _, number in part.shards]
    named = {shard.folder: one["orders"] for shard, one in found}
    held = [folder for part in parts.parts_of(found, "parents") for folder, _ in part.shards]
    assert all(b - a == named[folder] for (a, b), folder in zip(pairwise(before), held, strict=False))


@pytest.fixture(scope="module")
def small():
    """Many parts of few rows, and many bundles of them."""
    before = parts.ROWS, parts.BUNDLE
    parts.ROWS, parts.BUNDLE = 20, 2
    yield
    parts.ROWS, parts.BUNDLE = before


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    place = tmp_path_factory.mktemp("parts")
    BarStore(place).write(market(8, tuple("ABCD"), missing=0.1, silent=0.1))
    grid = Grid(calendar="XNYS", size=["1%adv", "20%adv"], profile_days=1, sides=("BUY", "SELL"))
    return ShardedStudy(store=str(place), parents=grid, algorithms=NAMES, fill_model=FillModel(price="worst", max_participation=0.2))


@pytest.fixture(scope="module")
def result(study, small, tmp_path_factory):
    return study.run(tmp_path_factory.mktemp("in-parts") / "out")


@pytest.mark.parametrize("name", ["parents", "fills"])
def test_many_parts_hold_the_rows_of_one_and_any_reader_of_parquet_reads_them_as_one(study, result, tmp_path, name, monkeypatch):
    assert len(list(result.iter_batches(["parent_id"], name))) > 3
    monkeypatch.setattr(parts, "ROWS", 1 << 16)
    whole = study.run(tmp_path / "whole")
    assert len(list(whole.iter_batches(["parent_id"], name))) == 1
    pd.testing.assert_frame_equal(result.table(name), whole.table(name), check_exact=True)
    pd.testing.assert_frame_equal(pd.read_parquet(f"{result.folder}/{name}.parquet"), whole.table(name), check_exact=True)


def test_what_stands_in_the_lists_is_what_the_tables_say_digit_by_digit(result):
    folder = StudyFolder(result.folder)
    read = ("parent_id", *GROUPED, *READ, *COLUMNS)
    lines = streamed_summary(fold_of(folder, read), COLUMNS, GROUPED)
    pairs = streamed_pairs(fold_of(folder, read), COLUMNS, NAMES, ["BUY", "SELL"])
    for name, column in BENCHMARKS.items():
        pd.testing.assert_frame_equal(result.summary(name, by=GROUPED), lines[column], check_exact=True, check_index_type=False)
        for side in ("BUY", "SELL"):
            pd.testing.assert_frame_equal(result.comparison(name, side=side), pairs[column, side], check_exact=True, check_dtype=False)
        # each buy has a twin: of each pair one is taken
        pd.testing.assert_frame_equal(result.comparison(name), pairs[column, "BUY"], check_exact=True, check_dtype=False)


@pytest.mark.slow
def test_workers_put_the_same_bytes_together_whatever_their_number(study, result, tmp_path):
    study.run(tmp_path / "out", cluster="local:2")
    assert content_of(tmp_path / "out") == content_of(Path(result.folder))
