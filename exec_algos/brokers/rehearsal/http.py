"""`VenueHTTP`: one request, one answer, or an error that says whether the request can have arrived."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import httpx

from exec_algos.brokers.rehearsal.transport import PlainTransport
from exec_algos.errors import NotSentError, VenueError

BEFORE = (httpx.ConnectError, httpx.ConnectTimeout)
"""What is raised before a byte of the request has left."""
TOO_MANY = 429


class Answer(NamedTuple):
    """An answer that came in whole: its status, and its JSON object."""

    status: int
    said: dict[str, Any]


class VenueHTTP:
    """Requests to one venue. None is repeated, no redirect is followed, no proxy is asked.

    Parameters
    ----------
    url : str
    account : str
    timeout : float
        Seconds of real time to connect, and as many for the answer.
    """

    def __init__(self, url: str, account: str, timeout: float) -> None:
        self.url, self._timeout = url.rstrip("/"), timeout
        self._client = httpx.AsyncClient(
            transport=PlainTransport(), timeout=timeout, headers={"x-account": account}, follow_redirects=False, trust_env=False
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None, query: dict[str, Any] | None = None) -> Answer:
        """The answer to one request.

        Raises
        ------
        NotSentError
            No connection was made, so that the request did not leave.
        VenueError
            It may have arrived: no answer came, or one that makes no sense.
        """
        what = f"{method} {self.url}{path}"
        try:
            response = await self._client.request(method, self.url + path, json=body, params=query)
        except BEFORE as error:
            raise NotSentError(f"{what}: no connection: {_named(error)}") from error
        except httpx.HTTPError as error:
            raise VenueError(f"{what}: no answer: {_named(error)}") from error
        try:
            said = json.loads(response.content)
        except ValueError:
            raise VenueError(f"{what}: answered {response.status_code} with what is no JSON: {response.text[:200]!r}") from None
        if not isinstance(said, dict):
            raise VenueError(f"{what}: answered {response.status_code} with what is no object: {said!r}")
        return Answer(response.status_code, said)

    async def read(self, path: str, query: dict[str, Any] | None = None) -> dict[str, Any]:
        """What a read says; one that fails raises `VenueError`."""
        status, said = await self.ask("GET", path, query=query)
        if status != 200:
            raise VenueError(f"GET {self.url}{path}: answered {status}: {said.get('text', said)}")
        return said


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
