"""Sniper: wait, and take when the price is there ("I would").

At each decision: if the quote on the paying side (the ask for a buy, the bid for a sell) is at `Rules.limit_price` or better, the
child is ``floor(f S / lot)`` lots at that limit, f the fraction, S the shares at that quote, never more than is left; else there is
none. It pays no more than a price that need not come, and may end with nothing done: the residual policy says what then. It is the
far end of what Kissell & Malamut 2006, "Algorithmic decision-making framework", J. Trading 1(1):12, call the adaptation tactic: how
trading follows the price. In replay the quote is that of the bar that has just closed; without one there is no child, and without any
it is refused (`exec_algos.market.depth`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from exec_algos.algorithms.base import Algorithm
from exec_algos.algorithms.guide import Guide, Parameter
from exec_algos.algorithms.liquidity_aware import lots_up_to
from exec_algos.checks import Floats
from exec_algos.errors import UsageError
from exec_algos.model import Decision, Seen, Terms


def take_at_limit(terms: Terms, seen: Seen, params: Any) -> Decision:
    """Take a fraction of the quote on the paying side where that is at the limit or better."""
    price = seen.ask if terms.side > 0 else seen.bid
    size = seen.ask_size if terms.side > 0 else seen.bid_size
    left = terms.lots - seen.filled - seen.working
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
    sample: ClassVar[str] = "sniper"
    guide: ClassVar[Guide] = Guide(
        "the quote, against a limit price",
        "nothing: it takes what is offered at the limit or better",
        '"I would" at a price that need not come',
        "Kissell & Malamut 2006, J. Trading 1(1):12",
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "fraction": Parameter(
            "fraction of the quote",
            "(0, 1]",
            "what is taken at once",
            (0, -0.1, 1.1, math.nan),
            "fraction is a part of the size at the quote in (0, 1], got {}; 50 % is 0.5",
        ),
    }
    watches: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ("bid", "ask", "bid_size", "ask_size")
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
