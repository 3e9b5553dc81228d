"""`Keys`: what orders are called. KIS numbers them anew each day, and gives an order that is changed a new number."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from exec_algos.errors import UsageError
from exec_algos.model import SECOND, Side

FORM = re.compile(r"([12][0-9]{7})-([0-9A-Za-z]{0,8})-([0-9]{10})")
NEAR = 2 * SECOND  # by so much two words of when an order was taken may differ


class OrderKey(NamedTuple):
    """An order's name within its account: day (YYYYMMDD, KST), forwarding office, which may be empty, and number of ten digits.

    Its text, ``"20261123-06010-0001569157"``, is the order's `venue_id`.
    """

    day: str
    orgno: str
    odno: str

    @classmethod
    def of(cls, venue_id: str) -> OrderKey:
        """The key of a `venue_id`.

        Raises
        ------
        UsageError
            It is none.
        """
        found = FORM.fullmatch(venue_id)
        if found is None:
            raise UsageError(f"an order at KIS is called like 20261123-06010-0001569157 (day, office, number), got {venue_id!r}")
        return cls(*found.groups())

    def __str__(self) -> str:
        return f"{self.day}-{self.orgno}-{self.odno}"


class Terms(NamedTuple):
    """What tells orders of one number apart: symbol, side, shares, and when KIS took it, ns UTC (0: not known)."""

    symbol: str
    side: Side
    quantity: float
    taken: int = 0

    def may_be(self, other: Terms) -> bool:
        """Whether both are words of the same order."""
        near = not (self.taken and other.taken) or abs(self.taken - other.taken) <= NEAR
        return near and (self.symbol, self.side, self.quantity) == (other.symbol, other.side, other.quantity)


@dataclass(eq=False)
class Known:
    """What is known of an order: the number that it goes by now, the office that KIS wants named, type and exchange; "" where not.

    `seen`: a row of its own office has shown it. `asked`: we asked for its cancel, and KIS did not refuse. `doubtful`: nobody knows what
    became of a change that we asked for. `over_since`: when a row first told that its rest is over, ns UTC; 0 before.
    """

    key: OrderKey
    current: str
    terms: Terms | None = None
    orgno: str = ""
    dvsn: str = ""
    exchange: str = ""
    changed: bool = False
    seen: bool = False
    asked: bool = False
    doubtful: bool = False
    over_since: int = 0


class Keys:
    """Remembers orders by day, office and number; an order keeps the name under which it was first seen.

    Offices count their orders by themselves, so that two orders of a day may have one number. KIS's answer to an order, its inquiry and
    its notice may name different offices, too: an order that no row of its own office has shown is the one of another office with the
    same number, symbol, side, shares and time.
    """

    def __init__(self) -> None:
        self._known: dict[OrderKey, Known] = {}  # by all names, those of changes too
        self._by_number: dict[tuple[str, str], list[Known]] = defaultdict(list)
        self._rows: set[tuple[str, str]] = set()  # that the inquiry has, requests to cancel among them

    def learn(
        self, key: OrderKey, terms: Terms | None = None, *, dvsn: str = "", exchange: str = "", sure: bool = True, row: bool = False
    ) -> Known:
        """Take note of an order.

        Parameters
        ----------
        sure : bool
            The office is KIS's own word: that of its answer or its inquiry, not of a notice.
        row : bool
            A row of the inquiry tells of it.
        """
        known = self._known.get(key) or self._same(key, terms)
        if known is None:
            known = self._known[key] = Known(key, key.odno)
            self._by_number[key.day, key.odno].append(known)
        self._known[key] = known
        known.terms = known.terms or terms
        known.seen = known.seen or row
        if sure and key.orgno and (row or not known.orgno):
            known.orgno = key.orgno
        known.dvsn, known.exchange = known.dvsn or dvsn, known.exchange or exchange
        return known

    def _same(self, key: OrderKey, terms: Terms | None) -> Known | None:
        """The order that another office's word is about."""
        if terms is None:
            return None
        loose = [known for known in self._by_number[key.day, key.odno] if not known.seen and known.terms is not None]
        found = [known for known in loose if known.terms is not None and known.terms.may_be(terms)]
        return found[0] if len(found) == 1 else None

    def find(self, venue_id: str, terms: Terms | None = None) -> Known:
        """The order of a `venue_id`; its office is believed where nothing else is known.

        Raises
        ------
        UsageError
            That is no name of an order.
        """
        key = OrderKey.of(venue_id)
        known = self._known.get(key) or self.learn(key, terms)
        known.terms = known.terms or terms
        return known

    def told(self, key: OrderKey) -> Known | None:
        """The order that a word of an office that is not sure is about; None where there is none, or more than one."""
        found = self._by_number.get((key.day, key.odno), [])
        return self._known.get(key) or (found[0] if len(found) == 1 else None)

    def root(self, key: OrderKey, symbol: str, side: Side) -> Known | None:
        """The order that a request changes: of the request's office, else the only one of that number, symbol and side."""
        exact = self._known.get(key)
        if exact is not None:
            return exact
        held = [known for known in self._by_number.get((key.day, key.odno), []) if known.terms and known.terms[:2] == (symbol, side)]
        return held[0] if len(held) == 1 else None

    def change(self, root: Known, key: OrderKey) -> None:
        """An order was changed: `key` is what it goes by from here on."""
        before = self._known.get(key)
        if before is not None and before is not root:
            self._by_number[key.day, key.odno].remove(before)
        if key.odno > root.current or not root.changed:
            root.current, root.changed, root.doubtful = key.odno, True, False
        self._known[key] = root
        if root not in self._by_number[key.day, key.odno]:
            self._by_number[key.day, key.odno].append(root)

    def names(self, root: Known) -> Iterable[OrderKey]:
        """All names by which an order went, its first one among them."""
        numbers = {key.odno for key, known in self._known.items() if known is root}
        return {root.key, *(root.key._replace(odno=odno) for odno in numbers)}

    def expect(self, day: str, odno: str) -> None:
        """KIS gave a number: the inquiry has, or will have, a row of it."""
        self._rows.add((day, odno))

    def rows_since(self, day: str, odno: str) -> int:
        """How many rows of a day are known that are no older than one: that many, at least, a walk reads down to it."""
        return sum(row_day == day and row_odno >= odno for row_day, row_odno in self._rows)
