"""The parent orders of a study some at a time: what their single trades need is never in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.algorithms import Algorithm
from exec_algos.checks import Ints
from exec_algos.market.trading_time import TradingTime
from exec_algos.model import Rules
from exec_algos.studies.run.curves import Curves
from exec_algos.studies.run.worked import Worked

if TYPE_CHECKING:
    from exec_algos.fills import FillModel
    from exec_algos.market.bars import Bars
    from exec_algos.studies.design.parents import ParentOrders

MOST = 1 << 18  # bars in the windows of a piece: some tens of MB while its trades are looked at


class Piece(NamedTuple):
    """Some parent orders of a study, and the bars of their symbols.

    Attributes
    ----------
    rows : ndarray of int64
        Of the study's orders.
    bars : Bars
        Columns are views of the study's.
    orders : ParentOrders
    """

    rows: Ints
    bars: Bars
    orders: ParentOrders


def pieces_of(bars: Bars, orders: ParentOrders, most: int = MOST) -> Iterator[Piece]:
    """The orders by symbol, up to `most` bars in all their windows at a time; a single order may have more."""
    time = TradingTime.of(orders.sessions, bars.step)
    by_symbol = np.argsort(orders.symbol, kind="stable")
    lengths = ((time.elapsed(orders.end) - time.elapsed(orders.start)) // bars.step)[by_symbol]
    before = np.cumsum(lengths) - lengths
    first = 0
    while first < len(by_symbol):
        last = max(int(np.searchsorted(before, before[first] + most)), first + 1)
        rows = by_symbol[first:last]
        yield piece_of(bars, orders, rows)
        first = last


def piece_of(bars: Bars, orders: ParentOrders, rows: Ints) -> Piece:
    """Some orders, which stand by symbol: the bars from the first of their symbols to the last, and symbols numbered in them."""
    a, b = int(orders.symbol[rows[0]]), int(orders.symbol[rows[-1]]) + 1
    own: dict[str, Any] = {name: getattr(orders, name)[rows] for name in ("session", "side", "lots", "start", "end")}
    chosen = replace(orders, symbols=orders.symbols[a:b], symbol=orders.symbol[rows] - a, columns={}, **own)
    return Piece(rows, _symbols(bars, a, b), chosen)


def _symbols(bars: Bars, a: int, b: int) -> Bars:
    """The symbols ``[a, b)`` by number; columns are views."""
    if (a, b) == (0, len(bars.symbols)):
        return bars
    rows = slice(int(bars.offsets[a]), int(bars.offsets[b]))
    columns: dict[str, Any] = {name: column[rows] for name, column in bars.columns().items()}
    return replace(
        bars,
        symbols=bars.symbols[a:b],
        offsets=bars.offsets[a : b + 1] - bars.offsets[a],
        start=bars.start[rows],
        quotes={name: columns.pop(name) for name in bars.quotes},
        **columns,
    )


class Workable(NamedTuple):
    """All that is needed to work some of a study's orders again.

    Attributes
    ----------
    algorithms : sequence of Algorithm
    curves : sequence of Curves
        Of each algorithm.
    model : FillModel
    rules : Rules
    held : mapping of int to Worked
        By the number of the algorithm: what was worked event by event, with its trades. That takes too long to be done twice.
    """

    algorithms: Sequence[Algorithm]
    curves: Sequence[Curves]
    model: FillModel
    rules: Rules
    held: Mapping[int, Worked]

    def worked(self, piece: Piece) -> Iterator[Worked]:
        """What each algorithm makes of a piece, with its trades."""
        from exec_algos.studies.run.drivers import Job, Located, drive_batch

        located = Located.of(piece.bars, piece.orders, self.rules)
        for i, algorithm in enumerate(self.algorithms):
            if i in self.held:
                yield _of_orders(self.held[i], piece.rows)
                continue
            curves = self.curves[i]
            own = Curves(curves.values, curves.begin[piece.rows], curves.slices[piece.rows])
            yield drive_batch(Job(piece.bars, piece.orders, located, algorithm, own, self.model, self.rules, True))


def _of_orders(worked: Worked, rows: Ints) -> Worked:
    """Of some orders, numbered anew; trades stay in order of parent and time."""
    first, last = (np.searchsorted(worked.trade_parent, rows, side=side) for side in ("left", "right"))
    count = last - first
    owner = np.repeat(np.arange(len(rows)), count)
    at = np.repeat(first - (np.cumsum(count) - count), count) + np.arange(len(owner))
    names = [name for name in Worked._fields if name.startswith("trade_") and name != "trade_parent"]
    trades = {name: getattr(worked, name)[at] for name in names}
    whole = {name: getattr(worked, name)[rows] for name in Worked._fields if not name.startswith("trade_")}
    return Worked(**whole, trade_parent=owner, **trades)


def without_trades(worked: Worked) -> Worked:
    """The same, its single trades left out."""
    return worked._replace(**{name: getattr(worked, name)[:0].copy() for name in Worked._fields if name.startswith("trade_")})
