"""The table of a child's life: what it allows, what it refuses, and that no way leads into a dead end."""

import pytest

from exec_algos.errors import LifeCycleError
from exec_algos.model.lifecycle import AFTER, ALERTS, FINAL, Event, State, after

FILLS = (Event.FILL, Event.FILL_ALL)
PAIRS = [(state, event) for state in State for event in Event]


@pytest.mark.parametrize(("state", "event"), [pair for pair in PAIRS if pair not in AFTER])
def test_what_is_not_in_the_table_raises_and_says_what_can_happen(state, event):
    with pytest.raises(LifeCycleError) as error:
        after(state, event)
    known = sorted(name for at, name in AFTER if at is state)
    assert f"that is {state} cannot meet {event}; what can happen to it: {', '.join(known)}" in str(error.value)


def test_a_fill_counts_in_every_state_in_which_the_request_left():
    assert [state for state in State if (state, Event.FILL_ALL) not in AFTER] == [State.INTENT]
    assert [state for state in State if (state, Event.FILL) not in AFTER] == [State.INTENT, State.FILLED]  # more on top of all is all


def reached(states):
    """All states that can follow."""
    known = set(states)
    while True:
        more = {then for (state, _), then in AFTER.items() if state in known} - known
        if not more:
            return known
        known |= more


def test_every_state_is_reached_and_every_way_ends():
    assert reached({State.INTENT}) == set(State)
    assert all(reached({state}) & FINAL for state in State)


def test_what_leaves_a_final_state_is_told():
    moved = {(state, event) for (state, event), then in AFTER.items() if state in FINAL and then is not state}
    assert moved <= set(ALERTS)
    traded = {(state, event) for state, event in AFTER if state in FINAL and event in FILLS}
    assert traded <= set(ALERTS)  # a trade after the end, even where the state stays


def test_only_a_child_that_may_be_at_the_venue_is_proved_absent():
    assert {state for state, event in AFTER if event is Event.ABSENT} == {State.UNKNOWN}


def test_a_lost_answer_never_ends_a_child():
    assert {then for (_, event), then in AFTER.items() if event is Event.SILENCE} & FINAL == {State.FILLED, State.CANCELLED, State.REJECTED}
    assert [state for state in FINAL if AFTER.get((state, Event.SILENCE), state) is not state] == []  # those were final before


def test_a_request_leaves_once():
    assert {state for state, event in AFTER if event is Event.SEND} == {State.INTENT}
    assert State.INTENT not in AFTER.values()
