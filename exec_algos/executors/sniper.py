"""Sniper: wait, and take when the price is there ("I would").

At each decision: if the quote on the paying side (the ask for a buy, the bid for a sell) is at `Rules.limit_price` or better, the
child is ``floor(f S / lot)`` lots at that limit, f the fraction, S the shares at that quote, never more than is left; else there is
none. It pays no more than a price that need not come, and may end with nothing done: the residual policy says what then. It is the
far end of what Kissell & Malamut 2006, "Algorithmic decision-making framework", J. Trading 1(1):12, call the adaptation tactic: how
trading follows the price. In replay the quote is that of the bar that has just closed; where there is none it is that bar's close,
with half its volume (`exec_algos.market.depth`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.executors.algorithm import Algorithm
from exec_algos.executors.base import Moment, OrderExecutor, Window
from exec_algos.executors.curve import Floats
from exec_algos.executors.liquidity_aware import lots_up_to
from exec_algos.model import NO_RULES, Decision, Fill, Rules, Seen, Side, Terms


def take_at_limit(terms: Terms, seen: Seen, params: Any) -> Decision:
    """Take a fraction of the quote on the paying side where that is at the limit or better."""
    price = seen.ask if terms.side > 0 else seen.bid
    size = seen.ask_size if terms.side > 0 else seen.bid_size
    left = terms.quantity - seen.filled - seen.working
    child = lots_up_to(left, params[0] * size / terms.lot_size)
    return Decision(child if (price - terms.limit) * terms.side <= 0 else 0, terms.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sniper(Algorithm):
    """Nothing, until the price is at the limit; then a fraction of what stands there.

    Parameters
    ----------
    slice_interval_seconds : float
        Time between decisions.
    fraction : float
        Of the size at the quote that is taken, in (0, 1].

    Notes
    -----
    It needs `Rules.limit_price`.

    Examples
    --------
    >>> str(Sniper(fraction=0.25))
    'sniper:fraction=0.25'
    """

    fraction: float = 0.5

    name: ClassVar[str] = "sniper"
    watches: ClassVar[bool] = True
    needs_limit: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super(Sniper, self).__post_init__()
        if not 0 < self.fraction <= 1:
            raise UsageError(f"fraction is a part of the size at the quote in (0, 1], got {self.fraction!r}; 50 % is 0.5")

    @property
    def decide(self) -> Callable[[Terms, Seen, Any], Decision]:
        """Take at the limit."""
        return take_at_limit

    def weights(self, profile: Floats) -> Floats:
        """Every bar alike: the price decides, not a curve."""
        return np.ones_like(profile)

    def params(self) -> tuple[float]:
        """The fraction."""
        return (float(self.fraction),)


class SniperExecutor(OrderExecutor):
    """Runs `Sniper` against a broker."""

    async def execute(  # noqa: PLR0913 - an order's terms
        self,
        ticker: str,
        total_quantity: float,
        fraction: float = 0.5,
        slice_interval_seconds: float = 60,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        side: Side | str = Side.BUY,
        lot_size: float = 1,
        max_participation: float | None = None,
        rules: Rules = NO_RULES,
    ) -> list[Fill]:
        """Work an order by taking what stands at its limit price or better.

        Parameters
        ----------
        ticker : str
        total_quantity : int or float
            Shares, a multiple of `lot_size`.
        fraction : float
            Of the size at the quote that is taken, in (0, 1].
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
            No limit price; a fraction, quantity or window that cannot be worked.
        """
        algorithm = Sniper(fraction=fraction, slice_interval_seconds=slice_interval_seconds)
        order = self.order(ticker, total_quantity, side=side, lot_size=lot_size, max_participation=max_participation, rules=rules)
        return await self.work(algorithm, order, Window(start=start, end=end))
