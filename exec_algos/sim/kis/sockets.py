"""A web socket connection as KIS keeps it: it answers protocol pings only where it is told to, and may refuse to shake hands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from websockets.asyncio.connection import broadcast
from websockets.asyncio.server import Server, ServerConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import Event
from websockets.server import ServerProtocol


class _Protocol(ServerProtocol):
    """Takes pings in without an answer where the switch says so."""

    answers: Callable[[], bool]

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PING and not self.answers():
            self.events.append(frame)
            return
        super().recv_frame(frame)


class Connection(ServerConnection):
    """A connection.

    Parameters
    ----------
    open_now : callable
        Whether a new connection is let in; else it ends without a word.
    answers : callable
        Whether protocol pings are answered.
    """

    def __init__(
        self, protocol: ServerProtocol, server: Server, *, open_now: Callable[[], bool], answers: Callable[[], bool], **options: Any
    ) -> None:
        protocol.__class__ = _Protocol  # the server makes protocols itself, and has no way to be given another kind
        assert isinstance(protocol, _Protocol)
        protocol.answers = answers
        super().__init__(protocol, server, **options)
        self._open_now = open_now
        self.on_pong: Callable[[], None] | None = None

    def connection_made(self, transport: Any) -> None:
        """Let it in, or end it before the handshake."""
        super().connection_made(transport)
        if not self._open_now():
            self.transport.abort()

    def process_event(self, event: Event) -> None:
        """A control pong that nobody asked for is an answer to PINGPONG."""
        super().process_event(event)
        if isinstance(event, Frame) and event.opcode is Opcode.PONG and self.on_pong is not None:
            self.on_pong()

    @property
    def farewell(self) -> bool:
        """Whether the client said that it ends the connection."""
        return self.protocol.close_rcvd is not None

    def put(self, text: str) -> None:
        """Write a text frame, whether the client reads or not; nothing where the connection is over."""
        broadcast([self], text)
