"""A start after an earlier run: children are taken in, found and brought to an end before anything is sent."""

import asyncio
import random

import pytest
from live_runs import Journal, live, over, parent_of, send
from paper_venue import PaperVenue, instead, late, lost_after, lost_before
from test_live_faults import LOTS, SLICES, check, seeded, work
from virtual_time import SECOND, START, VirtualWallClock, run

from exec_algos.brokers.live import LiveBroker
from exec_algos.brokers.records import Kind
from exec_algos.brokers.settings import LiveSettings
from exec_algos.errors import UsageError, VenueError
from exec_algos.live.recorded import recorded
from exec_algos.model import Side
from exec_algos.model.lifecycle import State

BOTH = pytest.mark.parametrize("own_ids", [True, False], ids=["own ids", "no own ids"])


def text(broker):
    return "\n".join(alert.text for alert in broker.alerts)


async def died(broker, venue):
    """The process is killed: no request of it leaves any more, nothing is written any more."""
    broker.state.broken = "killed"
    await broker.aclose()
    return venue


@BOTH
@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "never arrived"])
def test_a_child_whose_answer_was_not_written_is_found_or_proved_absent_before_anything_is_sent(own_ids, arrived):
    async def case():
        journal = Journal()
        async with live(own_ids=own_ids, per_second=0, journal=journal) as (broker, venue):
            venue.faults["send", 1] = lost_after if arrived else lost_before
            venue.hidden["V1"] = 15
            parent = parent_of(broker, quantity=100)
            send(broker, seconds=20, parent=parent)
            while not (venue.orders if arrived else venue.requests["send"]):
                await asyncio.sleep(0.01)
            entries = [entry for entry in journal.entries if entry.kind not in (Kind.UNKNOWN, Kind.RESOLVED)]
            await died(broker, venue)
        del venue.faults["send", 1]
        found = recorded(entries)
        assert [child.state for child in found.children] == [State.SENT]
        again = LiveBroker(venue, clock=venue.clock, journal=journal)
        starting = asyncio.ensure_future(again.start(found.children))
        await asyncio.sleep(5)
        with pytest.raises(UsageError, match=parent.ref):
            again.open_parent(parent)
        early = send(again, lots=1, seconds=100, parent=again.adopt_parent(parent))
        await asyncio.sleep(1)
        assert early.state is State.INTENT
        await starting
        child = found.children[0]
        assert child.state is (State.CANCELLED if arrived else State.NOT_SENT)
        assert early.state is State.INTENT
        if arrived:
            assert venue.orders["V1"].state == "done"
        await asyncio.sleep(1)
        assert early.state is State.OPEN
        await again.aclose()

    run(case())


def test_open_children_may_be_followed_in_place_of_cancelled():
    async def case():
        journal = Journal()
        async with live(per_second=0, journal=journal) as (broker, venue):
            send(broker, seconds=60)
            await asyncio.sleep(1)
            await died(broker, venue)
        found = recorded(journal.entries)
        again = LiveBroker(venue, clock=venue.clock, settings=LiveSettings(on_open="follow"))
        await again.start(found.children)
        child = found.children[0]
        assert (child.state, venue.requests["cancel"]) == (State.OPEN, [])
        venue.fill(venue.orders["V1"], 6)
        await over(again, child)
        assert (child.state, child.filled) == (State.CANCELLED, 6)
        await again.aclose()

    run(case())


@BOTH
def test_an_order_that_was_proved_absent_before_the_restart_and_turns_up_after_it_is_adopted_and_cancelled(own_ids):
    async def case():
        journal = Journal()
        async with live(own_ids=own_ids, per_second=0, journal=journal) as (broker, venue):
            venue.faults["send", 1] = late(70)
            child = send(broker, seconds=300)
            await over(broker, child)
            assert child.state is State.NOT_SENT
        again = LiveBroker(venue, clock=venue.clock, journal=journal)
        found = recorded(journal.entries)
        await again.start(found.children)
        await asyncio.sleep(60)
        assert venue.orders["V1"].state == "done"
        assert (found.children[0].state, found.children[0].venue_id) == (State.CANCELLED, "V1")
        assert "although the look-ups had not shown it" in text(again)
        await again.aclose()

    run(case())


@BOTH
def test_fills_are_not_counted_twice_after_a_restart(own_ids):
    """Pushed before, polled after."""

    async def case():
        journal = Journal()
        async with live(own_ids=own_ids, push=True, per_second=1, journal=journal) as (broker, venue):
            send(broker, seconds=15)
            await asyncio.sleep(8)
            await died(broker, venue)
        found = recorded(journal.entries)
        child = found.children[0]
        before = child.traded
        assert before > 0
        again = LiveBroker(venue, clock=venue.clock, journal=journal)
        await again.start(found.children)
        assert child.done()
        assert before <= child.traded == venue.orders["V1"].filled
        await again.aclose()
        assert recorded(journal.entries).children[0].traded == child.traded
        assert recorded(journal.entries).children[0].state is child.state

    run(case())


def test_orders_that_are_not_ours_are_left_alone_but_known():
    async def case():
        async with live(start=False, per_second=0) as (broker, venue):
            await venue.open()
            venue.place(type("Intent", (), {"own_id": "DESK-9", "symbol": "A", "side": Side.BUY, "quantity": 5, "limit": 99.0}))
            await venue.close()
            await broker.start()
            await over(broker, send(broker, seconds=5))
            assert (venue.orders["V1"].state, broker.status()["others"]) == ("open", 1)

    run(case())


def test_a_child_that_only_a_person_can_tell_leaves_its_lane_frozen_and_the_others_free():
    async def case():
        journal = Journal()
        async with live(own_ids=False, per_second=0, journal=journal) as (broker, venue):
            venue.faults["send", 1] = lost_after
            venue.hidden["V1"] = 8
            send(broker, seconds=100)
            await asyncio.sleep(1)
            venue.place(type("Intent", (), {"own_id": "", "symbol": "A", "side": Side.BUY, "quantity": 20, "limit": float("nan")}))
            await died(broker, venue)
        venue.hidden.clear()
        found = recorded(journal.entries)
        again = LiveBroker(venue, clock=venue.clock)
        await again.start(found.children)
        assert "exec-algos live resolve" in text(again)
        same, other = (send(again, seconds=50, parent=parent_of(again, symbol=symbol)) for symbol in "AB")
        await asyncio.sleep(5)
        assert (same.state, other.state) == (State.INTENT, State.OPEN)
        again.resolve(found.children[0].ref, "V1")
        await over(again, found.children[0])
        assert same.state is State.OPEN
        await again.aclose()

    run(case())


def test_a_start_that_fails_leaves_no_task_and_two_children_of_one_ref_are_refused():
    async def case():
        clock = VirtualWallClock()
        venue = PaperVenue(clock)
        venue.faults["now", 1] = instead(VenueError("503"))
        broker = LiveBroker(venue, clock=clock)
        with pytest.raises(VenueError, match="503"):
            await broker.start()
        journal = Journal()
        async with live(journal=journal) as (first, _):
            await over(first, send(first))
        children = recorded(journal.entries).children + recorded(journal.entries).children
        again = LiveBroker(PaperVenue(clock), clock=clock)
        with pytest.raises(UsageError, match="two children have the ref"):
            await again.start(children)

    run(case())


def test_a_venue_that_answers_after_some_tries_is_waited_for():
    async def case():
        async with live(start=False) as (broker, venue):
            for number in (1, 2, 3):
                venue.faults["snapshot", number] = lost_before
            await broker.start()
            assert (broker.clock.now - START) / SECOND == pytest.approx(7, abs=1)
            await over(broker, send(broker))

    run(case())


async def killed_days(seed, own_ids, push):
    """Parents are worked over three runs of a process, killed at random instants; the journal keeps what was written until then."""
    rng = random.Random(seed)
    clock = VirtualWallClock()
    venue = PaperVenue(clock, own_ids=own_ids, push=push, per_second=1.2, latency=0.2)
    journal, found, parents = Journal(), None, []
    for life in range(3):
        broker = LiveBroker(venue, clock=clock, journal=journal, settings=LiveSettings(answer=15 * SECOND))
        await broker.start(found.children if found else ())
        venue.faults |= seeded(seed * 10 + life, 0.1, 10.0)
        if not parents:
            parents = [parent_of(broker, SLICES * LOTS, symbol, side, seconds=4000) for symbol in "AB" for side in Side]
        known = {parent.ref: [child for child in (found.children if found else ()) if child.parent.ref == parent.ref] for parent in parents}
        tasks = [asyncio.ensure_future(resume(broker, parent, known[parent.ref], life)) for parent in parents]
        if life < 2:
            await asyncio.sleep(rng.uniform(20, 90))
            written = journal.entries[: journal.written] if rng.random() < 0.5 else list(journal.entries)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await died(broker, venue)
            venue.faults.clear()
            journal.entries, journal.written = written, len(written)
            found = recorded(written)
            continue
        worked = await asyncio.gather(*tasks)
        await asyncio.sleep(60)
        await broker.aclose()
    return broker, venue, list(zip(parents, worked, strict=True)), journal


async def resume(broker, parent, known, life):
    """The same plan as `work`, which counts the children of earlier runs."""
    if not known:
        return await work(broker, parent, every=15)
    done = sum(child.filled for child in known)
    children = list(known)
    for number in range(SLICES):
        due = done + -(-(SLICES * LOTS - done) * (number + 1) // SLICES)
        lots = due - sum(child.filled + child.open for child in children)
        if lots > 0:
            ref = f"{parent.ref}.{life}.{number}.0"
            children.append(broker.send_order(parent, lots, float("nan"), broker.clock.now + 15 * SECOND, ref=ref))
        await asyncio.sleep(15)
    until = broker.clock.now + 600 * SECOND
    while not all(child.done() for child in children):
        assert broker.clock.now < until, [(child.ref, child.state) for child in children if not child.done()]
        await asyncio.sleep(1)
    return children


@pytest.mark.parametrize("push", [True, False], ids=["pushed", "polled"])
@BOTH
@pytest.mark.parametrize("seed", range(2))
def test_killed_twice_at_random_instants_the_quantities_are_right_to_the_share(seed, own_ids, push):
    broker, venue, worked, journal = run(killed_days(seed, own_ids, push))
    check(broker, venue, worked)
    replayed = {child.ref: child for child in recorded(journal.entries).children}
    for _, children in worked:
        for child in children:
            if child.ref in replayed:
                assert replayed[child.ref].traded == pytest.approx(child.traded)
                assert replayed[child.ref].state is child.state
            else:
                assert child.state is State.NOT_SENT
