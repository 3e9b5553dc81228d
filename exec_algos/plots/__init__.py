"""Plots of a study, equity curves and the efficient frontier: each is ``(result, ax) -> ax`` and touches nothing but the axes it is given.

What lives here: one file for each plot. What may not: a number that the result does not have; plots read a `Drawn`, not a study.

============= ==========================================================================================
slippage      how the slippage of each algorithm and side is spread, with its mean and 95 % interval
paired        the cost of one algorithm less that of each other, order by order
cost          cost against size in % of ADV: means of groups of orders and the fitted curve with its band
shortfall     the parts of the implementation shortfall of each algorithm
waterfall     the parts of one algorithm, one after the other to the total
markouts      what the price did after the fills
daytime       cost of the fills, or their share of the traded value, by time of day
schedule      one parent order: what was filled against the schedule, at what prices, and when
participation one parent order: its share of the volume of each bar, and the cap
volume        when the volume traded, against the profile of earlier sessions
equity        the equity curves of several runs
drawdown      equity and drawdown of a run with the cost of execution and without
frontier      least expected cost for each risk, of a plan of Almgren and Chriss
============= ==========================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from exec_algos.errors import UnknownNameError
from exec_algos.plots.cost import cost, cost_size
from exec_algos.plots.daytime import daytime, daytime_size
from exec_algos.plots.drawdown import drawdown
from exec_algos.plots.equity import equity
from exec_algos.plots.frontier import frontier
from exec_algos.plots.markouts import markouts, markouts_size
from exec_algos.plots.paired import paired, paired_size
from exec_algos.plots.participation import participation, participation_size
from exec_algos.plots.schedule import schedule, schedule_size
from exec_algos.plots.shortfall import shortfall, shortfall_size
from exec_algos.plots.slippage import slippage, slippage_size
from exec_algos.plots.style import FigureSize, bare_axes, shown_axes
from exec_algos.plots.volume import volume
from exec_algos.plots.waterfall import waterfall, waterfall_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from exec_algos.plots.drawn import Drawn

__all__ = [
    "KINDS", "cost", "daytime", "draw", "drawdown", "equity", "frontier", "markouts", "paired", "participation", "png", "schedule",
    "shortfall", "slippage", "volume", "waterfall",
]  # fmt: skip


class Plot(NamedTuple):
    """A kind of plot.

    Attributes
    ----------
    draw : callable
        ``(result, ax, **options) -> ax``.
    size : callable
        The inches it wants for a result.
    caption : str
        What it shows, in one line.
    in_report : bool
        Whether the report has it.
    """

    draw: Callable[..., Axes]
    size: Callable[[Drawn], FigureSize]
    caption: str
    in_report: bool = True


def _always(*size: float) -> Callable[[Drawn], FigureSize]:
    return lambda result: FigureSize(*size)


KINDS: Mapping[str, Plot] = {
    "slippage": Plot(
        slippage, slippage_size, "How the slippage against interval VWAP is spread, by algorithm and side, with its mean and 95 % interval"
    ),
    "schedule": Plot(
        schedule, schedule_size, "One parent order: what was filled against the schedule and the market's volume, at what prices, and when",
    ),
    "shortfall": Plot(
        shortfall, shortfall_size, "Implementation shortfall of each algorithm by its parts, with the 95 % interval of the total"
    ),
    "markouts": Plot(
        markouts, markouts_size,
        "Fill price against the price a while later, with 95 % intervals: above 0 it went against the fills",
    ),
    "volume": Plot(
        volume, _always(9.0, 4.3, 0.9), "When the volume of a session traded, against the profile of the sessions before"
    ),
    "cost": Plot(
        cost, cost_size, "Cost against size in % of ADV, with the fitted curve of each algorithm and its 95 % band", in_report=False
    ),
    "participation": Plot(
        participation, participation_size, "One parent order: its share of the volume of each bar, and the cap", in_report=False
    ),
    "daytime": Plot(
        daytime, daytime_size, "Cost of the fills, or their share of the traded value, by time of day", in_report=False
    ),
    "paired": Plot(
        paired, paired_size, "Cost of one algorithm less that of others on the same orders, with 95 % intervals", in_report=False
    ),
    "waterfall": Plot(
        waterfall, waterfall_size, "The implementation shortfall of one algorithm, part by part to the total", in_report=False
    ),
}  # fmt: skip


def draw(result: Drawn, kind: str, ax: Axes | None = None, **options: Any) -> Axes:
    """Draw one plot of a study.

    Parameters
    ----------
    result : StudyResult
    kind : str
        One of `KINDS`.
    ax : Axes, optional
        Where to draw; its figure is left as it is. Without it a figure is made: by pyplot in IPython and
        Jupyter or where pyplot is already in use, so that it is shown as any other; else a bare one.
    **options
        Those of the plot, such as `schedule`.

    Returns
    -------
    Axes
        ``ax.figure.savefig(...)`` writes it.

    Raises
    ------
    UnknownNameError
        No such plot.
    UsageError
        An option that names what the study does not have.
    """
    plot = _plot(kind)
    return plot.draw(result, shown_axes(plot.size(result)) if ax is None else ax, **options)


def png(result: Drawn, kind: str, *, dpi: int = 110, **options: Any) -> bytes:
    """One plot as PNG, the same bytes each time; pyplot is not used.

    Parameters
    ----------
    result : StudyResult
    kind : str
        One of `KINDS`.
    dpi : int
        Dots an inch.
    **options
        Those of the plot.

    Raises
    ------
    UnknownNameError
        No such plot.
    """
    plot = _plot(kind)
    ax = plot.draw(result, bare_axes(plot.size(result)), **options)
    buffer = BytesIO()
    ax.get_figure(root=True).savefig(buffer, format="png", dpi=dpi)  # type: ignore[union-attr]
    return buffer.getvalue()


def _plot(kind: str) -> Plot:
    if kind not in KINDS:
        raise UnknownNameError("plot", kind, KINDS)
    return KINDS[kind]
