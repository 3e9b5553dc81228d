"""`Cancelling`: the rest of a child is asked back at its expiry, or when somebody wants it, until nothing is open."""

from __future__ import annotations

import asyncio
import math
from collections import deque

from exec_algos.brokers.child import LiveChild
from exec_algos.brokers.known import Carried
from exec_algos.brokers.records import Kind
from exec_algos.brokers.requests import Priority
from exec_algos.brokers.state import LiveState
from exec_algos.brokers.venue import Accepted, NotSent, Placed, Rejected
from exec_algos.brokers.waiting import wait_until
from exec_algos.model import SECOND
from exec_algos.model.lifecycle import Event, State

FIRST_LEAD = 2 * SECOND  # before any cancel was confirmed
LONGEST_LEAD = 10 * SECOND
RECENT = 50
QUANTILE = 0.95


class ConfirmTimes:
    """How long cancels take from the request to the venue's word that nothing is open."""

    def __init__(self) -> None:
        self._recent: deque[int] = deque(maxlen=RECENT)

    def add(self, time: int) -> None:
        """One more, ns."""
        self._recent.append(time)

    def lead(self) -> int:
        """The 95 % quantile of the last 50, no more than 10 s; 2 s before the first: ns."""
        if not self._recent:
            return FIRST_LEAD
        ordered = sorted(self._recent)
        return min(ordered[math.ceil(QUANTILE * len(ordered)) - 1], LONGEST_LEAD)


def placed_of(child: LiveChild) -> Placed:
    """A child as the venue has it."""
    return Placed(
        venue_id=child.venue_id,
        own_id=child.own_id,
        symbol=child.parent.symbol,
        side=child.parent.side,
        quantity=child.shares,
        open=max(child.shares - child.traded, 0.0),
    )


class Cancelling:
    """Sees children to their end.

    Parameters
    ----------
    state : LiveState
    """

    def __init__(self, state: LiveState) -> None:
        self._state = state
        self.times = ConfirmTimes()

    async def tend(self, carried: Carried) -> None:
        """Wait until a child is over; from its expiry on, or once it is withdrawn, cancel what is open."""
        child, clock = carried.child, self._state.clock
        while not child.done() and not child.withdrawn and clock.now < child.expires:
            await carried.changed.wait(clock, child.expires)
        asked = 0
        while not child.done():
            if child.state is State.UNKNOWN and not child.venue_id:
                await carried.changed.wait(clock)  # what it is called is not known, so that nothing can be cancelled
                continue
            await self._state.requests.take(Priority.CANCEL)
            if child.done():
                break
            asked = asked or clock.now
            await self._ask(carried)
            again = clock.now + self._state.settings.cancel_again
            while not child.done() and clock.now < again:
                await carried.changed.wait(clock, again)
        if asked:
            self.times.add(max(carried.over_since - asked, 0))

    async def _ask(self, carried: Carried) -> None:
        state, child = self._state, carried.child
        if not state.move(carried, Event.ASK_CANCEL, kind=Kind.CANCEL):
            return
        request = asyncio.ensure_future(state.venue.cancel(placed_of(child)))
        try:
            if not await wait_until(state.clock, request, state.clock.now + state.settings.answer):
                request.cancel()
                return
        except asyncio.CancelledError:
            request.cancel()
            raise
        self._answer(carried, request)
        state.look()

    def _answer(self, carried: Carried, request: asyncio.Future[Accepted | Rejected | NotSent]) -> None:
        state, child = self._state, carried.child
        error = None if request.cancelled() else request.exception()
        if request.cancelled() or error is not None:
            state.note(Kind.CANCEL, carried, reason=f"{state.method('cancel')}: {type(error).__name__}: {error}")
            return
        answer = request.result()
        if isinstance(answer, Rejected):
            state.move(carried, Event.CANCEL_DENIED, f"cancel refused: {answer.code} {answer.text}".strip())
        elif not isinstance(answer, Accepted | NotSent):
            state.alert(f"{state.method('cancel')} answered {child.ref} with {answer!r}, which is no answer; it is asked again", carried)
