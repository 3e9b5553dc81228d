"""Slices of trading time over pauses and nights, counted on fingers."""

import pytest

from exec_algos.model.slicing import all_slices, in_pause, slices_between, trading_length

LUNCH = ((150, 210),)  # of a session [0, 360): minutes since nine
NIGHTS = ((360, 1440), (1590, 1650))


def test_pauses_are_no_trading_time():
    assert trading_length(0, 360, LUNCH) == 300
    assert trading_length(0, 150, LUNCH) == 150
    assert trading_length(210, 360, LUNCH) == 150
    assert trading_length(300, 1700, NIGHTS) == 60 + 150 + 50


def test_a_pause_that_a_window_ends_in_is_counted_up_to_the_end():
    assert trading_length(140, 180, LUNCH) == 10


@pytest.mark.parametrize(("instant", "paused"), [(149, False), (150, True), (209, True), (210, False)])
def test_a_pause_begins_with_its_first_instant_and_is_over_at_its_last(instant, paused):
    assert in_pause(instant, LUNCH) is paused


def test_without_a_pause_slices_are_clock_time_and_the_last_one_is_cut():
    assert slices_between(0, 10, 4) == [(0, 4), (4, 8), (8, 10)]


def test_a_slice_goes_on_over_a_pause_for_what_is_left_of_it():
    assert slices_between(120, 270, 20, LUNCH) == [(120, 140), (140, 220), (220, 240), (240, 260), (260, 270)]


def test_a_slice_that_ends_with_the_pauses_begin_leaves_no_child_in_it():
    assert slices_between(120, 240, 30, LUNCH) == [(120, 150), (210, 240)]


def test_a_slice_may_be_longer_than_what_lies_between_two_pauses():
    assert slices_between(0, 100, 30, ((10, 20), (25, 40), (50, 60))) == [(0, 65), (65, 95), (95, 100)]


def test_a_window_that_starts_at_a_pause_begins_behind_it():
    assert slices_between(150, 270, 30, LUNCH) == [(210, 240), (240, 270)]


def test_pauses_outside_the_window_do_not_count():
    assert slices_between(210, 270, 30, LUNCH) == [(210, 240), (240, 270)]
    assert slices_between(90, 150, 30, LUNCH) == [(90, 120), (120, 150)]


def test_an_order_over_a_night_goes_on_where_the_session_ended():
    assert slices_between(330, 1470, 20, NIGHTS) == [(330, 350), (350, 1450), (1450, 1470)]


def test_what_goes_on_behind_a_window_that_ends_at_lunch_begins_behind_it():
    assert all_slices(120, 150, 270, 30, LUNCH, -1) == [(120, 150), (210, 240), (240, 270)]


def test_the_order_for_the_auction_is_one_slice():
    assert all_slices(120, 150, 360, 30, LUNCH, 359) == [(120, 150), (359, 360)]


def test_where_nothing_goes_on_slices_are_those_of_the_window():
    assert all_slices(120, 150, 150, 30, LUNCH, -1) == [(120, 150)]
