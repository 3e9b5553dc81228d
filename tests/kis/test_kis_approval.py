"""The approval key of web socket sessions, against a small HTTP server."""

import asyncio

import pytest
from kis_server import Server, answer
from pydantic import SecretStr

from exec_algos.brokers.kis.approval import Approval
from exec_algos.brokers.kis.transport import Transport
from exec_algos.errors import VenueError

HOUR = 3_600_000_000_000
KEY, SECRET = "PSAPPKEYabcdefghijklmnopqrstuvwxyz01", "s3cr3t" * 30


class Hands:
    now = 1_795_395_600_000_000_000


def asked(work, answers):
    """What ``work(approval, clock)`` returns, and the requests that it made."""
    answers = iter(answers)

    async def whole():
        async with Server(lambda _: next(answers)) as server:
            transport, clock = Transport(server.url), Hands()
            try:
                return await work(Approval(transport, SecretStr(KEY), SecretStr(SECRET), clock), clock), server.asked
            finally:
                await transport.close()

    return asyncio.run(whole())


def test_it_is_asked_for_with_secretkey_and_kept_for_a_day_less_ten_minutes():
    async def work(approval, clock):
        found = [await approval.get(), await approval.get()]
        clock.now += 24 * HOUR - HOUR // 6 - 1
        found.append(await approval.get())
        clock.now += 1
        return [*found, await approval.get()]

    found, requests = asked(work, [answer({"approval_key": "first"}), answer({"approval_key": "second"})])
    assert found == ["first", "first", "first", "second"]
    first = requests[0]
    assert (first.method, first.path) == ("POST", "/oauth2/Approval")
    assert first.fields == {"grant_type": "client_credentials", "appkey": KEY, "secretkey": SECRET}


def test_one_that_was_refused_is_asked_for_anew():
    async def work(approval, _):
        found = [await approval.get()]
        approval.forget()
        return [*found, await approval.get()]

    assert asked(work, [answer({"approval_key": "first"}), answer({"approval_key": "second"})])[0] == ["first", "second"]


@pytest.mark.parametrize(
    ("status", "said"),
    [(403, {"error_code": "EGW00105", "error_description": "유효하지 않은 appsecret"}), (200, {}), (200, {"approval_key": ""}), (200, [])],
)
def test_none_is_an_error_without_secrets(status, said):
    async def work(approval, _):
        with pytest.raises(VenueError) as raised:
            await approval.get()
        return str(raised.value) + repr(approval)

    error, _ = asked(work, [answer(said, status)])
    assert not any(secret[at : at + 8] in error for secret in (KEY, SECRET) for at in range(len(secret) - 7))
    if isinstance(said, dict):
        assert "check app key and secret" in error
        assert said.get("error_code", "") in error


def test_the_key_does_not_stand_in_a_repr():
    async def work(approval, _):
        return await approval.get(), repr(approval)

    (key, shown), _ = asked(work, [answer({"approval_key": "6f2d1c0a-1111-4222-8333-0123456789ab"})])
    assert key not in shown
