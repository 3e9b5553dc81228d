"""`SharedLimit`: cash or value traded that several parent orders share, and the broker that keeps their children within it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from exec_algos.brokers.base import BrokerAPI, OrderType, takes_ref
from exec_algos.brokers.child import ChildOrder
from exec_algos.brokers.forwarding import ForwardingBroker
from exec_algos.brokers.reported import Reported
from exec_algos.clock import Clock, Started
from exec_algos.clock.virtual import WAKE, Resume, VirtualClock, Waitable
from exec_algos.costs import Commission
from exec_algos.errors import UsageError
from exec_algos.executors.limited_child import LimitedChild, Used
from exec_algos.model import Fill, ParentOrder, Side
from exec_algos.model.lots import whole_lots

__all__ = ["HeldBack", "LimitedBroker", "SharedLimit", "Used"]


class HeldBack(NamedTuple):
    """A child order that the limit cut.

    Attributes
    ----------
    time : int
        ns UTC.
    parent : int
        Place of its parent order in the basket, from 0.
    ticker : str
    wanted, sent : float
        Shares asked for, and shares released.
    by : {"cash", "notional", "price"}
        The limit that had no more room; ``"price"`` where no price was known to count it at.
    """

    time: int
    parent: int
    ticker: str
    wanted: float
    sent: float
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedLimit:
    """What the parent orders of a basket may take together.

    Parameters
    ----------
    cash : float, optional
        Currency, >= 0, that buys may spend beyond what sells have brought in. Both count when they have traded, with their commission.
        A sell is never held back by it.
    notional : float, optional
        Currency, > 0, that buys and sells may trade together.
    commission : Commission
        Commission to keep room for while a buy is open, for `cash`: the venue's schedule, or a dearer one.
    cushion : float
        Fraction, >= 0, by which the last price is raised where a child is counted at it: 0.01 keeps room for a fill 1 % above.

    Raises
    ------
    UsageError
        A value out of range.

    Notes
    -----
    An open child is counted at ``shares * price``: a limit buy at its limit, a market order at the last price times
    ``1 + cushion``, a limit sell at the higher of that and its limit. A child is released only as far as what traded and what is
    open, itself included, stays within the limit. So what traded exceeds the limit by at most::

        sum of shares * max(0, price paid - price counted) + max(0, commission charged - commission counted)

    over the children that were open when a child was released last, and by nothing where all of them are buys with a limit whose
    commission is covered. After that nothing that counts is released until there is room. A sell whose commission is above its
    proceeds costs cash that was not kept.
    """

    cash: float | None = None
    notional: float | None = None
    commission: Commission = field(default_factory=Commission)
    cushion: float = 0.0

    def __post_init__(self) -> None:
        if self.cash is not None and not 0 <= self.cash < math.inf:
            raise UsageError(f"cash must be currency >= 0, got {self.cash!r}; leave it out for no limit")
        if self.notional is not None and not 0 < self.notional < math.inf:
            raise UsageError(f"notional must be currency > 0, got {self.notional!r}; leave it out for no limit")
        if not 0 <= self.cushion < math.inf:
            raise UsageError(f"cushion is a fraction >= 0 of the last price, got {self.cushion!r}; 1 % is 0.01")
        if not isinstance(self.commission, Commission):
            raise UsageError(f"commission must be a schedule such as Commission(rate=0.00015), got {self.commission!r}")
        self.commission.checked()

    def counts(self, side: Side) -> bool:
        """Whether it holds for children of this side."""
        return self.notional is not None or (self.cash is not None and side > 0)

    def fitting(self, used: Used, side: Side, lot_size: float, price: float) -> tuple[int, str]:
        """The whole lots, counted at `price` (currency per share), that still fit, and which limit says so."""
        value, fee, rooms = price * lot_size, self.commission, []
        if self.notional is not None:
            rooms.append((whole_lots((self.notional - used.notional) / value), "notional"))
        if self.cash is not None and side > 0:
            room = self.cash - used.cash
            lots = min((room - fee.minimum) / value, room / (value * (1 + fee.rate) + fee.per_share * lot_size))
            rooms.append((whole_lots(lots), "cash"))
        lots, by = min(rooms)
        return max(lots, 0), by


NO_LIMIT = SharedLimit()  # nothing is held back


class _Books:
    """What the children of a basket took and what was held back: all of a run that changes, beside the parent orders themselves."""

    def __init__(self, limit: SharedLimit) -> None:
        self.limit, self.settled = limit, Used(0.0, 0.0)
        self.open: list[LimitedChild] = []
        self.released: Counter[int] = Counter()
        self.held: list[HeldBack] = []

    def used(self) -> Used:
        """What is taken now."""
        waiting, still = [], Used(0.0, 0.0)
        for child in self.open:
            took, final = child.taken(self.limit.commission)
            if final:
                self.settled = self.settled.plus(took)
            else:
                still = still.plus(took)
                waiting.append(child)
        self.open = waiting
        return self.settled.plus(still)

    def fit(self, child: LimitedChild, price: float, used: Used, now: int) -> int:
        """Lots of a child, counted at `price`, that may be released beside what is used."""
        parent, lots, by = child.parent, child.lots, ""
        if self.limit.counts(parent.side):
            most, by = self.limit.fitting(used, parent.side, parent.lot_size, price) if price > 0 else (0, "price")
            lots = min(lots, most)
        if lots < child.lots:
            lot = parent.lot_size
            self.held.append(HeldBack(now, child.place, parent.symbol, child.lots * lot, lots * lot, by))
        return lots


class _EndOfInstant(Waitable):
    """Wait until all that is due now has been done."""

    def ready(self) -> bool:
        """Never before."""
        return False

    def park(self, resume: Resume, rank: int) -> None:
        """Resume behind every executor that decides now."""
        self.clock.queue.put(self.clock.queue.now, WAKE, resume, None)


class LimitedBroker(ForwardingBroker):
    """Passes everything on to a broker, and cuts the children of its parent orders to what a limit leaves them.

    Children of one instant are served when every executor has decided, in the order in which their parent orders were opened.

    Parameters
    ----------
    broker : BrokerAPI
        Needs `observe` for children that are counted at the last price.
    limit : SharedLimit
    """

    def __init__(self, broker: BrokerAPI, limit: SharedLimit) -> None:
        super().__init__(broker)
        self.limit, self._books, self._reported = limit, _Books(limit), Reported(broker)
        self._places: dict[int, int] = {}
        self._asking: list[LimitedChild] = []
        self._serving: Started[None] | None = None

    @property
    def used(self) -> Used:
        """What the children have taken by now."""
        return self._books.used()

    def released(self, place: int) -> int:
        """Children that reached the venue, of the parent order at a place of the basket."""
        return self._books.released[place]

    @property
    def held_back(self) -> list[HeldBack]:
        """The children that were cut, in time order."""
        return list(self._books.held)

    def open_parent(self, parent: ParentOrder) -> ParentOrder:
        """See `BrokerAPI.open_parent`."""
        opened = self.broker.open_parent(parent)
        self._places[opened.parent_id] = len(self._places)
        return opened

    def send_order(self, parent: ParentOrder, lots: int, limit: float, expires: int, *, capped: bool = True, ref: str = "") -> ChildOrder:
        """Release a child order as far as the limit allows; see `BrokerAPI.send_order`."""
        options: dict[str, Any] = {} if capped else {"capped": False}
        if ref and takes_ref(type(self.broker).send_order):
            options["ref"] = ref
        child = LimitedChild(parent, self._places[parent.parent_id], lots, limit, expires, options)
        if not self.limit.counts(Side.BUY):
            self._release(child, lots, 0.0)
            return child
        self._asking.append(child)
        if self._serving is None or self._serving.done():
            self._serving = self.clock.start(self._serve())
        return child

    def _release(self, child: LimitedChild, lots: int, price: float) -> None:
        child.started = self.broker.send_order(child.parent, lots, child.limit, child.expires, **child.options)
        child.sent, child.price, child.released, child.reported = lots, price, self.clock.now, self._reported
        self._books.open.append(child)
        self._books.released[child.place] += 1

    async def _serve(self) -> None:
        """Release what was asked for in this instant, in the order of the basket."""
        while self._asking:
            await _end_of_instant(self.clock)
            asking, self._asking = sorted(self._asking, key=lambda child: child.place), []
            self._allot([(child, await self._priced(child)) for child in asking])

    async def _priced(self, child: LimitedChild) -> float:
        try:
            return await self._counted(child)
        except Exception as error:  # it is the child's answer, which its executor counts or raises
            child.end(self.clock.now, error)
            return math.nan

    def _allot(self, asking: list[tuple[LimitedChild, float]]) -> None:
        """Nothing trades in between, so what is used is counted up once."""
        used, now = self._books.used(), self.clock.now
        for child, price in asking:
            if child.done():
                continue
            lots = self._books.fit(child, price, used, now)
            if not lots:
                child.end(now)
                continue
            try:
                self._release(child, lots, price)
            except Exception as error:  # the same
                child.end(now, error)
            used = used.plus(child.taken(self.limit.commission)[0])

    async def _counted(self, child: LimitedChild) -> float:
        """The price at which an open child is counted, NaN where none is known."""
        side, limit = child.parent.side, child.limit
        if not self.limit.counts(side):
            return 0.0
        if side > 0 and not math.isnan(limit):
            return limit
        last = (await self.broker.observe(child.parent.symbol)).price * (1 + self.limit.cushion)
        return last if math.isnan(limit) or math.isnan(last) else max(last, limit)

    def withdraw(self, child: ChildOrder) -> None:
        """See `BrokerAPI.withdraw`; a child that was not released yet never is."""
        if not isinstance(child, LimitedChild):
            self.broker.withdraw(child)
        elif child.started is None:
            child.cancel()
        else:
            self.broker.withdraw(child.started)

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
        """Refused with a `UsageError`: a child without `send_order` would pass the limit by."""
        raise UsageError(f"an order of {quantity:g} {ticker} would pass the limit by; give it to the basket, or to the broker itself")


async def _end_of_instant(clock: Clock) -> None:
    """Let every executor that decides now have its turn; real time has no instants, there it is the other coroutines' turn."""
    if isinstance(clock, VirtualClock):
        await _EndOfInstant(clock)
    else:
        await clock.sleep_until(clock.now)
