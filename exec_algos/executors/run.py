"""`OrderRun`: one parent order on its way: at each slice look, decide, send; at the end wait for the reports."""

from __future__ import annotations

import math
from collections.abc import Coroutine
from typing import Any, TypeVar

import numpy as np

from exec_algos.algorithms.dynamic_curve import DynamicCurve
from exec_algos.brokers.base import BrokerAPI, takes_ref
from exec_algos.brokers.carried import CarriedChild
from exec_algos.brokers.child import ChildOrder
from exec_algos.brokers.forwarding import innermost
from exec_algos.checks import Floats
from exec_algos.errors import NotSentError, OrderRejectedError, UsageError
from exec_algos.executors.progress import SETTLE, SETTLE_STEPS, Progress
from exec_algos.market.pieces import slot
from exec_algos.model import (
    Decision,
    Seen,
)  # fmt: skip
from exec_algos.model.apply import apply_rules, at_touch
from exec_algos.model.slicing import slices_between

T = TypeVar("T")

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
        Children of unknown outcome (refused ones in replay) one after the other that end the order.
    """

    def __init__(self, broker: BrokerAPI, progress: Progress, max_failures: int) -> None:
        self._broker, self._progress, self._max_failures = broker, progress, max_failures
        self._named = takes_ref(type(broker).send_order)

    async def carry(self) -> None:
        """Work the present leg to its end.

        Raises
        ------
        UsageError, WrongFillError
            A caller's mistake, or what the broker said of a child and cannot be.
        """
        progress = self._progress
        algorithm, bar = progress.algorithm, self._broker.resolution or progress.algorithm.interval
        await self._until_history()
        dynamic = await self._dynamic_curve(bar) if algorithm.forecasts else None
        curve = [] if dynamic is not None else algorithm.curve(await self._profile(bar), bar).tolist()
        if len(curve) > 1 and progress.ends_in_a_sliver:
            curve[-2] = 1.0
        self._broker.planned(progress.parent, curve)
        await self._broker.clock.sleep_until(progress.leg.start)
        progress.announce()
        await self._release(curve, dynamic)
        await self.settle(progress.parent.deadline)
        if progress.fault is not None:
            raise progress.fault

    async def _until_history(self) -> None:
        """Wait until the history before the window's session is complete; in replay, where looking takes no time, until the window."""
        broker, clock, start = self._broker, self._broker.clock, self._progress.leg.start
        if broker.resolution:
            await clock.sleep_until(start)
            return
        while clock.now < start and (close := broker.session(clock.now).close) <= start:
            await clock.sleep_until(close)

    async def _profile(self, bar: int) -> Floats:
        from exec_algos.market.profile import window_profile

        progress = self._progress
        parent, start, days = progress.parent, progress.leg.start, progress.algorithm.history_days
        begins = np.array([begin for begin, _ in slices_between(start, parent.end, bar, parent.pauses)], dtype=np.int64)
        if not days:
            return window_profile(None, begins, bar, "UTC", end=parent.end)
        profile = await self._broker.get_historical_volume_profile(parent.symbol, days)
        return window_profile(profile, begins, bar, self._broker.session(start).zone, end=parent.end)

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

    async def _release(self, curve: list[float], dynamic: DynamicCurve | None = None) -> None:  # noqa: C901 - the one loop over slices
        progress = self._progress
        clock, terms, bounds = self._broker.clock, progress.terms, progress.bounds
        algorithm, done, last = progress.algorithm, progress.leg.done, progress.terms.slices - 1
        decide, params, looks, before = algorithm.decide, algorithm.params(), algorithm.watches or dynamic is not None, math.nan
        curve = curve + [1.0] * (len(progress.slices) - len(curve))
        forced, passive = bounds is not None and bounds.forced, progress.placing.passive
        send, parent, plain = self._broker.send_order, progress.parent, not self._named and self._broker.resolution > 0
        for number, (instant, over) in enumerate(progress.slices):
            await clock.sleep_until(instant)
            if over <= clock.now:
                progress.miss(number)
                continue  # what it missed comes back through the next one
            working = progress.collect()
            if (progress.failed or progress.children.touched) and progress.hopeless(self._max_failures):
                return
            seen = new_tuple(Seen, (number, curve[number], progress.lots - done, working, *UNSEEN))
            if looks:
                looked = await self._try_look(dynamic, seen, before, over)
                if looked is None:
                    continue
                seen, before = looked
            lots, limit = decide(terms, seen, params)
            if bounds is not None:
                lots, limit = apply_rules(bounds, terms, seen, Decision(progress.placing.resized(number, lots), limit))
            if passive and lots and progress.placing.rests(number):
                await self._post(number, Decision(lots, limit), over)
            elif lots and plain and not (forced and number == last):  # half a replay's time is spent here
                progress.release(number, lots, send(parent, lots, limit, over), limit, clock.now)
            elif lots:
                self._send(number, lots, limit, over, capped=not (forced and number == last))
        await clock.sleep_until(progress.parent.deadline)

    def _send(self, number: int, lots: int, limit: float, until: int, *, capped: bool = True) -> None:
        """Release a child that is over before the next decision, at `until` (ns UTC)."""
        progress, now = self._progress, self._broker.clock.now
        options: dict[str, Any] = {} if capped else {"capped": False}
        if self._named and progress.parent.ref:
            options["ref"] = progress.ref_of(number)
        lead = self._broker.confirm_lead if until < progress.parent.deadline else 0
        expires = until - min(lead, (until - now) // 2) if lead else until
        try:
            child = self._sent(Decision(lots, limit), expires, options)
        except (OrderRejectedError, NotSentError) as error:
            progress.children.refuse(number, error, progress.terms.slices)
            return
        progress.release(number, lots, child, limit, now)
        if self._broker.own_prints_on_tape:
            self._broker.own_prints.add(progress.parent.symbol, child)

    def _sent(self, decision: Decision, expires: int, options: dict[str, Any]) -> ChildOrder:
        """The child order that the broker returns; one of unknown outcome where it raises, or returns something else."""
        broker, parent = self._broker, self._progress.parent
        try:
            child = broker.send_order(parent, decision.lots, decision.limit, expires, **options)
        except (UsageError, OrderRejectedError, NotSentError):
            raise
        except Exception as error:
            why = error
        else:
            if hasattr(child, "state") and hasattr(child, "fills"):
                return child
            kind = type(innermost(broker)).__name__
            what = f"{kind}.send_order must return a ChildOrder, got {type(child).__name__}"
            why = UsageError(f"{what}; the child counts as open: ask the venue")
        lost = CarriedChild(options.get("ref", ""), parent, decision.lots, decision.limit, expires)
        lost.fail(why)
        return lost

    async def _post(self, number: int, decision: Decision, over: int) -> None:
        """Let slice k's child rest at the touch, placed anew as often as its style says; at market when it has waited too long."""
        progress = self._progress
        clock, placing = self._broker.clock, progress.placing
        working = progress.collect()  # before the lots are read, which it counts up
        now, due = clock.now, progress.lots + working + decision.lots
        placing.ask(now, due)
        while True:
            working = progress.collect()
            left, until = due - progress.lots - working, min(over, now + placing.reprice) if placing.reprice else over
            if progress.failures or progress.fault or progress.children.lasting or progress.lots >= due:
                return
            child = await self._placed(number, Decision(left, decision.limit), now, until)
            if child.lots > 0:
                self._send(number, child.lots, child.limit, until)
            if until >= over:
                return
            await clock.sleep_until(until)
            now = until

    async def _placed(self, number: int, child: Decision, now: int, until: int) -> Decision:
        """A child at the touch, or at market where its lots have waited too long; none where the market cannot be looked at in time."""
        progress, broker = self._progress, self._broker
        placing = progress.placing
        if placing.waited(now, progress.lots):
            return child
        market = await self._looked(number, broker.observe(progress.parent.symbol), until)
        return Decision(0, math.nan) if market is None else at_touch(progress.terms.side, placing.tick, market, child)

    async def _looked(self, number: int, looking: Coroutine[Any, Any, T], until: int) -> T | None:
        """What a look at the market gives; None, and said among the errors, where it fails or comes too late for its slice."""
        progress = self._progress
        try:
            found = await looking
        except UsageError:
            raise
        except Exception as error:
            progress.errors.append(f"slice {number + 1}: skipped, the look at the market failed: {type(error).__name__}: {error}")
            return None
        if until <= self._broker.clock.now:
            progress.errors.append(f"slice {number + 1}: skipped, the look at the market came after its end")
            return None
        return found

    async def _try_look(self, dynamic: DynamicCurve | None, seen: Seen, before: float, over: int) -> tuple[Seen, float] | None:
        """`_look`; None where the slice is to be skipped."""
        progress, clock = self._progress, self._broker.clock
        asked = clock.now
        looked = await self._looked(seen.slice, self._look(dynamic, seen, before), over)
        if looked is None or clock.now == asked:
            return looked
        seen, before = looked
        working = progress.collect()  # children have gone on meanwhile
        return seen._replace(filled=progress.lots - progress.leg.done, working=working), before

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
        if algorithm.follows_volume and math.isnan(market.traded):
            raise UsageError(
                f"{type(innermost(broker)).__name__}.observe tells no traded volume of {symbol}, which {algorithm} follows; "
                "let it tell, or use an algorithm that follows a curve"
            )
        own = broker.own_prints.shares(symbol, market.time) if broker.own_prints_on_tape else 0.0
        traded = market.traded - own
        before = traded if math.isnan(before) else before
        return Seen(seen.slice, scheduled, seen.filled, seen.working, traded - before, *market[1:6]), before

    async def stop(self) -> None:
        """Ask the open children back, and wait a bounded time for what they got; what nobody knows then is named."""
        self.recall()
        try:
            await self.settle(self._broker.clock.now)
        except BaseException:  # whoever is stopped once more waits no longer
            self._progress.give_up()
            raise

    def recall(self) -> int:
        """Ask the open children back; returns the lots of those that are open yet."""
        progress = self._progress
        progress.withdrawn = [working[2] for working in progress.working]
        for child in (*progress.withdrawn, *(released.child for released in progress.children.open())):
            self._broker.withdraw(child)
        return progress.collect()

    async def settle(self, since: int) -> None:
        """Wait for the children that are not over, up to half a minute after `since` (ns UTC)."""
        progress = self._progress
        progress.collect()
        for step in range(SETTLE_STEPS):
            if not progress.waiting:
                break
            await self._broker.clock.sleep_until(since + SETTLE * (step + 1) // SETTLE_STEPS)
            progress.collect()
        for released in progress.children.open():
            if released.venue_child is None:
                self._broker.withdraw(released.child)
                progress.errors.append(f"slice {released.number + 1}: never reached the venue")
        progress.collect()
        progress.give_up()
