"""`Following`: look-ups of orders and pushed events, as long as a live broker runs."""

from __future__ import annotations

import asyncio
from typing import Any

from exec_algos.brokers.applying import Applied, is_time
from exec_algos.brokers.cancelling import placed_of
from exec_algos.brokers.known import Carried
from exec_algos.brokers.requests import Priority
from exec_algos.brokers.resolving import Resolving
from exec_algos.brokers.state import LiveState, log
from exec_algos.brokers.venue import Snapshot, VenueAPI
from exec_algos.errors import VenueError
from exec_algos.model import SECOND
from exec_algos.model.lifecycle import State

MARGIN = 60 * SECOND  # how far back a look-up reaches beyond the oldest order that it is for
LEAST_GAP = SECOND // 4  # between look-ups that are wanted at once
SHARE = 3  # of the time between look-ups, the most that one takes: a long list is read less often
LONGEST_BACK_OFF = 30 * SECOND
WARN_APART = 3 * SECOND
WHOLE = 60 * SECOND  # at least that often all orders are looked at, those of others too, not the open ones alone
UNTOLD = 30 * SECOND  # how far a clock may be off that the venue does not tell


class Following:
    """Keeps up with the venue.

    Parameters
    ----------
    state : LiveState
    applied : Applied
    resolving : Resolving
    """

    def __init__(self, state: LiveState, applied: Applied, resolving: Resolving) -> None:
        self._state, self._applied, self._resolving = state, applied, resolving
        self._began = state.clock.now
        self._took = 0
        self._whole = -WHOLE
        self._narrow = type(state.venue).follow is not VenueAPI.follow
        self._failing = ""

    async def look(self, priority: Priority) -> bool:
        """One look-up, of all orders or of those that are open; whether it was complete."""
        state = self._state
        await state.requests.take(priority)
        began, losses = state.clock.now, state.losses
        asked = self._open() if self._may_follow(began) else None
        snapshot = await self._snapshot(asked)
        self._took = state.clock.now - began
        if snapshot is None:
            return False
        self._failing = ""
        self._applied.snapshot(snapshot)
        stale = snapshot.as_of and snapshot.as_of - state.apart < began - state.unsure - SECOND
        complete = snapshot.complete is True and not stale
        self._resolving.after_look(began, complete, snapshot.as_of, asked)
        if complete and asked is None:
            self._whole = began
        if complete and asked is None and losses == state.losses and not state.ready:
            state.ready = True
            state.gate.ring()
        return complete

    async def _snapshot(self, asked: list[Carried] | None) -> Snapshot | None:
        """What the venue says of these children, or of all orders; None where that makes no sense."""
        state, since = self._state, self._since() + self._state.apart
        method = "snapshot" if asked is None else "follow"
        try:
            if asked is None:
                snapshot: Any = await state.within(method, state.venue.snapshot(since))
            else:
                snapshot = await state.within(method, state.venue.follow([placed_of(carried.child) for carried in asked], since))
        except Exception as error:
            self._fail(f"{state.method(method)} failed: {type(error).__name__}: {error}")
            return None
        if not isinstance(snapshot, Snapshot):
            state.alert(f"{state.method(method)} gave {snapshot!r}, which is no Snapshot; it proves nothing")
        elif not is_time(snapshot.as_of):
            state.alert(f"{state.method(method)} gave a Snapshot of the time {snapshot.as_of!r}, ns UTC is needed; it proves nothing")
        else:
            return snapshot
        return None

    def _open(self) -> list[Carried]:
        """Children that are at the venue and may trade."""
        children = (carried for carried in self._state.known.active() if not carried.child.done())
        return [carried for carried in children if carried.child.venue_id or (carried.child.own_id and carried.child.sent)]

    def _may_follow(self, now: int) -> bool:
        """Whether open orders alone are looked at: nobody looks for another, and not long ago all were seen."""
        state = self._state
        looked_for = state.known.unknown() or state.known.absent() or state.doubted()
        return self._narrow and state.ready and not looked_for and 0 <= now - self._whole < WHOLE

    def _fail(self, text: str) -> None:
        if text != self._failing:
            self._failing = text
            log.warning("%s; it is asked again", text)

    def _since(self) -> int:
        state = self._state
        now, settings = state.clock.now, state.settings
        state.known.forget(over=now - settings.over, absent=now - settings.late)
        times = [carried.child.sent for carried in state.known.active() if carried.child.sent]
        return min([now, *times]) - MARGIN - state.unsure

    async def until_complete(self, attempts: int) -> None:
        """Look until a look-up is complete.

        Raises
        ------
        VenueError
            It never was.
        """
        state = self._state
        for attempt in range(attempts):
            if await self.look(Priority.LOOKUP):
                return
            await state.clock.sleep_until(state.clock.now + min(SECOND << attempt, LONGEST_BACK_OFF))
        raise VenueError(
            f"{state.caps.name} gave no complete list of its orders in {attempts} look-ups ({self._failing or 'pages were missing'}); "
            "nothing is sent: try again when it answers"
        )

    async def poll(self) -> None:
        """Look again and again, as often as open orders need it."""
        state = self._state
        while True:
            ended, gap = state.clock.now, self._pace()[0]
            while state.clock.now < ended + gap and not state.wanted:
                await state.asked.wait(state.clock, ended + gap)
                gap = self._pace()[0]
            if state.wanted:
                await state.clock.sleep_until(ended + max(LEAST_GAP, self._took))
            state.wanted = False
            if not await self._look_on():
                await state.clock.sleep_until(state.clock.now + SECOND)

    async def _look_on(self) -> bool:
        """A look-up that fails by an error of ours stops new orders; look-ups go on, for open orders must be seen to their end."""
        try:
            return await self.look(self._pace()[1])
        except Exception as error:
            self._state.fail(f"a look-up of orders failed by {type(error).__name__}: {error}; nothing is sent any more, look-ups go on")
            return False

    def _pace(self) -> tuple[int, Priority]:
        """Time to the next look-up, and its priority."""
        state, settings = self._state, self._state.settings
        children = [carried.child for carried in state.known.active()]
        if not state.ready or any(child.state is State.UNKNOWN for child in children):
            return max(settings.poll, SHARE * self._took), Priority.LOOKUP
        if any(child.sent and not child.done() for child in children):
            return max(settings.poll_beside_push if state.caps.push else settings.poll, SHARE * self._took), Priority.POLL
        return settings.idle, Priority.POLL

    async def push(self) -> None:
        """Take in what the venue pushes; connect again where the connection is lost, and look before anything is sent."""
        state, losses = self._state, 0
        while True:
            connected = state.clock.now
            why = "it ended"
            try:
                async for report in state.venue.reports():
                    losses = 0
                    self._applied.report(report)
            except Exception as error:
                why = f"{type(error).__name__}: {error}"
            if losses.bit_count() <= 1:  # a venue may be away for long: failures 1, 2, 3, 5, 9 ... in a row are told
                log.warning("%s: %s; look-ups go on, and it is opened again", state.method("reports"), why)
            losses = 1 if state.clock.now - connected > LONGEST_BACK_OFF else losses + 1
            state.lose()
            await state.clock.sleep_until(state.clock.now + min(SECOND << min(losses - 1, 5), LONGEST_BACK_OFF))
            state.lose()

    async def measure_clock(self) -> None:
        """Compare the venue's clock with ours.

        Raises
        ------
        VenueError
            The venue gave no time.
        """
        state = self._state
        await state.requests.take(Priority.LOOKUP)
        asked = state.clock.now
        said: Any = await state.within("now", state.venue.now())
        answered = state.clock.now
        if isinstance(said, bool) or not isinstance(said, int):
            raise VenueError(f"{state.method('now')} gave {said!r}, which is no time in ns UTC")
        if not said:
            state.apart, state.unsure = 0, UNTOLD
            log.warning("%s does not tell its clock: look-ups reach %d s further back", state.caps.name, UNTOLD // SECOND)
            return
        state.apart = said - (asked + answered) // 2
        state.unsure = (answered - asked) // 2 + state.caps.clock_unsure
        if abs(state.apart) - state.unsure > WARN_APART:
            state.alert(f"{state.clock_text()}; above 30 s nothing is sent: set it right")

    async def watch_clock(self) -> None:
        """Measure again from time to time."""
        state = self._state
        while True:
            await state.clock.sleep_until(state.clock.now + state.settings.clock_check)
            try:
                await self.measure_clock()
            except Exception as error:
                log.warning("the clock of %s cannot be read: %s", state.caps.name, error)


async def stop(tasks: list[asyncio.Task[Any]]) -> None:
    """Stop tasks and wait until they are over."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
