"""Where the windows and sessions of parent orders lie among the rows of a `Bars`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from exec_algos.checks import Ints

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions


class Windows(NamedTuple):
    """Parent orders by where they lie in a `Bars`: arrays of shape (n_parents,).

    Attributes
    ----------
    symbol : ndarray of int64
        Index into ``bars.symbols``; -1 for one that has no bars.
    start, end : ndarray of int64
        The window ``[start, end)``, ns UTC.
    """

    symbol: Ints
    start: Ints
    end: Ints


def by_symbol(symbol: Ints) -> list[Ints]:
    """The parent orders of each symbol that has bars (`symbol` is not negative), rising."""
    order = np.argsort(symbol, kind="stable")
    order = order[np.searchsorted(symbol[order], 0) :]
    return np.split(order, np.flatnonzero(np.diff(symbol[order])) + 1) if len(order) else []


def rows_between(bars: Bars, symbol: Ints, start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Rows ``[first, last)`` of the bars that lie in ``[start, end)``, for each parent order.

    Parameters
    ----------
    bars : Bars
    symbol : ndarray of int64, shape (n,)
    start, end : ndarray of int64, shape (n,)
        ns UTC.

    Returns
    -------
    first, last : ndarray of int64, shape (n,)
    """
    first, last = np.zeros(len(symbol), dtype=np.int64), np.zeros(len(symbol), dtype=np.int64)
    for mine in by_symbol(symbol):
        a, b = bars.offsets[symbol[mine[0]]], bars.offsets[symbol[mine[0]] + 1]
        stamps = bars.start[a:b]
        first[mine] = a + np.searchsorted(stamps, start[mine])
        last[mine] = a + np.searchsorted(stamps, end[mine] - bars.step, side="right")
    return first, np.maximum(first, last)


def ended_by(bars: Bars, symbol: Ints, instants: Ints) -> Ints:
    """Row of the last bar of a symbol that had ended by each instant (``end <= instant``, ns UTC), shape (n,); -1 where none had."""
    row = np.full(len(symbol), -1, dtype=np.int64)
    for mine in by_symbol(symbol):
        a, b = bars.offsets[symbol[mine[0]]], bars.offsets[symbol[mine[0]] + 1]
        ended = np.searchsorted(bars.start[a:b], instants[mine] - bars.step, side="right")
        row[mine] = np.where(ended > 0, a + ended - 1, -1)
    return row


def session_hours(sessions: Sessions, held: Ints) -> tuple[Ints, Ints]:
    """Open and close (ns UTC) of sessions by number; an empty one at the end of time for a number past the last."""
    never = np.iinfo(np.int64).max
    return np.append(sessions.open, never)[held], np.append(sessions.close, never)[held]
