"""The desk of a rehearsal venue without its sockets: pages, limits of rate, accounts, what is told when."""

import json
import math

import pytest
from small_markets import at, minute_bars

from exec_algos.errors import UsageError
from exec_algos.market.hours import sessions_of
from exec_algos.sim.desk import Desk, DeskSettings
from exec_algos.sim.exchange import Exchange
from exec_algos.sim.faults import FAULTS, Faults
from exec_algos.sim.http import Request
from exec_algos.sim.recorded import RecordedMarket
from exec_algos.sim.settings import ExchangeSettings

SECOND = 1_000_000_000


def desk(**settings):
    bars = minute_bars([(10.0, 10.0, 10.0, 10.0)] * 5, volume=60_000)
    exchange = Exchange(RecordedMarket(bars, sessions_of(bars, None), ExchangeSettings(tick=0.5)), at("09:30"))
    return Desk(exchange, DeskSettings(**settings), lambda events: None)


def ask(venue, method, path, body=None, account="a", **query):
    request = Request(method, tuple(path.split("/")), query, account, b"" if body is None else json.dumps(body).encode())
    reply = venue.handle(request)
    return reply.status, json.loads(reply.body)


def send(venue, limit=None, account="a", **more):
    status, said = ask(venue, "POST", "orders", {"symbol": "X", "side": "BUY", "quantity": 10, "limit": limit, **more}, account)
    assert status == 201, said
    return said["venue_id"]


def listed(venue, account="a", between=lambda: None, **query):
    """Ids on all pages; `between` happens after each."""
    found, cursor = [], {}
    while True:
        _, said = ask(venue, "GET", "orders", account=account, **query, **cursor)
        found.append([row["venue_id"] for row in said["orders"]])
        if not said["more"]:
            return found
        cursor = {"cursor": said["cursor"]}
        between()


def test_pages_hold_each_order_once_in_the_order_in_which_they_were_taken():
    venue = desk(page=2)
    ids = [send(venue, limit) for limit in (9.0, None, 9.0, None, 9.0)]
    assert listed(venue) == [ids[:2], ids[2:4], ids[4:]]
    assert listed(desk(page=2)) == [[]]


def test_an_order_that_ends_while_pages_are_read_is_on_one_of_them():
    venue = desk(page=1)
    ids = [send(venue, 9.0) for _ in range(3)]
    venue.exchange.advance(at("09:30") + 10 * SECOND)

    def end_the_rest():
        venue.exchange.advance(venue.exchange.now + SECOND)
        for venue_id in ids[1:]:
            ask(venue, "POST", f"orders/{venue_id}/cancel", {})

    assert listed(venue, between=end_the_rest, since=str(at("09:30") + 5 * SECOND)) == [ids[:1], ids[1:2], ids[2:]]


def test_since_leaves_out_what_was_over_before():
    venue = desk()
    resting, _ = send(venue, 9.0), send(venue)
    venue.exchange.advance(at("09:30") + SECOND)
    later = send(venue)
    assert listed(venue, since=str(at("09:30") + SECOND)) == [[resting, later]]


def test_an_account_sees_and_cancels_its_own_orders_only():
    venue = desk()
    own, other = send(venue, 9.0), send(venue, 9.0, account="b")
    assert (listed(venue), listed(venue, account="b")) == ([[own]], [[other]])
    assert ask(venue, "POST", f"orders/{other}/cancel", {})[1]["code"] == "unknown_order"
    assert ask(venue, "GET", "positions", account="b")[1] == {"positions": {}}


def test_more_requests_than_the_rate_in_a_second_of_the_venue_are_refused_unread():
    venue = desk(rate=3)
    assert [ask(venue, "GET", "book/X")[0] for _ in range(5)] == [200] * 3 + [429] * 2
    venue.exchange.advance(at("09:30") + SECOND)
    assert ask(venue, "GET", "book/X")[0] == 200
    unlimited = desk(rate=0)
    assert {ask(unlimited, "GET", "book/X")[0] for _ in range(500)} == {200}


def test_executions_and_cancels_stand_in_the_list_when_they_are_confirmed():
    venue = desk(confirm=2)
    send(venue)
    resting = send(venue, 9.0)
    ask(venue, "POST", f"orders/{resting}/cancel", {})

    def states():
        return [(row["state"], row["filled"], row["open"]) for row in ask(venue, "GET", "orders")[1]["orders"]]

    assert states() == [("open", 0, 10), ("open", 0, 10)]
    venue.exchange.advance(at("09:30") + 2 * SECOND)
    assert states() == [("done", 10, 0), ("done", 0, 0)]


def test_without_client_ids_equal_ids_are_two_orders_and_nobody_is_told_of_them():
    venue = desk(client_ids=False)
    send(venue, own_id="one")
    send(venue, own_id="one")
    assert [row["own_id"] for row in ask(venue, "GET", "orders")[1]["orders"]] == ["", ""]
    assert ask(venue, "POST", "orders/own/one/cancel", {})[1]["code"] == "unknown_order"


def test_rates_deal_the_same_faults_under_the_same_seed_and_about_as_many_as_they_say():
    rates = {"lost_before": 0.05, "send.late": 0.02, "push_lost": 0.5}
    first, second, third = (Faults(seed=seed, rates=rates) for seed in (1, 1, 2))
    dealt = [[faults.next("send") for _ in range(20_000)] for faults in (first, second, third)]
    assert dealt[0] == dealt[1] != dealt[2]
    names = [fault.name for fault in dealt[0] if fault]
    assert names.count("lost_before") / 20_000 == pytest.approx(0.05, abs=0.006)
    assert names.count("late") / 20_000 == pytest.approx(0.02, abs=0.004)
    assert {fault.seconds <= 20 for fault in dealt[0] if fault} == {True}
    assert set(names) == {"lost_before", "late"}


def test_what_happens_to_orders_does_not_depend_on_how_much_is_read():
    quiet, busy = (Faults(seed=3, rates={"lost_before": 0.3}) for _ in range(2))
    alone = [quiet.next("send") for _ in range(50)]
    beside = []
    for _ in range(50):
        busy.next("read", "orders")
        beside.append(busy.next("send"))
    assert alone == beside


@pytest.mark.parametrize("name", FAULTS)
def test_a_rate_of_one_deals_that_fault_where_it_can_happen(name):
    faults = Faults(rates={name: 1.0})
    met = [on for on in ("send", "cancel", "read", "orders", "push") if faults.next(*(("read", "orders") if on == "orders" else (on,)))]
    assert met
    assert all(on in FAULTS[name] for on in met)


@pytest.mark.parametrize("settings", [{"page": 0}, {"rate": -1}, {"rate": math.nan}, {"confirm": math.inf}])
def test_settings_of_a_desk_that_cannot_be_are_refused(settings):
    with pytest.raises(UsageError, match="page >= 1"):
        DeskSettings(**settings)
