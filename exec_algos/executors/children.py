"""The children of a parent order at a venue that is not replayed: what each got is counted whenever it is known, late reports too."""

from __future__ import annotations

import logging
import math
from typing import Any, NamedTuple

from exec_algos.brokers.carried import CarriedChild
from exec_algos.brokers.child import ChildOrder
from exec_algos.brokers.reported import Reported
from exec_algos.errors import NotSentError, OrderRejectedError, UsageError, WrongFillError
from exec_algos.exchange.child import Child
from exec_algos.model import Fill, ParentOrder
from exec_algos.model.lifecycle import State

NEARLY = 1e-9  # of a child: sums of fractional shares


class Sums(NamedTuple):
    """Shares of children: what traded, what is open at the venue, and what of an unknown outcome may trade yet."""

    filled: float
    working: float
    unknown: float


class Wrapper:
    """A child order in front of the one that reaches the venue, which is None before it does."""

    started: ChildOrder | None = None


class Released:
    """A child order that was released, and what was counted of it.

    Parameters
    ----------
    number : int
        Its slice.
    child : ChildOrder
    time : int
        When it was released, ns UTC.
    """

    __slots__ = ("_read", "child", "count", "doubt", "fills", "number", "over", "said", "shares", "time")

    def __init__(self, number: int, child: ChildOrder, time: int) -> None:
        self.number, self.child, self.time = number, child, time
        self.fills: list[Fill] = []
        self.shares = 0.0
        self.over = self.said = False
        self.doubt: WrongFillError | None = None
        self.count, self._read = 0, self.fills

    def fresh(self, fills: list[Fill]) -> bool:
        """Whether its trades are others than those that were counted."""
        return len(fills) != self.count or (fills is not self._read and bool(fills))

    def keep(self, fills: list[Fill], right: list[Fill]) -> None:
        """Count what is right of its trades."""
        self._read, self.count = fills, len(fills)
        self.fills, self.shares = right, math.fsum(fill.quantity for fill in right)

    @property
    def venue_child(self) -> ChildOrder | None:
        """The one that reaches the venue."""
        return self.child.started if isinstance(self.child, Wrapper) else self.child

    def sums(self, lot: float) -> Sums:
        """Where its shares are."""
        child = self.child
        if self.over and self.doubt is None:
            return Sums(self.shares, 0.0, 0.0)
        most = child.lots * lot
        left = max(most - self.shares, 0.0)
        if self.doubt is not None:
            return Sums(self.shares, 0.0, left)
        if not isinstance(self.venue_child, Child):  # a replayed one counts as a whole until it is over
            left = min(left, child.open * lot)
        unknown = child.state is State.UNKNOWN
        return Sums(self.shares, 0.0 if unknown else left, left if unknown else 0.0)


class Children:
    """All children of one parent order that were released to a venue that tells what became of them in its own time.

    Parameters
    ----------
    reported : Reported
        Looks at what the broker says.
    errors : list of str
        Where it is said what went wrong.
    log : logging.Logger
    name : str
        The algorithm's, for the log.

    Attributes
    ----------
    failures : int
        Children of unknown outcome, one after the other.
    fault : UsageError or WrongFillError or None
        What ends the order.
    lasting : str
        Why the venue refuses every further child.
    touched : bool
        There is anything to look at.
    """

    def __init__(self, reported: Reported, errors: list[str], log: logging.Logger, name: str) -> None:
        self.reported, self.errors, self.log, self.name = reported, errors, log, name
        self.all: list[Released] = []
        self.failures, self.lasting, self.touched = 0, "", False
        self.fault: UsageError | WrongFillError | None = None

    def add(self, number: int, child: ChildOrder, time: int) -> None:
        """One more was released."""
        self.all.append(Released(number, child, time))
        self.touched = True

    def collect(self, parent: ParentOrder, slices: int) -> Sums:
        """Count what is new, of children that were over before too."""
        filled = working = unknown = 0.0
        for released in self.all:
            self._look(released, parent, slices)
            sums = released.sums(parent.lot_size)
            filled, working, unknown = filled + sums.filled, working + sums.working, unknown + sums.unknown
        return Sums(filled, working, unknown)

    def _look(self, released: Released, parent: ParentOrder, slices: int) -> None:
        child, over = released.child, released.child.done()
        if not over and isinstance(released.venue_child, Child):
            return  # in replay a child counts when it is over, as it does in the compiled loop
        fills = child.fills
        if released.doubt is None and (released.fresh(fills) or (over and not released.over)):
            self._count(released, fills, parent)
        if over and not released.over:
            self._end(released, slices)
        released.over = over
        if child.state is State.UNKNOWN and not released.said:
            self._lose(released, slices)

    def _count(self, released: Released, fills: list[Fill], parent: ParentOrder) -> None:
        child, before = released.child, released.shares
        right, doubt = self._believed(released, fills, parent)
        released.keep(fills, right)
        if doubt is not None:
            self.stop(released, doubt)
        if released.over and released.shares > before:
            self._alert(released, f"{released.shares - before:g} shares traded after it was over")
        asked = child.lots * parent.lot_size
        if released.shares > asked * (1 + NEARLY) and before <= asked * (1 + NEARLY):
            self._alert(released, f"{released.shares:g} shares traded, more than the {asked:g} that it asked for")

    def _believed(self, released: Released, fills: list[Fill], parent: ParentOrder) -> tuple[list[Fill], WrongFillError | None]:
        """Those trades that can be true, and what is wrong with the others."""
        child, venue_child = released.child, released.venue_child
        terms = parent, child.lots, child.limit, released.time
        if isinstance(venue_child, Child):  # it looks at each trade itself
            return list(fills), None
        if isinstance(venue_child, CarriedChild) and venue_child.done():
            said, doubt = self._answer(child), None
            if said is not None:
                doubt = self.reported.wrong(said[0], *terms)
            return ([] if doubt else list(fills)), doubt
        doubts = [self.reported.wrong(fill, *terms, most=math.inf) for fill in fills]
        right = [fill for fill, doubt in zip(fills, doubts, strict=True) if doubt is None]
        return right, next((doubt for doubt in doubts if doubt is not None), None)

    @staticmethod
    def _answer(child: ChildOrder) -> tuple[Any] | None:
        """What its broker answered; None where it raised."""
        try:
            return (child.result(),)
        except Exception:
            return None

    def _end(self, released: Released, slices: int) -> None:
        """It is over: say what became of it."""
        number, child = released.number, released.child
        if released.doubt is not None:
            return
        try:
            child.result()
        except WrongFillError as error:
            self.stop(released, error)
            return
        except Exception as error:
            self.refuse(number, error, slices)
            return
        self.failures = 0
        if child.reason and child.open == 0 and child.state is not State.FILLED:
            self.errors.append(f"slice {number + 1}: {child.reason}")
        if self.log.isEnabledFor(logging.INFO):
            got = f"{released.shares:g}" if released.shares else "nothing filled"
            self.log.info("[%s] Slice %d/%d: %s", self.name, number + 1, slices, got)

    def refuse(self, number: int, error: Exception, slices: int) -> None:
        """Nothing of a child is at the venue: its slice is skipped, and the order goes on unless the next would be refused too."""
        self.touched = True
        self.errors.append(f"slice {number + 1}: {type(error).__name__}: {error}")
        self.log.warning("[%s] Slice %d/%d failed: %r", self.name, number + 1, slices, error)
        if isinstance(error, UsageError):
            self.fault = self.fault or error
        if isinstance(error, OrderRejectedError):
            self.failures = 0
            if error.lasting:
                self.lasting = self.lasting or str(error)
        elif not isinstance(error, NotSentError):
            self.failures += 1

    def stop(self, released: Released, error: WrongFillError) -> None:
        """What a broker said of a child cannot be: what it got is unknown, and may be all that it asked for."""
        released.doubt, self.fault = error, self.fault or error
        self.failures += 1
        self._alert(released, f"{type(error).__name__}: {error}")

    def _lose(self, released: Released, slices: int) -> None:
        """Nobody knows what became of a child: it counts as open."""
        child, venue_child = released.child, released.venue_child
        released.said = True
        self.failures += 1
        self.errors.append(f"slice {released.number + 1}: {child.reason or 'unknown outcome'}")
        self.log.warning("[%s] Slice %d/%d is unknown: %s", self.name, released.number + 1, slices, child.reason)
        error = venue_child.error if isinstance(venue_child, CarriedChild) else None
        if isinstance(error, UsageError):
            self.fault = self.fault or error

    def _alert(self, released: Released, what: str) -> None:
        self.errors.append(f"slice {released.number + 1}: {what}")
        self.log.error("[%s] Slice %d: %s", self.name, released.number + 1, what)

    def waiting(self) -> list[Released]:
        """Those that may still tell more."""
        return [released for released in self.all if not released.over and released.doubt is None and _tells(released)]

    def open(self) -> list[Released]:
        """Those of which something may trade yet."""
        return [released for released in self.all if not released.over]

    def standing(self, lot: float) -> list[Sums]:
        """Where the shares of each are, with what replayed ones have got before they are over."""
        found = []
        for released in self.all:
            sums = released.sums(lot)
            if sums.working and not released.fills and released.child.fills:
                got = math.fsum(fill.quantity for fill in released.child.fills)
                sums = Sums(got, max(sums.working - got, 0.0), 0.0)
            found.append(sums)
        return found

    def fills(self) -> list[Fill]:
        """All trades, those of children that are not over too."""
        found: list[Fill] = []
        for released in self.all:
            found += released.fills if released.fills or released.over or released.doubt is not None else released.child.fills
        return found


def _tells(released: Released) -> bool:
    """Whether something more can be heard of a child."""
    child = released.venue_child
    return not (isinstance(child, CarriedChild) and child.state is State.UNKNOWN and not child.resolvable)
