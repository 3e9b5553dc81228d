"""Walking forward: what is measured, on simulated volumes and on the real ones of the authors' package."""

from math import exp, nan, sqrt

import numpy as np
import pytest
from dense_gaussian import draw
from scipy import stats

from exec_algos.errors import NotEnoughHistoryError, UsageError
from exec_algos.forecast import VolumeModel, mape, static_weights, tracking_error, walk_forward

TRUE = VolumeModel(0.98, 0.6, 0.04, 0.03, 0.05, (0.6, 0.1, -0.2, -0.4, -0.3, -0.1, 0.0, 0.3), (10.0, 0.0), (0.04, 0.0, 0.05))


def volumes(days=60, seed=2):
    return np.exp(draw(TRUE, days, np.random.default_rng(seed)))


def test_mape_is_the_mean_of_relative_misses_where_something_traded():
    assert mape([90.0, 330.0, 5.0, 5.0], [100.0, 300.0, 0.0, nan]) == pytest.approx(0.1)


def test_mape_of_nothing_is_refused():
    with pytest.raises(UsageError, match="no bin has volume"):
        mape([1.0], [0.0])


@pytest.mark.slow
def test_model_beats_the_evening_before_and_that_the_rolling_mean_on_its_own_kind_of_volumes():
    found = walk_forward(volumes(200), train=100, refit=25)
    scores = found.mape()
    assert scores.dynamic < scores.static < scores.rolling_mean
    curve = found.curve_error()
    assert curve.dynamic < curve.rolling_mean


@pytest.mark.slow
def test_dynamic_mape_is_that_of_a_log_normal_about_its_median():
    table = volumes(500)
    spread = sqrt(TRUE.filtered(np.log(table)).log_variance[-1].mean())
    expected = exp(spread**2 / 2) * (2 * stats.norm.cdf(spread) - 1)  # E|exp(X) - 1|, X normal of mean 0
    assert walk_forward(table, train=200, refit=300).mape().dynamic == pytest.approx(expected, rel=0.04)


@pytest.mark.slow
def test_no_forecast_sees_its_own_bin_or_a_later_one():
    table = volumes(30)
    changed = table.copy()
    changed[25, 3] *= 7.0
    changed[25, 4:] *= 3.0
    changed[26:] *= 0.1
    first, second = (walk_forward(each, train=20, refit=5) for each in (table, changed))
    for name in ("dynamic", "static", "rolling_mean", "dynamic_weights", "static_weights", "mean_weights"):
        one, other = getattr(first, name), getattr(second, name)
        np.testing.assert_array_equal(one[:5], other[:5], err_msg=name)
        np.testing.assert_array_equal(one[5, :4], other[5, :4], err_msg=name)
    assert (first.dynamic[5, 4:] != second.dynamic[5, 4:]).all()


@pytest.mark.slow
def test_the_rolling_mean_is_numpys_over_the_days_asked_for():
    table = volumes(30)
    table[22, 5] = 0.0
    for days in (5, 20):
        found = walk_forward(table, train=20, refit=10, mean_days=days)
        np.testing.assert_allclose(found.rolling_mean[4], table[24 - days : 24].mean(axis=0))
        np.testing.assert_allclose(found.mean_weights[4], static_weights(found.rolling_mean[4]))


@pytest.mark.slow
def test_bins_that_are_not_there_are_no_zeros_in_the_rolling_mean():
    table = volumes(25)
    table[18, 6:] = nan
    found = walk_forward(table, train=20, refit=5)
    assert found.rolling_mean[0, 7] == pytest.approx(np.nanmean(table[:20, 7]))


def test_refits_are_as_many_as_asked_for():
    table = volumes(66)
    assert [len(walk_forward(table, train=60, refit=n).fits) for n in (1, 4, 100)] == [6, 2, 1]
    assert walk_forward(table, train=60, refit=4).sessions.tolist() == [60, 61, 62, 63, 64, 65]


@pytest.mark.slow
def test_a_penalty_makes_robust_models():
    assert walk_forward(volumes(22), train=20, refit=2, penalty=30.0).fits[0].model.penalty == 30.0


@pytest.mark.slow
def test_curve_and_tracking_errors_are_means_over_sessions():
    table = volumes(24)
    prices = 50.0 + np.random.default_rng(1).normal(size=table.shape).cumsum(axis=1)
    found = walk_forward(table, train=20, refit=4)
    shares = table[20:] / table[20:].sum(axis=1, keepdims=True)
    assert found.curve_error().static == pytest.approx(
        np.mean([np.abs(w - s).sum() / 2 for w, s in zip(found.static_weights, shares, strict=True)])
    )
    each = [tracking_error(w, v, p) for w, v, p in zip(found.dynamic_weights, table[20:], prices[20:], strict=True)]
    assert found.tracking_error(prices).dynamic == pytest.approx(np.mean(each))


@pytest.mark.parametrize(
    "counts", [{"train": 0}, {"train": 5, "refit": 0}, {"train": 5, "mean_days": 0}, {"train": 5, "mean_days": 6}], ids=str
)
def test_impossible_counts_are_refused(counts):
    with pytest.raises(UsageError, match="mean_days at most train"):
        walk_forward(volumes(10), **counts)


def test_a_table_without_sessions_to_forecast_is_refused():
    with pytest.raises(NotEnoughHistoryError, match="20 train"):
        walk_forward(volumes(20), train=20)
    with pytest.raises(UsageError, match="sessions by bins"):
        walk_forward([1.0], train=1)


@pytest.mark.market_data
@pytest.mark.slow
def test_aapl_of_2019_is_forecast_as_well_as_by_the_authors_package(market_data):
    import pandas as pd

    table = pd.read_parquet(market_data / "volume_15min" / "AAPL.parquet").to_numpy().T
    scores = walk_forward(table, train=104, refit=20).mape()
    assert scores.dynamic == pytest.approx(0.209, abs=0.0015)
    assert scores.static == pytest.approx(0.340, abs=0.0015)
    assert scores.rolling_mean == pytest.approx(0.543, abs=0.0005)
