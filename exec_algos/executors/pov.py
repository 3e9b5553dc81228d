"""POV, participation of volume: as much as the market trades, times a rate.

The child of slice k is ``floor(a V_k / lot) - filled - working`` lots, V_k the shares that others have traded since the window began,
in bars that are complete. The rate r counts our shares in, ``a = r / (1 - r)``, so that we are r of all that trades; or leaves them
out, ``a = r``, so that we trade r for each share of the others. It keeps pace with the volume there is, whatever any forecast says,
and leaves open when it ends. Kissell 2013, The Science of Algorithmic Trading and Portfolio Management, has both measures: trading
rate a and POV ``a / (1 + a)``. A tape that is replayed holds none of our prints; a live broker's `observe` takes them off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.executors.algorithm import Algorithm
from exec_algos.executors.base import Moment, OrderExecutor, Window
from exec_algos.executors.curve import NAN, Floats
from exec_algos.executors.liquidity_aware import lots_up_to
from exec_algos.model import NO_RULES, Decision, Fill, Rules, Seen, Side, Terms


def follow_volume(terms: Terms, seen: Seen, params: Any) -> Decision:
    """Release at market what is missing to the rate: floor(a V / lot) - filled - working, never negative."""
    missing = lots_up_to(terms.quantity, params[0] * seen.volume / terms.lot_size) - seen.filled - seen.working
    return Decision(missing if missing > 0 else 0, NAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class POV(Algorithm):
    """Participation of volume.

    Parameters
    ----------
    slice_interval_seconds : float
        Time between decisions.
    rate : float
        Participation, in (0, 1).
    inclusive : bool
        Whether `rate` is our fraction of all that trades, ourselves included, or of what the others trade; 1 or 0 in the text form.

    Notes
    -----
    The bounds of a child, in shares, are `Rules.min_child` and `Rules.max_child`.

    Examples
    --------
    >>> str(POV(rate=0.2)), str(POV(rate=0.2, inclusive=False))
    ('pov:rate=0.2', 'pov:rate=0.2,inclusive=0')
    """

    rate: float = 0.1
    inclusive: bool = True

    name: ClassVar[str] = "pov"
    watches: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super(POV, self).__post_init__()
        if not 0 < self.rate < 1:
            raise UsageError(f"rate is a fraction of the volume between 0 and 1, got {self.rate!r}; 10 % is 0.1")
        if self.inclusive not in (0, 1):
            raise UsageError(f"inclusive is True or False (1 or 0 in the text form), got {self.inclusive!r}")
        object.__setattr__(self, "inclusive", bool(self.inclusive))

    @property
    def trading_rate(self) -> float:
        """Our shares for each share of the others: ``r / (1 - r)``, or r."""
        return self.rate / (1.0 - self.rate) if self.inclusive else float(self.rate)

    @property
    def decide(self) -> Callable[[Terms, Seen, Any], Decision]:
        """Follow the volume."""
        return follow_volume

    def weights(self, profile: Floats) -> Floats:
        """Every bar alike: the volume decides, not a curve."""
        return np.ones_like(profile)

    def params(self) -> tuple[float]:
        """The trading rate."""
        return (self.trading_rate,)


class POVExecutor(OrderExecutor):
    """Runs `POV` against a broker."""

    async def execute(  # noqa: PLR0913 - an order's terms
        self,
        ticker: str,
        total_quantity: float,
        rate: float = 0.1,
        inclusive: bool = True,
        slice_interval_seconds: float = 60,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        side: Side | str = Side.BUY,
        lot_size: float = 1,
        max_participation: float | None = None,
        rules: Rules = NO_RULES,
    ) -> list[Fill]:
        """Work an order at a rate of the volume that trades.

        Parameters
        ----------
        ticker : str
        total_quantity : int or float
            Shares, a multiple of `lot_size`.
        rate : float
            Participation, in (0, 1).
        inclusive : bool
            Whether `rate` is our fraction of all that trades, ourselves included, or of what the others trade.
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
            Limit price, sizes of children, residual policy.

        Returns
        -------
        list of Fill
            In time order.

        Raises
        ------
        UsageError
            A rate, quantity or window that cannot be worked.
        """
        algorithm = POV(rate=rate, inclusive=inclusive, slice_interval_seconds=slice_interval_seconds)
        order = self.order(ticker, total_quantity, side=side, lot_size=lot_size, max_participation=max_participation, rules=rules)
        return await self.work(algorithm, order, Window(start=start, end=end))
