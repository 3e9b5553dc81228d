"""What is asked again, what never is, and what an answer means."""

import asyncio
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from kis_server import CLOSE, RESET, STALL, Server, answer, done, refused

from exec_algos.brokers.kis.client import Client, Dates, RefusedError
from exec_algos.brokers.kis.codes import Class
from exec_algos.brokers.kis.limiter import shared_bucket
from exec_algos.brokers.kis.messages import balance, order
from exec_algos.brokers.kis.operations import AccountNo, Host, Kind
from exec_algos.brokers.kis.token import Kept, Tokens
from exec_algos.brokers.kis.transport import Transport
from exec_algos.brokers.venue import Intent
from exec_algos.clock.base import ScaledClock
from exec_algos.errors import UsageError, VenueError
from exec_algos.model import Side

SECOND = 1_000_000_000
START = 1_795_392_000 * SECOND  # 2026-11-23 09:00 in Seoul
PAPER, ACCOUNT = Host(paper=True), AccountNo.of("50123456-01")
READ = balance(PAPER, ACCOUNT)
BUY = order(PAPER, ACCOUNT, Intent(own_id="", symbol="005930", side=Side.BUY, quantity=10, limit=62400), "00")
CANCEL = PAPER.ask("cancel", ACCOUNT.fields)
TAKEN = done(output={"KRX_FWDG_ORD_ORGNO": "06010", "ODNO": "0001569157", "ORD_TMD": "100312"})
EMPTY = done(output1=[])


class Desk:
    """Gives tokens, and deals `said` to all else, the last of them for ever."""

    def __init__(self, *said):
        self.said, self.times, self.tokens, self.clock = list(said), [], 0, None
        self.dead = ()

    def __call__(self, asked):
        if asked.path == "/oauth2/tokenP":
            self.tokens += 1
            return answer({"access_token": f"token.{self.tokens}", "expires_in": 86400})
        self.times.append(self.clock.now)
        if asked.headers["authorization"] in self.dead:
            return refused("EGW00123", text="기간이 만료된 token 입니다.")
        return self.said.pop(0) if len(self.said) > 1 else self.said[0]


def run(folder, desk, case, *, speed=500.0, rate=18, timeout=0.3, token=True):
    """`case(client, business)`, where `business()` are the requests that were no tokens."""

    async def whole():
        desk.clock = clock = ScaledClock(START, speed)
        async with Server(desk) as server:
            transport = Transport(server.url, timeout)
            tokens = Tokens(transport, clock, "the-app-key", "the-secret", folder)
            bucket = shared_bucket(folder, transport.host, "the-app-key", rate)
            client = Client(transport, tokens, bucket, clock, "the-app-key", "the-secret")
            turns = []

            async def turn():
                turns.append(clock.now)

            client.turn = turn
            if token:
                await tokens.get()
            try:
                return await case(client, lambda: [asked for asked in server.asked if asked.path != "/oauth2/tokenP"]), turns
            finally:
                await client.close()

    return asyncio.run(whole())


def test_a_read_sends_token_keys_and_tr_id(tmp_path):
    async def case(client, business):
        got = await client.read(READ)
        return got.ok, business()[0].headers

    (fine, headers), turns = run(tmp_path, Desk(EMPTY), case)
    assert fine
    assert headers["authorization"] == "Bearer token.1"
    assert (headers["appkey"], headers["appsecret"], headers["tr_id"], headers["custtype"]) == (
        "the-app-key",
        "the-secret",
        "VTTC8434R",
        "P",
    )
    assert turns == []  # the first request of a method has its turn from the broker


@pytest.mark.parametrize(
    "trouble",
    [
        refused("EGW00215"), refused("EGW00301"), answer(b"<html>", 502), (answer(b"{", length=40), CLOSE), RESET, CLOSE, STALL,
        refused("EGW00201"),
    ],
    ids=["EGW00215", "EGW00301", "502", "half", "reset", "close", "stall", "EGW00201"],
)  # fmt: skip
def test_a_read_is_asked_again_with_a_turn_before_each(tmp_path, trouble):
    async def case(client, business):
        got = await client.read(READ)
        return got.ok, len(business())

    (fine, asked), turns = run(tmp_path, Desk(trouble, trouble, EMPTY), case)
    assert fine
    assert (asked, len(turns)) == (3, 2)


@pytest.mark.parametrize("trouble", [refused("EGW00215"), answer(b"<html>", 502), refused("EGW00201")], ids=["EGW00215", "502", "EGW00201"])
def test_a_read_that_gets_no_answer_is_an_error_and_never_empty(tmp_path, trouble):
    async def case(client, business):
        with pytest.raises(VenueError, match="no answer in 4 attempts"):
            await client.read(READ)
        return len(business())

    assert run(tmp_path, Desk(trouble), case)[0] == 4


def test_between_attempts_it_waits_longer_each_time(tmp_path):
    desk = Desk(refused("EGW00215"), refused("EGW00215"), refused("EGW00215"), EMPTY)

    async def case(client, _):
        await client.read(READ)
        return [(later - sooner) / SECOND for sooner, later in zip(desk.times, desk.times[1:], strict=False)]

    waits, _ = run(tmp_path, desk, case, speed=100.0)
    assert [wait >= least for wait, least in zip(waits, (1, 2, 4), strict=True)] == [True] * 3


def test_a_business_refusal_of_a_read_is_told_with_its_code_and_not_asked_again(tmp_path):
    async def case(client, business):
        with pytest.raises(RefusedError, match="APBK0656") as error:
            await client.read(READ)
        return error.value.code, len(business())

    assert run(tmp_path, Desk(refused("APBK0656", 200, "해당종목정보가 없습니다")), case)[0] == ("APBK0656", 1)


@pytest.mark.parametrize(
    "trouble",
    [
        RESET, CLOSE, STALL, (answer(b'{"rt_cd":"0"', length=90), CLOSE), answer(b"<html>", 500), refused("EGW00301"),
        refused("EGW00215"), refused("90020000", 200), done(),
    ],
    ids=["reset", "close", "stall", "half", "500", "EGW00301", "EGW00215", "90020000", "no-odno"],
)  # fmt: skip
def test_an_order_whose_outcome_is_unknown_is_sent_once(tmp_path, trouble):
    async def case(client, business):
        said = await client.post(BUY)
        return said.cls, len(business())

    assert run(tmp_path, Desk(trouble), case)[0] == (Class.UNKNOWN, 1)


def test_an_order_that_the_limit_of_rate_refused_is_told_and_not_sent_again(tmp_path):
    desk = Desk(refused("EGW00201"), EMPTY)

    async def case(client, business):
        said = await client.post(BUY)
        await client.read(READ)  # everybody waits for a window
        return said.cls, len(business()), (desk.times[1] - desk.times[0]) / SECOND

    (cls, asked, waited), _ = run(tmp_path, desk, case, speed=50)
    assert (cls, asked) == (Class.THROTTLED, 2)
    assert waited >= 1


def test_a_cancel_that_the_limit_of_rate_refused_goes_to_the_back_of_the_queue(tmp_path):
    async def case(client, business):
        return (await client.post(CANCEL)).cls, len(business())

    (cls, asked), turns = run(tmp_path, Desk(refused("EGW00201"), TAKEN), case)
    assert (cls, asked, len(turns)) == (Class.OK, 2, 1)


@pytest.mark.parametrize(("ask", "said"), [(BUY, TAKEN), (READ, EMPTY)], ids=["order", "read"])
def test_a_dead_token_is_replaced_once_and_the_request_made_again(tmp_path, monkeypatch, ask, said):
    """The first token is an hour old, so that KIS gives another at once."""
    monkeypatch.setattr("exec_algos.brokers.kis.client.PATIENCE", 60 * SECOND)  # another test is about that
    desk = Desk(said)
    desk.dead = ("Bearer token.1",)

    async def case(client, business):
        await desk.clock.sleep_until(START + 100 * SECOND)
        found = await (client.post(ask) if ask is BUY else client.read(ask))
        return found.cls if ask is BUY else found.ok, [asked.headers["authorization"] for asked in business()]

    (fine, tokens), turns = run(tmp_path, desk, case, speed=100.0)
    assert fine in (True, Class.OK)
    assert tokens == ["Bearer token.1", "Bearer token.2"]
    assert len(turns) == 1


@pytest.mark.parametrize("code", ["EGW00121", "EGW00122", "EGW00123"])
def test_a_token_that_stays_refused_is_not_replaced_in_a_loop(tmp_path, monkeypatch, code):
    monkeypatch.setattr("exec_algos.brokers.kis.client.PATIENCE", 60 * SECOND)
    desk = Desk(refused(code))

    async def case(client, business):
        await desk.clock.sleep_until(START + 100 * SECOND)
        said = await client.post(BUY)
        return said.cls, len(business()), desk.tokens

    assert run(tmp_path, desk, case, speed=100.0)[0] == (Class.TOKEN, 2, 2)


@pytest.mark.parametrize("text", ["기간이 만료된 token 입니다. EGW00123", "인증이 만료되었습니다"])
def test_a_refusal_that_only_sounds_like_a_token_is_none(tmp_path, text):
    """By a part of its text an order was once sent twice."""

    async def case(client, business):
        return (await client.post(BUY)).cls, len(business())

    (cls, asked), _ = run(tmp_path, Desk(refused("APBK0952", 200, text)), case)
    assert cls in (Class.REJECTED, Class.LASTING)
    assert asked == 1


def test_an_order_that_gets_no_token_in_time_is_not_sent(tmp_path):
    desk = Desk(TAKEN)

    async def case(client, business):
        client.tokens._write(Kept(asked=desk.clock.now))  # another process was refused just now
        return (await client.post(BUY)).cls, len(business())

    (cls, asked), _ = run(tmp_path, desk, case, speed=50, token=False)
    assert (cls, asked) == (Class.NOT_SENT, 0)


@pytest.mark.parametrize(("ask", "cls", "sent"), [(BUY, Class.NOT_SENT, 0), (CANCEL, Class.OK, 1)], ids=["order", "cancel"])
def test_an_order_whose_turn_comes_late_is_not_sent_and_a_cancel_is(tmp_path, ask, cls, sent):
    async def case(client, business):
        take = client._bucket.take
        client._bucket.take = lambda now, kept: now + SECOND if now < START + 15 * SECOND else take(now, kept)  # others have it
        return (await client.post(ask)).cls, len(business())

    assert run(tmp_path, Desk(TAKEN), case, speed=50)[0] == (cls, sent)


def test_an_order_whose_token_was_refused_is_not_sent_once_its_next_turn_comes_late(tmp_path):
    desk = Desk(TAKEN)
    desk.dead = ("Bearer token.1",)

    async def case(client, business):
        await desk.clock.sleep_until(START + 100 * SECOND)

        async def turn():
            await desk.clock.sleep_until(desk.clock.now + 20 * SECOND)

        client.turn = turn
        return (await client.post(BUY)).cls, len(business())

    assert run(tmp_path, desk, case, speed=100.0)[0] == (Class.NOT_SENT, 1)


def test_where_no_connection_is_made_an_order_is_not_sent(tmp_path):
    async def case():
        clock = ScaledClock(START, 100)
        async with Server(Desk(TAKEN)) as server:
            server.act.clock = clock
            transport = Transport(server.url, 1)
            client = Client(
                transport,
                Tokens(transport, clock, "key", "secret", tmp_path),
                shared_bucket(tmp_path, "h", "key", 18),
                clock,
                "key",
                "secret",
            )
            await client.post(BUY)
        await asyncio.sleep(0.05)
        said = await client.post(BUY)
        await client.close()
        return said.cls

    assert asyncio.run(case()) is Class.NOT_SENT


def page(more, fk="50123456!^01   ", rows=1):
    return answer(
        {"rt_cd": "0", "msg_cd": "KIOK0500", "msg1": "", "ctx_area_fk100": fk, "ctx_area_nk100": fk, "output1": [{}] * rows}, headers=more
    )


def pages_of(folder, *said, enough=None):
    async def case(client, business):
        envelopes, complete = await client.pages(lambda cursor: balance(PAPER, ACCOUNT, cursor=cursor), enough=enough)
        return len(envelopes), complete, [(asked.headers["tr_cont"], asked.query["CTX_AREA_FK100"]) for asked in business()]

    found, turns = run(folder, Desk(*said), case)
    return (*found, len(turns))


@pytest.mark.parametrize("more", ["F", "M"])
def test_pages_are_read_to_the_end_with_the_cursor_as_it_came(tmp_path, more):
    found = pages_of(tmp_path, page([("tr_cont", more)], "a  "), page([("tr_cont", more)], "b  "), page([("tr_cont", "D")], "c  "))
    assert found == (3, True, [("", ""), ("N", "a  "), ("N", "b  ")], 2)


def test_a_page_that_does_not_say_whether_more_follow_proves_nothing(tmp_path):
    assert pages_of(tmp_path, page([]))[:2] == (1, False)


def test_more_without_a_cursor_or_in_a_circle_is_not_complete(tmp_path):
    assert pages_of(tmp_path, page([("tr_cont", "M")], ""))[:2] == (1, False)
    (tmp_path / "x").mkdir()
    assert pages_of(tmp_path / "x", page([("tr_cont", "M")], "a"))[:2] == (2, False)


def test_a_later_page_that_cannot_be_read_makes_the_rest_incomplete(tmp_path):
    assert pages_of(tmp_path, page([("tr_cont", "M")], "a"), refused("EGW00103", 200))[:2] == (1, False)


def test_pages_end_where_enough_is_there(tmp_path):
    assert pages_of(tmp_path, page([("tr_cont", "M")], "a"), enough=lambda _: True)[:2] == (1, True)


def dated(seconds):
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)


def test_the_venues_clock_is_measured_closer_than_the_second_that_a_date_has(tmp_path):
    """Its clock is 7.3 s ahead; each request takes 40 ms."""
    dates, ahead = Dates(), 7_300_000_000
    assert dates.bounds() == (-60 * SECOND, 60 * SECOND)
    for n in range(30):
        begun = START + n * 237_000_000
        dates.note(dated((begun + 20_000_000 + ahead) // SECOND), begun, begun + 40_000_000)
    low, high = dates.bounds()
    assert low <= ahead <= high
    assert high - low <= 100_000_000


def test_a_clock_that_was_set_is_measured_anew_and_a_date_that_is_none_says_nothing():
    dates = Dates()
    for ahead in (0, 100):
        for n in range(5):
            begun = START + n * 300_000_000
            dates.note(dated(begun // SECOND + ahead), begun, begun + 10_000_000)
    for nonsense in (None, "", "yesterday", "Mon, 99 Foo 2026 99:99:99 GMT"):
        dates.note(nonsense, START, START)
    low, high = dates.bounds()
    assert low <= 100 * SECOND <= high


def test_the_client_says_how_far_the_clocks_are_apart(tmp_path):
    async def case(client, _):
        before = client.clock_apart, client.clock_unsure
        await client.read(READ)
        return before, client.clock_apart, client.clock_unsure

    said = answer({"rt_cd": "0", "msg_cd": "", "msg1": ""}, headers=[("date", dated(START // SECOND + 20)), ("tr_cont", "D")])
    (before, apart, unsure), _ = run(tmp_path, Desk(said), case, speed=1)
    assert before == (0, 60 * SECOND)
    assert abs(apart - 20 * SECOND) <= unsure <= 2 * SECOND


def test_without_a_turn_a_request_waits_for_one_itself(tmp_path):
    """`read` alone, as a check of the keys uses it: the limit holds there too."""
    desk = Desk(EMPTY)

    async def case(client, _):
        await asyncio.gather(*(client.read(READ) for _ in range(4)))
        return [(later - sooner) / SECOND for sooner, later in zip(desk.times, desk.times[1:], strict=False)]

    waits, _ = run(tmp_path, desk, case, speed=20, rate=1)
    assert all(wait >= 1 for wait in waits)


@pytest.mark.parametrize(("method", "ask"), [("read", BUY), ("post", READ)])
def test_an_order_is_never_read_and_a_read_never_posted(tmp_path, method, ask):
    async def case(client, business):
        with pytest.raises(UsageError, match="use"):
            await getattr(client, method)(ask)
        return len(business())

    assert run(tmp_path, Desk(EMPTY), case)[0] == 0


def test_asks_have_the_kinds_that_this_module_relies_on():
    assert (BUY.kind, CANCEL.kind, READ.kind) == (Kind.ORDER, Kind.CANCEL, Kind.LEDGER)
