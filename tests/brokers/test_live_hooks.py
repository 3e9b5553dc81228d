"""What a venue's adapter may do beside the must: refuse an order itself, follow open orders alone, say that one moved, estimate fees."""

import asyncio
import math
from dataclasses import replace
from itertools import pairwise

import pandas as pd
import pytest
from live_runs import Journal, live, over, send
from paper_venue import PaperVenue, lost_after
from virtual_time import SECOND, START, VirtualWallClock, run

from exec_algos.algorithms import parse_algorithm
from exec_algos.brokers.live import LiveBroker
from exec_algos.brokers.settings import LiveSettings
from exec_algos.brokers.venue import Report, Snapshot, VenueCaps
from exec_algos.errors import NotSentError, OrderRejectedError, UsageError, VenueError
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.live.ended import Ended
from exec_algos.live.recorded import RecordedParent, recorded
from exec_algos.model import Side
from exec_algos.model.lifecycle import State


class HookedVenue(PaperVenue):
    """Follows open orders alone, charges 1 % of a fill, refuses what `refusal` says."""

    refusal = None
    told_time = None

    def __init__(self, clock, **options):
        super().__init__(clock, **options)
        self.asked = []

    async def allow(self, intent):
        self.asked.append(intent)
        for _ in range(3 if self.refusal == "slow" else 0):
            await self.page()
        if isinstance(self.refusal, Exception):
            raise self.refusal

    async def follow(self, orders, since):
        names = {order.venue_id for order in orders}
        rows = self.rows()
        few = Snapshot(tuple(row for row in rows.orders if row.venue_id in names), True, rows.as_of)
        return await self._carried("follow", lambda: self.answers.get("follow", few), tuple(orders), since)

    def charged(self, fill):
        return fill._replace(commission=0.01 * fill.quantity * fill.fill_price)

    async def now(self):
        return self.told_time if self.told_time is not None else await super().now()


def venue(**options):
    return HookedVenue(VirtualWallClock(), **{"own_ids": False, "per_second": 0, "estimated_fees": True} | options)


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (UsageError("the tick is 100; the nearest are 70,000 and 70,100"), UsageError),
        (OrderRejectedError("halted: temp_stop_yn Y"), OrderRejectedError),
        (VenueError("the balance cannot be read"), NotSentError),
        (ValueError("a mistake of the adapter"), NotSentError),
    ],
    ids=lambda said: type(said).__name__ if isinstance(said, Exception) else "",
)
def test_an_order_that_the_adapter_refuses_is_never_sent_and_says_why(refusal, error):
    async def case():
        paper = venue()
        paper.refusal = refusal
        async with live(venue=paper) as (broker, _):
            child = send(broker, limit=105.0)
            await over(broker, child)
            assert child.state is State.NOT_SENT
            assert str(refusal) in child.reason
            assert paper.requests["send"] == []
            with pytest.raises(error, match=str(refusal).split(";")[0]):
                child.result()

    run(case())


def test_the_adapter_is_given_what_is_sent_and_its_requests_take_their_turns():
    async def case():
        paper = venue(rate=2.0, reserved=0.0)
        paper.refusal = "slow"
        async with live(venue=paper) as (broker, _):
            await asyncio.sleep(2)
            before = broker.status()["requests"]["order"]
            child = send(broker, lots=7, limit=99.0)
            while not paper.requests["send"]:
                await asyncio.sleep(0.1)
            assert paper.requests["send"][0][1] == paper.asked[0]
            assert (paper.asked[0].quantity, paper.asked[0].limit, paper.asked[0].side) == (7, 99.0, Side.BUY)
            assert broker.status()["requests"]["order"] - before == 1 + 3 + 1  # the instrument, three of allow, the order
            assert child.state is not State.NOT_SENT

    run(case())


def test_open_orders_alone_are_followed_and_all_are_looked_at_once_a_minute():
    async def case():
        async with live(venue=venue()) as (broker, paper):
            child = send(broker, seconds=400)
            await asyncio.sleep(1)
            paper.requests.clear()
            await asyncio.sleep(180)
            whole = [time for time, *_ in paper.requests["snapshot"]]
            assert 2 <= len(whole) <= 4
            assert all(b - a <= 63 * SECOND for a, b in pairwise(whole))
            assert len(paper.requests["follow"]) > 100
            assert [order.venue_id for order in paper.requests["follow"][0][1]] == [child.venue_id]
            paper.fill(paper.orders[child.venue_id], 20)
            await over(broker, child, 5)
            assert child.filled == 20

    run(case())


def test_an_unknown_order_and_one_that_may_turn_up_yet_are_looked_for_among_all():
    async def case():
        async with live(venue=venue(), settings=LiveSettings(quiet=5 * SECOND, late=100 * SECOND)) as (broker, paper):
            await asyncio.sleep(1)
            paper.faults["send", 1], paper.hidden["V1"] = lost_after, 60
            child = send(broker, seconds=300)
            await asyncio.sleep(1)
            assert child.state is State.UNKNOWN
            paper.requests.clear()
            await asyncio.sleep(9)
            assert child.state is State.NOT_SENT  # as far as look-ups show
            await asyncio.sleep(30)
            assert not paper.requests["follow"]
            await over(broker, child)
            await asyncio.sleep(40)
            assert child.venue_id == "V1"
            assert child.state is State.CANCELLED

    run(case())


def test_a_follow_that_does_not_show_an_open_order_is_told_of():
    async def case():
        async with live(venue=venue(), settings=LiveSettings(quiet=5 * SECOND)) as (broker, paper):
            child = send(broker, seconds=300)
            await asyncio.sleep(1)
            paper.answers["follow"] = Snapshot((), True, 0)
            await asyncio.sleep(20)
            assert any("complete look-ups do not show it" in alert.text for alert in broker.alerts)
            assert child.open == 20

    run(case())


@pytest.mark.parametrize("said", [None, (), Snapshot((), True, -1)], ids=repr)
def test_a_follow_that_makes_no_sense_proves_nothing_and_is_named(said):
    async def case():
        async with live(venue=venue()) as (broker, paper):
            child = send(broker, seconds=30)
            await asyncio.sleep(1)
            paper.answers["follow"] = said
            paper.fill(paper.orders[child.venue_id], 20)
            await over(broker, child, 90)  # a look at all orders shows it
            assert (child.filled, any("HookedVenue.follow gave" in alert.text for alert in broker.alerts)) == (20, True)

    run(case())


def test_after_a_lost_connection_all_orders_are_looked_at_before_anything_is_sent():
    async def case():
        async with live(venue=venue(push=True)) as (broker, paper):
            send(broker, seconds=300)
            await asyncio.sleep(3)
            paper.requests.clear()
            paper.say(ConnectionError("gone"))
            await asyncio.sleep(0.6)
            assert len(paper.requests["snapshot"]) >= 1
            assert not paper.requests["follow"]

    run(case())


def instant(time):
    return pd.Timestamp(time, unit="ns", tz="UTC")


def moved(venue_id):
    return Report(kind="moved", venue_id=venue_id, own_id="", symbol="A", side=Side.BUY, time=0)


def test_a_push_that_an_order_moved_asks_for_a_look_up_and_counts_nothing():
    async def case():
        settings = LiveSettings(poll_beside_push=1000 * SECOND)
        async with live(venue=venue(push=True), settings=settings) as (broker, paper):
            child = send(broker, seconds=2000)
            await asyncio.sleep(2)
            before = len(paper.requests["follow"])
            paper.lost_pushes = True
            paper.fill(paper.orders[child.venue_id], 5)
            paper.say(moved(child.venue_id))
            await asyncio.sleep(0.01)
            assert child.traded == 0
            await asyncio.sleep(2)
            assert (child.traded, len(paper.requests["follow"]) - before) == (5, 1)
            paper.say(moved("of somebody else"))
            await asyncio.sleep(2)
            assert len(paper.requests["follow"]) - before == 1

    run(case())


def test_a_push_that_comes_before_the_answer_of_its_order_asks_for_a_look_up_once_it_is_known_whose_it_is():
    async def case():
        settings = LiveSettings(poll_beside_push=1000 * SECOND, quiet=1000 * SECOND)
        paper = venue(push=True)

        async def early(at, act):
            answer = act()
            at.lost_pushes = True
            at.fill(at.orders["V1"], 20)
            at.say(moved("V1"))
            await asyncio.sleep(3)
            return answer

        paper.faults["send", 1] = early
        async with live(venue=paper, settings=settings) as (broker, _):
            child = send(broker, seconds=2000)
            await asyncio.sleep(6)
            assert child.state is State.FILLED

    run(case())


def test_a_push_brings_an_unknown_order_to_light():
    async def case():
        paper = venue(push=True)
        paper.faults["send", 1] = lost_after
        async with live(venue=paper, settings=LiveSettings(poll=900 * SECOND, poll_beside_push=1000 * SECOND)) as (broker, _):
            paper.hidden["V1"] = 5
            child = send(broker, seconds=2000)
            await asyncio.sleep(6)
            assert child.state is State.UNKNOWN
            paper.say(moved("V1"))
            await asyncio.sleep(2)
            assert (child.state, child.venue_id) == (State.OPEN, "V1")

    run(case())


def test_fills_carry_what_the_adapter_says_that_they_cost_and_so_do_those_of_an_earlier_run():
    async def case():
        journal = Journal()
        async with live(venue=venue(push=True), journal=journal) as (broker, paper):
            child = send(broker, seconds=300)
            await asyncio.sleep(1)
            paper.fill(paper.orders[child.venue_id], 5, 100.0)
            paper.lost_pushes = True
            paper.fill(paper.orders[child.venue_id], 5, 110.0)
            await asyncio.sleep(8)
            assert [(fill.quantity, fill.commission) for fill in child.fills] == [(5, 5.0), (5, 5.5)]
        (before,) = recorded(journal.entries).children
        assert [fill.commission for fill in before.fills] == [0.0, 0.0]
        again = LiveBroker(paper, clock=paper.clock, settings=LiveSettings(on_open="cancel"))
        await again.start([before])
        assert [(fill.quantity, fill.commission) for fill in before.fills] == [(5, 5.0), (5, 5.5)]
        assert before.result().commission == 10.5
        await again.aclose()

    run(case())


@pytest.mark.parametrize("said", [None, "free", math.nan, 12.5, RuntimeError("no schedule")], ids=repr)
def test_a_cost_that_makes_no_sense_is_told_and_the_fill_still_counts(said):
    async def case():
        paper = venue()

        def charged(fill):
            if isinstance(said, Exception):
                raise said
            return fill._replace(quantity=said) if said == 12.5 else fill._replace(commission=said) if said != "free" else said

        paper.charged = charged
        async with live(venue=paper) as (broker, _):
            child = send(broker)
            await asyncio.sleep(1)
            paper.fill(paper.orders[child.venue_id], 20)
            await over(broker, child, 20)
            assert (child.filled, child.fills[0].commission) == (20, 0.0)
            assert any("HookedVenue.charged" in alert.text for alert in broker.alerts)

    run(case())


def test_summary_and_last_lines_say_that_commissions_are_estimates():
    async def case(estimated):
        async with live(venue=venue(estimated_fees=estimated, per_second=50)) as (broker, _):
            executor = AlgorithmExecutor(broker)
            twap, now = parse_algorithm("twap:slice_interval_seconds=30"), broker.clock.now
            await executor.work_order(twap, "A", 10, start=instant(now), end=instant(now + 60 * SECOND))
            summary = executor.get_execution_summary()
            children = [carried.child for carried in broker.state.known]
            parents = {"P": RecordedParent(children[0].parent, children)}
            ended = Ended(parents=parents, summaries={}, stopped="", alerts=(), open=(), estimated=broker.estimates_commission)
            return summary, "\n".join(ended.lines("day.db"))

    summary, text = run(case(True))
    assert (summary["commission_estimated"], summary["total_commission"]) == (True, 10.0)
    assert "commissions and taxes of 10.00 are estimates by a fee schedule" in text
    summary, text = run(case(False))
    assert "commission_estimated" not in summary
    assert "estimate" not in text


def test_a_venue_that_does_not_tell_its_clock_is_looked_at_further_back_and_orders_still_go():
    async def case():
        paper = venue()
        paper.told_time = 0
        async with live(venue=paper) as (broker, _):
            assert (broker.state.apart, broker.state.unsure) == (0, 30 * SECOND)
            send(broker)
            await asyncio.sleep(2)
            assert len(paper.requests["send"]) == 1
            assert paper.requests["snapshot"][0][1] <= START - 90 * SECOND + 2 * SECOND

    run(case())


@pytest.mark.parametrize("unsure", [0, SECOND // 2])
def test_a_clock_in_whole_seconds_makes_look_ups_reach_further_back(unsure):
    async def case():
        async with live(venue=venue(clock_unsure=unsure)) as (broker, _):
            return broker.state.unsure

    assert run(case()) == pytest.approx(0.025 * SECOND + unsure, abs=1000)


def test_a_clock_that_cannot_be_that_unsure_is_refused():
    with pytest.raises(UsageError, match="clock_unsure"):
        VenueCaps(name="x", paper=True, clock_unsure=-1)


@pytest.mark.parametrize("ahead", [5.0, -5.0])
def test_five_seconds_off_are_told_and_look_ups_reach_by_them_further_and_thirty_stop_orders(ahead):
    async def case(seconds):
        paper = venue()
        paper.ahead = seconds
        async with live(venue=paper) as (broker, _):
            send(broker, seconds=3)
            await asyncio.sleep(2)
            return [alert.text for alert in broker.alerts], len(paper.requests["send"]), paper.requests["snapshot"][0][1]

    alerts, sent, since = run(case(ahead))
    assert sent == 1
    assert any("5.0 s" in text for text in alerts)
    assert since == pytest.approx(START + (ahead - 60) * SECOND, abs=SECOND)
    alerts, sent, _ = run(case(math.copysign(31, ahead)))
    assert sent == 0
    assert any("31.0 s" in text and "nothing is sent" in text for text in alerts)


@pytest.mark.parametrize(("order_type", "found"), [("", True), ("LMT", True), ("MKT", False), ("best", False)])
def test_an_order_of_another_type_is_not_the_one_that_nobody_knows(order_type, found):
    async def case():
        paper = venue()
        paper.faults["send", 1] = lost_after
        rows = paper.rows

        def typed(complete=True):
            snapshot = rows(complete)
            return Snapshot(tuple(replace(row, order_type=order_type) for row in snapshot.orders), complete, snapshot.as_of)

        paper.rows = typed
        async with live(venue=paper) as (broker, _):
            child = send(broker, limit=99.0, seconds=60)
            await asyncio.sleep(5)
            return child.state is State.OPEN

    assert run(case()) is found
