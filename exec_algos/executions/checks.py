"""Which fills and orders count: each that does not is listed with row, value and reason; an order counts whole or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exec_algos.checks import Ints
from exec_algos.executions.cells import MISSING, cell, known_times
from exec_algos.executions.filled import Filled
from exec_algos.executions.form import DATE, FillForm
from exec_algos.executions.joined import Joined
from exec_algos.executions.market import SLACK, Market
from exec_algos.executions.refused import FILLS, ORDERS, RefusedRow
from exec_algos.executions.twins import Twice, find_twice
from exec_algos.executions.written import WrittenFills
from exec_algos.market.calendars import DAY
from exec_algos.studies.design.imports import Refused, windows_text
from exec_algos.studies.design.written.cells import Unread
from exec_algos.studies.design.written.form import ORDER_ID

Flags = npt.NDArray[np.bool_]
Rule = tuple[Flags, str, str]  # where, the field whose cell is shown, why
OrderRule = tuple[Flags, Callable[[int], str], str]  # where, what is shown of an order, why


class FillChecks(NamedTuple):
    """What was found of fills: those that are refused, and those that stand twice.

    Attributes
    ----------
    refused : ndarray of bool, shape (n_fills,)
    rows : list of RefusedRow
    twice : Twice
    """

    refused: Flags
    rows: list[RefusedRow]
    twice: Twice


def symbols_of(fills: WrittenFills, market: Market) -> Ints | None:
    """The symbol of each fill by number of the bars; -1 for one that they do not have."""
    if fills.symbol is None:
        return None
    known = {symbol: i for i, symbol in enumerate(market.bars.symbols)}
    return np.array([known.get(word, -1) for word in fills.symbol.words], dtype=np.int64)[fills.symbol.codes]


def day_of(fills: WrittenFills, market: Market) -> Ints:
    """The session of each fill by number; -1 where the exchange is closed, or no time is known."""
    if fills.time is None:
        return np.full(len(fills), -1, dtype=np.int64)
    known = fills.time != MISSING
    return np.where(known, market.sessions.locate(market.inside(np.where(known, fills.time, 0))), -1)


def check_fills(found: Joined, market: Market, form: FillForm) -> FillChecks:
    """Fills that cannot be: what stands there, and why; the first reason of each."""
    fills = found.fills
    assert fills is not None
    day, own = day_of(fills, market), symbols_of(fills, market)
    twice = find_twice(fills, day, _order_symbols(found, market) if own is None else own)
    reasons: dict[int, Unread] = dict(fills.wrong)
    places = form.places(fills.table.names)
    for where, field, why in _rules(found, fills, market, day, own, twice):
        for row in np.flatnonzero(where & ~twice.dropped).tolist():
            if row not in reasons:
                reasons[row] = Unread(_shown(fills, places, field, row), why)
    refused = np.zeros(len(fills), dtype=bool)
    refused[list(reasons)] = True
    rows = [RefusedRow(FILLS, int(fills.numbers[row]), *why) for row, why in sorted(reasons.items())]
    return FillChecks(refused & ~twice.dropped, rows, twice)


def _rules(found: Joined, fills: WrittenFills, market: Market, day: Ints, own: Ints | None, twice: Twice) -> Iterator[Rule]:
    """What a fill must keep, in sequence."""
    symbol = own if found.built else _order_symbols(found, market)
    if symbol is None:
        return
    yield from ([(own < 0, "symbol", "the bars have no such symbol")] if found.built and own is not None else _of_order(found, fills))
    yield twice.contradicted, "fill_id", "another fill has this fill_id and says something else"
    if fills.time is None:
        return
    timed = fills.time != MISSING
    if not found.built:
        yield from _in_window(found, fills.time, market, (found.parent >= 0) & timed)
    reached = (fills.time >= market.sessions.open[0] - DAY) & (fills.time <= market.sessions.close[-1] + DAY)
    yield timed & ~reached, "time", "the bars have no session at that time"
    yield timed & (day < 0), "time", "the exchange is closed then"
    price = fills.costs.get("rule_price", fills.price)  # spread and impact of a simulated fill may carry it beyond the bars
    looked = np.flatnonzero((symbol >= 0) & (day >= 0) & ~np.isnan(price))
    outside = np.zeros(len(fills), dtype=bool)
    outside[looked] = market.is_outside(price[looked], symbol[looked], day[looked], day[looked])
    yield outside, "price", "the price lies outside the lowest and the highest of its session's bars"


def _order_symbols(found: Joined, market: Market) -> Ints:
    """The symbol of each fill's order by number of the bars; -1 where there is none."""
    known = {name: i for i, name in enumerate(market.bars.symbols)}
    return np.append([known.get(name, -1) for name in found.orders.written.symbols], -1).astype(np.int64)[found.parent]


def _of_order(found: Joined, fills: WrittenFills) -> Iterator[Rule]:
    """A fill has an order, and says the same of symbol and side, where it says anything."""
    written, has = found.orders.written, found.parent >= 0
    if fills.order is not None:
        blank = np.array([not word for word in fills.order.words], dtype=bool)[fills.order.codes]
        yield blank, ORDER_ID, "the fill has no order_id"
        yield ~has & ~blank, ORDER_ID, "no order has this order_id"
    if fills.symbol is not None:
        texts = np.append(np.array(written.symbols, dtype=object), "")[found.parent]
        yield has & (fills.symbol.whole() != texts), "symbol", "its order is of another symbol"
    if fills.side is not None:
        sides = np.append([0 if isinstance(side, Unread) else side for side in written.sides], 0)[found.parent]
        yield has & (sides != 0) & (fills.side != sides), "side", "its order is of the other side"


def _in_window(found: Joined, time: Ints, market: Market, has: Flags) -> Iterator[Rule]:
    written, parent = found.orders.written, found.parent
    start, end = (np.append(known_times(times), MISSING)[parent] for times in (written.starts, written.ends))
    cancel = np.append(found.orders.cancel, MISSING)[parent]
    yield has & (start != MISSING) & market.is_before(time, start), "time", "the fill is before its order"
    yield has & (cancel != MISSING) & ~market.is_before(time, cancel), "time", "the fill is after its order was cancelled"
    own = np.append(found.orders.has_end, False)[parent]
    yield has & own & (end != MISSING) & ~market.is_before(time, end), "time", "the fill is after its order's end"


def _shown(fills: WrittenFills, places: Mapping[str, int], field: str, row: int) -> str:
    """What stands in the cell of a field."""
    if field not in places:
        return ""
    text = cell(fills.table.columns[places[field]], row)
    return f"{cell(fills.table.columns[places[DATE]], row)} {text}" if field == "time" and DATE in places else text


class OrderChecks(NamedTuple):
    """Orders that are left out, by place, shape (n_orders,).

    Attributes
    ----------
    left_out : ndarray of bool
    rows : list of RefusedRow
    """

    left_out: Flags
    rows: list[RefusedRow]


def check_orders(found: Joined, filled: Filled, refused: Sequence[Refused], checks: FillChecks | None, market: Market) -> OrderChecks:
    """Orders that are left out, each with the first reason why.

    Parameters
    ----------
    found : Joined
    filled : Filled
    refused : sequence of Refused
        Rows of which `exec_algos.studies.design.imports.Checks` makes no order.
    checks : FillChecks, optional
    market : Market
    """
    orders, written = found.orders, found.orders.written
    reasons: dict[int, Unread] = {}
    for row in refused:
        reasons.setdefault(int(written.places(row.row)), Unread(row.value, row.reason))
    for at, unread in orders.wrong.items():
        reasons.setdefault(at, unread)
    for at, number in _with_refused_fills(found, checks):
        why = f"row {number} of the fills is refused, and without it the average price of this order would be wrong"
        reasons.setdefault(at, Unread(_name(found, at), why))
    for where, texts, why in (*_shared(found), *_amounts(found, filled), *_moments(found, market), *_averages(found, filled, market)):
        for at in np.flatnonzero(where).tolist():
            reasons.setdefault(at, Unread(texts(at), why))
    left_out = np.zeros(len(orders), dtype=bool)
    left_out[list(reasons)] = True
    return OrderChecks(left_out, [RefusedRow(ORDERS, int(written.numbers[at]), *why) for at, why in sorted(reasons.items())])


def _with_refused_fills(found: Joined, checks: FillChecks | None) -> Iterator[tuple[int, int]]:
    """Orders that have refused fills, each with the row of the first."""
    if checks is None or found.fills is None:
        return
    rows = np.flatnonzero(checks.refused & (found.parent >= 0))
    orders, first = np.unique(found.parent[rows], return_index=True)
    yield from zip(orders.tolist(), found.fills.numbers[rows[first]].tolist(), strict=True)


def _name(found: Joined, at: int) -> str:
    ids = found.orders.written.kept.get(ORDER_ID)
    return ids[at] if ids else found.orders.written.as_written[at][1]


def _shared(found: Joined) -> Iterator[OrderRule]:
    """Orders that share an id, the first of them too: nobody knows whose the fills are."""
    ids = found.orders.written.kept.get(ORDER_ID)
    if found.fills is None or ids is None:
        return
    counts = Counter(ids)
    where = np.array([counts[name] > 1 for name in ids], dtype=bool)
    yield where, lambda at: ids[at], "another order has this order_id too, so that nobody knows whose the fills are"


def _amounts(found: Joined, filled: Filled) -> Iterator[OrderRule]:
    orders = found.orders
    ordered = np.array([np.nan if isinstance(q, Unread) else q for q in orders.written.quantities], dtype=np.float64)
    ordered = ordered * orders.ratio
    over = filled.shares > ordered * (1 + SLACK)
    yield over, lambda at: f"{filled.shares[at]:.15g} of {ordered[at]:.15g}", "more was filled than was ordered"
    said, price = orders.filled, orders.average_price
    yield said < 0, lambda at: f"{said[at]:.15g}", "filled must not be below 0"
    of_fills = np.zeros(len(orders), dtype=bool)
    of_fills[found.parent[found.parent >= 0]] = True
    other = of_fills & ~np.isnan(said) & ~np.isclose(said, filled.shares, rtol=SLACK, atol=0.0)
    yield other, lambda at: f"{said[at]:.15g}", "it says that it filled another quantity than its fills sum to"
    none = (said > 0) & ~(price > 0) & (filled.shares == 0)
    yield none, lambda at: _number(price[at]), "average_price must be a positive number where something was filled"


def _moments(found: Joined, market: Market) -> Iterator[OrderRule]:
    orders = found.orders
    start = known_times(orders.written.starts)
    late = (orders.decided != MISSING) & (start != MISSING) & (orders.decided > start)
    yield late, lambda at: _clock(orders.decided[at], market), "it was decided after it started"
    early = (orders.cancel != MISSING) & (start != MISSING) & (orders.cancel <= start)
    yield early, lambda at: _clock(orders.cancel[at], market), "it was cancelled before it started"


def _averages(found: Joined, filled: Filled, market: Market) -> Iterator[OrderRule]:
    """Average prices that no trade of their sessions can make; single fills are looked at one by one."""
    written, sessions = found.orders.written, market.sessions
    known = {name: i for i, name in enumerate(market.bars.symbols)}
    symbol = np.array([known.get(name, -1) for name in written.symbols], dtype=np.int64)
    start, end = known_times(written.starts), known_times(written.ends)
    first, last = sessions.all_at_or_after(start), sessions.all_at_or_after(end - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        average = filled.notional / filled.shares
    looked = ~filled.single & (filled.shares > 0) & (symbol >= 0) & (start != MISSING) & (end > start) & (first < len(sessions))
    rows, outside = np.flatnonzero(looked), np.zeros(len(found.orders), dtype=bool)
    outside[rows] = market.is_outside(average[rows], symbol[rows], first[rows], np.minimum(last[rows], len(sessions) - 1))
    why = "the average price lies outside the lowest and the highest of its sessions' bars"
    yield outside, lambda at: f"{average[at]:.15g}", why


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.15g}"


def _clock(instant: int, market: Market) -> str:
    at = np.array([instant])
    return str(windows_text(at, at, market.sessions.zone)[0]).partition(" to ")[0]
