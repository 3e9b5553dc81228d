"""`CarriedChild`: a child order that a broker's own `place_order` carries to its end."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, NamedTuple

from exec_algos.checks import is_finite
from exec_algos.clock import CancelledError, Clock, Started
from exec_algos.clock.virtual import explained
from exec_algos.errors import NotSentError, OrderRejectedError, UsageError, VenueError
from exec_algos.model import SECOND, Fill, ParentOrder
from exec_algos.model.lifecycle import FINAL, Event, State, after

NEARLY = 1e-9  # of a lot: sums of fractional shares
FIRST_WAIT, LONGEST_WAIT = SECOND, 30 * SECOND  # between two questions to a venue, each wait twice the one before
LOOKS_FOR = 3600 * SECOND  # after that the operator has to ask


class Ways(NamedTuple):
    """What a child can ask of the broker that carries it.

    Attributes
    ----------
    clock : Clock
    find : callable or None
        What became of the child of a ref; None where the broker cannot say.
    cancel : callable or None
        Ask for the rest of the child of a ref; None where the broker knows no refs.
    confirmed : callable
        Told by how much, in ns, a final report came behind the child's end.
    """

    clock: Clock
    find: Callable[[str], Awaitable[Fill | None]] | None
    cancel: Callable[[str], Awaitable[bool]] | None
    confirmed: Callable[[int], None]


class CarriedChild:
    """A child order that a coroutine carries: it runs beside whoever sent it, and nobody stops it.

    What the coroutine returns is the end of the child. `OrderRejectedError` and `NotSentError` are its end too; anything else that it
    raises leaves the outcome unknown, with the error's ``fills`` counted, until the broker's `find_order` tells.

    Parameters
    ----------
    ref : str
    parent : ParentOrder
    lots : int
    limit : float
        Currency per share; NaN for a market order.
    expires : int
        ns UTC.

    Attributes
    ----------
    error : BaseException or None
        What the coroutine raised.
    resolvable : bool
        The broker may tell yet what became of it.
    """

    def __init__(self, ref: str, parent: ParentOrder, lots: int, limit: float, expires: int) -> None:
        self.ref, self.parent, self.lots, self.limit, self.expires = ref, parent, lots, limit, expires
        self.state, self.reason = State.SENT, ""
        self.fills: list[Fill] = []
        self.error: BaseException | None = None
        self.resolvable = self.withdrawn = False
        self._said: Any = None
        self._ways: Ways | None = None
        self._task: Started[None] | None = None

    def carry(self, coroutine: Coroutine[Any, Any, Any], ways: Ways) -> None:
        """Start the coroutine."""
        self._ways, self.resolvable = ways, ways.find is not None
        self._task = ways.clock.start(self._carry(coroutine, ways))

    def fail(self, error: Exception) -> None:
        """Whoever was to send it raised, so that nobody knows whether it left."""
        self._failed(error)

    @property
    def filled(self) -> int:
        """Whole lots that traded, as far as that is known."""
        return math.floor(sum_of(self.fills) / self.parent.lot_size + NEARLY)

    @property
    def open(self) -> int:
        """Lots that may still trade, those of an unknown outcome among them."""
        return 0 if self.done() else max(self.lots - self.filled, 0)

    def done(self) -> bool:
        """Its state is final."""
        if self.state is State.SENT and self._task is not None and self._task.done():
            self._failed(_stopped_by(self._task))
        return self.state in FINAL

    def result(self) -> Fill:
        """What its coroutine returned, whatever that is: who counts it looks at it before.

        Raises
        ------
        OrderRejectedError, NotSentError, VenueError
            It got nothing, and was refused; never left; is unknown or not over.
        """
        if not self.done():
            raise VenueError(f"{self.ref or 'the child'} is {self.state}, so it has no result yet", fills=self.fills)
        if self.error is None or self._said is not None:
            answer: Fill = self._said
            return answer
        if not self.fills:
            raise self.error
        return whole_of(self.fills)

    def withdraw(self) -> None:
        """Ask for its rest, again and again until it is over; where the broker knows no refs it goes on until it expires."""
        if self._ways is None or self._ways.cancel is None or self.withdrawn or self.done():
            return
        self.withdrawn = True
        self._ways.clock.start(self._ask(self._ways.clock, self._ways.cancel))

    async def _carry(self, coroutine: Coroutine[Any, Any, Any], ways: Ways) -> None:
        try:
            self._answered(await coroutine)
        except CancelledError as error:  # its loop is closing
            self._failed(error)
            raise
        except Exception as error:
            self._failed(error)
        else:
            late = ways.clock.now - self.expires
            if late > 0 or self.state is not State.FILLED:
                ways.confirmed(max(late, 0))
        if self.state is State.UNKNOWN and ways.find is not None:
            await self._resolve(ways.clock, ways.find)

    def _answered(self, said: Any) -> None:
        """The broker's last word."""
        self._said = said
        if not isinstance(said, Fill) or not is_finite(said.quantity):
            self.state = after(self.state, Event.CANCEL)  # whoever counts it refuses it
            return
        if self.fills and said.quantity < sum_of(self.fills):
            self._said = None  # more than that is known
        else:
            self.fills = [self._named(fill) for fill in said.parts or ((said,) if said.quantity else ())]
        self.state = after(self.state, Event.FILL_ALL if self._complete() else Event.CANCEL)

    def _failed(self, error: BaseException) -> None:
        error = explained(error)
        self.error, self.reason = error, f"{type(error).__name__}: {error}"
        known = [fill for fill in getattr(error, "fills", ()) if isinstance(fill, Fill) and is_finite(fill.quantity) and fill.quantity > 0]
        if known:
            self.fills = [self._named(fill) for fill in known]
            self.state = after(self.state, Event.FILL_ALL if self._complete() else Event.FILL)
        if self.state not in FINAL:
            self.state = after(self.state, self._end_of(error))

    def _end_of(self, error: BaseException) -> Event:
        """What an error says of a child: nothing, but that it was refused or never left."""
        if not isinstance(error, OrderRejectedError | NotSentError):
            return Event.SILENCE
        if self.fills:
            return Event.CANCEL
        return Event.REJECT if isinstance(error, OrderRejectedError) else Event.NO_SEND

    def _complete(self) -> bool:
        return sum_of(self.fills) >= self.lots * self.parent.lot_size * (1 - NEARLY)

    def _named(self, fill: Any) -> Any:
        unnamed = self.ref and isinstance(fill, Fill) and not fill.order_ref
        return fill._replace(order_ref=self.ref) if unnamed else fill

    async def _resolve(self, clock: Clock, find: Callable[[str], Awaitable[Fill | None]]) -> None:
        """Ask what became of it until the broker knows."""
        wait, until = FIRST_WAIT, clock.now + LOOKS_FOR
        while self.state is State.UNKNOWN and clock.now < until:
            await clock.sleep_until(clock.now + wait)
            wait = min(2 * wait, LONGEST_WAIT)
            try:
                found = await find(self.ref)
            except (NotSentError, OrderRejectedError) as error:
                self.error, self.reason = error, f"{type(error).__name__}: {error}"
                self.state = after(self.state, self._absent(error))
            except Exception as error:  # a look that failed tells nothing
                self.reason = f"{type(error).__name__}: {error}"
            else:
                if found is not None:
                    self._answered(found)
        self.resolvable = False

    def _absent(self, error: Exception) -> Event:
        if self.fills:
            return Event.CANCEL
        return Event.REJECT if isinstance(error, OrderRejectedError) else Event.ABSENT

    async def _ask(self, clock: Clock, cancel: Callable[[str], Awaitable[bool]]) -> None:
        wait, until = FIRST_WAIT, max(self.expires, clock.now) + LONGEST_WAIT
        while not self.done() and clock.now <= until:
            try:
                await cancel(self.ref)
            except UsageError as error:
                self.reason = f"{type(error).__name__}: {error}"
                return
            except Exception as error:  # it is asked again
                self.reason = f"{type(error).__name__}: {error}"
            await clock.sleep_until(clock.now + wait)
            wait = min(2 * wait, LONGEST_WAIT)


def _stopped_by(task: Started[None]) -> BaseException:
    """Why a task ended that did not say what came of its child: whoever carries it has closed it."""
    try:
        return task.exception() or VenueError("whoever carried its coroutine has closed it")
    except CancelledError as error:
        return error


def sum_of(fills: Sequence[Any]) -> float:
    """Shares of trades; what is no trade counts nothing."""
    return math.fsum(fill.quantity for fill in fills if isinstance(fill, Fill) and is_finite(fill.quantity))


def whole_of(fills: list[Fill]) -> Fill:
    """Several trades of a child as one fill."""
    if len(fills) == 1:
        return fills[0]
    last, shares = fills[-1], math.fsum(fill.quantity for fill in fills)
    value, fee = (math.fsum(numbers) for numbers in zip(*((f.quantity * f.fill_price, f.commission) for f in fills), strict=True))
    return Fill._make((last.time, last.ticker, shares, value / shares, fee, last.side, last.parent_id, last.zone, tuple(fills)))._replace(
        order_ref=last.order_ref
    )
