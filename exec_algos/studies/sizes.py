"""How the orders of a study compare with the market: which exceed it, and why some were not filled whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exec_algos.market.hours import sessions_of
from exec_algos.tca.fidelity import bar_participation
from exec_algos.tca.oversize import Oversize, against_adv, against_bars, against_session
from exec_algos.tca.residuals import Bounds, causes_of_residuals, residual_table
from exec_algos.tca.trades import bar_rows

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.studies.result import StudyResult


def oversize_of(result: StudyResult) -> tuple[Oversize, ...]:
    """See `StudyResult.oversize`."""
    orders = result.parents.drop_duplicates("parent_id")
    of_bars: tuple[Oversize, ...] = ()
    if len(result.fills):
        analysis = result.analysis()
        traded = bar_participation(result.bars, analysis.trades, stamped=analysis.stamped)
        numbers = result.parents["parent_id"].to_numpy()[traded.parent]
        of_bars = (against_bars(numbers, traded.participation.values, len(orders)),)
    sessions = sessions_of(result.bars, result.config["calendar"])
    return (*of_bars, against_session(orders, result.bars, sessions), against_adv(orders))


def residuals_of(result: StudyResult) -> pd.DataFrame:
    """See `StudyResult.residuals`."""
    analysis, config = result.analysis(), result.config
    bounds = Bounds.of(config["fill_model"]["max_participation"], config["lot_size"], config["rules"]["limit_price"])
    trades = analysis.trades
    row = bar_rows(result.bars, trades.symbol, trades.time, analysis.stamped)
    return residual_table(result.parents, causes_of_residuals(result.bars, result.parents, trades.parent, row, trades.quantity, bounds))
