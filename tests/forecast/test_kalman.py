"""The volume model: filter, smoother and forecasts against published answers and against one joint normal distribution."""

import subprocess
import sys
from dataclasses import replace
from math import inf, log, nan

import numpy as np
import pytest
from dense_gaussian import draw, joint
from scipy import optimize, stats

from exec_algos.errors import UsageError
from exec_algos.forecast import State, VolumeModel, log_volumes
from exec_algos.forecast.recursions import backward, compiled, forward

MODEL = VolumeModel(0.97, 0.6, 0.05, 0.03, 0.04, (0.5, -0.4, -0.1), (10.0, 0.2), (0.3, -0.05, 0.2))
SEEN = {
    "all bins": [],
    "two bins missing": [2, 7],
    "the first bin missing": [0],
    "a day missing": [3, 4, 5],
    "the last bin missing": [11],
}
MODELS = {
    "usual": MODEL,
    "known start": replace(MODEL, V0=(0.0, 0.0, 0.0)),
    "constant level": replace(MODEL, a_eta=1.0, var_eta=0.0),
    "no deviation": replace(MODEL, var_mu=0.0),
    "alternating deviation": replace(MODEL, a_mu=-0.5),
    "vague start": replace(MODEL, V0=(1e4, 0.0, 1e2)),
}


def packed(cov):
    return [cov[0, 0], cov[0, 1], cov[1, 1]]


def observed(model, missing, days=4):
    y = draw(model, days, np.random.default_rng(3))
    y.flat[missing] = nan
    return y


@pytest.fixture(scope="module")
def published(vectors):
    """The self-made vector: its volumes as a table of logs, its true model, its answers."""
    found = vectors("kalman_synthetic.json")
    table = np.log(np.array(found["volume_day_major"]).reshape(found["D"], found["I"]))
    return table, VolumeModel(**found["true_params"]), found["at_true_params"]


def test_published_likelihood_is_met(published):
    table, model, answers = published
    assert model.log_likelihood(table) == pytest.approx(answers["loglik"], rel=1e-12)
    assert model.log_likelihood(table) == pytest.approx(answers["loglik_dense_check"], rel=1e-12)


def test_published_one_bin_forecasts_are_met(published):
    table, model, answers = published
    np.testing.assert_allclose(model.filtered(table).log_forecast.ravel(), answers["onebin_log_forecast"], rtol=1e-13)


def test_published_last_filtered_state_is_met(published):
    table, model, answers = published
    last = model.filtered(table).posterior[-1, -1]
    np.testing.assert_allclose(last, answers["filtered_last_state"] + answers["filtered_last_V"], rtol=1e-11)


def test_published_first_smoothed_state_is_met(published):
    table, model, answers = published
    first = model.smoothed(table).states[0, 0]
    np.testing.assert_allclose(first, answers["smoothed_first_state"] + answers["smoothed_first_V"], rtol=1e-10)


def test_published_forecast_of_a_day_from_the_evening_before_is_met(published):
    table, model, answers = published
    evening = model.filtered(table[:30]).end
    np.testing.assert_allclose(model.remaining(evening).log_mean, answers["static_log_forecast_day31_given_day30"], rtol=1e-13)


@pytest.mark.parametrize("missing", SEEN.values(), ids=SEEN)
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_likelihood_is_the_joint_normal_density_of_the_bins_seen(model, missing):
    y = observed(model, missing)
    seen = np.flatnonzero(~np.isnan(y.ravel()))
    assert model.log_likelihood(y) == pytest.approx(joint(model, 4).log_density(y.ravel(), seen), rel=1e-9)


@pytest.mark.parametrize("missing", SEEN.values(), ids=SEEN)
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_filtered_states_are_the_joint_normals_given_the_bins_so_far(model, missing):
    y = observed(model, missing)
    whole, passed, flat = joint(model, 4), model.filtered(y), y.ravel()
    for t in range(y.size):
        for upto, found in ((t, passed.prior), (t + 1, passed.posterior)):
            seen = [s for s in range(upto) if s not in missing]
            mean, cov = whole.states_given(flat, seen)
            np.testing.assert_allclose(found.reshape(-1, 5)[t], [*mean[t], *packed(cov[t, :, t])], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("missing", SEEN.values(), ids=SEEN)
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_smoothed_states_and_their_lagged_covariances_are_the_joint_normals(model, missing):
    y = observed(model, missing)
    seen = np.flatnonzero(~np.isnan(y.ravel()))
    mean, cov = joint(model, 4).states_given(y.ravel(), seen)
    smooth = model.smoothed(y)
    for t in range(y.size):
        np.testing.assert_allclose(smooth.states.reshape(-1, 5)[t], [*mean[t], *packed(cov[t, :, t])], rtol=1e-6, atol=1e-7)
        if t:
            np.testing.assert_allclose(smooth.lagged.reshape(-1, 2, 2)[t], cov[t, :, t - 1], rtol=1e-6, atol=1e-7)
    assert np.isnan(smooth.lagged[0, 0]).all()


@pytest.mark.parametrize("missing", SEEN.values(), ids=SEEN)
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("bin", [0, 1, 2])
def test_forecasts_of_the_bins_left_are_the_joint_normals_given_those_seen(model, missing, bin):
    y = observed(model, missing)
    upto = 9 + bin
    mean, cov = joint(model, 4).volumes_given(y.ravel(), [s for s in range(upto) if s not in missing])
    left = model.remaining(model.filtered(y).before(3, bin))
    np.testing.assert_allclose(left.log_mean, mean[upto:12], rtol=1e-8)
    np.testing.assert_allclose(left.log_variance, np.diag(cov)[upto:12], rtol=1e-6)


def test_one_bin_forecast_and_its_variance_are_the_first_of_the_bins_left():
    passed = MODEL.filtered(observed(MODEL, [4]))
    left = MODEL.remaining(passed.before(2, 1))
    assert left.log_mean[0] == pytest.approx(passed.log_forecast[2, 1], rel=1e-14)
    assert left.log_variance[0] == pytest.approx(passed.log_variance[2, 1], rel=1e-14)


def test_bar_by_bar_is_the_filter_of_the_whole_table():
    y = observed(MODEL, [5, 6])
    passed, state = MODEL.filtered(y), MODEL.start
    for t in range(4):
        for i in range(3):
            assert state == pytest.approx(passed.before(t, i), rel=1e-12)
            state = MODEL.update(state, y[t, i])
    assert state == pytest.approx(passed.end, rel=1e-12)


def test_after_the_last_bin_of_a_day_comes_the_first_of_the_next():
    state = MODEL.update(MODEL.start._replace(bin=2), 9.9)
    assert state.bin == 0
    assert MODEL.remaining(state).log_mean.shape == (3,)
    assert MODEL.remaining(state._replace(bin=2)).log_mean.shape == (1,)


def test_nothing_seen_leaves_the_means_to_their_dynamics_and_widens_the_forecast():
    model = replace(MODEL, a_eta=0.5, a_mu=0.5)
    state = State(2, 8.0, 1.0, 0.1, 0.0, 0.1)
    assert model.update(state, nan)[:3] == (0, 4.0, 0.5)
    assert model.update(state, nan).p22 == pytest.approx(0.25 * 0.1 + 0.03)
    assert model.update(state._replace(bin=0), nan).eta == 8.0


def test_medians_and_means_are_those_of_log_normal_volumes():
    left = MODEL.remaining(MODEL.filtered(observed(MODEL, [])).end)
    spread = np.sqrt(left.log_variance)
    np.testing.assert_allclose(left.median, stats.lognorm(spread, scale=np.exp(left.log_mean)).median())
    np.testing.assert_allclose(left.mean, stats.lognorm(spread, scale=np.exp(left.log_mean)).mean())


def test_compiled_loops_are_the_interpreted_ones():
    robust = replace(MODEL, penalty=12.0)
    y = observed(MODEL, [0, 4, 9], days=6)
    y[2, 2] += 3.0
    there = (y.ravel(), np.array(robust.phi), robust.dynamics, robust.start)
    fast, slow = compiled(forward)(*there), forward(*there)
    for one, other in zip(fast, slow, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15)
    arrays = (slow[0], slow[1], slow[2], slow[4])
    for one, other in zip(compiled(backward)(arrays, robust.dynamics, 3), backward(arrays, robust.dynamics, 3), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_robust_filter_holds_an_innovation_within_half_the_penalty_times_its_variance():
    s = 0.3 - 0.1 + 0.2 + 0.04
    forecast = 10.0 + 0.2 + 0.5
    at_bound, far = (replace(MODEL, penalty=2.0).update(MODEL.start, forecast + miss) for miss in (s, 5.0))
    assert far == pytest.approx(at_bound)
    assert far == pytest.approx(MODEL.update(MODEL.start, forecast + s))
    low = replace(MODEL, penalty=2.0).update(MODEL.start, forecast - 5.0)
    assert low == pytest.approx(MODEL.update(MODEL.start, forecast - s))


def test_outliers_are_what_the_robust_filter_takes_off():
    y = observed(MODEL, [7])
    y[1, 0] += 4.0
    plain, robust = MODEL.filtered(y), replace(MODEL, penalty=15.0).filtered(y)
    assert np.argmax(np.abs(robust.outliers)) == 3
    assert robust.innovations[1, 0] == pytest.approx(15.0 * robust.log_variance[1, 0] / 2)
    gaps = y - robust.log_forecast - robust.outliers
    np.testing.assert_allclose(gaps[~np.isnan(y)], robust.innovations[~np.isnan(y)], atol=1e-12)
    assert not plain.outliers.any()
    assert robust.outliers[2, 1] == 0.0


def test_robust_likelihood_is_the_best_that_the_lasso_can_do():
    y = np.array([[10.9, nan, nan], [nan, nan, nan]])
    for penalty in (0.5, 2.0, 40.0):
        robust = replace(MODEL, penalty=penalty)
        s, gap = 0.44, 10.9 - 10.7

        def loss(z, penalty=penalty, s=s, gap=gap):
            return 0.5 * (log(2 * np.pi * s) + (gap - z) ** 2 / s + penalty * abs(z))

        best = min(optimize.minimize_scalar(loss, bounds=(-1.0, 1.0), method="bounded", options={"xatol": 1e-10}).fun, loss(0.0))
        assert robust.log_likelihood(y) == pytest.approx(-best, rel=1e-8)


def test_a_penalty_that_is_never_reached_changes_nothing():
    y = observed(MODEL, [7])
    assert replace(MODEL, penalty=1e6).log_likelihood(y) == MODEL.log_likelihood(y)


def test_bins_without_volume_are_missing_not_small():
    table = log_volumes([[100.0, 0.0], [nan, 1.0]])
    np.testing.assert_array_equal(table, [[log(100.0), nan], [nan, 0.0]])
    assert log_volumes(0.0).shape == ()


@pytest.mark.parametrize("volume", [-1.0, inf])
def test_impossible_volumes_are_refused(volume):
    with pytest.raises(UsageError, match="volume is"):
        log_volumes([3.0, volume])


@pytest.mark.parametrize(
    "changes",
    [
        {"a_mu": nan},
        {"phi": ()},
        {"phi": (0.0, inf)},
        {"x0": (1.0,)},
        {"V0": (1.0, 0.0)},
        {"V0": (1.0, 1.1, 1.0)},
        {"V0": (-1.0, 0.0, 1.0)},
        {"var_eta": -1e-9},
        {"var_mu": -1e-9},
        {"r": 0.0},
        {"penalty": 0.0},
        {"penalty": nan},
    ],
    ids=str,
)
def test_impossible_parameters_are_refused(changes):
    with pytest.raises(UsageError):
        replace(MODEL, **changes)


@pytest.mark.parametrize(
    "table", [np.zeros(3), np.zeros((0, 3)), np.zeros((2, 4)), np.full((2, 3), -inf)], ids=["flat", "empty", "wide", "log of 0"]
)
def test_tables_that_do_not_fit_are_refused(table):
    with pytest.raises(UsageError):
        MODEL.filtered(table)


def test_the_logarithm_of_zero_is_refused_bar_by_bar():
    with pytest.raises(UsageError, match="NaN"):
        MODEL.update(MODEL.start, -inf)


def test_a_model_is_a_value():
    assert replace(MODEL) == MODEL
    assert hash(MODEL) == hash(replace(MODEL))
    assert replace(MODEL, phi=np.array(MODEL.phi), x0=[10, 0.2]) == MODEL
    with pytest.raises(ValueError, match="read-only"):
        MODEL.season[0] = 1.0


def test_an_executor_can_follow_a_day_without_numba_or_pandas():
    code = """
import sys
from exec_algos.forecast import VolumeModel
model = VolumeModel(1.0, 0.5, 0.1, 0.1, 0.1, (0.0, 0.0), (1.0, 0.0), (0.1, 0.0, 0.1))
model.remaining(model.update(model.start, 1.0)).median
print(*sorted({name.split('.')[0] for name in sys.modules} & {'numba', 'pandas', 'scipy'}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
