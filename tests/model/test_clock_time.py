"""Which instant of a session a clock time names: by hand, over midnight and where clocks change."""

from datetime import date, timedelta

import pandas as pd
import pytest

from exec_algos.model.clock_time import clock_end, clock_start, clock_time, on_clock

CHICAGO, NEW_YORK = "America/Chicago", "America/New_York"


def ns(text, zone="UTC"):
    return pd.Timestamp(text, tz=zone).value


def clock(text):
    return clock_time(text)


NIGHT = ns("2024-03-06 17:00", CHICAGO), ns("2024-03-07 17:00", CHICAGO), CHICAGO  # a futures session of 24 hours
WITH_A_PAUSE = ns("2024-03-06 17:00", CHICAGO), ns("2024-03-07 16:00", CHICAGO), CHICAGO
TOKYO = ns("2024-03-06 09:00", "Asia/Tokyo"), ns("2024-03-06 15:00", "Asia/Tokyo"), "Asia/Tokyo"
LONG_DAY = ns("2024-11-03", NEW_YORK), ns("2024-11-04", NEW_YORK), NEW_YORK  # 25 hours
SHORT_DAY = ns("2024-03-10", NEW_YORK), ns("2024-03-11", NEW_YORK), NEW_YORK  # 23 hours


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("00:00", 0), ("9:30", 570), ("09:30", 570), (" 09:30 ", 570), ("23:59", 1439), ("24:00", 1440), ("24:00:00", 1440)],
)
def test_a_clock_time_is_the_time_since_midnight(text, minutes):
    assert clock(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["24:01", "25:00", "12:60", "1200", "12", "24:00:01", "-1:00", ""])
def test_other_text_is_no_clock_time(text):
    assert clock(text) is None


def test_a_time_that_comes_twice_is_the_first_for_a_start_and_the_second_for_an_end():
    day, half_past_one = date(2024, 11, 3), clock("01:30")
    assert on_clock(day, half_past_one, NEW_YORK) == ns("2024-11-03 05:30")
    assert on_clock(day, half_past_one, NEW_YORK, last=True) == ns("2024-11-03 06:30")
    assert clock_start(half_past_one, *LONG_DAY) == ns("2024-11-03 05:30")
    for adjoins in (False, True):
        assert clock_end(half_past_one, *LONG_DAY, LONG_DAY[0], adjoins=adjoins) == ns("2024-11-03 06:30")


def test_from_a_time_that_comes_twice_to_itself_is_an_hour():
    begin = clock_start(clock("01:30"), *LONG_DAY)
    assert clock_end(clock("01:30"), *LONG_DAY, begin, adjoins=True) - begin == 3_600_000_000_000


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("text", ["02:00", "02:30", "02:59:59", "03:00"])
def test_a_time_that_never_comes_is_the_instant_at_which_the_clock_leaps(text, last):
    assert on_clock(date(2024, 3, 10), clock(text), NEW_YORK, last=last) == ns("2024-03-10 07:00")
    assert clock_start(clock(text), *SHORT_DAY) == ns("2024-03-10 07:00")


def test_midnight_at_the_end_of_a_day_is_24_00_of_it_also_where_clocks_change():
    for opened, closed, zone in (LONG_DAY, SHORT_DAY):
        day = pd.Timestamp(opened, tz="UTC").tz_convert(zone).date()
        assert on_clock(day, clock("24:00"), zone) == closed
        assert clock_end(clock("24:00"), opened, closed, zone, opened, adjoins=True) == closed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("17:00", "2024-03-06 17:00"),  # the first such instant of the session, which opens then
        ("18:00", "2024-03-06 18:00"),
        ("00:00", "2024-03-07 00:00"),
        ("08:30", "2024-03-07 08:30"),  # the next morning
        ("16:59", "2024-03-07 16:59"),
    ],
)
def test_a_start_in_an_overnight_session_is_the_instant_in_that_session(text, expected):
    assert clock_start(clock(text), *NIGHT) == ns(expected, CHICAGO)


def test_a_start_that_an_overnight_session_has_not_is_the_last_before_its_open():
    assert clock_start(clock("16:30"), *WITH_A_PAUSE) == ns("2024-03-06 16:30", CHICAGO)


def test_a_start_outside_a_day_session_is_of_its_day():
    assert clock_start(clock("08:00"), *TOKYO) == ns("2024-03-06 08:00", "Asia/Tokyo")
    assert clock_start(clock("15:30"), *TOKYO) == ns("2024-03-06 15:30", "Asia/Tokyo")


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("18:00", "02:00", "2024-03-07 02:00"),
        ("08:30", "15:00", "2024-03-07 15:00"),
        ("18:00", "18:30", "2024-03-06 18:30"),
        ("18:00", "24:00", "2024-03-07 00:00"),
        ("08:30", "17:00", "2024-03-07 17:00"),
    ],
)
def test_an_end_in_an_overnight_session_is_the_first_such_instant_behind_its_start(start, end, expected):
    begin = clock_start(clock(start), *NIGHT)
    assert clock_end(clock(end), *NIGHT, begin, adjoins=False) == ns(expected, CHICAGO)


def test_an_end_before_the_start_of_a_day_session_stays_before_it_to_be_refused():
    begin = clock_start(clock("14:00"), *TOKYO)
    assert clock_end(clock("10:00"), *TOKYO, begin, adjoins=False) == ns("2024-03-06 10:00", "Asia/Tokyo") < begin


def test_where_sessions_adjoin_an_end_lies_behind_midnight():
    day = ns("2024-03-06"), ns("2024-03-07"), "UTC"
    assert clock_end(clock("01:00"), *day, ns("2024-03-06 23:00"), adjoins=True) == ns("2024-03-07 01:00")
    assert clock_end(clock("23:30"), *day, ns("2024-03-06 23:00"), adjoins=True) == ns("2024-03-06 23:30")
    assert clock_end(clock("23:00"), *day, ns("2024-03-06 23:00"), adjoins=True) == ns("2024-03-07 23:00")
