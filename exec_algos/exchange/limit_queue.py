"""Where a limit order stands in the queue at its price: `exec_algos.fills.limits.QueueFill` in the replay."""

from __future__ import annotations

import math

from exec_algos.errors import UsageError
from exec_algos.exchange.child import Child
from exec_algos.exchange.stream import Bar, Stream
from exec_algos.fills.matching import MOST_LOTS, queue_ahead
from exec_algos.market.bars import QUOTES, Bars
from exec_algos.model.lots import SLACK

EVERYTHING = int(MOST_LOTS)


def check_quotes(bars: Bars) -> None:
    """Refuse bars without quotes: nothing in them says how long a queue is."""
    missing = [name for name in QUOTES if name not in bars.quotes]
    if missing:
        raise UsageError(
            f"limit_fill 'queue' needs quotes, and the bars of {', '.join(bars.symbols)} have no {', '.join(missing)}; "
            "give bars with quote columns, or use limit_fill='through' or 'touch:fraction=0.5'"
        )


def quotes_before(stream: Stream, side: int) -> tuple[float, float]:
    """Best price and size of the own side as the last bar began; NaN where no bar ended then."""
    bars, row = stream.bars, stream.known - 2
    if row < 0 or bars.start[row] + bars.step != bars.start[row + 1]:
        return math.nan, math.nan
    best, size = ("bid", "bid_size") if side > 0 else ("ask", "ask_size")
    return float(bars.quotes[best][row]), float(bars.quotes[size][row])


def queued_budget(child: Child, stream: Stream, bar: Bar, price: float, at_limit: float) -> int:
    """Lots that the queue lets a child take from the last bar; moves the child on in the queue."""
    side, limit = child.parent_state.side, child.limit
    if limit != limit or (price - limit) * side < 0:  # noqa: PLR0124 - NaN: a market order waits for nobody
        child.ahead = 0.0
        return EVERYTHING
    child.ahead = queue_ahead(side, limit, child.ahead, *quotes_before(stream, side))
    past = (limit - (bar.low if side > 0 else bar.high)) * side
    if past != 0:
        child.ahead = 0.0 if past > 0 else child.ahead
        return EVERYTHING
    here = at_limit * bar.volume
    over, child.ahead = max(here - child.ahead, 0.0), max(child.ahead - here, 0.0)
    return int(over / child.parent_state.parent.lot_size + SLACK)
