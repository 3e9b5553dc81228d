"""What the account has, how its orders are shown, and what a day cost: values that `KISBroker` gives out."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

from exec_algos.brokers.child import LiveChild
from exec_algos.brokers.kis.keys import Known, OrderKey
from exec_algos.brokers.kis.operations import AccountNo
from exec_algos.brokers.venue import OrderRow
from exec_algos.model import Side

WHOLE = 1.0  # won: KIS rounds what an order costs; the estimate is not told to differ by less


@dataclass(frozen=True, slots=True, kw_only=True)
class KISOrder:
    """An order of the account.

    Attributes
    ----------
    ref, parent_ref : str
        Of the child and its parent; empty for an order of somebody else's hand.
    quantity, filled : float
        Shares.
    amount : float
        Value of what traded, won.
    venue_id : str
        ODNO: the number that the order goes by now; empty before it is known.
    orgno, order_date : str
        Forwarding office, and day (YYYYMMDD, KST), without which the number names no order.
    state, reason : str
        As of the child; of a foreign order ``"open"``, ``"done"`` or ``"rejected"``.
    """

    ref: str
    parent_ref: str
    symbol: str
    side: Side
    quantity: float
    filled: float
    amount: float
    venue_id: str
    orgno: str
    order_date: str
    state: str
    reason: str


def order_of(child: LiveChild, known: Known | None) -> KISOrder:
    """A child as `KISBroker.orders` shows it."""
    return KISOrder(
        ref=child.ref,
        parent_ref=child.parent.ref,
        symbol=child.parent.symbol,
        side=child.parent.side,
        quantity=child.shares,
        filled=child.traded,
        amount=math.fsum(fill.quantity * fill.fill_price for fill in child.fills),
        venue_id=known.current if known else "",
        orgno=known.orgno or known.key.orgno if known else "",
        order_date=known.key.day if known else "",
        state=str(child.state),
        reason=child.reason,
    )


def foreign_order(row: OrderRow) -> KISOrder:
    """An order that is no child's."""
    key = OrderKey.of(row.venue_id)
    return KISOrder(
        ref="",
        parent_ref="",
        symbol=row.symbol,
        side=row.side,
        quantity=row.quantity,
        filled=row.filled,
        amount=row.amount,
        venue_id=key.odno,
        orgno=key.orgno,
        order_date=key.day,
        state=row.state,
        reason=row.reason,
    )


@dataclass(frozen=True, slots=True)
class DayCosts:
    """Commissions and taxes of today, won: `estimated` of our fills by the fee schedule, `told` by KIS of all that the account traded."""

    estimated: float
    told: float

    @property
    def difference(self) -> float:
        """What KIS charged beyond the estimate."""
        return self.told - self.estimated

    def __str__(self) -> str:
        same = "which is the same" if abs(self.difference) < WHOLE else f"a difference of {self.difference:+,.0f}"
        return (
            f"commissions and taxes of today: {self.estimated:,.0f} won by the fee schedule for the orders of this session, "
            f"{self.told:,.0f} by KIS for the account (thdt_tlex_amt), {same}"
        )


def account_name(account: AccountNo, host: str) -> str:
    """A name of an account that tells accounts apart and does not give them away: ``"paper ******56-01 (1f3a)"``."""
    check = hashlib.sha256(f"{host} {account.plain}".encode()).hexdigest()[:4]
    return f"{host} ******{account.cano[-2:]}-{account.product} ({check})"
