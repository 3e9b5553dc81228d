"""Tables read in pieces: the same summaries as of the whole, whatever the pieces, and exact medians."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import market, study_of

from exec_algos import FillModel
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.store import BarStore
from exec_algos.stats import streaming
from exec_algos.stats.paired import compare_all
from exec_algos.stats.streamed_pairs import streamed_pairs
from exec_algos.stats.streaming import added, streamed_summary
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.result import StudyResult
from exec_algos.studies.shards import tables as parts
from exec_algos.studies.shards.study import ShardedStudy
from exec_algos.tca.names import BENCHMARKS
from exec_algos.tca.pairs import compared

NAMES = ("twap", "pov:rate=0.2", "vwap:profile_days=1")
MODEL = FillModel(price="worst", max_participation=0.2)
TERMS = {"calendar": "XNYS", "size": ["1%adv", "20%adv"], "profile_days": 1, "sides": ("BUY", "SELL")}
BARS = market(8, tuple("ABCD"), missing=0.1, silent=0.1)
COLUMN = "slippage_vwap_bps"


def frame(rows):
    """A row for each (algorithm, day, value, filled) of parent orders of two algorithms."""
    table = pd.DataFrame(rows, columns=["algorithm", "day", COLUMN, "filled"])
    table["parent_id"] = np.arange(len(table)) // 2
    table["session"] = np.datetime64("2024-01-01") + table.pop("day").to_numpy().astype("timedelta64[D]")
    return table.assign(quantity=table["filled"] + 5.0, average_price=10.0, participation=table["filled"] / 100)


values = st.one_of(st.floats(-50, 50), st.sampled_from([0.0, -0.0, 1.0, math.nan, 1e-9, -1e6, 7.25]))
tables = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), values, st.sampled_from([0.0, 3.0, 40.0])), min_size=1, max_size=60)


def in_pieces(table, size):
    """A table of so many rows a piece."""
    return lambda look: added(look(table.iloc[i : i + size]) for i in range(0, len(table), size))


@settings(max_examples=25, deadline=None)
@given(rows=tables, size=st.integers(5, 70), held=st.sampled_from([1, 1 << 21]))
def test_medians_are_exact_and_counts_too_whatever_the_pieces(rows, size, held):
    table = frame(rows)
    before, streaming.HELD = streaming.HELD, held
    try:
        found = streamed_summary(in_pieces(table, size), [COLUMN], ("algorithm",))[COLUMN]
    finally:
        streaming.HELD = before
    wanted = table.groupby("algorithm")[COLUMN].agg(["median", "count"])
    np.testing.assert_array_equal(found["median"], wanted["median"])
    assert found["n"].tolist() == wanted["count"].tolist()


@pytest.fixture(scope="module")
def whole():
    return study_of(BARS, NAMES, MODEL, **TERMS).run()


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_a_summary_in_pieces_is_that_of_the_whole(whole, size):
    found = streamed_summary(in_pieces(whole.parents, size), list(BENCHMARKS.values()), ("algorithm", "side"))
    for name, column in BENCHMARKS.items():
        pd.testing.assert_frame_equal(found[column], whole.summary(name, by=("algorithm", "side")), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("size", [3, 15, 30_000])
def test_pairs_in_pieces_are_those_of_the_whole(whole, size):
    pieces = streamed_pairs(in_pieces(whole.parents, size), [COLUMN], NAMES, [None, "SELL"])
    for side in (None, "SELL"):
        found = pieces[COLUMN, side]
        wanted = compared(whole.parents, COLUMN, NAMES, side)[list(found.columns)]
        pd.testing.assert_frame_equal(found, wanted, rtol=1e-8, atol=1e-10, check_dtype=False)


def test_a_table_that_lacks_a_row_is_refused(whole):
    with pytest.raises(UsageError, match="a row for each parent order and algorithm"):
        streamed_pairs(in_pieces(whole.parents.iloc[1:], 10_000), [COLUMN], NAMES, [None])


def test_two_algorithms_that_cost_the_same_have_no_p():
    table = frame([("a", d, 3.0, 1.0) for d in range(4) for _ in range(2)]).assign(algorithm=["a", "b"] * 4, side="BUY")
    found = streamed_pairs(in_pieces(table, 8), [COLUMN], ("a", "b"), [None])[COLUMN, None].iloc[0]
    wanted = compare_all(table).iloc[0]
    assert (found["difference"], found["n"]) == (0.0, 4)
    assert math.isnan(found["p"])
    assert math.isnan(wanted["p"])


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    place = tmp_path_factory.mktemp("streamed")
    BarStore(place / "bars").write(BARS)
    study = ShardedStudy(store=str(place / "bars"), parents=Grid(**TERMS), algorithms=NAMES, fill_model=MODEL)
    before, parts.ROWS = parts.ROWS, 50  # several parts
    try:
        return study.run(place / "out")
    finally:
        parts.ROWS = before


@pytest.mark.slow
def test_what_a_sharded_result_says_is_what_a_result_in_memory_says(whole, stored):
    exactly = {"rtol": 1e-9, "atol": 1e-9}
    pieces = [len(one) for one in stored.iter_batches(["parent_id"])]
    assert len(pieces) == 3
    assert sum(pieces) == len(whole.parents)
    pd.testing.assert_frame_equal(stored.summary("arrival"), whole.summary("arrival"), **exactly)
    found, wanted = stored.by("size", "hour"), whole.by("size", "hour")
    pd.testing.assert_frame_equal(found, wanted, check_index_type=False, **exactly)
    found, wanted = stored.by("volatility", "symbol", buckets=3), whole.by("volatility", "symbol", buckets=3)
    pd.testing.assert_frame_equal(found, wanted, check_index_type=False, **exactly)
    assert stored.comparison(side="SELL")["p"].to_numpy() == pytest.approx(whole.comparison(side="SELL")["p"].to_numpy(), rel=1e-7)
    curve = stored.cost_curve("twap", "interval_vwap")
    assert curve[1:3] == pytest.approx(whole.cost_curve("twap", "interval_vwap")[1:3], rel=1e-9)


def test_what_a_sharded_result_does_not_have_is_refused(stored):
    with pytest.raises(UnknownNameError, match="did you mean symbol"):
        stored.summary(by=("symbl",))
    with pytest.raises(UnknownNameError, match="did you mean arrival"):
        stored.comparison("arival")
    with pytest.raises(UnknownNameError, match="did you mean twap"):
        stored.cost_curve("twp")


def test_skipped_and_failed_are_read_from_their_lists(whole, stored):
    assert sorted(stored.skipped) == sorted(map(tuple, whole.skipped.itertuples(index=False)))
    assert stored.config["skipped"] == len(stored.skipped) > 0


def stamps(folder):
    return {path.relative_to(folder): path.stat().st_mtime_ns for path in folder.glob("*.parquet/*")}


@pytest.mark.slow
def test_tables_that_stand_are_not_put_together_again_and_those_that_do_not_are(tmp_path):
    BarStore(tmp_path / "bars").write(BARS)
    study = ShardedStudy(store=str(tmp_path / "bars"), parents=Grid(**TERMS), algorithms=["twap"])
    first = study.run(tmp_path / "out")
    before, content = stamps(tmp_path / "out"), first.table()
    study.run(tmp_path / "out")
    assert stamps(tmp_path / "out") == before
    (tmp_path / "out/parents.parquet/part-000000.parquet").write_bytes(b"PAR1")
    again = study.run(tmp_path / "out")
    pd.testing.assert_frame_equal(again.table(), content, check_exact=True)
    assert (again.made, again.kept) == (0, first.made)


def test_one_result_is_a_study_result_without_bars(stored):
    assert isinstance(stored.load(BARS), StudyResult)
