"""A simulated KIS's web sockets in this process, at a time that the test sets, and what a plain client of them writes and reads."""

import asyncio
import base64
import json
from contextlib import asynccontextmanager

import pandas as pd
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from websockets.asyncio.client import connect

from exec_algos import Bars
from exec_algos.market.hours import sessions_of
from exec_algos.sim.clock import RehearsalClock
from exec_algos.sim.kis.checks import Wanted
from exec_algos.sim.kis.faults import KISFaults
from exec_algos.sim.kis.floor import krx_exchange
from exec_algos.sim.kis.settings import KISSettings
from exec_algos.sim.kis.stream import Stream
from exec_algos.sim.kis.trading import desk_of
from exec_algos.sim.kis.world import Approval, World
from exec_algos.sim.orders import BUY

SECOND = 1_000_000_000
DAYS = ("2026-11-19", "2026-11-20", "2026-11-23")
MINUTES = 391  # 09:00 to 15:30


def at(text, day=DAYS[-1]):
    """ns UTC of a time in Seoul on the last recorded day."""
    return pd.Timestamp(f"{day} {text}", tz="Asia/Seoul").value


def bars(symbols=("005930",), days=DAYS, price=62_000.0, volume=6_000.0, gaps=()):
    """Minute bars from 09:00 to 15:20 and one at 15:29: each rises by a tick of 100 KRW over its minute and falls back in the next.

    `price`: of all days, or of each one. `gaps`: minutes of each day, from 0 at 09:00, in which nothing traded.
    """
    prices = price if isinstance(price, tuple) else (price,) * len(days)
    frames = []
    for symbol in symbols:
        stamps, rows = [], []
        for day, low in zip(days, prices, strict=True):
            up = low + 100
            for minute in (*range(381), 389):
                rows.append((low, up, low, up, 0.0 if minute in gaps else volume) if minute % 2 == 0 else (up, up, low, low, volume))
                stamps.append(pd.Timestamp(f"{day} 09:00", tz="Asia/Seoul") + pd.Timedelta(minutes=minute))
        frame = pd.DataFrame(rows, columns=["open", "high", "low", "close", "volume"], index=pd.DatetimeIndex(stamps))
        frames.append(Bars.from_frame(frame, symbol=symbol, label="start", step="1min"))
    return frames[0] if len(frames) == 1 else Bars.concat(frames)


def a_world(start="10:03:12", faults=None, market=None, calendar="XKRX", hours="XKRX", **settings):
    """A world that stands still until it is told to go on. `hours`: the calendar by which the bars are cut into sessions."""
    given = bars() if market is None else market
    begin = at(start) if isinstance(start, str) else start
    exchange = krx_exchange(given, sessions_of(given, hours), begin)
    dealt = KISFaults(seed=1, **(faults or {}))
    return World(exchange, RehearsalClock(begin, 1, lambda: 0), KISSettings(**settings), dealt, seed=1, calendar=calendar)


class Wire:
    """A world with its web sockets. `approve` stands for ``/oauth2/Approval``, `buy` for an order over HTTP."""

    def __init__(self, world):
        self.world, self.stream, self.keys = world, Stream(world), 0

    def approve(self, paper=False, lasts=86_400, customer=0):
        """An approval key that lasts so many seconds."""
        self.keys += 1
        key = f"6f2d1c0a-1111-4222-8333-{self.keys:012d}"
        identity = self.world.identities[paper][customer]
        self.world.approvals[key] = Approval(key=key, identity=identity, expires=self.world.now + lasts * SECOND)
        return key

    def hts_id(self, paper=False):
        return self.world.identities[paper][0].hts_id

    def client(self, paper=False, path="/tryitout", **options):
        """A plain connection."""
        return connect(self.stream.ws_url(paper) + path, **{"ping_interval": None, "compression": None, **options})

    def go(self, seconds=0.0):
        """Let time pass, and push what happened."""
        self.world.exchange.advance(self.world.now + round(seconds * SECOND))
        self.stream.publish(self.world.drain())

    def buy(self, shares=40, price=62_400, paper=False, account=None, side=BUY, dvsn="00", **more):
        """An order that KIS takes; its row."""
        identity = self.world.identities[paper][0]
        whose = account or identity.account
        wanted = Wanted(
            account=whose, symbol="005930", side=side, dvsn=dvsn, exchange="KRX", quantity=shares, price=price, paper=paper
        )  # fmt: skip
        return desk_of(self.world).place(wanted, **more)

    @asynccontextmanager
    async def listener(self, paper=False, key=None):
        """A client that is subscribed to notices, with key and iv of its ack."""
        async with self.client(paper) as socket:
            await socket.send(subscribe(key or self.approve(paper), "H0STCNI9" if paper else "H0STCNI0", self.hts_id(paper)))
            ack = await heard(socket)
            assert ack["body"]["msg_cd"] == "OPSP0000", ack
            yield Listener(socket, ack["body"]["output"])


class Listener:
    """A client that decrypts by the first character of a frame."""

    def __init__(self, socket, secret):
        self.socket, self.secret = socket, secret

    async def notices(self, count=1, fields=26):
        """The next notices, each as its fields; PINGPONGs are passed over."""
        found = []
        while len(found) < count:
            text = await next_text(self.socket)
            if text[0] in "01":
                found += records(text, self.secret, fields)
        return found

    async def ping(self):
        """The next PINGPONG, as it came."""
        while "PINGPONG" not in (text := await next_text(self.socket)):
            pass
        return text


@asynccontextmanager
async def wire(**settings):
    """Both web sockets, while the block runs. `settings` are those of `a_world`."""
    found = Wire(a_world(**settings))
    await found.stream.open()
    try:
        yield found
    finally:
        await found.stream.close()


async def next_text(socket, seconds=5.0):
    """The next frame; fails where none comes."""
    async with asyncio.timeout(seconds):
        return await socket.recv()


async def heard(socket):
    """The next JSON that is no PINGPONG."""
    while True:
        text = await next_text(socket)
        if text[:1] == "{" and "PINGPONG" not in text:
            return json.loads(text)


async def nothing(socket, seconds=0.15):
    """Whether nothing comes for a while of real time."""
    try:
        async with asyncio.timeout(seconds):
            await socket.recv()
    except TimeoutError:
        return True
    return False


def subscribe(key, tr_id, tr_key, tr_type="1", custtype="P"):
    """A registration, or with ``"2"`` its end."""
    header = {"approval_key": key, "custtype": custtype, "tr_type": tr_type, "content-type": "utf-8"}
    return json.dumps({"header": header, "body": {"input": {"tr_id": tr_id, "tr_key": tr_key}}})


def records(frame, secret, fields=26):
    """The records of a frame of notices, split as the contract says."""
    first, _, count, payload = frame.split("|", 3)
    text = decrypted(payload, secret) if first == "1" else payload
    said = text.split("^")
    assert len(said) == fields * int(count)
    return [said[k * fields : (k + 1) * fields] for k in range(int(count))]


def decrypted(payload, secret):
    """AES-256-CBC, PKCS#7, base64, with key and iv as UTF-8 bytes; raises ValueError where they are others'."""
    decryptor = Cipher(algorithms.AES(secret["key"].encode()), modes.CBC(secret["iv"].encode())).decryptor()
    padded = decryptor.update(base64.b64decode(payload)) + decryptor.finalize()
    unpadder = PKCS7(128).unpadder()
    return (unpadder.update(padded) + unpadder.finalize()).decode()
