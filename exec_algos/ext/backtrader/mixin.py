"""`ExecutionMixin`: a backtrader strategy that works its orders."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import backtrader as bt

from exec_algos.algorithms.base import Algorithm
from exec_algos.executors.working import WorkingOrder
from exec_algos.ext.backtrader.desk import Desk
from exec_algos.model import NO_RULES, Rules
from exec_algos.model.window import Moment

PARTIAL = bt.Order.Partial


class ExecutionMixin:
    """Gives a ``bt.Strategy`` orders that are worked over time: ``class S(ExecutionMixin, bt.Strategy)``.

    Child orders are real orders of backtrader's broker: its cash, commission, positions, analyzers and
    observers count them, and `notify_order` is told of them.
    """

    _desk: Desk

    def execute(  # noqa: PLR0913 - an order's terms, most of them by default
        self,
        data: Any,
        size: float,
        algorithm: Algorithm,
        *,
        until: Moment | timedelta | None = None,
        start: Moment | None = None,
        lot_size: float = 1,
        max_participation: float | None = None,
        rules: Rules = NO_RULES,
    ) -> WorkingOrder:
        """Work an order over time, in place of ``self.buy`` or ``self.sell``.

        Parameters
        ----------
        data : backtrader data feed, str or None
            A feed of the strategy, its name, or None for the first.
        size : int or float
            Shares; negative sells.
        algorithm : Algorithm
            ``TWAP()``, ``VWAP(profile_days=5)`` ...
        until : str, datetime, timedelta or int, optional
            End of the window: ``"HH:MM"`` of the session's day in exchange time, a time (naive: exchange time), how long, or ns UTC;
            the session's close if absent.
        start : str, datetime or int, optional
            Its start; now if absent.
        lot_size : int or float
            Shares in a lot.
        max_participation : float, optional
            Our largest fraction of a bar's volume; needs ``fills="exec_algos"``.
        rules : Rules
            Limit price, sizes of children, what becomes of what is left when the window ends.

        Returns
        -------
        WorkingOrder
            Look at it, `cancel` it, `amend` it; `notify_parent` tells what becomes of it.

        Raises
        ------
        UsageError
            A size, window, feed or algorithm that cannot be worked.
        NotEnoughHistoryError
            Fewer earlier sessions than the volume profile needs.
        """
        return self._desk.start(
            data, size, algorithm, until=until, start=start, lot_size=lot_size, max_participation=max_participation, rules=rules
        )

    def notify_parent(self, parent: WorkingOrder) -> None:
        """Told of a parent order after each bar in which it traded, and when it is over (``parent.over``)."""

    def cancel(self, order: Any) -> Any:
        """Cancel a parent order, or an order of backtrader's."""
        if isinstance(order, WorkingOrder):
            return order.cancel()
        return super().cancel(order)  # type: ignore[misc]

    def amend(self, parent: WorkingOrder, *, size: float | None = None, until: Moment | None = None) -> None:
        """Change what a parent order asks for; what is filled stays, the rest is planned anew.

        Parameters
        ----------
        parent : WorkingOrder
        size : int or float, optional
            Shares in all, with the sign it was given with.
        until : str, datetime or int, optional
            End of the window.

        Raises
        ------
        UsageError
            It is over, or the other side, or less than it has got.
        """
        quantity = None if size is None else size * parent.parent.side
        parent.amend(quantity=quantity, end=until)

    @property
    def parents(self) -> list[WorkingOrder]:
        """All parent orders of this run, in the order in which they came."""
        return list(self._desk.orders.values())

    def parent_of(self, order: Any) -> WorkingOrder | None:
        """The parent order that an order of backtrader's belongs to; None for one of the strategy's own."""
        return self._desk.orders.get(self._desk.owners.get(order.ref, -1))

    def _start(self) -> None:
        tell = None if type(self).notify_parent is ExecutionMixin.notify_parent else self.notify_parent
        self._desk = Desk(self, tell)
        attach = getattr(self.broker, "attach", None)  # type: ignore[attr-defined]
        if attach is not None:
            attach(self._desk)
        super()._start()  # type: ignore[misc]

    def _addnotification(self, order: Any, quicknotify: bool = False) -> None:
        if order.status >= PARTIAL:  # before that it is on its way, and nothing has traded
            self._desk.notified(order)
        super()._addnotification(order, quicknotify=quicknotify)  # type: ignore[misc]

    def _notify(self, qorders: Any = (), qtrades: Any = ()) -> None:
        """Once a bar, before `next`; with `qorders`, once a notification."""
        if not qorders:
            self._desk.bars_came()
        super()._notify(qorders=qorders, qtrades=qtrades)  # type: ignore[misc]
        if not qorders:
            self._desk.report()

    def _next_analyzers(self, minperstatus: int, once: bool = False) -> None:
        """Once a bar, after `next`."""
        self._desk.decide()
        self._desk.report()
        super()._next_analyzers(minperstatus, once=once)  # type: ignore[misc]

    def _stop(self) -> None:
        self._desk.close()
        super()._stop()  # type: ignore[misc]
