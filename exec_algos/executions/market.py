"""`Market`: the bars of the sessions, and where a desk's instants lie among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats, Ints
from exec_algos.errors import UsageError
from exec_algos.market.hours import sessions_of, trading_bars
from exec_algos.tca.places import rows_between, session_hours
from exec_algos.tca.sums import reduced
from exec_algos.tca.trades import Stamped, inside_bar

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions

SLACK = 1e-9  # of a price: what a file's digits and a bar's may differ by


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """A market in which orders were really worked.

    Attributes
    ----------
    given : Bars
        All that there are.
    bars : Bars
        Those of the sessions' hours.
    sessions : Sessions
    stamped : {"start", "end"}
        At which end of its bar a fill is stamped that stands just between two.
    """

    given: Bars
    bars: Bars
    sessions: Sessions
    stamped: Stamped

    @classmethod
    def of(cls, bars: Bars, calendar: str | None, stamped: Stamped) -> Market:
        """The market of these bars.

        Raises
        ------
        UsageError
            The bars do not fit the calendar, or do not start on the sessions' grid.
        """
        sessions = sessions_of(bars, calendar)
        held = trading_bars(bars, sessions)
        inside = sessions.locate(held.start) >= 0
        regular = held if inside.all() else held.take(inside)
        off = (regular.start - sessions.piece_open(sessions.locate(regular.start), regular.start)) % regular.step
        if off.any():
            raise UsageError(
                f"{int((off > 0).sum())} bars do not start a whole number of {bars.step / 1e9:g} s bars after their session's open; "
                "resample them, or name the calendar they belong to"
            )
        return cls(bars, regular, sessions, stamped)

    @property
    def step(self) -> int:
        """Length of a bar, ns."""
        return self.bars.step

    def bar_start(self, instants: Ints) -> Ints:
        """Start of the bar that holds each instant, in ``[start, end)``; the instant itself where the exchange is closed."""
        held = self.sessions.locate(instants)
        begun = self.sessions.piece_open(held, instants)
        found: Ints = np.where(held >= 0, begun + (instants - begun) // self.step * self.step, instants)
        return found

    def bar_end(self, instants: Ints) -> Ints:
        """End of the bar that holds each instant, in ``(start, end]``; the instant itself where the exchange is closed."""
        before = instants - 1
        held = self.sessions.locate(before)
        found: Ints = np.where(held >= 0, self.bar_start(before) + self.step, instants)
        return found

    def inside(self, times: Ints) -> Ints:
        """An instant inside the bar of each fill."""
        return inside_bar(times, self.stamped)

    def fill_bar_end(self, times: Ints) -> Ints:
        """End of the bar in which each fill fell."""
        return self.bar_start(self.inside(times)) + self.step

    def is_before(self, times: Ints, instants: Ints) -> npt.NDArray[np.bool_]:
        """Whether fills were made before instants: one stamped at the end of its bar was made before that end."""
        return times <= instants if self.stamped == "end" else times < instants

    def day_range(self, symbol: Ints, first: Ints, last: Ints) -> tuple[Floats, Floats]:
        """Lowest and highest price of a symbol in sessions ``first`` to ``last``, by number; infinite where there is no bar."""
        many = len(self.sessions)
        keys, at = np.unique((symbol * many + first) * many + last, return_inverse=True)
        begins, ends = session_hours(self.sessions, keys // many % many)[0], session_hours(self.sessions, keys % many)[1]
        rows = rows_between(self.bars, keys // many // many, begins, ends)
        low = reduced(np.minimum, self.bars.low, *rows, -np.inf)
        high = reduced(np.maximum, self.bars.high, *rows, np.inf)
        return low[at], high[at]

    def is_outside(self, price: Floats, symbol: Ints, first: Ints, last: Ints) -> npt.NDArray[np.bool_]:
        """Whether prices lie outside those of the sessions, beyond what digits differ by; never where there is no bar."""
        if not len(price):
            return np.zeros(0, dtype=bool)
        low, high = self.day_range(symbol, first, last)
        slack = SLACK * np.abs(price)
        found: npt.NDArray[np.bool_] = (price < low - slack) | (price > high + slack)
        return found
