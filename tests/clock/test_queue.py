import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exec_algos.clock.queue import EventQueue, Rank
from exec_algos.errors import UsageError


def carried_out(puts):
    """Names in the order in which a queue carries them out, after ``put(time, rank)`` of each."""
    queue, done = EventQueue(0), []
    for name, (time, rank) in puts.items():
        queue.put(time, rank, done.append, name)
    queue.run()
    return done


def test_earlier_events_come_first():
    assert carried_out({"late": (2, Rank.FILL), "early": (1, Rank.WAKE)}) == ["early", "late"]


def test_within_an_instant_the_rank_decides():
    ranks = [Rank.WAKE, Rank.ORDER, Rank.SIGNAL, Rank.MARKET, Rank.EXPIRY, Rank.FILL]
    assert carried_out({rank.name: (1, rank) for rank in ranks}) == ["FILL", "EXPIRY", "MARKET", "SIGNAL", "ORDER", "WAKE"]


def test_within_a_rank_the_order_of_arrival_decides():
    assert carried_out(dict.fromkeys("cab", (1, Rank.WAKE))) == ["c", "a", "b"]


def test_bars_close_before_all_else_of_their_instant_and_by_symbol():
    queue, done = EventQueue(0), []
    queue.put(1, Rank.FILL, done.append, "fill")
    for symbol in "CAB":
        queue.put_bar(1, symbol, done.append, symbol)
    queue.run()
    assert done == [["A", "B", "C"], "fill"]


def test_what_an_action_adds_to_the_present_instant_is_carried_out_in_it():
    queue, done = EventQueue(0), []

    def act(_):
        done.append(("first", queue.now))
        queue.put(queue.now, Rank.FILL, lambda _: done.append(("added", queue.now)), None)

    queue.put(5, Rank.WAKE, act, None)
    queue.put(6, Rank.FILL, lambda _: done.append(("next", queue.now)), None)
    queue.run()
    assert done == [("first", 5), ("added", 5), ("next", 6)]


def test_a_step_carries_out_one_action_and_moves_the_time():
    queue, done = EventQueue(3), []
    queue.put(7, Rank.WAKE, done.append, "a")
    queue.put(9, Rank.WAKE, done.append, "b")
    assert (queue.now, len(queue), queue.due(6), queue.due(7)) == (3, 2, False, True)
    assert queue.step()
    assert (queue.now, done, len(queue)) == (7, ["a"], 1)
    assert queue.step()
    assert not queue.step()
    assert queue.now == 9


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(list(Rank)[1:])), max_size=30))
def test_events_are_in_total_order_of_time_rank_and_sequence(keys):
    expected = [name for _, _, name in heapq.nsmallest(len(keys), [(time, rank, name) for name, (time, rank) in enumerate(keys)])]
    assert carried_out(dict(enumerate(keys))) == expected


def timed():
    """A queue at time 0, a way to put names into it, and what was carried out: name and time."""
    queue, done = EventQueue(0), []

    def put(time, rank, name):
        queue.put(time, rank, lambda name: done.append((name, queue.now)), name)

    return queue, put, done


def test_to_play_is_to_carry_out_what_is_due_before_an_instant_each_thing_at_its_time():
    queue, put, done = timed()
    for time in (3, 5, 9):
        put(time, Rank.WAKE, str(time))
    queue.play(9)
    assert done == [("3", 3), ("5", 5)]
    assert (queue.now, len(queue)) == (5, 1)


def test_to_catch_up_is_to_carry_out_now_what_was_due_before_up_to_a_rank():
    queue, put, done = timed()
    put(3, Rank.WAKE, "wake of 3")
    put(5, Rank.EXPIRY, "expiry of 5")
    put(9, Rank.FILL, "fill of 9")
    put(10, Rank.FILL, "fill of 10")
    queue.catch_up(9, Rank.EXPIRY)
    assert done == [("fill of 9", 9), ("expiry of 5", 9)]
    queue.catch_up(9, Rank.WAKE)
    assert done[2:] == [("wake of 3", 9)]
    assert (queue.now, len(queue)) == (9, 1)


def test_what_is_caught_up_with_keeps_its_order_within_a_rank():
    queue, put, done = timed()
    for time in (9, 5, 3, 5):
        put(time, Rank.WAKE, f"wake of {time}")
    put(8, Rank.FILL, "fill of 8")
    queue.catch_up(9, Rank.WAKE)
    assert [name for name, _ in done] == ["fill of 8", "wake of 3", "wake of 5", "wake of 5", "wake of 9"]


def test_to_catch_up_moves_the_time_when_nothing_is_due():
    queue, _, done = timed()
    queue.catch_up(7, Rank.WAKE)
    assert (queue.now, done) == (7, [])


def test_to_catch_up_carries_out_what_is_added_to_the_instant():
    queue, put, done = timed()
    queue.put(3, Rank.FILL, lambda _: put(queue.now, Rank.EXPIRY, "added"), None)
    queue.catch_up(9, Rank.EXPIRY)
    assert done == [("added", 9)]


def test_bars_that_are_caught_up_with_come_together():
    queue, done = EventQueue(0), []
    for symbol in "BA":
        queue.put_bar(4 + (symbol == "A"), symbol, done.append, symbol)
    queue.catch_up(5, Rank.WAKE)
    assert done == [["A", "B"]]


def test_time_that_goes_back_is_refused_with_both_times():
    queue = EventQueue(5)
    with pytest.raises(UsageError, match="time does not go back: it is 5 ns UTC, got 4"):
        queue.catch_up(4, Rank.WAKE)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(list(Rank)[1:])), max_size=30),
    st.lists(st.integers(0, 12), max_size=8).map(sorted),
)
def test_to_play_and_then_catch_up_at_every_step_is_to_run(keys, steps):
    (first, put, done), (second, put_too, expected) = timed(), timed()
    for name, (time, rank) in enumerate(keys):
        put(time, rank, name)
        put_too(time, rank, name)
    for now in (*steps, 12):
        first.play(now)
        first.catch_up(now, Rank.EXPIRY)
        first.catch_up(now, Rank.WAKE)
    second.run()
    assert done == expected
