"""KIS sessions at a simulator that goes wrong: what the venue traded, what the journal holds, `orders()` and the summaries are the same.

python -m proofs.kis_faults [runs=20] [children=500] [speed=30] [seed=1] [notices=1] [paper=0] [each=0.05] [slices=20] ...

Each run is a session of its own: the simulator in a process of its own, HTTP and web socket on loopback, a journal on disk, TWAP, VWAP,
POV and liquidity-aware orders, buys and sells. Of each class of requests the seed draws three faults, and each meets five of a hundred.
Orders by the customer's own hand and of another account of the same HTS id come in between. ``client`` is ``ours``, or a wrong one:
``repeats`` an order that got no answer, reads the ``first_page`` alone, ``adds`` what notices say. The tests run a small part.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from proofs.kis_wrong import CLIENTS
from proofs.live_faults import exposure, owners, said, sent_while_unknown

from exec_algos.algorithms import parse_algorithm
from exec_algos.brokers.kis.clocks import simulator_clock
from exec_algos.brokers.records import Entry, Kind
from exec_algos.errors import VenueError
from exec_algos.executors import OrderExecutor
from exec_algos.live.journal import SqliteJournal, read
from exec_algos.live.recorded import recorded
from exec_algos.live.session import LiveOrder, LiveSession
from exec_algos.market.calendars import sessions
from exec_algos.market.store import BarStore
from exec_algos.market.synthetic import synthetic_bars
from exec_algos.model import SECOND
from exec_algos.model.window import Window
from exec_algos.sim.kis.faults import FAULTS, PUSH
from exec_algos.testing.kis import kis_rehearsal

SYMBOLS = [f"{900010 + 10 * n}" for n in range(12)]
START = "2025-12-22 10:00"
SLICE = {False: 30, True: 120}  # seconds of the market; by whether it is paper, where a request a second is all
ALGORITHMS = ("twap", "vwap:profile_days=1", "liquidity_aware:fraction=0.5", "pov:rate=0.02")
DRAWN = ("order", "cancel", "ledger", "push")
SKIPPED = {"lag_notice", "stall", "linger", "gzip"}  # of the web socket for long, or no fault to a client that reads gzip
AFTER = 90  # seconds of the market in which what turns up late is found
QUIET = 30 * SECOND
RESUMES = 5


class Found(NamedTuple):
    """What came of a run: what is wrong, what happened, and how long outcomes were unknown (seconds of the market)."""

    wrong: list[str]
    counts: Counter[str]
    unknown: list[float]


def bars_of() -> Any:
    """Two sessions of every symbol."""
    hours = sessions("XKRX", 1_766_102_400 * SECOND, 1_766_448_000 * SECOND)
    return synthetic_bars(SYMBOLS, hours, seed=5, price=60_000.0, adv=2_000_000.0)


def orders_of(seed: int, children: int, now: int, *, slices: int, paper: bool, size: int = 1) -> list[LiveOrder]:
    """Parents of four algorithms that begin at random."""
    chance, slice_ = random.Random(seed), SLICE[paper]
    found = []
    for number in range(max(children // slices, 1)):
        name = ALGORITHMS[number % len(ALGORITHMS)]
        algorithm = parse_algorithm(f"{name}{',' if ':' in name else ':'}slice_interval_seconds={slice_}")
        terms = OrderExecutor.order(
            SYMBOLS[number % len(SYMBOLS)],
            chance.randrange(200, 3000, 10) * size,
            side=("BUY", "SELL")[number // len(SYMBOLS) % 2],
            ref=f"P{seed}-{number}",
        )
        start = now + chance.randrange(20, 20 + slice_) * SECOND
        found.append(LiveOrder(algorithm, terms, Window(start=start, end=start + slices * slice_ * SECOND)))
    return found


def faults_of(seed: int, each: float) -> dict[str, float]:
    """Three faults of each class of requests, by the seed."""
    chance = random.Random(seed)
    rates = {}
    for kind in DRAWN:
        names = sorted(
            name for name, where in FAULTS.items() if kind in where and name not in SKIPPED and (name in PUSH) == (kind == "push")
        )
        rates |= {f"{kind}.{name}": each for name in chance.sample(names, 3)}
    return rates


async def session(kis: Any, path: str, seed: int, given: Mapping[str, Any]) -> Any:
    """A session from its begin to its end, with faults from its first child on; resumed until all are over."""
    clock, paper = simulator_clock(kis.clock_url), bool(given["paper"])
    orders = orders_of(
        seed, int(given["children"]), clock.now + 60 * SECOND, slices=int(given["slices"]), paper=paper, size=int(given["size"])
    )
    kis.control.account(kis.keys(paper)[2], cash=1e12, positions=dict.fromkeys(SYMBOLS, 100_000))
    kis.control.account(kis.other_account(paper), cash=1e12)

    async def first(run: LiveSession, _: Any) -> Any:
        running = asyncio.ensure_future(run.run(orders))
        while not running.done() and not any(True for _ in run.broker.state.known):
            await asyncio.sleep(0.05)
        kis.control.faults(rates=given["rates"] or faults_of(seed, given["each"]), seed=seed)
        others(kis, seed, paper)
        return await running

    def make(journal: SqliteJournal) -> Any:
        return CLIENTS[given["client"]](kis, clock, journal, paper=paper, notices=bool(given["notices"]))

    found = [await one_session(make, clock, path, first)]
    for _ in range(RESUMES if given["client"] == "ours" else 0):
        left = recorded(read(path))
        if not left.unfinished:
            break
        found.append(await one_session(make, clock, path, LiveSession.resume))
    return found, orders


def others(kis: Any, seed: int, paper: bool) -> None:
    """Orders that are not ours: by the customer's own hand, and of another account of the HTS id."""
    chance = random.Random(seed)
    for number in range(6):
        account = kis.keys(paper)[2] if number % 2 else kis.other_account(paper)
        kis.control.order(account, chance.choice(SYMBOLS), "BUY", chance.randrange(10, 300, 10), 50_000 if number < 4 else None)


async def one_session(make: Any, clock: Any, path: str, work: Any) -> Any:
    """A session with its own broker and its own lock on the journal; a begin that the venue's faults end is repeated."""
    with SqliteJournal(path) as journal:
        for attempt in range(RESUMES):
            broker = make(journal)
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
            ended = await work(run, found)
            await clock.sleep_until(clock.now + AFTER * SECOND)
            rows = broker.orders()
        finally:
            await broker.aclose()
    return ended, rows


def one_run(seed: int, bars: str, given: Mapping[str, Any]) -> Found:
    """A run, and what is wrong with it."""
    paper = bool(given["paper"])
    with tempfile.TemporaryDirectory() as folder, kis_rehearsal(bars, start=START, calendar="XKRX", speed=given["speed"], seed=seed) as kis:
        path = str(Path(folder, "day.db"))
        kis.control.settings(live_fills_page=int(given["page"]))
        found, orders = asyncio.run(session(kis, path, seed, given))
        truth = kis.control.truth()
        judged_ = judged(truth, read(path), found, orders, account=kis.keys(paper)[2].replace("-", ""))
        if judged_.wrong:
            kept = Path(tempfile.gettempdir(), f"kis-faults-{seed}")
            kept.mkdir(exist_ok=True)
            shutil.copy(path, kept / "day.db")
            (kept / "truth.json").write_text(json.dumps(truth))
            judged_.wrong.append(f"journal and truth are kept in {kept}")
        return judged_


def as_named(truth: Mapping[str, Any], account: str) -> dict[str, Any]:
    """The truth in the names of the rehearsal venue's: orders that our key placed, their executions, and orders of others."""
    orders = [
        {**order, "venue_id": f"{order['date']}-{order['orgno']}-{order['odno']}", "own_id": ""}
        for order in truth["orders"]
        if order["state"] != "request"
    ]
    ours = {(order["date"], order["odno"]): order for order in orders if order["account"] == account and not order["by_hand"]}
    executions = [
        {**execution, "venue_id": ours[execution["date"], execution["odno"]]["venue_id"]}
        for execution in truth["executions"]
        if execution["account"] == account and (execution["date"], execution["odno"]) in ours
    ]
    others = [order for order in orders if ours.get((order["date"], order["odno"])) is not order]
    return {"orders": list(ours.values()), "executions": executions, "others": others}


def judged(truth: Mapping[str, Any], entries: Sequence[Entry], found: Sequence[Any], orders: Sequence[LiveOrder], account: str) -> Found:
    """Hold venue, journal, `orders()` and summaries against each other."""
    named, held = as_named(truth, account), recorded(entries)
    owner, wrong = owners(named, held.children)
    counts = Counter(fault["fault"] for fault in truth["faults"])
    counts["children"], counts["orders"] = len(held.children), len(named["orders"])
    counts["executions"], counts["resumed"] = len(named["executions"]), len(found) - 1
    counts["requests"] = len(truth["requests"])
    wrong += sent_while_unknown(entries)
    traded: Counter[str] = Counter()
    by_order: Counter[str] = Counter()
    for execution in named["executions"]:
        traded[owner.get(execution["venue_id"], "").split(".")[0]] += execution["quantity"]
        by_order[execution["venue_id"]] += execution["quantity"]
    summaries = {ref: summary for ended, _ in found for ref, summary in ended.summaries.items()}
    alerts = [text for ended, _ in found for text in ended.alerts]
    counts["alerts"] = len(alerts)
    late = counts["adopted"] = sum("although the look-ups had not shown it" in text for text in alerts)
    for order in orders:
        parent, summary = held.parents.get(order.terms.ref), summaries[order.terms.ref]["total_quantity"]
        most = exposure(named, owner, order.terms.ref)
        wrong += wrong_parent(order, parent, traded[order.terms.ref], summary, most, late)
        counts["not over"] += parent is None or parent.done is None
        counts["complete"] += traded[order.terms.ref] == order.terms.quantity
        counts["above"] += most > order.terms.quantity
    wrong += wrong_rows([row for _, rows in found for row in rows], by_order, named)
    for order in named["others"]:
        if order["venue_id"] in owner or order["cancelled"]:
            wrong.append(f"{order['venue_id']} is not ours, and was {'adopted' if order['venue_id'] in owner else 'cancelled'}")
    return Found(wrong, counts, unknown_times(entries))


def wrong_parent(order: LiveOrder, parent: Any, traded: float, summary: float, most: float, late: int) -> list[str]:
    """What is wrong with a parent: shares that traded at the venue, those of its summary, the most that could trade at a time."""
    ref, asked = order.terms.ref, order.terms.quantity
    if parent is None:
        return [f"{ref}: the journal does not have it"]
    wrong, journal = [], parent.filled
    if traded != journal or (summary != journal and not late):
        wrong.append(f"{ref}: the venue traded {traded:g}, the journal has {journal:g}, the summary {summary:g}")
    largest = max((child.shares for child in parent.children), default=0.0)
    if most > asked + (largest if late else 0.0):
        wrong.append(f"{ref}: {most:g} shares of {asked:g} could trade at a time")
    return wrong


def wrong_rows(rows: Sequence[Any], by_order: Mapping[str, float], named: Mapping[str, Any]) -> list[str]:
    """What `orders()` says that the venue does not; the last word on each child counts."""
    last = {row.ref: row for row in rows if row.venue_id}
    truth = {order["venue_id"]: order for order in named["orders"]}
    wrong = []
    for ref, row in last.items():
        name = f"{row.order_date}-{row.orgno}-{row.venue_id}"
        if name not in truth or row.filled != by_order.get(name, 0):
            wrong.append(f"orders() says of {ref} that {name} got {row.filled:g}, the venue {by_order.get(name, 0):g}")
    return wrong


def unknown_times(entries: Sequence[Entry]) -> list[float]:
    """How long each outcome was unknown, seconds of the market."""
    since: dict[str, int] = {}
    times = []
    for entry in entries:
        if entry.kind is Kind.UNKNOWN:
            since.setdefault(entry.child, entry.time)
        elif entry.kind in (Kind.RESOLVED, Kind.FILL, Kind.OUTCOME) and entry.child in since:
            times.append((entry.time - since.pop(entry.child)) / SECOND)
    return times


def proof(given: Mapping[str, Any]) -> Found:
    """All runs; a line for each."""
    wrong: list[str] = []
    counts: Counter[str] = Counter()
    unknown: list[float] = []
    runs, seed = int(given["runs"]), int(given["seed"])
    with tempfile.TemporaryDirectory() as folder:
        bars = str(Path(folder, "bars"))
        BarStore(bars, cache="off").write(bars_of(), durable=False)
        for number in range(runs):
            begun = time.monotonic()
            found = one_run(seed + number, bars, given)
            wrong += [f"seed {seed + number}: {line}" for line in found.wrong]
            counts += found.counts
            unknown += found.unknown
            head = f"seed {seed + number}, {time.monotonic() - begun:.1f} s: {len(found.wrong)} wrong; {said(found.counts)}"
            print(head, *found.wrong[:20], sep="\n  ", flush=True)
    host = "paper" if given["paper"] else "live"
    print(f"{host}, notices {'on' if given['notices'] else 'off'}, {given['client']}: {runs} runs, {len(wrong)} wrong; {said(counts)}")
    if unknown:
        print(f"{len(unknown)} outcomes were unknown: {statistics.median(unknown):.1f} s in the median, {max(unknown):.1f} s at worst")
    return Found(wrong, counts, unknown)


GIVEN: dict[str, Any] = {
    "runs": 20, "children": 500, "speed": 30, "seed": 1, "notices": 1, "paper": 0, "each": 0.05, "slices": 20, "page": 100,
    "client": "ours", "rates": None, "size": 1,
}  # fmt: skip
"""`rates`: faults in place of those that the seed draws; `size`: how many times larger orders are, so that fewer are filled."""


def main() -> int:
    words = dict(word.split("=") for word in sys.argv[1:])
    return bool(proof(GIVEN | {name: value if name == "client" else float(value) for name, value in words.items()}).wrong)


if __name__ == "__main__":
    sys.exit(main())
