"""Days whose hours the calendar has wrong. The exam day of Korea moves the exchange by an hour, 10:00 to 16:30 (KRX's notice of 2024),
and exchange_calendars knows those days up to 2020 only.
"""

import numpy as np
import pandas as pd
import pytest

from exec_algos import Bars
from exec_algos.errors import UsageError
from exec_algos.market.calendars import sessions
from exec_algos.market.hours import sessions_of
from exec_algos.market.quality.findings import findings_of, summary

EXAM = "2024-11-14"
DAYS = ("2024-11-07", "2024-11-08", "2024-11-11", "2024-11-12", "2024-11-13", EXAM, "2024-11-15", "2024-11-18")


def bars_of(symbols, hours, days=DAYS, *, usual=("09:00", "15:30"), missing=0.0, step="5min", zone="Asia/Seoul"):
    """Bars of those hours on some days, and the usual ones on the others."""
    rng = np.random.default_rng(7)
    parts = []
    for symbol in symbols:
        for day in days:
            opens, closes = hours.get((symbol, day), hours.get(day, usual))
            times = pd.date_range(f"{day} {opens}", f"{day} {closes}", freq=step, inclusive="left")
            times = times[rng.random(len(times)) >= missing]
            close = 100 + rng.integers(-99, 99, len(times)) / 100
            parts.append(pd.DataFrame({"timestamp": times, "symbol": symbol, "open": 100.0, "high": 102.0, "low": 98.0, "close": close,
                                       "volume": rng.integers(1, 999, len(times))}))  # fmt: skip
    return Bars.from_frame(pd.concat(parts), zone=zone, step=step)


def found_in(bars, calendar="XKRX"):
    return findings_of(bars, sessions_of(bars, calendar))


def days_said(bars, calendar="XKRX"):
    return {(row.session, row.said.split("--session ")[1].split(" ")[0]) for row in found_in(bars, calendar).of_kind("calendar")}


def test_the_day_and_both_hours_are_named_once_and_no_symbol_is_said_to_begin_late():
    found = found_in(bars_of("ABC", {EXAM: ("10:00", "16:30")}))
    said = "bars of 3 of 3 symbols run from 10:00 to 16:30, XKRX has 09:00 to 15:30; --session 2024-11-14=10:00-16:30 corrects it"
    assert [(row.symbol, row.session, row.said) for row in found.of_kind("calendar")] == [(symbol, EXAM, said) for symbol in "ABC"]
    assert {row.value for row in found.of_kind("calendar")} == {60.0}
    assert found.of_kind("hours") == []
    assert summary(found.rows)[0] == f"days whose hours the calendar has wrong: {EXAM}: {said}"
    assert sum(said in line for line in summary(found.rows)) == 1


def test_the_days_that_the_calendar_has_right_are_not_named():
    # 2020-12-03 was an exam day that the calendar knows, 2024-01-02 the first day of a year, which opens at 10:00
    for days, hours in ((("2020-12-02", "2020-12-03", "2020-12-04"), {"2020-12-03": ("10:00", "16:30")}),
                        (("2024-01-02", "2024-01-03", "2024-01-04"), {"2024-01-02": ("10:00", "15:30")}), (DAYS[:5], {})):  # fmt: skip
        assert found_in(bars_of("AB", hours, days)).of_kind("calendar", "hours") == []


@pytest.mark.parametrize("year", [2021, 2022, 2023, 2024, 2025])
def test_the_exam_days_of_five_years_are_found(year):
    day = {2021: "2021-11-18", 2022: "2022-11-17", 2023: "2023-11-16", 2024: EXAM, 2025: "2025-11-13"}[year]
    near = sessions("XKRX", pd.Timestamp(day).value - 6 * 86_400_000_000_000, pd.Timestamp(day).value + 3 * 86_400_000_000_000)
    bars = bars_of("AB", {day: ("10:00", "16:30")}, [str(date) for date in near.date])
    assert days_said(bars) == {(day, f"{day}=10:00-16:30")}


def test_thin_symbols_agree_within_minutes_and_the_hours_are_round():
    assert days_said(bars_of("ABCDE", {EXAM: ("10:00", "16:30")}, missing=0.4, step="1min")) == {(EXAM, f"{EXAM}=10:00-16:30")}


def test_most_symbols_must_contradict_and_where_they_only_trade_less_three_of_them_within_the_data():
    late, exam = ("10:00", "15:30"), ("10:00", "16:30")
    assert days_said(bars_of("ABC", {("A", EXAM): exam})) == set()
    assert len(days_said(bars_of("ABC", {("A", EXAM): exam, ("B", EXAM): exam}))) == 1
    assert days_said(bars_of("ABC", {EXAM: late})) == {(EXAM, f"{EXAM}=10:00-15:30")}
    assert days_said(bars_of("AB", {EXAM: late})) == set()
    assert len(found_in(bars_of("AB", {EXAM: late})).of_kind("hours")) == 2
    for edge in (DAYS[0], DAYS[-1]):  # a file that begins or ends within a day
        assert days_said(bars_of("ABC", {edge: late})) == set()
    assert len(days_said(bars_of("A", {EXAM: exam}))) == 1


def test_the_habits_of_symbols_are_theirs():
    # bars that end with the last trade before the closing auction, an hour later on the exam day
    assert days_said(bars_of("AB", {EXAM: ("10:00", "16:20")}, usual=("09:00", "15:20"))) == {(EXAM, f"{EXAM}=10:00-16:30")}
    # trading around the sessions, of which some days have more
    for days in (DAYS, DAYS[:1], DAYS[:3]):
        assert days_said(bars_of("AB", {EXAM: ("07:00", "18:00")}, days, usual=("08:00", "18:00"))) == set()


def test_a_few_prints_far_outside_are_no_hours():
    bars = bars_of("A", {})
    frame = bars.to_frame().reset_index()
    last = frame[frame["timestamp"].dt.strftime("%Y-%m-%d") == EXAM].iloc[[-1]]
    late = last.assign(timestamp=last["timestamp"] + pd.Timedelta(hours=3))
    assert days_said(Bars.from_frame(pd.concat([frame, late]).sort_values("timestamp"), step="5min")) == set()


def test_days_of_the_bars_and_markets_without_a_close_contradict_nothing():
    bars = bars_of("AB", {EXAM: ("10:00", "16:30")})
    assert found_in(bars, None).of_kind("calendar") == []
    assert found_in(bars, "24/7").of_kind("calendar") == []


def test_the_auctions_of_an_extended_calendar_are_not_the_hours_of_the_exchange():
    bars = bars_of("AB", {EXAM: ("10:00", "16:31")}, usual=("09:00", "15:31"), step="1min")
    (row, _) = found_in(bars, "XKRX+1min").of_kind("calendar")
    assert row.said.endswith("from 10:00 to 16:30, XKRX+1min has 09:00 to 15:30; --session 2024-11-14=10:00-16:30 corrects it")
    settled = sessions_of(bars, f"XKRX+1min@{EXAM}=10:00-16:30")
    assert findings_of(bars, settled).of_kind("calendar", "hours") == []


def test_a_pause_stays_in_the_hours_that_are_advised():
    days = [str(day) for day in pd.bdate_range("2024-05-07", "2024-05-16").date]
    bars = bars_of("AB", {"2024-05-14": ("09:00", "16:00")}, days, usual=("09:00", "15:00"), zone="Asia/Tokyo")
    assert days_said(bars, "XTKS") == {("2024-05-14", "2024-05-14=09:00-11:30,12:30-16:00")}
    settled = sessions_of(bars, "XTKS@2024-05-14=09:00-11:30,12:30-16:00")
    assert findings_of(bars, settled).of_kind("calendar", "hours") == []


def test_one_day_alone_that_does_not_fit_is_refused_with_the_way_to_say_its_hours():
    with pytest.raises(UsageError, match=r"15% of the bars lie outside.*or say the hours of that day \(--session"):
        sessions_of(bars_of("A", {EXAM: ("10:00", "16:30")}, [EXAM]), "XKRX")
    assert len(sessions_of(bars_of("A", {EXAM: ("10:00", "16:30")}, [EXAM]), f"XKRX@{EXAM}=10:00-16:30"))
