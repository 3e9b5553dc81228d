"""Volumes recorded bar by bar give the profile of the whole table, bit for bit."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import CLOSES, DAYS, STEP, bars_of, grid_of, markets, ns

from exec_algos import Bars
from exec_algos.errors import NotEnoughHistoryError, UsageError
from exec_algos.market.adv import SessionTotals
from exec_algos.market.calendars import sessions
from exec_algos.market.profile import RecordedVolumes, SessionVolumes
from exec_algos.model import Session
from exec_algos.stepped.hours import CalendarHours

HOUR = 3_600_000_000_000


def outcome(profile):
    """A profile's numbers, or the words with which it is refused."""
    try:
        return profile().tolist()
    except NotEnoughHistoryError as error:
        return str(error)


def assert_agree(bars, symbol, calendar, longest):
    """Compare, before each session and with as many days as there can be, what the bars until then say; returns the profiles that exist."""
    one = bars.select([symbol])
    table = sessions(calendar, int(one.start.min()), int(one.start.max()))
    whole, record = SessionVolumes.of(bars, symbol, table), RecordedVolumes(symbol, CalendarHours(calendar), bars.step)
    rows, found = iter([*zip(one.start.tolist(), one.volume.tolist(), strict=True), (2**62, 0.0)]), 0
    start, volume = next(rows)
    for i in range(len(table)):
        session = Session(int(table.open[i]), int(table.close[i]), table.zone)
        while start < session.open:
            record.add(start, volume)
            start, volume = next(rows)
        for days in range(1, longest + 1):
            expected = outcome(lambda i=i, days=days: whole.profile(i, days))
            assert outcome(lambda session=session, days=days: record.profile(session, days)) == expected
            found += not isinstance(expected, str)
    return found


@st.composite
def days_and_nights(draw):
    """Bars in and outside the sessions: silent ones, missing ones, missing days, half days."""
    kept = draw(st.lists(st.sampled_from(DAYS), unique=True, min_size=1).map(sorted))
    step = draw(st.sampled_from([STEP, 2 * STEP]))  # hours do not fit into a session of 6.5 hours
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    starts = [t for day in kept for t in range(ns(day, "08:00"), ns(day, "18:00"), STEP) if (t - ns(day, "09:30")) % step == 0]
    starts = [t for t in starts if rng.random() < draw(st.shared(st.sampled_from([1.0, 0.6]), key="kept"))]
    return bars_of(
        {"A": [(t, 10.0, 10.0, 10.0, 10.0, float(rng.choice([0.0, 0.1, 7.0, 1e6])), math.nan) for t in starts or [ns(kept[0], "09:30")]]},
        step=step,
    )


@given(days_and_nights())
@settings(deadline=None, max_examples=150)
@pytest.mark.slow
def test_the_profile_of_recorded_bars_is_that_of_the_table(bars):
    assert_agree(bars, "A", "XNYS", 4)


@given(markets(("A",)))
@settings(deadline=None, max_examples=20)
def test_the_profiles_of_a_whole_market_are_those_of_the_table(bars):
    assert assert_agree(bars, "A", "XNYS", 3) > 0


@pytest.mark.market_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "calendar"),
    [
        ("us_yahoo_2026_03/BILI", "XNYS"),
        ("us_lean/GOOG", "XNYS"),
        ("us_alphavantage_2019_02/TRV", "XNYS"),
        ("krx_yahoo_5m/005930", "XKRX"),
        ("krx_yahoo_5m/396500", "XKRX"),
        ("crypto_lean_coinbase/BTCUSD", "24/7"),
    ],
)
def test_the_profiles_of_real_bars_are_those_of_the_table(market_data, file, calendar):
    bars = Bars.read(market_data / f"{file}.parquet")
    assert assert_agree(bars, bars.symbols[0], calendar, 5) > 0


def recorded(volumes, step=STEP):
    """What a record holds after days whose volumes from the open on are given."""
    record = RecordedVolumes("A", CalendarHours("XNYS"), step)
    for day, row in volumes.items():
        for start, volume in zip(range(ns(day, "09:30"), ns(day, CLOSES[day]), step), row, strict=False):
            record.add(start, volume)
    return record


def session(day):
    return Session(ns(day, "09:30"), ns(day, CLOSES[day]), "America/New_York")


def test_the_day_itself_and_later_ones_are_not_in_its_profile():
    record = recorded({DAYS[0]: [1, 0, 3], DAYS[1]: [9, 9, 9], DAYS[2]: [9]})
    assert record.profile(session(DAYS[1]), 1).tolist() == [0.25, 0, 0.75] + [0.0] * 10


def test_too_few_days_is_an_error_that_says_how_many_there_are():
    with pytest.raises(
        NotEnoughHistoryError, match="A: the volume profile needs 2 earlier sessions with data, there are 1; give more history"
    ):
        recorded({DAYS[0]: [1], DAYS[1]: [1]}).profile(session(DAYS[1]), 2)


def test_a_bar_that_the_close_of_a_half_day_cuts_short_counts_with_the_last_whole_one():
    volumes = {DAYS[3]: [1, 1, 1, 5]}  # 09:30, 10:30, 11:30, and the half hour from 12:30 to the close
    assert recorded(volumes, HOUR).profile(session(DAYS[4]), 1).cumsum()[[1, 3, 5]] == pytest.approx([1 / 8, 2 / 8, 1])
    rows = [(t, 10.0, 10.0, 10.0, 10.0, float(v), math.nan) for t, v in zip(grid_of(DAYS[3], HOUR), volumes[DAYS[3]], strict=True)]
    bars = bars_of({"A": [*rows, (ns(DAYS[4], "09:30"), 10.0, 10.0, 10.0, 10.0, 1.0, math.nan)]}, step=HOUR)
    hours = sessions("XNYS", ns(DAYS[3], "09:30"), ns(DAYS[4], "16:00"))
    assert SessionVolumes.of(bars, "A", hours).volumes[0].tolist() == [1, 1, 6, 0, 0, 0]
    assert SessionTotals.of(bars, "A", hours).average_volume(1, 1) == 8


@pytest.mark.parametrize("again", ["10:00", "09:30"])
def test_bars_that_do_not_rise_are_refused_with_both_times(again):
    record = recorded({DAYS[0]: [1, 1]})
    with pytest.raises(
        UsageError, match=r"bars of A do not rise: .*11-24T1[45]:[03]0:00 UTC came after one that starts at 2025-11-24T15:00:00 UTC"
    ):
        record.add(ns(DAYS[0], again), 1.0)
