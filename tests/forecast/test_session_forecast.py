"""The rest of a session's volume: closed forms on paper, what spreads a bin over its bars, and any history at all."""

from math import e, exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exec_algos.errors import NotEnoughHistoryError, UsageError
from exec_algos.forecast import State, VolumeModel
from exec_algos.forecast.session import SessionForecast, binned

# level 100, deviations that halve from bin to bin and are as uncertain as the noise
MODEL = VolumeModel(a_eta=1, a_mu=0.5, var_eta=0, var_mu=0, r=1, phi=(0, 0, 0), x0=(0, 0), V0=(0, 0, 0))
START = State(0, log(100), 0.0, 0.0, 0.0, 1.0)


def by_hand(width=1, busy=(0, 1, 2), share=(1.0, 1.0, 1.0)):
    return SessionForecast(MODEL, START, width, np.array(busy), np.array(share))


def test_before_the_session_the_expected_volume_is_the_level_and_half_the_variance_that_is_left_of_it():
    # variances: 1 + 1, 1/4 + 1, 1/16 + 1
    expected = [100 * exp(2 / 2), 100 * exp(1.25 / 2), 100 * exp(1.0625 / 2)]
    np.testing.assert_allclose(by_hand().expected(np.zeros(0)), expected, rtol=1e-13)


def test_a_bin_with_e_times_the_volume_raises_those_after_it_by_half_and_half_again_of_the_gain():
    # S = 2, K = 1/2: the deviation is 1/2 of variance 1/2, one bin on 1/4 of variance 1/8
    expected = [0.0, 100 * exp(1 / 4 + (1 / 8 + 1) / 2), 100 * exp(1 / 8 + (1 / 32 + 1) / 2)]
    np.testing.assert_allclose(by_hand().expected(np.array([100 * e])), expected, rtol=1e-13)


def test_a_bin_without_volume_is_passed_over_and_leaves_only_what_time_does():
    expected = [0.0, 100 * exp(1.25 / 2), 100 * exp(1.0625 / 2)]
    np.testing.assert_allclose(by_hand().expected(np.array([0.0])), expected, rtol=1e-13)


def test_a_bin_is_spread_over_its_bars_by_their_share_and_counts_only_when_it_is_complete():
    forecast = by_hand(width=2, share=(0.25, 0.75, 0.5, 0.5, 1.0))  # the last bin has one bar only
    before = forecast.expected(np.zeros(0))
    np.testing.assert_allclose(before, np.array([0.25, 0.75, 0, 0, 0]) * 100 * e + [0, 0, *before[2:]], rtol=1e-13)
    assert forecast.expected(np.array([5000.0])).tolist() == before.tolist()
    after = forecast.expected(np.array([40 * e, 60 * e]))
    np.testing.assert_allclose(after[2:4], 50 * exp(1 / 4 + 1.125 / 2), rtol=1e-13)
    assert after[:2].tolist() == [0, 0]
    assert [forecast.complete(np.zeros(n)) for n in range(6)] == [0, 0, 1, 1, 2, 2]


def test_bins_in_which_nothing_ever_traded_are_expected_to_stay_empty_and_to_tell_nothing():
    forecast = by_hand(busy=(0, 2, 3), share=(1.0, 0.0, 1.0, 1.0))
    quiet, loud = (forecast.expected(np.array([100 * e, volume])) for volume in (0.0, 10_000.0))
    assert quiet.tolist() == loud.tolist()
    np.testing.assert_allclose(quiet, [0, 0, 100 * exp(0.8125), 100 * exp(0.640625)], rtol=1e-13)


def test_the_shares_of_a_fitted_model_are_those_of_the_history_times_how_often_the_bin_traded():
    history = [np.array([10.0, 30, 0, 0, 5]), np.array([20.0, 60, 7, 0, 5]), np.array([30.0, 90, 0, 0, 5]), np.array([10.0, 30, 1, 0, 5])]
    forecast = SessionForecast.of(history, 2)
    assert forecast.busy.tolist() == [0, 1, 2]
    np.testing.assert_allclose(forecast.share, [0.25, 0.75, 0.5, 0.0, 1.0])


def test_of_sessions_that_differ_by_their_level_alone_the_model_expects_the_common_shape():
    shape = np.array([5.0, 1, 2, 4])
    history = [shape * level for level in (100, 120, 90, 110, 105, 95)]
    expected = SessionForecast.of(history, 1).expected(np.zeros(0))
    np.testing.assert_allclose(expected / expected.sum(), shape / shape.sum(), rtol=1e-3)


def test_bins_are_sums_of_bars_and_the_last_may_be_short():
    assert binned(np.array([[1.0, 2, 3, 4, 5]]), 2).tolist() == [[3, 7, 5]]


histories = st.tuples(st.integers(2, 5), st.integers(1, 14), st.integers(0, 2**32 - 1), st.floats(0, 6), st.sampled_from([0.0, 0.5, 0.9]))


@given(histories, st.integers(1, 4))
@settings(deadline=None, max_examples=40)
@pytest.mark.slow
def test_any_history_gives_finite_forecasts_of_no_less_than_nothing(history, width):
    days, bars, seed, spread, silent = history
    rng = np.random.default_rng(seed)
    table = np.exp(rng.normal(5, spread, (days, bars))) * (rng.random((days, bars)) >= silent)
    table[0, 0] = 1.0
    forecast = SessionForecast.of(list(table), width, iterations=20)
    for known in range(bars):
        expected = forecast.expected(np.exp(rng.normal(5, spread, known)))
        assert np.isfinite(expected).all()
        assert (expected >= 0).all()


@pytest.mark.parametrize(
    ("history", "width", "message"),
    [
        ([np.ones(3), np.ones(2)], 1, r"sessions of \[2, 3\] bars; map them onto one length"),
        ([np.ones(3), np.ones(3)], 0, "a bin has 1 bar or more, got width 0"),
        ([np.zeros(3), np.zeros(3)], 1, "nothing traded in the 2 earlier sessions"),
    ],
)
def test_a_history_that_tells_nothing_is_refused(history, width, message):
    with pytest.raises(UsageError, match=message):
        SessionForecast.of(history, width)


def test_one_session_is_not_enough():
    with pytest.raises(NotEnoughHistoryError, match="needs two sessions or more, there is 1"):
        SessionForecast.of([np.ones(3)], 1)
