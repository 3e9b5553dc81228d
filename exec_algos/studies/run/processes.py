"""Studies of `OrderExecutor` subclasses: the engine works each parent order in a replay of its own, in processes beside each other."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from exec_algos.errors import RunError
from exec_algos.model import Fill, Side
from exec_algos.studies.run.custom import CustomExecutor, check_importable
from exec_algos.studies.run.drivers import replayed, trades_of
from exec_algos.studies.run.fees import commission_of
from exec_algos.studies.run.worked import Worked

if TYPE_CHECKING:
    from exec_algos.studies.run.drivers import Job

FEW = 500  # orders for which starting processes takes longer than working them
PIECE = 50  # orders that a process takes at a time


def drive_executor(job: Job, processes: int | None = None) -> Worked:
    """Work the orders by an executor of one's own; the result does not depend on the number of processes.

    Raises
    ------
    UsageError
        The class cannot be imported by other processes.
    RunError
        It raised, or traded more than was ordered or on the other side; the message names the order.
    """
    commission_of(job.model, job.orders)
    n = len(job.orders)
    count = min(processes or (1 if n <= FEW else os.cpu_count() or 1), -(-n // PIECE))
    pieces = [range(a, min(a + PIECE, n)) for a in range(0, n, PIECE)]
    if count <= 1:
        return joined([_worked(job, piece) for piece in pieces])
    check_importable(_executor(job))
    try:
        # not forked: the compiled loop and Arrow have threads of their own
        with ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(job,)) as pool:
            return joined(list(pool.map(_piece, pieces)))
    except BrokenProcessPool as error:
        raise RunError(
            f"a process that worked {job.algorithm} ended before its time (memory, a signal, or a script without "
            "if __name__ == '__main__'); run(processes=1) works in this one"
        ) from error


_given: list[Job] = []  # of a worker process: its study, sent once


def _begin(job: Job) -> None:
    _given[:] = [job]


def _piece(numbers: range) -> Worked:
    return _worked(_given[0], numbers)


def _executor(job: Job) -> CustomExecutor:
    assert isinstance(job.algorithm, CustomExecutor)  # for mypy: nothing else is sent here
    return job.algorithm


class _Row(NamedTuple):
    filled: int
    notional: float
    commission: float
    taxes: float
    children: int


def _worked(job: Job, numbers: Sequence[int]) -> Worked:
    own = {i: job.bars.select([job.bars.symbols[i]]) for i in {int(job.orders.symbol[n]) for n in numbers}}
    rows: list[_Row] = []
    fills: list[tuple[int, Fill]] = []
    for n in numbers:
        done, children = _one(job, own[int(job.orders.symbol[n])], n)
        lots = round(sum(fill.quantity for fill in done) / job.orders.lot_size)
        paid, taxed = sum(fill.commission for fill in done), sum(fill.taxes for fill in done)
        rows.append(_Row(lots, sum(fill.quantity * fill.fill_price for fill in done), paid, taxed, children))
        fills += [(n, fill) for fill in done] if job.fills else []
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    kinds = (np.int64, float, float, float, np.int64)
    return Worked(*(column.astype(kind) for column, kind in zip(columns, kinds, strict=True)), *trades_of(fills, job.orders.lot_size))


def _one(job: Job, bars: Any, n: int) -> tuple[list[Fill], int]:
    """Fills and number of children of one parent order."""
    orders, executor = job.orders, _executor(job)
    side, shares = Side(int(orders.side[n])), int(orders.lots[n]) * orders.lot_size
    terms = {"side": side, "start": int(orders.start[n]), "end": int(orders.end[n]), "lot_size": orders.lot_size, "rules": job.rules}
    try:
        market = replayed(bars, job, n, lambda broker: executor.kind(broker).execute(bars.symbols[0], shares, **executor.taken(terms)))
        wrong = _fault(market.fills, side, shares)
    except Exception as error:
        raise RunError(f"{_named(job, n)}: {type(error).__name__}: {error}") from error
    if wrong:
        raise RunError(f"{_named(job, n)}: {wrong}; exec_algos.testing.check_executor finds such faults")
    return list(market.fills), sum(parent.children for parent in market.parents)


def _fault(fills: Sequence[Fill], side: Side, shares: float) -> str:
    if any(fill.side != side for fill in fills):
        return "it traded on the other side"
    done = sum(fill.quantity for fill in fills)
    return f"it traded {done:g} shares of {shares:g} ordered" if done > shares * (1 + 1e-12) else ""


def _named(job: Job, n: int) -> str:
    orders = job.orders
    shares, day = int(orders.lots[n]) * orders.lot_size, orders.sessions.date[orders.session[n]]
    return f"{job.algorithm} on parent order {n} ({Side(int(orders.side[n])).name} {shares:g} {orders.symbols[orders.symbol[n]]}, {day})"


def joined(parts: Sequence[Worked]) -> Worked:
    """Parts in their sequence as one."""
    return Worked(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
