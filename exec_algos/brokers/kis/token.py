"""`Tokens`: the access token of an app key, asked for as seldom as KIS wants, and shared by processes through one file.

KIS gives one token a minute, lets it live for a day, and writes to the customer each time. So a token is used until ten minutes before its
end, by all processes with its key; when KIS was asked last stands in the file, and holds over restarts. It is never revoked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import random
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from exec_algos.brokers.kis.answers import UnreadableError, json_of, shown
from exec_algos.brokers.kis.files import fingerprint, locked, make_private, open_private, read_bytes, readable, unsafe, write_bytes
from exec_algos.brokers.waiting import wait_until
from exec_algos.clock import Clock
from exec_algos.errors import NotSentError, UsageError, VenueError
from exec_algos.model import SECOND

if TYPE_CHECKING:
    from exec_algos.brokers.kis.answers import Reply
    from exec_algos.brokers.kis.transport import Transport

PATH = "/oauth2/tokenP"
EARLY = 600 * SECOND
"""So long before its end a token is replaced."""
SHORTEST, LONGEST = 61 * SECOND, 65 * SECOND
"""Between an answer of KIS and the next request for a token."""
LOOK = 2 * SECOND  # how often the file is read again while one waits: another process may have got a token
LOCK_LOOK = SECOND // 5
ATTEMPTS = 3  # requests that KIS refuses because of the minute
FORBIDDEN, MINUTE = 403, "EGW00133"
HEADERS = {"content-type": "application/json; charset=utf-8"}
VERSION = 1
SEOUL = ZoneInfo("Asia/Seoul")

log = logging.getLogger("exec_algos.kis")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the file holds.

    Attributes
    ----------
    token : str
        Empty where there is none.
    issued, ends : int
        ns UTC.
    asked : int
        When KIS answered the last request for a token, whatever it said; ns UTC, 0 where it was never asked.
    asking : bool
        A request was sent, and its answer never written down: its process died.
    """

    token: str = field(default="", repr=False)
    issued: int = 0
    ends: int = 0
    asked: int = 0
    asking: bool = False


class Tokens:
    """The access token of an app key at a host.

    Parameters
    ----------
    transport : Transport
    clock : Clock
        Ends and waits run on it.
    app_key, app_secret : str or SecretStr
    folder : Path
        See `files.folder`.
    correct_rights : bool
        Take the rights of others from a token file that they can read, instead of refusing it.
    """

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        app_key: str | SecretStr,
        app_secret: str | SecretStr,
        folder: Path,
        *,
        correct_rights: bool = False,
    ) -> None:
        self._transport, self._clock = transport, clock
        self._key, self._secret = SecretStr(_plain(app_key)), SecretStr(_plain(app_secret))
        self._of = fingerprint(transport.host, _plain(app_key))
        self.path, self._lock = folder / f"{self._of}.token", folder / f"{self._of}.lock"
        self._correct = correct_rights
        self._kept = Kept()
        self._flight: asyncio.Task[str] | None = None
        self._barren: tuple[str, int] = ("", 0)  # a token that KIS gave again although it refuses it, and until when not to ask

    @property
    def issued(self) -> int:
        """When the token that is used was given, ns UTC; 0 where there is none yet."""
        return self._kept.issued

    @property
    def ends(self) -> int:
        """When it ends, ns UTC; 0 where there is none yet."""
        return self._kept.ends

    async def get(self, until: int | None = None) -> str:
        """The token to use; KIS is asked only where there is none that lasts.

        Parameters
        ----------
        until : int, optional
            Wait no longer than that, ns UTC.

        Raises
        ------
        NotSentError
            There is none before `until`, or KIS cannot be reached.
        VenueError
            KIS gives none.
        UsageError
            The file is not safe, or cannot be written.
        """
        if self._kept.ends - self._clock.now > EARLY:
            return self._kept.token
        return await self._obtain("", until)

    async def renew(self, old: str, until: int | None = None) -> str:
        """Another token than `old`, which KIS refuses; see `get`."""
        if self._kept.token != old and self._kept.ends - self._clock.now > EARLY:
            return self._kept.token
        if self._barren[0] == old and self._clock.now < self._barren[1]:
            raise VenueError(_again(self._transport.host))
        return await self._obtain(old, until)

    async def _obtain(self, refused: str, until: int | None) -> str:
        """Join the flight that is under way, or begin one."""
        while True:
            if self._flight is None or self._flight.done():
                self._flight = asyncio.ensure_future(self._fly(refused))
                self._flight.add_done_callback(lambda flight: flight.cancelled() or flight.exception())
            flight = self._flight
            if not await wait_until(self._clock, flight, until):
                raise NotSentError(f"no token of {self._transport.host} in time: KIS gives one a minute; nothing was sent")
            if flight.cancelled():
                raise VenueError(f"no token of {self._transport.host}: it was given up while it was asked for")
            token = flight.result()
            if token != refused or not refused:
                return token

    async def close(self) -> None:
        """Wait for no token any more. It stays valid: the next start uses it."""
        if self._flight is not None and not self._flight.done():
            self._flight.cancel()
            await asyncio.wait({self._flight})

    async def _fly(self, refused: str) -> str:
        """Take the token of the file, or wait for the minute and ask KIS."""
        wish = _Wish(refused, _pause())
        while wish.refusals < ATTEMPTS:
            with self._locked() as held:
                found = await self._step(wish) if held else self._clock.now + LOCK_LOOK
            if isinstance(found, str):
                return found
            await self._clock.sleep_until(min(found, self._clock.now + LOOK))
        raise VenueError(f"{self._transport.host} gave no token {ATTEMPTS} times because of its minute: another program asks with this key")

    async def _step(self, wish: _Wish) -> str | int:
        """A token; or when to look again, ns UTC. The file is locked."""
        kept, now = self._read(), self._clock.now
        lasts = kept.ends - now if kept.token != wish.refused else 0
        if lasts > EARLY or (lasts > 0 and now - kept.asked < EARLY):
            return self._use(kept)
        due = kept.asked + wish.pause if kept.asked else now
        if due > now:
            return due
        try:
            found = await self._ask(kept, wish)
        except VenueError as error:
            if lasts <= 0 or kept.ends <= self._clock.now:
                raise
            log.warning("the token of %s ends soon, and no other can be had: %s", self._transport.host, error)
            return self._use(kept)
        if found is None:
            wish.refusals, wish.pause = wish.refusals + 1, _pause()
            return self._clock.now
        return self._use(found)

    async def _ask(self, kept: Kept, wish: _Wish) -> Kept | None:
        """Ask KIS for a token, and write down when it answered; None where its minute is not over."""
        stale = replace(kept, token="", issued=0, ends=0) if kept.token == wish.refused else kept
        self._write(replace(stale, asking=True))
        answered = stale
        body = {"grant_type": "client_credentials", "appkey": self._key.get_secret_value(), "appsecret": self._secret.get_secret_value()}
        try:
            reply = await self._transport.request("POST", PATH, HEADERS, body=json.dumps(body).encode(), name="token")
            answered = replace(stale, asked=self._clock.now)
            issued = _issued(reply, self._transport.host, self._clock.now)
            if issued is None:
                return None
            if issued.token == wish.refused:
                self._barren = issued.token, self._clock.now + EARLY
                raise VenueError(_again(self._transport.host))
            answered = issued
            return issued
        except NotSentError:
            raise
        except VenueError:
            answered = replace(answered, asked=self._clock.now)
            raise
        except asyncio.CancelledError:
            answered = replace(stale, asked=self._clock.now)
            raise
        finally:
            self._note(answered)

    def _note(self, kept: Kept) -> None:
        """Write down what KIS answered; where that fails, the file still says that it was asked."""
        try:
            self._write(kept)
        except UsageError as error:
            log.error("%s; the next process asks for another token", error)

    def _use(self, kept: Kept) -> str:
        self._kept = kept
        return kept.token

    @contextlib.contextmanager
    def _locked(self) -> Iterator[bool]:
        try:
            descriptor, _ = open_private(self._lock)
        except OSError as error:
            raise UsageError(f"{self._lock} cannot be opened: {error.strerror}; name another folder as token_cache") from None
        try:
            with locked(descriptor) as held:
                yield held
        finally:
            os.close(descriptor)

    def _read(self) -> Kept:
        """What the file holds. What cannot be trusted is not used; the minute then counts from now on, for the file does not say when."""
        why = unsafe(self.path)
        if why and self._correct and readable(self.path):
            log.warning("%s; its rights are set to 0600", why)
            make_private(self.path)
            why = ""
        if why:
            raise UsageError(f"{why}; or let correct_rights do it")
        content, now = read_bytes(self.path), self._clock.now
        if content is None:
            return Kept()
        kept = _parsed(content, self._of)
        if isinstance(kept, str):
            log.warning("the token in %s is not used: %s", self.path, kept)
            kept = Kept(asking=True)
        if kept.asking or kept.asked > now:
            kept = replace(kept, asked=now, asking=False)
            self._write(kept)
        return kept

    def _write(self, kept: Kept) -> None:
        said = {"version": VERSION, "of": self._of, **asdict(kept)}
        try:
            write_bytes(self.path, json.dumps(said | {"check": _check(said)}).encode())
        except OSError as error:
            raise UsageError(f"{self.path} cannot be written: {error.strerror}; name another folder as token_cache") from None

    def __repr__(self) -> str:
        return f"Tokens({self._transport.host})"


@dataclass(slots=True)
class _Wish:
    """What is looked for: any token but `refused`; how long after KIS's last answer it may be asked; how often its minute refused us."""

    refused: str
    pause: int
    refusals: int = 0


def _pause() -> int:
    return random.randint(SHORTEST, LONGEST)


def _again(host: str) -> str:
    return f"{host} refuses its token, and gives the same one when asked for another; look at the state of the app key at KIS"


def _plain(secret: str | SecretStr) -> str:
    return secret.get_secret_value() if isinstance(secret, SecretStr) else secret


def _check(said: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(said, sort_keys=True).encode())


def _parsed(content: bytes, of: str) -> Kept | str:
    """What a file says, or why it says nothing."""
    try:
        said = json.loads(content)
        check, version, owner = said.pop("check"), said.pop("version"), said.get("of")
        if check != _check({"version": version, **said}):
            return "it is damaged"
        if version != VERSION:
            return f"it is of version {version}, and {VERSION} is known"
        if owner != of:
            return "it is that of another app key or host"
        del said["of"]
        return Kept(**said)
    except (ValueError, KeyError, TypeError, AttributeError):
        return "it is torn"


def _issued(reply: Reply, host: str, now: int) -> Kept | None:
    """The token that an answer holds; None where KIS's minute is not over.

    Raises
    ------
    VenueError
        It holds none.
    """
    try:
        said = json_of(reply)
    except UnreadableError as error:
        if reply.status == FORBIDDEN:
            return None
        raise VenueError(f"{host} gave no token: {error}") from None
    token, code = said.get("access_token"), said.get("error_code", said.get("msg_cd", ""))
    if reply.status == 200 and isinstance(token, str) and re.fullmatch("[!-~]+", token):
        ends = _ends(said, now)
        if ends <= now:
            raise VenueError(f"{host} gave a token that has ended by our clock, or does not say when it ends; set the clock right")
        return Kept(token=token, issued=now, ends=ends, asked=now)
    if code == MINUTE or (reply.status == FORBIDDEN and not code):
        return None
    text = said.get("error_description", said.get("msg1", ""))
    hint = "; app key and secret must be of this host, live or paper" if reply.status < 500 else ""
    raise VenueError(f"{host} gave no token: HTTP {reply.status} {_code(code)} {shown(str(text))}{hint}")


def _code(code: Any) -> str:
    return code if isinstance(code, str) and re.fullmatch("[A-Z]{3,4}[0-9]{4,5}", code) else shown(str(code))


def _ends(said: Mapping[str, Any], now: int) -> int:
    """When a token ends, ns UTC: the sooner of its length and its end, which is a time in Seoul; 0 where it has neither."""
    found = []
    with contextlib.suppress(KeyError, ValueError, TypeError):
        found.append(now + int(said["expires_in"]) * SECOND)
    try:
        end = datetime.strptime(said["access_token_token_expired"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=SEOUL)
        found.append(int(end.timestamp()) * SECOND)
    except (KeyError, ValueError, TypeError):
        pass
    return min(found, default=0)
