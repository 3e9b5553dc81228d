"""A small venue in this process: own book of orders, virtual latency, scripted faults. What it says and what is true are kept apart."""

import asyncio
import math
from collections import defaultdict
from dataclasses import dataclass, field

from exec_algos.brokers.venue import (
    Accepted,
    Account,
    Book,
    Instrument,
    NotSent,
    OrderRow,
    Rejected,
    Report,
    Snapshot,
    VenueAPI,
    VenueCaps,
)

SECOND = 1_000_000_000


@dataclass
class Order:
    """What is true of an order."""

    venue_id: str
    own_id: str
    symbol: str
    side: int
    quantity: float
    limit: float
    accepted: int
    filled: float = 0.0
    amount: float = 0.0
    state: str = "open"
    executions: list = field(default_factory=list)

    @property
    def open(self):
        return self.quantity - self.filled if self.state == "open" else 0.0

    def row(self):
        return OrderRow(
            venue_id=self.venue_id, own_id=self.own_id, symbol=self.symbol, side=self.side, quantity=self.quantity,
            limit=self.limit, filled=self.filled, amount=self.amount, open=self.open, accepted=self.accepted, state=self.state,
        )  # fmt: skip


class PaperVenue(VenueAPI):
    """Fills `per_second` shares a second of each symbol, in the order of arrival, at `price`.

    `faults["send", n]` is what happens to the n-th request of that method (from 1 on): a coroutine function that is given the venue
    and what carries the request out, and answers in its place.
    """

    def __init__(self, clock, *, own_ids=True, push=False, per_second=math.inf, latency=0.05, price=100.0, rate=1000.0, **caps):
        self.clock, self.per_second, self.latency, self.price = clock, per_second, latency, price
        self._caps = VenueCaps(name="paper", paper=True, own_id_length=40 if own_ids else 0, push=push, rate=rate, **caps)
        self.orders, self.faults, self.requests = {}, {}, defaultdict(list)
        self.ahead = self.stock = 0.0
        self.number = 0
        self.answers = {}  # method -> what it answers, in place of the truth
        self.hidden = {}  # venue_id -> seconds after acceptance for which rows do not show it
        self.lost_pushes = self.broken_pushes = False
        self.lot_size, self.tick_size, self.calendar = 1, 0.0, "XKRX"
        self._pushed = asyncio.Queue()
        self._matching = None

    @property
    def caps(self):
        return self._caps

    async def open(self):
        self._matching = asyncio.ensure_future(self._match())

    async def close(self):
        self._matching.cancel()
        await asyncio.gather(self._matching, return_exceptions=True)

    async def _match(self):
        while True:
            await asyncio.sleep(0.1)
            self.stock += self.per_second / 10
            whole = math.floor(self.stock + 1e-9) if math.isfinite(self.stock) else math.inf
            self.stock -= 0 if whole == math.inf else whole
            left = dict.fromkeys({order.symbol for order in self.orders.values()}, whole)
            for order in list(self.orders.values()):
                take = min(order.open, left[order.symbol])
                if take > 0 and (math.isnan(order.limit) or (order.limit - self.price) * order.side >= 0):
                    left[order.symbol] -= take
                    self.fill(order, take)

    def fill(self, order, shares, price=None):
        price = price or self.price
        order.filled += shares
        order.amount += shares * price
        name = f"{order.venue_id}-{len(order.executions) + 1}"
        order.executions.append((name, shares, price))
        if order.filled >= order.quantity:
            order.state = "done"
        self.push(order, "fill", quantity=shares, price=price, execution_id=name, filled=order.filled, amount=order.amount)

    def push(self, order, kind, **more):
        if self._caps.push and not self.lost_pushes:
            own = order.own_id if self._caps.own_id_length else ""
            self._pushed.put_nowait(
                Report(kind=kind, venue_id=order.venue_id, own_id=own, symbol=order.symbol, side=order.side, time=self.time(), **more)
            )

    def say(self, report):
        self._pushed.put_nowait(report)

    def time(self):
        return self.clock.now + round(self.ahead * SECOND)

    async def _carried(self, method, act, *said):
        self.requests[method].append((self.clock.now, *said))
        fault = self.faults.get((method, len(self.requests[method]))) or self.faults.get((method, "all"))
        await asyncio.sleep(self.latency / 2)
        answer = await fault(self, act) if fault else act()
        await asyncio.sleep(self.latency / 2)
        return answer

    def place(self, intent):
        """The truth of an order that arrives."""
        self.number += 1
        venue_id = f"V{self.number}"
        order = self.orders[venue_id] = Order(
            venue_id, intent.own_id, intent.symbol, intent.side, intent.quantity, intent.limit, self.time()
        )
        self.push(order, "accepted")
        return Accepted(venue_id, order.accepted)

    def take_back(self, placed):
        found = [o for o in self.orders.values() if o.venue_id == placed.venue_id or (o.own_id and o.own_id == placed.own_id)]
        if not found or found[0].state != "open":
            return Rejected("40", "no such open order")
        order = found[0]
        order.state = "done"
        self.push(order, "cancelled", filled=order.filled, amount=order.amount)
        return Accepted(order.venue_id)

    def rows(self, complete=True):
        shown = [
            order.row()
            for order in self.orders.values()
            if self.time() >= order.accepted + round(self.hidden.get(order.venue_id, 0) * SECOND)
        ]
        return Snapshot(tuple(shown), complete, self.time())

    async def send(self, intent):
        return await self._carried("send", lambda: self.place(intent), intent)

    async def cancel(self, order):
        return await self._carried("cancel", lambda: self.take_back(order), order)

    async def snapshot(self, since, symbol=None):
        return await self._carried("snapshot", self.rows, since)

    async def reports(self):
        self.requests["reports"].append((self.clock.now,))
        while True:
            report = await self._pushed.get()
            if isinstance(report, Exception):
                raise report
            yield report

    async def book(self, symbol):
        book = Book(((self.price - 1, 500.0),), ((self.price + 1, 700.0),), self.time(), self.price, 1000.0)
        return await self._carried("book", lambda: self.answers.get("book", book), symbol)

    async def bars(self, symbol, step):
        return await self._carried("bars", lambda: self.answers.get("bars"), symbol, step)

    async def history(self, symbol, days, step):
        return await self._carried("history", lambda: self.answers.get("history"), symbol, days, step)

    async def instrument(self, symbol):
        said = Instrument(symbol=symbol, lot_size=self.lot_size, tick_size=self.tick_size, currency="KRW", zone="Asia/Seoul",
                          calendar=self.calendar)  # fmt: skip
        return await self._carried("instrument", lambda: said, symbol)

    async def account(self):
        return Account(name="P1")

    async def positions(self):
        return {}

    async def now(self):
        return await self._carried("now", self.time)

    def executed(self, symbol=None):
        """Shares that traded, in truth."""
        return sum(order.filled for order in self.orders.values() if symbol in (None, order.symbol))


async def lost_before(venue, act):
    """The request never arrives, and its answer neither."""
    raise ConnectionError("reset before the request was read")


async def lost_after(venue, act):
    act()
    raise TimeoutError("no answer")


def late(seconds):
    """It arrives `seconds` after everybody gave it up."""

    async def fault(venue, act):
        asyncio.get_running_loop().call_later(seconds, act)
        raise TimeoutError("no answer")

    return fault


def answer(value):
    """Something else is said; the request is carried out."""

    async def fault(venue, act):
        act()
        return value

    return fault


def instead(value):
    """Something else is said, and nothing is carried out."""

    async def fault(venue, act):
        if isinstance(value, Exception):
            raise value
        return value

    return fault


async def hang(venue, act):
    await asyncio.sleep(math.inf)


NOT_SENT = instead(NotSent("429"))
REFUSED = instead(Rejected("30", "halted"))
