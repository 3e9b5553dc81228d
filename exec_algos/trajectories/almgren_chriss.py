"""Almgren-Chriss: the trajectory that minimises expected cost plus risk aversion times variance.

The prices are those of a sale, ``S_k = S_{k-1} + sigma sqrt(tau) xi_k + alpha tau - gamma n_k``, and slice k trades at
``S_{k-1} - epsilon sgn(n_k) - eta n_k / tau``. For a purchase turn the sign of the drift; all else is the same.

References
----------
R. Almgren and N. Chriss, "Optimal execution of portfolio transactions", Journal of Risk 3(2), 2000, 5-39.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from exec_algos.checks import Floats, Ints, check_finite, check_not_negative, check_positive, check_slices
from exec_algos.errors import UsageError

# exp(-800) is 0 in double precision: a larger kappa tau holds the same shares, and infinity gives no 0 * inf
AT_ONCE = 800.0
# a smaller kappa tau gives a straight line to the last digit, and its powers would vanish
STRAIGHT = 1e-50
# half of the longest slice in half-lives: above it the risk aversion would leave the range of numbers
SHORTEST = 300.0


class CostEstimate(NamedTuple):
    """Mean and variance of what a trajectory costs against the arrival price.

    Attributes
    ----------
    expected : float
        E in currency; positive = cost.
    variance : float
        V in currency squared.
    """

    expected: float
    variance: float

    @property
    def deviation(self) -> float:
        """Standard deviation ``sqrt(V)`` in currency."""
        return math.sqrt(self.variance)

    def utility(self, risk_aversion: float) -> float:
        """``U = E + lambda V`` in currency (section 2.1); `risk_aversion` in 1/currency, finite."""
        if not math.isfinite(risk_aversion):
            raise UsageError(f"a utility needs a finite risk aversion, got {risk_aversion!r}")
        return self.expected + risk_aversion * self.variance

    def value_at_risk(self, confidence: float = 0.95) -> float:
        """The cost that is not exceeded with probability `confidence`: L-VaR (section 3.2).

        ``E + lambda_v sqrt(V)`` with lambda_v the normal quantile, 1.645 at 0.95; in currency.

        Raises
        ------
        UsageError
            A confidence outside [0.5, 1).
        """
        return self.expected + normal_quantile(confidence) * self.deviation


@dataclass(frozen=True, slots=True, kw_only=True)
class AlmgrenChriss:
    """A sale of `quantity` shares over `horizon` in `slices` equal steps, under linear impact.

    Units: any unit of time, the same in all parameters; the paper's is the day.

    Parameters
    ----------
    quantity : float
        X, shares, > 0.
    horizon : float
        T, time, > 0.
    slices : int
        N >= 1; slice k lasts ``tau = T / N``.
    volatility : float
        sigma, currency per share and square root of time, >= 0. It is absolute: a fraction times the price.
    temporary_impact : float
        eta, (currency per share) per (share per time), > 0, and above ``gamma tau / 2``.
    permanent_impact : float
        gamma, currency per share squared, >= 0.
    half_spread : float
        epsilon, currency per share, >= 0: half the spread plus fees.
    risk_aversion : float
        lambda, 1/currency. 0 is the straight line, `math.inf` trades all in the first slice. Below 0 it seeks risk,
        down to where the cost has no minimum any more.
    drift : float
        alpha, currency per share and time. A positive one makes a sale wait.

    Raises
    ------
    UsageError
        A parameter out of range, ``eta_tilde <= 0``, or a risk aversion so negative that no trajectory is best.

    Examples
    --------
    >>> plan = AlmgrenChriss(quantity=100, horizon=1, slices=4, volatility=1, temporary_impact=1, risk_aversion=4)
    >>> plan.holdings().round(1).tolist()
    [100.0, 59.0, 32.7, 14.5, 0.0]
    """

    quantity: float
    horizon: float
    slices: int
    volatility: float
    temporary_impact: float
    permanent_impact: float = 0.0
    half_spread: float = 0.0
    risk_aversion: float = 0.0
    drift: float = 0.0

    def __post_init__(self) -> None:
        check_positive(quantity=self.quantity, horizon=self.horizon, temporary_impact=self.temporary_impact)
        check_not_negative(volatility=self.volatility, permanent_impact=self.permanent_impact, half_spread=self.half_spread)
        check_slices(self.slices)
        check_finite(drift=self.drift)
        if not self.eta_tilde > 0:
            raise UsageError(
                f"temporary_impact must be above permanent_impact * tau / 2 = {self.permanent_impact * self.interval / 2:g}, "
                f"got {self.temporary_impact!r}: else one large trade costs less than many; use more slices"
            )
        if self.risk_aversion != math.inf:
            check_finite(risk_aversion=self.risk_aversion)
        if self.risk_aversion < 0:
            self._check_minimum()

    def _check_minimum(self) -> None:
        limit = 2 * math.sin(math.pi / (2 * self.slices)) / self.interval
        reach = limit / self.volatility if self.volatility else math.inf
        lowest = -self.eta_tilde * reach * reach
        if not self.risk_aversion > lowest:
            raise UsageError(f"risk_aversion must be above {lowest:g}, got {self.risk_aversion!r}: no trajectory is best below it")

    @property
    def interval(self) -> float:
        """Length of a slice, ``tau = T / N``, in time."""
        return self.horizon / self.slices

    @property
    def eta_tilde(self) -> float:
        """``eta - gamma tau / 2``: temporary impact less the half of the permanent impact that a slice does not feel."""
        return self.temporary_impact - self.permanent_impact * self.interval / 2

    @property
    def kappa_tilde(self) -> float:
        """``sqrt(abs(lambda) sigma^2 / eta_tilde)`` in 1/time (section 2.2)."""
        if not self.volatility:
            return 0.0
        return self.volatility * math.sqrt(abs(self.risk_aversion)) / math.sqrt(self.eta_tilde)

    @property
    def kappa(self) -> float:
        """The rate of the discrete trajectory in 1/time: ``2 (cosh(kappa tau) - 1) / tau^2 = kappa_tilde^2`` (section 2.2).

        For a negative risk aversion kappa is imaginary, and this is its size: ``2 (1 - cos(kappa tau)) / tau^2 = kappa_tilde^2``.
        """
        half = self.kappa_tilde * self.interval / 2
        return 2 / self.interval * (math.asinh(half) if self.risk_aversion >= 0 else math.asin(min(half, 1.0)))

    @property
    def kappa_continuous(self) -> float:
        """``sqrt(abs(lambda) sigma^2 / eta)`` in 1/time, the limit of `kappa` for ever shorter slices; no trajectory here uses it."""
        return self.kappa_tilde * math.sqrt(self.eta_tilde / self.temporary_impact)

    @property
    def half_life(self) -> float:
        """``1 / kappa`` in time: what the paper (section 2.3) calls the half-life, in which holdings fall by the factor e.

        It is infinite at risk aversion 0, and does not depend on the horizon.

        Raises
        ------
        UsageError
            A negative risk aversion: such a trajectory does not decay.
        """
        if self.risk_aversion < 0:
            raise UsageError(f"no half-life at risk_aversion {self.risk_aversion!r}: it needs 0 or more")
        return 1 / self.kappa if self.kappa else math.inf

    @property
    def static_holding(self) -> float:
        """``alpha / (2 lambda sigma^2)`` in shares: what the drift makes it worth to hold for ever (section 4.1).

        Raises
        ------
        UsageError
            Drift without risk to weigh it against.
        """
        if not self.drift:
            return 0.0
        if not (self.risk_aversion and self.volatility):
            raise UsageError("no static holding: it needs a risk_aversion and a volatility other than 0")
        return self.drift / (2 * self.risk_aversion * self.volatility**2)

    def with_half_life(self, half_life: float) -> AlmgrenChriss:
        """The same order with the risk aversion that gives this half-life.

        ``lambda = eta_tilde / sigma^2 (2 sinh(tau / (2 half_life)) / tau)^2``, section 2.3 solved for lambda.

        Parameters
        ----------
        half_life : float
            ``1 / kappa`` in time, > 0; infinite is the straight line. It is the time in which a long order is half done,
            over log(2).

        Raises
        ------
        UsageError
            A half-life that is not positive, or no volatility.
        """
        if not half_life > 0 or not self.volatility:
            raise UsageError(f"a half-life must be positive, and needs a volatility above 0; got {half_life!r} and {self.volatility!r}")
        half = self.interval / (2 * half_life)
        if half > SHORTEST:
            raise UsageError(f"half_life {half_life!r} is too short for slices of {self.interval!r}: use risk_aversion=math.inf")
        ratio = 2 * math.sinh(half) / self.interval / self.volatility
        return replace(self, risk_aversion=self.eta_tilde * ratio**2)

    def holdings(self) -> Floats:
        """Shares left to sell at the start and after each slice.

        ``x_k = X sinh(kappa (T - t_k)) / sinh(kappa T) + d_k`` (section 2.2), with ``d_k = [1 - (sinh(kappa (T - t_k)) +
        sinh(kappa t_k)) / sinh(kappa T)] alpha / (2 lambda sigma^2)`` for the drift (section 4.1); sin for sinh where kappa is
        imaginary, and the limit where it is 0. Where the trades change sign it is the best trajectory without the spread.

        Returns
        -------
        ndarray of float64, shape (slices + 1,)
            ``x_0 = X`` and ``x_N = 0`` exactly.
        """
        left = np.arange(self.slices, -1, -1)
        ratio = _sinh_ratio if self.risk_aversion >= 0 else _sin_ratio
        x: Floats = self.quantity * ratio(self._step, left)
        return x + _drift_shift(self) if self.drift else x

    @property
    def _step(self) -> float:
        """Kappa tau, kept to where it makes a difference."""
        step = min(self.kappa * self.interval, AT_ONCE)
        return step if step > STRAIGHT else 0.0

    def trades(self) -> Floats:
        """Shares to sell in each slice, ``n_k = x_{k-1} - x_k``: ndarray of float64, shape (slices,)."""
        trades: Floats = -np.diff(self.holdings())
        return trades

    def cost(self, holdings: Floats | Sequence[float] | None = None) -> CostEstimate:
        """Mean and variance of the cost of the best trajectory, or of any other.

        ``E = gamma X^2 / 2 + epsilon sum(abs(n_k)) + eta_tilde / tau sum(n_k^2) - alpha tau sum(x_k)`` and
        ``V = sigma^2 tau sum(x_k^2)``, sums over k = 1 .. N (section 1.5, and 4.1 for the drift).

        Parameters
        ----------
        holdings : array of float64, shape (slices + 1,), optional
            From X to 0; the best ones if absent.

        Raises
        ------
        UsageError
            Holdings of another length, or that do not go from X to 0.
        """
        x = self.holdings() if holdings is None else np.asarray(holdings, dtype=np.float64)
        if x.shape != (self.slices + 1,) or not math.isclose(x[0], self.quantity) or x[-1] != 0:
            raise UsageError(f"holdings must be {self.slices + 1} numbers from {self.quantity} to 0, got {holdings!r}")
        n, tau = np.diff(x), self.interval
        impact = self.permanent_impact * self.quantity**2 / 2 + self.eta_tilde / tau * float(n @ n)
        expected = impact + self.half_spread * float(np.abs(n).sum()) - self.drift * tau * float(x[1:].sum())
        return CostEstimate(expected, self.volatility**2 * tau * float(x[1:] @ x[1:]))


def closed_form_cost(plan: AlmgrenChriss) -> CostEstimate:
    """The paper's closed forms of E and V of the best trajectory, without sums over slices (section 2.2; 1.5 for lambda 0).

    ``E = gamma X^2 / 2 + epsilon X + eta_tilde X^2 tanh(kappa tau / 2) [tau sinh(2 kappa T) + 2 T sinh(kappa tau)]
    / [2 tau^2 sinh(kappa T)^2]`` and ``V = sigma^2 X^2 / 2 [tau sinh(kappa T) cosh(kappa (T - tau)) - T sinh(kappa tau)]
    / [sinh(kappa T)^2 sinh(kappa tau)]``; at lambda 0 ``E = gamma X^2 / 2 + epsilon X + eta_tilde X^2 / T`` and
    ``V = sigma^2 X^2 T (1 - 1/N) (1 - 1/(2N)) / 3``. `AlmgrenChriss.cost` says the same.

    Raises
    ------
    UsageError
        A drift or a negative risk aversion, for which the paper has no closed form.
    """
    if plan.drift or plan.risk_aversion < 0:
        raise UsageError(
            f"the closed forms need drift 0 and risk_aversion >= 0, got {plan.drift!r} and {plan.risk_aversion!r}: use plan.cost()"
        )
    impact, risk = _exponential(plan) if plan._step else _straight_line(plan)
    X = plan.quantity
    fixed = plan.permanent_impact * X**2 / 2 + plan.half_spread * X
    return CostEstimate(fixed + plan.eta_tilde * X**2 * impact, plan.volatility**2 * X**2 * risk)


def drift_gain(plan: AlmgrenChriss) -> float:
    """What waiting for the drift brings in, ``alpha tau sum(d_k)`` in currency (section 4.1).

    ``= alpha x_bar T [1 - tau tanh(kappa T / 2) / (T tanh(kappa tau / 2))]`` with x_bar the static holding. The utility
    ``E + lambda V`` falls by half of it against the trajectory that ignores the drift: the other half pays impact and risk.
    """
    return plan.drift * plan.interval * float(_drift_shift(plan).sum())


def normal_quantile(confidence: float) -> float:
    """lambda_v of the paper: how many standard deviations `confidence`, in [0.5, 1), is above the mean."""
    if not 0.5 <= confidence < 1:
        raise UsageError(f"confidence must be at least 0.5 and below 1, got {confidence!r}")
    from scipy.special import ndtri

    return float(ndtri(confidence))


def _sinh_ratio(step: float, left: Ints) -> Floats:
    """``sinh(step left) / sinh(step left[0])`` without overflow, and ``left / left[0]`` at step 0."""
    total = left[0]
    if not step:
        return np.asarray(left / total)
    ratio: Floats = np.exp(-step * (total - left)) * np.expm1(-2 * step * left) / np.expm1(-2 * step * total)
    return ratio


def _sin_ratio(step: float, left: Ints) -> Floats:
    ratio: Floats = np.sin(step * left) / np.sin(step * left[0]) if step else left / left[0]
    return ratio


def _drift_shift(plan: AlmgrenChriss) -> Floats:
    """The d_k of `AlmgrenChriss.holdings`, as ``alpha tau^2 / (4 eta_tilde)`` times a product that neither overflows nor cancels."""
    done, step = np.arange(plan.slices + 1), plan._step
    scale = plan.drift * plan.interval**2 / (4 * plan.eta_tilde)
    if not step:  # the limit: a parabola
        return np.asarray(scale * done * done[::-1])
    if plan.risk_aversion > 0:
        rise, end = np.expm1(-step * done) / math.sinh(step / 2), 2 * (1 + math.exp(-step * plan.slices))
    else:
        rise, end = np.sin(step * done / 2) / math.sin(step / 2), math.cos(step * plan.slices / 2)
    return np.asarray(scale * rise * rise[::-1] / end)


def _straight_line(plan: AlmgrenChriss) -> tuple[float, float]:
    T, N = plan.horizon, plan.slices
    return 1 / T, T * (1 - 1 / N) * (1 - 1 / (2 * N)) / 3


def _exponential(plan: AlmgrenChriss) -> tuple[float, float]:
    """The closed forms over ``eta_tilde X^2`` and ``sigma^2 X^2``, each hyperbolic function in terms of exp(-z)."""
    T, tau, N, z = plan.horizon, plan.interval, plan.slices, plan._step
    q, q2, Q2 = math.exp(-z), math.exp(-2 * z), math.exp(-2 * z * N)
    p2, P2 = -math.expm1(-2 * z), -math.expm1(-2 * z * N)  # 1 - q2, 1 - Q2
    impact = -math.expm1(-z) / (1 + q) / P2 * (tau * (1 + Q2) + 2 * T * p2 / P2 * math.exp(-z * (2 * N - 1))) / tau**2
    risk = _slow_risk(plan) if z * (2 * N - 1) < 1 else tau * (q2 + Q2) / (P2 * p2) - 2 * T * Q2 / P2**2
    return impact, risk


def _slow_risk(plan: AlmgrenChriss) -> float:
    """The same V, as ``tau [sinh(m z) - m sinh(z)] / [4 sinh(N z)^2 sinh(z)]`` with m = 2N - 1 by its power series, where that cancels."""
    N, z = plan.slices, plan._step
    m = 2.0 * N - 1
    excess: float = sum((m ** (2 * j + 1) - m) * z ** (2 * j - 2) / math.factorial(2 * j + 1) for j in range(1, 10))
    return plan.interval * excess / (4 * (math.sinh(N * z) / z) ** 2 * (math.sinh(z) / z))
