"""`LiveBroker` over a small venue in this process, in virtual time."""

import asyncio

import pytest
from live_runs import live, over, parent_of, send
from paper_venue import lost_after, lost_before
from virtual_time import SECOND, START, run

from exec_algos.algorithms.twap import TWAP
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.model import Side
from exec_algos.model.lifecycle import State

BOTH = pytest.mark.parametrize("own_ids", [True, False], ids=["own ids", "no own ids"])


@BOTH
@pytest.mark.parametrize("push", [True, False], ids=["pushed", "polled"])
def test_a_child_is_sent_accepted_and_filled(own_ids, push):
    async def case():
        async with live(own_ids=own_ids, push=push) as (broker, venue):
            child = send(broker)
            assert (child.state, child.open, child.fills) == (State.INTENT, 20, [])
            await over(broker, child)
            assert (child.state, child.filled, child.open, venue.executed()) == (State.FILLED, 20, 0, 20)
            assert [(fill.quantity, fill.fill_price, fill.order_ref) for fill in child.fills] == [(20, 100.0, child.ref)]
            assert broker.alerts == []

    run(case())


@BOTH
def test_the_rest_of_a_child_is_cancelled_at_its_expiry(own_ids):
    async def case():
        async with live(own_ids=own_ids, per_second=1) as (broker, venue):
            child = send(broker, seconds=10)
            await over(broker, child)
            truth = venue.orders[child.venue_id]
            assert child.state is State.CANCELLED
            assert sum(fill.quantity for fill in child.fills) == truth.filled == pytest.approx(10, abs=0.3)
            assert [round((when - START) / SECOND) for when, _ in venue.requests["cancel"]] == [10]

    run(case())


@BOTH
def test_a_lost_answer_freezes_the_lane_until_the_order_is_found(own_ids):
    async def case():
        async with live(own_ids=own_ids, per_second=0) as (broker, venue):
            venue.faults["send", 1] = lost_after
            venue.hidden["V1"] = 20
            first = send(broker, seconds=100)
            await asyncio.sleep(1)
            second = send(broker, seconds=100, lots=10)
            other_side = send(broker, seconds=100, parent=parent_of(broker, side=Side.SELL))
            await asyncio.sleep(10)
            assert (first.state, second.state, other_side.state) == (State.UNKNOWN, State.INTENT, State.OPEN)
            assert first.open == 20
            await asyncio.sleep(15)
            assert (first.state, first.venue_id, second.state) == (State.OPEN, "V1", State.OPEN)

    run(case())


@BOTH
def test_an_order_that_never_arrived_is_not_sent_after_the_quiet_time_only(own_ids):
    async def case():
        async with live(own_ids=own_ids) as (broker, venue):
            venue.faults["send", 1] = lost_before
            child = send(broker, seconds=100)
            await asyncio.sleep(29)
            assert child.state is State.UNKNOWN
            await over(broker, child)
            assert (child.state, venue.executed()) == (State.NOT_SENT, 0)
            assert 30 <= (broker.clock.now - START) / SECOND < 33

    run(case())


@BOTH
@pytest.mark.parametrize("push", [True, False], ids=["pushed", "polled"])
def test_twap_gets_its_quantity_to_the_share_through_a_lost_answer(own_ids, push):
    async def case():
        async with live(own_ids=own_ids, push=push) as (broker, venue):
            venue.faults["send", 2] = lost_after
            executor = AlgorithmExecutor(broker)
            fills = await executor.execute("A", 100, TWAP(slice_interval_seconds=60), end=START + 300 * SECOND)
            assert sum(fill.quantity for fill in fills) == venue.executed() == 100
            assert executor.get_execution_summary()["residual"] == 0
            assert len(venue.requests["send"]) == 5

    run(case())
