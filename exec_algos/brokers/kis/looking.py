"""`Looking`: how orders stand, from pages of KIS's inquiries, the list of open orders and pushed acceptances.

What a page holds moves while the next one is asked: orders that come in stand before the others, newest first. So a walk over several
pages ends with the first page again, as far as rows that were read before: an order that was changed meanwhile is seen under its new
number, and not as one whose rest is over.
"""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from exec_algos.brokers.kis.access import Access
from exec_algos.brokers.kis.answers import Cursor, Envelope
from exec_algos.brokers.kis.kept import Kept
from exec_algos.brokers.kis.keys import Keys, Known, OrderKey, Terms
from exec_algos.brokers.kis.messages import daily, open_orders
from exec_algos.brokers.kis.operations import Ask
from exec_algos.brokers.kis.rows import DailyRow, Notice, OpenRow, RowKind, changes_of, daily_rows, explained, open_rows
from exec_algos.brokers.kis.rules import moment_of
from exec_algos.brokers.kis.values import instant
from exec_algos.brokers.venue import OrderRow, Placed, Snapshot
from exec_algos.errors import VenueError
from exec_algos.model import SECOND

OPEN_ROWS = 50  # of a page of the list of open orders
HEADS = 5  # times that the first page is read again
SETTLED = 10 * SECOND  # an order that ended without our asking may have been changed by hand: its new row comes a little later
DOUBTFUL = 150 * SECOND  # the same where a change that we asked for got no answer: rows were assumed to come up to a minute late
OLDER = 3  # rows at the end of a page: one alone may stand in the wrong place
UNSORTED = 2 * SECOND  # by so much a row may be older than the next one; stamps are of whole seconds

log = logging.getLogger("exec_algos.kis")


@dataclass
class _Walk:
    """Rows of pages as they were read, the latest word of each order, and whether no row from `since` on can be missing."""

    since: int
    rows: dict[tuple[str, str, str], DailyRow] = field(default_factory=dict)
    whole: bool = False
    sorted: bool = True
    _last: int | None = None

    def take(self, page: Sequence[DailyRow]) -> int:
        """Take a page in; how many of its rows were read before."""
        known = 0
        for row in page:
            known += row.name in self.rows
            self.rows[row.name] = row
        return known

    def enough(self, page: Sequence[DailyRow]) -> bool:
        """Whether the pages that follow hold only what is older than `since`: rows come newest first, as far as they were seen to."""
        for row in page:
            if self._last is not None and row.time > self._last + UNSORTED:
                self.sorted = False
            self._last = row.time
        return self.sorted and bool(page) and all(row.time < self.since - UNSORTED for row in page[-OLDER:])


class Looking:
    """Reads orders.

    Parameters
    ----------
    access : Access
    keys : Keys
    kept : Kept
        Notices of the account.

    Attributes
    ----------
    pages : int
        Read since the start.
    """

    def __init__(self, access: Access, keys: Keys, kept: Kept) -> None:
        self._access, self._keys = access, keys
        self._kept = kept
        self._said: set[str] = set()
        self.pages = 0

    async def snapshot(self, since: int, symbol: str | None = None) -> Snapshot:
        """All orders that KIS took at `since` (ns UTC) or later, newest first; on live also those that are open.

        Raises
        ------
        VenueError
            The first page could not be read, or a page cannot be right.
        """
        listed: tuple[OpenRow, ...] = ()
        whole = True
        if self._access.host.has("open orders"):
            listed, whole = await self._listed()
            await self._access.turn()
        walk = await self._walk(since, symbol=symbol or "")
        rows, right = self._merged(walk, listed)
        known = {row.venue_id for row in rows}
        rows += [row for row in self._waiting(since) if row.venue_id not in known and symbol in (None, row.symbol)]
        return Snapshot(tuple(rows), walk.whole and whole and right, 0)

    async def follow(self, orders: Sequence[Placed]) -> Snapshot:
        """How these orders stand, by the way that takes the fewest requests; complete where all of them were found.

        Raises
        ------
        VenueError
            A page could not be read, or cannot be right.
        """
        if not orders:
            return Snapshot((), True, 0)
        known = {order.venue_id: self._keys.find(order.venue_id, Terms(order.symbol, order.side, order.quantity)) for order in orders}
        walk, each, listed = self.costs(list(known.values()))
        if walk <= min(each, listed):
            found = await self._follow_by_walk(known)
        elif listed <= each:
            found = await self._follow_by_list(known)
        else:
            found = await self._follow_each(known)
        rows = {row.venue_id: row for row in found}
        return Snapshot(tuple(rows.values()), known.keys() <= rows.keys(), 0)

    def costs(self, known: Sequence[Known]) -> tuple[float, float, float]:
        """Requests that it takes to follow orders: by pages, each by its number, and by the list of open orders."""
        oldest = min(known, key=lambda order: (order.key.day, order.key.odno)).key
        before = self._keys.rows_since(oldest.day, oldest.odno)
        walk = math.ceil(max(before, 1) / self._access.host.page_rows)
        each = sum(1 if not order.changed else math.inf for order in known)
        listed = math.ceil(len(known) / OPEN_ROWS) + 1 if self._access.host.has("open orders") else math.inf
        return walk + (walk > 1), each, listed

    async def parts(self, known: Known) -> list[DailyRow]:
        """The rows of one order, and of its changes; none where the inquiry does not show it."""
        walk = await self._walk_for([known])
        rows, _ = self._orders(list(walk.rows.values()))
        return [row for _, row in self._chains(rows).get(str(known.key), ())]

    async def _follow_by_walk(self, known: dict[str, Known]) -> list[OrderRow]:
        rows, _ = self._merged(await self._walk_for(known.values()), ())
        return [row for row in rows if row.venue_id in known]

    async def _walk_for(self, known: Iterable[Known]) -> _Walk:
        """Pages until all numbers of these orders were read."""
        names = frozenset(name._replace(orgno=order.orgno or name.orgno) for order in known for name in self._keys.names(order))
        return await self._walk(instant(min(name.day for name in names), "000000"), until=names)

    async def _follow_each(self, known: dict[str, Known]) -> list[OrderRow]:
        """By number: of one that is over without being filled a walk says whether it was changed, which gave it another number."""
        found: list[OrderRow] = []
        unsure: dict[str, Known] = {}
        for name, order in known.items():
            if found or unsure:
                await self._access.turn()
            row = await self._by_number(order)
            if row is None:
                unsure[name] = order
            else:
                found.append(row)
        if unsure:
            await self._access.turn()
            found += await self._follow_by_walk(unsure)
        return found

    async def _by_number(self, order: Known) -> OrderRow | None:
        key = order.key
        envelope = await self._access.client.read(daily(self._access.host, self._access.account, key.day, key.day, odno=key.odno))
        self.pages += 1
        rows = [row for row in daily_rows(envelope) if (row.day, row.odno) == (key.day, key.odno) and self._learn(row) is order]
        if len(rows) != 1 or envelope.more or rows[0].unexplained or (not rows[0].open and rows[0].filled < rows[0].quantity):
            return None
        return self._row(order, rows)

    async def _follow_by_list(self, known: dict[str, Known]) -> list[OrderRow]:
        """Those that the list of open orders shows; one that it does not is over, or moved to a page that was read before."""
        listed, _ = await self._listed()
        found: list[OrderRow] = []
        for row in listed:
            order = self._listed_order(row)
            if order is not None and str(order.key) in known and row.open and not order.changed:
                found.append(_of_list(order, row))
        shown = {row.venue_id for row in found}
        rest = {name: order for name, order in known.items() if name not in shown}
        if rest:
            await self._access.turn()
            walk, each, _ = self.costs(list(rest.values()))
            found += await (self._follow_by_walk(rest) if walk <= each else self._follow_each(rest))
        return found

    async def _listed(self) -> tuple[tuple[OpenRow, ...], bool]:
        """The list of open orders, and whether all its pages were read."""
        pages, whole = await self._access.client.pages(lambda cursor: open_orders(self._access.host, self._access.account, cursor=cursor))
        self.pages += len(pages)
        return tuple(row for page in pages for row in open_rows(page, self._access.day)), whole

    async def _walk(self, since: int, *, symbol: str = "", until: frozenset[OrderKey] = frozenset()) -> _Walk:
        """Pages newest first, down to `since` or until all of `until` (their names) were read."""
        first, last = moment_of(since)[0], max(self._access.day, moment_of(since)[0])
        walk, missing = _Walk(since), set(until)

        def ask(cursor: Cursor) -> Ask:
            return daily(self._access.host, self._access.account, first, last, symbol=symbol, cursor=cursor)

        def enough(envelope: Envelope) -> bool:
            page = daily_rows(envelope)
            walk.take(page)
            missing.difference_update(OrderKey(row.day, row.orgno, row.odno) for row in page)
            over = walk.enough(page)
            return over or (bool(until) and not missing)

        found, walk.whole = await self._access.client.pages(ask, enough=enough)
        pages = len(found)
        if pages > 1:
            walk.whole = await self._heads(ask, walk) and walk.whole
        self.pages += pages
        return walk

    async def _heads(self, ask: Callable[[Cursor], Ask], walk: _Walk) -> bool:
        """Read what came in while pages were read; whether nothing of it is missing."""
        cursor = Cursor()
        for _ in range(HEADS):
            await self._access.turn()
            envelope = await self._access.client.read(ask(cursor))
            self.pages += 1
            if walk.take(daily_rows(envelope)) or envelope.more is False:
                return True
            cursor = envelope.cursor
            if not cursor:
                return False
        return False

    def _merged(self, walk: _Walk, listed: Iterable[OpenRow]) -> tuple[list[OrderRow], bool]:
        """One row an order, whatever numbers it went by; and whether all rows add up."""
        for each in walk.rows.values():
            self._keys.expect(each.day, each.odno)
        rows, right = self._orders(list(walk.rows.values()))
        found = [row for parts in self._chains(rows).values() if (row := self._row_of(parts)) is not None]
        merged = {row.venue_id: row for row in found}
        for open_row in listed:
            order = self._listed_order(open_row) if open_row.open else None
            if order is not None and not order.changed:
                merged.setdefault(str(order.key), _of_list(order, open_row))
        return list(merged.values()), right

    def _chains(self, rows: Sequence[DailyRow]) -> dict[str, list[tuple[Known, DailyRow]]]:
        """Rows by the order that they are of: its first one, and those of its changes."""
        chains: dict[str, list[tuple[Known, DailyRow]]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: (row.day, row.odno)):  # an order has a lower number than its changes
            if row.kind is RowKind.AMEND and row.state == "rejected":
                continue  # the change was refused: the order is what it was
            root = self._learn(row)
            chains[str(root.key)].append((root, row))
        return chains

    def _row_of(self, parts: Sequence[tuple[Known, DailyRow]]) -> OrderRow | None:
        """An order; None where only changes of it were read, of one that is older than what was asked for."""
        root, rows = parts[0][0], [row for _, row in parts]
        first = any(row.odno == root.key.odno for row in rows)
        return self._row(root, rows) if first else None

    def _listed_order(self, row: OpenRow) -> Known | None:
        """The order of a row of the list of open ones; None of a change."""
        if row.kind is not RowKind.ORDER:
            return None
        terms = Terms(row.symbol, row.side, row.quantity, row.time)
        return self._keys.learn(OrderKey(self._access.day, row.orgno, row.odno), terms, dvsn=row.dvsn, exchange=row.exchange, row=True)

    def _orders(self, rows: list[DailyRow]) -> tuple[list[DailyRow], bool]:
        """The orders among rows. One whose quantities do not add up is left out, and the answer is not whole without it."""
        changes, right = changes_of(rows), True
        found: list[DailyRow] = []
        for row in rows:
            if row.kind is RowKind.CANCEL:
                continue
            try:
                found.append(explained(row, changes.get(row.name, ())))
            except VenueError as error:
                right = False
                self._tell(str(error))
        return found, right

    def _learn(self, row: DailyRow) -> Known:
        """Take note of a row: an order of its own, or a name that an order goes by since it was changed."""
        key = OrderKey(row.day, row.orgno, row.odno)
        root = self._keys.root(key._replace(odno=row.original), row.symbol, row.side) if row.kind is RowKind.AMEND else None
        if root is None:
            terms = Terms(row.symbol, row.side, row.quantity, row.time)
            return self._keys.learn(key, terms, dvsn=row.dvsn, exchange=row.exchange, row=True)
        self._keys.change(root, key)
        return root

    def _row(self, root: Known, parts: Sequence[DailyRow]) -> OrderRow:
        """An order by the rows of all its numbers: what traded under each counts. One that is a change itself can be no child's."""
        first = min(parts, key=lambda row: (row.odno != root.key.odno, row.odno))
        filled, open_ = sum(row.filled for row in parts), sum(row.open for row in parts)
        rejected = len(parts) == 1 and first.state == "rejected"
        if not open_ and not rejected and filled < first.quantity and self._may_go_on(root, parts):
            open_ = first.quantity - filled
        return OrderRow(
            venue_id=str(root.key),
            own_id="",
            symbol=first.symbol,
            side=first.side,
            quantity=first.quantity,
            limit=first.limit,
            filled=filled,
            amount=math.fsum(row.amount for row in parts),
            open=open_,
            accepted=first.time,
            state="rejected" if rejected else "open" if open_ else "done",
            reason=f"{first.rejected} shares refused by the exchange" if rejected else "",
            order_type="changed" if first.kind is RowKind.AMEND else type_of(first.dvsn),
        )

    def _may_go_on(self, root: Known, parts: Sequence[DailyRow]) -> bool:
        """Whether the rest of an order that is over may be open under another number, of which the inquiry has no row yet."""
        if root.changed and all(row.odno != root.current for row in parts):
            return True
        now = self._access.now
        root.over_since = root.over_since or now
        if root.doubtful:
            return now < root.over_since + DOUBTFUL
        return not root.asked and now < root.over_since + SETTLED

    def named(self, notice: Notice) -> str:
        """The `venue_id` of the order that a notice is about."""
        changes = notice.kind is not RowKind.ORDER and notice.original
        key = OrderKey(self._access.day, notice.branch, notice.original if changes else notice.odno)
        known = self._keys.told(key) or self._keys.told(key._replace(odno=notice.odno))
        return str(key if known is None else known.key)

    def _waiting(self, since: int) -> list[OrderRow]:
        """Orders of which a notice told, and no inquiry yet."""
        found = []
        for came in self._kept.accepted():
            notice, day = came.notice, moment_of(came.time + self._access.client.clock_apart)[0]
            refused = any(other.notice.refused and other.notice.kind is RowKind.ORDER for other in self._kept.of(notice.odno))
            if refused:
                continue
            row = _of_notice(notice, instant(day, notice.hour))
            terms = Terms(row.symbol, row.side, row.quantity, row.accepted)
            known = self._keys.learn(OrderKey(day, notice.branch, notice.odno), terms, dvsn=notice.dvsn, sure=False)
            if not known.seen:
                found.append(replace(row, venue_id=str(known.key)))
        return [row for row in found if row.accepted >= since - SECOND]

    def _tell(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            log.warning("%s; it is left out, and nothing is proved without it", text)


def type_of(dvsn: str) -> str:
    """An order type as `OrderRow` has it."""
    return {"01": "MKT", "00": "LMT", "41": "LMT", "": ""}.get(dvsn, dvsn)


def _of_notice(notice: Notice, taken: int) -> OrderRow:
    """An order as the notice of its acceptance tells it: nothing of it traded yet, as far as that says."""
    ordered, limit = notice.ordered or notice.quantity, notice.price if notice.price and notice.dvsn != "01" else math.nan
    return OrderRow(
        venue_id="", own_id="", symbol=notice.symbol, side=notice.side, quantity=ordered, limit=limit, filled=0.0, amount=0.0,
        open=ordered, accepted=taken, state="open", order_type=type_of(notice.dvsn),
    )  # fmt: skip


def _of_list(order: Known, row: OpenRow) -> OrderRow:
    return OrderRow(
        venue_id=str(order.key), own_id="", symbol=row.symbol, side=row.side, quantity=row.quantity, limit=row.limit, filled=row.filled,
        amount=row.amount, open=row.open, accepted=row.time, state="open", order_type=type_of(row.dvsn),
    )  # fmt: skip
