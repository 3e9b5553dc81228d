"""The band of fill models, and the choice of parameters on days that are not reported."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from markets import DAYS, bars_of, grid_of, market, ns

from exec_algos import FillModel, ParentOrders, SlippageStudy
from exec_algos.costs import FixedSpread, SquareRootImpact
from exec_algos.errors import UsageError
from exec_algos.market.store import BarStore
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.sensitivity import band, fill_models, sweep, sweep_shards
from exec_algos.studies.shards.desk import DeskOrders
from exec_algos.studies.shards.study import ShardedStudy
from exec_algos.tca.twins import BUYS_ONLY

HOURLY = "twap:slice_interval_seconds=3600"
NEUTRAL = FillModel(spread=FixedSpread(10), impact=SquareRootImpact(0.01), max_participation=0.5)


def trending(sign=1):
    """Prices that rise (or fall) all day by one a bar from 100, the same each day; open = close, a range of one each way."""
    rows = []
    for day in DAYS:
        rows += [(t, p := 100.0 + sign * n, p + 1, p - 1, p, 1000.0, math.nan) for n, t in enumerate(grid_of(day))]
    return bars_of({"A": rows})


def parents(bars, **options):
    return ParentOrders.grid(bars, **{"calendar": "XNYS", "size": "130", "profile_days": 1, "sides": ["BUY"], **options})


def banded(bars, names, **options):
    return {
        name: SlippageStudy(bars, parents(bars), names, model).run() for name, model in fill_models(options.get("model", NEUTRAL)).items()
    }


def test_the_three_models_differ_in_what_they_say_they_do():
    models = fill_models(NEUTRAL)
    assert models["neutral"] == NEUTRAL
    assert models["optimistic"] == replace(NEUTRAL, spread=None, impact=None)
    assert models["pessimistic"] == replace(NEUTRAL, price="worst", limit_fill="through")


def test_the_pessimist_pays_more_than_the_neutral_and_he_more_than_the_optimist():
    means = band(banded(market(3, missing=0.0), ["twap", HOURLY])).means
    assert (means["optimistic"] < means["neutral"]).all()
    assert (means["neutral"] < means["pessimistic"]).all()


def test_in_a_rising_market_buying_an_hour_at_once_is_cheaper_under_every_model():
    # 13 bars at 100 .. 112: half-hourly at 106, hourly at 100 + (2 (0 + 2 + .. + 10) + 12) / 13 = 105.54, so 43.5 bps of 106 are saved;
    # on the half day of 7 bars 103 and 102.57: 41.6 bps
    found = band(banded(trending(), ["twap:slice_interval_seconds=1800", HOURLY], model=FillModel()))
    assert found.survives
    assert set(found.ranking.values()) == {(HOURLY, "twap:slice_interval_seconds=1800")}
    assert found.pairs["mean"].between(40, 44).all()


def test_a_ranking_that_turns_with_the_model_does_not_survive():
    rising, falling = (
        SlippageStudy(bars, parents(bars), ["twap:slice_interval_seconds=1800", HOURLY]).run() for bars in (trending(), trending(-1))
    )
    found = band({"one": rising, "other": falling})
    assert not found.survives
    assert found.ranking["one"] == found.ranking["other"][::-1]


def test_one_side_may_be_looked_at_alone():
    bars = trending()
    both = SlippageStudy(bars, parents(bars, sides=["BUY", "SELL"]), ["twap", HOURLY]).run()
    buys, sells = (band({"one": both}, side=side).means["one"] for side in ("BUY", "SELL"))
    np.testing.assert_allclose(buys, -sells)
    assert buys.abs().max() > 40  # over both sides it would be 0


def test_of_twins_a_band_without_a_side_is_that_of_the_buys():
    bars = trending()
    both, alone = (SlippageStudy(bars, parents(bars, sides=sides), ["twap", HOURLY]).run() for sides in (["BUY", "SELL"], ["BUY"]))
    found, wanted = band({"one": both}), band({"one": alone})
    pd.testing.assert_frame_equal(found.means, wanted.means)
    pd.testing.assert_frame_equal(found.pairs, wanted.pairs)
    assert found.ranking == wanted.ranking


def test_results_that_are_not_of_the_same_orders_are_refused():
    bars = trending()
    one, other = (SlippageStudy(bars, parents(bars, size=size), ["twap"]).run() for size in ("130", "131"))
    with pytest.raises(UsageError, match="not of the same parent orders"):
        band({"one": one, "other": other})
    with pytest.raises(UsageError, match="at least one result"):
        band({})


def turning():
    """Rises on the days before the half day, falls from it on."""
    up, down = trending(), trending(-1)
    late = up.start >= ns(DAYS[3], "09:30")
    columns = {name: np.where(late, getattr(down, name), getattr(up, name)) for name in ("open", "high", "low", "close")}
    return replace(up, **columns)


def test_the_choice_is_that_of_the_days_before_the_split_even_where_it_costs_afterwards():
    bars = turning()
    found = sweep(bars, parents(bars), ["twap:slice_interval_seconds=1800", HOURLY], split=DAYS[3])
    assert found.chosen == HOURLY
    assert found.gain.mean < 0
    assert {str(day.date()) for day in found.train.parents["session"]} == {DAYS[1], DAYS[2]}
    assert {str(day.date()) for day in found.test.parents["session"]} == {DAYS[3], DAYS[4]}


def test_what_was_not_chosen_is_not_worked_on_the_test_days():
    bars = turning()
    others = [f"twap:slice_interval_seconds={s}" for s in (1800, 5400)]
    found = sweep(bars, parents(bars), [others[0], HOURLY, others[1]], split=DAYS[3])
    assert found.test.config["algorithms"] == [others[0], found.chosen]
    assert found.train.config["algorithms"] == [others[0], HOURLY, others[1]]


def test_single_trades_of_the_later_days_are_kept_unless_they_are_not_asked_for_and_of_the_earlier_ones_never():
    bars = turning()
    names = ["twap:slice_interval_seconds=1800", HOURLY]
    usual, without = sweep(bars, parents(bars), names, split=DAYS[3]), sweep(bars, parents(bars), names, split=DAYS[3], fills=False)
    assert usual.test.fills["quantity"].sum() == usual.test.parents["filled"].sum() > 0
    assert (len(usual.train.fills), len(without.train.fills), len(without.test.fills)) == (0, 0, 0)
    assert without.gain == usual.gain


def test_a_baseline_that_is_chosen_has_no_gain():
    bars = turning()
    found = sweep(bars, parents(bars), [HOURLY, "twap:slice_interval_seconds=1800"], split=DAYS[3])
    assert (found.chosen, found.gain, found.test.config["algorithms"]) == (HOURLY, None, [HOURLY])


def test_fill_model_and_benchmark_are_the_callers():
    bars = turning()
    # under that cap any schedule buys five a bar; two that buy alike would be refused
    names = ["twap", "pov:rate=0.002"]
    found = sweep(bars, parents(bars), names, FillModel(max_participation=0.005), split=DAYS[3], benchmark="arrival")
    assert (found.train.parents["filled"] < found.train.parents["quantity"]).all()
    assert found.test.config["fill_model"]["max_participation"] == 0.005


@pytest.mark.parametrize(
    ("split", "words"), [("2020-01-01", "leaves 0 parent orders to train"), ("2030-01-01", "0 to test"), ("July", "a day like")]
)
def test_a_split_that_leaves_nothing_or_is_no_day_is_refused(split, words):
    bars = turning()
    with pytest.raises(UsageError, match=words):
        sweep(bars, parents(bars), ["twap"], split=split)


def test_candidates_between_which_there_is_nothing_to_choose_are_refused():
    bars = turning()
    capped = FillModel(max_participation=0.005)  # under it any schedule buys five shares a bar
    with pytest.raises(UsageError, match=r"every candidate costs the same before .* where a cap makes all trade alike, raise it"):
        sweep(bars, parents(bars), ["twap", "twap:slice_interval_seconds=1800"], capped, split=DAYS[3])
    with pytest.raises(UsageError, match="name two or more, got twap"):
        sweep(bars, parents(bars), ["twap"], split=DAYS[3])


def test_a_sweep_over_twins_chooses_and_gains_what_it_does_over_the_buys():
    bars, names = turning(), ["twap:slice_interval_seconds=1800", HOURLY]
    both, alone = (sweep(bars, parents(bars, sides=sides), names, split=DAYS[3]) for sides in (["BUY", "SELL"], ["BUY"]))
    assert (both.chosen, both.gain) == (HOURLY, alone.gain._replace(note=BUYS_ONLY))


def test_a_sweep_takes_the_driver_and_tells_how_far_each_half_is():
    bars, seen = turning(), []
    found = sweep(bars, parents(bars), ["twap", HOURLY], split=DAYS[3], driver="engine", progress=lambda *one: seen.append(one))
    assert (found.train.config["driver"], found.test.config["driver"]) == ("engine", "engine")
    assert [one for one in seen if not one[0]] == [("", 2, 2), ("", 2, 2)]


def sharded(tmp_path, bars, names, model=None, **terms):
    BarStore(tmp_path / "bars").write(bars)
    grid = Grid(**{"calendar": "XNYS", "size": "130", "profile_days": 1, "sides": ["BUY"], **terms})
    return ShardedStudy(store=str(tmp_path / "bars"), parents=grid, algorithms=names, fill_model=model)


def test_a_band_of_studies_in_shards_is_that_of_studies_in_one_piece(tmp_path):
    bars, names = market(3, missing=0.0), ["twap", HOURLY]
    ours = {
        name: sharded(tmp_path, bars, names, model, sides=["BUY", "SELL"]).run(tmp_path / name)
        for name, model in fill_models(NEUTRAL).items()
    }
    orders = parents(bars, sides=["BUY", "SELL"])
    whole = {name: SlippageStudy(bars, orders, names, model).run() for name, model in fill_models(NEUTRAL).items()}
    for side in ("BUY", "SELL", None):
        found, wanted = band(ours, side=side), band(whole, side=side)
        pd.testing.assert_frame_equal(found.means, wanted.means, rtol=1e-12)
        pd.testing.assert_frame_equal(found.pairs, wanted.pairs, rtol=1e-12)
        assert found.ranking == wanted.ranking
    mixed = band({"one": ours["neutral"], "other": whole["optimistic"]})
    assert mixed.means["other"].tolist() == band(whole).means["optimistic"].tolist()
    with pytest.raises(UsageError, match="not of the same parent orders"):
        band({"one": ours["neutral"], "other": sharded(tmp_path, bars, names).run(tmp_path / "buys")})


def test_a_sweep_in_shards_chooses_and_gains_what_one_in_memory_does_and_can_be_resumed(tmp_path):
    bars, names = turning(), ["twap:slice_interval_seconds=1800", HOURLY, "twap:slice_interval_seconds=5400"]
    found = sweep_shards(sharded(tmp_path, bars, names), tmp_path / "out", split=DAYS[3])
    wanted = sweep(bars, parents(bars), names, split=DAYS[3])
    assert (found.chosen, found.test.config["algorithms"]) == (wanted.chosen, wanted.test.config["algorithms"])
    assert found.gain == pytest.approx(wanted.gain)
    assert {str(day.date()) for day in found.test.table()["session"]} == {DAYS[3], DAYS[4]}
    again = sweep_shards(sharded(tmp_path, bars, names), tmp_path / "out", split=DAYS[3])
    assert (again.train.made, again.test.made) == (0, 0)


def test_a_sweep_in_shards_refuses_a_split_outside_and_a_desks_orders(tmp_path):
    study = sharded(tmp_path, turning(), ["twap"], sessions=(DAYS[1], DAYS[4]))
    with pytest.raises(UsageError, match="no day on one side"):
        sweep_shards(study, tmp_path / "out", split=DAYS[1])
    with pytest.raises(UsageError, match="is of a grid"):
        sweep_shards(replace(study, parents=DeskOrders(source="desk.csv", calendar="XNYS")), tmp_path / "out", split=DAYS[2])
