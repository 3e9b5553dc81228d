"""Clients of KIS for `kis_faults`: ours, and three that are wrong in the ways that libraries are."""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any

from exec_algos.brokers.kis import broker as built
from exec_algos.brokers.kis.answers import Cursor
from exec_algos.brokers.kis.broker import KISBroker
from exec_algos.brokers.kis.messages import daily
from exec_algos.brokers.kis.notices import Noticed
from exec_algos.brokers.kis.rows import daily_rows
from exec_algos.brokers.kis.rules import moment_of
from exec_algos.brokers.kis.transport import Transport
from exec_algos.brokers.kis.venue import KISVenue
from exec_algos.brokers.live import LiveBroker
from exec_algos.brokers.venue import NotSent, Report, Snapshot
from exec_algos.errors import VenueError

TRIES = 3
TIMEOUT = 0.5  # seconds of real time that an answer is waited for: 15 s of the market at 30x


class Repeats(KISVenue):
    """Sends an order again that got no answer, as python-kis 2.1.6 does."""

    async def send(self, intent: Any) -> Any:
        for _ in range(TRIES):
            try:
                answer = await super().send(intent)
            except VenueError:
                continue
            if not isinstance(answer, NotSent):
                return answer
        return NotSent("no answer")


class FirstPage(KISVenue):
    """Takes the first page of an inquiry for all there is."""

    async def snapshot(self, since: int, symbol: str | None = None) -> Snapshot:
        access, day = self.access, moment_of(since)[0]
        envelope = await access.client.read(daily(access.host, access.account, day, access.day, symbol=symbol or "", cursor=Cursor()))
        walk = type("Walk", (), {"rows": {(row.day, row.orgno, row.odno): row for row in daily_rows(envelope)}})
        rows, _ = self.looking._merged(walk, ())
        return Snapshot(tuple(rows), True, 0)

    async def follow(self, orders: Any, since: int) -> Snapshot:
        return await self.snapshot(since)


class Adds(KISVenue):
    """Adds up what notices say, each as a trade of its own."""

    async def reports(self) -> AsyncIterator[Report]:
        filled: defaultdict[str, float] = defaultdict(float)
        amount: defaultdict[str, float] = defaultdict(float)
        async for event in self._notices.events():
            if isinstance(event, Noticed) and event.ours:
                notice, name = event.notice, self.looking.named(event.notice)
                if notice.executed:
                    filled[name] += notice.quantity
                    amount[name] += notice.quantity * notice.price
                report = Report(kind="moved", venue_id=name, own_id="", symbol=notice.symbol, side=notice.side, time=0)
                yield replace(report, kind="fill", filled=filled[name], amount=amount[name]) if notice.executed else report


def client_of(adapter: type[KISVenue]) -> Any:
    """A function that makes a broker over an adapter."""

    def make(kis: Any, clock: Any, journal: Any, *, paper: bool, notices: bool, cache: str = "") -> LiveBroker:
        app_key, app_secret, account, hts_id = kis.keys(paper)
        built.Transport = partial(Transport, timeout=TIMEOUT)  # type: ignore[assignment,misc]
        broker = KISBroker(
            app_key, app_secret, account=account, hts_id=hts_id if notices else "", paper=paper, rest_url=kis.rest_url(paper),
            ws_url=kis.ws_url(paper), clock=clock, journal=journal, token_cache=cache or _cache(kis),
        )  # fmt: skip
        broker.adapter.__class__ = adapter
        return broker

    return make


_caches: dict[str, str] = {}


def _cache(kis: Any) -> str:
    return _caches.setdefault(kis.clock_url, tempfile.mkdtemp(prefix=f"kis-{os.getpid()}-"))


CLIENTS = {"ours": client_of(KISVenue), "repeats": client_of(Repeats), "first_page": client_of(FirstPage), "adds": client_of(Adds)}
