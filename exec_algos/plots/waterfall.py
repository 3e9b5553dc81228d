"""The implementation shortfall of one algorithm, part by part to the total."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.errors import UnknownNameError
from exec_algos.plots.fonts import lettered
from exec_algos.plots.panels import note_in, panels
from exec_algos.plots.shortfall import WEIGHTS
from exec_algos.plots.style import GREY, INK, SMALL, FigureSize, clean, halo, head, name
from exec_algos.tca.clusters import clustered_by
from exec_algos.tca.shortfall import NO_COSTS, PARTS
from exec_algos.tca.twins import shown_once
from exec_algos.textform import numbered

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from exec_algos.plots.drawn import Drawn

COST, GAIN, TOTAL = "#D55E00", "#0072B2", "#4d4d4d"


@lettered
def waterfall(result: Drawn, ax: Axes, *, algorithm: str | None = None, mark: str = "session_close", weighting: str = "order") -> Axes:
    """Mean shortfall in bps of the paper value, positive = cost: each part begins where the one before it ended, the total stands at 0.

    A panel for buys and one for sells, of which mirrored ones are left out. Parts that cannot be told apart stand together as trading.

    Parameters
    ----------
    result : StudyResult
        With its single fills.
    ax : Axes
        It becomes the first panel.
    algorithm : str, optional
        Text form; by default the first of the study.
    mark : {"session_close", "window_end", "window_end_mid"}
        Price at which what was not filled is valued.
    weighting : {"order", "notional"}

    Raises
    ------
    UnknownNameError
        No such algorithm, mark or weighting.
    UsageError
        The single fills were not kept.
    """
    known = list(result.config["algorithms"])
    chosen = known[0] if algorithm is None else algorithm
    if chosen not in known:
        raise UnknownNameError("algorithm", chosen, known)
    if weighting not in WEIGHTS:
        raise UnknownNameError("weighting", weighting, WEIGHTS)
    columns = WEIGHTS[weighting]
    shown = shown_once(result.analysis().shortfall(mark), (columns[0],))
    table = shown.table.loc[chosen]
    sides = list(dict.fromkeys(table.index.get_level_values("side")))
    parts = panels(ax, len(sides), 2, gaps=(0.25, 0.3))
    for part, side in zip(parts, sides, strict=True):
        rows = table.loc[side]
        _draw(part, rows, columns)
        note_in(part, f"{str(side).lower()}, {numbered(int(rows['n'].max()), 'order')}", bold=True)
    low, high = ax.get_ylim()
    ax.set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))  # room for the numbers
    parts[0].set_ylabel("bps of the paper value", fontsize=9, color=INK)
    split = np.isfinite(table.xs("spread", level="part")[columns[0]]).all()
    whole = table.xs("total", level="part")["reason"]
    reasons = [*([] if split else [NO_COSTS]), *(f"total: {text}" for text in dict.fromkeys(whole) if text)]
    notes = [
        f"{columns[3]}; what was not filled is valued at the {mark.replace('_', ' ')}",
        f"up is a cost, down a gain; line on the total: its 95 % interval, clustered by {clustered_by(result.config)}",
        *reasons,
        *([shown.note] if shown.once else []),
    ]
    head(ax, f"Implementation shortfall of {name(chosen, 50)}, bps (positive = cost)", notes, above=1)
    return ax


def waterfall_size(result: Drawn) -> FigureSize:
    """The same for every study."""
    return FigureSize(9.0, 4.6, 1.0)


def parts_of(means: pd.Series[float]) -> list[str]:
    """The parts that sum to the total: spread, impact and timing apart, or together as trading where their split is not known."""
    return list(PARTS) if np.isfinite(means["spread"]) else ["delay", "trading", "opportunity", "fees"]


def _draw(ax: Axes, rows: pd.DataFrame, columns: tuple[str, str, str, str]) -> None:
    mean, low, high, _ = columns
    names, place = parts_of(rows[mean]), 0.0
    sizes = dict(zip(map(str, rows.index), rows[mean].to_numpy(np.float64), strict=True))
    total, ends = sizes["total"], rows.loc[["total"], [low, high]].to_numpy(np.float64)[0]
    for i, part in enumerate(names):
        value = float(sizes[part])
        fill: dict[str, Any] = {"color": COST} if value > 0 else {"color": GAIN, "hatch": "////", "edgecolor": "white"}
        ax.bar(i, value, bottom=place, width=0.66, zorder=2, label=part, **fill)
        ax.plot([i - 0.33, i + 1.33], [place + value] * 2, color=GREY, linewidth=0.7, zorder=1)
        _number(ax, i, value, (min(place, place + value), max(place, place + value)))
        place += value
    ax.bar(len(names), total, width=0.66, color=TOTAL, zorder=2, label="total")
    ends = ends[np.isfinite(ends)]
    ax.plot([len(names)] * len(ends), ends, "_-", color=INK, linewidth=1.3, markersize=9, zorder=3)
    reached = [0.0, float(total), *ends.tolist()]
    _number(ax, len(names), float(total), (min(reached), max(reached)))
    ax.axhline(0, color=INK, linewidth=0.9, zorder=1)
    clean(ax)
    ax.grid(visible=False, axis="x")
    ax.set_xticks(range(len(names) + 1), [*names, "total"], rotation=30, ha="right", rotation_mode="anchor")


def _number(ax: Axes, place: int, value: float, ends: tuple[float, float]) -> None:
    """What a bar is, over a cost and under a gain."""
    up = not value < 0
    text = "not\nestimable" if not math.isfinite(value) else f"{value:+.2f}" if value else "0"
    at = ends[up] if math.isfinite(value) else 0.0
    style: dict[str, Any] = {"ha": "center", "va": "bottom" if up else "top", "fontsize": SMALL, "path_effects": halo()}
    ax.annotate(text, (place, at), (0, 3 if up else -3), textcoords="offset points", zorder=5, **style)
