"""`check_broker`: a broker of one's own, child by child, against the truth of the venue behind it."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple

from exec_algos.brokers.base import BrokerAPI, takes_ref
from exec_algos.brokers.child import ChildOrder
from exec_algos.errors import ConformanceError, ExecAlgosError, OrderRejectedError, UsageError
from exec_algos.model import SECOND, ParentOrder
from exec_algos.model.lifecycle import State
from exec_algos.testing.children import CASES, OFTEN, Behind, Case, Seen, Terms, Watched, shares_of
from exec_algos.testing.findings import Findings

LOOKS = 20  # at a child, over its life
NOWHERE = "NO-SUCH-SYMBOL"


Make = Callable[[], AbstractAsyncContextManager[tuple[BrokerAPI, Behind | None]]]


class BrokerConformance(NamedTuple):
    """What was tried of a broker that passed.

    Attributes
    ----------
    name : str
        Of its class.
    children : int
        Child orders that were sent.
    filled : float
        Shares that they got.
    unknown : int
        Children of which the broker does not know what became; they count as open.
    untried : tuple of str
        What could not be tried, and why.
    """

    name: str
    children: int
    filled: float
    unknown: int
    untried: tuple[str, ...] = ()


def check_broker(  # noqa: PLR0913 - what a child is
    make: Make,
    *,
    symbol: str = "A",
    quantity: float = 100,
    lot_size: float = 1,
    life: float = 20.0,
    settle: float = 60.0,
    patience: float = 60.0,
) -> BrokerConformance:
    """Try a broker, child by child, and say all that is wrong with what it tells of them.

    Each child is sent by `send_order`, as executors do, and looked at until it is over and for a while after. Meanwhile the venue
    behind the broker goes wrong on purpose, and its truth is beside what the child tells. Looked for: trades that are forgotten,
    counted twice, or told of another symbol, side or price; a child that is told as over while its order goes on; one that is sent
    again, or as another order than was asked for; one that never ends; a refusal that is hidden; an exception.

    Parameters
    ----------
    make : callable
        Returns an async context manager of ``(broker, venue)``: a broker that is started, and what is behind it: a `ScriptedVenue`,
        the control of a rehearsal, or an object of your own with `truth` and perhaps `faults`. None where nothing can be asked:
        then only what the broker says is looked at.
    symbol : str
    quantity : float
        Shares of the first child, a multiple of `lot_size`; each further one has a lot more.
    lot_size : float
    life : float
        Seconds of the broker's clock until a child expires.
    settle : float
        Seconds of the broker's clock, after a child expired, in which it has to be over.
    patience : float
        Seconds of real time in which a child has to be over, whatever the broker's clock says.

    Returns
    -------
    BrokerConformance
        What was tried.

    Raises
    ------
    ConformanceError
        Something is wrong; the message lists every kind of finding with an example.
    UsageError
        `make` gives something else.
    """
    terms = Terms(symbol, quantity, lot_size, life, settle, patience)
    with ThreadPoolExecutor(1) as pool:  # the caller may be inside a loop of asyncio, as in a notebook
        return pool.submit(lambda: asyncio.run(_check(make, terms))).result()


async def _check(make: Make, terms: Terms) -> BrokerConformance:
    given: Any = make()
    async with given as made:
        if not (isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], BrokerAPI)):
            raise UsageError(f"make must give an async context manager of (BrokerAPI, venue), got {made!r:.120}")
        trial = _Trial(*made, terms)
        await trial.prices()
        for case in CASES:
            await trial.child(case)
        await trial.refused()
    if trial.findings.found:
        raise ConformanceError(type(made[0]).__name__, trial.findings.lines())
    return BrokerConformance(type(made[0]).__name__, trial.sent, trial.filled, trial.unknown, tuple(trial.untried))


class _Trial:
    """A broker while it is tried."""

    def __init__(self, broker: BrokerAPI, behind: Behind | None, terms: Terms) -> None:
        self.broker, self.behind, self.terms = broker, behind, terms
        self.findings = Findings()
        self.untried: list[str] = [] if behind is not None else ["whatever needs the venue's truth or its faults: make gave no venue"]
        self.sent = self.unknown = 0
        self.filled = 0.0
        self.bid = self.ask = math.nan

    async def prices(self) -> None:
        """The quotes, of which limits are made."""
        try:
            depth = await self.broker.get_market_depth(self.terms.symbol)
            self.bid, self.ask = float(depth["bid"]), float(depth["ask"])
        except Exception as error:
            self.findings.add("has no quotes", f"get_market_depth raised {error!r}; limit orders are not tried")

    def _limit(self, case: Case) -> float:
        return math.nan if math.isnan(case.limit) else round(case.limit * (self.bid if case.limit < 1 else self.ask), 2)

    def _parent(self, case: Case, symbol: str) -> ParentOrder:
        now, span = self.broker.clock.now, round(self.terms.life * SECOND)
        # each its own size, for brokers that have no more to tell orders apart by
        shares = self.terms.quantity + self.sent * self.terms.lot_size
        parent = ParentOrder(
            symbol=symbol,
            side=case.side,
            quantity=shares,
            start=now,
            end=now + span,
            interval=span,
            lot_size=self.terms.lot_size,
        )
        return self.broker.open_parent(parent)

    def _faulty(self, case: Case) -> bool:
        """Let the venue go wrong; False where it cannot."""
        if self.behind is None:
            return not case.fault
        faults = getattr(self.behind, "faults", None)
        often = OFTEN.get((case.on, case.fault), OFTEN.get((case.on, ""), 1)) if case.fault else 0
        script: list[dict[str, Any]] = [{"on": case.on, "n": n + 1, "fault": case.fault} for n in range(often)]
        if case.fault == "late":
            script = [entry | {"seconds": self.terms.life / 4} for entry in script]
        try:
            if faults is None:
                raise UsageError("it has no faults")
            faults(script)
        except ExecAlgosError as error:
            if case.fault:
                self.untried.append(f"{case.name}: {error}")
            return not case.fault
        return True

    def _truth(self, before: set[str]) -> Seen | None:
        if self.behind is None:
            return None
        truth = self.behind.truth()
        orders = [order for order in truth["orders"] if order["venue_id"] not in before]
        names = {order["venue_id"] for order in orders}
        trades = [(float(trade["quantity"]), float(trade["price"])) for trade in truth["executions"] if trade["venue_id"] in names]
        return Seen(orders, math.fsum(shares for shares, _ in trades), math.fsum(shares * price for shares, price in trades))

    def _ids(self) -> set[str]:
        return set() if self.behind is None else {order["venue_id"] for order in self.behind.truth()["orders"]}

    async def child(self, case: Case) -> None:
        """Send a child, follow it to its end and beyond, and judge it."""
        if not math.isnan(case.limit) and math.isnan(self.bid):
            return
        if not self._faulty(case):
            return
        before = self._ids()
        try:
            child = self._send(case, self.terms.symbol)
        except Exception as error:
            self.findings.add("raises", f"{case.name}: send_order raised {error!r}; tell it by the child")
            return
        self.sent += 1
        watched = Watched(case, self.terms, child, self._limit(case), self.findings)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.terms.patience):
                await self._follow(watched, before)
        watched.end(self._truth(before))
        self.filled += shares_of(child)
        self.unknown += child.state is State.UNKNOWN
        if self.behind is not None:
            self._faulty(Case("nothing"))

    def _send(self, case: Case, symbol: str) -> ChildOrder:
        parent = self._parent(case, symbol)
        expires = parent.start + round(case.life * self.terms.life * SECOND)
        named: dict[str, Any] = {"ref": f"{parent.ref}.0.0.0"} if takes_ref(type(self.broker).send_order) else {}
        return self.broker.send_order(parent, parent.lots, self._limit(case), expires, **named)

    async def _follow(self, watched: Watched, before: set[str]) -> None:
        clock, life = self.broker.clock, round(self.terms.life * watched.case.life * SECOND)
        begun, step = clock.now, life // LOOKS
        last = begun + life + round(self.terms.settle * SECOND)
        quiet = 0
        while clock.now < last and quiet < 3:
            await clock.sleep_until(clock.now + step)
            seen = self._truth(before)
            watched.look(seen)
            if watched.case.withdrawn and not watched.withdrawn and clock.now - begun > life // 2:
                watched.withdrawn = True
                self.broker.withdraw(watched.child)
            over = watched.child.done() and (seen is None or all(order["state"] != "open" for order in seen.orders))
            quiet = quiet + 1 if over and watched.case.fault != "late" else 0

    async def refused(self) -> None:
        """A child of a symbol that the venue does not know."""
        if self.behind is None or not self._faulty(Case("nothing")):
            return
        try:
            child = self._send(Case("an unknown symbol"), NOWHERE)
        except (OrderRejectedError, UsageError):
            return
        except Exception as error:
            self.findings.add("raises", f"an unknown symbol: send_order raised {error!r}; raise OrderRejectedError")
            return
        clock, until = self.broker.clock, self.broker.clock.now + round(self.terms.settle * SECOND)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.terms.patience):
                while clock.now < until and not child.done():
                    await clock.sleep_until(clock.now + SECOND)
        if child.state not in {State.REJECTED, State.NOT_SENT}:
            said = f"an unknown symbol: the child is {child.state} ({child.reason}); raise OrderRejectedError where the venue refuses"
            self.findings.add("hides a refusal", said)
