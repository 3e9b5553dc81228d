"""Waiting for something that may happen, no longer than until an instant of the broker's clock."""

from __future__ import annotations

import asyncio
from typing import Any

from exec_algos.clock import Clock


async def wait_until(clock: Clock, awaited: asyncio.Future[Any], instant: int | None) -> bool:
    """Wait for a future, at most until `instant` (ns UTC); whether it is done. It goes on where it is not."""
    if instant is None:
        await asyncio.wait({awaited})
        return True
    nap = asyncio.ensure_future(_nap(clock, instant))
    try:
        await asyncio.wait({awaited, nap}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        nap.cancel()
    return awaited.done()


async def _nap(clock: Clock, instant: int) -> None:
    await clock.sleep_until(instant)


class Bell:
    """Wakes all who wait, in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    def ring(self) -> None:
        """Something changed."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def wait(self, clock: Clock, until: int | None = None) -> bool:
        """Wait for the next ring, at most until an instant (ns UTC); whether it rang."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            return await wait_until(clock, future, until)
        finally:
            if future in self._waiting:
                self._waiting.remove(future)
