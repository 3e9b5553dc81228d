"""One call each: `execute_twap` and `execute_vwap`."""

from __future__ import annotations

from exec_algos.brokers.base import BrokerAPI
from exec_algos.brokers.simulated import SimulatedBroker
from exec_algos.executors.twap import TWAPExecutor
from exec_algos.executors.vwap import VWAPExecutor
from exec_algos.executors.window import Moment
from exec_algos.model import NO_RULES, Fill, Rules, Side


async def execute_twap(  # noqa: PLR0913 - the published signature
    ticker: str,
    total_quantity: float,
    duration_minutes: float = 30,
    slice_interval_seconds: float = 60,
    *,
    broker: BrokerAPI | None = None,
    side: Side | str = Side.BUY,
    lot_size: float = 1,
    max_participation: float | None = None,
    start: Moment | None = None,
    rules: Rules = NO_RULES,
) -> list[Fill]:
    """Work an order evenly over time; see `TWAPExecutor.execute`.

    Parameters
    ----------
    broker : BrokerAPI, optional
        A `SimulatedBroker` with a synthetic market by default.

    Returns
    -------
    list of Fill
        In time order.

    Raises
    ------
    UsageError
        A quantity, duration or window that cannot be worked.
    """
    return await TWAPExecutor(broker or SimulatedBroker()).execute(
        ticker,
        total_quantity,
        duration_minutes,
        slice_interval_seconds,
        side=side,
        lot_size=lot_size,
        max_participation=max_participation,
        start=start,
        rules=rules,
    )


async def execute_vwap(  # noqa: PLR0913 - the published signature
    ticker: str,
    total_quantity: float,
    start_time_str: str | None = None,
    end_time_str: str | None = None,
    volume_profile_days: int = 5,
    slice_interval_seconds: float = 60,
    *,
    broker: BrokerAPI | None = None,
    side: Side | str = Side.BUY,
    lot_size: float = 1,
    max_participation: float | None = None,
    start: Moment | None = None,
    rules: Rules = NO_RULES,
) -> list[Fill]:
    """Work an order along the volume of the day; see `VWAPExecutor.execute`.

    Parameters
    ----------
    broker : BrokerAPI, optional
        A `SimulatedBroker` with a synthetic market by default.

    Returns
    -------
    list of Fill
        In time order.

    Raises
    ------
    UsageError
        A quantity or window that cannot be worked.
    NotEnoughHistoryError
        Too few earlier sessions with data.
    """
    return await VWAPExecutor(broker or SimulatedBroker()).execute(
        ticker, total_quantity, start_time_str, end_time_str, volume_profile_days, slice_interval_seconds,
        side=side, lot_size=lot_size, max_participation=max_participation, start=start, rules=rules,
    )  # fmt: skip
