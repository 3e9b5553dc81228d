"""Dynamic VWAP: the volume curve is forecast anew at each decision, from what the day has traded so far.

With f_j the volume expected now of bar j, the part of what is left that slice k takes is ``a_k = sum_{slice} f / sum_{rest} f``,
so the curve goes on by ``C_k = C_{k-1} + a_k (1 - C_{k-1})``: Chen, Feng and Palomar (2016), SSRN 3101695, equation 41, with their
model (`exec_algos.forecast`). Equation 41 lets go of what the market traded ahead of the plan. With `catch_up` the curve follows
the expected part of the window's volume, ``E_k = (traded + sum_{slice} f) / (traded + sum_{rest} f)``, never falling: Busseti and Boyd
(2015), arXiv 1509.08503, without regard for the spread. Where prices are a martingale that is what minimises the expected
squared deviation from the interval VWAP, at the price of larger children after bursts of volume.

Two guards, after Satish, Saxena and Palmer (2014), J. Trading 9(3):15: the curve stays within `departure` of that of `VWAP`, and once
`off_after` of the volume that the day is expected to have is traded, what is left follows the shape of that curve.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from exec_algos.algorithms.base import Algorithm
from exec_algos.algorithms.curve import cumulative_curve, follow_curve
from exec_algos.algorithms.dynamic_curve import DynamicCurve
from exec_algos.algorithms.guide import FRACTION, POSITIVE, Guide, Parameter
from exec_algos.checks import Floats, check_profile_days, check_whole
from exec_algos.errors import UsageError
from exec_algos.model import MINUTE, Decision, Seen, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicVWAP(Algorithm):
    """Volume-weighted average price along a curve that is forecast anew at each decision.

    Parameters
    ----------
    slice_interval_seconds : float
        Time between children.
    profile_days : int
        Earlier sessions with data that the model is fitted to, >= 2; once for each order. They are also the historical curve.
    bin_minutes : float
        Length of the bins of the model, rounded down to whole bars but at least one; 15 as in the paper. Shorter bins tell sooner what
        the day is like and are noisier: a single large print moves them, and thin names leave them empty.
    catch_up : float
        c in [0, 1]: ``C_k`` is ``1 - c`` parts equation 41 and c parts ``E_k``.
    departure : float
        How far the curve may lie from the historical one, as a fraction of the order, in [0, 1]; 0 is `VWAP`.
    off_after : float
        Fraction of the day's expected volume after which forecasts are no longer asked, in [0, 1]; 1 is never.

    Raises
    ------
    UsageError
        A parameter out of range.

    Examples
    --------
    >>> str(DynamicVWAP(profile_days=40))
    'dynamic_vwap:profile_days=40'
    """

    profile_days: int = 20
    bin_minutes: float = 15.0
    catch_up: float = 0.0
    departure: float = 0.1
    off_after: float = 0.8

    name: ClassVar[str] = "dynamic_vwap"
    sample: ClassVar[str] = "dynamic_vwap:profile_days=2,bin_minutes=150,catch_up=0.5,departure=0.4"
    guide: ClassVar[Guide] = Guide(
        "a curve, forecast anew at each decision",
        "the expected squared deviation from the interval VWAP, given what the day has traded so far",
        "judged by VWAP, on days unlike the last ones",
        "Chen, Feng & Palomar 2016, SSRN 3101695; guards: Satish, Saxena & Palmer 2014, J. Trading 9(3):15",
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "profile_days": Parameter(
            "sessions",
            ">= 2",
            "earlier sessions that the model is fitted to",
            (1, 0, -5),
            "profile_days must be at least 2, got {}; 20 or more make a useful model",
        ),
        "bin_minutes": Parameter("min", "> 0", "length of the model's bins", (0, -15, math.nan, math.inf), POSITIVE),
        "catch_up": Parameter(
            "fraction", "[0, 1]", "from equation 41 (0) to the expected part of the window's volume (1)", (-0.1, 1.1, math.nan), FRACTION
        ),
        "departure": Parameter(
            "fraction of the order", "[0, 1]", "how far it may leave the curve of `vwap`", (-0.1, 1.1, math.nan), FRACTION
        ),
        "off_after": Parameter(
            "fraction of the day's volume", "[0, 1]", "from there on it keeps to the shape of `vwap`", (-0.1, 1.1, math.nan), FRACTION
        ),
    }
    forecasts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super(DynamicVWAP, self).__post_init__()
        check_whole(profile_days=self.profile_days)
        if self.profile_days < 2:
            raise UsageError(f"profile_days must be at least 2, got {self.profile_days}; 20 or more make a useful model")
        check_profile_days(self.profile_days)
        if not 0 < self.bin_minutes < np.inf:
            raise UsageError(f"bin_minutes must be positive and finite, got {self.bin_minutes!r}")
        for name in ("catch_up", "departure", "off_after"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} is a fraction in [0, 1], got {getattr(self, name)!r}; 10 % is 0.1")

    @property
    def decide(self) -> Callable[[Terms, Seen, Any], Decision]:
        """Follow the curve as it stands."""
        return follow_curve

    @property
    def history_days(self) -> int:
        """Sessions that the model needs."""
        return self.profile_days

    def weights(self, profile: Floats) -> Floats:
        """The historical curve's: the profile itself."""
        return profile

    def dynamic_curve(self, history: Sequence[Floats], first: int, last: int, step: int) -> DynamicCurve:
        """Fit the model; see `Algorithm.dynamic_curve`.

        Raises
        ------
        UsageError
            Nothing traded in the window in the earlier sessions.
        """
        from exec_algos.forecast.session import SessionForecast
        from exec_algos.market.profile import mean_profile

        usual = mean_profile(history, len(history[0]))[first:last]
        if not usual.sum() > 0:
            raise UsageError("nothing traded in the order's window in the earlier sessions; use TWAP, or another window")
        width = max(int(self.bin_minutes * MINUTE) // step, 1)
        per_slice = self.interval_on(step) // step
        edges = [*range(first, last, per_slice), last]
        return _Course(SessionForecast.of(history, width), cumulative_curve(usual, per_slice).tolist(), edges, self)


class _Course:
    """The curve so far; see `DynamicCurve`. What it keeps is what it has worked out already."""

    def __init__(self, forecast: Any, usual: list[float], edges: list[int], algorithm: DynamicVWAP) -> None:
        self._forecast, self._usual, self._edges = forecast, usual, edges
        self._catch_up, self._departure, self._off_after = algorithm.catch_up, algorithm.departure, algorithm.off_after
        self._made: list[float] = []
        self._complete, self._ahead = -1, np.zeros(0)

    def scheduled(self, k: int, volumes: Floats) -> float:
        for j in range(len(self._made), k + 1):
            self._made.append(self._next(j, volumes[: self._edges[j]]))
        return self._made[k]

    def _next(self, k: int, seen: Floats) -> float:
        usual, done = self._usual[k], self._made[-1] if k else 0.0
        if k == len(self._usual) - 1:
            return 1.0
        before = self._usual[k - 1] if k else 0.0
        begin, end, ahead = self._edges[k], self._edges[k + 1], self._expected(seen)
        traded, left = float(seen.sum()), float(ahead[begin : self._edges[-1]].sum())
        if left > 0 and traded < self._off_after * (traded + float(ahead[begin:].sum())):
            taken, inside = float(ahead[begin:end].sum()), float(seen[self._edges[0] :].sum())
            curve = done + taken / left * (1.0 - done)
            curve += self._catch_up * ((inside + taken) / (inside + left) - curve)
        else:
            curve = done + ((usual - before) / (1.0 - before) if before < 1.0 else 1.0) * (1.0 - done)
        return min(max(curve, done, usual - self._departure), usual + self._departure)

    def _expected(self, seen: Floats) -> Floats:
        complete = self._forecast.complete(seen)
        if complete != self._complete:
            self._complete, self._ahead = complete, self._forecast.expected(seen)
        return self._ahead
