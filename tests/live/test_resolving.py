"""A child that only a person can tell from another order: a session names both, ``live resolve`` is told which it is."""

import asyncio

import pytest
from typer.testing import CliRunner

from exec_algos.algorithms import parse_algorithm
from exec_algos.brokers.live import LiveBroker
from exec_algos.brokers.rehearsal import RehearsalVenue, rehearsal_clock
from exec_algos.brokers.settings import LiveSettings
from exec_algos.brokers.venue import Intent
from exec_algos.cli import app
from exec_algos.executors.base import OrderExecutor
from exec_algos.live.journal import SqliteJournal, read
from exec_algos.live.recorded import recorded
from exec_algos.live.session import LiveOrder, LiveSession
from exec_algos.market.synthetic import synthetic_bars
from exec_algos.model import SECOND, Side
from exec_algos.model.lifecycle import State
from exec_algos.model.window import Window
from exec_algos.testing.rehearsal import rehearsal

ACCOUNT = "desk"


@pytest.fixture(scope="module")
def venue():
    with rehearsal(synthetic_bars(["ANY"]), start="2025-12-22 10:00", calendar="XNYS", speed=30.0, client_ids=False) as running:
        yield running


async def ambiguous(venue, path):
    """A session that dies while its only child is lost on its way; then two orders like it are placed at its account by hand."""
    clock = await rehearsal_clock(venue.url)
    with SqliteJournal(path) as journal:
        broker = LiveBroker(
            RehearsalVenue(venue.url, account=ACCOUNT), clock=clock, journal=journal, settings=LiveSettings(calendar="XNYS")
        )
        session = LiveSession(broker, journal, terms={"url": venue.url, "calendar": "XNYS"}, tell=lambda line: None)
        await session.begin()
        venue.control.faults([{"on": "send", "n": 1, "fault": "lost_before"}])
        start = clock.now + 5 * SECOND
        order = OrderExecutor.order("ANY", 50, side="BUY", ref="B")
        window = Window(start=start, end=start + 60 * SECOND)
        running = asyncio.ensure_future(session.run([LiveOrder(parse_algorithm("twap:slice_interval_seconds=60"), order, window)]))
        while not any(carried.child.state is State.UNKNOWN for carried in broker.state.known):
            await asyncio.sleep(0.01)
        running.cancel()
        await broker.aclose()
    by_hand = RehearsalVenue(venue.url, account=ACCOUNT)
    await by_hand.open()
    try:
        return [(await by_hand.send(Intent(own_id="", symbol="ANY", side=Side.BUY, quantity=50))).venue_id for _ in range(2)]
    finally:
        await by_hand.close()


def said(*words):
    """What a command prints, in one line."""
    return " ".join(CliRunner().invoke(app, ["live", *map(str, words)]).output.split())


@pytest.mark.slow
def test_a_person_says_which_order_a_child_is(venue, tmp_path):
    path = tmp_path / "day.db"
    placed = asyncio.run(ambiguous(venue, path))
    (child,) = recorded(read(path)).unknown
    resumed = said("resume", path)
    assert all(name in resumed for name in (child.ref, *placed, f"exec-algos live resolve JOURNAL {child.ref} --order ID, or --none"))
    assert recorded(read(path)).unknown

    assert "either --order ID" in said("resolve", path, child.ref)
    assert "unknown child order 'B.9'" in said("resolve", path, "B.9", "--none")
    assert "no order 'V0'" in said("resolve", path, child.ref, "--order", "V0")

    said("resolve", path, child.ref, "--order", placed[1])
    (known,) = recorded(read(path)).children
    assert (known.state, known.venue_id, known.filled) == (State.FILLED, placed[1], 50)
    assert f"is filled at the venue as '{placed[1]}', so nothing is to be resolved" in said("resolve", path, child.ref, "--none")
