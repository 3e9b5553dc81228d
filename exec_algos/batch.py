"""Driver 3: the compiled loop over parent orders.

It holds no algorithm and no fill rule: numba compiles the very functions that the backtest calls.
Each parent order is a world of its own; two of them never compete for one bar's volume.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit, types
from numba.extending import overload

from exec_algos.compiling import compilable, fingerprint
from exec_algos.costs import Commission, child_fee
from exec_algos.errors import UsageError
from exec_algos.fills import bar_budget, meet_bar, price_paid
from exec_algos.model import Decision, Seen, Terms

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Decide = Callable[[Terms, Seen, Any], Decision]


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
    """

    start: Ints
    buy: Floats
    sell: Floats
    low: Floats
    high: Floats
    volume: Floats


class Orders(NamedTuple):
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

    def take(self, rows: Any) -> Orders:
        """Some of them."""
        return Orders(*(column[rows] for column in self))


class Outcome(NamedTuple):
    """What became of the orders: arrays of shape (n_parents,).

    Attributes
    ----------
    filled : ndarray of int64
        Lots.
    notional : ndarray of float64
        Sum of shares x price in time order, currency.
    commission : ndarray of float64
        Currency.
    children : ndarray of int64
        Child orders released.
    """

    filled: Ints
    notional: Floats
    commission: Floats
    children: Ints


class Trades(NamedTuple):
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
    """

    parent: Ints
    row: Ints
    lots: Ints
    price: Floats
    commission: Floats


_budget: Any = njit(compilable(bar_budget))  # type: ignore[arg-type]
_meet: Any = njit(compilable(meet_bar))  # type: ignore[arg-type]
_price_paid: Any = njit(compilable(price_paid))  # type: ignore[arg-type]
_fee: Any = njit(compilable(child_fee))  # type: ignore[arg-type]

_DECIDES: dict[str, FunctionType] = {}


def _decide(key: str, terms: Terms, seen: Seen, params: Any) -> Decision:
    return _DECIDES[key](terms, seen, params)  # type: ignore[no-any-return]


@overload(_decide, prefer_literal=True)
def _compiled_decide(key: Any, terms: Any, seen: Any, params: Any) -> Any:
    """Stand in for the `decide` that `key` names: numba's cache knows a kernel by this text."""
    if not isinstance(key, types.StringLiteral):
        return None
    chosen: Any = njit(compilable(_DECIDES[key.literal_value]))

    def run(key: Any, terms: Any, seen: Any, params: Any) -> Any:
        return chosen(terms, seen, params)

    return run


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
    recording : bool
        Single trades are kept.
    moving : bool
        An execution moves its own price.
    """

    dense: bool
    late: bool
    free: bool
    recording: bool
    moving: bool


def _in_flight(asked: Ints, got: Ints, begin: int, end: int) -> tuple[int, int]:
    """Lots of children that were filled whole before their time, and lots of those still open."""
    filled, working = 0, 0
    for j in range(begin, end):
        if got[j] == asked[j]:
            filled += got[j]
        else:
            working += asked[j]
    return filled, working


def _slice_end(start: Ints, row: int, instant: int) -> int:
    """First row from `row` on whose bar does not start before `instant`."""
    while row < len(start) and start[row] < instant:
        row += 1
    return row


_flight: Any = njit(_in_flight)
_end: Any = njit(_slice_end)


@lru_cache(maxsize=128)
def _kernel(key: str, variant: Variant) -> Any:  # noqa: C901, PLR0915 - counts the loop inside
    dense, late, free, recording, moving = variant
    single = dense and not late

    # One loop on purpose: every call in it that passes arrays costs a third of the speed.
    def run(tape, orders, curves, params, commission, impact, lag, through, outcome, begins, trades):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917
        most = orders.slices.max() if late else 1
        asked, got, limits = np.zeros(most, np.int64), np.zeros(most, np.int64), np.zeros(most)
        for i in range(orders.side.shape[0]):
            side, lot, n, t0, d = orders.side[i], orders.lot_size[i], orders.slices[i], orders.start[i], orders.interval[i]
            first, last = orders.first[i], orders.last[i]
            start, low, high, volume = tape.start[first:last], tape.low[first:last], tape.high[first:last], tape.volume[first:last]
            price = tape.buy[first:last] if side > 0 else tape.sell[first:last]
            curve = curves[orders.curve[i] : orders.curve[i] + n]
            rate, terms, flight = orders.cap[i] / lot, Terms(side, orders.lots[i], n), -(-lag // d)
            filled, notional, paid, children, at = 0, 0.0, 0.0, 0, begins[i]
            over, child, value, traded, fee, row = 0, -1, 0.0, 0, 0.0, 0
            for k in range(n):
                known, working = filled, 0
                if late:
                    if k > flight:
                        over += got[k - flight - 1]
                    known, working = _flight(asked, got, max(k - flight, 0), k)
                    known += over
                left, limit = _decide(key, terms, Seen(k, curve[k], known, working), params)
                if not single and left > 0:
                    children += 1
                if late:
                    asked[k], got[k], limits[k] = left, 0, limit
                else:
                    value, traded, fee = 0.0, 0, 0.0
                stop = row + 1 if dense else _end(start, row, t0 + (k + 1) * d)
                for r in range(row, stop):
                    if late:
                        while child < k and t0 + (child + 1) * d + lag <= start[r]:
                            child += 1
                            value, traded, fee = 0.0, 0, 0.0
                        if child < 0:
                            continue
                        left, limit = asked[child] - got[child], limits[child]
                    if left > 0:
                        if single:
                            children += 1
                        met = _meet(side, left, limit, price[r], low[r], high[r], _budget(rate, volume[r]), through)
                        shares, pays, cost = met.quantity * lot, met.price, 0.0
                        if moving and met.quantity > 0:
                            pays = _price_paid(side, limit, pays, low[r], high[r], shares, volume[r], impact)
                        left -= met.quantity
                        filled += met.quantity
                        notional += shares * pays
                        if not free:
                            value += shares * pays
                            traded += met.quantity
                            due = _fee(commission, traded * lot, value)
                            cost, fee = due - fee, due
                            paid += cost
                        if late:
                            got[child] += met.quantity
                        if recording and met.quantity > 0:
                            trades.row[at], trades.lots[at], trades.price[at], trades.commission[at] = (
                                first + r,
                                met.quantity,
                                pays,
                                cost,
                            )
                            at += 1
                row = stop
            outcome.filled[i], outcome.notional[i], outcome.commission[i], outcome.children[i] = filled, notional, paid, children

    return njit(run, cache=True, nogil=True)


def run_batch(  # noqa: PLR0913 - a tape, orders and the rules that join them
    tape: Tape,
    orders: Orders,
    curves: Floats,
    decide: Decide,
    params: tuple[Any, ...],
    *,
    step: int,
    commission: Commission,
    impact: float = 0.0,
    latency: int = 0,
    through: bool = False,
    recording: bool = False,
    threads: int | None = None,
) -> tuple[Outcome, Trades]:
    """Work every parent order on its own.

    Parameters
    ----------
    tape : Tape
    orders : Orders
        Windows in whole bars: ``start`` and ``interval`` are multiples of `step` from the session's open,
        and so is every bar's start.
    curves : ndarray of float64
        Curves at the slices' ends, one behind the other.
    decide : callable
        A module-level function ``decide(terms, seen, params) -> Decision`` that numba compiles.
    params : tuple
        A (named) tuple of scalars and arrays.
    step : int
        Length of a bar in ns.
    commission : Commission
    impact : float
        Coefficient of `exec_algos.costs.SquareRootImpact`; 0 is no impact.
    latency : int
        ns between a decision and its arrival.
    through : bool
        A limit fills only when the bar trades through it.
    recording : bool
        Keep single trades.
    threads : int, optional
        Threads to spread the orders over; all cores by default.

    Returns
    -------
    Outcome
    Trades
        Empty unless `recording`.

    Raises
    ------
    UsageError
        An order without decisions, rows that lie outside the tape, or a `decide` that closes over variables.
    """
    _check(orders, tape, curves)
    key = f"{decide.__module__}.{decide.__qualname__}:{fingerprint(decide)}:{_RULES}"  # type: ignore[arg-type]
    _DECIDES[key] = decide  # type: ignore[assignment]
    lag = -(-latency // step) * step
    space = np.concatenate([[0], np.cumsum(orders.last - orders.first if recording else np.zeros(len(orders.side), np.int64))])
    outcome, trades = _empty_outcome(len(orders.side)), _empty_trades(int(space[-1]))

    def work(variant: Variant, part: Ints) -> None:
        mine = _empty_outcome(len(part))
        _kernel(key, variant)(tape, orders.take(part), curves, params, commission, impact, lag, through, mine, space[part], trades)
        for whole, column in zip(outcome, mine, strict=True):
            whole[part] = column

    single = (orders.last - orders.first == orders.slices) & (orders.end - orders.start == orders.slices * step)
    jobs: list[tuple[Variant, Ints]] = []
    for dense in (True, False):
        chosen = np.flatnonzero(single == dense)
        pieces = min(threads or os.cpu_count() or 1, -(-len(chosen) // 64))
        variant = Variant(dense, lag > 0, commission == Commission(), recording, impact > 0)
        jobs.extend((variant, part) for part in np.array_split(chosen, pieces or 1) if len(part))
    if threads == 1 or len(jobs) < 2:
        for job in jobs:
            work(*job)
    else:
        with ThreadPoolExecutor(len(jobs)) as pool:
            list(pool.map(work, *zip(*jobs, strict=True)))
    return outcome, _compressed(trades, space)


def _empty_outcome(n: int) -> Outcome:
    return Outcome(np.zeros(n, np.int64), np.zeros(n), np.zeros(n), np.zeros(n, np.int64))


def _empty_trades(n: int) -> Trades:
    return Trades(np.zeros(0, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n), np.zeros(n))


_RULES = "".join(fingerprint(rule) for rule in (bar_budget, meet_bar, price_paid, child_fee))  # type: ignore[arg-type]


def _check(orders: Orders, tape: Tape, curves: Floats) -> None:
    if not len(orders.side):
        return
    if orders.slices.min() < 1 or orders.interval.min() < 1:
        raise UsageError("every parent order needs at least one decision and a positive interval")
    if orders.first.min() < 0 or orders.last.max() > len(tape.start) or (orders.first > orders.last).any():
        raise UsageError(f"rows of the orders lie outside the tape of {len(tape.start)} bars")
    if (orders.curve + orders.slices).max() > len(curves) or orders.curve.min() < 0:
        raise UsageError(f"curves of the orders lie outside the {len(curves)} curve values")


def _compressed(trades: Trades, space: Ints) -> Trades:
    kept = np.flatnonzero(trades.lots)
    owner = np.searchsorted(space, kept, side="right") - 1
    return Trades(owner, trades.row[kept], trades.lots[kept], trades.price[kept], trades.commission[kept])
