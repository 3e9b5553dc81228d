"""The efficient frontier of Almgren and Chriss: the least expected cost for each risk."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from exec_algos.checks import Floats
from exec_algos.errors import UsageError
from exec_algos.plots.fonts import lettered
from exec_algos.plots.style import GREY, MARKERS, SMALL, FigureSize, bare_axes, clean, colour, head, legend_above, shown_axes
from exec_algos.trajectories import AlmgrenChriss, efficient_frontier, minimum_value_at_risk
from exec_algos.trajectories.almgren_chriss import normal_quantile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = FigureSize(9.0, 4.9, 0.9)
_POINTS = 200
_SLOWEST, _FASTEST = 0.05, 100.0  # kappa_tilde T of the first point but one, kappa_tilde tau of the last but one


@lettered
def frontier(plan: AlmgrenChriss, ax: Axes | None = None, *, confidence: float = 0.95, shown: bool = True) -> Axes:
    """Expected cost against its standard deviation, over all risk aversions from 0 to infinity.

    Marked are both ends (TWAP if there is no drift, and all in the first slice), the plan itself, and the trajectory of least value
    at risk, ``E + lambda_v sqrt(V)``, with the line of equal value at risk that touches the frontier there (sections 2.4 and 3.2 of
    the paper).

    Parameters
    ----------
    plan : AlmgrenChriss
        A sale, in the units of its parameters.
    ax : Axes, optional
        Where to draw. Without it a figure is made.
    confidence : float
        Of the value at risk, in [0.5, 1).
    shown : bool
        A figure that is made is pyplot's where pyplot is in use; False makes a bare one.

    Returns
    -------
    Axes
        Currency on both axes.

    Raises
    ------
    UsageError
        A plan that leaves nothing to choose, for it has one slice or no volatility; a confidence out of range.
    """
    if plan.slices < 2 or not plan.volatility:
        raise UsageError(f"a frontier needs at least 2 slices and a volatility above 0, got {plan.slices} and {plan.volatility!r}")
    least = minimum_value_at_risk(plan, confidence)
    if ax is None:
        ax = shown_axes(SIZE) if shown else bare_axes(SIZE)
    points = efficient_frontier(plan, _aversions(plan))
    deviation = np.sqrt(points.variance)
    ax.plot(deviation, points.expected, color=colour(0), linewidth=1.6, label="efficient frontier")
    _tangent(ax, least, confidence, deviation)
    _mark(ax, replace(plan, risk_aversion=0.0), 2, "risk aversion 0")
    _mark(ax, replace(plan, risk_aversion=math.inf), 3, "all in the first slice")
    _mark(ax, least, 1, f"least value at risk at {confidence * 100:g} %")
    _mark(ax, plan, 4, f"plan, risk aversion {plan.risk_aversion:g}")
    _finish(ax, plan)
    return ax


def _aversions(plan: AlmgrenChriss) -> Floats:
    """Risk aversions that lie evenly on the logarithm of kappa_tilde, with both ends."""
    steps = np.geomspace(_SLOWEST / plan.slices, _FASTEST, _POINTS)
    unit = math.sqrt(plan.eta_tilde) / (plan.volatility * plan.interval)
    return np.concatenate([[0.0], (steps * unit) ** 2, [math.inf]])


def _mark(ax: Axes, plan: AlmgrenChriss, i: int, label: str) -> None:
    cost = plan.cost()
    ax.plot([cost.deviation], [cost.expected], MARKERS[i], color=colour(i), markersize=7, clip_on=False, zorder=4, label=label)


def _tangent(ax: Axes, least: AlmgrenChriss, confidence: float, deviation: Floats) -> None:
    """The line on which value at risk is the least; it touches the frontier."""
    ends = np.array([deviation.min(), deviation.max()])
    level = least.cost().value_at_risk(confidence) - normal_quantile(confidence) * ends
    ax.plot(ends, level, color=GREY, linewidth=0.9, linestyle="--", zorder=1)


def _finish(ax: Axes, plan: AlmgrenChriss) -> None:
    from matplotlib.ticker import StrMethodFormatter

    clean(ax)
    ax.margins(x=0.02)
    ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]) if plan.drift else 0.0)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.set_xlabel("standard deviation of the cost, currency", fontsize=SMALL, color=GREY)
    note = f"expected cost, currency; {plan.quantity:,.10g} shares in {plan.slices} slices; dashed: equal value at risk"
    head(ax, "Efficient frontier", [note], above=legend_above(ax))
