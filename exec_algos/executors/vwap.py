"""VWAP: shares in proportion to the volume that earlier sessions had at the same time of day.

The curve is ``C(t) = V(start, t) / V(start, end)`` with V the mean volume of the last N sessions, each
bar at its own minute from the open (Konishi 2002, J. Financial Markets 5:197, for independent volume
and price). It minimises the expected squared deviation from the interval VWAP.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from exec_algos.errors import UsageError
from exec_algos.executors.algorithm import Algorithm
from exec_algos.executors.base import Moment, OrderExecutor, Window
from exec_algos.executors.curve import Floats, follow_curve
from exec_algos.model import NO_RULES, Decision, Fill, Rules, Seen, Side, Terms
from exec_algos.numeric import check_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class VWAP(Algorithm):
    """Volume-weighted average price.

    Parameters
    ----------
    slice_interval_seconds : float
        Time between children.
    profile_days : int
        Earlier sessions with data whose volume makes the curve, >= 1.

    Examples
    --------
    >>> str(VWAP(profile_days=20))
    'vwap:profile_days=20'
    """

    profile_days: int = 5

    name: ClassVar[str] = "vwap"

    @property
    def decide(self) -> Callable[[Terms, Seen, Any], Decision]:
        """Follow the curve."""
        return follow_curve

    def __post_init__(self) -> None:
        super(VWAP, self).__post_init__()
        check_whole(profile_days=self.profile_days)
        if self.profile_days < 1:
            raise UsageError(f"profile_days must be at least 1, got {self.profile_days}")

    @property
    def history_days(self) -> int:
        """Sessions that the profile needs."""
        return self.profile_days

    def weights(self, profile: Floats) -> Floats:
        """The profile itself."""
        return profile


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
