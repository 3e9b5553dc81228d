"""Times of orders: each the instant that its format says, or refused; never another one."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exec_algos.errors import UsageError
from exec_algos.studies.design.written.cells import Unread
from exec_algos.studies.design.written.times import Times, check_date_format

ZONE = "America/New_York"
OPEN = pd.Timestamp("2024-01-16 14:30", tz="UTC").value  # 09:30 in New York


def read(cell, form=None, zone=ZONE):
    return Times(zone, form).read([cell])[0]


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-16 09:30", "2024-01-16 09:30:00", "2024-01-16T09:30:00.000", "2024/01/16 9:30", "2024.01.16 09:30:00", "20240116 09:30:00",
        "20240116  09:30:00", "20240116T093000", "20240116 093000", "20240116093000", "202401160930", "20240116093000000", "2024-1-16 9:30",
        "2024-01-16 09:30:00 AM", "2024-01-16 9:30 a.m.", "2024-01-16 오전 9:30", "2024. 1. 16. 오전 9:30:00", "16-Jan-2024 09:30:00",
        "16Jan2024 09:30",
        # a zone in the stamp counts
        "2024-01-16T14:30:00Z", "2024-01-16 14:30:00+00:00", "2024-01-16 09:30:00-05:00", "2024-01-16T09:30:00-0500",
        "2024-01-16 23:30:00 +09:00",
        "20240116 09:30:00 US/Eastern", "20240116 08:30:00 America/Chicago", "20240116 23:30:00 Asia/Seoul", "2024-01-16 09:30 EST",
        "2024-01-16 09:30 ET",
        "2024-01-16 14:30 UTC", "2024-01-16 14:30 GMT", "2024-01-16 15:30 CET", "2024-01-16 23:30 KST", "20240116T143000Z",
        "2024-01-16 06:30 PST",
        # FIX UTCTimestamp, TZTimestamp, and Interactive Brokers
        "20240116-14:30:00", "20240116-14:30", "20240116-14:30:00.000", "20240116-14:30:00.000000", "20240116-14:30:00.000000000",
        "20240116-14:30:00Z",
        "20240116-09:30:00-05", "20240116-23:30:00+09:00", "20240116-09:30:00 US/Eastern",
        # days since 1899-12-30, and epochs
        "45307.3958333333", "45307,3958333333", "1705415400000", "1705415400000000", "1705415400000000000",
        "２０２４-０１-１６ ０９:３０", ' ="2024-01-16 09:30" ', "2024-01-16\u00a009:30",
    ],
)  # fmt: skip
def test_half_past_nine_however_it_is_written(text):
    assert read(text) == OPEN


@pytest.mark.parametrize(
    ("text", "ns"),
    [("20240116-14:30:00.123", 123_000_000), ("20240116-14:30:00.123456", 123_456_000), ("2024-01-16 09:30:00.123456789", 123_456_789),
     ("1705415400123", 123_000_000), ("20240116093000123", 123_000_000), ("2024-01-16 09:30:00,5", 500_000_000)],
)  # fmt: skip
def test_parts_of_a_second_are_kept(text, ns):
    assert read(text) == OPEN + ns


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no time that can be read; write 2024-01-02 09:30:00, in America/New_York"),
        ("soon", "no time"), ("09:30", "no time"), ("2024-01-16 25:00", "no time"), ("2024-02-30 10:00", "no time"),
        ("2024-01-16 24:01", "no time"),
        ("2024-01-16-14:30:00", "no time"), ("2024-01-16 13:30 PM", "no time"), ("20161231-23:59:60", "no time"),
        ("2024-01-16 0:30 AM", "no time"),
        ("16/01/2024 09:30", "date_format='day-first' or 'month-first' (--date-format)"), ("03/04/2024 09:30",
        "'day-first' or 'month-first'"),
        ("16.01.2024 09:30", "'day-first' or 'month-first'"), ("16/01/24 09:30", "'day-first' or 'month-first'"),
        ("2024-11-03 01:30", "comes twice on the clock of America/New_York"), ("2024-03-10 02:30", "never comes on the clock"),
        ("2024-07-16 09:30 EST", "EST, which is not what clocks in America/New_York show that day"), ("2024-07-16 09:30 CET",
        "not what clocks"),
        ("2024-01-16 09:30 EDT", "not what clocks"), ("2024-01-16 09:30 CST", "which is no one zone"), ("2024-01-16 09:30 IST",
        "no one zone"),
        ("2024-01-16 09:30 Mars/Base", "no one zone"), ("2401160930", "date_format='epoch-s' or '%y%m%d%H%M'"), ("1705415400", "epoch-s"),
        ("2024011609300000", "a date or an epoch"), ("2024011609300000000", "a date or an epoch"),
        ("45307.3958", "without enough digits"), ("1812-01-16 09:30", "outside 1970-2100"), ("9999-01-16 09:30", "outside 1970-2100"),
    ],
)  # fmt: skip
def test_what_may_be_several_instants_or_none_is_refused(text, said):
    found = read(text)
    assert isinstance(found, Unread)
    assert found.value == text
    assert said in found.reason


def test_a_date_is_its_midnight_and_24_oclock_the_next():
    assert read("2024-01-16") == pd.Timestamp("2024-01-16", tz=ZONE).value
    assert read("45307") == pd.Timestamp("2024-01-16", tz=ZONE).value
    assert read("2024-01-16 24:00") == pd.Timestamp("2024-01-17", tz=ZONE).value


def test_values_of_a_frame():
    assert read(pd.Timestamp("2024-01-16 09:30")) == OPEN
    assert read(pd.Timestamp("2024-01-16 14:30", tz="UTC")) == OPEN
    assert read(dt.datetime(2024, 1, 16, 9, 30)) == OPEN
    assert read(dt.datetime(2024, 1, 16, 9, 30, tzinfo=ZoneInfo(ZONE))) == OPEN
    assert read(np.datetime64("2024-01-16T09:30:00.000000007")) == OPEN + 7
    assert read(1705415400000) == OPEN  # an epoch is UTC, whatever the exchange's zone
    assert read(np.int64(1705415400000000000)) == OPEN
    assert read(20240116093000) == OPEN
    assert read(45307.3958333333) == OPEN
    for cell in (None, float("nan"), pd.NaT, True, [1], 5, 1e300):
        assert isinstance(read(cell), Unread), cell


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("16/01/2024 09:30:00", "%d/%m/%Y %H:%M:%S"), ("16.01.2024 09:30", "%d.%m.%Y %H:%M"), ("01/16/2024 09:30 AM", "%m/%d/%Y %I:%M %p"),
        ("16/01/2024 09:30:00", "%d/%m/%Y"), ("16.01.24 9:30", "%d.%m.%y"), ("16/01/2024 14:30 UTC", "%d/%m/%Y"), ("16012024 0930",
        "%d%m%Y"),
        ("16/01/2024 23:30:00 +0900", "%d/%m/%Y %H:%M:%S %z"), ("2401160930", "%y%m%d%H%M"),
        ("16/01/2024 09:30:00", "day-first"), ("16.1.2024 9:30", "day-first"), ("16-01-2024T09:30", "day-first"), ("1/16/2024 9:30 AM",
        "month-first"),
        ("2024-01-16 09:30", "day-first"), ("20240116-14:30:00", "day-first"), ("2024-01-16 09:30", "year-first"),
        ("1705415400", "epoch"), ("1705415400000", "epoch"), ("1705415400", "epoch-s"), ("1705415400.000", "epoch-s"),
        ("1705415400000", "epoch-ms"), ("1705415400000000", "epoch-us"),
        ("45307.3958333333", "excel"),
    ],
)  # fmt: skip
def test_a_form_that_is_said_settles_it(text, form):
    assert read(text, form) == OPEN


@pytest.mark.parametrize(
    ("text", "form"),
    [("16/01/2024 09:30", "month-first"), ("2024-01-16 09:30", "%d/%m/%Y %H:%M"), ("16/01/2024 9h30", "%d/%m/%Y"), ("16/01/24",
    "day-first"),
     ("x", "epoch-s"), ("-5", "epoch-s"), ("99999999999", "epoch-s"), ("2024-01-16", "excel")],
)  # fmt: skip
def test_what_the_form_does_not_describe_is_refused(text, form):
    assert isinstance(read(text, form), Unread)


@pytest.mark.parametrize("form", ["", "DD/MM/YYYY", "%H:%M", "%Y", "dayfirst"])
def test_a_form_that_cannot_be_is_refused(form):
    with pytest.raises(UsageError, match="date_format must be one of year-first, day-first"):
        check_date_format(form)


def test_what_was_assumed_is_counted():
    times = Times(ZONE)
    times.read(["20240116-14:30:00", "20240116-14:30:00", "2024-01-16 09:30", "20240116-09:30:00 US/Eastern", "1705415400000"])
    assert dict(times.kinds) == {"YYYYMMDD-HH:MM:SS, which is UTC (FIX, Interactive Brokers)": 2, "epochs in ms, which are UTC": 1}


@given(
    st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2099, 12, 31)),
    st.sampled_from(["UTC", "Asia/Seoul", ZONE, "Europe/Berlin", "Australia/Sydney"]),
    st.sampled_from(["%Y-%m-%d %H:%M:%S.%f", "%Y/%m/%d %I:%M:%S.%f %p", "%Y%m%d %H:%M:%S.%f", "%Y%m%dT%H%M%S.%f"]),
)
def test_a_time_on_a_clock_is_what_pandas_makes_of_it_or_refused_where_there_are_two_or_none(naive, zone, form):
    found = read(naive.strftime(form), zone=zone)
    stamp = pd.Timestamp(naive).tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    assert isinstance(found, Unread) if stamp is pd.NaT else found == stamp.as_unit("ns").value


@given(
    st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2099, 12, 31)), st.integers(-12 * 4, 14 * 4), st.sampled_from([ZONE, "Asia/Seoul"])
)
def test_fix_is_utc_and_an_offset_counts_whatever_the_exchange(naive, quarters, zone):
    text = naive.strftime("%Y%m%d-%H:%M:%S.%f")
    utc = pd.Timestamp(naive, tz="UTC").as_unit("ns").value
    sign, minutes = ("-" if quarters < 0 else "+"), abs(quarters) * 15
    assert read(text, zone=zone) == utc
    assert read(f"{text}{sign}{minutes // 60:02}:{minutes % 60:02}", zone=zone) == utc - quarters * 15 * 60 * 10**9


@given(st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2099, 12, 31)).map(lambda time: time.replace(microsecond=0)), st.integers(10, 16))
def test_days_of_a_spreadsheet_are_the_second_they_were_made_of(naive, digits):
    seconds = int((naive - dt.datetime(1899, 12, 30)).total_seconds())
    found = read(f"{seconds / 86400:.{digits}f}", zone="UTC")
    assert found == pd.Timestamp(naive, tz="UTC").as_unit("ns").value


@given(st.text(st.sampled_from("0123456789-/.: TZapmAPM+,오전"), max_size=24))
def test_any_text_is_an_instant_or_refused(text):
    assert isinstance(read(text), int | Unread)
