"""Target curves, and the reaction that TWAP and VWAP share: follow the curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from exec_algos.checks import Floats
from exec_algos.errors import UsageError
from exec_algos.model import Decision, Seen, Terms
from exec_algos.model.lots import HALF

NAN = float("nan")


def follow_curve(terms: Terms, seen: Seen, params: Any) -> Decision:
    """Release at market what is missing to the curve: round_lot(C(t_k + d) * Q) - filled - working, never negative."""
    missing = int(seen.scheduled * terms.lots + HALF) - seen.filled - seen.working
    return Decision(missing if missing > 0 else 0, NAN)


def cumulative_curve(weights: Floats | Sequence[float], bars_per_slice: int) -> Floats:
    """The curve at the end of each slice.

    ``C_k = sum(w[0 : (k + 1) b]) / sum(w)``, and 1 at the end.

    Parameters
    ----------
    weights : array of float64, shape (n_bars,) or (m, n_bars)
        What each bar of the window is to carry, >= 0; in any unit. Each row is a curve of its own.
    bars_per_slice : int
        b, >= 1.

    Returns
    -------
    ndarray of float64, shape (ceil(n_bars / b),) or (m, ceil(n_bars / b))
        Fractions of the order, not falling, the last one exactly 1.

    Raises
    ------
    UsageError
        No weight at all, or a negative one.

    Examples
    --------
    >>> cumulative_curve([1, 1, 2], 2).tolist()
    [0.5, 1.0]
    """
    w = np.asarray(weights, dtype=np.float64)
    n, total = w.shape[-1], np.cumsum(w, axis=-1)
    bad = ~((w >= 0).all(axis=-1) & (w.sum(axis=-1) > 0))
    if not n or bad.any():
        raise UsageError(f"a curve needs weights >= 0 with a positive sum, got {n} with sum {np.atleast_2d(w)[bad.argmax()].sum()}")
    ends = np.minimum(np.arange(bars_per_slice, n + bars_per_slice, bars_per_slice), n) - 1
    curve: Floats = (total if len(ends) == n else total[..., ends]) / total[..., -1:]
    return curve
