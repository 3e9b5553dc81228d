"""Time as an argument: the clock that everything waits on, the event queue, and virtual time.

What lives here: the `Clock` (`base`), the totally ordered event queue (`queue`), and coroutines driven in virtual time (`virtual`).
What may not: bars, orders, brokers. Nothing else in the package reads the wall clock to decide.
"""

from __future__ import annotations

from exec_algos.clock.base import CancelledError, Clock, ScaledClock, Started, WallClock

__all__ = ["CancelledError", "Clock", "ScaledClock", "Started", "WallClock"]
