"""TWAP: the same number of shares in every unit of time.

The curve is elapsed time, ``C(t) = (t - start) / (end - start)``; the child of slice k is
``round_lot(C(t_k + d) Q) - filled - working``. It minimises the deviation from the time-weighted
average price of the window and needs no market data.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.executors.algorithm import Algorithm
from exec_algos.executors.base import Moment, OrderExecutor, Window
from exec_algos.executors.curve import Floats, follow_curve
from exec_algos.model import MINUTE, NO_RULES, Decision, Fill, Rules, Seen, Side, Terms
from exec_algos.numeric import check_real


@dataclass(frozen=True, slots=True, kw_only=True)
class TWAP(Algorithm):
    """Time-weighted average price.

    Parameters
    ----------
    slice_interval_seconds : float
        Time between children.

    Examples
    --------
    >>> str(TWAP()), str(TWAP(slice_interval_seconds=300))
    ('twap', 'twap:slice_interval_seconds=300')
    """

    name: ClassVar[str] = "twap"

    @property
    def decide(self) -> Callable[[Terms, Seen, Any], Decision]:
        """Follow the curve."""
        return follow_curve

    def weights(self, profile: Floats) -> Floats:
        """Every bar alike."""
        return np.ones_like(profile)


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
