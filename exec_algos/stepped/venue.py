"""Child orders whose venue is the caller's, and what that venue has to do."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from exec_algos.errors import OrderRejectedError
from exec_algos.exchange.child import Child
from exec_algos.model import Fill


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
    """

    shares = 0.0
    reason = ""
    order: Any = None
    asked_back = False
    capped = True
    refused = -1

    @property
    def symbol(self) -> str:
        """Its parent's symbol."""
        return self.state.parent.symbol

    @property
    def quantity(self) -> float:
        """Shares that are still open."""
        return 0 if self.over else max(self.lots * self.state.parent.lot_size - self.shares, 0)

    def result(self) -> Fill:
        """All that it got, as one fill.

        Raises
        ------
        OrderRejectedError
            It got nothing, for the venue refused it.
        """
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
