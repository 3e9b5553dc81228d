"""`Sending`: from a child that was decided to the venue's answer, once."""

from __future__ import annotations

import asyncio
from typing import Any

from exec_algos.brokers.allowed import intent_of
from exec_algos.brokers.applying import Applied
from exec_algos.brokers.known import Carried
from exec_algos.brokers.records import Kind
from exec_algos.brokers.requests import Priority
from exec_algos.brokers.state import LiveState
from exec_algos.brokers.venue import Accepted, NotSent, Rejected
from exec_algos.brokers.waiting import wait_until
from exec_algos.errors import JournalError
from exec_algos.model.lifecycle import Event, State


class Sending:
    """Sends children.

    Parameters
    ----------
    state : LiveState
    applied : Applied
    """

    def __init__(self, state: LiveState, applied: Applied) -> None:
        self._state, self._applied = state, applied
        self._late: set[asyncio.Future[Any]] = set()

    async def send(self, carried: Carried) -> None:
        """Wait for a child's turn, write it down, send it; its state says what came of it."""
        state, lane = self._state, self._state.lane(carried)
        why = await self._turn(carried)
        if why:
            state.move(carried, Event.NO_SEND, why)
            return
        try:
            why = await self._write(carried) or self._hindered(carried) or "; ".join(lane.frozen.values())
            if why or not state.may_send:
                state.move(carried, Event.NO_SEND, why or "the venue's orders are looked up first")
            elif state.known.is_there(carried.child.own_id):
                carried.child.sent = state.clock.now
                state.move(carried, Event.SEND, sent=carried.child.sent)
                state.silence(carried, f"the venue has an order {carried.child.own_id!r} already; it is looked up, not sent")
            else:
                await self._request(carried)
        finally:
            lane.release()

    def _hindered(self, carried: Carried) -> str:
        """Why a child must not be sent any more."""
        state, child = self._state, carried.child
        if child.withdrawn:
            return "withdrawn before it was sent"
        if state.clock.now >= child.expires:
            frozen = "; ".join(state.lane(carried).frozen.values())
            return "it waited past its expiry" + (f": {frozen}" if frozen else "" if state.may_send else ": the venue was not ready")
        if stopped := state.stopped():
            state.alert(f"nothing is sent: {stopped}")
        return stopped

    async def _turn(self, carried: Carried) -> str:
        """Wait until its lane is free and the venue takes a request; holds the lane then. Else why it must not be sent."""
        state, child, lane = self._state, carried.child, self._state.lane(carried)
        while not (why := self._hindered(carried)):
            if not (state.may_send and lane.free):
                await state.gate.wait(state.clock, child.expires)
                continue
            lane.hold()
            if await self._may_go(carried):
                return ""
        return why

    async def _may_go(self, carried: Carried) -> bool:
        """Wait for a request; whether the child may still be sent then. It holds its lane only where it may."""
        state, lane, granted = self._state, self._state.lane(carried), False
        try:
            taken = await state.requests.take(Priority.ORDER, carried.child.expires)
            granted = taken and state.may_send and not lane.frozen and not self._hindered(carried)
        finally:
            if not granted:
                lane.release()
        return granted

    async def _write(self, carried: Carried) -> str:
        """The intent is on disk before its request leaves."""
        state, child = self._state, carried.child
        data = {"lots": child.lots, "limit": child.limit, "expires": child.expires, "own_id": child.own_id}
        try:
            await state.journal.write(state.entry(Kind.INTENT, carried, data))
        except JournalError as error:
            state.break_off(error)
            return state.broken
        return ""

    async def _request(self, carried: Carried) -> None:
        state, child = self._state, carried.child
        intent = intent_of(child)
        child.sent = state.clock.now
        state.move(carried, Event.SEND, sent=child.sent)
        state.asked.ring()  # look-ups come more often while a child is open
        request = asyncio.ensure_future(state.venue.send(intent))
        try:
            answered = await wait_until(state.clock, request, child.sent + state.settings.answer)
        except asyncio.CancelledError:
            request.cancel()
            state.silence(carried, "the broker was closed before the venue's answer came")
            raise
        if answered:
            self._answer(carried, request)
            return
        self._late.add(request)
        request.add_done_callback(lambda done: self._answer_late(carried, done))
        state.silence(carried, f"{state.method('send')} gave no answer within {state.settings.answer / 1e9:g} s")

    def _answer_late(self, carried: Carried, request: asyncio.Future[Any]) -> None:
        self._late.discard(request)
        if not request.cancelled() and request.exception() is None:
            self._answer(carried, request)

    def _answer(self, carried: Carried, request: asyncio.Future[Any]) -> None:
        state = self._state
        method = state.method("send")
        if request.cancelled():
            state.silence(carried, f"{method} was cancelled")
            return
        error = request.exception()
        if error is not None:
            state.silence(carried, f"{method} raised {type(error).__name__}: {error}")
            return
        answer = request.result()
        if isinstance(answer, Accepted):
            self._accepted(carried, answer)
        elif isinstance(answer, Rejected):
            carried.child.lasting = answer.lasting
            said = f"{answer.code} {answer.text}".strip() or "refused without a reason"
            self._say(carried, Event.REJECT, said, lasting=answer.lasting)
        elif isinstance(answer, NotSent):
            self._say(carried, Event.NO_SEND, answer.why)
        else:
            state.silence(carried, f"VenueError: {method} answered {answer!r}, which is none of Accepted, Rejected, NotSent")

    def _say(self, carried: Carried, event: Event, why: str, **data: Any) -> None:
        """The answer says that nothing of it trades; where the venue showed it before, that is no answer."""
        if carried.child.state in (State.SENT, State.UNKNOWN) and not carried.child.venue_id:
            event = Event.ABSENT if event is Event.NO_SEND and carried.child.state is State.UNKNOWN else event
            self._state.move(carried, event, why, **data)
        else:
            self._state.doubt(
                carried, f"{self._state.method('send')} said of {carried.child.ref} that it is {event} ({why}), but it is there"
            )

    def _accepted(self, carried: Carried, answer: Accepted) -> None:
        state, child = self._state, carried.child
        wrong = _wrong_answer(answer) or self._taken(carried, answer.venue_id)
        if wrong:
            state.silence(carried, f"VenueError: {state.method('send')} answered Accepted with {wrong}")
            return
        kind = Kind.RESOLVED if child.state is State.UNKNOWN else Kind.OUTCOME
        state.move(carried, Event.ACCEPT, "", kind, venue_id=answer.venue_id, time=answer.time)
        self._applied.identify(carried, answer.venue_id, answer.time)

    def _taken(self, carried: Carried, venue_id: str) -> str:
        child = carried.child
        if child.venue_id and child.venue_id != venue_id:
            return f"venue_id {venue_id!r} where a report said {child.venue_id!r}"
        if self._state.known.taken(venue_id, carried, self._state.clock.now):
            return f"venue_id {venue_id!r}, which is another child's"
        return ""

    def close(self) -> list[asyncio.Future[Any]]:
        """Requests that may still be answered."""
        return list(self._late)


def _wrong_answer(answer: Any) -> str:
    if not isinstance(answer.venue_id, str) or not answer.venue_id:
        return f"venue_id {answer.venue_id!r}"
    if isinstance(answer.time, bool) or not isinstance(answer.time, int) or answer.time < 0:
        return f"time {answer.time!r}"
    return ""
