"""The volume model without a filter: one joint normal distribution of all states and log volumes, and draws from it."""

from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True, eq=False)
class Joint:
    """Mean and covariance of the states x (two a bin, flat) and of y, for `n` bins."""

    x_mean: np.ndarray
    x_cov: np.ndarray
    y_mean: np.ndarray
    y_cov: np.ndarray
    xy_cov: np.ndarray

    def states_given(self, y, seen):
        """Mean (n, 2) and covariance (n, 2, n, 2) of the states given the bins of y that were seen."""
        gain = np.linalg.solve(self.y_cov[np.ix_(seen, seen)], self.xy_cov[:, seen].T).T
        n = len(self.y_mean)
        mean = self.x_mean + gain @ (y[seen] - self.y_mean[seen])
        return mean.reshape(n, 2), (self.x_cov - gain @ self.xy_cov[:, seen].T).reshape(n, 2, n, 2)

    def volumes_given(self, y, seen):
        """Mean and covariance of all log volumes given those seen."""
        gain = np.linalg.solve(self.y_cov[np.ix_(seen, seen)], self.y_cov[seen]).T
        return self.y_mean + gain @ (y[seen] - self.y_mean[seen]), self.y_cov - gain @ self.y_cov[seen]

    def log_density(self, y, seen):
        return stats.multivariate_normal(self.y_mean[seen], self.y_cov[np.ix_(seen, seen)]).logpdf(y[seen])


def joint(model, days):
    """x = M (x_1, w_2, ..., w_n) with independent Gaussians: no recursion of moments."""
    bins, n = len(model.phi), len(model.phi) * days
    moves = [np.diag([model.a_eta if t % bins == 0 else 1.0, model.a_mu]) for t in range(n)]
    noises = [np.diag([model.var_eta if t % bins == 0 else 0.0, model.var_mu]) for t in range(n)]
    noises[0] = np.array([[model.V0[0], model.V0[1]], [model.V0[1], model.V0[2]]])
    loads, sources = np.zeros((2 * n, 2 * n)), np.zeros((2 * n, 2 * n))
    for s in range(n):
        sources[2 * s : 2 * s + 2, 2 * s : 2 * s + 2] = noises[s]
        block = np.eye(2)
        for t in range(s, n):
            block = block if t == s else moves[t] @ block
            loads[2 * t : 2 * t + 2, 2 * s : 2 * s + 2] = block
    x_mean = loads[:, :2] @ np.array(model.x0)
    x_cov = loads @ sources @ loads.T
    see = np.kron(np.eye(n), np.ones((1, 2)))
    y_cov = see @ x_cov @ see.T + model.r * np.eye(n)
    return Joint(x_mean, x_cov, see @ x_mean + np.tile(model.phi, days), y_cov, x_cov @ see.T)


def draw(model, days, rng):
    """Log volumes of the model, sessions by bins, written out as the paper's equations 4 and 5 stand."""
    y = np.empty((days, len(model.phi)))
    p11, p12, p22 = model.V0
    eta, mu = rng.multivariate_normal(model.x0, [[p11, p12], [p12, p22]])
    for t in range(days):
        if t:
            eta = model.a_eta * eta + np.sqrt(model.var_eta) * rng.standard_normal()
        for i, season in enumerate(model.phi):
            if t or i:
                mu = model.a_mu * mu + np.sqrt(model.var_mu) * rng.standard_normal()
            y[t, i] = eta + mu + season + np.sqrt(model.r) * rng.standard_normal()
    return y
