"""The whole simulator in a process of its own, by httpx and a plain web socket client: quotes, an order, its notices."""

import asyncio
import json

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidMessage
from wired import bars, heard, next_text, nothing, records, subscribe

from exec_algos.errors import VenueError
from exec_algos.testing.kis import kis_rehearsal

QUOTES, TRADING = "/uapi/domestic-stock/v1/quotations/", "/uapi/domestic-stock/v1/trading/"
STOCK = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}


class Customer:
    """A customer of a host, with a token and an approval key."""

    def __init__(self, kis, paper):
        self.kis, self.paper = kis, paper
        self.app_key, self.secret, account, self.hts_id = kis.keys(paper)
        self.account = dict(zip(("CANO", "ACNT_PRDT_CD"), account.split("-"), strict=True))
        self.http = httpx.Client(base_url=kis.rest_url(paper), trust_env=False)
        asked = {"grant_type": "client_credentials", "appkey": self.app_key}
        self.token = self.http.post("/oauth2/tokenP", json={**asked, "appsecret": self.secret}).json()["access_token"]
        self.approval = self.http.post("/oauth2/Approval", json={**asked, "secretkey": self.secret}).json()["approval_key"]

    def headers(self, tr_id):
        return {
            "authorization": f"Bearer {self.token}", "appkey": self.app_key, "appsecret": self.secret, "tr_id": tr_id, "custtype": "P",
            "content-type": "application/json; charset=utf-8",
        }  # fmt: skip

    def get(self, name, tr_id, root=QUOTES, **fields):
        self.kis.control.clock(to=self.kis.control.now + 1_100_000_000)  # paper takes one request a second
        return self.http.get(root + name, params=fields, headers=self.headers(tr_id)).json()

    def buy(self, shares, price):
        body = self.account | {
            "PDNO": "005930", "ORD_DVSN": "00", "ORD_QTY": str(shares), "ORD_UNPR": str(price), "EXCG_ID_DVSN_CD": "KRX",
        }  # fmt: skip
        self.kis.control.clock(to=self.kis.control.now + 1_100_000_000)
        tr_id = "VTTC0012U" if self.paper else "TTTC0012U"
        return self.http.post(TRADING + "order-cash", json=body, headers=self.headers(tr_id)).json()["output"]["ODNO"]

    async def listen(self):
        socket = await connect(self.kis.ws_url(self.paper) + "/tryitout", ping_interval=None)
        await socket.send(subscribe(self.approval, "H0STCNI9" if self.paper else "H0STCNI0", self.hts_id))
        return socket, (await heard(socket))["body"]["output"]


@pytest.fixture(scope="module")
def kis():
    with kis_rehearsal(bars(), start="2026-11-23 10:03:12", speed=1, calendar="XKRX") as found:
        yield found


@pytest.fixture(scope="module")
def customers(kis):
    found = {paper: Customer(kis, paper) for paper in (True, False)}
    yield found
    for customer in found.values():
        customer.http.close()


@pytest.mark.parametrize("paper", [True, False])
def test_quotes_an_order_and_its_notices(customers, paper):
    customer = customers[paper]
    book = customer.get("inquire-asking-price-exp-ccn", "FHKST01010200", **STOCK)
    rows = customer.get(
        "inquire-time-itemchartprice", "FHKST03010200", **STOCK, FID_ETC_CLS_CODE="", FID_INPUT_HOUR_1="100200", FID_PW_DATA_INCU_YN="N"
    )["output2"]

    async def work():
        socket, secret = await customer.listen()
        async with socket:
            odno = customer.buy(40, int(book["output1"]["askp1"]) + 500)
            found = []
            while len(found) < 2:
                text = await next_text(socket)
                found += records(text, secret) if text[0] in "01" else []
            return odno, found

    odno, (accepted, executed) = asyncio.run(work())
    assert int(book["output1"]["askp1"]) - int(book["output1"]["bidp1"]) == 100
    assert [row["stck_cntg_hour"] for row in rows[:2]] == ["100200", "100100"]
    assert len(rows) == 30
    assert {row["cntg_vol"] for row in rows} == {"6000"}
    assert (accepted[2], accepted[13], executed[2], executed[13]) == (odno, "1", odno, "2")
    assert (int(executed[9]), executed[10]) == (40, f"{int(book['output1']['askp1']):09d}")


def test_notices_may_come_before_the_answer_to_their_order(kis, customers):
    """A client that drops notices of numbers that it does not know yet loses the fill."""
    customer = customers[False]

    async def work():
        socket, secret = await customer.listen()
        async with socket:
            kis.control.faults([{"on": "order", "n": 1, "fault": "push_early"}])
            order = asyncio.ensure_future(asyncio.to_thread(customer.buy, 3, 62_500))
            found, early = [], []
            while len(found) < 2:
                text = await next_text(socket)
                if text[0] in "01":
                    early.append(order.done())
                    found += records(text, secret)
            kis.control.faults()
            return await order, [said[2] for said in found], early

    odno, told, answered = asyncio.run(work())
    assert (told, answered) == ([odno, odno], [False, False])


def test_faults_of_pushed_notices_are_in_the_truth_with_the_others(kis, customers):
    customer = customers[False]
    kis.control.faults([{"on": "push", "n": 2, "fault": "push_lost"}])
    odno = customer.buy(3, 62_500)
    kis.control.faults()
    dealt = [fault for fault in kis.control.truth()["faults"] if fault["fault"] == "push_lost"]
    assert [fault["odno"] for fault in dealt] == [odno]


def test_what_a_test_does_to_the_sockets(kis, customers):
    customer = customers[True]

    async def work():
        socket, _ = await customer.listen()
        async with socket:
            kis.control.stream("odd", name="garbage", host="paper")
            garbage = await next_text(socket)
            kis.control.stream("stall", seconds=30, host="paper")
            kis.control.clock(to=kis.control.now + 20_000_000_000)
            silent = await nothing(socket)
            kis.control.clock(to=kis.control.now + 20_000_000_000)
            ping = json.loads(await next_text(socket))
        kis.control.stream("refuse", seconds=5, host="paper")
        with pytest.raises((InvalidMessage, ConnectionError, ConnectionClosed)):
            await customer.listen()
        kis.control.clock(to=kis.control.now + 6_000_000_000)
        return garbage, silent, ping

    garbage, silent, ping = asyncio.run(work())
    assert (garbage, silent, ping["header"]["tr_id"]) == ("\x00\x7f|||~~~", True, "PINGPONG")


def test_a_flood_is_numbered_and_stamped_on_each_registration(kis, customers):
    customer = customers[False]

    async def work():
        async with connect(kis.ws_url(False), ping_interval=None) as socket:
            for symbol in ("000001", "000002"):
                await socket.send(subscribe(customer.approval, "H0STCNT0", symbol))
                await heard(socket)
            kis.control.stream("flood", per_second=100, seconds=0.5, host="live")
            found = {"000001": [], "000002": []}
            while any(len(numbers) < 50 for numbers in found.values()):
                text = await next_text(socket)
                if text[0] == "0":
                    said = text.split("|", 3)[3].split("^")
                    found[said[0]].append(int(said[13]))
            return found

    assert asyncio.run(work()) == {symbol: list(range(1, 51)) for symbol in ("000001", "000002")}


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"do": "fly"}, "thing to do to the web sockets"), ({"do": "stall"}, "stall needs seconds"),
        ({"do": "stall", "seconds": -1}, "seconds must be a number from 0"), ({"do": "odd", "name": "x"}, "odd frame"),
        ({"do": "flood", "per_second": 0, "seconds": 1}, "per_second must be in"), ({"do": "drop", "host": "moon"}, "host"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_to_the_sockets_is_said(kis, said, text):
    with pytest.raises(VenueError, match=text):
        kis.control.stream(**said)
