"""Where the children of one plan go: late or not, resized or not, at market or at the touch."""

from __future__ import annotations

from bisect import bisect_right

from exec_algos.model import ParentOrder, Residual, Terms
from exec_algos.model.style import ChildStyle, Placement, Randomisation, delay, resized


class Placing:
    """How the children of one plan of a parent order are placed, and since when their lots have been due.

    Parameters
    ----------
    parent : ParentOrder
    terms : Terms
    start : int
        When the plan begins, ns UTC.
    grid : int
        Finest time between decisions, ns.
    """

    def __init__(self, parent: ParentOrder, terms: Terms, start: int, grid: int) -> None:
        rules = parent.rules
        style: Placement = ChildStyle.of(rules.style).placement()
        self.passive, self.timeout = style.passive, style.timeout
        self.reprice = -(-style.reprice // grid) * grid
        self.tick = rules.tick_size or 0.0
        self._random, self._grid, self._last = Randomisation.of(rules.randomisation) or Randomisation(), grid, terms.slices - 1
        self._key = self._random.key(parent.symbol, terms.side, terms.lots, start)
        self._crossing_last, self._auction = rules.residual == Residual.FORCE, rules.residual == Residual.CLOSE_AUCTION
        self._since: list[int] = []
        self._due: list[int] = []

    def slices(self, slices: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """The decisions, those of the window at random later than `slices`, each until the next."""
        if not self._random.time:
            return slices
        window, after = slices[: self._last + 1], slices[self._last + 1 :]
        late = [begin + delay(end - begin, self._random.time, self._grid, self._key, k) for k, (begin, end) in enumerate(window)]
        return [*zip(late, [*late[1:], window[-1][1]], strict=True), *after]

    def resized(self, number: int, lots: int) -> int:
        """The lots of slice `number`'s child; the window's last one and those behind it stay as they are."""
        if not self._random.size or number >= self._last:
            return lots
        return resized(lots, self._random.size, self._key, number)

    def rests(self, number: int) -> bool:
        """Slice `number`'s child rests at the touch."""
        return self.passive and not (self._crossing_last and number == self._last) and not (self._auction and number > self._last)

    def ask(self, now: int, lots: int) -> None:
        """Take note that `lots` lots of the order are due from `now` (ns UTC) on, those that are filled among them."""
        self._since.append(now)
        self._due.append(lots)

    def waited(self, now: int, filled: int) -> bool:
        """Some of what was due at ``now - timeout`` is not among the `filled` lots yet."""
        known = bisect_right(self._since, now - self.timeout)
        return known > 0 and self._due[known - 1] > filled
