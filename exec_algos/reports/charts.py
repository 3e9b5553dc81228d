"""The charts of the page: each is ``(subject) -> Figure`` from tables that the study has."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.reports.figures import Figure, Trace, axis, colour, dot, label, missing, numbers, whiskers
from exec_algos.reports.subject import Subject
from exec_algos.stats.statistics import clustered_mean
from exec_algos.tca.clusters import clustered_by, clusters_of
from exec_algos.tca.names import BENCHMARKS, NAMES
from exec_algos.tca.shortfall import PARTS

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.studies.analysis import Analysis

MARK = "session_close"
MOST_DAYS = 70  # more are drawn by month
POINTS = 60  # of a curve
BINS = 60  # of a histogram
MOST_BANDS = 3  # of curves in one chart
TAIL = 0.005  # of the orders at each end go into the outermost bins


def cost(subject: Subject) -> Figure:
    """Mean cost of each algorithm against VWAP and arrival, with 95 % intervals."""
    names = subject.algorithms
    traces: list[Trace] = []
    for number, benchmark in enumerate(("interval_vwap", "arrival")):
        found = [subject.result.estimate(name, benchmark) for name in names]
        means = [estimate.mean for estimate in found]
        reach = whiskers(means, [estimate.low for estimate in found], [estimate.high for estimate in found])
        traces.append({
            "type": "scatter", "mode": "markers", "name": f"against {NAMES[benchmark]}", "x": numbers(means),
            "y": [place + (-0.13, 0.13)[number] for place in range(len(names))], "text": [label(name) for name in names],
            "hovertemplate": "%{text}: %{x} bps", "error_x": {**reach, "color": colour(number)},
            "marker": dot(number, symbol=("circle", "diamond")[number]),
        })  # fmt: skip
    layout = {
        "xaxis": axis("mean slippage, bps (positive = cost)", zeroline=True), "height": 150 + 50 * len(names),
        "yaxis": {
            "range": [len(names) - 0.5, -0.5], "tickvals": list(range(len(names))), "ticktext": [label(name) for name in names],
            "zeroline": False, "showgrid": False,
        },
    }  # fmt: skip
    return Figure(
        "cost", "Cost by algorithm", "Mean of the orders, each with the same weight; the lines are 95 % intervals.", traces, layout
    )


def parts(subject: Subject) -> Figure:
    """Implementation shortfall of each algorithm, part on part."""
    title = "Implementation shortfall by its parts"
    table = _analysed(subject, lambda found: found.shortfall(MARK))
    if isinstance(table, str):
        return missing("parts", title, table)
    rows = _shown(subject, table["order_weighted"])
    names = [f"{name}, {side.lower()}" for name, side in rows.index.droplevel(-1).unique()]
    wide = rows.unstack().reindex(rows.index.droplevel(-1).unique())
    wide["trading"] = wide["trading"].where(wide[["spread", "impact", "timing"]].isna().any(axis=1))  # else its three parts are drawn
    traces: list[Trace] = [
        {
            "type": "bar", "orientation": "h", "name": part, "x": numbers(wide[part]), "y": [label(name) for name in names],
            "marker": {"color": colour(number)},
        }
        for number, part in enumerate((*PARTS, "trading")) if np.nan_to_num(wide[part].to_numpy(np.float64)).any()
    ]  # fmt: skip
    layout = {
        "barmode": "relative", "xaxis": axis("mean, bps of the paper value (positive = cost)", zeroline=True),
        "yaxis": {"autorange": "reversed", "type": "category"}, "height": 170 + 44 * len(names),
    }  # fmt: skip
    unknown = "" if traces else "no part is known for every order"
    return Figure(
        "parts", title, "Parts to the right of 0 cost, those to the left saved; together they are the total.", traces, layout, unknown
    )


def size(subject: Subject) -> Figure:
    """Cost against size in % of ADV: means of groups of orders and the fitted curve with its band."""
    title = "Cost against size"
    traces: list[Trace] = []
    reasons = []
    banded = len(subject.algorithms) <= MOST_BANDS
    for number, name in enumerate(subject.algorithms):
        try:
            curve = subject.result.cost_curve(name)
        except UsageError as error:
            return missing("size", title, str(error))
        if curve.reason:
            reasons.append(curve.reason)
            continue
        x = np.geomspace(curve.smallest, curve.largest, POINTS)
        low, high = curve.band(x)
        shared = {"legendgroup": name, "type": "scatter", "mode": "lines", "hoverinfo": "skip"}
        band = {**shared, "x": numbers([*x, *x[::-1]], 5), "y": numbers([*high, *low[::-1]]), "fill": "toself",
                "fillcolor": colour(number, "light"), "line": {"width": 0}, "showlegend": False}  # fmt: skip
        traces += [
            *([band] if banded else []),
            {**shared, "hoverinfo": "x+y+name", "x": numbers(x, 5), "y": numbers(curve.at(x)), "name": label(name),
             "line": {"color": colour(number), "width": 2}},
            {**_groups(subject, name, number), "legendgroup": name, "showlegend": False},
        ]  # fmt: skip
    layout = {
        "xaxis": axis("ordered, % of the average daily volume", type="log"),
        "yaxis": axis("slippage against arrival, bps", zeroline=True),
        "height": 420,
    }
    bands = (
        ", with its 95 % band"
        if banded
        else f"; of more than {MOST_BANDS} algorithms the 95 % bands are not drawn, for they hide each other"
    )
    caption = f"Dots are means of a tenth of the orders each; the line is a + b x sqrt(size){bands}."
    return Figure("size", title, caption, traces, layout, "" if traces else f"{reasons[0]}")


def _groups(subject: Subject, name: str, number: int) -> Trace:
    """Means of tenths of the orders by size."""
    rows = subject.rows(name)
    x = 100 * (rows["quantity"] / rows["adv"].where(rows["adv"] > 0)).to_numpy(np.float64)
    y = rows[BENCHMARKS["arrival"]].to_numpy(np.float64)
    known = np.isfinite(x) & np.isfinite(y) & (x > 0)
    order = np.argsort(x[known], kind="stable")
    pieces = [piece for piece in np.array_split(order, 10) if len(piece)]
    means = ([float(column[known][piece].mean()) for piece in pieces] for column in (x, y))
    return {
        "type": "scatter", "mode": "markers", "x": numbers(next(means), 5), "y": numbers(next(means)), "name": label(name),
        "marker": dot(number, size=7),
    }  # fmt: skip


def trend(subject: Subject) -> Figure:
    """Mean cost by day, or by month where there are many days."""
    days = np.unique(subject.shown["session"].to_numpy().astype("datetime64[D]"))
    monthly = len(days) > MOST_DAYS
    title, traces = f"Cost by {'month' if monthly else 'day'}", []
    if len(days) < 2:
        return missing("trend", title, "there is one day")
    for number, name in enumerate(subject.algorithms):
        rows = subject.rows(name)
        when = rows["session"].to_numpy().astype("datetime64[M]" if monthly else "datetime64[D]")
        values = rows[BENCHMARKS["interval_vwap"]].to_numpy(np.float64)
        days_of = clusters_of(rows)
        dates, code = np.unique(when, return_inverse=True)
        found = [clustered_mean(values[code == i], days_of[code == i]) for i in range(len(dates))] if monthly else []
        means = [line.mean for line in found] if monthly else _means(values, code, len(dates))
        reach = (
            {"error_y": {**whiskers(means, [f.low for f in found], [f.high for f in found]), "color": colour(number)}} if monthly else {}
        )
        traces.append({
            "type": "scatter", "mode": "lines+markers", "name": label(name), "x": [str(date) for date in dates], "y": numbers(means),
            "line": {"color": colour(number), "width": 1.4}, "marker": dot(number, size=5), **reach,
        })  # fmt: skip
    layout = {"xaxis": {"type": "date"}, "yaxis": axis("mean slippage against interval VWAP, bps", zeroline=True), "height": 360}
    clustered = f"The lines at the months are 95 % intervals, clustered by {clustered_by(subject.config)}."
    caption = clustered if monthly else "A dot is the mean of the orders of one day."
    return Figure("trend", title, caption, traces, layout)


def _means(values: Any, code: Any, many: int) -> list[float]:
    known = np.isfinite(values)
    counts = np.bincount(code[known], minlength=many)
    sums = np.bincount(code[known], values[known], many)
    return [total / n if n else math.nan for total, n in zip(sums.tolist(), counts.tolist(), strict=True)]


def spread(subject: Subject) -> Figure:
    """How the costs of single orders are spread."""
    title = "Distribution over orders"
    columns = {name: subject.rows(name)[BENCHMARKS["interval_vwap"]].dropna().to_numpy(np.float64) for name in subject.algorithms}
    pooled = np.concatenate(list(columns.values()))
    if len(pooled) < 2 or pooled.min() == pooled.max():
        return missing("spread", title, "the orders have no two different costs")
    low, high = np.quantile(pooled, [TAIL, 1 - TAIL])
    edges = np.linspace(low, high, BINS + 1) if low < high else np.linspace(pooled.min(), pooled.max(), BINS + 1)
    middle = (edges[:-1] + edges[1:]) / 2
    traces: list[Trace] = [
        {
            "type": "scatter", "mode": "lines", "name": label(name), "x": numbers(middle),
            "line": {"color": colour(number), "shape": "hvh"}, "fill": "tozeroy", "fillcolor": colour(number, "light"),
            "y": np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0].tolist(),
        }
        for number, (name, values) in enumerate(columns.items())
    ]  # fmt: skip
    layout = {"xaxis": axis("slippage against interval VWAP, bps", zeroline=True), "yaxis": axis("orders"), "height": 340}
    caption = f"The outermost {TAIL:.1%} of the orders at each end are counted in the outermost bars."
    return Figure("spread", title, caption, traces, layout)


def after(subject: Subject) -> Figure:
    """What the price did after the fills."""
    title = "Mark-outs"
    table = _analysed(subject, lambda found: found.markouts())
    if isinstance(table, str):
        return missing("after", title, table)
    shown = _shown(subject, table)
    traces: list[Trace] = []
    for number, (key, rows) in enumerate(shown.groupby(level=[0, 1], sort=False)):
        own = rows.droplevel([0, 1])
        name = ", ".join(str(part).lower() if place else str(part) for place, part in enumerate(key))
        traces.append({
            "type": "scatter", "mode": "lines+markers", "name": label(name), "x": [str(horizon) for horizon in own.index],
            "y": numbers(own["mean"]), "error_y": {**whiskers(own["mean"], own["low"], own["high"]), "color": colour(number)},
            "line": {"color": colour(number)}, "marker": dot(number, size=7),
        })  # fmt: skip
    layout = {"xaxis": axis("time after the fill", type="category"), "yaxis": axis("bps", zeroline=True), "height": 340}
    caption = "Fill price against the price a while later, with 95 % intervals: above 0 the price went against the fill."
    return Figure("after", title, caption, traces, layout)


CHARTS: tuple[Callable[[Subject], Figure], ...] = (cost, parts, size, trend, spread, after)


def _analysed(subject: Subject, table: Callable[[Analysis], pd.DataFrame]) -> pd.DataFrame | str:
    """A table of the analysis, or why there is none."""
    try:
        return table(subject.result.analysis())
    except UsageError as error:
        return str(error)


def _shown(subject: Subject, table: Any) -> Any:
    """A table by algorithm and side without the sells where they mirror the buys."""
    return table[table.index.get_level_values("side") == "BUY"] if subject.result.has_twins() else table
