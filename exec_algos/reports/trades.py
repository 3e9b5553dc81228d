"""Our fills as the trades that other tools take: pyfolio's transactions, orders by bar for vectorbt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats
from exec_algos.errors import UsageError
from exec_algos.model import Side

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.model import Fill


ROUNDING = 1e-9  # fractional shares that are bought and sold may leave so small a part of them
NEEDED = ("timestamp", "symbol", "side", "quantity", "price", "commission")


class OrderFrames(NamedTuple):
    """Orders by bar (rows) and symbol (columns), by the names that ``vectorbt.Portfolio.from_orders`` gives them.

    Attributes
    ----------
    size : DataFrame
        Shares, positive = bought; NaN where nothing traded.
    price : DataFrame
        Currency per share, mean over the bar's trades; NaN where nothing traded.
    fixed_fees : DataFrame
        Commission, currency; 0 where nothing traded.
    """

    size: pd.DataFrame
    price: pd.DataFrame
    fixed_fees: pd.DataFrame


def transactions(fills: Sequence[Fill] | pd.DataFrame) -> pd.DataFrame:
    """A row for each trade, as pyfolio takes transactions (``create_full_tear_sheet(transactions=...)``, round trips, turnover).

    Parameters
    ----------
    fills : sequence of Fill, or DataFrame
        Of parent orders, of a live session, or the ``fills`` frame of a backtest or a study. A `Fill` of a whole child
        counts by its single trades; one of 0 shares is left out.

    Returns
    -------
    DataFrame
        In time order, by the tz-aware UTC time of each trade: ``amount`` (shares, positive = bought), ``price`` (currency
        per share), ``symbol``, ``txn_dollars = -amount * price`` (what it does to cash, without commission, as in
        pyfolio's ``txn.make_transaction_frame``) and ``commission`` (currency). pyfolio's days are days of UTC.

    Raises
    ------
    UsageError
        A frame that lacks one of the columns ``timestamp, symbol, side, quantity, price, commission``, or has naive times.

    Examples
    --------
    >>> from exec_algos import Fill
    >>> sold = Fill("2024-01-02 09:31", "SPY", 100, 470.5, 1.0, "SELL", zone="America/New_York")
    >>> transactions([sold]).drop(columns="symbol").iloc[0].tolist()
    [-100.0, 470.5, 47050.0, 1.0]
    """
    import pandas as pd

    table = _checked(fills) if isinstance(fills, pd.DataFrame) else _table(fills)
    side = np.where(table["side"] == "BUY", 1.0, -1.0)
    amount = side * table["quantity"].to_numpy(dtype=np.float64)
    price = table["price"].to_numpy(dtype=np.float64)
    frame = pd.DataFrame(
        {
            "amount": amount,
            "price": price,
            "symbol": table["symbol"].to_numpy(dtype=object),
            "txn_dollars": -amount * price,
            "commission": table["commission"].to_numpy(dtype=np.float64),
        },
        index=pd.DatetimeIndex(table["timestamp"], name="timestamp").tz_convert("UTC").as_unit("ns"),
    )
    return frame.sort_index(kind="stable")


def _table(fills: Sequence[Fill]) -> pd.DataFrame:
    import pandas as pd

    trades = [part for fill in fills for part in (fill.parts or (fill,)) if part.quantity]
    rows = [(trade.ticker, trade.side.name, trade.quantity, trade.fill_price, trade.commission) for trade in trades]
    frame = pd.DataFrame(rows, columns=list(NEEDED[1:]))
    frame["timestamp"] = pd.DatetimeIndex(np.array([trade.time for trade in trades], dtype="datetime64[ns]"), tz="UTC")
    return frame


def _checked(fills: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in NEEDED if name not in fills.columns]
    if missing:
        raise UsageError(f"a frame of fills lacks {', '.join(missing)}; give result.fills, or a list of Fill")
    if getattr(fills["timestamp"].dtype, "tz", None) is None:
        raise UsageError("the times of these fills have no zone; give result.fills, or use tz_localize first")
    odd = fills.loc[~fills["side"].isin(Side.__members__), "side"]
    if len(odd):
        raise UsageError(f"a fill's side is 'BUY' or 'SELL', got {odd.iloc[0]}")
    return fills


def orders_frames(fills: Sequence[Fill] | pd.DataFrame, close: pd.DataFrame) -> OrderFrames:
    """The trades of each bar and symbol as one order, for ``vectorbt.Portfolio.from_orders(close, **frames._asdict())``.

    ``size = sum(q)``, ``price = sum(q p) / sum(q)`` over the bar's trades, q > 0 bought: cash and positions after each bar
    are those of the trades. vectorbt cuts an order for which cash is short, so give it the account's ``init_cash``
    (with ``cash_sharing=True`` for several symbols).

    Parameters
    ----------
    fills : sequence of Fill, or DataFrame
        As in `transactions`.
    close : DataFrame
        A column for each symbol, indexed by the tz-aware **end** of each bar: ``bars.to_frame()["close"].unstack("symbol")``
        with ``step`` added to its index. A trade belongs to the first row that is not before it.

    Returns
    -------
    OrderFrames
        Indexed as `close`.

    Raises
    ------
    UsageError
        A trade of a symbol that `close` has not, or after its last row; naive or unsorted times; buys and sells of one
        symbol in one bar that leave no order with a positive price.
    """
    import pandas as pd

    trades = transactions(fills)
    row = _rows(trades, close)
    column = close.columns.get_indexer(pd.Index(trades["symbol"]))
    if (column < 0).any():
        raise UsageError(f"close has no column for {trades['symbol'].iloc[int(np.argmin(column))]}; it has {list(close.columns)}")
    cell = row * close.shape[1] + column

    def sums(values: Floats) -> Floats:
        return np.bincount(cell, values, close.size).astype(np.float64).reshape(close.shape)

    traded = np.bincount(cell, minlength=close.size).reshape(close.shape) > 0
    amount = trades["amount"].to_numpy()
    size, gross, money = sums(amount), sums(np.abs(amount)), sums(-trades["txn_dollars"].to_numpy())
    size[np.abs(size) < ROUNDING * gross] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        price = np.where(traded, money / size, np.nan)
    _check_prices(price, traded, close)
    found = np.where(traded, size, np.nan), price, sums(trades["commission"].to_numpy())
    return OrderFrames(*(pd.DataFrame(entry, index=close.index, columns=close.columns) for entry in found))


def _rows(trades: pd.DataFrame, close: pd.DataFrame) -> npt.NDArray[np.intp]:
    """The row of each trade: the first that is not before it."""
    if getattr(close.index, "tz", None) is None or not close.index.is_monotonic_increasing:
        raise UsageError("close must be indexed by the tz-aware ends of its bars, in time order")
    row = close.index.searchsorted(trades.index, side="left")
    if len(row) and row[-1] == len(close):
        raise UsageError(f"the last trade, at {trades.index[-1]}, is after the last row of close, {close.index[-1:].tolist()}")
    return np.asarray(row)


def _check_prices(price: Floats, traded: npt.NDArray[np.bool_], close: pd.DataFrame) -> None:
    bad = np.argwhere(traded & ~(np.isfinite(price) & (price > 0)))
    if len(bad):
        row, column = bad[0]
        raise UsageError(
            f"{close.columns[column]} was bought and sold in the bar that ends at {close.index[row]}, "
            "and what is left of it is no order at a positive price; use shorter bars"
        )
