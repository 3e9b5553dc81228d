"""One symbol's bars on their way through a replay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.costs.grid import taken_price
from exec_algos.costs.propagator import Displacement
from exec_algos.exchange.child import Child
from exec_algos.fills import FillModel
from exec_algos.market.depth import Quotes, quotes_of
from exec_algos.model import NOTHING, Observed

if TYPE_CHECKING:
    from exec_algos.checks import Floats
    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions

CHUNK = 1024  # rows made into numbers at a time: enough to be quick, few enough to stay in the cache


class Bar(NamedTuple):
    """One completed bar: start in ns UTC, prices in currency per share, volume in shares."""

    start: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    vwap: float


class Stream:
    """One symbol's bars on their way, and the children that rest in it.

    Attributes
    ----------
    known : int
        Completed bars; the first `known` rows of `bars` are the past.
    first : int
        Bars that were completed before the market began.
    latest : Bar or None
        The last completed bar.
    due : int
        When the next bar closes, ns UTC; -1 when there is none.
    displacement : Displacement
        What the executions of the run have done to its price.
    grid : PriceGrid
        The prices that its exchange takes.
    """

    __slots__ = (
        "_base",
        "_buy",
        "_columns",
        "_quotes",
        "_rows",
        "_sell",
        "_sessions",
        "_traded",
        "bars",
        "displacement",
        "due",
        "first",
        "grid",
        "known",
        "latest",
        "resting",
        "step",
        "symbol",
    )

    def __init__(self, symbol: str, bars: Bars, model: FillModel, first: int, sessions: Sessions) -> None:
        self.symbol, self.bars, self.step, self._sessions = symbol, bars, bars.step, sessions
        self._columns: list[Any] = [bars.start, bars.open, bars.high, bars.low, bars.close, bars.volume, bars.price()]
        self._columns += [model.prices(bars, 1), model.prices(bars, -1)]
        self.resting: list[Child] = []
        self.displacement = Displacement(model.impact, symbol, bars.step)
        self.grid = model.grid(bars)
        self._traded: Floats | None = None
        self._quotes: Quotes | None = None
        self.known = int(np.searchsorted(bars.start, first))
        self.first = self.known
        self.latest: Bar | None = None
        if self.known:
            self._load(self.known - 1, self.known)
            self.latest = self._rows[0]
        self._load(self.known, self.known + CHUNK)

    def _load(self, begin: int, end: int) -> None:
        *bar, buy, sell = (column[begin:end].tolist() for column in self._columns)
        self._base, self._buy, self._sell = begin, buy, sell
        self._rows = list(map(Bar._make, zip(*bar, strict=True)))
        self.due = self._rows[0].start + self.step if self._rows else -1

    def close(self) -> tuple[Bar, float, float]:
        """Complete the next bar: the bar, and what it costs either side."""
        i = self.known - self._base
        rows = self._rows
        bar = self.latest = rows[i]
        closed = bar, self._buy[i], self._sell[i]
        self.known += 1
        if i + 1 < len(rows):
            self.due = rows[i + 1].start + self.step
        else:
            self._load(self.known, self.known + CHUNK)
        return closed

    def taken(self, side: int, limit: float, price: float) -> float:
        """The price of an execution in the last bar as the exchange takes it."""
        ticks, lowest, highest = self.grid
        row = self.known - 1
        return taken_price(ticks, side, limit, price, float(lowest[row]), float(highest[row]))

    def observed(self) -> Observed:
        """What the completed bars say of the market."""
        if self._traded is None or self._quotes is None:
            # what trades before the open and behind the close is no volume to take part in: an order over a night does not see it
            regular = np.where(self._sessions.locate(self.bars.start) >= 0, self.bars.volume, 0.0)
            self._traded, self._quotes = np.cumsum(regular), quotes_of(self.bars)
        i = self.known - 1
        if i < 0:
            return NOTHING
        bid, ask, *sizes, sized = self._quotes
        bid_size, ask_size = (sized * float(column[i]) for column in sizes)
        known = int(self.bars.start[i]) + self.step
        return Observed(float(self._traded[i]), float(self.bars.close[i]), float(bid[i]), float(ask[i]), bid_size, ask_size, known)
