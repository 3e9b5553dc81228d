"""What is left of a session's volume, bar by bar, forecast anew whenever a bin of it is complete.

The model is that of Chen, Feng and Palomar (2016), SSRN 3101695, on bins of several bars; a bin's forecast is spread over
its bars as the earlier sessions' volume was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from exec_algos.checks import Floats
from exec_algos.errors import UsageError
from exec_algos.forecast.em import fit
from exec_algos.forecast.kalman import State, VolumeModel, log_volumes
from exec_algos.forecast.recursions import compiled, forward

ITERATIONS = 200  # of two EM steps each: a bound on the time of a fit, which few fits reach
LARGEST = 600.0  # log shares: of a model that knows next to nothing, whose mean is beyond what a float holds


@dataclass(frozen=True, eq=False)
class SessionForecast:
    """A model of one session, made of the sessions before it.

    Attributes
    ----------
    model : VolumeModel
        Of the bins in which something ever traded.
    start : State
        Before the session.
    width : int
        Bars in a bin; the last bin of a session may have fewer.
    busy : ndarray of int64
        The bins that `model` has.
    share : ndarray of float64, shape (n_bars,)
        A bar's part of its bin's volume, times the part of the earlier sessions in which the bin traded at all: the model knows
        how much trades in a bin if something does.
    """

    model: VolumeModel
    start: State
    width: int
    busy: np.ndarray
    share: Floats

    @classmethod
    def of(cls, history: Sequence[Floats], width: int, *, iterations: int = ITERATIONS) -> SessionForecast:
        """Fit the model to earlier sessions.

        Parameters
        ----------
        history : sequence of ndarray of float64, each of shape (n_bars,)
            Shares in each bar of earlier sessions, in time order, two or more; a session of another length is to be mapped
            onto this one's before.
        width : int
            Bars in a bin.
        iterations : int
            Of the fit, at most: `exec_algos.forecast.fit`.

        Raises
        ------
        UsageError
            A width below 1, sessions of several lengths, or nothing ever traded.
        NotEnoughHistoryError
            Fewer than two sessions.
        """
        bars = _table(history, width)
        bins = binned(bars, width)
        busy = np.flatnonzero((bins > 0).any(axis=0))
        if not busy.size:
            raise UsageError(f"nothing traded in the {len(bars)} earlier sessions, so there is no volume to forecast; use TWAP")
        logs = log_volumes(bins[:, busy])
        fitted = fit(logs, iterations=iterations).model
        model = replace(fitted, a_mu=min(max(fitted.a_mu, -1.0), 1.0))  # of a short history it may come out explosive
        return cls(model, model.filtered(logs).end, width, busy, _shares(bars, bins, width))

    def complete(self, volumes: Floats) -> int:
        """How many of the model's bins the completed bars fill: `expected` is the same until it rises."""
        return int(np.searchsorted(self.busy, min(len(volumes), len(self.share) - 1) // self.width))

    def expected(self, volumes: Floats) -> Floats:
        """Shares that each bar of the session is expected to trade: ``share exp(log_mean + log_variance / 2)``.

        The paper has the median ``exp(log_mean)``. The mean gives bins that are further away, and less certain, more weight; sums of
        bins are unbiased only with it, and on all bars that we have tried its curves track the VWAP better.

        Parameters
        ----------
        volumes : ndarray of float64, shape (n_bars_so_far,)
            Of each completed bar from the session's open. A bin of which only a part is complete is forecast as before it.

        Returns
        -------
        ndarray of float64, shape (n_bars,)
            0 in the bins that are complete.
        """
        done = self.complete(volumes)
        made = np.zeros(-(-len(self.share) // self.width))
        if done < self.model.bins:
            ahead = self.model.remaining(self._before(done, volumes))
            made[self.busy[done:]] = np.exp(np.minimum(ahead.log_mean + ahead.log_variance / 2, LARGEST))
        return np.repeat(made, self.width)[: len(self.share)] * self.share

    def _before(self, done: int, volumes: Floats) -> State:
        if not done:
            return self.start
        seen = binned(np.asarray(volumes[None, : (int(self.busy[done - 1]) + 1) * self.width]), self.width)[0]
        end = compiled(forward)(log_volumes(seen[self.busy[:done]]), np.array(self.model.phi), self.model.dynamics, self.start)[-1]
        return State(*end)


def binned(bars: Floats, width: int) -> Floats:
    """Volumes in bins of `width` bars: arrays of shape (n_sessions, n_bars) and (n_sessions, ceil(n_bars / width))."""
    sessions, length = bars.shape
    padded = np.zeros((sessions, -(-length // width) * width))
    padded[:, :length] = bars
    return np.asarray(padded.reshape(sessions, -1, width).sum(axis=2))


def _shares(bars: Floats, bins: Floats, width: int) -> Floats:
    """Each bar's part of its bin in the mean of the sessions, times how often the bin traded."""
    total, often = bins.sum(axis=0), (bins > 0).mean(axis=0)
    part = np.divide(often, total, out=np.zeros(len(total)), where=total > 0)
    return np.asarray(bars.sum(axis=0) * np.repeat(part, width)[: bars.shape[1]])


def _table(history: Sequence[Floats], width: int) -> Floats:
    if width < 1:
        raise UsageError(f"a bin has 1 bar or more, got width {width}")
    lengths = {len(earlier) for earlier in history}
    if len(lengths) > 1:
        raise UsageError(f"sessions of {sorted(lengths)} bars; map them onto one length: exec_algos.market.profile.stretched")
    return np.array(history, dtype=np.float64).reshape(len(history), -1)
