"""POV, participation of volume: as much as the market trades, times a rate.

The child of slice k is ``floor(a V_k / lot) - filled - working`` lots, V_k the shares that others have traded since the window began,
in bars that are complete. The rate r counts our shares in, ``a = r / (1 - r)``, so that we are r of all that trades; or leaves them
out, ``a = r``, so that we trade r for each share of the others. It keeps pace with the volume there is, whatever any forecast says,
and leaves open when it ends. Kissell 2013, The Science of Algorithmic Trading and Portfolio Management, has both measures: trading
rate a and POV ``a / (1 + a)``. A tape that is replayed holds none of our prints; those on a live one are taken
off (`BrokerAPI.own_prints_on_tape`).
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
from exec_algos.algorithms.liquidity_aware import lots_up_to
from exec_algos.checks import Floats
from exec_algos.errors import UsageError
from exec_algos.model import Decision, Seen, Terms


def follow_volume(terms: Terms, seen: Seen, params: Any) -> Decision:
    """Release at market what is missing to the rate: floor(a V / lot) - filled - working, never negative."""
    missing = lots_up_to(terms.lots, params[0] * seen.volume / terms.lot_size) - seen.filled - seen.working
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
    sample: ClassVar[str] = "pov:rate=0.3"
    guide: ClassVar[Guide] = Guide(
        "the volume there is",
        "nothing: it keeps a share of the volume",
        "no view of the day; the end may stay open",
        "Kissell 2013, The Science of Algorithmic Trading",
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "rate": Parameter(
            "fraction of the volume",
            "(0, 1)",
            "participation",
            (0, 1, -0.1, 10, math.nan, math.inf),
            "rate is a fraction of the volume between 0 and 1, got {}; 10 % is 0.1",
        ),
        "inclusive": Parameter(
            "1 or 0",
            "0, 1",
            "whether the volume counts our own shares in",
            (2, -1, 0.5, math.nan),
            "inclusive is True or False (1 or 0 in the text form), got {}",
        ),
    }
    watches: ClassVar[bool] = True
    follows_volume: ClassVar[bool] = True

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
