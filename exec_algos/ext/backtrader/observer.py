"""`ExecutionObserver`: how far the parent orders of a backtrader strategy are, for plots."""

from __future__ import annotations

import math
from itertools import islice
from typing import Any, ClassVar, NamedTuple

import backtrader as bt

from exec_algos.executors.working import WorkingOrder
from exec_algos.ext.backtrader.analyzer import desk_of
from exec_algos.ext.backtrader.desk import Desk, Feed
from exec_algos.model.slicing import in_pause, trading_length


class ExecutionObserver(bt.Observer):
    """Progress of the parent orders that are worked, drawn as a row of `Cerebro.plot`: filled against time.

    ``cerebro.addobserver(ExecutionObserver)`` draws all feeds of the strategy together,
    ``cerebro.addobservermulti(ExecutionObserver)`` a row for each feed.

    Over the parent orders that are worked in a bar, after that bar, NaN where there are none:

    * ``filled``: shares filled in percent of shares ordered.
    * ``elapsed``: time gone in percent of the window, weighted by shares ordered; an order that is filled as evenly as
      time passes has ``filled = elapsed``.
    * ``slippage``: ``sum(side (notional - vwap filled)) / sum(vwap filled) * 1e4``, bps, positive = cost, `vwap` being that of
      the window's bars so far; NaN before the first fill. At the end of a single order it is the ``slippage_vwap_bps`` of
      `ExecutionAnalyzer`. Its scale is another, so `SlippageObserver` draws it.

    Of a strategy that is no `ExecutionMixin` all are NaN.
    """

    _stclock = True

    lines = ("filled", "elapsed", "slippage")
    plotinfo: ClassVar[dict[str, Any]] = {"plot": True, "plotname": "Execution", "plotlinelabels": True, "plotyticks": [0, 50, 100]}
    plotlines: ClassVar[dict[str, Any]] = {
        "filled": {"_name": "filled %", "color": "tab:blue"},
        "elapsed": {"_name": "time %", "color": "gray", "ls": "--"},
        "slippage": {"_name": "slippage, bps", "color": "tab:red", "_plotskip": True},
    }

    def __init__(self) -> None:  # backtrader never calls start() of those added by addobservermulti
        super().__init__()
        self._known = 0
        self._worked: list[_Watched] = []

    def next(self) -> None:
        """Note where the orders stand."""
        desk = desk_of(self._owner)
        if desk is None:
            return
        self._admit(desk)
        now = desk.clock.now
        states = [worked.state(now) for worked in self._worked if worked.order.parent.start <= now]
        self._worked = [worked for worked in self._worked if not worked.order.over]
        if states:
            self._draw(states)

    def _admit(self, desk: Desk) -> None:
        """Watch the orders that came since the last time."""
        if len(desk.orders) == self._known:
            return
        mine = {id(data) for data in self.datas}
        for number, order in islice(desk.orders.items(), self._known, None):
            if id(desk.feed_of[number].data) in mine:
                self._worked.append(_Watched(order, desk.feed_of[number]))
        self._known = len(desk.orders)

    def _draw(self, states: list[_State]) -> None:
        ordered = sum(state.ordered for state in states)
        self.l.filled[0] = sum(state.filled for state in states) / ordered * 100
        self.l.elapsed[0] = sum(state.elapsed * state.ordered for state in states) / ordered * 100
        paper = sum(state.paper for state in states)
        if paper:
            self.l.slippage[0] = sum(state.cost for state in states) / paper * 1e4


class SlippageObserver(ExecutionObserver):
    """The same lines, of which `slippage` is drawn: a row of its own in bps."""

    plotinfo: ClassVar[dict[str, Any]] = {"plotname": "Execution", "plotyticks": [], "plothlines": [0.0]}
    plotlines: ClassVar[dict[str, Any]] = {
        "filled": {"_plotskip": True},
        "elapsed": {"_plotskip": True},
        "slippage": {"_plotskip": False},
    }


class _State(NamedTuple):
    """Where one order stands: shares, shares, fraction of its window; the fills at the VWAP so far, and their cost against it, currency."""

    ordered: float
    filled: float
    elapsed: float
    paper: float
    cost: float


class _Watched:
    """One parent order, and the market in its window so far."""

    def __init__(self, order: WorkingOrder, feed: Feed) -> None:
        self.order, self.feed = order, feed
        self._seen = feed.seen
        self._volume = self._money = 0.0
        self._filled = self._notional = 0.0

    def state(self, now: int) -> _State:
        """Where it stands at `now`, ns UTC."""
        if self.feed.seen != self._seen:
            self._seen = self.feed.seen
            self._see()
        parent = self.order.parent
        vwap = self._money / self._volume if self._volume > 0 else 0.0
        paper = vwap * self._filled
        whole = trading_length(parent.start, parent.end, parent.pauses)
        elapsed = min(trading_length(parent.start, max(now, parent.start), parent.pauses) / whole, 1.0)
        return _State(parent.quantity, self._filled, elapsed, paper, parent.side * (self._notional - paper) if paper else 0.0)

    def _see(self) -> None:
        """A bar has come."""
        fills = self.order.fills
        self._filled = sum(fill.quantity for fill in fills)
        self._notional = sum(fill.quantity * fill.fill_price for fill in fills)
        lines, time, parent = self.feed.data.lines, self.feed.time, self.order.parent
        known = time.known(lines.datetime[0])
        if parent.start <= known - time.step and known <= parent.end and not in_pause(known - time.step, parent.pauses):
            self._volume += lines.volume[0]
            self._money += lines.volume[0] * _vwap(lines.high[0], lines.low[0], lines.close[0], _vendor(lines))


def _vendor(lines: object) -> float:
    line = getattr(lines, "vwap", None)
    return math.nan if line is None else float(line[0])


def _vwap(high: float, low: float, close: float, vendor: float) -> float:
    """VWAP of one bar, as `Bars.price` has it."""
    return vendor if low <= vendor <= high else min(max((high + low + close) / 3.0, low), high)
