"""When a resting limit order fills in a bar that comes to its limit: the values that `FillModel.limit_fill` takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from exec_algos.checks import in_range
from exec_algos.errors import UsageError
from exec_algos.fills.matching import LimitTerms
from exec_algos.textform import from_text, text_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitFill:
    """What a bar gives a limit order whose limit it comes to; one of the three below."""

    name: ClassVar[str] = ""

    @classmethod
    def of(cls, value: LimitFill | str) -> LimitFill:
        """One from itself or its text form, such as ``"touch:fraction=0.5"``.

        Raises
        ------
        UnknownNameError
            No such name or parameter.
        UsageError
            A value out of range.
        """
        return value if isinstance(value, LimitFill) else from_text("limit fill", value, LIMIT_FILLS)

    def terms(self) -> LimitTerms:
        """The same as `meet_bar` reads it."""
        return LimitTerms(1.0, 0.0, 0)

    def __str__(self) -> str:
        return text_of(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchFill(LimitFill):
    """A bar that touches the limit fills the order.

    Parameters
    ----------
    fraction : float
        What all orders together may take at most from a bar that only touches their limit, as a fraction of what the cap allows:
        ``floor(fraction * floor(cap * volume / lot))`` lots. A bar that trades beyond the limit gives all that the cap allows.

    Raises
    ------
    UsageError
        A fraction outside [0, 1].

    Examples
    --------
    >>> str(TouchFill(fraction=0.5))
    'touch:fraction=0.5'
    """

    fraction: float = 1.0

    name: ClassVar[str] = "touch"

    def __post_init__(self) -> None:
        _fraction("touch fraction", self.fraction)

    def terms(self) -> LimitTerms:
        """The same as `meet_bar` reads it."""
        return LimitTerms(self.fraction, 0.0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThroughFill(LimitFill):
    """Only a bar that trades beyond the limit fills the order.

    Parameters
    ----------
    ticks : int
        By at least so many ticks, of the size that holds at the limit: needs ``FillModel(ticks=...)``.
    by : float
        By at least so much, currency per share. With neither, by anything at all.

    Raises
    ------
    UsageError
        A number that is negative or none, or both at once.

    Examples
    --------
    >>> str(ThroughFill(ticks=2))
    'through:ticks=2'
    """

    ticks: int = 0
    by: float = 0.0

    name: ClassVar[str] = "through"

    def __post_init__(self) -> None:
        in_range("through by", self.by, 1e9, "it is a distance in currency per share, such as ThroughFill(by=0.01)")
        if type(self.ticks) is not int or not 0 <= self.ticks <= 10**6:
            raise UsageError(f"through ticks must be a whole number from 0 on, got {self.ticks!r}, such as ThroughFill(ticks=1)")
        if self.ticks and self.by:
            raise UsageError(f"through takes ticks or by, got ticks={self.ticks} and by={self.by:g}; leave one out")

    def terms(self) -> LimitTerms:
        """The same as `meet_bar` reads it."""
        return LimitTerms(0.0, self.by, self.ticks)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFill(LimitFill):
    """An order waits behind the size that was displayed when it came; bars need quotes (``bid, ask, bid_size, ask_size``).

    The quotes before a bar are those at the end of the bar that ended as it began. An order at the best price of its own side has the
    displayed size ahead of it; later quotes of a smaller size shorten that, for those ahead may leave and those behind not pass. A
    limit better than the best has nobody ahead. Behind the best nothing is known, and only a bar that trades beyond the limit fills.
    In a bar that touches the limit ``at_limit * volume`` shares trade there: first those ahead, then the order, under the cap. A bar
    that trades beyond it fills the order as far as the cap goes.

    Parameters
    ----------
    at_limit : float
        Fraction of a touching bar's volume that traded at the limit. 1 is the most there can be, and right for a bar of one price.

    Raises
    ------
    UsageError
        A fraction outside [0, 1].

    Examples
    --------
    >>> str(QueueFill())
    'queue'
    """

    at_limit: float = 1.0

    name: ClassVar[str] = "queue"

    def __post_init__(self) -> None:
        _fraction("queue at_limit", self.at_limit)


LIMIT_FILLS: Mapping[str, type[LimitFill]] = {kind.name: kind for kind in (TouchFill, ThroughFill, QueueFill)}


def _fraction(name: str, value: float) -> None:
    in_range(name, value, 2.0, "it is a fraction between 0 and 1")
    if value > 1:
        raise UsageError(f"{name} must be a fraction between 0 and 1, got {value!r}")
