"""Waiting in virtual time: in a replay that carries coroutines itself, and under asyncio."""

import asyncio
import traceback

import pytest
from small_markets import DRIVERS, MINUTE, at, clock_times, driven, minute_bars, once, run

from exec_algos import BacktestEngine, SimulatedBroker, TWAPExecutor
from exec_algos.errors import ForeignAwaitError, RunError

BARS = minute_bars(range(100, 120))


async def sleeping(broker):
    await asyncio.sleep(0.001)


async def yielding(broker):
    await asyncio.sleep(0)


async def on_a_future(broker):
    await asyncio.get_running_loop().create_future()


def failed(work):
    """The error of a backtest in which an order awaits ``work(broker)``."""

    async def on_order(strategy, order):
        await work(strategy.broker)

    with pytest.raises(RunError, match=r"Once\.on_order failed on X at 2024-01-02 09:31-05:00") as caught:
        BacktestEngine(BARS, [once(work=on_order)]).run()
    return caught.value


@pytest.mark.parametrize("work", [sleeping, yielding, on_a_future])
def test_in_jupyter_a_foreign_await_is_an_error_that_says_what_to_await(work):
    async def cell():
        return failed(work)

    error = run(cell())
    assert isinstance(error.__cause__, ForeignAwaitError)
    assert "await self.broker (place_order ...) or self.broker.clock.sleep_until(...) instead of asyncio" in str(error)


@pytest.mark.parametrize("work", [sleeping, yielding, on_a_future])
def test_in_a_script_a_foreign_await_is_an_error_that_says_what_to_await(work):
    shown = "".join(traceback.format_exception(failed(work)))
    assert "await self.broker" in shown
    assert "self.broker.clock.sleep_until(...) instead" in shown


def test_a_broker_from_outside_the_run_is_foreign():
    outside = SimulatedBroker(BARS)

    async def work(broker):
        await outside.place_order("X", 1)

    assert "await self.broker" in "".join(traceback.format_exception(failed(work)))


def test_a_foreign_await_lets_the_coroutine_clean_up():
    cleaned = []

    async def work(broker):
        try:
            await asyncio.sleep(0)
        finally:
            cleaned.append(broker.clock.now)

    failed(work)
    assert clock_times(cleaned) == ["09:31"]


def test_a_child_that_awaits_something_foreign_stops_the_order():
    class Foreign(SimulatedBroker):
        async def place_order(self, *args, **options):
            await asyncio.sleep(0)
            return await super().place_order(*args, **options)

    async def on_order(strategy, order):
        await TWAPExecutor(Foreign()).execute("X", 100, 5)

    with pytest.raises(RunError, match=r"ForeignAwaitError: awaited None"):
        BacktestEngine(BARS, [once(work=on_order)]).run()


@pytest.mark.parametrize("driver", DRIVERS)
def test_time_stands_still_while_a_coroutine_works(driver):
    async def work(broker):
        times = [broker.clock.now]
        for _ in range(3):
            await broker.get_market_depth("X") if broker.clock.now > at("09:30") else None
            await broker.clock.sleep_until(broker.clock.now)
            times.append(broker.clock.now)
        return times

    assert clock_times(driven(driver, BARS, work)) == ["09:30"] * 4


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_stopped_coroutine_cleans_up(driver):
    cleaned = []

    async def work(broker):
        async def resting():
            try:
                await broker.place_order("X", 1, "LMT", 50)
            finally:
                cleaned.append(True)

        task = broker.clock.start(resting())
        await broker.clock.sleep_until(at("09:32"))
        task.cancel()
        await broker.clock.sleep_until(at("09:33"))

    driven(driver, BARS, work)
    assert cleaned == [True]


@pytest.mark.parametrize("hops", [0, 1, 2])
def test_under_asyncio_a_coroutine_that_lets_others_run_loses_no_time(hops):
    broker = SimulatedBroker(BARS)

    async def work():
        times = []
        for _ in range(3):
            for _ in range(hops):
                await asyncio.sleep(0)
            await broker.clock.sleep_until(broker.clock.now + MINUTE)
            times.append(broker.clock.now)
        return times

    async def main():
        return (await asyncio.gather(work(), work()))[0]

    assert clock_times(run(main())) == ["09:31", "09:32", "09:33"]


def test_under_asyncio_tasks_groups_and_timeouts_work_as_ever():
    broker = SimulatedBroker(BARS)

    async def main():
        async with asyncio.TaskGroup() as group:
            first = group.create_task(TWAPExecutor(broker).execute("X", 10, 2))
            second = group.create_task(asyncio.wait_for(TWAPExecutor(broker).execute("X", 20, 3), 10))
        return [[fill.fill_price for fill in task.result()] for task in (first, second)]

    assert run(main()) == [[100, 101], [100, 101, 102]]


def test_two_brokers_have_two_times():
    early, late = SimulatedBroker(BARS), SimulatedBroker(BARS, start=at("09:40"))

    async def main():
        return await asyncio.gather(early.place_order("X", 1), late.place_order("X", 1))

    assert [fill.fill_price for fill in run(main())] == [100, 110]


def test_a_broker_goes_on_where_the_last_asyncio_run_left_it():
    broker = SimulatedBroker(BARS)
    prices = [fill.fill_price for _ in range(3) for fill in run(TWAPExecutor(broker).execute("X", 10, 2))]
    assert prices == [100, 101, 102, 103, 104, 105]


def test_many_executors_finish_in_the_order_of_their_windows():
    broker, over = SimulatedBroker(BARS), []

    async def work(minutes):
        await TWAPExecutor(broker).execute("X", 10, minutes)
        over.append(minutes)

    async def main():
        await asyncio.gather(*(work(minutes) for minutes in (7, 3, 11, 5, 2)))

    run(main())
    assert over == [2, 3, 5, 7, 11]
