"""`SlippageStudy`: the same parent orders, worked by each algorithm, on bars of the past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.executors import Algorithm, parse_algorithm
from exec_algos.fills import FillModel
from exec_algos.model import NO_RULES, Rules
from exec_algos.studies.curves import curves_of
from exec_algos.studies.parents import ParentOrders, counted
from exec_algos.studies.result import StudyResult, Worked

if TYPE_CHECKING:
    from exec_algos.market.bars import Bars

Driver = Literal["batch", "engine"]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class SlippageStudy:
    """What algorithms would have cost, had they worked the same parent orders.

    Each (parent order, algorithm) is a world of its own: two of them do not compete for a bar's volume.

    Parameters
    ----------
    bars : Bars
        Those outside the sessions' regular hours are left out, and counted.
    parents : ParentOrders
    algorithms : sequence of Algorithm or str
        Such as ``[TWAP(), VWAP(profile_days=5)]`` or ``["twap", "vwap:profile_days=5"]``.
    fill_model : FillModel, optional
    rules : Rules
        Of every parent order: sizes of children, limit price, residual policy.

    Raises
    ------
    UsageError
        No algorithm, the same one twice, one that cannot work the orders, or bars that do not start on the sessions' grid.

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
    algorithms: Sequence[Algorithm | str]
    fill_model: FillModel | None = None
    rules: Rules = NO_RULES

    def __post_init__(self) -> None:
        algorithms = tuple(parse_algorithm(one) if isinstance(one, str) else one for one in self.algorithms)
        names = [str(one) for one in algorithms]
        if not algorithms or len(set(names)) < len(names):
            raise UsageError(f"a study needs at least one algorithm, and each only once; got {names}")
        if self.parents.symbols != self.bars.symbols:
            raise UsageError("the parent orders were made for other bars: ParentOrders.grid(bars, ...) with the same bars")
        for one in algorithms:
            one.check_order(self.rules, self.parents.lot_size)
        object.__setattr__(self, "algorithms", algorithms)
        object.__setattr__(self, "fill_model", self.fill_model or FillModel())

    def run(self, driver: Driver = "batch", *, fills: bool = True, progress: Callable[[str, int, int], None] | None = None) -> StudyResult:
        """Work every parent order by every algorithm.

        Parameters
        ----------
        driver : {"batch", "engine"}
            The compiled loop, or the event-driven backtest: the same numbers, to the last bit.
        fills : bool
            Keep single trades.
        progress : callable, optional
            Called with ``(algorithm, done, total)``.

        Returns
        -------
        StudyResult

        Raises
        ------
        UnknownNameError
            No such driver.
        UsageError
            No parent order is left.
        """
        from exec_algos.studies.drivers import DRIVERS, Job
        from exec_algos.studies.record import rules_record

        if driver not in DRIVERS:
            raise UnknownNameError("driver", driver, DRIVERS)
        held = self.parents.sessions.locate(self.bars.start)
        regular = self.bars.take(held >= 0)
        _check_grid(self.bars, self.parents, held)
        orders = self.parents
        if regular.symbols != self.bars.symbols:
            orders = _renumbered(orders, regular.symbols)
        curves, orders = curves_of(regular, orders, self.algorithms)  # type: ignore[arg-type]
        if not len(orders):
            raise UsageError(_nothing_left(orders))
        worked: list[Worked] = []
        for i, algorithm in enumerate(self.algorithms):
            if progress is not None:
                progress(str(algorithm), i, len(self.algorithms))
            job = Job(regular, orders, algorithm, curves[i], self.fill_model, self.rules, fills)  # type: ignore[arg-type]
            worked.append(DRIVERS[driver](job))
        if progress is not None:
            progress("", len(self.algorithms), len(self.algorithms))
        found = StudyResult.of(regular, orders, tuple(self.algorithms), self.fill_model, worked, int((held < 0).sum()), driver)  # type: ignore[arg-type]
        return replace(found, config={**found.config, "rules": rules_record(self.rules)})


def _nothing_left(orders: ParentOrders) -> str:
    why = f", {len(orders.skipped)} were skipped: {counted(one.reason for one in orders.skipped)}" if orders.skipped else ""
    return f"no parent order is left to study{why}"


def _check_grid(bars: Bars, parents: ParentOrders, held: Ints) -> None:
    shifted = (bars.start - parents.sessions.open[held]) % bars.step != 0
    off = np.flatnonzero(shifted & (held >= 0))
    if len(off):
        raise UsageError(
            f"bar {np.datetime64(int(bars.start[off[0]]), 'ns')} UTC does not start a whole number of {bars.step / 1e9:g} s bars after "
            f"its session's open, and so with {len(off)} bars; resample them, or name the calendar they belong to"
        )


def _renumbered(orders: ParentOrders, symbols: tuple[str, ...]) -> ParentOrders:
    names = np.array(orders.symbols, dtype=object)
    number = {symbol: i for i, symbol in enumerate(symbols)}
    return replace(orders, symbols=symbols, symbol=np.array([number[names[i]] for i in orders.symbol], dtype=np.int64))
