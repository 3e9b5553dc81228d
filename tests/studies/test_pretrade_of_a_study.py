"""What the orders of a study were expected to cost before they began, and how that held: on a market of equal bars, by paper."""

import math

import numpy as np
import pytest
from markets import market
from small_markets import minute_bars

from exec_algos import FillModel, ParentOrders, SlippageStudy
from exec_algos.costs import Commission, FixedSpread, SquareRootImpact
from exec_algos.costs.spread import TickSpread
from exec_algos.errors import UsageError
from exec_algos.fills.presets import krx_equity

DAY = [100.0] * 390  # 1,000 shares a minute at 100: ADV 390,000


def study(sizes=("1%adv", "2%adv", "4%adv"), algorithms=("twap",), days=(DAY,) * 4, **model):
    bars = minute_bars(*days)
    orders = ParentOrders.grid(bars, calendar="XNYS", sides=["buy", "sell"], size=list(sizes), window="10:00-12:00", profile_days=1)
    return SlippageStudy(bars, orders, list(algorithms), FillModel(**model))


def test_expected_cost_is_half_the_spread_and_the_impact_of_each_minutes_share():
    found = study(sizes=("1%adv",), spread=FixedSpread(4), impact=SquareRootImpact(0.001), commission=Commission(rate=0.0002)).pretrade()
    rate = 3_900 / 120_000  # of the window's volume
    assert found["participation"].to_numpy() == pytest.approx(rate)
    assert found["spread_bps"].to_numpy() == pytest.approx(2.0)
    assert found["impact_bps"].to_numpy() == pytest.approx(10 * math.sqrt(rate), rel=1e-3)  # children of 32 or 33 shares
    assert found["commission_bps"].to_numpy() == pytest.approx(2.0)
    assert found["expected_bps"].to_numpy() == pytest.approx(found[["spread_bps", "impact_bps", "commission_bps"]].sum(axis=1))
    assert (found["sd_bps"] == 0).all()  # the price has never moved
    assert (found["reason"] == "").all()


@pytest.mark.slow
def test_on_a_market_that_does_not_move_costs_come_out_as_expected():
    one = study(spread=FixedSpread(4), impact=SquareRootImpact(0.002))
    line = one.run().analysis().calibration(one.pretrade()).loc["twap"]
    assert line["slope"] == pytest.approx(1.0, abs=2e-3)
    assert line["intercept"] == pytest.approx(0.0, abs=0.02)
    assert line["bias"] == pytest.approx(0.0, abs=0.01)
    assert (line["n"], line["left_out"]) == (9, 0)  # 3 sizes on 3 days; of each pair of twins the buy


@pytest.mark.slow
def test_orders_of_one_size_do_not_tell_a_slope_and_the_table_says_so():
    one = study(sizes=("1%adv",), impact=SquareRootImpact(0.002))
    line = one.run().analysis().calibration(one.pretrade()).loc["twap"]
    assert math.isnan(line["slope"])
    assert "the slope is not identified" in line["warning"]


def test_completion_is_counted_over_the_earlier_sessions():
    quiet = [(100.0, 100.0, 100.0, 100.0, 100)] * 390
    bars = minute_bars(quiet, DAY, DAY, DAY)
    orders = ParentOrders.grid(bars, calendar="XNYS", sides=["buy"], size="7000", window="10:00-12:00", profile_days=2)
    found = SlippageStudy(bars, orders, ["twap"], FillModel(max_participation=0.1)).pretrade()
    assert found["completion"].tolist() == [0.5, 1.0]  # 10 % of 120 quiet minutes are 1,200 shares, of busy ones 12,000
    assert found["basis"].iloc[0] == "the volumes of 2 earlier sessions, 1 of which would have done"


def test_the_range_widens_with_the_volatility_of_earlier_sessions_and_with_the_confidence():
    moves = [(100.0 + minute % 2,) * 4 for minute in range(390)]
    still, moving = study(sizes=("1%adv",)).pretrade(), study(sizes=("1%adv",), days=(moves,) * 4).pretrade()
    assert (moving["sd_bps"] > 100).all()
    assert (moving["high_bps"] - moving["expected_bps"]).to_numpy() == pytest.approx(1.6448536 * moving["sd_bps"].to_numpy())
    assert (still["high_bps"] == still["expected_bps"]).all()
    half = study(sizes=("1%adv",), days=(moves,) * 4).pretrade(confidence=0.5)
    assert (half["high_bps"] < moving["high_bps"]).all()


def test_what_was_expected_of_an_order_does_not_change_when_its_own_day_does():
    busy = [(100.0, 109.0, 91.0, 105.0, 9_000)] * 390
    told = [study(days=(DAY, DAY, last)).pretrade() for last in (DAY, busy)]
    for one, other in zip(*(frame[frame["session"] == frame["session"].max()].to_dict("records") for frame in told), strict=True):
        assert one == other


def test_an_algorithm_that_reacts_to_the_market_has_no_schedule_to_estimate_and_says_so():
    found = study(algorithms=("twap", "pov", "vwap:profile_days=1")).pretrade()
    reasons = found.groupby("algorithm")["reason"].unique()
    assert reasons["pov"].tolist() == ["its schedule is not fixed before the order"]
    assert reasons["twap"].tolist() == reasons["vwap:profile_days=1"].tolist() == [""]
    assert found[found["algorithm"] == "pov"]["expected_bps"].isna().all()


def test_a_spread_that_differs_by_bar_is_that_of_the_earlier_sessions_or_refused():
    found = study(spread=TickSpread(1, 0.01)).pretrade()
    assert set(found["reason"]) == {"the spread of earlier sessions is not known, and the fill model's is not the same in each bar"}
    bars = minute_bars(*(DAY,) * 4, bid=99.9, ask=100.1)
    orders = ParentOrders.grid(bars, calendar="XNYS", size="1%adv", window="10:00-12:00", profile_days=1, sides=("BUY", "SELL"))
    quoted = SlippageStudy(bars, orders, ["twap"], FillModel(spread=TickSpread(1, 0.01))).pretrade()
    assert quoted["spread_bps"].to_numpy() == pytest.approx(10.0)


def test_a_drawn_sample_has_as_many_orders_as_asked_and_the_same_ones_for_one_seed():
    one = study()
    found = one.pretrade(most=5, seed=3)
    assert found["parent_id"].nunique() == 5
    assert found["parent_id"].tolist() == one.pretrade(most=5, seed=3)["parent_id"].tolist()
    assert found["parent_id"].tolist() != one.pretrade(most=5, seed=4)["parent_id"].tolist()
    with pytest.raises(UsageError, match="at least 1, got 0"):
        one.pretrade(most=0)


def test_a_dated_schedule_is_what_the_orders_side_pays_on_its_day():
    found = study(sizes=("1%adv",), commission=krx_equity("KOSPI").fees).pretrade()
    mean = found.groupby("side")["commission_bps"].mean()
    assert mean["BUY"] == pytest.approx(1.40527)
    assert mean["SELL"] == pytest.approx(1.40527 + 18.0)  # 0.18 % on sales of 2024


@pytest.mark.slow
def test_estimates_of_a_random_market_hold_their_sums():
    bars = market(3)
    orders = ParentOrders.grid(bars, calendar="XNYS", size="5%adv", profile_days=1, sides=("BUY", "SELL"))
    found = SlippageStudy(bars, orders, ["twap"], FillModel(spread=FixedSpread(5), impact=SquareRootImpact(0.01))).pretrade()
    known = found[found["reason"] == ""]
    assert len(known) > 3
    assert np.allclose(known["expected_bps"], known[["spread_bps", "impact_bps", "commission_bps"]].sum(axis=1))
    assert (known["low_bps"] <= known["expected_bps"]).all()
