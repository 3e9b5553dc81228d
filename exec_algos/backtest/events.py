"""The four events of a backtest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from exec_algos.errors import UsageError
from exec_algos.exchange.stream import Bar
from exec_algos.model import Fill, Side


class MarketEvent(NamedTuple):
    """A bar has been completed.

    Attributes
    ----------
    symbol : str
    bar : Bar
        Start in ns UTC, prices in currency per share, volume in shares.
    time : int
        The bar's end, ns UTC: the instant at which it is known.
    """

    symbol: str
    bar: Bar
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalEvent:
    """A strategy's view of a symbol, for its own `on_signal` to turn into orders.

    Attributes
    ----------
    symbol : str
    side : Side or str
    strength : float
        In any unit the strategy likes.
    """

    symbol: str
    side: Side | str
    strength: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "side", Side.of(self.side))


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent:
    """An order that the strategy's `on_order` is to work.

    Attributes
    ----------
    symbol : str
    side : Side or str
    quantity : int or float
        Shares, > 0.

    Raises
    ------
    UsageError
        A quantity that is not positive.
    """

    symbol: str
    side: Side | str = Side.BUY
    quantity: float = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "side", Side.of(self.side))
        if not self.quantity > 0:
            raise UsageError(f"an order for {self.symbol} needs a positive quantity, got {self.quantity!r}; use side='SELL' to sell")


class FillEvent(NamedTuple):
    """A child order of the strategy traded.

    Attributes
    ----------
    fill : Fill
    time : int
        When it is known, ns UTC: the end of the bar it traded in.
    """

    fill: Fill
    time: int


Event = MarketEvent | SignalEvent | OrderEvent | FillEvent
