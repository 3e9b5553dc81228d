"""How good the forecasts are: walk forward through a table of volumes, as in the paper's tables 3 and 4."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats
from exec_algos.errors import NotEnoughHistoryError, UsageError
from exec_algos.forecast.em import Fit, fit
from exec_algos.forecast.kalman import Filtered, VolumeModel, log_volumes
from exec_algos.forecast.weights import dynamic_weights, static_weights, tracking_error


class Scores(NamedTuple):
    """One figure for each forecast; smaller is better.

    Attributes
    ----------
    dynamic : float
        Of the model with every bin of the session known up to the one that is forecast.
    static : float
        Of the model as it stood before the session.
    rolling_mean : float
        Of the mean volume of the same bin in the sessions before.
    """

    dynamic: float
    static: float
    rolling_mean: float


@dataclass(frozen=True, eq=False)
class WalkForward:
    """Forecasts of sessions from what was known before.

    Attributes
    ----------
    sessions : ndarray of int64, shape (n,)
        Rows of the table that were forecast.
    actual : ndarray of float64, shape (n, n_bins)
        Their volumes.
    dynamic, static, rolling_mean : ndarray of float64, shape (n, n_bins)
        Forecast volumes, those of the model medians as in the paper: see `Scores`.
    dynamic_weights, static_weights, mean_weights : ndarray of float64, shape (n, n_bins)
        Weights of a VWAP order by equation 41, and by equation 40 from `static` and from `rolling_mean`.
    fits : tuple of Fit
        The models, in order; each shows whether it converged.
    """

    sessions: npt.NDArray[np.int64]
    actual: Floats
    dynamic: Floats
    static: Floats
    rolling_mean: Floats
    dynamic_weights: Floats
    static_weights: Floats
    mean_weights: Floats
    fits: tuple[Fit, ...]

    def mape(self) -> Scores:
        """Mean of ``|forecast - volume| / volume`` over the bins in which something traded (table 3)."""
        return Scores(*(mape(made, self.actual) for made in (self.dynamic, self.static, self.rolling_mean)))

    def curve_error(self) -> Scores:
        """Mean over sessions of ``sum_i |w_i - v_i / sum_j v_j| / 2``, the part of the order that is in the wrong bin."""
        volumes = np.nan_to_num(self.actual)
        shares = volumes / volumes.sum(axis=1, keepdims=True)
        return Scores(*(float(np.abs(weights - shares).sum(axis=1).mean() / 2.0) for weights in self._weights()))

    def tracking_error(self, prices: Floats) -> Scores:
        """Mean over sessions of `weights.tracking_error`, bps (table 4).

        Parameters
        ----------
        prices : ndarray of float64, shape (n_sessions, n_bins)
            Price of each bin, of all sessions of the table.
        """
        chosen = prices[self.sessions]
        return Scores(*(float(np.mean([*map(tracking_error, weights, self.actual, chosen)])) for weights in self._weights()))

    def _weights(self) -> tuple[Floats, Floats, Floats]:
        return self.dynamic_weights, self.static_weights, self.mean_weights


def mape(forecast: npt.ArrayLike, actual: npt.ArrayLike) -> float:
    """Mean absolute percentage error, a fraction: the mean of ``|forecast - volume| / volume``.

    Bins in which nothing traded are left out, for their percentage does not exist.

    Parameters
    ----------
    forecast, actual : array_like of float
        Volumes, of one shape.

    Raises
    ------
    UsageError
        No bin with volume.
    """
    made, volumes = np.asarray(forecast, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    traded = volumes > 0
    if not traded.any():
        raise UsageError("no bin has volume, so there is no percentage error; give sessions with volume")
    return float(np.mean(np.abs(made[traded] - volumes[traded]) / volumes[traded]))


def walk_forward(volumes: npt.ArrayLike, *, train: int, refit: int = 1, mean_days: int = 20, penalty: float = inf) -> WalkForward:
    """Forecast every session of a table from the sessions before it.

    Parameters
    ----------
    volumes : array_like of float, shape (n_sessions, n_bins)
        Shares per bin, sessions in time order: 0 where nothing traded, NaN where there is no such bin. Leave out
        sessions without data and, as the paper does, half days.
    train : int
        Sessions before a fit that it is made of; the first `train` sessions are not forecast.
    refit : int
        Fit anew after so many sessions; between fits the filter goes on with the last model.
    mean_days : int
        Sessions of the rolling mean; at most `train`.
    penalty : float
        The Lasso's lambda; infinite is the plain model.

    Raises
    ------
    UsageError
        Counts below 1, `mean_days` above `train`, a bin that never traded within a training window, a negative volume.
    NotEnoughHistoryError
        No session is left to forecast.
    """
    table = np.asarray(volumes, dtype=np.float64)
    _check(table, train, refit, mean_days)
    logs = log_volumes(table)
    fits: list[Fit] = []
    rows: list[tuple[Floats, Floats, Floats]] = []
    for first in range(train, len(table), refit):
        fits.append(fit(logs[first - train : first], penalty=penalty))
        passed = fits[-1].model.filtered(logs[first - train : first + refit])
        rows += [_session(fits[-1].model, passed, k) for k in range(train, len(passed.prior))]
    sessions = np.arange(train, len(table), dtype=np.int64)
    dynamic, static, weights = (np.array(part) for part in zip(*rows, strict=True))
    mean = np.array([_mean(table[k - mean_days : k]) for k in sessions])
    parts = np.array([*map(static_weights, static)]), np.array([*map(static_weights, mean)])
    return WalkForward(sessions, table[train:], dynamic, static, mean, weights, *parts, tuple(fits))


def _session(model: VolumeModel, passed: Filtered, session: int) -> tuple[Floats, Floats, Floats]:
    """One session's dynamic and static forecasts and its dynamic weights."""
    ahead = np.zeros((model.bins, model.bins))
    for i in range(model.bins):
        ahead[i, i:] = model.remaining(passed.before(session, i)).median
    return ahead.diagonal().copy(), ahead[0], dynamic_weights(ahead)


def _mean(past: Floats) -> Floats:
    """Mean volume of each bin over the sessions that have it; 0 where none has."""
    there = ~np.isnan(past)
    return np.asarray(np.where(there, past, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1))


def _check(table: Floats, train: int, refit: int, mean_days: int) -> None:
    if table.ndim != 2:
        raise UsageError(f"volumes of shape {table.shape}; give a table of sessions by bins")
    if min(train, refit, mean_days) < 1 or mean_days > train:
        raise UsageError(f"train, refit, mean_days are {train}, {refit}, {mean_days}; give 1 or more, and mean_days at most train")
    if len(table) <= train:
        raise NotEnoughHistoryError(f"{len(table)} sessions, of which {train} train; give more, or train on fewer")
