"""Adapters with the mistakes that cost money, over the right one: `check_venue` has to refuse them."""

from dataclasses import replace
from itertools import count

from exec_algos.brokers.rehearsal import RehearsalVenue
from exec_algos.brokers.venue import Accepted, NotSent, Rejected, Snapshot
from exec_algos.errors import VenueError
from exec_algos.model import Side

HOUR = 3_600_000_000_000


class RetriesPosts(RehearsalVenue):
    """Sends an order again where no answer came."""

    async def send(self, intent):
        for _ in range(2):
            try:
                return await super().send(intent)
            except VenueError:
                continue
        return await super().send(intent)


class FailedReadIsNothing(RehearsalVenue):
    """Takes a failed read for "there is nothing"."""

    async def snapshot(self, since, symbol=None):
        try:
            return await super().snapshot(since, symbol)
        except VenueError:
            return Snapshot((), True, 0)

    async def positions(self):
        try:
            return await super().positions()
        except VenueError:
            return {}


class AddsBlindly(RehearsalVenue):
    """Counts a repeated row and a repeated report as trades of their own."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self._numbers = count()

    def _page(self, said):
        rows = {}
        for row in [row for order in said["orders"] for row in super(AddsBlindly, self)._page(said | {"orders": [order]}).values()]:
            before = rows.get(row.venue_id)
            rows[row.venue_id] = (
                row if before is None else replace(row, filled=row.filled + before.filled, amount=row.amount + before.amount)
            )
        return rows

    async def reports(self):
        async for report in super().reports():
            yield replace(report, execution_id=f"fill-{next(self._numbers)}") if report.kind == "fill" else report


class Careless(RehearsalVenue):
    """Many mistakes at once, each in another place."""

    async def send(self, intent):
        try:
            answer = await super().send(replace(intent, side=Side.BUY, limit=round(intent.limit, 1)))
        except VenueError:
            return Rejected("timeout", "no answer")  # nautilus_trader #3879 and #4152: a time-out becomes "rejected"
        if isinstance(answer, NotSent):
            raise VenueError(answer.why)
        return replace(answer, lasting=False) if isinstance(answer, Rejected) else replace(answer, time=answer.time - 9 * HOUR)

    async def cancel(self, order):
        try:
            return await super().cancel(order)
        except VenueError:
            return Accepted(order.venue_id)

    async def snapshot(self, since, symbol=None):
        found = await super().snapshot(since, symbol)
        rows = tuple(
            replace(row, state="open" if row.filled else row.state, own_id="", accepted=row.accepted + HOUR) for row in found.orders
        )
        return replace(found, orders=rows, complete=True)

    async def account(self):
        try:
            return await super().account()
        except VenueError as error:
            raise KeyError("name") from error

    async def reports(self):
        async for report in super().reports():
            if report.kind != "fill" or report.quantity < 500:
                yield replace(report, execution_id="", filled=float("nan")) if report.quantity > 100 else report

    async def instrument(self, symbol):
        return await super().instrument("ANY")


class Unhurried(RehearsalVenue):
    """Waits for ever for an answer."""

    def __init__(self, url, *, timeout):
        super().__init__(url, timeout=1e6)


class Reconnects(RehearsalVenue):
    """Hides that its stream was cut: what was pushed meanwhile is lost, and nobody asks. Loses the own ids of its reports."""

    async def reports(self):
        while True:
            async for report in super().reports():
                yield replace(report, venue_id=f"{report.venue_id}x", own_id="")
