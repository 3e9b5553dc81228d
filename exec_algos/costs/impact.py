"""What an execution does to the price by its size: three laws, each with what it costs before a trade.

A square root that is paid at once and forgotten; the permanent and temporary parts of Almgren and others, 2005; and an impact
that dies away with time, of Obizhaeva and Wang, 2013, and of Bouchaud's propagator.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, NamedTuple

from exec_algos.checks import in_range
from exec_algos.costs.propagator import NS, Decay, ImpactTerms
from exec_algos.errors import UnknownNameError, UsageError

BySymbol = float | Mapping[str, float] | tuple[tuple[str, float], ...]

FORGOTTEN, KEPT = Decay((), ()), Decay((1.0,), (0.0,))
LEAST_POWER, MOST_POWER = 0.1, 1.5
POWERS = {"linear": 1.0, "square_root": 0.5}
STEP, LOWEST, HIGHEST = 0.7, -20, 2.9  # of the quadrature of a power law in log rates


@dataclass(frozen=True, slots=True)
class SquareRootImpact:
    """The square-root law of market impact, paid at once: what a child order adds to its own price in a bar.

    ``price * (1 + side * coefficient * sqrt(shares / volume))`` with the shares that the child got from the
    bar and the bar's volume. It is instantaneous: it moves the price of that execution alone. Later children,
    other children in the same bar and the market's own prices do not feel it, so that an order cut into more
    children pays less, down to nothing; `TransientImpact` and `AlmgrenImpact` do not have that fault. A sale's
    price stops at 0.

    Parameters
    ----------
    coefficient : float
        Fraction of the price that a child as large as the bar pays: 0.001 is 10 bps. By the law it is Y x the
        volatility of the price over one bar, Y about 1.

    Raises
    ------
    UsageError
        A coefficient that is negative, not a number, or 1 and more.

    References
    ----------
    R. Almgren, C. Thum, E. Hauptmann and H. Li, "Direct estimation of equity market impact", 2005, fit the power
    of size as 3/5. B. Toth et al., "Anomalous price impact and the critical nature of liquidity in financial
    markets", Phys. Rev. X 1, 021006 (2011): ``impact = Y * volatility * sqrt(quantity / volume)``, over one day.
    """

    coefficient: float

    def __post_init__(self) -> None:
        advice = "it is a fraction of the price, such as SquareRootImpact(0.001) for 10 bps"
        object.__setattr__(self, "coefficient", in_range("impact coefficient", self.coefficient, 1, advice))

    def terms(self, symbol: str, step: int) -> ImpactTerms:
        """What an execution does; the same in every symbol and bar."""
        return ImpactTerms(self.coefficient, 0.5, 0.0, 0.0, 1.0, 0.0)

    def decay(self) -> Decay:
        """It is forgotten at once."""
        return FORGOTTEN


class AlmgrenCost(NamedTuple):
    """The parts of `AlmgrenImpact.cost`, bps of the price, positive = cost.

    Attributes
    ----------
    permanent : float
        I: how far the whole order moves the price for good.
    temporary : float
        K: what its rate costs while it trades.
    total : float
        ``J = I / 2 + K``: what its average price loses against the price before it. Not ``I + K``.
    """

    permanent: float
    temporary: float
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AlmgrenImpact:
    """Permanent and temporary impact as fitted to 29,509 large US orders of 2001 to 2003.

    X shares over T days, of a stock with daily volatility sigma, volume V a day and Theta shares outstanding:

    * permanent: ``I = sigma gamma (X / V) (Theta / V) ** delta``, which moves the price for all that follows;
    * temporary: ``K = sigma eta (X / (V T)) ** beta``, which only this execution pays.

    In a run each execution pays K at its own rate, T being the bar as a fraction of the day, the displacement that earlier
    executions of anyone in the run have left, and half of its own permanent part: over an order these halves add up to I / 2.

    Parameters
    ----------
    volatility : float or mapping of str to float
        sigma, daily, a fraction of the price: 0.0157 is 1.57 %. One number, or one for each symbol.
    daily_volume : float or mapping of str to float
        V, shares a day.
    shares_outstanding : float or mapping of str to float
        Theta, shares.
    session_seconds : float
        Length of the day; 6.5 hours by default.
    gamma, eta, beta, delta : float
        The fit; the paper's 0.314, 0.142, 3/5 and 1/4 by default.

    Raises
    ------
    UsageError
        A number that is not above 0, or a volatility of 1 and more; `gamma`, `eta` and `delta` may be 0.

    References
    ----------
    R. Almgren, C. Thum, E. Hauptmann and H. Li, "Direct estimation of equity market impact", Risk 18(7), 2005, 58-62.

    Examples
    --------
    >>> ibm = AlmgrenImpact(volatility=0.0157, daily_volume=6.561e6, shares_outstanding=1.728e9)
    >>> round(ibm.cost(656_100, days=0.1).total, 3)
    32.224
    """

    volatility: BySymbol
    daily_volume: BySymbol
    shares_outstanding: BySymbol
    session_seconds: float = 23_400.0
    gamma: float = 0.314
    eta: float = 0.142
    beta: float = 0.6
    delta: float = 0.25

    def __post_init__(self) -> None:
        for name in ("volatility", "daily_volume", "shares_outstanding"):
            object.__setattr__(self, name, _by_symbol(name, getattr(self, name), 1.0 if name == "volatility" else math.inf))
        for name in ("session_seconds", "beta"):
            object.__setattr__(self, name, _positive(name, getattr(self, name)))
        for name in ("gamma", "eta", "delta"):
            object.__setattr__(self, name, in_range(name, getattr(self, name), math.inf, "it is a number of the fit"))

    def cost(self, shares: float, *, days: float, symbol: str = "") -> AlmgrenCost:
        """What an order costs that trades at a constant rate.

        Parameters
        ----------
        shares : float
            X > 0.
        days : float
            T > 0, as a fraction of the day's volume time.
        symbol : str, optional
            Whose numbers count, where there are several.

        Returns
        -------
        AlmgrenCost
            bps of the price.
        """
        size, time = _positive("shares", shares), _positive("days", days)
        sigma, volume, permanent = self._numbers(symbol)
        moved = 1e4 * permanent * size / volume
        paid = 1e4 * sigma * self.eta * (size / (volume * time)) ** self.beta
        return AlmgrenCost(moved, paid, moved / 2 + paid)

    def terms(self, symbol: str, step: int) -> ImpactTerms:
        """What an execution in a bar of `step` ns does."""
        sigma, volume, permanent = self._numbers(symbol)
        return ImpactTerms(sigma * self.eta, self.beta, volume * step * NS / self.session_seconds, permanent, 1.0, volume)

    def decay(self) -> Decay:
        """The permanent part stays."""
        return KEPT

    def _numbers(self, symbol: str) -> tuple[float, float, float]:
        """Volatility, daily volume, and what a day's volume moves the price for good."""
        sigma, volume = _of(self.volatility, symbol), _of(self.daily_volume, symbol)
        return sigma, volume, sigma * self.gamma * (_of(self.shares_outstanding, symbol) / volume) ** self.delta


@dataclass(frozen=True, slots=True)
class TransientImpact:
    """An impact that later executions meet, and that dies away with time.

    An execution of x shares displaces the price by ``coefficient * f(x / V)``, f linear or a square root, for everyone who
    trades after it; t seconds later ``G(t)`` of that is left:

    * `half_life_seconds`: ``G(t) = 2 ** (-t / half_life)``, the resilience of a limit order book (Obizhaeva and Wang;
      ``rho = ln 2 / half_life``);
    * `decay_power` and `decay_seconds`: ``G(t) = (1 + t / decay_seconds) ** -decay_power``, the propagator of Bouchaud
      and others. It is computed as a sum of 34 exponentials, exact to 1e-4 of the peak at every t
      up to 5e5 decay_seconds, a year of minutes; `decay_power` is from 0.1 to 1.5.

    The execution itself pays the average over itself, half of its peak where f is linear and 2/3 where it is a root. Time
    is that of the clock: nights and weekends count.

    Parameters
    ----------
    coefficient : float
        Fraction of the price that an execution of V shares adds: 0.001 is 10 bps.
    size : {"linear", "square_root"}
        f.
    half_life_seconds : float, optional
        `math.inf`: it never dies away.
    decay_power, decay_seconds : float, optional
        In place of the half-life.
    permanent : float
        Fraction of each push that stays, from 0 to 1.
    daily_volume : float or mapping of str to float, optional
        V in shares, one number or one a symbol. None: the volume of the bar in which it trades.

    Raises
    ------
    UsageError
        A number out of range; no decay, or two of them.
    UnknownNameError
        An unknown `size`.

    References
    ----------
    A. Obizhaeva and J. Wang, "Optimal trading strategy and supply/demand dynamics", J. Financial Markets 16, 2013, 1-32.
    J.-P. Bouchaud, Y. Gefen, M. Potters and M. Wyart, "Fluctuations and response in financial markets: the subtle nature of
    'random' price changes", Quantitative Finance 4, 2004, 176-190.
    """

    coefficient: float
    size: Literal["linear", "square_root"] = "linear"
    half_life_seconds: float | None = None
    decay_power: float | None = None
    decay_seconds: float | None = None
    permanent: float = 0.0
    daily_volume: BySymbol | None = None

    def __post_init__(self) -> None:
        advice = "it is a fraction of the price, such as 0.001 for 10 bps"
        object.__setattr__(self, "coefficient", in_range("impact coefficient", self.coefficient, 1, advice))
        if self.size not in POWERS:
            raise UnknownNameError("size of an impact", str(self.size), POWERS)
        self._check_decay()
        object.__setattr__(self, "permanent", in_range("permanent", self.permanent, 1 + 1e-12, "it is the fraction that stays"))
        if self.daily_volume is not None:
            object.__setattr__(self, "daily_volume", _by_symbol("daily_volume", self.daily_volume, math.inf))

    def _check_decay(self) -> None:
        given = {name: getattr(self, name) for name in ("half_life_seconds", "decay_power", "decay_seconds")}
        named = {name: value for name, value in given.items() if value is not None}
        if set(named) not in ({"half_life_seconds"}, {"decay_power", "decay_seconds"}):
            raise UsageError(f"an impact dies away by half_life_seconds, or by decay_power and decay_seconds; got {named or 'neither'}")
        for name, value in named.items():
            object.__setattr__(self, name, math.inf if name == "half_life_seconds" and value == math.inf else _positive(name, value))
        if self.decay_power is not None and not LEAST_POWER <= self.decay_power <= MOST_POWER:
            raise UsageError(f"decay_power must be from {LEAST_POWER} to {MOST_POWER}, got {self.decay_power!r}; 0.5 is usual")

    def terms(self, symbol: str, step: int) -> ImpactTerms:
        """What an execution does; the same in a bar of any length."""
        volume = 0.0 if self.daily_volume is None else _of(self.daily_volume, symbol)
        return ImpactTerms(0.0, 1.0, 0.0, self.coefficient, POWERS[self.size], volume)

    def decay(self) -> Decay:
        """G as a sum of exponentials."""
        if self.half_life_seconds is not None:
            dying = Decay((1.0,), (math.log(2) / self.half_life_seconds,))
        else:
            dying = _power_law(float(self.decay_power or 0.0), float(self.decay_seconds or 0.0))
        if not self.permanent:
            return dying
        return Decay((self.permanent, *((1 - self.permanent) * weight for weight in dying.weights)), (0.0, *dying.rates))


def _power_law(power: float, seconds: float) -> Decay:
    """``(1 + t / seconds) ** -power = int exp(y power - exp(y) (1 + t / seconds)) dy / Gamma(power)``, by the trapezoidal rule.

    What lies below the lowest rate is one more exponential, of its mass and its mean rate.
    """
    rates = [math.exp(HIGHEST - STEP * i) for i in range(int((HIGHEST - LOWEST) / STEP) + 1)]
    weights = [STEP * rate**power * math.exp(-rate) for rate in rates]
    edge = rates[-1] * math.exp(-STEP / 2)
    rates.append(edge * power / (power + 1))
    weights.append(edge**power / power)
    whole = math.fsum(weights)
    return Decay(tuple(weight / whole for weight in weights), tuple(rate / seconds for rate in rates))


def _positive(name: str, value: Any) -> float:
    if not isinstance(value, Real) or not 0 < float(value) < math.inf:
        raise UsageError(f"{name} must be a number above 0, got {value!r}")
    return float(value)


def _by_symbol(name: str, value: Any, below: float) -> BySymbol:
    """A number, or pairs of symbol and number: a mapping could be changed."""
    if isinstance(value, Real):
        return _below(name, value, below)
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise UsageError(f"{name} must be a number above 0, or one for each symbol such as {{'IBM': 1e6}}; got {value!r}")
    return tuple(sorted((str(symbol), _below(f"{name} of {symbol}", number, below)) for symbol, number in dict(value).items()))


def _below(name: str, value: Any, below: float) -> float:
    if not _positive(name, value) < below:
        raise UsageError(f"{name} must be below {below:g}, got {value!r}: it is a fraction, 2 % is 0.02")
    return float(value)


def _of(value: Any, symbol: str) -> float:
    if isinstance(value, float):
        return value
    numbers = dict(value)
    if symbol not in numbers:
        raise UnknownNameError("symbol of the impact", symbol, numbers)
    return float(numbers[symbol])
