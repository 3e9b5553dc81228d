"""Obizhaeva-Wang: the trajectory of least expected cost in a limit order book that recovers from each trade.

A purchase meets a book of `depth` shares per unit of price. A trade of x shares moves the price by ``x / q``; the part
``lambda x`` stays, the part ``kappa x`` with ``kappa = 1/q - lambda`` dies away as ``exp(-rho t)``. The best is a block at the start,
a constant rate, and a block at the end. A sale is the same.

References
----------
A. Obizhaeva and J. Wang, "Optimal trading strategy and supply/demand dynamics", Journal of Financial Markets 16, 2013, 1-32.
The closed form of the discrete problem is that of A. Alfonsi, A. Fruth and A. Schied, "Optimal execution strategies in limit
order books with general shape functions", Quantitative Finance 10, 2010, 143-157, for a block-shaped book.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np

from exec_algos.checks import Floats, check_not_negative, check_positive, check_slices
from exec_algos.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class ObizhaevaWang:
    """An order of `quantity` shares over `horizon`, traded at the ``slices + 1`` ends of `slices` equal steps.

    Parameters
    ----------
    quantity : float
        X, shares, > 0.
    horizon : float
        T, time between the first trade and the last, > 0.
    slices : int
        N >= 1; trade n = 0 .. N happens at ``n tau``, ``tau = T / N``. An executor that decides n times trades at the start
        of each of its slices: give it ``slices = n - 1`` and a horizon that ends one slice before its window does.
    resilience : float
        rho, 1/time, >= 0. 0 is a book that never recovers, `math.inf` one that has recovered by the next trade.
    depth : float
        q, shares per unit of price, > 0.
    permanent_impact : float
        lambda, currency per share squared, from 0 to below ``1 / depth``.
    half_spread : float
        s/2, currency per share, >= 0.

    Raises
    ------
    UsageError
        A parameter out of range.

    Examples
    --------
    >>> plan = ObizhaevaWang(quantity=100, horizon=1, slices=4, resilience=2, depth=50)
    >>> plan.trades().round(1).tolist()
    [31.4, 12.4, 12.4, 12.4, 31.4]
    """

    quantity: float
    horizon: float
    slices: int
    resilience: float
    depth: float
    permanent_impact: float = 0.0
    half_spread: float = 0.0

    def __post_init__(self) -> None:
        check_positive(quantity=self.quantity, horizon=self.horizon, depth=self.depth)
        check_not_negative(permanent_impact=self.permanent_impact, half_spread=self.half_spread)
        check_slices(self.slices)
        if not isinstance(self.resilience, Real) or not self.resilience >= 0:
            raise UsageError(f"resilience must be at least 0, got {self.resilience!r}")
        if not self.transient_impact > 0:
            raise UsageError(f"permanent_impact must be below 1 / depth = {1 / self.depth:g}, got {self.permanent_impact!r}")

    @property
    def interval(self) -> float:
        """Time between two trades, ``tau = T / N``."""
        return self.horizon / self.slices

    @property
    def transient_impact(self) -> float:
        """``kappa = 1/q - lambda``, currency per share squared: the part of the impact that dies away."""
        return 1 / self.depth - self.permanent_impact

    def trades(self) -> Floats:
        """Shares to trade at each of the N + 1 instants.

        ``x_0 = x_N = X / (2 + (N - 1)(1 - a))`` and ``x_n = (1 - a) x_0`` between, ``a = exp(-rho tau)``. These are not the
        blocks of the continuous problem, which `block` gives.

        Returns
        -------
        ndarray of float64, shape (slices + 1,)
        """
        recovered = -math.expm1(-self.resilience * self.interval)
        end = self.quantity / (2 + (self.slices - 1) * recovered)
        trades: Floats = np.full(self.slices + 1, recovered * end)
        trades[[0, -1]] = end
        return trades

    def holdings(self) -> Floats:
        """Shares left to trade before the first trade and after each one.

        Returns
        -------
        ndarray of float64, shape (slices + 2,)
            X first, exactly 0 at the end.
        """
        done = np.concatenate([[0.0], np.cumsum(self.trades()[:-1]), [self.quantity]])
        left: Floats = self.quantity - done
        return left

    def cost(self, trades: Floats | Sequence[float] | None = None) -> float:
        """Expected cost of the best trades, or of any others, in currency above ``F_0 X``.

        ``X s/2 + lambda X^2 / 2 + kappa / 2 sum_mn x_m x_n exp(-rho abs(t_m - t_n))``, with the book's state
        carried along.

        Parameters
        ----------
        trades : array of float64, shape (slices + 1,), optional
            They add up to X; the best ones if absent.

        Raises
        ------
        UsageError
            Trades of another number, or with another sum.
        """
        x = self.trades() if trades is None else np.asarray(trades, dtype=np.float64)
        if x.shape != (self.slices + 1,) or not math.isclose(x.sum(), self.quantity):
            raise UsageError(f"trades must be {self.slices + 1} numbers that add up to {self.quantity}, got {trades!r}")
        decay, kappa = math.exp(-self.resilience * self.interval), self.transient_impact
        paid = above = 0.0
        for size in x.tolist():
            paid += size * (above + kappa * size / 2)
            above = (above + kappa * size) * decay
        return self._fixed + paid

    @property
    def _fixed(self) -> float:
        return self.half_spread * self.quantity + self.permanent_impact * self.quantity**2 / 2

    @property
    def block(self) -> float:
        """Continuous trading: shares at once at the start, and again at the end, ``X / (rho T + 2)``."""
        return self.quantity / (self.resilience * self.horizon + 2)

    @property
    def rate(self) -> float:
        """Continuous trading: shares per time between the blocks, ``rho X / (rho T + 2)``; ``X / T`` at infinite resilience."""
        return self.resilience * self.block if math.isfinite(self.resilience) else self.quantity / self.horizon


def discrete_cost(plan: ObizhaevaWang) -> float:
    """Expected cost of the best N + 1 trades, closed form, in currency above ``F_0 X``.

    ``X s/2 + lambda X^2 / 2 + kappa X^2 (1 + a) / (2 (N + 1 - (N - 1) a))``, ``a = exp(-rho tau)``.
    """
    a, N = math.exp(-plan.resilience * plan.interval), plan.slices
    return plan._fixed + plan.transient_impact * plan.quantity**2 * (1 + a) / (2 * (N + 1 - (N - 1) * a))


def continuous_cost(plan: ObizhaevaWang) -> float:
    """Expected cost of the best continuous trading, in currency above ``F_0 X``; below that of any N trades.

    ``X s/2 + lambda X^2 / 2 + kappa X^2 / (rho T + 2)``.
    """
    return plan._fixed + plan.transient_impact * plan.quantity * plan.block


def continuous_holdings(plan: ObizhaevaWang, times: Floats | Sequence[float]) -> Floats:
    """Shares left to trade in continuous trading, after the first block and before the last.

    ``x(t) = X - x_0 - rate t``.

    Parameters
    ----------
    plan : ObizhaevaWang
        Its number of slices is not looked at.
    times : array of float64, shape (n,)
        From 0 to the horizon.

    Raises
    ------
    UsageError
        A time outside the horizon.
    """
    t = np.asarray(times, dtype=np.float64)
    if not np.all((t >= 0) & (t <= plan.horizon)):
        raise UsageError(f"times must lie within 0 and the horizon {plan.horizon}, got {times!r}")
    left: Floats = plan.quantity - plan.block - plan.rate * t
    return left
