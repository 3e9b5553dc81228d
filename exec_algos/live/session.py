"""`LiveSession`: parent orders at a venue from their acceptance to their end, over a journal."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from exec_algos.algorithms.base import Algorithm
from exec_algos.brokers.child import LiveChild
from exec_algos.brokers.live import LiveBroker
from exec_algos.brokers.records import Entry, Kind
from exec_algos.brokers.venue import Account
from exec_algos.errors import JournalError
from exec_algos.executors.base import AlgorithmExecutor, OrderTerms
from exec_algos.executors.working import WorkingOrder
from exec_algos.live.ended import Ended
from exec_algos.live.journal import SqliteJournal
from exec_algos.live.recorded import Recorded, RecordedParent, is_unknown, recorded
from exec_algos.live.status import child_line, first_of, order_line, parent_lines, sums_of
from exec_algos.model import SECOND
from exec_algos.model.window import Window

LOOK = 0.1  # seconds of real time between two looks at what may end a session
PATIENCE = 150 * SECOND  # for children that are not over when nothing more is released; an unknown one is proved absent within 90 s
MOST_ERRORS, SHOWN_ERRORS = 20, 5  # of a parent, in the journal and in lines

log = logging.getLogger("exec_algos.live")


class LiveOrder(NamedTuple):
    """A parent order as a session takes it.

    Attributes
    ----------
    algorithm : Algorithm
    terms : OrderTerms
        With its ref; the broker gives one where it is empty.
    window : Window
    """

    algorithm: Algorithm
    terms: OrderTerms
    window: Window


@dataclass
class _Carried:
    """A parent order of this run."""

    order: WorkingOrder
    before: Sequence[LiveChild] = field(default_factory=tuple)
    done: Mapping[str, Any] | None = None
    doubted: bool = False


class LiveSession:
    """Runs parent orders through a live broker, each happening written down.

    Parameters
    ----------
    broker : LiveBroker
        Over the venue, with `journal` as its journal; not started.
    journal : SqliteJournal
    terms : mapping
        What the first entry of the run holds beside venue, account and clock: what JSON can hold.
    patience : int
        How long children that are not over are waited for when nothing more is released, ns of the broker's clock.
    tell : callable
        Is given a line for each order that is accepted or over.
    """

    def __init__(
        self,
        broker: LiveBroker,
        journal: SqliteJournal,
        *,
        terms: Mapping[str, Any] | None = None,
        patience: int = PATIENCE,
        tell: Callable[[str], None] = log.info,
    ) -> None:
        self.broker, self.journal, self.terms, self.patience, self._tell = broker, journal, dict(terms or {}), patience, tell
        self.stopped = ""
        self._changed, self._hurry = asyncio.Event(), False
        self._carried: dict[str, _Carried] = {}

    def stop(self, why: str) -> None:
        """Release no more, ask all open children back; said twice, wait for them no longer."""
        self._hurry = bool(self.stopped)
        self.stopped = self.stopped or why
        self._changed.set()

    async def begin(self, found: Recorded | None = None) -> None:
        """Connect, and bring to an end what an earlier run left open; nothing is sent before that is done.

        Parameters
        ----------
        found : Recorded, optional
            What the journal holds of earlier runs.

        Raises
        ------
        JournalError
            The journal is of another account or venue.
        VenueError
            The venue cannot be reached, or does not say how its orders stand.
        """
        found = recorded(self.journal.entries) if found is None else found

        async def check(account: Account) -> None:
            venue = self.broker.state.caps.name
            self._check_same(found.session, venue, account.name)
            clock = self.broker.clock
            data = {
                "venue": venue,
                "account": account.name,
                "currency": ", ".join(sorted(account.cash)),
                "clock": type(clock).__name__,
                "speed": getattr(clock, "speed", 1.0),
            }
            await self.journal.write(Entry(Kind.SESSION, clock.now, "", "", {**data, **self.terms}))

        left = any(not child.done() for child in found.children)
        await self._unless(lambda: self._hurry if left else bool(self.stopped), self.broker.start(found.children, check=check))

    async def _unless(self, ended: Callable[[], bool], work: Coroutine[Any, Any, None]) -> None:
        """Do some work, unless the session is stopped before."""
        task = asyncio.ensure_future(work)
        while not task.done() and not ended():
            self._changed.clear()
            waking = asyncio.ensure_future(self._changed.wait())
            await asyncio.wait({task, waking}, return_when=asyncio.FIRST_COMPLETED)
            waking.cancel()
        if task.done():
            task.result()
            return
        task.cancel()
        await asyncio.wait({task})

    def _check_same(self, before: Mapping[str, Any], venue: str, account: str) -> None:
        if before and (before.get("venue"), before.get("account")) != (venue, account):
            raise JournalError(
                f"journal {self.journal.path} is of account {before.get('account')} at {before.get('venue')}, and this is account "
                f"{account} at {venue}; go on with it there, or name another journal"
            )

    async def run(self, orders: Sequence[LiveOrder]) -> Ended:
        """Accept all orders or none, work them to their end.

        Raises
        ------
        UsageError, OrderRejectedError
            An order cannot be accepted; nothing of any is sent.
        """
        if self.stopped:
            return self._ended({})
        executor = AlgorithmExecutor(self.broker)
        try:
            for symbol in {order.terms.symbol: None for order in orders}:
                if math.isnan(self.broker.reads.price(symbol)):
                    await self.price(symbol)
            for order in orders:  # nothing is awaited here, so that none of them sends before all are accepted
                self._carry(executor.start(order.algorithm, order.terms, order.window, self._over))
        except Exception:
            for carried in self._carried.values():
                carried.order.cancel()
            while not self._all_over():
                await asyncio.sleep(0)
            await self._conclude("not begun: another order was refused")
            raise
        return await self._to_the_end()

    async def resume(self, found: Recorded) -> Ended:
        """Go on with the orders of a journal that are not over, after `begin`.

        Raises
        ------
        OrderRejectedError, UsageError, VenueError
            The venue does not say what a symbol is, or when it trades; no order is ended.
        """
        if self.stopped:
            return self._ended({order.parent.ref: order for order in found.unfinished})
        executor = AlgorithmExecutor(self.broker)
        for symbol in {order.parent.symbol: None for order in found.unfinished}:
            await self.broker.reads.instrument(symbol)  # its calendar says what is left of a window
        for order in found.unfinished:
            children = [self._moving(child) for child in order.children]
            self._carry(executor.resume(order.parent, children, on_over=self._over), children)
        return await self._to_the_end()

    def _moving(self, child: LiveChild) -> LiveChild:
        """The child of that ref that the broker moves: the journal may have been read twice, for `begin` and for what follows."""
        carried = self.broker.state.known.by_ref(child.ref)
        return child if carried is None else carried.child

    async def cancel(self, found: Recorded, refs: Iterable[str]) -> Ended:
        """End orders of a journal for good, after `begin` has withdrawn what was open of them."""
        ended = {ref: found.parents[ref] for ref in refs}
        for order in ended.values():
            order.children[:] = [self._moving(child) for child in order.children]
        await self._wait([child for order in ended.values() for child in order.children])
        for ref, order in ended.items():
            if order.done is None and all(child.done() for child in order.children):
                order.done = sums_of(order) | {"reason": "cancelled by its owner"}
                await self.journal.write(Entry(Kind.DONE, self.broker.clock.now, ref, "", order.done))
                self._tell(parent_lines(order)[0])
        return self._ended(ended)

    async def resolve(self, found: Recorded, ref: str, venue_id: str | None) -> Ended:
        """Say which order at the venue a child is where look-ups cannot; its rest is withdrawn, and its parent order can be resumed.

        Parameters
        ----------
        found : Recorded
            What the journal holds, after `begin`.
        ref : str
            Of the child.
        venue_id : str or None
            The venue's id of it; None where the venue has no such order.

        Raises
        ------
        UsageError
            No such child or order, or one that is another child's, or a child whose outcome is known.
        """
        if self.stopped:
            return self._ended({})
        self.broker.resolve(ref, venue_id)
        order = next(order for order in found.parents.values() if any(child.ref == ref for child in order.children))
        order.children[:] = [self._moving(child) for child in order.children]
        await self._wait([child for child in order.children if child.ref == ref])
        return self._ended({order.parent.ref: order})

    def _carry(self, order: WorkingOrder, before: Sequence[LiveChild] = ()) -> None:
        self._carried[order.parent.ref] = _Carried(order, before)
        self._tell(f"working {order_line(order.parent, self.broker.zone(order.parent.symbol))}")

    def _all_over(self) -> bool:
        return all(carried.order.over for carried in self._carried.values())

    def _over(self, _: WorkingOrder) -> None:
        self._changed.set()

    async def price(self, symbol: str) -> float:
        """The last price of a symbol, currency per share: of its book, else the close of the session before; NaN where there is none."""
        reads = self.broker.reads
        await reads.instrument(symbol)
        await reads.book(symbol)
        if math.isnan(reads.price(symbol)):
            bars = await reads.history(symbol, 1, self.broker.state.settings.bar, self.broker.session(self.broker.clock.now))
            if bars is not None:
                reads.prices[symbol] = float(bars.close[bars.rows(symbol)][-1]), 0  # so old that it is read again for a child
        return reads.price(symbol)

    async def _to_the_end(self) -> Ended:
        """Work the orders; whatever breaks that, no open order is left behind without a word."""
        try:
            return await self._worked()
        except Exception as error:
            self.stop(f"{type(error).__name__}: {error}")
            self._recall()
            await self._wait(self._children())
            for child in self._children():
                if not child.done():
                    error.add_note(f"may still trade:{child_line(child)}")
            raise

    async def _worked(self) -> Ended:
        """Wait until all orders are over, and write down their ends."""
        recalled = False
        while not self._all_over():
            self._look_for_trouble()
            if self.stopped and not recalled:
                recalled = True
                self._recall()
            if self._hurry:
                break
            await self._conclude()
            self._changed.clear()
            await _within(self._changed, LOOK)
        await self._wait(self._children())
        await self._conclude()
        return self._ended({ref: self._recorded(ref) for ref in self._carried})

    def _look_for_trouble(self) -> None:
        why = self.broker.state.stopped() or self.journal.broken
        if why and not self.stopped:
            self.stop(why)

    def _recall(self) -> None:
        log.warning("stopping: %s; open children are asked back", self.stopped)
        for carried in self._carried.values():
            carried.order.cancel()
        for child in self._children():
            if not child.done():
                self.broker.withdraw(child)

    async def _wait(self, children: Iterable[LiveChild]) -> None:
        """Wait until children are over, as long as patience lasts."""
        clock, children = self.broker.clock, list(children)
        until = clock.now + self.patience
        while not self._hurry and clock.now < until and not all(child.done() for child in children):
            self._look_for_trouble()
            self._changed.clear()
            await _within(self._changed, LOOK)

    def _children(self, ref: str | None = None) -> list[LiveChild]:
        """Children of the orders of this run, or of one of them, those of earlier runs too."""
        known = [carried.child for carried in self.broker.state.known]
        return [child for child in known if child.parent.ref in self._carried and ref in (None, child.parent.ref)]

    async def _conclude(self, reason: str = "") -> None:
        """Write down the end of orders that are over, and no child of which may trade any more; a stopped one can be resumed."""
        for ref, carried in self._carried.items():
            if carried.done is not None or not carried.order.over or (self.stopped and carried.order.cancelled and not reason):
                continue
            children = self._children(ref)
            if not all(child.done() for child in children):
                continue
            self._compare(ref, carried, children)
            said = {"reason": reason} if reason else {}
            sums = sums_of(self._recorded(ref))
            errors = self._errors(carried.order, sums["left"])
            carried.done = sums | {"errors": first_of(errors, MOST_ERRORS)} | said
            try:
                await self.journal.write(Entry(Kind.DONE, self.broker.clock.now, ref, "", carried.done))
            except JournalError as error:
                carried.done = None
                self.stop(str(error))
                return
            for line in (parent_lines(self._recorded(ref))[0], *(f"  {error}" for error in first_of(errors, SHOWN_ERRORS))):
                self._tell(line)

    def _errors(self, order: WorkingOrder, left: float) -> list[str]:
        """What went wrong with an order; one that ends before its window with shares left, and nobody says why, is wrong too."""
        early = left > 0 and self.broker.clock.now < order.parent.deadline and not (order.cancelled or self.stopped)
        return order.errors or (
            ["it ended before its window with shares left, and nothing says why; work them by another order"] if early else []
        )

    def _compare(self, ref: str, carried: _Carried, children: Sequence[LiveChild]) -> None:
        """An executor and its broker must have counted the same."""
        by_executor, counted = carried.order.filled, math.fsum(child.traded for child in children)
        if abs(by_executor - counted) > 1e-9 * carried.order.ordered and not carried.doubted:
            carried.doubted = True
            self.broker.state.alert(
                f"{ref}: its executor counts {by_executor:g} shares, and its children got {counted:g}; trust the venue's list"
            )

    def _recorded(self, ref: str) -> RecordedParent:
        carried = self._carried[ref]
        parent = carried.order.parent
        return RecordedParent(parent, self._children(ref), done=carried.done, zone=self.broker.zone(parent.symbol))

    def _ended(self, parents: Mapping[str, RecordedParent]) -> Ended:
        left = [child for order in parents.values() for child in order.children if not child.done() or is_unknown(child)]
        return Ended(
            parents=parents,
            summaries={ref: carried.order.summary() for ref, carried in self._carried.items()},
            stopped=self.stopped,
            alerts=tuple(alert.text for alert in self.broker.alerts),
            open=tuple(left),
            estimated=self.broker.estimates_commission,
        )


async def _within(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event no longer than some real seconds."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
