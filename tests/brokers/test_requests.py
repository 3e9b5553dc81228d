"""Whose turn it is to ask the venue."""

import asyncio
import math
from itertools import pairwise

import pytest
from paper_venue import PaperVenue
from virtual_time import SECOND, START, VirtualWallClock, run

from exec_algos.brokers.live import LiveBroker
from exec_algos.brokers.requests import LocalBucket, Priority, Requests


def grants(rate, reserved, asked, until=None):
    """When each of `asked` got its turn, in the order of the turns: (name of its priority, seconds)."""

    async def case():
        clock = VirtualWallClock()
        requests = Requests(clock, LocalBucket(rate, reserved))
        got = []

        async def ask(priority):
            if await requests.take(priority, until):
                got.append((priority.name, round((clock.now - START) / SECOND, 3)))

        await asyncio.gather(*(ask(priority) for priority in asked))
        requests.close()
        return got

    return run(case())


@pytest.mark.parametrize("rate", [18, 10, 1, 0.4])
def test_no_second_sees_more_than_the_rate(rate):
    times = [when for _, when in grants(rate, 0.0, [Priority.POLL] * 60)]
    tokens = max(int(rate), 1)
    assert all(later - sooner >= tokens / rate - 1e-3 for sooner, later in zip(times, times[tokens:], strict=False))
    assert times[-1] == pytest.approx((60 / tokens - 1 if 60 % tokens == 0 else 60 // tokens) * tokens / rate, abs=0.01)


def test_orders_and_cancels_find_their_reserve_when_reads_have_taken_all_else():
    async def case():
        clock = VirtualWallClock()
        requests = Requests(clock, LocalBucket(10, 0.3))
        reads = [asyncio.ensure_future(requests.take(Priority.MARKET)) for _ in range(50)]
        await asyncio.sleep(0.5)
        for priority in (Priority.ORDER, Priority.CANCEL, Priority.ORDER):
            assert await requests.take(priority)
        assert clock.now == START + SECOND // 2
        assert sum(read.done() for read in reads) == 7
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
        requests.close()

    run(case())


def test_cancels_go_before_orders_then_look_ups_then_polls_and_market_data_starves():
    mixed = [Priority.MARKET, Priority.POLL, Priority.LOOKUP, Priority.ORDER, Priority.CANCEL]
    assert [name for name, _ in grants(1, 0.0, [Priority.ORDER, *mixed])] == ["ORDER", "CANCEL", "ORDER", "LOOKUP", "POLL", "MARKET"]


def test_a_poll_that_has_waited_ten_seconds_goes_before_more_orders():
    got = grants(1, 0.0, [Priority.ORDER, Priority.POLL, *[Priority.ORDER] * 20])
    assert got[10] == ("POLL", 10.0)


def test_who_must_not_wait_longer_gives_up_and_takes_no_token():
    async def case():
        clock = VirtualWallClock()
        requests = Requests(clock, LocalBucket(1, 0.0))
        assert await requests.take(Priority.ORDER)
        assert not await requests.take(Priority.ORDER, START + SECOND // 2)
        assert await requests.take(Priority.ORDER)
        assert clock.now == START + SECOND
        assert requests.counts[Priority.ORDER] == 2
        requests.close()

    run(case())


def test_further_pages_of_a_look_up_take_turns_of_its_priority():
    async def case():
        requests = Requests(VirtualWallClock(), LocalBucket(5, 0.2))

        async def pages():
            await requests.take(Priority.LOOKUP)
            for _ in range(3):
                await requests.more()

        await asyncio.gather(pages(), requests.take(Priority.MARKET))
        assert (requests.counts[Priority.LOOKUP], requests.counts[Priority.MARKET]) == (4, 1)
        requests.close()

    run(case())


def test_a_task_that_took_no_turn_asks_on_as_a_look_up():
    """So it is while a broker starts: the account is asked for before anything is sent, perhaps more than once."""

    async def case():
        requests = Requests(VirtualWallClock(), LocalBucket(10, 0.0))
        await requests.more()
        requests.close()
        return requests.counts[Priority.LOOKUP]

    assert run(case()) == 1


def test_a_venue_without_a_limit_never_makes_anybody_wait():
    assert {when for _, when in grants(math.inf, 0.3, [Priority.MARKET] * 500)} == {0.0}


def test_turns_come_in_the_order_of_asking():
    times = [when for _, when in grants(3, 0.0, [Priority.POLL] * 9)]
    assert all(sooner <= later for sooner, later in pairwise(times))


class Apart:
    """A bucket with nothing for reads before ten seconds, and one request for an order after one."""

    kept = 1

    def __init__(self):
        self.given = []

    def take(self, now, kept):
        due = START + (10 if kept else 1) * SECOND
        if now < due:
            return due
        self.given.append((now - START) / SECOND)
        return 0


def test_an_order_does_not_wait_for_the_instant_that_was_set_for_a_read_before_it():
    async def case():
        bucket = Apart()
        requests = Requests(VirtualWallClock(), bucket)
        read = asyncio.ensure_future(requests.take(Priority.MARKET))
        await asyncio.sleep(0)
        await asyncio.gather(read, requests.take(Priority.ORDER))
        requests.close()
        return bucket.given

    assert run(case()) == [1.0, 10.0]


def test_a_live_broker_counts_by_the_bucket_of_its_venue():
    class Counting(LocalBucket):
        taken = 0

        def take(self, now, kept):
            self.taken += 1
            return super().take(now, kept)

    async def case():
        clock = VirtualWallClock()
        venue, bucket = PaperVenue(clock), Counting(1000, 0.3)
        venue.bucket = lambda given: bucket if given is clock else None
        broker = LiveBroker(venue, clock=clock)
        await broker.start()
        await broker.aclose()
        return bucket.taken

    assert run(case()) > 0
