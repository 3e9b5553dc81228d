"""`OwnFillsResult`: the result of a study whose first algorithm is the desk itself."""

from __future__ import annotations

from dataclasses import dataclass

from exec_algos.executions.refused import RefusedRow
from exec_algos.studies.design.imports import Refused
from exec_algos.studies.result import StudyResult
from exec_algos.textform import numbered


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

    def __repr__(self) -> str:
        """What a notebook shows: how much counts, and how much does not."""
        counts = self.config["own_fills"]["counts"]
        left_out = [f"left out: {line}" for line in self.config["own_fills"]["left_out"]]
        worked = ", ".join(self.config["algorithms"][1:]) or "no algorithm"
        said = [f"{numbered(counts['orders'], 'order')} and {numbered(counts['fills'], 'fill')} beside {worked}"]
        refused = [f"{numbered(len(self.refused), 'row')} refused (.refused)"] if self.refused else []
        clipped = [f"{numbered(len(self.clipped), 'window')} clipped (.clipped)"] if self.clipped else []
        return f"<OwnFillsResult of {'; '.join([*said, *left_out, *refused, *clipped])}; summary(), by(), analysis() ...>"
