"""Volume profiles: the mean curve of earlier sessions, minute by minute from the open."""

import asyncio
import math
from datetime import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markets import DAYS, STEP, bars_of, grid_of, market, markets, ns

from exec_algos import Bars, SimulatedBroker
from exec_algos.errors import NotEnoughHistoryError, UsageError
from exec_algos.market.calendars import sessions
from exec_algos.market.profile import SessionVolumes, as_series, stretched, window_profile
from exec_algos.model import Session


def volumes_of(bars, symbol="A"):
    return SessionVolumes.of(bars, symbol, sessions("XNYS", int(bars.start.min()), int(bars.start.max())))


def index(bars, day):
    hours = sessions("XNYS", int(bars.start.min()), int(bars.start.max()))
    return int(np.flatnonzero(hours.date == np.datetime64(day))[0])


def profile(bars, day, days, symbol="A"):
    return volumes_of(bars, symbol).profile(index(bars, day), days)


def days_with(volumes):
    """Bars whose volume from the open on is given, by day."""
    return bars_of(
        {
            "A": [
                (t, 10.0, 10.0, 10.0, 10.0, float(v), math.nan)
                for day, row in volumes.items()
                for t, v in zip(grid_of(day), row, strict=False)
                if v is not None
            ]
        }
    )


TODAY = {DAYS[2]: [1]}


def test_a_profile_is_the_mean_volume_of_the_earlier_sessions_normalised():
    bars = days_with({DAYS[0]: [1, 0, 3], DAYS[1]: [3, 2, 1], **TODAY})
    assert profile(bars, DAYS[2], 2).tolist() == [0.4, 0.2, 0.4] + [0.0] * 10


def test_only_the_last_sessions_count():
    bars = days_with({DAYS[0]: [1, 0, 3], DAYS[1]: [3, 2, 5], **TODAY})
    assert profile(bars, DAYS[2], 1).tolist() == [0.3, 0.2, 0.5] + [0.0] * 10


def test_a_session_that_traded_more_counts_for_more():
    bars = days_with({DAYS[0]: [1, 0], DAYS[1]: [0, 9], **TODAY})
    assert profile(bars, DAYS[2], 2)[:2].tolist() == [0.1, 0.9]


def test_a_missing_minute_is_a_minute_without_volume():
    bars = days_with({DAYS[0]: [2, None, 2], DAYS[1]: [0, 4, None], **TODAY})
    assert profile(bars, DAYS[2], 2)[:3].tolist() == [0.25, 0.5, 0.25]


def test_a_day_without_data_is_absent_not_zero():
    bars = days_with({DAYS[0]: [1, 3], **TODAY})
    assert profile(bars, DAYS[2], 1)[:2].tolist() == [0.25, 0.75]


def test_too_few_sessions_is_an_error_that_says_how_many_there_are():
    with pytest.raises(NotEnoughHistoryError, match="A: the volume profile needs 5 earlier sessions with data, there are 1"):
        profile(days_with({DAYS[0]: [1, 3], **TODAY}), DAYS[2], 5)


def test_a_profile_of_sessions_that_did_not_trade_is_zero():
    assert profile(days_with({DAYS[0]: [0, 0], **TODAY}), DAYS[2], 1).tolist() == [0.0] * 13


def test_bars_outside_the_session_are_left_out():
    rows = [
        (ns(DAYS[0], clock), 10.0, 10.0, 10.0, 10.0, volume, math.nan)
        for clock, volume in (("09:00", 50.0), ("09:30", 1.0), ("15:30", 1.0), ("16:00", 70.0))
    ]
    bars = bars_of({"A": [*rows, (ns(DAYS[2], "09:30"), 10.0, 10.0, 10.0, 10.0, 1.0, math.nan)]})
    assert profile(bars, DAYS[2], 1).tolist() == [0.5] + [0.0] * 11 + [0.5]


def test_a_full_day_maps_onto_a_half_day_by_the_fraction_of_the_day():
    bars = days_with({DAYS[2]: range(1, 14), DAYS[3]: [1]})
    half = profile(bars, DAYS[3], 1)
    done = np.concatenate([[0], np.cumsum(np.arange(1, 14))]) / 91
    np.testing.assert_allclose(np.cumsum(half), [np.interp(13 * (k + 1) / 7, np.arange(14), done) for k in range(7)], rtol=1e-14)
    assert len(half) == 7


def test_a_half_day_maps_onto_a_full_day_and_keeps_its_burst_at_the_close():
    bars = days_with({DAYS[3]: [1, 1, 1, 1, 1, 1, 50], DAYS[4]: [1]})
    whole = profile(bars, DAYS[4], 1)
    assert len(whole) == 13
    assert whole[-1] == pytest.approx(50 / 56 * 7 / 13)
    assert whole.sum() == pytest.approx(1)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30).filter(any), st.integers(1, 40))
@settings(deadline=None, max_examples=100)
def test_stretching_keeps_the_sum_and_the_share_at_every_fraction_of_the_day(volumes, length):
    long = stretched(np.array(volumes, dtype=float), length)
    assert len(long) == length
    assert (long >= -1e-9).all()
    assert long.sum() == pytest.approx(sum(volumes))
    both = stretched(stretched(np.array(volumes, dtype=float), len(volumes) * length), len(volumes))
    np.testing.assert_allclose(both, volumes, atol=1e-6)


@given(markets(("A",)), st.sampled_from(DAYS[2:]), st.integers(1, 2))
@settings(deadline=None, max_examples=40)
def test_a_profile_is_a_distribution_over_the_sessions_bars(bars, day, days):
    past = volumes_of(bars)
    assume(past.has_data[: index(bars, day)].sum() >= days)
    found = profile(bars, day, days)
    traded = past.volumes[past.earlier(index(bars, day), days)].sum() > 0
    assert len(found) == len(grid_of(day))
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(1 if traded else 0)


@given(markets(("A",)), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_a_profile_does_not_know_its_own_day_or_later_ones(bars, seed):
    cut = ns(DAYS[2], "09:30")
    assume(volumes_of(bars).has_data[: index(bars, DAYS[2])].sum() >= 2)
    other = market(seed, ("A",))
    parts = [one.take(keep) for one, keep in ((bars, bars.start < cut), (other, other.start >= cut))]
    joined = bars_of(
        {
            "A": [
                row
                for part in parts
                for row in zip(
                    part.start.tolist(), part.open, part.high, part.low, part.close, part.volume, [math.nan] * len(part), strict=True
                )
            ]
        }
    )
    assert profile(bars, DAYS[2], 2).tolist() == profile(joined, DAYS[2], 2).tolist()


def broker_profile(bars, day, days=2, clock="09:30"):
    broker = SimulatedBroker(bars, calendar="XNYS", start=ns(day, clock))
    return asyncio.run(broker.get_historical_volume_profile("A", days))


@pytest.mark.parametrize("clock", ["09:30", "12:00"])
def test_a_brokers_profile_is_a_series_by_time_of_day(clock):
    bars = market(4, ("A",))
    series = broker_profile(bars, DAYS[2], clock=clock)
    assert (series.index[0], series.index[-1]) == (time(9, 30), time(15, 30))
    assert series.tolist() == profile(bars, DAYS[2], 2).tolist()


def test_a_brokers_profile_of_the_half_day_ends_at_one_o_clock():
    series = broker_profile(market(4, ("A",)), DAYS[3])
    assert (series.index[-1], len(series)) == (time(12, 30), 7)
    assert series.sum() == pytest.approx(1)


def test_a_window_takes_its_own_times_from_a_profile():
    series = as_series(
        np.arange(1.0, 14.0), Session(ns(DAYS[0], "09:30"), ns(DAYS[0], "16:00"), "America/New_York"), STEP, "America/New_York"
    )
    assert window_profile(series, ns(DAYS[1], "10:30") + np.arange(3) * (STEP), STEP, "America/New_York").tolist() == [3.0, 4.0, 5.0]


def test_without_a_profile_every_bar_of_a_window_is_alike():
    assert window_profile(None, ns(DAYS[1], "10:30") + np.arange(3) * STEP, STEP, "America/New_York").tolist() == [1.0, 1.0, 1.0]


def test_volume_flows_evenly_within_a_bin_when_the_window_has_finer_bars():
    series = pd.Series([6.0, 12.0], index=[time(9, 30), time(10, 0)])
    fine = window_profile(series, ns(DAYS[0], "09:40") + np.arange(4) * (STEP // 3), STEP // 3, "America/New_York")
    np.testing.assert_allclose(fine, [2.0, 2.0, 4.0, 4.0])


def test_a_window_that_begins_between_the_bins_takes_its_part_of_each():
    series = pd.Series([6.0, 12.0, 18.0], index=[time(9, 30), time(10, 0), time(10, 30)])
    begins = ns(DAYS[0], "09:40") + np.arange(3) * STEP
    whole = window_profile(series, begins[:2], STEP, "America/New_York")
    np.testing.assert_allclose(whole, [6 * 20 / 30 + 12 * 10 / 30, 12 * 20 / 30 + 18 * 10 / 30])
    cut = window_profile(series, begins, STEP, "America/New_York", end=int(begins[2]) + STEP // 6)
    np.testing.assert_allclose(cut, [*whole, 18 * 5 / 30])


def test_the_last_bar_of_a_flat_window_counts_as_long_as_it_is():
    begins = ns(DAYS[0], "09:40") + np.arange(3) * STEP
    assert window_profile(None, begins, STEP, "America/New_York", end=int(begins[2]) + STEP // 4).tolist() == [1.0, 1.0, 0.25]


def test_a_window_that_begins_between_the_bins_takes_a_part_of_each():
    """Half an hour from 09:40: two thirds of the first bin, one third of the second."""
    series = pd.Series([6.0, 12.0, 0.0], index=[time(9, 30), time(10, 0), time(10, 30)])
    live = window_profile(series, ns(DAYS[0], "09:40") + np.arange(2) * STEP, STEP, "America/New_York")
    np.testing.assert_allclose(live, [8.0, 8.0])


def test_a_window_in_which_nothing_ever_traded_is_refused():
    series = pd.Series([1.0, 0.0], index=[time(9, 30), time(10, 0)])
    with pytest.raises(UsageError, match="no volume in the order's window"):
        window_profile(series, ns(DAYS[0], "10:00") + np.arange(1) * (STEP), STEP, "America/New_York")


@pytest.mark.market_data
@pytest.mark.parametrize("file", ["us_yahoo_2026_03/BILI", "us_alphavantage_2019_02/TRV"])
def test_the_profile_of_real_bars_is_pandas(market_data, file):
    bars = Bars.read(market_data / f"{file}.parquet")
    volume = bars.to_frame().droplevel(0)["volume"]
    table = volume.groupby([volume.index.date, volume.index.time]).sum().unstack().fillna(0.0)
    day = table.index[4]
    expected = table.iloc[1:4].mean() / table.iloc[1:4].mean().sum()
    np.testing.assert_allclose(profile(bars, str(day), 3, bars.symbols[0]), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.market_data
def test_the_curve_of_christmas_eve_2015_reaches_one_at_one_o_clock(market_data):
    bars = Bars.read(market_data / "us_lean" / "GOOG.parquet")
    half, before = profile(bars, "2015-12-24", 1, "GOOG"), profile_of_day(bars, "2015-12-23")
    assert len(half) == 210
    assert half.sum() == pytest.approx(1)
    for u in (1 / 7, 2 / 7, 0.5, 6 / 7):  # the share of the day's volume after each fraction of the day
        assert half[: round(210 * u)].sum() == pytest.approx(before[: round(390 * u)].sum(), abs=0.01)


def profile_of_day(bars, day):
    volume = bars.to_frame().droplevel(0).loc[day].between_time("09:30", "15:59")["volume"]
    minutes = pd.date_range(f"{day} 09:30", f"{day} 15:59", freq="1min", tz=bars.zone)
    return (volume / volume.sum()).reindex(minutes, fill_value=0.0).to_numpy()
