"""What rules leave of a decision: each rule shows, and where they clash, the one that stands above wins. Answers on paper."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.executors.progress import continues_until, slices_of
from exec_algos.model import MINUTE, NO_BOUND, NO_RULES, Bounds, Decision, ParentOrder, Residual, Rules, Seen, Session, Side, Terms
from exec_algos.model.apply import apply_rules

NAN = math.nan
BUY, SELL = Terms(1, 100, 4), Terms(-1, 100, 4)


def rule(*, limit=NAN, least=0, most=NO_BOUND, forced=False):
    return Bounds(limit, least, most, forced)


def left_of(bounds, quantity, *, slice=0, filled=0, working=0, limit=NAN, terms=BUY):
    return apply_rules(bounds, terms, Seen(slice, 0.5, filled, working), Decision(quantity, limit))


def test_without_bounds_a_decision_stays_as_it_is():
    assert left_of(rule(), 30, limit=19.5) == Decision(30, 19.5)


def test_the_largest_child_bounds_a_decision():
    assert left_of(rule(most=20), 30).lots == 20


def test_a_child_smaller_than_the_smallest_waits():
    assert left_of(rule(least=25), 24).lots == 0
    assert left_of(rule(least=25), 25).lots == 25


def test_a_child_smaller_than_the_smallest_goes_if_it_is_all_that_is_left():
    assert left_of(rule(least=25), 24, filled=70, working=6).lots == 24
    assert left_of(rule(least=25), 24, filled=70, working=5).lots == 0


def test_a_child_smaller_than_the_smallest_goes_in_the_last_slice():
    assert left_of(rule(least=25), 24, slice=2).lots == 0
    assert left_of(rule(least=25), 24, slice=3).lots == 24


def test_never_more_than_is_left_whatever_an_algorithm_decides():
    assert left_of(rule(), 1000, filled=60, working=30).lots == 10
    assert left_of(rule(), 1000, filled=60, working=50).lots == 0
    assert left_of(rule(forced=True), 0, slice=3, filled=60, working=50).lots == 0


def test_force_sends_all_that_is_left_in_the_last_slice_and_only_there():
    assert left_of(rule(forced=True), 5, slice=3, filled=60).lots == 40
    assert left_of(rule(forced=True), 5, slice=2, filled=60).lots == 5


def test_force_stands_above_the_largest_and_the_smallest_child():
    assert left_of(rule(forced=True, most=20), 5, slice=3, filled=60).lots == 40
    assert left_of(rule(forced=True, least=50), 5, slice=3, filled=60).lots == 40


def test_a_slice_behind_the_window_asks_for_all_that_is_left_up_to_the_largest_child():
    assert left_of(rule(), 0, slice=4, filled=60, working=10).lots == 30
    assert left_of(rule(most=20), 0, slice=4, filled=60).lots == 20
    assert left_of(rule(least=50), 0, slice=5, filled=60).lots == 40


@pytest.mark.parametrize(
    ("terms", "own", "held"),
    [(BUY, NAN, 20), (BUY, 21, 20), (BUY, 19, 19), (SELL, NAN, 20), (SELL, 19, 20), (SELL, 21, 21), (BUY, 20, 20), (SELL, 20, 20)],
)
def test_the_tighter_of_two_limits_holds(terms, own, held):
    assert left_of(rule(limit=20), 10, limit=own, terms=terms) == Decision(10, held)


@pytest.mark.parametrize("slice", [3, 4])
def test_the_limit_price_stands_above_force_and_above_the_residual_policy(slice):
    assert left_of(rule(limit=20, forced=True), 0, slice=slice, filled=60) == Decision(40, 20)


bounds = st.builds(rule, least=st.integers(0, 60), most=st.integers(60, 200), forced=st.booleans(), limit=st.sampled_from([NAN, 20.0]))
seens = st.builds(Seen, st.integers(0, 9), st.floats(0, 1), st.integers(0, 100), st.integers(0, 100))
decisions = st.builds(Decision, st.integers(0, 10**6), st.sampled_from([NAN, 19.0, 20.0, 21.0]))


@given(bounds, st.sampled_from([BUY, SELL]), seens, decisions)
def test_what_is_sent_is_never_negative_nor_more_than_is_left_nor_worse_than_the_limit(bounds, terms, seen, decision):
    quantity, limit = apply_rules(bounds, terms, seen, decision)
    assert 0 <= quantity <= max(terms.lots - seen.filled - seen.working, 0)
    assert bounds.forced or quantity <= bounds.most
    if not math.isnan(bounds.limit):
        assert (limit - bounds.limit) * terms.side <= 0


BAD = {
    "limit_price must be positive and finite, got 0; leave it out": {"limit_price": 0},
    "limit_price must be positive and finite, got -3": {"limit_price": -3},
    "limit_price must be positive and finite, got nan": {"limit_price": NAN},
    "tick_size must be positive and finite, got 0": {"tick_size": 0},
    "min_child must be positive and finite, got inf": {"min_child": math.inf},
    "max_child must be positive and finite, got -1": {"max_child": -1},
    "min_child 20 is above max_child 10; lower the one or raise the other": {"min_child": 20, "max_child": 10},
    "limit_price 20.03 is off the tick of 0.05; use 20 or 20.05": {"limit_price": 20.03, "tick_size": 0.05},
    "limit_price 70123 is off the tick of 50; use 70100 or 70150": {"limit_price": 70123, "tick_size": 50},
    "limit_price 0.003 is off the tick of 0.01; use 0.01": {"limit_price": 0.003, "tick_size": 0.01},
}


@pytest.mark.parametrize("message", BAD)
def test_rules_that_cannot_hold_are_refused_with_value_and_remedy(message):
    with pytest.raises(UsageError, match=f"^{message}"):
        Rules(**BAD[message])


@pytest.mark.parametrize(("limit", "tick"), [(20.05, 0.05), (0.3, 0.1), (70100, 100), (1e-8, 1e-8), (123456.78, 0.01)])
def test_a_limit_on_the_tick_is_taken_though_floats_are_not(limit, tick):
    assert Rules(limit_price=limit, tick_size=tick).limit_price == limit


def test_without_a_tick_any_limit_is_taken():
    assert Rules(limit_price=20.03).limit_price == 20.03


@pytest.mark.parametrize("policy", list(Residual))
def test_a_residual_policy_is_taken_from_its_text(policy):
    assert Rules(residual=policy.value) == Rules(residual=policy)
    assert isinstance(Rules(residual=policy.value).residual, Residual)


def test_an_unknown_residual_policy_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown residual policy 'extent': did you mean extend"):
        Rules(residual="extent")


def test_without_a_policy_what_is_left_is_cancelled():
    assert NO_RULES.residual == Residual.CANCEL == "cancel"


def test_rules_are_counted_in_lots():
    rules = Rules(limit_price=20, min_child=300, max_child=1200, residual="force")
    assert rules.bounds(100) == Bounds(20.0, 3, 12, True)
    assert Rules(max_child=0.3).bounds(0.1).most == 3
    loose = NO_RULES.bounds(1)
    assert math.isnan(loose.limit)
    assert loose[1:] == (0, NO_BOUND, False)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"min_child": 250}, "min_child 250 is no multiple of lot_size 100; use 200 or 300"),
        ({"max_child": 20}, "max_child 20 is no multiple of lot_size 100; use 100"),
    ],
)
def test_children_of_broken_lots_are_refused_when_the_order_is_made(terms, message):
    with pytest.raises(UsageError, match=message):
        order(rules=Rules(**terms), lot_size=100)


def order(**changes):
    terms = {"symbol": "X", "side": Side.BUY, "quantity": 1000, "start": 0, "end": 10 * MINUTE, "interval": 4 * MINUTE}
    return ParentOrder(**{**terms, **changes})


def minutes(slices):
    return [(begin // MINUTE, end // MINUTE) for begin, end in slices]


def test_the_last_slice_of_a_window_is_cut_at_its_end():
    assert minutes(slices_of(order(), 0)) == [(0, 4), (4, 8), (8, 10)]


def test_a_plan_made_anew_begins_where_it_is_made():
    assert minutes(slices_of(order(), 3 * MINUTE)) == [(3, 7), (7, 10)]


def test_extend_goes_on_from_the_windows_end_interval_by_interval_to_the_deadline():
    extended = order(rules=Rules(residual="extend"), until=19 * MINUTE, auction=18 * MINUTE)
    assert minutes(slices_of(extended, 0)) == [(0, 4), (4, 8), (8, 10), (10, 14), (14, 18), (18, 19)]


def test_close_auction_has_one_slice_more():
    auction = order(rules=Rules(residual="close_auction"), until=30 * MINUTE, auction=29 * MINUTE)
    assert minutes(slices_of(auction, 0)) == [(0, 4), (4, 8), (8, 10), (29, 30)]


def test_the_deadline_of_an_order_is_its_end_unless_its_policy_goes_on():
    assert order().deadline == 10 * MINUTE
    assert order(rules=Rules(residual="extend"), until=19 * MINUTE).deadline == 19 * MINUTE


DAY = Session(0, 390 * MINUTE, "UTC")


@pytest.mark.parametrize(
    ("end", "bar", "resolution", "until", "auction"),
    [
        (120, 30, 30, 390, 360),
        (120, 60, 60, 360, 300),  # the seventh hour is no whole bar
        (390, 30, 30, None, None),
        (360, 60, 60, None, None),
        (120, 1, 0, 390, 389),
        (389.5, 1, 0, 390, 389.5),  # where any time will do the auction's order waits for the window's end
    ],
)
def test_a_policy_goes_on_to_the_sessions_last_whole_bar_which_is_its_auction(end, bar, resolution, until, auction):
    policy = Rules(residual="close_auction")
    expected = (None, -1) if until is None else (until * MINUTE, int(auction * MINUTE))
    assert continues_until(policy, int(end * MINUTE), DAY, bar * MINUTE, resolution * MINUTE) == expected
    assert continues_until(Rules(residual="force"), int(end * MINUTE), DAY, bar * MINUTE, resolution * MINUTE) == (None, -1)
