"""The backtrader plug-in: strategies that work their orders, a broker with our fills, an analyzer, an observer, feeds and plots.

What lives here: backtrader's own classes over `exec_algos.stepped`. What may not: a fill rule or a decision of its own.

Needs the extra ``backtrader``: ``pip install 'exec_algos[backtrader]'``.
"""

from __future__ import annotations

from typing import Any

try:
    import backtrader as _backtrader  # noqa: F401 - to say what is missing
except ModuleNotFoundError as _missing:
    raise ModuleNotFoundError("exec_algos.ext.backtrader needs backtrader: pip install 'exec_algos[backtrader]'") from _missing

from exec_algos.executors.working import WorkingOrder
from exec_algos.ext.backtrader.analyzer import ExecutionAnalyzer
from exec_algos.ext.backtrader.broker import ExecutionBroker
from exec_algos.ext.backtrader.feed import BarsFeed
from exec_algos.ext.backtrader.mixin import ExecutionMixin
from exec_algos.ext.backtrader.observer import ExecutionObserver, SlippageObserver
from exec_algos.ext.backtrader.plugging import plug_in

__all__ = [
    "BarsFeed",
    "ExecutionAnalyzer",
    "ExecutionBroker",
    "ExecutionMixin",
    "ExecutionObserver",
    "SlippageObserver",
    "WorkingOrder",
    "plot",
    "plug_in",
]


def __getattr__(name: str) -> Any:
    """Load matplotlib with the first plot only."""
    if name != "plot":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from exec_algos.ext.backtrader.plotting import plot

    return plot
