"""`KISServer`: a simulated KIS on loopback: REST and a web socket for live and for paper, a control port, and the clock that drives it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from exec_algos.errors import UsageError
from exec_algos.sim.http import Connections, Reply, Request
from exec_algos.sim.kis.control import Control
from exec_algos.sim.kis.gateway import Gateway
from exec_algos.sim.kis.quotes import quote_endpoints
from exec_algos.sim.kis.steering import steer
from exec_algos.sim.kis.stream import Stream
from exec_algos.sim.kis.trading import trading_endpoints
from exec_algos.sim.kis.world import World

HOST = "127.0.0.1"
SHORTEST_BEAT, LONGEST_BEAT = 0.005, 0.25  # seconds of real time between two looks at the clock
HOSTS = (True, False)
PORTS = 5  # REST and web socket of paper, those of live, and the control port, in this order


class Listener:
    """A port that can be shut for a while and opens again.

    Parameters
    ----------
    handler : callable
        Answers a request.
    """

    def __init__(self, handler: Callable[[Request], Reply]) -> None:
        self._connections = Connections(handler)
        self._server: asyncio.Server | None = None
        self._opening: asyncio.Task[None] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{HOST}:{self.port}"

    async def open(self, port: int) -> None:
        """Listen.

        Raises
        ------
        UsageError
            The port is in use.
        """
        try:
            self._server = await asyncio.start_server(self._connections.serve, HOST, port)
        except (OSError, OverflowError) as error:
            raise UsageError(f"cannot listen at {HOST}:{port}: {error}; name another --port, or 0 for free ones") from None
        self.port = self._server.sockets[0].getsockname()[1]

    def shut(self, seconds: float) -> None:
        """Refuse connections for some seconds of real time; those that are open go on."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._opening = asyncio.ensure_future(self._again(seconds))

    async def _again(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.open(self.port)

    def drop(self) -> None:
        """End every connection."""
        self._connections.drop()

    async def close(self) -> None:
        """Stop listening, and end every connection."""
        if self._opening is not None:
            self._opening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._opening
        if self._server is not None:
            self._server.close()
        self.drop()


class KISServer:
    """Serves a world until it is closed.

    Parameters
    ----------
    world : World
    """

    def __init__(self, world: World) -> None:
        self.world = world
        endpoints = [*trading_endpoints(world), *quote_endpoints(world)]
        self.stream = Stream(world)
        self.gateway = Gateway(world, endpoints, self._publish, lambda paper, seconds: self._rest[paper].shut(seconds))
        self.stream.dealt = self.gateway.dealer.dealt  # one list of faults for both
        control = Control(world, self.gateway, self._hosts, self._catch_up, self._drop, lambda said: steer(self.stream, said))
        self._rest = {paper: Listener(self._serving(paper)) for paper in HOSTS}
        self._control = Listener(control.handle)

    @property
    def control_url(self) -> str:
        """Of the control port."""
        return self._control.url

    def rest_url(self, paper: bool) -> str:
        """Of a host's REST."""
        return self._rest[paper].url

    def ws_url(self, paper: bool) -> str:
        """Of a host's web socket."""
        return self.stream.ws_url(paper)

    def _hosts(self) -> dict[str, Any]:
        """Where each host is, and who its customers are."""
        return {
            "paper" if paper else "live": {
                "rest_url": self.rest_url(paper),
                "ws_url": self.ws_url(paper),
                "customers": [asdict(customer) for customer in self.world.identities[paper]],
            }
            for paper in HOSTS
        }

    async def open(self, port: int = 0) -> None:
        """Listen: at five ports in a row from `port` on, or at free ones where it is 0.

        Raises
        ------
        UsageError
            One of them is in use.
        """
        ports = [port + k if port else 0 for k in range(PORTS)]
        try:
            await self._rest[True].open(ports[0])
            await self._rest[False].open(ports[2])
            await self._control.open(ports[4])
            await self.stream.open(port_live=ports[3], port_paper=ports[1])
        except UsageError:
            await self._stop_listening()
            raise
        self.running = asyncio.ensure_future(self._both())

    async def close(self) -> None:
        """Stop listening, and end every connection; raises what ended its time, where something did."""
        self.running.cancel()
        await self._stop_listening()
        with contextlib.suppress(asyncio.CancelledError):
            await self.running

    async def _stop_listening(self) -> None:
        for listener in (*self._rest.values(), self._control):
            await listener.close()
        await self.stream.close()

    async def _both(self) -> None:
        beat = self.stream.running
        await asyncio.gather(self._run(), *(() if beat is None else (beat,)))

    async def _run(self) -> None:
        """Let time go on where nobody asks."""
        while True:
            self._catch_up()
            pulse = self.world.exchange.settings.pulse / self.world.clock.speed
            await asyncio.sleep(min(max(pulse, SHORTEST_BEAT), LONGEST_BEAT))

    def _catch_up(self) -> None:
        exchange = self.world.exchange
        exchange.advance(max(self.world.clock.now, exchange.now))
        self._publish()

    def _publish(self) -> None:
        self.stream.publish(self.world.drain())

    def _serving(self, paper: bool) -> Callable[[Request], Reply]:
        def handle(request: Request) -> Reply:
            self._catch_up()
            reply = self.gateway.handle(request, paper)
            # the answer goes first, then the notices of what it did
            return Reply(reply.status, reply.body, reply.manner, reply.delay, self._publish, reply.headers)

        return handle

    def _drop(self) -> None:
        """End every connection of clients; they may come again."""
        for listener in self._rest.values():
            listener.drop()
        self.stream.drop()
