"""The target curves of a study: one for each algorithm and parent order, shared where they are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.errors import NotEnoughHistoryError
from exec_algos.executors import Algorithm
from exec_algos.market.profile import SessionVolumes, stretched
from exec_algos.studies.parents import ParentOrders, Skipped

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


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
    opened = orders.sessions.open[orders.session]
    first, last = ((instants - opened) // bars.step for instants in (orders.start, orders.end))
    seen = _Seen(orders, lru_cache(maxsize=None)(partial(_volumes, bars, orders)), first, last, bars.step)
    keep = np.ones(len(orders), dtype=bool)
    skipped: dict[tuple[int, int], Skipped] = {}
    made: list[Curves] = []
    for algorithm in algorithms:
        curves, missing = _made(seen, algorithm)
        for n, why in sorted(missing.items()):
            keep[n] = False
            where = (int(orders.symbol[n]), int(orders.session[n]))
            skipped[where] = Skipped(orders.symbols[where[0]], str(orders.sessions.date[where[1]]), f"{algorithm}: {why}")
        made.append(curves)
    if not skipped:
        return made, orders
    return [Curves(one.values, one.begin[keep], one.slices[keep]) for one in made], orders.take(keep, list(skipped.values()))


class _Seen(NamedTuple):
    """Orders, the volumes of a symbol by number, and the windows in bars from the open."""

    orders: ParentOrders
    volumes: Callable[[int], SessionVolumes]
    first: Ints
    last: Ints
    step: int


class _Block(NamedTuple):
    """Curves of one length, shape (m, slices), and which of the parent orders have each; or why these have none."""

    curves: Floats
    orders: Ints
    number: Ints
    why: str = ""


def _volumes(bars: Bars, orders: ParentOrders, symbol: int) -> SessionVolumes:
    return SessionVolumes.of(bars, bars.symbols[symbol], orders.sessions)


def _made(seen: _Seen, algorithm: Algorithm) -> tuple[Curves, dict[int, str]]:
    """The curves of all orders, and why some have none."""
    begin, slices = np.zeros(len(seen.first), dtype=np.int64), np.zeros(len(seen.first), dtype=np.int64)
    values: list[Floats] = []
    missing: dict[int, str] = {}
    at = 0
    for block in _blocks(seen, algorithm):
        begin[block.orders], slices[block.orders] = at + block.number * block.curves.shape[1], block.curves.shape[1]
        values.append(block.curves.ravel())
        at += block.curves.size
        missing |= dict.fromkeys(block.orders.tolist() if block.why else (), block.why)
    return Curves(np.concatenate(values) if values else np.zeros(0), begin, slices), missing


def _blocks(seen: _Seen, algorithm: Algorithm) -> Iterator[_Block]:
    orders = seen.orders
    if not algorithm.history_days:
        for chosen in _groups(seen.last - seen.first):
            length = int(seen.last[chosen[0]] - seen.first[chosen[0]])
            yield _Block(algorithm.curve(np.ones(length), seen.step)[None], chosen, np.zeros(len(chosen), dtype=np.int64))
        return
    for mine in _groups(orders.symbol):
        yield from _of_symbol(seen, algorithm, mine)


def _of_symbol(seen: _Seen, algorithm: Algorithm, mine: Ints) -> Iterator[_Block]:
    """Blocks of the orders of one symbol: those of one window in bars together."""
    volumes, days, orders = seen.volumes(int(seen.orders.symbol[mine[0]])), algorithm.history_days, seen.orders
    enough = np.isin(np.arange(len(volumes.slots)), volumes.windows(days)[0])
    profiles = volumes.profiles(days)
    for chosen in _groups(seen.first[mine], seen.last[mine]):
        rows = mine[chosen]
        window = slice(int(seen.first[rows[0]]), int(seen.last[rows[0]]))
        sessions, number = np.unique(orders.session[rows], return_inverse=True)
        weights, number = profiles[sessions, window], number.reshape(-1)
        some = enough[sessions] & (weights.sum(axis=1) > 0)
        for i in np.flatnonzero(~some):
            yield _Block(np.zeros((0, 0)), rows[number == i], number[number == i], _why(volumes, int(sessions[i]), days))
        if some.any():
            good = some[number]
            yield _Block(
                _rows(seen, volumes, algorithm, sessions[some], weights if some.all() else weights[some], window),
                rows[good],
                (np.cumsum(some) - 1)[number[good]],
            )


def _rows(seen: _Seen, volumes: SessionVolumes, algorithm: Algorithm, sessions: Ints, weights: Floats, window: slice) -> Floats:
    """The curves of one window in several sessions, a row each."""
    if not algorithm.forecasts:
        return algorithm.curves(weights, seen.step)
    return np.stack([_foreseen(volumes, int(k), algorithm, (window.start, window.stop), seen.step) for k in sessions])


def _why(volumes: SessionVolumes, session: int, days: int) -> str:
    try:
        volumes.earlier(session, days)
    except NotEnoughHistoryError as error:
        return str(error).partition("; ")[0].partition(": ")[2]
    return "nothing traded in the window in the earlier sessions"


def _groups(*keys: Ints) -> list[Ints]:
    """Rows that agree in every key, in order of the keys, the rows of a group rising."""
    order = np.lexsort(keys)
    changes = np.any([np.diff(key[order]) != 0 for key in keys], axis=0)
    return np.split(order, np.flatnonzero(changes) + 1) if len(order) else []


def _foreseen(volumes: SessionVolumes, session: int, algorithm: Algorithm, window: tuple[int, int], step: int) -> Floats:
    """The curve that was drawn slice by slice, each of what had traded by then."""
    (first, last), width = window, algorithm.interval_on(step) // step
    today = volumes.volumes[session, : volumes.slots[session]]
    history = [stretched(one, len(today)) for one in volumes.before(session, algorithm.history_days)]
    outlook = algorithm.outlook(history, first, last, step)
    return np.array([outlook.scheduled(k, today[:known]) for k, known in enumerate(range(first, last, width))])
