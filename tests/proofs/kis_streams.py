"""Quotes of a full session, 41 streams at 200 messages a second each, read on one core: nothing is lost, and nothing falls behind.

python tests/proofs/kis_streams.py [seconds=60] [streams=41] [rate=200]

A process of its own serves the web socket and sends books (H0STASP0) and trades (H0STCNT0) by turns. Each message holds its number and the
instant at which it was due; the client, `Notices`, runs pinned to one core and makes a book or a trade of each. Lag is from the instant at
which a message was due to the one at which its value is there.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import sys
import time
from contextlib import aclosing
from multiprocessing.connection import Connection
from typing import NamedTuple

from websockets.asyncio.server import ServerConnection, serve

from exec_algos.brokers.kis.messages import Host
from exec_algos.brokers.kis.notices import Lost, Notices, Quoted, Subscribed, Unread
from exec_algos.brokers.kis.streams import BOOKS, TRADES, quotes_of, trade_of
from exec_algos.clock import WallClock

DAY = "20261123"
TICK = 0.01  # seconds: the server sends what is due that often
PART = 10  # the first and the last of so many parts are compared
NEARLY = 0.02  # seconds that the lag of the last part may be above that of the first
LEVELS = "^".join([*(str(62_500 + 100 * n) for n in range(10)), *(str(62_400 - 100 * n) for n in range(10)), *["18230"] * 20])
BOOK = f"{{symbol}}^100315^0^{LEVELS}^364600^364600^0^0^0^0^0^0^0^5^{{due}}^{{number}}^1^2^3^4^5"
TRADE = "{symbol}^100315^62400^2^400^0.65^62300.12^62100^62700^61900^62500^62400^{number}^{due}" + "^0" * 33


class Found(NamedTuple):
    """What came: messages sent and read, those that could not be read, lag in seconds by part of the run, and the core's work."""

    sent: int
    read: int
    lost: int
    unread: int
    lags: list[tuple[float, float]]
    busy: float

    def wrong(self) -> list[str]:
        """What is not as it must be."""
        found = [f"{self.lost} messages lost"] if self.lost else []
        found += [f"{self.unread} messages unread"] if self.unread else []
        (first, _), (last, _) = self.lags[0], self.lags[-1]
        return found + ([f"median lag rose from {first * 1e3:.1f} to {last * 1e3:.1f} ms"] if last > first + NEARLY else [])


def wanted(streams: int) -> list[tuple[str, str]]:
    """Books and trades by turns."""
    return [((BOOKS, TRADES)[n % 2], f"{n:06d}") for n in range(streams)]


class Feed:
    """The server's side of one session."""

    def __init__(self, seconds: float, streams: int, rate: float, pipe: Connection) -> None:
        self.seconds, self.streams, self.rate, self.pipe = seconds, wanted(streams), rate, pipe
        self.over = asyncio.Event()

    async def serve(self, socket: ServerConnection) -> None:
        """Acknowledge every registration, then send."""
        for _ in self.streams:
            said = json.loads(await socket.recv())["body"]["input"]
            body = {"rt_cd": "0", "msg_cd": "OPSP0000", "msg1": "SUBSCRIBE SUCCESS", "output": {"iv": "q" * 16, "key": "q" * 32}}
            await socket.send(json.dumps({"header": {**said, "encrypt": "N"}, "body": body}))
        self.pipe.send(await self.send(socket))
        self.over.set()

    async def send(self, socket: ServerConnection) -> int:
        """Every stream at its rate; the messages of a tick are spread over the streams."""
        begun, number, total = time.monotonic_ns(), 0, round(self.seconds * self.rate * len(self.streams))
        gap = 1e9 / (self.rate * len(self.streams))
        while number < total:
            now = time.monotonic_ns()
            while number < total and (due := begun + round(number * gap)) <= now:
                tr_id, symbol = self.streams[number % len(self.streams)]
                text = (BOOK if tr_id == BOOKS else TRADE).format(symbol=symbol, due=due, number=number)
                await socket.send(f"0|{tr_id}|001|{text}")
                number += 1
            await asyncio.sleep(TICK)
        return total


def feed(seconds: float, streams: int, rate: float, pipe: Connection, core: int) -> None:
    """The server's process."""

    async def run() -> None:
        session = Feed(seconds, streams, rate, pipe)
        async with serve(session.serve, "127.0.0.1", 0, ping_interval=None, compression=None) as server:
            pipe.send(server.sockets[0].getsockname()[1])
            await session.over.wait()

    pin(core)
    asyncio.run(run())


def pin(core: int) -> None:
    """Keep this process on one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[core % len(cores)]})


class Fixed:
    """An approval key; the server takes any."""

    async def get(self) -> str:
        """A key."""
        return "approved"

    def forget(self) -> None:
        """Nothing."""


async def read(port: int, seconds: float, streams: int, rate: float) -> Found:
    """What the client makes of a run."""
    notices = Notices(f"ws://127.0.0.1:{port}/tryitout", Fixed(), clock=WallClock(), host=Host(paper=False), streams=wanted(streams))
    total = round(seconds * rate * streams)
    seen, unread, lags = bytearray(total), 0, []
    begun = time.process_time(), time.monotonic()
    async with aclosing(notices.events()) as events:
        async for event in events:
            if isinstance(event, Subscribed):
                begun = time.process_time(), time.monotonic()
            elif isinstance(event, Lost):
                break
            elif isinstance(event, Unread):
                unread += 1
            elif isinstance(event, Quoted):
                number, due = value_of(event)
                seen[number] += 1
                lags.append((time.monotonic_ns() - due) / 1e9)
                if len(lags) == total:
                    break
    busy = (time.process_time() - begun[0]) / (time.monotonic() - begun[1])
    size = max(len(lags) // PART, 1)
    parts = [sorted(lags[at : at + size]) for at in range(0, size * PART, size)]
    medians = [(part[len(part) // 2], part[-1]) for part in parts if part]
    return Found(total, len(lags), seen.count(0), unread + sum(n > 1 for n in seen), medians, busy)


def value_of(event: Quoted) -> tuple[int, int]:
    """The number of a message and the instant at which it was due, after its value was made."""
    if event.tr_id == BOOKS:
        quotes = quotes_of(event.fields, DAY)
        assert len(quotes.book.asks) == len(quotes.book.bids) == 10
        return int(event.fields[54]), int(event.fields[53])
    trade = trade_of(event.fields, DAY)
    return round(trade.quantity), int(event.fields[13])


def proof(seconds: float, streams: int, rate: float) -> Found:
    """One run."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=feed, args=(seconds, streams, rate, there, 1))
    server.start()
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    try:
        pin(0)
        return asyncio.run(read(here.recv(), seconds, streams, rate))
    finally:
        if cores:
            os.sched_setaffinity(0, cores)
        server.kill()
        server.join()


def main(arguments: list[str]) -> int:
    """Print what came; 1 where anything is wrong."""
    options = {"seconds": 60.0, "streams": 41.0, "rate": 200.0} | {
        name: float(value) for name, value in (argument.split("=") for argument in arguments)
    }
    found = proof(options["seconds"], round(options["streams"]), options["rate"])
    print(
        f"{options['streams']:.0f} streams at {options['rate']:g} messages/s for {options['seconds']:g} s on one core: "
        f"{found.sent} sent, {found.read} read, {found.lost} lost, {found.unread} unread; the client's core was {found.busy:.0%} busy"
    )
    print("lag by tenth of the run, median / worst, ms: " + "  ".join(f"{m * 1e3:.1f}/{w * 1e3:.0f}" for m, w in found.lags))
    wrong = found.wrong()
    print("wrong: " + "; ".join(wrong) if wrong else "right: nothing lost, and the lag at the end is that of the beginning")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
