import asyncio

import pandas as pd
import pytest
from small_markets import DRIVERS, MINUTE, ZONE, at, clock_times, driven, minute_bars, once, run, trades

from exec_algos import BacktestEngine, Bars, SimulatedBroker, Strategy, TWAPExecutor
from exec_algos.errors import RunError, UsageError, WrongFillError

BARS = minute_bars(range(100, 120))


@pytest.mark.parametrize("driver", DRIVERS)
def test_an_executor_that_was_started_decides_after_the_expiries_of_its_instant(driver):
    async def work(broker):
        task = broker.clock.start(TWAPExecutor(broker).execute("X", 30, 3))
        await broker.clock.sleep_until(at("10:00"))
        return task.result()

    assert trades(driven(driver, minute_bars([100, None, 102]), work)) == [(10, 100), (20, 102)]


def test_a_broker_outlives_an_asyncio_run_that_failed():
    broker = SimulatedBroker(BARS)

    async def failing():
        async def nap(minutes):
            await broker.clock.sleep_until(at("09:31") + minutes * MINUTE)

        async def bad():
            await broker.clock.sleep_until(at("09:31"))
            raise KeyError("x")

        await asyncio.gather(*(nap(m) for m in range(1, 40)), bad())

    with pytest.raises(KeyError):
        run(failing())

    async def again():
        return await asyncio.wait_for(TWAPExecutor(broker).execute("X", 10, 2), 1)

    assert len(run(again())) == 2


def test_a_wait_that_was_cancelled_does_not_move_time():
    broker = SimulatedBroker(BARS)

    async def main():
        task = asyncio.ensure_future(broker.clock.sleep_until(at("15:00")))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0.002)
        return broker.clock.now

    assert clock_times([run(main())]) == ["09:30"]


def test_in_a_script_the_run_error_itself_says_what_to_await():
    async def work(strategy, order):
        await asyncio.sleep(1)

    with pytest.raises(RunError, match=r"await self\.broker"):
        BacktestEngine(BARS, [once(work=work)]).run()


class Starting(Strategy):
    def on_bar(self, event):
        if event.time == at("09:33"):
            self.broker.clock.start(self.broker.place_order("X", 7))


@pytest.mark.parametrize("first", [once(quantity=10), Strategy])
def test_what_a_strategy_starts_in_on_bar_is_its_own(first):
    fills = BacktestEngine(BARS, [first, Starting]).run().fills
    assert fills["strategy"].tolist()[-1] == "Starting"


def test_a_plain_on_order_that_raises_names_event_symbol_and_time():
    class Plain(once()):
        def on_order(self, order):
            raise KeyError("oops")

    with pytest.raises(RunError, match=r"Plain.on_order failed on X at 2024-01-02 09:31"):
        BacktestEngine(BARS, [Plain]).run()


def test_a_plain_on_order_is_told_to_be_async():
    class Plain(once()):
        def on_order(self, order):
            pass

    with pytest.raises((RunError, UsageError), match="async def"):
        BacktestEngine(BARS, [Plain]).run()


def test_a_coroutine_on_bar_is_refused():
    class Wrong(Strategy):
        async def on_bar(self, event):
            raise KeyError("never seen")

    with pytest.raises((RunError, UsageError), match="on_bar"):
        BacktestEngine(BARS, [Wrong]).run()


@pytest.mark.parametrize("start", ["2024-01-02 09:32", pd.Timestamp("2024-01-02 09:32", tz=ZONE)], ids=["text", "stamp"])
def test_a_backtest_starts_at_any_form_of_a_moment_or_refuses_it(start):
    try:
        result = BacktestEngine(BARS, [Strategy], start=start).run()
    except UsageError:
        return
    assert len(result.equity) == 18


def early():
    index = pd.date_range("2024-01-02 09:00", periods=60, freq="1min", tz=ZONE)
    return Bars.from_frame(
        pd.DataFrame({"open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 9.0}, index=index), symbol="X", label="start"
    )


def test_with_a_calendar_a_direct_order_waits_for_the_open():
    result = BacktestEngine(early(), [once(quantity=1)], calendar="XNYS").run()
    assert clock_times(result.fills["timestamp"]) == ["09:30"]


def test_with_a_calendar_no_parent_is_put_into_another_day():
    result = BacktestEngine(early(), [once(quantity=1)], calendar="XNYS").run()
    assert result.parents["session"].astype(str).tolist() == ["2024-01-02"]


def test_bars_outside_every_session_of_the_calendar_are_refused_with_a_word():
    with pytest.raises(UsageError, match="XKRX"):
        BacktestEngine(BARS, [once()], calendar="XKRX").run()


def test_ten_tenths_of_a_coin_are_one():
    executor = TWAPExecutor(SimulatedBroker(BARS))
    run(executor.execute("X", 1.0, 10, lot_size=0.1))
    assert executor.get_execution_summary()["residual"] == 0


def test_a_venue_that_returns_nothing_stops_the_order_and_is_named():
    class Silent(SimulatedBroker):
        async def place_order(self, *args, **options):
            return None

    executor = TWAPExecutor(Silent(BARS))
    with pytest.raises(WrongFillError, match=r"Silent\.place_order answered the child BUY 5 X with None"):
        run(executor.execute("X", 10, 2))
    assert executor.get_execution_summary()["total_quantity"] == 0


def test_a_child_cancelled_by_the_venue_is_a_failed_child():
    class Cancelling(SimulatedBroker):
        async def place_order(self, *args, **options):
            raise asyncio.CancelledError

    executor = TWAPExecutor(Cancelling(BARS))
    assert run(executor.execute("X", 10, 2)) == []
    assert len(executor.get_execution_summary()["errors"]) == 2


def test_what_a_strategy_starts_in_its_constructor_is_its_own():
    class Eager(Strategy):
        def __init__(self, event_queue, data_handler):
            super().__init__(event_queue, data_handler)
            self.told = []
            self.broker.clock.start(self.broker.place_order("X", 7))

        def on_fill(self, event):
            self.told.append(event.fill.quantity)

    assert BacktestEngine(BARS, [Strategy, Eager]).run().fills["strategy"].tolist() == ["Eager"]


def test_an_order_in_a_symbol_whose_data_ended_before_the_start_leaves_a_residual():
    both = Bars.concat([minute_bars([100, 100], symbol="OLD"), minute_bars(range(100, 110))])
    result = BacktestEngine(both, [once(symbol="X", quantity=5, work=_buy_old)], start=at("09:35")).run()
    assert (result.parents["symbol"].tolist(), result.parents["residual"].tolist()) == (["OLD"], [3])
    assert result.equity["equity"].nunique() == 1


async def _buy_old(strategy, order):
    await strategy.broker.place_order("OLD", 3)
