"""One call each: make a broker if there is none, and await the executor.

==================================== =================================================
`execute_twap`                       evenly over time
`execute_vwap`                       along the volume of earlier sessions
`execute_dynamic_vwap`               along the volume that is forecast anew
`execute_pov`                        at a rate of the volume there is
`execute_implementation_shortfall`   fast at first, against the arrival price
`execute_arrival_price`              the same, by one number
`execute_target_close`               slow at first, against the close
`execute_algorithm`                  by any algorithm, given as a value or a text
==================================== =================================================

The first two have names at the top of the package.
"""

from __future__ import annotations

from typing import TypedDict, Unpack

from exec_algos.algorithms import Algorithm, parse_algorithm
from exec_algos.algorithms.arrival_price import URGENCY
from exec_algos.algorithms.target_close import AUCTION, HALF_LIFE
from exec_algos.brokers.base import BrokerAPI
from exec_algos.brokers.simulated import SimulatedBroker
from exec_algos.executors.base import AlgorithmExecutor
from exec_algos.executors.named import (
    ArrivalPriceExecutor,
    DynamicVWAPExecutor,
    ImplementationShortfallExecutor,
    POVExecutor,
    TargetCloseExecutor,
    TWAPExecutor,
    VWAPExecutor,
)
from exec_algos.model import NO_RULES, Fill, Rules, Side
from exec_algos.model.window import Moment


class OrderOptions(TypedDict, total=False):
    """What may be said of every order, with the defaults of the executors.

    Attributes
    ----------
    start, end : datetime, pandas.Timestamp, str or int
        The window; now and the session's close if absent. ``"HH:MM"`` is a time of the current session.
    side : Side or str
        Buys by default.
    lot_size : int or float
        Shares in a lot.
    max_participation : float
        Our largest fraction of a bar's volume.
    rules : Rules
        Limit price, sizes of children, style, residual policy.
    """

    start: Moment | None
    end: Moment | None
    side: Side | str
    lot_size: float
    max_participation: float | None
    rules: Rules


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


async def execute_dynamic_vwap(
    ticker: str,
    total_quantity: float,
    profile_days: int = 20,
    slice_interval_seconds: float = 60,
    *,
    broker: BrokerAPI | None = None,
    **options: Unpack[OrderOptions],
) -> list[Fill]:
    """Work an order along a volume curve that is forecast anew at each decision; see `DynamicVWAPExecutor.execute`.

    Parameters
    ----------
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
    UsageError
        A parameter, quantity or window that cannot be worked.
    NotEnoughHistoryError
        Too few earlier sessions with data.
    """
    return await DynamicVWAPExecutor(broker or SimulatedBroker()).execute(
        ticker, total_quantity, profile_days, slice_interval_seconds, **options
    )


async def execute_pov(
    ticker: str,
    total_quantity: float,
    rate: float = 0.1,
    inclusive: bool = True,
    slice_interval_seconds: float = 60,
    *,
    broker: BrokerAPI | None = None,
    **options: Unpack[OrderOptions],
) -> list[Fill]:
    """Work an order at a rate of the volume that trades; see `POVExecutor.execute`.

    Parameters
    ----------
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
    UsageError
        A parameter, quantity or window that cannot be worked.
    """
    return await POVExecutor(broker or SimulatedBroker()).execute(
        ticker, total_quantity, rate, inclusive, slice_interval_seconds, **options
    )


async def execute_implementation_shortfall(
    ticker: str,
    total_quantity: float,
    half_life_seconds: float | None = None,
    slice_interval_seconds: float = 60,
    *,
    broker: BrokerAPI | None = None,
    **options: Unpack[OrderOptions],
) -> list[Fill]:
    """Work an order along the trajectory of Almgren and Chriss; see `ImplementationShortfallExecutor.execute`.

    Parameters
    ----------
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
    UsageError
        A parameter, quantity or window that cannot be worked.
    """
    return await ImplementationShortfallExecutor(broker or SimulatedBroker()).execute(
        ticker, total_quantity, half_life_seconds, slice_interval_seconds, **options
    )


async def execute_arrival_price(
    ticker: str,
    total_quantity: float,
    urgency: float = URGENCY,
    slice_interval_seconds: float = 60,
    *,
    broker: BrokerAPI | None = None,
    **options: Unpack[OrderOptions],
) -> list[Fill]:
    """Work an order fast at first, then slower; see `ArrivalPriceExecutor.execute`.

    Parameters
    ----------
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
    UsageError
        A parameter, quantity or window that cannot be worked.
    """
    return await ArrivalPriceExecutor(broker or SimulatedBroker()).execute(
        ticker, total_quantity, urgency, slice_interval_seconds, **options
    )


async def execute_target_close(  # noqa: PLR0913 - the parameters of the algorithm
    ticker: str,
    total_quantity: float,
    half_life_seconds: float = HALF_LIFE,
    auction_fraction: float = AUCTION,
    auction_seconds: float = 0.0,
    slice_interval_seconds: float = 60,
    *,
    broker: BrokerAPI | None = None,
    **options: Unpack[OrderOptions],
) -> list[Fill]:
    """Work an order towards the close; see `TargetCloseExecutor.execute`.

    Parameters
    ----------
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
    UsageError
        A parameter, quantity or window that cannot be worked.
    """
    return await TargetCloseExecutor(broker or SimulatedBroker()).execute(
        ticker, total_quantity, half_life_seconds, auction_fraction, auction_seconds, slice_interval_seconds, **options
    )


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
