"""Each fault of a rehearsal venue, as a plain HTTP client and a listener to its reports see it, while its clock stands still."""

import asyncio
import contextlib
import itertools
import json

import httpx
import pytest
from small_markets import at, minute_bars
from websockets.asyncio.client import connect as listening
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from exec_algos.errors import VenueError
from exec_algos.sim.faults import FAULTS
from exec_algos.testing.rehearsal import rehearsal

SECOND = 1_000_000_000
names = itertools.count()
HANGS = ("lost_after", "late")  # faults whose connection stays open: only there a client must be impatient


@pytest.fixture(scope="module")
def venue():
    bars = minute_bars([(10.0, 10.5, 9.5, 10.0)] * 300, volume=60_000)
    with rehearsal(bars, start="2024-01-02 09:30", tick=0.5, speed=1) as running:
        running.control.clock(paused=True)
        yield running


@pytest.fixture
def client(venue):
    """A client with an account of its own, and no fault left over."""
    venue.control.faults()
    with httpx.Client(base_url=venue.url, timeout=10, headers={"x-account": f"account-{next(names)}"}, trust_env=False) as found:
        yield found
    venue.control.faults()


def order(**more):
    return {"symbol": "X", "side": "BUY", "quantity": 10, "limit": None, **more}


def patience(fault):
    """Seconds."""
    return 0.25 if fault in HANGS else 10


def own(venue, client):
    return [row for row in venue.control.truth()["orders"] if row["account"] == client.headers["x-account"]]


def listen(venue, client):
    return connect(venue_push(venue, client), proxy=None)


def venue_push(venue, client):
    return f"{httpx.get(f'{venue.url}/venue', trust_env=False).json()['push']}/{client.headers['x-account']}"


def received(stream):
    """All that comes within a while."""
    found = []
    while True:
        try:
            found.append(json.loads(stream.recv(timeout=0.25)))
        except TimeoutError:
            return found


UNANSWERED = {
    "lost_before": (httpx.RemoteProtocolError, 0),
    "lost_after": (httpx.ReadTimeout, 1),
    "half_body": (httpx.RemoteProtocolError, 1),
    "reset": (httpx.ReadError, 1),
}


@pytest.mark.parametrize("fault", UNANSWERED)
def test_an_order_without_an_answer_is_there_or_not(venue, client, fault):
    error, there = UNANSWERED[fault]
    venue.control.faults([{"on": "send", "n": 2, "fault": fault}])
    assert client.post("/orders", json=order()).status_code == 201
    with pytest.raises(error):
        client.post("/orders", json=order(), timeout=patience(fault))
    assert client.post("/orders", json=order()).status_code == 201
    assert len(own(venue, client)) == 2 + there


def test_where_nothing_hangs_the_connection_is_closed(venue, client):
    venue.control.faults([{"on": "send", "n": 1, "fault": "lost_after"}], hang=False)
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/orders", json=order())
    assert len(own(venue, client)) == 1


@pytest.mark.parametrize("seconds", [20, 50])
def test_a_late_order_is_taken_when_its_time_has_come(venue, client, seconds):
    sent = venue.control.now
    venue.control.faults([{"on": "send", "n": 1, "fault": "late", "seconds": seconds}])
    with pytest.raises(httpx.ReadTimeout):
        client.post("/orders", json=order(), timeout=patience("late"))
    venue.control.clock(to=sent + seconds * SECOND - 1)
    assert own(venue, client) == []
    venue.control.clock(to=sent + seconds * SECOND)
    assert [row["accepted"] for row in own(venue, client)] == [sent + seconds * SECOND]


@pytest.mark.parametrize(("fault", "there"), [("error_5xx", 0), ("error_5xx_after", 1)])
def test_an_error_of_the_server_does_not_say_what_was_done(venue, client, fault, there):
    venue.control.faults([{"on": "send", "n": 1, "fault": fault}])
    answer = client.post("/orders", json=order())
    assert (answer.status_code, answer.json()) == (503, {"error": "internal error, please check later"})
    assert len(own(venue, client)) == there


def test_a_refusal_by_the_limit_of_rate_is_unread(venue, client):
    venue.control.faults([{"on": "send", "n": 1, "fault": "rate"}])
    answer = client.post("/orders", json=order())
    assert (answer.status_code, answer.json()["code"], own(venue, client)) == (429, "rate", [])


def test_rows_come_late_to_the_list_and_not_to_the_truth(venue, client):
    venue.control.faults([{"on": "send", "n": 1, "fault": "rows_late", "seconds": 30}])
    assert client.post("/orders", json=order()).status_code == 201
    assert client.get("/orders").json()["orders"] == []
    assert len(own(venue, client)) == 1
    venue.control.clock(to=venue.control.now + 30 * SECOND)
    assert len(client.get("/orders").json()["orders"]) == 1


def test_a_row_stands_twice_on_a_page(venue, client):
    client.post("/orders", json=order())
    venue.control.faults([{"on": "orders", "n": 1, "fault": "double_row"}])
    first, second = (client.get("/orders").json()["orders"] for _ in range(2))
    assert (len(first), first[0] == first[1], len(second)) == (2, True, 1)


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [("push_lost", ["fill"]), ("duplicate_report", ["accepted", "accepted", "fill"]), (None, ["accepted", "fill"])],
)
def test_reports_are_lost_or_come_twice(venue, client, fault, kinds):
    with listen(venue, client) as stream:
        stream.ping().wait()
        venue.control.faults([{"on": "push", "n": 1, "fault": fault}] if fault else [])
        client.post("/orders", json=order())
        assert [report["kind"] for report in received(stream)] == kinds


def test_a_report_comes_before_the_answer(venue, client):
    async def both():
        async with listening(venue_push(venue, client), proxy=None) as stream:
            await (await stream.ping())
            async with httpx.AsyncClient(base_url=venue.url, headers=client.headers, trust_env=False) as http:
                await http.get("/positions")  # connected: nothing but the answer is waited for
                sending = asyncio.ensure_future(http.post("/orders", json=order()))
                report = json.loads(await stream.recv())
                await asyncio.wait({sending}, timeout=0.02)  # an answer that is there is taken in
                return sending.done(), report["venue_id"], (await sending).json()["venue_id"]

    venue.control.faults([{"on": "send", "n": 1, "fault": "early_report"}])
    answered, reported, told = asyncio.run(both())
    assert (answered, reported) == (False, told)


def test_a_cancel_loses_to_the_trade_of_what_was_open(venue, client):
    venue_id = client.post("/orders", json=order(limit=9.5, quantity=700)).json()["venue_id"]
    venue.control.faults([{"on": "cancel", "n": 1, "fault": "cancel_loses"}])
    answer = client.post(f"/orders/{venue_id}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (422, "over")
    assert [(row["filled"], row["amount"], row["state"]) for row in own(venue, client)] == [(700, 6650, "done")]


@pytest.mark.parametrize(("fault", "left"), [("lost_before", "open"), ("lost_after", "done"), ("error_5xx_after", "done")])
def test_a_cancel_is_lost_before_or_after(venue, client, fault, left):
    venue_id = client.post("/orders", json=order(limit=9.0)).json()["venue_id"]
    venue.control.faults([{"on": "cancel", "n": 1, "fault": fault}], hang=False)
    with contextlib.suppress(httpx.RemoteProtocolError):
        assert client.post(f"/orders/{venue_id}/cancel").status_code == 503
    assert [row["state"] for row in own(venue, client)] == [left]
    assert client.post(f"/orders/{venue_id}/cancel").status_code == (200 if left == "open" else 422)


@pytest.mark.parametrize("fault", ["lost_before", "lost_after", "half_body", "reset"])
def test_reads_fail_too(venue, client, fault):
    venue.control.faults([{"on": "read", "n": 1, "fault": fault}])
    with pytest.raises(httpx.TransportError):
        client.get("/book/X", timeout=patience(fault))
    assert client.get("/book/X").status_code == 200


def test_in_an_outage_nothing_is_answered_or_reported_until_it_ends(venue, client):
    client.post("/orders", json=order(limit=9.0))
    with listen(venue, client) as stream:
        stream.ping().wait()
        venue.control.faults([{"on": "read", "n": 1, "fault": "outage", "seconds": 60}])
        for ask in (lambda: client.get("/book/X"), lambda: client.get("/clock"), lambda: client.post("/orders", json=order())):
            with pytest.raises(httpx.RemoteProtocolError):
                ask()
        with pytest.raises(ConnectionClosed):
            stream.recv(timeout=5)
    assert len(own(venue, client)) == 1
    venue.control.clock(to=venue.control.now + 60 * SECOND)
    assert client.post("/orders", json=order()).status_code == 201


def test_every_fault_has_a_test_here():
    with open(__file__, encoding="utf-8") as source:
        text = source.read()
    assert [fault for fault in FAULTS if f'"{fault}"' not in text] == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"script": [{"on": "send", "n": 1, "fault": "lost"}]}, "unknown fault 'lost'.*lost_after"),
        ({"script": [{"on": "sent", "n": 1, "fault": "late"}]}, "did you mean send"),
        ({"script": [{"on": "push", "n": 1, "fault": "late"}]}, "late cannot happen on push"),
        ({"script": [{"on": "send", "n": 0, "fault": "late"}]}, "n must be a whole number from 1"),
        ({"script": [{"on": "send", "fault": "late"}]}, "has on, n, fault"),
        ({"script": [{"on": "send", "n": 1, "fault": "late"}] * 2}, "two faults are scripted"),
        ({"rates": {"late": 1.5}}, r"must be in \[0, 1\]"),
        ({"rates": {"late": 0.6, "rate": 0.6}}, "add up to 1.2"),
        ({"late_seconds": -1}, "late_seconds must be"),
        ({"speed": 2}, "unknown setting of faults"),
    ],
)
def test_faults_that_cannot_be_are_refused(venue, said, words):
    with pytest.raises(VenueError, match=words):
        venue.control.faults(**said)


def test_the_clock_of_a_venue_goes_forward_only(venue):
    with pytest.raises(VenueError, match="must not go back"):
        venue.control.clock(to=at("09:00"))
    with pytest.raises(VenueError, match="speed must be above 0"):
        venue.control.clock(speed=0)


def test_what_makes_no_sense_is_refused_and_does_nothing(venue, client):
    bad = [
        b"",
        b"[1]",
        b"{",
        b"[" * 100_000,
        b'{"symbol":"X","side":"BUY","quantity":NaN}',
        b'{"symbol":"X","side":"BUY","quantity":1e999}',
    ]
    written = [order(side="buy"), order(quantity="10"), order(quantity=True), order(limit="9"), order(own_id="x" * 37), order(own_id="a b")]
    answers = [client.post("/orders", content=body) for body in bad] + [client.post("/orders", json=body) for body in written]
    answers += [
        client.get("/nothing"),
        client.get("/orders?since=-1"),
        client.get(f"/orders?since={'9' * 5000}"),
        client.get("/orders?cursor=x"),
    ]
    assert [answer.status_code for answer in answers] == [400] * len(answers)
    assert own(venue, client) == []
    assert client.get("/book/NONE").json()["lasting"] is True


@pytest.mark.parametrize(
    ("path", "said", "words"),
    [
        ("clock", {"speed": 2, "to": "noon"}, "to must be ns UTC"),
        ("clock", {"paused": 0}, "paused true or false"),
        ("clock", {"pause": True}, "did you mean paused"),
        ("clock", [], "the clock must be an object"),
        ("account", {"account": "rich", "cash": True}, "cash must be a number"),
        ("account", {"account": "rich", "cash": 1e300}, "cash must be a number"),
        ("account", {"account": "rich", "positions": {"Z": 1}}, "unknown field of positions 'Z'"),
        ("account", {"account": "rich", "positions": {"X": None}}, "X must be a number"),
        ("faults", [], "faults must be an object"),
    ],
)
def test_a_control_that_cannot_be_is_refused_and_changes_nothing(venue, client, path, said, words):
    before = client.get("/clock").json()
    answer = client.post(f"/control/{path}", json=said)
    assert (answer.status_code, words in answer.json()["text"]) == (400, True)
    assert client.get("/clock").json() == before
    rich = {"x-account": "rich"}
    assert (client.get("/account", headers=rich).json()["cash"], client.get("/positions", headers=rich).json()) == (
        {"": 1e12},
        {"positions": {}},
    )


def test_an_account_is_given_cash_and_shares(venue, client):
    name = client.headers["x-account"]
    venue.control.account(name, cash=50.0, positions={"X": 7})
    assert (client.get("/account").json()["cash"], client.get("/positions").json()["positions"]) == ({"": 50.0}, {"X": 7})
    assert client.post("/orders", json=order()).json()["code"] == "cash"


def test_connections_are_ended_and_may_come_again(venue, client):
    with listen(venue, client) as stream:
        stream.ping().wait()
        venue.control.drop()
        with pytest.raises(ConnectionClosed):
            stream.recv(timeout=5)
    assert client.post("/orders", json=order()).status_code == 201
