"""Why orders were not filled whole: the residual by cause.

A minute of a window is bound where the order could get no more in it: there was no bar, no volume, the price lay beyond its limit, or it
traded as much as its cap allows. An order whose last minutes are bound got all it asked for in the last minute that is not; so what is left
is put down to the bound minutes since then, in equal parts. Where the last minute is not bound, the order did not ask for more in time: its
schedule, its pace or its latency ended with the window.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.model.lots import SLACK
from exec_algos.stats.exact import Number, exact_parts, exact_sum
from exec_algos.tca.places import rows_between

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.market.trading_time import TradingTime

CAUSES = ("cap", "no volume", "limit price", "halt", "end of window")
COLUMNS = ("quantity", "residual", *CAUSES)


class Bounds(NamedTuple):
    """What may keep an order from trading in a bar.

    Attributes
    ----------
    cap : float
        Largest fraction of a bar's volume; infinite without one.
    lot_size : float
        Shares.
    limit : float
        Price of each order, NaN without one.
    """

    cap: float
    lot_size: float
    limit: float

    @classmethod
    def of(cls, cap: float | None, lot_size: float, limit: float | None) -> Bounds:
        """Those of a study's configuration."""
        return cls(np.inf if cap is None else cap, lot_size, np.nan if limit is None else limit)


def causes_of_residuals(  # noqa: PLR0913, PLR0917 - a tape, its hours, the orders, what they traded and what bounds them
    bars: Bars, time: TradingTime, orders: pd.DataFrame, traded_order: Ints, traded_row: Ints, traded: Floats, bounds: Bounds
) -> Floats:
    """Shares of each order's residual by cause.

    Parameters
    ----------
    bars : Bars
        Of the sessions alone.
    time : TradingTime
        Of the same sessions and bars: a pause is no minute of a window.
    orders : DataFrame
        ``symbol, side, start, end, residual``, a row for each order and algorithm.
    traded_order, traded_row : ndarray of int64, shape (n_fills,)
        Row of the order, and of the bar; -1 where no bar is known.
    traded : ndarray of float64, shape (n_fills,)
        Shares.
    bounds : Bounds

    Returns
    -------
    ndarray of float64, shape (n_orders, 5)
        By `CAUSES`; the sum over the causes is the residual.
    """
    from exec_algos.tca.compiled import residual_causes

    found = np.zeros((len(orders), len(CAUSES)))
    short = np.flatnonzero(orders["residual"].to_numpy(np.float64) > 0)
    if not len(short):
        return found
    rows = orders.iloc[short]
    symbol = np.searchsorted(np.array(bars.symbols, dtype=object), rows["symbol"].to_numpy(dtype=object)).astype(np.int64)
    start, end = (rows[name].dt.as_unit("ns").astype("int64").to_numpy() for name in ("start", "end"))
    first, last = rows_between(bars, symbol, start, end)
    sides, left = np.where(rows["side"] == "BUY", 1, -1), rows["residual"].to_numpy(np.float64)
    order = np.argsort(traded_order, kind="stable")
    held = traded_order[order]
    mine = np.searchsorted(held, short), np.searchsorted(held, short, side="right")
    begun, over, at = (time.elapsed(instants) for instants in (start, end, bars.start))
    windows = np.stack([first, last, begun, np.maximum((over - begun) // bars.step, 1), *mine, sides])
    market = at, bars.volume, bars.low, bars.high, _budgets(bars, bounds)
    found[short] = residual_causes(market, bars.step, windows, (traded_row[order], traded[order]), left, bounds)
    return found


def _budgets(bars: Bars, bounds: Bounds) -> Floats:
    """Shares that an order may take from each bar: those of `exec_algos.fills.matching.bar_budget`."""
    if np.isinf(bounds.cap):
        return np.where(bars.volume > 0, np.inf, 0.0)
    budgets: Floats = np.floor(bounds.cap / bounds.lot_size * bars.volume + SLACK) * bounds.lot_size
    return budgets


def residual_parts(orders: pd.DataFrame, causes: Floats) -> dict[tuple[str, str], dict[str, list[Number]]]:
    """By algorithm and side: `COLUMNS` as `exec_algos.stats.exact` adds them up."""
    table = orders[["algorithm", "side", "quantity", "residual"]].assign(**{name: causes[:, k] for k, name in enumerate(CAUSES)})
    groups = table.groupby(["algorithm", "side"], sort=False, observed=True)
    return {(str(a), str(side)): {name: exact_parts(rows[name].to_numpy()) for name in COLUMNS} for (a, side), rows in groups}


def residual_table(parts: Mapping[tuple[str, str], Mapping[str, list[Number]]]) -> pd.DataFrame:
    """By algorithm and side: ``quantity, residual`` and what each of `CAUSES` kept from being filled, in shares."""
    import pandas as pd

    rows = [{name: exact_sum(row[name]) for name in COLUMNS} for row in parts.values()]
    return pd.DataFrame(rows, index=pd.MultiIndex.from_tuples(parts, names=["algorithm", "side"]), columns=list(COLUMNS))


def residual_line(row: pd.Series) -> str:
    """Why some of what was ordered was not filled, in words; empty where all was.

    >>> import pandas as pd
    >>> residual_line(pd.Series({"quantity": 200.0, "residual": 50.0, "cap": 30.0, "no volume": 0.0, "limit price": 20.0}))
    '25.0 % (cap 15.0 %, limit price 10.0 %)'
    """
    if not row["residual"] > 0:
        return ""
    parts = [f"{name} {100 * row[name] / row['quantity']:.1f} %" for name in CAUSES if row.get(name, 0.0) > 0]
    return f"{100 * row['residual'] / row['quantity']:.1f} % ({', '.join(parts)})"
