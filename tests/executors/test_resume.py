"""An order that goes on after a restart: what its children got and may get yet counts, and no share is sent twice."""

import asyncio
import math

import pytest
from live_stubs import Stub, books, run
from small_markets import MINUTE, at

from exec_algos import TWAP, Fill
from exec_algos.brokers.child import LiveChild
from exec_algos.errors import UsageError
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.model import SECOND, ParentOrder, Residual, Rules, Side, Window
from exec_algos.model.lifecycle import Event


def parent_of(**fields):
    """Ten minutes, a hundred shares, ten a child."""
    terms = {"symbol": "X", "side": Side.BUY, "quantity": 100, "start": at("09:30"), "end": at("09:40"), "interval": MINUTE}
    return ParentOrder(**terms | {"algorithm": "twap", "ref": "desk-7", "parent_id": 3} | fields)


def child_of(parent, number, traded=0, events=(Event.SEND, Event.ACCEPT), leg=1, lots=10):
    """A child of slice `number` that got `traded` shares and met `events` then."""
    begin = parent.start + number * parent.interval
    child = LiveChild(f"{parent.ref}.{leg}.{number}.1", parent, lots, math.nan, begin + parent.interval)
    for event in events[:2]:
        child.on(event)
    if traded:
        child.trade(traded, 10.0, begin + SECOND, f"x{number}")
    for event in events[2:]:
        child.on(event)
    return child


ENDED = (Event.SEND, Event.ACCEPT, Event.CANCEL)
LOST = (Event.SEND, Event.SILENCE)


def resumed(parent, children, now, until="09:41", meanwhile=None, **options):
    """The order as it was at once, and at `until`; and the broker."""
    broker = Stub(now)

    async def work():
        order = AlgorithmExecutor(broker).resume(parent, children, **options)
        first = books(order)
        await asyncio.sleep(0)
        first = first, order.over
        if meanwhile is not None:
            await meanwhile(broker)
        await broker.clock.sleep_until(at(until))
        return order, first, broker

    return run(work())


def test_what_is_left_is_planned_over_what_is_left_of_the_window_and_nothing_is_sent_twice():
    parent = parent_of()
    children = [child_of(parent, k, 10) for k in range(4)] + [child_of(parent, 4, 6, ENDED)]
    order, first, broker = resumed(parent, children, "09:36")
    assert first == ((100, 46, 0, 0, 0, 54), False)
    assert (books(order), order.over, order.errors) == ((100, 100, 0, 0, 0, 0), True, [])
    assert [(time, ref, shares) for time, ref, shares, _ in broker.sent] == [
        (at(f"09:3{6 + k}"), f"desk-7.2.{k}.1", shares) for k, shares in enumerate([14, 13, 14, 13])
    ]
    assert order.summary()["num_slices"] == 9
    assert (order.parent.ref, order.parent.parent_id) == ("desk-7", 0)  # numbers are this run's


def test_an_unknown_child_counts_as_open_and_is_made_up_for_when_it_is_proved_absent():
    parent = parent_of()
    children = [child_of(parent, 0, 10), child_of(parent, 1, events=LOST)]

    async def proved(broker):
        await broker.clock.sleep_until(at("09:36") + SECOND)
        children[1].on(Event.ABSENT)

    order, first, broker = resumed(parent, children, "09:32")
    assert first[0] == (100, 10, 0, 10, 0, 80)
    assert (books(order), sum(shares for _, _, shares, _ in broker.sent)) == ((100, 90, 0, 10, 0, 0), 80)
    order, _, broker = resumed(parent, children, "09:32", meanwhile=proved)
    assert (books(order), sum(shares for _, _, shares, _ in broker.sent)) == ((100, 100, 0, 0, 0, 0), 90)


def test_a_child_that_is_open_yet_counts_what_it_gets_after_the_restart():
    parent = parent_of()
    children = [child_of(parent, 0, 10), child_of(parent, 1, 4, leg=3)]

    async def trades(broker):
        await broker.clock.sleep_until(at("09:34") + SECOND)
        children[1].trade(6, 10.0, broker.clock.now, "late")

    order, first, broker = resumed(parent, children, "09:32", meanwhile=trades)
    assert first[0] == (100, 14, 6, 0, 0, 80)
    assert (books(order), sum(shares for _, _, shares, _ in broker.sent)) == ((100, 100, 0, 0, 0, 0), 80)
    assert broker.sent[0][1] == "desk-7.4.0.1"


@pytest.mark.parametrize(
    ("traded", "now", "left"),
    [(10, "09:40", (100, 10, 0, 0, 0, 90)), (10, "15:00", (100, 10, 0, 0, 0, 90)), (100, "09:32", (100, 100, 0, 0, 0, 0))],
)
def test_it_is_over_at_once_where_the_window_is_past_or_all_is_filled(traded, now, left):
    parent = parent_of()
    children = [child_of(parent, 0, traded, ENDED if traded < 100 else (Event.SEND, Event.ACCEPT), lots=100)]
    _, first, broker = resumed(parent, children, now, until="15:01")
    assert (first, broker.sent) == ((left, True), [])


def test_after_the_window_it_waits_for_a_child_that_is_unknown_and_is_over_then():
    parent = parent_of()
    child = child_of(parent, 9, events=LOST)

    async def found(broker):
        await broker.clock.sleep_until(at("09:41") + SECOND)
        child.trade(10, 10.0, at("09:39"), "found")

    order, first, broker = resumed(parent, [child], "09:41", until="09:43", meanwhile=found)
    assert first == ((100, 0, 0, 10, 0, 90), False)
    assert (books(order), order.over, broker.sent) == ((100, 10, 0, 0, 0, 90), True, [])


def test_an_order_whose_residual_goes_on_behind_the_window_goes_on_there():
    parent = parent_of(rules=Rules(residual=Residual.EXTEND), until=at("09:45"))
    children = [child_of(parent, k, 10) for k in range(5)]
    order, _, broker = resumed(parent, children, "09:42", until="09:46")
    assert books(order) == (100, 100, 0, 0, 0, 0)
    assert [(time, shares) for time, _, shares, _ in broker.sent] == [(at("09:42"), 50)]


def test_an_order_whose_window_has_not_begun_begins_with_it():
    order, _, broker = resumed(parent_of(), [], "09:00")
    assert broker.sent[0][:2] == (at("09:30"), "desk-7.1.0.1")
    assert books(order)[:2] == (100, 100)


def test_too_much_that_traded_shows_as_a_negative_residual():
    parent = parent_of(quantity=20)
    children = [child_of(parent, 0, 10), child_of(parent, 1, 15)]
    order, first, broker = resumed(parent, children, "09:32")
    assert (first, broker.sent) == (((20, 25, 0, 0, 0, -5), True), [])
    assert order.errors == ["slice 2: 15 shares traded, more than the 10 that it asked for"]
    assert order.summary()["residual"] == -5


def test_children_without_a_ref_of_an_executor_are_refused():
    parent = parent_of()
    child = LiveChild("X-1", parent, 10, math.nan, at("09:31"))
    with pytest.raises(UsageError, match=r"is PARENT\.LEG\.SLICE\.NUMBER, got 'X-1'"):
        resumed(parent, [child], "09:32")


def test_an_order_is_not_ended_where_the_broker_does_not_know_its_sessions():
    class Unknowing(Stub):
        def session(self, instant):
            raise UsageError("no calendar is known")

    async def work():
        with pytest.raises(UsageError, match="no calendar is known"):
            AlgorithmExecutor(Unknowing("09:35")).resume(parent_of(), [])

    run(work())


def test_the_algorithm_is_that_of_the_parents_text_or_the_one_given():
    plans = []

    class Notes(Stub):
        def planned(self, parent, curve):
            plans.append((parent.ref, curve))

    async def work(**options):
        broker = Notes("09:38")
        order = AlgorithmExecutor(broker).resume(parent_of(algorithm="vwap:profile_days=3"), [], **options)
        await broker.clock.sleep_until(at("09:41"))
        return order

    orders = [run(work()), run(work(algorithm=TWAP(slice_interval_seconds=60)))]
    assert plans == [("desk-7", [0.5, 1.0])] * 2
    assert [str(order._progress.algorithm) for order in orders] == ["vwap:profile_days=3", "twap"]


def test_a_plan_is_told_to_the_broker_when_it_is_made():
    plans = []

    class Notes(Stub):
        def planned(self, parent, curve):
            plans.append((self.clock.now, parent.quantity, curve))

    async def work(broker):
        executor = AlgorithmExecutor(broker)
        order = executor.start(TWAP(), executor.order("X", 100, side="BUY"), Window(start=at("09:35"), end=at("09:39")))
        await broker.clock.sleep_until(at("09:37"))
        order.amend(quantity=60)
        await broker.clock.sleep_until(at("09:40"))

    run(work(Notes()))
    assert plans == [(at("09:30"), 100, [0.25, 0.5, 0.75, 1.0]), (at("09:37"), 60, [0.5, 1.0])]


def test_a_fill_of_a_resumed_child_keeps_the_name_that_its_venue_gave():
    parent = parent_of()
    order, _, _ = resumed(parent, [child_of(parent, 0, 10)], "09:39")
    first = order.fills[0]
    assert isinstance(first, Fill)
    assert (first.order_ref, first.execution_id) == ("desk-7.1.0.1", "x0")
