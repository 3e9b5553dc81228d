"""A session at a rehearsal venue: all accepted or none, worked to the end, stopped, resumed, cancelled; what stops it before it sends."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from exec_algos.algorithms import parse_algorithm
from exec_algos.brokers.live import LiveBroker
from exec_algos.brokers.records import Entry, Kind
from exec_algos.brokers.rehearsal import RehearsalVenue, rehearsal_clock
from exec_algos.brokers.settings import LiveSettings
from exec_algos.clock import WallClock
from exec_algos.errors import JournalError, OrderRejectedError, UsageError
from exec_algos.executors.base import OrderExecutor
from exec_algos.live.journal import SqliteJournal, read
from exec_algos.live.limits import VenueLimits
from exec_algos.live.recorded import recorded
from exec_algos.live.session import LiveOrder, LiveSession
from exec_algos.market.synthetic import synthetic_bars
from exec_algos.model import SECOND
from exec_algos.model.window import Window
from exec_algos.testing.rehearsal import rehearsal

ALGO = "twap:slice_interval_seconds=8"


@pytest.fixture(scope="module")
def venue():
    with rehearsal(synthetic_bars(["ANY", "OTHER"]), start="2025-12-22 10:00", calendar="XNYS", speed=30.0) as running:
        yield running


class Desk:
    """Sessions at one account, each over the same journal."""

    def __init__(self, venue, path, account):
        self.venue, self.path, self.account, self.told = venue, path, account, []
        self.watching = None  # a task lives as long as somebody holds it

    @asynccontextmanager
    async def session(self, *, account=None, clock=None, limits=None, patience=150 * SECOND, begin=True, calendar="XNYS"):
        adapter = RehearsalVenue(self.venue.url, account=account or self.account)
        clock = clock or await rehearsal_clock(self.venue.url)
        with SqliteJournal(self.path) as journal:
            more = {"limits": limits} if limits else {}
            broker = LiveBroker(adapter, clock=clock, journal=journal, settings=LiveSettings(calendar=calendar), **more)
            session = LiveSession(broker, journal, terms={"url": self.venue.url}, patience=patience, tell=self.told.append)
            try:
                if begin:
                    await session.begin(self.found())
                yield session
            finally:
                await broker.aclose()

    def at_first_fill(self, session, act):
        """Do something as soon as a child has traded."""

        async def watch():
            while not any(carried.child.traded for carried in session.broker.state.known):
                await asyncio.sleep(0.005)
            act()

        self.watching = asyncio.ensure_future(watch())

    def found(self):
        return recorded(read(self.path))

    def truth(self):
        """Orders of this account, and shares by their refs."""
        said = self.venue.control.truth()
        orders = [order for order in said["orders"] if order["account"] == self.account]
        shares = {}
        for execution in said["executions"]:
            if execution["account"] == self.account:
                ref = execution["own_id"].partition(".")[0]
                shares[ref] = shares.get(ref, 0) + execution["quantity"]
        return orders, shares


@pytest.fixture
def desk(venue, tmp_path, request):
    venue.control.faults()
    return Desk(venue, tmp_path / "day.db", request.node.name[:60])


def order(session, ref, quantity=120, side="BUY", symbol="ANY", *, lead=2, seconds=40):
    now = session.broker.clock.now
    terms = OrderExecutor.order(symbol, quantity, side=side, ref=ref)
    return LiveOrder(parse_algorithm(ALGO), terms, Window(start=now + lead * SECOND, end=now + (lead + seconds) * SECOND))


def test_orders_are_worked_to_their_end_and_venue_journal_and_summaries_agree(desk):
    async def case():
        async with desk.session() as session:
            return await session.run([order(session, "B"), order(session, "S", 90, "SELL", "OTHER")])

    ended = asyncio.run(case())
    orders, shares = desk.truth()
    found = desk.found()
    assert ended.whole
    assert shares == {"B": 120, "S": 90}  # which takes a machine that keeps up with 30 seconds a second
    assert {ref: parent.filled for ref, parent in found.parents.items()} == shares
    assert {ref: summary["total_quantity"] for ref, summary in ended.summaries.items()} == shares
    assert {ref: parent.done["filled"] for ref, parent in found.parents.items()} == shares
    assert len(orders) == len(found.children) > 8
    assert read(desk.path)[0].kind is Kind.SESSION
    assert (found.session["venue"], found.session["account"], found.session["currency"]) == ("sim", desk.account, "USD")
    assert [line.split()[0] for line in desk.told[:2]] == ["working", "working"]
    assert sum(line.endswith("; over") for line in desk.told) == 2


def test_all_are_accepted_or_none_is_sent(desk):
    async def case():
        limits = VenueLimits(lambda _: "USD", max_child_notional=1e6, max_parent_notional=1e6)
        async with desk.session(limits=limits) as session:
            with pytest.raises(OrderRejectedError, match="max_parent_notional"):
                await session.run([order(session, "B"), order(session, "S", 1_000_000)])

    asyncio.run(case())
    orders, shares = desk.truth()
    assert (orders, shares) == ([], {})
    found = desk.found()
    assert found.parents["B"].done["reason"] == "not begun: another order was refused"
    assert found.unfinished == []
    assert [ref for _, ref, _ in found.refused] == ["S"]


def test_a_stop_withdraws_what_is_open_and_a_resumed_session_works_the_rest(desk):
    async def stopped():
        async with desk.session() as session:
            desk.at_first_fill(session, lambda: session.stop("SIGINT"))
            return await session.run([order(session, "B", 1200, seconds=120)])

    async def resumed():
        async with desk.session() as session:
            return await session.resume(desk.found())

    first = asyncio.run(stopped())
    orders, shares = desk.truth()
    assert (first.stopped, first.open) == ("SIGINT", ())
    assert [row for row in orders if row["state"] == "open"] == []
    assert 0 < shares["B"] < 1200
    assert desk.found().parents["B"].done is None
    assert any("exec-algos live resume" in line for line in first.lines("day.db"))
    before, second = shares["B"], asyncio.run(resumed())
    orders, shares = desk.truth()
    assert second.whole
    assert before < shares["B"] == desk.found().parents["B"].filled == second.summaries["B"]["total_quantity"] <= 1200
    assert len({row["own_id"] for row in orders}) == len(orders) == len(desk.found().children)
    assert len(desk.found().sessions) == 2


def test_a_resumed_session_takes_the_calendar_of_its_instruments(desk):
    async def stopped():
        async with desk.session() as session:
            desk.at_first_fill(session, lambda: session.stop("SIGINT"))
            await session.run([order(session, "B", seconds=100)])

    async def resumed():
        async with desk.session(calendar="") as session:
            return await session.resume(desk.found())

    asyncio.run(stopped())
    before = desk.found().parents["B"]
    assert before.done is None
    assert asyncio.run(resumed()).whole
    assert before.filled < desk.truth()[1]["B"] == desk.found().parents["B"].filled == 120


def test_what_is_unknown_is_found_before_anything_is_sent(desk):
    """The venue has the first child, and its answer was lost with the process; the second never left."""

    async def first():
        async with desk.session() as session:
            desk.at_first_fill(session, lambda: session.stop("SIGINT"))
            await session.run([order(session, "B", 600, seconds=120)])

    asyncio.run(first())
    entries = read(desk.path)
    last = next(entry for entry in reversed(entries) if entry.kind is Kind.INTENT)
    lost = [entry for entry in entries if entry.child == last.child and entry is not last]
    whole = desk.path
    desk.path = whole.with_name("torn.db")
    with SqliteJournal(desk.path) as journal:
        for entry in entries:
            if entry not in lost:
                journal.note(entry)
        never = Entry(Kind.INTENT, last.time, last.parent, "B.1.99.1", {**last.data, "own_id": "B.1.99.1"})
        journal.note(never)
    before = desk.found()
    assert len(before.unknown) == 2
    assert before.parents["B"].filled < desk.truth()[1]["B"]

    async def second():
        async with desk.session() as session:
            states = {carried.child.ref: str(carried.child.state) for carried in session.broker.state.known}
            return states, await session.resume(before)  # as it stood before the session began

    states, ended = asyncio.run(second())
    assert states[last.child] in ("filled", "cancelled")
    assert states["B.1.99.1"] == "not_sent"
    assert desk.found().parents["B"].filled == desk.truth()[1]["B"] == ended.summaries["B"]["total_quantity"] <= 600
    assert ended.open == ()


@pytest.mark.parametrize(("field", "value"), [("account", "A-7"), ("venue", "kis")])
def test_a_journal_of_another_account_or_venue_is_refused_and_both_are_named(desk, field, value):
    data = {"venue": "sim", "account": desk.account, field: value}
    with SqliteJournal(desk.path) as journal:
        journal.note(Entry(Kind.SESSION, 1, "", "", data))

    async def case():
        async with desk.session():
            raise AssertionError("it began")

    with pytest.raises(JournalError, match=rf"is of account {data['account']} at {data['venue']}.*account {desk.account[:20]}.* at sim"):
        asyncio.run(case())
    assert [entry.kind for entry in read(desk.path)] == [Kind.SESSION]


def test_a_clock_that_is_set_back_an_hour_stops_before_anything_is_sent(desk):
    moved = 0

    async def case():
        scaled = await rehearsal_clock(desk.venue.url)
        clock = WallClock(wall=lambda: scaled.now - moved, steady=lambda: scaled.now)

        def set_back():
            nonlocal moved
            moved = 3600 * SECOND

        async with desk.session(clock=clock) as session:
            orders = [order(session, "B", lead=10)]
            asyncio.get_running_loop().call_later(0.05, set_back)
            return await session.run(orders)

    ended = asyncio.run(case())
    assert "set back by 3600.0 s" in ended.stopped
    assert desk.truth() == ([], {})
    assert ended.parents["B"].filled == 0
    assert desk.found().unfinished


def test_a_journal_that_takes_no_more_stops_the_session_and_open_orders_are_withdrawn(desk):
    async def case():
        async with desk.session() as session:

            def fill_disk():
                session.journal._connection.execute("PRAGMA query_only = 1")

            desk.at_first_fill(session, fill_disk)
            try:
                return await session.run([order(session, "B", 1200, seconds=120)])
            finally:
                assert session.journal.broken

    with pytest.raises(JournalError, match="entries that came last are not in it"):
        asyncio.run(case())
    orders, shares = desk.truth()
    sent = len(orders)
    assert [row for row in orders if row["state"] == "open"] == []
    assert 0 < shares["B"] < 1200

    async def later():
        async with desk.session() as session:
            return await session.resume(desk.found())

    asyncio.run(later())
    orders, shares = desk.truth()
    assert len(orders) > sent or shares["B"] == 1200
    assert desk.found().parents["B"].filled == shares["B"] <= 1200


def test_whatever_breaks_a_session_open_orders_are_withdrawn_first(desk, monkeypatch):
    async def case():
        async with desk.session() as session:

            async def broken(*_):
                if any(child.state in ("open", "partial", "filled") for child in session._children()):
                    raise RuntimeError("a fault of ours")

            monkeypatch.setattr(session, "_conclude", broken)
            await session.run([order(session, "B", 1200, seconds=120)])

    with pytest.raises(RuntimeError, match="a fault of ours") as raised:
        asyncio.run(case())
    orders, shares = desk.truth()
    assert orders
    assert [row for row in orders if row["state"] == "open"] == []
    assert getattr(raised.value, "__notes__", []) == []
    assert desk.found().parents["B"].filled == shares.get("B", 0)


def test_cancel_ends_what_is_not_over_and_leaves_the_rest(desk):
    async def first():
        async with desk.session() as session:
            desk.at_first_fill(session, lambda: session.stop("SIGINT"))
            await session.run([order(session, "B", 600, seconds=120), order(session, "C", 60, seconds=120)])

    async def second():
        async with desk.session() as session:
            return await session.cancel(desk.found(), desk.found().refs("C"))

    asyncio.run(first())
    ended = asyncio.run(second())
    found = desk.found()
    assert list(ended.parents) == ["C"]
    assert any(line.startswith("working C: BUY 60 ANY") and line.count("America/New_York") == 2 for line in desk.told)
    assert found.parents["C"].done["reason"] == "cancelled by its owner"
    assert [parent.parent.ref for parent in found.unfinished] == ["B"]
    with pytest.raises(UsageError, match="unknown parent order 'Z'"):
        found.refs("Z")


def test_orders_before_the_open_are_held_against_the_close_before(venue, desk):
    async def case():
        async with desk.session() as session:
            prices = session.broker.reads.prices
            prices.clear()
            return await session.price("ANY")

    assert asyncio.run(case()) > 0


def test_a_second_stop_waits_no_longer(desk):
    async def case():
        async with desk.session() as session:
            session.stop("SIGINT")
            session.stop("SIGINT")
            begin = time.monotonic()
            ended = await session.run([order(session, "B")])
            return time.monotonic() - begin, ended

    taken, ended = asyncio.run(case())
    assert taken < 2
    assert ended.stopped == "SIGINT"
    assert desk.truth() == ([], {})
    assert ended.parents == {}
