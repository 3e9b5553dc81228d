"""A server on a real socket that answers as a test says: with bytes, late, half, or not at all."""

import asyncio
import contextlib
import json
import socket
import struct
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

RESET, STALL, CLOSE = "reset", "stall", "close"


class Asked(NamedTuple):
    """A request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def fields(self):
        return json.loads(self.body)


def answer(body, status=200, headers=(), length=None):
    """The bytes of an answer; `length` is what it says of itself where that is not true."""
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(content) if length is None else length}", *(f"{k}: {v}" for k, v in headers)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def done(**outputs):
    return answer({"rt_cd": "0", "msg_cd": "MCA00000", "msg1": "정상처리 되었습니다.   ", **outputs}, headers=[("tr_cont", "D")])


def refused(code, status=500, text="refused"):
    return answer({"rt_cd": "1", "msg_cd": code, "msg1": text}, status)


class Server:
    """`act(asked)` gives what is answered: bytes, one of RESET, STALL, CLOSE, seconds to wait, or several of these."""

    def __init__(self, act):
        self.act, self.asked, self.connections = act, [], 0
        self._writers = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader, writer):
        self.connections += 1
        self._writers.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._answer(await self._read(reader), writer):
                pass
        self._writers.discard(writer)
        writer.close()

    async def _read(self, reader):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, target, _ = head[0].split(" ")
        values = dict(line.split(": ", 1) if ": " in line else (line.rstrip(":"), "") for line in head[1:] if line)
        headers = {name.lower(): value for name, value in values.items()}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        parts = urlsplit(target)
        query = {name: found[0] for name, found in parse_qs(parts.query, keep_blank_values=True).items()}
        asked = Asked(method, parts.path, query, headers, body)
        self.asked.append(asked)
        return asked

    async def _answer(self, asked, writer):
        said = self.act(asked)
        for part in said if isinstance(said, tuple) else (said,):
            if isinstance(part, bytes):
                writer.write(part)
                await writer.drain()
            elif isinstance(part, float):
                await asyncio.sleep(part)
            elif part == STALL:
                await asyncio.sleep(3600)
            elif part == RESET:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return False
            else:
                return False
        return True
