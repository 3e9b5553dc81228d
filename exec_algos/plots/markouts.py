"""What the price did after the fills, by algorithm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exec_algos.plots.style import INK, clean, colour, head, legend_above
from exec_algos.tca.names import named
from exec_algos.tca.twins import shown_once

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from exec_algos.plots.drawn import Drawn


def markouts(result: Drawn, ax: Axes) -> Axes:
    """Mean mark-out of the fills in bps after 1, 5, 15, 30 minutes and at the close, with 95 % intervals clustered by day.

    Above 0 the price went against the fills. Fills of all hours; those whose session ended before a horizon are not in it.

    Parameters
    ----------
    result : StudyResult
        With its single fills.
    ax : Axes

    Raises
    ------
    UsageError
        The single fills were not kept.
    """
    shown = shown_once(result.analysis().markouts(), ("mean",))
    table = shown.table
    groups = {(str(key[0]), str(key[1])): rows.droplevel([0, 1]) for key, rows in table.groupby(level=[0, 1], sort=False)}
    horizons = list(dict.fromkeys(table.index.get_level_values("horizon")))
    algorithms = list(dict.fromkeys(key[0] for key in groups))
    ax.axhline(0, color=INK, linewidth=0.9, zorder=1)
    for i, (key, rows) in enumerate(groups.items()):
        mine = rows.reindex(horizons)
        place = np.arange(len(horizons)) + (i - (len(groups) - 1) / 2) * 0.7 / len(groups)
        reach = np.array([mine["mean"] - mine["low"], mine["high"] - mine["mean"]], dtype=np.float64)
        ax.errorbar(
            place,
            mine["mean"].to_numpy(np.float64),
            yerr=reach,
            fmt="os"[key[1] == "SELL"],
            color=colour(algorithms.index(key[0])),
            markersize=5,
            capsize=3,
            label=named(key),
        )
    ax.margins(y=0.15)
    clean(ax)
    ax.grid(visible=False, axis="x")
    ax.set_xticks(range(len(horizons)), horizons)
    ax.set_xlabel("time after the fill", fontsize=9, color=INK)
    ax.set_ylabel("mark-out, bps", fontsize=9, color=INK)
    fills = int(table["n"].groupby(level=["algorithm", "side"]).max().sum())
    notes = [
        f"{fills:,} fills; above 0 the price went against them, costs of spread and impact included",
        "bar: 95 % interval, clustered by day",
        *([shown.note] if shown.once else []),
    ]
    head(ax, "Mark-outs: fill price against the price a while later, bps (positive = cost)", notes, above=legend_above(ax))
    return ax
