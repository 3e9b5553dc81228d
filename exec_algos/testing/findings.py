"""Findings: what is wrong with one order by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from exec_algos.errors import ForeignAwaitError
from exec_algos.model import Fill, Side
from exec_algos.model.window import shown
from exec_algos.testing.cases import STEP, Case
from exec_algos.testing.trial import Told


class Findings:
    """What was found, by kind; the first example of each is shown, and how often it happened."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def add(self, kind: str, said: str) -> None:
        """Take in one finding."""
        self.found.setdefault(kind, []).append(said)

    def lines(self) -> list[str]:
        """A line for each kind."""
        return [f"{kind}: {said[0]}" + (f" (and {len(said) - 1} more)" if len(said) > 1 else "") for kind, said in self.found.items()]


def faults_of(report: Told, case: Case) -> Iterator[tuple[str, str]]:
    """What is wrong with one order by itself."""
    error = report.error
    if isinstance(error, ForeignAwaitError):
        yield "awaits something foreign", str(error)
    elif error is not None:
        yield "raises", f"{type(error).__name__}: {error}"
    elif not report.over:
        yield "never ends", "still waiting a day after the session's close; return when the window is over"
    for fault in report.faults:
        yield "quantity or price", fault
    filled = sum(fill.quantity for fill in report.fills)
    if filled > case.size:
        yield "over-fills", f"ordered {case.size}, got {filled:g}; size each child from what is filled and what is still working"
    if any(note.side != case.side for note in report.notes):
        yield "wrong side", f"sends {Side(-case.side).name} children; pass side= on to the broker"
    yield from _outside(report, case)
    if report.over and error is None and not report.faults:
        yield from _returned(report.returned, filled)


def _outside(report: Told, case: Case) -> Iterator[tuple[str, str]]:
    """Children and trades outside the window."""
    zone, (start, end) = case.hours.zone, case.window
    early, late = [note.time for note in report.notes if note.time < start], [note.time for note in report.notes if note.time >= end]
    if early:
        yield "before the start", f"sends a child at {shown(early[0], zone)}; await self.broker.clock.sleep_until(start) first"
    if late:
        yield "after the end", f"sends a child at {shown(late[0], zone)}; stop at the window's end"
    stamp = 0 if case.model.rule.at_start else STEP
    traded = [fill.time - stamp for fill in report.fills if fill.time - stamp >= end + case.model.latency_ns]  # a cancel takes the latency
    if traded and not late:
        yield "after the end", f"trades in the bar of {shown(traded[0], zone)}; give children expires=end"


def _returned(returned: Any, filled: float) -> Iterator[tuple[str, str]]:
    if not isinstance(returned, list) or not all(isinstance(fill, Fill) for fill in returned):
        yield "returns", f"{returned!r:.80}, not the list of its fills"
    elif abs(sum(fill.quantity for fill in returned) - filled) > 1e-9 * max(filled, 1):
        yield "returns", f"fills of {sum(fill.quantity for fill in returned):g} shares, its children got {filled:g}"
