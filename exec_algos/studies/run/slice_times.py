"""The slices of a study's orders that have a pause or a night in their window, on the clock: computed once for windows that are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from exec_algos.batch import NO_SLICE_TIMES, SliceTimes
from exec_algos.batch.tape import NO_ROWS
from exec_algos.checks import Ints
from exec_algos.model import Residual, Rules
from exec_algos.model.slicing import all_slices
from exec_algos.model.window import pauses_between, session_finder

if TYPE_CHECKING:
    from exec_algos.studies.design.parents import ParentOrders


def slice_times_of(
    orders: ParentOrders, deadline: Ints, paused: npt.NDArray[np.bool_], interval: int, rules: Rules, step: int
) -> tuple[SliceTimes, Ints, Ints]:
    """Slices of the orders that are `paused`, where each order's begin, and how many it has; nothing where none is.

    Parameters
    ----------
    orders : ParentOrders
    deadline : ndarray of int64, shape (n,)
        Where each order's residual policy ends, ns UTC.
    paused : ndarray of bool, shape (n,)
    interval, step : int
        Between decisions, and of a bar: ns.
    rules : Rules
    """
    if not paused.any():
        return NO_SLICE_TIMES, NO_ROWS, NO_ROWS
    windows, which = np.unique(np.column_stack([orders.start, orders.end, deadline])[paused], axis=0, return_inverse=True)
    session_at, auctions = session_finder(orders.sessions), rules.residual == Residual.CLOSE_AUCTION

    found = []
    for start, end, until in windows.tolist():
        auction = max(until - step, end) if auctions and until > end else -1
        found.append(all_slices(start, end, until, interval, pauses_between(start, until, session_at, step), auction))
    count = np.array([len(slices) for slices in found], dtype=np.int64)
    begin = np.cumsum(count) - count
    table = np.array([edges for slices in found for edges in slices], dtype=np.int64).reshape(-1, 2).T.copy()
    row, decisions = np.zeros(len(orders), dtype=np.int64), np.zeros(len(orders), dtype=np.int64)
    row[paused], decisions[paused] = begin[which.ravel()], count[which.ravel()]
    return SliceTimes(table[0], table[1]), row, decisions
