"""Who may have a session: one for each app key, not while an old one lingers, and not for those that come and go too fast."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exec_algos.sim.kis.world import World

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
ANONYMOUS = ""  # who comes and goes without a key


class Seats:
    """The session of each app key at each host, and how often each came and went. Times are the venue's."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._taken: dict[tuple[bool, str], object] = {}
        self._lingers: dict[tuple[bool, str], int] = {}
        self._turns: dict[tuple[bool, str], deque[int]] = {}
        self._blocked: dict[tuple[bool, str], int] = {}

    def take(self, session: object, paper: bool, app_key: str) -> bool:
        """Give a session the seat of its app key; False where another has it, or an old one that was cut off still does."""
        key = paper, app_key
        held = self._taken.get(key)
        if (held is not None and held is not session) or self._lingers.get(key, 0) > self._world.now:
            return False
        self._taken[key] = session
        return True

    def leave(self, session: object, paper: bool, app_key: str, linger: float) -> None:
        """A session is over; its seat stays taken for `linger` seconds."""
        key = paper, app_key
        if self._taken.get(key) is session:
            del self._taken[key]
            self._lingers[key] = self._world.now + round(linger * SECOND)

    def turn(self, paper: bool, who: str) -> None:
        """Note that someone came or went; above the limit of a minute it is blocked."""
        now, key, settings = self._world.now, (paper, who), self._world.settings
        turns = self._turns.setdefault(key, deque())
        turns.append(now)
        while turns[0] <= now - MINUTE:
            turns.popleft()
        if len(turns) > settings.flaps:
            self._blocked[key] = now + round(settings.flap_block * SECOND)
            turns.clear()

    def blocked(self, paper: bool, who: str) -> bool:
        """Whether someone is blocked."""
        return self._blocked.get((paper, who), 0) > self._world.now
