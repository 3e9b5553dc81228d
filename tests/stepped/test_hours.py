"""Which session is open, or the next: by a calendar, and by fixed hours a day."""

from datetime import time
from functools import cache

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.market.calendars import DAY, daily_hours, sessions
from exec_algos.model import Session
from exec_algos.stepped.hours import CalendarHours, DailyHours

NEW_YORK, SEOUL, CAIRO = "America/New_York", "Asia/Seoul", "Africa/Cairo"
HOUR = 3_600_000_000_000
SINCE, UNTIL = (pd.Timestamp(day, tz="UTC").value for day in ("2012-01-01", "2025-12-01"))
instants = st.integers(SINCE, UNTIL)


def ns(text, zone=NEW_YORK):
    return pd.Timestamp(text, tz=zone).value


@cache
def whole_table(calendar):
    return sessions(calendar, SINCE - 60 * DAY, UNTIL + 60 * DAY)


def shown(session):
    return [f"{pd.Timestamp(t, tz='UTC').tz_convert(session.zone):%a %Y-%m-%d %H:%M}" for t in (session.open, session.close)]


@given(st.sampled_from(["XNYS", "XKRX", "XHKG", "24/7"]), st.lists(instants, min_size=1, max_size=8), st.integers(0, 40 * 24))
@settings(deadline=None, max_examples=150)
@pytest.mark.slow
def test_calendar_hours_are_those_of_the_calendar_whatever_was_asked_before(calendar, starts, hours):
    asked = CalendarHours(calendar)
    for instant in [t + d * HOUR for t in starts for d in (0, 1, hours, -hours)]:
        table = whole_table(calendar)
        i = int((table.close <= instant).sum())  # those that are over
        assert asked(instant) == Session.of(table, i)


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2024-11-29 09:29", ["Fri 2024-11-29 09:30", "Fri 2024-11-29 13:00"]),  # the half day after Thanksgiving
        ("2024-11-29 12:59", ["Fri 2024-11-29 09:30", "Fri 2024-11-29 13:00"]),
        ("2024-11-29 13:00", ["Mon 2024-12-02 09:30", "Mon 2024-12-02 16:00"]),  # a session is over at its close
        ("2024-11-28 11:00", ["Fri 2024-11-29 09:30", "Fri 2024-11-29 13:00"]),  # Thanksgiving
        ("2024-12-24 14:00", ["Thu 2024-12-26 09:30", "Thu 2024-12-26 16:00"]),
        ("2001-09-11 10:00", ["Mon 2001-09-17 09:30", "Mon 2001-09-17 16:00"]),
    ],
)
def test_the_new_york_stock_exchange_keeps_its_half_days_and_holidays(instant, expected):
    assert shown(CalendarHours("XNYS")(ns(instant))) == expected


def test_a_clock_that_goes_from_half_day_to_half_day_gets_each_session_once():
    hours, found, now = CalendarHours("XNYS"), [], ns("2024-11-25 00:00")
    while now < ns("2025-01-01 00:00"):
        found.append(hours(now))
        now = found[-1].close
    assert len(found) == 4 + 21 + 1  # Thanksgiving's week, December, and the one that comes next
    assert [shown(one)[0][4:14] for one in found if one.close - one.open < 6 * HOUR] == ["2024-11-29", "2024-12-24"]


def test_an_unknown_calendar_is_refused_when_it_is_asked():
    with pytest.raises(UnknownNameError, match=r"unknown calendar 'XNYZ': did you mean .*XNYS"):
        CalendarHours("XNYZ")(SINCE)


@given(
    st.sampled_from([NEW_YORK, SEOUL, "Europe/London", CAIRO]),
    instants,
    st.sampled_from([("09:30", "16:00"), ("01:00", "24:00"), ("03:30", "20:15")]),
)
@settings(deadline=None, max_examples=200)
def test_daily_hours_are_those_of_every_weekday(zone, instant, given_hours):
    opens, closes = given_hours
    table = daily_hours(zone, opens, closes, instant, instant + 5 * DAY)
    i = table.at_or_after(instant)
    found = DailyHours(zone, time.fromisoformat(opens), time(0) if closes == "24:00" else time.fromisoformat(closes))(instant)
    assert found == Session(int(table.open[i]), int(table.close[i]), zone)


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2024-03-08 15:59:59.999999999", ["Fri 2024-03-08 09:30", "Fri 2024-03-08 16:00"]),
        ("2024-03-08 16:00", ["Mon 2024-03-11 09:30", "Mon 2024-03-11 16:00"]),  # over the weekend the clocks go forward
        ("2024-11-02 12:00", ["Mon 2024-11-04 09:30", "Mon 2024-11-04 16:00"]),  # and back
        ("2024-07-04 12:00", ["Thu 2024-07-04 09:30", "Thu 2024-07-04 16:00"]),  # fixed hours know no holidays
    ],
)
def test_fixed_hours_follow_the_clock_on_the_wall(instant, expected):
    assert shown(DailyHours(NEW_YORK, time(9, 30), time(16))(ns(instant))) == expected


@pytest.mark.parametrize("closes", [time(0), time(23, 59, 59), time(23, 59, 59, 999_990)])
def test_a_close_at_midnight_or_in_the_last_second_is_the_end_of_the_day(closes):
    hours = DailyHours(SEOUL, time(9), closes)
    session = hours(ns("2024-05-10 23:59:59.5", SEOUL))
    assert shown(session) == ["Fri 2024-05-10 09:00", "Sat 2024-05-11 00:00"]
    assert shown(hours(session.close)) == ["Mon 2024-05-13 09:00", "Tue 2024-05-14 00:00"]
    assert not hours.whole_day


def test_the_whole_day_is_open_on_weekends_too():
    hours = DailyHours("UTC")
    assert hours.whole_day
    assert shown(hours(ns("2024-05-11 12:00", "UTC"))) == ["Sat 2024-05-11 00:00", "Sun 2024-05-12 00:00"]


@pytest.mark.parametrize(("day", "hours"), [("2024-03-10", 23), ("2024-11-03", 25), ("2024-06-02", 24)])
def test_a_whole_day_lasts_as_long_as_its_clock_says(day, hours):
    session = DailyHours(NEW_YORK)(ns(f"{day} 12:00"))
    assert session.close - session.open == hours * HOUR
    assert shown(session)[0].endswith(f"{day} 00:00")


def test_a_day_whose_midnight_does_not_exist_begins_where_the_clock_jumps():
    session = DailyHours(CAIRO)(ns("2024-04-26 12:00", CAIRO))  # at 00:00 the clocks went to 01:00
    assert shown(session) == ["Fri 2024-04-26 01:00", "Sat 2024-04-27 00:00"]
    assert session.close - session.open == 23 * HOUR


@given(st.sampled_from([NEW_YORK, "Europe/London", CAIRO, "America/Havana"]), instants)
@settings(deadline=None, max_examples=200)
def test_whole_days_follow_each_other_without_a_gap(zone, instant):
    hours = DailyHours(zone)
    session = hours(instant)
    assert session.open <= instant < session.close
    assert hours(session.close).open == session.close
    assert hours(session.open) == hours(session.close - 1) == session


@pytest.mark.parametrize(("opens", "closes"), [(time(22), time(5)), (time(9, 30), time(9, 30)), (time(9, 30), time(9, 29))])
def test_hours_over_midnight_are_refused_with_what_to_do(opens, closes):
    with pytest.raises(UsageError, match=f"after it opens on the same day, got {opens} to {closes}; name a calendar for overnight"):
        DailyHours(NEW_YORK, opens, closes)


def test_an_unknown_zone_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown zone 'America/New_Yrok': did you mean America/New_York"):
        DailyHours("America/New_Yrok")
