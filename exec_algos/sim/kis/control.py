"""`Control`: what a test, or the person at the simulator, does to a simulated KIS beside its customers, and the truth about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from exec_algos.errors import UnknownNameError, UsageError
from exec_algos.sim.clock import RehearsalClock
from exec_algos.sim.http import Reply, Request, as_json
from exec_algos.sim.kis.calls import Answer
from exec_algos.sim.kis.checks import Wanted
from exec_algos.sim.kis.desk import desk_of
from exec_algos.sim.kis.faults import KISFaults
from exec_algos.sim.kis.gateway import Gateway
from exec_algos.sim.kis.journal import TAIL
from exec_algos.sim.kis.register import Entry
from exec_algos.sim.kis.trading import truth_rows
from exec_algos.sim.kis.world import Identity, World, kst
from exec_algos.sim.orders import BUY, SELL

MOST = 1e15  # shares, or KRW: float64 is exact in whole numbers up to there
SIDES = {"BUY": BUY, "SELL": SELL}


class Control:
    """Serves the control port. No fault and no limit touches it.

    Parameters
    ----------
    world : World
    gateway : Gateway
    hosts, catch_up, drop, steer : callable
        Say where the hosts are and who their customers are; bring the exchange to the present; end every connection of clients; do
        something to the web sockets.
    """

    def __init__(
        self,
        world: World,
        gateway: Gateway,
        hosts: Callable[[], dict[str, Any]],
        catch_up: Callable[[], None],
        drop: Callable[[], None],
        steer: Callable[[Any], None],
    ) -> None:
        self._world, self._gateway, self._catch_up, self._drop = world, gateway, catch_up, drop
        self._desk = desk_of(world)
        self._routes: dict[tuple[str, ...], Callable[[Request], Reply]] = {
            ("GET", "truth"): lambda request: as_json(self.truth(request.query)),
            ("GET", "control", "clock"): lambda _: self._time(),
            ("POST", "control", "clock"): lambda request: self._set_clock(request.json()),
            ("POST", "control", "faults"): lambda request: self._set_faults(request.json()),
            ("GET", "control", "settings"): lambda _: as_json(asdict(world.settings)),
            ("POST", "control", "settings"): lambda request: self._set(request.json()),
            ("GET", "control", "hosts"): lambda _: as_json(hosts()),
            ("POST", "control", "account"): lambda request: self._set_account(request.json()),
            ("POST", "control", "order"): lambda request: self._order(request.json()),
            ("POST", "control", "cancel"): lambda request: self._cancel(request.json()),
            ("POST", "control", "fills"): lambda request: self._plan(request.json()),
            ("POST", "control", "expire_token"): lambda request: self._expire(request.json()),
            ("POST", "control", "drop"): lambda _: Reply(then=drop),
            ("POST", "control", "stream"): lambda request: self._stream(request.json(), steer),
        }

    def handle(self, request: Request) -> Reply:
        """The reply to a request of the control port."""
        self._catch_up()
        route = self._routes.get((request.method, *request.path))
        if route is None:
            known = ", ".join(f"{method} /{'/'.join(path)}" for method, *path in self._routes)
            return as_json({"text": f"there is no {request.method} /{'/'.join(request.path)} here; there are {known}"}, 404)
        try:
            return route(request)
        except (UsageError, ValueError, TypeError) as error:
            return as_json({"text": " ".join(str(error).split())}, 400)

    def truth(self, query: dict[str, str]) -> dict[str, Any]:
        """All that it has. ``requests=no`` leaves the journal out, ``since=N`` begins it after its N-th entry."""
        world, gateway = self._world, self._gateway
        since = int(query.get("since", 0))
        requests = [] if query.get("requests") == "no" else gateway.journal.entries[since:]
        return {
            "now": world.now,
            **truth_rows(world),
            "requests": requests,
            "tokens": self._tokens(),
            "token_requests": gateway.auth.asked,
            "faults": gateway.dealer.dealt,
            "rates": gateway.journal.rates(),
        }

    def _tokens(self) -> list[dict[str, Any]]:
        return [
            {
                "host": "paper" if token.identity.paper else "live", "app_key": token.identity.app_key[-TAIL:], "issued": token.issued,
                "expires": token.expires, "revoked": token.revoked, "given": token.given,
            }
            for token in self._gateway.auth.tokens
        ]  # fmt: skip

    # time, faults, settings

    def _time(self) -> Reply:
        clock = self._world.clock
        return as_json({"now": self._world.now, "speed": clock.speed, "paused": clock.paused})

    def _set_clock(self, said: Any) -> Reply:
        """``paused`` (bool), ``to`` (ns UTC), ``speed``; what is not there stays, and nothing changes where one of them cannot be."""
        clock = self._world.clock
        wanted = _fields(said, "the clock", ("paused", "to", "speed"))
        to, speed, paused = wanted.get("to", clock.now), wanted.get("speed", clock.speed), wanted.get("paused", clock.paused)
        if not isinstance(to, int) or isinstance(to, bool) or not isinstance(paused, bool):
            raise UsageError(f"to must be ns UTC and paused true or false, got {to!r} and {paused!r}")
        RehearsalClock(0, speed, lambda: 0)
        if "to" in wanted:
            clock.set(to)
        clock.run_at(speed)
        clock.pause(paused)
        self._catch_up()
        return self._time()

    def _set_faults(self, said: Any) -> Reply:
        self._world.faults = KISFaults.of(said)
        return as_json({})

    @staticmethod
    def _stream(said: Any, steer: Callable[[Any], None]) -> Reply:
        steer(said)
        return as_json({})

    def _set(self, said: Any) -> Reply:
        self._world.settings = self._world.settings.changed(said)
        return as_json(asdict(self._world.settings))

    def _expire(self, said: Any) -> Reply:
        """``host``: live or paper, or both where it is not there; ``approvals`` too where that is true."""
        wanted = _fields(said, "expire_token", ("host", "approvals"))
        hosts = [wanted["host"]] if "host" in wanted else ["live", "paper"]
        keys = [each for host in hosts for each in self._world.identities[_paper(host)]]
        ended = sum(self._gateway.auth.expire(each.app_key) for each in keys)
        if wanted.get("approvals"):
            self._gateway.auth.expire_approvals({each.app_key for each in keys})
        return as_json({"ended": ended})

    # accounts and what a customer does by hand

    def _owner(self, wanted: dict[str, Any]) -> tuple[Identity, str]:
        """The customer of an account that is named, or of the paper host's, and the account."""
        account = str(wanted.get("account", self._world.identities[True][0].account)).replace("-", "")
        owner = self._world.owner(account)
        if owner is None:
            accounts = [name for known in self._world.identities.values() for each in known for name in (each.account, *each.others)]
            raise UnknownNameError("account", account, accounts)
        return owner, account

    def _set_account(self, said: Any) -> Reply:
        """``account``, and ``cash`` (KRW) or ``positions`` (shares by symbol) as they are to be."""
        wanted = _fields(said, "an account", ("account", "cash", "positions"))
        account = self._world.exchange.account(self._owner(wanted)[1])
        positions = _fields(wanted.get("positions", {}), "positions", tuple(self._world.exchange.market.ticks))
        for name, value in {"cash": wanted.get("cash", 0), **positions}.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < MOST:
                raise UsageError(f"{name} must be a number, got {value!r}")
        account.cash = float(wanted.get("cash", account.cash))
        account.positions.update({symbol: float(shares) for symbol, shares in positions.items()})
        return as_json({"account": account.name, "cash": account.cash, "positions": account.positions})

    def _order(self, said: Any) -> Reply:
        """An order from a screen: ``symbol``, ``side``, ``quantity``, ``price`` (none: at market); ``account`` is any that is known."""
        wanted = _fields(said, "an order", ("account", "symbol", "side", "quantity", "price"))
        owner, account = self._owner(wanted)
        side, price, quantity = wanted.get("side"), wanted.get("price"), wanted.get("quantity")
        if side not in SIDES:
            raise UsageError(f"side must be BUY or SELL, got {side!r}")
        for name, value in {"quantity": quantity, "price": 0 if price is None else price}.items():
            if isinstance(value, bool) or not isinstance(value, int):
                raise UsageError(f"{name} must be a whole number, got {value!r}")
        order = Wanted(
            account=account, symbol=str(wanted.get("symbol", "")), side=SIDES[str(side)], dvsn="01" if price is None else "00",
            exchange="KRX", quantity=int(quantity or 0), price=int(price or 0), paper=owner.paper,
        )  # fmt: skip
        return _entered(self._desk.place(order, by_hand=True))

    def _plan(self, said: Any) -> Reply:
        """How the next orders of a ``symbol`` trade: ``fills`` of ``after`` (seconds), ``shares``, ``price``; ``times``: so many orders."""
        wanted = _fields(said, "a plan of fills", ("symbol", "fills", "times"))
        times = wanted.get("times", 1)
        if isinstance(times, bool) or not isinstance(times, int):
            raise UsageError(f"times must be a whole number, got {times!r}")
        self._desk.carrier.plan(str(wanted.get("symbol", "")), wanted.get("fills"), times)
        return as_json({})

    def _cancel(self, said: Any) -> Reply:
        """A cancel from a screen of all that is open of ``odno`` (``date``: today; ``orgno``: any) of an ``account``."""
        wanted = _fields(said, "a cancel", ("account", "odno", "orgno", "date"))
        account = self._owner(wanted)[1]
        date, odno = str(wanted.get("date", kst(self._world.now)[0])), str(wanted.get("odno", ""))
        entry = self._desk.register.find(account, date, odno, str(wanted.get("orgno", "")))
        if entry is None or not entry.open - entry.pending:
            raise UsageError(f"nothing is open of order {odno} of account {account} on {date}")
        return _entered(self._desk.cancel(entry, entry.open - entry.pending, by_hand=True))


def _entered(found: Entry | Answer) -> Reply:
    """What became of a request from a screen."""
    if isinstance(found, Answer):
        return as_json({**found.body, "text": f"{found.body['msg_cd']} {str(found.body['msg1']).strip()}"}, 400)
    return as_json({"account": found.account, "date": found.date, "orgno": found.orgno, "odno": found.odno})


def _paper(host: Any) -> bool:
    if host not in ("live", "paper"):
        raise UnknownNameError("host", str(host), ("live", "paper"))
    return bool(host == "paper")


def _fields(said: Any, what: str, names: tuple[str, ...]) -> dict[str, Any]:
    """An object that has some of these fields and no other."""
    if not isinstance(said, dict):
        raise UsageError(f"{what} must be an object, got {said!r}")
    for name in said:
        if name not in names:
            raise UnknownNameError(f"field of {what}", name, names)
    return said
