"""Lines of the tables of an analysis: what a table says of the orders of one algorithm and side, by the name of each column."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.stats.bootstrap import Bootstrap
from exec_algos.stats.control import ControlVariate
from exec_algos.stats.estimable import Estimable
from exec_algos.stats.statistics import clustered_mean
from exec_algos.tca.calibration import calibrate, coverage
from exec_algos.tca.clusters import clusters_of
from exec_algos.tca.frames import NO_FILL_TIMES, average_only
from exec_algos.tca.trades import Trades

if TYPE_CHECKING:
    import pandas as pd

FRACTION = re.compile(r"(?<![\w.])0\.\d+(?![\w.])")  # the part of a volume


def mean_line(rows: pd.DataFrame, column: str, traded: Floats) -> dict[str, Any]:
    """Mean of a column, equal and notional weighted, and why values are missing.

    Parameters
    ----------
    rows : DataFrame
        ``<column>, <column>_reason`` and ``session``.
    column : str
    traded : ndarray of float64, shape (n,)
        Notional of each row.
    """
    values, days = rows[column].to_numpy(np.float64), clusters_of(rows)
    equal, weighted = clustered_mean(values, days), clustered_mean(values, days, traded)
    reasons = rows[f"{column}_reason"]
    counts = reasons[reasons != ""].astype(object).value_counts()
    return {
        "mean": equal.mean,
        "low": equal.low,
        "high": equal.high,
        "notional_mean": weighted.mean,
        "n": equal.n,
        "left_out": len(rows) - equal.n,
        "reasons": counted_reasons({str(reason): int(count) for reason, count in counts.items()}),
    }


def counted_reasons(counts: Mapping[str, int]) -> str:
    """Reasons with how often each holds, the commonest first; those that differ in a number count together, with its range.

    >>> counted_reasons({"ends when 0.8 of it has traded": 1, "no bar": 3, "ends when 0.75 of it has traded": 1})
    'no bar: 3; ends when 0.75 to 0.8 of it has traded: 2'
    """
    kinds: dict[tuple[str, ...], list[tuple[list[str], int]]] = {}
    for reason, count in counts.items():
        kinds.setdefault(tuple(FRACTION.split(reason)), []).append((FRACTION.findall(reason), count))
    sums = {words: sum(count for _, count in held) for words, held in kinds.items()}
    ranked = sorted(kinds, key=lambda words: -sums[words])
    return "; ".join(f"{_with_ranges(words, [numbers for numbers, _ in kinds[words]])}: {sums[words]}" for words in ranked)


def _with_ranges(words: Sequence[str], numbers: Sequence[Sequence[str]]) -> str:
    ends = [sorted(set(column), key=float) for column in zip(*numbers, strict=True)]
    ranges = [f"{column[0]} to {column[-1]}" if len(column) > 1 else column[0] for column in ends]
    return "".join(word + between for word, between in zip_longest(words, ranges, fillvalue=""))


def bootstrap_line(found: Bootstrap) -> dict[str, Any]:
    """Mean and interval of a bootstrap, and how many resamples and days stand behind them."""
    return {
        "mean": found.point,
        "standard_error": found.standard_error,
        "low": found.low,
        "high": found.high,
        "exact": found.exact,
        "resamples": found.resamples,
        "n": found.n,
        "days": found.clusters,
        "left_out": found.left_out,
        "reason": found.reason,
    }


def adjusted_line(found: ControlVariate) -> dict[str, Any]:
    """Mean before and after the control variate, both with their intervals."""
    raw, own = found.raw, found.adjusted
    return {
        "mean": raw.mean,
        "low": raw.low,
        "high": raw.high,
        "adjusted": own.mean,
        "adjusted_low": own.low,
        "adjusted_high": own.high,
        "coefficient": found.coefficient,
        "correlation": found.correlation,
        "variance_ratio": found.variance_ratio,
        "n": raw.n,
        "days": raw.clusters,
        "left_out": raw.left_out,
        "reason": found.reason,
    }


def calibration_line(rows: pd.DataFrame) -> dict[str, Any]:
    """Realised cost on expected cost, commission in neither.

    Parameters
    ----------
    rows : DataFrame
        ``slippage_arrival_bps, expected_bps, commission_bps, low_bps, high_bps`` and ``session``.
    """
    columns = ("slippage_arrival_bps", "expected_bps", "commission_bps", "low_bps", "high_bps")
    realised, expected, fees, low, high = (rows[name].to_numpy(np.float64) for name in columns)
    days = clusters_of(rows)
    line = calibrate(expected - fees, realised, days)
    return {
        "intercept": line.intercept.value,
        "slope": line.slope.value,
        "slope_error": line.slope.standard_error,
        "slope_low": line.slope.low,
        "slope_high": line.slope.high,
        "bias": line.bias.mean,
        "bias_low": line.bias.low,
        "bias_high": line.bias.high,
        "r_squared": line.r_squared,
        "inside": coverage(low - fees, high - fees, realised, days).mean,
        "n": line.n,
        "left_out": line.left_out,
        "days": line.clusters,
        "warning": line.warning,
    }


def spread_line(column: Estimable) -> dict[str, Any]:
    """How a column spreads over the bars: mean, median, 95 % point and largest."""
    known = column.values[column.known]
    if not len(known):
        return {"mean": np.nan, "median": np.nan, "p95": np.nan, "largest": np.nan, "bars": 0, "left_out": len(column)}
    middle, most = np.quantile(known, [0.5, 0.95])
    return {
        "mean": known.mean(),
        "median": middle,
        "p95": most,
        "largest": known.max(),
        "bars": len(known),
        "left_out": len(column) - len(known),
    }


def with_reason(table: pd.DataFrame, parents: pd.DataFrame, trades: Trades, rows: Ints) -> pd.DataFrame:
    """A table of the fills of some rows of `parents`, whose column ``reasons`` also says of how many orders no single fill is known."""
    orders = int(np.isin(average_only(parents, trades), rows).sum())
    if not orders:
        return table
    said = f"{NO_FILL_TIMES}: {orders} orders"
    return table.assign(reasons=[f"{reasons}; {said}" if reasons else said for reasons in table["reasons"]])
