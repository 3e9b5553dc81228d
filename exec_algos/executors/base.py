"""`OrderExecutor`: carries an algorithm's decisions to a broker, one child order a slice."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Unpack

from exec_algos.algorithms import parse_algorithm
from exec_algos.algorithms.base import Algorithm
from exec_algos.brokers.base import BrokerAPI
from exec_algos.brokers.child import ChildOrder
from exec_algos.brokers.forwarding import innermost
from exec_algos.brokers.reported import Reported
from exec_algos.clock import CancelledError
from exec_algos.errors import UsageError
from exec_algos.executors.options import OrderOptions
from exec_algos.executors.progress import Progress, continues_until
from exec_algos.executors.run import OrderRun
from exec_algos.executors.working import WorkingOrder
from exec_algos.model import (
    NO_RULES,
    ExecutionSummary,
    Fill,
    ParentOrder,
    Rules,
    Side,
    check_lots,
    check_participation,
)  # fmt: skip
from exec_algos.model.window import Moment, Window, pauses_between

__all__ = ["Moment", "OrderExecutor", "OrderTerms", "Window"]


class OrderTerms(NamedTuple):
    """What is to be worked, before the window is known."""

    symbol: str
    quantity: float
    side: Side
    lot_size: float
    max_participation: float | None
    rules: Rules
    ref: str = ""


class OrderExecutor(ABC):
    """Works parent orders against a broker.

    Parameters
    ----------
    broker : BrokerAPI
        Owns the time: an executor waits only on ``broker.clock``.
    max_failures : int
        Children of unknown outcome (refused ones in replay) one after the other that end the order; what was filled is kept.

    Notes
    -----
    Write your own by overriding `execute`: await nothing but `broker` and ``broker.clock``, and the
    same text runs in a backtest and live.
    """

    def __init__(self, broker: BrokerAPI, *, max_failures: int = 3) -> None:
        if max_failures < 1:
            raise UsageError(f"max_failures must be at least 1, got {max_failures}")
        self.broker = broker
        self.max_failures = max_failures
        self._last: Progress | None = None

    @abstractmethod
    async def execute(self, ticker: str, total_quantity: float, /, *args: Any, **kwargs: Any) -> list[Fill]:
        """Work an order; returns its fills in time order."""

    def get_execution_summary(self) -> ExecutionSummary:
        """What became of the order that was worked last by `work`.

        An executor that overrides `execute` with calls of ``broker.place_order`` has none: its children stand
        in a backtest's ``result.parents`` as orders of their own.

        Raises
        ------
        UsageError
            Nothing was worked yet.
        """
        if self._last is None:
            raise UsageError(f"{type(self).__name__} has worked no order yet; await execute(...) first")
        return self._last.summary()

    @staticmethod
    def order(  # noqa: PLR0913 - the terms of an order, most of them by default
        symbol: str,
        quantity: float,
        *,
        side: Side | str,
        lot_size: float = 1,
        max_participation: float | None = None,
        rules: Rules = NO_RULES,
        ref: str = "",
    ) -> OrderTerms:
        """Checked terms of an order.

        Raises
        ------
        UsageError
            A quantity that is no multiple of the lot, or a cap outside (0, 1].
        """
        if not isinstance(rules, Rules):
            raise UsageError(f"rules must be such as Rules(limit_price=20.0), got {rules!r}")
        check_lots(quantity, lot_size)
        check_participation(max_participation)
        rules.bounds(lot_size)
        return OrderTerms(symbol, quantity, Side.of(side), lot_size, max_participation, rules, ref)

    async def work(self, algorithm: Algorithm, order: OrderTerms, window: Window) -> list[Fill]:
        """Carry out `algorithm`: at ``t_k = start + k d`` decide, send the child, and count what came back.

        Parameters
        ----------
        algorithm : Algorithm
        order : OrderTerms
        window : Window

        Returns
        -------
        list of Fill
            In time order; what could not be filled is the summary's residual.

        Raises
        ------
        WrongFillError
            The broker said of a child what cannot be.

        Notes
        -----
        Whatever ends it before its time, a cancelled task too: no more children are sent, those that are open are asked back, and up
        to half a minute is waited for what became of them. What is known to have traded stands in the summary, what is not in its
        ``unknown`` and its errors; a report that comes later counts in a later summary.
        """
        progress = self._open(algorithm, order, window)
        self._last = progress
        run = OrderRun(self.broker, progress, self.max_failures)
        try:
            await run.carry()
        except (Exception, CancelledError):
            await run.stop()
            raise
        except GeneratorExit:  # closed: nothing can be awaited any more
            run.recall()
            progress.give_up()
            raise
        finally:
            self._last = progress
        progress.conclude()
        return progress.trades()

    async def work_order(  # noqa: PLR0913 - where `OrderOptions` become arguments, with their defaults
        self,
        algorithm: Algorithm,
        symbol: str,
        quantity: float,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        side: Side | str = Side.BUY,
        lot_size: float = 1,
        max_participation: float | None = None,
        rules: Rules = NO_RULES,
        ref: str = "",
    ) -> list[Fill]:
        """`work` an order that is said in the words of `OrderOptions`."""
        order = self.order(symbol, quantity, side=side, lot_size=lot_size, max_participation=max_participation, rules=rules, ref=ref)
        return await self.work(algorithm, order, Window(start=start, end=end))

    def start(
        self, algorithm: Algorithm, order: OrderTerms, window: Window, on_over: Callable[[WorkingOrder], None] | None = None
    ) -> WorkingOrder:
        """Carry out `algorithm` beside the caller, who may look at the order, amend it and cancel it meanwhile.

        Parameters
        ----------
        algorithm : Algorithm
        order : OrderTerms
        window : Window
        on_over : callable, optional
            Called with the order when it is over.

        Raises
        ------
        UsageError
            A window that cannot be worked, or history that is missing. Under asyncio the history is asked for later, and
            what is missing then is the order's `error`.
        """
        progress = self._open(algorithm, order, window)
        self._last = progress
        begun = WorkingOrder(self.broker, progress, OrderRun(self.broker, progress, self.max_failures).carry, on_over)
        if begun.error is not None:
            raise begun.error
        return begun

    def resume(
        self,
        parent: ParentOrder,
        children: Sequence[ChildOrder],
        *,
        algorithm: Algorithm | None = None,
        on_over: Callable[[WorkingOrder], None] | None = None,
    ) -> WorkingOrder:
        """Go on with an order that was accepted before a restart: what is left of it is planned over what is left of its window.

        Parameters
        ----------
        parent : ParentOrder
            As it was accepted, with its ref.
        children : sequence of ChildOrder
            All that were released for it: what they got counts, what is open or unknown counts as open.
        algorithm : Algorithm, optional
            What works it; that of the parent's own text if absent.
        on_over : callable, optional
            Called with the order when it is over.

        Returns
        -------
        WorkingOrder
            Over at once where its window is past or nothing is left, and no child is open.
        """
        known = parse_algorithm(parent.algorithm) if algorithm is None else algorithm
        progress = self._progress_of(self.broker.adopt_parent(parent), known)
        self._last = progress
        for child in children:
            self.broker.own_prints.add(parent.symbol, child)
        planned = progress.resume(children, self._resumes_at(parent))
        carry = OrderRun(self.broker, progress, self.max_failures).carry
        return WorkingOrder(self.broker, progress, carry, on_over, planned=planned)

    def _resumes_at(self, parent: ParentOrder) -> int:
        """When an order goes on after a restart, ns UTC; its deadline where nothing is left of its time."""
        broker, now = self.broker, self.broker.clock.now
        if now >= parent.end:
            return parent.deadline if now >= parent.deadline else parent.start
        broker.session(now)  # a broker that does not know its sessions raises: that is no window without time
        try:
            return Window(start=max(now, parent.start), end=parent.end).resolve(now, broker.session, broker.resolution)[0]
        except UsageError:
            return parent.deadline

    def _open(self, algorithm: Algorithm, order: OrderTerms, window: Window) -> Progress:
        if not isinstance(algorithm, Algorithm):
            raise UsageError(f"algorithm must be a value such as TWAP(), got {algorithm!r}; parse_algorithm makes one of a text")
        algorithm.check_order(order.rules, order.lot_size)
        broker = self.broker
        for reads, reader in ((algorithm.reads, str(algorithm)), (order.rules.reads, f"style {order.rules.style}")):
            if reads:
                broker.check_quotes(order.symbol, reads, reader)
        kind = type(innermost(broker))
        if algorithm.follows_volume and kind.observe is BrokerAPI.observe:
            raise UsageError(
                f"{algorithm} follows the volume that {order.symbol} has traded, which {kind.__name__} does not tell; "
                "override observe, or use an algorithm that follows a curve"
            )
        start, end = window.resolve(broker.clock.now, broker.session, broker.resolution)
        bar = broker.resolution or algorithm.interval
        until, auction = continues_until(order.rules, end, broker.session(end - 1), bar, broker.resolution)
        parent = ParentOrder(
            **order._asdict(),
            start=start,
            end=end,
            until=until,
            auction=auction,
            pauses=pauses_between(start, until or end, broker.session, broker.resolution),
            interval=algorithm.interval_on(bar),
            algorithm=str(algorithm),
        )
        return self._progress_of(broker.open_parent(parent), algorithm)

    def _progress_of(self, parent: ParentOrder, algorithm: Algorithm) -> Progress:
        log = logging.getLogger(type(self).__module__)
        return Progress(parent, algorithm, log, Reported(self.broker), self.broker.resolution or 1)


class AlgorithmExecutor(OrderExecutor):
    """Runs any algorithm, given as a value, against a broker."""

    async def execute(self, ticker: str, total_quantity: float, algorithm: Algorithm, **options: Unpack[OrderOptions]) -> list[Fill]:
        """Work an order by `algorithm`.

        Parameters
        ----------
        ticker : str
        total_quantity : int or float
            Shares, a multiple of the lot.
        algorithm : Algorithm
            ``TWAP()``, ``VWAP(profile_days=5)`` ...
        **options
            Of the order: `OrderOptions`.

        Returns
        -------
        list of Fill
            In time order.

        Raises
        ------
        UsageError
            A quantity or window that cannot be worked.
        """
        return await self.work_order(algorithm, ticker, total_quantity, **options)
