"""Volume profiles of many windows at once, compiled: bit for bit `exec_algos.market.profile.SessionVolumes.profile` of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from exec_algos.checks import Floats, Ints

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions


class SymbolBars(NamedTuple):
    """One symbol's bars, and where its sessions lie among them.

    Attributes
    ----------
    start, volume : ndarray, shape (n_bars,)
        ns UTC; shares.
    first, last : ndarray of int64, shape (n_sessions,)
        Rows ``[first, last)`` of each session.
    opens, slots : ndarray of int64, shape (n_sessions,)
        ns UTC; bars that fit into each session.
    morning, resumes : ndarray of int64, shape (n_sessions,)
        Bars before its pause, and when that ends, ns UTC.
    step : int
        Length of a bar, ns.
    """

    start: Ints
    volume: Floats
    first: Ints
    last: Ints
    opens: Ints
    slots: Ints
    morning: Ints
    resumes: Ints
    step: int

    @classmethod
    def of(cls, bars: Bars, symbol: int, sessions: Sessions) -> SymbolBars:
        """Those of a symbol by number."""
        rows = slice(int(bars.offsets[symbol]), int(bars.offsets[symbol + 1]))
        start = bars.start[rows]
        slots, morning = sessions.slots(bars.step), (sessions.break_start - sessions.open) // bars.step
        # a copy is writeable whatever it is of: the loop is compiled for one kind of array
        opens, resumes = sessions.open.copy(), sessions.break_end.copy()
        return cls(start, bars.volume[rows], *sessions.rows(start), opens, slots, morning, resumes, bars.step)


def window_profiles(own: SymbolBars, session: Ints, begin: Ints, length: int, days: int) -> tuple[Floats, Ints]:
    """The usual volume in each bar of windows of one length.

    Parameters
    ----------
    own : SymbolBars
    session, begin : ndarray of int64, shape (m,)
        The window's session by number, and its first bar counted from the open.
    length : int
        Bars in each window.
    days : int
        Sessions with data before that make a profile.

    Returns
    -------
    profiles : ndarray of float64, shape (m, length)
        Fractions of the session's volume, 0 where there is none.
    known : ndarray of int64, shape (m,)
        Sessions with data before; a profile without volume in its window counts as -1.
    """
    profiles, known = np.zeros((len(session), length)), np.zeros(len(session), dtype=np.int64)
    _profiles(own, np.flatnonzero(own.last > own.first), session, begin, days, profiles, known)
    return profiles, known


@njit(cache=True, nogil=True)
def _tabulated(own: Any, k: int, row: Any) -> None:
    """Volume of a session by bar from the open; a bar that the close cuts short counts with the last whole one."""
    row[:] = 0.0
    most = max(own.slots[k] - 1, 0)
    for r in range(own.first[k], own.last[k]):
        early = min((own.start[r] - own.opens[k]) // own.step, own.morning[k])
        row[min(early + max(own.start[r] - own.resumes[k], 0) // own.step, most)] += own.volume[r]


@njit(cache=True, nogil=True)
def _whole(own: Any, k: int) -> Any:
    """Whether there is a bar in every slot: as many as slots, the first and the last at their place, no two closer than a step."""
    n, first, last = own.slots[k], own.first[k], own.last[k]
    if n != last - first or n == 0:
        return False
    late = n - own.morning[k]
    end = own.resumes[k] + (late - 1) * own.step if late else own.opens[k] + (n - 1) * own.step
    begin = own.opens[k] if own.morning[k] else own.resumes[k]
    return own.start[first] == begin and own.start[last - 1] == end


@njit(cache=True, nogil=True)
def _stretched(row: Any, length: int, out: Any) -> None:
    """`exec_algos.market.profile.stretched`: linear between the fractions of the day at which the row's bars end."""
    out[:] = 0.0
    n, j, low, high, before = len(row), 0, 0.0, 0.0, 0.0
    if n == 0:
        return
    high = row[0]
    for i in range(1, length + 1):
        at = 1.0 if i == length else i * (1.0 / length)
        while j < n - 1 and (1.0 if j + 1 == n else (j + 1) * (1.0 / n)) <= at:
            j += 1
            low, high = high, high + row[j]
        left, right = j * (1.0 / n), 1.0 if j + 1 == n else (j + 1) * (1.0 / n)
        done = high if i == length else (low if at == left else (high - low) / (right - left) * (at - left) + low)
        out[i - 1] = done - before
        before = done


@njit(cache=True, nogil=True)
def _add(total: Any, row: Any, mapped: Any) -> None:
    n = len(total)
    if len(row) != n:
        _stretched(row, n, mapped[:n])
        total += mapped[:n]
    else:
        for b in range(n):
            total[b] += row[b]


@njit(cache=True, nogil=True)
def _tables(own: Any, found: Any) -> Any:
    """Sessions with gaps by bar from the open, and which row of the table is each; -1 where the bars themselves are the row."""
    place, held = np.full(len(own.first), -1, np.int64), 0
    table = np.empty((len(found), max(own.slots.max(), 1)))
    for session in found:
        if not _whole(own, session):
            _tabulated(own, session, table[held])
            place[session] = held
            held += 1
    return table, place


@njit(cache=True, nogil=True)
def _profiles(own: Any, found: Any, session: Any, begin: Any, days: int, profiles: Any, known: Any) -> None:  # noqa: PLR0913, PLR0917 - columns
    table, place = _tables(own, found)
    total, mapped = np.empty(table.shape[1]), np.empty(table.shape[1])
    for i in range(len(session)):
        n, at = own.slots[session[i]], np.searchsorted(found, session[i])
        known[i] = at
        if at < days:
            continue
        total[:] = 0.0
        for earlier in found[at - days : at]:
            if place[earlier] < 0:
                _add(total[:n], own.volume[own.first[earlier] : own.last[earlier]], mapped)
            else:
                _add(total[:n], table[place[earlier], : own.slots[earlier]], mapped)
        whole, window = 0.0, 0.0
        for share in total[:n]:
            whole += share
        for b in range(min(profiles.shape[1], n - begin[i])):
            profiles[i, b] = total[begin[i] + b] / whole if whole > 0 else 0.0
            window += profiles[i, b]
        known[i] = at if window > 0 else -1


@njit(cache=True, nogil=True)
def blank(length: int) -> Any:
    """An array to be filled once, from front to back.

    numpy asks the system for large pages, which has to clear them; of a virtual machine that was a third of a study's time.
    """
    return np.empty(length)


@njit(cache=True, nogil=True)
def running_volumes(volume: Any, offsets: Any) -> Any:
    """What each symbol has traded by the end of each bar: added up from its own first bar on."""
    found = np.empty(len(volume))
    for s in range(len(offsets) - 1):
        total = 0.0
        for r in range(offsets[s], offsets[s + 1]):
            total += volume[r]
            found[r] = total
    return found
