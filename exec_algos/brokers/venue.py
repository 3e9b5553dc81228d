"""`VenueAPI`: all that the author of a venue's adapter writes; the live broker over it keeps every state."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exec_algos.errors import UsageError
from exec_algos.model import Fill, Side

if TYPE_CHECKING:
    from exec_algos.brokers.requests import Bucket
    from exec_algos.clock import Clock
    from exec_algos.market.bars import Bars


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueCaps:
    """What a venue can do.

    Parameters
    ----------
    name : str
        ``"sim"``, ``"kis"``: what the journal and the messages call it.
    paper : bool
        No real money: a rehearsal, or a paper account.
    own_id_length : int
        The most characters of an order id of our own; 0 where the venue takes none.
    own_id_chars : str
        The characters that such an id may have.
    order_types : frozenset of str
        Of ``"MKT"``, ``"LMT"``.
    push : bool
        `VenueAPI.reports` gives events; else the venue is polled alone.
    open_orders : bool
        A snapshot holds the orders that are open even where they did not trade since; else only those since a time.
    amend : bool
        An open order can be changed in place.
    rate : float
        Requests a second, of all kinds.
    reserved : float
        The part of `rate` that is kept for orders and cancels, in [0, 1).
    max_quantity : float
        The most shares of one order.
    own_prints : bool
        `Book.traded` holds our own trades.
    estimated_fees : bool
        Commissions of fills are those of a fee schedule: the venue does not tell them by order.
    clock_unsure : int
        How far what `VenueAPI.now` says may be off beside the time that its request takes, ns; half a second of a stamp in whole seconds.
    """

    name: str
    paper: bool
    own_id_length: int = 0
    own_id_chars: str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    order_types: frozenset[str] = frozenset({"MKT", "LMT"})
    push: bool = False
    open_orders: bool = True
    amend: bool = False
    rate: float = 10.0
    reserved: float = 0.3
    max_quantity: float = math.inf
    own_prints: bool = True
    estimated_fees: bool = False
    clock_unsure: int = 0

    def __post_init__(self) -> None:
        if self.own_id_length < 0 or not self.rate > 0 or not 0 <= self.reserved < 1 or self.clock_unsure < 0:
            raise UsageError(f"own_id_length >= 0, rate > 0, reserved in [0, 1) and clock_unsure >= 0 are needed, got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A child order as it is to be sent.

    Attributes
    ----------
    own_id : str
        Our order id; empty where the venue takes none.
    quantity : int or float
        Shares, a multiple of the instrument's lot.
    limit : float
        Currency per share; NaN for a market order.
    """

    own_id: str
    symbol: str
    side: Side
    quantity: float
    limit: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An order that the venue has, or may have, as far as a cancel needs it.

    Attributes
    ----------
    venue_id, own_id : str
        One of them is known.
    open : float
        Shares that are still open as far as we know.
    """

    venue_id: str
    own_id: str
    symbol: str
    side: Side
    quantity: float
    open: float


@dataclass(frozen=True, slots=True)
class Accepted:
    """The venue has the order. `time`: when it says that it took it, ns UTC; 0 where it does not say."""

    venue_id: str
    time: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """The venue refused. `lasting`: the next such order would be refused too."""

    code: str
    text: str
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class NotSent:
    """The request did not reach the venue, for certain: no connection was made, or its limit of rate refused it unread."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """An order as the venue tells it, cumulative.

    Attributes
    ----------
    quantity, filled : float
        Shares ordered, and traded so far.
    amount : float
        Value of what traded, currency.
    open : float
        Shares that may still trade.
    accepted : int
        When the venue took it, ns UTC.
    state : str
        ``"open"``, ``"done"`` (filled, cancelled or expired) or ``"rejected"``.
    reason : str
        Why it was refused or ended; empty where the venue does not say.
    order_type : str
        ``"MKT"``, ``"LMT"``, or the venue's own word of another type, which no order of ours has; empty where the venue does not say.
    """

    venue_id: str
    own_id: str
    symbol: str
    side: Side
    quantity: float
    limit: float
    filled: float
    amount: float
    open: float
    accepted: int
    state: str
    reason: str = ""
    order_type: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Orders of the account.

    Attributes
    ----------
    orders : tuple of OrderRow
    complete : bool
        Every order that was asked for is there: all pages were read. Only then does a missing row say anything.
    as_of : int
        The venue's time of it, ns UTC; 0 where it does not say.
    """

    orders: tuple[OrderRow, ...]
    complete: bool
    as_of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """An event that the venue pushed.

    Attributes
    ----------
    kind : str
        ``"accepted"``, ``"fill"``, ``"cancelled"`` (its rest is over), ``"rejected"``; or ``"moved"``: a look-up says what happened,
        to one order, or, with an empty `venue_id`, to any of them.
    quantity, price : float
        Of a fill: shares of this execution, and currency per share.
    execution_id : str
        Of a fill; empty where the venue gives none, and then `filled` and `amount` count.
    filled, amount : float
        Cumulative shares and their value; NaN where the venue does not say.
    time : int
        ns UTC; 0 where the venue does not say.
    """

    kind: str
    venue_id: str
    own_id: str
    symbol: str
    side: Side
    time: int
    quantity: float = 0.0
    price: float = math.nan
    execution_id: str = ""
    filled: float = math.nan
    amount: float = math.nan
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Book:
    """Quotes, best first.

    Attributes
    ----------
    bids, asks : tuple of (float, float)
        Price, and shares at it.
    time : int
        ns UTC, by the venue's word.
    last, traded : float
        The last price, and the shares that the session traded; NaN where they are not known.
    """

    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    time: int
    last: float = math.nan
    traded: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """What a symbol is at a venue.

    Attributes
    ----------
    lot_size : float
        Shares.
    tick_size : float
        Currency per share, at every price; 0 where prices are free, or `bands` says it.
    bands : tuple of (float, float)
        Lowest price of each band, rising from 0, and the tick from there on; empty where one tick is that of all prices.
    currency, zone, calendar : str
        Of its prices, its times and its sessions; ``""`` where there is none.
    """

    symbol: str
    lot_size: float = 1
    tick_size: float = 0.0
    bands: tuple[tuple[float, float], ...] = ()
    currency: str = ""
    zone: str = "UTC"
    calendar: str = ""

    def tick(self, price: float) -> float:
        """The tick at a price, currency per share; 0 where prices are free."""
        floors = [floor for floor, _ in self.bands]
        return self.bands[max(bisect_right(floors, price) - 1, 0)][1] if self.bands else self.tick_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account: its name at the venue, cash by currency."""

    name: str
    cash: Mapping[str, float] = field(default_factory=dict)


class VenueAPI(ABC):
    """An adapter: it translates, and keeps no state of orders. It never repeats a request that may place an order.

    Whatever it raises from `send` or `cancel` means that the outcome is unknown. A read that fails raises `VenueError`; it is empty
    only where the venue said so.

    Attributes
    ----------
    pace : callable, optional
        Set by the live broker: what `page` waits for.
    """

    @property
    @abstractmethod
    def caps(self) -> VenueCaps:
        """What the venue can do."""

    pace: Callable[[], Awaitable[None]] | None = None

    async def page(self) -> None:
        """Wait for the turn of one more request; call it before each request of a method after its first, such as the next page."""
        if self.pace is not None:
            await self.pace()

    async def open(self) -> None:  # noqa: B027 - a venue without a connection needs none
        """Connect, log in. Called once, before anything else."""

    async def close(self) -> None:  # noqa: B027
        """Let go of connections. Open orders stay as they are."""

    def bucket(self, clock: Clock) -> Bucket | None:
        """What counts the requests, where `VenueCaps.rate` in this process alone does not: several processes may share a limit."""
        return None

    async def allow(self, intent: Intent) -> None:  # noqa: B027 - a venue without rules of its own needs none
        """Refuse an order before it is sent, beyond lot, tick and order type, which the broker checks.

        Raises
        ------
        UsageError
            The venue would refuse it; with the nearest that it takes.
        OrderRejectedError
            The symbol is not traded: unknown, halted.
        """

    def charged(self, fill: Fill) -> Fill:
        """A fill with what it costs: commission and taxes, currency; as it is where the venue's own reports say that."""
        return fill

    @abstractmethod
    async def send(self, intent: Intent) -> Accepted | Rejected | NotSent:
        """Place an order, once."""

    @abstractmethod
    async def cancel(self, order: Placed) -> Accepted | Rejected | NotSent:
        """Ask for what is still open of an order; may be repeated. `Accepted`: the request was taken, which does not end the order."""

    @abstractmethod
    async def snapshot(self, since: int, symbol: str | None = None) -> Snapshot:
        """The account's orders that were taken at `since` (ns UTC) or later, and those that are open; of one symbol, or of all."""

    async def follow(self, orders: Sequence[Placed], since: int) -> Snapshot:
        """How these orders stand, in as few requests as the venue has; `snapshot` from `since` (ns UTC) on where it has no other way.

        Asked while no outcome is unknown; the answer may leave out every other order. ``complete``: all of `orders` are in it.
        """
        return await self.snapshot(since)

    async def reports(self) -> AsyncIterator[Report]:
        """Events as the venue pushes them; the iterator ends, or raises, where the connection does."""
        return
        yield

    @abstractmethod
    async def book(self, symbol: str) -> Book:
        """The quotes now."""

    @abstractmethod
    async def bars(self, symbol: str, step: int) -> Bars | None:
        """Today's bars that are complete, of `step` ns; None before the first."""

    @abstractmethod
    async def history(self, symbol: str, days: int, step: int) -> Bars | None:
        """Bars of the last `days` sessions before today's; None where there are none."""

    @abstractmethod
    async def instrument(self, symbol: str) -> Instrument:
        """What the symbol is.

        Raises
        ------
        OrderRejectedError
            The venue does not know it.
        """

    @abstractmethod
    async def account(self) -> Account:
        """Whose orders these are."""

    @abstractmethod
    async def positions(self) -> Mapping[str, float]:
        """Shares held, by symbol; sold short below 0."""

    @abstractmethod
    async def now(self) -> int:
        """The venue's clock, ns UTC; 0 where it does not say."""
