import asyncio

import pytest
from small_markets import DRIVERS, MINUTE, at, clock_times, driven, minute_bars, run

from exec_algos import SimulatedBroker
from exec_algos.clock import Clock, WallClock

BARS = minute_bars(range(100, 110))


def clocked(driver, work):
    """Carry ``work(broker)`` from 09:31 on."""

    async def from_0931(broker):
        await broker.clock.sleep_until(at("09:31"))
        return await work(broker)

    return driven(driver, BARS, from_0931)


def test_a_clock_says_the_time_waits_and_starts():
    assert Clock.__abstractmethods__ == {"now", "sleep_until", "start"}


def test_the_wall_clock_waits_until_the_instant():
    async def wait():
        clock = WallClock()
        end = clock.now + 2_000_000
        await clock.sleep_until(end)
        return clock.now >= end

    assert run(wait())


def test_the_wall_clock_does_not_wait_for_what_has_passed():
    async def wait():
        return await asyncio.wait_for(WallClock().sleep_until(0), 1)

    assert run(wait()) is None


def test_the_wall_clock_runs_a_coroutine_beside():
    async def main():
        async def two():
            return 2

        task = WallClock().start(two())
        assert not task.done()
        await asyncio.sleep(0)
        return task.done(), task.result(), task.exception()

    assert run(main()) == (True, 2, None)


@pytest.mark.parametrize("driver", DRIVERS)
def test_virtual_time_moves_to_the_instant_and_no_further(driver):
    async def work(broker):
        await broker.clock.sleep_until(at("09:33") + 7)
        return broker.clock.now

    assert clocked(driver, work) == at("09:33") + 7


@pytest.mark.parametrize("driver", DRIVERS)
def test_virtual_time_does_not_go_back(driver):
    async def work(broker):
        await broker.clock.sleep_until(at("09:30"))
        return broker.clock.now

    assert clocked(driver, work) == at("09:31")


@pytest.mark.parametrize("driver", DRIVERS)
def test_virtual_time_goes_on_past_the_last_bar(driver):
    async def work(broker):
        await broker.clock.sleep_until(at("12:00"))
        return broker.clock.now

    assert clocked(driver, work) == at("12:00")


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_coroutine_beside_reports_its_result_or_its_error(driver):
    async def work(broker):
        async def later():
            await broker.clock.sleep_until(at("09:32"))
            return 7

        async def wrong():
            raise KeyError("x")

        good, bad = broker.clock.start(later()), broker.clock.start(wrong())
        assert not good.done()
        await broker.clock.sleep_until(at("09:33"))
        with pytest.raises(KeyError):
            bad.result()
        return good.done(), good.result(), good.exception(), type(bad.exception())

    assert clocked(driver, work) == (True, 7, None, KeyError)


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_coroutine_beside_can_be_stopped(driver):
    async def work(broker):
        async def never():
            await broker.clock.sleep_until(at("15:00"))

        task = broker.clock.start(never())
        await broker.clock.sleep_until(at("09:32"))
        first = task.cancel()
        await broker.clock.sleep_until(at("09:33"))
        return first, task.done(), task.cancel()

    assert clocked(driver, work) == (True, True, False)


def test_sleepers_gathered_on_one_clock_wake_in_time_order():
    broker, woken = SimulatedBroker(BARS), []

    async def sleeper(minutes):
        await broker.clock.sleep_until(at("09:30") + minutes * MINUTE)
        woken.append(broker.clock.now)

    async def main():
        await asyncio.gather(sleeper(3), sleeper(1), sleeper(2))

    run(main())
    assert clock_times(woken) == ["09:31", "09:32", "09:33"]
