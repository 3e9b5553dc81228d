"""Price advantage and gain-loss ratio: the figures in which papers on reinforcement learning for execution report."""

from __future__ import annotations

import math
from typing import NamedTuple

from exec_algos.stats.estimable import Estimable


class Advantage(NamedTuple):
    """How orders did against the mean price of their window; higher is better, unlike a cost.

    Attributes
    ----------
    mean : float
        Mean price advantage, bps: ``side (1 - price / TWAP) * 1e4``, which is the slippage against the TWAP with the other sign.
    gain_loss_ratio : float
        ``-mean(PA | PA > 0) / mean(PA | PA < 0)``.
    share_positive : float
        Orders with an advantage above 0, of all.
    n : int
        Orders of which it is known.
    reason : str
        Why a figure is NaN; empty where none is.
    """

    mean: float
    gain_loss_ratio: float
    share_positive: float
    n: int
    reason: str


def price_advantage(cost: Estimable) -> Advantage:
    """Price advantage, gain-loss ratio and share of gains of a column of slippages.

    Parameters
    ----------
    cost : Estimable
        Slippage against the TWAP (or another benchmark), bps, positive = cost. Orders of which it is not known are left out.

    Notes
    -----
    Fang et al. (2021), Universal Trading for Order Execution with Oracle Policy Distillation, AAAI, arXiv:2103.10860; the ratio as in
    Microsoft qlib, examples/trade/logger/single_logger.py.
    """
    known = -cost.values[cost.known]
    gains, losses = known[known > 0], known[known < 0]
    if not len(known):
        return Advantage(math.nan, math.nan, math.nan, 0, "no order of which the slippage is known")
    share = len(gains) / len(known)
    if not len(gains) or not len(losses):
        return Advantage(
            float(known.mean()), math.nan, share, len(known), "the gain-loss ratio needs an order with a gain and one with a loss"
        )
    return Advantage(float(known.mean()), float(-gains.mean() / losses.mean()), share, len(known), "")
