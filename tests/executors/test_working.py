"""A parent order while it is worked: looked at, cancelled, amended, stopped, in a backtest, under asyncio and in a loop of one's own."""

import re

import pytest
from loops import PLACES, begin, books, carried
from small_markets import DRIVERS, MINUTE, at, clock_times, minute_bars

from exec_algos import TWAP, VWAP, BrokerAPI, FillModel, SimulatedBroker
from exec_algos.errors import NotEnoughHistoryError, UsageError
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.model import Window


def lots_at(fills):
    """Shares by the New York time of the bar in which they traded."""
    return dict(zip(clock_times([one.time for one in fills]), (one.quantity for one in fills), strict=True))


def with_act(when, act, **terms):
    """Work an order, do something at a time, and wait until it is over; at the instant, the act comes before the decision."""

    async def work(broker):
        order = begin(broker, **terms)
        await broker.clock.sleep_until(at(when))
        said = act(order)
        after = books(order)
        while not order.over:
            await broker.clock.sleep_until(broker.clock.now + MINUTE)
            books(order)
        await broker.clock.sleep_until(at("09:55"))
        return order, after, said

    return work


@pytest.mark.parametrize("place", PLACES)
def test_an_order_can_be_looked_at_while_it_is_worked(place):
    async def work(broker):
        order, seen = begin(broker, 50, 5), []
        for minute in (30, 31, 33, 36):
            await broker.clock.sleep_until(at(f"09:{minute}") + MINUTE // 2)
            seen.append((*books(order), order.over))
        return seen

    between_bars = [(50, 0, 10, 0, 40, False), (50, 10, 10, 0, 30, False), (50, 30, 10, 0, 10, False), (50, 50, 0, 0, 0, True)]
    at_the_next_bars_end = [(50, 10, 0, 0, 40, False), (50, 20, 0, 0, 30, False), (50, 40, 0, 0, 10, False), (50, 50, 0, 0, 0, True)]
    assert carried(place, work) == (at_the_next_bars_end if place == "loop" else between_bars)


@pytest.mark.parametrize("place", PLACES)
def test_after_a_cancel_no_child_comes_and_what_is_filled_stays(place):
    order, after, said = carried(place, with_act("09:33", lambda order: (order.cancel(), order.cancel())))
    assert said == (True, False)
    assert after == (100, 30, 0, 70, 0)
    assert lots_at(order.fills) == {"09:30": 10, "09:31": 10, "09:32": 10}
    assert (order.over, order.errors, order.error) == (True, [], None)
    assert order.summary()["residual"] == 70


@pytest.mark.parametrize("place", PLACES)
def test_a_cancel_takes_back_the_child_that_is_open(place):
    bars = minute_bars([100] * 30, volume=30)  # a tenth of 30: three shares a minute
    work = with_act("09:32", lambda order: order.cancel(), algorithm=TWAP(slice_interval_seconds=300))
    order, after, _ = carried(place, work, bars, fill_model=FillModel(max_participation=0.1))
    assert after == (100, 6, 0, 94, 0)
    assert lots_at(order.fills) == {"09:30": 3, "09:31": 3}


@pytest.mark.parametrize("place", PLACES)
def test_a_cancel_that_takes_time_leaves_the_child_the_bar_in_which_it_arrives(place):
    work = with_act("09:33", lambda order: order.cancel())
    order, after, _ = carried(place, work, fill_model=FillModel(latency=30.0))
    # children of 09:31 and 09:32 (active half a minute later: bars 09:32 and 09:33) are open; the first one's time is over at 09:32:30
    assert after == (100, 20, 10, 70, 0)
    assert (order.over, order.filled, order.cancelled) == (True, 30, 70)
    assert lots_at(order.fills) == {"09:31": 10, "09:32": 10, "09:33": 10}


@pytest.mark.parametrize("place", PLACES)
def test_more_shares_are_spread_over_the_rest_of_the_window(place):
    order, after, _ = carried(place, with_act("09:33", lambda order: order.amend(quantity=170)))
    assert after[:2] == (170, 30)
    assert lots_at(order.fills) == {f"09:{30 + k}": 10 if k < 3 else 20 for k in range(10)}
    assert books(order) == (170, 170, 0, 0, 0)


@pytest.mark.parametrize("place", PLACES)
def test_fewer_shares_are_spread_over_the_rest_of_the_window(place):
    order, _, _ = carried(place, with_act("09:33", lambda order: order.amend(quantity=65)))
    assert lots_at(order.fills) == {f"09:{30 + k}": 10 if k < 3 else 5 for k in range(10)}
    assert books(order) == (65, 65, 0, 0, 0)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("end", "lots"), [("09:37", [18, 17, 18, 17]), ("09:44", [6, 7, 6, 6, 7, 6, 7, 6, 6, 7, 6])])
def test_another_end_spreads_the_rest_over_what_is_left_until_then(place, end, lots):
    order, _, _ = carried(place, with_act("09:33", lambda order: order.amend(end=end)))
    # 70 shares over 4 or 11 minutes, cumulative targets to the nearest share, halves up
    assert list(lots_at(order.fills).values()) == [10, 10, 10, *lots]
    assert (clock_times([order.parent.end]), order.residual) == ([end], 0)


@pytest.mark.parametrize("place", PLACES)
def test_an_amended_order_takes_its_open_child_back_and_loses_nothing_of_it(place):
    bars = minute_bars([100] * 30, volume=30)
    work = with_act("09:32", lambda order: order.amend(quantity=15), algorithm=TWAP(slice_interval_seconds=600))
    order, _, _ = carried(place, work, bars, fill_model=FillModel(max_participation=0.1))
    assert lots_at(order.fills) == {"09:30": 3, "09:31": 3, "09:32": 3, "09:33": 3, "09:34": 3}
    assert books(order) == (15, 15, 0, 0, 0)


@pytest.mark.parametrize("place", PLACES)
def test_an_order_that_has_got_all_it_asks_for_now_is_over(place):
    order, after, _ = carried(place, with_act("09:33", lambda order: order.amend(quantity=30)))
    assert (after, order.over) == ((30, 30, 0, 0, 0), True)
    assert lots_at(order.fills) == {"09:30": 10, "09:31": 10, "09:32": 10}


@pytest.mark.parametrize("place", PLACES)
def test_an_order_is_amended_before_its_window_has_begun(place):
    work = with_act("09:32", lambda order: order.amend(quantity=60, end="09:43"), start=at("09:40"), minutes=10)
    order, after, _ = carried(place, work)
    assert after == (60, 0, 0, 0, 60)
    assert lots_at(order.fills) == {"09:40": 20, "09:41": 20, "09:42": 20}
    assert clock_times([order.parent.start]) == ["09:40"]


@pytest.mark.parametrize("place", PLACES)
def test_an_order_is_amended_again_and_again(place):
    def act(order):
        for quantity in (300, 40, 100):
            order.amend(quantity=quantity)
        order.amend(end="09:35")

    order, _, _ = carried(place, with_act("09:33", act))
    assert list(lots_at(order.fills).values()) == [10, 10, 10, 35, 35]


@pytest.mark.parametrize("place", DRIVERS)
def test_between_two_bars_an_order_is_planned_anew_from_the_next_bar_on(place):
    async def work(broker):
        order = begin(broker)
        await broker.clock.sleep_until(at("09:33") + MINUTE // 2)
        order.amend(quantity=150)
        await broker.clock.sleep_until(at("09:55"))
        return order

    order = carried(place, work)
    # the child of 09:33 is taken back before its bar closes; 120 shares over the six minutes from 09:34
    assert lots_at(order.fills) == {f"09:{30 + k}": 10 if k < 3 else 20 for k in range(10) if k != 3}


def refusal(act):
    def say(order):
        with pytest.raises(UsageError) as refused:
            act(order)
        return str(refused.value)

    return say


REFUSED = {
    "less than it has got": (
        lambda order: order.amend(quantity=29),
        "X has 30 shares filled .* so it cannot ask for 29; cancel it instead",
    ),
    "no whole lot": (lambda order: order.amend(quantity=50.5), "quantity 50.5 is not a multiple of lot_size 1; use 50"),
    "no share": (lambda order: order.amend(quantity=0), "quantity must be a positive number of shares, got 0"),
    "an end that has passed": (lambda order: order.amend(end="09:32"), "the window ends at .* 09:32.*, before it starts at .* 09:33"),
    "no bar": (lambda order: order.amend(end=at("09:33") + MINUTE // 2), "no whole bar of 60 s lies in the window"),
    "no time": (lambda order: order.amend(end="noon"), "'noon' is no time; use 'HH:MM'"),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("case", REFUSED)
def test_an_amendment_that_cannot_be_is_refused_and_changes_nothing(place, case):
    act, words = REFUSED[case]
    order, _, said = carried(place, with_act("09:33", refusal(act)))
    assert re.search(words, said)
    assert lots_at(order.fills) == {f"09:{30 + k}": 10 for k in range(10)}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("how", ["cancelled", "over"])
def test_an_order_that_is_over_cannot_be_amended(place, how):
    def act(order):
        if how == "cancelled":
            order.cancel()
        return refusal(lambda order: order.amend(quantity=200))(order)

    _, _, said = carried(place, with_act("09:33" if how == "cancelled" else "09:45", act))
    assert said == "the order in X is over or cancelled; give a new one instead of amending it"


@pytest.mark.parametrize("place", PLACES)
def test_a_stopped_order_keeps_what_it_got_and_says_why(place):
    over = []
    work = with_act("09:33", lambda order: (order.stop("the line is down"), order.stop("again")), on_over=over.append)
    order, after, _ = carried(place, work)
    assert after == (100, 30, 0, 0, 70)
    assert (over, order.errors) == ([order], ["the line is down"])
    assert lots_at(order.fills) == {"09:30": 10, "09:31": 10, "09:32": 10}
    assert order.cancel() is False


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("what", ["end", "cancel", "amend"])
def test_who_gave_an_order_is_told_once_when_it_is_over(place, what):
    over = []
    act = {"end": lambda order: None, "cancel": lambda order: order.cancel(), "amend": lambda order: order.amend(quantity=30)}[what]
    order, _, _ = carried(place, with_act("09:33", act, on_over=over.append))
    assert over == [order]


def two_days(volumes):
    """A day whose minutes have these volumes, and one like it."""
    rows = [(100, 100, 100, 100, volume) for volume in volumes]
    return minute_bars(rows, rows)


@pytest.mark.parametrize("place", ["backtest", "loop"])
def test_vwaps_curve_is_planned_anew_for_the_rest_of_the_window(place):
    bars, found = two_days([10, 10, 20, 20, 40, 100] + [1] * 20), []

    async def work(broker):
        await broker.clock.sleep_until(at("2024-01-03 09:30"))
        order = begin(broker, 100, 5, VWAP(profile_days=1))
        await broker.clock.sleep_until(at("2024-01-03 09:32"))
        found.append(order.filled)
        order.amend(quantity=140, end="2024-01-03 09:36")
        while not order.over:
            await broker.clock.sleep_until(broker.clock.now + MINUTE)
        return order

    order = carried(place, work, bars)
    # 10, 10 of 100; then 120 over volumes of 20, 20, 40 and 100: 13.33, 26.67, 53.33, 120
    assert list(lots_at(order.fills).values()) == [10, 10, 13, 14, 26, 67]
    assert found == [20]


def test_an_order_without_history_cannot_begin():
    async def work(broker):
        over = []
        with pytest.raises(NotEnoughHistoryError, match="X: the volume profile needs 5 earlier sessions"):
            begin(broker, algorithm=VWAP(), on_over=over.append)
        return over

    assert [carried(place, work) for place in ("backtest", "loop")] == [[], []]


def test_under_asyncio_the_error_of_an_order_that_could_not_begin_stands_in_it():
    async def work(broker):
        over = []
        order = begin(broker, algorithm=VWAP(), on_over=over.append)
        await broker.clock.sleep_until(at("09:40"))
        return order, over

    order, over = carried("asyncio", work)
    assert isinstance(order.error, NotEnoughHistoryError)
    assert order.errors == [f"NotEnoughHistoryError: {order.error}"]
    assert (order.over, over, books(order)) == (True, [order], (100, 0, 0, 0, 100))


class Own(SimulatedBroker):
    """Somebody's own, whose `place_order` carries the children."""

    async def place_order(self, *args, **options):
        return await super().place_order(*args, **options)


@pytest.mark.parametrize("place", DRIVERS)
def test_children_that_a_brokers_own_place_order_carries_are_cancelled_at_the_venue(place):
    bars = minute_bars([100] * 30, volume=30)
    brokers = []

    def make(*args, **options):
        brokers.append(Own(*args, **options))
        return brokers[0]

    work = with_act("09:32", lambda order: order.cancel(), algorithm=TWAP(slice_interval_seconds=300))
    order, _, _ = carried(place, work, bars, make=make, fill_model=FillModel(max_participation=0.1))
    assert (order.filled, order.cancelled, order.errors) == (6, 94, [])
    assert brokers[0].open_orders() == []
    assert sum(fill.quantity for fill in brokers[0].market.fills) == 6


@pytest.mark.parametrize("place", DRIVERS)
def test_a_callers_mistake_ends_the_order_and_leaves_it_readable(place):
    class Picky(SimulatedBroker):
        async def place_order(self, ticker, quantity, *args, **options):
            if self.clock.now >= at("09:32"):
                raise UsageError("no such account")
            return await super().place_order(ticker, quantity, *args, **options)

    order, _, _ = carried(place, with_act("09:45", lambda order: None), make=Picky)
    assert (str(order.error), order.errors) == ("no such account", ["slice 3: UsageError: no such account"])
    assert (books(order), order.unknown) == ((100, 20, 0, 0, 70), 10)  # it may have been sent before the mistake was found


@pytest.mark.parametrize("place", PLACES)
def test_the_summary_of_the_executor_is_that_of_the_order(place):
    async def work(broker):
        executor = AlgorithmExecutor(broker)
        order = executor.start(TWAP(), executor.order("X", 50, side="SELL"), Window(length=5 * MINUTE))
        await broker.clock.sleep_until(at("09:32"))
        order.amend(quantity=80)
        await broker.clock.sleep_until(at("09:40"))
        return executor.get_execution_summary(), order.summary()

    mine, its = carried(place, work)
    assert mine == its
    assert (its["ordered_quantity"], its["total_quantity"], its["num_slices"], its["side"]) == (80, 80, 5, "SELL")


class Plain(BrokerAPI):
    """No more than `BrokerAPI` asks for, in the time of a simulated venue;"""

    def __init__(self, bars, fill_model=None):
        self.venue, self.numbers = SimulatedBroker(bars, fill_model=fill_model), {}

    @property
    def clock(self):
        return self.venue.clock

    def session(self, instant):
        return self.venue.session(instant)

    async def place_order(self, ticker, quantity, order_type="MKT", limit_price=None, *, side="BUY", expires=None, ref=""):
        child = self.venue.market.submit(ticker, side, quantity, limit_price, expires=expires, parent=None, commission=None)
        self.numbers[ref] = child.number
        await child
        return child.result()

    async def cancel_order(self, order_id):
        return await self.venue.cancel_order(self.numbers[order_id])

    async def get_historical_volume_profile(self, ticker, days=5):
        return await self.venue.get_historical_volume_profile(ticker, days)

    async def get_market_depth(self, ticker):
        return await self.venue.get_market_depth(ticker)


class Nameless(Plain):
    async def place_order(self, ticker, quantity, order_type="MKT", limit_price=None, *, side="BUY", expires=None):
        return await super().place_order(ticker, quantity, order_type, limit_price, side=side, expires=expires)


def plain(act, make=Plain):
    bars = minute_bars([100] * 30, volume=30)  # three shares a minute
    work = with_act("09:32", act, algorithm=TWAP(slice_interval_seconds=300))
    return carried("asyncio", work, bars, make=make, fill_model=FillModel(max_participation=0.1))[0]


def test_at_a_broker_of_ones_own_a_child_that_is_cancelled_tells_what_it_got():
    order = plain(lambda order: order.cancel())
    assert (order.filled, order.cancelled, order.errors) == (6, 94, [])


def test_at_a_broker_that_confirms_cancels_later_an_amended_order_goes_on_at_the_decision_after():
    order = plain(lambda order: order.amend(quantity=60))
    assert list(lots_at(order.fills)) == ["09:30", "09:31", "09:37", "09:38", "09:39"]
    assert (order.ordered, order.filled, order.residual, order.errors) == (60, 15, 45, [])


def test_at_a_broker_that_takes_no_ref_a_child_goes_on_until_it_expires():
    order = plain(lambda order: order.cancel(), Nameless)
    assert (order.filled, order.cancelled, order.errors) == (15, 85, [])


@pytest.mark.parametrize("place", PLACES)
def test_an_algorithm_given_as_a_value_is_awaited(place):
    async def work(broker):
        return await AlgorithmExecutor(broker).execute("X", 50, TWAP(), end="09:35", side="SELL")

    fills = carried(place, work)
    assert lots_at(fills) == {f"09:{30 + k}": 10 for k in range(5)}
    assert {fill.side.name for fill in fills} == {"SELL"}


@pytest.mark.parametrize("place", DRIVERS)
def test_a_callers_mistake_while_it_is_worked_ends_the_order_at_the_next_decision(place):
    class Late(SimulatedBroker):
        async def place_order(self, *args, **options):
            fill = await super().place_order(*args, **options)
            if self.clock.now == at("09:32"):
                raise UsageError("no such account")
            return fill

    order, _, _ = carried(place, with_act("09:45", lambda order: None), make=Late)
    assert (str(order.error), order.filled, order.unknown, len(order.errors)) == ("no such account", 10, 10, 1)
