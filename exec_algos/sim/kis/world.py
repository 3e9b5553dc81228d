"""`World`: what the parts of a simulated KIS share: the exchange, who its customers are, settings, faults, and what is to be pushed."""

from __future__ import annotations

import random
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from exec_algos.errors import UsageError
from exec_algos.sim.kis.settings import KISSettings

if TYPE_CHECKING:
    from exec_algos.sim.clock import RehearsalClock
    from exec_algos.sim.exchange import Exchange
    from exec_algos.sim.kis.faults import KISFaults
    from exec_algos.sim.orders import Event

SECOND = 1_000_000_000
ZONE = "Asia/Seoul"
KST = 9 * 3600 * SECOND  # of Korea's clocks before UTC; no summer time since 1988
ACCOUNTS = {False: "5012345601", True: "5065432101"}  # by whether it is paper
OTHERS = {False: "5012999901", True: "5065999901"}
HTS_IDS = {False: "HTSLIVE1", True: "HTSPAPER"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A customer at one host.

    Attributes
    ----------
    paper : bool
    app_key, app_secret : str
    account : str
        Ten digits, CANO and ACNT_PRDT_CD: the only one that the key may trade.
    hts_id : str
    others : tuple of str
        Accounts of the same HTS id: notices tell of them too.
    """

    paper: bool
    app_key: str = field(repr=False)
    app_secret: str = field(repr=False)
    account: str
    hts_id: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A key for the web socket. `expires`: ns UTC; it is looked at when a session begins, and the session outlives it."""

    key: str = field(repr=False)
    identity: Identity
    expires: int


class World:
    """What a simulated KIS has once, for its live and its paper host.

    Parameters
    ----------
    exchange : Exchange
    clock : RehearsalClock
        Venue time; `now` is as far as the exchange has come.
    settings : KISSettings
        Replaced by another when the control port says so: read it where it is used, keep no copy.
    faults : KISFaults
        Replaced likewise.
    seed : int
    calendar : str
        Of the exchange's sessions, ``"XKRX"``; empty where the bars' own sessions count.
    """

    def __init__(
        self, exchange: Exchange, clock: RehearsalClock, settings: KISSettings, faults: KISFaults, *, seed: int = 0, calendar: str = ""
    ) -> None:
        self.exchange, self.clock, self.settings, self.faults = exchange, clock, settings, faults
        self.seed, self.calendar = seed, calendar
        self.rng = random.Random(f"{seed} kis")
        self.identities: dict[bool, list[Identity]] = {paper: [_customer(seed, paper)] for paper in (False, True)}
        self.approvals: dict[str, Approval] = {}
        self._pushed: list[Event] = []
        self._quiet: dict[str, int] = {}

    @property
    def now(self) -> int:
        """How far the exchange has come, ns UTC."""
        return self.exchange.now

    def identity(self, app_key: str, paper: bool) -> Identity | None:
        """The customer of an app key at a host; None where the host knows no such key."""
        return next((each for each in self.identities[paper] if each.app_key == app_key), None)

    def owner(self, account: str) -> Identity | None:
        """The customer under whose HTS id an account is."""
        return next((each for known in self.identities.values() for each in known if account in (each.account, *each.others)), None)

    def approval(self, key: str, paper: bool) -> Approval | None:
        """The key for the web socket of a host; None where it was not given out there. Whether it is over says its `expires`."""
        found = self.approvals.get(key)
        return found if found is not None and found.identity.paper is paper else None

    def add_customer(self, identity: Identity) -> None:
        """Take another customer.

        Raises
        ------
        UsageError
            The app key or the account is taken.
        """
        taken = [each for known in self.identities.values() for each in known]
        if any(identity.app_key == each.app_key or identity.account in (each.account, *each.others) for each in taken):
            raise UsageError("each customer needs an app key and an account of its own")
        self.identities[identity.paper].append(identity)

    def push(self, event: Event) -> None:
        """Tell of something that the exchange itself does not tell."""
        self._pushed += [*self.exchange.drain(), event]  # what the exchange told before comes before

    def hold_notices(self, venue_id: str, until: int) -> None:
        """Keep back what is to be pushed of an order until an instant (ns UTC)."""
        self._quiet[venue_id] = until

    def drain(self) -> list[Event]:
        """What is to be pushed by now, in order; what is kept back comes when its time has come."""
        waiting, self._pushed = [*self._pushed, *self.exchange.drain()], []
        due = [event for event in waiting if self._quiet.get(event.order.venue_id, 0) <= self.now]
        self._pushed = [event for event in waiting if self._quiet.get(event.order.venue_id, 0) > self.now]
        return due


def _customer(seed: int, paper: bool) -> Identity:
    """Keys that have the lengths of real ones, by the seed."""
    chance, letters = random.Random(f"{seed} keys {paper}"), string.ascii_letters + string.digits
    return Identity(
        paper=paper,
        app_key="PS" + "".join(chance.choices(letters, k=34)),
        app_secret="".join(chance.choices(letters + "+/=", k=180)),
        account=ACCOUNTS[paper],
        hts_id=HTS_IDS[paper],
        others=(OTHERS[paper],),
    )


def kst(instant: int) -> tuple[str, str]:
    """Date ``YYYYMMDD`` and time ``HHMMSS`` of an instant (ns UTC) in Korea."""
    there = datetime.fromtimestamp((instant + KST) // SECOND, tz=UTC)
    return f"{there:%Y%m%d}", f"{there:%H%M%S}"
