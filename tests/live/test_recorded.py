"""A journal's entries give back what they were written of."""

import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exec_algos import ParentOrder, Rules, Side
from exec_algos.brokers.child import LiveChild
from exec_algos.brokers.records import Entry, Kind, parent_data
from exec_algos.errors import JournalError, VenueError
from exec_algos.live.recorded import parent_of, recorded
from exec_algos.model.lifecycle import AFTER, Event, State

LOT, REF = 10, "P1.0.3.0"
KINDS = {
    Event.SILENCE: Kind.UNKNOWN,
    Event.ABSENT: Kind.RESOLVED,
    Event.ASK_CANCEL: Kind.CANCEL,
    Event.CANCEL_DENIED: Kind.CANCEL,
}


def order(**more):
    rules = Rules(
        limit_price=71_200.0, tick_size=100.0, max_child=50, residual="extend", style="peg:timeout_seconds=120", randomisation="seed=7"
    )
    given = {
        "symbol": "005930",
        "side": Side.SELL,
        "quantity": 1000,
        "start": 10,
        "end": 1_000,
        "interval": 60,
        "lot_size": LOT,
        "ref": "P1",
    }
    return ParentOrder(**{**given, "rules": rules, "until": 2_000, "pauses": ((100, 200),), "algorithm": "vwap:profile_days=5", **more})


def written(parent):
    return json.loads(json.dumps(parent_data(parent), allow_nan=False))


def accepted(parent=None):
    return Entry(Kind.PARENT, 1, "P1", "", written(parent or order()))


def intent(child, time=5):
    data = {"lots": child.lots, "limit": None if math.isnan(child.limit) else child.limit, "expires": child.expires, "own_id": child.own_id}
    return Entry(Kind.INTENT, time, "P1", child.ref, data)


class Writing:
    """A child that writes down what happens to it, as a live broker does."""

    def __init__(self, lots=10, limit=math.nan):
        self.child = LiveChild(REF, order(), lots, limit, 777)
        self.child.own_id = "own-1"
        self.entries = [accepted(), intent(self.child)]
        self.time = 5

    def _note(self, kind, **data):
        self.time += 1
        self.entries.append(Entry(kind, self.time, "P1", REF, json.loads(json.dumps(data))))

    def on(self, event, reason):
        self.child.on(event, reason)
        if event is Event.SEND:
            self.child.sent = self.time + 1
        named = {}
        if event is Event.ACCEPT:
            self.child.venue_id = "V9"
            self.child.accepted = self.child.accepted or 4_000
            named = {"venue_id": "V9", "time": 4_000}
        self.child.withdrawn = self.child.withdrawn or event is Event.ASK_CANCEL
        self._note(KINDS.get(event, Kind.OUTCOME), event=str(event), reason=reason, **named)

    def trade(self, shares, price, when, name):
        self.child.trade(shares, price, when, name)
        self._note(Kind.FILL, quantity=shares, price=price, time=when, execution_id=name)

    def total(self, shares, value, when):
        fill = self.child.total(shares, value, when)
        if fill is not None:
            self._note(Kind.FILL, quantity=fill.quantity, price=fill.fill_price, time=when, execution_id="", filled=shares, amount=value)


EVENTS = sorted({event for _, event in AFTER} - {Event.FILL, Event.FILL_ALL})
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("on"), st.sampled_from(EVENTS), st.sampled_from(["", "halted", "시간 외"])),
        st.tuples(st.just("trade"), st.integers(1, 60), st.floats(1, 1e6), st.integers(0, 900), st.sampled_from("abcdef")),
        st.tuples(st.just("total"), st.integers(1, 140), st.floats(1, 1e6), st.integers(0, 900)),
    ),
    max_size=12,
)


BEGINS = [[], [Event.SEND], [Event.SEND, Event.ACCEPT], [Event.SEND, Event.SILENCE], [Event.SEND, Event.ACCEPT, Event.ASK_CANCEL]]


def happen(writing, kind, *rest):
    if kind == "on":
        writing.on(*rest)
    elif writing.child.state is State.INTENT:
        return  # nothing trades before it is sent
    elif kind == "trade":
        writing.trade(*rest)
    else:
        shares, price, when = rest
        writing.total(shares, shares * price, when)


@given(st.sampled_from(BEGINS), STEPS, st.sampled_from([math.nan, 71_200.0]))
def test_any_history_of_a_child_comes_back_as_it_was(begin, steps, limit):
    writing = Writing(limit=limit)
    for event in begin:
        writing.on(event, "")
    for step in steps:
        with contextlib.suppress(VenueError):  # what the table or the child refuses is not written
            happen(writing, *step)
    found = recorded(json_round_trip(writing.entries))
    (back,) = found.children
    same, child, child_pushed = vars(back).copy(), vars(writing.child).copy(), writing.child.pushed
    for values in (same, child):
        if values["_polled"] <= child_pushed:  # a total that is not above the executions is not written: it changes nothing
            values |= {"_polled": 0, "_polled_value": 0, "_polled_at": 0}
        values["limit"] = repr(values["limit"])
    assert same == child
    assert (back.filled, back.open, back.done()) == (writing.child.filled, writing.child.open, writing.child.done())


def json_round_trip(entries):
    return [Entry(*json.loads(json.dumps(entry[:-1])), json.loads(json.dumps(entry.data))) for entry in entries]


@pytest.mark.parametrize(
    "parent",
    [
        order(),
        order(rules=Rules(), until=None, pauses=(), max_participation=0.1),
        order(rules=Rules(residual="close_auction"), auction=1_500),
        order(quantity=0.5, lot_size=0.1, side=Side.BUY, rules=Rules()),
    ],
)
def test_a_parent_order_comes_back_with_all_its_fields(parent):
    assert parent_of(written(parent)) == parent


def test_a_field_of_a_later_release_does_not_matter():
    assert parent_of(written(order()) | {"colour": "blue"}) == order()


def test_an_amended_parent_is_as_it_was_amended_and_keeps_its_children():
    writing = Writing()
    more = Entry(Kind.AMENDED, 9, "P1", "", written(order(quantity=2000)))
    (parent,) = recorded([*writing.entries, more]).parents.values()
    assert parent.parent.quantity == 2000
    assert len(parent.children) == 1


def test_sessions_curves_alerts_refusals_and_ends_are_told():
    found = recorded([
        Entry(Kind.SESSION, 1, "", "", {"venue": "sim", "account": "A"}),
        accepted(),
        Entry(Kind.CURVE, 2, "P1", "", {"curve": [0.5, 1.0]}),
        Entry(Kind.REFUSED, 3, "P1", "P1.0.0.0", {"limit": "max_child_notional: too much"}),
        Entry(Kind.ALERT, 4, "P1", REF, {"text": "look"}),
        Entry(Kind.DONE, 5, "P1", "", {"filled": 0.0}),
        Entry(Kind.SESSION, 6, "", "", {"venue": "sim", "account": "A", "run": 2}),
    ])  # fmt: skip
    assert found.session["run"] == 2
    assert len(found.sessions) == 2
    assert found.parents["P1"].curve == [0.5, 1.0]
    assert found.refused == [(3, "P1.0.0.0", "max_child_notional: too much")]
    assert found.alerts == [(4, "look")]
    assert found.parents["P1"].done == {"filled": 0.0}
    assert found.unfinished == []
    assert found.last == 6


def test_a_child_that_was_never_about_to_leave_is_none():
    refusal = Entry(Kind.OUTCOME, 3, "P1", REF, {"event": "no_send", "reason": "too much"})
    found = recorded([accepted(), refusal])
    assert found.children == []
    assert found.parents["P1"].unsent == {REF: "too much"}


def test_an_intent_without_more_is_unknown_and_counts_as_open():
    writing = Writing(lots=7)
    for expected in ("intent", "sent"):
        found = recorded(writing.entries)
        assert [child.state for child in found.unknown] == [expected]
        assert found.parents["P1"].shares(unknown=True) == 70
        assert found.parents["P1"].shares(unknown=False) == 0
        if expected == "intent":
            writing.on(Event.SEND, "")
    writing.on(Event.ACCEPT, "")
    writing.trade(20, 5.0, 50, "e1")
    found = recorded(writing.entries).parents["P1"]
    assert (found.filled, found.shares(unknown=False), found.shares(unknown=True)) == (20, 50, 0)


@pytest.mark.parametrize(
    ("kind", "data", "state"),
    [
        (Kind.UNKNOWN, {"event": "silence", "reason": "the run ended"}, "unknown"),
        (Kind.RESOLVED, {"event": "accept", "venue_id": "V1", "time": 8}, "open"),
        (Kind.FILL, {"execution_id": "e1", "quantity": 10, "price": 2.0, "time": 8}, "partial"),
        (Kind.OUTCOME, {"event": "no_send", "reason": "withdrawn"}, "not_sent"),
    ],
)
def test_what_a_later_run_says_of_a_child_whose_leaving_was_not_written_any_more(kind, data, state):
    (child,) = recorded([*Writing().entries, Entry(kind, 9, "P1", REF, data)]).children
    assert child.state == state
    assert child.sent == (0 if state == "not_sent" else 5)  # when its intent was written


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (Entry(Kind.OUTCOME, 9, "P1", REF, {"event": "absent"}), "LifeCycleError"),
        (Entry(Kind.OUTCOME, 9, "P1", "P1.0.9.9", {"event": "accept"}), "no intent of P1.0.9.9"),
        (Entry(Kind.FILL, 9, "P1", REF, {"execution_id": "e", "quantity": -1, "price": 2.0, "time": 3}), "a quantity and a price above 0"),
        (Entry(Kind.INTENT, 9, "P7", "P7.0.0.0", {"lots": 1, "limit": None, "expires": 1, "own_id": ""}), "P7"),
        (Entry(Kind.INTENT, 9, "P1", REF, {"lots": 1, "limit": None, "expires": 1, "own_id": ""}), "second intent"),
        (Entry(Kind.PARENT, 9, "P2", "", {"symbol": "A"}), "KeyError"),
    ],
)
def test_what_cannot_follow_is_refused_with_its_number(entry, said):
    with pytest.raises(JournalError, match=rf"entry 3, {entry.kind}.*cannot follow.*{said}"):
        recorded([*Writing().entries, entry])


def test_a_cancel_that_got_no_answer_changes_nothing():
    writing = Writing()
    child = writing.child
    said = [
        Entry(Kind.CANCEL, 7, "P1", child.ref, {"event": "ask_cancel", "reason": ""}),
        Entry(Kind.CANCEL, 8, "P1", child.ref, {"reason": "RehearsalVenue.cancel: VenueError: no answer"}),
    ]
    sent = [
        Entry(Kind.OUTCOME, 6, "P1", child.ref, {"event": "send", "reason": "", "sent": 6}),
        Entry(Kind.OUTCOME, 6, "P1", child.ref, {"event": "accept", "reason": "", "venue_id": "V1"}),
    ]
    (again,) = recorded([accepted(), intent(child), *sent, *said]).children
    assert again.state is State.CANCEL_SENT
    assert again.withdrawn


def test_a_fill_that_was_the_first_word_of_an_order_names_it():
    child = Writing().child
    trade = {"quantity": 20, "price": 71_200.0, "time": 6, "execution_id": "E1", "venue_id": "V7"}
    (again,) = recorded([accepted(), intent(child), Entry(Kind.FILL, 6, "P1", child.ref, trade)]).children
    assert (again.venue_id, again.state, again.traded) == ("V7", State.PARTIAL, 20)
