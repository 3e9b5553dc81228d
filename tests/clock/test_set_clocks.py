"""Clocks that somebody sets, and the clock of a rehearsal: each read from times that a test turns by hand."""

import asyncio

import pytest
from small_markets import run

from exec_algos.clock import ScaledClock, WallClock
from exec_algos.clock.base import LONGEST_NAP

SECOND = 1_000_000_000


class Hands:
    """A time of day and a time that only runs, both turned by hand; naps pass at once and are written down."""

    def __init__(self, monkeypatch=None):
        self.wall, self.steady, self.naps = 1_700_000_000 * SECOND, 5 * SECOND, []
        if monkeypatch is not None:
            monkeypatch.setattr(asyncio, "sleep", self.sleep)

    async def sleep(self, seconds):
        self.naps.append(seconds)
        self.run(round(seconds * SECOND))

    def run(self, ns):
        self.wall, self.steady = self.wall + ns, self.steady + ns

    def clock(self):
        return WallClock(lambda: self.wall, lambda: self.steady)

    def scaled(self, speed, start=1000 * SECOND):
        return ScaledClock(start, speed, lambda: self.steady)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, ""),
        (1.0, ""),  # a leap second, or a time server's correction
        (-1.0, ""),
        (1.1, "the clock of this machine was set forward by 1.1 s; start the session again"),
        (-1.1, "the clock of this machine was set back by 1.1 s; start the session again"),
        (-3600.0, "the clock of this machine was set back by 3600.0 s; start the session again"),
    ],
)
def test_a_clock_that_was_set_says_by_how_much(seconds, said):
    hands = Hands()
    clock = hands.clock()
    hands.run(7200 * SECOND)  # two hours that pass are no jump
    assert clock.jump == ""
    hands.wall += round(seconds * SECOND)
    assert clock.jump == said
    assert clock.now == hands.wall


def test_a_wall_clock_of_its_own_has_not_jumped():
    assert WallClock().jump == ""


def test_who_waits_sees_a_clock_that_is_set_forward_within_a_nap(monkeypatch):
    class Forward(Hands):
        async def sleep(self, seconds):
            await super().sleep(seconds)
            self.wall += 200 * SECOND if len(self.naps) == 3 else 0

    hands = Forward(monkeypatch)
    run(hands.clock().sleep_until(hands.wall + 100 * SECOND))
    assert hands.naps == [0, LONGEST_NAP, LONGEST_NAP]  # the first lets others have their turn


def test_who_waits_sleeps_no_longer_than_what_is_left(monkeypatch):
    hands = Hands(monkeypatch)
    clock = hands.clock()
    run(clock.sleep_until(hands.wall + round(2.5 * SECOND)))
    assert hands.naps == [0, 1.0, 1.0, 0.5]


def test_the_clock_of_a_rehearsal_runs_so_many_times_as_fast(monkeypatch):
    hands = Hands(monkeypatch)
    clock = hands.scaled(60)
    assert clock.now == 1000 * SECOND
    hands.run(2 * SECOND)
    assert clock.now == 1120 * SECOND
    run(clock.sleep_until(1150 * SECOND))
    assert (hands.naps, clock.now) == ([0, 0.5], 1150 * SECOND)
    run(clock.sleep_until(1100 * SECOND))  # what has passed is not waited for
    assert hands.naps == [0, 0.5, 0]


def test_the_clock_of_a_rehearsal_follows_a_time_that_nobody_sets():
    hands = Hands()
    clock = hands.scaled(60)
    hands.wall += 3600 * SECOND
    assert (clock.jump, clock.now) == ("", 1000 * SECOND)
