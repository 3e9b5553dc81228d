"""`OrderExecutor`: carries an algorithm's decisions to a broker, one child order a slice."""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

from exec_algos.brokers.base import BrokerAPI
from exec_algos.errors import UsageError
from exec_algos.executors.algorithm import Algorithm
from exec_algos.executors.curve import Floats
from exec_algos.executors.outlook import Outlook
from exec_algos.executors.progress import SETTLE, SETTLE_STEPS, Progress, goes_on
from exec_algos.executors.rules import bounded, posted
from exec_algos.executors.window import Moment, Window
from exec_algos.executors.working import WorkingOrder
from exec_algos.model import (
    NO_RULES,
    Decision,
    ExecutionSummary,
    Fill,
    ParentOrder,
    Rules,
    Seen,
    Side,
    check_lots,
    check_participation,
)  # fmt: skip

__all__ = ["Moment", "OrderExecutor", "OrderTerms", "Window"]


UNSEEN = Seen(0, 0.0, 0, 0)[4:]
new_tuple: Any = tuple.__new__  # half the time of a named tuple's own way


class OrderTerms(NamedTuple):
    """What is to be worked, before the window is known."""

    symbol: str
    quantity: float
    side: Side
    lot_size: float
    max_participation: float | None
    rules: Rules


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
    def order(
        symbol: str,
        quantity: float,
        *,
        side: Side | str,
        lot_size: float = 1,
        max_participation: float | None = None,
        rules: Rules = NO_RULES,
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
        return OrderTerms(symbol, quantity, Side.of(side), lot_size, max_participation, rules)

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
        progress = self._open(algorithm, order, window)
        self._last = progress
        await self._carry(progress)
        self._last = progress
        progress.conclude()
        return progress.trades()

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
        begun = WorkingOrder(self.broker, progress, self._carry, on_over)
        if begun.error is not None:
            raise begun.error
        return begun

    def _open(self, algorithm: Algorithm, order: OrderTerms, window: Window) -> Progress:
        if not isinstance(algorithm, Algorithm):
            raise UsageError(f"algorithm must be a value such as TWAP(), got {algorithm!r}; parse_algorithm makes one of a text")
        algorithm.check_order(order.rules, order.lot_size)
        broker = self.broker
        start, end = window.resolve(broker.clock.now, broker.session, broker.resolution)
        bar = broker.resolution or algorithm.interval
        until, auction = goes_on(order.rules, end, broker.session(start), bar, broker.resolution)
        parent = ParentOrder(
            **order._asdict(),
            start=start,
            end=end,
            until=until,
            auction=auction,
            interval=algorithm.interval_on(bar),
            algorithm=str(algorithm),
        )
        return Progress(broker.open_parent(parent), algorithm, logging.getLogger(type(self).__module__), broker.resolution or 1)

    async def _carry(self, progress: Progress) -> None:
        """Work the present leg to its end."""
        algorithm, bar = progress.algorithm, self.broker.resolution or progress.algorithm.interval
        await self.broker.clock.sleep_until(progress.leg.start)
        outlook = await self._outlook(progress, bar) if algorithm.forecasts else None
        curve = [] if outlook is not None else algorithm.curve(await self._profile(progress, bar), bar).tolist()
        progress.announce()
        await self._release(progress, curve, outlook)
        await self.settle(progress, progress.parent.deadline)

    async def _profile(self, progress: Progress, bar: int) -> Floats:
        from exec_algos.market.profile import window_profile

        parent, start, days = progress.parent, progress.leg.start, progress.algorithm.history_days
        bars = -((start - parent.end) // bar)
        if not days:
            return window_profile(None, start, bar, bars, "UTC")
        profile = await self.broker.get_historical_volume_profile(parent.symbol, days)
        return window_profile(profile, start, bar, bars, self.broker.session(start).zone)

    async def _outlook(self, progress: Progress, bar: int) -> Outlook:
        from exec_algos.market.profile import stretched

        parent, start, algorithm = progress.parent, progress.leg.start, progress.algorithm
        session = self.broker.session(start)
        history = await self.broker.get_volume_history(parent.symbol, algorithm.history_days, bar)
        first, last, length = ((instant - session.open) // bar for instant in (start, parent.end, session.close))
        return algorithm.outlook([stretched(one, length) for one in history], first, last, bar)

    async def _release(self, progress: Progress, curve: list[float], outlook: Outlook | None = None) -> None:
        broker, clock, parent, terms, bounds = self.broker, self.broker.clock, progress.parent, progress.terms, progress.bounds
        algorithm, done, last = progress.algorithm, progress.leg.done, progress.terms.slices - 1
        decide, params, looks, before = algorithm.decide, algorithm.params(), algorithm.watches or outlook is not None, math.nan
        curve = curve + [1.0] * (len(progress.slices) - len(curve))
        forced, send, passive = bounds is not None and bounds.forced, broker.send_order, progress.placing.passive
        for k, (instant, over) in enumerate(progress.slices):
            await clock.sleep_until(instant)
            if over <= clock.now:
                continue  # woken too late: the slice is over, and what it missed comes back through the next one
            working = progress.collect()
            if (progress.failures or progress.fault) and progress.hopeless(self.max_failures):
                return
            seen = new_tuple(Seen, (k, curve[k], progress.lots - done, working, *UNSEEN))
            if looks:
                seen, before = await self._look(progress, outlook, seen, before)
            quantity, limit = decide(terms, seen, params)
            if bounds is not None:
                quantity, limit = bounded(bounds, terms, seen, Decision(progress.placing.resized(k, quantity), limit))
            if passive and quantity and progress.placing.rests(k):
                await self._post(progress, k, Decision(quantity, limit), over)
            elif quantity:
                child = send(parent, quantity, limit, over, capped=False) if forced and k == last else send(parent, quantity, limit, over)
                progress.working.append((k, quantity, child))
                progress.released += 1
        await clock.sleep_until(parent.deadline)

    async def _post(self, progress: Progress, k: int, decision: Decision, over: int) -> None:
        """Let slice k's child rest at the touch, placed anew as often as its style says; at market when it has waited too long."""
        broker, clock, parent, placing = self.broker, self.broker.clock, progress.parent, progress.placing
        working = progress.collect()  # before the lots are read, which it counts up
        now, due = clock.now, progress.lots + working + decision.quantity
        placing.ask(now, due)
        while True:
            working = progress.collect()
            left, until = due - progress.lots - working, min(over, now + placing.reprice) if placing.reprice else over
            if progress.failures or progress.lots >= due:
                return
            child = Decision(left, decision.limit)
            if not placing.waited(now, progress.lots):
                child = posted(progress.terms.side, placing.tick, await broker.observe(parent.symbol), child)
            if child.quantity > 0:
                progress.working.append((k, child.quantity, broker.send_order(parent, child.quantity, child.limit, until)))
                progress.released += 1
            if until >= over:
                return
            await clock.sleep_until(until)
            now = until

    async def _look(self, progress: Progress, outlook: Outlook | None, seen: Seen, before: float) -> tuple[Seen, float]:
        """What a decision sees of the market; `before` is what had traded when the leg began, NaN until that is known."""
        broker, algorithm, symbol = self.broker, progress.algorithm, progress.parent.symbol
        scheduled = seen.scheduled
        if outlook is not None and seen.slice < progress.terms.slices:
            today = await broker.get_volumes_today(symbol, broker.resolution or algorithm.interval)
            scheduled = outlook.scheduled(seen.slice, today)
        if not algorithm.watches:
            return new_tuple(Seen, (seen.slice, scheduled, *seen[2:])), before
        market = await broker.observe(symbol)
        before = market.traded if math.isnan(before) else before
        return Seen(seen.slice, scheduled, seen.filled, seen.working, market.traded - before, *market[1:]), before

    async def settle(self, progress: Progress, since: int) -> None:
        """Wait for the children that are not over, up to half a minute after `since` (ns UTC)."""
        progress.collect()
        for step in range(SETTLE_STEPS):
            if not progress.working:
                break
            await self.broker.clock.sleep_until(since + SETTLE * (step + 1) // SETTLE_STEPS)
            progress.collect()
        progress.give_up()
        if progress.fault is not None:
            raise progress.fault


class AlgorithmExecutor(OrderExecutor):
    """Runs any algorithm, given as a value, against a broker."""

    async def execute(  # noqa: PLR0913 - an order's terms
        self,
        ticker: str,
        total_quantity: float,
        algorithm: Algorithm,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        side: Side | str = Side.BUY,
        lot_size: float = 1,
        max_participation: float | None = None,
        rules: Rules = NO_RULES,
    ) -> list[Fill]:
        """Work an order by `algorithm`.

        Parameters
        ----------
        ticker : str
        total_quantity : int or float
            Shares, a multiple of `lot_size`.
        algorithm : Algorithm
            ``TWAP()``, ``VWAP(profile_days=5)`` ...
        start, end : datetime, pandas.Timestamp, str or int, optional
            The window; now and the session's close if absent. ``"HH:MM"`` is a time of the current session.
        side : Side or str
        lot_size : int or float
            Shares in a lot.
        max_participation : float, optional
            Our largest fraction of a bar's volume.
        rules : Rules
            Limit price, sizes of children, residual policy.

        Returns
        -------
        list of Fill
            In time order.

        Raises
        ------
        UsageError
            A quantity or window that cannot be worked.
        """
        order = self.order(ticker, total_quantity, side=side, lot_size=lot_size, max_participation=max_participation, rules=rules)
        return await self.work(algorithm, order, Window(start=start, end=end))
