"""A paused order releases nothing; resumed, it plans what is left over what is left of its window."""

import pytest
from loops import begin, books, carried
from small_markets import MINUTE

from exec_algos import Rules
from exec_algos.algorithms import Sniper
from exec_algos.errors import UsageError

PLACES = ("asyncio", "backtest", "loop")


def run(place, *steps, **terms):
    """Buy 100 shares by TWAP over ten minutes doing ``step(order)`` at minute m for each ``(m, step)``: the order, its fills by minute."""

    async def work(broker):
        clock = broker.clock
        order, began = begin(broker, **terms), clock.now
        for minute, step in steps:
            await clock.sleep_until(began + minute * MINUTE)
            step(order)
            books(order)
        await clock.sleep_until(began + 12 * MINUTE)
        return order, [((one.time - began) // MINUTE, one.quantity) for one in order.fills]

    return carried(place, work)


@pytest.mark.parametrize("place", PLACES)
def test_between_pause_and_resume_nothing_trades_and_the_rest_is_planned_anew(place):
    order, got = run(place, (3, lambda order: order.pause()), (6, lambda order: order.resume()))
    # three minutes of 10 shares, a pause of three, and 70 shares over the four minutes that are left
    assert [quantity for _, quantity in got] == [10, 10, 10, 18, 17, 18, 17]
    assert not any(3 <= minute < 6 for minute, _ in got)
    assert books(order) == (100, 100, 0, 0, 0)


@pytest.mark.parametrize("place", PLACES)
def test_an_order_that_is_never_resumed_ends_with_its_window(place):
    order, got = run(place, (3, lambda order: order.pause()))
    assert (len(got), order.over, order.paused) == (3, True, True)
    assert books(order) == (100, 30, 0, 0, 70)


@pytest.mark.parametrize("place", PLACES)
def test_a_paused_order_can_be_cancelled_or_amended(place):
    order, _ = run(place, (3, lambda order: order.pause()), (5, lambda order: order.cancel()))
    assert books(order) == (100, 30, 0, 70, 0)
    order, got = run(place, (3, lambda order: order.pause()), (6, lambda order: order.amend(quantity=50)))
    assert (books(order), order.paused, len(got)) == ((50, 50, 0, 0, 0), False, 7)


def test_what_cannot_be_done_says_no():
    told = []

    def twice(order):
        told.extend([order.resume(), order.pause(), order.pause(), order.resume(), order.resume()])

    order, _ = run("loop", (3, twice), (11, lambda order: told.extend([order.pause(), order.resume()])))
    assert told == [False, True, False, True, False, False, False]
    assert order.filled == 100


@pytest.mark.parametrize("place", PLACES)
def test_an_amended_limit_price_holds_from_then_on_and_can_be_lifted(place):
    # the price rises by 1 a minute from 100 on: a limit of 104 stops the order after minute 4, until it is lifted
    order, got = run(place, (2, lambda order: order.amend(limit_price=104)), (7, lambda order: order.amend(limit_price=float("inf"))))
    assert [minute for minute, _ in got] == [0, 1, 2, 3, 4, 7, 8, 9]
    assert books(order) == (100, 100, 0, 0, 0)
    assert order.parent.rules.limit_price is None


def test_an_order_that_needs_its_limit_cannot_lose_it():
    def lose(order):
        with pytest.raises(UsageError, match="limit_price"):
            order.amend(limit_price=float("inf"))

    order, _ = run("loop", (2, lose), algorithm=Sniper(), rules=Rules(limit_price=104))
    assert order.parent.rules.limit_price == 104


def test_an_amended_limit_price_is_checked():
    def amend(order):
        with pytest.raises(UsageError, match="-1"):
            order.amend(limit_price=-1.0)

    assert books(run("loop", (2, amend))[0]) == (100, 100, 0, 0, 0)
