"""Equity curves side by side, trading time only: nights and weekends take no room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.plots.fonts import lettered
from exec_algos.plots.style import GREY, INK, SMALL, FigureSize, bare_axes, clean, head, legend_above, look, shown_axes, signed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SIZE = FigureSize(9.0, 4.3, 0.8)
_TICKS = 8


@lettered
def equity(curves: Mapping[str, pd.Series[float]], ax: Axes | None = None, *, shown: bool = True) -> Axes:
    """Equity of several runs over the same bars, as change from each one's beginning.

    Parameters
    ----------
    curves : mapping of str to Series of float
        Account value in currency, indexed by time (all naive, or all with a zone); a name for each run, such as
        ``{"TWAP": result.equity["equity"]}``.
    ax : Axes, optional
        Where to draw. Without it a figure is made.
    shown : bool
        A figure that is made is pyplot's where pyplot is in use; False makes a bare one.

    Returns
    -------
    Axes

    Raises
    ------
    UsageError
        No curve, or one without values.
    """
    empty = [name for name, curve in curves.items() if not len(curve)]
    if not curves or empty:
        raise UsageError(f"equity needs at least one curve, each with values; empty: {', '.join(empty) or 'all'}")
    if ax is None:
        ax = shown_axes(SIZE) if shown else bare_axes(SIZE)
    instants = _union(curves)
    for i, (name, curve) in enumerate(curves.items()):
        x = instants.get_indexer(curve.index)
        gain = curve.to_numpy() - curve.iloc[0]
        ax.plot(x, gain, linewidth=1.1, label=f"{name}: {gain[-1]:+,.0f}", **look(i))
    clean(ax)
    ax.axhline(0, color=INK, linewidth=0.7, zorder=1)
    ax.margins(x=0.01)
    ax.yaxis.set_major_formatter(signed)
    day_ticks(ax, instants)
    head(ax, "Equity", ["change from the first value of each run, currency; trading time only"], above=legend_above(ax))
    return ax


def _union(curves: Mapping[str, pd.Series[float]]) -> pd.DatetimeIndex:
    import pandas as pd

    whole: Any = None
    for curve in curves.values():
        whole = curve.index if whole is None else whole.union(curve.index)
    return pd.DatetimeIndex(whole)


def day_ticks(ax: Axes, instants: pd.DatetimeIndex) -> None:
    """A tick where some days begin, named by its date."""
    days = instants.normalize()
    begins = np.flatnonzero(np.concatenate([[True], days[1:] != days[:-1]]))
    kept = begins[:: max(1, -(-len(begins) // _TICKS))].tolist()
    ax.set_xticks(kept, [f"{instants[i]:%Y-%m-%d}" for i in kept], fontsize=SMALL)
    ax.tick_params(axis="x", colors=GREY)
