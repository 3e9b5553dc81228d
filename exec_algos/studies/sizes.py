"""How the orders of a study compare with the market: which exceed it, and why some were not filled whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from exec_algos.market.hours import sessions_of
from exec_algos.market.trading_time import TradingTime
from exec_algos.tca.fidelity import bar_participation
from exec_algos.tca.oversize import Oversize, against_adv, against_bars, against_session
from exec_algos.tca.residuals import Bounds, causes_of_residuals, residual_parts, residual_table
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
        traded = bar_participation(bars, analysis.trades, stamped=analysis.stamped)
        of_bars = (against_bars(parents["parent_id"].to_numpy()[traded.parent], traded.participation.values, len(orders)),)
    return (*of_bars, against_session(orders, bars, sessions_of(bars, calendar)), against_adv(orders))


def residuals_of(parents: pd.DataFrame, bars: Bars, config: Mapping[str, Any], analysis: Analysis) -> pd.DataFrame:
    """See `StudyResult.residuals`."""
    bounds = Bounds.of(config["fill_model"]["max_participation"], config["lot_size"], config["rules"]["limit_price"])
    trades = analysis.trades
    row = bar_rows(bars, trades.symbol, trades.time, analysis.stamped)
    time = TradingTime.of(sessions_of(bars, config["calendar"]), bars.step)
    causes = causes_of_residuals(bars, time, parents, trades.parent, row, trades.quantity, bounds)
    return residual_table(residual_parts(parents, causes))
