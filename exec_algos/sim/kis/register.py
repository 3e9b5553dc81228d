"""`Register`: the orders of each account and day as KIS numbers and lists them, requests to change or cancel them among them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from exec_algos.sim.kis import krx
from exec_algos.sim.orders import BUY, Execution, VenueOrder

SECOND = 1_000_000_000
KST = 9 * 3600 * SECOND
API_ORGNO, HAND_ORGNO = "06010", "91252"
FIRST, STEPS = 1_569_000, 40  # of a day's numbers, and how many other customers may come between two of ours


@dataclass(slots=True, kw_only=True, eq=False)
class Entry:
    """A row: an order, or a request to change or to cancel one.

    Attributes
    ----------
    account : str
        Ten digits.
    date, orgno, odno : str
        Together they name it; the number alone does not: it begins anew each day, and may in each organisation.
    origin, root : str
        Numbers of the order that it changes (empty where it changes none), and of the first one of its chain.
    kind : str
        ``"order"``, ``"modify"`` or ``"cancel"``.
    side, symbol, dvsn, exchange, quantity, price
        As they were sent; price in KRW, 0 where the type has none.
    accepted : int
        ns UTC.
    by_hand : bool
        The customer sent it from a screen.
    order : VenueOrder or None
        At the exchange; none of a cancel, and of a change that came too late.
    confirmed : int
        Shares that a cancel ended.
    refused : int
        Shares of a request that the exchange did not carry out.
    moved : int
        Of its order: shares that go on under another number.
    cancelled_by_request : int
        Of its order: shares that cancels ended, whose rows tell of them too.
    pending : int
        Of its order: shares whose cancel is on its way to the exchange.
    listed_from, open_from : int
        From when on daily fills, and the list of open orders, show it, ns UTC.
    at : int
        Its place in its day.
    """

    account: str
    date: str
    orgno: str
    odno: str
    origin: str
    root: str
    kind: str
    side: int
    symbol: str
    dvsn: str
    exchange: str
    quantity: int
    price: int
    accepted: int
    by_hand: bool = False
    order: VenueOrder | None = None
    confirmed: int = 0
    refused: int = 0
    moved: int = 0
    cancelled_by_request: int = 0
    pending: int = 0
    listed_from: int = 0
    open_from: int = 0
    at: int = 0

    @property
    def filled(self) -> int:
        """Shares that traded."""
        return 0 if self.order is None else round(self.order.filled)

    @property
    def amount(self) -> float:
        """KRW of what traded."""
        return 0.0 if self.order is None else self.order.amount

    @property
    def open(self) -> int:
        """Shares that may still trade."""
        return 0 if self.order is None else round(self.order.open)

    @property
    def cancelled(self) -> int:
        """Shares that are over: of a cancel, those that it ended."""
        return self.confirmed if self.order is None else round(self.order.cancelled) - self.moved

    @property
    def rejected(self) -> int:
        """Shares that the exchange refused."""
        if self.order is None:
            return self.refused
        return (self.quantity - round(self.order.cancelled)) * (self.order.state == "rejected")


@dataclass(slots=True)
class Tally:
    """Sums of one symbol and side in a day: shares ordered and traded, KRW traded and charged."""

    ordered: int = 0
    filled: int = 0
    amount: float = 0.0
    charged: float = 0.0

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(self.ordered + other.ordered, self.filled + other.filled, self.amount + other.amount, self.charged + other.charged)


@dataclass(slots=True)
class DayBook:
    """An account's rows of a day, oldest first, all and by symbol; and its sums."""

    rows: list[Entry] = field(default_factory=list)
    by_symbol: dict[str, list[Entry]] = field(default_factory=dict)
    by_number: dict[str, list[Entry]] = field(default_factory=dict)
    tallies: dict[tuple[str, int], Tally] = field(default_factory=dict)

    def tally(self, symbol: str, side: int) -> Tally:
        """The sums of a symbol and side."""
        return self.tallies.setdefault((symbol, side), Tally())


class Register:
    """Rows by account, date and number, and by the exchange's order.

    Parameters
    ----------
    seed : int
        Of the gaps between numbers.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._days: dict[tuple[str, str], DayBook] = {}
        self._entries: dict[str, Entry] = {}
        self._numbers: dict[tuple[str, str], tuple[random.Random, int]] = {}
        self._cost: dict[tuple[str, str], tuple[float, float]] = {}

    def number(self, date: str, orgno: str = "") -> str:
        """The next order number of a day: ten digits, and the same ones again on each day; `orgno`: it counts by itself."""
        chance, last = self._numbers.get((date, orgno)) or (random.Random(f"{self._seed} odno"), FIRST)
        last += chance.randint(1, STEPS)
        self._numbers[date, orgno] = chance, last
        return f"{last:010d}"

    def enter(self, entry: Entry) -> Entry:
        """Keep a row."""
        day = self._day(entry.account, entry.date)
        entry.at = len(day.rows)
        day.rows.append(entry)
        day.by_symbol.setdefault(entry.symbol, []).append(entry)
        day.by_number.setdefault(entry.odno, []).append(entry)
        if entry.kind == "order":
            day.tally(entry.symbol, entry.side).ordered += entry.quantity
        if entry.order is not None:
            self._entries[entry.order.venue_id] = entry
        return entry

    def charged(self, execution: Execution, fund: bool) -> float:
        """What an execution costs beside its price, KRW: it is added to the day's sums."""
        date = kst_date(execution.time)
        before = execution.amount - execution.quantity * execution.price
        cost = charges(execution.amount, execution.side, date, fund) - charges(before, execution.side, date, fund)
        tally = self._day(execution.account, date).tally(execution.symbol, execution.side)
        tally.filled += round(execution.quantity)
        tally.amount += execution.quantity * execution.price
        tally.charged += cost
        self._move_cost(execution)
        return float(cost)

    def _move_cost(self, execution: Execution) -> None:
        key = execution.account, execution.symbol
        shares, cost = self._cost.get(key, (0.0, 0.0))
        if execution.side == BUY:
            self._cost[key] = shares + execution.quantity, cost + execution.quantity * execution.price
        elif shares > 0:
            left = max(shares - execution.quantity, 0.0)
            self._cost[key] = left, cost * left / shares

    def average(self, account: str, symbol: str, otherwise: float) -> float:
        """What a share that the account holds has cost, KRW; `otherwise` where it was not bought here."""
        shares, cost = self._cost.get((account, symbol), (0.0, 0.0))
        return cost / shares if shares > 0 else otherwise

    def of(self, venue_id: str) -> Entry | None:
        """The row of an order at the exchange."""
        return self._entries.get(venue_id)

    def find(self, account: str, date: str, odno: str, orgno: str = "") -> Entry | None:
        """The row of a number; without an organisation the first that has it."""
        named = self.day(account, date).by_number.get(odno, ())
        return next((entry for entry in named if orgno in ("", entry.orgno)), None)

    def request(self, order: Entry, odno: str) -> Entry | None:
        """The request with a number that changes or cancels an order; another organisation may have given the number too."""
        named = self.day(order.account, order.date).by_number.get(odno, ())
        return next((entry for entry in named if entry.origin == order.odno), None)

    def day(self, account: str, date: str) -> DayBook:
        """An account's day; an empty one where it has none."""
        return self._days.get((account, date)) or DayBook()

    def dates(self, account: str) -> list[str]:
        """Days of an account that have rows, oldest first."""
        return sorted(date for known, date in self._days if known == account)

    def rows(self) -> Iterator[Entry]:
        """All rows, by account and day."""
        for key in sorted(self._days):
            yield from self._days[key].rows

    def _day(self, account: str, date: str) -> DayBook:
        return self._days.setdefault((account, date), DayBook())


def charges(amount: float, side: int, date: str, fund: bool) -> int:
    """Commission, and tax on a sell, of an order that traded `amount`, KRW."""
    whole = round(amount)
    return krx.commission(whole, fund) + (0 if side == BUY else krx.sales_tax(whole, int(date), fund))


def kst_date(instant: int) -> str:
    """``YYYYMMDD`` in Korea of an instant (ns UTC)."""
    return f"{_there(instant):%Y%m%d}"


def kst_time(instant: int) -> str:
    """``HHMMSS`` in Korea of an instant (ns UTC)."""
    return f"{_there(instant):%H%M%S}"


def _there(instant: int) -> datetime:
    return datetime.fromtimestamp((instant + KST) // SECOND, tz=UTC)
