"""`Counted`: the orders that count, over the bars that hold them, and every row that does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from exec_algos.checks import Ints
from exec_algos.errors import UsageError
from exec_algos.executions.cells import MISSING, known_times
from exec_algos.executions.checks import check_orders
from exec_algos.executions.market import Market
from exec_algos.executions.refused import RefusedRow
from exec_algos.executions.sources import Given
from exec_algos.executions.terms import Terms
from exec_algos.studies.design.imports import Checks, Row, parents_in_rows
from exec_algos.studies.design.parents import ParentOrders
from exec_algos.studies.design.reasons import counted
from exec_algos.studies.design.written.cells import Unread


class NoOwnOrderError(UsageError):
    """No order counts.

    Parameters
    ----------
    refused : sequence of RefusedRow
        Why, row by row.
    """

    def __init__(self, refused: Sequence[RefusedRow]) -> None:
        self.refused = tuple(refused)
        why = counted(row.reason for row in refused)
        super().__init__(f"no order is left: {why}" if refused else "there is neither an order nor a fill below the column names")


class Counted(NamedTuple):
    """Orders that count, sorted as a study sorts them, and where each stands among those that were written."""

    orders: ParentOrders
    rows: list[Row]
    places: Ints


def counted_orders(given: Given, market: Market, said: Terms) -> tuple[Counted, list[RefusedRow]]:
    """The orders that count, over the bars that hold them; and every row that does not."""
    found, written = given.found, given.found.orders.written
    starts, ends, cancel = known_times(written.starts), known_times(written.ends), found.orders.cancel
    cut = (cancel != MISSING) & (ends != MISSING) & (cancel < ends) & (cancel > starts)
    begin, stop = market.bar_start(starts), market.bar_end(np.where(cut, cancel, ends))
    outward = replace(written, starts=_or_unread(begin, written.starts), ends=_or_unread(stop, written.ends))
    rows, bad = Checks.of(market.bars, market.sessions, said.lot_size).rows(outward)
    left = check_orders(found, given.filled, bad, given.checks, market)
    kept = [row for row in rows if not left.left_out[int(written.places(row.row))]]
    places = np.array([int(written.places(row.row)) for row in kept], dtype=np.int64)
    true = [row._replace(asked_start=int(starts[at]), asked_end=int(ends[at])) for row, at in zip(kept, places, strict=True)]
    refused = [*left.rows, *(given.checks.rows if given.checks is not None else [])]
    if not kept:
        raise NoOwnOrderError(refused)
    made = parents_in_rows(written, true, (), market.bars, market.sessions, lot_size=said.lot_size, profile_days=said.profile_days)
    return Counted(ParentOrders(**made), true, places), refused


def _or_unread(instants: Ints, times: Sequence[int | Unread]) -> list[int | Unread]:
    return [time if isinstance(time, Unread) else int(instant) for instant, time in zip(instants, times, strict=True)]
