"""Order ids of our own at a venue."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exec_algos.brokers.own_ids import own_id
from exec_algos.errors import UsageError

ALNUM = string.ascii_uppercase + string.digits


def test_a_ref_that_fits_is_taken_as_it_is():
    assert own_id("20260302-093000-1a2b3c4d.0.3.0", 36, string.printable) == "20260302-093000-1a2b3c4d.0.3.0"


def test_a_longer_one_keeps_its_beginning_and_ends_in_a_hash_of_the_whole():
    short = own_id("DESK7.0.3.0-AND-MORE", 16, ALNUM)
    assert short[:6] == "DESK70"
    assert len(short) == 16


@given(st.lists(st.text(ALNUM + ".-", min_size=1, max_size=60), min_size=2, max_size=40, unique=True), st.integers(10, 36))
def test_different_refs_get_different_ids_that_the_venue_takes(refs, length):
    ids = [own_id(ref, length, ALNUM) for ref in refs]
    assert len(set(ids)) == len(refs)
    assert all(len(each) <= length and set(each) <= set(ALNUM) for each in ids)
    assert ids == [own_id(ref, length, ALNUM) for ref in refs]


def test_children_of_one_slice_differ_although_their_beginning_is_the_same():
    assert own_id("P" * 40 + ".0.1.0", 20, ALNUM) != own_id("P" * 40 + ".0.1.1", 20, ALNUM)


def test_a_venue_without_ids_gets_none():
    assert own_id("X.0.0.0", 0, ALNUM) == ""


@pytest.mark.parametrize(("length", "chars"), [(4, string.digits), (6, ALNUM)])
def test_ids_too_short_to_tell_orders_apart_are_refused(length, chars):
    with pytest.raises(UsageError, match="32 bits"):
        own_id("20260302-A1.0.3.0", length, chars)
