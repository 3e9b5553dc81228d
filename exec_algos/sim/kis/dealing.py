"""`Dealer`: which fault a request meets, whether the call behind it is carried out, and what of its answer goes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from exec_algos.sim.faults import Fault
from exec_algos.sim.http import Reply
from exec_algos.sim.kis import faults as named
from exec_algos.sim.kis import spoiling
from exec_algos.sim.kis.auth import Auth
from exec_algos.sim.kis.calls import Answer, Call, Endpoint, Lag, done
from exec_algos.sim.kis.world import SECOND, World

TOO_MANY = ("EGW00201", "초당 거래건수를 초과하였습니다.")
LEDGER_BUSY = ("EGW00215", "원장 초당 거래건수를 초과하였습니다.")
EXPIRED = ("EGW00123", "기간이 만료된 token 입니다.")
BROKEN = ("EGW00002", "서버 에러가 발생했습니다.")
EARLY = 0.1  # seconds of real time by which a notice overtakes the answer


class Running:
    """A call that the gateway let through, to be carried out once; the journal is told what came of it.

    Parameters
    ----------
    world : World
    endpoint : Endpoint
    call : Call
    entry : dict
        Of the journal.
    """

    def __init__(self, world: World, endpoint: Endpoint, call: Call, entry: dict[str, Any]) -> None:
        self._world, self._endpoint, self.call, self._entry = world, endpoint, call, entry

    def __call__(self) -> Reply:
        """Carry it out, and answer."""
        return replied(self.answer())

    def answer(self) -> Answer:
        """Carry it out."""
        found = self._endpoint.run(replace(self.call, now=self._world.now))
        self._entry["code"] = str(found.body.get("msg_cd", ""))
        self._entry["accepted"] = found.body.get("rt_cd") == "0" or bool(found.odno)
        if found.odno:
            self._entry["odno"] = found.odno
        output = found.body.get("output")
        if self._endpoint.orders and isinstance(output, dict):
            self._entry["odno"] = next((value for name, value in output.items() if name.upper() == "ODNO"), "")
        return found


def replied(answer: Answer) -> Reply:
    """An answer as it goes out."""
    reply = spoiling.as_reply(answer.body, answer.status)
    return replace(reply, headers=() if answer.tr_cont is None else (("tr_cont", answer.tr_cont),))


class Dealer:
    """Deals the faults of a world to the requests of its gateway.

    Parameters
    ----------
    world : World
    auth : Auth
    publish : callable
        Pushes what happened at the exchange.
    shut : callable
        Refuses connections to a host (paper or not) for some seconds of real time.
    """

    def __init__(self, world: World, auth: Auth, publish: Callable[[], None], shut: Callable[[bool, float], None]) -> None:
        self._world, self._auth, self._publish, self._shut = world, auth, publish, shut
        self.dealt: list[dict[str, Any]] = []
        self._special: dict[str, Callable[[Fault, Running], Reply]] = {
            "accept_late": self._later,
            "no_odno": lambda _, run: self._changed(run, lambda body: spoiling.without_number(body, world.rng)),
            "no_odno_unaccepted": lambda _, run: self._numberless(),
            "egw00201": lambda _, run: spoiling.gateway_error(*TOO_MANY),
            "egw00215": lambda _, run: spoiling.gateway_error(*LEDGER_BUSY),
            "egw00215_accepted": self._busy_after,
            "token_expired": self._expired,
            "push_early": self._early,
            "missing_tr_cont": lambda _, run: replied(replace(run.answer(), tr_cont=None)),
            "output_object": lambda fault, run: self._changed(run, lambda body: spoiling.wrong_rows(fault.name, body)),
            "output_missing": lambda fault, run: self._changed(run, lambda body: spoiling.wrong_rows(fault.name, body)),
        }

    def next(self, entry: dict[str, Any], *classes: str) -> Fault | None:
        """What a request of these classes meets; None for nothing."""
        fault = self._world.faults.next(*classes)
        if fault is not None:
            entry["fault"] = fault.name
            self.dealt.append({"on": classes[0], "fault": fault.name, "seconds": fault.seconds, "time": self._world.now, "n": entry["n"]})
        return fault

    def lag(self, fault: Fault | None) -> Lag:
        """After how long an order that is taken appears: drawn by the settings, but where a fault says it."""
        world = self._world
        drawn = {name: world.rng.uniform(*getattr(world.settings, f"lag_{name}")) for name in Lag._fields}
        if fault is not None and fault.name in named.LAGS:
            drawn |= {name: fault.seconds for name in Lag._fields if fault.name in ("lag", f"lag_{name}")}
        return Lag(**drawn)

    def call(self, fault: Fault, run: Running) -> Reply:
        """The reply to a business call under a fault."""
        special = self._special.get(fault.name)
        return self.plain(fault, run, run.call.paper) if special is None else special(fault, run)

    def plain(self, fault: Fault, run: Callable[[], Reply], paper: bool) -> Reply:
        """The reply to any call under a fault that asks nothing of what is called."""
        name, seconds = fault.name, fault.seconds / self._world.clock.speed
        if name in named.NOT_DONE:
            if name == "refused_before":
                self._shut(paper, seconds)
            return self._lost(named.NOT_DONE[name], spoiling.gateway_error(*BROKEN), seconds)
        reply = run()
        if name in named.DONE:
            return self._lost(named.DONE[name], reply, seconds)
        return spoiling.broken(name, reply) if name in named.SPOILT else reply

    def _lost(self, how: str, reply: Reply, seconds: float) -> Reply:
        return spoiling.lost(how, reply, seconds=seconds, hang=self._world.faults.hang, chance=self._world.rng)

    def _later(self, fault: Fault, run: Running) -> Reply:
        self._world.exchange.defer(self._world.now + round(fault.seconds * SECOND), run.answer)
        return spoiling.silence(self._world.faults.hang)

    @staticmethod
    def _changed(run: Running, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Reply:
        answer = run.answer()
        return replied(replace(answer, body=change(dict(answer.body))))

    @staticmethod
    def _numberless() -> Reply:
        said = done("APBK0013", "주문 전송 완료 되었습니다.", output={"KRX_FWDG_ORD_ORGNO": "", "ODNO": "", "ORD_TMD": ""})
        return replied(said)

    @staticmethod
    def _busy_after(fault: Fault, run: Running) -> Reply:
        run.answer()
        return spoiling.gateway_error(*LEDGER_BUSY)

    def _expired(self, fault: Fault, run: Running) -> Reply:
        self._auth.expire(run.call.app_key)
        return spoiling.gateway_error(*EXPIRED, self._world.settings.token_status)

    def _early(self, fault: Fault, run: Running) -> Reply:
        reply = run()
        self._publish()
        return replace(reply, delay=EARLY)
