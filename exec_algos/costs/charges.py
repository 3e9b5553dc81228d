"""A fee schedule in numbers: what a child order has come to owe, and what of it is tax.

The interpreter and the compiled loop run the same text (`owed`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.costs.commission import Commission
from exec_algos.costs.fees import FeeSchedule, settled
from exec_algos.errors import UsageError

SIDE_NAMES: dict[int, Any] = {1: "BUY", -1: "SELL"}


class FeeRow(NamedTuple):
    """One component on one day for one side, floats throughout; see `exec_algos.costs.fees.FeeTerms`.

    Attributes
    ----------
    rate, per_share : float
        Of what takes liquidity.
    maker_rate, maker_per_share : float
        Of what makes it.
    minimum, maximum, unit, rounding : float
        Of both together.
    tax : float
        1 for a tax, else 0.
    """

    rate: float
    per_share: float
    maker_rate: float
    maker_per_share: float
    minimum: float
    maximum: float
    unit: float
    rounding: float
    tax: float


Rows = tuple[FeeRow, ...]


class Owed(NamedTuple):
    """Everything that is owed, and what of it is tax: currency."""

    fees: float
    taxes: float


def owed(rows: Any, begin: int, end: int, taken: float, taken_value: float, made: float, made_value: float) -> Owed:  # noqa: PLR0913, PLR0917 - both kinds of liquidity
    """What a child owes for all that it has traded on one date.

    Parameters
    ----------
    rows : sequence of FeeRow, or ndarray of float64 of shape (n, 9)
    begin, end : int
        Those of its day and side.
    taken, made : float
        Shares that took and that made liquidity.
    taken_value, made_value : float
        Currency.

    Returns
    -------
    Owed
        `fees` are those that are no tax: the caller adds the taxes, so that a fill never pays more tax than it pays in all.
    """
    fees, taxes = 0.0, 0.0
    if taken + made <= 0.0:
        return Owed(fees, taxes)
    for j in range(begin, end):
        row = rows[j]
        raw = (row[0] * taken_value + row[1] * taken) + (row[2] * made_value + row[3] * made)
        due = settled(raw, row[4], row[5], row[6], row[7])
        if row[8] > 0.0:
            taxes += due
        else:
            fees += due
    return Owed(fees, taxes)


def is_passive(side: int, limit: float, price: float) -> bool:
    """A limit order waits in a bar, and makes liquidity there: what a market order of its side pays lies beyond its limit.

    Parameters
    ----------
    side : int
        +1 buys, -1 sells.
    limit : float
        NaN for a market order, which is never passive.
    price : float
        What a market order of its side pays in the bar, currency per share. An order whose limit that just reaches takes.
    """
    return (price - limit) * side > 0  # of a NaN it is false


def fee_rows(schedule: FeeSchedule, day: date, side: int) -> Rows:
    """The terms of a trade date and a side (+1 buys, -1 sells), one row a component that this side pays.

    Raises
    ------
    UsageError
        A date outside the range that a component is known for.
    """
    rows = []
    for component in schedule.components:
        if SIDE_NAMES[side] in component.sides:
            terms, maker = component.on(day), component.on(day, "maker")
            rows.append(FeeRow(*terms[:2], *maker[:2], *terms[2:5], float(terms.rounding), float(component.tax)))
    return tuple(rows)


class FeeTable(NamedTuple):
    """The terms of many trade dates and sides in numbers that the compiled loop can read.

    Attributes
    ----------
    rows : ndarray of float64, shape (n_rows, 9)
        `FeeRow`.
    begin, end : ndarray of int64, shape (n_entries,)
        Rows of each entry, one a date and side.
    split : bool
        Makers pay other terms than takers.
    """

    rows: npt.NDArray[np.float64]
    begin: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    split: bool

    @classmethod
    def of(cls, schedule: FeeSchedule, days: npt.NDArray[np.datetime64], sides: npt.NDArray[np.int64]) -> tuple[FeeTable, Any]:
        """The table of a schedule for orders on their trade dates and of their sides, and the entry of each order.

        Raises
        ------
        UsageError
            A date outside the range that a component is known for.
        """
        kinds, entry = np.unique(days.astype("datetime64[D]").astype(np.int64) * 2 + (sides > 0), return_inverse=True)
        found = [fee_rows(schedule, np.datetime64(int(kind) // 2, "D").item(), 1 if kind % 2 else -1) for kind in kinds]
        ends = np.cumsum([0, *map(len, found)]).astype(np.int64)
        rows = np.array([row for entry in found for row in entry], dtype=np.float64).reshape(-1, len(FeeRow._fields))
        return cls(rows, ends[:-1], ends[1:], schedule.by_liquidity), entry.astype(np.int64)


NO_FEES = FeeTable(np.zeros((0, len(FeeRow._fields))), np.zeros(1, np.int64), np.zeros(1, np.int64), False)


class ChildCharges:
    """What one child has traded on one date, and owes for it.

    Parameters
    ----------
    rows : tuple of FeeRow
        Of the date and its side.
    lot : float
        Shares.
    """

    __slots__ = ("_owed", "_traded", "lot", "rows")

    def __init__(self, rows: Rows, lot: float) -> None:
        self.rows, self.lot = rows, lot
        self._traded: tuple[float, float, float, float] = (0, 0.0, 0, 0.0)
        self._owed = Owed(0.0, 0.0)

    def charge(self, lots: float, value: float, made: bool) -> Owed:
        """Take in an execution of `lots` for `value` (currency); what it adds to what is owed, taxes included in the fees."""
        self._traded = self._with(lots, value, made)
        before, self._owed = self._owed, self._due(self._traded)
        taxes = self._owed.taxes - before.taxes
        return Owed((self._owed.fees - before.fees) + taxes, taxes)

    def quote(self, lots: float, value: float, made: bool) -> float:
        """What `charge` would add, without taking it in."""
        due = self._due(self._with(lots, value, made))
        return (due.fees - self._owed.fees) + (due.taxes - self._owed.taxes)

    def _with(self, lots: float, value: float, made: bool) -> tuple[float, float, float, float]:
        taken, taken_value, passive, passive_value = self._traded
        if made:
            return taken, taken_value, passive + lots, passive_value + value
        return taken + lots, taken_value + value, passive, passive_value

    def _due(self, traded: tuple[float, float, float, float]) -> Owed:
        taken, taken_value, made, made_value = traded
        return owed(self.rows, 0, len(self.rows), taken * self.lot, taken_value, made * self.lot, made_value)


class DatedFees:
    """A schedule at a venue that knows the trade date of an instant.

    Parameters
    ----------
    schedule : FeeSchedule
    day_of : callable
        Trade date of an instant in ns UTC.
    """

    def __init__(self, schedule: FeeSchedule, day_of: Callable[[int], date]) -> None:
        self.schedule, self._day_of = schedule, day_of
        self._known: dict[tuple[date, int], Rows] = {}

    def rows(self, instant: int, side: int) -> Rows:
        """The rows of the date of an instant: one tuple a date and side, so that a child knows a new date by another one."""
        key = self._day_of(instant), side
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = fee_rows(self.schedule, *key)
        return found


def is_free(commission: Commission | FeeSchedule) -> bool:
    """Nothing is ever charged."""
    return not commission.components if isinstance(commission, FeeSchedule) else commission == Commission()


def undated(commission: Any) -> Any:
    """A commission that holds on every date and for both sides.

    Raises
    ------
    UsageError
        A fee schedule.
    """
    if isinstance(commission, FeeSchedule):
        raise UsageError(
            f"the fees of {commission.name} depend on date and side, which are not known here: name them with "
            "replace(fill_model, commission=schedule.commission(day, side))"
        )
    return commission


def check_days(commission: Commission | FeeSchedule, days: npt.NDArray[np.datetime64]) -> None:
    """Refuse a run over trade dates, rising, that a schedule does not know.

    Raises
    ------
    UsageError
        A date outside the range that a component is known for.
    """
    if isinstance(commission, FeeSchedule) and len(days):
        first, last = (days[i].astype("datetime64[D]").item() for i in (0, -1))
        commission.check_days(first, last)
