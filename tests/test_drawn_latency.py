"""Latency that is drawn for each child: a log-normal time that depends on the seed, the parent order and the child's number alone."""

import asyncio
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from markets import assert_same, grids, market, markets, outcome, study_of
from small_markets import MINUTE, at, clock_times, minute_bars

from exec_algos import FillModel, ParentOrder, SimulatedBroker
from exec_algos.errors import UsageError
from exec_algos.fills.latency import SECOND, DrawnLatency
from exec_algos.model import Side
from exec_algos.studies.record.configuration import fill_model_of, fill_model_record

LATE = DrawnLatency(mean=2400.0, sd=1200.0, seed=7)


@pytest.mark.parametrize(("mean", "sd"), [(0.5, 0.2), (2.0, 3.0)])
def test_draws_have_the_mean_the_spread_and_the_median_of_a_log_normal(mean, sd):
    law = DrawnLatency(mean=mean, sd=sd, seed=3)
    draws = np.log([law.of("SPY", 1, 1000, 0, child) / SECOND for child in range(20_000)])
    variance = math.log(1 + (sd / mean) ** 2)
    assert draws.mean() == pytest.approx(math.log(mean) - variance / 2, abs=4 * math.sqrt(variance / 20_000))
    assert draws.std() == pytest.approx(math.sqrt(variance), rel=0.02)
    assert (np.exp(draws) > mean / math.sqrt(1 + (sd / mean) ** 2)).mean() == pytest.approx(0.5, abs=0.015)
    assert np.corrcoef(draws[1:], draws[:-1])[0, 1] == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize(
    "other",
    [
        DrawnLatency(mean=2400.0, sd=1200.0, seed=8).of("SPY", 1, 1000, 5, 0),
        DrawnLatency(mean=2401.0, sd=1200.0, seed=7).of("SPY", 1, 1000, 5, 0),
        DrawnLatency(mean=2400.0, sd=1201.0, seed=7).of("SPY", 1, 1000, 5, 0),
        LATE.of("QQQ", 1, 1000, 5, 0),
        LATE.of("SPY", -1, 1000, 5, 0),
        LATE.of("SPY", 1, 1001, 5, 0),
        LATE.of("SPY", 1, 1000, 6, 0),
        LATE.of("SPY", 1, 1000, 5, 1),
    ],
)
def test_each_of_seed_law_parent_order_and_child_number_makes_another_draw(other):
    assert LATE.of("SPY", 1, 1000, 5, 0) == LATE.of("SPY", 1, 1000, 5, 0) != other


@given(markets(), grids)
@settings(deadline=None, max_examples=10)
@pytest.mark.slow
def test_without_spread_a_drawn_latency_is_the_latency(bars, grid):
    drawn, fixed = (FillModel(price="close", latency=one) for one in (DrawnLatency(mean=3000.0, sd=0.0), 3000.0))
    assert_same(outcome(study_of(bars, ["twap"], drawn, **grid), "engine"), outcome(study_of(bars, ["twap"], fixed, **grid), "engine"))


TERMS = {"size": "37", "profile_days": 1, "sides": ("BUY", "SELL")}


def test_a_study_of_two_symbols_has_the_fills_of_the_studies_of_each():
    bars, model = market(5), FillModel(latency=LATE)
    both = study_of(bars, ["twap"], model, **TERMS).run("engine").fills
    columns = ["timestamp", "side", "quantity", "price"]
    for symbol in bars.symbols:
        alone = study_of(bars.select([symbol]), ["twap"], model, **TERMS).run("engine").fills
        mine = both[both["symbol"] == symbol]
        pd.testing.assert_frame_equal(mine[columns].reset_index(drop=True), alone[columns].reset_index(drop=True), check_exact=True)
    later = FillModel(latency=DrawnLatency(mean=2400.0, sd=1200.0, seed=8))
    assert not study_of(bars, ["twap"], later, **TERMS).run("engine").fills[columns].equals(both[columns])


def test_a_study_made_again_from_its_record_has_the_same_bytes():
    bars = market(5)
    first = study_of(bars, ["twap"], FillModel(latency=LATE, limit_fill="through:by=0.5"), **TERMS).run("engine")
    model = fill_model_of(json.loads(json.dumps(first.config))["fill_model"])
    assert model == FillModel(latency=LATE, limit_fill="through:by=0.5")
    assert_same(first, study_of(bars, ["twap"], model, **TERMS).run("engine"))


def arrivals(bars, *orders):
    """When each of these orders (side, shares) at market fills that are sent together at 09:30."""

    async def all_of_them():
        broker = SimulatedBroker(bars, fill_model=FillModel(latency=DrawnLatency(mean=240.0, sd=200.0, seed=1)))
        return await asyncio.gather(*(broker.place_order("X", shares, side=side) for side, shares in orders))

    return [clock_times([fill.time])[0] for fill in asyncio.run(all_of_them())]


def test_an_order_arrives_when_it_arrives_alone_whoever_else_is_there_and_in_whatever_order():
    bars = minute_bars([10.0] * 60)
    orders = [("BUY", 100), ("SELL", 100), ("BUY", 101), ("BUY", 102)]
    alone = [arrivals(bars, one)[0] for one in orders]
    assert arrivals(bars, *orders) == alone
    assert arrivals(bars, *reversed(orders)) == alone[::-1]
    assert len(set(alone)) > 1


def test_a_child_meets_the_first_bar_that_starts_after_its_own_latency():
    law = DrawnLatency(mean=240.0, sd=200.0, seed=1)
    late = law.of("X", 1, 100, at("09:30"), 0)
    assert arrivals(minute_bars([10.0] * 60), ("BUY", 100)) == clock_times([at("09:30") + -(-late // 60 // SECOND) * 60 * SECOND])


def test_a_cancellation_travels_as_long_as_its_child_did():
    law = DrawnLatency(mean=240.0, sd=200.0, seed=1)
    late = law.of("X", 1, 100, at("09:30"), 0)
    bars = minute_bars([10.0] * 60)

    async def work():
        broker = SimulatedBroker(bars, fill_model=FillModel(latency=law))
        waiting = asyncio.create_task(broker.place_order("X", 100, "LMT", 9.0))
        await asyncio.sleep(0)
        await broker.cancel_order(broker.open_orders()[0])
        await waiting
        return broker.clock.now

    assert asyncio.run(work()) == at("09:30") + late


def test_what_an_executor_takes_back_is_over_in_the_bar_in_which_the_request_arrives():
    law, end = DrawnLatency(mean=240.0, sd=200.0, seed=1), at("10:20")
    late = law.of("X", 1, 100, at("09:30"), 0)
    bars = minute_bars([10.0] * 60)

    async def work():
        broker = SimulatedBroker(bars, fill_model=FillModel(latency=law))
        order = ParentOrder(symbol="X", side=Side.BUY, quantity=100, start=at("09:30"), end=end, interval=MINUTE)
        child = broker.send_order(broker.open_parent(order), 100, 9.0, end)
        broker.withdraw(child)
        await child
        return broker.clock.now

    assert asyncio.run(work()) == at("09:30") + -(-late // MINUTE) * MINUTE


def test_the_compiled_loop_refuses_a_drawn_latency_and_says_which_driver_draws():
    said = outcome(study_of(market(3), ["twap"], FillModel(latency=LATE), size="10", profile_days=1), "batch")
    assert "a study's driver='engine'" in said
    assert "DrawnLatency(mean=2400.0, sd=1200.0, seed=7)" in said


def test_a_record_of_an_earlier_version_has_its_latency_in_seconds():
    assert fill_model_of({"latency": 0.5, "limit_fill": "through"}) == FillModel(latency=0.5, limit_fill="through")
    assert fill_model_record(FillModel(latency=0.5))["latency"] == 0.5


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"mean": 0.0, "sd": 0.1}, "latency mean must be above 0 seconds, got 0.0; for none at all say latency=0"),
        ({"mean": math.nan, "sd": 0.1}, "latency mean must be at least 0 .* got nan"),
        ({"mean": 0.5, "sd": -0.1}, "latency sd must be at least 0 .* got -0.1"),
        ({"mean": 0.5, "sd": 0.1, "seed": 0.5}, "latency seed must be a whole number, got 0.5"),
    ],
)
def test_what_no_latency_can_be_is_refused_with_its_value(terms, said):
    with pytest.raises(UsageError, match=said):
        DrawnLatency(**terms)
