"""Whole lots from real numbers: halves up, cumulative, and equal in the interpreter and compiled."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from exec_algos.algorithms.curve import cumulative_curve, follow_curve
from exec_algos.compiling import compilable
from exec_algos.errors import UsageError
from exec_algos.model import Seen, Terms, check_lots
from exec_algos.model.lots import nearest_lots, whole_lots

# the published answers (cum_half_up of vectors/apportionment.json), in lots
PUBLISHED = {
    "100 over 30": ([1] * 30, 100, [3, 4, 3] * 10),
    "zero weights": ([0, 3, 0, 0, 7, 0], 13, [0, 4, 0, 0, 9, 0]),
    "Alabama paradox": ([6, 6, 2], 11, [5, 4, 2]),
    "ties": ([1] * 6, 3, [1, 0, 1, 0, 1, 0]),
    "skewed": ([1, 1_000_000], 7, [0, 7]),
    "Almgren-Chriss": ([458044, 252101, 141957, 85756, 62142], 137, [63, 34, 20, 11, 9]),
    "a tenth ten times": ([0.1] * 10, 10, [1] * 10),
    "nothing": ([1] * 5, 0, [0] * 5),
}


def children(weights, lots):
    """What a curve releases if every child is filled at once."""
    curve, done, released = cumulative_curve(weights, 1), 0, []
    terms = Terms(1, lots, len(curve))
    for k, scheduled in enumerate(curve):
        released.append(follow_curve(terms, Seen(k, float(scheduled), done, 0), ()).lots)
        done += released[-1]
    return released


@pytest.mark.parametrize("case", PUBLISHED)
def test_children_are_those_of_cumulative_rounding_halves_up(case):
    weights, lots, expected = PUBLISHED[case]
    assert children(weights, lots) == expected


def test_children_agree_with_every_case_of_the_published_vectors(vectors):
    for case in vectors("apportionment.json")["cases"]:
        weights, answer = case["weights"], case["cum_half_up"]
        if isinstance(weights, dict):
            released = children([1] * weights["uniform"], case["Q"])
            assert released[:20] == answer["first20"]
            assert {str(n): released.count(n) for n in set(released)} == answer["count"]
        else:
            assert [case["lot"] * n for n in children(weights, case["Q"] // case["lot"])] == answer


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=40).filter(any), st.integers(0, 10**6))
@settings(deadline=None, max_examples=200)
def test_children_add_up_and_are_never_more_than_half_a_lot_off_the_curve(weights, lots):
    released, done, aim = children(weights, lots), 0, 0
    for weight, child in zip(weights, released, strict=True):
        done, aim = done + child, aim + weight
        assert child >= 0
        assert abs(done - Fraction(lots * aim, sum(weights))) <= Fraction(1, 2) + Fraction(1, 10**8)
    assert done == lots


@given(st.fractions(0, 1, max_denominator=10**6), st.integers(0, 10**6))
@settings(deadline=None, max_examples=150)
def test_nearest_lots_of_a_fraction_of_an_order_is_the_rational_answer_halves_up(part, lots):
    assert nearest_lots(float(part) * lots) == int(part * lots + Fraction(1, 2))


@pytest.mark.parametrize(("amount", "expected"), [(0.29 * 100, 29), (28.9, 28), (0.1 * 3 * 10, 3), (0.0, 0), (2.9999, 2)])
def test_whole_lots_forgive_rounding_and_nothing_more(amount, expected):
    assert whole_lots(amount) == expected


@given(st.floats(0, 1e12))
@settings(deadline=None, max_examples=200)
def test_lots_are_the_same_compiled(amount):
    assert (COMPILED_NEAREST(amount), COMPILED_WHOLE(amount)) == (nearest_lots(amount), whole_lots(amount))


COMPILED_NEAREST, COMPILED_WHOLE = njit(compilable(nearest_lots)), njit(compilable(whole_lots))


@pytest.mark.parametrize(
    ("quantity", "lot_size", "lots"),
    [(100, 1, 100), (1000, 100, 10), (0.3, 0.1, 3), (12.345, 0.001, 12345), (98765.4321, 0.0001, 987654321)],
)
def test_check_lots_counts_lots(quantity, lot_size, lots):
    assert check_lots(quantity, lot_size) == lots


@pytest.mark.parametrize(
    ("quantity", "lot_size"), [(150, 100), (0.25, 0.1), (0, 1), (-5, 1), (float("nan"), 1), (100, 0), (100, float("inf"))]
)
def test_a_quantity_that_is_no_whole_number_of_lots_is_refused(quantity, lot_size):
    with pytest.raises(UsageError):
        check_lots(quantity, lot_size)


@pytest.mark.parametrize(("quantity", "lot"), [(1e25, 1), (1e16, 1), (4.1e15, 1), (1e25, 100), (1e17, 0.001)])
def test_more_lots_than_a_double_counts_are_refused(quantity, lot):
    with pytest.raises(UsageError, match=r"lots of .*, and no more than 4e\+15 can be counted one by one; ask for less"):
        check_lots(quantity, lot)


def test_the_most_lots_are_counted_to_the_last_one():
    assert check_lots(4e15, 1) == 4_000_000_000_000_000
    assert check_lots(4e17, 100) == 4_000_000_000_000_000
    curve = [k / 7 for k in range(1, 8)]
    assert sum(b - a for a, b in pairwise([0, *(nearest_lots(part * 4e15) for part in curve)])) == 4_000_000_000_000_000
