"""A rehearsal venue in a thread of the tests: the real server, without the second that a process takes to start."""

import asyncio
import threading
from contextlib import contextmanager

import numpy as np
import pandas as pd

from exec_algos.market.calendars import sessions
from exec_algos.market.synthetic import synthetic_bars
from exec_algos.sim.desk import DeskSettings
from exec_algos.sim.exchange import Exchange
from exec_algos.sim.recorded import RecordedMarket
from exec_algos.sim.server import VenueServer
from exec_algos.sim.settings import ExchangeSettings
from exec_algos.testing.rehearsal import Control

BARS = synthetic_bars(["ANY"])
HOURS = sessions("XNYS", int(BARS.start[0]), int(BARS.start[-1]) + 1)


def instant(text):
    return int(pd.Timestamp(text, tz="America/New_York").value)


class Closing(Control):
    """Where no answer comes it ends the connection, so that no test waits for a time-out."""

    def faults(self, script=(), **more):
        super().faults(script, **({"hang": False} | more))


@contextmanager
def rehearsed(start="2025-12-18 11:00", *, speed=60.0, control=Closing, **desk):
    """A venue around one symbol, ANY; gives its URL and a control."""
    held = np.unique(HOURS.locate(BARS.start))
    market = RecordedMarket(BARS, HOURS.take(held[held >= 0]), ExchangeSettings(seed=1))
    settings = DeskSettings(zone=BARS.zone, calendar="XNYS", **desk)
    loop, ready = asyncio.new_event_loop(), threading.Event()
    server = VenueServer(Exchange(market, instant(start)), speed, settings)

    async def serve():
        await server.open()
        ready.set()

    def run():
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    controlled = control(server.url)
    try:
        yield server.url, controlled
    finally:
        controlled.close()
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
