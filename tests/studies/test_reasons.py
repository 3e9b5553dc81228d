"""Reasons are counted by kind: those that differ only in their numbers are one."""

from exec_algos.studies.design.reasons import counted, kinds_of


def test_numbers_of_one_kind_become_a_range_and_equal_ones_stay():
    assert kinds_of(["day 3 of 9", "closed", "day 12 of 9", "closed"]) == [(2, "day 3-12 of 9"), (2, "closed")]


def test_braces_and_numbers_at_both_ends_stand_as_they_are():
    assert counted(["{0} of {a}", "7 {}", "7 {}"]) == "1 x {0} of {a}; 2 x 7 {}"


def test_nothing_is_counted_where_there_is_no_reason():
    assert counted([]) == ""
