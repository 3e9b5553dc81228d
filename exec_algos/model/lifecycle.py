"""The life of a child order at a venue: its states, what can happen to it, and the table of what follows."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType

from exec_algos.errors import LifeCycleError


class State(StrEnum):
    """Where a child order stands. `filled`, `cancelled`, `rejected` and `not_sent` are final."""

    INTENT = "intent"
    """Decided, and not sent yet."""
    SENT = "sent"
    """Its request is on its way."""
    OPEN = "open"
    """The venue has it."""
    PARTIAL = "partial"
    """A part of it traded."""
    CANCEL_SENT = "cancel_sent"
    """Its rest is asked back; it may trade until that is confirmed."""
    UNKNOWN = "unknown"
    """Nobody knows whether the venue has it; it counts as open."""
    FILLED = "filled"
    CANCELLED = "cancelled"
    """Its rest was cancelled, or expired."""
    REJECTED = "rejected"
    NOT_SENT = "not_sent"


class Event(StrEnum):
    """What happens to a child order."""

    SEND = "send"
    """Its request leaves."""
    NO_SEND = "no_send"
    """Its request did not leave, for certain."""
    ACCEPT = "accept"
    """The venue says that it has it: in its answer, in a report, or in a row of a look-up."""
    REJECT = "reject"
    SILENCE = "silence"
    """No answer came, or one that makes no sense."""
    FILL = "fill"
    """A part traded, and some is left."""
    FILL_ALL = "fill_all"
    """Something traded, and nothing is left."""
    ASK_CANCEL = "ask_cancel"
    """We ask for what is still open."""
    CANCEL_DENIED = "cancel_denied"
    """The venue did not cancel; it is asked again as long as the child is open."""
    CANCEL = "cancel"
    """The venue says that its rest is over: cancelled, or expired."""
    ABSENT = "absent"
    """The look-ups have proved that the venue does not have it."""


FINAL = frozenset({State.FILLED, State.CANCELLED, State.REJECTED, State.NOT_SENT})

# state -> {event: next state}; what is not here raises. A fill may come in any state, and before the acknowledgement; so may every
# report before the answer to the request that it follows, which is then lost, or says "denied".
_AFTER: dict[State, dict[Event, State]] = {
    State.INTENT: {Event.SEND: State.SENT, Event.NO_SEND: State.NOT_SENT},
    State.SENT: {
        Event.ACCEPT: State.OPEN,
        Event.REJECT: State.REJECTED,
        Event.NO_SEND: State.NOT_SENT,
        Event.SILENCE: State.UNKNOWN,
        Event.FILL: State.PARTIAL,
        Event.FILL_ALL: State.FILLED,
        Event.CANCEL: State.CANCELLED,
    },
    State.OPEN: {
        Event.ACCEPT: State.OPEN,
        Event.REJECT: State.REJECTED,
        Event.SILENCE: State.UNKNOWN,
        Event.FILL: State.PARTIAL,
        Event.FILL_ALL: State.FILLED,
        Event.ASK_CANCEL: State.CANCEL_SENT,
        Event.CANCEL: State.CANCELLED,
        Event.CANCEL_DENIED: State.OPEN,
    },
    State.PARTIAL: {
        Event.ACCEPT: State.PARTIAL,
        Event.SILENCE: State.UNKNOWN,
        Event.FILL: State.PARTIAL,
        Event.FILL_ALL: State.FILLED,
        Event.ASK_CANCEL: State.CANCEL_SENT,
        Event.CANCEL: State.CANCELLED,
        Event.CANCEL_DENIED: State.PARTIAL,
    },
    State.CANCEL_SENT: {
        Event.ACCEPT: State.CANCEL_SENT,
        Event.REJECT: State.REJECTED,
        Event.SILENCE: State.UNKNOWN,
        Event.FILL: State.CANCEL_SENT,
        Event.FILL_ALL: State.FILLED,
        Event.ASK_CANCEL: State.CANCEL_SENT,
        Event.CANCEL_DENIED: State.CANCEL_SENT,
        Event.CANCEL: State.CANCELLED,
    },
    State.UNKNOWN: {
        Event.ACCEPT: State.OPEN,
        Event.REJECT: State.REJECTED,
        Event.SILENCE: State.UNKNOWN,
        Event.FILL: State.PARTIAL,
        Event.FILL_ALL: State.FILLED,
        Event.CANCEL: State.CANCELLED,
        Event.ABSENT: State.NOT_SENT,
        Event.ASK_CANCEL: State.UNKNOWN,
        Event.CANCEL_DENIED: State.UNKNOWN,
    },
    State.FILLED: {
        Event.ACCEPT: State.FILLED,
        Event.SILENCE: State.FILLED,
        Event.FILL_ALL: State.FILLED,
        Event.CANCEL_DENIED: State.FILLED,
        Event.CANCEL: State.FILLED,
    },
    State.CANCELLED: {
        Event.ACCEPT: State.CANCELLED,
        Event.SILENCE: State.CANCELLED,
        Event.FILL: State.CANCELLED,
        Event.FILL_ALL: State.FILLED,
        Event.CANCEL_DENIED: State.CANCELLED,
        Event.CANCEL: State.CANCELLED,
    },
    State.REJECTED: {
        Event.ACCEPT: State.OPEN,
        Event.REJECT: State.REJECTED,
        Event.SILENCE: State.REJECTED,
        Event.FILL: State.PARTIAL,
        Event.FILL_ALL: State.FILLED,
        Event.CANCEL_DENIED: State.REJECTED,
        Event.CANCEL: State.REJECTED,
    },
    State.NOT_SENT: {
        Event.ACCEPT: State.OPEN,
        Event.REJECT: State.REJECTED,
        Event.CANCEL_DENIED: State.NOT_SENT,
        Event.FILL: State.PARTIAL,
        Event.FILL_ALL: State.FILLED,
        Event.CANCEL: State.CANCELLED,
    },
}
AFTER = MappingProxyType({(state, event): then for state, events in _AFTER.items() for event, then in events.items()})

# what a venue may say that was not to be expected any more: it counts, and somebody has to be told
ALERTS = MappingProxyType(
    {
        (State.FILLED, Event.FILL_ALL): "traded more than it asked for",
        (State.CANCELLED, Event.FILL): "traded after it was reported as cancelled",
        (State.CANCELLED, Event.FILL_ALL): "traded after it was reported as cancelled",
        (State.REJECTED, Event.ACCEPT): "is at the venue, which had refused it",
        (State.REJECTED, Event.FILL): "traded after it was refused",
        (State.REJECTED, Event.FILL_ALL): "traded after it was refused",
        (State.NOT_SENT, Event.ACCEPT): "is at the venue, although the look-ups had not shown it",
        (State.NOT_SENT, Event.REJECT): "reached the venue, which refused it, although the look-ups had not shown it",
        (State.NOT_SENT, Event.FILL): "traded, although the look-ups had not shown it",
        (State.NOT_SENT, Event.FILL_ALL): "traded, although the look-ups had not shown it",
        (State.NOT_SENT, Event.CANCEL): "was at the venue, although the look-ups had not shown it",
    }
)


def after(state: State, event: Event) -> State:
    """The state that follows.

    Raises
    ------
    LifeCycleError
        The event cannot happen in that state.
    """
    then = AFTER.get((state, event))
    if then is None:
        known = ", ".join(sorted(name for (at, name) in AFTER if at is state))
        raise LifeCycleError(f"a child order that is {state} cannot meet {event}; what can happen to it: {known}")
    return then
