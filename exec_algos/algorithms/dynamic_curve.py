"""`DynamicCurve`: a target curve that is drawn anew at each decision, from what the market has traded by then."""

from __future__ import annotations

from typing import Protocol

from exec_algos.checks import Floats


class DynamicCurve(Protocol):
    """One parent order's curve, as far as it is known.

    It depends on the market's volumes alone, never on our fills: so the compiled loop can be given the whole curve of an order of
    the past, made slice by slice of what was known at each, while the event-driven drivers ask when the time has come.
    """

    def scheduled(self, k: int, volumes: Floats) -> float:
        """`Seen.scheduled` of slice k: the fraction of the order that should be done by its end.

        Parameters
        ----------
        k : int
            The slice, of the window.
        volumes : ndarray of float64, shape (n_bars_so_far,)
            Shares that the market traded in each completed bar from the session's open up to the decision. What an earlier slice
            would have made of the earlier bars among them is the same whether it was asked then or not.

        Returns
        -------
        float
            In [0, 1], not falling from slice to slice, 1 at the last one.
        """
        ...
