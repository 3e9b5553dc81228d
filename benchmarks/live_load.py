"""A live session under load: how late its decisions are, and what memory it takes, at a rehearsal on the same machine.

200 parents over 100 symbols, TWAP and VWAP in turn, one child a slice, over a session at 60 seconds of the market a second. A decision is
late by the real time between the begin of its slice and the intent of its child, which is on disk before its request leaves. The
yardstick is an asyncio loop that does nothing but sleep to the same instants, in the same process, in the same minutes.

python benchmarks/live_load.py [parents=200] [symbols=100] [minutes=380] [interval=480] [speed=60]; writes benchmarks/results/live_load.json
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from machine import keep

from exec_algos.algorithms import parse_algorithm
from exec_algos.brokers.live import LiveBroker
from exec_algos.brokers.records import Entry, Kind
from exec_algos.brokers.rehearsal import RehearsalVenue, rehearsal_clock
from exec_algos.brokers.settings import LiveSettings
from exec_algos.clock import Clock
from exec_algos.executors import OrderExecutor
from exec_algos.live.journal import SqliteJournal, read
from exec_algos.live.session import LiveOrder, LiveSession
from exec_algos.market.calendars import sessions
from exec_algos.market.synthetic import synthetic_bars
from exec_algos.model import MINUTE, SECOND
from exec_algos.model.window import Window
from exec_algos.testing.rehearsal import rehearsal

OPEN = 1_766_413_800 * SECOND  # 2025-12-22 09:30 in New York
LEAD = 5 * MINUTE


def orders_of(parents: int, symbols: int, minutes: int, interval: int) -> list[LiveOrder]:
    """Parents that begin within a slice of each other, each at a second of its own."""
    found = []
    for number in range(parents):
        algorithm = parse_algorithm(f"{('twap', 'vwap:profile_days=3,')[number % 2]}".rstrip(",") + _interval(number, interval))
        start = OPEN + LEAD + (number * 7 % interval) * SECOND
        end = min(start + minutes * MINUTE, OPEN + 390 * MINUTE)
        terms = OrderExecutor.order(f"S{number % symbols:02}", 5_000, side=("BUY", "SELL")[number % 3 % 2], ref=f"P{number}")
        found.append(LiveOrder(algorithm, terms, Window(start=start, end=end)))
    return found


def _interval(number: int, interval: int) -> str:
    return f"{(':', ',')[number % 2]}slice_interval_seconds={interval}"


async def resident(samples: list[tuple[float, float]]) -> None:
    """Memory of this process by real time, MB."""
    page = resource.getpagesize()
    while True:
        samples.append((time.monotonic(), int(Path("/proc/self/statm").read_text().split()[1]) * page / 1e6))
        await asyncio.sleep(2)


async def sleeping(clock: Clock, instants: list[int], late: list[float], speed: float) -> None:
    """The yardstick: how late a loop wakes that only sleeps."""
    for instant in instants:
        if instant > clock.now:
            await clock.sleep_until(instant)
            late.append((clock.now - instant) / 1e6 / speed)


async def session(
    url: str, path: str, orders: list[LiveOrder], speed: float
) -> tuple[dict[str, float], list[tuple[float, float]], list[float]]:
    """Work them all; returns what is left, the memory and the yardstick."""
    clock = await rehearsal_clock(url)
    samples: list[tuple[float, float]] = []
    late: list[float] = []
    with SqliteJournal(path) as journal:
        broker = LiveBroker(RehearsalVenue(url), clock=clock, journal=journal, settings=LiveSettings(calendar="XNYS"))
        run = LiveSession(broker, journal, tell=lambda line: None)
        try:
            await run.begin()
            instants = list(range(OPEN + LEAD, OPEN + 385 * MINUTE, 15 * SECOND))
            beside = [asyncio.ensure_future(resident(samples)), asyncio.ensure_future(sleeping(clock, instants, late, speed))]
            ended = await run.run(orders)
            for task in beside:
                task.cancel()
        finally:
            await broker.aclose()
    sums = [(summary["ordered_quantity"], summary["total_quantity"], summary["unknown"]) for summary in ended.summaries.values()]
    ordered, filled, unknown = (float(sum(column)) for column in zip(*sums, strict=True))
    return {"ordered": ordered, "filled": filled, "unknown": unknown, "alerts": len(ended.alerts)}, samples, late


def lateness(entries: list[Entry], orders: list[LiveOrder], interval: int, speed: float) -> list[float]:
    """Real milliseconds from the begin of each slice to its intent."""
    begins = {order.terms.ref: order.window.start for order in orders}
    found = []
    for entry in entries:
        if entry.kind is Kind.INTENT:
            number = int(entry.child.split(".")[2])
            due = begins[entry.parent] + number * interval * SECOND
            found.append((entry.time - due) / 1e6 / speed)
    return found


def main() -> None:
    given = {"parents": 200, "symbols": 100, "minutes": 380, "interval": 480, "speed": 60}
    given |= {name: int(value) for name, value in (word.split("=") for word in sys.argv[1:])}
    orders = orders_of(given["parents"], given["symbols"], given["minutes"], given["interval"])
    hours = sessions("XNYS", 1_765_843_200 * SECOND, 1_766_448_000 * SECOND)  # 2025-12-16 to 22
    bars = synthetic_bars([f"S{n:02}" for n in range(given["symbols"])], hours, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "day.db"))
        with rehearsal(bars, start="2025-12-22 09:30", calendar="XNYS", speed=given["speed"], rate=0) as venue:
            sums, samples, yardstick = asyncio.run(session(venue.url, path, orders, given["speed"]))
        entries = read(path)
        size = Path(path).stat().st_size
    late = lateness(entries, orders, given["interval"], given["speed"])
    half = len(samples) // 3
    slope = np.polyfit([when - samples[0][0] for when, _ in samples[half:]], [size for _, size in samples[half:]], 1)[0] * 60
    keep(
        "live_load",
        {
            **given,
            **sums,
            "children": len(late),
            "late_ms_median": round(float(np.median(late)), 2),
            "late_ms_p99": round(float(np.quantile(late, 0.99)), 2),
            "late_ms_p99_9": round(float(np.quantile(late, 0.999)), 2),
            "late_ms_worst": round(max(late), 2),
            "sleeping_ms_p99": round(float(np.quantile(yardstick, 0.99)), 2),
            "sleeping_ms_worst": round(max(yardstick), 2),
            "memory_mb_first": round(samples[half][1], 1),
            "memory_mb_last": round(samples[-1][1], 1),
            "memory_mb_a_minute": round(float(slope), 3),
            "journal_bytes_a_child": round(size / max(len(late), 1)),
        },
    )


if __name__ == "__main__":
    main()
