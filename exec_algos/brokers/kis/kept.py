"""`Kept`: notices of our account, which may come before the answer to their order, or before an inquiry shows it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from exec_algos.brokers.kis.rows import Notice, RowKind
from exec_algos.clock import Clock
from exec_algos.model import SECOND

KEEP = 900 * SECOND  # longer than an order that counts as not sent is looked for


@dataclass(frozen=True, slots=True)
class Came:
    """A notice, and when it came: ns UTC of our clock."""

    time: int
    notice: Notice


class Kept:
    """Notices by order number, for a while.

    Parameters
    ----------
    clock : Clock
    keep : int
        How long, ns.
    """

    def __init__(self, clock: Clock, keep: int = KEEP) -> None:
        self._clock, self._keep = clock, keep
        self._order: deque[Came] = deque()
        self._by_number: dict[str, list[Came]] = {}

    def add(self, notice: Notice) -> None:
        """Keep a notice of our account."""
        self._forget()
        came = Came(self._clock.now, notice)
        self._order.append(came)
        for number in _numbers(notice):
            self._by_number.setdefault(number, []).append(came)

    def of(self, odno: str) -> tuple[Came, ...]:
        """What came of an order number, or of a request to change it; a notice that came twice is there twice."""
        self._forget()
        return tuple(self._by_number.get(odno, ()))

    def accepted(self) -> tuple[Came, ...]:
        """The first acceptance of each order, oldest first: KIS has them, whether or not its inquiries show them yet."""
        self._forget()
        found: dict[str, Came] = {}
        for came in self._order:
            notice = came.notice
            if notice.kind is RowKind.ORDER and not notice.executed and not notice.refused:
                found.setdefault(notice.odno, came)
        return tuple(found.values())

    def _forget(self) -> None:
        since = self._clock.now - self._keep
        while self._order and self._order[0].time < since:
            oldest = self._order.popleft()
            for number in _numbers(oldest.notice):
                left = [came for came in self._by_number.pop(number) if came is not oldest]
                if left:
                    self._by_number[number] = left


def _numbers(notice: Notice) -> set[str]:
    return {notice.odno, notice.original} - {""}
