"""`Notices`: one web socket session after another, its registrations, and what it pushes: notices of orders, and quotes.

There is no replay: what happened while no session stood is lost, so that `Subscribed` says when everything has to be looked up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from exec_algos.brokers.kis.frames import (
    APPROVAL,
    IN_USE,
    Ack,
    Cipher,
    Data,
    FrameError,
    Ping,
    parse,
    records,
    shown,
    subscription,
)
from exec_algos.brokers.kis.messages import AccountNo, Host
from exec_algos.brokers.kis.rows import Notice
from exec_algos.clock import Clock
from exec_algos.errors import UsageError, VenueError
from exec_algos.model import SECOND

MOST_REGISTRATIONS = 41  # of an app key, notices among them
DEAD = 40 * SECOND  # without a byte; PINGPONG comes every 10 to 14 s
FIRST_WAIT, LONGEST_WAIT = SECOND, 300 * SECOND  # whoever connects and disconnects in a loop is locked out
STEADY = 60 * SECOND  # a session that stood that long proves that the venue takes us
TIMEOUT = 10.0  # seconds of real time for a connection

log = logging.getLogger("exec_algos.kis")

# the library writes every frame at DEBUG, and the first one holds the approval key: this logger is nobody's
_SILENT = logging.Logger("exec_algos.kis.websocket", logging.CRITICAL)


class Approvals(Protocol):
    """Who has the approval key of a session."""

    async def get(self) -> str:
        """A key that is good; raises `VenueError` where the venue gives none."""
        ...

    def forget(self) -> None:
        """The key that was given last is no good."""
        ...


class Registration(NamedTuple):
    """A stream and whose it is: ``("H0STASP0", "005930")``."""

    tr_id: str
    tr_key: str


@dataclass(frozen=True, slots=True)
class Subscribed:
    """Notices come from here on; what happened before is lost. `time`: ns UTC of our clock."""

    time: int


@dataclass(frozen=True, slots=True)
class Lost:
    """The session is over, and no other one is tried for `wait` ns."""

    why: str
    wait: int


@dataclass(frozen=True, slots=True)
class Noticed:
    """A notice of an order. `ours`: of our account; one HTS id has the notices of all its accounts."""

    notice: Notice
    ours: bool


@dataclass(frozen=True, slots=True)
class Quoted:
    """A record of a stream of quotes, field by field."""

    tr_id: str
    fields: list[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unread:
    """A frame that could not be read, or a registration that was refused."""

    why: str


Event = Subscribed | Lost | Noticed | Quoted | Unread


class _EndedError(VenueError):
    """The session is over."""


class _Socket(ClientConnection):
    """A connection that knows when the last byte came, ns UTC."""

    clock: Clock
    heard: int

    def data_received(self, data: bytes) -> None:
        """Bytes of any frame, also of those that the library keeps for itself."""
        self.heard = self.clock.now
        super().data_received(data)


class Notices:
    """Sessions of a web socket, one after another.

    Parameters
    ----------
    url : str
        ``ws://ops.koreainvestment.com:21000/tryitout``.
    approvals : Approvals
    clock : Clock
        Back-off and the silence of a dead connection run on it.
    host : Host
        Live or paper: each has notices of its own.
    account : AccountNo, optional
        Only its notices are ours.
    hts_id : str
        Whose notices are asked for; without it only `streams` are.
    streams : iterable of (str, str)
        Streams of quotes, each a stream's id and a symbol.
    timeout : float
        Seconds of real time for a connection.

    Raises
    ------
    UsageError
        Nothing to register, or more than 41 registrations.
    """

    def __init__(  # noqa: PLR0913 - each is named
        self,
        url: str,
        approvals: Approvals,
        *,
        clock: Clock,
        host: Host,
        account: AccountNo | None = None,
        hts_id: str = "",
        streams: Iterable[tuple[str, str]] = (),
        timeout: float = TIMEOUT,
    ) -> None:
        own = [Registration(host.notices, hts_id)] if hts_id else []
        wanted = [*own, *(Registration(*stream) for stream in dict.fromkeys(streams))]
        if not 0 < len(wanted) <= MOST_REGISTRATIONS:
            raise UsageError(
                f"a session has 1 to {MOST_REGISTRATIONS} registrations, notices among them, got {len(wanted)}; leave some out"
            )
        self._url, self._approvals, self._clock, self._timeout = url, approvals, clock, timeout
        self._notices, self._wanted = host.notices, wanted
        self._account = None if account is None else account.plain
        self._cipher: Cipher | None = None
        self._socket: _Socket | None = None
        self._listening = 0  # since when the next frame is waited for, ns UTC; 0 while the last one is worked on
        self._acknowledged: set[Registration] = set()
        self._failures = 0
        self._next = 0
        self._silent = ""
        self._foreign = 0

    @property
    def subscribed(self) -> bool:
        """The session's first registration, that of notices where there is one, stands."""
        return self._socket is not None and self._wanted[0] in self._acknowledged

    async def events(self) -> AsyncGenerator[Event, None]:
        """What comes, without end; a session that is lost is followed by another after a wait that doubles from 1 s to 5 minutes."""
        await self.close()
        while True:
            await self._clock.sleep_until(self._next)
            began = self._clock.now
            try:
                async with aclosing(self._session()) as events:
                    async for event in events:
                        yield event
                why = "the venue ended the session"
            except VenueError as error:
                why = str(error)
            wait = self._back_off(began)
            yield Lost(why, wait)

    async def close(self) -> None:
        """End the session in good order: one that is dropped would be held against the next one for a while."""
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()

    def _back_off(self, began: int) -> int:
        now = self._clock.now
        self._failures = 0 if self._acknowledged and now - began >= STEADY else self._failures + 1
        wait = min(FIRST_WAIT << min(max(self._failures - 1, 0), 10), LONGEST_WAIT)
        self._next = now + wait
        return wait

    async def _session(self) -> AsyncGenerator[Event, None]:
        """One session, from its connection to its end."""
        self._cipher, self._acknowledged, self._silent = None, set(), ""  # a key is of one session
        approval = await self._approvals.get()
        async with self._connected() as socket:
            await self._say(socket, subscription(approval, *self._wanted[0]))
            while True:
                for event in await self._next_events(socket, approval):
                    self._listening = 0
                    yield event

    async def _next_events(self, socket: _Socket, approval: str) -> Iterable[Event]:
        """What the next frame holds; what has to be answered is."""
        try:
            said = parse(await self._hear(socket))
            if isinstance(said, Data):
                return self._events_of(said)
            if isinstance(said, Ping):
                await self._say(socket, said.text)
            elif self._answered(said):
                for rest in self._wanted[1:]:
                    await self._say(socket, subscription(approval, *rest))
                return [Subscribed(self._clock.now)]
        except FrameError as error:
            return [Unread(str(error))]
        return []

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[_Socket]:
        def made(*arguments: Any, **named: Any) -> _Socket:
            socket = _Socket(*arguments, **named)
            socket.clock, socket.heard = self._clock, self._clock.now
            return socket

        try:
            socket: Any = await connect(
                self._url, create_connection=made, proxy=None, ping_interval=None, compression=None, logger=_SILENT,  # type: ignore[arg-type]
                open_timeout=self._timeout, close_timeout=1.0,
            )  # fmt: skip
        except (OSError, WebSocketException, TimeoutError, ValueError) as error:
            raise _EndedError(f"{self._url}: no connection: {type(error).__name__}: {error}") from None
        self._socket = socket
        watching = asyncio.ensure_future(self._watch(socket))
        try:
            yield socket
        finally:
            watching.cancel()
            self._socket = None
            await socket.close()

    async def _hear(self, socket: _Socket) -> str | bytes:
        self._listening = self._clock.now
        try:
            return await socket.recv()
        except ConnectionClosed as closed:
            raise _EndedError(self._why(closed)) from None

    async def _say(self, socket: _Socket, text: str) -> None:
        self._listening = self._clock.now
        try:
            await socket.send(text)
        except ConnectionClosed as closed:
            raise _EndedError(self._why(closed)) from None

    async def _watch(self, socket: _Socket) -> None:
        """End a connection on which nothing comes any more; time in which we did not listen does not count."""
        opened = self._clock.now
        while not self._silent:
            now = self._clock.now
            heard = max(socket.heard, self._listening) if self._listening else now
            if now - heard >= DEAD:
                self._silent = f"nothing came for {DEAD // SECOND} s, no PINGPONG either"
            elif not self._acknowledged and now - opened >= DEAD:
                self._silent = f"no registration was answered for {DEAD // SECOND} s"
            else:
                await self._clock.sleep_until(min(heard, now) + DEAD if self._acknowledged else min(heard, opened) + DEAD)
        socket.transport.abort()

    def _why(self, closed: ConnectionClosed) -> str:
        if self._silent:
            return f"{self._url}: {self._silent}"
        if closed.rcvd is None and not self._acknowledged:
            return f"{self._url}: dropped before the registration was answered; a wrong HTS id has that effect: check hts_id"
        return f"{self._url}: the connection ended: {'no close frame came' if closed.rcvd is None else f'code {closed.rcvd.code}'}"

    def _answered(self, ack: Ack) -> bool:
        """Take in an acknowledgement; whether it is the one with which a session begins.

        Raises
        ------
        FrameError
            A registration was refused.
        VenueError
            The session is of no use.
        """
        said = f"{ack.code} {ack.text}".strip()
        registration = next((each for each in self._wanted if each == (ack.tr_id, ack.tr_key)), None)
        if ack.code in APPROVAL:
            self._approvals.forget()
            raise _EndedError(f"{self._url}: the approval key was refused: {said}")
        if ack.code == IN_USE:
            raise _EndedError(
                f"{self._url}: {said}: another session of this app key stands, or has not been let go yet; only one is served"
            )
        if not ack.subscribed:
            if registration is None or registration == self._wanted[0]:
                raise _EndedError(f"{self._url}: the registration of {shown(self._wanted[0].tr_id)} was refused: {said}")
            raise FrameError(f"the registration of {shown(ack.tr_id)} {registration.tr_key} was refused: {said}; it is left out")
        if registration is None or registration in self._acknowledged:
            return False
        self._acknowledged.add(registration)
        if ack.tr_id == self._notices and ack.key:
            self._cipher = Cipher(ack.key, ack.iv)
        return registration == self._wanted[0]

    def _events_of(self, data: Data) -> Iterable[Event]:
        if data.tr_id != self._notices:
            return [Quoted(data.tr_id, fields) for fields in records(data)]
        return [self._noticed(fields) for fields in records(data, self._cipher)]

    def _noticed(self, fields: list[str]) -> Event:
        try:
            notice = Notice.of(fields)
        except VenueError as error:
            return Unread(f"a notice of {len(fields)} fields cannot be read: {error}; look-ups tell what it held")
        ours = notice.account == self._account
        if not ours and not self._foreign:
            log.warning("notices of another account of this HTS id come too: its orders are foreign, and left alone")
        self._foreign += not ours
        return Noticed(notice, ours)
