"""Cost against size: groups of parent orders, and the concave curve through them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.checks import Floats
from exec_algos.errors import UsageError
from exec_algos.plots.fonts import lettered
from exec_algos.plots.panels import columns_of, letters_of, note_in, outer, panels, panels_size
from exec_algos.plots.style import GREY, INK, LINE, FigureSize, clean, colour, folded, head, name
from exec_algos.tca.clusters import clustered_by, clusters_of
from exec_algos.tca.names import BENCHMARKS, NAMES
from exec_algos.tca.twins import BUYS_ONLY

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from exec_algos.plots.drawn import Drawn
    from exec_algos.tca.cost_curve import CostCurve, Form


@lettered
def cost(result: Drawn, ax: Axes, *, benchmark: str = "arrival", form: Form = "sqrt", groups: int = 8) -> Axes:
    """Slippage in bps (positive = cost) against ordered shares in % of ADV: a panel for each algorithm, all on the same axes.

    A dot is the mean of a group of orders of about the same size, with its 95 % interval; the line is ``a + b x^power`` fitted to the
    single orders, drawn where it is identified, over the sizes that there are; the band is its 95 % interval. All intervals are
    clustered by day.

    Parameters
    ----------
    result : StudyResult
    ax : Axes
        It becomes the first panel.
    benchmark : {"arrival", "interval_twap", "interval_vwap", "session_vwap"}
    form : {"sqrt", "power"}
    groups : int
        Dots of each algorithm, at most; at least 1.

    Raises
    ------
    UnknownNameError
        No such benchmark or form.
    UsageError
        The study says no ADV, or no dot is asked for.
    """
    if groups < 1 or groups != int(groups):
        raise UsageError(f"groups must be a whole number of at least 1, got {groups!r}; 8 is usual")
    curves = {algorithm: result.cost_curve(algorithm, benchmark, form=form) for algorithm in result.config["algorithms"]}
    letters = letters_of(ax, len(curves))
    said = [folded(_said(curve), letters) for curve in curves.values()]
    lines = max(map(len, said))
    parts = panels(ax, len(curves), columns_of(len(curves)), gaps=(0.25, (lines + 1.9) * LINE / 72))
    for i, (part, (algorithm, curve)) in enumerate(zip(parts, curves.items(), strict=True)):
        part.axhline(0, color=INK, linewidth=0.9, zorder=1)
        _draw_groups(part, _grouped(result, algorithm, benchmark, groups), i, algorithm)
        if not curve.reason:
            _draw_curve(part, curve, colour(i))
        note_in(part, name(algorithm, letters), bold=True, lines=lines, ink=colour(i))
        note_in(part, "\n".join([*said[i], *[""] * (lines - len(said[i]))]), ink=GREY)
        clean(part)
    ax.set_xlim(left=0)
    outer(parts, "order, % of ADV of earlier sessions", f"slippage against {NAMES[benchmark]}, bps")
    notes = [
        f"dot: mean of orders of about a size; line and band: fitted curve; intervals of 95 %, clustered by {clustered_by(result.config)}"
    ]
    head(ax, "Cost against size, bps (positive = cost)", [*notes, *([BUYS_ONLY] if result.has_twins() else [])], above=lines + 1)
    return ax


def cost_size(result: Drawn) -> FigureSize:
    """Higher with each row of panels."""
    return panels_size(len(result.config["algorithms"]), 3.6, 2.2)


def _grouped(result: Drawn, algorithm: str, benchmark: str, groups: int) -> pd.DataFrame:
    """Mean size, mean cost and its interval, for each group of sizes; sizes that are equal but for rounding stay together."""
    import pandas as pd

    from exec_algos.stats.statistics import clustered_mean
    from exec_algos.tca.buckets import percent_of_adv

    rows = result.parents[result.parents["algorithm"] == algorithm]
    rows = rows[rows["side"] == "BUY"] if result.has_twins() else rows
    table = pd.DataFrame({"size": percent_of_adv(rows), "cost": rows[BENCHMARKS[benchmark]].to_numpy(), "day": clusters_of(rows)})
    table = table.dropna()
    edges = np.unique(np.quantile(np.log(table["size"]), np.arange(1, groups) / groups).round(2)) if len(table) else np.empty(0)
    table["group"] = np.searchsorted(edges, np.log(table["size"]).round(2), side="left")
    found = [(part["size"].mean(), clustered_mean(part["cost"].to_numpy(), part["day"].to_numpy())) for _, part in table.groupby("group")]
    return pd.DataFrame([(size, entry.mean, entry.low, entry.high) for size, entry in found], columns=["size", "mean", "low", "high"])


def _draw_groups(ax: Axes, table: pd.DataFrame, i: int, label: str) -> None:
    values: dict[str, Floats] = {str(column): table[column].to_numpy(dtype=np.float64) for column in table}
    reach = np.nan_to_num(np.vstack([values["mean"] - values["low"], values["high"] - values["mean"]]))
    style: dict[str, Any] = {"color": colour(i), "fmt": "o", "markersize": 4.5, "linewidth": 1.2, "capsize": 2}
    ax.errorbar(values["size"], values["mean"], reach, label=label, zorder=4, **style)


def _draw_curve(ax: Axes, curve: CostCurve, ink: str) -> None:
    sizes = np.geomspace(curve.smallest, curve.largest, 120)
    low, high = curve.band(sizes)
    ax.plot(sizes, curve.at(sizes), color=ink, linewidth=1.6, zorder=3)
    ax.fill_between(sizes, low, high, color=ink, alpha=0.16, linewidth=0, zorder=2)
    for edge in (low, high):
        ax.plot(sizes, edge, color=ink, linewidth=0.7, linestyle=(0, (3, 2)), zorder=2)


def _said(curve: CostCurve) -> str:
    if curve.reason:
        return f"no curve: {curve.reason}"
    power = "sqrt(x)" if curve.form == "sqrt" else f"x^({curve.power:.2f} ± {curve.power_error:.2f})"
    note = curve.note.removesuffix(BUYS_ONLY).removesuffix("; ")  # which is said once for all
    careful = f"; {note}" if note else ""
    return f"{curve.a:.2f} ± {curve.a_error:.2f} + ({curve.b:.2f} ± {curve.b_error:.2f}) {power}, {curve.n} orders{careful}"
