"""Ticks, price limits and impact that lasts: backtrader with ``fills="exec_algos"`` pays what our engine pays, to the last digit."""

import math
from dataclasses import replace
from datetime import date

import backtrader as bt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import markets, ns
from test_backtrader_agreement import Own, Patient, Plan, assert_agree, day_orders, last_days, limits, own_orders, plans
from test_backtrader_broker import NAN, STEP, ZERO, bars_of, bits, session, simulated
from test_ticks_agreement import CENTS, COARSE

from exec_algos import TWAP, Bars, Commission, FillModel
from exec_algos.costs import AlmgrenImpact, FixedSpread, SquareRootImpact, TransientImpact
from exec_algos.costs.fees import FeeComponent, FeeSchedule, FeeTerms, Period
from exec_algos.costs.spread import TickSpread
from exec_algos.costs.ticks import PriceLimit
from exec_algos.errors import OrderRejectedError
from exec_algos.fills.presets import crypto, krx_equity, us_equity

LASTING = TransientImpact(0.05, "linear", half_life_seconds=3600.0)
ALMGREN = AlmgrenImpact(volatility=0.1, daily_volume=3000.0, shares_outstanding=1e6)
CRUSHING = TransientImpact(0.9, "linear", half_life_seconds=36_000.0)  # sales take the price to 0
BY_LIQUIDITY = FeeSchedule(
    "any", "USD", (FeeComponent("fee", (Period(date.min, date.max, FeeTerms(0.003), FeeTerms(0.001)),), ("BUY", "SELL")),)
)  # fmt: skip
models = st.builds(
    FillModel,
    price=st.sampled_from(["open", "vwap", "close", "worst"]),
    max_participation=st.sampled_from([None, 0.1, 0.29]),
    latency=st.sampled_from([0.0, 0.0, 60.0, 1800.0, 3000.0]),
    commission=st.sampled_from([Commission(), Commission(rate=2e-4, minimum=1.7), BY_LIQUIDITY, BY_LIQUIDITY]),
    limit_fill=st.sampled_from(["touch", "through", "through:by=0.3"]),
    spread=st.sampled_from([None, FixedSpread(7), FixedSpread(130), TickSpread(COARSE), TickSpread(0.01, 3)]),
    impact=st.sampled_from([None, SquareRootImpact(0.02), LASTING, ALMGREN, CRUSHING]),
    ticks=st.sampled_from([None, COARSE, CENTS]),
    price_limit=st.sampled_from([None, PriceLimit(0.02, COARSE), PriceLimit(0.3, COARSE)]),
)
off_tick = st.floats(15, 25)
patient = st.builds(Patient, buy=off_tick, sell=off_tick)


@given(markets(), st.lists(plans() | plans(patient) | plans(limits) | own_orders, min_size=1, max_size=4), models)
@settings(deadline=None, max_examples=60)
@pytest.mark.slow
def test_ticks_limits_of_the_day_and_lasting_impact_are_those_of_our_engine(bars, orders, model):
    assert_agree(bars, orders, model)


SOLD = [krx_equity(), krx_equity("ETF"), us_equity(), us_equity(whole_cents=True), crypto()]
PRESETS = [model for preset in SOLD for model in (preset.fill_model, replace(preset.fill_model, ticks=preset.ticks))]


@given(markets(), st.lists(plans() | plans(patient), min_size=1, max_size=4), st.sampled_from(PRESETS))
@settings(deadline=None, max_examples=25)
@pytest.mark.slow
def test_the_presets_are_those_of_our_engine(bars, orders, model):
    assert_agree(bars, orders, model)


def flat_days(*prices, clock="09:30"):
    """A session of four half hours on each of two days, at one price a day."""
    days = ("2025-11-24", "2025-11-25")
    rows = [(ns(day, clock) + i * STEP, *[price] * 4, 1000.0, NAN) for day, price in zip(days, prices, strict=False) for i in range(4)]
    return bars_of({"A": rows})


class TestByHand:
    @pytest.mark.parametrize(("size", "limit", "paid"), [(100, 100.005, 100.0), (-100, 99.995, 100.0), (100, 100.01, 100.01)])
    def test_a_limit_child_is_moved_to_the_tick_on_its_own_side(self, size, limit, paid):
        # opens beyond the limit, touches it later: the child trades at its limit
        away = 101.0 if size > 0 else 99.0
        bars = session(100, *[(away, max(away, 100), min(away, 100), away)] * 5)
        one = Plan(ZERO + STEP, "A", size, Patient(buy=limit, sell=limit, slice_interval_seconds=1800), until="10:30")
        fills = assert_agree(bars, [one], FillModel(ticks=CENTS))
        assert [(row[3], row[4]) for row in fills] == [(100, paid)]

    def test_what_backtrader_shows_of_a_child_is_the_price_on_the_tick(self):
        orders = [("A", 100, Patient(buy=100.005, slice_interval_seconds=1800), 1, {"until": "10:30"})]
        strategy = simulated(session(*[101] * 6), FillModel(ticks=CENTS), orders=orders)
        assert {order.created.price for order in strategy.broker.orders} == {100.0}

    @pytest.mark.parametrize("kind", [bt.Order.Limit, bt.Order.StopLimit])
    def test_a_limit_of_the_strategys_own_off_the_tick_is_refused_with_the_ticks_beside_it(self, kind):
        terms = {"price": 10.003} if kind == bt.Order.Limit else {"price": 11.0, "plimit": 10.003}
        with pytest.raises(OrderRejectedError, match=r"limit of A 10\.003 is off the tick of 0\.01 \(cents\); use 10 or 10\.01"):
            simulated(session(*[10] * 4), FillModel(ticks=CENTS), s1=lambda s: s.buy(size=10, exectype=kind, **terms))

    def test_a_limit_a_hair_off_its_tick_is_that_tick(self):
        hair = 0.05 * 3587  # 179.35000000000002
        order = simulated(session(*[(180, 180, 179, 180)] * 4), FillModel(ticks=CENTS), s1=_limit(hair)).made[0]
        assert bits(order) == [(2, 10, 179.35)]

    def test_the_limit_of_a_trailing_stop_is_on_a_tick_wherever_it_trails(self):
        def act(strategy):
            return strategy.sell(size=10, exectype=bt.Order.StopTrailLimit, trailpercent=0.0123, price=None, plimit=99.5)

        bars = session(100, 100, 103.33, (103, 103, 100, 100), (100, 104, 99, 100), 100)
        order = simulated(bars, FillModel(ticks=CENTS), s1=act).made[0]
        assert bits(order)
        assert all(CENTS.is_on_tick(price) for _, _, price in bits(order))

    @pytest.mark.parametrize(("price", "size", "paid"), [(110, 10, []), (110, -10, [110]), (90, -10, []), (90, 10, [90])])
    def test_a_bar_locked_at_the_limit_of_the_day_serves_one_side(self, price, size, paid):
        model = FillModel(price_limit=PriceLimit(0.1, CENTS))
        strategy = simulated(flat_days(100, price), model, s5=lambda s: (s.buy if size > 0 else s.sell)(size=10))
        assert [bit[2] for bit in bits(strategy.made[0])] == paid

    @pytest.mark.parametrize("costs", [{"spread": FixedSpread(400)}, {"impact": TransientImpact(0.5, half_life_seconds=60.0)}])
    def test_neither_spread_nor_impact_takes_a_price_beyond_the_days_limits(self, costs):
        model = FillModel(price_limit=PriceLimit(0.1, CENTS), **costs)
        buy = simulated(flat_days(100, 109), model, s5=lambda s: s.buy(size=900)).made[0]
        sale = simulated(flat_days(100, 91), model, s5=lambda s: s.sell(size=900)).made[0]
        assert (bits(buy)[0][2], bits(sale)[0][2]) == (110, 90)

    def test_limits_beyond_which_a_bar_trades_did_not_hold_and_the_first_day_has_none(self):
        model = FillModel(price_limit=PriceLimit(0.1, CENTS))
        assert bits(simulated(flat_days(100, 120), model, s5=lambda s: s.buy(size=10)).made[0])[0][2] == 120
        assert bits(simulated(flat_days(100, 110), model, s1=lambda s: s.buy(size=10)).made[0])[0][2] == 100

    def test_a_sale_that_has_used_the_price_up_gets_nothing_for_its_shares_as_in_our_engine(self):
        bars = session(*[10.0] * 6, volume=100.0)
        orders = [Plan(ZERO + STEP, "A", -1000, TWAP(slice_interval_seconds=1800), until="12:00")]
        assert {row[4] for row in assert_agree(bars, orders, FillModel(impact=CRUSHING))} == {0.0}

    @pytest.mark.parametrize("side", [1, -1])
    def test_who_makes_liquidity_is_judged_in_the_displaced_market(self, side):
        # 900 of 1,000 shares leave 90 bps: a market order would pay 100.9, so a limit of 100.5 rests until the bar comes to it
        limit = 100 + side * 0.5
        bars = session(100, 100, (100, 101, 99, 100), 100)
        model = FillModel(impact=TransientImpact(0.01, half_life_seconds=math.inf), commission=BY_LIQUIDITY)
        orders = [Own(ZERO + STEP, "A", side * 900), Own(ZERO + STEP * 2, "A", side * 10, limit)]
        first, second = assert_agree(bars, orders, model)
        assert first[4] == pytest.approx(100 * (1 + side * 0.009 / 2))
        assert (second[3], second[4], second[5]) == (10, limit, pytest.approx(10 * limit * 0.001))  # the maker's tenth of a percent

    @pytest.mark.parametrize("side", [1, -1])
    def test_a_limit_rests_where_the_displaced_bar_does_not_come_to_it(self, side):
        bars = session(*[100] * 6)  # 900 of 1,000 shares leave 90 bps: the bars lie at 100.9, or 99.1, for those who come later
        model = FillModel(impact=TransientImpact(0.01, half_life_seconds=math.inf))
        away, near = Own(ZERO + STEP * 2, "A", side * 10, 100 + side * 0.5), Own(ZERO + STEP * 2, "A", side * 20, 100 + side * 1.5)
        fills = assert_agree(bars, [Own(ZERO + STEP, "A", side * 900), away, near], model)
        assert [row[3] for row in fills] == [900, 20]

    def test_impact_is_that_of_the_shares_and_not_of_the_lots(self):
        model = FillModel(impact=TransientImpact(0.01, half_life_seconds=math.inf))
        orders = [Plan(ZERO + STEP, "A", 500, TWAP(slice_interval_seconds=1800), until="10:30", lot_size=10)]
        assert [row[3:5] for row in assert_agree(session(*[100] * 6), orders, model)] == [(500, pytest.approx(100 * (1 + 0.01 * 0.5 / 2)))]

    def test_a_fill_is_charged_at_the_terms_of_the_day_on_which_its_bar_began(self):
        first = pd.Timestamp("2025-11-24 22:30", tz="UTC").value
        bars = bars_of({"A": [(first + i * STEP, *[100.0] * 4, 1000.0, NAN) for i in range(5)]}, zone="UTC")
        terms = (Period(date.min, date(2025, 11, 24), FeeTerms(0.001)), Period(date(2025, 11, 25), date.max, FeeTerms(0.002)))
        model = FillModel(commission=FeeSchedule("any", "USD", (FeeComponent("fee", terms, ("BUY", "SELL")),)))
        orders = [Own(first + n * STEP, "A", 10) for n in (1, 2, 3)]  # in the bars from 23:00, from 23:30 to midnight, and from midnight
        assert [row[5] for row in assert_agree(bars, orders, model, calendar="24/7")] == [1.0, 1.0, 2.0]

    @pytest.mark.parametrize("zone", ["UTC", "Asia/Seoul"])
    def test_the_limits_of_a_day_begin_with_its_first_bar_in_the_zone_of_the_bars(self, zone):
        midnight = pd.Timestamp("2025-11-25", tz=zone).value
        prices = [100.0, 100.0, 110.0, 110.0, 109.0]
        rows = [(midnight + (i - 2) * STEP, *[price] * 4, 1000.0, NAN) for i, price in enumerate(prices)]
        model = FillModel(price_limit=PriceLimit(0.1, CENTS))
        orders = [Own(midnight - STEP, "A", 10), Own(midnight, "A", 20)]  # to meet the bar before midnight and the one that begins then
        fills = assert_agree(bars_of({"A": rows}, zone=zone), orders, model, calendar="24/7")
        assert [(row[3], row[4]) for row in fills] == [(10, 100.0), (20, 109.0)]

    def test_a_close_that_is_no_price_is_no_base_of_limits(self):
        model = FillModel(price_limit=PriceLimit(0.1, CENTS))
        last = [(ns("2025-11-24", "11:00"), 100.0, 100.0, 100.0, NAN, 1000.0, NAN)]
        rows = [(ns("2025-11-24", "09:30") + i * STEP, *[100.0] * 4, 1000.0, NAN) for i in range(3)]
        rows += last + [(ns("2025-11-25", "09:30") + i * STEP, *[110.0] * 4, 1000.0, NAN) for i in range(3)]
        assert bits(simulated(bars_of({"A": rows}), model, s5=lambda s: s.buy(size=10)).made[0]) == []

    @pytest.mark.parametrize("column", [0, 1, 2, 3])
    @pytest.mark.parametrize("value", [0.0, NAN, -1.0])
    def test_a_bar_with_a_price_that_is_none_fills_nothing(self, column, value):
        row = [10.0] * 4
        row[column] = value
        order = simulated(session(10, tuple(row), 11), s1=lambda s: s.buy(size=10)).made[0]
        assert bits(order) == [(3, 10, 11)]


def _limit(price):
    return lambda strategy: strategy.buy(size=10, exectype=bt.Order.Limit, price=price)


@pytest.mark.market_data
@pytest.mark.slow
def test_on_real_bars_of_the_korean_exchange_the_preset_is_that_of_our_engine(market_data):
    bars = last_days(Bars.read([market_data / "krx_yahoo_5m" / f"{symbol}.parquet" for symbol in ("000660", "005930")]), 7)
    preset = krx_equity()
    for model in (preset.fill_model, replace(preset.fill_model, ticks=preset.ticks)):
        assert len(assert_agree(bars, list(day_orders(bars, 300)), model, calendar="XKRX")) > 50


def test_what_of_a_parents_commission_is_tax_is_told():
    tax = FeeComponent("tax", (Period(date.min, date.max, FeeTerms(0.002)),), ("SELL",), tax=True)
    fee = FeeComponent("fee", (Period(date.min, date.max, FeeTerms(0.001)),), ("BUY", "SELL"))
    model = FillModel(commission=FeeSchedule("any", "USD", (tax, fee)))
    orders = [Plan(ZERO + STEP, "A", size, TWAP(slice_interval_seconds=1800), until="10:30") for size in (100, -100)]
    assert [row[5:] for row in assert_agree(session(*[100] * 6), orders, model)] == [(10.0, 1, 0.0), (30.0, -1, 20.0)]
