"""Iceberg: a limit order of which only the tip is shown, and shown again when it has traded.

The order goes out in tips of D shares at `Rules.limit_price`. The child of slice k is what is left of the tip of its time,
``D - (filled mod D) - working``, never more than is left of the order: the tip is shown again, whole, at the first decision after it
has traded. It hides the size of the order behind the size of its tip and pays no spread where the market comes to it, at the price
of waiting. Frey & Sandas 2009, "The impact of iceberg orders in limit order books" (SSRN 1108485), measure both on Xetra. The queue at
the limit is not modelled: the fill model's touch or through says when a resting tip trades.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from exec_algos.algorithms.base import Algorithm
from exec_algos.algorithms.guide import Guide, Parameter
from exec_algos.checks import Floats
from exec_algos.errors import UsageError
from exec_algos.model import Decision, Rules, Seen, Terms
from exec_algos.model.lots import HALF


def show_the_tip(terms: Terms, seen: Seen, params: Any) -> Decision:
    """Show at the limit what is left of the present tip."""
    tip = int(params[0] / terms.lot_size + HALF)
    shown = tip - seen.filled % tip - seen.working
    left = terms.lots - seen.filled - seen.working
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
    sample: ClassVar[str] = "iceberg:display=20"
    guide: ClassVar[Guide] = Guide(
        "its own fills, at a limit price",
        "nothing: it hides the size and pays no spread",
        "patient, at a price",
        "Frey & Sandas 2009, SSRN 1108485",
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "display": Parameter(
            "shares",
            "> 0, whole lots",
            "what is shown",
            (0, -100, math.nan, math.inf),
            "display is what an iceberg shows, a positive number of shares, got {}; say display=100",
        ),
    }
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
