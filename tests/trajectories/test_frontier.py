"""The efficient frontier and the least value at risk, against a general minimiser."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from exec_algos.errors import UsageError
from exec_algos.trajectories import AlmgrenChriss, efficient_frontier, minimum_value_at_risk

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


def test_the_frontier_falls_and_is_convex_with_slope_minus_risk_aversion():
    aversions = np.concatenate([[-2e-7, -1e-7, 0.0], np.geomspace(1e-9, 1e-3, 400), [math.inf]])
    _, expected, variance = efficient_frontier(EXAMPLE, aversions)
    assert np.all(np.diff(variance) < 0)
    assert np.all(np.diff(expected[2:]) >= 0)  # to the left of the straight line
    assert np.all(np.diff(expected[:3]) < 0)  # what seeks risk costs more too
    slopes = np.diff(expected) / np.diff(variance)
    assert np.all(np.diff(slopes) < 0)  # towards the left ever steeper
    between = -(aversions[3:-2] + aversions[4:-1]) / 2
    np.testing.assert_allclose(slopes[3:-1], between, rtol=2e-3)


def test_the_frontier_holds_the_published_points():
    points = efficient_frontier(with_aversion(0), [2e-6, 1e-6])
    np.testing.assert_allclose(points.expected, [1140715.17, 911226.99], atol=0.005)
    np.testing.assert_allclose(np.sqrt(points.variance), [449367.65, 603430.67], atol=0.005)
    np.testing.assert_array_equal(points.risk_aversion, [2e-6, 1e-6])


@pytest.mark.parametrize("changes", [{}, {"drift": 0.02}, {"drift": -0.02}, {"slices": 12}, {"volatility": 0.4}])
@pytest.mark.parametrize("confidence", [0.6, 0.95, 0.999])
def test_the_least_value_at_risk_is_the_one_that_a_general_minimiser_finds(changes, confidence):
    plan = replace(EXAMPLE, **changes)
    best = minimum_value_at_risk(plan, confidence).cost().value_at_risk(confidence)

    def risk(inner):
        return plan.cost(np.concatenate([[1e6], inner * 1e6, [0.0]])).value_at_risk(confidence) / 1e6

    found = minimize(risk, plan.holdings()[1:-1] / 1e6, method="BFGS", options={"gtol": 1e-9})
    assert best / 1e6 == pytest.approx(found.fun, abs=1e-7)
    assert best / 1e6 < found.fun + 1e-12


@pytest.mark.parametrize("changes", [{}, {"drift": 0.02}, {"slices": 12}])
def test_the_least_value_at_risk_touches_the_frontier(changes):
    plan = minimum_value_at_risk(replace(EXAMPLE, **changes), 0.95)
    assert plan.risk_aversion == pytest.approx(1.6448536269514722 / (2 * plan.cost().deviation), rel=1e-9)


def test_value_at_risk_sells_at_once_where_risk_outweighs_any_impact():
    # 2 eta_tilde X / (sigma tau^1.5) = 1.645 at volatility 2.8878
    edge = 2 * EXAMPLE.eta_tilde * 1e6 / 1.6448536269514722
    assert minimum_value_at_risk(replace(EXAMPLE, volatility=edge * 1.001)).risk_aversion == math.inf
    just_below = minimum_value_at_risk(replace(EXAMPLE, volatility=edge * 0.999))
    assert 1e-5 < just_below.risk_aversion < math.inf


@pytest.mark.parametrize("drift", [-1.0, 0.0, 1.0])
def test_value_at_risk_sells_at_once_from_where_no_held_share_saves_what_it_risks(drift):
    plan, at_once = replace(EXAMPLE, drift=drift, half_spread=0.0), np.array([1e6, 0, 0, 0, 0, 0])
    saved = [(plan.cost(at_once).expected - plan.cost(at_once + np.eye(6)[k]).expected) for k in range(1, 5)]
    edge = np.linalg.norm(saved) / 1.6448536269514722  # what a share held over one slice risks is the volatility
    assert minimum_value_at_risk(replace(plan, volatility=edge * 1.001)).risk_aversion == math.inf
    assert minimum_value_at_risk(replace(plan, volatility=edge * 0.999)).risk_aversion < math.inf


def test_value_at_risk_without_risk_or_without_aversion_is_the_straight_line():
    for plan in (replace(EXAMPLE, volatility=0.0), replace(EXAMPLE, slices=1)):
        assert minimum_value_at_risk(plan).risk_aversion == 0
    assert minimum_value_at_risk(EXAMPLE, 0.5).risk_aversion == 0


@pytest.mark.parametrize("above", [1e-15, 1e-12, 1e-6])
def test_a_confidence_barely_above_one_half_is_nearly_the_straight_line(above):
    plan = minimum_value_at_risk(EXAMPLE, 0.5 + above)
    assert 0 < plan.risk_aversion < 1e-10
    np.testing.assert_allclose(plan.holdings(), with_aversion(0).holdings(), rtol=1e-3)


@pytest.mark.parametrize("confidence", [0.49, 1.0, math.nan, 95])
def test_a_confidence_outside_one_half_to_one_is_refused(confidence):
    with pytest.raises(UsageError, match="confidence"):
        EXAMPLE.cost().value_at_risk(confidence)
    with pytest.raises(UsageError, match="confidence"):
        minimum_value_at_risk(EXAMPLE, confidence)
