"""`LiveBroker`: the broker over a real venue, which alone holds the state of its orders."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from exec_algos.brokers.allowed import Allowed, check_terms
from exec_algos.brokers.applying import Applied
from exec_algos.brokers.base import OrderType, limit_of
from exec_algos.brokers.cancelling import Cancelling
from exec_algos.brokers.child import LiveChild
from exec_algos.brokers.following import Following, stop
from exec_algos.brokers.known import Carried
from exec_algos.brokers.market_data import Reads, VenueMarket
from exec_algos.brokers.own_ids import own_id
from exec_algos.brokers.records import Journal, Kind, Limits, NoJournal, NoLimits, parent_data
from exec_algos.brokers.resolving import Resolving
from exec_algos.brokers.sending import Sending
from exec_algos.brokers.settings import LiveSettings
from exec_algos.brokers.starting import Starting
from exec_algos.brokers.state import Alert, LiveState
from exec_algos.brokers.venue import Account, VenueAPI
from exec_algos.clock import Clock, WallClock
from exec_algos.errors import OrderRejectedError, UsageError
from exec_algos.model import SECOND, Fill, ParentOrder, Side
from exec_algos.model.lifecycle import State

LONGEST_CLOSE = 180 * SECOND
ATTEMPTS = 10  # look-ups at the start, about two and a half minutes


class LiveBroker(VenueMarket):
    """A broker over a venue's adapter.

    Parameters
    ----------
    venue : VenueAPI
    clock : Clock, optional
        All times run on it; the wall clock by default.
    journal : Journal
        What happens is written there, an intent before its request leaves.
    limits : Limits
        Asked before a parent is accepted and before a child is sent.
    settings : LiveSettings

    Attributes
    ----------
    alerts : list of Alert
        What somebody has to look at, with its time.
    account : Account or None
        Whose orders these are; None before `start`.
    """

    def __init__(
        self,
        venue: VenueAPI,
        *,
        clock: Clock | None = None,
        journal: Journal = NoJournal(),  # noqa: B008 - it keeps nothing
        limits: Limits = NoLimits(),  # noqa: B008
        settings: LiveSettings = LiveSettings(),  # noqa: B008
    ) -> None:
        self.state = LiveState(venue, clock or WallClock(), journal, limits, settings)
        self.reads = Reads(self.state)
        self.account: Account | None = None
        self._applied = Applied(self.state)
        self._resolving = Resolving(self.state, self._applied)
        self._following = Following(self.state, self._applied, self._resolving)
        self._cancelling = Cancelling(self.state)
        self._sending = Sending(self.state, self._applied)
        self._allowed = Allowed(self.state, self.reads)
        self._starting = Starting(self.state)
        self.state.tend = self._tend
        self._open = False
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._numbers: dict[str, int] = {}
        self._asked: dict[str, ParentOrder] = {}

    async def start(self, children: Iterable[LiveChild] = (), *, check: Callable[[Account], Awaitable[None]] | None = None) -> None:
        """Connect, see how things stand, and bring to an end what an earlier run left open; only then orders may be sent.

        Parameters
        ----------
        children : iterable of LiveChild
            Those that a journal holds.
        check : callable, optional
            Is awaited with the account before anything is done to its orders; what it raises ends the start.

        Raises
        ------
        VenueError
            The venue cannot be reached, or gives no complete list of its orders.
        """
        try:
            await self._start(children, check)
        except BaseException:
            await self.aclose()
            raise

    async def _start(self, children: Iterable[LiveChild], check: Callable[[Account], Awaitable[None]] | None) -> None:
        state = self.state
        self._open = True
        await state.venue.open()
        state.connect()
        self.account = await state.within("account", state.venue.account())
        if check is not None:
            await check(self.account)
        await self._following.measure_clock()
        adopted = self._starting.adopt(children)
        self._refs |= {carried.child.parent.ref for carried in adopted}
        if state.caps.push:
            self._begin(self._following.push(), "reports")
        await self._following.until_complete(ATTEMPTS)
        self._begin(self._following.poll(), "look-ups")
        self._begin(self._following.watch_clock(), "clock")
        await self._starting.settle(adopted)
        state.settled = True
        state.gate.ring()

    def _begin(self, coroutine: Any, name: str) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks[task] = name
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        name = self._tasks.pop(task, "")
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.state.fail(f"{name} of {type(self).__name__} ended by {type(error).__name__}: {error}; nothing is sent any more")

    async def aclose(self, *, cancel: bool = False) -> None:
        """Stop; open orders stay as they are, unless they are to be cancelled first.

        Parameters
        ----------
        cancel : bool
            Withdraw all that is open, and wait until it is over: three minutes at most, then an alert names what is not.
        """
        state = self.state
        if cancel and state.settled and not state.closed:
            open_children = [carried for carried in state.known.active() if not carried.child.done()]
            for carried in open_children:
                self.withdraw(carried.child)
            until = self.clock.now + LONGEST_CLOSE
            for carried in open_children:
                while not carried.child.done() and carried.child.state is not State.UNKNOWN and self.clock.now < until:
                    await carried.changed.wait(self.clock, self.clock.now + state.settings.poll)
            for child in (carried.child for carried in open_children if not carried.child.done()):
                state.alert(f"{child.ref} is {child.state} as {child.venue_id!r} while the broker closes, and may trade: ask the venue")
        state.closed = True
        tasks: list[Any] = [*self._tasks, *self._sending.close(), *self.reads.close()]
        await stop(tasks)
        if self._open:
            self._open = False
            state.disconnect()
            await state.venue.close()

    @property
    def alerts(self) -> list[Alert]:
        """What somebody has to look at."""
        return self.state.alerts

    @property
    def estimates_commission(self) -> bool:
        """Whether commissions of fills are those of a fee schedule, not of the venue's reports."""
        return self.state.connected and self.state.caps.estimated_fees

    @property
    def own_prints_on_tape(self) -> bool:
        """Whether the volume that `observe` tells holds our own trades."""
        return self.state.caps.own_prints

    @property
    def confirm_lead(self) -> int:
        """How long before the next decision a child ends, so that its report is there: ns; from measured cancels, or as set."""
        fixed = self.state.settings.confirm_lead
        return self._cancelling.times.lead() if fixed is None else fixed

    def status(self) -> dict[str, Any]:
        """Counts: children by state, alerts, requests by kind; lanes that are frozen, and why nothing is sent."""
        state = self.state
        by_state: dict[str, int] = {}
        for carried in state.known:
            by_state[str(carried.child.state)] = by_state.get(str(carried.child.state), 0) + 1
        return {
            "children": by_state,
            "alerts": len(state.alerts),
            "frozen": state.lanes.frozen() if state.connected else {},
            "stopped": state.stopped() or ("" if state.may_send else "the venue's orders are looked up first"),
            "requests": {priority.name.lower(): n for priority, n in state.requests.counts.items()} if state.connected else {},
            "clock_apart": state.apart,
            "confirm_lead": self.confirm_lead,
            "others": len(state.known.others),
        }

    def open_parent(self, parent: ParentOrder) -> ParentOrder:
        """Take note of a parent order; it gets a ref where it has none.

        Raises
        ------
        UsageError
            A ref that was used before, or an order off the venue's lots.
        OrderRejectedError
            A limit refuses it.
        """
        state = self.state
        parent = replace(parent, ref=parent.ref or self._name())
        instrument = state.instruments.get(parent.symbol)
        if instrument is not None:
            check_terms(instrument, parent.lot_size)
        self._limit(parent)
        opened = self._asked[parent.ref] = super().open_parent(parent)
        self._note(Kind.PARENT, opened)
        return opened

    def _note(self, kind: Kind, parent: ParentOrder) -> None:
        """Write down all that a parent order asks for, and the zone of its times."""
        self.state.note_parent(kind, parent, parent_data(parent) | {"zone": self.zone(parent.symbol)})

    def zone(self, symbol: str) -> str:
        """The zone of a symbol's times; UTC before its instrument is read."""
        instrument = self.state.instruments.get(symbol)
        return "UTC" if instrument is None else instrument.zone

    def adopt_parent(self, parent: ParentOrder) -> ParentOrder:
        """Take note of a parent order that was accepted before a restart."""
        adopted = self._asked[parent.ref] = super().adopt_parent(parent)
        return adopted

    def amend_parent(self, parent: ParentOrder) -> ParentOrder:
        """Take note that a parent order asks for something else now.

        Raises
        ------
        OrderRejectedError
            It asks for more, or at another limit price, and a limit refuses that.
        """
        before = self._asked.get(parent.ref)
        if before is None or parent.quantity > before.quantity or parent.rules.limit_price != before.rules.limit_price:
            self._limit(parent)
        self._asked[parent.ref] = parent
        self._note(Kind.AMENDED, parent)
        return parent

    def _limit(self, parent: ParentOrder) -> None:
        why = self.state.limits.refuse_parent(parent, self.reads.price(parent.symbol))
        if why:
            self.state.note_parent(Kind.REFUSED, parent, {"limit": why})
            raise OrderRejectedError(f"{parent.ref} is refused by a limit: {why}", lasting=True)

    def planned(self, parent: ParentOrder, curve: Sequence[float]) -> None:
        """Take note of the curve that a parent order's plan follows."""
        self.state.note_parent(Kind.CURVE, parent, {"curve": [float(part) for part in curve]})

    def send_order(self, parent: ParentOrder, lots: int, limit: float, expires: int, *, capped: bool = True, ref: str = "") -> LiveChild:
        """Release a child order and go on; see `BrokerAPI.send_order`. What becomes of it is told by the child.

        Parameters
        ----------
        ref : str
            The child's name; made of the parent's and a number where it is empty. One that is known is looked up, never sent again.

        Raises
        ------
        UsageError
            A ref that another order has.
        """
        state = self.state
        if not state.connected:
            raise UsageError(f"{type(self).__name__} is not connected; await start() first")
        ref = ref or self._child_ref(parent)
        known = state.known.by_ref(ref)
        if known is not None:
            return self._repeated(known, parent, lots)
        child = LiveChild(ref, parent, lots, limit, expires)
        child.charge(state.charged)
        child.own_id = own_id(ref, state.caps.own_id_length, state.caps.own_id_chars)
        carried = state.known.add(child)
        carried.tended = True
        self._begin(self._until_over(carried, sent=False), ref)
        return child

    def _child_ref(self, parent: ParentOrder) -> str:
        number = self._numbers.get(parent.ref, 0)
        while self.state.known.by_ref(f"{parent.ref}.{number}") is not None:
            number += 1
        self._numbers[parent.ref] = number + 1
        return f"{parent.ref}.{number}"

    def _repeated(self, known: Carried, parent: ParentOrder, lots: int) -> LiveChild:
        child = known.child
        if (child.parent.ref, child.parent.symbol, child.parent.side, child.lots) != (parent.ref, parent.symbol, parent.side, lots):
            raise UsageError(f"the ref {child.ref!r} is that of a child of {child.lots} lots of {child.parent.ref}; give this one its own")
        self.state.look()
        return child

    def _tend(self, carried: Carried) -> None:
        """See to its end a child that is at the venue."""
        carried.tended = True
        self._begin(self._until_over(carried, sent=True), carried.child.ref)

    async def _until_over(self, carried: Carried, sent: bool) -> None:
        carried.tended = True
        try:
            if not sent and not await self._allowed.refuse(carried):
                await self._sending.send(carried)
            await self._cancelling.tend(carried)
        finally:
            carried.tended = False
            carried.changed.ring()

    async def place_order(  # noqa: PLR0913 - the published signature
        self,
        ticker: str,
        quantity: float,
        order_type: OrderType = "MKT",
        limit_price: float | None = None,
        *,
        side: Side | str = Side.BUY,
        expires: int | None = None,
        parent: ParentOrder | None = None,
        ref: str = "",
    ) -> Fill:
        """Send a child order and wait until it is over; see `BrokerAPI.place_order`.

        Raises
        ------
        OrderRejectedError, NotSentError
            It got nothing: refused, or never sent.
        VenueError
            The broker was closed before it was over; the error carries what it got.
        """
        limit = limit_of(order_type, limit_price)
        instrument = await self.reads.instrument(ticker)
        now = self.clock.now
        until = self.session(now).close if expires is None else expires
        if parent is None:
            check_terms(instrument, quantity)
            bounds = {"start": now, "end": until, "interval": max(until - now, 1), "lot_size": instrument.lot_size}
            parent = self.open_parent(ParentOrder(symbol=ticker, side=Side.of(side), quantity=quantity, **bounds))  # type: ignore[arg-type]
        child = self.send_order(parent, round(quantity / parent.lot_size), math.nan if limit is None else limit, until, ref=ref)
        carried = self._found(child.ref)
        try:
            while not child.done() and carried.tended:
                await carried.changed.wait(self.clock)
        except asyncio.CancelledError:
            self.withdraw(child)
            raise
        return child.result()

    def withdraw(self, child: Any) -> None:
        """Ask for what is still open of a child; it tells what came of that."""
        child.withdrawn = True
        carried = self.state.known.by_ref(child.ref)
        if carried is not None:
            carried.changed.ring()
            self.state.gate.ring()

    async def cancel_order(self, order_id: str) -> bool:
        """Ask for what is still open of the child of a ref; False if it is over.

        Raises
        ------
        UsageError
            No child has that ref.
        """
        carried = self._found(order_id)
        if carried.child.done():
            return False
        self.withdraw(carried.child)
        return True

    def _found(self, ref: str) -> Carried:
        carried = self.state.known.by_ref(ref)
        if carried is None:
            raise UsageError(f"no child has the ref {ref!r}; refs are PARENT.LEG.SLICE.NUMBER, as ChildOrder.ref has them")
        return carried

    def resolve(self, ref: str, venue_id: str | None) -> None:
        """Say what a look-up cannot: which order at the venue a child is.

        Parameters
        ----------
        ref : str
            Of the child.
        venue_id : str or None
            The venue's id of it; None where the venue has no such order.

        Raises
        ------
        UsageError
            No such child or order, or one that is another child's, or a child whose outcome is known.
        """
        self._resolving.by_operator(self._found(ref), venue_id)
