"""Child orders at the simulated venue, and where their parent orders stand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from exec_algos.clock.virtual import Resume, VirtualClock, Waitable
from exec_algos.costs import Commission
from exec_algos.costs.charges import ChildCharges, DatedFees
from exec_algos.fills.matching import TOUCHED
from exec_algos.model import Fill, ParentOrder, Side
from exec_algos.model.lifecycle import State


@dataclass(slots=True)
class ParentState:
    """Where a parent order stands: ``ordered = filled + working + cancelled + residual``, in lots."""

    parent: ParentOrder
    origin: Any
    ordered: int
    lot_rate: float
    zone: str
    side: int
    filled: int = 0
    working: int = 0
    cancelled: int = 0
    children: int = 0

    @property
    def residual(self) -> int:
        """Lots neither filled nor working nor cancelled."""
        return self.ordered - self.filled - self.working - self.cancelled


class Child(Waitable):
    """A child order at the simulated venue; it is over when it is filled, cancelled or expired.

    Await it, or ask whether it is `done`.
    """

    ref = ""
    reason = ""
    filled = 0
    value = 0.0
    fee = 0.0
    account: ChildCharges | None = None
    over = False
    ahead = math.inf
    terms = TOUCHED
    resume: Resume | None = None
    resume_rank = 0

    def __init__(  # noqa: PLR0913, PLR0917 - a child order has this many properties
        self,
        clock: VirtualClock,
        number: int,
        state: ParentState,
        lots: int,
        limit: float,
        commission: Commission | DatedFees,
        active: int,
        deadline: int,
        latency: int = 0,
    ) -> None:
        self.clock, self.number, self.parent_state, self.lots, self.limit = clock, number, state, lots, limit
        self.commission, self.active, self.deadline, self.latency = commission, active, deadline, latency
        self.lot_rate = state.lot_rate
        self.fills: list[Fill] = []

    @property
    def open(self) -> int:
        """Lots still working."""
        return 0 if self.over else self.lots - self.filled

    @property
    def expires(self) -> int:
        """When its rest is cancelled, ns UTC."""
        return self.deadline

    @property
    def state(self) -> State:
        """Where it stands in the life of a child order."""
        if not self.over:
            return State.PARTIAL if self.fills else State.OPEN
        return State.FILLED if self.filled >= self.lots else State.CANCELLED

    @property
    def cancelled(self) -> int:
        """Lots that were cancelled or expired."""
        return self.lots - self.filled if self.over else 0

    @property
    def side(self) -> Side:
        """Its parent's side."""
        return self.parent_state.parent.side

    @property
    def origin(self) -> Any:
        """Whose doing it is."""
        return self.parent_state.origin

    def ready(self) -> bool:
        """It is over."""
        return self.over

    def park(self, resume: Resume, rank: int) -> None:
        """Resume when it is over."""
        self.resume, self.resume_rank = resume, rank

    def done(self) -> bool:
        """It is over."""
        return self.over

    def exception(self) -> None:
        """A simulated venue does not fail."""

    def cancel(self) -> bool:
        """The venue, not the waiting, ends a child: see `Market.cancel`."""
        return False

    def result(self) -> Fill:
        """All that it got, as one fill."""
        if len(self.fills) == 1:
            return self.fills[0]
        parent, zone = self.parent_state.parent, self.parent_state.zone
        if not self.fills:
            return Fill._make((self.clock.queue.now, parent.symbol, 0, math.nan, 0.0, parent.side, parent.parent_id, zone, ()))
        shares = self.filled * parent.lot_size
        whole = (self.fills[-1].time, parent.symbol, shares, self.value / shares, self.fee, parent.side, parent.parent_id, zone)
        return Fill._make((*whole, tuple(self.fills), *mean_parts(self.fills, shares)))


def mean_parts(fills: Sequence[Fill], shares: float) -> tuple[float, float, float, float]:
    """Rule price, spread and impact a share of several fills together, and their taxes."""
    rule, spread, impact = (
        sum(fill.quantity * getattr(fill, name) for fill in fills) / shares for name in ("rule_price", "spread", "impact")
    )
    return rule, spread, impact, sum(fill.taxes for fill in fills)
