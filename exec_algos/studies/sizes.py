"""How the orders of a study compare with the market: which exceed it, and why some were not filled whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.market.hours import sessions_of
from exec_algos.market.trading_time import TradingTime
from exec_algos.studies.summed import SummedAnalysis
from exec_algos.tca.fidelity import bar_participation
from exec_algos.tca.frames import is_own
from exec_algos.tca.oversize import Oversize, against_adv, against_bars, against_session
from exec_algos.tca.residuals import CAUSES, Bounds, causes_of_residuals, residual_parts, residual_table
from exec_algos.tca.trades import bar_rows

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.studies.analysis import Analysis


def oversize_of(parents: pd.DataFrame, bars: Bars, calendar: str, analysis: Analysis | None) -> tuple[Oversize, ...]:
    """See `StudyResult.oversize`; without an analysis, for want of single fills, nothing is said of bars."""
    orders = parents.drop_duplicates("parent_id")
    of_bars: tuple[Oversize, ...] = ()
    if analysis is not None:
        owner, share = _shares(bars, analysis)
        of_bars = (against_bars(parents["parent_id"].to_numpy()[owner], share, len(orders)),)
    return (*of_bars, against_session(orders, bars, sessions_of(bars, calendar)), against_adv(orders))


def _shares(bars: Bars, analysis: Analysis) -> tuple[Ints, Floats]:
    """Parts of bars' volumes that orders traded, and the row of the order; of sums the largest of each order."""
    if isinstance(analysis, SummedAnalysis):
        most = analysis.sums.orders["most_of_a_bar"].to_numpy()
        return np.arange(len(most)), most
    traded = bar_participation(bars, analysis.trades, stamped=analysis.stamped)
    return traded.parent, traded.participation.values


def residuals_of(parents: pd.DataFrame, bars: Bars, config: Mapping[str, Any], analysis: Analysis) -> pd.DataFrame:
    """See `StudyResult.residuals`."""
    if isinstance(analysis, SummedAnalysis):
        return residual_table(residual_parts(parents, analysis.sums.orders[list(CAUSES)].to_numpy()))
    bounds = Bounds.of(config["fill_model"]["max_participation"], config["lot_size"], config["rules"]["limit_price"])
    trades = analysis.trades
    row = bar_rows(bars, trades.symbol, trades.time, analysis.stamped)
    time = TradingTime.of(sessions_of(bars, config["calendar"]), bars.step)
    causes = causes_of_residuals(bars, time, parents, trades.parent, row, trades.quantity, bounds)
    own = is_own(parents)  # why a desk did not fill more, no bar tells: it ended, or was cancelled
    causes[own] = 0.0
    causes[own, CAUSES.index("end of window")] = parents["residual"].to_numpy(float)[own]
    return residual_table(residual_parts(parents, causes))
