"""`Trades`: fills as columns, and the bars in which they fell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, cast

import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.tca.places import by_symbol

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars

Stamped = Literal["start", "end"]


class Trades(NamedTuple):
    """Fills as columns of shape (n_fills,).

    Attributes
    ----------
    parent : ndarray of int64
        Row of the parent order.
    symbol : ndarray of int64
        Index into ``bars.symbols``; -1 for one without bars.
    time : ndarray of int64
        ns UTC.
    side : ndarray of int64
        +1 buys, -1 sells.
    quantity : ndarray of float64
        Shares.
    price : ndarray of float64
        Currency per share.
    """

    parent: Ints
    symbol: Ints
    time: Ints
    side: Ints
    quantity: Floats
    price: Floats

    @classmethod
    def of(cls, fills: pd.DataFrame, parents: pd.DataFrame, bars: Bars) -> Trades:
        """Fills of a study or of a backtest.

        Parameters
        ----------
        fills : DataFrame
            ``result.fills``: ``parent_id, algorithm, timestamp, symbol, side, quantity, price``.
        parents : DataFrame
            ``result.parents``, or some of its rows; fills of other parents are left out. `parent` counts its rows.
        bars : Bars

        Raises
        ------
        UsageError
            Two rows of `parents` are the same parent order worked by the same algorithm.
        """
        import pandas as pd

        row = cls.rows_of(fills, parents)
        mine = fills[row >= 0]
        return cls(
            parent=row[row >= 0].astype(np.int64),
            symbol=pd.Index(list(bars.symbols)).get_indexer(pd.Index(mine["symbol"])).astype(np.int64),
            time=instants(mine["timestamp"]),
            side=np.where(mine["side"] == "BUY", 1, -1).astype(np.int64),
            quantity=mine["quantity"].to_numpy(dtype=np.float64),
            price=mine["price"].to_numpy(dtype=np.float64),
        )

    @staticmethod
    def rows_of(fills: pd.DataFrame, parents: pd.DataFrame) -> Ints:
        """Row of the parent order of each fill, shape (n,); -1 for a fill of no such parent.

        Raises
        ------
        UsageError
            Two rows of `parents` are the same parent order worked by the same algorithm.
        """
        import pandas as pd

        keys = pd.MultiIndex.from_frame(parents[["parent_id", "algorithm"]])
        if not keys.is_unique:
            raise UsageError(f"parent order {keys[keys.duplicated()][0]} stands twice; pass the parents of one run")
        return keys.get_indexer(pd.MultiIndex.from_frame(fills[["parent_id", "algorithm"]])).astype(np.int64)


def instants(stamps: pd.Series) -> Ints:
    """Tz-aware stamps as ns UTC."""
    return cast("Ints", stamps.dt.as_unit("ns").astype("int64").to_numpy())


def bar_rows(bars: Bars, symbol: Ints, time: Ints, stamped: Stamped) -> Ints:
    """Row of the bar in which each fill fell, -1 where there is none.

    Parameters
    ----------
    bars : Bars
    symbol, time : ndarray of int64, shape (n,)
        Index into ``bars.symbols``; ns UTC.
    stamped : {"start", "end"}
        ``start``: a bar holds the instants ``[start, end)``: fills of the price rule ``open``, and live ones. ``end``: ``(start, end]``:
        fills of the rules ``vwap``, ``close`` and ``worst``, which are stamped at the end of their bar.

    Raises
    ------
    UnknownNameError
        No such end.
    """
    inside, row = inside_bar(time, stamped), np.full(len(time), -1, dtype=np.int64)
    for mine in by_symbol(symbol):
        a, b = bars.offsets[symbol[mine[0]]], bars.offsets[symbol[mine[0]] + 1]
        found = np.searchsorted(bars.start[a:b], inside[mine], side="right") - 1
        held = (found >= 0) & (inside[mine] < np.append(bars.start[a:b], 0)[found] + bars.step)
        row[mine] = np.where(held, a + found, -1)
    return row


def inside_bar(time: Ints, stamped: Stamped) -> Ints:
    """An instant inside the bar of each fill: the stamp itself, or the nanosecond before where fills are stamped at the end of their bar.

    Raises
    ------
    UnknownNameError
        `stamped` is neither ``"start"`` nor ``"end"``.
    """
    if stamped not in ("start", "end"):
        raise UnknownNameError("stamp", str(stamped), ("start", "end"))
    return time - (stamped == "end")
