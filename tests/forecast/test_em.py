"""The fit: published steps, the paper's formulas on one joint normal distribution, simulated data."""

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest
from dense_gaussian import draw, joint
from hypothesis import given, settings
from hypothesis import strategies as st

from exec_algos.errors import NotEnoughHistoryError, UnknownNameError, UsageError
from exec_algos.forecast import VolumeModel, em_step, fit, log_volumes, starting_values
from exec_algos.forecast.acceleration import vector

MODEL = VolumeModel(0.97, 0.6, 0.05, 0.03, 0.04, (0.5, -0.4, -0.1), (10.0, 0.2), (0.3, -0.05, 0.2))
TRUE = VolumeModel(0.98, 0.6, 0.04, 0.03, 0.05, tuple(0.5 * np.cos(np.arange(26) * 2 * np.pi / 26)), (0.5, 0.0), (0.04, 0.0, 0.05))


def simulated(days=250, model=TRUE, seed=11):
    return draw(model, days, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def published(vectors):
    """First 30 days of the self-made vector, and what EM makes of them."""
    found = vectors("kalman_synthetic.json")
    table = np.log(np.array(found["volume_day_major"]).reshape(found["D"], found["I"]))
    return table[:30], found["EM_first30days"]


def test_published_start_is_met(published):
    table, answers = published
    np.testing.assert_allclose(vector(starting_values(table)), vector(VolumeModel(**answers["init_default"])), rtol=1e-13, atol=1e-15)


def test_published_first_step_is_met(published):
    table, answers = published
    made = em_step(VolumeModel(**answers["init_default"]), table)
    np.testing.assert_allclose(vector(made.model), vector(VolumeModel(**answers["after_1_iteration"])), rtol=1e-10)
    assert made.log_likelihood == pytest.approx(answers["loglik_at_init"], rel=1e-13)


def test_published_fifty_plain_steps_are_met(published):
    table, answers = published
    answer = answers["plain_EM_exactly_50_iterations"]
    made = fit(table, method="plain", tolerance=0.0, iterations=50)
    np.testing.assert_allclose(vector(made.model), vector(VolumeModel(**answer["params"])), rtol=1e-9)
    assert made.log_likelihood == pytest.approx(answer["loglik"], rel=1e-11)
    assert (made.iterations, made.converged) == (50, False)


def test_published_accelerated_fit_is_met(published):
    table, answers = published
    answer = answers["accelerated_abstol1e-4"]
    made = fit(table, method="package")
    assert (made.iterations, made.converged) == (answer["iterations"], True)
    # the rule has a jump at |v| = 1e-8: rounding shows in the sixth digit
    np.testing.assert_allclose(vector(made.model), vector(VolumeModel(**answer["params"])), rtol=1e-4, atol=1e-8)


def literal_step(model, y):
    """Equations 17-24 as they stand, moments from one joint normal; y has no gaps."""
    days, bins = y.shape
    n = y.size
    mean, cov = joint(model, days).states_given(y.ravel(), np.arange(n))
    second = [cov[t, :, t] + np.outer(mean[t], mean[t]) for t in range(n)]
    cross = [None] + [cov[t, :, t - 1] + np.outer(mean[t], mean[t - 1]) for t in range(1, n)]
    nights = range(bins, n, bins)
    a_eta = sum(cross[k][0, 0] for k in nights) / sum(second[k - 1][0, 0] for k in nights)
    a_mu = sum(cross[t][1, 1] for t in range(1, n)) / sum(second[t - 1][1, 1] for t in range(1, n))
    var_eta = np.mean([second[k][0, 0] + a_eta**2 * second[k - 1][0, 0] - 2 * a_eta * cross[k][0, 0] for k in nights])
    var_mu = np.mean([second[t][1, 1] + a_mu**2 * second[t - 1][1, 1] - 2 * a_mu * cross[t][1, 1] for t in range(1, n)])
    seen = mean.sum(axis=1).reshape(days, bins)
    phi = (y - seen).mean(axis=0)
    phi = phi - phi.mean()
    square = np.array([p.sum() for p in second]).reshape(days, bins)
    r = np.mean(y**2 + square - 2 * y * seen + phi**2 - 2 * y * phi + 2 * phi * seen)
    return [a_eta, a_mu, var_eta, var_mu, r, *mean[0], *cov[0, :, 0].ravel()[[0, 1, 3]], *phi]


def test_a_step_is_the_papers_formulas_on_the_joint_normal():
    y = draw(MODEL, 6, np.random.default_rng(5))
    start = replace(MODEL, a_eta=0.9, a_mu=0.2, r=0.1)
    np.testing.assert_allclose(vector(em_step(start, y).model), literal_step(start, y), rtol=1e-8)


def test_a_robust_step_is_the_plain_step_on_volumes_without_their_outliers():
    y = draw(MODEL, 6, np.random.default_rng(5))
    y[3, 1] += 3.0
    robust = replace(MODEL, penalty=12.0)
    found = robust.filtered(y)
    assert found.outliers[3, 1] > 1.0
    np.testing.assert_allclose(vector(em_step(robust, y).model), vector(em_step(MODEL, y - found.outliers).model), rtol=1e-9)
    assert em_step(robust, y).model.penalty == 12.0


def with_gaps(y, share, seed):
    gaps = np.random.default_rng(seed).random(y.shape) < share
    gaps[0] = False
    return np.where(gaps, nan, y)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    share=st.sampled_from([0.0, 0.2, 0.5]),
    a_mu=st.floats(-0.8, 0.95),
    r=st.floats(0.001, 1.0),
    method=st.sampled_from(["plain", "guarded"]),
)
def test_the_likelihood_never_falls(seed, share, a_mu, r, method):
    y = with_gaps(draw(replace(MODEL, a_mu=a_mu, r=r), 12, np.random.default_rng(seed)), share, seed)
    made = fit(y, method=method, iterations=40)
    rises = np.diff([*made.history, made.log_likelihood])
    assert rises.min(initial=0.0) > -1e-7 * max(abs(made.log_likelihood), 1.0)


def test_the_likelihood_is_that_of_the_fitted_model():
    y = simulated(20)
    made = fit(y)
    assert made.log_likelihood == made.model.log_likelihood(y)


@pytest.mark.slow
def test_no_parameter_moved_a_little_does_better_than_the_fit():
    y = simulated(60)
    best = fit(y, tolerance=1e-7, iterations=2000)
    base = vector(best.model)
    for name in ("a_eta", "a_mu", "var_eta", "var_mu", "r"):
        for factor in (0.97, 1.03):
            moved = replace(best.model, **{name: getattr(best.model, name) * factor})
            assert moved.log_likelihood(y) < best.log_likelihood
    for i in range(5):
        phi = base[10:].copy()
        phi[i] += 0.01
        phi[i + 1] -= 0.01
        assert replace(best.model, phi=phi).log_likelihood(y) < best.log_likelihood


def assert_near_truth(model, true=TRUE):
    """Within four standard errors of a fit to 250 days of 26 bins, measured on 40 other draws."""
    errors = {"a_eta": 0.017, "a_mu": 0.031, "var_eta": 0.0048, "var_mu": 0.0037, "r": 0.0034}
    for name, error in errors.items():
        assert getattr(model, name) == pytest.approx(getattr(true, name), abs=4 * error), name
    np.testing.assert_allclose(model.phi, true.phi, atol=4 * 0.025)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["guarded", "package", "plain"])
def test_simulated_parameters_are_recovered(method):
    assert_near_truth(fit(simulated(), method=method).model)


@pytest.mark.slow
def test_simulated_parameters_are_recovered_with_a_tenth_of_the_bins_missing():
    made = fit(with_gaps(simulated(), 0.1, 2))
    assert made.converged
    assert_near_truth(made.model)


def test_gaps_that_differ_between_bins_leave_seasons_of_sum_zero():
    y = simulated(20)
    y[5:, 0] = nan
    assert sum(fit(y).model.phi) == pytest.approx(0.0, abs=1e-9)


def test_a_missing_bin_tells_nothing():
    y = simulated(12)
    y[4, 3] = nan
    made = fit(log_volumes(np.exp(y)), iterations=5)
    zero = np.exp(y)
    zero[4, 3] = 0.0
    assert fit(log_volumes(zero), iterations=5) == made


@pytest.mark.slow
def test_the_robust_fit_is_nearer_the_truth_where_prints_are_wild():
    rng = np.random.default_rng(4)
    y = simulated(120)
    wild = rng.random(y.shape) < 0.02
    y[wild] += rng.choice([-2.5, 2.5], wild.sum())
    plain, robust = fit(y).model, fit(y, penalty=15.0).model
    assert robust.penalty == 15.0
    assert abs(robust.r - TRUE.r) < 0.25 * abs(plain.r - TRUE.r)
    found = robust.filtered(y).outliers != 0
    assert found[wild].mean() > 0.95
    assert found[~wild].mean() < 0.05


def test_a_penalty_that_is_never_reached_leaves_the_plain_fit():
    y = simulated(30)
    plain, robust = fit(y), fit(y, penalty=1e6)
    np.testing.assert_allclose(vector(robust.model), vector(plain.model), atol=0.01)
    assert robust.log_likelihood >= plain.log_likelihood


@pytest.mark.parametrize("method", ["guarded", "package", "plain"])
def test_a_fit_goes_on_from_the_start_it_is_given(method):
    y = simulated(30)
    fresh = fit(y, method=method)
    again = fit(y, method=method, start=replace(fresh.model, penalty=50.0))
    assert again.iterations < fresh.iterations / 2
    assert again.model.penalty == 50.0


@pytest.mark.parametrize("method", ["guarded", "package", "plain"])
def test_a_fit_that_runs_out_of_iterations_says_so(method):
    made = fit(simulated(20), method=method, iterations=2)
    assert (made.iterations, made.converged) == (2, False)
    assert len(made.history) == 2


@pytest.mark.parametrize("method", ["guarded", "package", "plain"])
def test_a_looser_tolerance_stops_earlier(method):
    y = simulated(20)
    assert fit(y, method=method, tolerance=1.0).iterations < fit(y, method=method).iterations


@pytest.mark.parametrize("method", ["guarded", "package", "plain"])
def test_volumes_that_never_change_are_fitted_without_noise(method):
    made = fit(log_volumes(np.full((5, 4), 1000.0)), method=method, iterations=200)
    assert made.model.remaining(made.model.filtered(np.full((5, 4), np.log(1000.0))).end).median == pytest.approx([1000.0] * 4, rel=1e-3)


def test_a_bin_that_never_traded_is_named():
    y = simulated(5)
    y[:, 7] = nan
    with pytest.raises(UsageError, match="bin 7"):
        fit(y)


def test_one_session_is_not_enough():
    with pytest.raises(NotEnoughHistoryError, match="there is 1"):
        fit(simulated(1))


def test_an_unknown_method_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="plain"):
        fit(simulated(3), method="plane")


def test_no_iterations_are_refused():
    with pytest.raises(UsageError, match="iterations is 0"):
        fit(simulated(3), iterations=0)


def test_tables_with_infinite_values_are_refused():
    with pytest.raises(UsageError, match="infinite"):
        fit(np.full((3, 2), inf))


@pytest.mark.market_data
@pytest.mark.slow
def test_aapl_of_2019_is_fitted_like_the_authors_package(market_data):
    import pandas as pd

    volumes = pd.read_parquet(market_data / "volume_15min" / "AAPL.parquet").to_numpy().T
    model = fit(log_volumes(volumes[:104]), tolerance=1e-6).model
    published = {"a_eta": 0.99962, "a_mu": 0.56949, "var_eta": 0.06619, "var_mu": 0.04247, "r": 0.01667}
    for name, value in published.items():
        assert getattr(model, name) == pytest.approx(value, rel=0.05)  # the package's own tolerance
