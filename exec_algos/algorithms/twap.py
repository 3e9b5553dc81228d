"""TWAP: the same number of shares in every unit of time.

The curve is elapsed time, ``C(t) = (t - start) / (end - start)``; the child of slice k is
``round_lot(C(t_k + d) Q) - filled - working``. It minimises the deviation from the time-weighted
average price of the window and needs no market data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from exec_algos.algorithms.base import Algorithm
from exec_algos.algorithms.curve import follow_curve
from exec_algos.algorithms.guide import Guide
from exec_algos.checks import Floats
from exec_algos.model import Decision, Seen, Terms


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
    sample: ClassVar[str] = "twap"
    guide: ClassVar[Guide] = Guide(
        "a curve: time",
        "the deviation from the time-weighted average price",
        "no volume data; short windows; a control for any other",
        "by definition",
    )

    @property
    def decide(self) -> Callable[[Terms, Seen, Any], Decision]:
        """Follow the curve."""
        return follow_curve

    def weights(self, profile: Floats) -> Floats:
        """Every bar as long as it is."""
        return profile
