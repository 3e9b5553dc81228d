"""Optimal trajectories of the literature, as values: how much to hold at each moment of a parent order.

What lives here: trajectories, computed once before the order starts, and `holdings_curve`, which makes of one the target curve that
an algorithm follows. What may not: anything that trades or looks at the market.

Examples
--------
>>> plan = AlmgrenChriss(quantity=1e6, horizon=5, slices=5, volatility=0.95, temporary_impact=2.375e-6, risk_aversion=1e-6)
>>> holdings_curve(plan.holdings()).round(3).tolist()
[0.458, 0.71, 0.852, 0.938, 1.0]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from exec_algos.checks import Floats
from exec_algos.errors import UsageError
from exec_algos.trajectories.almgren_chriss import AlmgrenChriss
from exec_algos.trajectories.frontier import efficient_frontier, minimum_value_at_risk
from exec_algos.trajectories.obizhaeva_wang import ObizhaevaWang

__all__ = ["AlmgrenChriss", "ObizhaevaWang", "efficient_frontier", "holdings_curve", "minimum_value_at_risk"]

ROUNDING = 1e-12


def holdings_curve(holdings: Floats | Sequence[float]) -> Floats:
    """The curve that an executor follows: the part of the order done by the end of each slice.

    ``C_k = 1 - x_{k+1} / x_0``.

    Parameters
    ----------
    holdings : array of float64, shape (n_slices + 1,)
        Shares left to trade: all of them first, then after each slice; 0 at the end.

    Returns
    -------
    ndarray of float64, shape (n_slices,)
        Not falling, within [0, 1], the last one exactly 1.

    Raises
    ------
    UsageError
        Holdings that rise, that do not end at 0, or that are not positive at the start. A drift or a negative
        risk aversion can make them rise: no order to sell is worked by buying.

    Examples
    --------
    >>> holdings_curve([100, 40, 10, 0]).tolist()
    [0.6, 0.9, 1.0]
    """
    x = np.asarray(holdings, dtype=np.float64)
    if x.ndim != 1 or len(x) < 2 or not np.all(np.isfinite(x)) or not x[0] > 0 or x[-1] != 0:
        raise UsageError(f"a curve needs a row of holdings that starts above 0 and ends at 0, got {holdings!r}")
    rises = np.diff(x) > ROUNDING * x[0]
    if rises.any():
        k = int(rises.argmax())
        raise UsageError(
            f"holdings rise from {x[k]} to {x[k + 1]} in slice {k}, and a curve cannot fall: use a smaller drift or a larger risk aversion"
        )
    curve: Floats = np.maximum.accumulate(1 - np.clip(x[1:] / x[0], 0, 1))
    return curve
