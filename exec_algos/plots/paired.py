"""Two algorithms on the same parent orders: how their differences are spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.checks import Floats
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.plots.bins import edges_of
from exec_algos.plots.fonts import lettered
from exec_algos.plots.panels import columns_of, letters_of, note_in, outer, panels, panels_size
from exec_algos.plots.style import GREY, INK, LINE, FigureSize, clean, colour, estimate_text, head, name
from exec_algos.tca.clusters import clustered_by
from exec_algos.tca.names import BENCHMARKS, NAMES
from exec_algos.textform import numbered

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from exec_algos.plots.drawn import Drawn
    from exec_algos.stats.statistics import Estimate

_BAR = -0.12  # of the tallest: where mean and interval stand under the histogram


class _Pair(NamedTuple):
    other: str
    values: Floats
    found: Estimate


@lettered
def paired(result: Drawn, ax: Axes, *, first: str | None = None, second: str | None = None, benchmark: str = "interval_vwap") -> Axes:
    """Cost of `first` less cost of `second` on each parent order, bps: below 0 `first` was cheaper. A panel for each `second`.

    The bars are a histogram over the same bins; the dot and the line under it are the mean and its 95 % interval, clustered by day, as
    `StudyResult.compare` has them. Where each order has a twin of the other side the buys are drawn, and the heading says so.

    Parameters
    ----------
    result : StudyResult
    ax : Axes
        It becomes the first panel.
    first : str, optional
        Text form; by default the first algorithm of the study.
    second : str, optional
        By default every other one, each in its panel.
    benchmark : {"interval_vwap", "arrival", "interval_twap", "session_vwap"}

    Raises
    ------
    UnknownNameError
        No such algorithm or benchmark.
    UsageError
        One algorithm only, or the same twice.
    """
    one, others = _names(list(result.config["algorithms"]), first, second)
    pairs = [_pair(result, one, other, benchmark) for other in others]
    ends = [end for pair in pairs for end in (pair.found.mean, pair.found.low, pair.found.high)]
    edges = edges_of([pair.values for pair in pairs], ends)
    shares = [np.histogram(pair.values, edges)[0] / max(len(pair.values), 1) for pair in pairs]
    tallest = max(float(share.max()) for share in shares) or 1.0
    unit = "day" if clustered_by(result.config) == "day" else "block"
    letters = letters_of(ax, len(pairs))
    parts = panels(ax, len(pairs), columns_of(len(pairs)), gaps=(0.25, 3.6 * LINE / 72))
    for part, pair, share in zip(parts, pairs, shares, strict=True):
        ink = colour(list(result.config["algorithms"]).index(pair.other))
        _draw(part, pair, (share * 100, edges, tallest * 100), ink)
        note_in(part, name(f"less {pair.other}", letters), bold=True, lines=2, ink=ink)
        note_in(part, "\n".join(_said(pair, unit)), ink=GREY)
    outer(parts, "difference, bps", "% of the orders")
    head(ax, f"Cost of {name(one, 40)} less that of others on the same orders, bps", _notes(result, pairs, edges, benchmark), above=3)
    return ax


def paired_size(result: Drawn) -> FigureSize:
    """Higher with each row of panels."""
    return panels_size(max(len(result.config["algorithms"]) - 1, 1), 2.8, 1.9)


def _names(known: list[str], first: str | None, second: str | None) -> tuple[str, list[str]]:
    for given in (first, second):
        if given is not None and given not in known:
            raise UnknownNameError("algorithm", given, known)
    if len(known) < 2:
        raise UsageError(f"a paired difference needs two algorithms, and this study has {known}; run it with a second one")
    one = first if first is not None else next(algorithm for algorithm in known if algorithm != second)
    if one == second:
        raise UsageError(f"a paired difference needs two algorithms, got {one!r} twice; name another one as second")
    return one, [second] if second is not None else [algorithm for algorithm in known if algorithm != one]


def _pair(result: Drawn, one: str, other: str, benchmark: str) -> _Pair:
    found = result.compare(one, other, benchmark)
    rows = result.parents[result.parents["side"] == "BUY"] if result.has_twins() else result.parents
    costs: Any = rows.pivot(index="parent_id", columns="algorithm", values=BENCHMARKS[benchmark])
    values = (costs[one] - costs[other]).to_numpy(dtype=np.float64)
    return _Pair(other, values[np.isfinite(values)], found)


def _draw(ax: Axes, pair: _Pair, bars: tuple[Floats, Floats, float], ink: str) -> None:
    heights, edges, tallest = bars
    ax.stairs(heights, edges, fill=True, color=ink, alpha=0.35, zorder=2)
    ax.stairs(heights, edges, color=ink, linewidth=1.0, zorder=3)
    ax.axvline(0, color=INK, linewidth=0.9, zorder=1)
    ax.axhline(0, color=GREY, linewidth=0.6, zorder=1)
    at = _BAR * tallest
    ax.plot([pair.found.low, pair.found.high], [at, at], "|-", color=ink, linewidth=2, markersize=8, markeredgewidth=1.5, zorder=4)
    ax.plot(pair.found.mean, at, "o", color=ink, markersize=5, zorder=5)
    clean(ax)
    ax.set(xlim=(edges[0], edges[-1]), ylim=(2.2 * at, 1.06 * tallest))
    ax.yaxis.set_major_formatter(lambda share, _: f"{share:g}" if share >= 0 else "")


def _said(pair: _Pair, unit: str) -> list[str]:
    if not len(pair.values):
        return ["not estimable: no order has both costs", ""]
    cheaper = float((pair.values < 0).mean())
    same = float((pair.values == 0).mean())
    equal = f", the same in {same:.0%}" if same else ""
    return [
        f"mean {estimate_text(pair.found._asdict())}",
        f"{numbered(pair.found.n, 'order')}, {numbered(pair.found.clusters, unit)}; cheaper in {cheaper:.0%}{equal}",
    ]


def _notes(result: Drawn, pairs: list[_Pair], edges: Floats, benchmark: str) -> list[str]:
    beyond = sum(int(((pair.values < edges[0]) | (pair.values > edges[-1])).sum()) for pair in pairs)
    whole = sum(len(pair.values) for pair in pairs)
    left_out = max(pair.found.left_out for pair in pairs)
    notes = [
        f"slippage against {NAMES[benchmark]}; below 0 it was cheaper than the other; {beyond:,} of {whole:,} lie beyond the axis",
        f"dot and line: mean and its 95 % interval, clustered by {clustered_by(result.config)}",
        *([f"{numbered(left_out, 'order')} without both costs left out"] if left_out else []),
    ]
    return [*notes, *dict.fromkeys(pair.found.note for pair in pairs if pair.found.note)]
