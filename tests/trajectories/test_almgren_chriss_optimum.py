"""Almgren and Chriss 2000: the optimum and its cost, found by other means: linear systems, prices played out."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from exec_algos.errors import UsageError
from exec_algos.trajectories import AlmgrenChriss
from exec_algos.trajectories.almgren_chriss import closed_form_cost, drift_gain

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


def with_aversion(risk_aversion, **changes):
    return replace(EXAMPLE, risk_aversion=risk_aversion, **changes)


def path_cost(plan, trades):
    """Expected cost, the price taken from slice to slice: section 1.2 to 1.4, with no formula for E."""
    move = lost = 0.0
    for n in trades:
        lost += n * (plan.half_spread * np.sign(n) + plan.temporary_impact * n / plan.interval - move)
        move += plan.drift * plan.interval - plan.permanent_impact * n
    return lost


def quadratic_form(plan):
    """E without the spread as ``n M n + b n``, and V as ``S |X - cumsum(n)|^2``, from the same prices."""
    N = plan.slices
    later = np.tri(N, k=-1)
    M = plan.permanent_impact * later + plan.temporary_impact / plan.interval * np.eye(N)
    return (M + M.T) / 2, -plan.drift * plan.interval * np.arange(N), np.tri(N), plan.volatility**2 * plan.interval


def numerical_optimum(plan):
    """The trades of least ``E + lambda V`` that sell X: one linear system with a multiplier."""
    M, b, done, spread = quadratic_form(plan)
    weight = plan.risk_aversion * spread
    H = 2 * M + 2 * weight * done.T @ done
    g = b - 2 * weight * plan.quantity * done.sum(axis=0)
    ones = np.ones((plan.slices, 1))
    system = np.block([[H, ones], [ones.T, np.zeros((1, 1))]])
    return np.linalg.solve(system, np.concatenate([-g, [plan.quantity]]))[:-1]


def eigen_minimum(plan):
    """Smallest curvature of ``E + lambda V`` among trades that add up to nothing."""
    M, _, done, spread = quadratic_form(plan)
    H = M + plan.risk_aversion * spread * done.T @ done
    free = np.diff(np.eye(plan.slices), axis=1)
    return np.linalg.eigvalsh(free.T @ H @ free if free.size else H).min()


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


@given(plans, st.floats(0, 1.9), drifts)
@settings(deadline=None, max_examples=150)
def test_holdings_are_the_optimum_that_a_linear_system_finds(plan, permanent, drift):
    plan = replace(plan, permanent_impact=permanent * plan.temporary_impact / plan.interval, drift=drift)
    best = numerical_optimum(plan)
    np.testing.assert_allclose(plan.trades(), best, rtol=0, atol=1e-6 * np.abs(best).max())


@given(plans, st.floats(0.01, 0.99), drifts)
@settings(deadline=None, max_examples=100)
def test_a_negative_risk_aversion_also_finds_the_optimum(plan, part, drift):
    assume(plan.slices > 1)
    lowest = -plan.eta_tilde * (2 * math.sin(math.pi / (2 * plan.slices)) / plan.interval / plan.volatility) ** 2
    plan = replace(plan, risk_aversion=part * lowest, drift=drift)
    best = numerical_optimum(plan)
    np.testing.assert_allclose(plan.trades(), best, rtol=0, atol=1e-6 * np.abs(best).max())


@given(plans.filter(lambda plan: plan.slices > 1))
@settings(deadline=None, max_examples=50)
def test_the_lowest_risk_aversion_is_where_the_cost_stops_being_convex(plan):
    lowest = -plan.eta_tilde * (2 * math.sin(math.pi / (2 * plan.slices)) / plan.interval / plan.volatility) ** 2
    assert eigen_minimum(replace(plan, risk_aversion=0.99 * lowest)) > 0
    with pytest.raises(UsageError, match="risk_aversion"):
        replace(plan, risk_aversion=1.01 * lowest)


def test_the_risk_seeking_trajectory_of_the_paper_sells_later_than_the_straight_line():
    plan, line = with_aversion(-2e-7), with_aversion(0)
    assert np.all(plan.holdings()[1:-1] > line.holdings()[1:-1])
    assert plan.cost().variance > line.cost().variance
    assert plan.cost().expected > line.cost().expected
    assert 2 * (1 - math.cos(plan.kappa)) == pytest.approx(plan.kappa_tilde**2, rel=1e-12)


def test_no_other_trajectory_has_less_utility():
    rng = np.random.default_rng(5)
    best = EXAMPLE.cost().utility(EXAMPLE.risk_aversion)
    for _ in range(50):
        other = EXAMPLE.holdings()
        other[1:-1] += rng.normal(0, 1e4, 4)
        assert EXAMPLE.cost(other).utility(EXAMPLE.risk_aversion) > best


@given(plans, st.floats(0, 1.9), drifts, st.integers(0, 2**32))
@settings(deadline=None, max_examples=100)
def test_expected_cost_is_that_of_playing_the_prices_out(plan, permanent, drift, seed):
    plan = replace(plan, permanent_impact=permanent * plan.temporary_impact / plan.interval, drift=drift)
    inner = np.random.default_rng(seed).uniform(-0.5, 1.5, plan.slices - 1) * plan.quantity
    holdings = np.concatenate([[plan.quantity], inner, [0.0]])
    scale = abs(drift) * plan.horizon * plan.quantity + closed_form_cost(replace(plan, drift=0, risk_aversion=0)).expected
    for x in (holdings, plan.holdings()):
        assert plan.cost(x).expected == pytest.approx(path_cost(plan, -np.diff(x)), rel=1e-9, abs=1e-9 * scale)


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"drift": 0.05}, {"risk_aversion": 2e-6, "slices": 20}, {"risk_aversion": -2e-7}])
def test_cost_agrees_with_prices_drawn_at_random_within_four_standard_errors(changes):
    plan, paths = replace(EXAMPLE, **changes), 400_000
    rng, n, tau = np.random.default_rng(20_000), plan.trades(), plan.interval
    price, lost = np.zeros(paths), np.zeros(paths)  # the price against that at arrival
    for size in n:
        lost -= size * (price - plan.half_spread * np.sign(size) - plan.temporary_impact * size / tau)
        price += plan.volatility * math.sqrt(tau) * rng.standard_normal(paths) + plan.drift * tau - plan.permanent_impact * size
    cost = plan.cost()
    assert abs(lost.mean() - cost.expected) < 4 * cost.deviation / math.sqrt(paths)
    assert abs(lost.var() - cost.variance) < 4 * cost.variance * math.sqrt(2 / paths)


@given(plans)
@settings(deadline=None, max_examples=150)
def test_closed_forms_agree_with_sums(plan):
    closed, summed = closed_form_cost(plan), plan.cost()
    assert closed.expected == pytest.approx(summed.expected, rel=1e-11)
    assert closed.variance == pytest.approx(summed.variance, rel=1e-11, abs=1e-300)


@pytest.mark.parametrize("kappa_T", [1e-9, 1e-4, 0.1, 0.4999, 0.5001, 1, 10, 100])
@pytest.mark.parametrize("N", [1, 2, 5, 1000])
def test_closed_forms_lose_no_digits_where_kappa_is_small(N, kappa_T):
    plan = replace(EXAMPLE, slices=N).with_half_life(5 / kappa_T)
    assert closed_form_cost(plan) == pytest.approx(plan.cost(), rel=1e-12, abs=1e-200)


@pytest.mark.parametrize("changes", [{"drift": 0.01}, {"risk_aversion": -1e-7}])
def test_closed_forms_are_refused_where_the_paper_has_none(changes):
    with pytest.raises(UsageError, match="closed forms"):
        closed_form_cost(replace(EXAMPLE, **changes))


def test_value_at_risk_at_95_percent_adds_1_645_deviations():
    cost = EXAMPLE.cost()
    assert cost.value_at_risk() == pytest.approx(911226.99 + 1.6448536269514722 * 603430.67, rel=1e-7)
    assert cost.value_at_risk(0.5) == cost.expected


def test_drift_adds_what_the_paper_adds():
    plan, k, t = replace(EXAMPLE, drift=0.02), EXAMPLE.kappa, np.arange(6.0)
    added = (1 - (np.sinh(k * (5 - t)) + np.sinh(k * t)) / math.sinh(k * 5)) * 0.02 / (2 * 1e-6 * 0.95**2)
    np.testing.assert_allclose(plan.holdings() - EXAMPLE.holdings(), added, atol=1e-6)


@pytest.mark.parametrize("risk_aversion", [1e-7, 1e-6, 1e-4])
def test_the_gain_from_drift_is_that_of_the_paper_and_half_of_it_is_utility(risk_aversion):
    plan, blind = with_aversion(risk_aversion, drift=0.02), with_aversion(risk_aversion)
    held, ratio = plan.static_holding, math.tanh(plan.kappa * 5 / 2) / (5 * math.tanh(plan.kappa / 2))
    assert drift_gain(plan) == pytest.approx(0.02 * held * 5 * (1 - ratio), rel=1e-9)
    saved = plan.cost(blind.holdings()).utility(risk_aversion) - plan.cost().utility(risk_aversion)
    assert saved == pytest.approx(drift_gain(plan) / 2, rel=1e-6)
    assert drift_gain(blind) == 0


def test_a_static_holding_needs_risk():
    for changes in ({"risk_aversion": 0.0}, {"volatility": 0.0}):
        with pytest.raises(UsageError, match="static holding"):
            _ = replace(EXAMPLE, drift=0.02, **changes).static_holding
