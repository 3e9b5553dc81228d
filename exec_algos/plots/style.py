"""What the plots share: a place to draw, colours, headings, and the clock of the exchange."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.textform import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Okabe and Ito 2008: told apart with any colour vision
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
INK, GREY, PALE = "#222222", "#6b6b6b", "#d9d9d9"
SMALL = 8.5
LINE = 12.5  # height of a line of small text, points
TITLE = 20.0  # points of the heading with its margins
_LEFT, _RIGHT, _BOTTOM = 0.8, 0.3, 0.6  # inches


class FigureSize(NamedTuple):
    """Inches; `top` is kept free for title, notes and legend."""

    width: float
    height: float
    top: float


def shown_axes(size: FigureSize) -> Axes:
    """Axes on a figure that is shown as the user's other figures are."""
    if not _pyplot_shows():
        return bare_axes(size)
    from matplotlib import pyplot

    return _axes(pyplot.figure(figsize=size[:2]), size)


def bare_axes(size: FigureSize) -> Axes:
    """Axes on a figure that no window or notebook knows of."""
    from matplotlib.figure import Figure

    return _axes(Figure(figsize=size[:2]), size)


def _pyplot_shows() -> bool:
    if "matplotlib.pyplot" in sys.modules:
        return True
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


def _axes(figure: Figure, size: FigureSize) -> Axes:
    width, height, top = size
    figure.subplots_adjust(left=_LEFT / width, right=1 - _RIGHT / width, bottom=_BOTTOM / height, top=1 - top / height)
    return figure.add_subplot()


def below(ax: Axes, share: float, gap: float) -> Axes:
    """New axes with the same x-axis, in the lower `share` of the place of `ax`; `gap` is a fraction of that place."""
    figure, spec = ax.figure, ax.get_subplotspec()
    heights = [1 - share - gap, share]
    if spec is None:
        box = ax.get_position()
        lower = figure.add_axes((box.x0, box.y0, box.width, box.height * share), sharex=ax)
        ax.set_position((box.x0, box.y1 - box.height * heights[0], box.width, box.height * heights[0]))
    else:
        grid = spec.subgridspec(2, 1, height_ratios=heights, hspace=gap / (sum(heights) / 2))
        ax.set_subplotspec(grid[0])
        lower = figure.add_subplot(grid[1], sharex=ax)
    ax.tick_params(labelbottom=False)
    return lower


def colour(i: int) -> str:
    """Colour of the algorithm `i`."""
    return COLOURS[i % len(COLOURS)]


def clean(ax: Axes) -> None:
    """A quiet frame and a pale grid."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GREY)
    ax.tick_params(colors=INK, labelsize=SMALL)
    ax.grid(color=PALE, linewidth=0.6)
    ax.set_axisbelow(True)


def head(ax: Axes, title: str, notes: Sequence[str] = (), *, above: int = 0) -> None:
    """Title and small notes over the axes, with room for `above` lines (of a legend) under them."""
    style: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "left", "va": "bottom", "parse_math": False}
    height = 4.0 + LINE * above
    for note in reversed(notes):
        ax.annotate(visible(note), (0, 1), (0, height), fontsize=SMALL, color=GREY, **style)
        height += LINE
    ax.set_title(visible(title), loc="left", pad=height + 2, fontsize=11, fontweight="bold", color=INK, parse_math=False)
    _room(ax, height + TITLE)


def _room(ax: Axes, points: float) -> None:
    """Lower the top of a figure's only plot until `points` fit over it."""
    spec = ax.get_subplotspec()
    if spec is not None and spec.get_topmost_subplotspec().get_gridspec().get_geometry() == (1, 1):
        figure = ax.get_figure(root=True)
        assert figure is not None  # for mypy: it is drawn on
        top = 1 - points / 72 / figure.get_figheight()
        figure.subplots_adjust(top=min(figure.subplotpars.top, top))


def legend_above(ax: Axes) -> int:
    """Put the legend between heading and axes, never over data; how many lines it takes."""
    handles, labels = ax.get_legend_handles_labels()
    if not handles:
        return 0
    columns = len(labels) if sum(len(label) + 6 for label in labels) <= 125 else max(1, 125 // (max(map(len, labels)) + 6))
    legend = ax.legend(
        handles, labels, loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, frameon=False, fontsize=SMALL,
        borderaxespad=0.15, borderpad=0.1, handlelength=1.8, columnspacing=1.6, labelspacing=0.25, handletextpad=0.6,
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(False)
    return -(-len(labels) // columns)


def dates(instants: Ints) -> Floats:
    """What matplotlib draws instants (ns UTC) at: days since its epoch."""
    from matplotlib.dates import date2num

    stamps = np.asarray(instants, dtype=np.int64).view("datetime64[ns]")
    return np.asarray(date2num(stamps), dtype=np.float64)  # type: ignore[no-untyped-call]


def clock_axis(ax: Axes, zone: str, label: str) -> None:
    """Show the x-axis in exchange time."""
    from matplotlib.dates import AutoDateLocator, DateFormatter

    place = ZoneInfo(zone)
    ax.xaxis.set_major_locator(AutoDateLocator(tz=place, minticks=4, maxticks=10))  # type: ignore[no-untyped-call]
    low, high = ax.get_xlim()  # days
    ax.xaxis.set_major_formatter(DateFormatter("%H:%M" if high - low < 1 else "%m-%d\n%H:%M", tz=place))  # type: ignore[no-untyped-call]
    ax.set_xlabel(label, fontsize=9, color=INK, parse_math=False)
