"""What happens seldom: a person's word, a new day, a row that lacks, a clock that says nothing."""

import asyncio
from dataclasses import replace

import pytest
from live_runs import Journal, live, over, parent_of, send
from paper_venue import hang, instead, lost_after, lost_before
from test_live_unknown import other_order, text
from virtual_time import SECOND, START, run

from exec_algos.algorithms import TWAP
from exec_algos.brokers.live import LiveBroker
from exec_algos.brokers.settings import LiveSettings
from exec_algos.brokers.venue import Rejected, Report
from exec_algos.errors import OrderRejectedError, VenueError
from exec_algos.executors.base import AlgorithmExecutor, Window
from exec_algos.live.limits import NotionalLimits
from exec_algos.live.recorded import recorded
from exec_algos.live.session import LiveSession
from exec_algos.model import Side
from exec_algos.model.lifecycle import State


def test_an_order_of_which_a_person_said_that_it_is_no_childs_is_left_alone_from_then_on():
    async def case():
        async with live(own_ids=False, per_second=0) as (broker, venue):
            venue.faults["send", 1] = lost_before
            child = send(broker, seconds=900)
            await asyncio.sleep(0.5)
            other_order(venue)
            other_order(venue, "X2")
            await asyncio.sleep(5)
            assert "exec-algos live resolve" in text(broker)
            broker.resolve(child.ref, None)
            await asyncio.sleep(30)
            assert (child.state, child.venue_id, venue.orders["X1"].state) == (State.NOT_SENT, "", "open")
            assert broker.status()["frozen"] == {}

    run(case())


def test_two_parents_of_which_a_person_said_that_the_order_is_neithers_leave_their_lane_free():
    async def case():
        async with live(own_ids=False, per_second=0) as (broker, venue):
            venue.faults["send", 1] = venue.faults["send", 2] = lost_before
            children = []
            for _ in range(2):
                children.append(send(broker, seconds=900))
                await asyncio.sleep(60)
            other_order(venue)
            await asyncio.sleep(15)
            assert "or" in broker.status()["frozen"]["A BUY"]
            for child in children:
                broker.resolve(child.ref, None)
            await asyncio.sleep(30)
            assert broker.status()["frozen"] == {}
            assert [child.state for child in children] == [State.NOT_SENT] * 2
            assert venue.orders["X1"].state == "open"

    run(case())


def test_a_lost_order_is_found_although_another_days_order_had_its_id():
    async def case():
        settings = LiveSettings(confirm_lead=0, calendar="24/7", idle=600 * SECOND)
        async with live(own_ids=False, per_second=0, settings=settings) as (broker, venue):
            other_order(venue, "V1")
            await asyncio.sleep(20 * 3600)
            del venue.orders["V1"]
            venue.faults["send", 1] = lost_after
            child = send(broker, seconds=900)
            await asyncio.sleep(100)
            assert (child.state, child.venue_id) == (State.OPEN, "V1")

    run(case())


def twap_of(broker, quantity=100, seconds=600):
    terms = AlgorithmExecutor.order("A", quantity, side="buy")
    return AlgorithmExecutor(broker).start(TWAP(slice_interval_seconds=60), terms, Window(end=START + seconds * SECOND))


def test_an_order_that_is_amended_beyond_a_limit_is_refused_and_goes_on_as_it_was():
    async def case():
        async with live(limits=NotionalLimits(currency="KRW", max_child_notional=2e4, max_parent_notional=2e4)) as (broker, venue):
            await broker.observe("A")
            order = twap_of(broker)
            await asyncio.sleep(100)
            with pytest.raises(OrderRejectedError, match="max_parent_notional"):
                order.amend(quantity=1000)
            await asyncio.sleep(700)
            assert (order.over, order.filled, venue.executed()) == (True, 100, 100)

    run(case())


def test_an_order_above_a_limit_may_be_amended_to_less():
    async def case():
        async with live(limits=NotionalLimits(currency="KRW", max_child_notional=2e4, max_parent_notional=2e4)) as (broker, venue):
            await broker.observe("A")
            order = twap_of(broker)
            await asyncio.sleep(100)
            broker.reads.prices["A"] = 1000.0, broker.clock.now
            order.amend(quantity=50)
            await asyncio.sleep(700)
            assert (order.over, order.filled, venue.executed()) == (True, 50, 50)

    run(case())


def said(venue, change):
    """Look-ups say what `change` makes of the truth."""
    truth = venue.rows
    venue.rows = lambda: change(truth())


@pytest.mark.parametrize("limit", [None, "x", True])
def test_a_row_of_somebody_else_with_a_limit_that_is_none_is_refused_and_look_ups_go_on(limit):
    async def case():
        async with live(own_ids=False) as (broker, venue):
            other_order(venue).state = "done"
            said(
                venue,
                lambda told: replace(
                    told, orders=tuple(replace(row, limit=limit if row.venue_id == "X1" else row.limit) for row in told.orders)
                ),
            )
            venue.faults["send", 1] = lost_after
            child = send(broker)
            await over(broker, child)
            assert (child.filled, broker.state.broken) == (20, "")
            assert f"limit {limit!r}" in text(broker)

    run(case())


@pytest.mark.parametrize("as_of", [None, 1.5, "now", -1])
def test_a_look_up_of_a_time_that_is_none_proves_nothing_and_is_named(as_of):
    async def case():
        async with live() as (broker, venue):
            said(venue, lambda told: replace(told, as_of=as_of))
            child = send(broker)
            await asyncio.sleep(10)
            venue.rows = type(venue).rows.__get__(venue)
            await over(broker, child)
            assert (child.filled, broker.state.broken) == (20, "")
            assert f"of the time {as_of!r}" in text(broker)

    run(case())


def test_a_look_up_that_fails_by_an_error_of_ours_stops_orders_but_open_ones_are_seen_to_their_end(monkeypatch):
    async def case():
        async with live(per_second=0) as (broker, venue):
            child = send(broker, seconds=20)
            await asyncio.sleep(5)
            with monkeypatch.context() as broken:
                broken.setattr(broker._following._resolving, "after_look", lambda *_: 1 / 0)
                await asyncio.sleep(5)
            later = send(broker)
            await over(broker, child)
            await over(broker, later)
            assert (child.state, later.state, len(venue.requests["send"])) == (State.CANCELLED, State.NOT_SENT, 1)
            assert "ZeroDivisionError" in text(broker)

    run(case())


@pytest.mark.parametrize("push", [True, False], ids=["pushed", "polled"])
def test_trades_of_which_the_venue_tells_no_time_count_when_they_are_told(push):
    async def case():
        async with live(push=push) as (broker, venue):
            said(venue, lambda told: replace(told, as_of=0))
            put = venue._pushed.put_nowait
            venue._pushed.put_nowait = lambda report: put(replace(report, time=0))
            order = twap_of(broker)
            await asyncio.sleep(700)
            assert (order.error, order.filled, venue.executed()) == (None, 100, 100)
            assert all(START < fill.time < broker.clock.now for fill in order.fills)

    run(case())


def test_an_open_child_that_look_ups_do_not_show_any_more_is_told_of_after_the_quiet_time():
    async def case():
        async with live(per_second=0) as (broker, venue):
            child = send(broker, seconds=20)
            await asyncio.sleep(10)
            venue.hidden["V1"] = 200
            venue.faults["cancel", "all"] = instead(Rejected("40", "no such order"))
            await asyncio.sleep(29)
            assert broker.alerts == []
            await asyncio.sleep(10)
            assert f"{child.ref} is open as 'V1' as far as we know, and complete look-ups do not show it" in text(broker)
            assert (child.state, len(broker.alerts)) == (State.CANCEL_SENT, 1)
            venue.orders["V1"].state = "done"
            await over(broker, child)
            assert child.state is State.CANCELLED

    run(case())


def test_a_child_that_is_over_with_less_than_was_reported_ends_after_the_quiet_time_and_is_told_of():
    async def case():
        async with live(push=True, per_second=0) as (broker, venue):
            child = send(broker, seconds=20)
            await asyncio.sleep(1)
            venue.push(venue.orders["V1"], "fill", quantity=5, price=100.0, execution_id="busted")
            await asyncio.sleep(40)
            assert (child.state, child.filled, broker.alerts) == (State.CANCEL_SENT, 5, [])
            await over(broker, child)
            assert (child.state, child.filled) == (State.CANCELLED, 5)
            assert f"{child.ref} is over with 0 shares, and 5 were reported" in text(broker)

    run(case())


class SlowJournal(Journal):
    """Its disk takes a second."""

    async def write(self, entry):
        self.note(entry)
        await asyncio.sleep(1)


def test_nothing_is_sent_where_the_connection_is_lost_while_the_intent_is_written():
    async def case():
        async with live(push=True, journal=SlowJournal()) as (broker, venue):
            child = send(broker)
            await asyncio.sleep(0.5)
            venue.faults["snapshot", "all"] = hang
            venue.say(ConnectionError("reset"))
            await asyncio.sleep(3)
            assert (child.state, venue.requests["send"]) == (State.NOT_SENT, [])
            assert "looked up first" in child.reason

    run(case())


@pytest.mark.parametrize("before", [True, False], ids=["before it was given", "while it waits"])
def test_a_child_whose_own_id_the_venue_shows_is_looked_up_and_its_journal_can_be_resumed(before):
    async def case():
        journal = SlowJournal()
        async with live(per_second=0, journal=journal) as (broker, venue):
            if before:
                other_order(venue, "X1", own_id="P.1.0.1")
                await asyncio.sleep(15)
            child = send(broker, ref="P.1.0.1", seconds=100)
            if not before:
                await asyncio.sleep(0.2)
                other_order(venue, "X1", own_id="P.1.0.1")
                broker.state.look()
            await asyncio.sleep(20)
            assert (child.state, child.venue_id, venue.requests["send"]) == (State.OPEN, "X1", [])
            assert "'P.1.0.1' already" in text(broker)
        assert [of.venue_id for of in recorded(journal.entries).children] == ["X1"]

    run(case())


def test_closing_waits_no_longer_than_three_minutes_for_cancels_and_names_what_may_trade():
    async def case():
        async with live(per_second=0) as (broker, venue):
            child = send(broker, seconds=1000)
            await asyncio.sleep(1)
            venue.faults["cancel", "all"] = instead(Rejected("40", "busy"))
            began = broker.clock.now
            await broker.aclose(cancel=True)
            assert 170 * SECOND < broker.clock.now - began < 190 * SECOND
            assert f"{child.ref} is cancel_sent as 'V1' while the broker closes" in text(broker)

    run(case())


def test_who_waits_for_an_order_is_told_that_the_broker_was_closed():
    async def case():
        async with live(per_second=0) as (broker, venue):
            placing = asyncio.ensure_future(broker.place_order("A", 20, expires=START + 1000 * SECOND))
            await asyncio.sleep(1)
            venue.fill(venue.orders["V1"], 5)
            await asyncio.sleep(3)
            await broker.aclose()
            with pytest.raises(VenueError, match="is partial, so it has no result yet") as raised:
                await placing
            assert sum(fill.quantity for fill in raised.value.fills) == 5

    run(case())


@pytest.mark.parametrize("limit", [1.0, 100.0])
def test_a_sale_far_below_the_market_is_worth_what_the_market_pays(limit):
    async def case():
        async with live(limits=NotionalLimits(currency="KRW", max_child_notional=1500, max_parent_notional=1e5)) as (broker, venue):
            await broker.observe("A")
            child = send(broker, lots=20, limit=limit, parent=parent_of(broker, side=Side.SELL))
            await over(broker, child)
            assert (child.state, venue.requests["send"]) == (State.NOT_SENT, [])
            assert "max_child_notional" in child.reason

    run(case())


def test_a_cancel_report_of_a_child_that_counted_as_not_sent_is_told_of_and_a_look_up_decides():
    async def case():
        async with live(push=True, per_second=0) as (broker, venue):
            venue.faults["send", 1] = lost_before
            child = send(broker, seconds=300)
            await over(broker, child)
            order = other_order(venue, "V9", own_id=child.own_id)
            order.state, venue.hidden["V9"] = "done", 20
            venue.say(Report(kind="cancelled", venue_id="V9", own_id=child.own_id, symbol="A", side=Side.BUY, time=venue.time()))
            await asyncio.sleep(5)
            assert "although the look-ups had not shown it" in text(broker)
            assert "A BUY" in broker.status()["frozen"]
            await asyncio.sleep(30)
            assert (child.state, child.filled, broker.status()["frozen"]) == (State.CANCELLED, 0, {})

    run(case())


def test_a_session_reads_the_calendar_of_its_orders_before_it_resumes_them():
    async def case():
        journal = Journal()
        async with live(journal=journal) as (broker, venue):
            order = twap_of(broker)
            await asyncio.sleep(70)
            order.cancel()
        found, again = recorded(journal.entries), LiveBroker(venue, clock=venue.clock, journal=journal)
        await again.start(found.children)
        ended = await LiveSession(again, journal).resume(found)
        assert venue.executed() == sum(summary["total_quantity"] for summary in ended.summaries.values()) == 100
        await again.aclose()

    run(case())
