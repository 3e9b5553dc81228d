"""What the rules of a parent order leave of an algorithm's decision; one text for the interpreter and the compiled loop."""

from __future__ import annotations

from exec_algos.model import Bounds, Decision, Seen, Terms


def bounded(bounds: Bounds, terms: Terms, seen: Seen, decision: Decision) -> Decision:
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
    left = terms.quantity - seen.filled - seen.working
    left = left if left > 0 else 0
    last = terms.slices - 1
    quantity = decision.quantity if seen.slice <= last else left
    if bounds.forced and seen.slice == last:
        quantity = left
    else:
        quantity = quantity if quantity < bounds.most else bounds.most
        quantity = quantity if quantity < left else left
        if quantity < bounds.least and quantity < left and seen.slice < last:
            quantity = 0
    limit = decision.limit
    if bounds.limit == bounds.limit and not (limit - bounds.limit) * terms.side <= 0:
        limit = bounds.limit
    return Decision(quantity, limit)
