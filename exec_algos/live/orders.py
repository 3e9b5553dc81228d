"""Rows of orders as they were asked for, and which of them a venue can work: all is looked at before anything is sent."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import NamedTuple

from exec_algos.algorithms import parse_algorithm
from exec_algos.brokers.allowed import check_terms
from exec_algos.brokers.live import LiveBroker
from exec_algos.brokers.venue import Instrument
from exec_algos.errors import OrderRejectedError, UsageError
from exec_algos.executors.base import OrderExecutor
from exec_algos.live.session import LiveOrder, LiveSession
from exec_algos.model import DAY, ParentOrder, Rules, Side
from exec_algos.model.window import Window, shown

MOST_REF = 64
REF_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


class Asked(NamedTuple):
    """A row of a file of orders, its cells read.

    Attributes
    ----------
    row : int
        In the file: the first data row is 1.
    ref : str
        Empty where the broker is to give one.
    quantity : float
        Shares.
    start, end : int
        ns UTC.
    limit : float or None
        Currency per share.
    algorithm : str
        Text form.
    """

    row: int
    ref: str
    symbol: str
    side: Side
    quantity: float
    start: int
    end: int
    limit: float | None
    algorithm: str


class BadRow(NamedTuple):
    """A row that cannot be worked: its number, the field, what stands there, why not and what to do."""

    row: int
    field: str
    value: str
    reason: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.field} {self.value!r}: {self.reason}"


class Looked(NamedTuple):
    """What came of looking at rows: orders that can be worked, rows that cannot, and what was changed of a row, in words."""

    orders: list[LiveOrder]
    bad: list[BadRow]
    notes: list[str]


async def zone_of(symbols: Sequence[str], broker: LiveBroker) -> str:
    """The zone in which times of a file are read that name none: that of its symbols.

    Raises
    ------
    UsageError
        They are of several zones.
    """
    zones: dict[str, str] = {}
    for symbol in symbols:
        with suppress(OrderRejectedError, UsageError):  # it is said of its row
            zones[(await broker.reads.instrument(symbol)).zone] = symbol
    if len(zones) > 1:
        several = ", ".join(f"{symbol} in {zone}" for zone, symbol in zones.items())
        raise UsageError(
            f"the orders are in symbols of several zones ({several}); give a file for each, for a time without a zone is one of them"
        )
    return next(iter(zones), "UTC")


async def look_at(asked: Sequence[Asked], session: LiveSession, used: Collection[str]) -> Looked:
    """Hold each row against instrument, session, limits and the refs that are used.

    Parameters
    ----------
    asked : sequence of Asked
    session : LiveSession
        Begun.
    used : collection of str
        Refs of parent orders that the journal holds.
    """
    bad = _bad_refs(asked, used)
    orders: list[LiveOrder] = []
    notes: list[str] = []
    prices: dict[str, float] = {}
    for row in asked:
        try:
            instrument = await session.broker.reads.instrument(row.symbol)
        except (OrderRejectedError, UsageError) as error:
            bad.append(BadRow(row.row, "symbol", row.symbol, f"{error}; name a symbol of the venue"))
            continue
        found, order = _looked(row, instrument, session.broker)
        if order is not None and not found:
            if row.symbol not in prices:
                prices[row.symbol] = await session.price(row.symbol)
            found += _bad_size(row, order, session.broker, prices[row.symbol])
        bad += found
        if order is not None:
            orders.append(order)
            notes += _clipped(row, session.broker)
    return Looked(orders, sorted(bad, key=lambda line: line.row), notes)


def _bad_refs(asked: Sequence[Asked], used: Collection[str]) -> list[BadRow]:
    count, bad = Counter(row.ref for row in asked), []
    for row in asked:
        if not row.ref:
            continue
        if len(row.ref) > MOST_REF or not REF_CHARS.issuperset(row.ref):
            bad.append(BadRow(row.row, "ref", row.ref, f"a ref has at most {MOST_REF} of the signs A-Z a-z 0-9 - _; name it otherwise"))
        elif count[row.ref] > 1:
            twice = ", ".join(str(other.row) for other in asked if other.ref == row.ref and other.row != row.row)
            bad.append(BadRow(row.row, "ref", row.ref, f"row {twice} has it too; give each order its own"))
        elif row.ref in used:
            bad.append(BadRow(row.row, "ref", row.ref, "the journal has an order of this ref; give this one its own"))
    return bad


def _looked(row: Asked, instrument: Instrument, broker: LiveBroker) -> tuple[list[BadRow], LiveOrder | None]:
    """What is wrong with a row by itself, and the order that it is."""
    bad = _bad_window(row, broker)
    try:
        check_terms(instrument, row.quantity, math.nan, math.inf)
    except UsageError as error:
        bad.append(BadRow(row.row, "quantity", f"{row.quantity:g}", str(error)))
    if row.limit is not None:
        try:
            check_terms(instrument, instrument.lot_size, row.limit, math.inf)
        except UsageError as error:
            bad.append(BadRow(row.row, "limit", f"{row.limit:g}", str(error)))
    try:
        parse_algorithm(row.algorithm)
    except UsageError as error:
        bad.append(BadRow(row.row, "algo", row.algorithm, str(error)))
    if bad:
        return bad, None
    try:
        tick = None if instrument.bands else instrument.tick_size or None  # a tick that changes with the price is the venue's to check
        rules = Rules(limit_price=row.limit, tick_size=tick)
        terms = OrderExecutor.order(row.symbol, row.quantity, side=row.side, lot_size=instrument.lot_size, rules=rules, ref=row.ref)
        algorithm = parse_algorithm(row.algorithm)
        algorithm.check_order(rules, instrument.lot_size)
    except UsageError as error:
        return [BadRow(row.row, "algo", row.algorithm, str(error))], None
    return bad, LiveOrder(algorithm, terms, Window(start=max(row.start, broker.clock.now), end=row.end))


def _bad_window(row: Asked, broker: LiveBroker) -> list[BadRow]:
    now = broker.clock.now
    try:
        session = broker.session(row.start)
    except UsageError as error:
        return [BadRow(row.row, "start", str(row.start), str(error))]
    start, end, zone = shown(row.start, session.zone), shown(row.end, session.zone), session.zone
    hours = f"the session is {shown(session.open, zone)} to {shown(session.close, zone)}"
    if row.end <= row.start:
        return [BadRow(row.row, "end", end, f"it is not after the start {start}; name a later end")]
    if row.end <= now:
        return [BadRow(row.row, "end", end, f"the window is over: it is {shown(now, zone)}; name a later end")]
    bad = []
    if row.start < session.open:
        bad.append(BadRow(row.row, "start", start, f"it is outside of a session; {hours}: start within it"))
    if row.end > session.close:
        bad.append(BadRow(row.row, "end", end, f"it is beyond the session; {hours}: end within it"))
    return bad


def _bad_size(row: Asked, order: LiveOrder, broker: LiveBroker, price: float) -> list[BadRow]:
    terms = order.terms
    parent = ParentOrder(**terms._asdict(), start=row.start, end=row.end, interval=1)
    why = broker.state.limits.refuse_parent(parent, price)
    return [BadRow(row.row, "quantity", f"{row.quantity:g}", why)] if why else []


def _clipped(row: Asked, broker: LiveBroker) -> list[str]:
    """What of a window is past already; or that it begins in a later session, as one of a wrong date does."""
    now = broker.clock.now
    session = broker.session(now)
    zone = session.zone
    if row.start >= session.close:
        days = (row.start - now) / DAY
        return [f"row {row.row}: it begins {days:.1f} days from now, at {shown(row.start, zone)}; the session waits until then"]
    if row.start >= now:
        return []
    return [f"row {row.row}: its start {shown(row.start, zone)} is past, so it begins at once, at {shown(now, zone)}"]
