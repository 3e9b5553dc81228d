"""Whatever a venue does with the children, an order's shares add up after every event, and it never asks for more than it is."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_stubs import Stub, books, sums
from small_markets import MINUTE, at, run

from exec_algos import TWAP
from exec_algos.brokers.child import LiveChild
from exec_algos.errors import NotSentError, OrderRejectedError, UsageError, VenueError
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.model import SECOND, Window
from exec_algos.model.lifecycle import Event, State, after


class Moody(Stub):
    """Carried children: each meets something of what can happen to one, drawn by a seed."""

    def __init__(self, seed, finds=True):
        super().__init__()
        self.rng, self.lost = random.Random(seed), {}
        self.finds = finds

    async def act(self, number, quantity, side, expires):
        rng, ref = self.rng, self.sent[-1][1]
        await self.clock.sleep_until(self.clock.now + rng.choice([0, 1, 30, 59, 61, 90]) * SECOND)
        if rng.random() < 0.2:
            raise rng.choice([OrderRejectedError("halted"), NotSentError("429")])
        got = rng.choice([0, quantity // 2, quantity, quantity])
        if rng.random() < 0.3:
            known = rng.choice([0, got])
            fills = [self.fill(known, side)] if known else []
            self.lost[ref] = self.fill(got - known, side)._replace(quantity=got, fill_price=10.0) if got else self.fill(0, side)
            raise rng.choice(
                [VenueError("time-out", fills=fills), ConnectionResetError("peer") if not known else VenueError("x", fills=fills)]
            )
        return self.fill(got, side)

    async def find_order(self, ref):
        if not self.finds or self.rng.random() < 0.5:
            return None
        return self.lost[ref]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 400), st.integers(1, 9), st.booleans(), st.sampled_from(["none", "cancel", "amend", "pause"]))
def test_the_books_of_carried_children_add_up_after_every_second(seed, quantity, minutes, finds, act):
    broker = Moody(seed, finds)

    async def work():
        executor = AlgorithmExecutor(broker, max_failures=99)
        end = at("09:30") + minutes * MINUTE
        order = executor.start(TWAP(), executor.order("X", quantity, side="BUY"), Window(end=end))
        while not order.over:
            await broker.clock.sleep_until(broker.clock.now + 7 * SECOND)
            books(order)
            if broker.clock.now > at("09:31") and act != "none":
                meddle(order, act, broker.rng)
            assert broker.clock.now < end + 2 * MINUTE
        await broker.clock.sleep_until(broker.clock.now + 3600 * SECOND)
        return books(order), sums(order.summary())

    (ordered, filled, working, unknown, _, residual), summed = run(work())
    assert working == 0
    assert (filled <= ordered, residual >= 0) == (True, True)
    assert filled <= broker.bought <= filled + unknown  # what is at the venue is filled, or nobody knows
    assert finds is False or unknown == 0
    assert summed[:2] == (filled, unknown)


def meddle(order, act, rng):
    try:
        if act == "cancel":
            order.cancel()
        elif act == "pause" and not order.resume():
            order.pause()
        elif act == "amend":
            order.amend(quantity=order.ordered + rng.choice([-10, 10]))
    except UsageError:
        pass  # the venue has not given back yet what would be too much


class Told(Stub):
    """Children whose reports are told by hand, as those of a live broker are."""

    def __init__(self):
        super().__init__()
        self.children, self.asked = [], []

    def send_order(self, parent, lots, limit, expires, *, capped=True, ref=""):
        child = LiveChild(ref, parent, lots, limit, expires)
        self.children.append(child)
        child.on(Event.SEND)
        return child

    def withdraw(self, child):
        self.asked.append(child.ref)


def follows(state, event):
    """Where an event leads, None where it cannot be."""
    try:
        return after(state, event)
    except VenueError:
        return None


QUIET = [event for event in Event if event not in {Event.FILL, Event.FILL_ALL, Event.SEND}]


def happen(child, number, now, rng, lot):
    """A trade, or an event that can be."""
    if rng.random() < 0.5:
        left = child.shares - child.traded
        if left > 1e-9:
            child.trade(rng.choice([left, left / 2 if lot == 0.1 else max(left // 2, 1)]), 10.0, now, f"x{number}")
        return
    event = rng.choice(QUIET)
    if follows(child.state, event) is not None:
        child.on(event)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 8), st.sampled_from([1, 100, 0.1]))
def test_the_books_of_live_children_add_up_after_every_event(seed, minutes, lot):
    rng, broker = random.Random(seed), Told()

    async def work():
        executor = AlgorithmExecutor(broker, max_failures=999)
        order = executor.start(TWAP(), executor.order("X", 40 * lot, side="BUY", lot_size=lot), Window(end=at("09:30") + minutes * MINUTE))
        number = 0
        while broker.clock.now < at("09:40"):
            await broker.clock.sleep_until(broker.clock.now + 5 * SECOND)
            for child in broker.children:
                if rng.random() < 0.4:
                    number += 1
                    happen(child, number, broker.clock.now, rng, lot)
                    books(order)
        return books(order), order

    (ordered, filled, working, unknown, _, residual), order = run(work())
    traded = sum(child.traded for child in broker.children)
    assert filled == pytest.approx(traded)
    assert working + unknown == pytest.approx(sum(child.shares - child.traded for child in broker.children if not child.done()))
    late = any(child.alerts for child in broker.children)
    assert late or residual >= -1e-9 * ordered
    assert order.over


def test_a_live_child_that_trades_after_it_was_cancelled_is_counted_and_said():
    async def work(broker):
        executor = AlgorithmExecutor(broker)
        order = executor.start(TWAP(), executor.order("X", 20, side="BUY"), Window(end=at("09:32")))
        await asyncio.sleep(0)
        await broker.clock.sleep_until(at("09:30") + SECOND)
        (child,) = broker.children
        child.on(Event.ACCEPT)
        child.on(Event.CANCEL)
        await broker.clock.sleep_until(at("09:31") + SECOND)
        assert [child.lots for child in broker.children] == [10, 20]
        child.trade(10, 10.0, broker.clock.now, "late")
        broker.children[1].on(Event.ACCEPT)
        broker.children[1].trade(20, 10.0, broker.clock.now, "full")
        await broker.clock.sleep_until(at("09:33"))
        return books(order), order.errors, order.summary()["residual"], order.over

    found, errors, residual, over = run(work(Told()))
    assert (found, residual, over) == ((20, 30, 0, 0, 0, -10), -10, True)
    assert errors == ["slice 1: 10 shares traded after it was over"]


def test_a_partial_fill_is_seen_at_the_next_decision_while_its_child_is_open():
    async def work(broker):
        executor = AlgorithmExecutor(broker)
        order = executor.start(TWAP(), executor.order("X", 30, side="BUY"), Window(end=at("09:33")))
        await broker.clock.sleep_until(at("09:30") + SECOND)
        broker.children[0].trade(4, 10.0, broker.clock.now, "a")
        seen = [books(order)]
        await broker.clock.sleep_until(at("09:31") + SECOND)
        broker.children[0].on(Event.CANCEL)  # six of it never trade
        await broker.clock.sleep_until(at("09:32") + SECOND)
        return seen, [child.lots for child in broker.children], broker.children[0].state

    assert run(work(Told())) == ([(30, 4, 6, 0, 0, 20)], [10, 10, 16], State.CANCELLED)


def test_children_that_are_open_at_the_end_are_asked_back_by_a_cancel_and_count_when_they_answer():
    async def work(broker):
        executor = AlgorithmExecutor(broker)
        order = executor.start(TWAP(), executor.order("X", 30, side="BUY"), Window(end=at("09:33")))
        await broker.clock.sleep_until(at("09:31") + SECOND)
        order.cancel()
        await broker.clock.sleep_until(at("09:31") + 5 * SECOND)
        seen = [(books(order), order.over)]
        for child in broker.children:
            child.on(Event.ACCEPT)
            child.on(Event.CANCEL)
        await broker.clock.sleep_until(at("09:31") + 9 * SECOND)
        return [*seen, (books(order), order.over)], len(broker.asked)

    assert run(work(Told())) == ([((30, 0, 20, 0, 10, 0), False), ((30, 0, 0, 0, 30, 0), True)], 2)
