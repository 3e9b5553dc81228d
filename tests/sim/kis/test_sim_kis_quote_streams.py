"""Quote streams of the simulated KIS's web sockets."""

import asyncio

import pytest
from quoting import Quoting
from wired import at, bars, heard, next_text, nothing, subscribe, wire


def run(work, **settings):
    async def inner():
        async with wire(**settings) as kis:
            return await work(kis)

    return asyncio.run(inner())


async def quoted(kis, tr_id, symbol="005930"):
    """The first frame of a registration, split as the contract says."""
    async with kis.client() as socket:
        await socket.send(subscribe(kis.approve(), tr_id, symbol))
        await heard(socket)
        kis.go(2)
        while (text := await next_text(socket))[0] == "{":
            pass
        return text.split("|", 3)


def test_a_book_on_the_stream_is_that_of_the_inquiry():
    async def work(kis):
        return await quoted(kis, "H0STASP0"), Quoting(kis.world).book()

    (first, tr_id, count, payload), (asks, bids, head, _) = run(work)
    said = payload.split("^")
    assert (first, tr_id, count) == ("0", "H0STASP0", "001")
    assert (len(said), said[0], said[1]) == (60, "005930", head["aspr_acpt_hour"])
    assert [int(value) for value in said[3:23]] == [price for price, _ in (*asks, *bids)]
    assert [int(value) for value in said[23:43]] == [shares for _, shares in (*asks, *bids)]
    assert said[43:45] == [head["total_askp_rsqn"], head["total_bidp_rsqn"]]
    assert said[53] == str(63 * 6_000 + 1_400)  # 10:03:14, at 100 shares a second


@pytest.mark.parametrize("fields", [46, 47])
def test_a_trade_has_a_field_more_since_september(fields):
    """A client that insists on one number of fields stumbles over the other."""
    *_, payload = run(lambda kis: quoted(kis, "H0STCNT0"), trade_fields=fields)
    said = payload.split("^")
    assert len(said) == fields
    assert (said[0], said[1], said[13], said[33]) == ("005930", "100314", str(63 * 6_000 + 1_400), "20261123")
    assert 62_000 <= int(said[2]) <= 62_100


def test_a_frame_of_quotes_may_hold_several_records():
    """A client that reads it as one wide record has the first alone."""
    _, _, count, payload = run(lambda kis: quoted(kis, "H0STCNT0"), records=3)
    said = payload.split("^")
    assert (count, len(said)) == ("003", 3 * 47)
    assert said[0] == said[47] == said[94] == "005930"


def test_a_symbol_that_nobody_trades_is_taken_and_stays_silent():
    """A client that waits for a first quote before it trades waits for ever."""

    async def work(kis):
        async with kis.client() as socket:
            await socket.send(subscribe(kis.approve(), "H0STASP0", "999999"))
            code = (await heard(socket))["body"]["msg_cd"]
            kis.go(3)
            return code, await nothing(socket)

    assert run(work) == ("OPSP0000", True)


def test_what_was_given_up_comes_no_more():
    async def work(kis):
        key = kis.approve()
        async with kis.client() as socket:
            await socket.send(subscribe(key, "H0STASP0", "005930"))
            await heard(socket)
            await socket.send(subscribe(key, "H0STASP0", "005930", tr_type="2"))
            code = (await heard(socket))["body"]["msg_cd"]
            kis.go(3)
            return code, await nothing(socket)

    assert run(work) == ("OPSP0001", True)


def test_before_its_first_trade_of_all_a_stock_has_no_quote_and_the_rest_goes_on():
    async def work(kis):
        async with kis.listener() as client:
            await client.socket.send(subscribe(next(iter(kis.world.approvals)), "H0STCNT0", "005930"))
            await heard(client.socket)
            kis.go(15)
            kis.go(15)
            return await client.ping()

    assert "PINGPONG" in run(work, market=bars(days=("2026-11-23",)), start="08:40:00")


def test_what_ends_the_beat_of_the_stream_is_not_silent(monkeypatch):
    async def work(kis):
        monkeypatch.setattr(kis.stream, "_beat", lambda: 1 / 0)
        while not kis.stream.running.done():
            await asyncio.sleep(0)
        with pytest.raises(ZeroDivisionError):
            kis.go()

    with pytest.raises(ZeroDivisionError):
        run(work)


def test_quotes_can_be_left_out():
    async def work(kis):
        async with kis.client() as socket:
            await socket.send(subscribe(kis.approve(), "H0STASP0", "005930"))
            await heard(socket)
            kis.go(5)
            return await nothing(socket)

    assert run(work, quote_every=0.0)


def test_a_stream_of_an_hour_ends_with_the_day():
    """After the close the book keeps the time of the close: a client that takes each frame for news does not see that it is old."""

    async def work(kis):
        return await quoted(kis, "H0STASP0")

    payload = run(work, start=at("15:45:00"))[3]
    assert payload.split("^")[1] == "153000"
