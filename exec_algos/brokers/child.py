"""`ChildOrder`: what `BrokerAPI.send_order` returns; and `LiveChild`, the one that a real venue's reports move along its life cycle."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from exec_algos.errors import NotSentError, OrderRejectedError, VenueError
from exec_algos.model import Fill, ParentOrder
from exec_algos.model.lifecycle import ALERTS, FINAL, Event, State, after

NEARLY = 1e-9  # of a lot: sums of fractional shares


def _as_it_is(fill: Fill) -> Fill:
    return fill


class ChildOrder(Protocol):
    """A child order that was released: what is known of it at every moment.

    Attributes
    ----------
    ref : str
        Its name: parent ref, leg, slice, number; the same after a restart. Empty in replay.
    lots : int
        What it asks for.
    limit : float
        Currency per share; NaN for a market order.
    """

    ref: str
    lots: int
    limit: float

    @property
    def fills(self) -> list[Fill]:
        """Its trades so far, while it is open too."""
        ...

    @property
    def expires(self) -> int:
        """When its rest is cancelled, ns UTC."""
        ...

    @property
    def state(self) -> State:
        """Where it stands."""
        ...

    @property
    def filled(self) -> int:
        """Whole lots that traded; more than `lots` where the venue traded too much."""
        ...

    @property
    def open(self) -> int:
        """Lots that may still trade, those of an unknown outcome among them."""
        ...

    @property
    def reason(self) -> str:
        """Why it got less than it asked for; empty where nobody says."""
        ...

    def done(self) -> bool:
        """It is over: nothing more is expected of it."""
        ...

    def result(self) -> Fill:
        """All that it got, as one fill; raises what went wrong with it where it got nothing."""
        ...


class LiveChild:
    """A child order at a real venue. `on` moves its state, `trade` and `total` count what it got.

    What traded is told by single executions and by cumulative quantities, late, twice and in any order; counted is the greater of
    the two sums, so that neither a poll nor a repeated report counts a share twice. `fills` are the executions, and one fill of what
    a poll knows beyond them; an execution that comes later takes its place there. Their sum never falls.

    Parameters
    ----------
    ref : str
    parent : ParentOrder
    lots : int
    limit : float
    expires : int
        ns UTC.

    Attributes
    ----------
    own_id : str
        The order id that we gave to the venue; empty where it takes none.
    venue_id : str
        The venue's; empty before it is known.
    sent, accepted : int
        When its request left, and when the venue says that it took it; ns UTC, 0 before.
    absent : int
        When look-ups had proved that the venue does not have it, ns UTC, 0 where they did not: it may turn up yet.
    withdrawn : bool
        Its rest is wanted back: asked for as soon as the venue has it.
    alerts : list of str
        What the venue said that was not to be expected.
    error : Exception or None
        What `result` raises where it got nothing, in place of what follows from its state.
    """

    def __init__(self, ref: str, parent: ParentOrder, lots: int, limit: float, expires: int) -> None:
        self.ref, self.parent, self.lots, self.limit, self.expires = ref, parent, lots, limit, expires
        self.state = State.INTENT
        self.fills: list[Fill] = []
        self.alerts: list[str] = []
        self.own_id = self.venue_id = self.reason = ""
        self.sent = self.accepted = self.absent = 0
        self.withdrawn = self.lasting = False
        self.error: Exception | None = None
        self._charged: Callable[[Fill], Fill] = _as_it_is
        self._executions: dict[str, Fill] = {}
        self._polled = self._polled_value = self._counted = self._value = 0.0
        self._polled_at = 0

    def charge(self, charged: Callable[[Fill], Fill]) -> None:
        """Put what each trade costs to it, those before and those to come: commission and taxes, currency."""
        self._charged = charged
        self._executions = {name: charged(fill) for name, fill in self._executions.items()}
        self._cut()

    @property
    def shares(self) -> float:
        """What it asks for."""
        return self.lots * self.parent.lot_size

    @property
    def traded(self) -> float:
        """Shares that traded."""
        return self._counted

    @property
    def pushed(self) -> float:
        """Shares of single executions that were reported."""
        return math.fsum(fill.quantity for fill in self._executions.values())

    def counted(self, execution_id: str) -> bool:
        """Whether an execution was reported before."""
        return execution_id in self._executions

    @property
    def filled(self) -> int:
        """Whole lots that traded; more than `lots` where the venue traded too much."""
        return math.floor(self._counted / self.parent.lot_size + NEARLY)

    @property
    def open(self) -> int:
        """Lots that may still trade, those of an unknown outcome among them."""
        return 0 if self.done() else max(self.lots - self.filled, 0)

    def done(self) -> bool:
        """Its state is final. What the venue reports later still counts."""
        return self.state in FINAL

    def on(self, event: Event, reason: str = "") -> None:
        """Something happened to it.

        Raises
        ------
        LifeCycleError
            It cannot happen in this state.
        """
        then = after(self.state, event)
        alert = ALERTS.get((self.state, event))
        if alert is not None:
            self.alerts.append(f"{self.ref} {alert}")
        self.state = State.PARTIAL if then is State.OPEN and self._counted > 0 else then
        self.reason = reason or self.reason

    def trade(self, shares: float, price: float, time: int, execution_id: str) -> Fill | None:
        """An execution was reported; returns what is new of it, None where it was counted before.

        Parameters
        ----------
        shares : float
            Of this execution, > 0.
        price : float
            Currency per share.
        time : int
            ns UTC.
        execution_id : str
            The venue's name of it, which tells a repeated report apart.

        Raises
        ------
        VenueError
            A quantity or a price that cannot be, or no id.
        """
        if not execution_id:
            raise VenueError(f"an execution of {self.ref} came without an id; report its cumulative quantity instead")
        self._check(shares, price)
        known = self._executions.get(execution_id)
        if known is not None:
            if not (math.isclose(known.quantity, shares) and math.isclose(known.fill_price, price)):
                said = f"{known.quantity:g} at {known.fill_price:g} and then {shares:g} at {price:g}"
                raise VenueError(f"execution {execution_id} of {self.ref} was reported as {said}; ask the venue which is right")
            return None
        self._executions[execution_id] = self._fill(shares, price, time, execution_id)
        return self._count(price, time, execution_id)

    def total(self, shares: float, value: float, time: int) -> Fill | None:
        """The venue says how much traded in all, and its value (currency); returns what is new of it.

        Its price is what is new of the value a new share.

        Raises
        ------
        VenueError
            A quantity or a value that cannot be.
        """
        if not shares >= 0:
            raise VenueError(f"{self.ref} needs a cumulative quantity >= 0, got {shares!r}")
        if shares <= self._polled:
            return None
        mean = value / shares
        self._check(shares, mean)
        before, counted = self._value, self._counted
        self._polled, self._polled_value, self._polled_at = shares, value, time
        new = (value - before) / (shares - counted) if shares > counted else mean
        return self._count(new if new > 0 else mean, time)

    def _check(self, shares: float, price: float) -> None:
        if not (math.isfinite(shares) and shares > 0 and math.isfinite(price) and price > 0):
            raise VenueError(f"a trade of {self.ref} needs a quantity and a price above 0, got {shares!r} at {price!r}")

    def _fill(self, shares: float, price: float, time: int, execution_id: str = "") -> Fill:
        parent, whole = self.parent, round(shares)
        fill = Fill(
            time,
            parent.symbol,
            whole if abs(shares - whole) <= NEARLY else shares,
            price,
            side=parent.side,
            parent_id=parent.parent_id,
            order_ref=self.ref,
            execution_id=execution_id,
        )
        return self._charged(fill)

    def _cut(self) -> float:
        """Cut `fills` anew: the executions, and what a poll knows beyond them; returns the shares of the executions."""
        fills = sorted(self._executions.values(), key=lambda fill: fill.time)
        pushed, value = math.fsum(fill.quantity for fill in fills), math.fsum(fill.quantity * fill.fill_price for fill in fills)
        rest = self._polled - pushed
        if rest > NEARLY:
            mean = (self._polled_value - value) / rest
            fills.append(self._fill(rest, mean if mean > 0 else self._polled_value / self._polled, self._polled_at))
        self.fills[:] = sorted(fills, key=lambda fill: fill.time)
        self._value = math.fsum(fill.quantity * fill.fill_price for fill in fills)
        return pushed

    def _count(self, price: float, time: int, execution_id: str = "") -> Fill | None:
        """Take in what was said; returns what is new of it, at `price` where that can be told."""
        new = max(self._cut(), self._polled) - self._counted
        if new <= NEARLY:
            return None
        self._counted += new
        if self._counted > self.shares * (1 + NEARLY):
            self.alerts.append(f"{self.ref} got {self._counted:g} shares, more than the {self.shares:g} that it asked for")
        self.on(Event.FILL if self._counted < self.shares * (1 - NEARLY) else Event.FILL_ALL)
        return self._fill(new, price, time, execution_id)

    def result(self) -> Fill:
        """All that it got, as one fill.

        Raises
        ------
        OrderRejectedError, NotSentError, VenueError
            It got nothing, and was refused; never left; is unknown or not over.
        """
        if not self.done():
            raise VenueError(f"{self.ref} is {self.state}, so it has no result yet", fills=self.fills)
        if not self.fills:
            if self.error is not None:
                raise self.error
            if self.state is State.REJECTED:
                raise OrderRejectedError(self.reason, lasting=self.lasting)
            if self.state is State.NOT_SENT:
                raise NotSentError(self.reason)
            return Fill(
                self.expires, self.parent.symbol, 0, math.nan, side=self.parent.side, parent_id=self.parent.parent_id, order_ref=self.ref
            )
        if len(self.fills) == 1:
            return self.fills[0]
        last, shares = self.fills[-1], self._counted
        whole = Fill(last.time, last.ticker, shares, self._value / shares, math.fsum(fill.commission for fill in self.fills), last.side,
                     parent_id=last.parent_id, zone=last.zone, order_ref=self.ref,
                     taxes=math.fsum(fill.taxes for fill in self.fills))  # fmt: skip
        return whole._replace(parts=tuple(self.fills))
