"""Intraday volume as a state-space model: filter, smoother, likelihood and forecasts.

Chen, Feng and Palomar (2016), "Forecasting Intraday Trading Volume: A Kalman Filter Approach", SSRN 3101695.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf, isinf

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Floats
from exec_algos.errors import UsageError
from exec_algos.forecast.recursions import Dynamics, State, backward, compiled, forward, updated

_SCALARS = ("a_eta", "a_mu", "var_eta", "var_mu", "r")


def log_volumes(volumes: npt.ArrayLike) -> Floats:
    """``y = log(volume)``, and NaN, a missing observation, where the volume is 0 or NaN.

    The logarithm of 0 does not exist, and any small number put in its place would be the largest outlier of the day.
    The paper leaves such bins out of its data; here the filter passes over them: it predicts and does not correct.

    Parameters
    ----------
    volumes : array_like of float
        Shares (or turnover, equation 1) per bin; NaN where there is no such bin, as after the close of a half day.

    Returns
    -------
    ndarray of float64
        Of the same shape.

    Raises
    ------
    UsageError
        A volume is negative or infinite.
    """
    table = np.asarray(volumes, dtype=np.float64)
    wrong = table[(table < 0) | np.isinf(table)]
    if wrong.size:
        raise UsageError(f"a volume is {wrong.flat[0]:g}; give finite volumes of 0 or more, and NaN where there is no bin")
    seen = table > 0
    return np.log(table, out=np.full(table.shape, np.nan), where=seen)


@dataclass(frozen=True, eq=False)
class Forecast:
    """Forecast log volumes of some bins: Gaussian, so that volumes are log-normal.

    Attributes
    ----------
    log_mean, log_variance : ndarray of float64
        Mean and variance of the log volume of each bin, the observation noise included.
    """

    log_mean: Floats
    log_variance: Floats

    @property
    def median(self) -> Floats:
        """``exp(log_mean)``, shares: what the paper and its authors' package forecast.

        Half of the volumes fall below. It has the smaller absolute percentage error, the paper's measure.
        """
        return np.exp(self.log_mean)

    @property
    def mean(self) -> Floats:
        """``exp(log_mean + log_variance / 2)``, shares: the expected volume.

        Sums of bins are unbiased only with it. Later bins are less certain, so it gives them more weight than `median`.
        """
        return np.exp(self.log_mean + self.log_variance / 2)


@dataclass(frozen=True, eq=False)
class Filtered:
    """The filter's passage over a table of sessions by bins.

    Attributes
    ----------
    prior, posterior : ndarray of float64, shape (n_sessions, n_bins, 5)
        The state before and after each bin: eta, mu, p11, p12, p22, as in `State`.
    log_forecast, log_variance : ndarray of float64, shape (n_sessions, n_bins)
        One-bin-ahead forecast of the log volume (equation 9) and its variance S.
    innovations : ndarray of float64, shape (n_sessions, n_bins)
        Log volume less its forecast less the outlier; NaN where nothing was seen.
    outliers : ndarray of float64, shape (n_sessions, n_bins)
        ``z*`` of the robust filter; 0 where there is none.
    log_likelihood : float
        See `VolumeModel.log_likelihood`.
    end : State
        Before the first bin of the session that follows.
    """

    prior: Floats
    posterior: Floats
    log_forecast: Floats
    log_variance: Floats
    innovations: Floats
    outliers: Floats
    log_likelihood: float
    end: State

    def before(self, session: int, bin: int = 0) -> State:
        """The state before a bin: what the bins up to it tell."""
        return State(bin, *self.prior[session, bin].tolist())


@dataclass(frozen=True, eq=False)
class Smoothed:
    """States given all bins of a table, earlier and later.

    Attributes
    ----------
    states : ndarray of float64, shape (n_sessions, n_bins, 5)
        eta, mu, p11, p12, p22 of each bin.
    lagged : ndarray of float64, shape (n_sessions, n_bins, 2, 2)
        Covariance of a bin's state (rows) with the state one bin before (columns); NaN at the very first.
    """

    states: Floats
    lagged: Floats


@dataclass(frozen=True)
class VolumeModel:
    """Log volume = level of the day + season of the bin + deviation of the bin + noise.

    ::

        y_tau = eta_tau + mu_tau + phi_i + v_tau,  v ~ N(0, r)                     (equation 5)
        eta_{tau+1} = a_eta eta_tau + N(0, var_eta) overnight, eta_tau within a day (equation 4)
        mu_{tau+1} = a_mu mu_tau + N(0, var_mu) at every step, overnight included

    with tau running through the bins of all sessions and i the bin of the day. The robust model (section 3) adds a
    sparse outlier z to y: an innovation e of variance S is replaced by ``e - z*`` with z* the soft threshold of e at
    ``penalty * S / 2`` (equations 33-34), that is by e held within plus and minus that bound.

    Attributes
    ----------
    a_eta, a_mu : float
        Persistence of the daily level from day to day and of the deviation from bin to bin.
    var_eta, var_mu : float
        Variance of their innovations; not negative.
    r : float
        Variance of the observation noise; positive.
    phi : tuple of float
        Seasonal log volume of each bin of the day.
    x0 : tuple of 2 float
        Mean of (eta, mu) at the first bin of the first session, before it is seen.
    V0 : tuple of 3 float
        Its covariance: (11, 12, 22).
    penalty : float
        The Lasso's lambda, positive; infinite is the plain filter. Innovations beyond ``penalty * sqrt(S) / 2``
        standard deviations count as outliers.

    Raises
    ------
    UsageError
        A parameter that is not finite, a negative variance, a covariance that is none, no bins.
    """

    a_eta: float
    a_mu: float
    var_eta: float
    var_mu: float
    r: float
    phi: tuple[float, ...]
    x0: tuple[float, float]
    V0: tuple[float, float, float]
    penalty: float = inf

    def __post_init__(self) -> None:
        for name in (*_SCALARS, "penalty"):
            object.__setattr__(self, name, float(getattr(self, name)))
        for name in ("phi", "x0", "V0"):
            object.__setattr__(self, name, tuple(map(float, getattr(self, name))))
        self._check_shapes()
        self._check_variances()

    def _check_shapes(self) -> None:
        sizes = [len(getattr(self, name)) for name in ("phi", "x0", "V0")]
        if not sizes[0] or sizes[1:] != [2, 3]:
            raise UsageError(f"phi, x0, V0 have {sizes} values; give one phi for each bin of the day, 2 of x0 and 3 of V0")
        for name in (*_SCALARS, "phi", "x0", "V0"):
            if not np.all(np.isfinite(getattr(self, name))):
                raise UsageError(f"{name} is {getattr(self, name)}; every parameter of a volume model has to be finite")

    def _check_variances(self) -> None:
        if self.var_eta < 0 or self.var_mu < 0 or not self.r > 0:
            raise UsageError(
                f"var_eta, var_mu, r are {self.var_eta}, {self.var_mu}, {self.r}; variances are not negative, and r is positive"
            )
        if not is_covariance(self.V0):
            raise UsageError(
                f"V0 {self.V0} is no covariance (11, 12, 22); variances are not negative and 12 squared is at most 11 times 22"
            )
        if not self.penalty > 0:
            raise UsageError(f"penalty is {self.penalty}; the Lasso's lambda is positive, and infinite for the plain filter")

    @property
    def bins(self) -> int:
        """Bins of a day."""
        return len(self.phi)

    @property
    def start(self) -> State:
        """The state before the first bin of the first session."""
        return State(0, *self.x0, *self.V0)

    @cached_property
    def dynamics(self) -> Dynamics:
        """The scalar parameters, as the recursions take them."""
        return Dynamics(self.a_eta, self.a_mu, self.var_eta, self.var_mu, self.r, self.penalty)

    @cached_property
    def season(self) -> Floats:
        """`phi` as a read-only array."""
        season = np.array(self.phi)
        season.flags.writeable = False
        return season

    def update(self, state: State, log_volume: float) -> State:
        """The state before the next bin, once this one's log volume is known.

        Predict and correct as in Algorithm 1 (equations 7-8): ``S = C P C' + r``, ``K = P C' / S``,
        ``x + K (y - phi - C x - z*)``, ``P - K C P``, and then one step on. After the last bin of a day the
        state is that before the next day's first.

        Parameters
        ----------
        state : State
            Before the bin.
        log_volume : float
            Logarithm of the bin's shares; NaN if nothing traded or the bin was missed: see `log_volumes`.

        Raises
        ------
        UsageError
            An infinite log volume, such as the logarithm of 0.
        """
        if isinf(log_volume):
            raise UsageError(f"a log volume is {log_volume}; give NaN for a bin without volume (log_volumes does)")
        return updated(state, log_volume, self.phi, self.dynamics)  # type: ignore[arg-type] # a tuple is indexed faster

    def remaining(self, state: State) -> Forecast:
        """Forecast of the bins that are left in the day, given what is known before the first of them.

        The state is predicted h steps without correction (equation 9): with m = 0, 1, ... bins from the next,
        mean ``phi + eta + a_mu^m mu``, variance
        ``p11 + 2 a_mu^m p12 + a_mu^2m p22 + var_mu (1 + a_mu^2 + ... + a_mu^2(m-1)) + r``. At the first bin of a day
        it is the paper's static forecast; its first bin is always the paper's dynamic one.

        Returns
        -------
        Forecast
            Of shape (bins - state.bin,).
        """
        powers = self.dynamics.a_mu ** np.arange(self.bins - state.bin)
        squares = powers * powers
        noise = self.dynamics.var_mu * (np.cumsum(squares) - squares) + self.dynamics.r
        return Forecast(
            self.season[state.bin :] + state.eta + powers * state.mu,
            state.p11 + 2.0 * state.p12 * powers + state.p22 * squares + noise,
        )

    def filtered(self, log_volumes: Floats) -> Filtered:
        """Run the filter (Algorithm 1, equations 7-9; robust: 25-34) over a history.

        Parameters
        ----------
        log_volumes : ndarray of float64, shape (n_sessions, n_bins)
            Sessions in time order; NaN where nothing was seen.

        Raises
        ------
        UsageError
            A table of another width, or one with infinite values.
        """
        shape = self._checked(log_volumes).shape
        prior, post, innovations, outliers, variances, likelihood, end = self._forward(log_volumes)
        seen = self.season + prior[:, 0].reshape(shape) + prior[:, 1].reshape(shape)
        return Filtered(
            prior.reshape(*shape, 5),
            post.reshape(*shape, 5),
            seen,
            variances.reshape(shape),
            innovations.reshape(shape),
            outliers.reshape(shape),
            likelihood,
            State(*end),
        )

    def smoothed(self, log_volumes: Floats, passed: Filtered | None = None) -> Smoothed:
        """States given the whole history (Algorithm 2, equations 10-11, A.20-A.21).

        Parameters
        ----------
        log_volumes : ndarray of float64, shape (n_sessions, n_bins)
            See `filtered`.
        passed : Filtered, optional
            What `filtered` gave for the same table, if it is at hand.

        Raises
        ------
        UsageError
            See `filtered`.
        """
        found = passed or self.filtered(log_volumes)
        arrays = (found.prior.reshape(-1, 5), found.posterior.reshape(-1, 5), found.innovations.ravel(), found.log_variance.ravel())
        states, lagged = compiled(backward)(arrays, self.dynamics, self.bins)
        return Smoothed(states.reshape(found.prior.shape), lagged.reshape(*found.innovations.shape, 2, 2))

    def log_likelihood(self, log_volumes: Floats) -> float:
        """``-1/2 sum(log(2 pi S) + e^2 / S)`` over the bins that were seen, e the innovation and S its variance.

        For the robust model ``-1/2 sum(penalty |z*|)`` is added, and e is the innovation less ``z*``: the objective
        that the Lasso (equation 30) makes largest in z.

        Raises
        ------
        UsageError
            See `filtered`.
        """
        return self.filtered(log_volumes).log_likelihood

    def _forward(self, table: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats, float, State]:
        return compiled(forward)(np.ascontiguousarray(table, np.float64).ravel(), np.array(self.phi), self.dynamics, self.start)  # type: ignore[no-any-return]

    def _checked(self, table: Floats) -> Floats:
        check_table(table)
        if table.shape[1] != self.bins:
            raise UsageError(f"the table has {table.shape[1]} bins a session, the model {self.bins}; fit a model to bins of this length")
        return table


def is_covariance(packed: tuple[float, float, float] | Floats) -> bool:
    """Whether (11, 12, 22) is a covariance, up to rounding."""
    p11, p12, p22 = packed
    return bool(p11 >= 0 and p22 >= 0 and p12 * p12 <= p11 * p22 * (1 + 1e-9))


def check_table(table: Floats) -> None:
    """Refuse what is no table of log volumes, sessions by bins.

    Raises
    ------
    UsageError
        Another number of dimensions, no values, or infinite ones.
    """
    if np.ndim(table) != 2 or not np.size(table):
        raise UsageError(f"log volumes of shape {np.shape(table)}; give a table of sessions by bins")
    if np.isinf(table).any():
        raise UsageError("infinite log volumes, such as the logarithm of 0; give NaN there (log_volumes does)")


__all__ = ["Filtered", "Forecast", "Smoothed", "State", "VolumeModel", "log_volumes"]
