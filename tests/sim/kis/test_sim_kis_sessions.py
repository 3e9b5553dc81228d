"""Sessions of the web socket: who may have one, what it may register for, and how it ends; each wrong client is shown failing."""

import asyncio
import json
from dataclasses import replace

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidMessage, InvalidStatus
from wired import heard, nothing, subscribe, wire


def run(work, **settings):
    async def inner():
        async with wire(**settings) as kis:
            return await work(kis)

    return asyncio.run(inner())


async def said(socket, key, tr_id="H0STCNT0", tr_key="005930", **header):
    """What the server says to one registration: its code, its return code, and the TR id that it names."""
    await socket.send(subscribe(key, tr_id, tr_key, **header))
    ack = await heard(socket)
    return ack["body"]["msg_cd"], ack["body"]["rt_cd"], ack["header"]["tr_id"]


async def cut_off(socket):
    """Whether the connection ended, and without a close frame."""
    try:
        while True:
            await asyncio.wait_for(socket.recv(), 5)
    except ConnectionClosed as ended:
        return isinstance(ended, ConnectionClosedError) and ended.rcvd is None


# paths


@pytest.mark.parametrize("path", ["/tryitout", "", "/"])
def test_both_paths_of_the_socket_are_served(path):
    async def work(kis):
        async with kis.client(path=path) as socket:
            return await said(socket, kis.approve())

    assert run(work)[0] == "OPSP0000"


def test_a_path_from_the_documentation_is_no_socket():
    async def work(kis):
        with pytest.raises(InvalidStatus):
            await kis.client(path="/tryitout/H0STCNT0")

    run(work)


# approval


def test_the_token_of_the_rest_side_is_no_approval_key():
    async def work(kis):
        async with kis.client() as socket:
            return await said(socket, "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzUxMiJ9.INVENTED.c2lnbmF0dXJl")

    assert run(work) == ("OPSP0011", "1", "(null)")


def test_an_approval_key_of_the_other_host_is_not_known():
    async def work(kis):
        async with kis.client(paper=True) as socket:
            return await said(socket, kis.approve(paper=False))

    assert run(work)[0] == "OPSP0011"


def test_an_expired_key_opens_no_session_and_an_open_session_goes_on():
    async def work(kis):
        key = kis.approve(lasts=60)
        async with kis.client() as old:
            first = await said(old, key)
            kis.go(61)
            second = await said(old, key, "H0STASP0")
            await old.close()
        async with kis.client() as new:
            return first[0], second[0], (await said(new, key))[0]

    assert run(work) == ("OPSP0000", "OPSP0000", "OPSP0011")


# one session a key


def test_a_second_session_of_the_app_key_is_refused_with_no_tr_id():
    async def work(kis):
        async with kis.client() as first, kis.client() as second:
            await said(first, kis.approve())
            return await said(second, kis.approve())

    assert run(work) == ("OPSP8996", "9", "(null)")


def test_live_and_paper_are_two_app_keys():
    async def work(kis):
        async with kis.client() as live, kis.client(paper=True) as paper:
            return [(await said(socket, kis.approve(paper=host)))[0] for socket, host in ((live, False), (paper, True))]

    assert run(work) == ["OPSP0000", "OPSP0000"]


def test_a_closed_session_frees_its_key_at_once():
    async def work(kis):
        async with kis.client() as first:
            await said(first, kis.approve())
        await gone(kis)
        async with kis.client() as second:
            return (await said(second, kis.approve()))[0]

    assert run(work, linger=30.0) == "OPSP0000"


def test_a_session_that_was_cut_off_lingers_and_frees_its_key_later():
    async def work(kis):
        async with kis.client() as first:
            await said(first, kis.approve())
            first.transport.abort()
            await gone(kis)
        async with kis.client() as second:
            early = await said(second, kis.approve())
            kis.go(31)
            return early[0], (await said(second, kis.approve()))[0]

    assert run(work, linger=30.0) == ("OPSP8996", "OPSP0000")


def test_a_client_that_reconnects_in_a_tight_loop_is_blocked():
    async def work(kis):
        codes = []
        for _ in range(5):
            async with kis.client() as socket:
                codes.append((await said(socket, kis.approve()))[0])
            await gone(kis)
        async with kis.client() as socket:
            await socket.send(subscribe(kis.approve(), "H0STCNT0", "005930"))
            blocked = await cut_off(socket)
        await gone(kis)
        kis.go(61)
        async with kis.client() as socket:
            return codes, blocked, (await said(socket, kis.approve()))[0]

    assert run(work, flaps=5, flap_block=60.0) == (["OPSP0000"] * 5, True, "OPSP0000")


def test_a_client_that_comes_once_a_minute_is_not_blocked():
    async def work(kis):
        codes = []
        for _ in range(5):
            async with kis.client() as socket:
                codes.append((await said(socket, kis.approve()))[0])
            await gone(kis)
            kis.go(31)
        return codes

    assert run(work, flaps=2) == ["OPSP0000"] * 5


def test_a_connection_belongs_to_the_app_key_that_it_began_with():
    """A client of two customers over one socket would hear of one of them only."""

    async def work(kis):
        first = kis.world.identities[False][0]
        kis.world.add_customer(replace(first, app_key="PS2", account="5012349901", hts_id="HTSLIVE2", others=()))
        async with kis.client() as socket:
            await said(socket, kis.approve())
            return await said(socket, kis.approve(customer=1), "H0STASP0")

    assert run(work) == ("OPSP8996", "9", "(null)")


def test_a_client_that_subscribes_and_unsubscribes_in_a_loop_is_blocked():
    async def work(kis):
        key = kis.approve()
        async with kis.client() as socket:
            for _ in range(4):
                await said(socket, key)
                await said(socket, key, tr_type="2")
            await socket.send(subscribe(key, "H0STCNT0", "005930"))
            return await cut_off(socket)

    assert run(work, flaps=4)


def test_a_client_that_comes_and_goes_without_a_key_is_blocked_too():
    async def work(kis):
        for _ in range(4):
            async with kis.client():
                pass
            await gone(kis)
        with pytest.raises((InvalidMessage, ConnectionError, ConnectionClosed)):
            await kis.client()
        kis.go(61)
        async with kis.client() as socket:
            return (await said(socket, kis.approve()))[0]

    assert run(work, flaps=3, flap_block=60.0) == "OPSP0000"


# registrations


def test_a_session_has_41_registrations_notices_among_them():
    async def work(kis):
        key = kis.approve()
        async with kis.client() as socket:
            codes = [(await said(socket, key, "H0STCNI0", kis.hts_id()))[0]]
            codes += [(await said(socket, key, "H0STASP0", f"{number:06d}"))[0] for number in range(41)]
            freed = (await said(socket, key, "H0STASP0", "000000", tr_type="2"))[0]
            return codes, freed, (await said(socket, key, "H0STASP0", "000040"))[0]

    codes, freed, again = run(work)
    assert codes == ["OPSP0000"] * 41 + ["OPSP0008"]
    assert (freed, again) == ("OPSP0001", "OPSP0000")


def test_a_registration_that_is_there_is_told_and_harmless():
    async def work(kis):
        key = kis.approve()
        async with kis.client() as socket:
            await said(socket, key)
            return await said(socket, key)

    assert run(work) == ("OPSP0002", "1", "H0STCNT0")


def test_a_registration_that_is_not_there_cannot_be_ended():
    async def work(kis):
        async with kis.client() as socket:
            return (await said(socket, kis.approve(), tr_type="2"))[0]

    assert run(work) == "OPSP0003"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"tr_type": "0"}, "OPSP8997"),
        ({"custtype": ""}, "OPSP8998"),
        ({"tr_id": "H0STCNI9", "tr_key": "HTSLIVE1"}, "OPSP8991"),
        ({"tr_id": "XYZ"}, "OPSP8991"),
        ({"tr_key": ""}, "OPSP8992"),
    ],
)
def test_a_wrong_field_is_refused(wrong, code):
    async def work(kis):
        async with kis.client() as socket:
            return (await said(socket, kis.approve(), **wrong))[0]

    assert run(work) == code


@pytest.mark.parametrize("tr_id", ["H0NXASP0", "H0UNCNT0", "H0STCNI0"])
def test_paper_has_neither_the_streams_of_nxt_nor_the_notices_of_live(tr_id):
    async def work(kis):
        async with kis.client(paper=True) as socket:
            return (await said(socket, kis.approve(paper=True), tr_id))[0]

    assert run(work) == "OPSP8991"


@pytest.mark.parametrize(
    "text",
    [
        "{", "", "[]", "1", "null", '{"header": []}', '{"header": {}}', '{"header": {}, "body": "x"}',
        '{"header": {}, "body": {"input": []}}',
        '{"header": {"tr_id": {}}, "body": {"input": {"tr_id": 1}}}', "[" * 100_000, b"\xff\x00",
    ],
)  # fmt: skip
def test_what_is_no_message_is_told_and_the_session_goes_on(text):
    async def work(kis):
        key = kis.approve()
        async with kis.client() as socket:
            await said(socket, key)
            await socket.send(text)
            return (await heard(socket))["body"]["msg_cd"], (await said(socket, key, "H0STASP0"))[0]

    assert run(work) == ("OPSP9991", "OPSP0000")


@pytest.mark.parametrize("tr_key", ["SOMEBODY", "5012345601", "htslive1"])
def test_a_wrong_hts_id_ends_the_connection_without_a_close_frame(tr_key):
    async def work(kis):
        async with kis.client() as socket:
            await socket.send(subscribe(kis.approve(), "H0STCNI0", tr_key))
            return await cut_off(socket)

    assert run(work)


# drops


def test_a_host_that_refuses_to_be_reconnected_lets_in_later():
    async def work(kis):
        async with kis.client() as socket:
            await said(socket, kis.approve())
            kis.stream.refuse(30)
            kis.stream.drop()
            ended = await cut_off(socket)
        with pytest.raises((InvalidMessage, ConnectionError, ConnectionClosed)):
            await kis.client()
        kis.go(31)
        async with kis.client() as socket:
            return ended, (await said(socket, kis.approve()))[0]

    assert run(work) == (True, "OPSP0000")


def test_a_stalled_session_stays_open_and_gives_neither_acks_nor_pings():
    async def work(kis):
        key = kis.approve()
        async with kis.client() as socket:
            await said(socket, key)
            kis.stream.stall(120)
            kis.go(60)
            await socket.send(subscribe(key, "H0STASP0", "005930"))
            silent = await nothing(socket)
            kis.go(61)
            while "PINGPONG" not in await asyncio.wait_for(socket.recv(), 5):
                pass
            return silent, (await said(socket, key, "H0STASP0"))[0]

    assert run(work) == (True, "OPSP0000")


async def gone(kis):
    """Until the server knows that its clients have left."""
    async with asyncio.timeout(5):
        while any(kis.stream.sessions.values()):
            await asyncio.sleep(0)


def test_an_ack_carries_no_id_of_its_request_only_tr_id_and_key():
    async def work(kis):
        key = kis.approve()
        async with kis.client() as socket:
            for symbol in ("005930", "000660"):
                await socket.send(subscribe(key, "H0STCNT0", symbol))
            return [(await heard(socket))["header"] for _ in range(2)]

    assert [json.dumps(header) for header in run(work)] == [
        json.dumps({"tr_id": "H0STCNT0", "tr_key": symbol, "encrypt": "N"}) for symbol in ("005930", "000660")
    ]
