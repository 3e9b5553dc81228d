import heapq

from hypothesis import given
from hypothesis import strategies as st

from exec_algos.backtest.queue import EventQueue, Rank


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
