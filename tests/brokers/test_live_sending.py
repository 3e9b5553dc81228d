"""What a child must be before it leaves, and how its rest is taken back."""

import asyncio
import itertools
import math

import pytest
from live_runs import Journal, live, over, parent_of, send
from paper_venue import NOT_SENT, hang, instead, lost_after, lost_before
from virtual_time import SECOND, START, run

from exec_algos.brokers.live import LiveBroker
from exec_algos.brokers.records import Kind
from exec_algos.brokers.settings import LiveSettings
from exec_algos.brokers.venue import Accepted, Rejected
from exec_algos.errors import NotSentError, OrderRejectedError, UsageError, VenueError
from exec_algos.model import Rules, Side
from exec_algos.model.lifecycle import State

BOTH = pytest.mark.parametrize("own_ids", [True, False], ids=["own ids", "no own ids"])


def text(broker):
    return "\n".join(alert.text for alert in broker.alerts)


def seconds(venue, method):
    return [round((when - START) / SECOND, 1) for when, *_ in venue.requests[method]]


class Limits:
    def __init__(self, parent="", child=""):
        self.parent, self.child, self.asked = parent, child, []

    def refuse_parent(self, parent, price):
        return self.parent

    def refuse_child(self, parent, shares, price):
        self.asked.append((shares, price))
        return self.child


def test_the_intent_is_on_disk_before_the_request_leaves():
    async def case():
        journal = Journal()
        async with live(journal=journal) as (broker, venue):
            written = []

            async def look(venue, act):
                written.append([entry.kind for entry in journal.entries[: journal.written]])
                return act()

            venue.faults["send", "all"] = look
            child = send(broker)
            await over(broker, child)
            assert [kind for kind in written[0] if kind is not Kind.ALERT] == [Kind.PARENT, Kind.INTENT]

    run(case())


def test_entries_hold_what_a_restart_needs():
    async def case():
        journal = Journal()
        async with live(journal=journal, push=True) as (broker, _):
            parent = parent_of(broker, rules=Rules(limit_price=120.0), algorithm="twap")
            broker.planned(parent, [0.5, 1.0])
            child = send(broker, parent=parent, limit=110.0)
            await over(broker, child)
            broker.amend_parent(parent)
            whole, curve, intent = (journal.of(kind)[0] for kind in (Kind.PARENT, Kind.CURVE, Kind.INTENT))
            assert (whole.parent, whole.data["symbol"], whole.data["side"], whole.data["algorithm"]) == (parent.ref, "A", "BUY", "twap")
            assert whole.data["rules"]["limit_price"] == 120.0
            assert curve.data == {"curve": [0.5, 1.0]}
            assert intent.data == {"lots": 20, "limit": 110.0, "expires": child.expires, "own_id": child.own_id}
            assert (intent.parent, intent.child) == (parent.ref, child.ref)
            fill = journal.of(Kind.FILL)[0].data
            assert (fill["quantity"], fill["price"], fill["execution_id"]) == (20, 100.0, "V1-1")
            assert whole.data["zone"] == "UTC"  # its instrument was not read before it was opened
            assert journal.of(Kind.AMENDED)[0].data == {**whole.data, "zone": "Asia/Seoul"}

    run(case())


@BOTH
def test_a_journal_that_cannot_be_written_stops_new_orders_and_cancels_go_on(own_ids):
    async def case():
        journal = Journal()
        async with live(own_ids=own_ids, journal=journal, per_second=0) as (broker, venue):
            first = send(broker, seconds=20)
            await asyncio.sleep(1)
            journal.full = True
            second = send(broker, seconds=20)
            await over(broker, second)
            assert second.state is State.NOT_SENT
            assert "day.db cannot be written" in second.reason
            assert "nothing is sent any more" in text(broker)
            assert "day.db" in broker.status()["stopped"]
            await over(broker, first)
            assert (first.state, venue.orders["V1"].state, len(venue.requests["send"])) == (State.CANCELLED, "done", 1)

    run(case())


@pytest.mark.parametrize("by", [3600, -3600, 1.5])
def test_a_clock_that_is_set_stops_new_orders_with_a_clear_line(by):
    async def case():
        async with live() as (broker, venue):
            parent = parent_of(broker, seconds=10_000)
            venue.clock.moved = by
            child = send(broker, parent=parent, seconds=5000)
            await asyncio.sleep(3)
            assert child.state is State.NOT_SENT
            assert "was set" in child.reason
            assert "nothing is sent: the clock of this machine was set" in text(broker)
            assert venue.requests["send"] == []

    run(case())


@pytest.mark.parametrize(
    ("ahead", "warned", "sent"), [(2.5, False, True), (3.5, True, True), (-3.5, True, True), (31, True, False), (-31, True, False)]
)
def test_a_venue_whose_clock_is_off_is_warned_of_and_above_30_s_gets_no_orders(ahead, warned, sent):
    async def case():
        async with live(start=False) as (broker, venue):
            venue.ahead = ahead
            await broker.start()
            child = send(broker)
            await over(broker, child)
            assert (f"{abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} ours" in text(broker)) == warned
            assert child.state is (State.FILLED if sent else State.NOT_SENT)
            if not sent:
                with pytest.raises(NotSentError, match=r"31\.0 s .* set the clock right"):
                    child.result()

    run(case())


def test_the_venue_clock_is_measured_again():
    async def case():
        async with live(settings=LiveSettings(clock_check=60 * SECOND)) as (broker, venue):
            venue.ahead = 40
            await asyncio.sleep(61)
            child = send(broker)
            await over(broker, child)
            assert child.state is State.NOT_SENT

    run(case())


def test_an_intent_that_waited_past_its_expiry_is_not_sent():
    async def case():
        async with live(per_second=0, own_ids=False) as (broker, venue):
            venue.faults["send", 1] = lost_after
            venue.hidden["V1"] = 60
            first = send(broker, seconds=100)
            await asyncio.sleep(1)
            second = send(broker, seconds=10)
            await over(broker, second)
            assert second.state is State.NOT_SENT
            assert "waited past its expiry" in second.reason
            assert first.ref in second.reason
            assert round((broker.clock.now - START) / SECOND) == 11
            assert len(venue.requests["send"]) == 1

    run(case())


def test_a_child_that_waits_for_the_rate_past_its_expiry_is_not_sent():
    async def case():
        async with live(rate=0.2) as (broker, venue):
            children = [send(broker, lots=1, seconds=14) for _ in range(6)]
            for child in children:
                await over(broker, child)
            late = [when for when in seconds(venue, "send") if when > 14 + 20]
            assert late == []
            assert {child.state for child in children} >= {State.NOT_SENT}

    run(case())


def test_a_child_that_is_withdrawn_before_it_left_is_not_sent():
    async def case():
        async with live() as (broker, venue):
            child = send(broker)
            broker.withdraw(child)
            await over(broker, child)
            assert (child.state, venue.requests["send"]) == (State.NOT_SENT, [])

    run(case())


@pytest.mark.parametrize(
    ("terms", "named"),
    [
        ({"lots": 15}, "lots of 10 shares, got 15; the nearest are 10 and 20"),
        ({"lots": 3}, "lots of 10 shares, got 3; the least is 10"),
        ({"lots": 20, "limit": 100.03}, r"ticks of 0.05, got a limit of 100.03; the nearest are 100.0 and 100.05"),
        ({"lots": 2000}, "1000 shares at most, got 2000"),
    ],
)
def test_lots_ticks_and_size_are_checked_before_anything_is_sent(terms, named):
    async def case():
        async with live(max_quantity=1000) as (broker, venue):
            venue.lot_size, venue.tick_size = 10, 0.05
            child = send(broker, **terms)
            await over(broker, child)
            with pytest.raises(UsageError, match=named):
                child.result()
            assert venue.requests["send"] == []

    run(case())


def test_a_limit_on_the_tick_is_sent_as_it_is():
    async def case():
        async with live() as (broker, venue):
            venue.tick_size = 0.05
            await over(broker, send(broker, limit=179.35))
            assert venue.requests["send"][0][1].limit == 179.35

    run(case())


def test_order_types_that_the_venue_does_not_take_are_refused():
    async def case():
        async with live(order_types=frozenset({"LMT"})) as (broker, venue):
            child = send(broker)
            await over(broker, child)
            with pytest.raises(UsageError, match="paper takes no MKT orders, only LMT"):
                child.result()
            assert venue.requests["send"] == []

    run(case())


def test_an_unknown_symbol_is_a_lasting_refusal():
    async def case():
        async with live() as (broker, venue):
            venue.faults["instrument", 1] = instead(OrderRejectedError("unknown symbol 'A'", lasting=True))
            child = send(broker)
            await over(broker, child)
            with pytest.raises(OrderRejectedError, match="unknown symbol") as raised:
                child.result()
            assert raised.value.lasting

    run(case())


def test_limits_refuse_parents_and_children_by_name_and_are_written_down():
    async def case():
        journal, limits = Journal(), Limits(child="max_child_notional: 2,000 is above 1,000")
        async with live(journal=journal, limits=limits) as (broker, venue):
            child = send(broker)
            await over(broker, child)
            with pytest.raises(NotSentError, match="max_child_notional"):
                child.result()
            assert limits.asked == [(20, 100.0)]
            assert journal.of(Kind.REFUSED)[0].data["limit"] == limits.child
            assert venue.requests["send"] == []
            limits.parent = "max_parent_notional: 9 is above 8"
            with pytest.raises(OrderRejectedError, match="max_parent_notional") as raised:
                parent_of(broker)
            assert raised.value.lasting
            assert len(journal.of(Kind.PARENT)) == 1

    run(case())


def test_a_price_for_a_limit_of_value_is_no_older_than_a_minute():
    async def case():
        limits = Limits()
        async with live(limits=limits) as (broker, venue):
            await over(broker, send(broker))
            venue.price = 200.0
            await asyncio.sleep(70)
            await over(broker, send(broker))
            assert [price for _, price in limits.asked] == [100.0, 200.0]

    run(case())


@pytest.mark.parametrize("lasting", [True, False])
def test_a_refusal_holds_the_venues_reason_and_whether_it_lasts(lasting):
    async def case():
        async with live() as (broker, venue):
            venue.faults["send", 1] = instead(Rejected("30", "halted", lasting))
            child = send(broker)
            await over(broker, child)
            with pytest.raises(OrderRejectedError, match="30 halted") as raised:
                child.result()
            assert raised.value.lasting is lasting

    run(case())


def test_a_refusal_by_rate_is_not_sent_and_the_next_child_goes():
    async def case():
        async with live() as (broker, venue):
            venue.faults["send", 1] = NOT_SENT
            first = send(broker)
            await over(broker, first)
            second = send(broker)
            await over(broker, second)
            assert (first.state, first.reason, second.state) == (State.NOT_SENT, "429", State.FILLED)

    run(case())


@BOTH
@pytest.mark.parametrize(
    "fault", [lost_before, lost_after, hang, NOT_SENT, instead(Rejected("1", "busy")), instead(Accepted("V1")), instead(None)],
    ids=["lost before", "lost after", "hangs", "not sent", "refused", "taken but not done", "None"],
)  # fmt: skip
def test_a_cancel_is_repeated_until_nothing_is_open_and_not_more_often_than_every_two_seconds(fault, own_ids):
    async def case():
        async with live(own_ids=own_ids, per_second=0, settings=LiveSettings(answer=4 * SECOND)) as (broker, venue):
            for number in (1, 2, 3):
                venue.faults["cancel", number] = fault
            child = send(broker, seconds=10)
            await over(broker, child)
            times = seconds(venue, "cancel")
            assert (child.state, venue.orders["V1"].state) == (State.CANCELLED, "done")
            assert len(times) == (1 if fault is lost_after else 4)
            assert all(later - sooner >= 2 for sooner, later in itertools.pairwise(times))

    run(case())


@BOTH
def test_a_cancel_that_loses_to_a_fill_ends_as_filled(own_ids):
    async def case():
        async with live(own_ids=own_ids, per_second=0) as (broker, venue):

            async def fills(venue, act):
                venue.fill(venue.orders["V1"], 20)
                return act()

            venue.faults["cancel", 1] = fills
            child = send(broker, seconds=5)
            await over(broker, child)
            assert (child.state, child.filled) == (State.FILLED, 20)

    run(case())


def test_cancel_order_takes_the_ref():
    async def case():
        async with live(per_second=0) as (broker, _venue):
            child = send(broker, seconds=500)
            await asyncio.sleep(1)
            assert await broker.cancel_order(child.ref)
            await over(broker, child)
            assert child.state is State.CANCELLED
            assert not await broker.cancel_order(child.ref)
            with pytest.raises(UsageError, match="no child has the ref '7'"):
                await broker.cancel_order("7")

    run(case())


def test_the_lead_is_measured_from_cancels_bounded_and_may_be_set():
    async def case():
        async with live(per_second=0, settings=LiveSettings(), latency=1.0) as (broker, _):
            assert broker.confirm_lead == 2 * SECOND
            for _ in range(3):
                await over(broker, send(broker, seconds=5))
            assert 1 * SECOND < broker.confirm_lead <= 4 * SECOND
        async with live(per_second=0, settings=LiveSettings(confirm_lead=0)) as (broker, _):
            assert broker.confirm_lead == 0
        async with live(per_second=0, settings=LiveSettings(), latency=30.0) as (broker, _):
            await over(broker, send(broker, seconds=120), 400)
            await asyncio.sleep(60)
            assert broker.confirm_lead == 10 * SECOND

    run(case())


def test_place_order_waits_for_the_end_and_its_caller_may_go():
    async def case():
        async with live(per_second=1) as (broker, venue):
            fill = await broker.place_order("A", 5, expires=broker.clock.now + 60 * SECOND)
            assert (fill.quantity, fill.side) == (5, Side.BUY)
            with pytest.raises(UsageError, match=r"in whole shares, got 2\.5"):
                await broker.place_order("A", 2.5)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(broker.place_order("A", 50, side="SELL", expires=broker.clock.now + 60 * SECOND), 10)
            await asyncio.sleep(5)
            assert venue.orders["V2"].state == "done"
            assert 0 < venue.orders["V2"].filled < 50

    run(case())


def test_place_order_raises_what_the_venue_said():
    async def case():
        async with live() as (broker, venue):
            venue.faults["send", 1] = instead(Rejected("30", "halted"))
            with pytest.raises(OrderRejectedError, match="30 halted"):
                await broker.place_order("A", 5, "LMT", 99.0)

    run(case())


def test_refs_are_given_once_and_made_where_none_is_given():
    async def case():
        async with live() as (broker, _):
            refs = {parent_of(broker).ref for _ in range(50)}
            assert len(refs) == 50
            assert all(ref.startswith("20260303-02") for ref in refs)
            assert parent_of(broker, ref="DESK-1").ref == "DESK-1"
            with pytest.raises(UsageError, match="DESK-1"):
                parent_of(broker, ref="DESK-1")

    run(case())


def test_nothing_is_sent_before_start_or_after_aclose():
    async def case():
        async with live(start=False) as (broker, venue):
            with pytest.raises(UsageError, match=r"await start\(\) first"):
                send(broker)
        async with live() as (broker, venue):
            parent = parent_of(broker)
            await broker.aclose()
            child = send(broker, parent=parent)
            await asyncio.sleep(1)
            assert venue.requests["send"] == []
            assert child.state is State.NOT_SENT

    run(case())


@BOTH
def test_aclose_leaves_orders_alone_unless_they_are_to_be_cancelled(own_ids):
    async def case():
        async with live(own_ids=own_ids, per_second=0) as (broker, venue):
            send(broker, seconds=500)
            await asyncio.sleep(1)
        assert venue.orders["V1"].state == "open"
        async with live(own_ids=own_ids, per_second=0) as (broker, venue):
            child = send(broker, seconds=500)
            await asyncio.sleep(1)
            await broker.aclose(cancel=True)
            assert (child.state, venue.orders["V1"].state) == (State.CANCELLED, "done")

    run(case())


def test_a_request_under_way_when_the_broker_closes_is_unknown_and_written_down():
    async def case():
        journal = Journal()
        async with live(journal=journal, latency=5.0) as (broker, _):
            child = send(broker)
            while child.state is not State.SENT:
                await asyncio.sleep(0.1)
        assert child.state is State.UNKNOWN
        assert journal.of(Kind.UNKNOWN)[0].child == child.ref

    run(case())


def test_a_venue_that_does_not_answer_at_the_start_is_named_and_nothing_is_left_behind():
    async def case():
        async with live(start=False) as (broker, venue):
            venue.faults["snapshot", "all"] = lost_before
            with pytest.raises(
                VenueError, match=r"no complete list of its orders in 10 look-ups .*PaperVenue.snapshot failed: ConnectionError"
            ):
                await broker.start()

    run(case())


@pytest.mark.parametrize("wrong", [{"quiet": 0}, {"lookups": 0}, {"confirm_lead": -1}, {"on_open": "sell"}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        LiveSettings(**wrong)


def test_status_counts():
    async def case():
        async with live() as (broker, _):
            await over(broker, send(broker))
            status = broker.status()
            assert status["children"] == {"filled": 1}
            assert status["requests"]["order"] == 2  # what the symbol is, and the order
            assert math.isfinite(status["confirm_lead"])
            assert isinstance(broker, LiveBroker)

    run(case())
