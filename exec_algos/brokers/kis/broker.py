"""`KISBroker`: the live broker over `KISVenue`, built from keys, account and addresses."""

from __future__ import annotations

import logging
import math
import os
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from exec_algos.brokers.cancelling import placed_of
from exec_algos.brokers.child import LiveChild
from exec_algos.brokers.kis.access import Access
from exec_algos.brokers.kis.account import DayCosts, KISOrder, foreign_order, order_of
from exec_algos.brokers.kis.approval import Approval
from exec_algos.brokers.kis.client import Client
from exec_algos.brokers.kis.clocks import simulator_clock
from exec_algos.brokers.kis.codes import FATAL, TOKEN
from exec_algos.brokers.kis.files import folder
from exec_algos.brokers.kis.history import History, store_at
from exec_algos.brokers.kis.kept import Kept
from exec_algos.brokers.kis.keys import Terms
from exec_algos.brokers.kis.limiter import shared_bucket
from exec_algos.brokers.kis.market import Market
from exec_algos.brokers.kis.minutes import CALENDAR
from exec_algos.brokers.kis.notices import Notices
from exec_algos.brokers.kis.operations import AccountNo, Host
from exec_algos.brokers.kis.rules import check_price, moment_of
from exec_algos.brokers.kis.settings import LIVE_ADDRESSES, PAPER_ADDRESSES, PREFIX, KISSettings, kis_settings, live_settings
from exec_algos.brokers.kis.token import Tokens
from exec_algos.brokers.kis.transport import Transport
from exec_algos.brokers.kis.venue import QUOTE_AGE, KISVenue
from exec_algos.brokers.known import Carried
from exec_algos.brokers.live import LiveBroker
from exec_algos.brokers.records import Journal, Kind, Limits, NoJournal, NoLimits
from exec_algos.brokers.requests import Priority
from exec_algos.brokers.settings import LiveSettings
from exec_algos.brokers.venue import Account, NotSent, Rejected
from exec_algos.clock import Clock, WallClock
from exec_algos.errors import NotSentError, OrderRejectedError, UsageError, VenueError
from exec_algos.model import ParentOrder, Side
from exec_algos.model.lifecycle import Event, State

if TYPE_CHECKING:
    from exec_algos.brokers.kis.rows import Power

CODE = re.compile(r"\b(?:EGW|OPSQ)[0-9]{4,5}\b")
AMENDABLE = (State.OPEN, State.PARTIAL)
PER_SLICE = 4  # requests: the order, its cancel, and two that tell what became of it
CARRIED = 0.7  # the part of the limit of rate that slices may fill: the rest is for look-ups of all orders and for the market

log = logging.getLogger("exec_algos.live")


class KISBroker(LiveBroker):
    """A live broker at Korea Investment & Securities, domestic stocks; see `LiveBroker`.

    What is not given comes from the environment (``EXEC_ALGOS_KIS_APP_KEY`` ...); see `KISSettings`.

    Parameters
    ----------
    app_key, app_secret : str or SecretStr
    account : str
        ``"12345678-01"``.
    hts_id : str
        Whose notices are pushed; without it orders are followed by look-ups alone.
    paper : bool
        The paper host, with keys and an account of its own.
    rest_url, ws_url : str
        Those of a simulator; KIS's own by default.
    clock : Clock
        All times run on it.
    rate : int
        Requests a second: 18 live and 1 on paper by default; 3 in the first three days of a live app key.
    token_cache : path
        Folder of tokens and of the shared limit of rate.
    journal, limits, settings
        As of `LiveBroker`.
    exchange : {"KRX", "NXT", "SOR"}
        Paper has KRX alone.

    Raises
    ------
    UsageError
        A key, secret or account that is missing, or cannot be.
    """

    def __init__(  # noqa: PLR0913 - the published signature
        self,
        app_key: str | SecretStr | None = None,
        app_secret: str | SecretStr | None = None,
        *,
        account: str | SecretStr | None = None,
        hts_id: str | None = None,
        paper: bool | None = None,
        rest_url: str | None = None,
        ws_url: str | None = None,
        clock: Clock | None = None,
        rate: int | None = None,
        token_cache: str | os.PathLike[str] | None = None,
        journal: Journal = NoJournal(),  # noqa: B008 - it keeps nothing
        limits: Limits = NoLimits(),  # noqa: B008
        settings: LiveSettings | None = None,
        exchange: str = "KRX",
    ) -> None:
        given = {
            "app_key": _secret(app_key), "app_secret": _secret(app_secret), "account": _secret(account), "hts_id": hts_id, "paper": paper,
            "rest_url": rest_url, "ws_url": ws_url, "rate": rate, "token_cache": None if token_cache is None else Path(token_cache),
        }  # fmt: skip
        self.kis = _settled(kis_settings(), given)
        clock = clock or (simulator_clock(self.kis.clock_url) if self.kis.clock_url else WallClock())
        adapter = build(self.kis, clock, exchange=exchange, calendar=(settings.calendar if settings else "") or CALENDAR)
        super().__init__(adapter, clock=clock, journal=journal, limits=limits, settings=settings or live_settings(self.kis.limit))
        self.adapter = adapter
        self._parents: dict[str, ParentOrder] = {}
        self._warned = ""

    async def start(self, children: Iterable[LiveChild] = (), *, check: Callable[[Account], Awaitable[None]] | None = None) -> None:
        """See `LiveBroker.start`.

        Raises
        ------
        UsageError
            The host refuses keys or account: those of paper at the live host, or the other way round; nothing was sent.
        """
        carried = list(children)
        for child in carried:
            self.adapter.symbols.add(child.parent.symbol)
            if child.venue_id:
                self.adapter.keys.find(child.venue_id, Terms(child.parent.symbol, child.parent.side, child.shares, child.accepted))
        try:
            await super().start(carried, check=check)
        except VenueError as error:
            if (FATAL | TOKEN).intersection(CODE.findall(str(error))):
                raise UsageError(self._wrong_host(error)) from None
            raise

    def _wrong_host(self, error: VenueError) -> str:
        this, other = (PAPER_ADDRESSES.rest, LIVE_ADDRESSES.rest) if self.kis.paper else (LIVE_ADDRESSES.rest, PAPER_ADDRESSES.rest)
        here, there = ("paper", "live") if self.kis.paper else ("live", "paper")
        asked = self.kis.addresses.rest
        return (
            f"the {here} host {asked} refuses these keys or this account: {error}; keys and account must be those of {here} "
            f"({this}), not of {there} ({other}): give the right ones, or paper={not self.kis.paper}. Nothing was sent"
        )

    async def aclose(self, *, cancel: bool = False) -> None:
        """See `LiveBroker.aclose`; what the day cost by KIS's word is compared with the estimate before."""
        if self.state.settled and not self.state.closed and any(carried.child.fills for carried in self.state.known):
            try:
                log.info("%s", await self.day_costs())
            except VenueError as error:
                log.warning("what the day cost cannot be compared with the estimate: %s", error)
        await super().aclose(cancel=cancel)

    async def day_costs(self) -> DayCosts:
        """Commissions and taxes of today: the estimate of this session's fills, and what KIS says of the account.

        Raises
        ------
        VenueError
            KIS does not say.
        """
        today = self.adapter.access.day
        fills = [fill for carried in self.state.known for fill in carried.child.fills if moment_of(fill.time)[0] == today]
        await self.state.requests.take(Priority.POLL)
        balance = await self.state.within("account", self.adapter.funds.balance())
        return DayCosts(math.fsum(fill.commission for fill in fills), balance.costs)

    def orders(self, *, foreign: bool = False) -> list[KISOrder]:
        """Orders of this session, those of earlier runs that it took over too, in the order in which they were decided.

        Parameters
        ----------
        foreign : bool
            Also those of somebody else's hand that look-ups have shown; they are never adopted, never cancelled.
        """
        children = [carried.child for carried in self.state.known]
        own = [order_of(child, self.adapter.keys.find(child.venue_id) if child.venue_id else None) for child in children]
        return own + ([foreign_order(row) for row in self.state.known.others.values()] if foreign else [])

    async def positions(self) -> Mapping[str, float]:
        """Shares held, by symbol; a failed inquiry raises `VenueError` and is never empty."""
        return await self.reads.read(("positions",), self.adapter.positions)

    async def cash(self) -> Mapping[str, float]:
        """Cash by currency as it is after settlement; what may be bought with it says `buying_power`."""
        return dict((await self.reads.read(("account",), self.adapter.account)).cash)

    async def buying_power(self, symbol: str, limit_price: float | None = None) -> Power:
        """What a buy of a symbol may cost and have, without credit.

        Parameters
        ----------
        limit_price : float, optional
            Currency per share; a market order reserves the upper limit price of the day.
        """
        limit = math.nan if limit_price is None else limit_price
        dvsn = "01" if math.isnan(limit) else "00"
        return await self.reads.read(("buying_power", symbol, limit_price), lambda: self.adapter.funds.power(symbol, dvsn, limit))

    async def amend_order(self, ref: str, limit_price: float) -> bool:
        """Give what is open of the child of a ref another limit; False if it is over.

        Its new number takes the old one's place: the child is followed and cancelled under it. Its `limit` is the loosest that it had.

        Raises
        ------
        UsageError
            No such child, one without a limit, or a limit that KIS does not take, with the nearest that it takes.
        OrderRejectedError, NotSentError
            KIS refused it, or it was not sent: the order is as it was.
        VenueError
            Nobody knows whether it was changed; look-ups tell.
        """
        carried = self._found(ref)
        child, state = carried.child, self.state
        if child.done():
            return False
        if math.isnan(child.limit) or child.state not in AMENDABLE:
            raise UsageError(
                f"{ref} is {child.state}{' and has no limit' if math.isnan(child.limit) else ''}; amend a limit order that is open"
            )
        quote = await self.reads.read(("quote", child.parent.symbol), lambda: self.adapter.market.quote(child.parent.symbol, age=QUOTE_AGE))
        check_price(child.parent.symbol, limit_price, quote)
        bound = child.parent.rules.limit_price
        if bound is not None and (limit_price - bound) * child.parent.side > 0:
            raise UsageError(f"{ref} must not go beyond {bound:g}, the limit of {child.parent.ref}, got {limit_price:g}")
        before, loosest = child.limit, (max if child.parent.side is Side.BUY else min)(child.limit, limit_price)
        await state.requests.take(Priority.ORDER)
        if child.done():
            return False
        await self._write_limit(carried, loosest)  # what trades from here on may trade at either
        answer = await state.within("amend", self.adapter.amend(placed_of(child), limit_price))
        state.look()
        if isinstance(answer, Rejected | NotSent):
            await self._write_limit(carried, before)
        if isinstance(answer, Rejected):
            raise OrderRejectedError(f"{ref} was not amended: {answer.code} {answer.text}".rstrip(), lasting=answer.lasting)
        if isinstance(answer, NotSent):
            raise NotSentError(f"{ref} was not amended: {answer.why}")
        return True

    async def _write_limit(self, carried: Carried, limit: float) -> None:
        """The child may trade at this limit or better; on disk before the request leaves, for fills are held against it after a restart."""
        data = {"event": str(Event.ACCEPT), "reason": "", "limit": limit}
        await self.state.journal.write(self.state.entry(Kind.OUTCOME, carried, data))
        carried.child.limit = limit

    def open_parent(self, parent: ParentOrder) -> ParentOrder:
        """See `LiveBroker.open_parent`; warns where the limit of rate cannot carry all slices."""
        opened = super().open_parent(parent)
        self._parents[opened.ref] = opened
        self._warn()
        return opened

    def adopt_parent(self, parent: ParentOrder) -> ParentOrder:
        """See `LiveBroker.adopt_parent`."""
        adopted = super().adopt_parent(parent)
        self._parents[adopted.ref] = adopted
        self._warn()
        return adopted

    def _warn(self) -> None:
        """Say when slices come more often than requests can."""
        now = self.clock.now
        self._parents = {ref: parent for ref, parent in self._parents.items() if parent.end > now}
        text = too_many(list(self._parents.values()), self.kis.limit)
        if text and text != self._warned:
            log.warning("%s", text)
        self._warned = text


def too_many(parents: list[ParentOrder], rate: float) -> str:
    """What to do where orders of such slices need more requests than the limit of rate has; empty where they fit.

    Parameters
    ----------
    parents : list of ParentOrder
        Those that are worked at the same time.
    rate : float
        Requests a second.
    """
    needed = sum(PER_SLICE * 1e9 / parent.interval for parent in parents if parent.interval < parent.end - parent.start)
    if needed <= CARRIED * rate:
        return ""
    interval = math.ceil(PER_SLICE * len(parents) / (CARRIED * rate))
    return (
        f"{len(parents)} parent orders need about {needed:.2g} requests a second, {PER_SLICE} a slice, and the limit of {rate:g} a second "
        f"has {CARRIED * rate:.2g} for them: slices will come late; give each a slice interval of at least {interval} s"
    )


def build(kis: KISSettings, clock: Clock, *, exchange: str = "KRX", calendar: str = CALENDAR) -> KISVenue:
    """The adapter that settings describe; `calendar` is that of the regular session, by which bars are read.

    Raises
    ------
    UsageError
        A key, secret or account that is missing, or cannot be.
    """
    for name in ("app_key", "app_secret", "account"):
        if not getattr(kis, name).get_secret_value().strip():
            raise UsageError(f"{name} is missing: pass it, or set {PREFIX}{name.upper()} in the environment or in .env")
    host, account = Host(kis.paper), AccountNo.of(kis.account.get_secret_value())
    where, addresses = folder(kis.token_cache), kis.addresses
    transport = Transport(addresses.rest)
    bucket = shared_bucket(where, transport.host, kis.app_key.get_secret_value(), kis.limit)
    tokens = Tokens(transport, clock, kis.app_key, kis.app_secret, where)
    client = Client(transport, tokens, bucket, clock, kis.app_key, kis.app_secret)
    notices = None
    if kis.hts_id:
        approval = Approval(transport, kis.app_key, kis.app_secret, clock)
        notices = Notices(addresses.ws, approval, clock=clock, host=host, account=account, hts_id=kis.hts_id)
    return KISVenue(
        Access(client, host, account, clock),
        bucket,
        Market(client, host, clock, calendar=calendar),
        History(client, host, clock, store_at(where, transport.host, calendar), calendar=calendar),
        Kept(clock),
        notices=notices,
        exchange=exchange,
        commission=kis.commission_rate,
    )


def _secret(given: str | SecretStr | None) -> SecretStr | None:
    return SecretStr(given) if isinstance(given, str) else given


def _settled(settings: KISSettings, given: Mapping[str, object]) -> KISSettings:
    """Settings with what was given in their place."""
    return settings.model_copy(update={name: value for name, value in given.items() if value is not None})
