"""What changed between two saved studies, against what pandas says of their tables."""

import numpy as np
import pandas as pd
import pytest
from markets import DAYS, market, study_of
from scipy import stats

from exec_algos import FillModel, ParentOrders, SlippageStudy
from exec_algos.costs import FixedSpread
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.store import BarStore
from exec_algos.studies.compared import NOT_THERE, Changed, compare_studies, flat
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.shards.study import ShardedStudy

BARS = market(12, ("A", "B"), missing=0.1)
GRID = {"profile_days": 1, "size": ["20%adv", 40], "sides": ("BUY", "SELL")}
PLAIN, WIDE = FillModel(max_participation=0.2), FillModel(max_participation=0.4, spread=FixedSpread(8.0))


def saved(place, names=("twap", "pov"), model=PLAIN, bars=BARS, **terms):
    result = study_of(bars, list(names), model, **{**GRID, **terms}).run(fills=False)
    result.save(place)
    return result


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    place = tmp_path_factory.mktemp("studies")
    return place, saved(place / "a"), saved(place / "b", model=WIDE, sides=("SELL", "BUY"), size=["20%adv", 50])


def test_a_study_is_the_same_as_itself_and_as_its_like(both, tmp_path):
    saved(tmp_path)
    found = compare_studies(both[0] / "a", tmp_path)
    assert (found.same, found.config, len(found.only), found.bars.same) == (True, (), 0, True)
    assert (found.lines[["difference", "low", "high", "changed"]] == 0).all(axis=None)
    assert (found.lines["n"] > 0).all()


def test_settings_that_differ_are_named_with_both_values(both):
    found = compare_studies(both[0] / "a", both[0] / "b")
    assert Changed("fill_model.max_participation", 0.2, 0.4) in found.config
    assert Changed("fill_model.spread", None, NOT_THERE) in found.config
    assert {row.key for row in found.config} >= {"fill_model.spread.bps", "parents.size"}
    assert not {row.key for row in found.config} & {"data_sha256", "algorithms", "driver", "bars", "versions.numpy"}
    assert not found.same


@pytest.mark.parametrize(("benchmark", "column"), [("interval_vwap", "slippage_vwap_bps"), ("arrival", "slippage_arrival_bps")])
def test_the_difference_is_that_of_the_orders_that_both_have(both, benchmark, column):
    place, old, new = both
    found = compare_studies(place / "a", place / "b", benchmark=benchmark)
    keys = ["symbol", "side", "quantity", "start", "end", "algorithm"]
    merged = old.parents.merge(new.parents, on=keys, suffixes=("", "_new"))
    assert 0 < found.orders["both"] == len(merged) // 2 < found.orders["old"]
    for (name, side), rows in merged.groupby(["algorithm", "side"]):
        line, d = found.lines.loc[(name, side)], (rows[f"{column}_new"] - rows[column]).dropna()
        by_day = (d - d.mean()).groupby(rows["session"]).sum()
        days = len(by_day)
        error = np.sqrt(days / (days - 1) * (by_day**2).sum()) / len(d)
        reach = stats.t.ppf(0.975, days - 1) * error
        wanted = [len(d), d.mean(), d.mean() - reach, d.mean() + reach, 2 * stats.t.sf(abs(d.mean() / error), days - 1), days]
        assert line[["n", "difference", "low", "high", "p", "days"]].tolist() == pytest.approx(wanted, rel=1e-9)
        for study, parents in (("old", old.parents), ("new", new.parents)):
            mine = parents[(parents["algorithm"] == name) & (parents["side"] == side)]
            assert line[f"mean_{study}"] == pytest.approx(mine[column].mean(), rel=1e-12)
            assert line[f"fill_rate_{study}"] == pytest.approx(mine["filled"].sum() / mine["quantity"].sum(), rel=1e-12)
        other = (rows["filled"] != rows["filled_new"]) | (rows["average_price"].fillna(0) != rows["average_price_new"].fillna(0))
        assert line["changed"] == other.sum() > 0


def test_orders_of_one_study_alone_are_listed_with_their_window(both):
    place, old, new = both
    only = compare_studies(place / "a", place / "b").only
    first = {study: parents[parents["algorithm"] == "twap"] for study, parents in (("old", old.parents), ("new", new.parents))}
    for study, size, other in (("old", 40, "new"), ("new", 50, "old")):
        mine = only[only["study"] == study]
        left = first[study][~first[study]["quantity"].isin(first[other]["quantity"])]
        assert set(mine["quantity"]) >= {size}
        assert len(mine) >= len(left) > 0
        assert str(mine["start"].dt.tz) == "America/New_York"


def test_alike_orders_are_taken_in_their_sequence_and_none_twice(tmp_path):
    row = {"symbol": "A", "side": "buy", "quantity": 20, "start": f"{DAYS[3]} 10:00", "end": f"{DAYS[3]} 12:00"}
    for name, many in (("a", 3), ("b", 2)):
        orders = ParentOrders.from_frame(pd.DataFrame([row] * many), BARS, calendar="XNYS")
        SlippageStudy(BARS, orders, ["twap"]).run().save(tmp_path / name)
    found = compare_studies(tmp_path / "a", tmp_path / "b")
    assert found.orders == {"old": 3, "new": 2, "both": 2}
    assert found.only["study"].tolist() == ["old"]
    assert found.lines["n"].tolist() == [2]
    assert found.lines["reason"].tolist() == ["fewer than two clusters"]


def test_algorithms_pair_by_name_where_only_their_parameters_changed(tmp_path):
    saved(tmp_path / "a", ("twap", "pov", "vwap:profile_days=1"))
    saved(tmp_path / "b", ("pov:rate=0.2", "pov:rate=0.3", "vwap:profile_days=2", "twap"))
    found = compare_studies(tmp_path / "a", tmp_path / "b")
    assert list(dict.fromkeys(found.lines.index.get_level_values(0))) == ["twap", "vwap:profile_days=1 -> vwap:profile_days=2"]
    assert found.unpaired == (("old", "pov"), ("new", "pov:rate=0.2"), ("new", "pov:rate=0.3"))


def test_studies_without_a_common_order_have_no_difference_and_say_why(tmp_path):
    saved(tmp_path / "a", size=40, sides=("BUY",))
    saved(tmp_path / "b", size=50, sides=("SELL",))
    found = compare_studies(tmp_path / "a", tmp_path / "b")
    assert found.orders["both"] == 0
    assert set(found.lines["reason"]) == {"no order is in both"}
    assert found.lines[["difference", "p"]].isna().all(axis=None)


def test_other_bars_are_told_by_their_digest(both, tmp_path):
    saved(tmp_path, bars=market(13, ("A", "B"), missing=0.1))
    found = compare_studies(both[0] / "a", tmp_path)
    assert found.bars.same is False
    assert found.bars.said.startswith("other ones, sha256 ")
    assert not found.same


@pytest.mark.slow
def test_studies_in_shards_are_compared_with_each_other_and_with_one_in_memory(both, tmp_path):
    def sharded(name, bars, model):
        BarStore(tmp_path / f"bars-{name}").write(bars)
        grid = Grid(calendar="XNYS", **GRID)
        ShardedStudy(store=str(tmp_path / f"bars-{name}"), parents=grid, algorithms=("twap", "pov"), fill_model=model).run(tmp_path / name)

    sharded("a", BARS, PLAIN)
    sharded("b", BARS, WIDE)
    sharded("c", market(13, ("A", "B"), missing=0.1), PLAIN)
    assert compare_studies(tmp_path / "a", tmp_path / "a").same
    found, in_memory = compare_studies(tmp_path / "a", tmp_path / "b"), compare_studies(both[0] / "a", both[0] / "b")
    assert found.bars == (True, "the same in the 4 symbols' months that both have read")
    assert found.orders["both"] == found.orders["old"]
    common = found.lines.loc[("twap", "BUY")]
    assert common["mean_old"] == pytest.approx(in_memory.lines.loc[("twap", "BUY"), "mean_old"], rel=1e-12)
    other = compare_studies(tmp_path / "a", tmp_path / "c").bars
    assert (other.same, other.said) == (False, "other ones in 4 of the 4 symbols' months that both have read, the first: A 2025-11")
    mixed = compare_studies(both[0] / "a", tmp_path / "a")
    assert mixed.bars.same is None
    assert mixed.lines["changed"].sum() == 0
    assert mixed.orders == {"old": mixed.orders["old"], "new": mixed.orders["old"], "both": mixed.orders["old"]}
    part = next((tmp_path / "b" / "parents.parquet").iterdir())
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(UsageError, match="is damaged: its SHA-256 is not that of when it was written"):
        compare_studies(tmp_path / "a", tmp_path / "b")


def test_damaged_studies_folders_without_one_and_unknown_benchmarks_are_refused(both, tmp_path):
    with pytest.raises(UnknownNameError, match="benchmark"):
        compare_studies(both[0] / "a", both[0] / "b", benchmark="close")
    with pytest.raises(UsageError, match=r"no whole study in .*nothing: it lacks config\.json or parents\.parquet"):
        compare_studies(both[0] / "a", tmp_path / "nothing")
    saved(tmp_path)
    content = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(content.replace('"twap"', '"tw"'))
    with pytest.raises(UsageError, match=r"damaged.*config\.json differ from the SHA-256"):
        compare_studies(both[0] / "a", tmp_path)
    (tmp_path / "whole.json").unlink()  # as an earlier version left it: nothing to compare with
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UsageError, match=r"not of this version of exec_algos \(KeyError"):
        compare_studies(both[0] / "a", tmp_path)


def test_settings_lie_flat_and_an_empty_one_is_one():
    assert list(flat({"a": {"b": {"c": 1}, "d": []}, "e": {}})) == [("a.b.c", 1), ("a.d", []), ("e", {})]
