"""`Client`: requests with token, turn, and what an answer means; here alone one is made again, never one that may have placed an order."""

from __future__ import annotations

import contextlib
import logging
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from pydantic import SecretStr

from exec_algos.brokers.kis.answers import Cursor, Envelope
from exec_algos.brokers.kis.codes import Class, Said, classify
from exec_algos.brokers.kis.messages import headers
from exec_algos.brokers.kis.operations import Kind
from exec_algos.errors import NotSentError, UsageError, VenueError
from exec_algos.model import SECOND

if TYPE_CHECKING:
    from exec_algos.brokers.kis.answers import Reply
    from exec_algos.brokers.kis.limiter import SharedBucket
    from exec_algos.brokers.kis.operations import Ask
    from exec_algos.brokers.kis.token import Tokens
    from exec_algos.brokers.kis.transport import Transport
    from exec_algos.clock import Clock

ATTEMPTS = 4
"""Of a read that gets no answer, or that KIS puts off; a cancel that its rate refuses has as many."""
FIRST_WAIT = SECOND  # after the first answer that says nothing; it doubles, and is up to a half longer at random
MOST_PAGES = 1000
PATIENCE = 5 * SECOND  # so long an order waits for its token and its turn: later it would not be the order that was decided


log = logging.getLogger("exec_algos.kis")


class RefusedError(VenueError):
    """KIS answers a read with a refusal; `code` and `text` are its words."""

    def __init__(self, reason: str, code: str = "", text: str = "") -> None:
        super().__init__(reason)
        self.code, self.text = code, text


class Client:
    """Asks KIS.

    Parameters
    ----------
    transport : Transport
    tokens : Tokens
    bucket : SharedBucket
        Counts what is sent. A request without a turn of `turn` waits for one here.
    clock : Clock
    app_key, app_secret : str or SecretStr

    Attributes
    ----------
    turn : callable, optional
        Awaited before each request after the first of a method: `VenueAPI.page`.
    """

    def __init__(  # noqa: PLR0913 - what a request needs
        self,
        transport: Transport,
        tokens: Tokens,
        bucket: SharedBucket,
        clock: Clock,
        app_key: str | SecretStr,
        app_secret: str | SecretStr,
        *,
        turn: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.tokens, self.turn = tokens, turn
        self._transport, self._bucket, self._clock = transport, bucket, clock
        self._key, self._secret = _secret(app_key), _secret(app_secret)
        self._dates = Dates()

    async def read(self, ask: Ask) -> Envelope:
        """The answer to a read, which is asked again where that may help.

        Raises
        ------
        RefusedError
            KIS refuses it.
        VenueError
            No answer, after some attempts.
        """
        if ask.method != "GET":
            raise UsageError(f"read asks by GET, got {ask.method} {ask.path}; use post")
        waits, renewed = 0, False
        while True:
            said, token = await self._said(ask)
            if said.cls is Class.OK and said.envelope is not None:
                return said.envelope
            if said.cls is Class.TOKEN and not renewed:
                renewed = True
                await self.tokens.renew(token)
            elif said.cls in (Class.THROTTLED, Class.LEDGER_BUSY, Class.RETRY) and waits < ATTEMPTS - 1:
                await self._pause(said.cls, waits)
                waits += 1
            else:
                raise _failed(ask, said, waits + 1)
            await self._next_turn()

    async def post(self, ask: Ask) -> Said:
        """Send an order or a cancel, and say what came of it.

        It is sent again only where KIS's gateway refused it unread: once with another token, and a cancel that its limit of rate refused.
        What may have arrived is `Class.UNKNOWN`.

        Raises
        ------
        UsageError
            The request cannot be built, or there can be no token.
        """
        if ask.method != "POST":
            raise UsageError(f"post sends by POST, got {ask.method} {ask.path}; use read")
        refusals, renewed = 0, False
        latest = self._clock.now + PATIENCE if ask.kind is Kind.ORDER else None
        while True:
            said, token = await self._said(ask, latest)
            if said.cls is Class.TOKEN and not renewed and await self._renewed(token):
                renewed = True
            elif said.cls is Class.THROTTLED and ask.kind is Kind.CANCEL and refusals < ATTEMPTS - 1:
                refusals += 1
            else:
                return said
            await self._next_turn()

    async def pages(
        self, make_ask: Callable[[Cursor], Ask], *, enough: Callable[[Envelope], bool] | None = None
    ) -> tuple[list[Envelope], bool]:
        """The pages of an inquiry, and whether they are all of it: only where KIS said that the last one is the last.

        Parameters
        ----------
        make_ask : callable
            The request for the page at a cursor.
        enough : callable, optional
            Whether no page after this one is wanted; the pages then count as all.

        Raises
        ------
        VenueError
            The first page could not be read. Where a later one cannot, the pages before it are returned, not as all.
        """
        found = [await self.read(make_ask(Cursor()))]
        seen: set[tuple[str, str]] = set()
        while len(found) < MOST_PAGES:
            last = found[-1]
            if enough is not None and enough(last):
                return found, True
            if last.more is not True:
                return found, last.more is False
            place = last.cursor.fk, last.cursor.nk
            if not last.cursor or place in seen:
                return found, False  # it says that more follow, and not where, or leads in a circle
            seen.add(place)
            await self._next_turn()
            try:
                found.append(await self.read(make_ask(last.cursor)))
            except VenueError:
                return found, False
        return found, False

    async def _said(self, ask: Ask, latest: int | None = None) -> tuple[Said, str]:
        """What KIS says to one request, and the token that it was asked with. It leaves by `latest` (ns UTC), or not at all."""
        posts = ask.kind in (Kind.ORDER, Kind.CANCEL)
        try:
            token = await self.tokens.get(self._clock.now + PATIENCE if posts else None)
        except VenueError as error:
            return Said(Class.NOT_SENT if posts else Class.RETRY, "", f"no token: {error}"), ""
        said = classify(ask, await self._exchange(ask, token, latest))
        if said.cls is Class.THROTTLED:
            self._bucket.refused(self._clock.now)
        return said, token

    async def _renewed(self, token: str) -> bool:
        """Whether there is another token in time."""
        try:
            await self.tokens.renew(token, self._clock.now + PATIENCE)
        except VenueError as error:
            log.warning("%s", error)
            return False
        return True

    async def _exchange(self, ask: Ask, token: str, latest: int | None) -> Reply | Exception:
        said = headers(ask, token, self._key.get_secret_value(), self._secret.get_secret_value())
        async with self._slot(ask.kind):
            begun = self._clock.now
            if latest is not None and begun > latest:
                return NotSentError(
                    f"its turn came {(begun - latest + PATIENCE) / SECOND:.1f} s after it was wanted: it is an old decision"
                )
            try:
                reply = await self._transport.send(ask, said)
            except VenueError as error:
                return error
        self._dates.note(reply.header("date"), begun, self._clock.now)
        return reply

    @contextlib.asynccontextmanager
    async def _slot(self, kind: Kind) -> AsyncIterator[None]:
        """Hold a slot of the limit of rate while a request is under way. Its turn may be over by then: it waits for another one."""
        kept = 0 if kind in (Kind.ORDER, Kind.CANCEL) else self._bucket.kept
        name = self._bucket.begin(self._clock.now)
        while name is None:
            again = self._bucket.take(self._clock.now, kept)
            if again:
                await self._clock.sleep_until(again)
            else:
                name = self._bucket.begin(self._clock.now)
        try:
            yield
        finally:
            self._bucket.ended(name, self._clock.now)

    async def _pause(self, cls: Class, waits: int) -> None:
        """Wait as long as an answer asks for; what the limit of rate refused waits in the queue alone."""
        if cls is not Class.THROTTLED:
            wait = FIRST_WAIT << waits
            await self._clock.sleep_until(self._clock.now + wait + random.randrange(wait // 2))

    async def _next_turn(self) -> None:
        if self.turn is not None:
            await self.turn()

    @property
    def clock_apart(self) -> int:
        """KIS's clock less ours, ns, by the `Date` of its answers; 0 before the first."""
        low, high = self._dates.bounds()
        return (low + high) // 2

    @property
    def clock_unsure(self) -> int:
        """How far `clock_apart` may be off, ns; a minute before the first answer."""
        low, high = self._dates.bounds()
        return (high - low + 1) // 2

    async def close(self) -> None:
        """Let go of connections; the token stays."""
        await self.tokens.close()
        await self._transport.close()


@dataclass(frozen=True, slots=True)
class _Bounds:
    low: int
    high: int


class Dates:
    """What the `Date` headers of answers say about the venue's clock.

    A `Date` D is in whole seconds and was written between a request (s) and its answer (r), so that the venue's clock less ours is in
    ``[D - r, D + 1 s - s]``. Answers narrow that together; the oldest are left out where they do not agree with the latest.
    """

    MOST = 64

    def __init__(self) -> None:
        self._found: deque[_Bounds] = deque(maxlen=self.MOST)

    def note(self, date: str | None, begun: int, ended: int) -> None:
        """Take note of an answer; a date that is none says nothing."""
        if date is None:
            return
        try:
            said = int(parsedate_to_datetime(date).timestamp()) * SECOND
        except (ValueError, TypeError, OverflowError, IndexError):
            return
        self._found.append(_Bounds(said - ended, said + SECOND - begun))

    def bounds(self) -> tuple[int, int]:
        """The least and the most that the venue's clock may be ahead of ours, ns."""
        low, high = -60 * SECOND, 60 * SECOND
        for index, found in enumerate(reversed(self._found)):
            closer = (max(low, found.low), min(high, found.high)) if index else (found.low, found.high)
            if closer[0] > closer[1]:
                break
            low, high = closer
        return low, high


def _secret(given: str | SecretStr) -> SecretStr:
    return given if isinstance(given, SecretStr) else SecretStr(given)


def _failed(ask: Ask, said: Said, attempts: int) -> VenueError:
    what = f"{ask.method} {ask.path} {ask.tr_id}"
    if said.cls in (Class.REJECTED, Class.LASTING, Class.REFUSED, Class.TOKEN):
        return RefusedError(f"{what}: KIS refuses it: {said.code} {said.text}".rstrip(), said.code, said.text)
    return VenueError(f"{what}: no answer in {attempts} attempts; the last one: {said.code} {said.text}".rstrip())
