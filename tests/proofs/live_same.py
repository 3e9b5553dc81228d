"""The same orders through `BacktestEngine` and through a live session at a faultless rehearsal: the same children, of the same sizes.

python tests/proofs/live_same.py [orders=200] [symbols=100] [minutes=30] [speed=60] [confirm=0] [seed=1]

Market children, no cap, TWAP and VWAP in turn, on one set of recorded bars. With ``confirm=2`` the venue tells each end 2 s late, and
what differs then is printed: children, and what is left.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from exec_algos import BacktestEngine, Bars, SimulatedBroker, Strategy
from exec_algos.algorithms import Algorithm, parse_algorithm
from exec_algos.brokers.live import LiveBroker
from exec_algos.brokers.rehearsal import RehearsalVenue, rehearsal_clock
from exec_algos.brokers.settings import LiveSettings
from exec_algos.executors import AlgorithmExecutor, OrderExecutor
from exec_algos.executors.base import OrderTerms
from exec_algos.executors.working import WorkingOrder
from exec_algos.live.ended import Ended
from exec_algos.live.journal import SqliteJournal
from exec_algos.live.session import LiveOrder, LiveSession
from exec_algos.market.calendars import sessions
from exec_algos.market.synthetic import synthetic_bars
from exec_algos.model import MINUTE, SECOND
from exec_algos.model.window import Window
from exec_algos.testing.rehearsal import rehearsal

FIRST = 1_766_417_400 * SECOND  # 2025-12-22 10:30 in New York: when the rehearsal begins
LEAD = 12 * MINUTE  # of the market, in which the session starts and accepts all orders
ALGORITHMS = ("twap", "vwap:profile_days=3")


class Asked(NamedTuple):
    """An order of the comparison."""

    algorithm: Algorithm
    terms: OrderTerms
    start: int
    end: int


def bars_of(symbols: int, seed: int) -> Bars:
    """Five sessions, the last of which is traded."""
    hours = sessions("XNYS", 1_765_843_200 * SECOND, 1_766_448_000 * SECOND)  # 2025-12-16 to 22
    return synthetic_bars([f"S{n:02}" for n in range(symbols)], hours, seed=seed)


def orders_of(orders: int, symbols: int, minutes: int, seed: int) -> list[Asked]:
    """Orders that are small beside the market, so that each child is filled within its slice in both."""
    chance, found = random.Random(seed), []
    for number in range(orders):
        terms = OrderExecutor.order(
            f"S{number % symbols:02}", chance.randrange(minutes, 60 * minutes), side=chance.choice(("BUY", "SELL")), ref=f"P{number}"
        )
        start = FIRST + LEAD + chance.randrange(5) * MINUTE
        found.append(Asked(parse_algorithm(ALGORITHMS[number % 2]), terms, start, start + minutes * MINUTE))
    return found


class Desk(Strategy):
    """Starts all orders at the first bar."""

    def __init__(self, asked: Sequence[Asked], event_queue: Any, data_handler: Any) -> None:
        super().__init__(event_queue, data_handler)
        self.asked, self.executor = asked, AlgorithmExecutor(SimulatedBroker())
        self.orders: list[WorkingOrder] = []

    def on_bar(self, event: Any) -> None:
        if not self.orders and event.time >= FIRST:
            self.orders = [
                self.executor.start(order.algorithm, order.terms, Window(start=order.start, end=order.end)) for order in self.asked
            ]


def replayed(bars: Bars, asked: Sequence[Asked]) -> dict[str, dict[int, float]]:
    """Shares of each slice's child by order, in a backtest."""
    desks: list[Desk] = []

    def desk(event_queue: Any, data_handler: Any) -> Desk:
        desks.append(Desk(asked, event_queue, data_handler))
        return desks[-1]

    BacktestEngine(bars, [desk], calendar="XNYS").run()
    return {
        order.terms.ref: by_slice(order, [(fill.time, fill.quantity) for fill in worked.fills])
        for order, worked in zip(asked, desks[0].orders, strict=True)
    }


def by_slice(order: Asked, trades: Sequence[tuple[int, float]]) -> dict[int, float]:
    """Shares by slice of a minute."""
    found: dict[int, float] = {}
    for time, quantity in trades:
        number = (time - order.start) // MINUTE
        found[number] = found.get(number, 0) + quantity
    return found


async def worked(url: str, path: str, asked: Sequence[Asked], confirm_lead: int | None) -> Ended:
    """A live session of all orders."""
    clock = await rehearsal_clock(url)
    with SqliteJournal(path) as journal:
        settings = LiveSettings(calendar="XNYS", confirm_lead=confirm_lead)
        broker = LiveBroker(RehearsalVenue(url), clock=clock, journal=journal, settings=settings)
        run = LiveSession(broker, journal, tell=lambda line: None)
        try:
            await run.begin()
            return await run.run([LiveOrder(order.algorithm, order.terms, Window(start=order.start, end=order.end)) for order in asked])
        finally:
            await broker.aclose()


def sent(ended: Ended, asked: Sequence[Asked]) -> dict[str, dict[int, float]]:
    """Shares of each slice's children by order, in the live session."""
    found = {}
    for order in asked:
        children = ended.parents[order.terms.ref].children
        sizes: dict[int, float] = {}
        for child in children:
            number = int(child.ref.split(".")[2])
            sizes[number] = sizes.get(number, 0) + child.shares
        found[order.terms.ref] = sizes
    return found


def proof(orders: int, symbols: int, minutes: int, speed: float, confirm: float, seed: int) -> list[str]:
    """What differs; each line an order."""
    bars, asked = bars_of(symbols, seed), orders_of(orders, symbols, minutes, seed)
    with tempfile.TemporaryDirectory() as folder:
        with rehearsal(bars, start="2025-12-22 10:30", calendar="XNYS", speed=speed, seed=seed, confirm_seconds=confirm) as venue:
            ended = asyncio.run(worked(venue.url, str(Path(folder, "day.db")), asked, 0 if confirm == 0 else None))
        live, replay = sent(ended, asked), replayed(bars, asked)
    wrong = differences(asked, live, replay)
    children = sum(map(len, live.values()))
    left = sum(summary["residual"] + summary["unknown"] for summary in ended.summaries.values())
    ordered = sum(order.terms.quantity for order in asked)
    print(
        f"{orders} orders over {symbols} symbols, confirmed after {confirm:g} s, seed {seed}: {children} children live, "
        f"{sum(map(len, replay.values()))} in the backtest, {len(wrong)} orders differ; left of {ordered:g} shares: "
        f"{left:g} live ({left / ordered:.4%}), {ordered - sum(sum(sizes.values()) for sizes in replay.values()):g} in the backtest"
    )
    return wrong


def differences(asked: Sequence[Asked], live: Mapping[str, Mapping[int, float]], replay: Mapping[str, Mapping[int, float]]) -> list[str]:
    found = []
    for order in asked:
        ref = order.terms.ref
        if live[ref] != replay[ref]:
            apart = {
                k: (live[ref].get(k), replay[ref].get(k)) for k in {*live[ref], *replay[ref]} if live[ref].get(k) != replay[ref].get(k)
            }
            found.append(f"{ref} ({order.algorithm}): slice -> live, backtest: {dict(sorted(apart.items())[:5])}")
    return found


def main() -> int:
    given = {"orders": 200, "symbols": 100, "minutes": 30, "speed": 60, "confirm": 0, "seed": 1} | {
        name: float(value) for name, value in (word.split("=") for word in sys.argv[1:])
    }
    whole = {name: int(given[name]) for name in ("orders", "symbols", "minutes", "seed")}
    wrong = proof(**whole, speed=given["speed"], confirm=given["confirm"])
    print(*wrong, sep="\n")
    return bool(wrong) and given["confirm"] == 0


if __name__ == "__main__":
    sys.exit(main())
