"""Limits of size: what is allowed, what is refused, and in which words."""

import math

import pytest

from exec_algos import ParentOrder, Rules, Side
from exec_algos.brokers.records import Limits
from exec_algos.errors import UsageError
from exec_algos.live.limits import NotionalLimits, VenueLimits, above, worth

NAN = math.nan


def parent(quantity=1000, **rules):
    return ParentOrder(symbol="A", side=Side.SELL, quantity=quantity, start=0, end=60, interval=60, rules=Rules(**rules))


@pytest.mark.parametrize(("currency", "child", "whole"), [("KRW", 10e6, 100e6), ("USD", 10e3, 100e3)])
def test_the_bounds_of_known_currencies(currency, child, whole):
    limits = NotionalLimits(currency=currency)
    assert (limits.of_child, limits.of_parent) == (child, whole)


@pytest.mark.parametrize("currency", ["EUR", "JPY", ""])
def test_another_currency_must_be_given_its_bound(currency):
    with pytest.raises(UsageError, match=r"max_child_notional must be given.*--max-child-notional.*10,000,000 KRW, 10,000 USD"):
        NotionalLimits(currency=currency)
    limits = NotionalLimits(currency=currency, max_child_notional=500)
    assert (limits.of_child, limits.of_parent) == (500, 5000)


def test_each_bound_can_be_given():
    limits = NotionalLimits(currency="USD", max_child_notional=100, max_parent_notional=250)
    assert (limits.of_child, limits.of_parent) == (100, 250)


@pytest.mark.parametrize("value", [0, -1, math.inf, NAN])
@pytest.mark.parametrize("name", ["max_child_notional", "max_parent_notional"])
def test_a_bound_that_is_none_is_refused(name, value):
    with pytest.raises(UsageError, match=name):
        NotionalLimits(currency="USD", **{name: value})


def test_a_parents_bound_below_a_childs_is_refused():
    with pytest.raises(UsageError, match=r"max_parent_notional 99 is below max_child_notional 100"):
        NotionalLimits(currency="USD", max_child_notional=100, max_parent_notional=99)


def test_the_bound_itself_is_allowed_and_a_cent_more_is_not():
    limits: Limits = NotionalLimits(currency="USD")
    assert limits.refuse_child(parent(), 1000, 10.0) == ""
    assert limits.refuse_child(parent(), 1000, 10.00001) == (
        "max_child_notional: its value 10,000.01 USD is above 10,000.00 USD; order less, or raise the limit by --max-child-notional"
    )
    assert limits.refuse_parent(parent(10_000), 10.0) == ""
    assert limits.refuse_parent(parent(10_001), 10.0) == (
        "max_parent_notional: its value 100,010.00 USD is above 100,000.00 USD; order less, or raise the limit by --max-parent-notional"
    )


def test_an_order_without_a_price_is_refused_for_its_value_is_not_known():
    limits = NotionalLimits(currency="KRW")
    assert "not known" in limits.refuse_child(parent(), 1, NAN)
    assert "not known" in limits.refuse_parent(parent(), NAN)
    assert limits.refuse_parent(parent(10, limit_price=70_000.0), NAN) == ""


def test_the_higher_of_price_and_limit_counts_so_that_a_stale_price_lets_nothing_through():
    assert worth(10, 5.0, 7.0) == 70
    assert worth(10, 9.0, 7.0) == 90
    assert worth(10, NAN, 7.0) == 70
    assert worth(10, 9.0, None) == 90
    assert math.isnan(worth(10, NAN, None))
    assert worth(-10, 9.0, None) == 90


def test_no_value_passes_that_is_no_number():
    assert above("max_child_notional", NAN, 10, "USD")
    assert above("max_child_notional", math.inf, 10, "USD")
    assert above("max_child_notional", 9.5, 10, "USD") == ""


def test_each_order_is_held_against_the_bound_of_its_own_currency():
    limits = VenueLimits({"A": "USD", "B": "KRW", "C": "EUR", "D": ""}.__getitem__)
    assert limits.refuse_child(order_in("A"), 1001, 10.0) != ""
    assert limits.refuse_child(order_in("B"), 1001, 10.0) == ""
    assert limits.refuse_parent(order_in("B", 1_000_001), 100.0) != ""
    assert "max_child_notional must be given for orders in EUR" in limits.refuse_parent(order_in("C"), 1.0)
    assert "must be given for orders in EUR" in limits.refuse_child(order_in("C"), 1, 1.0)
    assert "a currency that the venue does not name" in limits.refuse_child(order_in("D"), 1, 1.0)


def test_a_given_bound_holds_for_every_currency_and_is_looked_at_at_once():
    limits = VenueLimits({"A": "EUR"}.__getitem__, max_child_notional=50, max_parent_notional=60)
    assert limits.refuse_child(order_in("A"), 5, 10.0) == ""
    assert limits.refuse_child(order_in("A"), 6, 10.0) != ""
    assert limits.refuse_parent(order_in("A", 7), 10.0) != ""
    with pytest.raises(UsageError, match="max_child_notional"):
        VenueLimits({}.__getitem__, max_child_notional=-1)
    with pytest.raises(UsageError, match="is below"):
        VenueLimits({}.__getitem__, max_child_notional=10, max_parent_notional=5)


def order_in(symbol, quantity=1000):
    return ParentOrder(symbol=symbol, side=Side.BUY, quantity=quantity, start=0, end=60, interval=60)
