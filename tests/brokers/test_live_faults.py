"""Many children over a venue that fails at random: what the broker says is what the venue did, to the share."""

import asyncio
import math
import random
from collections import Counter

import pytest
from live_runs import Journal, parent_of
from paper_venue import NOT_SENT, REFUSED, PaperVenue, hang, instead, late, lost_after, lost_before
from virtual_time import SECOND, VirtualWallClock, run

from exec_algos.brokers.live import LiveBroker
from exec_algos.brokers.settings import LiveSettings
from exec_algos.brokers.venue import Rejected, Snapshot
from exec_algos.errors import VenueError
from exec_algos.model import Side
from exec_algos.model.lifecycle import State

SLICES, LOTS, EVERY = 8, 7, 30


async def fills_first(venue, act):
    """The order trades while the cancel is on its way."""
    for order in venue.orders.values():
        if order.open > 0:
            venue.fill(order, min(order.open, 3.0))
    return act()


async def partial(venue, act):
    whole = act()
    return Snapshot(whole.orders[: len(whole.orders) // 2], False, whole.as_of)


async def twice(venue, act):
    whole = act()
    return Snapshot(whole.orders * 2, whole.complete, whole.as_of)


def seeded(seed, share, latest):
    rng = random.Random(seed)
    kinds = {
        "send": [lost_before, lost_after, lambda v, a: late(rng.uniform(1, latest))(v, a), NOT_SENT, REFUSED, hang, instead(None)],
        "cancel": [lost_before, lost_after, fills_first, instead(Rejected("9", "busy"))],
        "snapshot": [instead(VenueError("503")), partial, twice, lost_before],
    }

    def fault(method):
        async def either(venue, act):
            return await rng.choice(kinds[method])(venue, act) if rng.random() < share else act()

        return either

    return {(method, "all"): fault(method) for method in kinds}


async def work(broker, parent, every=EVERY):
    """A plan by equal slices that counts what is filled, open and unknown, as executors do."""
    children = []
    for number in range(SLICES):
        due = (number + 1) * LOTS
        lots = due - sum(child.filled + child.open for child in children)
        if lots > 0:
            children.append(broker.send_order(parent, lots, math.nan, broker.clock.now + every * SECOND, ref=f"{parent.ref}.0.{number}.0"))
        await asyncio.sleep(every)
    given_up = broker.clock.now + 600 * SECOND
    while not all(child.done() for child in children):
        assert broker.clock.now < given_up, ([(child.ref, child.state) for child in children if not child.done()], broker.alerts)
        await asyncio.sleep(1)
    return children


async def day(seed, own_ids, push, *, parents=6, share=0.08, latest=20.0, settle=90):
    clock = VirtualWallClock()
    venue = PaperVenue(clock, own_ids=own_ids, push=push, per_second=0.6, latency=0.2)
    broker = LiveBroker(venue, clock=clock, journal=Journal(), settings=LiveSettings(answer=15 * SECOND))
    await broker.start()
    venue.faults |= seeded(seed, share, latest)
    rng = random.Random(-seed)

    async def disturb():
        while True:
            await asyncio.sleep(rng.uniform(5, 60))
            venue.hidden[f"V{venue.number + 1}"] = rng.uniform(1, 15)
            venue.lost_pushes = rng.random() < 0.1
            if push and rng.random() < 0.3:
                venue.say(ConnectionError("push reset"))

    disturbing = asyncio.ensure_future(disturb())
    symbols = [(symbol, side) for symbol in "ABC" for side in Side]
    begun = [parent_of(broker, SLICES * LOTS, *symbols[number % len(symbols)]) for number in range(parents)]
    worked = await asyncio.gather(*(work(broker, parent) for parent in begun))
    await asyncio.sleep(settle)
    disturbing.cancel()
    await asyncio.gather(disturbing, return_exceptions=True)
    await broker.aclose()
    return broker, venue, list(zip(begun, worked, strict=True))


def check(broker, venue, worked, most_above=0):
    counted = Counter()
    for parent, children in worked:
        filled = sum(child.traded for child in children)
        counted[parent.symbol, parent.side] += filled
        assert filled <= parent.quantity + most_above * LOTS * SLICES, (parent.ref, [(c.ref, c.state, c.lots, c.filled) for c in children])
        for child in children:
            assert child.traded == pytest.approx(sum(fill.quantity for fill in child.fills))
            if child.venue_id:
                truth = venue.orders[child.venue_id]
                assert child.traded == pytest.approx(truth.filled), (child.ref, child.state, truth)
                if venue.caps.own_id_length:
                    assert truth.own_id == child.own_id
    true = Counter()
    for order in venue.orders.values():
        true[order.symbol, order.side] += order.filled
    assert {key: round(value, 6) for key, value in counted.items() if value} == {
        key: round(value, 6) for key, value in true.items() if value
    }
    assert all(order.state == "done" for order in venue.orders.values())


@pytest.mark.parametrize("push", [True, False], ids=["pushed", "polled"])
@pytest.mark.parametrize("own_ids", [True, False], ids=["own ids", "no own ids"])
@pytest.mark.parametrize("seed", range(2))
def test_what_is_counted_is_what_traded(seed, own_ids, push):
    broker, venue, worked = run(day(seed, own_ids, push))
    check(broker, venue, worked)
    assert broker.status()["children"].get(str(State.UNKNOWN), 0) == 0
