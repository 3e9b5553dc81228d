"""Fit the volume model by expectation-maximisation, each step in closed form (Algorithm 3).

Chen, Feng and Palomar (2016), SSRN 3101695, section 2.3.2 and appendix A; robust: section 3.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf, sqrt
from typing import NamedTuple

import numpy as np

from exec_algos.checks import Floats
from exec_algos.errors import NotEnoughHistoryError, UnknownNameError, UsageError
from exec_algos.forecast.acceleration import distance, each_alone, in_blocks
from exec_algos.forecast.kalman import Smoothed, VolumeModel, check_table

_LEAST = 1e-12  # of r: volumes that the model tells exactly leave no noise, and the filter divides by S


class Step(NamedTuple):
    """One EM step.

    Attributes
    ----------
    model : VolumeModel
        After it.
    log_likelihood : float
        Of the model before it.
    """

    model: VolumeModel
    log_likelihood: float


@dataclass(frozen=True)
class Fit:
    """A fitted model and how it came about.

    Attributes
    ----------
    model : VolumeModel
    log_likelihood : float
        Of `model`; for a robust one its penalised form.
    iterations : int
        Made: see `fit`.
    converged : bool
        Whether the parameters stood still before the iterations ran out.
    history : tuple of float
        Log-likelihood at the start of each iteration, those of rejected extrapolations left out.
    """

    model: VolumeModel
    log_likelihood: float
    iterations: int
    converged: bool
    history: tuple[float, ...]


def starting_values(log_volumes: Floats) -> VolumeModel:
    """Where the fit of a plain model starts: the defaults of the authors' R package.

    ``a_eta = 1``, ``a_mu = 0``, all variances 1e-4, phi the bins' means less their mean, x0 that mean and 0,
    V0 = (1e-3, 1e-7, 1e-5).

    Parameters
    ----------
    log_volumes : ndarray of float64, shape (n_sessions, n_bins)
        NaN where nothing was seen.

    Raises
    ------
    UsageError
        A bin that was never seen.
    NotEnoughHistoryError
        Fewer than two sessions.
    """
    check_table(log_volumes)
    if len(log_volumes) < 2:
        raise NotEnoughHistoryError(f"a volume model needs two sessions or more, there is {len(log_volumes)}; give more history")
    seen = ~np.isnan(log_volumes)
    never = np.flatnonzero(~seen.any(axis=0))
    if never.size:
        raise UsageError(f"nothing ever traded in bin {never[0]} of the day; take longer bins, or leave the bin out")
    means = np.where(seen, log_volumes, 0.0).sum(axis=0) / seen.sum(axis=0)
    level = float(means.mean())
    return VolumeModel(1.0, 0.0, 1e-4, 1e-4, 1e-4, tuple(means - level), (level, 0.0), (1e-3, 1e-7, 1e-5))


def em_step(model: VolumeModel, log_volumes: Floats) -> Step:
    """One E step (filter and smoother) and one M step.

    With ``P_t = E[x_t x_t']`` and ``P_{t,t-1} = E[x_t x_{t-1}']`` given the data (equations 14-16), k over first bins
    of a day but the first, N bins, T days (equations 17-24, A.32-A.39):

    ::

        x0 = x_1, V0 = P_1 - x_1 x_1'
        a_eta = sum_k P11_{k,k-1} / sum_k P11_{k-1}          a_mu = sum_t P22_{t,t-1} / sum_t P22_{t-1}
        var_eta = 1/(T-1) sum_k (P11_k + a_eta^2 P11_{k-1} - 2 a_eta P11_{k,k-1}),   var_mu alike over N-1 steps
        phi_i = mean over days of y - C x - z*               (24; robust: 36)
        r = mean of E[(y - phi - C x - z*)^2]                (23; robust: 35)

    Means of y are over the bins that were seen. phi is held to a sum of 0, since a constant can be moved between
    phi and eta (the R package does the same); that is the largest value under that constraint, so that the likelihood
    of the plain model never falls, provided the phi of `model` sums to 0.

    Returns
    -------
    Step

    Raises
    ------
    UsageError
        A table of another width, or one with infinite values.
    """
    passed = model.filtered(log_volumes)
    smooth = model.smoothed(log_volumes, passed)
    residual = log_volumes - passed.outliers - smooth.states[..., 0] - smooth.states[..., 1]
    phi = _season(residual)
    spread = smooth.states[..., 2] + 2.0 * smooth.states[..., 3] + smooth.states[..., 4]
    r = max(float(np.nanmean((residual - phi) ** 2 + np.maximum(spread, 0.0))), _LEAST)
    x, before, lagged = _flat(smooth)
    night = np.arange(model.bins - 1, len(x), model.bins)
    a_eta, var_eta = _autoregression(x[night, 0], before[night, 0], x[night, 2], before[night, 2], lagged[night, 0, 0])
    a_mu, var_mu = _autoregression(x[:, 1], before[:, 1], x[:, 4], before[:, 4], lagged[:, 1, 1])
    eta, mu, *packed = smooth.states[0, 0].tolist()
    made = VolumeModel(a_eta, a_mu, var_eta, var_mu, r, tuple(phi.tolist()), (eta, mu), _covariance(*packed), model.penalty)
    return Step(made, passed.log_likelihood)


def _covariance(p11: float, p12: float, p22: float) -> tuple[float, float, float]:
    """A covariance that rounding took over its edge, back on it."""
    p11, p22 = max(p11, 0.0), max(p22, 0.0)
    edge = sqrt(p11 * p22)
    return p11, min(max(p12, -edge), edge), p22


def _season(residual: Floats) -> Floats:
    """Mean residual of each bin, held to a sum of 0 at the least squared error."""
    seen = ~np.isnan(residual)
    count = seen.sum(axis=0)
    means = np.where(seen, residual, 0.0).sum(axis=0) / count
    return np.asarray(means - (means.sum() / (1.0 / count).sum()) / count)


def _flat(smooth: Smoothed) -> tuple[Floats, Floats, Floats]:
    """States from the second bin on, the states one bin before, and their covariances."""
    states = smooth.states.reshape(-1, 5)
    return states[1:], states[:-1], smooth.lagged.reshape(-1, 2, 2)[1:]


def _autoregression(x: Floats, before: Floats, var: Floats, var_before: Floats, lagged: Floats) -> tuple[float, float]:
    """The slope and the noise variance of x on its last value, from means and covariances given the data."""
    slope = float((lagged + x * before).sum() / (var_before + before * before).sum())
    noise = (x - slope * before) ** 2 + var + slope * slope * var_before - 2.0 * slope * lagged
    return slope, max(float(noise.mean()), 0.0)


def fit(
    log_volumes: Floats,
    *,
    method: str = "guarded",
    start: VolumeModel | None = None,
    penalty: float = inf,
    tolerance: float | None = None,
    iterations: int = 500,
) -> Fit:
    """Fit the volume model to a history.

    Parameters
    ----------
    log_volumes : ndarray of float64, shape (n_sessions, n_bins)
        Sessions in time order; NaN where nothing traded: see `kalman.log_volumes`. Half days are better left out.
    method : str
        ``"plain"`` is the paper's EM. ``"package"`` extrapolates from every two EM steps as the authors' R package
        does (`acceleration.each_alone`); its likelihood may fall on the way. ``"guarded"`` extrapolates in blocks
        (`acceleration.in_blocks`) and drops an extrapolation whose likelihood is below that of the EM steps it came from.
        So the likelihood of the plain model (infinite penalty) falls in neither ``"plain"`` nor ``"guarded"``.
    start : VolumeModel, optional
        Where to start; its penalty counts. If not given: `starting_values` for a plain model; for a robust one the
        plain fit, since from small variances every innovation would count as an outlier, and stay one.
    penalty : float
        The Lasso's lambda, of a fit without `start`; infinite is the plain model. In the paper it is chosen by
        cross-validation. About ``2 c / sqrt(S)`` cuts innovations at c standard deviations; too small a value
        declares everything an outlier and ends at variances of 0.
    tolerance : float, optional
        Stop when the last EM step moved all parameters together by less (Euclidean norm; ``"plain"`` and ``"package"``,
        1e-4 if not given), or the log-likelihood by less (``"guarded"``, 5e-4). Much smaller values do no good: the
        likelihood has no bound where r and V0 go to 0 together, and a short history may creep towards it.
    iterations : int
        At most so many; of one EM step (``"plain"``) or two.

    Returns
    -------
    Fit
        The outcome of the last EM step, with `converged` False if the iterations ran out before.

    Raises
    ------
    UsageError
        An unknown method, a bin that was never seen, infinite log volumes, fewer than one iteration.
    NotEnoughHistoryError
        Fewer than two sessions.
    """
    if method not in _METHODS:
        raise UnknownNameError("method", method, _METHODS)
    if iterations < 1:
        raise UsageError(f"iterations is {iterations}; make one or more")
    table = np.ascontiguousarray(log_volumes, dtype=np.float64)
    first = starting_values(table)
    climb, usual = _METHODS[method]
    limit = usual if tolerance is None else tolerance
    if start is None and penalty < inf:
        first = replace(climb(first, table, limit, iterations)[0], penalty=penalty)
    model, made, converged, history = climb(start or first, table, limit, iterations)
    return Fit(model, model.log_likelihood(table), made, converged, tuple(history))


_Outcome = tuple[VolumeModel, int, bool, list[float]]


def _plain(model: VolumeModel, table: Floats, tolerance: float, iterations: int) -> _Outcome:
    history: list[float] = []
    for made in range(1, iterations + 1):
        before, (model, likelihood) = model, em_step(model, table)
        history.append(likelihood)
        if distance(before, model) < tolerance:
            return model, made, True, history
    return model, iterations, False, history


def _package(model: VolumeModel, table: Floats, tolerance: float, iterations: int) -> _Outcome:
    history: list[float] = []
    for made in range(1, iterations + 1):
        first = em_step(model, table)
        second = em_step(first.model, table)
        history.append(first.log_likelihood)
        if distance(first.model, second.model) < tolerance:
            return second.model, made, True, history
        model = each_alone(model, first.model, second.model)
    return second.model, iterations, False, history


def _guarded(model: VolumeModel, table: Floats, tolerance: float, iterations: int) -> _Outcome:
    history: list[float] = []
    floor, last = -inf, model
    for made in range(1, iterations + 1):
        first = em_step(model, table)
        if first.log_likelihood < floor:
            model = last
            first = em_step(model, table)
        history.append(first.log_likelihood)
        last, floor = em_step(first.model, table)
        if abs(floor - first.log_likelihood) < tolerance:
            return last, made, True, history
        model = in_blocks(model, first.model, last)
    return last, iterations, False, history


_METHODS: dict[str, tuple[Callable[[VolumeModel, Floats, float, int], _Outcome], float]] = {
    "guarded": (_guarded, 5e-4),
    "package": (_package, 1e-4),
    "plain": (_plain, 1e-4),
}
