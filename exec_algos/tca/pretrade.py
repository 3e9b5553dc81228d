"""The pre-trade estimate: what an order is expected to cost, from the same cost object that simulates its fills.

The price is a martingale with normal moves, so that the expected cost is spread, impact and fees, and the schedule decides the spread of
outcomes around it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from exec_algos.checks import Floats
from exec_algos.costs import FixedSpread, child_fee, undated
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.stats.clustered import NOISE, check_fraction, column

Placed = Literal["start", "through"]

UNCAPPED = "no participation cap: any size fills"


@runtime_checkable
class ImpactCost(Protocol):
    """An impact law that knows what a whole schedule costs."""

    def expected_cost(self, trades: Floats, volumes: Floats, duration: float, volatility: float) -> float:
        """The impact that an average share pays, as a fraction of the arrival price, positive = cost.

        Parameters
        ----------
        trades, volumes : ndarray of float64, shape (n_slices,)
            Shares of the order and of the market in each slice.
        duration : float
            The window as a fraction of the session.
        volatility : float
            Of one session, a fraction of the price.
        """


@runtime_checkable
class SimulatedImpact(Protocol):
    """An impact law as the fill model simulates it: what an execution pays and pushes, and how the push dies away."""

    def terms(self, symbol: str, step: int) -> Any:
        """``temporary, temporary_power, temporary_volume, push, push_power, push_volume`` in a bar of `step` ns."""

    def decay(self) -> Any:
        """``weights`` and ``rates`` (1/s) of a sum of exponentials."""


class CostModel(Protocol):
    """What is read of the cost object; a `FillModel` is one."""

    @property
    def spread(self) -> Any:
        """`FixedSpread` or None."""

    @property
    def impact(self) -> Any:
        """A `SimulatedImpact`, an `ImpactCost` or None."""

    @property
    def commission(self) -> Any:
        """`Commission`."""

    @property
    def max_participation(self) -> float | None:
        """Cap, a fraction of each slice's volume."""


@dataclass(frozen=True, slots=True, eq=False)
class MarketForecast:
    """What is known of the market before the order starts.

    Parameters
    ----------
    volumes : array_like, shape (n_slices,)
        Expected shares in each slice of the window, >= 0, not all 0. `SquareRootImpact` takes a slice for a bar.
    volatility : float
        Standard deviation of the return of one session, a fraction: 0.02 is 2 %.
    duration : float
        The window as a fraction of the session, in (0, 1] (above 1 for several sessions).
    price : float, optional
        Currency per share; needed where the commission has a part per share or a minimum.
    half_spread : float, optional
        A fraction of the price, in place of the cost object's spread; needed where that is no `FixedSpread`.
    log_sd : float, optional
        Standard deviation of the log of the window's volume around what is expected: one lognormal factor of mean 1 on all slices.
    sessions : array_like, shape (n_sessions, n_slices), optional
        Volumes of the same slices in earlier sessions; takes the place of `log_sd`.
    session_seconds : float
        Length of a session, > 0, for impact that dies away with time; 6.5 hours by default.
    symbol : str
        Whose numbers an impact law takes that knows several.

    Raises
    ------
    UsageError
        A part out of range, or both `log_sd` and `sessions`.
    """

    volumes: Floats
    volatility: float
    duration: float
    price: float | None = None
    half_spread: float | None = None
    log_sd: float | None = None
    sessions: Floats | None = None
    session_seconds: float = 23_400.0
    symbol: str = ""

    def __post_init__(self) -> None:
        volumes = column("volumes", self.volumes).copy()
        if not len(volumes) or not np.isfinite(volumes).all() or (volumes < 0).any() or not volumes.sum() > 0:
            raise UsageError(f"volumes must be shares >= 0, not all 0, got {volumes.tolist()}")
        for name, value, least in (("volatility", self.volatility, 0), ("half_spread", self.half_spread, 0), ("log_sd", self.log_sd, 0)):
            if value is not None and not (math.isfinite(value) and value >= least):
                raise UsageError(f"{name} must be at least {least}, got {value!r}")
        for name, value in (("duration", self.duration), ("price", self.price), ("session_seconds", self.session_seconds)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise UsageError(f"{name} must be above 0, got {value!r}")
        if self.log_sd is not None and self.sessions is not None:
            raise UsageError("give log_sd or sessions, not both: each says how far the volume can be off")
        volumes.flags.writeable = False
        object.__setattr__(self, "volumes", volumes)
        if self.sessions is not None:
            object.__setattr__(self, "sessions", _sessions(self.sessions, len(volumes)))


class Completion(NamedTuple):
    """How likely the order is done by the end of its window.

    Attributes
    ----------
    probability : float
        NaN where nothing is known of how far the volume can be off.
    basis : str
        What the number rests on, or why there is none.
    """

    probability: float
    basis: str


class PreTradeEstimate(NamedTuple):
    """What an order is expected to cost against its arrival price, in bps of it, positive = cost.

    Attributes
    ----------
    expected, spread, impact, commission : float
        The expected cost, the sum of its three parts; spread times impact is left out. All of the order is taken to fill.
    sd : float
        Of the cost, from the price's moves while the order works (`timing_risk`).
    low, high : float
        The range that holds `confidence` of the outcomes: 5 and 95 % points of the normal distribution at 0.9.
    participation : float
        Shares over the expected volume of the window.
    peak_participation : float
        The largest of any slice; infinite where the schedule trades in a slice without volume.
    completion : Completion
    confidence : float
    """

    expected: float
    spread: float
    impact: float
    commission: float
    sd: float
    low: float
    high: float
    participation: float
    peak_participation: float
    completion: Completion
    confidence: float


def pretrade_estimate(
    shares: float, curve: npt.ArrayLike, market: MarketForecast, cost: CostModel, *, placed: Placed = "start", confidence: float = 0.9
) -> PreTradeEstimate:
    """Expected cost, its range, participation and probability of completion of an order on its schedule.

    Parameters
    ----------
    shares : float
        > 0.
    curve : array_like, shape (n_slices,)
        The part of the order done by the end of each slice: not falling, the last one 1 (`exec_algos.trajectories.holdings_curve`).
    market : MarketForecast
    cost : CostModel
        Such as the `FillModel` that the fills are simulated with.
    placed : {"start", "through"}
        Where in its slice a child trades; see `timing_risk`.
    confidence : float
        In (0, 1).

    Raises
    ------
    UsageError
        Shares or a curve that are none, a law without an expected cost, a price that is missing.

    Examples
    --------
    >>> from exec_algos.fills import FillModel
    >>> market = MarketForecast([1e6] * 4, volatility=0.02, duration=1.0)
    >>> found = pretrade_estimate(1e5, [0.25, 0.5, 0.75, 1.0], market, FillModel(spread=FixedSpread(4)), placed="through")
    >>> found.expected, round(found.sd, 2), found.participation
    (2.0, 115.47, 0.025)
    """
    check_fraction(confidence=confidence)
    done = _curve(curve, len(market.volumes))
    if not (math.isfinite(shares) and shares > 0):
        raise UsageError(f"shares must be above 0, got {shares!r}")
    trades = shares * np.diff(done, prepend=0.0)
    parts = (_half_spread(cost.spread, market), impact_cost(cost.impact, trades, market), _fees(cost, trades, market.price))
    spread, impact, commission = (1e4 * part for part in parts)
    sd = 1e4 * timing_risk(done, market.volatility, market.duration, placed)
    expected, reach = spread + impact + commission, float(ndtri(0.5 + confidence / 2)) * sd
    with np.errstate(divide="ignore", invalid="ignore"):
        peak = float(np.max(np.where(trades > 0, trades / market.volumes, 0.0)))
    return PreTradeEstimate(
        expected, spread, impact, commission, sd, expected - reach, expected + reach,
        shares / float(market.volumes.sum()), peak, completion(shares, done, market, cost.max_participation), confidence,
    )  # fmt: skip


def timing_risk(curve: npt.ArrayLike, volatility: float, duration: float, placed: Placed = "start") -> float:
    """Standard deviation of the cost against arrival: what the price's moves do to the part that is still held.

    ``start``: each child trades as its slice starts, ``sigma sqrt(tau sum_{k=1..N} x_k^2)`` with ``x_k = 1 - C_k`` left after slice k
    (Almgren and Chriss 2000, J. Risk 3(2):5, V in section 1.5). ``through``: it trades evenly through its slice,
    ``sigma sqrt(tau sum (x_{k-1}^2 + x_{k-1} x_k + x_k^2) / 3)``; a straight line then has ``sigma sqrt(duration / 3)``.

    Parameters
    ----------
    curve : array_like, shape (N,)
        The part of the order done by the end of each slice.
    volatility : float
        sigma of one session, a fraction.
    duration : float
        N tau, a fraction of the session.
    placed : {"start", "through"}

    Returns
    -------
    float
        A fraction of the arrival price.

    Examples
    --------
    >>> round(timing_risk([0.25, 0.5, 0.75, 1.0], 0.02, 1.0, "through") * 1e4, 4)
    115.4701
    """
    if placed not in ("start", "through"):
        raise UnknownNameError("place in the slice", placed, ("start", "through"))
    left = np.concatenate([[1.0], 1.0 - _curve(curve)])
    before, after = left[:-1], left[1:]
    squares = after**2 if placed == "start" else (before**2 + before * after + after**2) / 3
    return volatility * math.sqrt(duration / len(after) * float(squares.sum()))


def impact_cost(impact: SimulatedImpact | ImpactCost | None, trades: npt.ArrayLike, market: MarketForecast) -> float:
    """The impact that an average share pays, a fraction of the price.

    Each slice is one child that trades in one bar, as it is simulated: it pays its temporary part, the average of its own push over
    itself, and what the pushes before it have left, ``sum_{j < k} push_j G((k - j) tau)``.

    Parameters
    ----------
    impact : SimulatedImpact, ImpactCost or None
        `SquareRootImpact`, `AlmgrenImpact`, `TransientImpact` are the first. A law with an `expected_cost` is asked for it. None: 0.
    trades : array_like, shape (n_slices,)
        Shares, >= 0, not all 0.
    market : MarketForecast

    Raises
    ------
    UsageError
        Trades in a slice without volume, or a law that says neither what it costs nor how it is simulated.
    """
    n = column("trades", trades)
    if impact is None:
        return 0.0
    if isinstance(impact, ImpactCost):
        return float(impact.expected_cost(n, market.volumes, market.duration, market.volatility))
    if not isinstance(impact, SimulatedImpact):
        raise UsageError(f"{impact!r} has neither expected_cost(trades, volumes, duration, volatility) nor terms and decay")
    return float(n @ _simulated(impact, n, market)) / float(n.sum())


def _simulated(impact: SimulatedImpact, trades: Floats, market: MarketForecast) -> Floats:
    """What each child pays: its own impact and what earlier ones have left."""
    seconds = market.duration * market.session_seconds / len(trades)
    terms, decay = impact.terms(market.symbol, round(seconds * 1e9)), impact.decay()
    own = _of_size(trades, market.volumes, terms.temporary_volume, terms.temporary, terms.temporary_power)
    push = _of_size(trades, market.volumes, terms.push_volume, terms.push, terms.push_power)
    weights, kept = np.array(decay.weights), np.exp(-np.array(decay.rates) * seconds)
    levels, met = np.zeros(len(weights)), np.zeros(len(trades))
    for k in range(1, len(trades)):
        levels = (levels + weights * push[k - 1]) * kept
        met[k] = levels.sum()
    paid: Floats = met + own + push / (1 + terms.push_power)
    return paid


def _of_size(trades: Floats, volumes: Floats, fixed: float, factor: float, power: float) -> Floats:
    """``factor * (trades / volume) ** power``, the volume being the slice's where no fixed one is named; 0 where nothing trades."""
    if not factor:
        return np.zeros(len(trades))
    traded = trades > 0
    if not fixed and (volumes[traded] == 0).any():
        raise UsageError("the schedule trades in a slice without volume, where its impact is not defined: use the volume curve")
    found = np.zeros(len(trades))
    found[traded] = factor * (trades[traded] / (fixed or volumes[traded])) ** power
    return found


def completion(shares: float, curve: npt.ArrayLike, market: MarketForecast, cap: float | None) -> Completion:
    """How likely an order is done in time when it may take `cap` of each slice's volume and catches up what it missed.

    After slice k it has ``f_k = min(C_k Q, f_{k-1} + cap v_k)``, so it is done if ``cap (v_{j+1} + ... + v_N) >= (1 - C_j) Q`` for each
    j. With one lognormal factor m of mean 1 on all volumes that is ``m >= m* = max_j (1 - C_j) Q / (cap sum_{i > j} v_i)``:
    ``Phi(-log(m*) / s - s / 2)``. With earlier sessions it is the share of them in which it holds.

    Parameters
    ----------
    shares : float
    curve : array_like, shape (n_slices,)
    market : MarketForecast
    cap : float, optional
        Fraction of the volume; None: no cap.

    Returns
    -------
    Completion
    """
    if cap is None:
        return Completion(1.0, UNCAPPED)
    left = shares * np.concatenate([[1.0], 1.0 - _curve(curve, len(market.volumes))[:-1]])
    if market.sessions is not None:
        done = [_short(left, session, cap) <= 1 + NOISE for session in market.sessions]
        return Completion(sum(done) / len(done), f"the volumes of {len(done)} earlier sessions, {sum(done)} of which would have done")
    need = _short(left, market.volumes, cap)
    if market.log_sd is None:
        return Completion(math.nan, f"needs {need:.3g} times the expected volume; give log_sd or sessions for how likely that is")
    if market.log_sd == 0:
        return Completion(float(need <= 1 + NOISE), "the expected volume, taken as certain")
    odds = float(ndtr(-math.log(need) / market.log_sd - market.log_sd / 2)) if math.isfinite(need) else 0.0
    return Completion(odds, f"needs {need:.3g} times the expected volume, lognormal with log sd {market.log_sd:g}")


def _short(left: Floats, volumes: Floats, cap: float) -> float:
    """The factor on the volumes at which the order is just done."""
    room = cap * np.cumsum(volumes[::-1])[::-1]
    waits = left > 0
    return math.inf if (room[waits] == 0).any() else float((left[waits] / room[waits]).max())


def _half_spread(spread: Any, market: MarketForecast) -> float:
    if market.half_spread is not None:
        return market.half_spread
    if spread is None:
        return 0.0
    if not isinstance(spread, FixedSpread):
        raise UsageError(f"{spread!r} is not the same in each bar: give MarketForecast its half_spread, a fraction of the price")
    return float(spread.half())


def _fees(cost: CostModel, trades: Floats, price: float | None) -> float:
    commission, children = undated(cost.commission), trades[trades > 0]
    if price is None:
        if commission.per_share or commission.minimum:
            raise UsageError("a commission per share or with a minimum needs the price: MarketForecast(..., price=...)")
        price = 1.0
    return sum(child_fee(commission, float(n), float(n) * price) for n in children) / (float(children.sum()) * price)


def _curve(curve: npt.ArrayLike, slices: int | None = None) -> Floats:
    done = column("curve", curve)
    if not len(done) or (slices is not None and len(done) != slices):
        raise UsageError(f"the curve must have one point for each of the {slices or 'at least one'} slices, got {len(done)}")
    rises = np.diff(done, prepend=0.0) >= -NOISE
    if not (np.isfinite(done).all() and rises.all() and abs(done[-1] - 1) <= 1e-9):
        raise UsageError(f"a curve must rise from 0 to 1 at its last point, got {done.tolist()}")
    return np.clip(done, 0.0, 1.0)


def _sessions(sessions: npt.ArrayLike | Sequence[Any], slices: int) -> Floats:
    table = np.array(sessions, dtype=np.float64)
    if table.ndim != 2 or not len(table) or table.shape[1] != slices:
        raise UsageError(f"sessions must have a row for each session and {slices} columns, got shape {table.shape}")
    if not np.isfinite(table).all() or (table < 0).any():
        raise UsageError("volumes of earlier sessions must be shares >= 0: leave out sessions that are not known")
    table.flags.writeable = False
    return table
