"""Bars made by hand, and a strategy on them, for tests whose answers are computed on paper."""

import asyncio

import pandas as pd

from exec_algos import BacktestEngine, Bars, OrderEvent, SimulatedBroker, Strategy
from exec_algos.market.depth import with_quote_proxy

MINUTE = 60_000_000_000
ZONE = "America/New_York"
DAYS = ("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05")  # Tuesday to Friday
DRIVERS = ("asyncio", "backtest")


def at(text):
    """ns UTC of New York time, ``"09:31"`` on the first day or a whole stamp."""
    return pd.Timestamp(text if "-" in text else f"{DAYS[0]} {text}", tz=ZONE).value


def clock_times(instants):
    """New York times of day of instants (ns UTC) or stamps."""
    return [f"{pd.Timestamp(one, tz='UTC' if isinstance(one, int) else None).tz_convert(ZONE):%H:%M}" for one in instants]


def minute_bars(*days, symbol="X", volume=1000, quote_proxy=None, **columns):
    """One-minute bars from 09:30 on: for each day a sequence of rows.

    A row is a price at which the whole minute trades, or (open, high, low, close), or that and a volume; None is a missing minute.
    `quote_proxy` names what stands in for quotes.
    """
    table, stamps = [], []
    for day, rows in zip(DAYS, days, strict=False):
        for minute, row in enumerate(rows):
            if row is not None:
                table.append((*((row,) * 4 if isinstance(row, int | float) else row), volume)[:5])
                stamps.append(pd.Timestamp(f"{day} 09:30", tz=ZONE) + pd.Timedelta(minutes=minute))
    frame = pd.DataFrame(table, columns=["open", "high", "low", "close", "volume"], index=pd.DatetimeIndex(stamps))
    bars = Bars.from_frame(frame.astype(float).assign(**columns), symbol=symbol, label="start", step="1min")
    return bars if quote_proxy is None else with_quote_proxy(bars, quote_proxy)


def trades(fills):
    return [(one.quantity, one.fill_price) for one in fills]


def run(coroutine):
    return asyncio.run(coroutine)


def once(symbol="X", quantity=100, side="BUY", after=1, work=None):
    """A strategy that sends one order when `after` bars of `symbol` have closed, worked by ``work(strategy, order)``."""

    class Once(Strategy):
        def __init__(self, event_queue, data_handler):
            super().__init__(event_queue, data_handler)
            self.closed = 0
            if not after:
                self.event_queue.put(OrderEvent(symbol=symbol, side=side, quantity=quantity))

        def on_bar(self, event):
            self.closed += event.symbol == symbol
            if event.symbol == symbol and self.closed == after:
                self.event_queue.put(OrderEvent(symbol=symbol, side=side, quantity=quantity))

        async def on_order(self, order):
            await (work(self, order) if work else super().on_order(order))

    return Once


def driven(driver, bars, work, *, make=SimulatedBroker, fill_model=None):
    """Carry ``work(broker)`` from the first bar on, under asyncio or in a backtest; return what it returns."""
    if driver == "asyncio":
        return run(work(make(bars, fill_model=fill_model)))
    found = []

    async def on_order(strategy, order):
        found.append(await work(make()))

    BacktestEngine(bars, [once(bars.symbols[0], after=0, work=on_order)], fill_model=fill_model).run()
    return found[0]
