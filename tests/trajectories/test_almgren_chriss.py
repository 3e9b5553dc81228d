"""Almgren and Chriss 2000: published numbers, limits, half-life, refusals."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from exec_algos.errors import UsageError
from exec_algos.trajectories import AlmgrenChriss, holdings_curve
from exec_algos.trajectories.almgren_chriss import closed_form_cost

# Table 1 of the paper
EXAMPLE = AlmgrenChriss(
    quantity=1e6,
    horizon=5,
    slices=5,
    volatility=0.95,
    temporary_impact=2.5e-6,
    permanent_impact=2.5e-7,
    half_spread=0.0625,
    risk_aversion=1e-6,
)

# risk aversion: kappa, holdings after slices 1 to 4, E, sqrt(V); recomputed by linear systems and by playing prices out
PUBLISHED = {
    2e-6: (0.846297, [428598.8, 182932.8, 76295.7, 27643.4], 1140715.17, 449367.65),
    1e-6: (0.607076, [541955.6, 289854.2, 147897.5, 62141.8], 911226.99, 603430.67),
}


# risk aversion in 1e-6: E in 1e6, V in 1e12, half-life, as another library prints them for the example
# (DROP 4.66.0, org.drip.coverage.execution.AlmgrenChriss, "SHORT END COST DISTRIBUTION")
ANOTHER_LIBRARY = [
    (0.001, 0.6625, 1.0812, 51.30),
    (0.002, 0.6625, 1.0794, 36.27),
    (0.003, 0.6625, 1.0776, 29.62),
    (0.004, 0.6625, 1.0758, 25.65),
    (0.005, 0.6625, 1.0740, 22.94),
    (0.006, 0.6625, 1.0722, 20.94),
    (0.007, 0.6625, 1.0704, 19.39),
    (0.008, 0.6626, 1.0687, 18.14),
    (0.009, 0.6626, 1.0669, 17.10),
]


def with_aversion(risk_aversion, **changes):
    return replace(EXAMPLE, risk_aversion=risk_aversion, **changes)


plans = st.builds(
    AlmgrenChriss,
    quantity=st.floats(1, 1e6),
    horizon=st.floats(0.1, 20),
    slices=st.integers(1, 30),
    volatility=st.floats(0.01, 5),
    temporary_impact=st.floats(1e-7, 1e-4),
    half_spread=st.floats(0, 0.1),
    risk_aversion=st.floats(0, 1e-5),
)
drifts = st.floats(-0.1, 0.1)


@pytest.mark.parametrize("risk_aversion", PUBLISHED)
def test_the_example_of_the_paper_is_reproduced(risk_aversion):
    plan, (kappa, left, expected, deviation) = with_aversion(risk_aversion), PUBLISHED[risk_aversion]
    assert plan.kappa == pytest.approx(kappa, abs=5e-7)
    np.testing.assert_allclose(plan.holdings(), [1e6, *left, 0], atol=0.05, rtol=0)
    assert plan.cost().expected == pytest.approx(expected, abs=0.005)
    assert plan.cost().deviation == pytest.approx(deviation, abs=0.005)


def test_every_published_number_is_reproduced_to_twelve_digits(vectors):
    published = vectors("almgren_chriss_2000.json")
    for case in published["cases"]:
        plan = with_aversion(case["lam"])
        cost, closed, near = plan.cost(), closed_form_cost(plan), {"rel": 1e-12, "abs": 1e-9}
        assert plan.eta_tilde == pytest.approx(published["inputs"]["eta_tilde"], **near)
        assert plan.kappa_tilde == pytest.approx(case["kappa_tilde"], **near)
        assert plan.kappa_tilde**2 == pytest.approx(case["kappa_tilde_sq"], **near)
        assert plan.kappa == pytest.approx(case["kappa_discrete"], **near)
        assert plan.kappa_continuous == pytest.approx(case["kappa_continuous"], **near)
        assert plan.kappa * plan.horizon == pytest.approx(case["kappa_T"], **near)
        assert plan.half_life == pytest.approx(case["half_life_theta_1_over_kappa_discrete"], **near)
        assert plan.holdings() == pytest.approx(case["holdings_x"], **near)
        assert plan.trades() == pytest.approx(case["trades_n"], **near)
        assert (cost.expected, cost.variance, cost.deviation) == pytest.approx((case["E"], case["V"], case["std"]), **near)
        assert cost.utility(plan.risk_aversion) == pytest.approx(case["U"], **near)
        assert closed == pytest.approx((case["E_closed_form"], case["V_closed_form"]), **near)


@pytest.mark.parametrize(("risk_aversion", "expected", "variance", "half_life"), ANOTHER_LIBRARY)
def test_another_library_prints_the_same_frontier_and_half_lives(risk_aversion, expected, variance, half_life):
    plan = with_aversion(risk_aversion * 1e-6)
    cost = plan.cost()
    assert (cost.expected / 1e6, cost.variance / 1e12) == pytest.approx((expected, variance), abs=5.1e-5)
    assert plan.half_life == pytest.approx(half_life, abs=5.1e-3)


def test_selling_at_once_costs_what_is_published(vectors):
    published = vectors("almgren_chriss_2000.json")["min_variance_immediate"]
    plan = with_aversion(math.inf)
    assert plan.holdings().tolist() == published["holdings"]
    assert plan.cost() == pytest.approx((published["E"], published["V"]), rel=1e-12)


def test_holdings_follow_the_discrete_kappa_and_not_the_continuous_one():
    assert EXAMPLE.kappa_continuous == pytest.approx(0.600833, abs=5e-7)
    assert EXAMPLE.holdings()[1] == pytest.approx(541955.6, abs=0.05)  # 545212.2 with the continuous one


def test_the_static_holding_of_the_example_is_11080_shares():
    assert replace(EXAMPLE, drift=0.02).static_holding == pytest.approx(11080.33, abs=0.005)
    assert EXAMPLE.static_holding == 0


@pytest.mark.parametrize(("N", "T"), [(1, 2.0), (5, 5.0), (30, 0.5)])
def test_no_risk_aversion_is_the_straight_line_with_the_cost_of_the_paper(N, T):
    plan = with_aversion(0, slices=N, horizon=T)
    np.testing.assert_allclose(plan.holdings(), 1e6 * (1 - np.arange(N + 1) / N), rtol=1e-15)
    expected = 2.5e-7 * 1e12 / 2 * (1 - 1 / N) + 0.0625e6 + 2.5e-6 * 1e12 / T
    variance = 0.95**2 * 1e12 * T * (1 - 1 / N) * (1 - 1 / (2 * N)) / 3
    assert plan.cost() == pytest.approx((expected, variance), rel=1e-12)
    assert closed_form_cost(plan) == pytest.approx((expected, variance), rel=1e-12)
    assert plan.half_life == math.inf


@pytest.mark.parametrize("risk_aversion", [1e-30, -1e-30, 1e-18, -1e-18])
@pytest.mark.parametrize("drift", [0.0, 0.02])
def test_holdings_go_smoothly_through_risk_aversion_zero(risk_aversion, drift):
    near, line = with_aversion(risk_aversion, drift=drift), with_aversion(0, drift=drift)
    np.testing.assert_allclose(near.holdings(), line.holdings(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kappa_T", [1e-5, 1e-3])
def test_a_small_risk_aversion_bends_the_straight_line_by_its_square(kappa_T):
    left = np.linspace(1, 0, 6)
    bend = EXAMPLE.with_half_life(5 / kappa_T).holdings() / 1e6 - left
    np.testing.assert_allclose(bend, kappa_T**2 * left * (left**2 - 1) / 6, rtol=1e-5, atol=3e-16)


@pytest.mark.parametrize("drift", [0.0, 0.5])
def test_no_volatility_leaves_the_risk_aversion_without_effect(drift):
    for risk_aversion in (1e-6, math.inf):
        calm = with_aversion(risk_aversion, volatility=0.0, drift=drift)
        np.testing.assert_array_equal(calm.holdings(), with_aversion(0.0, drift=drift).holdings())
        assert calm.cost().variance == 0


@pytest.mark.parametrize("risk_aversion", [math.inf, 1e300])
@pytest.mark.parametrize("drift", [0.0, 0.02])
def test_infinite_risk_aversion_sells_all_in_the_first_slice(risk_aversion, drift):
    plan = with_aversion(risk_aversion, drift=drift)
    np.testing.assert_allclose(plan.holdings(), [1e6, 0, 0, 0, 0, 0], atol=1e-200)
    assert plan.cost().expected == pytest.approx(0.0625e6 + 2.5e-6 * 1e12, rel=1e-12)
    assert closed_form_cost(replace(plan, drift=0.0)).expected == pytest.approx(0.0625e6 + 2.5e-6 * 1e12, rel=1e-12)


@pytest.mark.parametrize("N", [20, 1000, 100_000])
def test_kappa_T_of_ten_thousand_neither_overflows_nor_moves_the_ends(N):
    rate = 1e4 / 5
    plan = replace(EXAMPLE, slices=N).with_half_life(1 / rate)
    x = plan.holdings()
    assert plan.kappa * plan.horizon == pytest.approx(1e4, rel=1e-12)
    assert (x[0], x[-1]) == (1e6, 0.0)
    assert np.all(np.diff(x) <= 0)
    assert x[1] == pytest.approx(1e6 * math.exp(-rate * plan.interval), rel=1e-9)
    assert closed_form_cost(plan) == pytest.approx(plan.cost(), rel=1e-9)
    assert holdings_curve(x)[-1] == 1


@given(plans, drifts)
@settings(deadline=None, max_examples=100)
def test_every_trajectory_starts_with_all_and_ends_with_nothing(plan, drift):
    x = replace(plan, drift=drift).holdings()
    assert (x[0], x[-1], len(x)) == (plan.quantity, 0.0, plan.slices + 1)
    assert np.all(np.isfinite(x))


def test_ever_shorter_slices_lead_to_the_continuous_trajectory():
    plan = replace(EXAMPLE, slices=20_000)
    k, t = math.sqrt(1e-6 * 0.95**2 / 2.5e-6), np.linspace(0, 5, 20_001)
    np.testing.assert_allclose(plan.holdings(), 1e6 * np.sinh(k * (5 - t)) / math.sinh(k * 5), atol=20)


@given(st.floats(0.01, 50), st.integers(1, 50))
@settings(deadline=None, max_examples=100)
def test_a_half_life_comes_back(half_life, slices):
    plan = replace(EXAMPLE, slices=slices)
    assume(plan.interval / half_life < 100)
    assert plan.with_half_life(half_life).half_life == pytest.approx(half_life, rel=1e-12)


def test_the_half_life_is_the_time_in_which_a_long_order_falls_by_the_factor_e():
    x = replace(EXAMPLE, horizon=500, slices=500).with_half_life(10).holdings()
    np.testing.assert_allclose(x[10:200:10] / x[:190:10], math.exp(-1), rtol=1e-9)


def test_an_infinite_half_life_is_the_straight_line():
    assert EXAMPLE.with_half_life(math.inf).risk_aversion == 0


@pytest.mark.parametrize(("plan", "half_life"), [(EXAMPLE, 0), (EXAMPLE, -1), (EXAMPLE, math.nan), (EXAMPLE, 1e-4)])
def test_a_half_life_that_is_not_positive_or_too_short_is_refused(plan, half_life):
    with pytest.raises(UsageError, match="half"):
        plan.with_half_life(half_life)


def test_a_half_life_needs_risk():
    with pytest.raises(UsageError, match="volatility"):
        replace(EXAMPLE, volatility=0.0).with_half_life(1)
    with pytest.raises(UsageError, match="no half-life"):
        _ = with_aversion(-1e-7).half_life


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, bad) for name in ("quantity", "horizon", "temporary_impact") for bad in (0, -1.0, math.nan, math.inf, "1")],
        *[(name, bad) for name in ("volatility", "permanent_impact", "half_spread") for bad in (-1.0, math.nan, math.inf, "1")],
        *[("slices", bad) for bad in (0, -1, 2.5, math.nan, "5")],
        *[("drift", bad) for bad in (math.nan, math.inf, "1")],
        *[("risk_aversion", bad) for bad in (math.nan, -math.inf, -1.0, "1")],
    ],
)
def test_a_parameter_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(UsageError, match=f"^{name} must"):
        replace(EXAMPLE, **{name: value})


def test_the_least_risk_aversion_that_is_accepted_has_a_trajectory():
    eta, T, volatility = 8.023441732842652, 2.12170258244708, 5.646365587705778  # kappa tau / 2 rounds to above 1
    plan = AlmgrenChriss(quantity=1, horizon=T, slices=1, volatility=volatility, temporary_impact=eta, risk_aversion=-0.22362157197120522)
    assert plan.holdings().tolist() == [1, 0]


@pytest.mark.parametrize("slices", [1, 5])
def test_a_permanent_impact_that_outweighs_the_temporary_one_is_refused(slices):
    edge = 2 * 2.5e-6 / (5 / slices)
    replace(EXAMPLE, slices=slices, permanent_impact=0.999 * edge)
    with pytest.raises(UsageError, match="temporary_impact must be above"):
        replace(EXAMPLE, slices=slices, permanent_impact=edge)


@pytest.mark.parametrize(
    ("name", "value", "moves"),
    [
        ("quantity", 2e6, True),
        ("horizon", 6.0, True),
        ("slices", 6, True),
        ("volatility", 1.0, True),
        ("temporary_impact", 3e-6, True),
        ("permanent_impact", 1e-7, True),
        ("half_spread", 0.1, False),
        ("risk_aversion", 2e-6, True),
        ("drift", 0.01, True),
    ],
)
def test_every_parameter_counts(name, value, moves):
    other = replace(EXAMPLE, **{name: value})
    assert other.cost().expected != EXAMPLE.cost().expected
    assert moves != np.array_equal(other.holdings(), EXAMPLE.holdings())


def test_any_unit_of_time_gives_the_same_holdings_and_cost():
    minutes = 390
    plan = replace(
        EXAMPLE,
        horizon=5 * minutes,
        volatility=0.95 / math.sqrt(minutes),
        temporary_impact=2.5e-6 * minutes,
        drift=0.02 / minutes,
    )
    days = replace(EXAMPLE, drift=0.02)
    np.testing.assert_allclose(plan.holdings(), days.holdings(), rtol=1e-12)
    assert plan.cost() == pytest.approx(days.cost(), rel=1e-12)


@pytest.mark.parametrize("holdings", [[1e6, 0], [9e5, 4, 3, 2, 1, 0], [1e6, 4, 3, 2, 1, 1], [[1e6, 4, 3, 2, 1, 0]]])
def test_holdings_that_do_not_sell_the_order_have_no_cost(holdings):
    with pytest.raises(UsageError, match="holdings must be 6 numbers"):
        EXAMPLE.cost(holdings)


def test_a_utility_needs_a_finite_risk_aversion():
    with pytest.raises(UsageError, match="finite"):
        EXAMPLE.cost().utility(math.inf)
