"""Executors and an algorithm of a desk's own, in a module that worker processes can import."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from exec_algos import OrderExecutor, Side
from exec_algos.algorithms import Algorithm
from exec_algos.algorithms.curve import follow_curve
from exec_algos.algorithms.twap import TWAP
from exec_algos.executors import AlgorithmExecutor


class OwnTWAP(OrderExecutor):
    """TWAP by way of another executor."""

    async def execute(self, ticker, total_quantity, *, start, end, side, lot_size, interval=60.0):
        algorithm = TWAP(slice_interval_seconds=interval)
        return await AlgorithmExecutor(self.broker).execute(
            ticker, total_quantity, algorithm, start=start, end=end, side=side, lot_size=lot_size
        )


class AtOnce(OrderExecutor):
    """Some times the order in one child, on the side it is told or always to buy."""

    async def execute(self, ticker, total_quantity, *, start, end, side, times=1, always_buy=0):
        await self.broker.clock.sleep_until(start)
        fills = [await self.broker.place_order(ticker, total_quantity, side=Side.BUY if always_buy else side) for _ in range(times)]
        await self.broker.clock.sleep_until(end)
        return fills


class Stumbles(OrderExecutor):
    async def execute(self, ticker, total_quantity, *, start, end, side):
        raise ValueError("no venue")


class Deaf(OrderExecutor):
    async def execute(self, ticker, total_quantity, *, duration_minutes):
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Late(Algorithm):
    """More at the end, by so much."""

    haste: float = 2.0

    name: ClassVar[str] = "late"

    @property
    def decide(self):
        return follow_curve

    def weights(self, profile):
        return profile * np.linspace(1.0, self.haste, len(profile))
