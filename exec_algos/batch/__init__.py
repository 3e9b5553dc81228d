"""Driver 3: the compiled loop over parent orders.

What lives here: the loop (`kernel`), and the columns that it reads and writes (`tape`). What may not: an algorithm or a fill rule of
its own; numba compiles the very functions that the backtest calls.
"""

from __future__ import annotations

from exec_algos.batch.kernel import run_batch
from exec_algos.batch.tape import NO_SLICE_TIMES, NOT_WATCHED, BatchOrders, BatchTrades, Outcome, SliceTimes, Tape, Watched

__all__ = ["NOT_WATCHED", "NO_SLICE_TIMES", "BatchOrders", "BatchTrades", "Outcome", "SliceTimes", "Tape", "Watched", "run_batch"]
