"""Live windows end at any instant: the last slice is as long as what is left of them, and a slice that was missed is named."""

import pytest
from live_stubs import Stub, run
from small_markets import at

from exec_algos import TWAP
from exec_algos.algorithms import parse_algorithm
from exec_algos.clock.queue import EventQueue
from exec_algos.clock.virtual import Pump, VirtualClock
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.model import SECOND


class LateClock(VirtualClock):
    """Wakes everybody late, as a loop that has other things to do."""

    late = 0

    def sleep_until(self, instant):
        return super().sleep_until(instant + self.late)


class Busy(Stub):
    """A stub whose clock wakes so many ns late."""

    def __init__(self, late):
        super().__init__()
        queue = EventQueue(at("09:30"))
        self.time = LateClock(queue, Pump(queue))
        self.time.late = late


def summary_of(broker, algorithm, end):
    async def work():
        executor = AlgorithmExecutor(broker)
        await executor.execute("X", 100, algorithm, end=end)
        return executor.get_execution_summary()

    return run(work())


@pytest.mark.parametrize("text", ["twap", "vwap:profile_days=2", "arrival_price", "implementation_shortfall:half_life_seconds=120"])
def test_nothing_is_left_for_a_last_slice_that_is_too_short_to_be_sent(text):
    broker = Busy(late=1_000_000)
    summary = summary_of(broker, parse_algorithm(text), at("09:35") + 1_000)
    assert (summary["total_quantity"], summary["residual"], summary["errors"]) == (100, 0, [])
    assert len(broker.sent) <= 5


def test_twap_follows_elapsed_time_in_a_window_that_is_no_whole_number_of_slices():
    broker = Busy(late=0)
    summary = summary_of(broker, TWAP(), at("09:32") + 30 * SECOND)
    assert [quantity for _, _, quantity, _ in broker.sent] == [40, 40, 20]
    assert summary["total_quantity"] == 100


def test_slices_that_were_over_before_they_could_be_looked_at_are_named():
    broker = Busy(late=61 * SECOND)
    summary = summary_of(broker, TWAP(), at("09:33"))
    assert (broker.sent, summary["residual"]) == ([], 100)
    assert summary["errors"] == [f"slice {number}: skipped, it was over before it began" for number in (1, 2, 3)]
