"""`Stream`: the web sockets of the simulated KIS, live and paper: sessions, PINGPONG, notices, quotes, and what goes wrong with them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.sim.kis import ticks
from exec_algos.sim.kis.notices import Notice, notice_of
from exec_algos.sim.kis.seats import ANONYMOUS, Seats
from exec_algos.sim.kis.sessions import NOTICES, Session
from exec_algos.sim.kis.sockets import Connection
from exec_algos.sim.kis.trading import desk_of
from exec_algos.sim.kis.world import kst

if TYPE_CHECKING:
    from exec_algos.sim.kis.world import World
    from exec_algos.sim.orders import Event

SECOND = 1_000_000_000
HOST = "127.0.0.1"
HOSTS = (False, True)
PATHS = ("", "/", "/tryitout")
BEAT = 0.01  # seconds of real time between two looks at what is due
CLOSING = 0.5  # seconds that a listener has to say farewell
DISORDER = 2 * SECOND  # how long a notice that is to come late waits for another to overtake it
ODD_FRAMES = {
    "unknown_tr": "0|H0STXXX0|001|005930^100000^1",
    "garbage": "\x00\x7f|||~~~",
    "empty": "",
    "bad_json": '{"header":{"tr_id":',
    "no_payload": "1|H0STCNI0",
    "bad_base64": "1|H0STCNI0|001|!!!not base64!!!",
    "bad_cipher": "1|H0STCNI0|001|AAAAAAAAAAAAAAAAAAAAAA==",
    "bad_count": "0|H0STCNI0|xyz|A^B",
    "few_fields": "0|H0STCNI0|001|A^5012345601^0001569157^^02",
    "array": "[1,2,3]",
}
"""Frames that no client may stumble over. Those of notices are called as the host calls them."""


class Stream:
    """Serves both web sockets until it is closed.

    Parameters
    ----------
    world : World
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.dealt: list[dict[str, Any]] = []
        self.sessions: dict[bool, list[Session]] = {paper: [] for paper in HOSTS}
        self._seats = Seats(world)
        self._servers: dict[bool, Server] = {}
        self._refused_until = dict.fromkeys(HOSTS, 0)
        self._late: list[tuple[int, Notice]] = []
        self._next_quotes = 0
        self._floods: set[asyncio.Task[None]] = set()
        self.running: asyncio.Task[None] | None = None

    # the listeners

    async def open(self, port_live: int = 0, port_paper: int = 0) -> None:
        """Listen; port 0 takes a free one.

        Raises
        ------
        UsageError
            A port is in use.
        """
        for paper, port in ((False, port_live), (True, port_paper)):
            made = partial(Connection, open_now=partial(self._lets_in, paper), answers=lambda: self.world.settings.answers_pings)
            try:
                self._servers[paper] = await serve(
                    partial(self._serve, paper), HOST, port, compression=None, ping_interval=None, close_timeout=CLOSING,
                    create_connection=cast("type[ServerConnection]", made), process_request=_path_checked,
                )  # fmt: skip
            except (OSError, OverflowError) as error:
                raise UsageError(f"cannot listen at {HOST}:{port}: {error}; name another port, or 0 for a free one") from None
        self.running = asyncio.ensure_future(self._run())

    def ws_url(self, paper: bool) -> str:
        """Where a host's web socket is."""
        return f"ws://{HOST}:{next(iter(self._servers[paper].sockets)).getsockname()[1]}"

    async def close(self) -> None:
        """Stop listening, and end every connection; raises what ended its time, where something did."""
        tasks = [*self._floods, *([] if self.running is None else [self.running])]
        for task in tasks:
            task.cancel()
        for server in self._servers.values():
            server.close()
            await server.wait_closed()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _lets_in(self, paper: bool) -> bool:
        return self.world.now >= self._refused_until[paper] and not self._seats.blocked(paper, ANONYMOUS)

    async def _serve(self, paper: bool, connection: ServerConnection) -> None:
        assert isinstance(connection, Connection)
        session = Session(self.world, self._seats, connection, paper)
        self.sessions[paper].append(session)
        try:
            async for message in connection:
                session.hear(message)
        except ConnectionClosed:
            pass  # cut off, by either side: how, the session asks the connection
        finally:
            self.sessions[paper].remove(session)
            session.leave()

    # what time brings

    async def _run(self) -> None:
        while True:
            self._beat()
            await asyncio.sleep(BEAT)

    def _beat(self) -> None:
        """PINGPONGs, notices that were held back, quotes."""
        now, settings = self.world.now, self.world.settings
        for session in self._all():
            if session.app_key and now >= session.next_ping:
                self._ping(session)
        due = [notice for until, notice in self._late if until <= now]
        self._late = [(until, notice) for until, notice in self._late if until > now]
        self._send(due)
        if settings.quote_every and now >= self._next_quotes:
            self._next_quotes = now + round(settings.quote_every * SECOND)
            self._quote()

    def _ping(self, session: Session) -> None:
        settings = self.world.settings
        session.plan_ping()
        if not settings.ping_quotes and session.secret is None:
            return
        if session.unanswered and settings.pong_needed and self.world.now - session.unanswered >= settings.pong_needed * SECOND:
            session.cut()
            return
        session.unanswered = session.unanswered or self.world.now
        session.send(json.dumps({"header": {"tr_id": "PINGPONG", "datetime": "".join(kst(self.world.now))}}, separators=(",", ":")))

    def _all(self, paper: bool | None = None) -> Iterator[Session]:
        for host in HOSTS if paper is None else (paper,):
            yield from list(self.sessions[host])

    # notices

    def publish(self, events: Sequence[Event]) -> None:
        """Push what happened to all accounts of the HTS ids that listen. What nobody listens for is lost: there is no replay."""
        if self.running is not None and self.running.done() and not self.running.cancelled():
            self.running.result()  # raises what ended it: without its beat no PINGPONG goes out
        register = desk_of(self.world).register
        going: list[Notice] = []
        for event in events:
            notice = notice_of(event, register)
            owner = None if notice is None else self.world.owner(notice.account)
            if notice is not None and owner is not None and (self.world.settings.paper_notices or not owner.paper):
                self._deal(notice, going)
        self._send(going)

    def _deal(self, notice: Notice, going: list[Notice]) -> None:
        """Let a notice go with the others, or what a fault leaves of it."""
        fault = self.world.faults.next("push")
        name = "" if fault is None else fault.name
        if fault is not None:
            self.dealt.append({"on": "push", "fault": name, "seconds": fault.seconds, "time": self.world.now, "odno": notice.odno})
        if fault is not None and name in BREAKING:
            self._send(going)
            going.clear()
            self._break(notice, name, fault.seconds)
        if name == "push_disorder":
            self._late.append((self.world.now + DISORDER, notice))
        elif name not in LOSING:
            going += [notice] * (2 if name == "push_duplicate" else 1)
            going += [late for _, late in self._late if late.account == notice.account]
            self._late = [(until, late) for until, late in self._late if late.account != notice.account]

    def _break(self, notice: Notice, name: str, seconds: float) -> None:
        """What a fault does to the connections that would have carried a notice."""
        for session in self._hearing(notice):
            if name == "push_odd":
                session.send(odd_frame(self.world.rng.choice(sorted(ODD_FRAMES)), session.paper))
            elif name == "stall":
                session.stalled_until = self.world.now + round(seconds * SECOND)
            else:
                session.linger = seconds if name == "linger" else None
                session.cut()

    def _hearing(self, notice: Notice) -> list[Session]:
        owner = self.world.owner(notice.account)
        if owner is None:
            return []
        key = NOTICES[owner.paper], owner.hts_id
        return [session for session in self._all(owner.paper) if key in session.registered]

    def _send(self, notices: Sequence[Notice]) -> None:
        """Write notices, as many to a frame as the settings say where they go to the same sessions."""
        waiting = list(notices)
        while waiting:
            together = [waiting.pop(0)]
            while waiting and len(together) < self.world.settings.records and self._same(waiting[0], together[0]):
                together.append(waiting.pop(0))
            for session in self._hearing(together[0]):
                session.send(self._frame(session, together))

    def _same(self, one: Notice, other: Notice) -> bool:
        return self.world.owner(one.account) is self.world.owner(other.account)

    def _frame(self, session: Session, notices: Sequence[Notice]) -> str:
        settings, owner = self.world.settings, self.world.owner(notices[0].account)
        hts_id = "" if owner is None else owner.hts_id
        count, padded, name = settings.notice_fields, settings.zero_padded, settings.owner_name
        payload = "^".join(notice.text(hts_id, count, padded=padded, owner=name) for notice in notices)
        encrypted = settings.encrypted and session.secret is not None
        if encrypted and session.secret is not None:
            payload = session.secret.encrypt(payload)
        return f"{int(encrypted)}|{NOTICES[session.paper]}|{len(notices):03d}|{payload}"

    # quotes

    def _quote(self) -> None:
        """Write the quotes of the moment to all who registered for them."""
        known: dict[tuple[str, str], str | None] = {}
        for session in self._all():
            for key in session.registered:
                if key not in known:
                    said = ticks.record(self.world, *key)
                    records = [] if said is None else [said] * self.world.settings.records
                    known[key] = quote_frame(key[0], records) if records else None
                frame = known[key]
                if frame is not None:
                    session.send(frame)

    def flood(self, per_second: int, seconds: float, paper: bool | None = None) -> None:
        """Push quotes at a rate of real time on each quote registration; `ticks.made_up` says how each is numbered and stamped.

        Parameters
        ----------
        per_second : int
            On each registration.
        seconds : float
            Of real time.
        paper : bool, optional
            The host; both where it is not given.
        """
        task = asyncio.ensure_future(self._flood(per_second, seconds, paper))
        self._floods.add(task)
        task.add_done_callback(self._floods.discard)

    async def _flood(self, per_second: int, seconds: float, paper: bool | None) -> None:
        began, sent = time.monotonic_ns(), 0
        total = round(per_second * seconds)
        while sent < total:
            due = min((time.monotonic_ns() - began) * per_second // SECOND, total)
            for number in range(sent, due):
                for session in self._all(paper):
                    for tr_id, key in session.registered:
                        if tr_id not in NOTICES.values():
                            session.send(quote_frame(tr_id, [ticks.made_up(tr_id, key, number + 1, time.monotonic_ns())]))
                await asyncio.sleep(0)
            sent = due
            await asyncio.sleep(1 / per_second)

    # what a test does

    def drop(self, paper: bool | None = None, linger: float | None = None) -> None:
        """Cut every session of a host; `linger`: how long its app key stays in use, the settings' time where it is not given."""
        for session in self._all(paper):
            session.linger = linger
            session.cut()

    def stall(self, seconds: float, paper: bool | None = None) -> None:
        """Send nothing to the sessions that are open for so long, not even PINGPONG; what would have been sent is lost."""
        for session in self._all(paper):
            session.stalled_until = self.world.now + round(seconds * SECOND)

    def refuse(self, seconds: float, paper: bool | None = None) -> None:
        """Let nobody in for so long."""
        for host in HOSTS if paper is None else (paper,):
            self._refused_until[host] = self.world.now + round(seconds * SECOND)

    def odd(self, name: str, paper: bool | None = None) -> None:
        """Send one of `ODD_FRAMES` to every session.

        Raises
        ------
        UnknownNameError
            There is no such frame.
        """
        for host in HOSTS if paper is None else (paper,):
            frame = odd_frame(name, host)
            for session in self._all(host):
                session.send(frame)


BREAKING = ("push_odd", "drop", "linger", "stall")
LOSING = ("push_lost", "drop", "linger", "stall")


def quote_frame(tr_id: str, records: Sequence[Sequence[str]]) -> str:
    """A frame of quotes, which are never encrypted."""
    return f"0|{tr_id}|{len(records):03d}|{'^'.join('^'.join(said) for said in records)}"


def odd_frame(name: str, paper: bool) -> str:
    """One of `ODD_FRAMES` as a host would send it."""
    if name not in ODD_FRAMES:
        raise UnknownNameError("odd frame", name, tuple(ODD_FRAMES))
    return ODD_FRAMES[name].replace(NOTICES[False], NOTICES[paper])


def _path_checked(connection: ServerConnection, request: Request) -> Response | None:
    """The handshake at another path than the two that KIS has is refused."""
    if request.path.partition("?")[0] in PATHS:
        return None
    return connection.respond(HTTPStatus.NOT_FOUND, "not found\n")
