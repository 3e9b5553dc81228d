"""Algorithms whose curve is fixed by time alone: no volume, no price."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from exec_algos.algorithms.base import Algorithm
from exec_algos.algorithms.curve import follow_curve
from exec_algos.checks import Floats
from exec_algos.model import SECOND, Decision, Seen, Terms
from exec_algos.trajectories import AlmgrenChriss, holdings_curve

# exp(-600) is 0 beside 1, and a plan can still be made of it
STEEPEST = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeCurve(Algorithm):
    """An algorithm that follows a curve of equal slices of time.

    The last slice counts as a whole one, even where the window's end cuts it short.
    """

    @property
    def decide(self) -> Callable[[Terms, Seen, Any], Decision]:
        """Follow the curve."""
        return follow_curve

    @abstractmethod
    def done(self, slices: int, seconds: float) -> Floats:
        """The fraction of the order to be done by the end of each slice.

        Parameters
        ----------
        slices : int
            n >= 1.
        seconds : float
            Length of a slice.

        Returns
        -------
        ndarray of float64, shape (slices,)
            Not falling, within [0, 1], the last one exactly 1.
        """

    def curve(self, profile: Floats, step: int) -> Floats:
        """`done`, for slices of whole bars; only the number of bars in `profile` counts."""
        interval = self.interval_on(step)
        return self.done(-(-len(profile) * step // interval), interval / SECOND)

    def weights(self, profile: Floats) -> Floats:
        """What each slice carries where a slice is one bar."""
        return np.diff(self.done(len(profile), self.slice_interval_seconds), prepend=0.0)


def decaying(step: float, slices: int) -> Floats:
    """The curve of Almgren and Chriss, ``1 - sinh(step (n - k)) / sinh(step n)`` at the end of slices k = 1 .. n.

    Parameters
    ----------
    step : float
        ``kappa tau``, >= 0: kappa (1/time) times the length of a slice. 0 is the straight line, infinity trades all in the first slice.
    slices : int
        n >= 1.
    """
    plan = AlmgrenChriss(quantity=1, horizon=slices, slices=slices, volatility=1, temporary_impact=1)
    return holdings_curve(plan.with_half_life(1 / min(step, STEEPEST) if step else math.inf).holdings())
