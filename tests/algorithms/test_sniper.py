"""Sniper: nothing until the quote is at the limit, then a fraction of what stands there; on paper."""

import math

import pytest
from markets import market
from small_markets import DRIVERS, clock_times, driven, minute_bars, trades

from exec_algos import FillModel, ParentOrders, SlippageStudy
from exec_algos.algorithms.base import parse_algorithm
from exec_algos.algorithms.sniper import Sniper, take_at_limit
from exec_algos.errors import UsageError
from exec_algos.executors.named import SniperExecutor
from exec_algos.model import Residual, Rules, Seen, Terms

KNOWN = {"sniper": Sniper}
AT_TEN = Rules(limit_price=10)


def worked(bars, quantity, *arguments, driver="asyncio", model=None, **order):
    """Minutes, shares and prices of an order over the whole session."""

    async def work(broker):
        return await SniperExecutor(broker).execute("X", quantity, *arguments, **{"rules": AT_TEN, **order})

    fills = driven(driver, bars, work, fill_model=model)
    return [(minute, *trade) for minute, trade in zip(clock_times([fill.time for fill in fills]), trades(fills), strict=True)]


def book(rows, **quotes):
    return minute_bars(rows, **quotes)


def proxied(rows, **columns):
    """Bars without quotes, for which the close stands."""
    return minute_bars(rows, quote_proxy="close", **columns)


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_purchase_takes_half_of_the_ask_when_the_ask_is_at_the_limit_or_below(driver):
    bars = book([10] * 6, bid=[8.0] * 6, ask=[11, 10, 9.5, 10.01, 12, 10], bid_size=[900.0] * 6, ask_size=[400, 301, 200, 400, 400, 400])
    assert worked(bars, 1000, driver=driver) == [("09:32", 150, 10), ("09:33", 100, 10)]


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_sale_takes_half_of_the_bid_when_the_bid_is_at_the_limit_or_above(driver):
    bars = book([10] * 6, bid=[9, 10, 10.5, 9.99, 8, 10], ask=[12.0] * 6, bid_size=[400, 301, 200, 400, 400, 400], ask_size=[900.0] * 6)
    assert worked(bars, 1000, side="SELL", driver=driver) == [("09:32", 150, 10), ("09:33", 100, 10)]


def test_by_the_proxy_it_is_the_close_and_half_the_volume():
    bars = proxied([11, 10, (10, 10, 9, 9, 400), 10, (10, 11, 10, 11), 10])
    assert worked(bars, 10_000) == [("09:32", 250, 10), ("09:33", 100, 10), ("09:34", 250, 10)]


def test_a_child_that_finds_the_price_gone_is_not_filled_and_the_limit_holds():
    bars = proxied([10, 11, (11, 11, 10, 10), (9, 9, 9, 9), 11])
    # seen at 09:31, gone in that bar; seen at 09:33, better in that bar; seen at 09:34, gone again
    assert worked(bars, 1000) == [("09:33", 250, 9)]


def test_the_child_carries_the_limit_and_without_a_chance_there_is_none():
    terms = Terms(1, 1000, 5, 1.0, 10.0)
    assert take_at_limit(terms, Seen(0, 0.2, 0, 0, 0.0, 12.0, 9.0, 10.0, 300.0, 400.0), (0.5,)) == (200, 10.0)
    assert take_at_limit(terms, Seen(0, 0.2, 0, 0, 0.0, 9.0, 9.0, 10.5, 300.0, 400.0), (0.5,)).lots == 0


@pytest.mark.parametrize(("ask", "size"), [(math.nan, 400.0), (9.0, math.nan), (9.0, 0.0)])
def test_an_unknown_price_or_size_is_no_chance(ask, size):
    assert take_at_limit(Terms(1, 1000, 5, 1.0, 10.0), Seen(0, 0.2, 0, 0, 0.0, 9.0, 9.0, ask, 300.0, size), (0.5,)).lots == 0


def test_what_is_filled_and_what_is_working_is_not_asked_for_again():
    seen = Seen(0, 0.2, 900, 60, 0.0, 9.0, 9.0, 9.0, 300.0, 400.0)
    assert take_at_limit(Terms(1, 1000, 5, 1.0, 10.0), seen, (0.5,)).lots == 40


def test_the_fraction_counts():
    bars = proxied([10] * 3)
    assert worked(bars, 10_000, 0.1) == [("09:31", 50, 10), ("09:32", 50, 10)]
    assert worked(bars, 10_000, 1) == [("09:31", 500, 10), ("09:32", 500, 10)]


def test_the_interval_counts():
    assert [minute for minute, *_ in worked(proxied([10] * 6), 10_000, slice_interval_seconds=120)] == ["09:32", "09:34"]


def test_children_are_whole_lots():
    bars = proxied([10] * 3, volume=1160)
    assert [shares for _, shares, _ in worked(bars, 1000, lot_size=100)] == [200, 200]  # half of 580


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Rules(limit_price=10, max_child=70), [("09:31", 70, 10), ("09:32", 70, 10)]),
        (Rules(limit_price=10, min_child=300), []),  # 250 wait; after the last slice the price is 11
        (Rules(limit_price=9), []),
        (Rules(limit_price=11, residual=Residual.FORCE), [("09:31", 250, 10), ("09:32", 250, 10), ("09:33", 500, 11)]),
        (Rules(limit_price=10, residual=Residual.FORCE), [("09:31", 250, 10), ("09:32", 250, 10)]),  # the limit stands above completion
    ],
)
def test_rules_bound_the_children(rules, expected):
    assert worked(proxied([10, 10, 10, 11]), 1000, rules=rules) == expected


def test_a_cap_holds_and_what_it_kept_back_is_asked_for_while_the_price_is_there():
    assert [shares for _, shares, _ in worked(proxied([10] * 4), 10_000, model=FillModel(max_participation=0.1))] == [100] * 3


def test_the_algorithm_and_its_text_form_are_the_same_value():
    assert parse_algorithm("sniper", KNOWN) == Sniper(fraction=0.5)
    assert parse_algorithm("sniper:fraction=0.25", KNOWN) == Sniper(fraction=0.25)
    assert str(Sniper(fraction=0.25)) == "sniper:fraction=0.25"


@pytest.mark.parametrize("fraction", [0, -0.1, 1.01, math.nan, math.inf])
def test_a_fraction_out_of_range_is_refused_with_what_to_write(fraction):
    with pytest.raises(UsageError, match=rf"fraction is a part of the size at the quote in \(0, 1\], got {fraction}; 50 % is 0.5"):
        Sniper(fraction=fraction)


def test_an_order_without_a_limit_is_refused_with_what_to_give():
    with pytest.raises(UsageError, match=r"sniper works at a limit price and the order has none; give rules=Rules\(limit_price=...\)"):
        worked(proxied([10] * 3), 1000, rules=Rules(max_child=10))
    bars = market(1)
    with pytest.raises(UsageError, match="sniper works at a limit price"):
        SlippageStudy(bars, ParentOrders.grid(bars, calendar="XNYS", size="1000", profile_days=1), [Sniper()])
