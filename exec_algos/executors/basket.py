"""`BasketExecutor`: several parent orders worked together under one limit of cash or of value traded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from exec_algos.algorithms.base import Algorithm
from exec_algos.brokers.base import BrokerAPI
from exec_algos.clock import CancelledError
from exec_algos.clock.virtual import WAKE, Resume, VirtualClock, Waitable
from exec_algos.errors import UsageError
from exec_algos.executors.base import AlgorithmExecutor, OrderExecutor, OrderTerms
from exec_algos.executors.progress import SETTLE
from exec_algos.executors.shared_limit import NO_LIMIT, HeldBack, LimitedBroker, SharedLimit, Used
from exec_algos.executors.working import WorkingOrder
from exec_algos.model import SECOND, ExecutionSummary, Fill, ParentOrder
from exec_algos.model.window import Moment, Window

__all__ = ["BasketExecutor", "HeldBack", "SharedLimit", "Used"]


class _Line(NamedTuple):
    """One parent order of a basket as it was asked for; its window is resolved."""

    terms: OrderTerms
    algorithm: Algorithm
    window: Window


class _AllOver(Waitable):
    """Wait until every order is over."""

    def __init__(self, clock: VirtualClock, orders: Sequence[WorkingOrder]) -> None:
        super().__init__(clock)
        self._orders = orders
        self._resume: Resume | None = None

    def ready(self) -> bool:
        """All are over."""
        return all(order.over for order in self._orders)

    def park(self, resume: Resume, rank: int) -> None:
        """Resume when the last one has ended."""
        self._resume = resume

    def look(self) -> None:
        """One has ended."""
        if self._resume is not None and self.ready():
            resume, self._resume = self._resume, None
            self.clock.queue.put(self.clock.queue.now, WAKE, resume, None)


class _Run:
    """A basket while it is worked, and what became of it."""

    def __init__(self, broker: LimitedBroker, lines: Sequence[_Line], max_failures: int) -> None:
        self.broker, self.lines = broker, lines
        self.executors = [AlgorithmExecutor(broker, max_failures=max_failures) for _ in lines]
        self.orders: list[WorkingOrder] = []
        self.refused: dict[int, Exception] = {}
        self._places: list[int] = []
        clock = broker.clock
        self._end = _AllOver(clock, self.orders) if isinstance(clock, VirtualClock) else None

    def begin(self) -> None:
        """Start every parent order, in the order of the basket; what cannot begin is told when the others are over."""
        for place, (line, executor) in enumerate(zip(self.lines, self.executors, strict=True)):
            try:
                self.orders.append(executor.start(line.algorithm, line.terms, line.window, self._ended))
                self._places.append(place)
            except Exception as error:
                self.refused[place] = error

    def _ended(self, _: WorkingOrder) -> None:
        if self._end is not None:
            self._end.look()

    async def over(self) -> None:
        """Wait until all orders are over; who is stopped meanwhile takes the orders along, and their open children back."""
        try:
            if self._end is not None:
                await self._end
            while not all(order.over for order in self.orders):
                await self.broker.clock.sleep_until(self.broker.clock.now + SECOND)
        except GeneratorExit:  # closed: nothing can be awaited any more
            self._cancel()
            raise
        except CancelledError:
            self._cancel()
            await self._wind_up()
            raise

    def _cancel(self) -> None:
        for order in self.orders:
            order.cancel()

    async def _wind_up(self) -> None:
        """Wait up to half a minute for what the open children got; what nobody knows then is named in the orders' errors."""
        clock = self.broker.clock
        until = clock.now + SETTLE
        try:
            while clock.now < until and not all(order.over for order in self.orders):
                await clock.sleep_until(clock.now + SECOND)
        finally:
            for order in self.orders:
                order.stop("the basket was stopped")

    def fills(self) -> list[Fill]:
        """Trades of all in time order, at one instant in the order of the basket."""
        return sorted((fill for order in self.orders for fill in order.fills), key=lambda fill: fill.time)

    def summaries(self) -> list[ExecutionSummary]:
        """Of each parent order; a child that was held back whole is none that was released."""
        found = [executor.get_execution_summary() for executor in self.executors]
        for place, summary in enumerate(found):
            summary["num_slices"] = self.broker.released(place)
        return found

    def conclude(self) -> None:
        """Raise what an order was ended by: the first of the basket, with a note on each."""
        errors = self.refused | {place: order.error for place, order in zip(self._places, self.orders, strict=True) if order.error}
        if not errors:
            return
        first = errors[min(errors)]
        for place, error in sorted(errors.items()):
            terms = self.lines[place].terms
            first.add_note(f"parent order {place} of the basket ({terms.side.name} {terms.quantity:g} {terms.symbol}): {error}")
        first.add_note(f"others that were worked: {len(self.lines) - len(errors)}; see get_execution_summaries()")
        raise first


class BasketExecutor:
    """Works several parent orders together, under one limit of cash or of value traded.

    Each parent order is worked by its own algorithm with its own rules, as by an executor of its own; their children come in time
    order. A child that would break the limit is cut to the whole lots that fit. What was cut is not lost: it stays to be done,
    comes back with the next decision after the child is over, and is residual if there is none.

    Where the limit does not suffice for all children of one instant, the parent order that stands first in the basket is served
    first. So the result does not depend on the order in which symbols were registered, nor on who decides more often. Against a wall
    clock there are no instants, and who comes first is served first.

    Parameters
    ----------
    broker : BrokerAPI
        With a limit it needs `observe`: a child counts at the last price, and is held back until one is known.
    limit : SharedLimit
        ``SharedLimit(cash=..., notional=...)``; its notes say how exactly it is kept. Each `execute` begins with all of it.
    max_failures : int
        As in `OrderExecutor`, for each parent order.

    Raises
    ------
    UsageError
        `max_failures` below 1.

    Examples
    --------
    >>> import asyncio
    >>> from exec_algos import TWAP, SimulatedBroker
    >>> basket = BasketExecutor(SimulatedBroker(), SharedLimit(cash=0, cushion=0.05))
    >>> parents = [basket.order("AAPL", 600, side="BUY"), basket.order("MSFT", 600, side="SELL")]
    >>> fills = asyncio.run(basket.execute(parents, TWAP(), end="10:00"))
    >>> basket.used.cash <= 0
    True
    """

    order = staticmethod(OrderExecutor.order)

    def __init__(self, broker: BrokerAPI, limit: SharedLimit = NO_LIMIT, *, max_failures: int = 3) -> None:
        if max_failures < 1:
            raise UsageError(f"max_failures must be at least 1, got {max_failures}")
        if not isinstance(limit, SharedLimit):
            raise UsageError(f"limit must be a limit such as SharedLimit(cash=1e6), got {limit!r}")
        self.broker, self.limit, self.max_failures = broker, limit, max_failures
        self._last: _Run | None = None

    async def execute(
        self,
        parents: Sequence[OrderTerms | ParentOrder],
        algorithm: Algorithm | Sequence[Algorithm],
        *,
        start: Moment | None = None,
        end: Moment | None = None,
    ) -> list[Fill]:
        """Work a basket to its end.

        Parameters
        ----------
        parents : sequence of OrderTerms or ParentOrder
            Buys and sells, several of one symbol too. Terms come from `order`. A `ParentOrder` brings its own window; when it is
            decided says its algorithm.
        algorithm : Algorithm or sequence of Algorithm
            One for all, or one for each.
        start, end : datetime, pandas.Timestamp, str or int, optional
            The window of those that are given as terms; now and the session's close if absent.

        Returns
        -------
        list of Fill
            Of all parent orders in time order, at one instant in the order of the basket.

        Raises
        ------
        UsageError
            An empty basket, another number of algorithms, or a window or rule that cannot be worked: nothing was sent. What ends one
            parent order later is raised when the others are over, with a note for each; children that fail at the venue stand in
            the summaries.
        """
        lines = self._lines(parents, algorithm, Window(start=start, end=end))
        run = self._last = _Run(LimitedBroker(self.broker, self.limit), lines, self.max_failures)
        run.begin()
        await run.over()
        run.conclude()
        return run.fills()

    def _lines(
        self, parents: Sequence[OrderTerms | ParentOrder], algorithm: Algorithm | Sequence[Algorithm], window: Window
    ) -> list[_Line]:
        if not parents:
            raise UsageError("the basket is empty: give at least one parent order, such as basket.order('AAPL', 100, side='BUY')")
        algorithms = [algorithm] * len(parents) if isinstance(algorithm, Algorithm) else list(algorithm)
        if len(algorithms) != len(parents):
            raise UsageError(f"{len(parents)} parent orders need one algorithm, or one each, got {len(algorithms)}")
        return [self._line(parent, own, window) for parent, own in zip(parents, algorithms, strict=True)]

    def _line(self, parent: OrderTerms | ParentOrder, algorithm: Algorithm, window: Window) -> _Line:
        """A parent order whose window and rules were looked at."""
        asked_for = {name: getattr(parent, name) for name in OrderTerms._fields}
        terms = self.order(asked_for.pop("symbol"), asked_for.pop("quantity"), **asked_for)
        algorithm.check_order(terms.rules, terms.lot_size)
        asked = Window(start=parent.start, end=parent.end) if isinstance(parent, ParentOrder) else window
        start, end = asked.resolve(self.broker.clock.now, self.broker.session, self.broker.resolution)
        return _Line(terms, algorithm, Window(start=start, end=end))

    def _run(self) -> _Run:
        if self._last is None:
            raise UsageError("this basket has worked no order yet; await execute(...) first")
        return self._last

    @property
    def orders(self) -> tuple[WorkingOrder, ...]:
        """The parent orders that were begun, in the order given: while they are worked each can be amended, paused and cancelled."""
        return tuple(self._run().orders)

    @property
    def used(self) -> Used:
        """What was taken of the limit by now; without one, what traded."""
        return self._run().broker.used

    @property
    def held_back(self) -> list[HeldBack]:
        """Every child that the limit cut, in time order."""
        return self._run().broker.held_back

    def get_execution_summaries(self) -> list[ExecutionSummary]:
        """What became of each parent order of the last `execute`, in the order given; errors stand in its own."""
        return self._run().summaries()
