"""The exchange of a rehearsal, by values worked out by hand: minute bars of 1,200 shares trade 20 shares a second."""

import math

import pytest
from small_markets import MINUTE, at, minute_bars

from exec_algos.errors import UsageError
from exec_algos.market.hours import sessions_of
from exec_algos.sim.exchange import CLOSED, Exchange
from exec_algos.sim.orders import BUY, SELL, Ticket
from exec_algos.sim.recorded import RecordedMarket
from exec_algos.sim.settings import ExchangeSettings

SECOND = 1_000_000_000
FLAT = [(10.0, 10.0, 10.0, 10.0)] * 5


def exchange(rows=FLAT, start="09:30", volume=1200, days=(), **settings):
    bars = minute_bars(rows, *days, volume=volume)
    return Exchange(RecordedMarket(bars, sessions_of(bars, None), ExchangeSettings(**settings)), at(start))


def order(quantity, side=BUY, limit=math.nan, own_id="", symbol="X", account="a"):
    return Ticket(account=account, symbol=symbol, side=side, quantity=quantity, limit=limit, own_id=own_id)


def trades(found):
    return [((execution.time - at("09:30")) / SECOND, execution.quantity, execution.price) for execution in found.executions]


def test_an_order_of_the_visible_size_fills_at_once():
    venue = exchange()
    found = venue.submit(order(120))  # a tenth of 1,200
    assert (found.state, trades(found)) == ("done", [(0.0, 120, 10.0)])


def test_the_rest_of_a_larger_one_fills_as_fast_as_half_of_the_volume_trades():
    venue = exchange()
    found = venue.submit(order(150))
    venue.advance(at("09:31"))
    assert trades(found) == [(0.0, 120, 10.0), (1.0, 10, 10.0), (2.0, 10, 10.0), (3.0, 10, 10.0)]


def test_what_we_took_is_gone_for_the_next_order_until_the_volume_brings_it_back():
    venue = exchange()
    venue.submit(order(100))
    assert venue.book("X").asks[0][1] == 20
    venue.advance(at("09:30") + 3 * SECOND)
    assert venue.book("X").asks[0][1] == 50
    venue.advance(at("09:30") + 30 * SECOND)
    assert venue.book("X").asks[0][1] == 120


def test_own_trades_are_on_the_tape():
    venue = exchange()
    venue.submit(order(120))
    venue.advance(at("09:30") + 30 * SECOND)
    assert venue.book("X").traded == 600 + 120


def test_a_limit_order_rests_and_trades_when_the_path_comes_down_to_it():
    venue = exchange([(10.0, 10.0, 10.0, 10.0), (10.0, 10.0, 9.0, 9.5), (9.5, 9.5, 9.5, 9.5)], tick=0.5)
    found = venue.submit(order(60, limit=9.0))
    venue.advance(at("09:31"))
    assert found.executions == []
    venue.advance(at("09:32"))
    assert {(execution.price, at("09:31") <= execution.time < at("09:32")) for execution in found.executions} == {(9.0, True)}
    assert found.filled == 60


def test_a_limit_below_all_prices_ends_with_the_day():
    venue = exchange()
    found = venue.submit(order(60, limit=9.0))
    venue.advance(at("09:35"))
    assert (found.state, found.filled, found.reason, found.ended) == ("done", 0, CLOSED, at("09:35"))


def test_orders_before_the_open_trade_at_the_first_open():
    venue = exchange([(10.0, 10.5, 9.5, 10.2), *FLAT], start="09:00", tick=0.1)
    bought, cheap, sold = venue.submit(order(50)), venue.submit(order(50, limit=9.9)), venue.submit(order(40, SELL))
    assert [found.state for found in (bought, cheap, sold)] == ["open"] * 3
    venue.advance(at("09:30"))
    assert [trades(found) for found in (bought, cheap, sold)] == [[(0.0, 50, 10.0)], [], [(0.0, 40, 10.0)]]


def test_the_closing_auction_trades_at_the_last_close_and_no_more_than_its_part():
    venue = exchange([(10.0, 10.0, 10.0, 10.0), (10.0, 10.0, 9.0, 9.5)], tick=0.5, refill=0.0)
    found = venue.submit(order(600, SELL, limit=9.5))
    venue.advance(at("09:32"))
    assert trades(found)[-1] == (120.0, 240, 9.5)  # 0.3 x 1,200 less the 120 that the book gave before
    assert (found.filled, found.reason) == (360, CLOSED)


def test_nothing_trades_in_a_minute_without_a_bar_or_without_volume():
    rows = [(10.0, 10.0, 10.0, 10.0, 1200), None, (10.0, 10.0, 10.0, 10.0, 0), (10.0, 10.0, 10.0, 10.0, 1200)]
    venue = exchange(rows)
    venue.advance(at("09:31"))
    found = venue.submit(order(100))
    assert venue.book("X").asks == ((10.01, 0.0),)
    venue.advance(at("09:35") - MINUTE)
    assert trades(found) == [(180.0, 100, 10.0)]


def test_cash_and_shares_move_with_every_trade():
    venue = exchange([(10.0, 10.0, 10.0, 10.0)] * 3, cash=10_000.0)
    venue.submit(order(100))
    venue.submit(order(30, SELL))
    account = venue.account("a")
    assert (account.cash, account.positions) == (10_000 - 1_000 + 300, {"X": 70})
    assert account.held == pytest.approx(0)


@pytest.mark.parametrize(
    ("ticket", "code", "lasting"),
    [
        (order(100, symbol="Y"), "symbol", True),
        (order(0), "quantity", False),
        (order(15), "quantity", False),
        (order(100, limit=10.005), "limit", False),
        (order(100, limit=-1.0), "limit", False),
        (order(2_000), "cash", False),
        (order(100, SELL), "position", False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_carried_is_rejected(ticket, code, lasting):
    venue = exchange(lot=10, tick=0.01, cash=15_000.0, short_selling=False)
    found = venue.submit(ticket)
    assert (found.state, found.code, found.lasting, found.open) == ("rejected", code, lasting, 0)
    assert [event.kind for event in venue.drain()] == ["rejected"]


def test_open_orders_hold_cash_and_shares():
    venue = exchange(cash=1_000.0, short_selling=False, tick=0.5)
    first = venue.submit(order(100, limit=9.0))
    assert venue.submit(order(20, limit=9.0)).code == "cash"
    venue.cancel(first.venue_id)
    assert venue.submit(order(20)).state == "done"
    assert venue.submit(order(20, SELL, limit=11.0)).state == "open"
    assert venue.submit(order(1, SELL)).code == "position"


def test_an_own_id_names_one_order():
    venue = exchange()
    first = venue.submit(order(10, own_id="one"))
    assert venue.submit(order(10, own_id="one")).code == "own_id"
    assert venue.submit(order(10, own_id="one", account="b")).state == "done"
    assert venue.ledger.of_own_id("a", "one") is first


def test_a_cancel_ends_the_rest_and_a_second_is_refused():
    venue = exchange()
    found = venue.submit(order(500))
    assert venue.cancel(found.venue_id) is None
    assert (found.state, found.filled, found.open) == ("done", 120, 0)
    assert venue.cancel(found.venue_id).code == "over"
    assert venue.cancel("V000009").code == "unknown_order"


def test_an_amended_order_trades_at_its_new_limit():
    venue = exchange(tick=0.5)
    found = venue.submit(order(100, limit=9.0))
    assert venue.amend(found.venue_id, 80, 10.5) is None
    assert trades(found) == [(0.0, 80, 10.0)]
    assert venue.amend(found.venue_id, 90, 10.5).code == "over"


def test_orders_are_refused_where_the_exchange_is_closed():
    venue = exchange(start="08:00", days=[FLAT])
    assert venue.submit(order(10)).code == "closed"
    venue.advance(at("09:40"))
    assert venue.submit(order(10)).code == "closed"
    venue.advance(at("2024-01-03 09:00"))
    found = venue.submit(order(10))
    venue.advance(at("2024-01-03 09:30"))
    assert (found.filled, venue.book("X").traded) == (10, 10)


def test_bars_are_told_when_they_are_over_and_history_ends_before_the_day():
    venue = exchange(days=[FLAT])
    market = venue.market
    assert market.complete("X", at("09:31") - 1)["start"] == []
    assert market.complete("X", at("09:32"))["start"] == [at("09:30"), at("09:31")]
    assert market.history("X", at("09:32"), 5)["close"] == []
    assert market.history("X", at("2024-01-03 09:30"), 5)["close"] == [10.0] * 5


def test_time_does_not_go_back():
    with pytest.raises(UsageError, match="time must not go back"):
        exchange().advance(at("09:29"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"visible": 0}, "visible"), ({"visible": 0.6}, "visible"), ({"auction": 0.6}, "auction"), ({"spread_ticks": 0}, "spread_ticks"),
     ({"lot": -1}, "lot"), ({"cash": math.nan}, "cash"), ({"pulse": 0}, "pulse")],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(settings, said):
    with pytest.raises(UsageError, match=said):
        ExchangeSettings(**settings)
