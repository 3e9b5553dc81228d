"""backtrader: parent orders by `execute` against the same child orders written by hand.

Ten feeds of minutes, 50 TWAP parents a session over 30 minutes each, a child a minute, backtrader's own fills. By hand: a
strategy that keeps each order's schedule, sends the child that is missing to it, and books what `notify_order` says.

python benchmarks/backtrader_parents.py [sessions]
"""

from __future__ import annotations

import sys
from time import perf_counter
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd
from machine import keep

from exec_algos import TWAP, Bars
from exec_algos.ext.backtrader import BarsFeed, ExecutionMixin

SESSIONS, MINUTES, FEEDS, PARENTS = 252, 390, 10, 50
LENGTH, SHARES = 30, 3_100
STARTS = tuple(range(10, 10 + 7 * PARENTS, 7))  # minutes after the open at which a parent begins, one at a time


def market(sessions: int) -> Bars:
    rng = np.random.default_rng(0)
    days = pd.bdate_range("2024-01-02", periods=sessions, tz="America/New_York") + pd.Timedelta(hours=9, minutes=30)
    stamps = days.tz_convert("UTC").tz_localize(None).to_numpy()[:, None] + np.arange(MINUTES) * np.timedelta64(60, "s")
    index = pd.DatetimeIndex(stamps.ravel(), tz="UTC").tz_convert("America/New_York")
    table = {}
    for i in range(FEEDS):
        close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-4, len(index))))
        opening = np.concatenate([[100.0], close[:-1]])
        high, low = np.maximum(opening, close) * 1.0002, np.minimum(opening, close) * 0.9998
        volume = rng.integers(20_000, 200_000, len(index)).astype(float)
        table[f"S{i}"] = pd.DataFrame({"open": opening, "high": high, "low": low, "close": close, "volume": volume}, index=index)
    return Bars.concat([Bars.from_frame(frame, symbol=symbol) for symbol, frame in table.items()])


class _Clocked(bt.Strategy):
    """Begins a parent order at each of `STARTS`, in one feed after the other, buying and selling in turn."""

    def __init__(self) -> None:
        self.day, self.minute, self.begun, self.shares = None, 0, 0, 0.0

    def next(self) -> None:
        day = int(self.datas[0].datetime[0] - 0.4)
        self.minute = 1 if day != self.day else self.minute + 1
        self.day = day
        if self.minute in STARTS:
            side = 1 if self.begun % 2 == 0 else -1
            self.begin(self.datas[self.begun // 2 % FEEDS], side)
            self.begun += 1

    def begin(self, data: Any, side: int) -> None:
        raise NotImplementedError


class Parents(ExecutionMixin, _Clocked):
    """`execute`."""

    def begin(self, data: Any, side: int) -> None:
        minutes = min(LENGTH, MINUTES - self.minute)
        self.execute(data, side * SHARES, TWAP(), until=pd.Timedelta(minutes=minutes))

    def stop(self) -> None:
        self.shares = sum(parent.filled for parent in self.parents)


class ByHand(_Clocked):
    """The same children, sent by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[list[Any]] = []
        self.owner: dict[int, list[Any]] = {}

    def begin(self, data: Any, side: int) -> None:
        self.open.append([data, side, 0, 0, min(LENGTH, MINUTES - self.minute)])

    def next(self) -> None:
        super().next()
        for order in self.open:
            data, side, k, filled, slices = order
            missing = int((k + 1) / slices * SHARES + 0.5) - filled
            if missing > 0:
                child = self.buy(data, size=missing) if side > 0 else self.sell(data, size=missing)
                self.owner[child.ref] = order
            order[2] = k + 1
        self.open = [order for order in self.open if order[2] < order[4]]

    def notify_order(self, order: Any) -> None:
        if order.status == order.Completed:
            self.owner.pop(order.ref)[3] += abs(order.executed.size)
            self.shares += abs(order.executed.size)


class NoOrders(bt.Strategy):
    """The replay alone."""

    shares = 0.0


def run(bars: Bars, strategy: type) -> tuple[float, float, float]:
    cerebro = bt.Cerebro(stdstats=False)
    for symbol in bars.symbols:
        cerebro.adddata(BarsFeed(dataname=bars, symbol=symbol))
    cerebro.broker.setcash(1e12)
    cerebro.addstrategy(strategy)
    begin = perf_counter()
    done = cerebro.run()[0]
    return perf_counter() - begin, done.shares, cerebro.broker.getcash()


def main() -> None:
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else SESSIONS
    bars = market(sessions)
    empty, _, _ = run(bars, NoOrders)
    by_hand, shares, cash = run(bars, ByHand)
    ours, our_shares, our_cash = run(bars, Parents)
    by_hand_again, _, _ = run(bars, ByHand)
    if (shares, cash) != (our_shares, our_cash):
        raise SystemExit(f"the two runs traded differently: {shares}, {cash} and {our_shares}, {our_cash}")
    hand = (by_hand + by_hand_again) / 2
    work = f"{sessions} sessions x {MINUTES} minutes x {FEEDS} feeds, {PARENTS} TWAP parents a session"
    figures = {
        "work": f"{work}, backtrader's own fills, one core",
        "shares_traded": shares,
        "seconds": {"no orders": round(empty, 1), "by hand": [round(by_hand, 1), round(by_hand_again, 1)], "execute": round(ours, 1)},
        "ratio_to_by_hand": round(ours / hand, 3),
    }
    if sessions == SESSIONS:
        keep("backtrader_parents", figures)
    else:
        print(figures)


if __name__ == "__main__":
    main()
