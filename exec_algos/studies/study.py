"""`SlippageStudy`: the same parent orders, worked by each algorithm, on bars of the past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from exec_algos.algorithms import Algorithm
from exec_algos.batch.tape import NO_ROWS
from exec_algos.checks import Ints
from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.executors import OrderExecutor
from exec_algos.fills import FillModel
from exec_algos.market.depth import check_quotes
from exec_algos.market.hours import trading_bars
from exec_algos.market.quality.limits import USUAL, Limits
from exec_algos.model import NO_RULES, Rules
from exec_algos.studies.design.parents import ParentOrders
from exec_algos.studies.design.reasons import counted
from exec_algos.studies.design.short import history_line, short_of
from exec_algos.studies.result import StudyResult
from exec_algos.studies.run.curves import curves_of
from exec_algos.studies.run.custom import CustomExecutor, algorithm_of
from exec_algos.studies.run.pieces import Workable, without_trades
from exec_algos.studies.run.worked import Worked

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.market.bars import Bars
    from exec_algos.market.calendars import Sessions

Driver = Literal["batch", "engine"]


class NothingLeftError(UsageError):
    """No parent order is left to study: all were skipped."""


@dataclass(frozen=True, slots=True, eq=False)
class SlippageStudy:
    """What algorithms would have cost, had they worked the same parent orders.

    Each (parent order, algorithm) is a world of its own: two of them do not compete for a bar's volume.

    Parameters
    ----------
    bars : Bars
        Those outside the sessions' regular hours are left out, and counted.
    parents : ParentOrders
    algorithms : sequence of Algorithm, str or subclass of OrderExecutor
        Such as ``[TWAP(), VWAP(profile_days=5)]`` or ``["twap", "vwap:profile_days=5", "my_desk.patient:Patient"]``; a subclass of
        `OrderExecutor` is worked event by event whatever the driver, and the result's ``config["drivers"]`` says so.
    fill_model : FillModel, optional
    rules : Rules
        Of every parent order: sizes of children, limit price, residual policy.
    limits : Limits
        From where on bars are odd, and said to be.

    Raises
    ------
    UsageError
        No algorithm, the same one twice, one that cannot work the orders, one that reads quotes which the bars do not have, or bars that
        do not start on the sessions' grid.

    Examples
    --------
    >>> from exec_algos.market.samples import load_samples
    >>> bars = load_samples()["XNYS"]
    >>> parents = ParentOrders.grid(bars, calendar="XNYS", size="5%adv")
    >>> result = SlippageStudy(bars, parents, ["twap", "vwap"], FillModel(max_participation=0.1)).run()
    >>> list(result.summary().index)
    ['twap', 'vwap']
    """

    bars: Bars
    parents: ParentOrders
    algorithms: Sequence[Algorithm | str | type[OrderExecutor]]
    fill_model: FillModel | None = None
    rules: Rules = NO_RULES
    limits: Limits = USUAL

    def __post_init__(self) -> None:
        algorithms = tuple(algorithm_of(algorithm) for algorithm in self.algorithms)
        names = [str(algorithm) for algorithm in algorithms]
        if not algorithms or len(set(names)) < len(names):
            raise UsageError(f"a study needs at least one algorithm, and each only once; got {names}")
        if self.parents.symbols != self.bars.symbols:
            raise UsageError("the parent orders were made for other bars: ParentOrders.grid(bars, ...) with the same bars")
        for algorithm in algorithms:
            algorithm.check_order(self.rules, self.parents.lot_size)
            check_quotes(self.bars, algorithm.reads, str(algorithm))
        check_quotes(self.bars, self.rules.reads, f"style {self.rules.style}")
        object.__setattr__(self, "algorithms", algorithms)
        object.__setattr__(self, "fill_model", self.fill_model or FillModel())

    def run(
        self,
        driver: Driver = "batch",
        *,
        fills: bool = True,
        progress: Callable[[str, int, int], None] | None = None,
        processes: int | None = None,
    ) -> StudyResult:
        """Work every parent order by every algorithm.

        Parameters
        ----------
        driver : {"batch", "engine"}
            The compiled loop, or the event-driven backtest: the same numbers, to the last bit.
        fills : bool
            Keep single trades. Without them `StudyResult.analysis` works the orders again, some at a time, and adds up what its tables
            need; what was worked event by event is not worked twice.
        progress : callable, optional
            Called with ``(algorithm, done, total)``.
        processes : int, optional
            Worker processes for subclasses of `OrderExecutor`; as many as there are cores where there are more than 500 orders.
            The result does not depend on it.

        Returns
        -------
        StudyResult

        Raises
        ------
        UnknownNameError
            No such driver.
        UsageError
            No parent order is left; or worker processes cannot import an executor.
        RunError
            An executor raised, or traded what it was not ordered to.
        """
        from exec_algos.studies.run.drivers import DRIVERS, Job, Located
        from exec_algos.studies.run.processes import drive_executor

        if driver not in DRIVERS:
            raise UnknownNameError("driver", driver, DRIVERS)
        regular = _regular(self.bars, self.parents.sessions)
        orders = self.parents
        if regular.symbols != self.bars.symbols:
            orders = _renumbered(orders, regular.symbols)
        curves, orders = curves_of(regular, orders, self.algorithms)  # type: ignore[arg-type]
        if not len(orders):
            raise NothingLeftError(_nothing_left(self.parents, orders))
        located = Located.of(regular, orders, self.rules)
        worked: list[Worked] = []
        held: dict[int, Worked] = {}
        for i, algorithm in enumerate(self.algorithms):
            if progress is not None:
                progress(str(algorithm), i, len(self.algorithms))
            own = isinstance(algorithm, CustomExecutor)
            by_events = own or driver != "batch"  # which takes too long to be done twice, so that what is summed later is kept
            job = Job(regular, orders, located, algorithm, curves[i], self.fill_model, self.rules, fills or by_events)  # type: ignore[arg-type]
            done = drive_executor(job, processes) if own else DRIVERS[driver](job)
            if by_events and not fills:
                held[i], done = done, without_trades(done)
            worked.append(done)
        if progress is not None:
            progress("", len(self.algorithms), len(self.algorithms))
        left_out = len(self.bars) - len(regular)
        algorithms: Any = tuple(self.algorithms)  # values by now
        model = self.fill_model or FillModel()
        given = self._given(regular)
        work = None if fills else Workable(algorithms, curves, model, self.rules, held)
        return StudyResult.of(regular, orders, algorithms, model, worked, left_out, driver, self.rules, given, self.limits, work)

    def _given(self, regular: Bars) -> Bars:
        """The bars that were given, of the symbols that have some in the sessions."""
        return self.bars if regular.symbols == self.bars.symbols else self.bars.select(regular.symbols)

    def pretrade(self, *, confidence: float = 0.9, most: int | None = None, seed: int = 0) -> pd.DataFrame:
        """What each parent order was expected to cost, before it began: `exec_algos.studies.pretrade.pretrade`."""
        from exec_algos.studies.pretrade import pretrade

        model = self.fill_model or FillModel()
        return pretrade(self.bars, self.parents, self.algorithms, model, confidence=confidence, most=most, seed=seed)  # type: ignore[arg-type] # values by now


def _nothing_left(given: ParentOrders, orders: ParentOrders) -> str:
    why = f", {len(orders.skipped)} were skipped: {counted(skip.reason for skip in orders.skipped)}" if orders.skipped else ""
    history = history_line(short_of(given, orders.skipped), 0)
    return f"no parent order is left to study{why}{'; ' if history else ''}{history}"


def _regular(bars: Bars, sessions: Sessions) -> Bars:
    """The bars that start inside a session, each on its grid; the very same where all do."""
    bars = trading_bars(bars, sessions)
    ranges = [sessions.rows(bars.start[a:b]) for a, b in pairwise(bars.offsets)]
    if sum(int((last - first).sum()) for first, last in ranges) < len(bars):
        bars = bars.take(np.concatenate([sessions.held(bars.start[a:b]) >= 0 for a, b in pairwise(bars.offsets)]))
        ranges = [sessions.rows(bars.start[a:b]) for a, b in pairwise(bars.offsets)]
    off = [NO_ROWS]
    for a, b, rows in zip(bars.offsets[:-1], bars.offsets[1:], ranges, strict=True):
        off.append(a + _off_grid(bars.start[a:b], sessions, *rows, bars.step))
    _refuse_off_grid(bars, np.concatenate(off))
    return bars


def _refuse_off_grid(bars: Bars, off: Ints) -> None:
    if len(off):
        raise UsageError(
            f"bar {np.datetime64(int(bars.start[off[0]]), 'ns')} UTC does not start a whole number of {bars.step / 1e9:g} s bars after "
            f"its session's open, and so with {len(off)} bars; resample them, or name the calendar they belong to"
        )


def _off_grid(start: Ints, sessions: Sessions, first: Ints, last: Ints, step: int) -> Ints:
    """Rows of one symbol that are off the grid. What follows a bar on the grid by one step is on it, so few need a division."""
    leads = np.diff(start, prepend=start[:1]) != step
    leads[first[last > first]] = True
    rows = np.flatnonzero(leads)
    held = sessions.locate(start[rows])
    if not ((start[rows] - sessions.piece_open(held, start[rows])) % step).any():
        return NO_ROWS
    return np.flatnonzero((start - sessions.piece_open(sessions.held(start), start)) % step != 0)


def _renumbered(orders: ParentOrders, symbols: tuple[str, ...]) -> ParentOrders:
    names = np.array(orders.symbols, dtype=object)
    number = {symbol: i for i, symbol in enumerate(symbols)}
    return replace(orders, symbols=symbols, symbol=np.array([number[names[i]] for i in orders.symbol], dtype=np.int64))
