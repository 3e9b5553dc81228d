"""What the orders of a study are charged, in one set of fees an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exec_algos.batch.tape import NO_ROWS
from exec_algos.checks import Ints
from exec_algos.costs import Commission
from exec_algos.costs.charges import FeeTable, is_free
from exec_algos.errors import UsageError
from exec_algos.fills import FillModel
from exec_algos.market.trading_time import TradingTime

if TYPE_CHECKING:
    from exec_algos.studies.design.parents import ParentOrders

LEAST, MOST, UNIT = 4, 5, 6  # columns of `exec_algos.costs.charges.FeeRow`
WAY_OUT = "use driver='engine' or end the order with the session"


def commission_of(model: FillModel, orders: ParentOrders) -> tuple[Commission | FeeTable, Ints]:
    """What the orders are charged, every one of them on dates that are known, and the entry of each in a table.

    Behind the entries of the orders, in their sequence, stand those of the last day of each order over several sessions.
    """
    commission = model.commission
    if is_free(commission):
        return Commission(), NO_ROWS
    if isinstance(commission, Commission):
        return commission, NO_ROWS
    several, last = _several(orders)
    days = orders.sessions.date[np.append(orders.session, last[several])]
    return FeeTable.of(commission, days, np.append(orders.side, orders.side[several]))


def check_one_set(orders: ParentOrders, table: FeeTable, entry: Ints, interval: int, step: int) -> None:
    """Refuse what the compiled loop cannot charge: it knows one set of fees an order, and one account a child.

    Raises
    ------
    UsageError
        An order over several sessions whose first day has other fees than its last; or whose children rest over a night where fees have
        a least or a greatest amount, or are rounded: those hold for each day.
    """
    several, last = _several(orders)
    terms = [table.rows[begin:end] for begin, end in zip(table.begin, table.end, strict=True)]
    time = TradingTime.of(orders.sessions, step)
    for order, then in zip(np.flatnonzero(several).tolist(), entry[len(orders) :].tolist(), strict=True):
        first, symbol = orders.session[order], orders.symbols[orders.symbol[order]]
        if not np.array_equal(terms[entry[order]], terms[then]):
            days = orders.sessions.date[[first, last[order]]]
            raise UsageError(f"the fees of {symbol} change between {days[0]} and {days[1]}, the days of one order; {WAY_OUT}")
        closes = time.elapsed(orders.sessions.close[first : last[order]]) - time.elapsed(orders.start[order : order + 1])
        if not _proportional(terms[then]) and (closes % interval).any():
            night = orders.sessions.date[first]
            raise UsageError(
                f"a child of an order in {symbol} rests over the night of {night}, and its fees are those of each day; "
                f"{WAY_OUT}, or choose an interval that divides the session"
            )


def _several(orders: ParentOrders) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], Ints]:
    """Which orders run over several sessions, and the session in which each ends."""
    last = orders.sessions.all_at_or_after(orders.end - 1)
    return last > orders.session, last


def _proportional(rows: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> bool:
    """Whether what is owed for two executions is the sum of what is owed for each."""
    return bool((rows[:, LEAST] == 0).all() and np.isinf(rows[:, MOST]).all() and (rows[:, UNIT] == 0).all())
