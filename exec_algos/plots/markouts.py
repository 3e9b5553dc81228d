"""What the price did after the fills: a fan over time for each algorithm."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.plots.fonts import lettered
from exec_algos.plots.panels import columns_of, letters_of, note_in, outer, panels, panels_size
from exec_algos.plots.style import GREY, INK, LINE, FigureSize, clean, colour, estimate_text, head, name
from exec_algos.tca.twins import shown_once

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from exec_algos.plots.drawn import Drawn

CLOSE = "close"
UNITS = {"min": 1.0, "ms": 1 / 60_000, "ns": 1 / 60e9, "s": 1 / 60}  # minutes
SIDES = {"BUY": ("-", "o"), "SELL": ((0, (4, 1.5)), "s")}


@lettered
def markouts(result: Drawn, ax: Axes) -> Axes:
    """Mean mark-out of the fills in bps after 1, 5, 15 and 30 minutes, with 95 % intervals clustered by day: a panel for each algorithm.

    Above 0 the price went against the fills. Fills of all hours; those whose session ended before a horizon are not in it. The close is
    written, not drawn: it lies at another distance from each fill, and its interval is many times as wide.

    Parameters
    ----------
    result : StudyResult
        With its single fills.
    ax : Axes
        It becomes the first panel.

    Raises
    ------
    UsageError
        The single fills were not kept.
    """
    shown = shown_once(result.analysis().markouts(), ("mean",))
    table = shown.table
    algorithms = list(dict.fromkeys(table.index.get_level_values("algorithm")))
    letters = letters_of(ax, len(algorithms))
    said = [_at_close(table.loc[algorithm]) for algorithm in algorithms]
    lines = max(map(len, said))
    parts = panels(ax, len(algorithms), columns_of(len(algorithms)), gaps=(0.25, (lines + 1.9) * LINE / 72))
    for i, (part, algorithm) in enumerate(zip(parts, algorithms, strict=True)):
        part.axhline(0, color=INK, linewidth=0.9, zorder=1)
        for side, rows in table.loc[algorithm].groupby(level="side", sort=False):
            _draw_fan(part, rows.droplevel("side"), (str(algorithm), str(side)), i)
        note_in(part, name(algorithm, letters), bold=True, lines=lines, ink=colour(i))
        note_in(part, "\n".join([*said[i], *[""] * (lines - len(said[i]))]), ink=GREY)
        clean(part)
    ax.set_xlim(left=0)
    ax.margins(y=0.1)
    outer(parts, "minutes after the fill", "mark-out, bps")
    fills = int(table["n"].groupby(level=["algorithm", "side"]).max().sum())
    notes = [
        f"{f'{fills:,} fills' if fills else 'nothing was filled'}; above 0 the price went against them, spread and impact included",
        "band: 95 % interval, clustered by day; buys with dots and a solid line, sells with squares and a dashed one",
        *([shown.note] if shown.once else []),
    ]
    head(ax, "Mark-outs: fill price against the price a while later, bps (positive = cost)", notes, above=lines + 1)
    return ax


def markouts_size(result: Drawn) -> FigureSize:
    """Higher with each row of panels."""
    return panels_size(len(result.config["algorithms"]), 3.2, 2.1)


def minutes_of(horizon: str) -> float:
    """How long after the fill a horizon is; NaN for the close.

    >>> minutes_of("5min"), minutes_of("30s"), minutes_of("close")
    (5.0, 0.5, nan)
    """
    for unit, minutes in UNITS.items():
        if horizon.endswith(unit) and horizon.removesuffix(unit).replace(".", "", 1).isdigit():
            return float(horizon.removesuffix(unit)) * minutes
    return math.nan


def _draw_fan(ax: Axes, rows: pd.DataFrame, key: tuple[str, str], i: int) -> None:
    algorithm, side = key
    known: Any = rows[(rows.index != CLOSE) & rows["mean"].notna()]
    x = np.array([minutes_of(str(horizon)) for horizon in known.index])
    dashes, marker = SIDES[side]
    ink = colour(i) if side == "BUY" else INK
    values = {column: known[column].to_numpy(np.float64) for column in ("mean", "low", "high")}
    ax.fill_between(x, values["low"], values["high"], color=ink, alpha=0.16, linewidth=0, zorder=2)
    ax.vlines(x, values["low"], values["high"], color=ink, linewidth=0.9, zorder=2)
    ax.plot(x, values["mean"], color=ink, linestyle=dashes, marker=marker, markersize=4.5, zorder=4, label=f"{algorithm}, {side.lower()}")


def _at_close(rows: pd.DataFrame) -> list[str]:
    """Mark-outs at the close, a line for each side."""
    return [f"close, {str(side).lower()}: {estimate_text(line, 1)}" for side, line in rows.xs(CLOSE, level="horizon").iterrows()]
