"""A session in the pieces that its pauses leave, counted on fingers."""

import pytest

from exec_algos.market.pieces import pieces, shape, slot, starts
from exec_algos.model import Session

DAY = Session(0, 360, "UTC", ((150, 210),))  # minutes since nine in Tokyo
LATE = Session(0, 360, "UTC", ((0, 210),))
WHOLE = Session(0, 360, "UTC")


def test_pieces_are_what_a_pause_leaves():
    assert pieces(DAY, 1) == [(0, 150), (210, 360)]
    assert pieces(WHOLE, 1) == [(0, 360)]


def test_each_piece_is_cut_to_whole_bars():
    assert pieces(DAY, 40) == [(0, 120), (210, 330)]
    assert shape(DAY, 40) == (3, 3)
    assert starts(DAY, 40).tolist() == [0, 40, 80, 210, 250, 290]


def test_a_morning_that_does_not_trade_has_no_bar():
    assert shape(LATE, 30) == (0, 5)
    assert starts(LATE, 30).tolist() == [210, 240, 270, 300, 330]


@pytest.mark.parametrize(
    ("instant", "number"), [(0, 0), (29, 0), (30, 1), (149, 4), (150, 5), (180, 5), (210, 5), (239, 5), (240, 6), (360, 10)]
)
def test_bars_are_counted_over_the_pause(instant, number):
    assert slot(DAY, instant, 30) == number


def test_without_a_pause_bars_are_counted_from_the_open():
    assert [slot(WHOLE, instant, 30) for instant in (0, 29, 30, 359, 360)] == [0, 0, 1, 11, 12]
