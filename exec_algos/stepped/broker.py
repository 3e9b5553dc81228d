"""`SteppedBroker`: executors for a loop that is not ours; it says what to send and is told what came of it.

One step of the caller's loop, when its bars of an instant are complete::

    broker.see(symbol, start, volume, close)   # the bars, for later volume profiles
    broker.fill(child, shares, price)          # what traded in them, for each child that did
    cancel, send = broker.advance(now)         # executors decide; carry out both, in this order
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from exec_algos.brokers.base import BrokerAPI, OrderType, limit_of, number_of
from exec_algos.brokers.child import ChildOrder
from exec_algos.clock.queue import EventQueue, Rank
from exec_algos.clock.virtual import VirtualClock
from exec_algos.costs import Commission
from exec_algos.errors import UnknownNameError, UsageError, WrongFillError
from exec_algos.exchange.child import ParentState
from exec_algos.market.bars import QUOTES
from exec_algos.market.profile import as_series
from exec_algos.model import NO_RULES, Fill, Observed, ParentOrder, Rules, Session, Side, check_lots
from exec_algos.model.window import Moment, Window
from exec_algos.stepped.bar_log import BarLog
from exec_algos.stepped.hours import CalendarHours
from exec_algos.stepped.venue import Instructions, Outbox, SteppedChild, Venue

if TYPE_CHECKING:
    from datetime import timedelta

    import pandas as pd

    from exec_algos.algorithms.base import Algorithm
    from exec_algos.checks import Floats
    from exec_algos.executors.working import WorkingOrder
    from exec_algos.market.bars import Bars

FREE = Commission()
BEFORE_STRATEGIES, AFTER_STRATEGIES = int(Rank.EXPIRY), int(Rank.WAKE)


class SteppedBroker(BrokerAPI):
    """A broker whose venue, bars and time are the caller's.

    Parameters
    ----------
    hours : str or callable
        Calendar (``"XNYS"``), or what gives the session open at an instant (ns UTC) or the next: `CalendarHours`, `DailyHours`.
    step : int
        Length of a bar, ns: decisions come no closer.
    history : Bars, optional
        Earlier bars, for volume profiles.
    venue : Venue, optional
        Where child orders go. Without one `advance` hands them out.
    clock : VirtualClock, optional
        To share one time between several of these.
    numbers : iterator of int, optional
        To share one numbering of parent orders.
    latency : int
        Between a decision and its arrival at the venue, ns; cancels take as long.
    quote_proxy : {"close"}, optional
        What stands in for quotes, of which such a loop has none: `exec_algos.market.depth.with_quote_proxy`.

    Attributes
    ----------
    refused : list of SteppedChild
        Children that the venue could not cancel yet; it is asked again at the next step.
    """

    own_prints_on_tape = False

    def __init__(  # noqa: PLR0913 - what the caller's loop is made of, most of it by default
        self,
        hours: str | Callable[[int], Session],
        step: int,
        *,
        history: Bars | None = None,
        venue: Venue | None = None,
        clock: VirtualClock | None = None,
        numbers: Iterator[int] | None = None,
        latency: int = 0,
        quote_proxy: str | None = None,
    ) -> None:
        if step <= 0:
            raise UsageError(f"step is the length of a bar in ns, > 0, got {step!r}")
        self._hours = CalendarHours(hours) if isinstance(hours, str) else hours
        self._step, self._latency = step, latency
        self._outbox = Outbox()
        self.venue: Venue = venue or self._outbox
        self._clock = clock or VirtualClock(EventQueue(0))
        self._numbers = numbers if numbers is not None else itertools.count()
        self._states: dict[int, ParentState] = {}
        self._open: dict[int, SteppedChild] = {}
        self._sent = itertools.count()
        self._seen, self._newest = BarLog(self._hours, step, quote_proxy), 0
        self._said_by: str = getattr(venue, "said_by", f"{type(self).__name__}.fill")
        self.refused: list[SteppedChild] = []
        if history is not None:
            self._seen.remember(history)

    @property
    def clock(self) -> VirtualClock:
        """The time of the caller's loop."""
        return self._clock

    @property
    def resolution(self) -> int:  # type: ignore[override]
        """One bar, ns."""
        return self._step

    @property
    def children(self) -> list[SteppedChild]:
        """Children that are open, in the order in which they were released."""
        return list(self._open.values())

    def session(self, instant: int) -> Session:
        """The session that is open at `instant` (ns UTC), or the next.

        Raises
        ------
        UsageError
            The broker has not been told the time yet.
        """
        if instant <= 0:
            raise UsageError("the broker does not know the time yet; call settle(now) or advance(now) before orders are given")
        return self._hours(instant)

    def see(self, symbol: str, start: int, volume: float, close: float = math.nan) -> None:
        """Take in a completed bar: its start (ns UTC), its volume (shares), its last price (for the depth)."""
        self._seen.add(symbol, start, volume, close)

    def fill(
        self, child: SteppedChild, quantity: float, price: float, time: int | None = None, commission: float = 0.0, taxes: float = math.nan
    ) -> None:  # fmt: skip
        """A child traded.

        Parameters
        ----------
        child : SteppedChild
        quantity : int or float
            Shares, > 0.
        price : float
            Currency per share.
        time : int, optional
            ns UTC; the end of the symbol's last bar if absent.
        commission, taxes : float
            Currency; what of the commission is tax.

        Raises
        ------
        UsageError
            A child that is over.
        WrongFillError
            A trade that this child cannot have had: see `exec_algos.brokers.reported.Reported`. Its order stops at the next step.
        """
        if child.over:
            raise UsageError(
                f"child {child.number} in {child.symbol} is over, so it cannot trade {quantity:g} more; tell trades before the step "
                "that cancels their child, or give a venue whose `withdraw` answers False until the cancel is confirmed"
            )
        stamp = self._last_end(child.symbol) if time is None else time
        fill = child.trade(stamp, quantity, price, commission, taxes)
        child.fault = child.doubt(fill, self._said_by)
        if child.fault is not None:
            self._over(child)
            raise child.fault
        self._newest = max(self._newest, stamp)
        child.book(fill)
        if child.complete:
            self._over(child)

    def _last_end(self, symbol: str) -> int:
        start = self._seen.start(symbol)
        return self._clock.now if start is None else start + self._step

    def end(self, child: SteppedChild, reason: str = "") -> None:
        """A child is over at the venue: expired, cancelled, or refused with a `reason`; one that is over already stays as it is."""
        if not child.over:
            child.reason = reason
            child.parent_state.working -= max(child.lots - child.filled, 0)
            self._over(child)

    def _over(self, child: SteppedChild) -> None:
        child.over = True
        self._open.pop(child.number, None)
        resume, child.resume = child.resume, None
        if resume is not None:
            self._clock.queue.put(self._clock.now, child.resume_rank, resume, None)

    def settle(self, now: int) -> None:
        """First half of `advance`: time is `now` (ns UTC), fills have been told, children that are due are cancelled.

        Raises
        ------
        WrongFillError
            A fill was told for a time after `now`.
        """
        if self._newest > now:
            raise WrongFillError(f"{self._said_by} was told a trade at {self._newest} ns UTC, but it is {now} ns UTC: give instants in UTC")
        self._clock.queue.catch_up(now, BEFORE_STRATEGIES)
        if self.refused:
            self.ask_again()

    def ask_again(self) -> None:
        """Ask again for the children that the venue could not cancel before; `settle` does it."""
        now, waiting = self._clock.now, self.refused
        self.refused = [child for child in waiting if child.refused == now]
        for child in waiting:
            if child.refused < now:
                self._ask_back(child)

    def decide(self) -> Instructions:
        """Second half of `advance`: executors that are due decide; returns what to carry out."""
        queue = self._clock.queue
        queue.catch_up(queue.now, AFTER_STRATEGIES)
        return self._outbox.fetch()

    def advance(self, now: int) -> Instructions:
        """Time is `now`: children that are due are cancelled, executors that are due decide.

        Parameters
        ----------
        now : int
            ns UTC, not before the last.

        Returns
        -------
        Instructions
            What to cancel and what to send, since the last call. Where there is a venue it has got it all, and this is empty.
        """
        self.settle(now)
        return self.decide()

    def execute(  # noqa: PLR0913 - an order's terms
        self,
        symbol: str,
        quantity: float,
        algorithm: Algorithm,
        *,
        side: Side | str = Side.BUY,
        start: Moment | None = None,
        until: Moment | timedelta | None = None,
        lot_size: float = 1,
        max_participation: float | None = None,
        rules: Rules = NO_RULES,
        on_over: Callable[[WorkingOrder], None] | None = None,
    ) -> WorkingOrder:
        """Begin to work an order.

        Parameters
        ----------
        symbol : str
        quantity : int or float
            Shares, a multiple of `lot_size`.
        algorithm : Algorithm
            ``TWAP()``, ``VWAP(profile_days=5)`` ...
        side : Side or str
        start : datetime, str or int, optional
            Now if absent; ``"HH:MM"`` is a time of the current session, a naive time exchange time, an int ns UTC.
        until : datetime, timedelta, str or int, optional
            The same, or how long; the session's close if absent.
        lot_size : int or float
            Shares in a lot.
        max_participation : float, optional
            Our largest fraction of a bar's volume, for the venue to keep: ``child.parent_state.parent.max_participation``,
            unless ``child.capped`` is False.
        rules : Rules
            Limit price, sizes of children, what becomes of what is left.
        on_over : callable, optional
            Called with the order when it is over.

        Raises
        ------
        UsageError
            A quantity or window that cannot be worked, or history that is missing.
        """
        from exec_algos.executors.base import AlgorithmExecutor

        executor = AlgorithmExecutor(self)
        order = executor.order(symbol, quantity, side=side, lot_size=lot_size, max_participation=max_participation, rules=rules)
        return executor.start(algorithm, order, Window.until(start, until), on_over)

    def open_parent(self, parent: ParentOrder) -> ParentOrder:
        """Number a parent order and keep its state."""
        numbered = replace(parent, parent_id=next(self._numbers))
        zone = self.session(parent.start).zone
        self._states[numbered.parent_id] = ParentState(numbered, self._clock.origin, numbered.lots, math.nan, zone, int(numbered.side))
        return numbered

    adopt_parent = open_parent  # nothing of an earlier run is left here

    def amend_parent(self, parent: ParentOrder) -> ParentOrder:
        """Take note that a parent order asks for something else now."""
        state = self._states[parent.parent_id]
        state.parent, state.ordered = parent, parent.lots
        return parent

    def send_order(self, parent: ParentOrder, lots: int, limit: float, expires: int, *, capped: bool = True) -> SteppedChild:  # type: ignore[override]  # no ref: children have numbers here
        """Release a child order; its venue looks at ``child.capped``."""
        state, now = self._states[parent.parent_id], self._clock.now
        latency, begin, end = self._latency, state.parent.start, state.parent.deadline
        deadline = max(min(expires + latency, end), now)
        active = (now if now > begin else begin) + latency
        child = SteppedChild(self._clock, next(self._sent), state, lots, limit, FREE, active, deadline)
        child.capped = capped
        state.working += lots
        state.children += 1
        self._open[child.number] = child
        self._clock.queue.put(self._known(parent.symbol, deadline), Rank.EXPIRY, self._ask_back, child)
        self.venue.send(child)
        return child

    def _known(self, symbol: str, deadline: int) -> int:
        """When the bar in which a deadline falls is complete: what a child got in it is known only then."""
        start = self._seen.start(symbol)
        return deadline if start is None else deadline + (start - deadline) % self._step

    def _ask_back(self, child: SteppedChild) -> None:
        if child.over:
            return
        if self.venue.withdraw(child):
            self.end(child)
        else:
            child.refused = self._clock.now
            self.refused.append(child)

    def withdraw(self, child: ChildOrder) -> None:
        """Cancel what is open of a child; where the venue cannot do it yet it is asked again at the next step."""
        if not isinstance(child, SteppedChild):
            super().withdraw(child)
        elif self._latency:
            self._clock.queue.put(self._known(child.symbol, self._clock.now + self._latency), Rank.EXPIRY, self._ask_back, child)
        else:
            self._ask_back(child)

    async def place_order(  # noqa: PLR0913 - the published signature
        self,
        ticker: str,
        quantity: float,
        order_type: OrderType = "MKT",
        limit_price: float | None = None,
        *,
        side: Side | str = Side.BUY,
        expires: int | None = None,
        parent: ParentOrder | None = None,
    ) -> Fill:
        """Send a child order and wait until it is over; see `BrokerAPI.place_order`."""
        limit = limit_of(order_type, limit_price)
        session = self.session(self._clock.now)
        ends = session.close if expires is None else expires
        if parent is None:
            start, end = max(self._clock.now, session.open), min(ends + self._latency, max(ends, session.close))
            order = ParentOrder(
                symbol=ticker, side=Side.of(side), quantity=quantity, start=start, end=end, interval=end - start, algorithm="direct"
            )
            parent = self.open_parent(order)
        child = self.send_order(parent, check_lots(quantity, parent.lot_size), math.nan if limit is None else limit, ends)
        await child
        return child.result()

    async def cancel_order(self, order_id: int | str) -> bool:
        """Cancel an open child by its number; False if it is over. Raises UsageError where it is no number."""
        child = self._open.get(number_of(order_id))
        if child is not None:
            self.withdraw(child)
        return child is not None

    async def get_historical_volume_profile(self, ticker: str, days: int = 5) -> pd.Series[float]:
        """See `BrokerAPI.get_historical_volume_profile`: from the bars that were seen."""
        session = self.session(self._clock.now)
        return as_series(self._seen.volumes(ticker).profile(session, days), session, self._step, session.zone)

    async def get_volume_history(self, ticker: str, days: int, step: int) -> list[Floats]:
        """See `BrokerAPI.get_volume_history`: from the bars that were seen, whatever `step` says."""
        return self._seen.volumes(ticker).before(self.session(self._clock.now), days)

    async def get_volumes_today(self, ticker: str, step: int) -> Floats:
        """See `BrokerAPI.get_volumes_today`: from the bars that were seen, whatever `step` says."""
        return self._seen.volumes(ticker).until(self.session(self._clock.now), self._clock.now)

    def check_quotes(self, ticker: str, columns: Collection[str], reader: str) -> None:
        """See `BrokerAPI.check_quotes`."""
        self._seen.check_quotes(ticker, columns, reader)

    async def observe(self, ticker: str) -> Observed:
        """What the bars that were seen say: traded since the first of them, the last close, and the quotes of the proxy, else NaN."""
        return self._seen.observed(ticker)

    async def get_market_depth(self, ticker: str) -> Mapping[str, float]:
        """The quotes of the proxy, for a loop has no book; UsageError without one, UnknownNameError before the first bar."""
        self._seen.check_quotes(ticker, QUOTES, "get_market_depth")
        if ticker not in self._seen:
            raise UnknownNameError("symbol", ticker, self._seen.symbols)
        seen = self._seen.observed(ticker)
        return {"bid": seen.bid, "ask": seen.ask, "bid_volume": seen.bid_size, "ask_volume": seen.ask_size}
