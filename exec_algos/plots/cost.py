"""Cost against size: groups of parent orders, and the concave curve through them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.checks import Floats
from exec_algos.plots.style import INK, clean, colour, head, legend_above
from exec_algos.tca.clusters import clusters_of
from exec_algos.tca.names import BENCHMARKS, NAMES
from exec_algos.tca.twins import BUYS_ONLY

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from exec_algos.plots.drawn import Drawn
    from exec_algos.tca.cost_curve import CostCurve, Form


def cost(result: Drawn, ax: Axes, *, benchmark: str = "arrival", form: Form = "sqrt", groups: int = 8) -> Axes:
    """Slippage in bps (positive = cost) against ordered shares in % of ADV, for each algorithm.

    A dot is the mean of a group of orders of about the same size, with its 95 % interval; the line is ``a + b x^power`` fitted to the
    single orders, drawn where it is identified, over the sizes that there are; the shade is its 95 % interval. All intervals are
    clustered by day.

    Parameters
    ----------
    result : StudyResult
    ax : Axes
    benchmark : {"arrival", "interval_vwap", "interval_twap", "session_vwap"}
    form : {"sqrt", "power"}
    groups : int
        Dots of each algorithm, at most.

    Raises
    ------
    UnknownNameError
        No such benchmark or form.
    UsageError
        The study says no ADV.
    """
    curves = {name: result.cost_curve(name, benchmark, form=form) for name in result.config["algorithms"]}
    ax.axhline(0, color=INK, linewidth=0.9, zorder=1)
    for i, (name, curve) in enumerate(curves.items()):
        _draw_groups(ax, _grouped(result, name, benchmark, groups), i, len(curves), name)
        if not curve.reason:
            _draw_curve(ax, curve, colour(i))
    clean(ax)
    ax.set_xlabel("ordered shares, % of ADV of the earlier sessions", fontsize=9, color=INK)
    ax.set_ylabel(f"slippage against {NAMES[benchmark]}, bps", fontsize=9, color=INK)
    ax.set_xlim(left=0)
    notes = [*(_said(name, curve) for name, curve in curves.items()), *([BUYS_ONLY] if result.has_twins() else [])]
    head(ax, "Cost against size, bps (positive = cost)", notes, above=legend_above(ax))
    return ax


def _grouped(result: Drawn, name: str, benchmark: str, groups: int) -> pd.DataFrame:
    """Mean size, mean cost and its interval, for each group of sizes; sizes that are equal but for rounding stay together."""
    import pandas as pd

    from exec_algos.stats.statistics import clustered_mean
    from exec_algos.tca.buckets import percent_of_adv

    rows = result.parents[result.parents["algorithm"] == name]
    rows = rows[rows["side"] == "BUY"] if result.has_twins() else rows
    table = pd.DataFrame({"size": percent_of_adv(rows), "cost": rows[BENCHMARKS[benchmark]].to_numpy(), "day": clusters_of(rows)})
    table = table.dropna()
    edges = np.unique(np.quantile(np.log(table["size"]), np.arange(1, groups) / groups).round(2)) if len(table) else np.empty(0)
    table["group"] = np.searchsorted(edges, np.log(table["size"]).round(2), side="left")
    found = [(part["size"].mean(), clustered_mean(part["cost"].to_numpy(), part["day"].to_numpy())) for _, part in table.groupby("group")]
    return pd.DataFrame([(size, entry.mean, entry.low, entry.high) for size, entry in found], columns=["size", "mean", "low", "high"])


def _draw_groups(ax: Axes, table: pd.DataFrame, i: int, n: int, name: str) -> None:
    values: dict[str, Floats] = {str(column): table[column].to_numpy(dtype=np.float64) for column in table}
    reach = np.nan_to_num(np.vstack([values["mean"] - values["low"], values["high"] - values["mean"]]))
    nudge = 1 + 0.012 * (i - (n - 1) / 2)  # so that intervals of the same size can be told apart
    style: dict[str, Any] = {"color": colour(i), "fmt": "o", "markersize": 4.5, "linewidth": 1.2, "capsize": 2}
    ax.errorbar(values["size"] * nudge, values["mean"], reach, label=name, zorder=4, **style)


def _draw_curve(ax: Axes, curve: CostCurve, ink: str) -> None:
    sizes = np.geomspace(curve.smallest, curve.largest, 120)
    low, high = curve.band(sizes)
    ax.plot(sizes, curve.at(sizes), color=ink, linewidth=1.5, zorder=3)
    ax.fill_between(sizes, low, high, color=ink, alpha=0.13, linewidth=0, zorder=2)


def _said(name: str, curve: CostCurve) -> str:
    if curve.reason:
        return f"{name}: no curve: {curve.reason}"
    power = "sqrt(x)" if curve.form == "sqrt" else f"x^({curve.power:.2f} ± {curve.power_error:.2f})"
    note = curve.note.removesuffix(BUYS_ONLY).removesuffix("; ")  # which is said once for all
    careful = f"; {note}" if note else ""
    return f"{name}: {curve.a:.2f} ± {curve.a_error:.2f} + ({curve.b:.2f} ± {curve.b_error:.2f}) {power}, {curve.n} orders{careful}"
