"""The clock of ``exec-algos kis-sim``, which a rehearsal follows."""

from __future__ import annotations

import time
from typing import Any

import httpx

from exec_algos.checks import is_finite
from exec_algos.clock.base import ScaledClock
from exec_algos.errors import UsageError, VenueError

TIMEOUT = 2.0  # seconds of real time
TRIES = 5


def simulator_clock(clock_url: str, *, timeout: float = TIMEOUT, tries: int = TRIES) -> ScaledClock:
    """A clock that runs with that of a simulator: set by the quickest of some requests, half of its round trip added.

    Parameters
    ----------
    clock_url : str
        What ``exec-algos kis-sim`` prints: ``http://127.0.0.1:PORT``.

    Raises
    ------
    UsageError
        An address that is none of a simulator.
    VenueError
        It does not say its time, or its clock stands still.
    """
    if not clock_url.startswith(("http://127.0.0.1:", "http://localhost:", "http://[::1]:")):
        raise UsageError(f"clock_url must be what exec-algos kis-sim prints, http://127.0.0.1:PORT, got {clock_url!r}")
    found: list[tuple[int, int, Any]] = []
    try:
        with httpx.Client(timeout=timeout, trust_env=False) as client:
            for _ in range(tries):
                begun = time.monotonic_ns()
                said = client.get(f"{clock_url.rstrip('/')}/control/clock").json()
                came = time.monotonic_ns()
                found.append((came - begun, came, said))
    except (httpx.HTTPError, ValueError) as error:
        raise VenueError(f"{clock_url} does not tell its clock: {type(error).__name__}; start exec-algos kis-sim") from None
    trip, came, said = min(found, key=lambda each: each[0])
    shown: dict[str, Any] = said if isinstance(said, dict) else {}
    now, speed = shown.get("now", 0), shown.get("speed", 0)
    if not (is_finite(now) and is_finite(speed) and now > 0 and speed > 0) or shown.get("paused"):
        raise VenueError(f"{clock_url}: its clock does not run: {said}; let it go on by POST /control/clock")
    return ScaledClock(now + round((time.monotonic_ns() - came + trip / 2) * speed), speed)
