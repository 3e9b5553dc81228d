"""`OrderExecutor`: carries an algorithm's decisions to a broker, one child order a slice."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from exec_algos.brokers.base import BrokerAPI
from exec_algos.clock import CancelledError, Started
from exec_algos.errors import UsageError
from exec_algos.executors.algorithm import Algorithm
from exec_algos.executors.curve import Floats, cumulative_curve
from exec_algos.executors.window import Moment, Window
from exec_algos.model import SECOND, ExecutionSummary, Fill, ParentOrder, Seen, Side, Terms, check_lots, check_participation, summarise

__all__ = ["Moment", "OrderExecutor", "OrderTerms", "Window"]

SETTLE = 30 * SECOND
SETTLE_STEPS = 30
ROUNDED_UP = 1 + 1e-12  # a sum of thousands of fractional fills falls that little short


class OrderTerms(NamedTuple):
    """What is to be worked, before the window is known."""

    symbol: str
    quantity: float
    side: Side
    lot_size: float
    max_participation: float | None


_Child = tuple[int, int, Started[Fill]]  # slice, lots, what became of it


class _Progress:
    """What has become of one parent order so far: the only mutable state of an execution."""

    def __init__(self, parent: ParentOrder, name: str, log: logging.Logger) -> None:
        self.parent, self.name, self.log = parent, name, log
        self.terms = Terms(int(parent.side), parent.lots, parent.slices)
        self.fills: list[Fill] = []
        self.errors: list[str] = []
        self.working: list[_Child] = []
        self.filled, self.lots = 0.0, 0
        self.per_share = ROUNDED_UP / parent.lot_size
        self.talking = log.isEnabledFor(logging.INFO)
        self.released = self.failures = 0

    def collect(self) -> int:
        """Take in the children that are over; returns the lots of those that are not."""
        left, waiting = 0, []
        for child in self.working:
            k, lots, task = child
            if task.done():
                self._take(k, lots, task)
            else:
                left += lots
                waiting.append(child)
        self.working = waiting
        return left

    def _take(self, k: int, lots: int, task: Started[Fill]) -> None:
        try:
            fill = task.result()
        except UsageError:
            raise
        except (Exception, CancelledError) as error:
            self._fail(k, error)
            return
        if not isinstance(fill, Fill):
            self._fail(k, TypeError(f"place_order returned {fill!r}, which is no Fill"))
            return
        self.failures = 0
        quantity, parts = fill.quantity, fill.parts
        if quantity:
            self.filled += quantity
            self.lots = int(self.filled * self.per_share)
            if parts:
                self.fills.extend(parts)
            else:
                self.fills.append(fill)
            if quantity * self.per_share > lots * (1 + 1e-9):
                self.errors.append(f"slice {k + 1}: the venue filled {quantity}, asked for {lots * self.parent.lot_size}")
        if self.talking:
            got = f"{fill.quantity:g} @ ${fill.fill_price:.2f}" if fill.quantity else "nothing filled"
            self.log.info("[%s] Slice %d/%d: %s", self.name, k + 1, self.terms.slices, got)

    def _fail(self, k: int, error: BaseException) -> None:
        self.failures += 1
        self.errors.append(f"slice {k + 1}: {type(error).__name__}: {error}")
        self.log.warning("[%s] Slice %d/%d failed: %r", self.name, k + 1, self.terms.slices, error)

    def give_up(self) -> None:
        """Children that never reported stay unknown: say so, and let go of them."""
        for k, _, task in self.working:
            task.cancel()
            self.errors.append(f"slice {k + 1}: no report within {SETTLE // SECOND} s after the window; ask the venue")
        self.working = []

    def summary(self) -> ExecutionSummary:
        return summarise(self.parent, self.fills, self.released, self.errors)


class OrderExecutor(ABC):
    """Works parent orders against a broker.

    Parameters
    ----------
    broker : BrokerAPI
        Owns the time: an executor waits only on ``broker.clock``.
    max_failures : int
        Children that may fail one after the other before the order is given up; what was filled is kept.

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
        self._last: _Progress | None = None

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
    def order(symbol: str, quantity: float, *, side: Side | str, lot_size: float = 1, max_participation: float | None = None) -> OrderTerms:
        """Checked terms of an order.

        Raises
        ------
        UsageError
            A quantity that is no multiple of the lot, or a cap outside (0, 1].
        """
        check_lots(quantity, lot_size)
        check_participation(max_participation)
        return OrderTerms(symbol, quantity, Side.of(side), lot_size, max_participation)

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
        """
        broker, clock = self.broker, self.broker.clock
        start, end = window.resolve(clock.now, broker.session, broker.resolution)
        bar = broker.resolution or algorithm.interval
        interval = algorithm.interval_on(bar)
        parent = broker.open_parent(ParentOrder(**order._asdict(), start=start, end=end, interval=interval, algorithm=str(algorithm)))
        progress = _Progress(parent, algorithm.name.upper(), logging.getLogger(type(self).__module__))
        self._last = progress
        await clock.sleep_until(start)
        curve = cumulative_curve(algorithm.weights(await self._profile(algorithm, parent, bar)), interval // bar)
        _announce(progress)
        await self._release(progress, algorithm, curve.tolist())
        await self._settle(progress)
        self._last = progress
        _conclude(progress)
        return progress.fills

    async def _profile(self, algorithm: Algorithm, parent: ParentOrder, bar: int) -> Floats:
        from exec_algos.market.profile import window_profile

        bars = -((parent.start - parent.end) // bar)
        if not algorithm.history_days:
            return window_profile(None, parent.start, bar, bars, "UTC")
        profile = await self.broker.get_historical_volume_profile(parent.symbol, algorithm.history_days)
        return window_profile(profile, parent.start, bar, bars, self.broker.session(parent.start).zone)

    async def _release(self, progress: _Progress, algorithm: Algorithm, curve: list[float]) -> None:
        broker, clock, parent, terms = self.broker, self.broker.clock, progress.parent, progress.terms
        decide, params = algorithm.decide, algorithm.params()
        instant, interval, end = parent.start, parent.interval, parent.end
        for k in range(terms.slices):
            await clock.sleep_until(instant)
            instant += interval
            instant = instant if instant < end else end
            working = progress.collect()
            if progress.failures >= self.max_failures:
                progress.errors.append(f"given up after {progress.failures} failures in a row")
                return
            quantity, limit = decide(terms, Seen(k, curve[k], progress.lots, working), params)
            if quantity:
                progress.working.append((k, quantity, broker.send_order(parent, quantity, limit, instant)))
                progress.released += 1
        await clock.sleep_until(parent.end)

    async def _settle(self, progress: _Progress) -> None:
        progress.collect()
        for step in range(SETTLE_STEPS):
            if not progress.working:
                return
            await self.broker.clock.sleep_until(progress.parent.end + SETTLE * (step + 1) // SETTLE_STEPS)
            progress.collect()
        progress.give_up()


def _announce(progress: _Progress) -> None:
    parent = progress.parent
    minutes, slices = (parent.end - parent.start) / (60 * SECOND), parent.slices
    progress.log.info("[%s] Starting: %s %g shares over %gmin", progress.name, parent.symbol, parent.quantity, minutes)
    progress.log.info("[%s] Plan: %d slices, avg %.2f per slice", progress.name, slices, parent.quantity / slices)


def _conclude(progress: _Progress) -> None:
    if progress.log.isEnabledFor(logging.INFO):
        done = progress.summary()
        got = f"{done['total_quantity']:g} @ avg ${done['avg_fill_price']:.2f}" if progress.filled else "nothing filled"
        progress.log.info("[%s] Completed: %s", progress.name, got)
    if progress.lots < progress.terms.quantity:
        progress.log.info(
            "[%s] Residual: %g of %g shares not filled", progress.name, progress.parent.quantity - progress.filled, progress.parent.quantity
        )
