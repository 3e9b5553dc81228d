"""Bars made by hand, and a broker and a strategy on them, for tests whose answers are computed on paper."""

import asyncio

import pandas as pd

from exec_algos import Bars, Strategy

MINUTE = 60_000_000_000
OPENS = "2024-01-02 09:30"  # a Tuesday
ZONE = "America/New_York"


def at(text):
    """ns UTC of New York time, ``"09:31"`` on the first day or a whole stamp."""
    stamp = text if "-" in text else f"{OPENS[:10]} {text}"
    return pd.Timestamp(stamp, tz=ZONE).value


def clock_times(instants):
    """New York times of day of instants or stamps."""
    return [f"{pd.Timestamp(one, tz='UTC' if isinstance(one, int) else None).tz_convert(ZONE):%H:%M}" for one in instants]


def minute_bars(rows, *, symbol="X", start=OPENS, volume=1000, **columns):
    """One-minute bars; a row is a price at which the whole minute trades, or (open, high, low, close), or that and a volume."""
    table = [(row,) * 4 if isinstance(row, int | float) else row for row in rows]
    table = [(*row, volume)[:5] for row in table]
    frame = pd.DataFrame(
        table, columns=["open", "high", "low", "close", "volume"], index=pd.date_range(start, periods=len(table), freq="1min", tz=ZONE)
    )
    return Bars.from_frame(frame.astype(float).assign(**columns), symbol=symbol, label="start", step="1min")


def prices_of(fills):
    return [(one.quantity, one.fill_price) for one in fills]


def run(coroutine):
    return asyncio.run(coroutine)


def once(symbol="X", quantity=100, side="BUY", minutes=1, work=None):
    """A strategy that sends one order at the close of bar `minutes`, worked by ``work(strategy, order)``."""

    class Once(Strategy):
        bars = 0

        def on_bar(self, event):
            from exec_algos import OrderEvent

            self.bars += event.symbol == symbol
            if event.symbol == symbol and self.bars == minutes:
                self.event_queue.put(OrderEvent(symbol=symbol, side=side, quantity=quantity))

        async def on_order(self, order):
            await (work(self, order) if work else super().on_order(order))

    return Once
