"""`Starting`: children of an earlier run are taken in, found, and brought to an end before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable

from exec_algos.brokers.child import LiveChild
from exec_algos.brokers.known import Carried
from exec_algos.brokers.lanes import Cause
from exec_algos.brokers.state import LiveState
from exec_algos.errors import UsageError
from exec_algos.model.lifecycle import Event, State


class Starting:
    """Takes in what an earlier run left.

    Parameters
    ----------
    state : LiveState
    """

    def __init__(self, state: LiveState) -> None:
        self._state = state

    def adopt(self, children: Iterable[LiveChild]) -> list[Carried]:
        """Take children in; one whose answer was not written is unknown.

        Raises
        ------
        UsageError
            Two of one ref.
        """
        return [self._adopt(child) for child in children]

    def _adopt(self, child: LiveChild) -> Carried:
        state = self._state
        if state.known.by_ref(child.ref) is not None:
            raise UsageError(f"two children have the ref {child.ref!r}; a journal holds each once")
        carried = state.known.add(child)
        child.charge(state.charged)
        carried.alerted, carried.tended = len(child.alerts), True  # not before look-ups have shown how it stands
        child.sent = child.sent or child.parent.start
        if child.state is State.INTENT:
            state.move(carried, Event.SEND, sent=child.sent)
        if child.state is State.SENT and not child.venue_id:
            state.silence(carried, "the run that sent it ended before the answer was written")
        elif child.state is State.UNKNOWN:
            carried.unknown_since = state.clock.now
            state.moved(carried)
        carried.over_since = state.clock.now if child.done() else 0
        carried.absent_since = child.absent if child.state is State.NOT_SENT else 0
        carried.tended = False
        return carried

    async def settle(self, adopted: Iterable[Carried]) -> None:
        """Bring children to an end: unknown ones are found, open ones cancelled or followed."""
        state, cancel = self._state, self._state.settings.on_open == "cancel"
        unfinished = [carried for carried in adopted if not carried.child.done()]
        for carried in unfinished:
            carried.child.withdrawn = carried.child.withdrawn or cancel
            if not carried.tended:
                state.tend(carried)
        for carried in unfinished:
            while self._waits(carried, cancel):
                await carried.changed.wait(state.clock, state.clock.now + state.settings.poll)

    def _waits(self, carried: Carried, cancel: bool) -> bool:
        """Whether nothing may be sent because of a child; its lane alone stays frozen where only a person can say which it is."""
        child = carried.child
        asked = (child.ref, Cause.OPERATOR) in self._state.lane(carried).frozen
        return not child.done() and not asked and (cancel or child.state is State.UNKNOWN)
