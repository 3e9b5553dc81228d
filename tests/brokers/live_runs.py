"""A live broker over the small venue, in virtual time, and what its tests do again and again."""

import asyncio
import math
from contextlib import asynccontextmanager

from paper_venue import PaperVenue
from virtual_time import SECOND, VirtualWallClock

from exec_algos.brokers.live import LiveBroker
from exec_algos.brokers.records import NoJournal, NoLimits
from exec_algos.brokers.settings import LiveSettings
from exec_algos.errors import JournalError
from exec_algos.model import ParentOrder, Side


class Journal:
    """Keeps entries in memory; a write takes as long as a disk does. `full` is when the disk is."""

    def __init__(self):
        self.entries, self.written, self.full = [], 0, False
        self.broken = ""

    async def write(self, entry):
        self.note(entry)
        await asyncio.sleep(0.005)
        self.written = len(self.entries)

    def note(self, entry):
        if self.full:
            raise JournalError("day.db cannot be written: no space left; make room")
        self.entries.append(entry)

    def of(self, kind):
        return [entry for entry in self.entries if entry.kind == kind]


@asynccontextmanager
async def live(children=(), *, settings=None, venue=None, start=True, journal=None, limits=None, **options):
    venue = venue or PaperVenue(VirtualWallClock(), **options)
    settings = settings or LiveSettings(confirm_lead=0, calendar="XKRX")
    broker = LiveBroker(venue, clock=venue.clock, journal=journal or NoJournal(), limits=limits or NoLimits(), settings=settings)
    if start:
        await broker.start(children)
    try:
        yield broker, venue
    finally:
        await broker.aclose()


def parent_of(broker, quantity=100, symbol="A", side=Side.BUY, seconds=600, **more):
    now = broker.clock.now
    return broker.open_parent(
        ParentOrder(symbol=symbol, side=side, quantity=quantity, start=now, end=now + seconds * SECOND, interval=60 * SECOND, **more)
    )


def send(broker, lots=20, seconds=30.0, limit=math.nan, parent=None, **more):
    parent = parent or parent_of(broker)
    return broker.send_order(parent, lots, limit, broker.clock.now + round(seconds * SECOND), **more)


async def over(broker, child, seconds=200):
    until = broker.clock.now + seconds * SECOND
    while not child.done():
        assert broker.clock.now < until, (child.state, broker.alerts)
        await asyncio.sleep(0.1)
