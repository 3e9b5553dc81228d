"""What the venue says of orders, by push and by look-up: late, twice, out of order, and what cannot be."""

import asyncio
import itertools
from dataclasses import replace

import pytest
from live_runs import live, over, parent_of, send
from paper_venue import lost_before
from virtual_time import SECOND, START, run

from exec_algos.brokers.venue import OrderRow, Report, Snapshot
from exec_algos.errors import VenueError
from exec_algos.model import Side
from exec_algos.model.lifecycle import State

BOTH = pytest.mark.parametrize("own_ids", [True, False], ids=["own ids", "no own ids"])


def text(broker):
    return "\n".join(alert.text for alert in broker.alerts)


def fill(child, quantity, price=100.0, **more):
    said = {"kind": "fill", "venue_id": "V1", "own_id": child.own_id, "symbol": "A", "side": Side.BUY, "time": START + SECOND}
    return Report(**(said | {"quantity": quantity, "price": price, "execution_id": "E1"} | more))


@BOTH
def test_reports_before_the_answer_wait_and_are_counted_once_it_is_known_whose_they_are(own_ids):
    async def case():
        async with live(own_ids=own_ids, push=True, latency=4.0) as (broker, venue):
            child = send(broker)
            while not venue.requests["send"]:
                await asyncio.sleep(0.1)
            await asyncio.sleep(3)
            assert venue.executed() == 20
            assert child.filled == (20 if own_ids else 0)
            await over(broker, child)
            assert [fill.execution_id for fill in child.fills] == ["V1-1"]
            assert child.filled == 20
            assert broker.alerts == []

    run(case())


@BOTH
def test_a_report_that_comes_twice_and_a_look_up_count_a_share_once(own_ids):
    async def case():
        async with live(own_ids=own_ids, push=True, per_second=1) as (broker, venue):
            child = send(broker, seconds=12)
            await asyncio.sleep(5)
            for name, shares, price in venue.orders["V1"].executions:
                venue.say(fill(child, shares, price, execution_id=name))
            await asyncio.sleep(6)
            assert child.traded == venue.executed() > 0
            await over(broker, child)
            assert child.traded == venue.executed()

    run(case())


def test_an_execution_that_comes_again_with_another_quantity_is_refused_and_named():
    async def case():
        async with live(push=True, per_second=0) as (broker, venue):
            child = send(broker)
            await asyncio.sleep(1)
            venue.fill(venue.orders["V1"], 5)
            await asyncio.sleep(0.1)
            venue.say(fill(child, 6, execution_id="V1-1"))
            await asyncio.sleep(0.1)
            assert "PaperVenue.reports: execution V1-1" in text(broker)
            assert "nothing is sent in A BUY until a look-up decides" in text(broker)
            assert child.traded == 5

    run(case())


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"symbol": "B"}, "symbol 'B'"),
        ({"side": Side.SELL}, "side"),
        ({"kind": "busted"}, "kind 'busted'"),
        ({"quantity": 2.5}, "2.5 shares, which is no multiple of the lot 1"),
        ({"quantity": float("nan")}, "a fill of nan shares"),
        ({"quantity": -3}, "a fill of -3 shares"),
        ({"price": 0.0}, "at 0.0"),
        ({"quantity": 21}, "more than the 20 that it asked for"),
        ({"execution_id": "", "filled": 30.0, "amount": 3000.0}, "more than the 20 that it asked for"),
    ],
    ids=lambda wrong: str(wrong),
)
@BOTH
def test_a_report_that_cannot_be_is_refused_freezes_the_lane_and_a_look_up_decides(wrong, named, own_ids):
    async def case():
        async with live(own_ids=own_ids, push=True, per_second=0) as (broker, venue):
            child = send(broker, seconds=100)
            await asyncio.sleep(1)
            venue.faults["snapshot", "all"] = lost_before
            venue.say(fill(child, **({"quantity": 5} | wrong)))
            await asyncio.sleep(0.1)
            waiting = send(broker, seconds=100, lots=3)
            await asyncio.sleep(5)
            assert child.traded == 0
            assert "PaperVenue.reports said of" in text(broker)
            assert named in text(broker)
            assert waiting.state is State.INTENT
            del venue.faults["snapshot", "all"]
            await asyncio.sleep(3)
            assert (child.state, waiting.state, broker.status()["frozen"]) == (State.OPEN, State.OPEN, {})

    run(case())


def test_what_is_no_report_is_named():
    async def case():
        async with live(push=True) as (broker, venue):
            venue.say({"kind": "fill"})
            await asyncio.sleep(0.1)
            assert "which is no Report" in text(broker)

    run(case())


def rows(**more):
    """Every row is changed so."""

    async def fault(venue, act):
        whole = act()
        return Snapshot(tuple(replace(row, **more) for row in whole.orders), True, whole.as_of)

    return fault


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"symbol": "B"}, "symbol 'B'"),
        ({"side": Side.SELL}, "side"),
        ({"quantity": 40}, "quantity 40 where it asked for 20"),
        ({"filled": 2.5, "amount": 250.0}, "filled 2.5, which is no multiple of the lot 1"),
        ({"filled": 5.0, "amount": 0.0}, "amount 0.0 for 5 shares"),
        ({"filled": float("nan")}, "filled nan"),
        ({"filled": "5"}, "filled '5'"),
        ({"state": "pending"}, "state 'pending'"),
        ({"venue_id": ""}, "venue_id ''"),
        ({"own_id": None}, "own_id None"),
        ({"accepted": "09:00"}, "accepted '09:00'"),
    ],
    ids=lambda wrong: str(wrong),
)
def test_a_row_that_cannot_be_is_refused_and_named_and_nothing_of_it_is_counted(wrong, named):
    async def case():
        async with live(own_ids=True, per_second=0) as (broker, venue):
            child = send(broker, seconds=100)
            await asyncio.sleep(0.5)
            venue.faults["snapshot", "all"] = rows(**wrong)
            await asyncio.sleep(5)
            assert (child.traded, child.state) == (0, State.OPEN)
            assert "PaperVenue.snapshot" in text(broker)
            assert named in text(broker)
            del venue.faults["snapshot", "all"]
            await asyncio.sleep(3)
            assert broker.status()["frozen"] == {}

    run(case())


def test_what_the_venue_filled_beyond_the_order_counts_and_a_person_has_to_look():
    async def case():
        async with live(per_second=0) as (broker, venue):
            child = send(broker, seconds=100)
            await asyncio.sleep(0.5)
            venue.fill(venue.orders["V1"], 25)
            await over(broker, child)
            assert (child.filled, child.open) == (25, 0)
            assert "got 25 shares, more than the 20" in text(broker)
            assert "says that" in broker.status()["frozen"]["A BUY"]
            waiting = send(broker, seconds=100, lots=3)
            await asyncio.sleep(5)
            assert waiting.state is State.INTENT
            broker.resolve(child.ref, "V1")
            await asyncio.sleep(1)
            assert waiting.state is State.OPEN

    run(case())


@BOTH
def test_lost_pushes_are_found_by_look_ups(own_ids):
    async def case():
        async with live(own_ids=own_ids, push=True) as (broker, venue):
            venue.lost_pushes = True
            child = send(broker)
            await over(broker, child)
            assert child.filled == 20

    run(case())


def test_a_cancel_report_does_not_end_a_child_whose_fills_may_be_on_their_way():
    """The push of a fill was lost, and the report of the cancel says nothing of what traded."""

    async def case():
        async with live(push=True, per_second=0) as (broker, venue):
            child = send(broker, seconds=100)
            await asyncio.sleep(1)
            order = venue.orders["V1"]
            venue.lost_pushes = True
            venue.fill(order, 8)
            order.state = "done"
            venue.faults["snapshot", "all"] = lost_before
            venue.say(fill(child, 0, kind="cancelled", execution_id=""))
            await asyncio.sleep(3)
            assert (child.state, child.open) == (State.OPEN, 20)
            del venue.faults["snapshot", "all"]
            await over(broker, child)
            assert (child.state, child.filled) == (State.CANCELLED, 8)

    run(case())


def test_a_row_that_is_older_than_what_was_pushed_does_not_end_a_child():
    async def case():
        async with live(push=True, per_second=0) as (broker, venue):
            child = send(broker, seconds=100)
            await asyncio.sleep(1)
            venue.fill(venue.orders["V1"], 8)
            await asyncio.sleep(0.1)
            venue.faults["snapshot", "all"] = rows(filled=3.0, amount=300.0, state="done")
            await asyncio.sleep(12)
            assert (child.state, child.filled) == (State.PARTIAL, 8)

    run(case())


@BOTH
def test_after_a_reconnect_nothing_is_sent_before_a_complete_look_up_and_no_fill_is_lost(own_ids):
    async def case():
        async with live(own_ids=own_ids, push=True, per_second=0) as (broker, venue):
            child = send(broker, seconds=300)
            await asyncio.sleep(1)
            venue.faults["snapshot", "all"] = lost_before
            venue.lost_pushes = True
            venue.fill(venue.orders["V1"], 7)
            venue.say(ConnectionError("gone"))
            await asyncio.sleep(0.1)
            waiting = send(broker, seconds=200, parent=parent_of(broker, symbol="B"))
            await asyncio.sleep(20)
            assert (waiting.state, child.filled) == (State.INTENT, 0)
            assert len(venue.requests["reports"]) == 2
            assert "looked up first" in broker.status()["stopped"]
            del venue.faults["snapshot", "all"]
            await asyncio.sleep(3)
            assert (child.filled, waiting.state) == (7, State.OPEN)
            venue.lost_pushes = False
            venue.fill(venue.orders["V1"], 13)
            await asyncio.sleep(0.1)
            assert child.filled == 20

    run(case())


def test_a_look_up_that_began_before_the_connection_was_lost_does_not_open_the_gate():
    async def case():
        async with live(push=True, per_second=0) as (broker, venue):
            await asyncio.sleep(1)

            async def slow(venue, act):
                said = act()
                await asyncio.sleep(8)
                return Snapshot(said.orders, True, venue.time())

            venue.faults["snapshot", 2] = slow
            venue.faults["snapshot", "all"] = lost_before
            await asyncio.sleep(10)
            venue.say(ConnectionError("gone"))
            child = send(broker, seconds=100)
            await asyncio.sleep(12)
            assert len(venue.requests["snapshot"]) >= 2
            assert child.state is State.INTENT

    run(case())


def test_the_push_is_opened_again_with_growing_pauses():
    async def case():
        async with live(push=True) as (broker, venue):

            async def refuse():
                venue.requests["reports"].append((venue.clock.now,))
                raise VenueError("no connection")
                yield

            venue.reports = refuse
            venue.say(ConnectionError("gone"))
            await asyncio.sleep(100)
            times = [(when - START) / SECOND for (when,) in venue.requests["reports"]]
            pauses = [round(later - sooner) for sooner, later in itertools.pairwise(times)]
            assert pauses[:4] == [1, 2, 4, 8]
            assert max(pauses) <= 30
            child = send(broker)
            await over(broker, child)
            assert child.filled == 20

    run(case())


def test_a_child_that_trades_after_its_cancel_was_confirmed_counts_and_alerts():
    async def case():
        async with live(push=True, per_second=0) as (broker, venue):
            child = send(broker, seconds=5)
            await over(broker, child)
            assert child.state is State.CANCELLED
            venue.fill(venue.orders["V1"], 4)
            await asyncio.sleep(0.1)
            assert (child.state, child.filled) == (State.CANCELLED, 4)
            assert "traded after it was reported as cancelled" in text(broker)

    run(case())


def test_a_day_of_look_ups_asks_seldom_while_nothing_is_open_and_often_while_something_is():
    async def case():
        async with live(per_second=0) as (broker, venue):
            await asyncio.sleep(100)
            idle = len(venue.requests["snapshot"])
            child = send(broker, seconds=100)
            await over(broker, child)
            assert idle == pytest.approx(10, abs=2)
            assert len(venue.requests["snapshot"]) - idle > 80

    run(case())


def test_look_ups_reach_back_to_the_oldest_order_that_may_still_move():
    async def case():
        async with live(per_second=0) as (broker, venue):
            await asyncio.sleep(400)
            child = send(broker, seconds=1000)
            await asyncio.sleep(900)
            assert venue.requests["snapshot"][-1][1] <= child.sent
            assert venue.requests["snapshot"][-1][1] > START

    run(case())


def test_at_one_request_a_second_all_is_still_found():
    async def case():
        async with live(own_ids=False, rate=1, per_second=2) as (broker, venue):
            venue.faults["send", 2] = lost_before
            children = [send(broker, lots=5, seconds=120, parent=parent_of(broker, symbol=symbol)) for symbol in "ABCD"]
            for child in children:
                await over(broker, child, 300)
            times = sorted(when for method in ("send", "cancel", "snapshot", "now", "instrument") for when, *_ in venue.requests[method])
            assert all(later - sooner >= 0.99 * SECOND for sooner, later in itertools.pairwise(times))
            assert sum(child.filled for child in children) == venue.executed() == 15
            assert isinstance(venue.orders["V1"].row(), OrderRow)

    run(case())
