"""``exec-algos kis check``: whether keys, account, clock, market and notices of KIS are as a session needs them. It reads only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from exec_algos.cli.printing import one_line_errors, say
from exec_algos.errors import UsageError, VenueError

if TYPE_CHECKING:
    from exec_algos.brokers.kis.settings import KISSettings
    from exec_algos.brokers.kis.venue import KISVenue
    from exec_algos.clock import Clock

kis_app = typer.Typer(help="Korea Investment & Securities.", no_args_is_help=True)

EXTRA = ("httpx", "websockets", "cryptography")
SECONDS = {"token": 15.0, "notices": 12.0}  # of real time that a step may take; 8 where nothing is said
PATIENCE, WHOLE = 8.0, 50.0
APART, MOST_APART = 3.0, 30.0  # seconds between the clocks: said, and above the second nothing is sent
OLD = 60.0  # seconds after which a book is old


class Step(NamedTuple):
    """One line: what was looked at, whether it is right, and what was found."""

    name: str
    right: bool
    text: str

    def __str__(self) -> str:
        return f"{'ok  ' if self.right else 'FAIL'} {self.name:<8} {self.text}"


def needs_live() -> None:
    """Say what to install where a library of the extra `live` is missing.

    Raises
    ------
    UsageError
        One is missing.
    """
    for name in EXTRA:
        try:
            import_module(name)
        except ModuleNotFoundError:
            raise UsageError(f"{name} is missing, which KIS needs: pip install 'exec_algos[live]'") from None


@kis_app.callback()
def kis() -> None:
    """Korea Investment & Securities."""


@kis_app.command("check")
def check(
    paper: Annotated[bool | None, typer.Option("--paper/--real", help="Which host; as EXEC_ALGOS_KIS_PAPER says if not given.")] = None,
    symbol: Annotated[str, typer.Option(help="Whose quote is read.")] = "005930",
) -> None:
    """Look at keys, token, account, clock, limit, session, quote, inquiry, notices. Nothing is ordered; exit code 1 where one fails."""
    with one_line_errors("nothing was ordered"):
        needs_live()
        if not asyncio.run(_checked(paper, symbol)):
            raise typer.Exit(1)


async def _checked(paper: bool | None, symbol: str) -> bool:
    """Whether every step is right; each is printed as it is done."""
    from exec_algos.brokers.kis.settings import kis_settings

    right = True
    try:
        settings = kis_settings()
        chosen = settings if paper is None else settings.model_copy(update={"paper": paper})
        async with looked(chosen, symbol) as steps:
            async for step in steps:
                say(str(step))
                right = right and step.right
    except (UsageError, VenueError) as error:  # of settings: no step was taken yet
        say(str(Step("settings", False, " ".join(str(error).split()))))
        return False
    return right


@asynccontextmanager
async def looked(settings: KISSettings, symbol: str) -> AsyncIterator[AsyncIterator[Step]]:
    """The steps, one after another; connections are let go at the end."""
    from exec_algos.brokers.kis.broker import build
    from exec_algos.brokers.kis.clocks import simulator_clock
    from exec_algos.clock import WallClock

    clock = simulator_clock(settings.clock_url) if settings.clock_url else WallClock()
    venue = build(settings, clock)
    venue.access.client.turn = None  # nobody else waits: the limit of rate alone paces
    try:
        yield _steps(_Looks(settings, venue, clock, symbol))
    finally:
        await venue.close()


async def _steps(looks: _Looks) -> AsyncIterator[Step]:
    tried: dict[str, Callable[[], Awaitable[str]]] = {
        "keys": looks.keys, "token": looks.token, "account": looks.account, "clock": looks.clock, "limit": looks.limit,
        "session": looks.session, "quote": looks.quote, "inquiry": looks.inquiry, "notices": looks.notices,
    }  # fmt: skip
    end = time.monotonic() + WHOLE
    for name, look in tried.items():
        patience = min(SECONDS.get(name, PATIENCE), max(end - time.monotonic(), 0.0))
        try:
            async with asyncio.timeout(patience):
                step = Step(name, True, await look())
        except TimeoutError:
            step = Step(name, False, f"no answer within {patience:.0f} s" if patience else "not tried: the time for all steps is over")
        except (UsageError, VenueError) as error:
            step = Step(name, False, " ".join(str(error).split()))
        yield step
        if name == "token" and not step.right:
            yield Step("the rest", False, "not tried: without a token KIS answers nothing")
            return


def _span(ns: int) -> str:
    minutes = max(ns, 0) // 60_000_000_000
    return f"{minutes // 60} h {minutes % 60} min"


class _Looks:
    """What is looked at; each returns what was found, or raises why it is not right."""

    def __init__(self, settings: KISSettings, venue: KISVenue, clock: Clock, symbol: str) -> None:
        self.settings, self.venue, self._clock, self._symbol = settings, venue, clock, symbol
        self._access = venue.access

    async def keys(self) -> str:
        """Host, and how long the keys are."""
        key, secret = (len(text.get_secret_value()) for text in (self.settings.app_key, self.settings.app_secret))
        simulated = " (a simulator)" if self.settings.clock_url else ""
        return f"{self._access.host.name} host {self.settings.addresses.rest}{simulated}: app key of {key}, secret of {secret} characters"

    async def token(self) -> str:
        """How old the token is, and how long it lasts."""
        tokens = self._access.client.tokens
        begun = self._clock.now
        await tokens.get()
        how = "new" if tokens.issued >= begun else f"{_span(self._clock.now - tokens.issued)} old, kept from before"
        return f"{how}; good for another {_span(tokens.ends - self._clock.now)}"

    async def account(self) -> str:
        """The account by a name that does not give it away, its cash and holdings."""
        account = await self.venue.account()
        held = await self.venue.positions()
        return f"{account.name}: {account.cash['KRW']:,.0f} KRW after settlement, {len(held)} symbols held"

    async def clock(self) -> str:
        """How far the clocks are apart."""
        from exec_algos.brokers.kis.venue import UNTOLD

        apart, unsure = (value / 1e9 for value in (self._access.client.clock_apart, self._access.client.clock_unsure))
        if self._access.client.clock_unsure >= UNTOLD:
            raise VenueError("KIS's answers have no Date, so that nobody knows how far its clock is from ours")
        said = f"KIS's is {abs(apart):.1f} s {'ahead of' if apart >= 0 else 'behind'} ours, within {unsure:.1f} s"
        if abs(apart) - unsure > MOST_APART:
            raise VenueError(f"{said}: above {MOST_APART:g} s nothing is sent; set it right")
        return said + ("; set it right, for look-ups reach that much further" if abs(apart) - unsure > APART else "")

    async def limit(self) -> str:
        """Requests a second, and how many are kept for orders."""
        caps = self.venue.caps
        new = "" if caps.paper else "; a live app key has 3 in its first three days: EXEC_ALGOS_KIS_RATE=3"
        kept = min(-(-caps.rate * caps.reserved // 1), caps.rate - 1)
        return f"{caps.rate:g} a second in all, {kept:g} of them for orders and cancels alone{new}"

    async def session(self) -> str:
        """Whether the market is open."""
        from exec_algos.brokers.kis.files import folder
        from exec_algos.brokers.kis.holidays import Holidays
        from exec_algos.brokers.kis.minutes import Hours
        from exec_algos.brokers.kis.rules import moment_of

        access = self._access
        path = folder(self.settings.token_cache) / f"holidays-{access.host.name}.json"
        held = Holidays(access.client, access.host, access.clock, None if self.settings.clock_url else path)
        is_open, source = await held.on(access.day)
        hours = Hours.of("XKRX", access.now)
        if not is_open or hours is None:
            return f"{access.day}: closed all day ({source})"
        now = "open now" if hours.open <= access.now < hours.close else "not open now"
        begin, end = (moment_of(at)[1] for at in (hours.open, hours.close))
        return f"{access.day} {begin[:2]}:{begin[2:4]} to {end[:2]}:{end[2:4]} in Seoul, {now} ({source})"

    async def quote(self) -> str:
        """One symbol's book."""
        book = await self.venue.book(self._symbol)
        bid, ask = (f"{side[0][0]:,.0f}" if side else "none" for side in (book.bids, book.asks))
        age = (self._access.now - book.time) / 1e9
        old = "no time" if not book.time else f"{age:.0f} s old" + (", which is old" if age > OLD else "")
        return f"{self._symbol}: bid {bid}, ask {ask}, last {book.last:,.0f}, {book.traded:,.0f} shares today; {old}"

    async def inquiry(self) -> str:
        """One page of today's orders."""
        from exec_algos.brokers.kis import messages
        from exec_algos.brokers.kis.rows import daily_rows

        access = self._access
        answer = await access.client.read(messages.daily(access.host, access.account, access.day, access.day))
        rest = {True: "more follow", False: "those are all", None: "KIS did not say whether more follow"}[answer.more]
        return f"{len(daily_rows(answer))} orders of today on the first page, {rest}"

    async def notices(self) -> str:
        """A session of notices."""
        if not self.venue.caps.push:
            return "none: EXEC_ALGOS_KIS_HTS_ID is not set, so that orders are followed by look-ups alone, which is enough"
        stands = f"{self._access.host.notices} of the HTS id stands at {self.settings.addresses.ws}"
        try:
            async with aclosing(self.venue.reports()) as reports:  # type: ignore[type-var]
                async for report in reports:
                    if not report.reason:
                        return stands
        except VenueError as error:
            raise VenueError(f"{error}; orders can be followed by look-ups alone: leave EXEC_ALGOS_KIS_HTS_ID empty") from None
        raise VenueError("the web socket ended")
