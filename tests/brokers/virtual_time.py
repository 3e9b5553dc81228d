"""An asyncio loop whose time is virtual: it jumps to the next timer when nothing is left to do."""

import asyncio
import selectors

from exec_algos.clock.base import WallClock

START = 1_772_503_200_000_000_000  # 2026-03-03 02:00 UTC, 11:00 in Seoul
SECOND = 1_000_000_000


class _Jumping(selectors.SelectSelector):
    loop = None

    def select(self, timeout=None):
        found = super().select(0)
        if not found:
            if timeout is None:
                raise RuntimeError("every task waits for something that never happens")
            self.loop.elapsed += max(timeout, 0)
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self.elapsed = 0.0
        selector = _Jumping()
        super().__init__(selector)
        selector.loop = self

    def time(self):
        return self.elapsed


class VirtualWallClock(WallClock):
    """A wall clock over the loop's time; `moved` seconds are what somebody set it by."""

    def __init__(self):
        self.moved = 0.0
        super().__init__(self._wall, self._steady)

    def _steady(self):
        return round(asyncio.get_running_loop().time() * SECOND)

    def _wall(self):
        return START + round(self.moved * SECOND) + self._steady()


def run(coroutine):
    """Run in virtual time; a task that is left behind is an error."""

    async def whole():
        result = await coroutine
        await asyncio.sleep(0)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert left == []
        return result

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(whole())
