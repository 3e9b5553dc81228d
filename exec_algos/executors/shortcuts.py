"""One call each: make a broker if there is none, and await the executor.

=================== =================================================
`execute_twap`      evenly over time
`execute_vwap`      along the volume of earlier sessions
`execute_algorithm` by any algorithm, given as a value or a text
=================== =================================================

The first two have names at the top of the package.
"""

from __future__ import annotations

from typing import Unpack

from exec_algos.algorithms import Algorithm, parse_algorithm
from exec_algos.brokers.base import BrokerAPI
from exec_algos.brokers.simulated import SimulatedBroker
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.executors.named import (
    TWAPExecutor,
    VWAPExecutor,
)
from exec_algos.executors.options import OrderOptions
from exec_algos.model import NO_RULES, Fill, Rules, Side
from exec_algos.model.window import Moment


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


async def execute_algorithm(
    ticker: str,
    total_quantity: float,
    algorithm: Algorithm | str,
    *,
    broker: BrokerAPI | None = None,
    **options: Unpack[OrderOptions],
) -> list[Fill]:
    """Work an order by any algorithm; see `AlgorithmExecutor.execute`.

    Parameters
    ----------
    algorithm : Algorithm or str
        A value, or the text form of a built-in one: ``"pov:rate=0.2"``.
    broker : BrokerAPI, optional
        A `SimulatedBroker` with a synthetic market by default.
    **options
        `OrderOptions`.

    Returns
    -------
    list of Fill
        In time order.

    Raises
    ------
    UnknownNameError
        No such algorithm or parameter.
    UsageError
        A parameter, quantity or window that cannot be worked.
    """
    known = parse_algorithm(algorithm) if isinstance(algorithm, str) else algorithm
    return await AlgorithmExecutor(broker or SimulatedBroker()).execute(ticker, total_quantity, known, **options)
