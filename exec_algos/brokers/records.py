"""What a live broker writes down, and what it asks before it sends: `Entry`, and the protocols `Journal` and `Limits`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from exec_algos.model import ParentOrder


class Kind(StrEnum):
    """What an entry says."""

    SESSION = "session"
    """Who writes: venue, account, currency, clock. The first entry of each run."""
    PARENT = "parent"
    """A parent order was accepted: all its fields, algorithm text and seed included."""
    CURVE = "curve"
    """The curve that its plan follows."""
    INTENT = "intent"
    """A child order is about to be sent."""
    OUTCOME = "outcome"
    """A life cycle event of a child: ``event, reason, venue_id, accepted``."""
    FILL = "fill"
    """Something of a child traded: ``quantity, price, time, execution_id, commission`` and the cumulative ``polled``."""
    CANCEL = "cancel"
    """The rest of a child was asked back."""
    UNKNOWN = "unknown"
    """Nobody knows what became of a child: ``reason``."""
    RESOLVED = "resolved"
    """It is known again: ``event, how, venue_id``."""
    AMENDED = "amended"
    """A parent order asks for something else: all its fields."""
    DONE = "done"
    """A parent order is over: its sums."""
    REFUSED = "refused"
    """A limit refused an order: ``limit, value, bound``."""
    ALERT = "alert"
    """Somebody has to look: ``text``."""


class Entry(NamedTuple):
    """One thing that happened.

    Attributes
    ----------
    kind : Kind
    time : int
        ns UTC, of the session's clock.
    parent, child : str
        Refs; empty where it is of none.
    data : mapping
        What JSON can hold; a number that is NaN is None.
    """

    kind: Kind
    time: int
    parent: str
    child: str
    data: Mapping[str, Any]


def parent_data(parent: ParentOrder) -> dict[str, Any]:
    """All fields of a parent order, as a journal holds them: those that are values of ours in their text form."""
    data = {field.name: getattr(parent, field.name) for field in fields(parent)}
    rules = {field.name: getattr(parent.rules, field.name) for field in fields(parent.rules)}
    rules |= {name: None if rules[name] is None else str(rules[name]) for name in ("residual", "style", "randomisation")}
    return data | {"side": parent.side.name, "rules": rules, "pauses": [list(pause) for pause in parent.pauses]}


class Journal(Protocol):
    """Where entries go, in the order in which they come."""

    async def write(self, entry: Entry) -> None:
        """Returns when the entry, and all before it, are on disk.

        Raises
        ------
        JournalError
            It cannot be written; nothing may be sent any more.
        """
        ...

    def note(self, entry: Entry) -> None:
        """Take the entry in; it is on disk soon, and before whatever is written after it.

        Raises
        ------
        JournalError
            An earlier entry could not be written.
        """
        ...


class Limits(Protocol):
    """What a live broker asks before it accepts a parent and before it sends a child. Each answers why not; an empty text allows it."""

    def refuse_parent(self, parent: ParentOrder, price: float) -> str:
        """Why a parent order must not be accepted, at a last price in currency per share (NaN: not known)."""
        ...

    def refuse_child(self, parent: ParentOrder, shares: float, price: float) -> str:
        """Why a child of so many shares must not be sent."""
        ...


class NoJournal:
    """Keeps nothing: a session without a journal cannot be resumed."""

    async def write(self, entry: Entry) -> None:
        """Nothing is written."""

    def note(self, entry: Entry) -> None:
        """Nothing is written."""


class NoLimits:
    """Allows everything."""

    def refuse_parent(self, parent: ParentOrder, price: float) -> str:
        """Nothing is refused."""
        return ""

    def refuse_child(self, parent: ParentOrder, shares: float, price: float) -> str:
        """Nothing is refused."""
        return ""
