"""`Keys`: what orders are called. KIS numbers them anew each day, and gives an order that is changed a new number."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from exec_algos.errors import UsageError

FORM = re.compile(r"([12][0-9]{7})-([0-9A-Za-z]{0,8})-([0-9]{10})")


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


@dataclass
class Known:
    """What is known of an order: the number that it goes by now, the offices that it was told with, type and exchange; "" where not."""

    key: OrderKey
    current: str
    orgno: str = ""
    dvsn: str = ""
    exchange: str = ""
    changed: bool = False


class Keys:
    """Remembers orders by day and number; an order keeps the name under which it was first seen.

    The office is no part of what tells orders apart, unless one answer shows two orders of a day and number: KIS's answer to an order,
    its inquiry and its notice may name different offices.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Known] = {}
        self._others: dict[OrderKey, Known] = {}  # of another office, with a number that is taken
        self._roots: dict[tuple[str, str], Known] = {}  # by the numbers that changes gave
        self._rows: set[tuple[str, str]] = set()  # that the inquiry has, requests to cancel among them
        self._shown: set[tuple[str, str]] = set()  # that it has shown

    def learn(self, key: OrderKey, *, dvsn: str = "", exchange: str = "", sure: bool = True, apart: bool = False) -> Known:
        """Take note of an order.

        Parameters
        ----------
        sure : bool
            The office is KIS's own word: that of its answer or its inquiry, not of a notice.
        apart : bool
            An order of the same day and number, at another office, stands beside it.
        """
        known = self._known.setdefault((key.day, key.odno), Known(key, key.odno))
        if apart and key.orgno not in (known.key.orgno, known.orgno):
            known = self._others.setdefault(key, Known(key, key.odno))
        if sure and key.orgno:
            known.orgno = known.orgno or key.orgno
        known.dvsn, known.exchange = known.dvsn or dvsn, known.exchange or exchange
        return known

    def find(self, venue_id: str) -> Known:
        """The order of a `venue_id`; its office is believed where nothing else is known.

        Raises
        ------
        UsageError
            That is no name of an order.
        """
        key = OrderKey.of(venue_id)
        known = self._others.get(key) or self._known.get((key.day, key.odno))
        return known or self.learn(key)

    def root(self, day: str, odno: str) -> Known | None:
        """The order that goes, or went, by a number of a day; None where it was never seen."""
        return self._roots.get((day, odno)) or self._known.get((day, odno))

    def change(self, root: Known, odno: str) -> None:
        """An order was changed: `odno` is the number that it goes by from here on."""
        root.current, root.changed = odno, True
        self._roots[root.key.day, odno] = root
        self._known.pop((root.key.day, odno), None)

    def numbers(self, root: Known) -> Iterable[str]:
        """All numbers by which an order went, its first one among them."""
        return {root.key.odno, *(odno for (_, odno), known in self._roots.items() if known is root)}

    def expect(self, day: str, odno: str) -> None:
        """KIS gave a number: the inquiry has, or will have, a row of it."""
        self._rows.add((day, odno))

    def show(self, day: str, odno: str) -> None:
        """The inquiry has shown a row."""
        self._shown.add((day, odno))
        self._rows.add((day, odno))

    def shown(self, day: str, odno: str) -> bool:
        """Whether the inquiry has shown a row."""
        return (day, odno) in self._shown

    def rows_since(self, day: str, odno: str) -> int:
        """How many rows of a day are known that are no older than one: that many, at least, a walk reads down to it."""
        return sum(row_day == day and row_odno >= odno for row_day, row_odno in self._rows)
