"""What the exchange core does for a venue with KRX's rules: orders beside the book, IOC and FOK, parts that end, ticks by price."""

import math

import pytest
from small_markets import at, minute_bars

from exec_algos.market.hours import sessions_of
from exec_algos.sim.exchange import CLOSED, Exchange
from exec_algos.sim.orders import BUY, SELL, Ticket
from exec_algos.sim.recorded import RecordedMarket
from exec_algos.sim.settings import ExchangeSettings

SECOND = 1_000_000_000
FLAT = [(10.0, 10.0, 10.0, 10.0)] * 20


def exchange(rows=FLAT, start="09:30", tick_at=None, **settings):
    bars = minute_bars(rows, volume=1200)  # 20 shares a second, 120 visible
    return Exchange(RecordedMarket(bars, sessions_of(bars, None), ExchangeSettings(tick=0.5, **settings), tick_at), at(start))


def order(quantity, side=BUY, limit=math.nan, lasts="day", reserve=math.nan):
    return Ticket(account="a", symbol="X", side=side, quantity=quantity, limit=limit, lasts=lasts, reserve=reserve)


def told(venue):
    return [(event.kind, event.quantity, event.request) for event in venue.drain()]


def test_an_order_aside_holds_cash_and_trades_when_it_enters_the_book():
    venue = exchange(cash=1_000.0)
    found = venue.submit(order(90, limit=10.5), aside=True)
    venue.advance(at("09:31"))
    assert (found.filled, found.open, venue.account("a").held) == (0, 90, 945)
    assert venue.submit(order(10)).code == "cash"
    venue.enter(found.venue_id)
    venue.enter(found.venue_id)
    assert (found.filled, venue.account("a").held) == (90, 0)


def test_an_order_that_leaves_the_book_trades_nothing_until_it_is_back():
    venue = exchange()
    found = venue.submit(order(500, limit=10.5))
    venue.leave(found.venue_id)
    filled = found.filled
    venue.advance(at("09:32"))
    assert (found.filled, found.state) == (filled, "open")
    assert not venue.fill_rest(found.venue_id)
    venue.enter(found.venue_id)
    assert found.filled > filled


def test_an_order_aside_outlives_the_close():
    venue = exchange()
    aside, resting = venue.submit(order(10, limit=9.0), aside=True), venue.submit(order(10, limit=9.0))
    venue.advance(at("10:00"))
    assert (aside.state, resting.state, resting.reason) == ("open", "done", CLOSED)


@pytest.mark.parametrize(("lasts", "quantity", "filled"), [("ioc", 130, 120), ("ioc", 120, 120), ("fok", 130, 0), ("fok", 120, 120)])
def test_orders_that_last_an_instant(lasts, quantity, filled):
    venue = exchange()
    found = venue.submit(order(quantity, lasts=lasts))
    assert (found.state, found.filled, found.cancelled, found.open) == ("done", filled, quantity - filled, 0)
    assert venue.account("a").held == pytest.approx(0)


def test_a_part_that_is_cancelled_gives_its_cash_back_and_the_rest_goes_on():
    venue = exchange()
    found = venue.submit(order(100, limit=9.0))
    assert venue.cancel(found.venue_id, 40, "C1") is None
    assert (found.state, found.open, found.cancelled, venue.account("a").held) == ("open", 60, 40, 540)
    assert venue.cancel(found.venue_id, 60, "C2") is None
    assert (found.state, found.open, found.cancelled) == ("done", 0, 100)
    assert told(venue) == [("accepted", 0, ""), ("cancelled", 40, "C1"), ("cancelled", 60, "C2")]


def test_an_order_with_a_cancelled_part_is_done_when_the_rest_has_traded():
    venue = exchange()
    found = venue.submit(order(200, limit=10.5))
    venue.cancel(found.venue_id, 50)
    venue.advance(at("09:31"))
    assert (found.state, found.filled, found.cancelled) == ("done", 150, 50)


def test_a_reject_after_acceptance_gives_back_what_was_held_and_never_undoes_a_trade():
    venue = exchange()
    found, traded = venue.submit(order(100, limit=9.0)), venue.submit(order(200))
    venue.reject(found.venue_id, "rejected", "by the exchange")
    venue.reject(traded.venue_id, "rejected", "by the exchange")
    assert (found.state, found.reason, traded.state, traded.filled) == ("rejected", "by the exchange", "open", 120)
    assert venue.account("a").held == pytest.approx(80 * traded.hold)


def test_a_market_order_holds_what_it_reserves():
    venue = exchange(cash=1_000.0)
    assert venue.submit(order(80, reserve=13.0)).code == "cash"
    found = venue.submit(order(70, reserve=13.0))
    assert (found.filled, venue.account("a").held) == (70, 0)


def test_a_trade_costs_what_the_venue_charges():
    venue = exchange(cash=1_000.0)
    venue.charge = lambda execution: 0.01 * execution.quantity * execution.price
    venue.submit(order(50))
    venue.submit(order(20, SELL))
    assert venue.account("a").cash == pytest.approx(1_000 - 500 - 5 + 200 - 2)


def test_a_symbol_that_does_not_trade_lets_orders_wait():
    venue = exchange()
    venue.trades = lambda symbol: False
    found = venue.submit(order(50))
    venue.advance(at("09:35"))
    assert found.filled == 0
    venue.trades = lambda symbol: True
    venue.advance(at("09:36"))
    assert found.filled == 50


def test_a_trade_at_a_price_keeps_within_limit_and_quantity():
    venue = exchange()
    found = venue.submit(order(100, limit=9.0), aside=True)
    venue.trade_at(found.venue_id, 30, 9.5)
    assert found.filled == 0
    venue.trade_at(found.venue_id, 130, 8.5)
    assert (found.filled, found.amount, found.state) == (100, 850, "done")


def test_nothing_trades_in_the_call_before_the_close():
    venue = exchange(start="09:42", closing_call=600.0, auction=0.3)  # its session ends at 09:50
    found = venue.submit(order(50))
    venue.advance(at("09:50") - 1)
    assert found.filled == 0
    venue.advance(at("09:50"))
    assert [(execution.time, execution.quantity) for execution in found.executions] == [(at("09:50"), 50)]


@pytest.mark.parametrize(
    ("price", "down", "up"), [(100.0, 99.5, 101.0), (99.5, 99.0, 100.0), (101.0, 100.0, 102.0)]
)  # fmt: skip
def test_a_step_down_from_the_edge_of_a_band_has_the_tick_below(price, down, up):
    market = exchange(tick_at=lambda symbol, price: 1.0 if price >= 100 else 0.5).market
    assert (market.away("X", price, -1), market.away("X", price, 1)) == (down, up)


def test_quotes_lie_on_the_ticks_of_their_own_prices():
    rows = [(98.0, 103.0, 98.0, 103.0)] * 20
    venue = exchange(rows, tick_at=lambda symbol, price: 1.0 if price >= 100 else 0.5)
    seen = set()
    for second in range(0, 1200, 7):
        venue.advance(at("09:30") + second * SECOND)
        quote = venue.market.quote("X", venue.now)
        assert quote.bid <= quote.last <= quote.ask
        assert quote.ask - quote.bid == (1.0 if quote.bid >= 100 else 0.5)
        seen |= {quote.bid, quote.ask}
    assert {price % 1 for price in seen if price > 100} == {0.0}
    assert {price % 1 for price in seen if price < 100} == {0.0, 0.5}


def test_a_limit_is_held_against_the_tick_at_its_price():
    venue = exchange(tick_at=lambda symbol, price: 1.0 if price >= 10 else 0.5)
    assert venue.submit(order(10, limit=9.5)).state == "open"
    assert venue.submit(order(10, limit=10.5)).code == "limit"
