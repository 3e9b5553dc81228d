"""Every command of docs/live.md runs, in its order, and says what the page says.

The venue runs five times as fast as on the page, on a free port, and faster yet for the last run; a minute of sleep is as long as it
takes until more child orders stand in the journal.
"""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from exec_algos.live.journal import read
from exec_algos.live.limits import CHILD, PARENTS
from exec_algos.live.recorded import recorded

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "live.md").read_text(encoding="utf-8")
VENUE, *BLOCKS = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
PROGRAM = f'{sys.executable} -c "from exec_algos.cli import main; main()"'
MORE = """
import os, sys, time
from exec_algos.live.journal import read
count = lambda: sum(entry.kind == "intent" for entry in read("day.db")) if os.path.exists("day.db") else 0
before, until = count(), time.monotonic() + 40
while count() < before + 3 and time.monotonic() < until:
    time.sleep(0.1)
"""


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def script_of(blocks, port):
    """The commands as bash runs them; the program itself is the job of a command behind which an & stands."""
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    text = "\n".join(lines).replace("8700", port)
    text = re.sub(r"^exec-algos", PROGRAM.replace("\\", r"\\"), text, flags=re.MULTILINE)
    text = text.replace("sleep 60", "python more.py").replace("python more.py", f"{sys.executable} more.py")
    faster = f"curl -s -X POST -d '{{\"speed\": 3000}}' http://127.0.0.1:{port}/control/clock\n"
    last = text.rindex(f"{PROGRAM} live resume")
    return text[:last] + faster + text[last:]


@pytest.mark.slow
def test_every_command_runs_and_the_truth_of_the_venue_is_that_of_the_journal(tmp_path):
    port = str(free_port())
    (tmp_path / "data").symlink_to(ROOT / "data")
    (tmp_path / "more.py").write_text(MORE)
    start = VENUE.removeprefix("$ exec-algos").replace("8700", port).replace("--speed 60", "--speed 300")
    venue = subprocess.Popen(["bash", "-c", f"exec {PROGRAM}{start}"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert "rehearsal venue at" in venue.stdout.readline()
        done = subprocess.run(
            ["bash", "-c", script_of(BLOCKS, port)], cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False
        )
    finally:
        venue.terminate()
        venue.communicate()
    said = done.stdout + done.stderr
    check_said(said)
    found = recorded(read(tmp_path / "day.db"))
    executions = json.loads((tmp_path / "truth.json").read_text())["executions"]
    truth = {ref: sum(each["quantity"] for each in executions if each["own_id"].startswith(f"{ref}.")) for ref in found.parents}
    assert {ref: parent.filled for ref, parent in found.parents.items()} == truth
    assert all(parent.done is not None for parent in found.parents.values()), said
    assert 0 < truth["A1"] <= 1200
    assert truth["A2"] < 480
    assert found.parents["A2"].done["reason"] == "cancelled by its owner"


def check_said(said):
    expected = (
        r"in use by process \d+ since .*; Ctrl-C there stops it", r"A1: BUY 1200 990010, twap.*; not over", r"stopped: SIGINT",
        r"3 parent orders not over: exec-algos live resume day.db goes on", r"A2: SELL 480 990020, .*; over",
        r"bad.csv: row 1, symbol '99001O'", r"bad.csv: row 3, end '2025-12-23 16:00\+09:00': (it is beyond the session|the window is over)",
        r"error: bad.csv: [23] of 3 rows cannot be worked, so nothing was sent",
    )  # fmt: skip
    assert [line for line in expected if not re.search(line, said)] == [], said
    assert "Traceback" not in said, said


def test_the_table_of_limits_is_that_of_the_code():
    assert f"| default in KRW | {CHILD['KRW'] / 1e6:g} million | {PARENTS * CHILD['KRW'] / 1e6:g} million |" in PAGE
    assert f"| default in USD | {CHILD['USD']:,.0f} | {PARENTS * CHILD['USD']:,.0f} |" in PAGE
