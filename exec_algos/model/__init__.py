"""The nouns of an order, as values that are checked when built: side, parent order, fill, rules, window, decision.

What lives here: what an order is (`order`), what it became (`fill`), what bounds it (`rules`, `style`, `lots`, `apply`), when it
trades (`window`), and what an algorithm sees and decides (`decision`). What may not: anything that prices, waits, reads or runs.
"""

from __future__ import annotations

from exec_algos.model.decision import NOTHING, Decision, Observed, Seen, Terms
from exec_algos.model.fill import UNKNOWN_COSTS, ExecutionSummary, Fill, FillRecord, summarise
from exec_algos.model.order import DAY, MINUTE, NANOSECOND, SECOND, ParentOrder, Side, check_participation
from exec_algos.model.rules import NO_BOUND, NO_RULES, Bounds, Residual, Rules, check_lots
from exec_algos.model.window import Moment, Session, Window

__all__ = [
    "DAY",
    "MINUTE",
    "NANOSECOND",
    "NOTHING",
    "NO_BOUND",
    "NO_RULES",
    "SECOND",
    "UNKNOWN_COSTS",
    "Bounds",
    "Decision",
    "ExecutionSummary",
    "Fill",
    "FillRecord",
    "Moment",
    "Observed",
    "ParentOrder",
    "Residual",
    "Rules",
    "Seen",
    "Session",
    "Side",
    "Terms",
    "Window",
    "check_lots",
    "check_participation",
    "summarise",
]
