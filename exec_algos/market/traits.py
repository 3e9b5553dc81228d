"""What a synthetic name is like: price, volume, volatility, tick sizes, missing minutes, halts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from exec_algos.errors import UsageError
from exec_algos.market.arrays import Floats

# Lower bounds of each Korean tick size, in won, since 2023-01-25 (KRX business regulations, article 4-3).
_KRX_BOUNDS = np.array([2_000, 5_000, 20_000, 50_000, 200_000, 500_000], dtype=np.float64)
_KRX_TICKS = np.array([1, 5, 10, 50, 100, 500, 1_000], dtype=np.float64)


def cent_ticks(price: Floats) -> Floats:
    """Prices rounded to 0.01, never below it."""
    rounded: Floats = np.maximum(np.rint(price * 100.0), 1.0) / 100.0
    return rounded


def krx_ticks(price: Floats) -> Floats:
    """Prices rounded to the tick sizes of the Korea Exchange since 2023, in won, never below 1."""
    tick = _KRX_TICKS[np.searchsorted(_KRX_BOUNDS, price, side="right")]
    rounded: Floats = np.maximum(np.rint(price / tick), 1.0) * tick
    return rounded


class Halt(NamedTuple):
    """A trading halt: minutes without bars, and a jump of the price at the resumption.

    Parameters
    ----------
    date : str
        Day of the open in UTC, ``"2025-10-29"``.
    minute : int
        First halted minute, counted from the open.
    length : int
        Minutes without trading.
    jump : float
        Return over the halt, as a fraction.
    """

    date: str
    minute: int
    length: int
    jump: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What tells one synthetic name from another.

    Parameters
    ----------
    price : float
        Price before the first session, currency per share.
    adv : float
        Mean volume of a session of 390 minutes, shares; longer and shorter sessions in proportion. Minutes that are missing
        take their volume with them.
    volatility : float
        Mean standard deviation of an open-to-close return, as a fraction.
    missing : float
        Mean fraction of minutes without a trade; more of them at midday than at the open and the close.
    ticks : callable
        Rounds prices: `cent_ticks` or `krx_ticks`.
    halts : tuple of Halt
        Trading halts.

    Raises
    ------
    UsageError
        A price, volume or volatility that is not positive and finite, a fraction outside [0, 0.9], or a halt that
        cannot be.
    """

    price: float = 100.0
    adv: float = 2_000_000.0
    volatility: float = 0.015
    missing: float = 0.0
    ticks: Callable[[Floats], Floats] = cent_ticks
    halts: tuple[Halt, ...] = ()

    def __post_init__(self) -> None:
        for field in fields(self)[:3]:
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value > 0.0):
                raise UsageError(f"{field.name} of a synthetic name must be a positive number, got {value!r}")
        if self.volatility > 0.2:
            raise UsageError(f"volatility is the fraction a session moves, at most 0.2, got {self.volatility!r}: write 0.015 for 1.5 %")
        if not 0.0 <= self.missing <= 0.9:
            raise UsageError(f"missing is a fraction of the minutes from 0 to 0.9, got {self.missing!r}")
        for halt in self.halts:
            if halt.minute < 0 or halt.length < 1 or not -0.5 <= halt.jump <= 0.5:
                raise UsageError(f"a halt starts at minute 0 or later, lasts a minute or more and jumps by at most 0.5, got {halt}")
