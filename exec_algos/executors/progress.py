"""What has become of a parent order so far."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from exec_algos.algorithms.base import Algorithm
from exec_algos.brokers.child import ChildOrder
from exec_algos.brokers.reported import Reported
from exec_algos.errors import UsageError, WrongFillError
from exec_algos.exchange.child import Child
from exec_algos.executors.children import Children
from exec_algos.executors.placing import Placing
from exec_algos.market.pieces import pieces
from exec_algos.model import NO_RULES, SECOND, ExecutionSummary, Fill, ParentOrder, Residual, Rules, Session, Terms, summarise
from exec_algos.model.slicing import Slices, all_slices, trading_length

SETTLE = 30 * SECOND
SETTLE_STEPS = 30
SHORTEST = SECOND  # of a last slice: a request to a venue has no time to arrive in less
ROUNDED_DOWN = 1 - 1e-12  # a sum of thousands of fractional fills lies that little beside the lots that it is


class Leg(NamedTuple):
    """One plan of a parent order: an amended order has several.

    Attributes
    ----------
    start : int
        When it begins, ns UTC; it ends with its parent order's window.
    lots : int
        What it is to work.
    done : int
        Lots that were filled before it.
    """

    start: int
    lots: int
    done: int


# slice, lots, what will become of it, its limit, when it was released (ns UTC); a plain tuple, for one is made a slice
Working = tuple[int, int, Child, float, int]


class Standing(NamedTuple):
    """Where the shares of a parent order are.

    Attributes
    ----------
    fills : list of Fill
        All trades in time order, those of children that are not over too.
    working : float
        Shares of children that are open.
    unknown : float
        Shares of children of which nobody knows whether they trade.
    """

    fills: list[Fill]
    working: float
    unknown: float


def continues_until(rules: Rules, end: int, session: Session, bar: int, resolution: int) -> tuple[int | None, int]:
    """Until when the residual policy goes on after a window's `end` in `session`, and when its order for the closing auction is sent.

    It ends with the last whole bar of the session, where bars have a `resolution`; the auction is that bar, or the last `bar` where
    any time will do, and never before the window's end.

    Returns
    -------
    until : int or None
        ns UTC; None where the policy does not go on, or nothing of the session is left.
    auction : int
        ns UTC; -1 then.
    """
    grid = resolution or 1
    close = next((stop for begin, stop in reversed(pieces(session, grid)) if stop > begin), session.open)
    if close <= end or rules.residual not in (Residual.EXTEND, Residual.CLOSE_AUCTION):
        return None, -1
    return close, max(close - bar, end)


def slices_of(parent: ParentOrder, start: int) -> Slices:
    """The decisions of a parent order from `start` (ns UTC) on, those of its residual policy behind those of the window.

    Those of the window are `exec_algos.model.slicing.slices_between`. ``extend`` goes on from there to the deadline; ``close_auction``
    has one slice more, the session's last bar.

    Returns
    -------
    list of (begin, end)
        ns UTC.
    """
    auction = parent.auction if parent.rules.residual == Residual.CLOSE_AUCTION else -1
    return all_slices(start, parent.end, parent.deadline, parent.interval, parent.pauses, auction)


class Progress:
    """What has become of one parent order so far: the only mutable state of an execution.

    Parameters
    ----------
    parent : ParentOrder
    algorithm : Algorithm
        What works it.
    log : logging.Logger
    reported : Reported
        Looks at what the broker says.
    grid : int
        Finest time between decisions, ns.
    """

    def __init__(self, parent: ParentOrder, algorithm: Algorithm, log: logging.Logger, reported: Reported, grid: int = 1) -> None:
        self.algorithm, self.name, self.log, self.grid = algorithm, algorithm.name.upper(), log, grid
        self.fills: list[Fill] = []
        self.errors: list[str] = []
        self.working: list[Working] = []
        self.withdrawn: list[Child] = []
        self.lost: list[Child] = []
        self.children = Children(reported, self.errors, log, self.name)
        self.filled, self.lots, self._own = 0.0, 0, 0.0
        self.per_share = ROUNDED_DOWN / parent.lot_size
        self.talking = log.isEnabledFor(logging.INFO)
        self.released = self._refusals = self.leg_number = 0
        self.failed = False
        self._fault: UsageError | WrongFillError | None = None
        self.closed = False
        self._named: Counter[tuple[int, int]] = Counter()
        self.plan(parent, parent.start)

    @property
    def fault(self) -> UsageError | WrongFillError | None:
        """A caller's mistake, or what the broker said and cannot be: it ends the order."""
        return self._fault or self.children.fault

    @property
    def failures(self) -> int:
        """Children that failed one after the other."""
        return self._refusals or self.children.failures

    def plan(self, parent: ParentOrder, start: int) -> None:
        """Work what is left of `parent` from `start` (ns UTC) on."""
        self.parent = parent
        self.leg_number += 1
        self.leg = Leg(start, parent.lots - self.lots, self.lots)
        bounds = parent.rules.bounds(parent.lot_size)
        slices = -(-trading_length(start, parent.end, parent.pauses) // parent.interval)
        self.terms = Terms(int(parent.side), self.leg.lots, slices, float(parent.lot_size), bounds.limit)
        self.bounds = None if parent.rules == NO_RULES else bounds
        self.placing = Placing(parent, self.terms, start, self.grid)
        self.slices = self.placing.slices(slices_of(parent, start))

    def resume(self, children: Sequence[ChildOrder], start: int) -> bool:
        """Take in what was released before a restart, and plan what is left from `start` (ns UTC) on; whether there is anything to plan.

        Its leg is one behind those of the children's refs.
        """
        self.leg_number = 0
        for child in children:
            leg, number = place_of(child.ref)
            self.leg_number = max(self.leg_number, leg)
            self.children.add(number, child, 0)
        self.released = len(children)
        self.collect()
        if start >= self.parent.deadline or self.lots >= self.parent.lots:
            self.slices = []
            return False
        self.plan(self.parent, start)
        return True

    @property
    def ends_in_a_sliver(self) -> bool:
        """Its window's last slice is too short for a child, as of an order that begins at any instant: the one before ends the curve."""
        begin, over = self.slices[self.terms.slices - 1]
        return over - begin < min(SHORTEST, self.parent.interval // 10)

    def miss(self, number: int) -> None:
        """A slice was over before it could be looked at."""
        if self.collect() + self.lots < self.parent.lots:
            self.errors.append(f"slice {number + 1}: skipped, it was over before it began")

    def release(self, number: int, lots: int, child: ChildOrder, limit: float, now: int) -> None:
        """A child of slice `number` was sent at `now` (ns UTC)."""
        if isinstance(child, Child):  # of our own market, or of a `SteppedBroker`: it looks at each trade itself
            self.working.append((number, lots, child, limit, now))
        else:
            self.children.add(number, child, now)
        self.released += 1

    def ref_of(self, number: int) -> str:
        """The ref of the next child of slice `number`: parent ref, leg, slice, how many of that slice."""
        self._named[self.leg_number, number] += 1
        return f"{self.parent.ref}.{self.leg_number}.{number}.{self._named[self.leg_number, number]}"

    def collect(self) -> int:
        """Take in what the children have got; returns the lots that are open, or of which nobody knows what they get.

        A caller's mistake, and what the broker said and cannot be, stands in `fault`.
        """
        left, waiting = 0, []
        for child in self.working:
            if child[2].over:
                self._take(child)
            else:
                left += child[1]
                waiting.append(child)
        self.working = waiting
        return left + self._collect_live() if self.children.all else left

    def _collect_live(self) -> int:
        """The same of children whose venue tells in its own time."""
        sums = self.children.collect(self.parent, self.terms.slices)
        self.filled = self._own + sums.filled
        self.lots = math.ceil(self.filled * self.per_share)
        return math.ceil((self.filled + sums.working + sums.unknown) * self.per_share) - self.lots

    def _take(self, working: Working) -> None:
        number, lots, child, _, released = working
        try:
            fill = child.result()
        except WrongFillError as error:
            self.children.add(number, child, released)
            self.children.all[-1].keep(child.fills, list(child.fills))
            self.children.stop(self.children.all[-1], error)
            return
        except Exception as error:
            self._fail(number, error, child)
            return
        self._refusals = 0
        if fill.quantity:
            self._count(number, lots, fill, child.reason)
        if self.talking:
            got = f"{fill.quantity:g} @ ${fill.fill_price:.2f}" if fill.quantity else "nothing filled"
            self.log.info("[%s] Slice %d/%d: %s", self.name, number + 1, self.terms.slices, got)

    def _count(self, number: int, lots: int, fill: Fill, reason: str) -> None:
        self._own += fill.quantity
        self.filled = self._own
        self.lots = math.ceil(self.filled * self.per_share)
        if fill.parts:
            self.fills.extend(fill.parts)
        else:
            self.fills.append(fill)
        if reason and fill.quantity * self.per_share < lots * ROUNDED_DOWN**2:
            self.errors.append(f"slice {number + 1}: {reason}")

    def _fail(self, number: int, error: Exception, child: Child) -> None:
        if any(child is asked for asked in self.withdrawn):
            self.errors.append(f"slice {number + 1}: withdrawn, {type(error).__name__}: {error}")
            return
        if isinstance(error, UsageError):
            self._fault = self._fault or error
        self._refusals += 1
        self.failed = True
        self.errors.append(f"slice {number + 1}: {type(error).__name__}: {error}")
        self.log.warning("[%s] Slice %d/%d failed: %r", self.name, number + 1, self.terms.slices, error)

    def hopeless(self, most: int) -> bool:
        """`most` children failed one after the other, or the venue refuses all; a `fault` is raised."""
        if self.fault is not None:
            raise self.fault
        if self.children.lasting:
            self.errors.append(f"given up, for the venue refuses every child: {self.children.lasting}")
            return True
        if self.failures >= most:
            self.errors.append(f"given up after {self.failures} failures in a row")
        return self.failures >= most

    @property
    def waiting(self) -> bool:
        """Some child may still tell what it got."""
        return bool(self.working) or bool(self.children.waiting())

    def give_up(self) -> None:
        """Children that never reported stay unknown: say so. What they report later counts."""
        for number, *_ in self.working:
            self.errors.append(f"slice {number + 1}: no report within {SETTLE // SECOND} s after the window; ask the venue")
        self.name_open(f"no report within {SETTLE // SECOND} s after the window; ask the venue")
        self.let_go()

    def name_open(self, why: str) -> None:
        """Name the children that are open, those that are named already aside."""
        for released in self.children.open():
            if not released.said and released.doubt is None:
                ref, released.said = released.child.ref, True
                self.errors.append(f"slice {released.number + 1}: {why}{f' for {ref}' if ref else ''}")

    def let_go(self) -> None:
        """Wait no more for the children that are open; what they have got counts, and what they may get yet."""
        self.lost += [child[2] for child in self.working]
        self.working = []
        self.closed = True

    def standing(self) -> Standing:
        """Where its shares are now."""
        self.collect()
        lot, working, unknown = self.parent.lot_size, 0.0, 0.0
        live_fills = self.children.fills()
        open_fills = [fill for child in (*self.lost, *(child[2] for child in self.working)) for fill in child.fills]
        for _, lots, child, *_ in self.working:
            working += max(lots * lot - sum(fill.quantity for fill in child.fills), 0.0)
        for sums in self.children.standing(lot):
            working, unknown = working + sums.working, unknown + sums.unknown
        if self.closed:
            working, unknown = 0.0, working + unknown
        fills = sorted(self.fills + open_fills + live_fills, key=lambda fill: fill.time) if open_fills or live_fills else self.fills
        return Standing(fills, working, unknown)

    def trades(self) -> list[Fill]:
        """All trades in time order, those of children that are not over too, as far as these tell."""
        return self.standing().fills

    def summary(self) -> ExecutionSummary:
        """What became of the order until now."""
        standing = self.standing()
        summary = summarise(self.parent, standing.fills, self.released, self.errors, as_whole(standing.unknown))
        if self.children.reported.estimates:
            summary["commission_estimated"] = True
        return summary

    def announce(self) -> None:
        """Say what begins."""
        parent = self.parent
        minutes, slices = trading_length(self.leg.start, parent.end, parent.pauses) / (60 * SECOND), self.terms.slices
        self.log.info("[%s] Starting: %s %g shares over %gmin", self.name, parent.symbol, self.terms.lots * parent.lot_size, minutes)
        self.log.info("[%s] Plan: %d slices, avg %.2f per slice", self.name, slices, self.terms.lots * parent.lot_size / slices)

    def conclude(self) -> None:
        """It is over: let go of the plan, and say what came of it."""
        self.slices = []
        if not self.log.isEnabledFor(logging.INFO):
            return
        done = self.summary()
        got = f"{done['total_quantity']:g} @ avg ${done['avg_fill_price']:.2f}" if done["total_quantity"] else "nothing filled"
        self.log.info("[%s] Completed: %s", self.name, got)
        if done["residual"] > 0:
            self.log.info("[%s] Residual: %g of %g shares not filled", self.name, done["residual"], self.parent.quantity)


def as_whole(shares: float) -> float:
    """Whole shares as a whole number."""
    return int(shares) if float(shares).is_integer() else shares


def place_of(ref: str) -> tuple[int, int]:
    """Leg and slice of a child's ref.

    Raises
    ------
    UsageError
        It is no ``PARENT.LEG.SLICE.NUMBER``.
    """
    parts = ref.rsplit(".", 3)
    if len(parts) != 4 or not all(part.isdecimal() for part in parts[1:]):
        raise UsageError(f"the ref of a child is PARENT.LEG.SLICE.NUMBER, got {ref!r}; resume with the children of a journal")
    return int(parts[1]), int(parts[2])
