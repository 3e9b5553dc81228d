"""Small multiples: a panel for each algorithm on common axes, so that many of them hide nothing of each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from exec_algos.plots.style import INK, LINE, SMALL, FigureSize, width_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def columns_of(count: int) -> int:
    """Panels side by side: up to two while there are at most four, else three."""
    return min(count, 2) if count <= 4 else 3


def letters_of(ax: Axes, count: int) -> int:
    """Letters that fit over each of `count` panels in the place of `ax`."""
    return max(int(width_of(ax) / 4.75) // columns_of(count) - 3, 12)


def panels_size(count: int, alone: float, row: float) -> FigureSize:
    """Inches of a figure of panels: `alone` is the height of a single one, `row` of each row of several."""
    rows = -(-count // columns_of(max(count, 1)))
    return FigureSize(9.0, 1.4 + (alone if rows == 1 else row * rows), 0.8)


def outer(parts: Sequence[Axes], below: str, beside: str) -> None:
    """Name the axes once for all panels: under those that have none below them, and beside the first column."""
    columns = columns_of(len(parts))
    for i, part in enumerate(parts):
        if i % columns == 0:
            part.set_ylabel(beside if len(parts) <= 2 else beside.rpartition(", ")[2], fontsize=9, color=INK)
        if i + columns >= len(parts):
            part.set_xlabel(below if columns == 1 else below.partition(",")[2].strip() or below, fontsize=9, color=INK)


def panels(ax: Axes, count: int, columns: int, *, gaps: tuple[float, float]) -> list[Axes]:
    """The place of `ax` in `count` panels with common axes, row by row; `ax` is the first. Numbers stand at the outer ones only.

    Parameters
    ----------
    gaps : tuple of float
        Between columns and between rows, inches.
    """
    figure = ax.get_figure(root=True)
    assert figure is not None  # for mypy: it is drawn on
    columns = min(columns, count)
    rows = -(-count // columns)
    box, spec = ax.get_position(), ax.get_subplotspec()
    width, height = box.width * figure.get_figwidth(), box.height * figure.get_figheight()
    spaces = [gap * n / max(size - gap * (n - 1), 0.5 * size) for gap, n, size in zip(gaps, (columns, rows), (width, height), strict=True)]
    if spec is None:
        spec = figure.add_gridspec(1, 1, left=box.x0, right=box.x1, bottom=box.y0, top=box.y1)[0]
    grid = spec.subgridspec(rows, columns, wspace=spaces[0], hspace=spaces[1])
    ax.set_subplotspec(grid[0])
    made = [ax, *(figure.add_subplot(grid[i], sharex=ax, sharey=ax) for i in range(1, count))]
    for i, panel in enumerate(made):
        panel.tick_params(labelleft=i % columns == 0, labelbottom=i + columns >= count)
    return made


def note_in(ax: Axes, text: str, *, bold: bool = False, lines: float = 0.0, ink: str = INK, right: bool = False) -> None:
    """A line of small text over the axes' left or right end, `lines` lines up."""
    ax.annotate(
        text, (int(right), 1), (0, 3.0 + LINE * lines), xycoords="axes fraction", textcoords="offset points",
        ha="right" if right else "left", va="bottom",
        fontsize=SMALL, color=ink, fontweight="bold" if bold else "normal", parse_math=False,
    )  # fmt: skip
