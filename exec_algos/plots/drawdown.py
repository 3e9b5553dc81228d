"""What trading cost a strategy: its equity and its drawdown with the cost of execution and without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from exec_algos.checks import Floats
from exec_algos.errors import UsageError
from exec_algos.plots.equity import day_ticks
from exec_algos.plots.fonts import lettered
from exec_algos.plots.style import INK, FigureSize, bare_axes, below, clean, colour, head, legend_above, look, shown_axes, signed
from exec_algos.textform import numbered

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from exec_algos.backtest import BacktestResult

SIZE = FigureSize(9.0, 5.6, 1.0)
SAID = {
    "rule": "without: fills at the price of the fill model's rule, no spread, impact, commission or taxes",
    "arrival": "without: fills at the arrival price of their parent orders, no commission or taxes; the difference is their shortfall",
}


@lettered
def drawdown(result: BacktestResult, ax: Axes | None = None, *, at: Literal["rule", "arrival"] = "rule", shown: bool = True) -> Axes:
    """Equity with and without the cost of execution, as change from the beginning; below both drawdowns. Trading time only.

    A drawdown is the fall from the highest equity so far, in % of it; in currency where an equity is not above 0.

    Parameters
    ----------
    result : BacktestResult
    ax : Axes, optional
        Where to draw: it becomes the upper panel, the drawdowns are ``ax.figure.axes[-1]``. Without it a figure is made.
    at : {"rule", "arrival"}
        What a fill costs without the cost of execution: `BacktestResult.paper_equity`.
    shown : bool
        A figure that is made is pyplot's where pyplot is in use; False makes a bare one.

    Returns
    -------
    Axes

    Raises
    ------
    UnknownNameError
        No such paper price.
    UsageError
        The run has no equity, for it saw no bar.
    """
    if not len(result.equity):
        raise UsageError("equity with and without cost needs a run that saw bars, and this one saw none; give the engine bars")
    import pandas as pd

    paper = result.paper_equity(at)
    if ax is None:
        ax = shown_axes(SIZE) if shown else bare_axes(SIZE)
    lower = below(ax, 0.34, 0.06)
    curves = {"without execution cost": paper.to_numpy(), "with": result.equity["equity"].to_numpy()}
    percent = all(float(values.min()) > 0 for values in curves.values())
    x = np.arange(len(paper))
    gains = {label: values - result.equity["equity"].iloc[0] for label, values in curves.items()}
    ax.fill_between(x, *gains.values(), color=colour(1), alpha=0.18, linewidth=0, label="cost of execution")
    for i, (label, gain) in enumerate(gains.items()):
        ax.plot(x, gain, linewidth=1.3, label=f"{label}: {gain[-1]:+,.0f}", **look(i))
        lower.plot(x, falls(curves[label], percent=percent), linewidth=1.1, label=label, **look(i))
    lowest = [float(falls(values, percent=percent).min()) for values in curves.values()]
    _finish(ax, lower, percent=percent)
    day_ticks(lower, pd.DatetimeIndex(result.equity.index))
    cost = float(paper.iloc[-1] - result.equity["equity"].iloc[-1])
    left_out = paper.attrs["left_out"]
    unit = "in % of it" if percent else "in currency, for an equity is not above 0"
    worst = [f"{fall:.1f} %" if percent else f"{fall:,.0f}" for fall in lowest]
    notes = [
        f"execution cost {cost:,.0f} in {numbered(len(result.fills), 'fill')}; change from the first value, currency; trading time only",
        SAID[at],
        f"below: the fall from the highest equity so far, {unit}; the largest is {worst[0]} without and {worst[1]} with",
        *([f"{numbered(left_out, 'fill')} without such a price stay at what was paid"] if left_out else []),
    ]
    head(ax, "Equity and drawdown with and without execution cost", notes, above=legend_above(ax))
    return ax


def falls(equity: Floats, *, percent: bool) -> Floats:
    """Fall from the highest value so far, 0 or below: in % of it, or in its own unit."""
    highest = np.maximum.accumulate(equity)
    return (equity / highest - 1) * 100 if percent else equity - highest


def _finish(ax: Axes, lower: Axes, *, percent: bool) -> None:
    for part in (ax, lower):
        part.axhline(0, color=INK, linewidth=0.7, zorder=1)
        clean(part)
    ax.margins(x=0.01)
    ax.tick_params(labelbottom=False)
    ax.yaxis.set_major_formatter(signed)
    if percent:
        lower.set_ylabel("drawdown, %", fontsize=9, color=INK)
    else:  # amounts take the room of a name; the heading says what they are
        lower.yaxis.set_major_formatter(signed)
