"""Where sessions are killed: a rehearsal, and a simulated KIS; what a session there is told, and what the venue knows of it."""

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from proofs.kis_faults import as_named

from exec_algos.live import journal as journals
from exec_algos.live.recorded import recorded
from exec_algos.testing.kis import KISControl
from exec_algos.testing.rehearsal import Control

ORDER, DAILY = "order-cash", "inquire-daily-ccld"
SYMBOL = "990010"
AFTER = 20 * 10**9  # ns of the market in which an answer that was late is carried out


class Place(Protocol):
    """A venue, and one account of it."""

    slice: int  # seconds of the market between two children of an order

    @property
    def now(self) -> int: ...

    def begin(self, name: str) -> list[str]:
        """Begin a case; how ``live run`` and ``live resume`` are told where the venue is."""

    def mark(self, path: Path) -> None:
        """A session of a journal is resumed."""

    def truth(self) -> dict[str, list[dict[str, Any]]]:
        """Orders and executions of the case, as the venue has them, once nothing more can happen."""

    def early(self) -> list[str]:
        """Orders that resumed sessions sent before they knew how the earlier ones stand; [] where the venue cannot tell."""


class AtRehearsal:
    """A rehearsal; each case has an account of its own."""

    slice = 10
    resumed: tuple[str, ...] = ()

    def __init__(self, url: str) -> None:
        self._control, self._url, self._account = Control(url), url, ""

    @property
    def now(self) -> int:
        return self._control.now

    def begin(self, name: str) -> list[str]:
        self._account = name
        return ["--url", self._url, "--account", name]

    def mark(self, path: Path) -> None:
        pass

    def truth(self) -> dict[str, list[dict[str, Any]]]:
        truth = self._control.truth()
        return {kind: [row for row in truth[kind] if row["account"] == self._account] for kind in ("orders", "executions")}

    def early(self) -> list[str]:
        return []


class AtKIS:
    """A simulated KIS, one host of it; cases have the same account, one after the other, and the same token."""

    def __init__(self, said: dict[str, Any]) -> None:
        self._paper = said["paper"]
        self.slice = 40 if self._paper else 10  # paper takes a request a second
        self.resumed = () if self._paper else ("--yes",)
        self._control, self._account = KISControl(said["environment"]["CLOCK_URL"]), said["environment"]["ACCOUNT"].replace("-", "")
        self._page = self._control.settings()["paper_fills_page" if self._paper else "live_fills_page"]
        self._earlier: set[str] = set()
        self._marks: list[tuple[int, int]] = []
        os.environ.update({f"EXEC_ALGOS_KIS_{name}": value for name, value in said["environment"].items()})

    @property
    def now(self) -> int:
        return self._control.now

    def begin(self, name: str) -> list[str]:
        truth = self._control.truth()
        self._earlier = {order["venue_id"] for order in as_named(truth, self._account)["orders"]}
        self._marks = []
        return ["--venue", "kis", *([] if self._paper else ["--real", "--yes"])]

    def mark(self, path: Path) -> None:
        truth, now = self._control.truth(), self.now
        begun = min((child.sent for child in recorded(journals.read(path)).children if not child.done() and child.sent), default=now)
        held = [
            row for row in truth["orders"] if row["account"] == self._account and row["accepted"] >= begun and row["listed_from"] <= now
        ]
        self._marks.append((len(truth["requests"]), max(math.ceil(len(held) / self._page), 1)))

    def truth(self) -> dict[str, list[dict[str, Any]]]:
        self._control.clock(to=self.now + AFTER)
        named = as_named(self._control.truth(requests=False), self._account)
        return {kind: [row for row in named[kind] if row["venue_id"] not in self._earlier] for kind in ("orders", "executions")}

    def early(self) -> list[str]:
        requests = self._control.truth()["requests"]
        ends = [begin for begin, _ in self._marks[1:]] + [len(requests)]
        return [wrong for (begin, pages), end in zip(self._marks, ends, strict=True) for wrong in early_orders(requests[begin:end], pages)]


def early_orders(requests: Sequence[dict[str, Any]], pages: int) -> list[str]:
    """Orders that were sent before so many pages of the day's orders were answered, one after the other from the first on."""
    read, wrong = 0, []
    for request in requests:
        name = request["path"].rsplit("/", 1)[-1]
        if name == DAILY and request["accepted"] and not request["fields"].get("ODNO"):
            read = max(read, 1) if request["tr_cont"] != "N" else read + 1
        elif name == ORDER and read < pages:
            wrong.append(f"request {request['n']} is an order, sent after {read} of {pages} pages of what was there")
    return wrong


def place_of(said: str) -> Place:
    """An address of a rehearsal, or the host and the environment of a simulated KIS as JSON."""
    return AtKIS(json.loads(said)) if said.startswith("{") else AtRehearsal(said)
