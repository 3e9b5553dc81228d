"""Slippage studies: a grid of parent orders, the algorithms that execute them, and what they cost.

What lives here: the study and its result; in `design` its orders, in `run` how they are executed, in `record` how it is kept, in
`shards` the same for more than fits into memory. What may not: a fill rule, a decision or a cost formula of its own.
"""

from __future__ import annotations

from exec_algos.studies.design.parents import Grid, ParentOrders, Skipped
from exec_algos.studies.result import StudyResult
from exec_algos.studies.shards.study import ShardedStudy
from exec_algos.studies.study import SlippageStudy

__all__ = ["Grid", "ParentOrders", "ShardedStudy", "Skipped", "SlippageStudy", "StudyResult"]
