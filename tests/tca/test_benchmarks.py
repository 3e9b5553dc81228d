"""Benchmark prices against pandas over the same bars."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markets import DAYS, STEP, bars_of, grid_of, market, markets, ns

from exec_algos import BacktestEngine, Bars, OrderEvent, Strategy
from exec_algos.market.calendars import sessions
from exec_algos.tca.benchmarks import benchmarks
from exec_algos.tca.places import Windows, rows_between
from exec_algos.tca.sums import MANY, sum_between, window_sums


def hours(bars):
    return sessions("XNYS", int(bars.start.min()), int(bars.start.max()))


def found(bars, symbol, start, end):
    one = benchmarks(bars, hours(bars), Windows(np.array([bars.symbols.index(symbol)]), np.array([start]), np.array([end])))
    return {name: float(value[0]) for name, value in one._asdict().items()}


def expected(bars, symbol, start, end):
    """The definitions, in pandas: a window's bars have start >= start and end <= end; the session's are its day's."""
    frame = bars.to_frame().loc[symbol].tz_convert("UTC")
    ends = frame.index.astype("int64") + bars.step
    begins = frame.index.astype("int64")
    vendor = frame["vwap"] if "vwap" in frame else frame["close"] * np.nan
    true = (vendor >= frame["low"]) & (vendor <= frame["high"])
    frame["typical"] = vendor.where(true, (frame["high"] + frame["low"] + frame["close"]) / 3)
    window = frame[(begins >= start) & (ends <= end)]
    day = frame[frame.index.normalize() == pd.Timestamp(start, tz="UTC").normalize()]
    before = day[day.index.astype("int64") + bars.step <= start]
    opening = window["open"].iloc[0] if len(window) else math.nan
    return {
        "arrival": before["close"].iloc[-1] if len(before) else opening,
        "interval_vwap": mean(window["typical"], window["volume"]),
        "session_vwap": mean(day["typical"], day["volume"]),
        "interval_twap": window["typical"].mean(),
        "volume": window["volume"].sum(),
    }


def mean(values, weights):
    return np.average(values, weights=weights) if weights.sum() > 0 else math.nan


@given(markets(), st.sampled_from(DAYS), st.integers(0, 12), st.integers(1, 13))
@settings(deadline=None, max_examples=60)
@pytest.mark.slow
def test_benchmarks_are_those_of_the_definitions(bars, day, first, length):
    slots = grid_of(day)
    start = slots[min(first, len(slots) - 1)]
    end = min(start + length * STEP, slots[-1] + STEP)
    assert found(bars, "B", start, end) == pytest.approx(expected(bars, "B", start, end), rel=1e-12, nan_ok=True)


@pytest.mark.market_data
@pytest.mark.parametrize("file", ["us_yahoo_2026_03/BILI", "us_alphavantage_2019_02/UGA", "us_alphavantage_2019_02/GLD"])
@pytest.mark.parametrize("window", [("09:30", "16:00"), ("09:30", "10:00"), ("11:17", "13:29"), ("15:59", "16:00")])
def test_benchmarks_of_real_bars_are_those_of_the_definitions(market_data, file, window):
    bars = Bars.read(market_data / f"{file}.parquet")
    for day in pd.DatetimeIndex(bars.start.view("datetime64[ns]"), tz="UTC").tz_convert(bars.zone).strftime("%Y-%m-%d").unique():
        start, end = (pd.Timestamp(f"{day} {clock}", tz=bars.zone).value for clock in window)
        symbol = bars.symbols[0]
        assert found(bars, symbol, start, end) == pytest.approx(expected(bars, symbol, start, end), rel=1e-11, nan_ok=True)


# 10:00, 10:30 and 11:00 trade at 10 (1 share), 20 (3 shares) and 40 (no share); yesterday closed at 5
PAPER = {
    "A": [
        (ns(DAYS[0], "15:30"), 5.0, 5.0, 5.0, 5.0, 9.0, math.nan),
        (ns(DAYS[1], "10:00"), 10.0, 10.0, 10.0, 10.0, 1.0, math.nan),
        (ns(DAYS[1], "10:30"), 20.0, 20.0, 20.0, 20.0, 3.0, math.nan),
        (ns(DAYS[1], "11:00"), 40.0, 40.0, 40.0, 40.0, 0.0, math.nan),
    ]
}


def on_paper(start, end):
    return found(bars_of(PAPER), "A", ns(DAYS[1], start), ns(DAYS[1], end))


def test_interval_vwap_weighs_by_volume_and_twap_does_not():
    prices = on_paper("10:00", "11:30")
    assert (prices["interval_vwap"], prices["interval_twap"], prices["volume"]) == (17.5, 70 / 3, 4.0)


def test_arrival_is_the_close_of_the_last_bar_of_the_session_that_had_ended():
    assert on_paper("10:30", "11:30")["arrival"] == 10.0
    assert on_paper("12:00", "13:00")["arrival"] == 40.0


def test_arrival_before_the_first_bar_of_the_session_is_the_open_of_the_first_bar_in_the_window_not_yesterdays_close():
    assert on_paper("09:30", "11:00")["arrival"] == 10.0


def test_an_order_decided_after_the_close_has_the_benchmarks_of_the_next_session():
    rows = [(t, 10.0 + i, 10.0 + i, 10.0 + i, 10.0 + i, 100.0, math.nan) for i, day in enumerate(DAYS[:3]) for t in grid_of(day)]

    class Late(Strategy):
        def on_bar(self, event):
            if event.time == ns(DAYS[0], "16:00"):
                self.event_queue.put(OrderEvent(symbol="A", quantity=10))

    (order,) = BacktestEngine(bars_of({"A": rows}), [Late], calendar="XNYS").run().parents.itertuples()
    assert (str(order.session.date()), order.average_price) == (DAYS[1], 11.0)
    assert (order.arrival_price, order.interval_vwap, order.session_vwap) == (11.0, 11.0, 11.0)


def test_a_bar_that_ends_after_the_window_is_not_in_it():
    assert on_paper("10:00", "10:59")["interval_vwap"] == 10.0


def test_a_window_without_volume_has_no_vwap_and_one_without_bars_has_no_twap_either():
    silent, empty = on_paper("11:00", "11:30"), on_paper("09:30", "10:00")
    assert math.isnan(silent["interval_vwap"])
    assert silent["interval_twap"] == 40.0
    assert math.isnan(empty["interval_vwap"])
    assert math.isnan(empty["interval_twap"])
    assert math.isnan(empty["arrival"])
    assert (silent["session_vwap"], empty["session_vwap"]) == (17.5, 17.5)


@pytest.mark.parametrize(("vwap", "price"), [(11.0, 11.0), (9.0, 9.0), (14.0, 14.0), (8.99, 12.0), (14.01, 12.0), (math.nan, 12.0)])
def test_the_vendors_vwap_counts_only_inside_the_bar(vwap, price):
    bars = bars_of({"A": [(ns(DAYS[1], "10:00"), 10.0, 14.0, 9.0, 13.0, 5.0, vwap)]})
    assert found(bars, "A", ns(DAYS[1], "09:30"), ns(DAYS[1], "16:00"))["interval_vwap"] == price


def test_rows_between_never_run_backwards():
    bars = market(3)
    first, last = rows_between(bars, np.array([0, 1]), np.array([ns(DAYS[1], "10:00")] * 2), np.array([ns(DAYS[1], "10:00")] * 2))
    assert (last - first).tolist() == [0, 0]


@given(st.lists(st.floats(-10, 10), max_size=20), st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=10))
@settings(deadline=None, max_examples=100)
def test_sum_between_is_the_sum_of_a_slice(values, pairs):
    pairs = [(min(a, len(values)), min(b, len(values))) for a, b in pairs]
    first, last = (np.array([pair[i] for pair in pairs], dtype=np.int64) for i in (0, 1))
    assert sum_between(np.array(values), first, last).tolist() == pytest.approx([sum(values[a:b]) for a, b in pairs])


@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=8), st.booleans())
@settings(deadline=None, max_examples=60)
def test_sums_of_many_windows_are_those_of_each_to_the_last_bit(seed, pairs, vendor):
    bars, rng = market(seed), np.random.default_rng(seed)
    bars = replace(bars, volume=rng.random(len(bars)), vwap=bars.close + rng.normal(size=len(bars)) if vendor else None)
    first, last = (np.minimum([pair[i] for pair in pairs], len(bars)) for i in (0, 1))
    each = window_sums(bars, first, last)
    many = window_sums(bars, np.tile(first, MANY + 1), np.tile(last, MANY + 1))
    for one, all_ in zip(each, many, strict=True):
        assert np.tile(one, MANY + 1).tobytes() == all_.tobytes()
    price = bars.price()
    for a, b, money in zip(first, last, each.money, strict=True):
        assert money == pytest.approx(float(price[a:b] @ bars.volume[a:b]))
