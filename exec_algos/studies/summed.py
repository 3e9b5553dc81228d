"""`SummedAnalysis`: the analysis of a study whose single trades were added up, and not kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.batch.tape import NO_ROWS
from exec_algos.checks import Ints
from exec_algos.errors import UsageError
from exec_algos.fills import PRICE_RULES
from exec_algos.market.hours import sessions_of
from exec_algos.stats.estimable import Estimable
from exec_algos.studies.analysis import KEYS, Analysis
from exec_algos.studies.line_tables import NOT_KEPT, markout_table, time_table
from exec_algos.studies.run.sums import TradeSums
from exec_algos.tca.clusters import clusters_of
from exec_algos.tca.frames import benchmark_columns, order_shortfall, view_of
from exec_algos.tca.priced import FillSums
from exec_algos.tca.trades import Trades
from exec_algos.textform import numbered

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.tca.shortfall import Shortfall

NO_QUANTILES = "the median and the 95 % point need the single fills, which were not kept"
NO_TRADES = Trades(NO_ROWS, NO_ROWS, NO_ROWS, NO_ROWS, np.zeros(0), np.zeros(0))


@dataclass(frozen=True, eq=False, repr=False)
class SummedAnalysis(Analysis):
    """The tables of `Analysis` without single trades: the same numbers, but for the rounding of sums.

    What belongs to an order (`order_shortfall`, `benchmarks`) is the same to the last bit. Mark-outs are those of the usual horizons; times
    of day are whole quarters of an hour; `participation` has neither a median nor a 95 % point, and says so; `index_adjusted` is refused.

    Attributes
    ----------
    sums : TradeSums
    """

    sums: TradeSums = field(kw_only=True)

    def __repr__(self) -> str:
        orders = self.parents["parent_id"].nunique()
        return f"<SummedAnalysis of {numbered(orders, 'parent order')}, its single fills not kept; shortfall(), slippage(), markouts() ...>"

    @classmethod
    def of_sums(cls, parents: pd.DataFrame, fills: pd.DataFrame, bars: Bars, config: Mapping[str, Any], sums: TradeSums) -> SummedAnalysis:
        """The analysis of the parts of a study; `fills` has no row.

        Raises
        ------
        UsageError
            The sums are those of other orders.
        """
        if len(sums.orders) != len(parents):
            raise UsageError(f"the sums of single trades are of {len(sums.orders)} rows, the parent orders have {len(parents)}: save again")
        view = view_of(parents, bars, sessions_of(bars, config["calendar"]))
        return cls(parents, fills, view, "start" if PRICE_RULES[config["fill_model"]["price"]].at_start else "end", sums=sums)

    def order_shortfall(self, mark: str = "session_close") -> pd.DataFrame:
        """As `Analysis.order_shortfall`, to the last bit."""
        found = self._of_orders(mark).to_frame()
        return self.parents[list(KEYS)].join(found.set_index(self.parents.index))

    def index_adjusted(self, index: Bars, beta: float | Mapping[str, float] = 1.0, *, mark: str = "session_close") -> pd.DataFrame:
        """Refused.

        Raises
        ------
        UsageError
            Always: the index is looked at when each trade was made.
        """
        raise UsageError(f"what an index explains needs the {NOT_KEPT}")

    def time_of_day(self, minutes: int = 30) -> pd.DataFrame:
        """As `Analysis.time_of_day`, in whole quarters of an hour.

        Raises
        ------
        UsageError
            A width that does not divide the day, or is no multiple of a quarter of an hour.
        """
        return time_table(self.sums.lines, self.sums.missing, list(self._rows()), minutes)

    def participation(self) -> pd.DataFrame:
        """As `Analysis.participation`; median and 95 % point are NaN, and ``reason`` says why."""
        sums = self.sums.orders

        def line(mine: Ints) -> dict[str, Any]:
            own = sums.iloc[mine]
            bars = int(own["bars"].sum())
            found = {"mean": own["bar_shares"].sum() / bars if bars else np.nan, "median": np.nan, "p95": np.nan}
            most = own["most_of_a_bar"].max() if bars else np.nan
            return {**found, "largest": most, "bars": bars, "left_out": int(own["bars_left_out"].sum()), "reason": NO_QUANTILES}

        return self._lines(line)

    def _of_orders(self, mark: str) -> Shortfall:
        sums = FillSums(*(self.sums.orders[name].to_numpy(np.float64) for name in FillSums._fields))
        return order_shortfall(self.parents, sums, self.view, mark=mark)

    def _shortfall(self, mark: str) -> pd.DataFrame:
        whole, days = self._of_orders(mark), clusters_of(self.parents)
        return self._grouped(lambda mine: whole.take(mine).summary(days[mine]))

    def _markouts(self, horizons: Sequence[int]) -> pd.DataFrame:
        return markout_table(self.sums.lines, self.sums.missing, list(self._rows()), horizons)

    def _benchmarks(self, rates: Sequence[float]) -> dict[str, Estimable]:
        # the tape of a replay does not hold our own prints, so no benchmark of it looks at them
        return benchmark_columns(self.view, self.parents, NO_TRADES, tape="replay", stamped=self.stamped, rates=rates)


def analysis_of(parents: pd.DataFrame, fills: pd.DataFrame, bars: Bars, config: Mapping[str, Any], sums: TradeSums | None) -> Analysis:
    """See `StudyResult.analysis`."""
    if sums is not None:
        return SummedAnalysis.of_sums(parents, fills, bars, config, sums)
    # a desk may know its average prices only
    if parents["filled"].sum() > 0 and not len(fills) and "own_fills" not in config:
        raise UsageError("the analysis needs the single fills, which were not kept; run(fills=True) or --fills keeps them")
    return Analysis.of(parents, fills, bars, config)
