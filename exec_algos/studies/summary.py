"""What a summary says of some rows of `parents`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exec_algos.stats.statistics import Estimate, clustered_mean
from exec_algos.tca.clusters import clusters_of

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.studies.design.parents import ParentOrders


def estimate_of(rows: pd.DataFrame, column: str, *, weighted: bool) -> Estimate:
    """Mean slippage of some rows of `parents` in bps, day-clustered."""
    weights = (rows["filled"] * rows["average_price"]).fillna(0.0).to_numpy(dtype=np.float64) if weighted else None
    return clustered_mean(rows[column].to_numpy(dtype=np.float64), clusters_of(rows), weights)


def line_of(rows: pd.DataFrame, column: str) -> dict[str, float]:
    """One row of a summary."""
    mean = estimate_of(rows, column, weighted=False)
    return {
        "n": mean.n,
        "mean": mean.mean,
        "median": float(rows[column].median()),
        "sd": float(rows[column].std()),
        "low": mean.low,
        "high": mean.high,
        "notional_mean": estimate_of(rows, column, weighted=True).mean,
        "fill_rate": float(rows["filled"].sum() / rows["quantity"].sum()),
        "participation": float(rows["participation"].mean()),
        "days": mean.clusters,
    }


def fees_bps(parents: pd.DataFrame) -> pd.Series[float] | None:
    """Mean fees by algorithm and side in bps of what was traded, each order the same; None where none were paid."""
    if not (parents["commission"] > 0).any():
        return None
    traded = parents["filled"] * parents["average_price"]
    found: pd.Series[float] = (
        (1e4 * parents["commission"] / traded.where(traded > 0)).groupby([parents["algorithm"], parents["side"]]).mean()
    )
    return found


def skipped_table(orders: ParentOrders) -> pd.DataFrame:
    """What was left out, and why."""
    import pandas as pd

    return pd.DataFrame(orders.skipped, columns=["symbol", "session", "reason"])
