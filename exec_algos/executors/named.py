"""One executor for each built-in algorithm, with the algorithm's parameters as arguments of `execute`.

Each `execute` takes the ticker, the quantity in shares (a multiple of the lot), the parameters that the algorithm's own page documents,
and `OrderOptions`; it returns the fills in time order.
"""

from __future__ import annotations

import math
from typing import Unpack

from exec_algos.algorithms.arrival_price import URGENCY, ArrivalPrice
from exec_algos.algorithms.dynamic_vwap import DynamicVWAP
from exec_algos.algorithms.iceberg import Iceberg
from exec_algos.algorithms.implementation_shortfall import REGULAR_SESSION, ImplementationShortfall
from exec_algos.algorithms.liquidity_aware import LiquidityAware
from exec_algos.algorithms.obizhaeva_wang import ObizhaevaWang
from exec_algos.algorithms.pov import POV
from exec_algos.algorithms.sniper import Sniper
from exec_algos.algorithms.target_close import AUCTION, HALF_LIFE, TargetClose
from exec_algos.algorithms.twap import TWAP
from exec_algos.algorithms.vwap import VWAP
from exec_algos.checks import check_real
from exec_algos.errors import UsageError
from exec_algos.executors.base import OrderExecutor
from exec_algos.executors.options import OrderOptions
from exec_algos.model import MINUTE, NO_RULES, Fill, Moment, Rules, Side, Window


class TWAPExecutor(OrderExecutor):
    """Runs `TWAP` against a broker."""

    async def execute(  # noqa: PLR0913 - the published signature
        self,
        ticker: str,
        total_quantity: float,
        duration_minutes: float = 30,
        slice_interval_seconds: float = 60,
        *,
        side: Side | str = Side.BUY,
        lot_size: float = 1,
        max_participation: float | None = None,
        start: Moment | None = None,
        rules: Rules = NO_RULES,
    ) -> list[Fill]:
        """Work an order evenly over time.

        Parameters
        ----------
        ticker : str
        total_quantity : int or float
            Shares, a multiple of `lot_size`.
        duration_minutes : float
            Length of the window.
        slice_interval_seconds : float
            Time between children; in replay it is rounded up to whole bars.
        side : Side or str
            ``"BUY"`` or ``"SELL"``.
        lot_size : int or float
            Shares in a lot.
        max_participation : float, optional
            Our largest fraction of a bar's volume.
        rules : Rules
            Limit price, sizes of children, what becomes of what is left.
        start : datetime, pandas.Timestamp, str or int, optional
            Start of the window; now if absent. ``"HH:MM"`` is a time of the current session.

        Returns
        -------
        list of Fill
            In time order.

        Raises
        ------
        UsageError
            A quantity, duration or window that cannot be worked.
        """
        check_real(duration_minutes=duration_minutes)
        if not 0 < duration_minutes < math.inf:
            raise UsageError(f"duration_minutes must be positive and finite, got {duration_minutes!r}")
        algorithm = TWAP(slice_interval_seconds=slice_interval_seconds)
        window = Window(start=start, length=round(float(duration_minutes) * MINUTE))
        order = self.order(ticker, total_quantity, side=side, lot_size=lot_size, max_participation=max_participation, rules=rules)
        return await self.work(algorithm, order, window)


class VWAPExecutor(OrderExecutor):
    """Runs `VWAP` against a broker."""

    async def execute(  # noqa: PLR0913 - the published signature
        self,
        ticker: str,
        total_quantity: float,
        start_time_str: str | None = None,
        end_time_str: str | None = None,
        volume_profile_days: int = 5,
        slice_interval_seconds: float = 60,
        *,
        side: Side | str = Side.BUY,
        lot_size: float = 1,
        max_participation: float | None = None,
        start: Moment | None = None,
        rules: Rules = NO_RULES,
    ) -> list[Fill]:
        """Work an order along the volume of the day.

        Parameters
        ----------
        ticker : str
        total_quantity : int or float
            Shares, a multiple of `lot_size`.
        start_time_str, end_time_str : str, optional
            ``"HH:MM"``, exchange time; the session's open and close if absent.
        volume_profile_days : int
            Earlier sessions whose volume makes the curve.
        slice_interval_seconds : float
            Time between children; in replay it is rounded up to whole bars.
        side : Side or str
            ``"BUY"`` or ``"SELL"``.
        lot_size : int or float
            Shares in a lot.
        max_participation : float, optional
            Our largest fraction of a bar's volume.
        rules : Rules
            Limit price, sizes of children, what becomes of what is left.
        start : datetime, pandas.Timestamp, str or int, optional
            Start of the window, in place of `start_time_str`.

        Returns
        -------
        list of Fill
            In time order.

        Raises
        ------
        UsageError
            A quantity or window that cannot be worked.
        NotEnoughHistoryError
            Fewer than `volume_profile_days` earlier sessions with data.
        """
        algorithm = VWAP(profile_days=volume_profile_days, slice_interval_seconds=slice_interval_seconds)
        window = Window(start=start if start is not None else start_time_str, end=end_time_str)
        order = self.order(ticker, total_quantity, side=side, lot_size=lot_size, max_participation=max_participation, rules=rules)
        return await self.work(algorithm, order, window)


class DynamicVWAPExecutor(OrderExecutor):
    """Runs `DynamicVWAP` against a broker."""

    async def execute(  # noqa: PLR0913 - an order's terms
        self,
        ticker: str,
        total_quantity: float,
        profile_days: int = 20,
        slice_interval_seconds: float = 60,
        *,
        bin_minutes: float = 15,
        catch_up: float = 0.0,
        departure: float = 0.1,
        off_after: float = 0.8,
        **options: Unpack[OrderOptions],
    ) -> list[Fill]:
        """Work an order along the volume that is forecast at each decision; parameters of `DynamicVWAP`, options `OrderOptions`.

        Raises
        ------
        UsageError
            A quantity, window or parameter that cannot be worked, or a broker that gives no volumes by bar.
        NotEnoughHistoryError
            Fewer than `profile_days` earlier sessions with data.
        """
        algorithm = DynamicVWAP(
            profile_days=profile_days,
            slice_interval_seconds=slice_interval_seconds,
            bin_minutes=bin_minutes,
            catch_up=catch_up,
            departure=departure,
            off_after=off_after,
        )
        return await self.work_order(algorithm, ticker, total_quantity, **options)


class POVExecutor(OrderExecutor):
    """Runs `POV` against a broker."""

    async def execute(
        self,
        ticker: str,
        total_quantity: float,
        rate: float = 0.1,
        inclusive: bool = True,
        slice_interval_seconds: float = 60,
        **options: Unpack[OrderOptions],
    ) -> list[Fill]:
        """Work an order at a rate of the volume that trades; parameters of `POV`, options `OrderOptions`.

        Raises
        ------
        UsageError
            A rate, quantity or window that cannot be worked.
        """
        algorithm = POV(rate=rate, inclusive=inclusive, slice_interval_seconds=slice_interval_seconds)
        return await self.work_order(algorithm, ticker, total_quantity, **options)


class ImplementationShortfallExecutor(OrderExecutor):
    """Runs `ImplementationShortfall` against a broker."""

    async def execute(  # noqa: PLR0913 - an order's terms
        self,
        ticker: str,
        total_quantity: float,
        half_life_seconds: float | None = None,
        slice_interval_seconds: float = 60,
        *,
        risk_aversion: float | None = None,
        volatility: float | None = None,
        temporary_impact: float | None = None,
        day_seconds: float = REGULAR_SESSION,
        **options: Unpack[OrderOptions],
    ) -> list[Fill]:
        """Work an order along the trajectory of Almgren and Chriss; parameters of `ImplementationShortfall`, options `OrderOptions`.

        Raises
        ------
        UsageError
            A parameter, quantity or window that cannot be worked.
        """
        algorithm = ImplementationShortfall(
            slice_interval_seconds=slice_interval_seconds, half_life_seconds=half_life_seconds, risk_aversion=risk_aversion,
            volatility=volatility, temporary_impact=temporary_impact, day_seconds=day_seconds,
        )  # fmt: skip
        return await self.work_order(algorithm, ticker, total_quantity, **options)


class ArrivalPriceExecutor(OrderExecutor):
    """Runs `ArrivalPrice` against a broker."""

    async def execute(
        self,
        ticker: str,
        total_quantity: float,
        urgency: float = URGENCY,
        slice_interval_seconds: float = 60,
        **options: Unpack[OrderOptions],
    ) -> list[Fill]:
        """Work an order fast at first, then slower; parameters of `ArrivalPrice`, options `OrderOptions`.

        Raises
        ------
        UsageError
            A parameter, quantity or window that cannot be worked.
        """
        algorithm = ArrivalPrice(urgency=urgency, slice_interval_seconds=slice_interval_seconds)
        return await self.work_order(algorithm, ticker, total_quantity, **options)


class TargetCloseExecutor(OrderExecutor):
    """Runs `TargetClose` against a broker."""

    async def execute(
        self,
        ticker: str,
        total_quantity: float,
        half_life_seconds: float = HALF_LIFE,
        auction_fraction: float = AUCTION,
        auction_seconds: float = 0.0,
        slice_interval_seconds: float = 60,
        **options: Unpack[OrderOptions],
    ) -> list[Fill]:
        """Work an order slowly at first, faster towards the close, with a part for the auction.

        Parameters of `TargetClose`, options `OrderOptions`.

        Raises
        ------
        UsageError
            A parameter, quantity or window that cannot be worked.
        """
        algorithm = TargetClose(
            slice_interval_seconds=slice_interval_seconds, half_life_seconds=half_life_seconds,
            auction_fraction=auction_fraction, auction_seconds=auction_seconds,
        )  # fmt: skip
        return await self.work_order(algorithm, ticker, total_quantity, **options)


class ObizhaevaWangExecutor(OrderExecutor):
    """Runs `ObizhaevaWang` against a broker."""

    async def execute(
        self,
        ticker: str,
        total_quantity: float,
        resilience: float | None = None,
        recovery_seconds: float | None = None,
        slice_interval_seconds: float = 60,
        **options: Unpack[OrderOptions],
    ) -> list[Fill]:
        """Work an order by a block, a constant rate and a block; parameters of `ObizhaevaWang`, options `OrderOptions`.

        Raises
        ------
        UsageError
            A parameter, quantity or window that cannot be worked.
        """
        algorithm = ObizhaevaWang(resilience=resilience, recovery_seconds=recovery_seconds, slice_interval_seconds=slice_interval_seconds)
        return await self.work_order(algorithm, ticker, total_quantity, **options)


class LiquidityAwareExecutor(OrderExecutor):
    """Runs `LiquidityAware` against a broker."""

    async def execute(
        self,
        ticker: str,
        total_quantity: float,
        fraction: float = 0.1,
        slice_interval_seconds: float = 60,
        **options: Unpack[OrderOptions],
    ) -> list[Fill]:
        """Work an order by a fraction of what stands at the best quotes; parameters of `LiquidityAware`, options `OrderOptions`.

        Raises
        ------
        UsageError
            A fraction, quantity or window that cannot be worked.
        """
        algorithm = LiquidityAware(fraction=fraction, slice_interval_seconds=slice_interval_seconds)
        return await self.work_order(algorithm, ticker, total_quantity, **options)


class IcebergExecutor(OrderExecutor):
    """Runs `Iceberg` against a broker."""

    async def execute(
        self,
        ticker: str,
        total_quantity: float,
        display: float = 100,
        slice_interval_seconds: float = 60,
        **options: Unpack[OrderOptions],
    ) -> list[Fill]:
        """Work an order at its limit price, a part of it shown at a time; parameters of `Iceberg`, options `OrderOptions`.

        Raises
        ------
        UsageError
            No limit price; a display, quantity or window that cannot be worked.
        """
        algorithm = Iceberg(display=display, slice_interval_seconds=slice_interval_seconds)
        return await self.work_order(algorithm, ticker, total_quantity, **options)


class SniperExecutor(OrderExecutor):
    """Runs `Sniper` against a broker."""

    async def execute(
        self,
        ticker: str,
        total_quantity: float,
        fraction: float = 0.5,
        slice_interval_seconds: float = 60,
        **options: Unpack[OrderOptions],
    ) -> list[Fill]:
        """Work an order by taking what stands at its limit price or better; parameters of `Sniper`, options `OrderOptions`.

        Raises
        ------
        UsageError
            No limit price; a fraction, quantity or window that cannot be worked.
        """
        algorithm = Sniper(fraction=fraction, slice_interval_seconds=slice_interval_seconds)
        return await self.work_order(algorithm, ticker, total_quantity, **options)
