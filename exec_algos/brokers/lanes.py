"""Lanes: one for each symbol and side, in which a child is sent only while nothing there is unknown."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from exec_algos.brokers.child import LiveChild
from exec_algos.brokers.waiting import Bell
from exec_algos.model import Side


class Cause(StrEnum):
    """Why a lane is frozen."""

    UNKNOWN = "unknown"
    """Nobody knows what became of a child."""
    DOUBT = "doubt"
    """The venue said of a child what cannot be; a look-up decides."""
    LATE = "late"
    """A child turned up that counted as not sent; its rest is cancelled."""
    OPERATOR = "operator"
    """Only a person can tell."""


class Lane:
    """The children of one symbol and side.

    Attributes
    ----------
    frozen : dict of (str, Cause) to str
        Why nothing is sent here, by the ref of the child that is the reason.
    sending : int
        Requests that are under way.
    """

    def __init__(self, symbol: str, side: Side, gate: Bell, exclusive: bool) -> None:
        self.symbol, self.side = symbol, side
        self.frozen: dict[tuple[str, Cause], str] = {}
        self.sending = 0
        self._gate, self._exclusive = gate, exclusive

    @property
    def free(self) -> bool:
        """Whether a child may be sent."""
        return not self.frozen and not (self._exclusive and self.sending)

    def hold(self) -> None:
        """A child is about to be sent."""
        self.sending += 1

    def release(self) -> None:
        """Its answer is there, or it is unknown."""
        self.sending -= 1
        self._gate.ring()

    def freeze(self, ref: str, cause: Cause, why: str) -> None:
        """Send nothing until `thaw` of the same ref and cause."""
        self.frozen[ref, cause] = why

    def thaw(self, ref: str, *causes: Cause) -> None:
        """What this child had frozen is settled; of all causes where none is named."""
        for cause in causes or tuple(Cause):
            self.frozen.pop((ref, cause), None)
        self._gate.ring()


class Lanes:
    """All lanes of a broker.

    Parameters
    ----------
    gate : Bell
        Rung when a lane may have become free.
    exclusive : bool
        One request at a time in a lane: the venue has no order ids of our own, so that two could not be told apart.
    """

    def __init__(self, gate: Bell, exclusive: bool) -> None:
        self._gate, self._exclusive = gate, exclusive
        self._lanes: dict[tuple[str, Side], Lane] = {}

    def at(self, symbol: str, side: Side) -> Lane:
        """The lane of a symbol and side."""
        lane = self._lanes.get((symbol, side))
        if lane is None:
            lane = self._lanes[symbol, side] = Lane(symbol, side, self._gate, self._exclusive)
        return lane

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    def of(self, child: LiveChild) -> Lane:
        """The lane of a child."""
        return self.at(child.parent.symbol, child.parent.side)

    def frozen(self) -> dict[str, str]:
        """Why nothing is sent in those that are frozen: by ``"SYMBOL SIDE"``."""
        return {f"{lane.symbol} {lane.side.name}": "; ".join(lane.frozen.values()) for lane in self._lanes.values() if lane.frozen}
