import math
import pickle

import pytest

from exec_algos import TWAP, VWAP
from exec_algos.algorithms import ALGORITHMS, parse_algorithm
from exec_algos.algorithms.curve import cumulative_curve, follow_curve
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.model import Seen, Side, Terms


@pytest.mark.parametrize(
    ("text", "algorithm"),
    [
        ("twap", TWAP()),
        ("vwap", VWAP()),
        ("vwap:profile_days=20", VWAP(profile_days=20)),
        ("twap:slice_interval_seconds=300", TWAP(slice_interval_seconds=300)),
        ("vwap:slice_interval_seconds=300,profile_days=1", VWAP(slice_interval_seconds=300, profile_days=1)),
    ],
)
def test_an_algorithm_and_its_text_form_are_the_same_value(text, algorithm):
    assert parse_algorithm(text) == algorithm
    assert str(algorithm) == text
    assert pickle.loads(pickle.dumps(algorithm)) == algorithm


def test_text_is_read_in_any_case_and_with_spaces():
    assert parse_algorithm(" VWAP: profile_days = 20 ") == VWAP(profile_days=20)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vwop", "unknown algorithm 'vwop': did you mean vwap"),
        ("vwap:profil_days=5", "unknown parameter of vwap 'profil_days': did you mean profile_days"),
        ("twap:profile_days=5", "unknown parameter of twap"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(text, message):
    with pytest.raises(UnknownNameError, match=message):
        parse_algorithm(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vwap:profile_days=many", "profile_days needs a number, got 'many'"),
        ("vwap:profile_days=2.5", "profile_days needs a whole number, got '2.5'"),
        ("vwap:profile_days=inf", "profile_days needs a number, got 'inf'"),
        ("vwap:profile_days=0", "profile_days must be at least 1, got 0"),
        ("twap:slice_interval_seconds=0", "slice_interval_seconds must be positive"),
        ("twap:slice_interval_seconds=inf", "slice_interval_seconds must be positive and finite"),
        ("twap:slice_interval_seconds=nan", "slice_interval_seconds must be positive"),
    ],
)
def test_a_parameter_out_of_range_is_refused_with_its_value(text, message):
    with pytest.raises(UsageError, match=message):
        parse_algorithm(text)


def test_every_built_in_algorithm_is_found_under_its_name():
    assert {name: parse_algorithm(name) for name in ALGORITHMS} == {name: kind() for name, kind in ALGORITHMS.items()}
    assert {"twap", "vwap"} <= set(ALGORITHMS)


def test_the_time_between_decisions_is_in_nanoseconds():
    assert TWAP(slice_interval_seconds=0.25).interval == 250_000_000


def released(curve, quantity, filled=lambda asked: asked):
    """What the step function asks for when each child gets ``filled(asked)`` before the next decision."""
    children, done = [], 0
    for k, scheduled in enumerate(curve):
        child = follow_curve(Terms(int(Side.BUY), quantity, len(curve)), Seen(k, scheduled, done, 0), ())
        assert math.isnan(child.limit)
        children.append(child.lots)
        done += filled(child.lots)
    return children


def test_a_hundred_over_thirty_is_three_four_three():
    assert released(cumulative_curve([1.0] * 30, 1), 100) == [3, 4, 3] * 10


def test_a_half_is_rounded_up():
    assert released([0.25, 0.5, 0.75, 1.0], 2) == [1, 0, 1, 0]


def test_the_cumulative_error_is_at_most_half_a_lot():
    curve = cumulative_curve([3, 1, 4, 1, 5, 9, 2, 6], 1)
    children = released(curve, 97)
    assert all(abs(sum(children[: k + 1]) - curve[k] * 97) <= 0.5 for k in range(8))
    assert sum(children) == 97


def test_what_a_child_did_not_fill_comes_back_in_the_next():
    assert released(cumulative_curve([1.0] * 4, 1), 40, filled=lambda asked: asked // 2) == [10, 15, 18, 19]


def test_what_is_still_working_is_not_ordered_again():
    assert follow_curve(Terms(1, 40, 4), Seen(1, 0.5, 10, 6), ()).lots == 4


def test_ahead_of_the_curve_nothing_is_released():
    assert follow_curve(Terms(1, 40, 4), Seen(1, 0.5, 30, 0), ()).lots == 0


def test_the_curve_is_the_share_of_weight_at_each_slices_end():
    assert cumulative_curve([1, 2, 3, 2], 1).tolist() == [0.125, 0.375, 0.75, 1.0]
    assert cumulative_curve([1, 2, 3, 2], 3).tolist() == [0.75, 1.0]


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1, 1], [math.nan, 1]])
def test_a_curve_without_weight_is_refused(weights):
    with pytest.raises(UsageError, match="weights >= 0 with a positive sum"):
        cumulative_curve(weights, 1)
