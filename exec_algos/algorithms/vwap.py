"""VWAP: shares in proportion to the volume that earlier sessions had at the same time of day.

The curve is ``C(t) = V(start, t) / V(start, end)`` with V the mean volume of the last N sessions, each
bar at its own minute from the open (Konishi 2002, J. Financial Markets 5:197, for independent volume
and price). It minimises the expected squared deviation from the interval VWAP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from exec_algos.algorithms.base import Algorithm
from exec_algos.algorithms.curve import follow_curve
from exec_algos.algorithms.guide import Guide, Parameter
from exec_algos.checks import Floats, check_profile_days
from exec_algos.model import Decision, Seen, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class VWAP(Algorithm):
    """Volume-weighted average price.

    Parameters
    ----------
    slice_interval_seconds : float
        Time between children.
    profile_days : int
        Earlier sessions with data whose volume makes the curve, >= 1.

    Examples
    --------
    >>> str(VWAP(profile_days=20))
    'vwap:profile_days=20'
    """

    profile_days: int = 5

    name: ClassVar[str] = "vwap"
    sample: ClassVar[str] = "vwap:profile_days=1"
    guide: ClassVar[Guide] = Guide(
        "a curve: the volume of earlier sessions",
        "the expected squared deviation from the interval VWAP",
        "a large order over hours, judged by VWAP",
        "Konishi 2002, J. Financial Markets 5:197",
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "profile_days": Parameter(
            "sessions", ">= 1", "earlier sessions whose mean volume is the curve", (0, -1), "profile_days must be at least 1, got {}"
        ),
    }

    @property
    def decide(self) -> Callable[[Terms, Seen, Any], Decision]:
        """Follow the curve."""
        return follow_curve

    def __post_init__(self) -> None:
        super(VWAP, self).__post_init__()
        check_profile_days(self.profile_days)

    @property
    def history_days(self) -> int:
        """Sessions that the profile needs."""
        return self.profile_days

    def weights(self, profile: Floats) -> Floats:
        """The profile itself."""
        return profile
