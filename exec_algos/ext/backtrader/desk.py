"""The desk of one strategy: its clock, a broker for each feed, and the parent orders that are worked."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import backtrader as bt

from exec_algos.algorithms.base import Algorithm
from exec_algos.clock.queue import EventQueue, Rank
from exec_algos.clock.virtual import VirtualClock
from exec_algos.costs.grid import EVERY_TICK, on_tick
from exec_algos.errors import RunError, UnknownNameError, UsageError
from exec_algos.executors.working import WorkingOrder
from exec_algos.ext.backtrader.charging import multiplier_of
from exec_algos.ext.backtrader.settings import name_of, settings_of
from exec_algos.ext.backtrader.stamps import FeedTime
from exec_algos.model import NO_RULES, Residual, Side
from exec_algos.model.clock_time import clock_time
from exec_algos.model.window import shown
from exec_algos.stepped.broker import SteppedBroker
from exec_algos.stepped.venue import SteppedChild

REFUSED = (bt.Order.Margin, bt.Order.Rejected)
BEFORE, AFTER = int(Rank.EXPIRY), int(Rank.WAKE)
ENDED = (bt.Order.Canceled, bt.Order.Expired)


class Feed:
    """One feed of a strategy: its bars go to a broker of ours, whose child orders go to backtrader's.

    Parameters
    ----------
    strategy : backtrader strategy
    data : backtrader data feed
    desk : Desk
    """

    def __init__(self, strategy: Any, data: Any, name: str, desk: Desk) -> None:
        self.strategy, self.data, self.name = strategy, data, name
        self.time = FeedTime(data, name, settings_of(strategy.cerebro))
        model = getattr(strategy.broker, "model", None)
        self._ticks = EVERY_TICK if model is None else model.tick_terms()
        self.said_by = f"backtrader's {type(strategy.broker).__name__}"
        self.early = 0 if model is None or not model.rule.at_start else self.time.step
        self.broker = SteppedBroker(
            self.time.hours,
            self.time.step,
            venue=self,
            clock=desk.clock,
            numbers=desk.numbers,
            latency=0 if model is None else model.latency_ns,
            quote_proxy=settings_of(strategy.cerebro).quote_proxy,
        )
        self._children, self._owners = desk.children, desk.owners
        self.stamps, self._volume, self._close = data.lines.datetime, data.lines.volume, data.lines.close
        self.seen = 0

    @property
    def multiplier(self) -> float:
        """Currency for each unit of price of one share or contract, as backtrader's broker has it."""
        return multiplier_of(self.strategy.broker.getcommissioninfo(self.data))

    def take(self) -> int:
        """Take in the bar that has come; returns when it is known, ns UTC."""
        stamps, time = self.stamps, self.time
        self.seen = stamps.lencount
        known = time.came(stamps[0])
        self.broker.see(self.name, known - time.step, self._volume[0], self._close[0])
        return known

    def send(self, child: SteppedChild) -> None:
        """Give a child order to backtrader's broker."""
        strategy, parent = self.strategy, child.parent_state.parent
        limited, limit = not math.isnan(child.limit), on_tick(self._ticks, child.limit, parent.side < 0)
        place = strategy.broker.buy if parent.side > 0 else strategy.broker.sell
        child.order = order = place(
            strategy, self.data, size=child.lots * parent.lot_size, price=limit if limited else None,
            exectype=bt.Order.Limit if limited else bt.Order.Market,
        )  # fmt: skip
        self._children[order.ref] = self, child
        self._owners[order.ref] = parent.parent_id

    def withdraw(self, child: SteppedChild) -> bool:
        """Cancel a child order; backtrader's broker cannot cancel one that it has not looked at yet, a live one answers later."""
        broker = self.strategy.broker
        if isinstance(broker, bt.brokers.BackBroker):
            return bool(child.order.alive() and broker.cancel(child.order))
        if not child.asked_back:
            child.asked_back = True
            broker.cancel(child.order)
        return False

    def notified(self, child: SteppedChild, order: Any) -> None:
        """Take in what backtrader says of a child order."""
        for bit in order.executed.iterpending():
            taxes = getattr(bit, "taxes", math.nan)  # an ExecutionBroker tells them, backtrader's own broker does not
            self.broker.fill(child, abs(bit.size), bit.price, self.time.known(bit.dt) - self.early, bit.comm, taxes=taxes)
        if order.status in REFUSED:
            self.broker.end(child, f"backtrader refused {child.quantity:g} of {self.name}: {order.getstatusname()}")
        elif order.status in ENDED:
            self.broker.end(child)


class Desk:
    """What executors need inside one backtrader strategy.

    Parameters
    ----------
    strategy : backtrader strategy
    tell : callable
        Called with each parent order of which something traded, and with each that is over.

    Attributes
    ----------
    orders : dict of int to WorkingOrder
        All parent orders by their number, in the order in which they came.
    children : dict of int to (Feed, SteppedChild)
        The child orders that are open, by the ``ref`` of backtrader's order.
    owners : dict of int to int
        The number of the parent order by the ``ref`` of each child's order.
    feed_of : dict of int to Feed
        Where each parent order is worked, by its number.
    fills_ours : bool
        Our fill model fills the children.
    """

    def __init__(self, strategy: Any, tell: Callable[[WorkingOrder], None] | None) -> None:
        self.strategy, self._tell = strategy, tell
        self.clock = VirtualClock(EventQueue(0))
        self.numbers = itertools.count()
        self.orders: dict[int, WorkingOrder] = {}
        self.feed_of: dict[int, Feed] = {}
        self.children: dict[int, tuple[Feed, SteppedChild]] = {}
        self.owners: dict[int, int] = {}
        self.fills_ours = hasattr(strategy.broker, "model")
        self._touched: dict[int, None] = {}
        self._ended: list[WorkingOrder] = []
        self._unfit: dict[int, UsageError] = {}
        self._feeds: dict[int, Feed] = {}
        for i, data in enumerate(strategy.datas):
            try:
                self._feeds[id(data)] = Feed(strategy, data, name_of(data, i), self)
            except UsageError as error:
                self._unfit[id(data)] = error
        self._list = list(self._feeds.values())

    @property
    def feeds(self) -> list[Feed]:
        """The feeds that orders can be worked on."""
        return self._list

    def feed(self, data: Any) -> Feed:
        """A feed of the strategy: itself, its name, or None for the first.

        Raises
        ------
        UsageError
            It is no feed of this strategy, or has bars that execution cannot use.
        """
        if data is None:
            data = self.strategy.data
        elif isinstance(data, str):
            named = self.strategy.env.datasbyname
            if data not in named:
                raise UnknownNameError("feed", data, named)
            data = named[data]
        if id(data) in self._unfit:
            raise self._unfit[id(data)]
        if id(data) not in self._feeds:
            raise UsageError(f"{data!r} is no feed of this strategy; give one of self.datas or its name")
        return self._feeds[id(data)]

    def start(self, data: Any, size: float, algorithm: Algorithm, **terms: Any) -> WorkingOrder:
        """Begin to work a parent order; `size` < 0 sells.

        Raises
        ------
        UsageError
            Terms that cannot be worked.
        """
        feed = self.feed(data)
        self.bars_came()
        if not feed.seen:
            raise UsageError(f"feed {feed.name} has no bar yet; execute from prenext() or next() on, once it has")
        if not size:
            raise UsageError("size is the number of shares to buy, or negative to sell; got 0")
        if not isinstance(algorithm, Algorithm):
            raise UsageError(f"an algorithm is a value such as VWAP(profile_days=5), got {algorithm!r}")
        if terms.get("max_participation") is not None and not self.fills_ours:
            raise UsageError(
                "backtrader's own broker keeps no participation cap; use plug_in(cerebro, fills='exec_algos'), "
                "or give its broker a filler such as bt.broker.fillers.FixedBarPerc(perc=10)"
            )
        goes_on = terms.get("rules", NO_RULES).residual in (Residual.EXTEND, Residual.CLOSE_AUCTION)
        if feed.time.unbounded and (goes_on or terms.get("until") is None):
            instead = "residual='cancel' or 'force'" if goes_on else "until="
            raise UsageError(
                f"nobody said when the session of {feed.name} ends: give {instead}, sessionend= with its feed, or calendar= to plug_in"
            )
        if feed.time.unbounded and _turned_round(terms.get("start"), terms.get("until")):
            raise UsageError(
                f"the window ends at {terms['until']}, before it starts at {terms['start']}, and nobody said when the session of "
                f"{feed.name} ends: give a date with until=, or calendar= to plug_in"
            )
        feed.time.order()
        side = Side.BUY if size > 0 else Side.SELL
        begun = feed.broker.execute(feed.name, abs(size), algorithm, side=side, on_over=self._ended.append, **terms)
        self.orders[begun.parent.parent_id] = begun
        self.feed_of[begun.parent.parent_id] = feed
        return begun

    def play(self, instant: int) -> None:
        """Let executors decide what was due before `instant` (ns UTC), each at its own time."""
        self.clock.queue.play(instant)

    def bars_came(self) -> None:
        """Take in the bars that have come, and cancel the children that are due."""
        now = self.clock.now
        for feed in self._list:
            if feed.stamps.lencount != feed.seen:
                known = feed.take()
                now = known if known > now else now
        self.clock.queue.catch_up(now, BEFORE)
        for feed in self._list:
            if feed.broker.refused:
                feed.broker.ask_again()

    def notified(self, order: Any) -> None:
        """Take in what backtrader says of one of its orders."""
        found = self.children.get(order.ref)
        if found is not None:
            feed, child = found
            before = len(child.fills)
            feed.notified(child, order)
            if order.status > bt.Order.Partial:
                del self.children[order.ref]
            if len(child.fills) > before:
                self._touched[child.parent_state.parent.parent_id] = None

    def decide(self) -> None:
        """Let executors that are due decide."""
        queue = self.clock.queue
        queue.catch_up(queue.now, AFTER)
        self._check()

    def _check(self) -> None:
        for order in self._ended:
            if order.error is not None:
                parent = order.parent
                when = shown(self.clock.now, self.feed(parent.symbol).broker.session(self.clock.now).zone)
                raise RunError(f"{parent.algorithm} failed on {parent.symbol} at {when}: {order.error}") from order.error

    def report(self) -> None:
        """Tell the strategy of parent orders that traded or are over."""
        touched, self._touched = self._touched, {}
        touched.update((order.parent.parent_id, None) for order in self._ended)
        self._ended.clear()
        if self._tell is not None:
            for number in touched:
                self._tell(self.orders[number])

    def close(self) -> None:
        """The run is over: what is still worked ends here, with its residual; a child that is open can trade no more."""
        for feed in self._list:
            feed.time.end()
        for feed, child in list(self.children.values()):
            feed.withdraw(child)
            feed.broker.end(child)
        for order in list(self.orders.values()):
            order.stop("the run ended before the order did")
        self.report()


def _turned_round(start: Any, until: Any) -> bool:
    """Whether both are clock times and the second is not the later one: over midnight, or a mistake."""
    clocks = [clock_time(moment) if isinstance(moment, str) else None for moment in (start, until)]
    return clocks[0] is not None and clocks[1] is not None and clocks[1] <= clocks[0]
