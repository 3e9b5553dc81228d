"""Implementation shortfall of many orders: published examples, cash flows, sums, mirrors, and what is not known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import DAYS, bars_of, ns

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.calendars import sessions
from exec_algos.stats.estimable import Estimable, Missing
from exec_algos.tca.benchmarks import View
from exec_algos.tca.places import Windows
from exec_algos.tca.priced import PricedFills
from exec_algos.tca.shortfall import PARTS, TRADING, IndexLevels, Orders, index_adjusted, mark_price, shortfall


def prices(*values):
    column = np.array(values, dtype=np.float64)
    return Estimable.of(column, Missing(np.isnan(column), "no price"))


def orders_of(side, quantity, decision, arrival, mark, fees):
    columns = (np.atleast_1d(np.asarray(one, dtype=np.float64)) for one in (decision, arrival, mark))
    return Orders(
        np.atleast_1d(side), np.atleast_1d(np.asarray(quantity, float)), *(prices(*c) for c in columns), np.atleast_1d(fees) + 0.0
    )


def fills_of(*rows):
    """(parent, quantity, rule price, spread, impact) -> fills."""
    parent, quantity, rule, spread, impact = (np.array([row[i] for row in rows], dtype=np.float64) for i in range(5))
    return PricedFills(parent.astype(np.int64), quantity, rule + spread + impact, rule, spread, impact)


def plain(*rows):
    """(parent, quantity, price) -> fills of which nothing else is known."""
    columns = [np.array([row[i] for row in rows], dtype=np.float64) for i in range(3)]
    return PricedFills.of_prices(columns[0].astype(np.int64), *columns[1:])


def test_the_published_examples_all_at_once(vectors):
    cases = vectors("implementation_shortfall.json")["cases"]
    columns = ([case[name] for case in cases] for name in ("side", "S", "Pd", "P0", "Pn", "fees"))
    fills = plain(*((i, q, p) for i, case in enumerate(cases) for q, p in case["fills"]))
    found = shortfall(orders_of(*map(np.array, columns)), fills, mark="given")
    for name in ("delay", "trading", "opportunity", "fees", "total"):
        money = [case.get(name) for case in cases]
        assert getattr(found, name).values.tolist() == pytest.approx(money, rel=1e-12, abs=1e-9), name
        bps = [case["bps_of_paper_notional"][name] for case in cases]
        assert found.bps()[name].values.tolist() == pytest.approx(bps, rel=1e-12, abs=1e-9), name


# Buy 1000, decided at 100, arrived at 101. 400 at rule price 102 + spread 0.1 + impact 0.2, 300 at 103 + 0.1 + 0.4; 300 left at 104; fees 7
ORDER = orders_of(1, 1000, 100.0, 101.0, 104.0, 7.0)
FILLS = fills_of((0, 400, 102.0, 0.1, 0.2), (0, 300, 103.0, 0.1, 0.4))


def test_every_part_on_paper():
    found = shortfall(ORDER, FILLS, mark="given")
    expected = {
        "delay": 1000,
        "spread": 70,
        "impact": 200,
        "timing": 400 + 600,
        "opportunity": 900,
        "fees": 7,
        "trading": 1270,
        "total": 3177,
    }
    assert {name: column.values[0] for name, column in found.columns().items()} == pytest.approx(expected, abs=1e-9)
    assert found.paper.values[0] == 100_000
    assert found.bps()["total"].values[0] == pytest.approx(317.7)


def test_the_price_at_which_the_residual_is_marked_is_named_and_counts():
    cheaper = shortfall(ORDER._replace(mark=prices(101.0)), FILLS, mark="the arrival")
    assert (cheaper.mark, cheaper.opportunity.values[0]) == ("the arrival", 0.0)
    with pytest.raises(UsageError, match="say which price the mark is"):
        shortfall(ORDER, FILLS, mark="")


def test_fills_with_only_a_price_have_their_trading_in_one_with_the_reason():
    found = shortfall(ORDER, plain((0, 400, 102.3), (0, 300, 103.5)), mark="given")
    assert {getattr(found, name).reason[0][:24] for name in TRADING} == {"the spread and the impac"}
    assert (found.trading.values[0], found.total.values[0]) == (pytest.approx(1270), pytest.approx(3177))


def test_one_unknown_fill_makes_the_split_of_its_own_order_unknown_and_of_no_other():
    both = orders_of([1, 1], [1000, 1000], [100.0] * 2, [101.0] * 2, [104.0] * 2, [7.0] * 2)
    mixed = [np.concatenate(pair) for pair in zip(FILLS._replace(parent=FILLS.parent + 1), plain((0, 10, 100.0)), strict=True)]
    found = shortfall(both, PricedFills(*mixed), mark="given")
    assert found.spread.known.tolist() == [False, True]
    assert found.spread.values[1] == pytest.approx(70)


def test_what_has_no_price_is_not_estimable_and_what_needs_none_is_zero():
    none = math.nan
    orders = orders_of([1] * 4, [10] * 4, [none, 10, 10, 10], [10, none, 10, none], [11, 11, none, none], [0] * 4)
    found = shortfall(orders, fills_of((0, 5, 10, 0, 0), (1, 5, 10, 0, 0), (2, 5, 10, 0, 0), (3, 10, 10, 0, 0)), mark="given")
    known = {name: column.known.tolist() for name, column in found.columns().items()}
    assert known["delay"] == [False, False, True, False]
    assert known["timing"] == known["trading"] == [True, False, True, False]
    assert known["opportunity"] == [True, False, False, True]  # the last one has nothing left, so it needs no mark
    assert known["total"] == [False, True, False, True]
    assert found.opportunity.values[3] == 0.0
    assert found.total.values[3] == 0.0
    assert all(column.reason[row] == "no price" for column in found.columns().values() for row in np.flatnonzero(~column.known))


def test_an_order_without_fills_costs_delay_and_opportunity_only():
    found = shortfall(orders_of(-1, 1000, 20.0, 20.1, 20.5, 0.0), fills_of(), mark="given")
    assert [getattr(found, name).values[0] for name in PARTS] == pytest.approx([-100.0, 0, 0, 0, -400.0, 0])


def test_no_orders_have_no_shortfall():
    found = shortfall(Orders(np.zeros(0, dtype=np.int64), np.zeros(0), prices(), prices(), prices(), np.zeros(0)), plain(), mark="given")
    assert len(found) == 0
    assert found.summary(np.zeros(0))["reason"]["total"] == "no order of which all parts are known"


def test_a_residual_that_is_only_rounding_is_none():
    found = shortfall(orders_of(1, 1.0, 10.0, 10.0, math.nan, 0.0), plain(*[(0, 0.1, 10.0)] * 10), mark="given")
    assert found.total.values[0] == pytest.approx(0.0, abs=1e-12)
    assert found.opportunity.values[0] == 0.0


price = st.floats(1, 1000)
signed = st.integers(-40, 40).map(lambda cents: cents / 100)
drawn_fills = st.lists(st.tuples(st.floats(0.5, 500), price, signed, signed), max_size=5)
drawn = st.lists(
    st.tuples(
        st.sampled_from([-1, 1]),
        drawn_fills,
        st.floats(0, 500),
        price,
        price,
        price,
        st.integers(-300, 5000).map(lambda cents: cents / 100),
    ),
    min_size=1,
    max_size=6,
)


def built(rows, factor=1.0, flip=1):
    """Orders and fills; `flip` = -1 turns sides and reflects each price at the order's decision price."""
    side, fills, left, decision, arrival, mark, fees = zip(*rows, strict=True)
    quantity = [sum(fill[0] for fill in mine) + rest + 1 for mine, rest in zip(fills, left, strict=True)]
    base = np.array(decision)
    reflect = (lambda p, d: p) if flip > 0 else (lambda p, d: 2 * d - p)
    orders = orders_of(
        flip * np.array(side), quantity, base * factor, reflect(np.array(arrival), base) * factor,
        reflect(np.array(mark), base) * factor, np.array(fees) * factor,
    )  # fmt: skip
    rows = [
        (i, q, reflect(p, decision[i]) * factor, flip * s * factor, flip * j * factor)
        for i, mine in enumerate(fills)
        for q, p, s, j in mine
    ]
    return orders, fills_of(*rows)


def cash(rows):
    """Paper less actual portfolio, order by order, from the flows of money alone."""
    for side, fills, left, decision, _, mark, fees in rows:
        ordered = sum(fill[0] for fill in fills) + left + 1
        paper = side * (ordered * mark - ordered * decision)
        spent = math.fsum(side * q * (p + s + j) for q, p, s, j in fills) + fees
        worth = side * sum(fill[0] for fill in fills) * mark
        yield paper - (worth - spent)


@given(drawn)
@settings(deadline=None, max_examples=100)
@pytest.mark.slow
def test_the_parts_sum_to_the_cash_flows(rows):
    found = shortfall(*built(rows), mark="given")
    scale = np.maximum(found.paper.values, [sum(f[0] * f[1] for f in row[1]) for row in rows])
    total = np.array(list(cash(rows)))
    assert np.all(np.abs(found.total.values - total) <= 1e-9 * scale + 1e-9)
    assert np.all(np.abs(sum(getattr(found, name).values for name in PARTS) - total) <= 1e-9 * scale + 1e-9)
    assert np.all(np.abs(sum(getattr(found, name).values for name in TRADING) - found.trading.values) <= 1e-9 * scale + 1e-9)


@given(drawn)
@settings(deadline=None, max_examples=60)
@pytest.mark.slow
def test_doubling_the_price_doubles_money_and_keeps_bps(rows):
    once, twice = shortfall(*built(rows), mark="given"), shortfall(*built(rows, factor=2.0), mark="given")
    for name, column in once.columns().items():
        assert twice.columns()[name].values.tolist() == (2 * column.values).tolist()
        assert twice.bps()[name].values.tolist() == column.bps_of(once.paper).values.tolist()


def gentle(rows):
    """The same orders with prices that stay positive when they are reflected."""
    return [(side, [(q, 0.5 * d + p / 2000 * d, s, j) for q, p, s, j in fills], left, d, d * (0.6 + a / 2000), d * (0.6 + m / 2000), fees)
            for side, fills, left, d, a, m, fees in rows]  # fmt: skip


@given(drawn)
@settings(deadline=None, max_examples=60)
@pytest.mark.slow
def test_buys_and_sells_mirror(rows):
    rows = [(side, fills, left, d + 10, a, m, fees) for side, fills, left, d, a, m, fees in rows]
    found, turned = (shortfall(*built(gentle(rows), flip=flip), mark="given") for flip in (1, -1))
    for name, column in found.columns().items():
        assert turned.columns()[name].values == pytest.approx(column.values, rel=1e-9, abs=1e-7), name


@given(drawn, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
@pytest.mark.slow
def test_the_order_of_the_fills_does_not_matter(rows, random):
    orders, fills = built(rows)
    order = list(range(len(fills.parent)))
    random.shuffle(order)
    found = shortfall(orders, PricedFills(*(column[order] for column in fills)), mark="given")
    for name, column in shortfall(orders, fills, mark="given").columns().items():
        assert found.columns()[name].values == pytest.approx(column.values, rel=1e-9, abs=1e-6)


# A: 100 shares at 10, 10 currency lost (100 bps); B: 900 at 10, 9 lost (10 bps); C has no decision price
THREE = orders_of([1, 1, 1], [100, 900, 10], [10.0, 10.0, math.nan], [10.0, 10.0, 10.0], [10.0] * 3, [10.0, 9.0, 1.0])


def test_means_weigh_orders_alike_or_by_notional_and_leave_out_what_is_not_known():
    table = shortfall(THREE, plain((0, 100, 10.0), (1, 900, 10.0)), mark="given").summary(np.array([1, 2, 3]))
    total = table.loc["total"]
    assert (total["order_weighted"], total["notional_weighted"]) == (pytest.approx(55.0), pytest.approx(19.0))
    assert (total["n"], total["left_out"]) == (2, 1)
    assert total["low"] < 55.0 < total["high"]
    assert total["notional_low"] < 19.0 < total["notional_high"]
    assert table.loc["spread", "reason"] == "not known for 2 of 2 orders"
    assert math.isnan(table.loc["spread", "order_weighted"])
    assert table.loc["total", "reason"] == ""


def test_the_means_of_the_parts_sum_to_the_mean_of_the_total_in_both_weightings():
    rows = [(1, 50.0, 10.0, 10.2, 10.4, 3.0), (-1, 70.0, 20.0, 20.1, 19.0, 2.0), (1, 30.0, 5.0, 5.0, 5.5, 1.0)]
    fills = fills_of((0, 30, 10.3, 0.01, 0.02), (1, 70, 20.0, -0.03, -0.01), (2, 5, 5.1, 0.02, 0.0))
    table = shortfall(orders_of(*map(np.array, zip(*rows, strict=True))), fills, mark="given").summary(np.array(["a", "a", "b"]))
    for weighting in ("order_weighted", "notional_weighted"):
        assert table.loc[list(PARTS), weighting].sum() == pytest.approx(table.loc["total", weighting], rel=1e-9)


def test_confidence_widens_the_interval_of_the_means():
    found = shortfall(THREE, plain((0, 100, 10.0), (1, 900, 10.0)), mark="given")
    narrow, wide = (found.summary(np.array([1, 2, 3]), level).loc["total"] for level in (0.5, 0.99))
    assert wide["low"] < narrow["low"] < narrow["high"] < wide["high"]


def test_a_frame_shows_money_bps_reasons_and_the_mark():
    frame = shortfall(THREE, plain((0, 100, 10.0), (1, 900, 10.0)), mark="session_close").to_frame()
    assert frame["total_bps"].tolist()[:2] == pytest.approx([100.0, 10.0])
    assert frame["total_reason"].tolist() == ["", "", "no price"]
    assert set(frame["mark"]) == {"session_close"}


@pytest.mark.parametrize(
    ("orders", "fills", "words"),
    [
        (ORDER, plain((1, 1, 10.0)), "fill 0 has 1: its parent"),
        (ORDER, plain((0, 0, 10.0)), "fill 0 has 0.0: a fill has shares"),
        (ORDER, plain((0, 1, 10.0), (0, 1, math.nan)), "fill 1 has nan: a fill has a price"),
        (ORDER, plain((0, 600, 10.0), (0, 500, 10.0)), "order 0 has 100.0: it cannot be filled beyond"),
        (ORDER, FILLS._replace(impact=FILLS.impact + 0.5), "fill 0 has 0.5: its price is rule price"),
        (ORDER._replace(side=np.array([0])), FILLS, "order 0 has 0: a side"),
        (ORDER._replace(quantity=np.array([0.0])), plain(), "order 0 has 0.0: an order has shares"),
        (ORDER._replace(fees=np.array([math.nan])), plain(), "order 0 has nan: fees"),
    ],
)
def test_what_cannot_be_is_refused(orders, fills, words):
    with pytest.raises(UsageError, match=words):
        shortfall(orders, fills, mark="given")


@pytest.mark.parametrize("part", ["total", "spread", "delay"])
def test_parts_that_do_not_add_up_are_refused(part):
    found = shortfall(ORDER, FILLS, mark="given")
    with pytest.raises(UsageError, match="do not add up"):
        replace(found, **{part: Estimable.of(getattr(found, part).values + 1e-3)})


# the index stands at 1000 at the decision, 1010 at the arrival, 1020 and 1030 at the fills, 1050 at the mark
INDEX = IndexLevels(prices(1000.0), prices(1010.0), prices(1050.0), np.array([1020.0, 1030.0]))


def test_less_the_index_every_share_is_adjusted_over_its_own_interval():
    adjusted, market = index_adjusted(ORDER, FILLS, INDEX, np.array([0.5]), mark="given")
    # 400 shares moved 2 % with the index, 300 moved 3 %, 300 left moved 5 %; half of it at a price of 100
    assert market.values[0] == pytest.approx(0.5 * 100 * (400 * 0.02 + 300 * 0.03 + 300 * 0.05))
    assert adjusted.total.values[0] == pytest.approx(3177 - market.values[0])
    assert adjusted.delay.values[0] == pytest.approx(1000 - 0.5 * 100 * 1000 * 0.01)
    assert adjusted.timing.values[0] == pytest.approx(1000 - 0.5 * 100 * (400 * 0.01 + 300 * 0.02))
    assert adjusted.opportunity.values[0] == pytest.approx(900 - 0.5 * 100 * 300 * 0.04)
    assert (adjusted.spread.values[0], adjusted.fees.values[0]) == (pytest.approx(70), 7)
    assert "index" in adjusted.mark


def test_an_order_that_is_not_filled_is_adjusted_by_beta_times_side_times_the_return_of_the_index():
    sell = orders_of(-1, 100, 50.0, 50.0, 51.0, 0.0)
    adjusted, _ = index_adjusted(sell, fills_of(), INDEX._replace(fills=np.zeros(0)), np.array([1.5]), mark="given")
    assert adjusted.bps()["total"].values[0] == pytest.approx(-200 + 1.5 * 500)


def test_a_share_that_moves_with_the_index_has_no_adjusted_cost_but_spread_impact_and_fees():
    beta = np.array([1.0])
    index = IndexLevels(ORDER.decision, ORDER.arrival, ORDER.mark, FILLS.rule_price)
    adjusted, _ = index_adjusted(ORDER, FILLS, index, beta, mark="given")
    assert adjusted.total.values[0] == pytest.approx(70 + 200 + 7)
    assert index_adjusted(ORDER, FILLS, index, 0 * beta, mark="given")[0].total.values[0] == pytest.approx(3177)


def test_an_index_that_is_not_known_leaves_the_adjusted_cost_not_estimable():
    adjusted, market = index_adjusted(ORDER, FILLS, INDEX._replace(mark=prices(math.nan)), np.array([1.0]), mark="given")
    assert (adjusted.total.reason[0], market.reason[0], adjusted.delay.reason[0]) == ("no price", "no price", "")


def test_live_fills_are_adjusted_too():
    adjusted, _ = index_adjusted(ORDER, plain((0, 400, 102.3), (0, 300, 103.5)), INDEX, np.array([0.5]), mark="given")
    assert adjusted.trading.values[0] == pytest.approx(1270 - 0.5 * 100 * (400 * 0.01 + 300 * 0.02))
    assert adjusted.timing.reason[0].startswith("the spread and the impact")


def test_the_marks_are_the_close_and_the_last_price_at_the_windows_end():
    rows = [(ns(DAYS[1], clock), p, p, p, p, 1.0, math.nan) for clock, p in (("10:00", 10.0), ("10:30", 20.0), ("15:30", 30.0))]
    hours = sessions("XNYS", ns(DAYS[0], "09:30"), ns(DAYS[-1], "16:00"))
    window = Windows(np.array([0]), np.array([ns(DAYS[1], "10:00")]), np.array([ns(DAYS[1], "12:00")]))
    view = View.of(bars_of({"A": rows}), hours, window)
    assert mark_price(view).values[0] == mark_price(view, "session_close").values[0] == 30.0
    assert mark_price(view, "window_end").values[0] == 20.0
    with pytest.raises(UnknownNameError, match="did you mean window_end"):
        mark_price(view, "window_ends")
