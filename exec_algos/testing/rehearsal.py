"""`rehearsal`: a rehearsal venue in a process of its own, for tests: started on a free port, told what to do wrong, asked for the truth."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exec_algos.errors import VenueError

if TYPE_CHECKING:
    import os

    from exec_algos.market.bars import Bars

PATIENCE = 30.0  # seconds of real time that a control request may take
PROGRAM = (sys.executable, "-c", "from exec_algos.cli import main; main()")
COMMAND = (*PROGRAM, "venue-sim")


class Control:
    """What a test does to a rehearsal venue, beside its clients. No fault touches these requests.

    Parameters
    ----------
    url : str
    """

    def __init__(self, url: str) -> None:
        import httpx

        self.url = url
        self._client = httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False)

    def truth(self) -> dict[str, Any]:
        """All that the venue has: ``now``, ``orders``, ``executions``, and the ``faults`` that it dealt."""
        return self._ask("GET", "/truth")

    def faults(
        self, script: Sequence[Mapping[str, Any]] = (), *, rates: Mapping[str, float] | None = None, seed: int = 0, **more: Any
    ) -> None:
        """What goes wrong from here on, in place of what was said before; nothing where nothing is said.

        Parameters
        ----------
        script : sequence of mapping
            ``{"on": "send", "n": 1, "fault": "late", "seconds": 20}``: the n-th request of a class from here on.
        rates : mapping of str to float
            ``{"lost_after": 0.05, "send.late": 0.02}``.
        seed : int
        **more
            ``late_seconds``, ``outage_seconds``, ``hang``: see `exec_algos.sim.faults.Faults`.
        """
        self._ask("POST", "/control/faults", {"seed": seed, "rates": dict(rates or {}), "script": [dict(each) for each in script], **more})

    @property
    def now(self) -> int:
        """The venue's time, ns UTC."""
        return int(self._ask("GET", "/control/clock")["now"])

    def clock(self, *, paused: bool | None = None, to: int | None = None, speed: float | None = None) -> int:
        """Pause the venue's clock or let it go on, set it forward to an instant, change its speed; returns its time, ns UTC."""
        said = {"paused": paused, "to": to, "speed": speed}
        return int(self._ask("POST", "/control/clock", {name: value for name, value in said.items() if value is not None})["now"])

    def drop(self) -> None:
        """End every connection of clients, as a venue does that starts again; they may come again."""
        self._ask("POST", "/control/drop")

    def account(self, name: str = "rehearsal-1", *, cash: float | None = None, positions: Mapping[str, float] | None = None) -> None:
        """Give an account cash, or positions."""
        said = {"account": name} | ({} if cash is None else {"cash": cash})
        self._ask("POST", "/control/account", said | ({} if positions is None else {"positions": dict(positions)}))

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        response = self._client.request(method, path, json=body)
        said: dict[str, Any] = response.json()
        if response.status_code != 200:
            raise VenueError(f"{method} {path}: {said.get('text', said)}")
        return said


class Rehearsal:
    """A venue that runs. `url`: of the venue; `control`: what a test does to it; `process`: its own."""

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url, self.process = url, process
        self.control = Control(url)


@contextmanager
def rehearsal(bars: Bars | str | os.PathLike[str], *, speed: float = 60.0, seed: int = 1, **options: Any) -> Iterator[Rehearsal]:
    """A venue around bars, in a process of its own, while the block runs.

    Parameters
    ----------
    bars : Bars or path
    speed : float
        Seconds of the market a second.
    seed : int
    **options
        Those of ``exec-algos venue-sim``: ``start="2025-12-22 09:00"``, ``client_ids=False``, ``confirm_seconds=2``, ``page=10`` ...

    Raises
    ------
    VenueError
        It does not start; the message holds what it said.

    Examples
    --------
    >>> from exec_algos.market.synthetic import synthetic_bars
    >>> with rehearsal(synthetic_bars(["ANY"]), start="2025-12-22 10:00", calendar="XNYS") as venue:
    ...     venue.control.truth()["orders"]
    []
    """
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder:
        command = [*COMMAND, "--bars", source_of(bars, folder), "--speed", str(speed), "--seed", str(seed), "--tied", *typed(options)]
        # its standard input is a pipe of ours: it ends with us, however we end
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            venue = Rehearsal(_url(process), process)
            try:
                yield venue
            finally:
                venue.control.close()
        finally:
            process.kill()
            process.communicate()


def source_of(bars: Bars | str | os.PathLike[str], folder: str) -> str:
    """Where bars are: their path, or a store that is written into a folder."""
    from exec_algos.market.bars import Bars
    from exec_algos.market.store import BarStore

    if not isinstance(bars, Bars):
        return str(bars)
    path = Path(folder, "bars")
    BarStore(path, cache="off").write(bars, durable=False)
    return str(path)


def typed(options: Mapping[str, Any]) -> list[str]:
    """Options as they are typed: ``client_ids=False`` is ``--no-client-ids``."""
    words: list[str] = []
    for name, value in options.items():
        word = name.replace("_", "-")
        words += [f"--{word}" if value else f"--no-{word}"] if isinstance(value, bool) else [f"--{word}", str(value)]
    return words


def _url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    found = re.search(r"http://\S+?(?=:? )", line)
    if found is None:
        process.kill()
        raise VenueError(f"the rehearsal venue did not start: {line}{process.stderr.read()}".strip())
    return found.group().rstrip(":")
