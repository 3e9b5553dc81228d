"""Liquidity-aware: a fraction of the smaller of the best quotes, by hand, on real books, and as a user wrote it."""

import csv
import io
import math
import zipfile
from datetime import time

import pandas as pd
import pytest
from small_markets import DRIVERS, MINUTE, ZONE, at, clock_times, driven, minute_bars, run, trades

from exec_algos import Bars, FillModel, OrderExecutor, SimulatedBroker
from exec_algos.algorithms.base import parse_algorithm
from exec_algos.algorithms.liquidity_aware import LiquidityAware, lots_up_to, stay_within_depth
from exec_algos.errors import UsageError
from exec_algos.executors.named import LiquidityAwareExecutor
from exec_algos.model import Rules, Seen, Terms
from exec_algos.stepped.broker import SteppedBroker
from exec_algos.stepped.hours import DailyHours

KNOWN = {"liquidity_aware": LiquidityAware}


def quoted(bid_sizes, ask_sizes, prices=None):
    return minute_bars(prices or [10] * len(bid_sizes), bid_size=bid_sizes, ask_size=ask_sizes)


def work_of(quantity, *arguments, symbol="X", **options):
    async def work(broker):
        return await LiquidityAwareExecutor(broker).execute(symbol, quantity, *arguments, **options)

    return work


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_each_child_is_a_tenth_of_the_smaller_quote_of_the_bar_before(driver, side):
    bars = quoted([500, 300, 990, 700], [400, 800, 9, 700], [10, 11, 12, 13])
    fills = driven(driver, bars, work_of(10_000, side=side))
    assert trades(fills) == [(40, 11), (30, 12)]  # then min(99, 0.9) holds no share
    assert clock_times([fill.time for fill in fills]) == ["09:31", "09:32"]


def test_a_bar_without_volume_has_no_depth():
    bars = minute_bars([(10, 10, 10, 10, volume) for volume in (1000, 410, 0, 100, 100)], quote_proxy="close")
    fills = driven("asyncio", bars, work_of(10_000))
    assert clock_times([fill.time for fill in fills]) == ["09:31", "09:34"]  # 20 meet no volume in 09:32; after it there is no depth
    assert [fill.quantity for fill in fills] == [50, 5]


def test_by_the_proxy_each_is_taken_as_half_the_volume_of_the_bar_before():
    bars = minute_bars([(10, 10, 10, 10, volume) for volume in (1000, 410, 600, 100)], quote_proxy="close")
    assert [fill.quantity for fill in driven("asyncio", bars, work_of(10_000))] == [50, 20, 30]


def test_the_fraction_counts():
    bars = quoted([500] * 3, [400] * 3)
    assert [fill.quantity for fill in driven("asyncio", bars, work_of(10_000, 0.25))] == [100, 100]
    assert [fill.quantity for fill in driven("asyncio", bars, work_of(10_000, 1))] == [400, 400]


def test_the_interval_counts():
    bars = quoted([500] * 6, [400] * 6)
    fills = driven("asyncio", bars, work_of(10_000, slice_interval_seconds=120))
    assert clock_times([fill.time for fill in fills]) == ["09:32", "09:34"]


def test_the_last_child_is_what_is_left():
    assert [fill.quantity for fill in driven("asyncio", quoted([500] * 6, [500] * 6), work_of(120))] == [50, 50, 20]


def test_children_are_whole_lots():
    bars = quoted([2550] * 3, [9999] * 3)
    assert [fill.quantity for fill in driven("asyncio", bars, work_of(10_000, lot_size=100))] == [200, 200]
    fills = driven("asyncio", quoted([2.55] * 3, [9] * 3), work_of(10, lot_size=0.01))
    assert [fill.quantity for fill in fills] == pytest.approx([0.25, 0.25])


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Rules(max_child=30), [30, 30, 30]),
        (Rules(min_child=60), [50]),  # the window's last slice waits no more
        (Rules(limit_price=9), []),
        (Rules(residual="force"), [50, 50, 900]),
    ],
)
def test_rules_bound_the_children(rules, expected):
    bars = quoted([500] * 4, [500] * 4)
    assert [fill.quantity for fill in driven("asyncio", bars, work_of(1000, rules=rules))] == expected


def test_an_unknown_size_is_no_size():
    for sizes in ((math.nan, 500.0), (500.0, math.nan), (0.0, 500.0)):
        assert stay_within_depth(Terms(1, 100, 5), Seen(0, 0.0, 0, 0, 0.0, 10.0, 10.0, 10.0, *sizes), (0.5,)).lots == 0


def test_what_is_working_is_not_asked_for_again():
    seen = Seen(0, 0.0, 40, 55, 0.0, 10.0, 10.0, 10.0, 500.0, 500.0)
    assert stay_within_depth(Terms(1, 100, 5), seen, (0.5,)).lots == 5
    assert stay_within_depth(Terms(1, 90, 5), seen, (0.5,)).lots == 0  # the venue holds more than was asked for


@pytest.mark.parametrize(
    ("most", "amount", "lots"),
    [(10, 9.99, 9), (10, 10, 10), (10, 1e300, 10), (10, math.nan, 0), (-1, 5, 0), (100, 0.29 * 100, 29), (100, -3.0, 0)],
)
def test_whole_lots_up_to_a_bound(most, amount, lots):
    assert lots_up_to(most, amount) == lots


def test_the_algorithm_and_its_text_form_are_the_same_value():
    assert parse_algorithm("liquidity_aware", KNOWN) == LiquidityAware(fraction=0.1)
    assert parse_algorithm("liquidity_aware:fraction=0.25", KNOWN) == LiquidityAware(fraction=0.25)
    assert str(LiquidityAware(fraction=0.25)) == "liquidity_aware:fraction=0.25"


@pytest.mark.parametrize("fraction", [0, -0.1, 1.01, math.nan, math.inf])
def test_a_fraction_out_of_range_is_refused_with_what_to_write(fraction):
    with pytest.raises(UsageError, match=rf"fraction is a part of the visible size in \(0, 1\], got {fraction}; 10 % is 0.1"):
        LiquidityAware(fraction=fraction)


@pytest.mark.market_data
def test_on_lean_minutes_of_spy_the_children_are_a_tenth_of_the_quotes_in_the_vendors_file(market_data):
    folder = market_data / "raw" / "lean" / "equity" / "usa" / "minute" / "spy"
    bars = Bars.read(folder)
    broker = SimulatedBroker(bars, calendar="XNYS", start="2013-10-07 10:00")
    fills = run(work_of(100_000_000, symbol="SPY", start="10:00", end="15:00")(broker))
    sizes = _quoted_sizes(folder / "20131007_quote.zip")
    expected = [int(min(sizes[minute]) * 0.1 + 1e-9) for minute in range(10 * 60 - 1, 15 * 60 - 1)]
    assert [fill.quantity for fill in fills] == [shares for shares in expected if shares]
    assert len(fills) == 300


def _quoted_sizes(archive):
    """Closing bid and ask size of each minute of the day, as the vendor's file has them: columns 6 and 11."""
    with zipfile.ZipFile(archive) as folder:
        rows = list(csv.reader(io.StringIO(folder.read(folder.namelist()[0]).decode())))
    return {int(row[0]) // 60_000: (float(row[5]), float(row[10])) for row in rows}


@pytest.mark.market_data
def test_on_lobster_minutes_of_amzn_the_children_follow_the_book_of_the_second_before(market_data):
    bars = Bars.read(market_data / "depth" / "AMZN_lobster_1m.parquet", symbol="AMZN")
    book = pd.read_parquet(market_data / "depth" / "AMZN_lobster_L1_1s.parquet")
    broker = SimulatedBroker(bars, calendar="XNYS", start="2012-06-21 10:00")
    fills = run(work_of(1_000_000, 0.5, symbol="AMZN", start="10:00", end="11:00")(broker))
    minutes = pd.date_range("2012-06-21 10:00", "2012-06-21 10:59", freq="1min", tz=ZONE)
    seen = book.loc[minutes, ["bid_size", "ask_size"]].min(axis=1)
    expected = {stamp: shares for stamp, shares in zip(minutes, (seen * 0.5).astype(int).tolist(), strict=True) if shares}
    assert {fill.timestamp: fill.quantity for fill in fills} == expected
    assert len(fills) > 50


class SpecifiedExecutor(OrderExecutor):
    """The LiquidityAwareExecutor of the specification, as a user wrote it."""

    async def execute(self, ticker, total_quantity):
        fills = []
        remaining_quantity = total_quantity
        while remaining_quantity > 0:
            # Get current order book
            depth = await self.broker.get_market_depth(ticker)

            # Calculate safe slice size (e.g., 10% of bid/ask volume)
            safe_size = min(depth["bid_volume"] * 0.10, depth["ask_volume"] * 0.10)

            slice_qty = min(safe_size, remaining_quantity)

            # Execute slice
            fill = await self.broker.place_order(ticker, slice_qty)
            fills.append(fill)
            remaining_quantity -= fill.quantity
        return fills


VOLUMES = [1000, 400, 200, 600, 1000]
ANSWER = [(50, 11), (20, 12), (10, 13), (20, 14)]  # a tenth of half of 1000, 400, 200; then what is left


def rising():
    return minute_bars(
        [(price, price, price, price, volume) for price, volume in zip(range(10, 15), VOLUMES, strict=True)], quote_proxy="close"
    )


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_specified_executor_runs_unchanged_in_a_backtest_and_under_asyncio(driver):
    async def work(broker):
        await broker.clock.sleep_until(at("09:31"))  # there is no depth before the first bar
        return await SpecifiedExecutor(broker).execute("X", 100)

    assert trades(driven(driver, rising(), work)) == ANSWER


def test_the_specified_executor_runs_unchanged_in_a_loop_that_is_not_ours():
    broker = SteppedBroker(DailyHours(ZONE, time(9, 30), time(16)), MINUTE, quote_proxy="close")
    broker.settle(at("09:30"))
    broker.see("X", at("09:30"), VOLUMES[0], 10)
    broker.settle(at("09:31"))
    task = broker.clock.start(SpecifiedExecutor(broker).execute("X", 100))
    sent = broker.decide().send
    for minute, volume in enumerate(VOLUMES[1:], 1):
        start = at("09:30") + minute * MINUTE
        broker.see("X", start, volume, 10 + minute)
        for child in sent:
            broker.fill(child, child.quantity, 10 + minute, start)
        sent = broker.advance(start + MINUTE).send
    assert task.done()
    assert trades(task.result()) == ANSWER


def test_the_specified_executor_and_ours_send_the_same_children():
    model = FillModel(price="close")
    ours = driven("asyncio", rising(), work_of(100), fill_model=model)
    assert trades(ours) == ANSWER


@pytest.mark.market_data
def test_the_specified_executor_runs_unchanged_on_lean_minutes_of_spy(market_data):
    folder = market_data / "raw" / "lean" / "equity" / "usa" / "minute" / "spy"
    broker = SimulatedBroker(Bars.read(folder), calendar="XNYS", start="2013-10-07 10:00")
    fills = run(SpecifiedExecutor(broker).execute("SPY", 10_000))
    sizes = _quoted_sizes(folder / "20131007_quote.zip")
    left, expected = 10_000, []
    for minute in range(10 * 60 - 1, 11 * 60):
        expected += [min(min(sizes[minute]) // 10, left)] if left else []
        left -= expected[-1] if left else 0
    assert [fill.quantity for fill in fills] == expected
    assert sum(expected) == 10_000


def test_the_specified_executor_runs_unchanged_where_a_tenth_of_the_depth_is_no_whole_number_of_shares(caplog):
    broker = SimulatedBroker(minute_bars([10] * 4, volume=1234, quote_proxy="close"), start=at("09:31"))
    fills = run(SpecifiedExecutor(broker).execute("X", 100))
    assert [fill.quantity for fill in fills] == [61, 39]
    assert "an order for 61.7" in caplog.text


def test_the_specified_executor_waits_where_a_tenth_of_the_depth_is_less_than_a_share():
    rows = [(10, 10, 10, 10, volume) for volume in (10, 10, 1200, 1200, 1200)]
    broker = SimulatedBroker(minute_bars(rows, quote_proxy="close"), start=at("09:31"))
    fills = run(SpecifiedExecutor(broker).execute("X", 60))
    assert [fill.quantity for fill in fills if fill.quantity] == [60]


def test_the_specified_executor_runs_unchanged_on_a_synthetic_market_whose_quotes_are_a_named_proxy():
    async def work(broker):
        await broker.clock.sleep_until(broker.session(broker.clock.now).open + MINUTE)  # there is no depth before the first bar
        return await SpecifiedExecutor(broker).execute("005930", 5000)

    fills = run(work(SimulatedBroker()))
    assert sum(fill.quantity for fill in fills) == 5000
    assert len(fills) > 3
