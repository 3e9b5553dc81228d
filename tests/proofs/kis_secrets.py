"""No piece of a secret is shown: a session at DEBUG under faults, the command, journal, reprs and tracebacks, searched for all of them.

python -m proofs.kis_secrets [seconds=300] [speed=30] [seed=1]

Searched for is each run of eight characters of app key, app secret, token, approval key and account, in: every record of every logger at
DEBUG (message, arguments, traceback), what the commands print, the journal's bytes, names of files, reprs of the broker and of all that
hangs on it, and tracebacks of what went wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import os
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from proofs.kis_faults import START, bars_of, orders_of
from proofs.kis_wrong import CLIENTS
from typer.testing import CliRunner

from exec_algos.brokers.kis.clocks import simulator_clock
from exec_algos.brokers.kis.settings import kis_settings
from exec_algos.cli import app
from exec_algos.errors import ExecAlgosError
from exec_algos.live.journal import SqliteJournal, read
from exec_algos.live.recorded import recorded
from exec_algos.live.session import LiveSession
from exec_algos.testing.kis import kis_rehearsal

PIECE = 8
SECOND = 1_000_000_000
FAULTS = {
    "order.accept_silent": 0.1, "order.accept_500_html": 0.1, "order.half_body": 0.1, "read.bad_json": 0.1, "read.token_expired": 0.02,
    "cancel.reset_before": 0.2, "ledger.egw00215": 0.1, "push.drop": 0.1, "push.push_odd": 0.1, "order.wrong_encoding": 0.1,
    "read.close_mid_body": 0.1, "order.refused_before": 0.05,
}  # fmt: skip
DEPTH = 6


class Kept(logging.Handler):
    """Every record, as text and in parts."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(logging.Formatter("%(name)s %(message)s").format(record))
        self.texts.append(repr(record.args))


def pieces(secrets: Mapping[str, str]) -> dict[str, str]:
    """Every run of eight characters, and what it is a piece of."""
    return {text[i : i + PIECE]: name for name, text in secrets.items() for i in range(len(text) - PIECE + 1)}


def shown(texts: Iterable[str], wanted: Mapping[str, str]) -> list[str]:
    """What of the secrets the texts show."""
    found = []
    for text in texts:
        known = {text[i : i + PIECE] for i in range(len(text) - PIECE + 1)} & wanted.keys()
        found += [f"{wanted[piece]} in {text[:60]!r}..." for piece in sorted(known)[:1]]
    return found


def reprs(thing: Any, depth: int = DEPTH, seen: set[int] | None = None) -> Iterator[str]:
    """Of an object of the package and of all that hangs on it."""
    seen = set() if seen is None else seen
    if id(thing) in seen or not depth:
        return
    seen.add(id(thing))
    if isinstance(thing, Mapping | list | tuple | set):
        parts = [*thing.values()] if isinstance(thing, Mapping) else list(thing)
    elif type(thing).__module__.startswith("exec_algos"):
        yield f"{type(thing).__name__}: {thing!r} {thing!s}"
        slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
        parts = [*getattr(thing, "__dict__", {}).values(), *(getattr(thing, name, None) for name in slots)]
    else:
        return
    for part in parts:
        yield from reprs(part, depth - 1, seen)


async def session(kis: Any, folder: Path, seed: int, seconds: float, texts: dict[str, list[str]]) -> str:
    """A session under faults; reprs are taken while it runs. Returns its approval key."""
    clock = simulator_clock(kis.clock_url)
    with SqliteJournal(str(folder / "day.db")) as journal:
        broker = CLIENTS["ours"](kis, clock, journal, paper=False, notices=True, cache=str(folder / "cache"))
        run = LiveSession(broker, journal, tell=texts["lines"].append)
        await run.begin(recorded(read(str(folder / "day.db"))))
        kis.control.faults(rates=FAULTS, seed=seed)
        running = asyncio.ensure_future(run.run(orders_of(seed, 40, clock.now, slices=8, paper=False)))
        await clock.sleep_until(clock.now + round(seconds * SECOND))
        texts["reprs"] += reprs(broker)
        run.stop("the end of the proof")
        ended = await running
        texts["lines"] += ended.lines("day.db") + [repr(order) for order in broker.orders(foreign=True)] + [repr(broker.status())]
        approval = str(broker.adapter._notices._approvals._key)
        await broker.aclose()
    return approval


async def failing(kis: Any, folder: Path, texts: dict[str, list[str]]) -> None:
    """What is raised where keys, account or host are wrong; its traceback with the values of all its frames."""
    clock = simulator_clock(kis.clock_url)
    for paper in (True, False):
        broker = CLIENTS["ours"](
            kis, clock, SqliteJournal(str(folder / f"{paper}.db")), paper=paper, notices=False, cache=str(folder / "x")
        )
        broker.adapter.access.client._transport.url = kis.rest_url(not paper)
        try:
            await broker.start()
        except ExecAlgosError as error:
            texts["tracebacks"] += ["".join(traceback.format_exception(error))]
            texts["frames"] += ["".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())]
        await broker.aclose()


def commands(kis: Any, folder: Path, texts: dict[str, list[str]]) -> None:
    """What ``kis check`` prints with the right keys and with wrong ones."""
    app_key, app_secret, account, hts_id = kis.keys(True)
    right = {
        "APP_KEY": app_key, "APP_SECRET": app_secret, "ACCOUNT": account, "HTS_ID": hts_id, "PAPER": "true", "REST_URL": kis.rest_url(True),
        "WS_URL": kis.ws_url(True), "CLOCK_URL": kis.clock_url, "TOKEN_CACHE": str(folder / "checked"),
    }  # fmt: skip
    for wrong in ({}, {"APP_SECRET": kis.keys(False)[1]}, {"ACCOUNT": kis.keys(False)[2]}, {"REST_URL": kis.rest_url(False)}):
        said = {f"EXEC_ALGOS_KIS_{name}": value for name, value in (right | wrong).items()}
        done = CliRunner().invoke(app, ["kis", "check"], env=said)
        texts["commands"] += [done.output, repr(done.exception)]
        before = dict(os.environ)
        os.environ.update(said)
        texts["reprs"].append(repr(kis_settings()))
        os.environ.clear()
        os.environ.update(before)


def secrets_of(kis: Any, folder: Path) -> dict[str, str]:
    """All secrets of both hosts; tokens and approval keys are those that the simulator gave."""
    found = {}
    for host in (True, False):
        app_key, app_secret, account, _ = kis.keys(host)
        found |= {f"app key {host}": app_key, f"app secret {host}": app_secret, f"account {host}": account.replace("-", "")}
        found[f"account {host}, written"] = account
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix not in (".db", ".rate"):
            with contextlib.suppress(ValueError, KeyError, AttributeError):
                found[f"token of {path.name[:6]}"] = json.loads(path.read_text())["token"]
    return found


def proof(seconds: float, speed: float, seed: int) -> tuple[list[str], Counter[str]]:
    """Run everything; what was shown, and what was searched."""
    kept, texts = Kept(), {name: [] for name in ("lines", "reprs", "tracebacks", "frames", "commands")}
    root = logging.getLogger()
    before, printed = root.level, io.StringIO()
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    try:
        with (
            tempfile.TemporaryDirectory() as name,
            kis_rehearsal(bars_of(), start=START, calendar="XKRX", speed=speed, seed=seed) as kis,
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
        ):
            folder = Path(name)
            approval = asyncio.run(session(kis, folder, seed, seconds, texts))
            kis.control.faults()
            asyncio.run(failing(kis, folder, texts))
            commands(kis, folder, texts)
            secrets = secrets_of(kis, folder) | {"approval key": approval}
            journal = [path.read_bytes().decode("latin-1") for path in folder.rglob("*.db*")]
            names = [str(path.relative_to(folder)) for path in folder.rglob("*")]
    finally:
        root.removeHandler(kept)
        root.setLevel(before)
    searched = texts | {"records": kept.texts, "journal": journal, "names": names, "printed": [printed.getvalue()]}
    harder, wanted = searched.pop("frames"), pieces(secrets)
    counts = Counter({what: sum(map(len, found)) for what, found in searched.items()})
    counts["secrets"], counts["pieces"], counts["frames"] = len(secrets), len(wanted), len(shown(harder, wanted))
    return [f"{what}: {line}" for what, found in searched.items() for line in shown(found, wanted)], counts


def main() -> int:
    given = {"seconds": 300.0, "speed": 30.0, "seed": 1.0} | {
        name: float(value) for name, value in (word.split("=") for word in sys.argv[1:])
    }
    found, counts = proof(given["seconds"], given["speed"], int(given["seed"]))
    print(f"{len(found)} shown; characters searched: {dict(counts)}", *found[:20], sep="\n  ")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
