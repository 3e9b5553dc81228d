"""`ParentOrder`: an order to be executed over a window, and its `Side`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from numbers import Real

from exec_algos.checks import check_real
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.model.rules import NO_RULES, Residual, Rules, check_lots
from exec_algos.model.slicing import Pauses, trading_length

NANOSECOND = 1
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE


class Side(IntEnum):
    """Buy is +1, sell is -1, so that ``side * (price - benchmark)`` is a cost."""

    BUY = 1
    SELL = -1

    @classmethod
    def of(cls, side: Side | str | int) -> Side:
        """A side from a `Side`, from +1 or -1, or from ``"BUY"``/``"SELL"`` in any case.

        Raises
        ------
        UnknownNameError
            Anything else.
        """
        if isinstance(side, str):
            found = cls.__members__.get(side.strip().upper())
        else:
            known = isinstance(side, Real) and not isinstance(side, bool)
            found = {1: cls.BUY, -1: cls.SELL}.get(side) if known else None
        if found is None:
            raise UnknownNameError("side", str(side), cls.__members__)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentOrder:
    """An order to be worked over a window.

    Parameters
    ----------
    symbol : str
    side : Side
    quantity : int or float
        Shares, a multiple of `lot_size`.
    start, end : int
        The window ``[start, end)`` in ns UTC.
    interval : int
        Time between decisions in ns.
    lot_size : int or float
        Shares in a lot.
    max_participation : float, optional
        Upper bound of our fraction of a bar's volume, in (0, 1].
    rules : Rules
    until, auction : int, optional
        Where the residual policy goes on after `end`: the instant (ns UTC) at which that ends; and when its order for the closing
        auction is sent.
    pauses : tuple of (int, int)
        Pauses and nights ``[begin, end)`` between `start` and `deadline`, in time order, ns UTC: time in which nothing is due.
    algorithm : str
        The text form of the algorithm that works it, such as ``"vwap:profile_days=5"``.
    parent_id : int
        Given by the broker; -1 before.
    ref : str
        Its name over restarts, unique at its account; a live broker gives one where the caller does not. Empty in replay.

    Raises
    ------
    UsageError
        A quantity that is no multiple of the lot, an empty window, an interval or a cap out of range.
    """

    symbol: str
    side: Side
    quantity: float
    start: int
    end: int
    interval: int
    lot_size: float = 1
    max_participation: float | None = None
    rules: Rules = NO_RULES
    until: int | None = None
    auction: int = -1
    pauses: Pauses = ()
    algorithm: str = ""
    parent_id: int = -1
    ref: str = ""

    def __post_init__(self) -> None:
        check_lots(self.quantity, self.lot_size)
        check_participation(self.max_participation)
        if self.end <= self.start:
            raise UsageError(f"the window of {self.symbol} is empty: start {self.start} ns, end {self.end} ns")
        self.rules.bounds(self.lot_size)
        if self.interval <= 0:
            raise UsageError(f"interval must be positive nanoseconds, got {self.interval}")
        self._check_residual()
        edges = [self.start, *(edge for pause in self.pauses for edge in pause), self.deadline]
        if any(later < earlier for earlier, later in pairwise(edges)):
            raise UsageError(f"pauses must rise within the window [{self.start}, {self.deadline}) ns, got {self.pauses}")

    def _check_residual(self) -> None:
        if self.until is None:
            return
        if self.until <= self.end:
            raise UsageError(f"until {self.until} ns is not after the window's end {self.end} ns; leave it out where nothing goes on")
        if self.rules.residual == Residual.CLOSE_AUCTION and not self.end <= self.auction < self.until:
            raise UsageError(f"auction {self.auction} ns must lie in [end, until) = [{self.end}, {self.until}) ns")

    @property
    def lots(self) -> int:
        """Lots ordered."""
        return check_lots(self.quantity, self.lot_size)

    @property
    def deadline(self) -> int:
        """When its last child is over, ns UTC."""
        return self.end if self.until is None else self.until

    @property
    def slices(self) -> int:
        """Number of decisions in the window: its trading time over the interval, rounded up."""
        return -(-trading_length(self.start, self.end, self.pauses) // self.interval)


def check_participation(cap: float | None) -> None:
    """Refuse a participation cap that is not None and not in (0, 1].

    Raises
    ------
    UsageError
        The cap is out of range.
    """
    if cap is None:
        return
    check_real(max_participation=cap)
    if not 0 < cap <= 1:
        raise UsageError(f"max_participation is a fraction in (0, 1], got {cap!r}; 10 % is 0.1")
