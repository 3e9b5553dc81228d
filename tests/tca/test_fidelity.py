"""Participation in each bar, tracking of the schedule and fills by time of day, on paper and against plain loops."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_markets import DAYS, MINUTE, ZONE, at, minute_bars

from exec_algos import Bars, FillModel, ParentOrders, SlippageStudy
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.stats.estimable import Estimable, Missing
from exec_algos.tca.fidelity import arrival_slippage, bar_participation, by_time_of_day, fill_slippage, filled_by, tracking
from exec_algos.tca.trades import Trades

# 09:30 trades 1000 shares at 100, 09:31 500 at 101 (open 100, close 102), 09:32 nothing, 09:33 is missing
BARS = minute_bars([100, (100, 103, 100, 103, 500), (102, 102, 102, 102, 0)])


def trades_of(*rows):
    """(parent, time, side, quantity, price) -> trades."""
    parent, time, side, quantity, price = (np.array([row[i] for row in rows]) for i in range(5))
    whole = [one.astype(np.int64) for one in (parent, np.zeros(len(rows)), time, side)]
    return Trades(*whole, quantity.astype(float), price.astype(float))


ROWS = trades_of(
    (1, at("09:30"), 1, 100, 100.0), (0, at("09:30"), 1, 50, 100.0), (0, at("09:30:30"), 1, 30, 100.0), (0, at("09:31"), -1, 100, 101.0),
    (0, at("09:32"), 1, 7, 102.0), (1, at("09:33"), 1, 9, 102.0),
)  # fmt: skip


def test_participation_is_our_shares_over_the_volume_of_the_bar_for_each_order():
    found = bar_participation(BARS, ROWS, stamped="start")
    assert list(zip(found.parent, found.row, found.shares, strict=True)) == [(0, 0, 80), (0, 1, 100), (0, 2, 7), (1, -1, 9), (1, 0, 100)]
    assert found.participation.values.tolist() == pytest.approx([0.08, 0.2, math.nan, math.nan, 0.1], nan_ok=True)
    assert found.participation.reason.tolist() == ["", "", "no volume in the bar", "no bar at the time of the fill", ""]


def test_participation_of_the_whole_run_adds_the_orders_up():
    found = bar_participation(BARS, ROWS, stamped="start", whole_run=True)
    assert list(zip(found.parent, found.row, found.shares, strict=True)) == [(-1, -1, 9), (-1, 0, 180), (-1, 1, 100), (-1, 2, 7)]
    assert found.participation.values[1:3].tolist() == pytest.approx([0.18, 0.2])


def test_fills_stamped_at_the_end_of_their_bar_count_in_the_bar_before():
    found = bar_participation(BARS, trades_of((0, at("09:31"), 1, 10, 100.0)), stamped="end")
    assert (found.row[0], found.participation.values[0]) == (0, 0.01)


def test_a_frame_of_participation_names_symbol_and_bar():
    frame = bar_participation(BARS, ROWS, stamped="start").to_frame(BARS)
    assert frame["symbol"].tolist()[:3] == ["X"] * 3
    assert frame["timestamp"].iloc[1] == pd.Timestamp("2024-01-02 09:31", tz=ZONE)
    assert pd.isna(frame["timestamp"].iloc[3])
    assert frame["volume"].tolist() == pytest.approx([1000, 500, 0, math.nan, 1000], nan_ok=True)
    assert frame["participation_reason"].iloc[2] == "no volume in the bar"


def test_no_fills_have_no_participation():
    assert len(bar_participation(BARS, trades_of(), stamped="start").row) == 0


def test_a_capped_study_never_takes_more_than_its_part_of_a_bar():
    bars = minute_bars([100] * 390, [101] * 390, volume=100)
    orders = ParentOrders.grid(bars, size="2000", calendar="XNYS", profile_days=1, sides=("BUY",))
    result = SlippageStudy(bars, orders, ["twap"], FillModel(max_participation=0.05)).run()
    found = bar_participation(bars, Trades.of(result.fills, result.parents, bars), stamped="start")
    assert found.participation.known.all()
    assert found.participation.values.max() == 0.05
    assert np.bincount(found.parent, found.shares).tolist() == result.parents["filled"].tolist()


def test_shares_filled_by_an_instant_count_the_bars_before_it():
    instants = np.array([at(t) for t in ("09:30", "09:31", "09:32", "09:40", "09:31")])
    parent = np.array([0, 0, 0, 0, 1])
    assert filled_by(ROWS, parent, instants, stamped="start").tolist() == [0, 80, 180, 187, 100]
    assert filled_by(ROWS, parent, instants, stamped="end").tolist() == [50, 180, 187, 187, 100]


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(1, 50)), max_size=20),
    st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 11)), min_size=1, max_size=10),
    st.sampled_from(["start", "end"]),
)
def test_shares_filled_by_many_instants_are_those_of_a_loop(fills, asked, stamped):
    trades = trades_of(*((parent, time, 1, size, 10.0) for parent, time, size in fills))
    parent, instant = (np.array(column, dtype=np.int64) for column in zip(*asked, strict=True))
    expected = [sum(q for p, t, q in fills if p == who and (t <= when if stamped == "end" else t < when)) for who, when in asked]
    assert filled_by(trades, parent, instant, stamped=stamped).tolist() == expected


# order 0: targets 0.25, 0.5, 1; filled 0.25, 0.25, 1 -> errors 0, -0.25, 0. Order 1: +0.3 and -0.4. Order 2 has no slices
def test_tracking_error_on_paper():
    parent = np.array([0, 1, 0, 0, 1])
    found = tracking(parent, np.array([0.25, 0.5, 0.5, 1.0, 1.0]), np.array([0.25, 0.8, 0.25, 1.0, 0.6]), 3)
    assert found.mean.values.tolist()[:2] == pytest.approx([-0.25 / 3, -0.05])
    assert found.largest.values.tolist()[:2] == pytest.approx([0.25, 0.4])
    assert found.rms.values.tolist()[:2] == pytest.approx([0.25 / math.sqrt(3), math.sqrt((0.09 + 0.16) / 2)])
    assert found.slices.tolist() == [3, 2, 0]
    assert {one.reason[2] for one in (found.mean, found.largest, found.rms)} == {"the order has no slice"}


@pytest.mark.parametrize(("target", "filled"), [(1.5, 0.5), (-0.1, 0.5), (math.nan, 0.5), (0.5, math.nan)])
def test_a_target_that_is_no_fraction_is_refused(target, filled):
    with pytest.raises(UsageError, match="slice 0 has target"):
        tracking(np.array([0]), np.array([target]), np.array([filled]), 1)


def test_a_twap_that_fills_every_slice_tracks_its_line_to_half_a_lot():
    bars = minute_bars(*[[100] * 390] * 2)
    orders = ParentOrders.grid(bars, size="100", window="10:00-10:30", calendar="XNYS", profile_days=1, sides=("BUY",))
    result = SlippageStudy(bars, orders, ["twap"]).run()
    trades = Trades.of(result.fills, result.parents, bars)
    start = result.parents["start"].dt.as_unit("ns").astype("int64").to_numpy()
    parent, slice_ = np.divmod(np.arange(30 * len(start)), 30)
    instant = start[parent] + (slice_ + 1) * MINUTE
    found = tracking(parent, (slice_ + 1) / 30, filled_by(trades, parent, instant, stamped="start") / 100, len(start))
    assert found.largest.values.max() <= 0.005 + 1e-12
    assert found.largest.values.min() > 0  # 100 shares do not divide by 30


def test_slippage_of_a_fill_against_its_own_bar():
    trades = trades_of((0, at("09:31"), 1, 1, 103.0), (0, at("09:31"), -1, 1, 103.0), (0, at("09:40"), 1, 1, 103.0))
    vwap = (103 + 100 + 103) / 3
    for against, price in (("bar_vwap", vwap), ("bar_open", 100.0), ("bar_close", 103.0)):
        found = fill_slippage(BARS, trades, stamped="start", against=against)
        assert found.values[:2].tolist() == pytest.approx([(103 / price - 1) * 1e4, -(103 / price - 1) * 1e4])
        assert found.reason[2] == "no bar at the time of the fill"
    assert fill_slippage(BARS, trades, stamped="end").values[0] == pytest.approx(300)
    assert fill_slippage(BARS, trades, stamped="start").values[0] == pytest.approx((103 / vwap - 1) * 1e4)
    with pytest.raises(UnknownNameError, match="did you mean bar_vwap"):
        fill_slippage(BARS, trades, stamped="start", against="vwap")


def test_slippage_of_a_fill_against_the_arrival_of_its_order():
    arrival = Estimable.of(np.array([100.0, 0.0]), Missing(np.array([False, True]), "no bars in the window"))
    found = arrival_slippage(trades_of((0, 0, -1, 1, 99.0), (1, 0, 1, 1, 99.0)), arrival)
    assert found.values[0] == pytest.approx(100.0)
    assert found.reason[1] == "no bars in the window"


def clock(values, times, *, weights=None, **options):
    column = np.array(values, dtype=np.float64)
    known = Estimable.of(column, Missing(np.isnan(column), "no bar"))
    weights = np.ones(len(column)) if weights is None else np.array(weights, dtype=np.float64)
    stamps = np.array([at(t) for t in times], dtype=np.int64)
    return by_time_of_day(known, stamps, weights, **{"zone": ZONE, "stamped": "start", **options})


TIMES = ("09:30", "09:59:59", "10:00", f"{DAYS[1]} 09:31", f"{DAYS[1]} 15:59")


def test_fills_are_grouped_by_the_local_time_of_day():
    table = clock([1.0, 3.0, 5.0, 8.0, math.nan], TIMES, weights=[1, 1, 1, 2, 1])
    assert table.index.tolist() == ["09:30", "10:00", "15:30"]
    first = table.loc["09:30"]
    assert (first["mean"], first["notional_mean"], first["n"], first["days"], first["notional"]) == (4.0, 5.0, 3, 2, 4.0)
    # Liang-Zeger with CR1 over the two days: day sums of deviations are -4 and 4
    assert first["high"] - 4.0 == pytest.approx(12.706204736 * math.sqrt(2 * (16 + 16)) / 3)
    assert (table.loc["15:30", "n"], table.loc["15:30", "left_out"]) == (0, 1)
    assert math.isnan(table.loc["10:00", "low"])  # one day has no interval


def test_the_buckets_zone_stamp_and_confidence_are_chosen():
    assert clock([1.0] * 5, TIMES, minutes=60).index.tolist() == ["09:00", "10:00", "15:00"]
    assert clock([1.0] * 5, TIMES, zone="UTC").index.tolist() == ["14:30", "15:00", "20:30"]
    assert clock([1.0], ["10:00"], stamped="end").index.tolist() == ["09:30"]
    narrow, wide = (clock([1.0, 2.0], ["09:30", f"{DAYS[1]} 09:31"], confidence=c).loc["09:30", "high"] for c in (0.5, 0.99))
    assert narrow < wide


@pytest.mark.parametrize("minutes", [0, -30, 7])
def test_a_bucket_that_does_not_divide_the_day_is_refused(minutes):
    with pytest.raises(UsageError, match="divides the 1440 minutes"):
        clock([1.0], ["10:00"], minutes=minutes)


@pytest.mark.market_data
@pytest.mark.slow
def test_fills_of_a_study_of_real_bars_by_time_of_day_add_up_to_all_fills(market_data):
    bars = Bars.read(market_data / "us_alphavantage_2019_02/GLD.parquet")
    result = SlippageStudy(
        bars,
        ParentOrders.grid(bars, size="3900", calendar="XNYS", profile_days=1, sides=("BUY", "SELL")),
        ["twap"],
        FillModel(price="close"),
    ).run()
    trades = Trades.of(result.fills, result.parents, result.bars)
    cost = fill_slippage(result.bars, trades, stamped="end")
    table = by_time_of_day(cost, trades.time, trades.quantity * trades.price, zone=result.bars.zone, stamped="end")
    assert table.index[0] == "09:30"
    assert table.index[-1] == "15:30"
    assert table["n"].sum() == len(result.fills)
    assert np.average(table["mean"], weights=table["n"]) == pytest.approx(cost.values.mean(), abs=1e-12)
    used = bar_participation(result.bars, trades, stamped="end")
    assert used.participation.known.all()
    assert used.shares.sum() == result.parents["filled"].sum()
