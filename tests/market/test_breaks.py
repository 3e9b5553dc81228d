"""Sessions with a pause: where instants stand, how they are kept, and that bars in a pause count nowhere."""

import asyncio
import math

import numpy as np
import pandas as pd
import pytest
from markets import bars_of

from exec_algos import FillModel, Rules, SimulatedBroker
from exec_algos.algorithms import parse_algorithm
from exec_algos.errors import UsageError
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.market import schedules
from exec_algos.market.adv import SessionTotals
from exec_algos.market.calendars import Sessions, sessions
from exec_algos.market.hours import trading_bars
from exec_algos.market.profile import SessionVolumes, as_series, mapped, window_profile
from exec_algos.model import Session
from exec_algos.tca.markouts import MINUTE, markouts
from exec_algos.tca.trades import Trades

TOKYO = "Asia/Tokyo"


def ns(text, zone=TOKYO):
    return pd.Timestamp(text, tz=zone).value


def hours(calendar, day):
    """Open, pause and close of one day's session, on the exchange's clock."""
    found = sessions(calendar, ns(day, "UTC"), ns(day, "UTC"))
    i = int(np.flatnonzero(found.date == np.datetime64(day))[0])
    columns = (found.open, found.break_start, found.break_end, found.close)
    return [pd.Timestamp(int(column[i]), tz="UTC").tz_convert(found.zone).strftime("%H:%M") for column in columns]


# hours as the exchanges publish them; Tokyo closes half an hour later since 5 November 2024
@pytest.mark.slow
@pytest.mark.parametrize(
    ("calendar", "day", "expected"),
    [
        ("XTKS", "2024-03-06", ["09:00", "11:30", "12:30", "15:00"]),
        ("XTKS", "2024-11-05", ["09:00", "11:30", "12:30", "15:30"]),
        ("XHKG", "2024-02-08", ["09:30", "12:00", "13:00", "16:00"]),
        ("XHKG", "2024-02-09", ["09:30", "12:00", "12:00", "12:00"]),  # the eve of the lunar new year ends at noon
        ("XSHG", "2024-03-06", ["09:30", "11:30", "13:00", "15:00"]),
        ("XNYS", "2024-03-06", ["09:30", "16:00", "16:00", "16:00"]),
    ],
)
def test_exchanges_pause_when_they_say(calendar, day, expected):
    assert hours(calendar, day) == expected


def test_a_cache_file_without_pauses_is_computed_anew(tmp_path, monkeypatch):
    monkeypatch.setenv(schedules.CACHE_VARIABLE, str(tmp_path))
    schedules.schedule.cache_clear()
    assert hours("XTKS", "2024-03-06")[1:3] == ["11:30", "12:30"]
    (file,) = tmp_path.iterdir()
    with np.load(file) as stored:
        old = {name: stored[name] for name in ("zone", "date", "open", "close")}
    np.savez_compressed(file, **old)
    schedules.schedule.cache_clear()
    assert hours("XTKS", "2024-03-06")[1:3] == ["11:30", "12:30"]
    with np.load(file) as stored:
        assert "break_start" in stored
    schedules.schedule.cache_clear()


def made(*rows):
    """Sessions of minutes ``(open, break_start, break_end, close)``."""
    opens, begins, ends, closes = np.array(rows, dtype=np.int64).T
    return Sessions(
        name="made",
        zone="UTC",
        date=np.arange(len(rows)).astype("datetime64[D]"),
        open=opens,
        close=closes,
        break_start=begins,
        break_end=ends,
    )


WHOLE, HALF, LATE = (0, 150, 210, 360), (1000, 1150, 1150, 1150), (2000, 2000, 2210, 2360)
THREE = made(WHOLE, HALF, LATE)


def test_an_instant_in_a_pause_lies_in_no_session():
    instants = np.array([-1, 0, 149, 150, 209, 210, 359, 360, 1149, 1150, 2000, 2209, 2210, 2359, 2360])
    assert THREE.locate(instants).tolist() == [-1, 0, 0, -1, -1, 0, 0, -1, 1, -1, -1, -1, 2, 2, -1]
    assert instants[THREE.in_break(instants)].tolist() == [150, 209, 2000, 2209]


def test_bars_are_counted_over_the_pause_and_a_half_day_and_a_late_open_have_fewer():
    assert THREE.slots(30).tolist() == [10, 5, 5]
    instants = np.array([0, 149, 150, 180, 210, 240, 360, 1120, 2000, 2210, 2330])
    held = np.array([0, 0, 0, 0, 0, 0, 0, 1, 2, 2, 2])
    assert THREE.slot(held, instants, 30).tolist() == [0, 4, 5, 5, 5, 6, 10, 4, 0, 0, 4]


def test_a_pause_that_does_not_lie_in_its_session_is_refused():
    with pytest.raises(UsageError, match="calendar made: the pause of 1970-01-01 does not lie between open and close"):
        made((0, 150, 400, 360))


@pytest.mark.parametrize(("name", "day", "expected"), [
    ("XTKS+1min", "2024-03-06", ["09:00", "11:30", "12:30", "15:01"]),
    ("XTKS-10min", "2024-03-06", ["08:50", "11:30", "12:30", "15:00"]),
    ("XHKG-10min+1min", "2024-02-09", ["09:20", "12:01", "12:01", "12:01"]),
])  # fmt: skip
def test_a_longer_session_keeps_its_pause_and_a_half_day_has_none(name, day, expected):
    assert hours(name, day) == expected


def test_volumes_are_mapped_half_by_half_and_never_across_the_pause():
    day = np.array([1.0, 2, 3, 4, 10, 20])  # four bars before the pause, two behind it
    (found,) = mapped([day], [(4, 2)], (2, 4))
    assert found.tolist() == [3.0, 7.0, 5.0, 5.0, 10.0, 10.0]


def test_a_half_that_a_session_had_not_counts_as_the_mean_of_those_that_had_it():
    whole, late, half = np.array([1.0, 3, 10, 20]), np.array([30.0, 40]), np.array([5.0, 7])
    found = mapped([whole, late, half], [(2, 2), (0, 2), (2, 0)], (2, 2))
    assert [volumes.tolist() for volumes in found] == [[1, 3, 10, 20], [3, 5, 30, 40], [5, 7, 20, 30]]


def test_a_half_that_none_of_them_had_has_no_volume():
    assert mapped([np.array([5.0, 7])], [(2, 0)], (2, 2))[0].tolist() == [5, 7, 0, 0]


def test_onto_a_half_day_only_the_half_before_the_pause_is_mapped():
    assert mapped([np.array([1.0, 3, 10, 20])], [(2, 2)], (2, 0))[0].tolist() == [1, 3]


def lunch_bars(days=("2024-03-05", "2024-03-06", "2024-03-07"), volume=100.0, at_lunch=5000.0):
    """Bars of ten minutes from 08:30 to 15:30, those in the pause and outside the session far larger."""
    rows = []
    for day in days:
        for start in range(ns(f"{day} 08:30"), ns(f"{day} 15:30"), 600_000_000_000):
            clock = pd.Timestamp(start, tz="UTC").tz_convert(TOKYO).strftime("%H:%M")
            traded = volume if "09:00" <= clock < "11:30" or "12:30" <= clock < "15:00" else at_lunch
            rows.append((start, 20.0, 20.0, 20.0, 20.0, traded, math.nan))
    return bars_of({"A": rows}, step=600_000_000_000, zone=TOKYO)


BARS = lunch_bars()
HOURS = sessions("XTKS", int(BARS.start[0]), int(BARS.start[-1]))
TODAY = int(np.flatnonzero(HOURS.date == np.datetime64("2024-03-07"))[0])


def test_bars_in_a_pause_are_taken_out_and_those_before_the_open_stay():
    kept = trading_bars(BARS, HOURS)
    clocks = pd.to_datetime(kept.start, utc=True).tz_convert(TOKYO).strftime("%H:%M")
    assert "11:30" not in clocks
    assert "12:20" not in clocks
    assert {"08:30", "11:20", "12:30", "15:20"} <= set(clocks)
    assert len(BARS) - len(kept) == 3 * 6


def test_what_trades_in_a_pause_is_in_no_average_and_no_profile():
    kept = trading_bars(BARS, HOURS)
    assert SessionTotals.of(kept, "A", HOURS).average_volume(TODAY, 2) == 30 * 100
    for bars in (BARS, kept):
        profile = SessionVolumes.of(bars, "A", HOURS).profile(TODAY, 2)
        np.testing.assert_allclose(profile, np.full(30, 1 / 30), rtol=1e-12)


def test_a_profile_over_a_pause_has_no_times_in_it_and_a_window_takes_none_from_it():
    day = Session.of(HOURS, TODAY)
    series = as_series(np.arange(1.0, 31.0), day, BARS.step, TOKYO)
    clocks = [moment.strftime("%H:%M") for moment in series.index]
    assert clocks[14:16] == ["11:20", "12:30"]
    stamps = np.array([ns("2024-03-07 11:20"), ns("2024-03-07 12:30")])
    assert window_profile(series, stamps, BARS.step, TOKYO).tolist() == [15.0, 16.0]
    minutes = np.array([ns("2024-03-07 11:25"), ns("2024-03-07 11:45"), ns("2024-03-07 12:30")])
    np.testing.assert_allclose(window_profile(series, minutes, BARS.step // 2, TOKYO), [7.5, 0.0, 8.0], atol=1e-12)


def executed(algorithm, start, end, *, quantity=100_000, rules=None, model=None, now="2024-03-07 09:00"):
    """(clock time, shares) of each fill of an order in Tokyo."""
    broker = SimulatedBroker(BARS, calendar="XTKS", start=ns(now), fill_model=model or FillModel(max_participation=1.0))

    async def work():
        terms = {"start": start, "end": end, "rules": rules or Rules()}
        return await AlgorithmExecutor(broker).execute("A", quantity, parse_algorithm(algorithm), **terms)

    return [(pd.Timestamp(fill.time, tz="UTC").tz_convert(TOKYO).strftime("%H:%M"), fill.quantity) for fill in asyncio.run(work())]


def test_pov_does_not_count_what_trades_in_the_pause_or_before_the_open():
    found = executed("pov:rate=0.1,slice_interval_seconds=600", "11:00", "13:00")
    assert found == [("11:10", 11), ("11:20", 11), ("12:30", 11), ("12:40", 11), ("12:50", 11)]  # a ninth of 100


def test_a_twap_over_lunch_sends_the_same_in_each_slice():
    found = executed("twap:slice_interval_seconds=600", "11:00", "13:00", quantity=600)
    assert found == [("11:00", 100), ("11:10", 100), ("11:20", 100), ("12:30", 100), ("12:40", 100), ("12:50", 100)]


@pytest.mark.parametrize(
    ("residual", "expected"),
    [
        ("cancel", [("11:10", 100), ("11:20", 100)]),
        ("extend", [("11:10", 100), ("11:20", 100), ("12:30", 100), ("12:40", 50)]),
        ("close_auction", [("11:10", 100), ("11:20", 100), ("14:50", 100)]),
    ],
)
def test_what_is_left_at_lunch_goes_on_behind_it_as_its_policy_says(residual, expected):
    assert executed("twap:slice_interval_seconds=600", "11:10", "12:00", quantity=350, rules=Rules(residual=residual)) == expected


def minute_market(zone, spans, calendar):
    """Bars of a minute whose close counts the minutes."""
    starts = [t for begin, end in spans for t in range(ns(begin, zone), ns(end, zone), MINUTE)]
    rows = [(t, 100.0 + n, 100.0 + n, 100.0 + n, 100.0 + n, 10.0, math.nan) for n, t in enumerate(starts)]
    bars = bars_of({"A": rows}, step=MINUTE, zone=zone)
    return bars, sessions(calendar, int(bars.start[0]), int(bars.start[-1]))


def price_after(bars, found, instant, minutes):
    trades = Trades(np.arange(1), np.zeros(1, int), np.array([instant]), np.ones(1, int), np.ones(1), np.full(1, 100.0))
    column = markouts(bars, found, trades, [minutes * MINUTE], stamped="start", close=False).columns[f"{minutes}min"]
    return 100 - column.values[0] / 100


def test_a_markout_of_five_minutes_over_lunch_is_the_third_minute_behind_it():
    spans = [("2024-03-06 11:25", "2024-03-06 11:30"), ("2024-03-06 12:30", "2024-03-06 12:40")]
    bars, found = minute_market(TOKYO, spans, "XTKS")
    closes = dict(zip(bars.start.tolist(), bars.close.tolist(), strict=True))
    assert price_after(bars, found, ns("2024-03-06 11:28"), 5) == pytest.approx(closes[ns("2024-03-06 12:32")])  # it ends at 12:33


def test_a_markout_over_midnight_of_a_market_without_a_close_goes_on():
    bars, found = minute_market("UTC", [("2024-03-06 23:50", "2024-03-07 00:20")], "24/7")
    closes = dict(zip(bars.start.tolist(), bars.close.tolist(), strict=True))
    assert price_after(bars, found, ns("2024-03-06 23:58", "UTC"), 5) == pytest.approx(closes[ns("2024-03-07 00:02", "UTC")])
