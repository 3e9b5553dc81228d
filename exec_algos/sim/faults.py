"""`Faults`: which request or report goes wrong, and how; by a script, or by rates under a seed."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

from exec_algos.errors import UnknownNameError, UsageError

ON = ("send", "cancel", "read", "orders", "push")
"""Classes: orders sent, cancels, reads of any kind, reads of the list of orders (which are reads too), and pushed reports."""

ANSWERS = ("lost_before", "lost_after", "late", "error_5xx", "error_5xx_after", "half_body", "reset", "rate", "outage")
FAULTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(ANSWERS, ("send", "cancel", "read", "orders")),
    "rows_late": ("send",),
    "early_report": ("send",),
    "cancel_loses": ("cancel",),
    "double_row": ("orders",),
    "duplicate_report": ("push",),
    "push_lost": ("push",),
}
"""Each fault, and the classes on which it can happen."""
DRAWN = {**dict.fromkeys(ANSWERS, ("send", "cancel", "read")), "outage": ("send",)}
"""Where a rate draws it, if that is not all of them."""


class Kinds(NamedTuple):
    """What can go wrong at a venue.

    Attributes
    ----------
    classes : tuple of str
        Of requests and reports.
    faults : mapping of str to tuple of str
        Each fault, and the classes on which it can happen.
    drawn : mapping of str to tuple of str
        Where a rate draws it, if that is not all of them.
    """

    classes: tuple[str, ...]
    faults: Mapping[str, tuple[str, ...]]
    drawn: Mapping[str, tuple[str, ...]]

    def check(self, name: Any, on: Any = "") -> None:
        """Raise UsageError where a fault, or its class, is not one of these, or do not go together."""
        if on and on not in self.classes:
            raise UnknownNameError("class of requests", str(on), self.classes)
        if name not in self.faults:
            raise UnknownNameError("fault", str(name), self.faults)
        if on and on not in self.faults[name]:
            raise UsageError(f"{name} cannot happen on {on}; it happens on {', '.join(self.faults[name])}")


REHEARSAL = Kinds(ON, FAULTS, DRAWN)


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong. `seconds`: how late, or how long, in venue time."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """The `n`-th request (from 1, counted since the script came) of the class `on` meets `fault`."""

    on: str
    n: int
    fault: str
    seconds: float | None = None

    def __post_init__(self) -> None:
        _check_number(self.n)
        if self.seconds is not None:
            _check_seconds("seconds", self.seconds)


class Faults:
    """Deals faults. Each class has its own stream of chance, so that reads do not move what happens to orders.

    Parameters
    ----------
    seed : int
    rates : mapping of str to float
        Fault, or ``class.fault``, to the fraction of requests that meet it, in [0, 1].
    script : sequence of mapping
        ``{"on": "send", "n": 3, "fault": "late", "seconds": 20}``.
    late_seconds : float
        The longest that something is late where a rate deals it, in venue time; drawn evenly from 0 on.
    outage_seconds : float
        How long an outage lasts where the script does not say.
    hang : bool
        Where no answer comes the connection stays open until the client gives up; else it is closed.

    Raises
    ------
    UsageError
        A fault, a class, a rate or a time that cannot be.
    """

    kinds: ClassVar[Kinds] = REHEARSAL

    def __init__(
        self,
        *,
        seed: int = 0,
        rates: Mapping[str, float] | None = None,
        script: Sequence[Mapping[str, Any]] = (),
        late_seconds: float = 20.0,
        outage_seconds: float = 30.0,
        hang: bool = True,
    ) -> None:
        _check_seconds("late_seconds", late_seconds)
        _check_seconds("outage_seconds", outage_seconds)
        _check_kinds(seed, hang)
        self.late_seconds, self.outage_seconds, self.hang = late_seconds, outage_seconds, hang
        self._chance = {on: random.Random(f"{seed} {on}") for on in self.kinds.classes}
        self._rates = _by_class(rates or {}, self.kinds)
        self._script = {(entry.on, entry.n): entry for entry in map(self._scripted, script)}
        if len(self._script) != len(script):
            raise UsageError("two faults are scripted for one request; give each its own n")
        self._count = dict.fromkeys(self.kinds.classes, 0)

    @classmethod
    def of(cls, said: Any) -> Self:
        """The same of a JSON object; what it does not know is refused."""
        if not isinstance(said, Mapping):
            raise UsageError(f"faults must be an object with seed, rates or script, got {said!r}")
        known = ("seed", "rates", "script", "late_seconds", "outage_seconds", "hang")
        for name in said:
            if name not in known:
                raise UnknownNameError("setting of faults", str(name), known)
        return cls(**said)

    def next(self, *classes: str) -> Fault | None:
        """What the next request, which is of all these classes, meets; None for nothing."""
        found: Fault | None = None
        for on in classes:
            self._count[on] += 1
            entry = self._script.get((on, self._count[on]))
            fault = self._drawn(on) if entry is None else Fault(entry.fault, self._seconds(entry))
            found = found or fault
        return found

    def _drawn(self, on: str) -> Fault | None:
        rates = self._rates[on]
        if not rates:
            return None
        point, late = self._chance[on].random(), self._chance[on].random() * self.late_seconds
        for name, rate in rates:
            if point < rate:
                return Fault(name, self.outage_seconds if name == "outage" else late)
            point -= rate
        return None

    def _scripted(self, said: Mapping[str, Any]) -> Scripted:
        try:
            entry = Scripted(**said)
        except TypeError:
            raise UsageError(f"a scripted fault has on, n, fault and perhaps seconds, got {said!r}") from None
        if not entry.on:
            raise UnknownNameError("class of requests", "", self.kinds.classes)
        self.kinds.check(entry.fault, entry.on)
        return entry

    def _seconds(self, entry: Scripted) -> float:
        if entry.seconds is not None:
            return entry.seconds
        return self.outage_seconds if entry.fault == "outage" else self.late_seconds


def _by_class(rates: Mapping[str, float], kinds: Kinds) -> dict[str, list[tuple[str, float]]]:
    found: dict[str, list[tuple[str, float]]] = {on: [] for on in kinds.classes}
    for written, rate in rates.items():
        on, _, name = written.rpartition(".")
        kinds.check(name, on)
        _check_rate(written, rate)
        for request in (on,) if on else kinds.drawn.get(name, kinds.faults[name]):
            found[request].append((name, float(rate)))
    for on, dealt in found.items():
        total = math.fsum(rate for _, rate in dealt)
        if total > 1 + 1e-9:
            raise UsageError(f"the rates of {on} add up to {total:g}; they must be 1 at most")
    return found


def _check_number(n: Any) -> None:
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise UsageError(f"n must be a whole number from 1, got {n!r}; 1 is the next request of that class")


def _check_kinds(seed: Any, hang: Any) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int) or not isinstance(hang, bool):
        raise UsageError(f"seed must be a whole number and hang true or false, got {seed!r} and {hang!r}")


def _check_rate(written: str, rate: Any) -> None:
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise UsageError(f"the rate of {written} must be in [0, 1], got {rate!r}; 5 % is 0.05")


def _check_seconds(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise UsageError(f"{name} must be a number of seconds from 0, got {value!r}")
