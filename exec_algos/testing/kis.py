"""`kis_rehearsal`: a simulated KIS in a process of its own, for tests: live and paper, told what to do wrong, asked for the truth."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from exec_algos.errors import VenueError
from exec_algos.testing.rehearsal import PATIENCE, PROGRAM, source_of, typed

if TYPE_CHECKING:
    import os

    from exec_algos.market.bars import Bars

CONTROL = "control: "


class KISControl:
    """What a test does to a simulated KIS, beside its clients. No fault and no limit touches these requests.

    Parameters
    ----------
    url : str
    """

    def __init__(self, url: str) -> None:
        import httpx

        self.url = url
        self._client = httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False)

    def truth(self, *, requests: bool = True, since: int = 0) -> dict[str, Any]:
        """All that it has: ``orders``, ``executions``, ``requests`` (after the `since`-th), ``tokens``, ``faults``, ``rates`` ..."""
        return self._ask("GET", f"/truth?since={since}" + ("" if requests else "&requests=no"))

    def faults(
        self, script: Sequence[Mapping[str, Any]] = (), *, rates: Mapping[str, float] | None = None, seed: int = 0, **more: Any
    ) -> None:
        """What goes wrong from here on, in place of what was said before; nothing where nothing is said.

        Parameters
        ----------
        script : sequence of mapping
            ``{"on": "order", "n": 1, "fault": "accept_silent"}``: the n-th request of a class from here on.
        rates : mapping of str to float
            ``{"accept_502": 0.05, "order.lag": 0.02}``.
        seed : int
        **more
            ``late_seconds``, ``hang``: see `exec_algos.sim.kis.faults.KISFaults`.
        """
        self._ask("POST", "/control/faults", {"seed": seed, "rates": dict(rates or {}), "script": [dict(each) for each in script], **more})

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change settings (see `exec_algos.sim.kis.settings.KISSettings`); returns all of them."""
        return self._ask("POST", "/control/settings", changes)

    @property
    def now(self) -> int:
        """The venue's time, ns UTC."""
        return int(self._ask("GET", "/control/clock")["now"])

    def clock(self, *, paused: bool | None = None, to: int | None = None, speed: float | None = None) -> int:
        """Pause the venue's clock or let it go on, set it forward to an instant, change its speed; returns its time, ns UTC."""
        said = {"paused": paused, "to": to, "speed": speed}
        return int(self._ask("POST", "/control/clock", {name: value for name, value in said.items() if value is not None})["now"])

    def account(self, account: str, *, cash: float | None = None, positions: Mapping[str, float] | None = None) -> None:
        """Give an account (``"50123456-01"``) cash, KRW, or positions."""
        said = {"account": account} | ({} if cash is None else {"cash": cash})
        self._ask("POST", "/control/account", said | ({} if positions is None else {"positions": dict(positions)}))

    def order(self, account: str, symbol: str, side: str, quantity: int, price: int | None = None) -> dict[str, str]:
        """An order that the customer of an account places by hand; returns its ``date``, ``orgno`` and ``odno``.

        Raises
        ------
        VenueError
            It is refused.
        """
        return self._ask(
            "POST", "/control/order", {"account": account, "symbol": symbol, "side": side, "quantity": quantity, "price": price}
        )

    def fills(self, symbol: str, fills: Sequence[Mapping[str, float]], times: int = 1) -> None:
        """How the next `times` orders of a symbol trade, and no more: fills have ``after`` (seconds), ``shares``, perhaps ``price``."""
        self._ask("POST", "/control/fills", {"symbol": symbol, "fills": [dict(fill) for fill in fills], "times": times})

    def cancel(self, account: str, odno: str, orgno: str = "") -> dict[str, str]:
        """A cancel by hand of all that is open of an order."""
        return self._ask("POST", "/control/cancel", {"account": account, "odno": odno, "orgno": orgno})

    def expire_token(self, host: str = "", *, approvals: bool = False) -> int:
        """End tokens before their time, of ``"live"``, ``"paper"`` or both; `approvals`: keys for the web socket too. How many."""
        return int(self._ask("POST", "/control/expire_token", ({"host": host} if host else {}) | {"approvals": approvals})["ended"])

    def drop(self) -> None:
        """End every connection of clients; they may come again."""
        self._ask("POST", "/control/drop")

    def stream(self, do: str, **said: Any) -> None:
        """Do something to the web sockets: ``"drop", "stall", "refuse", "flood", "odd"``; see `exec_algos.sim.kis.steering`."""
        self._ask("POST", "/control/stream", {"do": do, **said})

    def hosts(self) -> dict[str, Any]:
        """Addresses and customers of ``live`` and ``paper``."""
        return self._ask("GET", "/control/hosts")

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        response = self._client.request(method, path, json=body)
        said: dict[str, Any] = response.json()
        if response.status_code != 200:
            raise VenueError(f"{method} {path}: {said.get('text', said)}")
        return said


class KISRehearsal:
    """A simulated KIS that runs. `control`: what a test does to it; `process`: its own."""

    def __init__(self, control_url: str, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.control, self.clock_url = KISControl(control_url), control_url
        self._hosts = self.control.hosts()

    def rest_url(self, paper: bool = True) -> str:
        """Of a host's REST."""
        return str(self._host(paper)["rest_url"])

    def ws_url(self, paper: bool = True) -> str:
        """Of a host's web socket."""
        return str(self._host(paper)["ws_url"])

    def keys(self, paper: bool = True) -> tuple[str, str, str, str]:
        """App key, app secret, account (``"50123456-01"``) and HTS id of a host's customer."""
        customer = self._host(paper)["customers"][0]
        return customer["app_key"], customer["app_secret"], _written(customer["account"]), customer["hts_id"]

    def other_account(self, paper: bool = True) -> str:
        """Another account of the same HTS id, which the app key may not trade."""
        return _written(self._host(paper)["customers"][0]["others"][0])

    def _host(self, paper: bool) -> dict[str, Any]:
        found: dict[str, Any] = self._hosts["paper" if paper else "live"]
        return found


def _written(account: str) -> str:
    return f"{account[:8]}-{account[8:]}"


@contextmanager
def kis_rehearsal(bars: Bars | str | os.PathLike[str], *, speed: float = 30.0, seed: int = 1, **options: Any) -> Iterator[KISRehearsal]:
    """A simulated KIS around bars, in a process of its own, while the block runs.

    Parameters
    ----------
    bars : Bars or path
    speed : float
        Seconds of the market a second.
    seed : int
    **options
        Those of ``exec-algos kis-sim``: ``start="2025-12-22 09:00"``, ``cash=1e8``, ``fund="069500"``, ``port=8000`` ...

    Raises
    ------
    VenueError
        It does not start; the message holds what it said.

    Examples
    --------
    >>> from exec_algos.market.synthetic import synthetic_bars
    >>> with kis_rehearsal(synthetic_bars(["990010"], "XKRX", price=62_000), start="2025-12-22 10:00") as kis:
    ...     kis.control.truth()["orders"]
    []
    """
    with tempfile.TemporaryDirectory(prefix="kis-") as folder:
        command = [
            *PROGRAM,
            "kis-sim",
            "--bars",
            source_of(bars, folder),
            "--speed",
            str(speed),
            "--seed",
            str(seed),
            "--tied",
            *typed(options),
        ]
        # its standard input is a pipe of ours: it ends with us, however we end
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            kis = KISRehearsal(_control_url(process), process)
            try:
                yield kis
            finally:
                kis.control.close()
        finally:
            process.kill()
            process.communicate()


def _control_url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    assert process.stderr is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith(CONTROL):
            return line.removeprefix(CONTROL).strip()
    raise VenueError(f"the simulated KIS did not start: {''.join(said)}{process.stderr.read()}".strip())
