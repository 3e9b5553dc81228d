"""`Fill`: shares that traded at a price; and the summary of what became of a parent order."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple, NotRequired, TypedDict

import numpy as np

from exec_algos.checks import is_finite
from exec_algos.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd
from exec_algos.model.order import ParentOrder, Side


class _FillFields(NamedTuple):
    time: int
    ticker: str
    quantity: float
    fill_price: float
    commission: float
    side: Side
    parent_id: int
    zone: str
    parts: tuple[Fill, ...]
    rule_price: float
    spread: float
    impact: float
    taxes: float
    order_ref: str
    execution_id: str


UNKNOWN_COSTS = (math.nan,) * 4  # rule_price, spread, impact, taxes of a fill of which only the price is known
UNNAMED = ("", "")  # order_ref, execution_id of a fill that no venue reported


class Fill(_FillFields):
    """Shares that traded at a price.

    Parameters
    ----------
    timestamp : datetime, pandas.Timestamp or int
        When. An int is ns UTC; a naive time is read in `zone`.
    ticker : str
    quantity : int or float
        Shares, >= 0; 0 only in the answer to a child order that did not trade.
    fill_price : float
        Currency per share, > 0; NaN if `quantity` is 0.
    commission : float
        Currency, >= 0 for a cost.
    side : Side or str
    parent_id : int
        The parent order it belongs to, -1 for none.
    zone : str
        IANA zone in which `timestamp` is shown.
    rule_price, spread, impact : float
        What the price is made of, ``fill_price = rule_price + spread + impact``: currency per share, the latter two above 0
        where they raise the price (`exec_algos.fills.price_parts`). NaN: not known, as of live fills.
    taxes : float
        Of `commission`, what is tax: currency; NaN: not known.
    order_ref : str
        `ChildOrder.ref` of the child order that traded; empty in replay.
    execution_id : str
        The venue's own name of this trade; empty in replay, and where a venue gives none.

    Attributes
    ----------
    time : int
        ns UTC.
    parts : tuple of Fill
        A child that met several bars answers with one `Fill` of the whole; these are its single trades.

    Raises
    ------
    UsageError
        A negative quantity, a price that is not a positive number, a commission that is not finite, or a time that is none.
    """

    __slots__ = ()

    def __new__(  # noqa: PLR0913 - the fields of a fill, most of them by default
        cls,
        timestamp: datetime | int,
        ticker: str,
        quantity: float,
        fill_price: float,
        commission: float = 0.0,
        side: Side | str = Side.BUY,
        *,
        parent_id: int = -1,
        zone: str = "UTC",
        rule_price: float = math.nan,
        spread: float = math.nan,
        impact: float = math.nan,
        taxes: float = math.nan,
        order_ref: str = "",
        execution_id: str = "",
    ) -> Fill:
        """Check and build."""
        if not (is_finite(quantity) and quantity >= 0):
            raise UsageError(f"a fill of {ticker} needs a finite quantity >= 0, got {quantity!r}")
        if quantity and not (is_finite(fill_price) and fill_price > 0):
            raise UsageError(f"a fill of {ticker} needs a positive price, got {fill_price!r}")
        if not is_finite(commission):
            raise UsageError(f"a fill of {ticker} needs a finite commission, got {commission!r}")
        whole = (_instant(timestamp, zone, ticker), ticker, quantity, fill_price, commission, Side.of(side), parent_id, zone, ())
        return cls._make((*whole, rule_price, spread, impact, taxes, order_ref, execution_id))

    @classmethod
    def _make(cls, iterable: Iterable[Any]) -> Fill:  # type: ignore[override]
        """A fill of its fields; of 9, the parts of its price are not known; of 13, no venue named it."""
        fields = tuple(iterable)
        known, names = fields[9:13] or UNKNOWN_COSTS, fields[13:] or UNNAMED
        return super()._make((*fields[:9], *(math.nan if part != part else part for part in known), *names))  # noqa: PLR0124 - one NaN, so that equal fills are equal

    def __reduce__(self) -> tuple[Any, ...]:
        return Fill._make, (tuple(self),)

    @property
    def timestamp(self) -> pd.Timestamp:
        """When it traded, tz-aware in `zone`."""
        import pandas as pd

        return pd.Timestamp(self.time, unit="ns", tz="UTC").tz_convert(self.zone)


def _instant(moment: datetime | int, zone: str, ticker: str) -> int:
    if isinstance(moment, Integral) and not isinstance(moment, bool):
        return int(moment)
    import pandas as pd

    try:
        stamp: Any = pd.Timestamp(moment) if isinstance(moment, (datetime, np.datetime64, str)) else pd.NaT
        if stamp is not pd.NaT:
            return int((stamp if stamp.tzinfo else stamp.tz_localize(zone)).as_unit("ns").value)
    except (ValueError, KeyError, IndexError, OSError) as error:
        raise UsageError(f"the time {moment!r} of a fill of {ticker} cannot be read in zone {zone!r}: {error}") from error
    raise UsageError(f"the time of a fill of {ticker} must be a datetime, or ns UTC as a whole number, got {moment!r}")


class FillRecord(TypedDict):
    """One fill in an execution summary."""

    timestamp: str
    ticker: str
    side: str
    quantity: float
    fill_price: float
    commission: float


class ExecutionSummary(TypedDict):
    """What became of one parent order; prices in currency per share, quantities in shares.

    ``total_quantity`` is what was filled and ``num_slices`` the children that were released; ``unknown`` are shares of children of
    which nobody knows yet whether they trade: ``ordered_quantity = total_quantity + unknown + residual``. More filled than ordered
    makes the residual negative. ``commission_estimated`` stands there, and is True, where the venue does not tell commissions by order:
    ``total_commission`` and that of each fill are then those of a fee schedule.
    """

    ticker: str
    side: str
    ordered_quantity: float
    total_quantity: float
    unknown: float
    residual: float
    avg_fill_price: float
    total_commission: float
    num_slices: int
    fills: list[FillRecord]
    errors: list[str]
    commission_estimated: NotRequired[bool]


def summarise(parent: ParentOrder, fills: list[Fill], released: int, errors: list[str], unknown: float = 0) -> ExecutionSummary:
    """The summary of a parent order.

    Parameters
    ----------
    parent : ParentOrder
    fills : list of Fill
        Its trades, in time order.
    released : int
        Children sent to the broker.
    errors : list of str
        What went wrong with single children.
    unknown : float
        Shares of children of which nobody knows yet whether they trade.
    """
    filled = sum(fill.quantity for fill in fills)
    if math.isclose(filled, parent.quantity, rel_tol=1e-9):
        filled = parent.quantity  # ten times 0.1 is a little less than 1
    left = parent.quantity - filled - unknown
    if unknown and abs(left) <= 1e-9 * parent.quantity:
        left = 0
    notional = math.fsum(fill.quantity * fill.fill_price for fill in fills)
    return ExecutionSummary(
        ticker=parent.symbol,
        side=parent.side.name,
        ordered_quantity=parent.quantity,
        total_quantity=filled,
        unknown=unknown,
        residual=left,
        avg_fill_price=notional / filled if filled else math.nan,
        total_commission=math.fsum(fill.commission for fill in fills),
        num_slices=released,
        fills=[_record(fill) for fill in fills],
        errors=errors,
    )


def _record(fill: Fill) -> FillRecord:
    return FillRecord(
        timestamp=fill.timestamp.isoformat(),
        ticker=fill.ticker,
        side=fill.side.name,
        quantity=fill.quantity,
        fill_price=fill.fill_price,
        commission=fill.commission,
    )
