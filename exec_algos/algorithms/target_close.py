"""Target close: towards the closing auction, the trajectory of Almgren and Chriss turned round in time.

The benchmark is the close, so that risk is what was traded too early: with y_k the shares done by the end of slice k the cost against the
last price has ``E = eta / tau sum((y_k - y_{k-1})^2)`` and ``V = sigma^2 tau sum(y_k^2)``. With time turned round these are those of
R. Almgren and N. Chriss, "Optimal execution of portfolio transactions", Journal of Risk 3(2), 2000, 5-39, section 2.2, and
``E + lambda V`` is least for ``y_k = Y sinh(kappa t_k) / sinh(kappa T)``.

With a fraction f for the auction ``Y = (1 - f) Q`` is done before the auction begins, and the window's last slice carries ``f Q``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

import numpy as np

from exec_algos.algorithms.guide import FRACTION, POSITIVE, Guide, Parameter
from exec_algos.algorithms.time_curve import TimeCurve, decaying
from exec_algos.checks import Floats, check_not_negative, check_positive
from exec_algos.errors import UsageError

HALF_LIFE = 1800.0
AUCTION = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetClose(TimeCurve):
    """Close to the closing price.

    The window's end is taken for the close. An order whose window ends before has the same curve up to there, with the auction's
    part in the window's last slice, and nothing waits for the auction: end the window at the close, or keep what is left for the auction
    by ``Rules(residual="close_auction")``.

    Parameters
    ----------
    slice_interval_seconds : float
        Time between children. The auction's child is that of the last slice: of one bar, if it is to meet the session's last bar alone.
    half_life_seconds : float
        ``1 / kappa``, > 0: the time in which what is done of a long order grows by the factor e. For a risk aversion it is
        `exec_algos.trajectories.AlmgrenChriss.half_life`.
    auction_fraction : float
        f, in [0, 1]: what the last slice carries. 1 sends all of it there; 0 keeps nothing for it.
    auction_seconds : float
        How long before the window's end continuous trading stops, >= 0: 600 in Seoul (15:20 to 15:30), 0 where it goes on to the close.
        Nothing new is scheduled meanwhile; what is missing then joins the auction's part.

    Raises
    ------
    UsageError
        A parameter out of range.

    Examples
    --------
    >>> str(TargetClose(auction_fraction=0.3, auction_seconds=600))
    'target_close:auction_fraction=0.3,auction_seconds=600'
    """

    half_life_seconds: float = HALF_LIFE
    auction_fraction: float = AUCTION
    auction_seconds: float = 0.0

    name: ClassVar[str] = "target_close"
    sample: ClassVar[str] = "target_close:half_life_seconds=3600,auction_fraction=0.3"
    guide: ClassVar[Guide] = Guide(
        "the curve of `implementation_shortfall`, turned round in time",
        "expected cost + risk aversion x variance, against the close",
        "index and fund orders, judged by the close",
        "Almgren & Chriss 2000, J. Risk 3(2):5, time reversed",
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "half_life_seconds": Parameter(
            "s", "> 0", "time in which what is done grows by the factor e", (0, -1, math.nan, math.inf), POSITIVE
        ),
        "auction_fraction": Parameter("fraction of the order", "[0, 1]", "what the last slice carries", (-0.1, 1.1, math.nan), FRACTION),
        "auction_seconds": Parameter(
            "s",
            ">= 0",
            "how long before the end continuous trading stops; 600 in Seoul",
            (-1, math.nan, math.inf),
            "auction_seconds must be at least 0 and finite, got {}",
        ),
    }

    def __post_init__(self) -> None:
        super(TargetClose, self).__post_init__()
        check_positive(half_life_seconds=self.half_life_seconds)
        check_not_negative(auction_seconds=self.auction_seconds)
        if not isinstance(self.auction_fraction, Real) or not 0 <= self.auction_fraction <= 1:
            raise UsageError(f"auction_fraction is a fraction in [0, 1], got {self.auction_fraction!r}; 10 % is 0.1")

    def done(self, slices: int, seconds: float) -> Floats:
        """The mirror of the Almgren-Chriss curve before the auction, flat in it, and all at its end."""
        if slices == 1:
            return np.ones(1)
        auction = max(math.ceil(self.auction_seconds / seconds), 1 if self.auction_fraction else 0)
        before = max(slices - auction, 0)
        curve = np.full(slices, 1.0 - self.auction_fraction if before else 0.0)
        if before:
            left = 1 - decaying(seconds / self.half_life_seconds, before)  # at the ends of its slices, 0 at last
            curve[:before] *= np.append(left[-2::-1], 1.0)
        curve[-1] = 1.0
        return curve
