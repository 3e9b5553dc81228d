"""Whether a feed's bars come as far apart as it says, and in the sessions of its calendar."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import numpy as np

from exec_algos.checks import Ints
from exec_algos.errors import UsageError
from exec_algos.ext.backtrader.labels import ENOUGH, HALF_HOUR, NIGHT
from exec_algos.market.calendars import sessions
from exec_algos.market.fit import fit_of, fitting

SECOND = 1_000_000_000
NIGHT_NS = round(NIGHT * 86_400) * SECOND
LEAST = 20  # gaps below which nothing is said
KEPT = 20_000  # stamps that are looked at


class SpacingWatch:
    """The first stamps of a feed.

    Parameters
    ----------
    name : str
    step : int
        Length of a bar as the feed says, ns.
    known : callable
        When the bar with a stamp is complete, ns UTC.
    zone : str
        In which the stamps were read.
    calendar : str, optional
    resampled : bool
        Whether backtrader has made its bars of shorter ones: the last of a session may be shorter than the others.
    """

    def __init__(self, name: str, step: int, known: Callable[[float], int], zone: str, calendar: str | None, *, resampled: bool) -> None:
        self._name, self._step, self._known, self._zone, self._calendar = name, step, known, zone, calendar
        self._resampled = resampled
        self._stamps = array("d")
        self._nights = 0
        self._ordered = self._done = self._whole = False

    def take(self, stamps: Any) -> None:
        """Take in the stamps of a feed that is there before the run."""
        self._stamps.extend(stamps[:KEPT])
        self._whole = True

    def see(self, stamp: float) -> None:
        """Take in the stamp of a bar that has come; UsageError as `order`, after some sessions."""
        if self._whole or len(self._stamps) >= KEPT:
            return
        self._nights += bool(self._stamps) and stamp - self._stamps[-1] >= NIGHT
        self._stamps.append(stamp)
        if self._ordered and not self._done and self._nights >= ENOUGH:
            self._check()

    def order(self) -> None:
        """An order is given in the feed.

        Raises
        ------
        UsageError
            Its bars are longer or shorter than it says, or lie outside the sessions of its calendar.
        """
        if not self._ordered:
            self._ordered = True
            if self._whole or self._nights >= ENOUGH:
                self._check()

    def end(self) -> None:
        """The run is over: as `order`, of a feed that came bar by bar."""
        if self._ordered and not self._whole:
            self._check()

    def _check(self) -> None:
        self._done = True
        known = np.array([self._known(stamp) for stamp in self._stamps], dtype=np.int64)
        self._check_gaps(np.diff(known))
        if self._calendar is not None and len(known) >= LEAST and self._step < HALF_HOUR:  # longer bars overlap an open or a close
            self._check_hours(known - self._step)

    def _check_gaps(self, gaps: Ints) -> None:
        gaps = gaps[(gaps > 0) & (gaps < NIGHT_NS)]
        if len(gaps) < LEAST or self._step >= NIGHT_NS:
            return
        found, counts = np.unique(gaps, return_counts=True)
        usual, half = int(found[counts.argmax()]), len(gaps) / 2
        if (found[0] >= 2 * self._step and counts.max() > half) or ((gaps < self._step).sum() > half and not self._resampled):
            raise UsageError(
                f"feed {self._name} says that its bars are of {_length(self._step)}, but they come every {_length(usual)}: "
                f"give the feed {_said(usual)}"
            )

    def _check_hours(self, start: Ints) -> None:
        table = sessions(str(self._calendar), int(start[0]), int(start[-1]))
        fit = fit_of(start, table, self._step)
        if fit.wrong or not fit.held:
            advice = fitting(start, self._zone, table, self._step) or "name the zone and the calendar of its stamps in plug_in"
            raise UsageError(
                f"feed {self._name}: {fit.outside:.0%} of the bars lie outside the sessions of {self._calendar}, and {fit.short} of "
                f"{fit.held} sessions lack their first or last hour; {advice}. A feed with tz= is taken to be in UTC inside, as backtrader "
                "has it: give it tzinput= for stamps of another clock, or plug_in(cerebro, zone=...) without tz="
            )


def _length(step: int) -> str:
    return f"{step / SECOND:g} s" if step % (60 * SECOND) else f"{step // (60 * SECOND)} min"


def _said(step: int) -> str:
    minutes, rest = divmod(step, 60 * SECOND)
    unit, count = ("Seconds", step // SECOND) if rest else ("Minutes", minutes)
    return f"timeframe=bt.TimeFrame.{unit}, compression={count}"
