"""The target curves of a study: one for each algorithm and parent order, shared where they are the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

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
    volumes = {i: SessionVolumes.of(bars, symbol, orders.sessions) for i, symbol in enumerate(bars.symbols)}
    keep = np.ones(len(orders), dtype=bool)
    skipped: dict[tuple[int, int], Skipped] = {}
    made: list[list[Any]] = []
    for algorithm in algorithms:
        known: dict[tuple[int, ...], Any] = {}
        mine = []
        for n, key in enumerate(zip(*_keys(orders, algorithm), strict=True)):
            if key not in known:
                known[key] = _curve(volumes, orders, algorithm, n, bars.step)
            curve = known[key]
            mine.append(curve)
            if isinstance(curve, str):
                keep[n] = False
                where = (int(orders.symbol[n]), int(orders.session[n]))
                skipped[where] = Skipped(orders.symbols[where[0]], str(orders.sessions.date[where[1]]), f"{algorithm}: {curve}")
        made.append(mine)
    kept = orders.take(keep, list(skipped.values()))
    return [_joined([curve for curve, use in zip(mine, keep, strict=True) if use]) for mine in made], kept


def _keys(orders: ParentOrders, algorithm: Algorithm) -> tuple[list[int], ...]:
    length = (orders.end - orders.start).tolist()
    if not algorithm.history_days:
        return (length,)
    return orders.symbol.tolist(), orders.session.tolist(), orders.start.tolist(), length


def _curve(volumes: dict[int, SessionVolumes], orders: ParentOrders, algorithm: Algorithm, n: int, step: int) -> Floats | str:
    opened = int(orders.sessions.open[orders.session[n]])
    first, last = (int(t - opened) // step for t in (orders.start[n], orders.end[n]))
    profile = np.ones(last - first)
    if algorithm.history_days:
        try:
            profile = volumes[int(orders.symbol[n])].profile(int(orders.session[n]), algorithm.history_days)[first:last]
        except NotEnoughHistoryError as error:
            return str(error).partition("; ")[0].partition(": ")[2]
        if not profile.sum() > 0:
            return "nothing traded in the window in the earlier sessions"
    if algorithm.forecasts:
        return _foreseen(volumes[int(orders.symbol[n])], int(orders.session[n]), algorithm, (first, last), step)
    return algorithm.curve(profile, step)


def _foreseen(volumes: SessionVolumes, session: int, algorithm: Algorithm, window: tuple[int, int], step: int) -> Floats:
    """The curve that was drawn slice by slice, each of what had traded by then."""
    (first, last), width = window, algorithm.interval_on(step) // step
    today = volumes.volumes[session, : volumes.slots[session]]
    history = [stretched(one, len(today)) for one in volumes.before(session, algorithm.history_days)]
    outlook = algorithm.outlook(history, first, last, step)
    return np.array([outlook.scheduled(k, today[:known]) for k, known in enumerate(range(first, last, width))])


def _joined(curves: list[Floats]) -> Curves:
    unique = {id(curve): curve for curve in curves}
    begins = dict(zip(unique, np.concatenate([[0], np.cumsum([len(c) for c in unique.values()])]).astype(np.int64), strict=False))
    values = np.concatenate(list(unique.values())) if unique else np.zeros(0)
    begin = np.array([begins[id(curve)] for curve in curves], dtype=np.int64)
    return Curves(values, begin, np.array([len(curve) for curve in curves], dtype=np.int64))
