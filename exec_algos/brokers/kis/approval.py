"""`Approval`: the key with which a web socket session begins; asked for with the app's secret, and good for a day."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from exec_algos.brokers.kis.answers import json_of, shown
from exec_algos.errors import VenueError
from exec_algos.model import SECOND

if TYPE_CHECKING:
    from pydantic import SecretStr

    from exec_algos.brokers.kis.transport import Transport
    from exec_algos.clock import Clock

PATH = "/oauth2/Approval"
LIFE = 24 * 3600 * SECOND
MARGIN = 600 * SECOND
CODE = re.compile("[A-Z]{3,4}[0-9]{4,6}")
HEADERS = {"content-type": "application/json; charset=utf-8"}


class Approval:
    """Approval keys of one app key. They stay in this process: a session that stands outlives its key.

    Parameters
    ----------
    transport : Transport
    app_key, app_secret : SecretStr
    clock : Clock
    """

    def __init__(self, transport: Transport, app_key: SecretStr, app_secret: SecretStr, clock: Clock) -> None:
        self._transport, self._app_key, self._app_secret, self._clock = transport, app_key, app_secret, clock
        self._key, self._until = "", 0

    async def get(self) -> str:
        """A key that is good for another ten minutes at least.

        Raises
        ------
        VenueError
            The venue gives none.
        """
        if not self._key or self._clock.now >= self._until:
            asked = self._clock.now
            self._key, self._until = await self._ask(), asked + LIFE - MARGIN
        return self._key

    def forget(self) -> None:
        """The venue refused the key."""
        self._key = ""

    async def _ask(self) -> str:
        said = {
            "grant_type": "client_credentials",
            "appkey": self._app_key.get_secret_value(),
            "secretkey": self._app_secret.get_secret_value(),  # not "appsecret", as everywhere else
        }
        reply = await self._transport.request("POST", PATH, HEADERS, body=json.dumps(said).encode())
        answer = json_of(reply)
        key = answer.get("approval_key")
        if reply.status != 200 or not isinstance(key, str) or not key.strip():
            code, text = str(answer.get("error_code", "")), str(answer.get("error_description", ""))
            why = f"{code if CODE.fullmatch(code) else shown(code)} {shown(text)}"
            raise VenueError(f"POST {PATH} answered {reply.status}: {why}: no web socket session; check app key and secret")
        return key.strip()

    def __repr__(self) -> str:
        return f"Approval({'has a key' if self._key else 'no key'})"
