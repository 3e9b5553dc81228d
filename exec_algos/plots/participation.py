"""One parent order: its share of the volume of each bar, and the cap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.checks import Floats
from exec_algos.errors import UsageError
from exec_algos.plots.clock import Clock
from exec_algos.plots.fonts import lettered
from exec_algos.plots.one_order import (
    bars_shown,
    fills_missing,
    note_of,
    rows_of,
    shown_until,
    stamped_at,
    tape_of,
    title_of,
    trades_of,
    window_of,
    worked_on,
)
from exec_algos.plots.panels import note_in, panels
from exec_algos.plots.style import GREY, INK, LINE, FigureSize, clean, colour, head, name, percent
from exec_algos.tca.trades import bar_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from exec_algos.plots.drawn import Drawn

ROW = 1.05  # inches of an algorithm
CAP = "#7a0010"
SLACK = 1e-9
_FAR = 4  # a cap so many times the largest bar is written, not drawn: it would leave nothing to see


class _Part(NamedTuple):
    """Shares of an order over the volume of each bar of its window, fractions; shares in bars without volume or outside of them."""

    taken: Floats
    lost: float


@lettered
def participation(result: Drawn, ax: Axes, *, parent_id: int | None = None) -> Axes:
    """Filled shares in % of the volume of each bar of the window: a row for each algorithm.

    A bar that stands for a bar of the market is as wide as it lasts. The dashed line is the participation cap, where there is one; bars
    over it, as ``residual="force"`` makes them, are counted and darker. The dotted line is what was filled over the volume of the window.

    Parameters
    ----------
    result : StudyResult
        With its single fills.
    ax : Axes
        It becomes the first row.
    parent_id : int, optional
        By default the order of the study's median session with the largest participation.

    Raises
    ------
    UsageError
        No such parent order, or its single fills were not kept.
    """
    rows = rows_of(result, parent_id)
    order = rows.iloc[0]
    missing = fills_missing(result, rows)
    if missing and rows["filled"].sum() > 0:
        raise UsageError("participation in each bar needs the single fills, which were not kept; run(fills=True) keeps them")
    start, end = window_of(order)
    until, cap = shown_until(result, rows), cap_of(result)
    tape, clock = tape_of(result, order, until), Clock.of(result, start, until)
    edges = clock.at(tape.end - result.bars.step), clock.at(tape.end)
    parts = panels(ax, len(rows), 1, gaps=(0.0, 1.9 * LINE / 72))
    highest = 0.0
    for i, (part, (_, row)) in enumerate(zip(parts, rows.iterrows(), strict=True)):
        share = _part(result, row, until)
        over = share.taken > cap * (1 + SLACK)
        height = np.nan_to_num(share.taken) * 100
        highest = max(highest, float(height.max(initial=0.0)))
        for chosen, ink in ((~over, colour(i)), (over, CAP)):
            widths = (edges[1] - edges[0])[chosen]
            part.bar(
                edges[0][chosen], height[chosen], widths, align="edge", color=ink, alpha=0.75, linewidth=0, antialiased=False, zorder=2
            )
        _draw_lines(part, cap, float(row.participation))
        note_in(part, name(row.algorithm, 50), bold=True, ink=colour(i))
        note_in(part, _said(row, share, over), ink=GREY, right=True)
        clean(part)
    far = np.isfinite(cap) and cap * 100 > _FAR * highest > 0
    ax.set_ylim(0, 1.12 * (highest if far or not np.isfinite(cap) else max(highest, cap * 100)) or 1.0)
    parts[len(parts) // 2].set_ylabel("% of the bar's volume", fontsize=9, color=INK)
    clock.finish(parts[-1])
    if until > end:
        clock.mark(parts, end)
    capped = "no participation cap" if np.isinf(cap) else f"dashed: the cap of {cap:.4g}{', above the axis' if far else ''}"
    notes = [
        f"{note_of(order)}; {capped}; dotted: what was filled over the volume of the window",
        *missing,
        *worked_on(result, rows, until),
    ]
    head(ax, f"Participation, {title_of(order)}", notes, above=1)
    return ax


def participation_size(result: Drawn) -> FigureSize:
    """Higher with each algorithm."""
    count = len(result.config["algorithms"])
    return FigureSize(9.0, 1.5 + max(ROW * count, 2.4), 0.8)


def cap_of(result: Drawn) -> float:
    """The participation cap of the fill model; infinity where there is none."""
    cap = result.config.get("fill_model", {}).get("max_participation")
    return np.inf if cap is None else float(cap)


def _part(result: Drawn, order: Any, until: int) -> _Part:
    bars, shown = result.bars, bars_shown(result, order, until)
    symbol, first, last = bars.symbols.index(order.symbol), shown.start, shown.stop
    times, shares, _ = trades_of(result, order)
    held = bar_rows(bars, np.full(len(times), symbol, dtype=np.int64), times, stamped_at(result))
    inside = (held >= first) & (held < last)
    filled = np.bincount(held[inside] - first, shares[inside], last - first)
    volume = bars.volume[first:last]
    known = volume > 0
    taken = np.divide(filled, volume, out=np.full(len(volume), np.nan), where=known)
    return _Part(taken, float(shares[~inside].sum() + filled[~known].sum()))


def _draw_lines(ax: Axes, cap: float, mean: float) -> None:
    if np.isfinite(cap):
        ax.axhline(cap * 100, color=CAP, linewidth=1.2, linestyle=(0, (5, 2)), zorder=3, label="cap")
    if np.isfinite(mean):
        ax.axhline(mean * 100, color=INK, linewidth=1.1, linestyle=(0, (1, 1.5)), zorder=3, label="order")


def _said(order: Any, share: _Part, over: Any) -> str:
    known = share.taken[np.isfinite(share.taken)]
    traded = int((known > 0).sum())
    largest = f", largest {percent(known.max())}" if traded else ""
    above = f", {int(over.sum())} over the cap" if over.any() else ""
    silent = len(share.taken) - len(known)
    quiet = f", {silent} without volume" if silent else ""
    outside = f", {share.lost:,.10g} shares in no bar with volume" if share.lost else ""
    return f"filled {percent(order.fill_rate)}, in {traded} of {len(share.taken)} bars{largest}{above}{quiet}{outside}"
