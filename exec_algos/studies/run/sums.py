"""What an analysis needs of single trades, added up piece by piece, so that the trades themselves need not be kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.fills import PRICE_RULES
from exec_algos.market.hours import sessions_of
from exec_algos.market.trading_time import TradingTime
from exec_algos.stats.cluster_sums import ClusterSums
from exec_algos.stats.estimable import Estimable
from exec_algos.studies.run.pieces import Piece, Workable, pieces_of
from exec_algos.studies.run.worked import Worked
from exec_algos.tca.fidelity import bar_participation, fill_slippage
from exec_algos.tca.markouts import HORIZONS, markouts
from exec_algos.tca.priced import FillSums, PricedFills
from exec_algos.tca.residuals import CAUSES, Bounds, causes_of_residuals
from exec_algos.tca.trades import Stamped, Trades, bar_rows, inside_bar

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions
    from exec_algos.studies.design.parents import ParentOrders

MINUTE, DAY = 60_000_000_000, 86_400_000_000_000
BUCKET = 15  # minutes: times of day can be asked for in whole multiples of it
SIDES = ("BUY", "SELL")
MARKOUTS, TIME_OF_DAY = "markouts", "time_of_day"
FILES = ("order_sums", "line_sums", "line_missing")  # Parquet files of a study's folder
OF_BARS = ("bars", "bars_left_out", "bar_shares", "most_of_a_bar")
ORDER_COLUMNS = (*FillSums._fields, *OF_BARS, *CAUSES)


@dataclass(frozen=True, eq=False)
class TradeSums:
    """What the tables of an analysis need of single trades that were not kept.

    Attributes
    ----------
    orders : DataFrame
        A row for each row of ``parents``: `exec_algos.tca.priced.FillSums`; the ``bars`` in which the order traded, and those whose volume
        is not known (``bars_left_out``); the sum and the largest of its part of their volume (``bar_shares, most_of_a_bar``); its
        residual by cause.
    lines : DataFrame
        ``table, algorithm, side, line, day`` and `exec_algos.stats.cluster_sums.ClusterSums`: of mark-outs by horizon and session, of
        fills against their own bar by time of day (quarters of an hour) and day.
    missing : DataFrame
        ``table, algorithm, side, line, reason, n``: values that are not estimable, by reason.
    """

    orders: pd.DataFrame
    lines: pd.DataFrame
    missing: pd.DataFrame

    def tables(self) -> dict[str, pd.DataFrame]:
        """Its tables by the name of their file, less the ending."""
        return dict(zip(FILES, (self.orders, self.lines, self.missing), strict=True))

    @classmethod
    def of_tables(cls, tables: Mapping[str, pd.DataFrame]) -> TradeSums:
        """What `tables` gave, and a folder has kept."""
        orders, lines, missing = (tables[name] for name in FILES)
        return cls(orders, lines.assign(day=lines["day"].astype("datetime64[s]")), missing)  # Parquet has milliseconds at least


class Market(NamedTuple):
    """What all pieces look at.

    Attributes
    ----------
    sessions : Sessions
        Of the whole study's bars.
    stamped : {"start", "end"}
    bounds : Bounds
    lot_size : float
    """

    sessions: Sessions
    stamped: Stamped
    bounds: Bounds
    lot_size: float


def sums_of(bars: Bars, orders: ParentOrders, work: Workable) -> TradeSums:
    """Work the orders piece by piece, and add up what the tables need.

    Parameters
    ----------
    bars : Bars
        Of the sessions alone.
    orders : ParentOrders
        Those that every algorithm has a curve for.
    work : Workable
    """
    names = [str(algorithm) for algorithm in work.algorithms]
    bounds = Bounds.of(work.model.max_participation, orders.lot_size, work.rules.limit_price)
    stamped: Stamped = "start" if PRICE_RULES[work.model.price].at_start else "end"
    market = Market(sessions_of(bars, orders.sessions.name), stamped, bounds, orders.lot_size)
    table = np.zeros((len(orders), len(names), len(ORDER_COLUMNS)))
    lines = [_Lines(market.sessions, bars.zone) for _ in names]
    for piece in pieces_of(bars, orders):
        for i, worked in enumerate(work.worked(piece)):
            own = _trades(piece, worked, orders.lot_size)
            table[piece.rows, i] = _of_orders(piece, worked, own, market)
            lines[i].add(piece.bars, own, market)
    return TradeSums(
        _frame(table.reshape(-1, len(ORDER_COLUMNS)).T, ORDER_COLUMNS),
        _joined([line for name, own in zip(names, lines, strict=True) for line in own.frames(name)]),
        _rows([(table, name, *row) for name, own in zip(names, lines, strict=True) for table, *row in own.missing()]),
    )


def _trades(piece: Piece, worked: Worked, lot_size: float) -> Trades:
    owner = worked.trade_parent
    quantity = (worked.trade_lots * lot_size).astype(np.float64)
    orders = piece.orders
    return Trades(owner, orders.symbol[owner], worked.trade_time, orders.side[owner], quantity, worked.trade_price)


def _of_orders(piece: Piece, worked: Worked, trades: Trades, market: Market) -> Floats:
    """`ORDER_COLUMNS` of each order of a piece, shape (n, k)."""
    n = len(piece.rows)
    parts = (worked.trade_rule_price, worked.trade_spread, worked.trade_impact)
    sums = FillSums.of(PricedFills(trades.parent, trades.quantity, trades.price, *parts), n)
    traded = bar_participation(piece.bars, trades, stamped=market.stamped)
    known = traded.participation.known
    owner, share = traded.parent[known], traded.participation.values[known]
    most = np.zeros(n)
    np.maximum.at(most, owner, share)
    counts = np.bincount(owner, minlength=n), np.bincount(traded.parent[~known], minlength=n)
    return np.column_stack([*sums, *counts, np.bincount(owner, share, n), most, _causes(piece, worked, trades, market)])


def _causes(piece: Piece, worked: Worked, trades: Trades, market: Market) -> Floats:
    """The residual of each order by cause."""
    import pandas as pd

    orders = piece.orders
    quantity, filled = orders.lots * orders.lot_size, worked.filled * orders.lot_size
    stamps = {name: pd.to_datetime(getattr(orders, name), utc=True) for name in ("start", "end")}
    frame = pd.DataFrame(
        {
            "symbol": np.array(orders.symbols, dtype=object)[orders.symbol],
            "side": np.where(orders.side > 0, *SIDES),
            **stamps,
            "residual": quantity - filled,
        }
    )
    row = bar_rows(piece.bars, trades.symbol, trades.time, market.stamped)
    time = TradingTime.of(market.sessions, piece.bars.step)
    return causes_of_residuals(piece.bars, time, frame, trades.parent, row, trades.quantity, market.bounds)


class _Lines:
    """The sums of one algorithm's fills by side, line and day."""

    def __init__(self, sessions: Sessions, zone: str) -> None:
        self._dates, self._zone = sessions.date.astype("datetime64[D]"), zone
        self._first = int(self._dates[0].astype(np.int64)) - 1  # clocks may show another day than the session's
        self._days = int(self._dates[-1].astype(np.int64)) - self._first + 3
        self._sums: dict[tuple[str, str], ClusterSums] = {}
        self._missing: dict[tuple[str, str, str], dict[str, int]] = {}

    def add(self, bars: Bars, trades: Trades, market: Market) -> None:
        """Take in the fills of a piece."""
        self._markouts(bars, trades, market)
        self._time_of_day(bars, trades, market)

    def _markouts(self, bars: Bars, trades: Trades, market: Market) -> None:
        found = markouts(bars, market.sessions, trades, HORIZONS, stamped=market.stamped)
        many = len(self._dates)
        sold = (trades.side < 0).astype(np.int64)
        # where the venue was closed there is no session, and no value
        session = np.maximum(market.sessions.locate(inside_bar(trades.time, market.stamped)), 0)
        for name, column in found.columns.items():
            self._put(MARKOUTS, name, ClusterSums.of(column.values, found.notional, sold * many + session, 2 * many))
            for k, side in enumerate(SIDES):
                self._count((MARKOUTS, side, name), column, sold == k)

    def _time_of_day(self, bars: Bars, trades: Trades, market: Market) -> None:
        values = fill_slippage(bars, trades, stamped=market.stamped)
        local = _local(inside_bar(trades.time, market.stamped), self._zone)
        bucket = local % DAY // (BUCKET * MINUTE)
        sold, day = (trades.side < 0).astype(np.int64), local // DAY - self._first
        cluster, size = sold * self._days + day, 2 * self._days
        weights = trades.quantity * trades.price
        for place in np.flatnonzero(np.bincount(bucket)).tolist():
            mine = np.flatnonzero(bucket == place)
            name = clock(place * BUCKET)
            own = values.take(mine)
            self._put(TIME_OF_DAY, name, ClusterSums.of(own.values, weights[mine], cluster[mine], size))
            for k, side in enumerate(SIDES):
                self._count((TIME_OF_DAY, side, name), own, sold[mine] == k)

    def _put(self, table: str, line: str, more: ClusterSums) -> None:
        had = self._sums.get((table, line))
        self._sums[table, line] = more if had is None else had.plus(more)

    def _count(self, key: tuple[str, str, str], column: Estimable, mine: Any) -> None:
        if column.known.all():
            return
        held = self._missing.setdefault(key, {})
        for reason, n in column.take(mine).counts().items():
            held[reason] = held.get(reason, 0) + n

    def frames(self, algorithm: str) -> Iterator[pd.DataFrame]:
        """Sums that are not empty, by table, side, line and day."""
        for table, days in (
            (MARKOUTS, self._dates),
            (TIME_OF_DAY, np.arange(self._first, self._first + self._days).astype("datetime64[D]")),
        ):
            names = [line for kind, line in self._sums if kind == table]
            for k, side in enumerate(SIDES):
                for line in names if table == MARKOUTS else sorted(names):
                    own = ClusterSums._make(column.reshape(2, -1)[k] for column in self._sums[table, line])
                    some = np.flatnonzero(own.n)
                    keys = {"table": table, "algorithm": algorithm, "side": side, "line": line, "day": days[some].astype("datetime64[s]")}
                    yield _frame([column[some] for column in own], ClusterSums._fields, keys)

    def missing(self) -> Iterator[tuple[str, str, str, str, int]]:
        """What is not estimable: table, side, line, reason and count."""
        for (table, side, line), reasons in self._missing.items():
            yield from ((table, side, line, reason, n) for reason, n in reasons.items())


def clock(minute: int) -> str:
    """A minute of the day as ``"09:30"``."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _local(instants: Ints, zone: str) -> Ints:
    """What clocks show at each instant (ns UTC), as ns of a day without zone."""
    import pandas as pd

    stamps = pd.DatetimeIndex(instants.view("datetime64[ns]"), tz="UTC").tz_convert(zone)
    return stamps.tz_localize(None).to_numpy().astype("datetime64[ns]").astype(np.int64)


def _frame(columns: Any, names: Sequence[str], keys: Mapping[str, Any] | None = None) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({**(keys or {}), **dict(zip(names, columns, strict=True))})


def _joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(frames, ignore_index=True)


def _rows(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=["table", "algorithm", "side", "line", "reason", "n"])
