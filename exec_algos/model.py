"""The nouns: side, parent order, what an algorithm is told and decides, fill, execution summary."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from exec_algos.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    import pandas as pd

NANOSECOND = 1
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE


class Side(IntEnum):
    """Buy is +1, sell is -1, so that ``side * (price - benchmark)`` is a cost."""

    BUY = 1
    SELL = -1

    @classmethod
    def of(cls, side: Side | str | int) -> Side:
        """A side from a `Side`, from +1 or -1, or from ``"BUY"``/``"SELL"`` in any case.

        Raises
        ------
        UnknownNameError
            Anything else.
        """
        found = cls.__members__.get(side.strip().upper()) if isinstance(side, str) else {1: cls.BUY, -1: cls.SELL}.get(side)
        if found is None:
            raise UnknownNameError("side", str(side), cls.__members__)
        return found


class Terms(NamedTuple):
    """What is fixed about a parent order, as `decide` sees it.

    Attributes
    ----------
    side : int
        +1 buys, -1 sells.
    quantity : int
        Lots ordered.
    slices : int
        Number of decisions in the window.
    lot_size : float
        Shares in a lot.
    limit : float
        `Rules.limit_price`, currency per share; NaN for none.
    """

    side: int
    quantity: int
    slices: int
    lot_size: float = 1.0
    limit: float = math.nan


class Seen(NamedTuple):
    """What is known at a decision.

    Attributes
    ----------
    slice : int
        This decision, 0 .. ``slices - 1``.
    scheduled : float
        The curve at this slice's end: the fraction of the order that should be done by then.
    filled : int
        Lots of children that are over.
    working : int
        Lots of children that are still open.
    volume : float
        Shares that the market traded since the window began, in completed bars, without our own.
    price : float
        The last known price, currency per share; NaN before the first.
    bid, ask : float
        The best quotes now, currency per share; where there are none the last price.
    bid_size, ask_size : float
        Shares at them; where there are no quotes half the last bar's volume.

    Notes
    -----
    From `volume` on they are looked up for an algorithm that says so (`Algorithm.watches`); else they are 0 and NaN.
    """

    slice: int
    scheduled: float
    filled: int
    working: int
    volume: float = 0.0
    price: float = math.nan
    bid: float = math.nan
    ask: float = math.nan
    bid_size: float = 0.0
    ask_size: float = 0.0


class Observed(NamedTuple):
    """What a broker can say of a market at an instant; see `Seen` for the quotes.

    Attributes
    ----------
    traded : float
        Shares traded since some fixed moment, in completed bars.
    """

    traded: float
    price: float
    bid: float
    ask: float
    bid_size: float
    ask_size: float


NOTHING = Observed(0.0, math.nan, math.nan, math.nan, 0.0, 0.0)  # before the first bar


class Residual(StrEnum):
    """What becomes of what is left when the window ends.

    ``CANCEL`` leaves it, as residual. ``FORCE`` lifts the cap for the child of the last slice, which asks for all that is left.
    ``EXTEND`` goes on, one child a slice under the cap, until the session's end. ``CLOSE_AUCTION`` sends it to the closing auction: the
    session's last bar.
    """

    CANCEL = "cancel"
    FORCE = "force"
    EXTEND = "extend"
    CLOSE_AUCTION = "close_auction"

    @classmethod
    def of(cls, policy: Residual | str) -> Residual:
        """A policy from itself or its text.

        Raises
        ------
        UnknownNameError
            Anything else.
        """
        try:
            return cls(policy)
        except ValueError:
            raise UnknownNameError("residual policy", str(policy), list(cls)) from None


class Decision(NamedTuple):
    """The child order to release now.

    Attributes
    ----------
    quantity : int
        Lots; 0 releases none.
    limit : float
        Limit price, NaN for a market order.
    """

    quantity: int
    limit: float


def check_lots(quantity: float, lot_size: float) -> int:
    """Lots in `quantity` shares.

    Raises
    ------
    UsageError
        `quantity` is not a positive multiple of `lot_size`.
    """
    if not (math.isfinite(lot_size) and lot_size > 0):
        raise UsageError(f"lot_size must be a positive number of shares, got {lot_size!r}")
    if not (math.isfinite(quantity) and quantity > 0):
        raise UsageError(f"quantity must be a positive number of shares, got {quantity!r}; use side='SELL' to sell")
    lots = round(quantity / lot_size)
    if lots < 1 or abs(lots * lot_size - quantity) > 1e-9 * quantity:
        raise UsageError(f"quantity {quantity} is not a multiple of lot_size {lot_size}; use {math.floor(quantity / lot_size) * lot_size}")
    return lots


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What bounds the children of a parent order, beside its participation cap.

    Parameters
    ----------
    limit_price : float, optional
        No child pays more, or gets less, currency per share; what is missed meanwhile is caught up under the cap.
    tick_size : float, optional
        Currency per share; `limit_price` must be a multiple of it.
    min_child, max_child : float, optional
        Shares, multiples of the lot. What is less than `min_child` waits, unless it is all that is left or the window ends.
    residual : Residual or str
        What becomes of what is left when the window ends. Where rules clash: the limit price stands above all, then
        ``"force"`` above cap, `min_child` and `max_child`, then the cap, then the others; the end of the window above completion.

    Raises
    ------
    UsageError
        A price or size that is not positive, a limit off the tick, a smallest child above the largest.
    UnknownNameError
        An unknown residual policy.
    """

    limit_price: float | None = None
    tick_size: float | None = None
    min_child: float | None = None
    max_child: float | None = None
    residual: Residual | str = Residual.CANCEL

    def __post_init__(self) -> None:
        object.__setattr__(self, "residual", Residual.of(self.residual))
        for name in ("limit_price", "tick_size", "min_child", "max_child"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise UsageError(f"{name} must be positive and finite, got {value!r}; leave it out for none")
        if self.min_child is not None and self.max_child is not None and self.min_child > self.max_child:
            raise UsageError(f"min_child {self.min_child:g} is above max_child {self.max_child:g}; lower the one or raise the other")
        self._check_tick()

    def _check_tick(self) -> None:
        if self.limit_price is None or self.tick_size is None:
            return
        ticks = self.limit_price / self.tick_size
        if abs(ticks - round(ticks)) > 1e-6:
            near = [f"{n * self.tick_size:.10g}" for n in (math.floor(ticks), math.ceil(ticks)) if n]
            raise UsageError(f"limit_price {self.limit_price:.10g} is off the tick of {self.tick_size:.10g}; use {' or '.join(near)}")

    def bounds(self, lot_size: float) -> Bounds:
        """The same in lots, as the loops read it.

        Raises
        ------
        UsageError
            A child size that is no multiple of the lot.
        """
        least = 0 if self.min_child is None else _child_lots("min_child", self.min_child, lot_size)
        most = NO_BOUND if self.max_child is None else _child_lots("max_child", self.max_child, lot_size)
        limit = math.nan if self.limit_price is None else float(self.limit_price)
        return Bounds(limit, least, most, self.residual == Residual.FORCE)


def _child_lots(name: str, shares: float, lot_size: float) -> int:
    try:
        return check_lots(shares, lot_size)
    except UsageError as error:
        near = sorted({max(n, 1) * lot_size for n in (math.floor(shares / lot_size), math.ceil(shares / lot_size))})
        use = " or ".join(f"{one:.10g}" for one in near)
        raise UsageError(f"{name} {shares:g} is no multiple of lot_size {lot_size:g}; use {use}") from error


NO_BOUND = 2**62


class Bounds(NamedTuple):
    """`Rules` as the loops read them.

    Attributes
    ----------
    limit : float
        Currency per share, NaN for none.
    least, most : int
        Lots of a child.
    forced : bool
        The last slice sends all that is left.
    """

    limit: float
    least: int
    most: int
    forced: bool


NO_RULES = Rules()


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentOrder:
    """An order to be worked over a window.

    Parameters
    ----------
    symbol : str
    side : Side
    quantity : int or float
        Shares, a multiple of `lot_size`.
    start, end : int
        The window ``[start, end)`` in ns UTC.
    interval : int
        Time between decisions in ns.
    lot_size : int or float
        Shares in a lot.
    max_participation : float, optional
        Upper bound of our fraction of a bar's volume, in (0, 1].
    rules : Rules
    until, auction : int, optional
        Where the residual policy goes on after `end`: the instant (ns UTC) at which that ends; and when its order for the closing
        auction is sent.
    algorithm : str
        The text form of the algorithm that works it, such as ``"vwap:profile_days=5"``.
    parent_id : int
        Given by the broker; -1 before.

    Raises
    ------
    UsageError
        A quantity that is no multiple of the lot, an empty window, an interval or a cap out of range.
    """

    symbol: str
    side: Side
    quantity: float
    start: int
    end: int
    interval: int
    lot_size: float = 1
    max_participation: float | None = None
    rules: Rules = NO_RULES
    until: int | None = None
    auction: int = -1
    algorithm: str = ""
    parent_id: int = -1

    def __post_init__(self) -> None:
        check_lots(self.quantity, self.lot_size)
        check_participation(self.max_participation)
        if self.end <= self.start:
            raise UsageError(f"the window of {self.symbol} is empty: start {self.start} ns, end {self.end} ns")
        self.rules.bounds(self.lot_size)
        if self.interval <= 0:
            raise UsageError(f"interval must be positive nanoseconds, got {self.interval}")
        self._check_residual()

    def _check_residual(self) -> None:
        if self.until is None:
            return
        if self.until <= self.end:
            raise UsageError(f"until {self.until} ns is not after the window's end {self.end} ns; leave it out where nothing goes on")
        if self.rules.residual == Residual.CLOSE_AUCTION and not self.end <= self.auction < self.until:
            raise UsageError(f"auction {self.auction} ns must lie in [end, until) = [{self.end}, {self.until}) ns")

    @property
    def lots(self) -> int:
        """Lots ordered."""
        return check_lots(self.quantity, self.lot_size)

    @property
    def deadline(self) -> int:
        """When its last child is over, ns UTC."""
        return self.end if self.until is None else self.until

    @property
    def slices(self) -> int:
        """Number of decisions in the window: ceil((end - start) / interval)."""
        return -((self.start - self.end) // self.interval)


def check_participation(cap: float | None) -> None:
    """Refuse a participation cap that is not None and not in (0, 1].

    Raises
    ------
    UsageError
        The cap is out of range.
    """
    if cap is not None and not 0 < cap <= 1:
        raise UsageError(f"max_participation is a fraction in (0, 1], got {cap!r}; 10 % is 0.1")


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

    Attributes
    ----------
    time : int
        ns UTC.
    parts : tuple of Fill
        A child that met several bars answers with one `Fill` of the whole; these are its single trades.

    Raises
    ------
    UsageError
        A negative quantity, or a price that is not a positive number.
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
    ) -> Fill:
        """Check and build."""
        if not quantity >= 0:
            raise UsageError(f"a fill of {ticker} needs a quantity >= 0, got {quantity!r}")
        if quantity and not (fill_price > 0 and math.isfinite(fill_price)):
            raise UsageError(f"a fill of {ticker} needs a positive price, got {fill_price!r}")
        return cls._make((_instant(timestamp, zone), ticker, quantity, fill_price, commission, Side.of(side), parent_id, zone, ()))

    def __reduce__(self) -> tuple[Any, ...]:
        return Fill._make, (tuple(self),)

    @property
    def timestamp(self) -> pd.Timestamp:
        """When it traded, tz-aware in `zone`."""
        import pandas as pd

        return pd.Timestamp(self.time, unit="ns", tz="UTC").tz_convert(self.zone)


def _instant(moment: datetime | int, zone: str) -> int:
    if isinstance(moment, Integral):
        return int(moment)
    import pandas as pd

    stamp = pd.Timestamp(moment)
    return int((stamp if stamp.tzinfo else stamp.tz_localize(zone)).as_unit("ns").value)


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

    ``total_quantity`` is what was filled and ``num_slices`` the children that were released;
    ``ordered_quantity = total_quantity + residual``.
    """

    ticker: str
    side: str
    ordered_quantity: float
    total_quantity: float
    residual: float
    avg_fill_price: float
    total_commission: float
    num_slices: int
    fills: list[FillRecord]
    errors: list[str]


def summarise(parent: ParentOrder, fills: list[Fill], released: int, errors: list[str]) -> ExecutionSummary:
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
    """
    filled = sum(one.quantity for one in fills)
    if math.isclose(filled, parent.quantity, rel_tol=1e-9):
        filled = parent.quantity  # ten times 0.1 is a little less than 1
    notional = math.fsum(one.quantity * one.fill_price for one in fills)
    return ExecutionSummary(
        ticker=parent.symbol,
        side=parent.side.name,
        ordered_quantity=parent.quantity,
        total_quantity=filled,
        residual=parent.quantity - filled,
        avg_fill_price=notional / filled if filled else math.nan,
        total_commission=math.fsum(one.commission for one in fills),
        num_slices=released,
        fills=[_record(one) for one in fills],
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
