"""Extrapolations from two EM steps: where the parameters are heading.

Varadhan and Roland (2008), "Simple and globally convergent methods for accelerating the convergence of any EM
algorithm", Scand. J. Statist. 35, 335-353. With theta and the outcomes theta1, theta2 of two EM steps from it, and
``r = theta1 - theta``, ``v = theta2 - theta1 - r``.
"""

from __future__ import annotations

import numpy as np

from exec_algos.checks import Floats
from exec_algos.forecast.kalman import VolumeModel, is_covariance

_PERSISTENCE, _DYNAMICS, _VARIANCES, _X0, _V0, _PHI = slice(0, 2), slice(0, 5), slice(2, 5), slice(5, 7), slice(7, 10), slice(10, None)


def vector(model: VolumeModel) -> Floats:
    """All parameters of a model: a_eta, a_mu, var_eta, var_mu, r, x0, V0, phi."""
    return np.array([model.a_eta, model.a_mu, model.var_eta, model.var_mu, model.r, *model.x0, *model.V0, *model.phi])


def model_of(values: Floats, penalty: float) -> VolumeModel:
    """The model with these parameters; the inverse of `vector`."""
    a_eta, a_mu, var_eta, var_mu, r, eta, mu, p11, p12, p22, *phi = values.tolist()
    return VolumeModel(a_eta, a_mu, var_eta, var_mu, r, tuple(phi), (eta, mu), (p11, p12, p22), penalty)


def distance(once: VolumeModel, twice: VolumeModel) -> float:
    """Euclidean distance of all parameters together."""
    return float(np.linalg.norm(vector(twice) - vector(once)))


def each_alone(model: VolumeModel, once: VolumeModel, twice: VolumeModel) -> VolumeModel:
    """Each parameter by its own step, as the R package intradayModel has it.

    ``theta + |r| / |v| r`` where ``|v| > 1e-8``, else theta2; phi as one block, ``theta - 2 s r + s^2 v`` with
    ``s = -norm(r) / norm(v)``. A variance below 0 and a V0 that is no covariance are theta2's.
    """
    theta, last = vector(model), vector(twice)
    r = vector(once) - theta
    v = last - vector(once) - r
    made = last.copy()
    step = np.abs(r) * r / np.where(v == 0, 1.0, np.abs(v))
    moving = np.abs(v) > 1e-8
    made[moving] = (theta + step)[moving]
    made[_PHI] = _squared(theta[_PHI], r[_PHI], v[_PHI], least=0.0)
    impossible = made[_VARIANCES] <= 0
    made[_VARIANCES][impossible] = last[_VARIANCES][impossible]
    if not is_covariance(made[_V0]):
        made[_V0] = last[_V0]
    return model_of(made, model.penalty)


def in_blocks(model: VolumeModel, once: VolumeModel, twice: VolumeModel) -> VolumeModel:
    """Dynamics (variances by their logarithms), x0 and phi as a block each: ``theta - 2 s r + s^2 v``, ``s = -max(1, norm(r) / norm(v))``.

    Dynamics that explode, or whose variances change more than a hundredfold, are theta2's, and so is V0, which EM only
    ever shrinks.
    """
    theta, first, last = _with_logarithms(model), _with_logarithms(once), _with_logarithms(twice)
    r = first - theta
    v = last - first - r
    made = last.copy()
    for block in (_DYNAMICS, _X0, _PHI):
        made[block] = _squared(theta[block], r[block], v[block], least=1.0)
    if _wild(made, last):
        made[_DYNAMICS] = last[_DYNAMICS]
    made[_VARIANCES] = np.exp(made[_VARIANCES])
    return model_of(made, model.penalty)


def _wild(made: Floats, last: Floats) -> bool:
    grown = np.abs(made[_PERSISTENCE]) > np.maximum(np.abs(last[_PERSISTENCE]), 1.0)
    return bool(grown.any() or (np.abs(made - last)[_VARIANCES] > np.log(100.0)).any())


def _squared(theta: Floats, r: Floats, v: Floats, least: float) -> Floats:
    turn = float(np.linalg.norm(v))
    length = max(float(np.linalg.norm(r)) / turn, least) if turn > 0 else 1.0
    return np.asarray(theta + 2.0 * length * r + length * length * v)


def _with_logarithms(model: VolumeModel) -> Floats:
    values = vector(model)
    values[_VARIANCES] = np.log(np.maximum(values[_VARIANCES], np.finfo(float).tiny))  # EM may end at a variance of 0
    return values
