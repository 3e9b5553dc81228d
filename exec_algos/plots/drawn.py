"""`Drawn`: what a plot reads of a study. Whatever has these parts can be drawn, a `StudyResult` among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.stats.statistics import Estimate
    from exec_algos.tca.cost_curve import CostCurve, Form


class DrawnAnalysis(Protocol):
    """The cost analysis as plots read it: tables by algorithm and side, in bps, positive = cost."""

    def shortfall(self, mark: str = ..., /) -> pd.DataFrame:
        """The parts of the implementation shortfall, with the residual priced at `mark`."""
        ...

    def markouts(self) -> pd.DataFrame:
        """What the price did after the fills, by horizon."""
        ...


class Drawn(Protocol):
    """The parts of a study that plots read: see `exec_algos.studies.result.StudyResult` for each."""

    @property
    def parents(self) -> pd.DataFrame:
        """A row for each parent order and algorithm."""
        ...

    @property
    def fills(self) -> pd.DataFrame:
        """A row for each trade."""
        ...

    @property
    def skipped(self) -> pd.DataFrame:
        """What was left out, and why."""
        ...

    @property
    def config(self) -> dict[str, Any]:
        """What was asked."""
        ...

    @property
    def bars(self) -> Bars:
        """The bars of the regular hours."""
        ...

    def summary(self, benchmark: str = ..., *, by: Sequence[str] = ...) -> pd.DataFrame:
        """Slippage in bps by any columns of `parents`."""
        ...

    def compare(self, first: str, second: str, benchmark: str = ..., *, side: str | None = ...) -> Estimate:
        """Mean of the cost of one algorithm less that of another on the same orders, in bps."""
        ...

    def has_twins(self) -> bool:
        """Whether every parent order has a twin of the other side."""
        ...

    def analysis(self) -> DrawnAnalysis:
        """The cost analysis."""
        ...

    def cost_curve(self, algorithm: str, benchmark: str = ..., *, form: Form = ...) -> CostCurve:
        """Cost in bps against the size in % of ADV."""
        ...
