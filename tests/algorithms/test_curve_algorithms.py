"""Implementation shortfall, arrival price, target close and Obizhaeva-Wang: their curves, from the papers and from hand computation."""

import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exec_algos.algorithms.arrival_price import ArrivalPrice
from exec_algos.algorithms.base import parse_algorithm
from exec_algos.algorithms.curve import follow_curve
from exec_algos.algorithms.implementation_shortfall import ImplementationShortfall, linear_impact
from exec_algos.algorithms.obizhaeva_wang import ObizhaevaWang
from exec_algos.algorithms.target_close import TargetClose
from exec_algos.costs import SquareRootImpact
from exec_algos.errors import UsageError
from exec_algos.model import SECOND, Seen, Terms

KINDS = (ImplementationShortfall, ArrivalPrice, TargetClose, ObizhaevaWang)
KNOWN = {kind.name: kind for kind in KINDS}
DAY = 23_400
# Table 1 of Almgren and Chriss; eta less gamma tau / 2, which is all that their permanent impact changes in the trajectory
PAPER = {"volatility": 0.95, "temporary_impact": 2.5e-6 - 2.5e-7 / 2, "slice_interval_seconds": DAY}


def children(algorithm, quantity, bars, step=60):
    """What is released when each child is filled."""
    curve, done, sent = algorithm.curve(np.ones(bars), step * SECOND), 0, []
    for k, scheduled in enumerate(curve.tolist()):
        sent.append(algorithm.decide(Terms(1, quantity, len(curve)), Seen(k, scheduled, done, 0), algorithm.params()).lots)
        done += sent[-1]
    return sent


# Implementation shortfall


@pytest.mark.parametrize(
    ("risk_aversion", "left"),
    [(2e-6, [428598.8, 182932.8, 76295.7, 27643.4, 0]), (1e-6, [541955.6, 289854.2, 147897.5, 62141.8, 0]), (0, [8e5, 6e5, 4e5, 2e5, 0])],
)
def test_the_curve_is_what_the_paper_has_sold_after_each_day(risk_aversion, left):
    algorithm = ImplementationShortfall(risk_aversion=risk_aversion, **PAPER)
    np.testing.assert_allclose(1e6 * (1 - algorithm.done(5, DAY)), left, atol=0.05)


def test_137_shares_along_the_figure_of_the_paper_are_63_34_20_11_9():
    assert children(ImplementationShortfall(risk_aversion=1e-6, **PAPER), 137, 5, DAY) == [63, 34, 20, 11, 9]


def test_a_slice_of_several_bars_is_one_slice_of_the_paper():
    algorithm = ImplementationShortfall(risk_aversion=1e-6, **PAPER)
    assert children(algorithm, 137, 5 * 13, DAY // 13) == [63, 34, 20, 11, 9]
    assert children(algorithm, 137, 5 * 390, 60) == [63, 34, 20, 11, 9]


def test_a_last_slice_that_the_window_cuts_short_counts_whole():
    algorithm = ImplementationShortfall(risk_aversion=1e-6, **PAPER)
    assert children(algorithm, 137, 4 * 13 + 1, DAY // 13) == [63, 34, 20, 11, 9]


def test_slices_are_those_that_the_bars_allow():
    slow = ImplementationShortfall(half_life_seconds=3600, slice_interval_seconds=60)
    half_hours = slow.curve(np.ones(4), 1800 * SECOND)
    np.testing.assert_allclose(1 - half_hours, [math.sinh(0.5 * (4 - k)) / math.sinh(2) for k in (1, 2, 3, 4)], atol=1e-15)


@pytest.mark.parametrize("half_life", [600, 1800, 7200])
def test_the_half_life_is_the_time_in_which_a_long_order_falls_by_the_factor_e(half_life):
    algorithm = ImplementationShortfall(half_life_seconds=half_life)
    left = 1 - algorithm.done(6000, 60)
    k = half_life // 60
    assert left[2 * k - 1] / left[k - 1] == pytest.approx(math.exp(-1), rel=1e-5)


def test_both_ways_say_the_same():
    # kappa 0.6070761632 a day, of the published example
    slow = ImplementationShortfall(half_life_seconds=DAY / 0.6070761632470627, slice_interval_seconds=DAY)
    np.testing.assert_allclose(slow.done(5, DAY), ImplementationShortfall(risk_aversion=1e-6, **PAPER).done(5, DAY), rtol=1e-13)


def test_without_parameters_the_half_life_is_half_an_hour():
    np.testing.assert_array_equal(ImplementationShortfall().done(30, 60), ImplementationShortfall(half_life_seconds=1800).done(30, 60))


@pytest.mark.parametrize(
    "change", [{"risk_aversion": 2e-6}, {"volatility": 1.9}, {"temporary_impact": 1e-6}, {"day_seconds": 3600.0}], ids=str
)
def test_more_risk_less_impact_and_a_shorter_day_trade_faster(change):
    base = {**PAPER, "risk_aversion": 1e-6}
    slow, fast = ImplementationShortfall(**base), ImplementationShortfall(**{**base, **change})
    assert np.all(fast.done(5, DAY)[:-1] > slow.done(5, DAY)[:-1])


def test_the_curve_knows_volatility_and_impact_only_by_kappa():
    base = ImplementationShortfall(risk_aversion=1e-6, volatility=1.0, temporary_impact=1e-6)
    same = ImplementationShortfall(risk_aversion=4e-6, volatility=2.0, temporary_impact=16e-6)
    np.testing.assert_allclose(same.done(7, 600), base.done(7, 600), rtol=1e-14)
    assert base.step(DAY) == pytest.approx(math.acosh(1 + 1 / 2))  # cosh(kappa tau) = 1 + (kappa_tilde tau)^2 / 2, kappa_tilde 1 a day


@pytest.mark.parametrize("half_life", [5e-324, 1e-12, 0.05, 1e300])
def test_no_half_life_overflows(half_life):
    curve = ImplementationShortfall(half_life_seconds=half_life).done(400, 60)
    expected = np.arange(1, 401) / 400 if half_life > 1 else np.ones(400)
    np.testing.assert_allclose(curve, expected, rtol=1e-12)


@pytest.mark.parametrize(("risk_aversion", "impact"), [(1e308, 5e-324), (5e-324, 1e308)])
def test_no_risk_aversion_overflows(risk_aversion, impact):
    curve = ImplementationShortfall(risk_aversion=risk_aversion, volatility=1e3, temporary_impact=impact).done(3, 60)
    np.testing.assert_allclose(curve, [1, 1, 1] if risk_aversion > 1 else [1 / 3, 2 / 3, 1])


# the impact of the fill model, made linear


def test_the_linear_impact_costs_what_the_square_root_costs_at_the_named_participation():
    # 4 % of 5,000,000 shares a day: sqrt(0.04) of 10 bps of 50 is 0.01 a share, at 200,000 shares a day
    eta = linear_impact(SquareRootImpact(0.001), price=50, daily_volume=5e6, participation=0.04)
    assert eta == pytest.approx(0.01 / 200_000)
    assert linear_impact(SquareRootImpact(0.001), price=50, daily_volume=5e6) == pytest.approx(0.001 * 50 * math.sqrt(0.1) / 5e5)


@pytest.mark.parametrize(
    ("change", "factor"),
    [({"price": 100}, 2), ({"daily_volume": 1e7}, 0.5), ({"participation": 0.16}, 0.5), ({"impact": SquareRootImpact(0.003)}, 3)],
    ids=str,
)
def test_the_linear_impact_scales_with_each_argument(change, factor):
    base = {"impact": SquareRootImpact(0.001), "price": 50, "daily_volume": 5e6, "participation": 0.04}
    assert linear_impact(**{**base, **change}) == pytest.approx(factor * linear_impact(**base))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"price": 0}, "price must be positive and finite, got 0"),
        ({"daily_volume": math.nan}, "daily_volume must be positive and finite, got nan"),
        ({"participation": 10}, r"participation is a fraction in \(0, 1\], got 10; 10 % is 0.1"),
        ({"participation": 0}, "participation must be positive"),
        ({"impact": SquareRootImpact(0.0)}, "costs nothing, so all is best traded at once"),
    ],
    ids=str,
)
def test_an_impact_that_cannot_be_made_linear_is_refused(change, message):
    with pytest.raises(UsageError, match=message):
        linear_impact(**{"impact": SquareRootImpact(0.001), "price": 50, "daily_volume": 5e6, **change})


# Arrival price


@pytest.mark.parametrize("urgency", [0.0, 0.25, 0.5, 0.6, 0.9, 0.999])
@pytest.mark.parametrize("slices", [2, 10, 390])
def test_the_urgency_is_what_is_done_beyond_half_after_half_of_the_window(urgency, slices):
    assert ArrivalPrice(urgency=urgency).done(slices, 60)[slices // 2 - 1] == pytest.approx((1 + urgency) / 2, abs=1e-12)


def test_urgency_0_6_over_four_slices_is_computed_by_hand():
    # sech(kappa T / 2) = 0.4, cosh of it 2.5; one and three quarters by the half-angle formula
    half, whole = math.acosh(2.5), 2 * math.acosh(2.5)
    expected = [1 - math.sinh(1.5 * half) / math.sinh(whole), 0.8, 1 - math.sqrt((2.5 - 1) / 2) / (2 * math.sqrt(5.25) * 2.5), 1]
    np.testing.assert_allclose(ArrivalPrice(urgency=0.6).done(4, 60), expected, rtol=1e-14)
    assert children(ArrivalPrice(urgency=0.6), 1000, 4) == [546, 254, 124, 76]


def test_urgency_0_is_twap():
    np.testing.assert_allclose(ArrivalPrice(urgency=0).done(10, 60), np.arange(1, 11) / 10, rtol=1e-15)


def test_the_arrival_price_stretches_with_the_window():
    np.testing.assert_array_equal(ArrivalPrice().done(10, 60), ArrivalPrice().done(10, 3600))


# Target close


@given(st.integers(1, 60), st.floats(30, 1e5))
def test_without_an_auction_target_close_is_implementation_shortfall_backwards(slices, half_life):
    forward = np.diff(ImplementationShortfall(half_life_seconds=half_life).done(slices, 60), prepend=0)
    backward = np.diff(TargetClose(half_life_seconds=half_life, auction_fraction=0).done(slices, 60), prepend=0)
    np.testing.assert_allclose(backward, forward[::-1], atol=1e-14)


def test_the_paper_sold_backwards_is_9_11_20_34_63():
    mirror = TargetClose(half_life_seconds=DAY / 0.6070761632470627, auction_fraction=0, slice_interval_seconds=DAY)
    assert children(mirror, 137, 5, DAY) == [9, 11, 20, 34, 63]


def test_the_mirror_has_the_least_cost_and_risk_against_the_close():
    # kappa_tilde^2 = 2 (cosh(1) - 1) a slice: E + lambda V is the sum of squared trades and kappa_tilde^2 times squared holdings
    risk = 2 * (math.cosh(1) - 1)
    best = TargetClose(half_life_seconds=60, auction_fraction=0).done(6, 60)

    def cost(done):
        return (np.diff(done, prepend=0) ** 2).sum() + risk * (done**2).sum()

    rng = np.random.default_rng(1)
    others = [best + np.append(rng.normal(0, 1e-3, 5), 0) for _ in range(200)]
    assert cost(best) < min(map(cost, others))


def test_the_auctions_part_is_the_last_slice():
    # half-life of two slices before the auction: sinh(k / 2) / sinh(2) of three quarters
    expected = [0.75 * math.sinh(k / 2) / math.sinh(2) for k in (1, 2, 3, 4)]
    np.testing.assert_allclose(TargetClose(half_life_seconds=120, auction_fraction=0.25).done(5, 60), [*expected, 1], rtol=1e-14)
    assert children(TargetClose(auction_fraction=0.25), 1000, 390)[-1] == 250


def test_nothing_is_scheduled_while_the_auction_is_called():
    # 15:00 to 15:30 in Seoul by minutes: the last one carries the auction, the nine before it nothing
    sent = children(TargetClose(auction_fraction=0.3, auction_seconds=600), 1000, 30)
    assert sent[20:] == [0] * 9 + [300]
    assert all(one > 0 for one in sent[:20])
    assert sum(sent[:20]) == 700


def test_an_auction_without_a_part_of_it_ends_the_order_before():
    assert children(TargetClose(auction_fraction=0, auction_seconds=90), 90, 5)[3:] == [0, 0]


def test_all_may_be_kept_for_the_auction():
    assert children(TargetClose(auction_fraction=1), 100, 4) == [0, 0, 0, 100]


@pytest.mark.parametrize(("bars", "seconds"), [(1, 0), (1, 600), (5, 600), (10, 600)])
def test_a_window_that_lies_within_the_auction_is_one_child(bars, seconds):
    assert children(TargetClose(auction_seconds=seconds), 100, bars) == [0] * (bars - 1) + [100]


# Obizhaeva-Wang


def test_the_blocks_are_those_of_the_published_closed_form():
    # X = 1e5, rho T = 2.2, N = 10: eleven trades, so a window of eleven slices
    sent = np.diff(1e5 * ObizhaevaWang(resilience=2.2 / 6000).done(11, 600), prepend=0)
    np.testing.assert_allclose(sent, [26473.72, *[5228.06] * 9, 26473.72], atol=0.01)


def test_the_trades_of_a_book_that_recovers_by_half_are_computed_by_hand():
    # a = 1/2 after a slice of 60 s: ends 1 / (2 + 3/2) = 2/7, between 1/7
    algorithm = ObizhaevaWang(recovery_seconds=60)
    assert children(algorithm, 700, 5) == [200, 100, 100, 100, 200]
    assert children(algorithm, 700, 10, 30) == [200, 100, 100, 100, 200]  # two bars a slice


def test_the_trades_cost_least_in_a_book_that_recovers():
    # the first-order condition of min x'Gx with sum 1: G x is the same at every trade
    x = np.diff(ObizhaevaWang(resilience=0.003).done(8, 120), prepend=0)
    times = 120.0 * np.arange(8)
    marginal = np.exp(-0.003 * abs(times[:, None] - times)) @ x
    np.testing.assert_allclose(marginal, marginal[0], rtol=1e-13)


@pytest.mark.parametrize(("resilience", "expected"), [(0, [50, 0, 0, 50]), (1e9, [25, 25, 25, 25]), (math.inf, [25, 25, 25, 25])])
def test_a_dead_book_is_traded_at_both_ends_and_a_lively_one_evenly(resilience, expected):
    assert children(ObizhaevaWang(resilience=resilience), 100, 4) == expected


@pytest.mark.parametrize("algorithm", [ObizhaevaWang(), ObizhaevaWang(resilience=0), ObizhaevaWang(recovery_seconds=1e-3)], ids=str)
def test_few_slices_are_one_child_and_two_halves(algorithm):
    assert children(algorithm, 100, 1) == [100]
    assert children(algorithm, 100, 2) == [50, 50]


def test_resilience_is_log_2_over_the_recovery_and_without_either_that_takes_five_minutes():
    np.testing.assert_array_equal(ObizhaevaWang().done(9, 60), ObizhaevaWang(recovery_seconds=300).done(9, 60))
    np.testing.assert_allclose(ObizhaevaWang().done(9, 60), ObizhaevaWang(resilience=math.log(2) / 300).done(9, 60), rtol=1e-15)


# all four

plans = st.one_of(
    st.builds(ImplementationShortfall, half_life_seconds=st.floats(1e-3, 1e7)),
    st.builds(ImplementationShortfall, risk_aversion=st.floats(0, 1), volatility=st.floats(0, 100), temporary_impact=st.floats(1e-12, 1)),
    st.builds(ArrivalPrice, urgency=st.floats(0, 1, exclude_max=True)),
    st.builds(
        TargetClose, half_life_seconds=st.floats(1e-3, 1e7), auction_fraction=st.floats(0, 1), auction_seconds=st.sampled_from([0, 90, 600])
    ),
    st.builds(ObizhaevaWang, resilience=st.floats(0, 10)),
)


@given(plans, st.integers(1, 80), st.integers(1, 10**6))
def test_a_curve_never_falls_ends_at_one_and_its_children_add_up(algorithm, bars, quantity):
    curve = algorithm.curve(np.ones(bars), 60 * SECOND)
    assert curve.shape == (bars,)
    assert np.all(np.diff(curve, prepend=0) >= 0)
    assert curve[-1] == 1
    sent = children(algorithm, quantity, bars)
    assert sum(sent) == quantity
    assert all(abs(sum(sent[: k + 1]) - Fraction(float(curve[k])) * quantity) <= Fraction(1, 2) + Fraction(1, 10**6) for k in range(bars))


@given(plans, st.integers(1, 80))
def test_the_weights_are_the_steps_of_the_curve_where_a_slice_is_a_bar(algorithm, bars):
    assert algorithm.weights(np.ones(bars)).cumsum() == pytest.approx(algorithm.curve(np.ones(bars), 60 * SECOND), abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_curve_is_followed_and_no_market_is_looked_at(kind):
    algorithm = kind()
    assert algorithm.decide is follow_curve
    assert (algorithm.watches, algorithm.history_days) == (False, 0)


@pytest.mark.parametrize(
    ("text", "algorithm"),
    [
        ("implementation_shortfall", ImplementationShortfall()),
        ("implementation_shortfall:half_life_seconds=900", ImplementationShortfall(half_life_seconds=900)),
        (
            "implementation_shortfall:risk_aversion=1e-06,volatility=0.95,temporary_impact=2.5e-06",
            ImplementationShortfall(risk_aversion=1e-6, volatility=0.95, temporary_impact=2.5e-6),
        ),
        ("arrival_price:urgency=0.6", ArrivalPrice(urgency=0.6)),
        ("arrival_price:slice_interval_seconds=300,urgency=0", ArrivalPrice(urgency=0, slice_interval_seconds=300)),
        ("target_close:auction_fraction=0.3,auction_seconds=600", TargetClose(auction_fraction=0.3, auction_seconds=600)),
        ("obizhaeva_wang:resilience=0.002", ObizhaevaWang(resilience=0.002)),
        ("obizhaeva_wang:recovery_seconds=120", ObizhaevaWang(recovery_seconds=120)),
    ],
)
def test_each_has_a_text_form(text, algorithm):
    assert parse_algorithm(text, KNOWN) == algorithm
    assert str(algorithm) == text
    assert pickle.loads(pickle.dumps(algorithm)) == algorithm


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("implementation_shortfall:half_life_seconds=0", "half_life_seconds must be positive and finite, got 0.0"),
        ("implementation_shortfall:half_life_seconds=inf", "half_life_seconds must be positive and finite, got inf"),
        ("implementation_shortfall:day_seconds=0", "day_seconds must be positive"),
        (
            "implementation_shortfall:risk_aversion=1e-6",
            "say how fast in one way: half_life_seconds alone, or risk_aversion, vol.* 1e-06, None",
        ),
        ("implementation_shortfall:volatility=1,temporary_impact=1", "say how fast in one way"),
        ("implementation_shortfall:half_life_seconds=60,volatility=1", "say how fast in one way"),
        ("implementation_shortfall:half_life_seconds=60,risk_aversion=1,volatility=1,temporary_impact=1", "say how fast in one way"),
        (
            "implementation_shortfall:risk_aversion=-1,volatility=1,temporary_impact=1",
            "risk_aversion must be at least 0 and finite, got -1",
        ),
        ("implementation_shortfall:risk_aversion=1,volatility=nan,temporary_impact=1", "volatility must be at least 0 and finite, got nan"),
        ("implementation_shortfall:risk_aversion=1,volatility=1,temporary_impact=0", "temporary_impact must be positive and finite, got 0"),
        ("arrival_price:urgency=1", "urgency must be at least 0 and below 1, got 1.0: 0.6 has 80 % done"),
        ("arrival_price:urgency=-0.1", "urgency must be at least 0 and below 1, got -0.1"),
        ("arrival_price:urgency=nan", "urgency must be at least 0 and below 1, got nan"),
        ("target_close:half_life_seconds=-5", "half_life_seconds must be positive and finite, got -5"),
        ("target_close:auction_fraction=10", r"auction_fraction is a fraction in \[0, 1\], got 10.0; 10 % is 0.1"),
        ("target_close:auction_seconds=-1", "auction_seconds must be at least 0 and finite, got -1"),
        ("obizhaeva_wang:resilience=-1", "resilience must be at least 0 per second, got -1"),
        ("obizhaeva_wang:resilience=nan", "resilience must be at least 0 per second, got nan"),
        ("obizhaeva_wang:recovery_seconds=0", "recovery_seconds must be positive and finite, got 0"),
        ("obizhaeva_wang:resilience=1,recovery_seconds=1", "give resilience or recovery_seconds, not both; got 1.0 and 1.0"),
        *((f"{name}:slice_interval_seconds=0", "slice_interval_seconds must be positive") for name in KNOWN),
    ],
)
def test_a_parameter_out_of_range_is_refused_with_its_value(text, message):
    with pytest.raises(UsageError, match=message):
        parse_algorithm(text, KNOWN)
