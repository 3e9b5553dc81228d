"""`Ended`: what a live session leaves behind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from exec_algos.brokers.child import LiveChild
from exec_algos.live.recorded import RecordedParent
from exec_algos.live.status import child_line, parent_lines
from exec_algos.model import ExecutionSummary
from exec_algos.textform import numbered


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a session came to.

    Attributes
    ----------
    parents : dict of str to RecordedParent
        Those of this run, as they stand, by ref.
    summaries : dict of str to ExecutionSummary
        As their executors tell it; of those that were worked in this run.
    stopped : str
        What ended it before its time; empty where all orders came to their end.
    alerts : tuple of str
        What somebody has to look at.
    open : tuple of LiveChild
        Children that the venue may still trade: unknown, or not withdrawn by the venue's word.
    estimated : bool
        Commissions are those of a fee schedule: the venue does not tell them by order.
    """

    parents: Mapping[str, RecordedParent]
    summaries: Mapping[str, ExecutionSummary]
    stopped: str
    alerts: tuple[str, ...]
    open: tuple[LiveChild, ...]
    estimated: bool = False

    @property
    def whole(self) -> bool:
        """Nothing is open, unknown or alerted, and all orders came to their end without trouble that cost shares."""
        short = any(parent.done is not None and parent.done["left"] > 0 and parent.done.get("errors") for parent in self.parents.values())
        return not (self.open or self.stopped or self.alerts or short)

    def lines(self, journal: str) -> list[str]:
        """What is left in plain lines, with what to do; orders that are over were told of when they were."""
        lines = [f"stopped: {self.stopped}"] if self.stopped else []
        lines += [parent_lines(parent)[0] for parent in self.parents.values() if parent.done is None]
        lines += [f"alert: {text}" for text in self.alerts]
        if self.open:
            lines.append(f"{numbered(len(self.open), 'child order')} may still trade; look at the venue's own list of orders:")
            lines += [child_line(child) for child in self.open]
        left = sum(parent.done is None for parent in self.parents.values())
        if not self.parents and not self.stopped:
            lines.append("all orders of the journal are over; there is nothing to do")
        if left:
            lines.append(
                f"{numbered(left, 'parent order')} not over: exec-algos live resume {journal} goes on, "
                f"exec-algos live cancel {journal} ends what is left"
            )
        children = [child for parent in self.parents.values() for child in parent.children]
        fills = sum(len(child.fills) for child in children)
        if self.estimated and fills:
            charged = math.fsum(fill.commission for child in children for fill in child.fills)
            lines.append(f"commissions and taxes of {charged:,.2f} are estimates by a fee schedule: the venue does not tell them by order")
        counts = [
            numbered(count, word) for count, word in ((len(self.parents), "parent order"), (len(children), "child order"), (fills, "fill"))
        ]
        return [*lines, "; ".join(counts)]
