"""HTTP/1.1 over asyncio streams by h11: each answer is bytes that may come late, in half, or never."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import h11

MOST_BODY = 1 << 20
ACCOUNT = "rehearsal-1"  # of a client that names none
PATIENCE = 120.0  # seconds for which a connection that gets no answer is kept
NO_LINGER = struct.pack("ii", 1, 0)  # close sends a reset


@dataclass(frozen=True, slots=True)
class Request:
    """A request that came in whole. `query`: without what is empty; `headers`: by lower-case name, the last of each."""

    method: str
    path: tuple[str, ...]
    query: dict[str, str]
    account: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    query_text: str = ""

    def json(self) -> Any:
        """The body, decoded; raises ValueError."""
        return json.loads(self.body) if self.body else {}


@dataclass(frozen=True, slots=True)
class Reply:
    """What is done with a request.

    Parameters
    ----------
    status : int
    body : bytes
        JSON.
    manner : str
        ``"answer"``; ``"close"`` the connection, ``"hang"`` until the client gives up, ``"half"`` of the body, ``"reset"`` it.
    delay : float
        Seconds of real time before.
    then : callable, optional
        What happens when the answer is written.
    headers : tuple of (str, str)
        Beside the length; ``content-type`` is JSON where they name none.
    """

    status: int = 200
    body: bytes = b"{}"
    manner: str = "answer"
    delay: float = 0.0
    then: Callable[[], None] | None = None
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Request], Reply]


def as_json(value: Any, status: int = 200) -> Reply:
    """An answer in JSON, in which NaN is null before it comes here."""
    return Reply(status, json.dumps(value, separators=(",", ":"), allow_nan=False).encode())


class Connections:
    """Serves connections, and knows which are open."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._open: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until it ends."""
        self._open.add(writer)
        try:
            await _requests(reader, writer, self._handler)
        except (ConnectionError, h11.RemoteProtocolError, asyncio.IncompleteReadError):
            pass  # the client left, or talks something else: its connection is all that it loses
        finally:
            self._open.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def drop(self) -> None:
        """End every connection."""
        for writer in list(self._open):
            writer.transport.abort()


async def _requests(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler) -> None:
    connection = h11.Connection(h11.SERVER)
    while True:
        request = await _request(connection, reader)
        if request is None:
            return
        if len(request.body) > MOST_BODY:
            reply = as_json({"code": "size", "text": f"a body must be at most {MOST_BODY} bytes"}, 413)
        else:
            reply = handler(request)
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if not await _deliver(connection, reader, writer, reply):
            return
        if reply.then is not None:
            reply.then()
        if connection.our_state is h11.MUST_CLOSE:
            return
        connection.start_next_cycle()


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    """The next whole request; None where the client is gone."""
    head: h11.Request | None = None
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body = body + bytes(event.data) if len(body) <= MOST_BODY else body
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _parsed(head, body)
        else:
            return None


def _parsed(head: h11.Request, body: bytes) -> Request:
    target = urlsplit(head.target.decode("ascii", "replace"))
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    account = next((value for name, value in head.headers if name == b"x-account"), ACCOUNT.encode()).decode("latin-1")
    path = tuple(unquote(part) for part in target.path.split("/") if part)
    return Request(head.method.decode("ascii"), path, dict(parse_qsl(target.query)), account, body, headers, target.query)


async def _deliver(connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply: Reply) -> bool:
    """Write an answer, or what stands for one; whether the connection goes on."""
    if reply.manner == "hang":
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while await reader.read(65536):
                    pass
        return False
    if reply.manner == "reset":
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        writer.transport.abort()
        return False
    if reply.manner == "close":
        return False
    whole = _bytes(connection, reply)
    writer.write(whole if reply.manner == "answer" else whole[: len(whole) - max(len(reply.body) // 2, 1)])
    await writer.drain()
    return reply.manner == "answer"


def _bytes(connection: h11.Connection, reply: Reply) -> bytes:
    typed = any(name == "content-type" for name, _ in reply.headers)
    headers = [*(() if typed else (("content-type", "application/json"),)), ("content-length", str(len(reply.body))), *reply.headers]
    parts = (h11.Response(status_code=reply.status, headers=headers), h11.Data(data=reply.body), h11.EndOfMessage())
    return b"".join(connection.send(part) or b"" for part in parts)
