"""From a decision to a number of shares, and to an order."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exec_algos import Side
from exec_algos.agents import Account, AgentDecision, Mandate, calculate_quantity, order_for, realised_volatility
from exec_algos.errors import NotEnoughHistoryError, UsageError

# 0.3 * 100,000 / 101 = 297.03
SIZES = [
    ({}, 297),
    ({"lot_size": 100}, 200),
    ({"lot_size": 0.5}, 297),
    ({"position_size": 0}, 0),
    ({"position_size": 1}, 990),
    ({"equity": 336}, 0),
    ({"equity": 337}, 1),
    ({"price": 30_001}, 0),
    ({"volatility": 0.3, "target_volatility": 0.15}, 148),
    ({"volatility": 0.3, "target_volatility": 0.15, "lot_size": 10}, 140),
    ({"volatility": 0.05, "target_volatility": 0.15}, 297),
    ({"volatility": 0.05, "target_volatility": 0.15, "max_scale": 2}, 594),
    ({"volatility": 0.05, "target_volatility": 0.15, "max_scale": 9}, 891),
    ({"volatility": 0.15, "target_volatility": 0.15, "max_scale": 0.5}, 148),
]


@pytest.mark.parametrize(("terms", "shares"), SIZES, ids=[str(terms) for terms, _ in SIZES])
def test_a_quantity_is_the_fraction_of_equity_in_whole_lots(terms, shares):
    assert calculate_quantity(**{"position_size": 0.3, "equity": 100_000, "price": 101, **terms}) == shares


def test_a_product_that_falls_one_bit_short_is_not_a_lot_less():
    assert 0.29 * 100 < 29
    assert calculate_quantity(0.29, equity=100, price=1) == 29


def test_whole_shares_are_integers():
    assert type(calculate_quantity(0.3, equity=100_000, price=101)) is int


positive = st.floats(0.01, 1e6)


lots = st.sampled_from([0.001, 1, 10, 100])


@given(st.floats(0, 1), positive, positive, lots, st.tuples(positive, positive, st.floats(0.1, 3)))
def test_a_quantity_never_exceeds_its_fraction_and_one_lot_more_would(size, equity, price, lot, scale):
    terms = dict(zip(("volatility", "target_volatility", "max_scale"), scale, strict=True))
    shares = calculate_quantity(size, equity=equity, price=price, lot_size=lot, **terms)
    allowed = size * equity * min(scale[2], scale[1] / scale[0])
    slack = 2e-9 * (price * lot + allowed)
    assert 0 <= shares * price <= allowed + slack
    assert (shares + lot) * price > allowed - slack


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"position_size": 1.2}, "fraction of equity"),
        ({"position_size": -0.1}, "fraction of equity"),
        ({"position_size": math.nan}, "fraction of equity"),
        ({"equity": 0}, "equity must be positive"),
        ({"equity": math.inf}, "equity must be positive"),
        ({"price": 0}, "price must be positive"),
        ({"price": math.nan}, "price must be positive"),
        ({"lot_size": -1}, "lot_size must be positive"),
        ({"volatility": 0.2}, "give both or none"),
        ({"target_volatility": 0.2}, "give both or none"),
        ({"volatility": 0, "target_volatility": 0.2}, "volatility must be positive and finite, got 0"),
        ({"volatility": 0.2, "target_volatility": -1}, "target_volatility must be positive"),
        ({"max_scale": 0}, "max_scale must be positive"),
    ],
)
def test_a_quantity_of_nonsense_is_refused(terms, words):
    with pytest.raises(UsageError, match=words):
        calculate_quantity(**{"position_size": 0.3, "equity": 100_000, "price": 101, **terms})


def test_volatility_of_returns_that_swing_by_a_hundredth():
    closes = [math.exp(0.01 * (k % 2)) for k in range(5)]  # four returns of +-0.01: variance 4/3 * 0.0001 a period
    assert realised_volatility(closes) == pytest.approx(math.sqrt(0.0001 * 4 / 3 * 252))
    assert realised_volatility(closes, periods_per_year=12) == pytest.approx(math.sqrt(0.0001 * 4 / 3 * 12))


def test_a_price_that_grows_steadily_has_no_volatility():
    assert realised_volatility([100, 110, 121, 133.1]) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("closes", "error"), [([1, 2], NotEnoughHistoryError), ([1, 2, 0], UsageError), ([1, 2, math.nan], UsageError)])
def test_volatility_of_too_few_or_impossible_prices_is_refused(closes, error):
    with pytest.raises(error):
        realised_volatility(closes)


# equity 10,000 at a price of 10: 0.3 is 300 shares
ORDERS = [
    ("BUY", 0.3, 0, False, ("BUY", 300)),
    ("BUY", 0.3, 100, False, ("BUY", 200)),
    ("BUY", 0.3, 300, False, None),
    ("BUY", 0.3, 500, False, None),
    ("BUY", 0.3, -100, True, ("BUY", 400)),
    ("BUY", 0, -100, True, ("BUY", 100)),
    ("BUY", 0, 100, False, None),
    ("SELL", 0.3, 0, False, None),
    ("SELL", 0.3, 500, False, ("SELL", 500)),
    ("SELL", 0, 500, False, ("SELL", 500)),
    ("SELL", 0.3, -50, False, None),
    ("SELL", 0.3, 0, True, ("SELL", 300)),
    ("SELL", 0.3, 500, True, ("SELL", 800)),
    ("SELL", 0.3, -100, True, ("SELL", 200)),
    ("SELL", 0.3, -300, True, None),
    ("SELL", 0, 500, True, ("SELL", 500)),
    ("HOLD", 0, 500, True, None),
    ("HOLD", 0.3, 0, True, None),
]


@pytest.mark.parametrize(("action", "size", "held", "short", "order"), ORDERS)
def test_an_order_leads_from_what_is_held_to_what_is_wanted(action, size, held, short, order):
    found = order_for(AgentDecision(action, size), Account(equity=10_000, price=10, held=held), Mandate(allow_short=short))
    assert found == (None if order is None else (Side.of(order[0]), order[1]))


def test_an_order_is_of_whole_lots_and_leaves_odd_ones():
    lots = Mandate(lot_size=100)
    assert order_for(AgentDecision("SELL", 0), Account(equity=10_000, price=10, held=250), lots) == (Side.SELL, 200)
    assert order_for(AgentDecision("BUY", 0.3), Account(equity=10_000, price=10, held=150), lots) == (Side.BUY, 100)
    assert order_for(AgentDecision("SELL", 0), Account(equity=10_000, price=10, held=50), lots) is None


def test_a_mandate_hands_on_its_volatility_target():
    account = Account(equity=10_000, price=10, volatility=0.1)
    assert Mandate(target_volatility=0.05).quantity(0.3, account) == 150
    assert Mandate(target_volatility=0.5).quantity(0.3, account) == 300
    assert Mandate(target_volatility=0.5, max_scale=2).quantity(0.3, account) == 600
    assert Mandate().quantity(0.3, account) == 300
    with pytest.raises(UsageError, match="needs volatility"):
        Mandate(target_volatility=0.05).quantity(0.3, Account(equity=10_000, price=10))


def test_a_ruined_account_can_close_and_not_open():
    ruined = Account(equity=-5, price=10, held=100)
    assert order_for(AgentDecision("SELL", 1), ruined) == (Side.SELL, 100)
    with pytest.raises(UsageError, match="equity must be positive"):
        order_for(AgentDecision("BUY", 1), ruined)


@given(st.sampled_from(["BUY", "SELL"]), st.floats(0, 1), st.integers(-2000, 2000), st.booleans(), st.sampled_from([1, 10, 100]))
def test_the_same_decision_given_twice_trades_once_and_a_long_account_never_goes_short(action, size, held, short, lot):
    held *= lot
    mandate, account = Mandate(allow_short=short, lot_size=lot), Account(equity=10_000, price=7, held=held)
    order = order_for(AgentDecision(action, size), account, mandate)
    if order is not None:
        side, shares = order
        after = held + side * shares
        assert side == Side.of(action)
        assert shares > 0
        assert shares % lot == 0
        assert order_for(AgentDecision(action, size), dataclasses.replace(account, held=after), mandate) is None
        assert short or side == Side.BUY or after == 0


@pytest.mark.parametrize(
    "terms",
    [
        {"duration_minutes": 0},
        {"duration_minutes": math.inf},
        {"lot_size": 0},
        {"target_volatility": 0},
        {"max_scale": -1},
        {"volatility_sessions": 1},
        {"max_participation": 10},
    ],
)
def test_a_mandate_out_of_range_is_refused(terms):
    with pytest.raises(UsageError, match=next(iter(terms))):
        Mandate(**terms)


@pytest.mark.parametrize("terms", [{"price": 0}, {"price": math.nan}, {"volatility": 0}, {"equity": math.nan}, {"held": math.inf}])
def test_an_impossible_account_is_refused(terms):
    with pytest.raises(UsageError, match=next(iter(terms))):
        Account(**{"equity": 10_000, "price": 10, **terms})
