"""Obizhaeva and Wang 2013: published numbers, the paper's own recursion, a quadratic programme, a book played out, limits, refusals."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exec_algos.algorithms.curve import cumulative_curve
from exec_algos.errors import UsageError
from exec_algos.trajectories import ObizhaevaWang, holdings_curve
from exec_algos.trajectories.obizhaeva_wang import continuous_cost, continuous_holdings, discrete_cost

# Sizes like those of the paper's example, with the resilience of the published vectors
EXAMPLE = ObizhaevaWang(quantity=1e5, horizon=1, slices=10, resilience=2.2, depth=5_000, permanent_impact=1e-4, half_spread=0.05)

plans = st.builds(
    ObizhaevaWang,
    quantity=st.floats(1, 1e6),
    horizon=st.floats(0.1, 10),
    slices=st.integers(1, 40),
    resilience=st.floats(0.01, 50),
    depth=st.floats(1, 1e5),
    half_spread=st.floats(0, 0.1),
)


def kernel(plan):
    n = np.arange(plan.slices + 1)
    return np.exp(-plan.resilience * plan.interval * np.abs(n[:, None] - n))


def numerical_optimum(plan):
    """The trades of least ``x G x / 2`` that add up to X: one linear system with a multiplier."""
    G, ones = kernel(plan), np.ones((plan.slices + 1, 1))
    system = np.block([[G, ones], [ones.T, np.zeros((1, 1))]])
    return np.linalg.solve(system, np.append(np.zeros(plan.slices + 1), plan.quantity))[:-1]


def paper_recursion(plan):
    """Proposition 1: coefficients backwards from alpha_N = 1/(2q) - lambda, trades forwards; gives trades and cost."""
    q, lam, kappa, e = plan.depth, plan.permanent_impact, plan.transient_impact, math.exp(-plan.resilience * plan.interval)
    alpha, beta, gamma, steps = 1 / (2 * q) - lam, 1.0, 0.0, []
    for _ in range(plan.slices):
        delta = 1 / (1 / (2 * q) + alpha - beta * kappa * e + gamma * (kappa * e) ** 2)
        u, v = lam + 2 * alpha - beta * kappa * e, 1 - beta * e + 2 * kappa * gamma * e**2
        steps.append((delta, u, v))
        alpha, beta, gamma = alpha - delta * u**2 / 4, beta * e + delta * v * u / 2, gamma * e**2 - delta * v**2 / 4
    left, above, trades = plan.quantity, 0.0, []
    for delta, u, v in reversed(steps):
        trades.append(-delta * (above * v - left * u) / 2)
        left, above = left - trades[-1], (above + kappa * trades[-1]) * e
    return np.array([*trades, left]), (lam + alpha) * plan.quantity**2 + plan.half_spread * plan.quantity


def book_cost(plan, trades):
    """What the trades pay above the first mid price: the ask of the paper's book, level by level, and the mid that follows."""
    paid, mid, ask = 0.0, 0.0, plan.half_spread
    for size in trades:
        paid += size * (ask + size / (2 * plan.depth))
        above = ask - mid - plan.half_spread + size / plan.depth - plan.permanent_impact * size
        mid += plan.permanent_impact * size
        ask = mid + plan.half_spread + above * math.exp(-plan.resilience * plan.interval)
    return paid


def test_every_published_number_is_reproduced_to_twelve_digits(vectors):
    for case in vectors("obizhaeva_wang.json")["cases"]:
        plan = ObizhaevaWang(quantity=case["X"], horizon=case["T"], slices=case["N"], resilience=case["rho"], depth=1)
        N, x, near = case["N"], plan.trades(), {"rel": 1e-12}
        assert math.exp(-plan.resilience * plan.interval) == pytest.approx(case["a"], **near)
        assert (x[0], x[-1], x[1]) == pytest.approx((case["x_end"], case["x_end"], case["x_interior"]), **near)
        assert x[:5] == pytest.approx(case["x_first5"], rel=1e-12, abs=1e-6)  # those were solved for, to about 1e-8
        assert x.sum() == pytest.approx(case["sum"], **near)
        assert plan.cost() == pytest.approx(case["cost_opt_kappa1"], **near)
        assert discrete_cost(plan) == pytest.approx(case["cost_opt_kappa1"], **near)
        assert plan.cost(np.full(N + 1, case["X"] / (N + 1))) == pytest.approx(case["cost_twap_kappa1"], **near)
        assert plan.cost([case["X"], *[0] * N]) == pytest.approx(case["cost_block_kappa1"], **near)
        assert (plan.block, plan.rate) == pytest.approx((case["cont_x0"], case["cont_rate"]), **near)
        assert continuous_cost(plan) == pytest.approx(case["cont_cost_kappa1"], **near)


def test_the_discrete_block_is_not_the_continuous_one():
    assert EXAMPLE.trades()[0] == pytest.approx(26_473.72, abs=0.005)
    assert EXAMPLE.trades()[1] == pytest.approx(5_228.06, abs=0.005)
    assert EXAMPLE.block == pytest.approx(23_809.52, abs=0.005)


@given(plans, st.floats(0, 0.9))
@settings(deadline=None, max_examples=100)
def test_trades_and_cost_are_those_of_the_papers_recursion(plan, permanent):
    plan = replace(plan, permanent_impact=permanent / plan.depth)
    trades, cost = paper_recursion(plan)
    np.testing.assert_allclose(plan.trades(), trades, rtol=0, atol=1e-6 * plan.quantity)
    assert plan.cost() == pytest.approx(cost, rel=1e-8)


@given(plans)
@settings(deadline=None, max_examples=100)
def test_trades_are_the_optimum_that_a_linear_system_finds(plan):
    np.testing.assert_allclose(plan.trades(), numerical_optimum(plan), rtol=0, atol=1e-7 * plan.quantity)


@given(plans, st.floats(0, 0.9), st.integers(0, 2**32))
@settings(deadline=None, max_examples=100)
def test_the_cost_of_any_trades_is_what_the_book_charges(plan, permanent, seed):
    plan = replace(plan, permanent_impact=permanent / plan.depth)
    other = np.random.default_rng(seed).dirichlet(np.ones(plan.slices + 1)) * plan.quantity
    G, kappa, X = kernel(plan), plan.transient_impact, plan.quantity
    for x in (plan.trades(), other):
        formula = plan.half_spread * X + plan.permanent_impact * X**2 / 2 + kappa / 2 * x @ G @ x
        assert plan.cost(x) == pytest.approx(book_cost(plan, x), rel=1e-9)
        assert plan.cost(x) == pytest.approx(formula, rel=1e-9)
        assert plan.cost(x) >= plan.cost() * (1 - 1e-12)
    assert discrete_cost(plan) == pytest.approx(plan.cost(), rel=1e-10)


def test_spread_depth_and_permanent_impact_change_the_cost_and_not_the_trades():
    for changes in ({"half_spread": 0.1}, {"depth": 4_000}, {"permanent_impact": 0.5e-4}):
        other = replace(EXAMPLE, **changes)
        np.testing.assert_array_equal(other.trades(), EXAMPLE.trades())
        assert other.cost() != EXAMPLE.cost()


@pytest.mark.parametrize(("name", "value"), [("quantity", 2e5), ("horizon", 2), ("slices", 11), ("resilience", 3)])
def test_size_time_and_resilience_change_the_trades(name, value):
    assert not np.array_equal(replace(EXAMPLE, **{name: value}).trades()[:5], EXAMPLE.trades()[:5])


# Limits


def test_a_book_that_never_recovers_is_met_half_at_the_start_and_half_at_the_end():
    plan = replace(EXAMPLE, resilience=0)
    assert plan.trades().tolist() == [5e4, *[0.0] * 9, 5e4]
    assert (plan.block, plan.rate) == (5e4, 0)
    assert plan.cost() == pytest.approx(0.05 * 1e5 + 1e10 / 5_000 / 2, rel=1e-12)  # any trades cost that


@pytest.mark.parametrize("resilience", [math.inf, 1e9])
def test_a_book_that_recovers_at_once_is_met_with_equal_trades(resilience):
    plan = replace(EXAMPLE, resilience=resilience)
    np.testing.assert_allclose(plan.trades(), 1e5 / 11, rtol=1e-12)
    assert plan.rate == pytest.approx(1e5, rel=1e-8)
    assert plan.block == pytest.approx(0, abs=1e-3)
    assert discrete_cost(plan) == pytest.approx(plan.cost(), rel=1e-12)
    assert continuous_cost(plan) == pytest.approx(0.05 * 1e5 + 1e-4 * 1e10 / 2, rel=1e-6)


def test_ever_more_trades_lead_to_the_continuous_blocks_rate_and_cost():
    plan = replace(EXAMPLE, slices=100_000)
    x = plan.trades()
    assert x[0] == pytest.approx(plan.block, rel=1e-4)
    assert x[1] / plan.interval == pytest.approx(plan.rate, rel=1e-4)
    assert plan.cost() == pytest.approx(continuous_cost(plan), rel=1e-6)
    t = np.linspace(0, 1, 100_001)
    np.testing.assert_allclose(plan.holdings()[1:-1], continuous_holdings(plan, t[:-1]), atol=5)


@given(plans)
@settings(deadline=None, max_examples=50)
def test_continuous_trading_sells_everything_and_costs_less_than_any_number_of_trades(plan):
    assert 2 * plan.block + plan.rate * plan.horizon == pytest.approx(plan.quantity, rel=1e-12)
    assert continuous_holdings(plan, [plan.horizon])[0] == pytest.approx(plan.block, rel=1e-6)
    assert continuous_cost(plan) <= plan.cost()


def test_one_step_is_half_and_half():
    assert replace(EXAMPLE, slices=1).trades().tolist() == [5e4, 5e4]


# The curve


@given(plans)
@settings(deadline=None, max_examples=50)
def test_the_curve_has_one_value_a_trade_never_falls_and_ends_at_one(plan):
    curve = holdings_curve(plan.holdings())
    assert len(curve) == plan.slices + 1
    assert curve[-1] == 1
    assert np.all(np.diff(curve) >= 0)
    np.testing.assert_allclose(curve, cumulative_curve(plan.trades(), 1), atol=1e-12)


def test_holdings_are_all_before_the_first_trade_and_nothing_after_the_last():
    x = EXAMPLE.holdings()
    assert (x[0], x[-1], len(x)) == (1e5, 0, 12)
    np.testing.assert_allclose(-np.diff(x), EXAMPLE.trades(), rtol=1e-9)


# Parameters


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, bad) for name in ("quantity", "horizon", "depth") for bad in (0, -1.0, math.nan, math.inf, "1")],
        *[(name, bad) for name in ("permanent_impact", "half_spread") for bad in (-1e-9, math.nan, math.inf, "1")],
        *[("slices", bad) for bad in (0, -1, 2.5, "5")],
        *[("resilience", bad) for bad in (-1.0, math.nan, "1")],
        ("permanent_impact", 2e-4),
    ],
)
def test_a_parameter_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(UsageError, match=f"^{name} must"):
        replace(EXAMPLE, **{name: value})


@pytest.mark.parametrize("trades", [[1e5], [1e4] * 11, [[1e5 / 11] * 11]])
def test_trades_that_do_not_make_the_order_have_no_cost(trades):
    with pytest.raises(UsageError, match="trades must be 11 numbers"):
        EXAMPLE.cost(trades)


@pytest.mark.parametrize("time", [-0.1, 1.1, math.nan])
def test_a_time_outside_the_horizon_is_refused(time):
    with pytest.raises(UsageError, match="times must lie within"):
        continuous_holdings(EXAMPLE, [time])
