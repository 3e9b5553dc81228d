"""What `check_venue` asks of reads, pages and pushed reports: a failed read raises, a part is no whole, a trade counts once."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from exec_algos.brokers.venue import Account, Book, Instrument, Report, Snapshot
from exec_algos.errors import OrderRejectedError, VenueError
from exec_algos.model import Side
from exec_algos.testing.venue_bench import AGAIN, NEARLY, SECOND, SKEW, Bench, Order
from exec_algos.testing.venue_orders import LATE, NOWHERE

FAULTS = ("lost_before", "lost_after", "error_5xx", "half_body", "reset", "rate", "outage")
MANY = tuple(range(1, 21))  # requests: some adapters repeat a read, as they may
PAGES = 25  # orders
MOST_CONNECTIONS = 20  # that may lie idle and be found dead
KINDS = {"accepted", "fill", "cancelled", "rejected"}
MINUTE = 60 * SECOND


def reads(bench: Bench) -> dict[str, Callable[[], Awaitable[Any]]]:
    """Every read of an adapter, by name."""
    venue, symbol = bench.venue, bench.symbol
    return {
        "snapshot": lambda: venue.snapshot(bench.begun, symbol),
        "book": lambda: venue.book(symbol),
        "bars": lambda: venue.bars(symbol, MINUTE),
        "history": lambda: venue.history(symbol, 1, MINUTE),
        "instrument": lambda: venue.instrument(symbol),
        "account": venue.account,
        "positions": venue.positions,
        "now": venue.now,
    }


async def try_first(bench: Bench) -> bool:
    """What is needed before anything else: instrument and book; whether they are there."""
    instrument = await bench.read("instrument", bench.venue.instrument(bench.symbol))
    book = await bench.read("book", bench.venue.book(bench.symbol))
    if not isinstance(instrument, Instrument) or not isinstance(book, Book) or not (book.bids and book.asks):
        if not bench.findings.found:
            bench.found("returns", f"instrument returned {instrument!r:.80} and book {book!r:.80}; an Instrument and quotes are needed")
        return False
    bench.instrument, bench.last = instrument, book.asks[0][0]
    for said in _wrong_book(book, bench):
        bench.found("tells another book", said)
    now = await bench.read("now", bench.venue.now())
    if now is not None and not (isinstance(now, int) and abs(now - bench.control.now) <= SKEW):
        bench.found("tells another time", f"now returned {now!r}, the venue's clock says {bench.control.now}; give ns UTC")
    account = await bench.read("account", bench.venue.account())
    if account is not None and not (isinstance(account, Account) and account.name):
        bench.found("returns", f"account returned {account!r:.80}; an Account with a name is needed, which the journal keeps")
    unknown = await bench.ask("instrument", bench.venue.instrument(NOWHERE))
    if not isinstance(unknown.error, OrderRejectedError):
        bench.found("hides a refusal", f"instrument of an unknown symbol {unknown}; raise OrderRejectedError")
    return True


def _wrong_book(book: Book, bench: Bench) -> Iterator[str]:
    bids, asks = [price for price, _ in book.bids], [price for price, _ in book.asks]
    if bids != sorted(bids, reverse=True) or asks != sorted(asks) or bids[0] >= asks[0]:
        yield f"bids {bids[:3]} and asks {asks[:3]}; give the best first, and each pair as (price, shares)"
    stamp: Any = book.time
    if not (isinstance(stamp, int) and abs(stamp - bench.control.now) <= 3600 * SECOND):
        yield f"its time is {stamp!r}, the venue's clock says {bench.control.now}; give ns UTC, and mind its zone"


async def try_reads(bench: Bench) -> None:
    """A read that fails raises `VenueError`, or was repeated and is right."""
    for name, request in reads(bench).items():
        bench.heal()
        good = await bench.ask(name, request())
        if good.error is not None:
            bench.found("a plain read fails", f"{name} raised {good.error!r} where nothing is wrong with the venue")
            continue
        if _empty(good.value):
            bench.untried.append(f"{name}: it is empty where nothing is wrong")
        for fault in FAULTS:
            await _failed_read(bench, name, fault, request, good.value)
    bench.heal()
    await bench.compare("after reads that failed")


async def _failed_read(bench: Bench, name: str, fault: str, request: Callable[[], Awaitable[Any]], good: Any) -> None:
    bench.fault("read", fault, MANY if fault != "outage" else (1,), seconds=LATE)
    outcome = await bench.ask(name, request())
    if outcome.hung:
        return
    if outcome.error is not None:
        if not isinstance(outcome.error, VenueError):
            bench.found("a failed read raises something else", f"{name} under {fault} raised {outcome.error!r}; raise VenueError")
        return
    part = isinstance(outcome.value, Snapshot) and not outcome.value.complete
    if part or _same(outcome.value, good):
        return
    kind = "takes a failed read for nothing" if _empty(outcome.value) else "takes a failed read for an answer"
    bench.found(kind, f"{name} under {fault} {outcome}; a read that fails raises VenueError, and is empty only where the venue said so")


def _empty(value: Any) -> bool:
    if isinstance(value, Snapshot):
        return not value.orders
    if isinstance(value, Book):
        return not (value.bids or value.asks)
    return value is None or (isinstance(value, Mapping | tuple | list) and not value) or (isinstance(value, int | float) and not value)


def _same(value: Any, good: Any) -> bool:
    """Whether two answers say the same; the time at which they were given may differ."""
    if type(value) is not type(good):
        return False
    if isinstance(good, np.ndarray):
        return np.array_equal(value, good, equal_nan=good.dtype.kind == "f")
    if is_dataclass(good):
        names = [field.name for field in fields(good) if field.name not in {"as_of", "time"}]
        return all(_same(getattr(value, name), getattr(good, name)) for name in names)
    if isinstance(good, float):
        return value == good or (math.isnan(value) and math.isnan(good))
    if isinstance(good, tuple):
        return len(value) == len(good) and all(_same(*pair) for pair in zip(value, good, strict=True))
    return bool(value == good) or (isinstance(good, int) and abs(value - good) < MINUTE and good > SECOND)  # a clock ran on


async def try_pages(bench: Bench) -> None:
    """More orders than a page holds; a page that fails; rows twice and late."""
    for _ in range(PAGES):
        if await bench.sent(rest=True) is None:
            return
        bench.pass_time(1)
    await bench.compare(f"of {PAGES} orders more")
    for fault in ("error_5xx", "half_body", "lost_before"):
        bench.fault("orders", fault, MANY[1:])  # the first page comes
        outcome = await bench.ask("snapshot", bench.venue.snapshot(bench.begun, bench.symbol))
        bench.heal()
        if isinstance(outcome.value, Snapshot):
            bench.judge(outcome.value, f"after a page that failed ({fault})", bench.begun)
        elif outcome.error is not None and not isinstance(outcome.error, VenueError):
            bench.found("a failed read raises something else", f"snapshot raised {outcome.error!r}; raise VenueError")
    bench.fault("orders", "double_row", MANY)
    await bench.compare("where the venue gives a row twice")
    bench.fault("send", "rows_late", seconds=LATE)
    outcome = await bench.ask("send", bench.venue.send(bench.intent(rest=True)))
    bench.heal()
    bench.pass_time(LATE + 1)
    await bench.compare("after a row came late")


async def try_trades(bench: Bench) -> None:
    """Partial fills over time, as rows and as reports; reports twice, lost, and before the answer."""
    for fault, classes in (("", ""), ("duplicate_report", "push"), ("early_report", "send"), ("push_lost", "push")):
        bench.heal()
        await bench.settle(3 * AGAIN)  # the stream may have ended with an outage: it is there again
        if fault:
            bench.fault(classes, fault, MANY if classes == "push" else (1,))
        placed = await bench.sent(quantity=20 * bench.quantity)
        if placed is None:
            continue
        for _ in range(4):
            bench.pass_time(20)
            await bench.compare(f"while an order trades{' under ' + fault if fault else ''}")
        bench.heal()
        if bench.venue.caps.push:
            await bench.settle()
            _judge_reports(bench, placed.venue_id, fault)
        if len(bench.executions(bench.known[placed.venue_id])) < 2:
            bench.untried.append(f"trades in parts: {20 * bench.quantity:g} shares traded at once; give a larger quantity")


def _judge_reports(bench: Bench, venue_id: str, fault: str) -> None:
    """What the reports of an order come to."""
    when = f"under {fault}" if fault else "where nothing is wrong"
    fills = [report for report in bench.reports if report.venue_id == venue_id and report.kind == "fill"]
    executions = bench.executions(bench.known[venue_id])
    true, value = _sums([(float(trade["quantity"]), float(trade["price"])) for trade in executions])
    named = {report.execution_id: report for report in fills if report.execution_id}
    counted, worth = _sums([(report.quantity, report.price) for report in named.values()])
    if any(not report.execution_id for report in fills):
        totals = [report.filled for report in fills if not report.execution_id]
        if any(math.isnan(total) for total in totals):
            bench.found("reports cannot be told apart", f"{when}: a fill has neither an execution id nor a cumulative quantity")
            return
        counted, worth = max(totals), math.nan
    if counted > true + NEARLY:
        ids = ", ".join(sorted(named)[:3])
        said = f"{when}: reports of {counted:g} shares under different ids ({ids} ...), the order got {true:g}; give the venue's own ids"
        bench.found("counts a trade twice", said)
    elif fault != "push_lost" and counted < true - NEARLY:
        bench.found("loses reports", f"{when}: reports of {counted:g} shares, the order got {true:g}")
    elif fault != "push_lost" and not math.isnan(worth) and not math.isclose(worth, value, rel_tol=NEARLY):
        bench.found("tells another price", f"{when}: reports are worth {worth:g}, its trades {value:g}")


def _sums(trades: list[tuple[float, float]]) -> tuple[float, float]:
    return math.fsum(shares for shares, _ in trades), math.fsum(shares * price for shares, price in trades)


def judge_every_report(bench: Bench) -> None:
    """What is wrong with single reports."""
    orders = bench.orders()
    for report in bench.reports:
        for said in _wrong_report(report, orders, bench):
            bench.found("a report makes no sense", f"{said}: {report}")
    if bench.venue.caps.push and not bench.reports:
        bench.found("loses reports", f"caps.push is True, and reports() gave none; it {(bench.ends or ['waits'])[-1]}")


def _wrong_report(report: Any, orders: Mapping[str, Order], bench: Bench) -> Iterator[str]:
    if not isinstance(report, Report):
        yield f"{report!r:.80} is no Report"
        return
    if report.kind not in KINDS:
        yield f"kind must be one of {', '.join(sorted(KINDS))}"
    order = orders.get(bench.known.get(report.venue_id, report.venue_id))
    if order is None and not report.own_id and report.kind != "rejected":
        yield "it names no order of ours: its venue_id is not what send returned"
    if order is not None and (report.symbol != order["symbol"] or report.side is not Side.of(order["side"])):
        yield f"the order is {order['side']} {order['symbol']}"
    if report.kind == "fill" and not (report.quantity > 0 and report.price > 0):
        yield "a fill needs quantity and price above 0"
    if not bench.begun - SKEW <= report.time <= bench.control.now + SKEW:
        yield "its time is not that of the venue; give ns UTC, and mind its zone"


async def try_reconnect(bench: Bench) -> None:
    """The venue ends every connection: reports end, reads go on, and nothing was sent."""
    before, ends = len(bench.orders()), len(bench.ends)
    bench.control.drop()
    await bench.settle()
    if bench.venue.caps.push and len(bench.ends) == ends:
        bench.found("hides a lost connection", "the venue ended the stream, and reports() waits on; let it end, or raise VenueError")
    for _ in range(MOST_CONNECTIONS):
        if (await bench.ask("now", bench.venue.now())).error is None:
            break
    await bench.compare("after the venue ended every connection")
    if len(bench.orders()) != before:
        bench.found("sends again", f"{len(bench.orders()) - before} orders were placed when the venue ended every connection")
    reports = len(bench.reports)
    await bench.sent(rest=True)
    await bench.settle(3 * AGAIN)
    if bench.venue.caps.push and len(bench.reports) == reports:
        bench.found("cannot listen again", f"reports() was called again after its stream {bench.ends[-1:]}, and an order gave no report")


async def try_next_day(bench: Bench) -> None:
    """Orders of yesterday are over, and those of today are told apart from them."""
    yesterday, before = dict(bench.known), bench.control.now
    bench.pass_time(24 * 3600)
    await bench.compare("on the next day, of all orders")
    now = await bench.read("now", bench.venue.now())
    if isinstance(now, int) and now - before < 23 * 3600 * SECOND:
        bench.found("tells another time", f"now moved {(now - before) / 3600e9:.1f} hours where the venue's moved 24")
    today, orders = bench.control.now, set(bench.orders())
    outcome = await bench.ask("send", bench.venue.send(bench.intent(rest=True)))
    new = [venue_id for venue_id in bench.orders() if venue_id not in orders]
    accepted = getattr(outcome.value, "venue_id", None)
    if accepted is None or len(new) != 1:
        bench.untried.append(f"orders of the next day: send {outcome}")
        return
    if accepted in yesterday:
        bench.found(
            "gives two orders one id", f"{accepted!r} named an order of the day before; add the date to ids that begin anew each day"
        )
    bench.known[accepted] = new[0]
    await bench.compare("on the next day, of today's orders", since=today)
