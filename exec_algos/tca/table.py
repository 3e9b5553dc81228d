"""The table of parent orders that backtests and studies share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from exec_algos.tca.benchmarks import NO_BARS, NO_VOLUME, NOT_ABOVE_ZERO, NOT_STARTED, Benchmarks, slippage_bps

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "parent_id", "symbol", "session", "side", "algorithm", "quantity", "filled", "residual", "average_price", "arrival_price",
    "interval_vwap", "session_vwap", "interval_twap", "slippage_vwap_bps", "slippage_session_vwap_bps", "slippage_arrival_bps",
    "slippage_twap_bps", "fill_rate", "participation", "commission", "taxes", "children", "start", "end", "not_estimable",
)  # fmt: skip

PRICES = ("arrival_price", "interval_vwap", "session_vwap", "interval_twap")  # those of `Benchmarks`, in its sequence
BASES = ("interval_vwap", "session_vwap", "arrival", "interval_twap")  # what slippage is a part of
NOTHING_FILLED = "nothing was filled"
WHY = ("", NOTHING_FILLED, NO_BARS, NO_VOLUME, NOT_STARTED, NOT_ABOVE_ZERO)


def parent_table(orders: Mapping[str, Any], notional: npt.NDArray[np.float64], prices: Benchmarks) -> pd.DataFrame:
    """One row a parent order (and algorithm), with its prices, its slippage and what was left.

    Parameters
    ----------
    orders : mapping of str to array of shape (n,)
        ``parent_id, symbol, session, side (+1/-1), algorithm, quantity, filled (shares), commission,
        taxes (part of the commission, currency), children, start, end`` (tz-aware).
    notional : ndarray of float64, shape (n,)
        Sum of quantity x price over the fills, currency.
    prices : Benchmarks
        Of the same n orders.

    Returns
    -------
    DataFrame
        `COLUMNS`; slippage in bps, positive = cost, NaN where nothing was filled or the benchmark is
        not estimable; ``participation = filled / volume of the window``; ``not_estimable`` says in words why
        a price or a slippage of the row is NaN, first reason first, empty where all are known
        (`exec_algos.tca.frames.slippage_table` says it for each benchmark).
    """
    import pandas as pd

    columns = parent_columns(orders, notional, prices)
    return pd.DataFrame({**columns, "not_estimable": pd.Categorical.from_codes(columns["not_estimable"], pd.Index(list(WHY)))})


def parent_columns(orders: Mapping[str, Any], notional: npt.NDArray[np.float64], prices: Benchmarks) -> dict[str, Any]:
    """The columns of `parent_table` by name; ``not_estimable`` by its position in `WHY`."""
    filled = np.asarray(orders["filled"])
    measured = measures(np.asarray(orders["side"]), np.asarray(orders["quantity"]), filled, notional, prices)
    given = {"residual": np.asarray(orders["quantity"]) - filled, **dict(zip(PRICES, prices, strict=False))}
    found = {**orders, **measured, **given, "not_estimable": _why(filled, prices, measured["average_price"])}
    return {name: found[name] for name in (*COLUMNS, *(name for name in found if name not in COLUMNS))}


def measures(
    side: npt.NDArray[np.int64],
    quantity: npt.NDArray[np.float64],
    filled: npt.NDArray[np.float64],
    notional: npt.NDArray[np.float64],
    prices: Benchmarks,
) -> dict[str, npt.NDArray[Any]]:
    """The columns of `parent_table` that a summary looks at."""
    with np.errstate(divide="ignore", invalid="ignore"):
        average = np.where(filled > 0, notional / filled, np.nan)
        participation = np.where(prices.volume > 0, filled / prices.volume, np.nan)
    return {
        "side": np.where(side > 0, "BUY", "SELL").astype(object),
        "quantity": quantity,
        "filled": filled,
        "average_price": average,
        "slippage_vwap_bps": slippage_bps(side, average, prices.interval_vwap),
        "slippage_session_vwap_bps": slippage_bps(side, average, prices.session_vwap),
        "slippage_arrival_bps": slippage_bps(side, average, prices.arrival),
        "slippage_twap_bps": slippage_bps(side, average, prices.interval_twap),
        "fill_rate": filled / quantity,
        "participation": participation,
    }


def _why(filled: npt.NDArray[Any], prices: Benchmarks, average: npt.NDArray[np.float64]) -> npt.NDArray[np.int8]:
    """Position in `WHY` of the first reason why a number of the row is not there."""
    nothing = np.asarray(filled) <= 0
    empty, silent, early = (np.isnan(column) for column in (prices.interval_twap, prices.interval_vwap, prices.arrival))
    low = np.logical_or.reduce([column <= 0 for column in (average, *(getattr(prices, name) for name in BASES))])
    return np.select([nothing, empty, silent, early, low], [1, 2, 3, 4, 5], 0).astype(np.int8)
