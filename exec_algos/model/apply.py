"""What the rules of an order leave of a decision: `apply_rules`, one text for interpreter and compiled loop, and `at_touch`."""

from __future__ import annotations

import math

from exec_algos.model.decision import Decision, Observed, Seen, Terms
from exec_algos.model.rules import Bounds
from exec_algos.model.ticks import ticks_in_a_unit, to_tick


def apply_rules(bounds: Bounds, terms: Terms, seen: Seen, decision: Decision) -> Decision:
    """The child order after the rules.

    Parameters
    ----------
    bounds : Bounds
    terms : Terms
        ``terms.slices`` are those of the window; a slice from there on belongs to the residual policy and asks for all that is left.
    seen : Seen
    decision : Decision
        The algorithm's.

    Returns
    -------
    Decision
        ``most`` bounds it from above. Below ``least`` nothing is sent, unless it is all that is left or the window's last
        slice. A forced last slice sends all that is left, whatever the bounds. The tighter of the two limits holds.
    """
    left = terms.lots - seen.filled - seen.working
    left = left if left > 0 else 0
    last = terms.slices - 1
    lots = decision.lots if seen.slice <= last else left
    if bounds.forced and seen.slice == last:
        lots = left
    else:
        lots = lots if lots < bounds.most else bounds.most
        lots = lots if lots < left else left
        if lots < bounds.least and lots < left and seen.slice < last:
            lots = 0
    limit = decision.limit
    if bounds.limit == bounds.limit and not (limit - bounds.limit) * terms.side <= 0:
        limit = bounds.limit
    return Decision(lots, limit)


def at_touch(side: int, tick: float, market: Observed, decision: Decision) -> Decision:
    """The child order as a limit order at the touch of its own side.

    Parameters
    ----------
    side : int
        +1 buys, -1 sells.
    tick : float
        Currency per share; the price is rounded away from the other side. 0 for none.
    market : Observed
    decision : Decision
        After the rules.

    Returns
    -------
    Decision
        The tighter of the touch and the decision's own limit holds; nothing is sent where there is no quote.
    """
    touch = market.bid if side > 0 else market.ask
    if math.isnan(touch):
        return Decision(0, touch)
    if tick:
        touch = to_tick(touch, tick, ticks_in_a_unit(tick), side < 0)
    limit = decision.limit
    return Decision(decision.lots, limit if (limit - touch) * side < 0 else touch)
