"""`VenueServer`: a rehearsal venue on loopback: HTTP for requests, a web socket for reports, and the clock that drives its exchange."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import json
import time
from collections.abc import Callable
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, broadcast, serve

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.sim import answers
from exec_algos.sim.clock import RehearsalClock
from exec_algos.sim.desk import MOST, Desk, DeskSettings
from exec_algos.sim.exchange import Exchange
from exec_algos.sim.faults import Faults
from exec_algos.sim.http import ACCOUNT, Connections, Reply, Request, as_json
from exec_algos.sim.orders import Event

SECOND = 1_000_000_000
SHORTEST_BEAT, LONGEST_BEAT = 0.005, 0.25  # seconds of real time between two looks at the clock
HOST = "127.0.0.1"
CLOSING = 0.5  # seconds that a listener has to say farewell


class VenueServer:
    """Serves an exchange until it is closed.

    Parameters
    ----------
    exchange : Exchange
    speed : float
        Seconds of the venue a second.
    settings : DeskSettings
    steady : callable
        A time that nobody sets, ns.
    """

    def __init__(self, exchange: Exchange, speed: float, settings: DeskSettings, steady: Callable[[], int] = time.monotonic_ns) -> None:
        self.exchange, self.settings = exchange, settings
        self.clock = RehearsalClock(exchange.now, speed, steady)
        self.desk = Desk(exchange, settings, self._publish)
        self.url = self.push_url = ""
        self._connections = Connections(self._handle)
        self._listeners: dict[str, set[ServerConnection]] = {}
        self._unconfirmed: list[tuple[int, int, Event]] = []
        self._events = 0

    async def open(self, port: int = 0) -> None:
        """Listen.

        Raises
        ------
        UsageError
            The port is in use.
        """
        try:
            self._http = await asyncio.start_server(self._connections.serve, HOST, port)
        except (OSError, OverflowError) as error:
            raise UsageError(f"cannot listen at {HOST}:{port}: {error}; name another --port, or 0 for a free one") from None
        self._push: Server = await serve(self._listen, HOST, 0, compression=None, ping_interval=None, close_timeout=CLOSING)
        self.url = f"http://{HOST}:{self._http.sockets[0].getsockname()[1]}"
        self.push_url = f"ws://{HOST}:{next(iter(self._push.sockets)).getsockname()[1]}"
        self.running = asyncio.ensure_future(self._run())

    async def close(self) -> None:
        """Stop listening, and end every connection; raises what ended its time, where something did."""
        self.running.cancel()
        self._http.close()
        self._connections.drop()
        self._push.close()
        await self._push.wait_closed()
        with contextlib.suppress(asyncio.CancelledError):
            await self.running

    async def _run(self) -> None:
        """Let time go on where nobody asks."""
        pulse = self.exchange.settings.pulse / self.clock.speed
        while True:
            self._catch_up()
            await asyncio.sleep(min(max(pulse, SHORTEST_BEAT), LONGEST_BEAT))

    def _catch_up(self) -> None:
        if self.exchange.now < self.desk.out_until:
            self._cut()
        self.exchange.advance(max(self.clock.now, self.exchange.now))
        self._publish(self.exchange.drain())

    # requests

    def _handle(self, request: Request) -> Reply:
        self._catch_up()
        control = self._control(request)
        if control is not None:
            return control
        reply = self._described(request) or self.desk.handle(request)
        # the answer goes first, then the reports of what it did
        return Reply(reply.status, reply.body, reply.manner, reply.delay, lambda: self._publish(self.exchange.drain()))

    def _control(self, request: Request) -> Reply | None:
        """What a test asks, and the clock; None for a client's request."""
        routes: dict[tuple[str, ...], Callable[[], Reply]] = {
            ("GET", "control", "clock"): self._time,
            ("GET", "truth"): lambda: as_json({**answers.truth(self.exchange), "faults": self.desk.dealt}),
            ("POST", "control", "faults"): lambda: self._set_faults(request.json()),
            ("POST", "control", "clock"): lambda: self._set_clock(request.json()),
            ("POST", "control", "drop"): lambda: Reply(then=self._drop),
            ("POST", "control", "account"): lambda: self._set_account(request.json()),
        }
        route = routes.get((request.method, *request.path))
        try:
            return None if route is None else route()
        except (UsageError, ValueError, TypeError) as error:
            return as_json({"code": "bad_request", "text": " ".join(str(error).split())}, 400)

    def _time(self) -> Reply:
        return as_json({"now": self.exchange.now, "speed": self.clock.speed, "paused": self.clock.paused})

    def _set_faults(self, said: Any) -> Reply:
        self.desk.faults, self.desk.out_until = Faults.of(said), 0
        return as_json({})

    def _described(self, request: Request) -> Reply | None:
        """What the venue is, and what time it is: faults leave these alone, so that scripts need not count them, but for an outage."""
        if self.exchange.now < self.desk.out_until or request.method != "GET":
            return None
        if request.path == ("clock",):
            return self._time()
        if request.path != ("venue",):
            return None
        settings = self.settings
        return as_json({
            "name": settings.name, "client_ids": settings.client_ids, "rate": settings.rate, "page": settings.page,
            "push": self.push_url, "symbols": list(self.exchange.market.bars.symbols),
        })  # fmt: skip

    def _set_clock(self, said: Any) -> Reply:
        """``paused`` (bool), ``to`` (ns UTC), ``speed``; what is not there stays, and nothing changes where one of them cannot be."""
        wanted = _fields(said, "the clock", ("paused", "to", "speed"))
        to, speed, paused = wanted.get("to", self.clock.now), wanted.get("speed", self.clock.speed), wanted.get("paused", self.clock.paused)
        if not isinstance(to, int) or isinstance(to, bool) or not isinstance(paused, bool):
            raise UsageError(f"to must be ns UTC and paused true or false, got {to!r} and {paused!r}")
        RehearsalClock(0, speed, lambda: 0)
        if "to" in wanted:
            self.clock.set(to)
        self.clock.run_at(speed)
        self.clock.pause(paused)
        self._catch_up()
        return self._time()

    def _set_account(self, said: Any) -> Reply:
        """``account``, and ``cash`` or ``positions`` (shares by symbol) as they are to be."""
        wanted = _fields(said, "an account", ("account", "cash", "positions"))
        account = self.exchange.account(str(wanted.get("account", ACCOUNT)))
        positions = _fields(wanted.get("positions", {}), "positions", tuple(self.exchange.market.ticks))
        for name, value in {"cash": wanted.get("cash", 0), **positions}.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < MOST:
                raise UsageError(f"{name} must be a number, got {value!r}")
        account.cash = float(wanted.get("cash", account.cash))
        account.positions.update({symbol: float(shares) for symbol, shares in positions.items()})
        return as_json({"account": account.name, "cash": account.cash, "positions": account.positions})

    # reports

    async def _listen(self, connection: ServerConnection) -> None:
        account = connection.request.path.strip("/") if connection.request is not None else ""
        if self.exchange.now < self.desk.out_until:
            connection.transport.abort()
            return
        listeners = self._listeners.setdefault(account or ACCOUNT, set())
        listeners.add(connection)
        try:
            await connection.wait_closed()
        finally:
            listeners.discard(connection)

    def _drop(self) -> None:
        """End every connection of clients; they may come again."""
        self._connections.drop()
        self._cut()

    def _cut(self) -> None:
        for listeners in self._listeners.values():
            for connection in listeners:
                connection.transport.abort()
            listeners.clear()

    def _publish(self, events: list[Event]) -> None:
        """Push what happened, when it is confirmed."""
        lag = round(self.settings.confirm * SECOND)
        for event in events:
            self._events += 1
            heapq.heappush(self._unconfirmed, (event.time + lag * (event.kind in ("fill", "cancelled")), self._events, event))
        while self._unconfirmed and self._unconfirmed[0][0] <= self.exchange.now:
            self._tell(heapq.heappop(self._unconfirmed)[2])

    def _tell(self, event: Event) -> None:
        if self.exchange.now < self.desk.out_until:
            return
        fault = self.desk.faults.next("push")
        if fault is not None:
            self.desk.dealt.append({"on": "push", "fault": fault.name, "seconds": fault.seconds, "time": self.exchange.now})
        text = json.dumps(answers.report(event, self.settings.client_ids))
        times = 1 if fault is None else {"push_lost": 0, "duplicate_report": 2}[fault.name]
        for _ in range(times):
            broadcast(self._listeners.get(event.order.ticket.account, set()), text)


def _fields(said: Any, what: str, names: tuple[str, ...]) -> dict[str, Any]:
    """An object that has some of these fields and no other."""
    if not isinstance(said, dict):
        raise UsageError(f"{what} must be an object, got {said!r}")
    for name in said:
        if name not in names:
            raise UnknownNameError(f"field of {what}", name, names)
    return said
