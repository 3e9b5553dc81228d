"""What a child of `check_broker` is: what goes wrong at the venue, and what is wrong with what the child tells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from exec_algos.brokers.child import ChildOrder
from exec_algos.model import Fill, Side
from exec_algos.model.lifecycle import State
from exec_algos.testing.findings import Findings

NEARLY = 1e-6


class Behind(Protocol):
    """What is behind a broker that is checked: `ScriptedVenue`, or the control of a rehearsal."""

    def truth(self) -> Mapping[str, Any]:
        """All orders and executions that the venue has, as `exec_algos.testing.Control.truth` tells them."""
        ...

    def faults(self, script: Sequence[Mapping[str, Any]] = ()) -> Any:
        """What goes wrong from here on, as `exec_algos.testing.Control.faults` takes it; raises for what it cannot."""
        ...


class Terms(NamedTuple):
    """The arguments of `check_broker`."""

    symbol: str
    quantity: float
    lot_size: float
    life: float
    settle: float
    patience: float


class Case(NamedTuple):
    """A child that is tried.

    Attributes
    ----------
    name : str
    on, fault : str
        What goes wrong at the venue: a fault, at the first requests of a class.
    side : Side
    limit : float
        Of the quotes: 0.75 of the bid rests; NaN is a market order.
    life : float
        Of `Trial.life`.
    withdrawn : bool
        It is withdrawn at half of its life.
    """

    name: str
    on: str = ""
    fault: str = ""
    side: Side = Side.BUY
    limit: float = math.nan
    life: float = 1.0
    withdrawn: bool = False


CASES = (
    Case("a market order to buy"),
    Case("a market order to sell", side=Side.SELL),
    Case("a limit order that trades", limit=1.25),
    Case("a limit order that rests", limit=0.75),
    Case("a child that ends half filled", life=0.3),
    Case("a child that is withdrawn", withdrawn=True),
    Case("a request that is lost on its way", "send", "lost_before"),
    Case("an answer that is lost", "send", "lost_after"),
    Case("a request that comes late", "send", "late"),
    Case("an answer 503 to what was not read", "send", "error_5xx"),
    Case("an answer 503 to what was taken", "send", "error_5xx_after"),
    Case("a refusal by the limit of rate", "send", "rate"),
    Case("a venue that trades too much", "send", "over_fill"),
    Case("a report before the answer", "send", "early_report"),
    Case("a report twice", "push", "duplicate_report"),
    Case("reports that are lost", "push", "push_lost"),
    Case("a row twice", "orders", "double_row"),
    Case("a look-up that fails", "orders", "lost_before"),
    Case("a cancel that is lost", "cancel", "lost_before", life=0.3),
    Case("a cancel whose answer is lost", "cancel", "lost_after", life=0.3),
    Case("a cancel that loses against a trade", "cancel", "cancel_loses", life=0.3),
    Case("a withdrawal that loses against a trade", "cancel", "cancel_loses", withdrawn=True),
)
OFTEN = {("push", ""): 20, ("orders", "double_row"): 200, ("orders", ""): 3}  # requests of a class that go wrong; of orders and cancels one
UNSURE = {"lost_before", "lost_after", "late", "error_5xx", "error_5xx_after"}  # after them a broker may not know for ever


class Seen(NamedTuple):
    """What the venue has of one child."""

    orders: list[Mapping[str, Any]]
    shares: float
    amount: float


class Watched:
    """A child while it is looked at.

    Parameters
    ----------
    case : Case
    terms : Terms
    child : ChildOrder
    limit : float
        Currency per share that was asked for.
    findings : Findings
    """

    def __init__(self, case: Case, terms: Terms, child: ChildOrder, limit: float, findings: Findings) -> None:
        self.shares = child.lots * terms.lot_size
        self.case, self.terms, self.child, self.limit, self.findings = case, terms, child, limit, findings
        self.withdrawn = False
        self.most = 0.0

    def found(self, kind: str, said: str) -> None:
        """Write down what is wrong."""
        self.findings.add(kind, f"{self.case.name}: {said}")

    def look(self, seen: Seen | None) -> None:
        """What is wrong at this moment; `seen` is None where the venue cannot be asked."""
        told = shares_of(self.child)
        if told < self.most - NEARLY:
            self.found("forgets trades", f"the child told of {self.most:g} shares, and then of {told:g}")
        self.most = max(told, self.most)
        for kind, said in self._wrong_fills():
            self.found(kind, said)
        if seen is not None:
            self._compare(told, seen)

    def _compare(self, told: float, seen: Seen) -> None:
        child, terms = self.child, self.terms
        if told > seen.shares + NEARLY:
            self.found(
                "counts trades twice", f"the child tells of {told:g} shares, the venue traded {seen.shares:g}; tell trades apart by id"
            )
        elif not child.done() and told + child.open * terms.lot_size < min(seen.shares, self.shares) - NEARLY:
            self.found("forgets trades", f"the child tells of {told:g} shares and {child.open} open lots, the venue traded {seen.shares:g}")
        if child.done() and any(order["state"] == "open" for order in seen.orders):
            said = f"the child is {child.state}, and its order is open at the venue; what is not sure raises VenueError, and counts as open"
            self.found("ends a child that goes on", said)
        for said in self._wrong_orders(seen.orders):
            self.found("sends another order", said)
        if len(seen.orders) > 1:
            self.found("sends again", f"the venue has {len(seen.orders)} orders of one child; send a request once")

    def _wrong_fills(self) -> Iterator[tuple[str, str]]:
        terms = self.terms
        for fill in list[Any](self.child.fills):
            if not isinstance(fill, Fill):
                yield "tells no fill", f"{fill!r:.80} is no Fill"
            elif fill.ticker != terms.symbol:
                yield "tells another symbol", f"a child of {terms.symbol} tells of a trade of {fill.ticker!r}"
            elif fill.side is not self.case.side:
                yield "tells another side", f"a child that {self.case.side.name}s tells of a trade {fill.side!r}; give Fill its side="

    def _wrong_orders(self, orders: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        terms = self.terms
        asked = (terms.symbol, self.case.side.name, self.shares, self.limit)
        for order in orders:
            limit = math.nan if order["limit"] is None else float(order["limit"])
            there = (order["symbol"], order["side"], float(order["quantity"]), limit)
            if repr(there) != repr((*asked[:2], float(asked[2]), float(asked[3]))):
                yield f"{asked} was asked for (symbol, side, shares, limit), {there} is at the venue"

    def end(self, seen: Seen | None) -> None:
        """What is wrong when it is over, or ought to be."""
        child, told, fault = self.child, shares_of(self.child), self.case.fault
        if not child.done():
            if child.state is not State.UNKNOWN or fault not in UNSURE:
                said = f"{self.terms.settle:g} s after it expired the child is {child.state} ({child.reason})"
                self.found("never ends", f"{said}; give requests a time-out, and ask the venue until the order is over")
        elif seen is not None:
            if told < seen.shares - NEARLY:
                self.found("forgets trades", f"the child is {child.state} and tells of {told:g} shares, the venue traded {seen.shares:g}")
            elif told > NEARLY and not math.isclose(_amount(child), seen.amount, rel_tol=NEARLY):
                self.found("tells another price", f"its trades are worth {_amount(child):g}, at the venue {seen.amount:g}")
            if not seen.orders and not fault:
                self.found("sends nothing", f"the child is {child.state} ({child.reason}), and the venue has no order of it")


def _fills(child: ChildOrder) -> list[Fill]:
    fills: list[Any] = child.fills
    return [fill for fill in fills if isinstance(fill, Fill)]


def shares_of(child: ChildOrder) -> float:
    """Shares that it tells of."""
    return math.fsum(fill.quantity for fill in _fills(child))


def _amount(child: ChildOrder) -> float:
    return math.fsum(fill.quantity * fill.fill_price for fill in _fills(child))
