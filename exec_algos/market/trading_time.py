"""Trading time: time that counts only while an exchange trades, in whole bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exec_algos.market.arrays import Ints

if TYPE_CHECKING:
    from exec_algos.market.calendars import Sessions


@dataclass(frozen=True, slots=True, eq=False)
class TradingTime:
    """How much an exchange had traded by an instant: pauses, nights and what is no whole bar do not count.

    Attributes
    ----------
    open, close : ndarray of int64, shape (n,)
        The stretches ``[open, close)`` of trading in time order, each of whole bars, ns UTC. Sessions that adjoin are one stretch.
    before : ndarray of int64, shape (n,)
        Trading time before each stretch, ns.
    """

    open: Ints
    close: Ints
    before: Ints

    @classmethod
    def of(cls, sessions: Sessions, step: int) -> TradingTime:
        """That of some sessions, in bars of `step` ns."""
        halves = ((sessions.open, sessions.break_start), (sessions.break_end, sessions.close))
        begin = np.column_stack([opens for opens, _ in halves]).ravel()
        end = np.column_stack([opens + (closes - opens) // step * step for opens, closes in halves]).ravel()
        begin, end = begin[end > begin], end[end > begin]
        parted = np.flatnonzero(begin[1:] != end[:-1])
        begin, end = begin[np.append(0, parted + 1)] if len(begin) else begin, end[np.append(parted, len(end) - 1)] if len(end) else end
        length = end - begin
        return cls(begin, end, np.cumsum(length) - length)

    def elapsed(self, instants: Ints) -> Ints:
        """Trading time until each instant (ns UTC), from the first stretch on: ns. An instant without trading counts as the last before."""
        if not len(self.open):
            return np.zeros(len(instants), dtype=np.int64)
        at = np.maximum(np.searchsorted(self.open, instants, side="right") - 1, 0)
        found: Ints = self.before[at] + np.clip(instants - self.open[at], 0, self.close[at] - self.open[at])
        return found

    def instant(self, elapsed: Ints) -> Ints:
        """When so much trading time (ns) is over: ns UTC. Where a stretch ends at that, its end, not the next one's begin."""
        at = np.maximum(np.searchsorted(self.before, elapsed, side="left") - 1, 0)
        found: Ints = self.open[at] + (elapsed - self.before[at])
        return found

    def resumed(self, instants: Ints) -> Ints:
        """Each instant (ns UTC), or the next at which the exchange trades; the last close where there is none."""
        at = np.minimum(np.searchsorted(self.close, instants, side="right"), len(self.close) - 1)
        found: Ints = np.where(instants >= self.close[-1:], self.close[-1:], np.maximum(instants, self.open[at]))
        return found
