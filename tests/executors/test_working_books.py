"""The books of a parent order under random cancels, amendments, refusals and late or odd fills: those of its venue."""

from datetime import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from loops import FIRST, PLACES, begin, books, carried
from small_markets import MINUTE, ZONE, at, minute_bars

from exec_algos import TWAP, FillModel
from exec_algos.errors import UsageError
from exec_algos.stepped.broker import SteppedBroker
from exec_algos.stepped.hours import DailyHours


class Fickle:
    """A venue of moods: fills odd lots, refuses orders and cancels, ends children early, reports late. It keeps books of its own."""

    def __init__(self, seed):
        self.rng, self.sent, self.got, self.ended, self.broker = np.random.default_rng(seed), [], {}, set(), None

    def send(self, child):
        self.sent.append(child)
        self.got[child.number] = 0

    def withdraw(self, child):
        if self.rng.random() < 0.4:
            return False
        self.ended.add(child.number)
        return True

    def open(self):
        return [child for child in self.sent if child.number not in self.ended]

    def shares_open(self):
        return sum(child.lots * child.parent_state.parent.lot_size - self.got[child.number] for child in self.open())

    def act(self):
        for child in self.open():
            mood, left = self.rng.random(), child.lots * child.parent_state.parent.lot_size - self.got[child.number]
            if mood < 0.6:
                shares = left if mood < 0.3 else int(self.rng.integers(1, left + 1))
                self.got[child.number] += shares
                if shares == left:
                    self.ended.add(child.number)
                self.broker.fill(child, shares, 100.0)
            elif mood < 0.75:
                self.ended.add(child.number)
                self.broker.end(child, "no cash" if mood < 0.7 else "")


def meddle(order, rng, venue, minute):
    """Something that its owner may do to an order, or nothing."""
    mood, filled = rng.random(), sum(venue.got.values())
    try:
        if mood < 0.05:
            order.cancel()
        elif mood < 0.08:
            order.stop("enough")
        elif mood < 0.3:
            order.amend(quantity=order.parent.lot_size * int(rng.integers(1, 30)), end=[None, at(f"09:{minute + 3}")][int(rng.integers(2))])
        else:
            return None
    except UsageError as error:
        assert order.filled == filled
        return str(error)
    return "done"


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 100]), st.sampled_from([60, 180]))
@example(1784, 100, 180)  # amended to less in the minute in which a child comes back with more than was known
@settings(deadline=None, max_examples=400)
@pytest.mark.slow
def test_the_books_are_those_of_the_venue_whatever_it_and_the_owner_do(seed, lot, interval):
    rng, venue = np.random.default_rng(seed), Fickle(seed)
    broker = venue.broker = SteppedBroker(DailyHours(ZONE, time(9, 30), time(16)), MINUTE, venue=venue)
    broker.settle(FIRST)
    over, stopped = [], False
    order = broker.execute("X", 20 * lot, TWAP(slice_interval_seconds=interval), until="09:42", lot_size=lot, on_over=over.append)
    for minute in range(31, 56):
        venue.act()
        broker.settle(at(f"09:{minute}"))
        meddle(order, rng, venue, minute)
        stopped = "enough" in order.errors
        sent = len(venue.sent)
        broker.decide()
        assert order.filled == sum(venue.got.values()) <= order.ordered
        assert order.ordered == order.filled + order.working + order.cancelled + order.residual
        assert min(order.working, order.cancelled, order.residual) >= 0
        if order.over:
            assert order.working == 0
        else:
            assert order.working == venue.shares_open()
        if order.over or order.cancelled:
            assert len(venue.sent) == sent
        assert over == [order] * order.over
    if stopped:
        assert order.ordered - order.filled == order.residual + order.cancelled
    assert order.over or venue.shares_open()


def state_of(broker):
    """What the venue's books say of the parent order, once there is one."""
    if isinstance(broker, SteppedBroker):
        return next((child.parent_state for child in broker.children), None)
    return broker.market.parents[0]


@given(st.integers(0, 2**32 - 1), st.sampled_from(PLACES), st.sampled_from([0.0, 30.0, 90.0]), st.sampled_from([None, 0.1]))
@settings(deadline=None, max_examples=200)
@pytest.mark.slow
def test_the_books_are_those_of_the_market_whatever_the_owner_does(seed, place, latency, cap):
    rng = np.random.default_rng(seed)
    bars = minute_bars([(100, 101, 99, 100, int(volume)) for volume in rng.integers(0, 200, 30)])

    async def work(broker):
        order = begin(broker, 200, 12, TWAP(slice_interval_seconds=int(rng.choice([60, 180]))))
        state = None
        for minute in range(31, 60):
            await broker.clock.sleep_until(at(f"09:{minute}"))
            mood = rng.random()
            try:
                if mood < 0.06:
                    order.cancel()
                elif mood < 0.3:
                    order.amend(quantity=int(rng.integers(1, 400)), end=[None, at("09:30") + (minute - 26) * MINUTE][int(rng.integers(2))])
            except UsageError:
                pass
            state = state or state_of(broker)
            assert min(books(order)) >= 0
            if state is not None and not order.over:
                assert (order.ordered, order.filled, order.working) == (state.ordered, state.filled, state.working)
        return order

    order = carried(place, work, bars, fill_model=FillModel(latency=latency, max_participation=cap))
    assert order.over
    assert order.working == 0
    if not order.cancelled and cap is None and not latency:
        assert order.residual == 0 or (bars.volume == 0).any()


class Stubborn(Fickle):
    """A venue that fills nothing by itself and says no to the first cancels."""

    refusals = 1

    def withdraw(self, child):
        self.refusals -= 1
        return self.refusals < 0


def test_fewer_shares_than_a_child_holds_that_cannot_be_taken_back_are_refused_and_allowed_at_the_next_step():
    venue = Stubborn(0)
    broker = venue.broker = SteppedBroker(DailyHours(ZONE, time(9, 30), time(16)), MINUTE, venue=venue)
    broker.settle(FIRST)
    order = broker.execute("X", 100, TWAP(slice_interval_seconds=300), until="09:40")
    broker.advance(at("09:31"))
    broker.fill(order._progress.working[0][2], 10, 100.0)
    with pytest.raises(
        UsageError, match=r"X has 10 shares filled .* 40 .* not given back .* cannot ask for 20 now; .* amend it again at the next step"
    ):
        order.amend(quantity=20)
    assert books(order) == (100, 10, 40, 0, 50)
    broker.advance(at("09:32"))
    assert books(order) == (100, 10, 0, 0, 90)
    order.amend(quantity=20)
    assert books(order) == (20, 10, 6, 0, 4)


def test_a_cancel_is_over_when_the_venue_has_confirmed_it():
    venue = Stubborn(0)
    broker = venue.broker = SteppedBroker(DailyHours(ZONE, time(9, 30), time(16)), MINUTE, venue=venue)
    broker.settle(FIRST)
    order = broker.execute("X", 100, TWAP(slice_interval_seconds=300), until="09:40")
    assert order.cancel()
    assert (books(order), order.over) == ((100, 0, 50, 50, 0), False)
    broker.fill(broker.children[0], 10, 100.0)
    assert books(order) == (100, 10, 40, 50, 0)
    broker.advance(at("09:31"))
    assert (books(order), order.over) == ((100, 10, 0, 90, 0), True)


def test_a_stopped_order_waits_for_no_venue_and_counts_what_it_may_get_yet():
    venue = Stubborn(0)
    broker = venue.broker = SteppedBroker(DailyHours(ZONE, time(9, 30), time(16)), MINUTE, venue=venue)
    broker.settle(FIRST)
    order = broker.execute("X", 100, TWAP(slice_interval_seconds=300), until="09:40")
    (child,) = broker.children
    broker.fill(child, 10, 100.0)
    order.stop("the line is down")
    assert (books(order), order.over, order.errors) == ((100, 10, 0, 0, 90), True, ["the line is down"])
    broker.fill(child, 5, 100.0)
    assert books(order) == (100, 15, 0, 0, 85)


def test_three_children_that_were_taken_back_unfilled_are_no_failures():
    class Polite(Fickle):
        def withdraw(self, child):
            self.broker.end(child, "cancelled by its owner")
            return True

    venue = Polite(0)
    broker = venue.broker = SteppedBroker(DailyHours(ZONE, time(9, 30), time(16)), MINUTE, venue=venue)
    broker.settle(FIRST)
    order = broker.execute("X", 100, TWAP(), until="09:40")
    for quantity in (200, 300, 400, 500):
        order.amend(quantity=quantity)
    assert order.errors == ["slice 1: withdrawn, OrderRejectedError: cancelled by its owner"] * 4
    assert books(order) == (500, 0, 50, 0, 450)
