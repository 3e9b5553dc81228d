"""The efficient frontier of Almgren and Chriss, and the point of it that has the least value at risk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from exec_algos.checks import Floats
from exec_algos.trajectories.almgren_chriss import AlmgrenChriss, normal_quantile

# relative distance to the corner below which the trajectory of least value at risk is the corner
EDGE = 1e-9


class Frontier(NamedTuple):
    """Points of the efficient frontier, one for each risk aversion.

    Attributes
    ----------
    risk_aversion, expected, variance : ndarray of float64, shape (n,)
        lambda in 1/currency, E in currency, V in currency squared.
    """

    risk_aversion: Floats
    expected: Floats
    variance: Floats


def efficient_frontier(plan: AlmgrenChriss, risk_aversions: Floats | Sequence[float]) -> Frontier:
    """Least expected cost for each variance: the points of `plan` at each risk aversion (section 2.4).

    Parameters
    ----------
    plan : AlmgrenChriss
        Its own risk aversion is not looked at.
    risk_aversions : array of float64, shape (n,)
        lambda in 1/currency. From 0 to infinity V falls and E rises, and the slope ``dE/dV`` is ``-lambda``.

    Raises
    ------
    UsageError
        A risk aversion that `AlmgrenChriss` refuses.
    """
    aversions = np.asarray(risk_aversions, dtype=np.float64)
    points = [replace(plan, risk_aversion=float(aversion)).cost() for aversion in aversions]
    return Frontier(aversions, np.array([point.expected for point in points]), np.array([point.variance for point in points]))


def minimum_value_at_risk(plan: AlmgrenChriss, confidence: float = 0.95) -> AlmgrenChriss:
    """The same order with the risk aversion whose trajectory has the least value at risk (section 3.2).

    The trajectory of least ``E + lambda_v sqrt(V)`` lies on the efficient frontier, where ``lambda = lambda_v / (2 sqrt(V))``.
    Where lambda_v is at least ``2 eta_tilde X / (sigma tau^(3/2))`` (without drift) it is to sell all in the first slice.
    As in `AlmgrenChriss.holdings`, the spread is left out of account where the trades change sign.

    Parameters
    ----------
    plan : AlmgrenChriss
        Its own risk aversion is not looked at.
    confidence : float
        In [0.5, 1); 0.95 is lambda_v = 1.645.

    Raises
    ------
    UsageError
        A confidence outside [0.5, 1).
    """
    quantile = normal_quantile(confidence)
    start = replace(plan, risk_aversion=0.0)
    widest = start.cost().deviation
    if not quantile or not widest:
        return start
    if quantile >= _steepest(plan) * (1 - EDGE):
        return replace(plan, risk_aversion=math.inf)
    return replace(plan, risk_aversion=_tangent(plan, quantile, quantile / (2 * widest)))


def _steepest(plan: AlmgrenChriss) -> float:
    """-dE/d sqrt(V) where all is sold in the first slice, over the direction in which it is largest."""
    push = np.full(plan.slices - 1, plan.drift * plan.interval)
    push[0] += 2 * plan.eta_tilde * plan.quantity / plan.interval
    return float(np.linalg.norm(push)) / (plan.volatility * math.sqrt(plan.interval))


def _tangent(plan: AlmgrenChriss, quantile: float, low: float) -> float:
    """The lambda at which ``2 lambda sqrt(V)``, which never falls, reaches the quantile; it does not before `low`."""
    from scipy.optimize import brentq

    def short(log_aversion: float) -> float:
        aversion = math.exp(log_aversion)
        return 2 * aversion * replace(plan, risk_aversion=aversion).cost().deviation / quantile - 1

    high = math.log(low)
    while short(high) < 0:
        high += 2.0
    if short(math.log(low)) >= 0:  # a tie with rounding: V is already that of risk aversion 0
        return low
    return math.exp(float(brentq(short, math.log(low), high, xtol=1e-14, rtol=1e-14)))
