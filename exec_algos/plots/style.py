"""What the plots share: a place to draw, colours, headings, and the clock of the exchange."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any, NamedTuple
from unicodedata import east_asian_width
from weakref import WeakSet
from zoneinfo import ZoneInfo

import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.textform import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# The four darker ones of Okabe and Ito 2008, and two dark ones in place of their pale ones: told apart with any colour vision, and with a
# contrast of at least 3 to white, as WCAG 2.1 asks of lines.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#332288", "#9A4DF0")
DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.2)),
    (0, (1.5, 1)),
    (0, (6, 1.2, 1.5, 1.2)),
    (0, (9, 1.5)),
    (0, (3, 1, 1, 1, 1, 1)),
)  # for grey print
MARKERS = "osD^vP"
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "||||")
INK, GREY, PALE = "#222222", "#6b6b6b", "#d9d9d9"
SMALL = 8.5
LINE = 12.5  # height of a line of small text, points
TITLE = 20.0  # points of the heading with its margins
_LEFT, _RIGHT, _BOTTOM = 0.9, 0.3, 0.6  # inches
_MADE: WeakSet[Figure] = WeakSet()  # figures that may grow, for nobody else chose their size


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
    _MADE.add(figure)
    figure.set_facecolor("white")  # also under a dark style of the user's, for our inks are dark
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


def look(i: int) -> dict[str, Any]:
    """Colour and dashes of the line of algorithm `i`: six colours, and dashes that tell them apart in grey, change at different paces."""
    return {"color": colour(i), "linestyle": DASHES[(i + i // len(COLOURS)) % len(DASHES)]}


def name(text: object, most: int = 60) -> str:
    """A name as it is drawn: controls as escapes, and of a long one its two ends."""
    seen = visible(str(text))
    most = int(most * len(seen) / max(span(seen), 1))
    head_length = (most - 1) // 2
    return seen if len(seen) <= most else f"{seen[:head_length]}…{seen[-(most - 1 - head_length) :]}"


def span(text: str) -> int:
    """Room that a text takes, in usual letters: those of Hangul and Chinese are twice as wide."""
    return sum(1 + (east_asian_width(sign) in "WF") for sign in text)


def signed(amount: float, _: object = None) -> str:
    """An amount on an axis of changes: ``+1,000``, ``-0.5``, ``0``."""
    return f"{amount:+,.10g}".replace("-", "−") if amount else "0"


def halo(width: float = 2.2) -> list[Any]:
    """A white edge round a line or a text, so that it is seen over what it crosses."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=width, foreground="white")]


def estimate_text(line: Any, digits: int = 2) -> str:
    """``+1.20 [-0.30, +2.70]``: mean and interval of a table's line, bps, or what is not estimable of them."""
    if math.isnan(line["mean"]):
        return "not estimable"
    interval = "not estimable" if math.isnan(line["low"]) else f"{line['low']:+.{digits}f}, {line['high']:+.{digits}f}"
    return f"{line['mean']:+.{digits}f} [{interval}]"


def percent(part: float) -> str:
    """A fraction in %: ``12.3%``, ``0.04%``, ``0.0%``."""
    return f"{part:.1%}" if part >= 0.001 or part <= 0 else f"{part * 100:.1g}%"


def folded(text: str, width: int = 118) -> list[str]:
    """A note in lines that fit over a plot of the usual width."""
    return wrap(visible(text), width) or [""]


def clean(ax: Axes) -> None:
    """A quiet frame and a pale grid."""
    ax.set_facecolor("white")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GREY)
    ax.tick_params(colors=INK, labelsize=SMALL)
    ax.grid(color=PALE, linewidth=0.6)
    ax.set_axisbelow(True)


def head(ax: Axes, title: str, notes: Sequence[str] = (), *, above: float = 0) -> None:
    """Title and small notes, folded, over the axes, with room for `above` lines (of a legend) under them."""
    style: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "left", "va": "bottom", "parse_math": False}
    height, width = 4.0 + LINE * above, width_of(ax)
    for note in reversed(notes):
        lines = folded(note, int(width / 4.75))
        ax.annotate("\n".join(lines), (0, 1), (0, height), fontsize=SMALL, color=GREY, linespacing=1.25, **style)
        height += LINE * len(lines)
    cut = name(title, int(width / 6.6))
    ax.set_title(cut, loc="left", pad=height + 2, fontsize=11, fontweight="bold", color=INK, parse_math=False)
    _room(ax, height + TITLE)


def width_of(ax: Axes) -> float:
    """Of the place that the axes or the panels beside them have, points."""
    figure, spec = ax.get_figure(root=True), ax.get_subplotspec()
    assert figure is not None  # for mypy: it is drawn on
    box = ax.get_position() if spec is None else spec.get_topmost_subplotspec().get_position(figure)
    return float(max(box.width * figure.get_figwidth() * 72, 200.0))


def _room(ax: Axes, points: float) -> None:
    """Make room for `points` over a figure's only plot: a figure that was made here grows, another's plot gets lower."""
    spec, figure = ax.get_subplotspec(), ax.get_figure(root=True)
    if figure is None or spec is None or spec.get_topmost_subplotspec().get_gridspec().get_geometry() != (1, 1):
        return
    height, now = figure.get_figheight(), figure.subplotpars
    lacking = points / 72 - (1 - now.top) * height
    if lacking > 0 and figure in _MADE:
        figure.set_figheight(height + lacking)
        figure.subplots_adjust(bottom=now.bottom * height / (height + lacking), top=1 - points / 72 / (height + lacking))
    elif lacking > 0:
        figure.subplots_adjust(top=max(1 - points / 72 / height, now.bottom + 0.1))


def at_least(ax: Axes, inches: float) -> None:
    """Let a figure that was made here grow until its plot is so high."""
    figure = ax.get_figure(root=True)
    if figure is None or figure not in _MADE:
        return
    height, now = figure.get_figheight(), figure.subplotpars
    lacking = inches - ax.get_position().height * height
    if lacking > 0:
        figure.set_figheight(height + lacking)
        top, bottom = (1 - now.top) * height, now.bottom * height
        figure.subplots_adjust(bottom=bottom / (height + lacking), top=1 - top / (height + lacking))


def legend_above(ax: Axes, entries: Mapping[str, Any] | None = None) -> int:
    """Put the legend between heading and axes, never over data; how many lines it takes. `entries` are handles by their texts."""
    if entries is None:
        handles, labels = ax.get_legend_handles_labels()
    else:
        handles, labels = list(entries.values()), list(entries)
    if not handles:
        return 0
    labels = [f" {label}" if label.startswith("_") else label for label in (name(label, 80) for label in labels)]  # "_" would leave it out
    room = int(width_of(ax) / 4.75)
    fits = sum(span(label) + 7 for label in labels) <= room
    columns = len(labels) if fits else max(1, min(len(labels), room // (max(map(span, labels)) + 7)))
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
