"""`Bench`: an adapter at its venue, while it is tried: what it is asked, what the venue has, and what was found."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from exec_algos.brokers.venue import Accepted, Instrument, Intent, OrderRow, Placed, Report, Snapshot, VenueAPI
from exec_algos.errors import VenueError
from exec_algos.model import Side
from exec_algos.testing.findings import Findings

SECOND = 1_000_000_000
NEARLY = 1e-6  # of a quantity or an amount that went through JSON
AGAIN = 0.1  # seconds of real time until a stream that ended is asked for again
MOST_HANGS = 3  # then nothing more is tried
SKEW = 2 * SECOND  # some venues stamp in whole seconds

T = TypeVar("T")
Order = Mapping[str, Any]


class Control(Protocol):
    """What a check does to the scripted server behind an adapter; `exec_algos.testing.rehearsal.Control` is one."""

    def truth(self) -> Mapping[str, Any]:
        """All that the venue has.

        ``orders``: mappings with ``venue_id, own_id, symbol, side ("BUY", "SELL"), quantity, limit (None at market), filled, amount,
        open, accepted (ns UTC), state ("open", "done", "rejected")``. ``executions``: mappings with ``execution_id, venue_id,
        quantity, price, time``.
        """
        ...

    def faults(self, script: Sequence[Mapping[str, Any]] = ()) -> Any:
        """What goes wrong from here on, in place of what was said before: ``{"on": "send", "n": 1, "fault": "late", "seconds": 5}``
        is the n-th request of a class (``send, cancel, read``, ``orders``: reads of the list of orders, ``push``) from here on.
        """
        ...

    @property
    def now(self) -> int:
        """The venue's time, ns UTC."""
        ...

    def drop(self) -> Any:
        """End every connection of clients."""
        ...

    def clock(self, *, paused: bool | None = None, to: int | None = None) -> Any:
        """Let the venue's clock stand, or set it forward (ns UTC)."""
        ...


class HungError(Exception):
    """Too many requests hang."""


class Outcome(NamedTuple):
    """What came of a request: a value, or an error. `hung`: neither in time."""

    value: Any
    error: Exception | None
    hung: bool = False

    def __str__(self) -> str:
        if self.error is not None:
            return f"raised {type(self.error).__name__}"
        return "did not answer" if self.hung else f"answered {self.value!r:.160}"


class Bench:
    """An adapter at its venue.

    Parameters
    ----------
    venue : VenueAPI
    control : Control
    symbol : str
    quantity : float
        Shares of an order.
    patience : float
        Seconds of real time after which a request hangs.
    """

    def __init__(self, venue: VenueAPI, control: Control, symbol: str, quantity: float, patience: float) -> None:
        self.venue, self.control, self.symbol, self.quantity, self.patience = venue, control, symbol, quantity, patience
        self.findings = Findings()
        self.begun = control.now
        self.asked = self.hangs = 0
        self.known: dict[str, str] = {}  # the adapter's id of an order -> the venue's
        self.reports: list[Report] = []
        self.untried: list[str] = []
        self.instrument = Instrument(symbol=symbol)
        self.last = math.nan
        self._own = 0
        self._pump: asyncio.Task[None] | None = None
        self.ends: list[str] = []  # how the streams of reports ended

    def found(self, kind: str, said: str) -> None:
        """Write down what is wrong."""
        self.findings.add(kind, said)

    async def ask(self, what: str, request: Awaitable[Any]) -> Outcome:
        """Wait for a request, with patience."""
        self.asked += 1
        task = asyncio.ensure_future(request)
        done, _ = await asyncio.wait({task}, timeout=self.patience)
        if not done:
            task.cancel()
            self.hangs += 1
            self.found("hangs", f"{what} gave no answer within {self.patience:g} s; give every request a time-out")
            if self.hangs == MOST_HANGS:
                raise HungError
            return Outcome(None, None, hung=True)
        error = task.exception()
        if error is None:
            return Outcome(task.result(), None)
        if not isinstance(error, Exception):
            raise error
        return Outcome(None, error)

    async def read(self, what: str, request: Awaitable[Any]) -> Any:
        """What a read says where nothing is wrong with the venue; None, and a finding, where it fails."""
        outcome = await self.ask(what, request)
        if outcome.error is not None:
            self.found("a plain read fails", f"{what} raised {outcome.error!r} where nothing is wrong with the venue")
        return outcome.value

    # orders

    def intent(self, side: Side = Side.BUY, *, rest: bool = False, quantity: float | None = None) -> Intent:
        """An order of its own: at market, or at a limit so far away that it rests."""
        self._own += 1
        caps = self.venue.caps
        own_id = f"chk{self.begun // SECOND % 100_000}n{self._own}"[-caps.own_id_length :] if caps.own_id_length else ""
        shares = self.quantity if quantity is None else quantity
        limit = self._away(side) if rest else math.nan
        return Intent(own_id=own_id, symbol=self.symbol, side=side, quantity=shares, limit=limit)

    def _away(self, side: Side) -> float:
        price = self.last * (0.75 if side is Side.BUY else 1.25)
        tick = self.instrument.tick(price) or 0.01
        return round(price / tick) * tick

    def orders(self) -> dict[str, Order]:
        """The venue's orders, by its ids."""
        return {str(order["venue_id"]): order for order in self.control.truth()["orders"]}

    def executions(self, venue_id: str) -> list[Order]:
        """The venue's executions of an order."""
        return [execution for execution in self.control.truth()["executions"] if execution["venue_id"] == venue_id]

    async def sent(self, side: Side = Side.BUY, *, rest: bool = False, quantity: float | None = None) -> Placed | None:
        """Send an order where nothing is wrong, and learn its ids; None, and a finding, where that fails."""
        intent, before = self.intent(side, rest=rest, quantity=quantity), set(self.orders())
        outcome = await self.ask("send", self.venue.send(intent))
        new = [venue_id for venue_id, order in self.orders().items() if venue_id not in before and order["state"] != "rejected"]
        if not isinstance(outcome.value, Accepted) or len(new) != 1:
            self.found("a plain order fails", f"send {outcome} where nothing is wrong, and the venue has {len(new)} new orders of it")
            return None
        self.known[outcome.value.venue_id] = new[0]
        return Placed(venue_id=outcome.value.venue_id, own_id=intent.own_id, symbol=self.symbol, side=side, quantity=intent.quantity,
                      open=intent.quantity)  # fmt: skip

    # time and faults

    def pass_time(self, seconds: float) -> None:
        """Let the venue's clock go on."""
        self.control.clock(to=self.control.now + round(seconds * SECOND))

    def fault(self, on: str, name: str, times: Sequence[int] = (1,), seconds: float | None = None) -> None:
        """The next requests of a class go wrong, in place of what was said before; and a second passes, for limits of rate."""
        self.pass_time(1)
        more = {} if seconds is None else {"seconds": seconds}
        self.control.faults([{"on": on, "n": n, "fault": name, **more} for n in times])

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self.control.faults([])
        self.pass_time(1)

    # reports

    def listen(self) -> None:
        """Take in what the venue pushes, from here on; where the stream ends it is asked for again."""
        self._pump = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        while self.venue.caps.push:
            try:
                async for report in self.venue.reports():
                    self.reports.append(report)
                self.ends.append("ended")
            except VenueError as error:
                self.ends.append(f"raised {error!r}")
            except Exception as error:
                self.ends.append(f"raised {error!r}")
                self.found(
                    "reports raise something else", f"reports() raised {error!r}; raise VenueError, which says that the stream is over"
                )
            await self.settle(AGAIN)

    async def deaf(self) -> None:
        """Listen no more."""
        if self._pump is not None:
            self._pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pump

    async def settle(self, seconds: float = 0.2) -> None:
        """Give what is pushed real time to come."""
        await asyncio.sleep(seconds)

    # what it says of orders

    async def compare(self, when: str, since: int | None = None) -> Snapshot | None:
        """A snapshot must say what the venue has."""
        snapshot = await self.read(f"snapshot {when}", self.venue.snapshot(self.begun if since is None else since, self.symbol))
        if isinstance(snapshot, Snapshot):
            self.judge(snapshot, when, self.begun if since is None else since)
            return snapshot
        if snapshot is not None:
            self.found("returns", f"snapshot returned {snapshot!r:.80}, not a Snapshot")
        return None

    def judge(self, snapshot: Snapshot, when: str, since: int) -> None:
        """What is wrong with a snapshot that was taken now."""
        orders = self.orders()
        rows: dict[str, OrderRow] = {}
        for row in snapshot.orders:
            if row.venue_id in rows:
                same = "the same" if rows[row.venue_id] == row else "another"
                self.found("gives an order twice", f"{when}: order {row.venue_id} stands in two rows, {same}; keep one row for an id")
            rows[row.venue_id] = row
            order = orders.get(self.known.get(row.venue_id, row.venue_id)) or self._by_own_id(orders, row.own_id)
            if order is None:
                self.found("invents an order", f"{when}: row {row} is no order of the venue")
            else:
                self._judge_row(row, order, when)
        if snapshot.complete:
            self._missing(rows, orders, when, since)

    def _by_own_id(self, orders: Mapping[str, Order], own_id: str) -> Order | None:
        return next((order for order in orders.values() if own_id and order["own_id"] == own_id), None)

    def _judge_row(self, row: OrderRow, order: Order, when: str) -> None:
        limit = math.nan if order["limit"] is None else float(order["limit"])
        for name in ("quantity", "filled", "amount", "open"):
            said, true = float(getattr(row, name)), float(order[name])
            if not math.isclose(said, true, rel_tol=NEARLY, abs_tol=NEARLY):
                kind = "counts a trade twice" if name in {"filled", "amount"} and said > true else f"tells another {name}"
                self.found(kind, f"{when}: {name} of order {row.venue_id} is {said:g} in its row, and {true:g} at the venue")
        if row.side is not Side.of(order["side"]) or row.symbol != order["symbol"]:
            self.found("tells another order", f"{when}: row says {row.side!r} {row.symbol}, the venue {order['side']} {order['symbol']}")
        if row.state != order["state"]:
            self.found(
                "tells another state", f"{when}: order {row.venue_id} is {row.state!r} in its row, and {order['state']!r} at the venue"
            )
        if not (math.isnan(row.limit) if math.isnan(limit) else math.isclose(row.limit, limit, rel_tol=NEARLY)):
            self.found("tells another limit", f"{when}: limit {row.limit!r} in the row, {limit!r} at the venue; NaN is a market order")
        if abs(row.accepted - int(order["accepted"])) > SKEW:
            apart = (row.accepted - int(order["accepted"])) / SECOND
            self.found("tells another time", f"{when}: accepted is {apart:+g} s from the venue's; give ns UTC, and mind its zone")
        if self.venue.caps.own_id_length and row.own_id != order["own_id"]:
            self.found("loses own ids", f"{when}: own_id {row.own_id!r} in the row, {order['own_id']!r} at the venue")

    def _missing(self, rows: Mapping[str, OrderRow], orders: Mapping[str, Order], when: str, since: int) -> None:
        """Orders that a complete snapshot lacks."""
        told = {self.known.get(venue_id, venue_id) for venue_id in rows}
        own = {row.own_id for row in rows.values() if row.own_id}
        for venue_id, order in orders.items():
            due = order["state"] == "open" or (int(order["accepted"]) >= since and order["state"] == "done")
            if due and order["symbol"] == self.symbol and venue_id not in told and order["own_id"] not in own:
                said = f"{when}: complete is True, and order {venue_id} ({order['state']}) is not there; say complete=False, or raise"
                self.found("takes a part for the whole", said)
