"""Iceberg: a limit order of which only the tip is shown, and shown again when it has traded.

The order goes out in tips of D shares at `Rules.limit_price`. The child of slice k is what is left of the tip of its time,
``D - (filled mod D) - working``, never more than is left of the order: the tip is shown again, whole, at the first decision after it
has traded. It hides the size of the order behind the size of its tip and pays no spread where the market comes to it, at the price
of waiting. Frey & Sandas 2009, "The impact of iceberg orders in limit order books" (SSRN 1108485), measure both on Xetra. The queue at
the limit is not modelled: the fill model's touch or through says when a resting tip trades.
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
from exec_algos.executors.curve import Floats
from exec_algos.lots import HALF
from exec_algos.model import NO_RULES, Decision, Fill, Rules, Seen, Side, Terms


def show_the_tip(terms: Terms, seen: Seen, params: Any) -> Decision:
    """Show at the limit what is left of the present tip."""
    tip = int(params[0] / terms.lot_size + HALF)
    shown = tip - seen.filled % tip - seen.working
    left = terms.quantity - seen.filled - seen.working
    shown = shown if shown < left else left
    return Decision(shown if shown > 0 else 0, terms.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Iceberg(Algorithm):
    """A limit order that shows a part of itself.

    Parameters
    ----------
    slice_interval_seconds : float
        Time between decisions: how soon a tip that has traded is shown again.
    display : float
        Shares shown, > 0, a multiple of the order's lot.

    Notes
    -----
    It needs `Rules.limit_price`.

    Examples
    --------
    >>> str(Iceberg(display=500))
    'iceberg:display=500'
    """

    display: float = 100.0

    name: ClassVar[str] = "iceberg"
    needs_limit: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super(Iceberg, self).__post_init__()
        if not 0 < self.display < math.inf:
            raise UsageError(f"display is what an iceberg shows, a positive number of shares, got {self.display!r}; say display=100")

    def check_order(self, rules: Rules, lot_size: float) -> None:
        """Refuse an order without a limit price, and one of whose lots no whole number is shown."""
        super(Iceberg, self).check_order(rules, lot_size)
        lots = self.display / lot_size
        if round(lots) < 1 or abs(lots - round(lots)) > 1e-9 * lots:
            near = max(round(lots), 1) * lot_size
            raise UsageError(f"display {self.display:g} is not a multiple of lot_size {lot_size:g}; show {near:g}")

    @property
    def decide(self) -> Callable[[Terms, Seen, Any], Decision]:
        """Show the tip."""
        return show_the_tip

    def weights(self, profile: Floats) -> Floats:
        """Every bar alike: what is shown does not depend on a curve."""
        return np.ones_like(profile)

    def params(self) -> tuple[float]:
        """The shares shown."""
        return (float(self.display),)


class IcebergExecutor(OrderExecutor):
    """Runs `Iceberg` against a broker."""

    async def execute(  # noqa: PLR0913 - an order's terms
        self,
        ticker: str,
        total_quantity: float,
        display: float = 100,
        slice_interval_seconds: float = 60,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        side: Side | str = Side.BUY,
        lot_size: float = 1,
        max_participation: float | None = None,
        rules: Rules = NO_RULES,
    ) -> list[Fill]:
        """Work an order at its limit price, a part of it shown at a time.

        Parameters
        ----------
        ticker : str
        total_quantity : int or float
            Shares, a multiple of `lot_size`.
        display : float
            Shares shown, a multiple of `lot_size`.
        slice_interval_seconds : float
            Time between children; in replay it is rounded up to whole bars.
        start, end : datetime, pandas.Timestamp, str or int, optional
            The window; now and the session's close if absent. ``"HH:MM"`` is a time of the current session.
        side : Side or str
            ``"BUY"`` or ``"SELL"``.
        lot_size : int or float
            Shares in a lot.
        max_participation : float, optional
            Our largest fraction of a bar's volume.
        rules : Rules
            Limit price (needed), sizes of children, residual policy.

        Returns
        -------
        list of Fill
            In time order.

        Raises
        ------
        UsageError
            No limit price; a display, quantity or window that cannot be worked.
        """
        algorithm = Iceberg(display=display, slice_interval_seconds=slice_interval_seconds)
        order = self.order(ticker, total_quantity, side=side, lot_size=lot_size, max_participation=max_participation, rules=rules)
        return await self.work(algorithm, order, Window(start=start, end=end))
