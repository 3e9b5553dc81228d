"""Days of 23 and 25 hours of a market without a close: volumes stand at their clock times."""

import math

import numpy as np
import pandas as pd
import pytest
from markets import STEP, assert_same, bars_of, outcome, rows_of

from exec_algos import ParentOrders, SlippageStudy
from exec_algos.market.calendars import Sessions, sessions
from exec_algos.market.clock_days import NO_CLOCK_DAY, ClockDay, clock_changes, clock_day, mapped_by_clock
from exec_algos.market.hours import sessions_of
from exec_algos.market.profile import RecordedVolumes, SessionVolumes
from exec_algos.model import Session

ZONE = "America/New_York"
HOUR = 3_600_000_000_000
SPRING, AUTUMN = "2024-03-10", "2024-11-03"


def ns(text):
    return pd.Timestamp(text, tz=ZONE).value


def day_of(text, step=HOUR):
    return clock_day(ns(text), ns(pd.Timestamp(text) + pd.Timedelta(days=1)), ZONE, step)


def by_hour(day):
    """Hourly bars of the day before a day, of the day and of the day after: the volume is the hour on the clock plus one."""
    first, last = (pd.Timestamp(day) + pd.Timedelta(days=n) for n in (-1, 2))
    stamps = range(ns(first), ns(last), HOUR)
    clock = [pd.Timestamp(t, tz="UTC").tz_convert(ZONE).hour for t in stamps]
    return bars_of(
        {"A": [(t, 9.0, 9.0, 9.0, 9.0, hour + 1.0, math.nan) for t, hour in zip(stamps, clock, strict=True)]}, step=HOUR, zone=ZONE
    ), clock


def test_a_day_of_a_clock_change_lasts_24_hours_on_its_clock():
    assert day_of(SPRING) == ClockDay(24, 0, 2, 1)
    assert day_of(AUTUMN) == ClockDay(24, 0, 2, -1)
    assert day_of("2024-03-11") == ClockDay(24, 0, 0, 0)
    assert day_of(AUTUMN, STEP) == ClockDay(48, 0, 4, -2)


@pytest.mark.parametrize(
    ("opened", "closed"),
    [("2024-03-10 09:30", "2024-03-10 16:00"), ("2024-03-06 17:00", "2024-03-07 16:00")],
)
def test_other_sessions_do_not_stand_on_a_clock(opened, closed):
    assert clock_day(ns(opened), ns(closed), ZONE, STEP) == NO_CLOCK_DAY


def test_only_days_on_which_clocks_change_are_named_and_no_calendar_with_nights_off_has_one():
    bars, _ = by_hour(SPRING)
    assert clock_changes(sessions_of(bars, None), HOUR).tolist() == [False, True, False]
    for calendar in ("XNYS", "CMES", "24/7"):
        assert not clock_changes(sessions(calendar, ns("2024-03-01"), ns("2024-11-30")), HOUR).any()


@pytest.mark.parametrize("day", [SPRING, AUTUMN])
@pytest.mark.parametrize("target", [1, 2], ids=["onto the day of the change", "onto the day after it"])
def test_the_profile_stands_at_the_same_clock_times_on_a_day_of_23_or_25_hours(day, target):
    bars, clock = by_hour(day)
    found = sessions_of(bars, None)
    assert found.slots(HOUR).tolist() == [24, 23 if day == SPRING else 25, 24]
    first, last = (bars.start >= found.open[target]).argmax(), np.searchsorted(bars.start, found.close[target])
    volume = np.array(clock[first:last]) + 1.0
    if target == 2 and day == SPRING:
        volume[2] = 0.0  # of an hour that the one earlier day has not, nothing is known
    profile = SessionVolumes.of(bars, "A", found).profile(target, 1)
    np.testing.assert_allclose(profile, volume / volume.sum(), rtol=1e-14)


def test_an_hour_that_a_day_has_not_counts_there_as_the_mean_of_the_days_that_have_it():
    day, short = ClockDay(4, 0, 0, 0), ClockDay(4, 0, 1, 1)
    found = mapped_by_clock([np.array([1.0, 2, 3, 4]), np.array([5.0, 6, 7]), np.array([1.0, 4, 3, 4])], [day, short, day], day, 4)
    assert [volumes.tolist() for volumes in found] == [[1, 2, 3, 4], [5, 3, 6, 7], [1, 4, 3, 4]]


def test_an_hour_that_comes_twice_counts_as_the_mean_of_both_and_has_it_twice():
    day, long = ClockDay(4, 0, 0, 0), ClockDay(4, 0, 2, -1)
    assert mapped_by_clock([np.array([1.0, 2, 4, 5, 6])], [long], day, 4)[0].tolist() == [1, 3, 5, 6]
    assert mapped_by_clock([np.array([1.0, 2, 3, 4])], [day], long, 5)[0].tolist() == [1, 2, 2, 3, 4]
    assert mapped_by_clock([np.array([1.0, 2, 4, 5, 6])], [long], long, 5)[0].tolist() == [1, 3, 3, 5, 6]


def test_a_day_that_lacks_bars_at_its_ends_keeps_its_clock_times():
    lacking, whole, long = ClockDay(4, 1, 0, 0), ClockDay(4, 0, 0, 0), ClockDay(4, 0, 2, -1)
    assert clock_day(ns(f"{SPRING} 00:30"), ns(f"{SPRING} 23:30"), ZONE, STEP) == ClockDay(48, 1, 3, 2)
    assert mapped_by_clock([np.array([2.0, 3])], [lacking], long, 5)[0].tolist() == [0, 2, 2, 3, 0]
    assert mapped_by_clock([np.array([1.0, 2, 4, 5])], [long], whole, 4)[0].tolist() == [1, 3, 5, 0]


def crypto(day, seed=1, missing=0.0):
    first, last = (pd.Timestamp(day) + pd.Timedelta(days=n) for n in (-3, 4))
    return bars_of({"A": rows_of(np.random.default_rng(seed), list(range(ns(first), ns(last), STEP)), missing, 0.1, False)}, zone=ZONE)


@pytest.mark.parametrize("day", [SPRING, AUTUMN])
def test_volumes_taken_in_bar_by_bar_give_the_profile_of_the_table(day):
    bars = crypto(day)
    found = sessions_of(bars, None)
    whole = SessionVolumes.of(bars, "A", found)
    record = RecordedVolumes("A", lambda t: Session.of(found, found.at_or_after(t)), STEP)
    for start, volume in zip(bars.start.tolist(), bars.volume.tolist(), strict=True):
        record.add(start, volume)
    for number in range(2, len(found)):
        assert record.profile(Session.of(found, number), 2).tolist() == whole.profile(number, 2).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("day", [SPRING, AUTUMN])
@pytest.mark.parametrize(("seed", "missing"), [(1, 0.0), (8, 0.2)])
def test_engine_and_batch_agree_bit_for_bit_on_days_of_23_and_25_hours(day, seed, missing):
    bars = crypto(day, seed, missing)
    orders = ParentOrders.grid(bars, size="5%adv", profile_days=2, window=["00:00-24:00", "01:30-09:00", "00:30-03:30"])
    study = SlippageStudy(bars, orders, ["vwap:profile_days=2", "dynamic_vwap:profile_days=2,bin_minutes=60"])
    engine, batch = outcome(study, "engine"), outcome(study, "batch")
    assert_same(engine, batch)
    assert set(batch.parents["session"].astype(str)) >= {day, str((pd.Timestamp(day) + pd.Timedelta(days=1)).date())}


def test_without_a_clock_change_the_numbers_of_a_market_without_a_close_stay():
    opens = ns("2024-03-05") + np.arange(3) * 24 * HOUR
    found = Sessions(name="coin", zone=ZONE, date=np.arange(3).astype("datetime64[D]"), open=opens, close=opens + 24 * HOUR)
    bars = bars_of({"A": rows_of(np.random.default_rng(2), list(range(int(opens[0]), int(opens[-1]), STEP)), 0.2, 0.1, False)}, zone=ZONE)
    table = SessionVolumes.of(bars, "A", found)
    total = table.volumes[0] + table.volumes[1]
    assert table.profile(2, 2).tolist() == (total / np.cumsum(total)[-1]).tolist()
