"""How the children of a parent order are placed: their style, and what makes them hard to read."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from exec_algos.errors import UsageError
from exec_algos.textform import from_text, text_of

SECOND = 1_000_000_000
FOREVER = 2**62
MASK = 2**32 - 1


class Placement(NamedTuple):
    """A child style as the loop reads it.

    Attributes
    ----------
    passive : bool
        Children rest at the touch.
    reprice : int
        Time after which a child that is still open is placed anew, ns; 0 for never.
    timeout : int
        How long lots may have been due before their child goes at market, ns.
    """

    passive: bool
    reprice: int
    timeout: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildStyle:
    """How a child order is placed. At market, within the limits of the algorithm and of the parent order.

    Attributes
    ----------
    name : str
        What it is called in text.
    reads : tuple of str
        Quotes that it reads, as `Algorithm.reads`: where the market has none, it is refused.
    """

    name: ClassVar[str] = "market"
    reads: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def of(cls, style: ChildStyle | str) -> ChildStyle:
        """A style from itself or its text form, such as ``"peg:timeout_seconds=120"``.

        Raises
        ------
        UnknownNameError
            No such style or parameter.
        UsageError
            A value out of range.
        """
        return style if isinstance(style, ChildStyle) else from_text("child style", style, STYLES)

    def placement(self) -> Placement:
        """The same as the loop reads it."""
        return Placement(False, 0, FOREVER)

    def __str__(self) -> str:
        return text_of(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch(ChildStyle):
    """A limit order at the best price of its own side, as it is at the decision: a buy at the bid, a sale at the ask.

    It stays there until the next decision. Where there is no quote at that instant nothing is sent; a market without any is refused, unless
    a proxy is named (`exec_algos.market.depth.with_quote_proxy`).
    """

    name: ClassVar[str] = "touch"
    reads: ClassVar[tuple[str, ...]] = ("bid", "ask")

    def placement(self) -> Placement:
        """The same as the loop reads it."""
        return Placement(True, 0, FOREVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peg(ChildStyle):
    """A limit order that follows the best price of its own side, and goes to market when it has waited too long.

    Parameters
    ----------
    reprice_seconds : float
        Time after which what is open is placed anew, at the touch as it is then. On bars it is rounded up to whole bars; each
        decision does the same.
    timeout_seconds : float
        When lots have been due for that long and are not filled, their child goes at market; infinite for never.

    Raises
    ------
    UsageError
        A time that is not positive.

    Examples
    --------
    >>> str(Peg(timeout_seconds=120))
    'peg:timeout_seconds=120'
    """

    reprice_seconds: float = 60.0
    timeout_seconds: float = 300.0

    name: ClassVar[str] = "peg"
    reads: ClassVar[tuple[str, ...]] = ("bid", "ask")

    def __post_init__(self) -> None:
        if not 0 < self.reprice_seconds < math.inf:
            raise UsageError(f"reprice_seconds must be positive and finite, got {self.reprice_seconds!r}; style 'touch' stays put")
        if not self.timeout_seconds > 0:
            raise UsageError(f"timeout_seconds must be positive, got {self.timeout_seconds!r}; 'inf' for never, style 'market' for at once")

    def placement(self) -> Placement:
        """The same as the loop reads it."""
        timeout = FOREVER if math.isinf(self.timeout_seconds) else round(self.timeout_seconds * SECOND)
        return Placement(True, round(self.reprice_seconds * SECOND), timeout)


AT_MARKET = ChildStyle()
STYLES: Mapping[str, type[ChildStyle]] = {kind.name: kind for kind in (ChildStyle, Touch, Peg)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Randomisation:
    """Makes size and time of the children hard to foresee.

    A child of q lots becomes one of ``round(q * (1 + size * u))``, u even in [-1, 1); the decision of a slice that is d long comes
    ``floor(time * v * d)`` late, v even in [0, 1), on bars in whole bars. The window's last child is left as it is, and each decision
    makes good what those before it did too much or too little; so the total stays, and lots, cap, limits and `max_child` hold as ever.

    An order that follows a curve is never further from it, at the slice's end, than ``size / (1 - size)`` of the curve's largest slice
    and two lots, beside what the market or a rule held back; and never later than `time` of one slice.

    Parameters
    ----------
    size : float
        Fraction of a child, at most 0.5.
    time : float
        Fraction of a slice, at most 1.
    seed : int
        The same seed gives the same order the same children.

    Raises
    ------
    UsageError
        A value out of range.
    """

    size: float = 0.0
    time: float = 0.0
    seed: int = 0

    name: ClassVar[str] = "randomisation"

    @classmethod
    def of(cls, value: Randomisation | str | None) -> Randomisation | None:
        """A randomisation from itself or its text, such as ``"size=0.2,time=0.5,seed=7"``; None for none.

        Raises
        ------
        UnknownNameError
            No such parameter.
        UsageError
            A value out of range, or what is neither.
        """
        if isinstance(value, str):
            return from_text(cls.name, f"{cls.name}:{value}", {cls.name: cls})
        if not isinstance(value, Randomisation | None):
            raise UsageError(f"randomisation must be None or such as Randomisation(size=0.2, seed=1), got {value!r}")
        return value

    def __str__(self) -> str:
        return text_of(self).partition(":")[2]

    def __post_init__(self) -> None:
        for name, most in (("size", 0.5), ("time", 1.0)):
            if not 0 <= getattr(self, name) <= most:
                raise UsageError(f"randomisation {name} is a fraction between 0 and {most:g}, got {getattr(self, name)!r}")
        if self.seed != int(self.seed):
            raise UsageError(f"randomisation seed must be a whole number, got {self.seed!r}")

    def key(self, symbol: str, side: int, lots: int, start: int) -> int:
        """What the draws of one parent order begin with: the same in every driver, whatever other orders there are."""
        return zlib.crc32(f"{self.seed}|{symbol}|{side}|{lots}|{start}".encode())


def draw(key: int, number: int) -> float:
    """The draw of that `number` in a sequence: even in [0, 1), a multiple of 2**-32.

    Notes
    -----
    The finaliser ``lowbias32`` of C. Wellons, "Prospecting for Hash Functions" (2018), over a Weyl sequence. Only the low 32 bits
    of the products count, so that integers of 64 bits and of any length agree.
    """
    x = (key + number * 0x9E3779B9) & MASK
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & MASK
    x = ((x ^ (x >> 15)) * 0x846CA68B) & MASK
    return (x ^ (x >> 16)) / 4294967296.0


def resized(lots: int, size: float, key: int, number: int) -> int:
    """The lots of a child, drawn at random around `lots`: ``round(lots * (1 + size * u))``, u even in [-1, 1)."""
    return int(lots * (1.0 + size * (2.0 * draw(key, 2 * number) - 1.0)) + 0.5)


def delay(length: int, fraction: float, grid: int, key: int, number: int) -> int:
    """How late the decision of a slice comes, ns: ``floor(fraction * v * length / grid)`` steps of the grid, v even in [0, 1)."""
    return int(fraction * draw(key, 2 * number + 1) * length) // grid * grid
