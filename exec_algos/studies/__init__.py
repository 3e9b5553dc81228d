"""Slippage studies: a grid of parent orders, the algorithms that work them, and what they cost."""

from __future__ import annotations

from exec_algos.studies.design.parents import Grid, ParentOrders, Skipped
from exec_algos.studies.result import StudyResult
from exec_algos.studies.shards.study import ShardedStudy
from exec_algos.studies.study import SlippageStudy

__all__ = ["Grid", "ParentOrders", "ShardedStudy", "Skipped", "SlippageStudy", "StudyResult"]
