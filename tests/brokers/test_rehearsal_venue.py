"""The adapter of the rehearsal venue, over a venue in a process of its own, and over servers that answer what they should not."""

import asyncio
import itertools
import json
import math
from contextlib import asynccontextmanager

import pytest
from small_markets import MINUTE, ZONE, at, minute_bars

from exec_algos.brokers.rehearsal import RehearsalVenue, rehearsal_clock
from exec_algos.brokers.venue import Accepted, Intent, NotSent, Placed, Rejected
from exec_algos.errors import OrderRejectedError, UsageError, VenueError
from exec_algos.model import Side
from exec_algos.testing.rehearsal import rehearsal

SECOND = 1_000_000_000
ROWS = [(10.0, 10.5, 9.5, 10.0)] * 300
names = itertools.count()


@pytest.fixture(scope="module")
def running():
    """Own ids, pages of two orders."""
    with rehearsal(minute_bars(ROWS, ROWS, volume=60_000), start="2024-01-03 09:30", tick=0.5, speed=1, page=2, currency="USD") as venue:
        venue.control.clock(paused=True)
        yield venue


@pytest.fixture(scope="module")
def anonymous():
    """No own ids; what happens is told two seconds later."""
    options = {"tick": 0.5, "speed": 1, "client_ids": False, "confirm_seconds": 2, "rate": 3}
    with rehearsal(minute_bars(ROWS, volume=60_000), start="2024-01-02 09:30", **options) as venue:
        venue.control.clock(paused=True)
        yield venue


def with_venue(venue, work, **options):
    """What ``work(adapter)`` returns, with an account of its own and without faults before and after."""

    async def run():
        adapter = RehearsalVenue(venue.url, account=f"account-{next(names)}", **{"timeout": 10, **options})
        try:
            return await work(adapter)
        finally:
            await adapter.close()

    venue.control.faults()
    try:
        return asyncio.run(run())
    finally:
        venue.control.faults()


def intent(quantity=10, limit=math.nan, own_id="", symbol="X", side=Side.BUY):
    return Intent(own_id=own_id, symbol=symbol, side=side, quantity=quantity, limit=limit)


def placed(answer, own_id=""):
    return Placed(venue_id=answer.venue_id if answer else "", own_id=own_id, symbol="X", side=Side.BUY, quantity=10, open=10)


def own(venue, adapter):
    return [row for row in venue.control.truth()["orders"] if row["account"] == adapter.account_name]


def test_the_venue_says_what_it_can_do_before_and_after_it_is_opened(running, anonymous):
    async def caps(adapter):
        before = adapter.caps
        await adapter.open()
        return before, adapter.caps

    with_ids, without = with_venue(running, caps), with_venue(anonymous, caps)
    assert with_ids[0] == with_ids[1]
    assert without[0] == without[1]
    assert [(found.name, found.paper, found.push, found.own_id_length, found.rate) for found in (with_ids[0], without[0])] == [
        ("sim", True, True, 36, 100.0),
        ("sim", True, True, 0, 3.0),
    ]


def test_an_order_is_accepted_with_the_time_at_which_it_was_taken(running):
    async def work(adapter):
        answer = await adapter.send(intent(own_id="p.1", limit=9.0))
        return answer, own(running, adapter)

    answer, (row,) = with_venue(running, work)
    assert answer == Accepted(row["venue_id"], row["accepted"])
    assert (row["own_id"], row["side"], row["quantity"], row["limit"]) == ("p.1", "BUY", 10, 9.0)


@pytest.mark.parametrize(("order", "code", "lasting"), [(intent(symbol="Y"), "symbol", True), (intent(limit=9.1), "limit", False)])
def test_a_refusal_says_whether_it_lasts(running, order, code, lasting):
    async def work(adapter):
        return await adapter.send(order)

    answer = with_venue(running, work)
    assert (type(answer), answer.code, answer.lasting) == (Rejected, code, lasting)


def test_without_a_connection_nothing_was_sent():
    async def work():
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        adapter = RehearsalVenue(f"http://127.0.0.1:{port}")
        answers = await adapter.send(intent()), await adapter.cancel(placed(None, "p.1"))
        with pytest.raises(VenueError, match="no connection"):
            await adapter.snapshot(0)
        with pytest.raises(VenueError, match="start exec-algos venue-sim"):
            _ = adapter.caps
        await adapter.close()
        return answers

    assert [type(answer) for answer in asyncio.run(work())] == [NotSent, NotSent]


def test_a_refusal_by_the_limit_of_rate_was_not_sent(anonymous):
    async def work(adapter):
        return [await adapter.send(intent()) for _ in range(5)], own(anonymous, adapter)

    anonymous.control.clock(to=anonymous.control.now + SECOND)
    answers, rows = with_venue(anonymous, work)
    assert [type(answer) for answer in answers] == [Accepted] * 3 + [NotSent] * 2
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("fault", "there"),
    [("lost_before", 0), ("lost_after", 1), ("error_5xx", 0), ("error_5xx_after", 1), ("half_body", 1), ("reset", 1)],
)
def test_without_a_clear_answer_an_order_is_unknown_and_never_sent_twice(running, fault, there):
    async def work(adapter):
        await adapter.book("X")  # a connection that is kept: a client could be tempted to try another
        running.control.faults([{"on": "send", "n": 1, "fault": fault}])
        with pytest.raises(VenueError) as raised:
            await adapter.send(intent())
        return type(raised.value), len(own(running, adapter))

    assert with_venue(running, work, timeout=0.25 if fault == "lost_after" else 10) == (VenueError, there)


def test_a_snapshot_holds_all_pages_or_says_that_it_does_not(running):
    async def work(adapter):
        for k in range(5):
            await adapter.send(intent(own_id=f"p.{k}"))
        whole = await adapter.snapshot(0)
        running.control.faults([{"on": "orders", "n": 2, "fault": "error_5xx"}, {"on": "orders", "n": 3, "fault": "lost_before"}])
        part = await adapter.snapshot(0)
        with pytest.raises(VenueError):
            await adapter.snapshot(0)
        return whole, part

    whole, part = with_venue(running, work)
    assert ([row.own_id for row in whole.orders], whole.complete) == ([f"p.{k}" for k in range(5)], True)
    assert ([row.own_id for row in part.orders], part.complete) == (["p.0", "p.1"], False)
    assert whole.as_of == running.control.now


def test_a_row_that_stands_twice_is_one_order(running):
    async def work(adapter):
        await adapter.send(intent())
        running.control.faults([{"on": "orders", "n": 1, "fault": "double_row"}])
        return await adapter.snapshot(0)

    assert len(with_venue(running, work).orders) == 1


def test_a_snapshot_is_of_a_symbol_and_since_a_time_with_what_is_open(running):
    async def work(adapter):
        resting = await adapter.send(intent(limit=9.0))
        await adapter.send(intent())
        running.control.clock(to=running.control.now + SECOND)
        later = await adapter.send(intent())
        since = running.control.now
        return resting, later, await adapter.snapshot(since), await adapter.snapshot(0, "X"), await adapter.snapshot(0, "NONE")

    resting, later, recent, whole, none = with_venue(running, work)
    assert [row.venue_id for row in recent.orders] == [resting.venue_id, later.venue_id]
    assert (len(whole.orders), none.orders, none.complete) == (3, (), True)
    assert math.isnan(recent.orders[1].limit)
    assert (recent.orders[0].state, recent.orders[0].open, recent.orders[1].state, recent.orders[1].amount) == ("open", 10, "done", 105)


def test_a_cancel_goes_by_either_id_and_an_order_that_is_over_is_refused(running):
    async def work(adapter):
        first = await adapter.send(intent(limit=9.0, own_id="p.1"))
        await adapter.send(intent(limit=9.0, own_id="p.2"))
        answers = [await adapter.cancel(placed(first)), await adapter.cancel(placed(None, "p.2")), await adapter.cancel(placed(first))]
        with pytest.raises(UsageError, match="a cancel needs"):
            await adapter.cancel(placed(None))
        return answers, own(running, adapter)

    (one, two, again), rows = with_venue(running, work)
    assert [type(answer) for answer in (one, two, again)] == [Accepted, Accepted, Rejected]
    assert (again.code, [row["state"] for row in rows]) == ("over", ["done", "done"])


def test_reports_come_as_they_happen_and_end_with_the_connection(running):
    async def work(adapter):
        await adapter.open()
        found = []

        async def listen():
            async for report in adapter.reports():
                found.append(report)  # noqa: PERF401 - seen while it grows

        listening = asyncio.ensure_future(listen())
        while not found:  # until the venue knows its listener
            await adapter.send(intent(limit=9.0))
            await asyncio.sleep(0)
        found.clear()
        running.control.faults()
        answer = await adapter.send(intent(20, own_id="p.1"))
        while len(found) < 2 or found[-1].kind != "fill":
            await asyncio.sleep(0)
        running.control.faults([{"on": "read", "n": 1, "fault": "outage", "seconds": 1}])
        with pytest.raises(VenueError):
            await adapter.book("X")
        await asyncio.wait_for(listening, 5)
        running.control.clock(to=running.control.now + SECOND)
        return answer, found[-2:]

    answer, (accepted, fill) = with_venue(running, work)
    assert (accepted.kind, accepted.venue_id, accepted.own_id, accepted.time) == ("accepted", answer.venue_id, "p.1", answer.time)
    assert (fill.kind, fill.quantity, fill.price, fill.filled, fill.amount) == ("fill", 20, 10.5, 20, 210)
    assert fill.execution_id.startswith("E")


def test_no_own_id_is_kept_and_executions_are_told_when_they_are_confirmed(anonymous):
    async def work(adapter):
        anonymous.control.clock(to=anonymous.control.now + SECOND)
        sent = await adapter.send(intent(own_id="p.1"))
        rows = [(await adapter.snapshot(0)).orders[0]]
        anonymous.control.clock(to=sent.time + 2 * SECOND)
        return [*rows, (await adapter.snapshot(0)).orders[0]]

    before, after = with_venue(anonymous, work)
    assert (before.own_id, before.filled, before.open, before.state) == ("", 0, 10, "open")
    assert (after.own_id, after.filled, after.open, after.state) == ("", 10, 0, "done")


def test_market_data_are_those_of_the_bars(running):
    async def work(adapter):
        running.control.clock(to=at("2024-01-03 09:33"))
        book = await adapter.book("X")
        return book, await adapter.bars("X", MINUTE), await adapter.history("X", 5, MINUTE), await adapter.instrument("X")

    book, today, earlier, instrument = with_venue(running, work)
    assert (len(today), len(earlier), earlier.zone) == (3, 300, ZONE)
    assert (list(today.start), list(today.volume)) == ([at("2024-01-03 09:30") + k * MINUTE for k in range(3)], [60_000] * 3)
    assert book.traded >= 180_000
    assert book.asks[0][0] - book.bids[0][0] == 0.5
    assert (instrument.lot_size, instrument.tick_size, instrument.currency, instrument.zone) == (1, 0.5, "USD", ZONE)


def test_bars_of_another_step_and_unknown_symbols_are_refused(running):
    async def work(adapter):
        with pytest.raises(VenueError, match=r"bars of 60 s, and bars of 300 s"):
            await adapter.history("X", 5, 5 * MINUTE)
        with pytest.raises(OrderRejectedError, match="not traded here") as raised:
            await adapter.instrument("NONE")
        with pytest.raises(VenueError, match="not traded here"):
            await adapter.book("NONE")
        return raised.value.lasting

    assert with_venue(running, work) is True


def test_account_and_positions(running):
    async def work(adapter):
        before = await adapter.account()
        await adapter.send(intent(10, side=Side.SELL))
        return adapter.account_name, before, await adapter.account(), await adapter.positions()

    name, before, after, positions = with_venue(running, work)
    assert (before.name, after.cash["USD"] - before.cash["USD"], positions) == (name, 100, {"X": -10})


def test_a_clock_is_set_by_the_venue_and_one_that_stands_still_is_refused(anonymous):
    with pytest.raises(VenueError, match="does not run"):
        asyncio.run(rehearsal_clock(anonymous.url))
    anonymous.control.clock(speed=30, paused=False)

    async def apart():
        clock = await rehearsal_clock(anonymous.url)
        adapter = RehearsalVenue(anonymous.url)
        before, now, after = clock.now, await adapter.now(), clock.now
        await adapter.close()
        return clock.speed, before, now, after

    speed, before, now, after = asyncio.run(apart())
    anonymous.control.clock(paused=True, speed=1)
    assert speed == 30
    assert before - 3 * SECOND <= now <= after + 3 * SECOND  # a tenth of a second of real time


@asynccontextmanager
async def server(answer):
    """A server that answers every request with the same bytes."""
    asked = []

    async def serve(reader, writer):
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}", asked
    finally:
        running.close()


def http(status, body, more=""):
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{more}\r\n{body}".encode()


@pytest.mark.parametrize(
    "answer",
    [
        http("302 Found", "{}", "location: /orders\r\n"),
        http("200 OK", '{"venue_id":"V1","time":1}'),
        http("201 Created", '{"venue_id":7,"time":1}'),
        http("201 Created", '{"venue_id":"V1","time":"now"}'),
        http("201 Created", "[]"),
        http("201 Created", "<html>"),
        http("422 Unprocessable", "{}"),
        http("429 Too Many Requests", "slow down"),
        http("429 Too Many Requests", "{}"),
        http("500 Internal Server Error", '{"code":"cash","text":"no"}'),
        b"HTTP/1.1 201 Created\r\ncontent-length: 40\r\n\r\n{",
        b"",
    ],
    ids=range(12),
)
def test_an_answer_that_is_not_as_agreed_is_an_unknown_outcome_and_one_request(answer):
    async def work():
        async with server(answer) as (url, asked):
            adapter = RehearsalVenue(url)
            with pytest.raises(VenueError):
                await adapter.send(intent())
            await adapter.close()
            return asked

    (asked,) = asyncio.run(work())
    assert asked.startswith(b"POST /orders HTTP/1.1")


ROW = {
    "venue_id": "V1", "own_id": "", "symbol": "X", "side": "BUY", "quantity": 10, "limit": None, "filled": 0, "amount": 0, "open": 10,
    "accepted": 1, "state": "open", "reason": "",
}  # fmt: skip


@pytest.mark.parametrize(
    "said",
    [
        {"orders": [{**ROW, "filled": None}]},
        {"orders": [{**ROW, "filled": "1"}]},
        {"orders": [{**ROW, "side": "LONG"}]},
        {"orders": [{**ROW, "quantity": True}]},
        {"orders": {}},
        {"orders": [ROW], "as_of": None},
    ],
)
def test_a_list_of_orders_that_is_not_as_agreed_is_refused(said):
    async def work():
        async with server(http("200 OK", json.dumps({"more": False, "as_of": 5, **said}))) as (url, _):
            adapter = RehearsalVenue(url)
            with pytest.raises(VenueError):
                await adapter.snapshot(0)
            await adapter.close()

    asyncio.run(work())


def test_a_list_that_does_not_say_whether_more_follows_is_not_complete():
    async def work():
        async with server(http("200 OK", json.dumps({"as_of": 5, "orders": [ROW]}))) as (url, _):
            adapter = RehearsalVenue(url)
            found = await adapter.snapshot(0)
            await adapter.close()
            return found

    found = asyncio.run(work())
    assert (len(found.orders), found.complete, found.as_of) == (1, False, 5)


@pytest.mark.parametrize(("url", "options"), [("127.0.0.1:80", {}), ("http://x", {"timeout": 0}), ("http://x", {"timeout": math.inf})])
def test_an_adapter_that_cannot_work_is_refused(url, options):
    with pytest.raises(UsageError):
        RehearsalVenue(url, **options)
