"""`OrderRun`: one parent order on its way: at each slice look, decide, send; at the end wait for the reports."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from exec_algos.algorithms.dynamic_curve import DynamicCurve
from exec_algos.brokers.base import BrokerAPI
from exec_algos.checks import Floats
from exec_algos.errors import UsageError
from exec_algos.executors.progress import SETTLE, SETTLE_STEPS, Progress
from exec_algos.market.pieces import slot
from exec_algos.model import (
    Decision,
    Seen,
)  # fmt: skip
from exec_algos.model.apply import apply_rules, at_touch
from exec_algos.model.slicing import slices_between

UNSEEN = Seen(0, 0.0, 0, 0)[4:]
new_tuple: Any = tuple.__new__  # half the time of a named tuple's own way


class OrderRun:
    """Carries the plan of one parent order to a broker, slice by slice.

    Parameters
    ----------
    broker : BrokerAPI
        Owns the time.
    progress : Progress
        The order's state; an amended order is carried on from there.
    max_failures : int
        Children that may fail one after the other before the order is given up.
    """

    def __init__(self, broker: BrokerAPI, progress: Progress, max_failures: int) -> None:
        self._broker, self._progress, self._max_failures = broker, progress, max_failures

    async def carry(self) -> None:
        """Work the present leg to its end."""
        progress = self._progress
        algorithm, bar = progress.algorithm, self._broker.resolution or progress.algorithm.interval
        await self._broker.clock.sleep_until(progress.leg.start)
        dynamic = await self._dynamic_curve(bar) if algorithm.forecasts else None
        curve = [] if dynamic is not None else algorithm.curve(await self._profile(bar), bar).tolist()
        progress.announce()
        await self._release(curve, dynamic)
        await self.settle(progress.parent.deadline)

    async def _profile(self, bar: int) -> Floats:
        from exec_algos.market.profile import window_profile

        progress = self._progress
        parent, start, days = progress.parent, progress.leg.start, progress.algorithm.history_days
        begins = np.array([begin for begin, _ in slices_between(start, parent.end, bar, parent.pauses)], dtype=np.int64)
        if not days:
            return window_profile(None, begins, bar, "UTC")
        profile = await self._broker.get_historical_volume_profile(parent.symbol, days)
        return window_profile(profile, begins, bar, self._broker.session(start).zone)

    async def _dynamic_curve(self, bar: int) -> DynamicCurve:
        from exec_algos.market.profile import stretched

        progress = self._progress
        parent, start, algorithm = progress.parent, progress.leg.start, progress.algorithm
        session = self._broker.session(start)
        history = await self._broker.get_volume_history(parent.symbol, algorithm.history_days, bar)
        if parent.end > session.close:
            raise UsageError(
                f"{algorithm.name} forecasts the volume of one session, and the window of {parent.symbol} runs over more; "
                "end it with the session, or use vwap"
            )
        first, last, length = (slot(session, instant, bar) for instant in (start, parent.end, session.close))
        return algorithm.dynamic_curve([stretched(earlier, length) for earlier in history], first, last, bar)

    async def _release(self, curve: list[float], dynamic: DynamicCurve | None = None) -> None:
        progress = self._progress
        broker, clock, parent, terms, bounds = self._broker, self._broker.clock, progress.parent, progress.terms, progress.bounds
        algorithm, done, last = progress.algorithm, progress.leg.done, progress.terms.slices - 1
        decide, params, looks, before = algorithm.decide, algorithm.params(), algorithm.watches or dynamic is not None, math.nan
        curve = curve + [1.0] * (len(progress.slices) - len(curve))
        forced, send, passive = bounds is not None and bounds.forced, broker.send_order, progress.placing.passive
        for number, (instant, over) in enumerate(progress.slices):
            await clock.sleep_until(instant)
            if over <= clock.now:
                continue  # woken too late: the slice is over, and what it missed comes back through the next one
            working = progress.collect()
            if (progress.failures or progress.fault) and progress.hopeless(self._max_failures):
                return
            seen = new_tuple(Seen, (number, curve[number], progress.lots - done, working, *UNSEEN))
            if looks:
                seen, before = await self._look(dynamic, seen, before)
            lots, limit = decide(terms, seen, params)
            if bounds is not None:
                lots, limit = apply_rules(bounds, terms, seen, Decision(progress.placing.resized(number, lots), limit))
            if passive and lots and progress.placing.rests(number):
                await self._post(number, Decision(lots, limit), over)
            elif lots:
                child = send(parent, lots, limit, over, capped=False) if forced and number == last else send(parent, lots, limit, over)
                progress.working.append((number, lots, child, limit, clock.now))
                progress.released += 1
        await clock.sleep_until(parent.deadline)

    async def _post(self, number: int, decision: Decision, over: int) -> None:
        """Let slice k's child rest at the touch, placed anew as often as its style says; at market when it has waited too long."""
        progress = self._progress
        broker, clock, parent, placing = self._broker, self._broker.clock, progress.parent, progress.placing
        working = progress.collect()  # before the lots are read, which it counts up
        now, due = clock.now, progress.lots + working + decision.lots
        placing.ask(now, due)
        while True:
            working = progress.collect()
            left, until = due - progress.lots - working, min(over, now + placing.reprice) if placing.reprice else over
            if progress.failures or progress.lots >= due:
                return
            child = Decision(left, decision.limit)
            if not placing.waited(now, progress.lots):
                child = at_touch(progress.terms.side, placing.tick, await broker.observe(parent.symbol), child)
            if child.lots > 0:
                sent = broker.send_order(parent, child.lots, child.limit, until)
                progress.working.append((number, child.lots, sent, child.limit, now))
                progress.released += 1
            if until >= over:
                return
            await clock.sleep_until(until)
            now = until

    async def _look(self, dynamic: DynamicCurve | None, seen: Seen, before: float) -> tuple[Seen, float]:
        """What a decision sees of the market; `before` is what had traded when the leg began, NaN until that is known."""
        progress = self._progress
        broker, algorithm, symbol = self._broker, progress.algorithm, progress.parent.symbol
        scheduled = seen.scheduled
        if dynamic is not None and seen.slice < progress.terms.slices:
            today = await broker.get_volumes_today(symbol, broker.resolution or algorithm.interval)
            scheduled = dynamic.scheduled(seen.slice, today)
        if not algorithm.watches:
            return new_tuple(Seen, (seen.slice, scheduled, *seen[2:])), before
        market = await broker.observe(symbol)
        before = market.traded if math.isnan(before) else before
        return Seen(seen.slice, scheduled, seen.filled, seen.working, market.traded - before, *market[1:6]), before

    async def stop(self) -> None:
        """Ask the open children back, and wait for what they got."""
        for child in self._progress.working:
            self._broker.withdraw(child[2])
        await self.settle(self._broker.clock.now)

    async def settle(self, since: int) -> None:
        """Wait for the children that are not over, up to half a minute after `since` (ns UTC)."""
        progress = self._progress
        progress.collect()
        for step in range(SETTLE_STEPS):
            if not progress.working:
                break
            await self._broker.clock.sleep_until(since + SETTLE * (step + 1) // SETTLE_STEPS)
            progress.collect()
        progress.give_up()
        if progress.fault is not None:
            raise progress.fault
