"""Obizhaeva-Wang: a block, a constant rate and a block, for a limit order book that recovers from each trade.

A window of n slices of length d trades at the n starts of its slices: ``x_first = x_last = Q / (2 + (n - 2)(1 - a))`` and
``(1 - a) x_first`` at each one between, with ``a = exp(-rho d)``, what is left of a trade's impact at the next. It minimises the expected
cost in a block-shaped book with resilience rho, whatever its depth (A. Obizhaeva and J. Wang, "Optimal trading strategy and
supply/demand dynamics", Journal of Financial Markets 16, 2013, 1-32, proposition 1, in the closed form of A. Alfonsi, A. Fruth and
A. Schied, "Optimal execution strategies in limit order books with general shape functions", Quantitative Finance 10, 2010, 143-157).
An order of one slice is one child.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

import numpy as np

from exec_algos import trajectories
from exec_algos.errors import UsageError
from exec_algos.executors.base import Moment, OrderExecutor, Window
from exec_algos.executors.curve import Floats
from exec_algos.executors.time_curve import TimeCurve
from exec_algos.model import NO_RULES, Fill, Rules, Side
from exec_algos.trajectories.checks import check_positive

RECOVERY = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ObizhaevaWang(TimeCurve):
    """Least expected cost in a book that recovers; it does not weigh risk.

    How fast the book recovers is said by `resilience` or by `recovery_seconds`; without either it is half recovered in five minutes.

    Parameters
    ----------
    slice_interval_seconds : float
        Time between children.
    resilience : float, optional
        rho, 1/second, >= 0. 0 is a book that never recovers: half at the start, half at the end. `math.inf` is TWAP.
    recovery_seconds : float, optional
        The book's half-life, ``log(2) / rho``, > 0.

    Raises
    ------
    UsageError
        A parameter out of range, or both of them.

    Examples
    --------
    >>> str(ObizhaevaWang(recovery_seconds=120))
    'obizhaeva_wang:recovery_seconds=120'
    """

    resilience: float | None = None
    recovery_seconds: float | None = None

    name: ClassVar[str] = "obizhaeva_wang"

    def __post_init__(self) -> None:
        super(ObizhaevaWang, self).__post_init__()
        if self.resilience is not None and self.recovery_seconds is not None:
            raise UsageError(f"give resilience or recovery_seconds, not both; got {self.resilience!r} and {self.recovery_seconds!r}")
        if self.resilience is not None and (not isinstance(self.resilience, Real) or not self.resilience >= 0):
            raise UsageError(f"resilience must be at least 0 per second, got {self.resilience!r}")
        if self.recovery_seconds is not None:
            check_positive(recovery_seconds=self.recovery_seconds)

    @property
    def rate(self) -> float:
        """rho, 1/second."""
        if self.resilience is not None:
            return self.resilience
        return math.log(2) / (RECOVERY if self.recovery_seconds is None else self.recovery_seconds)

    def done(self, slices: int, seconds: float) -> Floats:
        """What the first k + 1 of `slices` trades add up to."""
        if slices == 1:
            return np.ones(1)
        last = slices - 1
        plan = trajectories.ObizhaevaWang(quantity=1, horizon=last * seconds, slices=last, resilience=self.rate, depth=1)
        return trajectories.holdings_curve(plan.holdings())


class ObizhaevaWangExecutor(OrderExecutor):
    """Runs `ObizhaevaWang` against a broker."""

    async def execute(  # noqa: PLR0913 - an order's terms
        self,
        ticker: str,
        total_quantity: float,
        resilience: float | None = None,
        recovery_seconds: float | None = None,
        slice_interval_seconds: float = 60,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        side: Side | str = Side.BUY,
        lot_size: float = 1,
        max_participation: float | None = None,
        rules: Rules = NO_RULES,
    ) -> list[Fill]:
        """Work an order by a block, a constant rate and a block.

        Parameters
        ----------
        ticker : str
        total_quantity : int or float
            Shares, a multiple of `lot_size`.
        resilience, recovery_seconds : float, optional
            Those of `ObizhaevaWang`.
        slice_interval_seconds : float
            Time between children; in replay it is rounded up to whole bars.
        start, end : datetime, pandas.Timestamp, str or int, optional
            The window; now and the session's close if absent. ``"HH:MM"`` is a time of the current session.
        side : Side or str
        lot_size : int or float
            Shares in a lot.
        max_participation : float, optional
            Our largest fraction of a bar's volume. What the first block misses is caught up as fast as it allows.
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
        algorithm = ObizhaevaWang(resilience=resilience, recovery_seconds=recovery_seconds, slice_interval_seconds=slice_interval_seconds)
        order = self.order(ticker, total_quantity, side=side, lot_size=lot_size, max_participation=max_participation, rules=rules)
        return await self.work(algorithm, order, Window(start=start, end=end))
