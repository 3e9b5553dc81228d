"""Liquidity-aware: no child is larger than a fraction of what stands at the best quotes.

The child of slice k is ``floor(min(f B, f A) / lot)`` lots, f the fraction, B and A the shares at the best bid and ask when it is
decided; it is never more than is left. It bounds what one child asks of the visible book, for the price moves with what is asked over
the depth: Cont, Kukanov & Stoikov 2014, "The price impact of order book events", J. Financial Econometrics 12(1):47, find the slope of
the price in the order flow inverse to the depth. In replay the sizes are the quote columns of the bar that has just closed; where one
is not known there is no child, and a market without any is refused (`exec_algos.market.depth`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from exec_algos.algorithms.base import Algorithm
from exec_algos.algorithms.curve import NAN
from exec_algos.algorithms.guide import Guide, Parameter
from exec_algos.checks import Floats
from exec_algos.errors import UsageError
from exec_algos.model import Decision, Seen, Terms
from exec_algos.model.lots import SLACK


def lots_up_to(most: int, amount: float) -> int:
    """The whole lots that `amount` (in lots) holds, from 0 to `most`; none where it is not known (NaN)."""
    if amount >= most:
        return most if most > 0 else 0
    return int(amount + SLACK) if amount > 0 else 0


def stay_within_depth(terms: Terms, seen: Seen, params: Any) -> Decision:
    """Release at market a fraction of the smaller of the two best quotes."""
    left = terms.lots - seen.filled - seen.working
    bid = lots_up_to(left, params[0] * seen.bid_size / terms.lot_size)
    ask = lots_up_to(left, params[0] * seen.ask_size / terms.lot_size)
    return Decision(bid if bid < ask else ask, NAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidityAware(Algorithm):
    """A fraction of the visible size at each decision.

    Parameters
    ----------
    slice_interval_seconds : float
        Time between decisions.
    fraction : float
        Of the size at the best bid and at the best ask, in (0, 1]; the smaller of the two counts.

    Examples
    --------
    >>> str(LiquidityAware(fraction=0.25))
    'liquidity_aware:fraction=0.25'
    """

    fraction: float = 0.1

    name: ClassVar[str] = "liquidity_aware"
    sample: ClassVar[str] = "liquidity_aware:fraction=0.4"
    guide: ClassVar[Guide] = Guide(
        "the size at the best quotes",
        "nothing: it bounds what one child asks of the visible book",
        "quotes at hand; thin books; as soon as possible, but gently",
        "Cont, Kukanov & Stoikov 2014, J. Financial Econometrics 12(1):47",
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "fraction": Parameter(
            "fraction of the smaller quote",
            "(0, 1]",
            "of a child",
            (0, -0.1, 1.1, math.nan),
            "fraction is a part of the visible size in (0, 1], got {}; 10 % is 0.1",
        ),
    }
    watches: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ("bid_size", "ask_size")

    def __post_init__(self) -> None:
        super(LiquidityAware, self).__post_init__()
        if not 0 < self.fraction <= 1:
            raise UsageError(f"fraction is a part of the visible size in (0, 1], got {self.fraction!r}; 10 % is 0.1")

    @property
    def decide(self) -> Callable[[Terms, Seen, Any], Decision]:
        """Stay within the depth."""
        return stay_within_depth

    def weights(self, profile: Floats) -> Floats:
        """Every bar alike: the depth decides, not a curve."""
        return np.ones_like(profile)

    def params(self) -> tuple[float]:
        """The fraction."""
        return (float(self.fraction),)
