"""`Gateway`: what a request meets before a desk sees it: keys, token, TR id, limit of rate, form of its fields, faults; and the journal."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl

from exec_algos.sim.http import Reply, Request
from exec_algos.sim.kis import faults as named
from exec_algos.sim.kis import spoiling
from exec_algos.sim.kis.auth import Auth, GatewayError, envelope, plain
from exec_algos.sim.kis.calls import NO_LAG, Call, Endpoint
from exec_algos.sim.kis.dealing import TOO_MANY, Dealer, Running
from exec_algos.sim.kis.journal import TAIL, Journal, without_secrets
from exec_algos.sim.kis.world import SECOND, Identity, World

OLD_IDS = {
    "TTTC0802U": "TTTC0012U", "TTTC0801U": "TTTC0011U", "TTTC0803U": "TTTC0013U", "TTTC8036R": "TTTC0084R", "TTTC8001R": "TTTC0081R",
    "CTSC9115R": "CTSC9215R", "VTTC0802U": "VTTC0012U", "VTTC0801U": "VTTC0011U", "VTTC0803U": "VTTC0013U", "VTTC8001R": "VTTC0081R",
    "VTSC9115R": "VTSC9215R",
}  # fmt: skip
"""TR ids of before, and what they are called."""
CONTENT = "application/json"
CUSTOMERS = ("P", "B")


class Gateway:
    """Lets requests through to the desks, or does not.

    Parameters
    ----------
    world : World
    endpoints : sequence of Endpoint
    publish : callable
        Pushes what happened at the exchange.
    shut : callable
        Refuses connections to a host (paper or not) for some seconds of real time.
    """

    def __init__(
        self, world: World, endpoints: Sequence[Endpoint], publish: Callable[[], None], shut: Callable[[bool, float], None]
    ) -> None:
        self.world, self.auth, self.journal = world, Auth(world), Journal()
        self.dealer = Dealer(world, self.auth, publish, shut)
        self._endpoints: dict[tuple[str, str], list[Endpoint]] = {}
        for endpoint in endpoints:
            self._endpoints.setdefault((endpoint.method, endpoint.path), []).append(endpoint)
        self._passed: dict[str, deque[int]] = {}

    def handle(self, request: Request, paper: bool) -> Reply:
        """The reply to a request that came in at a host; the exchange has been advanced to the present."""
        path = "/" + "/".join(request.path)
        entry = self._written(request, paper, path)
        answer = self._oauth if request.path[:1] == ("oauth2",) else self._business
        reply = answer(request, paper, path, entry)
        entry["status"], entry["manner"], entry["delay"] = reply.status, reply.manner, reply.delay
        return self._dressed(reply, request, entry)

    def _written(self, request: Request, paper: bool, path: str) -> dict[str, Any]:
        fields = _fields(request)
        headers = without_secrets(request.headers)
        return self.journal.add(
            time=self.world.now, host="paper" if paper else "live", method=request.method, path=path, headers=headers,
            app_key=request.headers.get("appkey", "")[-TAIL:], tr_id=request.headers.get("tr_id", ""),
            tr_cont=request.headers.get("tr_cont", ""), fields=without_secrets(fields if isinstance(fields, dict) else {}), throttled=False,
            fault="", code="",
        )  # fmt: skip

    def _dressed(self, reply: Reply, request: Request, entry: dict[str, Any]) -> Reply:
        """The reply with KIS's headers: the date is that of the venue's clock."""
        world = self.world
        date = formatdate((world.now + round(world.settings.date_skew * SECOND)) / SECOND, usegmt=True)
        typed = any(name == "content-type" for name, _ in reply.headers)
        headers = [("date", date), ("gt_uid", f"{entry['n']:032d}")]
        if not typed:
            headers.append(("content-type", "application/json; charset=utf-8"))
        if entry["tr_id"].isascii() and entry["tr_id"].isalnum():
            headers.append(("tr_id", entry["tr_id"]))
        packed = any(name == "content-encoding" for name, _ in reply.headers)
        if world.settings.gzip and not packed and "gzip" in request.headers.get("accept-encoding", ""):
            reply = spoiling.compressed(reply)
        return Reply(reply.status, reply.body, reply.manner, reply.delay, reply.then, (*headers, *reply.headers))

    # tokens

    def _oauth(self, request: Request, paper: bool, path: str, entry: dict[str, Any]) -> Reply:
        fault = self.dealer.next(entry, "token") if (request.method, path) == ("POST", "/oauth2/tokenP") else None
        delay = round(fault.seconds * SECOND) if fault is not None and fault.name == "slow" else 0
        routes: dict[tuple[str, str], Callable[[], dict[str, Any]]] = {
            ("POST", "/oauth2/tokenP"): lambda: self.auth.token(request, paper, delay),
            ("POST", "/oauth2/revokeP"): lambda: self.auth.revoke(request, paper),
            ("POST", "/oauth2/Approval"): lambda: self.auth.approve(request, paper),
        }

        def run() -> Reply:
            try:
                route = routes.get((request.method, path))
                if route is None:
                    raise GatewayError("EGW00101", "유효하지 않은 요청입니다.", 404)
                said = route()
            except GatewayError as error:
                entry["code"] = error.code
                return Reply(error.status, plain(error))
            entry["accepted"] = True
            return spoiling.as_reply(said)

        return run() if fault is None else self.dealer.plain(fault, run, paper)

    # business

    def _business(self, request: Request, paper: bool, path: str, entry: dict[str, Any]) -> Reply:
        try:
            identity = self._customer(request, paper)
            endpoint, tr_id = self._endpoint(request, paper, path)
            if not self._within_rate(identity.app_key, paper):
                entry["throttled"] = True
                raise GatewayError(*TOO_MANY)
            fields = self._checked(request, endpoint, identity)
        except GatewayError as error:
            entry["code"] = error.code
            return Reply(error.status, envelope(error))
        fault = self.dealer.next(entry, *_classes(endpoint))
        call = Call(
            paper=paper, app_key=identity.app_key, tr_id=tr_id, tr_cont=request.headers.get("tr_cont", "").strip(), fields=fields,
            now=self.world.now, lag=self.dealer.lag(fault) if endpoint.orders else NO_LAG,
            fault=fault.name if fault is not None and fault.name in named.DESK else "",
        )  # fmt: skip
        run = Running(self.world, endpoint, call, entry)
        return run() if fault is None else self.dealer.call(fault, run)

    def _customer(self, request: Request, paper: bool) -> Identity:
        """Whose it is, by headers that are as they must be."""
        headers, strict = request.headers, self.world.settings.strict_headers
        if "chunked" in headers.get("transfer-encoding", "") or (request.method == "POST" and "content-length" not in headers):
            raise GatewayError("EGW00202", "GW라우팅 중 오류가 발생했습니다.")
        if strict and not headers.get("content-type", "").startswith(CONTENT):
            raise GatewayError("EGW00132", "Content-Type이 유효하지 않습니다.")
        if strict and headers.get("custtype") not in CUSTOMERS:
            raise GatewayError("EGW00208", "고객타입이 유효하지 않습니다.")
        return self.auth.identity(headers, paper)

    def _endpoint(self, request: Request, paper: bool, path: str) -> tuple[Endpoint, str]:
        """The operation that a TR id names at a host, and that id as it is called today."""
        known = self._endpoints.get((request.method, path))
        if known is None:
            raise GatewayError("EGW00203", "OPS라우팅 중 오류가 발생했습니다.", 404)
        said = request.headers.get("tr_id", "")
        tr_id = OLD_IDS.get(said, said) if self.world.settings.old_ids else said
        for endpoint in known:
            if tr_id in (endpoint.paper if paper else endpoint.live):
                return endpoint, tr_id
        if paper:
            raise GatewayError("EGW00213", "모의투자 TR이 아닙니다.")
        raise GatewayError("EGW02004", "실전투자 TR이 아닙니다.")

    def _within_rate(self, app_key: str, paper: bool) -> bool:
        """Whether an app key may ask once more in this second: by times of arrival that the gateway may see a little off."""
        world = self.world
        jitter = world.settings.rate_jitter
        arrival = world.now + round(world.rng.uniform(-jitter, jitter) * SECOND) if jitter else world.now
        passed = self._passed.setdefault(app_key, deque())
        while passed and passed[0] <= world.now - round((1 + 2 * jitter) * SECOND):
            passed.popleft()
        if sum(time > arrival - SECOND for time in passed) >= world.settings.rate(paper):
            return False
        passed.append(arrival)
        return True

    def _checked(self, request: Request, endpoint: Endpoint, identity: Identity) -> dict[str, str]:
        """The fields of a request, each as it must be."""
        fields = _fields(request)
        if not isinstance(fields, dict):
            raise GatewayError("EGW00101", "유효하지 않은 요청입니다. (body)")
        for name in endpoint.required:
            if name not in fields:
                raise GatewayError("OPSQ2001", f"ERROR INPUT FIELD NOT FOUND [{name}]", 200)
        for name, value in fields.items():
            if not isinstance(value, str):
                raise GatewayError("OPSQ2002", f"ERROR INPUT FIELD TYPE [{name}]", 200)
        account = fields.get("CANO", "") + fields.get("ACNT_PRDT_CD", "")
        if "CANO" in endpoint.required and account != identity.account:
            raise GatewayError("OPSQ2000", "ERROR : INPUT INVALID_CHECK_ACNO", 200)
        return fields


def _classes(endpoint: Endpoint) -> tuple[str, ...]:
    """The classes of faults that a call belongs to."""
    if endpoint.orders:
        return ("cancel" if endpoint.path.endswith("rvsecncl") else "order", "any")
    return ("ledger", "read", "any") if endpoint.ledger else ("read", "any")


def _fields(request: Request) -> Any:
    """The fields of a query or of a body; None where the body is no JSON."""
    if request.method == "GET":
        return dict(parse_qsl(request.query_text, keep_blank_values=True))
    try:
        return json.loads(request.body) if request.body else {}
    except (ValueError, RecursionError):
        return None
