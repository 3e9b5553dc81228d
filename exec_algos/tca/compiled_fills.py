"""The fills of many orders added up in one look, compiled: what `exec_algos.tca.markouts` and `exec_algos.tca.fidelity` say of them.

A test holds the sums to those of the functions there. To make their columns takes six times as long, and a hundred bytes a fill.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from exec_algos.checks import Floats, Ints

DAY = 86_400_000_000_000
N, VALUE, WEIGHT, WEIGHTED = range(4)  # places in `exec_algos.stats.cluster_sums.ClusterSums`
CLOSED, OVER, STALE, NOT_ABOVE, UNNAMED = range(5)  # why a mark-out is not estimable
NO_BAR, NO_PRICE, NO_NUMBER = range(3)  # why a fill cannot be held against its own bar


class Tape(NamedTuple):
    """Bars, and the sessions they lie in.

    Attributes
    ----------
    start : ndarray of int64
        Of each bar, ns UTC.
    close, price, volume : ndarray of float64
        Of each bar; `price` is its VWAP.
    offsets : ndarray of int64
        Where the bars of each symbol begin.
    step : int
        ns.
    hours : ndarray of int64, shape (5, n_sessions)
        Open, close, the pause's start and end, and the close of the market that each session belongs to: ns UTC.
    clock : ndarray of int64, shape (n_sessions,)
        What the exchange's clock is ahead of UTC, ns; empty where it changes within a session, and `Looked.local` says it.
    """

    start: Ints
    close: Floats
    price: Floats
    volume: Floats
    offsets: Ints
    step: int
    hours: Ints
    clock: Ints


class Looked(NamedTuple):
    """Fills in order of parent and time.

    Attributes
    ----------
    parent, symbol, time, side : ndarray of int64
        As in `exec_algos.tca.trades.Trades`.
    quantity, price : ndarray of float64
    local : ndarray of int64
        What clocks show inside each fill's bar, ns; empty where `Tape.clock` says it.
    """

    parent: Ints
    symbol: Ints
    time: Ints
    side: Ints
    quantity: Floats
    price: Floats
    local: Ints


class Sums(NamedTuple):
    """Where it is added up; each by side, buys first.

    Attributes
    ----------
    marks : ndarray of float64, shape (horizons + 1, 2, n_sessions, 4)
        Mark-outs by horizon, and at the session's close.
    unmarked : ndarray of int64, shape (horizons + 1, 2, 5)
        Those that are not estimable, by reason.
    times : ndarray of float64, shape (buckets, 2, days, 4)
        Fills against their own bar by time of day.
    untimed : ndarray of int64, shape (buckets, 2, 3)
    """

    marks: Floats
    unmarked: Ints
    times: Floats
    untimed: Ints


class Terms(NamedTuple):
    """How fills are looked at.

    Attributes
    ----------
    horizons : ndarray of int64
        Of mark-outs, ns after the fill.
    ended : int
        1 where fills are stamped at the end of their bar, else 0.
    first_day : int
        The day on the clock that stands first in `Sums.times`, days since 1970.
    bucket : int
        Of the time of day, ns.
    """

    horizons: Ints
    ended: int
    first_day: int
    bucket: int


def add_fills(tape: Tape, fills: Looked, sums: Sums, terms: Terms) -> Ints:
    """Add fills to the sums, which are changed; the row of the bar of each, -1 where there is none."""
    row = np.full(len(fills.time), -1, dtype=np.int64)
    _add(tape, fills, sums, terms, row)
    return row


@njit(cache=True, nogil=True)
def _add(tape: Any, fills: Any, sums: Any, terms: Any, row: Any) -> None:
    # fields are unpacked once: to pass a tuple of arrays on costs more than the arithmetic
    start, close, fair, _, offsets, step, hours, clock = tape
    _, symbol, time, side, quantity, price, local = fills
    marks, unmarked, times, untimed = sums
    horizons, ended, first_day, bucket = terms
    opens, hint, at, session = hours[0], np.full(len(horizons) + 1, -1), -1, -1
    for i in range(len(time)):
        a, b = offsets[symbol[i]], offsets[symbol[i] + 1]
        inside, sold, paid = time[i] - ended, 1 if side[i] < 0 else 0, price[i]
        at = _last_by(start, a, b, inside, at)
        if at >= a and inside < start[at] + step:
            row[i] = at
        session = _last_by(opens, 0, len(opens), inside, session)
        held = _held(hours, session, inside)
        for h in range(len(hint)):
            later, over = _later(hours, held, time[i], horizons[h] if h < len(horizons) else -1)
            k = hint[h] = _last_by(start, a, b, later - step, hint[h])
            stale = k < a or start[k] + step < time[i]
            why, cost = _cost(side[i], paid, paid, np.nan if stale else close[k])
            why = CLOSED if held < 0 else OVER if later > over else STALE if stale else why
            if why < 0:
                _put(marks, h, sold, held, cost, quantity[i] * paid)
            else:
                unmarked[h, sold, why] += 1
        shown = inside + clock[max(session, 0)] if len(clock) else local[i]
        day = shown // DAY
        place = (shown - day * DAY) // bucket
        base = fair[at] if row[i] >= 0 else np.nan
        why, cost = _cost(side[i], paid, base, base)
        if row[i] >= 0 and why < 0:
            _put(times, place, sold, day - first_day, cost, quantity[i] * paid)
        else:
            untimed[place, sold, NO_BAR if row[i] < 0 else NO_PRICE if why == NOT_ABOVE else NO_NUMBER] += 1


@njit(cache=True, nogil=True)
def _cost(side: Any, paid: Any, base: Any, price: Any) -> Any:
    """What a fill cost against a price, in bps of `base`; or why that is not estimable, -1 where it is."""
    if paid <= 0 or price <= 0:
        return NOT_ABOVE, np.nan
    cost = side * (paid - price) / base * 1e4
    return (-1 if np.isfinite(cost) else UNNAMED), cost


@njit(cache=True, nogil=True)
def _held(hours: Any, session: Any, inside: Any) -> Any:
    """The session that holds an instant, -1 where the exchange is closed or pauses."""
    if session < 0 or inside >= hours[1, session] or hours[2, session] <= inside < hours[3, session]:
        return -1
    return session


@njit(cache=True, nogil=True)
def _later(hours: Any, held: Any, t: Any, horizon: Any) -> Any:
    """The instant at which a mark-out looks, and the last at which it may; a horizon below 0 is the session's close."""
    if held < 0:
        return t, t
    if horizon < 0:
        return hours[1, held], hours[1, held]
    later = t + horizon
    if t <= hours[2, held] < later:
        later += hours[3, held] - hours[2, held]
    return later, hours[4, held]


@njit(cache=True, nogil=True)
def _put(sums: Any, line: Any, sold: Any, cluster: Any, value: Any, weight: Any) -> None:
    sums[line, sold, cluster, N] += 1.0
    sums[line, sold, cluster, VALUE] += value
    sums[line, sold, cluster, WEIGHT] += weight
    sums[line, sold, cluster, WEIGHTED] += weight * value


@njit(cache=True, nogil=True)
def _last_by(rising: Any, a: Any, b: Any, limit: Any, hint: Any) -> Any:
    """The last of ``rising[a:b]`` that is not above the limit, ``a - 1`` where all are; `hint` is where it was looked for last."""
    if a <= hint < b and rising[hint] <= limit:
        for _ in range(8):
            if hint + 1 == b or rising[hint + 1] > limit:
                return hint
            hint += 1
        a_low = hint
    else:
        a_low = a - 1
    high = b
    while high - a_low > 1:
        middle = (a_low + high) // 2
        if rising[middle] <= limit:
            a_low = middle
        else:
            high = middle
    return a_low


def bar_shares(parent: Ints, row: Ints, quantity: Floats, volume: Floats, n: int) -> Floats:
    """Of each of n orders: bars in which it traded, those whose volume is not known, the sum and the largest of its part of their volume.

    Fills stand in order of parent and time.
    """
    found = np.zeros((n, 4))
    _shares(parent, row, quantity, volume, found)
    return found


@njit(cache=True, nogil=True)
def _shares(parent: Any, row: Any, quantity: Any, volume: Any, found: Any) -> None:
    i, many = 0, len(row)
    while i < many:
        owner, bar, shares = parent[i], row[i], 0.0
        while i < many and parent[i] == owner and row[i] == bar:
            shares += quantity[i]
            i += 1
        if bar >= 0 and volume[bar] > 0:
            part = shares / volume[bar]
            found[owner, 0] += 1.0
            found[owner, 2] += part
            found[owner, 3] = max(found[owner, 3], part)
        else:
            found[owner, 1] += 1.0


def nothing(horizons: int, sessions: int, buckets: int, days: int) -> Sums:
    """Sums of no fill."""
    marks, times = np.zeros((horizons + 1, 2, sessions, 4)), np.zeros((buckets, 2, days, 4))
    counts: list[npt.NDArray[np.int64]] = [np.zeros((horizons + 1, 2, 5), np.int64), np.zeros((buckets, 2, 3), np.int64)]
    return Sums(marks, counts[0], times, counts[1])
