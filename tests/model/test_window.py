import numpy as np
import pandas as pd
import pytest
from small_markets import MINUTE, ZONE, at

from exec_algos.errors import OrderRejectedError, UsageError
from exec_algos.model import Session
from exec_algos.model.window import Window, instant

DAYS = [
    Session(at("09:30"), at("16:00"), ZONE),
    Session(at("2024-01-03 09:30"), at("2024-01-03 13:00"), ZONE),  # a half day
]


def session_at(moment):
    found = next((day for day in DAYS if moment < day.close), None)
    if found is None:
        raise OrderRejectedError("no session left")
    return found


def resolved(now="09:30", resolution=MINUTE, **window):
    start, end = Window(**window).resolve(at(now), session_at, resolution)
    return tuple(f"{pd.Timestamp(t, tz='UTC').tz_convert(ZONE):%d %H:%M:%S}".removesuffix(":00") for t in (start, end))


def test_without_a_word_the_window_is_the_rest_of_the_session():
    assert resolved() == ("02 09:30", "02 16:00")
    assert resolved("11:17") == ("02 11:17", "02 16:00")


def test_a_length_counts_from_now():
    assert resolved("10:00", length=30 * MINUTE) == ("02 10:00", "02 10:30")


def test_before_the_open_a_length_counts_from_the_open():
    assert resolved("08:00", length=30 * MINUTE) == ("02 09:30", "02 10:00")


def test_after_the_close_the_window_moves_to_the_next_session():
    assert resolved("17:00", length=30 * MINUTE) == ("03 09:30", "03 10:00")
    assert resolved("17:00", start="10:00", end="11:00") == ("03 10:00", "03 11:00")


def test_a_time_of_day_that_has_passed_means_the_next_session():
    assert resolved("12:00", start="10:00", end="11:00") == ("03 10:00", "03 11:00")


def test_a_window_that_has_begun_is_worked_from_now():
    assert resolved("10:30", start="10:00", end="11:00") == ("02 10:30", "02 11:00")


def test_a_date_chooses_the_session():
    assert resolved(start="2024-01-03 10:00", end="2024-01-03 11:00") == ("03 10:00", "03 11:00")


@pytest.mark.parametrize(
    "moment",
    [at("10:00"), np.int64(at("10:00")), "10:00", "10:00:00", "2024-01-02T10:00", "2024-01-02T15:00Z", pd.Timestamp("2024-01-02 10:00")],
)
def test_a_moment_is_taken_in_any_form_and_a_naive_one_is_exchange_time(moment):
    assert instant(moment, DAYS[0]) == at("10:00")


@pytest.mark.parametrize("text", ["25:00", "24:01", "09:61", "-1:00", "0930", "2030", "noon", "2024-13-01 10:00", ""])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(UsageError, match="is no time; use 'HH:MM'"):
        instant(text, DAYS[0])


def test_midnight_at_the_end_of_the_day_is_24_00():
    assert instant("24:00", DAYS[0]) == at("2024-01-03 00:00")


def test_a_window_past_the_close_is_cut_to_the_session_with_a_warning(caplog):
    assert resolved("15:50", length=30 * MINUTE) == ("02 15:50", "02 16:00")
    assert "is cut to [2024-01-02 15:50-05:00, 2024-01-02 16:00-05:00)" in caplog.text


def test_a_half_day_cuts_the_window(caplog):
    assert resolved("2024-01-03 09:30", start="09:30", end="16:00") == ("03 09:30", "03 13:00")
    assert "2024-01-03 13:00" in caplog.text


def test_a_window_is_cut_to_whole_bars(caplog):
    assert resolved("10:00:20", length=2 * MINUTE) == ("02 10:01", "02 10:02")
    assert "bars of 60 s" in caplog.text


def test_without_bars_any_instant_will_do():
    assert resolved("10:00:20", resolution=0, length=2 * MINUTE) == ("02 10:00:20", "02 10:02:20")


def test_a_window_without_a_whole_bar_is_refused():
    with pytest.raises(UsageError, match="no whole bar of 60 s lies in the window"):
        resolved("15:59:30")


def test_a_window_that_ends_before_it_starts_is_refused():
    with pytest.raises(UsageError, match="ends at 2024-01-02 10:00-05:00, before it starts at 2024-01-02 11:00-05:00"):
        resolved(start="11:00", end="10:00")


@pytest.mark.parametrize("length", [0, -MINUTE])
def test_a_length_must_be_positive(length):
    with pytest.raises(UsageError, match="positive length"):
        Window(length=length)
