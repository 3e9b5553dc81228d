"""What KIS sees of its limits: requests in any second, and the time between two requests for a token; seen by a simulated KIS.

python tests/proofs/kis_limits.py [seconds=60] [restarts=20] [processes=3] [seed=1]

rate      18 requests a second are asked for, a third of them as orders are: how many come a second, the most and the least in any second.
slow      the same where every fifth answer takes up to 300 ms.
turns     the same, counted from the turn instead of the answer: what the answer is needed for.
processes the same by two processes on one key.
tokens    processes that start, lose their token and are killed, again and again: the least time between two requests for a token.

The tests of the package run a short one. All but `turns` must hold: else it ends with 1.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from exec_algos.brokers.kis import files
from exec_algos.brokers.kis.client import Client
from exec_algos.brokers.kis.limiter import SharedBucket, shared_bucket
from exec_algos.brokers.kis.messages import price
from exec_algos.brokers.kis.operations import Host
from exec_algos.brokers.kis.token import Tokens
from exec_algos.brokers.kis.transport import Transport
from exec_algos.brokers.requests import Priority, Requests
from exec_algos.clock.base import ScaledClock
from exec_algos.errors import ExecAlgosError
from exec_algos.market.calendars import sessions
from exec_algos.market.synthetic import synthetic_bars
from exec_algos.model import SECOND
from exec_algos.testing.kis import KISControl, KISRehearsal, kis_rehearsal

RATE = 18
SYMBOL, START = "005930", "2025-12-22 09:30"
LIFE = 1200.0  # seconds of a token in the last proof: it is replaced after ten minutes
TOKEN_SPEED = 60.0
SETTLED = 2  # seconds at the beginning and the end, in which a line is not busy all the time


def bars_of() -> Any:
    """A session of one symbol."""
    return synthetic_bars([SYMBOL], sessions("XKRX", 1_766_361_600 * SECOND, 1_766_448_000 * SECOND), seed=5)


def clock_of(url: str) -> ScaledClock:
    """A clock that runs with the simulator's."""
    import httpx

    found = []
    for _ in range(5):
        begun = time.monotonic_ns()
        said = httpx.get(f"{url}/control/clock", trust_env=False).json()
        found.append((time.monotonic_ns() - begun, time.monotonic_ns(), said))
    trip, came, said = min(found, key=lambda each: each[0])
    return ScaledClock(said["now"] + round((time.monotonic_ns() - came + trip / 2) * said["speed"]), said["speed"])


class FromTheTurn(SharedBucket):
    """What counts from the turn: a slot is free a second after it was given, whatever became of the request."""

    def begin(self, now: int) -> str | None:
        """It leaves."""
        return self._granted.popleft() if self._granted else None

    def ended(self, name: str, now: int) -> None:
        """It does not matter."""


def client_of(place: dict[str, Any], folder: Path, kind: type[SharedBucket] = SharedBucket) -> tuple[Client, Requests, SharedBucket]:
    """What a process has."""
    clock, transport = clock_of(place["clock"]), Transport(place["rest"], 10)
    tokens = Tokens(transport, clock, place["key"], place["secret"], folder)
    path = folder / f"{files.fingerprint(transport.host, place['key'])}.rate"
    bucket = kind(path, RATE) if kind is not SharedBucket else shared_bucket(folder, transport.host, place["key"], RATE)
    requests = Requests(clock, bucket)
    return Client(transport, tokens, bucket, clock, place["key"], place["secret"], turn=requests.more), requests, bucket


def place_of(kis: KISRehearsal, *, paper: bool = False) -> dict[str, Any]:
    """Where the simulator is, and the keys of its customer."""
    key, secret, _, _ = kis.keys(paper)
    return {"rest": kis.rest_url(paper), "clock": kis.clock_url, "key": key, "secret": secret}


async def ask_on(place: dict[str, Any], folder: Path, seconds: float, rate: int, kind: type[SharedBucket] = SharedBucket) -> int:
    """Ask for `rate` requests a second, every third of them with the right of an order; how many failed."""
    client, requests, _ = client_of(place, folder, kind)
    await client.tokens.get()
    clock, failed, asked = client._clock, 0, price(Host(paper=False), SYMBOL)

    async def ask(number: int) -> None:
        nonlocal failed
        await requests.take(Priority.ORDER if number % 3 == 0 else Priority.POLL)
        try:
            await client.read(asked)
        except ExecAlgosError:
            failed += 1

    begun, tasks = clock.now, []
    for number in range(round(seconds * rate)):
        await clock.sleep_until(begun + number * SECOND // rate)
        tasks.append(asyncio.ensure_future(ask(number)))
    await asyncio.gather(*tasks)
    requests.close()
    await client.close()
    return failed


def counted(control: KISControl, since: int) -> dict[str, Any]:
    """What came at the simulator after its `since`-th request."""
    entries = [entry for entry in control.truth(since=since)["requests"] if entry["tr_id"]]
    times = [entry["time"] for entry in entries]
    inner = [when for when in times if times[0] + SETTLED * SECOND <= when <= times[-1] - SETTLED * SECOND]
    windows = [bisect_left(times, when + SECOND) - bisect_left(times, when) for when in times]
    least = [bisect_left(times, when + 1 + SECOND) - bisect_left(times, when + 1) for when in inner[: max(len(inner) - RATE, 0)]]
    return {
        "came": len(times),
        "a_second": round((len(times) - 1) / (times[-1] - times[0]) * SECOND, 2),
        "most_in_a_second": max(windows),
        "least_in_a_second": min(least, default=0),
        "refused": sum(entry["throttled"] for entry in entries),
    }


def prove(name: str, kis: KISRehearsal, run: Callable[[], Awaitable[Any]], wanted: Callable[[dict[str, Any]], bool]) -> bool:
    """Run one proof and print what the simulator saw."""
    since, begun = len(kis.control.truth()["requests"]), time.monotonic()
    failed = asyncio.run(run())  # type: ignore[arg-type]
    found = counted(kis.control, since) | {"failed": failed, "real_s": round(time.monotonic() - begun, 1)}
    holds = wanted(found)
    print(f"{name:10} {'holds' if holds else 'FAILS'}  {json.dumps(found)}", flush=True)
    return holds


def rates(seconds: float, seed: int, *, brief: bool = False) -> bool:
    """The proofs of the limit of rate; the first alone where it is to be brief."""
    with tempfile.TemporaryDirectory() as name, kis_rehearsal(bars_of(), start=START, speed=1, seed=seed) as kis:
        folder, place = Path(name), place_of(kis)
        kis.control.settings(live_rate=1000)  # it counts, and refuses nothing: a request too many is then seen as such
        least = 17.0 if seconds >= 60 else 0.0  # of a short run, a pause of the machine is too large a part

        async def alone() -> int:
            return await ask_on(place, folder, seconds, RATE)

        holds = [prove("rate", kis, alone, lambda found: found["most_in_a_second"] <= RATE and found["a_second"] >= least)]
        if brief:
            return all(holds)
        kis.control.faults(rates={"read.slow": 0.2}, seed=seed, late_seconds=0.3)
        holds.append(prove("slow", kis, alone, lambda found: found["most_in_a_second"] <= RATE))

        async def from_the_turn() -> int:
            return await ask_on(place, folder, seconds, RATE, FromTheTurn)

        prove("turns", kis, from_the_turn, lambda _: True)
        kis.control.faults()
        holds.append(prove("processes", kis, lambda: by_processes(place, folder, seconds), lambda found: found["most_in_a_second"] <= RATE))
        return all(holds)


async def by_processes(place: dict[str, Any], folder: Path, seconds: float) -> int:
    """Two processes, each of which asks for all that the key has."""
    running = [_process("ask", place, folder, str(seconds)) for _ in range(2)]
    said = [await asyncio.to_thread(process.communicate) for process in running]
    return sum(int(each) for each, _ in said)


def _process(what: str, place: dict[str, Any], folder: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, what, json.dumps(place), str(folder), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def tokens(restarts: int, processes: int, seed: int) -> bool:
    """Each time all processes start; KIS ends their token; they need another; some are killed while they ask or wait."""
    chance, begun = random.Random(seed), time.monotonic()
    killed = done = 0
    with tempfile.TemporaryDirectory() as name, kis_rehearsal(bars_of(), start=START, speed=TOKEN_SPEED, seed=seed) as kis:
        kis.control.settings(token_lifetime=LIFE)
        kis.control.faults(rates={"token.accept_reset": 0.05, "token.accept_500_html": 0.05}, seed=seed)
        for _ in range(restarts):
            running = [_process("token", place_of(kis), Path(name)) for _ in range(processes)]
            for process in running:
                if chance.random() < 0.3:
                    try:
                        process.wait(timeout=chance.uniform(0.3, 2.5))
                    except subprocess.TimeoutExpired:
                        process.send_signal(signal.SIGKILL)
                        killed += 1
            said = [process.communicate()[0] for process in running]
            done += sum("token" in each for each in said)
            kis.control.expire_token()
        asked = [entry["time"] for entry in kis.control.truth()["token_requests"]]
        early = sum(not entry["given"] for entry in kis.control.truth()["token_requests"])
    gaps = [(later - sooner) / SECOND for sooner, later in pairwise(asked)]
    found = {
        "starts": restarts * processes, "killed": killed, "got_a_token": done, "asked": len(asked),
        "least_apart_s": round(min(gaps, default=0), 1),
        "refused": early, "real_s": round(time.monotonic() - begun, 1),
    }  # fmt: skip
    holds = early == 0 and min(gaps, default=61) >= 60 and done >= restarts * processes - killed
    print(f"{'tokens':10} {'holds' if holds else 'FAILS'}  {json.dumps(found)}", flush=True)
    return holds


async def use_token(place: dict[str, Any], folder: Path) -> None:
    """A process that reads once, and needs another token where KIS ended the one that it finds."""
    client, requests, _ = client_of(place, folder)
    for _ in range(5):
        try:
            await requests.take(Priority.POLL)
            await client.read(price(Host(paper=False), SYMBOL))
            print("token")
            break
        except ExecAlgosError as error:
            print(error, file=sys.stderr)
    requests.close()
    await client.close()


def main(arguments: Sequence[str]) -> int:
    """Run the proofs, or be one of their processes."""
    if arguments[:1] == ["ask"]:
        print(asyncio.run(ask_on(json.loads(arguments[1]), Path(arguments[2]), float(arguments[3]), RATE)))
        return 0
    if arguments[:1] == ["token"]:
        asyncio.run(use_token(json.loads(arguments[1]), Path(arguments[2])))
        return 0
    said = {"seconds": "60", "restarts": "20", "processes": "3", "seed": "1"} | dict(each.split("=", 1) for each in arguments)
    print(json.dumps(said), flush=True)
    seed, restarts = int(said["seed"]), int(said["restarts"])
    holds = [rates(float(said["seconds"]), seed)] if float(said["seconds"]) else []
    holds += [tokens(restarts, int(said["processes"]), seed)] if restarts else []
    return 0 if all(holds) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
