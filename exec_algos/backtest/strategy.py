"""`Strategy`: what a user writes, and what it sees of the market."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from exec_algos.backtest.events import Event, FillEvent, MarketEvent, OrderEvent, SignalEvent
from exec_algos.brokers.base import BrokerAPI
from exec_algos.errors import UsageError
from exec_algos.exchange.market import Market
from exec_algos.exchange.stream import Bar

if TYPE_CHECKING:
    import pandas as pd


class StrategyQueue(Protocol):
    """Where a strategy puts its signals and orders."""

    def put(self, event: Event) -> None:
        """Queue a `SignalEvent` or an `OrderEvent` at the present instant."""
        ...


class DataHandler:
    """The market up to now: later bars are not in it.

    Parameters
    ----------
    market : Market
    """

    def __init__(self, market: Market) -> None:
        self._market = market

    @property
    def now(self) -> int:
        """The present instant, ns UTC."""
        return self._market.queue.now

    @property
    def timestamp(self) -> pd.Timestamp:
        """The present instant in the venue's zone."""
        import pandas as pd

        return pd.Timestamp(self.now, unit="ns", tz="UTC").tz_convert(self._market.zone)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols of the run, sorted."""
        return tuple(sorted(self._market.streams))

    def latest(self, symbol: str) -> Bar | None:
        """The last completed bar of a symbol; None before the first."""
        return self._market.stream(symbol).latest

    def history(self, symbol: str, count: int) -> pd.DataFrame:
        """The last `count` completed bars of a symbol, oldest first, indexed by bar start.

        Raises
        ------
        UsageError
            `count` is not positive.
        """
        import pandas as pd

        if count < 1:
            raise UsageError(f"count must be at least 1, got {count}")
        stream = self._market.stream(symbol)
        rows = slice(max(stream.known - count, 0), stream.known)
        index = pd.DatetimeIndex(stream.bars.start[rows].view("datetime64[ns]"), tz="UTC", name="timestamp").tz_convert(self._market.zone)
        return pd.DataFrame({name: np.array(column[rows]) for name, column in stream.bars.columns().items()}, index=index)


class Strategy:
    """Base of a user's strategy; override what it needs.

    Parameters
    ----------
    event_queue : StrategyQueue
        ``event_queue.put(OrderEvent(...))`` submits an order.
    data_handler : DataHandler
        The market up to now.
    """

    def __init__(self, event_queue: StrategyQueue, data_handler: DataHandler) -> None:
        from exec_algos.brokers.simulated import SimulatedBroker

        self.event_queue = event_queue
        self.data_handler = data_handler
        self.broker: BrokerAPI = SimulatedBroker()

    def on_bar(self, event: MarketEvent) -> None:
        """A bar of any symbol has been completed."""

    def on_fill(self, event: FillEvent) -> None:
        """A child order of this strategy traded."""

    def on_signal(self, signal: SignalEvent) -> None:
        """Turn one of this strategy's signals into orders.

        Raises
        ------
        UsageError
            Not overridden.
        """
        raise UsageError(f"{type(self).__name__} put {signal} but does not override on_signal")

    async def on_order(self, order: OrderEvent) -> None:
        """Work an order; await an executor here. Without an override it is one market order for the day.

        To work two at once, start one beside: ``self.broker.clock.start(executor.execute(...))``.
        """
        await self.broker.place_order(order.symbol, order.quantity, side=order.side)
