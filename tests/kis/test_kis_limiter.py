"""The limit of rate of a key: counted by arrival at KIS, over processes, whatever a request takes, a clock does or a file becomes."""

import heapq
import multiprocessing
import os
import random
from bisect import bisect_left

import pytest
from bucket_process import take_all
from hypothesis import given, settings
from hypothesis import strategies as st

from exec_algos.brokers.kis import files
from exec_algos.brokers.kis.limiter import FLIGHT, WINDOW, SharedBucket, shared_bucket
from exec_algos.errors import UsageError

MS = 1_000_000
SECOND = 1000 * MS
START = 1_795_392_000 * SECOND  # 2026-11-23 09:00 in Seoul


def busiest(arrivals, window=SECOND):
    """The most arrivals in any window, [t, t + window)."""
    ordered = sorted(arrivals)
    return max((bisect_left(ordered, when + window) - index for index, when in enumerate(ordered)), default=0)


def drive(buckets, seconds, wait, way, back, kept=0):
    """Each bucket is a process that asks without end; `wait, way, back` draw ns from turn to leaving, to KIS, and from there.

    Gives the instants at which requests arrive at KIS.
    """
    arrivals, events = [], [(START + n * MS, n, "ask", index, "") for n, index in enumerate(range(len(buckets)))]
    number = len(events)

    def later(when, what, index, name=""):
        nonlocal number
        number += 1
        heapq.heappush(events, (when, number, what, index, name))

    while events and events[0][0] < START + seconds * SECOND:
        now, _, what, index, name = heapq.heappop(events)
        bucket = buckets[index]
        if what == "ask":
            again = bucket.take(now, kept)
            later(again or now, "ask", index)
            if not again:
                later(now + wait(), "leave", index)
        elif what == "leave":
            name = bucket.begin(now)
            if name is not None:  # else its turn was over: it asks for another
                arrived = now + way()
                arrivals.append(arrived)
                later(arrived + back(), "end", index, name)
        else:
            bucket.ended(name, now)
    return arrivals


def at(path, rate=18, reserved=0.3):
    return SharedBucket(path, rate, reserved)


@pytest.mark.parametrize(("rate", "least"), [(18, 17.0), (3, 2.8), (1, 0.94)])
def test_it_gives_nearly_all_and_never_more_than_the_rate(tmp_path, rate, least):
    arrivals = drive([at(tmp_path / "r", rate)], 30, lambda: 0, lambda: 5 * MS, lambda: 5 * MS)
    assert len(arrivals) / 30 >= least
    assert busiest(arrivals) <= rate


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32), rate=st.sampled_from([1, 2, 3, 18]), processes=st.integers(1, 3), slow=st.sampled_from([1, 30, 300, 3000])
)
def test_however_long_turns_and_ways_take_no_second_at_kis_sees_more(tmp_path_factory, seed, rate, processes, slow):
    """From a turn to leaving (an intent is written to disk first), to KIS and back: each its own, some of them seconds."""
    chance = random.Random(seed)
    path = tmp_path_factory.mktemp("rate") / "r"

    def draw():
        return round(chance.expovariate(1 / (slow * MS))) if chance.random() < 0.3 else MS

    arrivals = drive([at(path, rate) for _ in range(processes)], 8, draw, lambda: min(draw(), FLIGHT - SECOND), draw)
    assert busiest(arrivals) <= rate


def test_counted_from_the_turn_a_slow_way_would_bring_more_than_the_rate(tmp_path):
    """Why the answer counts: requests that took 300 ms meet those that took 1 ms."""

    class FromTheTurn(SharedBucket):
        def begin(self, now):
            return "leaves" if self._granted and self._granted.popleft() else None

        def ended(self, name, now):
            pass

    def busy(bucket):
        chance = random.Random(1)
        return busiest(drive([bucket], 20, lambda: 0, lambda: chance.choice([1, 300]) * MS, lambda: MS))

    assert busy(FromTheTurn(tmp_path / "a", 18)) > 18
    assert busy(at(tmp_path / "b")) <= 18


def taken(bucket, now, kept=0):
    """How many are given at one instant."""
    count = 0
    while not bucket.take(now, kept):
        count += 1
    return count


@pytest.mark.parametrize(("rate", "burst"), [(18, 17), (3, 2), (2, 1), (1, 1)])
def test_a_burst_is_one_less_than_the_rate_and_at_least_one(tmp_path, rate, burst):
    assert taken(at(tmp_path / "r", rate), START) == burst


def test_after_a_burst_requests_go_at_even_distances(tmp_path):
    bucket = at(tmp_path / "r")
    assert taken(bucket, START) == 17
    turns, now = [], START
    while len(turns) < 36:
        again = bucket.take(now, 0)
        if again:
            now = again
        else:
            turns.append(now)
    assert turns[0] == START + WINDOW // 18
    assert turns[1] == START + WINDOW
    for begin in (turns[1] + n * MS for n in range(900)):
        assert 17 <= sum(begin <= turn < begin + SECOND for turn in turns) <= 18


def test_reads_leave_three_tenths_to_orders_and_cancels(tmp_path):
    bucket = at(tmp_path / "r")
    assert bucket.kept == 6
    assert taken(bucket, START, bucket.kept) == 12
    assert taken(bucket, START) == 5  # and the sixth a little later: a burst is 17
    assert at(tmp_path / "paper", 1).kept == 0
    assert at(tmp_path / "new", 3).kept == 1


def test_orders_and_reads_fill_the_window_together(tmp_path):
    """What orders took of their part does not count against the reads."""
    bucket = at(tmp_path / "r")
    assert taken(bucket, START) == 17
    now = START + 3 * WINDOW
    assert [bucket.take(now, 0) for _ in range(5)] == [0] * 5
    assert taken(bucket, now, bucket.kept) == 12


def test_the_reserve_holds_over_processes(tmp_path):
    reads, orders = at(tmp_path / "r"), at(tmp_path / "r")
    assert taken(reads, START, reads.kept) == 12
    assert taken(orders, START) == 5
    assert taken(reads, START + 500 * MS, reads.kept) == 0


def test_a_request_under_way_holds_its_slot_until_a_second_after_its_answer(tmp_path):
    bucket = at(tmp_path / "r", 1)
    assert bucket.take(START, 0) == 0
    name = bucket.begin(START + 100 * MS)
    assert bucket.take(START + 3 * SECOND, 0)
    bucket.ended(name, START + 3 * SECOND)
    assert bucket.take(START + 4 * SECOND, 0)
    assert bucket.take(START + 3 * SECOND + WINDOW, 0) == 0


def test_a_process_that_died_under_a_request_blocks_no_longer_than_a_flight(tmp_path):
    dead = at(tmp_path / "r", 1)
    assert dead.take(START, 0) == 0
    assert dead.begin(START) is not None
    assert at(tmp_path / "r", 1).take(START + FLIGHT - MS, 0)
    assert at(tmp_path / "r", 1).take(START + FLIGHT, 0) == 0


def test_a_turn_that_waited_too_long_is_none(tmp_path):
    """An order whose intent took a second to be written must not leave on a slot that another has by now."""
    bucket = at(tmp_path / "r", 1)
    assert bucket.take(START, 0) == 0
    assert bucket.begin(START + WINDOW) is None


def test_after_egw00201_everybody_waits_for_a_window(tmp_path):
    bucket, other = at(tmp_path / "r"), at(tmp_path / "r")
    bucket.refused(START)
    assert other.take(START + WINDOW - MS, 0)
    assert other.take(START + 3 * WINDOW // 2, 0) == 0


@pytest.mark.parametrize("back", [2 * SECOND, 3600 * SECOND, 400 * 86_400 * SECOND])
def test_a_clock_that_is_set_back_neither_blocks_for_long_nor_lets_a_burst_through(tmp_path, back):
    bucket = at(tmp_path / "r")
    assert taken(bucket, START) == 17
    now = START - back
    assert taken(bucket, now) <= 1
    assert taken(bucket, now + 900 * MS) <= 1
    assert taken(bucket, now + FLIGHT + WINDOW) >= 16


DAMAGE = [b"", b"\x00" * 300, b"00000000 {}\n", b"[]", b"garbage", None]


@pytest.mark.parametrize("content", DAMAGE, ids=["empty", "zeros", "checked", "list", "garbage", "half"])
def test_a_torn_file_counts_as_a_whole_window_and_is_mended(tmp_path, content, caplog):
    bucket = at(tmp_path / "r")
    bucket.take(START, 0)
    whole = (tmp_path / "r").read_bytes()
    (tmp_path / "r").write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert taken(bucket, START) == 0
    assert taken(bucket, START + 2 * WINDOW) == 17
    assert "counts as taken" in caplog.text


def test_a_file_that_was_removed_counts_as_a_whole_window(tmp_path):
    bucket = at(tmp_path / "r")
    assert taken(bucket, START) == 17
    (tmp_path / "r").unlink()
    assert taken(bucket, START) == 0


def test_where_the_file_cannot_be_used_a_process_counts_alone_and_says_so(tmp_path, caplog):
    (tmp_path / "folder").mkdir()
    bucket = at(tmp_path / "folder")
    assert taken(bucket, START) == 0
    assert taken(bucket, START + WINDOW) <= 17
    assert taken(bucket, START + 4 * WINDOW) == 17
    assert "counts its requests alone" in caplog.text


def test_a_process_that_holds_the_file_for_long_does_not_stop_the_others(tmp_path, caplog):
    """It was stopped just then: its lock stays until it goes on or dies."""
    bucket = at(tmp_path / "r", 1)
    assert bucket.take(START, 0) == 0
    descriptor, _ = files.open_private(tmp_path / "r")
    with files.locked(descriptor):
        assert bucket.take(START + SECOND, 0) > START + SECOND
        assert bucket.take(START + SECOND + FLIGHT, 0)  # from here on it counts alone: a whole window as taken
        now = START + SECOND + FLIGHT + WINDOW
        assert bucket.take(now, 0) == 0
        name = bucket.begin(now)
        bucket.ended(name, now)
        assert bucket.take(now + MS, 0)
    os.close(descriptor)
    assert "another process holds it" in caplog.text
    assert bucket.take(now + WINDOW, 0) == 0


def test_while_another_process_holds_the_file_one_asks_again(tmp_path):
    bucket = at(tmp_path / "r")
    descriptor, _ = files.open_private(tmp_path / "r")
    with files.locked(descriptor) as held:
        assert held
        assert START < bucket.take(START, 0) <= START + 10 * MS
    os.close(descriptor)
    assert bucket.take(START, 0) >= START + 10 * MS  # an empty file is one that was torn
    assert bucket.take(START + 2 * WINDOW, 0) == 0


def test_two_processes_that_ask_at_the_same_instants_share_one_window(tmp_path):
    context = multiprocessing.get_context("spawn")
    turns, step = context.Queue(), context.Barrier(2)
    processes = [context.Process(target=take_all, args=(tmp_path / "r", START, step, turns)) for _ in range(2)]
    for process in processes:
        process.start()
    got = [turns.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
    both = [*got[0], *got[1]]
    assert all(got)
    assert busiest(both) <= 18
    assert len(both) >= 17 * 2


def test_the_file_lies_beside_the_token_and_is_private(tmp_path):
    bucket = shared_bucket(tmp_path, "openapi.koreainvestment.com:9443", "the-app-key", 18)
    bucket.take(START, 0)
    found = [path.name for path in tmp_path.iterdir()]
    assert found == [files.fingerprint("openapi.koreainvestment.com:9443", "the-app-key") + ".rate"]
    assert (tmp_path / found[0]).stat().st_mode & 0o077 == 0 or os.name == "nt"


@pytest.mark.parametrize("rate", [0, -1, 1.5, True, float("inf"), float("nan")])
def test_a_rate_that_cannot_be_is_refused(tmp_path, rate):
    with pytest.raises(UsageError, match="whole requests a second"):
        SharedBucket(tmp_path / "r", rate)


@pytest.mark.parametrize("reserved", [-0.1, 1, 2, float("nan")])
def test_a_reserve_that_cannot_be_is_refused(tmp_path, reserved):
    with pytest.raises(UsageError, match=r"reserved must be a part in \[0, 1\)"):
        SharedBucket(tmp_path / "r", 18, reserved)
