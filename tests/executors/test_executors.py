import asyncio

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_markets import DAYS, DRIVERS, MINUTE, ZONE, at, clock_times, driven, minute_bars, run, trades

from exec_algos import (
    BacktestEngine,
    Commission,
    Fill,
    FillModel,
    OrderEvent,
    OrderExecutor,
    Side,
    SimulatedBroker,
    Strategy,
    TWAPExecutor,
    VWAPExecutor,
    execute_twap,
    execute_vwap,
)
from exec_algos.errors import NotEnoughHistoryError, OrderRejectedError, UsageError

BARS = minute_bars(range(100, 110))


def twap(*args, bars=BARS, driver="backtest", fill_model=None, **options):
    """Fills and summary of one TWAP in X."""

    async def work(broker):
        executor = TWAPExecutor(broker)
        return await executor.execute("X", *args, **options), executor.get_execution_summary()

    return driven(driver, bars, work, fill_model=fill_model)


def shares(fills):
    return [fill.quantity for fill in fills]


@pytest.mark.parametrize("driver", DRIVERS)
def test_twap_buys_the_same_number_at_each_minutes_open(driver):
    fills, _ = twap(100, 5, driver=driver)
    assert trades(fills) == [(20, 100), (20, 101), (20, 102), (20, 103), (20, 104)]
    assert clock_times([fill.time for fill in fills]) == ["09:30", "09:31", "09:32", "09:33", "09:34"]


@pytest.mark.parametrize(("side", "found"), [("SELL", Side.SELL), ("sell", Side.SELL), (Side.SELL, Side.SELL), ("BUY", Side.BUY)])
def test_a_side_is_a_side_or_a_word_and_quantities_stay_positive(side, found):
    fills, summary = twap(10, 2, side=side)
    assert [(fill.quantity, fill.side) for fill in fills] == [(5, found)] * 2
    assert summary["side"] == found.name


def test_longer_slices_release_fewer_children():
    fills, summary = twap(90, 9, 180)
    assert trades(fills) == [(30, 100), (30, 103), (30, 106)]
    assert summary["num_slices"] == 3


def test_a_slice_that_is_no_whole_number_of_bars_is_rounded_up():
    assert clock_times([fill.time for fill in twap(90, 9, 121)[0]]) == ["09:30", "09:33", "09:36"]


def test_the_last_slice_may_be_shorter_and_gets_no_more_than_its_time():
    assert trades(twap(50, 5, 120)[0]) == [(20, 100), (20, 102), (10, 104)]


def test_more_slices_than_shares_leave_slices_empty():
    fills, summary = twap(2, 8)
    assert trades(fills) == [(1, 101), (1, 105)]  # 2 x 2/8 and 2 x 6/8, halves up
    assert summary["num_slices"] == 2


@pytest.mark.parametrize(("quantity", "lot", "expected"), [(100, 10, [30, 40, 30]), (300, 100, [100, 100, 100]), (200, 100, [100, 100])])
def test_children_are_whole_lots(quantity, lot, expected):
    assert shares(twap(quantity, 3, lot_size=lot)[0]) == expected


def test_crypto_is_worked_in_fractions_of_a_coin():
    fills, summary = twap(0.3, 3, lot_size=0.1)
    assert shares(fills) == [pytest.approx(0.1)] * 3
    assert summary["total_quantity"] == pytest.approx(0.3)


def test_a_cap_limits_each_bar_and_what_is_left_is_the_residual():
    fills, summary = twap(60, 3, max_participation=0.015)
    assert trades(fills) == [(15, 100), (15, 101), (15, 102)]  # 1.5 % of 1000 shares
    assert (summary["total_quantity"], summary["residual"]) == (45, 15)


def test_under_a_cap_the_schedule_catches_up_as_far_as_volume_allows():
    rows = [(100,) * 4 + (v,) for v in (100, 100, 1000, 1000)]
    assert shares(twap(40, 4, bars=minute_bars(rows), max_participation=0.05)[0]) == [5, 5, 20, 10]


def test_the_tighter_of_two_caps_counts():
    model = FillModel(max_participation=0.01)
    assert shares(twap(60, 3, max_participation=0.02, fill_model=model)[0]) == [10, 10, 10]
    assert shares(twap(60, 3, max_participation=0.005, fill_model=model)[0]) == [5, 5, 5]


def test_a_minute_without_a_bar_fills_nothing_and_the_next_catches_up():
    assert trades(twap(40, 4, bars=minute_bars([100, None, 102, 103]))[0]) == [(10, 100), (20, 102), (10, 103)]


def test_a_minute_without_volume_fills_nothing_and_the_next_catches_up():
    rows = [100, (101, 101, 101, 101, 0), 102, 103]
    assert trades(twap(40, 4, bars=minute_bars(rows))[0]) == [(10, 100), (20, 102), (10, 103)]


@pytest.mark.parametrize(
    "start", ["09:32", at("09:32"), np.int64(at("09:32")), "2024-01-02 09:32", pd.Timestamp("2024-01-02 09:32", tz=ZONE)]
)
def test_an_order_waits_for_its_start(start):
    fills, _ = twap(20, 2, start=start)
    assert trades(fills) == [(10, 102), (10, 103)]


def test_an_order_that_outlasts_the_session_is_worked_to_its_close_with_a_warning(caplog):
    fills, _ = twap(30, 60, start="09:37")
    assert trades(fills) == [(10, 107), (10, 108), (10, 109)]
    assert "is cut to" in caplog.text


def test_after_the_close_the_order_is_worked_in_the_next_session():
    fills, _ = twap(20, 2, start="2024-01-03 09:00", bars=minute_bars([1, 2, 3], [11, 12, 13]))
    assert trades(fills) == [(10, 11), (10, 12)]


def test_after_the_last_session_the_venue_refuses():
    async def work():
        broker = SimulatedBroker(BARS)
        await broker.clock.sleep_until(at("16:00"))
        await TWAPExecutor(broker).execute("X", 10, 2)

    with pytest.raises(OrderRejectedError, match="no session at or after"):
        run(work())


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        ((0, 5), {}, "positive number of shares, got 0"),
        ((-10, 5), {}, "use side='SELL'"),
        ((15, 5), {"lot_size": 10}, "not a multiple of lot_size 10"),
        ((10, 5), {"max_participation": 20}, "10 % is 0.1"),
        ((10, 5), {"side": "LONG"}, "unknown side 'LONG'"),
        ((10, 5), {"start": "25:61"}, "is no time"),
        ((10, 0), {}, "duration_minutes must be positive and finite, got 0"),
        ((10, float("nan")), {}, "duration_minutes must be positive and finite"),
        ((10, 5, 0), {}, "slice_interval_seconds must be positive"),
    ],
)
def test_an_order_that_cannot_be_worked_is_refused_with_its_value(args, options, message):
    with pytest.raises(UsageError, match=message):
        run(TWAPExecutor(SimulatedBroker(BARS)).execute("X", *args, **options))


def profile_bars(*volumes):
    """A day for each list of volumes, at prices 100, 101, ..."""
    return minute_bars(*([(100 + k,) * 4 + (v,) for k, v in enumerate(day)] for day in volumes))


def vwap(bars, quantity, *args, day=1, driver="backtest", **options):
    async def work(broker):
        await broker.clock.sleep_until(at(f"{DAYS[day]} 09:00"))
        return await VWAPExecutor(broker).execute("X", quantity, *args, **options)

    return driven(driver, bars, work)


@pytest.mark.parametrize("driver", DRIVERS)
def test_vwap_follows_the_volume_of_yesterday(driver):
    bars = profile_bars([100, 200, 400, 300], [1000] * 4)
    fills = vwap(bars, 50, volume_profile_days=1, driver=driver)
    assert trades(fills) == [(5, 100), (10, 101), (20, 102), (15, 103)]


def test_vwap_averages_the_volume_of_the_days_asked_for():
    bars = profile_bars([100, 100], [300, 100], [100, 300], [1000] * 2)
    assert shares(vwap(bars, 24, volume_profile_days=1, day=3)) == [6, 18]
    assert shares(vwap(bars, 24, volume_profile_days=2, day=3)) == [12, 12]
    assert shares(vwap(bars, 24, volume_profile_days=3, day=3)) == [12, 12]
    assert shares(vwap(bars, 24, volume_profile_days=1, day=2)) == [18, 6]


def test_vwap_does_not_know_todays_volume():
    past = [100, 200, 400, 300]
    quiet, busy = (vwap(profile_bars(past, today), 50, volume_profile_days=1) for today in ([1000] * 4, [9000, 1000, 1000, 9000]))
    assert shares(quiet) == shares(busy)


def test_vwap_in_a_part_of_the_session_uses_that_part_of_the_profile():
    bars = profile_bars([100, 200, 400, 300], [1000] * 4)
    fills = vwap(bars, 60, "09:31", "09:33", volume_profile_days=1)
    assert trades(fills) == [(20, 101), (40, 102)]


def test_vwap_with_longer_slices_sums_their_volume():
    bars = profile_bars([100, 200, 400, 300], [1000] * 4)
    assert trades(vwap(bars, 50, volume_profile_days=1, slice_interval_seconds=120)) == [(15, 100), (35, 102)]


def test_vwap_on_a_half_day_maps_the_fraction_of_the_day():
    bars = profile_bars([100, 100, 300, 500], [1000, 1000])
    assert shares(vwap(bars, 50, volume_profile_days=1)) == [10, 40]


def test_vwap_without_enough_history_is_refused_with_what_is_there():
    with pytest.raises(NotEnoughHistoryError, match="X: the volume profile needs 5 earlier sessions with data, there are 0"):
        run(VWAPExecutor(SimulatedBroker(BARS)).execute("X", 10))


def test_the_shortcuts_are_the_executors():
    model = FillModel(max_participation=0.01)
    bars = profile_bars([100, 200, 400, 300], [1000] * 4)
    begin = at(f"{DAYS[1]} 09:00")

    def broker():
        return SimulatedBroker(bars, fill_model=model, start=begin)

    options = {"side": "SELL", "lot_size": 2, "max_participation": 0.008}
    assert run(execute_twap("X", 80, 4, 120, broker=broker(), **options)) == run(TWAPExecutor(broker()).execute("X", 80, 4, 120, **options))
    window = ("09:31", "09:34", 1, 120)
    assert run(execute_vwap("X", 60, *window, broker=broker(), **options)) == run(
        VWAPExecutor(broker()).execute("X", 60, *window, **options)
    )


def test_the_summary_is_that_of_the_order_worked_last():
    broker = SimulatedBroker(BARS)
    executor = TWAPExecutor(broker)
    with pytest.raises(UsageError, match=r"TWAPExecutor has worked no order yet; await execute"):
        executor.get_execution_summary()
    run(executor.execute("X", 10, 2))
    run(executor.execute("X", 30, 2, side="SELL"))
    assert executor.get_execution_summary()["total_quantity"] == 30
    assert executor.get_execution_summary()["side"] == "SELL"


def test_gathered_executors_share_one_market_in_time_order():
    broker = SimulatedBroker(BARS, fill_model=FillModel(max_participation=0.1))  # 100 shares a bar for all
    seen = []

    class Watched(TWAPExecutor):
        async def execute(self, *args, **options):
            fills = await super().execute(*args, **options)
            seen.append(broker.clock.now)
            return fills

    async def main():
        return await asyncio.gather(Watched(broker).execute("X", 240, 3), Watched(broker).execute("X", 80, 2))

    first, second = run(main())
    assert shares(first) == [80, 80, 80]  # first come, first served
    assert shares(second) == [20, 20]
    assert clock_times(seen) == ["09:32", "09:33"]


def test_the_order_in_which_symbols_are_gathered_does_not_matter():
    def worked(symbols):
        async def main():
            broker = SimulatedBroker(seed=7)
            found = await asyncio.gather(*(TWAPExecutor(broker).execute(symbol, 100, 10) for symbol in symbols))
            return {symbol: trades(fills) for symbol, fills in zip(symbols, found, strict=True)}

        return run(main())

    assert worked(["A", "B", "C"]) == worked(["C", "A", "B"])


class Halves(OrderExecutor):
    """A user's own: half of what is left every two minutes, then the rest; as a limit order two above the last close."""

    async def execute(self, ticker, total_quantity, *, start=None):
        fills, left = [], total_quantity
        while left:
            await self.broker.clock.sleep_until(self.broker.clock.now + 2 * MINUTE)
            depth = await self.broker.get_market_depth(ticker)
            asked = left if left <= 10 else left // 2
            fill = await self.broker.place_order(ticker, asked, "LMT", depth["ask"] + 2, expires=self.broker.clock.now + MINUTE)
            fills += [fill] if fill.quantity else []
            left -= fill.quantity
        return fills


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_users_executor_runs_unchanged_in_a_backtest_and_under_asyncio(driver):
    async def work(broker):
        return await Halves(broker).execute("X", 40)

    fills = driven(driver, minute_bars(range(100, 120), quote_proxy="close"), work)
    assert trades(fills) == [(20, 102), (10, 105), (10, 108)]


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_users_executor_may_work_two_children_at_once(driver):
    class Both(OrderExecutor):
        async def execute(self, ticker, total_quantity):
            clock, half = self.broker.clock, total_quantity // 2
            tasks = [clock.start(self.broker.place_order(ticker, half, "LMT", limit, expires=at("09:33"))) for limit in (100, 95)]
            await clock.sleep_until(at("09:34"))
            return [task.result() for task in tasks]

    async def work(broker):
        return await Both(broker).execute("X", 40)

    first, second = driven(driver, minute_bars([101, 100, 99, 98, 97]), work)
    assert (first.quantity, first.fill_price, clock_times([first.time])) == (20, 100, ["09:31"])
    assert second.quantity == 0


minutes = st.one_of(
    st.none(), st.tuples(st.integers(97, 103), st.just(110), st.just(90), st.integers(97, 103), st.sampled_from([0, 50, 100, 1000]))
)
models = st.builds(
    FillModel,
    price=st.sampled_from(["open", "vwap", "close", "worst"]),
    latency=st.sampled_from([0, 1, 60, 90]),
    max_participation=st.sampled_from([None, 0.05, 0.5]),
    commission=st.sampled_from([Commission(rate=0.001), Commission(rate=0.001, minimum=1.0)]),
)
orders = st.lists(
    st.tuples(st.integers(1, 400), st.integers(1, 30), st.sampled_from([60, 90, 180]), st.sampled_from(list(Side)), st.integers(0, 19)),
    min_size=1,
    max_size=3,
)


@pytest.mark.slow
@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(minutes, min_size=18, max_size=28), models, orders)
def test_orders_worked_together_get_the_same_fills_under_asyncio_and_in_a_backtest(rows, model, placed):
    bars = minute_bars([100, *rows, 100])

    async def work(broker, quantity, length, interval, side, start):
        executor = TWAPExecutor(broker)
        fills = await executor.execute("X", quantity, length, interval, side=side, start=at("09:30") + start * MINUTE)
        return trades(fills), executor.get_execution_summary()["errors"]

    async def gathered():
        broker = SimulatedBroker(bars, fill_model=model)
        return await asyncio.gather(*(work(broker, *order) for order in placed))

    found = {}

    class Placing(Strategy):
        def __init__(self, event_queue, data_handler):
            super().__init__(event_queue, data_handler)
            for number, _ in enumerate(placed):
                event_queue.put(OrderEvent(symbol="X", quantity=number + 1))

        async def on_order(self, order):
            number = order.quantity - 1
            found[number] = await work(self.broker, *placed[number])

    BacktestEngine(bars, [Placing], fill_model=model).run()
    assert run(gathered()) == [found[number] for number, _ in enumerate(placed)]


def test_fills_are_fills():
    assert all(isinstance(fill, Fill) for fill in twap(100, 5)[0])
