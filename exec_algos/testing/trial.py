"""Trials: a case carried by a replay, and what was sent in it, written down."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple

from exec_algos.brokers.simulated import SimulatedBroker
from exec_algos.clock.queue import Rank
from exec_algos.clock.virtual import Task
from exec_algos.errors import UsageError
from exec_algos.exchange.market import Market, running_market
from exec_algos.market.calendars import DAY
from exec_algos.model import Fill, ParentOrder, Side
from exec_algos.model.window import shown
from exec_algos.testing.cases import Case

Work = Callable[["Noting", str, Case], Coroutine[Any, Any, Any]]


class Note(NamedTuple):
    """A child order as it was sent."""

    time: int
    side: int
    shares: float
    limit: float | None


class Noting(SimulatedBroker):
    """A simulated broker that writes down what is sent, and refuses what no venue takes."""

    def __init__(self, *parts: Any, **options: Any) -> None:
        super().__init__(*parts, **options)
        self._direct = True  # `place_order` below changes nothing, so children need no coroutine to carry them
        self.notes: list[Note] = []
        self.faults: list[str] = []

    def _note(self, side: Side, shares: float, limit: float | None) -> None:
        self.notes.append(Note(self.clock.now, int(side), shares, limit))
        fault = _fault(shares, limit)
        if fault:
            self.faults.append(fault)
            raise _RefusedError(fault)

    def send_order(self, parent: ParentOrder, lots: int, limit: float, expires: int, *, capped: bool = True) -> Any:  # type: ignore[override]  # replayed children have no ref
        """Write it down."""
        self._note(parent.side, lots, None if math.isnan(limit) else limit)
        return super().send_order(parent, lots, limit, expires, capped=capped)

    async def place_order(self, ticker: str, quantity: float, *terms: Any, **options: Any) -> Fill:
        """Write it down."""
        limit, parent = options.get("limit_price", terms[1] if len(terms) > 1 else None), options.get("parent")
        self._note(Side.of(options.get("side", Side.BUY)), quantity / (parent.lot_size if parent else 1), limit)
        return await super().place_order(ticker, quantity, *terms, **options)


class _RefusedError(UsageError):
    """A child that no venue takes; its fault is on record."""


def _fault(shares: float, limit: float | None) -> str:
    if not shares > 0:
        return f"sends {shares!r} lots, which is not positive; to send nothing decide 0, to sell give the side"
    if not float(shares).is_integer():
        return f"sends {shares!r} lots; round to whole ones"
    if limit is not None and not 0 < limit < math.inf:
        return f"sends a limit price of {limit!r}; give a positive one, or none for a market order"
    return ""


class Told(NamedTuple):
    """What came of one order."""

    notes: list[Note]
    faults: list[str]
    fills: list[Fill]
    returned: Any
    error: BaseException | None
    over: bool


def trial(work: Work, case: Case) -> dict[str, Told]:
    """Work the case's order in each symbol, side by side in one replayed market."""
    market = Market(case.model, case.open, case.hours)
    for symbol in case.symbols:
        market.add(case.bars(symbol))
    token = running_market.set(market)
    try:
        brokers = {symbol: Noting() for symbol in case.symbols}
    finally:
        running_market.reset(token)
    tasks = {symbol: Task(market.clock, work(broker, symbol, case), Rank.WAKE, None) for symbol, broker in brokers.items()}
    for task in tasks.values():
        task.step()
    while not all(task.done() for task in tasks.values()) and market.queue.now < case.close + DAY and market.queue.step():
        pass
    return {
        symbol: _noted(brokers[symbol], task, [fill for fill in market.fills if fill.ticker == symbol]) for symbol, task in tasks.items()
    }


def _noted(broker: Noting, task: Task[Any], fills: list[Fill]) -> Told:
    over, error = task.done(), task.exception()
    returned = task.result() if over and error is None else None
    if not over:
        task.cancel()
    return Told(broker.notes, broker.faults, fills, returned, None if isinstance(error, _RefusedError) else error, over)


def difference(first: Sequence[Note], second: Sequence[Note], zone: str) -> str:
    """The first child that differs."""
    for k in range(max(len(first), len(second))):
        left, right = (notes[k] if k < len(notes) else None for notes in (first, second))
        if left != right:
            return f"child {k + 1} is {_shown(left, zone)} and then {_shown(right, zone)}"
    return ""


def _shown(note: Note | None, zone: str) -> str:
    if note is None:
        return "none"
    price = "market" if note.limit is None else f"limit {note.limit:g}"
    return f"{note.shares:g} shares at {price} at {shown(note.time, zone)}"
