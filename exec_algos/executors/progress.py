"""What has become of a parent order so far."""

from __future__ import annotations

import logging
import math
from typing import NamedTuple

from exec_algos.algorithms.base import Algorithm
from exec_algos.brokers.reported import Reported
from exec_algos.clock import CancelledError, Started
from exec_algos.errors import UsageError, VenueError, WrongFillError
from exec_algos.exchange.child import Child
from exec_algos.executors.placing import Placing
from exec_algos.market.pieces import pieces
from exec_algos.model import NO_RULES, SECOND, ExecutionSummary, Fill, ParentOrder, Residual, Rules, Session, Terms, summarise
from exec_algos.model.slicing import Slices, all_slices, trading_length

SETTLE = 30 * SECOND
SETTLE_STEPS = 30
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
Working = tuple[int, int, Started[Fill], float, int]


class Unknown(NamedTuple):
    """A child of which the broker said what cannot be; it counts as open.

    Attributes
    ----------
    lots : int
        What it asked for.
    fills : list of Fill
        What it got as far as that is known.
    """

    lots: int
    fills: list[Fill]


def trades_of(child: Started[Fill]) -> list[Fill]:
    """Trades of a child that is still open, where it tells: one that is carried by a coroutine answers when it is over."""
    fills: list[Fill] = getattr(child, "fills", [])
    return fills


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
        self.reported = reported
        self.algorithm, self.name, self.log, self.grid = algorithm, algorithm.name.upper(), log, grid
        self.fills: list[Fill] = []
        self.errors: list[str] = []
        self.working: list[Working] = []
        self.withdrawn: list[Started[Fill]] = []
        self.lost: list[Started[Fill]] = []
        self.unknown: list[Unknown] = []
        self.fault: UsageError | WrongFillError | None = None
        self.filled, self.lots = 0.0, 0
        self.per_share = ROUNDED_DOWN / parent.lot_size
        self.talking = log.isEnabledFor(logging.INFO)
        self.released = self.failures = 0
        self.plan(parent, parent.start)

    def plan(self, parent: ParentOrder, start: int) -> None:
        """Work what is left of `parent` from `start` (ns UTC) on."""
        self.parent = parent
        self.leg = Leg(start, parent.lots - self.lots, self.lots)
        bounds = parent.rules.bounds(parent.lot_size)
        slices = -(-trading_length(start, parent.end, parent.pauses) // parent.interval)
        self.terms = Terms(int(parent.side), self.leg.lots, slices, float(parent.lot_size), bounds.limit)
        self.bounds = None if parent.rules == NO_RULES else bounds
        self.placing = Placing(parent, self.terms, start, self.grid)
        self.slices = self.placing.slices(slices_of(parent, start))

    def collect(self) -> int:
        """Take in the children that are over; returns the lots of those that are not, or of which nobody knows what they got.

        A caller's mistake, and what the broker said and cannot be, stands in `fault`.
        """
        left, waiting = 0, []
        for child in self.working:
            if child[2].done():
                self._take(child)
            else:
                left += child[1]
                waiting.append(child)
        self.working = waiting
        return left + sum(child.lots for child in self.unknown) if self.unknown else left

    def _take(self, child: Working) -> None:
        number, lots, task, limit, released = child
        try:
            fill = task.result()
            if not isinstance(task, Child):  # a child of our own market, or of a `SteppedBroker`, looks at each trade itself
                self.reported.check(fill, self.parent, lots, limit, released)
        except WrongFillError as error:
            trades = [fill for fill in trades_of(task) if self.reported.wrong(fill, self.parent, lots, limit, released) is None]
            self._stop(number, Unknown(lots, trades), error)
            return
        except (Exception, CancelledError) as error:
            self._fail(number, error, task)
            return
        self.failures = 0
        if fill.quantity:
            self._count(number, lots, fill, task)
        if self.talking:
            got = f"{fill.quantity:g} @ ${fill.fill_price:.2f}" if fill.quantity else "nothing filled"
            self.log.info("[%s] Slice %d/%d: %s", self.name, number + 1, self.terms.slices, got)

    def _count(self, number: int, lots: int, fill: Fill, task: Started[Fill]) -> None:
        self.filled += fill.quantity
        self.lots = math.ceil(self.filled * self.per_share)
        if fill.parts:
            self.fills.extend(fill.parts)
        else:
            self.fills.append(fill)
        if fill.quantity * self.per_share < lots * ROUNDED_DOWN**2 and (reason := getattr(task, "reason", "")):
            self.errors.append(f"slice {number + 1}: {reason}")

    def _stop(self, number: int, child: Unknown, error: WrongFillError) -> None:
        """What a broker said of a child cannot be: what it got is unknown, and may be all that it asked for."""
        self.unknown.append(child)
        self.fault = self.fault or error
        self.failures += 1
        self.errors.append(f"slice {number + 1}: {type(error).__name__}: {error}")
        self.log.error("[%s] Slice %d/%d: %s", self.name, number + 1, self.terms.slices, error)

    def _fail(self, number: int, error: BaseException, task: Started[Fill]) -> None:
        said = f"{type(error).__name__}: {error}"
        if any(task is child for child in self.withdrawn):
            refused = isinstance(error, VenueError)
            self.errors.append(f"slice {number + 1}: withdrawn, {said}" + ("" if refused else "; ask the venue what it got"))
            return
        if isinstance(error, UsageError):
            self.fault = self.fault or error
        self.failures += 1
        self.errors.append(f"slice {number + 1}: {said}")
        self.log.warning("[%s] Slice %d/%d failed: %r", self.name, number + 1, self.terms.slices, error)

    def hopeless(self, most: int) -> bool:
        """`most` children failed one after the other; a `fault` is raised."""
        if self.fault is not None:
            raise self.fault
        if self.failures >= most:
            self.errors.append(f"given up after {self.failures} failures in a row")
        return self.failures >= most

    def give_up(self) -> None:
        """Children that never reported stay unknown: say so, and let go of them."""
        for number, _, task, *_ in self.working:
            task.cancel()
            self.errors.append(f"slice {number + 1}: no report within {SETTLE // SECOND} s after the window; ask the venue")
        self.let_go()

    def let_go(self) -> None:
        """Wait no more for the children that are open; what they have got counts, and what they may get yet."""
        self.lost += [child[2] for child in self.working]
        self.working = []

    def trades(self) -> list[Fill]:
        """All trades in time order, those of children that are not over too, as far as these tell."""
        of_tasks = [trades_of(task) for task in (*self.lost, *(child[2] for child in self.working))]
        open_fills = [fill for fills in (*of_tasks, *(child.fills for child in self.unknown)) for fill in fills]
        return sorted(self.fills + open_fills, key=lambda fill: fill.time) if open_fills else self.fills

    def summary(self) -> ExecutionSummary:
        """What became of the order until now."""
        return summarise(self.parent, self.trades(), self.released, self.errors)

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
