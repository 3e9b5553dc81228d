"""The full analysis from the frames of a study or a backtest: ``result.parents`` and ``result.fills``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats, Ints
from exec_algos.errors import UsageError
from exec_algos.stats.estimable import Estimable, Missing, estimable_frame
from exec_algos.tca import benchmarks as prices
from exec_algos.tca.benchmarks import Tape, View, average_price, decision_price, slippage
from exec_algos.tca.places import Windows, ended_by
from exec_algos.tca.priced import FillSums, PricedFills
from exec_algos.tca.relative import pwp, worse_volume
from exec_algos.tca.shortfall import IndexLevels, Orders, Shortfall, index_adjusted, mark_price, shortfall, summed_shortfall
from exec_algos.tca.trades import Stamped, Trades, inside_bar, instants

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions


COSTS = ("rule_price", "spread", "impact")
OWN_FILLS = "own fills"  # in the place of an algorithm: what a desk really traded
# columns of parent orders, where there is something to say: when each was decided, and whether it is known when it reached the market
DECIDED, ARRIVAL_KNOWN = "decided", "arrival_known"
NO_ARRIVAL = "arrival time is not known"
NO_DECISION = "decision time is not known"
NO_FILL_TIMES = "only the average price of the order is known, not its single fills"


def view_of(parents: pd.DataFrame, bars: Bars, sessions: Sessions) -> View:
    """Parent orders (``symbol, start, end``) and the bars they lie in.

    Parameters
    ----------
    parents : DataFrame
        Of a study or a backtest.
    bars : Bars
        Cut to the sessions' hours.
    sessions : Sessions
    """
    import pandas as pd

    symbol = pd.Index(list(bars.symbols)).get_indexer(pd.Index(parents["symbol"])).astype(np.int64)
    return View.of(bars, sessions, Windows(symbol, instants(parents["start"]), instants(parents["end"])))


def benchmark_columns(  # noqa: PLR0913 - a market, orders, fills, and what is known about them
    view: View,
    parents: pd.DataFrame,
    trades: Trades,
    *,
    tape: Tape,
    stamped: Stamped,
    rates: Sequence[float] = (0.1,),
    decided: Ints | None = None,
) -> dict[str, Estimable]:
    """Every benchmark price of parent orders, currency per share.

    Parameters
    ----------
    view : View
        Of the same parents.
    parents : DataFrame
        ``quantity`` and what `view_of` takes.
    trades : Trades
        Their fills, `Trades.of`.
    tape : {"replay", "live"}
        Whether the bars hold our own prints; see `vwap_without_own`. Rows of `OWN_FILLS` are always on the tape.
    stamped : {"start", "end"}
        At which end of their bar fills are stamped; see `bar_rows`.
    rates : sequence of float
        For PWP, fractions of the traded volume.
    decided : ndarray of int64, shape (n_parents,), optional
        When each order was decided, ns UTC; that of the column ``decided`` if not given. Without either there is no ``decision``.

    Returns
    -------
    dict of str to Estimable
        ``decision, arrival, interval_vwap, vwap_without_own, session_vwap, interval_twap, session_open, session_close,
        previous_close`` and ``pwp_<rate>``.
    """
    names = ("session_vwap", "interval_twap", "session_open", "session_close", "previous_close")
    decided = decided_in(parents) if decided is None else decided
    first = {} if decided is None else {"decision": _decision(view, decided)}
    shares, notional = _own(view, parents, trades, stamped)
    quantity = parents["quantity"].to_numpy(dtype=np.float64)
    return {
        **first,
        "arrival": arrival_of(view, parents),
        "interval_vwap": prices.interval_vwap(view),
        "vwap_without_own": _without_own(view, parents, shares, notional, tape),
        **{name: getattr(prices, name)(view) for name in names},
        **{f"pwp_{rate:g}": pwp(view, quantity, rate).price for rate in rates},
    }


def slippage_table(parents: pd.DataFrame, view: View, found: dict[str, Estimable]) -> pd.DataFrame:
    """Slippage of the average price against each benchmark, and the share of the window's volume at worse prices.

    Parameters
    ----------
    parents : DataFrame
        ``side, filled, average_price``.
    view : View
        Of the same parents.
    found : dict of str to Estimable
        From `benchmark_columns`.

    Returns
    -------
    DataFrame
        With the index of `parents`: ``<benchmark>``, currency per share; ``<benchmark>_bps``, positive = cost; ``worse_volume``, a
        fraction; each with ``<column>_reason``.
    """
    side, average = _side(parents), _average(parents)
    costs = {f"{name}_bps": slippage(side, average, column) for name, column in found.items()}
    columns = {**found, **costs, "worse_volume": worse_volume(view, side, average)}
    return estimable_frame(columns).set_index(parents.index)


def parent_shortfall(
    parents: pd.DataFrame, fills: pd.DataFrame, view: View, *, mark: str = "session_close", decided: Ints | None = None
) -> Shortfall:
    """Implementation shortfall of the parent orders of a study or a backtest.

    Parameters
    ----------
    parents : DataFrame
        ``parent_id, algorithm, symbol, side, quantity, commission`` and the window.
    fills : DataFrame
        ``parent_id, algorithm, timestamp, symbol, side, quantity, price``; with ``rule_price, spread, impact`` trading is split.
    view : View
        Of the same parents.
    mark : {"session_close", "window_end", "window_end_mid"}
        Price at which what was not filled is valued.
    decided : ndarray of int64, shape (n_parents,), optional
        When each order was decided, ns UTC; that of the column ``decided`` if not given. Without either the order is decided at its
        arrival, and there is no delay.

    Returns
    -------
    Shortfall
    """
    return shortfall(_orders(parents, view, mark, decided), priced_fills(fills, parents, view.bars), mark=mark)


def order_shortfall(
    parents: pd.DataFrame, sums: FillSums, view: View, *, mark: str = "session_close", decided: Ints | None = None
) -> Shortfall:
    """`parent_shortfall` of orders whose fills were added up and not kept: the same to the last bit; `sums` of the same parents."""
    return summed_shortfall(_orders(parents, view, mark, decided), sums, mark=mark)


def index_shortfall(
    parents: pd.DataFrame, fills: pd.DataFrame, view: View, index: Bars, beta: Floats, *, mark: str = "session_close"
) -> Shortfall:
    """Implementation shortfall of the parent orders of a study or a backtest less what an index explains of it.

    Parameters
    ----------
    parents, fills, view, mark
        As in `parent_shortfall`; each order is decided at its arrival.
    index : Bars
        Of the index alone.
    beta : ndarray of float64, shape (n_parents,)
        Of each order's symbol to the index.

    Returns
    -------
    Shortfall
        See `exec_algos.tca.shortfall.index_adjusted`.

    Raises
    ------
    UsageError
        `index` does not hold exactly one symbol.
    """
    trades = Trades.of(fills, parents, view.bars)
    levels, rows = index_levels(index, view, trades, mark), average_only(parents, trades)
    if len(rows):
        levels = _without_times(levels, rows)
    return index_adjusted(_orders(parents, view, mark, None), priced_fills(fills, parents, view.bars), levels, beta, mark=mark)[0]


def index_levels(index: Bars, view: View, trades: Trades, mark: str) -> IndexLevels:
    """Levels of an index at the arrival, at the mark and at each fill of orders.

    Parameters
    ----------
    index : Bars
        Of the index alone.
    view : View
        Of the orders.
    trades : Trades
        Their fills.
    mark : {"session_close", "window_end", "window_end_mid"}

    Returns
    -------
    IndexLevels
        At a fill: the last close of its session that was known then; before there is one, the level at the order's arrival.

    Raises
    ------
    UsageError
        `index` does not hold exactly one symbol.
    """
    if len(index.symbols) != 1:
        raise UsageError(f"index must hold one symbol, got {len(index.symbols)}: pass bars.select([name])")
    own = View.of(index, view.sessions, view.windows._replace(symbol=np.zeros(len(view), dtype=np.int64)))
    arrived, parent = prices.arrival(own), trades.parent
    row = ended_by(index, np.zeros(len(parent), dtype=np.int64), trades.time)
    level = np.where(row >= own.begin[parent], index.close[row], arrived.values[parent])
    # an order without an arrival level is not estimable, whatever stands at its fills
    return IndexLevels(arrived, arrived, mark_price(own, mark), np.where(np.isnan(level), 1.0, level))


def _without_times(levels: IndexLevels, rows: Ints) -> IndexLevels:
    """Levels where orders have an average price only: not estimable, for nobody knows when they were filled."""
    unknown = np.zeros(len(levels.decision), dtype=bool)
    unknown[rows] = True
    missing = (Missing(unknown, NO_FILL_TIMES),)
    known = {name: getattr(levels, name) for name in ("decision", "arrival", "mark")}
    masked = {name: Estimable.combine(column.values, column, missing=missing) for name, column in known.items()}
    return IndexLevels(**masked, fills=np.append(levels.fills, np.ones(len(rows))))


def priced_fills(fills: pd.DataFrame, parents: pd.DataFrame, bars: Bars) -> PricedFills:
    """The fills of a frame with what their prices are made of, as far as the frame has it.

    An order of a desk of which only the average price is known counts as one fill at that price.
    """
    trades, kept = Trades.of(fills, parents, bars), Trades.rows_of(fills, parents) >= 0
    found = PricedFills.of_prices(trades.parent, trades.quantity, trades.price)
    if set(COSTS) <= set(fills.columns):
        costs = (fills[name].to_numpy(dtype=np.float64)[kept] for name in COSTS)
        found = PricedFills(trades.parent, trades.quantity, trades.price, *costs)
    rows = average_only(parents, trades)
    if not len(rows):
        return found
    shares, price = (parents[name].to_numpy(dtype=np.float64)[rows] for name in ("filled", "average_price"))
    return PricedFills._make(np.concatenate(pair) for pair in zip(found, PricedFills.of_prices(rows, shares, price), strict=True))


def is_own(parents: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which rows are what a desk really traded."""
    return np.asarray(parents["algorithm"] == OWN_FILLS) if "algorithm" in parents else np.zeros(len(parents), dtype=bool)


def average_only(parents: pd.DataFrame, trades: Trades) -> Ints:
    """Rows of a desk's own orders that were filled and have no single fill."""
    own = is_own(parents)
    if not own.any():
        return np.zeros(0, dtype=np.int64)
    filled = parents["filled"].to_numpy(dtype=np.float64) > 0
    return np.flatnonzero(own & filled & (np.bincount(trades.parent, minlength=len(parents)) == 0))


def decided_in(parents: pd.DataFrame) -> Ints | None:
    """When each order was decided, ns UTC, `UNDECIDED` where that is not known; None where nobody says it."""
    # a column that a desk keeps may have this name
    return instants(parents[DECIDED]) if DECIDED in parents and getattr(parents[DECIDED].dtype, "tz", None) is not None else None


UNDECIDED = np.iinfo(np.int64).min  # pandas' NaT


def arrival_of(view: View, parents: pd.DataFrame) -> Estimable:
    """The arrival price of each order; not estimable where it is not known when the order reached the market."""
    found = prices.arrival(view)
    if ARRIVAL_KNOWN not in parents or parents[ARRIVAL_KNOWN].dtype != bool:
        return found
    unknown = ~parents[ARRIVAL_KNOWN].to_numpy(dtype=bool)
    return Estimable.combine(found.values, found, missing=(Missing(unknown, NO_ARRIVAL),))


def _decision(view: View, decided: Ints) -> Estimable:
    unknown = decided == UNDECIDED
    found = decision_price(view.bars, view.windows.symbol, np.where(unknown, view.windows.start, decided))
    return Estimable.combine(found.values, found, missing=(Missing(unknown, NO_DECISION),))


def _without_own(view: View, parents: pd.DataFrame, shares: Floats, notional: Floats, tape: Tape) -> Estimable:
    """`vwap_without_own`, of a desk's own fills always as on a live tape."""
    found, own = prices.vwap_without_own(view, shares, notional, tape=tape), is_own(parents)
    if tape == "live" or not own.any():
        return found
    live = prices.vwap_without_own(view, shares, notional, tape="live")
    rules = [rule._replace(where=rule.where & mine) for column, mine in ((live, own), (found, ~own)) for rule in column.missing()]
    return Estimable.of(np.where(own, live.values, found.values), *rules)


def _orders(parents: pd.DataFrame, view: View, mark: str, decided: Ints | None) -> Orders:
    arrived = arrival_of(view, parents)
    decided = decided_in(parents) if decided is None else decided
    decision = arrived if decided is None else _decision(view, decided)
    quantity, fees = (parents[name].to_numpy(dtype=np.float64) for name in ("quantity", "commission"))
    return Orders(_side(parents), quantity, decision, arrived, mark_price(view, mark), fees)


def _own(view: View, parents: pd.DataFrame, trades: Trades, stamped: Stamped) -> tuple[Floats, Floats]:
    """What each order traded inside its window: shares and currency."""
    inside, parent = inside_bar(trades.time, stamped), trades.parent
    mine = (inside >= view.windows.start[parent]) & (inside < view.windows.end[parent])
    shares, money = (
        np.bincount(parent[mine], amount[mine], len(view)).astype(np.float64)
        for amount in (trades.quantity, trades.quantity * trades.price)
    )
    rows = average_only(parents, trades)
    if len(rows):
        filled, price = (parents[name].to_numpy(dtype=np.float64)[rows] for name in ("filled", "average_price"))
        shares[rows], money[rows] = filled, filled * price
    return shares, money


def _side(parents: pd.DataFrame) -> Ints:
    return np.where(parents["side"] == "BUY", 1, -1).astype(np.int64)


def _average(parents: pd.DataFrame) -> Estimable:
    filled, price = (parents[name].to_numpy(dtype=np.float64) for name in ("filled", "average_price"))
    return average_price(filled, np.where(filled > 0, filled * price, 0.0))


def betas_of(symbols: pd.Series, beta: float | Mapping[str, float]) -> Floats:
    """The beta of each row.

    Raises
    ------
    UsageError
        A symbol that has none.
    """
    if not isinstance(beta, Mapping):
        return np.full(len(symbols), float(beta))
    lacking = sorted(set(symbols) - set(beta))
    if lacking:
        raise UsageError(f"beta has no number for {lacking[0]!r}: give one for each symbol of the orders, or one number for all")
    return np.array([beta[symbol] for symbol in symbols], dtype=np.float64)
