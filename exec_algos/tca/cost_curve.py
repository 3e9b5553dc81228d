"""Cost against size: a concave curve through the slippage of parent orders, with errors that allow for days, or why there is none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.stats.clustered import Keys, sample, student
from exec_algos.tca.buckets import percent_of_adv
from exec_algos.tca.clusters import clusters_of
from exec_algos.tca.twins import BUYS_ONLY
from exec_algos.textform import numbered

if TYPE_CHECKING:
    import pandas as pd

Form = Literal["sqrt", "power"]
FORMS = ("sqrt", "power")
POWERS = (0.05, 1.0)  # concave; what ends at a bound is not identified
SPREAD = {"sqrt": 1.5, "power": 4.0}  # largest size over smallest, below which a curve is a point


class CostCurve(NamedTuple):
    """``cost = a + b x^power`` in bps with x in % of ADV.

    Attributes
    ----------
    form : {"sqrt", "power"}
        The power is 1/2, or fitted in [0.05, 1].
    a, b, power : float
        NaN where they are not identified.
    a_error, b_error, power_error : float
        Standard errors, clustered by day; `power_error` is 0 for ``"sqrt"``.
    covariance : ndarray of float64, shape (2, 2) or (3, 3)
        Of ``a, b`` and the fitted power.
    n, clusters, left_out : int
        Orders in the fit, days, and orders without a size or a cost.
    smallest, largest : float
        Sizes in the fit, % of ADV; the curve says nothing beyond them.
    reason : str
        Why the curve is not identified; empty where it is.
    note : str
        What to be careful with, and where one of each pair of twins was taken; empty where nothing.
    """

    form: str
    a: float
    b: float
    power: float
    a_error: float
    b_error: float
    power_error: float
    covariance: Floats
    n: int
    clusters: int
    left_out: int
    smallest: float
    largest: float
    reason: str = ""
    note: str = ""

    def at(self, size: npt.ArrayLike) -> Floats:
        """Expected cost in bps of a size in % of ADV, ndarray of float64, the shape of `size`."""
        return self.a + self.b * np.asarray(size, dtype=np.float64) ** self.power

    def error_at(self, size: npt.ArrayLike) -> Floats:
        """Standard error of `at`, by the delta method: ``sqrt(g' V g)`` with g the derivatives by ``a, b`` and the power."""
        x = np.asarray(size, dtype=np.float64)
        slopes = _slopes(x.ravel(), self.b, self.power)[:, : len(self.covariance)]
        found: Floats = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", slopes, self.covariance, slopes), 0.0)).reshape(x.shape)
        return found

    def band(self, size: npt.ArrayLike, confidence: float = 0.95) -> tuple[Floats, Floats]:
        """Interval of `at` from Student's t with ``clusters - 1`` degrees of freedom."""
        reach = student(self.clusters - 1, 0.5 + confidence / 2) * self.error_at(size)
        return self.at(size) - reach, self.at(size) + reach


def fit_cost(size: npt.ArrayLike, cost: npt.ArrayLike, days: Keys, form: Form = "sqrt") -> CostCurve:
    """Least squares of ``cost = a + b x^power``, each order with the same weight.

    Errors are ``c (J'J)^-1 (sum_g J_g' u_g u_g' J_g) (J'J)^-1`` with J the derivatives by the parameters, u the residuals of day g and
    ``c = G / (G - 1) (n - 1) / (n - k)`` (Cameron and Miller 2015, J. Human Resources 50:317, section II).

    Parameters
    ----------
    size : array_like, shape (n,)
        % of ADV, above 0; NaN where not known.
    cost : array_like, shape (n,)
        bps, positive = cost; NaN where not known.
    days : array, shape (n,)
        The cluster of each order.
    form : {"sqrt", "power"}

    Returns
    -------
    CostCurve
        With a `reason` and NaN in place of numbers where sizes, orders or days do not say what the curve is: fewer than two (three)
        different sizes, sizes too close to each other, fewer days than parameters and one, a power at its bound, or one of a slope that
        cannot be told from 0.

    Raises
    ------
    UnknownNameError
        Another form.
    UsageError
        Columns of other lengths, or an infinite value.

    Notes
    -----
    The square root is the usual law of impact (Toth et al. 2011, Phys. Rev. X 1:021006; Almgren et al. 2005, Risk 18(7): power 0.6).
    A simulation gives back the impact that its fill model was given: without one the curve shows the drift of its days and no more.

    Examples
    --------
    >>> size = [1.0, 4.0, 9.0, 16.0] * 3
    >>> days = ["a"] * 4 + ["b"] * 4 + ["c"] * 4
    >>> curve = fit_cost(size, [2 + 3 * x**0.5 for x in size], days)
    >>> round(curve.a, 9), round(curve.b, 9)
    (2.0, 3.0)
    """
    if form not in FORMS:
        raise UnknownNameError("form of a cost curve", form, FORMS)
    x = np.asarray(size, dtype=np.float64)
    sized = np.where(np.isfinite(x) & (x > 0), np.asarray(cost, dtype=np.float64), np.nan)
    known = sample(sized, None, days)
    chosen, left_out, groups = x[~np.isnan(sized)], known.left_out, known.groups()
    low, high = (float(chosen.min()), float(chosen.max())) if len(chosen) else (math.nan, math.nan)
    reason = _unfit(chosen, groups, form)
    if reason:
        return _nothing(form, (len(chosen), groups, left_out, low, high), reason)
    power = 0.5 if form == "sqrt" else _best_power(chosen, known.values)
    a, b = _line(chosen**power, known.values)
    slopes = _slopes(chosen, b, power)[:, : 2 if form == "sqrt" else 3]
    covariance = _clustered(slopes, known.values - a - b * chosen**power, known.codes[0], groups)
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    made = CostCurve(
        form, a, b, power, float(errors[0]), float(errors[1]), float(errors[2]) if form == "power" else 0.0, covariance,
        len(chosen), groups, left_out, low, high,
    )  # fmt: skip
    reason = _unidentified(made) if form == "power" else ""
    if reason:
        return _nothing(form, (len(chosen), groups, left_out, low, high), reason)
    return made._replace(note=_careful(made))


def cost_curve(rows: pd.DataFrame, column: str, form: Form = "sqrt", *, twins: bool = False) -> CostCurve:
    """`fit_cost` of rows of a study's ``parents`` that are one algorithm's; where each order has a twin, of the buys, and ``note`` says so.

    Raises
    ------
    UnknownNameError
        Another form.
    UsageError
        The rows hold no ADV.
    """
    if "adv" not in rows.columns:
        raise UsageError("a cost curve needs the column 'adv', which this study was made without; run it again with this version")
    own = rows[rows["side"] == "BUY"] if twins else rows
    found = fit_cost(percent_of_adv(own), own[column].to_numpy(dtype=np.float64), clusters_of(own), form)
    return found._replace(note="; ".join(filter(None, [found.note, BUYS_ONLY]))) if twins else found


def _unfit(x: Floats, groups: int, form: Form) -> str:
    """Why these sizes and days cannot carry a curve."""
    needed = 2 if form == "sqrt" else 3
    kinds = len(np.unique(np.round(np.log(x), 2))) if len(x) else 0  # sizes within 1 % are rounding
    if not len(x):
        return "no order has both a size and a cost"
    if kinds < needed:
        return f"{numbered(len(x), 'order')} of {numbered(kinds, 'size')}; {needed} different ones are needed: a grid of several sizes"
    if x.max() / x.min() < SPREAD[form]:
        return f"sizes from {x.min():.3g} to {x.max():.3g} % of ADV are too close; the largest must be {SPREAD[form]:g} times the smallest"
    if groups < needed + 1:
        return f"{numbered(groups, 'day')}; {needed + 1} are needed for the errors of {needed} parameters"
    return ""


def _unidentified(curve: CostCurve) -> str:
    """Why a fitted power means nothing."""
    if not math.isfinite(curve.power_error) or curve.b == 0:
        return "the cost does not change with the size, so it has no power"
    if min(curve.power - POWERS[0], POWERS[1] - curve.power) < 1e-3:
        return f"the power ends at its bound {curve.power:.2g}: the costs do not bend as a concave curve does; take form='sqrt'"
    if abs(curve.b) < student(curve.clusters - 1, 0.975) * curve.b_error:
        return (
            f"a, b and the power cannot be told apart in these orders: b = {curve.b:.3g} with standard error {curve.b_error:.3g} at power "
            f"{curve.power:.2f}; take form='sqrt', or more and more different sizes"
        )
    return ""


def _careful(curve: CostCurve) -> str:
    if curve.b < 0:
        return "b is below 0: larger orders cost less here, which is no impact"
    if abs(curve.b) < student(curve.clusters - 1, 0.975) * curve.b_error:
        return "b cannot be told from 0: the cost of size is not seen in these orders"
    return ""


def _nothing(form: str, facts: tuple[int, int, int, float, float], reason: str) -> CostCurve:
    nan, k = math.nan, 2 if form == "sqrt" else 3
    return CostCurve(form, nan, nan, nan, nan, nan, nan, np.full((k, k), nan), *facts, reason)


def _line(z: Floats, y: Floats) -> tuple[float, float]:
    """Intercept and slope of least squares."""
    middle = z - z.mean()
    b = float(middle @ y / (middle @ middle))
    return float(y.mean() - b * z.mean()), b


def _best_power(x: Floats, y: Floats) -> float:
    """The power whose line leaves the least squares: first on a grid, so that no local minimum is taken, then exactly."""
    from scipy.optimize import minimize_scalar

    def left(power: float) -> float:
        a, b = _line(x**power, y)
        return float(((y - a - b * x**power) ** 2).sum())

    grid = np.linspace(*POWERS, 39)
    best = int(np.argmin([left(exponent) for exponent in grid]))
    bounds = (float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)]))
    return float(minimize_scalar(left, bounds=bounds, method="bounded", options={"xatol": 1e-8}).x)


def _slopes(x: Floats, b: float, power: float) -> Floats:
    """Derivatives by a, b and the power, shape (n, 3)."""
    return np.column_stack([np.ones(len(x)), x**power, b * x**power * np.log(x)])


def _clustered(slopes: Floats, residuals: Floats, codes: npt.NDArray[np.int64], groups: int) -> Floats:
    n, k = slopes.shape
    scores = np.zeros((groups, k))
    np.add.at(scores, codes, slopes * residuals[:, None])
    inverse = np.linalg.pinv(slopes.T @ slopes)
    factor = groups / (groups - 1) * (n - 1) / max(n - k, 1)
    covariance: Floats = factor * inverse @ (scores.T @ scores) @ inverse
    return covariance
