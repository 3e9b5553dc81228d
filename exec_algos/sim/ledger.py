"""`Ledger`: all orders that an exchange was given, and those of an account that a list of orders has to hold."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter

from exec_algos.sim.orders import VenueOrder

ACCEPTED, ENDED, NUMBER = attrgetter("accepted"), attrgetter("ended"), attrgetter("number")


@dataclass(slots=True)
class _Own:
    """An account's orders: all in the order of `accepted`, the open ones by number, the others in the order of `ended`."""

    taken: list[VenueOrder] = field(default_factory=list)
    open: dict[int, VenueOrder] = field(default_factory=dict)
    over: list[VenueOrder] = field(default_factory=list)


class Ledger:
    """Orders by number, by own id, and by account."""

    def __init__(self) -> None:
        self.orders: list[VenueOrder] = []
        self._own_ids: dict[tuple[str, str], VenueOrder] = {}
        self._accounts: dict[str, _Own] = {}

    def add(self, order: VenueOrder) -> None:
        """Keep an order. One that was refused leaves its own id free."""
        self.orders.append(order)
        own = self._accounts.setdefault(order.ticket.account, _Own())
        own.taken.append(order)
        if order.state != "open":
            own.over.append(order)
            return
        own.open[order.number] = order
        if order.ticket.own_id:
            self._own_ids[order.ticket.account, order.ticket.own_id] = order

    def end(self, order: VenueOrder) -> None:
        """An order is over."""
        own = self._accounts[order.ticket.account]
        del own.open[order.number]
        own.over.append(order)

    def of(self, venue_id: str) -> VenueOrder | None:
        """The order of the venue's id."""
        number = int(venue_id[1:]) if venue_id[:1] == "V" and venue_id[1:].isdecimal() and len(venue_id) < 20 else 0
        return self.orders[number - 1] if 0 < number <= len(self.orders) else None

    def of_own_id(self, account: str, own_id: str) -> VenueOrder | None:
        """The order of an account's own id."""
        return self._own_ids.get((account, own_id)) if own_id else None

    def open_of(self, account: str) -> list[VenueOrder]:
        """Open orders of an account, by number."""
        own = self._accounts.get(account)
        return [] if own is None else sorted(own.open.values(), key=NUMBER)

    def since(self, account: str, since: int, ended: int, after: int = 0) -> Iterator[VenueOrder]:
        """Orders of an account that were taken at `since` or later, or are open, or ended after `ended` (ns UTC).

        By number, from the one behind number `after` on; a page of them costs no more where there are many.
        """
        own = self._accounts.get(account)
        if own is None:
            return
        late = bisect_left(own.taken, since, key=ACCEPTED)
        over = own.over[bisect_right(own.over, ended, key=ENDED) :]
        early = {order.number: order for order in (*own.open.values(), *over) if order.accepted < since and order.number > after}
        yield from sorted(early.values(), key=NUMBER)
        yield from islice(own.taken, max(late, bisect_right(own.taken, after, key=NUMBER)), None)
