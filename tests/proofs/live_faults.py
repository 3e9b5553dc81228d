"""Live sessions at a venue that goes wrong: what the venue traded, what the journal holds and what the summaries say are the same.

python tests/proofs/live_faults.py [runs=20] [parents=100] [speed=60] [seed=1] [late=20]

Each run is a session of its own: a rehearsal venue in a process of its own, HTTP and pushed reports, a journal on disk, five children a
parent, faults on five of a hundred requests, every second run without own order ids. The tests of the package run a tenth of it. With
``late=50`` a request may be taken so late that it counted as not sent.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from exec_algos.algorithms import TWAP
from exec_algos.brokers.live import LiveBroker
from exec_algos.brokers.records import Entry, Kind
from exec_algos.brokers.rehearsal import RehearsalVenue, rehearsal_clock
from exec_algos.brokers.settings import LiveSettings
from exec_algos.errors import VenueError
from exec_algos.executors import OrderExecutor
from exec_algos.live.ended import Ended
from exec_algos.live.journal import SqliteJournal, read
from exec_algos.live.recorded import recorded
from exec_algos.live.session import LiveOrder, LiveSession
from exec_algos.market.calendars import sessions
from exec_algos.market.synthetic import synthetic_bars
from exec_algos.model import SECOND
from exec_algos.model.window import Window
from exec_algos.testing.rehearsal import Rehearsal, rehearsal

SLICES, SLICE = 5, 120  # of a parent; seconds of the market
SYMBOLS = [f"S{n:02}" for n in range(25)]
START = "2025-12-22 10:30"
TIMEOUT = 0.5  # seconds of real time that an answer is waited for: 30 s of the market at 60x
ANSWERS = ("lost_before", "lost_after", "error_5xx", "error_5xx_after", "half_body", "reset")
RATES = {
    **dict.fromkeys(ANSWERS, 0.006), "late": 0.008, "rate": 0.004, "outage": 0.0005,
    "rows_late": 0.01, "early_report": 0.01, "cancel_loses": 0.05, "double_row": 0.02, "duplicate_report": 0.03, "push_lost": 0.03,
}  # fmt: skip
NEARLY = 1e-6
RESUMES = 5
REPORTED = 30 * SECOND  # a trade is known by then
QUIET = 30.0  # seconds of the market after which an order that no look-up shows counts as not sent


class Found(NamedTuple):
    """What came of a run: what is wrong, and what happened."""

    wrong: list[str]
    counts: Counter[str]


def bars_of() -> Any:
    """Two sessions of every symbol."""
    hours = sessions("XNYS", 1_766_188_800 * SECOND, 1_766_448_000 * SECOND)  # 2025-12-20 to 22
    return synthetic_bars(SYMBOLS, hours, seed=5)


def orders_of(seed: int, parents: int, now: int) -> list[LiveOrder]:
    """Parents of five slices each, that begin at random."""
    chance = random.Random(seed)
    found = []
    for number in range(parents):
        terms = OrderExecutor.order(
            SYMBOLS[number % len(SYMBOLS)],
            chance.randrange(200, 4000, 10),
            side=("BUY", "SELL")[number // len(SYMBOLS) % 2],
            ref=f"P{seed}-{number}",
        )
        start = now + chance.randrange(20, 20 + SLICE) * SECOND
        found.append(LiveOrder(TWAP(slice_interval_seconds=SLICE), terms, Window(start=start, end=start + SLICES * SLICE * SECOND)))
    return found


def faults_of(seed: int, late: float) -> dict[str, Any]:
    """Five of a hundred requests; beyond the quiet time every twentieth order is taken that late, and its connection ends at once."""
    if late <= QUIET:
        return {"rates": RATES, "seed": seed, "late_seconds": late, "outage_seconds": 20.0}
    script = [{"on": "send", "n": n, "fault": "late", "seconds": late} for n in range(20, 600, 20)]
    return {"rates": RATES | {"late": 0.0}, "seed": seed, "script": script, "outage_seconds": 20.0, "hang": False}


async def session(venue: Rehearsal, path: str, seed: int, parents: int, late: float) -> tuple[list[Ended], list[LiveOrder], int]:
    """A live session from its begin to its end, at a venue that goes wrong as soon as all orders are accepted; resumed until all are over.

    Returns
    -------
    ended : list of Ended
        Of the session, and of each that resumed it.
    orders : list of LiveOrder
    over : int
        When the summaries of the first were taken, ns UTC.
    """
    clock = await rehearsal_clock(venue.url)
    orders = orders_of(seed, parents, clock.now + 60 * SECOND)

    async def first(run: LiveSession, _: Any) -> Ended:
        running = asyncio.ensure_future(run.run(orders))
        while not running.done() and not any(True for _ in run.broker.state.known):  # all are accepted before the first sends
            await asyncio.sleep(0.05)
        venue.control.faults(**faults_of(seed, late))
        return await running

    ended, over = await one_session(venue.url, path, first)
    found = [ended]
    for _ in range(RESUMES):
        left = recorded(read(path))
        if not left.unfinished:
            break
        again, _ = await one_session(venue.url, path, LiveSession.resume)
        found.append(again)
    return found, orders, over


async def one_session(url: str, path: str, work: Callable[[LiveSession, Any], Awaitable[Ended]]) -> tuple[Ended, int]:
    """A session in its own connection and with its own lock on the journal; a begin that the venue's faults end is repeated."""
    clock = await rehearsal_clock(url)
    with SqliteJournal(path) as journal:
        for attempt in range(RESUMES):
            broker = LiveBroker(RehearsalVenue(url, timeout=TIMEOUT), clock=clock, journal=journal, settings=LiveSettings(calendar="XNYS"))
            run = LiveSession(broker, journal, tell=lambda line: None)
            try:
                found = recorded(read(path))
                await run.begin(found)
            except VenueError:
                await broker.aclose()
                if attempt == RESUMES - 1:
                    raise
                continue
            break
        try:
            ended, over = await work(run, found), clock.now
            await clock.sleep_until(clock.now + 60 * SECOND)  # what turns up late is adopted
        finally:
            await broker.aclose()
    return ended, over


def one_run(seed: int, parents: int, speed: float, late: float, *, own_ids: bool, bars: str) -> Found:
    """A run, and what is wrong with it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        rehearsal(bars, start=START, calendar="XNYS", speed=speed, seed=seed, client_ids=own_ids) as venue,
    ):
        path = str(Path(folder, "day.db"))
        ended, orders, over = asyncio.run(session(venue, path, seed, parents, late))
        truth = venue.control.truth()
        found = judged(truth, read(path), ended, orders, over if late > QUIET else 0)
        if found.wrong:
            kept = Path(tempfile.gettempdir(), f"live-faults-{seed}")
            kept.mkdir(exist_ok=True)
            shutil.copy(path, kept / "day.db")
            (kept / "truth.json").write_text(json.dumps(truth))
            found.wrong.append(f"journal and truth are kept in {kept}")
        return found


def judged(truth: Mapping[str, Any], entries: Sequence[Entry], ended: Sequence[Ended], orders: Sequence[LiveOrder], over: int) -> Found:
    """Hold venue, journal and summaries against each other; `over`: when the summaries were taken (ns UTC), where an
    order may turn up after that; 0 where none may."""
    found = recorded(entries)
    owner, wrong = owners(truth, found.children)
    counts = Counter(fault["fault"] for fault in truth["faults"])
    counts["children"] = sum(len(parent.children) for parent in found.parents.values())
    counts["orders"], counts["executions"] = len(truth["orders"]), len(truth["executions"])
    counts["unknown"] = sum(entry.kind is Kind.UNKNOWN for entry in entries)
    alerts = [text for session in ended for text in session.alerts]
    counts["alerts"], counts["resumed"] = len(alerts), len(ended) - 1
    summaries = {ref: summary for session in ended for ref, summary in session.summaries.items()}
    wrong += sent_while_unknown(entries)
    traded: dict[str, float] = defaultdict(float)
    value: dict[str, float] = defaultdict(float)
    for execution in truth["executions"]:
        ref = owner.get(execution["venue_id"], "").split(".")[0]
        traded[ref] += execution["quantity"]
        value[ref] += execution["quantity"] * execution["price"]
    for order in orders:
        ref, parent = order.terms.ref, found.parents.get(order.terms.ref)
        if parent is None:
            wrong.append(f"{ref}: the journal does not have it")
            continue
        journal, summary = parent.filled, summaries[ref]["total_quantity"]
        later = math.fsum(fill.quantity for fill in parent.fills if over and fill.time >= over - REPORTED)
        if traded[ref] != journal or not journal - later <= summary <= journal:
            wrong.append(f"{ref}: the venue traded {traded[ref]:g}, the journal has {journal:g}, the summary {summary:g}")
        worth = math.fsum(fill.quantity * fill.fill_price for fill in parent.fills)
        if abs(worth - value[ref]) > NEARLY * max(worth, 1):
            wrong.append(f"{ref}: its trades are worth {value[ref]:.4f} at the venue, and {worth:.4f} in the journal")
        if parent.done is None:
            counts["not over"] += 1
        counts["complete"] += traded[ref] == order.terms.quantity
        most = exposure(truth, owner, ref)
        largest = max((child.shares for child in parent.children), default=0.0)
        if most > order.terms.quantity + (largest if over else 0.0):
            wrong.append(f"{ref}: {most:g} shares of {order.terms.quantity:g} could trade at a time")
        counts["above"] += most > order.terms.quantity
    counts["adopted"] = sum("although the look-ups had not shown it" in text for text in alerts)
    return Found(wrong, counts)


def owners(truth: Mapping[str, Any], children: Iterable[Any]) -> tuple[dict[str, str], list[str]]:
    """Whose each order at the venue is; an order of nobody, or of two, is wrong."""
    owner, wrong = {}, []
    for child in children:
        if child.venue_id and child.venue_id in owner:
            wrong.append(f"{child.ref} and {owner[child.venue_id]} are one order, {child.venue_id}")
        if child.venue_id:
            owner[child.venue_id] = child.ref
    by_own_id = {child.own_id: child.ref for child in children if child.own_id}
    for order in truth["orders"]:
        known = owner.get(order["venue_id"])
        named = by_own_id.get(order["own_id"]) if order["own_id"] else known
        if named is not None:
            owner[order["venue_id"]] = named
        if known != named and order["state"] != "rejected":
            wrong.append(f"order {order['venue_id']} is {named}'s by its own id, and {known}'s in the journal")
        if named is None and order["state"] != "rejected":
            wrong.append(f"order {order['venue_id']} is nobody's: {order}")
    return owner, wrong


def sent_while_unknown(entries: Sequence[Entry]) -> list[str]:
    """Children that left for a symbol and side of which another child was unknown."""
    lanes: dict[str, tuple[str, str]] = {}
    unknown: dict[tuple[str, str], set[str]] = defaultdict(set)
    wrong = []
    for entry in entries:
        if entry.kind is Kind.PARENT:
            lanes[entry.parent] = entry.data["symbol"], entry.data["side"]
        if entry.kind is Kind.UNKNOWN:
            unknown[lanes[entry.parent]].add(entry.child)
        elif entry.kind in (Kind.RESOLVED, Kind.FILL, Kind.OUTCOME):  # an answer that came late, or a trade, says what became of it
            unknown[lanes[entry.parent]].discard(entry.child)
        if entry.kind is Kind.OUTCOME and entry.data["event"] == "send":
            others = unknown[lanes[entry.parent]] - {entry.child}
            if others:
                wrong.append(f"{entry.child} left while {', '.join(sorted(others))} was unknown")
    return wrong


def exposure(truth: Mapping[str, Any], owner: Mapping[str, str], ref: str) -> float:
    """The most shares of a parent that had traded or could trade at a time, by the venue's word."""
    own = [order for order in truth["orders"] if owner.get(order["venue_id"], "").split(".")[0] == ref and order["state"] != "rejected"]
    most = 0.0
    for moment in [order["accepted"] for order in own]:
        before = [order for order in own if order["accepted"] <= moment]
        over = [order["ended"] and order["ended"] <= moment for order in before]
        most = max(most, math.fsum(order["filled"] if ended else order["quantity"] for order, ended in zip(before, over, strict=True)))
    return most


def proof(runs: int, parents: int, speed: float, seed: int, late: float) -> Found:
    """All runs; a line for each."""
    from exec_algos.market.store import BarStore

    wrong: list[str] = []
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        bars = str(Path(folder, "bars"))
        BarStore(bars, cache="off").write(bars_of(), durable=False)
        for number in range(runs):
            begun, own_ids = time.monotonic(), number % 2 == 0
            found = one_run(seed + number, parents, speed, late, own_ids=own_ids, bars=bars)
            wrong += [f"seed {seed + number}: {line}" for line in found.wrong]
            counts += found.counts
            ids = "own ids" if own_ids else "no own ids"
            took = time.monotonic() - begun
            print(
                f"seed {seed + number}, {ids}, {took:.1f} s: {len(found.wrong)} wrong; {said(found.counts)}",
                *found.wrong,
                sep="\n  ",
                flush=True,
            )
    print(f"{runs} runs, {runs * parents} parents, late up to {late:g} s: {len(wrong)} wrong; {said(counts)}")
    return Found(wrong, counts)


def said(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if count)


def main() -> int:
    given = {"runs": 20, "parents": 100, "speed": 60, "seed": 1, "late": 20} | {
        name: float(value) for name, value in (word.split("=") for word in sys.argv[1:])
    }
    found = proof(int(given["runs"]), int(given["parents"]), given["speed"], int(given["seed"]), given["late"])
    return bool(found.wrong)


if __name__ == "__main__":
    sys.exit(main())
