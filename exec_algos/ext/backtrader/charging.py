"""The fill model's commission in backtrader's books."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import backtrader as bt

from exec_algos.costs.charges import ChildCharges, DatedFees, FeeRow, Rows, is_free
from exec_algos.costs.commission import Commission
from exec_algos.costs.fees import UNCAPPED_FEE, FeeSchedule
from exec_algos.errors import UsageError
from exec_algos.ext.backtrader.stamps import FeedTime

Fees = Callable[[int, int], Rows]  # of an instant (ns UTC) and a side


def fees_of(commission: Commission | FeeSchedule, day_of: Callable[[int], date]) -> Fees:
    """The fees of a feed: by the trade date of an instant, or always the same."""
    if isinstance(commission, FeeSchedule):
        return DatedFees(commission, day_of).rows
    rows = (FeeRow(*commission[:2], *commission[:2], commission.minimum, UNCAPPED_FEE, 0.0, 0.0, 0.0),)
    return partial(_same, rows)


def _same(rows: Rows, instant: int, side: int) -> Rows:
    return rows


def check_feed(commission: Commission | FeeSchedule, time: FeedTime, stamps: Any) -> None:
    """Refuse a feed with a date that a schedule does not know, as far as its stamps are there before the run.

    Raises
    ------
    UsageError
        A date outside the range that a component is known for.
    """
    if isinstance(commission, FeeSchedule) and len(stamps.array):
        first, last = (time.hours.day(time.known(stamps.array[i]) - time.step) for i in (0, -1))
        commission.check_days(first, last)


class Charge:
    """What the execution that is being booked adds to the commission of its order.

    backtrader books an execution that crosses zero as two, what it closes and what it opens, and asks for the
    commission of each, in this order.

    Attributes
    ----------
    free : bool
        Nothing is charged, and backtrader's own commissions hold.
    split : bool
        Makers pay other terms than takers.
    taxes : float
        What of the last execution's commission was tax, currency.
    """

    def __init__(self, commission: Commission | FeeSchedule, today: Callable[[int], Rows]) -> None:
        self.free, self._today = is_free(commission), today
        self.split = isinstance(commission, FeeSchedule) and commission.by_liquidity
        self._account = ChildCharges((), 1.0)
        self._lots = self._shares = self._price = self.due = self.taxes = 0.0
        self._made = False
        self._closing: float | None = None
        self._booking = False

    def begin(self, account: ChildCharges, lots: int, shares: float, price: float, made: bool) -> None:
        """An order gets `lots` more, `shares` in all, which make liquidity or take it; `price` is what a share is worth, multiplied."""
        self._account, self._lots, self._shares, self._price, self._made = account, lots, shares, price, made
        self.due, self._closing, self._booking = account.quote(lots, shares * price, made), None, True

    def of(self, multiplier: float, size: float, price: float, pseudoexec: bool) -> float:
        """In place of ``CommInfoBase._getcommission``, of a feed whose unit is worth `multiplier` times its price."""
        shares, price = abs(size), price * multiplier
        if not self._booking:
            return ChildCharges(self._today(1 if size > 0 else -1), 1.0).quote(shares, shares * price, False)
        if self._closing is None and shares == self._shares:
            return self.due
        if self._closing is None:
            self._closing = self._account.quote(shares / self._account.lot, shares * price, self._made)
            return self._closing
        return self.due - self._closing

    def end(self, bit: Any) -> None:
        """The execution is booked; its two parts sum to what it cost to the last digit."""
        if not self._booking:
            return
        self._booking = False
        self.taxes = self._account.charge(self._lots, self._shares * self._price, self._made).taxes
        if bit is not None and bit.closed and bit.opened and bit.closedcomm == self._closing:  # without interest
            bit.comm = self.due


def multiplier_of(info: Any) -> float:
    """Currency for each unit of price of one share or contract: backtrader's ``mult``."""
    return float(info.p.mult)


def charging(info: Any, charge: Charge) -> Any:
    """A copy of backtrader's commission info, its margin, multiplier, leverage and interest kept, that charges `charge`.

    Raises
    ------
    UsageError
        It charges a commission itself.
    """
    if info.p.commission or type(info)._getcommission is not bt.CommInfoBase._getcommission:
        raise UsageError("commission is set both by setcommission and in the fill model; set it in one place")
    charged = copy.copy(info)
    charged._getcommission = partial(charge.of, multiplier_of(info))
    return charged
