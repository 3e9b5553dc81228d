"""The fill model's commission in backtrader's books."""

from __future__ import annotations

import copy
from typing import Any

import backtrader as bt

from exec_algos.costs import Commission, child_fee
from exec_algos.errors import UsageError


class Charge:
    """What the execution that is being booked adds to the commission of its order.

    backtrader books an execution that crosses zero as two, what it closes and what it opens, and asks for the
    commission of each, in this order.

    Attributes
    ----------
    schedule : Commission
    free : bool
        It charges nothing, and backtrader's own commissions hold.
    """

    def __init__(self, schedule: Commission) -> None:
        self.schedule, self.free = schedule, schedule == Commission()
        self._shares = self._before = self._value = self._fee = self.due = 0.0
        self._closing: float | None = None
        self._booking = False

    def begin(self, before: float, value: float, fee: float, shares: float, price: float, after: float) -> float:
        """An order that has got `before` shares for `value` and paid `fee` gets `shares` more, `after` in all; what it has paid then."""
        self._before, self._value, self._fee, self._shares = before, value, fee, shares
        total = child_fee(self.schedule, after, value + shares * price)
        self.due, self._closing, self._booking = total - fee, None, True
        return total

    def of(self, size: float, price: float, pseudoexec: bool) -> float:
        """In place of ``CommInfoBase._getcommission``."""
        shares = abs(size)
        if not self._booking:
            return child_fee(self.schedule, shares, shares * price)
        if self._closing is None and shares == self._shares:
            return self.due
        if self._closing is None:
            self._closing = child_fee(self.schedule, self._before + shares, self._value + shares * price) - self._fee
            return self._closing
        return self.due - self._closing

    def end(self, bit: Any) -> None:
        """The execution is booked; its two parts sum to what it cost to the last digit."""
        self._booking = False
        if bit is not None and bit.closed and bit.opened and bit.closedcomm == self._closing:  # without interest
            bit.comm = self.due


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
    charged._getcommission = charge.of
    return charged
