"""`Auth`: tokens and keys for the web socket, as KIS gives them out, and whether those of a request are right."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from exec_algos.sim.http import Request
from exec_algos.sim.kis.world import SECOND, Approval, Identity, World, kst

GRANT = "client_credentials"
MINUTE_TEXT = "접근토큰 발급 잠시 후 다시 시도하세요(1분당 1회)"


class GatewayError(Exception):
    """A request that the gateway refuses.

    Parameters
    ----------
    code, text : str
    status : int
    """

    def __init__(self, code: str, text: str, status: int = 500) -> None:
        super().__init__(f"{code} {text}")
        self.code, self.text, self.status = code, text, status


@dataclass(slots=True)
class Token:
    """A token that was given out. `expires`, `issued`, `revoked`: ns UTC; `revoked` is 0 while it holds."""

    text: str = field(repr=False)
    identity: Identity
    issued: int
    expires: int
    revoked: int = 0
    given: int = 1

    def over(self, now: int) -> bool:
        """Whether it holds no more."""
        return bool(self.revoked) or now >= self.expires


class Auth:
    """Gives out tokens, and looks at them.

    Parameters
    ----------
    world : World
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.tokens: list[Token] = []
        self.asked: list[dict[str, Any]] = []
        self._by_text: dict[str, Token] = {}
        self._last: dict[str, int] = {}
        self._last_approval: dict[str, int] = {}

    def token(self, request: Request, paper: bool, delay: int = 0) -> dict[str, Any]:
        """Answer tokenP; `delay`: ns after which the answer goes, from where its minute counts.

        Raises
        ------
        GatewayError
            Wrong names, keys, or a request too many.
        """
        identity = self._customer(self._body(request), paper, "appsecret")
        now, settings = self._world.now, self._world.settings
        last = self._last.get(identity.app_key)
        early = last is not None and now < last + round(settings.token_gap * SECOND)
        if not early or settings.refusals_count:
            self._last[identity.app_key] = now + delay
        self.asked.append({"time": now, "paper": paper, "app_key": identity.app_key[-4:], "given": not early})
        if early:
            raise GatewayError("EGW00133", MINUTE_TEXT, 403)
        found = self._current(identity) or self._issue(identity)
        left = (found.expires - now) // SECOND
        date, time = kst(found.expires)
        until = f"{date[:4]}-{date[4:6]}-{date[6:]} {time[:2]}:{time[2:4]}:{time[4:]}"
        return {"access_token": found.text, "access_token_token_expired": until, "token_type": "Bearer", "expires_in": left}

    def _current(self, identity: Identity) -> Token | None:
        """The token that the customer gets again; None where a new one is due."""
        now, same = self._world.now, round(self._world.settings.token_same * SECOND)
        own = [token for token in self.tokens if token.identity is identity]
        if not own or own[-1].over(now) or now >= own[-1].issued + same:
            return None
        own[-1].given += 1
        return own[-1]

    def _issue(self, identity: Identity) -> Token:
        now = self._world.now
        if self._world.settings.new_token_ends_old:
            for old in self.tokens:
                old.revoked = old.revoked or now if old.identity is identity else old.revoked
        text = f"eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzUxMiJ9.{secrets.token_urlsafe(150)}.{secrets.token_urlsafe(60)}"
        found = Token(text, identity, now, now + round(self._world.settings.token_lifetime * SECOND))
        self.tokens.append(found)
        self._by_text[text] = found
        return found

    def revoke(self, request: Request, paper: bool) -> dict[str, Any]:
        """Answer revokeP."""
        said = self._body(request)
        identity = self._customer({**said, "grant_type": GRANT}, paper, "appsecret")
        token = self._by_text.get(str(said.get("token")))
        if token is None or token.identity is not identity:
            raise GatewayError("EGW00121", "유효하지 않은 token 입니다.", 500)
        token.revoked = token.revoked or self._world.now
        return {"code": 200, "message": "접근토큰 폐기에 성공하였습니다"}

    def approve(self, request: Request, paper: bool) -> dict[str, Any]:
        """Answer /oauth2/Approval: the secret's name there is ``secretkey``."""
        identity = self._customer(self._body(request), paper, "secretkey")
        now = self._world.now
        last = self._last_approval.get(identity.app_key)
        if last is not None and now < last + SECOND:
            raise GatewayError("EGW00201", "초당 거래건수를 초과하였습니다.")
        self._last_approval[identity.app_key] = now
        text = secrets.token_hex(16)
        key = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
        expires = now + round(self._world.settings.approval_lifetime * SECOND)
        self._world.approvals[key] = Approval(key=key, identity=identity, expires=expires)
        return {"approval_key": key}

    def expire(self, app_key: str = "") -> int:
        """End tokens before their time, those of one app key or all; how many."""
        ended = [token for token in self.tokens if app_key in ("", token.identity.app_key) and not token.over(self._world.now)]
        for token in ended:
            token.expires = self._world.now
        return len(ended)

    def expire_approvals(self, app_keys: set[str]) -> None:
        """End keys for the web socket before their time."""
        for name, known in self._world.approvals.items():
            if known.identity.app_key in app_keys:
                self._world.approvals[name] = replace(known, expires=min(known.expires, self._world.now))

    def identity(self, headers: Mapping[str, str], paper: bool) -> Identity:
        """Whose a business request is, by its headers.

        Raises
        ------
        GatewayError
            A key, a secret or a token that is not there, or is not right.
        """
        identity = self._keys(headers.get("appkey"), headers.get("appsecret"), paper, "appsecret", 500)
        said, status = headers.get("authorization", ""), self._world.settings.token_status
        if not said:
            raise GatewayError("EGW00122", "token 을 찾을 수 없습니다.", status)
        scheme, _, text = said.partition(" ")
        if scheme != "Bearer":
            raise GatewayError("EGW00205", "credentials_type이 유효하지 않습니다.(Bearer)")
        token = self._by_text.get(text.strip())
        if not text.strip():
            raise GatewayError("EGW00122", "token 을 찾을 수 없습니다.", status)
        if token is None or token.identity is not identity or token.revoked:
            raise GatewayError("EGW00121", "유효하지 않은 token 입니다.", status)
        if token.over(self._world.now):
            raise GatewayError("EGW00123", "기간이 만료된 token 입니다.", status)
        return identity

    def _customer(self, said: Mapping[str, Any], paper: bool, secret: str) -> Identity:
        if said.get("grant_type") != GRANT:
            raise GatewayError("EGW00112", "유효하지 않은 grant_type 입니다.", 403)
        return self._keys(said.get("appkey"), said.get(secret), paper, secret, 403)

    def _keys(self, app_key: Any, app_secret: Any, paper: bool, secret: str, status: int) -> Identity:
        if not app_key or not isinstance(app_key, str):
            raise GatewayError("EGW00102", "AppKey는 필수입니다.", status)
        if not app_secret or not isinstance(app_secret, str):
            raise GatewayError("EGW00104", f"AppSecret은 필수입니다. ({secret})", status)
        identity = self._world.identity(app_key, paper)
        if identity is None:
            raise GatewayError("EGW00103", "유효하지 않은 AppKey입니다.", status)
        if identity.app_secret != app_secret:
            raise GatewayError("EGW00105", "유효하지 않은 AppSecret입니다.", status)
        return identity

    @staticmethod
    def _body(request: Request) -> Mapping[str, Any]:
        try:
            said = request.json()
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            raise GatewayError("EGW00101", "유효하지 않은 요청입니다.", 400)
        return said


def envelope(error: GatewayError) -> bytes:
    """A refusal as business calls are answered."""
    return json.dumps({"rt_cd": "1", "msg_cd": error.code, "msg1": error.text}, ensure_ascii=False).encode()


def plain(error: GatewayError) -> bytes:
    """A refusal as calls for tokens are answered."""
    return json.dumps({"error_description": error.text, "error_code": error.code}, ensure_ascii=False).encode()
