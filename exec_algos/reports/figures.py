"""`Figure`: a chart as plain data that plotly.js draws in the page, and the pieces that charts are made of.

A colour is a name such as ``@0`` or ``@ink``: the page puts in that of its theme.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.textform import visible

COLOURS = 12  # of series in the style sheet
Trace = dict[str, Any]


class Figure(NamedTuple):
    """A chart.

    Attributes
    ----------
    id : str
        Of its element.
    title : str
    caption : str
        How to read it; what a reader who sees no chart is told.
    traces : list of dict
        As plotly.js takes them.
    layout : dict
    missing : str
        Why there is none; empty where there is one.
    """

    id: str
    title: str
    caption: str
    traces: list[Trace]
    layout: dict[str, Any]
    missing: str = ""

    def record(self) -> dict[str, Any]:
        """What the page's script needs."""
        return {"data": self.traces, "layout": self.layout}


def missing(name: str, title: str, why: str) -> Figure:
    """A chart that cannot be drawn."""
    return Figure(name, title, "", [], {}, why)


def label(text: object) -> str:
    """Text for a chart: plotly takes a few tags for format, and names are no tags."""
    return html.escape(visible(str(text)), quote=False)


def colour(number: int, kind: str = "") -> str:
    """The colour of a series; `kind` ``"light"`` is a see-through one."""
    return f"@{number % COLOURS}{kind}"


def numbers(values: Iterable[float] | npt.NDArray[Any], digits: int = 3) -> list[float | None]:
    """Rounded for the page; NaN is a gap."""
    rounded = np.round(np.asarray(list(values), dtype=np.float64), digits)
    return [float(value) if np.isfinite(value) else None for value in rounded]


def whiskers(means: Sequence[float], lows: Sequence[float], highs: Sequence[float]) -> dict[str, Any]:
    """Intervals of points as error bars; none where a point has none."""
    up, down = (np.abs(np.asarray(ends, dtype=np.float64) - np.asarray(means, dtype=np.float64)) for ends in (highs, lows))
    return {"type": "data", "symmetric": False, "array": numbers(up), "arrayminus": numbers(down), "thickness": 1.6, "width": 5}


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with its unit."""
    return {"title": {"text": title}, **more}


def dot(series: int, **more: Any) -> dict[str, Any]:
    """A marker of a series."""
    return {"color": colour(series), "size": 9, **more}
