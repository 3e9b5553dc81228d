"""How a child order meets a bar: prices, limits, budgets, latency; a test for each knob that fails when the knob is ignored."""

import asyncio
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import DAYS, STEP, bars_of, ns

from exec_algos import Commission, FillModel, SimulatedBroker
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.fills import UNCAPPED, bar_budget, meet_bar

OPEN = ns(DAYS[0], "09:30")
SECOND = 1_000_000_000


def meet(side, limit, price, low, high, *, quantity=10, budget=100, through=False):
    return tuple(meet_bar(side, quantity, limit, price, low, high, budget, through))


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
    st.sampled_from([1, -1]),
    st.lists(prices, min_size=3, max_size=3).map(sorted),
    prices,
    st.integers(1, 50),
    st.integers(0, 50),
    st.booleans(),
)
@settings(deadline=None, max_examples=150)
def test_no_fill_is_worse_than_its_limit_outside_the_bar_or_over_the_budget(side, bar, limit, quantity, budget, through):
    low, price, high = bar
    lots, paid = meet_bar(side, quantity, limit, price, low, high, budget, through)
    assert 0 <= lots <= min(quantity, budget)
    if lots:
        assert low <= paid <= high
        assert (paid - limit) * side <= 0
        assert (paid - price) * side <= 0 or paid == limit
        assert not through or (limit - (low if side > 0 else high)) * side > 0


@given(st.lists(prices, min_size=3, max_size=3).map(sorted), prices, st.booleans())
@settings(deadline=None, max_examples=200)
def test_a_sell_is_a_buy_in_the_mirror(bar, limit, through):
    low, price, high = bar
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
    [{"max_participation": 0}, {"max_participation": 1.1}, {"latency": -1}, {"latency": math.nan}, {"commission": Commission(rate=-1)}],
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
        ({"commission": 0.00015}, r"commission must be a schedule such as Commission\(rate=0.00015\), got 0.00015"),
        ({"latency": "1s"}, "latency must be seconds >= 0, got '1s'"),
    ],
)
def test_a_knob_of_the_wrong_kind_says_what_to_give(knob, said):
    with pytest.raises(UsageError, match=said):
        FillModel(**knob)
