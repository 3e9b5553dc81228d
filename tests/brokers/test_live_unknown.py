"""Children of which nobody knows what became: found, proved absent, or asked of a person; never sent again."""

import asyncio
from itertools import pairwise

import pytest
from live_runs import Journal, live, over, parent_of, send
from paper_venue import Order, answer, hang, instead, late, lost_after, lost_before
from virtual_time import SECOND, START, run

from exec_algos.brokers.records import Kind
from exec_algos.brokers.settings import LiveSettings
from exec_algos.brokers.venue import Accepted, Snapshot
from exec_algos.errors import UsageError, VenueError
from exec_algos.model import Side
from exec_algos.model.lifecycle import State

BOTH = pytest.mark.parametrize("own_ids", [True, False], ids=["own ids", "no own ids"])


def seconds(broker):
    return (broker.clock.now - START) / SECOND


def text(broker):
    return "\n".join(alert.text for alert in broker.alerts)


def other_order(venue, name="X1", quantity=20, accepted=None, **more):
    """An order of somebody else at the same account."""
    order = Order(name, more.pop("own_id", ""), "A", Side.BUY, quantity, float("nan"), venue.time() if accepted is None else accepted)
    venue.orders[name] = order
    return order


@pytest.mark.parametrize(
    "said",
    [None, "OK", Accepted(""), Accepted(7), Accepted("V1", 1.5), Accepted("V1", -1), {"venue_id": "V1"}],
    ids=lambda said: repr(said),
)
@BOTH
def test_an_answer_that_makes_no_sense_is_unknown_names_method_and_value_and_the_order_is_found(said, own_ids):
    async def case():
        async with live(own_ids=own_ids) as (broker, venue):
            venue.faults["send", 1] = answer(said)
            venue.hidden["V1"] = 5
            child = send(broker)
            await asyncio.sleep(1)
            assert child.state is State.UNKNOWN
            assert "VenueError: PaperVenue.send answered" in child.reason
            assert child.reason in text(broker)
            assert repr(said if not isinstance(said, Accepted) else said.time if said.time else said.venue_id) in child.reason
            await over(broker, child)
            assert (child.filled, len(venue.requests["send"])) == (20, 1)

    run(case())


def test_an_answer_with_the_venue_id_of_another_child_is_unknown():
    async def case():
        async with live(per_second=0) as (broker, venue):
            send(broker)
            await asyncio.sleep(1)
            venue.faults["send", 2] = answer(Accepted("V1"))
            venue.hidden["V2"] = 5
            child = send(broker, parent=parent_of(broker))
            await asyncio.sleep(1)
            assert child.state is State.UNKNOWN
            assert "'V1', which is another child's" in child.reason
            await asyncio.sleep(6)
            assert (child.state, child.venue_id) == (State.OPEN, "V2")

    run(case())


@BOTH
def test_a_send_that_never_answers_does_not_stop_the_broker_and_a_late_answer_counts(own_ids):
    async def case():
        async with live(own_ids=own_ids, settings=LiveSettings(answer=5 * SECOND), per_second=0) as (broker, venue):

            async def slow(venue, act):
                said = act()
                await asyncio.sleep(12)
                return said

            venue.faults["send", 1] = slow
            venue.hidden["V1"] = 60
            child = send(broker, seconds=100)
            await asyncio.sleep(6)
            assert child.state is State.UNKNOWN
            assert "gave no answer within 5 s" in child.reason
            await asyncio.sleep(7)
            assert (child.state, child.venue_id) == (State.OPEN, "V1")

    run(case())


@BOTH
def test_only_three_complete_look_ups_the_last_of_which_began_after_the_quiet_time_prove_absence(own_ids):
    async def case():
        async with live(own_ids=own_ids, settings=LiveSettings(poll=20 * SECOND, idle=20 * SECOND)) as (broker, venue):
            venue.faults["send", 1] = lost_before
            child = send(broker, seconds=300)
            while not child.done():
                await asyncio.sleep(0.1)
                assert seconds(broker) < 200
            looks = [when for when, _ in venue.requests["snapshot"]][1:]
            since = next(alert.time for alert in broker.alerts)
            complete = [when for when in looks if when >= since]
            assert len(complete) == 3
            assert complete[-1] >= since + 30 * SECOND
            assert complete[-2] < since + 30 * SECOND
            assert child.state is State.NOT_SENT

    run(case())


@BOTH
def test_a_look_up_that_began_before_the_quiet_time_and_ended_after_it_proves_nothing(own_ids):
    async def case():
        async with live(own_ids=own_ids) as (broker, venue):
            venue.faults["send", 1] = lost_before
            child = send(broker, seconds=300)
            await asyncio.sleep(28)

            async def slow(venue, act):
                venue.faults.pop(("snapshot", "all"))
                said = act()
                await asyncio.sleep(20)
                return Snapshot(said.orders, True, venue.time())

            venue.faults["snapshot", "all"] = slow
            await asyncio.sleep(2)
            begun = [when for when, _ in venue.requests["snapshot"]][-1]
            assert (begun - START) / SECOND < 30
            while len(venue.requests["snapshot"]) == len([w for w, _ in venue.requests["snapshot"] if w <= begun]):
                assert child.state is State.UNKNOWN
                await asyncio.sleep(0.1)
            await over(broker, child)
            assert len([when for when, _ in venue.requests["snapshot"] if when > begun]) >= 1
            assert child.state is State.NOT_SENT

    run(case())


@BOTH
@pytest.mark.parametrize(
    "read",
    [
        instead(VenueError("503")),
        instead(None),
        instead(Snapshot((), False, START + 10**12)),
        instead(Snapshot((), True, START - 3600 * SECOND)),
        instead(Snapshot((), "yes", START + 10**12)),
        hang,
    ],
    ids=["fails", "None", "incomplete", "stale", "no bool", "hangs"],
)
def test_look_ups_that_fail_or_lack_pages_or_are_stale_prove_nothing(read, own_ids):
    async def case():
        async with live(own_ids=own_ids, settings=LiveSettings(answer=10 * SECOND), per_second=0) as (broker, venue):
            venue.faults["send", 1] = lost_after
            venue.faults["snapshot", "all"] = read
            child = send(broker, seconds=400)
            await asyncio.sleep(200)
            assert (child.state, child.open) == (State.UNKNOWN, 20)
            del venue.faults["snapshot", "all"]
            await asyncio.sleep(25)
            assert (child.state, child.venue_id) == (State.OPEN, "V1")

    run(case())


def test_two_orders_that_fit_are_asked_of_a_person_and_the_lane_stays_frozen():
    async def case():
        async with live(own_ids=False, per_second=0) as (broker, venue):
            venue.faults["send", 1] = lost_after
            child = send(broker, seconds=500)
            await asyncio.sleep(0.04)
            other_order(venue)
            await asyncio.sleep(120)
            waiting = send(broker, seconds=100)
            await asyncio.sleep(5)
            assert (child.state, waiting.state) == (State.UNKNOWN, State.INTENT)
            assert "exec-algos live resolve" in text(broker)
            assert "V1" in text(broker)
            assert "X1" in text(broker)
            assert "A BUY" in broker.status()["frozen"]
            broker.resolve(child.ref, "V1")
            await asyncio.sleep(1)
            assert (child.state, child.venue_id, waiting.state) == (State.OPEN, "V1", State.OPEN)
            assert broker.status()["frozen"] == {}

    run(case())


def test_a_person_may_say_that_the_venue_has_no_such_order():
    async def case():
        async with live(own_ids=False, per_second=0) as (broker, venue):
            venue.faults["send", 1] = lost_before
            child = send(broker, seconds=500)
            await asyncio.sleep(1)
            with pytest.raises(UsageError, match="no order 'V9'"):
                broker.resolve(child.ref, "V9")
            with pytest.raises(UsageError, match="no child has the ref 'nobody'"):
                broker.resolve("nobody", None)
            broker.resolve(child.ref, None)
            assert (child.state, broker.status()["frozen"]) == (State.NOT_SENT, {})

    run(case())


def test_a_person_cannot_wish_away_an_order_that_is_at_the_venue():
    async def case():
        async with live(own_ids=False, per_second=0) as (broker, _):
            child = send(broker, seconds=500)
            await asyncio.sleep(1)
            with pytest.raises(UsageError, match="is open at the venue as 'V1', so nothing is to be resolved"):
                broker.resolve(child.ref, None)
            assert child.state is State.OPEN

    run(case())


@pytest.mark.parametrize(
    "more",
    [{"quantity": 19}, {"accepted": START - 5 * SECOND}, {"own_id": "DESK-7"}],
    ids=["another quantity", "taken before it was sent", "an own id that says otherwise"],
)
def test_orders_of_others_are_known_and_never_adopted(more):
    async def case():
        async with live(own_ids=False, per_second=0) as (broker, venue):
            venue.faults["send", 1] = lost_before
            child = send(broker, seconds=300)
            await asyncio.sleep(1)
            theirs = other_order(venue, **more)
            await over(broker, child)
            assert child.state is State.NOT_SENT
            assert theirs.state == "open"
            assert broker.status()["others"] == 1

    run(case())


def test_an_order_that_a_look_up_had_shown_before_the_child_was_sent_is_not_it():
    async def case():
        async with live(own_ids=False, per_second=0) as (broker, venue):
            venue.ahead = 2.0
            other_order(venue)
            await asyncio.sleep(11)
            venue.orders["X1"].accepted = venue.time() + SECOND  # its stamp alone would let it pass
            venue.faults["send", 1] = lost_before
            child = send(broker, seconds=100)
            await over(broker, child)
            assert (child.state, venue.orders["X1"].state) == (State.NOT_SENT, "open")

    run(case())


def test_with_own_ids_an_order_of_the_same_size_without_ours_is_not_adopted():
    async def case():
        async with live(own_ids=True, per_second=0) as (broker, venue):
            venue.faults["send", 1] = lost_before
            child = send(broker, seconds=100)
            await asyncio.sleep(1)
            other_order(venue)
            await over(broker, child)
            assert (child.state, venue.orders["X1"].state) == (State.NOT_SENT, "open")

    run(case())


@BOTH
def test_an_order_that_turns_up_after_it_was_proved_absent_is_adopted_cancelled_alerted_and_counts_first(own_ids):
    async def case():
        async with live(own_ids=own_ids, per_second=0) as (broker, venue):
            venue.faults["send", 1] = late(50)
            parent = parent_of(broker)
            child = send(broker, seconds=300, parent=parent)
            await over(broker, child)
            assert (child.state, child.open) == (State.NOT_SENT, 0)
            assert seconds(broker) < 50
            await asyncio.sleep(50 - seconds(broker))
            venue.per_second = 1
            venue.faults["cancel", 1] = lost_before
            while not child.venue_id:
                await asyncio.sleep(0.05)
            waiting = send(broker, seconds=60, parent=parent, lots=3)
            await asyncio.sleep(0.2)
            assert waiting.state is State.INTENT
            assert any("A BUY" in lane and "turned up" in why for lane, why in broker.status()["frozen"].items())
            await over(broker, child)
            await over(broker, waiting)
            assert "is at the venue, although the look-ups had not shown it" in text(broker)
            assert child.traded == venue.orders["V1"].filled > 0
            assert venue.orders["V1"].state == "done"
            assert waiting.traded == 3

    run(case())


def test_a_late_order_that_may_be_of_two_parents_is_asked_of_a_person():
    async def case():
        async with live(own_ids=False, per_second=0) as (broker, venue):
            venue.faults["send", 1] = late(80)
            venue.faults["send", 2] = lost_before
            first = send(broker, seconds=300)
            await over(broker, first)
            second = send(broker, seconds=300)
            await over(broker, second)
            await asyncio.sleep(40)
            assert (first.state, second.state) == (State.NOT_SENT, State.NOT_SENT)
            assert venue.orders["V1"].state == "open"
            assert f"{first.ref} or {second.ref} may be" in text(broker) or f"{second.ref} or {first.ref} may be" in text(broker)
            broker.resolve(first.ref, "V1")
            await over(broker, first)
            assert (first.state, venue.orders["V1"].state) == (State.CANCELLED, "done")

    run(case())


def test_a_ref_that_is_known_is_looked_up_never_sent():
    async def case():
        async with live() as (broker, venue):
            parent = parent_of(broker)
            child = send(broker, parent=parent, ref="P.0.0.0")
            assert send(broker, parent=parent, ref="P.0.0.0") is child
            await over(broker, child)
            assert send(broker, parent=parent, ref="P.0.0.0") is child
            assert len(venue.requests["send"]) == 1
            with pytest.raises(UsageError, match=r"the ref 'P\.0\.0\.0' is that of a child of 20 lots"):
                send(broker, parent=parent, ref="P.0.0.0", lots=5)

    run(case())


def test_an_own_id_that_the_venue_has_already_is_looked_up_never_sent():
    async def case():
        async with live(per_second=0) as (broker, venue):
            other_order(venue, own_id="P.0.0.0")
            await asyncio.sleep(11)
            child = send(broker, ref="P.0.0.0")
            await asyncio.sleep(3)
            assert (child.state, child.venue_id, venue.requests["send"]) == (State.OPEN, "X1", [])

    run(case())


def test_without_own_ids_one_send_of_a_lane_is_under_way_but_many_are_at_work():
    async def case():
        async with live(own_ids=False, per_second=0, latency=2.0) as (broker, venue):
            children = [send(broker, lots=5, seconds=100) for _ in range(3)]
            other = send(broker, lots=5, seconds=100, parent=parent_of(broker, symbol="B"))
            await asyncio.sleep(15)
            assert [child.state for child in (*children, other)] == [State.OPEN] * 4
            times = sorted(when for when, intent in venue.requests["send"] if intent.symbol == "A")
            assert all(later - sooner >= 2 * SECOND for sooner, later in pairwise(times))
            assert min(when for when, intent in venue.requests["send"] if intent.symbol == "B") == times[0]

    run(case())


@BOTH
def test_what_is_unknown_and_how_it_was_resolved_is_written_down(own_ids):
    async def case():
        journal = Journal()
        async with live(own_ids=own_ids, journal=journal) as (broker, venue):
            venue.faults["send", 1] = lost_after
            child = send(broker)
            await over(broker, child)
            kinds = [entry.kind for entry in journal.entries if entry.child == child.ref]
            assert kinds.index(Kind.INTENT) < kinds.index(Kind.UNKNOWN) < kinds.index(Kind.RESOLVED) < kinds.index(Kind.FILL)
            assert journal.of(Kind.RESOLVED)[0].data["venue_id"] == "V1"

    run(case())


@BOTH
def test_three_complete_look_ups_are_needed_however_short_the_quiet_time_is(own_ids):
    async def case():
        settings = LiveSettings(quiet=SECOND, poll=20 * SECOND, idle=20 * SECOND)
        async with live(own_ids=own_ids, settings=settings) as (broker, venue):
            venue.faults["send", 1] = lost_before
            child = send(broker, seconds=300)
            await asyncio.sleep(30)
            assert child.state is State.UNKNOWN
            await over(broker, child)
            since = broker.alerts[0].time
            assert len([when for when, _ in venue.requests["snapshot"] if when >= since]) == 3

    run(case())
