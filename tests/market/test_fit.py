"""Bars read in a wrong zone, or with another exchange's calendar, are refused; extended hours around whole sessions are not."""

import numpy as np
import pandas as pd
import pytest

from exec_algos import Bars, ParentOrders, SlippageStudy
from exec_algos.errors import UsageError
from exec_algos.market.calendars import sessions
from exec_algos.market.fit import fit_of
from exec_algos.market.hours import sessions_of

STEP = 60_000_000_000
FIRST, LAST = (pd.Timestamp(day, tz="UTC").value for day in ("2025-03-03", "2025-03-14"))


def frame(calendar, zone, *, before=0, behind=0, keep=1.0):
    """Minutes of each session, some before and behind it, with the clock times that their exchange shows and no zone."""
    found = sessions(calendar, FIRST, LAST)
    stamps = np.concatenate([np.arange(a - before * STEP, b + behind * STEP, STEP) for a, b in zip(found.open, found.close, strict=True)])
    stamps = stamps[np.random.default_rng(1).random(len(stamps)) < keep]
    clock = pd.DatetimeIndex(stamps, tz="UTC").tz_convert(zone).tz_localize(None)
    return pd.DataFrame({"timestamp": clock, "open": 10.0, "high": 10.0, "low": 10.0, "close": 10.0, "volume": 100.0, "symbol": "AAA"})


def bars_in(table, zone):
    return Bars.from_frame(table, zone=zone, step="1min")


@pytest.mark.parametrize(
    ("calendar", "told", "clocks", "named"),
    [
        ("XNYS", "UTC", "America/New_York", "read in America/New_York"),
        ("XNYS", "America/Chicago", "America/New_York", "read in America/New_York"),
        ("XNYS", "America/New_York", "UTC", "read in UTC"),
        ("XKRX", "Asia/Shanghai", "Asia/Seoul", "read in Asia/Seoul"),
        ("XETR", "Europe/London", "Europe/Berlin", "read in Europe/Berlin"),
        ("XLON", "Europe/Berlin", "Europe/London", "read in Europe/London"),
    ],
)
def test_a_wrong_zone_is_refused_and_the_right_one_named(calendar, told, clocks, named):
    table = frame(calendar, clocks)
    with pytest.raises(UsageError, match=named):
        sessions_of(bars_in(table, told), calendar)
    assert len(sessions_of(bars_in(table, clocks), calendar)) >= 9


@pytest.mark.parametrize(
    ("real", "zone", "told"),
    [
        ("XNYS", "America/New_York", "XLON"),
        ("XLON", "Europe/London", "XNYS"),
        ("XKRX", "Asia/Seoul", "XNYS"),
        ("XTKS", "Asia/Tokyo", "XNYS"),
    ],
)
def test_a_wrong_calendar_is_refused_and_the_right_one_named(real, zone, told):
    with pytest.raises(UsageError, match=f"calendar {real}"):
        sessions_of(bars_in(frame(real, zone), zone), told)


def test_extended_hours_around_whole_sessions_pass():
    bars = bars_in(frame("XNYS", "America/New_York", before=330, behind=240), "America/New_York")
    found = sessions_of(bars, "XNYS")
    assert fit_of(bars.start, found, bars.step).outside == pytest.approx(570 / 960, abs=0.01)


def test_extended_hours_in_a_wrong_zone_are_refused():
    bars = bars_in(frame("XNYS", "America/New_York", before=60, behind=30), "UTC")
    with pytest.raises(UsageError, match="read in America/New_York"):
        sessions_of(bars, "XNYS")


def test_half_a_session_passes_and_half_a_session_with_a_morning_before_it_does_not():
    whole = frame("XNYS", "America/New_York", before=120)
    clock = whole["timestamp"].dt.strftime("%H:%M")
    sessions_of(bars_in(whole[(clock >= "09:30") & (clock < "12:00")], "America/New_York"), "XNYS")
    with pytest.raises(UsageError, match="name the calendar of these hours, or none"):
        sessions_of(bars_in(whole[clock < "12:00"], "America/New_York"), "XNYS")


def test_a_symbol_that_hardly_trades_passes_with_its_extended_hours():
    table = frame("XNYS", "America/New_York", before=60, behind=60, keep=0.005)
    bars = bars_in(table, "America/New_York")
    fit = fit_of(bars.start, sessions("XNYS", int(bars.start[0]), int(bars.start[-1])), bars.step)
    assert fit.wrong
    sessions_of(bars, "XNYS")


def test_by_hand():
    """Three sessions of 390 minutes; the second lacks its first hour, the third its last; ten bars lie between."""
    found = sessions("XNYS", FIRST, FIRST + 2 * 86_400_000_000_000)
    parts = [np.arange(a, b, STEP) for a, b in zip(found.open[:3], found.close[:3], strict=True)]
    night = parts[0][-1] + STEP * np.arange(30, 40)
    start = np.concatenate([parts[0], night, parts[1][60:], parts[2][:-60]])
    fit = fit_of(start, found, STEP)
    assert (fit.held, fit.short, fit.empty) == (3, 2, 0)
    assert fit.outside == pytest.approx(10 / (390 + 330 + 330 + 10))
    assert fit.density == 1.0
    assert not fit.wrong  # 1 % lies outside


def test_grid_and_own_orders_are_refused_alike():
    bars = bars_in(frame("XNYS", "America/New_York"), "UTC")
    with pytest.raises(UsageError, match="AAA: 69% of the bars lie outside the sessions of XNYS"):
        ParentOrders.grid(bars, calendar="XNYS")
    orders = pd.DataFrame(
        [{"symbol": "AAA", "side": "buy", "quantity": 5, "start": "2025-03-05 10:00", "end": "2025-03-05 11:00"}],
    )
    with pytest.raises(UsageError, match="read in America/New_York"):
        ParentOrders.from_frame(orders, bars, calendar="XNYS")


def test_the_right_zone_is_studied():
    bars = bars_in(frame("XNYS", "America/New_York"), "America/New_York")
    result = SlippageStudy(bars, ParentOrders.grid(bars, calendar="XNYS", profile_days=2), ["twap"]).run()
    assert result.config["bars_outside_regular_hours"] == 0


@pytest.mark.market_data
@pytest.mark.parametrize(
    ("file", "calendar", "wrong"),
    [
        ("us_polygon_2024/SPY", "XNYS", "XLON"),
        ("us_lean/AAPL", "XNYS", "XLON"),
        ("us_illiquid_etf_2y/FXY", "XNYS", "XETR"),
        ("krx_yahoo_5m/005930", "XKRX", "XNYS"),
        ("crypto_1m/ALGOUSDT", "24/7", None),
        ("fut_lean/ESZ13", "CMES", None),
    ],
)
def test_real_bars_pass_with_their_own_calendar_only(market_data, file, calendar, wrong):
    bars = Bars.read(market_data / f"{file}.parquet")
    assert len(sessions_of(bars, calendar))
    if wrong is not None:
        with pytest.raises(UsageError, match=f"calendar {calendar}"):
            sessions_of(bars, wrong)


def test_one_symbol_of_another_exchange_is_refused_by_name():

    here, there = frame("XNYS", "America/New_York"), frame("XKRX", "Asia/Seoul")
    seoul = there.assign(timestamp=there["timestamp"].dt.tz_localize("Asia/Seoul"), symbol="SEOUL")
    both = pd.concat([here.assign(timestamp=here["timestamp"].dt.tz_localize("America/New_York")), seoul])
    bars = Bars.from_frame(both.assign(timestamp=pd.to_datetime(both["timestamp"], utc=True)), zone="UTC", step="1min")
    with pytest.raises(UsageError, match="SEOUL: 100% of the bars lie outside the sessions of XNYS"):
        sessions_of(bars, "XNYS")
