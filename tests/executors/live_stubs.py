"""Brokers of an author who knows only the published calls: under asyncio, in virtual time, so that no test waits."""

import asyncio

import pandas as pd
from small_markets import MINUTE, ZONE, at

from exec_algos import BrokerAPI, Fill
from exec_algos.clock.queue import EventQueue
from exec_algos.clock.virtual import Pump, VirtualClock
from exec_algos.model import DAY, SECOND, Observed, Session


class Stub(BrokerAPI):
    """Fills each child whole at 10.0, half a minute after it came; `act` says what happens to the n-th."""

    def __init__(self, now="09:30"):
        queue = EventQueue(at(now))
        self.time = VirtualClock(queue, Pump(queue))
        self.sent, self.bought = [], 0  # (time, ref, shares, expires) of each child, and shares that the venue has

    @property
    def clock(self):
        return self.time

    def session(self, instant):
        day = at("09:30") + max((instant - at("16:00")) // DAY + 1, 0) * DAY
        return Session(day, day + 390 * MINUTE, ZONE)

    async def place_order(self, ticker, quantity, order_type="MKT", limit_price=None, *, side="BUY", expires=None, parent=None, ref=""):
        self.sent.append((self.clock.now, ref, quantity, expires))
        return await self.act(len(self.sent), quantity, side, expires)

    async def act(self, number, quantity, side, expires):
        await self.clock.sleep_until(self.clock.now + 30 * SECOND)
        return self.fill(quantity, side)

    def fill(self, quantity, side="BUY"):
        self.bought += quantity
        return Fill(self.clock.now, "X", quantity, 10.0 if quantity else float("nan"), side=side, zone=ZONE)

    async def observe(self, ticker):
        return Observed(0.0, 10.0, 9.99, 10.01, 100.0, 100.0)

    async def cancel_order(self, order_id):
        return False

    async def get_historical_volume_profile(self, ticker, days=5):
        minutes = pd.date_range("09:30", periods=390, freq="min").time
        return pd.Series([1 / 390] * 390, index=minutes)

    async def get_market_depth(self, ticker):
        return {"bid": 9.99, "ask": 10.01, "bid_volume": 100.0, "ask_volume": 100.0}


def run(coroutine):
    return asyncio.run(coroutine)


def books(order):
    """Ordered, filled, working, unknown, cancelled, residual; the first is the sum of the others."""
    found = order.ordered, order.filled, order.working, order.unknown, order.cancelled, order.residual
    assert abs(found[0] - sum(found[1:])) < 1e-9 * max(found[0], 1)
    return found


def sums(summary):
    """Filled, unknown, residual of a summary; with what was ordered as their sum."""
    found = summary["total_quantity"], summary["unknown"], summary["residual"]
    assert abs(summary["ordered_quantity"] - sum(found)) < 1e-9 * summary["ordered_quantity"]
    return found
