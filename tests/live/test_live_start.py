"""Whose orders they are is looked at before any of them is touched."""

import asyncio
import math

import pytest

from exec_algos import ParentOrder, Side
from exec_algos.brokers.child import LiveChild
from exec_algos.brokers.live import LiveBroker
from exec_algos.brokers.records import Entry, Kind
from exec_algos.brokers.rehearsal import RehearsalVenue, rehearsal_clock
from exec_algos.errors import UsageError
from exec_algos.market.synthetic import synthetic_bars
from exec_algos.model.lifecycle import Event
from exec_algos.testing.rehearsal import rehearsal


class Kept:
    """A journal in memory."""

    def __init__(self):
        self.entries = []

    async def write(self, entry: Entry) -> None:
        self.entries.append(entry)

    def note(self, entry: Entry) -> None:
        self.entries.append(entry)


@pytest.fixture(scope="module")
def venue():
    with rehearsal(synthetic_bars(["ANY"]), start="2025-12-22 10:00", calendar="XNYS", speed=60.0) as running:
        yield running


def test_what_a_check_raises_ends_the_start_before_anything_is_done(venue):
    async def case():
        journal = Kept()
        broker = LiveBroker(RehearsalVenue(venue.url), clock=await rehearsal_clock(venue.url), journal=journal)
        seen = []

        async def refuse(account):
            seen.append(account.name)
            raise UsageError("another account")

        child = LiveChild("P1.1.0.1", _parent(), 5, math.nan, 10**19)
        child.on(Event.SEND)
        with pytest.raises(UsageError, match="another account"):
            await broker.start([child], check=refuse)
        assert seen == ["rehearsal-1"]
        assert child.state == "sent"
        assert [entry for entry in journal.entries if entry.kind is not Kind.ALERT] == []

    asyncio.run(case())


def _parent():
    return ParentOrder(symbol="ANY", side=Side.BUY, quantity=10, start=0, end=10**19, interval=1, ref="P1")
