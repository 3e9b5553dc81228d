"""I-Star: an impact law of a whole order that needs no schedule."""

from __future__ import annotations

import math
from dataclasses import dataclass

from exec_algos.checks import Floats
from exec_algos.errors import UsageError

DAYS = 250  # of a year, as the formulas count them


@dataclass(frozen=True, slots=True)
class IStar:
    """The I-Star model: what an order costs at once, and what of it is paid at a rate of trading.

    ``I = a1 (Q / ADV)^a2 sigma^a3``, ``MI = b1 I POV^a4 + (1 - b1) I``, ``TR = sigma sqrt(Q / ADV (1 - POV) / (3 * 250 POV)) 1e4``, all
    in bps, sigma annual. At POV = 1 MI is I and TR is 0.

    Parameters
    ----------
    a1, a2, a3, a4, b1 : float
        Fitted to an own history of orders. There are no published values to take; the book bounds the fit to a1 in [100, 1000],
        a2, a3 and a4 in [0.1, 1] and b1 in [0.7, 1].

    Raises
    ------
    UsageError
        A parameter outside these bounds.

    References
    ----------
    R. Kissell, "The Science of Algorithmic Trading and Portfolio Management", 2013; R. Kissell and R. Malamut, "Algorithmic
    decision-making framework", J. Trading 1(1), 2006, 12.

    Examples
    --------
    >>> round(IStar(a1=708, a2=0.55, a3=0.71, a4=0.5, b1=0.98).instantaneous(0.1, 0.25), 4)
    74.5711
    """

    a1: float
    a2: float
    a3: float
    a4: float
    b1: float

    def __post_init__(self) -> None:
        bounds = {"a1": (100, 1000), "a2": (0.1, 1), "a3": (0.1, 1), "a4": (0.1, 1), "b1": (0.7, 1)}
        for name, (low, high) in bounds.items():
            if not low <= getattr(self, name) <= high:
                raise UsageError(f"{name} must lie in [{low}, {high}], got {getattr(self, name)!r}")

    def instantaneous(self, size: float, volatility: float) -> float:
        """I in bps: the cost of `size` (Q / ADV, >= 0) at once; `volatility` annual, a fraction, >= 0."""
        _at_least_0(size=size, volatility=volatility)
        return float(self.a1 * size**self.a2 * volatility**self.a3)

    def market_impact(self, size: float, volatility: float, participation: float) -> float:
        """MI in bps at `participation` (POV, the order's share of all volume, in (0, 1])."""
        _rate(participation)
        return self.instantaneous(size, volatility) * float(self.b1 * participation**self.a4 + 1 - self.b1)

    def timing_risk(self, size: float, volatility: float, participation: float) -> float:
        """TR in bps: standard deviation of the cost while the order works."""
        _at_least_0(size=size, volatility=volatility)
        _rate(participation)
        return volatility * math.sqrt(size * (1 - participation) / (3 * DAYS * participation)) * 1e4

    def expected_cost(self, trades: Floats, volumes: Floats, duration: float, volatility: float) -> float:
        """MI as `exec_algos.tca.pretrade.ImpactCost` asks for it: a fraction of the price.

        ADV is ``sum(volumes) / duration``, POV ``sum(trades) / sum(volumes)`` and the annual volatility ``volatility * sqrt(250)``.

        Raises
        ------
        UsageError
            More shares than the window's volume.
        """
        participation = float(trades.sum() / volumes.sum())
        return 1e-4 * self.market_impact(participation * duration, volatility * math.sqrt(DAYS), participation)


def _rate(participation: float) -> None:
    if not 0 < participation <= 1:
        raise UsageError(f"participation must lie in (0, 1], got {participation!r}: it is the order's share of all volume")


def _at_least_0(**named: float) -> None:
    for name, value in named.items():
        if not (math.isfinite(value) and value >= 0):
            raise UsageError(f"{name} must be a number >= 0, got {value!r}")
