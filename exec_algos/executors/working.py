"""`WorkingOrder`: a parent order while it is worked."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from exec_algos.brokers.base import BrokerAPI
from exec_algos.clock import Started
from exec_algos.errors import UsageError
from exec_algos.executors.progress import SETTLE, Progress, continues_until
from exec_algos.executors.run import OrderRun
from exec_algos.model import SECOND, ExecutionSummary, Fill, ParentOrder, check_lots
from exec_algos.model.window import Moment, Window, pauses_between

Carry = Callable[[], Coroutine[Any, Any, None]]


class WorkingOrder:
    """A parent order while it is worked: what it asks, what it got, and how to change it.

    ``ordered = filled + working + unknown + cancelled + residual`` at every moment, in shares.

    Attributes
    ----------
    over : bool
        It waits for no child any more and none will come. A child of which the broker said what cannot be still counts as `unknown`.
    paused : bool
        It releases no child until `resume`.
    error : BaseException or None
        What ended it before its time, beside `cancel`.
    """

    def __init__(
        self,
        broker: BrokerAPI,
        progress: Progress,
        carry: Carry,
        on_over: Callable[[WorkingOrder], None] | None = None,
        *,
        planned: bool = True,
    ) -> None:
        self._broker, self._progress, self._carry = broker, progress, carry
        self._on_over: Callable[[WorkingOrder], None] | None = None
        self.over = self.paused = self._cancelled = False
        self.error: BaseException | None = None
        self._books = OrderRun(broker, progress, 1)
        self._begin(carry if planned else self._wind_up)
        self._on_over = on_over  # an order that cannot begin is no order that is over

    def _begin(self, carry: Carry) -> None:
        self._leg: Started[None] = self._broker.clock.start(self._run(carry))

    async def _run(self, carry: Carry) -> None:
        try:
            await carry()
        except Exception as error:
            self._fail(error)
            await self._wind_up()
        self.error = self.error or self._progress.fault  # that of a child that was asked back
        self._progress.conclude()
        self._end()

    def _fail(self, error: Exception) -> None:
        progress, self.error = self._progress, error
        if error is not progress.fault:
            progress.errors.append(f"{type(error).__name__}: {error}")
        self._books.recall()

    def _end(self) -> None:
        self.over = True
        if self._on_over is not None:
            self._on_over(self)

    @property
    def parent(self) -> ParentOrder:
        """The order as it stands, amendments included."""
        return self._progress.parent

    @property
    def fills(self) -> list[Fill]:
        """What traded so far, by single trades in time order."""
        return list(self._progress.standing().fills)

    @property
    def ordered(self) -> float:
        """Shares that it asks for."""
        return self.parent.quantity

    @property
    def filled(self) -> float:
        """Shares that traded."""
        return sum(fill.quantity for fill in self.fills)

    @property
    def working(self) -> float:
        """Shares of children that are open."""
        return self._progress.standing().working

    @property
    def unknown(self) -> float:
        """Shares of children of which nobody knows whether they trade: they are not sent again."""
        return self._progress.standing().unknown

    @property
    def cancelled(self) -> float:
        """Shares that its owner cancelled."""
        return max(self._left(), 0.0) if self._cancelled else 0.0

    @property
    def residual(self) -> float:
        """Shares that are neither filled nor open nor cancelled: to be sent yet, or, when it is over, left.

        Below 0 where more traded than it asks for.
        """
        return min(self._left(), 0.0) if self._cancelled else self._left()

    def _left(self) -> float:
        standing = self._progress.standing()
        left = self.ordered - sum(fill.quantity for fill in standing.fills) - standing.working - standing.unknown
        return left if abs(left) > 1e-9 * self.ordered else 0.0

    @property
    def errors(self) -> list[str]:
        """What went wrong with single children."""
        return list(self._progress.errors)

    def summary(self) -> ExecutionSummary:
        """What became of it until now."""
        return self._progress.summary()

    def cancel(self) -> bool:
        """Release no more children and cancel those that are open; what is filled stays.

        Returns
        -------
        bool
            False if it was over.
        """
        if self.over or self._cancelled:
            return False
        self._cancelled = True
        self._halt()
        self._begin(self._wind_up)
        return True

    def pause(self) -> bool:
        """Ask the open children back and release none until `resume`; the window goes on, and ends the order with what it has.

        Returns
        -------
        bool
            False if it was paused, cancelled or over.
        """
        if self.over or self.paused or self._cancelled:
            return False
        self.paused = True
        self._halt()
        self._begin(self._hold)
        return True

    async def _hold(self) -> None:
        await self._broker.clock.sleep_until(self.parent.end)
        await self._wind_up()

    def resume(self) -> bool:
        """Plan what is left over what is left of the window.

        Returns
        -------
        bool
            False if it was not paused, or is cancelled or over.
        """
        if self.over or self._cancelled or not self.paused:
            return False
        self.amend()
        return True

    def stop(self, reason: str) -> None:
        """End it now, for its venue is gone: what is filled stays, the rest is residual, and `reason` is among its errors."""
        if self.over:
            return
        self._halt()
        self._progress.errors.append(reason)
        self._progress.name_open("open when the order was stopped; ask the venue")
        self._progress.let_go()
        self._progress.conclude()
        self._end()

    def _halt(self) -> None:
        """Stop the present leg and ask for its open children back."""
        self._leg.cancel()
        self._books.recall()

    async def _wind_up(self) -> None:
        """Wait until every child is over, those of which nothing will be heard aside; children end with the order's window."""
        clock, progress = self._broker.clock, self._progress
        until = max(clock.now, progress.parent.deadline) + SETTLE
        while progress.working or (progress.children.waiting() and clock.now < until):
            await clock.sleep_until(clock.now + SECOND)
            progress.collect()
        if progress.children.open():
            progress.give_up()

    def amend(self, *, quantity: float | None = None, end: Moment | None = None, limit_price: float | None = None) -> None:
        """Change what is asked: what is filled stays, the rest is planned anew from now on.

        A paused order goes on. Open children are asked back. Where the venue confirms that only later, their shares count as
        working until then and come back at the decision after.

        Parameters
        ----------
        quantity : int or float, optional
            Shares in all, a multiple of the lot; not less than what is filled.
        end : datetime, str or int, optional
            End of the window: ns UTC, a time (naive: exchange time), or ``"HH:MM"``.
        limit_price : float, optional
            Currency per share; infinite lifts the limit.

        Raises
        ------
        UsageError
            The order is over, or asks for less than it has got, or nothing is left of the window; or a child that the venue has
            not given back yet would make it more than it asks for: it is asked back, and the next step may allow it.
        OrderRejectedError
            A limit of the broker refuses it; the order goes on as it was.
        """
        if self.over or self._cancelled:
            raise UsageError(f"the order in {self.parent.symbol} is over or cancelled; give a new one instead of amending it")
        progress = self._progress
        amended, start = self._amended(quantity, end, limit_price)
        working = self._books.recall()  # before the lots are read, which it counts up
        if progress.lots + working > amended.lots:
            standing = progress.standing()
            raise UsageError(
                f"{amended.symbol} has {self.filled:g} shares filled and {standing.working + standing.unknown:g} that its venue has not "
                f"given back yet, so it cannot ask for {amended.quantity:g} now; they are asked back: amend it again at the next step"
            )
        amended = self._broker.amend_parent(amended)  # where it refuses, the order goes on as it was
        self._leg.cancel()
        self.paused = False
        progress.plan(amended, start)
        self._begin(self._carry if progress.terms.lots else self._wind_up)

    def _amended(self, quantity: float | None, end: Moment | None, limit_price: float | None) -> tuple[ParentOrder, int]:
        """The order as it would stand, and when its new plan would begin, ns UTC."""
        parent, broker = self.parent, self._broker
        asked = parent.quantity if quantity is None else quantity
        check_lots(asked, parent.lot_size)
        standing = self._progress.standing()
        least, working = sum(fill.quantity for fill in standing.fills), standing.working + standing.unknown
        if asked < least * (1 - 1e-9):
            raise UsageError(
                f"{parent.symbol} has {least:g} shares filled ({working:g} working), so it cannot ask for {asked:g}; cancel it instead"
            )
        begin = max(broker.clock.now, self._progress.leg.start)
        window = Window(start=begin, end=parent.end if end is None else end)
        start, finish = window.resolve(broker.clock.now, broker.session, broker.resolution)
        bar = broker.resolution or self._progress.algorithm.interval
        until, auction = continues_until(parent.rules, finish, broker.session(finish - 1), bar, broker.resolution)
        pauses = pauses_between(parent.start, until or finish, broker.session, broker.resolution)
        rules = parent.rules if limit_price is None else replace(parent.rules, limit_price=None if limit_price == math.inf else limit_price)
        self._progress.algorithm.check_order(rules, parent.lot_size)
        return replace(parent, quantity=asked, end=finish, until=until, auction=auction, pauses=pauses, rules=rules), start
