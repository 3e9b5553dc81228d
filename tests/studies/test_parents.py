"""The grid of parent orders: who is in it, how large, when, and why others are not."""

import math

import numpy as np
import pandas as pd
import pytest
from markets import CLOSES, DAYS, STEP, bars_of, grid_of, market, ns

from exec_algos import VWAP, Bars, ParentOrders, SlippageStudy
from exec_algos.errors import UsageError
from exec_algos.studies.design.plans import OrderSize
from exec_algos.studies.shards.desk import DeskOrders

FULL = {"A": [(t, 10.0, 10.0, 10.0, 10.0, 100.0 * (1 + i), math.nan) for i, day in enumerate(DAYS) for t in grid_of(day)]}


def grid(bars=None, **options):
    return ParentOrders.grid(
        bars_of(FULL) if bars is None else bars,
        **{"calendar": "XNYS", "profile_days": 2, "size": "10%adv", "sides": ["BUY", "SELL"], **options},
    )


def days_of(orders):
    return [str(orders.sessions.date[k]) for k in orders.session]


def test_there_is_an_order_for_each_session_with_enough_history_and_each_side():
    orders = grid()
    assert days_of(orders) == [day for day in DAYS[2:] for _ in range(2)]
    assert orders.side.tolist() == [1, -1] * 3
    assert len(orders) == 6


def test_without_sides_every_order_buys():
    orders = ParentOrders.grid(bars_of(FULL), calendar="XNYS", profile_days=2, size="10%adv")
    assert days_of(orders) == list(DAYS[2:])
    assert orders.side.tolist() == [1] * 3
    assert orders.lots.tolist() == grid(sides=["BUY"]).lots.tolist()


def test_the_holiday_is_no_session():
    assert "2025-11-27" not in days_of(grid())
    assert "2025-11-27" not in [skipped.session for skipped in grid().skipped]


# 13 bars of 100 (1 + i) shares a full day; day 3 is a half day of 7 bars: ADV of the two days before
@pytest.mark.parametrize(("size", "shares"), [("10%adv", [195, 325, 335]), ("25%adv", [487, 812, 837]), ("1000", [1000] * 3)])
def test_size_is_a_fraction_of_the_mean_volume_of_the_earlier_sessions_rounded_down(size, shares):
    assert grid(size=size, sides=["BUY"]).lots.tolist() == shares


def test_the_number_of_earlier_sessions_is_the_callers():
    assert grid(size="100%adv", sides=["BUY"], profile_days=1).lots.tolist() == [1300, 2600, 3900, 2800]
    assert grid(size="100%adv", sides=["BUY"], profile_days=4).lots.tolist() == [(1300 + 2600 + 3900 + 2800) // 4]


@pytest.mark.parametrize(("lot_size", "lots"), [(1, 195), (10, 19), (100, 1), (0.001, 195_000)])
def test_lots_are_rounded_down_to_the_lot(lot_size, lots):
    assert grid(lot_size=lot_size, sides=["BUY"]).lots[0] == lots


@pytest.mark.parametrize(("sides", "signs"), [(["BUY"], [1]), (["sell"], [-1]), ([-1, 1], [-1, 1])])
def test_sides_are_the_callers(sides, signs):
    assert grid(sides=sides).side.tolist() == signs * 3


@pytest.mark.parametrize(
    ("window", "full", "half"),
    [
        (None, ("09:30", "16:00"), ("09:30", "13:00")),
        ("09:30-16:00", ("09:30", "16:00"), ("09:30", "13:00")),
        ("10:00-12:30", ("10:00", "12:30"), ("10:00", "12:30")),
        ("10:10-12:40", ("10:30", "12:30"), ("10:30", "12:30")),  # whole bars only
        ("08:00-23:00", ("09:30", "16:00"), ("09:30", "13:00")),
    ],
)
def test_the_window_is_cut_to_the_session_and_to_whole_bars(window, full, half):
    orders = grid(window=window, sides=["BUY"])
    clocks = [
        tuple(f"{pd.Timestamp(t, tz='UTC').tz_convert('America/New_York'):%H:%M}" for t in pair)
        for pair in zip(orders.start, orders.end, strict=True)
    ]
    assert clocks == [half if CLOSES[day] == "13:00" else full for day in days_of(orders)]


def test_a_session_outside_the_window_is_skipped_and_says_so():
    orders = grid(window="13:30-15:00", sides=["BUY"])
    assert ("A", "2025-11-28", "the session does not overlap the window") in orders.skipped
    assert "2025-11-28" not in days_of(orders)


def test_too_little_history_is_a_reason_that_says_how_many_sessions_there_are():
    assert [tuple(one) for one in grid().skipped] == [
        ("A", DAYS[0], "the volume profile needs 2 earlier sessions with data, there are 0"),
        ("A", DAYS[1], "the volume profile needs 2 earlier sessions with data, there are 1"),
    ]


def without(day, keep=lambda t: False):
    return bars_of({"A": [row for row in FULL["A"] if not ns(day, "09:30") <= row[0] < ns(day, "16:00") or keep(row[0])]})


def test_a_day_without_data_is_absent_not_zero():
    orders = grid(without(DAYS[1]), size="100%adv", sides=["BUY"])
    assert days_of(orders) == [DAYS[3], DAYS[4]]
    assert orders.lots.tolist() == [(1300 + 3900) // 2, (3900 + 2800) // 2]
    assert ("A", DAYS[1], "no bar in the window") in orders.skipped


def test_a_day_of_which_the_window_has_no_bar_is_skipped_but_counts_as_history():
    orders = grid(without(DAYS[2], lambda t: t == ns(DAYS[2], "09:30")), window="10:00-12:00", size="100%adv", sides=["BUY"])
    assert ("A", DAYS[2], "no bar in the window") in orders.skipped
    assert orders.lots.tolist() == [(2600 + 300) // 2, (300 + 2800) // 2]


def test_an_order_of_less_than_a_lot_is_skipped():
    orders = grid(size="1%adv", lot_size=100)
    assert orders.skipped[-1] == ("A", DAYS[4], "the size is less than one lot of 100 (ADV 3350 shares)")
    assert len(orders) == 0


def test_bars_before_the_open_and_after_the_close_are_not_in_adv():
    late = {"A": [*FULL["A"][:13], (ns(DAYS[0], "16:00"), 10.0, 10.0, 10.0, 10.0, 1e6, math.nan), *FULL["A"][13:]]}
    assert grid(bars_of(late)).lots.tolist() == grid().lots.tolist()


def test_without_a_calendar_a_session_is_a_day_of_the_bars():
    orders = grid(calendar=None, sides=["BUY"], profile_days=1)
    assert days_of(orders) == list(DAYS[1:])
    assert orders.end.tolist() == [grid_of(day)[-1] + STEP for day in DAYS[1:]]


@pytest.mark.parametrize(("day", "clock"), [("2025-11-28", "13:00"), ("2025-11-26", "16:00")])
def test_the_calendar_knows_half_days_that_the_bars_overrun(day, clock):
    rows = [(t, 10.0, 10.0, 10.0, 10.0, 100.0, math.nan) for one in DAYS for t in range(ns(one, "09:30"), ns(one, "16:00"), STEP)]
    orders = grid(bars_of({"A": rows}), sides=["BUY"])
    assert orders.end[days_of(orders).index(day)] == ns(day, clock)


def test_orders_are_sorted_by_symbol_session_and_side():
    orders = grid(market(1, ("B", "A")))
    keys = list(zip(orders.symbol.tolist(), orders.session.tolist(), (-orders.side).tolist(), strict=True))
    assert orders.symbols == ("A", "B")
    assert keys == sorted(keys)


def test_taking_some_orders_keeps_what_was_skipped_before():
    orders = grid()
    some = orders.take(orders.side > 0)
    assert (len(some), some.skipped) == (3, orders.skipped)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("5%adv", (0.05, math.nan, math.nan)),
        ("5 % ADV", (0.05, math.nan, math.nan)),
        ("0.5%adv", (0.005, math.nan, math.nan)),
        ("1000", (math.nan, 1000, math.nan)),
        ("1e3 sh", (math.nan, 1000, math.nan)),
        ("notional:1e6", (math.nan, math.nan, 1e6)),
        ("1e6 USD", (math.nan, math.nan, 1e6)),
    ],
)
def test_a_size_is_a_part_of_adv_or_shares_or_a_value(text, size):
    assert tuple(OrderSize.parse(text)) == pytest.approx(size, nan_ok=True)


@pytest.mark.parametrize(
    "text", ["", "0", "-5", "5%", "%adv", "5%vol", "1.2.3", "many", "0%adv", "5 adv", "1e999", "notional:0", "notional:"]
)
def test_a_size_that_is_none_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match="'5%adv' or '1000'"):
        grid(size=text)


def test_a_value_is_turned_into_shares_at_the_last_close_before_the_window():
    rows = [(t, 10.0, 10.0 + n, 10.0, 10.0 + n, 100.0, math.nan) for n, t in enumerate(t for day in DAYS for t in grid_of(day))]
    orders = grid(bars_of({"A": rows}), size="notional:1e4", window="10:00-12:00", sides=["BUY"])
    # 13 bars a session: the bar before 10:00 of the third session is number 26, of the fourth 39, of the fifth (a half day lies between) 46
    assert orders.lots.tolist() == [10_000 // (10 + n) for n in (26, 39, 46)]


def test_several_sizes_and_windows_make_one_grid_in_that_order():
    orders = grid(size=["10%adv", "1000"], window=["10:00-12:00", None], sides=["BUY"])
    alone = [grid(size=size, window=window, sides=["BUY"]) for window in ("10:00-12:00", None) for size in ("10%adv", "1000")]
    assert orders.lots.tolist() == [int(one.lots[n]) for n in range(3) for one in alone]
    assert orders.start.tolist() == [int(one.start[n]) for n in range(3) for one in alone]


def test_what_a_grid_of_several_leaves_out_names_window_and_size():
    orders = grid(size=["10%adv", "1"], lot_size=100, sides=["BUY"])
    assert ("A", DAYS[2], "whole session, 1: the size is less than one lot of 100 (ADV 1950 shares)") in orders.skipped


@pytest.mark.parametrize("nothing", [{"size": []}, {"window": []}, {"sides": []}])
def test_a_grid_of_nothing_is_refused(nothing):
    with pytest.raises(UsageError, match="at least one side, one size and one window"):
        grid(**nothing)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"window": "9-16"}, "09:30-16:00"),
        ({"window": "16:00-09:30"}, "begin before"),
        ({"window": "09:61-10:00"}, "09:30-16:00"),
        ({"profile_days": 0}, "at least 1"),
    ],
)
def test_a_window_or_number_of_days_that_cannot_be_is_refused(bad, words):
    with pytest.raises(UsageError, match=words):
        grid(**bad)


def session_volume(bars, symbol):
    """Shares traded from 09:30 to the close, by day, in pandas."""
    volume = bars.to_frame().loc[symbol]["volume"].between_time("09:30", "15:59")
    volume = volume[(volume.index.strftime("%Y-%m-%d") != "2015-12-24") | (volume.index.hour < 13)]
    return volume.groupby(volume.index.date).sum()


@pytest.mark.market_data
@pytest.mark.parametrize("file", ["us_yahoo_2026_03/BILI", "us_alphavantage_2019_02/UGA", "us_polygon_2024/SPY"])
def test_five_percent_of_adv_of_real_bars_is_pandas(market_data, file):
    bars = Bars.read(market_data / f"{file}.parquet")
    volume = session_volume(bars, bars.symbols[0])
    adv = volume.rolling(3).mean().shift().dropna()
    orders = grid(bars, size="5%adv", sides=["BUY"], profile_days=3, lot_size=10)
    assert dict(zip(days_of(orders), (orders.lots * 10).tolist(), strict=True)) == {
        str(day): math.floor(0.05 * shares / 10 + 1e-9) * 10 for day, shares in adv.items()
    }


@pytest.mark.market_data
def test_the_half_day_of_christmas_eve_2015_ends_at_one_o_clock(market_data):
    bars = Bars.read(market_data / "us_lean" / "GOOG.parquet")
    orders = grid(bars, profile_days=1, size="100%adv", sides=["BUY"])
    volume = session_volume(bars, "GOOG")
    assert days_of(orders) == ["2015-12-24", "2015-12-28"]
    assert [str(pd.Timestamp(t, tz="UTC").tz_convert("America/New_York").time()) for t in orders.end] == ["13:00:00", "16:00:00"]
    assert orders.lots.tolist() == volume.iloc[:2].tolist()
    np.testing.assert_array_equal((orders.end - orders.start) // bars.step, [210, 390])


@pytest.mark.parametrize("size", ["1e25", 1e25, "1e16", "notional:1e25", "1e25%adv", ["10", 1e25]])
def test_a_size_that_cannot_be_counted_is_refused(size):
    with pytest.raises(UsageError, match=r"a size of \S+e\+\d+ lots of 1 cannot be worked; ask for less, or for larger lots"):
        grid(size=size)


def test_a_size_as_large_as_can_be_counted_is_what_was_asked_for():
    assert set(grid(size="4e15").lots.tolist()) == {4_000_000_000_000_000}
    assert set(grid(size="4e17", lot_size=100).lots.tolist()) == {4_000_000_000_000_000}


@pytest.mark.parametrize("quantity", [1e25, "1e25", "4,100,000,000,000,000"])
def test_an_order_of_a_desk_that_cannot_be_counted_is_refused_by_row_and_the_others_are_worked(quantity):
    day = {"symbol": "A", "side": "buy", "start": f"{DAYS[3]} 10:00", "end": f"{DAYS[3]} 12:00"}
    orders = ParentOrders.from_frame(pd.DataFrame([{**day, "quantity": quantity}, {**day, "quantity": 10}]), bars_of(FULL), calendar="XNYS")
    assert [(row.row, row.reason) for row in orders.refused] == [(1, "quantity is more than 4e+15 lots of 1")]
    assert orders.lots.tolist() == [10]


@pytest.mark.parametrize(
    ("days", "words"), [(0, "at least 1, got 0"), (10**30, "at most 1000000, got 1"), (2.5, "a whole number, got 2.5"), (True, "got True")]
)
def test_a_number_of_earlier_sessions_that_cannot_be_is_refused(days, words):
    for make in (
        lambda: grid(profile_days=days),
        lambda: DeskOrders(source="desk.csv", profile_days=days),
        lambda: VWAP(profile_days=days),
    ):
        with pytest.raises(UsageError, match=f"profile_days must be .*{words}"):
            make()


@pytest.mark.parametrize("text", ["twap:slice_interval_seconds=1e300", "twap:slice_interval_seconds=1e20", "vwap:profile_days=1e30"])
def test_a_time_that_no_instant_can_hold_is_refused(text):
    with pytest.raises(UsageError, match="must be at most"):
        SlippageStudy(bars_of(FULL), grid(), [text])
