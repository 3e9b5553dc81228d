"""One request, one answer, once; what is raised says whether a byte can have left."""

import asyncio
import logging
import re
import socket
import traceback

import httpx
import pytest
from kis_server import CLOSE, RESET, STALL, Server, answer

from exec_algos.brokers.kis.operations import AccountNo, Host
from exec_algos.brokers.kis.transport import Transport
from exec_algos.errors import NotSentError, UsageError, VenueError

KEY, SECRET, TOKEN = "PSabcdefghijklmnopqrstuvwxyz01234567", "s3cr3t/" * 25, "eyJ0eXAiOiJKV1Qi.payload.signature"
ACCOUNT = AccountNo.of("50123456-01")
SECRETS = {"appkey": KEY, "appsecret": SECRET, "authorization": f"Bearer {TOKEN}", "tr_id": "VTTC8434R"}
ASK = Host(paper=True).ask("balance", ACCOUNT.fields | {"CTX_AREA_FK100": "50123456!^01   "})
ORDER = Host(paper=True).ask("buy", ACCOUNT.fields | {"PDNO": "005930"})


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def with_server(act, case, timeout=0.4):
    async def whole():
        async with Server(act) as server:
            transport = Transport(server.url, timeout)
            try:
                return await case(transport, server)
            finally:
                await transport.close()

    return asyncio.run(whole())


def raised(act, ask=ORDER, timeout=0.4):
    """What one request raises, and how many requests came in."""

    async def case(transport, server):
        with pytest.raises(VenueError) as error:
            await transport.send(ask, SECRETS)
        return error.value, len(server.asked)

    return with_server(act, case, timeout)


def test_a_post_has_its_length_and_is_not_in_chunks_and_a_get_keeps_the_spaces_of_its_cursor():
    async def case(transport, server):
        await transport.send(ORDER, SECRETS)
        await transport.send(ASK, SECRETS)
        return server.asked

    posted, got = with_server(lambda _: answer(b"{}"), case)
    assert posted.headers["content-length"] == str(len(posted.body))
    assert "transfer-encoding" not in posted.headers
    assert posted.fields == {"CANO": "50123456", "ACNT_PRDT_CD": "01", "PDNO": "005930"}
    assert (got.method, got.body) == ("GET", b"")
    assert got.query["CTX_AREA_FK100"] == "50123456!^01   "
    assert posted.headers["appkey"] == KEY


@pytest.mark.parametrize("status", [200, 403, 500, 502])
def test_an_answer_is_handed_on_whatever_its_status(status):
    async def case(transport, _):
        return await transport.send(ASK, {})

    reply = with_server(lambda _: answer(b"<html>", status, [("tr_cont", "M")]), case)
    assert (reply.status, reply.body, reply.header("tr_cont")) == (status, b"<html>", "M")


def test_a_redirect_is_an_answer_and_not_followed():
    async def case(transport, server):
        reply = await transport.send(ORDER, {})
        return reply.status, len(server.asked)

    assert with_server(lambda _: answer(b"", 307, [("location", "/elsewhere")]), case) == (307, 1)


def test_where_nobody_listens_nothing_was_sent():
    async def case():
        transport = Transport(f"http://127.0.0.1:{free_port()}", 1.0)
        with pytest.raises(NotSentError, match="nothing was sent"):
            await transport.send(ORDER, SECRETS)
        await transport.close()

    asyncio.run(case())


def test_where_no_connection_is_made_in_time_nothing_was_sent():
    """A queue of connections that nobody takes out of: the kernel answers no more."""

    async def case():
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen(0)
            waiting = [socket.socket() for _ in range(4)]
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(listening.getsockname())
            transport = Transport(f"http://127.0.0.1:{listening.getsockname()[1]}", 0.8)
            with pytest.raises(NotSentError, match="ConnectTimeout"):
                await transport.send(ORDER, SECRETS)
            await transport.close()
            for each in waiting:
                each.close()

    asyncio.run(case())


def test_where_tls_fails_nothing_was_sent():
    async def case():
        async with Server(lambda _: CLOSE) as server:
            transport = Transport(server.url.replace("http:", "https:"), 2.0)
            with pytest.raises(NotSentError):
                await transport.send(ORDER, SECRETS)
            await transport.close()
            return server.asked

    assert asyncio.run(case()) == []


@pytest.mark.parametrize(
    "act",
    [
        RESET, CLOSE, STALL, (b"HTTP/1.1 200 OK\r\ncontent-le", CLOSE), (answer(b'{"rt_cd": "0"', length=50), CLOSE),
        (answer(b'{"rt_cd": "0"', length=50), RESET), (answer(b'{"rt_cd": "0"', length=50), STALL), b"SSH-2.0-OpenSSH_9.2\r\n",
        answer(b"no gzip", headers=[("content-encoding", "gzip")]),
    ],
    ids=["reset", "close", "stall", "half-head", "half-body", "half-body-reset", "half-body-stall", "no-http", "no-gzip"],
)  # fmt: skip
def test_whatever_happens_after_the_connection_may_have_arrived_and_is_sent_once(act):
    error, came = raised(lambda _: act)
    assert not isinstance(error, NotSentError)
    assert came == 1


def test_an_answer_that_trickles_in_ends_with_the_time_for_the_whole():
    error, _ = raised(lambda _: (answer(b"", length=1000), *[b"x", 0.15] * 20))
    assert "no answer within 0.4 s" in str(error)


def test_a_kept_connection_that_the_server_closed_is_not_used_again():
    """A request on it would be of unknown outcome."""

    async def case(transport, server):
        await transport.send(ORDER, SECRETS)
        await asyncio.sleep(0.05)
        await transport.send(ORDER, SECRETS)
        return server.connections, len(server.asked)

    assert with_server(lambda _: (answer(b"{}"), CLOSE), case) == (2, 2)


def test_a_kept_connection_that_breaks_under_a_request_leaves_its_outcome_unknown():
    """It is not made again on a fresh one: the server had read it."""
    answers = [answer(b"{}"), CLOSE, answer(b"{}")]

    async def case(transport, server):
        await transport.send(ORDER, SECRETS)
        with pytest.raises(VenueError) as error:
            await transport.send(ORDER, SECRETS)
        return error.value, server.connections, len(server.asked)

    error, connections, came = with_server(lambda _: answers.pop(0), case)
    assert not isinstance(error, NotSentError)
    assert (connections, came) == (1, 2)


def test_an_endless_answer_is_given_up():
    error, _ = raised(lambda _: answer(b"x" * (17 << 20)), timeout=20)
    assert "more than 16 MB" in str(error)


def pieces(text, secret, length=8):
    """Parts of a secret, of 8 characters, that a text holds."""
    return [secret[n : n + length] for n in range(len(secret) - length + 1) if secret[n : n + length] in text]


@pytest.mark.parametrize("act", [answer(b"{}"), RESET, STALL, b"\x00", (answer(b"{", length=9), CLOSE)], ids=str)
def test_neither_logs_nor_errors_nor_reprs_hold_key_secret_token_or_account(act, caplog):
    caplog.set_level(logging.DEBUG)

    async def case(transport, server):
        said = [repr(transport)]
        for ask in (ASK, ORDER):
            try:
                said.append(repr(await transport.send(ask, SECRETS)))
            except VenueError as error:
                said += [repr(error), *traceback.format_exception(error)]
        async with httpx.AsyncClient(trust_env=False) as other:
            await other.get(server.url + "/not/ours", timeout=0.2) if act == answer(b"{}") else None
        return "".join(said)

    said = with_server(lambda _: act, case) + caplog.text
    for secret in (KEY, SECRET, TOKEN, ACCOUNT.cano):
        assert pieces(said, secret) == []
    assert ("/not/ours" in caplog.text) == (act == answer(b"{}"))  # what others ask by httpx is still told


def test_a_header_that_cannot_be_sent_is_not_shown():
    async def case(transport, _):
        with pytest.raises(VenueError) as error:
            await transport.send(ORDER, SECRETS | {"appkey": KEY + "\n"})
        return "".join(traceback.format_exception(error.value))

    assert pieces(with_server(lambda _: answer(b"{}"), case), KEY) == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://127.0.0.1:1", "https://host:port"), ("", "https://host:port"), ("https://a/b", "https://host:port"),
        ("https://:9443", "https://host:port"), ("https://a:b", "https://host:port"),
        ("http://openapi.koreainvestment.com:9443", "use https"),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_is_refused(url, why):
    with pytest.raises(UsageError, match=re.escape(why)):
        Transport(url)


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), True])
def test_a_time_out_that_cannot_be_is_refused(timeout):
    with pytest.raises(UsageError, match="seconds above 0"):
        Transport("https://127.0.0.1:1", timeout)


def test_the_environment_names_no_proxy(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")

    async def case(transport, server):
        await transport.send(ORDER, {})
        return len(server.asked)

    assert with_server(lambda _: answer(b"{}"), case) == 1
