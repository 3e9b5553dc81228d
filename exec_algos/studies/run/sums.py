"""What an analysis needs of single trades, added up piece by piece, so that the trades themselves need not be kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.batch.tape import NO_ROWS
from exec_algos.checks import Floats, Ints
from exec_algos.fills import PRICE_RULES
from exec_algos.market.hours import sessions_of
from exec_algos.market.trading_time import TradingTime
from exec_algos.stats.cluster_sums import ClusterSums
from exec_algos.stats.estimable import UNNAMED
from exec_algos.studies.run.pieces import Piece, Workable, pieces_of
from exec_algos.studies.run.worked import Worked
from exec_algos.tca.benchmarks import NOT_ABOVE_ZERO
from exec_algos.tca.fidelity import NO_BAR
from exec_algos.tca.markouts import HORIZONS, REASONS, label
from exec_algos.tca.priced import FillSums, PricedFills
from exec_algos.tca.residuals import CAUSES, Bounds, causes_of_residuals
from exec_algos.tca.trades import Stamped, Trades, inside_bar

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions
    from exec_algos.studies.design.parents import ParentOrders

MINUTE, DAY = 60_000_000_000, 86_400_000_000_000
BUCKET = 15  # minutes: times of day can be asked for in whole multiples of it
SIDES = ("BUY", "SELL")
MARKOUTS, TIME_OF_DAY = "markouts", "time_of_day"
WHY = {
    MARKOUTS: REASONS[1:],
    TIME_OF_DAY: (NO_BAR, NOT_ABOVE_ZERO, UNNAMED),
}  # by number in `exec_algos.tca.compiled_fills`; all have a symbol
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
    hours, clock : ndarray of int64
        Of the sessions: see `exec_algos.tca.compiled_fills.Tape`.
    """

    sessions: Sessions
    stamped: Stamped
    bounds: Bounds
    lot_size: float
    hours: Ints
    clock: Ints


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
    sessions = sessions_of(bars, orders.sessions.name)
    market = Market(sessions, stamped, bounds, orders.lot_size, hours_of(sessions), clock_of(sessions, bars))
    table = np.zeros((len(orders), len(names), len(ORDER_COLUMNS)))
    lines = [FillLines(market, bars.zone) for _ in names]
    for piece in pieces_of(bars, orders):
        price = piece.bars.price()
        for i, worked in enumerate(work.worked(piece)):
            own = _trades(piece, worked, orders.lot_size)
            row = lines[i].add(piece.bars, price, own)
            table[piece.rows, i] = _of_orders(piece, worked, own, row, market)
    return TradeSums(
        _frame(table.reshape(-1, len(ORDER_COLUMNS)).T, ORDER_COLUMNS),
        _joined([line for name, own in zip(names, lines, strict=True) for line in own.frames(name)]),
        missing_frame([(table, name, *row) for name, own in zip(names, lines, strict=True) for table, *row in own.missing()]),
    )


def hours_of(sessions: Sessions) -> Ints:
    """`exec_algos.tca.compiled_fills.Tape.hours` of sessions."""
    ends = sessions.close[sessions.adjoining_last()[:-1]]
    return np.stack([sessions.open, sessions.close, sessions.break_start, sessions.break_end, ends])


def clock_of(sessions: Sessions, bars: Bars) -> Ints:
    """What the clock is ahead of UTC in each session, ns; empty where it changes within one or a bar behind it."""
    first, last = (_local(instants, bars.zone) - instants for instants in (sessions.open, sessions.close + bars.step))
    return first if np.array_equal(first, last) else NO_ROWS


def _trades(piece: Piece, worked: Worked, lot_size: float) -> Trades:
    owner = worked.trade_parent
    quantity = (worked.trade_lots * lot_size).astype(np.float64)
    orders = piece.orders
    return Trades(owner, orders.symbol[owner], worked.trade_time, orders.side[owner], quantity, worked.trade_price)


def _of_orders(piece: Piece, worked: Worked, trades: Trades, row: Ints, market: Market) -> Floats:
    """`ORDER_COLUMNS` of each order of a piece, shape (n, k)."""
    from exec_algos.tca.compiled_fills import bar_shares

    n = len(piece.rows)
    parts = (worked.trade_rule_price, worked.trade_spread, worked.trade_impact)
    sums = FillSums.of(PricedFills(trades.parent, trades.quantity, trades.price, *parts), n)
    shares = bar_shares(trades.parent, row, trades.quantity, piece.bars.volume, n)
    return np.column_stack([*sums, shares, _causes(piece, worked, trades, row, market)])


def _causes(piece: Piece, worked: Worked, trades: Trades, row: Ints, market: Market) -> Floats:
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
    time = TradingTime.of(market.sessions, piece.bars.step)
    return causes_of_residuals(piece.bars, time, frame, trades.parent, row, trades.quantity, market.bounds)


class FillLines:
    """The sums of one algorithm's fills by side, line and day."""

    def __init__(self, market: Market, zone: str) -> None:
        from exec_algos.tca.compiled_fills import nothing

        self._market, self._zone = market, zone
        self._dates = market.sessions.date.astype("datetime64[D]")
        self._first = int(self._dates[0].astype(np.int64)) - 1  # clocks may show another day than the session's
        days = int(self._dates[-1].astype(np.int64)) - self._first + 3
        self._sums = nothing(len(HORIZONS), len(self._dates), DAY // (BUCKET * MINUTE), days)

    def add(self, bars: Bars, price: Floats, trades: Trades) -> Ints:
        """Take in the fills of a piece; the row of the bar of each."""
        from exec_algos.tca.compiled_fills import Looked, Tape, Terms, add_fills

        hours, clock, ended = self._market.hours, self._market.clock, self._market.stamped == "end"
        local = NO_ROWS if len(clock) else _local(inside_bar(trades.time, self._market.stamped), self._zone)
        tape = Tape(bars.start, bars.close, price, bars.volume, bars.offsets, bars.step, hours, clock)
        terms = Terms(np.array(HORIZONS, dtype=np.int64), int(ended), self._first, BUCKET * MINUTE)
        return add_fills(tape, Looked(*trades, local), self._sums, terms)

    def _lines(self) -> Iterator[tuple[str, str, Any, Floats, Ints]]:
        """Table, line, days, and by side the sums of each day and the counts of what is not estimable."""
        for h, name in enumerate([*map(label, HORIZONS), "close"]):
            yield MARKOUTS, name, self._dates, self._sums.marks[h], self._sums.unmarked[h]
        days = np.arange(self._first, self._first + self._sums.times.shape[2]).astype("datetime64[D]")
        for place in range(len(self._sums.times)):
            yield TIME_OF_DAY, clock(place * BUCKET), days, self._sums.times[place], self._sums.untimed[place]

    def frames(self, algorithm: str) -> Iterator[pd.DataFrame]:
        """Sums that are not empty, by table, line, side and day."""
        for table, line, days, sums, _ in self._lines():
            for side, own in zip(SIDES, sums, strict=True):
                some = np.flatnonzero(own[:, 0])
                keys = {"table": table, "algorithm": algorithm, "side": side, "line": line, "day": days[some].astype("datetime64[s]")}
                yield _frame(own[some].T, ClusterSums._fields, keys)

    def missing(self) -> Iterator[tuple[str, str, str, str, int]]:
        """What is not estimable: table, side, line, reason and count."""
        for table, line, _, _, counts in self._lines():
            for side, own in zip(SIDES, counts.tolist(), strict=True):
                yield from ((table, side, line, why, n) for why, n in zip(WHY[table], own, strict=True) if n)


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


def missing_frame(rows: Iterable[tuple[Any, ...]]) -> pd.DataFrame:
    """`TradeSums.missing` of its rows."""
    import pandas as pd

    return pd.DataFrame(list(rows), columns=["table", "algorithm", "side", "line", "reason", "n"])
