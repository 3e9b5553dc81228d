"""Arrival price: front-loaded trading with one knob that has no unit.

The curve is that of Almgren and Chriss, ``C(t) = 1 - sinh(kappa (T - t)) / sinh(kappa T)`` with t and T from the window's start, where
kappa follows from the urgency: after half of the window ``(1 + urgency) / 2`` of the order is done, so
``kappa T = 2 arcosh(1 / (1 - urgency))``. For the risk aversion that belongs to this kappa it minimises mean plus risk aversion times
variance of the cost against the arrival price (R. Almgren and N. Chriss, "Optimal execution of portfolio transactions", Journal of
Risk 3(2), 2000, 5-39, section 2.2); unlike `ImplementationShortfall` it stretches with the window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

from exec_algos.errors import UsageError
from exec_algos.executors.base import Moment, OrderExecutor, Window
from exec_algos.executors.curve import Floats
from exec_algos.executors.time_curve import TimeCurve, decaying
from exec_algos.model import NO_RULES, Fill, Rules, Side

URGENCY = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalPrice(TimeCurve):
    """Close to the price at which the order began.

    Parameters
    ----------
    slice_interval_seconds : float
        Time between children.
    urgency : float
        From 0, which is TWAP, to below 1: ``(1 + urgency) / 2`` of the order is done after half of the window.

    Raises
    ------
    UsageError
        A parameter out of range.

    Examples
    --------
    >>> str(ArrivalPrice(urgency=0.6))
    'arrival_price:urgency=0.6'
    """

    urgency: float = URGENCY

    name: ClassVar[str] = "arrival_price"

    def __post_init__(self) -> None:
        super(ArrivalPrice, self).__post_init__()
        if not isinstance(self.urgency, Real) or not 0 <= self.urgency < 1:
            raise UsageError(f"urgency must be at least 0 and below 1, got {self.urgency!r}: 0.6 has 80 % done after half of the window")

    def done(self, slices: int, seconds: float) -> Floats:
        """The curve of Almgren and Chriss for ``kappa T = 2 arcosh(1 / (1 - urgency))``."""
        return decaying(2 * math.acosh(1 / (1 - self.urgency)) / slices, slices)


class ArrivalPriceExecutor(OrderExecutor):
    """Runs `ArrivalPrice` against a broker."""

    async def execute(  # noqa: PLR0913 - an order's terms
        self,
        ticker: str,
        total_quantity: float,
        urgency: float = URGENCY,
        slice_interval_seconds: float = 60,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        side: Side | str = Side.BUY,
        lot_size: float = 1,
        max_participation: float | None = None,
        rules: Rules = NO_RULES,
    ) -> list[Fill]:
        """Work an order fast at first, then slower.

        Parameters
        ----------
        ticker : str
        total_quantity : int or float
            Shares, a multiple of `lot_size`.
        urgency : float
            In [0, 1): ``(1 + urgency) / 2`` of the order is done after half of the window.
        slice_interval_seconds : float
            Time between children; in replay it is rounded up to whole bars.
        start, end : datetime, pandas.Timestamp, str or int, optional
            The window; now and the session's close if absent. ``"HH:MM"`` is a time of the current session.
        side : Side or str
        lot_size : int or float
            Shares in a lot.
        max_participation : float, optional
            Our largest fraction of a bar's volume.
        rules : Rules
            Limit price, sizes of children, residual policy.

        Returns
        -------
        list of Fill
            In time order.

        Raises
        ------
        UsageError
            A parameter, quantity or window that cannot be worked.
        """
        algorithm = ArrivalPrice(urgency=urgency, slice_interval_seconds=slice_interval_seconds)
        order = self.order(ticker, total_quantity, side=side, lot_size=lot_size, max_participation=max_participation, rules=rules)
        return await self.work(algorithm, order, Window(start=start, end=end))
