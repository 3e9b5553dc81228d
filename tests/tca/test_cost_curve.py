"""Cost against size: closed forms, another least squares, errors by hand, and reasons where there is no curve."""

import math

import numpy as np
import pytest
from markets import market, study_of
from scipy.optimize import curve_fit
from scipy.stats import t

from exec_algos import FillModel
from exec_algos.costs import SquareRootImpact
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.tca.cost_curve import fit_cost

SIZES = np.tile([0.5, 1.0, 2.0, 5.0, 10.0, 20.0], 40)
DAYS = np.repeat(np.arange(12), 20)


def noisy(a, b, power, noise=1.0, seed=0):
    draw = np.random.default_rng(seed)
    return a + b * SIZES**power + draw.normal(0, noise, len(SIZES)) + np.repeat(draw.normal(0, noise, 12), 20)


@pytest.mark.parametrize(("form", "power"), [("sqrt", 0.5), ("power", 0.5), ("power", 0.6), ("power", 0.25), ("power", 0.9)])
def test_a_curve_without_noise_is_given_back(form, power):
    curve = fit_cost(SIZES, 2.0 + 3.0 * SIZES**power, DAYS, form)
    assert (curve.a, curve.b, curve.power) == pytest.approx((2.0, 3.0, power), abs=1e-4)
    assert curve.at([4.0, 9.0]) == pytest.approx(2.0 + 3.0 * np.array([4.0, 9.0]) ** power, abs=1e-4)
    assert (curve.reason, curve.n, curve.clusters, curve.smallest, curve.largest) == ("", 240, 12, 0.5, 20.0)


def test_the_square_root_is_the_line_of_numpy():
    cost = noisy(1.0, 2.0, 0.5)
    b, a = np.polyfit(np.sqrt(SIZES), cost, 1)
    curve = fit_cost(SIZES, cost, DAYS)
    assert (curve.a, curve.b) == pytest.approx((a, b), rel=1e-9)


def test_the_power_is_that_of_another_least_squares():
    cost = noisy(1.0, 2.0, 0.6, noise=0.5)
    wanted, _ = curve_fit(lambda x, a, b, p: a + b * x**p, SIZES, cost, p0=(1.0, 2.0, 0.5))
    curve = fit_cost(SIZES, cost, DAYS, "power")
    assert (curve.a, curve.b, curve.power) == pytest.approx(wanted, rel=1e-4)


def test_the_errors_are_those_of_the_formula_term_by_term():
    cost = noisy(1.0, 2.0, 0.5)
    curve = fit_cost(SIZES, cost, DAYS)
    n, groups, k = 240, 12, 2
    bread = np.linalg.inv(sum(np.outer(j, j) for j in ([1.0, math.sqrt(x)] for x in SIZES)))
    meat = np.zeros((k, k))
    for day in range(groups):
        score = sum(
            np.array([1.0, math.sqrt(x)]) * (y - curve.a - curve.b * math.sqrt(x))
            for x, y in zip(SIZES[day == DAYS], cost[day == DAYS], strict=True)
        )
        meat += np.outer(score, score)
    wanted = groups / (groups - 1) * (n - 1) / (n - k) * bread @ meat @ bread
    assert curve.covariance == pytest.approx(wanted, rel=1e-9)
    assert (curve.a_error, curve.b_error, curve.power_error) == pytest.approx((*np.sqrt(np.diag(wanted)), 0.0), rel=1e-9)
    at = np.array([1.0, 2.0])  # size 4: derivatives 1 and 2
    reach = t.ppf(0.975, groups - 1) * math.sqrt(at @ wanted @ at)
    low, high = curve.band(4.0)
    assert (low, high) == pytest.approx((curve.at(4.0) - reach, curve.at(4.0) + reach), rel=1e-9)


def test_what_the_days_share_makes_the_error_larger():
    shared, own = (fit_cost(SIZES, noisy(1.0, 2.0, 0.5), days) for days in (DAYS, np.arange(240)))
    assert shared.a_error > 1.3 * own.a_error


def test_nine_of_ten_intervals_and_more_hold_the_truth():
    held = 0
    for seed in range(100):
        curve = fit_cost(SIZES, noisy(1.0, 2.0, 0.6, seed=seed), DAYS, "power")
        held += not curve.reason and abs(curve.power - 0.6) < t.ppf(0.975, 11) * curve.power_error
    assert held >= 85


def test_orders_without_size_or_cost_are_counted_and_left_out():
    size, cost = SIZES.copy(), 2.0 + 3.0 * np.sqrt(SIZES)
    size[:2], cost[2:5] = (math.nan, 0.0), math.nan
    curve = fit_cost(size, cost, DAYS)
    assert (curve.n, curve.left_out) == (235, 5)
    assert (curve.a, curve.b) == pytest.approx((2.0, 3.0))


@pytest.mark.parametrize(
    ("size", "cost", "days", "form", "reason"),
    [
        (SIZES * math.nan, SIZES, DAYS, "sqrt", "no order has both a size and a cost"),
        (np.full(240, 5.0), SIZES, DAYS, "sqrt", "240 orders of 1 size; 2 different ones are needed"),
        (4.99 + SIZES / 1e4, SIZES, DAYS, "sqrt", "240 orders of 1 size;"),  # rounding to lots is no second size
        (np.where(SIZES > 2, 5.0, 6.0), SIZES, DAYS, "sqrt", "sizes from 5 to 6 % of ADV are too close"),
        (np.where(SIZES > 2, 5.0, 1.0), SIZES, DAYS, "power", "240 orders of 2 sizes; 3 different ones are needed"),
        (SIZES, SIZES, DAYS * 0, "sqrt", "1 day; 3 are needed"),
        (SIZES, SIZES, DAYS % 3, "power", "3 days; 4 are needed"),
        (SIZES, noisy(3.0, 0.2, 0.5, seed=2), DAYS, "power", "cannot be told apart"),
        (SIZES, SIZES * 0 + 7.0, DAYS, "power", "the cost does not change with the size"),
        (SIZES, noisy(0.0, 0.3, 1.7, noise=0.01), DAYS, "power", "the power ends at its bound 1"),
    ],
)
def test_a_curve_that_cannot_be_identified_says_why_and_has_no_numbers(size, cost, days, form, reason):
    curve = fit_cost(size, cost, days, form)
    assert reason in curve.reason
    assert np.isnan([curve.a, curve.b, curve.power, curve.a_error, curve.b_error, curve.power_error, float(curve.at(4.0))]).all()


def test_a_slope_that_is_no_impact_is_noted():
    assert fit_cost(SIZES, noisy(3.0, 0.0, 0.5), DAYS).note == "b cannot be told from 0: the cost of size is not seen in these orders"
    assert "b is below 0" in fit_cost(SIZES, noisy(3.0, -2.0, 0.5, noise=0.1), DAYS).note


def test_an_unknown_form_is_refused():
    with pytest.raises(UnknownNameError, match="did you mean sqrt"):
        fit_cost(SIZES, SIZES, DAYS, "sqr")


@pytest.mark.slow
def test_a_study_gives_back_the_power_of_the_impact_it_was_filled_with():
    # one child a bar, all bars alike: the impact of size x is c sqrt(x / bars / volume of a bar)
    bars = market(5, tuple("ABCDEF"), missing=0.0, silent=0.0)
    sizes = ["2%adv", "5%adv", "10%adv", "20%adv", "50%adv"]
    dear, free = (
        study_of(bars, ["twap"], FillModel(price="vwap", impact=impact), size=sizes, profile_days=1).run()
        for impact in (SquareRootImpact(0.01), None)
    )
    extra = dear.parents["slippage_vwap_bps"] - free.parents["slippage_vwap_bps"]  # impact alone
    found = type(dear)(dear.parents.assign(slippage_vwap_bps=extra), dear.fills, dear.skipped, dear.config, bars)
    curve = found.cost_curve("twap", "interval_vwap", form="power")
    assert abs(curve.power - 0.5) < 4 * curve.power_error < 0.2
    assert abs(found.cost_curve("twap", "interval_vwap").a) < 2.0


def test_a_study_without_adv_says_what_to_do():
    result = study_of(market(5, missing=0.0), ["twap"], size="20%adv", profile_days=1).run(fills=False)
    with pytest.raises(UsageError, match="run it again"):
        type(result)(result.parents.drop(columns="adv"), result.fills, result.skipped, result.config, result.bars).cost_curve("twap")
