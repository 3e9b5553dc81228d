"""Seeded minute bars for any ticker: a market that looks like one, made of nothing but a seed.

Model, per minute ``t`` of a session (all noise from one stream per seed, symbol and day):

* variance: GARCH(1,1) across minutes, ``h[t+1] = 0.02 + (0.08 z[t]**2 + 0.90) h[t]``, with mean 1 [1]_;
* level of volatility and of volume: first-order autoregressions of their logarithms across days, correlated [2]_;
* prices: six trades a minute on a geometric walk, an overnight gap, a weak pull back to the starting price, rounded to ticks;
* volume: high at the open, low at midday, rising to a burst in the last minute, larger when prices move [3]_.

Prices and volumes are rounded at the end, so that the last digit of a logarithm cannot be seen in them.

References
----------
.. [1] Bollerslev (1986), Generalized autoregressive conditional heteroskedasticity, section 2.
.. [2] Tauchen, Pitts (1983), The price variability-volume relationship on speculative markets, section 2.
.. [3] Jain, Joh (1988), The dependence between hourly prices and trading volume, section 3.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UsageError
from exec_algos.market.arrays import Floats, Ints
from exec_algos.market.bars import Bars
from exec_algos.market.calendars import DAY, Sessions, sessions
from exec_algos.market.depth import with_quote_proxy
from exec_algos.market.traits import Traits, cent_ticks, krx_ticks

MINUTE = 60_000_000_000
REGULAR_MINUTES = 390

_TRADES = 6
_ARCH, _GARCH = 0.08, 0.90
_OVERNIGHT = 0.45


class Carry(NamedTuple):
    """What one session hands to the next: last unrounded price, and the log levels of volatility and of volume."""

    price: float
    volatility: float = 0.0
    volume: float = 0.0


class SessionBars(NamedTuple):
    """Bars of one symbol and session, columns of shape (n,): ns UTC, currency per share, shares; and what the next one starts from."""

    start: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    carry: Carry


def synthetic_session(
    symbol: str, open_ns: int, close_ns: int, *, seed: int = 0, traits: Traits | None = None, carry: Carry | None = None
) -> SessionBars:
    """Minute bars of one session.

    Parameters
    ----------
    symbol : str
        Any text; with `seed` and the day it chooses the noise.
    open_ns, close_ns : int
        ns UTC.
    seed : int
        Not negative.
    traits : Traits, optional
        The name's price, volume and volatility.
    carry : Carry, optional
        The end of the session before; without it the price starts at ``traits.price``.

    Returns
    -------
    SessionBars
        At most one bar a minute; equal arguments give equal bytes.

    Raises
    ------
    UsageError
        A negative seed, or a session shorter than two minutes.
    """
    traits = traits or Traits()
    minutes = (close_ns - open_ns) // MINUTE
    if minutes < 2:
        raise UsageError(f"a synthetic session needs two minutes or more, got {(close_ns - open_ns) / 1e9:g} s from open to close")
    rng = _stream(seed, symbol, open_ns // DAY)
    day, overnight = _next_day(carry or Carry(traits.price), traits, rng.standard_normal(3).tolist())
    shock, moves = _moves(rng, minutes, traits.volatility * math.exp(day.volatility))
    halted = _halted(traits, open_ns, minutes, moves)
    growth = np.cumprod(1.0 + moves, dtype=np.float64)
    path = growth.reshape(minutes, _TRADES) * (day.price * (1.0 + overnight))
    volume = _volume(rng, shock, traits.adv * math.exp(day.volume))
    keep = (rng.random(minutes) >= _missing(traits.missing, minutes)) & ~halted
    trades = traits.ticks(path[keep])
    return SessionBars(
        start=open_ns + MINUTE * np.flatnonzero(keep).astype(np.int64),
        open=trades[:, 0],
        high=trades.max(axis=1),
        low=trades.min(axis=1),
        close=trades[:, -1],
        volume=volume[keep],
        carry=day._replace(price=float(path[-1, -1])),
    )


def _stream(seed: int, symbol: str, day: int) -> np.random.Generator:
    if seed < 0:
        raise UsageError(f"a seed must not be negative, got {seed}")
    # Days before 1970 are negative, which a seed must not be.
    entropy = [seed, zlib.crc32(symbol.encode()), day % 2**32]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def _next_day(carry: Carry, traits: Traits, noise: Sequence[float]) -> tuple[Carry, float]:
    """The day's levels, and the return of the overnight gap."""
    volatility = 0.88 * carry.volatility + 0.12 * noise[0]
    volume = 0.75 * carry.volume + 0.18 * (0.6 * noise[0] + 0.8 * noise[1])
    gap = _OVERNIGHT * traits.volatility * math.exp(volatility) * noise[2] - 0.03 * (carry.price / traits.price - 1.0)
    return Carry(carry.price, volatility, volume), min(max(gap, -0.15), 0.15)


def _moves(rng: np.random.Generator, minutes: int, volatility: float) -> tuple[Floats, Floats]:
    """Size of each minute's shock (about 1), and the return of each trade, ``minutes * 6`` of them."""
    noise = rng.standard_normal((minutes, _TRADES))
    z = noise.sum(axis=1) / math.sqrt(_TRADES)
    square = (z * z).tolist()
    variance = list(accumulate(square[:-1], lambda h, s: (1.0 - _ARCH - _GARCH) + (_ARCH * s + _GARCH) * h, initial=1.0))
    t = np.arange(minutes)
    shape = 0.9 + 0.9 / (1.0 + t / 12.0) + 0.3 / (1.0 + (minutes - 1 - t) / 12.0)
    scale = np.sqrt(np.array(variance)) * shape
    moves = noise * (scale * (volatility / math.sqrt(REGULAR_MINUTES * _TRADES)))[:, None]
    return np.abs(z) * scale, np.clip(moves.ravel(), -0.05, 0.05)


def _volume(rng: np.random.Generator, shock: Floats, total: float) -> Floats:
    """Shares in each minute; `total` is the mean of a session of 390 minutes."""
    minutes = len(shock)
    curve = volume_curve(minutes) * (total * minutes / REGULAR_MINUTES)
    noise = (0.57 + 0.57 * np.minimum(shock, 6.0)) * (0.3 + 0.7 * rng.standard_gamma(3.0, minutes) / 3.0)
    # The floor keeps a liquid name liquid in its quietest minute.
    shares: Floats = np.maximum(np.rint(np.maximum(curve * noise, 0.08 * total / REGULAR_MINUTES)), 1.0)
    return shares


def volume_curve(minutes: int) -> Floats:
    """Expected share of a session's volume in each minute.

    Parameters
    ----------
    minutes : int
        Length of the session.

    Returns
    -------
    ndarray of float64, shape (minutes,)
        Sums to 1; a U with a burst in the last minutes.
    """
    t = np.arange(minutes)
    u = (2.0 * t + 1.0) / minutes - 1.0
    left = minutes - 1 - t
    weight = 0.55 + 0.9 * u * u + 2.2 / (1.0 + t / 4.0) + 1.6 / (1.0 + left / 5.0)
    weight[-1] += 0.05 * minutes
    curve: Floats = weight / weight.sum()
    return curve


def _missing(mean: float, minutes: int) -> Floats:
    """Chance of no trade in each minute."""
    u = (2.0 * np.arange(minutes) + 1.0) / minutes - 1.0
    chance: Floats = mean * (1.25 - 0.75 * u * u)
    return chance


def _halted(traits: Traits, open_ns: int, minutes: int, moves: Floats) -> npt.NDArray[np.bool_]:
    """Minutes in a halt; in `moves` they stand still, and the first trade after them jumps."""
    halted = np.zeros(minutes, dtype=bool)
    day = np.datetime64(open_ns // DAY, "D")
    for halt in traits.halts:
        if np.datetime64(halt.date, "D") == day:
            end = halt.minute + halt.length
            halted[halt.minute : end] = True
            moves[halt.minute * _TRADES : end * _TRADES] = 0.0
            moves[end * _TRADES : end * _TRADES + 1] = halt.jump
    return halted


def synthesize(names: Mapping[str, Traits], calendar: Sessions, *, seed: int = 0) -> Bars:
    """Minute bars of several names over the same sessions.

    Parameters
    ----------
    names : mapping of str to Traits
        Symbols and what they are like; one name's bars do not depend on the others.
    calendar : Sessions
        When the market is open.
    seed : int
        Not negative.

    Returns
    -------
    Bars
        One-minute bars, labelled by their start.

    Raises
    ------
    UsageError
        No names, no sessions, or a negative seed.
    """
    if not names or not len(calendar):
        raise UsageError(f"synthetic bars need names and sessions, got {len(names)} names and {len(calendar)} sessions")
    walks = [list(_walk(symbol, names[symbol], calendar, seed)) for symbol in sorted(names)]
    counts = [sum(len(part.start) for part in walk) for walk in walks]
    parts = [part for walk in walks for part in walk]

    def joined(name: str) -> Floats:
        return np.concatenate([getattr(part, name) for part in parts])

    return Bars(
        symbols=tuple(sorted(names)),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        start=np.concatenate([part.start for part in parts]),
        open=joined("open"),
        high=joined("high"),
        low=joined("low"),
        close=joined("close"),
        volume=joined("volume"),
        step=MINUTE,
        zone=calendar.zone,
    )


def _walk(symbol: str, traits: Traits, calendar: Sessions, seed: int) -> Iterator[SessionBars]:
    carry = Carry(traits.price)
    for open_ns, close_ns in zip(calendar.open.tolist(), calendar.close.tolist(), strict=True):
        part = synthetic_session(symbol, open_ns, close_ns, seed=seed, traits=traits, carry=carry)
        carry = part.carry
        yield part


def synthetic_bars(
    symbols: Sequence[str],
    calendar: Sessions | str = "XNYS",
    *,
    seed: int = 0,
    price: float = 100.0,
    adv: float = 2_000_000.0,
    volatility: float = 0.015,
) -> Bars:
    """Minute bars of names that are alike in kind, each with its own noise.

    Parameters
    ----------
    symbols : sequence of str
        Any tickers.
    calendar : Sessions or str
        When the market is open; a name stands for the 60 sessions up to `LAST_DAY`.
    seed : int
        Not negative.
    price : float
        Before the first session, currency per share.
    adv : float
        Mean volume of a session of 390 minutes, shares.
    volatility : float
        Mean standard deviation of an open-to-close return, as a fraction.

    Raises
    ------
    UsageError
        See `Traits` and `synthesize`.
    UnknownNameError
        No such calendar.

    Examples
    --------
    >>> from exec_algos.market.synthetic import synthetic_bars
    >>> bars = synthetic_bars(["ANY"], "24/7", seed=7)
    >>> len(bars), float(bars.volume.min()) >= 200.0
    (86400, True)
    """
    hours = recent_sessions(calendar) if isinstance(calendar, str) else calendar
    ticks = krx_ticks if hours.zone == "Asia/Seoul" else cent_ticks
    traits = Traits(price=price, adv=adv, volatility=volatility, ticks=ticks)
    return synthesize(dict.fromkeys(symbols, traits), hours, seed=seed)


def synthetic_market(ticker: str, *, seed: int = 0, sessions: Sessions) -> Bars:
    """Minute bars of a liquid name that starts at 100.00: about two million shares a session, never below 200 a minute.

    Its quotes are a proxy: the close, with half the bar's volume on either side.

    Parameters
    ----------
    ticker : str
        Any text.
    seed : int
        Not negative.
    sessions : Sessions
        When the market is open.

    Raises
    ------
    UsageError
        No sessions, or a negative seed.
    """
    return with_quote_proxy(synthesize({ticker: Traits()}, sessions, seed=seed), "close")


LAST_DAY = "2025-12-23"
SESSIONS = 60


def recent_sessions(name: str) -> Sessions:
    """The 60 sessions of a calendar up to `LAST_DAY`: a fixed period, the same on any day it is asked for.

    Raises
    ------
    UnknownNameError
        No such calendar.
    """
    last = int(np.datetime64(LAST_DAY, "ns").astype(np.int64))
    found = sessions(name, last - 3 * SESSIONS * DAY, last)
    chosen = np.flatnonzero(found.date <= np.datetime64(LAST_DAY))[-SESSIONS:]
    return Sessions(name=found.name, zone=found.zone, date=found.date[chosen], open=found.open[chosen], close=found.close[chosen])
