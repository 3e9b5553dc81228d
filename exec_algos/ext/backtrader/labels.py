"""Which end of its bar a stamp names, where nobody said: what a feed's sessions show of it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.model import Session

SECOND = 1_000_000_000
HALF_HOUR = 1_800 * SECOND
NIGHT = 4 / 24  # days as backtrader counts them: a longer time without bars parts two sessions
ENOUGH = 3  # sessions after which a feed that comes bar by bar is judged


class Shown(NamedTuple):
    """How many sessions of a feed look as if their stamps were starts, how many as if they were ends, and how many there are."""

    starts: int
    ends: int
    sessions: int

    @property
    def label(self) -> str:
        """``"start"`` or ``"end"`` where most sessions say so, else empty."""
        if 2 * self.starts > self.sessions:
            return "start"
        return "end" if 2 * self.ends > self.sessions else ""


class LabelWatch:
    """The first and last stamp of each session of a feed of which nobody said what its stamps name; backtrader takes them for ends.

    Parameters
    ----------
    name : str
    step : int
        Length of a bar, ns.
    instant : callable
        ns UTC of a stamp as it is.
    hours : callable, optional
        The session that is open at an instant (ns UTC), or the next; None where that is not known.
    resampled : bool
        Whether backtrader has made its bars of shorter ones.
    """

    def __init__(
        self, name: str, step: int, instant: Callable[[float], int], hours: Callable[[int], Session] | None, *, resampled: bool
    ) -> None:
        self._name, self._step, self._instant, self._hours, self._resampled = name, step, instant, hours, resampled
        self._spans: list[tuple[float, float]] = []
        self._first = self._last = math.nan
        self._ordered = self._whole = False

    def take(self, stamps: Any) -> None:
        """Take in all stamps of a feed that is there before the run."""
        days = np.asarray(stamps, dtype=np.float64)
        cuts = np.flatnonzero(np.diff(days) >= NIGHT) + 1
        self._spans = [(float(part[0]), float(part[-1])) for part in np.split(days, cuts) if len(part)]
        self._whole = True

    def see(self, stamp: float) -> None:
        """Take in the stamp of a bar that has come.

        Raises
        ------
        UsageError
            An order was given, and the sessions so far show that stamps name starts.
        """
        if self._whole or stamp == self._last:
            return
        if stamp - self._last < NIGHT:
            self._last = stamp
            return
        if not math.isnan(self._last):
            self._spans.append((self._first, self._last))
        self._first = self._last = stamp
        if self._ordered and len(self._spans) >= ENOUGH:
            self._check(self._spans)

    def order(self) -> None:
        """An order is given in the feed.

        Raises
        ------
        UsageError
            Its sessions show that stamps name starts.
        """
        if not self._ordered:
            self._ordered = True
            if self._whole or len(self._spans) >= ENOUGH:
                self._judge()

    def end(self) -> None:
        """The run is over: as `order`, of a feed that came bar by bar."""
        if self._ordered and not self._whole:
            if not math.isnan(self._last):
                self._spans.append((self._first, self._last))
            self._whole = True
            self._judge()

    def _judge(self) -> None:
        if not self._check(self._spans) and self._whole:
            warnings.warn(
                f"feed {self._name}: nobody said which end of its bar a stamp names, and the sessions do not show it; taken for the end. "
                "Say plug_in(cerebro, label='end') or label='start'",
                stacklevel=1,
            )

    def _check(self, spans: list[tuple[float, float]]) -> str:
        """What most sessions show; starts are refused."""
        shown = self._shown(spans)
        if shown.label == "start":
            raise UsageError(self._refusal(shown))
        return shown.label

    def _shown(self, spans: list[tuple[float, float]]) -> Shown:
        kinds = [self._kind(self._instant(first), self._instant(last)) for first, last in spans]
        return Shown(kinds.count("start"), kinds.count("end"), len(kinds))

    def _kind(self, first: int, last: int) -> str:
        """What one session shows, from its first and last stamp, ns UTC."""
        begun, ended = first % HALF_HOUR, last % HALF_HOUR
        if self._step < HALF_HOUR and not HALF_HOUR % self._step:
            # backtrader's resampler carries the last minutes of a session into the first bar of the next
            if not begun and (ended == HALF_HOUR - self._step or (self._resampled and not ended)):
                return "start"
            if begun == self._step and not ended:
                return "end"
        if self._hours is None:
            return ""
        session = self._hours(first)
        if first == session.open and last < session.close:
            return "start"
        return "end" if session.open < first and last == session.close else ""

    def _refusal(self, shown: Shown) -> str:
        most = f"{shown.starts} of {shown.sessions} sessions"
        if self._resampled:
            return (
                f"feed {self._name}, which is resampled: {most} begin with a bar that is stamped with their open, so the stamps of its "
                "source name the starts of bars, of which backtrader's resampler makes wrong ones; write "
                "cerebro.resampledata(BarsFeed(dataname=Bars.read(file, label='start', zone=...)), ...), "
                "or plug_in(cerebro, label='end') if they are ends"
            )
        return (
            f"feed {self._name}: {most} begin on the open or a full or half hour and end one bar before one, so its stamps name the starts "
            "of bars, where backtrader takes a stamp for the end: everything would be one bar early; write "
            "plug_in(cerebro, label='start'), beside what you tell it already, or label='end' if they are ends"
        )
