"""Child orders whose venue is the caller's, and what that venue has to do."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

from exec_algos.brokers.reported import Sent, doubt_of, wrong_fill
from exec_algos.errors import OrderRejectedError, WrongFillError
from exec_algos.exchange.child import Child
from exec_algos.model import UNKNOWN_COSTS, Fill

WHOLE = 1 - 1e-12
SUM = 1e-9  # of a child: what thousands of fractional trades may sum to beyond it
LAST = 2**63 - 1


class SteppedChild(Child):
    """A child order that the caller's venue fills.

    Attributes
    ----------
    number : int
    lots : int
    limit : float
        Currency per share, NaN for a market order.
    active, deadline : int
        It may meet bars that start in ``[active, deadline)``, ns UTC.
    shares : float
        Shares that traded.
    reason : str
        Why the venue ended it, where it did.
    order : object
        What the venue keeps beside it.
    capped : bool
        Whether the participation cap of the parent order holds for it.
    asked_back : bool
        Whether the venue was asked to cancel it, for venues that answer later.
    refused : int
        When the venue last said that it cannot cancel it yet, ns UTC; -1 for never.
    fault : WrongFillError or None
        What the venue said of it and cannot be: it is waited for no longer, and its order stops.
    """

    shares = 0.0
    reason = ""
    order: Any = None
    asked_back = False
    capped = True
    refused = -1
    fault: WrongFillError | None = None

    @property
    def symbol(self) -> str:
        """Its parent's symbol."""
        return self.parent_state.parent.symbol

    @property
    def quantity(self) -> float:
        """Shares that are still open."""
        return 0 if self.over else max(self.lots * self.parent_state.parent.lot_size - self.shares, 0)

    @property
    def complete(self) -> bool:
        """All of it traded, in shares: of a lot of 100 that got 37, the rest still rests at the venue."""
        return self.shares / self.parent_state.parent.lot_size >= self.lots * WHOLE

    def trade(self, stamp: int, quantity: float, price: float, commission: float, taxes: float) -> Fill:
        """One trade of it, as the venue says."""
        parent = self.parent_state.parent
        fields = (stamp, parent.symbol, quantity, price, commission, parent.side, parent.parent_id, self.parent_state.zone, ())
        return tuple.__new__(Fill, (*fields, *UNKNOWN_COSTS[:3], taxes, "", ""))

    def doubt(self, fill: Fill, said_by: str) -> WrongFillError | None:
        """What is wrong with a trade of it that `said_by` told; None where it can be true."""
        room = self.quantity + self.lots * self.parent_state.parent.lot_size * SUM
        sent = Sent(self.symbol, self.side, room, self.limit, self.active)
        if fill.fill_price == 0 and self.side < 0 and math.isnan(self.limit):  # the impact of a sale may use its price up
            fill = fill._replace(fill_price=1.0)
        what = doubt_of(fill, sent, self.active, LAST) if fill.quantity else f"quantity {fill.quantity!r}"
        return wrong_fill(said_by, what, sent) if what else None

    def book(self, fill: Fill) -> None:
        """Count a trade of it."""
        state, quantity = self.parent_state, fill.quantity
        self.fills.append(fill)
        self.value += quantity * fill.fill_price
        self.fee += fill.commission
        self.shares += quantity
        lots = math.ceil(self.shares / state.parent.lot_size * WHOLE) - self.filled
        state.working -= min(lots, max(self.lots - self.filled, 0))  # rounding may make one lot more of it
        self.filled += lots
        state.filled += lots

    def exception(self) -> WrongFillError | None:  # type: ignore[override]
        """What its venue said of it and cannot be."""
        return self.fault

    def result(self) -> Fill:
        """All that it got, as one fill.

        Raises
        ------
        OrderRejectedError
            It got nothing, for the venue refused it.
        WrongFillError
            Its venue said of it what cannot be.
        """
        if self.fault is not None:
            raise self.fault
        if self.reason and not self.fills:
            raise OrderRejectedError(self.reason)
        if len(self.fills) <= 1:
            return super().result()
        last = self.fills[-1]
        fields = (last.time, last.ticker, self.shares, self.value / self.shares, self.fee, last.side, last.parent_id, last.zone)
        return Fill._make((*fields, tuple(self.fills)))


class Venue(Protocol):
    """Where child orders go."""

    def send(self, child: SteppedChild) -> None:
        """Take a child order; its fills and its end come later."""
        ...

    def withdraw(self, child: SteppedChild) -> bool:
        """Cancel what is open of a child: whether that is done, so that no fill of it can come."""
        ...


class Instructions(NamedTuple):
    """What the caller is to carry out, in this order.

    Attributes
    ----------
    cancel : list of SteppedChild
        Cancel them; what they have got is known, and no later fill is expected.
    send : list of SteppedChild
        New child orders.
    """

    cancel: list[SteppedChild]
    send: list[SteppedChild]


class Outbox:
    """The venue of a caller who fetches instructions: what it is told to cancel is over at once."""

    def __init__(self) -> None:
        self.instructions = Instructions([], [])

    def send(self, child: SteppedChild) -> None:
        """Keep it until it is fetched."""
        self.instructions.send.append(child)

    def withdraw(self, child: SteppedChild) -> bool:
        """Take it back, or keep the request until it is fetched."""
        sent = self.instructions.send
        if child in sent:
            sent.remove(child)
        else:
            self.instructions.cancel.append(child)
        return True

    def fetch(self) -> Instructions:
        """What has come since the last time."""
        fetched, self.instructions = self.instructions, Instructions([], [])
        return fetched
