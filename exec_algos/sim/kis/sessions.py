"""`Session`: one web socket of a client: what it may ask, what it registered for, and how its messages are answered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from exec_algos.sim.kis.cipher import Secret
from exec_algos.sim.kis.seats import ANONYMOUS, Seats

if TYPE_CHECKING:
    from exec_algos.sim.kis.sockets import Connection
    from exec_algos.sim.kis.world import World

SECOND = 1_000_000_000
NOTICES = {False: "H0STCNI0", True: "H0STCNI9"}
BOOK, TRADE = "H0STASP0", "H0STCNT0"
QUOTES = (BOOK, TRADE, "H0STMKO0")
LIVE_QUOTES = (*QUOTES, "H0NXASP0", "H0NXCNT0", "H0UNASP0", "H0UNCNT0")
NOBODY = "(null)"

Key = tuple[str, str]
"""TR id and key of a registration."""


class Session:
    """A client's connection.

    Parameters
    ----------
    world : World
    seats : Seats
    connection : Connection
    paper : bool
        It came to the paper host.
    """

    def __init__(self, world: World, seats: Seats, connection: Connection, paper: bool) -> None:
        self.world, self.connection, self.paper = world, connection, paper
        self.app_key = ""
        self.registered: dict[Key, None] = {}
        self.secret: Secret | None = None
        self.stalled_until = 0
        self.linger: float | None = None
        self.next_ping = 0
        self.unanswered = 0
        self._seats = seats
        self._approval, self._counted = "", False
        self._left: set[Key] = set()
        connection.on_pong = lambda: self._answered("pong")

    # what comes

    def hear(self, text: str | bytes) -> None:
        """A message of the client."""
        if self.stalled:
            return
        try:
            said = json.loads(text)
            header, body = said["header"], said.get("body") or {}
            if header.get("tr_id") == "PINGPONG":
                self._answered("echo")
                return
            wanted = body["input"]
            tr_id, tr_key = str(wanted["tr_id"]), str(wanted["tr_key"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self._refuse("OPSP9991", "JSON PARSING ERROR")
            return
        self._asked(header, tr_id, tr_key)

    def _asked(self, header: dict[str, Any], tr_id: str, tr_key: str) -> None:
        if not self._admitted(str(header.get("approval_key", ""))):
            return
        kinds = (NOTICES[self.paper], *(QUOTES if self.paper else LIVE_QUOTES))
        for wrong, code, text in (
            (header.get("custtype") not in ("P", "B"), "OPSP8998", "INVALID CUSTTYPE"),
            (header.get("tr_type") not in ("1", "2"), "OPSP8997", "INVALID TR_TYPE"),
            (tr_id not in kinds, "OPSP8991", "INVALID TR_ID"),
            (not tr_key, "OPSP8992", "INVALID TR_KEY"),
        ):
            if wrong:
                self._ack(tr_id, tr_key, code, text, "1")
                return
        if header["tr_type"] == "1":
            self._subscribe(tr_id, tr_key)
        else:
            self._unsubscribe(tr_id, tr_key)

    def _admitted(self, key: str) -> bool:
        """Whether the approval key is good and its seat free. It is looked at with the first message: a session outlives its key."""
        if key and key == self._approval:
            return True
        approval = self.world.approval(key, self.paper)
        if approval is None or approval.expires <= self.world.now:
            self._refuse("OPSP0011", "invalid approval : NOT FOUND")
            return False
        app_key = approval.identity.app_key
        if not self._counted:
            self._counted = True
            self._seats.turn(self.paper, app_key)
        if self._seats.blocked(self.paper, app_key):
            self.cut()
            return False
        if self.app_key not in ("", app_key) or not self._seats.take(self, self.paper, app_key):
            self._refuse("OPSP8996", "ALREADY IN USE appkey", "9")
            return False
        self._approval, self.app_key = key, app_key
        self.plan_ping()
        return True

    def _subscribe(self, tr_id: str, tr_key: str) -> None:
        if (tr_id, tr_key) in self.registered:
            self._ack(tr_id, tr_key, "OPSP0002", "ALREADY IN SUBSCRIBE", "1")
            return
        if len(self.registered) >= self.world.settings.registrations:
            self._ack(tr_id, tr_key, "OPSP0008", "MAX SUBSCRIBE OVER", "1")
            return
        identity = self.world.identity(self.app_key, self.paper)
        if tr_id == NOTICES[self.paper] and (identity is None or tr_key != identity.hts_id):
            self.cut()  # a wrong HTS id ends the connection without a close frame
            return
        if (tr_id, tr_key) in self._left and not self._again():
            return
        self.registered[tr_id, tr_key] = None
        secret = Secret.drawn(self.world.rng)
        if tr_id == NOTICES[self.paper]:
            self.secret = secret
        output = {"iv": secret.iv, "key": secret.key}
        self._ack(tr_id, tr_key, "OPSP0000", "SUBSCRIBE SUCCESS", "0", output)

    def _again(self) -> bool:
        """Whether a registration that was given up may be taken anew: not many times in a minute."""
        self._seats.turn(self.paper, self.app_key)
        blocked = self._seats.blocked(self.paper, self.app_key)
        if blocked:
            self.cut()
        return not blocked

    def _unsubscribe(self, tr_id: str, tr_key: str) -> None:
        if (tr_id, tr_key) not in self.registered:
            self._ack(tr_id, tr_key, "OPSP0003", "UNSUBSCRIBE ERROR(not found!)", "1")
            return
        del self.registered[tr_id, tr_key]
        self._left.add((tr_id, tr_key))
        self._ack(tr_id, tr_key, "OPSP0001", "UNSUBSCRIBE SUCCESS", "0")

    def _answered(self, how: str) -> None:
        if self.world.settings.pongs in (how, "either"):
            self.unanswered = 0

    # what goes

    @property
    def stalled(self) -> bool:
        """It is open, and nothing goes over it."""
        return self.world.now < self.stalled_until

    def send(self, text: str) -> None:
        """Write a frame, unless the session is stalled: what it would have carried is lost then."""
        if not self.stalled:
            self.connection.put(text)

    def cut(self) -> None:
        """End the connection as a fallen line does."""
        self.connection.transport.abort()

    def plan_ping(self) -> None:
        """When the next PINGPONG goes out."""
        self.next_ping = self.world.now + round(self.world.rng.uniform(*self.world.settings.ping_every) * SECOND)

    def leave(self) -> None:
        """The connection is over."""
        if not self.app_key:
            self._seats.turn(self.paper, ANONYMOUS)
            return
        lingers = self.world.settings.linger if self.linger is None else self.linger
        self._seats.leave(self, self.paper, self.app_key, 0.0 if self.connection.farewell else lingers)

    def _refuse(self, code: str, text: str, rt_cd: str = "1") -> None:
        self._ack(NOBODY, "", code, text, rt_cd)

    def _ack(self, tr_id: str, tr_key: str, code: str, text: str, rt_cd: str, output: dict[str, str] | None = None) -> None:
        body: dict[str, Any] = {"rt_cd": rt_cd, "msg_cd": code, "msg1": text} | ({} if output is None else {"output": output})
        encrypt = self.world.settings.ack_encrypt if output is not None and tr_id == NOTICES[self.paper] else "N"
        header = {"tr_id": tr_id, "tr_key": tr_key, "encrypt": encrypt}
        self.send(json.dumps({"header": header, "body": body}, separators=(",", ":"), ensure_ascii=False))
