"""Sessions that are killed with -9, resumed, and held against the venue's truth; each in a process of its own, forked from this one.

python killing.py PLACE FOLDER CASE...; a place is the address of a rehearsal, or a host of a simulated KIS (`killing_places`). A case is a
JSON list: its name, and how it is killed: ["commit", n, "before" or "after"], with a fourth number for the commit at which the resumed
session is killed too, or ["after", seconds]. Prints a JSON list of what was found of each.
"""

import contextlib
import datetime
import json
import os
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path

import typer
from killing_places import SYMBOL, Place, place_of

from exec_algos.brokers import rehearsal as _adapter  # noqa: F401 - imported once, before the forks
from exec_algos.brokers.kis import broker as _kis  # noqa: F401
from exec_algos.cli import app
from exec_algos.live import journal as journals
from exec_algos.live import orders as _orders  # noqa: F401
from exec_algos.live.recorded import recorded
from exec_algos.live.status import sums_of
from exec_algos.studies.design.written import rows as _rows  # noqa: F401

LEAD, WINDOW = 40, 240  # seconds of the market
RESUMES = 5


def killing_at(n: int, when: str) -> None:
    """Let this process die at its n-th commit."""
    commit, count = journals.SqliteJournal._commit, 0

    def counted(self, rows):
        nonlocal count
        count += 1
        if count == n and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        failed = commit(self, rows)
        if count == n:
            os.kill(os.getpid(), signal.SIGKILL)
        return failed

    journals.SqliteJournal._commit = counted


def forked(command: list[str], log: Path, kill: list | None) -> int:
    """Run a command of ``exec-algos`` in a forked process; returns its exit code, below 0 for a signal."""
    child = os.fork()
    if not child:
        with open(log, "a") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        if kill and kill[0] == "commit":
            killing_at(kill[1], kill[2])
        code = 70
        try:
            app(command, standalone_mode=True)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        finally:
            sys.stdout.flush()
            os._exit(code or 0)
    if kill and kill[0] == "after":
        time.sleep(kill[1])
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def stamp(instant: int) -> str:
    return datetime.datetime.fromtimestamp(instant / 1e9, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def written(path: Path, now: int, every: int) -> None:
    """Two orders that begin soon, with a child each `every` seconds."""
    start, end = stamp(now + LEAD * 10**9), stamp(now + (LEAD + WINDOW) * 10**9)
    algo = f"twap:slice_interval_seconds={every}"
    rows = [f"{ref},{SYMBOL},{side},{quantity},{start},{end},{algo}" for ref, side, quantity in (("B", "buy", 1200), ("S", "sell", 700))]
    path.write_text("\n".join(["ref,symbol,side,quantity,start,end,algo", *rows]) + "\n")


def wrong_with(truth: dict, path: Path) -> list[str]:
    """What in a journal is not the venue's truth; and what may not be true at all."""
    found = recorded(journals.read(path))
    orders = {order["venue_id"]: order for order in truth["orders"]}
    at_venue: dict[str, float] = defaultdict(float)
    for execution in truth["executions"]:
        at_venue[execution["venue_id"]] += execution["quantity"]
    of_child = {child.venue_id: child for child in found.children if child.venue_id}
    wrong = [f"{name} is open at the venue" for name, order in orders.items() if order["state"] == "open"]
    wrong += [f"{name} of the venue is in no journal" for name in set(orders) - set(of_child)]
    wrong += [
        f"{child.ref} got {child.traded:g}, and {at_venue[name]:g} at the venue"
        for name, child in of_child.items()
        if abs(child.traded - at_venue[name]) > 1e-9
    ]
    wrong += [f"{child.ref} is {child.state}" for child in found.children if not child.done()]
    for ref, parent in found.parents.items():
        sums = sums_of(parent)
        if parent.done is None:
            wrong.append(f"{ref} is not over")
        elif parent.done["filled"] != sums["filled"] or sums["left"] < 0:
            wrong.append(f"{ref} is over with {parent.done}, and its children say {sums}")
    counted = sum(parent.filled for parent in found.parents.values())
    if counted != sum(at_venue.values()):
        wrong.append(f"the journal counts {counted:g}, the venue {sum(at_venue.values()):g}")
    return wrong


def filled_by(path: Path) -> float:
    """Shares that a journal counts."""
    return sum(parent.filled for parent in recorded(journals.read(path)).parents.values()) if path.exists() else 0.0


def tried(at: Place, folder: Path, name: str, kill: list) -> dict:
    """One case."""
    place = folder / name
    place.mkdir()
    path, orders, log = place / "day.db", place / "orders.csv", place / "log"
    where = at.begin(name)
    written(orders, at.now, at.slice)
    begin = ["live", "run", str(orders), *where, "--journal", str(path), "--max-child-notional", "1e9"]
    first = forked(begin, log, kill)
    second, before = None, filled_by(path)
    resume = ["live", "resume", str(path), *at.resumed]
    if path.exists() and recorded(journals.read(path)).session:
        if len(kill) > 3:  # the resumed session is killed too
            at.mark(path)
            forked(resume, log, ["commit", kill[3], "after"])
        for _ in range(RESUMES):  # where the venue fails while a session begins, it ends, and is begun again
            at.mark(path)
            second = forked(resume, log, None)
            if not recorded(journals.read(path)).unfinished:
                break
    truth = at.truth()
    wrong = wrong_with(truth, path) + at.early() if second is not None else [f"{order} left" for order in truth["orders"]]
    found = recorded(journals.read(path)) if path.exists() else recorded([])
    return {
        "case": name, "kill": kill, "codes": [first, second], "wrong": wrong, "log": log.read_text()[-2000:] if wrong or first == 2 else "",
        "worked": filled_by(path) - before, "children": len(found.children),
        "filled": {ref: parent.filled for ref, parent in found.parents.items()},
        "alerts": [text for _, text in found.alerts],
    }  # fmt: skip


def warmed() -> None:
    """Load what a session loads, so that no fork has to."""
    from exec_algos.cli.live_orders import rows_of
    from exec_algos.market.calendars import DAY, sessions
    from exec_algos.studies.design.written.files import table_of
    from exec_algos.studies.design.written.form import OrderForm

    sessions("XNYS", 20_000 * DAY, 20_300 * DAY)
    typer.main.get_command(app)
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(None):
        app(["live", "status", "--help"])
    rows_of(table_of("symbol,side,quantity,start,end\nA,buy,1,2025-12-22 10:00,2025-12-22 11:00", OrderForm()), OrderForm(), "UTC", "twap")


if __name__ == "__main__":
    warmed()
    at = place_of(sys.argv[1])
    print(json.dumps([tried(at, Path(sys.argv[2]), *json.loads(case)) for case in sys.argv[3:]]))
