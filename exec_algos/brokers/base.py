"""`BrokerAPI`: what an executor needs of a broker, simulated or real."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import lru_cache
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal

from exec_algos.clock import Clock, Started, WallClock
from exec_algos.errors import UsageError
from exec_algos.market.calendars import DAY, sessions
from exec_algos.model import Fill, Observed, ParentOrder, Session, Side

if TYPE_CHECKING:
    import pandas as pd

    from exec_algos.checks import Floats

OrderType = Literal["MKT", "LMT"]


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


@lru_cache(maxsize=64)
def _keywords(place_order: Callable[..., Any]) -> frozenset[str]:
    """Those of ``side, expires, parent`` that a broker's own `place_order` takes."""
    parameters = signature(place_order).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return frozenset({"side", "expires", "parent"})
    return frozenset(parameters)


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

    def send_order(self, parent: ParentOrder, lots: int, limit: float, expires: int, *, capped: bool = True) -> Started[Fill]:
        """Release a child order and go on: `place_order`, started beside the caller.

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
        """
        limited = not math.isnan(limit)
        options: dict[str, Any] = {"side": parent.side, "expires": expires, "parent": parent}
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
        return self.clock.start(coroutine)

    async def observe(self, ticker: str) -> Observed:
        """What the market has traded and what its quotes are now, for algorithms that watch it.

        Raises
        ------
        UsageError
            This broker cannot say what the market has traded.
        """
        raise UsageError(
            f"{type(self).__name__} does not say what {ticker} has traded; override observe, or use an algorithm that follows a curve"
        )

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
    async def cancel_order(self, order_id: int) -> bool:
        """Cancel an open child order; False if it was over already.

        The simulated venue gives the numbers of open orders by `SimulatedBroker.open_orders`.
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
        """Take note of a parent order whose children will come; returns it with its number."""
        numbered = replace(parent, parent_id=self._opened)
        self._opened += 1
        return numbered

    def amend_parent(self, parent: ParentOrder) -> ParentOrder:
        """Take note that a parent order asks for something else now; it keeps its number."""
        return parent

    def withdraw(self, child: Started[Fill]) -> None:
        """Ask for what is still open of a child that `send_order` released; what came of it is told by the child.

        Here its `place_order` is cancelled: one that can, cancels at the venue and returns what it got.
        """
        child.cancel()
