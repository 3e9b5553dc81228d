"""What becomes of an order when single children fail: five slices of 20 shares, one a minute, unless a test says otherwise."""

import asyncio
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_markets import DRIVERS, MINUTE, ZONE, driven, minute_bars, run, trades

from exec_algos import BrokerAPI, Fill, SimulatedBroker, TWAPExecutor
from exec_algos.clock import WallClock
from exec_algos.errors import NotSentError, OrderRejectedError, UsageError, VenueError
from exec_algos.model import Session

BARS = minute_bars(range(100, 120))
DOWN = VenueError("down")


def failing(calls, behaviour):
    """A simulated broker whose `place_order` calls ``behaviour(broker)`` first at the calls (1, 2, ...) given."""

    class Failing(SimulatedBroker):
        count = 0

        async def place_order(self, ticker, quantity, *args, **options):
            self.count += 1
            if self.count in calls:
                await behaviour(self)
            return await super().place_order(ticker, quantity, *args, **options)

    return Failing


def raising(error):
    async def behave(broker):
        raise error

    return behave


def worked(make, driver="backtest", quantity=100, minutes=5, **options):
    """Fills, summary and the broker of one TWAP."""

    async def work(broker):
        executor = TWAPExecutor(broker, **options)
        fills = await executor.execute("X", quantity, duration_minutes=minutes)
        return fills, executor.get_execution_summary(), broker

    return driven(driver, BARS, work, make=make)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OrderRejectedError("no cash"), "slice 2: OrderRejectedError: no cash"),
        (NotSentError("no connection"), "slice 2: NotSentError: no connection"),
    ],
)
def test_the_schedule_catches_up_after_a_child_of_which_nothing_trades(driver, error, line):
    fills, summary, _ = worked(failing({2}, raising(error)), driver)
    assert trades(fills) == [(20, 100), (40, 102), (20, 103), (20, 104)]
    assert summary["errors"] == [line]
    assert (summary["total_quantity"], summary["residual"], summary["num_slices"]) == (100, 0, 5)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    ("error", "line"),
    [
        (DOWN, "slice 2: VenueError: down"),
        (TimeoutError("5 s"), "slice 2: TimeoutError: 5 s"),
        (ConnectionResetError("peer"), "slice 2: ConnectionResetError: peer"),
    ],
)
def test_a_child_of_which_nobody_knows_whether_it_trades_is_not_sent_again(driver, error, line):
    fills, summary, _ = worked(failing({2}, raising(error)), driver)
    assert trades(fills) == [(20, 100), (20, 102), (20, 103), (20, 104)]
    assert summary["errors"] == [line]
    assert (summary["total_quantity"], summary["unknown"], summary["residual"], summary["num_slices"]) == (80, 20, 0, 5)


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_failure_that_is_known_late_is_made_up_for_late(driver):
    async def time_out(broker):
        await broker.clock.sleep_until(broker.clock.now + 90_000_000_000)
        raise OrderRejectedError("90 s")

    fills, summary, _ = worked(failing({2}, time_out), driver)
    assert trades(fills) == [(20, 100), (20, 102), (40, 103), (20, 104)]
    assert summary["errors"] == ["slice 2: OrderRejectedError: 90 s"]


@pytest.mark.parametrize("driver", DRIVERS)
def test_after_three_failures_in_a_row_it_gives_up_and_keeps_what_was_filled(driver):
    fills, summary, broker = worked(failing(range(3, 99), raising(DOWN)), driver, minutes=10)
    assert trades(fills) == [(10, 100), (10, 101)]
    assert (summary["total_quantity"], summary["unknown"], summary["residual"]) == (20, 30, 50)
    assert summary["errors"] == [f"slice {k}: VenueError: down" for k in (3, 4, 5)] + ["given up after 3 failures in a row"]
    assert broker.count == 5


def test_how_many_failures_is_the_callers_choice():
    assert worked(failing(range(1, 99), raising(DOWN)), max_failures=1)[2].count == 1
    assert worked(failing(range(1, 99), raising(DOWN)), max_failures=4)[2].count == 4
    with pytest.raises(UsageError, match="at least 1, got 0"):
        TWAPExecutor(SimulatedBroker(BARS), max_failures=0)


def test_failures_that_do_not_follow_each_other_do_not_add_up():
    _, summary, _ = worked(failing({1, 2, 4, 5, 7, 8}, raising(DOWN)), minutes=10)
    assert (summary["total_quantity"], summary["unknown"]) == (40, 60)
    assert len(summary["errors"]) == 6


def test_what_the_last_slice_could_not_get_is_the_residual():
    fills, summary, _ = worked(failing({5}, raising(OrderRejectedError("halted"))))
    assert trades(fills) == [(20, 100), (20, 101), (20, 102), (20, 103)]
    assert (summary["residual"], summary["errors"]) == (20, ["slice 5: OrderRejectedError: halted"])


def test_an_order_that_got_nothing_has_a_summary_too():
    fills, summary, _ = worked(failing(range(1, 99), raising(DOWN)))
    assert fills == []
    assert (summary["total_quantity"], summary["unknown"], summary["residual"]) == (0, 60, 40)
    assert math.isnan(summary["avg_fill_price"])


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_child_that_never_reports_is_not_ordered_again_and_is_named(driver):
    async def never(broker):
        await broker.clock.sleep_until(broker.clock.now + 24 * 60 * MINUTE)

    fills, summary, _ = worked(failing({2}, never), driver)
    assert trades(fills) == [(20, 100), (20, 102), (20, 103), (20, 104)]
    assert (summary["unknown"], summary["residual"]) == (20, 0)
    assert summary["errors"] == ["slice 2: no report within 30 s after the window; ask the venue"]


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_report_that_comes_shortly_after_the_window_still_counts(driver):
    class Slow(SimulatedBroker):
        async def place_order(self, *args, **options):
            fill = await super().place_order(*args, **options)
            await self.clock.sleep_until(self.clock.now + 10_000_000_000)
            return fill

    fills, summary, _ = worked(Slow, driver)
    assert sum(fill.quantity for fill in fills) == 100
    assert (summary["residual"], summary["errors"]) == (0, [])


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_callers_mistake_stops_the_order_and_the_summary_keeps_the_fills(driver):
    class Picky(failing({3}, raising(UsageError("no such account")))):
        pass

    async def work(broker):
        executor = TWAPExecutor(broker)
        with pytest.raises(UsageError, match="no such account"):
            await executor.execute("X", 100, duration_minutes=5)
        return executor.get_execution_summary()

    assert driven(driver, BARS, work, make=Picky)["total_quantity"] == 40


def test_each_failure_is_logged_as_a_warning(caplog):
    worked(failing({2}, raising(DOWN)))
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [("WARNING", "[TWAP] Slice 2/5 is unknown: VenueError: down")]


class Bare(BrokerAPI):
    """No more than `BrokerAPI` asks for, on the wall clock."""

    def __init__(self, failing=(), error=DOWN):
        self.failing, self.error, self.asked = failing, error, []

    def session(self, instant):
        return Session(instant - MINUTE, instant + MINUTE, ZONE)

    async def place_order(self, ticker, quantity, order_type="MKT", limit_price=None, *, side="BUY", expires=None, parent=None):
        self.asked.append((ticker, quantity, order_type, limit_price, side.name))
        if len(self.asked) in self.failing:
            raise self.error
        return Fill(self.clock.now, ticker, quantity, 50.0 + len(self.asked), side=side)

    async def cancel_order(self, order_id):
        return False

    async def get_historical_volume_profile(self, ticker, days=5):
        raise NotImplementedError

    async def get_market_depth(self, ticker):
        raise NotImplementedError


def live(broker, quantity=30):
    """Three slices of a tenth of a second: a busy machine wakes late, and a slice that is over is passed by."""
    executor = TWAPExecutor(broker)
    return run(executor.execute("X", quantity, duration_minutes=0.005, slice_interval_seconds=0.1, side="SELL")), executor


@pytest.mark.slow
def test_a_bare_broker_on_the_wall_clock_gets_one_child_a_slice():
    broker = Bare()
    fills, _ = live(broker)
    assert isinstance(broker.clock, WallClock)
    assert broker.asked == [("X", 10, "MKT", None, "SELL")] * 3
    assert trades(fills) == [(10, 51.0), (10, 52.0), (10, 53.0)]
    assert fills == sorted(fills, key=lambda fill: fill.time)


@pytest.mark.slow
def test_a_bare_broker_that_refuses_once_is_caught_up_on_the_wall_clock():
    fills, executor = live(Bare(failing={2}, error=OrderRejectedError("halted")))
    assert trades(fills) == [(10, 51.0), (20, 53.0)]
    assert executor.get_execution_summary()["errors"] == ["slice 2: OrderRejectedError: halted"]


@pytest.mark.slow
def test_a_bare_broker_that_always_fails_costs_no_fills_and_no_exception():
    fills, executor = live(Bare(failing={1, 2, 3}))
    assert fills == []
    assert executor.get_execution_summary()["errors"] == [f"slice {k}: VenueError: down" for k in (1, 2, 3)]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(1, 12)), st.integers(1, 500), st.integers(1, 12), st.sampled_from(DRIVERS))
def test_ordered_is_filled_plus_unknown_plus_residual_whatever_fails(calls, quantity, minutes, driver):
    fills, summary, broker = worked(failing(calls, raising(DOWN)), driver, quantity=quantity, minutes=minutes)
    assert sum(fill.quantity for fill in fills) == summary["total_quantity"] <= quantity
    assert summary["total_quantity"] + summary["unknown"] + summary["residual"] == quantity
    assert sum("VenueError" in line for line in summary["errors"]) == len([call for call in calls if call <= broker.count])
    given_up = any("given up" in line for line in summary["errors"])
    assert given_up or summary["residual"] == 0


def test_executions_that_fail_do_not_disturb_their_neighbours():
    broker = failing({1, 3, 5}, raising(DOWN))(BARS)  # the two orders take turns: the first one fails

    async def main():
        first, second = TWAPExecutor(broker), TWAPExecutor(broker)
        await asyncio.gather(first.execute("X", 50, duration_minutes=5), second.execute("X", 50, duration_minutes=5))
        return first.get_execution_summary(), second.get_execution_summary()

    first, second = run(main())
    assert first["errors"][-1] == "given up after 3 failures in a row"
    assert (first["total_quantity"], first["unknown"], second["total_quantity"], second["errors"]) == (0, 30, 50, [])
