"""ADV: the mean volume of earlier sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from exec_algos.errors import NotEnoughHistoryError
from exec_algos.market.arrays import Floats, Ints

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions


@dataclass(frozen=True, slots=True, eq=False)
class SessionTotals:
    """Volume of one symbol by session.

    Attributes
    ----------
    symbol : str
    totals : ndarray of float64, shape (n_sessions,)
        Shares; 0 where nothing traded.
    has_data : ndarray of bool, shape (n_sessions,)
        Sessions with at least one bar. The others are absent, not zero.
    """

    symbol: str
    totals: Floats
    has_data: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, bars: Bars, symbol: str, sessions: Sessions) -> SessionTotals:
        """Add up one symbol's bars; those outside the sessions are left out."""
        rows = bars.rows(symbol)
        first, last = sessions.rows(bars.start[rows])
        return cls.between(symbol, bars.volume[rows], first, last)

    @classmethod
    def between(cls, symbol: str, volume: Floats, first: Ints, last: Ints) -> SessionTotals:
        """The same where it is known that session k holds the bars ``[first[k], last[k])``."""
        has_data = last > first
        totals = np.zeros(len(first))
        if has_data.any():
            edges = np.column_stack([first, last])[has_data].ravel()
            # the edge behind the last bar is where the sum ends anyway
            totals[has_data] = np.add.reduceat(volume, edges[: -1 if edges[-1] == len(volume) else None])[::2]
        return cls(symbol, totals, has_data)

    def average_volume(self, session: int, days: int) -> float:
        """ADV in shares: mean session volume of the `days` sessions with data before `session`.

        Raises
        ------
        NotEnoughHistoryError
            Too few earlier sessions with data.
        """
        return float(self.totals[earlier_sessions(self.symbol, self.has_data, session, days)].mean())

    def average_volumes(self, days: int) -> Floats:
        """`average_volume` of every session, bit for bit: shape (n_sessions,), NaN where there are fewer than `days` before."""
        found = np.flatnonzero(self.has_data)
        number = np.searchsorted(found, np.arange(len(self.has_data)))
        sessions = np.flatnonzero(number >= days)
        adv = np.full(len(self.has_data), np.nan)
        adv[sessions] = self.totals[found[number[sessions, None] - days + np.arange(days)]].mean(axis=1)
        return adv


def earlier_sessions(symbol: str, has_data: npt.NDArray[np.bool_], session: int, days: int) -> Ints:
    """Indices of the last `days` sessions with data before `session`.

    Raises
    ------
    NotEnoughHistoryError
        There are fewer.
    """
    found = np.flatnonzero(has_data[:session])
    check_history(symbol, len(found), days)
    return found[-days:]


def check_history(symbol: str, found: int, days: int) -> None:
    """Refuse what needs more sessions than there are.

    Raises
    ------
    NotEnoughHistoryError
        `found` earlier sessions are fewer than the `days` asked for.
    """
    if found < days:
        raise NotEnoughHistoryError(
            f"{symbol}: the volume profile needs {days} earlier sessions with data, there are {found}; "
            "give more history or ask for fewer days"
        )
