"""`BrokerAPI`: what an executor needs of a broker, simulated or real."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from exec_algos.brokers.carried import CarriedChild, Ways
from exec_algos.brokers.child import ChildOrder
from exec_algos.brokers.own_prints import OwnPrints
from exec_algos.clock import Clock, WallClock
from exec_algos.errors import UsageError
from exec_algos.market.calendars import DAY, sessions
from exec_algos.model import SECOND, Fill, Observed, ParentOrder, Session, Side

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.checks import Floats

OrderType = Literal["MKT", "LMT"]

REMEMBERED = 5  # reports whose delay is known


def limit_of(order_type: str, limit_price: float | None) -> float | None:
    """The limit of an order, None for a market order.

    Raises
    ------
    UsageError
        A limit order without a positive limit, a market order with one, or another type.
    """
    if order_type == "MKT" and limit_price is None:
        return None
    if order_type == "LMT" and limit_price is not None and limit_price > 0:
        return limit_price
    raise UsageError(f"order_type must be 'MKT' without limit_price or 'LMT' with a positive one, got {order_type!r} and {limit_price!r}")


def number_of(order_id: int | str) -> int:
    """The number of a child order, where a venue in virtual time knows its orders by number.

    Raises
    ------
    UsageError
        No number.
    """
    if isinstance(order_id, bool) or not str(order_id).isdecimal():
        raise UsageError(f"orders have numbers in virtual time, got {order_id!r}; pass the number of a child order that is open")
    return int(order_id)


@lru_cache(maxsize=64)
def _keywords(place_order: Callable[..., Any]) -> frozenset[str]:
    """Those of ``side, expires, parent, ref`` that a broker's own `place_order` takes; ``**options`` take no ref."""
    parameters = signature(place_order).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return frozenset({"side", "expires", "parent", *parameters})
    return frozenset(parameters)


@lru_cache(maxsize=64)
def takes_ref(send_order: Callable[..., Any]) -> bool:
    """Whether a broker's `send_order` takes the child's ref; ``**options`` do not say so."""
    return "ref" in signature(send_order).parameters


class BrokerAPI(ABC):
    """A broker. A subclass needs `place_order`, `cancel_order`, `get_historical_volume_profile` and `get_market_depth`.

    Attributes
    ----------
    clock : Clock
        The time that this broker lives in; the wall clock unless a subclass says otherwise.
    resolution : int
        Finest time between decisions in ns; 0 where any time will do. In replay it is one bar.
    """

    resolution: int = 0
    _wall: Clock = WallClock()
    _opened: int = 0
    _late: tuple[int, ...] = ()
    _refs: frozenset[str] = frozenset()
    _prints: OwnPrints | None = None

    @property
    def clock(self) -> Clock:
        """The clock on which everything at this broker happens."""
        return self._wall

    @abstractmethod
    async def place_order(  # noqa: PLR0913 - the published signature
        self,
        ticker: str,
        quantity: float,
        order_type: OrderType = "MKT",
        limit_price: float | None = None,
        *,
        side: Side | str = Side.BUY,
        expires: int | None = None,
        parent: ParentOrder | None = None,
    ) -> Fill:
        """Send a child order and wait until it is over.

        Parameters
        ----------
        ticker : str
        quantity : int or float
            Shares.
        order_type : {"MKT", "LMT"}
        limit_price : float, optional
            Currency per share; needed for ``"LMT"``.
        side : Side or str
        expires : int, optional
            When to cancel what is still open, ns UTC; the end of the session if absent.
        parent : ParentOrder, optional
            The parent order that this child belongs to.

        Returns
        -------
        Fill
            All that the child got; ``quantity`` may be less than asked for, and 0.

        Raises
        ------
        VenueError
            The venue refused or failed.
        """

    def send_order(self, parent: ParentOrder, lots: int, limit: float, expires: int, *, capped: bool = True, ref: str = "") -> ChildOrder:
        """Release a child order and go on: `place_order`, carried beside the caller to its end.

        Parameters
        ----------
        parent : ParentOrder
        lots : int
        limit : float
            Currency per share; NaN for a market order.
        expires : int
            When to cancel what is still open, ns UTC.
        capped : bool
            Whether the participation cap holds for it; a venue that knows none need not look.
        ref : str
            Its name, the same after a restart; handed to a `place_order` that takes ``ref``.

        Returns
        -------
        ChildOrder
            What is known of it at every moment. Where nobody knows whether the venue has it, it counts as open.
        """
        limited = not math.isnan(limit)
        options: dict[str, Any] = {"side": parent.side, "expires": expires, "parent": parent, "ref": ref}
        accepted = _keywords(type(self).place_order)
        if "side" not in accepted and parent.side != Side.BUY:
            raise UsageError(f"{type(self).__name__}.place_order takes no side, so it cannot sell; add the keyword side=")
        coroutine = self.place_order(
            parent.symbol,
            lots * parent.lot_size,
            "LMT" if limited else "MKT",
            limit if limited else None,
            **{name: value for name, value in options.items() if name in accepted},
        )
        find = self.find_order if type(self).find_order is not BrokerAPI.find_order else None
        cancel = self.cancel_order if ref and "ref" in accepted else None
        child = CarriedChild(ref, parent, lots, limit, expires)
        child.carry(coroutine, Ways(self.clock, find, cancel, self._confirmed))
        return child

    async def find_order(self, ref: str) -> Fill | None:
        """What became of a child whose `place_order` raised, so that nobody knows; override it where the venue can be asked.

        Parameters
        ----------
        ref : str
            The child's name, which `place_order` got as ``ref``.

        Returns
        -------
        Fill or None
            All that it got, when it is over; None where that is not known yet.

        Raises
        ------
        NotSentError
            It is proved that the venue does not have it.
        """
        return None

    def _confirmed(self, late: int) -> None:
        """A child's last report came `late` ns behind its end."""
        self._late = (*self._late[1 - REMEMBERED :], late)

    @property
    def confirm_lead(self) -> int:
        """How long before the next decision a child has to end, so that its report is there: ns, 0 in replay.

        Here one and a half times the longest delay of the last reports.
        """
        return 0 if self.resolution else max(self._late, default=0) * 3 // 2

    async def observe(self, ticker: str) -> Observed:
        """What the market has traded and what its quotes are now, for algorithms that watch it.

        Here it is made of `get_market_depth`: the price is the middle of the quotes, and what has traded is not known (NaN). An
        algorithm that follows the volume needs a subclass that overrides this.
        """
        depth = await self.get_market_depth(ticker)
        bid, ask, bid_size, ask_size = (float(depth.get(name, math.nan)) for name in ("bid", "ask", "bid_volume", "ask_volume"))
        return Observed(math.nan, (bid + ask) / 2, bid, ask, bid_size, ask_size)

    @property
    def own_prints_on_tape(self) -> bool:
        """Whether the volume that `observe` tells holds our own trades, which are then taken off; True unless a subclass says otherwise."""
        return True

    @property
    def estimates_commission(self) -> bool:
        """Whether commissions of fills are estimates; summaries say so. False unless a subclass says otherwise."""
        return False

    @property
    def own_prints(self) -> OwnPrints:
        """Our own trades, of all parent orders."""
        if self._prints is None:
            self._prints = OwnPrints()
        return self._prints

    def check_quotes(self, ticker: str, columns: Collection[str], reader: str) -> None:  # noqa: B027 - most venues have all quotes
        """Refuse `reader`, which reads quotes, where the market of `ticker` has no such `columns`; a venue has them unless it says so.

        Raises
        ------
        UsageError
            What is lacking.
        """

    async def get_volume_history(self, ticker: str, days: int, step: int) -> list[Floats]:
        """Shares traded in each bar of the last `days` sessions with data before today's, for algorithms that forecast volume.

        Parameters
        ----------
        ticker : str
        days : int
        step : int
            Length of a bar, ns; `resolution` where that is not 0.

        Returns
        -------
        list of ndarray of float64, each of shape (n_bars,)
            In time order, each from its own open on; 0 where nothing traded.

        Raises
        ------
        NotEnoughHistoryError
            Fewer earlier sessions with data.
        UsageError
            This broker has no volumes by bar.
        """
        raise UsageError(
            f"{type(self).__name__} gives no volumes of {ticker} by bar; override get_volume_history and get_volumes_today, "
            "or use an algorithm that follows a curve fixed before, such as VWAP"
        )

    async def get_volumes_today(self, ticker: str, step: int) -> Floats:
        """Shares traded in each bar of today's session that is complete by now.

        Parameters
        ----------
        ticker : str
        step : int
            As in `get_volume_history`.

        Returns
        -------
        ndarray of float64, shape (n_bars_so_far,)
            From the open on; 0 where nothing traded. Empty before the first bar is complete.

        Raises
        ------
        UsageError
            This broker has no volumes by bar.
        """
        raise UsageError(f"{type(self).__name__} gives no volumes of {ticker} by bar; override get_volumes_today")

    @abstractmethod
    async def cancel_order(self, order_id: str) -> bool:
        """Cancel an open child order; False if it was over already.

        Parameters
        ----------
        order_id : str
            The child's ref, which `place_order` got as ``ref``. The simulated venue knows numbers: `SimulatedBroker.open_orders`.
        """

    @abstractmethod
    async def get_historical_volume_profile(self, ticker: str, days: int = 5) -> pd.Series[float]:
        """How a session's volume spreads over the day, from the `days` sessions before today's.

        Returns
        -------
        Series of float
            Indexed by `datetime.time` (start of each bin, exchange time), summing to 1.

        Raises
        ------
        NotEnoughHistoryError
            Fewer earlier sessions with data.
        """

    @abstractmethod
    async def get_market_depth(self, ticker: str) -> Mapping[str, float]:
        """The best quotes now: ``bid, ask`` (currency per share), ``bid_volume, ask_volume`` (shares, perhaps fractional)."""

    def session(self, instant: int) -> Session:
        """The session that is open at `instant` (ns UTC), or else the next one.

        Raises
        ------
        UsageError
            The calendar knows of none.
        """
        from exec_algos.config import get_settings  # pydantic takes its time to load

        found = sessions(get_settings().calendar, instant, instant + 14 * DAY)
        i = found.at_or_after(instant)
        if i == len(found):
            raise UsageError(f"calendar {found.name} has no session within 14 days of {instant} ns UTC")
        return Session.of(found, i)

    def open_parent(self, parent: ParentOrder) -> ParentOrder:
        """Take note of a parent order whose children will come; returns it with its number, and with a ref where it has none.

        Raises
        ------
        UsageError
            A ref that another parent order has.
        """
        if parent.ref in self._refs:
            raise UsageError(f"ref {parent.ref!r} is another parent order's; give each its own, or leave it out")
        return self.adopt_parent(replace(parent, ref=parent.ref or self._name()))

    def adopt_parent(self, parent: ParentOrder) -> ParentOrder:
        """Take note of a parent order that was accepted before a restart; it keeps its ref and gets a number of this run."""
        numbered = replace(parent, parent_id=self._opened)
        self._opened += 1
        self._refs |= {parent.ref}
        return numbered

    def _name(self) -> str:
        """A ref that no other run gives: date and time, UTC, and eight random characters."""
        moment = datetime.fromtimestamp(self.clock.now // SECOND, UTC)
        return f"{moment:%Y%m%d-%H%M%S}-{uuid4().hex[:8]}"

    def amend_parent(self, parent: ParentOrder) -> ParentOrder:
        """Take note that a parent order asks for something else now; it keeps its number."""
        return parent

    def planned(self, parent: ParentOrder, curve: list[float]) -> None:  # noqa: B027 - most brokers need not know
        """Take note of the curve that a parent order's plan follows: the fraction due by the end of each slice.

        Empty for an algorithm that draws it anew at each decision.
        """

    def withdraw(self, child: ChildOrder) -> None:
        """Ask for what is still open of a child that `send_order` released; what came of it is told by the child.

        Here `cancel_order` is asked, where `place_order` takes the child's ref; else the child goes on until it expires.
        """
        if isinstance(child, CarriedChild):
            child.withdraw()
