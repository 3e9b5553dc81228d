"""Sessions of notices against a real web socket server, in virtual time."""

import asyncio
import json
from contextlib import aclosing
from itertools import pairwise

import pytest
from kis_sockets import SECOND, START, FixedApprovals, LoopClock, encrypted, run, socket_server

from exec_algos.brokers.kis.messages import AccountNo, Host
from exec_algos.brokers.kis.notices import Lost, Noticed, Notices, Quoted, Subscribed, Unread
from exec_algos.errors import UsageError, VenueError

NOTICE = "HTSUSER1^{account}^{odno}^^02^0^00^0^005930^0000000040^000062400^100315^0^{kind}^06010^000000100^홍길동^0^1^Y^^10^^삼성^000062400"
PING = '{"header":{"tr_id":"PINGPONG","datetime":"20261123100320"}}'


def notice(odno="0001569157", account="5012345601", kind="2^2"):
    return NOTICE.format(odno=odno, account=account, kind=kind)


def notices_at(server, approvals=None, **options):
    said = {"host": Host(paper=False), "account": AccountNo.of("50123456-01"), "hts_id": "HTSUSER1"} | options
    return Notices(server.url, approvals or FixedApprovals(), clock=LoopClock(), **said)


def events_of(play, count, answer=None, approvals=None, **options):
    """The first events, while ``play(session)`` runs for each session once its registrations are answered."""

    async def whole():
        async with socket_server(answer) as server:
            notices, found, playing = notices_at(server, approvals, **options), [], []
            async with aclosing(notices.events()) as events:
                async for event in events:
                    found.append(event)
                    if len(found) == count:
                        break
                    if isinstance(event, Subscribed):
                        playing.append(asyncio.ensure_future(play(server.sessions[-1])))
            await notices.close()
            await asyncio.gather(*playing, return_exceptions=True)
            return found, server

    return run(whole())


async def nothing(session):
    return


def test_a_notice_is_read_with_the_key_of_its_session():
    async def play(session):
        await session.notice(notice())

    (first, second), server = events_of(play, 2)
    assert isinstance(first, Subscribed)
    assert isinstance(second, Noticed)
    assert second.ours
    assert (second.notice.odno, second.notice.quantity, second.notice.price) == ("0001569157", 40, 62400)
    assert server.sessions[0].registered == [("H0STCNI0", "HTSUSER1")]


def test_paper_registers_the_notices_of_paper_under_the_hts_id():
    _, server = events_of(nothing, 1, host=Host(paper=True))
    assert server.sessions[0].registered == [("H0STCNI9", "HTSUSER1")]


def test_the_key_of_an_acknowledgement_of_quotes_is_not_taken_for_that_of_notices():
    async def play(session):
        while len(session.registered) < 2:
            await asyncio.sleep(0.1)
        await session.notice(notice())

    (_, second), server = events_of(play, 2, streams=[("H0STASP0", "005930")])
    assert server.sessions[0].registered == [("H0STCNI0", "HTSUSER1"), ("H0STASP0", "005930")]
    assert isinstance(second, Noticed)


def test_a_key_is_of_its_session_alone():
    old = []

    async def play(session):
        old.append(session)
        if session.number == 0:
            session.drop()
        else:
            await session.send(f"1|H0STCNI0|001|{encrypted(notice(), old[0].key, old[0].iv)}")
            await session.notice(notice())

    found, _ = events_of(play, 5)
    assert [type(event) for event in found] == [Subscribed, Lost, Subscribed, Unread, Noticed]
    assert "cannot be read with this session's key" in found[3].why


def test_a_notice_of_another_account_is_foreign_and_that_is_said_once(caplog):
    async def play(session):
        for _ in range(2):
            await session.notice(notice(account="5099999901"))

    found, _ = events_of(play, 3)
    assert [event.ours for event in found[1:]] == [False, False]
    assert caplog.text.count("another account of this HTS id") == 1
    assert "50999999" not in caplog.text


def test_several_notices_of_a_frame_are_all_told_and_a_broken_one_takes_no_other_with_it():
    async def play(session):
        broken = notice("0000000002").replace("0000000040", "many shares")
        await session.notice("^".join([notice("0000000001"), broken, notice("0000000003")]), count=3)

    found, _ = events_of(play, 4)
    assert [type(event) for event in found[1:]] == [Noticed, Unread, Noticed]
    assert [event.notice.odno for event in found[1::2]] == ["0000000001", "0000000003"]


def test_garbage_is_said_and_the_session_goes_on():
    async def play(session):
        for frame in ("garbage", "0|H0STCNT0", "1|H0STCNI0|001|AAAA", "{", "0|H0STCNI0|001|a^b^c"):
            await session.send(frame)
        await session.notice(notice())

    found, server = events_of(play, 7)
    assert [type(event) for event in found[1:]] == [Unread] * 5 + [Noticed]
    assert len(server.sessions) == 1


def test_a_pingpong_is_echoed_as_the_text_that_came():
    async def play(session):
        await session.send(PING)
        while PING not in session.received:
            await asyncio.sleep(0.1)
        await session.notice(notice())

    found, server = events_of(play, 2)
    assert isinstance(found[1], Noticed)
    assert server.sessions[0].received[1:] == [PING]


def test_no_ping_of_our_own_leaves_and_a_session_with_pingpongs_alone_lives():
    async def play(session):
        for _ in range(30):
            await asyncio.sleep(12)
            await session.send(PING)
        await session.notice(notice())

    found, server = events_of(play, 2)
    assert isinstance(found[1], Noticed)
    assert len(server.sessions) == 1
    assert server.sessions[0].socket.pings == 0


def test_forty_seconds_without_a_byte_are_a_dead_connection():
    found, server = events_of(nothing, 3)
    assert [type(event) for event in found] == [Subscribed, Lost, Subscribed]
    assert "nothing came for 40 s" in found[1].why
    assert 40 <= server.now[1] - server.now[0] <= 43


def test_time_in_which_we_did_not_listen_is_no_silence_of_the_venue():
    async def whole():
        async with socket_server() as server, aclosing(notices_at(server).events()) as events:
            assert isinstance(await anext(events), Subscribed)
            await asyncio.sleep(100)
            await server.sessions[0].notice(notice())
            return type(await anext(events)), len(server.sessions)

    assert run(whole()) == (Noticed, 1)


def test_registrations_that_nobody_answers_are_a_dead_connection_whatever_else_comes():
    async def answer(session, *_):
        while True:
            await session.send(PING)
            await asyncio.sleep(10)

    found, _ = events_of(nothing, 1, answer)
    assert "no registration was answered for 40 s" in found[0].why


def test_each_subscription_says_that_all_is_to_be_looked_up():
    async def play(session):
        session.drop()

    found, _ = events_of(play, 5)
    assert [type(event) for event in found] == [Subscribed, Lost, Subscribed, Lost, Subscribed]
    assert found[0].time >= START


def test_the_wait_doubles_from_a_second_to_five_minutes():
    async def play(session):
        session.drop()

    found, server = events_of(play, 24)
    waits = [event.wait // SECOND for event in found if isinstance(event, Lost)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    gaps = [after - before for before, after in pairwise(server.now)]
    assert all(gap >= wait for gap, wait in zip(gaps, waits, strict=False))


def test_a_session_that_stood_a_minute_begins_the_wait_anew():
    async def play(session):
        if session.number == 3:
            for _ in range(7):
                await session.send(PING)
                await asyncio.sleep(10)
        session.drop()

    found, _ = events_of(play, 10)
    assert [event.wait // SECOND for event in found if isinstance(event, Lost)] == [1, 2, 4, 1, 1]


def test_an_app_key_that_is_in_use_is_tried_again_ever_later():
    async def answer(session, tr_id, tr_key):
        if session.number < 4:
            await session.acknowledge("(null)", "", "OPSP8996", "ALREADY IN USE appkey")
        else:
            await session.acknowledge(tr_id, tr_key, key=session.key, iv=session.iv)

    found, server = events_of(nothing, 5, answer)
    assert [type(event) for event in found] == [Lost] * 4 + [Subscribed]
    assert [event.wait // SECOND for event in found[:4]] == [1, 2, 4, 8]
    assert "another session of this app key" in found[0].why
    assert len(server.sessions) == 5


def test_the_wait_outlasts_the_iterator():
    async def answer(session, *_):
        await session.acknowledge("(null)", "", "OPSP8996", "ALREADY IN USE appkey")

    async def whole():
        async with socket_server(answer) as server:
            notices = notices_at(server)
            for _ in range(5):  # as the broker begins anew after each loss
                async with aclosing(notices.events()) as events:
                    assert isinstance(await anext(events), Lost)
            return server.now

    times = run(whole())
    assert [round(after - before) for before, after in pairwise(times)] == [1, 2, 4, 8]


def test_an_approval_key_that_is_refused_is_asked_for_anew():
    async def answer(session, tr_id, tr_key):
        approval = json.loads(session.received[-1])["header"]["approval_key"]
        if approval == "old":
            await session.acknowledge(tr_id, tr_key, "OPSP0011", "invalid approval : NOT FOUND")
        else:
            await session.acknowledge(tr_id, tr_key, key=session.key, iv=session.iv)

    approvals = FixedApprovals("old", "new")
    found, _ = events_of(nothing, 2, answer, approvals)
    assert [type(event) for event in found] == [Lost, Subscribed]
    assert approvals.forgotten == 1


def test_an_approval_key_that_cannot_be_had_is_tried_again_later():
    class Failing(FixedApprovals):
        async def get(self):
            if self.given < 2:
                self.given += 1
                raise VenueError("no approval key")
            return await super().get()

    found, server = events_of(nothing, 3, approvals=Failing())
    assert [type(event) for event in found] == [Lost, Lost, Subscribed]
    assert len(server.sessions) == 1


def test_a_wrong_hts_id_is_named_where_the_venue_drops_the_connection():
    async def answer(session, *_):
        session.drop()

    found, _ = events_of(nothing, 1, answer)
    assert "check hts_id" in found[0].why


def test_nobody_there_is_an_error_of_ours():
    async def whole():
        async with socket_server() as server:
            pass
        async with aclosing(notices_at(server).events()) as events:
            return await anext(events)

    assert "no connection" in run(whole()).why


def test_a_stream_of_quotes_that_is_refused_leaves_the_others():
    async def answer(session, tr_id, tr_key):
        if tr_key == "999999":
            await session.acknowledge(tr_id, tr_key, "OPSP8992", "tr_key is not valid")
        else:
            await session.acknowledge(tr_id, tr_key, key=session.key, iv=session.iv)
            if tr_key == "005930":
                await session.send("0|H0STCNT0|002|005930^100315^62400^005930^100316^62500")

    found, _ = events_of(nothing, 4, answer, streams=[("H0STCNT0", "999999"), ("H0STCNT0", "005930")])
    assert isinstance(found[1], Unread)
    assert "999999" in found[1].why
    assert found[2:] == [Quoted("H0STCNT0", ["005930", "100315", "62400"]), Quoted("H0STCNT0", ["005930", "100316", "62500"])]


def test_a_stream_of_another_id_is_passed_on_and_an_acknowledgement_that_nobody_asked_for_is_nothing():
    async def play(session):
        await session.acknowledge("H0STMKO0", "005930")
        await session.acknowledge("H0STCNI0", "HTSUSER1", "OPSP0002", "ALREADY IN SUBSCRIBE")
        await session.send("0|H0STMKO0|001|005930^1")
        await session.notice(notice())

    found, _ = events_of(play, 3)
    assert [type(event) for event in found] == [Subscribed, Quoted, Noticed]


@pytest.mark.parametrize(("streams", "hts_id", "right"), [(41, "", True), (40, "H", True), (41, "H", False), (0, "", False)])
def test_a_session_has_41_registrations_at_most(streams, hts_id, right):
    def made():
        wanted = [("H0STCNT0", f"{number:06d}") for number in range(streams)]
        return Notices(
            "ws://127.0.0.1:1", FixedApprovals(), clock=LoopClock.__new__(LoopClock), host=Host(paper=True), hts_id=hts_id, streams=wanted
        )

    if right:
        made()
    else:
        with pytest.raises(UsageError, match="1 to 41 registrations"):
            made()


def test_closing_says_goodbye_so_that_the_next_session_is_served():
    async def whole():
        async with socket_server() as server:
            notices = notices_at(server)
            async with aclosing(notices.events()) as events:
                await anext(events)
                assert notices.subscribed
            assert not notices.subscribed
            await asyncio.sleep(1)
            return server.sessions[0].socket.close_code

    assert run(whole()) == 1000


def test_no_frame_is_logged(caplog):
    caplog.set_level(0)
    events_of(nothing, 1)
    assert "6f2d1c0a" not in caplog.text
    assert "key-of-se" not in caplog.text
