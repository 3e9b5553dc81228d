"""`RehearsalClock`: the time of a rehearsal, which runs from a start at a speed, stands still, or is set forward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from exec_algos.errors import UsageError

MOST_SPEED = 10_000  # a session in two seconds; beyond that the exchange has no time left to answer


class RehearsalClock:
    """``start + speed * steady``.

    Parameters
    ----------
    start : int
        ns UTC.
    speed : float
        Seconds of the rehearsal a second.
    steady : callable
        A time that nobody sets, ns.

    Raises
    ------
    UsageError
        A speed that is not above 0, or above `MOST_SPEED`.
    """

    def __init__(self, start: int, speed: float, steady: Callable[[], int]) -> None:
        self.speed = _speed(speed)
        self._from, self._steady, self._origin = start, steady, steady()
        self.paused = False

    @property
    def now(self) -> int:
        """The present instant, ns UTC."""
        return self._from if self.paused else self._from + int((self._steady() - self._origin) * self.speed)

    def pause(self, paused: bool) -> None:
        """Stand still, or go on."""
        self._from, self._origin = self.now, self._steady()
        self.paused = paused

    def set(self, instant: int) -> None:
        """Go forward to an instant (ns UTC), from where it runs on, or stands still.

        Raises
        ------
        UsageError
            It lies in the past.
        """
        if instant < self.now:
            raise UsageError(f"the clock of a rehearsal must not go back: it is {self.now} ns UTC, got {instant}")
        self._from, self._origin = instant, self._steady()

    def run_at(self, speed: float) -> None:
        """Change the speed."""
        self._from, self._origin = self.now, self._steady()
        self.speed = _speed(speed)


def _speed(speed: Any) -> float:
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0 < speed <= MOST_SPEED:
        raise UsageError(f"speed must be above 0 and at most {MOST_SPEED:,}, got {speed!r}; 60 lets an hour pass in a minute")
    return float(speed)
