"""The spread estimated from bars that hold no quotes: Corwin and Schultz, Abdi and Ranaldo, Roll.

Each takes columns of bars in time order (days, as in the papers, or any other length), each with a range and a close, and gives
the full relative spread ``(ask - bid) / mid``, or the reason why there is none. All three read the bounce between bid and ask out of
prices whose volatility is larger than it: a month of daily bars tells 200 bps well, 50 bps hardly, and 5 bps not at all (there they
show two fifths of the daily volatility instead). For a liquid stock take its quotes, or its tick.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Flags, Floats
from exec_algos.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars


PAIRS = 12  # of a month, below which Corwin and Schultz take no estimate
CURVATURE = 3.0 - 2.0 * math.sqrt(2.0)


@dataclass(frozen=True, slots=True)
class SpreadEstimate:
    """A spread, or why there is none.

    Parameters
    ----------
    value : float
        The full relative spread: 0.001 is 10 bps. NaN exactly where there is a reason.
    reason : str
        Empty where the value is known.
    pairs : int
        Two-bar estimates that went into it.
    negative : int
        How many of them were below 0. Many of them say that volatility hides the spread.

    Raises
    ------
    UsageError
        A NaN without a reason, or a reason beside a number.
    """

    value: float
    reason: str = ""
    pairs: int = 0
    negative: int = 0

    def __post_init__(self) -> None:
        if math.isfinite(self.value) == bool(self.reason):
            raise UsageError(f"a spread is NaN exactly where a reason stands, got {self.value!r} with reason {self.reason!r}")

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return not self.reason


def _missing(reason: str, pairs: int = 0, negative: int = 0) -> SpreadEstimate:
    return SpreadEstimate(math.nan, reason, pairs, negative)


def _column(name: str, values: npt.ArrayLike, length: int) -> Floats:
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1 or len(column) != length:
        raise UsageError(f"{name} must be a column of {length} bars, got shape {column.shape}")
    return column


def _ranged(high: Floats, low: Floats) -> Flags:
    """Bars that have a range to read, shape (n,)."""
    wrong = np.flatnonzero(high < low)
    if len(wrong):
        raise UsageError(f"bar {wrong[0]} has high {high[wrong[0]]} below low {low[wrong[0]]}")
    usable: Flags = np.isfinite(high) & np.isfinite(low) & (low > 0) & (high > low)
    return usable


def _too_few(pairs: int, bars: int, at_least: int, flat: int) -> str:
    why = f"; {flat} bars have no range" if flat else ""
    return f"{pairs} pairs of neighbouring bars with a range among {bars} bars, {at_least} are needed{why}"


def corwin_schultz(
    high: npt.ArrayLike,
    low: npt.ArrayLike,
    close: npt.ArrayLike | None = None,
    *,
    negative: Literal["zero", "keep"] = "zero",
    at_least: int = PAIRS,
) -> SpreadEstimate:
    """The high-low spread of Corwin and Schultz: ranges of one day hold the spread once, ranges of two days hold it once too.

    For each two neighbouring bars ``beta = ln(H1/L1)^2 + ln(H2/L2)^2``, ``gamma = ln(max H / min L)^2``,
    ``alpha = (sqrt(2 beta) - sqrt(beta)) / (3 - 2 sqrt 2) - sqrt(gamma / (3 - 2 sqrt 2))`` and
    ``S = 2 (e^alpha - 1) / (1 + e^alpha)`` (eq. 14 to 18); the mean over the pairs is the estimate.

    Parameters
    ----------
    high, low : array_like, shape (n,)
        Currency per share, in time order.
    close : array_like, shape (n,), optional
        Where given, a gap between a close and the next bar's range is taken out of that bar (section I.C, overnight returns).
    negative : {"zero", "keep"}
        What a pair below 0 counts: 0, as the paper recommends, or what it is.
    at_least : int
        Pairs below which there is no estimate.

    Returns
    -------
    SpreadEstimate
        Relative spread.

    Raises
    ------
    UsageError
        Columns of unequal length, or a high below its low.
    UnknownNameError
        An unknown rule for negative pairs.

    Notes
    -----
    Where it fails. *Bars without a range*: their pairs are left out; a stock that trades once a day has no estimate. *Few bars*:
    no estimate. *Drift, gaps and changing volatility*: the range of two bars grows faster than volatility alone makes it, pairs turn
    negative, and with every pair negative there is no estimate (the paper's answer would be 0). *Small spreads*: ``negative="zero"``
    cuts one side of the noise off, so that a market with no spread at all shows two fifths of its daily volatility
    (simulated, 390 steps a day: 40 bps at a volatility of 1 %, where ``"keep"`` shows 4).
    *Few trades a bar*: the true range is not reached, and the estimate is too low.

    References
    ----------
    S. A. Corwin and P. Schultz, "A simple way to estimate bid-ask spreads from daily high and low prices", J. Finance 67(2), 2012.

    Examples
    --------
    A market that does not move, bid 99 and ask 101, has a spread of 2 / 100:

    >>> round(corwin_schultz([101.0, 101.0], [99.0, 99.0], at_least=1).value, 12)
    0.02
    """
    if negative not in ("zero", "keep"):
        raise UnknownNameError("rule for negative estimates", negative, ("zero", "keep"))
    top = _column("high", high, len(np.atleast_1d(high)))
    bottom = _column("low", low, len(top))
    ranged = _ranged(top, bottom)
    shift = np.zeros(max(len(top) - 1, 0)) if close is None else _overnight(top, bottom, _column("close", close, len(top)))
    use = ranged[1:] & ranged[:-1] & np.isfinite(shift)
    if use.sum() < max(at_least, 1):
        return _missing(_too_few(int(use.sum()), len(top), max(at_least, 1), int((~ranged).sum())), int(use.sum()))
    pairs = _high_low(top, bottom, shift)[use]
    below = int((pairs < 0).sum())
    if negative == "keep":
        return SpreadEstimate(float(pairs.mean()), "", len(pairs), below)
    if below == len(pairs):
        return _missing("every two-bar estimate is negative: drift or volatility hides the spread", len(pairs), below)
    return SpreadEstimate(float(np.maximum(pairs, 0.0).mean()), "", len(pairs), below)


def _overnight(high: Floats, low: Floats, close: Floats) -> Floats:
    """What the second bar of each pair moved away from the close before it, shape (n - 1,): positive upwards."""
    return np.maximum(low[1:] - close[:-1], 0.0) + np.minimum(high[1:] - close[:-1], 0.0)


def _high_low(high: Floats, low: Floats, shift: Floats) -> Floats:
    """S of each pair, shape (n - 1,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        second_high, second_low = high[1:] - shift, low[1:] - shift
        beta = np.log(high[:-1] / low[:-1]) ** 2 + np.log(second_high / second_low) ** 2
        gamma = np.log(np.maximum(high[:-1], second_high) / np.minimum(low[:-1], second_low)) ** 2
        alpha = (np.sqrt(2.0 * beta) - np.sqrt(beta)) / CURVATURE - np.sqrt(gamma / CURVATURE)
        spread: Floats = 2.0 * (np.exp(alpha) - 1.0) / (1.0 + np.exp(alpha))
    return spread


def abdi_ranaldo(
    high: npt.ArrayLike,
    low: npt.ArrayLike,
    close: npt.ArrayLike,
    *,
    correction: Literal["two_day", "monthly"] = "two_day",
    at_least: int = PAIRS,
) -> SpreadEstimate:
    """The close-high-low spread of Abdi and Ranaldo: how far a close lies from the mid-ranges about it.

    ``s^2 = 4 E[(c_t - eta_t)(c_t - eta_{t+1})]`` with ``c = ln close`` and ``eta = (ln high + ln low) / 2``. ``"two_day"`` is the mean
    of ``sqrt(max(4 (c_t - eta_t)(c_t - eta_{t+1}), 0))`` over the pairs, ``"monthly"`` the root of the mean over all of them.

    Parameters
    ----------
    high, low, close : array_like, shape (n,)
        Currency per share, in time order.
    correction : {"two_day", "monthly"}
        Where negative products are set to 0: in each pair, or in the mean.
    at_least : int
        Pairs below which there is no estimate.

    Returns
    -------
    SpreadEstimate
        Relative spread (a difference of logarithms).

    Raises
    ------
    UsageError
        Columns of unequal length, or a high below its low.
    UnknownNameError
        An unknown correction.

    Notes
    -----
    Where it fails. *Bars without a range*: their pairs are left out, as their close is their mid-range. *Few bars*: no estimate.
    *A mean of the products that is not above 0*: no estimate under ``"monthly"`` (the paper's answer would be 0). *Small spreads*:
    ``"two_day"`` cuts one side of the noise off and shows two fifths of the daily volatility where there is no spread at all
    (simulated: 39 bps at 1 % a day); of the months of such a market ``"monthly"`` leaves half without an answer.
    *Drift*: a close at the end of every range makes the products negative.

    References
    ----------
    F. Abdi and A. Ranaldo, "A simple estimation of bid-ask spreads from daily close, high, and low prices", Rev. Financial Studies
    30(12), 2017.

    Examples
    --------
    A market that does not move and always closes at the ask:

    >>> estimate = abdi_ranaldo([101.0] * 3, [99.0] * 3, [101.0] * 3, at_least=2)
    >>> round(estimate.value - math.log(101 / 99), 12)
    0.0
    """
    if correction not in ("two_day", "monthly"):
        raise UnknownNameError("correction", correction, ("two_day", "monthly"))
    top = _column("high", high, len(np.atleast_1d(high)))
    bottom, last = _column("low", low, len(top)), _column("close", close, len(top))
    ranged = _ranged(top, bottom)
    use = ranged[1:] & ranged[:-1] & np.isfinite(last[:-1]) & (last[:-1] > 0)
    if use.sum() < max(at_least, 1):
        return _missing(_too_few(int(use.sum()), len(top), max(at_least, 1), int((~ranged).sum())), int(use.sum()))
    squares = _close_high_low(top, bottom, last)[use]
    below = int((squares < 0).sum())
    if correction == "monthly":
        if squares.mean() <= 0:
            return _missing("the mean product is not above 0: drift or volatility hides the spread", len(squares), below)
        return SpreadEstimate(math.sqrt(float(squares.mean())), "", len(squares), below)
    if not (squares > 0).any():
        return _missing("no product is above 0: drift or volatility hides the spread", len(squares), below)
    return SpreadEstimate(float(np.sqrt(np.maximum(squares, 0.0)).mean()), "", len(squares), below)


def _close_high_low(high: Floats, low: Floats, close: Floats) -> Floats:
    """Four times the product of each pair, shape (n - 1,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = (np.log(high) + np.log(low)) / 2.0
        last = np.log(close[:-1])
        products: Floats = 4.0 * (last - middle[:-1]) * (last - middle[1:])
    return products


def roll(close: npt.ArrayLike, *, at_least: int = PAIRS) -> SpreadEstimate:
    """Roll's spread: trades that bounce between bid and ask make neighbouring price changes opposite.

    ``s = 2 sqrt(-cov(d_t, d_{t-1}))`` with ``d`` the changes of the log closes.

    Parameters
    ----------
    close : array_like, shape (n,)
        Currency per share, in time order; the price of each bar's last trade.
    at_least : int
        Pairs of changes below which there is no estimate.

    Returns
    -------
    SpreadEstimate
        Relative spread.

    Raises
    ------
    UsageError
        Not a column.

    Notes
    -----
    Where it fails. *A covariance that is not below 0*: no estimate; with daily closes that is about half of all stock months, as the
    noise of the covariance is of the order of the variance over the root of the number of days. *Momentum* hides the bounce,
    *reversal* without a bounce counts as spread. *Few bars*: no estimate.

    References
    ----------
    R. Roll, "A simple implicit measure of the effective bid-ask spread in an efficient market", J. Finance 39(4), 1984.
    """
    column = _column("close", close, len(np.atleast_1d(close)))
    with np.errstate(divide="ignore", invalid="ignore"):
        changes = np.diff(np.log(column))
    use = np.isfinite(changes[1:]) & np.isfinite(changes[:-1])
    now, before = changes[1:][use], changes[:-1][use]
    if len(now) < max(at_least, 1):
        return _missing(f"{len(now)} pairs of price changes among {len(column)} bars, {max(at_least, 1)} are needed", len(now))
    covariance = float(((now - now.mean()) * (before - before.mean())).mean())
    if covariance >= 0:
        return _missing("neighbouring price changes are not negatively correlated: there is no bounce to read", len(now))
    return SpreadEstimate(2.0 * math.sqrt(-covariance), "", len(now))


class SessionBars(NamedTuple):
    """One symbol's bars by local day: arrays of shape (n_days,).

    Attributes
    ----------
    first : ndarray of int64
        First bar of each day, counted from the symbol's first bar.
    high, low, close : ndarray of float64
        Currency per share.
    """

    first: npt.NDArray[np.int64]
    high: Floats
    low: Floats
    close: Floats

    def part(self, start: int, end: int) -> SessionBars:
        """The days ``start`` to ``end - 1``."""
        return SessionBars(self.first[start:end], self.high[start:end], self.low[start:end], self.close[start:end])


def sessions_of(bars: Bars, symbol: str) -> SessionBars:
    """Range and close of each local day of one symbol's bars.

    Raises
    ------
    UnknownNameError
        No such symbol.
    """
    import pandas as pd

    rows = bars.rows(symbol)
    start = bars.start[rows]
    if not len(start):
        empty = np.empty(0)
        return SessionBars(np.empty(0, dtype=np.int64), empty, empty, empty)
    days = pd.DatetimeIndex(start.view("datetime64[ns]"), tz="UTC").tz_convert(bars.zone).tz_localize(None).normalize().to_numpy()
    first = np.flatnonzero(np.concatenate([[True], days[1:] != days[:-1]])).astype(np.int64)
    last = np.concatenate([first[1:], [len(start)]]) - 1
    high, low = np.maximum.reduceat(bars.high[rows], first), np.minimum.reduceat(bars.low[rows], first)
    return SessionBars(first, high, low, bars.close[rows][last])


ESTIMATORS: Mapping[str, Callable[[SessionBars, int], SpreadEstimate]] = {
    "corwin_schultz": lambda days, at_least: corwin_schultz(days.high, days.low, days.close, at_least=at_least),
    "abdi_ranaldo": lambda days, at_least: abdi_ranaldo(days.high, days.low, days.close, at_least=at_least),
    "roll": lambda days, at_least: roll(days.close, at_least=at_least),
}


def estimate_of(estimator: str, days: SessionBars, at_least: int = PAIRS) -> SpreadEstimate:
    """The estimate of days, with each estimator's recommended corrections.

    Raises
    ------
    UnknownNameError
        No such estimator.
    """
    try:
        return ESTIMATORS[estimator](days, at_least)
    except KeyError:
        raise UnknownNameError("spread estimator", estimator, ESTIMATORS) from None
