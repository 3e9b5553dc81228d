"""`ExecutionAnalyzer`: what the parent orders of a backtrader strategy cost, by the benchmarks of our own engine."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import backtrader as bt
import numpy as np
import numpy.typing as npt
from backtrader.utils import AutoOrderedDict

from exec_algos.checks import Floats, Ints
from exec_algos.errors import UsageError
from exec_algos.ext.backtrader.desk import Desk, Feed
from exec_algos.ext.backtrader.stamps import FeedTime
from exec_algos.market.bars import Bars
from exec_algos.market.calendars import Sessions, sessions
from exec_algos.model import Session
from exec_algos.stats.statistics import clustered_mean
from exec_algos.stepped.hours import CalendarHours
from exec_algos.tca.benchmarks import Benchmarks, benchmarks
from exec_algos.tca.places import Windows, rows_between
from exec_algos.tca.table import parent_table

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.executors.working import WorkingOrder


SLIPPAGE = ("slippage_vwap_bps", "slippage_arrival_bps", "slippage_session_vwap_bps", "slippage_twap_bps")
SUMS = ("execution_cost", "opportunity_cost", "commission", "shortfall")


class OrderShortfall(NamedTuple):
    """Implementation shortfall of parent orders: arrays of shape (n_parents,), currency, positive = cost.

    Attributes
    ----------
    execution_cost : ndarray of float64
        ``side * (notional - arrival * filled) * multiplier``: what was filled, at other prices than at the arrival.
    opportunity_cost : ndarray of float64
        ``side * (mark - arrival) * residual * multiplier``: what was not filled while the price moved.
    shortfall : ndarray of float64
        ``execution_cost + opportunity_cost + commission``.
    """

    execution_cost: Floats
    opportunity_cost: Floats
    shortfall: Floats


def shortfall(orders: pd.DataFrame, mark: Floats, multiplier: Floats) -> OrderShortfall:
    """Cost against a paper portfolio that trades the whole order at the arrival price, at once and free of charge.

    Perold (1988), The Implementation Shortfall: Paper versus Reality, J. Portfolio Management 14(3), 4-9: execution cost
    and opportunity cost.

    Parameters
    ----------
    orders : DataFrame
        Rows of `parent_table`.
    mark : ndarray of float64, shape (n,)
        Price at which what was not filled is valued, currency per share.
    multiplier : ndarray of float64, shape (n,)
        Currency for each unit of price of one share or contract.

    Returns
    -------
    OrderShortfall
        NaN where the arrival price, or the mark of an order with a residual, is not known; a part of 0 shares costs 0.
    """
    side = np.where(orders["side"] == "BUY", 1.0, -1.0)
    filled, residual, arrival = (orders[name].to_numpy(dtype=np.float64) for name in ("filled", "residual", "arrival_price"))
    notional = filled * orders["average_price"].to_numpy()
    execution = np.where(filled > 0, side * (notional - arrival * filled), 0.0) * multiplier
    opportunity = np.where(residual > 0, side * residual * (mark - arrival), 0.0) * multiplier
    return OrderShortfall(execution, opportunity, execution + opportunity + orders["commission"].to_numpy())


class ExecutionAnalyzer(bt.Analyzer):
    """Slippage and shortfall of the parent orders of an `ExecutionMixin` strategy, each and in sum.

    ``cerebro.addanalyzer(ExecutionAnalyzer, _name="execution")``; after the run `get_analysis` gives

    * ``parents``: a dict for each parent order with the columns of `table`.
    * ``total``: ``parents``, ``children``, ``ordered``, ``filled`` and ``residual`` (shares), ``fill_rate = filled / ordered``,
      ``notional`` (what was filled, currency, backtrader's ``mult`` included); ``execution_cost``, ``opportunity_cost``, ``commission``
      and ``shortfall`` (currency, over the parents of which the shortfall is known), ``shortfall_bps`` (of their ``arrival * ordered``),
      ``not_estimable`` (how many parents the shortfall leaves out); for each of ``slippage_vwap_bps``, ``slippage_arrival_bps``,
      ``slippage_session_vwap_bps`` and ``slippage_twap_bps`` the ``mean``, its 95 % interval ``low`` to ``high`` (clustered by
      session), ``notional_mean`` (weighted by notional) and ``n``. Currency is added up as it is: of feeds in several
      currencies read ``parents``.
    * ``feeds``: how the stamps of each feed were read, in words: which end of a bar they name, in which zone, and whether anybody said so.
    * ``note``: why there is nothing, where there are no parent orders.

    Positive = cost, for buys and sells; NaN = not estimable. Prices, slippage and benchmarks are those of
    `BacktestEngine.run().parents`.

    In a run it keeps 48 bytes for each bar of each feed (56 with the vendor's VWAP), also where backtrader keeps no bars (``exactbars``):
    a year of minute bars takes 5 MB. After it only the results are left.
    """

    def start(self) -> None:
        """Begin a run."""
        desk = desk_of(self.strategy)
        self._tapes = [] if desk is None else [_Tape(feed) for feed in desk.feeds]

    def next(self) -> None:
        """Keep the bars that have come."""
        for tape in self._tapes:
            tape.take()

    def stop(self) -> None:
        """Work out the results, and let go of the bars."""
        tapes, self._tapes = self._tapes, []
        desk = desk_of(self.strategy)
        self._table: pd.DataFrame | None = _table(desk, tapes) if desk is not None and desk.orders else None
        self.rets = _analysis(self._table)
        if desk is not None:
            self.rets["feeds"] = {feed.name: feed.time.reading for feed in desk.feeds}
        if desk is None:
            self.rets["note"] = f"{type(self.strategy).__name__} is no ExecutionMixin, so it has no parent orders"

    def table(self) -> pd.DataFrame:
        """The parent orders, one row each.

        Returns
        -------
        DataFrame
            The columns of `exec_algos.tca.table.COLUMNS` as in a backtest's ``result.parents``; then ``mark_price`` (last close
            known at the window's end, currency per share), ``multiplier`` (backtrader's ``mult``: currency for each unit of price),
            ``execution_cost, opportunity_cost, shortfall`` (currency; with ``commission`` the parts add up to the shortfall) and each of
            the four in bps of ``arrival_price * quantity * multiplier``. Without parent orders it is empty.

        Raises
        ------
        UsageError
            The run is not over.
        """
        import pandas as pd

        if not self.rets:
            raise UsageError("the analysis is ready when the run is over; call table() after cerebro.run()")
        return pd.DataFrame() if self._table is None else self._table.copy()


def desk_of(strategy: Any) -> Desk | None:
    """The desk of an `ExecutionMixin` strategy; None of any other."""
    desk = getattr(strategy, "_desk", None)
    return desk if isinstance(desk, Desk) else None


class _Tape:
    """The bars of one feed as they come: a row of doubles for each."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        lines = feed.data.lines
        names = ("datetime", "open", "high", "low", "close", "volume", "vwap")
        self._lines = [getattr(lines, name) for name in names if name != "vwap" or hasattr(lines, "vwap")]
        self._seen = 0
        self._rows = array("d")

    def take(self) -> None:
        """Keep the last bar, if it has come since the last time."""
        stamps = self._lines[0]
        if stamps.lencount == self._seen:
            return
        self._seen = stamps.lencount
        self._rows.extend([line[0] for line in self._lines])

    def bars(self) -> Bars:
        """All of them."""
        table = np.frombuffer(self._rows).reshape(-1, len(self._lines)).T.copy()
        time = self.feed.time
        known = np.array([time.known(stamp) for stamp in table[0].tolist()], dtype=np.int64)
        # the last bar of a resampled session may be shorter than its step: bars are placed by their ends
        step = min(time.step, *np.diff(known).tolist()) if len(known) > 1 else time.step
        zone = time.session(int(known[0])).zone
        return Bars(
            symbols=(self.feed.name,), offsets=np.array([0, len(known)]), start=known - step, step=step, zone=zone,
            **dict(zip(("open", "high", "low", "close", "volume", "vwap"), table[1:], strict=False)),
        )  # fmt: skip


def _sessions(time: FeedTime, first: int, last: int) -> Sessions:
    """The sessions of a feed from `first` to the one that is open at `last` (ns UTC), or the next."""
    if isinstance(time.hours, CalendarHours):
        return sessions(time.hours.calendar, first, time.session(last).close)
    found: list[Session] = []
    while not found or found[-1].close <= last:
        found.append(time.session(found[-1].close if found else first))
    zone = found[0].zone
    opens = np.array([entry.open for entry in found], dtype=np.int64)
    closes = np.array([entry.close for entry in found], dtype=np.int64)
    return Sessions(
        name="from the feed", zone=zone, date=_stamps(opens, zone).tz_localize(None).to_numpy("datetime64[D]"), open=opens, close=closes
    )


def _stamps(instants: Ints, zone: str) -> pd.DatetimeIndex:
    import pandas as pd

    return pd.DatetimeIndex(instants.view("datetime64[ns]"), tz="UTC").tz_convert(zone)


class _Prices(NamedTuple):
    """What bars say about n parent orders: benchmark prices, the mark of what is left (currency per share), and the session's day."""

    benchmarks: Benchmarks
    mark: Floats
    session: npt.NDArray[np.datetime64]


def _prices(tape: _Tape, start: Ints, end: Ints) -> _Prices:
    bars = tape.bars()
    table = _sessions(tape.feed.time, int(min(start.min(), bars.start[0])), int(max(start.max(), bars.start[-1])))
    bars = bars.take(table.locate(bars.start) >= 0)
    held = table.all_at_or_after(start)
    date = table.date[held]
    if not len(bars):
        unknown = np.full(len(start), np.nan)
        return _Prices(Benchmarks(*(unknown for _ in Benchmarks._fields)), unknown, date)
    symbol = np.zeros(len(start), dtype=np.int64)
    first, last = rows_between(bars, symbol, table.open[held], end)
    mark = np.where(last > first, bars.close[np.maximum(last - 1, 0)], np.nan)
    return _Prices(benchmarks(bars, table, Windows(symbol, start, end)), mark, date)


def _all_prices(desk: Desk, tapes: Sequence[_Tape], start: Ints, end: Ints) -> _Prices:
    """Prices of all parent orders, each by the bars of its own feed."""
    feeds = [desk.feed_of[number] for number in desk.orders]
    n = len(feeds)
    unknown = [np.full(n, np.nan) for _ in Benchmarks._fields]
    whole = _Prices(Benchmarks(*unknown), np.full(n, np.nan), np.full(n, np.datetime64("NaT"), dtype="datetime64[D]"))
    for tape in tapes:
        mine = np.array([feed is tape.feed for feed in feeds])
        if mine.any():
            part = _prices(tape, start[mine], end[mine])
            for column, values in zip(
                (*whole.benchmarks, whole.mark, whole.session), (*part.benchmarks, part.mark, part.session), strict=True
            ):
                column[mine] = values
    return whole


def _table(desk: Desk, tapes: Sequence[_Tape]) -> pd.DataFrame:
    parents = [order.parent for order in desk.orders.values()]
    start, end = (np.array([getattr(parent, name) for parent in parents], dtype=np.int64) for name in ("start", "end"))
    prices = _all_prices(desk, tapes, start, end)
    zones = {feed.time.session(int(start[0])).zone for feed in desk.feed_of.values()}
    zone = zones.pop() if len(zones) == 1 else "UTC"
    orders = _orders(desk)
    notional = orders.pop("notional")
    orders |= {"session": prices.session.astype("datetime64[s]"), "start": _stamps(start, zone), "end": _stamps(end, zone)}
    frame = parent_table(orders, notional, prices.benchmarks)
    multiplier = np.array([feed.multiplier for feed in map(desk.feed_of.__getitem__, desk.orders)])
    cost = shortfall(frame, prices.mark, multiplier)
    frame = frame.assign(mark_price=prices.mark, multiplier=multiplier, **cost._asdict())
    paper = (frame["arrival_price"] * frame["quantity"] * multiplier).to_numpy()
    return frame.assign(**{f"{name}_bps": frame[name] / paper * 1e4 for name in SUMS})


def _orders(desk: Desk) -> dict[str, Any]:
    """What was asked and what was got, by column."""
    working, children = list(desk.orders.values()), Counter(desk.owners.values())
    parents, got = [order.parent for order in working], [_Got.of(order) for order in working]
    return {
        "parent_id": np.array([parent.parent_id for parent in parents], dtype=np.int64),
        "symbol": [parent.symbol for parent in parents],
        "side": np.array([int(parent.side) for parent in parents], dtype=np.int64),
        "algorithm": [parent.algorithm for parent in parents],
        "quantity": np.array([parent.quantity for parent in parents]),
        "filled": np.array([total.filled for total in got]),
        "notional": np.array([total.notional for total in got]),
        "commission": np.array([total.commission for total in got]),
        "taxes": np.array([total.taxes for total in got]),
        "children": np.array([children[parent.parent_id] for parent in parents], dtype=np.int64),
    }


class _Got(NamedTuple):
    """What one parent order got: shares, currency, and what of the commission is tax."""

    filled: float
    notional: float
    commission: float
    taxes: float

    @classmethod
    def of(cls, order: WorkingOrder) -> _Got:
        filled: float = 0
        notional = commission = taxes = 0.0
        for fill in order.fills:  # added up one by one, as np.bincount does in a backtest
            filled += fill.quantity
            notional += fill.quantity * fill.fill_price
            commission += fill.commission
            taxes += fill.taxes
        whole = math.isclose(filled, order.ordered, rel_tol=1e-9)  # ten times 0.1 is a little less than 1
        return cls(order.ordered if whole else filled, notional, commission, taxes)


def _analysis(table: pd.DataFrame | None) -> AutoOrderedDict:
    """The result as backtrader's users expect it: dicts that can also be read by attribute."""
    found = AutoOrderedDict()
    found["parents"] = [] if table is None else table.to_dict("records")
    found["total"] = AutoOrderedDict({"parents": 0}) if table is None else _total(table)
    if table is None:
        found["note"] = "no parent orders: the strategy never called execute()"
    found._close()
    return found


def _total(table: pd.DataFrame) -> AutoOrderedDict:
    notional = (table["filled"] * table["average_price"] * table["multiplier"]).fillna(0.0)
    known = table[table["shortfall"].notna()]
    paper = float((known["arrival_price"] * known["quantity"] * known["multiplier"]).sum())
    ordered, filled = float(table["quantity"].sum()), float(table["filled"].sum())
    total = AutoOrderedDict(
        parents=len(table), children=int(table["children"].sum()), ordered=ordered, filled=filled, residual=float(table["residual"].sum()),
        fill_rate=filled / ordered, notional=float(notional.sum()), not_estimable=len(table) - len(known),
    )  # fmt: skip
    total.update({name: float(known[name].sum()) for name in SUMS})
    total["shortfall_bps"] = total["shortfall"] / paper * 1e4 if paper else np.nan
    for name in SLIPPAGE:
        total[name] = _means(table[name].to_numpy(dtype=np.float64), table["session"].to_numpy(), notional.to_numpy())
    return total


def _means(values: Floats, session: npt.NDArray[Any], notional: Floats) -> AutoOrderedDict:
    equal = clustered_mean(values, session)
    return AutoOrderedDict(
        mean=equal.mean, low=equal.low, high=equal.high, notional_mean=clustered_mean(values, session, notional).mean, n=equal.n
    )
