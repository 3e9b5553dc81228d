"""Orders as KIS tells them: rows of what they traded, rows of the open ones, and pushed notices."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypedDict

from exec_algos.brokers.kis.answers import Envelope
from exec_algos.brokers.kis.values import (
    Row,
    code_of,
    day_of,
    instant,
    number_of,
    odno_of,
    original_of,
    rows_of,
    side_of,
    symbol_of,
    text_of,
    whole_of,
)
from exec_algos.errors import VenueError
from exec_algos.model import Side

CANCELLED = ("cncl_cfrm_qty", "cnc_cfrm_qty")
"""Both spellings of the quantity whose cancel is confirmed."""
AVERAGE_UNIT = 1.0  # currency: averages are seen in whole won as well as with four decimals


class RowKind(Enum):
    """What a row of orders is."""

    ORDER = "order"
    AMEND = "amend"
    """It took the place of the order that it names as its original."""
    CANCEL = "cancel"
    """A request to cancel the order that it names as its original: it is no order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyRow:
    """An order, or a request to change one, with what came of it so far.

    Attributes
    ----------
    day : str
        YYYYMMDD, KST.
    orgno, odno : str
        Forwarding office, which may be empty, and order number of ten digits.
    original : str
        Number of the order that it changes; empty for an order of its own.
    quantity, filled, open, cancelled, rejected : int
        Shares.
    limit : float
        Currency per share; NaN where it has none.
    amount : float
        Value of what traded, currency.
    dvsn, exchange : str
        ORD_DVSN, and KRX, NXT or SOR; empty where KIS leaves them out.
    time : int
        When KIS took it, ns UTC.
    kind : RowKind
    """

    day: str
    orgno: str
    odno: str
    original: str
    symbol: str
    side: Side
    quantity: int
    limit: float
    filled: int
    amount: float
    open: int
    cancelled: int
    rejected: int
    dvsn: str
    exchange: str
    time: int
    kind: RowKind

    @property
    def name(self) -> tuple[str, str, str]:
        """Day, office and number, which no other row has."""
        return self.day, self.orgno, self.odno

    @property
    def unexplained(self) -> int:
        """Shares of which the row does not say what became: those of a cancel, or of a change, that only its own row tells."""
        return self.quantity - self.filled - self.open - self.cancelled - self.rejected

    @property
    def state(self) -> str:
        """``"open"``, ``"done"`` or ``"rejected"``, as `OrderRow` has it."""
        if self.rejected and not self.filled and not self.open:
            return "rejected"
        return "open" if self.open else "done"


def daily_rows(envelope: Envelope) -> tuple[DailyRow, ...]:
    """The rows of a page of `messages.daily`, as they stand, requests to cancel among them; see `orders_of`.

    Raises
    ------
    VenueError
        A value that cannot be, or quantities that are more than the order; with the field and the value.
    """
    return tuple(_daily(row) for row in rows_of(envelope, "output1"))


def orders_of(rows: Iterable[DailyRow]) -> tuple[DailyRow, ...]:
    """The orders among all rows of an inquiry, in their order: requests to cancel are left out, and their quantities go to their orders.

    ``quantity = filled + open + cancelled + rejected`` holds of each. Of an order that was changed, what went to the new one counts as
    cancelled.

    Raises
    ------
    VenueError
        Quantities of an order that do not add up, which no other row explains.
    """
    known = tuple(rows)
    changes = changes_of(known)
    return tuple(explained(row, changes.get(row.name, ())) for row in known if row.kind is not RowKind.CANCEL)


def changes_of(rows: Iterable[DailyRow]) -> dict[tuple[str, str, str], list[DailyRow]]:
    """Requests to cancel or change, by the name of the order that they are of; those that were refused are left out.

    Offices count their orders by themselves. A request is of the order of its own office, symbol and side; where there is none, of the
    only one that has the number, symbol and side, for a request may go by another office than its order.
    """
    known = tuple(rows)
    orders: dict[tuple[object, ...], list[DailyRow]] = defaultdict(list)
    for row in known:
        orders[row.day, row.odno, row.symbol, row.side].append(row)
    found: dict[tuple[str, str, str], list[DailyRow]] = defaultdict(list)
    for row in known:
        if not row.original or row.rejected >= max(row.quantity, 1):
            continue
        held = orders[row.day, row.original, row.symbol, row.side]
        held = [order for order in held if order.orgno == row.orgno] or held
        if len(held) == 1:
            found[held[0].name].append(row)
    return found


def explained(row: DailyRow, changes: Sequence[DailyRow]) -> DailyRow:
    """A row whose quantities add up, by the requests to cancel or change it; see `orders_of`."""
    short = row.unexplained
    if not short:
        return row
    told = sum(change.cancelled for change in changes if change.kind is RowKind.CANCEL)
    if short == told or (changes and not row.open):
        return replace(row, cancelled=row.cancelled + short)
    raise VenueError(
        f"order {row.odno} of {row.day}: ord_qty {row.quantity} must be tot_ccld_qty {row.filled} + rmn_qty {row.open} + cncl_cfrm_qty "
        f"{row.cancelled} + rjct_qty {row.rejected}, and no request to cancel or change it tells of the other {short}; ask again"
    )


def _daily(row: Row) -> DailyRow:
    base = _base(row)
    found = DailyRow(
        **base,
        day=day_of(row, "ord_dt"),
        open=whole_of(row, "rmn_qty"),
        cancelled=_cancelled(row),
        rejected=whole_of(row, "rjct_qty", blank=0, missing=""),
        exchange=code_of(row, "excg_id_dvsn_cd", missing=""),
        time=instant(day_of(row, "ord_dt"), text_of(row, "ord_tmd"), "ord_tmd"),
        kind=_kind(row, "sll_buy_dvsn_cd_name", open_=whole_of(row, "rmn_qty")),
    )
    if found.kind is RowKind.ORDER and not found.quantity:
        raise VenueError(f"order {found.odno} of {found.day}: ord_qty must be at least 1 share, got 0; ask again")
    if found.unexplained < 0 and found.kind is not RowKind.CANCEL:
        raise VenueError(
            f"order {found.odno} of {found.day}: tot_ccld_qty {found.filled} + rmn_qty {found.open} + cncl_cfrm_qty {found.cancelled} + "
            f"rjct_qty {found.rejected} are more than ord_qty {found.quantity}; ask again"
        )
    _check_average(row, found)
    return found


class _Base(TypedDict):
    orgno: str
    odno: str
    original: str
    symbol: str
    side: Side
    quantity: int
    limit: float
    filled: int
    amount: float
    dvsn: str


def _base(row: Row) -> _Base:
    limit = number_of(row, "ord_unpr", blank=0.0)
    found: _Base = {
        "orgno": code_of(row, "ord_gno_brno"),
        "odno": odno_of(row, "odno"),
        "original": original_of(row, "orgn_odno"),
        "symbol": symbol_of(row, "pdno"),
        "side": side_of(row, "sll_buy_dvsn_cd"),
        "quantity": whole_of(row, "ord_qty"),
        "limit": limit or math.nan,
        "filled": whole_of(row, "tot_ccld_qty", blank=0),
        "amount": number_of(row, "tot_ccld_amt", blank=0.0),
        "dvsn": code_of(row, "ord_dvsn_cd", missing=""),
    }
    if (found["filled"] == 0) != (found["amount"] == 0):
        raise VenueError(f"order {found['odno']}: tot_ccld_qty {found['filled']} cannot go with tot_ccld_amt {found['amount']}; ask again")
    return found


def _cancelled(row: Row) -> int:
    told = {whole_of(row, name, blank=0) for name in CANCELLED if name in row}
    if len(told) > 1:
        raise VenueError(f"{' and '.join(CANCELLED)} must be the same, got {sorted(told)}")
    return told.pop() if told else 0


def _kind(row: Row, name: str, open_: int) -> RowKind:
    """By KIS's word where it has one; a request to cancel has neither price nor fills, and nothing of it stays open."""
    if not original_of(row, "orgn_odno"):
        return RowKind.ORDER
    said = text_of(row, name, missing="")
    if "취소" in said:
        return RowKind.CANCEL
    if "정정" in said:
        return RowKind.AMEND
    priced = number_of(row, "ord_unpr", blank=0.0) > 0
    return RowKind.AMEND if priced or open_ or whole_of(row, "tot_ccld_qty", blank=0) else RowKind.CANCEL


def _check_average(row: Row, found: DailyRow) -> None:
    average = number_of(row, "avg_prvs", blank=0.0, missing="")
    if found.filled and average and abs(average * found.filled - found.amount) > AVERAGE_UNIT * found.filled:
        raise VenueError(
            f"order {found.odno} of {found.day}: tot_ccld_amt {found.amount:.15g} cannot be that of tot_ccld_qty {found.filled} at "
            f"avg_prvs {average:.15g}; ask again"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRow:
    """An order of the list of open ones; attributes as in `DailyRow`, `open`: shares that can be cancelled."""

    orgno: str
    odno: str
    original: str
    symbol: str
    side: Side
    quantity: int
    limit: float
    filled: int
    amount: float
    open: int
    dvsn: str
    exchange: str
    time: int
    kind: RowKind


def open_rows(envelope: Envelope, day: str) -> tuple[OpenRow, ...]:
    """The rows of a page of `messages.open_orders`, which have no date: `day` is today's, YYYYMMDD.

    Raises
    ------
    VenueError
        A value that cannot be; with the field and the value.
    """
    return tuple(_open(row, day) for row in rows_of(envelope, "output"))


def _open(row: Row, day: str) -> OpenRow:
    found = OpenRow(
        **_base(row),
        open=whole_of(row, "psbl_qty"),
        exchange=code_of(row, "excg_id_dvsn_cd", missing=""),
        time=instant(day, text_of(row, "ord_tmd"), "ord_tmd"),
        kind=_kind(row, "rvse_cncl_dvsn_name", open_=whole_of(row, "psbl_qty")),
    )
    if found.filled + found.open > found.quantity:
        raise VenueError(
            f"order {found.odno}: tot_ccld_qty {found.filled} + psbl_qty {found.open} are more than ord_qty {found.quantity}; ask again"
        )
    return found


NOTICE = (
    *("cust_id", "acnt_no", "oder_no", "ooder_no", "seln_byov_cls", "rctf_cls", "oder_kind", "oder_cond", "stck_shrn_iscd"),
    *("cntg_qty", "cntg_unpr", "stck_cntg_hour", "rfus_yn", "cntg_yn", "acpt_yn", "brnc_no", "oder_qty"),
)
"""The fields that every notice has; later ones came and went."""
RCTF: Mapping[str, RowKind] = {"0": RowKind.ORDER, "1": RowKind.AMEND, "2": RowKind.CANCEL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A pushed event of an order.

    Attributes
    ----------
    account : str
        Ten digits. Not in the repr.
    odno, original : str
        Of this event, and of the order that it changes.
    kind : RowKind
        Of an order, of a change, of a cancel.
    executed, refused : bool
        It tells of an execution; of a refusal.
    accepted : str
        ACPT_YN: "1" accepted, "2" confirmed, "3" cancelled (the rest of an IOC or FOK order).
    quantity, price : float
        Of an execution: its shares, not cumulative, and its price. Else those of the order.
    ordered : int
        Shares of the order.
    hour : str
        HHMMSS, KST; no date is told.
    branch : str
        Perhaps the forwarding office.
    """

    account: str = field(repr=False)
    odno: str
    original: str
    side: Side
    kind: RowKind
    dvsn: str
    symbol: str
    quantity: int
    price: float
    hour: str
    executed: bool
    refused: bool
    accepted: str
    branch: str
    ordered: int

    @classmethod
    def of(cls, fields: Sequence[str]) -> Notice:
        """The notice of a record's fields, of which there are 17 or more.

        Raises
        ------
        VenueError
            Fewer fields, or a value that cannot be.
        """
        if len(fields) < len(NOTICE):
            raise VenueError(f"a notice has at least {len(NOTICE)} fields, got {len(fields)}")
        row = dict(zip(NOTICE, fields, strict=False))
        hour = text_of(row, "stck_cntg_hour")
        instant("20260101", hour, "stck_cntg_hour")
        found = cls(
            account=_account(row),
            odno=odno_of(row, "oder_no"),
            original=original_of(row, "ooder_no"),
            side=side_of(row, "seln_byov_cls"),
            kind=RCTF[_one_of(row, "rctf_cls", "012")],
            dvsn=code_of(row, "oder_kind"),
            symbol=symbol_of(row, "stck_shrn_iscd"),
            quantity=whole_of(row, "cntg_qty", blank=0),
            price=number_of(row, "cntg_unpr", blank=0.0),
            hour=hour,
            executed=_one_of(row, "cntg_yn", "12") == "2",
            refused=_one_of(row, "rfus_yn", "01") == "1",
            accepted=_one_of(row, "acpt_yn", "123"),
            branch=code_of(row, "brnc_no"),
            ordered=whole_of(row, "oder_qty", blank=0),
        )
        if found.executed and not (found.quantity and found.price):
            raise VenueError(f"an execution has shares and a price, got cntg_qty {found.quantity} and cntg_unpr {found.price:.15g}")
        return found


def _account(row: Row) -> str:
    found = text_of(row, "acnt_no")
    if not re.fullmatch("[0-9]{10}", found):
        raise VenueError(f"acnt_no must be ten digits, got {len(found)} signs")
    return found


def _one_of(row: Row, name: str, known: str) -> str:
    found = text_of(row, name)
    if len(found) != 1 or found not in known:
        raise VenueError(f"{name} must be one of {', '.join(known)}, got {found[:8]!r}")
    return found
