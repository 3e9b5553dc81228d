"""A study in shards: the same numbers as in one piece, whatever is there already, and what is wrong is listed."""

import shutil
from dataclasses import replace
from itertools import count

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from markets import DAYS, STEP, algorithms, bars_of, content_of, grids, kinds_of_model, market, markets, ns, outcome, study_of

from exec_algos import FillModel, ParentOrders, Rules, SlippageStudy
from exec_algos.errors import MarketDataError, UnknownNameError, UsageError
from exec_algos.market.store import BarStore
from exec_algos.studies import folder as folder_module
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.request import StudyRequest
from exec_algos.studies.shards import shard as shards_module
from exec_algos.studies.shards.study import ShardedStudy

BARS = market(21, ("A", "B"), missing=0.1, silent=0.0, vendor=True)  # of a November and a December
NAMES = ("twap", "vwap:profile_days=2", "pov")
TERMS = {"calendar": "XNYS", "size": "37", "profile_days": 2, "sides": ("BUY", "SELL")}
fresh = count()


def stored(path, bars=BARS):
    BarStore(path).write(bars)
    return str(path)


def study(store, names=NAMES, model=None, rules=None, **terms):
    return ShardedStudy(store=store, parents=Grid(**{**TERMS, **terms}), algorithms=names, fill_model=model, rules=rules or Rules())


def in_one_piece(tmp_path, bars=BARS, names=NAMES, model=None, **terms):
    study_of(bars, names, model, **{**TERMS, **terms}).run().save(tmp_path / "whole")
    return {name: pd.read_parquet(tmp_path / "whole" / f"{name}.parquet") for name in ("parents", "fills")}


def inodes(folder):
    """A shard that is worked again is another file."""
    return {path.parent.relative_to(folder): path.stat().st_ino for path in sorted(folder.glob("shards/*/*/record.json"))}


def worked_again(before, folder):
    after = inodes(folder)
    return sorted(f"{path.parent.name[7:]} {path.name[6:]}" for path in after if before.get(path) != after[path])


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(bars=markets(), names=algorithms, model=kinds_of_model, grid=grids)
def test_a_study_in_shards_has_the_parent_orders_and_fills_of_one_piece_to_the_last_bit(bars, names, model, grid):
    place = f"memory://sharded-{next(fresh)}"
    whole = outcome(study_of(bars, names, model, **grid), "batch")
    shards = study(stored(f"{place}/bars", bars), names, model, **grid)
    if isinstance(whole, str):
        with pytest.raises(UsageError, match="no parent order is left"):
            shards.run(f"{place}/out")
        return
    found = shards.run(f"{place}/out")
    for name in ("parents", "fills"):
        wanted = getattr(whole, name)
        assert_equal_values(found.table(name), wanted)
    assert sorted(found.skipped) == sorted(map(tuple, whole.skipped.itertuples(index=False)))
    assert found.oversize() == whole.oversize()
    pd.testing.assert_frame_equal(found.residuals(), whole.residuals(), check_exact=True)
    # sums are added up in another order
    pd.testing.assert_frame_equal(found.summary(by=("algorithm", "side")), whole.summary(by=("algorithm", "side")), rtol=1e-9, atol=1e-9)


def assert_equal_values(found, wanted):
    """Parquet keeps days as milliseconds, and knows that symbols are text where there is none; all else is the same to the bit."""
    kinds = {name: found[name].dtype for name in ("session", "symbol") if name in wanted and (name == "session" or wanted.empty)}
    pd.testing.assert_frame_equal(found, wanted.astype(kinds), check_exact=True)


def test_what_is_read_back_is_what_a_study_in_one_piece_saves(tmp_path):
    found = study(stored(tmp_path / "bars")).run(tmp_path / "out")
    for name, wanted in in_one_piece(tmp_path).items():
        pd.testing.assert_frame_equal(found.table(name), wanted, check_exact=True)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out" / "summary.csv"), pd.read_csv(tmp_path / "whole" / "summary.csv"))


def test_it_loads_as_a_study_result(tmp_path):
    loaded = study(stored(tmp_path / "bars")).run(tmp_path / "out").load(BARS)
    whole = study_of(BARS, NAMES, **TERMS).run()
    assert loaded.compare("twap", "pov", side="BUY") == whole.compare("twap", "pov", side="BUY")
    shared = ("algorithms", "fill_model", "calendar", "zone", "profile_days", "lot_size", "parent_orders", "skipped", "symbols")
    counted = ("bar_seconds", "bars", "bars_outside_regular_hours", "driver")
    assert {name: loaded.config[name] for name in (*shared, *counted)} == {name: whole.config[name] for name in (*shared, *counted)}


def test_the_engine_works_shards_too(tmp_path):
    store = stored(tmp_path / "bars")
    batch, engine = (replace(study(store, ["twap"]), driver=name).run(tmp_path / name) for name in ("batch", "engine"))
    pd.testing.assert_frame_equal(batch.table(), engine.table(), check_exact=True)


def test_nothing_is_worked_twice(tmp_path):
    shards = study(stored(tmp_path / "bars"))
    first = shards.run(tmp_path / "out")
    before, kept = content_of(tmp_path / "out"), inodes(tmp_path / "out")
    second = shards.run(tmp_path / "out")
    assert (first.made, first.kept, second.made, second.kept) == (4, 0, 0, 4)
    assert content_of(tmp_path / "out") == before
    assert inodes(tmp_path / "out") == kept


def test_a_folder_says_which_study_it_holds(tmp_path):
    model = FillModel(max_participation=0.1, price="vwap")
    asked = study(stored(tmp_path / "bars"), NAMES, model, Rules(max_child=20, residual="extend"), window=["10:00-12:00", "12:00-15:00"])
    asked.run(tmp_path / "out")
    again = ShardedStudy.of_folder(tmp_path / "out")
    assert (again.settings(), again.store, again.run(tmp_path / "out").made) == (asked.settings(), asked.store, 0)


@pytest.mark.parametrize(
    "other",
    [
        {"names": ["twap"]},
        {"size": "38"},
        {"model": FillModel(price="vwap")},
        {"rules": Rules(max_child=5)},
        {"sides": ["SELL"]},
        {"window": "10:00-12:00"},
        {"profile_days": 1},
    ],
)
def test_another_study_is_refused_in_the_same_folder(tmp_path, other):
    store = stored(tmp_path / "bars")
    study(store).run(tmp_path / "out")
    with pytest.raises(UsageError, match="holds a study of other settings"):
        study(store, **other).run(tmp_path / "out")


def test_what_differs_is_named(tmp_path):
    store = stored(tmp_path / "bars")
    study(store).start(tmp_path / "out")
    with pytest.raises(UsageError, match=r"parents\.size: 37 there, 38 asked for; parents\.window: None there, 10:00-12:00 asked for\)"):
        study(store, size="38", window="10:00-12:00").start(tmp_path / "out")
    (tmp_path / "out/study.json").write_bytes(b"{")
    with pytest.raises(UsageError, match=r"study\.json is not whole or damaged: .* take it away"):
        study(store).start(tmp_path / "out")


def test_a_month_is_read_once_though_the_next_one_looks_back_on_it(tmp_path):
    place = stored(tmp_path / "bars")
    shards_module._read.cache_clear()
    study(place).run(tmp_path / "out")
    read = shards_module._read.cache_info()
    assert (read.misses, read.hits > 0) == (4, True)


def test_other_code_works_everything_again(tmp_path, monkeypatch):
    shards = study(stored(tmp_path / "bars"))
    shards.run(tmp_path / "out")
    code = {**folder_module.code_record(), "source_sha256": "another"}
    for module in ("folder", "shards.study", "shards.combine"):
        monkeypatch.setattr(f"exec_algos.studies.{module}.code_record", lambda: code)
    assert shards.run(tmp_path / "out").made == 4


def test_a_worker_of_other_code_refuses_and_names_the_difference():
    with pytest.raises(UsageError, match=r"numpy .* here, 1\.0 there; install the same"):
        folder_module.check_code({**folder_module.code_record(), "numpy": "1.0"})


@pytest.mark.parametrize("harm", ["cut", "gone", "other"])
@pytest.mark.parametrize("file", ["record.json", "parents.parquet", "fills.parquet"])
def test_a_shard_that_is_not_whole_is_worked_again_and_only_that(tmp_path, harm, file):
    shards = study(stored(tmp_path / "bars"))
    shards.run(tmp_path / "out")
    before, kept = content_of(tmp_path / "out"), inodes(tmp_path / "out")
    victim = tmp_path / "out/shards/symbol=B/month=2025-11" / file
    {"cut": lambda: victim.write_bytes(victim.read_bytes()[:-9]), "gone": victim.unlink, "other": lambda: victim.write_bytes(b"{")}[harm]()
    assert shards.run(tmp_path / "out").made == 1
    assert worked_again(kept, tmp_path / "out") in ([], ["B 2025-11"])  # an inode that was freed may be taken again
    assert content_of(tmp_path / "out") == before


def changed(bars, keep):
    close = bars.high.copy()
    return replace(bars, close=np.where(keep, close, bars.close))


def test_bars_that_change_work_the_shards_again_that_were_made_of_them(tmp_path):
    store = stored(tmp_path / "bars")
    study(store).run(tmp_path / "out")
    kept = inodes(tmp_path / "out")
    one = BARS.select(["A"])
    BarStore(store).write(changed(one, one.start >= ns(DAYS[-1], "09:30")))
    assert study(store).run(tmp_path / "out").made == 1
    assert worked_again(kept, tmp_path / "out") == ["A 2025-12"]


def test_history_that_changes_works_the_next_month_again(tmp_path):
    store = stored(tmp_path / "bars")
    study(store).run(tmp_path / "out")
    one = BARS.select(["A"])
    BarStore(store).write(changed(one, one.start < ns(DAYS[1], "09:30")))
    assert study(store).run(tmp_path / "out").made == 2


def test_bars_that_are_written_again_unchanged_work_nothing_again(tmp_path):
    store = stored(tmp_path / "bars")
    study(store).run(tmp_path / "out")
    stored(store)
    assert study(store).run(tmp_path / "out").made == 0


def test_a_month_more_is_worked_and_the_others_stand(tmp_path):
    store = stored(tmp_path / "bars", BARS.between(0, ns("2025-12-01", "00:00")))
    first = study(store).run(tmp_path / "out")
    second = study(stored(store)).run(tmp_path / "out")
    assert (first.made, second.made, second.kept) == (2, 2, 2)
    wanted = in_one_piece(tmp_path)
    pd.testing.assert_frame_equal(second.table(), wanted["parents"], check_exact=True)


def test_an_earlier_month_that_comes_later_is_history_for_what_lacked_it(tmp_path):
    store = stored(tmp_path / "bars", BARS.between(ns("2025-12-01", "00:00"), 2**62))
    with pytest.raises(UsageError, match="no parent order is left to study: 2 skipped"):
        study(store).run(tmp_path / "out")
    found = study(stored(store)).run(tmp_path / "out")
    assert (found.made, found.kept) == (4, 0)
    pd.testing.assert_frame_equal(found.table(), in_one_piece(tmp_path)["parents"], check_exact=True)


def cut_file(store, symbol="A", month="2025-11"):
    path = f"{store}/symbol={symbol}/month={month}/bars.parquet"
    with open(path, "r+b") as file:
        file.truncate(100)


def test_a_file_that_is_not_whole_is_listed_and_the_other_symbols_are_worked(tmp_path):
    store = stored(tmp_path / "bars")
    cut_file(store)
    found = study(store).run(tmp_path / "out")
    assert [one[:2] for one in found.failed] == [("A", "2025-11"), ("A", "2025-12")]
    assert "not a whole Parquet file" in found.failed[0].reason
    assert pd.read_csv(tmp_path / "out/failed.csv")["session"].tolist() == ["2025-11", "2025-12"]
    pd.testing.assert_frame_equal(found.table(), in_one_piece(tmp_path, BARS.select(["B"]))["parents"], check_exact=True)


def test_what_failed_is_tried_again_and_then_leaves_no_trace(tmp_path):
    whole = study(stored(tmp_path / "bars"))
    whole.run(tmp_path / "never-failed")
    cut_file(whole.store)
    whole.run(tmp_path / "out")
    shutil.rmtree(whole.store)
    stored(whole.store)
    found = whole.run(tmp_path / "out")
    assert (found.made, found.kept, found.failed) == (2, 2, ())
    assert content_of(tmp_path / "out") == content_of(tmp_path / "never-failed")


def test_a_day_off_the_grid_is_listed_and_left_out_as_if_it_had_no_bars(tmp_path):
    bars = spoiled()
    found = study(stored(tmp_path / "bars", bars)).run(tmp_path / "out")
    assert [one[:2] for one in found.failed] == [("A", DAYS[1])]
    day = (BARS.start >= ns(DAYS[1], "09:30")) & (BARS.start < ns(DAYS[1], "16:00")) & (np.arange(len(BARS)) < BARS.offsets[1])
    pd.testing.assert_frame_equal(found.table(), in_one_piece(tmp_path, BARS.take(~day))["parents"], check_exact=True)


def spoiled():
    """BARS with the last bar of A's second day moved by a minute, off the grid."""
    mine = np.flatnonzero((BARS.start < ns(DAYS[1], "16:00")) & (np.arange(len(BARS)) < BARS.offsets[1]))[-1]
    start = BARS.start.copy()
    start[mine] += STEP // 30
    return replace(BARS, start=start)


@pytest.mark.parametrize("harm", ["file", "day"])
def test_strict_stops_at_what_cannot_be_worked(tmp_path, harm):
    store = stored(tmp_path / "bars", BARS if harm == "file" else spoiled())
    if harm == "file":
        cut_file(store)
    with pytest.raises(MarketDataError, match="whole Parquet file" if harm == "file" else f"A {DAYS[1]}: a bar does not start"):
        study(store).run(tmp_path / "out", strict=True)


def test_progress_counts_the_shards(tmp_path):
    seen = []
    study(stored(tmp_path / "bars")).run(tmp_path / "out", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_fills_may_be_left_out(tmp_path):
    found = replace(study(stored(tmp_path / "bars")), fills=False).run(tmp_path / "out")
    assert len(found.table("fills")) == 0
    pd.testing.assert_frame_equal(found.table(), in_one_piece(tmp_path)["parents"], check_exact=True)


def test_plain_words_make_the_study_that_they_make_of_bars(tmp_path):
    request = StudyRequest(
        algorithms="twap,vwap", calendar="XNYS", size="37", profile_days=2, sides="buy", window="10:00-12:00", max_participation=0.2,
        price="vwap", latency=1800.0, rules=Rules(max_child=10), interval=3600.0,
    )  # fmt: skip
    found = request.sharded(stored(tmp_path / "bars")).run(tmp_path / "out")
    request.study(BARS).run().save(tmp_path / "whole")
    pd.testing.assert_frame_equal(found.table(), pd.read_parquet(tmp_path / "whole/parents.parquet"), check_exact=True)


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"calendar": None}, UsageError, "needs a named calendar"),
        ({"names": []}, UsageError, "at least one algorithm"),
        ({"names": ["twap", "twap"]}, UsageError, "each only once"),
        ({"names": ["twep"]}, UnknownNameError, "did you mean twap"),
        ({"rules": Rules(max_child=0.5)}, UsageError, "no multiple of lot_size"),
    ],
)
def test_what_cannot_be_studied_is_refused_before_anything_is_read(asked, error, words):
    with pytest.raises(error, match=words):
        study("nowhere", **asked)


def test_an_unknown_driver_an_empty_store_and_an_empty_folder_are_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean batch"):
        replace(study("nowhere"), driver="batsh")
    with pytest.raises(MarketDataError, match="holds nothing"):
        study(str(tmp_path / "nowhere")).run(tmp_path / "out")
    with pytest.raises(UsageError, match="no study was started"):
        ShardedStudy.of_folder(tmp_path)


def test_a_session_that_begins_in_the_month_before_is_whole(tmp_path):
    """In Seoul the sessions of 24/7 run from nine to nine, so the last of a month ends in the store's next."""
    hours = pd.date_range("2025-01-28T00:00", "2025-02-04T00:00", freq="30min", tz="UTC", inclusive="left")
    rows = [(t.value, 10.0, 17.0, 9.0, 10.0 + n % 7, 100.0 + n % 13, np.nan) for n, t in enumerate(hours)]
    bars = bars_of({"A": rows}, zone="Asia/Seoul")
    found = study(stored(tmp_path / "bars", bars), calendar="24/7").run(tmp_path / "out")
    wanted = in_one_piece(tmp_path, bars, calendar="24/7")
    pd.testing.assert_frame_equal(found.table(), wanted["parents"], check_exact=True)
    assert SlippageStudy(bars, ParentOrders.grid(bars, **{**TERMS, "calendar": "24/7"}), NAMES).run().parents["session"].nunique() == 5
