"""Replay: one symbol, 252 sessions x 390 bars, a TWAP parent a session, a child a bar, every fill kept.

Beside it backtrader on the same bars with one market order a bar, and a bare coroutine loop with no
strategy, no portfolio and no frames: the floor of what such a loop can cost in this interpreter.
"""

from __future__ import annotations

import heapq
import resource
from collections.abc import Generator
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
from machine import keep, peak_megabytes, seconds

from exec_algos import BacktestEngine, Bars, FillModel, OrderEvent, SimulatedBroker, Strategy, TWAPExecutor

SESSIONS, MINUTES = 252, 390
SHARES = (MINUTES - 1) * 100


def market() -> Bars:
    rng = np.random.default_rng(0)
    days = pd.bdate_range("2024-01-02", periods=SESSIONS, tz="America/New_York") + pd.Timedelta(hours=9, minutes=30)
    stamps = days.tz_convert("UTC").tz_localize(None).to_numpy()[:, None] + np.arange(MINUTES) * np.timedelta64(60, "s")
    index = pd.DatetimeIndex(stamps.ravel(), tz="UTC").tz_convert("America/New_York")
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-4, len(index))))
    opening = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(opening, close) * 1.0002, np.minimum(opening, close) * 0.9998
    volume = rng.integers(2_000, 20_000, len(index)).astype(float)
    frame = pd.DataFrame({"open": opening, "high": high, "low": low, "close": close, "volume": volume}, index=index)
    return Bars.from_frame(frame, symbol="X")


class DailyTWAP(Strategy):
    """Buys the same number of shares by TWAP from the first bar's end of each session on."""

    def __init__(self, event_queue: Any, data_handler: Any) -> None:
        super().__init__(event_queue, data_handler)
        self.executor = TWAPExecutor(SimulatedBroker())
        self.next_open = 0

    def on_bar(self, event: Any) -> None:
        if event.time >= self.next_open:
            self.next_open = event.time + 12 * 3600 * 10**9
            self.event_queue.put(OrderEvent(symbol="X", side="BUY", quantity=SHARES))

    async def on_order(self, order: OrderEvent) -> None:
        await self.executor.execute(order.symbol, order.quantity, duration_minutes=MINUTES - 1)


class OrderPerBar(bt.Strategy):
    """backtrader: a market order of 100 shares on every bar, every execution kept."""

    def __init__(self) -> None:
        self.fills: list[tuple[float, float, float]] = []

    def next(self) -> None:
        self.buy(size=100)

    def notify_order(self, order: Any) -> None:
        if order.status == order.Completed:
            self.fills.append((order.executed.dt, order.executed.size, order.executed.price))


def run_ours(bars: Bars) -> int:
    model = FillModel(max_participation=0.1)
    return len(BacktestEngine(bars, [DailyTWAP], initial_cash=1e9, fill_model=model).run().fills)


def run_backtrader(frame: pd.DataFrame) -> int:
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame, timeframe=bt.TimeFrame.Minutes))
    cerebro.addstrategy(OrderPerBar)
    cerebro.broker.setcash(1e12)
    return len(cerebro.run()[0].fills)


def run_bare(prices: list[float], volumes: list[float]) -> int:
    """A heap, a generator a session and a tuple a fill: nothing else."""
    fills: list[tuple[int, int, float]] = []
    heap: list[tuple[int, int, Generator[int, None, None]]] = []
    box = [0]

    def work(start: int) -> Generator[int, None, None]:
        filled = 0
        for k in range(1, MINUTES):
            box[0] = int(k / (MINUTES - 1) * SHARES + 0.5) - filled
            yield start + k
            filled += fills[-1][1]

    for i, (price, volume) in enumerate(zip(prices, volumes, strict=True)):
        while heap and heap[0][0] <= i:
            _, order, coroutine = heapq.heappop(heap)
            wake = next(coroutine, None)
            if wake is not None:
                heapq.heappush(heap, (wake, order, coroutine))
        if i % MINUTES == 0:
            heapq.heappush(heap, (i + 1, i, work(i + 1)))
        elif box[0]:
            quantity = min(box[0], int(0.1 * volume))
            fills.append((i, quantity, price))
    return len(fills)


def main() -> None:
    bars = market()
    frame = bars.to_frame().droplevel("symbol").tz_localize(None)
    before = peak_megabytes()
    fills = run_ours(bars)
    used = peak_megabytes() - before
    ours = seconds(lambda: run_ours(bars), 5)
    prices, volumes = bars.open.tolist(), bars.volume.tolist()
    bare_fills, bare = run_bare(prices, volumes), seconds(lambda: run_bare(prices, volumes), 5)
    theirs_fills, theirs = run_backtrader(frame), seconds(lambda: run_backtrader(frame), 1)
    keep(
        "replay",
        {
            "work": f"{SESSIONS} sessions x {MINUTES} bars, one TWAP parent a session, one child a bar, 10 % cap, one core",
            "exec_algos": {"fills": fills, "seconds": round(ours, 3), "fills_per_second": round(fills / ours)},
            "backtrader": {"fills": theirs_fills, "seconds": round(theirs, 3), "fills_per_second": round(theirs_fills / theirs)},
            "bare_loop": {"fills": bare_fills, "seconds": round(bare, 3), "fills_per_second": round(bare_fills / bare)},
            "ratio_to_backtrader": round(fills / ours / (theirs_fills / theirs), 1),
            "ratio_to_bare_loop": round(fills / ours / (bare_fills / bare), 3),
            "peak_megabytes_above_imports_and_bars": round(used, 1),
            "page_faults_major": resource.getrusage(resource.RUSAGE_SELF).ru_majflt,
        },
    )


if __name__ == "__main__":
    main()
