"""The three laws of impact: published numbers, closed forms, and what later executions meet."""

import asyncio
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import DAYS, STEP, bars_of, ns
from numba import njit

from exec_algos import FillModel, SimulatedBroker
from exec_algos.compiling import compilable
from exec_algos.costs import AlmgrenImpact, FixedSpread, SquareRootImpact, TransientImpact
from exec_algos.costs.metaorder import square_root_cost
from exec_algos.costs.propagator import ImpactTerms, own_impact
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.fills import price_parts
from exec_algos.trajectories.obizhaeva_wang import ObizhaevaWang, discrete_cost

OPEN = ns(DAYS[0], "09:30")
MINUTE = 60 * 10**9
SESSION = 390  # minutes
IBM = AlmgrenImpact(volatility=0.0157, daily_volume=6.561e6, shares_outstanding=1.728e9)


def flat(n, *, step=STEP, price=100.0, volume=1000.0):
    """Bars that trade `volume` shares at one price each."""
    return bars_of({"A": [(OPEN + i * step, price, price, price, price, volume, math.nan) for i in range(n)]}, step=step)


def traded(sizes, impact, *, side="BUY", bars=None, **knobs):
    """Fills of one child a bar, of these sizes, each a parent order of its own; 0 trades nothing."""
    bars = flat(len(sizes)) if bars is None else bars
    broker = SimulatedBroker(bars, fill_model=FillModel(impact=impact, **knobs))
    sides = [side] * len(sizes) if isinstance(side, str) else side

    async def work():
        fills = []
        for i, size in enumerate(sizes):
            await broker.clock.sleep_until(OPEN + i * bars.step)
            if size:
                fills.append(await broker.place_order("A", size, side=sides[i]))
        return fills

    return asyncio.run(work())


def cost(fills, price=100.0):
    """Currency lost against `price`."""
    return math.fsum(one.quantity * (one.fill_price - price) * one.side for one in fills)


# the table of the paper


@pytest.mark.parametrize(
    ("days", "permanent", "temporary", "total"),
    [(0.1, 19.859701911852525, 22.294, 32.224), (0.2, 19.859701911852525, 14.708554681385447, 24.638), (0.5, 19.8597, 8.488012, 18.418)],
)
def test_the_ibm_rows_of_almgren_and_others_2005(days, permanent, temporary, total):
    found = IBM.cost(656_100, days=days)
    assert found == pytest.approx((permanent, temporary, total), abs=5e-4)


@pytest.mark.parametrize(("knob", "value"), [("gamma", 0.5), ("eta", 0.2), ("beta", 0.5), ("delta", 0.5), ("volatility", 0.02)])
def test_every_number_of_the_fit_counts(knob, value):
    other = AlmgrenImpact(**{**asdict(IBM), knob: value})
    assert other.cost(656_100, days=0.2) != IBM.cost(656_100, days=0.2)
    assert other.terms("A", STEP) != IBM.terms("A", STEP)


def test_an_order_spread_evenly_over_the_day_pays_what_almgren_says_of_it():
    impact = AlmgrenImpact(volatility=0.02, daily_volume=390_000, shares_outstanding=4e7)
    fills = traded([100] * SESSION, impact, bars=flat(SESSION, step=MINUTE))
    assert 1e4 * cost(fills) / (39_000 * 100) == pytest.approx(impact.cost(39_000, days=1.0).total, rel=1e-9)


def test_almgrens_permanent_part_is_met_a_day_later_and_its_temporary_part_is_not():
    bars = bars_of({"A": [(ns(day, "09:30"), *[100.0] * 4, 1000.0, math.nan) for day in DAYS[:2]]})
    broker = SimulatedBroker(bars, fill_model=FillModel(impact=IBM), calendar="XNYS")

    async def work():
        first = await broker.place_order("A", 5000)
        await broker.clock.sleep_until(ns(DAYS[1], "09:30"))
        return first, await broker.place_order("A", 1)

    first, second = asyncio.run(work())
    moved = IBM.cost(5000, days=1.0).permanent / 1e4
    own = IBM.cost(1, days=1.0).permanent / 2e4 + IBM.cost(1, days=1 / 13).temporary / 1e4
    assert (second.time - first.time) / 1e9 == 24 * 3600
    assert second.fill_price == pytest.approx(100 * (1 + moved + own), rel=1e-12)


# decay


@pytest.mark.parametrize("gap", [1, 2, 5, 12])
@pytest.mark.parametrize("half_life", [600.0, 1800.0, 9000.0])
def test_a_later_child_pays_what_the_half_life_has_left(gap, half_life):
    first, second = traded([100, *[0] * (gap - 1), 10], TransientImpact(0.01, half_life_seconds=half_life))
    assert first.fill_price == pytest.approx(100 * (1 + 0.001 / 2), rel=1e-14)
    assert second.fill_price == pytest.approx(100 * (1 + 0.001 * 2 ** (-gap * 1800 / half_life) + 0.0001 / 2), rel=1e-13)
    assert first.parent_id != second.parent_id


@pytest.mark.parametrize("gap", [1, 3, 12])
@pytest.mark.parametrize("power", [0.1, 0.5, 1.5])
def test_a_power_law_keeps_its_stated_error(gap, power):
    _, second = traded([1000, *[0] * (gap - 1), 10], TransientImpact(0.01, decay_power=power, decay_seconds=700.0))
    left = (second.fill_price / 100 - 1 - 0.0001 / 2) / 0.01
    assert left == pytest.approx((1 + gap * 1800 / 700.0) ** -power, abs=1e-4)


@pytest.mark.parametrize("power", [0.1, 0.3, 0.5, 0.8, 1.2, 1.5])
def test_the_sum_of_exponentials_is_the_power_law_from_0_to_500_000_of_its_seconds(power):
    weights, rates = TransientImpact(0.01, decay_power=power, decay_seconds=1.0).decay()
    times = np.concatenate([[0.0], np.geomspace(1e-4, 5e5, 2000)])
    kept = np.array(weights) @ np.exp(-np.outer(rates, times))
    assert kept[0] == pytest.approx(1.0, rel=1e-12)
    np.testing.assert_allclose(kept, (1 + times) ** -power, atol=1e-4)


@pytest.mark.parametrize("stays", [{"half_life_seconds": math.inf}, {"half_life_seconds": 1e-3, "permanent": 1.0}])
def test_what_is_permanent_stays(stays):
    _, second = traded([100, *[0] * 10, 10], TransientImpact(0.01, **stays))
    assert second.fill_price == pytest.approx(100 * (1 + 0.001 + 0.0001 / 2), rel=1e-13)


def test_a_part_that_is_permanent_stays_and_the_rest_dies():
    _, second = traded([100, *[0] * 10, 10], TransientImpact(0.01, half_life_seconds=1.0, permanent=0.25))
    assert second.fill_price == pytest.approx(100 * (1 + 0.25 * 0.001 + 0.0001 / 2), rel=1e-13)


def test_another_symbol_is_not_displaced():
    rows = [(OPEN + i * STEP, *[100.0] * 4, 1000.0, math.nan) for i in range(3)]
    model = FillModel(impact=TransientImpact(0.01, half_life_seconds=math.inf, daily_volume={"A": 1000, "B": 500}))
    broker = SimulatedBroker(bars_of({"A": rows, "B": rows}), fill_model=model)

    async def work():
        return [(await broker.place_order(symbol, 100)).fill_price for symbol in "AAB"]

    assert asyncio.run(work()) == pytest.approx([100.05, 100.15, 100.1], rel=1e-13)


def test_a_symbol_without_its_number_is_named():
    with pytest.raises(UnknownNameError, match="symbol of the impact"):
        traded([1], TransientImpact(0.01, half_life_seconds=60, daily_volume={"AA": 1000}))


def test_a_sale_gets_more_after_a_purchase():
    _, sale = traded([100, 10], TransientImpact(0.01, half_life_seconds=1800), side=["BUY", "SELL"])
    assert sale.fill_price == pytest.approx(100 * (1 + 0.001 / 2 - 0.0001 / 2), rel=1e-13)


def test_two_children_of_one_bar_meet_each_other_in_the_order_they_came():
    broker = SimulatedBroker(flat(3), fill_model=FillModel(impact=TransientImpact(0.01, half_life_seconds=60)))

    async def work():
        return await asyncio.gather(broker.place_order("A", 100), broker.place_order("A", 100))

    assert [one.fill_price for one in asyncio.run(work())] == pytest.approx([100.05, 100.15], rel=1e-13)


# what an order pays in all


def spaced(n):
    """3,900 shares in n equal children over the bars of a day."""
    sizes = [0] * SESSION
    for i in range(n):
        sizes[i * (SESSION // n)] = 3900 // n
    return sizes


def cost_of_slices(impact, n):
    return 1e4 * cost(traded(spaced(n), impact, bars=flat(SESSION, step=MINUTE))) / (3900 * 100)


def test_the_cost_of_an_order_does_not_vanish_as_its_slices_grow_in_number():
    """Constant rate, linear and exponential: ``kappa (X / T)**2 (T / rho - (1 - exp(-rho T)) / rho**2)``, per share."""
    half_life = 1800.0
    rho, T = math.log(2) / half_life, SESSION * 60.0
    limit = 1e4 * 0.05 * 3900 / 39_000 / T**2 * (T / rho - (1 - math.exp(-rho * T)) / rho**2)
    impact = TransientImpact(0.05, half_life_seconds=half_life, daily_volume=39_000)
    found = [cost_of_slices(impact, n) for n in (10, 78, 390)]
    assert found[0] > found[1] > found[2] > limit
    assert found[2] == pytest.approx(limit, rel=0.01)


def test_that_of_an_impact_which_is_forgotten_at_once_does_vanish():
    """The fault that the other two laws avoid: n times the slices pay 1 / sqrt(n) of the cost."""
    one, many = (cost_of_slices(SquareRootImpact(0.001), n) for n in (1, 390))
    assert many == pytest.approx(one / math.sqrt(390), rel=1e-12)


@pytest.mark.parametrize(("size", "share"), [("linear", 1 / 2), ("square_root", 2 / 3)])
def test_an_execution_pays_the_average_over_itself_and_leaves_its_peak(size, share):
    first, second = traded([250, 250], TransientImpact(0.02, size, half_life_seconds=math.inf))
    peak = 0.02 * (0.25 if size == "linear" else 0.5)
    assert first.fill_price == pytest.approx(100 * (1 + share * peak), rel=1e-14)
    assert second.fill_price == pytest.approx(100 * (1 + peak + share * peak), rel=1e-14)


KAPPA = 100 * 0.02 / 1e6  # currency per share squared: price x coefficient / daily volume


@pytest.mark.parametrize(("N", "half_life"), [(10, 3600.0), (10, 20_000.0), (4, 900.0)])
def test_the_best_trades_of_obizhaeva_and_wang_cost_what_they_say_and_less_than_equal_ones(N, half_life):
    plan = ObizhaevaWang(quantity=1e6, horizon=N * 1800.0, slices=N, resilience=math.log(2) / half_life, depth=1 / KAPPA)
    impact = TransientImpact(0.02, half_life_seconds=half_life, daily_volume=1e6)
    best = [int(one) for one in plan.trades().round()]
    paid = cost(traded(best, impact))
    assert paid == pytest.approx(discrete_cost(plan), rel=1e-5)
    assert paid < cost(traded([10**6 // (N + 1)] * (N + 1), impact))


# parts, mirror, scale


children = st.lists(st.integers(0, 900), min_size=1, max_size=13)
laws = st.sampled_from(
    [
        None,
        SquareRootImpact(0.01),
        TransientImpact(0.01, half_life_seconds=1800),
        TransientImpact(0.03, "square_root", decay_power=0.4, decay_seconds=60, permanent=0.1),
        AlmgrenImpact(volatility=0.03, daily_volume=13_000, shares_outstanding=1e7),
    ]
)
half_spreads = st.sampled_from([None, FixedSpread(20)])


@given(children, laws, half_spreads)
@settings(deadline=None, max_examples=60)
def test_the_parts_of_a_fill_make_its_price_and_each_is_a_cost(sizes, impact, spread):
    for one in traded(sizes, impact, spread=spread):
        assert one.rule_price + one.spread + one.impact == pytest.approx(one.fill_price, rel=1e-12)
        assert one.rule_price == 100.0
        assert one.spread == pytest.approx(0.1 if spread else 0.0, rel=1e-9)
        assert one.impact > 0 if impact else one.impact == 0
        assert one.taxes == 0


@given(children, laws, half_spreads)
@settings(deadline=None, max_examples=40)
def test_a_sale_is_a_purchase_in_the_mirror(sizes, impact, spread):
    bought, sold = (traded(sizes, impact, side=side, spread=spread) for side in ("BUY", "SELL"))
    ups, downs = ([one.side * (one.fill_price - 100) for one in fills] for fills in (bought, sold))
    # the level of a sale counts from half a spread below, not above
    assert ups == pytest.approx(downs, rel=1e-2 if spread and impact else 1e-9, abs=1e-9)


@given(children, laws, half_spreads)
@settings(deadline=None, max_examples=40)
def test_twice_the_price_is_twice_the_money_and_the_same_bps(sizes, impact, spread):
    once, twice = (traded(sizes, impact, bars=flat(len(sizes), price=price), spread=spread) for price in (100.0, 200.0))
    for one, two in zip(once, twice, strict=True):
        for name in ("fill_price", "rule_price", "spread", "impact"):
            assert getattr(two, name) == 2 * getattr(one, name)


def test_a_child_of_several_bars_has_the_mean_parts():
    (whole,) = traded([900, 0, 0, 0], TransientImpact(0.01, half_life_seconds=1800), spread=FixedSpread(10), max_participation=0.3)
    assert [one.quantity for one in whole.parts] == [300] * 3
    assert whole.rule_price + whole.spread + whole.impact == pytest.approx(whole.fill_price, rel=1e-12)
    assert whole.impact == pytest.approx(sum(one.impact for one in whole.parts) / 3, rel=1e-12)


@pytest.mark.parametrize(
    ("side", "limit", "rule", "quoted", "paid", "parts"),
    [
        (1, math.nan, 10.0, 10.5, 12.0, (10.0, 0.5, 1.5)),
        (1, 20.0, 10.0, 10.5, 11.0, (10.0, 0.5, 0.5)),
        (1, 10.25, 10.0, 10.5, 10.25, (10.0, 0.25, 0.0)),  # the limit leaves half of the spread's half, and no room for impact
        (1, 9.5, 10.0, 10.5, 9.5, (9.5, 0.0, 0.0)),  # held at its limit
        (-1, 9.75, 10.0, 9.5, 9.75, (10.0, -0.25, 0.0)),
        (-1, math.nan, 10.0, 9.5, 9.0, (10.0, -0.5, -0.5)),
    ],
)
def test_the_parts_of_a_price_in_a_bar_from_9_to_13(side, limit, rule, quoted, paid, parts):
    assert price_parts(side, limit, rule, quoted, paid, 9.0, 13.0) == parts


# limits


def test_a_limit_that_the_displaced_bar_does_not_reach_is_not_filled():
    """500 shares have moved the bar from 100 to 100.5: of three limits at 100.2, 100.502 and 101 the lowest waits."""
    broker = SimulatedBroker(flat(4), fill_model=FillModel(impact=TransientImpact(0.01, half_life_seconds=math.inf)))

    async def work():
        await broker.place_order("A", 500)
        waiting = (broker.place_order("A", 10, "LMT", limit) for limit in (100.2, 100.502, 101.0))
        return await asyncio.gather(*waiting)

    low, middle, high = asyncio.run(work())
    assert low.quantity == 0
    assert (middle.quantity, middle.fill_price) == (10, pytest.approx(100.5, rel=1e-12))
    assert (high.quantity, high.fill_price) == (10, pytest.approx(100.51, rel=1e-12))  # the displaced bar's high, no more


# what is refused, and what is written down


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({}, "half_life_seconds, or by decay_power and decay_seconds; got neither"),
        ({"half_life_seconds": 60, "decay_power": 0.5, "decay_seconds": 1}, "got {"),
        ({"decay_power": 0.5}, "got {"),
        ({"half_life_seconds": 0}, "half_life_seconds must be a number above 0, got 0"),
        ({"half_life_seconds": math.nan}, "half_life_seconds must be"),
        ({"decay_power": 2, "decay_seconds": 1}, "decay_power must be from 0.1 to 1.5, got 2"),
        ({"half_life_seconds": 60, "permanent": 1.5}, "permanent must be"),
        ({"half_life_seconds": 60, "daily_volume": -1}, "daily_volume must be a number above 0, got -1"),
        ({"half_life_seconds": 60, "daily_volume": {"A": 0}}, "daily_volume of A must be a number above 0, got 0"),
        ({"half_life_seconds": 60, "daily_volume": "many"}, "or one for each symbol"),
    ],
)
def test_a_transient_impact_that_cannot_be_is_refused_by_name(knobs, said):
    with pytest.raises(UsageError, match=said):
        TransientImpact(0.01, **knobs)


def test_an_unknown_size_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="square_root"):
        TransientImpact(0.01, "square_rot", half_life_seconds=60)


@pytest.mark.parametrize("knob", ["volatility", "daily_volume", "shares_outstanding", "session_seconds", "beta"])
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_an_almgren_impact_that_cannot_be_is_refused_by_name(knob, value):
    with pytest.raises(UsageError, match=knob):
        AlmgrenImpact(**{**asdict(IBM), knob: value})


COMPILED = njit(compilable(own_impact))


@given(st.floats(0.3, 1.1), st.floats(1e-3, 1e7), st.floats(1e-3, 1e7), st.sampled_from([0.0, 1e5]))
@settings(deadline=None, max_examples=300)
@pytest.mark.slow
def test_the_compiled_power_is_the_interpreted_one_to_the_last_bit(power, shares, volume, daily):
    terms = ImpactTerms(0.02, power, daily, 0.01, 0.5, 0.0)
    assert COMPILED(terms, shares, volume) == own_impact(terms, shares, volume)


@pytest.mark.parametrize(
    ("prefactor", "volatility", "size", "peak"), [(1, 0.02, 0.01, 20.0), (0.5, 0.01, 1e-4, 0.5), (0.5, 0.02, 0.1, 31.622776601683793)]
)
def test_the_average_cost_of_the_square_root_law_is_two_thirds_of_its_peak(prefactor, volatility, size, peak):
    found = square_root_cost(size * 1e6, daily_volume=1e6, volatility=volatility, prefactor=prefactor)
    assert found == pytest.approx((peak, peak / 1.5), rel=1e-12)


@pytest.mark.parametrize("wrong", [{"shares": -1}, {"daily_volume": 0}, {"volatility": 2}, {"prefactor": -1}])
def test_a_cost_of_what_cannot_be_is_refused_by_name(wrong):
    terms = {"shares": 1, "daily_volume": 1e6, "volatility": 0.02} | wrong
    with pytest.raises(UsageError, match=next(iter(wrong))):
        square_root_cost(terms.pop("shares"), **terms)
