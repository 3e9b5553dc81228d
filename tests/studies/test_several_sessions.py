"""Studies of orders over several sessions: how they are cut, clustered and worked in shards."""

import numpy as np
import pandas as pd
import pytest

from exec_algos import Bars, BarStore, FillModel, ParentOrders, SimulatedBroker, SlippageStudy
from exec_algos.errors import UsageError
from exec_algos.fills.parsing import parse_preset
from exec_algos.market.calendars import sessions
from exec_algos.market.trading_time import TradingTime
from exec_algos.studies.design.parents import Grid
from exec_algos.studies.shards.desk import DeskOrders
from exec_algos.studies.shards.study import ShardedStudy

STEP = 300_000_000_000


def bars_of(calendar, first, last, symbol="AAA", seed=1):
    """A random walk in each bar of a calendar's trading."""
    hours = sessions(calendar, pd.Timestamp(first).value, pd.Timestamp(last).value)
    time = TradingTime.of(hours, STEP)
    count = int(hours.slots(STEP).sum())
    start = time.resumed(time.instant(np.arange(count) * STEP))
    rng = np.random.default_rng(seed)
    price = np.round(100 + 0.01 * np.cumsum(rng.integers(-3, 4, count)), 2)
    frame = pd.DataFrame(
        {"timestamp": pd.to_datetime(start, utc=True), "symbol": symbol, "open": price, "high": price + 0.05, "low": price - 0.05,
         "close": price, "volume": rng.integers(100, 900, count).astype(float)}
    )  # fmt: skip
    return Bars.from_frame(frame, label="start", step=STEP, zone=hours.zone)


def orders(*rows):
    return pd.DataFrame([dict(zip(("symbol", "side", "quantity", "start", "end"), ("AAA", *row), strict=True)) for row in rows])


def study_of(frame, bars, names=("twap",)):
    return SlippageStudy(bars, ParentOrders.from_frame(frame, bars, calendar="XNYS"), list(names), FillModel())


def test_an_order_over_two_closes_is_spread_over_trading_time_alone():
    bars = bars_of("XNYS", "2024-01-02", "2024-01-12")
    frame = orders(("buy", 780, "2024-01-08 12:45", "2024-01-10 12:45"))  # half a day, a day and half a day: 156 bars of 5 minutes
    result = study_of(frame, bars, ["twap:slice_interval_seconds=300"]).run()
    assert result.fills["quantity"].tolist() == [5] * 156
    days = result.fills["timestamp"].dt.strftime("%Y-%m-%d").value_counts().sort_index()
    assert days.to_dict() == {"2024-01-08": 39, "2024-01-09": 78, "2024-01-10": 39}


def test_open_and_close_are_those_of_the_first_and_of_the_last_session():
    bars = bars_of("XNYS", "2024-01-02", "2024-01-12")
    result = study_of(orders(("buy", 780, "2024-01-08 12:45", "2024-01-10 12:45")), bars).run()
    found = result.analysis().benchmarks().iloc[0]
    frame = pd.DataFrame(
        {"open": bars.open, "close": bars.close}, index=pd.to_datetime(bars.start, utc=True).tz_convert("America/New_York")
    )
    assert found["session_open"] == frame.loc["2024-01-08"]["open"].iloc[0]
    assert found["session_close"] == frame.loc["2024-01-10"]["close"].iloc[-1]


def test_intervals_cluster_by_as_many_sessions_as_the_longest_order_has():
    bars = bars_of("XNYS", "2024-01-02", "2024-01-31")
    rows = [("buy", 780, f"2024-01-{day:02} 12:45", f"2024-01-{day + 1:02} 12:45") for day in (3, 4, 8, 9, 10, 11, 16, 17, 18)]
    result = study_of(orders(*rows), bars).run()
    assert result.config["sessions_a_cluster"] == 2
    assert result.summary().loc["twap", "days"] == result.parents["cluster"].nunique() < len(rows)
    alone = study_of(orders(("buy", 78, "2024-01-03 12:45", "2024-01-03 13:45")), bars).run()
    assert "cluster" not in alone.parents.columns
    assert "sessions_a_cluster" not in alone.config


@pytest.mark.parametrize("calendar", ["XNYS", "24/7", "XTKS"])
def test_a_shard_reads_on_as_far_as_its_orders_run(tmp_path, calendar):
    bars = bars_of(calendar, "2024-01-02", "2024-02-09")
    frame = orders(
        ("buy", 3000, "2024-01-30 14:00", "2024-02-02 10:00"),
        ("sell", 900, "2024-01-31 14:30", "2024-02-01 11:00"),
        ("buy", 500, "2024-01-10 10:00", "2024-01-10 11:00"),
        ("buy", 700, "2024-02-06 10:00", "2024-02-06 13:00"),
    )
    frame.to_csv(tmp_path / "orders.csv", index=False)
    BarStore(tmp_path / "store").write(bars)
    names = ["twap", "vwap:profile_days=2"]
    whole = SlippageStudy(bars, ParentOrders.from_frame(frame, bars, calendar=calendar), names, FillModel(max_participation=0.2)).run()
    desk = DeskOrders(source=tmp_path / "orders.csv", calendar=calendar)
    study = ShardedStudy(
        store=str(tmp_path / "store"), parents=desk, algorithms=names, fill_model=FillModel(max_participation=0.2), fills=True
    )
    found = study.run(str(tmp_path / "out")).load(bars)
    keys = ["start", "end", "side", "algorithm"]
    shown = [*keys, "quantity", "filled", "average_price", "slippage_vwap_bps", "arrival_price"]
    left, right = (result.parents.sort_values(keys)[shown].reset_index(drop=True) for result in (whole, found))
    pd.testing.assert_frame_equal(left, right, check_dtype=False)
    assert (left["filled"] > 0).all()


def test_a_window_over_midnight_of_the_last_day_of_a_month_is_worked_in_shards_too(tmp_path):
    bars = bars_of("24/7", "2024-01-25", "2024-02-05")
    BarStore(tmp_path / "store").write(bars)
    terms = {"calendar": "24/7", "size": "600", "window": "23:00-01:00", "profile_days": 2}
    whole = SlippageStudy(bars, ParentOrders.grid(bars, **terms), ["twap"], FillModel()).run()
    found = (
        ShardedStudy(store=str(tmp_path / "store"), parents=Grid(**terms), algorithms=["twap"], fills=True)
        .run(str(tmp_path / "out"))
        .load(bars)
    )
    assert (whole.parents["end"] - whole.parents["start"]).eq(pd.Timedelta("2h")).all()
    shown = ["start", "end", "quantity", "filled", "average_price"]
    pd.testing.assert_frame_equal(whole.parents[shown], found.parents[shown], check_dtype=False)


def test_fees_that_change_while_an_order_is_worked_are_left_to_the_engine():
    """Korea's tax on sales fell from 0.18 % to 0.15 % in 2025, by the day of settlement: 2024-12-26 is the last day of trade before."""
    bars = bars_of("XKRX", "2024-12-18", "2024-12-30")
    frame = orders(("sell", 780, "2024-12-26 14:00", "2024-12-27 11:00"))
    study = SlippageStudy(bars, ParentOrders.from_frame(frame, bars, calendar="XKRX"), ["twap"], parse_preset("krx_equity").fill_model)
    with pytest.raises(UsageError, match=r"fees of AAA change between 2024-12-26 and 2024-12-27.*driver='engine'"):
        study.run()
    fills = study.run("engine").fills
    taxed = (fills["taxes"] / (fills["quantity"] * fills["price"])).groupby(fills["timestamp"].dt.day).mean()
    assert taxed[26] > taxed[27] > 0


@pytest.mark.parametrize("day", ["2024-12-24", "2024-12-27"])
def test_a_half_day_and_the_days_behind_it_have_one_profile_in_both_drivers(day):
    """Hong Kong trades the morning of 24 December only: as long as any other morning, with no afternoon."""
    bars = bars_of("XHKG", "2024-12-18", "2024-12-31")
    frame = orders(("buy", 3000, f"{day} 09:30", f"{day} 12:00"))
    study = SlippageStudy(bars, ParentOrders.from_frame(frame, bars, calendar="XHKG"), ["vwap:profile_days=2"], FillModel())
    batch, engine = study.run(), study.run("engine")
    pd.testing.assert_frame_equal(batch.fills, engine.fills)
    if day == "2024-12-24":  # the mornings before it, and nothing of their afternoons
        dates = bars.start // 86_400_000_000_000
        before = [np.datetime64(date, "D").astype(int) for date in ("2024-12-20", "2024-12-23")]
        usual = np.sum([bars.volume[dates == date][:30] for date in before], axis=0)
        np.testing.assert_allclose(np.cumsum(batch.fills["quantity"]) / 3000, np.cumsum(usual) / usual.sum(), atol=0.51 / 3000)


@pytest.mark.parametrize(
    ("ends", "note"),
    [
        (["2024-01-10 12:45", "2024-01-08 15:00"], ("1 order runs over several sessions, the longest over 3",)),
        (["2024-01-10 12:45", "2024-01-09 10:00"], ("2 orders run over several sessions, the longest over 3",)),
        (["2024-01-08 14:00", "2024-01-08 15:00"], ()),
    ],
)
def test_a_note_says_how_many_orders_run_over_several_sessions(tmp_path, ends, note):
    bars = bars_of("XNYS", "2024-01-02", "2024-01-12")
    frame = orders(*(("buy", 780, "2024-01-08 12:45", end) for end in ends))
    made = ParentOrders.from_frame(frame, bars, calendar="XNYS")
    assert made.notes == note
    assert SlippageStudy(bars, made, ["twap"], FillModel()).run().config["parents"].get("orders_read_as", []) == list(note)
    frame.to_csv(tmp_path / "orders.csv", index=False)
    BarStore(tmp_path / "store").write(bars)
    desk = DeskOrders(source=tmp_path / "orders.csv", calendar="XNYS")
    shards = ShardedStudy(store=str(tmp_path / "store"), parents=desk, algorithms=["twap"]).run(str(tmp_path / "out"))
    assert shards.config.get("orders_read_as", []) == list(note)


def test_an_engine_says_how_many_bars_lie_in_pauses(caplog):
    hours = sessions("XTKS", pd.Timestamp("2024-01-10").value, pd.Timestamp("2024-01-11").value)
    stamps = np.arange(int(hours.open[0]), int(hours.close[0]), STEP)  # lunch has bars: twelve of five minutes
    frame = pd.DataFrame({"timestamp": pd.to_datetime(stamps, utc=True), "symbol": "AAA", "volume": 10.0})
    bars = Bars.from_frame(frame.assign(open=1.0, high=1.0, low=1.0, close=1.0), label="start", step=STEP, zone="Asia/Tokyo")
    SimulatedBroker(bars, calendar="XTKS")
    assert [record.getMessage() for record in caplog.records] == ["12 bars in the pauses of XTKS are left out"]
