"""The recursions of the volume model: plain functions of scalars and arrays, which numba compiles where a whole history is passed.

Whatever a compiled loop calls stands in this one file, since numba's cache watches the file of the loop only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import log, pi
from typing import Any, NamedTuple

import numpy as np

from exec_algos.checks import Floats


class State(NamedTuple):
    """What is believed of the hidden state before a bin: Gaussian, mean (eta, mu), covariance P.

    Attributes
    ----------
    bin : int
        The bin that comes next: 0 is the first of a day.
    eta, mu : float
        Expected log level of the day and expected log deviation of the bin.
    p11, p12, p22 : float
        Their variances and covariance (1: eta, 2: mu).
    """

    bin: int
    eta: float
    mu: float
    p11: float
    p12: float
    p22: float


class Dynamics(NamedTuple):
    """The scalar parameters of the model; `penalty` is the Lasso's lambda, infinite for the plain filter."""

    a_eta: float
    a_mu: float
    var_eta: float
    var_mu: float
    r: float
    penalty: float


def innovation_variance(state: State, r: float) -> float:
    """``S = C P C' + r``: variance of the next log volume about its forecast."""
    return state.p11 + 2.0 * state.p12 + state.p22 + r


def outlier(innovation: float, s: float, penalty: float) -> float:
    """``z*``: what the Lasso takes off an innovation (equations 33-34), the soft threshold of it at ``penalty * s / 2``."""
    bound = penalty * s / 2.0
    if innovation > bound:
        return innovation - bound
    if innovation < -bound:
        return innovation + bound
    return 0.0


def corrected(state: State, innovation: float, s: float, r: float) -> State:
    """The state after a log volume that missed its forecast by `innovation`; covariances without subtraction of near equals."""
    k1, k2 = (state.p11 + state.p12) / s, (state.p12 + state.p22) / s
    det = max(state.p11 * state.p22 - state.p12 * state.p12, 0.0)
    return State(
        state.bin,
        state.eta + k1 * innovation,
        state.mu + k2 * innovation,
        (state.p11 * r + det) / s,
        (state.p12 * r - det) / s,
        (state.p22 * r + det) / s,
    )


def advanced(state: State, dynamics: Dynamics, bins: int) -> State:
    """The state before the next bin; eta moves overnight only, mu always (equations 4-5)."""
    overnight = state.bin + 1 == bins
    a, q = (dynamics.a_eta, dynamics.var_eta) if overnight else (1.0, 0.0)
    b = dynamics.a_mu
    return State(
        0 if overnight else state.bin + 1,
        a * state.eta,
        b * state.mu,
        a * a * state.p11 + q,
        a * b * state.p12,
        b * b * state.p22 + dynamics.var_mu,
    )


def updated(state: State, log_volume: float, phi: Floats, dynamics: Dynamics) -> State:
    """One bin: correct by its log volume (NaN: nothing seen), then advance."""
    if log_volume == log_volume:  # noqa: PLR0124 - not NaN, in words that numba reads too
        s = innovation_variance(state, dynamics.r)
        gap = log_volume - phi[state.bin] - state.eta - state.mu
        state = corrected(state, gap - outlier(gap, s, dynamics.penalty), s, dynamics.r)
    return advanced(state, dynamics, len(phi))


def forward(y: Floats, phi: Floats, dynamics: Dynamics, state: State) -> tuple[Any, ...]:
    """The filter over `y`: prior and posterior states, innovations less outliers (NaN: nothing seen), outliers, S, log-likelihood, end."""
    n = len(y)
    prior, post = np.empty((n, 5)), np.empty((n, 5))
    innovations, outliers, variances = np.full(n, np.nan), np.zeros(n), np.empty(n)
    likelihood = 0.0
    for t in range(n):
        _, prior[t, 0], prior[t, 1], prior[t, 2], prior[t, 3], prior[t, 4] = state
        s = innovation_variance(state, dynamics.r)
        variances[t] = s
        if not np.isnan(y[t]):
            gap = y[t] - phi[state.bin] - state.eta - state.mu
            z = outlier(gap, s, dynamics.penalty)
            innovations[t], outliers[t] = gap - z, z
            state = corrected(state, gap - z, s, dynamics.r)
            likelihood -= 0.5 * (log(2.0 * pi * s) + (gap - z) ** 2 / s)
            if z != 0.0:
                likelihood -= 0.5 * dynamics.penalty * abs(z)
        _, post[t, 0], post[t, 1], post[t, 2], post[t, 3], post[t, 4] = state
        state = advanced(state, dynamics, len(phi))
    return prior, post, innovations, outliers, variances, likelihood, state


class Message(NamedTuple):
    """What the bins after one say of it: the mean part r and the covariance part N of the smoother."""

    r1: float
    r2: float
    n11: float
    n12: float
    n22: float


def carried(message: Message, a: float, b: float) -> Message:
    """The message taken back over the transition diag(a, b)."""
    return Message(a * message.r1, b * message.r2, a * a * message.n11, a * b * message.n12, b * b * message.n22)


def joined(message: Message, before: Floats, innovation: float, s: float) -> Message:
    """The message with the bin's own innovation; `before` is the state before it."""
    k1, k2 = (before[2] + before[3]) / s, (before[3] + before[4]) / s
    h1, h2 = message.n11 * k1 + message.n12 * k2, message.n12 * k1 + message.n22 * k2
    u, c = innovation / s - k1 * message.r1 - k2 * message.r2, k1 * h1 + k2 * h2 + 1.0 / s
    return Message(
        message.r1 + u,
        message.r2 + u,
        message.n11 - 2.0 * h1 + c,
        message.n12 - h1 - h2 + c,
        message.n22 - 2.0 * h2 + c,
    )


def given(before: Floats, message: Message) -> tuple[float, float, float, float, float]:
    """The smoothed state: ``x + P r`` and ``P - P N P``."""
    p11, p12, p22 = before[2], before[3], before[4]
    g11, g12 = p11 * message.n11 + p12 * message.n12, p11 * message.n12 + p12 * message.n22
    g21, g22 = p12 * message.n11 + p22 * message.n12, p12 * message.n12 + p22 * message.n22
    return (
        before[0] + p11 * message.r1 + p12 * message.r2,
        before[1] + p12 * message.r1 + p22 * message.r2,
        p11 - g11 * p11 - g12 * p12,
        p12 - g11 * p12 - g12 * p22,
        p22 - g21 * p12 - g22 * p22,
    )


def lag_one(after: Floats, post: Floats, message: Message, a: float, b: float) -> tuple[float, float, float, float]:
    """``Cov(x_{t+1}, x_t) = (I - P_{t+1} N_t) A V_{t|t}`` as (11, 12, 21, 22)."""
    i11, i12 = 1.0 - after[2] * message.n11 - after[3] * message.n12, -after[2] * message.n12 - after[3] * message.n22
    i21, i22 = -after[3] * message.n11 - after[4] * message.n12, 1.0 - after[3] * message.n12 - after[4] * message.n22
    v11, v12, v21, v22 = a * post[2], a * post[3], b * post[3], b * post[4]
    return i11 * v11 + i12 * v21, i11 * v12 + i12 * v22, i21 * v11 + i22 * v21, i21 * v12 + i22 * v22


def backward(passed: tuple[Floats, Floats, Floats, Floats], dynamics: Dynamics, bins: int) -> tuple[Floats, Floats]:
    """The smoother over what `forward` found: states given the whole history, and Cov(x_t, x_{t-1}).

    In the form of Bryson and Frazier, which equals equations 10-11 and A.20 and inverts nothing but S, so that a
    variance may be zero. `passed` holds prior and posterior states, innovations and S.
    """
    prior, post, innovations, variances = passed
    n = len(innovations)
    smoothed, lagged = np.empty((n, 5)), np.full((n, 4), np.nan)
    message = Message(0.0, 0.0, 0.0, 0.0, 0.0)
    for t in range(n - 1, -1, -1):
        if t + 1 < n:
            a, b = dynamics.a_eta if (t + 1) % bins == 0 else 1.0, dynamics.a_mu
            lagged[t + 1, 0], lagged[t + 1, 1], lagged[t + 1, 2], lagged[t + 1, 3] = lag_one(prior[t + 1], post[t], message, a, b)
            message = carried(message, a, b)
        if not np.isnan(innovations[t]):
            message = joined(message, prior[t], innovations[t], variances[t])
        smoothed[t, 0], smoothed[t, 1], smoothed[t, 2], smoothed[t, 3], smoothed[t, 4] = given(prior[t], message)
    return smoothed, lagged


@lru_cache(maxsize=8)
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` compiled, with the functions of this file that it names; numba is loaded at the first call only."""
    from numba import njit

    from exec_algos.compiling import compilable

    return njit(cache=True)(compilable(function))  # type: ignore[arg-type]
