"""Windows over pauses, nights and several sessions: what is meant, and what is cut and said."""

import pandas as pd
import pytest
from small_markets import MINUTE

from exec_algos.errors import OrderRejectedError, UsageError
from exec_algos.market.calendars import Sessions, sessions
from exec_algos.model import Session
from exec_algos.model.slicing import trading_length
from exec_algos.model.window import Window, pauses_between


def ns(text, zone="UTC"):
    return pd.Timestamp(text, tz=zone).value


class Venue:
    """Sessions of a calendar over some days, and windows of them as text in its clock."""

    def __init__(self, calendar, first, last):
        found = calendar if isinstance(calendar, Sessions) else sessions(calendar, ns(first), ns(last))
        self.found, self.zone = found, found.zone

    def at(self, instant):
        i = self.found.at_or_after(instant)
        if i == len(self.found):
            raise OrderRejectedError("no session left")
        return Session.of(self.found, i)

    def window(self, now, resolution=MINUTE, **said):
        start, end = Window(**said).resolve(ns(now, self.zone), self.at, resolution)
        return self.text(start), self.text(end)

    def text(self, instant):
        return pd.Timestamp(instant, tz="UTC").tz_convert(self.zone).strftime("%d %H:%M")

    def pauses(self, start, end):
        found = pauses_between(ns(start, self.zone), ns(end, self.zone), self.at, MINUTE)
        return [(self.text(begin), self.text(stop)) for begin, stop in found]


TOKYO = Venue("XTKS", "2024-03-05", "2024-03-08")
HONG_KONG = Venue("XHKG", "2024-02-07", "2024-02-15")  # 9 February is a half day, 12 and 13 are holidays
CHICAGO = Venue("CMES", "2024-03-05", "2024-03-12")
CRYPTO = Venue("24/7", "2024-03-05", "2024-03-12")
NEW_YORK = Venue("XNYS", "2024-03-05", "2024-03-12")


def test_a_window_that_spans_lunch_is_not_cut(caplog):
    assert TOKYO.window("2024-03-06 09:00", start="11:00", end="13:00") == ("06 11:00", "06 13:00")
    assert not caplog.text


def test_a_window_that_ends_in_a_break_ends_at_its_start_loudly(caplog):
    assert TOKYO.window("2024-03-06 09:00", start="11:00", end="12:00") == ("06 11:00", "06 11:30")
    assert (
        "window [2024-03-06 11:00+09:00, 2024-03-06 12:00+09:00) is cut to [2024-03-06 11:00+09:00, 2024-03-06 11:30+09:00)" in caplog.text
    )


def test_a_window_that_begins_in_a_break_begins_at_its_end_loudly(caplog):
    assert TOKYO.window("2024-03-06 09:00", start="12:00", end="14:00") == ("06 12:30", "06 14:00")
    assert "is cut to [2024-03-06 12:30+09:00, 2024-03-06 14:00+09:00)" in caplog.text


def test_an_order_that_is_given_in_a_break_begins_at_its_end():
    assert TOKYO.window("2024-03-06 12:10", length=60 * MINUTE) == ("06 12:30", "06 13:30")
    assert TOKYO.window("2024-03-06 12:10")[1] == "06 15:00"


def test_a_window_within_a_break_is_refused():
    with pytest.raises(UsageError, match="no whole bar of 60 s lies in the window"):
        TOKYO.window("2024-03-06 09:00", start="11:40", end="12:20")


@pytest.mark.parametrize(
    ("start", "minutes", "end"), [("11:00", 30, "11:30"), ("11:00", 31, "12:31"), ("11:00", 60, "13:00"), ("09:00", 300, "15:00")]
)
def test_a_length_is_trading_time_so_that_lunch_does_not_count(caplog, start, minutes, end):
    assert TOKYO.window("2024-03-06 09:00", start=start, length=minutes * MINUTE) == (f"06 {start}", f"06 {end}")
    assert not caplog.text


def test_a_length_that_the_close_cuts_is_cut_loudly_and_does_not_go_on_the_next_day(caplog):
    assert TOKYO.window("2024-03-06 09:00", start="14:50", length=30 * MINUTE) == ("06 14:50", "06 15:00")
    assert "is cut to [2024-03-06 14:50+09:00, 2024-03-06 15:00+09:00)" in caplog.text


def test_a_half_day_of_a_market_with_lunch_ends_before_it(caplog):
    assert HONG_KONG.window("2024-02-09 09:30", start="11:00", end="14:00") == ("09 11:00", "09 12:00")
    assert "2024-02-09 12:00" in caplog.text


def test_a_window_over_several_sessions_runs_to_the_last_one(caplog):
    until = pd.Timestamp("2024-02-14 10:00")
    assert HONG_KONG.window("2024-02-08 09:30", start="15:00", end=until) == ("08 15:00", "14 10:00")
    assert HONG_KONG.pauses("2024-02-08 15:00", "2024-02-14 10:00") == [("08 16:00", "09 09:30"), ("09 12:00", "14 09:30")]
    assert not caplog.text


def test_a_window_that_ends_in_a_night_ends_at_the_close_before_it(caplog):
    assert NEW_YORK.window("2024-03-06 09:30", start="15:00", end=pd.Timestamp("2024-03-06 20:00")) == ("06 15:00", "06 16:00")
    assert NEW_YORK.window("2024-03-06 09:30", start="15:00", end=pd.Timestamp("2024-03-08 08:00")) == ("06 15:00", "07 16:00")
    assert "is cut to [2024-03-06 15:00-05:00, 2024-03-07 16:00-05:00)" in caplog.text


@pytest.mark.parametrize(
    ("now", "start", "end", "expected"),
    [
        ("2024-03-06 17:30", "18:00", "02:00", ("06 18:00", "07 02:00")),
        ("2024-03-06 17:30", "08:30", "15:00", ("07 08:30", "07 15:00")),  # the next morning
        ("2024-03-07 16:59", "08:30", "15:00", ("08 08:30", "08 15:00")),
        ("2024-03-06 23:00", "18:00", "02:00", ("06 23:00", "07 02:00")),  # it has begun
        ("2024-03-07 03:00", "18:00", "02:00", ("07 18:00", "08 02:00")),
    ],
)
def test_a_clock_time_of_a_night_is_the_instant_in_that_session(now, start, end, expected):
    assert CHICAGO.window(now, start=start, end=end) == expected


def test_an_order_over_midnight_of_a_market_without_a_close_is_one_order(caplog):
    assert CRYPTO.window("2024-03-06 10:00", start="23:00", end="01:00") == ("06 23:00", "07 01:00")
    assert CRYPTO.window("2024-03-06 10:00", length=30 * 60 * MINUTE) == ("06 10:00", "07 16:00")
    assert CRYPTO.pauses("2024-03-06 10:00", "2024-03-07 16:00") == []
    assert not caplog.text


def test_adjoining_nights_of_futures_are_one_market_up_to_the_weekend(caplog):
    assert CHICAGO.window("2024-03-07 10:00", length=24 * 60 * MINUTE) == ("07 10:00", "08 10:00")
    assert CHICAGO.pauses("2024-03-07 10:00", "2024-03-11 10:00") == [("08 17:00", "10 17:00")]
    assert CHICAGO.window("2024-03-08 16:00", length=120 * MINUTE) == ("08 16:00", "08 17:00")
    assert "is cut to" in caplog.text


def test_pauses_of_a_window_are_those_within_it():
    assert TOKYO.pauses("2024-03-06 09:00", "2024-03-06 11:30") == []
    assert TOKYO.pauses("2024-03-06 09:00", "2024-03-06 12:31") == [("06 11:30", "06 12:30")]
    assert TOKYO.pauses("2024-03-06 12:30", "2024-03-06 15:00") == []
    assert TOKYO.pauses("2024-03-06 14:00", "2024-03-07 13:00") == [("06 15:00", "07 09:00"), ("07 11:30", "07 12:30")]


def test_what_is_no_whole_bar_before_a_pause_is_no_trading_time():
    pauses = pauses_between(ns("2024-03-06 09:00", TOKYO.zone), ns("2024-03-06 15:00", TOKYO.zone), TOKYO.at, 40 * MINUTE)
    assert [(TOKYO.text(begin), TOKYO.text(end)) for begin, end in pauses] == [("06 11:00", "06 12:30")]
    assert trading_length(ns("2024-03-06 09:00", TOKYO.zone), ns("2024-03-06 14:30", TOKYO.zone), pauses) == 240 * MINUTE
