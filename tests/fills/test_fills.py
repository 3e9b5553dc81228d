"""How a child order meets a bar: prices, limits, budgets, latency; a test for each knob that fails when the knob is ignored."""

import asyncio
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import DAYS, STEP, bars_of, fill_models, markets, ns

from exec_algos import Commission, FillModel, SimulatedBroker
from exec_algos.costs import FixedSpread, SquareRootImpact
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.exchange.stream import Stream
from exec_algos.fills import MOST_LOTS, PRICE_RULES, TOUCHED, TRADED_THROUGH, UNCAPPED, bar_budget, displaced_price, meet_bar, share_budget
from exec_algos.market.hours import sessions_of

OPEN = ns(DAYS[0], "09:30")
SECOND = 1_000_000_000


def meet(side, limit, price, low, high, *, quantity=10, budget=100, through=False):
    return tuple(meet_bar(side, quantity, limit, price, low, high, budget, TRADED_THROUGH if through else TOUCHED))


@pytest.mark.parametrize(
    ("side", "limit", "price", "expected"),
    [
        (1, math.nan, 10.0, (10, 10.0)),  # a market order pays what the rule says
        (1, 11.0, 10.0, (10, 10.0)),  # the rule is better than the limit
        (1, 9.5, 10.0, (10, 9.5)),  # the bar trades below the limit: filled at the limit
        (1, 9.0, 10.0, (10, 9.0)),  # the low touches it
        (1, 8.9, 10.0, (0, 8.9)),  # the bar stays above it
        (-1, 9.0, 10.0, (10, 10.0)),
        (-1, 10.5, 10.0, (10, 10.5)),
        (-1, 11.0, 10.0, (10, 11.0)),
        (-1, 11.1, 10.0, (0, 11.1)),
    ],
)
def test_a_child_in_a_bar_from_9_to_11(side, limit, price, expected):
    assert meet(side, limit, price, 9.0, 11.0) == expected


@pytest.mark.parametrize(
    ("side", "limit", "price", "paid"),
    [
        (1, math.nan, 11.5, 11.5),  # a market order pays the spread, in the bar or not
        (1, 10.0, 10.5, 10.0),  # a limit order only up to its limit
        (1, 12.0, 10.5, 10.5),  # all of it, where that is within the limit and the bar
        (1, 12.0, 11.5, 11.0),  # or up to the high
        (1, 11.2, 11.5, 11.0),
        (1, 10.5, 11.5, 10.5),
        (-1, math.nan, 8.5, 8.5),
        (-1, 10.0, 9.5, 10.0),
        (-1, 8.0, 9.5, 9.5),
        (-1, 8.0, 8.5, 9.0),
        (-1, 8.8, 8.5, 9.0),
        (-1, 9.5, 8.5, 9.5),
    ],
)
def test_what_a_spread_that_leaves_the_bar_from_9_to_11_costs(side, limit, price, paid):
    assert meet(side, limit, price, 9.0, 11.0) == (10, paid)


@pytest.mark.parametrize(
    ("side", "limit", "price", "low", "high", "quantity"),
    [
        (1, 9.0, 10.0, 9.0, 11.0, 0),
        (1, 9.1, 10.0, 9.0, 11.0, 10),
        (-1, 11.0, 10.0, 9.0, 11.0, 0),
        (-1, 10.9, 10.0, 9.0, 11.0, 10),
        (1, 9.0, 9.0, 9.0, 11.0, 0),  # it opens at the limit and never trades below
        (1, 10.0, 10.0, 9.0, 11.0, 10),  # it opens at the limit and trades below
        (-1, 11.0, 11.0, 9.0, 11.0, 0),
        (-1, 10.0, 10.0, 10.0, 10.0, 0),
        (1, 10.1, 10.0, 10.0, 10.0, 10),
    ],
)
def test_a_limit_that_must_be_traded_through(side, limit, price, low, high, quantity):
    assert meet(side, limit, price, low, high, through=True)[0] == quantity


def test_a_child_gets_no_more_than_the_budget():
    assert meet(1, math.nan, 10.0, 9.0, 11.0, quantity=10, budget=3) == (3, 10.0)


prices = st.integers(2, 40).map(lambda n: n / 2)


@given(
    side=st.sampled_from([1, -1]),
    bar=st.lists(prices, min_size=3, max_size=3).map(sorted),
    limit=prices,
    quantity=st.integers(1, 50),
    budget=st.integers(0, 50),
    through=st.booleans(),
    half=st.sampled_from([0.0, 0.25, 3.0]),
    coefficient=st.floats(0, 0.99),
)
@settings(deadline=None, max_examples=150)
def test_no_limit_order_pays_more_than_its_limit_or_outside_the_bar_or_gets_more_than_the_budget(
    *, side, bar, limit, quantity, budget, through, half, coefficient
):
    low, rule, high = bar
    price = rule + side * half
    lots, met = meet_bar(side, quantity, limit, price, low, high, budget, TRADED_THROUGH if through else TOUCHED)
    assert 0 <= lots <= min(quantity, budget)
    if lots:
        paid = displaced_price(side, limit, met, low, high, 0.0, coefficient * math.sqrt(lots / 50.0))
        assert low <= met <= high
        assert low <= paid <= high
        assert (met - limit) * side <= 0
        assert (paid - limit) * side <= 0
        assert (paid - met) * side >= 0  # impact costs, or it does nothing
        assert (met - price) * side <= 0 or met == limit
        assert not through or price * side < limit * side or (limit - (low if side > 0 else high)) * side > 0


@given(st.lists(prices, min_size=3, max_size=3).map(sorted), prices, st.booleans(), st.sampled_from([0.0, 0.25, 3.0]))
@settings(deadline=None, max_examples=200)
def test_a_sell_is_a_buy_in_the_mirror(bar, limit, through, half):
    low, price, high = bar
    price += half
    lots, paid = meet(1, limit, price, low, high, through=through)
    assert meet(-1, -limit, -price, -high, -low, through=through) == (lots, -paid)


@pytest.mark.parametrize(
    ("cap", "volume", "lot", "lots"),
    [
        (0.1, 1000, 1, 100),
        (0.1, 1009, 1, 100),
        (0.29, 100, 1, 29),
        (0.1, 1999, 100, 1),
        (0.1, 999, 100, 0),
        (0.1, 20.02, 0.001, 2002),
        (1.0, 0, 1, 0),
    ],
)
def test_the_budget_of_a_bar_is_the_cap_times_its_volume_in_whole_lots(cap, volume, lot, lots):
    assert bar_budget(cap / lot, volume) == lots


@given(st.floats(0, 1), st.floats(0, MOST_LOTS, exclude_max=True))
def test_single_shares_under_a_cap_have_the_budget_of_any_lots(cap, volume):
    assert share_budget(cap, volume) == bar_budget(cap / 1.0, volume)


def test_without_a_cap_a_bar_that_trades_fills_any_order_and_one_that_does_not_fills_none():
    assert bar_budget(UNCAPPED, 1.0) >= 10**15
    assert bar_budget(UNCAPPED, 0.0) == 0


# a bar that tells every price rule from the others: open 10, high 14, low 9, close 13, vendor's VWAP 11
ROW = (10.0, 14.0, 9.0, 13.0, 100.0, 11.0)


def place(rows, model=None, *, quantity=10, side="BUY", limit=None, start=None, **options):
    bars = bars_of({"A": [(OPEN + i * STEP, *row) for i, row in enumerate(rows)]})
    broker = SimulatedBroker(bars, fill_model=model, start=start)
    return asyncio.run(broker.place_order("A", quantity, "MKT" if limit is None else "LMT", limit, side=side, **options))


@pytest.mark.parametrize(
    ("rule", "side", "price", "stamp"),
    [
        ("open", "BUY", 10.0, OPEN),
        ("vwap", "BUY", 11.0, OPEN + STEP),
        ("close", "BUY", 13.0, OPEN + STEP),
        ("worst", "BUY", 14.0, OPEN + STEP),
        ("worst", "SELL", 9.0, OPEN + STEP),
    ],
)
def test_the_price_rule_says_price_and_stamp(rule, side, price, stamp):
    fill = place([ROW], FillModel(price=rule), side=side)
    assert (fill.fill_price, fill.time) == (price, stamp)


FLAT = (20.0, 20.0, 20.0, 20.0, 100.0, math.nan)


@pytest.mark.parametrize(("side", "price"), [("BUY", 20.01), ("SELL", 19.99)])
@pytest.mark.parametrize("rule", PRICE_RULES)
def test_a_spread_of_10_bps_costs_5_bps_a_side_in_a_bar_that_never_moved(rule, side, price):
    assert place([FLAT], FillModel(price=rule, spread=FixedSpread(10)), side=side).fill_price == pytest.approx(price, rel=1e-15)


@pytest.mark.parametrize(("rule", "buy", "sell"), [("open", 10.0, 10.0), ("vwap", 11.0, 11.0), ("close", 13.0, 13.0), ("worst", 14.0, 9.0)])
def test_the_spread_comes_on_top_of_every_price_rule(rule, buy, sell):
    model = FillModel(price=rule, spread=FixedSpread(200))
    assert place([ROW], model).fill_price == pytest.approx(buy * 1.01, rel=1e-15)
    assert place([ROW], model, side="SELL").fill_price == pytest.approx(sell * 0.99, rel=1e-15)


@pytest.mark.parametrize(("side", "price"), [("BUY", 20.02), ("SELL", 19.98)])
def test_a_quarter_of_a_bar_pays_half_the_impact_of_the_whole(side, price):
    fill = place([FLAT], FillModel(impact=SquareRootImpact(0.002)), quantity=25, side=side)
    assert fill.fill_price == pytest.approx(price, rel=1e-15)


def test_impact_counts_what_the_bar_gave_not_what_was_ordered_and_is_forgotten_by_the_next_bar():
    fill = place([FLAT] * 4, FillModel(impact=SquareRootImpact(2**-10), max_participation=0.25), quantity=60)
    parts = [(part.quantity, part.fill_price) for part in fill.parts]
    assert parts == [(25, 20 * (1 + 2**-11)), (25, 20 * (1 + 2**-11)), (10, 20 * (1 + 2**-10 * math.sqrt(0.1)))]


def test_impact_comes_on_top_of_the_spread_and_the_commission_is_charged_on_both():
    model = FillModel(spread=FixedSpread(100), impact=SquareRootImpact(0.02), commission=Commission(rate=0.5))
    fill = place([FLAT], model, quantity=25)
    assert fill.fill_price == pytest.approx(20 * 1.005 * 1.01, rel=1e-15)
    assert fill.commission == pytest.approx(fill.fill_price * 25 * 0.5, rel=1e-15)


@pytest.mark.parametrize(
    ("side", "limit", "quoted", "moved"),
    [
        ("BUY", 10.1, 10.1, 10.1),
        ("BUY", 12.0, 10.15, 12.0),
        ("BUY", 99.0, 10.15, 14.0),
        ("SELL", 9.95, 9.95, 9.95),
        ("SELL", 1.0, 9.85, 9.0),
    ],
)
def test_a_limit_order_pays_spread_and_impact_up_to_its_limit_and_the_range_of_the_bar(side, limit, quoted, moved):
    spread, impact = FillModel(spread=FixedSpread(300)), FillModel(impact=SquareRootImpact(0.9))
    assert place([ROW], spread, side=side, limit=limit, quantity=100).fill_price == pytest.approx(quoted, rel=1e-15)
    assert place([ROW], impact, side=side, limit=limit, quantity=100).fill_price == moved


def test_a_limit_order_in_a_bar_that_never_moved_pays_no_spread():
    assert place([FLAT], FillModel(spread=FixedSpread(10)), limit=20.0).fill_price == 20.0
    assert place([FLAT], FillModel(spread=FixedSpread(10)), limit=21.0).fill_price == 20.0


row_prices = st.lists(st.floats(0.01, 1e5), min_size=4, max_size=4).map(sorted)


@st.composite
def row(draw):
    """Open, high, low, close, volume and the vendor's VWAP: none, true or impossible."""
    low, one, other, high = draw(row_prices)
    first, last = (one, other) if draw(st.booleans()) else (other, one)
    vwap = draw(st.sampled_from([math.nan, low, high, (one + other) / 2, low * 0.9, high * 1.1]))
    return first, high, low, last, draw(st.floats(0, 1e6)), vwap


@given(st.lists(row(), min_size=1, max_size=6), fill_models, st.sampled_from([1, -1]))
@settings(deadline=None, max_examples=150)
def test_the_price_in_one_bar_is_the_price_in_the_table_to_the_last_bit(rows, model, side):
    bars = bars_of({"A": [(OPEN + i * STEP, *one) for i, one in enumerate(rows)]})
    names = ("start", "open", "high", "low", "close", "volume", "vwap")
    singly = [model.bar_price(SimpleNamespace(**dict(zip(names, (OPEN, *one), strict=True))), side) for one in rows]
    assert singly == model.prices(bars, side).tolist()


@given(markets(("A",)), fill_models, st.sampled_from([1, -1]))
@settings(deadline=None, max_examples=10)
def test_the_price_in_a_bar_of_a_replay_is_the_price_in_the_table(bars, model, side):
    stream = Stream("A", bars, model, 0, sessions_of(bars, None))
    replayed = [model.bar_price(stream.close()[0], side) for _ in range(len(bars))]
    assert replayed == model.prices(bars, side).tolist()


@pytest.mark.parametrize("vwap", [math.nan, 8.9, 14.1])
def test_a_vwap_that_is_missing_or_outside_the_bar_is_replaced_by_hlc3(vwap):
    assert place([(*ROW[:5], vwap)], FillModel(price="vwap")).fill_price == 12.0


@pytest.mark.parametrize(("cap", "parts"), [(None, [25]), (0.1, [10, 10, 5]), (0.2, [20, 5])])
def test_the_cap_bounds_what_each_bar_gives(cap, parts):
    fill = place([ROW] * 4, FillModel(max_participation=cap), quantity=25)
    assert [part.quantity for part in fill.parts or (fill,)] == parts


@pytest.mark.parametrize(("latency", "bar"), [(0, 0), (1, 1), (1800, 1), (1800.5, 2), (5400, 3)])
def test_a_child_meets_the_first_bar_that_starts_after_the_latency(latency, bar):
    assert place([ROW] * 5, FillModel(latency=latency)).time == OPEN + bar * STEP


def test_a_cancel_takes_as_long_as_an_order():
    fill = place([ROW] * 6, FillModel(latency=1800, max_participation=0.1), quantity=100, expires=OPEN + 2 * STEP)
    assert [part.time for part in fill.parts] == [OPEN + STEP, OPEN + 2 * STEP]


@pytest.mark.parametrize(("latency", "bars"), [(0, 2), (1800, 2), (3600, 2)])
def test_a_cancel_reaches_the_venue_after_the_latency(latency, bars):
    model = FillModel(latency=latency, max_participation=0.1)
    broker = SimulatedBroker(bars_of({"A": [(OPEN + i * STEP, *ROW) for i in range(9)]}), fill_model=model)

    async def cancelled():
        order = asyncio.ensure_future(broker.place_order("A", 100))
        await broker.clock.sleep_until(OPEN + 2 * STEP)
        done = await broker.cancel_order(broker.open_orders()[0])
        return done, await order

    done, fill = asyncio.run(cancelled())
    assert done
    assert fill.quantity == 10 * bars  # two bars, counted from when the order arrives to when the cancel does
    assert fill.parts[0].time == OPEN + latency * SECOND


def test_cancelling_an_order_that_is_over_changes_nothing():
    broker = SimulatedBroker(bars_of({"A": [(OPEN, *ROW)]}))
    assert asyncio.run(broker.place_order("A", 10)).quantity == 10
    assert not asyncio.run(broker.cancel_order(0))


def test_a_child_ends_when_it_expires():
    fill = place([ROW] * 6, FillModel(max_participation=0.1), quantity=100, expires=OPEN + 3 * STEP)
    assert fill.quantity == 30


@pytest.mark.parametrize(("rule", "quantity"), [("touch", 10), ("through", 0)])
def test_limit_fill_says_whether_a_touch_is_enough(rule, quantity):
    assert place([ROW], FillModel(limit_fill=rule), limit=9.0).quantity == quantity


def test_a_bar_without_volume_fills_nothing_and_the_order_waits_for_the_next():
    assert place([(*ROW[:4], 0.0, math.nan), ROW]).time == OPEN + STEP


def test_an_order_that_is_not_filled_answers_with_no_shares_and_no_price():
    fill = place([(*ROW[:4], 0.0, math.nan)])
    assert fill.quantity == 0
    assert math.isnan(fill.fill_price)


def test_the_whole_of_several_parts_has_their_mean_price():
    rows = [(p, p, p, p, 100.0, math.nan) for p in (10.0, 11.0, 13.0)]
    fill = place(rows, FillModel(max_participation=0.1), quantity=25)
    assert fill.fill_price == np.average([10.0, 11.0, 13.0], weights=[10, 10, 5])


@pytest.mark.parametrize(
    "bad",
    [
        {"max_participation": 0},
        {"max_participation": 1.1},
        {"latency": -1},
        {"latency": math.nan},
        {"latency": 1e9},
        {"latency": 1e300},
        {"commission": Commission(rate=-1)},
    ],
)
def test_a_value_out_of_range_is_refused(bad):
    with pytest.raises(UsageError):
        FillModel(**bad)


@pytest.mark.parametrize("bad", [{"price": "opne"}, {"limit_fill": "thru"}])
def test_an_unknown_rule_is_refused_with_the_nearest_name(bad):
    with pytest.raises(UnknownNameError, match="did you mean"):
        FillModel(**bad)


@pytest.mark.parametrize(
    ("model", "parent", "cap"), [(None, None, UNCAPPED), (0.1, None, 0.1), (None, 0.2, 0.2), (0.1, 0.2, 0.1), (0.3, 0.2, 0.2)]
)
def test_the_smaller_of_the_two_caps_counts(model, parent, cap):
    assert FillModel(max_participation=model).cap(parent) == cap


def test_latency_in_ns():
    assert FillModel(latency=0.25).latency_ns == SECOND // 4


@pytest.mark.parametrize(
    ("knob", "said"),
    [
        ({"commission": 0.00015}, r"commission must be a schedule such as Commission\(rate=0.00015\) or a FeeSchedule, got 0.00015"),
        ({"latency": "1s"}, r"latency must be seconds >= 0 and below 1e\+09, got '1s'"),
        ({"spread": 5}, r"spread must be None or a spread such as FixedSpread\(5\), in bps, got 5"),
        ({"impact": 0.001}, r"impact must be None or a law such as SquareRootImpact\(0.001\), .* got 0.001"),
    ],
)
def test_a_knob_of_the_wrong_kind_says_what_to_give(knob, said):
    with pytest.raises(UsageError, match=said):
        FillModel(**knob)
