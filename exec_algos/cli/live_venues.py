"""Venues that ``exec-algos live`` knows by name, and the session over one of them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from exec_algos.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from exec_algos.brokers.venue import VenueAPI
    from exec_algos.clock import Clock
    from exec_algos.live.journal import SqliteJournal
    from exec_algos.live.recorded import Recorded
    from exec_algos.live.session import LiveSession

VENUES = ("sim",)


class Said(NamedTuple):
    """What a user says of a venue and of limits; it stands in the journal, so that a resumed session has the same.

    Attributes
    ----------
    venue : str
        One of `VENUES`.
    url : str
    account : str
    calendar : str
        Of the sessions; that of the instruments where it is empty.
    max_child_notional, max_parent_notional : float or None
        Currency.
    """

    venue: str
    url: str
    account: str = "rehearsal-1"
    calendar: str = ""
    max_child_notional: float | None = None
    max_parent_notional: float | None = None

    @classmethod
    def of(cls, session: Mapping[str, Any], **other: Any) -> Said:
        """What the first entry of an earlier run holds, and what is said otherwise.

        Raises
        ------
        UsageError
            The journal holds no session.
        """
        if not session:
            raise UsageError("the journal is empty: no session was begun; exec-algos live run begins one")
        known = {name: session[name] for name in cls._fields if name in session}
        return cls(**known | {name: value for name, value in other.items() if value is not None})


class Place(NamedTuple):
    """The adapter of a venue, and the clock that its sessions run on."""

    venue: VenueAPI
    clock: Clock


async def venue_of(said: Said, *, yes: bool) -> Place:
    """The adapter of a venue, and the clock that its sessions run on.

    Raises
    ------
    UsageError
        No such venue, one that needs an address, or real money without consent.
    VenueError
        It does not answer.
    """
    if said.venue not in VENUES:
        raise UnknownNameError("venue", said.venue, VENUES)
    if not said.url:
        raise UsageError("--venue sim needs --url, which exec-algos venue-sim prints: http://127.0.0.1:PORT")
    from exec_algos.brokers.rehearsal import RehearsalVenue, rehearsal_clock

    venue = RehearsalVenue(said.url, account=said.account)
    check_consent(said.venue, paper=venue.caps.paper, yes=yes)
    return Place(venue, await rehearsal_clock(said.url))


def check_consent(name: str, *, paper: bool, yes: bool) -> None:
    """Refuse real money where nobody said yes to it.

    Raises
    ------
    UsageError
        How to say so.
    """
    if not paper and not yes:
        raise UsageError(f"venue {name} trades real money, it is neither a rehearsal nor a paper account; say --yes if that is meant")


@asynccontextmanager
async def session_over(said: Said, place: Place, journal: SqliteJournal, found: Recorded) -> AsyncIterator[LiveSession]:
    """A session that is begun: what an earlier run left is brought to an end, and Ctrl-C and SIGTERM stop it."""
    from exec_algos.brokers.live import LiveBroker
    from exec_algos.brokers.settings import LiveSettings
    from exec_algos.cli.printing import say
    from exec_algos.live.limits import VenueLimits
    from exec_algos.live.session import LiveSession

    venue, clock = place

    def currency_of(symbol: str) -> str:
        instrument = broker.state.instruments.get(symbol)
        return "" if instrument is None else instrument.currency

    limits = VenueLimits(currency_of, max_child_notional=said.max_child_notional, max_parent_notional=said.max_parent_notional)
    broker = LiveBroker(venue, clock=clock, journal=journal, limits=limits, settings=LiveSettings(calendar=said.calendar))
    session = LiveSession(broker, journal, terms=said._asdict(), tell=say)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, session.stop, signal.Signals(number).name)
    try:
        await session.begin(found)
        yield session
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        await broker.aclose()
