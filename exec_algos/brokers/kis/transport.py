"""`Transport`: one request, one answer, once. What it raises says whether a byte of the request can have left.

httpx writes each address it asks into its log, and with it the account; httpcore writes headers. Both are silent while a request of ours
is under way. No error holds more than method, path and TR id.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

import httpx

from exec_algos.brokers.kis.answers import Reply
from exec_algos.errors import NotSentError, UsageError, VenueError

if TYPE_CHECKING:
    from exec_algos.brokers.kis.operations import Ask

TIMEOUT = 10.0  # seconds of real time
KEPT = 5.0  # seconds that a connection is kept while nothing is asked: one that KIS closes meanwhile makes an outcome unknown
CONNECTIONS = 32
MOST = 16 << 20  # bytes of an answer
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
BEFORE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""What httpx raises while it makes a connection, TLS and all: no byte of the request has left."""
CHATTY = ("httpx", "httpcore", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks")

_ours: ContextVar[bool] = ContextVar("ours", default=False)


class _Silent(logging.Filter):
    """Drops what is said while a request of ours is under way."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _ours.get()


_SILENT = _Silent()


class Transport:
    """Requests to one host over kept connections. None is repeated, no redirect followed, no proxy asked.

    Parameters
    ----------
    rest_url : str
        ``https://host:port``; ``http://`` only on loopback.
    timeout : float
        Seconds of real time for a request in all; a quarter to connect, and as much for TLS.

    Raises
    ------
    UsageError
        An address or a time that cannot be.
    """

    def __init__(self, rest_url: str, timeout: float = TIMEOUT) -> None:
        _check(rest_url, timeout)
        self.url, self.timeout = rest_url.rstrip("/"), timeout
        for name in CHATTY:
            logging.getLogger(name).addFilter(_SILENT)
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=KEPT)
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(retries=0, limits=limits, trust_env=False),
            timeout=httpx.Timeout(
                timeout, connect=timeout / 4, pool=timeout / 4
            ),  # TCP and TLS end before the whole does: not sent is told
            follow_redirects=False,
            trust_env=False,
        )

    @property
    def host(self) -> str:
        """Host and port of the address: what names the files of a key."""
        return urlsplit(self.url).netloc

    async def send(self, ask: Ask, headers: Mapping[str, str]) -> Reply:
        """The answer to a request, whatever its status; see `request`."""
        return await self.request(ask.method, ask.path, headers, query=ask.query, body=ask.body, name=ask.tr_id)

    async def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        name: str = "",
    ) -> Reply:
        """The answer to one request.

        Parameters
        ----------
        headers : mapping of str to str
            They hold secrets, and are shown nowhere.
        body : bytes
            Sent with its length.
        name : str
            What messages call it beside method and path.

        Raises
        ------
        NotSentError
            No connection was made, so that no byte of the request left.
        VenueError
            It may have arrived: no answer came, or half of one.
        """
        what = f"{method} {self.host}{path}{name and ' ' + name}"
        url = self.url + path + ("?" + urlencode(query, quote_via=quote) if query else "")
        mark = _ours.set(True)
        try:
            async with asyncio.timeout(self.timeout):
                return await self._exchange(method, url, headers, body)
        except BEFORE as error:
            raise NotSentError(f"{what}: no connection: {type(error).__name__}; nothing was sent") from None
        except TimeoutError:
            raise VenueError(f"{what}: no answer within {self.timeout:g} s") from None
        except VenueError as error:
            raise VenueError(f"{what}: {error}") from None
        except Exception as error:  # whatever it is, the request may have arrived; its text may hold a header
            raise VenueError(f"{what}: no answer: {type(error).__name__}") from None
        finally:
            _ours.reset(mark)

    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        # httpx sends a body of bytes with its length, never in chunks
        async with self._http.stream(method, url, headers=dict(headers), content=body or None) as response:
            content = bytearray()
            async for part in response.aiter_bytes():
                content += part
                if len(content) > MOST:
                    raise VenueError(f"answered {response.status_code} with more than {MOST >> 20} MB")
            return Reply(response.status_code, dict(response.headers), bytes(content))

    async def close(self) -> None:
        """Let go of connections."""
        mark = _ours.set(True)
        try:
            await self._http.aclose()
        finally:
            _ours.reset(mark)

    def __repr__(self) -> str:
        return f"Transport({self.url!r})"


def _check(rest_url: str, timeout: float) -> None:
    try:
        parts = urlsplit(rest_url)
        fine = bool(parts.hostname) and not (parts.path.strip("/") or parts.query or parts.username) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or parts.scheme not in ("https", "http"):
        raise UsageError(f"rest_url must be https://host:port, got {rest_url!r}")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise UsageError(f"rest_url {rest_url!r} would show the keys to everybody on the way; use https")
    if isinstance(timeout, bool) or not 0 < timeout < math.inf:
        raise UsageError(f"timeout must be seconds above 0, got {timeout!r}")
