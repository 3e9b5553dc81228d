"""`OwnFillsResult`: the result of a study whose first algorithm is the desk itself."""

from __future__ import annotations

from dataclasses import dataclass

from exec_algos.executions.refused import RefusedRow
from exec_algos.studies.design.imports import Refused
from exec_algos.studies.result import StudyResult


@dataclass(frozen=True, eq=False)
class OwnFillsResult(StudyResult):
    """A `StudyResult`, and the rows that do not count.

    Attributes
    ----------
    refused : tuple of RefusedRow
        Rows of orders and fills that are left out: ``table, row, value, reason``.
    clipped : tuple of Refused
        Orders whose window reaches beyond the session.
    """

    refused: tuple[RefusedRow, ...] = ()
    clipped: tuple[Refused, ...] = ()
