"""Hours of single days that a calendar has wrong, said by hand: Korea's exam day of 2024 is 10:00 to 16:30 (KRX's notice)."""

import numpy as np
import pandas as pd
import pytest

from exec_algos.errors import UsageError
from exec_algos.market.calendars import Sessions, daily_hours, sessions
from exec_algos.market.corrections import Correction, named, split

EXAM = "2024-11-14"


def ns(text, zone="Asia/Seoul"):
    return pd.Timestamp(text, tz=zone).value


def hours(found, day=EXAM):
    """Open, close and pause of a day, on the exchange's clock."""
    (at,) = np.flatnonzero(found.date == np.datetime64(day, "D"))
    edges = [found.open[at], found.break_start[at], found.break_end[at], found.close[at]]
    return [pd.Timestamp(edge, tz="UTC").tz_convert(found.zone).strftime("%d %H:%M") for edge in edges]


def week(name, first="2024-11-11", last="2024-11-16", zone="Asia/Seoul"):
    return sessions(name, ns(first, zone), ns(last, zone))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2024-11-14=10:00-16:30", "2024-11-14=10:00-16:30"),
        (" 2024-11-14 = 9:00-16:30 ", "2024-11-14=09:00-16:30"),
        ("2024-11-14=09:00-11:30, 12:30-15:00", "2024-11-14=09:00-11:30,12:30-15:00"),
        ("2024-11-14=CLOSED", "2024-11-14=closed"),
        ("2024-11-14=00:00-24:00", "2024-11-14=00:00-24:00"),
        ("2024-11-14=17:00-16:00", "2024-11-14=17:00-16:00"),
    ],
)
def test_a_session_is_a_day_and_its_hours(text, kept):
    assert Correction.of(text).text == kept
    assert Correction.of(kept) == Correction.of(text)


@pytest.mark.parametrize(
    "text",
    ["", "2024-11-14", "2024-11-14=", "14.11.2024=10:00-16:30", "2024-02-30=10:00-16:30", "2024-11-14=10:00", "2024-11-14=10:00-25:00",
     "2024-11-14=10:00-10:00", "2024-11-14=10-16", "2024-11-14=09:00-12:00,11:00-15:00", "2024-11-14=9:00-10:00,11:00-12:00,13:00-14:00",
     "10:00-16:30", "2024-11-14=10:00-16:75", "2024-11-14=24:30-25:00"],
)  # fmt: skip
def test_what_is_no_session_is_refused_with_what_stands_there(text):
    with pytest.raises(UsageError, match=r"such as|two with a pause"):
        Correction.of(text)


def test_the_name_of_a_calendar_keeps_them_in_order_of_days_and_the_later_one_counts():
    first, other, again = map(Correction.of, ("2024-11-14=10:00-16:30", "2023-11-16=10:00-16:30", "2024-11-14=closed"))
    name = named("XKRX+1min", [first, other])
    assert name == "XKRX+1min@2023-11-16=10:00-16:30;2024-11-14=10:00-16:30"
    assert split(name) == ("XKRX+1min", (other, first))
    assert named(name, [again]) == "XKRX+1min@2023-11-16=10:00-16:30;2024-11-14=closed"
    assert named("XKRX", []) == "XKRX"
    with pytest.raises(UsageError, match="2024-11-14 is said twice"):
        split("XKRX@2024-11-14=10:00-16:30;2024-11-14=closed")


def test_a_calendar_with_other_hours_on_one_day_has_its_own_on_the_others():
    plain, other = week("XKRX"), week(f"XKRX@{EXAM}=10:00-16:30")
    assert hours(plain) == ["14 09:00", "14 15:30", "14 15:30", "14 15:30"]
    assert hours(other) == ["14 10:00", "14 16:30", "14 16:30", "14 16:30"]
    assert other.name == f"XKRX@{EXAM}=10:00-16:30"
    assert not other.has_breaks
    rest = plain.date != np.datetime64(EXAM, "D")
    for name in ("date", "open", "close", "break_start", "break_end"):
        assert (getattr(plain, name)[rest] == getattr(other, name)[rest]).all()


def test_days_can_be_added_and_taken_away():
    without = week(f"XKRX@{EXAM}=closed")
    assert EXAM not in without.date.astype(str)
    assert len(without) == len(week("XKRX")) - 1
    added = week("XKRX@2024-11-16=09:00-12:00", last="2024-11-16")  # a Saturday
    assert hours(added, "2024-11-16") == ["16 09:00", "16 12:00", "16 12:00", "16 12:00"]
    assert "2023-11-16" not in week("XKRX@2023-11-16=10:00-16:30").date.astype(str)  # not in the period


def test_the_auctions_before_and_behind_move_with_the_hours():
    assert hours(week(f"XKRX-10min+1min@{EXAM}=10:00-16:30"))[::3] == ["14 09:50", "14 16:31"]


def test_a_pause_and_a_night():
    tokyo = week("XTKS@2024-11-12=09:00-11:30,12:30-15:00", zone="Asia/Tokyo")
    assert hours(tokyo, "2024-11-12") == ["12 09:00", "12 11:30", "12 12:30", "12 15:00"]
    assert hours(week("XTKS@2024-11-12=09:00-15:00", zone="Asia/Tokyo"), "2024-11-12") == ["12 09:00", *["12 15:00"] * 3]
    night = week("CMES@2024-11-12=17:00-12:00", zone="America/Chicago")  # the session of the 12th opens the evening before
    assert hours(night, "2024-11-12")[::3] == ["11 17:00", "12 12:00"]


def test_replace_gives_what_the_name_gives():
    for name in ("XKRX", "XKRX+1min", "XKRX-10min+1min", "XKRX@2024-11-12=closed"):
        replaced = week(name).replace(EXAM, "10:00-16:30").replace("2024-11-15", "closed")
        again = week(replaced.name)
        assert replaced.name.endswith("2024-11-14=10:00-16:30;2024-11-15=closed")
        for column in ("date", "open", "close", "break_start", "break_end"):
            assert (getattr(replaced, column) == getattr(again, column)).all(), column
    hand = daily_hours("Asia/Seoul", "09:00", "15:30", ns("2024-11-13"), ns("2024-11-15")).replace(EXAM, "10:00-16:30")
    assert hours(hand)[::3] == ["14 10:00", "14 16:30"]


def test_what_cannot_be_is_refused():
    with pytest.raises(UsageError, match="session of 2024-11-14 would not be over when that of 2024-11-15 opens"):
        week(f"XKRX@{EXAM}=10:00-09:30")
    with pytest.raises(UsageError, match="no session would be left"):
        Sessions(name="one", zone="UTC", date=np.array([EXAM], dtype="datetime64[D]"), open=np.array([0]), close=np.array([1])).replace(
            EXAM, "closed"
        )
