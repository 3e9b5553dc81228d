"""`SteppedBroker`: our executors in a loop that is not ours."""

import math
from datetime import time, timedelta

import numpy as np
import pytest
from markets import DAYS, STEP, market, ns
from small_markets import MINUTE, ZONE, at, clock_times, minute_bars, run, trades

from exec_algos import TWAP, VWAP, OrderExecutor, SimulatedBroker, TWAPExecutor
from exec_algos.algorithms import LiquidityAware
from exec_algos.algorithms.sniper import Sniper
from exec_algos.errors import NotEnoughHistoryError, OrderRejectedError, UnknownNameError, UsageError, WrongFillError
from exec_algos.model import Rules
from exec_algos.stepped.broker import SteppedBroker
from exec_algos.stepped.hours import DailyHours

DAY_HOURS = DailyHours(ZONE, time(9, 30), time(16))


def stepped(first="09:30", **options):
    """A broker of New York hours and minute bars that knows the time."""
    broker = SteppedBroker(DAY_HOURS, MINUTE, **options)
    broker.settle(at(first))
    return broker


def step(broker, now, price=None, volume=1000, symbol="X"):
    """A minute's bar, at whose price all children that may meet it fill whole; returns what to carry out."""
    start = at(now) - MINUTE
    if price is not None:
        broker.see(symbol, start, volume, price)
        for child in broker.children:
            if child.symbol == symbol and child.active <= start < child.deadline:
                broker.fill(child, child.quantity, price, start)
    return broker.advance(at(now))


def asked(instructions):
    """Numbers of the children to cancel, shares of those to send."""
    return [[child.number for child in instructions.cancel], [child.quantity for child in instructions.send]]


def test_the_first_child_is_handed_out_at_once_and_the_next_ones_minute_by_minute():
    broker = stepped()
    order = broker.execute("X", 30, TWAP(), until=timedelta(minutes=3))
    assert asked(broker.decide()) == [[], [10]]
    assert asked(step(broker, "09:31", 50)) == [[], [10]]
    assert asked(step(broker, "09:32")) == [[1], [20]]
    assert asked(step(broker, "09:33", 52)) == [[], []]
    assert (trades(order.fills), order.over, order.residual) == ([(10, 50), (20, 52)], True, 0)
    assert clock_times([fill.time for fill in order.fills]) == ["09:30", "09:32"]


def test_what_is_handed_out_was_not_handed_out_before():
    broker = stepped()
    broker.execute("X", 30, TWAP(), until=timedelta(minutes=3))
    assert asked(broker.advance(at("09:30"))) == [[], [10]]
    assert asked(broker.advance(at("09:30"))) == [[], []]


def test_decisions_that_were_missed_are_merged_into_the_next():
    broker = stepped()
    order = broker.execute("X", 50, TWAP(), until=timedelta(minutes=5))
    sent = [asked(broker.decide()), asked(step(broker, "09:31", 50)), asked(step(broker, "09:34", 53)), asked(step(broker, "09:35", 54))]
    assert sent == [[[], [10]], [[], [10]], [[1], [40]], [[], []]]  # the child of 09:31 was for one minute, in which no bar closed
    assert trades(order.fills) == [(10, 50), (40, 54)]


def test_a_child_that_is_taken_back_before_it_was_fetched_is_never_handed_out():
    broker = stepped()
    order = broker.execute("X", 30, TWAP(), until=timedelta(minutes=3))
    order.cancel()
    assert asked(broker.decide()) == [[], []]
    assert (order.over, order.cancelled, order.residual) == (True, 30, 0)


def test_a_child_may_meet_bars_from_its_arrival_to_its_deadline():
    broker = stepped(latency=MINUTE // 2)
    broker.execute("X", 30, TWAP(), until=timedelta(minutes=3))
    (child,) = broker.decide().send
    assert (child.active, child.deadline) == (at("09:30") + MINUTE // 2, at("09:31") + MINUTE // 2)
    assert (child.symbol, child.side.name, child.quantity, child.number) == ("X", "BUY", 10, 0)
    assert math.isnan(child.limit)


def test_with_latency_a_child_lives_until_the_bar_is_complete_in_which_its_cancel_arrives():
    broker = stepped(latency=MINUTE // 2)
    order = broker.execute("X", 30, TWAP(), until=timedelta(minutes=3))
    (child,) = broker.decide().send
    assert asked(step(broker, "09:31", 50)) == [[], [10]]
    order.cancel()
    assert (child.over, order.over, order.working) == (False, False, 20)
    assert asked(step(broker, "09:32")) == [[0, 1], []]
    assert (child.over, order.over, order.cancelled) == (True, True, 30)


class Deaf:
    """A venue that cannot cancel before the `patience` th time it is asked."""

    def __init__(self, patience):
        self.patience, self.sent, self.asked = patience, [], []

    def send(self, child):
        self.sent.append(child)

    def withdraw(self, child):
        self.asked.append((child.number, child.clock.now))
        return sum(number == child.number for number, _ in self.asked) >= self.patience


def test_a_venue_that_cannot_cancel_yet_is_asked_again_once_at_each_step():
    venue = Deaf(3)
    broker = stepped(venue=venue)
    order = broker.execute("X", 60, TWAP(), until=timedelta(minutes=6))
    order.cancel()
    for now in ("09:31", "09:31", "09:32", "09:33"):
        broker.advance(at(now))
    assert clock_times([when for _, when in venue.asked]) == ["09:30", "09:31", "09:32"]
    assert (order.over, order.cancelled, len(venue.sent)) == (True, 60, 1)


def test_a_child_whose_deadline_is_refused_is_asked_for_again_at_the_next_step_only():
    venue = Deaf(2)
    broker = stepped(venue=venue)
    broker.execute("X", 60, TWAP(), until=timedelta(minutes=6))
    broker.advance(at("09:31"))
    assert clock_times([when for number, when in venue.asked if number == 0]) == ["09:31"]
    broker.advance(at("09:32"))
    assert clock_times([when for number, when in venue.asked if number == 0]) == ["09:31", "09:32"]


def test_what_a_child_gets_while_its_cancel_is_refused_counts_and_is_not_sent_twice():
    venue = Deaf(99)
    broker = stepped(venue=venue)
    order = broker.execute("X", 40, TWAP(), until=timedelta(minutes=4))
    broker.advance(at("09:31"))
    assert [child.quantity for child in venue.sent] == [10, 10]  # the first still works, and is counted
    broker.fill(venue.sent[0], 10, 50.0)
    broker.advance(at("09:32"))
    assert [child.quantity for child in venue.sent] == [0, 10, 10]
    assert (order.filled, order.working, order.residual) == (10, 20, 10)


def test_what_comes_after_a_child_was_given_up_for_lost_still_counts():
    venue = Deaf(99)
    broker = stepped(venue=venue)
    order = broker.execute("X", 40, TWAP(), until=timedelta(minutes=1))
    for now in ("09:31", "09:32"):
        broker.advance(at(now))
    assert (order.over, order.working, order.residual) == (True, 0, 40)
    assert order.errors == ["slice 1: no report within 30 s after the window; ask the venue"]
    broker.fill(venue.sent[0], 15, 50.0)
    assert (order.filled, order.residual, order.summary()["total_quantity"]) == (15, 25, 15)


def test_of_a_lot_of_which_part_traded_the_rest_still_rests_at_the_venue():
    broker = stepped()
    order = broker.execute("X", 500, TWAP(), until=timedelta(minutes=2), lot_size=100)
    (child,) = broker.decide().send
    broker.fill(child, 237, 50.0)
    assert (child.quantity, child.over, order.filled, order.working) == (63, False, 237, 63)
    broker.fill(child, 63, 50.0)
    assert (child.over, order.filled, order.working) == (True, 300, 0)


def test_a_venue_that_leaves_odd_lots_never_leads_to_more_than_was_ordered():
    broker = stepped()
    order = broker.execute("X", 500, TWAP(), until=timedelta(minutes=5), lot_size=100)
    instructions = broker.decide()
    for minute in range(31, 37):
        for child in instructions.send:
            broker.fill(child, 37, 50.0)
        instructions = broker.advance(at(f"09:{minute}"))
        assert order.filled + sum(child.quantity for child in broker.children) <= 500
    assert order.over
    # 37 are counted as a lot, 74 as one too, 111 as two: five children get 37 each, whatever they ask
    assert (order.filled, order.residual) == (185, 315)


def test_a_venue_that_fills_more_than_it_was_asked_for_is_named_and_the_order_stops():
    broker = stepped()
    order = broker.execute("X", 40, TWAP(), until=timedelta(minutes=4))
    (child,) = broker.decide().send
    broker.fill(child, 4, 50.0)
    with pytest.raises(
        WrongFillError, match=r"^SteppedBroker\.fill answered the child BUY 6 X with quantity 7, more than it asked for; the order"
    ):
        broker.fill(child, 7, 50.0)
    assert [asked(broker.advance(at(f"09:{minute}"))) for minute in (31, 32, 33, 34)] == [[[], []]] * 4
    assert (order.filled, order.unknown, order.residual, order.over) == (4, 6, 30, True)
    assert isinstance(order.error, WrongFillError)
    assert (child.parent_state.filled, child.parent_state.working) == (4, 6)
    assert [line[:43] for line in order.errors] == ["slice 1: WrongFillError: SteppedBroker.fill"]


def test_a_refusal_counts_as_a_failure_and_three_in_a_row_end_the_order():
    broker = stepped()
    order = broker.execute("X", 100, TWAP(), until=timedelta(minutes=10))
    broker.fill(broker.decide().send[0], 10, 50.0)
    for minute in (31, 32, 33):
        broker.end(broker.advance(at(f"09:{minute}")).send[0], "no cash")
    assert asked(broker.advance(at("09:34"))) == [[], []]
    assert order.errors == [f"slice {k}: OrderRejectedError: no cash" for k in (2, 3, 4)] + ["given up after 3 failures in a row"]
    assert (order.over, order.filled, order.residual) == (True, 10, 90)


def test_a_child_that_traded_before_it_was_refused_is_no_failure_but_the_reason_is_told():
    broker = stepped()
    order = broker.execute("X", 100, TWAP(), until=timedelta(minutes=10))
    (child,) = broker.decide().send
    broker.fill(child, 4, 50.0)
    broker.end(child, "the name was halted")
    broker.end(child, "again")
    assert asked(broker.advance(at("09:31"))) == [[], [16]]
    assert (order.errors, order.filled) == (["slice 1: the name was halted"], 4)


def test_the_parts_of_a_child_are_its_trades_and_the_answer_their_mean():
    broker = stepped()
    broker.execute("X", 10, TWAP(), until=timedelta(minutes=1), side="SELL")
    (child,) = broker.decide().send
    broker.see("X", at("09:30"), 100.0, 50.0)
    broker.fill(child, 4, 50.0, commission=0.5)
    broker.fill(child, 6, 55.0, at("09:30"), 0.25)
    whole = child.result()
    assert (whole.quantity, whole.fill_price, whole.commission, whole.side.name) == (10, 53, 0.75, "SELL")
    assert clock_times([part.time for part in whole.parts]) == ["09:31", "09:30"]


def test_a_loop_that_is_late_by_days_ends_the_order_with_its_residual():
    broker, over = stepped(), []
    order = broker.execute("X", 100, TWAP(), until=timedelta(minutes=10), on_over=over.append)
    broker.advance(at("2024-01-05 11:00"))
    assert (order.over, order.residual, over) == (True, 100, [order])


def test_an_order_that_cannot_begin_is_refused_and_not_told_as_over():
    broker, over = stepped(), []
    with pytest.raises(NotEnoughHistoryError, match="X: the volume profile needs 5 earlier sessions with data, there are 0"):
        broker.execute("X", 100, VWAP(), on_over=over.append)
    assert (over, asked(broker.decide())) == ([], [[], []])


def test_parents_of_brokers_that_share_a_clock_and_numbers_are_numbered_through():
    first = stepped()
    second = SteppedBroker(DAY_HOURS, MINUTE, clock=first.clock, numbers=first._numbers)
    numbers = [broker.execute("X", 10, TWAP()).parent.parent_id for broker in (first, second, first)]
    assert numbers == [0, 1, 2]
    first.settle(at("09:31"))
    assert second.clock.now == at("09:31")


class Chaser(OrderExecutor):
    """Somebody's own: one limit order at the last price, and the rest at market a minute later."""

    async def execute(self, ticker, total_quantity, /):
        depth = await self.broker.get_market_depth(ticker)
        now = self.broker.clock.now
        first = await self.broker.place_order(ticker, total_quantity, "LMT", depth["bid"], side="SELL", expires=now + MINUTE)
        rest = await self.broker.place_order(ticker, total_quantity - first.quantity, side="SELL")
        return [first, rest]


def test_an_executor_of_ones_own_runs_in_the_loop():
    broker = stepped(quote_proxy="close")
    step(broker, "09:31", 50, volume=600)
    task = broker.clock.start(Chaser(broker).execute("X", 100))
    (limited,) = broker.decide().send
    assert (limited.limit, limited.deadline) == (50, at("09:32"))
    broker.fill(limited, 30, 50.0)
    assert asked(broker.advance(at("09:32"))) == [[0], [70]]
    step(broker, "09:33", 49)
    assert task.done()
    assert trades(task.result()) == [(30, 50), (70, 49)]


def test_twaps_own_executor_runs_in_the_loop():
    broker = stepped()
    task = broker.clock.start(TWAPExecutor(broker).execute("X", 30, duration_minutes=3))
    for minute, price in ((31, 50), (32, 51), (33, 52)):
        step(broker, f"09:{minute}", price)
    assert trades(task.result()) == [(10, 50), (10, 51), (10, 52)]


def test_a_direct_order_rests_until_it_is_cancelled_by_its_number():
    broker = stepped()
    task = broker.clock.start(broker.place_order("X", 100))
    (child,) = broker.decide().send
    assert child.deadline == at("16:00")
    assert [run(broker.cancel_order(child.number)) for _ in range(2)] == [True, False]
    broker.advance(at("09:31"))
    assert task.result().quantity == 0


def test_a_direct_order_that_the_venue_refuses_says_so():
    broker = stepped()
    task = broker.clock.start(broker.place_order("X", 100))
    broker.end(broker.decide().send[0], "no such account")
    broker.advance(at("09:31"))
    with pytest.raises(OrderRejectedError, match="no such account"):
        task.result()


def test_a_direct_order_before_the_open_waits_for_it():
    broker = stepped("07:00")
    broker.clock.start(broker.place_order("X", 100))
    (child,) = broker.decide().send
    assert (child.active, child.deadline) == (at("09:30"), at("16:00"))


def test_depth_is_refused_where_no_proxy_stands_in_for_quotes():
    broker = stepped()
    broker.see("X", at("09:30"), 600.0, 50.0)
    with pytest.raises(UsageError, match="get_market_depth reads bid, ask, bid_size, ask_size, and the bars of X have none"):
        run(broker.get_market_depth("X"))
    seen = run(broker.observe("X"))
    assert (seen.traded, seen.price) == (600.0, 50.0)
    assert np.isnan([seen.bid, seen.ask, seen.bid_size, seen.ask_size]).all()


@pytest.mark.parametrize(
    ("algorithm", "rules", "message"),
    [
        (LiquidityAware(), Rules(), "liquidity_aware reads bid_size, ask_size, and the bars of X have none"),
        (Sniper(), Rules(limit_price=10), "sniper reads bid, ask, bid_size, ask_size, and the bars of X have none"),
        (TWAP(), Rules(style="touch"), "style touch reads bid, ask, and the bars of X have none"),
        (TWAP(), Rules(style="peg"), "style peg reads bid, ask, and the bars of X have none"),
    ],
)
def test_who_reads_quotes_is_refused_unless_a_proxy_is_named(algorithm, rules, message):
    with pytest.raises(UsageError, match=message):
        stepped().execute("X", 100, algorithm, rules=rules)
    stepped(quote_proxy="close").execute("X", 100, algorithm, rules=rules)


def test_a_proxy_that_there_is_not_is_refused():
    with pytest.raises(UnknownNameError, match="unknown quote proxy 'mid'"):
        stepped(quote_proxy="mid")


def test_depth_by_the_proxy_is_the_last_close_with_half_the_volume_on_each_side():
    broker = stepped(quote_proxy="close")
    broker.see("X", at("09:30"), 600.0, 50.0)
    assert run(broker.get_market_depth("X")) == {"bid": 50.0, "ask": 50.0, "bid_volume": 300.0, "ask_volume": 300.0}
    with pytest.raises(UnknownNameError, match="unknown symbol 'Y': known: X"):
        run(broker.get_market_depth("Y"))


@pytest.mark.parametrize("day", DAYS[2:])
def test_the_volume_profile_is_that_of_the_simulated_broker(day):
    bars = market(4, ("A",))
    now = ns(day, "11:00")
    broker = SteppedBroker("XNYS", STEP, history=bars.take(bars.start < ns(DAYS[1], "11:00")))
    for start, volume in zip(bars.start.tolist(), bars.volume.tolist(), strict=True):
        if ns(DAYS[1], "11:00") <= start < now:
            broker.see("A", start, volume)
    broker.settle(now)
    expected = run(SimulatedBroker(bars, calendar="XNYS", start=now).get_historical_volume_profile("A", 2))
    found = run(broker.get_historical_volume_profile("A", 2))
    assert (found.index.tolist(), found.tolist()) == (expected.index.tolist(), expected.tolist())


def test_bars_that_come_twice_are_refused():
    history = minute_bars([50, 51, 52])
    broker = stepped(history=history)
    with pytest.raises(
        UsageError, match=r"bars of X do not rise: one that starts at 2024-01-02T14:32:00 UTC came after one .*T14:32:00 UTC"
    ):
        broker.see("X", at("09:32"), 100.0, 52.0)


REFUSED = {
    "step is the length of a bar in ns, > 0, got 0": lambda: SteppedBroker(DAY_HOURS, 0),
    "does not know the time yet; call settle": lambda: SteppedBroker(DAY_HOURS, MINUTE).execute("X", 100, TWAP()),
    "time does not go back": lambda: stepped().advance(at("09:29")),
    "quantity 150 is not a multiple of lot_size 100; use 100": lambda: stepped().execute("X", 150, TWAP(), lot_size=100),
    r"max_participation is a fraction in \(0, 1\], got 10; 10 % is 0.1": lambda: stepped().execute("X", 1, TWAP(), max_participation=10),
    "no whole bar of 60 s lies in the window": lambda: stepped().execute("X", 1, TWAP(), until=timedelta(seconds=59)),
    "before it starts": lambda: stepped("12:00").execute("X", 1, TWAP(), until="11:00"),
    "'MKT' without limit_price or 'LMT' with a positive one, got 'LMT' and None": lambda: run(stepped().place_order("X", 1, "LMT")),
    "got 'MKT' and 5.0": lambda: run(stepped().place_order("X", 1, "MKT", 5.0)),
    "got 'STP' and None": lambda: run(stepped().place_order("X", 1, "STP")),
    "got 'LMT' and -1.0": lambda: run(stepped().place_order("X", 1, "LMT", -1.0)),
    "unknown side 'HOLD'": lambda: stepped().execute("X", 1, TWAP(), side="HOLD"),
    "unknown calendar 'XNYX'": lambda: SteppedBroker("XNYX", MINUTE).session(at("09:30")),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_done_is_refused_with_what_which_value_and_what_to_do(words):
    with pytest.raises(UsageError, match=words):
        REFUSED[words]()


@pytest.mark.parametrize(
    ("trade", "words"),
    [
        ((0, 50.0), "quantity 0;"),
        ((-1, 50.0), "quantity -1;"),
        ((math.nan, 50.0), "quantity nan;"),
        ((math.inf, 50.0), "quantity inf;"),
        ((True, 50.0), "quantity True;"),
        (("5", 50.0), "quantity '5';"),
        ((11, 50.0), "quantity 11, more than it asked for"),
        ((1, math.nan), "fill_price nan"),
        ((1, -1), "fill_price -1"),
        ((1, 0.0), "fill_price 0.0"),
        ((1, 50.01), r"fill_price 50.01, beyond its limit 50.0"),
        ((1, 50.0, at("09:29")), "before it was sent"),
        ((1, 50.0, 1.5), "time 1.5"),
        ((1, 50.0, None, math.nan), "commission nan"),
        ((1, 50.0, None, 0.0, math.inf), "taxes inf"),
    ],
)
def test_a_trade_that_cannot_be_is_refused_and_stops_the_order_with_the_child_open(trade, words):
    broker = stepped()
    order = broker.execute("X", 20, TWAP(), until=timedelta(minutes=2), rules=Rules(limit_price=50.0))
    (child,) = broker.decide().send
    with pytest.raises(WrongFillError, match=words) as caught:
        broker.fill(child, *trade)
    assert (order.filled, order.unknown, order.over) == (0, 10, False)
    assert asked(broker.advance(at("09:31"))) == [[], []]
    assert (order.filled, order.unknown, order.residual, order.over, order.error) == (0, 10, 10, True, caught.value)


def test_a_trade_told_for_a_time_to_come_is_refused_at_the_next_step():
    broker = stepped()
    broker.execute("X", 10, TWAP(), until=timedelta(minutes=1))
    broker.fill(broker.decide().send[0], 10, 50.0, at("09:31") + 9 * 60 * MINUTE)  # the clock of Seoul, taken for UTC
    with pytest.raises(WrongFillError, match=r"was told a trade at \d+ ns UTC, but it is \d+ ns UTC: give instants in UTC"):
        broker.advance(at("09:31"))


def test_a_sale_at_market_may_use_its_price_up_and_no_other_trade_may():
    broker = stepped()
    sale = broker.execute("X", 10, TWAP(), until=timedelta(minutes=1), side="SELL")
    broker.fill(broker.decide().send[0], 10, 0.0)
    assert trades(sale.fills) == [(10, 0.0)]
    broker.execute("X", 10, TWAP(), until=timedelta(minutes=1), side="SELL", rules=Rules(limit_price=50.0))
    with pytest.raises(WrongFillError, match=r"fill_price 0\.0"):
        broker.fill(broker.decide().send[0], 10, 0.0)


def test_a_trade_of_a_child_that_is_over_is_refused_with_what_to_do():
    broker = stepped()
    broker.execute("X", 10, TWAP(), until=timedelta(minutes=1))
    (child,) = broker.decide().send
    broker.end(child)
    with pytest.raises(UsageError, match=r"child 0 in X is over, .* 10 more; tell trades before .* or give a venue"):
        broker.fill(child, 10, 50.0)


def test_a_child_whose_expiry_has_passed_is_over_and_holds_up_nobody():
    broker = stepped()
    parent = broker.execute("X", 10, TWAP(), until=timedelta(minutes=1)).parent

    async def late():
        await broker.clock.sleep_until(at("09:31"))
        return await broker.place_order("X", 1, expires=at("09:20"), parent=parent)

    task = broker.clock.start(late())
    other = broker.execute("X", 20, TWAP(), until=timedelta(minutes=2))
    assert [child.parent_state.parent.parent_id for child in broker.advance(at("09:31")).send] == [other.parent.parent_id]
    assert task.result().quantity == 0
