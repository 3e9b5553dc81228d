"""The target curves of a study: one for each algorithm and parent order, shared where they are the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.algorithms import Algorithm
from exec_algos.checks import Floats, Ints
from exec_algos.errors import NotEnoughHistoryError, UsageError
from exec_algos.market.adv import check_history
from exec_algos.market.clock_days import clock_changes
from exec_algos.market.pieces import starts
from exec_algos.market.profile import SessionVolumes, as_series, stretched, window_profile
from exec_algos.market.trading_time import TradingTime
from exec_algos.model import Session
from exec_algos.studies.design.parents import ParentOrders, Skipped
from exec_algos.studies.run.profiles import SymbolBars, blank, window_profiles

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars


SEVERAL = -2  # sessions, of a window for which only one can be forecast


class Curves(NamedTuple):
    """Curves of one algorithm, one behind the other.

    Attributes
    ----------
    values : ndarray of float64
        Curve values at the slices' ends.
    begin : ndarray of int64, shape (n_parents,)
        Where each order's curve begins.
    slices : ndarray of int64, shape (n_parents,)
    """

    values: Floats
    begin: Ints
    slices: Ints


def curves_of(bars: Bars, orders: ParentOrders, algorithms: Sequence[Algorithm]) -> tuple[list[Curves], ParentOrders]:
    """Each algorithm's curves; orders for which one of them has none are skipped for all."""
    time = TradingTime.of(orders.sessions, bars.step)
    first = orders.sessions.slot(orders.session, orders.start, bars.step)
    last = first + (time.elapsed(orders.end) - time.elapsed(orders.start)) // bars.step
    changed = clock_changes(orders.sessions, bars.step)
    of_symbol = lru_cache(maxsize=None)(lambda symbol: SymbolBars.of(bars, symbol, orders.sessions))
    tables = lru_cache(maxsize=8)(lambda symbol: SessionVolumes.of(bars, bars.symbols[symbol], orders.sessions))
    seen = _Seen(bars, orders, time, changed, first, last, of_symbol, tables)
    keep = np.ones(len(orders), dtype=bool)
    skipped: dict[tuple[int, int], Skipped] = {}
    made: list[Curves] = []
    for algorithm in algorithms:
        curves, missing = _of_history(seen, algorithm) if algorithm.history_days else (_of_lengths(seen, algorithm), {})
        for n, why in sorted(missing.items()):
            keep[n] = False
            where = (int(orders.symbol[n]), int(orders.session[n]))
            skipped[where] = Skipped(orders.symbols[where[0]], str(orders.sessions.date[where[1]]), f"{algorithm}: {why}")
        made.append(curves)
    if not skipped:
        return made, orders
    return [Curves(curves.values, curves.begin[keep], curves.slices[keep]) for curves in made], orders.take(keep, list(skipped.values()))


class _Seen(NamedTuple):
    """Bars and orders, the sessions in which clocks change, windows in bars from their first open on, a symbol's bars and table."""

    bars: Bars
    orders: ParentOrders
    time: TradingTime
    changed: npt.NDArray[np.bool_]
    first: Ints
    last: Ints
    of_symbol: Callable[[int], SymbolBars]
    tables: Callable[[int], SessionVolumes]


def _of_lengths(seen: _Seen, algorithm: Algorithm) -> Curves:
    """Curves that hang on the window's length alone."""
    lengths, number = np.unique(seen.last - seen.first, return_inverse=True)
    curves = [algorithm.curve(np.ones(int(length)), seen.bars.step) for length in lengths]
    slices = np.array([len(curve) for curve in curves], dtype=np.int64)
    return Curves(np.concatenate([np.zeros(0), *curves]), (np.cumsum(slices) - slices)[number], slices[number])


class _Windows(NamedTuple):
    """Windows that differ, sorted by symbol, session, first and last bar: arrays of shape (n_windows,), each with a curve of its own.

    Attributes
    ----------
    symbol, session, first, last : ndarray of int64
    slices, begin : ndarray of int64
        Values of its curve, and where they begin.
    known : ndarray of int64
        Sessions with data before it; -1 where nothing traded in the window in those.
    """

    symbol: Ints
    session: Ints
    first: Ints
    last: Ints
    slices: Ints
    begin: Ints
    known: Ints


def _of_history(seen: _Seen, algorithm: Algorithm) -> tuple[Curves, dict[int, str]]:
    """Curves that hang on the volumes of earlier sessions, and why some orders have none."""
    columns = (seen.orders.symbol, seen.orders.session, seen.first, seen.last)
    order = np.lexsort(columns[::-1])
    differs = np.any([np.diff(column[order], prepend=-1) != 0 for column in columns], axis=0)
    of_order = np.empty(len(order), dtype=np.int64)
    of_order[order] = np.cumsum(differs) - 1
    chosen = [column[order][differs] for column in columns]
    slices = -((chosen[2] - chosen[3]) // (algorithm.interval_on(seen.bars.step) // seen.bars.step))
    begin, known = np.cumsum(slices) - slices, np.zeros(len(slices), dtype=np.int64)
    windows = _Windows(chosen[0], chosen[1], chosen[2], chosen[3], slices, begin, known)
    values = blank(int(slices.sum()))
    edges = np.flatnonzero(np.diff(windows.symbol, prepend=-1, append=-1))
    if len(edges) == 2:  # one symbol, as in a shard: threads would cost more than the work
        _draw(seen, algorithm, windows, slice(*edges.tolist()), values)
    else:
        with ThreadPoolExecutor(max(1, min(os.cpu_count() or 1, len(edges) - 1))) as pool:
            list(pool.map(lambda rows: _draw(seen, algorithm, windows, slice(*rows), values), pairwise(edges.tolist())))
    lacking = np.flatnonzero(windows.known[of_order] < algorithm.history_days)
    missing = {n: _why(seen, algorithm.history_days, windows, int(of_order[n])) for n in lacking.tolist()}
    return Curves(values, windows.begin[of_order], windows.slices[of_order]), missing


def _draw(seen: _Seen, algorithm: Algorithm, windows: _Windows, rows: slice, values: Floats) -> None:
    """The curves of one symbol's windows: those of one length together."""
    symbol, days, step = int(windows.symbol[rows.start]), algorithm.history_days, seen.bars.step
    mine = np.arange(rows.start, rows.stop)
    for length in np.unique(windows.last[mine] - windows.first[mine]):
        alike = mine[windows.last[mine] - windows.first[mine] == length]
        own = seen.of_symbol(symbol)
        profiles, known = window_profiles(own, windows.session[alike], windows.first[alike], int(length), days)
        for i in np.flatnonzero(_irregular(own, seen.changed, windows.session[alike], windows.last[alike], known, days)).tolist():
            window = _Windows._make(column[alike[i]] for column in windows)
            profiles[i], known[i] = _long_profile(seen, symbol, window, days, forecasts=algorithm.forecasts)
        windows.known[alike] = known
        good = known >= days
        if not good.any():
            continue
        if algorithm.forecasts:
            curves: Iterable[Floats] = _foreseen(seen, symbol, algorithm, windows, alike[good])
        else:
            curves = algorithm.curves(profiles if good.all() else profiles[good], step)
        for at, curve in zip(windows.begin[alike[good]].tolist(), curves, strict=True):
            values[at : at + len(curve)] = curve


def _irregular(own: SymbolBars, changed: npt.NDArray[np.bool_], session: Ints, last: Ints, known: Ints, days: int) -> npt.NDArray[np.bool_]:
    """Windows over several sessions, and those whose earlier sessions have halves of other lengths or other clocks.

    They are no work for the compiled loop.
    """
    long: npt.NDArray[np.bool_] = last > own.slots[session]
    morning, late = own.morning, own.slots - own.morning
    halves = bool(late.any()) and len(np.unique(np.column_stack([morning, late]), axis=0)) > 1
    if not (halves or changed.any()):
        return long
    held = np.flatnonzero(own.last > own.first)
    at = np.searchsorted(held, session)
    shape = morning * (late.max() + 1) + late
    for i in np.flatnonzero(~long & (known != 0)).tolist():
        before = held[max(at[i] - days, 0) : at[i]]
        long[i] = (halves and (shape[before] != shape[session[i]]).any()) or changed[session[i]] or changed[before].any()
    return long


def _long_profile(seen: _Seen, symbol: int, window: _Windows, days: int, *, forecasts: bool) -> tuple[Floats, int]:
    """The usual volume in each bar of one window that `window_profiles` does not know, and the sessions with data before it.

    Bit for bit what an executor makes of its broker's profile.
    """
    bars, sessions = seen.bars, seen.orders.sessions
    session, n = int(window.session), int(window.last - window.first)
    volumes = seen.tables(symbol)
    before = int(np.count_nonzero(volumes.has_data[:session]))
    if before < days:
        return np.zeros(n), before
    over = int(window.last) > int(volumes.slots[session])
    if over and forecasts:
        return np.zeros(n), SEVERAL
    profile = volumes.profile(session, days)
    if not over:
        found = profile[int(window.first) : int(window.last)]
        return found, before if found.sum() > 0 else -1
    hours = Session.of(sessions, session)
    day = starts(hours, bars.step)
    begin = seen.time.elapsed(day[int(window.first) : int(window.first) + 1])
    stamps = seen.time.resumed(seen.time.instant(begin + bars.step * np.arange(n)))
    try:
        return window_profile(as_series(profile, hours, bars.step, sessions.zone), stamps, bars.step, sessions.zone), before
    except UsageError:
        return np.zeros(n), -1


def _why(seen: _Seen, days: int, windows: _Windows, i: int) -> str:
    if windows.known[i] == SEVERAL:
        return "it forecasts the volume of one session, and the window runs over more"
    if windows.known[i] < 0:
        return "nothing traded in the window in the earlier sessions"
    try:
        check_history(seen.orders.symbols[windows.symbol[i]], int(windows.known[i]), days)
    except NotEnoughHistoryError as error:
        return str(error).partition("; ")[0].partition(": ")[2]
    raise AssertionError("a window with enough history has a curve")


def _foreseen(seen: _Seen, symbol: int, algorithm: Algorithm, windows: _Windows, chosen: Ints) -> list[Floats]:
    """The curves that were drawn slice by slice, each of what had traded by then."""
    volumes = seen.tables(symbol)
    parts = zip(*(column[chosen].tolist() for column in (windows.session, windows.first, windows.last)), strict=True)
    return [_drawn(volumes, k, algorithm, (first, last), seen.bars.step) for k, first, last in parts]


def _drawn(volumes: SessionVolumes, session: int, algorithm: Algorithm, window: tuple[int, int], step: int) -> Floats:
    (first, last), width = window, algorithm.interval_on(step) // step
    today = volumes.volumes[session, : volumes.slots[session]]
    history = [stretched(earlier, len(today)) for earlier in volumes.before(session, algorithm.history_days)]
    dynamic = algorithm.dynamic_curve(history, first, last, step)
    return np.array([dynamic.scheduled(k, today[:known]) for k, known in enumerate(range(first, last, width))])
