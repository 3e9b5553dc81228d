"""Driver 3: the compiled loop over parent orders.

It holds no algorithm and no fill rule: numba compiles the very functions that the backtest calls.
Each parent order is a world of its own; two of them never compete for one bar's volume.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from types import FunctionType
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload

from exec_algos.batch.jobs import bounds_of, jobs_of
from exec_algos.batch.tape import (
    NO_SLICE_TIMES,
    NOT_WATCHED,
    BatchOrders,
    BatchTrades,
    Outcome,
    SliceTimes,
    Tape,
    Variant,
    Watched,
    in_flight,
    look,
    slice_end,
)
from exec_algos.checks import Floats, Ints
from exec_algos.compiling import compilable, fingerprint
from exec_algos.costs import Commission, child_fee
from exec_algos.costs.charges import NO_FEES, FeeTable, is_passive, owed
from exec_algos.costs.grid import EVERY_PRICE, PriceGrid, on_tick, taken_price
from exec_algos.costs.propagator import NO_IMPACT, ImpactTable, ImpactTerms, displace, level_after, own_impact, push_of, shift_of
from exec_algos.fills.matching import (
    TOUCHED,
    UNCAPPED,
    LimitTerms,
    bar_budget,
    displaced_price,
    meet_bar,
    price_parts,
    share_budget,
    terms_at,
)
from exec_algos.model import NO_RULES, Decision, Rules, Seen, Terms
from exec_algos.model.apply import apply_rules

__all__ = ["NOT_WATCHED", "BatchOrders", "BatchTrades", "Outcome", "Tape", "Watched", "run_batch"]

Decide = Callable[[Terms, Seen, Any], Decision]


_budget: Any = njit(compilable(bar_budget))  # type: ignore[arg-type]
_share_budget: Any = njit(compilable(share_budget))  # type: ignore[arg-type]
_meet: Any = njit(compilable(meet_bar))  # type: ignore[arg-type]
_displaced: Any = njit(compilable(displaced_price))  # type: ignore[arg-type]
_terms_at: Any = njit(compilable(terms_at))  # type: ignore[arg-type]
_parts: Any = njit(compilable(price_parts))  # type: ignore[arg-type]
_shift: Any = njit(compilable(shift_of))  # type: ignore[arg-type]
_own: Any = njit(compilable(own_impact))  # type: ignore[arg-type]
_push: Any = njit(compilable(push_of))  # type: ignore[arg-type]
_level: Any = njit(compilable(level_after))  # type: ignore[arg-type]
_displace: Any = njit(compilable(displace))  # type: ignore[arg-type]
_tick: Any = njit(compilable(on_tick))  # type: ignore[arg-type]
_taken: Any = njit(compilable(taken_price))  # type: ignore[arg-type]
_fee: Any = njit(compilable(child_fee))  # type: ignore[arg-type]
_owed: Any = njit(compilable(owed))  # type: ignore[arg-type]
_passive: Any = njit(compilable(is_passive))  # type: ignore[arg-type]

FREE = Commission()
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


_seen: Any = njit(look)
_bounded: Any = njit(compilable(apply_rules))  # type: ignore[arg-type]
_flight: Any = njit(in_flight)
_end: Any = njit(slice_end)


@lru_cache(maxsize=128)
def _kernel(key: str, variant: Variant) -> Any:  # noqa: C901, PLR0915 - counts the loop inside
    dense, late, free, dated, recording, moving, watching, ruled, after, shares_only, gridded, gaps, paused = variant
    single = dense and not late

    # One loop on purpose: every call in it that passes arrays costs a third of the speed.
    def run(tape, orders, curves, times, params, commission, fees, impact, grid, lag, limit_fill, bounds, step, outcome, begins, trades):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917
        most = max(orders.slices.max(), orders.decisions.max() if paused else 1) if late else 1
        levels = np.zeros(len(impact.weights))
        asked, got, limits = np.zeros(most, np.int64), np.zeros(most, np.int64), np.zeros(most)
        for i in range(orders.side.shape[0]):
            side, n, t0, d = orders.side[i], orders.slices[i], orders.start[i], orders.interval[i]
            lot = 1.0 if shares_only else orders.lot_size[i]
            first, last = orders.first[i], orders.last[i]
            start, low, high, volume = tape.start[first:last], tape.low[first:last], tape.high[first:last], tape.volume[first:last]
            price = tape.buy[first:last] if side > 0 else tape.sell[first:last]
            curve = curves[orders.curve[i] : orders.curve[i] + n]
            law, since, level = impact.terms[orders.law[i] if len(orders.law) else 0], t0, 0.0
            pulls = ImpactTerms(law[0], law[1], law[2], law[3], law[4], law[5])
            levels[:] = 0.0
            rule = price
            if recording and len(tape.rule_buy):
                rule = tape.rule_buy[first:last] if side > 0 else tape.rule_sell[first:last]
            rate, terms, flight = orders.cap[i] / lot, Terms(side, orders.lots[i], n, lot, bounds.limit), -(-lag // d)
            pace, total, end, deadline = rate, n, orders.end[i], orders.end[i]
            if after:
                deadline = orders.deadline[i]
                if deadline > end:
                    total = n + 1 if after == 2 else n - (end - deadline) // d
            if paused:
                opens, over = times.begin[orders.times[i] :], times.end[orders.times[i] :]
                total = orders.decisions[i]
            base = first - orders.base[i] if watching else 0
            filled, notional, paid, taxed, children, at = 0, 0.0, 0.0, 0.0, 0, begins[i]
            past, child, value, traded, rested, rested_value, fee, tax, row, reach = 0, -1, 0.0, 0, 0, 0.0, 0.0, 0.0, 0, limit_fill
            reported = 0
            dues = orders.fees[i] if len(orders.fees) else 0
            for k in range(total):
                known, working = filled, 0
                if after == 2 and k == n:
                    row = _end(start, row, deadline - step)
                if late:
                    if paused:
                        while reported < k and over[reported] + lag <= opens[k]:
                            past += got[reported]
                            reported += 1
                    else:
                        if k > flight:
                            past += got[k - flight - 1]
                        reported = max(k - flight, 0)
                    known, working = _flight(asked, got, reported, k)
                    known += past
                aim = 1.0 if after and k >= n else curve[k]
                seen = Seen(k, aim, known, working, 0.0, np.nan, np.nan, np.nan, 0.0, 0.0)
                if watching:
                    seen = _seen(seen, tape.seen, first + row - 1, first - 1, base)
                left, limit = _decide(key, terms, seen, params)
                if ruled:
                    left, limit = _bounded(bounds, terms, seen, Decision(left, limit))
                    pace = UNCAPPED / lot if bounds.forced and k == n - 1 else rate
                if gridded:
                    limit = _tick(grid.ticks, limit, side < 0)
                if not single and left > 0:
                    children += 1
                if late:
                    asked[k], got[k], limits[k] = left, 0, limit
                else:
                    value, traded, rested, rested_value, fee, tax = 0.0, 0, 0, 0.0, 0.0, 0.0
                if paused:
                    until = over[k]
                else:
                    until = t0 + (k + 1) * d
                    if after:
                        until = min(until, end) if k < n else deadline if after == 2 else end + (k - n + 1) * d
                stop = row + 1 if dense else _end(start, row, until)
                for r in range(row, stop):
                    if late:
                        while child < k and (opens[child + 1] if paused else t0 + (child + 1) * d) + lag <= start[r]:
                            child += 1
                            value, traded, rested, rested_value, fee, tax = 0.0, 0, 0, 0.0, 0.0, 0.0
                        if child < 0 or (paused and start[r] >= over[child] + lag):
                            continue
                        left, limit = asked[child] - got[child], limits[child]
                    if left > 0:
                        if single:
                            children += 1
                        if gaps and np.isnan(price[r]):
                            continue
                        # not one name for either: numba's cache knows a function in the closure by an address, and compiles at each start
                        room = _share_budget(pace, volume[r]) if shares_only else _budget(pace, volume[r])
                        if gridded and limit_fill.ticks > 0:
                            reach = _terms_at(limit_fill, grid.ticks, limit)
                        if moving > 1:
                            passed = (start[r] - since) // step
                            level = _level(levels, impact.factors, passed)
                            by = _shift(level)
                            quote = price[r] * by
                            met = _meet(side, left, limit, quote, low[r] * by, high[r] * by, room, reach)
                        else:
                            quote = price[r]
                            met = _meet(side, left, limit, quote, low[r], high[r], room, reach)
                        shares, pays, cost, levy = met.lots * lot, met.price, 0.0, 0.0
                        if moving and met.lots > 0:
                            pays = _displaced(side, limit, price[r], low[r], high[r], level, _own(pulls, shares, volume[r]))
                            if gridded:
                                pays = _taken(grid.ticks, side, limit, pays, grid.lowest[first + r], grid.highest[first + r])
                        if moving > 1 and met.lots > 0:
                            _displace(levels, impact.weights, impact.factors, passed, side * _push(pulls, shares, volume[r]))
                            since += passed * step
                        left -= met.lots
                        filled += met.lots
                        notional += shares * pays
                        if dated:
                            if fees.split and _passive(side, limit, quote):
                                rested, rested_value = rested + met.lots, rested_value + shares * pays
                            else:
                                traded, value = traded + met.lots, value + shares * pays
                            owes = _owed(fees.rows, fees.begin[dues], fees.end[dues], traded * lot, value, rested * lot, rested_value)
                            levy = owes.taxes - tax
                            cost = (owes.fees - fee) + levy
                            fee, tax = owes.fees, owes.taxes
                            paid += cost
                            taxed += levy
                        elif not free:
                            value += shares * pays
                            traded += met.lots
                            due = _fee(commission, traded * lot, value)
                            cost, fee = due - fee, due
                            paid += cost
                        if late:
                            got[child] += met.lots
                        if recording and met.lots > 0:
                            made = _parts(side, limit, rule[r], price[r], pays, low[r], high[r])
                            trades.row[at], trades.lots[at], trades.price[at], trades.commission[at] = first + r, met.lots, pays, cost
                            trades.taxes[at] = levy
                            trades.rule_price[at], trades.spread[at], trades.impact[at] = made.rule_price, made.spread, made.impact
                            at += 1
                row = stop
            outcome.filled[i], outcome.notional[i], outcome.children[i] = filled, notional, children
            outcome.commission[i], outcome.taxes[i] = paid, taxed

    # numba's cache imports the module of what it has compiled: without one (a notebook's exec, a plug-in's loader) it cannot be read again.
    return njit(run, cache=inspect.getmodule(_DECIDES[key]) is not None, nogil=True)


def run_batch(  # noqa: PLR0913 - a tape, orders and the rules that join them
    tape: Tape,
    orders: BatchOrders,
    curves: Floats,
    decide: Decide,
    params: tuple[Any, ...],
    *,
    step: int,
    commission: Commission | FeeTable,
    impact: ImpactTable = NO_IMPACT,
    grid: PriceGrid = EVERY_PRICE,
    latency: int = 0,
    limits: LimitTerms = TOUCHED,
    watching: bool = False,
    rules: Rules = NO_RULES,
    times: SliceTimes = NO_SLICE_TIMES,
    recording: bool = False,
    threads: int | None = None,
) -> tuple[Outcome, BatchTrades]:
    """Work every parent order on its own.

    Parameters
    ----------
    tape : Tape
    orders : BatchOrders
        Windows in whole bars: ``start`` and ``interval`` are multiples of `step` from the session's open (or its pause's end),
        and so is every bar's start.
    curves : ndarray of float64
        Curves at the slices' ends, one behind the other.
    decide : callable
        A module-level function ``decide(terms, seen, params) -> Decision`` that numba compiles.
    params : tuple
        A (named) tuple of scalars and arrays.
    step : int
        Length of a bar in ns.
    commission : Commission or FeeTable
        A table has an entry for each value of ``orders.fees``.
    impact : ImpactTable
        Of bars of `step` ns, one row for each value of ``orders.law``; an order meets what its own executions have left.
    grid : PriceGrid
        The prices that the exchange takes in each bar of the tape. NaN in ``tape.buy`` or ``tape.sell``: that side gets nothing there.
    latency : int
        ns between a decision and its arrival.
    limits : LimitTerms
        When a bar fills a limit; ticks need those of `grid`.
    watching : bool
        `decide` looks at the market: needs ``tape.seen`` and ``orders.base``.
    rules : Rules
        Of every order.
    times : SliceTimes
        Slices of the orders that have ``orders.decisions``.
    recording : bool
        Keep single trades.
    threads : int, optional
        Threads to spread the orders over; all cores by default.

    Returns
    -------
    Outcome
    BatchTrades
        Empty unless `recording`.

    Raises
    ------
    UsageError
        An order without decisions, rows that lie outside the tape, a `decide` that closes over variables; children bounded where lots
        have several sizes, a policy that goes on without ``orders.deadline``; or latency together with a residual policy other than
        ``"cancel"``, which only the event-driven backtest works.
    """
    orders.check(tape, curves)
    bounds, after = bounds_of(orders, rules, latency)
    key = f"{decide.__module__}.{decide.__qualname__}:{fingerprint(decide)}:{_RULES}"  # type: ignore[arg-type]
    _DECIDES[key] = decide  # type: ignore[assignment]
    lag = -(-latency // step) * step
    plain, fees = (commission, NO_FEES) if isinstance(commission, Commission) else (FREE, commission)
    space = np.concatenate([[0], np.cumsum(orders.last - orders.first if recording else np.zeros(len(orders.side), np.int64))])
    outcome, trades = Outcome.empty(len(orders.side)), BatchTrades.empty(int(space[-1]))

    def work(variant: Variant, part: Ints) -> None:
        # neighbours are worked in place: copies of their columns would cost a twentieth of the time
        rows: Any = slice(part[0], part[-1] + 1) if part[-1] - part[0] == len(part) - 1 else part
        mine = Outcome._make(column[rows] for column in outcome)
        _kernel(key, variant)(
            tape, orders.take(rows), curves, times, params, plain, fees, impact, grid, lag, limits, bounds, step, mine, space[rows], trades
        )
        for whole, column in zip(outcome, mine, strict=True):
            if rows is part:
                whole[part] = column
        unpriced = _unpriced(variant, part, outcome, trades, space)
        if len(unpriced):
            work(variant._replace(gaps=True), unpriced)

    gridded = len(grid.lowest) > 0
    common = Variant(
        dense=False, late=lag > 0, free=plain == FREE, dated=fees is not NO_FEES, recording=recording, moving=impact.kind,
        watching=watching, ruled=rules != NO_RULES, after=after, shares_only=not bounds.forced, gridded=gridded, gaps=gridded,
        paused=False,
    )  # fmt: skip
    jobs = jobs_of(common, orders, step, threads)
    if threads == 1 or len(jobs) < 2:
        for job in jobs:
            work(*job)
    else:
        with ThreadPoolExecutor(len(jobs)) as pool:
            list(pool.map(work, *zip(*jobs, strict=True)))
    return outcome, trades.compressed(space)


def _unpriced(variant: Variant, part: Ints, outcome: Outcome, trades: BatchTrades, space: Ints) -> Ints:
    """Those of the rows `part` that filled at a price of NaN, without their trades; none where `variant` tests each price.

    Such a fill leaves NaN in its order's sum. To test the price at each bar would take POV from 0.65 to 0.27 of the loop by hand.
    """
    found: Ints = part[np.isnan(outcome.notional[part]) & (not variant.gaps)]
    for i in found:
        trades.lots[space[i] : space[i + 1]] = 0
    return found


_PRICES = (
    bar_budget,
    share_budget,
    meet_bar,
    displaced_price,
    price_parts,
    shift_of,
    own_impact,
    push_of,
    level_after,
    displace,
    on_tick,
    taken_price,
    terms_at,
)
_RULES = "".join(fingerprint(rule) for rule in (*_PRICES, child_fee, owed, is_passive, apply_rules, look, in_flight, slice_end))  # type: ignore[arg-type]
