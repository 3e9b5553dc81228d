"""Where the cost comes from: the parts of the implementation shortfall, by algorithm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.errors import UnknownNameError
from exec_algos.plots.fonts import lettered
from exec_algos.plots.style import COLOURS, GREY, HATCHES, INK, SMALL, FigureSize, clean, head, legend_above, name
from exec_algos.tca.clusters import clustered_by
from exec_algos.tca.names import named
from exec_algos.tca.shortfall import PARTS
from exec_algos.tca.twins import shown_once
from exec_algos.textform import numbered

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from exec_algos.plots.drawn import Drawn

HEIGHT = 0.45  # of a bar
WEIGHTS = {
    "order": ("order_weighted", "low", "high", "each order counts the same"),
    "notional": ("notional_weighted", "notional_low", "notional_high", "weighted by what was ordered"),
}


@lettered
def shortfall(result: Drawn, ax: Axes, *, mark: str = "session_close", weighting: str = "order") -> Axes:
    """Mean shortfall in bps of the paper value, positive = cost: one bar an algorithm, stacked by its parts.

    Costs stand to the right of 0, gains to the left; the dot is the total with its 95 % interval, clustered by day.

    Parameters
    ----------
    result : StudyResult
        With its single fills.
    ax : Axes
    mark : {"session_close", "window_end", "window_end_mid"}
        Price at which what was not filled is valued.
    weighting : {"order", "notional"}

    Raises
    ------
    UnknownNameError
        No such mark or weighting.
    UsageError
        The single fills were not kept.
    """
    if weighting not in WEIGHTS:
        raise UnknownNameError("weighting", weighting, WEIGHTS)
    mean, low, high, said = WEIGHTS[weighting]
    shown = shown_once(result.analysis().shortfall(mark), (mean,))
    table = shown.table
    keys = list(dict.fromkeys(key[:2] for key in table.index))
    _draw_parts(ax, table[mean], keys)
    for i, key in enumerate(keys):
        total = table.loc[(*key, "total")]
        reach = [[total[mean] - total[low]], [total[high] - total[mean]]]
        ax.errorbar(total[mean], i, xerr=reach, fmt="o", color=INK, markersize=5, capsize=4, zorder=5, label="_" if i else "total")
        ax.annotate(
            name(named(key)), (0, i - 0.27), xycoords=("axes fraction", "data"), fontsize=SMALL, color=INK, va="bottom", parse_math=False
        )
    ax.axvline(0, color=INK, linewidth=0.9, zorder=1)
    ax.set_yticks([])
    ax.set_ylim(len(keys) - 0.5, -0.7)
    clean(ax)
    ax.set_xlabel("shortfall, bps of the paper value: below 0 gain, above 0 cost", fontsize=9, color=INK)
    where = mark.replace("_", " ")
    orders = numbered(int(table["n"].max()), "parent order")
    intervals = f"dot and bar: the total and its 95 % interval, clustered by {clustered_by(result.config)}"
    notes = [f"{orders} each, {said}; what was not filled is valued at the {where}", intervals]
    notes += [shown.note] if shown.once else []
    head(ax, "Implementation shortfall by its parts, bps (positive = cost)", notes, above=legend_above(ax))
    return ax


def shortfall_size(result: Drawn) -> FigureSize:
    """Higher with each algorithm and side."""
    return FigureSize(9.0, 1.9 + 0.5 * len(result.parents[["algorithm", "side"]].drop_duplicates()), 1.1)


def _draw_parts(ax: Axes, means: pd.Series, keys: list[tuple[str, str]]) -> None:
    """Stack the parts outwards from 0; of one whose split is not known, what is known."""
    right, left, place = np.zeros(len(keys)), np.zeros(len(keys)), np.arange(len(keys))
    for number, part in enumerate(PARTS):
        width = np.nan_to_num(np.array([means[(*key, part)] for key in keys], dtype=np.float64))
        if not width.any():
            continue
        start = np.where(width > 0, right, left)
        look: dict[str, Any] = {"facecolor": COLOURS[number], "hatch": HATCHES[number], "edgecolor": "white", "linewidth": 0.5}
        ax.barh(place, width, left=start, height=HEIGHT, alpha=0.85, label=part, zorder=2, **look)
        right += np.maximum(width, 0)
        left += np.minimum(width, 0)
    unsplit = np.array([means[(*key, "trading")] if np.isnan(means[(*key, "spread")]) else 0.0 for key in keys])
    if unsplit.any():
        ax.barh(place, unsplit, left=np.where(unsplit > 0, right, left), height=HEIGHT, color=GREY, alpha=0.6, label="trading", zorder=2)
