"""`Joined`: orders, and which of them each fill belongs to; orders that no file holds are built from their fills."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Ints
from exec_algos.errors import UsageError
from exec_algos.executions.cells import MISSING, Names
from exec_algos.executions.market import Market
from exec_algos.executions.written import AVERAGE_PRICE, OwnOrders, WrittenFills
from exec_algos.studies.design.imports import windows_text
from exec_algos.studies.design.written.form import ORDER_ID
from exec_algos.studies.design.written.rows import WrittenOrders

SEVERAL = ""  # of a kept column that is not the same in all fills of an order


class Joined(NamedTuple):
    """Orders and fills.

    Attributes
    ----------
    orders : OwnOrders
    fills : WrittenFills, optional
        None where the orders themselves say what they filled.
    parent : ndarray of int64, shape (n_fills,)
        Place of each fill's order among the orders; -1 where there is none.
    built : bool
        The orders were built from the fills.
    notes : tuple of str
    """

    orders: OwnOrders
    fills: WrittenFills | None
    parent: Ints
    built: bool
    notes: tuple[str, ...] = ()


def joined_by_id(orders: OwnOrders, fills: WrittenFills) -> Joined:
    """Fills and the orders that their ids name.

    Raises
    ------
    UsageError
        One of the files has no column of order ids.
    """
    import pandas as pd

    if fills.order is None or ORDER_ID not in orders.written.kept:
        lacking = "fills" if fills.order is None else "orders"
        raise UsageError(
            f"the {lacking} have no column order_id, which joins fills to orders; name it: columns='order_id=...' "
            f"(--{lacking[:-1]}-columns), or leave the orders out"
        )
    ids = pd.Index(np.array(orders.written.kept[ORDER_ID], dtype=object))
    first = ~ids.duplicated() & np.array([bool(name) for name in ids], dtype=bool)  # a second order of that name is refused
    places = np.flatnonzero(first)
    found = ids[first].get_indexer(pd.Index(np.array(fills.order.words, dtype=object)))
    words = np.where(found >= 0, np.append(places, -1)[found], -1)
    return Joined(orders, fills, words[fills.order.codes].astype(np.int64), built=False)


def built_from(fills: WrittenFills, market: Market, left_out: npt.NDArray[np.bool_], keep: Sequence[str]) -> Joined:
    """Orders of the fills of one symbol, side and session: from the bar of the first to the bar of the last, as many shares as they filled.

    Parameters
    ----------
    fills : WrittenFills
    market : Market
    left_out : ndarray of bool, shape (n_fills,)
        Fills that do not count, but whose order is left out with them.
    keep : sequence of str
        Columns of the fills to carry into the result.

    Raises
    ------
    UsageError
        There is no column of times, symbols or sides.
    """
    import pandas as pd

    lacking = [name for name in ("time", "symbol", "side") if getattr(fills, name) is None]
    if lacking or fills.time is None or fills.symbol is None or fills.side is None:
        raise UsageError(
            f"without orders each fill needs a time, a symbol and a side; the fills have no {', '.join(lacking)}; name the column "
            f"(--fill-columns), or give the orders{''.join(f'; {note}' for note in fills.notes if AVERAGE_PRICE in note)}"
        )
    known = fills.time != MISSING
    day = market.sessions.locate(market.inside(np.where(known, fills.time, 0)))
    good = known & (day >= 0) & (fills.side != 0)
    keys = pd.DataFrame({"symbol": fills.symbol.codes, "day": day, "side": -fills.side})[good]
    groups = keys.groupby(list(keys.columns), sort=True)
    number = groups.ngroup().to_numpy()
    parent = np.full(len(fills), -1, dtype=np.int64)
    parent[good] = number
    n = int(number.max(initial=-1)) + 1
    order, rows = np.argsort(number, kind="stable"), np.flatnonzero(good)
    first = rows[order[np.searchsorted(number[order], np.arange(n))]]
    counted = good & ~left_out
    quantity = np.bincount(parent[counted], fills.quantity[counted], n).astype(np.float64)
    inside = market.inside(fills.time)
    start, end = np.full(n, np.iinfo(np.int64).max), np.full(n, MISSING)
    np.minimum.at(start, parent[good], market.bar_start(inside[good]))
    np.maximum.at(end, parent[good], market.bar_start(inside[good]) + market.step)
    texts = windows_text(start, end, market.sessions.zone)
    written = WrittenOrders(
        numbers=np.arange(1, n + 1, dtype=np.int64), symbols=[fills.symbol.at(int(row)) for row in first],
        sides=fills.side[first].tolist(), quantities=quantity.tolist(), starts=start.tolist(), ends=end.tolist(),
        as_written=[(f"{shares:.15g}", text) for shares, text in zip(quantity.tolist(), texts, strict=True)],
        kept={name: constant(fills.kept[name], parent, n) for name in keep if name in fills.kept},
    )  # fmt: skip
    note = (
        f"no file of orders: {n:,} parent orders were built from the fills of one symbol, side and session; their window runs from the bar "
        "of the first fill to that of the last, and their quantity is what was filled. When they were decided and reached the market is "
        "not known: arrival slippage and shortfall are not estimable, and what was not filled is not seen"
    )
    return Joined(_plain_orders(written, fills), fills, parent, built=True, notes=(note,))


def _plain_orders(written: WrittenOrders, fills: WrittenFills) -> OwnOrders:
    """Orders of which nothing is known besides."""
    n = len(written)
    unknown, times = np.full(n, np.nan), np.full(n, MISSING)
    return OwnOrders(
        written=written, cancel=times, decided=times, filled=unknown, average_price=unknown, costs={}, ratio=np.ones(n),
        has_end=np.ones(n, dtype=bool), has=frozenset(), wrong={}, notes=(), table=fills.table,
    )  # fmt: skip


def constant(names: Names, parent: Ints, n: int) -> list[str]:
    """The text that all fills of an order share, for each of n orders; empty where they do not, or where there is none."""
    held = np.flatnonzero(parent >= 0)
    first = np.full(n, -1, dtype=np.int64)
    first[parent[held][::-1]] = held[::-1]
    shared = first >= 0
    np.logical_and.at(shared, parent[held], names.codes[held] == names.codes[first[parent[held]]])
    return [names.at(int(row)) if same else SEVERAL for row, same in zip(first, shared, strict=True)]
