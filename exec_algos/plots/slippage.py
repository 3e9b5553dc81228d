"""How slippage is spread: a row for each algorithm and side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.checks import Floats
from exec_algos.plots.bins import edges_of
from exec_algos.plots.fonts import lettered
from exec_algos.plots.style import GREY, INK, SMALL, FigureSize, clean, colour, estimate_text, halo, head, name
from exec_algos.tca.clusters import clustered_by
from exec_algos.tca.names import BENCHMARKS, NAMES
from exec_algos.tca.twins import SIGNED, shown_once
from exec_algos.textform import numbered

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from exec_algos.plots.drawn import Drawn

_TALLEST = 0.58  # of a row's height


class _Row(NamedTuple):
    algorithm: str
    side: str
    values: Floats
    line: Any


@lettered
def slippage(result: Drawn, ax: Axes, *, benchmark: str = "interval_vwap") -> Axes:
    """Distribution of slippage in bps (positive = cost) by algorithm and side, with its mean.

    Each row is a histogram over the same bins on the same scale; the dot and the bar under it are the mean
    and its 95 % interval, clustered by day, equally weighted.

    Parameters
    ----------
    result : StudyResult
    ax : Axes
    benchmark : {"interval_vwap", "arrival", "interval_twap", "session_vwap"}

    Raises
    ------
    UnknownNameError
        No such benchmark.
    """
    shown = shown_once(result.summary(benchmark, by=("algorithm", "side")), SIGNED)
    rows = _rows(result, shown.table, BENCHMARKS[benchmark])
    edges = edges_of([row.values for row in rows], [float(row.line[end]) for row in rows for end in ("mean", "low", "high")])
    shares = [np.histogram(row.values, edges)[0] / max(len(row.values), 1) for row in rows]
    tallest = max((float(share.max()) for share in shares), default=0.0) or 1.0
    ax.axvline(0, color=INK, linewidth=0.9, zorder=1)
    for i, (row, share) in enumerate(zip(rows, shares, strict=True)):
        number = result.config["algorithms"].index(row.algorithm)
        _draw_row(ax, row, len(rows) - 1 - i, share * _TALLEST / tallest, edges, colour(number))
    _frame(ax, edges, len(rows), NAMES[benchmark])
    head(
        ax,
        f"Slippage against {NAMES[benchmark]}, bps (positive = cost)",
        _notes(rows, edges, tallest, [f"clustered by {clustered_by(result.config)}", shown.note]),
    )
    return ax


def slippage_size(result: Drawn) -> FigureSize:
    """Inches that the rows want."""
    rows = len(shown_once(result.summary(by=("algorithm", "side")), SIGNED).table)
    return FigureSize(9.0, 1.4 + 0.85 * max(rows, 2), 0.75)


def sells_mirror_buys(result: Drawn, benchmark: str = "interval_vwap") -> bool:
    """Whether every algorithm's sells cost what its buys gained: so where what is paid does not depend on the side."""
    column, keys = BENCHMARKS[benchmark], ["algorithm", "symbol", "session", "start", "end"]
    pair = result.parents.groupby(keys)[column].agg(["sum", "count"])
    both = result.parents["side"].nunique() == 2
    return both and bool((pair["count"] % 2 == 0).all()) and bool((pair["sum"].abs() < 1e-6).all())


def _rows(result: Drawn, summary: pd.DataFrame, column: str) -> list[_Row]:
    made = []
    for algorithm in result.config["algorithms"]:
        for side in ("BUY", "SELL"):
            if (algorithm, side) in summary.index:
                mine = (result.parents["algorithm"] == algorithm) & (result.parents["side"] == side)
                values = result.parents.loc[mine, column].to_numpy(dtype=np.float64)
                made.append(_Row(algorithm, side, values[np.isfinite(values)], summary.loc[(algorithm, side)]))
    return made


def _draw_row(ax: Axes, row: _Row, base: int, heights: Floats, edges: Floats, ink: str) -> None:
    line = row.line
    ax.axhline(base, color=GREY, linewidth=0.5)
    ax.stairs(heights + base, edges, baseline=base, fill=True, color=ink, alpha=0.35, zorder=2)
    ax.stairs(heights + base, edges, baseline=base, color=ink, linewidth=1.1, zorder=3)
    if math.isfinite(line["mean"]):
        ax.plot([line["low"], line["high"]], [base - 0.12] * 2, "|-", color=ink, linewidth=2, markersize=7, markeredgewidth=1.5, zorder=4)
        ax.plot(line["mean"], base - 0.12, "o", color=ink, markersize=5, zorder=5)
    style: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "va": "center", "fontsize": SMALL, "parse_math": False, "zorder": 6}
    style["path_effects"] = halo()
    ax.text(0.008, base + 0.69, name(f"{row.algorithm}, {row.side.lower()}", 52), color=ink, fontweight="bold", **style)
    ax.text(0.995, base + 0.69, _numbers(line), color=INK, ha="right", **style)


def _numbers(line: Any) -> str:
    if math.isnan(line["mean"]):
        return "not estimable"
    return f"mean {estimate_text(line)}, n {line['n']:.0f}, {numbered(int(line['days']), 'day')}, filled {line['fill_rate']:.1%}"


def _frame(ax: Axes, edges: Floats, rows: int, against: str) -> None:
    clean(ax)
    ax.grid(visible=False, axis="y")
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set(xlim=(edges[0], edges[-1]), ylim=(-0.3, rows - 0.02))
    ax.set_xlabel(f"slippage against {against}, bps: below 0 gain, above 0 cost", fontsize=9, color=INK)


def _notes(rows: list[_Row], edges: Floats, tallest: float, more: list[str]) -> list[str]:
    beyond = sum(int(((row.values < edges[0]) | (row.values > edges[-1])).sum()) for row in rows)
    known = sum(len(row.values) for row in rows)
    width = edges[1] - edges[0]
    scale = f"height: share of the orders in bins of {width:g} bps, highest {tallest:.0%}; {beyond} of {known} lie beyond the axis"
    return [scale, f"dot, bar and [ ]: mean and its 95 % interval, {more[0]}", *filter(None, more[1:])]
