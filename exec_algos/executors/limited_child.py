"""`LimitedChild`: a child order on its way through a limit, and what it takes of it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from exec_algos.brokers.child import ChildOrder
from exec_algos.brokers.reported import Reported
from exec_algos.clock import CancelledError
from exec_algos.costs import Commission, child_fee
from exec_algos.errors import WrongFillError
from exec_algos.exchange.child import Child
from exec_algos.executors.children import Wrapper
from exec_algos.model import Fill, ParentOrder
from exec_algos.model.lifecycle import State


class Used(NamedTuple):
    """What children have taken of a limit: what traded, and what those that are open are counted at.

    Attributes
    ----------
    cash : float
        Currency: buys less sells, commission included. Negative when sells have brought in more. A sell that is open counts nothing.
    notional : float
        Currency: buys and sells, without commission.
    """

    cash: float
    notional: float

    def plus(self, other: Used) -> Used:
        """Both together."""
        return Used(self.cash + other.cash, self.notional + other.notional)


class LimitedChild(Wrapper):
    """A child order on its way through the limit: the venue's own child answers once there is one."""

    def __init__(self, parent: ParentOrder, place: int, lots: int, limit: float, expires: int, options: dict[str, Any]) -> None:
        self.parent, self.place, self.lots, self.limit, self.expires, self.options = parent, place, lots, limit, expires, options
        self.ref = str(options.get("ref", ""))
        self.sent, self.price, self.released = 0, 0.0, 0
        self.started: ChildOrder | None = None
        self.reported: Reported | None = None
        self.error: Exception | None = None
        self.ended = -1

    @property
    def fills(self) -> list[Fill]:
        """What it got so far, where its venue tells."""
        return [] if self.started is None else self.started.fills

    @property
    def state(self) -> State:
        """Where it stands; held back whole it is cancelled."""
        if self.started is not None:
            return self.started.state
        if self.ended < 0:
            return State.INTENT
        return State.CANCELLED if self.error is None else State.NOT_SENT

    @property
    def filled(self) -> int:
        """Whole lots that traded."""
        return 0 if self.started is None else self.started.filled

    @property
    def open(self) -> int:
        """Lots that may still trade."""
        if self.started is not None:
            return self.started.open
        return self.lots if self.ended < 0 else 0

    @property
    def reason(self) -> str:
        """Why the venue ended it, where it did."""
        return "" if self.started is None else self.started.reason

    def end(self, now: int, error: Exception | None = None) -> None:
        """It never reaches the venue."""
        self.ended, self.error = now, error

    def done(self) -> bool:
        """It is over."""
        return self.ended >= 0 if self.started is None else self.started.done()

    def cancel(self) -> None:
        """One that was not released yet never is."""
        self.ended = max(self.ended, 0)

    def result(self) -> Fill:
        """All that it got."""
        if self.error is not None:
            raise self.error
        if self.started is not None:
            return self.started.result()
        return Fill(self.ended, self.parent.symbol, 0, math.nan, side=self.parent.side, parent_id=self.parent.parent_id)

    def known_fills(self) -> tuple[list[Fill], bool]:
        """What it got as far as it is known, and whether that is all: a child that failed on the way may have traded."""
        if not self.done():
            return self.fills, False
        try:
            fill = self.result()
        except WrongFillError:
            return self.fills, False
        except (Exception, CancelledError):
            return self.fills, True
        if self._doubted(fill):  # its executor says so; what it got nobody knows
            return [], False
        return [fill] if fill.quantity else [], True

    def _doubted(self, fill: Fill) -> bool:
        if self.reported is None or isinstance(self.started, Child):
            return False
        return self.reported.wrong(fill, self.parent, self.sent, self.limit, self.released) is not None

    def taken(self, commission: Commission) -> tuple[Used, bool]:
        """What it takes of a limit, and whether that is final."""
        fills, final = self.known_fills()
        side, lot = self.parent.side, self.parent.lot_size
        shares, value = sum(fill.quantity for fill in fills), sum(fill.quantity * fill.fill_price for fill in fills)
        fee, rest = sum(fill.commission for fill in fills), 0.0
        cash = side * value + fee
        if not final:
            rest = max(self.sent * lot - shares, 0.0) * self.price
            cash += (rest + max(child_fee(commission, self.sent * lot, value + rest) - fee, 0.0)) if side > 0 else 0.0
        return Used(cash, value + rest), final
