"""Venues that ``exec-algos live`` knows by name, and the session over one of them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from exec_algos.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from exec_algos.brokers.live import LiveBroker
    from exec_algos.brokers.records import Journal, Limits
    from exec_algos.clock import Clock
    from exec_algos.live.journal import SqliteJournal
    from exec_algos.live.recorded import Recorded
    from exec_algos.live.session import LiveSession

VENUES = ("sim", "kis")
KIS = ("kis", "kis-paper")  # the live host and the paper host, as journals name them
REHEARSAL_ACCOUNT = "rehearsal-1"


class Said(NamedTuple):
    """What a user says of a venue and of limits; it stands in the journal, so that a resumed session has the same.

    Attributes
    ----------
    venue : str
        One of `VENUES`.
    url, account : str
        Of a rehearsal. Those of KIS come from the environment each time: no key and no account stands in a journal.
    calendar : str
        Of the sessions; that of the instruments where it is empty.
    max_child_notional, max_parent_notional : float or None
        Currency.
    real : bool
        Of KIS: the live host, not the paper host.
    """

    venue: str
    url: str
    account: str = ""
    calendar: str = ""
    max_child_notional: float | None = None
    max_parent_notional: float | None = None
    real: bool = False

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
        at_kis = str(session.get("venue", "")) in KIS
        held = session if not at_kis else {**session, "venue": "kis", "url": "", "account": "", "real": session["venue"] == KIS[0]}
        known = {name: held[name] for name in cls._fields if name in held}
        return cls(**known | {name: value for name, value in other.items() if value is not None})

    def terms(self) -> dict[str, Any]:
        """What a journal keeps of it. Of KIS the broker's own names of host and account stand there, which give neither away."""
        said = self._asdict()
        return {name: said[name] for name in said if self.venue != "kis" or name not in ("venue", "url", "account", "real")}


class Place(NamedTuple):
    """The clock that sessions at a venue run on, and what makes a broker there of a journal, limits and a calendar."""

    clock: Clock
    broker: Callable[[Journal, Limits, str], LiveBroker]


async def venue_of(said: Said, *, yes: bool) -> Place:
    """The venue that a user named.

    Raises
    ------
    UsageError
        No such venue, one that needs an address, or real money without consent.
    VenueError
        It does not answer.
    """
    if said.venue not in VENUES:
        raise UnknownNameError("venue", said.venue, VENUES)
    if said.venue == "kis":
        return _kis(said, yes=yes)
    if said.real:
        raise UsageError("--real is for --venue kis: a rehearsal has no real money")
    if not said.url:
        raise UsageError("--venue sim needs --url, which exec-algos venue-sim prints: http://127.0.0.1:PORT")
    from exec_algos.brokers.live import LiveBroker
    from exec_algos.brokers.rehearsal import RehearsalVenue, rehearsal_clock
    from exec_algos.brokers.settings import LiveSettings

    venue = RehearsalVenue(said.url, account=said.account)
    check_consent(said.venue, paper=venue.caps.paper, yes=yes)
    clock = await rehearsal_clock(said.url)

    def broker(journal: Journal, limits: Limits, calendar: str) -> LiveBroker:
        return LiveBroker(venue, clock=clock, journal=journal, limits=limits, settings=LiveSettings(calendar=calendar))

    return Place(clock, broker)


def _kis(said: Said, *, yes: bool) -> Place:
    for name, value in (("--url", said.url), ("--account", said.account)):
        if value:
            raise UsageError(f"{name} is for --venue sim; keys, account and addresses of kis come from EXEC_ALGOS_KIS_*: see docs/kis.md")
    check_consent(said.venue, paper=not said.real, yes=yes)
    from exec_algos.cli.kis import needs_live

    needs_live()
    from exec_algos.brokers.kis.broker import KISBroker
    from exec_algos.brokers.kis.clocks import simulator_clock
    from exec_algos.brokers.kis.settings import kis_settings, live_settings
    from exec_algos.clock import WallClock

    settings = kis_settings()
    if said.real and "paper" in settings.model_fields_set and settings.paper:
        raise UsageError("--real asks for the live host, and EXEC_ALGOS_KIS_PAPER says paper: give the live keys and account, and unset it")
    if not said.real and not settings.paper:
        raise UsageError("EXEC_ALGOS_KIS_PAPER is false: say --real --yes for the live host, or set it to true with the keys of paper")
    clock = simulator_clock(settings.clock_url) if settings.clock_url else WallClock()

    def broker(journal: Journal, limits: Limits, calendar: str) -> LiveBroker:
        own = live_settings(settings.limit, calendar=calendar)
        return KISBroker(paper=not said.real, clock=clock, journal=journal, limits=limits, settings=own)

    return Place(clock, broker)


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
    from exec_algos.cli.printing import say
    from exec_algos.live.limits import VenueLimits
    from exec_algos.live.session import LiveSession

    def currency_of(symbol: str) -> str:
        instrument = broker.state.instruments.get(symbol)
        return "" if instrument is None else instrument.currency

    limits = VenueLimits(currency_of, max_child_notional=said.max_child_notional, max_parent_notional=said.max_parent_notional)
    broker = place.broker(journal, limits, said.calendar)
    session = LiveSession(broker, journal, terms=said.terms(), tell=say)
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
