"""Implementation shortfall: the trajectory of Almgren and Chriss, early trades for less risk, at the price of more impact.

The curve is ``C(t_k) = 1 - sinh(kappa (T - t_k)) / sinh(kappa T)`` at the end of slice k; the child of slice k is
``round_lot(C(t_k) Q) - filled - working``. It minimises ``E + lambda V``, mean and variance of the cost against the arrival price,
with ``kappa = 2 / tau asinh(kappa_tilde tau / 2)``, ``kappa_tilde^2 = lambda sigma^2 / eta``, and tau the length of a slice
(R. Almgren and N. Chriss, "Optimal execution of portfolio transactions", Journal of Risk 3(2), 2000, 5-39, section 2.2,
without permanent impact). The size of the order makes no difference to it, nor does the market while it is worked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from exec_algos.algorithms.guide import POSITIVE, Guide, Parameter
from exec_algos.algorithms.time_curve import TimeCurve, decaying
from exec_algos.checks import Floats, check_not_negative, check_positive
from exec_algos.costs import SquareRootImpact
from exec_algos.errors import UsageError

HALF_LIFE = 1800.0
REGULAR_SESSION = 23_400.0


def linear_impact(impact: SquareRootImpact, *, price: float, daily_volume: float, participation: float = 0.1) -> float:
    """The linear temporary impact that costs as much as a fill model's square-root impact at one participation.

    ``eta = coefficient price / (daily_volume sqrt(participation))``: at the rate ``participation daily_volume`` both laws move the
    price by ``coefficient price sqrt(participation)``. Slower trading looks cheaper than it is, faster trading dearer.

    Parameters
    ----------
    impact : SquareRootImpact
        That of the fill model.
    price : float
        Currency per share, > 0.
    daily_volume : float
        Shares a day, > 0.
    participation : float
        Where the two agree: our fraction of the volume, in (0, 1].

    Returns
    -------
    float
        eta, (currency per share) per (share per day): the `temporary_impact` of `ImplementationShortfall` and of
        `exec_algos.trajectories.AlmgrenChriss`.

    Raises
    ------
    UsageError
        An argument out of range, or an impact of 0, under which no trajectory is best but to trade all at once.

    Examples
    --------
    >>> f"{linear_impact(SquareRootImpact(0.001), price=50, daily_volume=5e6, participation=0.04):.1e}"
    '5.0e-08'
    """
    check_positive(price=price, daily_volume=daily_volume, participation=participation)
    if participation > 1:
        raise UsageError(f"participation is a fraction in (0, 1], got {participation!r}; 10 % is 0.1")
    if not impact.coefficient:
        raise UsageError(f"{impact} costs nothing, so all is best traded at once: give an impact above 0, or half_life_seconds")
    return impact.coefficient * price / (daily_volume * math.sqrt(participation))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImplementationShortfall(TimeCurve):
    """Least expected cost plus risk aversion times variance, against the arrival price.

    How fast it trades is said in one of two ways: by `half_life_seconds`, or by `risk_aversion` with `volatility` and
    `temporary_impact`. Without either its half-life is half an hour.

    Parameters
    ----------
    slice_interval_seconds : float
        Time between children.
    half_life_seconds : float, optional
        ``1 / kappa``, > 0: the time in which what is left of a long order falls by the factor e (section 2.3).
    risk_aversion : float, optional
        lambda, 1/currency, >= 0; 0 is TWAP.
    volatility : float, optional
        sigma, currency per share and square root of a day, >= 0: a fraction of the price times the price.
    temporary_impact : float, optional
        eta, (currency per share) per (share per day), > 0: see `linear_impact`.
    day_seconds : float
        How long the day is in which volatility and impact are told: 23,400 s, the 390 minutes of New York and Seoul.

    Raises
    ------
    UsageError
        A parameter out of range, both ways at once, or the second one in part.

    Examples
    --------
    >>> str(ImplementationShortfall(half_life_seconds=900))
    'implementation_shortfall:half_life_seconds=900'
    """

    half_life_seconds: float | None = None
    risk_aversion: float | None = None
    volatility: float | None = None
    temporary_impact: float | None = None
    day_seconds: float = REGULAR_SESSION

    name: ClassVar[str] = "implementation_shortfall"
    sample: ClassVar[str] = "implementation_shortfall:half_life_seconds=3600"
    guide: ClassVar[Guide] = Guide(
        "a curve: fast at first",
        "expected cost + risk aversion x variance, against the arrival price",
        "a price that may run away, with estimates of risk and impact",
        "Almgren & Chriss 2000, J. Risk 3(2):5",
    )
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "half_life_seconds": Parameter(
            "s",
            "> 0",
            "time in which what is left falls by the factor e; 1,800 s where nothing is said",
            (0, -1, math.nan, math.inf),
            POSITIVE,
        ),
        "risk_aversion": Parameter(
            "1/currency",
            ">= 0",
            "lambda; with the next two, in place of the half-life",
            (1,),
            "say how fast in one way: half_life_seconds alone, or risk_aversion, volatility",
        ),
        "volatility": Parameter(
            "currency/share per square root of a day", ">= 0", "sigma", (1,), "and temporary_impact together; got None and None, {}"
        ),
        "temporary_impact": Parameter(
            "currency/share per share/day",
            "> 0",
            "eta; `linear_impact` finds it from a fill model's",
            (1,),
            "and temporary_impact together; got None and None, None, {}",
        ),
        "day_seconds": Parameter("s", "> 0", "length of the day of both", (0, -1, math.nan, math.inf), POSITIVE),
    }

    def __post_init__(self) -> None:
        super(ImplementationShortfall, self).__post_init__()
        check_positive(day_seconds=self.day_seconds)
        said = [value is not None for value in (self.risk_aversion, self.volatility, self.temporary_impact)]
        if any(said) and (self.half_life_seconds is not None or not all(said)):
            raise UsageError(
                "say how fast in one way: half_life_seconds alone, or risk_aversion, volatility and temporary_impact together; got "
                f"{self.half_life_seconds!r} and {self.risk_aversion!r}, {self.volatility!r}, {self.temporary_impact!r}"
            )
        if self.half_life_seconds is not None:
            check_positive(half_life_seconds=self.half_life_seconds)
        if self.risk_aversion is not None and self.volatility is not None and self.temporary_impact is not None:
            check_not_negative(risk_aversion=self.risk_aversion, volatility=self.volatility)
            check_positive(temporary_impact=self.temporary_impact)

    def step(self, seconds: float) -> float:
        """``kappa tau``, what the curve depends on, for slices of `seconds`; it has no unit.

        ``seconds / half_life_seconds``, or ``2 asinh(kappa_tilde tau / 2)`` with ``kappa_tilde = sigma sqrt(lambda / eta)``.
        """
        if self.risk_aversion is None or self.volatility is None or self.temporary_impact is None:
            return seconds / (HALF_LIFE if self.half_life_seconds is None else self.half_life_seconds)
        kappa_tilde = self.volatility * math.sqrt(self.risk_aversion) / math.sqrt(self.temporary_impact)
        return 2 * math.asinh(kappa_tilde * (seconds / self.day_seconds) / 2)

    def done(self, slices: int, seconds: float) -> Floats:
        """``1 - x_k / X`` of the paper's holdings."""
        return decaying(self.step(seconds), slices)
