"""A small web socket server that speaks KIS, and a loop in which it and its client share one virtual time."""

import asyncio
import base64
import json
import logging
import selectors
from contextlib import asynccontextmanager

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Opcode

from exec_algos.clock.base import WallClock

START = 1_795_395_600_000_000_000  # 2026-11-23 10:00 in Seoul
SECOND = 1_000_000_000
GRACE = 0.002  # seconds of real time that bytes may take from one end of a socket to the other


class _Jumping(selectors.SelectSelector):
    loop = None

    def select(self, timeout=None):
        found = super().select(0) or (super().select(GRACE) if timeout is None or timeout > 0 else [])
        if not found:
            if timeout is None:
                raise RuntimeError("every task waits for something that never happens")
            self.loop.elapsed += max(timeout, 0)
        return found


class SocketLoop(asyncio.SelectorEventLoop):
    """Time jumps to the next timer where no bytes are under way."""

    def __init__(self):
        self.elapsed = 0.0
        selector = _Jumping()
        super().__init__(selector)
        selector.loop = self

    def time(self):
        return self.elapsed


class LoopClock(WallClock):
    def __init__(self):
        super().__init__(self._wall, self._steady)

    def _steady(self):
        return round(asyncio.get_running_loop().time() * SECOND)

    def _wall(self):
        return START + self._steady()


def run(coroutine):
    """Run in virtual time; a task that is left behind is an error."""

    async def whole():
        result = await coroutine
        for _ in range(20):  # connections say goodbye
            await asyncio.sleep(0.01)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert left == []
        return result

    with asyncio.Runner(loop_factory=SocketLoop) as runner:
        return runner.run(whole())


def encrypted(text, key, iv):
    padder = PKCS7(128).padder()
    machine = Cipher(AES(key.encode()), CBC(iv.encode())).encryptor()
    return base64.b64encode(machine.update(padder.update(text.encode()) + padder.finalize()) + machine.finalize()).decode()


class _Noting(ServerConnection):
    """Counts the pings of the protocol, which KIS is not known to answer."""

    pings = 0

    def process_event(self, event):
        self.pings += getattr(event, "opcode", None) is Opcode.PING
        super().process_event(event)


class Session:
    """What the server has of one connection."""

    def __init__(self, socket, number):
        self.socket, self.number = socket, number
        self.key, self.iv = f"key-of-session-{number:02d}-".ljust(32, "k"), f"iv-{number:02d}-".ljust(16, "v")
        self.received, self.registered = [], []

    async def acknowledge(self, tr_id, tr_key, code="OPSP0000", text="SUBSCRIBE SUCCESS", **output):
        header = {"tr_id": tr_id, "tr_key": tr_key, "encrypt": "N"}
        body = {"rt_cd": "0" if code == "OPSP0000" else "9", "msg_cd": code, "msg1": text, "output": output}
        await self.socket.send(json.dumps({"header": header, "body": body}))

    async def notice(self, text, tr_id="H0STCNI0", count=1):
        await self.socket.send(f"1|{tr_id}|{count:03d}|{encrypted(text, self.key, self.iv)}")

    async def send(self, text):
        await self.socket.send(text)

    def drop(self):
        """Without a close frame."""
        self.socket.transport.abort()


class SocketServer:
    """Acknowledges every registration, unless ``answer(session, registration)`` is another."""

    def __init__(self, answer=None):
        self.answer = answer or self.plain
        self.sessions, self.opened, self.now = [], asyncio.Condition(), []

    async def plain(self, session, tr_id, tr_key):
        if tr_id.startswith("H0STCNI"):
            await session.acknowledge(tr_id, tr_key, key=session.key, iv=session.iv)
        else:
            await session.acknowledge(tr_id, tr_key, key="q" * 32, iv="q" * 16)

    async def serve(self, socket):
        session = Session(socket, len(self.sessions))
        self.sessions.append(session)
        self.now.append(asyncio.get_running_loop().time())
        async for text in socket:
            session.received.append(text)
            said = json.loads(text)
            if said["header"].get("tr_id") == "PINGPONG":
                continue
            wanted = said["body"]["input"]
            session.registered.append((wanted["tr_id"], wanted["tr_key"]))
            await self.answer(session, wanted["tr_id"], wanted["tr_key"])


@asynccontextmanager
async def socket_server(answer=None):
    server = SocketServer(answer)
    options = {
        "create_connection": _Noting,
        "logger": logging.Logger("server", logging.CRITICAL),
        "ping_interval": None,
        "close_timeout": 1,
    }
    async with serve(server.serve, "127.0.0.1", 0, **options) as listening:
        server.url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/tryitout"
        yield server


class FixedApprovals:
    """Gives `keys` one after another; the last one again and again."""

    def __init__(self, *keys):
        self.keys, self.given, self.forgotten = list(keys) or ["6f2d1c0a-1111-4222-8333-0123456789ab"], 0, 0

    async def get(self):
        self.given += 1
        return self.keys[0]

    def forget(self):
        self.forgotten += 1
        if len(self.keys) > 1:
            self.keys.pop(0)
