"""The demo: ``python -m exec_algos.executors`` works one TWAP and one VWAP order in a synthetic market."""

from __future__ import annotations

import asyncio
import logging

from exec_algos.brokers.simulated import SimulatedBroker
from exec_algos.executors import TWAPExecutor, VWAPExecutor


async def main() -> None:
    """Work both orders, one after the other."""
    broker = SimulatedBroker(commission_rate=0.00015)
    await TWAPExecutor(broker).execute("AAPL", 100, duration_minutes=5, slice_interval_seconds=60)
    await VWAPExecutor(broker).execute("AAPL", 500, slice_interval_seconds=1800)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    asyncio.run(main())
