"""A child order under every order of events that a venue can produce: it ends with the venue's truth, and the sums hold after each."""

import math
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exec_algos.brokers.child import LiveChild
from exec_algos.errors import NotSentError, OrderRejectedError, VenueError
from exec_algos.model import ParentOrder, Side
from exec_algos.model.lifecycle import AFTER, FINAL, Event, State

HOUR = 3_600_000_000_000
NOTHING = 1e-9


def parent_of(lots, lot_size=1.0):
    return ParentOrder(
        symbol="A", side=Side.BUY, quantity=lots * lot_size, start=0, end=HOUR, interval=HOUR // 10, lot_size=lot_size, ref="P"
    )


class Traded(NamedTuple):
    lots: int
    price: float
    time: int


class Truth(NamedTuple):
    """What the venue knows of an order in the end. `end`: done, rejected, absent (the request never came)."""

    lots: int
    lot_size: float
    trades: tuple[Traded, ...]
    end: str

    def shares(self, count=None):
        return math.fsum(trade.lots * self.lot_size for trade in self.trades[:count])

    def value(self, count=None):
        return math.fsum(trade.lots * self.lot_size * trade.price for trade in self.trades[:count])


class Message(NamedTuple):
    """Something that reaches us: what, and of which trade, or after how many trades."""

    what: str
    number: int = 0


@st.composite
def truths(draw):
    lots = draw(st.integers(1, 12))
    end = draw(st.sampled_from(["done", "done", "done", "rejected", "absent"]))
    cuts = draw(st.lists(st.integers(1, 5), max_size=5)) if end == "done" else []  # may sum to more than was ordered: an over-fill
    prices = draw(st.lists(st.integers(90, 110), min_size=len(cuts), max_size=len(cuts)))
    trades = tuple(Traded(cut, price / 10, 100 + n) for n, (cut, price) in enumerate(zip(cuts, prices, strict=True)))
    return Truth(lots, draw(st.sampled_from([1.0, 10.0, 0.001])), trades, end)


def possible(truth):
    """Every message that a venue with this truth may send, each of them late, twice or never."""
    if truth.end == "absent":
        return [Message("no_send"), Message("silence"), Message("ask"), Message("denied"), Message("absent")]
    known = [Message("accept"), Message("silence"), Message("ask"), Message("denied")]
    if truth.end == "rejected":
        return [*known, Message("reject"), Message("row_rejected"), Message("absent")]
    trades = [Message("trade", n) for n in range(len(truth.trades))]
    rows = [Message("row", n) for n in range(len(truth.trades) + 1)]
    return [*known, *trades, *rows, Message("over"), Message("row_done"), Message("absent")]


@st.composite
def histories(draw):
    truth = draw(truths())
    return truth, draw(st.lists(st.sampled_from(possible(truth)), max_size=14))


def may_be_said(child, message):
    """What an honest client does: it asks back what it knows to be open, and proves absent what it does not know, never more."""
    if message.what == "ask":
        return (child.state, Event.ASK_CANCEL) in AFTER
    if message.what == "denied":
        return child.asked
    if message.what == "absent":
        return child.state is State.UNKNOWN
    if message.what in {"no_send", "silence"}:  # the answer to the request, of which there is one
        return not child.answered
    return True


PLAIN = {
    "accept": Event.ACCEPT,
    "silence": Event.SILENCE,
    "ask": Event.ASK_CANCEL,
    "denied": Event.CANCEL_DENIED,
    "absent": Event.ABSENT,
    "no_send": Event.NO_SEND,
    "reject": Event.REJECT,
    "row_rejected": Event.REJECT,
    "over": Event.CANCEL,
}


def tell(child, message, truth):
    """Carry a message to the child as a broker does."""
    what, number = message
    child.asked |= what == "ask"
    child.answered |= what in {"no_send", "silence"}
    if what in PLAIN:
        child.on(PLAIN[what])
    elif what == "trade":
        trade = truth.trades[number]
        child.trade(trade.lots * truth.lot_size, trade.price, trade.time, f"e{number}")
    elif what == "row":
        child.total(truth.shares(number), truth.value(number), 100 + number)
        child.on(Event.ACCEPT)
    else:
        child.total(truth.shares(), truth.value(), 200)
        child.on(Event.CANCEL)


def told_of(truth, messages):
    """The child after each message, with those left out that no client lets happen."""
    child: Any = LiveChild("P.0.0.0", parent_of(truth.lots, truth.lot_size), truth.lots, math.nan, HOUR)
    child.asked = child.answered = False
    child.on(Event.SEND)
    for message in messages:
        if may_be_said(child, message):
            before = sum(fill.quantity for fill in child.fills)
            tell(child, message, truth)
            yield child, before
    last = {"done": "row_done", "rejected": "row_rejected"}.get(truth.end)
    before = sum(fill.quantity for fill in child.fills)
    if last:
        tell(child, Message(last), truth)
    elif not child.done():
        child.on(Event.SILENCE)
        child.on(Event.ABSENT)
    yield child, before


def assert_sums(child, truth):
    """ordered = filled + working + unknown + cancelled + residual, where only what trades too much goes below 0."""
    unknown = child.open if child.state is State.UNKNOWN else 0
    working = child.open - unknown
    cancelled = max(child.lots - child.filled, 0) if child.state in FINAL else 0
    residual = child.lots - child.filled - working - unknown - cancelled
    assert min(unknown, working, cancelled) >= 0
    assert residual == min(truth.lots - child.filled, 0)
    counted = math.fsum(fill.quantity for fill in child.fills)
    assert counted == pytest.approx(child.filled * truth.lot_size, abs=NOTHING)
    assert counted == pytest.approx(child.traded, abs=NOTHING)
    assert counted <= truth.shares() + NOTHING  # never a share that the venue does not know
    assert (child.filled >= child.lots) == (child.state is State.FILLED)


# a poll that saw the first trade, executions of the others, and then the first one late: each share at its own price
MIXED = Truth(20, 1.0, (Traded(10, 10.0, 100), Traded(5, 11.0, 101), Traded(5, 12.0, 102)), "done")


@settings(max_examples=1500, deadline=None)
@example((MIXED, [Message("row", 1), Message("trade", 1), Message("trade", 2), Message("trade", 0)]))
@example((MIXED._replace(lots=15), [Message("trade", 2), Message("over"), Message("silence"), Message("trade", 0), Message("trade", 0)]))
@given(histories())
def test_after_every_event_the_sums_hold_and_at_the_end_the_child_is_what_the_venue_knows(history):
    truth, messages = history
    for child, before in told_of(truth, messages):
        assert_sums(child, truth)
        assert sum(fill.quantity for fill in child.fills) >= before - NOTHING  # what is known of trades is never forgotten
    assert child.done()
    assert child.traded == pytest.approx(truth.shares(), abs=NOTHING)
    assert math.fsum(fill.quantity * fill.fill_price for fill in child.fills) == pytest.approx(truth.value())
    if child.filled > child.lots:
        assert any("more than" in alert for alert in child.alerts)


@settings(max_examples=300, deadline=None)
@given(histories(), st.sampled_from(list(Event)))
def test_an_event_that_cannot_be_leaves_the_child_as_it_was(history, event):
    truth, messages = history
    *_, (child, _) = told_of(truth, messages)
    state, fills, reason = child.state, list(child.fills), child.reason
    if (state, event) not in AFTER:
        with pytest.raises(VenueError):
            child.on(event, "a reason")
        assert (child.state, child.fills, child.reason) == (state, fills, reason)


def sent(lots=20):
    child = LiveChild("P.0.0.0", parent_of(lots), lots, math.nan, HOUR)
    child.on(Event.SEND)
    return child


def test_the_executions_replace_what_a_poll_knew_of_them():
    child = sent()
    child.total(15, 155, 300)
    assert [(fill.quantity, fill.fill_price, fill.execution_id) for fill in child.fills] == [(15, pytest.approx(155 / 15), "")]
    assert child.trade(10, 10.0, 100, "a") is None  # known by the poll
    assert [(fill.quantity, fill.fill_price, fill.execution_id) for fill in child.fills] == [(10, 10.0, "a"), (5, 11.0, "")]
    assert child.trade(5, 11.0, 200, "b") is None
    assert [(fill.quantity, fill.fill_price, fill.execution_id) for fill in child.fills] == [(10, 10.0, "a"), (5, 11.0, "b")]
    new = child.trade(5, 12.0, 400, "c")
    assert (new.quantity, new.fill_price) == (5, 12.0)
    assert child.state is State.FILLED
    assert child.result().fill_price == pytest.approx((100 + 55 + 60) / 20)


def test_a_child_that_traded_is_partial_again_when_it_turns_up():
    child = sent()
    child.trade(5, 10.0, 100, "a")
    child.on(Event.SILENCE)
    child.on(Event.ACCEPT)
    assert child.state is State.PARTIAL


@pytest.mark.parametrize("shares", [math.nan, -5.0, math.inf])
def test_a_cumulative_quantity_that_cannot_be_is_refused(shares):
    child = sent()
    with pytest.raises(VenueError, match=r"cumulative quantity|quantity and a price"):
        child.total(shares, 100.0, 1)
    assert child.fills == []


@pytest.mark.parametrize("value", [math.nan, -5.0, math.inf, 0.0])
def test_a_cumulative_value_that_cannot_be_is_refused_and_leaves_the_child_as_it_was(value):
    child = sent()
    with pytest.raises(VenueError, match="needs a quantity and a price above 0"):
        child.total(10, value, 1)
    assert child.total(10, 100.0, 2).quantity == 10


def test_one_name_for_two_executions_is_refused():
    child = sent()
    child.trade(5, 10.0, 100, "a")
    with pytest.raises(VenueError, match=r"execution a of P.0.0.0 was reported as 5 at 10 and then 7 at 10; ask the venue"):
        child.trade(7, 10.0, 100, "a")
    assert child.traded == 5


def test_an_over_fill_is_counted_and_told():
    child = sent(10)
    child.trade(10, 10.0, 100, "a")
    child.trade(4, 10.0, 101, "b")
    assert (child.filled, child.open, child.state) == (14, 0, State.FILLED)
    assert child.alerts == ["P.0.0.0 got 14 shares, more than the 10 that it asked for", "P.0.0.0 traded more than it asked for"]


def test_its_result_says_what_became_of_it():
    refused, unsent, silent = sent(), sent(), sent()
    refused.on(Event.REJECT, "no permission")
    refused.lasting = True
    unsent.on(Event.NO_SEND, "no connection")
    silent.trade(3, 10.0, 1, "a")
    silent.on(Event.SILENCE)
    with pytest.raises(OrderRejectedError, match="no permission") as rejected:
        refused.result()
    assert rejected.value.lasting
    with pytest.raises(NotSentError, match="no connection"):
        unsent.result()
    with pytest.raises(VenueError, match=r"P\.0\.0\.0 is unknown, so it has no result yet") as unknown:
        silent.result()
    assert [fill.quantity for fill in unknown.value.fills] == [3]
