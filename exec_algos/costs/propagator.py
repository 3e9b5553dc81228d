"""How executions displace the price that later ones meet: pure functions of plain numbers, and the state of one symbol.

The interpreter and the compiled loop run the same text. Displacements are fractions of the undisturbed price, above 0 where it
is raised, and they add up: the bars that are replayed stay what they are, and a bar's prices are met times ``1 + level``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from exec_algos.checks import Floats

BITS = 42  # powers of two of elapsed bars: more than any replay has
NS = 1e-9


class ImpactTerms(NamedTuple):
    """What an execution of `shares` does in one symbol.

    It pays ``temporary * (shares / temporary_volume) ** temporary_power`` alone, and adds
    ``push * (shares / push_volume) ** push_power`` to the level. Of its own push it pays the average over itself,
    ``1 / (1 + push_power)``: half where it is linear, 2/3 where it is a square root.

    Attributes
    ----------
    temporary, push : float
        Fractions of the price.
    temporary_power, push_power : float
    temporary_volume, push_volume : float
        Shares; 0 stands for the volume of the bar.
    """

    temporary: float
    temporary_power: float
    temporary_volume: float
    push: float
    push_power: float
    push_volume: float


def power_of_size(shares: float, volume: float, power: float) -> float:
    """``(shares / volume) ** power``; 1/2 and 1 to the last bit of a root and a quotient."""
    size = shares / volume
    if power == 1.0:
        return size
    return math.sqrt(size) if power == 0.5 else math.pow(size, power)


def push_of(terms: ImpactTerms, shares: float, volume: float) -> float:
    """What an execution adds to the level, as a fraction of the price, >= 0; `volume` is that of the bar, shares."""
    return terms.push * power_of_size(shares, terms.push_volume if terms.push_volume > 0.0 else volume, terms.push_power)


def own_impact(terms: ImpactTerms, shares: float, volume: float) -> float:
    """What an execution pays for its own size, as a fraction of the price, >= 0, beside the level that it meets."""
    size = power_of_size(shares, terms.temporary_volume if terms.temporary_volume > 0.0 else volume, terms.temporary_power)
    return terms.temporary * size + push_of(terms, shares, volume) / (1.0 + terms.push_power)


def kept(factors: Any, mode: int, bars: int) -> float:
    """What a mode keeps of itself over `bars` bars; ``factors[m][b]`` is what mode m keeps over ``2 ** b``."""
    factor, left, bit = 1.0, bars, 0
    while left > 0:
        if left & 1:
            factor *= factors[mode][bit]
        left >>= 1
        bit += 1
    return factor


def level_after(levels: Any, factors: Any, bars: int) -> float:
    """The sum of the levels, `bars` bars later."""
    total = 0.0
    for mode in range(len(levels)):
        total += levels[mode] * kept(factors, mode, bars)
    return total


def displace(levels: Any, weights: Any, factors: Any, bars: int, push: float) -> None:  # changes `levels`
    """Let `bars` bars pass, then spread a push over the modes by their weights."""
    for mode in range(len(levels)):
        levels[mode] = levels[mode] * kept(factors, mode, bars) + weights[mode] * push


def shift_of(level: float) -> float:
    """What a displacement multiplies a price by: ``1 + level``, not below 0."""
    return 1.0 + level if level > -1.0 else 0.0


class Decay(NamedTuple):
    """How a push dies away: ``sum_m weights[m] exp(-rates[m] t)``, t in seconds of the clock, nights included.

    No modes: it is forgotten at once.
    """

    weights: tuple[float, ...]
    rates: tuple[float, ...]


class Law(Protocol):
    """An impact as the drivers ask it."""

    def terms(self, symbol: str, step: int) -> ImpactTerms:
        """What an execution in a bar of `step` ns does."""

    def decay(self) -> Decay:
        """How what it adds to the level dies away."""


class ImpactTable(NamedTuple):
    """An impact in numbers that the compiled loop can read.

    Attributes
    ----------
    terms : ndarray of float64, shape (n_symbols, 6)
        `ImpactTerms`.
    weights : ndarray of float64, shape (n_modes,)
    factors : ndarray of float64, shape (n_modes, 42)
        What a mode keeps of itself over 1, 2, 4 ... bars.
    """

    terms: Floats
    weights: Floats
    factors: Floats

    @classmethod
    def of(cls, law: Law | None, symbols: Sequence[str], step: int) -> ImpactTable:
        """The table of a law for bars of `step` ns; None is no impact."""
        if law is None:
            return cls(np.zeros((1, 6)), np.zeros(0), np.zeros((0, BITS)))
        weights, rates = law.decay()
        factors = np.array([[math.exp(-rate * step * NS * 2.0**bit) for bit in range(BITS)] for rate in rates]).reshape(-1, BITS)
        return cls(np.array([law.terms(symbol, step) for symbol in symbols]).reshape(-1, 6), np.array(weights), factors)

    @property
    def kind(self) -> int:
        """0 nothing moves, 1 an execution moves its own price, 2 it moves those of later ones too."""
        if not self.terms[:, [0, 3]].any():
            return 0
        return 2 if len(self.weights) and self.terms[:, 3].any() else 1


NO_IMPACT = ImpactTable.of(None, (), 1)


class Displacement:
    """How far one symbol's price is displaced, in a replay.

    Parameters
    ----------
    law : Law or None
    symbol : str
    step : int
        Length of a bar, ns.
    """

    __slots__ = ("_factors", "_levels", "_since", "_step", "_terms", "_weights", "moves")

    def __init__(self, law: Law | None, symbol: str, step: int) -> None:
        table = ImpactTable.of(law, (symbol,), step)
        self.moves = table.kind > 0
        self._terms = ImpactTerms._make(table.terms[0].tolist())
        self._weights, self._factors = table.weights.tolist(), table.factors.tolist()
        self._levels = [0.0] * len(self._weights) if table.kind > 1 else []
        self._since, self._step = 0, step

    def level(self, start: int) -> float:
        """The displacement that a bar meets which starts at `start`, ns UTC; a fraction of the price."""
        return level_after(self._levels, self._factors, (start - self._since) // self._step) if self._levels else 0.0

    def shift(self, start: int) -> float:
        """What it multiplies the prices of that bar by."""
        return shift_of(self.level(start)) if self._levels else 1.0

    def own(self, shares: float, volume: float) -> float:
        """`own_impact` in this symbol."""
        return own_impact(self._terms, shares, volume)

    def push(self, start: int, side: int, shares: float, volume: float) -> None:
        """Take in an execution of `shares` of a bar of `volume` that started at `start`."""
        if self._levels:
            bars = (start - self._since) // self._step
            displace(self._levels, self._weights, self._factors, bars, side * push_of(self._terms, shares, volume))
            self._since += bars * self._step
