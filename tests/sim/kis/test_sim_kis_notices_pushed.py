"""Notices over a web socket, as a plain client reads them; and clients that read them wrongly, each shown failing."""

import asyncio
import json
import time

import pytest
from websockets.exceptions import ConnectionClosed
from wired import SECOND, decrypted, heard, next_text, nothing, records, subscribe, wire

from exec_algos.sim.kis.calls import Call
from exec_algos.sim.kis.stream import ODD_FRAMES
from exec_algos.sim.kis.trading import desk_of
from exec_algos.sim.orders import SELL


def run(work, **settings):
    async def inner():
        async with wire(**settings) as kis:
            return await work(kis)

    return asyncio.run(inner())


def scripted(*faults):
    return {"script": [{"on": "push", "n": n, "fault": fault, "seconds": 30} for n, fault in enumerate(faults, 1) if fault]}


def told(notice):
    """What kind of event a notice tells of: RCTF_CLS, RFUS_YN, CNTG_YN and ACPT_YN."""
    return notice[5] + notice[12] + notice[13] + notice[14]


async def traded(kis, client, count=2, fields=26):
    """What a client hears of an order of 40 that fills at once."""
    order = kis.buy(40, 62_400)
    kis.go()
    return order, await client.notices(count, fields)


async def a_frame(kis, socket):
    """The next frame of data, whole."""
    while (text := await next_text(socket))[0] not in "01":
        pass
    return text


# what they tell


def test_an_order_that_fills_is_told_as_accepted_and_executed():
    async def work(kis):
        async with kis.listener() as client:
            order, (accepted, executed) = await traded(kis, client)
            return order.odno, order.orgno, accepted, executed

    odno, orgno, accepted, executed = run(work)
    assert [said[2] for said in (accepted, executed)] == [odno, odno]
    assert (accepted[0], accepted[1], accepted[4], accepted[8]) == ("HTSLIVE1", "5012345601", "02", "005930")
    assert (accepted[9], accepted[10], told(accepted), accepted[15]) == ("0000000040", "000062400", "0011", orgno)
    assert (executed[9], told(executed), executed[11]) == ("0000000040", "0022", "100312")
    assert 62_000 <= int(executed[10]) <= 62_100


def test_a_cancel_is_told_when_it_is_taken_and_when_it_is_confirmed_under_its_own_number():
    async def work(kis):
        async with kis.listener() as client:
            order = kis.buy(40, 61_000)
            kis.go()
            request = desk_of(kis.world).cancel(order, 40)
            kis.go(10)
            return order, request, await client.notices(3)

    order, request, notices = run(work)
    assert [told(said) for said in notices] == ["0011", "2011", "2012"]
    assert [(said[2], said[3]) for said in notices] == [(order.odno, ""), *[(request.odno, order.odno)] * 2]
    assert notices[2][9] == "0000000040"


def test_a_change_is_told_when_it_is_taken_and_when_the_new_number_has_taken_the_place_of_the_old():
    """A client that follows the old number hears of no fill any more."""

    async def work(kis):
        async with kis.listener() as client:
            order = kis.buy(40, 61_000)
            kis.go()
            identity = kis.world.identities[False][0]
            fields = {
                "CANO": order.account[:8], "ACNT_PRDT_CD": order.account[8:], "KRX_FWDG_ORD_ORGNO": order.orgno, "ORGN_ODNO": order.odno,
                "ORD_DVSN": "00", "RVSE_CNCL_DVSN_CD": "01", "ORD_QTY": "0", "ORD_UNPR": "62400", "QTY_ALL_ORD_YN": "Y",
                "EXCG_ID_DVSN_CD": "KRX",
            }  # fmt: skip
            call = Call(
                paper=False, app_key=identity.app_key, tr_id="TTTC0013U", tr_cont="", fields=fields, now=kis.world.now
            )  # fmt: skip
            output = desk_of(kis.world).order_rvsecncl(call).body["output"]
            kis.go(5)
            return order.odno, output["odno"], await client.notices(4)

    old, new, notices = run(work)
    assert [told(said) for said in notices] == ["0011", "1011", "1012", "1022"]
    assert [(said[2], said[3]) for said in notices] == [(old, ""), *[(new, old)] * 3]
    assert [int(said[10]) for said in notices][:3] == [61_000, 62_400, 62_400]


def test_a_cancel_that_comes_too_late_is_told_as_refused_and_the_fill_as_a_fill():
    async def work(kis):
        async with kis.listener() as client:
            order = kis.buy(40, 62_000)
            kis.go()
            desk_of(kis.world).cancel(order, 40, fill_wins=True)
            kis.go(5)
            return order.filled, await client.notices(4)

    filled, notices = run(work, start="10:03:03", cancel_takes=(1.0, 1.0))
    assert filled == 40
    assert [told(said) for said in notices] == ["0011", "2011", "0022", "2111"]


def test_an_order_that_the_exchange_refuses_is_told_as_refused():
    async def work(kis):
        async with kis.listener() as client:
            kis.buy(40, 62_400, rejects=True)
            kis.go(5)
            return await client.notices(2)

    assert [told(said) for said in run(work)] == ["0011", "0111"]


def test_what_an_ioc_order_did_not_trade_is_told_as_cancelled():
    async def work(kis):
        async with kis.listener() as client:
            kis.buy(5_000, 62_400, dvsn="11")
            kis.go(1)
            return await client.notices(3)

    accepted, executed, ended = run(work)
    assert (accepted[7], told(ended)) == ("1", "0013")
    assert int(executed[9]) + int(ended[9]) == 5_000


def test_the_end_of_the_day_ends_orders_and_tells_nobody():
    async def work(kis):
        async with kis.listener() as client:
            kis.buy(40, 55_000)
            kis.go(60)
            first = await client.notices(1)
            kis.go(600)
            while True:
                try:
                    text = await next_text(client.socket, 0.2)
                except TimeoutError:
                    return told(first[0]), desk_of(kis.world).open_entries("5012345601")
                assert text[0] == "{"

    assert run(work, start="15:25:00") == ("0011", [])


def test_a_fill_tells_its_own_shares_and_not_those_so_far():
    """A client that takes CNTG_QTY for the order's total, or reads it off the acceptance, has another position than the exchange."""

    async def work(kis):
        async with kis.listener() as client:
            order = kis.buy(3_000, 62_400)
            kis.go(30)
            count = len(order.order.executions)
            return order, count, await client.notices(1 + count)

    order, count, notices = run(work)
    fills = [int(said[9]) for said in notices if said[13] == "2"]
    assert count > 1
    assert sum(fills) == order.filled
    assert fills[-1] != order.filled
    assert int(notices[0][9]) == 3_000 != order.filled


def test_orders_by_hand_and_of_another_account_are_told_too():
    """A client that does not filter by ACNT_NO books what is not its own."""

    async def work(kis):
        async with kis.listener() as client:
            other = kis.world.identities[False][0].others[0]
            kis.world.exchange.account(other).positions["005930"] = 100
            kis.buy(10, 62_000, account=other, side=SELL)
            by_hand = kis.buy(10, 62_400, by_hand=True)
            kis.go()
            return other, by_hand.odno, await client.notices(4)

    other, odno, notices = run(work)
    assert {said[1] for said in notices} == {other, "5012345601"}
    assert odno in {said[2] for said in notices}


def test_live_and_paper_hear_only_their_own():
    async def work(kis):
        async with kis.listener() as live, kis.listener(paper=True) as paper:
            kis.buy(40, 62_400, paper=True)
            kis.go()
            notices = await paper.notices(2)
            return notices[0][:2], await nothing(live.socket)

    assert run(work) == (["HTSPAPER", "5065432101"], True)


def test_paper_may_send_no_notices_at_all():
    async def work(kis):
        async with kis.listener(paper=True) as paper, kis.listener() as live:
            kis.buy(40, 62_400, paper=True)
            kis.buy(40, 62_400)
            kis.go()
            return len(await live.notices(2)), await nothing(paper.socket)

    assert run(work, paper_notices=False) == (2, True)


# key and iv


def test_each_session_has_a_key_of_its_own():
    """A client that keeps the key of the session before cannot read."""

    async def work(kis):
        async with kis.listener() as first:
            await traded(kis, first)
            old = first.secret
        while any(kis.stream.sessions.values()):
            await asyncio.sleep(0)
        async with kis.listener() as second:
            kis.buy(40, 62_400)
            kis.go()
            frame = await a_frame(kis, second.socket)
            return old, second.secret, frame

    old, new, frame = run(work)
    assert records(frame, new)
    with pytest.raises(ValueError, match="padding"):
        decrypted(frame.split("|", 3)[3], old)


def test_the_ack_of_a_quote_carries_another_key():
    """A client that takes the key of whatever ack came last cannot read its notices."""

    async def work(kis):
        key = kis.approve()
        async with kis.listener(key=key) as client:
            await client.socket.send(subscribe(key, "H0STASP0", "005930"))
            wrong = (await heard(client.socket))["body"]["output"]
            kis.buy(40, 62_400)
            kis.go()
            while not (frame := await a_frame(kis, client.socket)).startswith("1|H0STCNI0"):
                pass
            return wrong, client.secret, frame

    wrong, right, frame = run(work)
    assert (len(wrong["key"]), len(wrong["iv"])) == (32, 16)
    assert records(frame, right)
    with pytest.raises(ValueError, match="padding"):
        decrypted(frame.split("|", 3)[3], wrong)


@pytest.mark.parametrize(("encrypt", "encrypted"), [("Y", True), ("N", True), ("Y", False)])
def test_the_first_character_of_a_frame_tells_whether_it_is_encrypted_and_the_ack_does_not(encrypt, encrypted):
    async def work(kis):
        key = kis.approve()
        async with kis.client() as socket:
            await socket.send(subscribe(key, "H0STCNI0", kis.hts_id()))
            ack = await heard(socket)
            kis.buy(40, 62_400)
            kis.go()
            return ack["header"]["encrypt"], await a_frame(kis, socket)

    said, frame = run(work, ack_encrypt=encrypt, encrypted=encrypted)
    assert said == encrypt
    assert (frame[0], "HTSLIVE1" in frame) == (("1", False) if encrypted else ("0", True))


# frames


def test_several_records_come_in_one_frame():
    """A client that reads a frame as one record loses all but the first."""

    async def work(kis):
        async with kis.listener() as client:
            kis.buy(40, 62_400)
            kis.go()
            frame = await a_frame(kis, client.socket)
            return frame, client.secret

    frame, secret = run(work, records=5)
    assert frame.split("|")[2] == "002"
    assert [said[13] for said in records(frame, secret)] == ["1", "2"]


@pytest.mark.parametrize("fields", [17, 23, 26, 31])
def test_a_notice_may_have_other_numbers_of_fields(fields):
    """A client that insists on 26 stumbles."""

    async def work(kis):
        async with kis.listener() as client:
            return (await traded(kis, client, fields=fields))[1]

    accepted, executed = run(work, notice_fields=fields)
    assert (len(accepted), told(accepted), told(executed)) == (fields, "0011", "0022")


def test_numbers_may_come_without_zeros_before_them():
    async def work(kis):
        async with kis.listener() as client:
            return (await traded(kis, client))[1]

    assert run(work, zero_padded=False)[0][9:11] == ["40", "62400"]


def test_a_bar_may_stand_in_the_payload():
    """A client that splits at every bar tears the record."""

    async def work(kis):
        async with kis.listener() as client:
            kis.buy(40, 62_400)
            kis.go()
            return await a_frame(kis, client.socket)

    frame = run(work, encrypted=False, owner_name="홍|길동")
    assert len(frame.split("|")) == 5
    assert records(frame, None)[0][17] == "홍|길동"


@pytest.mark.parametrize("name", sorted(ODD_FRAMES))
def test_frames_that_mean_nothing_come_between_notices(name):
    async def work(kis):
        async with kis.listener(paper=True) as client:
            kis.stream.odd(name, paper=True)
            odd = await next_text(client.socket)
            kis.buy(40, 62_400, paper=True)
            kis.go()
            while not (frame := await next_text(client.socket)).startswith("1|"):
                pass
            return odd, records(frame, client.secret)[0]

    odd, notice = run(work)
    assert (odd, told(notice)) == (ODD_FRAMES[name].replace("H0STCNI0", "H0STCNI9"), "0011")


# faults


def test_a_lost_notice_never_comes():
    """A client that trusts notices alone misses the fill; the register has it."""

    async def work(kis):
        async with kis.listener() as client:
            order = kis.buy(40, 62_400)
            kis.go()
            return told((await client.notices(1))[0]), await nothing(client.socket), order.filled

    assert run(work, faults=scripted("", "push_lost")) == ("0011", True, 40)


def test_a_notice_comes_twice():
    """A client that adds up executions has twice the position."""

    async def work(kis):
        async with kis.listener() as client:
            order, notices = await traded(kis, client, 3)
            return order.filled, [int(said[9]) for said in notices if said[13] == "2"]

    assert run(work, faults=scripted("", "push_duplicate")) == (40, [40, 40])


def test_a_fill_comes_before_the_acceptance():
    async def work(kis):
        async with kis.listener() as client:
            return [told(said) for said in (await traded(kis, client))[1]]

    assert run(work, faults=scripted("push_disorder")) == ["0022", "0011"]


def test_fills_come_out_of_order_and_none_is_lost_where_none_follows():
    async def work(kis):
        async with kis.listener() as client:
            order = kis.buy(40, 62_400)
            kis.go()
            first = await client.notices(1)
            early = await nothing(client.socket)
            kis.go(3)
            return told(first[0]), early, told((await client.notices(1))[0]), order.filled

    assert run(work, faults=scripted("", "push_disorder")) == ("0011", True, "0022", 40)


def test_a_notice_may_come_before_the_answer_to_its_order():
    """`publish` is what the gateway calls before it answers: nothing of the answer is needed."""

    async def work(kis):
        async with kis.listener() as client:
            order = kis.buy(40, 61_000)
            kis.stream.publish(kis.world.drain())
            return order.odno, (await client.notices(1))[0][2]

    odno, heard_of = run(work)
    assert odno == heard_of


def test_a_notice_can_come_late():
    async def work(kis):
        async with kis.listener() as client:
            order = kis.buy(40, 61_000)
            kis.world.hold_notices(order.order.venue_id, kis.world.now + 60 * SECOND)
            kis.go(59)
            early = [text async for text in texts(client.socket) if text[0] in "01"]
            kis.go(2)
            return early, told((await client.notices(1))[0])

    assert run(work) == ([], "0011")


@pytest.mark.parametrize("fault", ["drop", "linger"])
def test_a_fault_cuts_the_socket_and_the_notice_is_gone(fault):
    """There is no replay: a client that only subscribes again never hears of what filled meanwhile."""

    async def work(kis):
        async with kis.listener() as client:
            order = kis.buy(40, 62_400)
            kis.go()
            with pytest.raises(ConnectionClosed):
                await client.notices(2)
        while any(kis.stream.sessions.values()):
            await asyncio.sleep(0)
        kis.buy(7, 61_000)
        kis.go(31)
        async with kis.listener() as client:
            kis.buy(3, 61_000)
            kis.go()
            return order.filled, [int(said[9]) for said in await client.notices(1)]

    assert run(work, faults=scripted("", fault)) == (40, [3])


def test_a_lingering_session_keeps_the_next_one_out():
    async def work(kis):
        key = kis.approve()
        async with kis.listener(key=key) as client:
            kis.buy(40, 62_400)
            kis.go()
            with pytest.raises(ConnectionClosed):
                await client.notices(2)
        while any(kis.stream.sessions.values()):
            await asyncio.sleep(0)
        async with kis.client() as socket:
            await socket.send(subscribe(key, "H0STCNI0", kis.hts_id()))
            return (await heard(socket))["body"]["msg_cd"]

    assert run(work, faults=scripted("", "linger")) == "OPSP8996"


def test_a_stalled_session_loses_what_it_would_have_carried():
    async def work(kis):
        async with kis.listener() as client:
            order = kis.buy(40, 62_400)
            kis.go()
            first = told((await client.notices(1))[0])
            kis.go(20)
            silent = await nothing(client.socket)
            kis.go(11)
            kis.buy(3, 61_000)
            kis.go()
            return order.filled, first, silent, [int(said[9]) for said in await client.notices(1)]

    assert run(work, faults=scripted("", "stall")) == (40, "0011", True, [3])


def test_a_garbage_frame_may_come_with_a_notice():
    async def work(kis):
        async with kis.listener() as client:
            kis.buy(40, 61_000)
            kis.go()
            return await next_text(client.socket), await next_text(client.socket)

    odd, notice = run(work, faults=scripted("push_odd"))
    assert odd in ODD_FRAMES.values()
    assert notice.startswith("1|H0STCNI0|001|")


def test_faults_that_were_dealt_are_written_down():
    async def work(kis):
        async with kis.listener() as client:
            order, _ = await traded(kis, client, 1)
            return kis.stream.dealt, kis.world.now, order.odno

    dealt, now, odno = run(work, faults=scripted("", "push_lost"))
    assert dealt == [{"on": "push", "fault": "push_lost", "seconds": 30, "time": now, "odno": odno}]


async def texts(socket, seconds=0.15):
    """All that comes within a while of real time."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            yield await next_text(socket, left)
        except TimeoutError:
            return


# PINGPONG


def test_a_pingpong_comes_every_ten_to_fourteen_seconds():
    async def work(kis):
        async with kis.listener() as client:
            early = []
            for _ in range(2):
                kis.go(9.9)
                early.append(await nothing(client.socket))
                kis.go(4.2)
                await client.ping()
                kis.go(0.01)  # the next one is counted from when this one went out
            return early

    assert run(work, quote_every=0.0) == [True, True]


def test_a_pingpong_has_the_time_in_seoul():
    async def work(kis):
        async with kis.listener() as client:
            kis.go(15)
            return json.loads(await client.ping())

    assert run(work, start="10:03:05") == {"header": {"tr_id": "PINGPONG", "datetime": "20261123100320"}}


@pytest.mark.parametrize(
    ("answer", "taken", "lives"),
    [
        ("echo", "either", True), ("pong", "either", True), ("none", "either", False), ("echo", "pong", False), ("pong", "echo", False),
        ("ping", "either", False), ("pong", "pong", True), ("echo", "echo", True),
    ],
)  # fmt: skip
def test_a_client_that_does_not_answer_is_dropped(answer, taken, lives):
    """Text echo and control pong are answers; a protocol ping of the client's own library is none."""

    async def work(kis):
        async with kis.listener() as client:
            try:
                for _ in range(4):
                    kis.go(15)
                    text = await client.ping()
                    if answer == "echo":
                        await client.socket.send(text)
                    elif answer == "pong":
                        await client.socket.pong(text)
                    elif answer == "ping":
                        await client.socket.ping()
                    await asyncio.sleep(0.02)
            except ConnectionClosed:
                return False
            return True

    assert run(work, pong_needed=20.0, pongs=taken) is lives


def test_a_client_that_never_answers_lives_where_the_switch_is_off():
    async def work(kis):
        async with kis.listener() as client:
            for _ in range(5):
                kis.go(15)
                await client.ping()
            return (await traded(kis, client))[1]

    assert len(run(work)) == 2


@pytest.mark.parametrize("answers", [False, True])
def test_protocol_pings_of_a_client_are_not_answered(answers):
    """A client whose library pings, as most do by default, takes a living connection for a dead one."""

    async def work(kis):
        async with kis.client() as socket:
            waiter = await socket.ping()
            try:
                async with asyncio.timeout(0.2):
                    await waiter
            except TimeoutError:
                return False
            return True

    assert run(work, answers_pings=answers) is answers


def test_a_library_that_pings_by_itself_loses_its_connection():
    async def work(kis):
        async with kis.client(ping_interval=0.05, ping_timeout=0.05) as socket:
            with pytest.raises(ConnectionClosed):
                await next_text(socket)

    run(work)


def test_a_session_of_quotes_alone_may_get_no_pingpong():
    async def work(kis):
        async with kis.client() as socket:
            await socket.send(subscribe(kis.approve(), "H0STCNT0", "000000"))
            await heard(socket)
            kis.go(60)
            return await nothing(socket)

    assert run(work, ping_quotes=False)
