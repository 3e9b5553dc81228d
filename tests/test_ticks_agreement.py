"""Prices on ticks and within a day's limits: the same in the engine and the compiled loop, and never ones that the exchange refuses."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import assert_same, grids, markets, outcome, study_of
from small_markets import DAYS, at, clock_times, driven, minute_bars
from test_agreement import Patient
from test_impact_agreement import check_parts

from exec_algos import FillModel
from exec_algos.costs import FixedSpread, SquareRootImpact, TransientImpact
from exec_algos.costs.grid import on_tick, within_day
from exec_algos.costs.ticks import KRX_2023, US_EQUITY, PriceLimit, TickTable
from exec_algos.errors import OrderRejectedError, UsageError
from exec_algos.studies.record.configuration import fill_model_of, fill_model_record

COARSE = TickTable("coarse", (0.0, 20.0), (0.25, 0.5))
CENTS = TickTable("cents", (0.0,), (0.01,))
models = st.builds(
    FillModel,
    price=st.sampled_from(["open", "vwap", "close", "worst"]),
    max_participation=st.sampled_from([None, 0.1]),
    spread=st.none() | st.builds(FixedSpread, st.floats(0, 500)),
    impact=st.sampled_from([None, SquareRootImpact(0.02), TransientImpact(0.05, "linear", half_life_seconds=3600.0)]),
    ticks=st.sampled_from([None, COARSE, CENTS]),
    price_limit=st.sampled_from([None, PriceLimit(0.02, COARSE), PriceLimit(0.3, COARSE)]),
)


@given(markets(), st.floats(15, 25), st.floats(15, 25), models, grids)
@settings(deadline=None, max_examples=10)
@pytest.mark.slow
def test_engine_and_batch_agree_bit_for_bit_on_ticks_and_within_limits(bars, buy, sell, model, grid):
    study = study_of(bars, ["twap", Patient(buy=buy, sell=sell)], model, **grid)
    engine, batch = outcome(study, "engine"), outcome(study, "batch")
    assert_same(engine, batch)
    check_parts(batch)
    if not isinstance(batch, str):
        fills = batch.fills
        bounded = fills[fills["algorithm"] != "twap"]
        assert (bounded["price"][bounded["side"] == "BUY"] <= buy).all()
        assert (bounded["price"][bounded["side"] == "SELL"] >= sell).all()
        if model.ticks is not None and model.price != "vwap":
            assert all(model.ticks.is_on_tick(price) for price in fills["price"] if price > 0)


@given(st.floats(0.0001, 1e7), st.sampled_from([KRX_2023, US_EQUITY, COARSE]), st.booleans())
def test_one_price_and_a_column_are_rounded_to_the_same_tick_as_the_table_rounds(price, table, up):
    expected = table.round_up(price) if up else table.round_down(price)
    assert on_tick(table.terms(), price, up) == expected
    assert table.rounded(np.array([price]), 1 if up else -1).tolist() == [expected]


def filled(bars, side, limit=None, **model):
    """Prices, rule prices, spreads and impacts of one child of 100 shares that rests from the first bar on."""

    async def work(broker):
        return await broker.place_order("X", 100, "MKT" if limit is None else "LMT", limit, side=side)

    fill = driven("backtest", bars, work, fill_model=FillModel(**model))
    return fill.quantity, fill.fill_price, [(one.fill_price, one.rule_price, one.spread, one.impact) for one in fill.parts or (fill,)]


@pytest.mark.parametrize(("side", "paid"), [("BUY", 10.01), ("SELL", 9.99)])
def test_a_market_order_pays_the_tick_beyond_its_half_spread_and_the_rounding_stands_in_the_spread(side, paid):
    quantity, price, [part] = filled(minute_bars([10.0] * 3), side, spread=FixedSpread(5), ticks=CENTS)
    assert (quantity, price) == (100, paid)
    assert part == (paid, 10.0, pytest.approx(paid - 10), 0)


def test_impact_moves_a_price_by_whole_ticks_and_the_rounding_stands_in_it():
    model = {"impact": SquareRootImpact(0.01), "ticks": CENTS}  # 100 of 1,000 shares: 0.01 sqrt(0.1) of 10.00 is 3.2 cents
    assert filled(minute_bars([10.0] * 3), "BUY", **model)[2] == [(10.04, 10.0, 0.0, pytest.approx(0.04))]
    assert filled(minute_bars([10.0] * 3), "SELL", **model)[2] == [(9.96, 10.0, 0.0, pytest.approx(-0.04))]


def test_a_limit_holds_against_the_rounding():
    model = {"impact": SquareRootImpact(0.01), "ticks": CENTS}
    assert filled(minute_bars([(10.0, 11.0, 9.0, 10.0)] * 3), "BUY", limit=10.03, **model)[1] == 10.03


def test_under_the_vwap_rule_an_average_needs_no_tick():
    bars = minute_bars([(10.0, 10.02, 10.0, 10.02)] * 3)
    assert filled(bars, "BUY", price="vwap", ticks=CENTS)[1] == pytest.approx(30.04 / 3)
    assert filled(bars, "BUY", price="close", ticks=CENTS)[1] == 10.02


def test_a_limit_off_the_tick_is_refused_with_the_ticks_beside_it():
    with pytest.raises(OrderRejectedError, match=r"limit of X 10\.003 is off the tick of 0\.01 \(cents\); use 10 or 10\.01"):
        driven(
            "asyncio",
            minute_bars([10.0] * 3),
            lambda broker: broker.place_order("X", 100, "LMT", 10.003),
            fill_model=FillModel(ticks=CENTS),
        )
    assert filled(minute_bars([10.0] * 3), "BUY", limit=10.003)[0] == 100


DAY = [10.0] * 3  # closes at 10.00: limits of 10 % are 9.00 and 11.00
LIMIT = PriceLimit(0.1, CENTS)


def on_the_second_day(rows, side, **model):
    """As `filled`, of a child that is sent as the second day begins."""

    async def work(broker):
        await broker.clock.sleep_until(at(f"{DAYS[1]} 09:30"))
        return await broker.place_order("X", 100, side=side)

    fill = driven("backtest", minute_bars(DAY, rows), work, fill_model=FillModel(price_limit=LIMIT, **model))
    return [(clock_times([one.time])[0], one.fill_price) for one in fill.parts or (fill,) if one.quantity]


def test_a_bar_locked_at_the_upper_limit_gives_a_buy_nothing_and_fills_a_sale():
    assert on_the_second_day([11.0, 11.0, 10.9], "BUY") == [("09:32", 10.9)]
    assert on_the_second_day([11.0, 11.0, 10.9], "SELL") == [("09:30", 11.0)]


def test_a_bar_locked_at_the_lower_limit_gives_a_sale_nothing_and_fills_a_buy():
    assert on_the_second_day([9.0, 9.0, 9.1], "SELL") == [("09:32", 9.1)]
    assert on_the_second_day([9.0, 9.0, 9.1], "BUY") == [("09:30", 9.0)]


def test_a_bar_that_leaves_the_limit_is_not_locked():
    assert on_the_second_day([(11.0, 11.0, 10.9, 11.0)] * 3, "BUY") == [("09:30", 11.0)]


@pytest.mark.parametrize("cost", [{"spread": FixedSpread(500)}, {"impact": SquareRootImpact(0.2)}])
def test_neither_spread_nor_impact_takes_a_price_beyond_the_days_limits(cost):
    assert on_the_second_day([10.9] * 3, "BUY", **cost) == [("09:30", 11.0)]
    assert on_the_second_day([9.1] * 3, "SELL", **cost) == [("09:30", 9.0)]
    assert on_the_second_day([10.0] * 3, "BUY", **cost)[0][1] > 10.1


@pytest.mark.parametrize(("side", "price"), [("BUY", 12.0), ("SELL", 8.0)])
def test_limits_beyond_which_a_bar_trades_did_not_hold_there(side, price):
    assert on_the_second_day([price] * 3, side) == [("09:30", price)]
    assert on_the_second_day([price] * 3, "SELL" if side == "BUY" else "BUY") == [("09:30", price)]


def test_the_first_day_has_no_limits_for_there_is_no_close_before_it():
    assert filled(minute_bars([15.0, 25.0, 50.0]), "BUY", price_limit=LIMIT)[1] == 15.0
    assert within_day(12.0, math.nan, math.nan) == 12.0


@pytest.mark.parametrize("model", [FillModel(ticks=KRX_2023, price_limit=PriceLimit(0.15)), FillModel(price_limit=LIMIT)])
def test_a_recorded_model_has_its_ticks_and_limits_again(model):
    assert fill_model_of(json.loads(json.dumps(fill_model_record(model)))) == model


@pytest.mark.parametrize("knob", [{"ticks": 0.01}, {"price_limit": 0.3}])
def test_a_number_is_no_table_and_no_limit(knob):
    with pytest.raises(UsageError, match=r"must be None or .* got 0"):
        FillModel(**knob)
