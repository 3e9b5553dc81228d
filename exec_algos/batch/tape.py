"""What the compiled loop reads and writes: bars, parent orders and trades by column; and what it may leave out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from exec_algos.checks import Floats, Ints
from exec_algos.errors import UsageError
from exec_algos.model.decision import Seen

NO_ROWS = np.zeros(0, dtype=np.int64)
NO_PRICES = np.zeros(0)


class Watched(NamedTuple):
    """What is seen at the end of each bar: arrays of shape (n_bars,); see `exec_algos.model.Observed`.

    From `bid` on they are those of `exec_algos.market.depth.Quotes`: the sizes are `sized` times the columns.
    """

    traded: Floats
    price: Floats
    bid: Floats
    ask: Floats
    bid_size: Floats
    ask_size: Floats
    sized: float


_NONE = np.zeros(0)
NOT_WATCHED = Watched(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE, 1.0)


class Tape(NamedTuple):
    """Bars as the loop reads them: arrays of shape (n_bars,).

    Attributes
    ----------
    start : ndarray of int64
        ns UTC.
    buy, sell : ndarray of float64
        What a market order of either side pays, spread included and its own impact not, currency per share.
    low, high : ndarray of float64
        Currency per share.
    volume : ndarray of float64
        Shares.
    seen : Watched
        What algorithms that watch the market see at the end of each bar; empty arrays for others.
    rule_buy, rule_sell : ndarray of float64
        What the price rule alone says for either side, currency per share. Empty: `buy` and `sell`, there is no spread.
    """

    start: Ints
    buy: Floats
    sell: Floats
    low: Floats
    high: Floats
    volume: Floats
    seen: Watched = NOT_WATCHED
    rule_buy: Floats = NO_PRICES
    rule_sell: Floats = NO_PRICES


class BatchOrders(NamedTuple):
    """Parent orders as the loop reads them: arrays of shape (n_parents,).

    Attributes
    ----------
    side : ndarray of int64
        +1 buys, -1 sells.
    lots : ndarray of int64
    lot_size : ndarray of float64
        Shares in a lot.
    cap : ndarray of float64
        Participation cap as a fraction, or `exec_algos.fills.UNCAPPED`.
    start, end, interval : ndarray of int64
        The window ``[start, end)`` and the time between decisions, ns.
    slices : ndarray of int64
        Decisions in the window.
    first, last : ndarray of int64
        Rows ``[first, last)`` of the tape that lie in the window.
    curve : ndarray of int64
        Where the order's curve begins in the flat array of curves; it has `slices` values.
    base : ndarray of int64
        First row of the order's symbol: looked at by algorithms that watch the market.
    deadline : ndarray of int64
        Where the residual policy ends, ns UTC; rows up to it lie in ``[first, last)``. Empty: at `end`.
    law : ndarray of int64
        Row of the impact's terms, one a symbol. Empty: the first.
    fees : ndarray of int64
        Entry of the fee table, one a trade date and side. Empty: the first.
    times, decisions : ndarray of int64
        Where the order's slices begin in `SliceTimes`, and how many it has with those of its residual policy. 0 decisions, or empty: the
        window has no pause, slice k begins at ``start + k interval``.
    """

    side: Ints
    lots: Ints
    lot_size: Floats
    cap: Floats
    start: Ints
    end: Ints
    interval: Ints
    slices: Ints
    first: Ints
    last: Ints
    curve: Ints
    base: Ints = NO_ROWS
    deadline: Ints = NO_ROWS
    law: Ints = NO_ROWS
    fees: Ints = NO_ROWS
    times: Ints = NO_ROWS
    decisions: Ints = NO_ROWS

    def take(self, rows: Any) -> BatchOrders:
        """Some of them, by number or slice, in columns that the loop takes: contiguous and writeable, views where they can be."""
        return BatchOrders._make(np.require(column[rows], requirements=["C", "W"]) if len(column) else column for column in self)

    def check(self, tape: Tape, curves: Floats) -> None:
        """Refuse orders that the tape and the curves cannot carry.

        Raises
        ------
        UsageError
            An order without decisions, or rows or curves that lie outside.
        """
        if not len(self.side):
            return
        if self.slices.min() < 1 or self.interval.min() < 1:
            raise UsageError("every parent order needs at least one decision and a positive interval")
        if self.first.min() < 0 or self.last.max() > len(tape.start) or (self.first > self.last).any():
            raise UsageError(f"rows of the orders lie outside the tape of {len(tape.start)} bars")
        if (self.curve + self.slices).max() > len(curves) or self.curve.min() < 0:
            raise UsageError(f"curves of the orders lie outside the {len(curves)} curve values")


class SliceTimes(NamedTuple):
    """Slices of orders whose windows have pauses or nights in them, one order behind the other; see `exec_algos.model.slicing`.

    Attributes
    ----------
    begin, end : ndarray of int64
        ns UTC.
    """

    begin: Ints
    end: Ints


NO_SLICE_TIMES = SliceTimes(NO_ROWS, NO_ROWS)


class Outcome(NamedTuple):
    """What became of the orders: arrays of shape (n_parents,).

    Attributes
    ----------
    filled : ndarray of int64
        Lots.
    notional : ndarray of float64
        Sum of shares x price in time order, currency.
    commission, taxes : ndarray of float64
        Everything charged, and what of it is tax: currency.
    children : ndarray of int64
        Child orders released.
    """

    filled: Ints
    notional: Floats
    commission: Floats
    taxes: Floats
    children: Ints

    @classmethod
    def empty(cls, n: int) -> Outcome:
        """Room for `n` orders."""
        return cls(np.zeros(n, np.int64), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n, np.int64))


class BatchTrades(NamedTuple):
    """Single trades in order of parent and time: arrays of shape (n_trades,).

    Attributes
    ----------
    parent : ndarray of int64
        Row of the order.
    row : ndarray of int64
        Row of the tape.
    lots : ndarray of int64
    price, commission : ndarray of float64
        Currency per share; currency.
    rule_price, spread, impact : ndarray of float64
        What the price is made of, currency per share; see `exec_algos.fills.price_parts`.
    taxes : ndarray of float64
        What of `commission` is tax, currency.
    """

    parent: Ints
    row: Ints
    lots: Ints
    price: Floats
    commission: Floats
    rule_price: Floats
    spread: Floats
    impact: Floats
    taxes: Floats

    @classmethod
    def empty(cls, n: int) -> BatchTrades:
        """Room for `n` trades, without their orders."""
        return cls(np.zeros(0, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64), *(np.zeros(n) for _ in range(6)))

    def compressed(self, space: Ints) -> BatchTrades:
        """Those that happened; the room of order i is ``[space[i], space[i + 1])``."""
        kept = np.flatnonzero(self.lots)
        owner = np.searchsorted(space, kept, side="right") - 1
        return BatchTrades._make([owner, *(column[kept] for column in self[1:])])


class Variant(NamedTuple):
    """What a kernel may leave out; constants to the compiler, so that one text serves every case.

    Attributes
    ----------
    dense : bool
        Every slice has exactly one bar.
    late : bool
        Children arrive later than they were decided.
    free : bool
        There is no commission.
    dated : bool
        Fees are those of a schedule.
    recording : bool
        Single trades are kept.
    moving : int
        0 no execution moves a price, 1 each moves its own, 2 those of later ones too.
    watching : bool
        Decisions look at the market.
    ruled : bool
        Children have bounds.
    after : int
        Slices behind the window: 0 none, 1 every interval, 2 one for the session's last bar.
    shares_only : bool
        Lots are single shares, every order is under a cap, one child meets one bar: the usual case, with a sixth less to compute.
    gridded : bool
        The exchange does not take every price.
    gaps : bool
        Some bars may have no price: nothing fills there.
    paused : bool
        Windows have pauses or nights in them: slices are those of a `SliceTimes`.
    """

    dense: bool
    late: bool
    free: bool
    dated: bool
    recording: bool
    moving: int
    watching: bool
    ruled: bool
    after: int
    shares_only: bool
    gridded: bool
    gaps: bool
    paused: bool


def in_flight(asked: Ints, got: Ints, begin: int, end: int) -> tuple[int, int]:
    """Lots of children that were filled whole before their time, and lots of those still open."""
    filled, working = 0, 0
    for j in range(begin, end):
        if got[j] == asked[j]:
            filled += got[j]
        else:
            working += asked[j]
    return filled, working


def slice_end(start: Ints, row: int, instant: int) -> int:
    """First row from `row` on whose bar does not start before `instant`."""
    while row < len(start) and start[row] < instant:
        row += 1
    return row


def look(blind: Seen, tape: Watched, row: int, before: int, base: int) -> Seen:
    """What a decision sees when `row` is the last completed bar, `before` the last before the window, which has `base` bars before it."""
    if base + row - before <= 0:
        return blind
    already = tape.traded[before] if base > 0 else 0.0
    return Seen(
        blind.slice, blind.scheduled, blind.filled, blind.working, tape.traded[row] - already,
        tape.price[row], tape.bid[row], tape.ask[row], tape.sized * tape.bid_size[row], tape.sized * tape.ask_size[row],
    )  # fmt: skip
