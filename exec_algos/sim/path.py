"""The way that a price takes within a recorded bar: through its open, its two extremes and its close, chosen by the seed."""

from __future__ import annotations

import zlib
from typing import NamedTuple

_MASK = (1 << 64) - 1


class Bar(NamedTuple):
    """A recorded bar: ns UTC, currency per share, shares."""

    start: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class Path(NamedTuple):
    """Four points that straight lines join: instants (ns UTC, rising) and prices; `side` is 0 or 1 by chance."""

    times: tuple[int, int, int, int]
    prices: tuple[float, float, float, float]
    side: int

    def at(self, instant: int) -> float:
        """Price at an instant; before the first point and after the last that point's."""
        times, prices = self.times, self.prices
        if instant <= times[0]:
            return prices[0]
        for k in range(3):
            if instant < times[k + 1]:
                part = (instant - times[k]) / (times[k + 1] - times[k])
                return prices[k] + (prices[k + 1] - prices[k]) * part
        return prices[3]


def chance(seed: int, symbol: str, start: int) -> int:
    """64 bits that depend on nothing but the three (splitmix64, Steele et al. 2014)."""
    state = (seed * 0x9E3779B97F4A7C15 + zlib.crc32(symbol.encode()) * 0xD1B54A32D192ED03 + start) & _MASK
    state = (state + 0x9E3779B97F4A7C15) & _MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
    return state ^ (state >> 31)


def path_of(bar: Bar, bits: int, step: int, pulse: int) -> Path:
    """The path of a bar.

    Its points lie on pulses, so that orders which are looked at on pulses meet the very high and low; the last pulse has the close.

    Parameters
    ----------
    bar : Bar
    bits : int
        `chance`.
    step, pulse : int
        Length of the bar and between two looks, ns.
    """
    pulses = max(step // pulse - 1, 3)
    unit = min(pulse, step // 4)
    low_first = (bits & 0xFF) < (179 if bar.close > bar.open else 77)  # 70 % of bars that rise go down first
    first, second = (bar.low, bar.high) if low_first else (bar.high, bar.low)
    early = 1 + (bits >> 8 & 0xFFFF) % max(pulses * 45 // 100, 1)
    late = pulses - 1 - (bits >> 24 & 0xFFFF) % max(pulses * 45 // 100, 1)
    late = max(late, early + 1)
    times = (bar.start, bar.start + early * unit, bar.start + late * unit, bar.start + max(pulses, late + 1) * unit)
    return Path(times, (bar.open, first, second, bar.close), bits >> 40 & 1)
